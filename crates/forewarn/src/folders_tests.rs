//! Tests of the run folders: switching, failures, the lock.
#![allow(clippy::unwrap_used, reason = "a test stops where its own input is wrong")]

use super::*;
use crate::errors::Exit;

/// A folder of its own for each test, removed at the end.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("forewarn-folders-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn day(text: &str) -> Cutoff {
    Cutoff::parse(text).unwrap()
}

/// Makes a run folder that holds `content`, and switches to it.
fn run(out: &Path, as_of: &str, id: &str, content: &str) -> Outcome<PathBuf> {
    let lock = Lock::take(out, ".lock")?;
    let mut draft = begin_run(&lock, out, day(as_of), id)?;
    draft.put("report.html", content.as_bytes())?;
    draft.put_manifest(&json!({ "files": draft.files_json() }))?;
    let folder = draft.finish();
    switch(&lock, out, day(as_of), &folder)
}

fn shown(out: &Path, name: &str) -> String {
    fs::read_to_string(find_run(&out.join(name)).unwrap().join("report.html")).unwrap()
}

#[test]
fn a_run_is_found_by_date_and_as_the_latest() {
    let s = Scratch::new("by-date");
    let by_date = run(&s.0, "2025-12-31", "aa", "one").unwrap();
    assert_eq!(by_date, s.0.join("2025-12-31"));
    assert_eq!((shown(&s.0, "2025-12-31"), shown(&s.0, "latest")), ("one".into(), "one".into()));
    assert_eq!(fs::read_link(s.0.join("latest")).unwrap(), Path::new(".runs/2025-12-31-aa"));
    assert_eq!(find_run(&s.0).unwrap(), s.0.join("latest"));
}

#[test]
fn latest_is_the_newest_as_of_not_the_last_run() {
    let s = Scratch::new("latest");
    run(&s.0, "2025-12-31", "aa", "new").unwrap();
    run(&s.0, "2025-06-30", "bb", "backfill").unwrap();
    assert_eq!((shown(&s.0, "latest"), shown(&s.0, "2025-06-30")), ("new".into(), "backfill".into()));
    let dates: Vec<String> = runs_by_date(&s.0).unwrap().iter().map(|r| r.0.to_string()).collect();
    assert_eq!(dates, ["2025-12-31", "2025-06-30"]);
}

#[test]
fn a_second_run_of_the_same_day_replaces_the_first() {
    let s = Scratch::new("again");
    for content in ["one", "two", "three"] {
        run(&s.0, "2025-12-31", "aa", content).unwrap();
        assert_eq!(shown(&s.0, "latest"), content);
    }
    // The one that was replaced last stays for whoever reads it.
    assert_eq!(folders_in(&s.0.join(RUNS)).unwrap().len(), 2);
}

#[test]
fn a_failure_leaves_the_earlier_folder_untouched() {
    let s = Scratch::new("failure");
    run(&s.0, "2025-12-31", "aa", "good").unwrap();
    let lock = Lock::take(&s.0, ".lock").unwrap();
    let mut draft = begin_run(&lock, &s.0, day("2025-12-31"), "bb").unwrap();
    draft.put("report.html", b"half").unwrap();
    let path = draft.path().to_owned();
    drop(draft);
    assert!(!path.exists());
    assert_eq!((shown(&s.0, "latest"), shown(&s.0, "2025-12-31")), ("good".into(), "good".into()));

    // A run that was killed leaves a folder without a manifest; the next run sweeps it up.
    let killed = s.0.join(RUNS).join("2025-12-31-cc");
    fs::create_dir(&killed).unwrap();
    fs::write(killed.join("report.html"), "half").unwrap();
    assert_eq!(shown(&s.0, "latest"), "good");
    drop(lock);
    run(&s.0, "2025-12-31", "dd", "next").unwrap();
    assert!(!killed.exists());
}

#[test]
fn a_folder_in_the_way_is_an_error_that_changes_nothing() {
    let s = Scratch::new("in-the-way");
    fs::create_dir_all(s.0.join("2025-12-31")).unwrap();
    fs::write(s.0.join("2025-12-31/mine.txt"), "mine").unwrap();
    let e = run(&s.0, "2025-12-31", "aa", "x").unwrap_err();
    assert_eq!(e.exit, Exit::CouldNotRun);
    assert!(e.hints[0].starts_with("move the folder"), "{e:?}");
    assert_eq!(fs::read_to_string(s.0.join("2025-12-31/mine.txt")).unwrap(), "mine");
    assert!(!s.0.join(LATEST).exists());
}

#[test]
fn a_one_line_file_stands_for_a_link() {
    let s = Scratch::new("one-line");
    run(&s.0, "2025-12-31", "aa", "one").unwrap();
    fs::remove_file(s.0.join(LATEST)).unwrap();
    fs::write(s.0.join(LATEST), ".runs/2025-12-31-aa\n").unwrap();
    assert_eq!(shown(&s.0, "latest"), "one");
    run(&s.0, "2025-06-30", "bb", "backfill").unwrap();
    assert_eq!(shown(&s.0, "latest"), "one");
}

#[test]
fn a_lock_that_is_held_locks_and_one_left_behind_does_not() {
    let s = Scratch::new("lock");
    fs::write(s.0.join(".lock"), "process 1 on a machine that is gone\n").unwrap();
    let held = Lock::take(&s.0, ".lock").unwrap();
    let e = Lock::take(&s.0, ".lock").unwrap_err();
    assert_eq!(e.exit, Exit::Locked);
    assert!(e.causes[0].contains(&format!("process {} on", std::process::id())), "{e:?}");
    drop(held);
    Lock::take(&s.0, ".lock").unwrap();
}

