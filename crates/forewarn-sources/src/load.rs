//! Reads all tables of a run: finds the files, maps each, sets bad ones aside, and holds the result as valid frames. It does
//! not know the clock or what the frames are used for.

use std::collections::BTreeMap;
use std::path::PathBuf;

use forewarn_frames::TicketColumn;
use forewarn_frames::checks::FileFacts;
use forewarn_frames::input::{
    self, Actions, AssetHistory, Assets, Events, Failures, Repeats, Telemetry, Tickets,
};
use forewarn_frames::rollup::TelemetryKind;
use forewarn_frames::time::Micros;
use polars::prelude::*;

use crate::error::{SourceError, nearest};
use crate::failure;
use crate::files::{Input, inputs};
use crate::inventory::Inventory;
use crate::map::{Mapped, column_names, map_file};
use crate::metrics::pivot;
use crate::read::{first_line, guarded, parse, read_bytes};
use crate::settings::{FailureSource, Layout, Mapping, SourceSettings, TableSettings};

/// A file that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fingerprint {
    /// The path as the config names it, relative to the base folder where it lies in it.
    pub path: String,
    /// Where it lies.
    pub full_path: PathBuf,
    /// Its size in bytes.
    pub bytes: u64,
    /// The FNV-1a hash of its bytes, 64 bits: tells versions of a file apart, keeps no one out.
    pub fnv64: u64,
}

/// Rows of one table outside the time that is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cut {
    /// The table.
    pub table: &'static str,
    /// Rows before [`SourceSettings::keep_from`].
    pub n_before: u64,
    /// Rows at or after [`SourceSettings::keep_until`].
    pub n_after: u64,
}

/// What was read, each table valid.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The inventory.
    pub assets: Option<Assets>,
    /// Dated attributes.
    pub asset_history: Option<AssetHistory>,
    /// Tickets.
    pub tickets: Option<Tickets>,
    /// Telemetry: one entry a source, or several where its files hold different metrics.
    pub telemetry: Vec<(Telemetry, TelemetryKind)>,
    /// Events of all sources.
    pub events: Option<Events>,
    /// What counted as failure; empty where the config says nothing.
    pub failures: Failures,
    /// What readers report as done.
    pub actions: Option<Actions>,
    /// Rows that counted as failure and named no asset.
    pub n_failures_without_asset: u64,
    /// Whether a failed asset leaves the population.
    pub terminal: bool,
    /// Ticket columns known only once a ticket is resolved.
    pub known_late: Vec<TicketColumn>,
    /// Ticket columns that hold today's value, are taken as opened, and have cells here.
    pub assumed_as_opened: Vec<&'static str>,
    /// What reading met, file by file.
    pub files: Vec<FileFacts>,
    /// The files, in the order they were read.
    pub fingerprints: Vec<Fingerprint>,
    /// Rows outside the time that is kept, one entry a table that has some.
    pub cuts: Vec<Cut>,
}

impl Loaded {
    /// The time of the newest ticket, reading, event or failure strictly before `before`; `None` without any.
    #[must_use]
    pub fn newest_record(&self, before: Micros) -> Option<Micros> {
        let times = |df: &DataFrame, name: &str| -> Option<Micros> {
            let at = df.column(name).ok()?.cast(&DataType::Int64).ok()?;
            at.i64().ok()?.iter().flatten().filter(|t| *t < before).max()
        };
        let tables = [
            self.tickets.as_ref().and_then(|t| times(t.df(), "opened_at")),
            self.events.as_ref().and_then(|t| times(t.df(), "ts")),
            times(self.failures.df(), "failed_at"),
        ];
        self.telemetry.iter().map(|(t, _)| times(t.df(), "ts")).chain(tables).flatten().max()
    }

    /// How many rows another row of the same key stands for, by table that has some.
    #[must_use]
    pub fn repeats(&self) -> Vec<(&'static str, Repeats)> {
        let mut out = vec![
            ("assets", self.assets.as_ref().map(Assets::repeats)),
            ("asset_history", self.asset_history.as_ref().map(AssetHistory::repeats)),
            ("tickets", self.tickets.as_ref().map(Tickets::repeats)),
            ("events", self.events.as_ref().map(Events::repeats)),
            ("failures", Some(self.failures.repeats())),
            ("actions", self.actions.as_ref().map(Actions::repeats)),
        ];
        out.extend(self.telemetry.iter().map(|(t, _)| ("telemetry", Some(t.repeats()))));
        out.into_iter().filter_map(|(t, r)| r.filter(|r| *r != Repeats::default()).map(|r| (t, r))).collect()
    }
}

