//! Remaining lives of simulated jet engines (C-MAPSS FD001; Saxena et al. 2008): `cargo run --release --example cmapss
//! -- FOLDER`. Units left out of the training file are foretold at cut points as random as those of the test file, then
//! the test units. It does not choose anything.
#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a tool for the developer, not part of a run"
)]

use forewarn_models::{ModelError, RemainingLife, RemainingModel, RemainingParams, UnitPath};
use std::error::Error;
use std::time::Instant;

const CAP: f64 = 125.0;

/// Unit, cycle, then 24 columns of numbers; the first three are settings.
fn units(text: &str, failed: bool) -> Vec<UnitPath> {
    let mut units: Vec<UnitPath> = Vec::new();
    let mut last = f64::NAN;
    for line in text.lines() {
        let row: Vec<f64> = line.split_whitespace().map(|v| v.parse().unwrap_or(f64::NAN)).collect();
        if row.len() < 26 {
            continue;
        }
        if row[0] != last {
            units.push(UnitPath { times_days: Vec::new(), sensors: vec![Vec::new(); 24], failed });
            last = row[0];
        }
        if let Some(unit) = units.last_mut() {
            unit.times_days.push(row[1]);
            for (sensor, v) in unit.sensors.iter_mut().zip(&row[2..]) {
                sensor.push(*v);
            }
        }
    }
    units
}

fn first(unit: &UnitPath, n: usize) -> UnitPath {
    UnitPath {
        times_days: unit.times_days[..n].to_vec(),
        sensors: unit.sensors.iter().map(|s| s[..n].to_vec()).collect(),
        failed: false,
    }
}

fn row(name: &str, found: &[(RemainingLife, f64)]) {
    let n = found.len() as f64;
    let error = |f: &(RemainingLife, f64)| f.0.expected_days - f.1.min(CAP);
    let rmse = (found.iter().map(|f| error(f).powi(2)).sum::<f64>() / n).sqrt();
    let mean = found.iter().map(error).sum::<f64>() / n;
    let far = f64::INFINITY;
    let share = |f: &dyn Fn(&RemainingLife, f64) -> bool| {
        100.0 * found.iter().filter(|(l, life)| f(l, if *life >= CAP { far } else { *life })).count() as f64
            / n
    };
    let below = share(&|l, life| life < l.low_days.unwrap_or(far));
    let above = share(&|l, life| life > l.high_days.unwrap_or(far));
    println!(
        "{name:<34} {n:4} RMSE {rmse:.2} bias {mean:+.2}  80 % interval: {:.1} % within, {below:.1} % earlier, {above:.1} % later",
        100.0 - below - above
    );
}

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args().nth(1).ok_or("the folder of train_FD001.txt is needed")?;
    let read = |name: &str| std::fs::read_to_string(format!("{folder}/{name}"));
    let train = units(&read("train_FD001.txt")?, true);
    let params = RemainingParams { cap_days: CAP, ..Default::default() };
    let start = Instant::now();
    let mut random: Vec<(RemainingLife, f64)> = Vec::new();
    let mut by_life: Vec<(RemainingLife, f64)> = Vec::new();
    let mut state: u64 = 1;
    for fold in 0..10 {
        let kept: Vec<UnitPath> =
            train.iter().enumerate().filter(|(i, _)| i % 10 != fold).map(|(_, u)| u.clone()).collect();
        let Some(model) = RemainingModel::fit(&kept, &params)? else { continue };
        for unit in train.iter().skip(fold).step_by(10) {
            let n = unit.times_days.len();
            let judge = |left: usize| -> Result<Option<(RemainingLife, f64)>, ModelError> {
                if left + 30 > n {
                    return Ok(None);
                }
                Ok(Some((model.predict(&first(unit, n - left))?, left as f64)))
            };
            for _ in 0..5 {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                random.extend(judge(7 + ((state >> 33) % 139) as usize)?);
            }
            for left in [10, 25, 50, 75, 100, 120] {
                by_life.extend(judge(left)?);
            }
        }
        if fold == 0 {
            println!("weight of the trees {:.2}, sensors {:?}", model.trees_weight(), model.sensors());
        }
    }
    row("left out, 7 to 145 cycles left", &random);
    for left in [10.0, 25.0, 50.0, 75.0, 100.0, 120.0] {
        let own: Vec<_> = by_life.iter().filter(|f| f.1 == left).copied().collect();
        row(&format!("left out, {left} cycles left"), &own);
    }
    println!("{:.1} s for ten fits", start.elapsed().as_secs_f64());
    let test = units(&read("test_FD001.txt")?, false);
    let truth: Vec<f64> =
        read("RUL_FD001.txt")?.split_whitespace().map(str::parse).collect::<Result<_, _>>()?;
    let model = RemainingModel::fit(&train, &params)?.ok_or("too few units")?;
    let found: Vec<(RemainingLife, f64)> =
        test.iter().zip(truth).map(|(u, t)| Ok((model.predict(u)?, t))).collect::<Result<_, ModelError>>()?;
    row("test units", &found);
    Ok(())
}
