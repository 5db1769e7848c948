//! The look-ahead wall: what was known strictly before a cutoff, and nothing else. It does not know features or models.
//!
//! A [`History`] is a view: it holds no rows of its own and hands out, asset by asset, the prefix of each table that lies
//! before the cutoff, with the cells that became known later left out.

use std::collections::BTreeMap;

use crate::rollup::MetricRollup;
use crate::store::{
    ActionKind, Code, EventRow, FailureRow, Frames, NO_CODE, NO_TIME, TicketColumn, TicketRow,
};
use crate::time::{Cutoff, Micros};

/// What was known strictly before a cutoff. Only [`Frames::as_of`] makes one.
#[derive(Debug, Clone, Copy)]
pub struct History<'a> {
    frames: &'a Frames,
    cutoff: Cutoff,
    at: Micros,
}

fn code(c: u32) -> Option<Code> {
    (c != NO_CODE).then_some(Code(c))
}

/// What is known of an asset itself.
#[derive(Debug, Clone, Copy)]
pub struct Asset {
    /// laptop, server, …
    pub kind: Option<Code>,
    /// The maker's model.
    pub model: Option<Code>,
    /// The maker.
    pub vendor: Option<Code>,
    /// Size in the kind's own unit; NaN where unknown.
    pub capacity: f64,
    /// Since when it runs; `None` where it ran before the first record, or where there is no inventory.
    pub in_service_at: Option<Micros>,
    /// Whether the inventory lists it without a date: it ran before the first record.
    pub ran_before: bool,
    /// The first record before the cutoff that names it.
    pub first_record_at: Option<Micros>,
}

/// A ticket as it looked before the cutoff.
#[derive(Debug, Clone, Copy)]
pub struct TicketView<'a> {
    row: &'a TicketRow,
    resolved: bool,
    frames: &'a Frames,
}

impl TicketView<'_> {
    fn early(&self, column: TicketColumn, c: u32) -> Option<Code> {
        if self.resolved || !self.frames.late.contains(&column) { code(c) } else { None }
    }

    fn late(&self, v: f64) -> f64 {
        if self.resolved { v } else { f64::NAN }
    }

    /// When it was opened.
    #[must_use]
    pub fn opened_at(&self) -> Micros {
        self.row.opened_at
    }

    /// When it was resolved, where that was before the cutoff.
    #[must_use]
    pub fn resolved_at(&self) -> Option<Micros> {
        self.resolved.then_some(self.row.resolved_at)
    }

    /// incident, request, …
    #[must_use]
    pub fn kind(&self) -> Option<Code> {
        self.early(TicketColumn::Type, self.row.kind)
    }

    /// Category.
    #[must_use]
    pub fn category(&self) -> Option<Code> {
        self.early(TicketColumn::Category, self.row.category)
    }

    /// Subcategory; known once resolved.
    #[must_use]
    pub fn subcategory(&self) -> Option<Code> {
        if self.resolved { code(self.row.subcategory) } else { None }
    }

    /// Assignment group.
    #[must_use]
    pub fn group(&self) -> Option<Code> {
        self.early(TicketColumn::Group, self.row.group)
    }

    /// Business service.
    #[must_use]
    pub fn service(&self) -> Option<Code> {
        self.early(TicketColumn::Service, self.row.service)
    }

    /// Location.
    #[must_use]
    pub fn site(&self) -> Option<Code> {
        self.early(TicketColumn::Site, self.row.site)
    }

    /// Close code; known once resolved.
    #[must_use]
    pub fn resolution_code(&self) -> Option<Code> {
        if self.resolved { code(self.row.resolution_code) } else { None }
    }

    /// 1 (highest) to 5; known once resolved, NaN before.
    #[must_use]
    pub fn priority(&self) -> f64 {
        self.late(self.row.priority)
    }

    /// How often it changed hands; NaN before it was resolved.
    #[must_use]
    pub fn reassignment_count(&self) -> f64 {
        self.late(self.row.reassignment_count)
    }

    /// How often it was reopened; NaN before it was resolved.
    #[must_use]
    pub fn reopen_count(&self) -> f64 {
        self.late(self.row.reopen_count)
    }

    /// Minutes of downtime; NaN before it was resolved.
    #[must_use]
    pub fn downtime_minutes(&self) -> f64 {
        self.late(self.row.downtime_minutes)
    }

    /// Satisfaction, 1 to 5; NaN before it was resolved.
    #[must_use]
    pub fn csat(&self) -> f64 {
        self.late(self.row.csat)
    }

    /// Whether it was resolved within the agreed time, 1 or 0; NaN before it was resolved, and where no time was agreed.
    #[must_use]
    pub fn made_sla(&self) -> f64 {
        self.late(self.row.made_sla)
    }
}

