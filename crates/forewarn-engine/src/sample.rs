//! Which rows a model learns from: every failure of a fleet with not too many, and a weighted sample of the rest, at calendar
//! cutoffs. It does not know models.

use forewarn_features::{Catalog, Condition, compute};
use forewarn_frames::{Cutoff, Every, Frames, Horizon, Outcome, Outcomes};

use crate::columns::TrainingRows;
use crate::condition::Conditions;
use crate::{EngineError, Progress, RiskSettings};

/// Others that a training set holds for each failure, about: more would cost time and memory in proportion.
const OTHERS_A_FAILURE: usize = 10;
/// Others that it holds at least and at most, about.
const OTHERS: (usize, usize) = (60_000, 80_000);
/// Rows that failed within a horizon that it holds about, where there are more: an asset that fails has a row at every cutoff
/// before, and these say much the same. What fails within a shorter horizon, of which there are fewer, is kept first.
const FAILURES: usize = 25_000;
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

/// What is known of the windows that begin at a cutoff.
struct Seen {
    /// Of each horizon.
    each: Vec<Outcomes>,
    /// The places of the horizons, the shortest first.
    by_length: Vec<usize>,
    /// As much of the longest window as is closed.
    longest: Outcomes,
}

impl Seen {
    fn at(frames: &Frames, risk: &RiskSettings, cutoff: Cutoff, at: Cutoff) -> Result<Self, EngineError> {
        let longest = risk.horizons.iter().map(|h| h.get()).max().unwrap_or(1);
        let closed = Horizon::days(i64::from((at.day() - cutoff.day()).min(longest)))
            .map_err(|e| EngineError::Model(e.to_string()))?;
        Ok(Self {
            each: risk.horizons.iter().map(|h| frames.outcomes_known(cutoff, *h, at)).collect(),
            by_length: by_length(risk),
            longest: frames.outcomes_known(cutoff, closed, at),
        })
    }

    /// The place of the shortest horizon within which an asset failed; the number of horizons where it did so in as much of the
    /// longest as is closed; `None` where it is not known to have failed.
    fn failed(&self, asset: usize) -> Option<usize> {
        let within = |h: &&usize| self.each[**h].of(asset) == Outcome::Failed;
        let after = || (self.longest.of(asset) == Outcome::Failed).then_some(self.each.len());
        self.by_length.iter().find(within).copied().or_else(after)
    }
}

fn by_length(risk: &RiskSettings) -> Vec<usize> {
    let mut by: Vec<usize> = (0..risk.horizons.len()).collect();
    by.sort_by_key(|&h| risk.horizons[h].get());
    by
}

/// What share is taken of the rows that failed within each horizon and no shorter one, and last of those that failed otherwise:
/// all of them, for as long as no more than `most` failed within it.
fn shares(by_length: &[usize], failed: &[usize], most: usize) -> Vec<f64> {
    let mut shares = vec![1.0; failed.len()];
    let mut within = 0;
    for &k in by_length.iter().chain([&by_length.len()]) {
        within += failed[k];
        shares[k] = (most as f64 / within.max(1) as f64).min(1.0);
    }
    shares
}

/// The rows with the lowest draws, `most` at most, and how many rows each stands for.
fn sampled(mut rows: Vec<(f64, usize)>, most: usize) -> Vec<(usize, f64)> {
    let n = rows.len();
    if n > most {
        rows.sort_unstable_by(|x, y| x.0.total_cmp(&y.0).then(x.1.cmp(&y.1)));
        rows.truncate(most);
    }
    let weight = n as f64 / rows.len().max(1) as f64;
    rows.into_iter().map(|r| (r.1, weight)).collect()
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
    // Rows by the shortest horizon within which they failed.
    let mut failed = vec![0_usize; risk.horizons.len() + 1];
    for cutoff in cutoffs {
        let outcomes = Seen::at(frames, risk, *cutoff, fit_at)?;
        let history = frames.as_of(*cutoff);
        history.population().into_iter().filter_map(|a| outcomes.failed(a)).for_each(|k| failed[k] += 1);
    }
    let n_failures: usize = failed.iter().sum();
    let shares = shares(&by_length(risk), &failed, FAILURES);
    let others = (n_failures * OTHERS_A_FAILURE).clamp(OTHERS.0, OTHERS.1);
    let others = (others / cutoffs.len().max(1)).max(MIN_OTHERS);
    for (i, &cutoff) in cutoffs.iter().enumerate() {
        progress.step("features", i, cutoffs.len());
        if progress.cancelled() {
            return Err(EngineError::Cancelled);
        }
        let history = frames.as_of(cutoff);
        let seen = Seen::at(frames, risk, cutoff, fit_at)?;
        let mut failed: Vec<Vec<(f64, usize)>> = vec![Vec::new(); shares.len()];
        let mut rest: Vec<(f64, usize)> = Vec::new();
        for a in history.population() {
            if seen.each.iter().all(|o| o.of(a) == Outcome::Censored) {
                continue;
            }
            let drawn = (draw(seed, history.asset_id(a), cutoff), a);
            seen.failed(a).map_or(&mut rest, |k| &mut failed[k]).push(drawn);
        }
        let mut chosen: Vec<(usize, f64)> = sampled(rest, others);
        for (failed, share) in failed.into_iter().zip(&shares) {
            let most = (share * failed.len() as f64).ceil() as usize;
            chosen.extend(sampled(failed, most));
        }
        chosen.sort_unstable_by_key(|c| c.0);
        if chosen.is_empty() {
            continue;
        }
        let assets: Vec<usize> = chosen.iter().map(|c| c.0).collect();
        let weights: Vec<f64> = chosen.iter().map(|c| c.1).collect();
        let labels = seen
            .each
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

#[cfg(test)]
mod tests {
    use super::{sampled, shares};

    #[test]
    fn failures_are_sampled_where_there_are_many() {
        for (by_length, failed, want) in [
            // As many as are wanted: all.
            (vec![0, 1], vec![60, 40, 0], vec![1.0, 1.0, 1.0]),
            // The shortest horizon has its rows; the longer ones share what is wanted with it.
            (vec![0, 1], vec![50, 150, 200], vec![1.0, 0.5, 0.25]),
            (vec![1, 0], vec![150, 50, 200], vec![0.5, 1.0, 0.25]),
            (vec![0], vec![0, 0], vec![1.0, 1.0]),
        ] {
            assert_eq!(shares(&by_length, &failed, 100), want, "{failed:?}");
        }
    }

    #[test]
    fn a_sample_stands_for_all() {
        let rows: Vec<(f64, usize)> = (0..10).map(|a| (1.0 - f64::from(a) / 10.0, a as usize)).collect();
        assert_eq!(sampled(rows.clone(), 4), [(9, 2.5), (8, 2.5), (7, 2.5), (6, 2.5)]);
        assert!(sampled(rows, 10).iter().all(|r| r.1 == 1.0));
        assert_eq!(sampled(Vec::new(), 4), []);
    }
}
