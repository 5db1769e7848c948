//! A risk model: as data, and bound to the fleet that it was last used with. It does not know how it was fitted.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use forewarn_engine::{FittedModel, StoredModel};
use forewarn_frames::output::findings_frame;
use forewarn_settings::errors::Failure;
use pyo3::prelude::*;

use crate::errors::{Outcome, Trouble};
use crate::fleet::Inner as Fleet;
use crate::table::Table;

/// A model and the fleet that it is ready to predict.
type Bound = (Weak<Fleet>, Arc<FittedModel>);

/// See [`Model`].
#[derive(Debug)]
pub(crate) struct Inner {
    bytes: Vec<u8>,
    fitted_at: String,
    /// Days, candidate, and why where that is known: a stored model keeps no words.
    horizons: Vec<(i32, String, Option<String>)>,
    findings: Vec<forewarn_frames::Finding>,
    /// What it was fitted by; a stored model goes by the settings of the fleet.
    settings: Option<forewarn_engine::Settings>,
    bound: Mutex<Option<Bound>>,
}

impl Inner {
    /// A model that was just fitted.
    pub(crate) fn fitted(
        model: FittedModel,
        settings: forewarn_engine::Settings,
        fleet: &Arc<Fleet>,
    ) -> Outcome<Self> {
        let horizons = model.horizons();
        let horizons = horizons.iter().map(|h| (h.0, h.1.to_owned(), Some(h.2.to_owned()))).collect();
        Ok(Self {
            bytes: model.to_bytes()?,
            fitted_at: model.fitted_at().to_string(),
            horizons,
            findings: model.findings().to_vec(),
            settings: Some(settings),
            bound: Mutex::new(Some((Arc::downgrade(fleet), Arc::new(model)))),
        })
    }

    /// A model that was kept as bytes.
    pub(crate) fn stored(bytes: &[u8]) -> Outcome<Self> {
        let model = StoredModel::from_bytes(bytes).map_err(|e| {
            let failure = Failure::input(format!("the model {e}"));
            Trouble::Input(failure.hint("take the bytes of `to_bytes()`, or `model.json` of a run folder"))
        })?;
        Ok(Self {
            bytes: bytes.to_vec(),
            fitted_at: model.fitted_at().to_string(),
            horizons: model.horizons().into_iter().map(|h| (h.0, h.1.to_owned(), None)).collect(),
            findings: Vec::new(),
            settings: None,
            bound: Mutex::default(),
        })
    }

    /// The settings that it predicts a fleet by.
    pub(crate) fn settings(&self, fleet: &Fleet) -> forewarn_engine::Settings {
        self.settings.clone().unwrap_or_else(|| fleet.settings.engine.clone())
    }

    /// The model, ready to predict a fleet.
    pub(crate) fn bound_to(&self, fleet: &Arc<Fleet>) -> Outcome<Arc<FittedModel>> {
        let mut bound = self.bound.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((to, model)) = &*bound
            && to.upgrade().is_some_and(|to| Arc::ptr_eq(&to, fleet))
        {
            return Ok(Arc::clone(model));
        }
        let stored = StoredModel::from_bytes(&self.bytes)
            .map_err(|e| Trouble::Other(Failure::bug(format!("the model {e}"))))?;
        let model = Arc::new(FittedModel::restore(stored, &fleet.frames, &self.settings(fleet))?);
        *bound = Some((Arc::downgrade(fleet), Arc::clone(&model)));
        Ok(model)
    }
}

/// See `python/forewarn/_model.py`.
#[pyclass(frozen, module = "forewarn._forewarn")]
#[derive(Debug)]
pub(crate) struct Model {
    pub(crate) inner: Arc<Inner>,
}

#[pymethods]
impl Model {
    #[staticmethod]
    fn from_bytes(py: Python<'_>, bytes: &[u8]) -> PyResult<Self> {
        Inner::stored(bytes).map(|inner| Self { inner: Arc::new(inner) }).map_err(|e| e.raise(py))
    }

    fn to_bytes(&self) -> &[u8] {
        &self.inner.bytes
    }

    /// The date at which it was fitted.
    #[getter]
    fn fitted_at(&self) -> &str {
        &self.inner.fitted_at
    }

    /// Days, the candidate that is used, and why.
    #[getter]
    fn horizons(&self) -> Vec<(i32, String, Option<String>)> {
        self.inner.horizons.clone()
    }

    /// What was found amiss with the data's columns while fitting.
    fn findings(&self, py: Python<'_>) -> PyResult<Table> {
        let df = findings_frame(&self.inner.findings).map_err(|e| Trouble::from(e).raise(py))?;
        Ok(df.into())
    }
}
