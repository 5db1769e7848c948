//! How predictions fared: metrics with intervals, share of failures caught by list length. It does
//! not know how the predictions were made.

use forewarn_frames::output::{METRICS, PLOT_SERIES};
use forewarn_models::{BootstrapParams, Metric, Scored, bootstrap, bootstrap_metric, lead_time, top_k};
use polars::prelude::*;

use crate::EngineError;
use crate::candidates::{N_BASELINES, NAMES};
use crate::fit::LEVEL;

/// The closed predictions of one horizon, over all cutoffs judged.
#[derive(Debug, Clone, Default)]
pub(crate) struct Judged {
    pub horizon_days: i32,
    pub asset: Vec<u32>,
    pub cutoff: Vec<u32>,
    pub outcome: Vec<f64>,
    /// Days from the cutoff to the failure; NaN where there was none in the window.
    pub fails_in_days: Vec<f64>,
    /// Of the chosen model, then of each candidate.
    pub chosen: Vec<f64>,
    pub candidates: Vec<Vec<f64>>,
    /// Which candidate was chosen, by cutoff; the last one gives the name.
    pub chosen_name: String,
}

/// Points of the capture curve.
const LIST_LENGTHS: [usize; 12] = [1, 2, 5, 10, 20, 30, 50, 75, 100, 150, 200, 300];

/// A row of the `metrics` table, of whatever was judged.
pub(crate) struct MetricRow {
    pub model: String,
    pub role: &'static str,
    pub horizon_days: i64,
    pub metric: String,
    pub value: Option<f64>,
    pub low: Option<f64>,
    pub high: Option<f64>,
}

impl MetricRow {
    /// A number without an interval, of what is used.
    pub(crate) fn chosen(model: &str, horizon_days: i64, metric: &str, value: Option<f64>) -> Self {
        let (model, metric) = (model.to_owned(), metric.to_owned());
        Self { model, role: "chosen", horizon_days, metric, value, low: None, high: None }
    }
}

/// The rows as a table.
pub(crate) fn metric_table(rows: &[MetricRow]) -> Result<DataFrame, EngineError> {
    let number = |f: fn(&MetricRow) -> Option<f64>| rows.iter().map(f).collect::<Vec<_>>();
    let df = DataFrame::new(
        rows.len(),
        vec![
            Column::new("model".into(), rows.iter().map(|r| r.model.as_str()).collect::<Vec<_>>()),
            Column::new("role".into(), rows.iter().map(|r| r.role).collect::<Vec<_>>()),
            Column::new("horizon_days".into(), rows.iter().map(|r| r.horizon_days).collect::<Vec<_>>()),
            Column::new("metric".into(), rows.iter().map(|r| r.metric.as_str()).collect::<Vec<_>>()),
            Column::new("value".into(), number(|r| r.value)),
            Column::new("low".into(), number(|r| r.low)),
            Column::new("high".into(), number(|r| r.high)),
        ],
    )?;
    debug_assert_eq!(METRICS.check(&df), Ok(()));
    Ok(df)
}

fn order(j: &Judged, p: &[f64]) -> Vec<usize> {
    let mut o: Vec<usize> = (0..p.len()).collect();
    o.sort_by(|&a, &b| {
        j.cutoff[a].cmp(&j.cutoff[b]).then(p[b].total_cmp(&p[a])).then(j.asset[a].cmp(&j.asset[b]))
    });
    o
}

/// The place of each row on its cutoff's list, from 1.
fn places(j: &Judged, p: &[f64]) -> Vec<usize> {
    let mut places = vec![0; p.len()];
    let (mut place, mut at) = (0, u32::MAX);
    for i in order(j, p) {
        if j.cutoff[i] != at {
            (place, at) = (0, j.cutoff[i]);
        }
        place += 1;
        places[i] = place;
    }
    places
}

