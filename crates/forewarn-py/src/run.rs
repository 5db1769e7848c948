//! The nightly run in memory: its tables, its report, and the files of a run folder. It does not know how anything is
//! reckoned, and keeps no ledger: that is the binary's.

use std::path::Path;
use std::sync::Arc;

use forewarn_frames::output::{LEDGER, ORDERS, RunTables, findings_frame};
use forewarn_report::{TICKETS, exports, facts_json, files, render, servicenow_tickets, write_parquet};
use forewarn_settings::errors::Failure;
use forewarn_settings::tables::tables;
use forewarn_settings::{inputs, settings::Settings};
use polars::prelude::DataFrame;
use pyo3::prelude::*;

use crate::VERSION;
use crate::errors::{Outcome, Trouble};
use crate::fleet::Inner as Fleet;
use crate::model::{Inner as ModelInner, Model};
use crate::table::Table;
use crate::work::{Teller, work};

/// What a run made.
#[derive(Debug)]
struct Inner {
    settings: Settings,
    tables: RunTables,
    features: DataFrame,
    ledger: DataFrame,
    model: Vec<u8>,
}

/// See `python/forewarn/_run.py`.
#[pyclass(frozen, module = "forewarn._forewarn")]
#[derive(Debug)]
pub(crate) struct Run {
    inner: Arc<Inner>,
}

impl Run {
    /// Runs.
    pub(crate) fn make(
        fleet: &Fleet,
        (ledger, earlier): (Option<DataFrame>, Option<DataFrame>),
        teller: &Teller,
    ) -> Outcome<Self> {
        let (frames, engine) = (&fleet.frames, &fleet.settings.engine);
        let ledger = ledger.unwrap_or_else(|| LEDGER.empty());
        let result = forewarn_engine::run(frames, engine, &ledger, None, teller)?;
        let problems = forewarn_engine::problems(frames, engine, earlier.as_ref(), teller)?;
        let orders = if fleet.settings.tickets_file {
            forewarn_engine::orders(frames, engine, (&result.plan, &result.ranking), &[])?
        } else {
            ORDERS.empty()
        };
        let mut findings = fleet.findings.clone();
        inputs::add(&mut findings, &result.findings);
        let observed = (&fleet.settings, fleet.as_of, &fleet.rows);
        let tables =
            tables(observed, &result, &problems, (&orders, &findings), VERSION).map_err(Trouble::Other)?;
        let inner = Inner {
            settings: fleet.settings.clone(),
            tables,
            features: result.features,
            ledger: result.ledger,
            model: result.model,
        };
        Ok(Self { inner: Arc::new(inner) })
    }
}

impl Inner {
    /// Every file of a run folder but those that say when and where: path in the folder, bytes.
    fn files(&self) -> Outcome<Vec<(String, Vec<u8>)>> {
        let mut out = files(&self.tables)?;
        for (df, name) in [(&self.features, "features"), (&self.ledger, "ledger")] {
            let mut bytes = Vec::new();
            write_parquet(df, &mut bytes, name)?;
            out.push((format!("{name}.parquet"), bytes));
        }
        for file in exports(&self.tables, &self.features, &self.settings.export)? {
            out.push(file?);
        }
        if self.settings.tickets_file {
            out.push((TICKETS.to_owned(), servicenow_tickets(&self.tables)?.into_bytes()));
        }
        out.push(("model.json".to_owned(), self.model.clone()));
        out.push(("report.html".to_owned(), render(&self.tables)?.into_bytes()));
        Ok(out)
    }

    fn save(&self, dir: &Path) -> Outcome<()> {
        let failed = |path: &Path, e: &std::io::Error| Trouble::Other(Failure::io("write", path, e));
        for (name, bytes) in self.files()? {
            let path = dir.join(name);
            let folder = path.parent().unwrap_or(dir);
            std::fs::create_dir_all(folder).map_err(|e| failed(folder, &e))?;
            std::fs::write(&path, bytes).map_err(|e| failed(&path, &e))?;
        }
        Ok(())
    }
}

#[pymethods]
impl Run {
    /// The tables by name, in the order of the report.
    fn tables(&self, py: Python<'_>) -> PyResult<Vec<(&'static str, Table)>> {
        let t = &self.inner.tables;
        let findings = findings_frame(&t.findings).map_err(|e| Trouble::from(e).raise(py))?;
        let of = |df: &DataFrame| Table::from(df.clone());
        Ok(vec![
            ("ranking", of(&t.ranking)),
            ("plan", of(&t.plan)),
            ("orders", of(&t.orders)),
            ("risk", of(&t.risk)),
            ("degradations", of(&t.degradations)),
            ("recurrences", of(&t.recurrences)),
            ("problems", of(&t.problems)),
            ("forecasts", of(&t.forecasts)),
            ("workload", of(&t.workload)),
            ("measures", of(&t.measures)),
            ("exposure", of(&t.exposure)),
            ("service", of(&t.service)),
            ("track_record", of(&t.track_record)),
            ("listed", of(&t.listed)),
            ("drift", of(&t.drift)),
            ("findings", of(&findings)),
            ("metrics", of(&t.metrics)),
            ("calibration", of(&t.calibration)),
            ("plot_series", of(&t.plot_series)),
            ("labels", of(&t.labels)),
            ("cards", of(&t.cards)),
            ("features", of(&self.inner.features)),
            ("ledger", of(&self.inner.ledger)),
        ])
    }

    /// The facts of the run as a JSON object.
    fn facts(&self, py: Python<'_>) -> PyResult<String> {
        let facts = facts_json(&self.inner.tables.facts).map_err(|e| Trouble::from(e).raise(py))?;
        Ok(facts.to_string())
    }

    /// The report: one page.
    fn html(&self, py: Python<'_>) -> PyResult<String> {
        let inner = Arc::clone(&self.inner);
        work(py, None, Arc::default(), move |_| Ok(render(&inner.tables)?))
    }

    /// The model that made the ranking.
    fn model(&self, py: Python<'_>) -> PyResult<Model> {
        let inner = ModelInner::stored(&self.inner.model).map_err(|e| e.raise(py))?;
        Ok(Model { inner: Arc::new(inner) })
    }

    /// Writes the files of a run folder into a folder.
    fn save(&self, py: Python<'_>, dir: &str) -> PyResult<()> {
        let (inner, dir) = (Arc::clone(&self.inner), dir.to_owned());
        work(py, None, Arc::default(), move |_| inner.save(Path::new(&dir)))
    }
}
