//! Whether the events of one unit come more often than they did: power law and trend tests. It does not know what an
//! event is.

use crate::error::{ModelError, in_range};
use crate::special::{gamma_p, gamma_quantile};
use serde::{Deserialize, Serialize};

/// When watching ended.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Truncation {
    /// At a time fixed beforehand, days after watching began.
    Time(f64),
    /// With the last event.
    Failure,
}

/// A power-law process (Crow 1974, "Crow-AMSAA"): `lambda · t^beta` events are expected by day `t`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PowerLaw {
    /// Above 1 events come ever faster, below 1 ever slower.
    pub beta: f64,
    /// Events expected by day 1.
    pub lambda: f64,
    /// Events it was fitted to.
    pub n_events: usize,
    /// Degrees of freedom of `2 n beta_true / beta`, chi-squared.
    freedom: f64,
}

/// A test of "events come at a constant rate" against a trend.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TrendTest {
    /// The statistic: normal for Laplace (above 0: ever faster), chi-squared for MIL-HDBK-189.
    pub statistic: f64,
    /// Two-sided p-value.
    pub p_value: f64,
}

/// Events that count for a trend, and the length of time: where watching ended with the last event, that event says
/// nothing of where it lies.
fn within(events_days: &[f64], end: Truncation, least: usize) -> Result<(&[f64], f64), ModelError> {
    let enough = |n: usize| {
        in_range(n >= least, "events", n as f64, "at least 1 (2 where watching ends with the last event)")
    };
    if let Some(bad) = events_days.iter().find(|t| !(t.is_finite() && **t > 0.0)) {
        return Err(ModelError::OutOfRange { name: "events_days", found: *bad, allowed: "finite, above 0" });
    }
    let sorted = events_days.windows(2).all(|w| w[0] <= w[1]);
    in_range(sorted, "events_days", f64::NAN, "sorted")?;
    match end {
        Truncation::Time(t) => {
            enough(events_days.len())?;
            let after = events_days.last().is_none_or(|last| *last <= t);
            in_range(after && t.is_finite() && t > 0.0, "end", t, "finite, not before the last event")?;
            Ok((events_days, t))
        }
        Truncation::Failure => {
            enough(events_days.len().saturating_sub(1))?;
            let (last, others) = events_days.split_last().unwrap_or((&f64::NAN, &[]));
            Ok((others, *last))
        }
    }
}

/// Fits a power law to the times of events, days since watching began, by maximum likelihood (Crow 1974).
///
/// # Errors
/// No event (two are needed where watching ended with the last), times that are not sorted or not above 0, an end
/// before the last event, events at the very end alone.
///
/// ```
/// use forewarn_models::{Truncation, power_law};
/// let fit = power_law(&[10.0, 60.0, 80.0, 95.0], Truncation::Time(100.0))?;
/// assert!(fit.beta > 1.0 && (fit.expected(100.0) - 4.0).abs() < 1e-9);
/// assert!(power_law(&[10.0, 60.0], Truncation::Time(50.0)).is_err());
/// # Ok::<(), forewarn_models::ModelError>(())
/// ```
pub fn power_law(events_days: &[f64], end: Truncation) -> Result<PowerLaw, ModelError> {
    let (others, length) = within(events_days, end, 1)?;
    let sum: f64 = others.iter().map(|t| (length / t).ln()).sum();
    in_range(sum > 0.0, "sum of logarithms", sum, "greater than 0")?;
    let n = events_days.len() as f64;
    let beta = n / sum;
    Ok(PowerLaw {
        beta,
        lambda: n / length.powf(beta),
        n_events: events_days.len(),
        freedom: 2.0 * others.len() as f64,
    })
}

impl PowerLaw {
    /// Events expected by day `t` (>= 0).
    pub fn expected(&self, t: f64) -> f64 {
        self.lambda * t.max(0.0).powf(self.beta)
    }

    /// Events a day at day `t` (> 0).
    pub fn intensity(&self, t: f64) -> f64 {
        self.lambda * self.beta * t.powf(self.beta - 1.0)
    }

