//! Rolling-origin backtest: predictions at past cutoffs, each made with what was known then. It does not know files.

use forewarn_frames::output::{CANDIDATES, PREDICTIONS};
use forewarn_frames::time::{DAY, Micros};
use forewarn_frames::{Cutoff, Finding, Frames};
use polars::prelude::*;

use crate::calibration::calibration_frame;
use crate::candidates::NAMES;
use crate::evaluate::{Judged, metrics_frame};
use crate::feedback::{held, held_last};
use crate::fit::{HorizonModel, ModelSet};
use crate::kept::{AtCutoff, Known};
use crate::moves::by_risk;
use crate::track::{Night, Said, placed, said};
use crate::{BacktestPlan, BacktestResult, EngineError, Progress, Refit, Settings};

/// Every prediction, in columns.
#[derive(Debug, Default)]
struct Rows {
    cutoff: Vec<Micros>,
    asset: Vec<u32>,
    horizon: Vec<i64>,
    probability: Vec<f64>,
    low: Vec<f64>,
    high: Vec<f64>,
    outcome: Vec<Option<bool>>,
    candidates: Vec<Vec<f64>>,
}

/// Predictions and what came of them.
pub(crate) struct Backtested {
    rows: Rows,
    pub judged: Vec<Judged>,
    pub cutoffs: Vec<Cutoff>,
    /// What was said at each of them at the ranking's horizon, where that is among the plan's.
    said: Vec<(Cutoff, Vec<Said>)>,
    /// What fitting found, of the latest model that found it.
    findings: Vec<Finding>,
}

/// Puts what was said on a night in the order of a list.
type ByWorth<'a> = dyn Fn(Cutoff, &[Said]) -> Result<Vec<Said>, EngineError> + 'a;

impl Backtested {
    /// The lists as they would have been on the nights judged: the first `visits` by the model, in the order that `by_worth`
    /// puts them in, and by a baseline.
    pub(crate) fn nights(
        &self,
        settings: &Settings,
        baseline: usize,
        by_worth: &ByWorth<'_>,
    ) -> Result<Vec<Night>, EngineError> {
        let (visits, horizon) = (settings.capacity.visits as usize, settings.risk.rank_by);
        let night = |(cutoff, said): &(Cutoff, Vec<Said>)| {
            let said = by_worth(*cutoff, said)?;
            Ok(Night { cutoff: *cutoff, horizon, places: placed(&said, baseline, visits) })
        };
        self.said.iter().map(night).collect()
    }
}

/// What the models of a plan say at each of its cutoffs, from what was known then: as it was kept, or computed; and what
/// fitting them found, where they were fitted.
fn predictions(
    known: &Known<'_>,
    settings: &Settings,
    cutoffs: &[Cutoff],
    refit: Refit,
    progress: &dyn Progress,
) -> Result<(Vec<AtCutoff>, Vec<Finding>), EngineError> {
    let frames = known.frames;
    let key = known.plan_key(settings, cutoffs, refit);
    let n_assets: Vec<usize> = cutoffs.iter().map(|c| frames.as_of(*c).population().len()).collect();
    if let Some(said) = known.recall_plan(key.as_ref(), &n_assets, settings.risk.horizons.len()) {
        return Ok((said, Vec::new()));
    }
    let mut model: Option<ModelSet> = None;
    let mut findings: Vec<Finding> = Vec::new();
    let mut all = Vec::new();
    for (i, &cutoff) in cutoffs.iter().enumerate() {
        progress.step("backtest", i, cutoffs.len());
        if progress.cancelled() {
            return Err(EngineError::Cancelled);
        }
        if refit.due(i) || model.is_none() {
            let fitted = ModelSet::fit(frames, settings, cutoff, progress)?;
            let told =
                |f: &Finding| fitted.findings.iter().any(|n| (&n.table, &n.column) == (&f.table, &f.column));
            findings.retain(|f| !told(f));
            findings.extend(fitted.findings.iter().cloned());
            model = Some(fitted);
        }
        let Some(m) = &model else { continue };
        let history = frames.as_of(cutoff);
        let table = m.features(&history, &history.population());
        all.push(m.horizons.iter().map(HorizonModel::name).zip(m.predict(&table)?).collect());
    }
    known.keep_plan(key.as_ref(), &all);
    Ok((all, findings))
}

