//! Rows between the end of observation and now.

use std::fmt::Display;

use super::shared::{N_SAMPLES, cell, micros, pick, share, short, sources, tables};
use super::{Check, CheckContext, CheckDoc};
use crate::finding::{Finding, Severity};
use crate::time::{format_day, format_minute};

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
    let mut add =
        |(name, time): (&str, &str), source: &dyn Display, (n, of): (u64, u64), sample: Vec<String>| {
            if n == 0 {
                return;
            }
            out.push(Finding {
                check: CHECK.doc.name.to_owned(),
                severity: Severity::Info,
                table: name.to_owned(),
                column: Some(time.to_owned()),
                n_rows: n,
                sample,
                message: format!(
                    "{} {} at or after {} in `{time}`{source} and {} not used",
                    share(n, of),
                    pick(n, "lies", "lie"),
                    context.as_of,
                    pick(n, "is", "are")
                ),
                hint: "nothing where `as_of` was chosen on purpose".to_owned(),
            });
        };
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
        add((table.name, table.time), &"", (n_rows, table.df.height() as u64), sample);
    }
    for (source, rows) in sources(context) {
        let late = rows.rows_from(|_| Some(context.as_of.day()));
        let first = late.iter().take(N_SAMPLES);
        let sample = first.map(|(id, _, day)| format!("{} up to {}", short(id), format_day(*day))).collect();
        let n_rows = late.iter().map(|l| l.1).sum();
        add(("telemetry", "ts"), &source, (n_rows, rows.n_rows()), sample);
    }
}
