//! Telemetry rolled up as it is read, slice by slice: memory follows assets, metrics and days, not readings.
//!
//! As long as the rows of an asset come in the order of their time, each reading is added to the asset's open day and
//! forgotten. An asset whose rows do not is set aside ([`Roller::late`]); its rows are then read once more, all at once
//! ([`Roller::redo`]). Either way the readings of an asset are summed in the order of their time, so the result is the same
//! bytes whatever order, slices and files the rows came in. It does not know files or cutoffs.

use std::collections::{BTreeMap, BTreeSet};

use polars::prelude::*;

use super::cells::{Keys, Lane, NEVER_READ, Odd};
use super::names::Names;
use super::{MetricRollup, TelemetryKind};
use crate::input::{Repeats, TELEMETRY, Telemetry};
use crate::time::{Cutoff, Micros, day_number};

/// How telemetry is to be read.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RollerSettings {
    /// Metrics that only count up, of any source.
    pub counters: BTreeSet<String>,
    /// Least and greatest plausible value by metric; a reading outside is counted, and kept.
    pub ranges: BTreeMap<String, (Option<f64>, Option<f64>)>,
    /// How many threads may work, at least 1.
    pub threads: usize,
}

/// What a source has said of one asset.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Seen {
    pub last_ts: Micros,
    pub last_at: Micros,
    pub first_at: Micros,
    /// The day that is counted, and the rows on it.
    pub day: i32,
    pub n_today: u32,
    /// Days before it with as many rows each as the last of them.
    pub from: i32,
    pub n_days: u32,
    pub n_each: u32,
    /// Rows as they came, and those that repeat the one before.
    pub n_raw: u64,
    pub n_repeats: u64,
    /// The row of the slice at hand that was its last.
    pub slice: u32,
    pub row: u32,
}

impl Seen {
    pub(super) const NONE: Self = Self {
        last_ts: NEVER_READ,
        last_at: NEVER_READ,
        first_at: Micros::MAX,
        day: 0,
        n_today: 0,
        from: 0,
        n_days: 0,
        n_each: 0,
        n_raw: 0,
        n_repeats: 0,
        slice: 0,
        row: 0,
    };
}

/// Days in a row with the same number of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run {
    pub asset: u32,
    pub from: i32,
    pub n_days: u32,
    pub n_each: u32,
}

/// Rows of one kind: those of an entry of the config that hold the same metrics.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Source {
    pub entry: usize,
    pub metrics: Vec<String>,
    pub lanes: Vec<usize>,
    pub seen: Vec<Seen>,
    pub runs: Vec<Run>,
    pub redone: Repeats,
}

/// Adds a row to the days of an asset.
fn count_row(s: &mut Seen, runs: &mut Vec<Run>, asset: u32, day: i32) {
    if s.n_today > 0 && s.day == day {
        s.n_today += 1;
        return;
    }
    end_day(s, runs, asset);
    (s.day, s.n_today) = (day, 1);
}

/// Moves the counted day to the days before it.
fn end_day(s: &mut Seen, runs: &mut Vec<Run>, asset: u32) {
    if s.n_today == 0 {
        return;
    }
    let follows =
        s.n_days > 0 && s.n_each == s.n_today && i64::from(s.from) + i64::from(s.n_days) == i64::from(s.day);
    if follows {
        s.n_days += 1;
    } else {
        if s.n_days > 0 {
            runs.push(Run { asset, from: s.from, n_days: s.n_days, n_each: s.n_each });
        }
        (s.from, s.n_days, s.n_each) = (s.day, 1, s.n_today);
    }
    s.n_today = 0;
}

/// Telemetry of all sources, rolled up by day.
///
/// # Example
///
/// ```
/// use forewarn_frames::rollup::{Roller, RollerSettings};
/// use polars::prelude::*;
/// let time = |at: [i64; 2]| Column::new("ts".into(), at).cast(&DataType::Datetime(TimeUnit::Microseconds, None)).unwrap();
/// let slice = |at, v: [f64; 2]| {
///     DataFrame::new(2, vec![Column::new("asset_id".into(), ["a", "a"]), time(at), Column::new("cpu".into(), v)]).unwrap()
/// };
/// let mut roller = Roller::new(RollerSettings { threads: 1, ..Default::default() });
/// let source = roller.source(0, &["cpu".to_owned()], false);
/// roller.push(source, &slice([1, 2], [10.0, 30.0])).unwrap();
/// roller.push(source, &slice([3, 4], [20.0, 40.0])).unwrap();
/// assert_eq!((roller.n_rows(), roller.late().len()), (4, 0));
/// roller.push(source, &slice([3, 5], [20.0, 40.0])).unwrap();
/// assert_eq!(roller.late(), ["a"], "a row before one that was read already");
/// ```
#[derive(Debug, Clone)]
pub struct Roller {
    pub(super) settings: RollerSettings,
    pub(super) names: Names,
    pub(super) late: BTreeSet<u32>,
    pub(super) sources: Vec<Source>,
    pub(super) lanes: Vec<Lane>,
    slice: u32,
}

