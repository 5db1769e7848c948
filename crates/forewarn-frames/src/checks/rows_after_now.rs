//! Times that have not come yet.

use std::fmt::Display;

use super::shared::{cell, micros, pick, share, sources, tables};
use super::{Check, CheckContext, CheckDoc, RowsAfterNow};
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
    let mut add = |(table, time): (&str, &str), source: &dyn Display, of: u64, late: RowsAfterNow| {
        if late.n_rows == 0 {
            return;
        }
        // Time zones reach 14 hours from UTC.
        let hint = if late.newest - context.now <= 14 * HOUR {
            "all lie within 14 hours from now: set `time_zone` for the source"
        } else {
            "look at the clock of the source, and at the order of day and month"
        };
        out.push(Finding {
            check: CHECK.doc.name.to_owned(),
            severity: Severity::Warning,
            table: table.to_owned(),
            column: Some(time.to_owned()),
            n_rows: late.n_rows,
            sample: late.sample,
            message: format!(
                "{} {} after now in `{time}`{source}, up to {}",
                share(late.n_rows, of),
                pick(late.n_rows, "lies", "lie"),
                format_minute(late.newest)
            ),
            hint: hint.to_owned(),
        });
    };
    for table in tables(context) {
        let more: &[&str] = if table.name == "tickets" { &["updated_at", "resolved_at"] } else { &[] };
        for name in std::iter::once(&table.time).chain(more) {
            let Some(times) = micros(table.df, name) else { continue };
            let mut late = RowsAfterNow { newest: context.now, ..RowsAfterNow::default() };
            for (row, at) in times.iter().enumerate() {
                if let Some(at) = at.filter(|at| *at > context.now) {
                    late.count(cell(table.df, table.id, row), at);
                }
            }
            add((table.name, name), &"", table.df.height() as u64, late);
        }
    }
    let rows = sources(context);
    for (entry, late) in &context.readings_after_now {
        let of = rows.iter().filter(|(_, r)| r.entry() == *entry).map(|(_, r)| r.n_rows()).sum::<u64>();
        let first = rows.iter().find(|(_, r)| r.entry() == *entry);
        let source = first.map_or_else(String::new, |(s, _)| s.to_string());
        add(("telemetry", "ts"), &source, of + late.n_rows, late.clone());
    }
}
