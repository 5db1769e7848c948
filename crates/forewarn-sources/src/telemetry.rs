//! Telemetry from files to daily rollups, slice by slice. Rows of an asset that come out of order are read once more, as
//! many assets at a time as memory allows. It does not know the clock or what the rollups are used for.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, SyncSender};

use forewarn_frames::checks::{Rejected, RowsAfterNow};
use forewarn_frames::input::Telemetry;
use forewarn_frames::rollup::{Roller, RollerSettings};
use forewarn_frames::time::Micros;
use polars::prelude::*;
use serde::{Deserialize, Serialize};

use crate::cache::{self, FileState, State};
use crate::error::{SourceError, nearest};
use crate::failure::{Edges, EdgesState};
use crate::files::Input;
use crate::handed::Given;
use crate::inventory::Inventory;
use crate::load::{internal, union, within};
use crate::map::{Mapped, map_file};
use crate::metrics::{MayBe, is_for_conditions, pivot};
use crate::read::{RawTable, guarded};
use crate::settings::{FailureSource, Layout, SourceSettings, TableSettings};
use crate::slices::slices;
use crate::stop::Stop;

/// What a load is told beside the settings.
#[derive(Debug, Clone, PartialEq)]
pub struct ReadPlan {
    /// The time of the run: readings after it are counted and left out.
    pub now: Micros,
    /// Readings before it are left out. Default: none.
    pub telemetry_from: Option<Micros>,
    /// Least and greatest plausible value by metric.
    pub ranges: BTreeMap<String, (Option<f64>, Option<f64>)>,
    /// How many threads may work, at least 1.
    pub threads: usize,
    /// How many cells of a file are read at a time, about; at least 1. The result does not depend on it.
    pub slice_cells: usize,
    /// How many bytes rows that are read once more may take at a time, at least 1 MiB.
    pub room: u64,
    /// The folder in which what was read is kept for the next time. Default: nowhere.
    pub cache: Option<PathBuf>,
    /// Tables handed in instead of files. Default: none.
    pub given: Given,
    /// Whether anybody still waits. Default: somebody does.
    pub stop: Stop,
}

impl Default for ReadPlan {
    fn default() -> Self {
        Self {
            now: Micros::MAX,
            telemetry_from: None,
            ranges: BTreeMap::new(),
            threads: 1,
            slice_cells: 8 << 20,
            room: 1 << 30,
            cache: None,
            given: Given::default(),
            stop: Stop::default(),
        }
    }
}

/// What is kept beside the rollups.
#[derive(Default, Serialize, Deserialize)]
struct More {
    inventory: Option<Inventory>,
    edges: Option<EdgesState>,
}

/// What a file of telemetry came to.
pub(crate) struct Fed {
    pub(crate) n_rows: u64,
    pub(crate) n_kept: u64,
    pub(crate) rejected: Vec<Rejected>,
    pub(crate) maybe: Vec<MayBe>,
    pub(crate) unresolved: Vec<(String, SourceError)>,
}

/// What comes of reading files, in their order.
pub(crate) enum Event {
    /// Rows of the file at hand: how many, those left out by the reader too, and what they were mapped to.
    Slice(u64, Box<Mapped>),
    /// The file at hand is read, or cannot be.
    End(Result<(), SourceError>),
}

fn gone(path: &str) -> SourceError {
    SourceError::Malformed { path: path.to_owned(), row: None, message: "the reader stopped".into() }
}

fn mapped(
    settings: &SourceSettings,
    entry: usize,
    raw: &RawTable,
    path: &str,
) -> Result<Mapped, SourceError> {
    let assets = settings.assets_from_telemetry.as_ref();
    guarded(path, || map_file(raw, &settings.telemetry[entry], assets, path))
}

/// Reads files and hands on what they hold, until nobody listens any more. It runs beside the one who rolls up.
pub(crate) fn read_files(
    settings: &SourceSettings,
    plan: &ReadPlan,
    entry: usize,
    files: &[&Input],
    out: &SyncSender<Event>,
) {
    let t = &settings.telemetry[entry];
    for file in files {
        let delimiter = t.delimiter.map(|d| d as u8);
        let ended = slices(file, delimiter, (settings.limits, plan.slice_cells), &mut |raw| {
            plan.stop.check()?;
            let left_out: u64 = raw.notes.iter().filter(|n| n.row_left_out).map(|n| n.n_rows).sum();
            let n_rows = raw.df.height() as u64 + left_out;
            let mapped = mapped(settings, entry, &raw, &file.shown)?;
            out.send(Event::Slice(n_rows, Box::new(mapped))).map_err(|_| gone(&file.shown))
        });
        if out.send(Event::End(ended)).is_err() {
            return;
        }
    }
}

