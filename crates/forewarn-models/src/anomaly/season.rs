//! What a time of day or a day of week usually adds to the level of a series, where the series shows that it matters. It
//! does not know dates: a day is a unit of time, a week is seven of them.

use super::ordered::{median_7, median_of};

/// Cycles that a profile is the median of.
const CYCLES: usize = 7;
/// Cycles below which a profile says nothing.
const LEAST_CYCLES: usize = 2;
/// A profile is used where its typical error is this share of the error without, and dropped above the second share.
const USE_BELOW: f64 = 0.8;
const DROP_ABOVE: f64 = 0.9;
/// An error counts at most so many times the mean error: one outlier does not decide about the profile.
const ERROR_CAP: f64 = 20.0;

/// A profile over one period: the median over cycles of the mean deviation in each part of the period.
#[derive(Debug, Clone)]
struct Profile {
    period_days: f64,
    /// The last cycles of each part, and how many there were.
    parts: Vec<([f64; CYCLES], usize)>,
    current: Option<usize>,
    sum: f64,
    n: usize,
    /// Largest errors in the last cycles of each part, and how many there were.
    worst: Vec<([f64; CYCLES], usize)>,
    current_worst: f64,
    /// What is expected in each part; NaN while unknown.
    expected: Vec<f64>,
    /// How much wider errors are in each part than in most; at least 1.
    width: Vec<f64>,
    error: f64,
    error_without: f64,
    n_errors: f64,
}

impl Profile {
    fn new(period_days: f64, n_parts: usize) -> Self {
        Self {
            period_days,
            parts: vec![([0.0; CYCLES], 0); n_parts],
            current: None,
            sum: 0.0,
            n: 0,
            worst: vec![([0.0; CYCLES], 0); n_parts],
            current_worst: 0.0,
            expected: vec![f64::NAN; n_parts],
            width: vec![1.0; n_parts],
            error: 0.0,
            error_without: 0.0,
            n_errors: 0.0,
        }
    }

    fn part(&self, day: f64) -> usize {
        // `rem_euclid(1.0)`, without the long division; days lie within ±1e9.
        let cycles = day / self.period_days;
        let over = cycles - (cycles as i64) as f64;
        let share = if over < 0.0 { over + 1.0 } else { over };
        // A hair is added because a day number in binary may lie just below the part that it opens.
        let part = (share * self.parts.len() as f64 + 1e-6) as usize;
        if part < self.parts.len() { part } else { part - self.parts.len() }
    }

    fn at(&self, day: f64) -> f64 {
        self.expected[self.part(day)]
    }

    /// Learns a deviation from the level; `memory` is the number of readings that errors are averaged over.
    fn push(&mut self, day: f64, deviation: f64, memory: f64) {
        let part = self.part(day);
        let expected = self.expected[part];
        if self.current != Some(part) {
            self.close_part();
            if self.current.is_some_and(|before| part < before) {
                self.close_cycle();
            }
            self.current = Some(part);
        }
        if expected.is_finite() {
            self.current_worst = self.current_worst.max((deviation - expected).abs());
            let weight = 1.0 / (self.n_errors + 1.0).min(memory);
            let cap = if self.n_errors > 0.0 { ERROR_CAP * self.error_without } else { f64::INFINITY };
            self.error += weight * ((deviation - expected).abs().min(cap) - self.error);
            self.error_without += weight * (deviation.abs().min(cap) - self.error_without);
            self.n_errors += 1.0;
        }
        self.sum += deviation;
        self.n += 1;
    }

    fn close_part(&mut self) {
        if let Some(part) = self.current.filter(|_| self.n > 0) {
            if self.expected[part].is_finite() {
                let (worst, seen) = &mut self.worst[part];
                worst[*seen % CYCLES] = self.current_worst;
                *seen += 1;
            }
            let (cycles, seen) = &mut self.parts[part];
            cycles[*seen % CYCLES] = self.sum / self.n as f64;
            *seen += 1;
            let known = (*seen).min(CYCLES);
            if known >= LEAST_CYCLES {
                self.expected[part] = median_so_far(cycles, known);
            }
        }
        (self.sum, self.n, self.current_worst) = (0.0, 0, 0.0);
    }

