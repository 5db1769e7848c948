//! Tests of the ledger's folder: what counts, what is never written again, what an interrupted run leaves.
#![expect(clippy::unwrap_used, reason = "a test stops where its own input is wrong")]

use forewarn_report::write_parquet;
use polars::prelude::*;

use super::*;

/// An OUT of its own for each test, removed at the end.
struct Out(PathBuf);

impl Drop for Out {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn day(text: &str) -> Cutoff {
    Cutoff::parse(text).unwrap()
}

/// A night's prediction of one asset.
fn said(date: &str, p: f64) -> Vec<u8> {
    let whole = |name: &str, v: i64| Column::new(name.into(), [v]);
    let df = DataFrame::new(
        1,
        vec![
            whole("as_of", day(date).micros())
                .cast(&DataType::Datetime(TimeUnit::Microseconds, None))
                .unwrap(),
            whole("rank_by_days", 30),
            Column::new("asset_id".into(), ["a"]),
            whole("place", 1),
            Column::new("probability".into(), [p]),
            Column::new("on_list".into(), [true]),
            whole("baseline_place", 1),
            Column::new("baseline_probability".into(), [p]),
        ],
    )
    .unwrap();
    let mut bytes = Vec::new();
    write_parquet(&df, &mut bytes, "ledger").unwrap();
    bytes
}

impl Out {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("forewarn-history-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn lock(&self) -> Lock {
        Lock::take(&self.0, ".lock").unwrap()
    }

    fn keep(&self, date: &str, bytes: &[u8]) {
        keep(&self.lock(), &self.0, day(date), bytes).unwrap();
    }

    fn put(&self, name: &str, bytes: &[u8]) {
        let dir = self.0.join(HISTORY);
        fs::create_dir_all(&dir).unwrap();
        fs::write(dir.join(name), bytes).unwrap();
    }

    /// The names in the folder.
    fn names(&self) -> Vec<String> {
        files(&self.0.join(HISTORY)).unwrap().into_keys().collect()
    }

    fn read(&self, as_of: &str, per_days: u32) -> Ledger {
        read(&self.lock(), &self.0, day(as_of), per_days).unwrap()
    }

