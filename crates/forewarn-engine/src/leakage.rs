//! The leakage check: which column of the data knows failures so well, and so long before, that it must have been filled in
//! afterwards. It looks at training rows alone, and does not know how a model is chosen.
//!
//! The look-ahead wall keeps out what is dated after a cutoff. It cannot keep out what an export wrote into the past: today's
//! status joined to every reading, a flag for the last month of a life. Such a column (a leak of the
//! target, Kaufman, Rosset and Perlich, 2012) tells failures nearly without error, far better than everything else together, and it does
//! not fade as a warning does that gets louder while a failure comes near: either it knows as well several horizons ahead, or
//! it knows all the window and nothing of the days behind its end.

use std::collections::{BTreeMap, BTreeSet};

use forewarn_features::Catalog;
use forewarn_frames::time::DAY;
use forewarn_frames::{Cutoff, Finding, Frames, Horizon, Outcomes, Severity};
use forewarn_models::{BoostingParams, Matrix, Metric, RiskModel, Scored, TrainingData, auc_alone};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::EngineError;
use crate::columns::{Columns, TrainingRows};

/// A column that alone tells failures from others no better than this is no suspect. On the public fleets at hand the best
/// column, over the rows that it was found on, reaches 0.83 (Backblaze), 0.78 (LANL) and 0.79 (ABC Tech).
const TOO_GOOD: f64 = 0.95;
/// A suspect's error (one less its area under the curve) is at most this share of the error of everything else together.
const OF_THE_REST: f64 = 0.4;
/// What does not fade has, further ahead, at most so many times the error, and a little.
const NOT_FADED: (f64, f64) = (1.5, 0.01);
/// The same within the window, where its last third is compared with all of it.
const NOT_FADED_WITHIN: (f64, f64) = (2.0, 0.02);
/// What knows nothing of the half horizon behind the window's end.
const KNOWS_NOTHING: f64 = 0.75;
/// How many horizons ahead a failure is looked for. Of what wears out gradually, even a sensor that tells the last week of a
/// life with an error of 0.01 tells the fourth week before with one of 0.05 (C-MAPSS FD001, turbofan engines).
const HORIZONS_AHEAD: i32 = 4;
/// Failed rows, and failed rows of a part of the window, below which nothing is judged.
const MIN_FAILED: usize = 20;
const MIN_FAR: usize = 5;
/// Failed rows and others that columns are judged on, at most.
const ROWS: (usize, usize) = (2_000, 4_000);
/// Trees that everything else together is judged by.
const TREES: usize = 100;
/// Names that a hint lists.
const NAMES_TOLD: usize = 12;

/// A column that was left out, and how well it knew.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Leak {
    /// As [`Catalog::subjects`] names it.
    pub subject: String,
    /// The table that it is read from.
    pub table: String,
    /// The area under its ROC curve, alone, of the feature of it that tells most.
    pub auc: f64,
    pub knows: Knows,
    /// The same of everything else together, on rows that it was not fitted to.
    pub auc_rest: f64,
    /// Failed rows that were looked at.
    pub n_failed: usize,
}

/// What gave a column away.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) enum Knows {
    /// It tells failures several horizons ahead as well; with what area under the curve.
    LongBefore(f64),
    /// It tells failures up to the end of the window, and those soon after it no better than that.
    TheWindow(f64),
}

/// Which subject each column reads; `None` for what follows from which tickets and failures there are.
fn subject_of(catalog: &Catalog, subjects: &BTreeSet<String>, columns: &Columns) -> Vec<Option<String>> {
    let words = catalog.categories().iter().map(|c| Some(c.subject().to_owned()));
    columns.families[..columns.n_numbers]
        .iter()
        .map(|family| subjects.contains(family).then(|| family.clone()))
        .chain(words)
        .collect()
}

fn evenly(rows: Vec<usize>, most: usize) -> (Vec<usize>, f64) {
    let n = rows.len();
    if n <= most {
        return (rows, 1.0);
    }
    let taken = (0..most).map(|k| rows[k * n / most]).collect();
    (taken, n as f64 / most as f64)
}

/// Rows of one horizon to look at: outcome and weight.
struct Looked {
    rows: Vec<usize>,
    y: Vec<f64>,
    weight: Vec<f64>,
    /// The first cutoff of the later half.
    later: u32,
}

