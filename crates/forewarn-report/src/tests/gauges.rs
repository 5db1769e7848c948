//! The gauges for a monitor: the whole text, and the rules of both formats that it must keep.

use std::collections::BTreeSet;

use super::fixture::{empty, plain, run};
use super::hostile::PAYLOADS;
use crate::{files, gauges};

#[test]
fn the_whole_text() {
    insta::assert_snapshot!("forewarn.prom", gauges(&run(60, &plain)).unwrap());
}

/// Checks the rules, and returns the samples with their labels.
fn samples(text: &str) -> Vec<String> {
    let lines: Vec<&str> = text.split('\n').collect();
    // OpenMetrics ends with this line and its line break; to the older format it is a comment.
    assert_eq!(lines[lines.len() - 2..], ["# EOF", ""]);
    let (mut family, mut typed, mut families, mut found) =
        (String::new(), false, BTreeSet::new(), BTreeSet::new());
    let mut out = Vec::new();
    for line in &lines[..lines.len() - 2] {
        if let Some(help) = line.strip_prefix("# HELP ") {
            let (name, words) = help.split_once(' ').unwrap();
            assert!(
                name.starts_with("forewarn_") && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
            );
            assert!(!words.contains(['"', '\\']), "escapes of help texts differ: {line}");
            assert!(families.insert(name.to_owned()), "{name} comes twice");
            (family, typed) = (name.to_owned(), false);
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            assert_eq!(rest, format!("{family} gauge"));
            typed = true;
        } else if let Some(rest) = line.strip_prefix("# UNIT ") {
            let (name, unit) = rest.split_once(' ').unwrap();
            assert!(name == family && name.ends_with(&format!("_{unit}")), "{line}");
        } else {
            // The value is the last word, so there is no timestamp behind it.
            let (series, value) = line.rsplit_once(' ').unwrap();
            assert!(value.parse::<f64>().unwrap().is_finite(), "{line}");
            let labels = series.strip_prefix(family.as_str()).unwrap();
            assert!(
                typed && (labels.is_empty() || labels.starts_with('{') && labels.ends_with('}')),
                "{line}"
            );
            assert!(found.insert(series.to_owned()), "{series} comes twice");
            out.push(series.to_owned());
        }
    }
    assert!(out.len() > 10);
    out
}

#[test]
fn both_formats_rules_are_kept() {
    let all = samples(&gauges(&run(60, &plain)).unwrap());
    assert!(all.contains(&"forewarn_findings{severity=\"error\"}".to_owned()), "{all:?}");
    // What is not known has no sample; what is none is told as zero.
    let text = gauges(&empty()).unwrap();
    assert!(samples(&text).iter().all(|s| !s.starts_with("forewarn_backtest_roc_auc")));
    assert!(text.contains("\nforewarn_degradations{kind=\"trend\"} 0\n"), "{text}");
}

#[test]
fn hostile_text_gains_no_sample_and_no_asset_is_named() {
    let shape = |text: &str| -> Vec<String> {
        samples(text).iter().map(|s| s.split('{').next().unwrap_or_default().to_owned()).collect()
    };
    // Dates that are none have no sample, so they stay as they are here.
    let date = |name: &str| matches!(name, "as_of" | "trained_as_of");
    let want = shape(&gauges(&run(60, &plain)).unwrap());
    for payload in PAYLOADS.iter().chain(&["\"} 1\nforewarn_assets 9", "\\", "a\\\"b"]) {
        let fill = |name: &str, text: &str| {
            if date(name) { text.to_owned() } else { format!("{payload}{text}") }
        };
        let text = gauges(&run(60, &fill)).unwrap();
        assert_eq!(shape(&text), want, "{payload:?}");
        assert!(!text.contains("NB-0101") && !text.contains("Berlin"), "{text}");
    }
}

#[test]
fn expected_failures_are_the_sum_of_probabilities() {
    let tables = run(60, &plain);
    let p = tables.risk.column("probability").unwrap().f64().unwrap();
    let days = tables.risk.column("horizon_days").unwrap().i64().unwrap();
    let want: f64 = p.iter().zip(days.iter()).filter(|(_, d)| *d == Some(30)).filter_map(|(p, _)| p).sum();
    let text = gauges(&tables).unwrap();
    let line = format!("forewarn_failures_expected{{horizon_days=\"30\"}} {want}\n");
    assert!(want > 0.0 && text.contains(&line), "{line}{text}");
}

#[test]
fn the_run_folder_holds_them() {
    let tables = run(3, &plain);
    let (_, saved) = files(&tables).unwrap().into_iter().find(|f| f.0 == "forewarn.prom").unwrap();
    assert_eq!(saved, gauges(&tables).unwrap().into_bytes());
}