impl Default for Roller {
    fn default() -> Self {
        Self::new(RollerSettings::default())
    }
}

/// The metric columns of a slice, in the order of a source's metrics; `None` where the slice has none.
fn metric_columns<'a>(df: &'a DataFrame, names: &[String]) -> PolarsResult<Vec<Option<&'a Float64Chunked>>> {
    names
        .iter()
        .map(|n| match df.column(n) {
            Ok(c) => c.f64().map(Some),
            Err(_) => Ok(None),
        })
        .collect()
}

fn times(df: &DataFrame) -> PolarsResult<Vec<Micros>> {
    let ts = df.column("ts")?.cast(&DataType::Int64)?;
    Ok(ts.i64()?.iter().map(|t| t.unwrap_or(NEVER_READ)).collect())
}

fn received(df: &DataFrame) -> PolarsResult<Option<Vec<Option<Micros>>>> {
    match df.column("received_at") {
        Ok(c) if c.null_count() < c.len() => Ok(Some(c.cast(&DataType::Int64)?.i64()?.iter().collect())),
        _ => Ok(None),
    }
}

/// Whether row `i` equals the last row that its source gave of the asset, which has the same time and is row `before` of
/// the same slice, or was the last one of an earlier slice.
fn is_last_row(
    all: &[Lane],
    lanes: &[usize],
    columns: &[Option<&Float64Chunked>],
    (code, at): (u32, Micros),
    (i, before): (usize, Option<usize>),
) -> bool {
    columns.iter().zip(lanes).all(|(c, lane)| {
        let value = |row: usize| c.and_then(|c| c.get(row));
        if let Some(row) = before {
            return value(i).map(f64::to_bits) == value(row).map(f64::to_bits);
        }
        let o = &all[*lane].open[code as usize];
        let last = (o.last_at == at).then_some(o.last);
        value(i).filter(|v| v.is_finite()).map(f64::to_bits) == last.map(f64::to_bits)
    })
}

/// When each row could be known: at its time, or when it was received where that is later.
fn known(ts: &[Micros], received: Option<Vec<Option<Micros>>>) -> Vec<Micros> {
    match received {
        None => ts.to_vec(),
        Some(r) => ts.iter().zip(r).map(|(t, r)| r.map_or(*t, |r| r.max(*t))).collect(),
    }
}

impl Roller {
    /// Nothing read yet.
    #[must_use]
    pub fn new(settings: RollerSettings) -> Self {
        Self {
            settings,
            names: Names::new(),
            late: BTreeSet::new(),
            sources: Vec::new(),
            lanes: Vec::new(),
            slice: 0,
        }
    }

    /// All of several valid frames, as if each were read at once.
    ///
    /// # Errors
    ///
    /// Polars refuses an operation on a valid frame, which would be a bug.
    pub fn of(frames: &[(Telemetry, TelemetryKind)]) -> PolarsResult<Self> {
        let counters = frames.iter().flat_map(|(_, k)| k.counters.iter().cloned()).collect();
        Self::with(frames, RollerSettings { counters, threads: 1, ..RollerSettings::default() })
    }

