//! Maps one raw table to the columns of a canonical frame by a column map. It does not know where the table came from
//! beyond its path and row numbers.

use std::collections::BTreeSet;

use forewarn_frames::checks::Rejected;
use forewarn_frames::input::{self, Kind};
use polars::prelude::*;
use polars::sql::sql_expr;

use crate::column::{ColumnSource, Piece, Template};
use crate::convert::{TimeRules, as_text, cell_text, rejected, ticket_type, to_number, to_text, to_time};
use crate::error::{SourceError, nearest};
use crate::metrics::{self, MayBe};
use crate::read::{RawTable, first_line};
use crate::settings::{Layout, Mapping, TableSettings};
use crate::zone::Zone;

/// One file in canonical columns.
#[derive(Debug)]
pub(crate) struct Mapped {
    /// Canonical columns, then metrics; every required cell is filled.
    pub(crate) df: DataFrame,
    /// Static asset columns beside `asset_id` and `ts`, where assets come from telemetry.
    pub(crate) assets: Option<DataFrame>,
    /// What was not used.
    pub(crate) rejected: Vec<Rejected>,
    /// Columns that may be metrics, where the table is wide telemetry.
    pub(crate) maybe: Vec<MayBe>,
    /// Optional columns whose configured source this file does not have.
    pub(crate) unresolved: Vec<(String, SourceError)>,
}

/// Why a source gave no column: the name that the file does not have, or an error.
enum Miss {
    Name(String),
    Error(Box<SourceError>),
}

struct File<'a> {
    raw: &'a RawTable,
    path: &'a str,
}

fn internal(path: &str) -> impl Fn(PolarsError) -> SourceError {
    let path = path.to_owned();
    move |e| SourceError::Malformed { path: path.clone(), row: None, message: first_line(&e) }
}

/// The names of a table's columns.
pub(crate) fn column_names(df: &DataFrame) -> Vec<String> {
    df.get_column_names().iter().map(ToString::to_string).collect()
}

/// Reads an SQL expression; `key` is where the config holds it.
pub(crate) fn expression(text: &str, key: &str, columns: &[String]) -> Result<Expr, SourceError> {
    let sql = |message: String| SourceError::Sql {
        key: key.to_owned(),
        text: text.to_owned(),
        message,
        columns: columns.to_vec(),
    };
    let parsed = std::panic::catch_unwind(|| sql_expr(text));
    let expr = parsed
        .map_err(|_| sql("the expression is not understood".into()))?
        .map_err(|e| sql(first_line(&e)))?;
    for name in leaves(&expr) {
        if !columns.contains(&name) {
            let meant = nearest(&name, columns.iter().map(String::as_str));
            let meant = meant.map(|m| format!(", did you mean `{m}`?")).unwrap_or_default();
            return Err(sql(format!("there is no column `{name}`{meant}")));
        }
    }
    Ok(expr)
}

/// The columns that an expression names, each once.
pub(crate) fn leaves(expr: &Expr) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    for e in expr {
        if let Expr::Column(name) = e
            && !out.iter().any(|o| o == name.as_str())
        {
            out.push(name.to_string());
        }
    }
    out
}

/// The rows for which a condition is true.
pub(crate) fn condition(df: &DataFrame, text: &str, key: &str) -> Result<BooleanChunked, SourceError> {
    let c = evaluate(df, text, key)?;
    match c.bool() {
        Ok(mask) => Ok(mask.iter().map(|b| b == Some(true)).collect()),
        Err(_) => Err(SourceError::Sql {
            key: key.to_owned(),
            text: text.to_owned(),
            message: format!("is no condition: it gives {}, expected true or false", c.dtype()),
            columns: column_names(df),
        }),
    }
}

/// The value of an expression in each row.
pub(crate) fn evaluate(df: &DataFrame, text: &str, key: &str) -> Result<Column, SourceError> {
    const OUT: &str = "__forewarn_out";
    let columns = column_names(df);
    let expr = expression(text, key, &columns)?;
    let run =
        || df.clone().lazy().with_columns([expr.alias(OUT)]).collect().and_then(|d| d.column(OUT).cloned());
    let out = std::panic::catch_unwind(std::panic::AssertUnwindSafe(run));
    out.unwrap_or_else(|_| Err(polars_err!(ComputeError: "the expression cannot be evaluated")))
        // Findings about the cells name what they were made from.
        .map(|c| c.with_name(text.into()))
        .map_err(|e| SourceError::Sql {
            key: key.to_owned(),
            text: text.to_owned(),
            message: first_line(&e),
            columns,
        })
}

