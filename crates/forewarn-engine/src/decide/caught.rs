//! How many failures the list of one period will catch, from how lists of that length kept their promises in the backtest.
//! It does not know what is done about them.

use forewarn_frames::{Cutoff, Frames};
use forewarn_models::{Caught, Promise, expected_caught};

use super::{Decider, Stakes};
use crate::EngineError;
use crate::evaluate::Judged;
use crate::fit::LEVEL;

/// Failures to come within the ranking's horizon.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct ToCome {
    /// Among the listed.
    pub caught: Caught,
    /// Among all ranked assets.
    pub all: Caught,
}

/// The failures expected among the first `visits` of the probabilities `p`, which come in the order of the ranking, and
/// among all, as the backtest's lists and whole populations kept what they promised. `None` without a backtest. Those lists
/// were in an order like today's: by expected cost as of then, or by probability.
pub(crate) fn caught(
    (frames, decider): (&Frames, &Decider<'_>),
    judged: Option<&Judged>,
    cutoffs: &[Cutoff],
    (p, visits): (&[f64], usize),
) -> Result<Option<ToCome>, EngineError> {
    let Some(judged) = judged.filter(|j| !j.outcome.is_empty()) else { return Ok(None) };
    let (mut lists, mut populations) = (Vec::new(), Vec::new());
    for (c, cutoff) in cutoffs.iter().enumerate() {
        let stakes = decider.stakes(&frames.as_of(*cutoff))?;
        lists.push(promise(judged, c as u32, &stakes, visits));
        populations.push(promise(judged, c as u32, &stakes, usize::MAX));
    }
    let of = |p: &[f64], past: &[Promise]| expected_caught(p, past, LEVEL).map_err(EngineError::model);
    let (caught, all) = (of(&p[..visits.min(p.len())], &lists)?, of(p, &populations)?);
    // What the list catches happens.
    let all = Caught { mean: all.mean.max(caught.mean), low: all.low, high: all.high.max(caught.high) };
    Ok(Some(ToCome { caught, all }))
}

/// What the first `k` of a cutoff's list promised and what came.
fn promise(judged: &Judged, cutoff: u32, stakes: &Stakes, k: usize) -> Promise {
    let worth = |i: usize| judged.chosen[i] * stakes.of(judged.asset[i] as usize).unwrap_or(1.0);
    let mut rows: Vec<usize> = (0..judged.outcome.len()).filter(|&i| judged.cutoff[i] == cutoff).collect();
    rows.sort_by(|&a, &b| {
        worth(b)
            .total_cmp(&worth(a))
            .then(judged.chosen[b].total_cmp(&judged.chosen[a]))
            .then(judged.asset[a].cmp(&judged.asset[b]))
    });
    rows.truncate(k);
    let sum = |v: &[f64]| rows.iter().map(|&i| v[i]).sum();
    Promise { promised: sum(&judged.chosen), came: sum(&judged.outcome) }
}
