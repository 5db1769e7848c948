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

/// Most fine codes of a column.
const FINE: usize = 8192;

/// Columns put in order once, for many models of some of the rows: [`Self::bins`] cuts any rows into bins without sorting
/// them again.
///
/// A column of at most 8,192 distinct values is known exactly, of others 8,192 parts of about equally many rows. The parts say
/// how values lie to each other and nothing of outcomes; where the bins of some rows end is decided by these rows alone.
///
/// ```
/// use forewarn_models::{BinnedRows, Matrix, OrderedRows};
/// let x = Matrix::from_columns(vec![vec![1.0, 2.0, f64::NAN, 5.0]])?;
/// let rows = OrderedRows::new(&x, &[0]);
/// assert_eq!(rows.bins(&[0, 1, 2, 3], &[0], 255)?, BinnedRows::new(&x, 255)?);
/// assert_eq!(rows.bins(&[3, 1], &[0], 255)?.n_rows(), 2);
/// assert!(rows.bins(&[0], &[0], 4).is_err());
/// # Ok::<(), forewarn_models::ModelError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct OrderedRows {
    columns: Vec<Option<OrderedColumn>>,
}

/// One column: the fine code of each row, and the value from which each code but the first begins.
#[derive(Debug, Clone, PartialEq)]
struct OrderedColumn {
    codes: Vec<u16>,
    from: Vec<f64>,
}

impl OrderedRows {
    /// Puts some columns of `x` in order.
    ///
    /// # Panics
    /// If a position is `>= n_cols`.
    pub fn new(x: &Matrix, columns: &[usize]) -> Self {
        let ordered: Vec<(usize, OrderedColumn)> =
            columns.par_iter().map(|&j| (j, OrderedColumn::of(x.column(j)))).collect();
        let mut all = vec![None; x.n_cols()];
        for (j, column) in ordered {
            all[j] = Some(column);
        }
        Self { columns: all }
    }

    /// Whether some of these rows differ in a column, as far as is known; a missing value differs from any other.
    pub fn varies(&self, rows: &[u32], column: usize) -> bool {
        let Some(c) = &self.columns[column] else { return false };
        rows.iter().any(|&i| c.codes[i as usize] != c.codes[rows[0] as usize])
    }

    /// These rows of some columns, cut into at most `n_bins` bins, 8 to 255, of about equally many of these rows.
    ///
    /// # Errors
    /// `n_bins` out of range, or a column that was not put in order.
    ///
    /// # Panics
    /// If a row or a column is not there.
    pub fn bins(&self, rows: &[u32], columns: &[usize], n_bins: u16) -> Result<BinnedRows, ModelError> {
        in_range((8..=255).contains(&n_bins), "n_bins", n_bins.into(), "8 to 255")?;
        let cut = |&j: &usize| {
            let column = self.columns[j].as_ref();
            let column = column.ok_or(ModelError::Inconsistent("a column that was not put in order"))?;
            Ok(column.cut(rows, usize::from(n_bins)))
        };
        let columns: Result<_, ModelError> = columns.par_iter().map(cut).collect();
        Ok(BinnedRows { n_rows: rows.len(), columns: columns? })
    }
}

impl OrderedColumn {
    fn of(values: &[f64]) -> Self {
        let from = limits(values, FINE);
        let code = |v: &f64| if v.is_nan() { 0 } else { 1 + from.partition_point(|f| f <= v) as u16 };
        Self { codes: values.iter().map(code).collect(), from }
    }

