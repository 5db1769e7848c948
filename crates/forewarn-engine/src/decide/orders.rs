//! Tickets to be opened for the plan: no more in a period than its visits, and none for an asset that an open one names. It
//! does not know whose columns the tickets are imported into.

use std::collections::{BTreeMap, BTreeSet};
// `let _ = write!(…)`: writing to a String does not fail.
use std::fmt::Write as _;

use forewarn_frames::output::{ORDERS, PLAN, RANKING};
use forewarn_frames::{Cutoff, Frames};
use polars::prelude::*;

use crate::sample::fnv;
use crate::{EngineError, Settings};

/// An order of an earlier night.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// The night.
    pub as_of: Cutoff,
    /// Its id, `fw-…`.
    pub order_id: String,
    /// The assets that it names.
    pub asset_ids: Vec<String>,
}

/// The id of an action on an asset or a wave: 48 bits of a hash.
fn order_id(action: &str, on: &str) -> String {
    format!("fw-{:012x}", fnv(0, action.bytes().chain([0]).chain(on.bytes())) >> 16)
}

/// Whether tickets that name an order are there, and whether one of them is open.
#[derive(Debug, Clone, Copy, Default)]
struct Seen {
    any: bool,
    open: bool,
}

/// The orders that the titles of tickets name, as of a cutoff.
fn named_in_tickets(frames: &Frames) -> Result<BTreeMap<String, Seen>, EngineError> {
    let mut seen: BTreeMap<String, Seen> = BTreeMap::new();
    let Some(tickets) = frames.tickets() else { return Ok(seen) };
    let df = tickets.df();
    let (title, resolved) = (df.column("title")?.str()?, &df.column("resolved_at")?.datetime()?.phys);
    let end = frames.end().micros();
    for i in 0..df.height() {
        let id = title.get(i).and_then(|t| {
            let from = t.rfind("[fw-")? + 1;
            t.get(from..from + 15).filter(|id| id[3..].bytes().all(|b| b.is_ascii_hexdigit()))
        });
        let Some(id) = id else { continue };
        let entry = seen.entry(id.to_owned()).or_default();
        entry.any = true;
        entry.open |= resolved.get(i).is_none_or(|at| at >= end);
    }
    Ok(seen)
}

/// The assets that an open order names. An order is open until every ticket that names it is resolved; where no ticket does,
/// for as long as its forecast ran.
fn taken(frames: &Frames, settings: &Settings, earlier: &[Order]) -> Result<BTreeSet<String>, EngineError> {
    let seen = named_in_tickets(frames)?;
    let days = settings.risk.rank_by.get().max(settings.capacity.per_days as i32);
    let is_open = |o: &&Order| {
        let seen = seen.get(&o.order_id).copied().unwrap_or_default();
        if seen.any { seen.open } else { o.as_of.plus_days(days) > frames.end() }
    };
    Ok(earlier
        .iter()
        .filter(|o| o.as_of < frames.end())
        .filter(is_open)
        .flat_map(|o| o.asset_ids.iter().cloned())
        .collect())
}

struct Row {
    order_id: String,
    asset_ids: Vec<String>,
    action: String,
    title: String,
    text: String,
    impact: i64,
    urgency: i64,
    site: Option<String>,
    owner: Option<String>,
}

