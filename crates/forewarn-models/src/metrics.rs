//! How good probabilities and rankings are. It does not know which model made them, nor what a row stands
//! for.
//!
//! A [`Scored`] holds outcomes, scores and weights, checked once. A metric that is undefined on a sample (one
//! class only, no weight) is `None`, never a number that looks like a result.

use crate::error::{ModelError, all_finite, in_range, outcomes_and_weights, same_length};
use std::sync::Arc;

/// Outcomes (0 or 1), scores and weights of the same rows. Sorting happens once and is shared by every
/// reweighting.
///
/// ```
/// use forewarn_models::{Metric, Scored};
/// let s = Scored::new(&[0.0, 1.0, 0.0, 1.0], &[0.1, 0.9, 0.2, 0.6], None)?;
/// assert_eq!(Metric::AveragePrecision.of(&s), Some(1.0));
/// assert!(Scored::new(&[0.5], &[0.1], None).is_err());
/// # Ok::<(), forewarn_models::ModelError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Scored<'a> {
    outcome: &'a [f64],
    score: &'a [f64],
    weight: Vec<f64>,
    /// Rows by ascending score, ties in the caller's order.
    ascending: Arc<[u32]>,
}

impl<'a> Scored<'a> {
    /// Checks and sorts. `weights` of `None` means 1 for every row.
    ///
    /// # Errors
    /// No rows, lengths that differ, outcomes other than 0 and 1, scores that are not finite, weights that
    /// are negative or all 0.
    pub fn new(outcome: &'a [f64], score: &'a [f64], weights: Option<&[f64]>) -> Result<Self, ModelError> {
        let weight = weights.map_or_else(|| vec![1.0; outcome.len()], <[f64]>::to_vec);
        outcomes_and_weights(outcome, &weight)?;
        same_length("scores", score.len(), outcome.len())?;
        all_finite("score", score)?;
        let mut ascending: Vec<u32> = (0..score.len() as u32).collect();
        ascending.sort_by(|&a, &b| score[a as usize].total_cmp(&score[b as usize]));
        Ok(Self { outcome, score, weight, ascending: ascending.into() })
    }

    /// The same rows, each weight multiplied by a factor (0 leaves a row out), as a bootstrap sample does.
    ///
    /// # Errors
    /// If the factors differ in number from the rows.
    pub fn reweighted(&self, factors: &[f64]) -> Result<Self, ModelError> {
        same_length("factors", factors.len(), self.weight.len())?;
        let weight = self.weight.iter().zip(factors).map(|(w, f)| w * f).collect();
        Ok(Self { weight, ..self.clone() })
    }

    /// Number of rows.
    pub fn n_rows(&self) -> usize {
        self.outcome.len()
    }

    /// The share of outcomes that are 1, by weight; `None` without any weight.
    pub fn base_rate(&self) -> Option<f64> {
        self.mean(|_, y| y)
    }

    /// Calls `visit(positive weight, negative weight)` for each distinct score, from the highest to the
    /// lowest.
    fn for_each_tie(&self, mut visit: impl FnMut(f64, f64)) {
        let (mut positive, mut negative) = (0.0, 0.0);
        let mut rows = self.ascending.iter().rev().map(|&i| i as usize).peekable();
        while let Some(i) = rows.next() {
            positive += self.weight[i] * self.outcome[i];
            negative += self.weight[i] * (1.0 - self.outcome[i]);
            if rows.peek().is_none_or(|&next| self.score[next] != self.score[i]) {
                visit(positive, negative);
                (positive, negative) = (0.0, 0.0);
            }
        }
    }

    /// The weighted mean of a function of score and outcome.
    fn mean(&self, f: impl Fn(f64, f64) -> f64) -> Option<f64> {
        let (mut sum, mut total) = (0.0, 0.0);
        for ((y, p), w) in self.outcome.iter().zip(self.score).zip(&self.weight) {
            sum += w * f(*p, *y);
            total += w;
        }
        (total > 0.0).then(|| sum / total)
    }
}

