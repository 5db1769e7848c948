//! Rolling up by slices, in any order, gives what rolling up at once gives.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;

use polars::prelude::*;
use proptest::prelude::*;

use super::*;
use crate::input::Telemetry;
use crate::time::{Cutoff, HOUR};

type Row = (usize, i64, Option<f64>, Option<f64>);

fn frame(rows: &[Row]) -> DataFrame {
    let ids: Vec<String> = rows.iter().map(|r| format!("asset-{}", r.0)).collect();
    let at: Vec<i64> = rows.iter().map(|r| r.1).collect();
    let at = Column::new("ts".into(), at).cast(&DataType::Datetime(TimeUnit::Microseconds, None)).unwrap();
    let cpu: Vec<Option<f64>> = rows.iter().map(|r| r.2).collect();
    let errors: Vec<Option<f64>> = rows.iter().map(|r| r.3).collect();
    let columns = vec![
        Column::new("asset_id".into(), ids),
        at,
        Column::new("cpu".into(), cpu),
        Column::new("errors".into(), errors),
    ];
    DataFrame::new(rows.len(), columns).unwrap()
}

fn metrics() -> [String; 2] {
    ["cpu".to_owned(), "errors".to_owned()]
}

fn settings(threads: usize) -> RollerSettings {
    RollerSettings { counters: ["errors".to_owned()].into(), threads, ..RollerSettings::default() }
}

/// Reads the rows slice by slice, and those of late assets again.
fn in_slices(rows: &[Row], slice: usize, threads: usize) -> Roller {
    let mut roller = Roller::new(settings(threads));
    let source = roller.source(0, &metrics(), false);
    for part in rows.chunks(slice) {
        roller.push(source, &frame(part)).unwrap();
    }
    let late: BTreeSet<String> = roller.late().iter().map(ToString::to_string).collect();
    for id in late {
        let again: Vec<Row> = rows.iter().copied().filter(|r| format!("asset-{}", r.0) == id).collect();
        roller.redo(&[(source, Telemetry::try_new(&frame(&again)).unwrap())]).unwrap();
    }
    assert!(roller.late().is_empty());
    roller
}

fn finished(roller: Roller) -> Vec<DataFrame> {
    let ids: Vec<String> = (0..5).map(|a| format!("asset-{a}")).collect();
    let number = |id: &str| ids.iter().position(|i| i == id).map(|i| i as u32);
    let out = roller.finish(&number, ids.len(), Cutoff::from_day(1000));
    out.iter().map(|m| m.to_frame(&ids).unwrap()).collect()
}

fn at_once(rows: &[Row]) -> Roller {
    let kind = TelemetryKind { on_change: false, counters: vec!["errors".to_owned()] };
    Roller::of(&[(Telemetry::try_new(&frame(rows)).unwrap(), kind)]).unwrap()
}

fn rows() -> impl Strategy<Value = Vec<Row>> {
    let value = proptest::option::weighted(0.9, (0..40i32).prop_map(|v| f64::from(v) / 8.0));
    proptest::collection::vec((0usize..5, (0i64..60).prop_map(|h| h * 5 * HOUR), value.clone(), value), 1..80)
}

proptest! {
    #[test]
    fn order_slices_and_threads_do_not_matter(rows in rows(), slice in 1usize..20, threads in 1usize..4) {
        let want = at_once(&rows);
        let mut by_time = rows.clone();
        by_time.sort_by_key(|r| (r.1, r.0));
        let mut by_asset = rows.clone();
        by_asset.sort_by_key(|r| (r.0, r.1));
        for order in [&rows, &by_time, &by_asset] {
            let got = in_slices(order, slice, threads);
            prop_assert_eq!(got.n_rows(), want.n_rows());
            let sum = |r: &Roller| r.rows().iter().map(|s| s.repeats().identical + s.repeats().differing).sum::<u64>();
            prop_assert_eq!(sum(&got), sum(&want));
            prop_assert_eq!(got.rows()[0].by_day(), want.rows()[0].by_day());
            for (a, b) in finished(got).iter().zip(finished(want.clone())) {
                prop_assert!(a.equals_missing(&b), "{} {}", a, b);
            }
        }
    }
}

