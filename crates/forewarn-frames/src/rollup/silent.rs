//! Assets of which readings stopped coming while those of others went on. It does not know whether they are gone or broken.

use std::collections::{BTreeMap, BTreeSet};

use super::day_start;
use super::roller::Roller;
use crate::time::{Cutoff, Micros};

/// So many days on which others are read have to pass before an asset counts as silent, at least.
pub const SILENT_DAYS: usize = 3;
/// The same of an asset whose habits are hardly known: it has been read over fewer days than these.
const SILENT_DAYS_OF_NEW: usize = 14;
const HABIT_DAYS: usize = 30;
/// And more than so many times the longest pause that the asset itself has made before.
const TIMES_ITS_PAUSE: usize = 2;

/// So many days with readings say how many assets are usually read.
const USUAL_DAYS: usize = 28;

/// An asset that went silent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Silent {
    /// The asset.
    pub asset_id: String,
    /// The day of its newest reading.
    pub last_day: i32,
    /// Since when it counts as silent: the midnight (UTC) that begins the last of the days which it takes to say so.
    pub since: Micros,
}

/// Days with readings, from the first until before the second.
type Days = (i32, i32);

/// When an asset was read.
#[derive(Default)]
struct Heard {
    /// The entries of the config that name it.
    entries: Vec<usize>,
    /// Sorted by their first day.
    runs: Vec<Days>,
}

impl Roller {
    /// The assets whose readings stopped well before `end` while those of others went on, sorted by id: for at least
    /// [`SILENT_DAYS`] days (two weeks, of assets that were read over less than 30), and for more than twice as long as they
    /// have paused before. Only days count on which the entries of the config that name the asset were read, and of at least
    /// half as many assets as usual, so a collector that is down silences nobody for two weeks. Of an asset that was read on
    /// one day alone the pauses of the others are taken. Sources that write changes alone tell nothing of the sort, and
    /// neither do assets that they name.
    #[must_use]
    pub fn silent(&self, end: Cutoff) -> Vec<Silent> {
        let mut by_entry: BTreeMap<usize, BTreeMap<&str, Vec<Days>>> = BTreeMap::new();
        let mut by_change: BTreeSet<&str> = BTreeSet::new();
        for source in self.rows() {
            if source.on_change() {
                by_change.extend(source.assets().into_iter().map(|a| a.0));
                continue;
            }
            let runs = by_entry.entry(source.entry()).or_default();
            source.each_run(|id, from, n_days| {
                let to = (from + n_days).min(end.day());
                if from < to {
                    runs.entry(id).or_default().push((from, to));
                }
            });
        }
        let read: BTreeMap<usize, Vec<i32>> =
            by_entry.iter().map(|(entry, assets)| (*entry, days_read(assets))).collect();
        let mut assets: BTreeMap<&str, Heard> = BTreeMap::new();
        for (entry, runs) in by_entry {
            for (id, runs) in runs.into_iter().filter(|(id, _)| !by_change.contains(id)) {
                let asset = assets.entry(id).or_default();
                asset.entries.push(entry);
                asset.runs.extend(runs);
            }
        }
        let mut together: BTreeMap<&[usize], Vec<i32>> = BTreeMap::new();
        for asset in assets.values_mut() {
            asset.runs.sort_unstable();
        }
        for Heard { entries, .. } in assets.values() {
            together.entry(entries).or_insert_with(|| {
                let days: BTreeSet<i32> = entries.iter().flat_map(|e| &read[e]).copied().collect();
                days.into_iter().collect()
            });
        }
        let pause = |a: &Heard| longest_pause(&a.runs, &together[a.entries.as_slice()]);
        let pauses: Vec<Option<usize>> = assets.values().map(pause).collect();
        let mut known: Vec<usize> = pauses.iter().flatten().copied().collect();
        known.sort_unstable();
        let Some(usual) = known.get(known.len() / 2).copied() else { return Vec::new() };
        let silent = |id: &str, asset: &Heard, pause: Option<usize>| {
            let read = &together[asset.entries.as_slice()];
            let next = asset.runs.iter().map(|r| r.1).max()?;
            let known = place(read, next) - asset.runs.first().map_or(0, |r| place(read, r.0));
            let least = if known < HABIT_DAYS { SILENT_DAYS_OF_NEW } else { SILENT_DAYS };
            let needed = least.max(pause.unwrap_or(usual).saturating_mul(TIMES_ITS_PAUSE) + 1);
            let since = day_start(*read.get(place(read, next) + needed - 1)?);
            Some(Silent { asset_id: id.to_owned(), last_day: next - 1, since })
        };
        assets.iter().zip(pauses).filter_map(|((id, asset), pause)| silent(id, asset, pause)).collect()
    }
}

