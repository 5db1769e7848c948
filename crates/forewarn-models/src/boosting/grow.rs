//! Grows one tree after another on binned rows, leaf by leaf where the loss falls most (Friedman 2001; histograms as in Ke
//! et al. 2017, LightGBM). It does not know what the columns mean.
//!
//! Sums of a column are added by one thread in the order of the rows, so the trees are the same bits at any number of
//! threads.

use rand::Rng;
use rayon::prelude::*;

use super::BoostingParams;
use super::bins::{BinnedRows, MISSING};
use super::places::{Fork, add_values};
use crate::rng::generator;
use crate::special::quick_sigmoid;
use crate::trees::Node;

/// Entries of a histogram that are worth a second thread.
const WORTH_A_THREAD: usize = 20_000;
/// Rows handled by one task.
const CHUNK_ROWS: usize = 4096;

/// The sum of gradients and of hessians.
type Sums = [f64; 2];
/// The sums of one column by code; what lies beyond the column's codes means nothing.
type Histogram = Box<[Sums; 256]>;
/// Columns that are added up together: their sums do not wait for each other.
const TOGETHER: usize = 4;

/// Where a leaf could be split.
#[derive(Debug, Clone, Copy)]
struct Split {
    gain: f64,
    /// Place among the offered columns.
    offered: usize,
    /// Codes below it go left.
    code: u16,
    missing_left: bool,
    left: Sums,
}

/// A leaf that may still be split.
struct Leaf {
    node: usize,
    /// Its place among the leaves, see [`Fork`].
    place: u8,
    from: usize,
    to: usize,
    depth: usize,
    sums: Sums,
    histograms: Vec<Histogram>,
    best: Option<Split>,
}

/// A node of a tree on codes.
#[derive(Debug, Clone, Copy)]
struct CodeNode {
    column: usize,
    code: u16,
    missing_left: bool,
    /// 0 for a leaf.
    left: usize,
    right: usize,
    value: f64,
    cover: f64,
    gain: f64,
}

/// A tree, and what its splits gained by column.
pub(super) struct Grown {
    pub(super) nodes: Vec<Node>,
    pub(super) gains: Vec<(usize, f64)>,
}

/// What is made small.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Loss {
    /// Of outcomes 0 and 1, whose log odds are summed up.
    Logistic,
    /// Half the square of the error of numbers.
    Squared,
}

impl Loss {
    /// Its first and second derivative where the sum is `z` and `y` came.
    fn slopes(self, z: f64, y: f64) -> (f64, f64) {
        match self {
            Self::Logistic => {
                let p = quick_sigmoid(z);
                (p - y, p * (1.0 - p))
            }
            Self::Squared => (z - y, 1.0),
        }
    }
}

/// Grows trees on the same rows.
pub(super) struct Grower<'a> {
    params: &'a BoostingParams,
    rows: &'a BinnedRows,
    y: &'a [f64],
    weights: Vec<f64>,
    min_leaf_weight: f64,
    loss: Loss,
    /// The sum so far.
    z: Vec<f64>,
    n_grown: u64,
    /// Histograms of earlier trees, to be used again.
    spare: Vec<Vec<Histogram>>,
}

impl<'a> Grower<'a> {
    /// The sum begins with `base`; a leaf has a sum of second derivatives of `min_leaf_weight` at least.
    pub(super) fn new(
        params: &'a BoostingParams,
        rows: &'a BinnedRows,
        y: &'a [f64],
        weights: Vec<f64>,
        (loss, base, min_leaf_weight): (Loss, f64, f64),
    ) -> Self {
        let z = vec![base; y.len()];
        Self { params, rows, y, weights, min_leaf_weight, loss, z, n_grown: 0, spare: Vec::new() }
    }

    /// Grows the next tree and adds it to the sum.
    pub(super) fn next(&mut self) -> Grown {
        let mut rng = generator(self.params.seed, self.n_grown);
        self.n_grown += 1;
        let mut index = sample(&mut rng, self.y.len(), self.params.row_share);
        let n_cols = self.rows.n_cols();
        let n_offered = ((self.params.column_share * n_cols as f64) as usize).clamp(1, n_cols);
        let mut columns: Vec<usize> = (0..n_cols).collect();
        for k in 0..n_offered {
            let other = k + (rng.next_u64() % (n_cols - k) as u64) as usize;
            columns.swap(k, other);
        }
        columns.truncate(n_offered);
        columns.sort_unstable();
        let mut pairs: Vec<[f32; 2]> = index
            .par_iter()
            .with_min_len(CHUNK_ROWS)
            .map(|&i| {
                let i = i as usize;
                let (slope, curvature) = self.loss.slopes(self.z[i], self.y[i]);
                let w = self.weights[i];
                [(w * slope) as f32, (w * curvature) as f32]
            })
            .collect();
        let (nodes, forks, values) = self.tree(&columns, &mut index, &mut pairs);
        add_values(&forks, &values, &mut self.z);
        let gains = nodes.iter().filter(|n| n.left > 0).map(|n| (n.column, n.gain)).collect();
        Grown { nodes: nodes.iter().map(|n| self.node(n)).collect(), gains }
    }

