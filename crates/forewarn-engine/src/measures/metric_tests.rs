//! Measures with known effects on simulated telemetry and failures: verdicts and intervals over 100 seeds. It does not look
//! like a real fleet.

use std::collections::BTreeMap;

use forewarn_frames::input::{Assets, Events, Failures, Telemetry};
use forewarn_frames::rollup::{Roller, TelemetryKind};
use forewarn_frames::time::DAY;
use forewarn_frames::{Cutoff, FrameInputs, Frames};

use super::tests::{Dice, asked, text, time};
use super::*;

const N_ASSETS: usize = 100;
const N_DAYS: usize = 400;
const START: i32 = 19_000;
const N_PATCHES: usize = 6;
/// Days for which a visit keeps failures away.
const VISIT_DAYS: usize = 30;

/// What a measure truly does to an outcome, for as long as it is looked at.
fn truth(measure: &str, outcome: &str) -> f64 {
    match (measure, outcome) {
        ("patch P0", "heat") => 0.94,
        ("patch P1", "errors") => 0.5,
        ("patch P2", "heat") => 1.06,
        ("visit", FAILURES | INCIDENTS) => 0.3,
        _ => 1.0,
    }
}

fn normal(d: &mut Dice) -> f64 {
    (-2.0 * d.unit().max(1e-300).ln()).sqrt() * (std::f64::consts::TAU * d.unit()).cos()
}

/// Counts in days of unequal length: a Poisson draw by waiting times.
fn poisson(d: &mut Dice, mean: f64) -> f64 {
    let (mut n, mut wait) = (0.0, -d.unit().max(1e-300).ln());
    while wait < mean {
        n += 1.0;
        wait -= d.unit().max(1e-300).ln();
    }
    n
}

