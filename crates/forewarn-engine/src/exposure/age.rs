//! Assets that are past their time, and those that nothing stands beside. It does not know failures.

use std::collections::BTreeMap;

use super::cohort::{Fleet, MIN_COHORT, quantile};
use super::{Found, days, in_days};
use crate::EngineError;
use crate::inventory::Inventory;

/// Retired assets of a kind that tell how old it gets, at least.
const MIN_RETIRED: usize = 20;
/// The share of them that were retired by then, which is the service life.
const RETIRED: f64 = 0.95;
/// Where more than this share of those in service are older, the retired ones were not retired for their age.
const MOST_OLDER: f64 = 0.2;
/// The least criticality (1 is the highest) whose loss matters.
const CRITICAL: f64 = 2.0;
const DAYS_A_YEAR: f64 = 365.25;

/// Assets whose warranty has ended.
pub(super) fn past_warranty(fleet: &Fleet<'_>, inventory: &Inventory<'_>) -> Result<Vec<Found>, EngineError> {
    let ends = inventory.time("warranty_ends_at")?;
    let past = |a: usize| ends[a].map(|t| days(t, fleet.end));
    let mut by_kind: BTreeMap<Option<&str>, Vec<f64>> = BTreeMap::new();
    for &a in &fleet.assets {
        if let Some(past) = past(a) {
            by_kind.entry(fleet.kind[a]).or_default().push(past);
        }
    }
    for list in by_kind.values_mut() {
        list.sort_by(f64::total_cmp);
    }
    let found = fleet.assets.iter().filter_map(|&a| Some((a, past(a).filter(|p| *p >= 1.0)?)));
    Ok(found
        .map(|(asset, past)| {
            let peers = &by_kind[&fleet.kind[asset]];
            let usual = (peers.len() >= MIN_COHORT).then(|| quantile(peers, 0.5)).flatten();
            let covered = peers.iter().filter(|p| **p < 1.0).count();
            Found {
                asset,
                exposure: "past_warranty",
                since: ends[asset],
                value: past.round(),
                unit: "days",
                usual: usual.map(|u| u.max(0.0).round()),
                score: past / (past + DAYS_A_YEAR),
                text: format!(
                    "out of warranty for {}; {covered} of {} of its kind are covered",
                    in_days(past),
                    peers.len()
                ),
            }
        })
        .collect())
}

/// Assets older than almost all of their kind were when they were retired.
pub(super) fn past_service_life(fleet: &Fleet<'_>) -> Vec<Found> {
    let history = fleet.history;
    let mut retired: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for a in 0..history.n_assets() {
        if let (Some(kind), Some(from), Some(to)) = (fleet.kind[a], fleet.from[a], history.retired_at(a))
            && from < to
        {
            retired.entry(kind).or_default().push(days(from, to));
        }
    }
    let mut ages: BTreeMap<&str, Vec<(usize, f64)>> = BTreeMap::new();
    for &a in &fleet.assets {
        if let (Some(kind), Some(from)) = (fleet.kind[a], fleet.from[a]) {
            ages.entry(kind).or_default().push((a, days(from, fleet.end)));
        }
    }
    let mut out = Vec::new();
    for (kind, mut left) in retired {
        left.sort_by(f64::total_cmp);
        let Some(life) = quantile(&left, RETIRED).filter(|_| left.len() >= MIN_RETIRED) else { continue };
        let list = ages.get(kind).map_or(&[][..], Vec::as_slice);
        let older: Vec<&(usize, f64)> = list.iter().filter(|l| l.1 > life).collect();
        if older.len() as f64 > MOST_OLDER * list.len() as f64 {
            continue;
        }
        out.extend(older.into_iter().map(|(asset, age)| Found {
            asset: *asset,
            exposure: "past_service_life",
            since: fleet.from[*asset].map(|t| t + (life * forewarn_frames::time::DAY as f64) as i64),
            value: (age / DAYS_A_YEAR * 10.0).round() / 10.0,
            unit: "years",
            usual: Some((life / DAYS_A_YEAR * 10.0).round() / 10.0),
            score: 1.0 - 0.5 * life / age,
            text: format!(
                "{:.1} years old; 95 % of {} retired ({kind}) were younger than {:.1}",
                age / DAYS_A_YEAR,
                left.len(),
                life / DAYS_A_YEAR
            ),
        }));
    }
    out
}

/// Critical assets of which no second one of the kind serves the same service at the same site.
pub(super) fn single_points(fleet: &Fleet<'_>, inventory: &Inventory<'_>) -> Result<Vec<Found>, EngineError> {
    let criticality = inventory.number("criticality")?;
    let place = |a: usize| Some((fleet.kind[a]?, fleet.service[a], fleet.site[a]));
    let mut beside: BTreeMap<(&str, Option<&str>, Option<&str>), usize> = BTreeMap::new();
    for key in fleet.assets.iter().filter_map(|&a| place(a)) {
        *beside.entry(key).or_default() += 1;
    }
    let mut groups: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for (key, n) in &beside {
        groups.entry(key.0).or_default().push((n - 1) as f64);
    }
    for list in groups.values_mut() {
        list.sort_by(f64::total_cmp);
    }
    let mut out = Vec::new();
    for &asset in &fleet.assets {
        let (Some(c), Some(key)) = (criticality[asset], place(asset)) else { continue };
        let (kind, service, site) = key;
        if !(1.0..=CRITICAL).contains(&c) || beside[&key] > 1 || service.is_none() && site.is_none() {
            continue;
        }
        let of = service.map(|s| format!(" for {s}")).unwrap_or_default();
        let at = site.map(|s| format!(" at {s}")).unwrap_or_default();
        out.push(Found {
            asset,
            exposure: "single_point",
            since: None,
            value: 0.0,
            unit: "siblings",
            usual: quantile(&groups[kind], 0.5),
            // It says what a failure would cost, and so stays below what several weaknesses weigh together.
            score: if c < 2.0 { 0.8 } else { 0.6 },
            text: format!("criticality {c}, and the only {kind}{of}{at}"),
        });
    }
    Ok(out)
}
