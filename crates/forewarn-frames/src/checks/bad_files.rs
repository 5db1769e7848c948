//! Files that could not be read and were set aside.

use std::collections::BTreeMap;

use super::shared::{N_SAMPLES, count, short};
use super::{Check, CheckContext, CheckDoc};
use crate::finding::{Finding, Severity};

pub(super) const CHECK: Check = Check {
    doc: CheckDoc {
        name: "bad_files",
        what: "Files matched by a path of the config that could not be read at all.",
        why: "What they hold is missing from everything that follows; a missing month looks like a quiet month.",
        example: "2 of 40 files of telemetry were set aside: smart/2015-03.csv: not a Parquet file.",
        what_to_do: "Repair the file, fetch it again, or take it out of the path.",
    },
    run,
};

fn run(context: &CheckContext<'_>, out: &mut Vec<Finding>) {
    let mut by_table: BTreeMap<&str, (u64, u64, u64, Vec<String>)> = BTreeMap::new();
    for file in context.files {
        let (n_files, n_bad, n_rows, sample) = by_table.entry(file.table).or_default();
        *n_files += 1;
        if let Some(reason) = &file.set_aside {
            *n_bad += 1;
            *n_rows += file.n_rows;
            if sample.len() < N_SAMPLES {
                sample.push(format!("{}: {}", short(&file.path), short(reason)));
            }
        }
    }
    for (table, (n_files, n_bad, n_rows, sample)) in
        by_table.into_iter().filter(|(_, (_, n_bad, ..))| *n_bad > 0)
    {
        out.push(Finding {
            check: CHECK.doc.name.to_owned(),
            severity: Severity::Error,
            table: table.to_owned(),
            column: None,
            n_rows,
            sample,
            message: format!("{n_bad} of {} set aside", count(n_files, "file")),
            hint: "repair the file, fetch it again, or take it out of `path`".to_owned(),
        });
    }
}
