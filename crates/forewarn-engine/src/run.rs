//! The nightly run, start to end. It does not know files or words for people beyond the reason for a choice.

use forewarn_frames::output::LABELS;
use forewarn_frames::{Cutoff, Every, Frames};
use polars::prelude::*;

use crate::backtest::predict_plan;
use crate::calibration::calibration_frame;
use crate::candidates::{N_BASELINES, NAMES};
use crate::cards::cards;
use crate::decide::{Decider, caught, plan as action_plan};
use crate::degradation::degradations;
use crate::drift::drift;
use crate::evaluate::{Judged, metrics_frame, plot_frame};
use crate::incidents::Incidents;
use crate::kept::{Known, due_models};
use crate::measures::measures;
use crate::rank::{ranking, risk};
use crate::recurrence::{mcf_points, recurrences};
use crate::track::{ledger_rows, placed, said, track};
use crate::{BacktestPlan, EngineError, Memory, Progress, Refit, RunResult, RunSummary, Settings};

/// Cutoffs of the backtest in the report, at most.
const BACKTEST_CUTOFFS: usize = 6;

/// The cutoffs on which the report's backtest judges: firsts of months (Mondays in a short history) whose window has
/// closed, in the later half of the records.
fn plan(frames: &Frames, settings: &Settings) -> Option<BacktestPlan> {
    let first = frames.first_record()?;
    let last = frames.end().plus_days(-settings.risk.rank_by.get());
    [Every::Months(1), Every::Weeks(1)].into_iter().find_map(|every| {
        let all = every.anchored(first, last);
        let n = BACKTEST_CUTOFFS.min(all.len() / 2);
        (n >= 3).then(|| BacktestPlan {
            from: all[all.len() - n],
            to: all[all.len() - 1],
            every,
            refit: Refit::Once,
            horizons: vec![settings.risk.rank_by],
        })
    })
}

/// The stronger of the dumb baselines by average precision in the backtest.
fn best_baseline(judged: Option<&Judged>) -> &'static str {
    let ap = |p: &[f64], y: &[f64]| {
        forewarn_models::Scored::new(y, p, None)
            .ok()
            .and_then(|s| forewarn_models::Metric::AveragePrecision.of(&s))
            .unwrap_or(0.0)
    };
    judged.filter(|j| !j.outcome.is_empty()).map_or(NAMES[1], |j| {
        let scores: Vec<f64> = j.candidates.iter().take(N_BASELINES).map(|p| ap(p, &j.outcome)).collect();
        if scores[1] >= scores[0] { NAMES[1] } else { NAMES[0] }
    })
}

fn labels(frames: &Frames) -> Result<DataFrame, EngineError> {
    let f = frames.failures().df();
    let end = frames.end().micros();
    let at: Vec<i64> =
        f.column("failed_at")?.cast(&DataType::Int64)?.i64()?.iter().map(|v| v.unwrap_or(i64::MAX)).collect();
    let seen = BooleanChunked::from_slice("".into(), &at.iter().map(|t| *t < end).collect::<Vec<_>>());
    let f = f.filter(&seen)?;
    let listed: std::collections::BTreeSet<&str> = match frames.inventory() {
        Some(a) => a.df().column("asset_id")?.str()?.iter().flatten().collect(),
        None => f.column("asset_id")?.str()?.iter().flatten().collect(),
    };
    let scored: Vec<bool> =
        f.column("asset_id")?.str()?.iter().map(|id| id.is_some_and(|id| listed.contains(id))).collect();
    let df = DataFrame::new(
        f.height(),
        vec![
            f.column("asset_id")?.clone(),
            f.column("failed_at")?.clone(),
            f.column("mode")?.clone(),
            f.column("ticket_id")?.clone(),
            Column::new("scored".into(), scored),
        ],
    )?;
    debug_assert_eq!(LABELS.check(&df), Ok(()));
    Ok(df)
}

