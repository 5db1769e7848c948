//! Tickets that were resolved before they were opened.

use super::shared::{N_SAMPLES, cell, micros, pick, share, short};
use super::{Check, CheckContext, CheckDoc};
use crate::finding::{Finding, Severity};
use crate::time::format_minute;

pub(super) const CHECK: Check = Check {
    doc: CheckDoc {
        name: "resolved_before_opened",
        what: "Tickets whose resolved_at lies before opened_at.",
        why: "Two time zones are mixed, or a column is mapped wrongly; times to repair come out negative, and such a ticket counts as known too early.",
        example: "8 of 3400 rows (0.2 %) were resolved before they were opened: INC1 opened 2025-01-31 13:45, resolved 2025-01-31 12:50.",
        what_to_do: "Look whether the two columns are in the same time zone and mapped the right way round.",
    },
    run,
};

fn run(context: &CheckContext<'_>, out: &mut Vec<Finding>) {
    let Some(tickets) = context.tickets else { return };
    let df = tickets.df();
    let (Some(opened), Some(resolved)) = (micros(df, "opened_at"), micros(df, "resolved_at")) else { return };
    let (mut n_rows, mut sample) = (0, Vec::new());
    for (row, (opened, resolved)) in opened.iter().zip(resolved.iter()).enumerate() {
        if let (Some(opened), Some(resolved)) = (opened, resolved)
            && resolved < opened
        {
            n_rows += 1;
            if sample.len() < N_SAMPLES {
                let id = short(cell(df, "ticket_id", row));
                sample.push(format!(
                    "{id} opened {}, resolved {}",
                    format_minute(opened),
                    format_minute(resolved)
                ));
            }
        }
    }
    if n_rows > 0 {
        out.push(Finding {
            check: CHECK.doc.name.to_owned(),
            severity: Severity::Warning,
            table: "tickets".to_owned(),
            column: Some("resolved_at".to_owned()),
            n_rows,
            sample,
            message: format!(
                "{} {} resolved before {} opened",
                share(n_rows, df.height() as u64),
                pick(n_rows, "was", "were"),
                pick(n_rows, "it was", "they were")
            ),
            hint: "look whether both columns are in one time zone and mapped the right way round".to_owned(),
        });
    }
}
