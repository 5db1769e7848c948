//! The daily rollup as one table, and back: the form in which it goes from one machine to another. It does not know how the
//! table travels.
//!
//! Rollups of disjoint assets are put together by [`merge`]; a [`Roller`] of the result makes the same [`crate::Frames`] as
//! one that read all rows itself. What is said of rows alone (repeats, disorder, values that are no numbers) stays behind: it
//! is told where rows are read.

use std::collections::{BTreeMap, BTreeSet};

use polars::prelude::*;

use super::cells::{Dense, Lane, Open};
use super::roller::{Roller, RollerSettings, Seen, Source};
use crate::finding::{Fault, FrameError};
use crate::input::Repeats;
use crate::time::Micros;

/// The columns of the table, by asset, metric and day: name, type, meaning.
///
/// An asset whose rows hold no number has one row without a metric. Counts are wide and signed, since not every engine of
/// tables has others.
pub const ROLLUP: [(&str, DataType, &str); 15] = [
    ("asset_id", DataType::String, "the asset"),
    ("metric", DataType::String, "the metric; null: rows came of the asset, and no number in them"),
    ("day", DataType::Date, "the day, UTC; null without a metric, as are all that follow but `first_at`"),
    ("on_change", DataType::Boolean, "whether a row comes only when the metric changes"),
    ("counter", DataType::Boolean, "whether the metric only counts up"),
    ("n", DataType::Int64, "readings of the day, at least 1"),
    ("mean", DataType::Float64, "their mean"),
    ("m2", DataType::Float64, "the sum of their squared deviations from it"),
    ("min", DataType::Float64, "the least"),
    ("max", DataType::Float64, "the greatest"),
    ("last", DataType::Float64, "the last of the day"),
    ("increase", DataType::Float64, "the increase since the asset's first reading, through the day"),
    ("changes", DataType::Int64, "changes since then"),
    ("resets", DataType::Int64, "falls since then; of a counter these are resets"),
    ("first_at", DataType::Datetime(TimeUnit::Microseconds, None), "when the asset's first row was known"),
];

fn fault(column: &str, n_rows: usize, message: String) -> Fault {
    Fault { table: "rollup", column: column.to_owned(), n_rows: n_rows as u64, message, hint: String::new() }
}

fn refused(column: &str, message: String) -> FrameError {
    FrameError { faults: vec![fault(column, 0, message)] }
}

fn internal(e: &PolarsError) -> FrameError {
    refused("*", e.to_string())
}

/// The columns of the schema, in its order, sorted by asset, metric and day; all that is wrong with them otherwise.
fn checked(df: &DataFrame) -> Result<DataFrame, FrameError> {
    let mut faults = Vec::new();
    let mut columns = Vec::with_capacity(ROLLUP.len());
    for (name, dtype, _) in &ROLLUP {
        match df.column(name) {
            Ok(c) if c.dtype() == dtype || c.dtype() == &DataType::Null => {
                columns.push(c.cast(dtype).map_err(|e| internal(&e))?);
            }
            Ok(c) => faults.push(fault(name, 0, format!("holds {}, expected {dtype}", c.dtype()))),
            Err(_) => faults.push(fault(name, 0, "missing".into())),
        }
    }
    if !faults.is_empty() {
        return Err(FrameError { faults });
    }
    let df = DataFrame::new(df.height(), columns).map_err(|e| internal(&e))?;
    let no_metric = df.column("metric").map_err(|e| internal(&e))?.is_null();
    for (name, ..) in &ROLLUP {
        let nulls = df.column(name).map_err(|e| internal(&e))?.is_null();
        let wrong =
            if matches!(*name, "asset_id" | "first_at") { nulls } else { nulls.not_equal(&no_metric) };
        if let Some(n) = wrong.sum().filter(|n| *n > 0) {
            faults.push(fault(
                name,
                n as usize,
                "is empty where it must not be, or filled without a metric".into(),
            ));
        }
    }
    if !faults.is_empty() {
        return Err(FrameError { faults });
    }
    let order = SortMultipleOptions::default().with_nulls_last(false);
    df.sort(["asset_id", "metric", "day"], order).map_err(|e| internal(&e))
}

