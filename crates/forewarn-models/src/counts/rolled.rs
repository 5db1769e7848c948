//! One pass through each series, oldest period first: what every candidate would have said at earlier origins, and what it
//! says now. It does not know who is believed.

use rayon::prelude::*;

use super::calendar::CountCalendar;
use super::candidates::{Ahead, Candidates, N, Period};
use super::profile::{Profile, pooled_profiles, quietest};

/// Earlier origins at which a series is forecast, at most.
const MAX_ORIGINS: usize = 26;
/// The half-life, in periods, of the level of all series together.
const TOTAL_HALF_LIFE: f64 = 5.0;
/// A silence less likely than this means that a series had not begun.
const BEGAN_BELOW: f64 = 0.02;
/// A period of less pooled exposure tells nothing of the level of all series together.
const TELLING: f64 = 0.25;

/// What was said of a series at one origin.
#[derive(Debug, Clone)]
pub(super) struct Said {
    /// The first period that was not known.
    pub(super) at: usize,
    /// By period ahead and candidate.
    pub(super) means: Vec<[f64; N]>,
}

/// A series with what was said of it.
#[derive(Debug, Clone)]
pub(super) struct Rolled {
    /// Its first period with a ticket; the number of periods where it has none.
    pub(super) start: usize,
    /// At earlier origins, the earliest first.
    pub(super) earlier: Vec<Said>,
    /// At the present one.
    pub(super) now: Said,
    /// What a rest leaves of the usual count of each period ahead: 0 to 1.
    pub(super) left_by_rest: Vec<f64>,
}

/// What all series share.
#[derive(Debug)]
pub(super) struct Shared {
    profiles: Vec<Vec<f64>>,
    /// The level of all series together before each period, and after the last.
    levels: Vec<f64>,
    /// The same as each period showed it.
    shown: Vec<f64>,
    /// The earlier origins, the earliest first.
    pub(super) origins: Vec<usize>,
}

/// The step between earlier origins: half a horizon, and whole seasons where the horizon has one.
pub(super) fn origin_step(horizon: usize, n_slots: usize) -> usize {
    let half = horizon.div_ceil(2);
    if n_slots > 1 && half >= n_slots { half / n_slots * n_slots } else { half.max(1) }
}

/// The least history before an origin.
pub(super) fn least_history(n_slots: usize) -> usize {
    if n_slots > 1 { 2 * n_slots } else { 6 }
}

impl Shared {
    pub(super) fn new(total: &[f64], calendar: &CountCalendar) -> Self {
        let profiles = pooled_profiles(total, calendar);
        let n = total.len();
        let decay = 0.5_f64.powf(1.0 / TOTAL_HALF_LIFE);
        let (mut counts, mut exposure) = (0.0, 0.0);
        let (mut levels, mut shown) = (Vec::with_capacity(n + 1), Vec::with_capacity(n));
        for (t, y) in total.iter().enumerate() {
            let level = if exposure > 0.0 { counts / exposure } else { *y };
            levels.push(level);
            let e = exposure_of(calendar, &profiles[t], t);
            shown.push(if e > TELLING && calendar.recorded[t] { y / e } else { level });
            if calendar.recorded[t] {
                counts = counts * decay + y;
                exposure = exposure * decay + e;
            }
        }
        levels.push(if exposure > 0.0 { counts / exposure } else { 0.0 });
        let step = origin_step(calendar.horizon(), calendar.n_slots);
        let first = total.iter().position(|y| *y > 0.0).unwrap_or(n) + least_history(calendar.n_slots);
        let mut origins: Vec<usize> =
            (1..=MAX_ORIGINS).filter_map(|k| n.checked_sub(k * step)).filter(|t| *t >= first).collect();
        origins.reverse();
        Self { profiles, levels, shown, origins }
    }
}

/// The exposure of a known period under a profile.
fn exposure_of(calendar: &CountCalendar, profile: &[f64], t: usize) -> f64 {
    let slot = if calendar.rests(t) { quietest(profile) } else { calendar.slots[t] };
    calendar.size[t] * profile[slot]
}

