//! The leakage check: which column of the data knows failures so well, and so long before, that it must have been filled in
//! afterwards. It looks at training rows alone, and does not know how a model is chosen.
//!
//! The look-ahead wall keeps out what is dated after a cutoff. It cannot keep out what an export wrote into the past: today's
//! status joined to every reading, a flag for the last month of a life. Such a column (a leak of the
//! target, Kaufman, Rosset and Perlich, 2012) tells failures nearly without error, far better than everything else together, and it does
//! not fade as a warning does that gets louder while a failure comes near: either it knows as well several horizons ahead, or
//! it knows all of the days up to the window's end, or to another day, and nothing of the days behind it.

use std::collections::{BTreeMap, BTreeSet};

use forewarn_features::Catalog;
use forewarn_frames::time::DAY;
use forewarn_frames::{Cutoff, Finding, Frames, Horizon, Outcomes, Severity};
use forewarn_models::{BoostingParams, Matrix, RiskModel, TrainingData, auc_alone};
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
/// A cliff: what tells failures in the last sixth of some days ahead so well, and those in the sixth behind no better than
/// this, nor near ones from those in the last sixth.
const CLIFF: (f64, f64) = (0.95, 0.65);
/// Failed rows on either side of a cliff below which it is none.
const MIN_CLIFF: usize = 10;
/// The days before a failure, as a share of the horizon, that whatever ends in a cliff tells.
const SHORTEST: f64 = 1.0 / 6.0;
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
    /// It tells failures up to so many days ahead, and those soon after no better than that.
    SomeDays(i32, f64),
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

    /// The area under the curve where some rows are told from others; `None` where there are fewer of those than `least`.
    fn between(
        &self,
        column: &[f64],
        among: &[usize],
        one: &dyn Fn(usize) -> bool,
        zero: &dyn Fn(usize) -> bool,
        least: usize,
    ) -> Option<f64> {
        let rows: Vec<usize> = among.iter().copied().filter(|&k| one(k) || zero(k)).collect();
        let y: Vec<f64> = rows.iter().map(|&k| f64::from(u8::from(one(k)))).collect();
        let pick = |v: &[f64]| rows.iter().map(|&k| v[k]).collect::<Vec<_>>();
        if y.iter().filter(|y| **y == 1.0).count() < least {
            return None;
        }
        auc_alone(&pick(column), &y, Some(&pick(&self.weight))).ok().flatten()
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
            let most = horizon_days.saturating_mul(HORIZONS_AHEAD).min(3650);
            let seen = (fit_at.day() - cutoff.day()).min(most);
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
        looked.between(column, among, &|k| self.fails(k, (from, to)), &|k| self.lasts(k, to), MIN_FAR)
    }

    /// Whether the row's asset fails in those days.
    fn fails(&self, k: usize, (from, to): (f64, f64)) -> bool {
        self.days[k] >= from && self.days[k] < to
    }

    /// Whether it was seen to last so many days.
    fn lasts(&self, k: usize, to: f64) -> bool {
        self.seen[k] >= to && (self.days[k].is_nan() || self.days[k] >= to)
    }

    /// Where a column falls from knowing to not knowing, in whole days ahead: the days, how well it tells failures within
    /// them, and how well those right behind. Up to there it does not get louder.
    fn cliff(
        &self,
        looked: &Looked,
        column: &[f64],
        among: &[usize],
        most_days: i32,
    ) -> Option<(i32, f64, f64)> {
        (3..=most_days).find_map(|days| {
            let d = f64::from(days);
            let sixth = (d / 6.0).max(1.0);
            // A flag of whole days ends somewhere in one.
            let (near, edge, after) = ((0.0, sixth), (d - 1.0 - sixth, d - 1.0), (d, d + sixth));
            let lasts = |k: usize| self.lasts(k, d + sixth);
            let told =
                |zone: (f64, f64)| looked.between(column, among, &|k| self.fails(k, zone), &lasts, MIN_CLIFF);
            told(edge).filter(|a| *a >= CLIFF.0)?;
            let behind = told(after).filter(|a| *a <= CLIFF.1)?;
            let louder = |k: usize| self.fails(k, edge);
            looked
                .between(column, among, &|k| self.fails(k, near), &louder, MIN_CLIFF)
                .filter(|a| *a <= CLIFF.1)?;
            let all = self.auc(looked, column, among, (0.0, d - 1.0)).filter(|a| *a >= TOO_GOOD)?;
            Some((days - 1, all, behind))
        })
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
    let ahead = Ahead::of(&looked, rows, known, horizon_days)?;
    let h = f64::from(horizon_days);
    // How well each column tells failures of the window, and those of its first days.
    let judged: Vec<(usize, f64, f64)> = (0..x.n_cols())
        .into_par_iter()
        .filter(|&j| subject[j].as_ref().is_some_and(|s| !keep.contains(s)))
        .map(|j| {
            let (column, among) = values(j);
            let pick = |v: &[f64]| among.iter().map(|&k| v[k]).collect::<Vec<_>>();
            let auc = auc_alone(&pick(&column), &pick(&looked.y), Some(&pick(&looked.weight)));
            // Rows that fail a little later may have been filled in as well.
            let (one, zero) =
                (|k| ahead.fails(k, (0.0, (h * SHORTEST).max(2.0))), |k| ahead.lasts(k, 2.0 * h));
            let soon = looked.between(&column, among, &one, &zero, MIN_FAR);
            (j, auc.ok().flatten().unwrap_or(0.5), soon.unwrap_or(0.5))
        })
        .filter(|s| s.1 >= TOO_GOOD || s.2 >= TOO_GOOD)
        .collect();
    if judged.is_empty() {
        return Ok(Vec::new());
    }
    let mut best: BTreeMap<&str, (usize, f64)> = BTreeMap::new();
    for &(j, auc, _) in judged.iter().filter(|s| s.1 >= TOO_GOOD) {
        let Some(name) = &subject[j] else { continue };
        let cell = best.entry(name).or_insert((j, auc));
        if auc > cell.1 {
            *cell = (j, auc);
        }
    }
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
    let farthest = horizon_days * HORIZONS_AHEAD * 6 / 7;
    let cliffs: Vec<(usize, (i32, f64, f64))> = judged
        .par_iter()
        .filter(|s| s.2 >= TOO_GOOD)
        .filter_map(|&(j, ..)| {
            let (column, among) = values(j);
            Some((j, ahead.cliff(&looked, &column, among, farthest)?))
        })
        .collect();
    for (j, (days, auc, behind)) in cliffs {
        let Some(name) = &subject[j] else { continue };
        suspects.entry(name).or_insert((auc, Knows::SomeDays(days, behind)));
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
    let z = rest_together(&looked, &x.select_columns(&rest), (&early, &later), seed)?;
    let pick = |v: &[f64]| later.iter().map(|&k| v[k]).collect::<Vec<_>>();
    let in_window = auc_alone(&pick(&z), &pick(&looked.y), Some(&pick(&looked.weight)));
    let in_window = in_window.ok().flatten().unwrap_or(0.5);
    let of_the_rest = |knows: Knows| match knows {
        Knows::SomeDays(days, _) => {
            ahead.auc(&looked, &z, &later, (0.0, f64::from(days))).unwrap_or(in_window)
        }
        Knows::LongBefore(_) | Knows::TheWindow(_) => in_window,
    };
    let n_failed = looked.y.iter().filter(|y| **y == 1.0).count();
    Ok(suspects
        .into_iter()
        .map(|(subject, (auc, knows))| (subject, auc, knows, of_the_rest(knows)))
        .filter(|(_, auc, _, auc_rest)| 1.0 - auc <= (1.0 - auc_rest) * OF_THE_REST)
        .map(|(subject, auc, knows, auc_rest)| Leak {
            subject: subject.to_owned(),
            table: table_of(subject, catalog),
            auc,
            knows,
            auc_rest,
            n_failed,
        })
        .collect())
}

/// The log odds by trees on all other columns, learned on the earlier half, of the rows of the later one; elsewhere 0.
fn rest_together(
    looked: &Looked,
    x: &Matrix,
    (early, later): (&[usize], &[usize]),
    seed: u64,
) -> Result<Vec<f64>, EngineError> {
    let mut out = vec![0.0; looked.rows.len()];
    let part = |which: &[usize]| {
        let at: Vec<usize> = which.iter().map(|&k| looked.rows[k]).collect();
        let pick = |v: &[f64]| which.iter().map(|&k| v[k]).collect::<Vec<_>>();
        (x.select_rows(&at), pick(&looked.y), pick(&looked.weight))
    };
    let (x_early, y_early, w_early) = part(early);
    let (x_later, y_later, _) = part(later);
    let both = |y: &[f64]| y.contains(&1.0) && y.contains(&0.0);
    if x.n_cols() == 0 || !both(&y_early) || !both(&y_later) {
        return Ok(out);
    }
    let params = BoostingParams { iterations: TREES, seed, ..BoostingParams::default() };
    let data = TrainingData::new(&x_early, &y_early, &w_early).map_err(EngineError::model)?;
    let grown = params.grow(&data, None).map_err(EngineError::model)?;
    let z = grown.log_odds(&x_later).map_err(EngineError::model)?;
    for (&k, z) in later.iter().zip(z) {
        out[k] = z;
    }
    Ok(out)
}

impl Leak {
    /// What the report says of it.
    pub(crate) fn finding(&self, horizon_days: i32) -> Finding {
        let how = match self.knows {
            Knows::LongBefore(auc) => format!("knows those several times as far ahead as well ({auc:.3})"),
            Knows::TheWindow(auc) | Knows::SomeDays(_, auc) => {
                format!("knows them up to the last day, but nothing of those that come soon after ({auc:.3})")
            }
        };
        let days = if let Knows::SomeDays(days, _) = self.knows { days } else { horizon_days };
        Finding {
            check: "leakage".into(),
            severity: Severity::Warning,
            table: self.table.clone(),
            column: Some(self.subject.clone()),
            n_rows: self.n_failed as u64,
            sample: Vec::new(),
            message: format!(
                "`{}` alone tells failures within {days} days from other assets too well (area under the ROC curve \
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
