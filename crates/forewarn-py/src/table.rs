//! A table that Python holds. It does not know what a table means.

use std::sync::Arc;

use forewarn_report::{Format, table_text, write_csv, write_parquet};
use polars::prelude::DataFrame;
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
        py.detach(|| table_text(&self.df, Format::Json)).map_err(|e| Trouble::from(e).raise(py))
    }

    /// The rows as text for a terminal.
    fn text(&self, py: Python<'_>) -> PyResult<String> {
        py.detach(|| table_text(&self.df, Format::Table)).map_err(|e| Trouble::from(e).raise(py))
    }

    /// The rows as the bytes of a file: `csv` or `parquet`.
    fn bytes(&self, py: Python<'_>, format: &str) -> PyResult<Vec<u8>> {
        let mut out = Vec::new();
        let made = py.detach(|| match format {
            "csv" => write_csv(&self.df, &mut out),
            _ => write_parquet(&self.df, &mut out, "frame"),
        });
        made.map_err(|e| Trouble::from(e).raise(py))?;
        Ok(out)
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
