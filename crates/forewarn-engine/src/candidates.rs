//! The candidates, from dumb to strong, each fitted to the same rows and giving log odds and contributions over the same
//! columns. It does not know calibration or choice.

use forewarn_models::{
    BinnedRows, Blend, Boosted, BoostingParams, BootstrapParams, Calibrator, CalibratorKind, Contributions,
    Logistic, LogisticParams, Matrix, Metric, OrderedRows, RateDistribution, RiskModel, Scored,
    bootstrap_metric, logit, one_standard_error_bootstrap,
};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::EngineError;
use crate::columns::Columns;

/// The candidates' names, from simple to complex; the first two are the dumb baselines.
pub(crate) const NAMES: [&str; 5] = ["cohort_rate", "own_rate", "logistic", "boosting", "blend"];
/// Their places from the one that is taken first among equals. The blend comes before the boosting that is in it: its
/// other part holds it back where trees went too far, and costs nothing where they did not.
pub(crate) const BY_CAUTION: [usize; 5] = [0, 1, 2, 4, 3];
/// How many of them are dumb baselines.
pub(crate) const N_BASELINES: usize = 2;
/// The members of the blend.
const MEMBERS: [usize; 2] = [2, 3];

/// Shapes of the boosting: leaves of a tree, usual and most trees. Shrubs add up what speaks alone, trees find what speaks
/// together; held-out rows say which is used, or the mean of both.
const SHAPES: [(usize, usize, usize); 2] = [(5, 300, 400), (15, 300, 400)];
/// How many columns trees are grown on: those with the most gain in a first, quick pass over all that are offered. The
/// hundreds that remain say little, and say it by chance.
const KEPT_COLUMNS: usize = 200;
/// How many of these the logistic regression has: its time grows with their square.
const KEPT_LINEAR: usize = 100;
/// Trees of the first pass, how much of each is added, and the share of the rows that each is grown on.
const FIRST_PASS: (usize, f32, f32) = (100, 0.1, 0.25);
/// How many models with rows and columns sampled anew are averaged in the model that is used.
pub(crate) const BAGS: u64 = 4;
/// The same in the models that are fitted to judge by: on earlier folds of public sets, what they say is the same.
pub(crate) const BAGS_TO_JUDGE: u64 = 2;
/// Numbers of trees are tried in such steps.
const TREE_STEP: usize = 25;
/// The penalty of the logistic regression: of 30 to 1,000, the best on held-out rows of public fleets.
const RIDGE: f64 = 200.0;

/// A dumb baseline: log odds from one or two columns.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum Baseline {
    /// The share of the cohort that failed lately.
    Cohort {
        /// The column, where there is one.
        column: Option<usize>,
        /// The share where it is missing.
        fallback: f64,
    },
    /// The asset's own events of the last year, shrunk to the fleet's (gamma–Poisson).
    Own {
        /// The column of counts.
        count: usize,
        /// The column of days known.
        known: usize,
        /// The prior.
        prior: RateDistribution,
        horizon_days: f64,
    },
}

/// One fitted candidate, except the blend.
#[derive(Debug, Clone, Serialize, Deserialize)]
enum Member {
    Baseline(Baseline, f64),
    Logistic(Logistic, Vec<usize>),
    Boosted(Boosted, Vec<usize>),
}

/// All candidates of one horizon.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Candidates {
    members: Vec<Member>,
    /// Fitted to held-out log odds, or equal weights before.
    pub blend: Blend,
}

