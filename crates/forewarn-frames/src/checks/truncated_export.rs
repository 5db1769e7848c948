//! Exports that stopped at a limit.

use std::collections::BTreeMap;

use super::shared::{N_SAMPLES, count, pick, short};
use super::{Check, CheckContext, CheckDoc};
use crate::finding::{Finding, Severity};

pub(super) const CHECK: Check = Check {
    doc: CheckDoc {
        name: "truncated_export",
        what: "Files with exactly as many rows as an export or a spreadsheet can hold (10000 in ServiceNow, 65535 or 1048575 below a header in Excel), or with a row that says that the export stopped.",
        why: "Rows beyond the limit are missing without a word, usually the newest or the oldest, so history ends too soon or begins too late.",
        example: "1 file holds exactly 10000 rows, where ServiceNow stops an export: incidents.csv.",
        what_to_do: "Export by month, raise the limit (glide.csv.export.limit in ServiceNow), or use the API.",
    },
    run,
};

/// Rows, and what stops there.
const LIMITS: [(u64, &str); 3] = [
    (10_000, "a ServiceNow export stops"),
    (65_535, "an old Excel sheet ends"),
    (1_048_575, "an Excel sheet ends"),
];

fn run(context: &CheckContext<'_>, out: &mut Vec<Finding>) {
    let mut at_limit: BTreeMap<(&str, u64, &str), Vec<&str>> = BTreeMap::new();
    for file in context.files.iter().filter(|f| f.set_aside.is_none()) {
        for (limit, what) in LIMITS.into_iter().filter(|(limit, _)| file.n_rows == *limit) {
            at_limit.entry((file.table, limit, what)).or_default().push(&file.path);
        }
    }
    let finding = |severity, table: &str, n_rows, sample, message| Finding {
        check: CHECK.doc.name.to_owned(),
        severity,
        table: table.to_owned(),
        column: None,
        n_rows,
        sample,
        message,
        hint: "export by month, or raise the limit of the export (`glide.csv.export.limit` in ServiceNow)"
            .to_owned(),
    };
    for ((table, limit, what), paths) in at_limit {
        let n = paths.len() as u64;
        let message =
            format!("{} {} exactly {limit} rows, where {what}", count(n, "file"), pick(n, "holds", "hold"));
        let sample = paths.into_iter().take(N_SAMPLES).map(short).collect();
        out.push(finding(Severity::Warning, table, n * limit, sample, message));
    }
    for file in context.files {
        let says = |s: &&String| s.to_lowercase().contains("export stopped");
        if let Some(row) = file.rejected.iter().flat_map(|r| &r.sample).find(says) {
            let sample = vec![format!("{}, {}", short(&file.path), short(row))];
            let message = format!("a row says that the export stopped, after {}", count(file.n_rows, "row"));
            out.push(finding(Severity::Error, file.table, file.n_rows, sample, message));
        }
    }
}
