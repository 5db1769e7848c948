//! What every risk model has in common: rows in, log odds and contributions out. It does not know any
//! particular model.

use crate::error::{ModelError, both_classes, outcomes_and_weights, same_length};
use crate::matrix::Matrix;
use serde::{Serialize, de::DeserializeOwned};

/// Rows to learn from, checked once: at least one row and column, outcomes of both classes, weights finite
/// and not negative.
#[derive(Debug, Clone, Copy)]
pub struct TrainingData<'a> {
    pub(crate) x: &'a Matrix,
    pub(crate) y: &'a [f64],
    pub(crate) weights: &'a [f64],
}

impl<'a> TrainingData<'a> {
    /// Checks `x` (rows × columns, NaN = missing), `y` (0 or 1 for each row) and `weights` (how many rows
    /// each row stands for).
    ///
    /// # Errors
    /// No rows or columns, lengths that differ, outcomes other than 0 and 1, bad weights,
    /// [`ModelError::OneClass`] where the rows of positive weight all have the same outcome.
    ///
    /// ```
    /// use forewarn_models::{Matrix, ModelError, TrainingData};
    /// let x = Matrix::from_columns(vec![vec![1.0, 2.0]])?;
    /// assert!(TrainingData::new(&x, &[0.0, 1.0], &[1.0, 1.0]).is_ok());
    /// assert!(matches!(TrainingData::new(&x, &[0.0, 0.0], &[1.0, 1.0]), Err(ModelError::OneClass { .. })));
    /// # Ok::<(), ModelError>(())
    /// ```
    pub fn new(x: &'a Matrix, y: &'a [f64], weights: &'a [f64]) -> Result<Self, ModelError> {
        if x.n_cols() == 0 {
            return Err(ModelError::Empty { what: "columns" });
        }
        if x.n_rows() == 0 {
            return Err(ModelError::Empty { what: "rows" });
        }
        same_length("outcomes", y.len(), x.n_rows())?;
        let Outcomes { y, weights } = Outcomes::new(y, weights)?;
        Ok(Self { x, y, weights })
    }

    /// The share of outcomes that are 1, by weight; above 0 and below 1.
    pub fn base_rate(&self) -> f64 {
        self.outcomes().base_rate()
    }

    pub(crate) fn outcomes(&self) -> Outcomes<'a> {
        Outcomes { y: self.y, weights: self.weights }
    }
}

/// What came of rows, checked once: outcomes of both classes, weights finite and not negative.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Outcomes<'a> {
    pub(crate) y: &'a [f64],
    pub(crate) weights: &'a [f64],
}

impl<'a> Outcomes<'a> {
    pub(crate) fn new(y: &'a [f64], weights: &'a [f64]) -> Result<Self, ModelError> {
        outcomes_and_weights(y, weights)?;
        both_classes(y, weights)?;
        Ok(Self { y, weights })
    }

    pub(crate) fn base_rate(&self) -> f64 {
        let ones: f64 = self.y.iter().zip(self.weights).map(|(y, w)| y * w).sum();
        ones / self.weights.iter().sum::<f64>()
    }

    /// The mean weight of the rows whose outcome is 1: the weight of one event.
    pub(crate) fn event_weight(&self) -> f64 {
        let (mut sum, mut n) = (0.0, 0.0);
        for (y, w) in self.y.iter().zip(self.weights) {
            if *y == 1.0 && *w > 0.0 {
                sum += w;
                n += 1.0;
            }
        }
        sum / n
    }
}

/// Additive reasons: for each row, `base` plus the sum over its columns is the log odds of the model.
#[derive(Debug, Clone, PartialEq)]
pub struct Contributions {
    /// The log odds of an average training row.
    pub base: f64,
    /// Rows × original columns, in log odds.
    pub values: Matrix,
}

impl Contributions {
    /// The log odds that the contributions add up to, one for each row.
    pub fn totals(&self) -> Vec<f64> {
        let mut totals = vec![self.base; self.values.n_rows()];
        for j in 0..self.values.n_cols() {
            for (t, v) in totals.iter_mut().zip(self.values.column(j)) {
                *t += v;
            }
        }
        totals
    }
}

/// Settings from which a model is fitted.
pub trait RiskLearner: Sync {
    /// The fitted model.
    type Fitted: RiskModel;

    /// Learns from rows. The same rows, weights and settings give the same bytes on any number of threads.
    ///
    /// # Errors
    /// A setting out of range, or numbers that cannot be solved.
    fn fit(&self, data: &TrainingData<'_>) -> Result<Self::Fitted, ModelError>;
}

/// A fitted model of the log odds that a row's outcome is 1.
pub trait RiskModel: Serialize + DeserializeOwned + Send + Sync {
    /// Number of columns that a row must have.
    fn n_columns(&self) -> usize;

    /// The log odds of each row, always finite.
    ///
    /// # Errors
    /// If the matrix has another number of columns than the training rows.
    fn log_odds(&self, x: &Matrix) -> Result<Vec<f64>, ModelError>;

    /// The reasons for each row's log odds. Additive to 1e-9 for a log odds of ordinary size.
    ///
    /// # Errors
    /// If the matrix has another number of columns than the training rows.
    fn contributions(&self, x: &Matrix) -> Result<Contributions, ModelError>;

    /// The model as JSON bytes.
    ///
    /// # Errors
    /// If the numbers cannot be written.
    fn to_bytes(&self) -> Result<Vec<u8>, ModelError> {
        Ok(serde_json::to_vec(self)?)
    }

    /// The model from the bytes of [`RiskModel::to_bytes`]; it predicts the same bits.
    ///
    /// # Errors
    /// Bytes that are not such a model.
    fn from_bytes(bytes: &[u8]) -> Result<Self, ModelError> {
        let model: Self = serde_json::from_slice(bytes)?;
        model.check()?;
        Ok(model)
    }

    /// Whether the parts of a stored model fit together, so that predicting cannot go out of bounds.
    ///
    /// # Errors
    /// [`ModelError::Inconsistent`] where they do not.
    fn check(&self) -> Result<(), ModelError>;
}

/// Checks the number of columns of rows to predict.
pub(crate) fn check_columns(x: &Matrix, expected: usize) -> Result<(), ModelError> {
    same_length("columns", x.n_cols(), expected)
}
