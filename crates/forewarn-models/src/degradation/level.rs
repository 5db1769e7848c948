//! The level and slope of a series today under several ideas of how fast both wander, each weighed by how well it
//! foresaw the series so far. It does not know thresholds.

use super::series::NORMAL_MAD;
use crate::rank::median;

/// How the level moves, in variances of a day's noise: by what variance a day it wanders, or what variance it has about
/// its line with a memory of some days (it then comes back, and does not count as level).
const MOVES: [(f64, f64); 6] = [(0.0, 0.0), (0.01, 0.0), (0.1, 0.0), (1.0, 0.0), (0.0, 3.0), (0.0, 30.0)];
/// What is left of such a movement after a day.
const MEMORY: f64 = 0.8;
/// How fast the slope wanders, likewise; the share by which it grows (or is damped; Gardner and McKenzie 1985) a day;
/// and what is thought of that beforehand: steady, wandering, slowing, accelerating.
const SLOPES: [(f64, f64, f64); 8] = [
    (0.0, 0.0, 0.2),
    (1e-6, 0.0, 0.2),
    (1e-4, 0.0, 0.2),
    (1e-2, 0.0, 0.2),
    (0.0, -0.01, 0.02),
    (0.0, -0.03, 0.005),
    (0.0, 0.01, 0.04),
    (0.0, 0.025, 0.02),
];
/// Noise as it is reckoned beforehand counts as many blocks.
const NOISE_PRIOR: f64 = 2.0;
/// Ideas below this weight are left out.
const LEAST_WEIGHT: f64 = 0.005;
/// Most blocks before the last weeks.
const MAX_BLOCKS: usize = 52;
/// The last weeks are told in blocks of at most three days: what began lately would be lost in longer ones.
const RECENT_DAYS: usize = 63;
const RECENT_BLOCK: usize = 3;
/// Of the changes of slope beforehand: a tenth in a year, as large as the slope is now.
const TURNS_BEFOREHAND: f64 = 0.1;
const TURN_DAYS: f64 = 365.0;

/// A change that the filter is told of, before position `at`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Told {
    pub(super) at: usize,
    /// Whether the level jumped as well.
    pub(super) jumped: bool,
    /// The change of slope, units a day.
    pub(super) turn: f64,
}

/// The days of one block, and what happened right before it.
struct Block {
    day: f64,
    level: f64,
    noise: f64,
    jumped: bool,
    turn: f64,
}

/// Level and slope on the last day under one idea.
#[derive(Debug, Clone, Copy)]
pub(super) struct State {
    pub(super) weight: f64,
    pub(super) level: f64,
    pub(super) slope: f64,
    /// The share by which the slope grows a day.
    pub(super) growth: f64,
    /// Variances of level, of both, of slope.
    pub(super) variance: [f64; 3],
    /// Variance a day by which level and slope wander.
    pub(super) wander: [f64; 2],
}

/// States whose weights add up to 1; `None` for fewer than 7 days. `told` is sorted by position.
pub(super) fn states(t: &[f64], x: &[f64], told: &[Told], last_day: f64) -> Option<Vec<State>> {
    if x.len() < 7 {
        return None;
    }
    let blocks = blocks(t, x, told);
    let noise = noise_of(&blocks, x);
    let (spread, span) = (spread_of(&blocks), t[t.len() - 1] - t[0] + 1.0);
    // A slope that made all of the spread within segments is as likely as none, beforehand.
    let slope_prior = (12.0 * spread + noise) / (span * span);
    let mut found: Vec<(f64, State)> = Vec::with_capacity(54);
    for (level, held) in MOVES {
        for (slope, growth, prior) in SLOPES {
            let (fit, state) =
                filtered(&blocks, noise, Some(slope_prior), [level, slope], held, growth, last_day);
            found.push((fit + prior.ln(), state));
        }
        // No slope at all is half of what is thought beforehand.
        found.push(filtered(&blocks, noise, None, [level, 0.0], held, 0.0, last_day));
    }
    let best = found.iter().map(|f| f.0).fold(f64::NEG_INFINITY, f64::max);
    let mut states: Vec<State> = found
        .into_iter()
        .map(|(fit, state)| State { weight: (fit - best).exp(), ..state })
        .filter(|s| s.weight >= LEAST_WEIGHT)
        .collect();
    let sum: f64 = states.iter().map(|s| s.weight).sum();
    // What turned before will turn again: at that rate the slope wanders in the future, beyond what each idea says.
    let turns: f64 = told.iter().map(|t| t.turn * t.turn).sum();
    for state in &mut states {
        state.weight /= sum;
        state.wander[1] += (turns + TURNS_BEFOREHAND * state.slope * state.slope) / (span + TURN_DAYS);
    }
    Some(states)
}

