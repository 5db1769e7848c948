//! Files without a row.

use std::collections::BTreeMap;

use super::shared::{N_SAMPLES, count, pick, short};
use super::{Check, CheckContext, CheckDoc};
use crate::finding::{Finding, Severity};

pub(super) const CHECK: Check = Check {
    doc: CheckDoc {
        name: "empty_files",
        what: "Files that were read and hold no data row.",
        why: "An export that failed halfway often leaves a header and nothing else.",
        example: "1 of 40 files of tickets holds no row: tickets/2015-03.csv.",
        what_to_do: "Export again; where the month was quiet, nothing.",
    },
    run,
};

fn run(context: &CheckContext<'_>, out: &mut Vec<Finding>) {
    let mut by_table: BTreeMap<&str, (u64, Vec<&str>)> = BTreeMap::new();
    for file in context.files.iter().filter(|f| f.set_aside.is_none()) {
        let (n_files, empty) = by_table.entry(file.table).or_default();
        *n_files += 1;
        if file.n_rows == 0 {
            empty.push(&file.path);
        }
    }
    for (table, (n_files, empty)) in by_table.into_iter().filter(|(_, (_, empty))| !empty.is_empty()) {
        let n_empty = empty.len() as u64;
        out.push(Finding {
            check: CHECK.doc.name.to_owned(),
            severity: if n_empty == n_files { Severity::Warning } else { Severity::Info },
            table: table.to_owned(),
            column: None,
            n_rows: 0,
            sample: empty.into_iter().take(N_SAMPLES).map(short).collect(),
            message: format!(
                "{n_empty} of {} {} no row",
                count(n_files, "file"),
                pick(n_empty, "holds", "hold")
            ),
            hint: "export again; where nothing happened, nothing".to_owned(),
        });
    }
}
