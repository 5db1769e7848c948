//! What gets worse: trends, thresholds ahead, changes, anomalies, and what stands apart from its peers, as a table and as
//! the series to draw; and how such findings would have come out. It does not know files.

mod backtest;
mod daily;
mod judge;
mod lives;
mod thresholds;
mod words;

use std::collections::BTreeMap;

use forewarn_features::number;
use forewarn_frames::output::DEGRADATIONS;
use forewarn_frames::time::{DAY, day_number, format_day};
use forewarn_frames::{Finding, Frames, History, Severity};
use forewarn_models::{ChangeKind, DailySeries, Side, time_to_threshold};
use polars::prelude::*;

use crate::evaluate::Point;
use crate::{EngineError, Progress, Settings};
pub(crate) use backtest::backtest;
use daily::Days;
pub(crate) use daily::{Shown, days_of};
use judge::{Found, HORIZON_DAYS, Judged, What, judge};
pub(crate) use lives::lives;
pub use thresholds::Threshold;
use thresholds::learn;
pub(crate) use thresholds::limits;

/// Series that are drawn.
const DRAWN: usize = 12;
/// Days of a series that are drawn, and the step ahead.
const DRAWN_DAYS: i32 = 180;
const AHEAD_STEP: usize = 7;
/// A change within so many days may be the reason.
const RELATED_DAYS: i32 = 2;
/// Separates asset and metric in the name of a drawn series.
const BETWEEN: char = '\u{1f}';

/// What gets worse tonight.
pub(crate) struct Degradations {
    /// `degradations`
    pub table: DataFrame,
    /// `plot_series` of the first of them.
    pub points: Vec<Point>,
    /// What the alarms cost.
    pub finding: Option<Finding>,
    /// What the first finding on a metric of an asset says, where it alone shows it.
    pub said: Said,
}

/// The first finding on a series, in words that follow a sentence on the metric.
#[derive(Debug, Default)]
pub(crate) struct Said(BTreeMap<(usize, String), String>);

impl Said {
    fn of(history: &History<'_>, found: &[Found]) -> Self {
        let mut out = BTreeMap::new();
        // Drifts, scatter and single days are in the reasons already, as slopes, deviations and shifts.
        let adds = |what: What| match what {
            What::Nears { .. } | What::Learned { .. } => true,
            What::Changed { kind, .. } => kind != ChangeKind::Spread,
            What::Trend { .. } | What::Unlike { .. } | What::UnlikePeers { .. } => false,
        };
        for f in found.iter().filter(|f| f.n_assets <= 1 && adds(f.what)) {
            let metric = history.metric_name(f.metric);
            out.entry((f.asset, metric.to_owned())).or_insert_with(|| {
                let text = words::say_of_it(f, metric);
                match f.what {
                    What::Nears { .. } | What::Learned { .. } => text,
                    _ => format!("{text} ({})", format_day(f.since)),
                }
            });
        }
        Self(out)
    }

    /// Of a metric of an asset.
    pub(crate) fn on(&self, asset: usize, metric: &str) -> Option<&str> {
        self.0.get(&(asset, metric.to_owned())).map(String::as_str)
    }
}

/// How many false alarms the search costs.
fn cost(history: &History<'_>, judged: &Judged) -> Finding {
    let a_month = judged.n_series as f64 * 30.0 / judged.one_in_days;
    let metrics: Vec<String> = (0..history.n_metrics()).map(|m| history.metric_name(m).to_owned()).collect();
    Finding {
        check: "anomaly_alarms".to_owned(),
        severity: Severity::Info,
        table: "telemetry".to_owned(),
        column: None,
        n_rows: judged.n_series as u64,
        sample: metrics.into_iter().take(3).collect(),
        message: format!(
            "{} series are watched for anomalies, each with one false alarm in {} days: about {} false alarms a month in all",
            number(judged.n_series as f64),
            number(judged.one_in_days.round()),
            number(a_month.max(0.1))
        ),
        hint: "nothing to do".to_owned(),
    }
}

/// Everything that gets worse at the end of the records; `probability` says how likely each asset is to fail.
pub(crate) fn degradations(
    frames: &Frames,
    settings: &Settings,
    probability: &BTreeMap<usize, f64>,
    progress: &dyn Progress,
) -> Result<Degradations, EngineError> {
    let history = frames.as_of(frames.end());
    if history.n_metrics() == 0 {
        return Ok(Degradations {
            table: DEGRADATIONS.empty(),
            points: Vec::new(),
            finding: None,
            said: Said::default(),
        });
    }
    let learned = learn(frames, frames.end(), settings.seed)?;
    let judged = judge(&history, settings, &learned, progress)?;
    let finding = Some(cost(&history, &judged));
    let mut found = judged.found;
    let risk = |f: &Found| probability.get(&f.asset).copied().unwrap_or(0.0);
    sort(&mut found, &risk);
    let points = points(&history, &found)?;
    let said = Said::of(&history, &found);
    Ok(Degradations { table: table(&history, &found)?, points, finding, said })
}

/// What matters first: thresholds by how soon they are crossed, then what many assets show, then by risk and by score.
fn sort(found: &mut [Found], risk: &dyn Fn(&Found) -> f64) {
    let soon = |f: &Found| f.eta[1].unwrap_or(f64::INFINITY);
    found.sort_by(|a, b| {
        soon(a)
            .total_cmp(&soon(b))
            .then(b.n_assets.cmp(&a.n_assets))
            .then(risk(b).total_cmp(&risk(a)))
            .then(b.score.total_cmp(&a.score))
            .then((a.asset, a.metric, a.since, a.what.kind()).cmp(&(
                b.asset,
                b.metric,
                b.since,
                b.what.kind(),
            )))
    });
}

