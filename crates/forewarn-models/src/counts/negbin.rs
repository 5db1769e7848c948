//! The negative binomial distribution by mean and spread, for counts that scatter more than chance alone makes them. It
//! does not know series, calendars or how a mean was found.

use crate::special::{beta_p, gamma_p, gamma_quantile};

/// Above this mean, quantiles come from the gamma distribution of the same mean and variance: the steps of one ticket no
/// longer matter, and summing them would take long.
const SMOOTH_ABOVE: f64 = 400.0;

/// `P(Y <= y)` of a count with that `mean` and variance `mean + spread · mean²` (`spread` 0: Poisson).
///
/// `mean` and `spread` are finite and at least 0. By the incomplete beta function (Johnson, Kemp and Kotz 2005, section
/// 5.6), by the incomplete gamma function where the spread is 0.
///
/// # Example
///
/// ```
/// use forewarn_models::negbin_cdf;
/// assert!((negbin_cdf(0.0, 2.0, 0.0) - (-2.0_f64).exp()).abs() < 1e-12);
/// assert!((negbin_cdf(0.0, 2.0, 0.5) - 0.25).abs() < 1e-12, "(1 + 0.5 · 2)^-2");
/// assert_eq!(negbin_cdf(-1.0, 2.0, 0.5), 0.0, "there are no negative counts");
/// ```
pub fn negbin_cdf(y: f64, mean: f64, spread: f64) -> f64 {
    if y < 0.0 {
        return 0.0;
    }
    if mean <= 0.0 {
        return 1.0;
    }
    let y = y.floor();
    if spread < 1e-9 {
        1.0 - gamma_p(y + 1.0, mean)
    } else {
        beta_p(1.0 / spread, y + 1.0, 1.0 / (1.0 + spread * mean))
    }
}

/// The least counts that reach each of `levels` (ascending, in `(0, 1)`) of a count with that `mean` and variance
/// `mean + spread · mean²`.
///
/// # Example
///
/// ```
/// use forewarn_models::negbin_quantiles;
/// assert_eq!(negbin_quantiles(&[0.1, 0.5, 0.9], 2.0, 0.0), [0.0, 2.0, 4.0]);
/// assert_eq!(negbin_quantiles(&[0.5, 0.9], 0.0, 1.0), [0.0, 0.0], "nothing is expected, so nothing comes");
/// ```
pub fn negbin_quantiles(levels: &[f64], mean: f64, spread: f64) -> Vec<f64> {
    if mean.is_nan() || mean <= 0.0 {
        return vec![0.0; levels.len()];
    }
    let variance = mean * (1.0 + spread * mean);
    if mean > SMOOTH_ABOVE {
        // The middle of a step stands for the step, hence the half.
        let (shape, rate) = (mean * mean / variance, mean / variance);
        return levels.iter().map(|q| gamma_quantile(*q, shape, rate).round()).collect();
    }
    let (mut term, ratio, size) = if spread < 1e-9 {
        ((-mean).exp(), mean, f64::INFINITY)
    } else {
        let size = 1.0 / spread;
        ((-size * (spread * mean).ln_1p()).exp(), spread * mean / (1.0 + spread * mean), size)
    };
    let (mut y, mut below) = (0.0, term);
    let most = mean + 60.0 * variance.sqrt() + 60.0;
    levels
        .iter()
        .map(|q| {
            while below < *q && y < most {
                y += 1.0;
                term *= if size.is_finite() { (size + y - 1.0) / y * ratio } else { ratio / y };
                below += term;
            }
            y
        })
        .collect()
}

/// The least counts that reach each of `levels` of a count that is of mean `rest` with probability `chance`, and of mean
/// `usual` otherwise; both with that `spread`.
pub(super) fn mixed_quantiles(levels: &[f64], usual: f64, rest: f64, chance: f64, spread: f64) -> Vec<f64> {
    let (low, high) = (negbin_quantiles(levels, rest, spread), negbin_quantiles(levels, usual, spread));
    let reached =
        |y: f64| (1.0 - chance) * negbin_cdf(y, usual, spread) + chance * negbin_cdf(y, rest, spread);
    levels
        .iter()
        .zip(low.iter().zip(&high))
        .map(|(q, (low, high))| {
            // The mixture's quantile lies between those of its parts.
            let (mut below, mut at) = (low.min(*high) - 1.0, high.max(*low));
            while at - below > 1.0 {
                let middle = f64::midpoint(at, below).floor();
                if reached(middle) >= *q { at = middle } else { below = middle }
            }
            at
        })
        .collect()
}
