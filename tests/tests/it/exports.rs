//! The exports as a user meets them: in the run folder, from a saved folder, and refused where they are not known.

use std::path::Path;

use crate::cli::{department, forewarn};

/// The files below `dir` that an export writes, by their names in it.
fn exported(dir: &Path) -> Vec<(String, Vec<u8>)> {
    let mut names: Vec<String> = std::fs::read_dir(dir.join("tables"))
        .map(|entries| {
            entries.map(|e| format!("tables/{}", e.unwrap().file_name().to_string_lossy())).collect()
        })
        .unwrap_or_default();
    names.push("forewarn.xlsx".to_owned());
    names.sort();
    names.into_iter().filter_map(|n| Some((n.clone(), std::fs::read(dir.join(n)).ok()?))).collect()
}

fn configured(dir: &Path, tables: &str) {
    let path = dir.join("forewarn.toml");
    let config = std::fs::read_to_string(&path).unwrap();
    std::fs::write(path, format!("{config}\n[export]\ntables = {tables}\n")).unwrap();
}

#[test]
fn a_saved_folder_exports_what_its_run_wrote() {
    let dir = department();
    configured(dir.path(), "[\"json\", \"csv\", \"xlsx\"]");
    let done = forewarn(dir.path(), &["run", "--quiet"]);
    assert_eq!(done.code, 0, "{}", done.err);
    let run = dir.path().join("reports/latest");
    let wrote = exported(&run);
    let names: Vec<&str> = wrote.iter().map(|f| f.0.as_str()).collect();
    for name in ["forewarn.xlsx", "tables/risk.csv", "tables/findings.json", "tables/schema.json"] {
        assert!(names.contains(&name), "{name} is not among {names:?}");
    }
    assert_eq!(names.iter().filter(|n| n.ends_with(".csv")).count(), 22, "{names:?}");
    let read = |name: &str| std::fs::read(run.join(name)).unwrap();
    assert!(read("tables/ranking.csv") == read("ranking.csv"));
    // The manifest counts them, and the gauges, like every other file.
    let manifest: serde_json::Value = serde_json::from_slice(&read("manifest.json")).unwrap();
    for (name, bytes) in wrote.iter().chain(&[("forewarn.prom".to_owned(), read("forewarn.prom"))]) {
        assert_eq!(manifest["files"][name]["bytes"], bytes.len(), "{name}");
    }
    assert_eq!(manifest["settings"]["export"]["tables"], serde_json::json!(["csv", "xlsx", "json"]));

    let page = read("report.html");
    std::fs::write(run.join("report.html"), "another").unwrap();
    let args = ["report", "reports/latest", "--export", "csv,xlsx,json", "--to", "out/of/it"];
    let done = forewarn(dir.path(), &args);
    assert_eq!(done.code, 0, "{}", done.err);
    assert_eq!(done.out.lines().count(), wrote.len(), "{}", done.out);
    assert!(wrote == exported(&dir.path().join("out/of/it")), "a saved folder gave other bytes");
    assert_eq!(read("report.html"), b"another", "an export touched the report");
    assert_eq!(forewarn(dir.path(), &["report", "reports/latest"]).code, 0);
    assert!(page == read("report.html"));

    // One format alone gives the same file.
    let done = forewarn(dir.path(), &["report", "reports", "--export", "xlsx", "--to", "one"]);
    assert_eq!(done.code, 0, "{}", done.err);
    assert!(exported(&dir.path().join("one")) == [("forewarn.xlsx".to_owned(), read("forewarn.xlsx"))]);

    let check = |args: &[&str], want: &[&str]| {
        let done = forewarn(dir.path(), args);
        assert_eq!(done.code, 2, "{args:?}: {}", done.err);
        assert!(done.out.is_empty(), "{args:?}: {}", done.out);
        for word in want {
            assert!(done.err.contains(word), "{args:?}: `{word}` is not named in\n{}", done.err);
        }
    };
    check(&["report", "reports", "--export", "xlxs", "--to", "x"], &["xlxs", "'xlsx'"]);
    check(&["report", "reports", "--export", "csv"], &["--to"]);
    check(&["report", "reports", "--to", "x"], &["--export"]);
    check(&["report", "nowhere", "--export", "csv", "--to", "x"], &["nowhere", "hint"]);
    let inside = ["report", "reports", "--export", "csv", "--to", "reports/latest/more"];
    check(&inside, &["the run folder itself", "hint"]);
    assert!(!dir.path().join("x").exists() && !run.join("more").exists());
}

#[test]
fn the_config_says_which_formats_there_are() {
    let dir = department();
    let printed = |dir: &Path| forewarn(dir, &["run", "--dry-run"]).out;
    assert!(
        printed(dir.path()).contains("[export]\ntables = [\"csv\", \"xlsx\"]\n"),
        "{}",
        printed(dir.path())
    );
    configured(dir.path(), "[]");
    let done = forewarn(dir.path(), &["run", "--quiet"]);
    assert_eq!(done.code, 0, "{}", done.err);
    let run = dir.path().join("reports/latest");
    assert!(exported(&run).is_empty() && !run.join("tables").exists());
    assert!(run.join("ranking.csv").is_file() && run.join("forewarn.prom").is_file());
    assert!(printed(dir.path()).contains("[export]\ntables = []\n"));
}
