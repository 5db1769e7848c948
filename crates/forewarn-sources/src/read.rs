//! Reads one file, whatever its format and compression, into a raw table with row numbers. It does not know canonical
//! columns; a CSV cell stays text.

use std::fs::File;
use std::io::{Cursor, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use forewarn_frames::checks::Rejected;
use polars::prelude::*;

use crate::csv::read_csv;
use crate::error::SourceError;

/// Caps that keep a hostile or broken file from taking all memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Limits {
    /// The greatest size of one file, unpacked, in bytes. Default: 8 GiB.
    pub max_bytes: u64,
    /// The greatest unpacked over packed size, looked at from 64 MiB on. Default: 500.
    pub max_ratio: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_bytes: 8 << 30, max_ratio: 500 }
    }
}

impl Limits {
    /// Whether so many unpacked bytes may be read of a file that takes `packed` bytes.
    pub(crate) fn check(self, path: &str, total: u64, packed: Option<u64>) -> Result<(), SourceError> {
        if total > self.max_bytes {
            return Err(SourceError::TooLarge { path: path.to_owned(), cap: self.max_bytes });
        }
        if packed.is_some_and(|p| total > RATIO_FROM && total / self.max_ratio.max(1) > p) {
            return Err(SourceError::Ratio { path: path.to_owned(), cap: self.max_ratio });
        }
        Ok(())
    }
}

pub(crate) fn malformed(path: &str, message: String) -> SourceError {
    SourceError::Malformed { path: path.to_owned(), row: None, message }
}

/// Below this many unpacked bytes no ratio is too high: small files of one repeated line pack well.
const RATIO_FROM: u64 = 64 << 20;

/// The numbers that rows have in their file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RowNumbers {
    /// The number of each row.
    Listed(Vec<u32>),
    /// Row 0 has this number, the next ones follow.
    From(u64),
}

impl RowNumbers {
    /// The number of a row as the file counts it.
    pub(crate) fn get(&self, i: usize) -> u64 {
        match self {
            Self::Listed(all) => all.get(i).map_or(0, |r| u64::from(*r)),
            Self::From(first) => first + i as u64,
        }
    }
}

/// One file as a table, before any column has a meaning.
#[derive(Debug, Clone)]
pub(crate) struct RawTable {
    pub(crate) df: DataFrame,
    pub(crate) rows: RowNumbers,
    pub(crate) notes: Vec<Rejected>,
    pub(crate) delimiter: Option<u8>,
}

/// A format that can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Fields by a delimiter; the first record names the columns.
    Csv,
    /// One JSON object a line.
    Ndjson,
    /// Apache Parquet.
    Parquet,
}

