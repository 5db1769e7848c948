//! Nearest neighbors among points of length 1 by cosine. It does not know what the points stand for.
//!
//! Points are kept in cells around centers, and only the cells nearest to a query are searched: of 24,000 points that is
//! an eighth of the work, and one neighbor in fifty is missed. Few points are all searched.

use rayon::prelude::*;

use crate::rng::{generator, uniform};

/// Up to this many points are all searched.
const ALL: usize = 3000;
/// One cell in this many is searched.
const PROBE: usize = 8;
/// Passes that place the centers.
const PASSES: usize = 4;
/// Points that place them.
const SAMPLE: usize = 20_000;

/// Points of length 1 in single precision, padded to a multiple of 8 numbers.
#[derive(Debug, Clone)]
pub(crate) struct Near {
    width: usize,
    centers: Vec<f32>,
    /// Where each cell's points begin.
    offsets: Vec<usize>,
    /// The number of each point, cell by cell, and the point itself.
    ids: Vec<u32>,
    points: Vec<f32>,
}

/// Eight sums side by side: the compiler makes vector instructions of them, and the order of adding is fixed.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0_f32; 8];
    for (a, b) in a.chunks_exact(8).zip(b.chunks_exact(8)) {
        for k in 0..8 {
            sums[k] += a[k] * b[k];
        }
    }
    (sums[0] + sums[4]) + (sums[1] + sums[5]) + ((sums[2] + sums[6]) + (sums[3] + sums[7]))
}

/// The `k` greatest, the greatest first; of equal ones, the lower number first.
fn greatest(mut found: Vec<(f32, u32)>, k: usize) -> Vec<(f32, u32)> {
    let by = |a: &(f32, u32), b: &(f32, u32)| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1));
    if found.len() > k && k > 0 {
        found.select_nth_unstable_by(k - 1, by);
        found.truncate(k);
    }
    found.sort_by(by);
    found.truncate(k);
    found
}

impl Near {
    /// Indexes points of `width` numbers (a multiple of 8), row by row.
    pub(crate) fn new(points: &[f32], width: usize, seed: u64) -> Self {
        let n = points.len() / width;
        let row = |i: usize| &points[i * width..(i + 1) * width];
        let n_cells = if n <= ALL { n.min(1) } else { (n as f64).sqrt() as usize };
        let mut rng = generator(seed, 1);
        let mut centers: Vec<f32> = Vec::with_capacity(n_cells * width);
        for _ in 0..n_cells {
            centers.extend_from_slice(row((uniform(&mut rng) * n as f64) as usize));
        }
        let step = n.div_ceil(SAMPLE).max(1);
        let sample: Vec<usize> = (0..n).step_by(step).collect();
        for _ in 0..if n_cells > 1 { PASSES } else { 0 } {
            let cell: Vec<usize> = sample.par_iter().map(|&i| nearest(&centers, width, row(i))).collect();
            let mut sums = vec![0.0_f32; centers.len()];
            for (&i, &c) in sample.iter().zip(&cell) {
                sums[c * width..(c + 1) * width].iter_mut().zip(row(i)).for_each(|(s, x)| *s += x);
            }
            for (center, sum) in centers.chunks_exact_mut(width).zip(sums.chunks_exact(width)) {
                let length = dot(sum, sum).sqrt();
                if length > 0.0 {
                    center.iter_mut().zip(sum).for_each(|(c, s)| *c = s / length);
                }
            }
        }
        let cell: Vec<usize> = (0..n).into_par_iter().map(|i| nearest(&centers, width, row(i))).collect();
        let mut order: Vec<usize> = (0..n).collect();
        order.sort_by_key(|&i| (cell[i], i));
        let mut offsets = vec![0; n_cells + 1];
        for c in &cell {
            offsets[c + 1] += 1;
        }
        (0..n_cells).for_each(|c| offsets[c + 1] += offsets[c]);
        Self {
            width,
            centers,
            offsets,
            ids: order.iter().map(|i| *i as u32).collect(),
            points: order.iter().flat_map(|&i| row(i)).copied().collect(),
        }
    }

    /// The `k` nearest to a point of length 1, but for the point of number `but`.
    pub(crate) fn search(&self, query: &[f32], k: usize, but: Option<u32>) -> Vec<(f32, u32)> {
        let n_cells = self.offsets.len() - 1;
        let by_cell =
            self.centers.chunks_exact(self.width).zip(0..).map(|(c, i)| (dot(c, query), i)).collect();
        let probe = n_cells.div_ceil(PROBE);
        let mut found = Vec::new();
        for (_, cell) in greatest(by_cell, probe) {
            let at = self.offsets[cell as usize]..self.offsets[cell as usize + 1];
            let points = self.points[at.start * self.width..at.end * self.width].chunks_exact(self.width);
            found.extend(
                points.zip(&self.ids[at]).map(|(p, id)| (dot(p, query), *id)).filter(|f| Some(f.1) != but),
            );
        }
        greatest(found, k)
    }
}

fn nearest(centers: &[f32], width: usize, query: &[f32]) -> usize {
    let mut best = (f32::NEG_INFINITY, 0);
    for (c, center) in centers.chunks_exact(width).enumerate() {
        let d = dot(center, query);
        if d > best.0 {
            best = (d, c);
        }
    }
    best.1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(n: usize) -> Vec<f32> {
        let mut rng = generator(7, 7);
        (0..n)
            .flat_map(|_| {
                let p: Vec<f32> = (0..8).map(|_| uniform(&mut rng) as f32 - 0.5).collect();
                let length = dot(&p, &p).sqrt();
                p.into_iter().map(move |x| x / length)
            })
            .collect()
    }

    #[test]
    fn few_points_are_all_searched_and_many_nearly() {
        for (n, least) in [(500, 1.0), (6000, 0.9)] {
            let p = points(n);
            let index = Near::new(&p, 8, 1);
            let mut hits = 0;
            for i in (0..n).step_by(n / 50) {
                let q = &p[i * 8..(i + 1) * 8];
                let all = (0..n).filter(|j| *j != i).map(|j| (dot(&p[j * 8..(j + 1) * 8], q), j as u32));
                let exact = greatest(all.collect(), 5);
                let found = index.search(q, 5, Some(i as u32));
                hits += found.iter().filter(|f| exact.contains(f)).count();
            }
            assert!(hits as f64 >= least * 250.0, "{n}: {hits}");
        }
    }
}
