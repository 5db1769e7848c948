//! The exports as CSV and JSON: every table, the published schema, hostile text.

use forewarn_frames::output::{FEATURES, METRICS, RunTables};
use polars::prelude::*;
use serde_json::{Value, json};

use super::fixture::{Cell, empty, frame, plain, run};
use super::folder::again;
use super::hostile::{PAYLOADS, cells};
use crate::export::EXPORTED;
use crate::{Export, export_schema, exports};

/// A catalog of one feature, whose texts are that text.
pub(super) fn features(text: &str) -> DataFrame {
    let text = || Cell::Text(text.to_owned());
    frame(&FEATURES, &[vec![text(), text(), Cell::Whole(30), text(), text()]])
}

/// Path and bytes of every file of an export.
pub(super) fn written(
    tables: &RunTables,
    features: &DataFrame,
    formats: &[Export],
) -> Vec<(String, Vec<u8>)> {
    exports(tables, features, formats).unwrap().collect::<Result<_, _>>().unwrap()
}

fn json_files(tables: &RunTables, features: &DataFrame) -> Vec<(String, Value)> {
    let parse = |(path, bytes): (String, Vec<u8>)| (path, serde_json::from_slice(&bytes).unwrap());
    written(tables, features, &[Export::Json]).into_iter().map(parse).collect()
}

/// What of `value` breaks `schema`: the part of JSON Schema that ours uses, and no keyword passes unread.
fn broken(schema: &Value, root: &Value, value: &Value, at: &str, out: &mut Vec<String>) {
    for (keyword, rule) in schema.as_object().unwrap() {
        let ok = match keyword.as_str() {
            "$schema" | "$id" | "$defs" | "title" | "description" => true,
            "$ref" => {
                let path = rule.as_str().unwrap().strip_prefix('#').unwrap();
                broken(root.pointer(path).unwrap(), root, value, at, out);
                true
            }
            "oneOf" => {
                let fits = |rule: &Value| {
                    let mut wrong = Vec::new();
                    broken(rule, root, value, at, &mut wrong);
                    wrong.is_empty()
                };
                rule.as_array().unwrap().iter().filter(|rule| fits(rule)).count() == 1
            }
            "const" => rule == value,
            "type" => {
                let one = |name: &Value| match name.as_str().unwrap() {
                    "null" => value.is_null(),
                    "boolean" => value.is_boolean(),
                    "integer" => value.is_i64() || value.is_u64(),
                    "number" => value.is_number(),
                    "string" => value.is_string(),
                    "array" => value.is_array(),
                    "object" => value.is_object(),
                    other => panic!("unknown type {other}"),
                };
                rule.as_array().map_or_else(|| one(rule), |names| names.iter().any(one))
            }
            "format" => value.as_str().is_none_or(|text| {
                let shape: String = text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
                match rule.as_str().unwrap() {
                    "date" => shape == "0000-00-00",
                    "date-time" => {
                        shape == "0000-00-00T00:00:00Z" || shape.starts_with("0000-00-00T00:00:00.")
                    }
                    other => panic!("unknown format {other}"),
                }
            }),
            "required" => rule
                .as_array()
                .unwrap()
                .iter()
                .all(|key| value.as_object().is_none_or(|o| o.contains_key(key.as_str().unwrap()))),
            "properties" => {
                for (key, rule) in rule.as_object().unwrap() {
                    if let Some(value) = value.get(key) {
                        broken(rule, root, value, &format!("{at}.{key}"), out);
                    }
                }
                true
            }
            "additionalProperties" => {
                assert_eq!(rule, &json!(false));
                let known = schema["properties"].as_object().unwrap();
                value.as_object().is_none_or(|o| o.keys().all(|key| known.contains_key(key)))
            }
            "items" => {
                for (i, value) in value.as_array().into_iter().flatten().enumerate() {
                    broken(rule, root, value, &format!("{at}[{i}]"), out);
                }
                true
            }
            other => panic!("unknown keyword {other}"),
        };
        if !ok {
            out.push(format!("{at}: {keyword}"));
        }
    }
}

fn faults(schema: &Value, value: &Value) -> Vec<String> {
    let mut out = Vec::new();
    broken(schema, schema, value, "$", &mut out);
    out
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "it renews the file that it compares with, where it is asked to"
)]
fn the_published_schema_is_the_one_that_the_code_writes() {
    let written = export_schema();
    if std::env::var("INSTA_UPDATE").is_ok_and(|v| v == "always") {
        std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/schema/schema.json"), &written).unwrap();
    } else {
        assert!(
            include_str!("../../schema/schema.json") == written,
            "the tables changed: raise `SCHEMA_VERSION` where a reader of the old ones would fail, and run this test \
            with `INSTA_UPDATE=always`"
        );
    }
}

