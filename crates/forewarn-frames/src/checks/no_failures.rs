//! No failure at all.

use super::few_failures::before;
use super::shared::count;
use super::{Check, CheckContext, CheckDoc};
use crate::finding::{Finding, Severity};

pub(super) const CHECK: Check = Check {
    doc: CheckDoc {
        name: "no_failures",
        what: "Whether any failure lies before as_of.",
        why: "Without one there is nothing to learn: every asset gets the same prior.",
        example: "0 of 3400 tickets count as a failure before 2015-12-31.",
        what_to_do: "Look at failure.where against the words that your tickets use, or give a file of failures.",
    },
    run,
};

fn run(context: &CheckContext<'_>, out: &mut Vec<Finding>) {
    let (Some((0, _)), Some(failures)) = (before(context), context.failures) else { return };
    let n_tickets = context.tickets.map_or(0, |t| t.df().height() as u64);
    let of =
        if n_tickets > 0 { format!("; there are {}", count(n_tickets, "ticket")) } else { String::new() };
    out.push(Finding {
        check: CHECK.doc.name.to_owned(),
        severity: Severity::Warning,
        table: "failures".to_owned(),
        column: None,
        n_rows: failures.df().height() as u64,
        sample: Vec::new(),
        message: format!("0 failures lie before {}{of}", context.as_of),
        hint: "look at `failure.where` against the words that the tickets use".to_owned(),
    });
}
