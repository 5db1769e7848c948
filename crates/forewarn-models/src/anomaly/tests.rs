//! Whether the stated rate of false alarms is kept by series that go on as before. It does not know true events.

use super::*;
use crate::rng::{generator, uniform};
use rand_chacha::ChaCha8Rng;

pub(super) fn normal(rng: &mut ChaCha8Rng) -> f64 {
    let (u, v) = (uniform(rng), uniform(rng));
    (-2.0 * (1.0 - u).ln()).sqrt() * (std::f64::consts::TAU * v).cos()
}

fn poisson(rng: &mut ChaCha8Rng, mean: f64) -> f64 {
    let limit = (-mean).exp();
    let (mut product, mut n) = (uniform(rng), 0.0);
    while product > limit {
        product *= uniform(rng);
        n += 1.0;
    }
    n
}

/// A stationary series of `n` readings `step` days apart.
pub(super) fn stationary(kind: &str, step: f64, n: usize, seed: u64) -> (Vec<f64>, Vec<f64>) {
    let mut rng = generator(seed, 1);
    let mut state = 0.0;
    let values = (0..n)
        .map(|i| {
            let day = i as f64 * step;
            let z = normal(&mut rng);
            match kind {
                "Gaussian" => z,
                "Student t3" => {
                    let chi: f64 = (0..3).map(|_| normal(&mut rng).powi(2)).sum();
                    z / (chi / 3.0).sqrt()
                }
                "autoregressive 0.9" => {
                    state = 0.9 * state + z;
                    state
                }
                "seasonal" => {
                    let period = if step < 0.5 { 1.0 } else { 7.0 };
                    z + 5.0 * (std::f64::consts::TAU * day / period).sin()
                }
                "Poisson" => poisson(&mut rng, 4.0),
                "rare Poisson" => poisson(&mut rng, 0.05),
                // A backup from one in the night (Saturday for daily readings).
                "burst" => {
                    let burst = if step < 0.5 { (day.fract() - 0.04).abs() < 0.03 } else { i % 7 == 5 };
                    z + if burst { 40.0 + 5.0 * normal(&mut rng) } else { 0.0 }
                }
                other => panic!("no such series: {other}"),
            }
        })
        .collect();
    ((0..n).map(|i| i as f64 * step).collect(), values)
}

pub(super) const KINDS: [&str; 7] =
    ["Gaussian", "Student t3", "autoregressive 0.9", "seasonal", "Poisson", "rare Poisson", "burst"];

#[test]
fn explore() {
    for (step, n, one_in) in [
        (1.0, 365, 30.0),
        (1.0, 365, 90.0),
        (1.0 / 288.0, 4032, 7.0),
        (1.0 / 288.0, 4032, 2.0),
        (1.0 / 24.0, 2000, 14.0),
    ] {
        for kind in KINDS {
            let reps = if n < 1000 { 300 } else { 60 };
            let (mut alarms, mut watched) = (0, 0.0);
            let mut parts = [0; 8];
            for seed in 0..reps {
                let (days, values) = stationary(kind, step, n, seed);
                let found = anomalies(&days, &values).unwrap();
                let al = found.alarms(one_in).unwrap();
                for a in &al {
                    parts[a * 8 / n] += 1;
                }
                alarms += al.len();
                watched += found.surprises.iter().flatten().count() as f64 * step;
            }
            println!("{step:.4} 1/{one_in} {kind}: ratio {:.2} {parts:?}", alarms as f64 * one_in / watched);
        }
    }
}
