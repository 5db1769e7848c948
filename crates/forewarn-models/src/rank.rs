//! What follows from the order of numbers alone: the median, and whether two columns rise together. It does not know what the
//! numbers stand for.

use crate::error::{ModelError, same_length};

/// The median of numbers, which it moves about; NaN for none. NaN among them counts as above every number: leave it out
/// before.
///
/// ```
/// use forewarn_models::median;
/// assert_eq!((median(&mut [5.0, 1.0, 3.0]), median(&mut [5.0, 1.0, 3.0, 2.0])), (3.0, 2.5));
/// assert!(median(&mut []).is_nan());
/// ```
pub fn median(values: &mut [f64]) -> f64 {
    if values.is_empty() {
        return f64::NAN;
    }
    let (half, odd) = (values.len() / 2, values.len() % 2 == 1);
    let (below, upper, _) = values.select_nth_unstable_by(half, f64::total_cmp);
    let upper = *upper;
    if odd { upper } else { f64::midpoint(below.iter().copied().fold(f64::NEG_INFINITY, f64::max), upper) }
}

/// The ranks of values, ties sharing the mean of theirs.
fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut out = vec![0.0; values.len()];
    let mut before = 0;
    for tie in order.chunk_by(|&a, &b| values[a] == values[b]) {
        let rank = f64::midpoint(tie.len() as f64, 1.0) + before as f64;
        for &i in tie {
            out[i] = rank;
        }
        before += tie.len();
    }
    out
}

/// Spearman's rank correlation (Spearman, 1904), from -1 to 1: Pearson's of the ranks, ties sharing the mean of theirs, over
/// the rows where both are known. `None` where fewer than three are, or one of them is always the same.
///
/// # Errors
///
/// Lengths that differ.
///
/// # Examples
///
/// ```
/// use forewarn_models::rank_correlation;
///
/// let squares = [1.0, 4.0, 9.0, f64::NAN];
/// assert_eq!(rank_correlation(&[1.0, 2.0, 3.0, 0.0], &squares)?, Some(1.0));
/// assert_eq!(rank_correlation(&[7.0, 7.0, 7.0, 7.0], &squares)?, None);
/// assert!(rank_correlation(&[1.0], &squares).is_err());
/// # Ok::<(), forewarn_models::ModelError>(())
/// ```
pub fn rank_correlation(a: &[f64], b: &[f64]) -> Result<Option<f64>, ModelError> {
    same_length("the second column", b.len(), a.len())?;
    let known: (Vec<f64>, Vec<f64>) =
        a.iter().zip(b).filter(|(a, b)| !a.is_nan() && !b.is_nan()).map(|(a, b)| (*a, *b)).unzip();
    let n = known.0.len();
    if n < 3 {
        return Ok(None);
    }
    let (a, b) = (ranks(&known.0), ranks(&known.1));
    // Ranks have the same mean, whatever the ties.
    let mean = f64::midpoint(n as f64, 1.0);
    let sum = |x: &[f64], y: &[f64]| x.iter().zip(y).map(|(x, y)| (x - mean) * (y - mean)).sum::<f64>();
    let spread = sum(&a, &a) * sum(&b, &b);
    Ok((spread > 0.0).then(|| (sum(&a, &b) / spread.sqrt()).clamp(-1.0, 1.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_scipy() {
        // scipy.stats.spearmanr (1.17.1) of these rows, with ties in both.
        let a = [3.0, 1.0, 4.0, 1.0, 5.0, 9.0, 2.0, 6.0, 5.0, 3.0];
        let b = [2.0, 7.0, 1.0, 8.0, 2.0, 8.0, 1.0, 8.0, 2.0, 8.0];
        let got = rank_correlation(&a, &b).ok().flatten();
        assert!(got.is_some_and(|r| (r - 0.134_715_062_810_912_67).abs() < 1e-12), "{got:?}");
    }
}
