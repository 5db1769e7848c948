//! What a measure did to what is counted: incidents, or failures, after it against those of like assets that it did not
//! touch in the same days. It does not know why a measure was taken.

use std::collections::BTreeMap;

use forewarn_frames::History;
use forewarn_models::{MatchedRow, matched_rate_ratio};

use super::occasions::{Like, Measure, by_name, kinds, nights, sampled};
use super::{Change, Judged, MIN_MATCHED, MIN_TOUCHED, WINDOW};
use crate::EngineError;
use crate::incidents::{ALL, Incidents};
use crate::recurrence::LEVEL;

/// The days after are compared in stretches of so many, because some untouched assets are touched meanwhile.
const STRETCH: f64 = 15.0;
/// An incident in the last so many days may have been the reason for the measure: like is compared with like.
pub(super) const RECENT: f64 = 7.0;
/// Incidents on touched assets, and expected of them, that a verdict needs.
const MIN_INCIDENTS: f64 = 8.0;
/// Occasions of a measure and assets to match with, at most: more say nothing new.
const MAX_OCCASIONS: f64 = 4_000.0;
const MAX_POOL: f64 = 3_000.0;
const DAYS_A_YEAR: f64 = 365.25;

/// How busy an asset was before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Before {
    /// Incidents in the window, three and more as three.
    incidents: usize,
    recent: bool,
    /// Whether there was what is counted, where that is not the incidents themselves.
    counted: bool,
}

/// What is counted.
pub(super) struct Counting<'a, 'b> {
    pub incidents: &'b Incidents<'a>,
    /// Failures, where they are what is counted.
    pub failures: Option<&'b Incidents<'a>>,
    /// Days after that are looked at.
    pub days_after: f64,
}

impl Counting<'_, '_> {
    fn counted(&self) -> &Incidents<'_> {
        self.failures.unwrap_or(self.incidents)
    }

    /// Whether an asset was watched through the window before `at` and in service then.
    fn is_watched(&self, asset: usize, at: f64) -> bool {
        let w = &self.counted().assets[asset];
        w.since <= at - WINDOW && w.until > at
    }

    fn before(&self, asset: usize, at: f64) -> Before {
        let w = &self.incidents.assets[asset];
        let failed = self.failures.is_some_and(|f| f.assets[asset].count(ALL, at - WINDOW, at) > 0);
        Before {
            incidents: w.count(ALL, at - WINDOW, at).min(3),
            recent: w.count(ALL, at - RECENT, at) > 0,
            counted: failed,
        }
    }

    /// Events and days in stretch `k` after `at`, until the asset leaves, is touched or observation ends.
    fn after(&self, asset: usize, at: f64, k: usize, touched_at: f64) -> (f64, f64) {
        let seen = self.counted();
        let w = &seen.assets[asset];
        let from = at + STRETCH * k as f64;
        let end = (from + STRETCH).min(at + self.days_after);
        let to = end.min(w.until).min(touched_at).min(seen.at);
        if to <= from { (0.0, 0.0) } else { (w.count(ALL, from, to) as f64, to - from) }
    }
}

/// Judges one measure by what is counted.
pub(super) fn judge(
    measure: &Measure<'_>,
    counting: &Counting<'_, '_>,
    (history, likes, seed): (&History<'_>, &[[Like<'_>; 3]], u64),
) -> Result<Judged, EngineError> {
    let n_stretches = (counting.days_after / STRETCH).ceil().max(1.0) as usize;
    let draw = |a: usize, at: f64| by_name(history, seed, a, at);
    let touched = measure.occasions(WINDOW).filter(|&(a, at)| counting.is_watched(a, at)).collect();
    let touched = sampled(touched, MAX_OCCASIONS, draw);
    let kinds = kinds(likes, &touched);
    let mut pool: Vec<usize> = (0..history.n_assets()).filter(|&a| kinds.contains(&likes[a][1])).collect();
    let share = MAX_POOL / pool.len() as f64;
    if share < 1.0 {
        pool.retain(|&a| draw(a, 0.0) < share);
    }
    let (mut own, mut others) = (Vec::new(), Vec::new());
    let mut n_sets = 0_u32;
    let (mut before_events, mut before_days) = (0.0, 0.0);
    for (night, list) in &nights(&touched) {
        let at = *night as f64;
        let mut groups: BTreeMap<(Like<'_>, Before), Vec<usize>> = BTreeMap::new();
        for &a in &pool {
            if !counting.is_watched(a, at) || !measure.is_untouched(a, at, WINDOW) {
                continue;
            }
            let before = counting.before(a, at);
            for like in likes[a] {
                groups.entry((like, before)).or_default().push(a);
            }
        }
        let mut sets: BTreeMap<(Like<'_>, Before), u32> = BTreeMap::new();
        for &(asset, touched_at) in list {
            let before = counting.before(asset, touched_at);
            let found = likes[asset]
                .iter()
                .map(|like| (*like, before))
                .find(|key| groups.get(key).is_some_and(|g| g.len() >= MIN_MATCHED));
            let Some(key) = found else { continue };
            let first = *sets.entry(key).or_insert_with(|| {
                let first = n_sets;
                n_sets += n_stretches as u32;
                for (k, set) in (0..n_stretches).zip(first..) {
                    for &a in &groups[&key] {
                        let (events, days) = counting.after(a, at, k, measure.next(a, at));
                        if days > 0.0 {
                            others.push(MatchedRow { set, unit: a as u32, events, days });
                        }
                    }
                }
                first
            });
            let w = &counting.counted().assets[asset];
            before_events += w.count(ALL, touched_at - WINDOW, touched_at) as f64;
            before_days += WINDOW;
            for (k, set) in (0..n_stretches).zip(first..) {
                let (events, days) = counting.after(asset, touched_at, k, measure.next(asset, touched_at));
                if days > 0.0 {
                    own.push(MatchedRow { set, unit: asset as u32, events, days });
                }
            }
        }
    }
    let found = matched_rate_ratio(&own, &others, LEVEL).map_err(EngineError::model)?;
    let found = found.filter(|r| r.n_touched >= MIN_TOUCHED && r.observed + r.expected >= MIN_INCIDENTS);
    let year = |n: f64, days: f64| n / days * DAYS_A_YEAR;
    Ok(Judged {
        n_assets: found.map_or(measure.n_assets(), |r| r.n_touched),
        before: (before_days > 0.0).then(|| year(before_events, before_days)),
        change: found.map(|r| Change {
            after: year(r.observed, r.days),
            expected: year(r.expected, r.days),
            relative: true,
            value: r.ratio,
            low: r.low,
            high: r.high,
            p_value: r.p_value,
        }),
    })
}
