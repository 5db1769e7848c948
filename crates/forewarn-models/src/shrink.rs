//! Rates of few events: gamma-Poisson empirical Bayes and shrinkage of a cohort to its parent. It does not
//! know what a unit or an event is; exposure is in days.

use crate::error::{ModelError, in_range, same_length};
use crate::special::{gamma_quantile, ln_gamma};
use serde::{Deserialize, Serialize};

/// A gamma distribution of a rate of events per day: prior of a cohort, or posterior of one unit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct RateDistribution {
    /// Shape, > 0: for a prior, how many events it is worth.
    pub alpha: f64,
    /// Rate in days, > 0: for a prior, how many days of exposure it is worth.
    pub beta_days: f64,
}

impl RateDistribution {
    /// Fits a prior to the units of a cohort: `events[i]` (whole or weighted counts) in `exposure_days[i]`.
    /// Each unit's count is Poisson with its own rate, the rates are gamma (Greenwood and Yule 1920; Robbins
    /// 1956).
    ///
    /// The mean rate is the pooled one, with half an event added so that it is never 0. The shape maximizes
    /// the marginal (negative binomial) likelihood between 0.05 and 1,000: units as alike as chance allows
    /// get 1,000, and a unit's own record then hardly counts. With no events at all the shape is 0.5, as
    /// Jeffreys' prior has.
    ///
    /// # Errors
    /// No units, lengths that differ, a negative or non-finite value, no exposure at all, events in no
    /// exposure.
    ///
    /// ```
    /// use forewarn_models::RateDistribution;
    /// let prior = RateDistribution::fit(&[0.0, 0.0, 3.0, 1.0], &[365.0; 4])?;
    /// let quiet = prior.posterior(0.0, 365.0)?;
    /// let busy = prior.posterior(3.0, 365.0)?;
    /// assert!(quiet.mean() < prior.mean() && prior.mean() < busy.mean());
    /// assert!(RateDistribution::fit(&[1.0], &[0.0]).is_err());
    /// # Ok::<(), forewarn_models::ModelError>(())
    /// ```
    pub fn fit(events: &[f64], exposure_days: &[f64]) -> Result<Self, ModelError> {
        if events.is_empty() {
            return Err(ModelError::Empty { what: "units" });
        }
        same_length("exposure", exposure_days.len(), events.len())?;
        for (k, t) in events.iter().zip(exposure_days) {
            check_record(*k, *t)?;
        }
        let (k, t): (f64, f64) = (events.iter().sum(), exposure_days.iter().sum());
        in_range(t > 0.0, "sum of exposure", t, "greater than 0 days")?;
        let rate = (k + 0.5) / t;
        let alpha = if k > 0.0 { likely_shape(events, exposure_days, rate) } else { 0.5 };
        Ok(Self { alpha, beta_days: alpha / rate })
    }

    /// The posterior of a unit with this record: `alpha + events`, `beta + exposure`.
    ///
    /// # Errors
    /// A negative or non-finite value, or events in no exposure.
    pub fn posterior(&self, events: f64, exposure_days: f64) -> Result<Self, ModelError> {
        check_record(events, exposure_days)?;
        Ok(Self { alpha: self.alpha + events, beta_days: self.beta_days + exposure_days })
    }

    /// The mean rate, events per day. For a posterior it lies between the unit's own rate and the prior's
    /// mean.
    pub fn mean(&self) -> f64 {
        self.alpha / self.beta_days
    }

    /// The probability of at least one event within `horizon_days` (>= 0): `1 - (β / (β + h))^α`, the rate
    /// integrated out.
    pub fn probability_within(&self, horizon_days: f64) -> f64 {
        -(-self.alpha * (horizon_days.max(0.0) / self.beta_days).ln_1p()).exp_m1()
    }