/// An event before the cutoff.
#[derive(Debug, Clone, Copy)]
pub struct EventView {
    /// When it happened.
    pub at: Micros,
    /// change, patch, visit, …
    pub kind: Option<Code>,
    /// Which one.
    pub code: Option<Code>,
    /// Of what.
    pub component: Option<Code>,
}

/// What was reported as done before the cutoff.
#[derive(Debug, Clone, Copy)]
pub struct ActionView {
    /// When it was done.
    pub at: Micros,
    /// What.
    pub kind: ActionKind,
    /// Until when, where that was said.
    pub until: Option<Micros>,
    /// The ticket under which it was done.
    pub ticket: Option<Code>,
}

/// A failure that was known before the cutoff.
#[derive(Debug, Clone, Copy)]
pub struct FailureView {
    /// When it failed.
    pub at: Micros,
    /// How it failed, where that was known before the cutoff.
    pub mode: Option<Code>,
}

/// The days of one metric of one asset before the cutoff: parallel slices, oldest first.
#[derive(Debug, Clone, Copy)]
pub struct Series<'a> {
    rollup: &'a MetricRollup,
    from: usize,
    to: usize,
}

impl<'a> Series<'a> {
    /// How many days hold a reading.
    #[must_use]
    pub fn len(&self) -> usize {
        self.to - self.from
    }

    /// Whether there is no reading.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.from == self.to
    }

    /// The day numbers.
    #[must_use]
    pub fn day(&self) -> &'a [i32] {
        &self.rollup.day[self.from..self.to]
    }

    /// The last value of each day.
    #[must_use]
    pub fn last(&self) -> &'a [f64] {
        &self.rollup.last[self.from..self.to]
    }

    /// The mean of each day.
    #[must_use]
    pub fn mean(&self) -> &'a [f64] {
        self.rollup.dense.as_ref().map_or_else(|| self.last(), |d| &d.mean[self.from..self.to])
    }

    /// The least value of each day.
    #[must_use]
    pub fn min(&self) -> &'a [f64] {
        self.rollup.dense.as_ref().map_or_else(|| self.last(), |d| &d.min[self.from..self.to])
    }

    /// The greatest value of each day.
    #[must_use]
    pub fn max(&self) -> &'a [f64] {
        self.rollup.dense.as_ref().map_or_else(|| self.last(), |d| &d.max[self.from..self.to])
    }

    /// The number of readings and their sum of squared deviations from the day's mean, of day `i`.
    #[must_use]
    pub fn count_and_m2(&self, i: usize) -> (f64, f64) {
        self.rollup
            .dense
            .as_ref()
            .map_or((1.0, 0.0), |d| (f64::from(d.n[self.from + i]), d.m2[self.from + i]))
    }

    /// The same of all days; `None` where no day of any asset holds more than one reading.
    pub(crate) fn counts_and_m2(&self) -> Option<(&'a [u32], &'a [f64])> {
        self.rollup.dense.as_ref().map(|d| (&d.n[self.from..self.to], &d.m2[self.from..self.to]))
    }

    /// Increase since the asset's first reading, through each day.
    #[must_use]
    pub fn cum_increase(&self) -> &'a [f64] {
        &self.rollup.cum_increase[self.from..self.to]
    }

    /// Changes since the asset's first reading, through each day.
    #[must_use]
    pub fn cum_changes(&self) -> &'a [u32] {
        &self.rollup.cum_changes[self.from..self.to]
    }

    /// Falls since the asset's first reading, through each day; of a counter these are resets.
    #[must_use]
    pub fn cum_resets(&self) -> &'a [u32] {
        &self.rollup.cum_resets[self.from..self.to]
    }

    /// The day of the last change through day `i`; `None` before the first.
    #[must_use]
    pub fn last_change_day(&self, i: usize) -> Option<i32> {
        let n = self.cum_changes();
        // Totals never fall, so the day on which the total of day `i` was reached is found by halving.
        (n[i] > 0).then(|| self.day()[n[..=i].partition_point(|before| *before < n[i])])
    }

    /// The day of the last increase through day `i`; `None` before the first.
    #[must_use]
    pub fn last_increase_day(&self, i: usize) -> Option<i32> {
        let sum = self.cum_increase();
        (sum[i] > 0.0).then(|| self.day()[sum[..=i].partition_point(|before| *before < sum[i])])
    }

    /// Whether a row comes only when the value changes.
    #[must_use]
    pub fn on_change(&self) -> bool {
        self.rollup.on_change
    }
}