impl File<'_> {
    /// The cells of a source, and the columns of the file that they use up.
    fn cells(&self, source: &ColumnSource, key: &str, used: &mut BTreeSet<String>) -> Result<Column, Miss> {
        let df = &self.raw.df;
        match source {
            ColumnSource::Column(name) => {
                let c = df.column(name).map_err(|_| Miss::Name(name.clone()))?;
                used.insert(name.clone());
                Ok(c.clone())
            }
            ColumnSource::Template(t) => {
                let out = template(df, t)?;
                used.extend(t.columns().into_iter().map(ToOwned::to_owned));
                Ok(out)
            }
            ColumnSource::Sql(text) => {
                let names = std::panic::catch_unwind(|| sql_expr(text)).ok().and_then(Result::ok);
                let named = names.map(|e| leaves(&e)).unwrap_or_default();
                if let Some(missing) = named.iter().find(|l| df.column(l).is_err()) {
                    return Err(Miss::Name(missing.clone()));
                }
                used.extend(named);
                evaluate(df, text, key).map_err(|e| Miss::Error(Box::new(e)))
            }
            ColumnSource::Value(text) => {
                let mut b = StringChunkedBuilder::new("value".into(), df.height());
                for _ in 0..df.height() {
                    b.append_option(Some(text.as_str()).filter(|t| !t.is_empty()));
                }
                Ok(b.finish().into_column())
            }
            ColumnSource::FirstOf(all) => {
                let mut first = None;
                for one in all {
                    match self.cells(one, key, used) {
                        Err(Miss::Name(n)) => first = first.or(Some(n)),
                        other => return other,
                    }
                }
                Err(Miss::Name(first.unwrap_or_default()))
            }
        }
    }

    fn unknown(&self, key: &str, column: &str, found: String) -> SourceError {
        let columns = column_names(&self.raw.df);
        SourceError::UnknownColumn {
            path: self.path.to_owned(),
            key: format!("{key}.columns.{column}"),
            nearest: nearest(&found, columns.iter().map(String::as_str)),
            found,
            columns,
        }
    }

    /// The raw cells of a canonical column: by the map, else under its own name. `None`: the file has none.
    fn find(
        &self,
        settings: &TableSettings,
        mapping: Option<&Mapping>,
        column: &str,
        used: &mut BTreeSet<String>,
    ) -> Result<Option<(Column, String)>, SourceError> {
        if let Some(m) = mapping {
            let key = format!("{}.columns.{column}", settings.key);
            match self.cells(&m.source, &key, used) {
                Ok(c) => {
                    let label = match &m.source {
                        ColumnSource::FirstOf(_) => c.name().to_string(),
                        other => other.label(),
                    };
                    return Ok(Some((c, label)));
                }
                Err(Miss::Error(e)) => return Err(*e),
                Err(Miss::Name(found)) if m.from_config => {
                    return Err(self.unknown(&settings.key, column, found));
                }
                Err(Miss::Name(_)) => {}
            }
        }
        Ok(self.raw.df.column(column).ok().map(|c| {
            used.insert(column.to_owned());
            (c.clone(), column.to_owned())
        }))
    }
}

