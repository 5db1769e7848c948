//! The one-standard-error rule: among candidates as good as the best within chance, the simplest. It does not
//! know what a candidate is.

use crate::bootstrap::Replicates;
use crate::error::{ModelError, all_finite, same_length};
use serde::Serialize;

/// How one candidate stands against the best.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Standing {
    /// The caller's name for it.
    pub name: String,
    /// Its score.
    pub score: f64,
    /// How much worse than the best it is, at least 0.
    pub shortfall: f64,
    /// Standard error of that difference, at least 0; 0 for the best itself.
    pub standard_error: f64,
    /// Whether the shortfall is at most one standard error.
    pub within: bool,
}

/// Which candidate is chosen, and why.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Choice {
    /// Position of the chosen candidate: the first (simplest) within one standard error of the best.
    pub chosen: usize,
    /// Position of the candidate with the best score; the simpler one on a tie.
    pub best: usize,
    /// All candidates in the caller's order.
    pub standings: Vec<Standing>,
}

/// Chooses among candidates ordered from simple to complex (Breiman et al. 1984, section 3.4.3, on paired
/// differences).
///
/// `standard_error(best, i)` is the standard error of the difference between the scores of `best` and `i`.
///
/// # Errors
/// No candidates, names and scores that differ in number, a score that is not finite.
///
/// ```
/// use forewarn_models::one_standard_error;
/// let choice = one_standard_error(&["rate", "logistic", "boosting"], &[0.10, 0.29, 0.30], true, |_, _| 0.02)?;
/// assert_eq!((choice.best, choice.chosen), (2, 1));
/// assert!(one_standard_error(&[], &[], true, |_, _| 0.0).is_err());
/// # Ok::<(), forewarn_models::ModelError>(())
/// ```
pub fn one_standard_error(
    names: &[&str],
    scores: &[f64],
    higher_is_better: bool,
    standard_error: impl Fn(usize, usize) -> f64,
) -> Result<Choice, ModelError> {
    if names.is_empty() {
        return Err(ModelError::Empty { what: "candidates" });
    }
    same_length("scores", scores.len(), names.len())?;
    all_finite("score", scores)?;
    let sign = if higher_is_better { 1.0 } else { -1.0 };
    let best =
        (0..scores.len()).fold(0, |best, i| if sign * scores[i] > sign * scores[best] { i } else { best });
    let standings: Vec<Standing> = (0..scores.len())
        .map(|i| {
            let shortfall = sign * (scores[best] - scores[i]);
            // An unknown standard error excuses nothing.
            let standard_error = if i == best {
                0.0
            } else {
                Some(standard_error(best, i)).filter(|e| *e > 0.0).unwrap_or(0.0)
            };
            Standing {
                name: names[i].to_string(),
                score: scores[i],
                shortfall,
                standard_error,
                within: shortfall <= standard_error,
            }
        })
        .collect();
    let chosen = standings.iter().position(|s| s.within).unwrap_or(best);
    Ok(Choice { chosen, best, standings })
}

/// As [`one_standard_error`], from paired bootstrap replicates of each candidate's score (same units, seed
/// and number of samples).
///
/// # Errors
/// As [`one_standard_error`], and if candidates and replicates differ in number.
pub fn one_standard_error_bootstrap(
    names: &[&str],
    scores: &[f64],
    replicates: &[Replicates],
    higher_is_better: bool,
) -> Result<Choice, ModelError> {
    same_length("replicates", replicates.len(), names.len())?;
    one_standard_error(names, scores, higher_is_better, |best, i| {
        replicates[best].minus(&replicates[i]).standard_error().unwrap_or(0.0)
    })
}

/// The standard error of a weighted mean whose rows come in units that vary together (sandwich of unit sums,
/// Liang and Zeger 1986).
pub(crate) fn clustered_standard_error(values: &[f64], weights: &[f64], units: &[u32]) -> f64 {
    let total: f64 = weights.iter().sum();
    if total <= 0.0 {
        return 0.0;
    }
    let mean = values.iter().zip(weights).map(|(v, w)| v * w).sum::<f64>() / total;
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by_key(|&i| units[i]);
    let squares: f64 = order
        .chunk_by(|&a, &b| units[a] == units[b])
        .map(|rows| rows.iter().map(|&i| weights[i] * (values[i] - mean)).sum::<f64>().powi(2))
        .sum();
    squares.sqrt() / total
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn the_best_wins_where_it_is_clearly_better() {
        let choice = one_standard_error(&["a", "b"], &[0.5, 0.3], false, |_, _| 0.1).unwrap();
        assert_eq!((choice.best, choice.chosen), (1, 1));
        let tie = one_standard_error(&["a", "b"], &[0.3, 0.3], false, |_, _| f64::NAN).unwrap();
        assert_eq!((tie.best, tie.chosen), (0, 0));
    }

    #[test]
    fn clusters_widen_the_standard_error() {
        let v: Vec<f64> = (0..100).map(|i| f64::from(i / 10 % 2)).collect();
        let alone: Vec<u32> = (0..100).collect();
        let grouped: Vec<u32> = (0..100).map(|i| i / 10).collect();
        let w = vec![1.0; 100];
        assert!((clustered_standard_error(&v, &w, &alone) - 0.05).abs() < 1e-12);
        assert!(clustered_standard_error(&v, &w, &grouped) > 0.15);
    }
}
