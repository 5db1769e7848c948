//! What measures did: incidents, failures and telemetry of the assets that a change, patch, visit or replacement touched,
//! before and after, against like assets that it did not touch in the same days. It does not know why a measure was taken.

mod counted;
mod effects;
mod levels;
mod occasions;
mod telemetry;

use forewarn_frames::output::MEASURES;
use forewarn_frames::{Frames, History, Horizon};
use forewarn_models::benjamini_hochberg;
use polars::prelude::*;
use rayon::prelude::*;

use crate::degradation::{Threshold, limits};
use crate::incidents::{Incidents, days};
use crate::recurrence::FALSE_DISCOVERY;
use crate::{EngineError, Settings};
use counted::Counting;
pub(crate) use effects::{Effect, effects};
use levels::Levels;
use occasions::Measure;
pub(crate) use occasions::NO_MEASURES;
use telemetry::{CLEAR_DAYS, Judge, groups};

/// Days before and after that are compared.
const WINDOW: f64 = 60.0;
/// Untouched assets that a match needs.
const MIN_MATCHED: usize = 3;
/// Touched assets that a verdict needs.
const MIN_TOUCHED: usize = 5;
/// Failures that are looked at for what comes before them, at most.
const MAX_FAILURES: f64 = 400.0;
/// Of assets about to fail, those that stand above or below their like and tell which side is bad: so many, and their
/// shares apart by so many standard errors (one chance in ten thousand).
const MIN_BEFORE_FAILURE: usize = 20;
const APART: f64 = 3.9;

/// The outcomes that are counted, as the table names them; every other outcome is a metric's name.
const INCIDENTS: &str = "incidents";
const FAILURES: &str = "failures";

const HURT: &str = "hurt";
const HELPED: &str = "helped";
const CHANGED: &str = "changed";
const NO_EFFECT: &str = "no effect seen";
const TOO_LITTLE: &str = "too little data";

/// What measures are judged by.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    /// Levels of metrics that matter.
    pub thresholds: &'a [Threshold],
    /// Failures within so long after count.
    pub rank_by: Horizon,
    /// Of the samples that are drawn where there is much.
    pub seed: u64,
}

impl<'a> From<&'a Settings> for Asked<'a> {
    fn from(s: &'a Settings) -> Self {
        Self { thresholds: &s.thresholds, rank_by: s.risk.rank_by, seed: s.seed }
    }
}

/// What touched assets showed after, against what like assets say they would have.
#[derive(Debug, Clone, Copy)]
struct Change {
    after: f64,
    expected: f64,
    /// Whether `value` is a ratio; else it is a difference.
    relative: bool,
    value: f64,
    low: f64,
    high: f64,
    p_value: f64,
}

/// What one measure did to one outcome.
#[derive(Debug, Clone, Copy)]
struct Judged {
    n_assets: usize,
    before: Option<f64>,
    /// `None` where there is too little data.
    change: Option<Change>,
}

/// A row of the table.
struct Row<'a> {
    measure: &'a Measure<'a>,
    outcome: &'a str,
    unit: &'static str,
    judged: Judged,
    /// Whether more is worse, where it is known.
    more_is_bad: Option<bool>,
    q: f64,
}

impl Row<'_> {
    fn verdict(&self) -> &'static str {
        match (self.judged.change, self.more_is_bad) {
            (None, _) => TOO_LITTLE,
            (Some(_), _) if self.q.is_nan() || self.q > FALSE_DISCOVERY => NO_EFFECT,
            (Some(_), None) => CHANGED,
            (Some(c), Some(bad)) => {
                let more = c.value > if c.relative { 1.0 } else { 0.0 };
                if more == bad { HURT } else { HELPED }
            }
        }
    }

    fn is_counted(&self) -> bool {
        [INCIDENTS, FAILURES].contains(&self.outcome)
    }

    /// Incidents, then failures, then metrics; in each what hurt first.
    fn order(&self) -> (usize, usize) {
        let outcome = [INCIDENTS, FAILURES].iter().position(|o| *o == self.outcome).unwrap_or(2);
        let verdict = [HURT, HELPED, CHANGED, NO_EFFECT].iter().position(|v| *v == self.verdict());
        (outcome, verdict.unwrap_or(4))
    }
}

