//! What several checks need: the tables with their ids and times, samples, shares in words, and the plain translation of
//! what reading a file met.

use std::collections::BTreeMap;

use polars::prelude::*;

use super::{CheckContext, FileFacts};
use crate::finding::{Finding, Severity};
use crate::rollup::{Oddities, SourceRows};
use crate::time::format_minute;

/// How many samples a finding shows.
pub(super) const N_SAMPLES: usize = 5;

/// A table of dated rows, telemetry aside.
#[derive(Clone, Copy)]
pub(super) struct Table<'a> {
    /// The canonical name.
    pub(super) name: &'static str,
    pub(super) df: &'a DataFrame,
    /// The column that names a row.
    pub(super) id: &'static str,
    /// The column that dates it.
    pub(super) time: &'static str,
}

/// Which of how many sources of telemetry.
#[derive(Clone, Copy)]
pub(super) struct Source {
    at: usize,
    n: usize,
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.n > 1 { write!(f, " in source {} of {}", self.at + 1, self.n) } else { Ok(()) }
    }
}

/// Tickets, events, failures and actions, those that there are.
pub(super) fn tables<'a>(context: &CheckContext<'a>) -> Vec<Table<'a>> {
    let mut out = Vec::new();
    if let Some(t) = context.tickets {
        out.push(Table { name: "tickets", df: t.df(), id: "ticket_id", time: "opened_at" });
    }
    if let Some(e) = context.events {
        out.push(Table { name: "events", df: e.df(), id: "asset_id", time: "ts" });
    }
    if let Some(f) = context.failures {
        out.push(Table { name: "failures", df: f.df(), id: "asset_id", time: "failed_at" });
    }
    if let Some(a) = context.actions {
        out.push(Table { name: "actions", df: a.df(), id: "asset_id", time: "at" });
    }
    out
}

/// The sources of telemetry, each with which it is.
pub(super) fn sources<'a>(context: &CheckContext<'a>) -> Vec<(Source, SourceRows<'a>)> {
    let rows = context.telemetry.rows();
    let n = rows.len();
    rows.into_iter().enumerate().map(|(at, rows)| (Source { at, n }, rows)).collect()
}

/// The same, with files of an entry whose metrics are partly the same taken together: columns come and go over the years,
/// and who reads the newer ones has not stopped.
pub(super) fn streams<'a>(context: &CheckContext<'a>) -> Vec<(Source, Vec<SourceRows<'a>>)> {
    let mut out: Vec<Vec<SourceRows<'a>>> = Vec::new();
    for rows in context.telemetry.rows() {
        let alike = |other: &SourceRows<'a>| {
            other.entry() == rows.entry() && other.metrics().iter().any(|m| rows.metrics().contains(m))
        };
        let Some(first) = out.iter().position(|s| s.iter().any(alike)) else {
            out.push(vec![rows]);
            continue;
        };
        for other in (first + 1..out.len()).rev() {
            if out[other].iter().any(alike) {
                let more = out.remove(other);
                out[first].extend(more);
            }
        }
        out[first].push(rows);
    }
    let n = out.len();
    out.into_iter().enumerate().map(|(at, rows)| (Source { at, n }, rows)).collect()
}

/// The times of a column in microseconds.
pub(super) fn micros<'a>(df: &'a DataFrame, name: &str) -> Option<&'a Int64Chunked> {
    df.column(name).ok()?.datetime().ok().map(Logical::physical)
}

/// The cells of a text column.
pub(super) fn texts<'a>(df: &'a DataFrame, name: &str) -> Option<&'a StringChunked> {
    df.column(name).ok()?.str().ok()
}

/// One text cell, empty where there is none.
pub(super) fn cell<'a>(df: &'a DataFrame, name: &str, row: usize) -> &'a str {
    texts(df, name).and_then(|c| c.get(row)).unwrap_or_default()
}

/// The first such reading of each asset: `srv-1 at 2025-01-31 13:45: inf`.
pub(super) fn first_readings(odd: &Oddities<'_>) -> Vec<String> {
    let first = odd.first.iter().take(N_SAMPLES);
    first.map(|(id, at, value)| format!("{} at {}: {value}", short(id), format_minute(*at))).collect()
}

