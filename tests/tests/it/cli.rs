//! The command line as a user meets it: what it prints, what it writes, how it ends. Whole outputs are snapshots; paths
//! and versions are filtered.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::fleet::Rows;

/// What a command did.
pub(crate) struct Done {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// The binary that cargo built beside this test (`crates/forewarn/tests` makes it do so).
pub(crate) fn binary() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let path = test
        .parent()
        .and_then(Path::parent)
        .unwrap()
        .join(format!("forewarn{}", std::env::consts::EXE_SUFFIX));
    assert!(path.is_file(), "{} is not built: run `cargo xtask test`", path.display());
    path
}

pub(crate) fn forewarn(dir: &Path, args: &[&str]) -> Done {
    let mut command = Command::new(binary());
    for (key, _) in std::env::vars_os().filter(|(k, _)| k.to_string_lossy().starts_with("FOREWARN_")) {
        command.env_remove(key);
    }
    let output = command.current_dir(dir).args(args).output().unwrap();
    let text = |b: &[u8]| String::from_utf8_lossy(b).replace(&dir.display().to_string(), "[DIR]");
    Done { code: output.status.code().unwrap_or(-1), out: text(&output.stdout), err: text(&output.stderr) }
}

pub(crate) fn department() -> TempDir {
    let dir = TempDir::new().unwrap();
    Rows::random(7).write(dir.path());
    dir
}

/// Every file below a folder with its bytes, sorted; links by where they point.
fn contents(dir: &Path) -> Vec<(String, Vec<u8>)> {
    let mut out = Vec::new();
    let Ok(entries) = std::fs::read_dir(dir) else { return out };
    for entry in entries {
        let path = entry.unwrap().path();
        let name = path.display().to_string();
        if let Ok(target) = std::fs::read_link(&path) {
            out.push((name, target.display().to_string().into_bytes()));
        } else if path.is_dir() {
            out.extend(contents(&path));
        } else {
            out.push((name, std::fs::read(&path).unwrap()));
        }
    }
    out.sort();
    out
}

const FILES: [&str; 15] = [
    "report.html",
    "ranking.parquet",
    "ranking.csv",
    "risk.parquet",
    "labels.parquet",
    "problems.parquet",
    "calibration.parquet",
    "metrics.json",
    "findings.json",
    "forewarn.prom",
    "forewarn.xlsx",
    "tables/ranking.csv",
    "tables/features.csv",
    "manifest.json",
    "run-log.json",
];

#[test]
fn a_run_writes_a_whole_folder_and_says_where() {
    let dir = department();
    let done = forewarn(dir.path(), &["run"]);
    assert_eq!(done.code, 0, "{}", done.err);
    assert!(done.out.trim_end().ends_with("report.html"), "{}", done.out);
    let run = dir.path().join("reports/latest");
    for name in FILES {
        assert!(run.join(name).metadata().is_ok_and(|m| m.len() > 0), "{name} is missing");
    }
    // A second night over the same data gives the same bytes, but for the one file outside the promise.
    let keep = |all: Vec<(String, Vec<u8>)>| {
        all.into_iter()
            .filter(|f| !f.0.ends_with("run-log.json") && !f.0.contains("/history/"))
            .collect::<Vec<_>>()
    };
    let files = |d: &Path| {
        keep(contents(&d.join("reports/latest").canonicalize().unwrap()))
            .into_iter()
            .map(|f| f.1)
            .collect::<Vec<_>>()
    };
    let first = files(dir.path());
    assert_eq!(forewarn(dir.path(), &["run", "--quiet"]).code, 0);
    assert!(first == files(dir.path()), "the same inputs gave other bytes");
    // The same again from shuffled rows and another number of threads.
    Rows::random(7).shuffled(3).write(dir.path());
    assert_eq!(forewarn(dir.path(), &["run", "--quiet", "--threads", "1"]).code, 0);
    let ranking = |d: &Path| std::fs::read(d.join("reports/latest/ranking.parquet")).unwrap();
    assert!(first.contains(&ranking(dir.path())), "shuffled rows gave another ranking");

    // From the tables alone the report is the same bytes.
    let page = std::fs::read(run.join("report.html")).unwrap();
    std::fs::write(run.join("report.html"), "gone").unwrap();
    let done = forewarn(dir.path(), &["report", "reports/latest"]);
    assert_eq!(done.code, 0, "{}", done.err);
    assert!(page == std::fs::read(run.join("report.html")).unwrap());

    let card = forewarn(dir.path(), &["explain", "A01"]);
    assert_eq!(card.code, 0, "{}", card.err);
    assert!(card.out.contains("A01"), "{}", card.out);
    let wrong = forewarn(dir.path(), &["explain", "A0l"]);
    assert_eq!(wrong.code, 2);
    assert!(wrong.err.contains("hint"), "{}", wrong.err);
    assert_eq!(forewarn(dir.path(), &["status", "reports"]).code, 0);
}

