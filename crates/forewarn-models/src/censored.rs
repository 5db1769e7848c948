//! What censoring does to metrics at one horizon: rows whose watch ended before the window did. It does not
//! know which model made the scores, what a row stands for, or why a watch ended.
//!
//! A row is watched from its cutoff, day 0. Dropping the rows that were censored inside a window leaves too
//! many failures, because a failure is known at once and survival only at the end. Weights by the inverse
//! probability of censoring (Graf et al. 1999) let the known rows stand for the censored ones, provided that
//! censoring does not depend on the risk.
//!
//! **Ties.** Where a failure and a censoring have the same time, the failure comes first (Kaplan and Meier
//! 1958): the censored row is known to have outlived that failure. A caller who counts failures in whole
//! days, and whose watches end at a midnight before the failures of that day, adds half a day to the
//! failures.
//!
//! **Ends of windows.** [`Window::until`] is forewarn's window `[cutoff, cutoff + days)`: a failure on its
//! end is outside, and a row censored on its end has survived it. [`Window::through`] is the textbooks'
//! window with its end: a failure on its end is inside, and a row censored on its end is unknown.

use crate::error::{ModelError, all_finite, in_range, outcomes_and_weights, same_length};
use crate::metrics::{Metric, Scored};
use std::cmp::Ordering;

/// How long each row was watched, and whether a failure ended the watch.
///
/// ```
/// use forewarn_models::FollowUp;
/// // Failed on day 3; left without a failure on day 10.
/// assert!(FollowUp::new(&[3.0, 10.0], &[1.0, 0.0]).is_ok());
/// assert!(FollowUp::new(&[-3.0, 10.0], &[1.0, 0.0]).is_err());
/// # Ok::<(), forewarn_models::ModelError>(())
/// ```
#[derive(Debug, Clone)]
pub struct FollowUp<'a> {
    days: &'a [f64],
    failed: &'a [f64],
    /// Rows by ascending time; of the same time, failures first.
    ascending: Vec<u32>,
}

impl<'a> FollowUp<'a> {
    /// Checks and sorts. `days` are counted from the row's cutoff, at least 0, whole or not; `failed` is 1
    /// where the row failed then and 0 where it was censored then.
    ///
    /// # Errors
    /// No rows, lengths that differ, days that are not finite or negative, `failed` other than 0 and 1.
    pub fn new(days: &'a [f64], failed: &'a [f64]) -> Result<Self, ModelError> {
        outcomes_and_weights(failed, &vec![1.0; failed.len()])?;
        same_length("days", days.len(), failed.len())?;
        all_finite("days", days)?;
        if let Some(bad) = days.iter().find(|d| **d < 0.0) {
            return Err(ModelError::OutOfRange { name: "days", found: *bad, allowed: "at least 0" });
        }
        let mut ascending: Vec<u32> = (0..days.len() as u32).collect();
        ascending.sort_by(|&a, &b| {
            let (a, b) = (a as usize, b as usize);
            by_value(days[a], days[b]).then(by_value(failed[b], failed[a]))
        });
        Ok(Self { days, failed, ascending })
    }

    /// 1 where a failure inside the window is known, else 0: also of a row that was censored inside, whose
    /// weight ([`CensoringCurve::weights`]) is 0.
    pub fn outcomes(&self, window: Window) -> Vec<f64> {
        self.rows().map(|(days, failed)| if window.holds(days) { failed } else { 0.0 }).collect()
    }

    /// Number of rows.
    pub fn n_rows(&self) -> usize {
        self.days.len()
    }

    fn rows(&self) -> impl Iterator<Item = (f64, f64)> {
        self.days.iter().copied().zip(self.failed.iter().copied())
    }

    /// Runs of rows with the same time and the same end, in ascending order, failures first.
    fn runs(&self) -> impl Iterator<Item = &[u32]> {
        let same = |v: &[f64], a: u32, b: u32| v[a as usize] == v[b as usize];
        self.ascending.chunk_by(move |&a, &b| same(self.days, a, b) && same(self.failed, a, b))
    }
}

