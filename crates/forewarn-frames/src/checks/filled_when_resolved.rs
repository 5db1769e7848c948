//! Ticket columns that are filled when a ticket is resolved, and are taken as the opening ones.

use super::shared::micros;
use super::{Check, CheckContext, CheckDoc};
use crate::TicketColumn;
use crate::finding::{Finding, Severity};
use crate::input::Tickets;
use crate::time::Micros;

pub(super) const CHECK: Check = Check {
    doc: CheckDoc {
        name: "filled_when_resolved",
        what: "Ticket columns that are filled in most resolved tickets but in less than half as large a share of the tickets that are still open, compared with resolved ones that were opened in the same time.",
        why: "Such a cell is written by whoever closes the ticket. Taken as known at the opening, it would tell the backtest how the story ended.",
        example: "`subcategory` is filled in 97 % of 4210 resolved tickets and in 3 % of 118 open ones.",
        what_to_do: "Nothing: such a column is used only once a ticket is resolved, as though known_late named it.",
    },
    run,
};

/// Open and resolved tickets below which nothing is compared.
const MIN_TICKETS: usize = 20;
/// The least share of resolved tickets that fill a column worth a word.
const MIN_FILLED: f64 = 0.5;
/// How many standard errors apart the shares are.
const APART: f64 = 4.0;

/// A column that is filled when a ticket is resolved.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FilledWhenResolved {
    /// Which column.
    pub column: TicketColumn,
    /// Tickets still open, and the share of them that have the cell.
    pub open: (usize, f64),
    /// Resolved tickets opened in the same time, and the share of them.
    pub resolved: (usize, f64),
}

/// The columns that are filled when a ticket is resolved: known late, whatever a preset says. From 20 open and 20
/// resolved tickets on; tickets without a time of resolution are open.
#[must_use]
pub fn filled_when_resolved(tickets: &Tickets) -> Vec<FilledWhenResolved> {
    let df = tickets.df();
    let (Some(opened), Some(resolved)) = (micros(df, "opened_at"), micros(df, "resolved_at")) else {
        return Vec::new();
    };
    let opened: Vec<Micros> = opened.iter().map(|t| t.unwrap_or(Micros::MIN)).collect();
    let is_open: Vec<bool> = resolved.iter().map(|t| t.is_none()).collect();
    let mut since: Vec<Micros> = (0..opened.len()).filter(|&i| is_open[i]).map(|i| opened[i]).collect();
    since.sort_unstable();
    // A few forgotten tickets of long ago must not decide what is compared.
    let Some(&since) = since.get(since.len() / 4) else { return Vec::new() };
    let of_that_time = |open: bool| -> Vec<usize> {
        (0..opened.len()).filter(|&i| is_open[i] == open && opened[i] >= since).collect()
    };
    let (open, closed) = (of_that_time(true), of_that_time(false));
    if open.len() < MIN_TICKETS || closed.len() < MIN_TICKETS {
        return Vec::new();
    }
    let judge = |(column, name): (TicketColumn, &str)| {
        let filled = df.column(name).ok()?.is_not_null();
        let share = |rows: &[usize]| {
            rows.iter().filter(|&&i| filled.get(i) == Some(true)).count() as f64 / rows.len() as f64
        };
        let (before, after) = (share(&open), share(&closed));
        let error = (after * (1.0 - after) / open.len() as f64).sqrt();
        let late = after >= MIN_FILLED && before <= after / 2.0 && after - before > APART * error;
        late.then_some(FilledWhenResolved {
            column,
            open: (open.len(), before),
            resolved: (closed.len(), after),
        })
    };
    TicketColumn::ALL.into_iter().filter_map(judge).collect()
}

fn run(context: &CheckContext<'_>, out: &mut Vec<Finding>) {
    let Some(tickets) = context.tickets else { return };
    for f in filled_when_resolved(tickets) {
        if context.known_late.contains(&f.column) {
            continue;
        }
        let percent = |share: f64| (share * 100.0).round();
        let name = f.column.name();
        out.push(Finding {
            check: CHECK.doc.name.to_owned(),
            severity: Severity::Warning,
            table: "tickets".to_owned(),
            column: Some(name.to_owned()),
            n_rows: f.resolved.0 as u64,
            sample: Vec::new(),
            message: format!(
                "`{name}` is filled in {:.0} % of {} resolved tickets and in {:.0} % of {} opened in the same time that are still open: it is written when a ticket is resolved, and used only from then on",
                percent(f.resolved.1),
                f.resolved.0,
                percent(f.open.1),
                f.open.0,
            ),
            hint: format!("say so in the config: `known_late = [\"{name}\"]`"),
        });
    }
}