    /// The exact interval of `beta` that holds it with probability `level`, in (0, 1) (Finkelstein 1976).
    ///
    /// # Errors
    /// A level out of range.
    pub fn beta_interval(&self, level: f64) -> Result<(f64, f64), ModelError> {
        in_range(level > 0.0 && level < 1.0, "level", level, "in (0, 1)")?;
        let at =
            |q: f64| self.beta * gamma_quantile(q, 0.5 * self.freedom, 0.5) / (2.0 * self.n_events as f64);
        Ok((at(0.5 - 0.5 * level), at(0.5 + 0.5 * level)))
    }
}

/// The test of MIL-HDBK-189 (1981): `2 Σ ln(T / t)` is chi-squared where the rate is constant; small where events
/// come ever faster. Best against a power law.
///
/// # Errors
/// As [`power_law`], but events at the very end alone are allowed.
///
/// ```
/// use forewarn_models::{Truncation, mil_hdbk_189};
/// let faster = mil_hdbk_189(&[70.0, 80.0, 90.0, 95.0, 99.0], Truncation::Time(100.0))?;
/// assert!(faster.p_value < 0.01);
/// assert!(mil_hdbk_189(&[], Truncation::Time(100.0)).is_err());
/// # Ok::<(), forewarn_models::ModelError>(())
/// ```
pub fn mil_hdbk_189(events_days: &[f64], end: Truncation) -> Result<TrendTest, ModelError> {
    let (others, length) = within(events_days, end, 1)?;
    let statistic = 2.0 * others.iter().map(|t| (length / t).ln()).sum::<f64>();
    let below = gamma_p(others.len() as f64, 0.5 * statistic);
    Ok(TrendTest { statistic, p_value: (2.0 * below.min(1.0 - below)).clamp(1e-16, 1.0) })
}

/// Laplace's test (Cox and Lewis 1966): whether events lie late in the time watched, on average; best against an
/// exponential trend. Right for a Poisson process alone: events that come in bursts look like trends to it; see
/// [`TrendTest::dispersed`].
///
/// # Errors
/// As [`mil_hdbk_189`].
///
/// ```
/// use forewarn_models::{Truncation, laplace};
/// let faster = laplace(&[70.0, 80.0, 90.0, 95.0, 99.0], Truncation::Time(100.0))?;
/// assert!(faster.statistic > 2.0 && faster.p_value < 0.01);
/// assert!(laplace(&[-1.0], Truncation::Time(100.0)).is_err());
/// # Ok::<(), forewarn_models::ModelError>(())
/// ```
pub fn laplace(events_days: &[f64], end: Truncation) -> Result<TrendTest, ModelError> {
    let (others, length) = within(events_days, end, 1)?;
    let n = others.len() as f64;
    let mean = others.iter().map(|t| t / length).sum::<f64>() / n;
    Ok(normal((mean - 0.5) * (12.0 * n).sqrt()))
}

fn normal(statistic: f64) -> TrendTest {
    let p_value = 1.0 - gamma_p(0.5, 0.5 * statistic * statistic);
    TrendTest { statistic, p_value: p_value.clamp(1e-16, 1.0) }
}

/// Blocks of time over which counts are compared with a smooth trend.
const BLOCKS: usize = 12;