#[test]
fn a_backtest_writes_what_score_reads() {
    let dir = department();
    let args = [
        "backtest",
        "--from",
        "2022-09-01",
        "--to",
        "2022-10-01",
        "--every",
        "1mo",
        "--h",
        "30",
        "--refit",
        "once",
        "--out",
        "bt",
    ];
    let done = forewarn(dir.path(), &args);
    assert_eq!(done.code, 0, "{}", done.err);
    for name in ["predictions.parquet", "candidates.parquet", "metrics.json"] {
        assert!(dir.path().join("bt").join(name).is_file(), "{name}");
    }
}

#[test]
fn check_lists_findings() {
    let dir = department();
    let done = forewarn(dir.path(), &["check", "--format", "json"]);
    assert_eq!(done.code, 0, "{}", done.err);
    let findings: serde_json::Value = serde_json::from_str(&done.out).unwrap();
    assert!(findings.is_array());
}

#[test]
fn init_writes_a_config_that_runs() {
    let dir = department();
    std::fs::remove_file(dir.path().join("forewarn.toml")).unwrap();
    let done = forewarn(dir.path(), &["init"]);
    assert_eq!(done.code, 0, "{}", done.err);
    let done = forewarn(dir.path(), &["run", "--dry-run"]);
    assert_eq!(done.code, 0, "{}", done.err);
    // It does not write over what is there.
    assert_eq!(forewarn(dir.path(), &["init"]).code, 2);
}

#[test]
fn a_dry_run_writes_nothing() {
    let dir = department();
    let before = contents(dir.path());
    let done = forewarn(dir.path(), &["run", "--dry-run"]);
    assert_eq!(done.code, 0, "{}", done.err);
    assert!(before == contents(dir.path()));
    assert!(done.out.contains("horizons_days"));
}

