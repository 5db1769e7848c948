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
    /// Deviations that the shape is read from.
    top: usize,
    fit: Option<Fit>,
}

/// The largest deviations, summed up.
#[derive(Debug, Clone, Copy)]
struct Fit {
    top: usize,
    floor: f64,
    /// The largest deviation that is not among them, or the floor.
    start: f64,
    /// Sum of what lies beyond the start, once it was asked for.
    excess: Option<f64>,
}

/// The fitted tail beyond its start.
#[derive(Debug, Clone, Copy)]
struct Beyond {
    count: f64,
    scale: f64,
}

impl Tail {
    /// A tail that keeps one deviation of `every` (>= 1), each over `span` (>= `every`) readings.
    pub(super) fn new(shape: Shape, every: usize, span: usize) -> Self {
        // Deviations over a span overlap; those of half a span count as one.
        let alike = (0.5 * span as f64 / every as f64).max(1.0);
        let top = (TOP * alike) as usize;
        Self { deviations: Ordered::new(MEMORY / every), shape, every, skipped: 0, alike, top, fit: None }
    }

    /// Learns a deviation; `below` is how many earlier ones are below it, where that is known.
    pub(super) fn push(&mut self, deviation: f64, below: Option<usize>) {
        self.skipped += 1;
        if self.skipped == self.every {
            self.skipped = 0;
            let below = below.unwrap_or_else(|| self.n_below(deviation));
            let gone = self.deviations.push_at(deviation, below);
            if self.fit.is_some_and(|f| deviation >= f.start || gone.is_some_and(|g| g >= f.start)) {
                self.fit = None;
            }
        }
    }

    /// Finds where the tail begins, where it changed; deviations below `floor` (> 0) count as none to speak of. Called before
    /// the judging that follows a push.
    pub(super) fn prepare(&mut self, floor: f64) {
        let n = self.deviations.len();
        if n < LEAST {
            return;
        }
        let top = self.top.min(n / 2);
        let holds = |f: &Fit| f.top == top && (f.floor - floor).abs() < f64::EPSILON * floor;
        if self.fit.as_ref().is_some_and(|f| holds(f) || (f.top == top && f.start > f.floor.max(floor))) {
            return;
        }
        let start = self.deviations.largest(top + 1).max(floor);
        self.fit = Some(Fit { top, floor, start, excess: None });
    }

    /// The sum of what the largest deviations lie beyond the start, which most readings are judged without. What was learned
    /// since the start was found lies below it, or the fit would have been dropped: the sum is the same whenever it is asked
    /// for.
    fn excess(&self, fit: &Fit) -> f64 {
        fit.excess.unwrap_or_else(|| {
            let largest = self.deviations.top(fit.top);
            largest.map(|d| self.beyond(d.max(fit.start), fit.start)).sum()
        })
    }

