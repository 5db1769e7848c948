//! `OUT/history/`: what was said on every night, kept for good. The first prediction made for a date is `DATE.parquet`;
//! what is said later about the same date is a backfill, `DATE.backfill-N.parquet`, and counts for nothing. A file is
//! written once, whole or not at all, and never again. It does not know what the columns mean.
//!
//! A run leaves its prediction in its own folder first, and copies it here when the folder has been switched: what counts
//! is what was shown. A run that is stopped between the two has lost nothing, since the next one looks for predictions that
//! are in a run folder and not here; and the same prediction is never written twice.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use forewarn_engine::list_period;
use forewarn_frames::output::LEDGER;
use forewarn_frames::time::Micros;
use forewarn_frames::{Cutoff, Finding, Severity};
use forewarn_report::read_parquet;
use polars::prelude::{DataFrame, DataType};
use serde_json::{Value, json};

use crate::errors::{Failure, Outcome};
use crate::folders::{self, Fingerprint};
use crate::inputs;
use crate::lock::Lock;

/// The folder in OUT.
pub(crate) const HISTORY: &str = "history";
/// The folder in it that holds what was ordered; it has a keeper of its own.
pub(crate) const ORDERS: &str = "orders";
/// A run's own prediction in its folder.
pub(crate) const LEDGER_FILE: &str = "ledger.parquet";
/// How far back lists are judged, days: two years.
const MOST_DAYS: i32 = 731;
/// Rows that are read at most, about: of a large fleet the oldest lists are left.
const MOST_ROWS: usize = 5_000_000;

/// What the ledger holds of earlier nights.
pub(crate) struct Ledger {
    /// The rows of the list dates that are judged, the oldest first.
    pub(crate) rows: DataFrame,
    /// How many files these come from, the first and last date, and one hash over all of them.
    pub(crate) fingerprint: Value,
    /// Files that could not be used.
    pub(crate) findings: Vec<Finding>,
}

/// What a file in the folder is, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Named {
    First(Cutoff),
    Backfill(Cutoff),
    /// Left by a run that was stopped while it wrote.
    Unfinished,
    Foreign,
}

fn named(file: &str) -> Named {
    if folders::is_temporary(file) {
        return Named::Unfinished;
    }
    let date = |text: &str| Cutoff::parse(text).ok().filter(|c| c.to_string() == text);
    let Some(stem) = file.strip_suffix(".parquet") else { return Named::Foreign };
    match stem.split_once(".backfill-") {
        None => date(stem).map_or(Named::Foreign, Named::First),
        Some((day, n)) if n.parse::<u32>().is_ok_and(|k| k > 0 && k.to_string() == n) => {
            date(day).map_or(Named::Foreign, Named::Backfill)
        }
        Some(_) => Named::Foreign,
    }
}

/// The files of the folder with what they are, by name; empty where there is no folder. What was ordered is passed over.
fn files(dir: &Path) -> Outcome<BTreeMap<String, (Named, PathBuf)>> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
        Err(e) => return Err(Failure::io("list", dir, &e)),
    };
    Ok(entries
        .flatten()
        .map(|e| {
            let name = e.file_name().to_string_lossy().into_owned();
            let is_file = fs::metadata(e.path()).is_ok_and(|m| m.is_file());
            let what = if is_file { named(&name) } else { Named::Foreign };
            (name, (what, e.path()))
        })
        .filter(|(name, _)| name != ORDERS)
        .collect())
}

fn finding(files: &[String], message: String, hint: &str) -> Finding {
    Finding {
        check: "history".to_owned(),
        severity: Severity::Warning,
        table: HISTORY.to_owned(),
        column: None,
        n_rows: 0,
        sample: files.iter().take(5).cloned().collect(),
        message,
        hint: hint.to_owned(),
    }
}

/// Reads one night. A file that holds more columns than ours, as a later version may write, is read all the same.
fn night(path: &Path, date: Cutoff) -> Result<(DataFrame, Fingerprint), String> {
    let bytes = folders::read(path).map_err(|e| e.to_string())?;
    let print = Fingerprint::of_bytes(&bytes);
    let df = read_parquet(&bytes, HISTORY).map_err(|e| e.to_string())?;
    let df = df.select(LEDGER.columns.iter().map(|c| c.0)).map_err(|e| e.to_string())?;
    LEDGER.check(&df).map_err(|e| e.to_string())?;
    // A night always ranks somebody.
    if df.height() == 0 {
        return Err("it holds no prediction".to_owned());
    }
    let at = df.column("as_of").and_then(|c| c.cast(&DataType::Int64)).map_err(|e| e.to_string())?;
    let at = at.i64().map_err(|e| e.to_string())?;
    let of_another: Option<Option<Micros>> = at.iter().find(|t| *t != Some(date.micros()));
    match of_another {
        Some(Some(t)) => Err(format!("it holds a prediction of {}", forewarn_frames::time::format_minute(t))),
        Some(None) => Err("it holds a prediction without a date".to_owned()),
        None => Ok((df, print)),
    }
}

