//! Columns cut into at most 255 bins, once for many trees. It does not know outcomes.

use rayon::prelude::*;

use crate::error::{ModelError, in_range};
use crate::matrix::Matrix;

/// The code of a missing value; values have the codes from 1 on, in their order.
pub(super) const MISSING: u8 = 0;

/// Rows whose columns are cut into bins: what trees are grown on. Cutting once serves every model of the same rows.
///
/// ```
/// use forewarn_models::{BinnedRows, Matrix};
/// let x = Matrix::from_columns(vec![vec![1.0, 2.0, f64::NAN, 2.0], vec![0.0; 4]])?;
/// let rows = BinnedRows::new(&x, 255)?;
/// assert_eq!((rows.n_rows(), rows.n_cols()), (4, 2));
/// assert_eq!(rows.select_columns(&[1]).n_cols(), 1);
/// assert!(BinnedRows::new(&x, 4).is_err());
/// # Ok::<(), forewarn_models::ModelError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct BinnedRows {
    n_rows: usize,
    columns: Vec<BinnedColumn>,
}

/// One column: the code of each row, and the value from which each code but the first begins.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct BinnedColumn {
    pub(super) codes: Vec<u8>,
    pub(super) from: Vec<f64>,
}

impl BinnedRows {
    /// Cuts every column of `x` into at most `n_bins` bins, 8 to 255, of about equally many rows; a value never lies in two.
    ///
    /// # Errors
    /// `n_bins` out of range.
    pub fn new(x: &Matrix, n_bins: u16) -> Result<Self, ModelError> {
        in_range((8..=255).contains(&n_bins), "n_bins", n_bins.into(), "8 to 255")?;
        let columns = (0..x.n_cols())
            .into_par_iter()
            .map(|j| BinnedColumn::cut(x.column(j), usize::from(n_bins)))
            .collect();
        Ok(Self { n_rows: x.n_rows(), columns })
    }

    /// Number of rows.
    pub fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// Number of columns.
    pub fn n_cols(&self) -> usize {
        self.columns.len()
    }

    /// The columns at these positions, in this order.
    ///
    /// # Panics
    /// If a position is `>= n_cols`.
    #[must_use]
    pub fn select_columns(&self, columns: &[usize]) -> Self {
        Self { n_rows: self.n_rows, columns: columns.iter().map(|&j| self.columns[j].clone()).collect() }
    }

    pub(super) fn column(&self, j: usize) -> &BinnedColumn {
        &self.columns[j]
    }
}

impl BinnedColumn {
    fn cut(values: &[f64], n_bins: usize) -> Self {
        let mut sorted: Vec<f64> = values.iter().copied().filter(|v| !v.is_nan()).collect();
        // Zero has two signs; they are one value.
        for v in &mut sorted {
            *v += 0.0;
        }
        sorted.sort_unstable_by(f64::total_cmp);
        let distinct: Vec<(f64, usize)> =
            sorted.chunk_by(|a, b| a == b).map(|run| (run[0], run.len())).collect();
        let mut from = Vec::new();
        let (mut filled, mut left, mut bins) = (0, sorted.len(), n_bins);
        for pair in distinct.windows(2) {
            let ((value, n), (next, next_n)) = (pair[0], pair[1]);
            filled += n;
            let share = left as f64 / bins as f64;
            let rest = distinct.len() <= n_bins;
            // A bin ends where it holds its share of what is left, or where the next value alone would fill one.
            if rest || filled as f64 >= share || (next_n as f64 >= share && bins > 1) {
                from.push(between(value, next));
                left -= filled;
                filled = 0;
                bins = (bins - 1).max(1);
                if from.len() + 1 == n_bins {
                    break;
                }
            }
        }
        let codes = values
            .iter()
            .map(|v| if v.is_nan() { MISSING } else { 1 + from.partition_point(|f| f <= v) as u8 })
            .collect();
        Self { codes, from }
    }

    /// How many codes there are, that of missing values included.
    pub(super) fn n_codes(&self) -> usize {
        self.from.len() + 2
    }
}

/// A value above `low` and at most `high`, so that new values between both go to the nearer one.
fn between(low: f64, high: f64) -> f64 {
    let middle = f64::midpoint(low, high);
    if middle > low { middle } else { high }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(values: &[f64], n_bins: usize) -> BinnedColumn {
        let c = BinnedColumn::cut(values, n_bins);
        assert!(c.from.len() < n_bins && c.from.windows(2).all(|w| w[0] < w[1]));
        for (v, code) in values.iter().zip(&c.codes) {
            if v.is_nan() {
                assert_eq!(*code, MISSING);
            } else {
                let at = usize::from(*code) - 1;
                assert!(at == 0 || c.from[at - 1] <= *v);
                assert!(at == c.from.len() || *v < c.from[at]);
            }
        }
        c
    }

    #[test]
    fn few_values_have_a_bin_each_and_many_have_their_share() {
        assert_eq!(check(&[3.0, 1.0, f64::NAN, 2.0, 2.0], 8).codes, [3, 1, 0, 2, 2]);
        assert_eq!(check(&[0.0, -0.0, f64::NAN], 8).codes, [1, 1, 0]);
        assert_eq!(check(&[], 8).n_codes(), 2);
        assert_eq!(check(&[f64::NAN; 3], 8).codes, [0; 3]);
        let many: Vec<f64> = (0..10_000).map(f64::from).collect();
        let c = check(&many, 100);
        assert_eq!(c.from.len(), 99);
        let counts = c.codes.chunk_by(|a, b| a == b).map(<[u8]>::len);
        assert!(counts.into_iter().all(|n| (90..=110).contains(&n)));
        // Mostly zero: the bins are left for what is not.
        let rare: Vec<f64> = (0..10_000).map(|i| f64::from((i - 9_900).max(0))).collect();
        assert!(check(&rare, 100).from.len() > 90);
        assert_eq!(between(1.0, 1.0 + f64::EPSILON), 1.0 + f64::EPSILON);
    }

    proptest! {
        #[test]
        fn codes_keep_the_order(values in prop::collection::vec(
            prop_oneof![Just(f64::NAN), Just(0.0), -1e300..1e300_f64, (-5..5_i32).prop_map(f64::from)], 0..400),
            n_bins in 8..255_usize) {
            check(&values, n_bins);
        }
    }
}
