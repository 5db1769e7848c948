//! What was done on assets, as their readers report it and as events tell it: which assets are held back from a ranking,
//! and what was done on a listed one. It does not know how risk is fitted.
//!
//! A visit that is in the events has already taught the model what visits are worth; what a reader reports has not. So
//! only the latter is left out of what is learned from (see [`forewarn_frames::Frames::outcomes`]); here both count.

use std::collections::BTreeMap;

use forewarn_frames::time::{DAY, Micros, day_number, format_day};
use forewarn_frames::{ActionKind, History, Horizon};

use crate::incidents::incidents_among;

/// Something done on an asset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Act {
    pub at: Micros,
    /// `visited 2025-12-28`
    pub words: String,
    /// Whether the asset as a whole was looked at or replaced: a part that was replaced says little of the others.
    whole: bool,
}

/// Whether what was done came before something else. A date without a time means the whole day: what came on the same
/// day was, as a rule, why it was done.
pub(crate) fn came_before(done: Micros, other: Micros) -> bool {
    done < other && !(done.rem_euclid(DAY) == 0 && day_number(done) == day_number(other))
}

fn on(word: &str, at: Micros) -> String {
    format!("{word} {}", format_day(day_number(at)))
}

/// Visits and replacements of an asset at or after `from` that a history knows, oldest first.
pub(crate) fn acts(history: &History<'_>, asset: usize, from: Micros) -> Vec<Act> {
    let mut found: Vec<Act> = history
        .actions(asset)
        .filter(|a| a.at >= from)
        .filter_map(|a| {
            let word = match a.kind {
                ActionKind::Visited => "visited",
                ActionKind::Replaced => "replaced",
                ActionKind::Dismissed | ActionKind::Snoozed => return None,
            };
            let ticket = a.ticket.map(|t| format!(" ({})", history.word(t))).unwrap_or_default();
            Some(Act { at: a.at, words: on(word, a.at) + &ticket, whole: true })
        })
        .collect();
    let events = history.events(asset).rev().take_while(|e| e.at >= from);
    found.extend(events.filter_map(|e| {
        let part = e.component.map(|c| history.word(c).trim()).filter(|c| !c.is_empty());
        match history.word(e.kind?).trim().to_lowercase().as_str() {
            "visit" => Some(Act { at: e.at, words: on("visited", e.at), whole: true }),
            "replacement" => Some(match part {
                Some(part) => Act { at: e.at, words: on(&format!("{part} replaced"), e.at), whole: false },
                None => Act { at: e.at, words: on("replaced", e.at), whole: true },
            }),
            _ => None,
        }
    }));
    found.sort_by(|a, b| a.at.cmp(&b.at).then_with(|| a.words.cmp(&b.words)));
    found
}

/// The assets that are held back from a ranking at a history's cutoff, and why in words. A visit, a replacement of the
/// whole asset and a dismissal hold for `rank_by`, unless a failure or an incident came after; a snooze holds until its
/// day, unless a failure came after.
pub(crate) fn held(history: &History<'_>, rank_by: Horizon) -> BTreeMap<usize, String> {
    let is_incident = incidents_among(history);
    let today = history.cutoff();
    // What was done on the first of these days holds until tonight.
    let from = today.plus_days(-rank_by.get()).plus_days(1).micros();
    let still = |at: Micros| at >= from;
    let mut out = BTreeMap::new();
    for asset in 0..history.n_assets() {
        // When it was done, the words, and whether an incident lifts it.
        let mut holds: Vec<(Micros, String, bool)> = acts(history, asset, from)
            .into_iter()
            .filter(|act| act.whole)
            .map(|act| (act.at, act.words, true))
            .collect();
        for a in history.actions(asset) {
            match (a.kind, a.until) {
                (ActionKind::Snoozed, Some(until)) if until > today.micros() => {
                    let day = format_day(day_number(until));
                    holds.push((a.at, format!("snoozed until {day}"), false));
                }
                (ActionKind::Snoozed, None) if still(a.at) => {
                    holds.push((a.at, format!("{}: no failure since", on("snoozed", a.at)), false));
                }
                (ActionKind::Dismissed, _) if still(a.at) => {
                    holds.push((a.at, format!("{}: no new incident since", on("dismissed", a.at)), true));
                }
                _ => {}
            }
        }
        if holds.is_empty() {
            continue;
        }
        let failed = history.failures(asset).last().map(|f| f.at);
        let incident = history.tickets(asset).filter(|t| is_incident(t)).map(|t| t.opened_at()).max();
        holds.retain(|(at, _, by_incident)| {
            let lifted = |by: Option<Micros>| by.is_some_and(|t| came_before(*at, t));
            !(lifted(failed) || *by_incident && lifted(incident))
        });
        // The latest word counts.
        if let Some((_, words, _)) =
            holds.into_iter().max_by(|a, b| a.0.cmp(&b.0).then_with(|| a.1.cmp(&b.1)))
        {
            out.insert(asset, words);
        }
    }
    out
}

/// An order of rows with those of held assets behind all others; among themselves each keep their order.
pub(crate) fn held_last(order: Vec<usize>, assets: &[usize], held: &BTreeMap<usize, String>) -> Vec<usize> {
    let (back, mut front): (Vec<usize>, Vec<usize>) =
        order.into_iter().partition(|&row| held.contains_key(&assets[row]));
    front.extend(back);
    front
}

#[cfg(test)]
#[path = "feedback_tests.rs"]
mod tests;
