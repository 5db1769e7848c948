//! What measures did: incidents on the assets that a change, patch, visit or replacement touched, before and after,
//! against like assets that it did not touch in the same days. It does not know why a measure was taken.

use std::collections::BTreeMap;

use forewarn_frames::History;
use forewarn_frames::output::MEASURES;
use forewarn_models::{MatchedRow, RateRatio, benjamini_hochberg, matched_rate_ratio};
use polars::prelude::*;

use crate::EngineError;
use crate::incidents::{ALL, Incidents, days};
use crate::recurrence::{FALSE_DISCOVERY, LEVEL};
use crate::sample::draw;

/// Days before and after that are compared.
const WINDOW: f64 = 60.0;
/// The days after are compared in stretches of so many, because some untouched assets are touched meanwhile.
const STRETCH: f64 = 15.0;
const N_STRETCHES: usize = 4;
/// An incident in the last so many days may have been the reason for the measure: like is compared with like.
const RECENT: f64 = 7.0;
/// Untouched assets that a match needs.
const MIN_MATCHED: usize = 3;
/// Touched assets, and incidents on them and expected of them, that a verdict needs.
const MIN_TOUCHED: usize = 5;
const MIN_INCIDENTS: f64 = 8.0;
/// Occasions of a measure and assets to match with, at most: more say nothing new.
const MAX_OCCASIONS: f64 = 4_000.0;
const MAX_POOL: f64 = 3_000.0;
/// Kinds of events that happen to an asset rather than are done to it.
pub(crate) const NO_MEASURES: [&str; 7] =
    ["error", "alert", "alarm", "warning", "log", "failure", "incident"];

/// Everything that was done, by measure: the asset and the time in days, sorted.
type Occasions = BTreeMap<String, Vec<(usize, f64)>>;

/// The measures that events and change tickets name: kind, component and code.
fn occasions(history: &History<'_>) -> Occasions {
    let mut all = Occasions::new();
    let mut name = |parts: &[Option<&str>], asset: usize, at: f64| {
        let words: Vec<&str> = parts.iter().flatten().map(|w| w.trim()).filter(|w| !w.is_empty()).collect();
        all.entry(words.join(" ")).or_default().push((asset, at));
    };
    for asset in 0..history.n_assets() {
        for e in history.events(asset) {
            let word = |c: Option<forewarn_frames::Code>| c.map(|c| history.word(c));
            let kind = word(e.kind).unwrap_or("change");
            if !NO_MEASURES.contains(&kind.trim().to_lowercase().as_str()) {
                let component = word(e.component).filter(|c| *c != kind);
                name(&[Some(kind), component, word(e.code)], asset, days(e.at));
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
                let category = t.category().map(|c| history.word(c));
                name(&[Some("change"), category], asset, days(t.opened_at()));
            }
        }
    }
    for list in all.values_mut() {
        list.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
    }
    all
}

/// What two assets share to be compared, from close to far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Like<'a> {
    Model(&'a str),
    Kind(&'a str),
    Any,
}

/// How busy an asset was before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Before {
    /// Incidents in the window, three and more as three.
    incidents: usize,
    recent: bool,
}

struct Matcher<'a, 'b> {
    seen: &'b Incidents<'a>,
    like: Vec<[Like<'a>; 3]>,
}

impl Matcher<'_, '_> {
    /// Whether an asset was watched through the window before `at` and in service then.
    fn is_watched(&self, asset: usize, at: f64) -> bool {
        let w = &self.seen.assets[asset];
        w.since <= at - WINDOW && w.until > at
    }

    fn before(&self, asset: usize, at: f64) -> Before {
        let w = &self.seen.assets[asset];
        Before { incidents: w.count(ALL, at - WINDOW, at).min(3), recent: w.count(ALL, at - RECENT, at) > 0 }
    }

