//! The pure steps of scoring for a fleet that is split among machines, over Arrow. It does not know who runs them where.

use std::sync::Arc;

use forewarn_engine::StoredModel;
use forewarn_engine::steps::{self, CohortState, Readings, StepError};
use forewarn_frames::input::{AssetHistory, Assets, Events, Failures, Tickets};
use forewarn_frames::rollup::{Roller, RollerSettings, TelemetryKind};
use forewarn_frames::{Cutoff, FrameError, FrameInputs, Frames, TicketColumn};
use forewarn_settings::errors::Failure;
use forewarn_settings::inputs::{self, Reading};
use forewarn_sources::FailureSource;
use polars::prelude::{Column, DataFrame, DataType, PolarsResult, TimeUnit};
use pyo3::prelude::*;

use crate::arrow::{self, Object};
use crate::config::Config;
use crate::errors::{Outcome, Trouble};
use crate::fleet::{date, now, tables_of};
use crate::table::Table;
use crate::work::work;

/// A table that is handed over by name.
type Given<'py> = (String, Bound<'py, PyAny>);

fn refused(e: &FrameError) -> Trouble {
    let mut failure = Failure::input(e.to_string());
    for hint in e.hints() {
        failure = failure.hint(hint);
    }
    Trouble::Input(failure)
}

fn trouble(e: StepError) -> Trouble {
    match e {
        StepError::Frame(e) => refused(&e),
        StepError::Engine(e) => e.into(),
    }
}

fn model_of(bytes: &[u8]) -> Outcome<StoredModel> {
    StoredModel::from_bytes(bytes).map_err(|e| Trouble::Input(Failure::input(format!("the model {e}"))))
}

/// Times in UTC without a zone, in microseconds: an engine of tables may write the zone.
fn plain(df: &DataFrame) -> PolarsResult<DataFrame> {
    let column = |c: &Column| -> PolarsResult<Column> {
        let DataType::Datetime(_, zone @ Some(_)) = c.dtype() else { return Ok(c.clone()) };
        let at = c.cast(&DataType::Datetime(TimeUnit::Microseconds, zone.clone()))?.cast(&DataType::Int64)?;
        at.cast(&DataType::Datetime(TimeUnit::Microseconds, None))
    };
    let columns = df.columns().iter().map(column).collect::<PolarsResult<Vec<_>>>()?;
    DataFrame::new(df.height(), columns)
}

fn read(object: &Bound<'_, PyAny>) -> PyResult<DataFrame> {
    plain(&arrow::read(object)?).map_err(|e| Trouble::from(e).raise(object.py()))
}

fn read_all(tables: Vec<Given<'_>>) -> PyResult<Vec<(String, DataFrame)>> {
    tables.into_iter().map(|(name, object)| Ok((name, read(&object)?))).collect()
}

