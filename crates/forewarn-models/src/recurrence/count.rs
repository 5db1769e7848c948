//! The negative binomial distribution of a count. It does not know what is counted.

use crate::error::{ModelError, in_range};
use crate::special::beta_p;
use serde::{Deserialize, Serialize};

/// Above this size the distribution is Poisson for every practical end.
const MAX_SIZE: f64 = 1e6;

/// A negative binomial distribution: a Poisson count whose own mean is gamma distributed (Greenwood and Yule 1920).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CountDistribution {
    mean: f64,
    size: f64,
}

impl CountDistribution {
    /// The distribution of this mean (>= 0) and size (> 0): the variance is `mean + mean² / size`.
    ///
    /// # Errors
    /// A mean or size that is not finite or out of range.
    ///
    /// ```
    /// use forewarn_models::CountDistribution;
    /// let d = CountDistribution::new(2.0, 0.5)?;
    /// assert!((d.below(1.0) - 0.2_f64.sqrt()).abs() < 1e-12, "nothing at all");
    /// assert_eq!((d.quantile(0.1), d.quantile(0.9)), (0.0, 6.0));
    /// assert!(CountDistribution::new(-1.0, 1.0).is_err());
    /// # Ok::<(), forewarn_models::ModelError>(())
    /// ```
    pub fn new(mean: f64, size: f64) -> Result<Self, ModelError> {
        in_range(mean.is_finite() && mean >= 0.0, "mean", mean, "finite, at least 0")?;
        in_range(size > 0.0, "size", size, "greater than 0")?;
        Ok(Self::clamped(mean, size))
    }

    /// The same of values that are known to be in range.
    pub(crate) fn clamped(mean: f64, size: f64) -> Self {
        Self { mean, size: size.clamp(1e-9, MAX_SIZE) }
    }

    /// The mean.
    pub fn mean(&self) -> f64 {
        self.mean
    }

    /// The size: how little the mean itself varies.
    pub fn size(&self) -> f64 {
        self.size
    }

    /// `P(N < k)`, for whole `k >= 0`.
    pub fn below(&self, k: f64) -> f64 {
        if k < 1.0 { 0.0 } else { beta_p(self.size, k, self.size / (self.size + self.mean)) }
    }

    /// `P(N <= k)`.
    pub fn up_to(&self, k: f64) -> f64 {
        self.below(k + 1.0)
    }

    /// `P(N >= 1)`.
    pub fn any(&self) -> f64 {
        -(-self.size * (self.mean / self.size).ln_1p()).exp_m1()
    }

    /// The least `k` with `P(N <= k) >= q`; `q` in [0, 1).
    pub fn quantile(&self, q: f64) -> f64 {
        let mut high = 1.0;
        while self.up_to(high) < q && high < 1e9 {
            high *= 2.0;
        }
        let mut low = -1.0;
        while high - low > 1.0 {
            let middle = ((low + high) * 0.5_f64).floor();
            if self.up_to(middle) >= q {
                high = middle;
            } else {
                low = middle;
            }
        }
        high
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn the_distribution_function_is_the_sum_of_the_masses() {
        for (mean, size) in [(0.01, 0.002), (0.7, 0.3), (3.0, 1e6), (40.0, 2.0), (0.0, 1.0)] {
            let d = CountDistribution::new(mean, size).unwrap();
            let (p, mut mass, mut sum) = (mean / (mean + size), (size / (mean + size)).powf(size), 0.0);
            for k in 0..200 {
                let k = f64::from(k);
                assert!((d.below(k) - sum).abs() < 1e-8, "{mean} {size} {k}: {} {sum}", d.below(k));
                sum += mass;
                mass *= p * (k + size) / (k + 1.0);
            }
            assert!((d.any() - (1.0 - d.up_to(0.0))).abs() < 1e-9);
            let q = d.quantile(0.9);
            assert!(d.up_to(q) >= 0.9 && (q == 0.0 || d.below(q) < 0.9));
        }
    }
}
