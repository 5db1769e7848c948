//! From settings to frames: loading, the end of observation, checks, fingerprints. It does not know how a file is read
//! or what a check looks at.

use std::collections::BTreeMap;
use std::path::PathBuf;

use forewarn_frames::checks::{self, CheckContext};
use forewarn_frames::input::{Actions, AssetHistory, Events, Failures, Tickets};
use forewarn_frames::time::Micros;
use forewarn_frames::{Cutoff, Finding, FrameError, FrameInputs, Frames, Severity};
use forewarn_sources::{Given, Loaded, ReadPlan, SourceError, Stop};
use polars::prelude::{BooleanChunked, Column, DataFrame, DataType, NewChunkedArray, PolarsResult};

use crate::errors::{Failure, Outcome};
use crate::privacy;
use crate::settings::Settings;

/// What was read, and up to when it is observed.
#[derive(Debug)]
pub struct Inputs {
    /// What the sources hold.
    pub loaded: Loaded,
    /// Where observation ends.
    pub as_of: Cutoff,
    now: Micros,
    as_of_given: bool,
}

/// How many rows of each table were used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rows {
    /// Rows of the inventory.
    pub assets: u64,
    /// Dated attributes.
    pub asset_history: u64,
    /// Tickets.
    pub tickets: u64,
    /// Readings.
    pub readings: u64,
    /// Events.
    pub events: u64,
    /// Failures.
    pub failures: u64,
    /// Reports of what was done.
    pub actions: u64,
}

impl From<SourceError> for Failure {
    fn from(error: SourceError) -> Self {
        let failure = Failure::input(error.to_string()).hint(error.hint().unwrap_or_default());
        failure.or_no_room()
    }
}

/// A table operation that failed: a bug of ours.
pub fn internal(error: &dyn std::fmt::Display) -> Failure {
    Failure::bug("internal error in a table operation").cause(error.to_string()).or_no_room()
}

/// What reading is told beside the settings.
#[derive(Debug, Clone)]
pub struct Reading {
    /// The time of the run, UTC microseconds.
    pub now: Micros,
    /// How many threads may work, at least 1.
    pub threads: usize,
    /// How much memory is left, bytes. Where it is short less is read at a time; the result is the same.
    pub memory: u64,
    /// Where what was read is kept for the next time, and used from. Default: nowhere.
    pub cache: Option<PathBuf>,
    /// Tables handed in instead of files.
    pub given: Given,
    /// Whether anybody still waits.
    pub stop: Stop,
}

impl Reading {
    /// Reading at `now` on one thread, with memory to spare, nothing kept and nothing handed in; somebody waits.
    pub fn at(now: Micros) -> Self {
        Self { now, threads: 1, memory: 8 << 30, cache: None, given: Given::default(), stop: Stop::default() }
    }
}

/// Reads every source and finds where observation ends; `on_file` hears of each file before it is read.
///
/// # Errors
///
/// A source cannot be read, or nothing in it has a date.
pub fn read(settings: &Settings, reading: Reading, on_file: &dyn Fn(&str)) -> Outcome<Inputs> {
    let (now, left) = (reading.now, reading.memory);
    let plan = ReadPlan {
        now,
        telemetry_from: settings.history_from.map(Cutoff::micros),
        ranges: settings.checks.ranges.clone(),
        threads: reading.threads,
        slice_cells: (left / 512).clamp(1 << 16, 8 << 20) as usize,
        room: (left / 4).clamp(64 << 20, 1 << 30),
        cache: reading.cache,
        given: reading.given,
        stop: reading.stop,
    };
    let loaded = forewarn_sources::load(&settings.reading, &plan, on_file)
        .map_err(|e| privacy::error(e, settings.engine.text))?;
    let as_of = match settings.as_of {
        Some(as_of) => as_of,
        None => newest(&loaded, now).map_err(|e| internal(&e))?.ok_or_else(|| {
            Failure::input("no source has a record with a date that is not in the future").hint(
                "look whether the time columns are mapped, or say where observation ends (`run.as_of`, `--as-of`)",
            )
        })?,
    };
    Ok(Inputs { loaded, as_of, now, as_of_given: settings.as_of.is_some() })
}