    fn sum_up(&mut self, fit: Fit) -> Fit {
        let fit = Fit { excess: Some(self.excess(&fit)), ..fit };
        self.fit = Some(fit);
        fit
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

    /// Whether deviations are judged: there are enough earlier ones.
    pub(super) fn judges(&self) -> bool {
        self.fit.is_some()
    }

    /// Whether a deviation is surely no more surprising than `surprise`, at one look: by its rank, told to an eighth, a quarter or
    /// a half, or, beyond the start, by an exponential tail of the scale at hand, which is thinner than one of unknown scale.
    pub(super) fn is_usual(&mut self, deviation: f64, surprise: f64) -> bool {
        let Some(fit) = self.fit else { return false };
        let n = self.deviations.len();
        if deviation < fit.start {
            return [3, 2, 1].into_iter().map(|halved| (n >> halved).max(1)).any(|larger| {
                LN[n] - LN[larger.max(fit.top)] <= surprise && self.deviations.is_among(deviation, larger)
            });
        }
        let at_start = LN[n] - LN[fit.top];
        // Logarithms cost as much as the judging.
        if at_start >= surprise || self.shape == Shape::Power {
            return false;
        }
        let fit = self.sum_up(fit);
        let Beyond { scale, .. } = self.fitted(&fit, deviation, 0.0);
        // `ln(1 + x)` is at most `x`; the rest is rounding.
        at_start + (deviation - fit.start) / scale + 1e-6 <= surprise
    }

    /// The surprise of a deviation (>= 0), about `-ln P(a deviation as large)`, with `below` earlier ones below it. `None` while
    /// there are too few earlier ones.
    pub(super) fn judge(&mut self, deviation: f64, below: usize) -> Option<f64> {
        self.judge_by(deviation, |_| below, 0.0)
    }

    /// As [`Tail::judge`], for a deviation that was learned since: itself and its neighbors are left out of the tail.
    pub(super) fn judge_anew(&mut self, deviation: f64) -> Option<f64> {
        self.judge_by(deviation, |tail| tail.n_below(deviation), self.alike)
    }

    fn judge_by(&mut self, deviation: f64, below: impl FnOnce(&Self) -> usize, own: f64) -> Option<f64> {
        let fit = self.fit?;
        let n = self.deviations.len();
        if deviation < fit.start {
            let larger = (n - below(self)).max(fit.top);
            return Some(LN[n] - LN[larger]);
        }
        let fit = self.sum_up(fit);
        let Beyond { count, scale } = self.fitted(&fit, deviation, own);
        let at_start = (n as f64 / count).ln();
        let beyond = self.beyond(deviation.max(fit.start), fit.start);
        // The scale is known from so many independent deviations, which makes the tail of what comes next a Lomax tail.
        let known = (count / self.alike).max(1.0);
        let surprise = at_start + known * (beyond / (known * scale)).ln_1p();
        Some(surprise.clamp(0.0, MOST))
    }

    fn fitted(&self, fit: &Fit, deviation: f64, own: f64) -> Beyond {
        let of = |d: f64| self.beyond(d, fit.start);
        let (excess, top) = (self.excess(fit), fit.top as f64);
        let (excess, count) = if own > 0.0 {
            let mine = of(deviation.min(self.deviations.largest(1)).max(fit.start));
            ((excess - own * mine).max(0.0), (top - own).max(1.0))
        } else {
            (excess, top)
        };
        // A tail without any width is that of a series that hardly moves; a tenth of the start is kept.
        Beyond { count, scale: (excess / count).max(of(1.1 * fit.start)) }
    }

    /// What a deviation may count as in the tail where it belongs to an event: what comes once in the time remembered.
    pub(super) fn cap(&self, deviation: f64) -> f64 {
        let Some(fit) = self.fit.filter(|f| deviation >= f.start) else { return f64::INFINITY };
        let once = (fit.top as f64).ln() * self.fitted(&fit, deviation, 0.0).scale;
        match self.shape {
            Shape::Power => fit.start * once.exp(),
            Shape::Exponential => fit.start + once,
        }
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
            tail.push(of((f64::from(i * 619 % 2000) + 0.5) / 2000.0), None);
        }
        tail.prepare(1e-9);
        tail
    }

    #[test]
    fn a_pareto_tail_is_read_exactly_and_extended() {
        let mut pareto = tail(|u| (1.0 - u).powf(-1.0 / 3.0));
        for ln_p in [3.0, 5.0, 10.0, 20.0] {
            let x = f64::exp(ln_p / 3.0);
            let found = pareto.judge(x, pareto.n_below(x)).unwrap();
            assert!((found / ln_p - 1.0).abs() < 0.25, "{ln_p}: {found}");
        }
        assert!(pareto.judge(1e90, pareto.n_below(1e90)).unwrap() <= MOST);
    }

    #[test]
    fn few_and_equal_deviations() {
        let mut few = Tail::new(Shape::Power, 1, 1);
        for _ in 0..LEAST {
            assert!(few.judge(1.0, few.n_below(1.0)).is_none());
            few.push(0.0, None);
        }
        few.prepare(1.0);
        assert!(few.judge(0.0, few.n_below(0.0)).unwrap() == 0.0);
        assert!(few.judge(50.0, few.n_below(50.0)).unwrap() > 5.0);
    }
}