/// Reads the list dates before `as_of`: the first night of each period of `per_days` days that can be read. Whoever reads
/// holds the lock; what an interrupted run left half written is removed.
///
/// # Errors
///
/// The folder cannot be listed. A file that cannot be used is a finding and stays as it is.
pub(crate) fn read(_lock: &Lock, out: &Path, as_of: Cutoff, per_days: u32) -> Outcome<Ledger> {
    let dir = out.join(HISTORY);
    let mut nights: BTreeMap<Cutoff, PathBuf> = BTreeMap::new();
    let (mut foreign, mut broken): (Vec<String>, Vec<String>) = (Vec::new(), Vec::new());
    for (name, (what, path)) in files(&dir)? {
        match what {
            Named::First(date) => {
                nights.insert(date, path);
            }
            Named::Unfinished => {
                let _ = fs::remove_file(path);
            }
            Named::Foreign => foreign.push(name),
            Named::Backfill(_) => {}
        }
    }
    let mut periods: BTreeMap<i32, Vec<(Cutoff, PathBuf)>> = BTreeMap::new();
    for (date, path) in nights.into_iter().filter(|(d, _)| *d < as_of && *d >= as_of.plus_days(-MOST_DAYS)) {
        periods.entry(list_period(date, per_days)).or_default().push((date, path));
    }
    // The latest first, until there are enough.
    let mut found: Vec<(Cutoff, DataFrame, Fingerprint)> = Vec::new();
    let mut n_rows = 0;
    let mut why = String::new();
    for dates in periods.into_values().rev() {
        if n_rows >= MOST_ROWS {
            break;
        }
        for (date, path) in dates {
            match night(&path, date) {
                Ok((df, print)) => {
                    n_rows += df.height();
                    found.push((date, df, print));
                    break;
                }
                Err(reason) => {
                    broken.push(format!("{date}.parquet"));
                    why = reason;
                }
            }
        }
    }
    let mut findings = Vec::new();
    if !broken.is_empty() {
        broken.sort();
        findings.push(finding(
            &broken,
            format!(
                "{} in `{HISTORY}` cannot be read and {} not counted: {why}",
                crate::words::count(broken.len() as u64, "file"),
                if broken.len() == 1 { "is" } else { "are" }
            ),
            "bring the file back from a backup, or move it away",
        ));
    }
    if !foreign.is_empty() {
        findings.push(finding(
            &foreign,
            format!(
                "{} in `{HISTORY}` {} no prediction by {} name",
                crate::words::count(foreign.len() as u64, "file"),
                if foreign.len() == 1 { "is" } else { "are" },
                if foreign.len() == 1 { "its" } else { "their" }
            ),
            "move it away: the folder is kept by forewarn",
        ));
    }
    found.reverse();
    let list: Vec<String> = found.iter().map(|(date, _, print)| format!("{date} {}", print.sha256)).collect();
    let fingerprint = json!({
        "nights": found.len(),
        "from": found.first().map(|f| f.0.to_string()),
        "to": found.last().map(|f| f.0.to_string()),
        "sha256": Fingerprint::of_bytes(list.join("\n").as_bytes()).sha256,
    });
    let mut rows = LEDGER.empty();
    for (_, df, _) in found {
        rows.vstack_mut(&df).map_err(|e| inputs::internal(&e))?;
    }
    Ok(Ledger { rows, fingerprint, findings })
}

/// Keeps a prediction for good, unless the same is there already.
///
/// # Errors
///
/// It cannot be written.
pub(crate) fn keep(_lock: &Lock, out: &Path, date: Cutoff, bytes: &[u8]) -> Outcome<()> {
    let dir = out.join(HISTORY);
    fs::create_dir_all(&dir).map_err(|e| Failure::io("make the folder", &dir, &e))?;
    let same = |path: &Path| {
        fs::metadata(path).is_ok_and(|m| m.len() == bytes.len() as u64)
            && fs::read(path).is_ok_and(|there| there == bytes)
    };
    let mut name = format!("{date}.parquet");
    let mut n = 0;
    while fs::symlink_metadata(dir.join(&name)).is_ok() {
        if same(&dir.join(&name)) {
            return Ok(());
        }
        n += 1;
        name = format!("{date}.backfill-{n}.parquet");
    }
    folders::replace_file(&dir.join(name), bytes)?;
    folders::sync(&dir)
}

/// Whether the ledger holds what the run in `folder` said of `date`; told by its size, as in [`settle`]. A folder without a
/// prediction has nothing to keep.
pub(crate) fn is_kept(out: &Path, date: Cutoff, folder: &Path) -> bool {
    fs::metadata(folder.join(LEDGER_FILE))
        .map_or(true, |said| sizes(out, date).any(|size| size == said.len()))
}

/// The sizes of all predictions for a date that the ledger holds.
fn sizes(out: &Path, date: Cutoff) -> impl Iterator<Item = u64> {
    let dir = out.join(HISTORY);
    let kept = (0..).map(move |n| match n {
        0 => dir.join(format!("{date}.parquet")),
        n => dir.join(format!("{date}.backfill-{n}.parquet")),
    });
    kept.map_while(|p| fs::metadata(p).ok().map(|m| m.len()))
}

/// Keeps what earlier runs said and did not come to keep, because they were stopped after their folder was switched.
///
/// # Errors
///
/// A prediction cannot be written.
pub(crate) fn settle(lock: &Lock, out: &Path) -> Outcome<()> {
    for (date, folder) in folders::runs_by_date(out)? {
        // Of a date that is known already the run may be a later one, a backfill: it is told by its size, since two
        // predictions for a date count no more than one.
        if is_kept(out, date, &folder) {
            continue;
        }
        let path = folder.join(LEDGER_FILE);
        if let Ok(bytes) = fs::read(&path)
            && night(&path, date).is_ok()
        {
            keep(lock, out, date, &bytes)?;
        }
    }
    Ok(())
}

#[cfg(test)]
#[path = "history_tests.rs"]
mod tests;
