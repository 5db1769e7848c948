//! Sources that have gone quiet for too long.

use std::fmt::Display;

use super::shared::{count, micros, pick, streams, tables};
use super::{Check, CheckContext, CheckDoc};
use crate::finding::{Finding, Severity};
use crate::time::{DAY, Micros, format_minute};

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
    let mut add = |(name, time): (&str, &str), source: &dyn Display, newest: Option<String>| {
        let most = context.max_age_days.get(name).map_or(0, |d| d.unsigned_abs());
        let message = match newest {
            Some(newest) => format!(
                "the newest row{source} is of {newest} before {against}; at most {} {} allowed",
                count(most, "day"),
                pick(most, "is", "are")
            ),
            None => format!(
                "0 rows{source} lie before {against}; at most {} may pass without one",
                count(most, "day")
            ),
        };
        out.push(Finding {
            check: CHECK.doc.name.to_owned(),
            severity: Severity::Error,
            table: name.to_owned(),
            column: Some(time.to_owned()),
            n_rows: 0,
            sample: Vec::new(),
            message,
            hint: format!("look at the export job; or raise `checks.max_age_days` for `{name}`"),
        });
    };
    for table in tables(context) {
        let Some(&most) = context.max_age_days.get(table.name) else { continue };
        let Some(times) = micros(table.df, table.time) else { continue };
        // Rows after the end would hide that the others are old.
        let newest = times.iter().flatten().filter(|at| *at <= end).max();
        if newest.is_none_or(|at| end - at > most * DAY) {
            add((table.name, table.time), &"", newest.map(|at| of(at, end)));
        }
    }
    let Some(&most) = context.max_age_days.get("telemetry") else { return };
    for (source, rows) in streams(context) {
        let newest = rows.into_iter().filter_map(|r| r.newest(end)).max();
        if newest.is_none_or(|at| end - at > most * DAY) {
            add(("telemetry", "ts"), &source, newest.map(|at| of(at, end)));
        }
    }
}

/// `2025-01-03 02:10, 28 days`
fn of(at: Micros, end: Micros) -> String {
    format!("{}, {}", format_minute(at), count(((end - at) / DAY).unsigned_abs(), "day"))
}
