//! Tables that a program hands in instead of files: batches of rows that go the way of a file's rows. It does not know where
//! the batches come from.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;

use polars::prelude::DataFrame;

use crate::error::SourceError;
use crate::limits::Limits;
use crate::load::union;
use crate::read::{RawTable, RowNumbers, cells, flat, guarded, malformed};

/// Batches of rows with the same columns, in their order; an error is said in words.
pub type Batches = Box<dyn Iterator<Item = Result<DataFrame, String>>>;

/// A table that a program holds.
pub trait Handed: Debug + Send + Sync {
    /// Begins to hand it over from its first row. Telemetry may be asked for more than once: where rows of an asset are out of
    /// order, they are read again.
    ///
    /// # Errors
    ///
    /// It cannot be handed over (any more), in words.
    fn open(&self) -> Result<Batches, String>;
}

/// The tables handed in, by the name that stands for each among the paths of a source. A name is no pattern, and comes before
/// a file that is called so. Their rows are counted from 0.
///
/// # Example
///
/// ```
/// use std::sync::Arc;
/// use forewarn_sources::{Batches, Given, Handed, Paths, ReadPlan, SourceOptions, TicketsOptions, load};
/// use polars::prelude::*;
/// #[derive(Debug)]
/// struct Held(DataFrame);
/// impl Handed for Held {
///     fn open(&self) -> Result<Batches, String> {
///         Ok(Box::new(std::iter::once(Ok(self.0.clone()))))
///     }
/// }
/// let df = df!("number" => ["INC1"], "opened_at" => ["2025-01-31 13:45"], "cmdb_ci" => ["srv1"]).unwrap();
/// let options = SourceOptions {
///     tickets: Some(TicketsOptions {
///         path: Some(Paths::One("<tickets>".into())),
///         preset: Some("servicenow".into()),
///         ..Default::default()
///     }),
///     ..Default::default()
/// };
/// let settings = options.resolve(std::path::Path::new(""), None).unwrap();
/// let mut plan = ReadPlan::default();
/// assert!(load(&settings, &plan, &|_| ()).is_err(), "there is no such file");
/// plan.given.hand("<tickets>", Arc::new(Held(df)));
/// assert_eq!(load(&settings, &plan, &|_| ()).unwrap().tickets.unwrap().df().height(), 1);
/// ```
#[derive(Debug, Clone, Default)]
pub struct Given(BTreeMap<String, Arc<dyn Handed>>);

impl Given {
    /// Hands a table in under a name.
    pub fn hand(&mut self, name: &str, table: Arc<dyn Handed>) {
        self.0.insert(name.to_owned(), table);
    }

    pub(crate) fn get(&self, name: &str) -> Option<Arc<dyn Handed>> {
        self.0.get(name).cloned()
    }
}

impl PartialEq for Given {
    /// Whether the same tables are handed in, not whether they are alike.
    fn eq(&self, other: &Self) -> bool {
        self.0.len() == other.0.len()
            && self.0.iter().zip(&other.0).all(|(a, b)| a.0 == b.0 && Arc::ptr_eq(a.1, b.1))
    }
}

/// Hands over a table in slices of at most about so many `cells`.
pub(crate) fn slices(
    table: &dyn Handed,
    path: &str,
    (limits, cells): (Limits, usize),
    each: &mut dyn FnMut(RawTable) -> Result<(), SourceError>,
) -> Result<(), SourceError> {
    let failed = |e| SourceError::Handed { table: path.to_owned(), reason: e };
    let mut at = 0;
    for batch in guarded(path, || table.open().map_err(failed))? {
        let df = batch.map_err(failed)?;
        if df.width() as u64 > limits.max_columns {
            return Err(limits.columns(path, None));
        }
        let most = (cells / df.width().max(1)).max(1);
        // A batch without rows still says which columns there are.
        for from in (0..df.height().max(1)).step_by(most) {
            each(raw(df.slice(from as i64, most), at + from, path, limits)?)?;
        }
        at += df.height();
    }
    Ok(())
}

/// The table in one piece.
pub(crate) fn whole(table: &dyn Handed, path: &str, limits: Limits) -> Result<RawTable, SourceError> {
    let mut parts = Vec::new();
    slices(table, path, (limits, usize::MAX), &mut |raw| {
        parts.push(raw);
        Ok(())
    })?;
    let mut notes = Vec::new();
    let mut all = Vec::new();
    for part in parts {
        // What is said of a column is said once.
        for note in part.notes {
            match notes.iter_mut().find(|n: &&mut forewarn_frames::checks::Rejected| n.column == note.column)
            {
                Some(n) => n.n_rows += note.n_rows,
                None => notes.push(note),
            }
        }
        all.push(part.df);
    }
    let mut df = union(all, path)?;
    df.rechunk_mut();
    Ok(RawTable { df, rows: RowNumbers::From(0), notes, delimiter: None })
}

fn raw(df: DataFrame, at: usize, path: &str, limits: Limits) -> Result<RawTable, SourceError> {
    guarded(path, || {
        let (mut df, notes) = flat(df, path)?;
        // Cells are read one by one, which is quick in one chunk alone.
        df.rechunk_mut();
        if df.columns().is_empty() {
            return Err(malformed(path, "has no columns".into()));
        }
        cells(&df, path, &limits)?;
        Ok(RawTable { df, rows: RowNumbers::From(at as u64), notes, delimiter: None })
    })
}
