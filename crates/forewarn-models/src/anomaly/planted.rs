//! Planted anomalies in made-up series that look like metrics of machines: what share is found at one false alarm a week.
//! It does not know real series.

use super::tests::normal;
use super::*;
use crate::rng::{generator, uniform};

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
                    } else if left > 0 {
                        left -= 1;
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

#[test]
fn explore_planted() {
    let mut sum = 0.0;
    let rates = [0.5, 1.0, 1.5, 2.0, 3.0, 5.0, 7.0, 14.0, 30.0];
    let mut scores = [0.0; 9];
    for kind in BASES {
        let mut line = format!("{kind:10}");
        let mut false_alarms = 0;
        for planted in PLANTED {
            let mut found = 0;
            for seed in 0..30 {
                let mut v = base(kind, 4032, seed, planted == "busy");
                let mut sorted = v[..AT].to_vec();
                sorted.sort_by(f64::total_cmp);
                let q = |p: f64| sorted[(p * (AT - 1) as f64) as usize];
                let (mid, high, top) = (q(0.5), q(0.95), q(1.0));
                let mut rng = generator(seed, 3);
                match planted {
                    "spike" => v[AT] = top + 0.7 * (top - mid),
                    "shift" => v[AT..].iter_mut().for_each(|x| *x += high - mid),
                    "plateau" => v[AT..AT + 36].iter_mut().for_each(|x| {
                        *x = high + 0.3 * (top - high) + 0.02 * (high - mid) * normal(&mut rng)
                    }),
                    "rough" => v[AT..AT + 100]
                        .iter_mut()
                        .for_each(|x| *x = mid + 2.0 * (*x - mid) + 0.3 * (high - mid) * normal(&mut rng)),
                    "flat" => v[AT..AT + 150].iter_mut().for_each(|x| *x = mid),
                    _ => {}
                }
                let days: Vec<f64> = (0..v.len()).map(|i| i as f64 / 288.0).collect();
                let all = anomalies(&days, &v).unwrap();
                for (score, one_in) in scores.iter_mut().zip(rates) {
                    let alarms = all.alarms(one_in).unwrap();
                    let hit = alarms.iter().find(|a| (AT..AT + WINDOW).contains(*a));
                    let fp = alarms.iter().filter(|a| **a < AT && **a >= 604).count() as f64 * 4032.0 * 0.85
                        / (2500.0 - 604.0);
                    // About one true event a week: two weeks have two, so that each bears half of the false alarms.
                    *score += (hit.map_or(0.0, |a| {
                        1.0 + 2.0 / (1.0 + (5.0 * ((a - AT) as f64 / 200.0 - 1.0)).exp()) - 1.0
                    }) - 0.11 * 0.5 * fp)
                        / 2.0
                        / 14.4;
                }
                let alarms = all.alarms(7.0).unwrap();
                found += u32::from(alarms.iter().any(|a| (AT..AT + WINDOW).contains(a)));
                false_alarms += alarms.iter().filter(|a| **a < AT).count();
            }
            line += &format!(" {planted} {:3.0}", f64::from(found) / 0.3);
            sum += f64::from(found) / 0.3;
        }
        // Expected: 6 * 30 series, one in seven days, after a day and a third.
        println!("{line}  false ratio {:.2}", false_alarms as f64 / (180.0 * (2500.0 - 384.0) / 288.0 / 7.0));
    }
    println!("mean {:.1} {rates:?} {scores:.1?}", sum / 48.0);
}
