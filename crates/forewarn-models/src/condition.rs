//! A hidden condition behind daily signals: normal, worn, critical. It does not know what the signals measure.
//!
//! A hidden Markov model (Rabiner 1989) whose states pass one way, until a repair: an asset begins to wear, becomes
//! critical, and fails with a chance a day that depends on its state. Each day it shows counts (negative binomial around
//! its own usual level) and levels (normal, in standard deviations from its own usual level). How much counts and levels
//! move in each state is learned by expectation–maximization (Dempster, Laird and Rubin 1977) from the days before
//! failures alone; days of assets that went on without failing say what is normal. So a state means *what failures look
//! like beforehand*, and not whatever varies most.
//!
//! Signals that wander by themselves for weeks (a season, a slow drift) are no independent evidence day by day. Each
//! channel's log likelihood is weighted by the inverse of how much the means of fortnights vary beyond chance, and a
//! channel that wanders too much is left out.

#![expect(clippy::needless_range_loop, reason = "states are indices, as in the formulas")]

use crate::error::{ModelError, in_range, same_length};
use serde::{Deserialize, Serialize};

/// Normal, worn, critical.
pub const N_STATES: usize = 3;
/// Sequences before failures that a fit needs.
pub const MIN_SEQUENCES: usize = 30;

/// Rounds of expectation–maximization; the estimates have settled by then.
const ROUNDS: usize = 15;
/// Days of a block over which a channel's wandering is judged, and the days of it that must be there.
const BLOCK_DAYS: usize = 14;
const MIN_BLOCK_DAYS: usize = 5;
/// A channel whose block means vary by more than this times chance is left out.
const MAX_WANDER: f64 = 2.6;
/// Levels count up to so many standard deviations, so that one wild reading does not decide.
const MAX_LEVEL: f64 = 5.0;
/// The least that a day's likelihood in one state is of that in the likeliest.
const LEAST_LIKELY: f64 = 1e-30;
/// Standardized counts count up to this when wandering is judged.
const MAX_RESIDUAL: f64 = 4.0;
/// Effects start from no effect, with the weight of so many expected counts or days.
const PRIOR_COUNTS: f64 = 2.0;
const PRIOR_DAYS: f64 = 5.0;
/// Where an asset stands that nothing is known of, and one that was just repaired after a failure.
const FIRST: [f64; N_STATES] = [0.93, 0.05, 0.02];
const RESTARTED: [f64; N_STATES] = [0.9, 0.09, 0.01];
/// The chance that a visit or a repair makes a worn or critical asset normal again.
const HEALED: f64 = 0.7;
/// Worn assets that are healed before they fail, on top of those that fail.
const HEALED_IN_TIME: f64 = 1.3;

/// What a channel shows each day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ChannelKind {
    /// A number of things that happened, against its usual number a day.
    Count,
    /// A level in standard deviations from its usual one.
    Level,
}

/// The days of one asset, oldest first: `values` and `exposure` are days × channels, day by day.
#[derive(Debug, Clone, Copy)]
pub struct ConditionDays<'a> {
    /// A count (at least 0) or a level; NaN where the day shows nothing.
    pub values: &'a [f32],
    /// How many usual days the value of a count stands for, greater than 0; not used for levels.
    pub exposure: &'a [f32],
    /// The usual count a day of each channel, greater than 0; not used for levels.
    pub usual: &'a [f64],
    /// For each day, whether a visit or repair ended it.
    pub repaired: &'a [bool],
    /// Whether the first day follows a failure that was repaired.
    pub restarted: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Channel {
    kind: ChannelKind,
    /// 0: left out.
    weight: f64,
    /// A count's factor on its usual number, or a level's shift, in each state.
    effect: [f64; N_STATES],
    /// A count's negative binomial shape a day.
    shape: f64,
}

