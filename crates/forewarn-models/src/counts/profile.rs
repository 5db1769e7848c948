//! The shape of a season (how a week is spread over its days, a year over its months), learned as time goes by: the pooled
//! one of all series, and each series' own, shrunk to it. It does not know levels, trends or what is forecast.

use super::calendar::CountCalendar;

/// After so many seasons a count weighs half in a profile.
const HALF_LIFE_SEASONS: f64 = 16.0;
/// The pooled profile starts flat, with the weight of so many seasons.
const FLAT_SEASONS: f64 = 0.5;
/// A series' own profile starts from the pooled one, with the weight of so many expected tickets a place.
const POOLED_TICKETS: f64 = 8.0;
/// No place of a season is quite empty: a first ticket on a Sunday must be possible.
const LEAST: f64 = 1e-3;
/// The slow level against which a profile is measured forgets half in so many seasons.
const LEVEL_SEASONS: f64 = 4.0;

/// Sums by place of the season, forgetting slowly.
#[derive(Debug, Clone)]
pub(super) struct Profile {
    counts: Vec<f64>,
    expected: Vec<f64>,
    level: (f64, f64),
    decay: f64,
    level_decay: f64,
}

impl Profile {
    pub(super) fn new(n_slots: usize) -> Self {
        let by = |seasons: f64| 0.5_f64.powf(1.0 / (seasons * n_slots as f64));
        Self {
            counts: vec![0.0; n_slots],
            expected: vec![0.0; n_slots],
            level: (0.0, 0.0),
            decay: by(HALF_LIFE_SEASONS),
            level_decay: by(LEVEL_SEASONS),
        }
    }

    /// Tickets an average period, as the slow level has it; 0 before anything is seen.
    fn slow_level(&self) -> f64 {
        if self.level.1 > 0.0 { self.level.0 / self.level.1 } else { 0.0 }
    }

    /// The factors of the places, of mean 1, shrunk to `prior`, which weighs `weight` tickets a place.
    fn shrunk(&self, prior: &[f64], weight: f64) -> Vec<f64> {
        let raw: Vec<f64> = self
            .counts
            .iter()
            .zip(&self.expected)
            .zip(prior)
            .map(|((c, e), p)| ((c + weight * p) / (e + weight).max(1e-12)).max(LEAST))
            .collect();
        let mean = raw.iter().sum::<f64>() / raw.len() as f64;
        raw.into_iter().map(|f| f / mean).collect()
    }

    /// As the profile of all series: shrunk to flat.
    pub(super) fn pooled(&self) -> Vec<f64> {
        let weight = (FLAT_SEASONS * self.slow_level()).max(1.0);
        self.shrunk(&vec![1.0; self.counts.len()], weight)
    }

    /// As the profile of one series: shrunk to the pooled one.
    pub(super) fn own(&self, pooled: &[f64]) -> Vec<f64> {
        self.shrunk(pooled, POOLED_TICKETS)
    }

    /// Learns one period: `y` tickets in a period of that size at that place, of which the profile so far expects the
    /// share `factor`.
    pub(super) fn update(&mut self, slot: usize, y: f64, size: f64, factor: f64) {
        for v in self.counts.iter_mut().chain(&mut self.expected) {
            *v *= self.decay;
        }
        self.level.0 = self.level.0 * self.level_decay + y;
        self.level.1 = self.level.1 * self.level_decay + size * factor;
        self.counts[slot] += y;
        self.expected[slot] += size * self.slow_level();
    }
}

/// The place of the season where a resting period belongs: the quietest.
pub(super) fn quietest(profile: &[f64]) -> usize {
    (0..profile.len()).min_by(|a, b| profile[*a].total_cmp(&profile[*b])).unwrap_or(0)
}

/// The pooled profile before each period, and after the last.
pub(super) fn pooled_profiles(total: &[f64], calendar: &CountCalendar) -> Vec<Vec<f64>> {
    let mut profile = Profile::new(calendar.n_slots);
    let mut out = Vec::with_capacity(total.len() + 1);
    for (t, y) in total.iter().enumerate() {
        let now = profile.pooled();
        // A rest says nothing of its place in the week, and where nothing was written down nothing is learned.
        if calendar.recorded[t] && !calendar.rests(t) {
            let slot = calendar.slots[t];
            profile.update(slot, *y, calendar.size[t], now[slot]);
        }
        out.push(now);
    }
    out.push(profile.pooled());
    out
}