    /// The same by some settings, whose counters stand for those of the frames.
    ///
    /// # Errors
    ///
    /// See [`Roller::of`].
    pub fn with(frames: &[(Telemetry, TelemetryKind)], settings: RollerSettings) -> PolarsResult<Self> {
        let mut out = Self::new(settings);
        let mut rows = Vec::with_capacity(frames.len());
        for (entry, (t, kind)) in frames.iter().enumerate() {
            let source = out.source(entry, &metric_names(t.df()), kind.on_change);
            out.push(source, t.df())?;
            rows.push((source, t));
        }
        if !out.late.is_empty() {
            let late: BTreeSet<String> = out.late().iter().map(ToString::to_string).collect();
            let mut again = Vec::with_capacity(rows.len());
            for (source, t) in &rows {
                let ids = t.df().column("asset_id")?.str()?;
                let keep: BooleanChunked =
                    ids.iter().map(|id| id.is_some_and(|id| late.contains(id))).collect();
                again.push((*source, t.df().filter(&keep)?, Repeats::default()));
            }
            out.redo_rows(&again)?;
        }
        for (source, t) in &rows {
            out.sources[*source].redone = t.repeats();
        }
        Ok(out)
    }

    /// The number of the source that an entry of the config and a set of metrics make; `on_change` says that a row comes
    /// only when a value changes.
    pub fn source(&mut self, entry: usize, metrics: &[String], on_change: bool) -> usize {
        let mut metrics = metrics.to_vec();
        metrics.sort();
        metrics.dedup();
        if let Some(at) = self.sources.iter().position(|s| s.entry == entry && s.metrics == metrics) {
            return at;
        }
        let lanes = metrics.iter().map(|m| self.lane(m, on_change)).collect();
        let n = self.names.all.len();
        self.sources.push(Source {
            entry,
            metrics,
            lanes,
            seen: vec![Seen::NONE; n],
            runs: Vec::new(),
            redone: Repeats::default(),
        });
        self.sources.len() - 1
    }

    pub(super) fn new_lane(&self, name: &str) -> Lane {
        let range = self.settings.ranges.get(name).copied().unwrap_or_default();
        let range = (range.0.unwrap_or(f64::NEG_INFINITY), range.1.unwrap_or(f64::INFINITY));
        Lane::new(name, self.settings.counters.contains(name), range, self.names.all.len())
    }

    pub(super) fn lane(&mut self, name: &str, on_change: bool) -> usize {
        let at = self.lanes.iter().position(|l| l.name == name).unwrap_or_else(|| {
            self.lanes.push(self.new_lane(name));
            self.lanes.len() - 1
        });
        self.lanes[at].on_change |= on_change;
        at
    }

    /// Takes in a slice of rows of a source: `asset_id` (text) and `ts` (microseconds) in every row, `received_at` where
    /// there is one, and numbers by metric.
    ///
    /// # Errors
    ///
    /// A column has another type.
    pub fn push(&mut self, source: usize, df: &DataFrame) -> PolarsResult<()> {
        let ids = df.column("asset_id")?.str()?;
        let ts = times(df)?;
        let at = known(&ts, received(df)?);
        let columns = metric_columns(df, &self.sources[source].metrics)?;
        let asset: Vec<u32> = ids.iter().map(|id| self.names.code(id.unwrap_or_default())).collect();
        self.grow();
        self.slice += 1;
        let day: Vec<i32> = at.iter().map(|t| day_number(*t)).collect();
        let mut skip = Vec::new();
        let of = &mut self.sources[source];
        for i in 0..ts.len() {
            let code = asset[i];
            let s = &mut of.seen[code as usize];
            s.n_raw += 1;
            if ts[i] > s.last_ts && at[i] > s.last_at && (self.late.is_empty() || !self.late.contains(&code))
            {
                (s.last_ts, s.last_at, s.first_at) = (ts[i], at[i], s.first_at.min(at[i]));
                (s.slice, s.row) = (self.slice, i as u32);
                count_row(s, &mut of.runs, code, day[i]);
                continue;
            }
            skip.resize(ts.len(), false);
            skip[i] = true;
            let same_time = (ts[i], at[i]) == (s.last_ts, s.last_at);
            let before = (s.slice == self.slice).then_some(s.row as usize);
            if same_time && is_last_row(&self.lanes, &of.lanes, &columns, (code, at[i]), (i, before)) {
                s.n_repeats += 1;
            } else {
                self.late.insert(code);
            }
        }
        let keys = Keys { source: source as u32, asset: &asset, at: &at, day: &day, skip: &skip };
        let late = self.take(source, &keys, &columns);
        self.late.extend(late);
        Ok(())
    }

    /// Makes room for every asset that has a code.
    fn grow(&mut self) {
        let n = self.names.all.len();
        for s in &mut self.sources {
            s.seen.resize(n, Seen::NONE);
        }
        for l in &mut self.lanes {
            l.open.resize(n, super::cells::Open::NONE);
        }
    }

