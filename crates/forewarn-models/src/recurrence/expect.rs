//! How many events a unit will have: a gamma-Poisson rate shrunk to the cohort's, with recent time weighing more, and
//! a spread learned from how earlier counts came out. It does not know what a unit is, nor how its record was
//! weighed.

use crate::error::{ModelError, all_finite, in_range, same_length};
use crate::recurrence::count::CountDistribution;
use crate::recurrence::simplex::minimize;
use serde::{Deserialize, Serialize};

/// What is known of a unit at a cutoff, each day of it weighed by its age.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Record {
    /// Its own events, weighed.
    pub events: f64,
    /// The days it was watched, weighed alike.
    pub days: f64,
    /// Events a unit and day of its cohort, greater than 0.
    pub cohort_rate: f64,
}

/// How counts follow from records, for one horizon.
///
/// The rate of a unit is that of a gamma-Poisson posterior, `(events + prior) / (days + prior / cohort rate)`, times
/// `level`, which makes up for what the cohort's past has too much or too little for the future. The count in a
/// horizon is negative binomial: its variance is `mean + mean² / (trust · (events + prior)) + burst · mean`, that of
/// the posterior (where `trust` is 1) and that of events that come in bursts.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CountModel {
    /// Events of the cohort that a unit borrows.
    pub prior_events: f64,
    /// Factor of every mean.
    pub level: f64,
    /// How much a unit's own record may be trusted; 1 where its rate does not change.
    pub trust: f64,
    /// Variance over mean that remains where the rate is known, minus 1.
    pub burst: f64,
    /// The horizon it was fitted for, days.
    pub horizon_days: f64,
}

/// A fitted model and how likely it makes what it was fitted to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FittedCounts {
    /// The model.
    pub model: CountModel,
    /// Weighted log likelihood, less a penalty for unusual parameters: comparable between fits to the same counts.
    pub log_likelihood: f64,
}

/// Evaluations of the likelihood, at most.
const EVALUATIONS: usize = 300;

impl CountModel {
    /// The model before anything is learned: one event borrowed, bursts of a third more variance.
    pub fn usual(horizon_days: f64) -> Self {
        Self::from_logarithms(&[0.0; 4], horizon_days)
    }

    fn from_logarithms(p: &[f64; 4], horizon_days: f64) -> Self {
        let at = |v: f64| v.clamp(-8.0, 8.0).exp();
        Self { prior_events: at(p[0]), level: at(p[1]), trust: at(p[2]), burst: at(p[3] - 1.0), horizon_days }
    }

    /// Learns from earlier cutoffs: the record of each unit there and the events it had within `horizon_days` (> 0)
    /// after. Maximizes the weighted negative binomial likelihood, with a weak pull of each parameter (on its
    /// logarithm, standard deviation 1) to [`CountModel::usual`].
    ///
    /// # Errors
    /// Lengths that differ, a count or weight that is negative or not finite, a record out of range, a horizon not
    /// above 0. No rows at all are no error: the result is the usual model.
    ///
    /// ```
    /// use forewarn_models::{CountModel, Record};
    /// let record = |events| Record { events, days: 365.0, cohort_rate: 0.01 };
    /// let rows: Vec<Record> = (0..200).map(|i| record(f64::from(i % 8))).collect();
    /// let counts: Vec<f64> = (0..200).map(|i| f64::from(u8::from(i % 8 > 3))).collect();
    /// let fit = CountModel::fit(&rows, &counts, &[1.0; 200], 30.0)?.model;
    /// assert!(fit.predict(&record(7.0)).mean() > 3.0 * fit.predict(&record(0.0)).mean());
    /// assert!(CountModel::fit(&rows, &counts[1..], &[1.0; 200], 30.0).is_err());
    /// # Ok::<(), forewarn_models::ModelError>(())
    /// ```
    pub fn fit(
        records: &[Record],
        counts: &[f64],
        weights: &[f64],
        horizon_days: f64,
    ) -> Result<FittedCounts, ModelError> {
        same_length("counts", counts.len(), records.len())?;
        same_length("weights", weights.len(), records.len())?;
        in_range(
            horizon_days > 0.0 && horizon_days.is_finite(),
            "horizon_days",
            horizon_days,
            "greater than 0",
        )?;
        all_finite("counts", counts)?;
        all_finite("weights", weights)?;
        for v in counts.iter().chain(weights) {
            in_range(*v >= 0.0, "counts and weights", *v, "at least 0")?;
        }
        for r in records {
            in_range(r.events.is_finite() && r.events >= 0.0, "events", r.events, "finite, at least 0")?;
            in_range(r.days.is_finite() && r.days >= 0.0, "days", r.days, "finite, at least 0")?;
            let rate = r.cohort_rate;
            in_range(rate.is_finite() && rate > 0.0, "cohort_rate", rate, "finite, greater than 0")?;
        }
        let loss = |p: &[f64; 4]| {
            let m = Self::from_logarithms(p, horizon_days);
            let rows = records.iter().zip(counts).zip(weights);
            let fit: f64 = rows.map(|((r, y), w)| w * log_mass(m.predict(r), *y)).sum();
            0.5 * p.iter().map(|v| v * v).sum::<f64>() - fit
        };
        let (at, value) = minimize(loss, [0.0; 4], 0.7, EVALUATIONS);
        Ok(FittedCounts { model: Self::from_logarithms(&at, horizon_days), log_likelihood: -value })
    }

