//! Runs that are stopped in every way there is: what they leave is whole, the ledger has lost and doubled nothing, and the
//! next run succeeds. It does not know what the tables say.
//!
//! What a machine does not allow (mounting, groups of processes with a limit, tracing) is skipped by name, with the reason.

mod kills;
mod limits;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use polars::prelude::*;
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use crate::cli::binary;
use crate::fleet::Rows;

/// Nights of the fleet's records.
const NIGHTS: [&str; 3] = ["2022-08-01", "2022-08-02", "2022-08-03"];

/// A small fleet whose run takes about a second, with every kind of file in its folder.
fn fleet() -> TempDir {
    let dir = TempDir::new().unwrap();
    let mut rows = Rows::random(7);
    rows.assets.truncate(20);
    let kept: BTreeSet<String> = rows.assets.iter().map(|a| a.0.clone()).collect();
    rows.tickets.retain(|t| kept.contains(&t.asset));
    rows.readings.retain(|r| kept.contains(&r.0));
    rows.write(dir.path());
    let path = dir.path().join("forewarn.toml");
    let config = fs::read_to_string(&path).unwrap().replace("[7, 30]", "[30]\ncutoff_every = \"1mo\"");
    fs::write(path, format!("{config}\n[capacity]\nvisits = 5\n\n[export]\ntables = [\"csv\"]\n")).unwrap();
    dir
}

/// `forewarn run`, not started yet.
fn run(dir: &Path, as_of: &str) -> Command {
    let mut command = Command::new(binary());
    command.current_dir(dir).args(["run", "--quiet", "--as-of", as_of]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    command
}

/// Waits for its end: the exit code (or 128 + signal) and what it said.
fn ended(child: Child) -> (i32, String) {
    let output = child.wait_with_output().unwrap();
    #[cfg(unix)]
    let signal = std::os::unix::process::ExitStatusExt::signal(&output.status).map(|s| 128 + s);
    #[cfg(not(unix))]
    let signal = None;
    let code = output.status.code().or(signal).unwrap_or(-1);
    (code, String::from_utf8_lossy(&output.stderr).into_owned())
}

fn done(dir: &Path, as_of: &str) {
    let (code, err) = ended(run(dir, as_of).spawn().unwrap());
    assert_eq!(code, 0, "the run of {as_of}: {err}");
}

/// The names in a folder, sorted; none where there is no folder.
fn names(dir: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(dir).into_iter().flatten();
    entries.map(|e| e.unwrap().file_name().to_string_lossy().into_owned()).collect()
}

/// The visible runs: the links by date, with the folder that each leads to.
fn visible(out: &Path) -> BTreeMap<String, PathBuf> {
    let dated = names(out).into_iter().filter(|n| n.len() == 10 && n.starts_with("20"));
    dated.map(|n| (n.clone(), fs::canonicalize(out.join(&n)).unwrap_or(out.join(n)))).collect()
}

/// A folder that holds what its manifest says, byte for byte, and nothing else but the manifest and the log.
fn assert_whole(folder: &Path) {
    let text = fs::read(folder.join("manifest.json")).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let manifest: serde_json::Value = serde_json::from_slice(&text).unwrap();
    let files = manifest["files"].as_object().unwrap();
    assert!(files.len() > 20, "{} files", files.len());
    for (name, print) in files {
        let bytes =
            fs::read(folder.join(name)).unwrap_or_else(|e| panic!("{}/{name}: {e}", folder.display()));
        let hash = Sha256::digest(&bytes);
        let hash: String = hash.iter().fold(String::new(), |text, b| text + &format!("{b:02x}"));
        assert_eq!(print["sha256"], hash, "{}/{name}", folder.display());
    }
    let log: serde_json::Value =
        serde_json::from_slice(&fs::read(folder.join("run-log.json")).unwrap()).unwrap();
    assert!(log["run_id"].is_string() && log["exit"].is_number(), "{log}");
}

/// What must hold at every moment, whatever was stopped before: every visible folder is whole, `latest` leads to one of them,
/// and the ledger has every file that it had (`before`), unchanged, and no half one under a name that counts.
fn assert_sound(out: &Path, before: &BTreeMap<PathBuf, Vec<u8>>) {
    let runs = visible(out);
    for folder in runs.values() {
        assert_whole(folder);
    }
    if !runs.is_empty() {
        let latest = fs::canonicalize(out.join("latest")).ok();
        // Stopped between the two links there may be a first run without `latest`.
        assert!(latest.is_none_or(|l| runs.values().any(|r| *r == l)), "`latest` leads elsewhere");
    }
    let now = ledger(out);
    for (path, bytes) in before {
        assert!(now.get(path) == Some(bytes), "{} was lost or changed", path.display());
    }
    for path in now.keys().filter(|p| p.extension().is_some_and(|e| e == "parquet")) {
        let read = ParquetReader::new(fs::File::open(path).unwrap()).finish();
        assert!(read.is_ok_and(|df| df.height() > 0), "{} is torn", path.display());
    }
}

/// The files of `history/` and `history/orders/` that count, with their bytes.
fn ledger(out: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let folders = [out.join("history"), out.join("history/orders")];
    let files = folders.iter().flat_map(|f| names(f).into_iter().map(|n| f.join(n)));
    files
        .filter(|p| p.is_file() && !p.file_name().unwrap().to_string_lossy().starts_with('.'))
        .map(|p| (p.clone(), fs::read(&p).unwrap()))
        .collect()
}

/// What must hold when the run after a stopped one has succeeded: nothing is left half done, and the ledger holds each
/// visible night once, as its folder has it, and nothing else.
fn assert_settled(out: &Path) {
    let runs = visible(out);
    let latest = fs::canonicalize(out.join("latest")).unwrap();
    assert_eq!(runs.values().next_back(), Some(&latest), "`latest` is not the newest");
    let want: BTreeSet<String> =
        runs.keys().map(|d| format!("{d}.parquet")).chain(["orders".into()]).collect();
    assert_eq!(names(&out.join("history")), want);
    let mut ordered = BTreeSet::new();
    for (date, folder) in &runs {
        let kept = fs::read(out.join(format!("history/{date}.parquet"))).unwrap();
        assert!(kept == fs::read(folder.join("ledger.parquet")).unwrap(), "{date} was kept otherwise");
        let orders =
            ParquetReader::new(fs::File::open(folder.join("orders.parquet")).unwrap()).finish().unwrap();
        if orders.height() > 0 {
            ordered.insert(format!("{date}.json"));
        }
    }
    assert!(!ordered.is_empty(), "no night ordered anything");
    assert_eq!(names(&out.join("history/orders")), ordered);
    // No ticket is handed out twice.
    let mut ids = BTreeSet::new();
    for name in &ordered {
        let text = fs::read(out.join("history/orders").join(name)).unwrap();
        let night: serde_json::Value = serde_json::from_slice(&text).unwrap();
        for order in night["orders"].as_array().unwrap() {
            assert!(ids.insert(order["order_id"].as_str().unwrap().to_owned()), "{order} was ordered twice");
        }
    }
    let mut want: BTreeSet<String> = runs.keys().cloned().collect();
    want.extend([".lock", ".runs", "history", "latest"].map(str::to_owned));
    let left: Vec<String> = names(out).difference(&want).filter(|n| *n != ".cache").cloned().collect();
    assert!(left.is_empty(), "left in the folder: {left:?}");
    for name in names(&out.join(".runs")) {
        assert!(
            name.starts_with("20") && out.join(".runs").join(&name).join("manifest.json").is_file(),
            "{name}"
        );
    }
}
