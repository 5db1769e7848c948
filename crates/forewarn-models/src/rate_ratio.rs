//! Whether events come faster than before: the ratio of two Poisson rates with its exact interval. It does not know what
//! is counted.

use crate::error::{ModelError, in_range};
use crate::special::beta_quantile;

/// The ratio of two rates and its interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PoissonRatio {
    /// The later rate over the earlier one, half an event added to each count, so that none is 0 or infinite.
    pub ratio: f64,
    /// Lower end of the interval; 0 where nothing came later.
    pub low: f64,
    /// Upper end; infinite where nothing came earlier.
    pub high: f64,
}

/// The rate of `later` events in `later_days` over that of `earlier` events in `earlier_days`, with its interval at
/// `level`. Given their sum, the later count is binomial, and the interval of its share (Clopper and Pearson, 1934) is
/// that of the ratio (Przyborowski and Wilenski, 1940).
///
/// # Errors
/// Days that are not finite and above 0, or a level out of (0, 1).
///
/// ```
/// use forewarn_models::rate_ratio;
/// let r = rate_ratio(20, 10.0, 10, 10.0, 0.95)?;
/// assert!(r.low < 1.0 && r.high > 4.0);
/// let r = rate_ratio(40, 10.0, 10, 10.0, 0.95)?;
/// assert!(r.low > 1.9 && r.ratio > 3.8 && r.high < 9.0);
/// assert!(rate_ratio(1, 0.0, 1, 1.0, 0.95).is_err());
/// # Ok::<(), forewarn_models::ModelError>(())
/// ```
pub fn rate_ratio(
    later: u64,
    later_days: f64,
    earlier: u64,
    earlier_days: f64,
    level: f64,
) -> Result<PoissonRatio, ModelError> {
    for (name, days) in [("later_days", later_days), ("earlier_days", earlier_days)] {
        in_range(days.is_finite() && days > 0.0, name, days, "finite and above 0")?;
    }
    in_range(level > 0.0 && level < 1.0, "level", level, "in (0, 1)")?;
    let (x, y) = (later as f64, earlier as f64);
    let tail = (1.0 - level) / 2.0;
    let days = earlier_days / later_days;
    let odds = |p: f64| if p >= 1.0 { f64::INFINITY } else { p / (1.0 - p) * days };
    Ok(PoissonRatio {
        ratio: (x + 0.5) / (y + 0.5) * days,
        low: if later == 0 { 0.0 } else { odds(beta_quantile(tail, x, y + 1.0)) },
        high: if earlier == 0 { f64::INFINITY } else { odds(beta_quantile(1.0 - tail, x + 1.0, y)) },
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn the_ends_leave_the_tails_of_the_binomial() {
        let r = rate_ratio(11, 800.0, 6, 1083.0, 0.95).unwrap();
        assert!((r.ratio - 11.5 / 6.5 * 1083.0 / 800.0).abs() < 1e-12);
        assert!(r.low < r.ratio && r.ratio < r.high);
        // The ends are where the binomial tails hold 2.5 %.
        for (p, tail) in [(r.low, true), (r.high, false)] {
            let share = p * 800.0 / (p * 800.0 + 1083.0);
            let pmf = |k: u32| {
                let c: f64 = (0..k).map(|i| f64::from(17 - i) / f64::from(i + 1)).product();
                c * share.powi(k as i32) * (1.0 - share).powi(17 - k as i32)
            };
            let mass: f64 = if tail { (11..=17).map(pmf).sum() } else { (0..=11).map(pmf).sum() };
            assert!((mass - 0.025).abs() < 1e-6, "{mass}");
        }
    }

    #[test]
    fn nothing_on_a_side_leaves_it_open() {
        let r = rate_ratio(0, 28.0, 5, 182.0, 0.95).unwrap();
        assert!(r.low == 0.0 && r.high.is_finite() && r.ratio > 0.0);
        let r = rate_ratio(5, 28.0, 0, 182.0, 0.95).unwrap();
        assert!(r.high.is_infinite() && r.low > 1.0 && r.ratio.is_finite());
        assert_eq!(rate_ratio(0, 1.0, 0, 1.0, 0.95).unwrap().ratio, 1.0);
        assert!(rate_ratio(1, f64::NAN, 1, 1.0, 0.95).is_err() && rate_ratio(1, 1.0, 1, 1.0, 1.0).is_err());
    }
}
