//! Tickets as the service counts them, and work that was begun before a failure. It does not know months or tables.

use std::collections::BTreeSet;

use forewarn_frames::time::{DAY, Micros, day_number};
use forewarn_frames::{Code, History};

use super::assets::Assets;
use super::cells::Cells;
use crate::incidents::incidents_among;
use crate::measures::NO_MEASURES;

/// Work on an asset so many days after an incident on it, or fewer, belongs to that incident.
const AFTER_INCIDENT: Micros = 7 * DAY;

/// The types of tickets that are planned work.
const PLANNED: [&str; 5] = ["change", "change request", "change_request", "rfc", "problem"];

/// What a ticket is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    Incident,
    /// A change or a problem: work that nobody was forced to by a failure.
    Planned,
    /// A request, or something of the desk's own.
    Other,
}

/// A ticket as it looked before the cutoff; numbers are NaN where not known.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ticket<'a> {
    pub(super) asset: Option<usize>,
    pub(super) opened: Micros,
    pub(super) resolved: Option<Micros>,
    pub(super) what: What,
    pub(super) service: Option<&'a str>,
    pub(super) site: Option<&'a str>,
    pub(super) reopen_count: f64,
    pub(super) made_sla: f64,
    pub(super) csat: f64,
    pub(super) downtime_minutes: f64,
}

/// Every ticket before the history's cutoff.
pub(super) fn tickets<'a>(history: &History<'a>) -> Vec<Ticket<'a>> {
    let is_incident = incidents_among(history);
    let history = *history;
    let word = |c: Option<Code>| c.map(|c| history.word(c).trim()).filter(|w| !w.is_empty());
    history
        .every_ticket_with_asset()
        .map(|(asset, t)| {
            let planned = word(t.kind()).is_some_and(|k| PLANNED.contains(&k.to_lowercase().as_str()));
            let what = match (is_incident(&t), planned) {
                (true, _) => What::Incident,
                (false, true) => What::Planned,
                (false, false) => What::Other,
            };
            Ticket {
                asset,
                opened: t.opened_at(),
                resolved: t.resolved_at(),
                what,
                service: word(t.service()),
                site: word(t.site()),
                reopen_count: t.reopen_count(),
                made_sla: t.made_sla(),
                csat: t.csat(),
                downtime_minutes: t.downtime_minutes(),
            }
        })
        .collect()
}

/// Counts planned work: changes and problems among the tickets, and patches, visits, replacements and the like among the
/// events, unless the asset had an incident or failure within the week before. What is done to many assets on one day under one
/// code counts once in each series: a roll-out is one piece of work, to however many assets. Says whether there is any.
pub(super) fn count<'a>(
    cells: &mut Cells<'_>,
    history: &History<'a>,
    tickets: &[Ticket<'a>],
    assets: &Assets<'a>,
) -> bool {
    let mut any = false;
    for t in tickets.iter().filter(|t| t.what == What::Planned) {
        any = true;
        cells.at(t.opened, assets.place(t), |cell| cell.planned += 1.0);
    }
    let mut trouble: Vec<Vec<Micros>> = vec![Vec::new(); history.n_assets()];
    for t in tickets.iter().filter(|t| t.what == What::Incident) {
        if let Some(a) = t.asset {
            trouble[a].push(t.opened);
        }
    }
    let mut rolled_out: BTreeSet<(usize, i32, String)> = BTreeSet::new();
    for (a, trouble) in trouble.iter_mut().enumerate() {
        trouble.extend(history.failures(a).map(|f| f.at));
        trouble.sort_unstable();
        for e in history.events(a) {
            let kind = e.kind.map_or("change", |k| history.word(k).trim());
            if NO_MEASURES.contains(&kind.to_lowercase().as_str()) {
                continue;
            }
            any = true;
            let last = trouble[..trouble.partition_point(|t| *t <= e.at)].last();
            if last.is_some_and(|t| e.at - t <= AFTER_INCIDENT) {
                continue;
            }
            let Some(month) = cells.months.index(e.at) else { continue };
            let name = e.code.map(|code| {
                let component = e.component.map_or("", |c| history.word(c));
                format!("{kind}\u{1f}{component}\u{1f}{}", history.word(code))
            });
            let series: Vec<usize> = cells.places.series((assets.service[a], assets.site[a])).collect();
            for k in series {
                let first = name.as_ref().is_none_or(|n| rolled_out.insert((k, day_number(e.at), n.clone())));
                if first {
                    cells.by_series[k][month].planned += 1.0;
                }
            }
        }
    }
    any
}