/// Metrics of one number for a whole sample. All but the first two take the scores as probabilities in `[0,
/// 1]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Metric {
    /// `Σ (R_n - R_{n-1}) P_n` over distinct scores, as scikit-learn's `average_precision_score`. Higher is
    /// better.
    AveragePrecision,
    /// Area under the ROC curve, ties count half (Hanley and McNeil 1982). Higher is better.
    RocAuc,
    /// Mean squared error of the probability (Brier 1950). Lower is better.
    Brier,
    /// `1 - Brier / Brier of the sample's own base rate`. Higher is better.
    BrierSkill,
    /// Mean negative log likelihood, probabilities kept within 1e-12 of 0 and 1. Lower is better.
    LogLoss,
    /// Expected calibration error: 20 bins of equal weight by rank, ties in the caller's order; the mean
    /// distance between a bin's mean probability and its share of ones (Naeini et al. 2015). Lower is better.
    Ece,
}

impl Metric {
    /// Whether a larger value is the better one.
    pub fn higher_is_better(self) -> bool {
        matches!(self, Self::AveragePrecision | Self::RocAuc | Self::BrierSkill)
    }

    /// The metric of a sample; `None` where it is undefined.
    pub fn of(self, s: &Scored<'_>) -> Option<f64> {
        match self {
            Self::AveragePrecision => average_precision(s),
            Self::RocAuc => roc_auc(s),
            Self::Brier => s.mean(|p, y| (p - y).powi(2)),
            Self::BrierSkill => {
                let base = s.base_rate()?;
                let dumb = s.mean(|_, y| (base - y).powi(2))?;
                (dumb > 0.0).then(|| s.mean(|p, y| (p - y).powi(2)).map(|b| 1.0 - b / dumb))?
            }
            Self::LogLoss => s.mean(|p, y| {
                let p = p.clamp(1e-12, 1.0 - 1e-12);
                -(if y > 0.5 { p.ln() } else { (-p).ln_1p() })
            }),
            Self::Ece => ece(s, 20.0),
        }
    }
}

fn average_precision(s: &Scored<'_>) -> Option<f64> {
    let (mut hits, mut seen, mut area) = (0.0, 0.0, 0.0);
    s.for_each_tie(|positive, negative| {
        hits += positive;
        seen += positive + negative;
        if positive > 0.0 {
            area += positive * hits / seen;
        }
    });
    (hits > 0.0).then(|| area / hits)
}

fn roc_auc(s: &Scored<'_>) -> Option<f64> {
    let (mut hits, mut misses, mut area) = (0.0, 0.0, 0.0);
    s.for_each_tie(|positive, negative| {
        area += negative * (hits + 0.5 * positive);
        hits += positive;
        misses += negative;
    });
    (hits > 0.0 && misses > 0.0).then(|| area / (hits * misses))
}

fn ece(s: &Scored<'_>, bins: f64) -> Option<f64> {
    let total: f64 = s.weight.iter().sum();
    if total <= 0.0 {
        return None;
    }
    let (mut before, mut bin, mut gap, mut sum) = (0.0, 0.0, 0.0, 0.0_f64);
    for &i in s.ascending.iter() {
        let i = i as usize;
        let own = (before * bins / total).floor();
        if own > bin {
            sum += f64::abs(gap);
            (bin, gap) = (own, 0.0);
        }
        gap += s.weight[i] * (s.score[i] - s.outcome[i]);
        before += s.weight[i];
    }
    Some((sum + f64::abs(gap)) / total)
}

/// What a list of the top rows of each group achieves, averaged over the groups (a group is a cutoff).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TopK {
    /// Share of the listed rows whose outcome is 1, mean over the groups that have weight.
    pub precision: f64,
    /// Share of the ones that are listed, mean over the groups that have any; `None` if no group has.
    pub recall: Option<f64>,
    /// Precision over the mean base rate of the groups; `None` if there are no ones.
    pub lift: Option<f64>,
}

/// What has been counted of one group.
#[derive(Clone, Copy, Default)]
struct Group {
    listed: f64,
    hits: f64,
    total: f64,
    ones: f64,
}

