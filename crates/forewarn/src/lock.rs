//! One writer at a time: a lock file that the system lets go of when its process ends, however it ends. It does not know
//! what is written.

use std::fs::{self, File, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::Duration;

use crate::clock;
use crate::errors::{Exit, Failure, Outcome};

/// The lock file of the runs in OUT.
pub(crate) const RUN_LOCK: &str = ".lock";
/// How often, and how long apart, a lock is tried: [`is_held`] holds it for a moment.
const TRIES: u32 = 3;
const PAUSE: Duration = Duration::from_millis(20);

/// Holds `OUT/.lock` while it lives. The system lets go of it when the process ends, however it ends: a lock file that
/// was left behind locks nothing.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

impl Lock {
    /// Makes the folder `out` where it is missing, and takes the lock file `name` in it.
    ///
    /// # Errors
    ///
    /// Another process holds it (75), or the folder cannot be written (2 or 74).
    pub(crate) fn take(out: &Path, name: &str) -> Outcome<Self> {
        fs::create_dir_all(out).map_err(|e| Failure::io("make the folder", out, &e))?;
        let path = out.join(name);
        let open = File::options().read(true).write(true).create(true).truncate(false).open(&path);
        let mut file = open.map_err(|e| Failure::io("open the lock", &path, &e))?;
        match try_lock(&file) {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                let _ = file.read_to_string(&mut holder);
                let failure =
                    Failure::new(Exit::Locked, format!("another run holds the lock `{}`", path.display()));
                let failure = if holder.trim().is_empty() {
                    failure
                } else {
                    failure.cause(format!("held by {}", holder.trim()))
                };
                return Err(failure.hint("try again when it has finished"));
            }
            Err(TryLockError::Error(e)) => {
                return Err(Failure::io("take the lock", &path, &e)
                    .hint("use a folder on a file system that has locks"));
            }
        }
        let holder = format!(
            "process {} on {} since {}\n",
            std::process::id(),
            clock::host(),
            clock::rfc3339(clock::now())
        );
        // Who holds it is only words: the lock holds without them, also on a full disk.
        let _ = file
            .set_len(0)
            .and_then(|()| file.seek(SeekFrom::Start(0)))
            .and_then(|_| file.write_all(holder.as_bytes()));
        Ok(Self { _file: file })
    }
}

/// Tries some times, since who only looks whether the lock is held holds it for a moment.
fn try_lock(file: &File) -> Result<(), TryLockError> {
    for _ in 1..TRIES {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => std::thread::sleep(PAUSE),
            other => return other,
        }
    }
    file.try_lock()
}

/// Whether a process holds the lock file `name` of `out`. A file that was left behind is held by nobody.
pub(crate) fn is_held(out: &Path, name: &str) -> bool {
    let Ok(file) = File::open(out.join(name)) else { return false };
    matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock))
}
