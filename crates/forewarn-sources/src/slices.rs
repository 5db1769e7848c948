//! One file of telemetry, slice by slice: never more than a few million cells at once, however large the file is. It does
//! not know what a column means.

use std::fs::File;
use std::io::{Cursor, Read};

use polars::io::mmap::MmapBytesReader;
use polars::prelude::*;

use crate::csv::CsvSlices;
use crate::error::SourceError;
use crate::files::Input;
use crate::handed;
use crate::limits::Limits;
use crate::read::{
    Format, Packing, RawTable, RowNumbers, as_text, check_bytes, first_line, flat, format_of, guarded,
    malformed, open, parse, read_bytes, read_ndjson,
};

/// Up to so many bytes a Parquet file is read whole, and looked over before it is believed.
const LOOKED_OVER: u64 = 256 << 20;
/// How many bytes of text hold a cell, about.
const BYTES: usize = 4;

/// Text of a file in blocks that end where a record may, with what a record needs beyond its block kept for the next.
pub(crate) struct Blocks<'a> {
    reader: Box<dyn Read + 'a>,
    path: &'a str,
    limits: Limits,
    /// The size of the file as it lies, where it is packed.
    packed: Option<u64>,
    block: Vec<u8>,
    /// How many bytes lie before the block, and how many lines.
    before: (u64, u64),
    pub(crate) ended: bool,
    size: usize,
}

impl<'a> Blocks<'a> {
    fn new(
        (file, bytes): (File, u64),
        packing: Packing,
        path: &'a str,
        (limits, cells): (Limits, usize),
    ) -> Result<Self, SourceError> {
        let unpacks = |e: std::io::Error| malformed(path, format!("cannot be unpacked: {e}"));
        let (reader, packed): (Box<dyn Read>, _) = match packing {
            Packing::None => (Box::new(file), None),
            Packing::Gzip => (Box::new(flate2::read::MultiGzDecoder::new(file)), Some(bytes)),
            Packing::Zstd => (Box::new(zstd::Decoder::new(file).map_err(unpacks)?), Some(bytes)),
        };
        Ok(Self {
            reader,
            path,
            limits,
            packed,
            block: Vec::new(),
            before: (0, 0),
            ended: false,
            size: (cells * BYTES).max(1),
        })
    }

    /// Drops the first `used` bytes of the block and reads on. Nothing used means that the block is too short for what
    /// begins in it.
    pub(crate) fn next(&mut self, used: usize) -> Result<(), SourceError> {
        let lines = self.block[..used].split(|b| *b == b'\n').count() as u64 - 1;
        self.before = (self.before.0 + used as u64, self.before.1 + lines);
        self.block.drain(..used);
        if used == 0 && !self.block.is_empty() {
            self.size *= 2;
        }
        let wanted = self.size.saturating_sub(self.block.len()) as u64;
        let failed = |e: std::io::Error| match self.packed {
            None => SourceError::Unreadable { path: self.path.to_owned(), reason: e.to_string() },
            Some(_) => malformed(self.path, format!("cannot be unpacked: {e}")),
        };
        let n = self.reader.by_ref().take(wanted).read_to_end(&mut self.block).map_err(failed)? as u64;
        self.ended = n < wanted;
        let total = self.before.0 + self.block.len() as u64;
        match self.packed {
            Some(packed) => self.limits.unpacked(total, packed, self.path),
            None => self.limits.bytes(total, self.path),
        }
    }

    /// The block as text, whole characters only.
    pub(crate) fn text(&self) -> Result<&str, SourceError> {
        let whole = match std::str::from_utf8(&self.block) {
            Err(e) if !self.ended && e.error_len().is_none() => e.valid_up_to(),
            _ => self.block.len(),
        };
        let first = self.before.0 == 0;
        as_text(&self.block[..whole], self.path, first).map_err(|e| match e {
            SourceError::NotUtf8 { path, row, byte, found } => {
                SourceError::NotUtf8 { path, row: row + self.before.1, byte: byte + self.before.0, found }
            }
            SourceError::Binary { path, byte, looks_like } => {
                SourceError::Binary { path, byte: byte + self.before.0, looks_like }
            }
            other => other,
        })
    }

    /// Whether the block begins with a byte order mark, which is no text.
    pub(crate) fn mark(&self) -> usize {
        if self.before.0 == 0 && self.block.starts_with("\u{feff}".as_bytes()) { 3 } else { 0 }
    }
}