/// See [`crate::run`].
pub(crate) fn run(
    frames: &Frames,
    settings: &Settings,
    ledger: &DataFrame,
    memory: Option<&dyn Memory>,
    progress: &dyn Progress,
) -> Result<RunResult, EngineError> {
    let end = frames.end();
    let known = Known::new(frames, memory);
    let backtested = match plan(frames, settings) {
        Some(plan) => match predict_plan(&known, settings, &plan, progress) {
            Ok(b) => Some(b),
            // A history too short to judge by is still long enough to rank by.
            Err(EngineError::TooLittle { .. }) => None,
            Err(e) => return Err(e),
        },
        None => None,
    };
    let model = due_models(&known, settings, progress)?;
    progress.step("ranking", 0, 1);
    let history = frames.as_of(end);
    let table = model.features(&history, &history.population());
    if table.assets.is_empty() {
        return Err(EngineError::TooLittle {
            found: format!("no asset is in service on {end}"),
            hint: "check `assets.columns.retired_at` and `run.as_of`".into(),
        });
    }
    let predictions = model.predict(&table)?;
    let by = settings.risk.horizons.iter().position(|h| *h == settings.risk.rank_by).unwrap_or(0);
    let judged: &[Judged] = backtested.as_ref().map_or(&[], |b| &b.judged);
    let cutoffs: &[Cutoff] = backtested.as_ref().map_or(&[], |b| &b.cutoffs);
    let chosen = &model.horizons[by];
    let failures = labels(frames)?;
    progress.step("recurrence", 0, 1);
    let incidents = Incidents::of(frames, &history);
    let recurrences = recurrences(frames, &history, &incidents, settings.seed)?;
    let measures = measures(frames, &history, &incidents, settings.into())?;
    progress.step("recurrence", 1, 1);
    progress.step("counting", 0, 1);
    let counts = crate::counts::today(frames, &settings.counts)?;
    progress.step("counting", 1, 1);
    let likely: std::collections::BTreeMap<usize, f64> =
        table.assets.iter().copied().zip(predictions[by].probability.iter().copied()).collect();
    let worse = degradations(frames, settings, &likely, progress)?;
    let mut points = mcf_points(&history, &incidents)?;
    points.extend(worse.points);
    points.extend(
        counts.recent.iter().map(|(day, n)| ("incidents", "total".to_owned(), f64::from(*day), *n, None)),
    );
    let mut findings = model.findings.clone();
    findings.extend(counts.notes);
    findings.extend(worse.finding);
    let visits = settings.capacity.visits as usize;
    let decider = Decider::new((frames, settings), &model, by, &measures)?;
    let ranked = ranking(frames, settings, (&model, &decider), &history, &table, &predictions, &worse.said)?;
    let listed = (ranked.probability.as_slice(), visits);
    let to_come = caught((frames, &decider), judged.first(), cutoffs, listed)?;
    let to_come = to_come.map(|t| [t.caught, t.all].map(|c| [c.mean, c.low, c.high]));
    let baseline = NAMES.iter().position(|n| *n == best_baseline(judged.first())).unwrap_or(1);
    let tonight = said(&table.assets, &predictions[by], &ranked.order, &ranked.held);
    let tonight = placed(&tonight, baseline, visits);
    let nights = match &backtested {
        Some(b) => b.nights(settings, baseline, &|cutoff, said| decider.by_worth(cutoff, said))?,
        None => Vec::new(),
    };
    let tracked = track(frames, settings, ledger, &nights)?;
    let result = RunResult {
        cards: cards(frames, &history, &ranked.table, &model.catalog, settings.text)?,
        plan: action_plan(&ranked.due)?,
        exposure: crate::exposure::exposure(frames, &history)?,
        service: crate::service::service(frames, &history)?,
        drift: drift(frames, settings, &model, &table, &tracked.closed)?,
        track_record: tracked.record,
        listed: tracked.listed,
        ledger: ledger_rows(frames, settings, &tonight)?,
        risk: risk(settings, &history, &table, &predictions)?,
        calibration: calibration_frame(judged, frames)?,
        metrics: metrics_frame(judged, visits, settings.seed)?,
        plot_series: plot_frame(
            judged.first(),
            &cutoffs.iter().map(|c| c.day()).collect::<Vec<_>>(),
            points,
            settings.seed,
        )?,
        recurrences,
        measures,
        degradations: worse.table,
        forecasts: counts.forecasts,
        workload: counts.workload,
        features: model.catalog.to_frame()?,
        model: model.to_bytes()?,
        findings,
        summary: RunSummary {
            n_assets: table.assets.len() as u64,
            n_unknown: predictions[by].unknown.iter().filter(|u| **u).count() as u64,
            n_failures: failures.height() as u64,
            chosen_model: chosen.name().to_owned(),
            chosen_because: chosen.because.clone(),
            baseline_model: best_baseline(judged.first()).to_owned(),
            beats_baseline: chosen.beats_baseline(),
            backtest: cutoffs.first().copied().zip(cutoffs.last().copied()),
            backtest_cutoffs: cutoffs.len() as u64,
            trained_as_of: model.fitted_at,
            by_saving: settings.costs.is_some() && ranked.table.column("expected_saving")?.null_count() == 0,
            to_come,
        },
        ranking: ranked.table,
        labels: failures,
    };
    progress.step("ranking", 1, 1);
    Ok(result)
}
