//! A sum of decision trees on log odds: prediction and exact Shapley contributions. It does not know how the
//! trees were grown.

use crate::error::{ModelError, same_length};
use crate::matrix::Matrix;
use crate::risk::{Contributions, RiskModel, check_columns};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// Rows handled by one task.
const CHUNK_ROWS: usize = 256;

/// A node: a leaf has no children (`left == 0`, since the root is no one's child).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Node {
    /// Column of the split.
    pub(crate) column: u32,
    /// Values below go left, others right.
    pub(crate) threshold: f64,
    pub(crate) left: u32,
    pub(crate) right: u32,
    /// Whether a missing value goes left.
    pub(crate) missing_left: bool,
    /// Log odds added by a leaf.
    pub(crate) value: f32,
    /// Training weight (sum of hessians) that passed here.
    pub(crate) cover: f32,
}

impl Node {
    fn is_leaf(&self) -> bool {
        self.left == 0
    }

    fn goes_left(&self, v: f64) -> bool {
        if v.is_nan() { self.missing_left } else { v < self.threshold }
    }
}

/// A boosted sum of trees, whichever library grew them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Boosted {
    pub(crate) n_columns: usize,
    pub(crate) base: f64,
    pub(crate) trees: Vec<Vec<Node>>,
}

/// A tree to be walked by several rows at once: no step depends on a guess, and a row that is at its leaf stays there.
struct FlatTree {
    nodes: Vec<FlatNode>,
    values: Vec<f64>,
    /// Steps to the deepest leaf.
    depth: usize,
}

#[derive(Clone, Copy)]
struct FlatNode {
    threshold: f64,
    column: u32,
    /// Where a value goes that is not below the threshold, and one that is.
    next: [u32; 2],
    missing_left: bool,
}

/// Rows that walk a tree together.
const ABREAST: usize = 8;

impl FlatTree {
    fn of(tree: &[Node]) -> Self {
        let nodes = tree.iter().zip(0_u32..).map(|(n, at)| FlatNode {
            threshold: n.threshold,
            column: n.column,
            next: if n.is_leaf() { [at, at] } else { [n.right, n.left] },
            missing_left: n.missing_left,
        });
        let values = tree.iter().map(|n| f64::from(n.value)).collect();
        let (mut depth, mut level) = (0, vec![0_u32]);
        loop {
            let inner = level.iter().map(|&i| &tree[i as usize]).filter(|n| !n.is_leaf());
            level = inner.flat_map(|n| [n.left, n.right]).collect();
            if level.is_empty() {
                break;
            }
            depth += 1;
        }
        Self { nodes: nodes.collect(), values, depth }
    }

    /// Adds the tree to the log odds of the rows from `first` on.
    fn add(&self, columns: &[&[f64]], first: usize, z: &mut [f64]) {
        for (k, z) in z.chunks_mut(ABREAST).enumerate() {
            let first = first + k * ABREAST;
            let mut at = [0_usize; ABREAST];
            for _ in 0..self.depth {
                for (row, at) in (first..first + z.len()).zip(&mut at) {
                    let n = &self.nodes[*at];
                    let v = columns[n.column as usize][row];
                    let left = (v < n.threshold) | (v.is_nan() & n.missing_left);
                    *at = n.next[usize::from(left)] as usize;
                }
            }
            for (z, at) in z.iter_mut().zip(at) {
                *z += self.values[at];
            }
        }
    }
}

fn all_columns(x: &Matrix) -> Vec<&[f64]> {
    (0..x.n_cols()).map(|j| x.column(j)).collect()
}

/// Adds trees to the log odds of rows, in the order of the trees.
fn add_trees(trees: &[FlatTree], columns: &[&[f64]], z: &mut [f64]) {
    z.par_chunks_mut(CHUNK_ROWS).enumerate().for_each(|(chunk, z)| {
        for tree in trees {
            tree.add(columns, chunk * CHUNK_ROWS, z);
        }
    });
}

/// One condition on the path to a leaf, all splits on the same column joined.
struct Condition {
    column: usize,
    /// The value must lie in `[low, high)`.
    low: f64,
    high: f64,
    missing: bool,
    /// The share of training weight that goes the same way where the column is unknown.
    zero: f64,
}

/// A leaf with its conditions, in the form that the Shapley sums need.
struct LeafPath {
    value: f64,
    conditions: Vec<Condition>,
}

impl Boosted {
    /// Number of trees.
    pub fn n_trees(&self) -> usize {
        self.trees.len()
    }

