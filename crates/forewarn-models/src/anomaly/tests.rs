//! Whether the stated rate of false alarms is kept by series that go on as before, and what bad input does. It does not know
//! true events.

use super::*;
use crate::rng::{generator, uniform};
use proptest::prelude::*;
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
fn stationary(kind: &str, step: f64, n: usize, seed: u64) -> (Vec<f64>, Vec<f64>) {
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

const KINDS: [&str; 7] =
    ["Gaussian", "Student t3", "autoregressive 0.9", "seasonal", "Poisson", "burst", "rare Poisson"];

/// Alarms per stated false alarm; `--nocapture` prints the table of `benches/results/anomalies.md`.
#[test]
#[expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "the table is the result; a test fails by panicking"
)]
fn the_stated_rate_of_false_alarms_is_kept() {
    for (step, n, n_series, rates) in [
        (1.0, 365, 300, &[30.0, 90.0][..]),
        (1.0 / 24.0, 2000, 60, &[7.0, 14.0]),
        (1.0 / 288.0, 4032, 40, &[2.0, 3.0, 7.0]),
    ] {
        for kind in KINDS {
            let (mut alarms, mut watched_days) = (vec![0; rates.len()], 0.0);
            for seed in 0..n_series {
                let (days, values) = stationary(kind, step, n, seed);
                let found = anomalies(&days, &values).unwrap();
                for (sum, one_in) in alarms.iter_mut().zip(rates) {
                    *sum += found.alarms(*one_in).unwrap().len();
                }
                watched_days += found.surprises.iter().flatten().count() as f64 * step;
            }
            for (alarms, one_in) in alarms.iter().zip(rates) {
                let stated = watched_days / one_in;
                let ratio = f64::from(*alarms as u32) / stated;
                println!(
                    "| {kind} | {:.3} | 1 in {one_in} | {stated:.0} | {alarms} | {ratio:.2} |",
                    step * 24.0
                );
                // Nineteen readings of twenty equal: an event is a single count, and its rate is learned slowly. Of the rarest
                // events, the last rate, few lie in the past of one series, and their rate is extended from commoner ones.
                let rarest = Some(one_in) == rates.last();
                let factor = match kind {
                    "rare Poisson" => 3.5,
                    _ if rarest => 2.0,
                    _ => 1.5,
                };
                assert!((1.0 / factor..=factor).contains(&ratio), "{kind} {step} {one_in}: {ratio}");
            }
        }
    }
}

/// What every answer must be.
fn sound(days: &[f64], values: &[f64]) -> Anomalies {
    let found = anomalies(days, values).unwrap_or_else(|e| panic!("{e}"));
    for s in found.surprises.iter().flatten() {
        assert!(s.false_alarms_per_day.is_finite() && s.false_alarms_per_day > 0.0, "{s:?}");
        assert!(s.p_value > 0.0 && s.p_value < 1.0 && s.expected.is_finite(), "{s:?}");
    }
    assert_eq!(found.surprises.len(), values.len());
    found
}

#[test]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
fn bad_input_gives_an_answer_or_an_error() {
    let n = 400;
    let days: Vec<f64> = (0..n).map(f64::from).collect();
    let (_, plain) = stationary("Gaussian", 1.0, 400, 1);
    let with = |change: &dyn Fn(usize, f64) -> f64| -> Vec<f64> {
        plain.iter().enumerate().map(|(i, v)| change(i, *v + 50.0)).collect()
    };

    assert!(sound(&[], &[]).surprises.is_empty());
    assert_eq!(sound(&days[..2], &[1.0, 2.0]).surprises, vec![None, None]);
    assert!(sound(&days, &with(&|_, _| f64::NAN)).surprises.iter().all(Option::is_none));
    assert!(sound(&days, &with(&|_, _| 7.0)).alarms(30.0).unwrap().is_empty());
    sound(
        &days,
        &with(&|i, v| {
            if i % 3 == 0 {
                f64::INFINITY
            } else if i % 5 == 0 {
                f64::NEG_INFINITY
            } else {
                v
            }
        }),
    );
    sound(&days, &with(&|i, v| v * if i % 2 == 0 { f64::MAX } else { -1e300 }));

    // Another unit is an event; the wider scatter that comes with it is learned within weeks, not days. A sensor that stands
    // still is one event.
    let unit = sound(&days, &with(&|i, v| if i < 200 { v } else { 1000.0 * v }));
    let alarms = unit.alarms(90.0).unwrap();
    assert!(alarms.contains(&200) && alarms.iter().filter(|a| **a > 200).count() <= 9, "{alarms:?}");
    let stuck = sound(&days, &with(&|i, v| if i < 250 { v } else { 50.0 })).alarms(90.0).unwrap();
    assert!(stuck.iter().any(|a| (250..290).contains(a)) && stuck.iter().filter(|a| **a > 300).count() <= 2);

    // Equal times: the first counts. Times that jump back, or are none, are errors.
    let twice: Vec<f64> = days.iter().map(|d| (d / 2.0).floor()).collect();
    assert!(sound(&twice, &plain).surprises.iter().skip(1).step_by(2).all(Option::is_none));
    let mut back = days.clone();
    back[100] = 3.0;
    assert!(matches!(anomalies(&back, &plain), Err(crate::ModelError::OutOfRange { .. })));
    back[100] = f64::NAN;
    assert!(matches!(anomalies(&back, &plain), Err(crate::ModelError::NotFinite { row: 100, .. })));
    assert!(anomalies(&days, &plain[1..]).is_err());
}