/// Rollups of disjoint assets as one table, whatever the order of the parts and of their rows.
///
/// # Errors
///
/// A part is no such table, an asset is in two of them, or a metric counts up in one and not in another.
///
/// # Example
///
/// ```
/// use forewarn_frames::rollup::{Roller, RollerSettings, merge};
/// use polars::prelude::*;
/// let part = |id: &str| {
///     let at = Column::new("ts".into(), [1i64, 2]).cast(&DataType::Datetime(TimeUnit::Microseconds, None)).unwrap();
///     let cpu = Column::new("cpu".into(), [10.0, 30.0]);
///     let rows = DataFrame::new(2, vec![Column::new("asset_id".into(), [id, id]), at, cpu]).unwrap();
///     let mut roller = Roller::new(RollerSettings::default());
///     let source = roller.source(0, &["cpu".to_owned()], false);
///     roller.push(source, &rows).unwrap();
///     roller.into_frame().unwrap()
/// };
/// let (a, b) = (part("a"), part("b"));
/// let both = merge(&[b, a.clone()]).unwrap();
/// assert_eq!(both.column("asset_id").unwrap().str().unwrap().iter().flatten().collect::<Vec<_>>(), ["a", "b"]);
/// assert!(merge(&[both, a]).unwrap_err().to_string().contains("`a`"));
/// ```
pub fn merge(parts: &[DataFrame]) -> Result<DataFrame, FrameError> {
    let parts = parts.iter().map(checked).collect::<Result<Vec<_>, _>>()?;
    let mut ids: BTreeSet<&str> = BTreeSet::new();
    let mut metrics: BTreeMap<&str, (bool, bool)> = BTreeMap::new();
    for part in &parts {
        let mut last = None;
        for id in text(part, "asset_id")?.iter() {
            if id != last && !ids.insert(id.unwrap_or_default()) {
                let id = id.unwrap_or_default();
                return Err(refused(
                    "asset_id",
                    format!(
                        "asset `{id}` is in two of the parts; the readings of an asset must all be rolled up together"
                    ),
                ));
            }
            last = id;
        }
        for (name, kind) in kinds(part)? {
            let seen = metrics.entry(name).or_insert(kind);
            if seen.1 != kind.1 {
                return Err(refused(
                    "counter",
                    format!("metric `{name}` counts up in one part and not in another"),
                ));
            }
            seen.0 |= kind.0;
        }
    }
    let Some((first, rest)) = parts.split_first() else {
        let columns = ROLLUP.iter().map(|(n, d, _)| Column::new_empty((*n).into(), d)).collect();
        return DataFrame::new(0, columns).map_err(|e| internal(&e));
    };
    let mut all = first.clone();
    for part in rest {
        all.vstack_mut(part).map_err(|e| internal(&e))?;
    }
    all.rechunk_mut();
    // Whether rows come on change is the fleet's to say, as where all of it was read at once.
    let on_change: BooleanChunked =
        text(&all, "metric")?.iter().map(|m| m.and_then(|m| metrics.get(m)).map(|k| k.0)).collect();
    all.with_column(on_change.with_name("on_change".into()).into_column()).map_err(|e| internal(&e))?;
    checked(&all)
}

fn text<'a>(df: &'a DataFrame, name: &str) -> Result<&'a StringChunked, FrameError> {
    df.column(name).and_then(Column::str).map_err(|e| internal(&e))
}

/// Whether each metric comes on change, and whether it counts up.
fn kinds(df: &DataFrame) -> Result<BTreeMap<&str, (bool, bool)>, FrameError> {
    let flags = |name: &str| df.column(name).and_then(Column::bool).map_err(|e| internal(&e));
    let (on_change, counter) = (flags("on_change")?, flags("counter")?);
    let mut out: BTreeMap<&str, (bool, bool)> = BTreeMap::new();
    for ((name, o), c) in text(df, "metric")?.iter().zip(on_change.iter()).zip(counter.iter()) {
        let Some(name) = name else { continue };
        let kind = out.entry(name).or_default();
        *kind = (kind.0 || o == Some(true), kind.1 || c == Some(true));
    }
    Ok(out)
}