    /// The nights that are judged as of a day, with the probability that was said.
    fn judged(&self, as_of: &str, per_days: u32) -> Vec<(String, f64)> {
        let rows = self.read(as_of, per_days).rows;
        let at = rows.column("as_of").unwrap().cast(&DataType::Int64).unwrap();
        let p = rows.column("probability").unwrap().f64().unwrap().clone();
        at.i64()
            .unwrap()
            .iter()
            .zip(p.iter())
            .map(|(t, p)| (Cutoff::at(t.unwrap()).unwrap().to_string(), p.unwrap()))
            .collect()
    }
}

#[test]
fn names_say_what_a_file_is() {
    let d = day("2025-01-06");
    for (name, want) in [
        ("2025-01-06.parquet", Named::First(d)),
        ("2025-01-06.backfill-1.parquet", Named::Backfill(d)),
        ("2025-01-06.backfill-12.parquet", Named::Backfill(d)),
        (".2025-01-06.parquet.tmp", Named::Unfinished),
        ("2025-01-06.backfill-0.parquet", Named::Foreign),
        ("2025-01-06.backfill-01.parquet", Named::Foreign),
        ("2025-01-06T00:00:00.parquet", Named::Foreign),
        ("2025-13-06.parquet", Named::Foreign),
        ("2025-01-06.csv", Named::Foreign),
        ("notes.txt", Named::Foreign),
    ] {
        assert_eq!(named(name), want, "{name}");
    }
}

#[test]
fn the_first_prediction_of_a_date_counts_and_stays() {
    let out = Out::new("first");
    let first = said("2025-01-06", 0.1);
    out.keep("2025-01-06", &first);
    out.keep("2025-01-06", &first);
    assert_eq!(out.names(), ["2025-01-06.parquet"], "the same is not written twice");
    out.keep("2025-01-06", &said("2025-01-06", 0.2));
    out.keep("2025-01-06", &said("2025-01-06", 0.2));
    out.keep("2025-01-06", &said("2025-01-06", 0.3));
    assert_eq!(
        out.names(),
        ["2025-01-06.backfill-1.parquet", "2025-01-06.backfill-2.parquet", "2025-01-06.parquet"]
    );
    assert_eq!(fs::read(out.0.join("history/2025-01-06.parquet")).unwrap(), first);
    assert_eq!(out.judged("2025-02-01", 7), [("2025-01-06".to_owned(), 0.1)]);
    assert_eq!(out.judged("2025-01-06", 7), [], "tonight is not judged tonight");
}

#[test]
fn a_period_has_one_list_date() {
    let out = Out::new("period");
    // A Wednesday, the Thursday after it, the Monday and the Tuesday of the next week.
    for date in ["2025-01-08", "2025-01-09", "2025-01-13", "2025-01-14"] {
        out.keep(date, &said(date, 0.5));
    }
    let dates = |per_days| out.judged("2025-01-15", per_days).into_iter().map(|n| n.0).collect::<Vec<_>>();
    assert_eq!(dates(7), ["2025-01-08", "2025-01-13"]);
    assert_eq!(dates(1), ["2025-01-08", "2025-01-09", "2025-01-13", "2025-01-14"]);
    assert_eq!(dates(365), ["2025-01-08"]);
    // A later night changes nothing about those before it.
    let before = out.read("2025-01-15", 7);
    out.keep("2025-01-15", &said("2025-01-15", 0.5));
    out.keep("2025-01-13", &said("2025-01-13", 0.9));
    assert_eq!(out.read("2025-01-15", 7).fingerprint, before.fingerprint);
    assert_eq!(before.fingerprint["nights"], 2);
}

#[test]
fn what_cannot_be_read_is_named_and_left_alone() {
    let out = Out::new("torn");
    out.keep("2025-01-06", &said("2025-01-06", 0.5));
    out.put("2025-01-07.parquet", &said("2025-01-07", 0.7));
    out.put("2025-01-13.parquet", b"torn");
    out.put("2025-01-14.parquet", &said("2025-01-14", 0.6));
    out.put("2025-01-20.parquet", &said("2025-01-06", 0.5));
    let mut empty = Vec::new();
    write_parquet(&LEDGER.empty(), &mut empty, "ledger").unwrap();
    out.put("2025-01-27.parquet", &empty);
    out.put("notes.txt", b"mine");
    fs::create_dir_all(out.0.join(HISTORY).join(ORDERS)).unwrap();
    out.put(".2025-01-21.parquet.tmp", b"half a ta");
    let ledger = out.read("2025-02-01", 7);
    let found: Vec<(&str, &[String])> =
        ledger.findings.iter().map(|f| (f.check.as_str(), f.sample.as_slice())).collect();
    assert_eq!(found.len(), 2, "{found:?}");
    assert_eq!(found[0].1, ["2025-01-13.parquet", "2025-01-20.parquet", "2025-01-27.parquet"]);
    assert_eq!(found[1].1, ["notes.txt"]);
    assert_eq!(
        out.judged("2025-02-01", 7),
        [("2025-01-06".to_owned(), 0.5), ("2025-01-14".to_owned(), 0.6)],
        "the next night of the week stands in"
    );
    let names = out.names();
    assert!(!names.iter().any(|n| n.starts_with('.')), "{names:?}");
    assert!(names.contains(&"notes.txt".to_owned()) && names.contains(&"2025-01-13.parquet".to_owned()));
    // A date whose file is torn keeps what is said about it all the same, beside it.
    out.keep("2025-01-13", &said("2025-01-13", 0.4));
    assert!(out.names().contains(&"2025-01-13.backfill-1.parquet".to_owned()));
}

#[test]
fn a_run_that_was_stopped_before_it_kept_its_prediction_loses_nothing() {
    let out = Out::new("stopped");
    let folder = out.0.join("2025-01-06");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join(folders::MANIFEST), "{}").unwrap();
    let bytes = said("2025-01-06", 0.5);
    fs::write(folder.join(LEDGER_FILE), &bytes).unwrap();
    for _ in 0..2 {
        settle(&out.lock(), &out.0).unwrap();
        assert_eq!(out.names(), ["2025-01-06.parquet"]);
    }
    // What is no prediction of that night is not taken for one.
    let folder = out.0.join("2025-01-07");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join(folders::MANIFEST), "{}").unwrap();
    fs::write(folder.join(LEDGER_FILE), &bytes).unwrap();
    settle(&out.lock(), &out.0).unwrap();
    assert_eq!(out.names(), ["2025-01-06.parquet"]);
}
