//! Simulated series of known truth: how often trends and changes are found where there are none, and where there are.
//! It does not know real series.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;
use crate::rng::{generator, uniform};
use rand_chacha::ChaCha8Rng;

pub(crate) fn normal(rng: &mut ChaCha8Rng) -> f64 {
    (-2.0 * (1.0 - uniform(rng)).ln()).sqrt() * (std::f64::consts::TAU * uniform(rng)).cos()
}

/// A stationary series of unit variance whose days correlate by `rho`.
pub(super) fn memory(rng: &mut ChaCha8Rng, n: usize, rho: f64) -> Vec<f64> {
    let mut x = normal(rng);
    (0..n)
        .map(|_| {
            let now = x;
            x = rho * x + (1.0 - rho * rho).sqrt() * normal(rng);
            now
        })
        .collect()
}

fn t3(rng: &mut ChaCha8Rng) -> f64 {
    let chi: f64 = (0..3).map(|_| normal(rng).powi(2)).sum();
    normal(rng) / (chi / 3.0).sqrt()
}

fn series(x: &[f64]) -> DailySeries {
    let days: Vec<f64> = (0..x.len()).map(|i| i as f64).collect();
    DailySeries::new(&days, x).unwrap()
}

fn share(runs: u64, seed: u64, mut hit: impl FnMut(&mut ChaCha8Rng) -> bool) -> f64 {
    (0..runs).filter(|i| hit(&mut generator(seed, *i))).count() as f64 / runs as f64
}

/// Makes one series of a kind.
type Make = fn(&mut ChaCha8Rng, usize) -> Vec<f64>;

const STATIONARY: [(&str, Make); 5] = [
    ("white noise", |rng, n| memory(rng, n, 0.0)),
    ("memory 0.5", |rng, n| memory(rng, n, 0.5)),
    ("memory 0.8", |rng, n| memory(rng, n, 0.8)),
    ("weekly season", |rng, n| (0..n).map(|i| normal(rng) - if i % 7 > 4 { 3.0 } else { 0.0 }).collect()),
    ("heavy tails", |rng, n| (0..n).map(|_| t3(rng)).collect()),
];

fn moved(x: &[f64]) -> bool {
    change_points(&series(x)).iter().any(|c| c.kind != ChangeKind::Spread)
}

#[test]
fn no_trend_is_the_usual_answer() {
    for n in [120, 365] {
        for (name, make) in STATIONARY {
            let found = share(2000, 5, |rng| trend(&series(&make(rng, n)), 0).unwrap().p_value < 0.05);
            assert!((0.03..=0.07).contains(&found), "{name}, {n} days: {found}");
        }
    }
    // A week's memory of 0.9 a day is too much for these days, and a random walk is no series without trend.
    let slow = share(1000, 5, |rng| trend(&series(&memory(rng, 365, 0.9)), 0).unwrap().p_value < 0.05);
    assert!(slow < 0.12, "{slow}");
    let saw = share(500, 6, |rng| {
        let offset = (30.0 * uniform(rng)) as usize;
        let x = memory(rng, 365, 0.5);
        let x: Vec<f64> = x.iter().enumerate().map(|(i, v)| v + 0.5 * ((i + offset) % 30) as f64).collect();
        trend(&series(&x), 0).unwrap().p_value < 0.05
    });
    assert!(saw < 0.08, "{saw}");
}

