//! What would have been flagged at past cutoffs, and what came: failures, and thresholds that were crossed. It does not know
//! how findings are made.

use std::collections::BTreeMap;

use forewarn_frames::output::DEGRADATION;
use forewarn_frames::time::{DAY, Micros};
use forewarn_frames::{Cutoff, Frames, History, Horizon};
use forewarn_models::Side;
use polars::prelude::*;

use super::judge::{Found, HORIZON_DAYS, What, judge, middle};
use super::thresholds::{Learned, SOON_DAYS, learn};
use crate::evaluate::{MetricRow, metric_table};
use crate::{BacktestPlan, DegradationBacktest, EngineError, Progress, Settings};

/// Days of a level: a burst of a night crosses nothing.
const LEVEL_DAYS: usize = 3;

/// What came of a finding.
struct Row {
    cutoff: Micros,
    asset: usize,
    metric: usize,
    kind: &'static str,
    score: f64,
    eta: [Option<f64>; 3],
    outcome_days: Option<f64>,
    crossed_days: Option<f64>,
    watched_days: f64,
}

/// The first day from the cutoff on when the level of three days lies beyond the threshold, in days after the cutoff.
fn crossed(end: &History<'_>, f: &Found, cutoff: Cutoff) -> Option<f64> {
    let (What::Nears { side }, Some(limit)) = (f.what, f.threshold) else { return None };
    let series = end.series(f.asset, f.metric);
    let level = if series.on_change() { series.last() } else { series.mean() };
    let from = series.day().partition_point(|d| *d < cutoff.day());
    (from..series.len()).find_map(|i| {
        // As the course is read: by the median of its last days.
        let now = middle(&level[(i + 1).saturating_sub(LEVEL_DAYS)..=i]);
        let beyond = if side == Side::Above { now >= limit } else { now <= limit };
        beyond.then(|| f64::from(series.day()[i] - cutoff.day()))
    })
}

/// See [`crate::backtest_degradation`].
pub(crate) fn backtest(
    frames: &Frames,
    settings: &Settings,
    plan: &BacktestPlan,
    progress: &dyn Progress,
) -> Result<DegradationBacktest, EngineError> {
    let cutoffs: Vec<Cutoff> =
        plan.every.span(plan.from, plan.to).into_iter().filter(|c| *c <= frames.end()).collect();
    let end = frames.as_of(frames.end());
    if cutoffs.is_empty() || end.n_metrics() == 0 {
        return Err(EngineError::TooLittle {
            found: if cutoffs.is_empty() {
                format!("no cutoff from {} to {} lies before {}", plan.from, plan.to, frames.end())
            } else {
                "no telemetry".into()
            },
            hint: "give an earlier `--from` and `--to`, and map telemetry".into(),
        });
    }
    let mut rows: Vec<Row> = Vec::new();
    let mut learned: Vec<Learned> = Vec::new();
    let (mut n_watched, mut failing) = (0.0, 0.0);
    let soon = f64::from(SOON_DAYS);
    for (i, &cutoff) in cutoffs.iter().enumerate() {
        progress.step("backtest", i, cutoffs.len());
        let due = plan.refit.due(i);
        if due {
            learned = learn(frames, cutoff, settings.seed)?;
        }
        let history = frames.as_of(cutoff);
        let longest = (frames.end().day() - cutoff.day()).clamp(1, HORIZON_DAYS as i32);
        let horizon = Horizon::days(i64::from(longest)).map_err(|e| EngineError::Model(e.to_string()))?;
        let outcomes = frames.outcomes(cutoff, horizon);
        let days_to =
            |a: usize| outcomes.first_failure_at(a).map(|t| (t - cutoff.micros()) as f64 / DAY as f64);
        let watched = |a: usize| {
            let left = end.retired_at(a).unwrap_or(Micros::MAX).min(frames.end().micros());
            ((left - cutoff.micros()) as f64 / DAY as f64).max(0.0)
        };
        for a in history.population() {
            let fails = days_to(a).is_some_and(|d| d < soon);
            if fails || watched(a) >= soon {
                n_watched += 1.0;
                failing += f64::from(u8::from(fails));
            }
        }
        for f in judge(&history, settings, &learned, progress)?.found {
            rows.push(Row {
                cutoff: cutoff.micros(),
                asset: f.asset,
                metric: f.metric,
                kind: f.what.kind(),
                score: f.score,
                eta: f.eta,
                outcome_days: days_to(f.asset),
                crossed_days: crossed(&end, &f, cutoff),
                watched_days: watched(f.asset),
            });
        }
    }
    progress.step("backtest", cutoffs.len(), cutoffs.len());
    let metrics = metrics(&rows, (n_watched, failing))?;
    let number = |name: &str, f: &dyn Fn(&Row) -> Option<f64>| {
        Column::new(name.into(), rows.iter().map(|r| f(r).filter(|v| v.is_finite())).collect::<Vec<_>>())
    };
    let degradation = DataFrame::new(
        rows.len(),
        vec![
            Column::new("cutoff".into(), rows.iter().map(|r| r.cutoff).collect::<Vec<_>>())
                .cast(&DataType::Datetime(TimeUnit::Microseconds, None))?,
            Column::new("asset_id".into(), rows.iter().map(|r| end.asset_id(r.asset)).collect::<Vec<_>>()),
            Column::new("metric".into(), rows.iter().map(|r| end.metric_name(r.metric)).collect::<Vec<_>>()),
            Column::new("kind".into(), rows.iter().map(|r| r.kind).collect::<Vec<_>>()),
            number("score", &|r| Some(r.score)),
            number("eta_days", &|r| r.eta[1]),
            number("eta_low", &|r| r.eta[0]),
            number("eta_high", &|r| r.eta[2]),
            number("outcome_days", &|r| r.outcome_days),
            number("crossed_days", &|r| r.crossed_days),
            number("watched_days", &|r| Some(r.watched_days)),
        ],
    )?;
    debug_assert_eq!(DEGRADATION.check(&degradation), Ok(()));
    Ok(DegradationBacktest { degradation, metrics })
}