/// A fitted model of the condition of assets of one class.
///
/// ```
/// use forewarn_models::{ChannelKind, Condition, ConditionDays};
/// // Assets that fail show a level two standard deviations up in their last twenty days.
/// let level = |i: usize, d: usize| (((i * 37 + d * 101) % 97) as f32 / 48.0 - 1.0) * 1.7;
/// let days = |i: usize, worn: usize| (0..60).map(|d| level(i, d) + if d + worn >= 60 { 2.0 } else { 0.0 }).collect::<Vec<f32>>();
/// let (bad, good): (Vec<_>, Vec<_>) = ((0..50).map(|i| days(i, 20)).collect(), (50..250).map(|i| days(i, 0)).collect());
/// let (ones, quiet) = (vec![1.0_f32; 60], vec![false; 60]);
/// let seen = |values| ConditionDays { values, exposure: &ones, usual: &[1.0], repaired: &quiet, restarted: false };
/// let before: Vec<_> = bad.iter().map(|v: &Vec<f32>| seen(v)).collect();
/// let normal: Vec<_> = good.iter().map(|v: &Vec<f32>| seen(v)).collect();
/// let condition = Condition::fit(&[ChannelKind::Level], &before, &normal, 0.001)?;
/// let outlook = |days| condition.outlook(condition.state(days), 30);
/// assert!(outlook(&before[0]) > 5.0 * outlook(&normal[0]));
/// assert!(Condition::fit(&[ChannelKind::Level], &before[..3], &normal, 0.001).is_err());
/// # Ok::<(), forewarn_models::ModelError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Condition {
    channels: Vec<Channel>,
    /// The chance of failing on a day, in each state.
    fail: [f64; N_STATES],
    /// The chance of beginning to wear, and of becoming critical, a day.
    onset: f64,
    worsen: f64,
}

/// The usual logarithms of one channel and exposure: a count's likelihood is `count · a + b` in each state.
#[derive(Clone, Copy)]
struct Logs {
    exposure: f32,
    a: [f64; N_STATES],
    b: [f64; N_STATES],
}

/// Emissions of one sequence, with the logarithms kept that days share.
struct Shown<'a> {
    days: &'a ConditionDays<'a>,
    channels: &'a [Channel],
    logs: Vec<Vec<Logs>>,
}

impl<'a> Shown<'a> {
    fn new(days: &'a ConditionDays<'a>, channels: &'a [Channel]) -> Self {
        Self { days, channels, logs: vec![Vec::new(); channels.len()] }
    }

    fn logs(&mut self, channel: usize, exposure: f32) -> Logs {
        let known = &mut self.logs[channel];
        if let Some(l) = known.iter().find(|l| l.exposure == exposure) {
            return *l;
        }
        let c = &self.channels[channel];
        let shape = c.shape * f64::from(exposure);
        let mut l = Logs { exposure, a: [0.0; N_STATES], b: [0.0; N_STATES] };
        for k in 0..N_STATES {
            let mean = self.days.usual[channel] * f64::from(exposure) * c.effect[k];
            l.a[k] = (mean / (mean + shape)).ln();
            l.b[k] = shape * (shape / (mean + shape)).ln();
        }
        // A week has seven exposures; readings after gaps have a few more.
        if known.len() < 16 {
            known.push(l);
        }
        l
    }

    /// How likely the day is in each state, the likeliest 1.
    fn likelihood(&mut self, day: usize) -> [f64; N_STATES] {
        let n = self.channels.len();
        let mut log = [0.0; N_STATES];
        for c in 0..n {
            let (value, weight) = (self.days.values[day * n + c], self.channels[c].weight);
            if weight == 0.0 || value.is_nan() {
                continue;
            }
            match self.channels[c].kind {
                ChannelKind::Count => {
                    let l = self.logs(c, self.days.exposure[day * n + c]);
                    for k in 0..N_STATES {
                        log[k] += weight * (f64::from(value) * l.a[k] + l.b[k]);
                    }
                }
                ChannelKind::Level => {
                    let z = f64::from(value).clamp(-MAX_LEVEL, MAX_LEVEL);
                    for k in 0..N_STATES {
                        log[k] -= 0.5 * weight * (z - self.channels[c].effect[k]).powi(2);
                    }
                }
            }
        }
        let most = log.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        // Never quite impossible: after two wild days in a row every state would be.
        log.map(|l| (l - most).exp().max(LEAST_LIKELY))
    }
}

fn normalized(v: [f64; N_STATES]) -> [f64; N_STATES] {
    let sum: f64 = v.iter().sum();
    v.map(|x| x / sum)
}

/// Sums of expectation–maximization over all sequences.
struct Expected {
    /// Weighted values and what they are compared with, of each channel and state.
    shown: Vec<[(f64, f64); N_STATES]>,
    failed: [f64; N_STATES],
    days: [f64; N_STATES],
    passed: [[f64; N_STATES]; N_STATES],
    first: [f64; N_STATES],
}

/// The model while it is fitted to days before failures: passing there is faster than in the population.
struct Draft {
    channels: Vec<Channel>,
    fail: [f64; N_STATES],
    pass: [[f64; N_STATES]; N_STATES],
    first: [f64; N_STATES],
}

