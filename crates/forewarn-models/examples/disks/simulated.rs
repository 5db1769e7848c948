//! The simulated disks: how each is written to and cleaned, what its monitor shows of it, and what somebody who knows
//! how it was made would foretell. It does not know the methods that are judged.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// The level whose crossing is foretold.
pub(crate) const THRESHOLD: f64 = 90.0;
/// Days within which it is foretold.
pub(crate) const HORIZON_DAYS: usize = 180;
/// Futures that are drawn for one disk.
const FUTURES: usize = 200;

/// The kinds and their shares.
pub(crate) const KINDS: [(&str, f64); 7] = [
    ("stable", 0.45),
    ("creeping", 0.15),
    ("filling", 0.14),
    ("slowing", 0.07),
    ("accelerating", 0.04),
    ("cleaned by rule", 0.08),
    ("wandering", 0.07),
];

/// Random numbers.
pub(crate) struct Draw(pub(crate) ChaCha8Rng);

impl Draw {
    pub(crate) fn share(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 / 9_007_199_254_740_992.0
    }
    fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.share()
    }
    /// Evenly on the scale of logarithms.
    fn scale(&mut self, low: f64, high: f64) -> f64 {
        (self.between(low.ln(), high.ln())).exp()
    }
    pub(crate) fn normal(&mut self) -> f64 {
        (-2.0 * (1.0 - self.share()).ln()).sqrt() * (std::f64::consts::TAU * self.share()).cos()
    }
}

/// What is written in a day, before anything is deleted.
enum Writing {
    Steady(f64),
    Wobbling { rate: f64, start: usize, wobble: f64 },
    Slowing { rate: f64, start: f64, half: f64 },
    Accelerating { rate: f64, today: f64, double: f64 },
    Wandering(f64),
}

impl Writing {
    /// What is written on day `i` for a rate of 1, and the standard deviation of what is drawn besides.
    fn shape(&self, i: usize) -> (f64, f64) {
        match self {
            Self::Steady(rate) => (f64::from(u8::from(*rate > 0.0)), 0.0),
            Self::Wobbling { start, .. } if i < *start => (0.0, 0.0),
            Self::Wobbling { rate, wobble, .. } => (1.0, rate * wobble),
            Self::Slowing { start, half, .. } => ((-(i as f64 - start).max(0.0) / half).exp(), 0.0),
            Self::Accelerating { today, double, .. } => (((i as f64 - today) / double).exp2(), 0.0),
            Self::Wandering(step) => (0.0, *step),
        }
    }

    fn on(&self, i: usize, d: &mut Draw) -> f64 {
        match self {
            Self::Steady(rate) => *rate,
            Self::Wobbling { start, .. } if i < *start => 0.0,
            Self::Wobbling { rate, wobble, .. } => rate * (1.0 + wobble * d.normal()),
            Self::Slowing { rate, start, half } => rate * (-(i as f64 - start).max(0.0) / half).exp(),
            Self::Accelerating { rate, today, double } => rate * ((i as f64 - today) / double).exp2(),
            Self::Wandering(step) => step * d.normal(),
        }
    }
}

/// What is deleted.
struct Deleting {
    limit: f64,
    freed: f64,
    chance: f64,
}

impl Deleting {
    fn after(&self, mut at: f64, d: &mut Draw) -> f64 {
        if at > self.limit + d.normal() {
            at -= self.freed * d.between(0.8, 1.2);
        }
        if d.share() < self.chance {
            at -= d.between(2.0, 15.0);
        }
        at.clamp(1.0, 100.0)
    }
}

/// One disk.
pub(crate) struct Disk {
    pub(crate) kind: &'static str,
    /// What its monitor shows.
    pub(crate) seen: Vec<f64>,
    /// Days until the level itself, without noise, is at the threshold.
    pub(crate) crosses: Option<f64>,
    writing: Writing,
    deleting: Deleting,
    today: f64,
    /// The past level and its noise, as if nothing had been deleted, and what has been.
    calm: Vec<f64>,
    deleted: f64,
    noise: f64,
    memory: f64,
}

