//! The main directions of a sparse matrix: a truncated singular value decomposition by random projection. It does not
//! know what the rows are.
//!
//! linfa has none for sparse matrices, hence this one (Halko, Martinsson and Tropp, 2011, algorithm 4.4), on Gram
//! matrices, with sums in a fixed order.

use rayon::prelude::*;

use super::weigh::Rows;
use crate::rng::{generator, uniform};

/// Directions beyond those asked for, which make those asked for exact.
const SPARE: usize = 8;
/// Passes that sharpen the directions.
const PASSES: usize = 2;
/// Rows of one partial sum of a Gram matrix.
const BLOCK: usize = 512;
/// Directions whose squared length is below this part of the greatest are noise of rounding.
const NEGLIGIBLE: f64 = 1e-10;

/// A dense matrix, row by row.
#[derive(Debug, Clone)]
pub(crate) struct Dense {
    pub(crate) n_columns: usize,
    pub(crate) values: Vec<f64>,
}

impl Dense {
    fn rows(&self) -> std::slice::ChunksExact<'_, f64> {
        self.values.chunks_exact(self.n_columns.max(1))
    }

    /// `self * other`.
    fn times(&self, other: &Self) -> Self {
        let n_columns = other.n_columns;
        let mut values = vec![0.0; self.values.len() / self.n_columns.max(1) * n_columns];
        values.par_chunks_mut(n_columns.max(1)).zip(self.values.par_chunks(self.n_columns.max(1))).for_each(
            |(out, row)| {
                for (a, b) in row.iter().zip(other.rows()) {
                    out.iter_mut().zip(b).for_each(|(o, b)| *o += a * b);
                }
            },
        );
        Self { n_columns, values }
    }
}

/// `sparse * dense`.
fn product(sparse: &Rows, dense: &Dense) -> Dense {
    let l = dense.n_columns;
    let mut values = vec![0.0; sparse.n_rows() * l];
    values.par_chunks_mut(l.max(1)).enumerate().for_each(|(i, out)| {
        for (c, v) in sparse.row(i) {
            let row = &dense.values[c * l..(c + 1) * l];
            out.iter_mut().zip(row).for_each(|(o, x)| *o += v * x);
        }
    });
    Dense { n_columns: l, values }
}

/// `dense' * dense`, from partial sums added in order.
fn gram(dense: &Dense) -> Dense {
    let l = dense.n_columns;
    let parts: Vec<Vec<f64>> = dense
        .values
        .par_chunks((BLOCK * l).max(1))
        .map(|block| {
            let mut g = vec![0.0; l * l];
            for row in block.chunks_exact(l) {
                for (i, a) in row.iter().enumerate() {
                    g[i * l..(i + 1) * l].iter_mut().zip(row).for_each(|(g, b)| *g += a * b);
                }
            }
            g
        })
        .collect();
    let mut values = vec![0.0; l * l];
    for part in parts {
        values.iter_mut().zip(part).for_each(|(v, p)| *v += p);
    }
    Dense { n_columns: l, values }
}

/// The eigenvalues of a symmetric matrix, the greatest first, and its eigenvectors as columns (Jacobi's rotations).
fn eigen(matrix: &Dense) -> (Vec<f64>, Dense) {
    let n = matrix.n_columns;
    let mut a = matrix.values.clone();
    let mut v = vec![0.0; n * n];
    (0..n).for_each(|i| v[i * n + i] = 1.0);
    let size: f64 = a.iter().map(|x| x * x).sum();
    for _ in 0..60 {
        let off: f64 =
            (0..n).flat_map(|i| (0..i).map(move |j| (i, j))).map(|(i, j)| a[i * n + j].powi(2)).sum();
        if off <= 1e-22 * size {
            break;
        }
        for p in 0..n {
            for q in p + 1..n {
                let apq = a[p * n + q];
                if apq.abs() <= 1e-300 {
                    continue;
                }
                let theta = (a[q * n + q] - a[p * n + p]) / (2.0 * apq);
                let t = theta.signum() / (theta.abs() + theta.hypot(1.0));
                let (c, s) = (1.0 / t.hypot(1.0), t / t.hypot(1.0));
                for k in 0..n {
                    let (x, y) = (a[k * n + p], a[k * n + q]);
                    a[k * n + p] = c * x - s * y;
                    a[k * n + q] = s * x + c * y;
                }
                for k in 0..n {
                    let (x, y) = (a[p * n + k], a[q * n + k]);
                    a[p * n + k] = c * x - s * y;
                    a[q * n + k] = s * x + c * y;
                    let (x, y) = (v[k * n + p], v[k * n + q]);
                    v[k * n + p] = c * x - s * y;
                    v[k * n + q] = s * x + c * y;
                }
            }
        }
    }
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&i, &j| a[j * n + j].total_cmp(&a[i * n + i]).then(i.cmp(&j)));
    let values = order.iter().map(|&i| a[i * n + i].max(0.0)).collect();
    let mut vectors = Dense { n_columns: n, values: vec![0.0; n * n] };
    for row in 0..n {
        for (to, &from) in order.iter().enumerate() {
            vectors.values[row * n + to] = v[row * n + from];
        }
    }
    (values, vectors)
}