impl Baseline {
    fn log_odds(&self, x: &Matrix, rows: &[u32]) -> Vec<f64> {
        let share = |v: f64| logit(v.clamp(1e-6, 1.0 - 1e-6));
        match self {
            Self::Cohort { column: None, fallback } => vec![share(*fallback); rows.len()],
            Self::Cohort { column: Some(j), fallback } => {
                let at = |&i: &u32| x.column(*j)[i as usize];
                rows.iter().map(at).map(|v| share(if v.is_nan() { *fallback } else { v })).collect()
            }
            Self::Own { count, known, prior, horizon_days } => rows
                .iter()
                .map(|&i| {
                    let (n, days) = (x.column(*count)[i as usize], x.column(*known)[i as usize]);
                    let n = if n.is_nan() { 0.0 } else { n };
                    // Events of a day still need an exposure; a day is the least.
                    let days = if days.is_nan() { 1.0 } else { days.clamp(1.0, 365.0) };
                    prior.posterior(n, days).map_or(f64::NAN, |p| share(p.probability_within(*horizon_days)))
                })
                .map(|z| if z.is_finite() { z } else { share(prior.probability_within(*horizon_days)) })
                .collect(),
        }
    }

    fn column(&self) -> Option<usize> {
        match self {
            Self::Cohort { column, .. } => *column,
            Self::Own { count, .. } => Some(*count),
        }
    }
}

fn weighted_mean(v: &[f64], w: &[f64]) -> f64 {
    v.iter().zip(w).map(|(v, w)| v * w).sum::<f64>() / w.iter().sum::<f64>()
}

impl Member {
    /// Whether what it reads is there.
    fn check(&self, n_columns: usize) -> Result<(), String> {
        let (used, sound, n_own) = match self {
            Self::Baseline(Baseline::Cohort { column, .. }, _) => (column.as_slice().to_vec(), Ok(()), None),
            Self::Baseline(Baseline::Own { count, known, .. }, _) => (vec![*count, *known], Ok(()), None),
            Self::Logistic(m, used) => (used.clone(), m.check(), Some(m.n_columns())),
            Self::Boosted(m, used) => (used.clone(), m.check(), Some(m.n_columns())),
        };
        sound.map_err(|e| e.to_string())?;
        match used.iter().find(|j| **j >= n_columns) {
            Some(j) => Err(format!("a candidate reads column {j} of {n_columns}")),
            None if n_own.is_some_and(|n| n != used.len()) => {
                Err(format!("a candidate of {} columns reads {}", n_own.unwrap_or_default(), used.len()))
            }
            None => Ok(()),
        }
    }

    fn log_odds(&self, x: &Matrix, rows: &[u32]) -> Result<Vec<f64>, EngineError> {
        match self {
            Self::Baseline(b, _) => Ok(b.log_odds(x, rows)),
            Self::Logistic(m, used) => m.log_odds(&x.select(rows, used)).map_err(EngineError::model),
            Self::Boosted(m, used) => m.log_odds(&x.select(rows, used)).map_err(EngineError::model),
        }
    }

    fn contributions(&self, x: &Matrix) -> Result<Contributions, EngineError> {
        let spread = |c: Contributions, used: &[usize]| -> Result<Contributions, EngineError> {
            let mut columns = vec![vec![0.0; x.n_rows()]; x.n_cols()];
            for (k, j) in used.iter().enumerate() {
                columns[*j] = c.values.column(k).to_vec();
            }
            Ok(Contributions {
                base: c.base,
                values: Matrix::from_columns(columns).map_err(EngineError::model)?,
            })
        };
        match self {
            Self::Baseline(b, base) => {
                let z = b.log_odds(x, &all_rows(x));
                let mut columns = vec![vec![0.0; x.n_rows()]; x.n_cols()];
                let base = b.column().map_or_else(|| z.first().copied().unwrap_or(0.0), |_| *base);
                if let Some(j) = b.column() {
                    columns[j] = z.iter().map(|z| z - base).collect();
                }
                Ok(Contributions { base, values: Matrix::from_columns(columns).map_err(EngineError::model)? })
            }
            Self::Logistic(m, used) => {
                spread(m.contributions(&x.select_columns(used)).map_err(EngineError::model)?, used)
            }
            Self::Boosted(m, used) => {
                spread(m.contributions(&x.select_columns(used)).map_err(EngineError::model)?, used)
            }
        }
    }
}

