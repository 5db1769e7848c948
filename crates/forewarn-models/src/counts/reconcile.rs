//! Parts that sum to the whole: one total for all the ways of parting it, and parts scaled to it. It does not know how a
//! mean was forecast.

use crate::error::{ModelError, all_finite, in_range, same_length};

/// The whole's own forecast weighs as much as the sums of all the ways of parting it together.
const WHOLE_WEIGHT: f64 = 1.0;

/// Makes means of parts sum to the mean of the whole, in each period.
///
/// `whole[j]` is the whole's own forecast of period `j`; `levels[l][p][j]` is that of part `p` of the `l`-th way of parting
/// the whole. All are finite and at least 0. The whole becomes the mean of its own forecast and of the sums by level; each
/// part is scaled by the same factor as its siblings, so that no part turns negative and none is moved that expects
/// nothing. (The spread of counts grows with their mean, so the factor is close to what minimum trace reconciliation with
/// a diagonal of variances would do, Wickramasuriya, Athanasopoulos and Hyndman 2019.) Where all parts of a level expect nothing, the whole expects what they do.
///
/// # Errors
///
/// Lengths that differ, a mean that is negative or not finite.
///
/// # Example
///
/// ```
/// use forewarn_models::reconcile_counts;
/// let mut whole = vec![12.0];
/// let mut levels = vec![vec![vec![3.0], vec![5.0]], vec![vec![10.0]]];
/// reconcile_counts(&mut whole, &mut levels)?;
/// assert_eq!(whole, [10.5], "between 12 and the mean of 8 and 10");
/// assert_eq!(levels[0][0][0] + levels[0][1][0], whole[0]);
/// assert!(reconcile_counts(&mut vec![1.0], &mut [vec![vec![1.0, 2.0]]]).is_err(), "two periods of one");
/// # Ok::<(), forewarn_models::ModelError>(())
/// ```
pub fn reconcile_counts(whole: &mut [f64], levels: &mut [Vec<Vec<f64>>]) -> Result<(), ModelError> {
    for means in std::iter::once(&*whole).chain(levels.iter().flatten().map(Vec::as_slice)) {
        same_length("periods of a part", means.len(), whole.len())?;
        all_finite("mean of a part", means)?;
        let least = means.iter().copied().fold(0.0, f64::min);
        in_range(least >= 0.0, "mean of a part", least, "at least 0")?;
    }
    for level in levels.iter_mut() {
        level.retain(|p| !p.is_empty());
    }
    for (j, whole) in whole.iter_mut().enumerate() {
        let sums: Vec<f64> =
            levels.iter().filter(|l| !l.is_empty()).map(|l| l.iter().map(|p| p[j]).sum()).collect();
        if sums.is_empty() {
            continue;
        }
        let by_parts = sums.iter().sum::<f64>() / sums.len() as f64;
        *whole = if sums.iter().any(|s| *s <= 0.0) {
            0.0
        } else {
            (WHOLE_WEIGHT * *whole + by_parts) / (WHOLE_WEIGHT + 1.0)
        };
        for (level, sum) in levels.iter_mut().filter(|l| !l.is_empty()).zip(&sums) {
            let factor = if *sum > 0.0 { *whole / sum } else { 0.0 };
            for part in level.iter_mut() {
                part[j] *= factor;
            }
        }
    }
    Ok(())
}
