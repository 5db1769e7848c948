//! Scoring as pure steps over tables, for a fleet that is split among machines by asset: [`rollup`], [`merge`],
//! [`cohort_state`], [`features`], [`predict`]. A step reads its arguments and nothing else.
//!
//! Whatever the partitions of assets, the order of rows and their batches, the tables of all partitions put together are the
//! same bytes as those of one machine, and so as the table `risk` of [`crate::run`]:
//!
//! 1. each partition: its readings → [`rollup`];
//! 2. one machine: the rollups → [`merge`]; with the records of the fleet as [`Frames`] → [`cohort_state`], whose bytes go to
//!    all;
//! 3. each partition: its records, its rollup and the state → [`features`] → [`predict`].
//!
//! All rows of an asset are in one partition, and a ticket is one row before assets are split: of several rows of one ticket
//! the one that counts may name another asset.

mod state;

use forewarn_features::{Catalog, Condition, FeatureTable, Shared};
use forewarn_frames::input::{Assets, Telemetry};
use forewarn_frames::output::{RISK, Status};
use forewarn_frames::rollup::{Roller, RollerSettings, TelemetryKind};
use forewarn_frames::{Cutoff, FrameError, FrameInputs, Frames, History};
use polars::prelude::*;

use crate::alone::{feature_columns, learned_catalog};
use crate::fit::predict_all;
use crate::{EngineError, Settings, StoredModel};
pub use forewarn_frames::rollup::{ROLLUP, merge};
pub use state::{CohortState, StateError};

/// Why a step could not be done.
#[derive(Debug, thiserror::Error)]
pub enum StepError {
    /// A table is not what it must be; every fault is named.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// The arguments do not belong together, a thread cannot be had, or a bug.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

impl From<PolarsError> for StepError {
    fn from(e: PolarsError) -> Self {
        Self::Engine(e.into())
    }
}

impl StepError {
    fn mismatch(found: impl Into<String>, hint: &str) -> Self {
        Self::Engine(EngineError::Mismatch { found: found.into(), hint: hint.to_owned() })
    }

    /// What to try, where there is advice.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::Engine(e) => e.hint(),
            Self::Frame(_) => None,
        }
    }
}

/// The readings of one source of telemetry: batches in any order, each with `asset_id`, `ts`, `received_at` where there is
/// one, and a column a metric.
#[derive(Debug, Clone, Default)]
pub struct Readings {
    /// The batches; they need not have the same metrics.
    pub batches: Vec<DataFrame>,
    /// How the source writes them.
    pub kind: TelemetryKind,
}

/// All valid batches as one frame, with every metric that any of them has.
fn stacked(batches: &[DataFrame]) -> Result<Option<Telemetry>, StepError> {
    let valid = batches.iter().map(Telemetry::try_new).collect::<Result<Vec<_>, _>>()?;
    let mut names: Vec<PlSmallStr> =
        valid.iter().flat_map(|t| t.df().get_column_names_owned().into_iter().skip(3)).collect();
    names.sort();
    names.dedup();
    let mut all: Option<DataFrame> = None;
    for t in &valid {
        let df = t.df();
        let mut columns: Vec<Column> = df.columns()[..3].to_vec();
        columns.extend(names.iter().map(|name| match df.column(name) {
            Ok(c) => c.clone(),
            Err(_) => Column::full_null(name.clone(), df.height(), &DataType::Float64),
        }));
        let df = DataFrame::new(df.height(), columns)?;
        match &mut all {
            None => all = Some(df),
            Some(all) => {
                all.vstack_mut(&df)?;
            }
        }
    }
    Ok(all
        .map(|mut df| {
            df.rechunk_mut();
            Telemetry::try_new(&df)
        })
        .transpose()?)
}