/// The text of a template in each row; null where one of its cells is.
fn template(df: &DataFrame, t: &Template) -> Result<Column, Miss> {
    let mut cells = Vec::new();
    for piece in &t.pieces {
        if let Piece::Cell { column, .. } = piece {
            let c = df.column(column).map_err(|_| Miss::Name(column.clone()))?;
            let text = as_text(c).map_err(|_| Miss::Name(column.clone()))?;
            cells.push(text);
        }
    }
    let n = df.height();
    // `None` stands for the copy's number, which comes once the rest is known.
    let mut rest: Vec<Option<(String, String)>> = Vec::with_capacity(n);
    for i in 0..n {
        let mut halves = (String::new(), String::new());
        let mut after_copy = false;
        let mut next = cells.iter();
        let mut whole = true;
        for piece in &t.pieces {
            let half = if after_copy { &mut halves.1 } else { &mut halves.0 };
            match piece {
                Piece::Text(text) => half.push_str(text),
                Piece::Copy => after_copy = true,
                Piece::Cell { width, .. } => {
                    let cell = next.next().and_then(|c| c.str().ok()).and_then(|c| c.get(i)).map(str::trim);
                    let Some(cell) = cell.filter(|c| !c.is_empty()) else {
                        whole = false;
                        break;
                    };
                    if cell.bytes().all(|b| b.is_ascii_digit()) {
                        half.extend(std::iter::repeat_n('0', width.saturating_sub(cell.len())));
                    }
                    half.push_str(cell);
                }
            }
        }
        rest.push(whole.then_some(halves));
    }
    let copies = t.pieces.contains(&Piece::Copy).then(|| copy_numbers(df, &rest));
    let mut out = StringChunkedBuilder::new("template".into(), n);
    for (i, halves) in rest.into_iter().enumerate() {
        out.append_option(halves.map(|(a, b)| match &copies {
            Some(n) => format!("{a}{}{b}", n[i]),
            None => a + &b,
        }));
    }
    Ok(out.finish().into_column())
}

/// The ordinal of each row among rows whose rest is equal, by the text of the whole row: the order of rows plays no part,
/// since rows that are alike in everything are interchangeable.
fn copy_numbers(df: &DataFrame, rest: &[Option<(String, String)>]) -> Vec<u32> {
    let mut order: Vec<usize> = (0..rest.len()).collect();
    order.sort_by(|a, b| rest[*a].cmp(&rest[*b]));
    let mut names = column_names(df);
    names.sort();
    let columns: Vec<&Column> = names.iter().filter_map(|n| df.column(n).ok()).collect();
    let mut out = vec![0; rest.len()];
    for group in order.chunk_by_mut(|a, b| rest[*a] == rest[*b]) {
        if group.len() > 1 {
            group.sort_by_cached_key(|i| columns.iter().map(|c| cell_text(c, *i)).collect::<Vec<_>>());
        }
        for (n, i) in group.iter().enumerate() {
            out[*i] = n as u32 + 1;
        }
    }
    out
}

/// How this source's times are read.
pub(crate) fn time_rules(settings: &TableSettings) -> TimeRules {
    let zone = Zone::parse(&settings.time_zone).unwrap_or(Zone::UTC);
    let typed = if settings.time_zone_set { zone.clone() } else { Zone::UTC };
    let whole_days = settings.table == input::ACTIONS.name;
    let (day_first, day_first_set) = (settings.day_first.unwrap_or(false), settings.day_first.is_some());
    TimeRules { text: zone, typed, day_first, day_first_set, whole_days }
}

