//! What a measure did to the telemetry: the level of a metric after it against before, less what like assets showed
//! that it did not touch and that were at the same level. It does not know which level is good.

use std::collections::BTreeMap;

use forewarn_frames::History;
use forewarn_models::{ChangeRow, ChangeScale, matched_change, median};

use super::counted::RECENT;
use super::levels::{Before, Levels};
use super::occasions::{Like, Measure, by_name, nights, sampled};
use super::{Change, Judged, MIN_MATCHED, MIN_TOUCHED, WINDOW};
use crate::EngineError;
use crate::incidents::{ALL, Incidents};
use crate::recurrence::LEVEL;

/// The days after are compared in stretches of so many, because some untouched assets are touched meanwhile.
const STRETCH: f64 = 15.0;
const N_STRETCHES: usize = 4;
/// Who was touched in so many days before is not compared: the effect would be in the level before, or wear off meanwhile.
pub(super) const CLEAR_DAYS: f64 = 2.0 * WINDOW;
/// Occasions of a measure, at most, and assets of one model or kind to match with.
const MAX_OCCASIONS: f64 = 800.0;
const MAX_GROUP: [usize; 2] = [300, 600];
/// Assets of a model that a scale needs.
const MIN_GROUP: usize = 8;
/// Those nearest before are compared: so many, and none further away than this many times the usual spread.
const NEAREST: usize = 20;
const REACH: f64 = 1.0;
/// A change of so small a share of the level is none: matching is not finer than that, above all where assets were touched
/// when they were at their worst.
const MARGIN: f64 = 0.01;
/// Size tells less of what comes than how far the last days are from it.
const SIZE_WEIGHT: f64 = 0.5;

/// Assets to match with: of each model and kind, at most so many, whoever else there is.
pub(super) fn groups<'a>(
    history: &History<'_>,
    likes: &[[Like<'a>; 3]],
    metric: usize,
    seed: u64,
) -> BTreeMap<Like<'a>, Vec<usize>> {
    let mut groups: BTreeMap<Like<'a>, Vec<usize>> = BTreeMap::new();
    for a in (0..history.n_assets()).filter(|a| !history.series(*a, metric).is_empty()) {
        let own = if likes[a][0] == likes[a][1] { &likes[a][1..2] } else { &likes[a][..2] };
        for like in own {
            groups.entry(*like).or_default().push(a);
        }
    }
    for (like, group) in &mut groups {
        let most = MAX_GROUP[usize::from(matches!(like, Like::Kind(_)))];
        if group.len() > most {
            let mut drawn: Vec<(f64, usize)> =
                group.iter().map(|&a| (by_name(history, seed, a, 0.0), a)).collect();
            drawn.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            *group = drawn.into_iter().take(most).map(|d| d.1).collect();
            group.sort_unstable();
        }
    }
    groups
}

/// The spread of values, robust: of a normal distribution its standard deviation.
fn spread(mut values: Vec<f64>) -> f64 {
    let middle = median(&mut values);
    1.4826 * median(&mut values.iter().map(|v| (v - middle).abs()).collect::<Vec<_>>())
}

/// The untouched assets of one group before a night.
struct Peers {
    /// Asset, what it showed, whether it had an incident in the last days.
    rows: Vec<(usize, Before, bool)>,
    scale: [f64; 2],
}

/// Everything that one metric is judged with.
pub(super) struct Judge<'a, 'b> {
    pub history: &'b History<'a>,
    pub seen: &'b Incidents<'a>,
    pub likes: &'b [[Like<'a>; 3]],
    pub levels: &'b Levels<'a>,
    pub groups: &'b BTreeMap<Like<'a>, Vec<usize>>,
    pub seed: u64,
}

