//! Tables that a program hands in come to what files of the same rows come to, in any order and split, and say what is wrong.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use polars::prelude::*;

use super::{Folder, rolled, settings};
use crate::{Batches, Handed, Loaded, ReadPlan, SourceError, Stop, load};

/// Batches that can be opened so often.
#[derive(Debug)]
struct Held(Vec<DataFrame>, AtomicUsize);

impl Handed for Held {
    fn open(&self) -> Result<Batches, String> {
        let left = self.1.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1));
        left.map_err(|_| "is used up".to_owned())?;
        Ok(Box::new(self.0.clone().into_iter().map(Ok)))
    }
}

/// Loads a config of tables by their names; each may be opened `times` times, and comes `rows` rows at a time.
fn given(
    config: &str,
    tables: &[(&str, &DataFrame)],
    (rows, times): (usize, usize),
) -> Result<Loaded, SourceError> {
    let folder = Folder::new(&[]);
    let mut plan = ReadPlan { slice_cells: 12, ..ReadPlan::default() };
    for (name, df) in tables {
        let n = df.height().max(1);
        let batches = (0..n).step_by(rows).map(|from| df.slice(from as i64, rows)).collect();
        plan.given.hand(name, Arc::new(Held(batches, AtomicUsize::new(times))));
    }
    load(&settings(&folder.0, config).unwrap(), &plan, &|_| ())
}

fn readings() -> DataFrame {
    let ids: Vec<&str> = (0..60).map(|i| ["a", "b", "c"][i % 3]).collect();
    let ts: Vec<String> = (0..60).map(|i| format!("2025-01-{:02} {:02}:00", 1 + i / 20, i % 20)).collect();
    df!("asset_id" => ids, "ts" => ts, "cpu" => (0..60).map(|i| f64::from(i * 31 % 17)).collect::<Vec<_>>())
        .unwrap()
}

fn csv(df: &DataFrame) -> Vec<u8> {
    let mut out = Vec::new();
    CsvWriter::new(&mut out).finish(&mut df.clone()).unwrap();
    out
}

#[test]
fn a_table_comes_to_what_its_file_comes_to() {
    let df = readings();
    let files = Folder::new(&[("t.csv", csv(&df))]);
    let from_file =
        |config| load(&settings(&files.0, config).unwrap(), &ReadPlan::default(), &|_| ()).unwrap();
    let want = rolled(&from_file("[[telemetry]]\npath = \"t.csv\"\n").telemetry);
    let check = |df: &DataFrame, how: (usize, usize)| {
        let found = given("[[telemetry]]\npath = \"<t>\"\n", &[("<t>", df)], how).unwrap();
        assert_eq!(rolled(&found.telemetry), want, "{how:?}");
        assert!(found.fingerprints.is_empty(), "a table is no file");
    };
    // In order, one opening is enough; out of order the rows are asked for once more.
    check(&df, (7, 1));
    check(&df, (60, 1));
    check(&df.reverse(), (7, 2));
    check(&df.reverse(), (1, 2));
}

#[test]
fn what_is_wrong_with_a_table_is_said_with_its_name() {
    let df = readings();
    let check = |df: &DataFrame, how: (usize, usize), config: &str, want: &str| {
        let e = given(config, &[("<t>", df)], how).unwrap_err().to_string();
        assert!(e.contains("<t>") && e.contains(want), "{e}");
    };
    let telemetry = "[[telemetry]]\npath = \"<t>\"\n";
    check(&df.reverse(), (7, 1), telemetry, "is used up");
    check(&df.drop("ts").unwrap(), (7, 1), telemetry, "`ts`");
    check(&df.clear(), (7, 1), telemetry, "no data rows");
    check(&df, (7, 1), "[tickets]\npath = \"<t>\"\n", "`ticket_id`");
    check(&DataFrame::default(), (7, 1), "[tickets]\npath = \"<t>\"\n", "no columns");
}

#[test]
fn rows_are_counted_from_zero_through_all_batches() {
    let mut df = readings();
    let bad: Vec<String> =
        (0..60).map(|i| if i == 41 { "soon".into() } else { "2025-01-01".into() }).collect();
    df.with_column(Column::new("ts".into(), bad)).unwrap();
    // Readings of one time that differ are asked for once more.
    for table in ["[[telemetry]]\npath = \"<t>\"\n", "[[events]]\npath = \"<t>\"\nkind = \"patch\"\n"] {
        let found = given(table, &[("<t>", &df)], (7, 2)).unwrap();
        assert_eq!(found.files[0].rejected[0].sample, ["row 41: \"soon\""], "{table}");
    }
}

/// A table of which the reader is told to stop after the second batch.
#[derive(Debug)]
struct Stopping(DataFrame, Stop);

impl Handed for Stopping {
    fn open(&self) -> Result<Batches, String> {
        let (df, stop) = (self.0.clone(), self.1.clone());
        Ok(Box::new((0..60).map(move |i| {
            assert!(i < 5, "it is read on");
            if i == 2 {
                stop.set();
            }
            Ok(df.slice(i, 1))
        })))
    }
}

#[test]
fn a_load_ends_when_nobody_waits() {
    let folder = Folder::new(&[]);
    let mut plan = ReadPlan { slice_cells: 12, ..ReadPlan::default() };
    let stop = plan.stop.clone();
    plan.given.hand("<t>", Arc::new(Stopping(readings(), stop)));
    let settings = settings(&folder.0, "[[telemetry]]\npath = \"<t>\"\n").unwrap();
    assert_eq!(load(&settings, &plan, &|_| ()).unwrap_err(), SourceError::Stopped);
}
