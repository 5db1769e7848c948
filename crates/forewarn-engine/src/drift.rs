//! What changed between what was learned from and today: how many assets fail, what they look like, and whether the
//! probabilities still come true. It says so and does nothing about it.

use std::collections::BTreeSet;

use forewarn_features::FeatureTable;
use forewarn_frames::output::DRIFT;
use forewarn_frames::{Cutoff, Frames, Horizon, Outcome};
use forewarn_models::{median, stability};
use polars::prelude::*;

use crate::fit::{MIN_FAILURES, ModelSet};
use crate::sample::{draw, training_cutoffs};
use crate::track::Closed;
use crate::{EngineError, Settings};

/// The features that are looked at: those that move the model's log odds most today.
const N_FEATURES: usize = 20;
/// Assets whose contributions say which these are.
const N_EXPLAINED: usize = 500;
/// Training cutoffs that stand for all, of every season where there is more than one, and assets at each.
const N_CUTOFFS: usize = 6;
const N_ASSETS: usize = 2_500;
/// From this population stability index on a feature is another one, by common usage.
const SHIFTED: f64 = 0.25;
/// Where chance alone makes an index as large as this, it says nothing.
const TOO_LITTLE: f64 = 0.1;
/// Normal quantiles: the ends of the 80 % interval that is shown, and of the 98 % one that a verdict needs. With the
/// former one night in five would see a shift where there is none.
const SHOWN: f64 = 1.281_55;
const SURE: f64 = 2.326_35;
/// A shift that is sure may still be too small to care about: up to a quarter more or a fifth less.
const MATTERS: f64 = 1.25;
/// Windows, at most, over which promises are held against what came.
const N_WINDOWS: usize = 3;
/// Failures, promised or seen, that a verdict on rates needs.
const FEW: f64 = 5.0;

struct Row {
    what: &'static str,
    name: String,
    before: Option<f64>,
    now: Option<f64>,
    statistic: Option<f64>,
    ends: Option<(f64, f64)>,
    verdict: &'static str,
    text: String,
}

/// A log ratio with its standard error: the ends of its interval, and the verdict.
fn judged(ratio: f64, error: f64, enough: bool) -> ((f64, f64), &'static str) {
    let ends = (ratio - SHOWN * error, ratio + SHOWN * error);
    let verdict = if !enough {
        "too little data"
    } else if ratio.abs() > (SURE * error).max(MATTERS.ln()) {
        "shifted"
    } else {
        "stable"
    };
    (ends, verdict)
}

fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

/// Assets that failed in a window, and those of which it is known, among who was in service at its beginning.
fn failed(frames: &Frames, at: Cutoff, horizon: Horizon, by: Cutoff) -> (f64, f64) {
    let outcomes = frames.outcomes_known(at, horizon, by);
    let (mut k, mut n) = (0.0, 0.0);
    for a in frames.as_of(at).population() {
        match outcomes.of(a) {
            Outcome::Failed => (k, n) = (k + 1.0, n + 1.0),
            Outcome::Survived => n += 1.0,
            Outcome::Censored => {}
        }
    }
    (k, n)
}

/// Failures in the last window against those in the windows learned from.
fn base_rate(frames: &Frames, settings: &Settings, model: &ModelSet) -> Row {
    let horizon = settings.risk.rank_by;
    let days = horizon.get();
    let last = frames.end().plus_days(-days);
    let (k, n) = failed(frames, last, horizon, frames.end());
    // Windows that do not overlap, neither with each other nor with the last one.
    let mut windows: Vec<(f64, f64)> = Vec::new();
    let mut free = Cutoff::from_day(i32::MIN);
    for c in training_cutoffs(frames, &settings.risk, model.fitted_at) {
        let end = c.plus_days(days);
        if c >= free && end <= model.fitted_at && end <= last {
            windows.push(failed(frames, c, horizon, model.fitted_at));
            free = end;
        }
    }
    let (k0, n0) = windows.iter().fold((0.0, 0.0), |s, w| (s.0 + w.0, s.1 + w.1));
    let name = format!("failures within {days} days");
    if n == 0.0 || n0 == 0.0 {
        return Row {
            what: "base_rate",
            name,
            before: None,
            now: None,
            statistic: None,
            ends: None,
            verdict: "too little data",
            text: "no window is over that can be compared".into(),
        };
    }
    let (before, now) = (k0 / n0, k / n);
    // Failures come in bursts: by as much as the windows learned from differ more than chance lets them.
    let m = windows.iter().filter(|w| w.1 > 0.0).count();
    let chi: f64 = windows
        .iter()
        .map(|w| (w.0, w.1 * before))
        .filter(|w| w.1 > 0.0)
        .map(|(seen, usual)| (seen - usual).powi(2) / usual)
        .sum();
    let bursts = if m > 1 { (chi / (m - 1) as f64).max(1.0) } else { 1.0 };
    let ratio = ((k + 0.5) / n / ((k0 + 0.5) / n0)).ln();
    let error = (bursts * (1.0 / (k + 0.5) + 1.0 / (k0 + 0.5))).sqrt();
    let enough = k0 >= MIN_FAILURES as f64 && m > 1 && (k >= FEW || n * before >= FEW);
    let (ends, verdict) = judged(ratio, error, enough);
    let text = format!(
        "{} of assets failed in the last {days} days; {} did in as many days of the time learned from",
        percent(now),
        percent(before)
    );
    Row {
        what: "base_rate",
        name,
        before: Some(before),
        now: Some(now),
        statistic: Some(ratio),
        ends: Some(ends),
        verdict,
        text,
    }
}

