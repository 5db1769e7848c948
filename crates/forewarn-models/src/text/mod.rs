//! Groups of texts that say the same: words, weights, a space of fewer directions, neighbors, communities. It does not
//! know tickets, dates, ids, or what the words mean.
//!
//! A text becomes a bag of words ([`words`], [`Lexicon`]); bags that are alike count as one point with a weight. Points
//! are projected on the main directions of the weighted words (latent semantic analysis, Deerwester et al., 1990), each
//! direction scaled by its singular value once more, so that words that never meet are near when they share company. Each
//! point is tied to its nearest ones, and communities of that graph are the groups: their number comes from the data.
//!
//! ```
//! use forewarn_models::text::{Lexicon, TextGroups, TextGroupsParams};
//! let texts: Vec<Vec<&str>> = (0..40)
//!     .map(|i| match i % 4 {
//!         0 => vec!["VPN tunnel drops", "client reconnects at home"],
//!         1 => vec!["client reconnects at home"],
//!         2 => vec!["paper jam in printer", "tray empty"],
//!         _ => vec!["paper jam in printer"],
//!     })
//!     .collect();
//! let mut lexicon = Lexicon::default();
//! let bags = lexicon.bags(&texts);
//! let groups = TextGroups::fit(&bags, &TextGroupsParams::default())?;
//! assert_eq!(groups.n_groups(), 2);
//! assert_eq!(groups.group_of(0), groups.group_of(1));
//! let new = lexicon.bags(&[vec!["printer: paper jam again"], vec!["new chair wanted"]]);
//! assert_eq!(groups.assign(&new[0]), groups.group_of(2));
//! assert_eq!(groups.assign(&new[1]), None);
//! # Ok::<(), forewarn_models::ModelError>(())
//! ```

mod communities;
mod name;
mod near;
mod reduce;
mod weigh;
mod words;

use std::collections::BTreeMap;

use rayon::prelude::*;

pub use name::{NameWord, name_words};
pub use words::{Bag, Lexicon, words};

use crate::error::{ModelError, in_range};
use communities::{Graph, communities};
use near::Near;
use reduce::Dense;
use weigh::{Rows, Weights};

/// Neighbors that vote on a new text.
const VOTERS: usize = 10;

/// Up to this cosine two texts are not tied: rounding alone must not join what has nothing in common.
const UNTIED: f32 = 0.1;
/// For how many groups of equal size the resolution is 1; for twice as many it is 2.
const GROUPS_PER_RESOLUTION: f64 = 8.0;

/// How texts are grouped.
#[derive(Debug, Clone, PartialEq)]
pub struct TextGroupsParams {
    /// Directions of the reduced space, 1 to 1000. Default: 128
    pub dims: usize,
    /// To how many nearest points each point is tied, 1 to 1000. Default: 15
    pub neighbors: usize,
    /// The power of the singular values by which directions are scaled, 0 to 10. Default: 2
    pub spectrum_power: f64,
    /// The power of the cosine that is the weight of a tie, 0 to 100. Default: 6
    pub sharpness: f64,
    /// The greatest resolution of the communities, at least 1: more gives more groups. Default: 3
    pub resolution: f64,
    /// Texts that a group must have, at least 1. Default: 5
    pub min_texts: usize,
    /// Different texts that shape the groups, the last ones, at least 1; earlier ones are assigned. Default: 40,000
    pub max_points: usize,
    /// How near a new text must be to a text of a group, as a cosine, 0 to 1. Default: 0.5
    pub min_similarity: f64,
    /// Which part of the words of a new text must have been seen before, 0 to 1. Default: 0.4
    pub min_known: f64,
    /// The seed of the random projection.
    pub seed: u64,
}

impl Default for TextGroupsParams {
    fn default() -> Self {
        Self {
            dims: 128,
            neighbors: 15,
            spectrum_power: 2.0,
            sharpness: 6.0,
            resolution: 3.0,
            min_texts: 5,
            max_points: 40_000,
            min_similarity: 0.5,
            min_known: 0.4,
            seed: 0,
        }
    }
}

impl TextGroupsParams {
    fn check(&self) -> Result<(), ModelError> {
        in_range((1..=1000).contains(&self.dims), "dims", self.dims as f64, "1 to 1000")?;
        in_range((1..=1000).contains(&self.neighbors), "neighbors", self.neighbors as f64, "1 to 1000")?;
        in_range(
            (0.0..=10.0).contains(&self.spectrum_power),
            "spectrum_power",
            self.spectrum_power,
            "0 to 10",
        )?;
        in_range((0.0..=100.0).contains(&self.sharpness), "sharpness", self.sharpness, "0 to 100")?;
        in_range(self.resolution >= 1.0, "resolution", self.resolution, "at least 1")?;
        in_range(self.min_texts > 0, "min_texts", 0.0, "at least 1")?;
        in_range(self.max_points > 0, "max_points", 0.0, "at least 1")?;
        in_range(
            (0.0..=1.0).contains(&self.min_similarity),
            "min_similarity",
            self.min_similarity,
            "0 to 1",
        )?;
        in_range((0.0..=1.0).contains(&self.min_known), "min_known", self.min_known, "0 to 1")
    }
}