    fn node(&self, n: &CodeNode) -> Node {
        let from = &self.rows.column(n.column).from;
        Node {
            column: n.column as u32,
            // Beyond the last bin lie missing values alone.
            threshold: match usize::from(n.code).checked_sub(2) {
                Some(k) => from.get(k).copied().unwrap_or(f64::MAX),
                None => 0.0,
            },
            left: n.left as u32,
            right: n.right as u32,
            missing_left: n.missing_left,
            value: n.value as f32,
            cover: n.cover as f32,
        }
    }

    /// The nodes of a tree, its forks in the order in which they were made, and the value of each place; `index` and `pairs`
    /// are put into the order of the leaves.
    fn tree(
        &mut self,
        columns: &[usize],
        index: &mut [u32],
        pairs: &mut [[f32; 2]],
    ) -> (Vec<CodeNode>, Vec<Fork<'a>>, Vec<f64>) {
        let rows = self.rows;
        let sums = pairs.iter().fold([0.0; 2], |s, p| [s[0] + f64::from(p[0]), s[1] + f64::from(p[1])]);
        let mut nodes = vec![self.leaf_node(sums)];
        let mut root = Leaf {
            node: 0,
            place: 0,
            from: 0,
            to: index.len(),
            depth: 0,
            sums,
            histograms: self.empty(columns),
            best: None,
        };
        let found = self.fill(columns, index, pairs, &mut root.histograms, None, (sums, None));
        root.best = best_of(found.iter().map(|f| f.0));
        let mut leaves = vec![root];
        let mut forks: Vec<Fork<'a>> = Vec::with_capacity(self.params.max_leaves);
        let mut spare = (Vec::new(), Vec::new());
        while leaves.len() < self.params.max_leaves {
            let mut next: Option<(usize, Split)> = None;
            for (k, leaf) in leaves.iter().enumerate() {
                if let Some(s) = leaf.best
                    && next.is_none_or(|n| s.gain > n.1.gain)
                {
                    next = Some((k, s));
                }
            }
            let Some((k, split)) = next else { break };
            let leaf = leaves.swap_remove(k);
            let column = columns[split.offered];
            let (from, to) = (leaf.from, leaf.to);
            let fork = Fork::new(&rows.column(column).codes, leaf.place, split.code, split.missing_left);
            let middle = from + partition(&mut index[from..to], &mut pairs[from..to], &mut spare, &fork);
            forks.push(fork);
            // The place of a fork's right side is the number of forks by then; there are 256 leaves at most.
            let places = [leaf.place, forks.len() as u8];
            let right = [leaf.sums[0] - split.left[0], leaf.sums[1] - split.left[1]];
            let (at_left, at_right) = (nodes.len(), nodes.len() + 1);
            nodes.push(self.leaf_node(split.left));
            nodes.push(self.leaf_node(right));
            let n = &mut nodes[leaf.node];
            (n.column, n.code, n.missing_left) = (column, split.code, split.missing_left);
            (n.left, n.right, n.gain, n.value) = (at_left, at_right, split.gain, 0.0);
            let depth = leaf.depth + 1;
            let child = |side: usize, from, to, sums, histograms, best| Leaf {
                node: at_left + side,
                place: places[side],
                from,
                to,
                depth,
                sums,
                histograms,
                best,
            };
            let may_split = depth < self.params.max_depth && leaves.len() + 2 < self.params.max_leaves;
            if !may_split {
                self.give_back(leaf.histograms);
                leaves.push(child(0, from, middle, split.left, Vec::new(), None));
                leaves.push(child(1, middle, to, right, Vec::new(), None));
                continue;
            }
            // The smaller child is added up; the larger one is what it leaves of the parent.
            let left_is_small = middle - from <= to - middle;
            let (small, large) = if left_is_small { (split.left, right) } else { (right, split.left) };
            let range = if left_is_small { from..middle } else { middle..to };
            let mut of_small = self.empty(columns);
            let mut of_large = leaf.histograms;
            let found = self.fill(
                columns,
                &index[range.clone()],
                &pairs[range],
                &mut of_small,
                Some(&mut of_large),
                (small, Some(large)),
            );
            let best_small = best_of(found.iter().map(|f| f.0));
            let best_large = best_of(found.iter().map(|f| f.1));
            let (left, right_part) = if left_is_small {
                ((of_small, best_small), (of_large, best_large))
            } else {
                ((of_large, best_large), (of_small, best_small))
            };
            leaves.push(child(0, from, middle, split.left, left.0, left.1));
            leaves.push(child(1, middle, to, right, right_part.0, right_part.1));
        }
        let mut values = vec![0.0; leaves.len()];
        for l in leaves {
            values[usize::from(l.place)] = nodes[l.node].value;
            self.give_back(l.histograms);
        }
        (nodes, forks, values)
    }

