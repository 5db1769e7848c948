//! Weighted ridge logistic regression by Newton's method. It does not know what the columns mean.

use crate::columns::{Regressor, choose_regressors, design};
use crate::error::{ModelError, in_range};
use crate::linalg::{solve_spd, weighted_gram};
use crate::matrix::Matrix;
use crate::risk::{Contributions, RiskLearner, RiskModel, TrainingData, check_columns};
use crate::special::{logit, sigmoid, softplus};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// Rows handled by one task where rows are independent.
const CHUNK_ROWS: usize = 4096;

/// Settings of the logistic regression: minimizes `Σ w · log loss + ridge / 2 · |β|²` on standardized
/// columns, the intercept free (le Cessie and van Houwelingen 1992).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LogisticParams {
    /// Penalty on the squared coefficients of standardized columns, > 0; scikit-learn's `1 / C`. Default 10.
    pub ridge: f64,
    /// Whether columns are reshaped by rules learned from the training rows (signed logarithm of heavy tails
    /// and of columns that are never negative, values kept within the training range). Missing values are
    /// filled either way. Default true.
    pub transforms: bool,
    /// Columns that hold codes of categories: each code of at least 50 rows gets a coefficient of its own. Default
    /// none.
    pub categories: Vec<usize>,
    /// Most Newton steps, at least 1. Default 30; 6 to 9 are usual.
    pub max_steps: usize,
}

impl Default for LogisticParams {
    fn default() -> Self {
        Self { ridge: 10.0, transforms: true, categories: Vec::new(), max_steps: 30 }
    }
}

/// A fitted logistic regression.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Logistic {
    n_columns: usize,
    regressors: Vec<Regressor>,
    coefficients: Vec<f64>,
    intercept: f64,
}

impl LogisticParams {
    /// Fits to rows `x` (NaN = missing), outcomes `y` (0 or 1) and `weights`.
    ///
    /// # Errors
    /// As [`TrainingData::new`]; `ridge` or `max_steps` out of range; [`ModelError::NotPositiveDefinite`]
    /// where the penalty is too small for numbers of very different size.
    ///
    /// ```
    /// use forewarn_models::{LogisticParams, Matrix, RiskModel};
    /// let x = Matrix::from_columns(vec![vec![0.0, 1.0, 2.0, 3.0, f64::NAN]])?;
    /// let y = [0.0, 0.0, 1.0, 1.0, 1.0];
    /// let model = LogisticParams::default().fit_rows(&x, &y, &[1.0; 5])?;
    /// let z = model.log_odds(&x)?;
    /// assert!(z[0] < z[3]);
    /// assert!(LogisticParams { ridge: 0.0, ..Default::default() }.fit_rows(&x, &y, &[1.0; 5]).is_err());
    /// # Ok::<(), forewarn_models::ModelError>(())
    /// ```
    pub fn fit_rows(&self, x: &Matrix, y: &[f64], weights: &[f64]) -> Result<Logistic, ModelError> {
        self.fit(&TrainingData::new(x, y, weights)?)
    }
}

impl RiskLearner for LogisticParams {
    type Fitted = Logistic;

    fn fit(&self, data: &TrainingData<'_>) -> Result<Logistic, ModelError> {
        in_range(
            self.ridge.is_finite() && self.ridge > 0.0,
            "ridge",
            self.ridge,
            "finite and greater than 0",
        )?;
        in_range(self.max_steps >= 1, "max_steps", self.max_steps as f64, "at least 1")?;
        let regressors = choose_regressors(data.x, data.weights, self.transforms, &self.categories);
        let columns = design(data.x, &regressors);
        let (coefficients, intercept) = newton(&columns, data, self)?;
        Ok(Logistic { n_columns: data.x.n_cols(), regressors, coefficients, intercept })
    }
}