/// Precision, recall and lift of the `k` highest scores of each group; ties go by the caller's order.
///
/// A row of weight 2 counts as two rows, so a bootstrap sample is treated as if its rows were repeated; a row
/// that no longer fits counts in part. A group with fewer than `k` rows is taken whole. `None` if no group
/// has any weight.
///
/// # Errors
/// If `groups` differs in length from the rows, or `k` is 0.
///
/// ```
/// use forewarn_models::{Scored, top_k};
/// let s = Scored::new(&[1.0, 0.0, 0.0, 1.0], &[0.9, 0.8, 0.7, 0.1], None)?;
/// let top = top_k(&s, &[0, 0, 1, 1], 1)?.ok_or("weight")?;
/// assert_eq!((top.precision, top.recall, top.lift), (0.5, Some(0.5), Some(1.0)));
/// assert!(top_k(&s, &[0, 0, 1], 1).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn top_k(s: &Scored<'_>, groups: &[u32], k: usize) -> Result<Option<TopK>, ModelError> {
    let mut by_group = vec![Group::default(); n_groups(groups)];
    for_each_listed(s, groups, k, |i, used| {
        let g = &mut by_group[groups[i] as usize];
        g.listed += used;
        g.hits += used * s.outcome[i];
        g.total += s.weight[i];
        g.ones += s.weight[i] * s.outcome[i];
    })?;
    let live: Vec<Group> = by_group.into_iter().filter(|g| g.total > 0.0).collect();
    let mean = |f: fn(&Group) -> f64, rows: &[Group]| {
        (!rows.is_empty()).then(|| rows.iter().map(f).sum::<f64>() / rows.len() as f64)
    };
    let Some(precision) = mean(|g| g.hits / g.listed, &live) else { return Ok(None) };
    let base = mean(|g| g.ones / g.total, &live).filter(|b| *b > 0.0);
    let failing: Vec<Group> = live.iter().copied().filter(|g| g.ones > 0.0).collect();
    Ok(Some(TopK {
        precision,
        recall: mean(|g| g.hits / g.ones, &failing),
        lift: base.map(|b| precision / b),
    }))
}

/// Room for every code of a group.
fn n_groups(groups: &[u32]) -> usize {
    groups.iter().max().map_or(0, |g| *g as usize + 1)
}

/// Calls `visit(row, listed weight)` for every row, from the highest score to the lowest, ties in the
/// caller's order. The listed weight is what still fits on the list of the row's group, 0 once the list is
/// full.
fn for_each_listed(
    s: &Scored<'_>,
    groups: &[u32],
    k: usize,
    mut visit: impl FnMut(usize, f64),
) -> Result<(), ModelError> {
    same_length("groups", groups.len(), s.outcome.len())?;
    if k == 0 {
        return Err(ModelError::OutOfRange { name: "k", found: 0.0, allowed: "at least 1" });
    }
    let mut listed = vec![0.0; n_groups(groups)];
    let mut descending: Vec<u32> = s.ascending.to_vec();
    // Stable, so ties stay in the caller's order.
    descending.sort_by(|&a, &b| s.score[b as usize].total_cmp(&s.score[a as usize]));
    for i in descending.into_iter().map(|i| i as usize) {
        let full = &mut listed[groups[i] as usize];
        let used = s.weight[i].min(k as f64 - *full);
        *full += used;
        visit(i, used);
    }
    Ok(())
}

/// How many days ahead the hits of the lists were.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LeadTime {
    /// Listed rows whose outcome is 1, by weight.
    pub n_hits: f64,
    /// A quarter of the hits failed within so many days of their list.
    pub q25_days: f64,
    /// Half of the hits did.
    pub median_days: f64,
    /// Three quarters of the hits did.
    pub q75_days: f64,
}

