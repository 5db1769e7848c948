//! Runs that are killed: at random moments, at the moment each file appears, and at each call to the system.
//!
//! The test kills a few runs. With `FOREWARN_KILLS=1000` it kills as many, and with `FOREWARN_KILLS_REPORT=FILE` it leaves
//! there what it met.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::{NIGHTS, assert_settled, assert_sound, done, ended, fleet, ledger, names, run, visible};
use crate::cli::binary;
use crate::fleet::Dice;

/// Calls that change files: what a run does between two of them no other process can see.
const CALLS: &str =
    "openat,write,fsync,rename,renameat,renameat2,symlink,symlinkat,unlink,unlinkat,mkdir,rmdir,ftruncate";

/// About so many of them come after the folder is whole.
const LAST_CALLS: u64 = 60;

/// What a killed run had come to, as seen from outside.
fn phase(out: &Path, night: &str) -> &'static str {
    let left = names(&out.join(".runs"));
    let begun = left.iter().find(|n| n.starts_with(night));
    let shown = visible(out).contains_key(night);
    let kept = out.join(format!("history/{night}.parquet")).exists();
    let ordered = out.join(format!("history/orders/{night}.json")).exists();
    let latest = fs::canonicalize(out.join("latest")).is_ok_and(|l| l.to_string_lossy().contains(night));
    let whole = begun.is_some_and(|n| out.join(".runs").join(n).join("manifest.json").exists());
    match (begun.is_some(), whole, shown, latest, ordered, kept) {
        (false, ..) => "before writing",
        (_, false, ..) => "while the folder was filled",
        (_, _, false, ..) => "whole, not switched",
        (_, _, _, false, ..) => "between the two links",
        (.., false, _) => "switched, orders not kept",
        (.., false) => "orders kept, prediction not kept",
        _ if out.join(".running.json").exists() => "all kept, not ended",
        _ => "ended",
    }
}

/// How one run is killed.
enum Kill {
    /// So long after its start.
    After(Duration),
    /// So long after its folder appeared.
    Writing(Duration),
    /// At that call of its main thread.
    Call(usize),
}

fn kill(dir: &Path, night: &str, how: &Kill) {
    match how {
        Kill::After(time) => {
            let mut child = run(dir, night).spawn().unwrap();
            std::thread::sleep(*time);
            let _ = child.kill();
            let _ = ended(child);
        }
        Kill::Writing(time) => {
            let runs = dir.join("reports/.runs");
            let before = names(&runs);
            let mut child = run(dir, night).spawn().unwrap();
            while names(&runs).is_subset(&before) && child.try_wait().unwrap().is_none() {
                std::thread::sleep(Duration::from_micros(200));
            }
            let from = Instant::now();
            while from.elapsed() < *time {
                std::hint::spin_loop();
            }
            let _ = child.kill();
            let _ = ended(child);
        }
        Kill::Call(n) => {
            let inject = format!("inject={CALLS}:signal=KILL:when={n}");
            let _ = ended(traced(dir, night, Path::new("/dev/null"), &inject).spawn().unwrap());
        }
    }
}

/// The run under `strace`.
fn traced(dir: &Path, night: &str, log: &Path, inject: &str) -> Command {
    let mut command = Command::new("strace");
    command.args(["-f", "-qq", "-e", &format!("trace={CALLS}"), "-e", inject, "-o"]).arg(log);
    command.arg(binary()).args(["run", "--quiet", "--as-of", night]).current_dir(dir);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    command
}

/// How many of the calls the main thread makes, and the first of them that makes the run folder; `None` where nothing may
/// be traced.
fn calls(dir: &Path, night: &str) -> Option<(usize, usize)> {
    let log = dir.join("calls.log");
    let child = traced(dir, night, &log, "signal=none").spawn().ok()?;
    if ended(child).0 != 0 {
        return None;
    }
    let text = fs::read_to_string(&log).ok()?;
    let main = text.split_whitespace().next()?.to_owned();
    let own: Vec<&str> = text.lines().filter(|l| l.split_whitespace().next() == Some(&main)).collect();
    let first = own.iter().position(|l| l.contains("mkdir(") && l.contains(&format!(".runs/{night}")))?;
    fs::remove_file(log).ok()?;
    Some((own.len(), first + 1))
}

#[test]
fn killed_at_any_moment_nothing_is_lost_and_the_next_run_succeeds() {
    let asked = std::env::var("FOREWARN_KILLS").ok().and_then(|n| n.parse::<usize>().ok());
    let (n, each) = asked.map_or((30, 5), |n| (n, 1));
    let dir = fleet();
    let dir = dir.path();
    let out = dir.join("reports");
    done(dir, NIGHTS[0]);
    let kept = dir.join("kept");
    assert!(Command::new("cp").arg("-a").arg(&out).arg(&kept).status().unwrap().success());
    let begin = || {
        let _ = fs::remove_dir_all(&out);
        assert!(Command::new("cp").arg("-a").arg(&kept).arg(&out).status().unwrap().success());
    };
    let (whole, runs) = (Instant::now(), out.join(".runs"));
    let child = run(dir, NIGHTS[1]).spawn().unwrap();
    while names(&runs).len() < 2 {
        std::thread::sleep(Duration::from_micros(200));
    }
    let writing = Instant::now();
    assert_eq!(ended(child).0, 0);
    let (writing, whole) = (writing.elapsed(), whole.elapsed());
    begin();
    let traced = calls(dir, NIGHTS[1]);
    if traced.is_none() {
        eprintln!(
            "skipped: kills at calls to the system: `strace` is not installed, or nothing may be traced"
        );
    }
    begin();

    let mut dice = Dice(11);
    let mut met: BTreeMap<&str, usize> = BTreeMap::new();
    let started = Instant::now();
    for i in 0..n {
        let share = |d: &mut Dice, of: Duration| of.mul_f64((d.next() >> 11) as f64 / (1_u64 << 53) as f64);
        let how = match (i % 10, traced) {
            (0, _) => Kill::After(share(&mut dice, whole)),
            (1..=3, Some((all, first))) => Kill::Call(first + dice.below((all - first + 1) as u64) as usize),
            // The last ones switch the links and keep the ledger.
            (4..=6, Some((all, _))) => Kill::Call(all - dice.below(LAST_CALLS) as usize),
            _ => Kill::Writing(share(&mut dice, writing)),
        };
        let before = ledger(&out);
        let night = if each == 1 { NIGHTS[1] } else { NIGHTS[1 + i % 2] };
        kill(dir, night, &how);
        *met.entry(phase(&out, night)).or_default() += 1;
        assert_sound(&out, &before);
        if i % each == each - 1 {
            // The same night again, or the one after.
            done(dir, NIGHTS[1 + (i / each) % 2]);
            assert_sound(&out, &before);
            assert_settled(&out);
            begin();
        }
    }
    if let Some(path) = std::env::var_os("FOREWARN_KILLS_REPORT") {
        let mut text = format!(
            "{n} runs killed in {:.0} s; a whole run takes {:.2} s, its writing {:.2} s; {}.\n\n| killed | runs |\n|---|---|\n",
            started.elapsed().as_secs_f64(),
            whole.as_secs_f64(),
            writing.as_secs_f64(),
            traced.map_or("not traced".to_owned(), |(all, first)| format!(
                "{} of {all} calls write",
                all - first + 1
            )),
        );
        for (phase, n) in &met {
            let _ = writeln!(text, "| {phase} | {n} |");
        }
        fs::write(path, text).unwrap();
    }
    assert!(met.keys().any(|p| *p != "before writing" && *p != "ended"), "{met:?}");
}
