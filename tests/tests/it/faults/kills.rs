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
const LAST_CALLS: usize = 25;

/// What a killed run had come to, as seen from outside.
fn phase(out: &Path, night: &str) -> &'static str {
    let left = names(&out.join(".runs"));
    let begun = left.iter().find(|n| n.starts_with(night));
    let shown = visible(out).contains_key(night);
    let kept = out.join(format!("history/{night}.parquet")).exists();
    let latest = fs::canonicalize(out.join("latest")).is_ok_and(|l| l.to_string_lossy().contains(night));
    let whole = begun.is_some_and(|n| out.join(".runs").join(n).join("manifest.json").exists());
    match (begun.is_some(), whole, shown, latest, kept) {
        (false, ..) => "before its folder was made",
        (_, false, ..) => "while the folder was filled",
        (_, _, false, ..) => "whole, not switched",
        (_, _, _, false, _) => "between the two links",
        (.., false) => "switched, prediction not kept",
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
    /// At the n-th call of that name of its main thread.
    Call(String, usize),
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
        Kill::Call(name, n) => {
            let inject = format!("inject={name}:signal=KILL:when={n}");
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

/// The calls that the main thread makes from when it makes its run folder on: the name of each, and how many of that name it
/// has made by then. `None` where nothing may be traced.
fn calls(dir: &Path, night: &str) -> Option<Vec<(String, usize)>> {
    let log = dir.join("calls.log");
    let child = traced(dir, night, &log, "signal=none").spawn().ok()?;
    if ended(child).0 != 0 {
        return None;
    }
    let text = fs::read_to_string(&log).ok()?;
    fs::remove_file(log).ok()?;
    let main = text.split_whitespace().next()?.to_owned();
    let own = text.lines().filter_map(|l| l.strip_prefix(&main)?.trim_start().split_once('('));
    let (mut n_of, mut writing, mut out) = (BTreeMap::<&str, usize>::new(), false, Vec::new());
    for (name, rest) in own.filter(|(name, _)| CALLS.split(',').any(|call| call == *name)) {
        let n = n_of.entry(name).or_default();
        *n += 1;
        writing = writing || (name == "mkdir" && rest.contains(&format!(".runs/{night}")));
        if writing {
            out.push((name.to_owned(), *n));
        }
    }
    Some(out).filter(|all| !all.is_empty())
}

/// What was met, for a document.
fn told(
    n: usize,
    met: &BTreeMap<&str, usize>,
    [all, whole, writing]: [f64; 3],
    calls: Option<usize>,
) -> String {
    let calls = calls.map_or("not traced".to_owned(), |n| format!("{n} calls from its folder on"));
    let mut text = format!(
        "{n} runs killed in {all:.0} s; a whole run takes {whole:.2} s, its writing {writing:.2} s ({calls}).\n\n\
         | killed | runs |\n|---|---|\n"
    );
    for (phase, n) in met {
        let _ = writeln!(text, "| {phase} | {n} |");
    }
    text
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

    let mut dice = Dice(n as u64);
    let mut met: BTreeMap<&str, usize> = BTreeMap::new();
    let started = Instant::now();
    for i in 0..n {
        let share = |d: &mut Dice, of: Duration| of.mul_f64((d.next() >> 11) as f64 / (1_u64 << 53) as f64);
        let how = match (i % 10, &traced) {
            (0, _) => Kill::After(share(&mut dice, whole)),
            (1..=6, Some(all)) => {
                // The last ones switch the links and keep the ledger: they are as many again.
                let from = if i % 2 == 0 { all.len().saturating_sub(LAST_CALLS) } else { 0 };
                let (name, n) = all[from + dice.below((all.len() - from) as u64) as usize].clone();
                Kill::Call(name, n)
            }
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
        if let Some(path) = std::env::var_os("FOREWARN_KILLS_REPORT").filter(|_| i % 50 == 49) {
            let times = [started.elapsed(), whole, writing].map(|t| t.as_secs_f64());
            fs::write(path, told(i + 1, &met, times, traced.as_ref().map(Vec::len))).unwrap();
        }
    }
    assert!(met.keys().any(|p| *p != "before its folder was made" && *p != "ended"), "{met:?}");
}