    /// A histogram a column, all zero as far as it has codes.
    fn empty(&mut self, columns: &[usize]) -> Vec<Histogram> {
        let mut all = self.spare.pop().unwrap_or_default();
        all.resize_with(columns.len(), || Box::new([[0.0; 2]; 256]));
        for (h, &j) in all.iter_mut().zip(columns) {
            h[..self.rows.column(j).n_codes()].fill([0.0; 2]);
        }
        all
    }

    fn give_back(&mut self, histograms: Vec<Histogram>) {
        if !histograms.is_empty() {
            self.spare.push(histograms);
        }
    }

    fn leaf_node(&self, sums: Sums) -> CodeNode {
        let value = -sums[0] / (sums[1] + f64::from(self.params.l2));
        let value = if value.is_finite() { value * f64::from(self.params.learning_rate) } else { 0.0 };
        CodeNode {
            column: 0,
            code: 0,
            missing_left: false,
            left: 0,
            right: 0,
            // As the tree is kept.
            value: f64::from(value as f32),
            cover: sums[1],
            gain: 0.0,
        }
    }

    /// Adds the rows up in `of`, takes them from `rest`, and finds the best split of both in each column.
    fn fill(
        &self,
        columns: &[usize],
        index: &[u32],
        pairs: &[[f32; 2]],
        of: &mut [Histogram],
        rest: Option<&mut [Histogram]>,
        (sums, rest_sums): (Sums, Option<Sums>),
    ) -> Vec<(Option<Split>, Option<Split>)> {
        let work = |(k, (of, rest)): (usize, (&mut [Histogram], Option<&mut [Histogram]>))| {
            let first = k * TOGETHER;
            self.add(&columns[first..first + of.len()], index, pairs, of);
            let mut rest = rest.zip(rest_sums);
            let mut found = Vec::with_capacity(of.len());
            for (i, h) in of.iter().enumerate() {
                let n = self.rows.column(columns[first + i]).n_codes();
                let other = rest.as_mut().and_then(|(rest, sums)| {
                    let r = &mut rest[i][..n];
                    for (r, h) in r.iter_mut().zip(h.iter()) {
                        r[0] -= h[0];
                        r[1] -= h[1];
                    }
                    self.best(first + i, r, *sums)
                });
                found.push((self.best(first + i, &h[..n], sums), other));
            }
            found
        };
        let n_parts = of.len().div_ceil(TOGETHER);
        let rest: Vec<Option<&mut [Histogram]>> = match rest {
            Some(rest) => rest.chunks_mut(TOGETHER).map(Some).collect(),
            None => (0..n_parts).map(|_| None).collect(),
        };
        let parts = of.chunks_mut(TOGETHER);
        let tasks: Vec<_> = parts.zip(rest).enumerate().collect();
        let found: Vec<Vec<_>> = if index.len() * columns.len() >= WORTH_A_THREAD {
            tasks.into_par_iter().map(work).collect()
        } else {
            tasks.into_iter().map(work).collect()
        };
        found.concat()
    }

    /// Adds rows up by the codes of a few columns.
    fn add(&self, columns: &[usize], index: &[u32], pairs: &[[f32; 2]], of: &mut [Histogram]) {
        fn one(h: &mut [Sums; 256], code: u8, p: [f64; 2]) {
            let s = &mut h[usize::from(code)];
            s[0] += p[0];
            s[1] += p[1];
        }
        let codes = |k: usize| self.rows.column(columns[k]).codes.as_slice();
        let wide = |p: &[f32; 2]| p.map(f64::from);
        if let [a, b, c, d] = of {
            let (ca, cb, cc, cd) = (codes(0), codes(1), codes(2), codes(3));
            for (&i, p) in index.iter().zip(pairs) {
                let (i, p) = (i as usize, wide(p));
                one(a, ca[i], p);
                one(b, cb[i], p);
                one(c, cc[i], p);
                one(d, cd[i], p);
            }
            return;
        }
        for (k, h) in of.iter_mut().enumerate() {
            let codes = codes(k);
            for (&i, p) in index.iter().zip(pairs) {
                one(h, codes[i as usize], wide(p));
            }
        }
    }

