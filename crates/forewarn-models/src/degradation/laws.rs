//! Laws of trends, changes, crossings and remaining lives: coverage on simulated series, and any input gives an answer
//! or an error that says what is wrong. It does not know real series.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use crate::{
    ChangeKind, DailySeries, RemainingLife, RemainingModel, RemainingParams, Side, UnitPath, change_points,
    course, time_to_threshold, trend,
};
use proptest::prelude::*;

struct Draw(u64);

impl Draw {
    fn share(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 ^ (self.0 >> 29)) >> 11) as f64 / 9_007_199_254_740_992.0
    }
    fn normal(&mut self) -> f64 {
        (-2.0 * (1.0 - self.share()).ln()).sqrt() * (std::f64::consts::TAU * self.share()).cos()
    }
}

fn series(x: &[f64]) -> DailySeries {
    let days: Vec<f64> = (0..x.len()).map(|i| i as f64).collect();
    DailySeries::new(&days, x).unwrap()
}

/// Fills whose rate changes about once in 200 days, and wanders a little; noise that remembers, bursts.
#[test]
fn intervals_hold_the_day_of_crossing() {
    let mut d = Draw(11);
    let (mut n, mut within) = (0, 0);
    for _ in 0..600 {
        let length = 60 + (200.0 * d.share()) as usize;
        let rate = 0.05 + 0.5 * d.share();
        let (noise, rho) = (0.2 + d.share(), 0.7 * d.share());
        let now = 50.0 + 35.0 * d.share();
        let (mut at, mut own) = (0.0, rate);
        let mut level: Vec<f64> = (0..length + 180)
            .map(|_| {
                if d.share() < 0.005 {
                    own = 2.0 * rate * d.share();
                }
                at += own + 0.3 * rate * d.normal();
                at
            })
            .collect();
        let off = now - level[length - 1];
        for v in &mut level {
            *v += off;
        }
        if level[..length].iter().any(|v| *v >= 90.0) {
            continue;
        }
        let mut memory = d.normal();
        let seen: Vec<f64> = level[..length]
            .iter()
            .map(|v| {
                memory = rho * memory + (1.0 - rho * rho).sqrt() * d.normal();
                v + noise * memory + if d.share() < 0.03 { 8.0 } else { 0.0 }
            })
            .collect();
        let day = level[length..].iter().position(|v| *v >= 90.0).map_or(f64::INFINITY, |i| i as f64 + 1.0);
        let found = time_to_threshold(&series(&seen), 90.0, Side::Above, 180.0).unwrap().unwrap();
        if found.low_days.is_none() && day.is_infinite() {
            continue;
        }
        n += 1;
        let far = f64::INFINITY;
        within += usize::from(found.low_days.unwrap_or(far) <= day && day <= found.high_days.unwrap_or(far));
    }
    let share = within as f64 / f64::from(n);
    assert!(n > 300 && (0.76..=0.84).contains(&share), "{share} of {n}");
}

#[test]
fn a_stable_series_crosses_nothing_and_a_mirrored_one_the_other_side() {
    let mut d = Draw(5);
    let quiet: Vec<f64> =
        (0..200).map(|_| 70.0 + d.normal() + if d.share() < 0.05 { 25.0 } else { 0.0 }).collect();
    let found = time_to_threshold(&series(&quiet), 90.0, Side::Above, 180.0).unwrap().unwrap();
    assert_eq!(
        (found.low_days, found.median_days),
        (None, None),
        "bursts beyond the threshold cross nothing"
    );
    let rising: Vec<f64> = (0..100).map(|i| 0.4 * f64::from(i) + d.normal()).collect();
    let falling: Vec<f64> = rising.iter().map(|v| -v).collect();
    let up = time_to_threshold(&series(&rising), 60.0, Side::Above, 180.0).unwrap().unwrap();
    let down = time_to_threshold(&series(&falling), -60.0, Side::Below, 180.0).unwrap().unwrap();
    assert!((up.median_days.unwrap() - down.median_days.unwrap()).abs() < 1e-6);
    assert!((up.median_days.unwrap() - 50.0).abs() < 10.0);
    assert!(time_to_threshold(&series(&rising[..5]), 60.0, Side::Above, 180.0).unwrap().is_none());
    assert!(up.probability_within(0.0) <= up.probability_within(40.0));
    let past = time_to_threshold(&series(&rising), 20.0, Side::Above, 180.0).unwrap().unwrap();
    assert_eq!(past.median_days, Some(0.0), "crossed already");
}

