//! Who was watched when, and which incidents came: what recurrence and measures are counted from. It does not know what
//! follows from the counts.

use forewarn_frames::time::{DAY, Micros};
use forewarn_frames::{Frames, History, TicketView};

/// The category of all incidents of an asset together.
pub(crate) const ALL: &str = "(all)";
/// The value of incidents that have none.
pub(crate) const NONE: &str = "(none)";

/// The type of tickets that are incidents.
const INCIDENT: &str = "incident";

/// Says of the tickets known in a history which are incidents: those of that type and those without a type; where no
/// ticket at all is one, all are, since the types are then somebody's own.
pub(crate) fn incidents_among<'a>(history: &History<'a>) -> impl Fn(&TicketView<'a>) -> bool {
    let history = *history;
    let by_type = move |t: &TicketView<'a>| {
        t.kind().is_none_or(|k| history.word(k).trim().eq_ignore_ascii_case(INCIDENT))
    };
    let own_types = !history.every_ticket().any(|t| by_type(&t));
    move |t| own_types || by_type(t)
}

/// One incident.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Incident<'a> {
    /// When, days since 1970.
    pub at: f64,
    /// Its category, or [`NONE`].
    pub category: &'a str,
}

/// One asset.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Watched<'a> {
    /// From when its incidents could be recorded, days since 1970; never before recording began.
    pub since: f64,
    /// Until when it was in service; infinite where it still is.
    pub until: f64,
    /// All its incidents, oldest first, those before `since` included.
    pub incidents: Vec<Incident<'a>>,
}

/// Every asset as it was known at a cutoff, by its number.
#[derive(Debug)]
pub(crate) struct Incidents<'a> {
    /// The cutoff, days since 1970.
    pub at: f64,
    pub assets: Vec<Watched<'a>>,
}

/// Days since 1970.
pub(crate) fn days(at: Micros) -> f64 {
    at as f64 / DAY as f64
}

/// Says from when until when each asset was watched; nothing was recorded in full before the first incident of all, or before
/// tickets were, where they are what is counted.
fn watch<'a>(assets: &mut [Watched<'a>], frames: &'a Frames, history: &History<'a>, from_tickets: bool) {
    let at = days(history.cutoff().micros());
    let first = assets.iter().filter_map(|w| w.incidents.first()).map(|i| i.at).fold(at, f64::min);
    let full = frames.tickets_full_since(history.cutoff()).map(|c| days(c.micros()));
    let began = full.filter(|_| from_tickets).unwrap_or(first);
    for (a, watched) in assets.iter_mut().enumerate() {
        let asset = history.asset(a);
        let known = asset.in_service_at.or(asset.first_record_at).map(days);
        let since = if asset.ran_before { Some(began) } else { known.map(|t| t.max(began)) };
        watched.since = since.unwrap_or(f64::INFINITY);
        watched.until = history.retired_at(a).map_or(f64::INFINITY, days);
    }
}

impl<'a> Incidents<'a> {
    /// Incidents are tickets as [`incidents_among`] has them; without tickets, failures that are repaired. An asset is watched from the day it came into service, or from its first record where nobody
    /// says when that was; that record itself is no evidence of how often it has incidents.
    pub(crate) fn of(frames: &'a Frames, history: &History<'a>) -> Self {
        let at = days(history.cutoff().micros());
        let from_tickets = frames.tickets().is_some();
        let is_incident = incidents_among(history);
        let mut assets: Vec<Watched<'a>> = (0..history.n_assets())
            .map(|a| {
                let incidents = if from_tickets {
                    history
                        .tickets(a)
                        .filter(|t| is_incident(t))
                        .map(|t| Incident {
                            at: days(t.opened_at()),
                            category: t.category().map_or(NONE, |c| history.word(c)),
                        })
                        .collect()
                } else if history.failures_are_terminal() {
                    Vec::new()
                } else {
                    let failed = history.failures(a);
                    failed
                        .map(|f| Incident {
                            at: days(f.at),
                            category: f.mode.map_or(NONE, |m| history.word(m)),
                        })
                        .collect()
                };
                Watched { since: f64::INFINITY, until: f64::INFINITY, incidents }
            })
            .collect();
        watch(&mut assets, frames, history, from_tickets);
        Self { at, assets }
    }

    /// Failures in the place of incidents. Where they are terminal, an asset is watched until it failed.
    pub(crate) fn of_failures(frames: &'a Frames, history: &History<'a>) -> Self {
        let mut assets: Vec<Watched<'a>> = (0..history.n_assets())
            .map(|a| {
                let incidents = history
                    .failures(a)
                    .map(|f| Incident { at: days(f.at), category: f.mode.map_or(NONE, |m| history.word(m)) });
                Watched { since: f64::INFINITY, until: f64::INFINITY, incidents: incidents.collect() }
            })
            .collect();
        let tickets = frames.failures().df().column("ticket_id").map(|c| c.null_count() < c.len());
        watch(&mut assets, frames, history, tickets.unwrap_or(false));
        if history.failures_are_terminal() {
            for w in &mut assets {
                // The failure itself is seen; a second is shorter than anything that follows it.
                let failed = w.incidents.first().map_or(f64::INFINITY, |i| i.at + 1.0 / 86_400.0);
                w.until = w.until.min(failed);
            }
        }
        Self { at: days(history.cutoff().micros()), assets }
    }

    /// Whether there is any incident.
    pub(crate) fn is_empty(&self) -> bool {
        self.assets.iter().all(|w| w.incidents.is_empty())
    }
}

impl Watched<'_> {
    /// Days it was watched before `at`.
    pub(crate) fn exposure(&self, at: f64) -> f64 {
        (self.until.min(at) - self.since).max(0.0)
    }

    /// Incidents in `[from, to)`, of one category or [`ALL`].
    pub(crate) fn count(&self, category: &str, from: f64, to: f64) -> usize {
        let after = &self.incidents[self.incidents.partition_point(|i| i.at < from)..];
        after.iter().take_while(|i| i.at < to).filter(|i| category == ALL || i.category == category).count()
    }
}
