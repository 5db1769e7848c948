//! Two regressions of a number on columns: boosted trees by squared loss and a ridge. They do not know what the number
//! is.

use crate::error::ModelError;
use crate::linalg::{solve_spd, weighted_gram};
use forust_ml::gradientbooster::GrowPolicy;
use forust_ml::objective::ObjectiveType;
use forust_ml::sampler::SampleMethod;

/// Columns of equal length, column by column in one vector, as both need them.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) values: Vec<f64>,
    pub(super) n_rows: usize,
}

impl Table {
    pub(super) fn new(rows: &[&[f64]]) -> Self {
        let p = rows.first().map_or(0, |r| r.len());
        let values = (0..p).flat_map(|j| rows.iter().map(move |r| r[j])).collect();
        Self { values, n_rows: rows.len() }
    }

    fn n_cols(&self) -> usize {
        self.values.len() / self.n_rows.max(1)
    }

    fn library(&self) -> forust_ml::Matrix<'_, f64> {
        forust_ml::Matrix::new(&self.values, self.n_rows, self.n_cols())
    }
}

/// Trees, several times with other samples.
pub(super) struct Trees(Vec<forust_ml::GradientBooster>);

impl std::fmt::Debug for Trees {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Trees").field(&self.0.len()).finish()
    }
}

impl Trees {
    pub(super) fn fit(x: &Table, y: &[f64], seed: u64, times: u64) -> Result<Self, ModelError> {
        let mean = y.iter().sum::<f64>() / y.len() as f64;
        let grow = |k: u64| {
            let mut booster = forust_ml::GradientBooster::default();
            booster.objective_type = ObjectiveType::SquaredLoss;
            booster.iterations = 250;
            booster.learning_rate = 0.04;
            booster.max_depth = 5;
            booster.max_leaves = 12;
            booster.l2 = 5.0;
            booster.min_leaf_weight = 15.0;
            booster.base_score = mean;
            booster.initialize_base_score = false;
            booster.nbins = 64;
            booster.parallel = true;
            booster.subsample = 0.5;
            booster.sample_method = SampleMethod::Random;
            booster.colsample_bytree = 0.3_f64.max((1.0 / x.n_cols() as f64 + 1e-9).min(1.0));
            booster.seed = seed.wrapping_mul(1000).wrapping_add(k);
            booster.missing = f64::NAN;
            booster.grow_policy = GrowPolicy::LossGuide;
            booster
                .fit(&x.library(), y, &vec![1.0; y.len()], None)
                .map_err(|e| ModelError::Boosting(e.to_string()))?;
            Ok(booster)
        };
        Ok(Self((0..times).map(grow).collect::<Result<_, ModelError>>()?))
    }

    pub(super) fn predict(&self, x: &Table) -> Vec<f64> {
        let mut sum = vec![0.0; x.n_rows];
        for booster in &self.0 {
            for (s, p) in sum.iter_mut().zip(booster.predict(&x.library(), true)) {
                *s += p / self.0.len() as f64;
            }
        }
        sum
    }
}

/// A ridge on standardized columns and their squares.
#[derive(Debug)]
pub(super) struct Ridge {
    scales: Vec<(f64, f64)>,
    weights: Vec<f64>,
    mean: f64,
}

/// The penalty, in rows: columns of one sensor say much the same.
const PENALTY_SHARE: f64 = 0.02;

impl Ridge {
    pub(super) fn fit(x: &Table, y: &[f64]) -> Result<Self, ModelError> {
        let n = x.n_rows as f64;
        let scales: Vec<(f64, f64)> = x
            .values
            .chunks(x.n_rows)
            .map(|c| {
                let mean = c.iter().sum::<f64>() / n;
                (mean, (c.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n).sqrt().max(1e-12))
            })
            .collect();
        let columns = expanded(x, &scales);
        let mean = y.iter().sum::<f64>() / n;
        let mut gram = weighted_gram(&columns, &vec![1.0; x.n_rows]);
        let p = columns.len();
        for j in 0..p {
            gram[j * p + j] += PENALTY_SHARE * n;
        }
        let along: Vec<f64> =
            columns.iter().map(|c| c.iter().zip(y).map(|(c, y)| c * (y - mean)).sum()).collect();
        Ok(Self { scales, weights: solve_spd(&mut gram, &along, "ridge of remaining lives")?, mean })
    }

    pub(super) fn predict(&self, x: &Table) -> Vec<f64> {
        let mut sum = vec![self.mean; x.n_rows];
        for (column, w) in expanded(x, &self.scales).iter().zip(&self.weights) {
            for (s, v) in sum.iter_mut().zip(column) {
                *s += w * v;
            }
        }
        sum
    }
}

fn expanded(x: &Table, scales: &[(f64, f64)]) -> Vec<Vec<f64>> {
    let mut columns = Vec::with_capacity(2 * scales.len());
    for (column, (mean, deviation)) in x.values.chunks(x.n_rows).zip(scales) {
        let z: Vec<f64> = column.iter().map(|v| ((v - mean) / deviation).clamp(-5.0, 5.0)).collect();
        columns.push(z.iter().map(|z| z * z - 1.0).collect());
        columns.push(z);
    }
    columns
}
