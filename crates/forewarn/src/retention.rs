//! Which run folders are kept (`[retention]`), and the removal of the others. The ledger, `history/`, is never touched. It
//! does not know what is in a folder.

use std::fs;
use std::path::Path;

use forewarn_frames::Cutoff;

use crate::errors::{Failure, Outcome};
use crate::folders;
use crate::history;
use crate::lock::Lock;
use crate::settings::{LEAST_RUNS, Retention};

/// Which of the dates go; `dates` is sorted, the newest first.
fn lets_go(retention: Retention, dates: &[Cutoff]) -> Vec<Cutoff> {
    let Some(newest) = dates.first() else { return Vec::new() };
    let goes = |i: usize, date: Cutoff| {
        let by_count = retention.keep_runs.map(|n| i >= n as usize);
        let by_age = retention.keep_days.map(|n| i64::from(newest.day() - date.day()) > i64::from(n));
        i >= LEAST_RUNS && [by_count, by_age].into_iter().flatten().min() == Some(true)
    };
    dates.iter().enumerate().filter(|(i, date)| goes(*i, **date)).map(|(_, date)| *date).collect()
}

/// Removes the runs that are not kept, and says how many. A run whose prediction is not in the ledger stays. The link goes
/// first, then the folder's name, then its files: what is visible is whole at every moment.
///
/// # Errors
///
/// A folder cannot be listed, or a link cannot be removed.
pub(crate) fn apply(_lock: &Lock, out: &Path, retention: Retention) -> Outcome<usize> {
    let runs = folders::runs_by_date(out)?;
    let dates: Vec<Cutoff> = runs.iter().map(|r| r.0).collect();
    let mut removed = 0;
    for date in lets_go(retention, &dates) {
        let Some((_, folder)) = runs.iter().find(|r| r.0 == date) else { continue };
        if !history::is_kept(out, date, folder) {
            continue;
        }
        let link = out.join(date.to_string());
        let shown = folders::folder_of(out, date);
        let of_date = folders::folders_of(out, date)?;
        for other in of_date.iter().filter(|f| Some(*f) != shown.as_ref()) {
            folders::remove_run(other);
        }
        fs::remove_file(&link).map_err(|e| Failure::io("remove the link", &link, &e))?;
        folders::sync(out)?;
        if let Some(folder) = shown {
            folders::remove_run(&folder);
        }
        removed += 1;
    }
    Ok(removed)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn a_run_goes_where_no_rule_keeps_it() {
        let check = |keep_runs: Option<u32>, keep_days: Option<u32>, want: &[&str]| {
            let days = ["2026-01-10", "2026-01-09", "2026-01-08", "2025-12-01", "2025-06-01"];
            let dates: Vec<Cutoff> = days.iter().map(|d| Cutoff::parse(d).unwrap()).collect();
            let gone: Vec<String> =
                lets_go(Retention { keep_runs, keep_days }, &dates).iter().map(ToString::to_string).collect();
            assert_eq!(gone, want, "{keep_runs:?} {keep_days:?}");
        };
        check(None, None, &[]);
        check(Some(4), None, &["2025-06-01"]);
        check(Some(1), None, &["2026-01-08", "2025-12-01", "2025-06-01"]);
        check(None, Some(40), &["2025-06-01"]);
        check(None, Some(39), &["2025-12-01", "2025-06-01"]);
        check(None, Some(1), &["2026-01-08", "2025-12-01", "2025-06-01"]);
        check(Some(3), Some(40), &["2025-06-01"]);
        check(Some(5), Some(1), &[]);
        assert!(lets_go(Retention { keep_runs: Some(1), keep_days: None }, &[]).is_empty());
    }
}