impl<'a> History<'a> {
    pub(crate) fn new(frames: &'a Frames, cutoff: Cutoff) -> Self {
        Self { frames, cutoff, at: cutoff.micros() }
    }

    /// The cutoff.
    #[must_use]
    pub fn cutoff(&self) -> Cutoff {
        self.cutoff
    }

    /// How many assets any table names, known or not yet: assets are numbered below this.
    #[must_use]
    pub fn n_assets(&self) -> usize {
        self.frames.ids.len()
    }

    /// The id of an asset.
    #[must_use]
    pub fn asset_id(&self, asset: usize) -> &'a str {
        &self.frames.ids[asset]
    }

    /// The word a code stands for.
    #[must_use]
    pub fn word(&self, code: Code) -> &'a str {
        &self.frames.words[code.0 as usize]
    }

    /// The assets to score, in the order of their ids: in service before the cutoff and not known to be retired or
    /// terminally failed; without an inventory, those that some record before the cutoff names.
    #[must_use]
    pub fn population(&self) -> Vec<usize> {
        (0..self.n_assets()).filter(|&a| self.is_in_population(a)).collect()
    }

    fn is_in_population(&self, asset: usize) -> bool {
        let row = &self.frames.assets[asset];
        let present = if self.frames.has_inventory {
            row.listed && row.in_service_at < self.at && row.retired_at >= self.at
        } else {
            row.first_record_at < self.at
        };
        present && !(self.frames.terminal && self.rows(asset).first().is_some_and(|f| f.at < self.at))
    }

    fn rows(&self, asset: usize) -> &'a [FailureRow] {
        self.frames.failures.of(asset)
    }

    /// What is known of the asset itself: nothing before it is in service or some record names it.
    #[must_use]
    pub fn asset(&self, asset: usize) -> Asset {
        let row = &self.frames.assets[asset];
        let before = |t: Micros| (t != NO_TIME && t != Micros::MIN && t < self.at).then_some(t);
        let known = row.listed && row.in_service_at < self.at || row.first_record_at < self.at;
        let code = |c: u32| code(c).filter(|_| known);
        Asset {
            kind: code(row.kind),
            model: code(row.model),
            vendor: code(row.vendor),
            capacity: if known { row.capacity } else { f64::NAN },
            in_service_at: before(row.in_service_at),
            ran_before: row.listed && row.in_service_at == Micros::MIN,
            first_record_at: before(row.first_record_at),
        }
    }

    /// The first record of any asset, where one lies before the cutoff.
    #[must_use]
    pub fn first_record(&self) -> Option<Micros> {
        Some(self.frames.first_record_at).filter(|t| *t < self.at)
    }

    /// The value of a dated attribute (`firmware`, `site`, …) as last set before the cutoff.
    #[must_use]
    pub fn attribute(&self, asset: usize, name: &str) -> Option<Code> {
        let rows = self.frames.attributes.of(asset);
        let known = &rows[..rows.partition_point(|r| r.from < self.at)];
        known
            .iter()
            .rev()
            .find(|r| self.frames.words[r.attribute as usize] == name)
            .and_then(|r| code(r.value))
    }

    /// When a dated attribute was last set before the cutoff.
    #[must_use]
    pub fn attribute_since(&self, asset: usize, name: &str) -> Option<Micros> {
        let rows = self.frames.attributes.of(asset);
        let known = &rows[..rows.partition_point(|r| r.from < self.at)];
        known.iter().rev().find(|r| self.frames.words[r.attribute as usize] == name).map(|r| r.from)
    }

    /// The names of dated attributes that any asset has before the cutoff, sorted.
    #[must_use]
    pub fn attribute_names(&self) -> Vec<&'a str> {
        let mut names: Vec<&str> = self
            .frames
            .attributes
            .rows
            .iter()
            .filter(|r| r.from < self.at)
            .map(|r| self.frames.words[r.attribute as usize].as_str())
            .collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// The tickets opened before the cutoff, oldest first, each as it looked then. Where the asset itself is known late
    /// (`known_late` holds `asset_id`), a ticket that was still open is left out.
    pub fn tickets(&self, asset: usize) -> impl DoubleEndedIterator<Item = TicketView<'a>> + use<'a> {
        let (frames, at) = (self.frames, self.at);
        let rows = frames.tickets.of(asset);
        let late_asset = frames.late.contains(&TicketColumn::AssetId);
        rows[..rows.partition_point(|t| t.opened_at < at)]
            .iter()
            .map(move |row| TicketView { row, resolved: row.resolved_at < at, frames })
            .filter(move |t| t.resolved || !late_asset)
    }

    /// Every ticket opened before the cutoff, those that name no asset too, each as it looked then; asset by asset, so
    /// not in the order of time.
    pub fn every_ticket(&self) -> impl Iterator<Item = TicketView<'a>> + use<'a> {
        let (frames, at) = (self.frames, self.at);
        let rows = frames.tickets.rows.iter().chain(&frames.without_asset);
        rows.filter(move |t| t.opened_at < at).map(move |row| TicketView {
            row,
            resolved: row.resolved_at < at,
            frames,
        })
    }

    /// The same, each with the number of the asset it names, where that is known; those that name none last.
    pub fn every_ticket_with_asset(&self) -> impl Iterator<Item = (Option<usize>, TicketView<'a>)> + use<'a> {
        let (frames, at) = (self.frames, self.at);
        let late_asset = frames.late.contains(&TicketColumn::AssetId);
        let named =
            (0..frames.ids.len()).flat_map(|a| frames.tickets.of(a).iter().map(move |t| (Some(a), t)));
        let all = named.chain(frames.without_asset.iter().map(|t| (None, t)));
        all.filter(move |(_, t)| t.opened_at < at).map(move |(asset, row)| {
            let resolved = row.resolved_at < at;
            (asset.filter(|_| resolved || !late_asset), TicketView { row, resolved, frames })
        })
    }

    /// The tickets opened before the cutoff whose asset is not known, with whether it will be.
    pub(crate) fn tickets_of_no_asset(&self) -> impl Iterator<Item = (bool, TicketView<'a>)> + use<'a> {
        let (frames, at) = (self.frames, self.at);
        let late_asset = frames.late.contains(&TicketColumn::AssetId);
        let named = frames.tickets.rows.iter().filter(move |t| late_asset && t.resolved_at >= at);
        let all = named.map(|t| (true, t)).chain(frames.without_asset.iter().map(|t| (false, t)));
        all.filter(move |(_, t)| t.opened_at < at)
            .map(move |(named, row)| (named, TicketView { row, resolved: row.resolved_at < at, frames }))
    }

    /// The failures before the cutoff as far as outcomes show them by then: when, known since when, how, known since when.
    pub(crate) fn failure_rows(
        &self,
        asset: usize,
    ) -> impl Iterator<Item = (Micros, Micros, Option<Code>, Micros)> + use<'a> {
        let at = self.at;
        let rows = self.rows(asset);
        let by_then = move |t: Micros| if t < at { t } else { NO_TIME };
        rows[..rows.partition_point(|f| f.at < at)].iter().map(move |f| {
            let mode_known_at = by_then(f.mode_known_at);
            let mode = if mode_known_at == NO_TIME { None } else { code(f.mode) };
            (f.at, by_then(f.known_at), mode, mode_known_at)
        })
    }

    /// The dated attributes that were set before the cutoff: name, value, since when.
    pub(crate) fn attribute_rows(
        &self,
        asset: usize,
    ) -> impl Iterator<Item = (&'a str, Option<Code>, Micros)> + use<'a> {
        let frames = self.frames;
        let rows = frames.attributes.of(asset);
        rows[..rows.partition_point(|r| r.from < self.at)]
            .iter()
            .map(move |r| (frames.words[r.attribute as usize].as_str(), code(r.value), r.from))
    }

    /// Whether an inventory says which assets there are.
    #[must_use]
    pub fn has_inventory(&self) -> bool {
        self.frames.has_inventory
    }

    pub(crate) fn is_known_late(&self, column: TicketColumn) -> bool {
        self.frames.late.contains(&column)
    }

    /// The events before the cutoff, oldest first.
    pub fn events(&self, asset: usize) -> impl DoubleEndedIterator<Item = EventView> + use<'a> {
        let rows = self.frames.events.of(asset);
        rows[..rows.partition_point(|e| e.at < self.at)].iter().map(|e: &EventRow| EventView {
            at: e.at,
            kind: code(e.kind),
            code: code(e.code),
            component: code(e.component),
        })
    }

    /// What was reported as done before the cutoff, oldest first.
    pub fn actions(&self, asset: usize) -> impl DoubleEndedIterator<Item = ActionView> + use<'a> {
        let rows = self.frames.actions.of(asset);
        rows[..rows.partition_point(|r| r.at < self.at)].iter().map(|r| ActionView {
            at: r.at,
            kind: r.kind,
            until: (r.until != NO_TIME).then_some(r.until),
            ticket: code(r.ticket),
        })
    }

    /// The failures that were known before the cutoff, oldest first.
    pub fn failures(&self, asset: usize) -> impl DoubleEndedIterator<Item = FailureView> + use<'a> {
        let at = self.at;
        let rows = self.rows(asset);
        rows[..rows.partition_point(|f| f.at < at)].iter().filter(move |f| f.known_at < at).map(move |f| {
            FailureView { at: f.at, mode: if f.mode_known_at < at { code(f.mode) } else { None } }
        })
    }

    /// Whether a failed asset leaves the population.
    #[must_use]
    pub fn failures_are_terminal(&self) -> bool {
        self.frames.terminal
    }

    /// When the asset was retired, where that was before the cutoff.
    #[must_use]
    pub fn retired_at(&self, asset: usize) -> Option<Micros> {
        let t = self.frames.assets[asset].retired_at;
        (t < self.at).then_some(t)
    }

    /// The number of metrics that any source holds, known or not yet.
    #[must_use]
    pub fn n_metrics(&self) -> usize {
        self.frames.metrics.len()
    }

    /// A metric's name.
    #[must_use]
    pub fn metric_name(&self, metric: usize) -> &'a str {
        &self.frames.metrics[metric].name
    }

    /// Whether the source says that the metric only counts up.
    #[must_use]
    pub fn metric_is_counter(&self, metric: usize) -> bool {
        self.frames.metrics[metric].counter
    }

    /// Whether rows of the metric come only when its value changes.
    #[must_use]
    pub fn metric_is_on_change(&self, metric: usize) -> bool {
        self.frames.metrics[metric].on_change
    }

    /// The code of every word, to find words again that another history told. Codes of words that are known only later are
    /// among them: they tell of no row.
    #[must_use]
    pub fn codes(&self) -> BTreeMap<&'a str, Code> {
        self.frames.words.iter().enumerate().map(|(i, w)| (w.as_str(), Code(i as u32))).collect()
    }

    /// The ticket columns that are known only once a ticket is resolved, in the order of [`TicketColumn::ALL`].
    #[must_use]
    pub fn known_late(&self) -> Vec<TicketColumn> {
        TicketColumn::ALL.iter().map(|(c, _)| *c).filter(|c| self.frames.late.contains(c)).collect()
    }

    /// The days of a metric before the cutoff.
    #[must_use]
    pub fn series(&self, asset: usize, metric: usize) -> Series<'a> {
        let rollup = &self.frames.metrics[metric];
        let (from, to) = (rollup.offsets[asset], rollup.offsets[asset + 1]);
        let known = rollup.day[from..to].partition_point(|d| *d < self.cutoff.day());
        Series { rollup, from, to: from + known }
    }
}
