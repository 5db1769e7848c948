//! When the level of a series will cross a threshold: a distribution of days, from its level and slope today and how
//! both wander. It does not know what happens at the threshold.

use super::changes::{Change, ChangeKind, changes_of, plain_jumps};
use super::level::{State, Told, path, states};
use super::series::{Cleaned, DailySeries};
use super::trend::{Trend, trend_where};
use crate::error::{ModelError, in_range};
use crate::rank::median;
use serde::{Deserialize, Serialize};

/// Slopes at which each state's distribution is taken, as normal quantiles of nine equal shares.
const NODES: [f64; 9] =
    [-1.593_22, -0.967_42, -0.589_46, -0.282_22, 0.0, 0.282_22, 0.589_46, 0.967_42, 1.593_22];
/// Points in time between today and the horizon.
const POINTS: usize = 40;
/// The chance that two clean-ups which follow no rule begin at levels as close as those of a rule.
const BY_CHANCE: f64 = 0.2;
/// A level and a spread that both change by more than this factor start another series: a change of unit.
const OTHER_SERIES: f64 = 5.0;

/// The side of a threshold that matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Side {
    /// Crossed from below: a disk fills.
    Above,
    /// Crossed from above: free memory runs out.
    Below,
}

/// The distribution of the days until the level crosses a threshold. `None` is "not within the horizon".
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TimeToThreshold {
    /// The day by which it has crossed with probability 0.1.
    pub low_days: Option<f64>,
    /// Likewise 0.5.
    pub median_days: Option<f64>,
    /// Likewise 0.9.
    pub high_days: Option<f64>,
    /// The level today, without season, bursts and noise.
    pub level: f64,
    /// The slope today, units a day.
    pub slope_per_day: f64,
    /// Jumps away from the threshold seen so far.
    pub n_cleanups: usize,
    curve: Vec<(f64, f64)>,
}

impl TimeToThreshold {
    /// The probability of crossing within `days`, which are held within 0 and the horizon.
    pub fn probability_within(&self, days: f64) -> f64 {
        let after = self.curve.partition_point(|c| c.0 < days);
        let (Some(next), Some(before)) = (self.curve.get(after), self.curve.get(after.saturating_sub(1)))
        else {
            return self.curve.last().map_or(0.0, |c| c.1);
        };
        if next.0 <= before.0 {
            return next.1;
        }
        before.1 + (next.1 - before.1) * ((days - before.0) / (next.0 - before.0)).clamp(0.0, 1.0)
    }

    fn quantile(&self, q: f64) -> Option<f64> {
        let after = self.curve.iter().position(|c| c.1 >= q)?;
        if after == 0 {
            return Some(0.0);
        }
        let (before, next) = (self.curve[after - 1], self.curve[after]);
        Some(before.0 + (next.0 - before.0) * (q - before.1) / (next.1 - before.1).max(1e-12))
    }
}

/// All that a night needs of one series.
#[derive(Debug, Clone, PartialEq)]
pub struct Course {
    /// Changes, in the order of days.
    pub changes: Vec<Change>,
    /// The trend since the last change of level or slope, `None` for fewer than 14 present days.
    pub trend: Option<Trend>,
    /// One for each threshold asked, `None` for fewer than 7 present days.
    pub crossings: Vec<Option<TimeToThreshold>>,
}

/// Changes, the trend since the last of them, and the time to each threshold, for less than the three calls cost.
///
/// # Errors
/// A threshold that is not finite, a horizon outside 1 to 3,650 days.
///
/// ```
/// use forewarn_models::{DailySeries, Side, course};
/// let days: Vec<f64> = (0..90).map(f64::from).collect();
/// let full: Vec<f64> = days.iter().map(|t| 40.0 + 0.5 * t + (t * 7.9).sin()).collect();
/// let found = course(&DailySeries::new(&days, &full)?, &[(90.0, Side::Above), (20.0, Side::Below)], 180.0)?;
/// assert!(found.changes.is_empty() && found.trend.unwrap().p_value < 0.001);
/// assert!(found.crossings[1].as_ref().unwrap().median_days.is_none());
/// assert!(course(&DailySeries::new(&days, &full)?, &[(90.0, Side::Above)], 0.0).is_err());
/// # Ok::<(), forewarn_models::ModelError>(())
/// ```
pub fn course(
    series: &DailySeries,
    thresholds: &[(f64, Side)],
    horizon_days: f64,
) -> Result<Course, ModelError> {
    let clean = CleanSeries::of(series);
    let crossings = clean.crossings(thresholds, horizon_days)?;
    Ok(Course { trend: clean.trend_where(|_, _| true), changes: clean.changes, crossings })
}