/// Telemetry while it is read.
pub(crate) struct Feed<'a> {
    settings: &'a SourceSettings,
    plan: &'a ReadPlan,
    pub(crate) roller: Roller,
    pub(crate) inventory: Option<Inventory>,
    pub(crate) edges: Option<Edges<'a>>,
    pub(crate) after_now: BTreeMap<usize, RowsAfterNow>,
    /// The time of the first row that was left out since it is after now.
    pub(crate) first_after: Option<Micros>,
    /// Rows before the first and from the last time that is kept.
    pub(crate) cuts: (u64, u64),
    /// Whether a part of the file at hand was taken in.
    pub(crate) begun: bool,
}

/// Adds what was not used of one more slice of a file.
fn add_rejected(all: &mut Vec<Rejected>, more: Vec<Rejected>) {
    for r in more {
        let same = |a: &&mut Rejected| {
            a.check == r.check && a.column == r.column && a.row_left_out == r.row_left_out
        };
        match all.iter_mut().find(same) {
            Some(a) => {
                a.n_rows += r.n_rows;
                let free = 5usize.saturating_sub(a.sample.len());
                a.sample.extend(r.sample.into_iter().take(free));
            }
            None => all.push(r),
        }
    }
}

fn add_maybe(all: &mut Vec<MayBe>, more: Vec<MayBe>) {
    for m in more {
        match all.iter_mut().find(|a| a.name == m.name) {
            Some(a) => {
                a.n_read += m.n_read;
                let mut bad: Vec<Rejected> = a.bad.take().into_iter().collect();
                add_rejected(&mut bad, m.bad.into_iter().collect());
                a.bad = bad.pop();
            }
            None => all.push(m),
        }
    }
}

/// The metrics that a mapped slice may hold, whether it does or not: the same for all slices of a file. Sorted.
fn metric_names(mapped: &Mapped, t: &TableSettings) -> Vec<String> {
    let spec = t.spec();
    let columns = mapped.df.get_column_names();
    let held = columns.iter().filter(|n| spec.column(n).is_none()).map(ToString::to_string);
    let names: BTreeSet<String> = mapped.maybe.iter().map(|m| m.name.clone()).chain(held).collect();
    names.into_iter().collect()
}

/// The rows with a column for each of the metrics: a condition holds of none of the rows of a slice that has no reading of
/// a metric, which is not the same as a file without it.
fn with_all(df: &DataFrame, names: &[String]) -> PolarsResult<DataFrame> {
    let mut out = df.clone();
    for name in names.iter().filter(|n| df.column(n).is_err()) {
        out.with_column(Column::full_null(name.as_str().into(), df.height(), &DataType::Float64))?;
    }
    Ok(out)
}

/// Long rows by metric, each as rows of one column; metrics that are not wanted are left out.
fn by_metric(df: &DataFrame, t: &TableSettings) -> PolarsResult<Vec<(String, DataFrame)>> {
    let metric = df.column("metric")?.str()?;
    let mut rows: BTreeMap<&str, Vec<IdxSize>> = BTreeMap::new();
    for (i, name) in metric.iter().enumerate() {
        rows.entry(name.unwrap_or_default()).or_default().push(i as IdxSize);
    }
    let wanted = |name: &str| {
        !t.ignore.iter().any(|i| i == name) && t.metrics.as_ref().is_none_or(|m| m.iter().any(|w| w == name))
    };
    let mut out = Vec::new();
    for (name, rows) in rows.into_iter().filter(|(n, _)| wanted(n)) {
        let mut part = df.take(&IdxCa::from_vec("".into(), rows))?;
        part.drop_in_place("metric")?;
        part.rename("value", name.into())?;
        out.push((name.to_owned(), part));
    }
    Ok(out)
}

/// How the rollups of a load are made.
pub(crate) fn roller_settings(settings: &SourceSettings, plan: &ReadPlan) -> RollerSettings {
    let counters = settings.telemetry.iter().flat_map(|t| t.counters.iter().cloned()).collect();
    RollerSettings { counters, ranges: plan.ranges.clone(), threads: plan.threads }
}

