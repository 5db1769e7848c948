//! A plain column-major table of numbers, NaN = missing. It does not know what its columns mean.

use crate::error::ModelError;
use serde::{Deserialize, Serialize};

/// `n_rows` × `n_cols` numbers, stored column by column; NaN is a missing value, infinities are refused.
///
/// ```
/// use forewarn_models::Matrix;
/// let x = Matrix::from_columns(vec![vec![1.0, f64::NAN], vec![3.0, 4.0]])?;
/// assert_eq!((x.n_rows(), x.n_cols()), (2, 2));
/// assert_eq!(x.column(1), &[3.0, 4.0]);
/// assert!(Matrix::from_columns(vec![vec![1.0], vec![1.0, 2.0]]).is_err());
/// # Ok::<(), forewarn_models::ModelError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Matrix {
    values: Vec<f64>,
    n_rows: usize,
    n_cols: usize,
}

impl Matrix {
    /// Joins columns of equal length. No columns give a matrix of 0 × 0.
    ///
    /// # Errors
    /// [`ModelError::Ragged`] where a column differs in length from the first, [`ModelError::NotFinite`] on
    /// ±∞.
    pub fn from_columns(columns: Vec<Vec<f64>>) -> Result<Self, ModelError> {
        let n_rows = columns.first().map_or(0, Vec::len);
        let n_cols = columns.len();
        let mut values = Vec::with_capacity(n_rows * n_cols);
        for (column, data) in columns.into_iter().enumerate() {
            if data.len() != n_rows {
                return Err(ModelError::Ragged { column, found: data.len(), expected: n_rows });
            }
            if let Some(row) = data.iter().position(|v| v.is_infinite()) {
                return Err(ModelError::NotFinite {
                    what: format!("column {column}"),
                    row,
                    value: data[row],
                });
            }
            values.extend(data);
        }
        Ok(Self { values, n_rows, n_cols })
    }

    /// For results of this crate that are finite by construction.
    pub(crate) fn from_values(values: Vec<f64>, n_rows: usize, n_cols: usize) -> Self {
        debug_assert_eq!(values.len(), n_rows * n_cols);
        Self { values, n_rows, n_cols }
    }

    /// Number of rows.
    pub fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// Number of columns.
    pub fn n_cols(&self) -> usize {
        self.n_cols
    }

    /// The values of column `j`.
    ///
    /// # Panics
    /// If `j >= n_cols`, as indexing a slice does.
    pub fn column(&self, j: usize) -> &[f64] {
        assert!(j < self.n_cols, "column {j} of {}", self.n_cols);
        &self.values[j * self.n_rows..(j + 1) * self.n_rows]
    }

    /// A copy of row `i`.
    ///
    /// # Panics
    /// If `i >= n_rows`, as indexing a slice does.
    pub fn row(&self, i: usize) -> Vec<f64> {
        assert!(i < self.n_rows, "row {i} of {}", self.n_rows);
        (0..self.n_cols).map(|j| self.values[j * self.n_rows + i]).collect()
    }

    /// The rows at these positions, in this order; a position may repeat.
    ///
    /// # Panics
    /// If a position is `>= n_rows`.
    pub fn select_rows(&self, rows: &[usize]) -> Self {
        let mut values = Vec::with_capacity(rows.len() * self.n_cols);
        for j in 0..self.n_cols {
            let column = self.column(j);
            values.extend(rows.iter().map(|&i| column[i]));
        }
        Self { values, n_rows: rows.len(), n_cols: self.n_cols }
    }

    /// The columns at these positions, in this order.
    ///
    /// # Panics
    /// If a position is `>= n_cols`.
    pub fn select_columns(&self, columns: &[usize]) -> Self {
        let values = columns.iter().flat_map(|&j| self.column(j).iter().copied()).collect();
        Self { values, n_rows: self.n_rows, n_cols: columns.len() }
    }

    /// Some rows of some columns, in this order; positions may repeat.
    ///
    /// # Panics
    /// If a position is not there.
    pub fn select(&self, rows: &[u32], columns: &[usize]) -> Self {
        let mut values = Vec::with_capacity(rows.len() * columns.len());
        for &j in columns {
            let column = self.column(j);
            values.extend(rows.iter().map(|&i| column[i as usize]));
        }
        Self { values, n_rows: rows.len(), n_cols: columns.len() }
    }

    /// All values, column by column.
    pub fn values(&self) -> &[f64] {
        &self.values
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn selects_and_refuses() {
        let x = Matrix::from_columns(vec![vec![1.0, 2.0, 3.0], vec![4.0, 5.0, 6.0]]).unwrap();
        assert_eq!(x.row(1), vec![2.0, 5.0]);
        assert_eq!(x.select_rows(&[2, 0]).column(1), &[6.0, 4.0]);
        assert_eq!(x.select_columns(&[1]).row(0), vec![4.0]);
        assert_eq!(x.select(&[2, 0], &[1]).column(0), &[6.0, 4.0]);
        assert!(matches!(
            Matrix::from_columns(vec![vec![1.0, f64::INFINITY]]),
            Err(ModelError::NotFinite { row: 1, .. })
        ));
        assert_eq!(Matrix::from_columns(vec![]).unwrap().n_rows(), 0);
    }
}
