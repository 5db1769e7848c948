//! The assets behind the service: where they belong, when they were in service, when they failed and how long they were
//! down. It does not know months or tables.

use std::collections::BTreeMap;

use forewarn_frames::time::{DAY, HOUR, Micros};
use forewarn_frames::{Frames, History};
use polars::prelude::*;

use super::cells::Cells;
use super::months::Months;
use super::work::{Ticket, What};
use crate::EngineError;
use crate::inventory::Inventory;

const MINUTE: f64 = 60e6;

/// By the assets' numbers.
#[derive(Debug)]
pub(super) struct Assets<'a> {
    /// Today's service of each.
    pub(super) service: Vec<Option<&'a str>>,
    /// Today's site of each.
    pub(super) site: Vec<Option<&'a str>>,
    /// When each was in service, from and to, of those that were.
    in_service: Vec<Option<(Micros, Micros)>>,
    /// Asset and time, while in service.
    failed: Vec<(usize, Micros)>,
    /// When each was down, apart and in order; `None` where no data say how long an outage is.
    down: Option<Outages>,
}

/// From and to of each outage, by the assets' numbers.
type Outages = Vec<Vec<(Micros, Micros)>>;

/// Outages that overlap become one.
fn united(mut outages: Vec<(Micros, Micros)>) -> Vec<(Micros, Micros)> {
    outages.sort_unstable();
    let mut out: Vec<(Micros, Micros)> = Vec::new();
    for (from, to) in outages {
        match out.last_mut() {
            Some(last) if from <= last.1 => last.1 = last.1.max(to),
            _ => out.push((from, to)),
        }
    }
    out
}

/// What counted as failure: asset, time, minutes of downtime, ticket.
type Failed<'a> = (usize, Micros, Option<f64>, Option<&'a str>);

/// Before the cutoff, as is known today: the failure of an open ticket is one.
fn failures(frames: &Frames, end: Micros) -> Result<Vec<Failed<'_>>, EngineError> {
    let df = frames.failures().df();
    let ids = frames.asset_ids();
    let at = df.column("failed_at")?.cast(&DataType::Int64)?;
    let (id, ticket) = (df.column("asset_id")?.str()?, df.column("ticket_id")?.str()?);
    let minutes = df.column("downtime_minutes")?.f64()?;
    Ok(id
        .iter()
        .zip(at.i64()?.iter())
        .zip(minutes.iter().zip(ticket.iter()))
        .filter_map(|((id, at), (minutes, ticket))| {
            let asset = ids.binary_search_by(|x| x.as_str().cmp(id.unwrap_or_default())).ok()?;
            Some((asset, at.filter(|t| *t < end)?, minutes, ticket))
        })
        .collect())
}

/// When the tickets of that name were open, until the cutoff at most.
fn open<'a>(
    frames: &'a Frames,
    of: &[Failed<'_>],
    end: Micros,
) -> Result<BTreeMap<&'a str, (Micros, Micros)>, EngineError> {
    let Some(tickets) = frames.tickets() else { return Ok(BTreeMap::new()) };
    let wanted: std::collections::BTreeSet<&str> = of.iter().filter_map(|f| f.3).collect();
    let df = tickets.df();
    let (opened, resolved) =
        (df.column("opened_at")?.cast(&DataType::Int64)?, df.column("resolved_at")?.cast(&DataType::Int64)?);
    let times = opened.i64()?.iter().zip(resolved.i64()?.iter());
    Ok(df
        .column("ticket_id")?
        .str()?
        .iter()
        .zip(times)
        .filter_map(|(id, (opened, resolved))| {
            let id = id.filter(|id| wanted.contains(id))?;
            Some((id, (opened?, resolved.unwrap_or(end).min(end))))
        })
        .collect())
}

impl<'a> Assets<'a> {
    pub(super) fn of(
        frames: &'a Frames,
        history: &History<'a>,
        inventory: &Inventory<'a>,
        tickets: &[Ticket<'_>],
    ) -> Result<Self, EngineError> {
        let end = history.cutoff().micros();
        let terminal = history.failures_are_terminal();
        let listed = inventory.listed();
        let without_inventory = frames.inventory().is_none();
        let all = failures(frames, end)?;
        let mut first_failure = vec![Micros::MAX; history.n_assets()];
        for f in &all {
            first_failure[f.0] = first_failure[f.0].min(f.1);
        }
        let in_service: Vec<Option<(Micros, Micros)>> = (0..history.n_assets())
            .map(|a| {
                let asset = history.asset(a);
                let from = match asset.in_service_at {
                    Some(at) => at,
                    None if asset.ran_before => Micros::MIN,
                    None if without_inventory => asset.first_record_at?,
                    None => return None,
                };
                // The moment of the failure itself belongs to the time in service.
                let failed = if terminal { first_failure[a].saturating_add(1) } else { Micros::MAX };
                let to = history.retired_at(a).unwrap_or(Micros::MAX).min(failed).min(end);
                (listed[a] && from < to).then_some((from, to))
            })
            .collect();
        let serves = |a: usize, at: Micros| in_service[a].is_some_and(|(from, to)| from <= at && at < to);
        let failed = all.iter().filter(|f| serves(f.0, f.1)).map(|f| (f.0, f.1)).collect();
        let down = if terminal { None } else { outages(frames, &all, tickets, end)? };
        let clipped = |a: usize, outages: Vec<(Micros, Micros)>| -> Vec<(Micros, Micros)> {
            let Some((from, to)) = in_service[a] else { return Vec::new() };
            let cut = outages.into_iter().map(|o| (o.0.max(from), o.1.min(to)));
            united(cut.filter(|o| o.0 < o.1).collect())
        };
        Ok(Self {
            service: inventory.text_or_dated(history, "service")?,
            site: inventory.text_or_dated(history, "site")?,
            down: down.map(|all| all.into_iter().enumerate().map(|(a, o)| clipped(a, o)).collect()),
            in_service,
            failed,
        })
    }

    /// Service and site of a ticket: its own, or else those of its asset.
    pub(super) fn place(&self, ticket: &Ticket<'a>) -> (Option<&'a str>, Option<&'a str>) {
        let of = |own: Option<&'a str>, assets: &[Option<&'a str>]| {
            own.or_else(|| ticket.asset.and_then(|a| assets[a]))
        };
        (of(ticket.service, &self.service), of(ticket.site, &self.site))
    }