    /// Adds the readings of a slice to the metrics of its source, some threads at a time, each metric by one of them.
    fn take(&mut self, source: usize, keys: &Keys<'_>, columns: &[Option<&Float64Chunked>]) -> Vec<u32> {
        let place: BTreeMap<usize, usize> =
            self.sources[source].lanes.iter().enumerate().map(|(i, l)| (*l, i)).collect();
        let mut work: Vec<(&mut Lane, &Float64Chunked)> = self
            .lanes
            .iter_mut()
            .enumerate()
            .filter_map(|(l, lane)| Some((lane, columns[*place.get(&l)?]?)))
            .collect();
        let each = work.len().div_ceil(self.settings.threads.max(1)).max(1);
        let one = |part: &mut [(&mut Lane, &Float64Chunked)]| {
            let mut late = Vec::new();
            for (lane, values) in part {
                match values.cont_slice() {
                    Ok(all) if values.null_count() == 0 => {
                        lane.take(keys, all.iter().map(|v| Some(*v)), &mut late);
                    }
                    _ => lane.take(keys, values.iter(), &mut late),
                }
            }
            late
        };
        if work.len() <= each {
            return one(&mut work);
        }
        let one = &one;
        std::thread::scope(|scope| {
            let running: Vec<_> = work.chunks_mut(each).map(|part| scope.spawn(move || one(part))).collect();
            running.into_iter().flat_map(|r| r.join().unwrap_or_default()).collect()
        })
    }

    /// Keeps of the columns of an entry those that are metrics; what was read of the others is forgotten.
    pub fn keep_metrics(&mut self, entry: usize, is_metric: &dyn Fn(&str) -> bool) {
        for s in self.sources.iter_mut().filter(|s| s.entry == entry) {
            let keep: Vec<bool> = s.metrics.iter().map(|m| is_metric(m)).collect();
            let mut k = keep.iter();
            s.metrics.retain(|_| k.next() == Some(&true));
            let mut k = keep.iter();
            s.lanes.retain(|_| k.next() == Some(&true));
        }
        // Places of lanes change, so the sources are told the new ones.
        let used: BTreeSet<usize> = self.sources.iter().flat_map(|s| s.lanes.iter().copied()).collect();
        let place: BTreeMap<usize, usize> = used.iter().enumerate().map(|(new, old)| (*old, new)).collect();
        let mut at = 0..;
        self.lanes.retain(|_| at.next().is_some_and(|i| used.contains(&i)));
        for lane in self.sources.iter_mut().flat_map(|s| &mut s.lanes) {
            *lane = place.get(lane).copied().unwrap_or_default();
        }
    }

    /// The ids of the assets whose rows did not come in the order of their time, sorted.
    #[must_use]
    pub fn late(&self) -> Vec<&str> {
        let mut out: Vec<&str> = self.late.iter().map(|c| self.names.all[*c as usize].as_str()).collect();
        out.sort_unstable();
        out
    }

    /// How many rows came of an asset, repeated ones included.
    #[must_use]
    pub fn n_raw(&self, id: &str) -> u64 {
        let Some(code) = self.names.get(id) else { return 0 };
        self.sources.iter().map(|s| s.seen.get(code as usize).map_or(0, |s| s.n_raw)).sum()
    }

    /// Takes in once more all rows of some of the assets that are [`Roller::late`], by source, and forgets what was taken of
    /// them before.
    ///
    /// # Errors
    ///
    /// Polars refuses an operation on a valid frame, which would be a bug.
    pub fn redo(&mut self, rows: &[(usize, Telemetry)]) -> PolarsResult<()> {
        let rows: Vec<_> = rows.iter().map(|(s, t)| (*s, t.df().clone(), t.repeats())).collect();
        self.redo_rows(&rows)
    }