/// How much more the events of one unit vary between twelfths of the time watched, `length_days` (> 0), than Poisson
/// counts would: Pearson's statistic about a log-linear trend, over its degrees of freedom (quasi-likelihood, McCullagh
/// and Nelder 1989). About 1 for a Poisson process with or without a trend, above it where events come in bursts.
///
/// # Errors
/// As [`laplace`] with [`Truncation::Time`].
///
/// ```
/// use forewarn_models::dispersion;
/// let burst: Vec<f64> = (0..10).map(|i| 70.0 + 0.1 * f64::from(i)).collect();
/// let steady: Vec<f64> = (0..10).map(|i| 5.0 + 10.0 * f64::from(i)).collect();
/// assert!(dispersion(&burst, 100.0)? > 3.0 && dispersion(&steady, 100.0)? < 1.0);
/// assert!(dispersion(&burst, 50.0).is_err());
/// # Ok::<(), forewarn_models::ModelError>(())
/// ```
pub fn dispersion(events_days: &[f64], length_days: f64) -> Result<f64, ModelError> {
    let (events, length) = within(events_days, Truncation::Time(length_days), 1)?;
    let n = events.len() as f64;
    let mut counts = [0.0; BLOCKS];
    for t in events {
        counts[((t / length * BLOCKS as f64) as usize).min(BLOCKS - 1)] += 1.0;
    }
    let x: [f64; BLOCKS] = std::array::from_fn(|i| (i as f64 + 0.5) / BLOCKS as f64 - 0.5);
    let mean = counts.iter().zip(&x).map(|(c, x)| c * x).sum::<f64>() / n;
    let shares = |slope: f64| -> [f64; BLOCKS] {
        let w = x.map(|x| (slope * x).exp());
        let sum: f64 = w.iter().sum();
        w.map(|w| w / sum)
    };
    let mut slope = 0.0_f64;
    for _ in 0..50 {
        let w = shares(slope);
        let at = w.iter().zip(&x).map(|(w, x)| w * x).sum::<f64>();
        let spread = w.iter().zip(&x).map(|(w, x)| w * x * x).sum::<f64>() - at * at;
        let step = ((mean - at) / spread.max(1e-9)).clamp(-2.0, 2.0);
        // Events in the last block alone have no finite slope.
        slope = (slope + step).clamp(-12.0, 12.0);
        if step.abs() < 1e-9 {
            break;
        }
    }
    let squares = counts.iter().zip(shares(slope)).map(|(c, w)| (c - n * w).powi(2) / (n * w)).sum::<f64>();
    Ok(squares / (BLOCKS - 2) as f64)
}

