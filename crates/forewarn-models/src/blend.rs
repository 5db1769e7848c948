//! Stacking: a weighted sum of several models' log odds. It does not know the models.

use crate::error::{ModelError, all_finite, both_classes, in_range, outcomes_and_weights, same_length};
use crate::matrix::Matrix;
use crate::newton::fit_nonnegative;
use crate::risk::Contributions;
use crate::special::sigmoid;
use serde::{Deserialize, Serialize};

/// `intercept + scale · Σ weight_m · z_m`: weights `>= 0` that add up to 1, scale > 0 (Wolpert 1992; Breiman
/// 1996 for the sign).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Blend {
    /// One weight for each member, at least 0, adding up to 1.
    pub weights: Vec<f64>,
    /// Greater than 0.
    pub scale: f64,
    /// Added to the log odds.
    pub intercept: f64,
}

impl Blend {
    /// Fits to held-out log odds of the members (one slice each), by weighted log loss.
    ///
    /// `ridge` in `(0, ∞)` pulls the members toward equal weights, as a share of the information in the rows:
    /// at 0.1, which is a good start, members that are nearly the same share their weight; a large one gives
    /// equal weights.
    ///
    /// # Errors
    /// No members or rows, lengths that differ, values that are not finite, one class only, `ridge` out of
    /// range.
    ///
    /// ```
    /// use forewarn_models::Blend;
    /// let y = [0.0, 0.0, 1.0, 0.0, 1.0, 1.0];
    /// let good = [-2.0, -1.0, 1.0, 0.0, 1.0, 2.0];
    /// let noise = [0.3, -0.3, 0.1, 0.2, -0.2, 0.0];
    /// let blend = Blend::fit(&[&good, &noise], &y, &[1.0; 6], 0.1)?;
    /// assert!(blend.weights.iter().all(|w| *w >= 0.0) && (blend.weights.iter().sum::<f64>() - 1.0).abs() < 1e-12);
    /// assert!(Blend::fit(&[], &y, &[1.0; 6], 0.1).is_err());
    /// # Ok::<(), forewarn_models::ModelError>(())
    /// ```
    pub fn fit(
        members: &[&[f64]],
        outcomes: &[f64],
        weights: &[f64],
        ridge: f64,
    ) -> Result<Self, ModelError> {
        in_range(ridge.is_finite() && ridge > 0.0, "ridge", ridge, "finite and greater than 0")?;
        outcomes_and_weights(outcomes, weights)?;
        both_classes(outcomes, weights)?;
        if members.is_empty() {
            return Err(ModelError::Empty { what: "members" });
        }
        for z in members {
            same_length("log odds of a member", z.len(), outcomes.len())?;
            all_finite("log odds of a member", z)?;
        }
        let m = members.len();
        let total: f64 = weights.iter().sum();
        let mean =
            |v: &dyn Fn(usize) -> f64| (0..outcomes.len()).map(|i| weights[i] * v(i)).sum::<f64>() / total;
        let base = mean(&|i| outcomes[i]);
        let spread = members
            .iter()
            .map(|z| {
                let center = mean(&|i| z[i]);
                mean(&|i| (z[i] - center).powi(2))
            })
            .sum::<f64>()
            / m as f64;
        // The penalty is on distances between members, so it leaves the common scale alone.
        let strength = ridge * total * base * (1.0 - base) * spread.max(1e-12);
        let penalty: Vec<f64> =
            (0..m * m).map(|k| strength * (f64::from(u8::from(k / m == k % m)) - 1.0 / m as f64)).collect();
        let fit = fit_nonnegative(members, outcomes, weights, &penalty, &vec![1.0 / m as f64; m]);
        let scale: f64 = fit.slopes.iter().sum();
        if scale < 1e-3 {
            // Members that say nothing, or the contrary: a hint of their mean, so that the order of rows is
            // still theirs.
            let centers: f64 = members.iter().map(|z| mean(&|i| z[i])).sum::<f64>() / m as f64;
            let rest = fit_nonnegative(&[], outcomes, weights, &[], &[]);
            return Ok(Self {
                weights: vec![1.0 / m as f64; m],
                scale: 1e-3,
                intercept: rest.intercept - 1e-3 * centers,
            });
        }
        Ok(Self { weights: fit.slopes.iter().map(|t| t / scale).collect(), scale, intercept: fit.intercept })
    }

    /// Equal weights, scale 1, intercept 0: the mean of the members' log odds.
    ///
    /// # Errors
    /// No members.
    pub fn equal(n_members: usize) -> Result<Self, ModelError> {
        if n_members == 0 {
            return Err(ModelError::Empty { what: "members" });
        }
        Ok(Self { weights: vec![1.0 / n_members as f64; n_members], scale: 1.0, intercept: 0.0 })
    }