impl<'a> Feed<'a> {
    pub(crate) fn new(settings: &'a SourceSettings, plan: &'a ReadPlan) -> Self {
        let roller = roller_settings(settings, plan);
        let fails = matches!(settings.failure.source, FailureSource::Table("telemetry"));
        Self {
            settings,
            plan,
            roller: Roller::new(roller),
            inventory: settings.assets_from_telemetry.as_ref().map(|_| Inventory::default()),
            edges: fails.then(|| Edges::new(&settings.failure)),
            after_now: BTreeMap::new(),
            first_after: None,
            cuts: (0, 0),
            begun: false,
        }
    }

    /// Takes in one file, whose slices and end come as `events`.
    pub(crate) fn file(
        &mut self,
        entry: usize,
        file: &Input,
        events: &Receiver<Event>,
    ) -> Result<Fed, SourceError> {
        let mut fed =
            Fed { n_rows: 0, n_kept: 0, rejected: Vec::new(), maybe: Vec::new(), unresolved: Vec::new() };
        let mut first = true;
        let mut failed = None;
        self.begun = false;
        for event in events {
            let (n_rows, mapped) = match event {
                Event::Slice(n_rows, mapped) => (n_rows, mapped),
                Event::End(ended) => {
                    fed.rejected.sort_by(|a, b| (a.check, &a.column).cmp(&(b.check, &b.column)));
                    return failed.map_or(ended, Err).map(|()| fed);
                }
            };
            if failed.is_some() {
                continue;
            }
            fed.n_rows += n_rows;
            fed.n_kept += mapped.df.height() as u64;
            self.begun = true;
            if let Err(e) = self.take(entry, &mapped).map_err(|e| internal(&file.shown, &e)).flatten() {
                failed = Some(e);
                continue;
            }
            add_rejected(&mut fed.rejected, mapped.rejected);
            add_maybe(&mut fed.maybe, mapped.maybe);
            if std::mem::take(&mut first) {
                fed.unresolved = mapped.unresolved;
            }
        }
        Err(gone(&file.shown))
    }

    /// Takes a mapped slice in.
    fn take(&mut self, entry: usize, mapped: &Mapped) -> PolarsResult<Result<(), SourceError>> {
        let t = &self.settings.telemetry[entry];
        if let (Some(inventory), Some(side)) = (&mut self.inventory, &mapped.assets) {
            inventory.add(side)?;
        }
        let (seen, df) = self.window(entry, &mapped.df, true)?;
        if t.layout == Layout::Long {
            for (name, part) in by_metric(&df, t)? {
                let source = self.roller.source(entry, &[name], t.on_change);
                self.roller.push(source, &part)?;
            }
            return Ok(Ok(()));
        }
        let names = metric_names(mapped, t);
        let source = self.roller.source(entry, &names, t.on_change);
        if let Some(edges) = &mut self.edges
            && let Err(e) = edges.push(source, &with_all(&seen, &names)?)
        {
            return Ok(Err(e));
        }
        self.roller.push(source, &df)?;
        Ok(Ok(()))
    }

    /// The rows up to now, and of those the ones in the time that is kept; the rest is counted where `count` says so.
    fn window(&mut self, entry: usize, df: &DataFrame, count: bool) -> PolarsResult<(DataFrame, DataFrame)> {
        let from = self.plan.telemetry_from.max(self.settings.keep_from);
        let until = self.settings.keep_until;
        let ts = df.column("ts")?.cast(&DataType::Int64)?;
        let ts = ts.i64()?;
        let received = match df.column("received_at") {
            Ok(c) if c.null_count() < c.len() => Some(c.cast(&DataType::Int64)?),
            _ => None,
        };
        let received = received.as_ref().map(|c| c.i64()).transpose()?;
        let at = |i: usize| {
            let t = ts.get(i).unwrap_or(Micros::MIN);
            received.and_then(|r| r.get(i)).map_or(t, |r| r.max(t))
        };
        let n = df.height();
        let late: Vec<usize> = (0..n).filter(|i| at(*i) > self.plan.now).collect();
        let mut seen = df.clone();
        if !late.is_empty() {
            let ids = df.column("asset_id")?.str()?;
            let counted = self.after_now.entry(entry).or_default();
            for i in &late {
                self.first_after = Some(self.first_after.map_or(at(*i), |f| f.min(at(*i))));
                if count {
                    counted.count(ids.get(*i).unwrap_or_default(), at(*i));
                }
            }
            let keep: BooleanChunked = (0..n).map(|i| Some(at(i) <= self.plan.now)).collect();
            seen = df.filter(&keep)?;
        }
        if from.is_none() && until.is_none() {
            return Ok((seen.clone(), seen));
        }
        let (kept, cut) = within(&seen, "ts", from, until)?;
        if count {
            self.cuts = (self.cuts.0 + cut.0, self.cuts.1 + cut.1);
        }
        Ok((seen, kept))
    }

