//! A fleet: what was read, once, and what the engine says of it. It does not know how anything is reckoned.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{SystemTime, UNIX_EPOCH};

use forewarn_engine::FittedModel;
use forewarn_frames::input::{AssetHistory, Assets, Events, Tickets};
use forewarn_frames::output::{LEDGER, PROBLEMS, TableSchema, findings_frame};
use forewarn_frames::time::Micros;
use forewarn_frames::{Cutoff, Finding, FrameInputs, Frames};
use forewarn_settings::backtest::{Asked, Task, Words, horizons, judge};
use forewarn_settings::errors::Failure;
use forewarn_settings::inputs::{self, Reading, Rows};
use forewarn_settings::settings::Settings;
use polars::prelude::{Column, DataFrame, PolarsResult};
use pyo3::prelude::*;

use crate::arrow::{self, Object};
use crate::config::{Config, as_json};
use crate::errors::{self, Outcome, Trouble};
use crate::model::{Inner as ModelInner, Model};
use crate::run::Run;
use crate::table::Table;
use crate::work::work;

/// What was read, and what it was read by.
#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) config: Config,
    pub(crate) settings: Settings,
    pub(crate) frames: Frames,
    /// The tables behind the frames but telemetry, by name.
    tables: Vec<(&'static str, DataFrame)>,
    pub(crate) findings: Vec<Finding>,
    pub(crate) rows: Rows,
    pub(crate) as_of: Cutoff,
}

/// See `python/forewarn/_fleet.py`.
#[pyclass(frozen, module = "forewarn._forewarn")]
#[derive(Debug)]
pub(crate) struct Fleet {
    inner: Arc<Inner>,
}

/// A table that the work gives by name.
type Named = (&'static str, Table);

pub(crate) fn now() -> Micros {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_micros() as Micros)
}

/// How many threads may work: as Polars and rayon are told.
fn threads() -> usize {
    let asked = ["RAYON_NUM_THREADS", "POLARS_MAX_THREADS"].iter().find_map(|v| std::env::var(v).ok());
    let asked = asked.and_then(|n| n.parse().ok()).filter(|n| *n > 0);
    asked.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, std::num::NonZero::get))
}

pub(crate) fn date(py: Python<'_>, name: &str, text: &str) -> PyResult<Cutoff> {
    Cutoff::parse(text).map_err(|_| {
        let found = format!("invalid `{name}`: found `{text}`, expected a date like `2025-12-31`");
        errors::settings(py, found, "a cutoff is the midnight (UTC) at which that day begins")
    })
}

/// A table of an earlier run. One without columns, as of a first night, is none.
fn table(
    py: Python<'_>,
    name: &str,
    schema: &TableSchema,
    given: Option<Bound<'_, PyAny>>,
) -> PyResult<Option<DataFrame>> {
    let Some(df) = given.map(|t| arrow::read(&t)).transpose()?.filter(|df| df.width() > 0) else {
        return Ok(None);
    };
    // pandas keeps times in another unit.
    let alike = || -> PolarsResult<DataFrame> {
        let empty = schema.empty();
        let cast = |c: &Column| df.column(c.name())?.cast(c.dtype());
        DataFrame::new(df.height(), empty.columns().iter().map(cast).collect::<PolarsResult<_>>()?)
    };
    match alike() {
        Ok(df) => Ok(Some(df)),
        Err(e) => {
            let failure = Failure::input(format!("`{name}`: {e}"));
            let hint = format!("hand in the table `{}` of an earlier run as it is", schema.name);
            Err(Trouble::Input(failure.hint(hint)).raise(py))
        }
    }
}

impl Inner {
    /// A date at which the records can say something.
    fn date(&self, py: Python<'_>, name: &str, text: &str) -> PyResult<Cutoff> {
        let at = date(py, name, text)?;
        if at <= self.frames.end() {
            return Ok(at);
        }
        let found = format!("invalid `{name}`: found {at}, and the records end at {}", self.frames.end());
        Err(errors::settings(py, found, "ask for a date up to that day, or read later records"))
    }
}

fn read(config: Config, reading: Reading, on_file: &dyn Fn(&str)) -> Outcome<Inner> {
    let settings = config.settings()?;
    let read = inputs::read(&settings, reading, on_file).map_err(Trouble::Input)?;
    let (findings, as_of) = (read.findings(&settings), read.as_of);
    let (observed, rows) = read.observed(&settings).map_err(Trouble::Other)?;
    let tables = tables_of(&observed);
    Ok(Inner { config, settings, frames: Frames::new(observed)?, tables, findings, rows, as_of })
}

