//! Tests of the words of a new config: they parse, and say what was found.
#![allow(clippy::unwrap_used, reason = "a test stops where its own input is wrong")]

use std::path::PathBuf;

use forewarn_sources::{Format, Sniff};

use super::*;
use crate::config_file::parse;

fn group(
    names: &[&str],
    table: &'static str,
    preset: &'static str,
    proposed: &[(&'static str, &str)],
    missing: &[&'static str],
) -> Group {
    let guess = Guess {
        table,
        preset,
        score: 0.9,
        found: vec![],
        proposed: proposed.iter().map(|(a, b)| (*a, (*b).to_owned())).collect(),
        missing: missing.to_vec(),
    };
    let sniff = Sniff {
        format: Format::Csv,
        delimiter: Some(','),
        columns: vec![],
        n_rows: 3,
        time_columns: vec![],
        number_columns: vec![],
        day_first: false,
        guesses: vec![guess],
    };
    Group {
        dir: PathBuf::from("exports"),
        names: names.iter().map(|n| (*n).to_owned()).collect(),
        sniff,
        whole: true,
    }
}

#[test]
fn a_config_of_nothing_parses() {
    let text = config(&[]);
    parse(&text, "f").unwrap();
    // Each comment that shows a key is a valid one, too.
    let shown: Vec<&str> =
        text.lines().filter_map(|l| l.strip_prefix("# ")).filter(|l| l.contains(" = ")).collect();
    assert!(shown.len() > 10, "{shown:?}");
}

#[test]
fn what_was_found_is_said_in_the_configs_own_keys() {
    let groups = [
        group(&["a \"b\".csv"], "tickets", "servicenow", &[("asset_id", "Config \"item\"")], &[]),
        group(&["2025-01.csv", "2025-02.csv"], "telemetry", "generic", &[], &[]),
        group(&["patches.csv"], "events", "generic", &[], &["kind"]),
        group(&["failures.csv"], "failures", "generic", &[("failed_at", "date")], &[]),
        group(&["odd.csv"], "assets", "generic", &[], &["asset_id"]),
    ];
    let text = config(&groups);
    let options = parse(&text, "f").unwrap().options;
    let tickets = options.tickets.unwrap();
    assert_eq!(tickets.path.unwrap().list(), ["exports/a \"b\".csv"]);
    assert_eq!(tickets.preset.as_deref(), Some("servicenow"));
    assert!(tickets.columns.contains_key("asset_id"));
    assert_eq!(options.telemetry.unwrap()[0].path.as_ref().unwrap().list(), ["exports/*.csv"]);
    assert_eq!(options.events.unwrap()[0].kind.as_deref(), Some("patch"));
    assert!(options.failure.unwrap().failures.unwrap().columns.contains_key("failed_at"));
    assert!(options.assets.is_none());
    assert!(
        text.contains("odd.csv\" (3 rows): most like assets, where `asset_id` would have to be mapped"),
        "{text}"
    );
}

#[test]
fn a_failure_is_a_ticket_where_no_file_says_more() {
    let options = parse(&config(&[group(&["t.csv"], "tickets", "generic", &[], &[])]), "f").unwrap().options;
    assert_eq!(options.failure.unwrap().from.as_deref(), Some("tickets"));
}
