//! How many of a list will fail: a distribution from the probabilities on it and from how earlier lists kept their
//! promises. It does not know what is on the list.

use crate::error::{ModelError, in_range};
use crate::special::{gamma_quantile, normal_half_width};

/// Failures that the probabilities of an earlier list promised, and those that came.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Promise {
    /// The sum of the probabilities, at least 0.
    pub promised: f64,
    /// Failures that came, at least 0.
    pub came: f64,
}

/// Failures expected on a list.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Caught {
    /// The mean.
    pub mean: f64,
    /// Fewer come with a probability of at most half of what the interval leaves out.
    pub low: f64,
    /// More come with a probability of at most half of what the interval leaves out.
    pub high: f64,
}

/// Failures of evidence that probabilities are right, before any list was judged.
const PRIOR: f64 = 4.0;
/// Lists that say that failures come as independently as the probabilities have it, before any was judged.
const PRIOR_LISTS: f64 = 1.0;
/// Values of the ratio that the distribution is averaged over.
const N_RATIOS: usize = 40;
/// From so many places on, a normal distribution serves.
const MANY: usize = 400;

/// P(k of the events happen) for k from 0: independent events with these probabilities (Poisson, 1837).
fn poisson_binomial(p: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut d = vec![1.0];
    for p in p {
        d.push(0.0);
        for k in (0..d.len()).rev() {
            d[k] = d[k] * (1.0 - p) + if k > 0 { d[k - 1] * p } else { 0.0 };
        }
    }
    d
}

