//! Dates whose day and month cannot be told apart.

use super::shared::{met, pick, share};
use super::{Check, CheckContext, CheckDoc};
use crate::finding::{Finding, Severity};

pub(super) const CHECK: Check = Check {
    doc: CheckDoc {
        name: "ambiguous_dates",
        what: "Time columns in which some dates only make sense with the day first and others only with the month first, or in which nothing tells which comes first.",
        why: "The third of April and the fourth of March are a month apart: read the wrong way, history is shuffled without a sign of it.",
        example: "40 of 3400 rows (1.2 %) hold a date in `opened` whose day and month cannot be told apart; they are left out.",
        what_to_do: "Export times as 2025-01-31 13:45, or set `day_first` of the table.",
    },
    run,
};

/// What reading notes of a column whose dates can be read in both orders, and of one with a date that can in one alone.
pub(super) const UNPROVEN: &str = "unproven_dates";
const PROVEN: &str = "proven_dates";

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
                "export times as `2025-01-31 13:45`, or set `day_first = true` where the day comes first",
            )
        },
    );
    // One export writes its dates in one order: where any column of a table tells it, nothing is left open.
    let tells = |table: &str| {
        let of = context.files.iter().filter(|f| f.table == table);
        of.flat_map(|f| &f.rejected).any(|r| r.check == PROVEN)
    };
    let at = out.len();
    met(
        context,
        CHECK.doc.name,
        |check| check == UNPROVEN,
        out,
        |_, column, m| {
            let message = format!(
                "{} {} a date in {column} that can be read with the day or the month first, and no date of the table tells which; the month is taken to come first",
                share(m.n_rows, m.of),
                pick(m.n_rows, "holds", "hold"),
            );
            let hint =
                "set `day_first = true` where the day comes first, `day_first = false` where this is right";
            (Severity::Warning, message, hint)
        },
    );
    let open: Vec<Finding> = out.drain(at..).filter(|f| !tells(&f.table)).collect();
    out.extend(open);
}
