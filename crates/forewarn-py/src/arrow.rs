//! Tables through Arrow's C stream interface, both ways, as the PyCapsule protocol hands it over. It does not know what a
//! table means.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use forewarn_sources::{Batches, Handed};
use polars::prelude::{
    Column, CompatLevel, DataFrame, DataType, IntoColumn, PolarsResult, SchemaExt, Series, polars_err,
};
use polars_arrow::array::{Array, StructArray, new_empty_array};
use polars_arrow::datatypes::{ArrowDataType, Field};
use polars_arrow::ffi::{ArrowArrayStream, ArrowArrayStreamReader, export_iterator};
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyCapsuleMethods};

/// The name that the protocol gives a capsule with a stream.
const STREAM: &std::ffi::CStr = c"arrow_array_stream";

/// What becomes of a column whose type is none that can be used.
#[derive(Debug, Clone, Copy)]
enum Unusable {
    /// The table is refused.
    Refused,
    /// It stands there as lists of nothing, which no reader of records takes: another column may be all that is needed.
    LeftOut,
}

/// A stream that an object gives, batch by batch.
struct Reader(ArrowArrayStreamReader<Box<ArrowArrayStream>>, Unusable);

impl Reader {
    /// Asks an object for its stream. Nothing is copied: the buffers stay the producer's until they are dropped here.
    fn open(object: &Bound<'_, PyAny>, unusable: Unusable) -> PyResult<PolarsResult<Self>> {
        let capsule = object.call_method0("__arrow_c_stream__")?;
        let capsule = capsule.cast::<PyCapsule>()?;
        let pointer = capsule.pointer_checked(Some(STREAM))?.cast::<ArrowArrayStream>();
        // SAFETY: a capsule of this name holds a pointer to an ArrowArrayStream, as the protocol has it. The stream is moved
        // out, and an empty one is left, whose `release` is null: the capsule's destructor then releases nothing twice.
        #[expect(unsafe_code, reason = "the stream stands behind a bare pointer")]
        let stream = unsafe { std::ptr::replace(pointer.as_ptr(), ArrowArrayStream::empty()) };
        // SAFETY: whoever made the capsule promises a stream as the C stream interface has it; that cannot be checked.
        #[expect(unsafe_code, reason = "the stream's functions are bare pointers")]
        let reader = unsafe { ArrowArrayStreamReader::try_new(Box::new(stream)) };
        Ok(reader.map(|reader| Self(reader, unusable)))
    }

    /// The next batch; `None` at the end.
    fn next(&mut self) -> Option<PolarsResult<DataFrame>> {
        // SAFETY: as in `open`: the producer promises arrays as the C data interface has them.
        #[expect(unsafe_code, reason = "the arrays' buffers are bare pointers")]
        let array = unsafe { self.0.next() }?;
        Some(array.and_then(|array| frame(array, self.1)))
    }

    /// The columns without rows.
    fn columns(&self) -> PolarsResult<DataFrame> {
        match self.0.field().dtype() {
            ArrowDataType::Struct(fields) => {
                let empty = |f: &Field| column(f, 0, || new_empty_array(f.dtype().clone()), self.1);
                DataFrame::new(0, fields.iter().map(empty).collect::<PolarsResult<_>>()?)
            }
            other => Err(polars_err!(SchemaMismatch: "is no table but a stream of {:?}", other)),
        }
    }
}

fn frame(array: Box<dyn Array>, unusable: Unusable) -> PolarsResult<DataFrame> {
    let Some(rows) = array.as_any().downcast_ref::<StructArray>() else {
        return Err(polars_err!(SchemaMismatch: "is no table but a stream of {:?}", array.dtype()));
    };
    let (fields, height, values, _) = rows.clone().into_data();
    let columns: PolarsResult<Vec<_>> =
        fields.iter().zip(values).map(|(field, values)| column(field, height, || values, unusable)).collect();
    DataFrame::new(height, columns?)
}

/// A column of a batch. Polars panics at some types that it does not have, and refuses others.
fn column(
    field: &Field,
    n: usize,
    values: impl FnOnce() -> Box<dyn Array>,
    unusable: Unusable,
) -> PolarsResult<Column> {
    let made = catch_unwind(AssertUnwindSafe(|| Series::try_from((field, values()))));
    match (made, unusable) {
        (Ok(Ok(series)), _) => Ok(series.into_column()),
        (_, Unusable::LeftOut) => {
            Ok(Column::full_null(field.name.clone(), n, &DataType::List(Box::new(DataType::Null))))
        }
        (_, Unusable::Refused) => Err(polars_err!(
            SchemaMismatch: "column `{}` is of a type that cannot be read: {:?}", field.name, field.dtype()
        )),
    }
}

/// What an exception says, on one line.
fn said(error: &PyErr, py: Python<'_>) -> String {
    let text = error.value(py).to_string();
    let name = error.get_type(py).name().map_or_else(|_| "error".to_owned(), |n| n.to_string());
    format!("{name}: {}", text.lines().next().unwrap_or_default())
}

/// An object with `__arrow_c_stream__`, handed in as a table.
#[derive(Debug)]
pub(crate) struct Object {
    holder: Py<PyAny>,
    /// Set when the caller no longer waits.
    stop: Arc<std::sync::atomic::AtomicBool>,
    /// How often it was opened, and how many rows it gave the first time.
    seen: Arc<(AtomicU64, Mutex<Option<u64>>)>,
}