    fn redo_rows(&mut self, rows: &[(usize, DataFrame, Repeats)]) -> PolarsResult<()> {
        let mut ids: BTreeSet<&str> = BTreeSet::new();
        for (_, df, _) in rows {
            let mut last = None;
            for id in df.column("asset_id")?.str()?.iter().flatten() {
                if last != Some(id) {
                    ids.insert(id);
                }
                last = Some(id);
            }
        }
        let codes: BTreeMap<&str, u32> = ids
            .into_iter()
            .map(|id| {
                if let Some(old) = self.names.get(id) {
                    self.late.remove(&old);
                }
                (id, self.names.renew(id))
            })
            .collect();
        self.grow();
        let mut readings: BTreeMap<usize, Vec<Reading>> = BTreeMap::new();
        for (number, df, repeats) in rows {
            let ts = times(df)?;
            let at = known(&ts, received(df)?);
            let ids = df.column("asset_id")?.str()?;
            let asset: Vec<u32> =
                ids.iter().map(|id| id.and_then(|id| codes.get(id)).copied().unwrap_or(0)).collect();
            let source = &mut self.sources[*number];
            let mut order: Vec<usize> = (0..at.len()).collect();
            order.sort_by_key(|i| (asset[*i], at[*i], ts[*i]));
            for i in order {
                let s = &mut source.seen[asset[i] as usize];
                s.n_raw += 1;
                (s.last_ts, s.last_at) = (s.last_ts.max(ts[i]), at[i]);
                s.first_at = s.first_at.min(at[i]);
                count_row(s, &mut source.runs, asset[i], day_number(at[i]));
            }
            source.redone.identical += repeats.identical;
            source.redone.differing += repeats.differing;
            for (name, lane) in source.metrics.iter().zip(&source.lanes) {
                let Ok(column) = df.column(name) else { continue };
                let out = readings.entry(*lane).or_default();
                for (i, value) in column.f64()?.iter().enumerate() {
                    let Some(value) = value else { continue };
                    if value.is_finite() {
                        out.push(Reading { asset: asset[i], at: at[i], value });
                    } else {
                        let first = Odd { n: 0, at: at[i], value };
                        let odds = &mut self.lanes[*lane].odd;
                        odds.entry((*number as u32, asset[i])).or_insert(first).count(at[i], value);
                    }
                }
            }
        }
        for (lane, mut rows) in readings {
            // Of two sources that hold a metric at the same time the greater reading stays.
            rows.sort_by(|a, b| (a.asset, a.at).cmp(&(b.asset, b.at)).then(b.value.total_cmp(&a.value)));
            rows.dedup_by_key(|r| (r.asset, r.at));
            let asset: Vec<u32> = rows.iter().map(|r| r.asset).collect();
            let at: Vec<Micros> = rows.iter().map(|r| r.at).collect();
            let day: Vec<i32> = at.iter().map(|t| day_number(*t)).collect();
            let keys = Keys { source: 0, asset: &asset, at: &at, day: &day, skip: &[] };
            let mut late = Vec::new();
            self.lanes[lane].take(&keys, rows.iter().map(|r| Some(r.value)), &mut late);
            debug_assert!(late.is_empty(), "sorted readings are in order");
        }
        Ok(())
    }
}

impl Roller {
    /// The days before `end`, one rollup a metric, sorted by name; assets are numbered by `number`, below `n_assets`.
    pub(crate) fn finish(
        self,
        number: &dyn Fn(&str) -> Option<u32>,
        n_assets: usize,
        end: Cutoff,
    ) -> Vec<MetricRollup> {
        let Self { names, mut lanes, .. } = self;
        let number: Vec<Option<u32>> =
            names.all.iter().zip(&names.alive).map(|(id, alive)| number(id).filter(|_| *alive)).collect();
        lanes.sort_by(|a, b| b.name.cmp(&a.name));
        let mut out = Vec::with_capacity(lanes.len());
        while let Some(lane) = lanes.pop() {
            out.push(MetricRollup::of(lane, &number, n_assets, end.day()));
        }
        out
    }
}

impl Roller {
    /// The ids that were read, sorted, and the days before `end` of each metric, sorted by name: the table of rollups by
    /// itself.
    #[must_use]
    pub fn rollups(self, end: Cutoff) -> (Vec<String>, Vec<MetricRollup>) {
        let mut ids: Vec<String> = self.ids().map(ToOwned::to_owned).collect();
        ids.sort();
        let number = |id: &str| ids.binary_search_by(|x| x.as_str().cmp(id)).ok().map(|i| i as u32);
        let out = self.finish(&number, ids.len(), end);
        (ids, out)
    }
}

/// One reading: asset code, time, value.
struct Reading {
    asset: u32,
    at: Micros,
    value: f64,
}

/// The columns of a frame that are metrics.
pub(super) fn metric_names(df: &DataFrame) -> Vec<String> {
    df.get_column_names().iter().filter(|n| TELEMETRY.column(n).is_none()).map(ToString::to_string).collect()
}