    /// The best split of a leaf by one column.
    fn best(&self, offered: usize, histogram: &[Sums], all: Sums) -> Option<Split> {
        let l2 = f64::from(self.params.l2);
        let worth = |s: Sums| if s[1] + l2 > 0.0 { s[0] * s[0] / (s[1] + l2) } else { 0.0 };
        let (least, whole) = (f64::from(self.params.gamma).max(1e-10), worth(all));
        let missing = histogram[usize::from(MISSING)];
        let some_missing = missing[1] > 1e-9;
        let mut best: Option<Split> = None;
        let mut below: Sums = [0.0; 2];
        // Codes below `code` go left; with all of them there, missing values alone are told apart.
        let last = if some_missing { histogram.len() } else { histogram.len() - 1 };
        for code in 2..=last {
            // Where no row has a code, the split is the one before.
            if code > 2 && histogram[code - 1] == [0.0; 2] {
                continue;
            }
            below[0] += histogram[code - 1][0];
            below[1] += histogram[code - 1][1];
            for missing_left in [false, true] {
                if missing_left && (!some_missing || code == histogram.len()) {
                    continue;
                }
                let left = if missing_left { [below[0] + missing[0], below[1] + missing[1]] } else { below };
                let right = [all[0] - left[0], all[1] - left[1]];
                if left[1] < self.min_leaf_weight || right[1] < self.min_leaf_weight {
                    continue;
                }
                let gain = worth(left) + worth(right) - whole;
                if gain > least && best.is_none_or(|b| gain > b.gain) {
                    // Where nothing was missing, what will be goes with the larger part.
                    let missing_left = if some_missing { missing_left } else { left[1] >= right[1] };
                    best = Some(Split { gain, offered, code: code as u16, missing_left, left });
                }
            }
        }
        best
    }
}

/// The split with the most gain, of the first column among equals.
fn best_of(found: impl Iterator<Item = Option<Split>>) -> Option<Split> {
    found.flatten().reduce(|a, b| if b.gain > a.gain { b } else { a })
}

/// The rows of a tree, a share of all, ascending; all where the share is 1 or none was drawn.
fn sample(rng: &mut impl Rng, n: usize, share: f32) -> Vec<u32> {
    let below = (f64::from(share) * f64::from(u32::MAX)) as u32;
    let mut index: Vec<u32> = (0..n as u32).collect();
    let mut taken = 0;
    if share < 1.0 {
        // Written without a branch that no one could foretell.
        for i in 0..n as u32 {
            index[taken] = i;
            taken += usize::from(rng.next_u32() < below);
        }
    }
    if taken == 0 {
        return (0..n as u32).collect();
    }
    index.truncate(taken);
    index
}