/// The daily rollup of the readings of some assets: see [`ROLLUP`]. All rows of an asset, of every source, must be among
/// them; they may come in any order and in any batches.
///
/// # Errors
///
/// A batch is no table of readings: every fault is named.
///
/// # Example
///
/// ```
/// use forewarn_engine::steps::{Readings, rollup};
/// use polars::prelude::*;
/// let batch = |at: i64, cpu: f64| {
///     let ts = Column::new("ts".into(), [at]).cast(&DataType::Datetime(TimeUnit::Microseconds, None)).unwrap();
///     DataFrame::new(1, vec![Column::new("asset_id".into(), ["a"]), ts, Column::new("cpu".into(), [cpu])]).unwrap()
/// };
/// let of = |batches| rollup(&[Readings { batches, ..Default::default() }], 1).unwrap();
/// let (forth, back) = (of(vec![batch(1, 5.0), batch(2, 7.0)]), of(vec![batch(2, 7.0), batch(1, 5.0)]));
/// assert_eq!((forth.height(), forth.column("mean").unwrap().f64().unwrap().get(0)), (1, Some(6.0)));
/// assert!(forth.equals_missing(&back));
/// let no_time = DataFrame::new(1, vec![Column::new("asset_id".into(), ["a"])]).unwrap();
/// assert!(rollup(&[Readings { batches: vec![no_time], ..Default::default() }], 1).is_err());
/// ```
pub fn rollup(sources: &[Readings], threads: usize) -> Result<DataFrame, StepError> {
    let mut frames: Vec<(Telemetry, TelemetryKind)> = Vec::with_capacity(sources.len());
    for source in sources {
        if let Some(rows) = stacked(&source.batches)? {
            frames.push((rows, source.kind.clone()));
        }
    }
    let counters = sources.iter().flat_map(|s| s.kind.counters.iter().cloned()).collect();
    let settings = RollerSettings { counters, threads: threads.max(1), ..RollerSettings::default() };
    Ok(Roller::with(&frames, settings)?.into_frame()?)
}

/// Does some work on so many threads, at least one.
fn on_threads<T: Send>(threads: usize, work: impl FnOnce() -> T + Send) -> Result<T, StepError> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads.max(1)).build();
    Ok(pool.map_err(|e| EngineError::Model(format!("no {threads} threads can be had: {e}")))?.install(work))
}

/// What the features of an asset need of the fleet at a cutoff. `frames` holds all assets; its telemetry may be a
/// [`Roller::from_frame`] of merged rollups.
///
/// # Errors
///
/// The cutoff is before the model's fitting or after the end of the records, or these have other features than the model
/// learned from.
pub fn cohort_state(
    frames: &Frames,
    cutoff: Cutoff,
    settings: &Settings,
    model: &StoredModel,
    threads: usize,
) -> Result<CohortState, StepError> {
    if cutoff < model.fitted_at() || cutoff > frames.end() {
        return Err(StepError::mismatch(
            format!(
                "{cutoff} is not between the model's fitting at {} and the end of the records at {}",
                model.fitted_at(),
                frames.end()
            ),
            "take a cutoff between the two",
        ));
    }
    on_threads(threads, || {
        let catalog = learned_catalog(model, frames, settings)?;
        let history = frames.as_of(cutoff);
        let shared = Shared::of(&history, &catalog).to_words(&history);
        Ok(CohortState::of(&history, model.fnv64(), catalog.to_words(&history), shared))
    })?
}

/// The features of the assets in service of one partition, at the cutoff of the state: `cutoff`, `asset_id`, `is_unknown`
/// (whether too little is known of the asset to tell it from its cohort), a number a feature and a text a category, by asset.
/// What is missing is null.
///
/// Of `partition` only the tables count, and they hold every row of its assets: which ticket columns are known late, whether
/// failures are terminal and where observation ends is the state's to say.
///
/// # Errors
///
/// The state was made with another model, or does not know an asset in service.
pub fn features(
    partition: FrameInputs,
    state: &CohortState,
    model: &StoredModel,
    threads: usize,
) -> Result<DataFrame, StepError> {
    if model.fnv64() != state.content.model {
        return Err(StepError::mismatch(
            format!("the state was made with model {}, and this is {}", state.content.model, model.fnv64()),
            "take the bytes of one model for the state, the features and the predictions",
        ));
    }
    let mut inputs = FrameInputs {
        known_late: state.known_late.clone(),
        terminal: state.content.terminal,
        as_of: state.cutoff,
        ..partition
    };
    if inputs.assets.is_some() && !state.content.has_inventory {
        return Err(StepError::mismatch(
            "the partition has an inventory, and the state was taken over records without one",
            "give either both an inventory, or none",
        ));
    }
    if inputs.assets.is_none() && state.content.has_inventory {
        let none = DataFrame::new(0, vec![Column::new_empty("asset_id".into(), &DataType::String)])?;
        inputs.assets = Some(Assets::try_new(&none)?);
    }
    for (metric, on_change, counter) in state.content.catalog.metrics() {
        inputs.telemetry.declare(metric, on_change, counter);
    }
    let foreign = |found: String| StepError::mismatch(found, "take the state over all partitions");
    let frames = Frames::new(inputs)?;
    let history = frames.as_of(state.cutoff);
    let catalog = state.content.catalog.bind(&history).map_err(foreign)?;
    let shared = state.content.shared.bind(&history, &catalog).map_err(foreign)?;
    let condition = model.file().condition.as_ref().map(|c| c as &dyn Condition);
    let table = on_threads(threads, || shared.rows(&history, &catalog, &history.population(), condition))?;
    table_of(&history, &catalog, table)
}