/// The positions of all rows.
fn all_rows(x: &Matrix) -> Vec<u32> {
    (0..x.n_rows() as u32).collect()
}

/// What the candidates are fitted to: some of the training rows.
pub(crate) struct FitData<'a> {
    pub columns: &'a Columns,
    /// All training rows, and the same in order.
    pub x: &'a Matrix,
    pub ordered: &'a OrderedRows,
    /// The rows to learn from, and of each of these its outcome, weight and cutoff.
    pub rows: &'a [u32],
    pub y: &'a [f64],
    pub weight: &'a [f64],
    /// The row's place among the training cutoffs; later is larger.
    pub cutoff: &'a [u32],
    pub horizon_days: f64,
    /// One a shape.
    pub boosting: &'a [BoostingParams],
    /// How many models of trees are averaged.
    pub bags: u64,
}

/// The columns that trees are offered.
fn offered(d: &FitData<'_>) -> Vec<usize> {
    (0..d.x.n_cols()).filter(|&j| d.columns.trees[j] && d.ordered.varies(d.rows, j)).collect()
}

/// The columns that trees are grown on, those with the most gain first, and the rows with these columns cut into bins.
fn kept(d: &FitData<'_>, seed: u64) -> Result<(Vec<usize>, BinnedRows), EngineError> {
    let offered = offered(d);
    let defaults = BoostingParams::default();
    let rows = d.ordered.bins(d.rows, &offered, defaults.n_bins).map_err(EngineError::model)?;
    if offered.len() <= KEPT_LINEAR {
        return Ok((offered, rows));
    }
    let (iterations, learning_rate, row_share) = FIRST_PASS;
    let quick = BoostingParams { iterations, learning_rate, row_share, seed, ..defaults };
    let gains = quick.gains(&rows, d.y, d.weight).map_err(EngineError::model)?;
    let mut order: Vec<usize> = (0..offered.len()).collect();
    order.sort_by(|&a, &b| gains[b].total_cmp(&gains[a]).then(a.cmp(&b)));
    order.truncate(KEPT_COLUMNS);
    Ok((order.iter().map(|&k| offered[k]).collect(), rows.select_columns(&order)))
}

/// Trees and the columns that they were grown on.
pub(crate) struct Grown {
    trees: Boosted,
    columns: Vec<usize>,
}

/// Several models of the same rows, side by side.
fn grow_all(
    d: &FitData<'_>,
    rows: &BinnedRows,
    params: &[BoostingParams],
) -> Result<Vec<Boosted>, EngineError> {
    params.par_iter().map(|p| p.grow_binned(rows, d.y, d.weight).map_err(EngineError::model)).collect()
}

/// Rows to judge by, which were not fitted to.
pub(crate) struct Judges<'a> {
    /// Among all training rows.
    pub rows: &'a [u32],
    pub y: &'a [f64],
    pub weight: &'a [f64],
    /// Rows of one unit vary together.
    pub units: &'a [u32],
}

/// The shapes with their usual numbers of trees.
pub(crate) fn usual_boosting(seed: u64) -> Vec<BoostingParams> {
    SHAPES
        .map(|(max_leaves, iterations, _)| BoostingParams {
            max_leaves,
            iterations,
            seed,
            ..BoostingParams::default()
        })
        .to_vec()
}