/// Maps one file.
pub(crate) fn map_file(
    raw: &RawTable,
    settings: &TableSettings,
    assets: Option<&std::collections::BTreeMap<String, Mapping>>,
    path: &str,
) -> Result<Mapped, SourceError> {
    let spec = settings.spec();
    let file = File { raw, path };
    let rules = time_rules(settings);
    let (df, rows, n) = (&raw.df, &raw.rows, raw.df.height());
    let mut rejects = raw.notes.clone();
    let mut unresolved = Vec::new();
    let mut used = BTreeSet::new();
    let mut columns: Vec<Column> = Vec::new();
    let mut keep = vec![true; n];
    let mut maybe = Vec::new();
    for c in spec.columns {
        let found = match file.find(settings, settings.columns.get(c.name), c.name, &mut used) {
            Err(e @ SourceError::UnknownColumn { .. }) if !c.required => {
                unresolved.push((c.name.to_owned(), e));
                None
            }
            other => other?,
        };
        let Some((cells, label)) = found else {
            if c.required {
                let names = column_names(df);
                return Err(SourceError::MissingColumn {
                    path: path.to_owned(),
                    table: spec.name.to_owned(),
                    column: c.name.to_owned(),
                    nearest: nearest(c.name, names.iter().map(String::as_str)),
                    columns: names,
                });
            }
            continue;
        };
        let mut column = match c.kind {
            Kind::Text => to_text(&cells, c.name).map_err(internal(path))?,
            Kind::Number => {
                let levels = matches!(c.name, "priority" | "criticality");
                let done = to_number(&cells, c.name, &label, levels, rows).map_err(internal(path))?;
                rejects.extend(done.rejected);
                done.column
            }
            Kind::Time => {
                let done =
                    to_time(&cells, c.name, &label, c.required, &rules, rows).map_err(internal(path))?;
                rejects.extend(done.rejected);
                done.column
            }
        };
        if spec.name == "tickets" && c.name == "type" {
            column = ticket_type(&column).map_err(internal(path))?;
        }
        if c.required && column.null_count() > 0 {
            let empty = column.is_null();
            let mut bad = Vec::new();
            for (i, null) in empty.iter().enumerate() {
                if null == Some(true) && std::mem::replace(&mut keep[i], false) {
                    bad.push(i);
                }
            }
            // A time that could not be read is counted as such already.
            let told: u64 = rejects
                .iter()
                .filter(|r| {
                    r.row_left_out
                        && r.column == label
                        && matches!(r.check, "unparseable_times" | "ambiguous_dates")
                })
                .map(|r| r.n_rows)
                .sum();
            if told > 0 {
                bad.retain(|i| crate::convert::is_missing_text(cell_text(&cells, *i).trim()));
            }
            if !bad.is_empty() {
                rejects
                    .push(rejected("missing_required", &label, &bad, true, rows, |i| cell_text(&cells, i)));
            }
        }
        columns.push(column);
    }
    if spec.name == "assets"
        && let Some(retired) = &settings.retired
    {
        retire(df, retired, &rules, &mut columns, &mut rejects, raw, path)?;
    }
    let mut statics = Vec::new();
    if let Some(map) = assets {
        for name in ["kind", "model", "vendor", "capacity", "site"] {
            let Some((cells, label)) = file.find(settings, map.get(name), name, &mut used)? else { continue };
            statics.push(if name == "capacity" {
                let done = to_number(&cells, name, &label, false, rows).map_err(internal(path))?;
                rejects.extend(done.rejected);
                done.column
            } else {
                to_text(&cells, name).map_err(internal(path))?
            });
        }
    }
    if spec.metrics {
        if settings.layout == Layout::Long {
            columns.extend(
                metrics::long(&file_cells(&file, settings, &mut used)?, rows, &mut keep, &mut rejects)
                    .map_err(internal(path))?,
            );
        } else {
            if metrics::is_long(df, settings, &used) {
                return Err(SourceError::Config {
                    key: format!("{}.layout", settings.key),
                    found: "wide".into(),
                    allowed: format!("`long` for `{path}`, whose columns `metric` and `value` hold one reading a row"),
                    hint: Some("set `layout = \"long\"`; where `metric` is no name of metrics, `ignore = [\"metric\"]`".into()),
                });
            }
            // A metric that the config maps by itself: `columns = { cpu = "CPU %" }`.
            for (name, m) in settings.columns.iter().filter(|(n, _)| spec.column(n).is_none()) {
                let Some((cells, label)) = file.find(settings, Some(m), name, &mut used)? else { continue };
                let done = to_number(&cells, name, &label, false, rows).map_err(internal(path))?;
                rejects.extend(done.rejected);
                columns.push(done.column);
            }
            for wanted in settings.metrics.iter().flatten().filter(|w| !settings.columns.contains_key(*w)) {
                if !df.columns().iter().any(|c| metrics::is_named(c.name(), wanted, settings)) {
                    let names = column_names(df);
                    let e = SourceError::UnknownColumn {
                        path: path.to_owned(),
                        key: format!("{}.metrics", settings.key),
                        found: wanted.clone(),
                        nearest: nearest(wanted, names.iter().map(String::as_str)),
                        columns: names,
                    };
                    unresolved.push((format!("metrics {wanted}"), e));
                }
            }
            let (found, all) = metrics::wide(df, settings, &used, rows).map_err(internal(path))?;
            let named = |name: &str| columns.iter().any(|c| c.name() == name);
            maybe = all.into_iter().filter(|m| !named(&m.name)).collect();
            let found: Vec<Column> = found.into_iter().filter(|m| !named(m.name())).collect();
            columns.extend(found);
        }
    }
    let mut out = DataFrame::new(n, columns).map_err(internal(path))?;
    if let Some(text) = &settings.filter {
        // Of a column that may be none of numbers the condition means the text.
        let text_of = |name: &str| maybe.iter().any(|m| m.name == name && m.bad.is_some());
        let mut all: Vec<Column> = out.columns().iter().filter(|c| !text_of(c.name())).cloned().collect();
        let taken: Vec<PlSmallStr> = all.iter().map(|c| c.name().clone()).collect();
        all.extend(df.columns().iter().filter(|c| !taken.contains(c.name())).cloned());
        let all = DataFrame::new(n, all).map_err(internal(path))?;
        let mask = condition(&all, text, &format!("{}.where", settings.key))?;
        for (k, m) in keep.iter_mut().zip(mask.iter()) {
            *k &= m == Some(true);
        }
    }
    let mut side = if assets.is_some() {
        let mut c = statics;
        c.extend(out.select(["asset_id", "ts"]).map_err(internal(path))?.columns().iter().cloned());
        Some(DataFrame::new(n, c).map_err(internal(path))?)
    } else {
        None
    };
    if keep.contains(&false) {
        let mask = BooleanChunked::from_slice("".into(), &keep);
        out = out.filter(&mask).map_err(internal(path))?;
        side = side.map(|s| s.filter(&mask)).transpose().map_err(internal(path))?;
    }
    rejects.sort_by(|a, b| (a.check, &a.column).cmp(&(b.check, &b.column)));
    Ok(Mapped { df: out, assets: side, rejected: rejects, unresolved, maybe })
}

