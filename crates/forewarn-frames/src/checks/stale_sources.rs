//! Sources that have gone quiet for too long.

use super::shared::{count, micros, pick, tables};
use super::{Check, CheckContext, CheckDoc};
use crate::finding::{Finding, Severity};
use crate::time::{DAY, format_minute};

pub(super) const CHECK: Check = Check {
    doc: CheckDoc {
        name: "stale_sources",
        what: "Tables whose newest row is older than checks.max_age_days allows, against as_of where it is given and against now otherwise. Each source of telemetry is looked at by itself.",
        why: "A forecast from old data is a forecast for a day that has passed; nothing else in the result would show it.",
        example: "The newest row is of 2025-01-03 02:10, 28 days before 2025-01-31; at most 3 days are allowed.",
        what_to_do: "Look at the export job. Where a source is meant to end, raise max_age_days for its table.",
    },
    run,
};

fn run(context: &CheckContext<'_>, out: &mut Vec<Finding>) {
    let (end, against) = if context.as_of_given {
        (context.as_of.micros() - 1, context.as_of.to_string())
    } else {
        (context.now, format_minute(context.now))
    };
    for table in tables(context) {
        let Some(&most) = context.max_age_days.get(table.name) else { continue };
        let Some(times) = micros(table.df, table.time) else { continue };
        // Rows after the end would hide that the others are old.
        let newest = times.iter().flatten().filter(|at| *at <= end).max();
        let days = newest.map(|at| (end - at) / DAY);
        let message = match (newest, days) {
            (Some(_), Some(days))
                if days < most || (days == most && newest.is_some_and(|at| end - at <= most * DAY)) =>
            {
                continue;
            }
            (Some(at), Some(days)) => format!(
                "the newest row{} is of {}, {} before {against}; at most {} {} allowed",
                table.source,
                format_minute(at),
                count(days.unsigned_abs(), "day"),
                count(most.unsigned_abs(), "day"),
                pick(most.unsigned_abs(), "is", "are")
            ),
            _ => format!(
                "0 rows{} lie before {against}; at most {} may pass without one",
                table.source,
                count(most.unsigned_abs(), "day")
            ),
        };
        out.push(Finding {
            check: CHECK.doc.name.to_owned(),
            severity: Severity::Error,
            table: table.name.to_owned(),
            column: Some(table.time.to_owned()),
            n_rows: 0,
            sample: Vec::new(),
            message,
            hint: format!("look at the export job; or raise `checks.max_age_days` for `{}`", table.name),
        });
    }
}
