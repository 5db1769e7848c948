//! Rows without a cell that makes them a row.

use super::shared::{met, pick, share};
use super::{Check, CheckContext, CheckDoc};
use crate::finding::Finding;

pub(super) const CHECK: Check = Check {
    doc: CheckDoc {
        name: "missing_required",
        what: "Rows of a file that lack a required cell, such as a ticket without a number or a reading without a time.",
        why: "A row that names no ticket, asset or time cannot be placed; it is left out, and with it what it says.",
        example: "12 of 3400 rows (0.4 %) are empty in `opened_at`; they are left out.",
        what_to_do: "Look at the sampled rows in the file; where another column holds the value, map that one.",
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
                "{} {} empty in {column}; {}",
                share(m.n_rows, m.of),
                pick(m.n_rows, "is", "are"),
                m.fate()
            );
            (
                m.severity(),
                message,
                "look at the sampled rows; where another column holds the value, map that one in `columns`",
            )
        },
    );
}