/// A series without weekly season and bursts, and its changes: what [`course`] is made of, for who asks only for a part of it.
///
/// ```
/// use forewarn_models::{CleanSeries, DailySeries, course};
/// let days: Vec<f64> = (0..90).map(f64::from).collect();
/// let full: Vec<f64> = days.iter().map(|t| 40.0 + 0.5 * t + (t * 7.9).sin()).collect();
/// let series = DailySeries::new(&days, &full)?;
/// let clean = CleanSeries::of(&series);
/// assert_eq!(clean.trend_where(|slope, level| slope > 0.1 && level > 80.0), course(&series, &[], 180.0)?.trend);
/// assert!(clean.trend_where(|slope, _| slope > 1.0).is_none());
/// assert!(clean.crossings(&[], 0.0).is_err());
/// # Ok::<(), forewarn_models::ModelError>(())
/// ```
#[derive(Debug, Clone)]
pub struct CleanSeries {
    cleaned: Cleaned,
    changes: Vec<Change>,
    n_days: usize,
}

impl CleanSeries {
    /// Cleans a series and looks for its changes.
    pub fn of(series: &DailySeries) -> Self {
        let cleaned = series.cleaned();
        let changes = changes_of(&cleaned);
        Self { cleaned, changes, n_days: series.n_days() }
    }

    /// Changes, in the order of days.
    pub fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// The trend since the last change of level or slope, `None` for fewer than 14 present days, or where its slope (units a day)
    /// and its level on the last day are such that it does not matter: those cost little.
    pub fn trend_where(&self, matters: impl FnOnce(f64, f64) -> bool) -> Option<Trend> {
        let since = self.changes.iter().rfind(|c| c.kind != ChangeKind::Spread).map_or(0, |c| c.day);
        trend_where(&self.cleaned, since, self.n_days, matters)
    }

    /// The time to each threshold, `None` for fewer than 7 present days.
    ///
    /// # Errors
    /// A threshold that is not finite, a horizon outside 1 to 3,650 days.
    pub fn crossings(
        &self,
        thresholds: &[(f64, Side)],
        horizon_days: f64,
    ) -> Result<Vec<Option<TimeToThreshold>>, ModelError> {
        in_range((1.0..=3650.0).contains(&horizon_days), "horizon_days", horizon_days, "1 to 3,650")?;
        if let Some((bad, _)) = thresholds.iter().find(|(t, _)| !t.is_finite()) {
            return Err(ModelError::OutOfRange { name: "threshold", found: *bad, allowed: "finite" });
        }
        if thresholds.is_empty() {
            return Ok(Vec::new());
        }
        let now = Now::of(&self.cleaned, &self.changes, self.n_days);
        let crossing = |n: &Now, (t, side): (f64, Side)| n.crossing(t, side, horizon_days);
        Ok(thresholds.iter().map(|t| now.as_ref().map(|n| crossing(n, *t))).collect())
    }
}

/// The days until the level of a series crosses `threshold`, with their uncertainty; `None` for fewer than 7 present
/// days. Only the level counts: a burst of a night or a rotated log crosses nothing.
///
/// The series is a level and a slope that both may wander, seen through noise (a local linear trend, Harvey 1989).
/// Ideas of how fast they wander, of slopes that die away or grow, and of no slope at all are weighed by how well they foresaw the series;
/// each gives a distribution of first passage (for a wandering level and a steady slope the inverse Gaussian,
/// Schrödinger 1915) over its own uncertainty of level and slope. At a jump the level starts anew and the slope goes
/// on; at a change of slope the slope starts anew.
///
/// Where the series jumped away from the threshold before (a disk was cleaned up) at levels that it has not passed
/// since, it will likely do so again, the more surely the more often it did: one clean-up takes a third of the probability
/// to cross, three take three quarters. A clean-up is believed after three days.
///
/// # Errors
/// A threshold that is not finite, a horizon outside 1 to 3,650 days.
///
/// ```
/// use forewarn_models::{DailySeries, Side, time_to_threshold};
/// let days: Vec<f64> = (0..90).map(f64::from).collect();
/// let full: Vec<f64> = days.iter().map(|t| 40.0 + 0.5 * t + (t * 7.9).sin()).collect();
/// let series = DailySeries::new(&days, &full)?;
/// let found = time_to_threshold(&series, 90.0, Side::Above, 180.0)?.unwrap();
/// assert!((found.median_days.unwrap() - 11.0).abs() < 2.0);
/// assert!(found.low_days < found.median_days && found.median_days < found.high_days);
/// assert!(time_to_threshold(&series, f64::NAN, Side::Above, 180.0).is_err());
/// # Ok::<(), forewarn_models::ModelError>(())
/// ```
pub fn time_to_threshold(
    series: &DailySeries,
    threshold: f64,
    side: Side,
    horizon_days: f64,
) -> Result<Option<TimeToThreshold>, ModelError> {
    Ok(course(series, &[(threshold, side)], horizon_days)?.crossings.pop().flatten())
}