/// Predicts at every cutoff of the plan.
pub(crate) fn predict_plan(
    known: &Known<'_>,
    settings: &Settings,
    plan: &BacktestPlan,
    progress: &dyn Progress,
) -> Result<Backtested, EngineError> {
    let frames = known.frames;
    let mut settings = settings.clone();
    settings.risk.horizons.clone_from(&plan.horizons);
    let cutoffs: Vec<Cutoff> =
        plan.every.span(plan.from, plan.to).into_iter().filter(|c| *c <= frames.end()).collect();
    if cutoffs.is_empty() {
        return Err(EngineError::TooLittle {
            found: format!(
                "no cutoff from {} to {} by steps of {} lies before the end of observation, {}",
                plan.from,
                plan.to,
                plan.every,
                frames.end()
            ),
            hint: "give an earlier `--from` and `--to`".into(),
        });
    }
    let mut rows = Rows { candidates: vec![Vec::new(); NAMES.len()], ..Rows::default() };
    let mut judged: Vec<Judged> = plan
        .horizons
        .iter()
        .map(|h| Judged {
            horizon_days: h.get(),
            candidates: vec![Vec::new(); NAMES.len()],
            ..Judged::default()
        })
        .collect();
    let mut lists: Vec<(Cutoff, Vec<Said>)> = Vec::new();
    let (predicted, findings) = predictions(known, &settings, &cutoffs, plan.refit, progress)?;
    for (i, (&cutoff, at)) in cutoffs.iter().zip(predicted).enumerate() {
        let history = frames.as_of(cutoff);
        let assets = history.population();
        for (k, ((name, p), h)) in at.into_iter().zip(&plan.horizons).enumerate() {
            let outcomes = frames.outcomes(cutoff, *h);
            if *h == settings.risk.rank_by {
                let held = held(&history, *h);
                let order = held_last(by_risk(&assets, &p), &assets, &held);
                lists.push((cutoff, said(&assets, &p, &order, &held)));
            }
            let j = &mut judged[k];
            name.clone_into(&mut j.chosen_name);
            for (r, &a) in assets.iter().enumerate() {
                let outcome = outcomes.of(a).seen();
                rows.cutoff.push(cutoff.micros());
                rows.asset.push(a as u32);
                rows.horizon.push(i64::from(h.get()));
                rows.probability.push(p.probability[r]);
                rows.low.push(p.low[r]);
                rows.high.push(p.high[r]);
                rows.outcome.push(outcome);
                for (to, from) in rows.candidates.iter_mut().zip(&p.candidates) {
                    to.push(from[r]);
                }
                if let Some(y) = outcome {
                    j.asset.push(a as u32);
                    j.cutoff.push(i as u32);
                    j.outcome.push(f64::from(u8::from(y)));
                    let days = |t: Micros| (t - cutoff.micros()) as f64 / DAY as f64;
                    j.fails_in_days.push(outcomes.first_failure_at(a).map_or(f64::NAN, days));
                    j.chosen.push(p.probability[r]);
                    for (to, from) in j.candidates.iter_mut().zip(&p.candidates) {
                        to.push(from[r]);
                    }
                }
            }
        }
    }
    progress.step("backtest", cutoffs.len(), cutoffs.len());
    Ok(Backtested { rows, judged, cutoffs, said: lists, findings })
}

/// See [`crate::backtest`].
pub(crate) fn backtest(
    frames: &Frames,
    settings: &Settings,
    plan: &BacktestPlan,
    progress: &dyn Progress,
) -> Result<BacktestResult, EngineError> {
    let done = predict_plan(&Known::new(frames, None), settings, plan, progress)?;
    progress.step("scoring", 0, 1);
    let r = &done.rows;
    let ids = frames.asset_ids();
    let time = |v: &[Micros]| {
        Column::new("cutoff".into(), v.to_vec()).cast(&DataType::Datetime(TimeUnit::Microseconds, None))
    };
    let n = r.cutoff.len();
    let names: StringChunked = r.asset.iter().map(|a| Some(ids[*a as usize].as_str())).collect();
    let asset_id: Column = names.with_name("asset_id".into()).into_series().into();
    let predictions = DataFrame::new(
        n,
        vec![
            time(&r.cutoff)?,
            asset_id.clone(),
            Column::new("horizon_days".into(), r.horizon.clone()),
            Column::new("probability".into(), r.probability.clone()),
            Column::new("outcome".into(), r.outcome.clone()),
            Column::new("probability_low".into(), r.low.clone()),
            Column::new("probability_high".into(), r.high.clone()),
        ],
    )?;
    let mut candidates: Option<DataFrame> = None;
    for (name, p) in NAMES.iter().zip(&r.candidates) {
        let df = DataFrame::new(
            n,
            vec![
                predictions.column("cutoff")?.clone(),
                asset_id.clone(),
                predictions.column("horizon_days")?.clone(),
                Column::new("model".into(), vec![*name; n]),
                Column::new("probability".into(), p.clone()),
                predictions.column("outcome")?.clone(),
            ],
        )?;
        match &mut candidates {
            None => candidates = Some(df),
            Some(all) => {
                all.vstack_mut(&df)?;
            }
        }
    }
    let candidates = candidates.unwrap_or_else(|| CANDIDATES.empty());
    debug_assert_eq!(PREDICTIONS.check(&predictions), Ok(()));
    debug_assert_eq!(CANDIDATES.check(&candidates), Ok(()));
    let result = BacktestResult {
        metrics: metrics_frame(&done.judged, settings.capacity.visits as usize, settings.seed)?,
        calibration: calibration_frame(&done.judged, frames)?,
        predictions,
        candidates,
        findings: done.findings,
    };
    progress.step("scoring", 1, 1);
    Ok(result)
}
