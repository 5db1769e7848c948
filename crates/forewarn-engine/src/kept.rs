//! What was computed is kept for the next night: fitted models, and what they said at past cutoffs. It does not know where
//! it is kept, and never needs it: what is missing or does not fit is computed anew.
//!
//! A key is a hash of all that the kept thing follows from: everything known by then ([`forewarn_frames::History::digest`]),
//! and the settings. So the next night finds it as long as no record of before was changed.

use forewarn_frames::{Cutoff, Frames};
use serde::{Deserialize, Serialize};

use crate::candidates::NAMES;
use crate::fit::{ModelSet, Prediction};
use crate::{EngineError, Progress, Refit, RiskSettings, Settings, StoredModel};

/// Keeps bytes from one night to the next.
///
/// What is recalled must be what was kept, by the same build of the program: the caller sees to both.
pub trait Memory: Sync {
    /// What was kept under `key` (letters, digits and `-`), where it is still there and whole.
    fn recall(&self, key: &str) -> Option<Vec<u8>>;

    /// Keeps `bytes` under `key`; where it cannot be done, nothing is lost but time.
    fn keep(&self, key: &str, bytes: &[u8]);
}

/// What was known, once for all keys of a run that ask for the same day.
pub(crate) struct Known<'a> {
    pub(crate) frames: &'a Frames,
    memory: Option<&'a dyn Memory>,
    digest: std::cell::RefCell<Vec<(Cutoff, u128)>>,
}

impl<'a> Known<'a> {
    pub(crate) fn new(frames: &'a Frames, memory: Option<&'a dyn Memory>) -> Self {
        Self { frames, memory, digest: std::cell::RefCell::default() }
    }

    /// A key for what follows from these words and from all that was known before `by`; none where nothing is kept.
    fn key(&self, what: &str, by: Cutoff, follows_from: &str) -> Option<String> {
        self.memory?;
        let known = self.digest.borrow().iter().find(|d| d.0 == by).map(|d| d.1);
        let digest = known.unwrap_or_else(|| {
            let digest = self.frames.as_of(by).digest();
            self.digest.borrow_mut().push((by, digest));
            digest
        });
        let text = format!("{what}\n{by}\n{digest:032x}\n{follows_from}");
        Some(format!("{what}-{:032x}", xxhash_rust::xxh3::xxh3_128(text.as_bytes())))
    }

    fn recall(&self, key: Option<&String>) -> Option<Vec<u8>> {
        self.memory?.recall(key?)
    }

    fn keep(&self, key: Option<&String>, bytes: &[u8]) {
        if let Some((memory, key)) = self.memory.zip(key) {
            memory.keep(key, bytes);
        }
    }
}

/// Everything of the settings that a fitted model follows from.
fn of_models(settings: &Settings) -> String {
    let RiskSettings { horizons, rank_by, cutoff_every, refit_every: _, train_from, leave_out, keep } =
        &settings.risk;
    format!(
        "{horizons:?} {rank_by:?} {cutoff_every:?} {train_from:?} {leave_out:?} {keep:?} {:?} {}",
        settings.thresholds, settings.seed
    )
}

/// The models fitted at `fit_at`: those that were kept, or new ones.
fn models(
    known: &Known<'_>,
    settings: &Settings,
    fit_at: Cutoff,
    progress: &dyn Progress,
) -> Result<ModelSet, EngineError> {
    let key = known.key("models", fit_at, &of_models(settings));
    let recalled = known.recall(key.as_ref()).and_then(|bytes| StoredModel::from_bytes(&bytes).ok());
    if let Some(models) =
        recalled.and_then(|s| ModelSet::restore(known.frames, settings, fit_at, s.into_parts().1))
    {
        return Ok(models);
    }
    let fitted = ModelSet::fit(known.frames, settings, fit_at, progress)?;
    if key.is_some() {
        known.keep(key.as_ref(), &fitted.to_bytes()?);
    }
    Ok(fitted)
}

