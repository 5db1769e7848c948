//! When a series changed its level, its slope or its spread, and by how much. It does not know what was done on that
//! day.

use super::lines::{Sums, may_leave_less, turn, two_parts};
use super::series::{Cleaned, DailySeries, NORMAL_MAD};
use crate::rank::median;
use serde::{Deserialize, Serialize};

/// Fewest present days on each side of a change.
const MIN_PART: usize = 7;
/// Shortest stretch that is searched.
const MIN_STRETCH: usize = 28;
/// Length of the stretches whose residuals tell how long the series remembers.
const MEMORY_STRETCH: usize = 56;
/// How much two lines must do better than one, in long-run variances, for a change of level or slope, and two means
/// better than one, for a change of spread; by simulation, see the tests.
const LINE_GAIN: f64 = 34.0;
const SPREAD_GAIN: f64 = 26.0;
/// A short series tells little of its memory: that many days more than none are asked of it.
const SHORT: f64 = 12.0;
/// Three days against the three before: this many robust standard deviations are a jump on any count.
const PLAIN_JUMP: f64 = 8.0;
/// What rounding may change of a rest, as a share of the rest of one part, and much more.
const ROUNDING: f64 = 2e-3;
/// A turn without a jump is as good as two free lines if it leaves at most this many long-run variances more: the
/// jump and its free day would win some ten of them by chance.
const TURN_LOSS: f64 = 16.0;

/// What changed most clearly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ChangeKind {
    /// A jump.
    Level,
    /// The slope, without a jump.
    Slope,
    /// The spread about the line.
    Spread,
}

/// One change.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// The first day of the new state, counted from the series' first.
    pub day: usize,
    /// What changed most clearly.
    pub kind: ChangeKind,
    /// The jump on that day, in units of the series.
    pub level_change: f64,
    /// The change of slope, in units a day.
    pub slope_change_per_day: f64,
    /// The spread after over the spread before, at least 0; `None` where there was none before.
    pub spread_ratio: Option<f64>,
}

/// Changes in the order of days. At least 28 present days are needed; with fewer there is none.
///
/// After the weekly season and bursts are removed, stretches of many lengths (seeded binary segmentation; Kovács,
/// Bühlmann, Li and Munk 2023) are searched for the day at which two lines fit best, compared with one line; of the
/// stretches where that does clearly better the shortest are taken (Baranowski, Chen and Fryzlewicz 2019). Two lines
/// against one: a slope is no staircase. "Clearly" is in long-run variances, reckoned from the first two
/// autocorrelations of the residuals within short stretches: at most about 1 % of stationary series whose days correlate
/// by up to 0.8 show a change, 4 % at 0.9, up to 7 % where such a series is seen through as much white noise, and most
/// random walks of a year.
///
/// ```
/// use forewarn_models::{ChangeKind, DailySeries, change_points};
/// let days: Vec<f64> = (0..100).map(f64::from).collect();
/// let noise = |t: f64| (t * 7.9).sin() + (t * t * 0.37).cos();
/// let step: Vec<f64> = days.iter().map(|t| noise(*t) + if *t < 60.0 { 0.0 } else { 10.0 }).collect();
/// let found = change_points(&DailySeries::new(&days, &step)?);
/// assert!(found.len() == 1 && found[0].day == 60 && found[0].kind == ChangeKind::Level);
/// assert!(change_points(&DailySeries::new(&days[..20], &step[..20])?).is_empty());
/// # Ok::<(), forewarn_models::ModelError>(())
/// ```
pub fn change_points(series: &DailySeries) -> Vec<Change> {
    changes_of(&series.cleaned())
}

pub(super) fn changes_of(cleaned: &Cleaned) -> Vec<Change> {
    let n = cleaned.x.len();
    if n < MIN_STRETCH {
        return Vec::new();
    }
    let sums = Sums::new(&cleaned.t, &cleaned.x);
    let memory = Memory::of(&Sums::new(&cleaned.t, &without_jumps(&cleaned.x)), &sums, n, true);
    let lines = search(&sums, n, &memory, LINE_GAIN, true);
    let mut bounds = vec![0];
    bounds.extend(&lines);
    bounds.push(n);
    let residual = residuals(&sums, &bounds);
    // The root of the size: its noise is nearly symmetric, so that a day does not weigh too much.
    let size: Vec<f64> = residual.iter().map(|r| r.abs().sqrt()).collect();
    let spread_sums = Sums::new(&cleaned.t, &size);
    let spread_memory = Memory::of(&spread_sums, &spread_sums, n, false);
    let spreads = search(&spread_sums, n, &spread_memory, SPREAD_GAIN, false);
    let mut found: Vec<Change> = (1..bounds.len() - 1)
        .map(|i| described(&sums, &residual, &memory, [bounds[i - 1], bounds[i], bounds[i + 1]], &cleaned.t))
        .collect();
    for at in spreads {
        // A change of level often changes the spread as well, perhaps a few days off: that is one change.
        if bounds.iter().any(|b| b.abs_diff(at) < 2 * MIN_PART) {
            continue;
        }
        let ratio =
            ratio_of(&residual, at.saturating_sub(2 * MIN_STRETCH), at, (at + 2 * MIN_STRETCH).min(n));
        found.push(Change {
            day: cleaned.t[at] as usize,
            kind: ChangeKind::Spread,
            level_change: 0.0,
            slope_change_per_day: 0.0,
            spread_ratio: ratio,
        });
    }
    found.sort_unstable_by_key(|c| c.day);
    found
}

