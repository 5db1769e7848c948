//! The one place where tables meet numbers: cutoffs, training, backtest, ranking, reasons.
//!
//! It knows frames, features and models; it does not know files, printing, arguments or plots. The time is an argument,
//! and so is whatever wants to hear of progress.
#![deny(clippy::disallowed_methods)]

mod alone;
mod backtest;
mod calibration;
mod candidates;
mod cards;
mod columns;
mod condition;
mod counts;
mod decide;
mod degradation;
mod drift;
mod evaluate;
mod expected;
mod exposure;
mod feedback;
mod fit;
mod incidents;
mod inventory;
mod kept;
mod leakage;
mod measures;
mod model_file;
mod modes;
mod moves;
mod problems;
mod rank;
mod reasons;
mod recurrence;
mod run;
mod sample;
mod sealed;
mod service;
mod settings;
pub mod steps;
mod track;

use forewarn_frames::{Cutoff, Finding, Frames};
use polars::prelude::DataFrame;

pub use alone::{
    EXPLAINED, FittedModel, Forecasts, catalog, degradations, features, forecasts, outcomes, recurrences,
};
pub use counts::{CountBy, CountLevel, Period};
pub use decide::{Order, orders};
pub use degradation::Threshold;
pub use kept::Memory;
pub use model_file::{ModelFileError, StoredModel};
pub use problems::{Problems, problems};
pub use settings::{
    BacktestPlan, Capacity, Costs, Refit, Remedy, RiskSettings, Settings, TextShown, Warranty,
};
pub use track::list_period;

/// Hears how far the work is, and may stop it.
pub trait Progress: Sync {
    /// `done` of `total` steps of `stage` are finished.
    fn step(&self, stage: &str, done: usize, total: usize);

    /// Whether to stop as soon as it can be done cleanly; the work then ends with [`EngineError::Cancelled`].
    fn cancelled(&self) -> bool {
        false
    }
}

/// Hears nothing, stops nothing.
#[derive(Debug, Clone, Copy)]
pub struct Silent;

impl Progress for Silent {
    fn step(&self, _: &str, _: usize, _: usize) {}
}

/// Why the engine could not do its work.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// There is nothing to work on; the text says what was found and what is needed.
    #[error("{found}")]
    TooLittle {
        /// What was found and what is needed.
        found: String,
        /// What to try.
        hint: String,
    },
    /// What was given does not fit together: a model and other records, a date outside them.
    #[error("{found}")]
    Mismatch {
        /// What was found.
        found: String,
        /// What to try.
        hint: String,
    },
    /// The caller asked to stop.
    #[error("stopped before the work was done")]
    Cancelled,
    /// A table operation failed: a bug here.
    #[error("internal error in a table operation: {0}")]
    Table(#[from] polars::prelude::PolarsError),
    /// A model failed on data that was checked: a bug here.
    #[error("internal error in a model: {0}")]
    Model(String),
}

/// What `run` makes: the tables of DESIGN section 5 that the engine knows, and the model.
#[derive(Debug)]
pub struct RunResult {
    /// `ranking`
    pub ranking: DataFrame,
    /// `plan`
    pub plan: DataFrame,
    /// `exposure`
    pub exposure: DataFrame,
    /// `service`
    pub service: DataFrame,
    /// `track_record`
    pub track_record: DataFrame,
    /// `listed`
    pub listed: DataFrame,
    /// `drift`
    pub drift: DataFrame,
    /// `cards`
    pub cards: DataFrame,
    /// `ledger`: what is said tonight, for the track records of later nights
    pub ledger: DataFrame,
    /// `risk`
    pub risk: DataFrame,
    /// `labels`
    pub labels: DataFrame,
    /// `calibration`
    pub calibration: DataFrame,
    /// `metrics`
    pub metrics: DataFrame,
    /// `plot_series`
    pub plot_series: DataFrame,
    /// `recurrences`
    pub recurrences: DataFrame,
    /// `measures`
    pub measures: DataFrame,
    /// `degradations`
    pub degradations: DataFrame,
    /// `features`: the catalog
    pub features: DataFrame,
    /// `forecasts`
    pub forecasts: DataFrame,
    /// `workload`
    pub workload: DataFrame,
    /// The model, data only.
    pub model: Vec<u8>,
    /// What was found amiss beside what the data checks find: a column that knows the future and was left out, a level of
    /// counts that has nothing to count.
    pub findings: Vec<Finding>,
    /// See [`RunSummary`].
    pub summary: RunSummary,
}

/// The facts of a run that only the engine knows.
#[derive(Debug, Clone, PartialEq)]
pub struct RunSummary {
    /// Assets ranked.
    pub n_assets: u64,
    /// Of these, with status `unknown`.
    pub n_unknown: u64,
    /// Failures that counted, before `as_of`.
    pub n_failures: u64,
    /// The model that made the ranking.
    pub chosen_model: String,
    /// Why, in one sentence.
    pub chosen_because: String,
    /// The strongest dumb baseline.
    pub baseline_model: String,
    /// Whether anything beat it.
    pub beats_baseline: bool,
    /// First and last cutoff of the backtest.
    pub backtest: Option<(forewarn_frames::Cutoff, forewarn_frames::Cutoff)>,
    /// How many cutoffs it had.
    pub backtest_cutoffs: u64,
    /// The cutoff at which the model was trained.
    pub trained_as_of: forewarn_frames::Cutoff,
    /// Whether the ranking is by what the measure saves; by probability where costs are missing.
    pub by_saving: bool,
    /// Failures expected within the ranking's horizon on the list of one period, and of all ranked assets: mean, and the
    /// ends of the 80 % interval; `None` without a backtest.
    pub to_come: Option<[[f64; 3]; 2]>,
}