    /// Incidents and days in stretch `k` after `at`, until the asset leaves, is touched or observation ends.
    fn after(&self, asset: usize, at: f64, k: usize, touched_at: f64) -> (f64, f64) {
        let w = &self.seen.assets[asset];
        let from = at + STRETCH * k as f64;
        let to = (from + STRETCH).min(w.until).min(touched_at).min(self.seen.at);
        if to <= from { (0.0, 0.0) } else { (w.count(ALL, from, to) as f64, to - from) }
    }
}

/// What one measure did.
struct Found {
    measure: String,
    n_assets: usize,
    rate_before: Option<f64>,
    ratio: Option<RateRatio>,
    q: f64,
}

fn judge(
    measure: &str,
    occasions: &[(usize, f64)],
    (history, matcher, seed): (&History<'_>, &Matcher<'_, '_>, u64),
) -> Result<Found, EngineError> {
    let mut by_asset: BTreeMap<usize, Vec<f64>> = BTreeMap::new();
    for &(asset, at) in occasions {
        by_asset.entry(asset).or_default().push(at);
    }
    // The next time an asset is touched after `at`, and whether it was in the window before.
    let next = |asset: usize, at: f64| -> f64 {
        let list = by_asset.get(&asset).map_or(&[][..], Vec::as_slice);
        list.get(list.partition_point(|t| *t <= at)).copied().unwrap_or(f64::INFINITY)
    };
    let clean = |asset: usize, at: f64| -> bool {
        let list = by_asset.get(&asset).map_or(&[][..], Vec::as_slice);
        let until = list.partition_point(|t| *t < at);
        list[..until].last().is_none_or(|t| *t < at - WINDOW)
    };
    let by_name = |asset: usize, at: f64| {
        draw(seed, history.asset_id(asset), forewarn_frames::Cutoff::from_day(at as i32))
    };
    let share = MAX_OCCASIONS / occasions.len() as f64;
    let touched: Vec<(usize, f64)> = occasions
        .iter()
        .copied()
        .filter(|&(a, at)| matcher.is_watched(a, at) && clean(a, at))
        .filter(|&(a, at)| share >= 1.0 || by_name(a, at) < share)
        .collect();
    let kinds: std::collections::BTreeSet<Like<'_>> = touched.iter().map(|t| matcher.like[t.0][1]).collect();
    let mut pool: Vec<usize> =
        (0..history.n_assets()).filter(|&a| kinds.contains(&matcher.like[a][1])).collect();
    let share = MAX_POOL / pool.len() as f64;
    if share < 1.0 {
        pool.retain(|&a| by_name(a, 0.0) < share);
    }
    // Midnights: all that are touched in one night are compared with the same assets.
    let mut nights: BTreeMap<i64, Vec<(usize, f64)>> = BTreeMap::new();
    for &(a, at) in &touched {
        nights.entry(at.floor() as i64).or_default().push((a, at));
    }
    let (mut own, mut others) = (Vec::new(), Vec::new());
    let mut n_sets = 0_u32;
    let (mut before_events, mut before_days) = (0.0, 0.0);
    for (night, list) in &nights {
        let at = *night as f64;
        let mut groups: BTreeMap<(Like<'_>, Before), Vec<usize>> = BTreeMap::new();
        for &a in &pool {
            // Touched within the window, or this very night.
            if !matcher.is_watched(a, at) || !clean(a, at) || next(a, at - 1e-9) < at + 1.0 {
                continue;
            }
            let before = matcher.before(a, at);
            for like in matcher.like[a] {
                groups.entry((like, before)).or_default().push(a);
            }
        }
        let mut sets: BTreeMap<(Like<'_>, Before), u32> = BTreeMap::new();
        for &(asset, touched_at) in list {
            let before = matcher.before(asset, touched_at);
            let found = matcher.like[asset]
                .iter()
                .map(|like| (*like, before))
                .find(|key| groups.get(key).is_some_and(|g| g.len() >= MIN_MATCHED));
            let Some(key) = found else { continue };
            let first = *sets.entry(key).or_insert_with(|| {
                let first = n_sets;
                n_sets += N_STRETCHES as u32;
                for (k, set) in (0..N_STRETCHES).zip(first..) {
                    for &a in &groups[&key] {
                        let (events, days) = matcher.after(a, at, k, next(a, at));
                        if days > 0.0 {
                            others.push(MatchedRow { set, unit: a as u32, events, days });
                        }
                    }
                }
                first
            });
            let w = &matcher.seen.assets[asset];
            before_events += w.count(ALL, touched_at - WINDOW, touched_at) as f64;
            before_days += WINDOW;
            for (k, set) in (0..N_STRETCHES).zip(first..) {
                let (events, days) = matcher.after(asset, touched_at, k, next(asset, touched_at));
                if days > 0.0 {
                    own.push(MatchedRow { set, unit: asset as u32, events, days });
                }
            }
        }
    }
    let ratio = matched_rate_ratio(&own, &others, LEVEL).map_err(EngineError::model)?;
    let ratio = ratio.filter(|r| r.n_touched >= MIN_TOUCHED && r.observed + r.expected >= MIN_INCIDENTS);
    Ok(Found {
        measure: measure.to_owned(),
        n_assets: ratio.map_or(by_asset.len(), |r| r.n_touched),
        rate_before: (before_days > 0.0).then(|| before_events / before_days * 365.25),
        ratio,
        q: f64::NAN,
    })
}

/// `measures` at the history's cutoff: every measure that was taken, what hurt first.
pub(crate) fn measures(
    history: &History<'_>,
    seen: &Incidents<'_>,
    seed: u64,
) -> Result<DataFrame, EngineError> {
    let like = (0..history.n_assets())
        .map(|a| {
            let asset = history.asset(a);
            let kind = Like::Kind(asset.kind.map_or("", |k| history.word(k)));
            [asset.model.map_or(kind, |m| Like::Model(history.word(m))), kind, Like::Any]
        })
        .collect();
    let matcher = Matcher { seen, like };
    let mut found = occasions(history)
        .iter()
        .map(|(measure, list)| judge(measure, list, (history, &matcher, seed)))
        .collect::<Result<Vec<_>, _>>()?;
    let p: Vec<f64> = found.iter().map(|f| f.ratio.map_or(f64::NAN, |r| r.p_value)).collect();
    for (f, q) in found.iter_mut().zip(benjamini_hochberg(&p)) {
        f.q = q;
    }
    let verdict = |f: &Found| match f.ratio {
        None => "too little data",
        Some(r) if f.q <= FALSE_DISCOVERY && r.ratio > 1.0 => "hurt",
        Some(_) if f.q <= FALSE_DISCOVERY => "helped",
        Some(_) => "no effect seen",
    };
    let order =
        |f: &Found| ["hurt", "helped", "no effect seen"].iter().position(|v| *v == verdict(f)).unwrap_or(3);
    found.sort_by(|a, b| {
        order(a).cmp(&order(b)).then(a.q.total_cmp(&b.q)).then_with(|| a.measure.cmp(&b.measure))
    });
    let number = |name: &str, f: &dyn Fn(&Found) -> Option<f64>| {
        Column::new(name.into(), found.iter().map(f).collect::<Vec<_>>())
    };
    let year = |n: f64, r: &RateRatio| n / r.days * 365.25;
    let df = DataFrame::new(
        found.len(),
        vec![
            Column::new("measure".into(), found.iter().map(|f| f.measure.as_str()).collect::<Vec<_>>()),
            Column::new("n_assets".into(), found.iter().map(|f| f.n_assets as i64).collect::<Vec<_>>()),
            number("rate_before", &|f| f.rate_before),
            number("rate_after", &|f| f.ratio.map(|r| year(r.observed, &r))),
            number("ratio", &|f| f.ratio.map(|r| r.ratio)),
            number("low", &|f| f.ratio.map(|r| r.low)),
            number("high", &|f| f.ratio.map(|r| r.high)),
            number("q_value", &|f| f.q.is_finite().then_some(f.q)),
            Column::new("verdict".into(), found.iter().map(verdict).collect::<Vec<_>>()),
            number("rate_expected", &|f| f.ratio.map(|r| year(r.expected, &r))),
        ],
    )?;
    debug_assert_eq!(MEASURES.check(&df), Ok(()));
    Ok(df)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#[path = "measures_tests.rs"]
mod tests;
