//! Derives failures from tickets, events or telemetry by an SQL condition over canonical columns. It does not know files.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use forewarn_frames::TicketColumn;
use forewarn_frames::input::{Events, KnownAt, TICKETS, Telemetry, Tickets};
use forewarn_frames::time::Micros;
use polars::prelude::*;

use crate::convert::TIME;
use crate::error::SourceError;
use crate::map::{column_names, condition, evaluate, expression, leaves};
use crate::read::first_line;
use crate::settings::FailureSettings;

/// `known_at` of a failure that cannot be known yet: the first of January 9999, after every cutoff.
pub const NEVER: Micros = 253_370_764_800_000_000;

/// Failures before they are a frame.
#[derive(Debug)]
pub(crate) struct Derived {
    /// The columns of the `failures` frame.
    pub(crate) df: DataFrame,
    /// Rows that meet the condition and name no asset.
    pub(crate) n_without_asset: u64,
}

fn internal(e: &PolarsError) -> SourceError {
    SourceError::Malformed { path: "failure".into(), row: None, message: first_line(e) }
}

/// The rows that meet the condition; every row without one.
fn mask(df: &DataFrame, settings: &FailureSettings) -> Result<BooleanChunked, SourceError> {
    match &settings.filter {
        Some(text) => condition(df, text, "failure.where"),
        None => Ok(BooleanChunked::full("".into(), true, df.height())),
    }
}

/// The mode of each row as text.
fn mode(df: &DataFrame, text: Option<&str>) -> Result<Column, SourceError> {
    let Some(text) = text else {
        return Ok(Column::full_null("mode".into(), df.height(), &DataType::String));
    };
    let cells = match df.column(text) {
        Ok(c) => c.clone(),
        Err(_) => evaluate(df, text, "failure.mode")?,
    };
    Ok(cells.cast(&DataType::String).map_err(|e| internal(&e))?.with_name("mode".into()))
}

/// The canonical columns that a condition or a mode names.
fn names_in(df: &DataFrame, text: Option<&str>, key: &str) -> Result<BTreeSet<String>, SourceError> {
    let columns = column_names(df);
    match text {
        None => Ok(BTreeSet::new()),
        Some(text) if columns.iter().any(|c| c == text) => Ok([text.to_owned()].into()),
        Some(text) => Ok(leaves(&expression(text, key, &columns)?).into_iter().collect()),
    }
}

/// The column of tickets that says how they failed where the config does not: the finer one that tells failures apart.
fn usual_mode(df: &DataFrame, failed: &BooleanChunked) -> PolarsResult<Option<&'static str>> {
    for name in ["subcategory", "category"] {
        let cells = df.column(name)?.str()?;
        let mut values =
            cells.iter().zip(failed.iter()).filter(|(_, f)| *f == Some(true)).filter_map(|(v, _)| v);
        if values.next().is_some_and(|first| values.any(|v| v != first)) {
            return Ok(Some(name));
        }
    }
    Ok(None)
}

/// When a ticket's late cells were known: at its resolution, [`NEVER`] where it is open.
fn resolution(df: &DataFrame, name: &str) -> PolarsResult<Column> {
    let opened = df.column("opened_at")?.cast(&DataType::Int64)?;
    let resolved = df.column("resolved_at")?.cast(&DataType::Int64)?;
    let at: Int64Chunked = resolved
        .i64()?
        .iter()
        .zip(opened.i64()?.iter())
        .map(|(r, o)| Some(r.unwrap_or(NEVER).max(o.unwrap_or(NEVER))))
        .collect();
    at.with_name(name.into()).into_column().cast(&TIME)
}

/// Failures from tickets. Where the condition names a column that is known late, a failure is known from the ticket's
/// resolution on, and one whose ticket is open is not known as one yet ([`NEVER`]); the same holds of the mode alone.
pub(crate) fn from_tickets(
    tickets: &Tickets,
    settings: &FailureSettings,
    known_late: &[TicketColumn],
) -> Result<Derived, SourceError> {
    let df = tickets.df();
    let keep = mask(df, settings)?;
    let is_late = |names: &BTreeSet<String>| {
        names.iter().any(|name| {
            known_late.iter().any(|c| c.name() == name)
                || TICKETS.column(name).is_some_and(|c| c.known == KnownAt::Resolved)
        })
    };
    let late = is_late(&names_in(df, settings.filter.as_deref(), "failure.where")?);
    let mode_text = match &settings.mode {
        Some(text) => Some(text.as_str()),
        None => usual_mode(df, &keep).map_err(|e| internal(&e))?,
    };
    let late_mode = is_late(&names_in(df, mode_text, "failure.mode")?);
    let mode = mode(df, mode_text)?;
    let pick = || -> PolarsResult<(DataFrame, u64)> {
        let opened = df.column("opened_at")?;
        let mut columns = vec![
            df.column("asset_id")?.clone(),
            opened.clone().with_name("failed_at".into()),
            if late { resolution(df, "known_at")? } else { opened.clone().with_name("known_at".into()) },
            mode,
            df.column("downtime_minutes")?.clone(),
            df.column("ticket_id")?.clone(),
        ];
        if late_mode && !late {
            columns.push(resolution(df, "mode_known_at")?);
        }
        let all = DataFrame::new(df.height(), columns)?.filter(&keep)?;
        let named = all.filter(&all.column("asset_id")?.is_not_null())?;
        let n = (all.height() - named.height()) as u64;
        Ok((named, n))
    };
    pick().map(|(df, n_without_asset)| Derived { df, n_without_asset }).map_err(|e| internal(&e))
}

