//! Rows between the end of observation and now.

use super::shared::{N_SAMPLES, cell, micros, pick, share, short, tables};
use super::{Check, CheckContext, CheckDoc};
use crate::finding::{Finding, Severity};
use crate::time::format_minute;

pub(super) const CHECK: Check = Check {
    doc: CheckDoc {
        name: "rows_after_as_of",
        what: "Rows dated at or after as_of and not after now.",
        why: "They are not used: the run looks at the world as it was at as_of. In a nightly run without as_of there are none.",
        example: "90 of 3400 rows (2.6 %) lie at or after 2015-12-31 in `opened_at`.",
        what_to_do: "Nothing where as_of was chosen on purpose.",
    },
    run,
};

fn run(context: &CheckContext<'_>, out: &mut Vec<Finding>) {
    let end = context.as_of.micros();
    for table in tables(context) {
        let Some(times) = micros(table.df, table.time) else { continue };
        let (mut n_rows, mut sample) = (0, Vec::new());
        for (row, at) in times.iter().enumerate() {
            let Some(at) = at.filter(|at| *at >= end && *at <= context.now) else { continue };
            n_rows += 1;
            if sample.len() < N_SAMPLES {
                sample.push(format!("{} at {}", short(cell(table.df, table.id, row)), format_minute(at)));
            }
        }
        if n_rows == 0 {
            continue;
        }
        out.push(Finding {
            check: CHECK.doc.name.to_owned(),
            severity: Severity::Info,
            table: table.name.to_owned(),
            column: Some(table.time.to_owned()),
            n_rows,
            sample,
            message: format!(
                "{} {} at or after {} in `{}`{} and {} not used",
                share(n_rows, table.df.height() as u64),
                pick(n_rows, "lies", "lie"),
                context.as_of,
                table.time,
                table.source,
                pick(n_rows, "is", "are")
            ),
            hint: "nothing where `as_of` was chosen on purpose".to_owned(),
        });
    }
}