/// The values, each plain jump taken away: a series that is cleaned up every month would otherwise look like one that
/// remembers for weeks.
fn without_jumps(x: &[f64]) -> Vec<f64> {
    let mut level = x.to_vec();
    for (at, jump) in plain_jumps(x) {
        for v in &mut level[at..] {
            *v -= jump;
        }
    }
    level
}

/// Jumps that need no test: where they are and how large.
pub(super) fn plain_jumps(x: &[f64]) -> Vec<(usize, f64)> {
    let n = x.len();
    if n < MIN_PART {
        return Vec::new();
    }
    let change = |i: usize| x[i] + x[i + 1] + x[i + 2] - x[i - 1] - x[i - 2] - x[i - 3];
    let changes: Vec<f64> = (3..n - 2).map(change).collect();
    let middle = median(&mut changes.clone());
    let mut off: Vec<f64> = changes.iter().map(|c| (c - middle).abs()).collect();
    let limit = PLAIN_JUMP * NORMAL_MAD * median(&mut off);
    let mut jumps = Vec::new();
    if limit <= 0.0 {
        return jumps;
    }
    let size = |k: &usize| (changes[*k] - middle).abs();
    let mut i = 0;
    while i < changes.len() {
        if size(&i) > limit {
            let end = (i + 6).min(changes.len());
            let at = (i..end).max_by(|a, b| size(a).total_cmp(&size(b))).unwrap_or(i);
            jumps.push((at + 3, (changes[at] - middle) / 3.0));
            i = at + 6;
        } else {
            i += 1;
        }
    }
    jumps
}

fn described(sums: &Sums, residual: &[f64], memory: &Memory, [a, b, c]: [usize; 3], t: &[f64]) -> Change {
    let (before, after) = (sums.line(a, b), sums.line(b, c));
    let jump = after.at(t[b]) - before.at(t[b]);
    let noise = memory.variance(sums.two_lines(a, b, c) / (c - a) as f64);
    let (turn_at, rest) = turn(sums, a, c, MIN_PART);
    if rest - sums.two_lines(a, b, c) < TURN_LOSS * noise {
        let (before, after) = (sums.line(a, turn_at), sums.line(turn_at, c));
        return Change {
            day: t[turn_at] as usize,
            kind: ChangeKind::Slope,
            level_change: 0.0,
            slope_change_per_day: (after.slope - before.slope) * sums.scale,
            spread_ratio: ratio_of(residual, a, turn_at, c),
        };
    }
    Change {
        day: t[b] as usize,
        kind: ChangeKind::Level,
        level_change: jump * sums.scale,
        slope_change_per_day: (after.slope - before.slope) * sums.scale,
        spread_ratio: ratio_of(residual, a, b, c),
    }
}

/// Root mean squares after over before.
fn ratio_of(residual: &[f64], a: usize, b: usize, c: usize) -> Option<f64> {
    let size = |r: &[f64]| (r.iter().map(|r| r * r).sum::<f64>() / r.len() as f64).sqrt();
    let before = size(&residual[a..b]);
    (before > 0.0).then(|| size(&residual[b..c]) / before)
}

fn residuals(sums: &Sums, bounds: &[usize]) -> Vec<f64> {
    let mut residual = Vec::with_capacity(sums.y.len());
    for part in bounds.windows(2) {
        let line = sums.line(part[0], part[1]);
        residual.extend((part[0]..part[1]).map(|i| sums.y[i] - line.at(sums.t[i])));
    }
    residual
}

/// How long a series remembers, and how much it moves within a stretch.
struct Memory {
    /// The long-run variance over the variance.
    factor: f64,
    /// The usual variance within a stretch.
    variance: f64,
}

