//! Caps that keep a hostile or broken file from taking all memory or all night, and `[limits]` of the config, which moves
//! them. It does not know formats.

use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::SourceError;

/// Objects and lists of NDJSON, and groups of Parquet, that may lie in one another.
pub(crate) const MAX_DEPTH: usize = 64;

/// How much one file may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Limits {
    /// The greatest size of one file, unpacked, in bytes. Default: 32 GiB.
    pub max_file_bytes: u64,
    /// The greatest number of rows of one file. Default: 1,000,000,000.
    pub max_rows: u64,
    /// The greatest number of columns of one file; each key of an NDJSON object is one. Default: 10,000.
    pub max_columns: u64,
    /// The greatest size of one cell, and of one line of NDJSON, in bytes. Default: 16 MiB.
    pub max_cell_bytes: u64,
    /// The greatest unpacked over packed size of a file: looked at from 64 MiB on, and from 1 GiB on where a table takes
    /// more room than the file that it is read from. Default: 500.
    pub max_ratio: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_file_bytes: 32 << 30,
            max_rows: 1_000_000_000,
            max_columns: 10_000,
            max_cell_bytes: 16 << 20,
            max_ratio: 500,
        }
    }
}

/// `[limits]`: how much one file may hold before it is refused.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LimitsOptions {
    /// The greatest size of one file, unpacked, in bytes. Default: `34359738368` (32 GiB).
    /// Example: `max_file_bytes = 100000000000`
    pub max_file_bytes: Option<i64>,
    /// The greatest number of rows of one file, up to 4,000,000,000. Default: `1000000000`. Example: `max_rows = 5000000`
    pub max_rows: Option<i64>,
    /// The greatest number of columns of one file, up to 1,000,000. Default: `10000`. Example: `max_columns = 500`
    pub max_columns: Option<i64>,
    /// The greatest size of one cell, and of one line of NDJSON, in bytes, up to 2 GiB. Default: `16777216` (16 MiB).
    /// Example: `max_cell_bytes = 65536`
    pub max_cell_bytes: Option<i64>,
    /// How much larger than the file its content may be. Default: `500`. Example: `max_ratio = 2000`
    pub max_ratio: Option<i64>,
}

impl LimitsOptions {
    /// Checks the options; what is not given has its default.
    ///
    /// # Errors
    ///
    /// A [`SourceError::Config`] that names the first key whose value is not allowed.
    ///
    /// # Example
    ///
    /// ```
    /// use forewarn_sources::{Limits, LimitsOptions};
    /// let options = LimitsOptions { max_rows: Some(10), ..Default::default() };
    /// assert_eq!(options.resolve().unwrap(), Limits { max_rows: 10, ..Default::default() });
    /// let options = LimitsOptions { max_ratio: Some(0), ..Default::default() };
    /// let error = options.resolve().unwrap_err().to_string();
    /// assert!(error.contains("`limits.max_ratio`: found \"0\""), "{error}");
    /// ```
    pub fn resolve(&self) -> Result<Limits, SourceError> {
        let usual = Limits::default();
        let whole = |key: &str, given: Option<i64>, usual: u64, most: u64| match given.map(u64::try_from) {
            None => Ok(usual),
            Some(Ok(n)) if (1..=most).contains(&n) => Ok(n),
            Some(_) => Err(SourceError::Config {
                key: format!("limits.{key}"),
                found: given.unwrap_or_default().to_string(),
                allowed: format!("a whole number from 1 to {most}"),
                hint: Some(format!("without the key it is {usual}")),
            }),
        };
        Ok(Limits {
            max_file_bytes: whole("max_file_bytes", self.max_file_bytes, usual.max_file_bytes, 1 << 50)?,
            // Rows are numbered by 32 bits.
            max_rows: whole("max_rows", self.max_rows, usual.max_rows, 4_000_000_000)?,
            max_columns: whole("max_columns", self.max_columns, usual.max_columns, 1_000_000)?,
            max_cell_bytes: whole("max_cell_bytes", self.max_cell_bytes, usual.max_cell_bytes, 1 << 31)?,
            max_ratio: whole("max_ratio", self.max_ratio, usual.max_ratio, 1_000_000_000)?,
        })
    }
}

/// Below this many unpacked bytes no ratio is too high: small files of one repeated line pack well.
const RATIO_FROM: u64 = 64 << 20;
/// The same for tables, where it is the room in memory that counts: constant columns pack well.
const TABLE_RATIO_FROM: u64 = 1 << 30;
/// What a cell takes in memory, about.
const CELL_BYTES: u64 = 8;