/// For each list length, the share of all failures that the lists of their cutoffs catch.
fn capture(j: &Judged, p: &[f64], lengths: &[usize]) -> Vec<f64> {
    let places = places(j, p);
    let caught =
        |k: usize| places.iter().zip(&j.outcome).filter(|(q, _)| **q <= k).map(|(_, y)| y).sum::<f64>();
    let total: f64 = j.outcome.iter().sum();
    lengths.iter().map(|k| if total > 0.0 { caught(*k) / total } else { 0.0 }).collect()
}

/// The interval of each share of [`capture`]: the lists stay as they were, and the assets that failed are drawn anew.
fn capture_intervals(
    j: &Judged,
    p: &[f64],
    lengths: &[usize],
    seed: u64,
) -> Result<Vec<Option<(f64, f64)>>, EngineError> {
    let places = places(j, p);
    let failed: Vec<usize> = (0..p.len()).filter(|&i| j.outcome[i] == 1.0).collect();
    let units: Vec<u32> = failed.iter().map(|&i| j.asset[i]).collect();
    lengths
        .iter()
        .map(|k| {
            let share = |f: &[f64]| {
                let total: f64 = f.iter().sum();
                let caught =
                    failed.iter().zip(f).filter(|(i, _)| places[**i] <= *k).map(|(_, f)| f).sum::<f64>();
                (total > 0.0).then(|| caught / total)
            };
            let replicates = bootstrap(&units, BootstrapParams { n_boot: 200, seed }, share);
            Ok(replicates.map_err(EngineError::model)?.interval(LEVEL))
        })
        .collect()
}

/// The `metrics` table. `visits` is the length of a list.
pub(crate) fn metrics_frame(all: &[Judged], visits: usize, seed: u64) -> Result<DataFrame, EngineError> {
    let mut rows: Vec<MetricRow> = Vec::new();
    for j in all {
        let n = j.outcome.len();
        if n == 0 || j.outcome.iter().all(|y| *y == j.outcome[0]) {
            continue;
        }
        // Large backtests say the same with fewer samples.
        let n_boot = (8_000_000 / n).clamp(20, 200);
        let boot = BootstrapParams { n_boot, seed };
        let named = std::iter::once((j.chosen_name.as_str(), "chosen", &j.chosen)).chain(
            NAMES
                .iter()
                .zip(&j.candidates)
                .enumerate()
                .map(|(i, (n, p))| (*n, if i < N_BASELINES { "baseline" } else { "candidate" }, p)),
        );
        for (model, role, p) in named {
            let s = Scored::new(&j.outcome, p, None).map_err(EngineError::model)?;
            let mut add = |metric: String, value: Option<f64>, interval: Option<(f64, f64)>| {
                rows.push(MetricRow {
                    model: model.to_owned(),
                    role,
                    horizon_days: i64::from(j.horizon_days),
                    metric,
                    value,
                    low: interval.map(|i| i.0),
                    high: interval.map(|i| i.1),
                });
            };
            // Candidates are told apart by points; the list that is used, and what it must beat, get intervals.
            let doubted = role != "candidate";
            for (name, m) in [
                ("average_precision", Metric::AveragePrecision),
                ("roc_auc", Metric::RocAuc),
                ("brier_skill", Metric::BrierSkill),
                ("log_loss", Metric::LogLoss),
                ("ece", Metric::Ece),
            ] {
                let interval = if doubted && matches!(m, Metric::AveragePrecision | Metric::BrierSkill) {
                    bootstrap_metric(&s, m, &j.asset, boot).map_err(EngineError::model)?.interval(LEVEL)
                } else {
                    None
                };
                add(name.into(), m.of(&s), interval);
            }
            let mut lengths = vec![20, 50, 100];
            if !lengths.contains(&visits) {
                lengths.push(visits);
            }
            for k in lengths {
                let top = top_k(&s, &j.cutoff, k).map_err(EngineError::model)?;
                let interval = if role == "chosen" {
                    bootstrap(&j.asset, BootstrapParams { n_boot: n_boot.min(50), seed }, |f| {
                        s.reweighted(f)
                            .ok()
                            .and_then(|r| top_k(&r, &j.cutoff, k).ok().flatten())
                            .map(|t| t.precision)
                    })
                    .map_err(EngineError::model)?
                    .interval(LEVEL)
                } else {
                    None
                };
                add(format!("precision_at_{k}"), top.map(|t| t.precision), interval);
                add(format!("recall_at_{k}"), Some(capture(j, p, &[k])[0]), None);
                add(format!("lift_at_{k}"), top.and_then(|t| t.lift), None);
            }
            if doubted {
                // Half of the failures that a list of so many visits caught came later than this, half sooner.
                let lead = lead_time(&s, &j.fails_in_days, &j.cutoff, visits).map_err(EngineError::model)?;
                let quartiles = lead.map(|l| (l.q25_days, l.q75_days));
                add(format!("lead_days_at_{visits}"), lead.map(|l| l.median_days), quartiles);
            }
            if role == "chosen" {
                add("base_rate".into(), s.base_rate(), None);
                add("n_predictions".into(), Some(n as f64), None);
                add("n_failures".into(), Some(j.outcome.iter().sum()), None);
                let cutoffs = j.cutoff.iter().collect::<std::collections::BTreeSet<_>>().len();
                add("n_cutoffs".into(), Some(cutoffs as f64), None);
            }
        }
    }
    metric_table(&rows)
}

