//! How well one column alone tells ones from zeros, whichever way round and whatever its empty cells mean. It does not know
//! what a column stands for.

use crate::error::{ModelError, outcomes_and_weights, same_length};

/// The area under the ROC curve of a column taken alone, 0.5 to 1: high values may mean ones or zeros, and an empty cell
/// (NaN) may stand below all others or above them; the best of the four readings counts. Ties count half (Hanley and McNeil,
/// 1982). `None` where outcomes are all the same.
///
/// # Errors
///
/// No rows, lengths that differ, outcomes other than 0 and 1, weights that are negative or all 0.
///
/// # Examples
///
/// ```
/// use forewarn_models::auc_alone;
///
/// // Low values come before failures here, and an empty cell does too.
/// let column = [1.0, f64::NAN, 5.0, 6.0];
/// assert_eq!(auc_alone(&column, &[1.0, 1.0, 0.0, 0.0], None)?, Some(1.0));
/// // Nothing varies, so nothing is told.
/// assert_eq!(auc_alone(&[2.0, 2.0], &[1.0, 0.0], None)?, Some(0.5));
/// assert!(auc_alone(&[2.0], &[1.0, 0.0], None).is_err());
/// # Ok::<(), forewarn_models::ModelError>(())
/// ```
pub fn auc_alone(
    column: &[f64],
    outcome: &[f64],
    weights: Option<&[f64]>,
) -> Result<Option<f64>, ModelError> {
    let weight = weights.map_or_else(|| vec![1.0; outcome.len()], <[f64]>::to_vec);
    outcomes_and_weights(outcome, &weight)?;
    same_length("column", column.len(), outcome.len())?;
    let (empty, mut filled): (Vec<usize>, Vec<usize>) = (0..column.len()).partition(|&i| column[i].is_nan());
    filled.sort_by(|&a, &b| column[a].total_cmp(&column[b]));
    let sums = |rows: &[usize]| {
        rows.iter().fold((0.0, 0.0), |(one, zero), &i| {
            (one + weight[i] * outcome[i], zero + weight[i] * (1.0 - outcome[i]))
        })
    };
    let (ones, zeros) = sums(&filled);
    let (empty_ones, empty_zeros) = sums(&empty);
    let pairs = (ones + empty_ones) * (zeros + empty_zeros);
    if pairs <= 0.0 {
        return Ok(None);
    }
    // Pairs in which the one has the higher value.
    let (mut higher, mut zeros_below) = (0.0, 0.0);
    for tie in filled.chunk_by(|&a, &b| column[a] == column[b]) {
        let (one, zero) = sums(tie);
        higher += one * (zeros_below + zero / 2.0);
        zeros_below += zero;
    }
    let among_empty = empty_ones * empty_zeros / 2.0;
    let empty_lowest = (higher + ones * empty_zeros + among_empty) / pairs;
    let empty_highest = (higher + empty_ones * zeros + among_empty) / pairs;
    let best = |auc: f64| auc.max(1.0 - auc);
    Ok(Some(best(empty_lowest).max(best(empty_highest)).min(1.0)))
}
