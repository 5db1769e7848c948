//! What to do in this period: the actions, who has most of the risk, and how amounts are reckoned. It does not know how an
//! action was chosen.

use std::collections::BTreeMap;

use forewarn_frames::output::{RunFacts, RunTables};
use serde::Serialize;

use super::Limits;
use crate::error::{ReportError, table};
use crate::number::{expected, fixed, percent, share, whole};
use crate::rows;
use crate::text::{LONG, foreign};

/// Assets that one action names on the page.
const NAMED: usize = 12;
/// Sites and owners shown.
const GROUPS: usize = 10;

/// The part of the page.
#[derive(Serialize)]
pub(crate) struct Plan {
    rows: Vec<Action>,
    hidden: usize,
    costs: bool,
    /// Whether anything is known of where the assets stand or who answers for them.
    places: bool,
    currency: String,
    by_site: Vec<Group>,
    by_owner: Vec<Group>,
    /// Sites and owners that are not shown.
    more_sites: usize,
    more_owners: usize,
    formula: String,
    /// How far an asset's probability must reach for a visit to pay; only with costs.
    pays_from: Option<String>,
    tickets: Option<String>,
}

#[derive(Serialize)]
struct Action {
    place: String,
    title: String,
    why: String,
    wave: bool,
    assets: Vec<String>,
    more: Option<String>,
    site: String,
    owner: String,
    failures: String,
    cost: String,
    saving: String,
    share: String,
    measured: bool,
}

/// A site's or owner's part of the risk.
#[derive(Serialize)]
struct Group {
    name: String,
    assets: String,
    failures: String,
    listed: String,
    cost: String,
}

/// An amount, with its currency where that is known.
pub(crate) fn money(x: f64, facts: &RunFacts) -> String {
    let amount = fixed(x, 0, false);
    match &facts.currency {
        Some(c) => format!("{amount}\u{a0}{}", foreign(c, 8)),
        None => amount,
    }
}

/// The same in a table whose caption names the currency.
fn amount(x: f64) -> String {
    if x.is_finite() { fixed(x, 0, false) } else { String::new() }
}

fn actions(tables: &RunTables, limits: Limits) -> Result<Vec<Action>, ReportError> {
    let df = tables.plan.head(Some(limits.lines));
    let e = table("plan");
    let texts = |name: &str| rows::texts(&df, name).map_err(&e);
    let numbers = |name: &str| rows::numbers(&df, name).map_err(&e);
    let (title, why, scope, site, owner, from) = (
        texts("title")?,
        texts("why")?,
        texts("scope")?,
        texts("site")?,
        texts("owner")?,
        texts("effectiveness_from")?,
    );
    let (failures, cost, saving, share_of) = (
        numbers("expected_failures")?,
        numbers("expected_cost")?,
        numbers("expected_saving")?,
        numbers("effectiveness")?,
    );
    let (place, n) = (rows::wholes(&df, "place").map_err(&e)?, rows::wholes(&df, "n_assets").map_err(&e)?);
    let ids = rows::text_lists(&df, "asset_ids", NAMED).map_err(&e)?;
    let word = |t: &Option<String>, max: usize| t.as_deref().map(|t| foreign(t, max)).unwrap_or_default();
    Ok((0..df.height())
        .map(|i| {
            let more = n[i].unwrap_or(0) - ids[i].len() as i64;
            Action {
                place: place[i].map(|p| whole(p.max(0) as u64)).unwrap_or_default(),
                title: word(&title[i], 120),
                why: word(&why[i], LONG),
                wave: scope[i].as_deref() == Some("wave"),
                assets: ids[i].iter().map(|id| foreign(id, 80)).collect(),
                more: (more > 0).then(|| whole(more as u64)),
                site: word(&site[i], 60),
                owner: word(&owner[i], 60),
                failures: expected(failures[i]),
                cost: amount(cost[i]),
                saving: amount(saving[i]),
                share: share(share_of[i]),
                measured: from[i].as_deref() == Some("measured"),
            }
        })
        .collect())
}

/// Sums over the ranked assets of one site or owner.
#[derive(Default)]
struct Sums {
    assets: u64,
    failures: f64,
    listed: u64,
    cost: f64,
}

