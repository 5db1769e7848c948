//! The two pieces of linear algebra that the fits need: a weighted Gram matrix and a Cholesky solve. It does
//! not know statistics.

use crate::error::ModelError;
use rayon::prelude::*;

/// Rows in one packed block: 256 rows of a few hundred columns stay in the cache.
const BLOCK_ROWS: usize = 256;
/// A Gram matrix is summed from at most this many partial sums, whatever the number of threads.
const MAX_SEGMENTS: usize = 8;
/// Columns in one tile of the inner kernel.
const TILE: usize = 4;

/// `X' diag(w) X` as a full symmetric matrix (row by row), for columns of equal length and weights `>= 0`.
///
/// Rows are cut into segments by their number alone, each segment is summed by one thread, and the partial
/// sums are added in order, so the bits do not depend on the number of threads.
pub(crate) fn weighted_gram(columns: &[Vec<f64>], weights: &[f64]) -> Vec<f64> {
    let p = columns.len();
    let segment_rows = weights.len().div_ceil(MAX_SEGMENTS).max(4 * BLOCK_ROWS);
    let starts: Vec<usize> = (0..weights.len()).step_by(segment_rows).collect();
    let partials: Vec<Vec<f64>> = starts
        .into_par_iter()
        .map(|start| segment_gram(columns, weights, start, (start + segment_rows).min(weights.len())))
        .collect();
    let padded = p.div_ceil(TILE) * TILE;
    let mut gram = vec![0.0; p * p];
    for partial in partials {
        for i in 0..p {
            for j in i..p {
                gram[i * p + j] += partial[i * padded + j];
            }
        }
    }
    for i in 0..p {
        for j in 0..i {
            gram[i * p + j] = gram[j * p + i];
        }
    }
    gram
}

/// The upper tiles of one segment's Gram matrix, padded to whole tiles.
fn segment_gram(columns: &[Vec<f64>], weights: &[f64], start: usize, end: usize) -> Vec<f64> {
    let tiles = columns.len().div_ceil(TILE);
    let padded = tiles * TILE;
    let mut gram = vec![0.0; padded * padded];
    // A panel holds TILE columns, interleaved row by row, so that the kernel reads memory in order.
    let mut panels = vec![[0.0; TILE]; tiles * BLOCK_ROWS];
    for block in (start..end).step_by(BLOCK_ROWS) {
        let rows = block..(block + BLOCK_ROWS).min(end);
        let n = rows.len();
        for (j, column) in columns.iter().enumerate() {
            let panel = &mut panels[(j / TILE) * BLOCK_ROWS..][..n];
            for ((slot, x), w) in panel.iter_mut().zip(&column[rows.clone()]).zip(&weights[rows.clone()]) {
                slot[j % TILE] = x * w.sqrt();
            }
        }
        for a in 0..tiles {
            for b in a..tiles {
                let tile = tile_product(&panels[a * BLOCK_ROWS..][..n], &panels[b * BLOCK_ROWS..][..n]);
                for (i, row) in tile.iter().enumerate() {
                    let at = (a * TILE + i) * padded + b * TILE;
                    for (g, t) in gram[at..at + TILE].iter_mut().zip(row) {
                        *g += t;
                    }
                }
            }
        }
    }
    gram
}

fn tile_product(a: &[[f64; TILE]], b: &[[f64; TILE]]) -> [[f64; TILE]; TILE] {
    let mut sum = [[0.0; TILE]; TILE];
    for (x, y) in a.iter().zip(b) {
        for i in 0..TILE {
            for j in 0..TILE {
                sum[i][j] += x[i] * y[j];
            }
        }
    }
    sum
}

/// Solves `A x = b` for a symmetric positive definite `A` (row by row), by Cholesky's decomposition in place.
pub(crate) fn solve_spd(a: &mut [f64], b: &[f64], what: &'static str) -> Result<Vec<f64>, ModelError> {
    let p = b.len();
    for j in 0..p {
        for i in j..p {
            let (row_i, row_j) = (&a[i * p..i * p + j], &a[j * p..j * p + j]);
            let value = a[i * p + j] - row_i.iter().zip(row_j).map(|(x, y)| x * y).sum::<f64>();
            if i == j {
                if value <= 0.0 || !value.is_finite() {
                    return Err(ModelError::NotPositiveDefinite { what });
                }
                a[j * p + j] = value.sqrt();
            } else {
                a[i * p + j] = value / a[j * p + j];
            }
        }
    }
    let mut x = b.to_vec();
    for i in 0..p {
        let known: f64 = a[i * p..i * p + i].iter().zip(&x).map(|(l, v)| l * v).sum();
        x[i] = (x[i] - known) / a[i * p + i];
    }
    for i in (0..p).rev() {
        let known: f64 = (i + 1..p).map(|k| a[k * p + i] * x[k]).sum();
        x[i] = (x[i] - known) / a[i * p + i];
    }
    Ok(x)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn gram_and_solve() {
        let columns: Vec<Vec<f64>> = (0..7)
            .map(|j| (0..3000).map(|i| f64::from((i * (j + 3) * 7919) % 101) / 50.0 - 1.0).collect())
            .collect();
        let w: Vec<f64> = (0..3000).map(|i| f64::from(i % 5)).collect();
        let gram = weighted_gram(&columns, &w);
        for i in 0..7 {
            for j in 0..7 {
                let plain: f64 = (0..3000).map(|r| columns[i][r] * columns[j][r] * w[r]).sum();
                assert!((gram[i * 7 + j] - plain).abs() < 1e-8, "{i} {j}");
            }
        }
        let b = vec![1.0, 2.0, 3.0, -1.0, 0.0, 0.5, 4.0];
        let x = solve_spd(&mut gram.clone(), &b, "test").unwrap();
        for i in 0..7 {
            let found: f64 = (0..7).map(|j| gram[i * 7 + j] * x[j]).sum();
            assert!((found - b[i]).abs() < 1e-8);
        }
        assert!(solve_spd(&mut [1.0, 2.0, 2.0, 1.0], &[1.0, 1.0], "test").is_err());
    }
}
