//! How long a night's look for what gets worse takes: assets × metrics × 365 days of daily values, made up with a fixed seed
//! (noise, weekly seasons, some trends, jumps and thresholds ahead). It does not read files.
//!
//! `cargo run --release -p forewarn-benches --bin degradation_speed -- [ASSETS] [METRICS]`, by default 10,000 and 10.
#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a measurement prints and reads the clock"
)]

use std::process::ExitCode;
use std::time::Instant;

use forewarn_engine::{
    BacktestPlan, Capacity, Refit, RiskSettings, Settings, Silent, TextShown, Threshold, backtest_degradation,
};
use forewarn_frames::input::{Failures, Telemetry};
use forewarn_frames::rollup::{Roller, TelemetryKind};
use forewarn_frames::time::{DAY, HOUR, Micros};
use forewarn_frames::{Cutoff, Every, FrameInputs, Frames, Horizon};
use polars::prelude::*;

const DAYS: i64 = 365;
const START: i64 = 19_000;

/// SplitMix64 (Steele, Lea and Flood, 2014).
fn draw(seed: &mut u64) -> f64 {
    *seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *seed;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
}

fn frames(n_assets: i64, n_metrics: usize) -> Result<Frames, Box<dyn std::error::Error>> {
    let mut seed = 1;
    let n = (n_assets * DAYS) as usize;
    let ids: Vec<String> = (0..n_assets).map(|a| format!("A{a:06}")).collect();
    let asset: StringChunked =
        ids.iter().flat_map(|id| std::iter::repeat_n(Some(id.as_str()), DAYS as usize)).collect();
    let ts: Vec<Micros> =
        (0..n_assets).flat_map(|_| (0..DAYS).map(|d| (START + d) * DAY + 6 * HOUR)).collect();
    let time = |name: &str, v: Vec<Micros>| {
        Column::new(name.into(), v).cast(&DataType::Datetime(TimeUnit::Microseconds, None))
    };
    let mut columns = vec![asset.with_name("asset_id".into()).into_series().into(), time("ts", ts)?];
    for m in 0..n_metrics {
        let mut values = Vec::with_capacity(n);
        for _ in 0..n_assets {
            let (base, weekly) = (20.0 + 40.0 * draw(&mut seed), 4.0 * draw(&mut seed));
            let slope = if draw(&mut seed) < 0.1 { 0.08 * draw(&mut seed) } else { 0.0 };
            let jump = if draw(&mut seed) < 0.1 { (DAYS as f64 * draw(&mut seed), 10.0) } else { (1e9, 0.0) };
            let mut memory = 0.0;
            for d in 0..DAYS {
                memory = 0.5 * memory + 2.0 * (draw(&mut seed) - 0.5);
                let season = if d % 7 < 5 { weekly } else { 0.0 };
                let jumped = if d as f64 >= jump.0 { jump.1 } else { 0.0 };
                values.push(base + slope * d as f64 + season + jumped + memory);
            }
        }
        columns.push(Column::new(format!("metric_{m}").into(), values));
    }
    let telemetry = Telemetry::try_new(&DataFrame::new(n, columns)?)?;
    let none = Column::new("asset_id".into(), Vec::<String>::new());
    let failures = DataFrame::new(0, vec![none, time("failed_at", Vec::new())?])?;
    Ok(Frames::new(FrameInputs {
        assets: None,
        asset_history: None,
        tickets: None,
        known_late: Vec::new(),
        telemetry: Roller::of(&[(telemetry, TelemetryKind::default())])?,
        events: None,
        failures: Failures::try_new(&failures)?,
        actions: None,
        terminal: false,
        as_of: Cutoff::from_day((START + DAYS) as i32),
    })?)
}

fn run() -> Result<(), Box<dyn std::error::Error>> {
    let given: Vec<i64> = std::env::args().skip(1).map(|a| a.parse()).collect::<Result<_, _>>()?;
    let n_assets = given.first().copied().unwrap_or(10_000).max(1);
    let n_metrics = given.get(1).copied().unwrap_or(10).max(1) as usize;
    let frames = frames(n_assets, n_metrics)?;
    let month = Horizon::days(30)?;
    let settings = Settings {
        risk: RiskSettings {
            horizons: vec![month],
            rank_by: month,
            cutoff_every: Every::Weeks(1),
            refit_every: Every::Months(1),
            train_from: None,
            leave_out: Vec::new(),
            keep: Vec::new(),
        },
        capacity: Capacity { visits: 20, per_days: 7 },
        costs: None,
        remedies: Vec::new(),
        counts: Vec::new(),
        thresholds: vec![Threshold { metric: "metric_0".into(), above: Some(90.0), below: None }],
        seed: 1,
        text: TextShown::Titles,
    };
    let end = frames.end();
    let plan =
        BacktestPlan { from: end, to: end, every: Every::Days(1), refit: Refit::Once, horizons: vec![month] };
    let start = Instant::now();
    let found = backtest_degradation(&frames, &settings, &plan, &Silent)?.degradation.height();
    println!(
        "{n_assets} assets x {n_metrics} metrics x {DAYS} days: {:.1} s, {found} findings",
        start.elapsed().as_secs_f64()
    );
    Ok(())
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            println!("{e}");
            ExitCode::from(2)
        }
    }
}
