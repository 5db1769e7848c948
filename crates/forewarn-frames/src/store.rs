//! The validated inputs of a run, indexed by asset: what [`crate::History`] looks at from behind the wall.
//!
//! It knows today's data and hands it out in two ways only: [`Frames::as_of`] (what was known) and [`Frames::outcomes`]
//! (what came). It does not know files, features or models.

use std::collections::{BTreeMap, BTreeSet};

use polars::prelude::*;

use crate::history::History;
use crate::input::{Actions, AssetHistory, Assets, Events, Failures, Tickets};
use crate::rollup::{MetricRollup, Roller};
use crate::time::{Cutoff, Horizon, Micros};

/// A word of some column (a category, a model), by number. Codes compare for equality alone: their order means nothing,
/// since it depends on words that may be known only later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Code(pub(crate) u32);

pub(crate) const NO_CODE: u32 = u32::MAX;
pub(crate) const NO_TIME: Micros = Micros::MAX;

/// A column of the tickets whose cells may have changed since the ticket was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TicketColumn {
    /// `category`
    Category,
    /// `subcategory`
    Subcategory,
    /// `priority`
    Priority,
    /// `group`
    Group,
    /// `service`
    Service,
    /// `site`
    Site,
    /// `type`
    Type,
    /// `asset_id`
    AssetId,
}

impl TicketColumn {
    /// Every such column with its canonical name.
    pub const ALL: [(Self, &'static str); 8] = [
        (Self::Category, "category"),
        (Self::Subcategory, "subcategory"),
        (Self::Priority, "priority"),
        (Self::Group, "group"),
        (Self::Service, "service"),
        (Self::Site, "site"),
        (Self::Type, "type"),
        (Self::AssetId, "asset_id"),
    ];

    /// The column of that canonical name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, n)| *n == name).map(|(c, _)| *c)
    }

    /// The canonical name.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(c, _)| *c == self).map_or("", |(_, n)| n)
    }
}

/// What a reader of the list reports as done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ActionKind {
    /// Somebody looked at the asset, and did what was to do.
    Visited,
    /// Another device stands in its place.
    Replaced,
    /// Somebody decided that nothing is to be done.
    Dismissed,
    /// It is not to be shown until a day.
    Snoozed,
}

impl ActionKind {
    /// Every kind with its word.
    pub const ALL: [(Self, &'static str); 4] = [
        (Self::Visited, "visited"),
        (Self::Replaced, "replaced"),
        (Self::Dismissed, "dismissed"),
        (Self::Snoozed, "snoozed"),
    ];

    /// Reads `visited`, `visit`, `replaced`, `replace`, `replacement`, `dismissed`, `dismiss`, `snoozed` or `snooze`, in
    /// any case.
    ///
    /// ```
    /// use forewarn_frames::ActionKind;
    /// assert_eq!(ActionKind::parse(" Visit "), Some(ActionKind::Visited));
    /// assert_eq!(ActionKind::parse("done"), None);
    /// ```
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        match word.trim().to_lowercase().as_str() {
            "visit" | "visited" => Some(Self::Visited),
            "replace" | "replaced" | "replacement" => Some(Self::Replaced),
            "dismiss" | "dismissed" => Some(Self::Dismissed),
            "snooze" | "snoozed" => Some(Self::Snoozed),
            _ => None,
        }
    }
}

