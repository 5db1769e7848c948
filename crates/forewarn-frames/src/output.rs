//! The output tables of a run: their names, columns, types and units. It does not know how a number came about, nor how
//! it is shown.
//!
//! Each table is a [`TableSchema`]; [`TableSchema::check`] says whether a `DataFrame` is that table. `ranking` has a row
//! type of its own, because its lists of reasons and modes are built row by row.

mod decide;
mod findings;
mod tables;

use polars::prelude::*;

pub use decide::*;
pub use findings::findings_frame;
pub use tables::*;

use crate::finding::Finding;
use crate::time::Micros;

/// The version of all output schemas together, written into every Parquet file's metadata and the manifest.
pub const SCHEMA_VERSION: u32 = 1;

/// What an output column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutKind {
    /// UTF-8 text.
    Text,
    /// `Float64`.
    Number,
    /// `Int64`.
    Whole,
    /// `Boolean`.
    Flag,
    /// UTC microseconds.
    Time,
    /// A list of `{mode: text, probability: number}`.
    Modes,
    /// A list of `{feature: text, value: number, unit: text, contribution: number, text: text}`.
    Reasons,
    /// A list of text.
    Texts,
}

impl OutKind {
    /// The Polars type of a column of this kind.
    #[must_use]
    pub fn dtype(self) -> DataType {
        let text = |n: &str| Field::new(n.into(), DataType::String);
        let number = |n: &str| Field::new(n.into(), DataType::Float64);
        match self {
            Self::Text => DataType::String,
            Self::Number => DataType::Float64,
            Self::Whole => DataType::Int64,
            Self::Flag => DataType::Boolean,
            Self::Time => DataType::Datetime(TimeUnit::Microseconds, None),
            Self::Modes => {
                DataType::List(Box::new(DataType::Struct(vec![text("mode"), number("probability")])))
            }
            Self::Reasons => DataType::List(Box::new(DataType::Struct(vec![
                text("feature"),
                number("value"),
                text("unit"),
                number("contribution"),
                text("text"),
            ]))),
            Self::Texts => DataType::List(Box::new(DataType::String)),
        }
    }
}

/// One output table.
#[derive(Debug, Clone, Copy)]
pub struct TableSchema {
    /// The file's stem, e.g. `ranking`.
    pub name: &'static str,
    /// Its columns in order: name, kind, meaning with unit.
    pub columns: &'static [(&'static str, OutKind, &'static str)],
}

/// A table that is not what its schema says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("table `{table}`: found columns {found}, expected {expected}")]
pub struct SchemaError {
    /// The table.
    pub table: &'static str,
    /// The columns and types as found.
    pub found: String,
    /// The columns and types as the schema says.
    pub expected: String,
}

impl TableSchema {
    /// Whether `df` has exactly these columns, in order and type.
    ///
    /// # Errors
    ///
    /// It has not; the error shows both sides.
    pub fn check(&self, df: &DataFrame) -> Result<(), SchemaError> {
        let found: Vec<(String, DataType)> =
            df.columns().iter().map(|c| (c.name().to_string(), c.dtype().clone())).collect();
        let expected: Vec<(String, DataType)> =
            self.columns.iter().map(|(n, k, _)| ((*n).to_owned(), k.dtype())).collect();
        if found == expected {
            return Ok(());
        }
        let show = |v: &[(String, DataType)]| {
            v.iter().map(|(n, d)| format!("{n}: {d}")).collect::<Vec<_>>().join(", ")
        };
        Err(SchemaError { table: self.name, found: show(&found), expected: show(&expected) })
    }

    /// A table of no rows.
    #[must_use]
    pub fn empty(&self) -> DataFrame {
        let columns =
            self.columns.iter().map(|(n, k, _)| Column::new_empty((*n).into(), &k.dtype())).collect();
        DataFrame::new(0, columns).unwrap_or_default()
    }
}

/// Whether an asset could be scored by its own data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// By its own data.
    Scored,
    /// Too little exposure: its cohort's prior, with a wide interval.
    Unknown,
}

impl Status {
    /// `scored` or `unknown`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Scored => "scored",
            Self::Unknown => "unknown",
        }
    }
}

/// One reason for a probability.
#[derive(Debug, Clone, PartialEq)]
pub struct Reason {
    /// The feature of the catalog, or `base`.
    pub feature: String,
    /// Its value; `None` where it is missing or not a number.
    pub value: Option<f64>,
    /// Its unit.
    pub unit: String,
    /// Its contribution in log-odds of the uncalibrated blend.
    pub contribution: f64,
    /// In words.
    pub text: String,
}