/// The days on which at least half as many assets were read as on the median of the days before.
fn days_read(assets: &BTreeMap<&str, Vec<Days>>) -> Vec<i32> {
    let runs = || assets.values().flatten();
    let Some(first) = runs().map(|r| r.0).min() else { return Vec::new() };
    let n = runs().map(|r| r.1 - first).max().unwrap_or(0) as usize;
    let mut n_assets = vec![0_u32; n];
    for (from, to) in runs() {
        for n in &mut n_assets[(from - first) as usize..(to - first) as usize] {
            *n += 1;
        }
    }
    let mut before: Vec<u32> = Vec::new();
    let mut out = Vec::new();
    for (day, n) in (first..).zip(n_assets).filter(|(_, n)| *n > 0) {
        let mut usual = before[before.len().saturating_sub(USUAL_DAYS)..].to_vec();
        usual.sort_unstable();
        if usual.get(usual.len() / 2).is_none_or(|usual| 2 * n >= *usual) {
            out.push(day);
        }
        before.push(n);
    }
    out
}

/// How many of the days lie before one.
fn place(days: &[i32], day: i32) -> usize {
    days.partition_point(|d| *d < day)
}

/// The most days between two readings on which something else was read; `None` where the asset was read on one day alone.
fn longest_pause(runs: &[Days], read: &[i32]) -> Option<usize> {
    let (first, mut end) = *runs.first()?;
    let mut longest = 0;
    for (from, to) in runs {
        if *from > end {
            longest = longest.max(place(read, *from) - place(read, end));
        }
        end = end.max(*to);
    }
    (end - first > 1).then_some(longest)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops where its own input is wrong")]
mod tests {
    use polars::prelude::*;

    use super::*;
    use crate::input::Telemetry;
    use crate::rollup::TelemetryKind;
    use crate::time::DAY;

    fn telemetry(days: &[(&str, Vec<i32>)]) -> Telemetry {
        let rows: Vec<(&str, i64)> =
            days.iter().flat_map(|(id, days)| days.iter().map(|d| (*id, i64::from(*d) * DAY))).collect();
        let ids: Vec<&str> = rows.iter().map(|r| r.0).collect();
        let at: Vec<i64> = rows.iter().map(|r| r.1).collect();
        let at =
            Column::new("ts".into(), at).cast(&DataType::Datetime(TimeUnit::Microseconds, None)).unwrap();
        let columns =
            vec![Column::new("asset_id".into(), ids), at, Column::new("cpu".into(), vec![1.0; rows.len()])];
        Telemetry::try_new(&DataFrame::new(rows.len(), columns).unwrap()).unwrap()
    }

    #[test]
    fn an_asset_is_silent_when_others_go_on_without_it() {
        let check = |days: &[(&str, Vec<i32>)], end: i32, on_change: bool, want: &[(&str, i32, i32)]| {
            let kind = TelemetryKind { on_change, counters: Vec::new() };
            let roller = Roller::of(&[(telemetry(days), kind)]).unwrap();
            let found = roller.silent(Cutoff::from_day(end));
            let found: Vec<(&str, i32, i32)> =
                found.iter().map(|s| (s.asset_id.as_str(), s.last_day, (s.since / DAY) as i32)).collect();
            assert_eq!(found, want, "{days:?} {end} {on_change}");
        };
        let daily = |n: i32| (0..n).collect::<Vec<_>>();
        // Two days of the others are too few, the third says it; of a new one, the fourteenth.
        check(&[("a", daily(40)), ("b", daily(60))], 42, false, &[]);
        check(&[("a", daily(40)), ("b", daily(60))], 43, false, &[("a", 39, 42)]);
        check(&[("a", daily(40)), ("b", daily(60))], 400, false, &[("a", 39, 42)]);
        check(&[("a", daily(40)), ("b", daily(60))], 400, true, &[]);
        check(&[("a", daily(20)), ("b", daily(60))], 33, false, &[]);
        check(&[("a", daily(20)), ("b", daily(60))], 34, false, &[("a", 19, 33)]);
        // Nobody is read while the collector is down.
        check(&[("a", daily(40)), ("b", [daily(40), (60..62).collect()].concat())], 100, false, &[]);
        check(
            &[("a", daily(40)), ("b", [daily(40), (60..63).collect()].concat())],
            100,
            false,
            &[("a", 39, 62)],
        );
        // Who has paused for 10 days before is given 20.
        let pauses = [daily(25), (35..40).collect()].concat();
        check(&[("a", pauses.clone()), ("b", daily(60))], 100, false, &[]);
        check(&[("a", pauses), ("b", daily(61))], 100, false, &[("a", 39, 60)]);
        // Most of the fleet is silent: for two weeks that is no asset's own silence.
        let many = |n: i32| (0..9).map(|_| daily(n)).collect::<Vec<_>>();
        let ids = ["b", "c", "d", "e", "f", "g", "h", "i", "j"];
        let fleet = |n: i32| ids.into_iter().zip(many(n)).collect::<Vec<_>>();
        check(&[fleet(40), vec![("a", daily(54))]].concat(), 54, false, &[]);
        check(&[fleet(60), vec![("a", daily(40))]].concat(), 60, false, &[("a", 39, 42)]);
        // Scans once in 30 days: the one that was scanned once may still come.
        let scans = |from: i32| (0..5).map(|k| from + 30 * k).collect::<Vec<_>>();
        let all: Vec<(&str, Vec<i32>)> =
            vec![("a", scans(0)), ("b", scans(10)), ("c", scans(20)), ("d", vec![90])];
        check(&all, 200, false, &[]);
        check(&[("a", vec![1])], 100, false, &[]);
        check(&[], 100, false, &[]);
    }
}
