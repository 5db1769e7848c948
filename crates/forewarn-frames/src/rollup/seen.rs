//! What a roller can say of the rows that it took in: how many, of whom, when, and what was odd about them. It does not
//! judge them.

use std::collections::{BTreeMap, BTreeSet};

use super::cells::{Lane, Odd};
use super::roller::{Roller, Run, Source};
use crate::input::Repeats;
use crate::rollup::day_start;
use crate::time::{Cutoff, Micros, day_number};

/// The rows of one source, by asset and day.
#[derive(Debug, Clone, Copy)]
pub struct SourceRows<'a> {
    roller: &'a Roller,
    number: usize,
}

/// Readings of a metric that are not as they should be: how many, and the first of each asset, sorted by id.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Oddities<'a> {
    pub n: u64,
    pub first: Vec<(&'a str, Micros, f64)>,
}

impl<'a> Oddities<'a> {
    fn of(roller: &'a Roller, odds: impl Iterator<Item = (u32, &'a Odd)>) -> Self {
        let mut out = Self::default();
        let mut first: BTreeMap<&str, (Micros, f64)> = BTreeMap::new();
        for (code, odd) in odds.filter(|(code, _)| roller.names.alive[*code as usize]) {
            out.n += odd.n;
            let id = roller.names.all[code as usize].as_str();
            let seen = first.entry(id).or_insert((odd.at, odd.value));
            if odd.at < seen.0 {
                *seen = (odd.at, odd.value);
            }
        }
        out.first = first.into_iter().map(|(id, (at, value))| (id, at, value)).collect();
        out
    }
}

impl<'a> SourceRows<'a> {
    fn source(self) -> &'a Source {
        &self.roller.sources[self.number]
    }

    /// The entry of the config.
    #[must_use]
    pub fn entry(self) -> usize {
        self.source().entry
    }

    /// The metrics that its rows may hold, sorted.
    #[must_use]
    pub fn metrics(self) -> &'a [String] {
        &self.source().metrics
    }

    /// Whether its rows come only when a value changes.
    pub(super) fn on_change(self) -> bool {
        self.source().lanes.iter().any(|l| self.roller.lanes[*l].on_change)
    }

    /// Hands on the asset, the first day and the number of days of each run of days with rows, in no order.
    pub(super) fn each_run(self, mut each: impl FnMut(&'a str, i32, i32)) {
        let names = &self.roller.names.all;
        for r in self.runs() {
            each(names[r.asset as usize].as_str(), r.from, r.n_days as i32);
        }
    }

    /// Days in a row with as many rows each, in no order, of assets that count.
    fn runs(self) -> impl Iterator<Item = Run> + use<'a> {
        let (source, alive) = (self.source(), &self.roller.names.alive);
        let open = source.seen.iter().enumerate().flat_map(|(code, s)| {
            let asset = code as u32;
            let before = Run { asset, from: s.from, n_days: s.n_days, n_each: s.n_each };
            let today = Run { asset, from: s.day, n_days: u32::from(s.n_today > 0), n_each: s.n_today };
            [before, today]
        });
        source.runs.iter().copied().chain(open).filter(|r| r.n_days > 0 && alive[r.asset as usize])
    }

    /// Rows that count, one a time and asset.
    #[must_use]
    pub fn n_rows(self) -> u64 {
        self.runs().map(|r| u64::from(r.n_days) * u64::from(r.n_each)).sum()
    }

    /// Rows that another one stands for.
    #[must_use]
    pub fn repeats(self) -> Repeats {
        let source = self.source();
        let alive = source.seen.iter().zip(&self.roller.names.alive).filter(|(_, alive)| **alive);
        let skipped: u64 = alive.map(|(s, _)| s.n_repeats).sum();
        Repeats { identical: source.redone.identical + skipped, differing: source.redone.differing }
    }

    /// Rows by day.
    #[must_use]
    pub fn by_day(self) -> BTreeMap<i32, u64> {
        let mut out = BTreeMap::new();
        for r in self.runs() {
            for d in 0..r.n_days as i32 {
                *out.entry(r.from + d).or_default() += u64::from(r.n_each);
            }
        }
        out
    }

    /// The assets that it names, sorted by id, each with its number of rows and the time of its first and its newest.
    pub(crate) fn assets(self) -> Vec<(&'a str, u64, Micros, Micros)> {
        let names = &self.roller.names;
        let mut n = vec![0; names.all.len()];
        for r in self.runs() {
            n[r.asset as usize] += u64::from(r.n_days) * u64::from(r.n_each);
        }
        let of = |code: u32| {
            let s = &self.source().seen[code as usize];
            (names.all[code as usize].as_str(), n[code as usize], s.first_at, s.last_at)
        };
        names.sorted().into_iter().filter(|c| n[*c as usize] > 0).map(of).collect()
    }

    /// The time of the newest row up to `end`, that time included; `None` without any. Of an asset that has newer rows only
    /// the day of the newest before them is known, and the end of that day is taken.
    pub(crate) fn newest(self, end: Micros) -> Option<Micros> {
        let seen = &self.source().seen;
        let before = |r: Run| {
            let last_at = seen[r.asset as usize].last_at;
            if last_at <= end {
                return Some(last_at);
            }
            let day = day_number(end).min(r.from + r.n_days as i32 - 1);
            (day >= r.from).then(|| (day_start(day + 1) - 1).min(end))
        };
        self.runs().filter_map(before).max()
    }

    /// Rows on days from `from(asset)` on, by asset: how many, and the last such day. Sorted by id.
    pub(crate) fn rows_from(self, from: impl Fn(&str) -> Option<i32>) -> Vec<(&'a str, u64, i32)> {
        let names = &self.roller.names.all;
        let mut out: BTreeMap<&str, (u64, i32)> = BTreeMap::new();
        for r in self.runs() {
            let id = names[r.asset as usize].as_str();
            let Some(from) = from(id) else { continue };
            let end = r.from + r.n_days as i32;
            let n = (end - r.from.max(from)).max(0);
            if n > 0 {
                let slot = out.entry(id).or_insert((0, i32::MIN));
                slot.0 += n as u64 * u64::from(r.n_each);
                slot.1 = slot.1.max(end - 1);
            }
        }
        out.into_iter().map(|(id, (n, last))| (id, n, last)).collect()
    }

    /// Readings of a metric that are NaN or infinite.
    pub(crate) fn not_finite(self, metric: &str) -> Oddities<'a> {
        let number = self.number as u32;
        let lane = self.roller.lanes.iter().find(|l| l.name == metric);
        let odds = lane.into_iter().flat_map(|l| &l.odd).filter(move |((s, _), _)| *s == number);
        Oddities::of(self.roller, odds.map(|((_, code), odd)| (*code, odd)))
    }
}