    /// One sum of trees that gives the mean of several models' log odds, and the mean of their contributions.
    ///
    /// # Errors
    /// No models, or models of different columns.
    ///
    /// ```
    /// use forewarn_models::{Boosted, BoostingParams, Matrix, RiskModel};
    /// let x = Matrix::from_columns(vec![(0..200).map(f64::from).collect()])?;
    /// let y: Vec<f64> = (0..200).map(|i| f64::from(u8::from(i >= 150))).collect();
    /// let grow = |seed| BoostingParams { seed, ..Default::default() }.fit_rows(&x, &y, &[1.0; 200]);
    /// let (a, b) = (grow(1)?, grow(2)?);
    /// let z = (a.log_odds(&x)?[7] + b.log_odds(&x)?[7]) / 2.0;
    /// let both = Boosted::mean(vec![a, b])?;
    /// assert!((both.log_odds(&x)?[7] - z).abs() < 1e-5);
    /// assert!(Boosted::mean(vec![]).is_err());
    /// # Ok::<(), forewarn_models::ModelError>(())
    /// ```
    pub fn mean(models: Vec<Self>) -> Result<Self, ModelError> {
        let Some(first) = models.first() else { return Err(ModelError::Empty { what: "models" }) };
        let n_columns = first.n_columns;
        let share = 1.0 / models.len() as f64;
        let mut out = Self { n_columns, base: 0.0, trees: Vec::new() };
        for m in models {
            same_length("columns of a model", m.n_columns, n_columns)?;
            out.base += share * m.base;
            out.trees.extend(m.trees.into_iter().map(|mut tree| {
                for n in &mut tree {
                    n.value *= share as f32;
                }
                tree
            }));
        }
        Ok(out)
    }

    /// The model of the first `n` trees, or of all where there are fewer: what growing so many would have given.
    #[must_use]
    pub fn first(&self, n: usize) -> Self {
        Self {
            n_columns: self.n_columns,
            base: self.base,
            trees: self.trees[..n.min(self.trees.len())].to_vec(),
        }
    }

    /// The log odds of rows after each of `counts` trees, ascending; counts beyond the last tree give the whole sum.
    ///
    /// # Errors
    /// Another number of columns.
    ///
    /// ```
    /// use forewarn_models::{BoostingParams, Matrix, RiskModel};
    /// let x = Matrix::from_columns(vec![(0..200).map(f64::from).collect()])?;
    /// let y: Vec<f64> = (0..200).map(|i| f64::from(u8::from(i >= 150))).collect();
    /// let model = BoostingParams { iterations: 20, ..Default::default() }.fit_rows(&x, &y, &[1.0; 200])?;
    /// let stages = model.log_odds_after(&x, &[0, 10, 20])?;
    /// assert!(stages[0][199] < stages[1][199] && stages[1][199] < stages[2][199]);
    /// assert_eq!(stages[2], model.log_odds(&x)?);
    /// let two = Matrix::from_columns(vec![vec![0.0], vec![0.0]])?;
    /// assert!(model.log_odds_after(&two, &[1]).is_err());
    /// # Ok::<(), forewarn_models::ModelError>(())
    /// ```
    pub fn log_odds_after(&self, x: &Matrix, counts: &[usize]) -> Result<Vec<Vec<f64>>, ModelError> {
        check_columns(x, self.n_columns)?;
        let (columns, trees) = (all_columns(x), self.flat());
        let mut stages: Vec<Vec<f64>> = Vec::with_capacity(counts.len());
        let (mut z, mut at) = (vec![self.base; x.n_rows()], 0);
        for n in counts {
            let to = (*n).clamp(at, trees.len());
            add_trees(&trees[at..to], &columns, &mut z);
            at = to;
            stages.push(z.clone());
        }
        Ok(stages)
    }

    fn flat(&self) -> Vec<FlatTree> {
        self.trees.iter().map(|t| FlatTree::of(t)).collect()
    }

    /// How often each column is split on, over all trees.
    pub fn n_splits(&self) -> Vec<usize> {
        let mut n = vec![0; self.n_columns];
        for node in self.trees.iter().flatten().filter(|n| !n.is_leaf()) {
            n[node.column as usize] += 1;
        }
        n
    }

    pub(crate) fn leaf_value(tree: &[Node], x: &Matrix, row: usize) -> f64 {
        let mut node = &tree[0];
        while !node.is_leaf() {
            let v = x.column(node.column as usize)[row];
            node = &tree[if node.goes_left(v) { node.left } else { node.right } as usize];
        }
        f64::from(node.value)
    }