/// Failures expected among assets with these `probabilities` (each in `[0, 1]`), with an interval that holds at least
/// `level` (in `(0, 1)`).
///
/// The ratio of what came to what was promised has a gamma distribution: with `past` lists about what they say, shrunk to
/// 1 by four failures of prior evidence, wider where the lists differ more than chance makes them (Pearson's statistic,
/// shrunk to 1 by one list); without them about 1.
///
/// # Errors
///
/// A probability is outside `[0, 1]`, a promise is negative or not finite, or `level` is outside `(0, 1)`.
///
/// # Example
///
/// ```
/// use forewarn_models::{Promise, expected_caught};
/// // Ten thousand kept promises: the list of 20 with 45 % each is as good as binomial, 9 (6 to 12).
/// let kept = [Promise { promised: 1e4, came: 1e4 }; 9];
/// let caught = expected_caught(&[0.45; 20], &kept, 0.8)?;
/// assert!((caught.mean - 9.0).abs() < 0.01);
/// assert_eq!((caught.low, caught.high), (6.0, 12.0));
/// assert!(expected_caught(&[1.5], &[], 0.8).is_err());
/// # Ok::<(), forewarn_models::ModelError>(())
/// ```
pub fn expected_caught(probabilities: &[f64], past: &[Promise], level: f64) -> Result<Caught, ModelError> {
    for &p in probabilities {
        in_range((0.0..=1.0).contains(&p), "probability", p, "from 0 to 1")?;
    }
    for x in past.iter().flat_map(|p| [p.promised, p.came]) {
        in_range(x.is_finite() && x >= 0.0, "promise", x, "finite and at least 0")?;
    }
    in_range(level > 0.0 && level < 1.0, "level", level, "above 0 and below 1")?;
    let (came, promised) =
        past.iter().fold((PRIOR, PRIOR), |(c, p), list| (c + list.came, p + list.promised));
    let ratio = came / promised;
    let told: Vec<&Promise> = past.iter().filter(|p| p.promised > 0.0).collect();
    let pearson: f64 =
        told.iter().map(|p| (p.came - ratio * p.promised).powi(2) / (ratio * p.promised)).sum();
    let free = (told.len() as f64 - 1.0).max(0.0);
    let spread = ((pearson + PRIOR_LISTS) / (free + PRIOR_LISTS)).max(1.0);
    let sum: f64 = probabilities.iter().sum();
    if sum == 0.0 {
        return Ok(Caught { mean: 0.0, low: 0.0, high: 0.0 });
    }
    // The ratio is not known exactly, and differs from list to list by what chance does not explain.
    // A few lists do not tell exactly how much: Student's t, by its variance.
    let few = if free > 0.0 { (free + 3.0) / (free + 1.0) } else { 1.0 };
    let variance = few * (spread * ratio / promised + (spread - 1.0) * ratio / sum);
    let tail = (1.0 - level) / 2.0;
    let capped = |ratio: f64| probabilities.iter().map(move |p| (p * ratio).min(1.0));
    if probabilities.len() >= MANY {
        let mean: f64 = capped(ratio).sum();
        let own: f64 = capped(ratio).map(|p| p * (1.0 - p)).sum();
        let half = normal_half_width(level) * (own + variance * sum * sum).sqrt();
        let (low, high) = ((mean - half).floor().max(0.0), (mean + half).ceil());
        return Ok(Caught { mean, low, high: high.min(probabilities.len() as f64) });
    }
    let (shape, rate) = (ratio * ratio / variance, ratio / variance);
    let mut d = vec![0.0; probabilities.len() + 1];
    for i in 0..N_RATIOS {
        let q = (i as f64 + 0.5) / N_RATIOS as f64;
        let of_ratio = poisson_binomial(capped(gamma_quantile(q, shape, rate)));
        d.iter_mut().zip(of_ratio).for_each(|(d, x)| *d += x / N_RATIOS as f64);
    }
    let mean = d.iter().enumerate().map(|(k, p)| k as f64 * p).sum();
    let quantile = |q: f64| {
        let mut below = 0.0;
        let at = d.iter().position(|p| {
            below += p;
            // Sums of hundreds of terms: a rounding error is no reason for one more.
            below >= q - 1e-12
        });
        at.unwrap_or(d.len() - 1) as f64
    };
    Ok(Caught { mean, low: quantile(tail), high: quantile(1.0 - tail) })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::rng::{generator, uniform};

    #[test]
    fn independent_events_sum_as_published() {
        // Binomial(5, 0.3), and three unlike events by hand.
        let check = |p: &[f64], want: &[f64]| {
            for (a, b) in poisson_binomial(p.iter().copied()).iter().zip(want) {
                assert!((a - b).abs() < 6e-5, "{p:?}: {a} {b}");
            }
        };
        check(&[0.3; 5], &[0.1681, 0.3602, 0.3087, 0.1323, 0.0284, 0.0024]);
        check(&[0.5, 0.2, 0.1], &[0.36, 0.49, 0.14, 0.01]);
        check(&[0.0, 1.0], &[0.0, 1.0, 0.0]);
    }

    #[test]
    fn what_earlier_lists_broke_is_not_promised_again() {
        let check = |past: &[Promise], want: (f64, f64)| {
            let c = expected_caught(&[0.5; 20], past, 0.8).unwrap();
            assert!(
                c.mean >= want.0 && c.mean <= want.1 && c.low <= c.mean && c.mean <= c.high,
                "{past:?} {c:?}"
            );
        };
        check(&[], (9.5, 10.0));
        check(&[Promise { promised: 50.0, came: 25.0 }; 4], (4.9, 5.5));
        check(&[Promise { promised: 0.0, came: 0.0 }; 4], (9.5, 10.0));
        assert!(expected_caught(&[0.1], &[Promise { promised: f64::NAN, came: 1.0 }], 0.8).is_err());
        assert!(expected_caught(&[0.1], &[], 1.0).is_err());
        assert_eq!(expected_caught(&[], &[], 0.8).unwrap(), Caught { mean: 0.0, low: 0.0, high: 0.0 });
    }

    #[test]
    fn intervals_hold_where_lists_promise_too_much_and_differ() {
        // Probabilities are a third too high, and how much so differs from list to list.
        for (scatter, n_list) in [(0.0, 20), (0.35, 20), (0.2, 500)] {
            let mut rng = generator(7, 0);
            let (mut held, n) = (0, 2_000_u32);
            for _ in 0..n {
                let list: Vec<f64> = (0..n_list).map(|_| 0.1 + 0.5 * uniform(&mut rng)).collect();
                let mut come = |list: &[f64]| {
                    let ratio = 0.75 * (1.0 + scatter * (2.0 * uniform(&mut rng) - 1.0));
                    list.iter().filter(|p| uniform(&mut rng) < *p * ratio).count() as f64
                };
                let promised: f64 = list.iter().sum();
                let past: Vec<Promise> = (0..6).map(|_| Promise { promised, came: come(&list) }).collect();
                let said = expected_caught(&list, &past, 0.8).unwrap();
                let came = come(&list);
                held += u32::from(said.low <= came && came <= said.high);
            }
            let share = f64::from(held) / f64::from(n);
            assert!((0.75..=0.91).contains(&share), "{scatter} {n_list}: {share}");
        }
    }
}