    /// The assets whose rows have to be read once more.
    fn late(&self) -> BTreeSet<String> {
        let mut out: BTreeSet<String> = self.roller.late().iter().map(ToString::to_string).collect();
        if let Some(edges) = &self.edges {
            out.extend(edges.late().map(ToOwned::to_owned));
            // What was measured at one time stands in several long rows, so a condition needs all of them.
            if self.settings.telemetry.iter().any(|t| t.layout == Layout::Long) {
                out.extend(self.roller.ids().map(ToOwned::to_owned));
            }
        }
        out
    }

    /// Whether every row was in order.
    pub(crate) fn in_order(&self) -> bool {
        self.late().is_empty()
    }

    /// Goes on from what was kept.
    pub(crate) fn resume(&mut self, state: State) -> Result<Vec<FileState>, SourceError> {
        let more: More = serde_json::from_value(state.more).unwrap_or_default();
        (self.roller, self.cuts) = (state.roller, state.cuts);
        (self.after_now, self.first_after) = (state.after_now, state.first_after);
        if self.inventory.is_some() {
            self.inventory = more.inventory;
        }
        if let (Some(edges), Some(state)) = (&mut self.edges, more.edges) {
            edges.resume(state)?;
        }
        Ok(state.files)
    }

    /// What there is to keep beside the rollups; `None` where it cannot be kept.
    pub(crate) fn more(&mut self) -> Option<serde_json::Value> {
        let edges = match &self.edges {
            Some(edges) => Some(edges.state()?),
            None => None,
        };
        let inventory = self.inventory.take();
        let more = More { inventory, edges };
        let json = serde_json::to_value(&more).ok();
        self.inventory = more.inventory;
        json
    }

    /// The key of what is read: everything of the settings and the plan that telemetry depends on.
    pub(crate) fn key(settings: &SourceSettings, plan: &ReadPlan) -> String {
        let fails = matches!(settings.failure.source, FailureSource::Table("telemetry"));
        cache::key(&(
            (&settings.telemetry, &settings.assets_from_telemetry, fails.then_some(&settings.failure)),
            (settings.keep_from, settings.keep_until, plan.telemetry_from, &plan.ranges),
        ))
    }

    /// Reads once more what came out of order: of the `files` by entry those rows whose assets are late.
    pub(crate) fn read_late(
        &mut self,
        files: &[Vec<Input>],
        on_file: &dyn Fn(&str),
    ) -> Result<(), SourceError> {
        let late = self.late();
        let width: usize = self.settings.telemetry.len().max(1) * 16;
        let n_columns = self.roller.n_metrics().max(width) + 4;
        // A row stands in memory as it was read, sorted, and without repeats.
        let most = (self.plan.room / (n_columns as u64 * 8 * 4)).max(1);
        let mut batch: BTreeSet<String> = BTreeSet::new();
        let mut n = 0;
        let mut todo = late.into_iter().peekable();
        while let Some(id) = todo.next() {
            n += self.roller.n_raw(&id);
            batch.insert(id);
            let full = todo.peek().is_none_or(|next| n + self.roller.n_raw(next) > most);
            if full {
                self.read_batch(&std::mem::take(&mut batch), files, on_file)?;
                n = 0;
            }
        }
        Ok(())
    }

