//! Metrics that never change.

use super::shared::short;
use super::{Check, CheckContext, CheckDoc};
use crate::finding::{Finding, Severity};

pub(super) const CHECK: Check = Check {
    doc: CheckDoc {
        name: "constant_metric",
        what: "Metrics with at least 100 readings, all of them the same.",
        why: "A metric that never changes says nothing about failure; sometimes it is a column of defaults, or a sensor that is not connected.",
        example: "All 3400 readings of `smart_240` are 0.",
        what_to_do: "Nothing where that is its nature: nothing is learned from it. Else repair the sensor.",
    },
    run,
};

/// So many readings of one value are no chance.
const LEAST: u64 = 100;

fn run(context: &CheckContext<'_>, out: &mut Vec<Finding>) {
    for (name, all) in context.telemetry.extents() {
        let (value, n_rows) = (all.min, all.n);
        if n_rows < LEAST || all.min != all.max {
            continue;
        }
        out.push(Finding {
            check: CHECK.doc.name.to_owned(),
            severity: Severity::Info,
            table: "telemetry".to_owned(),
            column: Some(name.to_owned()),
            n_rows,
            sample: vec![value.to_string()],
            message: format!("all {n_rows} readings of `{}` are {value}", short(name)),
            hint: "nothing is learned from it; look at the sensor where it should move".to_owned(),
        });
    }
}
