//! The daily levels of one metric, ready to be averaged over any days. It does not know what was done when.

use std::collections::BTreeMap;

use forewarn_features::counts_up;
use forewarn_frames::History;
use forewarn_models::median;

use super::WINDOW;
use super::counted::RECENT;
use super::occasions::Like;
use crate::degradation::{Shown, days_of};

/// Years are enough to judge a measure by: what an older one did to another fleet is not asked.
const MOST_DAYS: i32 = 2 * 365 + WINDOW as i32;
/// Days with a reading that a mean needs: in the days before, in the last days before, and in a stretch after.
const MIN_BASE: f64 = 10.0;
const MIN_RECENT: f64 = 2.0;
const MIN_AFTER: f64 = 4.0;
/// A level's usual size is that of so many days before. The fewer, the more its own noise passes for what an asset was like,
/// and an asset that was touched when it was at its worst seems to be healed.
const USUAL_DAYS: f64 = 180.0;
/// The very last days, which a measure may answer: the day before and that day itself, of which nobody knows whether it was
/// read before. What it shows of the effect already is taken for what was before, which makes little of an effect rather
/// than one of nothing.
const LAST: [f64; 2] = [1.0, 1.0];
/// What lies so many times beyond an asset's median is no reading: sums would not keep the others beside it.
const BEYOND: f64 = 1e6;
/// A value so many times further from those around it than is usual is a burst.
const SPIKE: f64 = 10.0;
/// The share of readings at or below zero up to which a metric is taken as positive.
const NOT_POSITIVE: f64 = 1e-3;
/// An asset's usual increase is drawn to that of its group as by so many days of it.
const PRIOR_DAYS: f64 = 14.0;

/// Sums of an asset's daily values and how many there are, up to before each day.
struct Sums {
    sum: Vec<f64>,
    n: Vec<u32>,
}

/// What an asset showed before a night.
#[derive(Debug, Clone, Copy)]
pub(super) struct Before {
    /// What its levels are divided by (relative), or what is taken from them.
    pub unit: f64,
    /// The last week, and the last days (of an increase: the weeks before), in that unit.
    pub levels: [f64; 2],
    /// What turns a level in that unit into one against all days of the asset: it is multiplied, then added to.
    pub steady: [f64; 2],
    /// How far apart two assets are in size.
    pub size: f64,
    /// The mean level of the whole window, as it is.
    pub mean: f64,
}

impl Before {
    /// A level in the unit of before, against all days of the asset.
    pub(super) fn steadied(&self, level: f64) -> f64 {
        level * self.steady[0] + self.steady[1]
    }
}

/// One metric of some assets.
pub(super) struct Levels<'a> {
    first: i32,
    until: f64,
    /// Whether values are increases a day.
    pub rise: bool,
    /// Whether levels are compared as ratios.
    pub relative: bool,
    by_asset: BTreeMap<usize, Sums>,
    /// The usual increase a day of what an asset is like.
    usual: BTreeMap<Like<'a>, f64>,
}

/// What stands alone for a day or two, further from the median of the five values around it than ten times what is usual, is
/// no level: it gives way to that median.
fn without_spikes(values: &mut [f64]) {
    let known: Vec<(usize, f64)> = values.iter().copied().enumerate().filter(|v| !v.1.is_nan()).collect();
    let near = |i: usize| {
        let near = &known[i.saturating_sub(2)..(i + 3).min(known.len())];
        median(&mut near.iter().map(|v| v.1).collect::<Vec<_>>())
    };
    let middles: Vec<f64> = (0..known.len()).map(near).collect();
    let off = |i: usize| (known[i].1 - middles[i]).abs();
    let usual = median(&mut (0..known.len()).map(off).collect::<Vec<_>>());
    if usual > 0.0 {
        for i in (0..known.len()).filter(|i| off(*i) > SPIKE * usual) {
            values[known[i].0] = middles[i];
        }
    }
}

