//! Readings that cannot be.

use super::shared::{count, first_readings, pick, share, short};
use super::{Check, CheckContext, CheckDoc};
use crate::finding::{Finding, Severity};

pub(super) const CHECK: Check = Check {
    doc: CheckDoc {
        name: "out_of_range",
        what: "Readings below the least or above the greatest plausible value that the config gives for a metric in checks.ranges; and ranges for metrics that no source holds.",
        why: "A temperature of 255 is an error of the sensor or a sentinel, not a hot disk; trends and thresholds follow it all the same.",
        example: "9 of 3400 rows (0.3 %) lie outside 0 to 100 in `disk_used_percent`: srv-1 at 2025-01-31 13:45: 6553.5.",
        what_to_do: "Map the sentinel to an empty cell, or widen the range.",
    },
    run,
};

fn run(context: &CheckContext<'_>, out: &mut Vec<Finding>) {
    let n_sources = context.telemetry.rows().len();
    if n_sources == 0 {
        return;
    }
    let extents = context.telemetry.extents();
    for (name, (least, greatest)) in &context.ranges {
        let odd = context.telemetry.outside(name);
        let (held, odd) = (odd.is_some(), odd.unwrap_or_default());
        let (n_rows, sample) = (odd.n, first_readings(&odd));
        let of = extents.get(name.as_str()).map_or(0, |all| all.n);
        let metric = short(name);
        let range = match (least, greatest) {
            (Some(lo), Some(hi)) => format!("outside {lo} to {hi}"),
            (Some(lo), None) => format!("below {lo}"),
            (None, Some(hi)) => format!("above {hi}"),
            (None, None) => continue,
        };
        let (severity, message, hint) = if n_rows > 0 {
            let message =
                format!("{} {} {range} in `{metric}`", share(n_rows, of), pick(n_rows, "lies", "lie"));
            (
                Severity::Warning,
                message,
                "map a sentinel to an empty cell, or widen the range in `checks.ranges`",
            )
        } else if held {
            continue;
        } else {
            let message = format!(
                "0 of {} hold the metric `{metric}`, for which there is a range",
                count(n_sources as u64, "source")
            );
            (Severity::Info, message, "look at the spelling of the metric in `checks.ranges`")
        };
        out.push(Finding {
            check: CHECK.doc.name.to_owned(),
            severity,
            table: "telemetry".to_owned(),
            column: Some(name.clone()),
            n_rows,
            sample,
            message,
            hint: hint.to_owned(),
        });
    }
}