#[test]
fn a_disk_cleaned_at_80_will_be_cleaned_before_90() {
    let mut d = Draw(6);
    let sawtooth: Vec<f64> = (0..230).map(|i| 50.0 + f64::from(i % 50) * 0.6 + 0.3 * d.normal()).collect();
    let found = time_to_threshold(&series(&sawtooth), 90.0, Side::Above, 180.0).unwrap().unwrap();
    assert_eq!((found.n_cleanups, found.median_days), (4, None));
    assert!(found.probability_within(180.0) < 0.3);
}

#[test]
fn odd_series_get_an_answer() {
    let constant = series(&[5.0; 100]);
    assert!(change_points(&constant).is_empty());
    assert!((trend(&constant, 0).unwrap().p_value - 1.0).abs() < 1e-12);
    let still = time_to_threshold(&constant, 6.0, Side::Above, 180.0).unwrap().unwrap();
    assert_eq!(still.low_days, None);
    let missing = series(&[f64::NAN; 50]);
    assert!(trend(&missing, 0).is_none() && change_points(&missing).is_empty());
    let two = course(&series(&[1.0, 2.0]), &[(3.0, Side::Above)], 30.0).unwrap();
    assert!(two.trend.is_none() && two.crossings[0].is_none());
    // A sensor that got stuck is one change, of spread or level; a counter that wraps is jumps, not a trend down.
    let mut d = Draw(7);
    let mut stuck: Vec<f64> = (0..200).map(|_| d.normal()).collect();
    for v in &mut stuck[120..] {
        *v = 0.3;
    }
    let found = change_points(&series(&stuck));
    assert!(found.len() == 1 && found[0].day.abs_diff(120) < 15 && found[0].spread_ratio.unwrap() < 0.1);
    let wraps: Vec<f64> = (0..300).map(|i| f64::from((i * 11) % 1024) + d.normal()).collect();
    let found = change_points(&series(&wraps));
    assert_eq!(
        found.iter().map(|c| (c.day, c.kind)).collect::<Vec<_>>(),
        [(94, ChangeKind::Level), (187, ChangeKind::Level), (280, ChangeKind::Level)]
    );
}

fn fleet(units: usize, seed: u64) -> Vec<UnitPath> {
    let mut d = Draw(seed);
    (0..units)
        .map(|u| {
            let life = 60 + (120.0 * d.share()) as usize;
            let wear = |t: usize| (0.05 * (t as f64 - life as f64)).exp();
            // Every third unit still runs: it was seen for a part of its life.
            let seen = if u % 3 == 2 { life / 2 } else { life };
            UnitPath {
                times_days: (0..seen).map(|t| t as f64).collect(),
                sensors: vec![
                    (0..seen).map(|t| 3.0 * wear(t) + 0.2 * d.normal()).collect(),
                    (0..seen).map(|_| d.normal()).collect(),
                    (0..seen).map(|t| 100.0 - 9.0 * wear(t) + 0.5 * d.normal()).collect(),
                    vec![7.0; seen],
                ],
                failed: seen == life,
            }
        })
        .collect()
}

#[test]
fn remaining_lives_of_a_simulated_fleet() {
    let units = fleet(90, 3);
    let params = RemainingParams { cap_days: 60.0, ..Default::default() };
    let model = RemainingModel::fit(&units, &params).unwrap().unwrap();
    assert_eq!(model.sensors(), [0, 2], "noise and a constant say nothing");
    let others: Vec<UnitPath> = fleet(180, 4).into_iter().filter(|u| u.failed).collect();
    let (mut squares, mut within, mut n) = (0.0, 0, 0.0);
    for unit in &others {
        for left in [5, 15, 30, 45] {
            let end = unit.times_days.len() - left;
            let cut = UnitPath {
                times_days: unit.times_days[..end].to_vec(),
                sensors: unit.sensors.iter().map(|s| s[..end].to_vec()).collect(),
                failed: false,
            };
            let found: RemainingLife = model.predict(&cut).unwrap();
            let life = left as f64;
            squares += (found.expected_days - life).powi(2);
            let far = f64::INFINITY;
            within +=
                usize::from(found.low_days.unwrap_or(far) <= life && life <= found.high_days.unwrap_or(far));
            n += 1.0;
        }
    }
    assert!((squares / n).sqrt() < 10.0, "{}", (squares / n).sqrt());
    assert!((0.7..=0.9).contains(&(within as f64 / n)), "{}", within as f64 / n);
    let alone = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let again = alone.install(|| RemainingModel::fit(&units, &params).unwrap().unwrap());
    // One thread or all: the same bits.
    assert_eq!(model.predict(&others[0]).unwrap(), again.predict(&others[0]).unwrap());
    assert!(RemainingModel::fit(&units[..12], &params).unwrap().is_none(), "eight failed units are too few");
    let mut odd = units[0].clone();
    odd.sensors.pop();
    assert!(model.predict(&odd).is_err());
}

