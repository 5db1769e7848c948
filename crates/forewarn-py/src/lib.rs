//! The native half of the Python package `forewarn`: tables cross as Arrow, the engine works without the interpreter's lock,
//! and what fails becomes an exception. The other half, `python/forewarn`, is what users see.
//!
//! It has no logic of its own: what is read, learned and shown is the binary's.
#![expect(
    clippy::disallowed_methods,
    reason = "this is an edge: it alone reads the clock, and writes what it is asked to"
)]
// What functions of a Python module return is for Python, and errors are documented there.
#![allow(
    clippy::missing_errors_doc,
    clippy::needless_pass_by_value,
    reason = "arguments come from Python by value"
)]

mod arrow;
mod config;
mod errors;
mod fleet;
mod model;
mod run;
mod steps;
mod table;
mod work;

use pyo3::prelude::*;

/// The version of the package.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The native module.
#[pymodule]
mod _forewarn {
    #[pymodule_export]
    use super::arrow::drain;
    #[pymodule_export]
    use super::config::settings_of;
    #[pymodule_export]
    use super::fleet::Fleet;
    #[pymodule_export]
    use super::model::Model;
    #[pymodule_export]
    use super::run::Run;
    #[pymodule_export]
    use super::steps::{
        steps_cohort_state, steps_features, steps_merge, steps_predict, steps_records, steps_rollup,
    };
    #[pymodule_export]
    use super::table::Table;
    use super::{Bound, PyModule, PyModuleMethods, PyResult, VERSION};

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        // A panic becomes an exception, or the error of a file, with its own words: standard error is not ours.
        std::panic::set_hook(Box::new(|_| {}));
        module.add("__version__", VERSION)
    }
}