    /// The blended log odds of rows, from the members' log odds in the order of fitting.
    ///
    /// # Errors
    /// Another number of members, or members of different lengths.
    pub fn log_odds(&self, members: &[&[f64]]) -> Result<Vec<f64>, ModelError> {
        same_length("members", members.len(), self.weights.len())?;
        let n = members.first().map_or(0, |z| z.len());
        let mut blended = vec![self.intercept; n];
        for (z, w) in members.iter().zip(&self.weights) {
            same_length("log odds of a member", z.len(), n)?;
            for (b, z) in blended.iter_mut().zip(*z) {
                *b += self.scale * w * z;
            }
        }
        Ok(blended)
    }

    /// The blended contributions; they add up to the blended log odds. Members must have the same rows and
    /// columns.
    ///
    /// # Errors
    /// Another number of members, or members of different shapes.
    pub fn contributions(&self, members: &[&Contributions]) -> Result<Contributions, ModelError> {
        same_length("members", members.len(), self.weights.len())?;
        let (n, p) = members.first().map_or((0, 0), |c| (c.values.n_rows(), c.values.n_cols()));
        let mut base = self.intercept;
        let mut values = vec![0.0; n * p];
        for (c, w) in members.iter().zip(&self.weights) {
            same_length("rows of a member", c.values.n_rows(), n)?;
            same_length("columns of a member", c.values.n_cols(), p)?;
            base += self.scale * w * c.base;
            for (v, c) in values.iter_mut().zip(c.values.values()) {
                *v += self.scale * w * c;
            }
        }
        Ok(Contributions { base, values: Matrix::from_values(values, n, p) })
    }

    /// For each row, the weighted standard deviation of the members' log odds times the scale: how much the
    /// members disagree.
    ///
    /// # Errors
    /// Another number of members, or members of different lengths.
    pub fn disagreement(&self, members: &[&[f64]]) -> Result<Vec<f64>, ModelError> {
        let blended = self.log_odds(members)?;
        let spread = |i: usize, center: f64| {
            members.iter().zip(&self.weights).map(|(z, w)| w * (z[i] - center).powi(2)).sum::<f64>()
        };
        Ok(blended
            .iter()
            .enumerate()
            .map(|(i, b)| self.scale * spread(i, (b - self.intercept) / self.scale).sqrt())
            .collect())
    }

    /// Probabilities of the blended log odds, before calibration.
    ///
    /// # Errors
    /// As [`Blend::log_odds`].
    pub fn probability(&self, members: &[&[f64]]) -> Result<Vec<f64>, ModelError> {
        Ok(self.log_odds(members)?.into_iter().map(sigmoid).collect())
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::rng::{generator, uniform};

    #[test]
    fn weights_follow_the_signal() {
        let mut rng = generator(5, 0);
        let truth: Vec<f64> = (0..5000).map(|_| 6.0 * uniform(&mut rng) - 5.0).collect();
        let y: Vec<f64> =
            truth.iter().map(|z| f64::from(u8::from(uniform(&mut rng) < sigmoid(*z)))).collect();
        let noise: Vec<f64> = truth.iter().map(|_| 6.0 * uniform(&mut rng) - 5.0).collect();
        let half: Vec<f64> = truth.iter().map(|z| 0.5 * z).collect();
        let w = vec![1.0; 5000];
        let blend = Blend::fit(&[&truth, &noise], &y, &w, 0.01).unwrap();
        assert!(blend.weights[0] > 0.9 && (blend.scale - 1.0).abs() < 0.15, "{blend:?}");
        assert!((Blend::fit(&[&half], &y, &w, 0.1).unwrap().scale - 2.0).abs() < 0.2);
        let against: Vec<f64> = truth.iter().map(|z| -z).collect();
        let flat = Blend::fit(&[&against], &y, &w, 0.1).unwrap();
        assert!(flat.scale > 0.0 && flat.scale < 0.01);
        let mean = flat.probability(&[&against]).unwrap().iter().sum::<f64>() / 5000.0;
        assert!((mean - y.iter().sum::<f64>() / 5000.0).abs() < 0.001);
        let strong = Blend::fit(&[&truth, &noise], &y, &w, 1e6).unwrap();
        assert!((strong.weights[0] - 0.5).abs() < 1e-3);
    }

    #[test]
    fn disagreement_is_zero_among_equals() {
        let blend = Blend::equal(2).unwrap();
        assert_eq!(blend.disagreement(&[&[1.0, 2.0], &[1.0, 4.0]]).unwrap(), vec![0.0, 1.0]);
        assert!(blend.log_odds(&[&[1.0]]).is_err());
        assert!(Blend::equal(0).is_err());
    }
}