#[test]
fn odd_fleets_get_an_answer() {
    let params = RemainingParams { cap_days: 60.0, folds: 2, ..Default::default() };
    let mut units = fleet(30, 8);
    for unit in &mut units {
        let n = unit.times_days.len();
        unit.sensors[0] = vec![f64::NAN; n];
        unit.sensors[2][n / 2] = f64::NAN;
    }
    units.push(UnitPath { times_days: vec![3.0], sensors: vec![vec![1.0]; 4], failed: true });
    let model = RemainingModel::fit(&units, &params).unwrap().unwrap();
    assert_eq!(model.sensors(), [2]);
    let unknown = UnitPath { times_days: vec![0.0], sensors: vec![vec![f64::NAN]; 4], failed: false };
    let found = model.predict(&unknown).unwrap();
    assert!((0.0..=60.0).contains(&found.expected_days));
    // No sensor says anything: age alone is left.
    for unit in &mut units {
        unit.sensors.truncate(1);
    }
    let model = RemainingModel::fit(&units, &params).unwrap().unwrap();
    assert!(model.sensors().is_empty());
    let back = UnitPath { times_days: vec![1.0, 0.0], sensors: vec![vec![0.0; 2]], failed: false };
    assert!(model.predict(&back).is_err(), "time runs back");
    assert!(RemainingModel::fit(&[], &params).unwrap().is_none());
}

fn value() -> impl Strategy<Value = f64> {
    prop_oneof![
        6 => -10.0..100.0_f64,
        1 => Just(f64::NAN),
        1 => Just(0.0),
        1 => Just(5.0),
        1 => -1e100..1e100_f64,
        1 => Just(1e-300),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Times in any order, doubles, gaps, values of any size: an answer within its range.
    #[test]
    fn any_series_is_answered(
        points in prop::collection::vec((0.0..400.0_f64, value()), 1..400),
        threshold in -1e6..1e6_f64,
        above in any::<bool>(),
    ) {
        let (days, values): (Vec<f64>, Vec<f64>) = points.into_iter().unzip();
        let series = DailySeries::new(&days, &values).unwrap();
        let side = if above { Side::Above } else { Side::Below };
        let found = course(&series, &[(threshold, side)], 180.0).unwrap();
        if let Some(trend) = found.trend {
            prop_assert!(trend.p_value > 0.0 && trend.p_value <= 1.0);
            prop_assert!(trend.slope_per_day.is_finite() && trend.std_error >= 0.0);
            let (low, high) = trend.interval(0.8);
            prop_assert!(low <= trend.slope_per_day && trend.slope_per_day <= high);
        }
        prop_assert!(found.changes.windows(2).all(|w| w[0].day <= w[1].day));
        if let Some(crossing) = &found.crossings[0] {
            let order = |a: Option<f64>, b: Option<f64>| a.unwrap_or(1e9) <= b.unwrap_or(1e9);
            prop_assert!(order(crossing.low_days, crossing.median_days));
            prop_assert!(order(crossing.median_days, crossing.high_days));
            for days in [0.0, 1.0, 30.0, 500.0] {
                prop_assert!((0.0..=1.0).contains(&crossing.probability_within(days)));
            }
        }
    }

    #[test]
    fn units_and_origin_change_nothing(seed in 0..1000_u64, scale in 0.001..1000.0_f64, origin in -1e4..1e4_f64) {
        let mut d = Draw(seed);
        let x: Vec<f64> = (0..120).map(|i| 0.05 * f64::from(i) + d.normal()).collect();
        let days: Vec<f64> = (0..120).map(f64::from).collect();
        let later: Vec<f64> = days.iter().map(|t| t + origin.round()).collect();
        let scaled: Vec<f64> = x.iter().map(|v| v * scale).collect();
        let one = trend(&DailySeries::new(&days, &x).unwrap(), 0).unwrap();
        let other = trend(&DailySeries::new(&later, &scaled).unwrap(), 0).unwrap();
        prop_assert!((one.slope_per_day * scale - other.slope_per_day).abs() < 1e-6 * scale);
        prop_assert!((one.p_value - other.p_value).abs() < 1e-6);
    }

    #[test]
    fn bad_times_and_values_are_errors(at in 0..20_usize, kind in 0..3_u8) {
        let mut days: Vec<f64> = (0..20).map(f64::from).collect();
        let mut values = vec![1.0; 20];
        match kind {
            0 => days[at] = f64::NAN,
            1 => values[at] = f64::NEG_INFINITY,
            _ => days[at] = 1e9,
        }
        prop_assert!(DailySeries::new(&days, &values).is_err());
        prop_assert!(DailySeries::new(&days[1..], &values).is_err());
    }
}
