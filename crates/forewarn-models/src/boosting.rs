//! Gradient boosted trees on a weighted sample. It does not know what the columns mean.

mod bins;
mod grow;
mod places;

use crate::error::{ModelError, in_range, same_length};
use crate::matrix::Matrix;
use crate::risk::{Outcomes, RiskLearner, TrainingData};
use crate::special::{logit, softplus};
use crate::trees::Boosted;

pub use bins::{BinnedRows, OrderedRows};
use grow::{Grower, Loss};
use serde::{Deserialize, Serialize};

/// Settings of the boosting, with defaults for rare failures.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BoostingParams {
    /// Most trees, 1 to 100,000. Default 300.
    pub iterations: usize,
    /// Share of each tree that is added, in (0, 1]. Default 0.025: each tree sees half of the rows and a quarter
    /// of the columns, and many of them even that out.
    pub learning_rate: f32,
    /// Most leaves of a tree, 2 to 256. Default 15: rare events support few distinctions.
    pub max_leaves: usize,
    /// Most splits on the way to a leaf, 1 to 32. Default 6.
    pub max_depth: usize,
    /// Least expected events in a leaf at the base rate, >= 0. Weights are first scaled so that an event
    /// weighs 1 on average, so the meaning does not change with the sampling of the others. Default 3.
    pub min_leaf_events: f32,
    /// L2 penalty on leaf values, >= 0, in events as above. Default 5.
    pub l2: f32,
    /// Least gain of a split, >= 0. Default 0.
    pub gamma: f32,
    /// Share of the columns offered to each tree, in (0, 1]; at least one column. Default 0.25: features of one
    /// metric say much the same.
    pub column_share: f64,
    /// Share of the rows offered to each tree, in (0, 1]. Default 0.5: an asset has a row at many cutoffs, which
    /// say much the same.
    pub row_share: f32,
    /// Most distinct values of a column, 8 to 255; more are cut at quantiles. Default 255: what tells
    /// of failures is mostly the last percent of a counter, which few bins throw together.
    pub n_bins: u16,
    /// Stops when the validation log loss has not improved for this many trees; needs validation rows.
    /// Default none.
    pub early_stopping: Option<usize>,
    /// Seed of the sampling of rows and columns. Default 0.
    pub seed: u64,
}

impl Default for BoostingParams {
    fn default() -> Self {
        Self {
            iterations: 300,
            learning_rate: 0.025,
            max_leaves: 15,
            max_depth: 6,
            min_leaf_events: 3.0,
            l2: 5.0,
            gamma: 0.0,
            column_share: 0.25,
            row_share: 0.5,
            n_bins: 255,
            early_stopping: None,
            seed: 0,
        }
    }
}

impl BoostingParams {
    fn check(&self) -> Result<(), ModelError> {
        let share = |v: f64| v > 0.0 && v <= 1.0;
        let penalty = |v: f32| v.is_finite() && v >= 0.0;
        in_range(
            (1..=100_000).contains(&self.iterations),
            "iterations",
            self.iterations as f64,
            "1 to 100,000",
        )?;
        in_range(share(self.learning_rate.into()), "learning_rate", self.learning_rate.into(), "in (0, 1]")?;
        in_range((2..=256).contains(&self.max_leaves), "max_leaves", self.max_leaves as f64, "2 to 256")?;
        in_range((1..=32).contains(&self.max_depth), "max_depth", self.max_depth as f64, "1 to 32")?;
        in_range(
            penalty(self.min_leaf_events),
            "min_leaf_events",
            self.min_leaf_events.into(),
            "finite, at least 0",
        )?;
        in_range(penalty(self.l2), "l2", self.l2.into(), "finite, at least 0")?;
        in_range(penalty(self.gamma), "gamma", self.gamma.into(), "finite, at least 0")?;
        in_range(share(self.column_share), "column_share", self.column_share, "in (0, 1]")?;
        in_range(share(self.row_share.into()), "row_share", self.row_share.into(), "in (0, 1]")?;
        in_range((8..=255).contains(&self.n_bins), "n_bins", self.n_bins.into(), "8 to 255")?;
        let rounds = self.early_stopping.unwrap_or(1);
        in_range(rounds >= 1, "early_stopping", rounds as f64, "at least 1")
    }
}

impl RiskLearner for BoostingParams {
    type Fitted = Boosted;

    fn fit(&self, data: &TrainingData<'_>) -> Result<Boosted, ModelError> {
        self.grow(data, None)
    }
}

impl BoostingParams {
    /// Grows trees on training rows. With validation rows and early stopping, keeps the trees up to the best validation log
    /// loss.
    ///
    /// # Errors
    /// A setting out of range, or validation columns that differ from the training columns.
    pub fn grow(
        &self,
        train: &TrainingData<'_>,
        validation: Option<&TrainingData<'_>>,
    ) -> Result<Boosted, ModelError> {
        self.check()?;
        if let Some(v) = validation {
            same_length("validation columns", v.x.n_cols(), train.x.n_cols())?;
        }
        let rows = BinnedRows::new(train.x, self.n_bins)?;
        Ok(self.grown(&rows, train.outcomes(), validation).0)
    }

    /// As [`Self::grow`], on rows that were cut into bins before; the model is one of their columns.
    ///
    /// # Errors
    /// A setting out of range; outcomes and weights as for [`TrainingData::new`]; another number of rows.
    pub fn grow_binned(&self, rows: &BinnedRows, y: &[f64], weights: &[f64]) -> Result<Boosted, ModelError> {
        self.check()?;
        same_length("binned rows", rows.n_rows(), y.len())?;
        Ok(self.grown(rows, Outcomes::new(y, weights)?, None).0)
    }