/// The tables that there are but telemetry, by name.
pub(crate) fn tables_of(found: &FrameInputs) -> Vec<(&'static str, DataFrame)> {
    let tables = [
        ("assets", found.assets.as_ref().map(Assets::df)),
        ("asset_history", found.asset_history.as_ref().map(AssetHistory::df)),
        ("tickets", found.tickets.as_ref().map(Tickets::df)),
        ("events", found.events.as_ref().map(Events::df)),
        ("failures", Some(found.failures.df())),
    ];
    tables.into_iter().filter_map(|(name, df)| Some((name, df?.clone()))).collect()
}

impl Fleet {
    /// Does something with the fleet beside the interpreter.
    fn does<T: Send + 'static>(
        &self,
        py: Python<'_>,
        tell: Option<&Py<PyAny>>,
        what: impl FnOnce(&Inner, &crate::work::Teller) -> Outcome<T> + Send + 'static,
    ) -> PyResult<T> {
        let inner = Arc::clone(&self.inner);
        work(py, tell, Arc::default(), move |teller| what(&inner, teller))
    }
}

#[pymethods]
impl Fleet {
    /// Reads everything: the config file, keyword arguments over it (a JSON object), and tables handed in by the names that
    /// stand for them among the paths.
    #[new]
    fn new(
        py: Python<'_>,
        file: Option<&str>,
        over: &str,
        data: Option<&str>,
        tables: Vec<(String, Py<PyAny>)>,
        tell: Option<Py<PyAny>>,
    ) -> PyResult<Self> {
        let config = Config::read(file, over, data).map_err(|e| e.raise(py))?;
        let stop = Arc::new(AtomicBool::new(false));
        let mut reading =
            Reading { threads: threads(), stop: Arc::clone(&stop).into(), ..Reading::at(now()) };
        for (name, object) in tables {
            reading.given.hand(&name, Arc::new(Object::new(object, Arc::clone(&stop))));
        }
        let inner = work(py, tell.as_ref(), stop, move |teller| {
            read(config, reading, &|file| teller.note("reading", file))
        })?;
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Where observation ends.
    #[getter]
    fn as_of(&self) -> String {
        self.inner.as_of.to_string()
    }

    /// The assets that the records name.
    #[getter]
    fn asset_ids(&self) -> Vec<String> {
        self.inner.frames.asset_ids().to_vec()
    }

    /// How many rows of each table are used.
    #[getter]
    fn rows(&self) -> Vec<(&'static str, u64)> {
        let r = &self.inner.rows;
        vec![
            ("assets", r.assets),
            ("asset_history", r.asset_history),
            ("tickets", r.tickets),
            ("telemetry", r.readings),
            ("events", r.events),
            ("failures", r.failures),
            ("actions", r.actions),
        ]
    }

    /// The records but telemetry, by name.
    fn tables(&self) -> Vec<Named> {
        self.inner.tables.iter().map(|(name, df)| (*name, df.clone().into())).collect()
    }

    /// The names of the metrics.
    #[getter]
    fn metrics(&self) -> Vec<String> {
        self.inner.frames.rollups().iter().map(|m| m.name().to_owned()).collect()
    }

    /// A metric by asset and day; `None` where there is none of that name.
    fn daily(&self, py: Python<'_>, metric: String) -> PyResult<Option<Table>> {
        self.does(py, None, move |f, _| {
            let rollup = f.frames.rollups().iter().find(|m| m.name() == metric);
            Ok(rollup.map(|m| m.to_frame(f.frames.asset_ids())).transpose()?.map(Table::from))
        })
    }

    /// The settings as a JSON object.
    fn settings(&self, py: Python<'_>) -> PyResult<String> {
        as_json(&self.inner.settings).map_err(|e| e.raise(py))
    }

    fn check(&self, py: Python<'_>) -> PyResult<Table> {
        let df = findings_frame(&self.inner.findings).map_err(|e| Trouble::from(e).raise(py))?;
        Ok(df.into())
    }

    fn features(&self, py: Python<'_>, cutoffs: Vec<String>, tell: Option<Py<PyAny>>) -> PyResult<Table> {
        let cutoffs =
            cutoffs.iter().map(|c| self.inner.date(py, "cutoffs", c)).collect::<PyResult<Vec<Cutoff>>>()?;
        self.does(py, tell.as_ref(), move |f, teller| {
            Ok(forewarn_engine::features(&f.frames, &f.settings.engine, &cutoffs, teller)?.into())
        })
    }

    fn catalog(&self, py: Python<'_>, at: Option<&str>) -> PyResult<Table> {
        let at = at.map(|at| self.inner.date(py, "at", at)).transpose()?.unwrap_or(self.inner.as_of);
        self.does(py, None, move |f, _| {
            Ok(forewarn_engine::catalog(&f.frames, &f.settings.engine, at)?.into())
        })
    }

    /// What came after cutoffs; without horizons those of the settings.
    fn outcomes(
        &self,
        py: Python<'_>,
        cutoffs: Vec<String>,
        days: Vec<i64>,
        tell: Option<Py<PyAny>>,
    ) -> PyResult<Table> {
        let cutoffs =
            cutoffs.iter().map(|c| self.inner.date(py, "cutoffs", c)).collect::<PyResult<Vec<Cutoff>>>()?;
        let asked = horizons("horizons", &days).map_err(|e| Trouble::Settings(e).raise(py))?;
        self.does(py, tell.as_ref(), move |f, _| {
            let horizons = if asked.is_empty() { &f.settings.engine.risk.horizons } else { &asked };
            Ok(forewarn_engine::outcomes(&f.frames, &cutoffs, horizons)?.into())
        })
    }

    /// The forecasts and the workload.
    fn forecast(&self, py: Python<'_>, over: &str, tell: Option<Py<PyAny>>) -> PyResult<Vec<Named>> {
        let settings = self.inner.config.with(over).and_then(|c| c.settings()).map_err(|e| e.raise(py))?;
        self.does(py, tell.as_ref(), move |f, teller| {
            teller.note("counting", "");
            let made = forewarn_engine::forecasts(&f.frames, &settings.engine)?;
            let findings = findings_frame(&made.findings)?;
            Ok(vec![
                ("forecasts", made.forecasts.into()),
                ("workload", made.workload.into()),
                ("findings", findings.into()),
            ])
        })
    }

    fn degradations(
        &self,
        py: Python<'_>,
        model: Option<PyRef<'_, Model>>,
        tell: Option<Py<PyAny>>,
    ) -> PyResult<Table> {
        let fitted: Option<Arc<FittedModel>> = match model {
            Some(model) => Some(model.inner.bound_to(&self.inner).map_err(|e| e.raise(py))?),
            None => None,
        };
        self.does(py, tell.as_ref(), move |f, teller| {
            let model = fitted.as_deref();
            Ok(forewarn_engine::degradations(&f.frames, &f.settings.engine, model, teller)?.into())
        })
    }

    fn recurrences(&self, py: Python<'_>, tell: Option<Py<PyAny>>) -> PyResult<Table> {
        self.does(py, tell.as_ref(), |f, teller| {
            teller.note("recurrence", "");
            Ok(forewarn_engine::recurrences(&f.frames, &f.settings.engine)?.into())
        })
    }

    fn measures(&self, py: Python<'_>, tell: Option<Py<PyAny>>) -> PyResult<Table> {
        self.does(py, tell.as_ref(), |f, teller| {
            teller.note("measures", "");
            Ok(forewarn_engine::measures(&f.frames, &f.settings.engine)?.into())
        })
    }

    fn exposure(&self, py: Python<'_>, at: Option<&str>) -> PyResult<Table> {
        let at = at.map(|at| self.inner.date(py, "at", at)).transpose()?.unwrap_or(self.inner.as_of);
        self.does(py, None, move |f, _| Ok(forewarn_engine::exposure(&f.frames, at)?.into()))
    }

    fn problems(
        &self,
        py: Python<'_>,
        earlier: Option<Bound<'_, PyAny>>,
        tell: Option<Py<PyAny>>,
    ) -> PyResult<Table> {
        let earlier = table(py, "earlier", &PROBLEMS, earlier)?;
        self.does(py, tell.as_ref(), move |f, teller| {
            let made = forewarn_engine::problems(&f.frames, &f.settings.engine, earlier.as_ref(), teller)?;
            Ok(made.table.into())
        })
    }

    /// The tables of a backtest, and `metrics` last.
    #[expect(clippy::too_many_arguments, reason = "they are the keyword arguments of Python")]
    fn backtest(
        &self,
        py: Python<'_>,
        task: &str,
        start: Option<&str>,
        end: Option<&str>,
        every: &str,
        horizons: Vec<i64>,
        refit: &str,
        over: &str,
        tell: Option<Py<PyAny>>,
    ) -> PyResult<Vec<Named>> {
        let Some(task) = Task::parse(task) else {
            let all = Task::ALL.map(Task::name).join("`, `");
            let found = format!("invalid `task`: found `{task}`, expected one of `{all}`");
            return Err(errors::settings(py, found, ""));
        };
        let prepared = || -> Outcome<(Settings, Asked, forewarn_engine::BacktestPlan)> {
            let mut settings = self.inner.config.with(over)?.settings()?;
            let names = ["start", "end", "every", "horizons", "refit"];
            let words = Words { from: start, to: end, every, refit, horizons: &horizons, names };
            let asked = Asked::read(task, &words, &settings).map_err(Trouble::Settings)?;
            asked.settle(&mut settings);
            let reach = asked.reach_days(&settings);
            let plan = asked.plan(self.inner.as_of, reach).map_err(Trouble::Settings)?;
            Ok((settings, asked, plan))
        };
        let (settings, asked, plan) = prepared().map_err(|e| e.raise(py))?;
        self.does(py, tell.as_ref(), move |f, teller| {
            let judged = judge(&asked, &f.frames, &settings, &plan, teller)?;
            let mut out: Vec<Named> =
                judged.tables.into_iter().map(|(name, _, df)| (name, df.into())).collect();
            out.push(("findings", findings_frame(&judged.findings)?.into()));
            out.push(("metrics", judged.metrics.into()));
            Ok(out)
        })
    }

    fn fit(&self, py: Python<'_>, over: &str, tell: Option<Py<PyAny>>) -> PyResult<Model> {
        let settings = self.inner.config.with(over).and_then(|c| c.settings()).map_err(|e| e.raise(py))?;
        let fleet = Arc::clone(&self.inner);
        if fleet.frames.failures().df().height() == 0 {
            let found = "there is no failure in the records, so there is nothing to learn from".to_owned();
            let hint = "say what counts as failure: `failure={\"from\": \"tickets\", \"where\": \"priority <= 2\"}`, or hand in `failures`";
            return Err(errors::too_little(py, found, hint));
        }
        let inner = work(py, tell.as_ref(), Arc::default(), move |teller| {
            let model = FittedModel::fit(&fleet.frames, &settings.engine, teller)?;
            ModelInner::fitted(model, settings.engine, &fleet)
        })?;
        Ok(Model { inner: Arc::new(inner) })
    }

    /// Everything of the nightly run. `ledger` is what was said on earlier nights, `earlier` the problems of one.
    fn run(
        &self,
        py: Python<'_>,
        ledger: Option<Bound<'_, PyAny>>,
        earlier: Option<Bound<'_, PyAny>>,
        tell: Option<Py<PyAny>>,
    ) -> PyResult<Run> {
        let ledger = table(py, "ledger", &LEDGER, ledger)?;
        let earlier = table(py, "problems", &PROBLEMS, earlier)?;
        self.does(py, tell.as_ref(), move |f, teller| Run::make(f, (ledger, earlier), teller))
    }

    /// What a model says at a cutoff.
    pub(crate) fn predict(
        &self,
        py: Python<'_>,
        model: PyRef<'_, Model>,
        at: Option<&str>,
        tell: Option<Py<PyAny>>,
    ) -> PyResult<Table> {
        let at = at.map(|at| date(py, "as_of", at)).transpose()?.unwrap_or(self.inner.as_of);
        let (model, fleet) = (Arc::clone(&model.inner), Arc::clone(&self.inner));
        work(py, tell.as_ref(), Arc::default(), move |teller| {
            teller.note("predicting", "");
            let settings = model.settings(&fleet);
            Ok(model.bound_to(&fleet)?.predict(&fleet.frames, &settings, at)?.into())
        })
    }

    /// Why a model says so of some assets.
    fn explain(
        &self,
        py: Python<'_>,
        model: PyRef<'_, Model>,
        assets: Vec<String>,
        at: Option<&str>,
        tell: Option<Py<PyAny>>,
    ) -> PyResult<Table> {
        let at = at.map(|at| date(py, "as_of", at)).transpose()?.unwrap_or(self.inner.as_of);
        let (model, fleet) = (Arc::clone(&model.inner), Arc::clone(&self.inner));
        work(py, tell.as_ref(), Arc::default(), move |teller| {
            let settings = model.settings(&fleet);
            Ok(model.bound_to(&fleet)?.explain(&fleet.frames, &settings, (at, &assets), teller)?.into())
        })
    }
}