/// One row of `ranking`; see [`RANKING`] for the columns.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "each field is the column of the same name in RANKING, documented there")]
pub struct RankingRow {
    pub rank: u32,
    pub asset_id: String,
    pub kind: Option<String>,
    pub model: Option<String>,
    pub site: Option<String>,
    pub horizon_days: i32,
    pub probability: f64,
    pub probability_low: f64,
    pub probability_high: f64,
    pub status: Status,
    pub failure_mode: Option<String>,
    pub remaining_life_days: Option<f64>,
    pub remaining_life_low: Option<f64>,
    pub remaining_life_high: Option<f64>,
    pub expected_cost: Option<f64>,
    pub expected_saving: Option<f64>,
    pub action: Option<String>,
    pub modes: Vec<(String, f64)>,
    pub reasons: Vec<Reason>,
    pub previous_rank: Option<u32>,
    pub move_reason: Option<String>,
    pub owner: Option<String>,
    pub criticality: Option<u32>,
    pub warranty_ends_at: Option<Micros>,
    pub break_even: Option<f64>,
    pub effectiveness: Option<f64>,
    pub effectiveness_from: Option<String>,
    pub action_reason: Option<String>,
    pub feedback: Option<String>,
}

/// A list column from one flat struct column and the length of each row's list.
fn lists(name: &str, flat: &StructChunked, lengths: &[usize], kind: OutKind) -> PolarsResult<Column> {
    let flat = flat.clone().into_series();
    let mut at = 0;
    let rows: Vec<Series> = lengths
        .iter()
        .map(|n| {
            at += n;
            flat.slice((at - n) as i64, *n)
        })
        .collect();
    if rows.is_empty() {
        Ok(Column::new_empty(name.into(), &kind.dtype()))
    } else {
        Series::new(name.into(), rows).cast(&kind.dtype()).map(Column::from)
    }
}

/// The `ranking` table of these rows.
///
/// # Errors
///
/// Polars refuses a column, which would be a bug here.
pub fn ranking_frame(rows: &[RankingRow]) -> PolarsResult<DataFrame> {
    let n = rows.len();
    let text = |name: &str, f: &dyn Fn(&RankingRow) -> Option<&str>| {
        Column::new(name.into(), rows.iter().map(f).collect::<Vec<_>>())
    };
    let number = |name: &str, f: &dyn Fn(&RankingRow) -> Option<f64>| {
        Column::new(name.into(), rows.iter().map(f).collect::<Vec<_>>())
    };
    let whole = |name: &str, f: &dyn Fn(&RankingRow) -> Option<i64>| {
        Column::new(name.into(), rows.iter().map(f).collect::<Vec<_>>())
    };
    let modes: Vec<&(String, f64)> = rows.iter().flat_map(|r| &r.modes).collect();
    let mode_fields = [
        Series::new("mode".into(), modes.iter().map(|m| m.0.as_str()).collect::<Vec<_>>()),
        Series::new("probability".into(), modes.iter().map(|m| m.1).collect::<Vec<_>>()),
    ];
    let reasons: Vec<&Reason> = rows.iter().flat_map(|r| &r.reasons).collect();
    let reason_fields = [
        Series::new("feature".into(), reasons.iter().map(|r| r.feature.as_str()).collect::<Vec<_>>()),
        Series::new("value".into(), reasons.iter().map(|r| r.value).collect::<Vec<_>>()),
        Series::new("unit".into(), reasons.iter().map(|r| r.unit.as_str()).collect::<Vec<_>>()),
        Series::new("contribution".into(), reasons.iter().map(|r| r.contribution).collect::<Vec<_>>()),
        Series::new("text".into(), reasons.iter().map(|r| r.text.as_str()).collect::<Vec<_>>()),
    ];
    let df = DataFrame::new(
        n,
        vec![
            whole("rank", &|r| Some(i64::from(r.rank))),
            text("asset_id", &|r| Some(&r.asset_id)),
            text("kind", &|r| r.kind.as_deref()),
            text("model", &|r| r.model.as_deref()),
            text("site", &|r| r.site.as_deref()),
            whole("horizon_days", &|r| Some(i64::from(r.horizon_days))),
            number("probability", &|r| Some(r.probability)),
            number("probability_low", &|r| Some(r.probability_low)),
            number("probability_high", &|r| Some(r.probability_high)),
            text("status", &|r| Some(r.status.name())),
            text("failure_mode", &|r| r.failure_mode.as_deref()),
            number("remaining_life_days", &|r| r.remaining_life_days),
            number("remaining_life_low", &|r| r.remaining_life_low),
            number("remaining_life_high", &|r| r.remaining_life_high),
            number("expected_cost", &|r| r.expected_cost),
            number("expected_saving", &|r| r.expected_saving),
            text("action", &|r| r.action.as_deref()),
            lists(
                "modes",
                &StructChunked::from_series("".into(), modes.len(), mode_fields.iter())?,
                &rows.iter().map(|r| r.modes.len()).collect::<Vec<_>>(),
                OutKind::Modes,
            )?,
            lists(
                "reasons",
                &StructChunked::from_series("".into(), reasons.len(), reason_fields.iter())?,
                &rows.iter().map(|r| r.reasons.len()).collect::<Vec<_>>(),
                OutKind::Reasons,
            )?,
            whole("previous_rank", &|r| r.previous_rank.map(i64::from)),
            text("move_reason", &|r| r.move_reason.as_deref()),
            text("owner", &|r| r.owner.as_deref()),
            whole("criticality", &|r| r.criticality.map(i64::from)),
            whole("warranty_ends_at", &|r| r.warranty_ends_at).cast(&OutKind::Time.dtype())?,
            number("break_even", &|r| r.break_even),
            number("effectiveness", &|r| r.effectiveness),
            text("effectiveness_from", &|r| r.effectiveness_from.as_deref()),
            text("action_reason", &|r| r.action_reason.as_deref()),
            text("feedback", &|r| r.feedback.as_deref()),
        ],
    )?;
    debug_assert_eq!(RANKING.check(&df), Ok(()));
    Ok(df)
}