/// What the files of one source come to.
struct Read {
    parts: Vec<DataFrame>,
}

struct Loader<'a> {
    settings: &'a SourceSettings,
    on_file: &'a dyn Fn(&str),
    files: Vec<FileFacts>,
    fingerprints: Vec<Fingerprint>,
    cuts: BTreeMap<&'static str, (u64, u64)>,
    inventory: Option<Inventory>,
}

/// Reads and validates every table; `on_file` hears each path before it is read.
///
/// # Errors
///
/// The first fault that leaves a table unusable: a named file that cannot be read, a table without a readable file or
/// without rows, too many bad files of a pattern, a column map or condition that does not fit.
pub fn load(settings: &SourceSettings, on_file: &dyn Fn(&str)) -> Result<Loaded, SourceError> {
    let mut l = Loader {
        settings,
        on_file,
        files: Vec::new(),
        fingerprints: Vec::new(),
        cuts: BTreeMap::new(),
        inventory: settings.assets_from_telemetry.as_ref().map(|_| Inventory::default()),
    };
    let mut assets = match &settings.assets {
        Some(t) => Some(Assets::try_new(&l.one(t)?)?),
        None => None,
    };
    let asset_history = match &settings.asset_history {
        Some(t) => Some(AssetHistory::try_new(&l.one(t)?)?),
        None => None,
    };
    let tickets = match &settings.tickets {
        Some(t) => Some(Tickets::try_new(&l.one(t)?)?),
        None => None,
    };
    let mut telemetry = Vec::new();
    for t in &settings.telemetry {
        let kind = TelemetryKind { on_change: t.on_change, counters: t.counters.clone() };
        for df in l.telemetry(t)? {
            telemetry.push((Telemetry::try_new(&df)?, kind.clone()));
        }
    }
    if let Some(inventory) = l.inventory.take() {
        let df = inventory.finish().map_err(|e| internal("telemetry", &e))?;
        assets = Some(Assets::try_new(&df)?);
    }
    let mut events = Vec::new();
    for t in &settings.events {
        events.extend(l.read(t, None)?.parts);
    }
    let events =
        if settings.events.is_empty() { None } else { Some(Events::try_new(&union(events, "events")?)?) };
    let derived = match &settings.failure.source {
        FailureSource::None => failure::Derived { df: failure::none(), n_without_asset: 0 },
        FailureSource::File(t) => failure::Derived { df: l.one(t)?, n_without_asset: 0 },
        FailureSource::Table(from) => match (*from, &tickets, &events) {
            ("tickets", Some(t), _) => failure::from_tickets(t, &settings.failure, &settings.known_late)?,
            ("events", _, Some(e)) => failure::from_events(e, &settings.failure)?,
            _ => failure::from_telemetry(telemetry.iter().map(|(t, _)| t), &settings.failure)?,
        },
    };
    let failures = Failures::try_new(&derived.df)?;
    let actions = match &settings.actions {
        Some(t) => Some(Actions::try_new(&l.one(t)?)?),
        None => None,
    };
    let has_cells = |name: &str| {
        tickets.as_ref().is_some_and(|t| t.df().column(name).is_ok_and(|c| c.null_count() < c.len()))
    };
    Ok(Loaded {
        assumed_as_opened: settings.assumed_as_opened.iter().copied().filter(|n| has_cells(n)).collect(),
        assets,
        asset_history,
        tickets,
        telemetry,
        events,
        failures,
        actions,
        n_failures_without_asset: derived.n_without_asset,
        terminal: settings.failure.terminal,
        known_late: settings.known_late.clone(),
        files: l.files,
        fingerprints: l.fingerprints,
        cuts: l
            .cuts
            .into_iter()
            .map(|(table, (n_before, n_after))| Cut { table, n_before, n_after })
            .collect(),
    })
}

fn internal(path: &str, e: &PolarsError) -> SourceError {
    SourceError::Malformed { path: path.to_owned(), row: None, message: first_line(e) }
}