/// Finite numbers by value. `total_cmp` would put -0 before 0, which are the same day and the same score.
fn by_value(a: f64, b: f64) -> Ordering {
    a.partial_cmp(&b).unwrap_or(Ordering::Equal)
}

/// A window from the cutoff on, and the side on which its end falls.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Window {
    days: f64,
    closed: bool,
}

impl Window {
    /// `[cutoff, cutoff + days)`, forewarn's own: a failure at exactly `days` is outside, and a row censored
    /// at exactly `days` has survived the window.
    ///
    /// # Errors
    /// If `days` is not finite or not above 0.
    ///
    /// ```
    /// use forewarn_models::{FollowUp, Window};
    /// let rows = FollowUp::new(&[29.0, 30.0], &[1.0, 1.0])?;
    /// assert_eq!(rows.outcomes(Window::until(30.0)?), [1.0, 0.0]);
    /// assert!(Window::until(0.0).is_err());
    /// # Ok::<(), forewarn_models::ModelError>(())
    /// ```
    pub fn until(days: f64) -> Result<Self, ModelError> {
        in_range(days.is_finite() && days > 0.0, "days of a window", days, "finite and above 0")?;
        Ok(Self { days, closed: false })
    }

    /// `(.., cutoff + days]`, as the literature and scikit-survival have it: a failure at exactly `days` is
    /// inside, and a row censored at exactly `days` is not known to have survived.
    ///
    /// # Errors
    /// If `days` is not finite or negative.
    ///
    /// ```
    /// use forewarn_models::{FollowUp, Window};
    /// let rows = FollowUp::new(&[29.0, 30.0], &[1.0, 1.0])?;
    /// assert_eq!(rows.outcomes(Window::through(30.0)?), [1.0, 1.0]);
    /// assert!(Window::through(f64::INFINITY).is_err());
    /// # Ok::<(), forewarn_models::ModelError>(())
    /// ```
    pub fn through(days: f64) -> Result<Self, ModelError> {
        in_range(days.is_finite() && days >= 0.0, "days of a window", days, "finite and at least 0")?;
        Ok(Self { days, closed: true })
    }

    fn holds(self, days: f64) -> bool {
        days < self.days || (self.closed && days == self.days)
    }
}

/// The probability `G` that a row is still watched, estimated from when watches ended (Kaplan and Meier 1958,
/// failures and censorings having changed places). Of rows that end at the same time, the failed ones are out
/// before the censored ones are counted, as in scikit-survival's `CensoringDistributionEstimator`.
///
/// ```
/// use forewarn_models::{CensoringCurve, FollowUp, Metric, Scored, Window};
/// let rows = FollowUp::new(&[2.0, 5.0, 9.0, 9.0], &[1.0, 0.0, 0.0, 0.0])?;
/// let g = CensoringCurve::fit(&rows);
/// assert_eq!((g.up_to(5.0), g.beyond(5.0)), (Some(1.0), Some(2.0 / 3.0)));
///
/// // Any metric within 7 days, the row censored on day 5 being made up for by the two that outlived it.
/// let week = Window::until(7.0)?;
/// let weights = g.weights(&rows, week).ok_or("every known row could be known")?;
/// assert_eq!(weights, [1.0, 0.0, 1.5, 1.5]);
/// let outcomes = rows.outcomes(week);
/// let s = Scored::new(&outcomes, &[0.5, 0.5, 0.0, 0.0], Some(&weights))?;
/// assert_eq!(Metric::Brier.of(&s), Some(0.0625));
///
/// // After the last observation nothing is known about `G`, unless it is 0.
/// let short = CensoringCurve::fit(&FollowUp::new(&[2.0, 4.0], &[0.0, 1.0])?);
/// assert_eq!(short.beyond(5.0), None);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct CensoringCurve {
    /// Times at which a row was censored, ascending.
    days: Vec<f64>,
    /// `G` from each of these times on.
    share: Vec<f64>,
    last_days: f64,
}