impl<'a> Judge<'a, '_> {
    fn recent(&self, asset: usize, at: f64) -> bool {
        self.seen.assets[asset].count(ALL, at - RECENT, at) > 0
    }

    fn peers(&self, measure: &Measure<'_>, like: Like<'a>, night: f64) -> Option<Peers> {
        let rows: Vec<(usize, Before, bool)> = self
            .groups
            .get(&like)?
            .iter()
            .filter(|&&a| self.seen.assets[a].until > night && measure.is_untouched(a, night, CLEAR_DAYS))
            .filter_map(|&a| {
                Some((a, self.levels.before(a, night, self.likes[a][0])?, self.recent(a, night)))
            })
            .collect();
        if rows.len() < MIN_GROUP {
            return None;
        }
        let scale = [
            spread(rows.iter().map(|r| r.1.levels[0]).collect()),
            spread(rows.iter().map(|r| r.1.size).collect()),
        ];
        Some(Peers { rows, scale })
    }

    /// The untouched that are nearest to an asset before, of those that had an incident in the last days as it did.
    fn nearest<'p>(&self, peers: &'p Peers, own: &Before, recent: bool) -> Vec<&'p (usize, Before, bool)> {
        let off = |a: f64, b: f64, scale: f64| if a == b { 0.0 } else { (a - b) / scale };
        let mut near: Vec<(f64, f64, &(usize, Before, bool))> = peers
            .rows
            .iter()
            .filter(|r| r.2 == recent)
            .map(|r| {
                let level = off(r.1.levels[0], own.levels[0], peers.scale[0]);
                let size = SIZE_WEIGHT * off(r.1.size, own.size, peers.scale[1]);
                (level.hypot(size), by_name(self.history, self.seed, r.0, 0.0), r)
            })
            .filter(|n| n.0 <= REACH)
            .collect();
        near.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)).then(a.2.0.cmp(&b.2.0)));
        near.into_iter().take(NEAREST).map(|n| n.2).collect()
    }

    /// Judges one measure by the metric; `None` where no asset that it touched has readings before and after.
    pub(super) fn judge(&self, measure: &Measure<'_>) -> Result<Option<Judged>, EngineError> {
        let days = |night: f64, k: usize| {
            let from = night + 1.0 + STRETCH * k as f64;
            (from, from + STRETCH)
        };
        let end = |asset: usize, at: f64| self.seen.assets[asset].until.min(measure.next(asset, at));
        let touched: Vec<(usize, f64)> = measure
            .occasions(CLEAR_DAYS)
            .filter(|(a, at)| self.levels.has(*a) && self.seen.assets[*a].until > *at)
            .collect();
        let draw = |a: usize, at: f64| by_name(self.history, self.seed, a, at);
        let touched = sampled(touched, MAX_OCCASIONS, draw);
        let (mut own, mut others) = (Vec::new(), Vec::new());
        let (mut before, mut size, mut n_before, mut after, mut n_after) = (0.0_f64, 0.0, 0.0_f64, 0.0, 0.0);
        let mut n_sets = 0_u32;
        let mut is_read = false;
        for (night, list) in &nights(&touched) {
            let night = *night as f64;
            let mut peers: BTreeMap<Like<'a>, Option<Peers>> = BTreeMap::new();
            for &(asset, at) in list {
                let Some(shown) = self.levels.before(asset, night, self.likes[asset][0]) else { continue };
                let stretches: Vec<(usize, (f64, f64, f64))> = (0..N_STRETCHES)
                    .filter_map(|k| {
                        let (from, to) = days(night, k);
                        Some((k, self.levels.after(asset, &shown, from, to.min(end(asset, at)))?))
                    })
                    .collect();
                if stretches.is_empty() {
                    continue;
                }
                is_read = true;
                let recent = self.recent(asset, at);
                let found = self.likes[asset][..2].iter().find_map(|like| {
                    let peers =
                        peers.entry(*like).or_insert_with(|| self.peers(measure, *like, night)).as_ref()?;
                    let near = self.nearest(peers, &shown, recent);
                    (near.len() >= MIN_MATCHED)
                        .then(|| near.into_iter().map(|r| (r.0, r.1)).collect::<Vec<_>>())
                });
                let Some(near) = found else { continue };
                before += shown.mean;
                size += shown.mean.abs();
                n_before += 1.0;
                for (k, (mean, level, n)) in stretches {
                    let row = |asset: usize, before: &Before, after: f64, weight: f64| ChangeRow {
                        set: n_sets,
                        part: k as u32,
                        unit: asset as u32,
                        after,
                        before: before.levels,
                        steady: (before.steadied(after), before.levels.map(|l| before.steadied(l))),
                        weight,
                    };
                    let (from, to) = days(night, k);
                    let rows: Vec<ChangeRow> = near
                        .iter()
                        .filter_map(|(a, shown)| {
                            let (_, level, n) = self.levels.after(*a, shown, from, to.min(end(*a, night)))?;
                            Some(row(*a, shown, level, n))
                        })
                        .collect();
                    if rows.len() < MIN_MATCHED {
                        continue;
                    }
                    own.push(row(asset, &shown, level, n));
                    others.extend(rows);
                    n_sets += 1;
                    after += n * mean;
                    n_after += n;
                }
            }
        }
        if !is_read {
            return Ok(None);
        }
        let (scale, margin) = if self.levels.relative {
            (ChangeScale::Ratio, MARGIN)
        } else {
            (ChangeScale::Difference, MARGIN * size / n_before.max(1.0))
        };
        let found = matched_change(&own, &others, scale, margin, LEVEL).map_err(EngineError::model)?;
        let found = found.filter(|c| c.n_touched >= MIN_TOUCHED && c.n_untouched >= MIN_TOUCHED);
        let after = after / n_after;
        Ok(Some(Judged {
            n_assets: found.map_or(measure.n_assets(), |c| c.n_touched),
            before: (n_before > 0.0).then(|| before / n_before),
            change: found.map(|c| Change {
                after,
                expected: if self.levels.relative { after / c.value } else { after - c.value },
                relative: self.levels.relative,
                value: c.value,
                low: c.low,
                high: c.high,
                p_value: c.p_value,
            }),
        }))
    }

    /// How many assets stood above what is usual of their like in the days before they failed, and how many below.
    pub(super) fn before_failures(&self, failures: &[(usize, f64)]) -> (usize, usize) {
        let (mut above, mut below) = (0, 0);
        for &(asset, at) in failures {
            let (night, like) = (at.floor(), self.likes[asset][0]);
            let Some(own) = self.levels.before(asset, night, like) else { continue };
            let Some(group) = self.groups.get(&like) else { continue };
            let mut others: Vec<f64> = group
                .iter()
                .filter(|&&a| a != asset && self.seen.assets[a].until > night)
                .filter_map(|&a| Some(self.levels.before(a, night, like)?.levels[0]))
                .collect();
            if others.len() < MIN_GROUP {
                continue;
            }
            let middle = median(&mut others);
            above += usize::from(own.levels[0] > middle);
            below += usize::from(own.levels[0] < middle);
        }
        (above, below)
    }
}
