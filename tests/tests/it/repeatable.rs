//! A whole run gives the same bytes at any number of threads, from shuffled rows, files split otherwise, files fed twice, rows
//! that come late in any order, and with or without what was kept from the run before.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::cli::forewarn;
use crate::fleet::{Dice, Rows};

/// What names its inputs, or says when and where it was made.
const OF_ITS_OWN: [&str; 2] = ["manifest.json", "run-log.json"];
/// What tells of rows that were repeated.
const TELLS_OF_REPEATS: [&str; 4] = ["findings", "report.html", "forewarn.xlsx", "forewarn.prom"];
const TABLES: [&str; 3] = ["tickets", "telemetry", "events"];

/// The fleet, each table by a pattern, so that it may lie in any number of files.
fn fleet() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    Rows::random(7).write(dir.path());
    let config = dir.path().join("forewarn.toml");
    let mut text = fs::read_to_string(&config).unwrap();
    for table in TABLES {
        text = text.replace(&format!("\"{table}.csv\""), &format!("\"{table}*.csv\""));
    }
    fs::write(config, text).unwrap();
    dir
}

/// Header and rows of a table.
fn rows_of(dir: &Path, table: &str) -> (String, Vec<String>) {
    let text = fs::read_to_string(dir.join(format!("{table}.csv"))).unwrap();
    let (header, rows) = text.split_once('\n').unwrap();
    (header.to_owned(), rows.lines().map(ToOwned::to_owned).collect())
}

fn write(dir: &Path, name: &str, header: &str, rows: &[String]) {
    fs::write(dir.join(name), format!("{header}\n{}\n", rows.join("\n"))).unwrap();
}

/// Everything of the newest run, by name.
fn folder(dir: &Path, below: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut out = BTreeMap::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            out.extend(folder(&path, below));
        } else {
            let name = path.strip_prefix(below).unwrap().display().to_string();
            out.insert(name, fs::read(&path).unwrap());
        }
    }
    out
}

pub(crate) fn run(dir: &Path, args: &[&str], leave_out: &[&str]) -> BTreeMap<String, Vec<u8>> {
    let done = forewarn(dir, &[&["run", "--quiet"], args].concat());
    assert_eq!(done.code, 0, "{args:?}: {}", done.err);
    let latest = dir.join("reports/latest").canonicalize().unwrap();
    let mut all = folder(&latest, &latest);
    all.retain(|name, _| !OF_ITS_OWN.iter().chain(leave_out).any(|n| name.contains(n)));
    // The ledger of earlier lists is an input: every run starts without.
    fs::remove_dir_all(dir.join("reports/history")).unwrap();
    all
}

pub(crate) fn assert_same(what: &str, got: &BTreeMap<String, Vec<u8>>, want: &BTreeMap<String, Vec<u8>>) {
    let differ: Vec<&String> = want.keys().filter(|k| got.get(*k) != want.get(*k)).collect();
    assert!(differ.is_empty() && got.len() == want.len(), "{what}: {differ:?}");
}

#[test]
fn the_same_rows_give_the_same_bytes() {
    let want = run(fleet().path(), &["--no-cache"], &[]);
    assert!(want.len() > 25 && want.contains_key("report.html"), "{:?}", want.keys());
    for threads in ["1", "2", "16"] {
        let dir = fleet();
        assert_same(threads, &run(dir.path(), &["--threads", threads], &[]), &want);
        assert_same("with what was kept", &run(dir.path(), &["--threads", threads], &[]), &want);
    }
    let dir = fleet();
    let dir = dir.path();
    let mut dice = Dice(11);
    for table in TABLES {
        let (header, mut rows) = rows_of(dir, table);
        dice.shuffle(&mut rows);
        write(dir, &format!("{table}.csv"), &header, &rows);
    }
    assert_same("shuffled rows", &run(dir, &[], &[]), &want);
    // The shuffled rows in three files of unlike length.
    for table in TABLES {
        let (header, rows) = rows_of(dir, table);
        let (a, b) = (rows.len() / 5, rows.len() / 2);
        for (name, part) in [("", &rows[..a]), ("-1", &rows[a..b]), ("-2", &rows[b..])] {
            write(dir, &format!("{table}{name}.csv"), &header, part);
        }
    }
    assert_same("three files", &run(dir, &[], &[]), &want);
    // Fed twice: what is told of repeats differs, and nothing else.
    let mut less = want.clone();
    less.retain(|name, _| !TELLS_OF_REPEATS.iter().any(|n| name.contains(n)));
    for table in TABLES {
        fs::copy(dir.join(format!("{table}-1.csv")), dir.join(format!("{table}-3.csv"))).unwrap();
    }
    assert_same("fed twice", &run(dir, &[], &TELLS_OF_REPEATS), &less);
}

#[test]
fn late_rows_give_the_same_bytes_in_any_order() {
    let want = run(fleet().path(), &["--no-cache"], &[]);
    for first in [0, 1] {
        let dir = fleet();
        let dir = dir.path();
        let mut parts: BTreeMap<&str, (String, Vec<Vec<String>>)> = BTreeMap::new();
        for table in TABLES {
            let (header, rows) = rows_of(dir, table);
            // Every third row comes later, every sixth later still.
            let part = |n: usize| {
                let comes = |i: usize| match i % 6 {
                    0 => 2,
                    3 => 1,
                    _ => 0,
                };
                rows.iter().enumerate().filter(|(i, _)| comes(*i) == n).map(|(_, r)| r.clone()).collect()
            };
            parts.insert(table, (header, (0..3).map(part).collect()));
            let (header, all) = &parts[table];
            write(dir, &format!("{table}.csv"), header, &all[0]);
        }
        run(dir, &[], &[]);
        for n in [1 + first, 2 - first] {
            for (table, (header, all)) in &parts {
                write(dir, &format!("{table}-{n}.csv"), header, &all[n]);
            }
            // The nights between say what they know; the last knows everything.
            let got = run(dir, &[], &[]);
            if n == 2 - first {
                assert_same("late rows", &got, &want);
            }
        }
    }
}