/// The eigenvectors with each column divided by the root of its eigenvalue, noise left out.
fn scaled(values: &[f64], vectors: &Dense, keep: usize, divide: bool) -> Dense {
    let l = vectors.n_columns;
    let kept = values.iter().take(keep).take_while(|v| **v > NEGLIGIBLE * values[0].max(1e-300)).count();
    let mut out = Dense { n_columns: kept, values: Vec::with_capacity(l * kept) };
    for row in vectors.rows() {
        out.values.extend((0..kept).map(|j| if divide { row[j] / values[j].sqrt() } else { row[j] }));
    }
    out
}

/// The columns, made orthonormal.
fn orthonormal(dense: &Dense) -> Dense {
    let (values, vectors) = eigen(&gram(dense));
    dense.times(&scaled(&values, &vectors, values.len(), true))
}

/// The leading right singular vectors of a matrix (columns of `n_columns × k`, `k ≤ dims`) and its singular values. Fewer
/// than `dims` where the matrix has no more.
pub(crate) fn truncated_svd(rows: &Rows, dims: usize, seed: u64) -> (Dense, Vec<f64>) {
    let by_column = rows.transposed();
    let l = (dims + SPARE).min(rows.n_rows()).min(rows.n_columns);
    let mut rng = generator(seed, 0);
    let values = (0..rows.n_columns * l).map(|_| uniform(&mut rng) - 0.5).collect();
    let mut q = Dense { n_columns: l, values };
    for _ in 0..=PASSES {
        q = orthonormal(&product(&by_column, &product(rows, &q)));
    }
    let (values, vectors) = eigen(&gram(&product(rows, &q)));
    let kept = scaled(&values, &vectors, dims, false);
    let singular = values.iter().take(kept.n_columns).map(|v| v.sqrt()).collect();
    (q.times(&kept), singular)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sparse(rows: &[&[f64]]) -> Rows {
        let mut out = Rows { offsets: vec![0], n_columns: rows[0].len(), ..Rows::default() };
        for r in rows {
            for (c, v) in r.iter().enumerate().filter(|(_, v)| **v != 0.0) {
                out.columns.push(c as u32);
                out.values.push(*v);
            }
            out.offsets.push(out.columns.len());
        }
        out
    }

    #[test]
    fn singular_values_of_a_known_matrix() {
        // numpy.linalg.svd([[3,0,1],[0,2,0],[1,0,3],[0,1,0]]): 4, sqrt(5), 2.
        let m = sparse(&[&[3.0, 0.0, 1.0], &[0.0, 2.0, 0.0], &[1.0, 0.0, 3.0], &[0.0, 1.0, 0.0]]);
        let (v, s) = truncated_svd(&m, 2, 1);
        assert!((s[0] - 4.0).abs() < 1e-9 && (s[1] - 5.0_f64.sqrt()).abs() < 1e-9, "{s:?}");
        assert!((v.values[0].abs() - 0.5_f64.sqrt()).abs() < 1e-9 && v.values[2].abs() < 1e-9);
        assert_eq!(s.len(), 2);
    }

    #[test]
    fn a_matrix_of_rank_one_has_one_direction() {
        let m = sparse(&[&[1.0, 2.0, 0.0], &[2.0, 4.0, 0.0], &[3.0, 6.0, 0.0]]);
        let (v, s) = truncated_svd(&m, 3, 1);
        assert_eq!((s.len(), v.n_columns), (1, 1));
        assert!((s[0] - 70.0_f64.sqrt()).abs() < 1e-9);
        // Nothing at all has no direction.
        assert!(truncated_svd(&sparse(&[&[0.0, 0.0]]), 2, 1).1.is_empty());
    }
}