/// The `orders` table: tickets to be opened for a `plan` and its `ranking`, the first action first. `earlier` holds what
/// earlier nights ordered; what has the date of this night or a later one is passed over.
///
/// # Errors
///
/// A table is not what its schema says, which would be a bug here.
pub fn orders(
    frames: &Frames,
    settings: &Settings,
    (plan, ranking): (&DataFrame, &DataFrame),
    earlier: &[Order],
) -> Result<DataFrame, EngineError> {
    debug_assert_eq!((PLAN.check(plan), RANKING.check(ranking)), (Ok(()), Ok(())));
    let end = frames.end();
    let begun = end.plus_days(-(settings.capacity.per_days as i32));
    let ordered: BTreeSet<&str> =
        earlier.iter().filter(|o| o.as_of > begun && o.as_of < end).map(|o| o.order_id.as_str()).collect();
    let left = (settings.capacity.visits as usize).saturating_sub(ordered.len());
    let mut taken = taken(frames, settings, earlier)?;
    let ids = ranking.column("asset_id")?.str()?;
    let (probability, criticality) =
        (ranking.column("probability")?.f64()?, ranking.column("criticality")?.i64()?);
    let place: BTreeMap<&str, usize> = ids.iter().flatten().zip(0..).collect();
    let texts = |name: &str| plan.column(name).and_then(|c| c.str().cloned());
    let (action, title, why, scope) = (texts("action")?, texts("title")?, texts("why")?, texts("scope")?);
    let (site, owner) = (texts("site")?, texts("owner")?);
    let saving = plan.column("expected_saving")?.f64()?;
    let lists = plan.column("asset_ids")?.list()?;
    let mut rows: Vec<Row> = Vec::new();
    for i in 0..plan.height() {
        if rows.len() == left {
            break;
        }
        let list = lists.get_as_series(i).unwrap_or_default();
        let named: Vec<String> = list.str()?.iter().flatten().map(str::to_owned).collect();
        let free: Vec<String> = named.iter().filter(|id| !taken.contains(*id)).cloned().collect();
        let Some(first) = free.first().cloned() else { continue };
        let (action, words) = (action.get(i).unwrap_or_default(), title.get(i).unwrap_or_default());
        let wave = scope.get(i) == Some("wave");
        let id = order_id(action, &if wave { free.join("\n") } else { first.clone() });
        let row = place.get(first.as_str()).copied();
        let p = row.and_then(|r| probability.get(r)).unwrap_or(0.0);
        let on = if free.len() > 1 { format!("{} assets like {first}", free.len()) } else { first };
        let mut text = format!(
            "{words}: {}.\nWhy: {}.\nProbability of a failure within {} days{}: {:.0} %.",
            free.join(", "),
            why.get(i).unwrap_or_default(),
            settings.risk.rank_by,
            if free.len() > 1 { " (the first)" } else { "" },
            p * 100.0
        );
        if let Some(saving) = saving.get(i) {
            let _ = write!(text, "\nExpected saving: {saving:.0}.");
        }
        let _ = write!(text, "\nForecast by forewarn as of {end}.");
        taken.extend(free.iter().cloned());
        rows.push(Row {
            title: format!("Preventive: {words} on {on} [{id}]"),
            order_id: id,
            asset_ids: free,
            action: action.to_owned(),
            text,
            impact: match row.and_then(|r| criticality.get(r)) {
                Some(1) => 1,
                Some(2) => 2,
                _ => 3,
            },
            urgency: if p >= 0.5 { 2 } else { 3 },
            site: site.get(i).map(str::to_owned),
            owner: owner.get(i).map(str::to_owned),
        });
    }
    table(&rows, end.plus_days(settings.capacity.per_days as i32))
}

fn table(rows: &[Row], due: Cutoff) -> Result<DataFrame, EngineError> {
    if rows.is_empty() {
        return Ok(ORDERS.empty());
    }
    let text = |name: &str, f: &dyn Fn(&Row) -> Option<String>| {
        Column::new(name.into(), rows.iter().map(f).collect::<Vec<_>>())
    };
    let lists: Vec<Series> = rows.iter().map(|r| Series::new("".into(), r.asset_ids.as_slice())).collect();
    let due = Column::new("due_at".into(), vec![due.micros(); rows.len()]);
    let df = DataFrame::new(
        rows.len(),
        vec![
            text("order_id", &|r| Some(r.order_id.clone())),
            Series::new("asset_ids".into(), lists).into(),
            text("action", &|r| Some(r.action.clone())),
            text("title", &|r| Some(r.title.clone())),
            text("text", &|r| Some(r.text.clone())),
            Column::new("impact".into(), rows.iter().map(|r| r.impact).collect::<Vec<_>>()),
            Column::new("urgency".into(), rows.iter().map(|r| r.urgency).collect::<Vec<_>>()),
            text("site", &|r| r.site.clone()),
            text("owner", &|r| r.owner.clone()),
            due.cast(&DataType::Datetime(TimeUnit::Microseconds, None))?,
        ],
    )?;
    debug_assert_eq!(ORDERS.check(&df), Ok(()));
    Ok(df)
}
