//! What holds for every candidate, and what other packages say of the classics. It does not know panels.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use serde_json::Value;

use super::candidates::{Ahead, Candidates, N, NAMES, Period};
use super::trend::{Regression, drift};

fn stored() -> Value {
    serde_json::from_str(include_str!("../../cases/counts.json")).expect("counts.json is valid")
}

/// The rows of numbers stored under a key.
pub(super) fn cases(key: &str) -> Vec<Vec<f64>> {
    let row = |v: &Value| v.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect();
    stored()[key].as_array().unwrap().iter().map(row).collect()
}

fn fed(counts: &[f64], n_slots: usize) -> Candidates {
    let warm: Vec<(f64, usize)> =
        counts.iter().take(2 * n_slots).enumerate().map(|(t, y)| (*y, t % n_slots)).collect();
    let mut c = Candidates::new(n_slots, &warm);
    for (t, y) in counts.iter().enumerate() {
        c.update(*y, Period { slot: t % n_slots, exposure: 1.0, total: 4.0 * y });
    }
    c
}

fn ahead(steps: usize, n_slots: usize, total: f64) -> Vec<Ahead> {
    (0..steps).map(|j| Ahead { slot: j % n_slots, quiet: 0, rest: 0.0, exposure: 1.0, total }).collect()
}

#[test]
fn the_classics_agree_with_statsforecast() {
    for case in stored()["rates"].as_array().unwrap() {
        let counts: Vec<f64> =
            case["series"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect();
        let said = fed(&counts, 1).ahead(&ahead(1, 1, 1.0))[0];
        for (name, key) in [("Croston", "croston"), ("SBA", "sba")] {
            let at = NAMES.iter().position(|n| *n == name).unwrap();
            let want = case[key].as_f64().unwrap();
            // A series of which all is known to have ended is no case of theirs.
            assert!((said[at] - want).abs() < 1e-6 * want.max(1.0), "{name} {counts:?}: {} {want}", said[at]);
        }
    }
}

#[test]
fn every_candidate_says_a_constant_of_a_constant() {
    for level in [1.0, 7.0, 300.0] {
        let said = fed(&vec![level; 200], 7).ahead(&ahead(10, 7, 4.0 * level));
        for (j, row) in said.iter().enumerate() {
            for (name, mean) in NAMES.iter().zip(row) {
                // SBA takes off a twentieth by design (Syntetos and Boylan 2005).
                let room = if *name == "SBA" { 0.06 } else { 0.01 };
                assert!((mean / level - 1.0).abs() < room, "{name} step {j}: {mean} of {level}");
            }
        }
    }
}

#[test]
fn no_candidate_is_negative_or_endless() {
    let check = |counts: &[f64], n_slots: usize| {
        for row in fed(counts, n_slots).ahead(&ahead(60, n_slots, 5.0)) {
            for (name, mean) in NAMES.iter().zip(row) {
                assert!(mean.is_finite() && mean >= 0.0, "{name} of {counts:?}: {mean}");
            }
        }
    };
    check(&[], 7);
    check(&[0.0; 50], 7);
    check(&[1.0], 1);
    check(&[0.0, 0.0, 900.0], 1);
    check(&[5.0, 4.0, 3.0, 2.0, 1.0, 0.0, 0.0, 0.0], 1);
    check(&(0..60).map(|t| 2.0_f64.powi(t / 4)).collect::<Vec<_>>(), 7);
    check(&[1e9, 0.0, 1e9, 0.0, 1e9], 1);
}

#[test]
fn a_series_that_ended_is_let_go() {
    let mut counts = vec![5.0; 100];
    counts.extend([0.0; 40]);
    let said = fed(&counts, 1).ahead(&ahead(4, 1, 1.0));
    assert!(said.iter().flatten().all(|m| *m < 0.05), "{said:?}");
    // Of rare events a silence like their usual ones says nothing.
    let rare: Vec<f64> = (0..200).map(|t| f64::from(u8::from(t % 25 == 0))).collect();
    let said = fed(&rare, 1).ahead(&ahead(1, 1, 1.0))[0];
    assert!(said[N - 1] > 0.01, "{said:?}");
}

#[test]
fn trends_are_found_and_damped() {
    let line: Vec<(f64, f64)> = (0..100).map(|t| (10.0 + 0.5 * f64::from(t), 1.0)).collect();
    assert!((drift(&line, 0.25) - 0.5).abs() < 1e-9);
    assert_eq!(drift(&line[..3], 0.25), 0.0, "three points are no trend");
    let grows: Vec<(f64, f64)> = (0..100).map(|t| ((20.0 * 1.01_f64.powi(t)).round(), 1.0)).collect();
    let r = Regression::fit(&grows);
    let now = grows[99].0;
    assert!(r.rate(1) > 0.97 * now && r.rate(28) > r.rate(1), "{} of {now}", r.rate(1));
    assert!(r.rate(1000) < 1.2 * now, "the trend does not go on for ever");
    assert_eq!(Regression::fit(&[]).rate(1), 0.0);
    assert_eq!(Regression::fit(&[(0.0, 1.0); 9]).rate(1), 0.0);
}