/// The midnight after the newest ticket or reading that is not after `now`; without any, after the newest event or
/// failure.
fn newest(loaded: &Loaded, now: Micros) -> PolarsResult<Option<Cutoff>> {
    let mut at = loaded.tickets.as_ref().map(|t| last_until(t.df(), "opened_at", now)).transpose()?.flatten();
    // Readings after now were left out.
    at = at.max(loaded.telemetry.newest());
    if at.is_none() {
        at = loaded.events.as_ref().map(|e| last_until(e.df(), "ts", now)).transpose()?.flatten();
        at = at.max(last_until(loaded.failures.df(), "failed_at", now)?);
    }
    Ok(at.map(Cutoff::after))
}

fn times(df: &DataFrame, column: &str) -> PolarsResult<Column> {
    df.column(column)?.cast(&DataType::Int64)
}

fn last_until(df: &DataFrame, column: &str, now: Micros) -> PolarsResult<Option<Micros>> {
    Ok(times(df, column)?.i64()?.iter().flatten().filter(|at| *at <= now).max())
}

/// The rows whose `column` is in `[from, to)`; `None` where that is every row.
fn within(df: &DataFrame, column: &str, from: Option<Cutoff>, to: Cutoff) -> PolarsResult<Option<DataFrame>> {
    let from = from.map_or(Micros::MIN, Cutoff::micros);
    let keep: Vec<bool> = times(df, column)?
        .i64()?
        .iter()
        .map(|at| at.is_none_or(|at| (from..to.micros()).contains(&at)))
        .collect();
    if keep.iter().all(|k| *k) {
        return Ok(None);
    }
    df.filter(&BooleanChunked::from_slice("".into(), &keep)).map(Some)
}

/// Cuts a frame by [`within`], remaking it by its own constructor.
fn cut<F>(
    frame: F,
    df: fn(&F) -> &DataFrame,
    make: fn(&DataFrame) -> Result<F, FrameError>,
    column: &str,
    from: Option<Cutoff>,
    to: Cutoff,
) -> Outcome<F> {
    match within(df(&frame), column, from, to).map_err(|e| internal(&e))? {
        Some(rows) => make(&rows).map_err(|e| internal(&e)),
        None => Ok(frame),
    }
}

impl Inputs {
    /// What the data checks find.
    pub fn findings(&self, settings: &Settings) -> Vec<Finding> {
        let l = &self.loaded;
        let context = CheckContext {
            now: self.now,
            as_of: self.as_of,
            as_of_given: self.as_of_given,
            assets: l.assets.as_ref(),
            tickets: l.tickets.as_ref(),
            telemetry: &l.telemetry,
            readings_after_now: l.readings_after_now.clone(),
            events: l.events.as_ref(),
            failures: Some(&l.failures),
            actions: l.actions.as_ref(),
            files: &l.files,
            max_age_days: settings.checks.max_age_days.clone(),
            ranges: settings.checks.ranges.clone(),
            assumed_as_opened: l.assumed_as_opened.clone(),
            known_late: l.known_late.clone(),
        };
        let mut findings = checks::run_all(&context);
        privacy::findings(&mut findings, settings.engine.text);
        if l.n_failures_without_asset > 0 {
            add(&mut findings, &[failures_without_asset(l.n_failures_without_asset)]);
        }
        findings
    }

