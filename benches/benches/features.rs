//! Features of a telemetry fleet at one cutoff: 1,000, 10,000 and 100,000 assets, four metrics, 90 daily readings, a fixed
//! pattern instead of chance.
#![expect(clippy::unwrap_used, reason = "a bench fails by panicking")]

use criterion::{Criterion, criterion_group, criterion_main};
use forewarn_features::{Catalog, compute};
use forewarn_frames::input::{Failures, Telemetry};
use forewarn_frames::rollup::{Roller, TelemetryKind};
use forewarn_frames::time::DAY;
use forewarn_frames::{Cutoff, FrameInputs, Frames};
use polars::prelude::*;

const DAYS: i64 = 90;

fn fleet(n_assets: usize) -> Frames {
    let n = n_assets * DAYS as usize;
    let (mut ids, mut at) = (Vec::with_capacity(n), Vec::with_capacity(n));
    for a in 0..n_assets {
        for d in 0..DAYS {
            ids.push(format!("A{a:06}"));
            at.push(d * DAY);
        }
    }
    let time = DataType::Datetime(TimeUnit::Microseconds, None);
    let mut columns =
        vec![Column::new("asset_id".into(), ids), Column::new("ts".into(), at).cast(&time).unwrap()];
    for m in 0..4usize {
        let values: Vec<f64> = (0..n).map(|i| ((i * (m + 7)) % 101) as f64).collect();
        columns.push(Column::new(format!("m{m}").into(), values));
    }
    let telemetry = Telemetry::try_new(&DataFrame::new(n, columns).unwrap()).unwrap();
    let failures = DataFrame::new(
        1,
        vec![
            Column::new("asset_id".into(), ["A000000"]),
            Column::new("failed_at".into(), [30 * DAY]).cast(&time).unwrap(),
        ],
    )
    .unwrap();
    Frames::new(FrameInputs {
        assets: None,
        asset_history: None,
        tickets: None,
        known_late: Vec::new(),
        telemetry: Roller::of(&[(telemetry, TelemetryKind::default())]).unwrap(),
        events: None,
        failures: Failures::try_new(&failures).unwrap(),
        actions: None,
        terminal: false,
        as_of: Cutoff::from_day(DAYS as i32),
    })
    .unwrap()
}

fn features(c: &mut Criterion) {
    let mut group = c.benchmark_group("features");
    group.sample_size(10);
    for n in [1_000, 10_000, 100_000] {
        let frames = fleet(n);
        let history = frames.as_of(frames.end());
        let catalog = Catalog::of(&history);
        let rows = history.population();
        group.bench_function(format!("{n} assets"), |b| b.iter(|| compute(&history, &catalog, &rows, None)));
    }
    group.finish();
}

criterion_group!(benches, features);
criterion_main!(benches);
