//! Communities of a weighted graph. It does not know what the vertices are.
//!
//! Louvain's method (Blondel et al., 2008) on modularity with a resolution (Reichardt and Bornholdt, 2006), with a queue
//! of vertices as in Leiden (Traag, Waltman and van Eck, 2019), run again from its own result until nothing moves.

use std::collections::VecDeque;

/// Runs from the last result, at most.
const ROUNDS: usize = 6;
/// A move must gain more than this part of the total weight: less is rounding.
const NOTHING: f64 = 1e-12;

/// An undirected graph: each edge stands with both ends.
pub(crate) struct Graph {
    offsets: Vec<usize>,
    to: Vec<u32>,
    weight: Vec<f64>,
    /// Twice the weight of edges from a vertex to itself.
    own: Vec<f64>,
}

impl Graph {
    /// From edges `(a, b, weight)`; of several between two vertices the greatest counts.
    pub(crate) fn of_greatest(n: usize, edges: Vec<(u32, u32, f64)>) -> Self {
        let mut edges: Vec<_> =
            edges.into_iter().filter(|e| e.0 != e.1).map(|(a, b, w)| (a.min(b), a.max(b), w)).collect();
        edges.sort_by(|x, y| (x.0, x.1).cmp(&(y.0, y.1)).then(y.2.total_cmp(&x.2)));
        edges.dedup_by_key(|e| (e.0, e.1));
        Self::new(n, &edges, vec![0.0; n])
    }

    /// From edges that each stand once, and the weights of loops.
    fn new(n: usize, edges: &[(u32, u32, f64)], own: Vec<f64>) -> Self {
        let mut offsets = vec![0; n + 1];
        for (a, b, _) in edges {
            offsets[*a as usize + 1] += 1;
            offsets[*b as usize + 1] += 1;
        }
        (0..n).for_each(|i| offsets[i + 1] += offsets[i]);
        let mut next = offsets.clone();
        let (mut to, mut weight) = (vec![0; 2 * edges.len()], vec![0.0; 2 * edges.len()]);
        for (a, b, w) in edges {
            for (from, other) in [(*a, *b), (*b, *a)] {
                to[next[from as usize]] = other;
                weight[next[from as usize]] = *w;
                next[from as usize] += 1;
            }
        }
        Self { offsets, to, weight, own }
    }

    fn n(&self) -> usize {
        self.own.len()
    }

    fn edges(&self, i: usize) -> impl Iterator<Item = (usize, f64)> {
        let at = self.offsets[i]..self.offsets[i + 1];
        self.to[at.clone()].iter().map(|t| *t as usize).zip(self.weight[at].iter().copied())
    }

    fn degrees(&self) -> Vec<f64> {
        (0..self.n()).map(|i| self.own[i] + self.edges(i).map(|e| e.1).sum::<f64>()).collect()
    }

    /// The number of communities of equal volume that would be as diverse: one over the chance that two ends of edges,
    /// drawn at random, lie in the same one. 0 for a graph without edges.
    pub(crate) fn effective_number(&self, community: &[u32]) -> f64 {
        let degree = self.degrees();
        let mut volume = vec![0.0; self.n()];
        community.iter().zip(&degree).for_each(|(c, d)| volume[*c as usize] += d);
        let total: f64 = degree.iter().sum();
        let squares: f64 = volume.iter().map(|v| v * v).sum();
        if squares > 0.0 { total * total / squares } else { 0.0 }
    }

    /// One vertex a community, numbered from 0.
    fn gathered(&self, community: &[u32], n: usize) -> Self {
        let mut own = vec![0.0; n];
        let mut edges = Vec::new();
        for i in 0..self.n() {
            let a = community[i];
            own[a as usize] += self.own[i];
            for (j, w) in self.edges(i) {
                let b = community[j];
                if a == b {
                    own[a as usize] += w;
                } else if a < b {
                    edges.push((a, b, w));
                }
            }
        }
        edges.sort_by_key(|e| (e.0, e.1));
        let mut sums: Vec<(u32, u32, f64)> = Vec::new();
        for (a, b, w) in edges {
            match sums.last_mut() {
                Some(last) if (last.0, last.1) == (a, b) => last.2 += w,
                _ => sums.push((a, b, w)),
            }
        }
        Self::new(n, &sums, own)
    }
}