/// Tables one under the other; a column that one lacks is empty there.
fn union(parts: Vec<DataFrame>, what: &str) -> Result<DataFrame, SourceError> {
    let mut schema: Vec<(PlSmallStr, DataType)> = Vec::new();
    for p in &parts {
        for c in p.columns() {
            if !schema.iter().any(|(n, _)| n == c.name()) {
                schema.push((c.name().clone(), c.dtype().clone()));
            }
        }
    }
    let mut out: Option<DataFrame> = None;
    for p in parts {
        let columns = schema
            .iter()
            .map(|(n, d)| {
                p.column(n).cloned().unwrap_or_else(|_| Column::full_null(n.clone(), p.height(), d))
            })
            .collect();
        let p = DataFrame::new(p.height(), columns).map_err(|e| internal(what, &e))?;
        match &mut out {
            None => out = Some(p),
            Some(all) => {
                all.vstack_mut(&p).map_err(|e| internal(what, &e))?;
            }
        }
    }
    Ok(out.unwrap_or_default())
}

fn fnv64(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |h, b| (h ^ u64::from(*b)).wrapping_mul(0x0000_0100_0000_01b3))
}

/// The column that says when a row happened, where rows are cut by time.
fn time_column(table: &str) -> Option<&'static str> {
    match table {
        "tickets" => Some("opened_at"),
        "telemetry" | "events" => Some("ts"),
        "failures" => Some("failed_at"),
        "actions" => Some("at"),
        "asset_history" => Some("valid_from"),
        _ => None,
    }
}

