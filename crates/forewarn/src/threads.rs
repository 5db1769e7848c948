//! How many threads may work. It does not know what they do.
//!
//! Polars and rayon each read the number from the environment when their pools start, and setting a variable inside a
//! running process is not safe; so the program starts itself once more with the variables set.

use std::process::{Command, ExitCode};

const VARIABLES: [&str; 2] = ["POLARS_MAX_THREADS", "RAYON_NUM_THREADS"];

/// Sees to it that at most `threads` threads work. `Some` is the exit code of the process that did the work in place of
/// this one; on Unix this one becomes it, and never returns.
pub(crate) fn apply(threads: Option<u16>) -> Option<ExitCode> {
    let n = threads?.to_string();
    if VARIABLES.iter().all(|v| std::env::var(v).is_ok_and(|found| found == n)) {
        return None;
    }
    let mut again = Command::new(std::env::current_exe().ok()?);
    again.args(std::env::args_os().skip(1)).envs(VARIABLES.map(|v| (v, &n)));
    start(&mut again)
}

/// How many threads may work.
pub(crate) fn number() -> usize {
    let asked = std::env::var(VARIABLES[1]).ok().and_then(|n| n.parse().ok()).filter(|n| *n > 0);
    asked.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, std::num::NonZero::get))
}

#[cfg(unix)]
fn start(again: &mut Command) -> Option<ExitCode> {
    use std::os::unix::process::CommandExt;
    // It returns only where the program cannot be started again (its file was replaced, say); then all threads work.
    let _ = again.exec();
    None
}

#[cfg(not(unix))]
fn start(again: &mut Command) -> Option<ExitCode> {
    let status = again.status().ok()?;
    Some(ExitCode::from(status.code().and_then(|c| u8::try_from(c).ok()).unwrap_or(2)))
}
