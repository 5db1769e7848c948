//! Local times that the change of clocks skipped or repeated.

use super::shared::{met, pick, share};
use super::{Check, CheckContext, CheckDoc};
use crate::finding::{Finding, Severity};

pub(super) const CHECK: Check = Check {
    doc: CheckDoc {
        name: "clock_change",
        what: "Times without an offset that fall into the hour that a change of clocks skips or repeats.",
        why: "Such a time is either no time at all or one of two, an hour apart; forewarn takes one by a fixed rule, which rarely matters.",
        example: "4 of 3400 rows (0.1 %) lie in a repeated or skipped hour in `opened`.",
        what_to_do: "Nothing, as a rule; an export in UTC, or with offsets, has no such hours.",
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
                "{} {} in an hour that a change of clocks skips or repeats in {column}",
                share(m.n_rows, m.of),
                pick(m.n_rows, "lies", "lie")
            );
            (Severity::Info, message, "nothing, as a rule; an export in UTC has no such hours")
        },
    );
}
