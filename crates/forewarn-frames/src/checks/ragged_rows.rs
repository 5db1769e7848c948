//! Rows with more or fewer fields than the header.

use super::shared::{met, pick, share};
use super::{Check, CheckContext, CheckDoc};
use crate::finding::Finding;

pub(super) const CHECK: Check = Check {
    doc: CheckDoc {
        name: "ragged_rows",
        what: "Rows of a CSV file that have more or fewer fields than the header.",
        why: "Their cells have shifted, so they are left out. A stray quote or an unquoted delimiter in a ticket text does this.",
        example: "7 of 3400 rows (0.2 %) have another number of fields than the header; they are left out.",
        what_to_do: "Look at the sampled rows; export again with quoted fields, or as Parquet or NDJSON.",
    },
    run,
};

fn run(context: &CheckContext<'_>, out: &mut Vec<Finding>) {
    met(
        context,
        CHECK.doc.name,
        |check| check == CHECK.doc.name,
        out,
        |_, _, m| {
            let message = format!(
                "{} {} another number of fields than the header; {}",
                share(m.n_rows, m.of),
                pick(m.n_rows, "has", "have"),
                m.fate()
            );
            (
                m.severity(),
                message,
                "export again with quoted fields; a quote or a delimiter within a text does this",
            )
        },
    );
}
