//! Seeded chance: one independent stream of numbers for each asset and purpose.
//!
//! Knows distributions alone, nothing of what is drawn.

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution as _, Gamma, Poisson, StandardNormal};

/// What a stream is for, so that drawing more of one thing never moves another.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Purpose {
    Life,
    Hourly,
    Desk,
    Background,
}

/// A stream of random numbers.
#[derive(Debug)]
pub(crate) struct Chance(ChaCha8Rng);

impl Chance {
    pub(crate) fn new(seed: u64, purpose: Purpose, index: u64) -> Self {
        let mut generator = ChaCha8Rng::seed_from_u64(seed);
        generator.set_stream(index * 8 + purpose as u64);
        Self(generator)
    }

    /// Uniform in `[0, 1)`.
    pub(crate) fn unit(&mut self) -> f64 {
        self.0.random::<f64>()
    }

    pub(crate) fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// A whole number in `[0, n)`.
    pub(crate) fn below(&mut self, n: usize) -> usize {
        ((self.unit() * n as f64) as usize).min(n.saturating_sub(1))
    }

    pub(crate) fn happens(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    pub(crate) fn normal(&mut self, mean: f64, sd: f64) -> f64 {
        let z: f64 = StandardNormal.sample(&mut self.0);
        mean + sd * z
    }

    /// One of the items.
    pub(crate) fn pick<T: Copy>(&mut self, items: &[T]) -> T {
        items[self.below(items.len())]
    }

    /// The index of one of the weights, in proportion to them.
    pub(crate) fn weighted(&mut self, weights: &[f64]) -> usize {
        let mut left = self.unit() * weights.iter().sum::<f64>();
        for (i, w) in weights.iter().enumerate() {
            left -= w;
            if left < 0.0 {
                return i;
            }
        }
        weights.len() - 1
    }

    pub(crate) fn poisson(&mut self, mean: f64) -> u32 {
        // Below the smallest mean that matters, and where the mean is not a number, nothing happens.
        Poisson::new(mean).map_or(0, |law| law.sample(&mut self.0) as u32)
    }

    /// Negative binomial: a Poisson count whose mean is itself gamma distributed with this shape.
    pub(crate) fn negative_binomial(&mut self, mean: f64, shape: f64) -> u32 {
        let lambda = Gamma::new(shape, mean / shape).map_or(0.0, |law| law.sample(&mut self.0));
        self.poisson(lambda)
    }

    /// Days until an event with this daily probability, 0 if it happens on the first.
    pub(crate) fn geometric(&mut self, probability: f64) -> i64 {
        ((1.0 - self.unit()).ln() / (1.0 - probability).ln()).floor() as i64
    }
}