/// False-discovery rates over the rows that are counted, or over the others. What is counted and what is measured are two questions, read
/// apart: many quiet metrics would hide what a measure did to failures.
fn discover(rows: &mut [Row<'_>], counted: bool) {
    let mut own: Vec<&mut Row<'_>> = rows.iter_mut().filter(|r| r.is_counted() == counted).collect();
    let p: Vec<f64> = own.iter().map(|r| r.judged.change.map_or(f64::NAN, |c| c.p_value)).collect();
    for (r, q) in own.iter_mut().zip(benjamini_hochberg(&p)) {
        r.q = q;
    }
}

/// Whether more of a metric is worse: as the settings or its name say, or as it stood before failures; `None` where
/// nothing says so.
fn more_is_bad(
    metric: &str,
    thresholds: &[Threshold],
    before_failures: impl Fn() -> (usize, usize),
) -> Option<bool> {
    let told: Vec<bool> = limits(metric, thresholds).iter().map(|l| l.above).collect();
    if let Some(first) = told.first() {
        return told.iter().all(|t| t == first).then_some(*first);
    }
    let (above, below) = before_failures();
    let n = above + below;
    let apart = (above as f64 - below as f64) / (n as f64).sqrt();
    (n >= MIN_BEFORE_FAILURE && apart.abs() >= APART).then_some(apart > 0.0)
}

/// Every measure by every metric.
fn by_telemetry<'a>(
    history: &'a History<'a>,
    seen: &Incidents<'_>,
    measures: &'a [Measure<'a>],
    likes: &[[occasions::Like<'a>; 3]],
    asked: Asked<'_>,
) -> Result<Vec<Row<'a>>, EngineError> {
    let draw = |a: usize, at: f64| occasions::by_name(history, asked.seed, a, at);
    let failures: Vec<(usize, f64)> =
        (0..history.n_assets()).flat_map(|a| history.failures(a).map(move |f| (a, days(f.at)))).collect();
    let failures = occasions::sampled(failures, MAX_FAILURES, draw);
    let by_metric = |metric: usize| -> Result<Vec<Row<'a>>, EngineError> {
        let name = history.metric_name(metric);
        let groups = groups(history, likes, metric, asked.seed);
        let touched = measures.iter().flat_map(|m| m.occasions(CLEAR_DAYS)).map(|t| t.0);
        let read: std::collections::BTreeSet<usize> =
            groups.values().flatten().copied().chain(touched).chain(failures.iter().map(|f| f.0)).collect();
        let levels = Levels::of(history, metric, read.into_iter(), likes);
        let judge = Judge { history, seen, likes, levels: &levels, groups: &groups, seed: asked.seed };
        let more_is_bad = more_is_bad(name, asked.thresholds, || judge.before_failures(&failures));
        let unit = if levels.rise { "increase a day" } else { "level" };
        let judged: Vec<Option<Judged>> =
            measures.par_iter().map(|m| judge.judge(m)).collect::<Result<_, _>>()?;
        let rows = measures.iter().zip(judged).filter_map(|(measure, judged)| {
            Some(Row { measure, outcome: name, unit, judged: judged?, more_is_bad, q: f64::NAN })
        });
        Ok(rows.collect())
    };
    let rows = (0..history.n_metrics()).into_par_iter().map(by_metric);
    Ok(rows.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
}

/// `measures` at the history's cutoff: every measure that was taken, by incidents, failures and metrics; of each what
/// hurt first.
pub(crate) fn measures(
    frames: &Frames,
    history: &History<'_>,
    seen: &Incidents<'_>,
    asked: Asked<'_>,
) -> Result<DataFrame, EngineError> {
    let measures = occasions::measures(history);
    let likes = occasions::likes(history);
    let count = |outcome: &'static str, unit, counting: &Counting<'_, '_>| {
        let judged: Vec<Judged> = measures
            .par_iter()
            .map(|m| counted::judge(m, counting, (history, &likes, asked.seed)))
            .collect::<Result<_, EngineError>>()?;
        let row =
            |(measure, judged)| Row { measure, outcome, unit, judged, more_is_bad: Some(true), q: f64::NAN };
        Ok::<_, EngineError>(measures.iter().zip(judged).map(row).collect::<Vec<_>>())
    };
    let incidents = Counting { incidents: seen, failures: None, days_after: WINDOW };
    let mut rows = count(INCIDENTS, "incidents an asset and year", &incidents)?;
    let failed = Incidents::of_failures(frames, history);
    if !failed.is_empty() {
        let days_after = f64::from(asked.rank_by.get());
        let failures = Counting { incidents: seen, failures: Some(&failed), days_after };
        rows.extend(count(FAILURES, "failures an asset and year", &failures)?);
    }
    rows.extend(by_telemetry(history, seen, &measures, &likes, asked)?);
    discover(&mut rows, true);
    discover(&mut rows, false);
    rows.sort_by(|a, b| {
        (a.order().cmp(&b.order()))
            .then(a.q.total_cmp(&b.q))
            .then_with(|| (&a.measure.name, a.outcome).cmp(&(&b.measure.name, b.outcome)))
    });
    table(&rows)
}

fn table(rows: &[Row<'_>]) -> Result<DataFrame, EngineError> {
    let number = |name: &str, f: &dyn Fn(&Row<'_>) -> Option<f64>| {
        let v: Vec<Option<f64>> = rows.iter().map(|r| f(r).filter(|v| v.is_finite())).collect();
        Column::new(name.into(), v)
    };
    let text = |name: &str, f: &dyn Fn(&Row<'_>) -> String| {
        Column::new(name.into(), rows.iter().map(f).collect::<Vec<_>>())
    };
    let of = |relative: bool, f: fn(Change) -> f64| {
        move |r: &Row<'_>| r.judged.change.filter(|c| c.relative == relative).map(f)
    };
    let df = DataFrame::new(
        rows.len(),
        vec![
            text("measure", &|r| r.measure.name.clone()),
            Column::new("n_assets".into(), rows.iter().map(|r| r.judged.n_assets as i64).collect::<Vec<_>>()),
            number("rate_before", &|r| r.judged.before),
            number("rate_after", &|r| r.judged.change.map(|c| c.after)),
            number("ratio", &of(true, |c| c.value)),
            number("low", &of(true, |c| c.low)),
            number("high", &of(true, |c| c.high)),
            number("q_value", &|r| Some(r.q)),
            text("verdict", &|r| r.verdict().to_owned()),
            number("rate_expected", &|r| r.judged.change.map(|c| c.expected)),
            text("outcome", &|r| r.outcome.to_owned()),
            text("unit", &|r| r.unit.to_owned()),
            text("kind", &|r| r.measure.kind.to_owned()),
            number("difference", &of(false, |c| c.value)),
            number("difference_low", &of(false, |c| c.low)),
            number("difference_high", &of(false, |c| c.high)),
        ],
    )?;
    debug_assert_eq!(MEASURES.check(&df), Ok(()));
    Ok(df)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests;

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod metric_tests;
