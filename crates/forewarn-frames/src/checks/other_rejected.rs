//! What reading left out for a reason that no other check reports.

use super::shared::{met, share};
use super::{ALL, Check, CheckContext, CheckDoc};
use crate::finding::Finding;

pub(super) const CHECK: Check = Check {
    doc: CheckDoc {
        name: "other_rejected",
        what: "Rows and cells that reading a file left out for a reason that has no check of its own.",
        why: "Nothing that is left out goes unsaid.",
        example: "5 of 3400 rows (0.1 %) were not used in `x` (reason `odd_cell`).",
        what_to_do: "Look at the sampled rows in the file.",
    },
    run,
};

fn run(context: &CheckContext<'_>, out: &mut Vec<Finding>) {
    let has_none =
        |check: &str| check != super::ambiguous_dates::UNPROVEN && !ALL.iter().any(|c| c.doc.name == check);
    met(context, CHECK.doc.name, has_none, out, |reason, column, m| {
        let message = format!(
            "{} not used as given in {column} (reason `{reason}`); {}",
            share(m.n_rows, m.of),
            m.fate()
        );
        (m.severity(), message, "look at the sampled rows in the file")
    });
}