/// Means of up to 7 days (more in a very long series), 3 in the last weeks, that hold no change.
fn blocks(t: &[f64], x: &[f64], told: &[Told]) -> Vec<Block> {
    let length = (x.len() / 40).clamp(1, 7).max(x.len().div_ceil(MAX_BLOCKS));
    let recent = x.len().saturating_sub(RECENT_DAYS);
    let mut bounds: Vec<usize> = told.iter().map(|t| t.at).chain([0, recent, x.len()]).collect();
    bounds.sort_unstable();
    bounds.dedup();
    let mut blocks = Vec::new();
    for part in bounds.windows(2) {
        let (a, c) = (part[0], part[1]);
        let length = if a < recent { length } else { length.min(RECENT_BLOCK) };
        let own = told.iter().find(|t| t.at == a);
        let mut start = a;
        while start < c {
            let rest = (c - start) % length;
            let end = start + if rest == 0 { length } else { rest };
            let n = (end - start) as f64;
            blocks.push(Block {
                day: t[start..end].iter().sum::<f64>() / n,
                level: x[start..end].iter().sum::<f64>() / n,
                noise: 1.0 / n,
                jumped: start == a && own.is_some_and(|t| t.jumped),
                turn: if start == a { own.map_or(0.0, |t| t.turn) } else { 0.0 },
            });
            start = end;
        }
    }
    blocks
}

/// The variance of a block's noise, from how far blocks lie off the line through their neighbors.
fn noise_of(blocks: &[Block], x: &[f64]) -> f64 {
    let mut off: Vec<f64> = blocks
        .windows(3)
        .filter(|b| !b[1].jumped && !b[2].jumped)
        .map(|b| {
            let share = (b[1].day - b[0].day) / (b[2].day - b[0].day);
            let gap = b[1].level - b[0].level - share * (b[2].level - b[0].level);
            gap.abs() / (b[1].noise + (1.0 - share).powi(2) * b[0].noise + share * share * b[2].noise).sqrt()
        })
        .collect();
    let largest = x.iter().fold(0.0_f64, |a, v| a.max(v.abs()));
    // A series that stands still has no noise; that of rounding keeps the arithmetic sound.
    let least = (1e-9 * largest).powi(2).max(1e-200);
    if off.is_empty() { least } else { (NORMAL_MAD * median(&mut off)).powi(2).max(least) }
}

/// The mean variance of blocks about the means of their segments.
fn spread_of(blocks: &[Block]) -> f64 {
    let mut sum = 0.0;
    let mut start = 0;
    for end in 1..=blocks.len() {
        if end == blocks.len() || blocks[end].jumped {
            let part = &blocks[start..end];
            let mean = part.iter().map(|b| b.level).sum::<f64>() / part.len() as f64;
            sum += part.iter().map(|b| (b.level - mean).powi(2)).sum::<f64>();
            start = end;
        }
    }
    sum / blocks.len() as f64
}

/// What the filter knows: level, slope and movement that comes back, and their variances.
struct Filter {
    level: f64,
    slope: f64,
    held: f64,
    ll: f64,
    lb: f64,
    bb: f64,
    lc: f64,
    bc: f64,
    cc: f64,
}