/// The `metric` and `value` cells of long telemetry.
fn file_cells(
    file: &File<'_>,
    settings: &TableSettings,
    used: &mut BTreeSet<String>,
) -> Result<[(Column, String); 2], SourceError> {
    let mut one = |name: &str| {
        file.find(settings, settings.columns.get(name), name, used)?.ok_or_else(|| {
            let names = column_names(&file.raw.df);
            SourceError::MissingColumn {
                path: file.path.to_owned(),
                table: input::TELEMETRY.name.to_owned(),
                column: name.to_owned(),
                nearest: nearest(name, names.iter().map(String::as_str)),
                columns: names,
            }
        })
    };
    Ok([one("metric")?, one("value")?])
}

/// Sets `retired_at` of assets whose state says retired and whose date is empty: to when the row was last changed.
fn retire(
    df: &DataFrame,
    (status, dates, retired): &(Vec<String>, Vec<String>, Vec<String>),
    rules: &TimeRules,
    columns: &mut Vec<Column>,
    rejects: &mut Vec<Rejected>,
    raw: &RawTable,
    path: &str,
) -> Result<(), SourceError> {
    let first = |names: &[String]| names.iter().find_map(|n| df.column(n).ok().cloned());
    let Some(status) = first(status) else { return Ok(()) };
    let status = to_text(&status, "status").map_err(internal(path))?;
    let n = df.height();
    let at = |c: &Column| -> PolarsResult<Vec<Option<i64>>> {
        Ok(c.cast(&DataType::Int64)?.i64()?.iter().collect())
    };
    let place = columns.iter().position(|c| c.name() == "retired_at");
    let mut out = match place {
        Some(p) => at(&columns[p]).map_err(internal(path))?,
        None => vec![None; n],
    };
    let changed = match first(dates) {
        Some(c) => {
            at(&to_time(&c, "changed", c.name(), false, rules, &raw.rows).map_err(internal(path))?.column)
                .map_err(internal(path))?
        }
        None => vec![None; n],
    };
    let mut undated = Vec::new();
    for (i, s) in status.str().map_err(internal(path))?.iter().enumerate() {
        if out[i].is_none() && s.is_some_and(|s| retired.iter().any(|r| r.eq_ignore_ascii_case(s))) {
            out[i] = changed[i];
            if changed[i].is_none() {
                undated.push(i);
            }
        }
    }
    if !undated.is_empty() {
        rejects.push(rejected("retired_without_date", status.name(), &undated, false, &raw.rows, |i| {
            cell_text(&status, i)
        }));
    }
    let column = out.into_iter().collect::<Int64Chunked>().with_name("retired_at".into()).into_column();
    let column = column.cast(&crate::convert::TIME).map_err(internal(path))?;
    match place {
        Some(p) => columns[p] = column,
        None => columns.push(column),
    }
    Ok(())
}
