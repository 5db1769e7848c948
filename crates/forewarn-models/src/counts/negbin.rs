//! The negative binomial distribution by mean and spread, for counts that scatter more than chance alone makes them. It
//! does not know series, calendars or how a mean was found.

use std::sync::OnceLock;

use super::spread::COUNT_LEVELS;
use crate::special::{beta_p, gamma_p, gamma_quantile};

/// Above this mean, quantiles come from the gamma distribution of the same mean and variance: the steps of one ticket no
/// longer matter, and summing them would take long.
const SMOOTH_ABOVE: f64 = 400.0;

/// The shapes at which the gamma quantiles are tabled: this many to a factor of e, from e to the first power to the second.
const SHAPES_PER_E: f64 = 16.0;
const LN_SHAPES: (f64, f64) = (-6.0, 15.0);

/// The quantiles at [`COUNT_LEVELS`] of the gamma distribution of mean 1 and that shape, interpolated in a table: choosing
/// a spread asks for them some hundred thousand times.
fn gamma_levels(shape: f64) -> [f64; 7] {
    static TABLE: OnceLock<Vec<[f64; 7]>> = OnceLock::new();
    let table = TABLE.get_or_init(|| {
        let n = ((LN_SHAPES.1 - LN_SHAPES.0) * SHAPES_PER_E) as usize;
        (0..=n)
            .map(|i| {
                let shape = (LN_SHAPES.0 + i as f64 / SHAPES_PER_E).exp();
                COUNT_LEVELS.map(|q| gamma_quantile(q, shape, shape))
            })
            .collect()
    });
    let at = ((shape.ln().clamp(LN_SHAPES.0, LN_SHAPES.1) - LN_SHAPES.0) * SHAPES_PER_E).max(0.0);
    let low = (at as usize).min(table.len() - 2);
    let part = at - low as f64;
    std::array::from_fn(|k| (1.0 - part) * table[low][k] + part * table[low + 1][k])
}

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
        let shape = mean * mean / variance;
        if levels == COUNT_LEVELS {
            return gamma_levels(shape).iter().map(|x| (x * mean).round()).collect();
        }
        return levels.iter().map(|q| gamma_quantile(*q, shape, shape / mean).round()).collect();
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::counts::tests::cases;

    #[test]
    fn agrees_with_scipy() {
        for row in cases("cdf") {
            let found = negbin_cdf(row[0], row[1], row[2]);
            assert!((found - row[3]).abs() < 1e-10, "{row:?}: {found}");
        }
        for row in cases("quantiles") {
            assert_eq!(negbin_quantiles(&COUNT_LEVELS, row[0], row[1]), row[2..], "{row:?}");
        }
    }

    #[test]
    fn large_means_join_smoothly() {
        for spread in [0.0, 0.01, 0.3] {
            let (below, above) = (
                negbin_quantiles(&COUNT_LEVELS, SMOOTH_ABOVE, spread),
                negbin_quantiles(&COUNT_LEVELS, SMOOTH_ABOVE * 1.0001, spread),
            );
            for (b, a) in below.iter().zip(&above) {
                assert!((b - a).abs() <= 2.0 + 0.005 * b, "{spread}: {below:?} {above:?}");
            }
        }
    }

    #[test]
    fn the_table_agrees_with_the_gamma_distribution() {
        for shape in [0.05, 0.7, 3.0, 55.0, 2e4] {
            for (q, x) in COUNT_LEVELS.iter().zip(gamma_levels(shape)) {
                let exact = gamma_quantile(*q, shape, shape);
                assert!((x - exact).abs() < 0.005 * exact.max(0.01), "{shape} {q}: {x} {exact}");
            }
        }
    }

    #[test]
    fn a_mixture_lies_between_its_parts() {
        let levels = COUNT_LEVELS;
        let mixed = mixed_quantiles(&levels, 100.0, 2.0, 0.3, 0.02);
        assert!(mixed[0] < 4.0 && mixed[6] > 100.0, "{mixed:?}");
        assert_eq!(mixed_quantiles(&levels, 100.0, 2.0, 0.0, 0.02), negbin_quantiles(&levels, 100.0, 0.02));
        assert_eq!(mixed_quantiles(&levels, 100.0, 2.0, 1.0, 0.02), negbin_quantiles(&levels, 2.0, 0.02));
        for (q, level) in mixed.iter().zip(levels) {
            let reached = 0.7 * negbin_cdf(*q, 100.0, 0.02) + 0.3 * negbin_cdf(*q, 2.0, 0.02);
            let before = 0.7 * negbin_cdf(*q - 1.0, 100.0, 0.02) + 0.3 * negbin_cdf(*q - 1.0, 2.0, 0.02);
            assert!(reached >= level && before < level, "{level}: {q}");
        }
    }
}
