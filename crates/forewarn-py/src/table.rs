//! A table that Python holds. It does not know what a table means.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use forewarn_report::{Format, ReportError, table_text, write_csv, write_parquet};
use polars::prelude::{DataFrame, polars_err};
use pyo3::prelude::*;
use pyo3::types::PyCapsule;

use crate::arrow;
use crate::errors::Trouble;

/// Rows and named columns, which any reader of Arrow takes without a copy of numbers.
#[pyclass(frozen, module = "forewarn._forewarn")]
#[derive(Debug, Clone)]
pub(crate) struct Table {
    pub(crate) df: Arc<DataFrame>,
}

impl From<DataFrame> for Table {
    fn from(mut df: DataFrame) -> Self {
        df.rechunk_mut();
        Self { df: Arc::new(df) }
    }
}

/// Makes something of the cells without the interpreter's lock. Polars panics at some cells, such as a day beyond its
/// calendar.
fn made<T: Send>(py: Python<'_>, make: impl FnOnce() -> Result<T, ReportError> + Send) -> PyResult<T> {
    let made = py.detach(|| catch_unwind(AssertUnwindSafe(make)));
    let made = made.unwrap_or_else(|_| {
        let source = polars_err!(ComputeError: "a cell is none that can be written");
        Err(ReportError::Table { table: "frame".into(), source })
    });
    made.map_err(|e| Trouble::from(e).raise(py))
}

#[pymethods]
impl Table {
    #[pyo3(signature = (requested_schema = None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        // The protocol allows for answering with another schema than the one that is asked for.
        drop(requested_schema);
        arrow::export(py, &self.df)
    }

    fn __len__(&self) -> usize {
        self.df.height()
    }

    /// The names of the columns.
    #[getter]
    fn columns(&self) -> Vec<String> {
        self.df.get_column_names().iter().map(ToString::to_string).collect()
    }

    /// The types of the columns, as Polars names them.
    #[getter]
    fn dtypes(&self) -> Vec<String> {
        self.df.dtypes().iter().map(ToString::to_string).collect()
    }

    /// The first rows.
    fn head(&self, py: Python<'_>, n: usize) -> Self {
        py.detach(|| self.df.head(Some(n)).into())
    }

    /// The rows as a JSON array of objects.
    fn json(&self, py: Python<'_>) -> PyResult<String> {
        made(py, || table_text(&self.df, Format::Json))
    }

    /// The rows as text for a terminal.
    fn text(&self, py: Python<'_>) -> PyResult<String> {
        made(py, || table_text(&self.df, Format::Table))
    }

    /// The rows as the bytes of a file: `csv` or `parquet`.
    fn bytes(&self, py: Python<'_>, format: &str) -> PyResult<Vec<u8>> {
        made(py, || {
            let mut out = Vec::new();
            match format {
                "csv" => write_csv(&self.df, &mut out),
                _ => write_parquet(&self.df, &mut out, "frame"),
            }?;
            Ok(out)
        })
    }

    /// Whether both have the same columns, types and cells, to the last bit.
    fn same(&self, py: Python<'_>, other: &Self) -> bool {
        py.detach(|| self.df.schema() == other.df.schema() && self.df.equals_missing(&other.df))
    }

    /// Takes a table of an object with `__arrow_c_stream__`.
    #[staticmethod]
    fn of(object: &Bound<'_, PyAny>) -> PyResult<Self> {
        arrow::read(object).map(Self::from)
    }
}