/// The shape for these rows, or the mean of both: trees of the usual shape, unless another has less log loss on held-out rows
/// by more than a standard error; each with its best number of trees; and the trees themselves, as they were grown on `d`.
pub(crate) fn choose_boosting(
    d: &FitData<'_>,
    judges: &Judges<'_>,
    seed: u64,
) -> Result<(Vec<BoostingParams>, Option<Grown>), EngineError> {
    let usual = usual_boosting(seed);
    let (columns, rows) = kept(d, seed)?;
    if columns.is_empty() {
        return Ok((usual, None));
    }
    let x = d.x.select(judges.rows, &columns);
    let mut best: Vec<(BoostingParams, Vec<f64>, Boosted)> = Vec::new();
    let with_most =
        |s: (&BoostingParams, &(usize, usize, usize))| BoostingParams { iterations: s.1.2, ..s.0.clone() };
    let shapes: Vec<BoostingParams> = usual.iter().zip(&SHAPES).map(with_most).collect();
    for (shape, grown) in shapes.iter().zip(grow_all(d, &rows, &shapes)?) {
        let counts: Vec<usize> = (TREE_STEP..=shape.iterations).step_by(TREE_STEP).collect();
        let stages = grown.log_odds_after(&x, &counts).map_err(EngineError::model)?;
        let losses = stages
            .par_iter()
            .map(|z| log_loss_at_best(z, judges.y, judges.weight))
            .collect::<Result<Vec<_>, _>>()?;
        let mut least: Option<(f64, BoostingParams, Vec<f64>)> = None;
        for ((n, z), loss) in counts.into_iter().zip(stages).zip(losses) {
            if least.as_ref().is_none_or(|l| loss < l.0) {
                least = Some((loss, BoostingParams { iterations: n, ..shape.clone() }, z));
            }
        }
        best.extend(least.map(|(_, params, z)| {
            let trees = grown.first(params.iterations);
            (params, z, trees)
        }));
    }
    // From what is usual to what is special: trees, both, shrubs alone. What one block of cutoffs says of so small
    // differences is mostly chance.
    let share = 1.0 / best.len() as f64;
    let mean: Vec<f64> = (0..x.n_rows()).map(|i| best.iter().map(|b| share * b.1[i]).sum()).collect();
    let (mut losses, mut replicates) = (Vec::new(), Vec::new());
    for z in [&best[1].1, &mean, &best[0].1] {
        let p = at_best(z, judges.y, judges.weight)?;
        let scored = Scored::new(judges.y, &p, Some(judges.weight)).map_err(EngineError::model)?;
        let boot = BootstrapParams { n_boot: 50, seed };
        losses.push(Metric::LogLoss.of(&scored).unwrap_or(f64::MAX));
        let replicate = bootstrap_metric(&scored, Metric::LogLoss, judges.units, boot);
        replicates.push(replicate.map_err(EngineError::model)?);
    }
    let choice = one_standard_error_bootstrap(&["trees", "both", "shrubs"], &losses, &replicates, false)
        .map_err(EngineError::model)?;
    match choice.chosen {
        0 => best = vec![best.swap_remove(1)],
        2 => best = vec![best.swap_remove(0)],
        _ => {}
    }
    let (params, mut trees): (Vec<BoostingParams>, Vec<Boosted>) =
        best.into_iter().map(|b| (b.0, b.2)).unzip();
    let more: Vec<BoostingParams> = bags(&params, d.bags).skip(params.len()).collect();
    trees.extend(grow_all(d, &rows, &more)?);
    let trees = Boosted::mean(trees).map_err(EngineError::model)?;
    Ok((params, Some(Grown { trees, columns })))
}

/// Each shape once for each bag, the shapes of the first bag first.
fn bags(shapes: &[BoostingParams], n: u64) -> impl Iterator<Item = BoostingParams> {
    // Two shapes sample rows and columns anew as well.
    let n = n.div_ceil(shapes.len().max(1) as u64);
    (0..n).flat_map(move |k| {
        shapes.iter().map(move |s| BoostingParams { seed: s.seed.wrapping_add(k), ..s.clone() })
    })
}

/// Probabilities after the level and slope that suit these rows best, so that rankings and spreads are compared and not
/// calibrations.
fn at_best(z: &[f64], y: &[f64], weight: &[f64]) -> Result<Vec<f64>, EngineError> {
    Ok(Calibrator::fit(CalibratorKind::Platt, z, y, weight).map_err(EngineError::model)?.probability(z))
}