impl CensoringCurve {
    /// Estimates the curve from rows, which may be others than those that are weighted with it.
    pub fn fit(rows: &FollowUp<'_>) -> Self {
        let mut curve = Self { days: Vec::new(), share: Vec::new(), last_days: 0.0 };
        let (mut at_risk, mut share) = (rows.n_rows(), 1.0);
        for run in rows.runs() {
            let first = run[0] as usize;
            curve.last_days = rows.days[first];
            if rows.failed[first] == 0.0 {
                share *= (at_risk - run.len()) as f64 / at_risk as f64;
                curve.days.push(rows.days[first]);
                curve.share.push(share);
            }
            at_risk -= run.len();
        }
        curve
    }

    /// `G(t)`: the probability that a watch is longer than `days`. `None` after the last observation, unless
    /// it was censored and nobody was left.
    pub fn beyond(&self, days: f64) -> Option<f64> {
        self.known(days, self.days.partition_point(|d| *d <= days))
    }

    /// The left limit `G(t-)`: the probability that a watch is at least `days` long. `None` as in
    /// [`Self::beyond`].
    pub fn up_to(&self, days: f64) -> Option<f64> {
        self.known(days, self.days.partition_point(|d| *d < days))
    }

    fn known(&self, days: f64, n_before: usize) -> Option<f64> {
        let share = n_before.checked_sub(1).map_or(1.0, |i| self.share[i]);
        (days <= self.last_days || share == 0.0).then_some(share)
    }

    /// Weights by the inverse probability of censoring (Graf et al. 1999), to go with [`FollowUp::outcomes`]
    /// of the same window into [`Scored::new`].
    ///
    /// - Failed at `t` inside the window: `1 / G(t-)`.
    /// - Known to have survived the window of `h` days: `1 / G(h)`, or `1 / G(h-)` of [`Window::until`].
    /// - Censored inside the window: 0.
    ///
    /// If the curve was fitted on the same rows and one of them outlives the window, the weights sum to the
    /// number of rows, and [`Metric::Brier`] is the Brier score of scikit-survival. With a curve from other
    /// rows theirs is ours times the mean weight, because it divides by the number of rows and
    /// [`Metric::Brier`] by the weight. Where failures and censorings tie, scikit-survival's scores take
    /// `1 / G(t)` of a failure, which counts the censorings of that very moment.
    ///
    /// `None` if a row is known whose chance of being known is 0 or not known itself, which happens only with
    /// a curve from other rows. All weights are 0 where nothing is known of the window; [`Scored::new`]
    /// refuses them.
    pub fn weights(&self, rows: &FollowUp<'_>, window: Window) -> Option<Vec<f64>> {
        let survived = if window.closed { self.beyond(window.days) } else { self.up_to(window.days) };
        rows.rows()
            .map(|(days, failed)| {
                let share = match (window.holds(days), failed > 0.0) {
                    (false, _) => survived,
                    (true, true) => self.up_to(days),
                    (true, false) => return Some(0.0),
                };
                share.filter(|g| *g > 0.0).map(|g| 1.0 / g)
            })
            .collect()
    }
}

