//! Reads all tables of a run: finds the files and what was handed in, maps each, sets bad ones aside, and holds the result as valid frames. It does
//! not know the clock or what the frames are used for.

use std::collections::{BTreeMap, BTreeSet};

use forewarn_frames::checks::{FileFacts, Rejected, RowsAfterNow};
use forewarn_frames::input::{self, Actions, AssetHistory, Assets, Events, Failures, Repeats, Tickets};
use forewarn_frames::rollup::Roller;
use forewarn_frames::time::Micros;
use forewarn_frames::{Cutoff, TicketColumn};
use polars::prelude::*;

use crate::cache::{self, Before, Cache, FileState, Miss, State};
use crate::error::SourceError;
use crate::failure::{self, Edges};
use crate::files::{Input, inputs};
use crate::handed;
use crate::map::{Mapped, map_file};
use crate::metrics::MayBe;
use crate::prints::{Fingerprint, Prints};
use crate::read::{first_line, guarded, parse, read_bytes};
use crate::settings::{FailureSource, SourceSettings, TableSettings};
use crate::telemetry::{Feed, ReadPlan, check_named, read_files, roller_settings};

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
    /// Telemetry of all sources, rolled up by day.
    pub telemetry: Roller,
    /// Readings after [`ReadPlan::now`], which were left out, by entry of the config.
    pub readings_after_now: Vec<(usize, RowsAfterNow)>,
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
    /// The files, sorted by path.
    pub fingerprints: Vec<Fingerprint>,
    /// What went wrong with what is kept between loads, in words; nothing depends on it.
    pub notes: Vec<String>,
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
        tables.into_iter().flatten().chain(self.telemetry.newest().filter(|t| *t < before)).max()
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
        out.extend(self.telemetry.rows().into_iter().map(|s| ("telemetry", Some(s.repeats()))));
        out.into_iter().filter_map(|(t, r)| r.filter(|r| *r != Repeats::default()).map(|r| (t, r))).collect()
    }
}

/// The files of one source while they are read.
struct AllFiles<'a> {
    t: &'a TableSettings,
    n_files: usize,
    n_good: usize,
    n_rows: u64,
    n_kept: u64,
    bad: Vec<SourceError>,
    unresolved: BTreeMap<String, (usize, SourceError)>,
}

impl<'a> AllFiles<'a> {
    fn new(t: &'a TableSettings, n_files: usize) -> Self {
        Self { t, n_files, n_good: 0, n_rows: 0, n_kept: 0, bad: Vec::new(), unresolved: BTreeMap::new() }
    }

    fn good(
        &mut self,
        file: &Input,
        (n_rows, n_kept): (u64, u64),
        rejected: Vec<Rejected>,
        unresolved: Vec<(String, SourceError)>,
    ) -> FileFacts {
        self.n_good += 1;
        self.n_rows += n_rows;
        self.n_kept += n_kept;
        for (column, e) in unresolved {
            self.unresolved.entry(column).or_insert((0, e)).0 += 1;
        }
        FileFacts { table: self.t.table, path: file.shown.clone(), n_rows, rejected, set_aside: None }
    }

    /// Sets a file of a pattern aside; a named one, or a fault of the config, is an error.
    fn bad(&mut self, file: &Input, e: SourceError) -> Result<FileFacts, SourceError> {
        // A condition that cannot be evaluated is a fault of the config, not of one file.
        if file.named
            || matches!(e, SourceError::Sql { .. } | SourceError::Config { .. } | SourceError::Stopped)
        {
            return Err(e);
        }
        let set_aside = Some(e.to_string());
        self.bad.push(e);
        Ok(FileFacts {
            table: self.t.table,
            path: file.shown.clone(),
            n_rows: 0,
            rejected: Vec::new(),
            set_aside,
        })
    }