impl Roller {
    /// What was read as a table: see [`ROLLUP`]. Assets whose rows are still out of order ([`Roller::late`]) are in it with
    /// what was taken of them.
    ///
    /// # Errors
    ///
    /// Polars refuses the columns, which would be a bug here.
    pub fn into_frame(self) -> PolarsResult<DataFrame> {
        let first_row = |code: u32| self.sources.iter().map(|s| s.seen[code as usize].first_at).min();
        let first_at: BTreeMap<u32, Micros> = (0..self.names.all.len() as u32)
            .filter_map(|code| Some((code, first_row(code).filter(|t| *t < Micros::MAX)?)))
            .collect();
        let Self { names, mut lanes, .. } = self;
        lanes.sort_by(|a, b| a.name.cmp(&b.name));
        lanes.iter_mut().for_each(Lane::close);
        let codes = names.sorted();
        let mut place = vec![u32::MAX; names.all.len()];
        for (i, code) in codes.iter().enumerate() {
            place[*code as usize] = i as u32;
        }
        // Places of the cells: asset, metric, day, cell.
        let mut rows: Vec<(u32, u32, i32, u32)> = Vec::new();
        for (m, lane) in lanes.iter().enumerate() {
            let cells = lane.cells.asset.iter().zip(&lane.cells.day).enumerate();
            let alive = cells.filter(|(_, (asset, _))| place[**asset as usize] != u32::MAX);
            rows.extend(alive.map(|(i, (asset, day))| (place[*asset as usize], m as u32, *day, i as u32)));
        }
        rows.sort_unstable();
        let mut has_cells = vec![false; codes.len()];
        for r in &rows {
            has_cells[r.0 as usize] = true;
        }
        for (i, code) in codes.iter().enumerate() {
            if !has_cells[i] && first_at.contains_key(code) {
                rows.push((i as u32, u32::MAX, 0, 0));
            }
        }
        rows.sort_unstable();
        let cell = |r: &(u32, u32, i32, u32)| lanes.get(r.1 as usize).map(|l| (l, r.3 as usize));
        let number = |of: &dyn Fn(&Lane, usize) -> f64| -> Vec<Option<f64>> {
            rows.iter().map(|r| cell(r).map(|(l, i)| of(l, i))).collect()
        };
        let whole = |of: &dyn Fn(&Lane, usize) -> u32| -> Vec<Option<i64>> {
            rows.iter().map(|r| cell(r).map(|(l, i)| i64::from(of(l, i)))).collect()
        };
        let flag = |of: &dyn Fn(&Lane) -> bool| -> Vec<Option<bool>> {
            rows.iter().map(|r| cell(r).map(|(l, _)| of(l))).collect()
        };
        let dense = |of: fn(&Dense) -> &Vec<f64>| {
            number(&move |l, i| l.cells.dense.as_ref().map_or(l.cells.last[i], |d| of(d)[i]))
        };
        let id = |r: &(u32, u32, i32, u32)| names.all[codes[r.0 as usize] as usize].as_str();
        let first: Vec<Option<Micros>> =
            rows.iter().map(|r| first_at.get(&codes[r.0 as usize]).copied()).collect();
        let columns = vec![
            Column::new("asset_id".into(), rows.iter().map(id).collect::<Vec<_>>()),
            Column::new(
                "metric".into(),
                rows.iter().map(|r| cell(r).map(|(l, _)| l.name.as_str())).collect::<Vec<_>>(),
            ),
            Column::new("day".into(), rows.iter().map(|r| cell(r).map(|_| r.2)).collect::<Vec<_>>())
                .cast(&DataType::Date)?,
            Column::new("on_change".into(), flag(&|l| l.on_change)),
            Column::new("counter".into(), flag(&|l| l.counter)),
            Column::new("n".into(), whole(&|l, i| l.cells.dense.as_ref().map_or(1, |d| d.n[i]))),
            Column::new("mean".into(), dense(|d| &d.mean)),
            Column::new("m2".into(), number(&|l, i| l.cells.dense.as_ref().map_or(0.0, |d| d.m2[i]))),
            Column::new("min".into(), dense(|d| &d.min)),
            Column::new("max".into(), dense(|d| &d.max)),
            Column::new("last".into(), number(&|l, i| l.cells.last[i])),
            Column::new("increase".into(), number(&|l, i| l.cells.increase[i])),
            Column::new("changes".into(), whole(&|l, i| l.cells.changes[i])),
            Column::new("resets".into(), whole(&|l, i| l.cells.resets[i])),
            Column::new("first_at".into(), first).cast(&DataType::Datetime(TimeUnit::Microseconds, None))?,
        ];
        DataFrame::new(rows.len(), columns)
    }

