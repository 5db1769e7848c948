//! Readings that are not a number.

use super::shared::{N_SAMPLES, by_share, metrics, n_finite, pick, reading, share, short, tables};
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
    for table in tables(context).into_iter().filter(|t| t.name == "telemetry") {
        for (name, values) in metrics(table.df) {
            if n_finite(values) == (values.len() - values.null_count()) as u64 {
                continue;
            }
            let (mut n_rows, mut sample) = (0, Vec::new());
            for (row, value) in values.iter().enumerate() {
                let Some(value) = value.filter(|v| !v.is_finite()) else { continue };
                n_rows += 1;
                if sample.len() < N_SAMPLES {
                    sample.push(format!("{}: {value}", reading(&table, row)));
                }
            }
            let of = table.df.height() as u64;
            out.push(Finding {
                check: CHECK.doc.name.to_owned(),
                severity: by_share(n_rows, of),
                table: table.name.to_owned(),
                column: Some(name.to_owned()),
                n_rows,
                sample,
                message: format!(
                    "{} {} NaN or an infinity in `{}`{}; {}",
                    share(n_rows, of),
                    pick(n_rows, "holds", "hold"),
                    short(name),
                    table.source,
                    pick(n_rows, "it counts as missing", "they count as missing")
                ),
                hint: "look at how the collector computes the metric".to_owned(),
            });
        }
    }
}