fn dated(df: &DataFrame, keep: &BooleanChunked, mode: Column) -> PolarsResult<DataFrame> {
    let failed = df.column("ts")?.clone().with_name("failed_at".into());
    let known = failed.clone().with_name("known_at".into());
    DataFrame::new(df.height(), vec![df.column("asset_id")?.clone(), failed, known, mode])?.filter(keep)
}

/// Failures from events.
pub(crate) fn from_events(events: &Events, settings: &FailureSettings) -> Result<Derived, SourceError> {
    let df = events.df();
    let out =
        dated(df, &mask(df, settings)?, mode(df, settings.mode.as_deref())?).map_err(|e| internal(&e))?;
    Ok(Derived { df: out, n_without_asset: 0 })
}

/// [`Edges`] as they are kept between loads.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
pub(crate) struct EdgesState {
    last: BTreeMap<usize, HashMap<String, (Micros, bool)>>,
    /// Asset, failed at, known at, mode.
    found: Vec<(String, Micros, Micros, Option<String>)>,
}

/// Failures from telemetry: of consecutive readings of an asset that meet the condition the first is the failure. Slices
/// without the columns that the condition names are passed over, unless all are.
#[derive(Debug)]
pub(crate) struct Edges<'a> {
    settings: &'a FailureSettings,
    /// By source and asset: the time of the last reading, and whether it met the condition.
    last: BTreeMap<usize, HashMap<String, (Micros, bool)>>,
    late: BTreeSet<String>,
    found: Vec<DataFrame>,
    refused: Option<SourceError>,
    held: bool,
}

impl<'a> Edges<'a> {
    pub(crate) fn new(settings: &'a FailureSettings) -> Self {
        Self {
            settings,
            last: BTreeMap::new(),
            late: BTreeSet::new(),
            found: Vec::new(),
            refused: None,
            held: false,
        }
    }

    /// Takes in rows of a source (`asset_id`, `ts`, `received_at` where there is one, metrics).
    pub(crate) fn push(&mut self, source: usize, df: &DataFrame) -> Result<(), SourceError> {
        let names = names_in(df, self.settings.filter.as_deref(), "failure.where")
            .and_then(|_| names_in(df, self.settings.mode.as_deref(), "failure.mode"));
        if let Err(e) = names {
            self.refused.get_or_insert(e);
            return Ok(());
        }
        self.held = true;
        let meets = mask(df, self.settings)?;
        let last = self.last.entry(source).or_default();
        let late = &mut self.late;
        let mut edges = || -> PolarsResult<BooleanChunked> {
            let ids = df.column("asset_id")?.str()?;
            let ts = df.column("ts")?.cast(&DataType::Int64)?;
            let mut out = Vec::with_capacity(df.height());
            for ((id, at), hit) in ids.iter().zip(ts.i64()?.iter()).zip(meets.iter()) {
                let (id, at, hit) = (id.unwrap_or_default(), at.unwrap_or(Micros::MIN), hit == Some(true));
                match last.get_mut(id) {
                    Some(before) if at > before.0 => {
                        out.push(hit && !before.1);
                        *before = (at, hit);
                    }
                    Some(before) => {
                        if *before != (at, hit) {
                            late.insert(id.to_owned());
                        }
                        out.push(false);
                    }
                    None => {
                        out.push(hit);
                        last.insert(id.to_owned(), (at, hit));
                    }
                }
            }
            Ok(BooleanChunked::from_slice("".into(), &out))
        };
        let keep = edges().map_err(|e| internal(&e))?;
        if keep.any() {
            let mode = mode(df, self.settings.mode.as_deref())?;
            self.found.push(at_edges(df, &keep, mode).map_err(|e| internal(&e))?);
        }
        Ok(())
    }

    /// The assets whose rows came out of order.
    pub(crate) fn late(&self) -> impl Iterator<Item = &str> {
        self.late.iter().map(String::as_str)
    }

