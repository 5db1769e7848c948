//! Whether a population still looks like the one that was learned from: the population stability index. It does not know
//! what is measured.

/// Bins of a number with many values.
const BINS: usize = 10;

/// How far two samples of one number lie apart.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stability {
    /// The index: the sum over bins of `(now − before) · ln(now / before)` of their shares, 0 where all are alike. By common
    /// usage below 0.1 is stable and above 0.25 is another population (Siddiqi, 2006).
    pub index: f64,
    /// What it would be on average if both were drawn from one population: `(bins − 1) · (1/n + 1/m)` (Yurdakul, 2018).
    pub by_chance: f64,
}

/// The population stability index between two samples; NaN stands for a missing value and is a bin of its own. A number
/// with up to ten values has a bin for each, another is cut at the tenths of `before`. `n_units` says how many independent
/// units (assets) stand behind each sample, where rows repeat them. A share of none counts as half a row.
///
/// `None` where a sample is empty, or all is missing or alike in both.
///
/// ```
/// use forewarn_models::stability;
/// let before: Vec<f64> = (0..1000).map(f64::from).collect();
/// let moved: Vec<f64> = before.iter().map(|v| v + 500.0).collect();
/// assert!(stability(&before, &before, (1000, 1000)).ok_or("defined")?.index < 1e-12);
/// assert!(stability(&before, &moved, (1000, 1000)).ok_or("defined")?.index > 0.25);
/// assert_eq!(stability(&[], &moved, (0, 1000)), None);
/// # Ok::<(), &str>(())
/// ```
pub fn stability(before: &[f64], now: &[f64], n_units: (usize, usize)) -> Option<Stability> {
    if before.is_empty() || now.is_empty() || n_units.0 == 0 || n_units.1 == 0 {
        return None;
    }
    let mut sorted: Vec<f64> = before.iter().copied().filter(|v| !v.is_nan()).collect();
    sorted.sort_by(f64::total_cmp);
    let mut distinct: Vec<f64> = sorted.iter().chain(now).copied().filter(|v| !v.is_nan()).collect();
    distinct.sort_by(f64::total_cmp);
    distinct.dedup();
    // A bin holds what is up to its edge and above the one before; the last has none.
    let edges: Vec<f64> = if distinct.len() <= BINS || sorted.is_empty() {
        distinct.iter().copied().take(distinct.len().saturating_sub(1).min(BINS - 1)).collect()
    } else {
        let mut tenths: Vec<f64> =
            (1..BINS).map(|i| sorted[(i * sorted.len() / BINS).saturating_sub(1)]).collect();
        tenths.dedup();
        tenths
    };
    let count = |sample: &[f64]| {
        let mut bins = vec![0.0; edges.len() + 2];
        for v in sample {
            let bin = if v.is_nan() { edges.len() + 1 } else { edges.partition_point(|e| e < v) };
            bins[bin] += 1.0;
        }
        bins
    };
    let (a, b) = (count(before), count(now));
    let used = a.iter().zip(&b).filter(|(a, b)| **a + **b > 0.0).count();
    if used < 2 {
        return None;
    }
    let share = |n: f64, of: usize| n.max(0.5) / of as f64;
    let index = a
        .iter()
        .zip(&b)
        .filter(|(a, b)| **a + **b > 0.0)
        .map(|(a, b)| {
            let (p, q) = (share(*a, before.len()), share(*b, now.len()));
            (q - p) * (q / p).ln()
        })
        .sum();
    let by_chance = (used - 1) as f64 * (1.0 / n_units.0 as f64 + 1.0 / n_units.1 as f64);
    Some(Stability { index, by_chance })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::poisson_one_weights;

    #[test]
    fn the_index_is_that_of_its_shares() {
        let check = |before: &[f64], now: &[f64], want: Option<f64>| {
            let got = stability(before, now, (before.len(), now.len())).map(|s| s.index);
            match (got, want) {
                (Some(g), Some(w)) => assert!((g - w).abs() < 1e-12, "{g} {w}"),
                (g, w) => assert_eq!(g, w),
            }
        };
        let of = |n: [usize; 2]| [vec![0.0; n[0]], vec![1.0; n[1]]].concat();
        // 20 % and 80 % to 50 % and 50 %: 0.3 ln 2.5 + 0.3 ln 1.6.
        let want = 0.3 * 2.5f64.ln() + 0.3 * 1.6f64.ln();
        check(&of([20, 80]), &of([50, 50]), Some(want));
        // A missing value is a value: 10 % missing to 30 %.
        let missing = |n: usize| [vec![f64::NAN; n], vec![1.0; 100 - n]].concat();
        check(&missing(10), &missing(30), Some(0.2 * 3.0f64.ln() + 0.2 * (9.0f64 / 7.0).ln()));
        // What never came before counts as half a row.
        check(&of([100, 0]), &of([90, 10]), Some(-0.1 * 0.9f64.ln() + 0.095 * 20.0f64.ln()));
        check(&of([100, 0]), &of([100, 0]), None);
        check(&[f64::NAN; 5], &[f64::NAN; 5], None);
        check(&[], &[1.0], None);
    }

    #[test]
    fn of_one_population_it_is_as_large_as_chance_makes_it() {
        // Two samples of the same hundred values, drawn with weights: over many draws the mean is near its expectation.
        let draw = |seed: u64| -> Vec<f64> {
            let weights = poisson_one_weights(seed, 400);
            weights.iter().zip(0u32..).flat_map(|(w, u)| vec![f64::from(u); *w as usize]).collect()
        };
        let (mut sum, mut chance) = (0.0, 0.0);
        for seed in 0..60 {
            let (a, b) = (draw(2 * seed), draw(2 * seed + 1));
            let s = stability(&a, &b, (a.len(), b.len())).unwrap_or(Stability { index: 9.0, by_chance: 0.0 });
            sum += s.index / 60.0;
            chance += s.by_chance / 60.0;
        }
        assert!((sum / chance - 1.0).abs() < 0.25, "{sum} {chance}");
    }
}
