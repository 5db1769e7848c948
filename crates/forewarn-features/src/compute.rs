//! All features of chosen assets at one cutoff. It does not know labels or models.

use forewarn_frames::time::{DAY, Micros, day_number};
use forewarn_frames::{Code, Cutoff, History};
use rayon::prelude::*;

use crate::catalog::{CAPACITY, Catalog};
use crate::cohort::observed_since;
use crate::shared::Shared;
use crate::signals::Condition;
use crate::{metric, tickets};

/// Days of observation below which an asset is unknown.
const MIN_OBSERVED_DAYS: i64 = 1;
/// The same for an asset that no record names: silence says something only after a while.
const MIN_SILENT_DAYS: i64 = 30;

/// Days of signals that a condition is judged by: what came before is forgotten by then.
const CONDITION_DAYS: i32 = 180;

/// One row an asset, one column a feature of the catalog; NaN is missing.
#[derive(Debug, Clone)]
pub struct FeatureTable {
    /// The cutoff.
    pub cutoff: Cutoff,
    /// The assets, by number.
    pub assets: Vec<usize>,
    /// One vector a numeric feature, in the catalog's order.
    pub numbers: Vec<Vec<f64>>,
    /// One vector a categorical feature: the word of each asset.
    pub words: Vec<Vec<Option<String>>>,
    /// Whether too little is known of each asset to tell it from its cohort: observed for less than a day, or named by
    /// no record and observed for less than a month.
    pub is_unknown: Vec<bool>,
}

/// The features of `rows` (assets of the history's population). Cohorts and ranks are taken over the whole population, so
/// a row is the same whichever others are asked for. `condition` judges the features of a hidden condition, where the
/// catalog has them; without one they are missing.
#[must_use]
pub fn compute(
    history: &History<'_>,
    catalog: &Catalog,
    rows: &[usize],
    condition: Option<&dyn Condition>,
) -> FeatureTable {
    Shared::of(history, catalog).rows(history, catalog, rows, condition)
}

impl Shared {
    /// The features of some assets: see [`compute`]. `history` may be one of these assets alone, whatever it was taken over.
    #[must_use]
    pub fn rows(
        &self,
        history: &History<'_>,
        catalog: &Catalog,
        rows: &[usize],
        condition: Option<&dyn Condition>,
    ) -> FeatureTable {
        let cutoff = history.cutoff();
        let (at, today) = (cutoff.micros(), cutoff.day() - 1);
        let Self { first, rates, among_peers, .. } = self;
        let first = *first;
        let signals = self.signals(history, catalog);
        let n_features = catalog.specs.len();
        let row = |asset: usize| -> Vec<f64> {
            let mut out = Vec::with_capacity(n_features);
            let a = history.asset(asset);
            let since = |t: Option<i64>| t.map_or(f64::NAN, |t| (at - t) as f64 / DAY as f64);
            out.push(since(a.in_service_at));
            out.push(since(a.first_record_at));
            if catalog.reads(CAPACITY) {
                out.push(a.capacity);
            }
            for name in &catalog.attributes {
                out.push(since(history.attribute_since(asset, name)));
            }
            let codes: Vec<Option<Code>> =
                catalog.categories.iter().map(|c| c.dimension.of(history, asset)).collect();
            let repaired = tickets::last_repair(history, asset);
            let failed: Vec<Micros> = history.failures(asset).map(|f| f.at).collect();
            let observed = observed_since(history, asset, first);
            let own = |out: &mut Vec<f64>| {
                if catalog.fails_again {
                    rates.push_own(out, &failed, observed, at, |d| codes[d]);
                }
            };
            tickets::push_failures(&mut out, history, &failed, own, repaired);
            if catalog.has_tickets {
                tickets::push_tickets(&mut out, catalog, history, asset, repaired);
            }
            tickets::push_events(&mut out, catalog, history, asset);
            for (d, code) in codes.iter().enumerate() {
                rates.push(&mut out, d, *code);
            }
            let repaired = repaired.map(day_number);
            let failed: Vec<i32> = failed.iter().map(|t| day_number(*t)).collect();
            for (plan, (last, moved, levels)) in catalog.metrics.iter().zip(among_peers) {
                metric::push(
                    &mut out,
                    &history.series(asset, plan.metric),
                    plan,
                    today,
                    (last[asset], moved[asset]),
                    repaired,
                    (&failed, levels.near(&a)),
                );
            }
            if let Some(signals) = &signals {
                let days = signals.before(asset, cutoff.day(), CONDITION_DAYS);
                out.extend(condition.map_or([f64::NAN; 3], |c| c.judge(signals.class(asset), &days)));
            }
            debug_assert_eq!(out.len(), n_features);
            out
        };
        let by_row: Vec<Vec<f64>> = rows.par_iter().map(|&a| row(a)).collect();
        let numbers: Vec<Vec<f64>> =
            (0..n_features).into_par_iter().map(|j| by_row.iter().map(|r| r[j]).collect()).collect();
        let words = catalog
            .categories
            .iter()
            .map(|c| rows.iter().map(|&a| c.word(history, a).map(str::to_owned)).collect())
            .collect();
        let is_unknown = rows
            .iter()
            .map(|&a| {
                let days = observed_since(history, a, first).map_or(0, |t| (at - t) / DAY);
                days < MIN_OBSERVED_DAYS
                    || (history.asset(a).first_record_at.is_none() && days < MIN_SILENT_DAYS)
            })
            .collect();
        FeatureTable { cutoff, assets: rows.to_vec(), numbers, words, is_unknown }
    }
}