impl Filter {
    /// Leads on by `days`.
    fn ahead(&mut self, days: f64, wander: [f64; 2], held: f64, growth: f64) {
        let (far, kept) = (path(growth, days), if growth == 0.0 { 1.0 } else { (growth * days).exp() });
        self.level += self.slope * far;
        self.slope *= kept;
        self.ll += far * (2.0 * self.lb + far * self.bb) + wander[0] * days + wander[1] * days.powi(3) / 3.0;
        self.lb = kept * (self.lb + far * self.bb) + wander[1] * days * days / 2.0;
        self.bb = kept * kept * self.bb + wander[1] * days;
        if held > 0.0 {
            let left = MEMORY.powf(days);
            self.held *= left;
            self.lc = left * (self.lc + far * self.bc);
            self.bc *= kept * left;
            self.cc = left * left * self.cc + held * (1.0 - left * left);
        }
    }

    /// Learns from a block; the error and its variance.
    fn learn(&mut self, block: &Block) -> (f64, f64) {
        let total = self.ll + 2.0 * self.lc + self.cc + block.noise;
        let error = block.level - self.level - self.held;
        let (l, b, c) =
            ((self.ll + self.lc) / total, (self.lb + self.bc) / total, (self.lc + self.cc) / total);
        self.level += l * error;
        self.slope += b * error;
        self.held += c * error;
        self.ll -= l * l * total;
        self.lb -= l * b * total;
        self.bb -= b * b * total;
        self.lc -= l * c * total;
        self.bc -= b * c * total;
        self.cc -= c * c * total;
        (error, total)
    }
}

/// Kalman's filter of a local linear trend (Harvey 1989), in variances of the noise; how well it foresaw the blocks
/// (a log marginal likelihood, the noise integrated out), and the state.
fn filtered(
    blocks: &[Block],
    noise: f64,
    slope_prior: Option<f64>,
    wander: [f64; 2],
    held: f64,
    growth: f64,
    last_day: f64,
) -> (f64, State) {
    let has_slope = slope_prior.is_some();
    let mut now = Filter {
        level: blocks[0].level,
        slope: 0.0,
        held: 0.0,
        ll: blocks[0].noise + held,
        lb: 0.0,
        bb: slope_prior.unwrap_or(0.0) / noise,
        lc: -held,
        bc: 0.0,
        cc: held,
    };
    let (mut logs, mut squares, mut count) = (0.0, 0.0, 0.0);
    for pair in blocks.windows(2) {
        let block = &pair[1];
        now.ahead(block.day - pair[0].day, wander, held, growth);
        // A slope that dies away or grows explains its own turns.
        if has_slope && (growth == 0.0 || block.jumped) {
            now.bb += block.turn * block.turn / noise;
        }
        if block.jumped {
            // The level starts anew at this block; the slope goes on as it was.
            now.level = block.level - now.held;
            (now.ll, now.lb, now.lc) = (block.noise + now.cc, -now.bc, -now.cc);
            continue;
        }
        let (error, total) = now.learn(block);
        logs += total.ln();
        squares += error * error / total;
        count += 1.0;
    }
    now.ahead(last_day - blocks[blocks.len() - 1].day, wander, held, growth);
    let scaled = NOISE_PRIOR * noise + squares;
    let fit = -0.5 * logs - 0.5 * (NOISE_PRIOR + count) * scaled.ln();
    let own = scaled / (NOISE_PRIOR + count);
    let variance = [now.ll.max(0.0) * own, now.lb * own, now.bb.max(0.0) * own];
    let state = State {
        weight: 0.0,
        level: now.level,
        slope: now.slope,
        growth,
        variance,
        wander: wander.map(|w| w * own),
    };
    (fit, state)
}

/// How far a slope of 1 that grows by a share `growth` a day leads within `days`.
pub(super) fn path(growth: f64, days: f64) -> f64 {
    if growth == 0.0 { days } else { (growth * days).exp_m1() / growth }
}
