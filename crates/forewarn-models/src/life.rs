//! Remaining life from probabilities at a few horizons. It does not know what fails, nor how sure the
//! probabilities are.

use crate::error::{ModelError, in_range, same_length};

/// When an asset is expected to fail, in days from now; `None` where that lies beyond the longest horizon
/// (right-censored).
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Life {
    /// The day by which it fails with probability 0.1.
    pub low: Option<f64>,
    /// The median: the day by which it fails with probability 0.5.
    pub median: Option<f64>,
    /// The day by which it fails with probability 0.9; from `low` to here is the 80 % interval.
    pub high: Option<f64>,
}

impl Life {
    /// This life, from probabilities within horizons up to `longest_days`, told more closely by how the unit declines: the
    /// decline's quantiles, with the median held within this life's interval, so that the two do not contradict each
    /// other. A quantile of the decline that is missing lies beyond the longest horizon; a missing median leaves this
    /// life's.
    ///
    /// On engines that run until they fail (C-MAPSS) the decline erred less than the probabilities, or the mean of both; see
    /// `benches/results/degradations.md`.
    ///
    /// ```
    /// use forewarn_models::Life;
    /// let by_risk = Life { low: Some(5.0), median: Some(20.0), high: None };
    /// let declines = Life { low: Some(12.0), median: Some(16.0), high: Some(22.0) };
    /// assert_eq!(by_risk.told_by_decline(declines, 90.0), declines);
    /// // It fails within 20 days almost surely: no decline says otherwise.
    /// let soon = Life { high: Some(20.0), ..by_risk };
    /// let late = Life { low: Some(40.0), median: Some(60.0), high: None };
    /// assert_eq!(soon.told_by_decline(late, 90.0).median, Some(20.0));
    /// ```
    #[must_use]
    pub fn told_by_decline(self, decline: Self, longest_days: f64) -> Self {
        let far = |days: Option<f64>| days.unwrap_or(f64::INFINITY);
        let within = |days: f64| days.is_finite().then_some(days);
        let (least, most) = (self.low.unwrap_or(longest_days), far(self.high));
        let median = far(decline.median.or(self.median)).max(least).min(most);
        Self {
            low: within(far(decline.low).min(median)),
            median: within(median),
            high: within(far(decline.high).max(median)),
        }
    }
}

/// Probabilities this close to 1 are taken for this, so that a hazard stays finite.
const ALMOST_SURE: f64 = 1.0 - 1e-12;

/// The quantiles of the time to failure whose probability within `horizons_days[k]` is `probabilities[k]`.
///
/// The hazard is constant between horizons, so the cumulative hazard `H(t) = −ln(1 − P(t))` is linear through
/// the given points and 0 at 0 (the piecewise exponential curve of Friedman, 1982), and a quantile is the first
/// time at which `H` reaches it. Beyond the longest horizon nothing is said. The interval is that of the life
/// given this curve: how uncertain the probabilities are does not widen it.
///
/// Higher probabilities never give a longer life, and `low ≤ median ≤ high`.
///
/// # Errors
/// No horizons; lengths that differ; horizons that are not finite, above 0 and ascending; probabilities that are
/// not in \[0, 1\] and never falling.
///
/// ```
/// use forewarn_models::remaining_life;
/// // One failure in 50 days on average, at any age.
/// let p = |t: f64| 1.0 - (-t / 50.0_f64).exp();
/// let life = remaining_life(&[7.0, 30.0, 90.0], &[p(7.0), p(30.0), p(90.0)])?;
/// assert!((life.median.ok_or("within 90 days")? - 50.0 * 2.0_f64.ln()).abs() < 1e-9);
/// assert_eq!(life.high, None); // more than 90 days
/// assert!(remaining_life(&[30.0, 7.0], &[0.1, 0.2]).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn remaining_life(horizons_days: &[f64], probabilities: &[f64]) -> Result<Life, ModelError> {
    if horizons_days.is_empty() {
        return Err(ModelError::Empty { what: "horizons" });
    }
    same_length("probabilities", probabilities.len(), horizons_days.len())?;
    let (mut last_day, mut last_p) = (0.0, 0.0);
    for (&day, &p) in horizons_days.iter().zip(probabilities) {
        in_range(day.is_finite() && day > last_day, "horizons_days", day, "finite, above 0 and ascending")?;
        in_range((last_p..=1.0).contains(&p), "probabilities", p, "in 0 to 1 and never falling")?;
        (last_day, last_p) = (day, p);
    }
    let at = |survival: f64| -> Option<f64> {
        let wanted = -survival.ln();
        let (mut from, mut reached) = (0.0, 0.0);
        for (&day, &p) in horizons_days.iter().zip(probabilities) {
            let hazard = -(-p.min(ALMOST_SURE)).ln_1p();
            if hazard >= wanted {
                return Some(from + (day - from) * (wanted - reached) / (hazard - reached));
            }
            (from, reached) = (day, hazard);
        }
        None
    };
    Ok(Life { low: at(0.9), median: at(0.5), high: at(0.1) })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn a_constant_hazard_gives_its_quantiles() {
        let check = |rate: f64, horizons: &[f64]| {
            let p: Vec<f64> = horizons.iter().map(|t| 1.0 - (-rate * t).exp()).collect();
            let life = remaining_life(horizons, &p).unwrap();
            let longest = horizons[horizons.len() - 1];
            for (found, survival) in [(life.low, 0.9_f64), (life.median, 0.5), (life.high, 0.1)] {
                let exact = -survival.ln() / rate;
                match found {
                    Some(t) => assert!((t / exact - 1.0).abs() < 1e-9, "{rate} {t} {exact}"),
                    None => assert!(exact > longest, "{rate} {exact}"),
                }
            }
        };
        for rate in [1e-5, 0.001, 0.01, 0.03, 0.1] {
            check(rate, &[7.0, 30.0, 90.0]);
            check(rate, &[30.0]);
        }
        check(1.0, &[1.0, 5.0]);
    }

    #[test]
    fn pieces_have_their_own_hazard() {
        // All the hazard comes in the second week: half of it is there at its middle.
        let p = 1.0 - 0.25;
        let life = remaining_life(&[7.0, 14.0, 90.0], &[0.0, p, p]).unwrap();
        assert!((life.median.unwrap() - 10.5).abs() < 1e-12);
        assert_eq!(life.high, None);
        // Certain failure leaves a finite curve.
        let sure = remaining_life(&[10.0], &[1.0]).unwrap();
        assert!(sure.low.unwrap() > 0.0 && sure.high.unwrap() < 10.0);
    }

    #[test]
    fn what_is_no_curve_is_refused() {
        for (h, p) in [
            (&[][..], &[][..]),
            (&[7.0], &[0.1, 0.2]),
            (&[0.0], &[0.1]),
            (&[f64::INFINITY], &[0.1]),
            (&[7.0, 7.0], &[0.1, 0.2]),
            (&[7.0, 30.0], &[0.2, 0.1]),
            (&[7.0], &[1.1]),
            (&[7.0], &[f64::NAN]),
        ] {
            assert!(remaining_life(h, p).is_err(), "{h:?} {p:?}");
        }
    }
}