    /// Whether the source can be used; `facts` ends with those of its files.
    fn check(self, max_bad: f64, facts: &[FileFacts]) -> Result<(), SourceError> {
        let t = self.t;
        let n_bad = self.bad.len();
        if let Some(first) = self.bad.into_iter().next() {
            if self.n_files == 1 {
                return Err(first);
            }
            if self.n_good == 0 || n_bad as f64 > max_bad * self.n_files as f64 {
                return Err(SourceError::TooManyBadFiles {
                    table: t.key.clone(),
                    n_bad,
                    n_files: self.n_files,
                    max_share: max_bad,
                    first: Box::new(first),
                });
            }
        }
        let n_good = self.n_good;
        if let Some((_, e)) = self.unresolved.into_values().find(|(n, _)| *n == n_good) {
            return Err(e);
        }
        let path = t.paths.join(", ");
        // Nothing has been reported as done before the first list was read.
        if self.n_rows == 0 && t.table != input::ACTIONS.name {
            return Err(SourceError::NoRows { table: t.table.to_owned(), path });
        }
        let mine = &facts[facts.len().saturating_sub(self.n_files)..];
        let left_out = mine.iter().flat_map(|f| &f.rejected).find(|r| r.row_left_out);
        if let Some(why) = left_out.filter(|_| self.n_kept == 0 && t.filter.is_none()) {
            return Err(SourceError::NothingUsable {
                table: t.table.to_owned(),
                path,
                check: why.check,
                column: why.column.clone(),
                sample: why.sample.join(", "),
            });
        }
        Ok(())
    }
}

struct Loader<'a> {
    settings: &'a SourceSettings,
    plan: &'a ReadPlan,
    on_file: &'a dyn Fn(&str),
    cache: Option<Cache>,
    prints: Prints,
    files: Vec<FileFacts>,
    cuts: BTreeMap<&'static str, (u64, u64)>,
    /// Keys of mapped tables in the cache that belong to these files.
    used: BTreeSet<String>,
    notes: Vec<String>,
}