/// A feature table as a frame, see [`features`].
fn table_of(history: &History<'_>, catalog: &Catalog, table: FeatureTable) -> Result<DataFrame, StepError> {
    let n = table.assets.len();
    let ids: Vec<&str> = table.assets.iter().map(|a| history.asset_id(*a)).collect();
    let time = DataType::Datetime(TimeUnit::Microseconds, None);
    let mut columns = vec![
        Column::new("cutoff".into(), vec![table.cutoff.micros(); n]).cast(&time)?,
        Column::new("asset_id".into(), ids),
        Column::new("is_unknown".into(), table.is_unknown.clone()),
    ];
    columns.extend(feature_columns(catalog, table));
    Ok(DataFrame::new(n, columns)?)
}

/// What a model says of each row of a table of [`features`], by row, then horizon: [`RISK`]. A row is judged by itself, so the
/// table may be cut at will.
///
/// # Errors
///
/// The table lacks a column of the model, or one holds another type: every fault is named.
pub fn predict(model: &StoredModel, features: &DataFrame, threads: usize) -> Result<DataFrame, StepError> {
    let file = model.file();
    let (numbers, words) = file.columns.names.split_at(file.columns.n_numbers);
    let mut faults = Vec::new();
    let mut column = |name: &str, dtype: DataType| {
        let fault = |message: String| forewarn_frames::Fault {
            table: "features",
            column: name.to_owned(),
            n_rows: 0,
            message,
            hint: "take the table that the step `features` made with this model".to_owned(),
        };
        match features.column(name) {
            Err(_) => faults.push(fault("missing".into())),
            Ok(c) if c.dtype() != &dtype && c.dtype() != &DataType::Null => {
                faults.push(fault(format!("holds {}, expected {dtype}", c.dtype())));
            }
            Ok(c) => match c.cast(&dtype) {
                Ok(c) => return Some(c),
                Err(e) => faults.push(fault(e.to_string())),
            },
        }
        None
    };
    let id = column("asset_id", DataType::String);
    let unknown = column("is_unknown", DataType::Boolean);
    let numbers: Vec<Column> = numbers.iter().filter_map(|n| column(n, DataType::Float64)).collect();
    let words: Vec<Column> = words.iter().filter_map(|n| column(n, DataType::String)).collect();
    let (Some(id), Some(unknown), true) = (id, unknown, faults.is_empty()) else {
        return Err(FrameError { faults }.into());
    };
    if features.height() == 0 {
        return Ok(RISK.empty());
    }
    let real = |c: &Column| -> PolarsResult<Vec<f64>> {
        Ok(c.f64()?.iter().map(|v| v.unwrap_or(f64::NAN)).collect())
    };
    let text = |c: &Column| -> PolarsResult<Vec<Option<String>>> {
        Ok(c.str()?.iter().map(|w| w.map(ToOwned::to_owned)).collect())
    };
    let numbers = numbers.iter().map(real).collect::<PolarsResult<Vec<_>>>()?;
    let words = words.iter().map(text).collect::<PolarsResult<Vec<_>>>()?;
    let unknown: Vec<bool> = unknown.bool()?.iter().map(|u| u != Some(false)).collect();
    let said = on_threads(threads, || {
        predict_all(&file.horizons, &file.columns.matrix(numbers, &words)?, &unknown)
    })??;
    let (k, n) = (said.len(), unknown.len() * said.len());
    let at = |of: fn(&crate::fit::Prediction) -> &Vec<f64>| -> Vec<f64> {
        (0..n).map(|r| of(&said[r % k])[r / k]).collect()
    };
    let id = id.str()?;
    let status = |r: usize| if unknown[r / k] { Status::Unknown } else { Status::Scored }.name();
    let df = DataFrame::new(
        n,
        vec![
            Column::new("asset_id".into(), (0..n).map(|r| id.get(r / k)).collect::<Vec<_>>()),
            Column::new(
                "horizon_days".into(),
                (0..n).map(|r| i64::from(file.horizons[r % k].horizon_days)).collect::<Vec<_>>(),
            ),
            Column::new("probability".into(), at(|p| &p.probability)),
            Column::new("probability_low".into(), at(|p| &p.low)),
            Column::new("probability_high".into(), at(|p| &p.high)),
            Column::new("status".into(), (0..n).map(status).collect::<Vec<_>>()),
        ],
    )?;
    debug_assert_eq!(RISK.check(&df), Ok(()));
    Ok(df)
}
