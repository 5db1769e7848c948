//! How far out a deviation is among the earlier ones of its kind, as the negative logarithm of a tail probability. It
//! does not know what deviates.

use super::ordered::Ordered;

/// Deviations that the tail is judged by.
const MEMORY: usize = 2048;
/// Deviations below which nothing is said.
const LEAST: usize = 16;
/// No surprise is larger: beyond it the ratio of two deviations says nothing of how likely they are.
const MOST: f64 = 60.0;

/// The upper tail of deviations (>= 0): a Pareto tail through two of their own quantiles, so that one or two monstrous
/// deviations in the past move it no more than two large ones would.
#[derive(Debug, Clone)]
pub(super) struct Tail {
    deviations: Ordered,
    every: usize,
    skipped: usize,
    alike: f64,
}

/// What the tail says of one deviation.
#[derive(Debug, Clone, Copy)]
pub(super) struct Judged {
    /// About `-ln P(a deviation as large)`.
    pub(super) surprise: f64,
    /// What the deviation may count as in the tail where it belongs to an event.
    pub(super) cap: f64,
}

impl Tail {
    /// A tail that keeps one deviation of `every` (>= 1), about `alike` (>= 1) neighbors of which say the same.
    pub(super) fn new(every: usize, alike: f64) -> Self {
        Self { deviations: Ordered::new(MEMORY / every), every, skipped: 0, alike }
    }

    pub(super) fn push(&mut self, deviation: f64) {
        self.skipped += 1;
        if self.skipped == self.every {
            self.skipped = 0;
            self.deviations.push(deviation);
        }
    }

    /// The typical deviation; 0 before the first.
    pub(super) fn typical(&self) -> f64 {
        self.deviations.median().unwrap_or(0.0)
    }

    /// Judges a deviation (>= 0); deviations below `floor` (> 0) count as no deviation to speak of. `None` while there
    /// are too few earlier ones.
    pub(super) fn judge(&self, deviation: f64, floor: f64) -> Option<Judged> {
        let n = self.deviations.len();
        if n < LEAST {
            return None;
        }
        // About fifteen independent deviations lie beyond the far quantile, so that it is not one of a few outliers.
        let far = (15.0 * self.alike / n as f64).clamp(0.01, 0.25);
        let near = (10.0 * far).min(0.5);
        let at_far = self.deviations.upper_quantile(far)?.max(floor);
        let at_near = self.deviations.upper_quantile(near)?.max(0.5 * floor);
        let (ln_far, ln_near) = (-far.ln(), -near.ln());
        let surprise = if deviation <= at_near {
            ln_near * deviation / at_near
        } else {
            let ratio = (at_far / at_near).max(1.0);
            let index = ((ln_far - ln_near) / ratio.ln().max(1e-9)).clamp(0.5, 10.0);
            ln_far + index * (deviation / at_far).ln()
        };
        Some(Judged { surprise: surprise.clamp(0.0, MOST), cap: at_far })
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn tail(of: impl Fn(f64) -> f64) -> Tail {
        let mut tail = Tail::new(1, 1.0);
        // A fixed shuffle of the quantiles of a distribution; 619 has no divisor in common with 2000.
        for i in 0..2000 {
            tail.push(of((f64::from(i * 619 % 2000) + 0.5) / 2000.0));
        }
        tail
    }

    #[test]
    fn a_pareto_tail_is_read_exactly_and_extended() {
        let pareto = tail(|u| (1.0 - u).powf(-1.0 / 3.0));
        for ln_p in [3.0, 5.0, 10.0, 20.0] {
            let x = f64::exp(ln_p / 3.0);
            let found = pareto.judge(x, 1e-9).unwrap().surprise;
            assert!((found / ln_p - 1.0).abs() < 0.05, "{ln_p}: {found}");
        }
        assert!(pareto.judge(1e90, 1e-9).unwrap().surprise <= MOST);
    }

    #[test]
    fn few_and_equal_deviations() {
        let mut few = Tail::new(1, 1.0);
        for _ in 0..LEAST {
            assert!(few.judge(1.0, 1.0).is_none());
            few.push(0.0);
        }
        assert!(few.judge(0.0, 1.0).unwrap().surprise == 0.0);
        assert!(few.judge(50.0, 1.0).unwrap().surprise > 5.0);
    }
}
