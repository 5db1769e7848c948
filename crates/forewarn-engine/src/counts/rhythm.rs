//! The rhythm of a fleet's days: how incidents are spread over the week, on which days work rested, on which it may rest.
//! It does not know series or forecasts.

use std::collections::{BTreeMap, BTreeSet};

use forewarn_frames::time::weekday;
use forewarn_models::rest_periods;

use super::holidays::Holidays;
use super::periods::Grid;
use super::tally::summed;

/// Days over which the week's rhythm is taken.
const RHYTHM_DAYS: i32 = 182;
/// Fewer incidents in them tell no rhythm.
const RHYTHM_INCIDENTS: f64 = 150.0;
/// A day of the week is one of work above this share of an average day.
const WORK: f64 = 0.5;
/// Work rests at weekends where the quietest day has less than this share of an average one.
const QUIET: f64 = 0.5;

/// See the module.
#[derive(Debug, Clone)]
pub(super) struct Rhythm {
    /// Shares of an average day by weekday, from Monday.
    weights: [f64; 7],
    rests: BTreeSet<i32>,
    holidays: Holidays,
    cutoff: i32,
}

impl Rhythm {
    /// From the incidents by day, of the days from `from` to before `cutoff`.
    pub(super) fn of(total: &BTreeMap<i32, f64>, from: i32, cutoff: i32) -> Self {
        let n = usize::try_from(cutoff - from).unwrap_or(0);
        let days = summed(total, from, n, |day| day);
        let slots: Vec<usize> = (0..n as i32).map(|t| weekday(from + t)).collect();
        let rested = rest_periods(&days, &slots, 7);
        let rests: BTreeSet<i32> =
            rested.iter().enumerate().filter(|(_, r)| **r).map(|(t, _)| from + t as i32).collect();
        let weights = weights(&days, &slots, &rested);
        // A rest is only seen on a weekday of work.
        let seen: Vec<(i32, bool)> =
            (0..n).filter(|t| weights[slots[*t]] > WORK).map(|t| (from + t as i32, rested[t])).collect();
        // Of a fleet in which no rest could be told, nothing is learned.
        let seen = if days.iter().sum::<f64>() / (n.max(1) as f64) >= MANY { seen } else { Vec::new() };
        Self { weights, rests, holidays: Holidays::learn(&seen), cutoff }
    }

    /// The chance that work rests on a day: of the past, what was seen.
    pub(super) fn rest(&self, day: i32) -> f64 {
        if day < self.cutoff {
            f64::from(u8::from(self.rests.contains(&day)))
        } else {
            self.holidays.chance(day)
        }
    }

    /// How much of an average period the one of that number is: days count as the week's rhythm has it, less where work
    /// rests.
    pub(super) fn size(&self, grid: Grid, index: i32) -> f64 {
        let quiet = self.weights.iter().copied().fold(f64::INFINITY, f64::min);
        let rest = |day: i32| if quiet < QUIET { self.rest(day) } else { 0.0 };
        let days = grid.start(index)..grid.start(index + 1);
        let sum: f64 = days
            .map(|day| {
                let (weight, rest) = (self.weights[weekday(day)], rest(day));
                (1.0 - rest) * weight + rest * quiet.min(weight)
            })
            .sum();
        (sum / grid.usual_days()).max(0.01)
    }
}

/// A rest can be told where there are so many incidents a day.
const MANY: f64 = 8.0;

/// Shares by weekday of the last half year; all alike where too little is known.
fn weights(days: &[f64], slots: &[usize], rested: &[bool]) -> [f64; 7] {
    let from = days.len().saturating_sub(RHYTHM_DAYS as usize);
    let (mut sum, mut n) = ([0.0; 7], [0.0_f64; 7]);
    for t in (from..days.len()).filter(|t| !rested[*t]) {
        sum[slots[t]] += days[t];
        n[slots[t]] += 1.0;
    }
    if sum.iter().sum::<f64>() < RHYTHM_INCIDENTS || n.iter().any(|n| *n < 2.0) {
        return [1.0; 7];
    }
    let mean: Vec<f64> = sum.iter().zip(n).map(|(s, n)| s / n).collect();
    let all = mean.iter().sum::<f64>() / 7.0;
    std::array::from_fn(|d| mean[d] / all)
}