    /// The distribution of a unit's count within the horizon.
    pub fn predict(&self, record: &Record) -> CountDistribution {
        let shape = record.events + self.prior_events;
        let days = record.days + self.prior_events / record.cohort_rate;
        let mean = self.level * self.horizon_days * shape / days;
        let size = 1.0 / (1.0 / (self.trust * shape) + self.burst / mean.max(1e-12));
        CountDistribution::clamped(mean, size)
    }
}

/// Logarithm of the negative binomial mass, without `ln y!`.
fn log_mass(d: CountDistribution, y: f64) -> f64 {
    let (mean, size) = (d.mean().max(1e-300), d.size());
    let none = -size * (mean / size).ln_1p();
    if y == 0.0 {
        return none;
    }
    let rising: f64 = if y <= 64.0 {
        (0..y as usize).map(|i| (size + i as f64).ln()).sum()
    } else {
        crate::special::ln_gamma(size + y) - crate::special::ln_gamma(size)
    };
    none + rising + y * (mean / (mean + size)).ln()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::rng::{generator, uniform};
    use crate::special::gamma_quantile;

    #[test]
    fn the_mass_sums_to_one() {
        for (mean, size) in [(0.4, 0.3), (5.0, 2.0), (90.0, 3.0)] {
            let d = CountDistribution::new(mean, size).unwrap();
            let mut ln_factorial = 0.0;
            let mut sum = 0.0;
            for k in 0..3000 {
                let y = f64::from(k);
                ln_factorial += if k > 0 { y.ln() } else { 0.0 };
                sum += (log_mass(d, y) - ln_factorial).exp();
            }
            assert!((sum - 1.0).abs() < 1e-6, "{mean} {size}: {sum}");
        }
    }

    /// Units with gamma rates, watched for a year; counts of the next 30 days.
    fn drawn(n: usize, drop: f64) -> (Vec<Record>, Vec<f64>) {
        let mut rng = generator(5, 0);
        let poisson = |mean: f64, u: &mut dyn FnMut() -> f64| {
            let (mut k, mut wait) = (0.0, -u().max(1e-300).ln());
            while wait < mean {
                k += 1.0;
                wait -= u().max(1e-300).ln();
            }
            k
        };
        let mut u = move || uniform(&mut rng);
        (0..n)
            .map(|_| {
                let rate = gamma_quantile(u(), 0.6, 60.0);
                let events = poisson(rate * 365.0, &mut u);
                let count = poisson(rate * 30.0 * drop, &mut u);
                (Record { events, days: 365.0, cohort_rate: 0.01 }, count)
            })
            .unzip()
    }

    #[test]
    fn what_made_the_counts_is_found_and_the_level_follows() {
        for drop in [1.0, 0.5] {
            let (records, counts) = drawn(6000, drop);
            let fit = CountModel::fit(&records, &counts, &vec![1.0; counts.len()], 30.0).unwrap().model;
            assert!((fit.level / drop - 1.0).abs() < 0.08, "{fit:?}");
            assert!((fit.prior_events / 0.6 - 1.0).abs() < 0.5 && fit.burst < 0.1, "{fit:?}");
            let (mut below, mut tenths) = (0.0, [0.0; 10]);
            let mut rng = generator(6, 0);
            for (r, y) in records.iter().zip(&counts) {
                let d = fit.predict(r);
                let u = d.below(*y) + uniform(&mut rng) * (d.up_to(*y) - d.below(*y));
                tenths[((u * 10.0) as usize).min(9)] += 1.0 / counts.len() as f64;
                below += d.mean() - y;
            }
            assert!((below / counts.iter().sum::<f64>()).abs() < 0.03);
            assert!(tenths.iter().all(|t| (0.085..0.115).contains(t)), "{tenths:?}");
        }
    }

    #[test]
    fn nothing_to_learn_from_is_no_error() {
        let usual = CountModel::usual(30.0);
        let fit = CountModel::fit(&[], &[], &[], 30.0).unwrap().model;
        assert!((fit.level - usual.level).abs() < 1e-2 && (fit.burst - usual.burst).abs() < 1e-2);
        let new = Record { events: 0.0, days: 0.0, cohort_rate: 0.001 };
        assert!((usual.predict(&new).mean() - 0.03).abs() < 1e-12, "the cohort's");
        assert!(CountModel::fit(&[Record { cohort_rate: 0.0, ..new }], &[0.0], &[1.0], 30.0).is_err());
        assert!(CountModel::fit(&[new], &[-1.0], &[1.0], 30.0).is_err());
    }
}
