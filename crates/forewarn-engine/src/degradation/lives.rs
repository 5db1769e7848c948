//! Remaining lives from how units decline, where units of a kind run until they fail: their last days teach what the days
//! before a failure look like. It does not know what the risk models say.

use forewarn_features::counts_up;
use forewarn_frames::time::day_number;
use forewarn_frames::{Cutoff, Frames, History};
use forewarn_models::{Life, RemainingModel, RemainingParams, UnitPath, median};
use rayon::prelude::*;

use super::daily::{Shown, days_of};
use crate::sample::draw;
use crate::{EngineError, Settings};

/// Failed units of a kind that it takes.
const LEAST_FAILED: usize = 20;
/// The share of a kind's units that have failed, at least. Where few fail, healthy days say nothing of how long a unit has,
/// and the probabilities say more.
const LEAST_SHARE: f64 = 0.2;
/// Days that a unit was seen.
const LEAST_DAYS: usize = 30;
/// Days of a unit that are looked at, at most.
const MOST_DAYS: i32 = 730;
/// Units of a kind that are learned from, at most.
const MOST_UNITS: usize = 600;
/// Lives beyond this share of the usual one are not told apart: nothing shows yet.
const CAP_SHARE: f64 = 2.0 / 3.0;
/// And beyond so many days.
const MOST_CAP_DAYS: f64 = 365.0;
/// Of a unit that was last read longer ago, its decline says nothing.
const STALE_DAYS: i32 = 30;

/// What is read of a unit.
struct Sensors {
    /// Metric, and whether it counts up.
    metrics: Vec<(usize, bool)>,
}

impl Sensors {
    /// The days of an asset before `until`, and the day after the last one on which something is known of it.
    fn path(&self, history: &History<'_>, asset: usize, until: i32, failed: bool) -> Option<(UnitPath, i32)> {
        let all = self.metrics.iter().map(|(m, up)| (history.series(asset, *m), *up));
        let seen: Vec<_> = all.filter(|(s, _)| !s.is_empty()).collect();
        let first = seen.iter().map(|(s, _)| s.day()[0]).min()?.max(until - MOST_DAYS);
        let holds = seen.iter().any(|(s, _)| s.on_change());
        let last = seen.iter().filter_map(|(s, _)| s.day().iter().rev().find(|d| **d < until)).max()?;
        // A failed unit's path ends on the day of its failure, also where it was silent before.
        let end = if failed || holds { until } else { last + 1 };
        if end - first < LEAST_DAYS as i32 {
            return None;
        }
        let sensors = self
            .metrics
            .iter()
            .map(|(m, up)| {
                let shown = if *up { Shown::Rise } else { Shown::Level };
                let mut days = days_of(&history.series(asset, *m), first, until, shown);
                days.truncate((end - first) as usize);
                days
            })
            .collect();
        Some((UnitPath { times_days: (first..end).map(f64::from).collect(), sensors, failed }, end))
    }
}

/// The model of one kind of asset.
struct OfKind<'a> {
    kind: Option<&'a str>,
    model: RemainingModel,
}

fn kind_of<'a>(history: &History<'a>, asset: usize) -> Option<&'a str> {
    history.asset(asset).kind.map(|c| history.word(c))
}

/// Learned from what was known at `at`, one model for each kind whose units run until they fail.
fn fit<'a>(
    frames: &'a Frames,
    at: Cutoff,
    sensors: &Sensors,
    settings: &Settings,
) -> Result<Vec<OfKind<'a>>, EngineError> {
    let history = frames.as_of(at);
    // What is "beyond the cap" has to be beyond the longest horizon, also some days after the last reading.
    let longest = settings.risk.horizons.iter().map(|h| h.get()).max().unwrap_or(0) + STALE_DAYS;
    let longest = f64::from(longest);
    let mut units: Vec<(Option<&str>, f64, usize, Option<i32>)> = (0..history.n_assets())
        .filter_map(|a| {
            let failed = history.failures(a).next().map(|f| day_number(f.at) + 1);
            let seen = sensors.metrics.iter().any(|(m, _)| !history.series(a, *m).is_empty());
            seen.then(|| (kind_of(&history, a), draw(settings.seed, history.asset_id(a), at), a, failed))
        })
        .collect();
    units.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)).then(a.2.cmp(&b.2)));
    let mut out = Vec::new();
    for of_kind in units.chunk_by(|a, b| a.0 == b.0) {
        let failed = of_kind.iter().filter(|u| u.3.is_some()).count();
        if failed < LEAST_FAILED || (failed as f64) < LEAST_SHARE * of_kind.len() as f64 {
            continue;
        }
        let until = |a: usize| history.retired_at(a).map_or(at.day(), |t| day_number(t).min(at.day()));
        let paths: Vec<UnitPath> = of_kind[..of_kind.len().min(MOST_UNITS)]
            .par_iter()
            .filter_map(|(_, _, a, failed)| {
                sensors.path(&history, *a, failed.unwrap_or_else(|| until(*a)), failed.is_some())
            })
            .map(|p| p.0)
            .collect();
        let mut lives: Vec<f64> =
            paths.iter().filter(|p| p.failed).map(|p| p.times_days.len() as f64).collect();
        if lives.len() < LEAST_FAILED {
            continue;
        }
        let usual = (CAP_SHARE * median(&mut lives)).round().min(MOST_CAP_DAYS);
        let params = RemainingParams {
            cap_days: usual.max(longest),
            min_failed: LEAST_FAILED,
            seed: settings.seed,
            ..RemainingParams::default()
        };
        let model = RemainingModel::fit(&paths, &params).map_err(EngineError::model)?;
        out.extend(model.map(|model| OfKind { kind: of_kind[0].0, model }));
    }
    Ok(out)
}

/// The remaining life of each of `assets` in days from the history's cutoff, as its telemetry tells, learned from what was
/// known at `fitted_at`; `None` where units of its kind do not run until they fail, or too little was seen of it. `reads` says
/// which metrics may be learned from.
pub(crate) fn lives(
    frames: &Frames,
    history: &History<'_>,
    fitted_at: Cutoff,
    assets: &[usize],
    reads: &dyn Fn(&str) -> bool,
    settings: &Settings,
) -> Result<Vec<Option<Life>>, EngineError> {
    let none = || vec![None; assets.len()];
    if !history.failures_are_terminal() {
        return Ok(none());
    }
    let metrics = (0..history.n_metrics())
        .filter(|m| reads(history.metric_name(*m)))
        .map(|m| (m, counts_up(history, m)))
        .collect();
    let sensors = Sensors { metrics };
    let models = fit(frames, fitted_at, &sensors, settings)?;
    if models.is_empty() {
        return Ok(none());
    }
    let today = history.cutoff().day();
    assets
        .par_iter()
        .map(|&a| {
            let kind = kind_of(history, a);
            let Some(of) = models.iter().find(|m| m.kind == kind) else { return Ok(None) };
            let Some((path, end)) = sensors.path(history, a, today, false) else { return Ok(None) };
            if today - end >= STALE_DAYS {
                return Ok(None);
            }
            let life = of.model.predict(&path).map_err(EngineError::model)?;
            // What was foretold on the last day that was seen has run since.
            let since = f64::from(today - end) + 1.0;
            let left = |d: Option<f64>| d.map(|d| (d - since).max(0.0));
            Ok(Some(Life {
                low: left(life.low_days),
                median: left(life.median_days),
                high: left(life.high_days),
            }))
        })
        .collect()
}
