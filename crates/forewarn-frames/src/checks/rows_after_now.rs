//! Times that have not come yet.

use super::shared::{N_SAMPLES, cell, micros, pick, share, short, tables};
use super::{Check, CheckContext, CheckDoc};
use crate::finding::{Finding, Severity};
use crate::time::{HOUR, format_minute};

pub(super) const CHECK: Check = Check {
    doc: CheckDoc {
        name: "rows_after_now",
        what: "Rows that are dated after the time of the run: tickets opened, updated or resolved, readings taken or received, events and failures.",
        why: "A clock or a time zone is wrong, and the other rows of that source are probably off as well. Rows after now are not used.",
        example: "14 of 3400 rows (0.4 %) lie after now in `opened_at`, up to 2025-02-01 13:45.",
        what_to_do: "Where they lie a few hours ahead, set time_zone for the source; else look at the clock of the device.",
    },
    run,
};

fn run(context: &CheckContext<'_>, out: &mut Vec<Finding>) {
    for table in tables(context) {
        let more: &[&str] = match table.name {
            "tickets" => &["updated_at", "resolved_at"],
            "telemetry" => &["received_at"],
            _ => &[],
        };
        for name in std::iter::once(&table.time).chain(more) {
            let Some(times) = micros(table.df, name) else { continue };
            let (mut n_rows, mut newest, mut sample) = (0, context.now, Vec::new());
            for (row, at) in times.iter().enumerate() {
                let Some(at) = at.filter(|at| *at > context.now) else { continue };
                n_rows += 1;
                newest = newest.max(at);
                if sample.len() < N_SAMPLES {
                    sample.push(format!("{} at {}", short(cell(table.df, table.id, row)), format_minute(at)));
                }
            }
            if n_rows == 0 {
                continue;
            }
            // Time zones reach 14 hours from UTC.
            let hint = if newest - context.now <= 14 * HOUR {
                "all lie within 14 hours from now: set `time_zone` for the source"
            } else {
                "look at the clock of the source, and at the order of day and month"
            };
            out.push(Finding {
                check: CHECK.doc.name.to_owned(),
                severity: Severity::Warning,
                table: table.name.to_owned(),
                column: Some((*name).to_owned()),
                n_rows,
                sample,
                message: format!(
                    "{} {} after now in `{name}`{}, up to {}",
                    share(n_rows, table.df.height() as u64),
                    pick(n_rows, "lies", "lie"),
                    table.source,
                    format_minute(newest)
                ),
                hint: hint.to_owned(),
            });
        }
    }
}