impl Disk {
    /// The level of a disk, day by day, past and future; then what its monitor shows. `None` where it is full already.
    pub(crate) fn drawn(seed: u64, number: u64) -> Option<Self> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(number);
        let mut d = Draw(rng);
        let past = d.between(60.0, 365.0) as usize;
        let n = past + HORIZON_DAYS;
        let mut u = d.share();
        let kind = KINDS
            .iter()
            .find(|k| {
                u -= k.1;
                u < 0.0
            })
            .map_or("stable", |k| k.0);
        let now = d.between(15.0, 89.0);
        let writing = match kind {
            "creeping" => Writing::Steady(d.scale(0.005, 0.08)),
            "filling" => {
                let rate = (THRESHOLD - now) / d.scale(3.0, 150.0);
                let start =
                    if d.share() < 0.5 { 0 } else { past - (d.between(8.0, 60.0) as usize).min(past) };
                Writing::Wobbling { rate, start, wobble: d.between(0.0, 1.0) }
            }
            "slowing" => {
                let (half, start) = (d.between(15.0, 80.0), d.between(0.3, 0.9) * past as f64);
                Writing::Slowing { rate: d.scale(0.1, 1.5), start, half }
            }
            "accelerating" => {
                let double = d.between(25.0, 90.0);
                Writing::Accelerating { rate: d.scale(0.02, 0.5), today: past as f64, double }
            }
            "cleaned by rule" => Writing::Steady(d.scale(0.2, 3.0)),
            "wandering" => Writing::Wandering(d.scale(0.1, 0.8)),
            _ => Writing::Steady(0.0),
        };
        let daily: Vec<f64> = (0..n).map(|i| writing.on(i, &mut d)).collect();
        let limit = if kind == "cleaned by rule" { d.between(70.0, 89.0) } else { f64::INFINITY };
        let freed = d.between(8.0, 35.0);
        let chance = if d.share() < 0.3 { 1.0 / d.between(60.0, 250.0) } else { 0.0 };
        let deleting = Deleting { limit, freed, chance };
        // Back from today to the start, so that today's level is as drawn, where nothing is deleted.
        let mut at = if kind == "cleaned by rule" {
            d.between(30.0, limit)
        } else {
            now - daily[..past].iter().sum::<f64>()
        };
        let (mut level, mut whole) = (Vec::with_capacity(n), Vec::with_capacity(n));
        let mut sum = at;
        for written in &daily {
            at = deleting.after(at + written, &mut d);
            level.push(at);
            sum += written;
            whole.push(sum);
        }
        let deleted = whole[past - 1] - level[past - 1];
        let today = level[past - 1];
        if today >= THRESHOLD {
            return None;
        }
        let crosses = level[past..].iter().position(|v| *v >= THRESHOLD).map(|i| i as f64 + 1.0);
        let shown = Shown::of(&level[..past], &mut d);
        let calm = whole.iter().zip(&shown.noises).map(|(w, n)| w + n).collect();
        Some(Self {
            kind,
            seen: shown.seen,
            crosses,
            writing,
            deleting,
            today,
            calm,
            deleted,
            noise: shown.noise,
            memory: shown.memory,
        })
    }

    /// The day foretold by somebody who knows the kind, its shape and turns, how much it wobbles, every burst, season
    /// and clean-up of the past and how the noise is made, but has to learn level and rate from the days seen
    /// (Kalman's filter of level, rate and noise; no clean-up is expected but by a rule).
    pub(crate) fn knowing_the_kind(&self) -> Option<f64> {
        if self.deleting.limit.is_finite() {
            return None;
        }
        let kept = self.memory;
        let fresh = (1.0 - kept * kept) * self.noise * self.noise;
        // A level and a rate of which nothing is known; the noise has its own variance.
        let mut state = [50.0, 0.0, 0.0];
        let mut p = [[1e4, 0.0, 0.0], [0.0, 1e4, 0.0], [0.0, 0.0, self.noise * self.noise]];
        for (i, value) in self.calm.iter().enumerate() {
            let (shape, wobble) = self.writing.shape(i);
            let lead = [[1.0, shape, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, kept]];
            state = lead.map(|row| (0..3).map(|k| row[k] * state[k]).sum());
            let half = lead.map(|row| [0, 1, 2].map(|j| (0..3).map(|k| row[k] * p[k][j]).sum::<f64>()));
            p = half.map(|row| lead.map(|other| (0..3).map(|k| row[k] * other[k]).sum()));
            p[0][0] += wobble * wobble;
            p[2][2] += fresh;
            let with: [f64; 3] = p.map(|row| row[0] + row[2]);
            let total = with[0] + with[2] + 1e-6;
            let error = value - state[0] - state[2];
            for a in 0..3 {
                state[a] += with[a] * error / total;
            }
            p = [0, 1, 2].map(|a| [0, 1, 2].map(|b| p[a][b] - with[a] * with[b] / total));
        }
        let mut at = state[0] - self.deleted;
        let past = self.calm.len();
        let crossed = (0..HORIZON_DAYS).find(|i| {
            at += state[1] * self.writing.shape(past + i).0;
            at >= THRESHOLD
        });
        crossed.map(|i| i as f64 + 1.0)
    }

    /// The days of crossing (infinite if not within the horizon) in futures drawn anew, sorted: what is left open to
    /// somebody who knows today's level and everything by which the disk is made, but not what will be drawn.
    pub(crate) fn futures(&self, number: u64) -> Vec<f64> {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        rng.set_stream(number);
        let mut d = Draw(rng);
        let past = self.seen.len();
        let mut days: Vec<f64> = (0..FUTURES)
            .map(|_| {
                let mut at = self.today;
                let crossed = (0..HORIZON_DAYS).find(|i| {
                    at = self.deleting.after(at + self.writing.on(past + i, &mut d), &mut d);
                    at >= THRESHOLD
                });
                crossed.map_or(f64::INFINITY, |i| i as f64 + 1.0)
            })
            .collect();
        days.sort_unstable_by(f64::total_cmp);
        days
    }
}

