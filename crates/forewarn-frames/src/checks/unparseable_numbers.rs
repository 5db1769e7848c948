//! Cells of a number column that are no number.

use super::shared::{met, pick, share};
use super::{Check, CheckContext, CheckDoc};
use crate::finding::Finding;

pub(super) const CHECK: Check = Check {
    doc: CheckDoc {
        name: "unparseable_numbers",
        what: "Cells of a number column (a metric, a priority, a count) that could not be read as a number.",
        why: "The cell counts as empty. A metric that is written with units or a decimal comma would be lost as a whole.",
        example: "120 of 3400 rows (3.5 %) hold no readable number in `cpu`; the cells count as empty: row 2: \"71 %\".",
        what_to_do: "Look at the sampled cells; strip units or replace the decimal comma in the column map with an expression: { sql = \"…\" }.",
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
                "{} {} no readable number in {column}; {}",
                share(m.n_rows, m.of),
                pick(m.n_rows, "holds", "hold"),
                m.fate()
            );
            (
                m.severity(),
                message,
                "strip units, or replace a decimal comma, with an expression in `columns`: `{ sql = \"…\" }`",
            )
        },
    );
}