#[test]
fn a_folder_is_replaced_whole() {
    let s = Scratch::new("replace");
    let target = s.0.join("backtest");
    for content in ["one", "two"] {
        let mut draft = Draft::create(s.0.join(".backtest.new")).unwrap();
        draft.put("x", content.as_bytes()).unwrap();
        replace_folder(draft, &target).unwrap();
        assert_eq!(fs::read_to_string(target.join("x")).unwrap(), content);
    }
    assert_eq!(folders_in(&s.0).unwrap().len(), 1);
}

#[test]
fn an_error_is_left_and_forgotten() {
    let s = Scratch::new("last-error");
    let out = s.0.join("reports");
    leave_error(&out, "run", &Failure::input("no such file").cause("x"));
    let left: Value = serde_json::from_slice(&fs::read(out.join(LAST_ERROR)).unwrap()).unwrap();
    assert_eq!((left["exit"].as_u64(), left["message"].as_str()), (Some(2), Some("no such file")));
    forget_error(&out);
    assert!(!out.join(LAST_ERROR).exists());
}

#[test]
fn a_fingerprint_is_the_known_one() {
    let f = Fingerprint::of_bytes(b"abc");
    assert_eq!(f.sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_eq!(f.bytes, 3);
}

#[test]
fn a_file_may_lie_in_a_folder_below() {
    let s = Scratch::new("below");
    let lock = Lock::take(&s.0, ".lock").unwrap();
    let mut draft = begin_run(&lock, &s.0, day("2025-12-31"), "aa").unwrap();
    draft.put("tables/risk.csv", b"a\n").unwrap();
    draft.put("tables/ranking.csv", b"b\n").unwrap();
    let files = draft.files_json();
    assert_eq!(files["tables/risk.csv"], Fingerprint::of_bytes(b"a\n").to_json());
    draft.put_manifest(&json!({ "files": files })).unwrap();
    assert_eq!(fs::read(draft.path().join("tables/ranking.csv")).unwrap(), b"b\n");
    let path = draft.path().to_owned();
    // A file stands where the folder would have to be made.
    assert_eq!(draft.put("tables/risk.csv/more", b"c").unwrap_err().exit, Exit::CouldNotRun);
    drop(draft);
    assert!(!path.exists());
}

#[test]
fn what_interrupted_runs_left_is_put_right() {
    let s = Scratch::new("clear");
    run(&s.0, "2025-12-30", "aa", "one").unwrap();
    run(&s.0, "2025-12-31", "bb", "two").unwrap();
    let runs = s.0.join(RUNS);
    // Stopped between the two links, before the first one, while it was filled, while an old one was removed.
    point(&s.0, LATEST, ".runs/2025-12-30-aa").unwrap();
    let lock = Lock::take(&s.0, ".lock").unwrap();
    let mut draft = begin_run(&lock, &s.0, day("2026-01-01"), "cc").unwrap();
    draft.put("report.html", b"three").unwrap();
    draft.put_manifest(&json!({ "files": draft.files_json() })).unwrap();
    draft.finish();
    for name in ["2026-01-02-dd", ".gone-2025-06-01-ee"] {
        fs::create_dir(runs.join(name)).unwrap();
        fs::write(runs.join(name).join("report.html"), "half").unwrap();
    }
    fs::write(runs.join(".gone-2025-06-01-ee").join(MANIFEST), "{}").unwrap();
    fs::write(s.0.join(".latest.tmp"), "x").unwrap();
    clear(&lock, &s.0).unwrap();
    let names: Vec<String> = folders_in(&runs).unwrap().into_iter().map(|f| f.0).collect();
    assert_eq!(names, ["2025-12-30-aa", "2025-12-31-bb", "2026-01-01-cc"]);
    assert_eq!((shown(&s.0, "2026-01-01"), shown(&s.0, "latest")), ("three".into(), "three".into()));
    assert!(!s.0.join(".latest.tmp").exists());
    // Links that were lost, as on the way from a backup, are made again.
    for link in ["2025-12-30", "2025-12-31", "2026-01-01", "latest"] {
        fs::remove_file(s.0.join(link)).unwrap();
    }
    clear(&lock, &s.0).unwrap();
    assert_eq!((shown(&s.0, "2025-12-30"), shown(&s.0, "latest")), ("one".into(), "three".into()));
}

#[test]
fn a_table_that_cannot_be_what_it_claims_is_not_read() {
    let out = Scratch::new("claims");
    let path = out.0.join("risk.parquet");
    let mut df = polars::prelude::df!("x" => [Some("a"), None]).unwrap();
    let mut bytes = Vec::new();
    polars::prelude::ParquetWriter::new(&mut bytes).finish(&mut df).unwrap();
    fs::write(&path, &bytes).unwrap();
    assert_eq!(read(&path).unwrap(), bytes);
    // The sign of the first page's number of values: one bit, and a reader would reserve room for 2^64.
    let at = bytes.windows(3).position(|w| w == [0x2c, 0x15, 0x04]).unwrap();
    bytes[at + 2] ^= 1;
    fs::write(&path, &bytes).unwrap();
    let error = read(&path).unwrap_err().to_string();
    assert!(error.starts_with("`risk.parquet`: found 18446744073709551615 cells"), "{error}");
}