/// A change or patch of the asset near a day, in words.
fn related(history: &History<'_>, f: &Found) -> Option<String> {
    let events = history.events(f.asset);
    let near = events.filter(|e| (day_number(e.at) - f.since).abs() <= RELATED_DAYS);
    let nearest = near.min_by_key(|e| ((day_number(e.at) - f.since).abs(), e.at))?;
    let words: Vec<&str> = [nearest.kind, nearest.component, nearest.code]
        .into_iter()
        .flatten()
        .map(|c| history.word(c))
        .collect();
    Some(words.join(" "))
}

fn table(history: &History<'_>, found: &[Found]) -> Result<DataFrame, EngineError> {
    let number = |name: &str, f: &dyn Fn(&Found) -> Option<f64>| {
        let v: Vec<Option<f64>> = found.iter().map(|x| f(x).filter(|v| v.is_finite())).collect();
        Column::new(name.into(), v)
    };
    let text = |name: &str, f: &dyn Fn(&Found) -> Option<String>| {
        Column::new(name.into(), found.iter().map(f).collect::<Vec<_>>())
    };
    let since: Vec<i64> = found.iter().map(|f| i64::from(f.since) * DAY).collect();
    let metric = |f: &Found| history.metric_name(f.metric);
    let df = DataFrame::new(
        found.len(),
        vec![
            text("asset_id", &|f| Some(history.asset_id(f.asset).to_owned())),
            text("metric", &|f| Some(metric(f).to_owned())),
            text("kind", &|f| Some(f.what.kind().to_owned())),
            Column::new("since".into(), since).cast(&DataType::Datetime(TimeUnit::Microseconds, None))?,
            number("value", &|f| Some(f.value)),
            number("threshold", &|f| f.threshold),
            number("eta_days", &|f| f.eta[1]),
            number("eta_low", &|f| f.eta[0]),
            number("eta_high", &|f| f.eta[2]),
            number("score", &|f| Some(f.score)),
            text("text", &|f| Some(words::say(f, metric(f)))),
            number("expected", &|f| f.expected),
            number("slope_per_day", &|f| f.slope_per_day),
            text("related", &|f| related(history, f)),
            Column::new("n_assets".into(), found.iter().map(|f| f.n_assets).collect::<Vec<_>>()),
        ],
    )?;
    debug_assert_eq!(DEGRADATIONS.check(&df), Ok(()));
    Ok(df)
}

/// The series of the first findings, and where those with a threshold go.
fn points(history: &History<'_>, found: &[Found]) -> Result<Vec<Point>, EngineError> {
    let mut seen: Vec<(usize, usize)> = Vec::new();
    let mut out = Vec::new();
    for f in found {
        if seen.len() == DRAWN {
            break;
        }
        if seen.contains(&(f.asset, f.metric)) {
            continue;
        }
        seen.push((f.asset, f.metric));
        let name = format!("{}{BETWEEN}{}", history.asset_id(f.asset), history.metric_name(f.metric));
        let shown = if f.rise { Shown::Rise } else { Shown::Level };
        let days = Days::of(history, f.metric, &[f.asset], shown);
        let values = &days.values[f.asset];
        let until = history.cutoff().day();
        for (i, v) in values.iter().enumerate().filter(|(_, v)| !v.is_nan()) {
            let day = days.first + i as i32;
            if day >= until - DRAWN_DAYS {
                out.push(("degradation", name.clone(), f64::from(day), *v, None));
            }
        }
        let What::Nears { side } = f.what else { continue };
        let Some(limit) = f.threshold.filter(|_| f.eta[1] != Some(0.0)) else { continue };
        let series =
            DailySeries::of_days(f64::from(days.first), values.clone()).map_err(EngineError::model)?;
        out.extend(
            ahead(&series, f.value, (limit, side), until)?
                .into_iter()
                .map(|(day, y, band)| ("degradation_ahead", name.clone(), day, y, Some(band))),
        );
    }
    Ok(out)
}

/// A day, and the level by then: as likely as not, and within what.
type Ahead = (f64, f64, (f64, f64));

/// Where the level will be: by day, the levels that it will have passed with probability one half, and one in ten and nine
/// in ten.
fn ahead(
    series: &DailySeries,
    now: f64,
    (limit, side): (f64, Side),
    until: i32,
) -> Result<Vec<Ahead>, EngineError> {
    const LEVELS: usize = 12;
    // When levels between now and the threshold are crossed says where the level is by when.
    let step = (limit - now) / LEVELS as f64;
    let mut crossings = Vec::new();
    for k in 1..=LEVELS {
        let at = now + step * k as f64;
        let found = time_to_threshold(series, at, side, HORIZON_DAYS).map_err(EngineError::model)?;
        crossings.extend(found.map(|c| (at, [c.low_days, c.median_days, c.high_days])));
    }
    let mut out = vec![(f64::from(until), now, (now, now))];
    for day in (AHEAD_STEP..=HORIZON_DAYS as usize / 2).step_by(AHEAD_STEP) {
        let reached = |k: usize| {
            let passed = crossings.iter().filter(|c| c.1[k].is_some_and(|d| d <= day as f64));
            passed.map(|c| c.0).next_back().unwrap_or(now)
        };
        let (fast, middle, slow) = (reached(0), reached(1), reached(2));
        out.push((f64::from(until + day as i32), middle, (fast.min(slow), fast.max(slow))));
    }
    Ok(out)
}