    /// How many rows of each table could not be used; tables that lost none are in it too.
    pub fn rejected(&self) -> BTreeMap<&'static str, u64> {
        let mut by_table = BTreeMap::new();
        for file in &self.loaded.files {
            let lost: u64 = file.rejected.iter().filter(|r| r.row_left_out).map(|r| r.n_rows).sum();
            *by_table.entry(file.table).or_default() += lost;
        }
        by_table
    }

    /// Indexes what was observed before `as_of` (and after `run.history_from`): what came later has not happened yet.
    ///
    /// # Errors
    ///
    /// A table operation fails, which would be a bug.
    pub fn into_frames(self, settings: &Settings) -> Outcome<(Frames, Rows)> {
        let (inputs, rows) = self.observed(settings)?;
        Ok((Frames::new(inputs).map_err(|e| internal(&e))?, rows))
    }

    /// The tables of what was observed, and how many rows of each there are.
    ///
    /// # Errors
    ///
    /// A table operation fails, which would be a bug.
    pub fn observed(self, settings: &Settings) -> Outcome<(FrameInputs, Rows)> {
        let (from, to, l) = (settings.history_from, self.as_of, self.loaded);
        let asset_history = l
            .asset_history
            .map(|f| cut(f, AssetHistory::df, AssetHistory::try_new, "valid_from", None, to))
            .transpose()?;
        let tickets =
            l.tickets.map(|f| cut(f, Tickets::df, Tickets::try_new, "opened_at", from, to)).transpose()?;
        let events = l.events.map(|f| cut(f, Events::df, Events::try_new, "ts", from, to)).transpose()?;
        // An asset that has failed for good is gone, however long ago that was.
        let failures_from = if l.terminal { None } else { from };
        let failures = cut(l.failures, Failures::df, Failures::try_new, "failed_at", failures_from, to)?;
        // What was done before the records begin may hold an asset back still.
        let actions = l.actions.map(|f| cut(f, Actions::df, Actions::try_new, "at", None, to)).transpose()?;
        let mut known_late = l.known_late;
        for late in tickets.iter().flat_map(checks::filled_when_resolved) {
            if !known_late.contains(&late.column) {
                known_late.push(late.column);
            }
        }
        let n = |df: Option<&DataFrame>| df.map_or(0, |df| df.height() as u64);
        let rows = Rows {
            assets: n(l.assets.as_ref().map(forewarn_frames::input::Assets::df)),
            asset_history: n(asset_history.as_ref().map(AssetHistory::df)),
            tickets: n(tickets.as_ref().map(Tickets::df)),
            readings: l.telemetry.n_rows_before(to),
            events: n(events.as_ref().map(Events::df)),
            failures: n(Some(failures.df())),
            actions: n(actions.as_ref().map(Actions::df)),
        };
        let inputs = FrameInputs {
            assets: l.assets,
            asset_history,
            tickets,
            known_late,
            telemetry: l.telemetry,
            events,
            failures,
            actions,
            terminal: l.terminal,
            as_of: to,
        };
        Ok((inputs, rows))
    }
}

/// What only reading knows: rows that meet the failure condition and can be pinned on nothing.
fn failures_without_asset(n: u64) -> Finding {
    Finding {
        check: "failures_without_asset".into(),
        severity: Severity::Info,
        table: "failures".into(),
        column: Some("asset_id".into()),
        n_rows: n,
        sample: Vec::new(),
        message: format!(
            "{n} failure{} named no asset and could not be counted",
            if n == 1 { "" } else { "s" }
        ),
        hint: "fill in the configuration item when a ticket is opened".into(),
    }
}

/// Adds findings, each before those of its severity, so that the list stays sorted.
pub fn add(findings: &mut Vec<Finding>, more: &[Finding]) {
    for f in more.iter().rev() {
        let at = findings.partition_point(|g| g.severity > f.severity);
        findings.insert(at, f.clone());
    }
}

/// Whether a finding is at or above the severity that fails a run.
pub fn fails(findings: &[Finding], at: Severity) -> bool {
    findings.iter().any(|f| f.severity >= at)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test stops where its own input is wrong")]
mod tests {
    use polars::prelude::{DataType, TimeUnit};

    use super::*;

    fn failures(days: &[&str]) -> Failures {
        let at: Vec<i64> = days.iter().map(|d| Cutoff::parse(d).unwrap().micros()).collect();
        let at = Column::new("failed_at".into(), at)
            .cast(&DataType::Datetime(TimeUnit::Microseconds, None))
            .unwrap();
        let id = Column::new("asset_id".into(), vec!["a"; days.len()]);
        Failures::try_new(&DataFrame::new(days.len(), vec![id, at]).unwrap()).unwrap()
    }

    #[test]
    fn what_comes_at_the_end_of_observation_has_not_happened_yet() {
        let day = |text: &str| Cutoff::parse(text).unwrap();
        let check = |from: Option<&str>, to: &str, want: usize| {
            let all = failures(&["2025-01-01", "2025-01-02", "2025-01-03"]);
            let kept =
                cut(all, Failures::df, Failures::try_new, "failed_at", from.map(day), day(to)).unwrap();
            assert_eq!(kept.df().height(), want, "{from:?} {to}");
        };
        check(None, "2025-01-03", 2);
        check(None, "2025-01-04", 3);
        check(Some("2025-01-02"), "2025-01-03", 1);
        check(None, "2020-01-01", 0);
    }

    #[test]
    fn the_newest_record_is_not_in_the_future() {
        let all = failures(&["2025-01-01", "2025-01-03"]);
        let now = Cutoff::parse("2025-01-02").unwrap().micros();
        let last = last_until(all.df(), "failed_at", now).unwrap().unwrap();
        assert_eq!(Cutoff::after(last).to_string(), "2025-01-02");
    }
}