/// The periods after `origin` as they look from it. (Known rests are told beforehand, but judge nobody:
/// [`CountCalendar::judges`].)
fn ahead(shared: &Shared, calendar: &CountCalendar, own: &[f64], origin: usize) -> Vec<Ahead> {
    let quiet = quietest(&shared.profiles[origin]);
    (origin..(origin + calendar.horizon()).min(calendar.slots.len()))
        .map(|t| {
            let (slot, rest) = (calendar.slots[t], calendar.rest[t]);
            let factor = (1.0 - rest) * own[slot] + rest * own[quiet].min(own[slot]);
            Ahead { slot, quiet, rest, exposure: calendar.size[t] * factor, total: shared.levels[origin] }
        })
        .collect()
}

/// The first period that counts: that of the first ticket, or the first of all where the silence before that ticket is
/// no longer than chance would have it, given how often tickets came afterwards. A service that began late has no
/// tickets to show for the time before; a rare fault had its quiet months.
fn start_of(y: &[f64], calendar: &CountCalendar) -> usize {
    let n = y.len();
    let Some(first) = y.iter().position(|v| *v > 0.0) else { return n };
    let with = y[first + 1..].iter().filter(|v| **v > 0.0).count() as f64;
    let often = (with + 0.5) / ((n - first) as f64);
    let silent = (0..first).filter(|t| calendar.recorded[*t]).count() as f64;
    if silent * (-often.min(0.999)).ln_1p() > BEGAN_BELOW.ln() { 0 } else { first }
}

fn roll_one(y: &[f64], shared: &Shared, calendar: &CountCalendar) -> Rolled {
    let n = y.len();
    let start = start_of(y, calendar);
    let least = least_history(calendar.n_slots);
    let origins: Vec<usize> = shared.origins.iter().copied().filter(|o| *o >= start + least).collect();
    // The starting values come from before the first origin, so that no origin is told what came after it.
    let warm_end = (start + 2 * least).min(origins.first().copied().unwrap_or(n)).min(n);
    let warm: Vec<(f64, usize)> = (start..warm_end)
        .filter(|t| calendar.recorded[*t] && !calendar.rests(*t))
        .map(|t| (y[t], calendar.slots[t]))
        .collect();
    let mut candidates = Candidates::new(calendar.n_slots, &warm);
    let mut profile = Profile::new(calendar.n_slots);
    let mut earlier = Vec::with_capacity(origins.len());
    for (t, count) in y.iter().copied().enumerate().skip(start) {
        let own = profile.own(&shared.profiles[t]);
        if origins.binary_search(&t).is_ok() {
            earlier.push(Said { at: t, means: candidates.ahead(&ahead(shared, calendar, &own, t)) });
        }
        if !calendar.recorded[t] {
            continue;
        }
        let rests = calendar.rests(t);
        let slot = if rests { quietest(&shared.profiles[t]) } else { calendar.slots[t] };
        let exposure = calendar.size[t] * own[slot];
        // A series that is seen from its first ticket on owes that ticket to the choice of the day.
        let seen = if t == start && t > 0 { (count - 1.0).max(0.0) } else { count };
        candidates.update(seen, Period { slot, exposure, total: shared.shown[t] });
        if !rests {
            profile.update(slot, seen, calendar.size[t], own[slot]);
        }
    }
    let own = profile.own(&shared.profiles[n]);
    let quiet = own[quietest(&shared.profiles[n])];
    let left_by_rest = calendar.slots[n..].iter().map(|slot| (quiet / own[*slot]).min(1.0)).collect();
    let now = Said { at: n, means: candidates.ahead(&ahead(shared, calendar, &own, n)) };
    Rolled { start, earlier, now, left_by_rest }
}

/// Rolls every series.
pub(super) fn roll(series: &[Vec<f64>], shared: &Shared, calendar: &CountCalendar) -> Vec<Rolled> {
    series.par_iter().map(|y| roll_one(y, shared, calendar)).collect()
}