/// Puts the rows that go left first, keeping their order; how many there are.
fn partition(
    index: &mut [u32],
    pairs: &mut [[f32; 2]],
    (right, right_pairs): &mut (Vec<u32>, Vec<[f32; 2]>),
    fork: &Fork<'_>,
) -> usize {
    right.resize(right.len().max(index.len()), 0);
    right_pairs.resize(right.len(), [0.0; 2]);
    // Each row is written to both sides, and stays on the one whose end moves: no branch that no one could foretell.
    let (mut n, mut n_right) = (0, 0);
    for k in 0..index.len() {
        let (i, p) = (index[k], pairs[k]);
        let goes_right = usize::from(fork.right(i as usize));
        index[n] = i;
        pairs[n] = p;
        right[n_right] = i;
        right_pairs[n_right] = p;
        n += 1 - goes_right;
        n_right += goes_right;
    }
    index[n..].copy_from_slice(&right[..n_right]);
    pairs[n..].copy_from_slice(&right_pairs[..n_right]);
    n
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use proptest::prelude::*;

    use crate::boosting::BoostingParams;
    use crate::cases;
    use crate::matrix::Matrix;
    use crate::risk::{RiskModel, TrainingData};

    /// Every row and column, so that nothing is left to chance.
    fn whole(iterations: usize, max_leaves: usize) -> BoostingParams {
        BoostingParams {
            iterations,
            max_leaves,
            column_share: 1.0,
            row_share: 1.0,
            ..BoostingParams::default()
        }
    }

    #[test]
    fn trees_agree_with_lightgbm() {
        for case in cases::topic("boosting").as_array().unwrap() {
            let column = |c: &serde_json::Value| -> Vec<f64> {
                c.as_array().unwrap().iter().map(|v| v.as_f64().unwrap_or(f64::NAN)).collect()
            };
            let x = Matrix::from_columns(case["x"].as_array().unwrap().iter().map(column).collect()).unwrap();
            let (y, w) = (cases::numbers(case, "y"), cases::numbers(case, "weight"));
            let data = TrainingData::new(&x, &y, &w).unwrap();
            // The least hessian of a leaf is 1.5.
            let min_leaf_events = (1.5 / (1.0 - data.base_rate())) as f32;
            let params =
                BoostingParams { learning_rate: 0.3, max_depth: 4, l2: 2.0, min_leaf_events, ..whole(2, 5) };
            let z = params.grow(&data, None).unwrap().log_odds(&x).unwrap();
            for (found, expected) in z.iter().zip(cases::numbers(case, "log_odds")) {
                assert!((found - expected).abs() < 1e-6, "{found} where LightGBM has {expected}");
            }
        }
    }

    /// The least logistic loss of a leaf to second order: what a split is worth is the difference to its parent's.
    fn worth(rows: &[usize], y: &[f64], p: f64, l2: f64) -> f64 {
        let (g, h) = rows.iter().fold((0.0, 0.0), |s, &i| (s.0 + p - y[i], s.1 + p * (1.0 - p)));
        g * g / (h + l2)
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

        /// No threshold and no place for missing values is worth more than the split that is taken.
        #[test]
        fn the_first_split_is_the_best_one(
            rows in prop::collection::vec(
                (prop_oneof![3 => (0..20_i32).prop_map(f64::from), 1 => Just(f64::NAN)], 0.0..9.0_f64, any::<bool>()), 12..60)
        ) {
            let y: Vec<f64> = rows.iter().map(|r| f64::from(u8::from(r.2))).collect();
            let ones = y.iter().sum::<f64>();
            prop_assume!(ones > 0.0 && ones < y.len() as f64);
            let columns = [rows.iter().map(|r| r.0).collect::<Vec<_>>(), rows.iter().map(|r| r.1).collect()];
            let x = Matrix::from_columns(columns.to_vec()).unwrap();
            let w = vec![1.0; y.len()];
            let params = BoostingParams { min_leaf_events: 0.0, l2: 1.0, ..whole(1, 2) };
            let binned = crate::boosting::BinnedRows::new(&x, 255).unwrap();
            let gains = params.gains(&binned, &y, &w).unwrap();
            let p = ones / y.len() as f64;
            let all: Vec<usize> = (0..y.len()).collect();
            let mut best = 0.0_f64;
            for c in &columns {
                for t in c.iter().copied().filter(|v| !v.is_nan()).chain([f64::INFINITY]) {
                    for missing_left in [false, true] {
                        let goes_left = |i: &usize| if c[*i].is_nan() { missing_left } else { c[*i] < t };
                        let (left, right): (Vec<usize>, Vec<usize>) = all.iter().partition(|i| goes_left(i));
                        if !left.is_empty() && !right.is_empty() {
                            let gain = worth(&left, &y, p, 1.0) + worth(&right, &y, p, 1.0) - worth(&all, &y, p, 1.0);
                            best = best.max(gain);
                        }
                    }
                }
            }
            let found = gains.iter().sum::<f64>();
            prop_assert!((found - best).abs() < 1e-4 * best.max(1.0), "{} where {} was possible", found, best);
        }

        #[test]
        fn threads_do_not_matter(seed in 0..1000_u64) {
            let value = |i: u64, k: u64| ((i * 2_654_435_761 + k * 40_503 + seed) % 1009) as f64;
            let x = Matrix::from_columns((0..6).map(|k| (0..4000).map(|i| value(i, k)).collect()).collect()).unwrap();
            let y: Vec<f64> = (0..4000).map(|i| f64::from(u8::from(value(i, 0) + value(i, 9) > 1500.0))).collect();
            let params = BoostingParams { iterations: 5, seed, column_share: 0.9, ..BoostingParams::default() };
            let grow = |threads| {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                pool.install(|| params.fit_rows(&x, &y, &vec![1.0; 4000]).unwrap())
            };
            prop_assert_eq!(grow(1), grow(3));
        }
    }
}