/// Level and slope today, and the jumps before.
struct Now {
    states: Vec<State>,
    /// The level before each jump, and the jump.
    jumps: Vec<(f64, f64)>,
}

impl Now {
    fn of(cleaned: &Cleaned, changes: &[Change], n_days: usize) -> Option<Self> {
        let mean = |x: &[f64]| x.iter().sum::<f64>() / x.len() as f64;
        let other = changes
            .iter()
            .filter(|c| {
                let at = cleaned.t.partition_point(|t| *t < c.day as f64);
                let before = mean(&cleaned.x[at.saturating_sub(7)..at]).abs();
                let after = mean(&cleaned.x[at..(at + 7).min(cleaned.x.len())]).abs();
                let far = |ratio: f64| !(1.0 / OTHER_SERIES..=OTHER_SERIES).contains(&ratio);
                c.spread_ratio.is_some_and(far) && far(after / before)
            })
            .map(|c| c.day)
            .rfind(|day| n_days - day >= 14);
        let start = cleaned.t.partition_point(|t| *t < other.unwrap_or(0) as f64);
        let (t, x) = (&cleaned.t[start..], &cleaned.x[start..]);
        let mut told: Vec<Told> = changes
            .iter()
            .filter(|c| c.kind != ChangeKind::Spread)
            .map(|c| Told {
                at: t.partition_point(|t| *t < c.day as f64),
                jumped: c.kind == ChangeKind::Level,
                turn: c.slope_change_per_day,
            })
            .filter(|told| told.at > 0)
            .collect();
        for (at, _) in plain_jumps(x) {
            if !told.iter().any(|j| j.jumped && j.at.abs_diff(at) <= 3) {
                told.push(Told { at, jumped: true, turn: 0.0 });
            }
        }
        told.sort_by_key(|t| t.at);
        let jumps = told
            .iter()
            .filter(|t| t.jumped)
            .map(|Told { at, .. }| {
                let before = mean(&x[at.saturating_sub(3)..*at]);
                (before, mean(&x[*at..(at + 3).min(x.len())]) - before)
            })
            .collect();
        let states = states(t, x, &told, n_days as f64 - 1.0)?;
        Some(Self { states, jumps })
    }

    fn crossing(&self, threshold: f64, side: Side, horizon_days: f64) -> TimeToThreshold {
        let sign = if side == Side::Above { 1.0 } else { -1.0 };
        let mean = |of: fn(&State) -> f64| self.states.iter().map(|s| s.weight * of(s)).sum::<f64>();
        let (level, slope) = (mean(|s| s.level), mean(|s| s.slope));
        let away: Vec<(f64, f64)> = self
            .jumps
            .iter()
            .filter(|j| sign * j.1 < 0.0 && j.0 * sign < sign * threshold)
            .map(|j| (sign * j.0, -sign * j.1))
            .collect();
        let share = 1.0 - cleaned_again(&away, sign * level);
        let mut curve = Vec::with_capacity(POINTS + 1);
        let mut reached: f64 = 0.0;
        for i in 0..=POINTS {
            // Closer together in the near future.
            let days = horizon_days * (i as f64 / POINTS as f64).powf(1.5);
            let p: f64 = self.states.iter().map(|s| s.weight * passed(s, threshold, sign, days)).sum();
            reached = reached.max(share * p.clamp(0.0, 1.0));
            curve.push((days, reached));
        }
        let mut found = TimeToThreshold {
            low_days: None,
            median_days: None,
            high_days: None,
            level,
            slope_per_day: slope,
            n_cleanups: away.len(),
            curve,
        };
        found.low_days = found.quantile(0.1);
        found.median_days = found.quantile(0.5);
        found.high_days = found.quantile(0.9);
        found
    }
}

/// The probability that a clean-up comes before the threshold, from the levels at which clean-ups began and their
/// sizes, and the level today.
///
/// Half of all series with a clean-up have a rule, beforehand; n that began at much the same level (within half a
/// clean-up of the highest) speak for a rule. A rule that held n times holds once more with probability (n + 1) / (n +
/// 2) (Laplace's rule of succession).
fn cleaned_again(away: &[(f64, f64)], level: f64) -> f64 {
    let Some(highest) = away.iter().map(|a| a.0).max_by(f64::total_cmp) else { return 0.0 };
    let size = median(&mut away.iter().map(|a| a.1).collect::<Vec<_>>());
    // A level clearly beyond all earlier clean-ups has not been cleaned as usual.
    if level > highest + 0.25 * size {
        return 0.0;
    }
    let n = away.iter().filter(|a| a.0 >= highest - 0.5 * size && a.1 >= 0.5 * size).count() as f64;
    if n < 1.0 {
        return 0.0;
    }
    (n + 1.0) / (n + 2.0) / (1.0 + BY_CHANCE.powf(n - 1.0))
}

