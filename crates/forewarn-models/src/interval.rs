//! How sure a probability is: an interval from held-out predictions near it and from the disagreement of the
//! models. It does not know the models.

use crate::error::{ModelError, in_range, outcomes_and_weights, same_length};
use crate::special::{beta_quantile, logit, normal_half_width, sigmoid};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// Held-out rows near a probability are those of the same part out of at most this many, equal in weight.
const MAX_PARTS: usize = 20;
/// A part holds at least this many effective units, if there are that many.
const MIN_PART_UNITS: f64 = 30.0;
/// No interval reaches nearer to 0 or 1 than this.
const EDGE: f64 = 1e-9;

/// Log odds above the usual, and the standard deviation of the truth's log odds around a prediction there: linear between,
/// constant beyond. Measured on a simulated fleet whose truth is known (5,000 assets, seed 11), and looked at on two others
/// (seeds 1 and 12).
const UNSEEN: [(f64, f64); 4] = [(-1.2, 0.2), (1.0, 1.3), (2.0, 1.3), (3.5, 0.6)];

/// How far the true chance of a failure lies from a calibrated prediction, asset by asset: the standard deviation of the
/// difference in log odds, 0.2 to 1.3, where the prediction is `above_usual` log odds above the fleet's rate.
///
/// Assets that get the same prediction are not alike. Among those that show nothing the truth is near; where signs are weak,
/// some assets are healthy and some nearly broken, and no outcome that comes once tells which; where signs are strong, most
/// are what they seem. That spread cannot be learned from outcomes, so it is taken from a simulated fleet.
///
/// ```
/// use forewarn_models::unseen_spread;
/// assert!(unseen_spread(-2.0) < unseen_spread(0.0) && unseen_spread(4.0) < unseen_spread(1.5));
/// assert!(unseen_spread(f64::NAN).is_nan());
/// ```
#[must_use]
pub fn unseen_spread(above_usual: f64) -> f64 {
    let (first, last) = (UNSEEN[0], UNSEEN[UNSEEN.len() - 1]);
    let z = above_usual.clamp(first.0, last.0);
    UNSEEN
        .windows(2)
        .find(|k| z <= k[1].0)
        .map_or(z, |k| k[0].1 + (k[1].1 - k[0].1) * (z - k[0].0) / (k[1].0 - k[0].0))
}

/// What held-out predictions tell about probabilities near each other: how many there were, and what came
/// true.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LocalEvidence {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Part {
    /// Log odds in the middle of the part.
    center: f64,
    /// Effective number of units.
    n: f64,
}

impl LocalEvidence {
    /// Learns from held-out calibrated probabilities (in (0, 1)), outcomes, weights and `units`, the codes of
    /// rows that vary together: an asset predicted at ten cutoffs is one unit, not ten.
    ///
    /// The effective number of a part is Kish's `(ΣW)² / ΣW²` over the weights of its units.
    ///
    /// # Errors
    /// No rows, lengths that differ, probabilities out of (0, 1), bad outcomes or weights.
    pub fn fit(
        probability: &[f64],
        outcomes: &[f64],
        weights: &[f64],
        units: &[u32],
    ) -> Result<Self, ModelError> {
        outcomes_and_weights(outcomes, weights)?;
        same_length("probabilities", probability.len(), outcomes.len())?;
        same_length("units", units.len(), outcomes.len())?;
        for p in probability {
            in_range(*p > 0.0 && *p < 1.0, "probability", *p, "in (0, 1)")?;
        }
        let mut order: Vec<usize> = (0..probability.len()).filter(|&i| weights[i] > 0.0).collect();
        order.sort_by(|&a, &b| probability[a].total_cmp(&probability[b]));
        let all = effective_units(&order, weights, units);
        let n_parts = ((all / MIN_PART_UNITS) as usize).clamp(1, MAX_PARTS).min(order.len());
        let total: f64 = order.iter().map(|&i| weights[i]).sum();
        let mut parts: Vec<Vec<usize>> = vec![Vec::new(); n_parts];
        let mut before = 0.0;
        for i in order {
            parts[((before / total * n_parts as f64) as usize).min(n_parts - 1)].push(i);
            before += weights[i];
        }
        let parts = parts
            .iter()
            .filter(|rows| !rows.is_empty())
            .map(|rows| {
                let weight: f64 = rows.iter().map(|&i| weights[i]).sum();
                let center = rows.iter().map(|&i| weights[i] * logit(probability[i])).sum::<f64>() / weight;
                Part { center, n: effective_units(rows, weights, units) }
            })
            .collect();
        Ok(Self { parts })
    }

    /// The effective number of held-out units near a probability in (0, 1), linear in log odds between parts;
    /// beyond the outermost part it falls with the distance, since nothing was seen there.
    pub fn effective_count(&self, probability: f64) -> f64 {
        let z = logit(probability.clamp(EDGE, 1.0 - EDGE));
        let next = self.parts.partition_point(|p| p.center <= z);
        match (next.checked_sub(1).map(|i| &self.parts[i]), self.parts.get(next)) {
            (Some(a), Some(b)) => a.n + (b.n - a.n) * (z - a.center) / (b.center - a.center),
            (Some(end), None) | (None, Some(end)) => end.n / (1.0 + (z - end.center).powi(2)),
            (None, None) => 0.0,
        }
    }
}