/// A point of `plot_series`: plot, series, x, y, interval.
pub(crate) type Point = (&'static str, String, f64, f64, Option<(f64, f64)>);

/// The `plot_series` table: the capture curve of the chosen model and the baselines, the base rate by cutoff, and points
/// that are given.
pub(crate) fn plot_frame(
    judged: Option<&Judged>,
    cutoff_days: &[i32],
    more: Vec<Point>,
    seed: u64,
) -> Result<DataFrame, EngineError> {
    let mut rows: Vec<Point> = Vec::new();
    if let Some(j) = judged.filter(|j| j.outcome.contains(&1.0)) {
        let largest = cutoff_days
            .iter()
            .enumerate()
            .map(|(c, _)| j.cutoff.iter().filter(|x| **x as usize == c).count())
            .max()
            .unwrap_or(0);
        let lengths: Vec<usize> = LIST_LENGTHS.iter().copied().filter(|k| *k <= largest).collect();
        let lines = std::iter::once((j.chosen_name.as_str(), &j.chosen))
            .chain(NAMES.iter().copied().zip(&j.candidates).take(N_BASELINES));
        let mut drawn: Vec<&str> = Vec::new();
        for (name, p) in lines {
            if drawn.contains(&name) {
                continue;
            }
            drawn.push(name);
            let bands = capture_intervals(j, p, &lengths, seed)?;
            for ((k, share), band) in lengths.iter().zip(capture(j, p, &lengths)).zip(bands) {
                rows.push(("capture", name.to_owned(), *k as f64, share, band));
            }
        }
        for (c, day) in cutoff_days.iter().enumerate() {
            let of: Vec<f64> =
                j.cutoff.iter().zip(&j.outcome).filter(|(x, _)| **x as usize == c).map(|(_, y)| *y).collect();
            if !of.is_empty() {
                rows.push((
                    "base_rate",
                    "observed".into(),
                    f64::from(*day),
                    of.iter().sum::<f64>() / of.len() as f64,
                    None,
                ));
            }
        }
    }
    rows.extend(more);
    let df = DataFrame::new(
        rows.len(),
        vec![
            Column::new("plot".into(), rows.iter().map(|r| r.0).collect::<Vec<_>>()),
            Column::new("series".into(), rows.iter().map(|r| r.1.as_str()).collect::<Vec<_>>()),
            Column::new("x".into(), rows.iter().map(|r| r.2).collect::<Vec<_>>()),
            Column::new("y".into(), rows.iter().map(|r| r.3).collect::<Vec<_>>()),
            Column::new("low".into(), rows.iter().map(|r| r.4.map(|i| i.0)).collect::<Vec<_>>()),
            Column::new("high".into(), rows.iter().map(|r| r.4.map(|i| i.1)).collect::<Vec<_>>()),
        ],
    )?;
    debug_assert_eq!(PLOT_SERIES.check(&df), Ok(()));
    Ok(df)
}