/// The probability that a state has passed the threshold within `days`.
fn passed(state: &State, threshold: f64, sign: f64, days: f64) -> f64 {
    let [ll, lb, bb] = state.variance;
    let (along, rest) = if bb > 0.0 { (lb / bb, (ll - lb * lb / bb).max(0.0)) } else { (0.0, ll) };
    let variance = rest + state.wander[0] * days + state.wander[1] * days.powi(3) / 3.0;
    let far = path(state.growth, days);
    let deviation = variance.sqrt().max(1e-12 * threshold.abs().max(1e-100));
    let at = |node: f64| {
        let off = node * bb.sqrt();
        let distance = sign * (threshold - state.level - along * off);
        let gone = sign * (state.slope + off) * far;
        let direct = normal_below((gone - distance) / deviation);
        if distance <= 0.0 {
            return direct.max(0.5);
        }
        // Paths that passed and came back; of the uncertainty of today's level none comes back.
        let moving = (variance - rest).max(0.0) / variance.max(1e-300);
        direct
            + moving
                * reflected(2.0 * gone * distance / (deviation * deviation), (distance + gone) / deviation)
    };
    if bb <= 0.0 {
        return at(0.0).min(1.0);
    }
    NODES.iter().map(|n| at(*n).min(1.0)).sum::<f64>() / NODES.len() as f64
}

/// `e^a Φ(-z)` without overflow.
fn reflected(a: f64, z: f64) -> f64 {
    if z > 5.0 {
        (a - 0.5 * z * z).exp() / (z * (std::f64::consts::TAU).sqrt())
    } else {
        (a.min(700.0)).exp() * normal_below(-z)
    }
}

/// The normal distribution function, to seven digits (Press et al. 2007, section 6.2).
fn normal_below(z: f64) -> f64 {
    let x = (z * std::f64::consts::FRAC_1_SQRT_2).abs();
    let t = 1.0 / (1.0 + 0.5 * x);
    let terms = [
        0.170_872_77,
        -0.822_152_23,
        1.488_515_87,
        -1.135_203_98,
        0.278_868_07,
        -0.186_288_06,
        0.096_784_18,
        0.374_091_96,
        1.000_023_68,
    ];
    let series = terms.iter().fold(0.0, |sum, c| sum * t + c);
    let tail = 0.5 * t * (-x * x - 1.265_512_23 + t * series).exp();
    if z > 0.0 { 1.0 - tail } else { tail }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::degradation::tests::normal;
    use crate::rng::generator;

    #[test]
    fn normal_distribution() {
        // As 0.5 erfc(-z / √2) of Python 3's math module gives.
        for (z, p) in
            [(-3.0, 0.001_349_898), (-1.96, 0.024_997_895), (0.5, 0.691_462_461), (2.2, 0.986_096_552)]
        {
            assert!((normal_below(z) - p).abs() < 2e-7, "{z}");
        }
    }

    /// First passage of a wandering level with drift, against walks of small steps.
    #[test]
    fn first_passage_is_that_of_walks() {
        let state = State {
            weight: 1.0,
            level: 0.0,
            slope: 0.1,
            growth: 0.0,
            variance: [0.0, 0.0, 0.0],
            wander: [0.5, 0.0],
        };
        let mut rng = generator(3, 0);
        let days: Vec<f64> = (0..2000)
            .map(|_| {
                let (mut x, mut t) = (0.0, 0.0);
                while x < 5.0 && t < 60.0 {
                    x += 0.1 * 0.02 + (0.5_f64 * 0.02).sqrt() * normal(&mut rng);
                    t += 0.02;
                }
                t
            })
            .collect();
        for by in [10.0, 25.0, 50.0] {
            let walked = days.iter().filter(|t| **t <= by).count() as f64 / 2000.0;
            let found = passed(&state, 5.0, 1.0, by);
            assert!((walked - found).abs() < 0.04, "by {by}: walks {walked}, here {found}");
            let mirrored = State { slope: -0.1, ..state };
            assert!((passed(&mirrored, -5.0, -1.0, by) - found).abs() < 1e-12);
        }
    }

    #[test]
    fn rules_of_clean_ups() {
        let ruled = |n: usize| cleaned_again(&vec![(80.0, 20.0); n], 75.0);
        assert!((ruled(0) - 0.0).abs() < 1e-12 && (ruled(1) - 1.0 / 3.0).abs() < 1e-12);
        assert!(ruled(2) < ruled(3) && ruled(10) > 0.9);
        assert!(
            cleaned_again(&[(80.0, 20.0), (79.0, 18.0)], 88.0).abs() < 1e-12,
            "it was not cleaned as usual"
        );
    }
}
