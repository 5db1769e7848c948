//! No room, no right to write, input that goes away, too little memory, too little time: each ends with its exit code and a
//! message, and leaves the earlier runs as they were.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::{NIGHTS, assert_settled, assert_sound, done, ended, fleet, ledger, names, run, visible};
use crate::cli::{binary, forewarn};

/// A script of the shell with names of its own for mounts, where the system allows that: `$1` is the program. `None`, said
/// by name, where it does not.
fn in_own_mounts(test: &str, dir: &Path, script: &str) -> Option<(i32, String)> {
    let may = Command::new("unshare").args(["-rm", "true"]).stderr(Stdio::null()).status();
    if !may.is_ok_and(|s| s.success()) {
        eprintln!("skipped: {test}: mounts of its own are refused (`unshare -rm`)");
        return None;
    }
    let mut command = Command::new("unshare");
    command.args(["-rm", "sh", "-c", script, "sh"]).arg(binary()).current_dir(dir);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    Some(ended(command.spawn().unwrap()))
}

fn last_error(out: &Path) -> serde_json::Value {
    serde_json::from_slice(&fs::read(out.join("last-error.json")).unwrap()).unwrap()
}

/// The exit code is in the message of `status` and in `last-error.json`, and the next run succeeds.
fn assert_told_and_over(dir: &Path, exit: i32) {
    let out = dir.join("reports");
    assert_eq!(last_error(&out)["exit"], exit);
    let status = forewarn(dir, &["status", "reports"]);
    assert!(status.err.contains(&format!("with exit code {exit}")), "{}", status.err);
    done(dir, NIGHTS[1]);
    assert!(!out.join("last-error.json").exists());
    assert_settled(&out);
}

#[test]
fn a_run_that_was_killed_is_told_of() {
    let dir = fleet();
    let dir = dir.path();
    let out = dir.join("reports");
    let config = fs::read_to_string(dir.join("forewarn.toml")).unwrap();
    fs::write(dir.join("forewarn.toml"), config.replace("[export]\n", "[export]\ntextfile = \"fw.prom\"\n"))
        .unwrap();
    let gauge = |name: &str| {
        let text = fs::read_to_string(dir.join("fw.prom")).unwrap();
        let line = text.lines().find(|l| l.starts_with(&format!("{name} "))).map(str::to_owned);
        line.map(|l| l.split(' ').nth(1).unwrap().parse::<f64>().unwrap())
    };
    done(dir, NIGHTS[0]);
    assert_eq!((gauge("forewarn_last_exit_code"), gauge("forewarn_assets")), (Some(0.0), Some(19.0)));
    let success = gauge("forewarn_last_success_timestamp_seconds");
    assert!(success.is_some() && gauge("forewarn_rows_rejected{table=\"tickets\"}") == Some(0.0));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(fs::metadata(dir.join("fw.prom")).unwrap().permissions().mode() & 0o777, 0o644);
    }
    let mut child = run(dir, NIGHTS[1]).spawn().unwrap();
    while !out.join(".running.json").exists() {
        std::thread::sleep(Duration::from_millis(1));
    }
    let status = forewarn(dir, &["status", "reports"]);
    child.kill().unwrap();
    let process = child.id();
    let _ = ended(child);
    assert!(status.err.contains("a run is under way since"), "{}", status.err);
    let status = forewarn(dir, &["--log-format", "json", "status", "reports"]);
    let line: serde_json::Value = serde_json::from_str(status.err.lines().last().unwrap()).unwrap();
    assert_eq!(line["level"], "warning");
    let text = line["message"].as_str().unwrap();
    assert!(text.contains("never ended") && text.contains(&format!("process {process} on ")), "{text}");
    assert_eq!(line["lost_run_id"].as_str().unwrap().rsplit('-').next(), Some(&*process.to_string()));
    // A run that fails says what was before, and does not claim success.
    fs::rename(dir.join("tickets.csv"), dir.join("away.csv")).unwrap();
    let failed = forewarn(dir, &["run"]);
    assert!(failed.code == 2 && failed.err.contains("never ended"), "{}", failed.err);
    assert_eq!(gauge("forewarn_last_exit_code"), Some(2.0));
    assert_eq!(gauge("forewarn_last_success_timestamp_seconds"), success);
    assert!(gauge("forewarn_last_failure_timestamp_seconds") >= success);
    fs::rename(dir.join("away.csv"), dir.join("tickets.csv")).unwrap();
    assert_told_and_over(dir, 2);
    assert_eq!(gauge("forewarn_last_exit_code"), Some(0.0));
}

#[test]
fn every_line_of_a_json_log_has_the_id_of_its_run() {
    let dir = fleet();
    let dir = dir.path();
    let check = |args: &[&str], code: i32, id_in: &Path| {
        let all: Vec<&str> = ["--log-format", "json", "run"].iter().chain(args).copied().collect();
        let done = forewarn(dir, &all);
        assert_eq!(done.code, code, "{}", done.err);
        let file: serde_json::Value = serde_json::from_slice(&fs::read(dir.join(id_in)).unwrap()).unwrap();
        assert!(file["run_id"].is_string(), "{file}");
        for line in done.err.lines() {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            assert_eq!(line["run_id"], file["run_id"]);
            for field in ["time", "level", "message"] {
                assert!(line[field].is_string(), "{line}");
            }
        }
        assert!(done.err.lines().count() > usize::from(code == 0), "{}", done.err);
    };
    check(&["--as-of", NIGHTS[0]], 0, Path::new("reports/latest/run-log.json"));
    fs::remove_file(dir.join("tickets.csv")).unwrap();
    check(&[], 2, Path::new("reports/last-error.json"));
}