/// The cumulative/dynamic area under the ROC curve of a window (Uno et al. 2007; Hung and Chiang 2010): how
/// probably a row that fails inside scores higher than one that survives; equal scores count half. As
/// scikit-survival's `cumulative_dynamic_auc`, but for its tolerance: scores tie only if they are equal.
///
/// `scores` are higher for higher risk. It is [`Metric::RocAuc`] with [`CensoringCurve::weights`]. `None` if
/// no failure inside or no survivor of the window is known, or where the weights are undefined.
///
/// # Errors
/// If the scores differ in number from the rows or are not finite.
///
/// ```
/// use forewarn_models::{CensoringCurve, FollowUp, Window, dynamic_auc};
/// let rows = FollowUp::new(&[2.0, 5.0, 9.0, 9.0], &[1.0, 0.0, 0.0, 0.0])?;
/// let g = CensoringCurve::fit(&rows);
/// assert_eq!(dynamic_auc(&rows, &[0.5, 0.9, 0.5, 0.1], &g, Window::until(7.0)?)?, Some(0.75));
/// assert_eq!(dynamic_auc(&rows, &[0.5, 0.9, 0.5, 0.1], &g, Window::until(1.0)?)?, None);
/// assert!(dynamic_auc(&rows, &[0.5], &g, Window::until(7.0)?).is_err());
/// # Ok::<(), forewarn_models::ModelError>(())
/// ```
pub fn dynamic_auc(
    rows: &FollowUp<'_>,
    scores: &[f64],
    censoring: &CensoringCurve,
    window: Window,
) -> Result<Option<f64>, ModelError> {
    same_length("scores", scores.len(), rows.n_rows())?;
    all_finite("score", scores)?;
    let weights = censoring.weights(rows, window).filter(|w| w.iter().any(|w| *w > 0.0));
    let Some(weights) = weights else { return Ok(None) };
    Ok(Metric::RocAuc.of(&Scored::new(&rows.outcomes(window), scores, Some(&weights))?))
}

/// Harrell's concordance (Harrell et al. 1982): of the pairs whose order of failure is known, the share in
/// which the row that failed earlier has the higher score; equal scores count half. 0.5 is chance.
///
/// A pair is known if the earlier row failed: a row censored at the time of a failure is later, two failures
/// at the same time are no pair. `scores` are higher for higher risk, as in scikit-survival's
/// `concordance_index_censored` (lifelines' `concordance_index` takes the negative). Costs `n log n`. It
/// looks at the whole watch, not at one window, and depends on how rows were censored. `None` if no pair is
/// known.
///
/// # Errors
/// If the scores differ in number from the rows or are not finite.
///
/// ```
/// use forewarn_models::{FollowUp, concordance};
/// let rows = FollowUp::new(&[2.0, 5.0, 9.0], &[1.0, 1.0, 0.0])?;
/// assert_eq!(concordance(&rows, &[0.9, 0.2, 0.2])?, Some(2.5 / 3.0));
/// assert!(concordance(&rows, &[0.9, 0.2, f64::NAN]).is_err());
/// # Ok::<(), forewarn_models::ModelError>(())
/// ```
pub fn concordance(rows: &FollowUp<'_>, scores: &[f64]) -> Result<Option<f64>, ModelError> {
    same_length("scores", scores.len(), rows.n_rows())?;
    all_finite("score", scores)?;
    let places = places(scores);
    let mut earlier = Tally::new(scores.len());
    let (mut right, mut tied, mut pairs) = (0_u64, 0_u64, 0_u64);
    for run in rows.runs() {
        // Each row of the run is later than every failure tallied so far, which should have scored higher.
        for &i in run {
            let place = places[i as usize];
            let (below, not_above) = (earlier.below(place), earlier.below(place + 1));
            right += earlier.total - not_above;
            tied += not_above - below;
            pairs += earlier.total;
        }
        if rows.failed[run[0] as usize] > 0.0 {
            for &i in run {
                earlier.add(places[i as usize]);
            }
        }
    }
    Ok((pairs > 0).then(|| (right as f64 + 0.5 * tied as f64) / pairs as f64))
}

/// The place of each score among the distinct ones, from 0.
fn places(scores: &[f64]) -> Vec<usize> {
    let mut ascending: Vec<usize> = (0..scores.len()).collect();
    ascending.sort_by(|&a, &b| by_value(scores[a], scores[b]));
    let mut places = vec![0; scores.len()];
    for pair in ascending.windows(2) {
        places[pair[1]] = places[pair[0]] + usize::from(scores[pair[1]] != scores[pair[0]]);
    }
    places
}

