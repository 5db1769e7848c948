//! The tables of a run, as they are saved and shown, from what the engine made. It does not know where they go.

use forewarn_engine::{Problems, RunResult};
use forewarn_frames::output::{RunFacts, RunTables};
use forewarn_frames::{Cutoff, Finding};
use polars::prelude::DataFrame;

use crate::errors::Outcome;
use crate::inputs::{Rows, internal};
use crate::settings::Settings;

/// The settings, where observation ended, and how many rows were used.
pub type Observed<'a> = (&'a Settings, Cutoff, &'a Rows);

/// The tables of a run: what the engine made, the problems, the orders and all findings; `version` is the program's.
///
/// # Errors
///
/// Two tables do not fit together, which would be a bug.
pub fn tables(
    observed: Observed<'_>,
    result: &RunResult,
    problems: &Problems,
    (orders, findings): (&DataFrame, &[Finding]),
    version: &str,
) -> Outcome<RunTables> {
    Ok(RunTables {
        ranking: result.ranking.clone(),
        plan: result.plan.clone(),
        orders: orders.clone(),
        exposure: result.exposure.clone(),
        service: result.service.clone(),
        track_record: result.track_record.clone(),
        listed: result.listed.clone(),
        drift: result.drift.clone(),
        cards: result.cards.clone(),
        risk: result.risk.clone(),
        labels: result.labels.clone(),
        calibration: result.calibration.clone(),
        metrics: result.metrics.clone(),
        recurrences: result.recurrences.clone(),
        measures: result.measures.clone(),
        plot_series: result.plot_series.vstack(&problems.series).map_err(|e| internal(&e))?,
        degradations: result.degradations.clone(),
        forecasts: result.forecasts.clone(),
        workload: result.workload.clone(),
        findings: findings.to_vec(),
        problems: problems.table.clone(),
        facts: facts(observed, result, version),
    })
}

fn facts((settings, as_of, rows): Observed<'_>, result: &RunResult, version: &str) -> RunFacts {
    let s = &result.summary;
    let costs = settings.engine.costs.as_ref().filter(|_| s.by_saving);
    RunFacts {
        as_of: as_of.to_string(),
        rank_by_days: settings.engine.risk.rank_by.get(),
        capacity_visits: settings.engine.capacity.visits,
        capacity_per_days: settings.engine.capacity.per_days,
        n_assets: s.n_assets,
        n_unknown: s.n_unknown,
        n_failures: s.n_failures,
        n_tickets: rows.tickets,
        n_readings: rows.readings,
        n_events: rows.events,
        chosen_model: s.chosen_model.clone(),
        chosen_because: s.chosen_because.clone(),
        baseline_model: s.baseline_model.clone(),
        beats_baseline: s.beats_baseline,
        backtest_from: s.backtest.map(|b| b.0.to_string()),
        backtest_to: s.backtest.map(|b| b.1.to_string()),
        backtest_cutoffs: s.backtest_cutoffs,
        trained_as_of: s.trained_as_of.to_string(),
        time_zone: settings.time_zone.clone(),
        version: version.to_owned(),
        ranked_by: if s.by_saving { "expected_saving" } else { "probability" }.to_owned(),
        currency: settings.currency.clone(),
        cost_downtime_hour: costs.map(|c| c.downtime_hour),
        cost_visit: costs.map(|c| c.visit),
        cost_repair: costs.map(|c| c.repair),
        caught: s.to_come.map(|t| t[0][0]),
        caught_low: s.to_come.map(|t| t[0][1]),
        caught_high: s.to_come.map(|t| t[0][2]),
        expected_failures: s.to_come.map(|t| t[1][0]),
        expected_failures_low: s.to_come.map(|t| t[1][1]),
        expected_failures_high: s.to_come.map(|t| t[1][2]),
        ticket_url: settings.ticket_url.clone(),
    }
}
