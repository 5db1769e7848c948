//! From surprise to a rate of false alarms: how often a series that goes on as before has an event as surprising. It does
//! not know values or times of day.

use super::ordered::Ordered;
use std::collections::VecDeque;

/// Blocks that the rate is judged by.
const MEMORY: usize = 512;
/// Blocks below which nothing is said.
const LEAST: usize = 8;
/// Largest maxima that the tail is fitted to, where a tenth of them are fewer.
const TOP: usize = 20;
/// Events that are remembered.
const EVENTS: usize = 64;
/// Scales above the start of the tail from which surprises are remembered one by one.
const NOTED: f64 = 3.0;
/// The weight, in blocks, of the belief that a surprise is worth what it says (a scale of 1).
const PRIOR: f64 = 2.0;
/// Events of a size that may have been true ones: the next one still alarms.
const FORGIVEN: usize = 1;

/// Maxima of surprise over blocks of readings, the larger part of which lies about on an exponential tail (Gumbel 1958).
///
/// A block in an event counts as "at least as large as what comes once in the time watched", a censored observation:
/// under a series that goes on as before this loses nothing, and a true event does not hide the next one.
///
/// What a deviation says changes while its tail is learned: so blocks and events keep their deviations, and are judged anew
/// from time to time.
#[derive(Debug, Clone)]
pub(super) struct EventRate {
    block_len: usize,
    filled: usize,
    block: Block,
    blocks: VecDeque<Block>,
    maxima: Ordered,
    n_blocks: usize,
    judge_anew_at: usize,
    /// The surprise that the tail begins at, as of the last full block.
    start: Option<f64>,
    /// The tail, once a surprise beyond its start asked for it.
    tail: Option<Fitted>,
    /// Days and peaks of earlier events, the last ones.
    events: VecDeque<(f64, Peak)>,
}

/// The largest surprise of some readings, and where it came from.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Peak {
    /// About `-ln P`.
    pub(super) surprise: f64,
    /// Which question was answered so.
    pub(super) view: usize,
    /// The answer.
    pub(super) deviation: f64,
}

#[derive(Debug, Clone, Copy, Default)]
struct Block {
    peak: Peak,
    /// What an event in this block counts as; infinite without one.
    cap: f64,
    in_event: bool,
}

impl Block {
    /// What the block counts as among the maxima.
    fn counted(&self) -> f64 {
        self.peak.surprise.min(self.cap)
    }
}

/// What is said of one surprise.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rated {
    /// Expected events as surprising in one block.
    pub(super) per_block: f64,
    /// Remembered as one event.
    rare: bool,
    /// Rarer than once in the time watched, by the tail and by the events that did come.
    pub(super) event: bool,
}

/// The tail as of the last full block.
#[derive(Debug, Clone, Copy)]
struct Fitted {
    /// The surprise that the tail begins at, and how many events a block are expected above it.
    start: f64,
    per_block: f64,
    /// Sum of excesses over the start, corrected to an exponential, with the prior's.
    sum: f64,
    /// Excesses seen whole, with the prior's.
    count: f64,
    /// The surprise that comes about once in the time watched.
    once: f64,
    /// Surprises above this are remembered one by one.
    noted: f64,
}

impl Fitted {
    /// Expected events as surprising in one block: the predictive distribution of an exponential whose scale is only
    /// estimated (Lomax 1954), which keeps the promised rate where few blocks were seen.
    fn per_block(&self, surprise: f64) -> f64 {
        let excess = surprise - self.start;
        let scale = self.sum / self.count;
        let ratio =
            if excess > 0.0 { (1.0 + excess / self.sum).powf(-self.count) } else { (-excess / scale).exp() };
        self.per_block * ratio
    }
}

/// Mean excess of a Gumbel variable of scale 1 over the quantile that `per_block` events are expected above: the integral of
/// its upper tail, `Σ (-1)^(i+1) y^i / (i i!)`, over its probability.
fn gumbel_excess(per_block: f64) -> f64 {
    let (mut sum, mut term) = (0.0, -1.0);
    for i in 1..16 {
        term *= -per_block / f64::from(i);
        sum += term / f64::from(i);
    }
    sum / (-(-per_block).exp_m1())
}