/// Groups of texts, fitted once; later texts are assigned to them.
#[derive(Debug, Clone)]
pub struct TextGroups {
    params: TextGroupsParams,
    weights: Weights,
    directions: Dense,
    scale: Vec<f64>,
    index: Near,
    /// The group of each point.
    of_point: Vec<Option<u32>>,
    /// The group of each text, and how near it is to the others of its group.
    of_text: Vec<Option<u32>>,
    closeness: Vec<f64>,
    n_groups: usize,
}

impl TextGroups {
    /// Groups the texts, the oldest first. Groups are numbered by their first text; a text belongs to none where it has
    /// no word that counts, or fewer than `min_texts` say the same.
    ///
    /// # Errors
    /// A parameter is out of its range. Texts cannot be wrong: no text, one word, or the same text a thousand times
    /// each give an answer.
    pub fn fit(bags: &[Bag], params: &TextGroupsParams) -> Result<Self, ModelError> {
        params.check()?;
        let weights = Weights::fit(bags);
        let mut number: BTreeMap<&Bag, usize> = BTreeMap::new();
        let mut distinct: Vec<(&Bag, f64)> = Vec::new();
        let of: Vec<Option<usize>> = bags
            .iter()
            .map(|bag| {
                weights.row(bag)?;
                let i = *number.entry(bag).or_insert_with(|| {
                    distinct.push((bag, 0.0));
                    distinct.len() - 1
                });
                distinct[i].1 += 1.0;
                Some(i)
            })
            .collect();
        let shaping = &distinct[distinct.len().saturating_sub(params.max_points)..];
        let earlier = distinct.len() - shaping.len();
        // A text seen a hundred times counts ten times: what a monitor writes must not bend the space.
        let mass: Vec<f64> = shaping.iter().map(|(_, n)| n.sqrt()).collect();
        let mut rows = Rows { offsets: vec![0], n_columns: weights.n_columns, ..Rows::default() };
        for ((bag, _), mass) in shaping.iter().zip(&mass) {
            for (c, v) in weights.row(bag).map(|r| r.0).unwrap_or_default() {
                rows.columns.push(c);
                rows.values.push(v * mass.sqrt());
            }
            rows.offsets.push(rows.columns.len());
        }
        let (directions, singular) = reduce::truncated_svd(&rows, params.dims, params.seed);
        let scale: Vec<f64> = singular.iter().map(|s| s.powf(params.spectrum_power - 1.0)).collect();
        let width = directions.n_columns.div_ceil(8).max(1) * 8;
        let mut points = vec![0.0_f32; shaping.len() * width];
        points.par_chunks_mut(width).enumerate().for_each(|(i, out)| {
            project(rows.row(i), &directions, &scale, out);
        });
        let index = Near::new(&points, width, params.seed);
        let ties: Vec<Vec<(f32, u32)>> = points
            .par_chunks(width)
            .enumerate()
            .map(|(i, p)| index.search(p, params.neighbors, Some(i as u32)))
            .collect();
        let mut edges = Vec::with_capacity(ties.len() * params.neighbors);
        for (i, near) in ties.iter().enumerate() {
            for (cosine, j) in near.iter().filter(|n| n.0 > UNTIED) {
                let weight = f64::from(*cosine).powf(params.sharpness) * mass[i] * mass[*j as usize];
                edges.push((i as u32, *j, weight));
            }
        }
        let graph = Graph::of_greatest(shaping.len(), edges);
        // A high resolution tears a few large groups apart, a low one joins small ones (Fortunato and Barthélemy, 2007):
        // it follows the number of groups that the plain modularity sees.
        let plain = communities(&graph, 1.0);
        let resolution =
            (graph.effective_number(&plain) / GROUPS_PER_RESOLUTION).clamp(1.0, params.resolution);
        let community = if resolution > 1.0 { communities(&graph, resolution) } else { plain };
        let closeness: Vec<f64> = ties
            .iter()
            .enumerate()
            .map(|(i, near)| {
                let own: f64 = near
                    .iter()
                    .filter(|n| community[n.1 as usize] == community[i])
                    .map(|n| f64::from(n.0) * mass[n.1 as usize])
                    .sum();
                own + mass[i]
            })
            .collect();
        let mut groups = Self {
            params: params.clone(),
            weights,
            directions,
            scale,
            index,
            of_point: community.into_iter().map(Some).collect(),
            of_text: Vec::new(),
            closeness: Vec::new(),
            n_groups: 0,
        };
        let before: Vec<Option<u32>> =
            distinct[..earlier].par_iter().map(|(bag, _)| groups.assign(bag)).collect();
        let group_of = |i: usize| if i < earlier { before[i] } else { groups.of_point[i - earlier] };
        groups.of_text = of.iter().map(|i| i.and_then(group_of)).collect();
        groups.closeness =
            of.iter().map(|i| i.and_then(|i| i.checked_sub(earlier)).map_or(0.0, |i| closeness[i])).collect();
        groups.keep_large();
        Ok(groups)
    }