#[test]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
fn a_shift_is_an_alarm_once_and_a_nightly_burst_none() {
    let (days, mut values) = stationary("Gaussian", 1.0 / 288.0, 4032, 3);
    values[2000..].iter_mut().for_each(|v| *v += 8.0);
    let alarms = anomalies(&days, &values).unwrap().alarms(30.0).unwrap();
    assert_eq!(alarms.iter().filter(|a| (2000..2010).contains(*a)).count(), 1, "{alarms:?}");
    assert!(alarms.iter().filter(|a| **a > 2400).count() <= 1, "{alarms:?}");

    let (days, mut values) = stationary("burst", 1.0 / 288.0, 288 * 20, 3);
    values[288 * 15 + 144] += 60.0;
    let found = anomalies(&days, &values).unwrap().alarms(30.0).unwrap();
    let late: Vec<&usize> = found.iter().filter(|a| **a > 288 * 7).collect();
    assert!(late.contains(&&(288 * 15 + 144)) && late.len() <= 2, "{found:?}");
}

#[test]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
fn what_peers_do_too_is_no_alarm() {
    let peers: Vec<Vec<f64>> = (0..8).map(|k| stationary("Gaussian", 1.0, 365, 50 + k).1).collect();
    let fleet = |i: usize| if (200..230).contains(&i) { 30.0 } else { 0.0 };
    let shifted: Vec<Vec<f64>> =
        peers.iter().map(|p| p.iter().enumerate().map(|(i, v)| v + fleet(i)).collect()).collect();
    let slices: Vec<&[f64]> = shifted.iter().map(Vec::as_slice).collect();
    let mut own: Vec<f64> =
        stationary("Gaussian", 1.0, 365, 99).1.iter().enumerate().map(|(i, v)| v + 4.0 + fleet(i)).collect();
    own[300] += 12.0;
    let days: Vec<f64> = (0..365).map(f64::from).collect();
    let alarms = anomalies(&days, &from_peers(&own, &slices).unwrap()).unwrap().alarms(365.0).unwrap();
    assert!(alarms.contains(&300) && !alarms.iter().any(|a| (195..235).contains(a)), "{alarms:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_score_knows_nothing_of_later_readings(seed in 0_u64..1000, kind in 0_usize..7, cut in 1_usize..600, daily: bool) {
        let step = if daily { 1.0 } else { 1.0 / 48.0 };
        let (days, values) = stationary(KINDS[kind], step, 600, seed);
        let whole = sound(&days, &values).surprises;
        prop_assert_eq!(&sound(&days[..cut], &values[..cut]).surprises, &whole[..cut]);
    }

    /// What is left out where only the last alarm is asked for changes nothing: with gaps, ties, events and any rate.
    #[test]
    fn the_last_alarm_is_that_of_all(
        seed in 0_u64..1000,
        kind in 0_usize..7,
        step in prop_oneof![Just(1.0), Just(7.0), Just(1.0 / 24.0)],
        events in prop::collection::vec((0_usize..500, -60.0_f64..60.0, 1_usize..20), 0..4),
        rounded: bool,
        keep in 1_usize..12,
        end in 1_usize..500,
        one_in in prop_oneof![Just(1.0), Just(30.0), Just(365.0), Just(1e4), Just(2e5)],
    ) {
        let (days, mut values) = stationary(KINDS[kind], step, 500, seed);
        for (from, more, n) in events {
            for v in &mut values[from..(from + n).min(500)] {
                *v += more;
            }
        }
        values.iter_mut().enumerate().filter(|(i, _)| i % 12 >= keep).for_each(|(_, v)| *v = f64::NAN);
        if rounded {
            for v in &mut values {
                *v = v.round();
            }
        }
        let (days, values) = (&days[..end], &values[..end]);
        let all = sound(days, values);
        let last = all.alarms(one_in).unwrap_or_else(|e| panic!("{e}")).last().map(|i| (*i, all.surprises[*i]));
        let found = last_alarm(days, values, one_in).unwrap_or_else(|e| panic!("{e}"));
        prop_assert_eq!(found.map(|(i, surprise)| (i, Some(surprise))), last);
    }

    #[test]
    fn nothing_panics(
        steps in prop::collection::vec(prop_oneof![Just(0.0), Just(1.0), Just(1e-9), Just(1e6), 0.0_f64..2.0], 0..400),
        values in prop::collection::vec(
            prop_oneof![Just(0.0), Just(f64::NAN), Just(f64::INFINITY), Just(f64::MAX), Just(-1e-320), any::<f64>(), -9.0_f64..9.0],
            400,
        ),
    ) {
        let days: Vec<f64> = steps.iter().scan(0.0, |day, step| { *day += step; Some(*day) }).collect();
        let found = sound(&days, &values[..days.len()]);
        for one_in in [1e-300, 1.0, 1e300] {
            prop_assert!(found.alarms(one_in).is_ok());
            prop_assert!(last_alarm(&days, &values[..days.len()], one_in).is_ok());
        }
    }
}
