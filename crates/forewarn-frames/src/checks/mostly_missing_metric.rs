//! Metrics that are hardly ever read.

use std::collections::BTreeMap;

use super::shared::{count, pick, share, short};
use super::{Check, CheckContext, CheckDoc};
use crate::finding::{Finding, Severity};

pub(super) const CHECK: Check = Check {
    doc: CheckDoc {
        name: "mostly_missing_metric",
        what: "Metrics of which more than 90 % of the rows hold no reading, in sources with at least 100 rows.",
        why: "A metric that only some models report is common and harmless. One with next to no readings is mapped wrongly or no longer collected.",
        example: "`smart_22` has no reading in 3380 of 3400 rows (99.4 %), 20 readings are left.",
        what_to_do: "Where few readings are left, look at the column map and at the collector.",
    },
    run,
};

/// Below so many readings there is nothing to learn from.
const LEAST: u64 = 100;

fn run(context: &CheckContext<'_>, out: &mut Vec<Finding>) {
    let mut by_metric: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for source in context.telemetry.rows() {
        let n_rows = source.n_rows();
        for name in source.metrics() {
            by_metric.entry(name).or_default().1 += n_rows;
        }
    }
    for (name, all) in context.telemetry.extents() {
        by_metric.entry(name).or_default().0 = all.n;
    }
    for (name, (n_left, of)) in by_metric {
        if of < LEAST || n_left * 10 >= of {
            continue;
        }
        let n_rows = of - n_left;
        out.push(Finding {
            check: CHECK.doc.name.to_owned(),
            severity: if n_left < LEAST { Severity::Warning } else { Severity::Info },
            table: "telemetry".to_owned(),
            column: Some(name.to_owned()),
            n_rows,
            sample: Vec::new(),
            message: format!(
                "`{}` has no reading in {}, {} {} left",
                short(name),
                share(n_rows, of),
                count(n_left, "reading"),
                pick(n_left, "is", "are")
            ),
            hint: "nothing where few models report it; else look at the column map and the collector"
                .to_owned(),
        });
    }
}
