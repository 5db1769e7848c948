//! The file for node_exporter's textfile collector (`[export] textfile`): how the last runs ended, and the gauges of the
//! latest run folder. It is written when a run begins and when it ends, also badly; times of running are in no run folder.
//!
//! It keeps what it said before in the file itself: a failed run changes what is said of failures and leaves what is said
//! of the last success. It does not know what the gauges of a run mean.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use forewarn_frames::time::Micros;
use serde_json::Value;

use crate::errors::{Exit, Outcome};
use crate::folders;

/// The exit code that is told of a run that was killed: as a shell tells SIGKILL.
const KILLED: u8 = 137;

/// What has just happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    /// A run began.
    Began { at: Micros },
    /// A run that began then turned out to have never ended.
    Lost { began: Micros },
    /// A run ended.
    Ended { began: Micros, at: Micros, exit: Exit },
}

/// Name and help of the gauges that are kept from run to run.
const KEPT: [(&str, &str); 6] = [
    ("forewarn_run_started_timestamp_seconds", "When the last run began, seconds since 1970."),
    ("forewarn_run_ended_timestamp_seconds", "When the last run that ended did so, seconds since 1970."),
    ("forewarn_run_duration_seconds", "How long the last run that ended took."),
    ("forewarn_last_exit_code", "How the last run ended: its exit code, 137 where it was killed."),
    (
        "forewarn_last_success_timestamp_seconds",
        "When a run last wrote a whole run folder, seconds since 1970.",
    ),
    ("forewarn_last_failure_timestamp_seconds", "When a run last failed, seconds since 1970."),
];

/// The value of a gauge without labels in an earlier text.
fn value(text: &str, name: &str) -> Option<f64> {
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok())
}

/// The new text. `latest` is what the latest run folder says of its run, `rejected` how many rows its run could not use.
fn compose(old: &str, moment: Moment, latest: &str, rejected: &[(String, u64)]) -> String {
    let mut now = KEPT.map(|(name, _)| value(old, name));
    let second = |at: Micros| Some((at / 1_000_000) as f64);
    match moment {
        Moment::Began { at } => now[0] = second(at),
        Moment::Lost { began } => {
            now[3] = Some(f64::from(KILLED));
            now[5] = second(began);
        }
        Moment::Ended { began, at, exit } => {
            now[1] = second(at);
            now[2] = Some((at - began) as f64 / 1e6);
            now[3] = Some(f64::from(exit.code()));
            let which = if matches!(exit, Exit::Done | Exit::ChecksFailed) { 4 } else { 5 };
            now[which] = second(at);
        }
    }
    let mut out = String::new();
    for ((name, help), value) in KEPT.iter().zip(now) {
        if let Some(value) = value {
            // Writing to a String does not fail.
            let unit =
                if name.ends_with("_seconds") { format!("# UNIT {name} seconds\n") } else { String::new() };
            let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} gauge\n{unit}{name} {value}");
        }
    }
    if !rejected.is_empty() {
        let name = "forewarn_rows_rejected";
        let _ = writeln!(out, "# HELP {name} Rows that could not be used, by table.\n# TYPE {name} gauge");
        for (table, n) in rejected {
            let _ = writeln!(out, "{name}{{table=\"{table}\"}} {n}");
        }
    }
    out + latest.strip_suffix("# EOF\n").unwrap_or(latest) + "# EOF\n"
}

/// Writes the file, whole or not at all, and so that every user can read it.
///
/// # Errors
///
/// It cannot be written.
pub(crate) fn write(path: &Path, out: &Path, moment: Moment) -> Outcome<()> {
    let latest = out.join(folders::LATEST);
    let latest = folders::find_run(&latest).unwrap_or(latest);
    let gauges = fs::read_to_string(latest.join("forewarn.prom")).unwrap_or_default();
    let manifest = fs::read(latest.join(folders::MANIFEST)).ok();
    let manifest: Value = manifest.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
    let rejected = manifest["rows_rejected"].as_object().into_iter().flatten();
    let rejected: Vec<(String, u64)> =
        rejected.filter_map(|(table, n)| Some((table.clone(), n.as_u64()?))).collect();
    let old = fs::read_to_string(path).unwrap_or_default();
    folders::replace_file(path, compose(&old, moment, &gauges, &rejected).as_bytes())?;
    readable(path);
    Ok(())
}

#[cfg(unix)]
fn readable(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    let _ = fs::set_permissions(path, fs::Permissions::from_mode(0o644));
}

#[cfg(not(unix))]
fn readable(_: &Path) {}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Micros = 1_000_000;

    #[test]
    fn a_failure_does_not_claim_success() {
        let gauges = "# TYPE forewarn_assets gauge\nforewarn_assets 7\n# EOF\n";
        let rejected = [("tickets".to_owned(), 3)];
        let mut text = String::new();
        let mut check = |moment: Moment, want: [Option<f64>; 6]| {
            text = compose(&text, moment, gauges, &rejected);
            assert_eq!(KEPT.map(|(name, _)| value(&text, name)), want, "{moment:?}\n{text}");
            assert!(
                text.ends_with("\nforewarn_assets 7\n# EOF\n") && text.matches("# EOF").count() == 1,
                "{text}"
            );
            assert!(text.contains("\nforewarn_rows_rejected{table=\"tickets\"} 3\n"), "{text}");
        };
        check(Moment::Began { at: 100 * SECOND }, [Some(100.0), None, None, None, None, None]);
        let done = Moment::Ended { began: 100 * SECOND, at: 130 * SECOND, exit: Exit::ChecksFailed };
        check(done, [Some(100.0), Some(130.0), Some(30.0), Some(1.0), Some(130.0), None]);
        check(
            Moment::Began { at: 200 * SECOND },
            [Some(200.0), Some(130.0), Some(30.0), Some(1.0), Some(130.0), None],
        );
        let failed = Moment::Ended { began: 200 * SECOND, at: 201 * SECOND, exit: Exit::NoRoom };
        check(failed, [Some(200.0), Some(201.0), Some(1.0), Some(74.0), Some(130.0), Some(201.0)]);
        check(
            Moment::Lost { began: 300 * SECOND },
            [Some(200.0), Some(201.0), Some(1.0), Some(137.0), Some(130.0), Some(300.0)],
        );
    }

    #[test]
    fn each_gauge_is_told_once_with_its_unit() {
        let done = Moment::Ended { began: 0, at: SECOND, exit: Exit::Done };
        let text = compose("", done, "", &[]);
        assert!(
            text.contains("# UNIT forewarn_run_duration_seconds seconds\nforewarn_run_duration_seconds 1\n"),
            "{text}"
        );
        assert!(!text.contains("# UNIT forewarn_last_exit_code"), "{text}");
        assert!(text.contains("# TYPE forewarn_last_exit_code gauge\nforewarn_last_exit_code 0\n"), "{text}");
    }
}
