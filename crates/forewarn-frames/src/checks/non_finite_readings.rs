//! Readings that are not a number.

use super::shared::{by_share, first_readings, pick, share, short, sources};
use super::{Check, CheckContext, CheckDoc};
use crate::finding::Finding;

pub(super) const CHECK: Check = Check {
    doc: CheckDoc {
        name: "non_finite_readings",
        what: "Readings that are NaN or infinite.",
        why: "They count as missing. Many of them mean that a collector divides by zero or writes a sentinel.",
        example: "60 of 3400 rows (1.8 %) hold NaN or an infinity in `fan_rpm`; they count as missing.",
        what_to_do: "Look at how the collector computes the metric.",
    },
    run,
};

fn run(context: &CheckContext<'_>, out: &mut Vec<Finding>) {
    for (source, rows) in sources(context) {
        for name in rows.metrics() {
            let odd = rows.not_finite(name);
            if odd.n == 0 {
                continue;
            }
            let (n_rows, of) = (odd.n, rows.n_rows());
            out.push(Finding {
                check: CHECK.doc.name.to_owned(),
                severity: by_share(n_rows, of),
                table: "telemetry".to_owned(),
                column: Some(name.to_owned()),
                n_rows,
                sample: first_readings(&odd),
                message: format!(
                    "{} {} NaN or an infinity in `{}`{source}; {}",
                    share(n_rows, of),
                    pick(n_rows, "holds", "hold"),
                    short(name),
                    pick(n_rows, "it counts as missing", "they count as missing")
                ),
                hint: "look at how the collector computes the metric".to_owned(),
            });
        }
    }
}