impl Object {
    pub(crate) fn new(object: Py<PyAny>, stop: Arc<std::sync::atomic::AtomicBool>) -> Self {
        Self { holder: object, stop, seen: Arc::default() }
    }
}

/// Some streams can be read once alone, and say so by an error or by being empty the second time.
fn once(reason: &str) -> String {
    format!(
        "{reason}; rows of an asset are out of order, so its telemetry is read a second time: sort it by `asset_id` and `ts`, or hand in a table instead of a stream that can be read only once"
    )
}

impl Handed for Object {
    fn open(&self) -> Result<Batches, String> {
        let again = self.seen.0.fetch_add(1, Ordering::Relaxed) > 0;
        let opened = Python::try_attach(|py| {
            let opened = Reader::open(self.holder.bind(py), Unusable::LeftOut).map_err(|e| said(&e, py))?;
            opened.map_err(|e| e.to_string())
        });
        let opened = opened.ok_or_else(|| "the interpreter has ended".to_owned())?;
        let reader = opened.map_err(|e| if again { once(&e) } else { e })?;
        let first = reader.columns().map_err(|e| e.to_string())?;
        let (seen, stop) = (Arc::clone(&self.seen), Arc::clone(&self.stop));
        Ok(Box::new(Rows { reader, first: Some(first), n: 0, again, seen, stop }))
    }
}

struct Rows {
    reader: Reader,
    /// The columns, which are told where no batch comes.
    first: Option<DataFrame>,
    n: u64,
    again: bool,
    seen: Arc<(AtomicU64, Mutex<Option<u64>>)>,
    stop: Arc<std::sync::atomic::AtomicBool>,
}

impl Iterator for Rows {
    type Item = Result<DataFrame, String>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.stop.load(Ordering::Relaxed) {
            return Some(Err("stopped".into()));
        }
        match self.reader.next() {
            Some(Ok(df)) => {
                self.first = None;
                self.n += df.height() as u64;
                Some(Ok(df))
            }
            Some(Err(e)) => Some(Err(e.to_string())),
            None => {
                let mut rows = self.seen.1.lock().unwrap_or_else(PoisonError::into_inner);
                let before = *rows.get_or_insert(self.n);
                if self.again && before != self.n {
                    let found = format!("{before} rows came the first time, and {} the second", self.n);
                    self.n = before;
                    return Some(Err(once(&found)));
                }
                self.first.take().map(Ok)
            }
        }
    }
}

/// All rows of an object with `__arrow_c_stream__`.
pub(crate) fn read(object: &Bound<'_, PyAny>) -> PyResult<DataFrame> {
    let refused = |e: polars::error::PolarsError| crate::errors::input(object.py(), &e.to_string());
    let mut reader = Reader::open(object, Unusable::Refused)?.map_err(refused)?;
    // Without the interpreter's lock: who made a buffer may want it to let the buffer go, on whichever thread drops it.
    let all = object.py().detach(move || -> PolarsResult<DataFrame> {
        let mut out = reader.columns()?;
        while let Some(df) = reader.next() {
            out.vstack_mut(&df?)?;
        }
        out.rechunk_mut();
        Ok(out)
    });
    all.map_err(refused)
}

struct Chunks {
    df: DataFrame,
    dtype: ArrowDataType,
    next: usize,
    n: usize,
}

impl Iterator for Chunks {
    type Item = PolarsResult<Box<dyn Array>>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.next == self.n {
            return None;
        }
        let of = |c: &polars::prelude::Column| {
            c.as_materialized_series().to_arrow(self.next, CompatLevel::oldest())
        };
        let values: Vec<Box<dyn Array>> = self.df.columns().iter().map(of).collect();
        self.next += 1;
        let rows = values.first().map_or(0, |v| v.len());
        Some(StructArray::try_new(self.dtype.clone(), rows, values, None).map(|a| Box::new(a) as _))
    }
}

/// A table as a capsule with a stream, in the types that every reader of Arrow knows.
pub(crate) fn export<'py>(py: Python<'py>, df: &DataFrame) -> PyResult<Bound<'py, PyCapsule>> {
    let mut df = df.clone();
    py.detach(|| df.align_chunks_par());
    let schema = df.schema().to_arrow(CompatLevel::oldest());
    let dtype = ArrowDataType::Struct(schema.into_iter_values().collect());
    let n = df.first_col_n_chunks();
    let field = Field::new("".into(), dtype.clone(), false);
    let stream = export_iterator(Box::new(Chunks { df, dtype, next: 0, n }), field);
    PyCapsule::new_with_value(py, stream, STREAM)
}

/// Takes every batch of an object and drops it: rows and batches. It is there to measure what handing over costs.
#[pyfunction]
pub(crate) fn drain(object: &Bound<'_, PyAny>) -> PyResult<(usize, usize)> {
    let refused = |e: polars::error::PolarsError| crate::errors::input(object.py(), &e.to_string());
    let mut reader = Reader::open(object, Unusable::Refused)?.map_err(refused)?;
    let counted = object.py().detach(move || -> PolarsResult<(usize, usize)> {
        let (mut rows, mut batches) = (0, 0);
        while let Some(df) = reader.next() {
            rows += df?.height();
            batches += 1;
        }
        Ok((rows, batches))
    });
    counted.map_err(refused)
}