#[test]
fn a_full_disk_is_seen_before_anything_is_read() {
    let dir = fleet();
    let dir = dir.path();
    done(dir, NIGHTS[0]);
    // Inputs that cannot be read would be told of if they were.
    fs::rename(dir.join("tickets.csv"), dir.join("away.csv")).unwrap();
    let script = "mkdir saved && cp -a reports/. saved && mount -t tmpfs -o size=6m t reports && cp -a saved/. reports \
        && dd if=/dev/zero of=reports/fill bs=64k 2>/dev/null; \
        \"$1\" run --quiet; code=$?; rm reports/fill; cp -a reports/. saved; exit $code";
    let Some((code, err)) = in_own_mounts("a full disk", dir, script) else { return };
    assert_eq!(code, 74, "{err}");
    assert!(err.contains("room") || err.contains("No space left"), "{err}");
    assert!(!err.contains("tickets.csv"), "{err}");
    assert_sound(&dir.join("saved"), &BTreeMap::default());
}

#[test]
fn a_disk_that_fills_while_a_run_writes_loses_nothing() {
    let dir = fleet();
    let dir = dir.path();
    let out = dir.join("reports");
    done(dir, NIGHTS[0]);
    let before = ledger(&out);
    // A limit on the size of files is the same to a program as a disk that is full at that byte.
    for kib in [2, 16, 64] {
        let mut command = Command::new("sh");
        let script =
            format!("trap '' XFSZ; ulimit -f {}; exec \"$1\" run --quiet --as-of {}", 2 * kib, NIGHTS[1]);
        command.args(["-c", &script, "sh"]).arg(binary()).current_dir(dir);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let (code, err) = ended(command.spawn().unwrap());
        assert_eq!(code, 74, "{kib} KiB: {err}");
        assert!(err.contains("hint: "), "{err}");
        assert_sound(&out, &before);
        assert_eq!(visible(&out).len(), 1);
        assert!(names(&out.join(".runs")).len() == 1, "half a folder was left");
    }
    assert_told_and_over(dir, 74);
}

#[test]
fn a_folder_that_cannot_be_written_is_known_at_once() {
    let dir = fleet();
    let dir = dir.path();
    done(dir, NIGHTS[0]);
    fs::rename(dir.join("tickets.csv"), dir.join("away.csv")).unwrap();
    let script = "mount --bind reports reports && mount -o remount,ro,bind reports && \"$1\" run --quiet";
    let Some((code, err)) = in_own_mounts("a folder that is read-only", dir, script) else { return };
    assert_eq!(code, 2, "{err}");
    assert!(err.contains("reports") && err.contains("Read-only file system"), "{err}");
    fs::rename(dir.join("away.csv"), dir.join("tickets.csv")).unwrap();
    done(dir, NIGHTS[1]);
    assert_settled(&dir.join("reports"));
}

#[test]
fn input_that_goes_away_while_it_is_read_is_named() {
    let dir = fleet();
    let dir = dir.path();
    let out = dir.join("reports");
    done(dir, NIGHTS[0]);
    let before = ledger(&out);
    let text = fs::read(dir.join("tickets.csv")).unwrap();
    for pause in [0, 5, 20, 60] {
        let child = run(dir, NIGHTS[1]).spawn().unwrap();
        while !out.join(".running.json").exists() {
            std::thread::sleep(Duration::from_micros(200));
        }
        std::thread::sleep(Duration::from_millis(pause));
        fs::remove_file(dir.join("tickets.csv")).unwrap();
        let (code, err) = ended(child);
        // It had been read already, or it had not.
        assert!(code == 0 || (code == 2 && err.contains("tickets.csv")), "{code}: {err}");
        assert_sound(&out, &before);
        fs::write(dir.join("tickets.csv"), &text).unwrap();
    }
    done(dir, NIGHTS[1]);
    assert_settled(&out);
}

/// A control group with a limit on memory, removed at the end.
struct Group(PathBuf);

impl Group {
    /// `None`, said by name, where none can be made.
    fn new(limit: u64) -> Option<Self> {
        let name = format!("forewarn-test-{}", std::process::id());
        for (root, file) in
            [("/sys/fs/cgroup", "memory.max"), ("/sys/fs/cgroup/memory", "memory.limit_in_bytes")]
        {
            let path = Path::new(root).join(&name);
            if fs::create_dir(&path).is_err() {
                continue;
            }
            let group = Self(path);
            if group.0.join(file).exists() && fs::write(group.0.join(file), limit.to_string()).is_ok() {
                let _ = fs::write(group.0.join("memory.swap.max"), "0");
                return Some(group);
            }
        }
        eprintln!("skipped: a limit on memory: no control group can be made here");
        None
    }