impl Loader<'_> {
    /// A table as one piece.
    fn one(&mut self, t: &TableSettings) -> Result<DataFrame, SourceError> {
        union(self.read(t, None)?.parts, &t.key)
    }

    /// A telemetry source: one table a set of metrics, so that files of different metrics do not push each other out.
    fn telemetry(&mut self, t: &TableSettings) -> Result<Vec<DataFrame>, SourceError> {
        let read = self.read(t, self.settings.assets_from_telemetry.as_ref())?;
        let error = |e: PolarsError| internal(&t.key, &e);
        let mut groups: BTreeMap<Vec<String>, Vec<DataFrame>> = BTreeMap::new();
        let spec = t.spec();
        if t.layout == Layout::Long {
            let (mut df, _) = pivot(&union(read.parts, &t.key)?).map_err(error)?;
            let names: Vec<String> =
                column_names(&df).into_iter().filter(|n| spec.column(n).is_none()).collect();
            if let Some(wanted) = t.metrics.iter().flatten().find(|m| !names.contains(m)) {
                return Err(SourceError::Config {
                    key: format!("{}.metrics", t.key),
                    found: wanted.clone(),
                    allowed: format!("one of the source's metrics: {}", names.join(", ")),
                    hint: nearest(wanted, names.iter().map(String::as_str))
                        .map(|n| format!("did you mean `{n}`?")),
                });
            }
            for name in &names {
                if t.ignore.contains(name) || t.metrics.as_ref().is_some_and(|m| !m.contains(name)) {
                    df.drop_in_place(name).map_err(error)?;
                }
            }
            groups.insert(Vec::new(), vec![df]);
        } else {
            for p in read.parts {
                let mut metrics: Vec<String> = p
                    .get_column_names()
                    .iter()
                    .map(ToString::to_string)
                    .filter(|n| spec.column(n).is_none())
                    .collect();
                metrics.sort();
                groups.entry(metrics).or_default().push(p);
            }
        }
        groups.into_values().map(|parts| union(parts, &t.key)).collect()
    }

    /// Reads the files of one source; bad files of a pattern are set aside.
    fn read(
        &mut self,
        t: &TableSettings,
        assets: Option<&BTreeMap<String, Mapping>>,
    ) -> Result<Read, SourceError> {
        let files = inputs(&self.settings.base, t)?;
        let mut parts = Vec::new();
        let mut unresolved: BTreeMap<String, (usize, SourceError)> = BTreeMap::new();
        let mut bad: Vec<SourceError> = Vec::new();
        let (mut n_good, mut n_rows, mut n_kept) = (0usize, 0u64, 0u64);
        let first_facts = self.files.len();
        for file in &files {
            (self.on_file)(&file.shown);
            match self.file(file, t, assets) {
                Ok((rows, mapped)) => {
                    n_good += 1;
                    n_rows += rows;
                    for (column, e) in mapped.unresolved {
                        unresolved.entry(column).or_insert((0, e)).0 += 1;
                    }
                    if let (Some(inventory), Some(side)) = (&mut self.inventory, &mapped.assets) {
                        inventory.add(side).map_err(|e| internal(&file.shown, &e))?;
                    }
                    n_kept += mapped.df.height() as u64;
                    self.files.push(FileFacts {
                        table: t.table,
                        path: file.shown.clone(),
                        n_rows: rows,
                        rejected: mapped.rejected,
                        set_aside: None,
                    });
                    parts.push(self.cut(mapped.df, t.table).map_err(|e| internal(&file.shown, &e))?);
                }
                // A condition that cannot be evaluated is a fault of the config, not of one file.
                Err(e @ (SourceError::Sql { .. } | SourceError::Config { .. })) => return Err(e),
                Err(e) if file.named => return Err(e),
                Err(e) => {
                    self.files.push(FileFacts {
                        table: t.table,
                        path: file.shown.clone(),
                        n_rows: 0,
                        rejected: Vec::new(),
                        set_aside: Some(e.to_string()),
                    });
                    bad.push(e);
                }
            }
        }
        let n_bad = bad.len();
        if let Some(first) = bad.into_iter().next() {
            if files.len() == 1 {
                return Err(first);
            }
            if n_good == 0 || n_bad as f64 > self.settings.max_bad_files * files.len() as f64 {
                return Err(SourceError::TooManyBadFiles {
                    table: t.key.clone(),
                    n_bad,
                    n_files: files.len(),
                    max_share: self.settings.max_bad_files,
                    first: Box::new(first),
                });
            }
        }
        if let Some((_, e)) = unresolved.into_values().find(|(n, _)| *n == n_good) {
            return Err(e);
        }
        let path = t.paths.join(", ");
        // Nothing has been reported as done before the first list was read.
        if n_rows == 0 && t.table != input::ACTIONS.name {
            return Err(SourceError::NoRows { table: t.table.to_owned(), path });
        }
        let left_out = self.files[first_facts..].iter().flat_map(|f| &f.rejected).find(|r| r.row_left_out);
        if let Some(why) = left_out.filter(|_| n_kept == 0 && t.filter.is_none()) {
            return Err(SourceError::NothingUsable {
                table: t.table.to_owned(),
                path,
                check: why.check,
                column: why.column.clone(),
                sample: why.sample.join(", "),
            });
        }
        Ok(Read { parts })
    }

    fn file(
        &mut self,
        file: &Input,
        t: &TableSettings,
        assets: Option<&BTreeMap<String, Mapping>>,
    ) -> Result<(u64, Mapped), SourceError> {
        let limits = self.settings.limits;
        let bytes = read_bytes(&file.full, &file.shown, limits)?;
        self.fingerprints.push(Fingerprint {
            path: file.shown.clone(),
            full_path: file.full.clone(),
            bytes: bytes.len() as u64,
            fnv64: fnv64(&bytes),
        });
        let (_, raw) = parse(bytes, &file.shown, t.delimiter.map(|d| d as u8), limits)?;
        let left_out: u64 = raw.notes.iter().filter(|n| n.row_left_out).map(|n| n.n_rows).sum();
        let rows = raw.df.height() as u64 + left_out;
        let mapped = guarded(&file.shown, || map_file(&raw, t, assets, &file.shown))?;
        Ok((rows, mapped))
    }

    /// Drops rows outside the time that is kept, and counts them.
    fn cut(&mut self, df: DataFrame, table: &'static str) -> PolarsResult<DataFrame> {
        // An old attribute holds until the next one, so a history has no beginning to cut.
        // A snooze may be old and hold still.
        let from = self.settings.keep_from.filter(|_| !matches!(table, "asset_history" | "actions"));
        let until = self.settings.keep_until;
        let Some(name) = time_column(table).filter(|_| from.is_some() || until.is_some()) else {
            return Ok(df);
        };
        let at = df.column(name)?.cast(&DataType::Int64)?;
        let (mut n_before, mut n_after) = (0, 0);
        let keep: BooleanChunked = at
            .i64()?
            .iter()
            .map(|t| {
                let before = t.zip(from).is_some_and(|(t, f)| t < f);
                let after = t.zip(until).is_some_and(|(t, u)| t >= u);
                n_before += u64::from(before);
                n_after += u64::from(after);
                Some(!before && !after)
            })
            .collect();
        if n_before + n_after == 0 {
            return Ok(df);
        }
        let counts = self.cuts.entry(table).or_default();
        *counts = (counts.0 + n_before, counts.1 + n_after);
        df.filter(&keep)
    }
}
