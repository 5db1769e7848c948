//! What a failure of each asset costs: downtime by its kind, weighed by criticality, and the repair. It does not know how
//! likely the failure is.

use std::collections::BTreeMap;

use forewarn_frames::time::{HOUR, Micros};
use forewarn_frames::{Cutoff, Frames, History};

use crate::inventory::Inventory;
use crate::{Costs, EngineError};

/// Failures of the whole fleet that a kind borrows.
const BORROWED: f64 = 10.0;
/// Hours that one failure counts for at most: thirty days. A ticket that was forgotten is no downtime.
const LONGEST_HOURS: f64 = 720.0;

/// What is known of every asset's failures, should it fail, as of a cutoff.
#[derive(Debug, Clone)]
pub(crate) struct Stakes {
    /// Cost of a failure, by asset number; `None` where no downtime is known of any failure and none is configured.
    by_asset: Option<Vec<f64>>,
}

/// Inventory cells of today that weigh in a decision, by asset number.
#[derive(Debug, Clone, Default)]
pub(crate) struct Today {
    pub site: Vec<Option<String>>,
    pub owner: Vec<Option<String>>,
    pub firmware: Vec<Option<String>>,
    pub criticality: Vec<Option<u32>>,
    pub warranty_ends_at: Vec<Option<Micros>>,
}

impl Today {
    pub(crate) fn of(frames: &Frames) -> Result<Self, EngineError> {
        let inventory = Inventory::of(frames)?;
        let words = |name: &str| -> Result<Vec<Option<String>>, EngineError> {
            Ok(inventory.text(name)?.into_iter().map(|v| v.map(str::to_owned)).collect())
        };
        let level = |c: Option<f64>| c.filter(|c| (1.0..=5.0).contains(c)).map(|c| c.round() as u32);
        Ok(Self {
            site: words("site")?,
            owner: words("owner")?,
            firmware: words("firmware")?,
            criticality: inventory.number("criticality")?.into_iter().map(level).collect(),
            warranty_ends_at: inventory.time("warranty_ends_at")?,
        })
    }

    /// Whether the warranty runs at `at`; `None` where its end is not known.
    pub(crate) fn under_warranty(&self, asset: usize, at: Micros) -> Option<bool> {
        self.warranty_ends_at[asset].map(|end| end > at)
    }
}

/// Sums of hours and failures.
#[derive(Debug, Clone, Copy, Default)]
struct Hours {
    sum: f64,
    n: f64,
}

impl Hours {
    fn add(&mut self, hours: f64) {
        self.sum += hours.min(LONGEST_HOURS);
        self.n += 1.0;
    }
}

/// The hours that each failure lasted, by asset, as it was known before `cutoff`: its downtime, or where no failure has any
/// the time until its ticket was resolved.
fn lasted(frames: &Frames, cutoff: Cutoff) -> Result<Vec<(usize, f64)>, EngineError> {
    let at = cutoff.micros();
    let resolved: BTreeMap<String, (Micros, Micros)> = match frames.tickets() {
        None => BTreeMap::new(),
        Some(t) => {
            let df = t.df();
            let (id, opened, end) = (
                df.column("ticket_id")?.str()?,
                &df.column("opened_at")?.datetime()?.phys,
                &df.column("resolved_at")?.datetime()?.phys,
            );
            (0..df.height())
                .filter_map(|i| Some((id.get(i)?.to_owned(), (opened.get(i)?, end.get(i)?))))
                .collect()
        }
    };
    let df = frames.failures().df();
    let (id, ticket, minutes, failed) = (
        df.column("asset_id")?.str()?,
        df.column("ticket_id")?.str()?,
        df.column("downtime_minutes")?.f64()?,
        &df.column("failed_at")?.datetime()?.phys,
    );
    let (mut downtime, mut restored) = (Vec::new(), Vec::new());
    for i in 0..df.height() {
        let (Some(id), Some(failed)) = (id.get(i), failed.get(i)) else { continue };
        let Ok(asset) = frames.asset_ids().binary_search_by(|x| x.as_str().cmp(id)) else { continue };
        let span = ticket.get(i).and_then(|t| resolved.get(t));
        // Minutes of downtime are filled in when the ticket is resolved; without a ticket, when they are over.
        let known = |hours: f64| span.map_or(failed + (hours * HOUR as f64) as Micros, |s| s.1);
        let hours = minutes.get(i).filter(|m| m.is_finite() && *m >= 0.0).map(|m| m / 60.0);
        if let Some(hours) = hours.filter(|h| known(*h) < at) {
            downtime.push((asset, hours));
        }
        if let Some((opened, end)) = span.filter(|s| s.1 < at && s.1 >= s.0) {
            restored.push((asset, (end - opened) as f64 / HOUR as f64));
        }
    }
    Ok(if downtime.is_empty() { restored } else { downtime })
}

impl Stakes {
    /// What a failure of each asset costs as of the history's cutoff: the mean downtime of its kind, shrunk to the fleet's
    /// by ten failures, times the cost of an hour, times the factor of its criticality, and the repair, which the maker
    /// pays while the warranty runs.
    pub(crate) fn at(
        frames: &Frames,
        history: &History<'_>,
        costs: &Costs,
        today: &Today,
    ) -> Result<Self, EngineError> {
        let n = history.n_assets();
        let kind = |a: usize| history.asset(a).kind;
        let mut fleet = Hours::default();
        let mut kinds: BTreeMap<&str, Hours> = BTreeMap::new();
        for (asset, hours) in lasted(frames, history.cutoff())? {
            fleet.add(hours);
            if let Some(kind) = kind(asset) {
                kinds.entry(history.word(kind)).or_default().add(hours);
            }
        }
        let usual = (fleet.n > 0.0).then(|| fleet.sum / fleet.n);
        // What the config says stands in for what no failure has shown.
        let Some(usual) = costs.downtime_hours.or(usual) else { return Ok(Self { by_asset: None }) };
        let at = history.cutoff().micros();
        let by_asset = (0..n)
            .map(|a| {
                let own = kind(a).and_then(|k| kinds.get(history.word(k))).copied().unwrap_or_default();
                let hours = match costs.downtime_hours {
                    Some(hours) => hours,
                    None => (own.sum + BORROWED * usual) / (own.n + BORROWED),
                };
                let factor = today.criticality[a].map_or(1.0, |c| costs.criticality[c as usize - 1]);
                let repair = if today.under_warranty(a, at) == Some(true) { 0.0 } else { costs.repair };
                hours * costs.downtime_hour * factor + repair
            })
            .collect();
        Ok(Self { by_asset: Some(by_asset) })
    }

    /// No costs are known: risks are compared by probability alone.
    pub(crate) fn none() -> Self {
        Self { by_asset: None }
    }

    /// What a failure of the asset costs.
    pub(crate) fn of(&self, asset: usize) -> Option<f64> {
        self.by_asset.as_ref().map(|s| s[asset])
    }

    /// Whether costs are known.
    pub(crate) fn are_known(&self) -> bool {
        self.by_asset.is_some()
    }
}
