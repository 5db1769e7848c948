//! The arrows between crates and the rules that hold the walls up. A new arrow means changing a table here.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Which of our crates each crate may use.
const ARROWS: [(&str, &[&str]); 13] = [
    ("forewarn-frames", &[]),
    ("forewarn-sources", &["forewarn-frames"]),
    ("forewarn-features", &["forewarn-frames"]),
    ("forewarn-models", &[]),
    ("forewarn-engine", &["forewarn-frames", "forewarn-features", "forewarn-models"]),
    ("forewarn-report", &["forewarn-frames"]),
    ("forewarn-settings", &["forewarn-engine", "forewarn-sources", "forewarn-report", "forewarn-frames"]),
    (
        "forewarn",
        &["forewarn-settings", "forewarn-engine", "forewarn-sources", "forewarn-report", "forewarn-frames"],
    ),
    (
        "forewarn-py",
        &["forewarn-settings", "forewarn-engine", "forewarn-sources", "forewarn-report", "forewarn-frames"],
    ),
    ("xtask", &[]),
    ("forewarn-datasets", &["forewarn-frames"]),
    ("forewarn-tests", &[]),
    ("forewarn-benches", &["forewarn-engine", "forewarn-frames", "forewarn-models", "forewarn-sources"]),
];

/// Which crates alone may use an outside library (by prefix).
const ONLY_IN: [(&str, &[&str]); 7] = [
    ("linfa", &["forewarn-models"]),
    ("plotters", &["forewarn-report"]),
    ("minijinja", &["forewarn-report"]),
    ("rust_xlsxwriter", &["forewarn-report"]),
    ("clap", &["forewarn", "forewarn-datasets"]),
    ("anyhow", &["forewarn"]),
    ("pyo3", &["forewarn-py"]),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn normal_dependencies() -> BTreeMap<String, BTreeSet<String>> {
    // By cargo's own words: the crate that parses them would change the features of serde for the whole build.
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let output = std::process::Command::new(cargo)
        .args(["metadata", "--no-deps", "--format-version", "1", "--manifest-path"])
        .arg(root().join("Cargo.toml"))
        .output()
        .unwrap();
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let text = |v: &serde_json::Value| v.as_str().unwrap().to_owned();
    metadata["packages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|p| {
            let normal = p["dependencies"].as_array().unwrap().iter().filter(|d| d["kind"].is_null());
            (text(&p["name"]), normal.map(|d| text(&d["name"])).collect())
        })
        .collect()
}

#[test]
fn arrows_are_those_of_the_table() {
    let found = normal_dependencies();
    let allowed: BTreeMap<&str, &[&str]> = ARROWS.into_iter().collect();
    assert_eq!(
        found.keys().map(String::as_str).collect::<BTreeSet<_>>(),
        allowed.keys().copied().collect::<BTreeSet<_>>(),
        "a crate is not in the table"
    );
    for (name, uses) in &found {
        for other in uses.iter().filter(|u| found.contains_key(*u)) {
            assert!(allowed[name.as_str()].contains(&other.as_str()), "{name} must not use {other}");
        }
    }
}

#[test]
fn libraries_stay_in_their_rooms() {
    for (name, uses) in normal_dependencies() {
        for (library, rooms) in ONLY_IN {
            if uses.iter().any(|u| u.starts_with(library)) {
                assert!(rooms.contains(&name.as_str()), "{name} must not use {library}");
            }
        }
        if name == "forewarn-models" {
            assert!(!uses.iter().any(|u| u.starts_with("polars")), "models are numbers only");
        }
    }
}

fn rust_files(dir: &Path, out: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && name != "target" && !name.starts_with('.') {
            rust_files(&path, out);
        } else if path.extension().is_some_and(|e| e == "rs") {
            out.push(path);
        }
    }
}

#[test]
fn every_file_says_what_it_is() {
    let mut files = Vec::new();
    for dir in ["crates", "datasets", "tests", "benches"] {
        rust_files(&root().join(dir), &mut files);
    }
    assert!(files.len() > 50);
    let silent: Vec<_> = files
        .iter()
        .filter(|f| !std::fs::read_to_string(f).unwrap().starts_with("//!"))
        .map(|f| f.strip_prefix(root()).unwrap().display().to_string())
        .collect();
    assert!(silent.is_empty(), "files that do not open with `//!`: {silent:#?}");
}

#[test]
fn pure_crates_refuse_impure_methods() {
    for name in ["frames", "features", "models", "engine"] {
        let lib = std::fs::read_to_string(root().join(format!("crates/forewarn-{name}/src/lib.rs"))).unwrap();
        assert!(
            lib.contains("#![deny(clippy::disallowed_methods"),
            "forewarn-{name} does not deny `disallowed_methods`"
        );
    }
}

#[test]
fn the_engine_does_not_know_the_simulator() {
    // Names of the simulator's own making must not steer what reads any fleet.
    let mut files = Vec::new();
    for name in ["frames", "features", "models", "engine", "sources"] {
        rust_files(&root().join(format!("crates/forewarn-{name}/src")), &mut files);
    }
    for f in files {
        let text = std::fs::read_to_string(&f).unwrap();
        assert!(!text.contains("forewarn_datasets"), "{} names the simulator", f.display());
    }
}