/// What the finite readings of a metric come to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Extent {
    pub n: u64,
    pub min: f64,
    pub max: f64,
}

fn extent(lane: &Lane, alive: &[bool]) -> Extent {
    let mut out = Extent { n: 0, min: f64::INFINITY, max: f64::NEG_INFINITY };
    let mut add = |asset: usize, n: u32, min: f64, max: f64| {
        if alive[asset] {
            out.n += u64::from(n);
            (out.min, out.max) = (out.min.min(min), out.max.max(max));
        }
    };
    let c = &lane.cells;
    for (i, asset) in c.asset.iter().enumerate() {
        match &c.dense {
            Some(d) => add(*asset as usize, d.n[i], d.min[i], d.max[i]),
            None => add(*asset as usize, 1, c.last[i], c.last[i]),
        }
    }
    for (asset, o) in lane.open.iter().enumerate().filter(|(_, o)| o.n > 0) {
        add(asset, o.n, o.min, o.max);
    }
    out
}

impl Roller {
    /// The sources that gave rows, sorted by entry and metrics.
    #[must_use]
    pub fn rows(&self) -> Vec<SourceRows<'_>> {
        let mut out: Vec<SourceRows<'_>> =
            (0..self.sources.len()).map(|number| SourceRows { roller: self, number }).collect();
        out.sort_by_key(|s| (s.entry(), s.metrics()));
        out
    }

    /// The ids that count, in no order.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.names.all.iter().zip(&self.names.alive).filter(|(_, alive)| **alive).map(|(id, _)| id.as_str())
    }

    /// How many metrics there are.
    #[must_use]
    pub fn n_metrics(&self) -> usize {
        self.lanes.len()
    }

    /// The metrics that an entry of the config gave.
    #[must_use]
    pub fn metrics_of(&self, entry: usize) -> BTreeSet<String> {
        self.sources.iter().filter(|s| s.entry == entry).flat_map(|s| s.metrics.iter().cloned()).collect()
    }

    /// Rows of all sources.
    #[must_use]
    pub fn n_rows(&self) -> u64 {
        self.rows().into_iter().map(SourceRows::n_rows).sum()
    }

    /// Rows of all sources before a cutoff.
    #[must_use]
    pub fn n_rows_before(&self, cutoff: Cutoff) -> u64 {
        let before = |r: Run| (cutoff.day() - r.from).clamp(0, r.n_days as i32) as u64 * u64::from(r.n_each);
        self.rows().into_iter().map(|s| s.runs().map(before).sum::<u64>()).sum()
    }

    /// The time of the newest row; `None` without any.
    #[must_use]
    pub fn newest(&self) -> Option<Micros> {
        self.rows().into_iter().flat_map(SourceRows::assets).map(|a| a.3).max()
    }

    /// The finite readings of a metric, by name.
    pub(crate) fn extents(&self) -> BTreeMap<&str, Extent> {
        self.lanes.iter().map(|l| (l.name.as_str(), extent(l, &self.names.alive))).collect()
    }

    /// Readings of a metric outside its plausible range; `None` where no source holds the metric.
    pub(crate) fn outside(&self, metric: &str) -> Option<Oddities<'_>> {
        let lane = self.lanes.iter().find(|l| l.name == metric)?;
        Some(Oddities::of(self, lane.outside.iter().map(|(code, odd)| (*code, odd))))
    }

    /// The ids that any source names, each with the time of its first row; unsorted, each once.
    pub(crate) fn assets(&self) -> Vec<(&str, Micros)> {
        let first = |code: usize| self.sources.iter().map(|s| s.seen[code].first_at).min();
        (0..self.names.all.len())
            .filter(|c| self.names.alive[*c])
            .filter_map(|c| Some((self.names.all[c].as_str(), first(c).filter(|t| *t < Micros::MAX)?)))
            .collect()
    }
}