    /// The central interval of the rate that holds the share `level`, in (0, 1), of the distribution.
    ///
    /// # Errors
    /// A level out of range.
    pub fn rate_interval(&self, level: f64) -> Result<(f64, f64), ModelError> {
        in_range(level > 0.0 && level < 1.0, "level", level, "in (0, 1)")?;
        let at = |q| gamma_quantile(q, self.alpha, self.beta_days);
        Ok((at(0.5 - 0.5 * level), at(0.5 + 0.5 * level)))
    }

    /// The interval of the probability of at least one event within `horizon_days`, from the interval of the
    /// rate.
    ///
    /// # Errors
    /// A level out of range.
    pub fn probability_interval(&self, horizon_days: f64, level: f64) -> Result<(f64, f64), ModelError> {
        let (low, high) = self.rate_interval(level)?;
        let within = |rate: f64| -(-rate * horizon_days.max(0.0)).exp_m1();
        Ok((within(low), within(high)))
    }
}

fn check_record(events: f64, exposure_days: f64) -> Result<(), ModelError> {
    in_range(events.is_finite() && events >= 0.0, "events", events, "finite, at least 0")?;
    in_range(
        exposure_days.is_finite() && exposure_days >= 0.0,
        "exposure",
        exposure_days,
        "finite, at least 0 days",
    )?;
    in_range(
        events == 0.0 || exposure_days > 0.0,
        "exposure of a unit with events",
        exposure_days,
        "greater than 0 days",
    )
}

/// The shape that maximizes the marginal likelihood at a given mean rate: a grid on the logarithm, then
/// golden section around its best.
fn likely_shape(events: &[f64], exposure_days: &[f64], rate: f64) -> f64 {
    let likelihood = |ln_alpha: f64| -> f64 {
        let alpha = ln_alpha.exp();
        let beta = alpha / rate;
        let unit = |(k, t): (&f64, &f64)| {
            let combinations =
                if *k > 0.0 { ln_gamma(alpha + k) - ln_gamma(alpha) - k * (beta + t).ln() } else { 0.0 };
            combinations - alpha * (t / beta).ln_1p()
        };
        events.iter().zip(exposure_days).map(unit).sum()
    };
    let (first, last, steps) = (0.05_f64.ln(), 1000.0_f64.ln(), 40);
    let at = |i: usize| first + (last - first) * i as f64 / steps as f64;
    let best = (0..=steps)
        .map(|i| (likelihood(at(i)), i))
        .fold((f64::NEG_INFINITY, 0), |best, v| if v.0 > best.0 { v } else { best })
        .1;
    let (mut low, mut high) = (at(best.saturating_sub(1)), at((best + 1).min(steps)));
    let golden = 0.618_033_988_749_895;
    for _ in 0..60 {
        let (left, right) = (high - golden * (high - low), low + golden * (high - low));
        if likelihood(left) < likelihood(right) {
            low = left;
        } else {
            high = right;
        }
    }
    (0.5 * (low + high)).exp()
}

/// How many events of the parent a small cohort borrows; Jeffreys' half.
const BORROWED: f64 = 0.5;

/// The rate of a cohort with `events` in `exposure_days`, shrunk to its parent's mean rate (events per day, >
/// 0): the parent counts as half an event, so a cohort of a few events already speaks for itself and one
/// without exposure has the parent's rate.
///
/// # Errors
/// A negative or non-finite value, events in no exposure, a parent rate that is not above 0.
///
/// ```
/// use forewarn_models::cohort_rate;
/// let none = cohort_rate(0.0, 0.0, 0.001)?;
/// assert!((none.mean() - 0.001).abs() < 1e-15);
/// assert!(cohort_rate(0.0, 1000.0, 0.001)?.mean() > 0.0);
/// assert!(cohort_rate(1.0, 10.0, 0.0).is_err());
/// # Ok::<(), forewarn_models::ModelError>(())
/// ```
pub fn cohort_rate(
    events: f64,
    exposure_days: f64,
    parent_rate: f64,
) -> Result<RateDistribution, ModelError> {
    in_range(
        parent_rate.is_finite() && parent_rate > 0.0,
        "parent_rate",
        parent_rate,
        "finite and greater than 0",
    )?;
    RateDistribution { alpha: BORROWED, beta_days: BORROWED / parent_rate }.posterior(events, exposure_days)
}

