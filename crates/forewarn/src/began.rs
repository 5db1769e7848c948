//! The mark of a run under way: `OUT/.running.json`, written when a run has the lock and removed when it ends, well or
//! badly. A mark that nobody holds the lock for is of a run that never ended: it was killed, or the machine went down. It
//! does not know what a run does.

use std::fs;
use std::path::Path;

use forewarn_frames::time::Micros;
use serde_json::{Value, json};

use crate::clock;
use crate::errors::Outcome;
use crate::folders;
use crate::lock::{self, Lock};

/// The mark's name in OUT.
const MARK: &str = ".running.json";

/// A run that began and has not ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Began {
    /// See [`clock::run_id`].
    pub(crate) run_id: String,
    /// When, like `2025-12-31T23:59:59Z`.
    pub(crate) at: String,
    /// The same in microseconds since 1970.
    pub(crate) micros: Micros,
    /// `process 4711 on web1`
    pub(crate) who: String,
}

impl Began {
    /// The mark in `out`, if there is one that can be read.
    pub(crate) fn read(out: &Path) -> Option<Self> {
        let mark: Value = serde_json::from_slice(&fs::read(out.join(MARK)).ok()?).ok()?;
        let text = |key: &str| mark[key].as_str().map(str::to_owned);
        Some(Self {
            run_id: text("run_id")?,
            at: text("started_at")?,
            micros: mark["started_at_micros"].as_i64()?,
            who: format!("process {} on {}", mark["process"], text("host")?),
        })
    }

    /// Whether it is still at work.
    pub(crate) fn is_alive(out: &Path) -> bool {
        lock::is_held(out, lock::RUN_LOCK)
    }

    /// What happened to it, where it is not.
    pub(crate) fn lost(&self) -> String {
        format!(
            "the run that began at {} ({}) never ended: it was killed, or the machine went down",
            self.at, self.who
        )
    }
}

/// Writes the mark of this run; `Some` is the run before, if it never ended.
///
/// # Errors
///
/// The mark cannot be written.
pub(crate) fn begin(_lock: &Lock, out: &Path, command: &str) -> Outcome<Option<Began>> {
    let earlier = Began::read(out);
    let now = clock::now();
    let mark = json!({
        "run_id": clock::run_id(),
        "command": command,
        "process": std::process::id(),
        "host": clock::host(),
        "started_at": clock::rfc3339(now),
        "started_at_micros": now,
    });
    folders::replace_file(&out.join(MARK), &folders::pretty(&mark))?;
    Ok(earlier)
}

/// Removes the mark: the run has ended, and said how.
pub(crate) fn end(out: &Path) {
    let _ = fs::remove_file(out.join(MARK));
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn a_run_that_never_ended_is_known_by_its_mark() {
        let dir = std::env::temp_dir().join(format!("forewarn-began-{}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        let lock = Lock::take(&dir, lock::RUN_LOCK).unwrap();
        assert_eq!(begin(&lock, &dir, "run").unwrap(), None);
        assert!(Began::is_alive(&dir));
        drop(lock);
        let mark = Began::read(&dir).unwrap();
        assert!(!Began::is_alive(&dir) && mark.run_id == clock::run_id(), "{mark:?}");
        let lock = Lock::take(&dir, lock::RUN_LOCK).unwrap();
        assert_eq!(begin(&lock, &dir, "run").unwrap(), Some(mark));
        end(&dir);
        assert_eq!(begin(&lock, &dir, "run").unwrap(), None);
        // A mark that was torn says nothing, and holds nothing up.
        fs::write(dir.join(MARK), "{\"run_id").unwrap();
        assert_eq!(begin(&lock, &dir, "run").unwrap(), None);
        let _ = fs::remove_dir_all(&dir);
    }
}