impl Draft {
    /// Adds what is expected of one sequence that ends in a failure (forward–backward, Baum 1972).
    fn expect(&self, days: &ConditionDays<'_>, out: &mut Expected) {
        let n = days.repaired.len();
        let mut shown = Shown::new(days, &self.channels);
        let mut before = Vec::with_capacity(n);
        let mut on = Vec::with_capacity(n);
        let mut state = self.first;
        for day in 0..n {
            let mut likely = shown.likelihood(day);
            for k in 0..N_STATES {
                likely[k] *= 1.0 - self.fail[k];
            }
            before.push(state);
            on.push(likely);
            let stayed = normalized(std::array::from_fn(|k| state[k] * likely[k]));
            state = std::array::from_fn(|j| (0..N_STATES).map(|k| stayed[k] * self.pass[k][j]).sum());
        }
        let at_failure = normalized(std::array::from_fn(|k| state[k] * self.fail[k]));
        for k in 0..N_STATES {
            out.failed[k] += at_failure[k];
            out.days[k] += at_failure[k];
        }
        let mut after = normalized(self.fail);
        for day in (0..n).rev() {
            let from: [f64; N_STATES] = std::array::from_fn(|k| before[day][k] * on[day][k]);
            let mut joint = [[0.0; N_STATES]; N_STATES];
            let mut total = 0.0;
            for k in 0..N_STATES {
                for j in 0..N_STATES {
                    joint[k][j] = from[k] * self.pass[k][j] * after[j];
                    total += joint[k][j];
                }
            }
            let mut here = [0.0; N_STATES];
            for k in 0..N_STATES {
                for j in 0..N_STATES {
                    out.passed[k][j] += joint[k][j] / total;
                    here[k] += joint[k][j] / total;
                }
                out.days[k] += here[k];
            }
            self.count(days, day, here, out);
            after = normalized(std::array::from_fn(|k| {
                on[day][k] * (0..N_STATES).map(|j| self.pass[k][j] * after[j]).sum::<f64>()
            }));
        }
        let first = normalized(std::array::from_fn(|k| self.first[k] * after[k]));
        for k in 0..N_STATES {
            out.first[k] += first[k];
        }
    }

    fn count(&self, days: &ConditionDays<'_>, day: usize, here: [f64; N_STATES], out: &mut Expected) {
        let n = self.channels.len();
        for (c, channel) in self.channels.iter().enumerate() {
            let value = f64::from(days.values[day * n + c]);
            if value.is_nan() || channel.weight == 0.0 {
                continue;
            }
            for k in 0..N_STATES {
                let cell = &mut out.shown[c][k];
                match channel.kind {
                    ChannelKind::Count => {
                        let exposure = f64::from(days.exposure[day * n + c]);
                        let usual = days.usual[c] * exposure;
                        // A burst of an asset that counts much says less than its size: inverse variance over the mean.
                        let w = here[k] / (1.0 + usual * channel.effect[k] / (channel.shape * exposure));
                        cell.0 += w * value;
                        cell.1 += w * usual;
                    }
                    ChannelKind::Level => {
                        cell.0 += here[k] * value.clamp(-MAX_LEVEL, MAX_LEVEL);
                        cell.1 += here[k];
                    }
                }
            }
        }
    }

    fn maximize(&mut self, e: &Expected) {
        for (channel, shown) in self.channels.iter_mut().zip(&e.shown) {
            // The normal state is what went on without failing, and stays so.
            for k in 1..N_STATES {
                let normal = channel.effect[0];
                channel.effect[k] = match channel.kind {
                    ChannelKind::Count => {
                        ((shown[k].0 + PRIOR_COUNTS * normal) / (shown[k].1 + PRIOR_COUNTS)).max(0.05)
                    }
                    ChannelKind::Level => (shown[k].0 + PRIOR_DAYS * normal) / (shown[k].1 + PRIOR_DAYS),
                };
            }
        }
        for k in 0..N_STATES {
            self.fail[k] = (e.failed[k] / e.days[k].max(1e-9)).clamp(1e-6, 0.5);
            let total: f64 = e.passed[k].iter().sum();
            if total > 0.0 {
                self.pass[k] = e.passed[k].map(|p| p / total);
            }
        }
        self.first = normalized(e.first.map(|p| p + 1e-6));
    }
}

