//! How far out a deviation is among the earlier ones of its kind, as the negative logarithm of a tail probability. It
//! does not know what deviates.

use super::ordered::Ordered;
use std::sync::LazyLock;

/// Deviations that the tail is judged by.
const MEMORY: usize = 2048;
/// Deviations below which nothing is said.
const LEAST: usize = 16;
/// Independent deviations that the shape of the tail is read from.
const TOP: f64 = 15.0;
/// Logarithms of the numbers of deviations: most readings are judged by two of them.
static LN: LazyLock<Vec<f64>> = LazyLock::new(|| (0..=MEMORY).map(|n| (n as f64).ln()).collect());
/// No surprise is larger: beyond it the ratio of two deviations says nothing of how likely they are.
const MOST: f64 = 60.0;

/// How a tail goes on beyond the largest deviations.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Shape {
    /// As a power: single readings, which may be wild (Hill 1975).
    Power,
    /// As an exponential: means of bounded scores, which are nearly normal.
    Exponential,
}

/// The upper tail of deviations (>= 0): by rank among earlier ones, and beyond the largest by a tail fitted to those.
#[derive(Debug, Clone)]
pub(super) struct Tail {
    deviations: Ordered,
    shape: Shape,
    every: usize,
    skipped: usize,
    alike: f64,
    fit: Option<Fit>,
}

/// The largest deviations, summed up.
#[derive(Debug, Clone, Copy)]
struct Fit {
    top: usize,
    floor: f64,
    /// The largest deviation that is not among them, or the floor.
    start: f64,
    /// Sum of what lies beyond the start.
    excess: f64,
}

/// What the tail says of one deviation.
#[derive(Debug, Clone, Copy)]
pub(super) struct Judged {
    /// About `-ln P(a deviation as large)`.
    pub(super) surprise: f64,
    /// What the deviation may count as in the tail where it belongs to an event: what comes once in the time remembered.
    pub(super) cap: f64,
}

impl Tail {
    /// A tail that keeps one deviation of `every` (>= 1), each over `span` (>= `every`) readings.
    pub(super) fn new(shape: Shape, every: usize, span: usize) -> Self {
        // Deviations over a span overlap; those of half a span count as one.
        let alike = (0.5 * span as f64 / every as f64).max(1.0);
        Self { deviations: Ordered::new(MEMORY / every), shape, every, skipped: 0, alike, fit: None }
    }

    pub(super) fn push(&mut self, deviation: f64) {
        self.skipped += 1;
        if self.skipped == self.every {
            self.skipped = 0;
            let gone = self.deviations.push(deviation);
            if self.fit.is_some_and(|f| deviation >= f.start || gone.is_some_and(|g| g >= f.start)) {
                self.fit = None;
            }
        }
    }

    /// Sums up the largest deviations where they changed; deviations below `floor` (> 0) count as none to speak of. Called
    /// before the judging that follows a push.
    pub(super) fn prepare(&mut self, floor: f64) {
        let n = self.deviations.len();
        if n < LEAST {
            return;
        }
        let top = ((TOP * self.alike) as usize).min(n / 2);
        let holds = |f: &Fit| f.top == top && (f.floor - floor).abs() < f64::EPSILON * floor;
        if self.fit.as_ref().is_some_and(|f| holds(f) || (f.top == top && f.start > f.floor.max(floor))) {
            return;
        }
        let start = self.deviations.largest(top + 1).max(floor);
        let excess = (1..=top).map(|k| self.beyond(self.deviations.largest(k).max(start), start)).sum();
        self.fit = Some(Fit { top, floor, start, excess });
    }

    fn beyond(&self, deviation: f64, start: f64) -> f64 {
        match self.shape {
            Shape::Power => (deviation / start).ln(),
            Shape::Exponential => deviation - start,
        }
    }

    /// How many earlier deviations are below this one.
    pub(super) fn n_below(&self, deviation: f64) -> usize {
        self.deviations.n_below(deviation)
    }

    /// The place of a deviation, with `below` earlier ones below it, from -1 (the smallest) to 1; 0 before the first.
    pub(super) fn place(&self, deviation: f64, below: usize) -> f64 {
        self.deviations.place(deviation, below)
    }

    /// Judges a deviation (>= 0) with `below` earlier ones below it. `None` while there are too few earlier ones.
    pub(super) fn judge(&self, deviation: f64, below: usize) -> Option<Judged> {
        self.judge_by(deviation, below, 0.0)
    }

    /// As [`Tail::judge`], for a deviation that was learned since: itself and its neighbors are left out of the tail.
    pub(super) fn judge_anew(&self, deviation: f64) -> Option<Judged> {
        self.judge_by(deviation, self.n_below(deviation), self.alike)
    }

    fn judge_by(&self, deviation: f64, below: usize, own: f64) -> Option<Judged> {
        let Fit { top, start, excess, .. } = self.fit?;
        let n = self.deviations.len();
        if deviation < start {
            let larger = (n - below).max(top);
            return Some(Judged { surprise: LN[n] - LN[larger], cap: f64::INFINITY });
        }
        let of = |d: f64| self.beyond(d, start);
        let (excess, count) = if own > 0.0 {
            let mine = of(deviation.min(self.deviations.largest(1)).max(start));
            ((excess - own * mine).max(0.0), (top as f64 - own).max(1.0))
        } else {
            (excess, top as f64)
        };
        // A tail without any width is that of a series that hardly moves; a tenth of the start is kept.
        let scale = (excess / count).max(of(1.1 * start));
        let at_start = (n as f64 / count).ln();
        let beyond = of(deviation.max(start));
        let once = (top as f64).ln() * scale;
        let cap = match self.shape {
            Shape::Power => start * once.exp(),
            Shape::Exponential => start + once,
        };
        // The scale is known from so many independent deviations, which makes the tail of what comes next a Lomax tail.
        let known = (count / self.alike).max(1.0);
        let surprise = at_start + known * (beyond / (known * scale)).ln_1p();
        Some(Judged { surprise: surprise.clamp(0.0, MOST), cap })
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn tail(of: impl Fn(f64) -> f64) -> Tail {
        let mut tail = Tail::new(Shape::Power, 1, 1);
        // A fixed shuffle of the quantiles of a distribution; 619 has no divisor in common with 2000.
        for i in 0..2000 {
            tail.push(of((f64::from(i * 619 % 2000) + 0.5) / 2000.0));
        }
        tail.prepare(1e-9);
        tail
    }

    #[test]
    fn a_pareto_tail_is_read_exactly_and_extended() {
        let pareto = tail(|u| (1.0 - u).powf(-1.0 / 3.0));
        for ln_p in [3.0, 5.0, 10.0, 20.0] {
            let x = f64::exp(ln_p / 3.0);
            let found = pareto.judge(x, pareto.n_below(x)).unwrap().surprise;
            assert!((found / ln_p - 1.0).abs() < 0.25, "{ln_p}: {found}");
        }
        assert!(pareto.judge(1e90, pareto.n_below(1e90)).unwrap().surprise <= MOST);
    }

    #[test]
    fn few_and_equal_deviations() {
        let mut few = Tail::new(Shape::Power, 1, 1);
        for _ in 0..LEAST {
            assert!(few.judge(1.0, few.n_below(1.0)).is_none());
            few.push(0.0);
        }
        few.prepare(1.0);
        assert!(few.judge(0.0, few.n_below(0.0)).unwrap().surprise == 0.0);
        assert!(few.judge(50.0, few.n_below(50.0)).unwrap().surprise > 5.0);
    }
}
