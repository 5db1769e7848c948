//! Ticket columns that show today's values and are taken as the opening ones.

use super::shared::count;
use super::{Check, CheckContext, CheckDoc};
use crate::finding::{Finding, Severity};

pub(super) const CHECK: Check = Check {
    doc: CheckDoc {
        name: "assumed_as_opened",
        what: "Ticket columns that an export shows with today's values and that are nevertheless used as though they had been so when the ticket was opened.",
        why: "A category that was corrected after the repair says more than was known at the time. Where that is common, backtests look better than the nights will be.",
        example: "`category` is taken as it was when the ticket was opened, in 3400 rows, although the export shows it as of today.",
        what_to_do: "Where such cells are often corrected later, name them in known_late: they are then used only once the ticket is resolved.",
    },
    run,
};

fn run(context: &CheckContext<'_>, out: &mut Vec<Finding>) {
    let Some(tickets) = context.tickets else { return };
    for name in &context.assumed_as_opened {
        let Ok(column) = tickets.df().column(name) else { continue };
        let n_rows = (column.len() - column.null_count()) as u64;
        if n_rows == 0 {
            continue;
        }
        out.push(Finding {
            check: CHECK.doc.name.to_owned(),
            severity: Severity::Info,
            table: "tickets".to_owned(),
            column: Some((*name).to_owned()),
            n_rows,
            sample: Vec::new(),
            message: format!(
                "`{name}` is taken as it was when the ticket was opened, in {}, although an export shows it as of today",
                count(n_rows, "row")
            ),
            hint: format!("where it is often corrected later: `known_late = [\"{name}\"]`"),
        });
    }
}