/// What the monitor shows of a level: noise that remembers, bursts, a week, a rotated log, days without a value.
struct Shown {
    seen: Vec<f64>,
    noises: Vec<f64>,
    noise: f64,
    memory: f64,
}

impl Shown {
    fn of(level: &[f64], d: &mut Draw) -> Self {
        let (noise, rho) = (d.scale(0.02, 1.5), d.between(0.0, 0.85));
        let (weekly, rotated, every) =
            (d.scale(0.05, 2.0), d.scale(0.02, 2.5), d.between(4.0, 16.0) as usize);
        let has_week = d.share() < 0.5;
        let has_log = d.share() < 0.4;
        let (burst, height) = (d.between(0.0, 0.04), d.between(1.0, 12.0));
        let mut memory = d.normal();
        let mut left = 0.0;
        let mut noises = Vec::with_capacity(level.len());
        let seen = level
            .iter()
            .enumerate()
            .map(|(i, level)| {
                memory = rho * memory + (1.0 - rho * rho).sqrt() * d.normal();
                noises.push(noise * memory);
                if left <= 0.0 && d.share() < burst {
                    left = d.between(1.0, 3.9).floor();
                }
                let high = if left > 0.0 { height * d.between(0.5, 1.0) } else { 0.0 };
                left -= 1.0;
                let week =
                    if has_week { weekly * if i % 7 < 5 { 2.0 / 7.0 } else { -5.0 / 7.0 } } else { 0.0 };
                let log = if has_log { rotated * ((i % every) as f64 / every as f64 - 0.5) } else { 0.0 };
                let value = (level + noise * memory + week + log + high).clamp(0.0, 100.0);
                if d.share() < 0.02 { f64::NAN } else { (10.0 * value).round() / 10.0 }
            })
            .collect();
        Self { seen, noises, noise, memory: rho }
    }
}