/// Newton's method with step halving; starts at the base rate.
fn newton(
    columns: &[Vec<f64>],
    data: &TrainingData<'_>,
    params: &LogisticParams,
) -> Result<(Vec<f64>, f64), ModelError> {
    let p = columns.len();
    let mut beta = vec![0.0; p];
    let mut intercept = logit(data.base_rate());
    let mut z = linear(columns, &beta, intercept, data.y.len());
    let mut loss = penalized_loss(&z, &beta, data, params.ridge);
    for _ in 0..params.max_steps {
        let (residual, information): (Vec<f64>, Vec<f64>) = z
            .iter()
            .zip(data.y)
            .zip(data.weights)
            .map(|((z, y), w)| {
                let q = sigmoid(*z);
                (w * (q - y), w * q * sigmoid(-z))
            })
            .unzip();
        // The intercept is the last unknown: its row of the Hessian is kept apart from the Gram matrix of the
        // columns.
        let gram = weighted_gram(columns, &information);
        let (slopes, border): (Vec<f64>, Vec<f64>) =
            columns.par_iter().map(|c| (dot(c, &residual), dot(c, &information))).unzip();
        let mut hessian = vec![0.0; (p + 1) * (p + 1)];
        let mut gradient = vec![0.0; p + 1];
        for i in 0..p {
            hessian[i * (p + 1)..i * (p + 1) + p].copy_from_slice(&gram[i * p..(i + 1) * p]);
            hessian[i * (p + 1) + i] += params.ridge;
            hessian[i * (p + 1) + p] = border[i];
            hessian[p * (p + 1) + i] = border[i];
            gradient[i] = slopes[i] + params.ridge * beta[i];
        }
        hessian[p * (p + 1) + p] = information.iter().sum::<f64>();
        gradient[p] = residual.iter().sum();
        let step = solve_spd(&mut hessian, &gradient, "logistic regression")?;
        let decrement = dot(&step, &gradient);
        let mut length = 1.0;
        let mut moved = false;
        while length > 1e-6 {
            let next: Vec<f64> = beta.iter().zip(&step).map(|(b, s)| b - length * s).collect();
            let next_intercept = intercept - length * step[p];
            let next_z = linear(columns, &next, next_intercept, data.y.len());
            let next_loss = penalized_loss(&next_z, &next, data, params.ridge);
            // A tie at the last bit is an arrival, so it is taken.
            if next_loss <= loss + 1e-12 * loss.abs() {
                (beta, intercept, z, loss) = (next, next_intercept, next_z, next_loss);
                moved = true;
                break;
            }
            length *= 0.5;
        }
        // Twice the distance to the minimum of the local parabola, against the loss itself.
        if !moved || decrement < 1e-13 * loss.abs().max(1.0) {
            break;
        }
    }
    Ok((beta, intercept))
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

fn linear(columns: &[Vec<f64>], beta: &[f64], intercept: f64, n_rows: usize) -> Vec<f64> {
    let mut z = vec![intercept; n_rows];
    z.par_chunks_mut(CHUNK_ROWS).enumerate().for_each(|(chunk, z)| {
        let start = chunk * CHUNK_ROWS;
        for (column, b) in columns.iter().zip(beta) {
            for (z, x) in z.iter_mut().zip(&column[start..]) {
                *z += b * x;
            }
        }
    });
    z
}

fn penalized_loss(z: &[f64], beta: &[f64], data: &TrainingData<'_>, ridge: f64) -> f64 {
    let rows: f64 =
        z.iter().zip(data.y).zip(data.weights).map(|((z, y), w)| w * (softplus(*z) - y * z)).sum();
    rows + 0.5 * ridge * dot(beta, beta)
}

impl Logistic {
    /// Coefficients of the standardized columns, each with the raw column it was made from.
    pub fn coefficients(&self) -> impl Iterator<Item = (usize, f64)> + '_ {
        self.regressors.iter().map(|r| r.source).zip(self.coefficients.iter().copied())
    }

    /// The log odds at the training mean of every column.
    pub fn intercept(&self) -> f64 {
        self.intercept
    }
}

impl RiskModel for Logistic {
    fn n_columns(&self) -> usize {
        self.n_columns
    }

    fn log_odds(&self, x: &Matrix) -> Result<Vec<f64>, ModelError> {
        // Adding the contributions keeps both answers the same to the last bit.
        Ok(self.contributions(x)?.totals())
    }

    fn contributions(&self, x: &Matrix) -> Result<Contributions, ModelError> {
        check_columns(x, self.n_columns)?;
        let n = x.n_rows();
        let mut values = vec![0.0; n * self.n_columns];
        for (r, b) in self.regressors.iter().zip(&self.coefficients) {
            let column = &mut values[r.source * n..(r.source + 1) * n];
            for (c, v) in column.iter_mut().zip(x.column(r.source)) {
                *c += b * r.standardized(*v);
            }
        }
        Ok(Contributions { base: self.intercept, values: Matrix::from_values(values, n, self.n_columns) })
    }

    fn check(&self) -> Result<(), ModelError> {
        let sound = self.regressors.len() == self.coefficients.len()
            && self.regressors.iter().all(|r| r.source < self.n_columns && r.is_sound());
        if sound {
            Ok(())
        } else {
            Err(ModelError::Inconsistent("logistic regression: the columns do not fit together"))
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::cases;

    #[test]
    fn agrees_with_scikit_learn() {
        for case in cases::topic("logistic").as_array().unwrap() {
            let x = Matrix::from_columns(cases::columns(case, "columns")).unwrap();
            let params = LogisticParams {
                ridge: case["ridge"].as_f64().unwrap(),
                transforms: false,
                ..Default::default()
            };
            let model = params
                .fit_rows(&x, &cases::numbers(case, "outcome"), &cases::numbers(case, "weight"))
                .unwrap();
            assert!((model.intercept - case["intercept"].as_f64().unwrap()).abs() < 1e-6);
            for ((_, found), expected) in model.coefficients().zip(cases::numbers(case, "coefficients")) {
                assert!((found - expected).abs() < 1e-6, "found {found}, expected {expected}");
            }
            for (found, expected) in model.log_odds(&x).unwrap().iter().zip(cases::numbers(case, "log_odds"))
            {
                assert!((found - expected).abs() < 1e-6);
            }
        }
    }

    #[test]
    fn doubling_a_weight_is_doubling_a_row() {
        let x = Matrix::from_columns(vec![vec![0.0, 1.0, 2.0, 3.0, 1.5, -4.0]]).unwrap();
        let y = [0.0, 1.0, 0.0, 1.0, 1.0, 0.0];
        let rows = [0, 1, 2, 3, 4, 5, 2];
        let doubled = x.select_rows(&rows);
        let y2: Vec<f64> = rows.iter().map(|&i| y[i]).collect();
        let params = LogisticParams { ridge: 0.5, transforms: false, ..Default::default() };
        let a = params.fit_rows(&x, &y, &[1.0, 1.0, 2.0, 1.0, 1.0, 1.0]).unwrap();
        let b = params.fit_rows(&doubled, &y2, &[1.0; 7]).unwrap();
        assert!(
            (a.intercept - b.intercept).abs() < 1e-9 && (a.coefficients[0] - b.coefficients[0]).abs() < 1e-9
        );
    }
}
