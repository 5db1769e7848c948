//! The features of one asset's tickets, events and failures before the cutoff. It does not know other assets.

use forewarn_frames::time::{DAY, HOUR, Micros};
use forewarn_frames::{EventView, History};

use crate::catalog::{ANEW_DAYS, COHORT_WINDOWS, Catalog, EVENT_WINDOWS, HALF_LIVES, TICKET_WINDOWS};

fn days(from: Micros, to: Micros) -> f64 {
    (to - from) as f64 / DAY as f64
}

/// How many of the times, sorted, lie in the `window` days before the cutoff.
fn count(times: &[Micros], at: Micros, window: i32) -> f64 {
    (times.len() - times.partition_point(|t| *t < at - Micros::from(window) * DAY)) as f64
}

/// The times, each weighing half of its weight `half_life` days ago.
fn decayed(times: &[Micros], at: Micros, half_life: i32) -> f64 {
    times.iter().map(|t| (-days(*t, at) / f64::from(half_life)).exp2()).sum()
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (n, sum) = values.filter(|v| v.is_finite()).fold((0.0, 0.0), |(n, s), v| (n + 1.0, s + v));
    if n > 0.0 { sum / n } else { f64::NAN }
}

/// Appends the failure features: `rates` appends those that compare with the cohort.
pub(crate) fn push_failures(
    out: &mut Vec<f64>,
    history: &History<'_>,
    times: &[Micros],
    rates: impl FnOnce(&mut Vec<f64>),
    repaired: Option<Micros>,
) {
    let at = history.cutoff().micros();
    for w in COHORT_WINDOWS {
        out.push(count(times, at, w));
    }
    out.push(times.len() as f64);
    out.push(times.last().map_or(f64::NAN, |t| days(*t, at)));
    for h in HALF_LIVES {
        out.push(decayed(times, at, h));
    }
    rates(out);
    out.push(repaired.map_or(f64::NAN, |t| days(t, at)));
}

/// Appends the ticket features in the catalog's order.
pub(crate) fn push_tickets(
    out: &mut Vec<f64>,
    catalog: &Catalog,
    history: &History<'_>,
    asset: usize,
    repaired: Option<Micros>,
) {
    // What came up to a repair tells of what was repaired.
    let anew = |times: &[Micros]| times.partition_point(|t| repaired.is_some_and(|r| *t <= r));
    let at = history.cutoff().micros();
    let tickets: Vec<_> = history.tickets(asset).collect();
    let times: Vec<Micros> = tickets.iter().map(forewarn_frames::TicketView::opened_at).collect();
    for w in TICKET_WINDOWS {
        out.push(count(&times, at, w));
    }
    out.push(times.len() as f64);
    let since = times.last().map_or(f64::NAN, |t| days(*t, at));
    out.push(since);
    out.push(times.first().map_or(f64::NAN, |t| days(*t, at)));
    let gap = match (times.first(), times.last()) {
        (Some(first), Some(last)) if times.len() > 1 => days(*first, *last) / (times.len() - 1) as f64,
        _ => f64::NAN,
    };
    out.push(gap);
    // A gap of less than an hour would make any quiet look endless.
    out.push(since / gap.max(1.0 / 24.0));
    for h in HALF_LIVES {
        out.push(decayed(&times, at, h));
    }
    for h in ANEW_DAYS {
        out.push(decayed(&times[anew(&times)..], at, h));
    }
    out.push(tickets.iter().filter(|t| t.resolved_at().is_none()).count() as f64);
    let year = at - 365 * DAY;
    let resolved: Vec<_> = tickets.iter().filter(|t| t.resolved_at().is_some_and(|r| r >= year)).collect();
    out.push(mean(
        resolved
            .iter()
            .map(|t| t.resolved_at().map_or(f64::NAN, |r| (r - t.opened_at()) as f64 / HOUR as f64)),
    ));
    out.push(resolved.iter().map(|t| t.reopen_count()).filter(|v| v.is_finite()).sum());
    out.push(mean(resolved.iter().map(|t| t.reassignment_count())));
    out.push(resolved.iter().filter(|t| t.priority() <= 2.0).count() as f64);
    out.push(resolved.iter().map(|t| t.downtime_minutes()).filter(|v| v.is_finite()).sum());
    for word in &catalog.ticket_categories {
        let of: Vec<Micros> = tickets
            .iter()
            .filter(|t| t.category().is_some_and(|c| history.word(c) == word))
            .map(forewarn_frames::TicketView::opened_at)
            .collect();
        for w in [30, 90, 365] {
            out.push(count(&of, at, w));
        }
        for h in ANEW_DAYS {
            out.push(decayed(&of[anew(&of)..], at, h));
        }
    }
    for word in &catalog.ticket_subcategories {
        out.push(
            resolved.iter().filter(|t| t.subcategory().is_some_and(|c| history.word(c) == word)).count()
                as f64,
        );
    }
}

/// Kinds of events after which an asset starts anew.
const REPAIRS: [&str; 4] = ["visit", "replacement", "repair", "maintenance"];

/// Whether an asset starts anew after the event.
pub(crate) fn is_repair(history: &History<'_>, event: &EventView) -> bool {
    event.kind.is_some_and(|k| REPAIRS.contains(&history.word(k)))
}

/// The last failure (each is followed by a repair) or repairing event before the cutoff.
pub(crate) fn last_repair(history: &History<'_>, asset: usize) -> Option<Micros> {
    let event = history.events(asset).rev().find(|e| is_repair(history, e));
    let failure = history.failures(asset).next_back();
    event.map(|e| e.at).max(failure.map(|f| f.at))
}

/// Appends the event features in the catalog's order.
pub(crate) fn push_events(out: &mut Vec<f64>, catalog: &Catalog, history: &History<'_>, asset: usize) {
    let at = history.cutoff().micros();
    for kind in &catalog.event_kinds {
        let times: Vec<Micros> = history
            .events(asset)
            .filter(|e| e.kind.is_some_and(|k| history.word(k) == kind))
            .map(|e| e.at)
            .collect();
        for w in EVENT_WINDOWS {
            out.push(count(&times, at, w));
        }
        out.push(times.last().map_or(f64::NAN, |t| days(*t, at)));
    }
}