/// A name, and which rows bear it.
type Wanted<'a> = (&'a str, &'a dyn Fn(&Row) -> bool);

/// Of the flags of each kind and of those beyond a threshold, told or learned: how many assets failed soon, how much more often than usual,
/// what share of the failing ones was flagged, how many days before, and what a month of an asset costs in false alarms; and
/// how often the interval of the days to a threshold held them.
fn metrics(rows: &[Row], (n_watched, n_failing): (f64, f64)) -> Result<DataFrame, EngineError> {
    let soon = f64::from(SOON_DAYS);
    let horizon = i64::from(SOON_DAYS);
    let mut out: Vec<MetricRow> = Vec::new();
    let usual = n_failing / f64::max(n_watched, 1.0);
    let beyond = |r: &Row| r.eta == [Some(0.0); 3];
    let groups: [Wanted<'_>; 6] = [
        ("any", &|_| true),
        ("beyond a threshold", &beyond),
        ("trend", &|r| r.kind == "trend" && !beyond(r)),
        ("change_point", &|r| r.kind == "change_point"),
        ("anomaly", &|r| r.kind == "anomaly"),
        ("peer", &|r| r.kind == "peer"),
    ];
    for (name, wanted) in groups {
        // An asset that is flagged for several reasons is flagged once.
        let mut flagged: BTreeMap<(Micros, usize), Option<f64>> = BTreeMap::new();
        for r in rows.iter().filter(|r| wanted(r)) {
            if r.watched_days >= soon || r.outcome_days.is_some_and(|d| d < soon) {
                flagged.insert((r.cutoff, r.asset), r.outcome_days.filter(|d| *d < soon));
            }
        }
        if flagged.is_empty() {
            continue;
        }
        let n = flagged.len() as f64;
        let mut leads: Vec<f64> = flagged.values().copied().flatten().collect();
        let hits = leads.len() as f64;
        leads.sort_by(f64::total_cmp);
        let mut row = |metric: &str, value: Option<f64>| {
            out.push(MetricRow::chosen(name, horizon, metric, value));
        };
        row("n_flagged", Some(n));
        row("hit_rate", Some(hits / n));
        row("lift", (usual > 0.0).then(|| hits / n / usual));
        row("recall", (n_failing > 0.0).then(|| hits / n_failing));
        row("lead_days_median", leads.get(leads.len() / 2).copied());
        // A flag that does not come true costs one false alarm; an asset is watched a month for each cutoff.
        row("false_alarms_per_100_asset_months", Some(100.0 * (n - hits) / f64::max(n_watched, 1.0)));
    }
    // The interval of the days to a threshold that is still ahead; what did not cross while it was watched is censored.
    let ahead: Vec<&Row> = rows
        .iter()
        .filter(|r| r.eta[0].is_some_and(|d| d > 0.0))
        .filter(|r| r.watched_days >= HORIZON_DAYS || r.crossed_days.is_some())
        .collect();
    if !ahead.is_empty() {
        let days = |r: &Row| r.crossed_days.filter(|d| *d <= HORIZON_DAYS).unwrap_or(f64::INFINITY);
        let holds = |r: &&&Row| {
            let (low, high) = (r.eta[0].unwrap_or(f64::INFINITY), r.eta[2].unwrap_or(f64::INFINITY));
            (low..=high).contains(&days(r)) || (days(r).is_infinite() && high.is_infinite())
        };
        let held = ahead.iter().filter(holds).count() as f64 / ahead.len() as f64;
        out.push(MetricRow::chosen("thresholds ahead", horizon, "n_flagged", Some(ahead.len() as f64)));
        out.push(MetricRow::chosen("thresholds ahead", horizon, "interval_coverage", Some(held)));
    }
    metric_table(&out)
}
