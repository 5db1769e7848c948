//! Which columns of a telemetry file are metrics, and long telemetry to wide. It does not know files beyond row numbers.

use std::collections::BTreeSet;

use forewarn_frames::checks::Rejected;
use forewarn_frames::input::TELEMETRY;
use polars::prelude::*;

use crate::convert::{cell_text, numbers, rejected, to_number, to_text};
use crate::read::RowNumbers;
use crate::settings::TableSettings;

/// The name that the preset's pattern gives a source column.
fn by_pattern(name: &str, settings: &TableSettings) -> Option<String> {
    let (from, to) = settings.metric_pattern.as_ref()?;
    let (head, tail) = from.split_once('*')?;
    let middle = name.strip_prefix(head)?.strip_suffix(tail)?;
    Some(to.replacen('*', middle, 1))
}

/// Whether a name in `metrics` means this source column.
pub(crate) fn is_named(column: &str, wanted: &str, settings: &TableSettings) -> bool {
    column == wanted || by_pattern(column, settings).is_some_and(|n| n == wanted)
}

/// Whether a column is read for conditions alone, and is no metric.
pub(crate) fn is_for_conditions(name: &str, settings: &TableSettings) -> bool {
    settings.also.iter().any(|a| a == name) && !settings.metrics.iter().flatten().any(|m| m == name)
}

/// The name a column gets, if a source column is a metric by the settings, or is read for conditions; the cells decide
/// afterwards.
fn metric_name(name: &str, settings: &TableSettings) -> Option<String> {
    if is_for_conditions(name, settings) {
        return Some(name.to_owned());
    }
    let renamed = by_pattern(name, settings);
    if let Some(named) = &settings.metrics {
        return named
            .iter()
            .any(|m| is_named(name, m, settings))
            .then(|| renamed.unwrap_or_else(|| name.to_owned()));
    }
    if settings.metric_pattern.is_some() {
        return renamed;
    }
    Some(name.to_owned())
}

/// A column of a wide file that may be a metric: whether it is one, all rows of its source decide.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct MayBe {
    /// The metric's name.
    pub(crate) name: String,
    /// Cells that are numbers.
    pub(crate) n_read: u64,
    /// Cells that are not, where there are some.
    pub(crate) bad: Option<Rejected>,
}

/// Whether a file that is read as wide is a long one: names in a column `metric`, numbers in a column `value`.
pub(crate) fn is_long(df: &DataFrame, settings: &TableSettings, used: &BTreeSet<String>) -> bool {
    let (Ok(metric), Ok(value)) = (df.column("metric"), df.column("value")) else { return false };
    let n_numbers =
        |c: &Column| numbers(c, c.name(), false).map_or(0, |(read, _)| read.len() - read.null_count());
    let taken = |c: &str| used.contains(c) || settings.ignore.iter().any(|i| i == c);
    let by_name = settings.metrics.is_some() || settings.metric_pattern.is_some();
    !by_name
        && !taken("metric")
        && !taken("value")
        && metric.null_count() < metric.len()
        && n_numbers(metric) == 0
        && n_numbers(value) > 0
}

/// The columns of a wide file that may be metrics, those of numbers with their cells.
pub(crate) fn wide(
    df: &DataFrame,
    settings: &TableSettings,
    used: &BTreeSet<String>,
    rows: &RowNumbers,
) -> PolarsResult<(Vec<Column>, Vec<MayBe>)> {
    let mut out: Vec<Column> = Vec::new();
    let mut all: Vec<MayBe> = Vec::new();
    for c in df.columns() {
        let source = c.name().as_str();
        if used.contains(source)
            || settings.ignore.iter().any(|i| is_named(source, i, settings))
            || TELEMETRY.column(source).is_some()
        {
            continue;
        }
        let Some(name) = metric_name(source, settings) else { continue };
        if all.iter().any(|m| m.name == name) {
            continue;
        }
        let (column, bad) = numbers(c, &name, false)?;
        let n_read = (column.len() - column.null_count()) as u64;
        let bad = (!bad.is_empty())
            .then(|| rejected("unparseable_numbers", source, &bad, false, rows, |i| cell_text(c, i)));
        if n_read > 0 {
            out.push(column);
        }
        all.push(MayBe { name, n_read, bad });
    }
    Ok((out, all))
}

/// The columns `metric` and `value` of a long file; rows without a metric are left out.
pub(crate) fn long(
    [(metric, metric_label), (value, value_label)]: &[(Column, String); 2],
    rows: &RowNumbers,
    keep: &mut [bool],
    rejects: &mut Vec<Rejected>,
) -> PolarsResult<Vec<Column>> {
    let names = to_text(metric, "metric")?;
    let done = to_number(value, "value", value_label, false, rows)?;
    rejects.extend(done.rejected);
    let mut bad = Vec::new();
    for (i, (m, v)) in names.str()?.iter().zip(done.column.f64()?.iter()).enumerate() {
        if m.is_none() && keep[i] {
            bad.push(i);
        }
        keep[i] &= m.is_some() && v.is_some();
    }
    if !bad.is_empty() {
        rejects.push(rejected("missing_required", metric_label, &bad, true, rows, |i| cell_text(metric, i)));
    }
    Ok(vec![names, done.column])
}

/// Long rows (`asset_id, ts, received_at?, metric, value`) to one row an asset and time with a column a metric, sorted by
/// name. Of several values at one asset, time and metric the last received stays, then the greatest; gives how many others
/// there were.
pub(crate) fn pivot(df: &DataFrame) -> PolarsResult<(DataFrame, u64)> {
    let has_received = df.column("received_at").is_ok();
    let mut by: Vec<PlSmallStr> = ["asset_id", "ts", "metric"].map(PlSmallStr::from).to_vec();
    if has_received {
        by.push("received_at".into());
    }
    by.push("value".into());
    let mut df = df.sort(by, SortMultipleOptions::default().with_nulls_last(false))?;
    df.rechunk_mut();
    let names: BTreeSet<&str> = df.column("metric")?.str()?.iter().flatten().collect();
    let names: Vec<&str> = names.into_iter().collect();
    let ids = df.column("asset_id")?.str()?;
    let ts = df.column("ts")?.cast(&DataType::Int64)?;
    let ts = ts.i64()?;
    let (metrics, values) = (df.column("metric")?.str()?, df.column("value")?.f64()?);
    let mut first: Vec<IdxSize> = Vec::new();
    let mut cells: Vec<Vec<Option<f64>>> = vec![Vec::new(); names.len()];
    let mut n_repeated = 0;
    for i in 0..df.height() {
        let same = i > 0 && ts.get(i) == ts.get(i - 1) && ids.get(i) == ids.get(i - 1);
        if !same {
            first.push(i as IdxSize);
            for c in &mut cells {
                c.push(None);
            }
        }
        let Some(place) = metrics.get(i).and_then(|m| names.binary_search(&m).ok()) else { continue };
        if let Some(cell) = cells[place].last_mut() {
            n_repeated += u64::from(cell.is_some());
            *cell = values.get(i);
        }
    }
    let taken = IdxCa::from_vec("".into(), first);
    let mut keys: Vec<&str> = vec!["asset_id", "ts"];
    if has_received {
        keys.push("received_at");
    }
    let mut out = df.select(keys)?.take(&taken)?;
    for (name, cell) in names.iter().zip(cells) {
        out.with_column(Column::new((*name).into(), cell))?;
    }
    Ok((out, n_repeated))
}