    /// A roller of the table that [`Roller::into_frame`] or [`merge`] made, its rows in any order. The table does not hold
    /// what further readings of its assets would need: an asset of which more is pushed is late, and is to be read anew as a
    /// whole.
    ///
    /// # Errors
    ///
    /// It is no such table, an asset has two rows of a metric and day, or a count cannot be.
    pub fn from_frame(df: &DataFrame, settings: RollerSettings) -> Result<Self, FrameError> {
        let df = checked(df)?;
        let mut out = Self::new(settings);
        let mut codes: Vec<u32> = Vec::with_capacity(df.height());
        for id in text(&df, "asset_id")?.iter() {
            codes.push(out.names.code(id.unwrap_or_default()));
        }
        let kinds = kinds(&df)?;
        for (name, (on_change, counter)) in &kinds {
            out.declare(name, *on_change, *counter);
        }
        let metrics: Vec<String> = kinds.keys().map(|k| (*k).to_owned()).collect();
        let number = |name: &str| df.column(name).and_then(Column::f64).map_err(|e| internal(&e));
        let whole = |name: &str| df.column(name).and_then(Column::i64).map_err(|e| internal(&e));
        let day = df.column("day").and_then(|c| c.cast(&DataType::Int32)).map_err(|e| internal(&e))?;
        let day = day.i32().map_err(|e| internal(&e))?;
        let (n, changes, resets) = (whole("n")?, whole("changes")?, whole("resets")?);
        let [mean, m2, min, max] = ["mean", "m2", "min", "max"].map(number);
        let (mean, m2, min, max) = (mean?, m2?, min?, max?);
        let (last, increase) = (number("last")?, number("increase")?);
        let number_of: BTreeMap<&str, usize> =
            out.lanes.iter().enumerate().map(|(i, l)| (l.name.as_str(), i)).collect();
        let lane_of: Vec<Option<usize>> =
            text(&df, "metric")?.iter().map(|m| m.and_then(|m| number_of.get(m)).copied()).collect();
        let count = |column: &str, v: Option<i64>, least: i64| {
            let v = v.filter(|v| *v >= least).and_then(|v| u32::try_from(v).ok());
            v.ok_or_else(|| refused(column, format!("a count is below {least} or beyond what a day holds")))
        };
        for (i, lane) in lane_of.iter().enumerate() {
            let Some(lane) = lane.and_then(|l| out.lanes.get_mut(l)) else { continue };
            let cells = &mut lane.cells;
            let day = day.get(i).unwrap_or_default();
            if cells.asset.last() == Some(&codes[i]) && cells.day.last() == Some(&day) {
                let id = out.names.all[codes[i] as usize].as_str();
                return Err(refused("day", format!("asset `{id}` has two rows of a metric and day")));
            }
            let real = |c: &Float64Chunked| c.get(i).unwrap_or(f64::NAN);
            let readings = count("n", n.get(i), 1)?;
            if readings > 1 && cells.dense.is_none() {
                cells.dense = Some(Dense::of_single(&cells.last));
            }
            cells.asset.push(codes[i]);
            cells.day.push(day);
            cells.last.push(real(last));
            cells.increase.push(real(increase));
            cells.changes.push(count("changes", changes.get(i), 0)?);
            cells.resets.push(count("resets", resets.get(i), 0)?);
            if let Some(d) = &mut cells.dense {
                d.n.push(readings);
                d.mean.push(real(mean));
                d.m2.push(real(m2));
                d.min.push(real(min));
                d.max.push(real(max));
            }
        }
        let n_assets = out.names.all.len();
        let closed = Open { last_at: Micros::MAX, ..Open::NONE };
        for lane in &mut out.lanes {
            lane.open = vec![closed; n_assets];
        }
        let first = df.column("first_at").and_then(|c| c.cast(&DataType::Int64)).map_err(|e| internal(&e))?;
        let mut seen = vec![Seen { last_ts: Micros::MAX, last_at: Micros::MAX, ..Seen::NONE }; n_assets];
        for (code, at) in codes.iter().zip(first.i64().map_err(|e| internal(&e))?.iter()) {
            let s = &mut seen[*code as usize];
            s.first_at = s.first_at.min(at.unwrap_or(Micros::MAX));
        }
        let lanes = (0..out.lanes.len()).collect();
        let (runs, redone) = (Vec::new(), Repeats::default());
        out.sources.push(Source { entry: 0, metrics, lanes, seen, runs, redone });
        Ok(out)
    }

    /// Says of a metric what the whole fleet knows of it: it is there, even if nothing of it was read here.
    pub fn declare(&mut self, metric: &str, on_change: bool, counter: bool) {
        if counter {
            self.settings.counters.insert(metric.to_owned());
        }
        let lane = self.lane(metric, on_change);
        self.lanes[lane].counter |= counter;
    }
}

#[cfg(test)]
#[path = "table_tests.rs"]
mod tests;
