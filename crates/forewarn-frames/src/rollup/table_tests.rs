//! A rollup that goes through a table, in parts and in any order, is the rollup that was made at once.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use polars::prelude::*;
use proptest::prelude::*;

use super::super::TelemetryKind;
use super::*;
use crate::input::Telemetry;
use crate::time::{Cutoff, HOUR};

/// Asset, hour, hours until it arrived, and the values of each metric.
type Row = (usize, i64, Option<i64>, [Option<f64>; 2]);

fn frame(rows: &[Row], metrics: [&str; 2]) -> Telemetry {
    let time = |name: &str, at: Vec<Option<i64>>| {
        Column::new(name.into(), at).cast(&DataType::Datetime(TimeUnit::Microseconds, None)).unwrap()
    };
    let mut columns = vec![
        Column::new("asset_id".into(), rows.iter().map(|r| format!("asset-{}", r.0)).collect::<Vec<_>>()),
        time("ts", rows.iter().map(|r| Some(r.1 * HOUR)).collect()),
        time("received_at", rows.iter().map(|r| r.2.map(|late| (r.1 + late) * HOUR)).collect()),
    ];
    for (i, m) in metrics.iter().enumerate() {
        columns.push(Column::new((*m).into(), rows.iter().map(|r| r.3[i]).collect::<Vec<_>>()));
    }
    Telemetry::try_new(&DataFrame::new(rows.len(), columns).unwrap()).unwrap()
}

/// Two sources: one sampled, with a counter; one that writes changes alone, and shares a metric.
fn read(sampled: &[Row], changes: &[Row]) -> Roller {
    let counters = vec!["errors".to_owned()];
    let kind = |on_change| TelemetryKind { on_change, counters: counters.clone() };
    Roller::of(&[
        (frame(sampled, ["cpu", "errors"]), kind(false)),
        (frame(changes, ["cpu", "state"]), kind(true)),
    ])
    .unwrap()
}

/// What frames are made of: first rows, and of every metric its kind and its days, where it has any.
type Made = (Vec<(String, Micros)>, Vec<((bool, bool), DataFrame)>);

fn made(roller: Roller, ids: &[String]) -> Made {
    let mut first: Vec<_> = roller.assets().into_iter().map(|(id, at)| (id.to_owned(), at)).collect();
    first.sort();
    let number = |id: &str| ids.iter().position(|i| i == id).map(|i| i as u32);
    let out = roller.finish(&number, ids.len(), Cutoff::from_day(9));
    let days = out.iter().map(|m| ((m.on_change, m.counter), m.to_frame(ids).unwrap()));
    (first, days.filter(|(_, df)| df.height() > 0).collect())
}

fn back(df: &DataFrame) -> Roller {
    Roller::from_frame(df, RollerSettings::default()).unwrap()
}

fn rows() -> impl Strategy<Value = Vec<Row>> {
    let value = || proptest::option::weighted(0.8, (0..40i32).prop_map(|v| f64::from(v) / 8.0));
    let late = proptest::option::weighted(0.2, 0..60i64);
    let row = (0usize..5, (0i64..60).prop_map(|h| h * 5), late, [value(), value()]);
    proptest::collection::vec(row, 0..60)
}

proptest! {
    #[test]
    fn a_roller_of_the_table_makes_the_same_frames(
        sampled in rows(),
        changes in rows(),
        n in 1usize..6,
        turn in 0usize..40,
    ) {
        let ids: Vec<String> = (0..5).map(|a| format!("asset-{a}")).collect();
        let whole = read(&sampled, &changes);
        let want = whole.clone().into_frame().unwrap();
        // By asset into parts, some without rows, from the last to the first.
        let part = |all: &[Row], p| -> Vec<Row> { all.iter().copied().filter(|r| r.0 % n == p).collect() };
        let roll = |p: usize| read(&part(&sampled, p), &part(&changes, p)).into_frame().unwrap();
        let parts: Vec<DataFrame> = (0..n).rev().map(roll).collect();
        let merged = merge(&parts).unwrap();
        prop_assert!(merged.equals_missing(&want), "{} {}", merged, want);
        let (left, right) = parts.split_at(n / 2);
        let halves = merge(&[merge(left).unwrap(), merge(right).unwrap()]).unwrap();
        prop_assert!(halves.equals_missing(&want), "{} {}", halves, want);
        prop_assert!(back(&merged).into_frame().unwrap().equals_missing(&want));
        // Rows in another order.
        let at = turn.min(want.height());
        let turned = want.slice(at as i64, want.height()).vstack(&want.slice(0, at)).unwrap();
        let (a, b) = (made(whole, &ids), made(back(&turned), &ids));
        prop_assert_eq!(a.0, b.0);
        prop_assert_eq!(a.1.len(), b.1.len());
        for (a, b) in a.1.iter().zip(&b.1) {
            prop_assert_eq!(a.0, b.0);
            prop_assert!(a.1.equals_missing(&b.1), "{} {}", a.1, b.1);
        }
    }
}

#[test]
fn what_is_no_rollup_is_refused() {
    let good =
        read(&[(0, 5, None, [Some(1.0), Some(2.0)])], &[(1, 5, None, [None, None])]).into_frame().unwrap();
    assert_eq!(good.height(), 3, "two metrics of one asset, and one without a number: {good}");
    let check = |bad: PolarsResult<DataFrame>, want: &str| {
        let bad = bad.unwrap();
        for e in [
            merge(std::slice::from_ref(&bad)).err(),
            Roller::from_frame(&bad, RollerSettings::default()).err(),
        ] {
            let said = e.map(|e| e.to_string());
            assert!(said.as_ref().is_none_or(|s| s.contains(want)), "{said:?}");
        }
        assert!(Roller::from_frame(&bad, RollerSettings::default()).is_err(), "{want}");
    };
    check(good.drop("m2"), "`m2`: missing");
    check(good.vstack(&good), "two rows of a metric and day");
    let with = |c: Column| {
        let mut df = good.clone();
        df.with_column(c).map(|df| df.clone())
    };
    check(with(Column::new("n".into(), ["1", "1", "1"])), "`n`: holds");
    check(with(Column::new("n".into(), [Some(1i64), Some(0), None])), "`n`: a count is below 1");
    check(with(Column::new("n".into(), [Some(1i64), None, None])), "`n`: is empty where it must not be");
    check(with(Column::new("resets".into(), [Some(-1i64), Some(0), None])), "`resets`: a count is below 0");
    assert!(
        merge(&[good.clone(), good])
            .unwrap_err()
            .to_string()
            .contains("asset `asset-0` is in two of the parts")
    );
    assert_eq!(merge(&[]).unwrap().height(), 0);
}

#[test]
fn more_rows_of_an_asset_of_a_table_make_it_late() {
    let table = read(&[(0, 5, None, [Some(1.0), Some(2.0)])], &[]).into_frame().unwrap();
    let more = [(0, 50, None, [Some(3.0), Some(4.0)]), (1, 50, None, [Some(3.0), Some(4.0)])];
    for entry in [0, 1] {
        let mut roller = back(&table);
        let source = roller.source(entry, &["cpu".to_owned(), "errors".to_owned()], false);
        roller.push(source, frame(&more, ["cpu", "errors"]).df()).unwrap();
        assert_eq!(roller.late(), ["asset-0"]);
    }
}