/// Reads the rows slice by slice, and after every slice forgets all but what was written.
fn with_breaks(rows: &[Row], slice: usize) -> Roller {
    let mut roller = Roller::new(settings(1));
    let (mut parts, mut written) = (Vec::new(), Written::default());
    for part in rows.chunks(slice) {
        let source = roller.source(0, &metrics(), false);
        roller.push(source, &frame(part)).unwrap();
        let (mut head, mut cells) = (Vec::new(), Vec::new());
        roller.write_head(&mut head).unwrap();
        written = roller.write_part(&written, &mut cells).unwrap();
        parts.push(cells);
        roller = Roller::read_head(settings(1), &mut head.as_slice()).unwrap();
        for p in &parts {
            roller.read_part(&mut p.as_slice()).unwrap();
        }
    }
    roller
}

proptest! {
    #[test]
    fn what_was_written_goes_on_as_if_nothing_had_happened(rows in rows(), slice in 1usize..40) {
        let mut rows = rows;
        rows.sort_by_key(|r| (r.1, r.0));
        rows.dedup_by_key(|r| (r.1, r.0));
        let got = with_breaks(&rows, slice);
        let want = at_once(&rows);
        prop_assert_eq!(got.n_rows(), want.n_rows());
        for (a, b) in finished(got).iter().zip(finished(want)) {
            prop_assert!(a.equals_missing(&b), "{} {}", a, b);
        }
    }

    #[test]
    fn bytes_that_were_changed_are_no_panic(rows in rows(), at in 0.0..1.0f64, to in any::<u8>()) {
        let mut sorted = rows;
        sorted.sort_by_key(|r| (r.1, r.0));
        sorted.dedup_by_key(|r| (r.1, r.0));
        let roller = at_once(&sorted);
        let (mut head, mut cells) = (Vec::new(), Vec::new());
        roller.write_head(&mut head).unwrap();
        roller.write_part(&Written::default(), &mut cells).unwrap();
        let (i, j) = ((at * head.len() as f64) as usize, (at * cells.len() as f64) as usize);
        (head[i], cells[j]) = (to, to);
        if let Ok(mut back) = Roller::read_head(settings(1), &mut head.as_slice()) {
            let _ = back.read_part(&mut cells.as_slice());
        }
    }
}

#[test]
fn a_counter_that_resets_keeps_counting() {
    let rows: Vec<Row> = [(0, 0, 5.0), (0, 1, 8.0), (0, 2, 2.0), (0, 2 * 24, 4.0), (1, 0, 1.0)]
        .iter()
        .map(|&(asset, hour, value)| (asset, hour * HOUR, Some(value), Some(value)))
        .collect();
    let out = at_once(&rows).finish(
        &|id| ["asset-0", "asset-1", "asset-2"].iter().position(|i| *i == id).map(|i| i as u32),
        3,
        Cutoff::from_day(10),
    );
    let check = |r: &MetricRollup, increase: &[f64]| {
        assert_eq!(r.offsets, [0, 2, 3, 3]);
        assert_eq!(r.cum_increase, increase);
        assert_eq!(r.cum_resets, [1, 1, 0]);
        assert_eq!(r.last, [2.0, 4.0, 1.0]);
        assert_eq!(r.dense.as_ref().unwrap().mean, [5.0, 4.0, 1.0]);
    };
    check(&out[0], &[3.0, 5.0, 0.0]);
    check(&out[1], &[5.0, 7.0, 0.0]);
}

#[test]
fn a_row_that_repeats_the_last_one_is_counted_and_no_disorder() {
    let check = |again: Row, late: usize, identical: u64| {
        let mut roller = Roller::new(settings(1));
        let source = roller.source(0, &metrics(), false);
        roller.push(source, &frame(&[(0, 5, Some(1.0), None), (1, 5, Some(2.0), None)])).unwrap();
        roller.push(source, &frame(&[again])).unwrap();
        assert_eq!(roller.late().len(), late, "{again:?}");
        assert_eq!(roller.rows()[0].repeats().identical, identical, "{again:?}");
    };
    check((0, 5, Some(1.0), None), 0, 1);
    check((0, 5, Some(1.5), None), 1, 0);
    check((0, 5, Some(1.0), Some(0.0)), 1, 0);
    check((0, 5, None, None), 1, 0);
    check((0, 4, Some(1.0), None), 1, 0);
    check((0, 6, Some(1.0), None), 0, 0);
}
