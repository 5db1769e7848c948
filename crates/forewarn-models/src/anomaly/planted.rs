//! Planted anomalies in made-up series that look like metrics of machines: what share is found, and
//! at which stated rate of false alarms most is gained.
//! It does not know real series.

use super::tests::normal;
use super::*;
use crate::rng::{generator, uniform};
use crate::sigmoid;

const BASES: [&str; 8] = ["noise", "ar", "lognormal", "jobs", "quantized", "daily", "zeros", "sawtooth"];
const PLANTED: [&str; 6] = ["spike", "shift", "plateau", "rough", "flat", "busy"];
const AT: usize = 2500;
const WINDOW: usize = 200;

fn base(kind: &str, n: usize, seed: u64, busy: bool) -> Vec<f64> {
    let mut rng = generator(seed, 2);
    let (mut state, mut left, mut height) = (0.0, 0, 0.0);
    (0..n)
        .map(|i| {
            let now = busy && (AT..AT + WINDOW).contains(&i);
            let more = if now { 3.0 } else { 1.0 };
            let z = normal(&mut rng);
            let u = uniform(&mut rng);
            match kind {
                "noise" => 40.0 + 3.0 * z + if now { 3.0 } else { 0.0 },
                "ar" => {
                    state = 0.9 * state + z;
                    50.0 + more * state
                }
                "lognormal" => 10.0 * (0.6 * z + if now { 0.6 } else { 0.0 }).exp(),
                "jobs" => {
                    if left == 0 && u < more * 0.02 {
                        left = 3 + (uniform(&mut rng) * 5.0) as usize;
                        height = 20.0 * (0.3 * z).exp();
                    } else {
                        left = usize::saturating_sub(left, 1);
                    }
                    2.0 + 0.2 * z + if left > 0 { height } else { 0.0 }
                }
                "quantized" => {
                    0.1 + 0.002 * (z * 1.2).round()
                        + if u < more * 0.01 { 1.0 + uniform(&mut rng) } else { 0.0 }
                }
                "daily" => {
                    let phase = i as f64 / 288.0 + if now { 0.25 } else { 0.0 };
                    100.0 + 40.0 * (std::f64::consts::TAU * phase).sin() + 6.0 * z
                }
                "zeros" => {
                    if u < more * 0.08 {
                        1000.0 * (1.0 * z).exp()
                    } else {
                        0.0
                    }
                }
                _ => (i as f64 * more % 37.0) + z,
            }
        })
        .collect()
}

/// Readings in one made-up series: two weeks.
const N: usize = 4032;
/// Days without a false alarm, on average, that are tried.
const RATES: [f64; 8] = [0.5, 1.0, 2.0, 3.0, 5.0, 7.0, 14.0, 30.0];
/// A false alarm costs so much of a true one, in the standard profile of the Numenta Anomaly Benchmark.
const FALSE_ALARM: f64 = 0.11;

/// A series with an anomaly from `AT` on.
fn series(kind: &str, planted: &str, seed: u64) -> Vec<f64> {
    let mut v = base(kind, N, seed, planted == "busy");
    let mut sorted = v[..AT].to_vec();
    sorted.sort_by(f64::total_cmp);
    let q = |p: f64| sorted[(p * (AT - 1) as f64) as usize];
    let (mid, high, top) = (q(0.5), q(0.95), q(1.0));
    let mut rng = generator(seed, 3);
    let mut wobble = || (high - mid) * normal(&mut rng);
    match planted {
        "spike" => v[AT] = top + 0.7 * (top - mid),
        "shift" => v[AT..].iter_mut().for_each(|x| *x += high - mid),
        "plateau" => v[AT..AT + 36].iter_mut().for_each(|x| *x = high + 0.3 * (top - high) + 0.02 * wobble()),
        "rough" => v[AT..AT + 100].iter_mut().for_each(|x| *x = mid + 2.0 * (*x - mid) + 0.3 * wobble()),
        "flat" => v[AT..AT + 150].iter_mut().for_each(|x| *x = mid),
        _ => {}
    }
    v
}

/// Prints what share is found, and the benchmark's score at each rate: three days without a false alarm are best.
#[test]
#[expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "the table is the result; a test fails by panicking"
)]
fn planted_anomalies_are_found_and_three_days_are_the_best_rate() {
    const SEEDS: u64 = 16;
    let days: Vec<f64> = (0..N).map(|i| i as f64 / 288.0).collect();
    let mut scores = [0.0; RATES.len()];
    let mut found_at_3 = 0;
    for kind in BASES {
        let mut line = format!("| {kind} ");
        for planted in PLANTED {
            let mut found = 0;
            for seed in 0..SEEDS {
                let judged = anomalies(&days, &series(kind, planted, seed)).unwrap();
                for (score, one_in) in scores.iter_mut().zip(RATES) {
                    let alarms = judged.alarms(one_in).unwrap();
                    let hit = alarms.iter().find(|a| (AT..AT + WINDOW).contains(*a));
                    let earlier = alarms.iter().filter(|a| (604..AT).contains(*a)).count() as f64;
                    let false_alarms = earlier * (0.85 * N as f64) / (AT - 604) as f64;
                    // About one true event a week: two weeks have two, so that each bears half of the false alarms.
                    let early = hit.map_or(0.0, |a| 2.0 * sigmoid(5.0 - (a - AT) as f64 / 40.0));
                    *score += 0.5 * (early - FALSE_ALARM * 0.5 * false_alarms);
                    found += u64::from(one_in == 3.0 && hit.is_some());
                }
            }
            line = format!("{line}| {:.0} % ", 100.0 * found as f64 / SEEDS as f64);
            found_at_3 += found;
        }
        println!("{line}|");
    }
    let n = SEEDS as f64 * (BASES.len() * PLANTED.len()) as f64;
    let scores = scores.map(|s| 100.0 * s / n);
    println!("{PLANTED:?}; score at one false alarm in {RATES:?} days: {scores:.1?}");
    let best = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    assert!(scores[3] > best - 2.0 && scores[3] > 65.0, "{scores:?}");
    assert!(found_at_3 as f64 > 0.75 * n, "{found_at_3} of {n}");
}