impl Looked {
    fn at(rows: &TrainingRows, horizon: usize) -> Option<Self> {
        let labels = &rows.labels[horizon];
        let of = |y: f64| (0..labels.len()).filter(|&i| labels[i] == y).collect::<Vec<_>>();
        let (failed, each_failed) = evenly(of(1.0), ROWS.0);
        let (others, each_other) = evenly(of(0.0), ROWS.1);
        if failed.len() < MIN_FAILED || others.is_empty() {
            return None;
        }
        let mut all = [failed, others].concat();
        all.sort_unstable();
        let y: Vec<f64> = all.iter().map(|&i| labels[i]).collect();
        let each = |y: f64| if y == 1.0 { each_failed } else { each_other };
        let weight = all.iter().zip(&y).map(|(&i, y)| rows.weight[i] * each(*y)).collect();
        let mut cutoffs: Vec<u32> = all.iter().map(|&i| rows.cutoff[i]).collect();
        cutoffs.sort_unstable();
        let later = cutoffs[cutoffs.len() / 2];
        Some(Self { rows: all, y, weight, later })
    }

    /// The places of the rows of the earlier and of the later half.
    fn halves(&self, rows: &TrainingRows) -> (Vec<usize>, Vec<usize>) {
        (0..self.rows.len()).partition(|&k| rows.cutoff[self.rows[k]] < self.later)
    }

    /// Words have no order: each stands for its share of failures in the earlier half, to be judged in the later one.
    fn shares(&self, codes: &[f64], early: &[usize]) -> Vec<f64> {
        let mut sums: BTreeMap<u64, (f64, f64)> = BTreeMap::new();
        let (mut failed, mut all) = (0.0, 0.0);
        for &k in early {
            let cell = sums.entry(codes[k].to_bits()).or_insert((0.0, 0.0));
            cell.0 += self.weight[k] * self.y[k];
            cell.1 += self.weight[k];
            failed += self.weight[k] * self.y[k];
            all += self.weight[k];
        }
        let usual = if all > 0.0 { failed / all } else { 0.0 };
        codes.iter().map(|c| sums.get(&c.to_bits()).map_or(usual, |s| (s.0 + usual) / (s.1 + 1.0))).collect()
    }
}

/// How far ahead each row's asset fails, as far as it was seen.
struct Ahead {
    /// Days to the next failure; NaN where none was seen.
    days: Vec<f64>,
    /// Days that were seen.
    seen: Vec<f64>,
}

impl Ahead {
    fn of(
        looked: &Looked,
        rows: &TrainingRows,
        (frames, cutoffs, fit_at): Known<'_>,
        horizon_days: i32,
    ) -> Result<Self, EngineError> {
        let mut outcomes: BTreeMap<u32, (Cutoff, i32, Outcomes)> = BTreeMap::new();
        for at in looked.rows.iter().map(|&i| rows.cutoff[i]).collect::<BTreeSet<_>>() {
            let cutoff = cutoffs[at as usize];
            let seen = (fit_at.day() - cutoff.day()).min(horizon_days.saturating_mul(HORIZONS_AHEAD));
            let h = Horizon::days(i64::from(seen)).map_err(|e| EngineError::Model(e.to_string()))?;
            outcomes.insert(at, (cutoff, seen, frames.outcomes_known(cutoff, h, fit_at)));
        }
        let mut out = Self { days: Vec::new(), seen: Vec::new() };
        for &i in &looked.rows {
            let (cutoff, seen, o) = &outcomes[&rows.cutoff[i]];
            let failed = o.first_failure_at(rows.asset[i] as usize);
            out.days.push(failed.map_or(f64::NAN, |t| (t - cutoff.micros()) as f64 / DAY as f64));
            out.seen.push(f64::from(*seen));
        }
        Ok(out)
    }

    /// The area under the curve of a column where failures from `from` until before `to` days ahead are told from rows
    /// without failure before `to`, among some rows; `None` where there are too few.
    fn auc(&self, looked: &Looked, column: &[f64], among: &[usize], (from, to): (f64, f64)) -> Option<f64> {
        let one = |k: usize| self.days[k] >= from && self.days[k] < to;
        let zero = |k: usize| self.seen[k] >= to && (self.days[k].is_nan() || self.days[k] >= to);
        let rows: Vec<usize> = among.iter().copied().filter(|&k| one(k) || zero(k)).collect();
        let y: Vec<f64> = rows.iter().map(|&k| f64::from(u8::from(one(k)))).collect();
        let pick = |v: &[f64]| rows.iter().map(|&k| v[k]).collect::<Vec<_>>();
        if y.iter().filter(|y| **y == 1.0).count() < MIN_FAR {
            return None;
        }
        auc_alone(&pick(column), &y, Some(&pick(&looked.weight))).ok().flatten()
    }
}

