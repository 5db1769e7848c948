//! What fails, as an exception of the package: the class says what kind, the text says what to try. It does not know what was
//! asked for.

use forewarn_engine::EngineError;
use forewarn_settings::errors::{Exit, Failure};
use pyo3::prelude::*;

/// Why work ended early.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// Settings that cannot be.
    Settings(Failure),
    /// What cannot be read.
    Input(Failure),
    /// The engine's own word.
    Engine(EngineError),
    /// Whatever else.
    Other(Failure),
}

impl From<EngineError> for Trouble {
    fn from(error: EngineError) -> Self {
        Self::Engine(error)
    }
}

impl From<forewarn_report::ReportError> for Trouble {
    fn from(error: forewarn_report::ReportError) -> Self {
        Self::Other(Failure::bug("a table or the report could not be made").cause(error.to_string()))
    }
}

impl From<polars::error::PolarsError> for Trouble {
    fn from(error: polars::error::PolarsError) -> Self {
        Self::Other(forewarn_settings::inputs::internal(&error))
    }
}

/// What most work comes to.
pub(crate) type Outcome<T> = Result<T, Trouble>;

fn exception(py: Python<'_>, class: &str, failure: &Failure) -> PyErr {
    let made = py.import("forewarn._errors").and_then(|m| m.getattr(class)).and_then(|class| {
        class.call1((failure.message.as_str(), failure.causes.clone(), failure.hints.clone()))
    });
    match made {
        Ok(value) => PyErr::from_value(value),
        Err(e) => e,
    }
}

impl Trouble {
    /// The exception.
    pub(crate) fn raise(self, py: Python<'_>) -> PyErr {
        let (class, failure) = match self {
            Self::Settings(f) => ("SettingsError", f),
            Self::Input(f) => ("InputError", f),
            Self::Engine(e @ EngineError::TooLittle { .. }) => ("TooLittleData", e.into()),
            Self::Engine(e @ EngineError::Mismatch { .. }) => ("MismatchError", e.into()),
            Self::Engine(e) => ("ForewarnError", Failure::from(e)),
            Self::Other(f) => ("ForewarnError", f),
        };
        let class = match failure.exit {
            Exit::NoRoom => "NoRoomError",
            Exit::Bug => "ForewarnError",
            _ => class,
        };
        exception(py, class, &failure)
    }
}

/// An `InputError` with these words.
pub(crate) fn input(py: Python<'_>, text: &str) -> PyErr {
    Trouble::Input(Failure::input(text)).raise(py)
}

/// A `TooLittleData` with these words.
pub(crate) fn too_little(py: Python<'_>, text: String, hint: &str) -> PyErr {
    exception(py, "TooLittleData", &Failure::input(text).hint(hint))
}

/// A `SettingsError` with these words.
pub(crate) fn settings(py: Python<'_>, text: String, hint: &str) -> PyErr {
    Trouble::Settings(Failure::input(text).hint(hint)).raise(py)
}
