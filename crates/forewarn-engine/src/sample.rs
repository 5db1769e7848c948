//! Which rows a model learns from: every failure and a weighted sample of the rest, at calendar cutoffs. It does not know
//! models.

use forewarn_features::{Catalog, Condition, compute};
use forewarn_frames::{Cutoff, Every, Frames, Horizon, Outcome};

use crate::columns::TrainingRows;
use crate::condition::Conditions;
use crate::{EngineError, Progress, RiskSettings};

/// Others that a training set holds for each failure, about: more would cost time and memory in proportion.
const OTHERS_A_FAILURE: usize = 10;
/// Others that it holds at least and at most, about.
const OTHERS: (usize, usize) = (60_000, 150_000);
/// Others sampled at each cutoff, at least.
const MIN_OTHERS: usize = 300;
/// Training cutoffs at most; a longer history is learned from at every second, fourth, … step of the calendar.
const MAX_CUTOFFS: usize = 80;
/// How far back training looks where the config does not say: what a fleet was like before teaches little of what it is.
const MAX_HISTORY_DAYS: i32 = 3 * 365;
/// Days of records before the first training cutoff, so that windows are not empty.
const WARM_UP_DAYS: i32 = 60;

/// The training cutoffs for a model fitted at `fit_at`: on the calendar, oldest first, each window of the shortest
/// horizon closed by then.
pub(crate) fn training_cutoffs(frames: &Frames, risk: &RiskSettings, fit_at: Cutoff) -> Vec<Cutoff> {
    let Some(first) = frames.first_record() else { return Vec::new() };
    let shortest = risk.horizons.iter().map(|h| h.get()).min().unwrap_or(1);
    let last = fit_at.plus_days(-shortest);
    let from = risk.train_from.unwrap_or_else(|| {
        let usual = first.plus_days(WARM_UP_DAYS).max(fit_at.plus_days(-MAX_HISTORY_DAYS));
        // Rows from before tickets were recorded in full teach what an export left out.
        let full = frames.tickets_full_since(fit_at).map(|since| {
            let warm_up = ((fit_at.day() - since.day()) / 3).min(WARM_UP_DAYS);
            since.plus_days(warm_up)
        });
        full.map_or(usual, |f| usual.max(f))
    });
    let mut every = risk.cutoff_every;
    loop {
        let cutoffs = every.anchored(from, last);
        if cutoffs.len() <= MAX_CUTOFFS {
            return cutoffs;
        }
        every = match every {
            Every::Days(n) => Every::Days(n * 2),
            Every::Weeks(n) => Every::Weeks(n * 2),
            Every::Months(n) => Every::Months(n * 2),
        };
    }
}

/// A hash of bytes (FNV-1a, Fowler, Noll and Vo, 1991).
pub(crate) fn fnv(seed: u64, bytes: impl Iterator<Item = u8>) -> u64 {
    bytes.fold(0xcbf2_9ce4_8422_2325 ^ seed, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0000_0100_0000_01b3))
}

/// A number in `[0, 1)` that depends on the seed, the asset's name and the cutoff alone, so a sample does not change with
/// the assets that come later: a hash and a final mix.
pub(crate) fn draw(seed: u64, asset: &str, cutoff: Cutoff) -> f64 {
    let bytes = asset.bytes().chain(cutoff.day().to_le_bytes());
    let mut h = fnv(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15), bytes);
    h ^= h >> 33;
    h = h.wrapping_mul(0xff51_afd7_ed55_8ccd);
    h ^= h >> 33;
    h = h.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    h ^= h >> 33;
    (h >> 11) as f64 / (1u64 << 53) as f64
}

/// The training rows for a model fitted at `fit_at`, with labels for each horizon.
pub(crate) fn training_rows(
    frames: &Frames,
    risk: &RiskSettings,
    seed: u64,
    (catalog, condition): (&Catalog, Option<&Conditions>),
    cutoffs: &[Cutoff],
    fit_at: Cutoff,
    progress: &dyn Progress,
) -> Result<TrainingRows, EngineError> {
    let mut rows = TrainingRows::default();
    let longest = risk.horizons.iter().map(|h| h.get()).max().unwrap_or(1);
    let n_failures: usize = cutoffs
        .iter()
        .map(|c| {
            let days = i64::from((fit_at.day() - c.day()).min(longest));
            let Ok(h) = Horizon::days(days) else { return 0 };
            let (seen, history) = (frames.outcomes_known(*c, h, fit_at), frames.as_of(*c));
            history.population().into_iter().filter(|&a| seen.of(a) == Outcome::Failed).count()
        })
        .sum();
    let others = (n_failures * OTHERS_A_FAILURE).clamp(OTHERS.0, OTHERS.1);
    let others = (others / cutoffs.len().max(1)).max(MIN_OTHERS);
    for (i, &cutoff) in cutoffs.iter().enumerate() {
        progress.step("features", i, cutoffs.len());
        if progress.cancelled() {
            return Err(EngineError::Cancelled);
        }
        let history = frames.as_of(cutoff);
        // As much of the longest window as is closed decides who is taken for certain.
        let seen = (fit_at.day() - cutoff.day()).min(longest);
        let seen = frames.outcomes_known(
            cutoff,
            Horizon::days(i64::from(seen)).map_err(|e| EngineError::Model(e.to_string()))?,
            fit_at,
        );
        let outcomes: Vec<_> =
            risk.horizons.iter().map(|h| frames.outcomes_known(cutoff, *h, fit_at)).collect();
        let mut chosen: Vec<(usize, bool)> = Vec::new();
        let mut rest: Vec<(f64, usize)> = Vec::new();
        for a in history.population() {
            if outcomes.iter().all(|o| o.of(a) == Outcome::Censored) {
                continue;
            }
            if seen.of(a) == Outcome::Failed {
                chosen.push((a, true));
            } else {
                rest.push((draw(seed, history.asset_id(a), cutoff), a));
            }
        }
        let n_rest = rest.len();
        rest.sort_by(|x, y| x.0.total_cmp(&y.0).then(x.1.cmp(&y.1)));
        rest.truncate(others);
        let weight = if rest.is_empty() { 1.0 } else { n_rest as f64 / rest.len() as f64 };
        chosen.extend(rest.iter().map(|r| (r.1, false)));
        chosen.sort_unstable();
        if chosen.is_empty() {
            continue;
        }
        let assets: Vec<usize> = chosen.iter().map(|c| c.0).collect();
        let weights: Vec<f64> = chosen.iter().map(|c| if c.1 { 1.0 } else { weight }).collect();
        let labels = outcomes
            .iter()
            .map(|o| {
                assets
                    .iter()
                    .map(|&a| match o.of(a) {
                        Outcome::Failed => 1.0,
                        Outcome::Survived => 0.0,
                        Outcome::Censored => f64::NAN,
                    })
                    .collect()
            })
            .collect();
        let table = compute(&history, catalog, &assets, condition.map(|c| c as &dyn Condition));
        rows.append(table, i as u32, &weights, labels);
    }
    progress.step("features", cutoffs.len(), cutoffs.len());
    Ok(rows)
}