/// The columns that move today's log odds most, the strongest first; equals by their order.
fn most_used(model: &ModelSet, horizon: usize, table: &FeatureTable) -> Result<Vec<usize>, EngineError> {
    let n = table.assets.len();
    let step = n.div_ceil(N_EXPLAINED).max(1);
    let rows: Vec<usize> = (0..n).step_by(step).collect();
    let x = model.matrix(table)?.select_rows(&rows);
    let values = model.horizons[horizon].contributions(&x)?.values;
    let mut used: Vec<(usize, f64)> = (0..values.n_cols())
        .map(|j| (j, values.column(j).iter().map(|v| v.abs()).sum::<f64>()))
        .filter(|u| u.1 > 0.0)
        .collect();
    used.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    Ok(used.into_iter().take(N_FEATURES).map(|u| u.0).collect())
}

/// What today's population looks like against that of a few cutoffs learned from.
fn features(
    frames: &Frames,
    settings: &Settings,
    model: &ModelSet,
    horizon: usize,
    table: &FeatureTable,
) -> Result<Vec<Row>, EngineError> {
    let columns = most_used(model, horizon, table)?;
    let cutoffs = training_cutoffs(frames, &settings.risk, model.fitted_at);
    // In the middle of each part of the time.
    let chosen: BTreeSet<Cutoff> = (0..N_CUTOFFS)
        .filter_map(|i| cutoffs.get((2 * i + 1) * cutoffs.len() / (2 * N_CUTOFFS)))
        .copied()
        .collect();
    let mut then: Vec<Vec<f64>> = vec![Vec::new(); columns.len()];
    let mut units = BTreeSet::new();
    for cutoff in chosen {
        let history = frames.as_of(cutoff);
        let mut assets = history.population();
        if assets.len() > N_ASSETS {
            let luck = |a: &usize| draw(settings.seed, history.asset_id(*a), cutoff);
            assets.sort_by(|a, b| luck(a).total_cmp(&luck(b)).then(a.cmp(b)));
            assets.truncate(N_ASSETS);
            assets.sort_unstable();
        }
        if assets.is_empty() {
            continue;
        }
        let x = model.matrix(&model.features(&history, &assets))?;
        for (to, &j) in then.iter_mut().zip(&columns) {
            to.extend(x.column(j));
        }
        units.extend(assets);
    }
    let x = model.matrix(table)?;
    let number = |v: &[f64]| {
        let mut v: Vec<f64> = v.iter().copied().filter(|v| v.is_finite()).collect();
        Some(median(&mut v)).filter(|m| m.is_finite())
    };
    let rows = columns.iter().zip(&then).filter_map(|(&j, then)| {
        let today = x.column(j);
        let found = stability(then, today, (units.len(), today.len()))?;
        let verdict = if found.by_chance > TOO_LITTLE {
            "too little data"
        } else if found.index > SHIFTED {
            "shifted"
        } else {
            "stable"
        };
        let spec = model.catalog.features().get(j);
        let is_number = j < model.columns.n_numbers;
        Some(Row {
            what: "feature",
            name: model.columns.names[j].clone(),
            // The number of a word means nothing.
            before: number(then).filter(|_| is_number),
            now: number(today).filter(|_| is_number),
            statistic: Some(found.index),
            ends: None,
            verdict,
            text: spec.filter(|_| is_number).map_or_else(
                || format!("which {} there are", model.columns.names[j].trim_start_matches("asset.")),
                |s| s.meaning.clone(),
            ),
        })
    });
    Ok(rows.collect())
}