impl EventRate {
    /// `block_len` (>= 1) readings make a block.
    pub(super) fn new(block_len: usize) -> Self {
        Self {
            block_len,
            filled: 0,
            block: Block::default(),
            blocks: VecDeque::new(),
            maxima: Ordered::new(MEMORY),
            n_blocks: 0,
            judge_anew_at: 2 * LEAST,
            start: None,
            tail: None,
            events: VecDeque::new(),
        }
    }

    /// A surprise up to this changes nothing, where only alarms are asked for: it is neither the largest of its block nor beyond
    /// the start of the tail.
    pub(super) fn idle(&self) -> f64 {
        self.block.peak.surprise.min(self.start.unwrap_or(f64::INFINITY))
    }

    /// How often as surprising an event comes; `day` is now. `None` while too few blocks were seen.
    /// `anew` judges a deviation of a view by what is known now.
    ///
    /// Where `alarms_only`, a surprise below the start of the tail, which comes in every tenth block at least and is no event, is
    /// said to come all the time.
    pub(super) fn judge(
        &mut self,
        peak: Peak,
        day: f64,
        block_days: f64,
        alarms_only: bool,
        anew: &mut impl FnMut(usize, f64) -> f64,
    ) -> Option<Rated> {
        let (start, surprise) = (self.start?, peak.surprise);
        if alarms_only && surprise <= start {
            return Some(Rated { per_block: f64::INFINITY, rare: false, event: false });
        }
        let tail = self.tail.unwrap_or_else(|| self.fit(start));
        self.tail = Some(tail);
        let mut per_block = tail.per_block(surprise);
        let rare = surprise > tail.noted;
        if rare {
            // Where as large events did come, at a rate that a true one does not explain, the tail is not exponential.
            let mut n = 0;
            for (then, other) in self.events.iter().rev() {
                if anew(other.view, other.deviation) >= surprise {
                    n += 1;
                    if n > FORGIVEN {
                        let seen = (n - FORGIVEN) as f64 / (day - then).max(block_days) * block_days;
                        per_block = per_block.max(seen);
                    }
                }
            }
        }
        Some(Rated { per_block, rare, event: per_block * (self.n_blocks as f64) < 1.0 })
    }

    /// Learns the surprise of one reading and what was said of it. `repeated`: it belongs to an event that began earlier,
    /// and counts no more.
    pub(super) fn push(
        &mut self,
        peak: Peak,
        day: f64,
        rated: Option<Rated>,
        repeated: bool,
        anew: &mut impl FnMut(usize, f64) -> f64,
    ) {
        if rated.is_some_and(|r| r.rare) {
            match self.events.back_mut() {
                Some(last) if repeated => {
                    if peak.surprise > last.1.surprise {
                        last.1 = peak;
                    }
                }
                _ => {
                    if self.events.len() == EVENTS {
                        self.events.pop_front();
                    }
                    self.events.push_back((day, peak));
                }
            }
        }
        if repeated {
            return;
        }
        if peak.surprise > self.block.peak.surprise {
            self.block.peak = peak;
        }
        self.block.in_event |= rated.is_some_and(|r| r.event);
        self.filled += 1;
        if self.filled == self.block_len {
            self.close_block(anew);
        }
    }

    fn close_block(&mut self, anew: &mut impl FnMut(usize, f64) -> f64) {
        let mut block = std::mem::take(&mut self.block);
        // Where there was an event, the tail was asked for.
        block.cap = self.tail.filter(|_| block.in_event).map_or(f64::INFINITY, |t| t.once);
        self.filled = 0;
        if self.blocks.len() == MEMORY {
            self.blocks.pop_front();
        }
        self.blocks.push_back(block);
        self.maxima.push(block.counted());
        self.n_blocks += 1;
        if self.n_blocks == self.judge_anew_at {
            self.judge_anew_at += self.judge_anew_at / 4;
            for block in &mut self.blocks {
                block.peak.surprise = anew(block.peak.view, block.peak.deviation);
            }
            self.maxima = Ordered::of(MEMORY, self.blocks.iter().map(Block::counted));
        }
        let n = self.maxima.len();
        if n < LEAST {
            return;
        }
        let top = (n / 2).min(TOP.max(n / 10));
        let Some(start) = self.maxima.upper_quantile(top as f64 / n as f64) else { return };
        (self.start, self.tail) = (Some(start), None);
    }

