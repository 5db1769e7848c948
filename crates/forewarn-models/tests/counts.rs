//! Laws of count forecasts, by property test and on made series with a known truth. It knows the crate's public face only.
#![expect(clippy::unwrap_used, clippy::tests_outside_test_module, reason = "a test fails by panicking")]

use forewarn_models::{
    COUNT_LEVELS, CountCalendar, CountForecast, forecast_counts, negbin_cdf, reconcile_counts, rest_periods,
};
use proptest::prelude::*;

/// Numbers in [0, 1) that look random and are the same in every run.
struct Dice(u64);

impl Dice {
    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// A negative binomial count by inversion.
    fn count(&mut self, mean: f64, spread: f64) -> f64 {
        let u = self.uniform();
        let mut y = 0.0;
        while y < 100_000.0 && negbin_cdf(y, mean, spread) < u {
            y += 1.0;
        }
        y
    }
}

fn calendar(n: usize, horizon: usize, n_slots: usize) -> CountCalendar {
    let all = n + horizon;
    let slots = (0..all).map(|t| t % n_slots).collect();
    CountCalendar::new(slots, n_slots, vec![1.0; all], vec![0.0; all], vec![true; all], n).unwrap()
}

fn total(series: &[Vec<f64>], n: usize) -> Vec<f64> {
    (0..n).map(|t| series.iter().map(|y| y[t]).sum()).collect()
}

fn forecast(series: &[Vec<f64>], horizon: usize, n_slots: usize) -> Vec<CountForecast> {
    let n = series[0].len();
    forecast_counts(series, &total(series, n), &calendar(n, horizon, n_slots)).unwrap()
}