/// Two models; `heat` with a level of each asset, a season, noise that lives on for days, sensors that stick, and days
/// without a reading; `errors` that are counted, at rates twenty times apart, in bursts, and start anew at times. Patches
/// are rolled out to four in ten; a part is swapped, which does nothing, when heat has been at its worst for two days;
/// visits come at any time and keep failures away, inspections do not.
fn fleet(seed: u64) -> Frames {
    let mut d = Dice(seed.wrapping_mul(0x2545_f491_4f6c_dd1d) ^ 0x7e);
    let start = i64::from(START) * DAY;
    let (mut ids, mut models) = (Vec::new(), Vec::new());
    let (mut done, mut on, mut kind, mut code) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let (mut failed, mut failed_at) = (Vec::new(), Vec::new());
    let (mut read, mut read_at, mut heat, mut errors) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let effects: Vec<[f64; 2]> =
        (0..N_PATCHES).map(|p| ["heat", "errors"].map(|o| truth(&format!("patch P{p}"), o))).collect();
    for a in 0..N_ASSETS {
        let id = format!("A{a:03}");
        ids.push(id.clone());
        models.push(format!("m{}", a % 2));
        let mut act = |day: usize, of: &str, which: &str| {
            done.push(start + day as i64 * DAY + DAY / 2);
            on.push(id.clone());
            kind.push(of.to_owned());
            code.push(which.to_owned());
        };
        let mut patched = [usize::MAX; N_PATCHES];
        for (p, day) in patched.iter_mut().enumerate() {
            if d.unit() < 0.4 {
                *day = 80 + (d.unit() * 240.0) as usize;
                act(*day, "patch", &format!("P{p}"));
            }
        }
        let level = (40.0 + 30.0 * d.unit()) * if a % 2 == 0 { 1.3 } else { 1.0 };
        let pace = 0.5 * 20.0_f64.powf(d.unit());
        let (mut memory, mut worst, mut swapped, mut visited) = (0.0, 0.0, 0, usize::MAX);
        let (mut stuck, mut total) = (None::<(f64, usize)>, (d.unit() * 1e4).floor());
        for day in 0..N_DAYS {
            let on_it = |p: usize| patched[p] < day && day <= patched[p] + 60;
            let did = |k: usize| (0..N_PATCHES).filter(|&p| on_it(p)).map(|p| effects[p][k]).product::<f64>();
            let season = 1.0 + 0.1 * (day as f64 / 40.0).sin();
            let shock = normal(&mut d);
            memory = 0.7 * memory + 0.03 * shock;
            let noisy = memory + 0.02 * normal(&mut d);
            let value = level * season * did(0) * (1.0 + noisy);
            stuck = match stuck {
                Some((_, until)) if day >= until => None,
                None if d.unit() < 1.0 / 400.0 => Some((value, day + 12)),
                same => same,
            };
            let burst = if d.unit() < 0.05 { 4.0 } else { 1.0 };
            total += poisson(&mut d, pace * season * burst * did(1));
            if d.unit() < 1.0 / 150.0 {
                total = 0.0;
            }
            if d.unit() < 0.95 {
                read.push(id.clone());
                read_at.push(start + day as i64 * DAY + DAY / 4);
                heat.push(stuck.map_or(value, |s| s.0));
                errors.push(total);
            }
            if worst > 0.07 && noisy > 0.07 && (swapped == 0 || day > swapped + 65) {
                swapped = day.max(1);
                act(day, "replacement", "fan");
            }
            worst = noisy;
            let kept = visited < day && day <= visited + VISIT_DAYS;
            if d.unit() < 0.011 * if kept { truth("visit", FAILURES) } else { 1.0 } {
                failed.push(id.clone());
                failed_at.push(start + day as i64 * DAY + DAY / 3);
            }
            if d.unit() < 1.0 / 100.0 {
                visited = day;
                act(day, "visit", "");
            }
            if d.unit() < 1.0 / 100.0 {
                act(day, "inspection", "");
            }
        }
    }
    let events = DataFrame::new(
        done.len(),
        vec![text("asset_id", &on), time("ts", &done), text("kind", &kind), text("code", &code)],
    );
    let telemetry = DataFrame::new(
        read.len(),
        vec![
            text("asset_id", &read),
            time("ts", &read_at),
            Column::new("heat".into(), heat),
            Column::new("errors".into(), errors),
        ],
    );
    let first = vec![start - DAY; N_ASSETS];
    let assets = DataFrame::new(
        N_ASSETS,
        vec![text("asset_id", &ids), text("model", &models), time("in_service_at", &first)],
    );
    let failures =
        DataFrame::new(failed.len(), vec![text("asset_id", &failed), time("failed_at", &failed_at)]);
    Frames::new(FrameInputs {
        assets: Some(Assets::try_new(&assets.unwrap()).unwrap()),
        asset_history: None,
        tickets: None,
        known_late: Vec::new(),
        telemetry: Roller::of(&[(
            Telemetry::try_new(&telemetry.unwrap()).unwrap(),
            TelemetryKind { on_change: false, counters: vec!["errors".to_owned()] },
        )])
        .unwrap(),
        events: Some(Events::try_new(&events.unwrap()).unwrap()),
        failures: Failures::try_new(&failures.unwrap()).unwrap(),
        actions: None,
        terminal: false,
        as_of: Cutoff::from_day(START + N_DAYS as i32),
    })
    .unwrap()
}

fn judged(frames: &Frames, seed: u64) -> DataFrame {
    let history = frames.as_of(frames.end());
    let thresholds = [Threshold { metric: "heat".into(), above: Some(120.0), below: None }];
    let asked = Asked { thresholds: &thresholds, ..asked(seed) };
    super::measures(frames, &history, &Incidents::of(frames, &history), asked).unwrap()
}

