//! The hidden condition of assets: learned per kind from the days before failures, judged at any cutoff. It does not know
//! how signals are read or how the model is fitted; it brings the two together.

use std::collections::BTreeMap;

use forewarn_features::{Catalog, Sequence, Signal, Signals};
use forewarn_frames::{Cutoff, Every, Frames, Horizon, Outcome};
use forewarn_models::{ChannelKind, ConditionDays, MIN_SEQUENCES, Metric, Scored, logit};
use serde::{Deserialize, Serialize};

use crate::sample::draw;
use crate::{EngineError, Progress};

/// Days before a failure that are learned from.
const BEFORE_DAYS: i32 = 120;
/// Days without failure that say what is normal, and days after them that must stay without one.
const NORMAL_DAYS: i32 = 84;
const QUIET_DAYS: i64 = 60;
/// Months that are learned from, at most, and sequences: more say nothing new.
const MAX_MONTHS: usize = 30;
const MAX_FAILURES: usize = 4_000;
const MAX_NORMAL: usize = 4_000;
/// Failures of a kind from which it gets a model of its own; the others share one.
const OWN_MODEL: usize = 100;
/// A condition that tells days before failures from others no better than this is none: a few lucky channels.
const MIN_AUC: f64 = 0.65;
/// The horizon of the outlook.
const OUTLOOK_DAYS: u32 = 30;

/// The fitted conditions: of kinds with enough failures, and of all others.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Conditions {
    kinds: BTreeMap<String, forewarn_models::Condition>,
    others: Option<forewarn_models::Condition>,
}

fn view(days: &Sequence) -> ConditionDays<'_> {
    ConditionDays {
        values: &days.values,
        exposure: &days.exposure,
        usual: &days.usual,
        repaired: &days.repaired,
        restarted: days.restarted,
    }
}

impl forewarn_features::Condition for Conditions {
    fn judge(&self, class: Option<&str>, days: &Sequence) -> [f64; 3] {
        let Some(model) = class.and_then(|c| self.kinds.get(c)).or(self.others.as_ref()) else {
            return [f64::NAN; 3];
        };
        let state = model.state(&view(days));
        let bounded = |p: f64| logit(p.clamp(1e-6, 1.0 - 1e-6));
        [bounded(1.0 - state[0]), bounded(state[2]), bounded(model.outlook(state, OUTLOOK_DAYS))]
    }
}

/// What one class of assets gives to learn from.
#[derive(Default)]
struct Seen {
    failures: Vec<Sequence>,
    normal: Vec<Sequence>,
    n_failures: usize,
    asset_days: f64,
}

impl Seen {
    fn fit(&self, channels: &[ChannelKind]) -> Result<Option<forewarn_models::Condition>, EngineError> {
        let rate = self.n_failures as f64 / self.asset_days;
        let enough = self.failures.len() >= MIN_SEQUENCES && self.normal.len() >= MIN_SEQUENCES;
        if !(enough && rate > 0.0 && rate < 0.5) {
            return Ok(None);
        }
        let before: Vec<_> = self.failures.iter().map(view).collect();
        let normal: Vec<_> = self.normal.iter().map(view).collect();
        let fitted =
            forewarn_models::Condition::fit(channels, &before, &normal, rate).map_err(EngineError::model)?;
        let outlook = |v: &[ConditionDays<'_>]| -> Vec<f64> {
            v.iter().map(|d| fitted.outlook(fitted.state(d), OUTLOOK_DAYS)).collect()
        };
        let (failed, quiet) = (outlook(&before), outlook(&normal));
        let y: Vec<f64> = failed.iter().map(|_| 1.0).chain(quiet.iter().map(|_| 0.0)).collect();
        let p = [failed, quiet].concat();
        let scored = Scored::new(&y, &p, None).map_err(EngineError::model)?;
        let tells = Metric::RocAuc.of(&scored).is_some_and(|auc| auc >= MIN_AUC);
        Ok(tells.then_some(fitted))
    }
}

impl Conditions {
    /// Learns from what was known strictly before `by`. `None` where failures are too few or nothing is shown day by day.
    pub(crate) fn fit(
        frames: &Frames,
        catalog: &Catalog,
        seed: u64,
        by: Cutoff,
        progress: &dyn Progress,
    ) -> Result<Option<Self>, EngineError> {
        let channels: Vec<ChannelKind> = catalog
            .channels()
            .into_iter()
            .map(|s| match s {
                Signal::Count => ChannelKind::Count,
                Signal::Level => ChannelKind::Level,
            })
            .collect();
        let Some(first) = frames.first_record().filter(|_| !channels.is_empty()) else { return Ok(None) };
        let mut months = Every::Months(1).anchored(first, by);
        months.drain(..months.len().saturating_sub(MAX_MONTHS));
        let n_months = months.len().saturating_sub(1).max(1);
        let mut classes: BTreeMap<Option<&str>, Seen> = BTreeMap::new();
        for (k, pair) in months.windows(2).enumerate() {
            progress.step("conditions", k, n_months);
            if progress.cancelled() {
                return Err(EngineError::Cancelled);
            }
            let (from, at) = (pair[0], pair[1]);
            let history = frames.as_of(at);
            let signals = Signals::of(&history, catalog);
            for a in 0..history.n_assets() {
                let mut failed = history.failures(a).filter(|f| f.at >= from.micros()).peekable();
                if failed.peek().is_none() {
                    continue;
                }
                let seen = classes.entry(signals.class(a)).or_default();
                for f in failed {
                    seen.n_failures += 1;
                    let until = forewarn_frames::time::day_number(f.at);
                    let days = signals.before(a, until, BEFORE_DAYS);
                    if days.repaired.len() >= 5 && seen.failures.len() < MAX_FAILURES {
                        seen.failures.push(days);
                    }
                }
            }
            let horizon = Horizon::days(QUIET_DAYS).map_err(|e| EngineError::Model(e.to_string()))?;
            let after = frames.outcomes_known(at, horizon, by);
            let mut quiet: Vec<(f64, usize)> = Vec::new();
            let length = f64::from(at.day() - from.day());
            for a in history.population() {
                classes.entry(signals.class(a)).or_default().asset_days += length;
                let recent = history
                    .failures(a)
                    .next_back()
                    .is_some_and(|f| f.at >= at.plus_days(-NORMAL_DAYS).micros());
                if !recent && after.of(a) == Outcome::Survived {
                    quiet.push((draw(seed, history.asset_id(a), at), a));
                }
            }
            quiet.sort_by(|x, y| x.0.total_cmp(&y.0).then(x.1.cmp(&y.1)));
            for (_, a) in quiet.into_iter().take(MAX_NORMAL.div_ceil(n_months)) {
                let days = signals.before(a, at.day(), NORMAL_DAYS);
                classes.entry(signals.class(a)).or_default().normal.push(days);
            }
        }
        progress.step("conditions", n_months, n_months);
        let mut out = Self::default();
        let mut rest = Seen::default();
        for (class, seen) in classes {
            if let Some(class) = class.filter(|_| seen.failures.len() >= OWN_MODEL) {
                if let Some(fitted) = seen.fit(&channels)? {
                    out.kinds.insert(class.to_owned(), fitted);
                }
                continue;
            }
            rest.failures.extend(seen.failures);
            rest.normal.extend(seen.normal);
            rest.n_failures += seen.n_failures;
            rest.asset_days += seen.asset_days;
        }
        out.others = rest.fit(&channels)?;
        Ok((!out.kinds.is_empty() || out.others.is_some()).then_some(out))
    }
}
