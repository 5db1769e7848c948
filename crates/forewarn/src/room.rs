//! Whether there is room for a run, looked at before anything is read: on the disk for its folder, in memory for its inputs.
//! It does not know how either is used.

use std::fs;
use std::path::{Path, PathBuf};

use forewarn_sources::{FailureSource, SourceSettings, TableSettings};

use crate::errors::{Exit, Failure, Outcome};
use crate::folders;
use crate::memory::Budget;
use crate::words;

const MIB: u64 = 1 << 20;
/// What a run writes where no earlier one tells: the folder of 500 assets with all exports takes 10 MB.
const FIRST_FOLDER: u64 = 32 * MIB;
/// What a run writes at the least, ledger and temporary files included.
const LEAST_FOLDER: u64 = 8 * MIB;
/// What the program takes by itself, with hardly any input.
const LEAST_MEMORY: u64 = 48 * MIB;

/// Checks both.
///
/// # Errors
///
/// There is too little room (74); nothing has been read or changed then.
pub(crate) fn check(out: &Path, reading: &SourceSettings) -> Outcome<()> {
    disk(out)?;
    Budget::now().map_or(Ok(()), |budget| budget.check(least_memory(reading)))
}

/// Checks the disk: a run needs twice the folder of the latest one, since the earlier stays until the links are switched
/// and fleets grow.
fn disk(out: &Path) -> Outcome<()> {
    // Where the system does not tell, writing will.
    let Ok(free) = fs4::available_space(out) else { return Ok(()) };
    let latest = folders::find_run(&out.join(folders::LATEST)).ok().map(|folder| size_of(&folder));
    let needed = latest.map_or(FIRST_FOLDER, |size| (2 * size).max(LEAST_FOLDER));
    if needed <= free {
        return Ok(());
    }
    Err(Failure::new(
        Exit::NoRoom,
        format!(
            "too little room on the disk of `{}`: {} are free, a run needs {}",
            out.display(),
            words::bytes(free),
            words::bytes(needed)
        ),
    )
    .cause("nothing was read and nothing was changed")
    .hint("make room, keep fewer runs with `[retention]`, or write elsewhere with `--out`"))
}

/// The size of all files below a folder.
fn size_of(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|e| match fs::metadata(e.path()) {
            Ok(m) if m.is_dir() => size_of(&e.path()),
            Ok(m) => m.len(),
            Err(_) => 0,
        })
        .sum()
}

/// What a run needs at the least: the program, and tables that are held whole (their bytes and the rows made of them).
/// Telemetry is read slice by slice. Most runs need more; one that needs less than this does not exist.
fn least_memory(reading: &SourceSettings) -> u64 {
    let sizes = |t: &TableSettings| {
        files(&reading.base, &t.paths).into_iter().map(|f| fs::metadata(f).map_or(0, |m| m.len()))
    };
    let failures = match &reading.failure.source {
        FailureSource::File(table) => Some(&**table),
        _ => None,
    };
    let held = [&reading.assets, &reading.asset_history, &reading.tickets, &reading.actions];
    let held = held.into_iter().flatten().chain(&reading.events).chain(failures);
    let held: u64 = held.flat_map(sizes).sum();
    LEAST_MEMORY + 2 * held
}

/// The files that paths and patterns name, as far as they are there; what is not is named when it is read.
fn files(base: &Path, paths: &[String]) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = Vec::new();
    for path in paths {
        let full = base.join(path);
        if full.is_file() {
            found.push(full);
            continue;
        }
        let pattern = if Path::new(path).is_absolute() || base.as_os_str().is_empty() {
            path.clone()
        } else {
            format!("{}/{path}", glob::Pattern::escape(&base.to_string_lossy()))
        };
        found.extend(glob::glob(&pattern).into_iter().flatten().flatten().filter(|f| f.is_file()));
    }
    found.sort();
    found.dedup();
    found
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn room_is_counted_from_the_files_themselves() {
        let dir = std::env::temp_dir().join(format!("forewarn-room-{}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir_all(dir.join("more")).unwrap();
        for (name, n) in [("a.csv", 10), ("b.csv", 300), ("more/c.txt", 4000)] {
            fs::write(dir.join(name), vec![b'x'; n]).unwrap();
        }
        assert_eq!((size_of(&dir), size_of(&dir.join("none"))), (4310, 0));
        let check = |paths: &[&str], want: u64| {
            let paths: Vec<String> = paths.iter().map(|p| (*p).to_owned()).collect();
            let sizes = files(&dir, &paths).into_iter().map(|f| fs::metadata(f).unwrap().len());
            assert_eq!(sizes.sum::<u64>(), want, "{paths:?}");
        };
        check(&["*.csv"], 310);
        check(&["a.csv", "*.csv", "**/*.txt"], 4310);
        check(&["none.csv", "[", "more"], 0);
        assert!(disk(&dir).is_ok(), "a developer's disk has 32 MB");
        let _ = fs::remove_dir_all(&dir);
    }
}