    /// The paths to all leaves that add anything, tree by tree, and the mean of the whole sum over the
    /// training weight.
    fn paths(&self) -> (Vec<LeafPath>, f64) {
        let mut paths = Vec::new();
        let mut base = self.base;
        for tree in &self.trees {
            let mut open: Vec<(u32, Vec<Condition>)> = vec![(0, Vec::new())];
            while let Some((at, conditions)) = open.pop() {
                let node = &tree[at as usize];
                if node.is_leaf() {
                    let value = f64::from(node.value);
                    base += value * conditions.iter().map(|c| c.zero).product::<f64>();
                    if value != 0.0 && !conditions.is_empty() {
                        paths.push(LeafPath { value, conditions });
                    }
                    continue;
                }
                // The covers of the two children are used, not the parent's: they come from subtracted sums,
                // and only shares that add up to 1 keep the contributions additive.
                let (l, r) =
                    (f64::from(tree[node.left as usize].cover), f64::from(tree[node.right as usize].cover));
                let left_share = if l + r > 0.0 { (l / (l + r)).clamp(0.0, 1.0) } else { 0.5 };
                let left = node.narrowed(&conditions, true, left_share);
                let right = node.narrowed(&conditions, false, 1.0 - left_share);
                open.push((node.right, right));
                open.push((node.left, left));
            }
        }
        (paths, base)
    }
}

impl Node {
    /// The conditions of a child.
    fn narrowed(&self, conditions: &[Condition], left: bool, share: f64) -> Vec<Condition> {
        let column = self.column as usize;
        let mut next: Vec<Condition> = conditions.iter().map(|c| Condition { ..*c }).collect();
        let at = next.iter().position(|c| c.column == column).unwrap_or_else(|| {
            next.push(Condition {
                column,
                low: f64::NEG_INFINITY,
                high: f64::INFINITY,
                missing: true,
                zero: 1.0,
            });
            next.len() - 1
        });
        let c = &mut next[at];
        if left {
            c.high = c.high.min(self.threshold);
        } else {
            c.low = c.low.max(self.threshold);
        }
        c.missing &= self.missing_left == left;
        c.zero *= share;
        next
    }
}

impl RiskModel for Boosted {
    fn n_columns(&self) -> usize {
        self.n_columns
    }

    fn log_odds(&self, x: &Matrix) -> Result<Vec<f64>, ModelError> {
        check_columns(x, self.n_columns)?;
        let mut z = vec![self.base; x.n_rows()];
        add_trees(&self.flat(), &all_columns(x), &mut z);
        Ok(z)
    }

    /// Exact Shapley values of the trees, conditional expectations by training weight (Lundberg et al. 2020,
    /// TreeSHAP, path-dependent), summed leaf by leaf in double precision.
    fn contributions(&self, x: &Matrix) -> Result<Contributions, ModelError> {
        check_columns(x, self.n_columns)?;
        let (paths, base) = self.paths();
        let (n, p) = (x.n_rows(), self.n_columns);
        let mut by_row = vec![0.0; n * p];
        if p > 0 {
            by_row.par_chunks_mut(p * CHUNK_ROWS).enumerate().for_each(|(chunk, out)| {
                let mut sums = Permutations::default();
                for (i, phi) in out.chunks_mut(p).enumerate() {
                    let row = x.row(chunk * CHUNK_ROWS + i);
                    for path in &paths {
                        sums.add(path, &row, phi);
                    }
                }
            });
        }
        let mut values = vec![0.0; n * p];
        for i in 0..n {
            for j in 0..p {
                values[j * n + i] = by_row[i * p + j];
            }
        }
        Ok(Contributions { base, values: Matrix::from_values(values, n, p) })
    }

    fn check(&self) -> Result<(), ModelError> {
        let sound = |tree: &Vec<Node>| {
            let n = tree.len();
            // One parent at most: shared children would make a few nodes as many paths as two to their power.
            let mut children: Vec<u32> =
                tree.iter().filter(|node| !node.is_leaf()).flat_map(|node| [node.left, node.right]).collect();
            children.sort_unstable();
            n > 0
                && children.is_sorted_by(|a, b| a < b)
                && tree.iter().enumerate().all(|(i, node)| {
                    // Children after their parent: no walk can run in a circle.
                    node.is_leaf()
                        || ((node.column as usize) < self.n_columns
                            && [node.left, node.right].iter().all(|c| (*c as usize) > i && (*c as usize) < n))
                })
        };
        if self.trees.iter().all(sound) {
            Ok(())
        } else {
            Err(ModelError::Inconsistent("trees: a node points out of its tree, or to a child of another"))
        }
    }
}

/// Scratch space for the sums over all orders in which the conditions of a path can become known.
#[derive(Default)]
struct Permutations {
    one: Vec<f64>,
    weight: Vec<f64>,
}