#[test]
fn trends_are_found_and_bursts_are_not_in_the_way() {
    let rising = |rng: &mut ChaCha8Rng, slope: f64, rho: f64| -> Vec<f64> {
        memory(rng, 365, rho).iter().enumerate().map(|(i, v)| v + slope * i as f64).collect()
    };
    for (slope, rho, least) in [(0.002, 0.0, 0.9), (0.005, 0.5, 0.95), (0.01, 0.8, 0.95)] {
        let found = share(500, 8, |rng| trend(&series(&rising(rng, slope, rho)), 0).unwrap().p_value < 0.05);
        assert!(found >= least, "{slope} {rho}: {found}");
    }
    let covered = share(1000, 9, |rng| {
        let mut x = rising(rng, 0.01, 0.5);
        for v in x.iter_mut().filter(|_| uniform(rng) < 0.03) {
            *v += 40.0;
        }
        let (low, high) = trend(&series(&x), 0).unwrap().interval(0.8);
        low <= 0.01 && 0.01 <= high
    });
    assert!((0.75..=0.85).contains(&covered), "{covered}");
}

#[test]
fn changes_are_rare_where_nothing_changed() {
    for n in [120, 365] {
        for (name, make) in STATIONARY {
            let found = share(1500, 5, |rng| moved(&make(rng, n)));
            assert!(found <= 0.018, "{name}, {n} days: {found}");
            let spread = share(1500, 5, |rng| {
                change_points(&series(&make(rng, n))).iter().any(|c| c.kind == ChangeKind::Spread)
            });
            assert!(spread <= 0.01, "{name}, {n} days: spread {spread}");
        }
        let slope = share(1000, 5, |rng| {
            let x = memory(rng, n, 0.5);
            moved(&x.iter().enumerate().map(|(i, v)| v + 0.05 * i as f64).collect::<Vec<_>>())
        });
        assert!(slope <= 0.01, "a slope is no staircase: {slope}");
    }
}

#[test]
fn changes_are_found_where_they_are() {
    for (jump, rho, least) in [(2.0, 0.0, 0.95), (3.0, 0.5, 0.93), (5.0, 0.8, 0.93)] {
        let found = share(300, 6, |rng| {
            let mut x = memory(rng, 365, rho);
            for v in &mut x[200..] {
                *v += jump;
            }
            let found = change_points(&series(&x));
            found.iter().any(|c| {
                c.day.abs_diff(200) < 8 && c.kind == ChangeKind::Level && (c.level_change - jump).abs() < 2.0
            })
        });
        assert!(found >= least, "{jump} {rho}: {found}");
    }
    let turned = share(300, 6, |rng| {
        let x = memory(rng, 365, 0.5);
        let x: Vec<f64> = x.iter().enumerate().map(|(i, v)| v + 0.1 * i.saturating_sub(200) as f64).collect();
        let found = change_points(&series(&x));
        found.len() == 1 && found[0].kind == ChangeKind::Slope && found[0].day.abs_diff(200) < 30
    });
    assert!(turned >= 0.9, "{turned}");
    let wider = share(300, 6, |rng| {
        let mut x = memory(rng, 365, 0.3);
        for v in &mut x[200..] {
            *v *= 4.0;
        }
        let found = change_points(&series(&x));
        found.iter().any(|c| c.day.abs_diff(200) < 15 && c.spread_ratio.is_some_and(|r| r > 2.0))
    });
    assert!(wider >= 0.9, "{wider}");
    let cleaned = share(300, 6, |rng| {
        let x = memory(rng, 350, 0.5);
        let x: Vec<f64> = x.iter().enumerate().map(|(i, v)| v + 0.5 * (i % 60) as f64).collect();
        change_points(&series(&x)).iter().map(|c| c.day / 20).eq([3, 6, 9, 12, 15])
    });
    assert!(cleaned >= 0.9, "{cleaned}");
}

#[test]
fn a_change_of_unit_is_one_change_and_no_trend() {
    let found = share(200, 7, |rng| {
        let mut x: Vec<f64> = memory(rng, 365, 0.5).iter().map(|v| v + 50.0).collect();
        for v in &mut x[180..] {
            *v *= 1000.0;
        }
        let found = change_points(&series(&x));
        found.len() == 1 && found[0].day == 180 && trend(&series(&x), found[0].day).unwrap().p_value > 0.01
    });
    assert!(found > 0.95, "{found}");
}
