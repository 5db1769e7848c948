//! Cells of a time column that are no time.

use super::shared::{met, pick, share};
use super::{Check, CheckContext, CheckDoc};
use crate::finding::Finding;

pub(super) const CHECK: Check = Check {
    doc: CheckDoc {
        name: "unparseable_times",
        what: "Cells of a time column that could not be read as a date or time.",
        why: "A row without a time of opening is left out; another cell becomes empty, as though the ticket had not been resolved.",
        example: "3 of 3400 rows (under 0.1 %) hold no time in `opened`; they are left out: row 12: \"31/02/2020\".",
        what_to_do: "Look at the sampled cells. Where the day and the month are the other way round, or the format is unusual, map the column with an expression: { sql = \"…\" }.",
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
                "{} {} no readable time in {column}; {}",
                share(m.n_rows, m.of),
                pick(m.n_rows, "holds", "hold"),
                m.fate()
            );
            (
                m.severity(),
                message,
                "map the column with an expression that reads its format: `{ sql = \"…\" }`",
            )
        },
    );
}