/// Text from outside, short enough for a sample; what it says stays as it is.
pub(super) fn short(text: &str) -> String {
    const MOST: usize = 80;
    match text.char_indices().nth(MOST) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

/// `1 row`, `12 rows`.
pub(super) fn count(n: u64, noun: &str) -> String {
    if n == 1 { format!("1 {noun}") } else { format!("{n} {noun}s") }
}

/// `are` or `is`, and the like: the first where `n` is one.
pub(super) fn pick(n: u64, one: &'static str, many: &'static str) -> &'static str {
    if n == 1 { one } else { many }
}

/// `12 of 340 rows (3.5 %)`.
pub(super) fn share(n: u64, of: u64) -> String {
    if of < n || of == 0 {
        return count(n, "row");
    }
    let percent = 100.0 * n as f64 / of as f64;
    let percent = match n {
        0 => "0".to_owned(),
        _ if n == of => "100".to_owned(),
        _ if percent < 0.1 => "under 0.1".to_owned(),
        _ => format!("{:.1}", percent.min(99.9)),
    };
    format!("{n} of {} ({percent} %)", count(of, "row"))
}

/// Info up to one row in a hundred, else a warning.
pub(super) fn by_share(n: u64, of: u64) -> Severity {
    if n.saturating_mul(100) > of { Severity::Warning } else { Severity::Info }
}

/// What reading met under one check name in one column of one table.
#[derive(Debug, Default)]
pub(super) struct Met {
    /// Rows, over all files.
    pub(super) n_rows: u64,
    /// How many of them were left out.
    pub(super) n_left_out: u64,
    /// Rows of all files of the table.
    pub(super) of: u64,
    /// The file and the row, with what stands there.
    pub(super) sample: Vec<String>,
}

impl Met {
    /// Info up to one row in a hundred, a warning above, an error where more than half of the table was left out.
    pub(super) fn severity(&self) -> Severity {
        if self.n_left_out > self.of / 2 { Severity::Error } else { by_share(self.n_rows, self.of) }
    }

    /// `; they are left out`, where rows are.
    pub(super) fn fate(&self) -> String {
        match self.n_left_out {
            0 => pick(self.n_rows, "the cell counts as empty", "the cells count as empty").to_owned(),
            n if n == self.n_rows => pick(n, "it is left out", "they are left out").to_owned(),
            n => format!("{n} of them {} left out", pick(n, "is", "are")),
        }
    }
}

/// Rows of all files of a table.
fn rows_of(files: &[FileFacts], table: &str) -> u64 {
    files.iter().filter(|f| f.table == table).map(|f| f.n_rows).sum()
}

/// What reading met under the check names that `wanted` accepts, one finding a check name, table and column. `words` gives
/// severity, message and hint; the column is in back quotes, or `a row` where all of it is meant.
pub(super) fn met(
    context: &CheckContext<'_>,
    check: &'static str,
    wanted: impl Fn(&str) -> bool,
    out: &mut Vec<Finding>,
    words: impl Fn(&str, &str, &Met) -> (Severity, String, &'static str),
) {
    let mut groups: BTreeMap<(&str, &str, &str), Met> = BTreeMap::new();
    for file in context.files {
        for r in file.rejected.iter().filter(|r| r.n_rows > 0 && wanted(r.check)) {
            let group = groups.entry((r.check, file.table, &r.column)).or_default();
            group.of = rows_of(context.files, file.table);
            group.n_rows += r.n_rows;
            group.n_left_out += if r.row_left_out { r.n_rows } else { 0 };
            let free = N_SAMPLES - group.sample.len();
            group
                .sample
                .extend(r.sample.iter().take(free).map(|s| format!("{}, {}", short(&file.path), short(s))));
        }
    }
    for ((met_as, table, column), group) in groups {
        let column = (column != "*" && !column.is_empty()).then(|| column.to_owned());
        let named = column.as_ref().map_or_else(|| "the row".to_owned(), |c| format!("`{}`", short(c)));
        let (severity, message, hint) = words(met_as, &named, &group);
        out.push(Finding {
            check: check.to_owned(),
            severity,
            table: table.to_owned(),
            column,
            n_rows: group.n_rows,
            sample: group.sample,
            message,
            hint: hint.to_owned(),
        });
    }
}