impl Permutations {
    /// Adds the Shapley values of one leaf to `phi`: `EXTEND` and `UNWIND` of TreeSHAP, for one path.
    fn add(&mut self, path: &LeafPath, row: &[f64], phi: &mut [f64]) {
        let conditions = &path.conditions;
        self.one.clear();
        self.one.extend(conditions.iter().map(|c| {
            let v = row[c.column];
            f64::from(u8::from(if v.is_nan() { c.missing } else { v >= c.low && v < c.high }))
        }));
        // weight[k]: the weight of subsets of k known conditions.
        self.weight.clear();
        self.weight.push(1.0);
        for (depth, (c, one)) in conditions.iter().zip(&self.one).enumerate() {
            let d = (depth + 2) as f64;
            self.weight.push(0.0);
            for k in (0..=depth).rev() {
                self.weight[k + 1] += one * self.weight[k] * (k + 1) as f64 / d;
                self.weight[k] *= c.zero * (depth + 1 - k) as f64 / d;
            }
        }
        let depth = conditions.len();
        let d = (depth + 1) as f64;
        for (c, one) in conditions.iter().zip(&self.one) {
            let mut total = 0.0;
            if *one > 0.0 {
                let mut next = self.weight[depth];
                for k in (0..depth).rev() {
                    let own = next * d / (k + 1) as f64;
                    total += own;
                    next = self.weight[k] - own * c.zero * (depth - k) as f64 / d;
                }
            } else if c.zero > 0.0 {
                for k in (0..depth).rev() {
                    total += self.weight[k] * d / (c.zero * (depth - k) as f64);
                }
            }
            phi[c.column] += total * (one - c.zero) * path.value;
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn split(column: u32, threshold: f64, left: u32, right: u32, cover: f32) -> Node {
        Node { column, threshold, left, right, missing_left: true, value: 0.0, cover }
    }

    fn leaf(value: f32, cover: f32) -> Node {
        Node { column: 0, threshold: 0.0, left: 0, right: 0, missing_left: false, value, cover }
    }

    /// Splits on column 0, then on 1 and on 0 again.
    fn model() -> Boosted {
        let tree = vec![
            split(0, 1.0, 1, 2, 10.0),
            split(1, 0.0, 3, 4, 6.0),
            split(0, 3.0, 5, 6, 4.0),
            leaf(-1.0, 2.0),
            leaf(0.5, 4.0),
            leaf(1.5, 1.0),
            leaf(2.0, 3.0),
        ];
        Boosted { n_columns: 2, base: -2.0, trees: vec![tree] }
    }

    /// The expectation of the tree where only some columns are known, by definition.
    fn expectation(tree: &[Node], at: usize, row: &[f64], known: &[bool]) -> f64 {
        let node = &tree[at];
        if node.is_leaf() {
            return f64::from(node.value);
        }
        let (l, r) = (node.left as usize, node.right as usize);
        if known[node.column as usize] {
            return expectation(
                tree,
                if node.goes_left(row[node.column as usize]) { l } else { r },
                row,
                known,
            );
        }
        let (cl, cr) = (f64::from(tree[l].cover), f64::from(tree[r].cover));
        (cl * expectation(tree, l, row, known) + cr * expectation(tree, r, row, known)) / (cl + cr)
    }

    #[test]
    fn shapley_values_by_definition() {
        let m = model();
        let rows = [[0.5, 1.0], [0.5, -1.0], [2.0, 0.0], [5.0, f64::NAN], [f64::NAN, 2.0]];
        let x = Matrix::from_columns(vec![
            rows.iter().map(|r| r[0]).collect(),
            rows.iter().map(|r| r[1]).collect(),
        ])
        .unwrap();
        let c = m.contributions(&x).unwrap();
        for (i, row) in rows.iter().enumerate() {
            let e = |a, b| expectation(&m.trees[0], 0, row, &[a, b]);
            let first = 0.5 * (e(true, false) - e(false, false)) + 0.5 * (e(true, true) - e(false, true));
            let second = 0.5 * (e(false, true) - e(false, false)) + 0.5 * (e(true, true) - e(true, false));
            assert!((c.values.column(0)[i] - first).abs() < 1e-12);
            assert!((c.values.column(1)[i] - second).abs() < 1e-12);
            assert!((c.base - (e(false, false) - 2.0)).abs() < 1e-12);
        }
        for (a, b) in c.totals().iter().zip(m.log_odds(&x).unwrap()) {
            assert!((a - b).abs() < 1e-12);
        }
    }

    #[test]
    fn a_stored_model_that_runs_in_circles_is_refused() {
        let mut m = model();
        m.trees[0][2].left = 2;
        assert!(Boosted::from_bytes(&m.to_bytes().unwrap()).is_err());
        // Nodes that share their children: 60 of them are 2^60 paths.
        let leaf = Node { left: 0, right: 0, ..m.trees[0][0] };
        m.trees = vec![(0..60).map(|i| Node { left: i + 1, right: i + 1, ..leaf }).chain([leaf]).collect()];
        assert!(Boosted::from_bytes(&m.to_bytes().unwrap()).is_err());
    }
}
