//! Patches: how long ago the last one was against the cohort, and which ones its look-alikes have and an asset lacks. It
//! does not know versions.

use std::collections::BTreeMap;

use forewarn_frames::Code;
use forewarn_frames::time::{DAY, Micros};

use super::cohort::{Cohort, Fleet, MIN_COHORT, quantile};
use super::{Found, days, in_days};

/// Words in the kind of an event that is a patch.
const PATCHES: [&str; 6] = ["patch", "update", "upgrade", "firmware", "hotfix", "bios"];
/// How many times the usual a lag is, how many days beyond it, and the share of the cohort that it exceeds.
const LAG: (f64, f64, f64) = (2.0, 30.0, 0.9);
/// Share of the cohort that has a patch which an asset lacks, and days since half of these had it.
const COMMON: f64 = 0.6;
const MISSED_DAYS: f64 = 30.0;

/// One patch of one asset: when, of what, which.
#[derive(Debug, Clone, Copy)]
struct Patch<'a> {
    asset: usize,
    at: Micros,
    component: &'a str,
    code: Option<&'a str>,
}

fn patches<'a>(fleet: &Fleet<'a>) -> Vec<Vec<Patch<'a>>> {
    let history = fleet.history;
    let word = |c: Option<Code>| c.map(|c| history.word(c).trim()).filter(|w| !w.is_empty());
    let mut is_patch: BTreeMap<&str, bool> = BTreeMap::new();
    let mut out = vec![Vec::new(); history.n_assets()];
    for &asset in &fleet.assets {
        for e in history.events(asset) {
            let Some(kind) = word(e.kind) else { continue };
            let hit = *is_patch.entry(kind).or_insert_with(|| {
                let kind = kind.to_lowercase();
                PATCHES.iter().any(|p| kind.contains(p))
            });
            if hit {
                // Without a component, one kind of patch is one component.
                let component = word(e.component).unwrap_or(kind);
                out[asset].push(Patch { asset, at: e.at, component, code: word(e.code) });
            }
        }
    }
    out
}

/// What is found of patches.
pub(super) fn behind(fleet: &Fleet<'_>) -> Vec<Found> {
    let all = patches(fleet);
    let mut out = Vec::new();
    for cohort in fleet.cohorts(&fleet.assets) {
        out.extend(lagging(fleet, &cohort, &all));
        out.extend(missing(fleet, &cohort, &all));
    }
    out
}

/// Assets whose last patch, or coming into service, is much longer ago than is usual.
fn lagging(fleet: &Fleet<'_>, cohort: &Cohort<'_>, all: &[Vec<Patch<'_>>]) -> Vec<Found> {
    let last = |a: usize| all[a].last().map(|p| p.at);
    // One that came without a date and was never patched tells no time.
    let lags: Vec<(usize, Micros)> =
        cohort.assets.iter().filter_map(|&a| Some((a, last(a).max(fleet.from[a])?))).collect();
    let patched = cohort.assets.iter().filter(|a| !all[**a].is_empty()).count();
    if lags.len() < MIN_COHORT || 2 * patched < cohort.assets.len() {
        return Vec::new();
    }
    let mut sorted: Vec<f64> = lags.iter().map(|l| days(l.1, fleet.end)).collect();
    sorted.sort_by(f64::total_cmp);
    let (Some(usual), Some(most)) = (quantile(&sorted, 0.5), quantile(&sorted, LAG.2)) else {
        return Vec::new();
    };
    let beyond = |lag: f64| lag > LAG.0 * usual && lag >= usual + LAG.1 && lag > most;
    lags.into_iter()
        .map(|(asset, at)| (asset, at, days(at, fleet.end)))
        .filter(|l| beyond(l.2))
        .map(|(asset, at, lag)| Found {
            asset,
            exposure: "patch_lag",
            since: Some(at),
            value: lag.round(),
            unit: "days",
            usual: Some(usual.round()),
            score: 1.0 - usual / lag,
            text: format!(
                "{} {} ago; half of {} like it ({}) had one in the last {}",
                if last(asset) == Some(at) { "last patched" } else { "not patched since it came" },
                in_days(lag),
                cohort.assets.len(),
                cohort.name,
                in_days(usual)
            ),
        })
        .collect()
}

/// A patch that most of a cohort have.
#[derive(Debug, Clone, Copy)]
struct Common<'a> {
    /// When half of those that have it had it.
    at: Micros,
    code: &'a str,
    share: f64,
}

/// Assets that lack a patch which most of their cohort have.
fn missing(fleet: &Fleet<'_>, cohort: &Cohort<'_>, all: &[Vec<Patch<'_>>]) -> Vec<Found> {
    let mut by_patch: BTreeMap<(&str, &str), Vec<(usize, Micros)>> = BTreeMap::new();
    for p in cohort.assets.iter().flat_map(|a| &all[*a]) {
        if let Some(code) = p.code {
            by_patch.entry((p.component, code)).or_default().push((p.asset, p.at));
        }
    }
    let n = cohort.assets.len() as f64;
    let mut common: BTreeMap<&str, Vec<Common<'_>>> = BTreeMap::new();
    for ((component, code), mut had) in by_patch {
        had.sort_unstable();
        had.dedup_by_key(|h| h.0);
        let mut times: Vec<Micros> = had.iter().map(|h| h.1).collect();
        times.sort_unstable();
        let (share, at) = (had.len() as f64 / n, times[(times.len() - 1) / 2]);
        if share >= COMMON && days(at, fleet.end) >= MISSED_DAYS {
            common.entry(component).or_default().push(Common { at, code, share });
        }
    }
    let mut out = Vec::new();
    for list in common.values_mut() {
        list.sort_by(|a, b| a.at.cmp(&b.at).then(a.code.cmp(b.code)));
    }
    for &asset in &cohort.assets {
        let mut lacks: Vec<Common<'_>> = Vec::new();
        for (component, list) in &common {
            let own = || all[asset].iter().filter(|p| p.component == *component);
            // One that came into service since then came with it, and what was patched since had what came before.
            let current = own().map(|p| p.at).max().max(fleet.from[asset]);
            let after = list.partition_point(|c| current.is_some_and(|t| c.at <= t));
            let has = |c: &Common<'_>| own().any(|p| p.code == Some(c.code));
            lacks.extend(list[after..].iter().filter(|c| !has(c)));
        }
        lacks.sort_by(|a, b| a.at.cmp(&b.at).then(a.code.cmp(b.code)));
        let Some(first) = lacks.first() else { continue };
        let lag = days(first.at, fleet.end);
        let more = match lacks.len() {
            1 => String::new(),
            n => format!(", and {} more", n - 1),
        };
        out.push(Found {
            asset,
            exposure: "patch_missing",
            since: Some(first.at),
            value: lag.round(),
            unit: "days",
            usual: Some(0.0),
            // Half of the score is how common the patch is, half how long it has been.
            score: first.share * (0.5 + 0.5 * lag / (lag + 90.0)),
            text: format!(
                "lacks {}{more}; {:.0} % of {} like it ({}) have it, half of them for {} or more",
                first.code,
                first.share * 100.0,
                cohort.assets.len(),
                cohort.name,
                in_days(lag)
            ),
        });
    }
    debug_assert!(out.iter().all(|f| f.since.is_some_and(|t| fleet.end - t >= MISSED_DAYS as i64 * DAY)));
    out
}