impl Format {
    /// `csv`, `ndjson` or `parquet`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Ndjson => "ndjson",
            Self::Parquet => "parquet",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Packing {
    None,
    Gzip,
    Zstd,
}

pub(crate) fn format_of(path: &str) -> Result<(Format, Packing), SourceError> {
    let lower = path.to_lowercase();
    let (inner, packing) = if let Some(i) = lower.strip_suffix(".gz") {
        (i, Packing::Gzip)
    } else if let Some(i) = lower.strip_suffix(".zst") {
        (i, Packing::Zstd)
    } else {
        (lower.as_str(), Packing::None)
    };
    let name = inner.rsplit(['/', '\\']).next().unwrap_or_default();
    let extension = name.rsplit_once('.').map_or("", |(_, e)| e);
    let format = match extension {
        "csv" | "tsv" | "psv" | "txt" => Format::Csv,
        "ndjson" | "jsonl" => Format::Ndjson,
        "parquet" | "pq" => Format::Parquet,
        other => return Err(SourceError::UnknownFormat { path: path.to_owned(), found: other.to_owned() }),
    };
    Ok((format, packing))
}

fn unreadable(path: &str, e: &std::io::Error) -> SourceError {
    SourceError::Unreadable { path: path.to_owned(), reason: e.to_string() }
}

/// Opens a file that is not larger than it may be.
pub(crate) fn open(full: &Path, path: &str, limits: Limits) -> Result<File, SourceError> {
    if full.is_dir() {
        return Err(SourceError::Directory { path: path.to_owned() });
    }
    let file = File::open(full).map_err(|e| unreadable(path, &e))?;
    limits.check(path, file.metadata().map_err(|e| unreadable(path, &e))?.len(), None)?;
    Ok(file)
}

/// The bytes of a file as they lie on disk.
pub(crate) fn read_bytes(full: &Path, path: &str, limits: Limits) -> Result<Vec<u8>, SourceError> {
    let unreadable = |e: std::io::Error| unreadable(path, &e);
    let mut file = open(full, path, limits)?;
    let mut bytes = Vec::with_capacity(file.metadata().map_err(unreadable)?.len() as usize);
    // A pipe or a file that grows is cut at the cap too.
    (&mut file).take(limits.max_bytes + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > limits.max_bytes {
        return Err(SourceError::TooLarge { path: path.to_owned(), cap: limits.max_bytes });
    }
    Ok(bytes)
}

fn unpack(packed: Vec<u8>, packing: Packing, path: &str, limits: Limits) -> Result<Vec<u8>, SourceError> {
    if packing == Packing::None {
        return Ok(packed);
    }
    let malformed = |e: std::io::Error| SourceError::Malformed {
        path: path.to_owned(),
        row: None,
        message: format!("cannot be unpacked: {e}"),
    };
    let n_packed = packed.len() as u64;
    let mut reader: Box<dyn Read + '_> = match packing {
        Packing::Zstd => Box::new(zstd::Decoder::new(packed.as_slice()).map_err(malformed)?),
        _ => Box::new(flate2::read::MultiGzDecoder::new(packed.as_slice())),
    };
    let mut out = Vec::new();
    loop {
        let n = reader.by_ref().take(8 << 20).read_to_end(&mut out).map_err(malformed)? as u64;
        limits.check(path, out.len() as u64, Some(n_packed))?;
        if n == 0 {
            return Ok(out);
        }
    }
}

/// Checks that bytes are text and takes the BOM off; `first` says that the file begins with them.
pub(crate) fn as_text<'a>(bytes: &'a [u8], path: &str, first: bool) -> Result<&'a str, SourceError> {
    let looks_like = match bytes {
        _ if !first => None,
        [b'P', b'A', b'R', b'1', ..] => Some("Parquet"),
        [0x1f, 0x8b, ..] => Some("gzip"),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Some("zstd"),
        [b'P', b'K', 3, 4, ..] => Some("a zip archive or an Excel workbook"),
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => Some("UTF-16 text"),
        _ => None,
    };
    let nul = bytes.iter().position(|b| *b == 0);
    if nul.is_some() || matches!(looks_like, Some(l) if l != "UTF-16 text") {
        return Err(SourceError::Binary { path: path.to_owned(), byte: nul.unwrap_or(0) as u64, looks_like });
    }
    match std::str::from_utf8(bytes) {
        Ok(text) if first => Ok(text.strip_prefix('\u{feff}').unwrap_or(text)),
        Ok(text) => Ok(text),
        Err(e) => {
            let at = e.valid_up_to();
            Err(SourceError::NotUtf8 {
                path: path.to_owned(),
                row: bytes[..at].split(|b| *b == b'\n').count() as u64,
                byte: at as u64,
                found: bytes.get(at).copied().unwrap_or(0),
            })
        }
    }
}

/// Reads the file's bytes as its name says; a panic of a reader becomes an error of this file.
pub(crate) fn parse(
    bytes: Vec<u8>,
    path: &str,
    delimiter: Option<u8>,
    limits: Limits,
) -> Result<(Format, RawTable), SourceError> {
    let (format, packing) = format_of(path)?;
    if bytes.is_empty() {
        return Err(SourceError::Empty { path: path.to_owned() });
    }
    let bytes = unpack(bytes, packing, path, limits)?;
    let raw = guarded(path, || match format {
        Format::Csv => read_csv(as_text(&bytes, path, true)?, path, delimiter),
        Format::Ndjson => read_ndjson(as_text(&bytes, path, true)?, path, 0),
        Format::Parquet => read_parquet(&bytes, path, limits),
    })?;
    Ok((format, raw))
}

/// Runs `work` so that a panic in it becomes an error of this file.
pub(crate) fn guarded<T>(
    path: &str,
    work: impl FnOnce() -> Result<T, SourceError>,
) -> Result<T, SourceError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let said = panic
            .downcast_ref::<String>()
            .cloned()
            .or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string));
        let message =
            format!("the reader gave up: {}", said.unwrap_or_default().lines().next().unwrap_or_default());
        Err(SourceError::Malformed { path: path.to_owned(), row: None, message })
    })
}

fn read_parquet(bytes: &[u8], path: &str, limits: Limits) -> Result<RawTable, SourceError> {
    let malformed =
        |e: PolarsError| SourceError::Malformed { path: path.to_owned(), row: None, message: first_line(&e) };
    if !bytes.starts_with(b"PAR1") {
        return Err(SourceError::Malformed {
            path: path.to_owned(),
            row: None,
            message: "is no Parquet file".into(),
        });
    }
    let mut reader = ParquetReader::new(Cursor::new(bytes));
    check_parquet(&mut reader, path, limits)?;
    let df = reader.finish().map_err(malformed)?;
    let (df, notes) = flat(df, path)?;
    Ok(RawTable { df, rows: RowNumbers::From(1), notes, delimiter: None })
}

