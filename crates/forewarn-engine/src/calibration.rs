//! Whether what was said is what happened: the chosen model's predictions by tenths, and by kind or model of the assets. It does
//! not know how the predictions were made.

use std::collections::BTreeMap;

use forewarn_frames::Frames;
use forewarn_frames::output::CALIBRATION;
use forewarn_models::beta_quantile;
use polars::prelude::*;

use crate::EngineError;
use crate::evaluate::Judged;

/// Cohorts that are told, the largest first: a table that people read.
const MAX_COHORTS: usize = 12;

struct Row {
    horizon_days: i64,
    model: String,
    bin: Option<i64>,
    n: i64,
    mean: f64,
    observed: f64,
    low: f64,
    high: f64,
    cohort: Option<String>,
}

fn row(j: &Judged, members: &[usize], bin: Option<i64>, cohort: Option<String>) -> Row {
    let k = members.len() as f64;
    let hits: f64 = members.iter().map(|&i| j.outcome[i]).sum();
    // Jeffreys' interval of a share (Brown, Cai and DasGupta, 2001).
    let end = |q: f64| beta_quantile(q, hits + 0.5, k - hits + 0.5);
    Row {
        horizon_days: i64::from(j.horizon_days),
        model: j.chosen_name.clone(),
        bin,
        n: members.len() as i64,
        mean: members.iter().map(|&i| j.chosen[i]).sum::<f64>() / k,
        observed: hits / k,
        low: end(0.1).min(hits / k),
        high: end(0.9).max(hits / k),
        cohort,
    }
}

/// The cohort of each asset: its kind where there are several, else its model; none where that tells nothing apart.
fn cohorts(frames: &Frames) -> BTreeMap<u32, String> {
    let history = frames.as_of(frames.end());
    for of_model in [false, true] {
        let named: BTreeMap<u32, String> = (0..history.n_assets())
            .filter_map(|a| {
                let asset = history.asset(a);
                let code = if of_model { asset.model } else { asset.kind }?;
                let what = if of_model { "model" } else { "kind" };
                Some((a as u32, format!("{what} {}", history.word(code))))
            })
            .collect();
        let mut words = named.values();
        if words.next().is_some_and(|first| words.any(|w| w != first)) {
            return named;
        }
    }
    BTreeMap::new()
}

/// The `calibration` table: tenths of the chosen model's predictions, by rank, then its cohorts.
pub(crate) fn calibration_frame(all: &[Judged], frames: &Frames) -> Result<DataFrame, EngineError> {
    let mut rows: Vec<Row> = Vec::new();
    let cohort = cohorts(frames);
    for j in all.iter().filter(|j| !j.outcome.is_empty()) {
        let mut o: Vec<usize> = (0..j.chosen.len()).collect();
        o.sort_by(|&a, &b| j.chosen[a].total_cmp(&j.chosen[b]).then(a.cmp(&b)));
        let n = o.len();
        let bins = 10.min(n);
        rows.extend(
            (0..bins).map(|b| row(j, &o[b * n / bins..(b + 1) * n / bins], Some(b as i64 + 1), None)),
        );
        let mut groups: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (i, asset) in j.asset.iter().enumerate() {
            if let Some(name) = cohort.get(asset) {
                groups.entry(name).or_default().push(i);
            }
        }
        let mut groups: Vec<(&str, Vec<usize>)> = groups.into_iter().collect();
        groups.sort_by(|a, b| b.1.len().cmp(&a.1.len()).then(a.0.cmp(b.0)));
        groups.truncate(MAX_COHORTS);
        rows.extend(groups.into_iter().map(|(name, members)| row(j, &members, None, Some(name.to_owned()))));
    }
    let numbers = |f: fn(&Row) -> f64| rows.iter().map(f).collect::<Vec<_>>();
    let df = DataFrame::new(
        rows.len(),
        vec![
            Column::new("horizon_days".into(), rows.iter().map(|r| r.horizon_days).collect::<Vec<_>>()),
            Column::new("model".into(), rows.iter().map(|r| r.model.as_str()).collect::<Vec<_>>()),
            Column::new("bin".into(), rows.iter().map(|r| r.bin).collect::<Vec<_>>()),
            Column::new("n".into(), rows.iter().map(|r| r.n).collect::<Vec<_>>()),
            Column::new("mean_probability".into(), numbers(|r| r.mean)),
            Column::new("observed".into(), numbers(|r| r.observed)),
            Column::new("low".into(), numbers(|r| r.low)),
            Column::new("high".into(), numbers(|r| r.high)),
            Column::new("cohort".into(), rows.iter().map(|r| r.cohort.as_deref()).collect::<Vec<_>>()),
        ],
    )?;
    debug_assert_eq!(CALIBRATION.check(&df), Ok(()));
    Ok(df)
}