impl<'a> Levels<'a> {
    /// The metric on these assets.
    pub(super) fn of(
        history: &History<'_>,
        metric: usize,
        assets: impl Iterator<Item = usize>,
        likes: &[[Like<'a>; 3]],
    ) -> Self {
        let rise = counts_up(history, metric);
        let until = history.cutoff().day();
        let known = assets.map(|a| (a, history.series(a, metric))).filter(|(_, s)| !s.is_empty());
        let known: Vec<_> = known.collect();
        let first = known.iter().map(|(_, s)| s.day()[0]).min().unwrap_or(until).max(until - MOST_DAYS);
        let (mut n_positive, mut n_all) = (0.0, 0.0);
        let mut by_asset = BTreeMap::new();
        let mut groups: BTreeMap<Like<'a>, (f64, f64)> = BTreeMap::new();
        for (asset, series) in known {
            let mut values = days_of(&series, first, until, if rise { Shown::Rise } else { Shown::Level });
            if !rise {
                without_spikes(&mut values);
            }
            let mut sizes: Vec<f64> = values.iter().map(|v| v.abs()).filter(|v| *v > 0.0).collect();
            let most = if sizes.is_empty() { 0.0 } else { BEYOND * median(&mut sizes) };
            let mut sums = Sums { sum: vec![0.0], n: vec![0] };
            let (mut sum, mut n) = (0.0, 0);
            for v in values {
                if v.abs() <= most {
                    sum += v;
                    n += 1;
                    n_positive += f64::from(u8::from(v > 0.0));
                }
                sums.sum.push(sum);
                sums.n.push(n);
            }
            n_all += f64::from(n);
            if n > 0 {
                let group = groups.entry(likes[asset][0]).or_default();
                group.0 += sum / f64::from(n);
                group.1 += 1.0;
            }
            by_asset.insert(asset, sums);
        }
        let relative = rise || (n_all > 0.0 && n_positive >= n_all * (1.0 - NOT_POSITIVE));
        let usual = groups.into_iter().map(|(like, (sum, n))| (like, sum / n)).collect();
        Self { first, until: f64::from(until), rise, relative, by_asset, usual }
    }

    /// The mean over the days from `from` to before `to`, and how many of them are known.
    fn mean(&self, asset: usize, from: f64, to: f64) -> Option<(f64, f64)> {
        let sums = self.by_asset.get(&asset)?;
        let at = |day: f64| ((day - f64::from(self.first)).max(0.0) as usize).min(sums.n.len() - 1);
        let (i, k) = (at(from.ceil()), at(to.floor()));
        if k <= i {
            return None;
        }
        let n = f64::from(sums.n[k] - sums.n[i]);
        (n > 0.0).then(|| ((sums.sum[k] - sums.sum[i]) / n, n))
    }

    /// What an asset showed before the night; `None` where too little is known, or it has no size to compare by.
    pub(super) fn before(&self, asset: usize, night: f64, like: Like<'_>) -> Option<Before> {
        let long = if self.rise { WINDOW } else { USUAL_DAYS };
        let (base, n_base) = self.mean(asset, night - long, night - RECENT).filter(|m| m.1 >= MIN_BASE)?;
        let (recent, _) = self.mean(asset, night - RECENT, night).filter(|m| m.1 >= MIN_RECENT)?;
        let (mean, _) = self.mean(asset, night - WINDOW, night)?;
        if !self.relative {
            let last = self.mean(asset, night - LAST[0], night + LAST[1]).map_or(recent, |m| m.0);
            let (whole, _) = self.mean(asset, f64::from(self.first), self.until)?;
            let levels = [recent - base, last - base];
            return Some(Before { unit: base, levels, steady: [1.0, base - whole], size: base, mean });
        }
        let unit = if self.rise {
            let usual = self.usual.get(&like).copied().unwrap_or(0.0);
            (base * n_base + usual * PRIOR_DAYS) / (n_base + PRIOR_DAYS)
        } else {
            base
        };
        let second = if self.rise {
            base
        } else {
            self.mean(asset, night - LAST[0], night + LAST[1]).map_or(recent, |m| m.0)
        };
        // An increase is seldom at its worst for days: its unit is drawn to the group's, which is steady enough.
        let whole = if self.rise { unit } else { self.mean(asset, f64::from(self.first), self.until)?.0 };
        let levels = [recent / unit, second / unit];
        let steady = [unit / whole, 0.0];
        (unit > 0.0 && whole > 0.0).then(|| Before { unit, levels, steady, size: unit.ln(), mean })
    }

    /// The mean level from `from` to before `to`, as it is, in the unit of before, and the days that it rests on.
    pub(super) fn after(&self, asset: usize, before: &Before, from: f64, to: f64) -> Option<(f64, f64, f64)> {
        let (mean, n) = self.mean(asset, from, to.min(self.until)).filter(|m| m.1 >= MIN_AFTER)?;
        Some((mean, if self.relative { mean / before.unit } else { mean - before.unit }, n))
    }

    /// Whether anything is known of an asset.
    pub(super) fn has(&self, asset: usize) -> bool {
        self.by_asset.contains_key(&asset)
    }
}