    /// Trees whose sum is near the numbers `y` (squared loss), one a row, all of one weight; `min_leaf_events` is the least
    /// number of rows of a leaf.
    pub(crate) fn grow_numbers(&self, rows: &BinnedRows, y: &[f64]) -> Result<Boosted, ModelError> {
        self.check()?;
        same_length("binned rows", rows.n_rows(), y.len())?;
        let base = y.iter().sum::<f64>() / y.len().max(1) as f64;
        let given = (Loss::Squared, base, f64::from(self.min_leaf_events));
        let mut grower = Grower::new(self, rows, y, vec![1.0; y.len()], given);
        let trees = (0..self.iterations).map(|_| grower.next().nodes).collect();
        Ok(Boosted { n_columns: rows.n_cols(), base, trees })
    }

    /// The trees, and what the splits on each column gained.
    fn grown(
        &self,
        rows: &BinnedRows,
        train: Outcomes<'_>,
        validation: Option<&TrainingData<'_>>,
    ) -> (Boosted, Vec<f64>) {
        // An event weighs 1 on average, so penalties mean the same however the others were sampled.
        let unit = train.event_weight();
        let weights = train.weights.iter().map(|w| w / unit).collect();
        let rate = train.base_rate();
        // The hessian of a row is w q (1 - q): at the base rate, the expected events of a leaf times (1 - base).
        let min_leaf_weight = f64::from(self.min_leaf_events) * (1.0 - rate);
        let base = logit(rate);
        let mut grower = Grower::new(self, rows, train.y, weights, (Loss::Logistic, base, min_leaf_weight));
        let mut gains = vec![0.0; rows.n_cols()];
        let mut boosted = Boosted { n_columns: rows.n_cols(), base, trees: Vec::new() };
        let judged = validation.zip(self.early_stopping);
        let mut held_out = judged.map_or_else(Vec::new, |(v, _)| vec![base; v.y.len()]);
        let mut best = (f64::INFINITY, 0);
        for n in 1..=self.iterations {
            let grown = grower.next();
            for (column, gain) in grown.gains {
                gains[column] += gain;
            }
            let Some((v, rounds)) = judged else {
                boosted.trees.push(grown.nodes);
                continue;
            };
            for (row, z) in held_out.iter_mut().enumerate() {
                *z += Boosted::leaf_value(&grown.nodes, v.x, row);
            }
            boosted.trees.push(grown.nodes);
            let loss: f64 = held_out
                .iter()
                .zip(v.y)
                .zip(v.weights)
                .map(|((z, y), w)| w * softplus(if *y == 1.0 { -z } else { *z }))
                .sum();
            if loss < best.0 {
                best = (loss, n);
            } else if n >= best.1 + rounds {
                break;
            }
        }
        if judged.is_some() {
            boosted.trees.truncate(best.1);
        }
        (boosted, gains)
    }

    /// How much the splits on each column add to the fit (the reduction of the loss), one number a column, at least 0.
    ///
    /// # Errors
    /// As [`Self::grow_binned`].
    ///
    /// ```
    /// use forewarn_models::{BinnedRows, BoostingParams, Matrix};
    /// let x = Matrix::from_columns(vec![vec![7.0; 200], (0..200).map(f64::from).collect()])?;
    /// let y: Vec<f64> = (0..200).map(|i| f64::from(u8::from(i >= 150))).collect();
    /// let few = BoostingParams { iterations: 20, column_share: 1.0, ..Default::default() };
    /// let rows = BinnedRows::new(&x, 255)?;
    /// let gains = few.gains(&rows, &y, &[1.0; 200])?;
    /// assert!(gains[0] == 0.0 && gains[1] > 0.0);
    /// assert!(BoostingParams { iterations: 0, ..few }.gains(&rows, &y, &[1.0; 200]).is_err());
    /// # Ok::<(), forewarn_models::ModelError>(())
    /// ```
    pub fn gains(&self, rows: &BinnedRows, y: &[f64], weights: &[f64]) -> Result<Vec<f64>, ModelError> {
        self.check()?;
        same_length("binned rows", rows.n_rows(), y.len())?;
        Ok(self.grown(rows, Outcomes::new(y, weights)?, None).1)
    }

    /// Fits to rows `x` (NaN = missing), outcomes `y` (0 or 1) and `weights`.
    ///
    /// # Errors
    /// As [`TrainingData::new`] and [`Self::grow`].
    ///
    /// ```
    /// use forewarn_models::{BoostingParams, Matrix, RiskModel};
    /// let x = Matrix::from_columns(vec![(0..200).map(f64::from).collect()])?;
    /// let y: Vec<f64> = (0..200).map(|i| f64::from(u8::from(i >= 150))).collect();
    /// let model = BoostingParams { iterations: 20, ..Default::default() }.fit_rows(&x, &y, &[1.0; 200])?;
    /// let z = model.log_odds(&x)?;
    /// assert!(z[0] < z[199]);
    /// assert!(BoostingParams { learning_rate: 0.0, ..Default::default() }.fit_rows(&x, &y, &[1.0; 200]).is_err());
    /// # Ok::<(), forewarn_models::ModelError>(())
    /// ```
    pub fn fit_rows(&self, x: &Matrix, y: &[f64], weights: &[f64]) -> Result<Boosted, ModelError> {
        self.fit(&TrainingData::new(x, y, weights)?)
    }
}