    fn read_batch(
        &mut self,
        ids: &BTreeSet<String>,
        files: &[Vec<Input>],
        on_file: &dyn Fn(&str),
    ) -> Result<(), SourceError> {
        let settings = self.settings;
        let mut again: Vec<(usize, Telemetry)> = Vec::new();
        let mut edges: Vec<(usize, Telemetry)> = Vec::new();
        for (entry, t) in settings.telemetry.iter().enumerate() {
            let mut parts: BTreeMap<Vec<String>, Vec<DataFrame>> = BTreeMap::new();
            for file in &files[entry] {
                on_file(&file.shown);
                slices(
                    file,
                    t.delimiter.map(|d| d as u8),
                    (settings.limits, self.plan.slice_cells),
                    &mut |raw| {
                        self.plan.stop.check()?;
                        let mapped = mapped(settings, entry, &raw, &file.shown)?;
                        let keep = mapped.df.column("asset_id").and_then(|c| {
                            let ids_here = c.str()?.iter();
                            Ok(ids_here
                                .map(|id| Some(id.is_some_and(|id| ids.contains(id))))
                                .collect::<BooleanChunked>())
                        });
                        let keep = keep.map_err(|e| internal(&file.shown, &e))?;
                        if keep.sum() == Some(0) {
                            return Ok(());
                        }
                        let names =
                            if t.layout == Layout::Long { Vec::new() } else { metric_names(&mapped, t) };
                        let df = mapped.df.filter(&keep).map_err(|e| internal(&file.shown, &e))?;
                        parts.entry(names).or_default().push(df);
                        Ok(())
                    },
                )?;
            }
            for (names, parts) in parts {
                let all = union(parts, &t.key)?;
                let error = |e: PolarsError| internal(&t.key, &e);
                let (seen, kept) = self.window(entry, &all, false).map_err(error)?;
                if t.layout == Layout::Long {
                    for (name, part) in by_metric(&kept, t).map_err(error)? {
                        let source = self.roller.source(entry, &[name], t.on_change);
                        again.push((source, Telemetry::try_new(&part)?));
                    }
                    if self.edges.is_some() {
                        let (wide, _) = pivot(&seen).map_err(error)?;
                        edges.push((usize::MAX - entry, Telemetry::try_new(&wide)?));
                    }
                } else {
                    let source = self.roller.source(entry, &names, t.on_change);
                    if self.edges.is_some() {
                        edges.push((source, Telemetry::try_new(&with_all(&seen, &names).map_err(error)?)?));
                    }
                    again.push((source, Telemetry::try_new(&kept)?));
                }
            }
        }
        self.roller.redo(&again).map_err(|e| internal("telemetry", &e))?;
        if let Some(e) = &mut self.edges {
            e.redo(ids, &edges)?;
        }
        Ok(())
    }

    /// Decides which columns are metrics, by all files of an entry: at least as many cells are numbers as are not.
    pub(crate) fn settle(&mut self, entry: usize, files: &mut [(&mut Vec<Rejected>, Vec<MayBe>)]) {
        let mut sums: HashMap<String, (u64, u64)> = HashMap::new();
        for (_, maybe) in files.iter() {
            for m in maybe {
                let sum = sums.entry(m.name.clone()).or_default();
                *sum = (sum.0 + m.n_read, sum.1 + m.bad.as_ref().map_or(0, |b| b.n_rows));
            }
        }
        let is_metric = |name: &str| sums.get(name).is_none_or(|(read, bad)| *read > 0 && read >= bad);
        for (rejected, maybe) in files.iter_mut() {
            for mut bad in maybe.drain(..).filter_map(|m| {
                let mut bad = m.bad?;
                if !is_metric(&m.name) {
                    bad.check = "not_a_metric";
                }
                Some(bad)
            }) {
                bad.sample.truncate(5);
                rejected.push(bad);
            }
            rejected.sort_by(|a, b| (a.check, &a.column).cmp(&(b.check, &b.column)));
        }
        let t = &self.settings.telemetry[entry];
        self.roller.keep_metrics(entry, &|name| is_metric(name) && !is_for_conditions(name, t));
    }
}

/// Whether the metrics that the config names for a long source were read.
pub(crate) fn check_named(t: &TableSettings, read: &BTreeSet<String>) -> Result<(), SourceError> {
    match t.metrics.iter().flatten().find(|m| !read.contains(*m)) {
        Some(wanted) if t.layout == Layout::Long => Err(SourceError::Config {
            key: format!("{}.metrics", t.key),
            found: wanted.clone(),
            allowed: format!(
                "one of the source's metrics: {}",
                read.iter().cloned().collect::<Vec<_>>().join(", ")
            ),
            hint: nearest(wanted, read.iter().map(String::as_str)).map(|n| format!("did you mean `{n}`?")),
        }),
        _ => Ok(()),
    }
}