/// What the probabilities promised in the last windows that are over, against what came.
fn calibration(closed: &[Closed]) -> Option<Row> {
    let mut used: Vec<&Closed> = Vec::new();
    for c in closed.iter().rev() {
        let free = used.last().is_none_or(|next| c.cutoff.plus_days(c.days) <= next.cutoff);
        if free && used.len() < N_WINDOWS && c.n > 0 {
            used.push(c);
        }
    }
    let (last, first) = (used.first()?, used.last()?);
    let expected: f64 = used.iter().map(|c| c.expected).sum();
    let observed: u64 = used.iter().map(|c| c.observed).sum();
    let seen = observed as f64;
    let ratio = ((seen + 0.5) / (expected + 0.5)).ln();
    let error = (1.0 / (expected.max(seen) + 0.5)).sqrt();
    let (ends, verdict) = judged(ratio, error, expected.max(seen) >= FEW);
    Some(Row {
        what: "calibration",
        name: format!("failures within {} days", last.days),
        before: Some(expected),
        now: Some(seen),
        statistic: Some(ratio),
        ends: Some(ends),
        verdict,
        text: format!(
            "from {} to {} the probabilities promised {expected:.1} failing assets, and {observed} failed",
            first.cutoff,
            last.cutoff.plus_days(last.days)
        ),
    })
}

/// The `drift` table.
pub(crate) fn drift(
    frames: &Frames,
    settings: &Settings,
    model: &ModelSet,
    table: &FeatureTable,
    closed: &[Closed],
) -> Result<DataFrame, EngineError> {
    let horizon = settings.risk.horizons.iter().position(|h| *h == settings.risk.rank_by).unwrap_or(0);
    let mut rows = vec![base_rate(frames, settings, model)];
    rows.extend(calibration(closed));
    rows.extend(features(frames, settings, model, horizon, table)?);
    let number = |name: &str, f: fn(&Row) -> Option<f64>| {
        Column::new(name.into(), rows.iter().map(f).collect::<Vec<_>>())
    };
    let df = DataFrame::new(
        rows.len(),
        vec![
            Column::new("what".into(), rows.iter().map(|r| r.what).collect::<Vec<_>>()),
            Column::new("name".into(), rows.iter().map(|r| r.name.as_str()).collect::<Vec<_>>()),
            number("before", |r| r.before),
            number("now", |r| r.now),
            number("statistic", |r| r.statistic),
            number("low", |r| r.ends.map(|e| e.0)),
            number("high", |r| r.ends.map(|e| e.1)),
            Column::new("verdict".into(), rows.iter().map(|r| r.verdict).collect::<Vec<_>>()),
            Column::new("text".into(), rows.iter().map(|r| r.text.as_str()).collect::<Vec<_>>()),
        ],
    )?;
    debug_assert_eq!(DRIFT.check(&df), Ok(()));
    Ok(df)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shift_is_sure_and_matters() {
        let check = |ratio: f64, error: f64, enough: bool, want: &str| {
            assert_eq!(judged(ratio, error, enough).1, want, "{ratio} {error}");
        };
        check(0.5, 0.1, true, "shifted");
        check(-0.5, 0.1, true, "shifted");
        check(0.5, 0.3, true, "stable");
        check(0.2, 0.01, true, "stable");
        check(3.0, 0.1, false, "too little data");
    }

    #[test]
    fn promises_are_held_against_windows_that_do_not_overlap() {
        let at = |day, expected, observed| Closed {
            cutoff: Cutoff::from_day(day),
            days: 30,
            n: 100,
            expected,
            observed,
        };
        // Weekly lists: of those of the last hundred days, the last and the two that end before it begins.
        let weekly: Vec<Closed> = (0..15).map(|i| at(7 * i, 10.0, 30)).collect();
        let row = calibration(&weekly).map(|r| (r.before, r.now, r.verdict));
        assert_eq!(row, Some((Some(30.0), Some(90.0), "shifted")));
        let row = calibration(&[at(0, 10.0, 11)]).map(|r| r.verdict);
        assert_eq!(row, Some("stable"));
        assert!(calibration(&[at(0, 0.5, 1)]).is_some_and(|r| r.verdict == "too little data"));
        assert!(calibration(&[]).is_none());
    }
}