    /// The tail beyond its start, by the blocks seen.
    fn fit(&self, start: f64) -> Fitted {
        let n = self.maxima.len();
        // Maxima of counts are often equal, so that more of them than were asked for lie at the start.
        let top = self.maxima.n_at_least(start).min(n - 1);
        let share = top as f64 / n as f64;
        let excesses: f64 = self.maxima.recent().map(|m| (m - start).max(0.0)).sum();
        let censored = self.blocks.iter().filter(|b| b.in_event).count();
        let count = PRIOR + top.saturating_sub(censored) as f64;
        let per_block = -(1.0 - share).ln();
        let sum = PRIOR + excesses / gumbel_excess(per_block);
        // An event may last over several blocks, and counts once: the runs estimate of the extremal index (Smith and Weissman
        // 1994), less the neighbors that chance brings.
        let over = |b: &Block| b.counted() >= start;
        let pairs = self.blocks.iter().zip(self.blocks.iter().skip(1));
        let ends = pairs.filter(|(a, b)| over(a) && !over(b)).count() as f64;
        let apart = ((ends + 1.0) / (top as f64 + 1.0) / (1.0 - share)).clamp(0.5, 1.0);
        let per_block = apart * per_block;
        let expected = self.n_blocks as f64 * per_block;
        let once = start + sum * (expected.max(1.0).powf(1.0 / count) - 1.0);
        let noted = once.min(start + NOTED * sum / count);
        Fitted { start, per_block, sum, count, once, noted }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::rng::{generator, uniform};

    #[test]
    fn a_gumbel_variable_exceeds_its_quantiles_by_this() {
        for y in [0.02_f64, 0.2877, std::f64::consts::LN_2] {
            // The tail summed in small steps upward from the quantile, to where nothing is left.
            let start = -y.ln();
            let tail = |x: f64| -(-(-x).exp()).exp_m1();
            let sum: f64 = (0..400_000).map(|i| tail(start + (f64::from(i) + 0.5) * 1e-4) * 1e-4).sum();
            assert!((sum / tail(start) - gumbel_excess(y)).abs() < 1e-6, "{y}");
        }
    }

    #[test]
    fn exponential_surprises_keep_their_rate_and_monsters_are_censored() {
        fn of(_: usize, deviation: f64) -> f64 {
            deviation
        }
        let peak = |surprise: f64| Peak { surprise, view: 0, deviation: surprise };
        let mut rng = generator(1, 5);
        let mut rate = EventRate::new(10);
        for i in 0..5000 {
            rate.push(peak(-(1.0 - uniform(&mut rng)).ln()), f64::from(i) * 0.01, None, false, &mut of);
        }
        let common = rate.judge(peak(5.0), 50.0, 0.1, false, &mut of).unwrap();
        assert!((common.per_block / (10.0 * (-5.0_f64).exp()) - 1.0).abs() < 0.4, "{common:?}");
        let monster = |rate: &mut EventRate, day: f64| {
            let rated = rate.judge(peak(40.0), day, 0.1, false, &mut of);
            rate.push(peak(40.0), day, rated, false, &mut of);
            (1..10).for_each(|i| rate.push(peak(0.5), day + f64::from(i) * 0.01, None, false, &mut of));
            rated.unwrap()
        };
        // The second of its size still is an event, the third in a row is not.
        assert!(monster(&mut rate, 50.0).event && monster(&mut rate, 50.5).event);
        assert!(rate.judge(peak(20.0), 50.6, 0.1, false, &mut of).unwrap().per_block > 0.05);
        assert!(!monster(&mut rate, 51.0).event);
        assert!(EventRate::new(3).judge(peak(1.0), 0.0, 1.0, false, &mut of).is_none());
    }
}
