//! Several rows for one ticket, asset or reading.

use super::shared::{by_share, pick, share};
use super::{Check, CheckContext, CheckDoc};
use crate::finding::{Finding, Severity};
use crate::input::{ACTIONS, ASSETS, EVENTS, FAILURES, Repeats, TELEMETRY, TICKETS};

pub(super) const CHECK: Check = Check {
    doc: CheckDoc {
        name: "duplicate_ids",
        what: "Rows that repeat the key of another row: the ticket number, the asset id, or the asset and time of a reading. Identical rows are told apart from rows that differ.",
        why: "One row stays. Of identical rows nothing is lost; of differing rows the latest wins, which is a guess where nothing says which is later.",
        example: "340 of 3400 rows (10.0 %) differ from the row of the same `ticket_id` that was kept.",
        what_to_do: "Nothing where an export simply overlaps the one before. Where readings differ, look whether two devices share an id; where tickets differ, map updated_at.",
    },
    run,
};

fn run(context: &CheckContext<'_>, out: &mut Vec<Finding>) {
    let mut add = |table: &str, key: &[&str], n_kept: usize, repeats: Repeats| {
        let of = n_kept as u64 + repeats.identical + repeats.differing;
        let key = key.iter().map(|k| format!("`{k}`")).collect::<Vec<_>>().join(", ");
        let mut found = |severity, n_rows, message, hint: &str| {
            out.push(Finding {
                check: CHECK.doc.name.to_owned(),
                severity,
                table: table.to_owned(),
                column: None,
                n_rows,
                sample: Vec::new(),
                message,
                hint: hint.to_owned(),
            });
        };
        if repeats.differing > 0 {
            let n = repeats.differing;
            let differ = pick(n, "differs", "differ");
            let message = format!("{} {differ} from the row kept of the same {key}", share(n, of));
            let hint = match table {
                "tickets" => "map `updated_at`, so that the latest state of a ticket wins",
                "telemetry" => "look whether two devices share an id, or a reading comes from two collectors",
                _ => "look which of the rows is right, and export that one",
            };
            found(by_share(n, of), n, message, hint);
        }
        if repeats.identical > 0 {
            let n = repeats.identical;
            let message = format!(
                "{} {} another row and {} counted once",
                share(n, of),
                pick(n, "repeats", "repeat"),
                pick(n, "is", "are")
            );
            found(Severity::Info, n, message, "nothing where one export overlaps the next");
        }
    };
    if let Some(t) = context.assets {
        add("assets", ASSETS.key, t.df().height(), t.repeats());
    }
    if let Some(t) = context.tickets {
        add("tickets", TICKETS.key, t.df().height(), t.repeats());
    }
    for rows in context.telemetry.rows() {
        add("telemetry", TELEMETRY.key, rows.n_rows() as usize, rows.repeats());
    }
    if let Some(t) = context.events {
        add("events", EVENTS.key, t.df().height(), t.repeats());
    }
    if let Some(t) = context.failures {
        add("failures", FAILURES.key, t.df().height(), t.repeats());
    }
    if let Some(t) = context.actions {
        add("actions", ACTIONS.key, t.df().height(), t.repeats());
    }
}