/// The models of the night at the end of the records: fitted on the calendar of `refit_every`, so that every night until the
/// next date gives the same ones; at the end itself where the records do not reach back further.
pub(crate) fn due_models(
    known: &Known<'_>,
    settings: &Settings,
    progress: &dyn Progress,
) -> Result<ModelSet, EngineError> {
    let (first, end) = (known.frames.first_record(), known.frames.end());
    let due = first.and_then(|first| settings.risk.refit_every.anchored(first, end).pop()).unwrap_or(end);
    match models(known, settings, due, progress) {
        Err(EngineError::TooLittle { .. }) if due < end => models(known, settings, end, progress),
        other => other,
    }
}

/// What models said at one cutoff of a plan: the name of each horizon's candidate, and its prediction.
pub(crate) type AtCutoff = Vec<(&'static str, Prediction)>;

/// How a plan's predictions begin; the numbers stand behind it.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Head {
    /// By cutoff: how many assets, and the place of each horizon's candidate in [`NAMES`].
    cutoffs: Vec<(usize, Vec<usize>)>,
}

impl Known<'_> {
    /// A key for the predictions at these cutoffs, oldest first.
    pub(crate) fn plan_key(&self, settings: &Settings, cutoffs: &[Cutoff], refit: Refit) -> Option<String> {
        let last = cutoffs.last().copied().unwrap_or_else(|| self.frames.end());
        let days: Vec<i32> = cutoffs.iter().map(|c| c.day()).collect();
        self.key("backtest", last, &format!("{} {days:?} {refit:?}", of_models(settings)))
    }

    /// What was kept under the key, where it fits these numbers of assets and horizons.
    pub(crate) fn recall_plan(
        &self,
        key: Option<&String>,
        n_assets: &[usize],
        n_horizons: usize,
    ) -> Option<Vec<AtCutoff>> {
        let bytes = self.recall(key)?;
        let end = bytes.iter().position(|b| *b == b'\n')?;
        let head: Head = serde_json::from_slice(&bytes[..end]).ok()?;
        let fits = head.cutoffs.iter().map(|c| c.0).eq(n_assets.iter().copied())
            && head.cutoffs.iter().all(|c| c.1.len() == n_horizons && c.1.iter().all(|k| *k < NAMES.len()));
        let numbers = &bytes[end + 1..];
        let per_row = (5 + NAMES.len()) * n_horizons * 8;
        if !fits || numbers.len() != n_assets.iter().sum::<usize>() * per_row {
            return None;
        }
        let mut numbers = numbers.chunks_exact(8).map(|b| b.try_into().map_or(f64::NAN, f64::from_le_bytes));
        let mut column = |n: usize| -> Vec<f64> { numbers.by_ref().take(n).collect() };
        let mut at = |n: usize, k: usize| {
            let (probability, low, high) = (column(n), column(n), column(n));
            let unknown = column(n).into_iter().map(|v| v == 1.0).collect();
            let log_odds = column(n);
            let candidates = (0..NAMES.len()).map(|_| column(n)).collect();
            (NAMES[k], Prediction { probability, low, high, unknown, log_odds, candidates })
        };
        Some(head.cutoffs.iter().map(|(n, chosen)| chosen.iter().map(|k| at(*n, *k)).collect()).collect())
    }

    /// Keeps what was said at each cutoff of a plan.
    pub(crate) fn keep_plan(&self, key: Option<&String>, said: &[AtCutoff]) {
        if key.is_none() {
            return;
        }
        let place = |name: &str| NAMES.iter().position(|n| *n == name).unwrap_or(0);
        let cutoffs = said
            .iter()
            .map(|at| {
                (at.first().map_or(0, |h| h.1.probability.len()), at.iter().map(|h| place(h.0)).collect())
            })
            .collect();
        let Ok(mut bytes) = serde_json::to_vec(&Head { cutoffs }) else { return };
        bytes.push(b'\n');
        for (_, p) in said.iter().flatten() {
            let unknown: Vec<f64> = p.unknown.iter().map(|u| f64::from(u8::from(*u))).collect();
            let first = [&p.probability, &p.low, &p.high, &unknown, &p.log_odds];
            for column in first.into_iter().chain(&p.candidates) {
                bytes.extend(column.iter().flat_map(|v| v.to_le_bytes()));
            }
        }
        self.keep(key, &bytes);
    }
}