/// Counts by place with sums from below in logarithmic time (Fenwick 1994).
struct Tally {
    nodes: Vec<u64>,
    total: u64,
}

impl Tally {
    fn new(n_places: usize) -> Self {
        Self { nodes: vec![0; n_places + 1], total: 0 }
    }

    fn add(&mut self, place: usize) {
        let mut node = place + 1;
        while node < self.nodes.len() {
            self.nodes[node] += 1;
            node += node & node.wrapping_neg();
        }
        self.total += 1;
    }

    /// How many were added at places lower than this one.
    fn below(&self, place: usize) -> u64 {
        let (mut node, mut sum) = (place, 0);
        while node > 0 {
            sum += self.nodes[node];
            node -= node & node.wrapping_neg();
        }
        sum
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::cases;

    #[track_caller]
    fn near(found: Option<f64>, expected: f64, what: &str) {
        assert!(
            found.is_some_and(|f| (f - expected).abs() < 1e-9),
            "{what}: found {found:?}, expected {expected}"
        );
    }

    #[test]
    fn agrees_with_scikit_survival_and_lifelines() {
        for case in cases::topic("censored").as_array().unwrap() {
            let name = case["name"].as_str().unwrap();
            let [days, failed, score] = ["days", "failed", "score"].map(|key| cases::numbers(case, key));
            let [fit_days, fit_failed] = ["fit_days", "fit_failed"].map(|key| cases::numbers(case, key));
            let rows = FollowUp::new(&days, &failed).unwrap();
            let g = CensoringCurve::fit(&FollowUp::new(&fit_days, &fit_failed).unwrap());
            let [at, beyond, up_to, lifelines] =
                ["at_days", "beyond", "up_to", "beyond_lifelines"].map(|key| cases::numbers(case, key));
            for (i, t) in at.iter().enumerate() {
                near(g.beyond(*t), beyond[i], &format!("{name}: G({t})"));
                near(g.beyond(*t), lifelines[i], &format!("{name}: G({t}) of lifelines"));
                near(g.up_to(*t), up_to[i], &format!("{name}: G({t}-)"));
            }
            let c = concordance(&rows, &score).unwrap();
            near(c, case["concordance_sksurv"].as_f64().unwrap(), &format!("{name}: concordance"));
            near(c, case["concordance_lifelines"].as_f64().unwrap(), &format!("{name}: concordance"));
            for window in case["windows"].as_array().unwrap() {
                let until = window["days"].as_f64().unwrap();
                let closed = window["closed"].as_bool().unwrap();
                let what = format!("{name}: {until} days, closed: {closed}");
                let window_ = if closed { Window::through(until) } else { Window::until(until) }.unwrap();
                let auc = dynamic_auc(&rows, &score, &g, window_).unwrap();
                near(auc, window["auc"].as_f64().unwrap(), &format!("{what}: AUC"));
                let weights = g.weights(&rows, window_).unwrap();
                let outcomes = rows.outcomes(window_);
                let brier = Metric::Brier.of(&Scored::new(&outcomes, &score, Some(&weights)).unwrap());
                let mean_weight = weights.iter().sum::<f64>() / weights.len() as f64;
                let own = case["own_curve"].as_bool().unwrap();
                assert_eq!((mean_weight - 1.0).abs() < 1e-9, own, "{what}: mean weight {mean_weight}");
                // Of a curve from other rows, the two differ in what they divide by.
                let divisor = if own { 1.0 } else { mean_weight };
                near(
                    brier.map(|b| b * divisor),
                    window["brier"].as_f64().unwrap(),
                    &format!("{what}: Brier"),
                );
            }
        }
    }

    #[test]
    fn ends_fall_as_documented() {
        // On day 7 one row fails, one is censored, and one goes on.
        let rows = FollowUp::new(&[7.0, 7.0, 8.0, -0.0], &[0.0, 1.0, 0.0, 1.0]).unwrap();
        let g = CensoringCurve::fit(&rows);
        assert_eq!((g.up_to(7.0), g.beyond(7.0)), (Some(1.0), Some(0.5)));
        let (open, closed) = (Window::until(7.0).unwrap(), Window::through(7.0).unwrap());
        assert_eq!(rows.outcomes(open), [0.0, 0.0, 0.0, 1.0]);
        assert_eq!(g.weights(&rows, open).unwrap(), [1.0; 4]);
        assert_eq!(rows.outcomes(closed), [0.0, 1.0, 0.0, 1.0]);
        assert_eq!(g.weights(&rows, closed).unwrap(), [0.0, 1.0, 2.0, 1.0]);
    }

    #[test]
    fn undefined_is_none() {
        let all_censored = FollowUp::new(&[1.0, 2.0], &[0.0, 0.0]).unwrap();
        let g = CensoringCurve::fit(&all_censored);
        assert_eq!(concordance(&all_censored, &[0.1, 0.2]).unwrap(), None);
        let week = Window::until(7.0).unwrap();
        assert_eq!(g.weights(&all_censored, week), Some(vec![0.0, 0.0]));
        assert_eq!(dynamic_auc(&all_censored, &[0.1, 0.2], &g, week).unwrap(), None);
        // Nobody is left after day 2, so nobody could be known to fail on day 3 or to survive.
        assert_eq!((g.beyond(2.0), g.beyond(9.0), g.up_to(9.0)), (Some(0.0), Some(0.0), Some(0.0)));
        let later = FollowUp::new(&[3.0, 9.0], &[1.0, 0.0]).unwrap();
        assert_eq!(g.weights(&later, week), None);
        assert_eq!(dynamic_auc(&later, &[0.1, 0.2], &g, week).unwrap(), None);
        // The last observation failed, so what censoring would have done later is not known.
        let g = CensoringCurve::fit(&FollowUp::new(&[1.0, 2.0], &[0.0, 1.0]).unwrap());
        assert_eq!((g.beyond(2.0), g.beyond(2.5), g.up_to(2.5)), (Some(0.5), None, None));
        assert_eq!((g.beyond(f64::NAN), g.beyond(-1.0)), (None, Some(1.0)));
        // Two failures on the same day are no pair.
        let same_day = FollowUp::new(&[4.0, 4.0], &[1.0, 1.0]).unwrap();
        assert_eq!(concordance(&same_day, &[0.1, 0.2]).unwrap(), None);
    }

    #[test]
    fn minus_zero_is_zero() {
        let rows = FollowUp::new(&[1.0, 2.0, -0.0], &[1.0, 1.0, 0.0]).unwrap();
        assert_eq!(concordance(&rows, &[0.0, -0.0, 1.0]).unwrap(), Some(0.5));
    }

    #[test]
    fn refuses_what_makes_no_sense() {
        for (days, failed) in [
            (&[][..], &[][..]),
            (&[1.0], &[0.0, 1.0]),
            (&[f64::NAN], &[1.0]),
            (&[-1.0], &[1.0]),
            (&[1.0], &[0.5]),
        ] {
            assert!(FollowUp::new(days, failed).is_err(), "{days:?} {failed:?}");
        }
        assert!(Window::until(f64::NAN).is_err() && Window::until(-1.0).is_err());
        assert!(Window::through(-1.0).is_err() && Window::through(0.0).is_ok());
        let rows = FollowUp::new(&[1.0, 2.0], &[1.0, 0.0]).unwrap();
        let g = CensoringCurve::fit(&rows);
        assert!(concordance(&rows, &[0.1]).is_err());
        assert!(dynamic_auc(&rows, &[0.1, f64::NAN], &g, Window::until(1.5).unwrap()).is_err());
    }
}
