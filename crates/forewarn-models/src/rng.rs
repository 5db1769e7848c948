//! Seeded randomness: the same seed gives the same numbers on every machine and thread count. It does not
//! know the clock.

use rand::Rng;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// A generator for replicate `stream` of a seed; streams of one seed are independent.
pub(crate) fn generator(seed: u64, stream: u64) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(stream);
    rng
}

/// A uniform number in `[0, 1)` with 53 random bits.
pub(crate) fn uniform(rng: &mut ChaCha8Rng) -> f64 {
    (rng.next_u64() >> 11) as f64 * (1.0 / 9_007_199_254_740_992.0)
}

/// `n` draws from a Poisson distribution of mean 1: how often each unit appears in one bootstrap sample.
///
/// ```
/// use forewarn_models::poisson_one_weights;
/// let w = poisson_one_weights(7, 10_000);
/// assert_eq!(w, poisson_one_weights(7, 10_000));
/// assert!((w.iter().sum::<f64>() / 10_000.0 - 1.0).abs() < 0.05);
/// ```
pub fn poisson_one_weights(seed: u64, n: usize) -> Vec<f64> {
    poisson_one_stream(seed, 0, n)
}

/// As [`poisson_one_weights`], for one of many replicates of a seed.
pub(crate) fn poisson_one_stream(seed: u64, stream: u64, n: usize) -> Vec<f64> {
    let mut rng = generator(seed, stream);
    (0..n).map(|_| poisson_one(uniform(&mut rng))).collect()
}

/// Inverts the distribution function; the loop ends because the tail underflows long before 30.
fn poisson_one(u: f64) -> f64 {
    let mut term = (-1.0_f64).exp();
    let mut below = term;
    let mut k = 0.0;
    while u >= below && k < 30.0 {
        k += 1.0;
        term /= k;
        below += term;
    }
    k
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_differ_and_repeat() {
        assert_ne!(poisson_one_stream(1, 0, 50), poisson_one_stream(1, 1, 50));
        assert_eq!(poisson_one_stream(1, 3, 50), poisson_one_stream(1, 3, 50));
        assert_eq!(poisson_one(0.0), 0.0);
        assert_eq!(poisson_one(0.3679), 1.0);
        assert!(poisson_one(1.0 - 1e-16) > 10.0);
    }
}