/// The log loss of these.
fn log_loss_at_best(z: &[f64], y: &[f64], weight: &[f64]) -> Result<f64, EngineError> {
    let p = at_best(z, y, weight)?;
    let scored = Scored::new(y, &p, Some(weight)).map_err(EngineError::model)?;
    Ok(Metric::LogLoss.of(&scored).unwrap_or(f64::MAX))
}

/// The dumb baselines of rows that fail at the rate `base`.
fn baselines(d: &FitData<'_>, base: f64) -> Result<Vec<Member>, EngineError> {
    let find = |names: &[&str]| names.iter().find_map(|n| d.columns.position(n));

    let cohort = Baseline::Cohort {
        column: find(&[
            "same model.failed_365d",
            "same group.failed_365d",
            "same kind.failed_365d",
            "same service.failed_365d",
        ]),
        fallback: base,
    };
    let count = find(&["tickets.n_365d", "failures.n_365d"]).unwrap_or(0);
    let known = find(&["known.days"]).unwrap_or(0);
    // The prior is that of the latest training cutoff, one row an asset.
    let latest = d.cutoff.iter().max().copied().unwrap_or(0);
    let (mut events, mut days) = (Vec::new(), Vec::new());
    for i in (0..d.cutoff.len()).filter(|&i| d.cutoff[i] == latest) {
        let row = d.rows[i] as usize;
        let (n, t) = (d.x.column(count)[row], d.x.column(known)[row]);
        if t > 0.0 {
            events.push(if n.is_nan() { 0.0 } else { n });
            days.push(t.clamp(1.0, 365.0));
        }
    }
    let prior = RateDistribution::fit(&events, &days)
        .or_else(|_| RateDistribution::fit(&[base], &[d.horizon_days]))
        .map_err(EngineError::model)?;
    let own = Baseline::Own { count, known, prior, horizon_days: d.horizon_days };
    let with_mean = |b: Baseline| {
        let mean = weighted_mean(&b.log_odds(d.x, d.rows), d.weight);
        Member::Baseline(b, mean)
    };
    Ok([cohort, own].map(with_mean).to_vec())
}

/// Trees that are there, or the rows to grow them on.
enum Grow {
    Done(Boosted),
    On(BinnedRows),
}

/// The columns of the logistic regression, where trees are grown on these.
fn straight(d: &FitData<'_>, trees: &[usize]) -> Vec<usize> {
    // Columns for trees alone take no place from those that both may use.
    let both = trees.iter().filter(|j| d.columns.linear[**j]);
    let first: Vec<usize> = both.take(KEPT_LINEAR).copied().collect();
    let passed_over = |j: &usize| d.columns.trees[*j] && !first.contains(j);
    (0..d.x.n_cols())
        .filter(|&j| d.columns.linear[j] && d.ordered.varies(d.rows, j))
        .filter(|j| *j >= d.columns.n_numbers || !passed_over(j))
        .collect()
}

impl Candidates {
    /// Fits every candidate, with trees that are grown already where there are any; the blend has equal weights until
    /// [`Self::blend`] is replaced.
    pub(crate) fn fit(d: &FitData<'_>, grown: Option<Grown>) -> Result<Self, EngineError> {
        let mut members = baselines(d, weighted_mean(d.y, d.weight))?;
        let (all, grow) = if let Some(g) = grown {
            (g.columns, Grow::Done(g.trees))
        } else {
            let (columns, rows) = kept(d, d.boosting.first().map_or(0, |b| b.seed))?;
            (columns, Grow::On(rows))
        };
        let straight = straight(d, &all);
        // Nothing tells assets apart: the strong candidates are the baseline.
        if all.is_empty() || straight.is_empty() {
            return Self::of_baselines(members);
        }
        let (trees, logistic) = rayon::join(
            || match grow {
                Grow::Done(trees) => Ok(trees),
                Grow::On(rows) => {
                    let bags: Vec<BoostingParams> = bags(d.boosting, d.bags).collect();
                    Boosted::mean(grow_all(d, &rows, &bags)?).map_err(EngineError::model)
                }
            },
            || {
                let words = straight.iter().enumerate().filter(|(_, j)| **j >= d.columns.n_numbers);
                let categories = words.map(|(k, _)| k).collect();
                let params = LogisticParams { ridge: RIDGE, categories, ..LogisticParams::default() };
                let x = d.x.select(d.rows, &straight);
                params.fit_rows(&x, d.y, d.weight).map_err(EngineError::model)
            },
        );
        members.push(Member::Logistic(logistic?, straight));
        members.push(Member::Boosted(trees?, all));
        Ok(Self { members, blend: Blend::equal(MEMBERS.len()).map_err(EngineError::model)? })
    }

