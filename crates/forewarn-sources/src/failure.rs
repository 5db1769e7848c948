//! Derives failures from tickets, events or telemetry by an SQL condition over canonical columns. It does not know files.

use std::collections::BTreeSet;

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

/// Failures from telemetry: of consecutive readings of an asset that meet the condition the first is the failure. Sources
/// without the columns that the condition names are passed over, unless all are.
pub(crate) fn from_telemetry<'a>(
    sources: impl Iterator<Item = &'a Telemetry>,
    settings: &FailureSettings,
) -> Result<Derived, SourceError> {
    let mut parts: Vec<DataFrame> = Vec::new();
    let mut refused = None;
    for t in sources {
        let df = t.df();
        let names = names_in(df, settings.filter.as_deref(), "failure.where")
            .and_then(|_| names_in(df, settings.mode.as_deref(), "failure.mode"));
        if let Err(e) = names {
            refused = refused.or(Some(e));
            continue;
        }
        let meets = mask(df, settings)?;
        let mode = mode(df, settings.mode.as_deref())?;
        let edges = || -> PolarsResult<BooleanChunked> {
            let ids = df.column("asset_id")?.str()?;
            let mut last: (Option<&str>, bool) = (None, false);
            let mut out = Vec::with_capacity(df.height());
            for (id, hit) in ids.iter().zip(meets.iter()) {
                let hit = hit == Some(true);
                out.push(hit && !(last.1 && last.0 == id));
                last = (id, hit);
            }
            Ok(BooleanChunked::from_slice("".into(), &out))
        };
        let received =
            df.column("received_at").and_then(|c| c.cast(&DataType::Int64)).map_err(|e| internal(&e))?;
        let out = edges().and_then(|keep| {
            let mut out = dated(df, &keep, mode)?;
            if received.null_count() < received.len() {
                let failed = df.column("ts")?.cast(&DataType::Int64)?;
                let known: Int64Chunked = failed
                    .i64()?
                    .iter()
                    .zip(received.i64()?.iter())
                    .map(|(f, r)| f.map(|f| f.max(r.unwrap_or(f))))
                    .collect();
                let known = known.with_name("known_at".into()).into_column().cast(&TIME)?.filter(&keep)?;
                out.with_column(known)?;
            }
            Ok(out)
        });
        parts.push(out.map_err(|e| internal(&e))?);
    }
    let mut parts = parts.into_iter();
    let Some(mut df) = parts.next() else {
        return match refused {
            Some(e) => Err(e),
            None => Ok(Derived { df: none(), n_without_asset: 0 }),
        };
    };
    for p in parts {
        df.vstack_mut(&p).map_err(|e| internal(&e))?;
    }
    Ok(Derived { df, n_without_asset: 0 })
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