/// Numbers communities from 0 in the order of their first vertices; how many there are.
fn renumber(community: &mut [u32]) -> usize {
    let mut new = vec![u32::MAX; community.iter().map(|c| *c as usize + 1).max().unwrap_or(0)];
    let mut n = 0;
    for c in community.iter_mut() {
        let to = &mut new[*c as usize];
        if *to == u32::MAX {
            *to = n;
            n += 1;
        }
        *c = *to;
    }
    n as usize
}

/// Moves vertices, one at a time, to the neighboring community that gains most; whether any moved.
fn move_vertices(graph: &Graph, community: &mut [u32], resolution: f64) -> bool {
    let n = graph.n();
    let degree = graph.degrees();
    let total: f64 = degree.iter().sum();
    if total <= 0.0 {
        return false;
    }
    let mut volume = vec![0.0; n];
    for (c, d) in community.iter().zip(&degree) {
        volume[*c as usize] += d;
    }
    let mut queue: VecDeque<usize> = (0..n).collect();
    let mut queued = vec![true; n];
    let mut links = vec![0.0; n];
    let mut touched: Vec<u32> = Vec::new();
    let mut moved = false;
    // Each move gains, so it ends; the bound guards against rounding.
    let mut left = 200 * n;
    while let Some(i) = queue.pop_front() {
        queued[i] = false;
        left -= 1;
        if left == 0 {
            break;
        }
        let from = community[i];
        touched.clear();
        touched.push(from);
        for (j, w) in graph.edges(i) {
            let c = community[j];
            if links[c as usize] == 0.0 && c != from {
                touched.push(c);
            }
            links[c as usize] += w;
        }
        volume[from as usize] -= degree[i];
        let gain = |c: u32| links[c as usize] - resolution * degree[i] * volume[c as usize] / total;
        let mut best = (gain(from), from);
        touched.sort_unstable();
        touched.dedup();
        for &c in &touched {
            let g = gain(c);
            if g > best.0 + NOTHING * total {
                best = (g, c);
            }
        }
        for &c in &touched {
            links[c as usize] = 0.0;
        }
        let to = best.1;
        volume[to as usize] += degree[i];
        if to != from {
            community[i] = to;
            moved = true;
            for (j, _) in graph.edges(i) {
                if community[j] != to && !queued[j] {
                    queued[j] = true;
                    queue.push_back(j);
                }
            }
        }
    }
    moved
}

/// The community of each vertex, numbered from 0 in the order of their first vertices. A greater resolution gives more.
pub(crate) fn communities(graph: &Graph, resolution: f64) -> Vec<u32> {
    let mut result: Vec<u32> = (0..graph.n() as u32).collect();
    for _ in 0..ROUNDS {
        let before = result.clone();
        move_vertices(graph, &mut result, resolution);
        loop {
            let n = renumber(&mut result);
            let gathered = graph.gathered(&result, n);
            let mut upper: Vec<u32> = (0..n as u32).collect();
            if !move_vertices(&gathered, &mut upper, resolution) {
                break;
            }
            for c in &mut result {
                *c = upper[*c as usize];
            }
        }
        if result == before {
            break;
        }
    }
    renumber(&mut result);
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cliques_are_found() {
        // Ten cliques of five in a ring.
        let mut edges = Vec::new();
        for c in 0..10_u32 {
            for i in 0..5 {
                for j in 0..i {
                    edges.push((5 * c + i, 5 * c + j, 1.0));
                }
            }
            edges.push((5 * c, (5 * c + 6) % 50, 1.0));
        }
        let graph = Graph::of_greatest(50, edges);
        let found = communities(&graph, 1.0);
        assert_eq!(found, (0..50).map(|i| i / 5).collect::<Vec<u32>>());
        assert!((graph.effective_number(&found) - 10.0).abs() < 1e-9);
        // A low resolution sees one.
        assert!(communities(&graph, 0.01).iter().all(|c| *c == 0));
    }

    #[test]
    fn vertices_without_edges_stay_alone() {
        assert_eq!(communities(&Graph::of_greatest(3, vec![]), 1.0), [0, 1, 2]);
        assert_eq!(communities(&Graph::of_greatest(3, vec![(0, 2, 1.0), (2, 0, 3.0)]), 1.0), [0, 1, 0]);
        assert!(communities(&Graph::of_greatest(0, vec![]), 1.0).is_empty());
    }
}