impl TrendTest {
    /// Laplace's test where counts vary `dispersion` times as much as Poisson counts; below 1 counts as 1, because
    /// times more even than chance do not make a trend surer.
    #[must_use]
    pub fn dispersed(self, dispersion: f64) -> Self {
        normal(self.statistic / dispersion.max(1.0).sqrt())
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::rng::{generator, uniform};

    /// The example of the ReliaWiki page "Crow-AMSAA (NHPP)", also `system_growth` of the Python package
    /// `reliability`.
    const GROWTH: [f64; 22] = [
        2.7, 10.3, 12.5, 30.6, 57.0, 61.3, 80.0, 109.5, 125.0, 128.6, 143.8, 167.9, 229.2, 296.7, 320.6,
        328.2, 366.2, 396.7, 421.1, 438.2, 501.2, 620.0,
    ];

    #[test]
    fn the_power_law_agrees_with_published_results() {
        // Printed: sum of ln t 105.6355, beta 0.6142, lambda 0.4239; RTK's test has 0.6142104 and 0.4239422.
        assert!((GROWTH.iter().map(|t| t.ln()).sum::<f64>() - 105.6355).abs() < 5e-5);
        let fit = power_law(&GROWTH, Truncation::Failure).unwrap();
        assert!((fit.beta - 0.614_210_4).abs() < 5e-8 && (fit.lambda - 0.423_942_2).abs() < 5e-8, "{fit:?}");
        // Printed: intensity 0.0217906 failures an hour and MTBF 46 h at the end, from rounded numbers.
        assert!((fit.intensity(620.0) - 0.021_790_6).abs() < 1e-5);
        // Ended by the clock at the last event instead, the same estimates, of one more degree of freedom.
        let timed = power_law(&GROWTH, Truncation::Time(620.0)).unwrap();
        assert_eq!((timed.beta, timed.lambda), (fit.beta, fit.lambda));
        // 80 % interval, 2 n beta / beta_hat chi-squared on 2(n - 1): scipy.
        let (low, high) = fit.beta_interval(0.8).unwrap();
        assert!((low - 0.429_464_6).abs() < 1e-6 && (high - 0.755_062_8).abs() < 1e-6, "{low} {high}");
    }

    #[test]
    fn the_tests_agree_with_their_formulas_in_scipy() {
        // The improvement test of the NIST handbook, section 8.4.2.2: ten failures in 1,500 hours.
        let nist = [5.0, 40.0, 43.0, 175.0, 389.0, 712.0, 747.0, 795.0, 1299.0, 1478.0];
        let mil = mil_hdbk_189(&nist, Truncation::Time(1500.0)).unwrap();
        let lap = laplace(&nist, Truncation::Time(1500.0)).unwrap();
        assert!((mil.statistic - 37.228_1).abs() < 1e-3, "{mil:?}");
        assert!((lap.statistic + 1.326_9).abs() < 1e-3, "{lap:?}");
    }

    #[test]
    fn under_a_constant_rate_the_p_values_are_uniform() {
        let n = 4000;
        let tenth = |of: fn(&[f64], Truncation) -> Result<TrendTest, ModelError>, end: fn() -> Truncation| {
            let hits = (0..n).filter(|&i| {
                let mut rng = generator(11, i);
                let mut t: Vec<f64> = (0..8).map(|_| 1e-9 + 100.0 * uniform(&mut rng)).collect();
                t.sort_by(f64::total_cmp);
                of(&t, end()).unwrap().p_value <= 0.1
            });
            hits.count() as f64 / n as f64
        };
        assert!((tenth(laplace, || Truncation::Time(100.0)) - 0.1).abs() < 0.015);
        assert!((tenth(laplace, || Truncation::Failure) - 0.1).abs() < 0.015);
        assert!((tenth(mil_hdbk_189, || Truncation::Time(100.0)) - 0.1).abs() < 0.015);
        assert!((tenth(mil_hdbk_189, || Truncation::Failure) - 0.1).abs() < 0.015);
    }

    /// Units whose events come in bursts of 2 within days, on average.
    fn bursts(stream: u64, rate: f64, grows: bool) -> Vec<f64> {
        let mut rng = generator(12, stream);
        let mut t = Vec::new();
        let mut wait = 0.0;
        loop {
            wait += -uniform(&mut rng).max(1e-300).ln() / rate;
            if wait >= 730.0 {
                break;
            }
            let first = if grows { 730.0 * (wait / 730.0).powf(0.4) } else { wait };
            let mut at = first;
            while at < 730.0 {
                t.push(at);
                if uniform(&mut rng) < 0.5 {
                    break;
                }
                at += 0.1 - 6.0 * uniform(&mut rng).max(1e-300).ln();
            }
        }
        t.sort_by(f64::total_cmp);
        t
    }

    #[test]
    fn bursts_are_no_trend_and_trends_are_found_among_bursts() {
        use crate::recurrence::discovery::benjamini_hochberg;
        let said = |n: u64, grows: bool, dispersed: bool| -> usize {
            let all: Vec<Vec<f64>> = (0..n)
                .map(|i| bursts(i, 0.006 + 0.02 * (i % 3) as f64, grows))
                .filter(|t| t.len() >= 4)
                .collect();
            let phi: Vec<f64> = all.iter().map(|t| dispersion(t, 730.0).unwrap()).collect();
            let pooled = phi.iter().sum::<f64>() / phi.len() as f64;
            let p = all.iter().zip(&phi).map(|(t, phi)| {
                let test = laplace(t, Truncation::Time(730.0)).unwrap();
                if dispersed { test.dispersed(phi.max(pooled)).p_value } else { test.p_value }
            });
            benjamini_hochberg(&p.collect::<Vec<_>>()).iter().filter(|q| **q <= 0.1).count()
        };
        assert!(said(2000, false, false) > 20, "Laplace's test takes bursts for trends");
        assert!(said(2000, false, true) <= 2, "{}", said(2000, false, true));
        assert!(said(2000, true, true) > 600, "{}", said(2000, true, true));
    }

    #[test]
    fn impossible_times_are_refused() {
        let check = |events: &[f64], end| {
            assert!(power_law(events, end).is_err() && laplace(events, end).is_err(), "{events:?} {end:?}");
        };
        check(&[], Truncation::Time(10.0));
        check(&[5.0], Truncation::Failure);
        check(&[5.0, 4.0], Truncation::Time(10.0));
        check(&[0.0, 4.0], Truncation::Time(10.0));
        check(&[4.0], Truncation::Time(3.0));
        check(&[4.0], Truncation::Time(f64::NAN));
        assert!(power_law(&[10.0, 10.0], Truncation::Time(10.0)).is_err(), "all at the very end");
    }
}
