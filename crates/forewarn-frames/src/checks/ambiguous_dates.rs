//! Dates whose day and month cannot be told apart.

use super::shared::{met, pick, share};
use super::{Check, CheckContext, CheckDoc};
use crate::finding::{Finding, Severity};

pub(super) const CHECK: Check = Check {
    doc: CheckDoc {
        name: "ambiguous_dates",
        what: "Time columns in which some dates only make sense with the day first and others only with the month first, or in which nothing tells which comes first.",
        why: "The third of April and the fourth of March are a month apart: read the wrong way, history is shuffled without a sign of it.",
        example: "40 of 3400 rows (1.2 %) hold an ambiguous date in `opened`; they are left out.",
        what_to_do: "Export times as 2025-01-31 13:45, or say in the column map how they are written.",
    },
    run,
};

fn run(context: &CheckContext<'_>, out: &mut Vec<Finding>) {
    met(
        context,
        CHECK.doc.name,
        |check| check == CHECK.doc.name,
        out,
        |_, column, m| {
            let message = format!(
                "{} {} a date in {column} whose day and month cannot be told apart; {}",
                share(m.n_rows, m.of),
                pick(m.n_rows, "holds", "hold"),
                m.fate()
            );
            (
                m.severity().max(Severity::Warning),
                message,
                "export times as `2025-01-31 13:45`, or say in the column map which comes first",
            )
        },
    );
}
