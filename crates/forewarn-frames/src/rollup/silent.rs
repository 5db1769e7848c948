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

impl Roller {
    /// The assets whose readings stopped well before `end` while those of others went on, sorted by id: for at least
    /// [`SILENT_DAYS`] days (two weeks, of assets that were read over less than 30), and for more than twice as long as they
    /// have paused before. Only days on which something was read at all
    /// count, so a collector that was down silences nobody. Of an asset that was read on one day alone the pauses of the
    /// others are taken. Sources that write changes alone tell nothing of the sort, and neither do assets that they name.
    #[must_use]
    pub fn silent(&self, end: Cutoff) -> Vec<Silent> {
        let mut runs: BTreeMap<&str, Vec<(i32, i32)>> = BTreeMap::new();
        let mut by_change: BTreeSet<&str> = BTreeSet::new();
        for source in self.rows() {
            if source.on_change() {
                by_change.extend(source.assets().into_iter().map(|a| a.0));
                continue;
            }
            source.each_run(|id, from, n_days| {
                let to = (from + n_days).min(end.day());
                if from < to {
                    runs.entry(id).or_default().push((from, to));
                }
            });
        }
        runs.retain(|id, _| !by_change.contains(id));
        for r in runs.values_mut() {
            r.sort_unstable();
        }
        let read = days_of(runs.values().flatten());
        // How many days on which something was read lie before a day.
        let place = |day: i32| read.partition_point(|d| *d < day);
        let pauses: BTreeMap<&str, Option<usize>> =
            runs.iter().map(|(id, r)| (*id, longest_pause(r, place))).collect();
        let mut known: Vec<usize> = pauses.values().flatten().copied().collect();
        known.sort_unstable();
        let Some(usual) = known.get(known.len() / 2).copied() else { return Vec::new() };
        let silent = |(id, runs): (&str, Vec<(i32, i32)>)| {
            let next = runs.iter().map(|r| r.1).max()?;
            let pause = pauses.get(id).copied().flatten().unwrap_or(usual);
            let known = place(next) - runs.first().map_or(0, |r| place(r.0));
            let least = if known < HABIT_DAYS { SILENT_DAYS_OF_NEW } else { SILENT_DAYS };
            let needed = least.max(pause.saturating_mul(TIMES_ITS_PAUSE) + 1);
            let since = day_start(*read.get(place(next) + needed - 1)?);
            Some(Silent { asset_id: id.to_owned(), last_day: next - 1, since })
        };
        runs.into_iter().filter_map(silent).collect()
    }
}

/// The days in any of the runs, sorted.
fn days_of<'a>(runs: impl Iterator<Item = &'a (i32, i32)> + Clone) -> Vec<i32> {
    let Some(first) = runs.clone().map(|r| r.0).min() else { return Vec::new() };
    let n = runs.clone().map(|r| r.1 - first).max().unwrap_or(0);
    let mut is_read = vec![false; n as usize];
    for (from, to) in runs {
        is_read[(from - first) as usize..(to - first) as usize].fill(true);
    }
    (first..).zip(is_read).filter_map(|(day, read)| read.then_some(day)).collect()
}

/// The most days between two readings on which something else was read; `None` where the asset was read on one day alone.
fn longest_pause(runs: &[(i32, i32)], place: impl Fn(i32) -> usize) -> Option<usize> {
    let (first, mut end) = *runs.first()?;
    let mut longest = 0;
    for (from, to) in runs {
        if *from > end {
            longest = longest.max(place(*from) - place(end));
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
        // Scans once in 30 days: the one that was scanned once may still come.
        let scans = |from: i32| (0..5).map(|k| from + 30 * k).collect::<Vec<_>>();
        let all: Vec<(&str, Vec<i32>)> =
            vec![("a", scans(0)), ("b", scans(10)), ("c", scans(20)), ("d", vec![90])];
        check(&all, 200, false, &[]);
        check(&[("a", vec![1])], 100, false, &[]);
        check(&[], 100, false, &[]);
    }
}