/// Checks what a Parquet file says of itself; gives the number of rows up to the end of each group of rows.
pub(crate) fn check_parquet<R: polars::io::mmap::MmapBytesReader>(
    reader: &mut ParquetReader<R>,
    path: &str,
    limits: Limits,
) -> Result<Vec<usize>, SourceError> {
    let malformed = |e: PolarsError| malformed(path, first_line(&e));
    let n_rows = reader.num_rows().map_err(malformed)?;
    let groups = &reader.get_metadata().map_err(malformed)?.row_groups;
    let claimed = groups.iter().map(|g| g.total_byte_size() as u64).fold(0, u64::saturating_add);
    // One value takes at least an eighth of a bit on disk and a byte in memory, whatever the header says.
    if claimed > limits.max_bytes || n_rows as u64 > limits.max_bytes || n_rows as u64 > u64::from(u32::MAX) {
        return Err(SourceError::TooLarge { path: path.to_owned(), cap: limits.max_bytes });
    }
    Ok(groups
        .iter()
        .scan(0, |end, g| {
            *end += g.num_rows();
            Some(*end)
        })
        .collect())
}

/// Reads lines of JSON objects; the first line has the number `before` + 1.
pub(crate) fn read_ndjson(text: &str, path: &str, before: u32) -> Result<RawTable, SourceError> {
    let lines: Vec<u32> = text
        .lines()
        .enumerate()
        .filter(|(_, l)| !l.trim().is_empty())
        .map(|(i, _)| before + i as u32 + 1)
        .collect();
    if lines.is_empty() {
        return Err(SourceError::Empty { path: path.to_owned() });
    }
    let read = |part: &str| {
        JsonReader::new(Cursor::new(part.as_bytes()))
            .with_json_format(JsonFormat::JsonLines)
            .infer_schema_len(None)
            .finish()
    };
    match read(text) {
        Ok(df) if df.height() == lines.len() => {
            let (df, notes) = flat(df, path)?;
            Ok(RawTable { df, rows: RowNumbers::Listed(lines), notes, delimiter: None })
        }
        other => {
            let is_object = |l: &str| {
                l.trim_start().starts_with('{') && guarded(path, || Ok(read(l).is_ok())) == Ok(true)
            };
            let bad = text.lines().enumerate().find(|(_, l)| !l.trim().is_empty() && !is_object(l));
            let row = bad.map(|(i, _)| u64::from(before) + i as u64 + 1);
            let message = match other {
                _ if row.is_some() => "is no JSON object".to_owned(),
                Ok(df) => format!("found {} objects in {} lines", df.height(), lines.len()),
                Err(e) => first_line(&e),
            };
            Err(SourceError::Malformed { path: path.to_owned(), row, message })
        }
    }
}

/// Objects in cells become columns `outer.inner`; lists are left out with a note.
pub(crate) fn flat(df: DataFrame, path: &str) -> Result<(DataFrame, Vec<Rejected>), SourceError> {
    let nested =
        |c: &Column| matches!(c.dtype(), DataType::Struct(_) | DataType::List(_) | DataType::Array(..));
    if !df.columns().iter().any(nested) {
        return Ok((df, Vec::new()));
    }
    let n_rows = df.height();
    let mut notes = Vec::new();
    let mut out: Vec<Column> = Vec::new();
    let mut todo: Vec<Column> = df.columns().iter().rev().cloned().collect();
    while let Some(c) = todo.pop() {
        match c.dtype() {
            DataType::Struct(_) => {
                let Ok(s) = c.struct_() else { continue };
                for mut f in s.fields_as_series().into_iter().rev() {
                    f.rename(format!("{}.{}", c.name(), f.name()).into());
                    todo.push(f.into_column());
                }
            }
            DataType::List(_) | DataType::Array(..) => notes.push(Rejected {
                check: "nested_column",
                column: c.name().to_string(),
                n_rows: (c.len() - c.null_count()) as u64,
                row_left_out: false,
                sample: Vec::new(),
            }),
            _ if out.iter().any(|o| o.name() == c.name()) => {}
            _ => out.push(c),
        }
    }
    let df = DataFrame::new(n_rows, out).map_err(|e| SourceError::Malformed {
        path: path.to_owned(),
        row: None,
        message: first_line(&e),
    })?;
    Ok((df, notes))
}

/// The first line of what Polars says: the rest is the query plan.
pub(crate) fn first_line(e: &PolarsError) -> String {
    e.to_string().lines().next().unwrap_or_default().to_owned()
}