impl Memory {
    /// From stretches of 56 days, each with its own two parts, so that a change within one does not look like memory;
    /// the medians over stretches.
    /// `sums` are those of the series without its plain jumps, `whole` those that are searched.
    fn of(sums: &Sums, whole: &Sums, n: usize, lines: bool) -> Self {
        let length = MEMORY_STRETCH.min(n);
        let count = ((2 * n) / length).saturating_sub(1).max(1);
        let (mut first, mut second, mut variance) = (Vec::new(), Vec::new(), Vec::new());
        for k in 0..count {
            let a = if count == 1 { 0 } else { k * (n - length) / (count - 1) };
            let c = a + length;
            let (b, _) = two_parts(sums, a, c, MIN_PART, lines);
            let (before, after) =
                if lines { (sums.line(a, b), sums.line(b, c)) } else { (sums.mean(a, b), sums.mean(b, c)) };
            let r: Vec<f64> = (a..c)
                .map(|i| sums.y[i] - if i < b { before.at(sums.t[i]) } else { after.at(sums.t[i]) })
                .collect();
            let lag = |l: usize| r.iter().zip(&r[l..]).map(|(a, b)| a * b).sum::<f64>();
            let own = lag(0);
            variance.push(own / (length as f64 - if lines { 5.0 } else { 3.0 }));
            if own > 0.0 {
                first.push(lag(1) / own);
                second.push(lag(2) / own);
            }
        }
        let of = |v: &mut Vec<f64>| if v.is_empty() { 0.0 } else { median(v) };
        let unit = if whole.scale > 0.0 { sums.scale / whole.scale } else { 0.0 };
        let variance = of(&mut variance) * unit * unit;
        let (mut r1, mut r2) = (of(&mut first), of(&mut second));
        // Lines fitted to few days take memory away: this much, by simulation of series of known memory.
        if lines {
            (r1, r2) = ((r1 + 0.09) / 0.82, (r2 + 0.14) / 0.78);
        } else {
            (r1, r2) = ((r1 + 0.05) / 0.9, (r2 + 0.07) / 0.88);
        }
        let decay = if r1 > 0.2 { (r2 / r1).max(r1) } else { r1 }.clamp(0.0, 0.9);
        Self { factor: (1.0 + 2.0 * r1.max(0.0) / (1.0 - decay)).max(1.0), variance }
    }

    /// The long-run variance of a stretch of this variance.
    fn variance(&self, own: f64) -> f64 {
        self.factor * own.max(self.variance)
    }
}

/// Starts of new states, sorted.
fn search(sums: &Sums, n: usize, memory: &Memory, gain: f64, lines: bool) -> Vec<usize> {
    let judged = |a: usize, c: usize| {
        let (at, better) = two_parts(sums, a, c, MIN_PART, lines);
        let rest = if lines { sums.two_lines(a, at, c) } else { sums.two_means(a, at, c) };
        let noise = memory.variance(rest / ((c - a) as f64 - 5.0).max(1.0));
        // Rounding alone leaves some 1e-12 of a series scaled to 1.
        (at, better > gain * (1.0 + SHORT / n as f64) * noise && better > 1e-9)
    };
    // From what two parts have to leave less than, to be clear; most stretches leave more wherever they are parted.
    let limit = |a: usize, c: usize| {
        let one = if lines { sums.line_rest(a, c) } else { sums.mean_rest(a, c) };
        let times = gain * (1.0 + SHORT / n as f64) * memory.factor;
        let own = one / (1.0 + times / ((c - a) as f64 - 5.0).max(1.0));
        own.min(one - times * memory.variance) + ROUNDING * one
    };
    let mut clear: Vec<(usize, usize, usize)> = Vec::new();
    for (a, c) in stretches(n) {
        if !may_leave_less(sums, a, c, MIN_PART, lines, limit(a, c)) {
            continue;
        }
        let (at, is_clear) = judged(a, c);
        // At the rim the change itself may lie beyond what a part needs; another stretch holds it whole.
        if is_clear && at > a + MIN_PART && at < c - MIN_PART {
            clear.push((c - a, a, at));
        }
    }
    clear.sort_unstable();
    let mut found: Vec<usize> = Vec::new();
    for (length, a, at) in clear {
        // A stretch that holds a change already found says nothing new.
        if !found.iter().any(|f| a < *f && *f < a + length) {
            found.push(at);
        }
    }
    found.sort_unstable();
    // Each change is sought again between its neighbors, twice, and dropped where it no longer stands out.
    for _ in 0..2 {
        let mut i = 0;
        while i < found.len() {
            let a = if i == 0 { 0 } else { found[i - 1] };
            let c = found.get(i + 1).copied().unwrap_or(n);
            let (at, is_clear) = if c - a < 2 * MIN_PART { (found[i], false) } else { judged(a, c) };
            if is_clear {
                found[i] = at;
                i += 1;
            } else {
                found.remove(i);
            }
        }
    }
    found
}

/// Stretches of lengths that shrink by the root of two, each layer covering the series at steps of half a length.
fn stretches(n: usize) -> Vec<(usize, usize)> {
    let mut all = vec![(0, n)];
    let mut length = n as f64 * std::f64::consts::FRAC_1_SQRT_2;
    while length >= MIN_STRETCH as f64 {
        let own = length as usize;
        let count = 2 * (n as f64 / length).ceil() as usize - 1;
        all.extend((0..count).map(|k| k * (n - own) / (count - 1).max(1)).map(|a| (a, a + own)));
        length *= std::f64::consts::FRAC_1_SQRT_2;
    }
    all
}