    /// Takes in all rows of some assets once more, and forgets what was found of them before.
    pub(crate) fn redo(
        &mut self,
        ids: &BTreeSet<String>,
        rows: &[(usize, Telemetry)],
    ) -> Result<(), SourceError> {
        for df in &mut self.found {
            let other = |df: &DataFrame| -> PolarsResult<DataFrame> {
                let names = df.column("asset_id")?.str()?;
                df.filter(&names.iter().map(|id| Some(id.is_none_or(|id| !ids.contains(id)))).collect())
            };
            *df = other(df).map_err(|e| internal(&e))?;
        }
        self.late.retain(|id| !ids.contains(id));
        for last in self.last.values_mut() {
            last.retain(|id, _| !ids.contains(id));
        }
        rows.iter().try_for_each(|(source, t)| self.push(*source, t.df()))
    }

    /// What has to be known to go on, where nothing is out of order and the columns were there.
    pub(crate) fn state(&self) -> Option<EdgesState> {
        let mut found = Vec::new();
        for df in &self.found {
            let ids = df.column("asset_id").ok()?.str().ok()?;
            let times = |name| df.column(name).ok()?.cast(&DataType::Int64).ok();
            let (failed, known) = (times("failed_at")?, times("known_at")?);
            let modes = df.column("mode").ok()?.str().ok()?;
            for i in 0..df.height() {
                let known = known.i64().ok()?.get(i);
                found.push((
                    ids.get(i)?.to_owned(),
                    failed.i64().ok()?.get(i)?,
                    known?,
                    modes.get(i).map(str::to_owned),
                ));
            }
        }
        let whole = self.late.is_empty() && (self.held || self.refused.is_none());
        whole.then(|| EdgesState { last: self.last.clone(), found })
    }

    /// Goes on from a state.
    pub(crate) fn resume(&mut self, state: EdgesState) -> Result<(), SourceError> {
        self.held = !state.last.is_empty();
        self.last = state.last;
        let n = state.found.len();
        let times = |at: Vec<i64>, name: &str| Column::new(name.into(), at).cast(&TIME);
        let frame = || -> PolarsResult<DataFrame> {
            let found = &state.found;
            DataFrame::new(
                n,
                vec![
                    Column::new("asset_id".into(), found.iter().map(|f| f.0.as_str()).collect::<Vec<_>>()),
                    times(found.iter().map(|f| f.1).collect(), "failed_at")?,
                    times(found.iter().map(|f| f.2).collect(), "known_at")?,
                    Column::new("mode".into(), found.iter().map(|f| f.3.as_deref()).collect::<Vec<_>>()),
                ],
            )
        };
        self.found.push(frame().map_err(|e| internal(&e))?);
        Ok(())
    }

    /// Everything found.
    pub(crate) fn finish(self) -> Result<Derived, SourceError> {
        match self.refused {
            Some(e) if !self.held => Err(e),
            _ => {
                let mut df = none();
                let mut parts = self.found.into_iter().filter(|p| p.height() > 0);
                if let Some(first) = parts.next() {
                    df = first;
                    for p in parts {
                        df.vstack_mut(&p).map_err(|e| internal(&e))?;
                    }
                }
                Ok(Derived { df, n_without_asset: 0 })
            }
        }
    }
}

/// The rows of `keep` as failures, each known from when its reading was received.
fn at_edges(df: &DataFrame, keep: &BooleanChunked, mode: Column) -> PolarsResult<DataFrame> {
    let mut out = dated(df, keep, mode)?;
    let Ok(received) = df.column("received_at") else { return Ok(out) };
    if received.null_count() < received.len() {
        let received = received.cast(&DataType::Int64)?;
        let failed = df.column("ts")?.cast(&DataType::Int64)?;
        let known: Int64Chunked = failed
            .i64()?
            .iter()
            .zip(received.i64()?.iter())
            .map(|(f, r)| f.map(|f| f.max(r.unwrap_or(f))))
            .collect();
        let known = known.with_name("known_at".into()).into_column().cast(&TIME)?.filter(keep)?;
        out.with_column(known)?;
    }
    Ok(out)
}

/// No failures.
pub(crate) fn none() -> DataFrame {
    let empty = |name: &str, dtype: &DataType| Column::full_null(name.into(), 0, dtype);
    DataFrame::new(0, vec![empty("asset_id", &DataType::String), empty("failed_at", &TIME)])
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use forewarn_frames::time::{DAY, day_of};

    #[test]
    fn never_is_a_day_that_can_be_shown() {
        assert_eq!(NEVER, Micros::from(day_of(9999, 1, 1)) * DAY);
    }
}