/// The daily rollup of sources of readings: each its batches, whether it writes changes alone, and its counters.
#[pyfunction]
pub(crate) fn steps_rollup(
    py: Python<'_>,
    sources: Vec<(Vec<Bound<'_, PyAny>>, bool, Vec<String>)>,
    threads: usize,
) -> PyResult<Table> {
    let mut readings = Vec::with_capacity(sources.len());
    for (batches, on_change, counters) in sources {
        let batches = batches.iter().map(read).collect::<PyResult<_>>()?;
        readings.push(Readings { batches, kind: TelemetryKind { on_change, counters } });
    }
    work(py, None, Arc::default(), move |_| Ok(steps::rollup(&readings, threads).map_err(trouble)?.into()))
}

/// Rollups of disjoint assets as one.
#[pyfunction]
pub(crate) fn steps_merge(py: Python<'_>, parts: Vec<Bound<'_, PyAny>>) -> PyResult<Table> {
    let parts = parts.iter().map(read).collect::<PyResult<Vec<_>>>()?;
    work(py, None, Arc::default(), move |_| Ok(steps::merge(&parts).map_err(|e| refused(&e))?.into()))
}

/// What [`steps_records`] gives: tables by name, the ticket columns that are known late, whether failures are terminal, and
/// where observation ends.
type Records = (Vec<(&'static str, Table)>, Vec<String>, bool, String);

/// What stands in telemetry, which is not read here, and has to be handed in instead.
fn lies_in_telemetry(name: &str, key: &str) -> Trouble {
    let found = format!("`{key} = \"telemetry\"`: telemetry is not read here, so there are no {name}");
    Trouble::Input(Failure::input(found).hint(format!(
        "take the {name} from the telemetry where it lies, and hand them in: `records(config, {name}=…)`"
    )))
}

/// The records of a config but its telemetry, mapped and valid.
#[pyfunction]
pub(crate) fn steps_records(
    py: Python<'_>,
    file: Option<&str>,
    over: &str,
    data: Option<&str>,
    tables: Vec<(String, Py<PyAny>)>,
) -> PyResult<Records> {
    let config = Config::read(file, over, data).map_err(|e| e.raise(py))?;
    let stop = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let mut reading = Reading { stop: Arc::clone(&stop).into(), ..Reading::at(now()) };
    for (name, object) in tables {
        reading.given.hand(&name, Arc::new(Object::new(object, Arc::clone(&stop))));
    }
    work(py, None, stop, move |_| {
        let mut settings = config.settings()?;
        if settings.reading.assets_from_telemetry.is_some() {
            return Err(lies_in_telemetry("assets", "assets.from"));
        }
        if matches!(settings.reading.failure.source, FailureSource::Table("telemetry")) {
            return Err(lies_in_telemetry("failures", "failure.from"));
        }
        settings.reading.telemetry.clear();
        let read = inputs::read(&settings, reading, &|_| ()).map_err(Trouble::Input)?;
        let (found, _) = read.observed(&settings).map_err(Trouble::Other)?;
        let tables = tables_of(&found).into_iter().map(|(name, df)| (name, Table::from(df)));
        let late = found.known_late.iter().map(|c| c.name().to_owned()).collect();
        Ok((tables.collect(), late, found.terminal, found.as_of.to_string()))
    })
}

fn valid<T>(
    tables: &[(String, DataFrame)],
    name: &str,
    make: fn(&DataFrame) -> Result<T, FrameError>,
) -> Outcome<Option<T>> {
    let found = tables.iter().find(|(n, _)| n == name);
    found.map(|(_, df)| make(df)).transpose().map_err(|e| refused(&e))
}

fn inputs_of(tables: &[(String, DataFrame)], as_of: Cutoff) -> Outcome<FrameInputs> {
    let text = |name: &str| Column::new_empty(name.into(), &DataType::String);
    let time = Column::new_empty("failed_at".into(), &DataType::Datetime(TimeUnit::Microseconds, None));
    let no_failures = DataFrame::new(0, vec![text("asset_id"), time])?;
    let failures = match valid(tables, "failures", Failures::try_new)? {
        Some(failures) => failures,
        None => Failures::try_new(&no_failures).map_err(|e| refused(&e))?,
    };
    let rollup = tables.iter().find(|(n, _)| n == "rollup");
    let telemetry = rollup.map(|(_, df)| Roller::from_frame(df, RollerSettings::default()));
    Ok(FrameInputs {
        assets: valid(tables, "assets", Assets::try_new)?,
        asset_history: valid(tables, "asset_history", AssetHistory::try_new)?,
        tickets: valid(tables, "tickets", Tickets::try_new)?,
        known_late: Vec::new(),
        telemetry: telemetry.transpose().map_err(|e| refused(&e))?.unwrap_or_default(),
        events: valid(tables, "events", Events::try_new)?,
        failures,
        actions: None,
        terminal: false,
        as_of,
    })
}

/// The state of a cohort as bytes. `config` is a file, what stands over it, and the folder of the data; `known` is what
/// counts of the records beside their tables: see [`Records`].
#[pyfunction]
pub(crate) fn steps_cohort_state(
    py: Python<'_>,
    config: (Option<String>, String, Option<String>),
    tables: Vec<Given<'_>>,
    known: (Vec<String>, bool, String),
    model: &[u8],
    at: &str,
    threads: usize,
) -> PyResult<Vec<u8>> {
    let tables = read_all(tables)?;
    let ((file, over, data), (known_late, terminal, as_of)) = (config, known);
    let (as_of, at) = (date(py, "as_of", &as_of)?, date(py, "at", at)?);
    let model = model.to_vec();
    work(py, None, Arc::default(), move |_| {
        let settings = Config::read(file.as_deref(), &over, data.as_deref())?.settings()?;
        let column = |name: &String| {
            TicketColumn::parse(name).ok_or_else(|| {
                Trouble::Settings(Failure::input(format!("invalid `known_late`: no ticket column `{name}`")))
            })
        };
        let known_late = known_late.iter().map(column).collect::<Outcome<_>>()?;
        let inputs = FrameInputs { known_late, terminal, ..inputs_of(&tables, as_of)? };
        let frames = Frames::new(inputs)?;
        let model = model_of(&model)?;
        let state = steps::cohort_state(&frames, at, &settings.engine, &model, threads);
        Ok(state.map_err(trouble)?.to_bytes()?)
    })
}

/// The features of one partition.
#[pyfunction]
pub(crate) fn steps_features(
    py: Python<'_>,
    state: &[u8],
    model: &[u8],
    tables: Vec<Given<'_>>,
    threads: usize,
) -> PyResult<Table> {
    let tables = read_all(tables)?;
    let (state, model) = (state.to_vec(), model.to_vec());
    work(py, None, Arc::default(), move |_| {
        let state = CohortState::from_bytes(&state)
            .map_err(|e| Trouble::Input(Failure::input(format!("the state {e}"))))?;
        let inputs = inputs_of(&tables, state.cutoff())?;
        Ok(steps::features(inputs, &state, &model_of(&model)?, threads).map_err(trouble)?.into())
    })
}

/// What a model says of each row of a feature table.
#[pyfunction]
pub(crate) fn steps_predict(
    py: Python<'_>,
    model: &[u8],
    features: Bound<'_, PyAny>,
    threads: usize,
) -> PyResult<Table> {
    let features = read(&features)?;
    let model = model.to_vec();
    work(py, None, Arc::default(), move |_| {
        Ok(steps::predict(&model_of(&model)?, &features, threads).map_err(trouble)?.into())
    })
}