    /// Leaves out the groups of fewer than `min_texts` and numbers the others by their first text.
    fn keep_large(&mut self) {
        let n =
            self.of_point.iter().chain(&self.of_text).flatten().map(|g| *g as usize + 1).max().unwrap_or(0);
        let mut size = vec![0; n];
        self.of_text.iter().flatten().for_each(|g| size[*g as usize] += 1);
        let mut new: Vec<Option<u32>> = vec![None; n];
        let mut kept = 0;
        for g in self.of_text.iter().flatten() {
            let g = *g as usize;
            if size[g] >= self.params.min_texts && new[g].is_none() {
                new[g] = Some(kept);
                kept += 1;
            }
        }
        self.n_groups = kept as usize;
        for g in self.of_point.iter_mut().chain(&mut self.of_text) {
            *g = g.and_then(|g| new[g as usize]);
        }
    }

    /// How many groups there are.
    pub fn n_groups(&self) -> usize {
        self.n_groups
    }

    /// The group of the `i`-th text of the fit; `None` for one that belongs to none, or was not there.
    pub fn group_of(&self, i: usize) -> Option<u32> {
        self.of_text.get(i).copied().flatten()
    }

    /// How much of its group lies near the `i`-th text of the fit: the text for which it is greatest is the group's
    /// exemplar. 0 for a text of no group.
    pub fn closeness(&self, i: usize) -> f64 {
        self.closeness.get(i).copied().unwrap_or(0.0)
    }

    /// [`TextGroups::assign`] for many texts.
    pub fn assign_all(&self, bags: &[Bag]) -> Vec<Option<u32>> {
        bags.par_iter().map(|bag| self.assign(bag)).collect()
    }

    /// The group of a text that came later, by the vote of its nearest neighbors. `None` where it has too few words that
    /// were seen before, no group is near, or the nearest belong to none.
    pub fn assign(&self, bag: &Bag) -> Option<u32> {
        let (row, known) = self.weights.row(bag)?;
        if known < self.params.min_known || self.directions.n_columns == 0 {
            return None;
        }
        let mut point = vec![0.0; self.directions.n_columns.div_ceil(8) * 8];
        project(row.into_iter().map(|(c, v)| (c as usize, v)), &self.directions, &self.scale, &mut point);
        let mut votes: BTreeMap<Option<u32>, f64> = BTreeMap::new();
        for (cosine, i) in self.index.search(&point, VOTERS, None) {
            if f64::from(cosine) >= self.params.min_similarity {
                *votes.entry(self.of_point[i as usize]).or_insert(0.0) +=
                    f64::from(cosine).powf(self.params.sharpness);
            }
        }
        // Of equal votes the lower group wins.
        let mut best: Option<(f64, Option<u32>)> = None;
        for (group, vote) in votes {
            if best.is_none_or(|b| vote > b.0) {
                best = Some((vote, group));
            }
        }
        best.and_then(|b| b.1)
    }
}

/// The point of a sparse row in the reduced space, with length 1; zero where nothing of it lies there.
fn project(row: impl Iterator<Item = (usize, f64)>, directions: &Dense, scale: &[f64], out: &mut [f32]) {
    let k = directions.n_columns;
    let mut sums = vec![0.0; k];
    for (c, v) in row {
        sums.iter_mut().zip(&directions.values[c * k..(c + 1) * k]).for_each(|(s, d)| *s += v * d);
    }
    sums.iter_mut().zip(scale).for_each(|(s, f)| *s *= f);
    let length = sums.iter().map(|s| s * s).sum::<f64>().sqrt();
    if length > 0.0 {
        out.iter_mut().zip(&sums).for_each(|(o, s)| *o = (s / length) as f32);
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests;
