//! Columns that hold lists.

use super::shared::{met, share};
use super::{Check, CheckContext, CheckDoc};
use crate::finding::{Finding, Severity};

pub(super) const CHECK: Check = Check {
    doc: CheckDoc {
        name: "nested_column",
        what: "Columns of a JSON or Parquet file that hold lists, which no canonical column can take.",
        why: "The column is not read; what it holds is not looked at.",
        example: "The lists in `tags` are not read (3400 rows).",
        what_to_do: "Nothing where the column is not needed; else export it as text or as one column an element.",
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
            let message = format!("the lists in {column} are not read, in {}", share(m.n_rows, m.of));
            (Severity::Info, message, "nothing where it is not needed; else export it as text")
        },
    );
}
