//! How far counts scatter around a forecast: the spread of the negative binomial and the levels of its quantiles, chosen by
//! the errors at earlier origins. It does not know how a mean was found.

use super::negbin::{mixed_quantiles, negbin_quantiles};

/// The levels of the quantiles: q05 to q95.
pub const COUNT_LEVELS: [f64; 7] = [0.05, 0.1, 0.2, 0.5, 0.8, 0.9, 0.95];
/// Spreads tried: the variance beyond Poisson as a part of the squared mean.
const SPREADS: [f64; 14] = [0.0, 0.01, 0.02, 0.04, 0.07, 0.12, 0.2, 0.35, 0.6, 1.0, 1.7, 3.0, 6.0, 12.0];
/// How much the spread grows from the first step ahead to the last, tried for all series together.
const GROWTHS: [f64; 4] = [0.0, 0.3, 0.8, 1.6];
/// Bounds of the means within which errors of all series are pooled.
const MEANS: [f64; 6] = [0.1, 0.3, 1.0, 3.0, 10.0, 40.0];
/// Own errors weigh as the pooled ones after so many forecasts.
const OWN_ROWS: f64 = 40.0;

/// A forecast at an earlier origin, with what came.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tried {
    /// Which of the earlier origins it was.
    pub(super) moment: usize,
    /// The period.
    pub(super) at: usize,
    /// Steps ahead as a part of the horizon: above 0, at most 1.
    pub(super) reach: f64,
    /// What was said.
    pub(super) mean: f64,
    /// What came.
    pub(super) actual: f64,
}

/// The pinball loss of quantiles at `levels` (0 to 1) where `y` came, summed over the levels (Koenker and Bassett 1978).
///
/// ```
/// use forewarn_models::pinball_loss;
/// assert_eq!(pinball_loss(&[0.5], &[3.0], 5.0), 1.0, "half the distance from the median");
/// assert_eq!(pinball_loss(&[0.1, 0.9], &[2.0, 8.0], 8.0), 0.1 * 6.0);
/// ```
#[must_use]
pub fn pinball_loss(levels: &[f64], quantiles: &[f64], y: f64) -> f64 {
    levels.iter().zip(quantiles).map(|(l, q)| if y >= *q { l * (y - q) } else { (1.0 - l) * (q - y) }).sum()
}

fn bucket(mean: f64) -> usize {
    MEANS.iter().filter(|m| mean >= **m).count()
}

const N_BUCKETS: usize = MEANS.len() + 1;

/// Pooled losses by bucket and spread, on the scale of the mean's square root.
#[derive(Debug)]
pub(super) struct Spreads {
    growth: f64,
    pooled: Vec<[f64; SPREADS.len()]>,
    rows: [f64; N_BUCKETS],
}

fn scale(mean: f64) -> f64 {
    mean.sqrt().max(0.1)
}

/// Losses of one series' forecasts by spread, and how many they are, scaled.
fn own_losses(tried: &[Tried], growth: f64) -> [f64; SPREADS.len()] {
    let mut out = [0.0; SPREADS.len()];
    for t in tried {
        for (sum, spread) in out.iter_mut().zip(SPREADS) {
            let q = negbin_quantiles(&COUNT_LEVELS, t.mean, spread * (1.0 + growth * t.reach));
            *sum += pinball_loss(&COUNT_LEVELS, &q, t.actual) / scale(t.mean);
        }
    }
    out
}

impl Spreads {
    /// Pools the errors of all series.
    pub(super) fn fit(tried: &[Vec<Tried>]) -> Self {
        let fit = |growth: f64| {
            let mut pooled = vec![[0.0; SPREADS.len()]; N_BUCKETS];
            let mut rows = [0.0; N_BUCKETS];
            for t in tried.iter().flatten() {
                let b = bucket(t.mean);
                rows[b] += 1.0;
                for (sum, l) in pooled[b].iter_mut().zip(own_losses(std::slice::from_ref(t), growth)) {
                    *sum += l;
                }
            }
            let total: f64 = pooled.iter().map(|p| p.iter().copied().fold(f64::INFINITY, f64::min)).sum();
            (total, Self { growth, pooled, rows })
        };
        let mut best = fit(GROWTHS[0]);
        for g in &GROWTHS[1..] {
            let next = fit(*g);
            if next.0 < best.0 {
                best = next;
            }
        }
        best.1
    }

    /// The spread of one series from its own errors and the pooled ones of means like its own.
    pub(super) fn of(&self, tried: &[Tried], mean: f64) -> f64 {
        let b = bucket(mean);
        let own = own_losses(tried, self.growth);
        // An empty bucket borrows from the nearest one that has rows.
        let nearest = (0..N_BUCKETS).filter(|k| self.rows[*k] > 0.0).min_by_key(|k| k.abs_diff(b));
        let Some(p) = nearest else { return 0.5 };
        let score = |k: usize| own[k] + OWN_ROWS * self.pooled[p][k] / self.rows[p];
        let best = (0..SPREADS.len()).min_by(|a, b| score(*a).total_cmp(&score(*b))).unwrap_or(0);
        SPREADS[best]
    }

    /// Quantiles at [`COUNT_LEVELS`] of a forecast: of mean `rest` with that `chance`, else of mean `usual`.
    pub(super) fn quantiles(&self, usual: f64, rest: f64, chance: f64, spread: f64, reach: f64) -> Vec<f64> {
        let spread = spread * (1.0 + self.growth * reach);
        if chance > 0.0 && chance < 1.0 {
            return mixed_quantiles(&COUNT_LEVELS, usual, rest, chance, spread);
        }
        negbin_quantiles(&COUNT_LEVELS, if chance > 0.0 { rest } else { usual }, spread)
    }
}