impl Limits {
    /// Refuses a file of more bytes.
    pub(crate) fn bytes(&self, n: u64, path: &str) -> Result<(), SourceError> {
        if n > self.max_file_bytes {
            return Err(SourceError::TooLarge { path: path.to_owned(), cap: self.max_file_bytes });
        }
        Ok(())
    }

    /// Refuses what unpacks to more bytes than a file of `n_packed` bytes may.
    pub(crate) fn unpacked(&self, n: u64, n_packed: u64, path: &str) -> Result<(), SourceError> {
        self.bytes(n, path)?;
        if n > RATIO_FROM && n / self.max_ratio.max(1) > n_packed {
            return Err(SourceError::Ratio { path: path.to_owned(), cap: self.max_ratio });
        }
        Ok(())
    }

    /// Refuses a table of more rows or columns, or one that takes more room than a file of `n_bytes` may.
    pub(crate) fn table(&self, rows: u64, columns: u64, n_bytes: u64, path: &str) -> Result<(), SourceError> {
        self.rows(rows, path)?;
        if columns > self.max_columns {
            return Err(self.columns(path, None));
        }
        self.values(rows.saturating_mul(columns), n_bytes, path)
    }

    /// Refuses more cells than a file of `n_bytes` may hold.
    pub(crate) fn values(&self, n: u64, n_bytes: u64, path: &str) -> Result<(), SourceError> {
        let room = n.saturating_mul(CELL_BYTES);
        if room > TABLE_RATIO_FROM && room / self.max_ratio.max(1) > n_bytes {
            let found = format!("{n} cells in {n_bytes} bytes");
            return Err(Self::cap(path, None, "max_ratio", found, self.max_ratio));
        }
        Ok(())
    }

    /// Refuses more rows.
    pub(crate) fn rows(&self, n: u64, path: &str) -> Result<(), SourceError> {
        if n > self.max_rows {
            return Err(Self::cap(path, None, "max_rows", "more rows".into(), self.max_rows));
        }
        Ok(())
    }

    /// The error of a file with more columns.
    pub(crate) fn columns(&self, path: &str, row: Option<u64>) -> SourceError {
        Self::cap(path, row, "max_columns", "more columns".into(), self.max_columns)
    }

    /// The error of a cell or line of more bytes: how many, where that is known.
    pub(crate) fn cell(&self, path: &str, row: u64, what: &str, n: Option<u64>) -> SourceError {
        let found = n.map_or_else(|| format!("a longer {what}"), |n| format!("a {what} of {n} bytes"));
        Self::cap(path, Some(row), "max_cell_bytes", found, self.max_cell_bytes)
    }

    fn cap(path: &str, row: Option<u64>, key: &'static str, found: String, allowed: u64) -> SourceError {
        SourceError::Cap { path: path.to_owned(), row, key, found, allowed }
    }
}

/// Refuses what is no regular file before it is opened: a pipe without a writer would wait for ever, and a device has no end.
pub(crate) fn regular(full: &Path, path: &str) -> Result<(), SourceError> {
    let unreadable = |e: io::Error| SourceError::Unreadable { path: path.to_owned(), reason: e.to_string() };
    let kind = std::fs::metadata(full).map_err(unreadable)?.file_type();
    if kind.is_file() {
        Ok(())
    } else if kind.is_dir() {
        Err(SourceError::Directory { path: path.to_owned() })
    } else {
        Err(SourceError::NoFile { path: path.to_owned(), found: name_of(kind) })
    }
}

#[cfg(unix)]
fn name_of(kind: std::fs::FileType) -> &'static str {
    use std::os::unix::fs::FileTypeExt;
    if kind.is_fifo() {
        "a pipe"
    } else if kind.is_socket() {
        "a socket"
    } else {
        "a device"
    }
}

#[cfg(not(unix))]
fn name_of(_: std::fs::FileType) -> &'static str {
    "a device"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hundred_million_readings_of_a_dozen_metrics_pass_in_one_file() {
        let limits = Limits::default();
        let (rows, columns) = (100_000_000, 14);
        // As CSV: 13 characters a cell; as Parquet: 2 bits a cell.
        let (csv, parquet) = (rows * columns * 13, rows * columns / 4);
        assert_eq!(limits.bytes(csv, "f"), Ok(()));
        assert_eq!(limits.unpacked(csv, csv / 20, "f"), Ok(()));
        assert_eq!(limits.table(rows, columns, parquet, "f"), Ok(()));
        assert_eq!(limits.table(rows, columns, parquet / 10, "f"), Ok(()));
        assert!(limits.table(rows, columns, parquet / 200, "f").is_err());
        assert!(limits.table(rows * 11, columns, parquet, "f").is_err());
    }
}