/// Days from the list to the failure, over the hits on the lists of [`top_k`]: the `k` highest scores of each
/// group, ties in the caller's order.
///
/// `days_to_failure` is counted from the row's list (its cutoff), at least 0; it is read only where the
/// outcome is 1. Quartiles are those of numpy's default, type 7 of Hyndman and Fan (1996). A row of weight 2
/// counts as two rows. `None` if no list has a hit.
///
/// # Errors
/// If `groups` or `days_to_failure` differ in length from the rows, `k` is 0, or the days of a row with
/// outcome 1 are not finite or negative.
///
/// ```
/// use forewarn_models::{Scored, lead_time};
/// let s = Scored::new(&[1.0, 1.0, 0.0, 1.0], &[0.9, 0.8, 0.7, 0.1], None)?;
/// let days = [3.0, 8.0, f64::NAN, 1.0];
/// let lead = lead_time(&s, &days, &[0; 4], 3)?.ok_or("a hit")?;
/// assert_eq!((lead.n_hits, lead.median_days), (2.0, 5.5));
/// assert!(lead_time(&s, &[f64::NAN; 4], &[0; 4], 3).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn lead_time(
    s: &Scored<'_>,
    days_to_failure: &[f64],
    groups: &[u32],
    k: usize,
) -> Result<Option<LeadTime>, ModelError> {
    same_length("days to failure", days_to_failure.len(), s.outcome.len())?;
    for (row, days) in days_to_failure.iter().enumerate().filter(|(row, _)| s.outcome[*row] > 0.0) {
        if !days.is_finite() {
            return Err(ModelError::NotFinite { what: "days to failure".into(), row, value: *days });
        }
        in_range(*days >= 0.0, "days to failure", *days, "at least 0")?;
    }
    let mut hits: Vec<(f64, f64)> = Vec::new();
    for_each_listed(s, groups, k, |i, used| {
        if used * s.outcome[i] > 0.0 {
            hits.push((days_to_failure[i], used));
        }
    })?;
    hits.sort_by(|a, b| a.0.total_cmp(&b.0));
    let quantile = |q| repeated_quantile(&hits, q);
    Ok(match (quantile(0.25), quantile(0.5), quantile(0.75)) {
        (Some(q25_days), Some(median_days), Some(q75_days)) => {
            Some(LeadTime { n_hits: hits.iter().map(|h| h.1).sum(), q25_days, median_days, q75_days })
        }
        _ => None,
    })
}

