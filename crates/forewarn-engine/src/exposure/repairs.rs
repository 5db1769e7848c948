//! Assets that were repaired again and again for the same thing. It does not know why.

use std::collections::BTreeMap;

use forewarn_frames::Code;
use forewarn_frames::time::{DAY, Micros};

use super::cohort::{Fleet, MIN_COHORT};
use super::{Found, counted};

/// Days looked back on, and repairs of one sort in them that are too many.
const WINDOW: Micros = 180 * DAY;
const MANY: usize = 3;
/// Words in the kind of an event that is a repair.
const REPAIRS: [&str; 3] = ["replace", "repair", "swap"];

/// How often, of what, and when first.
type Worst<'a> = (usize, &'a str, Micros);

/// The most frequent sort among failures by mode and parts replaced; a part replaced after a failure is the same repair,
/// so that the two are not added.
fn worst<'a>(fleet: &Fleet<'a>, asset: usize) -> Option<Worst<'a>> {
    let history = fleet.history;
    let from = fleet.end - WINDOW;
    let word = |c: Option<Code>| c.map(|c| history.word(c).trim()).filter(|w| !w.is_empty());
    let mut sorts: BTreeMap<(bool, &str), (usize, Micros)> = BTreeMap::new();
    let mut add = |key: (bool, &'a str), at: Micros| {
        let entry = sorts.entry(key).or_insert((0, at));
        *entry = (entry.0 + 1, entry.1.min(at));
    };
    for f in history.failures(asset).filter(|f| f.at >= from) {
        add((false, word(f.mode).unwrap_or("of no known mode")), f.at);
    }
    for e in history.events(asset).filter(|e| e.at >= from) {
        let kind = word(e.kind).unwrap_or_default();
        if REPAIRS.iter().any(|r| kind.to_lowercase().contains(r)) {
            add((true, word(e.component).unwrap_or(kind)), e.at);
        }
    }
    sorts
        .into_iter()
        .map(|((_, sort), (n, at))| (n, sort, at))
        .max_by(|a, b| a.0.cmp(&b.0).then(b.1.cmp(a.1)))
}

/// Assets with three repairs or more of one sort in the last 180 days.
pub(super) fn repeated(fleet: &Fleet<'_>) -> Vec<Found> {
    if fleet.history.failures_are_terminal() {
        return Vec::new();
    }
    let all: Vec<(usize, Option<Worst<'_>>)> = fleet.assets.iter().map(|&a| (a, worst(fleet, a))).collect();
    let mut kinds: BTreeMap<Option<&str>, (f64, usize)> = BTreeMap::new();
    for (a, worst) in &all {
        let sum = kinds.entry(fleet.kind[*a]).or_default();
        *sum = (sum.0 + worst.map_or(0.0, |w| w.0 as f64), sum.1 + 1);
    }
    let repeated = all.into_iter().filter_map(|(a, w)| Some((a, w.filter(|w| w.0 >= MANY)?)));
    repeated
        .map(|(asset, (n, sort, at))| {
            let (sum, of) = kinds[&fleet.kind[asset]];
            let n = n as f64;
            Found {
                asset,
                exposure: "repeat_repairs",
                since: Some(at),
                value: n,
                unit: "repairs",
                usual: (of >= MIN_COHORT).then(|| (sum / of as f64 * 100.0).round() / 100.0),
                score: n / (n + MANY as f64),
                text: format!("{} in 180 days: {sort}", counted(n, "repair", "repairs")),
            }
        })
        .collect()
}