/// What may be known when a model is fitted: the tables, the training cutoffs and the day of fitting.
pub(crate) type Known<'a> = (&'a Frames, &'a [Cutoff], Cutoff);

/// The columns that know failures too well and too early. `keep` names those that are not to be suspected.
pub(crate) fn leaks(
    (catalog, subjects, columns): (&Catalog, &BTreeSet<String>, &Columns),
    (rows, x): (&TrainingRows, &Matrix),
    (horizon, horizon_days): (usize, i32),
    known: Known<'_>,
    keep: &BTreeSet<String>,
    seed: u64,
) -> Result<Vec<Leak>, EngineError> {
    let Some(looked) = Looked::at(rows, horizon) else { return Ok(Vec::new()) };
    let subject = subject_of(catalog, subjects, columns);
    let (early, later) = looked.halves(rows);
    let all: Vec<usize> = (0..looked.rows.len()).collect();
    // A column's values, and the rows that it may be judged on.
    let values = |j: usize| {
        let column: Vec<f64> = looked.rows.iter().map(|&i| x.column(j)[i]).collect();
        if j < columns.n_numbers { (column, &all) } else { (looked.shares(&column, &early), &later) }
    };
    let judged: Vec<(usize, f64)> = (0..x.n_cols())
        .into_par_iter()
        .filter(|&j| subject[j].as_ref().is_some_and(|s| !keep.contains(s)))
        .map(|j| {
            let (column, among) = values(j);
            let pick = |v: &[f64]| among.iter().map(|&k| v[k]).collect::<Vec<_>>();
            let auc = auc_alone(&pick(&column), &pick(&looked.y), Some(&pick(&looked.weight)));
            (j, auc.ok().flatten().unwrap_or(0.5))
        })
        .filter(|s| s.1 >= TOO_GOOD)
        .collect();
    let mut best: BTreeMap<&str, (usize, f64)> = BTreeMap::new();
    for (j, auc) in judged {
        let Some(name) = &subject[j] else { continue };
        let cell = best.entry(name).or_insert((j, auc));
        if auc > cell.1 {
            *cell = (j, auc);
        }
    }
    if best.is_empty() {
        return Ok(Vec::new());
    }
    let ahead = Ahead::of(&looked, rows, known, horizon_days)?;
    let h = f64::from(horizon_days);
    let not_faded = |auc: f64, then: f64, (times, more): (f64, f64)| 1.0 - then <= (1.0 - auc) * times + more;
    let mut suspects: BTreeMap<&str, (f64, Knows)> = BTreeMap::new();
    for (name, (j, auc)) in best {
        let (column, among) = values(j);
        let at = |from: f64, to: f64| ahead.auc(&looked, &column, among, (from * h, to * h));
        let far = at(f64::from(HORIZONS_AHEAD - 1), f64::from(HORIZONS_AHEAD));
        let last_third = at(2.0 / 3.0, 1.0).filter(|a| not_faded(auc, *a, NOT_FADED_WITHIN));
        let behind = at(1.0, 1.5);
        if let Some(far) = far.filter(|a| not_faded(auc, *a, NOT_FADED)) {
            suspects.insert(name, (auc, Knows::LongBefore(far)));
        } else if let (Some(_), Some(behind)) = (last_third, behind.filter(|a| *a <= KNOWS_NOTHING)) {
            suspects.insert(name, (auc, Knows::TheWindow(behind)));
        }
    }
    if suspects.is_empty() {
        return Ok(Vec::new());
    }
    let of_suspect = |j: usize| {
        let family = columns.families[j].as_str();
        let cohort = family.strip_prefix("same ").is_some_and(|d| suspects.contains_key(d));
        // The condition was learned from all metrics.
        subject[j].as_deref().is_some_and(|s| suspects.contains_key(s)) || cohort || family == "condition"
    };
    let rest: Vec<usize> = (0..x.n_cols()).filter(|&j| !of_suspect(j)).collect();
    let auc_rest = rest_together(&looked, &x.select_columns(&rest), (&early, &later), seed)?;
    let n_failed = looked.y.iter().filter(|y| **y == 1.0).count();
    Ok(suspects
        .into_iter()
        .filter(|(_, (auc, _))| 1.0 - auc <= (1.0 - auc_rest) * OF_THE_REST)
        .map(|(subject, (auc, knows))| Leak {
            subject: subject.to_owned(),
            table: table_of(subject, catalog),
            auc,
            knows,
            auc_rest,
            n_failed,
        })
        .collect())
}