/// The type-7 quantile (Hyndman and Fan 1996) of ascending values, each repeated as its weight says.
fn repeated_quantile(values: &[(f64, f64)], q: f64) -> Option<f64> {
    let total: f64 = values.iter().map(|v| v.1).sum();
    let place = (total - 1.0).max(0.0) * q;
    let at = |place: f64| {
        let mut before = 0.0;
        let held = values.iter().find(|v| {
            before += v.1;
            before > place
        });
        held.or(values.last()).map(|v| v.0)
    };
    let (low, high) = (at(place.floor())?, at(place.floor() + 1.0)?);
    Some(low + (high - low) * place.fract())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::cases;

    #[test]
    fn agrees_with_scikit_learn() {
        // The second topic holds probabilities of 0 and 1 on either side, ties, and weights of many sizes.
        let topics = ["metrics", "metrics_extreme"].map(cases::topic);
        for case in topics.iter().flat_map(|t| t.as_array().unwrap()) {
            let (y, p, w) = (
                cases::numbers(case, "outcome"),
                cases::numbers(case, "score"),
                cases::numbers(case, "weight"),
            );
            let s = Scored::new(&y, &p, Some(&w)).unwrap();
            for (name, metric) in [
                ("average_precision", Metric::AveragePrecision),
                ("roc_auc", Metric::RocAuc),
                ("brier", Metric::Brier),
                ("brier_skill", Metric::BrierSkill),
                ("log_loss", Metric::LogLoss),
                ("ece", Metric::Ece),
            ] {
                let Some(expected) = case[name].as_f64() else { continue };
                let found = metric.of(&s).unwrap();
                assert!((found - expected).abs() < 1e-9, "{name}: found {found}, expected {expected}");
            }
        }
    }

    #[test]
    fn lists_agree_with_scikit_learn_and_numpy() {
        let near = |found: Option<f64>, expected: &serde_json::Value, what: &str| match expected.as_f64() {
            Some(e) => assert!((found.unwrap() - e).abs() < 1e-9, "{what}: found {found:?}, expected {e}"),
            None => assert_eq!(found, None, "{what}"),
        };
        for case in cases::topic("top_k").as_array().unwrap() {
            let [y, p, w, days] = ["outcome", "score", "weight", "days"].map(|key| cases::numbers(case, key));
            let groups: Vec<u32> = cases::numbers(case, "group").iter().map(|g| *g as u32).collect();
            let s = Scored::new(&y, &p, Some(&w)).unwrap();
            for list in case["lists"].as_array().unwrap() {
                let k = list["k"].as_u64().unwrap() as usize;
                let top = top_k(&s, &groups, k).unwrap();
                near(top.map(|t| t.precision), &list["precision"], "precision");
                near(top.and_then(|t| t.recall), &list["recall"], "recall");
                near(top.and_then(|t| t.lift), &list["lift"], "lift");
                let lead = lead_time(&s, &days, &groups, k).unwrap();
                near(lead.map(|l| l.n_hits), &list["n_hits"], "hits");
                near(lead.map(|l| l.q25_days), &list["q25_days"], "first quartile");
                near(lead.map(|l| l.median_days), &list["median_days"], "median");
                near(lead.map(|l| l.q75_days), &list["q75_days"], "third quartile");
            }
        }
    }

    #[test]
    fn a_lead_time_needs_a_hit_and_its_days() {
        let s = Scored::new(&[0.0, 1.0], &[0.9, 0.1], None).unwrap();
        assert_eq!(lead_time(&s, &[f64::NAN, 4.0], &[0, 0], 1).unwrap(), None);
        let lead = lead_time(&s, &[f64::NAN, 4.0], &[0, 0], 2).unwrap().unwrap();
        assert_eq!((lead.n_hits, lead.q25_days, lead.median_days, lead.q75_days), (1.0, 4.0, 4.0, 4.0));
        for days in [[0.0, f64::NAN], [0.0, f64::INFINITY], [0.0, -1.0]] {
            assert!(lead_time(&s, &days, &[0, 0], 1).is_err());
        }
        assert!(lead_time(&s, &[0.0], &[0, 0], 1).is_err());
        assert!(lead_time(&s, &[0.0, 4.0], &[0], 1).is_err());
        assert!(lead_time(&s, &[0.0, 4.0], &[0, 0], 0).is_err());
    }

    #[test]
    fn undefined_is_none() {
        let s = Scored::new(&[0.0, 0.0], &[0.1, 0.2], None).unwrap();
        assert_eq!(Metric::AveragePrecision.of(&s), None);
        assert_eq!(Metric::RocAuc.of(&s), None);
        assert_eq!(Metric::BrierSkill.of(&s), None);
        assert_eq!(Metric::Brier.of(&s.reweighted(&[0.0, 0.0]).unwrap()), None);
    }

    #[test]
    fn weight_two_is_two_rows() {
        let (y, p) = ([1.0, 0.0, 1.0, 0.0], [0.9, 0.8, 0.3, 0.2]);
        let doubled = Scored::new(&y, &p, Some(&[1.0, 2.0, 1.0, 0.0])).unwrap();
        let (y2, p2) = ([1.0, 0.0, 0.0, 1.0], [0.9, 0.8, 0.8, 0.3]);
        let repeated = Scored::new(&y2, &p2, None).unwrap();
        for k in 1..=4 {
            assert_eq!(top_k(&doubled, &[0; 4], k).unwrap(), top_k(&repeated, &[0; 4], k).unwrap());
        }
        assert!(top_k(&doubled, &[0; 4], 0).is_err());
    }

    #[test]
    fn ties_go_by_the_callers_order() {
        let s = Scored::new(&[1.0, 0.0], &[0.5, 0.5], None).unwrap();
        assert_eq!(top_k(&s, &[0, 0], 1).unwrap().unwrap().precision, 1.0);
    }
}