    /// The assets of the failures in the months, one entry a failure.
    pub(super) fn failures(&self, months: &Months) -> impl Iterator<Item = usize> {
        self.failed.iter().filter(|f| months.index(f.1).is_some()).map(|f| f.0)
    }

    /// Counts days in service, failures and downtime.
    pub(super) fn count(&self, cells: &mut Cells<'_>) {
        let starts: Vec<Micros> = cells.months.starts.iter().map(|d| Micros::from(*d) * DAY).collect();
        // An outage may lie in two months.
        let parts = |from: Micros, to: Micros| {
            let first = starts.partition_point(|s| *s <= from).saturating_sub(1);
            let months = starts.windows(2).enumerate().skip(first).take_while(move |(_, m)| m[0] < to);
            months
                .map(move |(_, m)| (m[0], (to.min(m[1]) - from.max(m[0])) as f64))
                .filter(|p| p.1 > 0.0)
                .collect::<Vec<_>>()
        };
        for (a, span) in self.in_service.iter().enumerate() {
            let Some((from, to)) = *span else { continue };
            let place = (self.service[a], self.site[a]);
            for (month, length) in parts(from, to) {
                cells.at(month, place, |cell| {
                    cell.asset_days += length / DAY as f64;
                    if self.down.is_some() {
                        cell.down.get_or_insert_default();
                    }
                });
            }
            for (from, to) in self.down.as_ref().map_or(&[][..], |d| &d[a]) {
                for (month, length) in parts(*from, *to) {
                    cells.at(month, place, |cell| {
                        let down = cell.down.get_or_insert_default();
                        *down = (down.0 + length / HOUR as f64, down.1 + 1.0);
                    });
                }
            }
        }
        for (a, at) in &self.failed {
            cells.at(*at, (self.service[*a], self.site[*a]), |cell| cell.failures += 1.0);
        }
    }

    /// Mean hours of an outage, and the square of their coefficient of variation.
    pub(super) fn outage_spread(&self) -> (f64, f64) {
        let hours: Vec<f64> =
            self.down.iter().flatten().flatten().map(|o| (o.1 - o.0) as f64 / HOUR as f64).collect();
        let n = hours.len() as f64;
        let mean = hours.iter().sum::<f64>() / n;
        let square = hours.iter().map(|h| (h / mean - 1.0).powi(2)).sum::<f64>() / n;
        if n > 0.0 && mean > 0.0 { (mean, square) } else { (0.0, 0.0) }
    }
}

/// When assets were down: for as long as failures and incidents say (`downtime_minutes`); where none says, while the ticket
/// of a failure was open; `None` where failures name no ticket either.
fn outages(
    frames: &Frames,
    failed: &[Failed<'_>],
    tickets: &[Ticket<'_>],
    end: Micros,
) -> Result<Option<Outages>, EngineError> {
    let mut out: Outages = vec![Vec::new(); frames.asset_ids().len()];
    let mut said = false;
    let of_failures = failed.iter().map(|f| (f.0, f.1, f.2.unwrap_or(f64::NAN)));
    let of_tickets = tickets
        .iter()
        .filter(|t| t.what == What::Incident)
        .filter_map(|t| Some((t.asset?, t.opened, t.downtime_minutes)));
    for (asset, from, minutes) in of_failures.chain(of_tickets) {
        if minutes.is_finite() && minutes >= 0.0 {
            said = true;
            let length = (minutes * MINUTE).min((end - from).max(0) as f64) as Micros;
            out[asset].push((from, from + length));
        }
    }
    if said {
        return Ok(Some(out));
    }
    let open = open(frames, failed, end)?;
    let mut named = false;
    for (asset, from, _, ticket) in failed {
        if let Some((_, until)) = ticket.and_then(|t| open.get(t)) {
            named = true;
            out[*asset].push((*from, *until));
        }
    }
    Ok(named.then_some(out))
}