/// What the report says about the run as a whole; kept in the manifest, so that a report can be rendered again.
///
/// The default is a run that saw nothing.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RunFacts {
    /// Where observation ends, `2025-12-31`.
    pub as_of: String,
    /// The horizon the ranking is by, days.
    pub rank_by_days: i32,
    /// How many assets the list of one period holds, and the period in days.
    pub capacity_visits: u32,
    /// Days for which the capacity is stated.
    pub capacity_per_days: u32,
    /// Assets scored.
    pub n_assets: u64,
    /// Of these, with status `unknown`.
    pub n_unknown: u64,
    /// Failures that counted.
    pub n_failures: u64,
    /// Tickets, readings and events read.
    pub n_tickets: u64,
    /// Readings (rows of telemetry) read.
    pub n_readings: u64,
    /// Events read.
    pub n_events: u64,
    /// The model that made the ranking.
    pub chosen_model: String,
    /// Why it was chosen, in one sentence.
    pub chosen_because: String,
    /// The strongest dumb baseline.
    pub baseline_model: String,
    /// Whether anything beat the dumb baseline.
    pub beats_baseline: bool,
    /// First and last cutoff of the backtest, and how many there were.
    pub backtest_from: Option<String>,
    /// See `backtest_from`.
    pub backtest_to: Option<String>,
    /// See `backtest_from`.
    pub backtest_cutoffs: u64,
    /// When the model was trained, `2025-12-01`.
    pub trained_as_of: String,
    /// The time zone in which the sources' naive times were read.
    pub time_zone: String,
    /// The tool's version.
    pub version: String,
    /// What the ranking is ordered by: `expected_saving`, or `probability` where costs are missing.
    pub ranked_by: String,
    /// The currency of all amounts; `None` where no costs are given.
    pub currency: Option<String>,
    /// What an hour of downtime, a visit and a repair cost, as given.
    pub cost_downtime_hour: Option<f64>,
    /// See `cost_downtime_hour`.
    pub cost_visit: Option<f64>,
    /// See `cost_downtime_hour`.
    pub cost_repair: Option<f64>,
    /// Failures within `rank_by_days` expected on the list of one period, from how lists of that length fared in the
    /// backtest, with the 80 % interval; `None` without a backtest.
    pub caught: Option<f64>,
    /// See `caught`.
    pub caught_low: Option<f64>,
    /// See `caught`.
    pub caught_high: Option<f64>,
    /// The same of all ranked assets.
    pub expected_failures: Option<f64>,
    /// See `expected_failures`.
    pub expected_failures_low: Option<f64>,
    /// See `expected_failures`.
    pub expected_failures_high: Option<f64>,
    /// Where a ticket can be read, `{id}` standing for its id; `None` where the config does not say.
    pub ticket_url: Option<String>,
}

