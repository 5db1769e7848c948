//! How sure a metric is: Poisson bootstrap over units (an asset with all its rows). It does not know what a
//! unit is.

use crate::error::{ModelError, in_range, same_length};
use crate::metrics::{Metric, Scored};
use crate::rng::poisson_one_stream;
use rayon::prelude::*;

/// How many bootstrap samples to draw, from which seed. Two calls with the same settings and units draw the
/// same samples, so their replicates are paired.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BootstrapParams {
    /// Number of samples, at least 2. Default 100.
    pub n_boot: usize,
    /// Seed of the samples.
    pub seed: u64,
}

impl Default for BootstrapParams {
    fn default() -> Self {
        Self { n_boot: 100, seed: 0 }
    }
}

/// A statistic on each bootstrap sample where it was defined; `None` entries keep the samples paired.
#[derive(Debug, Clone, PartialEq)]
pub struct Replicates(pub Vec<Option<f64>>);

impl Replicates {
    /// The standard deviation of the replicates; `None` with fewer than 2 defined.
    pub fn standard_error(&self) -> Option<f64> {
        let v: Vec<f64> = self.0.iter().flatten().copied().collect();
        if v.len() < 2 {
            return None;
        }
        let mean = v.iter().sum::<f64>() / v.len() as f64;
        Some((v.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (v.len() - 1) as f64).sqrt())
    }

    /// The central percentile interval (Efron 1979) that holds the share `level` of the replicates, `level`
    /// in (0, 1), linear between order statistics as numpy's `quantile`; `None` with fewer than 2 defined or
    /// a level out of range.
    pub fn interval(&self, level: f64) -> Option<(f64, f64)> {
        let mut v: Vec<f64> = self.0.iter().flatten().copied().collect();
        if v.len() < 2 || !(level > 0.0 && level < 1.0) {
            return None;
        }
        v.sort_by(f64::total_cmp);
        let at = |q: f64| {
            let x = q * (v.len() - 1) as f64;
            let low = x.floor() as usize;
            let high = (low + 1).min(v.len() - 1);
            v[low] + (x - low as f64) * (v[high] - v[low])
        };
        Some((at(0.5 - 0.5 * level), at(0.5 + 0.5 * level)))
    }

    /// Sample by sample, these minus others drawn with the same settings over the same units.
    pub fn minus(&self, other: &Self) -> Self {
        Self(self.0.iter().zip(&other.0).map(|(a, b)| a.zip(*b).map(|(a, b)| a - b)).collect())
    }
}

/// Draws samples of units and evaluates a statistic of the row factors on each: an asset drawn twice gives
/// all its rows the factor 2 (Poisson bootstrap: Hanley and MacGibbon 2006). Runs in parallel; the result
/// does not depend on the number of threads.
///
/// # Errors
/// No rows, or `n_boot` below 2.
pub fn bootstrap(
    units: &[u32],
    params: BootstrapParams,
    statistic: impl Fn(&[f64]) -> Option<f64> + Sync,
) -> Result<Replicates, ModelError> {
    if units.is_empty() {
        return Err(ModelError::Empty { what: "rows" });
    }
    in_range(params.n_boot >= 2, "n_boot", params.n_boot as f64, "at least 2")?;
    // Codes may have gaps; drawing for the codes in use keeps memory in bounds whatever the largest code is.
    let mut used: Vec<u32> = units.to_vec();
    used.sort_unstable();
    used.dedup();
    let position: Vec<usize> = units.iter().map(|u| used.partition_point(|v| v < u)).collect();
    let replicates = (0..params.n_boot as u64)
        .into_par_iter()
        .map(|stream| {
            let draws = poisson_one_stream(params.seed, stream, used.len());
            let factors: Vec<f64> = position.iter().map(|&u| draws[u]).collect();
            statistic(&factors)
        })
        .collect();
    Ok(Replicates(replicates))
}

/// Bootstrap replicates of a metric.
///
/// # Errors
/// As [`bootstrap`], and if `units` differs in length from the rows.
///
/// ```
/// use forewarn_models::{BootstrapParams, Metric, Scored, bootstrap_metric};
/// let y: Vec<f64> = (0..200).map(|i| f64::from(u8::from(i % 5 == 0))).collect();
/// let p: Vec<f64> = (0..200).map(|i| 0.2 + 0.1 * f64::from(i % 3)).collect();
/// let units: Vec<u32> = (0..200).map(|i| i / 4).collect();
/// let s = Scored::new(&y, &p, None)?;
/// let r = bootstrap_metric(&s, Metric::Brier, &units, BootstrapParams::default())?;
/// let (low, high) = r.interval(0.9).ok_or("defined")?;
/// assert!(low < high && r.standard_error().is_some());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn bootstrap_metric(
    s: &Scored<'_>,
    metric: Metric,
    units: &[u32],
    params: BootstrapParams,
) -> Result<Replicates, ModelError> {
    same_length("units", units.len(), s.n_rows())?;
    bootstrap(units, params, |factors| s.reweighted(factors).ok().and_then(|r| metric.of(&r)))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn same_bytes_on_any_number_of_threads() {
        let y: Vec<f64> = (0..300).map(|i| f64::from(u8::from(i % 7 == 0))).collect();
        let p: Vec<f64> = (0..300).map(|i| f64::from(i * 37 % 100) / 100.0).collect();
        let units: Vec<u32> = (0..300).map(|i| i * 1_000_000 / 3).collect();
        let s = Scored::new(&y, &p, None).unwrap();
        let run = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                bootstrap_metric(&s, Metric::AveragePrecision, &units, BootstrapParams::default()).unwrap()
            })
        };
        assert_eq!(run(1), run(3));
        assert!(bootstrap_metric(&s, Metric::Brier, &units[1..], BootstrapParams::default()).is_err());
    }

    #[test]
    fn standard_error_of_a_mean_is_known() {
        // Independent rows of variance 1/4: the standard error of the mean is sqrt(0.25 / n).
        let n = 4000_u32;
        let y: Vec<f64> = (0..n).map(|i| f64::from(u8::from(i % 2 == 0))).collect();
        let units: Vec<u32> = (0..n).collect();
        let s = Scored::new(&y, &y, None).unwrap();
        let r = bootstrap(&units, BootstrapParams { n_boot: 400, seed: 3 }, |f| {
            s.reweighted(f).ok()?.base_rate()
        })
        .unwrap();
        let expected = (0.25 / f64::from(n)).sqrt();
        assert!((r.standard_error().unwrap() / expected - 1.0).abs() < 0.15);
        assert_eq!(r.minus(&r).standard_error(), Some(0.0));
        assert_eq!(r.interval(1.0), None);
    }
}
