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
use crate::json_shape::JsonShape;
use crate::limits::{Limits, regular};
use crate::parquet_claims;

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

pub(crate) fn malformed(path: &str, message: String) -> SourceError {
    SourceError::Malformed { path: path.to_owned(), row: None, message }
}

fn unreadable(path: &str, e: &std::io::Error) -> SourceError {
    SourceError::Unreadable { path: path.to_owned(), reason: e.to_string() }
}

/// Opens a file that is not larger than it may be; gives its size too.
pub(crate) fn open(full: &Path, path: &str, limits: Limits) -> Result<(File, u64), SourceError> {
    regular(full, path)?;
    let file = File::open(full).map_err(|e| unreadable(path, &e))?;
    let n = file.metadata().map_err(|e| unreadable(path, &e))?.len();
    limits.bytes(n, path)?;
    Ok((file, n))
}

/// The bytes of a file as they lie on disk.
pub(crate) fn read_bytes(full: &Path, path: &str, limits: Limits) -> Result<Vec<u8>, SourceError> {
    let unreadable = |e: std::io::Error| unreadable(path, &e);
    let (mut file, n) = open(full, path, limits)?;
    let mut bytes = Vec::with_capacity(n as usize);
    // A file that grows is cut at the cap too, and so are those that give more than they say, as in `/proc`.
    (&mut file).take(limits.max_file_bytes + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    limits.bytes(bytes.len() as u64, path)?;
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
        limits.unpacked(out.len() as u64, n_packed, path)?;
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
    let n_packed = bytes.len() as u64;
    let bytes = unpack(bytes, packing, path, limits)?;
    let raw = guarded(path, || match format {
        Format::Csv => read_csv(as_text(&bytes, path, true)?, path, delimiter, limits),
        Format::Ndjson => read_ndjson(as_text(&bytes, path, true)?, path, n_packed, limits, 0),
        Format::Parquet => read_parquet(&bytes, path, n_packed, limits),
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

/// Whether bytes are a Parquet file that claims no more than it may.
pub(crate) fn check_bytes(
    bytes: &[u8],
    path: &str,
    n_packed: u64,
    limits: Limits,
) -> Result<(), SourceError> {
    if !bytes.starts_with(b"PAR1") {
        return Err(malformed(path, "is no Parquet file".into()));
    }
    // What the file says of itself is looked at before the reader believes it and makes room.
    parquet_claims::check(bytes, path, n_packed, &limits)
}

fn read_parquet(bytes: &[u8], path: &str, n_packed: u64, limits: Limits) -> Result<RawTable, SourceError> {
    check_bytes(bytes, path, n_packed, limits)?;
    let df = ParquetReader::new(Cursor::new(bytes)).finish().map_err(|e| malformed(path, first_line(&e)))?;
    let (df, notes) = flat(df, path)?;
    cells(&df, path, &limits)?;
    Ok(RawTable { df, rows: RowNumbers::From(1), notes, delimiter: None })
}

/// Refuses a text that is longer than a cell may be.
pub(crate) fn cells(df: &DataFrame, path: &str, limits: &Limits) -> Result<(), SourceError> {
    for c in df.columns() {
        let Ok(text) = c.str() else { continue };
        let too_long = |s: Option<&str>| s.is_some_and(|s| s.len() as u64 > limits.max_cell_bytes);
        if let Some(i) = text.iter().position(too_long) {
            let n = text.get(i).map(|s| s.len() as u64);
            return Err(limits.cell(path, i as u64 + 1, "cell", n));
        }
    }
    Ok(())
}

/// Lines of a block in which a bad one is looked for, and blocks in which it is.
const LINES: usize = 1_000;
const MOST_BLOCKS: usize = 20;

/// Reads lines of JSON objects; the first line has the number `before` + 1, and `n_packed` bytes of the file hold them.
pub(crate) fn read_ndjson(
    text: &str,
    path: &str,
    n_packed: u64,
    limits: Limits,
    before: u32,
) -> Result<RawTable, SourceError> {
    let mut shape = JsonShape::default();
    let mut lines: Vec<u32> = Vec::new();
    for (line, i) in text.lines().zip(before.saturating_add(1)..).filter(|(l, _)| !l.trim().is_empty()) {
        shape.line(line, u64::from(i), path, &limits)?;
        lines.push(i);
        limits.rows(lines.len() as u64, path)?;
    }
    if lines.is_empty() {
        return Err(SourceError::Empty { path: path.to_owned() });
    }
    // A key that a single line has is a column in all.
    limits.table(lines.len() as u64, shape.n_columns(), n_packed, path)?;
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
            let readable = |part: &str| guarded(path, || Ok(read(part).ok())).ok().flatten();
            let is_object = |l: &str| l.trim_start().starts_with('{') && readable(l).is_some();
            // By blocks first: a reader for each of millions of good lines takes hours.
            let all: Vec<(usize, &str)> =
                text.lines().enumerate().filter(|(_, l)| !l.trim().is_empty()).collect();
            let suspect = |block: &&[(usize, &str)]| {
                let part: Vec<&str> = block.iter().map(|(_, l)| *l).collect();
                readable(&part.join("\n")).is_none_or(|df| df.height() != block.len())
            };
            let mut blocks = all.chunks(LINES).filter(suspect).take(MOST_BLOCKS);
            let bad = blocks.find_map(|block| block.iter().find(|(_, l)| !is_object(l)));
            let row = bad.map(|(i, _)| u64::from(before) + *i as u64 + 1);
            let message = match other {
                _ if row.is_some() => "is no JSON object".to_owned(),
                Ok(df) => format!("found {} objects in {} lines", df.height(), lines.len()),
                Err(e) => first_line(&e),
            };
            Err(SourceError::Malformed { path: path.to_owned(), row, message })
        }
    }
}

/// Objects in cells become columns `outer.inner`; lists are left out with a note. Categories are their words.
pub(crate) fn flat(mut df: DataFrame, path: &str) -> Result<(DataFrame, Vec<Rejected>), SourceError> {
    let nested =
        |c: &Column| matches!(c.dtype(), DataType::Struct(_) | DataType::List(_) | DataType::Array(..));
    let n_rows = df.height();
    // The reader of a damaged Parquet file may give columns of different lengths.
    if let Some(c) = df.columns().iter().find(|c| c.len() != n_rows) {
        let message = format!("column `{}` holds {} values in a table of {n_rows} rows", c.name(), c.len());
        return Err(SourceError::Malformed { path: path.to_owned(), row: None, message });
    }
    let coded = |c: &&Column| matches!(c.dtype(), DataType::Categorical(..) | DataType::Enum(..));
    let words: PolarsResult<Vec<Column>> =
        df.columns().iter().filter(coded).map(|c| c.cast(&DataType::String)).collect();
    for column in words.map_err(|e| malformed(path, first_line(&e)))? {
        df.with_column(column).map_err(|e| malformed(path, first_line(&e)))?;
    }
    if !df.columns().iter().any(nested) {
        return Ok((df, Vec::new()));
    }
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