/// What `backtest` makes.
#[derive(Debug)]
pub struct BacktestResult {
    /// `predictions`
    pub predictions: DataFrame,
    /// `candidates`
    pub candidates: DataFrame,
    /// `metrics`
    pub metrics: DataFrame,
    /// `calibration`
    pub calibration: DataFrame,
    /// What was found amiss with the data's columns while learning, each once.
    pub findings: Vec<Finding>,
}

/// What a backtest of recurrence makes.
#[derive(Debug)]
pub struct RecurrenceBacktest {
    /// `recurrence`
    pub recurrence: DataFrame,
    /// `metrics`: how well the forecast distributions fitted what came
    pub metrics: DataFrame,
}

/// What a backtest of degradations makes.
#[derive(Debug)]
pub struct DegradationBacktest {
    /// `degradation`
    pub degradation: DataFrame,
    /// `metrics`: how many flagged assets failed soon, what false alarms cost, and whether intervals held
    pub metrics: DataFrame,
}

impl EngineError {
    #[expect(clippy::needless_pass_by_value, reason = "it is made for `map_err`")]
    pub(crate) fn model(e: forewarn_models::ModelError) -> Self {
        Self::Model(e.to_string())
    }

    /// What to try, where there is advice.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::TooLittle { hint, .. } | Self::Mismatch { hint, .. } => Some(hint),
            _ => None,
        }
    }
}

/// The nightly run: backtest, train, score at `frames.end()`, rank, explain, and look back at what was said on earlier
/// nights. `ledger` holds these as [`forewarn_frames::output::LEDGER`] has them, one prediction a night, in any order of
/// rows; nights at or after `frames.end()` are not looked at, and it may be empty. What `memory` recalls saves time, and
/// changes nothing.
///
/// # Errors
///
/// See [`EngineError`]: there is too little to learn from, the ledger lacks a column, or the caller asked to stop.
pub fn run(
    frames: &Frames,
    settings: &Settings,
    ledger: &DataFrame,
    memory: Option<&dyn Memory>,
    progress: &dyn Progress,
) -> Result<RunResult, EngineError> {
    run::run(frames, settings, ledger, memory, progress)
}

/// What made assets vulnerable at a cutoff (the table `exposure`), from what was known then; what is not dated in the
/// inventory (warranty, criticality, service, site) is today's.
///
/// # Errors
///
/// A table operation fails, which would be a bug.
pub fn exposure(frames: &Frames, cutoff: Cutoff) -> Result<DataFrame, EngineError> {
    exposure::exposure(frames, &frames.as_of(cutoff))
}

/// Predictions of every candidate at the plan's cutoffs, each made with what was known then.
///
/// # Errors
///
/// See [`EngineError`]: no cutoff of the plan lies in the data, there is too little to learn from before the first, or the
/// caller asked to stop.
pub fn backtest(
    frames: &Frames,
    settings: &Settings,
    plan: &BacktestPlan,
    progress: &dyn Progress,
) -> Result<BacktestResult, EngineError> {
    backtest::backtest(frames, settings, plan, progress)
}

/// Incidents expected of every asset and category at the plan's cutoffs, each from what was known then, against what came.
///
/// # Errors
///
/// See [`EngineError`]: no cutoff of the plan lies in the data, there is no incident, or the caller asked to stop.
pub fn backtest_recurrence(
    frames: &Frames,
    settings: &Settings,
    plan: &BacktestPlan,
    progress: &dyn Progress,
) -> Result<RecurrenceBacktest, EngineError> {
    recurrence::backtest(frames, settings, plan, progress)
}

/// What measures did, as the records show it at `frames.end()`: the table `measures` of a run, without the rest of one.
///
/// # Errors
///
/// See [`EngineError`]: a bug here. Where no measure was taken, the table is empty.
pub fn measures(frames: &Frames, settings: &Settings) -> Result<DataFrame, EngineError> {
    let history = frames.as_of(frames.end());
    measures::measures(frames, &history, &incidents::Incidents::of(frames, &history), settings.into())
}

/// What would have been flagged as getting worse at the plan's cutoffs, each from what was known then, with what came.
///
/// # Errors
///
/// See [`EngineError`]: no cutoff of the plan lies in the data, there is no telemetry, or the caller asked to stop.
pub fn backtest_degradation(
    frames: &Frames,
    settings: &Settings,
    plan: &BacktestPlan,
    progress: &dyn Progress,
) -> Result<DegradationBacktest, EngineError> {
    degradation::backtest(frames, settings, plan, progress)
}

/// What `backtest_counts` makes.
#[derive(Debug)]
pub struct CountBacktest {
    /// `forecasts` with the actuals, at every origin
    pub forecasts: DataFrame,
    /// `metrics`, one model a level
    pub metrics: DataFrame,
}

/// Forecasts of incident counts at past origins, each made with what was known then, with what came. `horizon` stands over
/// that of the settings, in periods.
///
/// # Errors
///
/// See [`EngineError`]: no incident is known before any origin, or the caller asked to stop.
pub fn backtest_counts(
    frames: &Frames,
    settings: &Settings,
    origins: &[Cutoff],
    horizon: Option<usize>,
    progress: &dyn Progress,
) -> Result<CountBacktest, EngineError> {
    counts::judged(frames, &settings.counts, origins, horizon, progress)
}
