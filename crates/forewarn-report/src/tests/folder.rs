//! A run folder written and read back gives the same page.

use std::io::{Error, ErrorKind};

use forewarn_frames::output::{METRICS, RANKING, RunTables, SCHEMA_VERSION};
use polars::prelude::*;
use serde_json::json;

use super::fixture::{Cell, empty, frame, plain, run};
use crate::{
    Format, ReportError, facts_from_json, facts_json, files, findings_from_json, findings_json,
    metrics_from_json, metrics_json, read_parquet, read_tables, render, table_text, write_csv, write_parquet,
};

pub(super) fn again(tables: &RunTables) -> RunTables {
    let mut saved: Vec<(String, Vec<u8>)> =
        files(tables).unwrap().into_iter().map(|(n, b)| (n.clone(), b)).collect();
    let manifest = json!({"version": "0.1.0", "facts": facts_json(&tables.facts).unwrap()}).to_string();
    saved.push(("manifest.json".to_owned(), manifest.into_bytes()));
    let read = |file: &str| {
        saved
            .iter()
            .find(|f| f.0 == file)
            .map(|f| f.1.clone())
            .ok_or_else(|| Error::new(ErrorKind::NotFound, file.to_owned()))
    };
    read_tables(&read).unwrap()
}

#[test]
fn a_run_folder_renders_the_same_bytes_again() {
    for tables in [run(60, &plain), empty(), run(3, &|_, t| format!("<\u{202e}\"{t}\0"))] {
        let back = again(&tables);
        assert!(back.ranking.equals_missing(&tables.ranking));
        assert!(back.risk.equals_missing(&tables.risk) && back.labels.equals_missing(&tables.labels));
        assert_eq!(back.facts, tables.facts);
        assert_eq!(back.findings, tables.findings);
        assert_eq!(render(&back).unwrap(), render(&tables).unwrap());
    }
}

#[test]
fn the_same_table_gives_the_same_file_however_it_was_put_together() {
    let whole = run(40, &plain).ranking;
    let parts = whole.slice(0, 13).vstack(&whole.slice(13, 27)).unwrap();
    let bytes = |df: &DataFrame| {
        let mut out = Vec::new();
        write_parquet(df, &mut out, "ranking").unwrap();
        out
    };
    assert_eq!(bytes(&whole), bytes(&parts));
}

#[test]
fn the_file_says_its_schema_version() {
    let mut bytes = Vec::new();
    write_parquet(&RANKING.empty(), &mut bytes, "ranking").unwrap();
    let metadata = ParquetReader::new(std::io::Cursor::new(&bytes)).get_metadata().unwrap().clone();
    let pairs = metadata.key_value_metadata().clone().unwrap();
    let value = pairs.iter().find(|p| p.key == "schema_version").unwrap().value.clone();
    assert_eq!(value, Some(SCHEMA_VERSION.to_string()));
}

#[test]
fn what_is_no_number_becomes_null() {
    let row = |x: f64| {
        vec![
            Cell::Text("m".to_owned()),
            Cell::Text("chosen".to_owned()),
            Cell::Whole(30),
            Cell::Text("ece".to_owned()),
            Cell::Number(x),
            Cell::Null,
            Cell::Number(0.1 + 0.2),
        ]
    };
    let df = frame(&METRICS, &[row(f64::NAN), row(f64::INFINITY), row(-0.5)]);
    let text = metrics_json(&df).unwrap();
    assert!(!text.contains("NaN") && text.contains("0.30000000000000004"));
    let back = metrics_from_json(&text).unwrap();
    assert_eq!(back.column("value").unwrap().f64().unwrap().to_vec(), [None, None, Some(-0.5)]);
    assert_eq!(metrics_json(&back).unwrap(), text);
}

#[test]
fn damaged_files_are_named() {
    let check =
        |error: ReportError, want: &str| assert!(error.to_string().contains(want), "{error} lacks {want}");
    check(read_parquet(b"PAR1", "risk").unwrap_err(), "risk");
    check(metrics_from_json("{").unwrap_err(), "metrics.json");
    check(metrics_from_json(r#"[{"model": "m", "role": 7}]"#).unwrap_err(), "found 7 where text is expected");
    check(facts_from_json(&json!(3)).unwrap_err(), "manifest.json");
    let text = findings_json(&run(1, &plain).findings).unwrap().replace("warning", "loud");
    check(
        findings_from_json(&text).unwrap_err(),
        "severity \"loud\" where info, warning or error is expected",
    );
    let denied = |_: &str| Err(Error::from(ErrorKind::PermissionDenied));
    check(read_tables(&denied).unwrap_err(), "file `manifest.json`");
}

#[test]
fn lists_and_times_are_readable_in_csv() {
    let tables = run(2, &plain);
    let csv = table_text(&tables.ranking, Format::Csv).unwrap();
    assert!(csv.contains(r#""[{""mode"":""disk"",""probability"":"#), "{csv}");
    let labels = table_text(&tables.labels.head(Some(1)), Format::Csv).unwrap();
    assert_eq!(
        labels,
        "asset_id,failed_at,mode,ticket_id,scored\nNB-0101,2024-01-03T00:00:00Z,disk,INC0010023,true\n"
    );
    let mut bytes = Vec::new();
    write_csv(&tables.labels.head(Some(1)), &mut bytes).unwrap();
    assert_eq!(bytes, labels.into_bytes());
}

#[test]
fn a_table_is_printed_in_three_ways() {
    let df = run(2, &plain).labels.head(Some(1));
    let json = table_text(&df, Format::Json).unwrap();
    let rows: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(rows[0]["failed_at"], "2024-01-03T00:00:00Z");
    let text = table_text(&df, Format::Table).unwrap();
    assert_eq!(text.lines().next(), Some("asset_id  failed_at             mode  ticket_id   scored"));
}