#[test]
fn bad_input_is_named_and_changes_nothing() {
    let dir = department();
    assert_eq!(forewarn(dir.path(), &["run", "--quiet"]).code, 0);
    let config = std::fs::read_to_string(dir.path().join("forewarn.toml")).unwrap();
    let keep = |all: Vec<(String, Vec<u8>)>| {
        all.into_iter()
            .filter(|f| {
                // What is kept between runs is no part of a run.
                let other = ["last-error.json", ".lock"].iter().any(|name| f.0.ends_with(name));
                f.0.contains("/reports/") && !f.0.contains("/.cache/") && !other
            })
            .collect::<Vec<_>>()
    };
    let before = keep(contents(dir.path()));
    // What is wrong, how to make it so (config, file name and bytes), and what the message must name.
    let parquet: &[u8] = b"PAR1\x15\x04\x15";
    let rows: Vec<(&str, String, Option<(&str, &[u8])>, Vec<&str>)> = vec![
        ("a missing file", config.replace("tickets.csv", "tickts.csv"), None, vec!["tickts.csv"]),
        (
            "an unknown key",
            config.replace("[risk]", "[risk]\nhorizon_day = 3"),
            None,
            vec!["horizon_day", "horizons_days"],
        ),
        ("an unknown table", config.replace("[risk]", "[rsk]"), None, vec!["rsk", "risk"]),
        (
            "a wrong type",
            config.replace("horizons_days = [7, 30]", "horizons_days = \"seven\""),
            None,
            vec!["horizons_days"],
        ),
        ("a value out of range", config.replace("[7, 30]", "[0]"), None, vec!["horizons_days", "0"]),
        (
            "an unknown preset",
            config.replace("path = \"tickets.csv\"", "path = \"tickets.csv\"\npreset = \"servicenov\""),
            None,
            vec!["servicenov", "servicenow"],
        ),
        ("an empty file", config.clone(), Some(("tickets.csv", b"")), vec!["tickets.csv"]),
        (
            "a header only",
            config.clone(),
            Some(("tickets.csv", b"ticket_id;asset_id;opened_at;category\n")),
            vec!["tickets.csv"],
        ),
        (
            "a binary file named .csv",
            config.clone(),
            Some(("tickets.csv", b"\x7fELF\x00\x01\x02\x00\x00")),
            vec!["tickets.csv"],
        ),
        (
            "a truncated Parquet",
            config.replace("telemetry.csv", "t.parquet"),
            Some(("t.parquet", parquet)),
            vec!["t.parquet"],
        ),
        (
            "an unknown column in the map",
            config.replace(
                "path = \"tickets.csv\"",
                "path = \"tickets.csv\"\ncolumns = { asset_id = \"cmdb_ci\" }",
            ),
            None,
            vec!["tickets.csv", "cmdb_ci", "asset_id"],
        ),
        (
            "broken SQL",
            config.replace("category = 'Hardware'", "category = = 'Hardware'"),
            None,
            vec!["where"],
        ),
        (
            "a column that is not there",
            config.replace("category = 'Hardware'", "kategory = 'Hardware'"),
            None,
            vec!["kategory"],
        ),
        (
            "an unknown format of the tables",
            format!("{config}\n[export]\ntables = [\"csv\", \"xlxs\"]\n"),
            None,
            vec!["export.tables", "xlxs", "`xlsx`", "hint"],
        ),
        ("no TOML", "[run\nout".into(), None, vec!["forewarn.toml"]),
    ];
    for (what, config, file, named) in rows {
        std::fs::write(dir.path().join("forewarn.toml"), config).unwrap();
        let saved = file.map(|(name, bytes)| {
            let path = dir.path().join(name);
            let old = std::fs::read(&path).ok();
            std::fs::write(&path, bytes).unwrap();
            (path, old)
        });
        let done = forewarn(dir.path(), &["run"]);
        assert_eq!(done.code, 2, "{what}: {}", done.err);
        for word in named {
            assert!(done.err.contains(word), "{what}: `{word}` is not named in\n{}", done.err);
        }
        assert!(
            !done.err.contains("panicked") && !done.err.contains("RUST_BACKTRACE"),
            "{what}: {}",
            done.err
        );
        assert!(done.out.is_empty(), "{what}: {}", done.out);
        if let Some((path, old)) = saved {
            match old {
                Some(bytes) => std::fs::write(path, bytes).unwrap(),
                None => std::fs::remove_file(path).unwrap(),
            }
        }
        assert!(before == keep(contents(dir.path())), "{what} touched the earlier run");
    }
}

#[test]
fn a_bad_file_of_a_glob_is_set_aside() {
    let dir = department();
    let text = std::fs::read_to_string(dir.path().join("tickets.csv")).unwrap();
    let (header, body) = text.split_once('\n').unwrap();
    std::fs::create_dir(dir.path().join("t")).unwrap();
    let lines: Vec<&str> = body.lines().collect();
    for (i, part) in lines.chunks(lines.len().div_ceil(20)).enumerate() {
        std::fs::write(dir.path().join(format!("t/{i:02}.csv")), format!("{header}\n{}\n", part.join("\n")))
            .unwrap();
    }
    std::fs::write(dir.path().join("t/bad.csv"), b"\x00\x01\x02").unwrap();
    let config =
        std::fs::read_to_string(dir.path().join("forewarn.toml")).unwrap().replace("tickets.csv", "t/*.csv");
    std::fs::write(dir.path().join("forewarn.toml"), config).unwrap();
    let done = forewarn(dir.path(), &["run", "--quiet"]);
    assert_eq!(done.code, 1, "{}", done.err);
    let findings = std::fs::read_to_string(dir.path().join("reports/latest/findings.json")).unwrap();
    assert!(findings.contains("bad.csv"), "{findings}");
}

#[test]
fn help_and_usage_are_told() {
    let dir = TempDir::new().unwrap();
    let done = forewarn(dir.path(), &["--help"]);
    assert_eq!(done.code, 0);
    insta::assert_snapshot!("help", done.out);
    let done = forewarn(dir.path(), &["run", "--no-such-flag"]);
    assert_eq!(done.code, 2);
    let done = forewarn(dir.path(), &["run"]);
    assert_eq!(done.code, 2);
    assert!(done.err.contains("forewarn.toml") && done.err.contains("hint"), "{}", done.err);
    let done = forewarn(dir.path(), &["completions", "bash"]);
    assert!(done.code == 0 && done.out.contains("forewarn"));
}
