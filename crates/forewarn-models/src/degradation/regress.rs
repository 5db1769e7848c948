//! Two regressions of a number on columns: boosted trees by squared loss and a ridge. They do not know what the number
//! is.

use crate::boosting::{BinnedRows, BoostingParams};
use crate::error::ModelError;
use crate::linalg::{solve_spd, weighted_gram};
use crate::matrix::Matrix;
use crate::risk::RiskModel;
use crate::trees::Boosted;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// Rows as a table.
pub(super) fn table(rows: &[&[f64]]) -> Matrix {
    let p = rows.first().map_or(0, |r| r.len());
    let values = (0..p).flat_map(|j| rows.iter().map(move |r| r[j])).collect();
    Matrix::from_values(values, rows.len(), p)
}

/// Trees, several times with other samples.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Trees(Boosted);

impl Trees {
    pub(super) fn fit(x: &Matrix, y: &[f64], seed: u64, times: u64) -> Result<Self, ModelError> {
        let usual = BoostingParams {
            iterations: 250,
            learning_rate: 0.04,
            max_leaves: 12,
            max_depth: 5,
            min_leaf_events: 15.0,
            column_share: 0.3,
            n_bins: 64,
            ..BoostingParams::default()
        };
        let rows = BinnedRows::new(x, usual.n_bins)?;
        let grow = |k: u64| {
            let seed = seed.wrapping_mul(1000).wrapping_add(k);
            BoostingParams { seed, ..usual.clone() }.grow_numbers(&rows, y)
        };
        Ok(Self(Boosted::mean((0..times).into_par_iter().map(grow).collect::<Result<_, ModelError>>()?)?))
    }

    pub(super) fn predict(&self, x: &Matrix) -> Result<Vec<f64>, ModelError> {
        // The sum of the trees, which stands for the number itself here.
        self.0.log_odds(x)
    }
}

/// A ridge on standardized columns and their squares.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Ridge {
    scales: Vec<(f64, f64)>,
    weights: Vec<f64>,
    mean: f64,
}

/// The penalty, in rows: columns of one sensor say much the same.
const PENALTY_SHARE: f64 = 0.02;

impl Ridge {
    pub(super) fn fit(x: &Matrix, y: &[f64]) -> Result<Self, ModelError> {
        let n = x.n_rows() as f64;
        let scales: Vec<(f64, f64)> = x
            .values()
            .chunks(x.n_rows())
            .map(|c| {
                let mean = c.iter().sum::<f64>() / n;
                (mean, (c.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n).sqrt().max(1e-12))
            })
            .collect();
        let columns = expanded(x, &scales);
        let mean = y.iter().sum::<f64>() / n;
        let mut gram = weighted_gram(&columns, &vec![1.0; x.n_rows()]);
        let p = columns.len();
        for j in 0..p {
            gram[j * p + j] += PENALTY_SHARE * n;
        }
        let along: Vec<f64> =
            columns.iter().map(|c| c.iter().zip(y).map(|(c, y)| c * (y - mean)).sum()).collect();
        Ok(Self { scales, weights: solve_spd(&mut gram, &along, "ridge of remaining lives")?, mean })
    }

    pub(super) fn predict(&self, x: &Matrix) -> Vec<f64> {
        let mut sum = vec![self.mean; x.n_rows()];
        for (column, w) in expanded(x, &self.scales).iter().zip(&self.weights) {
            for (s, v) in sum.iter_mut().zip(column) {
                *s += w * v;
            }
        }
        sum
    }
}

fn expanded(x: &Matrix, scales: &[(f64, f64)]) -> Vec<Vec<f64>> {
    let mut columns = Vec::with_capacity(2 * scales.len());
    for (column, (mean, deviation)) in x.values().chunks(x.n_rows()).zip(scales) {
        let z: Vec<f64> = column.iter().map(|v| ((v - mean) / deviation).clamp(-5.0, 5.0)).collect();
        columns.push(z.iter().map(|z| z * z - 1.0).collect());
        columns.push(z);
    }
    columns
}