    fn cut(&self, rows: &[u32], n_bins: usize) -> BinnedColumn {
        let mut counts = vec![0_usize; self.from.len() + 2];
        for &i in rows {
            counts[usize::from(self.codes[i as usize])] += 1;
        }
        let distinct: Vec<(usize, usize)> =
            counts.iter().copied().enumerate().skip(1).filter(|c| c.1 > 0).collect();
        // Between two codes that rows have, the limit in the middle parts them: new values go to the nearer one.
        let parts: Vec<usize> =
            ends(&distinct, n_bins).map(|k| usize::midpoint(distinct[k].0, distinct[k + 1].0)).collect();
        let mut coarse = vec![MISSING; counts.len()];
        let mut bin = 1_u8;
        for (code, c) in coarse.iter_mut().enumerate().skip(1) {
            *c = bin;
            bin += u8::from(parts.get(usize::from(bin) - 1) == Some(&code));
        }
        BinnedColumn {
            codes: rows.iter().map(|&i| coarse[usize::from(self.codes[i as usize])]).collect(),
            from: parts.iter().map(|&code| self.from[code - 1]).collect(),
        }
    }
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
        let from = limits(values, n_bins);
        let code = |v: &f64| if v.is_nan() { MISSING } else { 1 + from.partition_point(|f| f <= v) as u8 };
        Self { codes: values.iter().map(code).collect(), from }
    }

    /// How many codes there are, that of missing values included.
    pub(super) fn n_codes(&self) -> usize {
        self.from.len() + 2
    }
}

/// The values from which each of at most `n_bins` bins but the first begins, of about equally many values each.
fn limits(values: &[f64], n_bins: usize) -> Vec<f64> {
    // Zero has two signs; they are one value.
    let mut sorted: Vec<f64> = values.iter().filter(|v| !v.is_nan()).map(|v| v + 0.0).collect();
    sorted.sort_unstable_by(f64::total_cmp);
    let distinct: Vec<(f64, usize)> = sorted.chunk_by(|a, b| a == b).map(|run| (run[0], run.len())).collect();
    ends(&distinct, n_bins).map(|k| between(distinct[k].0, distinct[k + 1].0)).collect()
}

/// After which of these values, each with how many rows have it, a bin ends.
fn ends<T>(distinct: &[(T, usize)], n_bins: usize) -> impl Iterator<Item = usize> + '_ {
    let (mut filled, mut left, mut bins) = (0, distinct.iter().map(|d| d.1).sum::<usize>(), n_bins);
    let rest = distinct.len() <= n_bins;
    let full = move |(k, pair): (usize, &[(T, usize)])| {
        let (n, next_n) = (pair[0].1, pair[1].1);
        filled += n;
        let share = left as f64 / bins as f64;
        // A bin ends where it holds its share of what is left, or where the next value alone would fill one.
        let end = rest || filled as f64 >= share || (next_n as f64 >= share && bins > 1);
        if end {
            left -= filled;
            filled = 0;
            bins = (bins - 1).max(1);
        }
        end.then_some(k)
    };
    distinct.windows(2).enumerate().filter_map(full).take(n_bins - 1)
}

/// A value above `low` and at most `high`, so that new values between both go to the nearer one.
fn between(low: f64, high: f64) -> f64 {
    let middle = f64::midpoint(low, high);
    if middle > low { middle } else { high }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
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
        /// What was put in order once is cut as if it were sorted anew; the limits may lie elsewhere between the values.
        #[test]
        fn ordered_rows_are_cut_alike(values in prop::collection::vec(
            prop_oneof![Just(f64::NAN), Just(0.0), -1e300..1e300_f64, (-5..5_i32).prop_map(f64::from)], 1..400),
            every in 1..4_usize, n_bins in 8..255_u16) {
            let x = Matrix::from_columns(vec![values.clone()]).unwrap();
            let rows: Vec<u32> = (0..values.len() as u32).step_by(every).collect();
            let some: Vec<f64> = rows.iter().map(|&i| values[i as usize]).collect();
            let found = OrderedRows::new(&x, &[0]).bins(&rows, &[0], n_bins).unwrap();
            let expected = check(&some, n_bins.into());
            prop_assert_eq!(&found.column(0).codes, &expected.codes);
            prop_assert!(found.column(0).from.windows(2).all(|w| w[0] < w[1]));
            for (v, code) in some.iter().zip(&expected.codes).filter(|v| !v.0.is_nan()) {
                prop_assert_eq!(found.column(0).from.partition_point(|f| f <= v), usize::from(*code) - 1);
            }
        }

        #[test]
        fn codes_keep_the_order(values in prop::collection::vec(
            prop_oneof![Just(f64::NAN), Just(0.0), -1e300..1e300_f64, (-5..5_i32).prop_map(f64::from)], 0..400),
            n_bins in 8..255_usize) {
            check(&values, n_bins);
        }
    }
}