/// What is normal of a channel, and how much it wanders: from days of assets that went on.
fn normal_channel(kind: ChannelKind, c: usize, n: usize, normal: &[ConditionDays<'_>]) -> Channel {
    let each = |f: &mut dyn FnMut(f64, f64)| {
        for days in normal {
            for day in 0..days.repaired.len() {
                let value = f64::from(days.values[day * n + c]);
                if !value.is_nan() {
                    f(value, days.usual[c] * f64::from(days.exposure[day * n + c]));
                }
            }
        }
    };
    let mut out = Channel { kind, weight: 0.0, effect: [1.0; N_STATES], shape: 1.0 };
    let (mut seen, mut sum, mut expected) = (0.0, 0.0, 0.0);
    each(&mut |v, u| {
        seen += 1.0;
        sum += v;
        expected += u;
    });
    if seen < (BLOCK_DAYS * MIN_SEQUENCES) as f64 {
        return out;
    }
    let (mut beyond, mut squares) = (0.0, 0.0);
    match kind {
        ChannelKind::Count => {
            let ratio = sum / expected;
            if !(ratio.is_finite() && ratio > 0.0) {
                return out;
            }
            each(&mut |v, u| {
                let mean = u * ratio;
                beyond += (v - mean) * (v - mean) - mean;
                squares += mean * mean;
            });
            out.shape = (squares / beyond.max(1e-9 * squares)).clamp(1e-4, 1e4);
            out.effect = [ratio, 2.0 * ratio, 5.0 * ratio];
        }
        ChannelKind::Level => {
            let mean = sum / seen;
            out.effect = [mean, mean + 0.4, mean + 1.0];
        }
    }
    let residual = |value: f64, usual: f64| match kind {
        ChannelKind::Count => {
            let mean = usual * out.effect[0];
            let r = (value - mean) / (mean + mean * mean / out.shape).sqrt();
            r.clamp(-MAX_RESIDUAL, MAX_RESIDUAL)
        }
        ChannelKind::Level => value.clamp(-MAX_LEVEL, MAX_LEVEL) - out.effect[0],
    };
    // Variances of days and of the means of blocks.
    let (mut day_sums, mut block_sums) = ([0.0; 3], [0.0; 4]);
    for days in normal {
        let length = days.repaired.len();
        for start in (0..length).step_by(BLOCK_DAYS) {
            let (mut m, mut total) = (0.0, 0.0);
            for day in start..(start + BLOCK_DAYS).min(length) {
                let value = f64::from(days.values[day * n + c]);
                if value.is_nan() {
                    continue;
                }
                let r = residual(value, days.usual[c] * f64::from(days.exposure[day * n + c]));
                m += 1.0;
                total += r;
                day_sums[0] += 1.0;
                day_sums[1] += r;
                day_sums[2] += r * r;
            }
            if m >= MIN_BLOCK_DAYS as f64 {
                block_sums[0] += 1.0;
                block_sums[1] += total / m;
                block_sums[2] += (total / m) * (total / m);
                block_sums[3] += m;
            }
        }
    }
    let variance = |s: &[f64]| s[2] / s[0] - (s[1] / s[0]).powi(2);
    let per_day = variance(&day_sums);
    if block_sums[0] < 2.0 || per_day.is_nan() || per_day <= 0.0 {
        return out;
    }
    let wander = variance(&block_sums) * (block_sums[3] / block_sums[0]) / per_day;
    out.weight = if wander < MAX_WANDER { 1.0 / wander.max(1.0) } else { 0.0 };
    out
}

fn check(days: &ConditionDays<'_>, n_channels: usize) -> Result<(), ModelError> {
    same_length("condition values", days.values.len(), days.repaired.len() * n_channels)?;
    same_length("condition exposure", days.exposure.len(), days.values.len())?;
    same_length("condition usual", days.usual.len(), n_channels)?;
    for u in days.usual {
        in_range(*u > 0.0 && u.is_finite(), "usual count a day", *u, "finite and greater than 0")?;
    }
    Ok(())
}

impl Condition {
    /// Learns from sequences that end on the day before a failure, and from `normal` ones that were followed by none.
    /// `failures_a_day` is the failure rate of the class, per asset and day in service.
    ///
    /// # Errors
    /// Fewer than [`MIN_SEQUENCES`] sequences of either sort, no channels, lengths that differ, a usual count or a rate
    /// out of range.
    pub fn fit(
        channels: &[ChannelKind],
        before_failures: &[ConditionDays<'_>],
        normal: &[ConditionDays<'_>],
        failures_a_day: f64,
    ) -> Result<Self, ModelError> {
        let n = channels.len();
        if n == 0 {
            return Err(ModelError::Empty { what: "channels" });
        }
        for found in [before_failures.len(), normal.len()] {
            in_range(found >= MIN_SEQUENCES, "sequences", found as f64, "at least 30")?;
        }
        in_range(
            failures_a_day > 0.0 && failures_a_day < 0.5,
            "failures a day",
            failures_a_day,
            "greater than 0 and less than 0.5",
        )?;
        for days in before_failures.iter().chain(normal) {
            check(days, n)?;
        }
        let mut draft = Draft {
            channels: channels
                .iter()
                .enumerate()
                .map(|(c, kind)| normal_channel(*kind, c, n, normal))
                .collect(),
            fail: [8e-4, 2e-3, 0.04],
            pass: [[0.985, 0.015, 0.0], [0.0, 0.96, 0.04], [0.0, 0.0, 1.0]],
            first: [0.9, 0.08, 0.02],
        };
        let mut heralded = 0.0;
        for _ in 0..ROUNDS {
            let mut e = Expected {
                shown: vec![[(0.0, 0.0); N_STATES]; n],
                failed: [0.0; N_STATES],
                days: [0.0; N_STATES],
                passed: [[0.0; N_STATES]; N_STATES],
                first: [0.0; N_STATES],
            };
            for days in before_failures {
                draft.expect(days, &mut e);
            }
            heralded = 1.0 - e.failed[0] / e.failed.iter().sum::<f64>();
            draft.maximize(&e);
        }
        // The days before failures say how fast wear goes on; how often it begins, and how often assets fail without it,
        // follows from how often they fail at all.
        Ok(Self {
            channels: draft.channels,
            fail: [(1.0 - heralded) * failures_a_day, draft.fail[1], draft.fail[2]],
            onset: (HEALED_IN_TIME * heralded * failures_a_day).clamp(1e-7, 0.2),
            worsen: draft.pass[1][2].clamp(1e-4, 0.5),
        })
    }

    fn pass(&self, state: [f64; N_STATES]) -> [f64; N_STATES] {
        [
            state[0] * (1.0 - self.onset),
            state[0] * self.onset + state[1] * (1.0 - self.worsen),
            state[1] * self.worsen + state[2],
        ]
    }

    /// The probability of each state after the last day, for an asset that has not failed in these days (the forward
    /// filter). The lengths must fit the channels of the fit; a sequence of no days gives what is known of none.
    pub fn state(&self, days: &ConditionDays<'_>) -> [f64; N_STATES] {
        let mut shown = Shown::new(days, &self.channels);
        let mut state = if days.restarted { RESTARTED } else { FIRST };
        for (day, repaired) in days.repaired.iter().enumerate() {
            let likely = shown.likelihood(day);
            let stayed = normalized(std::array::from_fn(|k| state[k] * likely[k] * (1.0 - self.fail[k])));
            state = self.pass(stayed);
            if *repaired {
                let healed = HEALED * (state[1] + state[2]);
                state = [state[0] + healed, state[1] * (1.0 - HEALED), state[2] * (1.0 - HEALED)];
            }
        }
        state
    }

    /// The probability of a failure within `days`, at least 0, from a state's probabilities.
    pub fn outlook(&self, state: [f64; N_STATES], days: u32) -> f64 {
        let (mut state, mut failed) = (state, 0.0);
        for _ in 0..days {
            let fails: [f64; N_STATES] = std::array::from_fn(|k| state[k] * self.fail[k]);
            failed += fails.iter().sum::<f64>();
            state = self.pass(std::array::from_fn(|k| state[k] - fails[k]));
        }
        failed
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::rng::{generator, uniform};
    use rand_chacha::ChaCha8Rng;

    /// One asset lived day by day: a count and a level that move while it wears, and a level that only wanders.
    #[derive(Default)]
    struct Lived {
        values: Vec<f32>,
        exposure: Vec<f32>,
        repaired: Vec<bool>,
        states: Vec<usize>,
        failed: bool,
    }

    impl Lived {
        fn days(&self) -> ConditionDays<'_> {
            ConditionDays {
                values: &self.values,
                exposure: &self.exposure,
                usual: &[0.3, 1.0, 1.0],
                repaired: &self.repaired,
                restarted: false,
            }
        }
    }

    const EFFECT: [f64; 3] = [1.0, 3.0, 12.0];
    const SHIFT: [f64; 3] = [0.0, 0.5, 1.4];
    const FAIL: [f64; 3] = [3e-4, 3e-4, 0.045];

    fn poisson(rng: &mut ChaCha8Rng, mean: f64) -> f64 {
        let (mut n, mut product) = (0.0, uniform(rng));
        while product > (-mean).exp() {
            n += 1.0;
            product *= uniform(rng);
        }
        n
    }

    /// A normal number, to within what twelve uniform ones can give.
    fn normal(rng: &mut ChaCha8Rng) -> f64 {
        (0..12).map(|_| uniform(rng)).sum::<f64>() - 6.0
    }

    fn live(rng: &mut ChaCha8Rng, days: usize) -> Lived {
        let mut out = Lived::default();
        let (mut state, mut drift) = (0, 0.0);
        for _ in 0..days {
            if uniform(rng) < FAIL[state] {
                out.failed = true;
                break;
            }
            drift = 0.98 * drift + 0.2 * normal(rng);
            out.values.extend([
                poisson(rng, 0.3 * EFFECT[state]) as f32,
                (normal(rng) + SHIFT[state]) as f32,
                drift as f32,
            ]);
            out.exposure.extend([1.0; 3]);
            out.repaired.push(false);
            out.states.push(state);
            state += usize::from(state < 2 && uniform(rng) < [0.002, 0.03][state.min(1)]);
        }
        out
    }

    #[test]
    fn the_states_before_failures_are_found_again() {
        let mut rng = generator(5, 0);
        let (mut failed, mut went_on) = (Vec::new(), Vec::new());
        while failed.len() < 400 || went_on.len() < 400 {
            let lived = live(&mut rng, 200);
            if !lived.failed {
                went_on.push(lived);
            } else if lived.states.len() >= 5 {
                failed.push(lived);
            }
        }
        let before: Vec<_> = failed.iter().map(Lived::days).collect();
        let normal: Vec<_> = went_on.iter().map(Lived::days).collect();
        let kinds = [ChannelKind::Count, ChannelKind::Level, ChannelKind::Level];
        let c = Condition::fit(&kinds, &before, &normal, 0.0016).unwrap();
        assert!(c.channels[2].weight == 0.0, "a level that wanders is left out: {c:?}");
        assert!(c.channels[0].weight > 0.5 && c.channels[1].weight > 0.5, "{c:?}");
        let near = |found: f64, truth: f64, by: f64| (found / truth).ln().abs() < by;
        assert!(near(c.channels[0].effect[2] / c.channels[0].effect[0], 12.0, 0.35), "{c:?}");
        assert!((c.channels[1].effect[2] - 1.4).abs() < 0.3, "{c:?}");
        assert!(near(c.fail[2], 0.045, 0.4) && near(c.worsen, 0.03, 0.5), "{c:?}");
        // Critical days are told from normal ones.
        let outlook = |state: usize| -> Vec<f64> {
            let ends_in = |l: &&Lived| l.states.last() == Some(&state);
            let all = failed.iter().chain(&went_on).filter(ends_in);
            all.map(|l| c.outlook(c.state(&l.days()), 30)).collect()
        };
        let (critical, healthy) = (outlook(2), outlook(0));
        let mean = |v: &[f64]| v.iter().sum::<f64>() / v.len() as f64;
        assert!(mean(&critical) > 0.4 && mean(&healthy) < 0.08, "{} {}", mean(&critical), mean(&healthy));
    }

    #[test]
    fn an_outlook_is_a_probability_that_grows_with_the_days_and_falls_with_a_repair() {
        let c = Condition {
            channels: vec![Channel {
                kind: ChannelKind::Level,
                weight: 1.0,
                effect: [0.0, 0.5, 1.4],
                shape: 1.0,
            }],
            fail: [3e-4, 3e-4, 0.045],
            onset: 0.001,
            worsen: 0.03,
        };
        let values = [2.0_f32; 12];
        let days = |repaired| ConditionDays {
            values: &values,
            exposure: &[1.0; 12],
            usual: &[1.0],
            repaired,
            restarted: true,
        };
        let (mut last, worn) = (0.0, c.state(&days(&[false; 12])));
        assert!((worn.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        for horizon in [1, 7, 30, 90, 3650] {
            let p = c.outlook(worn, horizon);
            assert!(p > last && p <= 1.0);
            last = p;
        }
        let mut healed = [false; 12];
        healed[11] = true;
        assert!(c.outlook(c.state(&days(&healed)), 30) < 0.5 * c.outlook(worn, 30));
        let none =
            ConditionDays { values: &[], exposure: &[], usual: &[1.0], repaired: &[], restarted: false };
        assert_eq!(c.state(&none), FIRST);
    }
}