/// Reads and validates every table as the plan says; `on_file` hears each path before it is read.
///
/// # Errors
///
/// The first fault that leaves a table unusable: a named file that cannot be read, a table without a readable file or
/// without rows, too many bad files of a pattern, a column map or condition that does not fit.
pub fn load(
    settings: &SourceSettings,
    plan: &ReadPlan,
    on_file: &dyn Fn(&str),
) -> Result<Loaded, SourceError> {
    let cache = plan.cache.as_deref().map(Cache::new);
    let known = cache.as_ref().map(Cache::known).unwrap_or_default();
    let all = every_input(settings, plan);
    let prints =
        Prints::of(&all.iter().collect::<Vec<_>>(), &known, plan.threads, settings.limits.max_file_bytes);
    let mut l = Loader {
        settings,
        plan,
        on_file,
        cache,
        prints,
        files: Vec::new(),
        cuts: BTreeMap::new(),
        used: BTreeSet::new(),
        notes: Vec::new(),
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
    let feed = l.telemetry()?;
    let Feed { roller: telemetry, inventory, edges, after_now, cuts, .. } = feed;
    if cuts != (0, 0) {
        l.cuts.insert(input::TELEMETRY.name, cuts);
    }
    if let Some(inventory) = inventory {
        let silent = telemetry.silent(Cutoff::from_day(i32::MAX));
        let df = inventory.finish(&silent).map_err(|e| internal("telemetry", &e))?;
        assets = Some(Assets::try_new(&df)?);
    }
    let mut events = Vec::new();
    for t in &settings.events {
        events.extend(l.read(t)?);
    }
    let events =
        if settings.events.is_empty() { None } else { Some(Events::try_new(&union(events, "events")?)?) };
    let derived = match &settings.failure.source {
        FailureSource::None => failure::Derived { df: failure::none(), n_without_asset: 0 },
        FailureSource::File(t) => failure::Derived { df: l.one(t)?, n_without_asset: 0 },
        FailureSource::Table(from) => match (*from, &tickets, &events) {
            ("tickets", Some(t), _) => failure::from_tickets(t, &settings.failure, &settings.known_late)?,
            ("events", _, Some(e)) => failure::from_events(e, &settings.failure)?,
            _ => edges.map_or_else(
                || Ok(failure::Derived { df: failure::none(), n_without_asset: 0 }),
                Edges::finish,
            )?,
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
    let known = l.prints.known();
    let fingerprints = l.prints.unchanged()?;
    if let Some(cache) = &l.cache {
        cache.forget_tables(&l.used);
        if let Err(e) = cache.keep_known(&known) {
            l.notes.push(format!("the hashes of the files could not be kept for the next run: {e}"));
        }
    }
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
        readings_after_now: after_now.into_iter().filter(|(_, n)| n.n_rows > 0).collect(),
        files: l.files,
        fingerprints,
        notes: l.notes,
        cuts: l
            .cuts
            .into_iter()
            .map(|(table, (n_before, n_after))| Cut { table, n_before, n_after })
            .collect(),
    })
}

pub(crate) fn internal(path: &str, e: &PolarsError) -> SourceError {
    SourceError::Malformed { path: path.to_owned(), row: None, message: first_line(e) }
}

/// The files of all tables.
fn every_input(settings: &SourceSettings, plan: &ReadPlan) -> Vec<Input> {
    let failures = match &settings.failure.source {
        FailureSource::File(t) => Some(t.as_ref()),
        _ => None,
    };
    let one = [&settings.assets, &settings.asset_history, &settings.tickets, &settings.actions];
    let tables = one.into_iter().flatten().chain(failures).chain(&settings.telemetry).chain(&settings.events);
    // A path that names nothing is an error when its table is read.
    tables.filter_map(|t| inputs(&settings.base, &plan.given, t).ok()).flatten().collect()
}

/// Tables one under the other; a column that one lacks is empty there.
pub(crate) fn union(parts: Vec<DataFrame>, what: &str) -> Result<DataFrame, SourceError> {
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

impl<'a> Loader<'a> {
    /// A table as one piece.
    fn one(&mut self, t: &TableSettings) -> Result<DataFrame, SourceError> {
        union(self.read(t)?, &t.key)
    }

    /// Reads the files of one source; bad files of a pattern are set aside.
    fn read(&mut self, t: &TableSettings) -> Result<Vec<DataFrame>, SourceError> {
        let files = inputs(&self.settings.base, &self.plan.given, t)?;
        let mut parts = Vec::new();
        let mut all = AllFiles::new(t, files.len());
        for file in &files {
            self.plan.stop.check()?;
            (self.on_file)(&file.shown);
            match self.file(file, t) {
                Ok((n_rows, mapped)) => {
                    let n_kept = mapped.df.height() as u64;
                    self.files.push(all.good(file, (n_rows, n_kept), mapped.rejected, mapped.unresolved));
                    parts.push(self.cut(mapped.df, t.table).map_err(|e| internal(&file.shown, &e))?);
                }
                Err(e) => self.files.push(all.bad(file, e)?),
            }
        }
        all.check(self.settings.max_bad_files, &self.files)?;
        Ok(parts)
    }

    /// Telemetry as it was kept, where that is of these files; a state that is broken is noted.
    fn kept(&mut self, files: &[Vec<Input>], key: &str) -> Option<State> {
        let cache = self.cache.as_ref()?;
        let sha256 = |entry: usize, path: &str| {
            let file = files.get(entry)?.iter().find(|f| f.shown == path)?;
            Some(self.prints.get(file)?.sha256.clone())
        };
        let roller = roller_settings(self.settings, self.plan);
        match cache.state(key, roller, self.plan.now, &sha256) {
            Ok(state) => Some(state),
            Err(Miss::Other) => None,
            Err(Miss::Broken(why)) => {
                self.notes
                    .push(format!("what was kept of the telemetry is broken ({why}); it is read again"));
                None
            }
        }
    }

    /// Reads all telemetry, from where the last load ended where that can be gone on from. A file of a pattern that turns
    /// out bad after a part of it was taken in is left out from the start, as if it had been known.
    fn telemetry(&mut self) -> Result<Feed<'a>, SourceError> {
        let settings = self.settings;
        let files = self.inputs_of_telemetry()?;
        let key = Feed::key(settings, self.plan);
        let mut kept = self.kept(&files, &key);
        let mut known_bad: BTreeMap<(usize, String), SourceError> = BTreeMap::new();
        'again: loop {
            let mut feed = Feed::new(settings, self.plan);
            let mut before = Before::default();
            let mut states: BTreeMap<(usize, String), FileState> = BTreeMap::new();
            let resumed = kept.is_some();
            if let Some(state) = kept.take() {
                before = state.before();
                states = feed.resume(state)?.into_iter().map(|f| ((f.entry, f.path.clone()), f)).collect();
            }
            let n_before = states.len();
            let mut keeps = true;
            let mut facts: Vec<FileFacts> = Vec::new();
            let mut maybe: Vec<Vec<MayBe>> = Vec::new();
            for (entry, t) in settings.telemetry.iter().enumerate() {
                let first = facts.len();
                let mut all = AllFiles::new(t, files[entry].len());
                let is_new = |f: &&Input| {
                    let key = (entry, f.shown.clone());
                    !states.contains_key(&key) && !known_bad.contains_key(&key)
                };
                let new: Vec<&Input> = files[entry].iter().filter(is_new).collect();
                let plan = self.plan;
                // The next slice is read and mapped while the one at hand is rolled up.
                let goes_on = std::thread::scope(|scope| -> Result<bool, SourceError> {
                    let (send, events) = std::sync::mpsc::sync_channel(1);
                    if !new.is_empty() {
                        scope.spawn(move || read_files(settings, plan, entry, &new, &send));
                    }
                    for file in &files[entry] {
                        let key = (entry, file.shown.clone());
                        if let Some(f) = states.get(&key) {
                            facts.push(all.good(file, (f.n_rows, f.n_kept), f.rejected.clone(), Vec::new()));
                            maybe.push(f.maybe.clone());
                            continue;
                        }
                        (self.on_file)(&file.shown);
                        let read = match known_bad.get(&key) {
                            Some(e) => Err(e.clone()),
                            None => feed.file(entry, file, &events),
                        };
                        match read {
                            Ok(fed) => {
                                let print = self.prints.get(file);
                                keeps &= fed.unresolved.is_empty() && print.is_some();
                                let state = print.map(|print| FileState {
                                    entry,
                                    path: file.shown.clone(),
                                    sha256: print.sha256.clone(),
                                    n_rows: fed.n_rows,
                                    n_kept: fed.n_kept,
                                    rejected: fed.rejected.clone(),
                                    maybe: fed.maybe.clone(),
                                });
                                states.extend(state.map(|s| (key, s)));
                                let n = (fed.n_rows, fed.n_kept);
                                facts.push(all.good(file, n, fed.rejected, fed.unresolved));
                                maybe.push(fed.maybe);
                            }
                            Err(e) => {
                                facts.push(all.bad(file, e.clone())?);
                                maybe.push(Vec::new());
                                if known_bad.insert(key, e).is_none() && feed.begun {
                                    return Ok(false);
                                }
                            }
                        }
                    }
                    Ok(true)
                });
                if !goes_on? {
                    continue 'again;
                }
                all.check(settings.max_bad_files, &facts[first..])?;
            }
            if resumed && !feed.in_order() {
                // The older rows of an asset are not at hand any more.
                continue 'again;
            }
            let good: Vec<Vec<Input>> = files
                .iter()
                .enumerate()
                .map(|(entry, files)| {
                    let read = |f: &&Input| !known_bad.contains_key(&(entry, f.shown.clone()));
                    files.iter().filter(read).cloned().collect()
                })
                .collect();
            feed.read_late(&good, self.on_file)?;
            if keeps && (!resumed || states.len() > n_before) {
                self.keep(&key, &mut feed, &before, &states.into_values().collect::<Vec<_>>());
            }
            let mut maybe = maybe.into_iter();
            let mut rest = facts.as_mut_slice();
            for (entry, t) in settings.telemetry.iter().enumerate() {
                let (mine, others) = rest.split_at_mut(files[entry].len());
                rest = others;
                let rejected = mine.iter_mut().map(|f| &mut f.rejected);
                feed.settle(entry, &mut rejected.zip(maybe.by_ref()).collect::<Vec<_>>());
                check_named(t, &feed.roller.metrics_of(entry))?;
            }
            self.files.extend(facts);
            return Ok(feed);
        }
    }

    /// Keeps telemetry for the next load. Where that fails the load is as good, and the next one reads more.
    fn keep(&mut self, key: &str, feed: &mut Feed<'_>, before: &Before, files: &[FileState]) {
        let Some(more) = feed.more() else { return };
        let Some(cache) = &self.cache else { return };
        let counted = (feed.cuts, feed.first_after);
        if let Err(e) = cache.keep_state(key, &feed.roller, before, files, counted, &feed.after_now, more) {
            self.notes.push(format!("the telemetry that was read could not be kept for the next run: {e}"));
        }
    }

    fn inputs_of_telemetry(&self) -> Result<Vec<Vec<Input>>, SourceError> {
        self.settings.telemetry.iter().map(|t| inputs(&self.settings.base, &self.plan.given, t)).collect()
    }

    fn file(&mut self, file: &Input, t: &TableSettings) -> Result<(u64, Mapped), SourceError> {
        let print = self.prints.get(file).map(|p| p.sha256.clone());
        let key = print.map(|sha256| cache::key(&(t, sha256)));
        if let (Some(cache), Some(key)) = (&self.cache, &key) {
            match cache.table(key) {
                Ok((df, n_rows, rejected)) => {
                    self.used.insert(key.clone());
                    let mapped =
                        Mapped { df, assets: None, rejected, maybe: Vec::new(), unresolved: Vec::new() };
                    return Ok((n_rows, mapped));
                }
                Err(Miss::Broken(why)) => {
                    self.notes.push(format!(
                        "what was kept of `{}` is broken ({why}); it is read again",
                        file.shown
                    ));
                }
                Err(Miss::Other) => {}
            }
        }
        let limits = self.settings.limits;
        let raw = if let Some(table) = &file.given {
            handed::whole(&**table, &file.shown, limits)?
        } else {
            let bytes = read_bytes(&file.full, &file.shown, limits)?;
            parse(bytes, &file.shown, t.delimiter.map(|d| d as u8), limits)?.1
        };
        let left_out: u64 = raw.notes.iter().filter(|n| n.row_left_out).map(|n| n.n_rows).sum();
        let rows = raw.df.height() as u64 + left_out;
        let mapped = guarded(&file.shown, || map_file(&raw, t, None, &file.shown))?;
        if let (Some(cache), Some(key)) = (&self.cache, key)
            && mapped.unresolved.is_empty()
        {
            match cache.keep_table(&key, (&mapped.df, rows, &mapped.rejected)) {
                Ok(()) => {
                    self.used.insert(key);
                }
                Err(e) => {
                    self.notes.push(format!("`{}` could not be kept for the next run: {e}", file.shown));
                }
            }
        }
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
        let (kept, cut) = within(&df, name, from, until)?;
        if cut != (0, 0) {
            let counts = self.cuts.entry(table).or_default();
            *counts = (counts.0 + cut.0, counts.1 + cut.1);
        }
        Ok(kept)
    }
}

/// The rows whose time in column `name` is in `[from, until)`, and how many lie before and after it.
pub(crate) fn within(
    df: &DataFrame,
    name: &str,
    from: Option<Micros>,
    until: Option<Micros>,
) -> PolarsResult<(DataFrame, (u64, u64))> {
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
    let kept = if n_before + n_after == 0 { df.clone() } else { df.filter(&keep)? };
    Ok((kept, (n_before, n_after)))
}