/// Whose assets carry most of the risk, most first, and how many more there are.
fn groups(tables: &RunTables, column: &str) -> Result<(Vec<Group>, usize), ReportError> {
    let df = &tables.ranking;
    let e = table("ranking");
    let names = df.column(column).and_then(|c| c.str().cloned()).map_err(&e)?;
    let p = rows::numbers(df, "probability").map_err(&e)?;
    let cost = rows::numbers(df, "expected_cost").map_err(&e)?;
    let mut sums: BTreeMap<&str, Sums> = BTreeMap::new();
    for (i, name) in names.iter().enumerate() {
        let s = sums.entry(name.unwrap_or("")).or_default();
        s.assets += 1;
        s.failures += if p[i].is_finite() { p[i] } else { 0.0 };
        s.listed += u64::from(i < tables.facts.capacity_visits as usize);
        s.cost += cost[i];
    }
    // One group, or one that nobody named, says nothing.
    if sums.len() < 2 {
        return Ok((Vec::new(), 0));
    }
    let mut by: Vec<(&str, Sums)> = sums.into_iter().collect();
    by.sort_by(|a, b| b.1.failures.total_cmp(&a.1.failures).then(a.0.cmp(b.0)));
    let more = by.len().saturating_sub(GROUPS);
    by.truncate(GROUPS);
    let group = |(name, s): (&str, Sums)| Group {
        name: if name.is_empty() { "(not known)".to_owned() } else { foreign(name, 60) },
        assets: whole(s.assets),
        failures: expected(s.failures),
        listed: whole(s.listed),
        cost: amount(s.cost),
    };
    Ok((by.into_iter().map(group).collect(), more))
}

/// How a saving is reckoned, with the figures of this run.
fn formula(facts: &RunFacts) -> String {
    let (Some(hour), Some(visit)) = (facts.cost_downtime_hour, facts.cost_visit) else {
        return "No costs are configured, so the list is ranked by probability alone. With an hour of downtime and a visit priced in `[cost]` it is ranked by what a measure saves.".to_owned();
    };
    let repair = match facts.cost_repair.filter(|r| *r > 0.0) {
        Some(r) => {
            format!(" + {} for the repair, which the maker pays while the warranty runs", money(r, facts))
        }
        None => String::new(),
    };
    format!(
        "Expected saving = probability × (hours of downtime × {}, times the factor of the asset’s criticality{repair}) × the share of failures that the measure prevents − {} for the visit. Hours of downtime are the mean of the asset’s kind. What waiting costs is the same without the share and the visit.",
        money(hour, facts),
        money(visit, facts)
    )
}

/// The smallest and the largest probability from which the measure pays, among the listed.
fn pays_from(tables: &RunTables) -> Result<Option<String>, ReportError> {
    let top = tables.ranking.head(Some(tables.facts.capacity_visits as usize));
    let mut from = rows::numbers(&top, "break_even").map_err(table("ranking"))?;
    from.retain(|p| p.is_finite());
    from.sort_by(f64::total_cmp);
    let (Some(low), Some(high)) = (from.first(), from.last()) else { return Ok(None) };
    let (low, high) = (percent(*low), percent(*high));
    Ok(Some(if low == high { low } else { format!("{low} to {high}") }))
}

/// The part of the page.
///
/// # Errors
///
/// A column is not of its schema's type.
pub(crate) fn plan(tables: &RunTables, limits: Limits) -> Result<Plan, ReportError> {
    let rows = actions(tables, limits)?;
    let ((by_site, more_sites), (by_owner, more_owners)) =
        (groups(tables, "site")?, groups(tables, "owner")?);
    let n_orders = tables.orders.height() as u64;
    Ok(Plan {
        hidden: tables.plan.height() - rows.len(),
        costs: rows.iter().any(|r| !r.saving.is_empty()),
        places: rows.iter().any(|r| !r.site.is_empty() || !r.owner.is_empty()),
        rows,
        currency: tables.facts.currency.as_deref().map(|c| foreign(c, 8)).unwrap_or_default(),
        by_site,
        by_owner,
        more_sites,
        more_owners,
        formula: formula(&tables.facts),
        pays_from: pays_from(tables)?,
        tickets: (n_orders > 0).then(|| crate::number::counted(n_orders, "ticket", "tickets")),
    })
}