#[test]
fn verdicts_and_intervals_on_metrics_and_failures_hold_over_100_seeds() {
    let mut false_share = 0.0;
    // By measure and outcome: rows, verdicts that are right, intervals that hold, mean logarithm of the ratio.
    let mut sums: BTreeMap<(String, String), [f64; 4]> = BTreeMap::new();
    for seed in 0..100 {
        let df = judged(&fleet(seed), seed);
        let number = |c: &str| df.column(c).unwrap().f64().unwrap().to_vec();
        let words = |c: &str| df.column(c).unwrap().str().unwrap().clone();
        let (ratio, low, high) = (number("ratio"), number("low"), number("high"));
        let (measure, outcome, verdict) = (words("measure"), words("outcome"), words("verdict"));
        let (mut wrong, mut said) = (0.0, 0.0);
        for i in 0..df.height() {
            let (measure, outcome) = (measure.get(i).unwrap(), outcome.get(i).unwrap());
            let (truth, verdict) = (truth(measure, outcome), verdict.get(i).unwrap());
            let right = match verdict {
                HURT => truth > 1.0,
                HELPED => truth < 1.0,
                CHANGED => outcome == "errors" && (truth - 1.0) * (ratio[i].unwrap() - 1.0) > 0.0,
                _ => false,
            };
            if [HURT, HELPED, CHANGED].contains(&verdict) {
                said += 1.0;
                wrong += f64::from(u8::from(!right));
            }
            let (Some(ratio), Some(low), Some(high)) = (ratio[i], low[i], high[i]) else { continue };
            let sum = sums.entry((measure.to_owned(), outcome.to_owned())).or_default();
            let holds = low <= truth && truth <= high;
            let add = [1.0, f64::from(u8::from(right)), f64::from(u8::from(holds)), ratio.ln()];
            for (s, v) in sum.iter_mut().zip(add) {
                *s += v;
            }
        }
        false_share += if said > 0.0 { wrong / said } else { 0.0 } / 100.0;
    }
    // Incidents here are failures over twice the days that a visit keeps them away: no ratio of theirs is the truth.
    let rows = |of: &dyn Fn(&str, &str) -> bool| -> [f64; 3] {
        let known = sums.iter().filter(|((m, o), _)| (m.as_str(), o.as_str()) != ("visit", INCIDENTS));
        known
            .filter(|((m, o), _)| of(m, o))
            .fold([0.0; 3], |s, (_, v)| [s[0] + v[0], s[1] + v[1], s[2] + v[2]])
    };
    let share = |of: &dyn Fn(&str, &str) -> bool, k: usize| rows(of)[k] / rows(of)[0];
    let metric = |o: &str| o == "heat" || o == "errors";
    let covered = share(&|_, o| metric(o), 2);
    let counted = share(&|_, o| o == FAILURES, 2);
    let at_worst = share(&|m, o| m == "replacement fan" && o == "heat", 2);
    let found = share(&|m, o| metric(o) && truth(m, o) != 1.0, 1);
    let saved = share(&|m, o| m == "visit" && o == FAILURES, 1);
    let figures = format!(
        "false {false_share:.3}; covered: metrics {covered:.3}, failures {counted:.3}, swapped at its worst {at_worst:.3}; found: metrics {found:.3}, visits {saved:.3}; {sums:.2?}"
    );
    assert!(false_share <= 0.1, "{figures}");
    assert!((0.75..=0.88).contains(&covered) && (0.75..=0.88).contains(&counted), "{figures}");
    assert!(at_worst >= 0.5 && found >= 0.9 && saved >= 0.8, "{figures}");
}

#[test]
fn effects_are_what_failures_say_or_else_incidents() {
    let number = |n: &str, v: &[f64]| {
        Column::new(n.into(), v.iter().map(|v| (!v.is_nan()).then_some(*v)).collect::<Vec<_>>())
    };
    let words = |n: &str, v: &[&str]| Column::new(n.into(), v);
    let none = f64::NAN;
    let df = DataFrame::new(
        7,
        vec![
            words("measure", &["patch P0", "patch P1", "visit", "visit", "patch P1", "patch P0", "visit"]),
            words("outcome", &[INCIDENTS, INCIDENTS, INCIDENTS, FAILURES, FAILURES, FAILURES, "heat"]),
            words("verdict", &[HELPED, HELPED, NO_EFFECT, HURT, NO_EFFECT, TOO_LITTLE, HELPED]),
            number("ratio", &[0.5, 0.5, 1.0, 1.25, 0.9, none, 0.9]),
            Column::new("n_assets".into(), [10_i64, 20, 30, 40, 50, 60, 70]),
        ],
    );
    let found = effects(&df.unwrap()).unwrap();
    let want = [("patch P0", 10.0, 0.5), ("patch P1", 50.0, 0.0), ("visit", 40.0, -0.25)];
    let want = want.map(|(name, n_assets, share)| (name.to_owned(), Effect { n_assets, share }));
    assert_eq!(found.into_iter().collect::<Vec<_>>(), want);
    assert!(effects(&DataFrame::empty()).is_err());
}