#[test]
fn every_json_document_fits_the_schema() {
    let schema: Value = serde_json::from_str(&export_schema()).unwrap();
    let mut rows = 0;
    for (tables, features) in [(run(20, &plain), features("x")), (empty(), FEATURES.empty())] {
        let files = json_files(&tables, &features);
        assert_eq!(files.len(), EXPORTED.len() + 1);
        for (path, document) in files.iter().filter(|f| f.0 != "tables/schema.json") {
            assert_eq!(faults(&schema, document), [""; 0], "{path}");
            let name = document["table"].as_str().unwrap();
            assert_eq!(path, &format!("tables/{name}.json"));
            assert_eq!(faults(&schema["$defs"][name], &json!({})), ["$: required"]);
            rows += document["rows"].as_array().unwrap().len();
        }
    }
    assert!(rows > 500, "{rows}");
}

#[test]
fn a_document_of_another_shape_does_not_fit() {
    let schema: Value = serde_json::from_str(&export_schema()).unwrap();
    let files = json_files(&run(3, &plain), &features("x"));
    let document = |path: &str| files.iter().find(|f| f.0 == path).unwrap().1.clone();
    let check = |path: &str, pointer: &str, value: Value| {
        let mut document = document(path);
        *document.pointer_mut(pointer).unwrap() = value;
        assert_eq!(faults(&schema, &document), ["$: oneOf"], "{pointer}");
    };
    check("tables/risk.json", "/rows/0/probability", json!("0.5"));
    check("tables/risk.json", "/rows/0/horizon_days", json!(7.5));
    check("tables/risk.json", "/rows/0", json!({ "asset_id": "a" }));
    check("tables/risk.json", "/schema_version", json!(0));
    check("tables/risk.json", "/table", json!("ranking"));
    check("tables/risk.json", "/as_of", json!("yesterday"));
    check("tables/labels.json", "/rows/0/failed_at", json!("2024-01-03"));
    check("tables/labels.json", "/rows/0/scored", json!(1));
    check("tables/ranking.json", "/rows/0/reasons/0/text", json!(5));
    check("tables/findings.json", "/rows/1/sample", json!([1]));
}

#[test]
fn a_row_is_a_line_and_says_what_the_table_says() {
    let tables = run(3, &plain);
    let files = written(&tables, &features("x"), &[Export::Json]);
    let (_, bytes) = files.iter().find(|f| f.0 == "tables/risk.json").unwrap();
    let text = String::from_utf8(bytes.clone()).unwrap();
    assert_eq!(text.lines().count(), tables.risk.height() + 2);
    let document: Value = serde_json::from_str(&text).unwrap();
    let p: Vec<Option<f64>> =
        document["rows"].as_array().unwrap().iter().map(|r| r["probability"].as_f64()).collect();
    assert_eq!(p, tables.risk.column("probability").unwrap().f64().unwrap().to_vec());
}

#[test]
fn every_table_comes_in_each_format_and_in_a_fixed_order() {
    let tables = run(3, &plain);
    let names = |formats: &[Export]| {
        written(&tables, &features("x"), formats).into_iter().map(|f| f.0).collect::<Vec<_>>()
    };
    let all = names(&[Export::Json, Export::Csv, Export::Xlsx]);
    assert_eq!(all, names(&Export::ALL));
    let mut want: Vec<String> = EXPORTED.iter().map(|t| format!("tables/{}.csv", t.name)).collect();
    want.push("forewarn.xlsx".to_owned());
    want.extend(EXPORTED.iter().map(|t| format!("tables/{}.json", t.name)));
    want.push("tables/schema.json".to_owned());
    assert_eq!(all, want);
    assert_eq!(names(&[]), [""; 0]);
    assert!(exports(&tables, &tables.risk, &Export::ALL).is_err(), "risk is no catalog of features");
}

#[test]
fn a_saved_run_gives_the_same_files() {
    let mut tables = run(10, &|_, t| format!("<\u{202e}\"{t}\0"));
    let row = |x: f64| {
        let text = |t: &str| Cell::Text(t.to_owned());
        let number = || Cell::Number(x);
        vec![text("m"), text("chosen"), Cell::Whole(7), text("ece"), number(), number(), number()]
    };
    tables.metrics = frame(&METRICS, &[row(f64::NAN), row(f64::INFINITY), row(0.1 + 0.2)]);
    let files = written(&tables, &features("x"), &Export::ALL);
    assert!(files == written(&again(&tables), &features("x"), &Export::ALL));
}

#[test]
fn no_payload_gains_a_formula_in_any_csv() {
    let mut guarded = 0;
    let mut check = |tables: &RunTables, features: &DataFrame| {
        for (path, bytes) in written(tables, features, &[Export::Csv]) {
            let csv = String::from_utf8(bytes).unwrap();
            for cell in cells(&csv) {
                let start = cell.trim_start_matches(' ');
                let formula = start.starts_with(['=', '+', '-', '@', '\t', '\r']);
                assert!(!formula || cell.parse::<f64>().is_ok(), "{path}: {cell:?}");
                guarded += usize::from(cell.starts_with('\''));
            }
        }
    };
    for payload in PAYLOADS {
        check(&run(20, &|_, text| format!("{payload}{text}")), &features(payload));
    }
    // A title of 1 MB.
    let long = "=".repeat(1_000_000);
    check(
        &run(1, &|name, text| if name == "problem_title" { long.clone() } else { text.to_owned() }),
        &features(&long),
    );
    assert!(guarded > 1000, "{guarded}");
}