/// Reads a file slice by slice, of about so many `cells` each; `each` is handed every slice in the order of the rows.
///
/// # Errors
///
/// The file cannot be read or is not what its name says, or the first error of `each`.
pub(crate) fn slices(
    file: &Input,
    delimiter: Option<u8>,
    (limits, cells): (Limits, usize),
    each: &mut dyn FnMut(RawTable) -> Result<(), SourceError>,
) -> Result<(), SourceError> {
    let path = file.shown.as_str();
    if let Some(table) = &file.given {
        return handed::slices(&**table, path, (limits, cells), each);
    }
    let (format, packing) = format_of(path)?;
    let handle = open(&file.full, path, limits)?;
    match format {
        // No tool packs what is packed already; one that did is read whole.
        Format::Parquet if packing != Packing::None => {
            let bytes = read_bytes(&file.full, path, limits)?;
            each(parse(bytes, path, delimiter, limits)?.1)
        }
        // A file that is not large is looked over whole before a reader believes it.
        Format::Parquet if handle.1 <= LOOKED_OVER => {
            let bytes = read_bytes(&file.full, path, limits)?;
            check_bytes(&bytes, path, bytes.len() as u64, limits)?;
            parquet(&|| Ok(Cursor::new(bytes.as_slice())), path, (limits, cells), each)
        }
        Format::Parquet => {
            let again = || handle.0.try_clone().map_err(|e| malformed(path, e.to_string()));
            parquet(&again, path, (limits, cells), each)
        }
        Format::Csv => {
            let mut blocks = Blocks::new(handle, packing, path, (limits, cells))?;
            let mut csv: Option<CsvSlices> = None;
            let mut used = 0;
            loop {
                blocks.next(used)?;
                let (text, mark) = (blocks.text()?, blocks.mark());
                if csv.is_none() && text.len() == mark && blocks.ended {
                    return Err(SourceError::Empty { path: path.to_owned() });
                }
                let (slice, n) = guarded(path, || {
                    CsvSlices::next(&mut csv, text, path, (delimiter, limits), blocks.ended)
                })?;
                used = n + mark;
                if let Some(slice) = slice {
                    each(slice)?;
                }
                if blocks.ended {
                    return csv.map_or(Ok(()), |c| c.end(path, limits));
                }
            }
        }
        Format::Ndjson => {
            let mut blocks = Blocks::new(handle, packing, path, (limits, cells))?;
            let (mut used, mut line, mut any) = (0, 0u32, false);
            loop {
                blocks.next(used)?;
                let (text, mark) = (blocks.text()?, blocks.mark());
                let end = if blocks.ended { text.len() } else { text.rfind('\n').map_or(0, |i| i + 1) };
                let part = &text[..end];
                used = end + mark;
                if !part.trim().is_empty() {
                    any = true;
                    let mut raw = guarded(path, || read_ndjson(part, path, part.len() as u64, limits, line))?;
                    raw.delimiter = None;
                    each(raw)?;
                }
                line += part.lines().count() as u32;
                if blocks.ended {
                    return if any { Ok(()) } else { Err(SourceError::Empty { path: path.to_owned() }) };
                }
            }
        }
    }
}

/// The rows of a Parquet file up to the end of each group of rows, where the file claims no more than it may.
fn groups<R: MmapBytesReader>(
    reader: &mut ParquetReader<R>,
    path: &str,
    limits: Limits,
) -> Result<Vec<usize>, SourceError> {
    let refused = |e: PolarsError| malformed(path, first_line(&e));
    limits.rows(reader.num_rows().map_err(refused)? as u64, path)?;
    let groups = &reader.get_metadata().map_err(refused)?.row_groups;
    limits.bytes(groups.iter().map(|g| g.total_byte_size() as u64).fold(0, u64::saturating_add), path)?;
    let ends = groups.iter().scan(0, |end, g| {
        *end += g.num_rows();
        Some(*end)
    });
    Ok(ends.collect())
}

fn parquet<R: MmapBytesReader>(
    open: &dyn Fn() -> Result<R, SourceError>,
    path: &str,
    (limits, cells): (Limits, usize),
    each: &mut dyn FnMut(RawTable) -> Result<(), SourceError>,
) -> Result<(), SourceError> {
    let mut at = 0;
    loop {
        let file = open()?;
        let (raw, end) = guarded(path, || {
            let mut reader = ParquetReader::new(file);
            let ends = groups(&mut reader, path, limits)?;
            let n_columns = reader.schema().map_err(|e| malformed(path, e.to_string()))?.len();
            if n_columns as u64 > limits.max_columns {
                return Err(limits.columns(path, None));
            }
            let most = (cells / n_columns.max(1)).max(1);
            // Up to the end of a group of rows where that is near, so that no group is unpacked twice.
            let within = ends.iter().copied().take_while(|e| *e <= at + most).filter(|e| *e > at).last();
            let last = ends.last().copied().unwrap_or(0);
            let end = within.unwrap_or((at + most).min(last));
            let df = reader
                .with_slice(Some((at, end - at)))
                .finish()
                .map_err(|e| malformed(path, first_line(&e)))?;
            let (df, notes) = flat(df, path)?;
            crate::read::cells(&df, path, &limits)?;
            let rows = RowNumbers::From(at as u64 + 1);
            Ok((RawTable { df, rows, notes, delimiter: None }, (end, last)))
        })?;
        let (end, last) = end;
        each(raw)?;
        at = end;
        if at >= last {
            return Ok(());
        }
    }
}