/// The area under the curve of trees on all other columns, learned on the earlier half and judged on the later one.
fn rest_together(
    looked: &Looked,
    x: &Matrix,
    (early, later): (&[usize], &[usize]),
    seed: u64,
) -> Result<f64, EngineError> {
    let part = |which: &[usize]| {
        let at: Vec<usize> = which.iter().map(|&k| looked.rows[k]).collect();
        let pick = |v: &[f64]| which.iter().map(|&k| v[k]).collect::<Vec<_>>();
        (x.select_rows(&at), pick(&looked.y), pick(&looked.weight))
    };
    let (x_early, y_early, w_early) = part(early);
    let (x_later, y_later, w_later) = part(later);
    let both = |y: &[f64]| y.contains(&1.0) && y.contains(&0.0);
    if x.n_cols() == 0 || !both(&y_early) || !both(&y_later) {
        return Ok(0.5);
    }
    let params = BoostingParams { iterations: TREES, seed, ..BoostingParams::default() };
    let data = TrainingData::new(&x_early, &y_early, &w_early).map_err(EngineError::model)?;
    let grown = params.grow(&data, None).map_err(EngineError::model)?;
    let z = grown.log_odds(&x_later).map_err(EngineError::model)?;
    let scored = Scored::new(&y_later, &z, Some(&w_later)).map_err(EngineError::model)?;
    Ok(Metric::RocAuc.of(&scored).unwrap_or(0.5))
}

impl Leak {
    /// What the report says of it.
    pub(crate) fn finding(&self, horizon_days: i32) -> Finding {
        let how = match self.knows {
            Knows::LongBefore(auc) => format!("knows those several times as far ahead as well ({auc:.3})"),
            Knows::TheWindow(auc) => {
                format!("knows them up to the last day, but nothing of those that come soon after ({auc:.3})")
            }
        };
        Finding {
            check: "leakage".into(),
            severity: Severity::Warning,
            table: self.table.clone(),
            column: Some(self.subject.clone()),
            n_rows: self.n_failed as u64,
            sample: Vec::new(),
            message: format!(
                "`{}` alone tells failures within {horizon_days} days from other assets too well (area under the ROC curve \
                 {:.3}; everything else together {:.3}), and {how}: it was probably filled in after the fact, and was left \
                 out",
                self.subject, self.auc, self.auc_rest
            ),
            hint: format!(
                "find out when it is written; where it is known in time, `[risk] keep = [{:?}]` uses it, else name it in \
                 `leave_out`",
                self.subject
            ),
        }
    }
}

/// The table that a subject is read from.
fn table_of(subject: &str, catalog: &Catalog) -> String {
    match subject {
        "kind" | "model" | "vendor" => "assets".into(),
        "group" | "service" | "site" => "tickets".into(),
        _ => catalog
            .features()
            .iter()
            .find(|f| f.family == subject)
            .map_or_else(|| "asset_history".into(), |f| f.source.to_owned()),
    }
}

/// A name in `leave_out` or `keep` that the data does not have.
pub(crate) fn unknown_name(setting: &str, name: &str, subjects: &BTreeSet<String>) -> Finding {
    let known: Vec<&str> = subjects.iter().map(String::as_str).take(NAMES_TOLD).collect();
    let more = if subjects.len() > NAMES_TOLD { ", …" } else { "" };
    Finding {
        check: "leakage".into(),
        severity: Severity::Warning,
        table: "config".into(),
        column: Some(format!("risk.{setting}")),
        n_rows: 0,
        sample: Vec::new(),
        message: format!("`risk.{setting}` names `{name}`, which no feature reads"),
        hint: format!("features read: {}{more}", known.join(", ")),
    }
}
