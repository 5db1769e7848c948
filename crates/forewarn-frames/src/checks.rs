//! Data checks, one file each: what it checks, why it matters, an example, what to do. They return findings and stop
//! nothing. They do not know files or the clock: `now` is an argument, and what reading met comes as [`FileFacts`].

mod ambiguous_dates;
mod assumed_as_opened;
mod bad_files;
mod clock_change;
mod constant_metric;
mod duplicate_ids;
mod empty_files;
mod failure_after_retirement;
mod few_failures;
mod filled_when_resolved;
mod missing_required;
mod mostly_missing_metric;
mod nested_column;
mod no_failures;
mod non_finite_readings;
mod orphan_assets;
mod other_rejected;
mod out_of_range;
mod ragged_rows;
mod resolved_before_opened;
mod retired_but_active;
mod rows_after_as_of;
mod rows_after_now;
mod shared;
mod silent_assets;
mod stale_sources;
mod sudden_fall;
#[cfg(test)]
mod tests;
mod tickets_without_asset;
mod truncated_export;
mod unknown_actions;
mod unparseable_numbers;
mod unparseable_times;

use std::collections::BTreeMap;

pub use filled_when_resolved::{FilledWhenResolved, filled_when_resolved};

use crate::TicketColumn;
use crate::finding::Finding;
use crate::input::{Actions, Assets, Events, Failures, Tickets};
use crate::rollup::Roller;
use crate::time::{Cutoff, Micros, format_minute};

/// Cells or rows of a file that were not used, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// The check that reports it: `unparseable_times`, `missing_required`, `unparseable_numbers`, …
    pub check: &'static str,
    /// The source's own column name.
    pub column: String,
    /// How many rows.
    pub n_rows: u64,
    /// Whether the row was left out (else only the cell is empty).
    pub row_left_out: bool,
    /// Up to five, as `row 12: "31/02/2020"`.
    pub sample: Vec<String>,
}

/// What reading one file met.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileFacts {
    /// The canonical table it feeds.
    pub table: &'static str,
    /// The path as the config names it, relative to the config or data folder.
    pub path: String,
    /// Data rows in the file.
    pub n_rows: u64,
    /// What was not used.
    pub rejected: Vec<Rejected>,
    /// Why the whole file was set aside, where it was.
    pub set_aside: Option<String>,
}

/// Rows that are dated after the time of the run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RowsAfterNow {
    /// How many.
    pub n_rows: u64,
    /// The time of the newest.
    pub newest: Micros,
    /// The first few by name and time, in the order of their names.
    pub sample: Vec<String>,
}

impl RowsAfterNow {
    /// Counts a row.
    pub fn count(&mut self, id: &str, at: Micros) {
        self.n_rows += 1;
        self.newest = self.newest.max(at);
        let text = format!("{} at {}", shared::short(id), format_minute(at));
        let place = self.sample.partition_point(|s| *s < text);
        if place < shared::N_SAMPLES && self.sample.get(place) != Some(&text) {
            self.sample.insert(place, text);
            self.sample.truncate(shared::N_SAMPLES);
        }
    }
}

/// What the checks look at.
#[derive(Debug, Clone)]
pub struct CheckContext<'a> {
    /// The time of the run.
    pub now: Micros,
    /// Where observation ends.
    pub as_of: Cutoff,
    /// Whether `as_of` was given (then staleness is against it, else against `now`).
    pub as_of_given: bool,
    /// The inventory.
    pub assets: Option<&'a Assets>,
    /// The tickets.
    pub tickets: Option<&'a Tickets>,
    /// The telemetry, rolled up.
    pub telemetry: &'a Roller,
    /// Readings dated after `now`, which were not rolled up, by entry of the config.
    pub readings_after_now: Vec<(usize, RowsAfterNow)>,
    /// The events.
    pub events: Option<&'a Events>,
    /// What counted as failure.
    pub failures: Option<&'a Failures>,
    /// What readers report as done.
    pub actions: Option<&'a Actions>,
    /// What reading met, file by file.
    pub files: &'a [FileFacts],
    /// `checks.max_age_days`: by table.
    pub max_age_days: BTreeMap<String, i64>,
    /// `checks.ranges`: by metric, least and greatest plausible value.
    pub ranges: BTreeMap<String, (Option<f64>, Option<f64>)>,
    /// Ticket columns taken as opened although an export holds today's values.
    pub assumed_as_opened: Vec<&'static str>,
    /// Ticket columns that are known only once a ticket is resolved, as configured.
    pub known_late: Vec<TicketColumn>,
}

/// What a check says of itself; the same text becomes its documentation.
#[derive(Debug, Clone, Copy)]
pub struct CheckDoc {
    /// Its name in `findings.json`.
    pub name: &'static str,
    /// What it checks.
    pub what: &'static str,
    /// Why it matters.
    pub why: &'static str,
    /// An example of what it finds.
    pub example: &'static str,
    /// What to do about it.
    pub what_to_do: &'static str,
}

/// One check.
#[derive(Clone, Copy)]
pub struct Check {
    /// What it says of itself.
    pub doc: CheckDoc,
    /// Looks, and adds what it finds.
    pub run: fn(&CheckContext<'_>, &mut Vec<Finding>),
}

impl std::fmt::Debug for Check {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Check").field("name", &self.doc.name).finish_non_exhaustive()
    }
}

/// Every check, sorted by name.
pub const ALL: &[Check] = &[
    ambiguous_dates::CHECK,
    assumed_as_opened::CHECK,
    bad_files::CHECK,
    clock_change::CHECK,
    constant_metric::CHECK,
    duplicate_ids::CHECK,
    empty_files::CHECK,
    failure_after_retirement::CHECK,
    few_failures::CHECK,
    filled_when_resolved::CHECK,
    missing_required::CHECK,
    mostly_missing_metric::CHECK,
    nested_column::CHECK,
    no_failures::CHECK,
    non_finite_readings::CHECK,
    orphan_assets::CHECK,
    other_rejected::CHECK,
    out_of_range::CHECK,
    ragged_rows::CHECK,
    resolved_before_opened::CHECK,
    retired_but_active::CHECK,
    rows_after_as_of::CHECK,
    rows_after_now::CHECK,
    silent_assets::CHECK,
    stale_sources::CHECK,
    sudden_fall::CHECK,
    tickets_without_asset::CHECK,
    truncated_export::CHECK,
    unknown_actions::CHECK,
    unparseable_numbers::CHECK,
    unparseable_times::CHECK,
];

/// Runs every check; findings come sorted by severity (errors first), then check, table and column.
#[must_use]
pub fn run_all(context: &CheckContext<'_>) -> Vec<Finding> {
    let mut out = Vec::new();
    for check in ALL {
        (check.run)(context, &mut out);
    }
    out.sort_by(|a, b| {
        b.severity
            .cmp(&a.severity)
            .then_with(|| (&a.check, &a.table, &a.column).cmp(&(&b.check, &b.table, &b.column)))
    });
    out
}
