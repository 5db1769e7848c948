//! Which measures were taken on which asset and when, and who is like whom. It does not know what they did.

use std::collections::{BTreeMap, BTreeSet};

use forewarn_frames::{Code, Cutoff, History};

use crate::incidents::days;
use crate::sample::draw;

/// Kinds of events that happen to an asset rather than are done to it.
pub(crate) const NO_MEASURES: [&str; 7] =
    ["error", "alert", "alarm", "warning", "log", "failure", "incident"];

/// One measure: everything that was done under one name.
#[derive(Debug)]
pub(super) struct Measure<'a> {
    /// Kind, component and code.
    pub name: String,
    /// What kind of measure it is.
    pub kind: &'a str,
    /// By asset: when, days since 1970, sorted.
    by_asset: BTreeMap<usize, Vec<f64>>,
}

/// The measures that events and change tickets name, by name.
pub(super) fn measures<'a>(history: &History<'a>) -> Vec<Measure<'a>> {
    let mut all: BTreeMap<String, (&'a str, BTreeMap<usize, Vec<f64>>)> = BTreeMap::new();
    let mut add = |kind: &'a str, rest: [Option<&'a str>; 2], asset: usize, at: f64| {
        let rest = rest.into_iter().flatten().map(str::trim).filter(|w| !w.is_empty() && *w != kind);
        let words: Vec<&str> = std::iter::once(kind).chain(rest).collect();
        let (_, by_asset) = all.entry(words.join(" ")).or_insert_with(|| (kind, BTreeMap::new()));
        by_asset.entry(asset).or_default().push(at);
    };
    for asset in 0..history.n_assets() {
        for e in history.events(asset) {
            let word = |c: Option<Code>| c.map(|c| history.word(c).trim());
            let kind = word(e.kind).filter(|k| !k.is_empty()).unwrap_or("change");
            if !NO_MEASURES.contains(&kind.to_lowercase().as_str()) {
                add(kind, [word(e.component), word(e.code)], asset, days(e.at));
            }
        }
        for t in history.tickets(asset) {
            let is_change = t.kind().is_some_and(|k| {
                matches!(
                    history.word(k).trim().to_lowercase().as_str(),
                    "change" | "change request" | "change_request" | "rfc"
                )
            });
            if is_change {
                add("change", [t.category().map(|c| history.word(c)), None], asset, days(t.opened_at()));
            }
        }
    }
    let sorted = |mut by_asset: BTreeMap<usize, Vec<f64>>| {
        for times in by_asset.values_mut() {
            times.sort_by(f64::total_cmp);
        }
        by_asset
    };
    all.into_iter().map(|(name, (kind, by))| Measure { name, kind, by_asset: sorted(by) }).collect()
}

impl Measure<'_> {
    fn times(&self, asset: usize) -> &[f64] {
        self.by_asset.get(&asset).map_or(&[], Vec::as_slice)
    }

    /// When an asset is touched next after `at`; infinite where it is not.
    pub(super) fn next(&self, asset: usize, at: f64) -> f64 {
        let times = self.times(asset);
        times.get(times.partition_point(|t| *t <= at)).copied().unwrap_or(f64::INFINITY)
    }

    /// Whether an asset was not touched in so many days before `at`.
    pub(super) fn is_clean(&self, asset: usize, at: f64, days: f64) -> bool {
        let times = self.times(asset);
        times[..times.partition_point(|t| *t < at)].last().is_none_or(|t| *t < at - days)
    }

    /// Whether an asset can be compared with those touched in the night `at`: not touched in so many days before, nor then.
    pub(super) fn is_untouched(&self, asset: usize, at: f64, days: f64) -> bool {
        self.is_clean(asset, at, days) && self.next(asset, at - 1e-9) >= at + 1.0
    }

    /// Assets that it touched.
    pub(super) fn n_assets(&self) -> usize {
        self.by_asset.len()
    }

    /// Every occasion that no other of the same measure came before by less than so many days, by asset and time.
    pub(super) fn occasions(&self, days: f64) -> impl Iterator<Item = (usize, f64)> {
        let all = self.by_asset.iter().flat_map(|(a, times)| times.iter().map(|t| (*a, *t)));
        all.filter(move |(a, t)| self.is_clean(*a, *t, days))
    }
}

/// A number in `[0, 1)` for an asset and a time, the same whoever else is asked about.
pub(super) fn by_name(history: &History<'_>, seed: u64, asset: usize, at: f64) -> f64 {
    draw(seed, history.asset_id(asset), Cutoff::from_day(at as i32))
}

/// At most about `most` of the occasions.
pub(super) fn sampled(
    mut occasions: Vec<(usize, f64)>,
    most: f64,
    draw: impl Fn(usize, f64) -> f64,
) -> Vec<(usize, f64)> {
    let share = most / occasions.len() as f64;
    if share < 1.0 {
        occasions.retain(|(a, at)| draw(*a, *at) < share);
    }
    occasions
}

/// Occasions by the midnight before them: all that are touched in one night are compared with the same assets.
pub(super) fn nights(occasions: &[(usize, f64)]) -> BTreeMap<i64, Vec<(usize, f64)>> {
    let mut nights: BTreeMap<i64, Vec<(usize, f64)>> = BTreeMap::new();
    for &(a, at) in occasions {
        nights.entry(at.floor() as i64).or_default().push((a, at));
    }
    nights
}

/// What two assets share to be compared, from close to far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Like<'a> {
    Model(&'a str),
    Kind(&'a str),
    Any,
}

/// What each asset shares with others, by number.
pub(super) fn likes<'a>(history: &History<'a>) -> Vec<[Like<'a>; 3]> {
    (0..history.n_assets())
        .map(|a| {
            let asset = history.asset(a);
            let kind = Like::Kind(asset.kind.map_or("", |k| history.word(k)));
            [asset.model.map_or(kind, |m| Like::Model(history.word(m))), kind, Like::Any]
        })
        .collect()
}

/// The kinds of the assets that were touched.
pub(super) fn kinds<'a>(likes: &[[Like<'a>; 3]], occasions: &[(usize, f64)]) -> BTreeSet<Like<'a>> {
    occasions.iter().map(|t| likes[t.0][1]).collect()
}