/// The share of ones among `n` rows of a cohort (weighted counts allowed), shrunk to its parent's share in
/// (0, 1) by `borrowed` rows of the parent (> 0; 1 is the weight of Jeffreys' prior, more for noisy cohorts).
/// Strictly between 0 and 1.
///
/// # Errors
/// `ones` not within 0 to `n`, a parent share out of (0, 1), `borrowed` not above 0.
///
/// ```
/// use forewarn_models::cohort_share;
/// assert_eq!(cohort_share(0.0, 0.0, 0.02, 1.0)?, 0.02);
/// assert!(cohort_share(3.0, 2.0, 0.02, 1.0).is_err());
/// # Ok::<(), forewarn_models::ModelError>(())
/// ```
pub fn cohort_share(ones: f64, n: f64, parent_share: f64, borrowed: f64) -> Result<f64, ModelError> {
    in_range(n.is_finite() && n >= 0.0, "n", n, "finite, at least 0")?;
    in_range(ones >= 0.0 && ones <= n, "ones", ones, "0 to n")?;
    in_range(parent_share > 0.0 && parent_share < 1.0, "parent_share", parent_share, "in (0, 1)")?;
    in_range(borrowed.is_finite() && borrowed > 0.0, "borrowed", borrowed, "finite and greater than 0")?;
    Ok((ones + borrowed * parent_share) / (n + borrowed))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::rng::{generator, uniform};

    /// Counts of units whose rates are gamma, by inversion of both distributions.
    fn drawn(alpha: f64, beta: f64, n: usize) -> (Vec<f64>, Vec<f64>) {
        let mut rng = generator(21, 0);
        (0..n)
            .map(|i| {
                let t = 100.0 + 10.0 * (i % 40) as f64;
                let rate = gamma_quantile(uniform(&mut rng), alpha, beta);
                let (mut k, mut wait) = (0.0, -uniform(&mut rng).max(1e-300).ln());
                while wait < rate * t {
                    k += 1.0;
                    wait -= uniform(&mut rng).max(1e-300).ln();
                }
                (k, t)
            })
            .unzip()
    }

    #[test]
    fn the_prior_is_found_again() {
        let (k, t) = drawn(0.8, 400.0, 3000);
        let fit = RateDistribution::fit(&k, &t).unwrap();
        assert!((fit.alpha / 0.8 - 1.0).abs() < 0.15, "{fit:?}");
        assert!((fit.mean() / 0.002 - 1.0).abs() < 0.1, "{fit:?}");
    }

    #[test]
    fn equal_units_are_shrunk_fully() {
        let fit = RateDistribution::fit(&[1.0; 50], &[100.0; 50]).unwrap();
        assert!(fit.alpha > 900.0);
        let none = RateDistribution::fit(&[0.0; 50], &[100.0; 50]).unwrap();
        assert_eq!(none.alpha, 0.5);
        assert!(none.mean() > 0.0);
        assert!(none.probability_within(30.0) > 0.0);
    }

    #[test]
    fn the_closed_form_is_the_integral() {
        let d = RateDistribution { alpha: 1.7, beta_days: 250.0 };
        let n = 20_000;
        let mean = (0..n)
            .map(|i| 1.0 - (-30.0 * gamma_quantile((f64::from(i) + 0.5) / f64::from(n), 1.7, 250.0)).exp())
            .sum::<f64>()
            / f64::from(n);
        assert!((d.probability_within(30.0) - mean).abs() < 1e-5);
        let (low, high) = d.probability_interval(30.0, 0.8).unwrap();
        assert!(0.0 < low && low < mean && mean < high && high < 1.0);
        assert!(d.rate_interval(1.0).is_err());
    }
}