/// What a run is made of, each table already valid.
#[derive(Debug, Clone)]
pub struct FrameInputs {
    /// The inventory; without one, an asset counts from the first record that names it.
    pub assets: Option<Assets>,
    /// Dated attributes.
    pub asset_history: Option<AssetHistory>,
    /// Tickets.
    pub tickets: Option<Tickets>,
    /// Ticket columns that are known only once a ticket is resolved.
    pub known_late: Vec<TicketColumn>,
    /// Telemetry, rolled up; days from `as_of` on are left out.
    pub telemetry: Roller,
    /// Events.
    pub events: Option<Events>,
    /// What counted as failure.
    pub failures: Failures,
    /// What readers of the list report as done.
    pub actions: Option<Actions>,
    /// Whether a failed asset leaves the population.
    pub terminal: bool,
    /// Where observation ends: windows that reach past it are censored.
    pub as_of: Cutoff,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct AssetRow {
    pub kind: u32,
    pub model: u32,
    pub vendor: u32,
    pub capacity: f64,
    pub in_service_at: Micros,
    pub retired_at: Micros,
    pub listed: bool,
    /// The first record (ticket, event, reading, failure) that names it.
    pub first_record_at: Micros,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct TicketRow {
    pub opened_at: Micros,
    pub resolved_at: Micros,
    pub kind: u32,
    pub category: u32,
    pub subcategory: u32,
    pub group: u32,
    pub service: u32,
    pub site: u32,
    pub resolution_code: u32,
    pub priority: f64,
    pub reassignment_count: f64,
    pub reopen_count: f64,
    pub downtime_minutes: f64,
    pub csat: f64,
    pub made_sla: f64,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct EventRow {
    pub at: Micros,
    pub kind: u32,
    pub code: u32,
    pub component: u32,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct FailureRow {
    pub at: Micros,
    pub known_at: Micros,
    pub mode: u32,
    /// At or after `known_at`.
    pub mode_known_at: Micros,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct ActionRow {
    pub at: Micros,
    pub kind: ActionKind,
    pub until: Micros,
    pub ticket: u32,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct AttributeRow {
    pub from: Micros,
    pub attribute: u32,
    pub value: u32,
}

/// Rows of all assets, those of asset `a` at `offsets[a]..offsets[a + 1]`, sorted by time.
#[derive(Debug, Clone)]
pub(crate) struct ByAsset<T> {
    pub offsets: Vec<usize>,
    pub rows: Vec<T>,
}

impl<T: Copy> ByAsset<T> {
    fn new(n_assets: usize, mut rows: Vec<(u32, Micros, T)>) -> Self {
        // The sort is stable and the frames come in canonical order, so rows of the same time keep that order.
        rows.sort_by_key(|r| (r.0, r.1));
        let mut offsets = vec![0; n_assets + 1];
        for r in &rows {
            offsets[r.0 as usize + 1] += 1;
        }
        for a in 0..n_assets {
            offsets[a + 1] += offsets[a];
        }
        Self { offsets, rows: rows.into_iter().map(|r| r.2).collect() }
    }

    pub(crate) fn of(&self, asset: usize) -> &[T] {
        &self.rows[self.offsets[asset]..self.offsets[asset + 1]]
    }
}

/// What happened to one asset in a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It failed in the window.
    Failed,
    /// It was observed through the window and did not fail.
    Survived,
    /// It left, or observation ended, before the window did.
    Censored,
}

impl Outcome {
    /// Whether it failed; `None` where that was not seen.
    #[must_use]
    pub fn seen(self) -> Option<bool> {
        match self {
            Self::Failed => Some(true),
            Self::Survived => Some(false),
            Self::Censored => None,
        }
    }
}

/// What came after a cutoff, by asset: labels, never features.
#[derive(Debug, Clone)]
pub struct Outcomes {
    by_asset: Vec<Outcome>,
    first_failure_at: Vec<Micros>,
    modes: Vec<u32>,
}

impl Outcomes {
    /// The outcome of an asset, by its number in [`Frames::asset_ids`].
    #[must_use]
    pub fn of(&self, asset: usize) -> Outcome {
        self.by_asset[asset]
    }

    /// When the asset first failed in the window, where it did.
    #[must_use]
    pub fn first_failure_at(&self, asset: usize) -> Option<Micros> {
        (self.first_failure_at[asset] != NO_TIME).then(|| self.first_failure_at[asset])
    }

    /// How the asset first failed in the window, where it did and the mode is known.
    #[must_use]
    pub fn mode_of(&self, asset: usize) -> Option<Code> {
        (self.modes[asset] != NO_CODE).then(|| Code(self.modes[asset]))
    }
}

/// The validated, indexed inputs of a run.
///
/// Reading it directly is for the report of today (names, titles); a feature goes through [`Frames::as_of`].
#[derive(Debug)]
pub struct Frames {
    pub(crate) ids: Vec<String>,
    pub(crate) words: Vec<String>,
    pub(crate) assets: Vec<AssetRow>,
    /// The first record of any asset.
    pub(crate) first_record_at: Micros,
    pub(crate) tickets: ByAsset<TicketRow>,
    /// Tickets that name no asset.
    pub(crate) without_asset: Vec<TicketRow>,
    pub(crate) events: ByAsset<EventRow>,
    pub(crate) failures: ByAsset<FailureRow>,
    pub(crate) actions: ByAsset<ActionRow>,
    pub(crate) attributes: ByAsset<AttributeRow>,
    pub(crate) metrics: Vec<MetricRollup>,
    pub(crate) late: BTreeSet<TicketColumn>,
    pub(crate) terminal: bool,
    pub(crate) has_inventory: bool,
    as_of: Cutoff,
    today: Option<Assets>,
    ticket_frame: Option<Tickets>,
    failure_frame: Failures,
}

#[derive(Default)]
struct Words(BTreeMap<String, u32>, Vec<String>);

impl Words {
    fn code(&mut self, word: Option<&str>) -> u32 {
        let Some(word) = word else { return NO_CODE };
        if let Some(&c) = self.0.get(word) {
            return c;
        }
        let c = self.1.len() as u32;
        self.0.insert(word.to_owned(), c);
        self.1.push(word.to_owned());
        c
    }
}

fn text(df: &DataFrame, name: &str) -> PolarsResult<StringChunked> {
    Ok(df.column(name)?.str()?.rechunk().into_owned())
}

fn number(df: &DataFrame, name: &str) -> PolarsResult<Vec<f64>> {
    Ok(df.column(name)?.f64()?.iter().map(|v| v.filter(|x| x.is_finite()).unwrap_or(f64::NAN)).collect())
}

fn time(df: &DataFrame, name: &str, none: Micros) -> PolarsResult<Vec<Micros>> {
    Ok(df.column(name)?.cast(&DataType::Int64)?.i64()?.iter().map(|v| v.unwrap_or(none)).collect())
}

impl Frames {
    /// Indexes the inputs. Assets are numbered in the order of their ids; rows that name no known asset (orphans, where
    /// there is an inventory) are kept by their name but never scored.
    ///
    /// # Errors
    ///
    /// Polars refuses an operation on a valid frame, which would be a bug here.
    pub fn new(inputs: FrameInputs) -> PolarsResult<Self> {
        let mut ids: BTreeSet<String> = BTreeSet::new();
        let mut add = |df: &DataFrame| -> PolarsResult<()> {
            let mut last: Option<&str> = None;
            for id in df.column("asset_id")?.str()?.iter().flatten() {
                if last != Some(id) && !ids.contains(id) {
                    ids.insert(id.to_owned());
                }
                last = Some(id);
            }
            Ok(())
        };
        let frames = [
            inputs.assets.as_ref().map(Assets::df),
            inputs.asset_history.as_ref().map(AssetHistory::df),
            inputs.tickets.as_ref().map(Tickets::df),
            inputs.events.as_ref().map(Events::df),
            Some(inputs.failures.df()),
            inputs.actions.as_ref().map(Actions::df),
        ];
        for df in frames.into_iter().flatten() {
            add(df)?;
        }
        let end = inputs.as_of;
        let read: Vec<(&str, Micros)> =
            inputs.telemetry.assets().into_iter().filter(|(_, first)| *first < end.micros()).collect();
        ids.extend(read.iter().map(|(id, _)| (*id).to_owned()));
        let ids: Vec<String> = ids.into_iter().collect();
        let n = ids.len();
        let code_of = |id: &str| -> u32 { ids.binary_search_by(|x| x.as_str().cmp(id)).unwrap_or(0) as u32 };
        let mut words = Words::default();
        let blank = AssetRow {
            kind: NO_CODE,
            model: NO_CODE,
            vendor: NO_CODE,
            capacity: f64::NAN,
            in_service_at: NO_TIME,
            retired_at: NO_TIME,
            listed: false,
            first_record_at: NO_TIME,
        };
        let mut assets = vec![blank; n];
        if let Some(a) = &inputs.assets {
            let df = a.df();
            let (id, kind, model, vendor) =
                (text(df, "asset_id")?, text(df, "kind")?, text(df, "model")?, text(df, "vendor")?);
            let (capacity, start, end) = (
                number(df, "capacity")?,
                time(df, "in_service_at", Micros::MIN)?,
                time(df, "retired_at", NO_TIME)?,
            );
            for i in 0..df.height() {
                let row = &mut assets[code_of(id.get(i).unwrap_or_default()) as usize];
                *row = AssetRow {
                    kind: words.code(kind.get(i)),
                    model: words.code(model.get(i)),
                    vendor: words.code(vendor.get(i)),
                    capacity: capacity[i],
                    in_service_at: start[i],
                    retired_at: end[i],
                    listed: true,
                    first_record_at: NO_TIME,
                };
            }
        }
        let mut seen = |asset: u32, at: Micros| {
            let row = &mut assets[asset as usize];
            row.first_record_at = row.first_record_at.min(at);
        };

        let mut rows = Vec::new();
        let mut without_asset = Vec::new();
        if let Some(t) = &inputs.tickets {
            let df = t.df();
            let id = text(df, "asset_id")?;
            let (opened, resolved) = (time(df, "opened_at", 0)?, time(df, "resolved_at", NO_TIME)?);
            let texts = ["type", "category", "subcategory", "group", "service", "site", "resolution_code"]
                .map(|c| text(df, c))
                .into_iter()
                .collect::<PolarsResult<Vec<_>>>()?;
            let numbers =
                ["priority", "reassignment_count", "reopen_count", "downtime_minutes", "csat", "made_sla"]
                    .map(|c| number(df, c))
                    .into_iter()
                    .collect::<PolarsResult<Vec<_>>>()?;
            for i in 0..df.height() {
                let row = TicketRow {
                    opened_at: opened[i],
                    resolved_at: resolved[i],
                    kind: words.code(texts[0].get(i)),
                    category: words.code(texts[1].get(i)),
                    subcategory: words.code(texts[2].get(i)),
                    group: words.code(texts[3].get(i)),
                    service: words.code(texts[4].get(i)),
                    site: words.code(texts[5].get(i)),
                    resolution_code: words.code(texts[6].get(i)),
                    priority: numbers[0][i],
                    reassignment_count: numbers[1][i],
                    reopen_count: numbers[2][i],
                    downtime_minutes: numbers[3][i],
                    csat: numbers[4][i],
                    made_sla: numbers[5][i],
                };
                match id.get(i).map(code_of) {
                    Some(asset) => {
                        seen(asset, opened[i]);
                        rows.push((asset, row.opened_at, row));
                    }
                    None => without_asset.push(row),
                }
            }
        }
        let tickets = ByAsset::new(n, rows);

        let mut rows = Vec::new();
        if let Some(e) = &inputs.events {
            let df = e.df();
            let (id, at) = (text(df, "asset_id")?, time(df, "ts", 0)?);
            let (kind, code, component) = (text(df, "kind")?, text(df, "code")?, text(df, "component")?);
            for (i, &at) in at.iter().enumerate() {
                let asset = code_of(id.get(i).unwrap_or_default());
                seen(asset, at);
                let row = EventRow {
                    at,
                    kind: words.code(kind.get(i)),
                    code: words.code(code.get(i)),
                    component: words.code(component.get(i)),
                };
                rows.push((asset, at, row));
            }
        }
        let events = ByAsset::new(n, rows);

        let mut rows = Vec::new();
        {
            let df = inputs.failures.df();
            let (id, at, known, mode, mode_known) = (
                text(df, "asset_id")?,
                time(df, "failed_at", 0)?,
                time(df, "known_at", Micros::MIN)?,
                text(df, "mode")?,
                time(df, "mode_known_at", Micros::MIN)?,
            );
            for i in 0..df.height() {
                let asset = code_of(id.get(i).unwrap_or_default());
                seen(asset, at[i]);
                let known_at = known[i].max(at[i]);
                let row = FailureRow {
                    at: at[i],
                    known_at,
                    mode: words.code(mode.get(i)),
                    mode_known_at: mode_known[i].max(known_at),
                };
                rows.push((asset, at[i], row));
            }
        }
        let failures = ByAsset::new(n, rows);

        let mut rows = Vec::new();
        if let Some(h) = &inputs.asset_history {
            let df = h.df();
            let (id, from) = (text(df, "asset_id")?, time(df, "valid_from", 0)?);
            let (attribute, value) = (text(df, "attribute")?, text(df, "value")?);
            for (i, &from) in from.iter().enumerate() {
                let row = AttributeRow {
                    from,
                    attribute: words.code(attribute.get(i)),
                    value: words.code(value.get(i)),
                };
                rows.push((code_of(id.get(i).unwrap_or_default()), from, row));
            }
        }
        let attributes = ByAsset::new(n, rows);

        // That somebody did something is no record of the asset: it does not bring one into being.
        let mut rows = Vec::new();
        if let Some(a) = &inputs.actions {
            let df = a.df();
            let (id, what, ticket) = (text(df, "asset_id")?, text(df, "what")?, text(df, "ticket_id")?);
            let (at, until) = (time(df, "at", 0)?, time(df, "until", NO_TIME)?);
            for (i, &at) in at.iter().enumerate() {
                // A word that means nothing is a finding.
                let Some(kind) = what.get(i).and_then(ActionKind::parse) else { continue };
                let row = ActionRow { at, kind, until: until[i], ticket: words.code(ticket.get(i)) };
                rows.push((code_of(id.get(i).unwrap_or_default()), at, row));
            }
        }
        let actions = ByAsset::new(n, rows);

        for (id, first) in read {
            seen(code_of(id), first);
        }
        let number = |id: &str| ids.binary_search_by(|x| x.as_str().cmp(id)).ok().map(|i| i as u32);
        let metrics = inputs.telemetry.finish(&number, n, end);

        Ok(Self {
            ids,
            words: words.1,
            first_record_at: assets.iter().map(|a| a.first_record_at).min().unwrap_or(NO_TIME),
            assets,
            tickets,
            without_asset,
            events,
            failures,
            actions,
            attributes,
            metrics,
            late: inputs.known_late.into_iter().collect(),
            terminal: inputs.terminal,
            has_inventory: inputs.assets.is_some(),
            as_of: inputs.as_of,
            today: inputs.assets,
            ticket_frame: inputs.tickets,
            failure_frame: inputs.failures,
        })
    }

    /// What was known strictly before the cutoff: the only constructor of [`History`].
    #[must_use]
    pub fn as_of(&self, cutoff: Cutoff) -> History<'_> {
        History::new(self, cutoff)
    }

    /// What came in `[cutoff, cutoff + horizon)`, by asset, as it is known today. A window that reaches past the end of
    /// observation is censored whole; so is the window of an asset that left in it without failing, and of one that a
    /// reader of the list had visited or replaced in it: that it did not fail may be their work. Visits among the events
    /// censor nothing, since they come by routine and not for the list's sake.
    #[must_use]
    pub fn outcomes(&self, cutoff: Cutoff, horizon: Horizon) -> Outcomes {
        self.outcomes_by(cutoff, horizon, self.as_of, Micros::MAX)
    }

    /// The same as it was known at `by`, for training: a window still open then is censored, and a failure that could
    /// not be known as one yet (its ticket was not resolved) has not happened. A mode not known by then is none.
    #[must_use]
    pub fn outcomes_known(&self, cutoff: Cutoff, horizon: Horizon, by: Cutoff) -> Outcomes {
        self.outcomes_by(cutoff, horizon, by, by.micros())
    }

    /// The outcomes of windows that closed by `by`, of failures that were known before `known`.
    fn outcomes_by(&self, cutoff: Cutoff, horizon: Horizon, by: Cutoff, known: Micros) -> Outcomes {
        let (from, to) = (cutoff.micros(), cutoff.plus_days(horizon.get()).micros());
        let open = to > by.min(self.as_of).micros();
        let mut outcomes = Vec::with_capacity(self.ids.len());
        let mut first = Vec::with_capacity(self.ids.len());
        let mut modes = Vec::with_capacity(self.ids.len());
        for (a, row) in self.assets.iter().enumerate() {
            let rows = self.failures.of(a);
            let after = &rows[rows.partition_point(|f| f.at < from)..];
            let next = after.iter().take_while(|f| f.at < to).find(|f| f.known_at < known);
            first.push(next.map_or(NO_TIME, |f| f.at));
            modes.push(next.filter(|f| f.mode_known_at < known).map_or(NO_CODE, |f| f.mode));
            outcomes.push(match next {
                _ if open => Outcome::Censored,
                Some(_) => Outcome::Failed,
                None if row.retired_at < to || self.was_handled(a, from, to) => Outcome::Censored,
                None => Outcome::Survived,
            });
        }
        Outcomes { by_asset: outcomes, first_failure_at: first, modes }
    }

    /// Whether a reader of the list reports the asset as visited or replaced in `[from, to)`.
    fn was_handled(&self, asset: usize, from: Micros, to: Micros) -> bool {
        let rows = self.actions.of(asset);
        rows[rows.partition_point(|r| r.at < from)..]
            .iter()
            .take_while(|r| r.at < to)
            .any(|r| matches!(r.kind, ActionKind::Visited | ActionKind::Replaced))
    }

    /// The ids of all assets that any table names, sorted; an asset's number is its place here.
    #[must_use]
    pub fn asset_ids(&self) -> &[String] {
        &self.ids
    }

    /// Where observation ends.
    #[must_use]
    pub fn end(&self) -> Cutoff {
        self.as_of
    }

    /// The day of the first ticket, event, reading or failure; `None` without any.
    #[must_use]
    pub fn first_record(&self) -> Option<Cutoff> {
        let first = Some(self.first_record_at).filter(|t| *t != NO_TIME);
        first.map(|at| Cutoff::from_day(crate::time::day_number(at)))
    }

    /// The inventory as of today, for the report.
    #[must_use]
    pub fn inventory(&self) -> Option<&Assets> {
        self.today.as_ref()
    }

    /// The tickets as they came, for the report.
    #[must_use]
    pub fn tickets(&self) -> Option<&Tickets> {
        self.ticket_frame.as_ref()
    }

    /// What counted as failure.
    #[must_use]
    pub fn failures(&self) -> &Failures {
        &self.failure_frame
    }

    /// The daily rollups, one entry a metric, sorted by name.
    #[must_use]
    pub fn rollups(&self) -> &[MetricRollup] {
        &self.metrics
    }

    /// The word a code stands for.
    #[must_use]
    pub fn word(&self, code: Code) -> &str {
        &self.words[code.0 as usize]
    }
}