/// Kish's effective number of the units among some rows.
fn effective_units(rows: &[usize], weights: &[f64], units: &[u32]) -> f64 {
    let mut by_unit: Vec<(u32, f64)> = rows.iter().map(|&i| (units[i], weights[i])).collect();
    by_unit.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
    let (mut sum, mut squares) = (0.0, 0.0);
    for unit in by_unit.chunk_by(|a, b| a.0 == b.0) {
        let w: f64 = unit.iter().map(|u| u.1).sum();
        sum += w;
        squares += w * w;
    }
    if squares > 0.0 { sum * sum / squares } else { 0.0 }
}

/// An interval of this `level`, in (0, 1), around a probability in (0, 1): it contains the probability and
/// excludes 0 and 1.
///
/// Two sources of doubt are added in quadrature on log odds: the Beta posterior `(n p + ½, n (1 - p) + ½)` of
/// what `effective_count` (`n`, at least 0) units near `p` can tell (Jeffreys 1946), and `disagreement` (at
/// least 0), the standard deviation of the members' log odds on the calibrated scale, taken as normal.
///
/// # Errors
/// Any argument out of its range.
///
/// ```
/// use forewarn_models::probability_interval;
/// let (low, high) = probability_interval(0.1, 200.0, 0.2, 0.8)?;
/// assert!(0.0 < low && low < 0.1 && 0.1 < high && high < 1.0);
/// let unsure = probability_interval(0.1, 5.0, 1.0, 0.8)?;
/// assert!(unsure.0 < low && unsure.1 > high);
/// assert!(probability_interval(1.0, 200.0, 0.2, 0.8).is_err());
/// # Ok::<(), forewarn_models::ModelError>(())
/// ```
pub fn probability_interval(
    probability: f64,
    effective_count: f64,
    disagreement: f64,
    level: f64,
) -> Result<(f64, f64), ModelError> {
    let one = probability_intervals(&[probability], &[effective_count], &[disagreement], level)?;
    Ok(one[0])
}

fn interval(probability: f64, effective_count: f64, disagreement: f64, level: f64, half: f64) -> (f64, f64) {
    let z = logit(probability);
    let (a, b) = (effective_count * probability + 0.5, effective_count * (1.0 - probability) + 0.5);
    let below = (z - logit(beta_quantile(0.5 - 0.5 * level, a, b))).max(0.0);
    let above = (logit(beta_quantile(0.5 + 0.5 * level, a, b)) - z).max(0.0);
    let spread = half * disagreement;
    // Rounding could put an end on the wrong side of the probability, or on 0 or 1.
    let low = sigmoid(z - below.hypot(spread)).max(EDGE).min(probability);
    let high = sigmoid(z + above.hypot(spread)).min(1.0 - EDGE).max(probability);
    (low, high)
}

/// [`probability_interval`] of many rows, with the effective number of units near each.
///
/// # Errors
/// Lengths that differ, or a value out of its range.
pub fn probability_intervals(
    probability: &[f64],
    effective_count: &[f64],
    disagreement: &[f64],
    level: f64,
) -> Result<Vec<(f64, f64)>, ModelError> {
    same_length("effective counts", effective_count.len(), probability.len())?;
    same_length("disagreement", disagreement.len(), probability.len())?;
    in_range(level > 0.0 && level < 1.0, "level", level, "in (0, 1)")?;
    for ((p, n), d) in probability.iter().zip(effective_count).zip(disagreement) {
        in_range(*p > 0.0 && *p < 1.0, "probability", *p, "in (0, 1)")?;
        in_range(n.is_finite() && *n >= 0.0, "effective_count", *n, "finite, at least 0")?;
        in_range(d.is_finite() && *d >= 0.0, "disagreement", *d, "finite, at least 0")?;
    }
    let half = normal_half_width(level);
    Ok((0..probability.len())
        .into_par_iter()
        .map(|i| interval(probability[i], effective_count[i], disagreement[i], level, half))
        .collect())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn repeated_units_count_once() {
        let p: Vec<f64> = (0..1200).map(|i| 0.01 + f64::from(i % 100) / 250.0).collect();
        let y: Vec<f64> = (0..1200).map(|i| f64::from(u8::from(i % 5 == 0))).collect();
        let w = vec![1.0; 1200];
        let alone: Vec<u32> = (0..1200).collect();
        let repeated: Vec<u32> = (0..1200).map(|i| i % 100).collect();
        let many = LocalEvidence::fit(&p, &y, &w, &alone).unwrap();
        let few = LocalEvidence::fit(&p, &y, &w, &repeated).unwrap();
        assert!((many.effective_count(0.2) - 60.0).abs() < 10.0, "{}", many.effective_count(0.2));
        assert!(few.effective_count(0.2) <= 40.0);
        assert!(many.effective_count(0.999) < 10.0);
        assert!(LocalEvidence::fit(&[1.0], &[1.0], &[1.0], &[0]).is_err());
    }

    #[test]
    fn more_evidence_narrows_and_disagreement_widens() {
        let width = |n, d| {
            let (low, high) = probability_interval(0.05, n, d, 0.8).unwrap();
            high - low
        };
        assert!(width(10.0, 0.0) > width(100.0, 0.0) && width(100.0, 0.0) > width(1e6, 0.0));
        assert!(width(100.0, 0.0) < width(100.0, 0.5));
    }
}