/// Everything the report is rendered from, by itself enough to render it again.
#[derive(Debug, Clone)]
pub struct RunTables {
    /// See [`RANKING`].
    pub ranking: DataFrame,
    /// See [`PLAN`].
    pub plan: DataFrame,
    /// See [`ORDERS`].
    pub orders: DataFrame,
    /// See [`RISK`].
    pub risk: DataFrame,
    /// See [`LABELS`].
    pub labels: DataFrame,
    /// See [`CALIBRATION`].
    pub calibration: DataFrame,
    /// See [`METRICS`].
    pub metrics: DataFrame,
    /// See [`PLOT_SERIES`].
    pub plot_series: DataFrame,
    /// See [`RECURRENCES`].
    pub recurrences: DataFrame,
    /// See [`MEASURES`].
    pub measures: DataFrame,
    /// See [`DEGRADATIONS`].
    pub degradations: DataFrame,
    /// See [`FORECASTS`].
    pub forecasts: DataFrame,
    /// See [`WORKLOAD`].
    pub workload: DataFrame,
    /// See [`PROBLEMS`].
    pub problems: DataFrame,
    /// See [`EXPOSURE`].
    pub exposure: DataFrame,
    /// See [`SERVICE`].
    pub service: DataFrame,
    /// See [`TRACK_RECORD`].
    pub track_record: DataFrame,
    /// See [`LISTED`].
    pub listed: DataFrame,
    /// See [`DRIFT`].
    pub drift: DataFrame,
    /// See [`CARDS`].
    pub cards: DataFrame,
    /// What the checks found.
    pub findings: Vec<Finding>,
    /// The run as a whole.
    pub facts: RunFacts,
}

impl RunTables {
    /// A run whose tables hold nothing.
    #[must_use]
    pub fn empty(facts: RunFacts) -> Self {
        Self {
            ranking: RANKING.empty(),
            plan: PLAN.empty(),
            orders: ORDERS.empty(),
            risk: RISK.empty(),
            labels: LABELS.empty(),
            calibration: CALIBRATION.empty(),
            metrics: METRICS.empty(),
            plot_series: PLOT_SERIES.empty(),
            recurrences: RECURRENCES.empty(),
            measures: MEASURES.empty(),
            degradations: DEGRADATIONS.empty(),
            forecasts: FORECASTS.empty(),
            workload: WORKLOAD.empty(),
            problems: PROBLEMS.empty(),
            exposure: EXPOSURE.empty(),
            service: SERVICE.empty(),
            track_record: TRACK_RECORD.empty(),
            listed: LISTED.empty(),
            drift: DRIFT.empty(),
            cards: CARDS.empty(),
            findings: Vec::new(),
            facts,
        }
    }

    /// Every table with its schema, in a fixed order.
    #[must_use]
    pub fn all(&self) -> [(&'static TableSchema, &DataFrame); 20] {
        [
            (&RANKING, &self.ranking),
            (&PLAN, &self.plan),
            (&ORDERS, &self.orders),
            (&RISK, &self.risk),
            (&LABELS, &self.labels),
            (&CALIBRATION, &self.calibration),
            (&METRICS, &self.metrics),
            (&PLOT_SERIES, &self.plot_series),
            (&RECURRENCES, &self.recurrences),
            (&MEASURES, &self.measures),
            (&DEGRADATIONS, &self.degradations),
            (&FORECASTS, &self.forecasts),
            (&WORKLOAD, &self.workload),
            (&PROBLEMS, &self.problems),
            (&EXPOSURE, &self.exposure),
            (&SERVICE, &self.service),
            (&TRACK_RECORD, &self.track_record),
            (&LISTED, &self.listed),
            (&DRIFT, &self.drift),
            (&CARDS, &self.cards),
        ]
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn a_ranking_goes_round() {
        let row = RankingRow {
            rank: 1,
            asset_id: "a".into(),
            kind: None,
            model: Some("m".into()),
            site: None,
            horizon_days: 30,
            probability: 0.5,
            probability_low: 0.4,
            probability_high: 0.6,
            status: Status::Scored,
            failure_mode: None,
            remaining_life_days: None,
            remaining_life_low: None,
            remaining_life_high: None,
            expected_cost: None,
            expected_saving: None,
            action: None,
            modes: vec![],
            reasons: vec![
                Reason {
                    feature: "base".into(),
                    value: None,
                    unit: String::new(),
                    contribution: -3.0,
                    text: "usual".into(),
                },
                Reason {
                    feature: "x".into(),
                    value: Some(1.0),
                    unit: "days".into(),
                    contribution: 2.0,
                    text: "x".into(),
                },
            ],
            previous_rank: None,
            move_reason: None,
            owner: Some("o".into()),
            criticality: Some(1),
            warranty_ends_at: Some(0),
            break_even: None,
            effectiveness: None,
            effectiveness_from: None,
            action_reason: None,
            feedback: None,
        };
        let df = ranking_frame(&[row.clone(), RankingRow { rank: 2, reasons: vec![], ..row }]).unwrap();
        RANKING.check(&df).unwrap();
        assert_eq!(df.column("reasons").unwrap().list().unwrap().get_as_series(0).unwrap().len(), 2);
        RANKING.check(&ranking_frame(&[]).unwrap()).unwrap();
        RANKING.check(&RANKING.empty()).unwrap();
        assert!(RISK.check(&df).unwrap_err().to_string().starts_with("table `risk`"));
    }
}