    /// A run in it.
    fn run(&self, dir: &Path) -> (i32, String) {
        let mut command = Command::new("sh");
        let script = format!("echo $$ > {}/cgroup.procs && exec \"$1\" run --quiet", self.0.display());
        command.args(["-c", &script, "sh"]).arg(binary()).current_dir(dir);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        ended(command.spawn().unwrap())
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.0);
    }
}

/// Writes each ticket a thousand times under other names; gives what the file held.
fn a_thousand_times_the_tickets(dir: &Path) -> String {
    let few = fs::read_to_string(dir.join("tickets.csv")).unwrap();
    let (header, rows) = few.split_once('\n').unwrap();
    let many = rows.lines().flat_map(|row| (0..1000).map(move |n| format!("{n}-{row}")));
    let many: Vec<String> = std::iter::once(header.to_owned()).chain(many).collect();
    fs::write(dir.join("tickets.csv"), many.join("\n")).unwrap();
    few
}

#[test]
fn too_little_memory_ends_with_a_message() {
    let dir = fleet();
    let dir = dir.path();
    let out = dir.join("reports");
    done(dir, NIGHTS[0]);
    let before = ledger(&out);
    // Foreseen from the inputs alone, then met on the way: of a thousand times the tickets many tables are made.
    let few = a_thousand_times_the_tickets(dir);
    for (mib, words) in [(32, "too little memory"), (80, "memory is running out")] {
        let Some(group) = Group::new(mib << 20) else { return };
        let (code, err) = group.run(dir);
        assert_eq!(code, 74, "{mib} MiB: {err}");
        assert!(err.contains(words) && err.contains("forewarn-test-") && err.contains("hint: "), "{err}");
        assert_sound(&out, &before);
    }
    fs::write(dir.join("tickets.csv"), few).unwrap();
    assert_told_and_over(dir, 74);
}

#[test]
#[cfg(unix)]
fn a_signal_and_a_deadline_stop_a_run_cleanly() {
    let dir = fleet();
    let dir = dir.path();
    let out = dir.join("reports");
    done(dir, NIGHTS[0]);
    let before = ledger(&out);
    let check = |args: &[&str], signal: Option<&str>, code: i32, words: &str| {
        let mut command = run(dir, NIGHTS[1]);
        command.args(args);
        let child = command.spawn().unwrap();
        if let Some(signal) = signal {
            while !out.join(".running.json").exists() {
                std::thread::sleep(Duration::from_millis(1));
            }
            assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
        }
        let from = Instant::now();
        let (found, err) = ended(child);
        assert_eq!(found, code, "{err}");
        assert!(err.contains(words) && err.contains("nothing was changed"), "{err}");
        assert!(from.elapsed() < Duration::from_secs(15), "it took {:?}", from.elapsed());
        assert_sound(&out, &before);
        assert!(
            visible(&out).len() == 1
                && names(&out.join(".runs")).len() == 1
                && !out.join(".running.json").exists()
        );
    };
    check(&[], Some("-TERM"), 143, "stopped by a signal");
    check(&[], Some("-INT"), 143, "stopped by a signal");
    let few = a_thousand_times_the_tickets(dir);
    check(&["--deadline", "1s"], None, 124, "the deadline passed");
    fs::write(dir.join("tickets.csv"), few).unwrap();
    assert_told_and_over(dir, 124);
}

#[test]
fn old_runs_go_and_what_is_needed_stays() {
    let dir = fleet();
    let dir = dir.path();
    let out = dir.join("reports");
    let config = fs::read_to_string(dir.join("forewarn.toml")).unwrap();
    let keep = |text: &str| fs::write(dir.join("forewarn.toml"), format!("{config}\n{text}")).unwrap();
    for night in NIGHTS {
        done(dir, night);
    }
    let history = names(&out.join("history"));
    keep("[retention]\nkeep_runs = 2\n");
    done(dir, "2022-08-04");
    assert_eq!(visible(&out).into_keys().collect::<Vec<_>>(), ["2022-08-03", "2022-08-04"]);
    assert_eq!(names(&out.join(".runs")).len(), 2);
    assert!(names(&out.join("history")).is_superset(&history));
    assert!(fs::read(out.join("history/2022-08-01.parquet")).is_ok_and(|b| !b.is_empty()));
    let manifest = fs::read_to_string(out.join("latest/manifest.json")).unwrap();
    assert!(manifest.contains("\"nights\": 1") && !manifest.contains("keep_runs"), "{manifest}");
    // A night of long ago that is run again is the oldest, and goes at once; the latest stays.
    done(dir, "2022-07-01");
    assert_eq!(visible(&out).into_keys().collect::<Vec<_>>(), ["2022-08-03", "2022-08-04"]);
    assert!(out.join("history/2022-07-01.parquet").is_file());
    keep("[retention]\nkeep_runs = 1\n");
    let refused = forewarn(dir, &["run"]);
    assert!(refused.code == 2 && refused.err.contains("retention.keep_runs"), "{}", refused.err);
}