    /// For rows of which none failed, at the rate `base`: there is nothing that a strong candidate could learn.
    pub(crate) fn without_failures(d: &FitData<'_>, base: f64) -> Result<Self, EngineError> {
        Self::of_baselines(baselines(d, base)?)
    }

    /// The baselines, with the cohort's rate in the places of the strong candidates.
    fn of_baselines(mut members: Vec<Member>) -> Result<Self, EngineError> {
        members.push(members[0].clone());
        members.push(members[0].clone());
        Ok(Self { members, blend: Blend::equal(MEMBERS.len()).map_err(EngineError::model)? })
    }

    /// Whether stored candidates fit together, for rows of so many columns.
    pub(crate) fn check(&self, n_columns: usize) -> Result<(), String> {
        if self.members.len() != NAMES.len() - 1 || self.blend.weights.len() != MEMBERS.len() {
            return Err(format!(
                "{} candidates, {} of them blended",
                self.members.len(),
                self.blend.weights.len()
            ));
        }
        self.members.iter().try_for_each(|m| m.check(n_columns))
    }

    /// The log odds of every candidate but the blend, of some rows.
    pub(crate) fn member_log_odds(&self, x: &Matrix, rows: &[u32]) -> Result<Vec<Vec<f64>>, EngineError> {
        self.members.iter().map(|m| m.log_odds(x, rows)).collect()
    }

    /// The log odds of every candidate, the blend last, in the order of [`NAMES`].
    pub(crate) fn log_odds(&self, x: &Matrix) -> Result<Vec<Vec<f64>>, EngineError> {
        let mut all = self.member_log_odds(x, &all_rows(x))?;
        all.push(self.blended(&all)?);
        Ok(all)
    }

    fn blended(&self, members: &[Vec<f64>]) -> Result<Vec<f64>, EngineError> {
        self.blend.log_odds(&MEMBERS.map(|m| members[m].as_slice())).map_err(EngineError::model)
    }

    /// Fits the blend to held-out log odds of the members.
    pub(crate) fn fit_blend(held_out: &[Vec<f64>], y: &[f64], weight: &[f64]) -> Result<Blend, EngineError> {
        let fitted = Blend::fit(&MEMBERS.map(|m| held_out[m].as_slice()), y, weight, 0.1)
            .map_err(EngineError::model)?;
        // Only the weights: level and scale are the calibrator's, which knows how far a few cutoffs can be trusted.
        Ok(Blend { scale: 1.0, intercept: 0.0, ..fitted })
    }

    /// How far the members of the blend disagree, in log odds.
    pub(crate) fn disagreement(&self, members: &[Vec<f64>]) -> Result<Vec<f64>, EngineError> {
        self.blend.disagreement(&MEMBERS.map(|m| members[m].as_slice())).map_err(EngineError::model)
    }

    /// The contributions of one candidate over all columns.
    pub(crate) fn contributions(&self, candidate: usize, x: &Matrix) -> Result<Contributions, EngineError> {
        if candidate < self.members.len() {
            return self.members[candidate].contributions(x);
        }
        let parts =
            MEMBERS.iter().map(|m| self.members[*m].contributions(x)).collect::<Result<Vec<_>, _>>()?;
        self.blend.contributions(&parts.iter().collect::<Vec<_>>()).map_err(EngineError::model)
    }
}