    /// Works out how much wider errors are in each part than in most: once a cycle is enough.
    fn close_cycle(&mut self) {
        let spreads: Vec<f64> = self
            .worst
            .iter()
            .map(
                |(worst, seen)| {
                    if *seen < LEAST_CYCLES { f64::NAN } else { median_so_far(worst, (*seen).min(CYCLES)) }
                },
            )
            .collect();
        let mut known: Vec<f64> = spreads.iter().copied().filter(|s| *s > 0.0).collect();
        known.sort_by(f64::total_cmp);
        let Some(typical) = known.get(known.len() / 2).copied() else { return };
        for (width, spread) in self.width.iter_mut().zip(&spreads) {
            *width = if *spread > typical { spread / typical } else { 1.0 };
        }
    }
}

/// The median of the first `known` cycles.
fn median_so_far(cycles: &[f64; CYCLES], known: usize) -> f64 {
    if known == CYCLES {
        return median_7(*cycles);
    }
    let mut copy = *cycles;
    median_of(&mut copy[..known])
}

/// The profiles that a step allows, and the one in use.
#[derive(Debug, Clone)]
pub(super) struct Season {
    profiles: Vec<Profile>,
    in_use: Option<usize>,
    per_cycle: f64,
}

impl Season {
    /// For readings `step_days` apart: time of day below half a day, place in the week for steps that divide a week.
    pub(super) fn new(step_days: f64) -> Self {
        let mut profiles = Vec::new();
        if step_days < 0.3 {
            let n = ((1.0 / step_days).round() as usize).clamp(4, 48);
            profiles.push(Profile::new(1.0, n));
            profiles.push(Profile::new(7.0, 7 * n.min(24)));
        } else if step_days < 1.5 {
            profiles.push(Profile::new(7.0, 7));
        }
        Self { profiles, in_use: None, per_cycle: (1.0 / step_days).max(7.0) }
    }

    /// What is expected above the level at `day`; 0 without a season.
    pub(super) fn at(&self, day: f64) -> f64 {
        let expected = self.in_use.map_or(0.0, |i| self.profiles[i].at(day));
        if expected.is_finite() { expected } else { 0.0 }
    }

    /// How much wider than usual errors are at `day`, at least 1.
    pub(super) fn width(&self, day: f64) -> f64 {
        self.in_use.map_or(1.0, |i| self.profiles[i].width[self.profiles[i].part(day)])
    }

    /// Learns a deviation from the level. Where `may_change`, another profile may be taken; `true` where another profile is used from now on.
    pub(super) fn push(&mut self, day: f64, deviation: f64, may_change: bool) -> bool {
        let memory = 3.0 * self.per_cycle;
        let before = self.in_use;
        let mut best = (1.0, None);
        for (i, profile) in self.profiles.iter_mut().enumerate() {
            profile.push(day, deviation, memory);
            let share = profile.error / profile.error_without.max(f64::MIN_POSITIVE);
            let limit = if before == Some(i) { DROP_ABOVE } else { USE_BELOW };
            if profile.n_errors >= self.per_cycle && share < limit && share < best.0 {
                best = (share, Some(i));
            }
        }
        // A change costs a fresh start, so that a profile is left for a better one only where it is much better.
        let keep = before.is_some_and(|b| {
            let share = |p: &Profile| p.error / p.error_without.max(f64::MIN_POSITIVE);
            best.1.is_some_and(|n| share(&self.profiles[n]) > 0.9 * share(&self.profiles[b]))
                && share(&self.profiles[b]) < DROP_ABOVE
        });
        if may_change && !keep {
            self.in_use = best.1;
        }
        self.in_use != before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_of_week_is_learned_where_it_matters() {
        let (mut weekly, mut flat) = (Season::new(1.0), Season::new(1.0));
        for i in 0..70 {
            let noise = f64::from(i * 37 % 11) / 11.0 - 0.5;
            weekly.push(f64::from(i), noise + if i % 7 < 5 { 3.0 } else { -6.0 }, true);
            flat.push(f64::from(i), noise, true);
        }
        assert!(weekly.at(70.0) > 2.0 && weekly.at(75.0) < -5.0);
        assert_eq!(flat.at(70.0), 0.0);
    }

    #[test]
    fn a_nightly_burst_is_learned_and_steps_of_a_month_have_no_season() {
        let mut nightly = Season::new(1.0 / 288.0);
        for i in 0..(288 * 5) {
            nightly.push(
                f64::from(i) / 288.0,
                if i % 288 < 12 { 50.0 } else { f64::from(i % 3) - 1.0 },
                true,
            );
        }
        assert!(nightly.at(5.01) > 40.0 && nightly.at(5.5).abs() < 2.0);
        assert_eq!(Season::new(30.0).at(1.0), 0.0);
    }
}