/// A fleet of offices: busy weekdays, quiet weekends, levels from rare to many.
fn fleet(n_series: usize, n: usize, seed: u64) -> Vec<Vec<f64>> {
    let mut dice = Dice(seed);
    (0..n_series)
        .map(|s| {
            let level = 0.2 * 1.6_f64.powi((s % 10) as i32);
            let day = |t: usize| if t % 7 < 5 { 1.3 } else { 0.25 };
            (0..n).map(|t| dice.count(level * day(t), 0.3)).collect()
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_counts_give_sound_forecasts(
        series in prop::collection::vec(prop::collection::vec(prop_oneof![Just(0.0), (0..40_u32).prop_map(f64::from), Just(5000.0)], 0..90), 1..5),
        horizon in 1..20_usize,
        weekly in any::<bool>(),
    ) {
        let n = series.iter().map(Vec::len).min().unwrap_or(0);
        let series: Vec<Vec<f64>> = series.iter().map(|y| y[..n].to_vec()).collect();
        let n_slots = if weekly { 7 } else { 1 };
        let out = forecast_counts(&series, &total(&series, n), &calendar(n, horizon, n_slots)).unwrap();
        prop_assert_eq!(out.len(), series.len());
        for (f, y) in out.iter().zip(&series) {
            prop_assert_eq!(f.mean.len(), horizon);
            let most = y.iter().copied().fold(0.0, f64::max);
            for (mean, quantiles) in f.mean.iter().zip(&f.quantiles) {
                prop_assert!(mean.is_finite() && *mean >= 0.0);
                prop_assert!(*mean <= (1.5 * most + 3.0) * 1.6, "{mean} after at most {most}");
                prop_assert_eq!(quantiles.len(), COUNT_LEVELS.len());
                prop_assert!(quantiles.windows(2).all(|w| w[0] <= w[1]), "{quantiles:?}");
                prop_assert!(quantiles.iter().all(|q| q.fract() == 0.0 && *q >= 0.0));
            }
        }
    }

    #[test]
    fn parts_sum_to_the_whole(
        whole in prop::collection::vec(0.0..500.0_f64, 3),
        levels in prop::collection::vec(prop::collection::vec(prop::collection::vec(0.0..50.0_f64, 3), 1..8), 0..4),
    ) {
        let (mut whole, mut levels) = (whole, levels);
        reconcile_counts(&mut whole, &mut levels).unwrap();
        for level in &levels {
            for (j, whole) in whole.iter().enumerate() {
                let sum: f64 = level.iter().map(|p| p[j]).sum();
                prop_assert!((sum - whole).abs() < 1e-9 * whole.max(1.0), "{sum} of {whole}");
            }
            prop_assert!(level.iter().flatten().all(|m| m.is_finite() && *m >= 0.0));
        }
    }
}

#[test]
fn the_same_numbers_give_the_same_bytes_on_any_number_of_threads() {
    let series = fleet(12, 120, 5);
    let on = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let out = pool.install(|| forecast(&series, 14, 7));
        out.iter().flat_map(|f| f.mean.iter().map(|m| m.to_bits()).collect::<Vec<_>>()).collect::<Vec<u64>>()
    };
    assert_eq!(on(1), on(2));
    assert_eq!(on(1), on(7));
}

#[test]
fn intervals_hold_what_they_promise_where_the_truth_is_known() {
    let all = fleet(60, 217, 11);
    let (n, horizon) = (203, 14);
    let known: Vec<Vec<f64>> = all.iter().map(|y| y[..n].to_vec()).collect();
    let out = forecast(&known, horizon, 7);
    let (mut inside, mut rows, mut off, mut came) = (0.0, 0.0, 0.0, 0.0);
    for (f, y) in out.iter().zip(&all) {
        for j in 0..horizon {
            let (actual, q) = (y[n + j], &f.quantiles[j]);
            off += f.mean[j] - actual;
            came += actual;
            if f.mean[j] >= 2.0 {
                rows += 1.0;
                inside += if q[1] < actual && actual < q[5] {
                    1.0
                } else {
                    0.5 * f64::from(u8::from(actual == q[1] || actual == q[5]))
                };
            }
        }
    }
    let (covered, lean) = (inside / rows, off / came);
    assert!(rows > 200.0 && (0.74..0.86).contains(&covered), "80 % interval covers {covered} of {rows}");
    assert!(lean.abs() < 0.06, "bias {lean}");
}

#[test]
fn a_holiday_ahead_is_a_quiet_day_and_one_behind_is_forgiven() {
    let (n, horizon) = (140, 7);
    let counts: Vec<f64> = (0..n)
        .map(|t| match t {
            // Two Wednesdays off.
            79 | 135 => 3.0,
            _ if t % 7 < 5 => 100.0 + (t % 3) as f64,
            _ => 4.0,
        })
        .collect();
    let slots: Vec<usize> = (0..n + horizon).map(|t| t % 7).collect();
    let rest = rest_periods(&counts, &slots[..n], 7);
    assert_eq!(rest.iter().enumerate().filter(|(_, r)| **r).map(|(t, _)| t).collect::<Vec<_>>(), [79, 135]);
    let at = |chance: f64| {
        let mut rest: Vec<f64> = rest.iter().map(|r| f64::from(u8::from(*r))).collect();
        rest.extend((0..horizon).map(|j| if j == 2 { chance } else { 0.0 }));
        let all = n + horizon;
        let calendar =
            CountCalendar::new(slots.clone(), 7, vec![1.0; all], rest, vec![true; all], n).unwrap();
        forecast_counts(std::slice::from_ref(&counts), &counts, &calendar).unwrap().remove(0)
    };
    let (working, sure, perhaps) = (at(0.0), at(1.0), at(0.5));
    assert!((working.mean[2] - 100.0).abs() < 4.0, "{}", working.mean[2]);
    assert!(sure.mean[2] < 8.0 && sure.quantiles[2][6] < 20.0, "{sure:?}");
    assert!((perhaps.mean[2] - 52.0).abs() < 5.0, "{}", perhaps.mean[2]);
    assert!(perhaps.quantiles[2][1] < 10.0 && perhaps.quantiles[2][5] > 90.0, "either or: {perhaps:?}");
}

#[test]
fn a_gap_of_the_records_teaches_nothing() {
    let (n, horizon) = (160, 7);
    let mut counts = vec![20.0; n];
    counts[90..130].fill(0.0);
    let mut recorded = vec![true; n + horizon];
    let forecast = |recorded: &[bool]| {
        let all = n + horizon;
        let calendar =
            CountCalendar::new(vec![0; all], 1, vec![1.0; all], vec![0.0; all], recorded.to_vec(), n)
                .unwrap();
        forecast_counts(std::slice::from_ref(&counts), &counts, &calendar).unwrap().remove(0).mean[0]
    };
    recorded[90..130].fill(false);
    assert!((forecast(&recorded) - 20.0).abs() < 0.5, "{}", forecast(&recorded));
}
