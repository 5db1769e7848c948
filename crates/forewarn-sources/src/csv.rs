//! Reads CSV as text, cell by cell, so that a bad cell can be named by its row. It does not know what a cell means.
//!
//! Fields may be quoted, with newlines and doubled quotes in them; a row is a record, the header is row 1. Empty fields are
//! missing. Rows with another number of fields are left out and counted, up to one in ten.

use std::collections::BTreeMap;

use forewarn_frames::checks::Rejected;
use polars::prelude::*;

use crate::error::SourceError;
use crate::limits::Limits;
use crate::read::{RawTable, RowNumbers, malformed};

const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// The fields of one record at a time.
struct Records<'a> {
    text: &'a str,
    at: usize,
    delimiter: u8,
    /// The fields: where they stand, or what they say with doubled quotes made single.
    fields: Vec<Field<'a>>,
    open_quote: bool,
    limits: Limits,
    /// What the record holds too much of; it is not read on then.
    over: Option<Over>,
}

/// What a record may hold too much of.
#[derive(Clone, Copy)]
enum Over {
    Columns,
    /// The bytes of a cell, where they were counted to the end.
    Cell(Option<u64>),
}

enum Field<'a> {
    Plain(&'a str),
    Unquoted(String),
}

impl Field<'_> {
    fn as_str(&self) -> &str {
        match self {
            Self::Plain(s) => s,
            Self::Unquoted(s) => s,
        }
    }
}

impl<'a> Records<'a> {
    fn new(text: &'a str, delimiter: u8, limits: Limits) -> Self {
        Self { text, at: 0, delimiter, fields: Vec::new(), open_quote: false, limits, over: None }
    }

    /// Refuses the record where it holds too much.
    fn check(&self, path: &str, row: u32) -> Result<(), SourceError> {
        let row = u64::from(row);
        match self.over {
            Some(Over::Columns) => Err(self.limits.columns(path, Some(row))),
            Some(Over::Cell(n)) => Err(self.limits.cell(path, row, "cell", n)),
            None if self.open_quote => Err(SourceError::OpenQuote { path: path.to_owned(), row }),
            None => Ok(()),
        }
    }

    /// Whether the record reaches the end of a text that is not `ended`, and may go on behind it.
    fn breaks_off(&self, ended: bool) -> bool {
        !ended && self.over.is_none() && self.at >= self.text.len()
    }

    /// Reads the next record into `fields`; false at the end.
    fn next(&mut self) -> bool {
        let bytes = self.text.as_bytes();
        self.fields.clear();
        if self.at >= bytes.len() {
            return false;
        }
        loop {
            let ended = if bytes.get(self.at) == Some(&b'"') { self.quoted() } else { self.plain() };
            if let Some(n) = self.fields.last().map(|f| f.as_str().len() as u64)
                && n > self.limits.max_cell_bytes
            {
                self.over = self.over.or(Some(Over::Cell(Some(n))));
            } else if self.fields.len() as u64 > self.limits.max_columns {
                self.over = Some(Over::Columns);
            }
            if ended || self.over.is_some() {
                return true;
            }
        }
    }

    /// Moves past a delimiter or the end of a line; true where the record ends.
    fn step(&mut self) -> bool {
        let bytes = self.text.as_bytes();
        match bytes.get(self.at) {
            Some(c) if *c == self.delimiter => {
                self.at += 1;
                false
            }
            Some(b'\r') if bytes.get(self.at + 1) == Some(&b'\n') => {
                self.at += 2;
                true
            }
            Some(_) => {
                self.at += 1;
                true
            }
            None => true,
        }
    }

    fn plain(&mut self) -> bool {
        let bytes = self.text.as_bytes();
        let start = self.at;
        while let Some(c) = bytes.get(self.at) {
            if *c == self.delimiter || *c == b'\n' || *c == b'\r' {
                break;
            }
            self.at += 1;
        }
        self.fields.push(Field::Plain(&self.text[start..self.at]));
        self.step()
    }

    fn quoted(&mut self) -> bool {
        let bytes = self.text.as_bytes();
        self.at += 1;
        let start = self.at;
        let mut owned = String::new();
        let mut from = start;
        loop {
            match bytes.get(self.at) {
                None => {
                    self.open_quote = true;
                    self.fields.push(Field::Plain(&self.text[start..]));
                    return true;
                }
                // Every byte of the text may be a doubled quote; what is longer is not looked at to its end.
                Some(_) if (self.at - start) as u64 / 2 > self.limits.max_cell_bytes => {
                    self.over = Some(Over::Cell(None));
                    return true;
                }
                Some(b'"') if bytes.get(self.at + 1) == Some(&b'"') => {
                    owned.push_str(&self.text[from..=self.at]);
                    self.at += 2;
                    from = self.at;
                }
                Some(b'"') => break,
                Some(_) => self.at += 1,
            }
        }
        let inside = &self.text[from..self.at];
        self.at += 1;
        // Some writers go on after the closing quote: what follows belongs to the field.
        let tail = self.at;
        while let Some(c) = bytes.get(self.at) {
            if *c == self.delimiter || *c == b'\n' || *c == b'\r' {
                break;
            }
            self.at += 1;
        }
        let tail = &self.text[tail..self.at];
        if owned.is_empty() && tail.is_empty() {
            self.fields.push(Field::Plain(inside));
        } else {
            owned.push_str(inside);
            owned.push_str(tail);
            self.fields.push(Field::Unquoted(owned));
        }
        self.step()
    }

    fn is_blank(&self) -> bool {
        self.fields.len() == 1 && self.fields[0].as_str().trim().is_empty()
    }
}

/// The delimiter whose number in the first records is the same most often, then the greatest; a comma without any.
fn detect_delimiter(text: &str, limits: Limits) -> u8 {
    let mut best = (0usize, 0usize, b',');
    for d in DELIMITERS {
        let mut records = Records::new(text, d, limits);
        let mut expected = 0;
        let mut alike = 0;
        for n in 0..50 {
            if !records.next() {
                break;
            }
            if n == 0 {
                expected = records.fields.len();
            }
            alike += usize::from(records.fields.len() == expected);
            if records.over.is_some() {
                break;
            }
        }
        if expected > 1 && (alike, expected) > (best.0, best.1) {
            best = (alike, expected, d);
        }
    }
    best.2
}

/// A CSV text that is read block by block: what its header said, and how many rows came so far.
#[derive(Debug)]
pub(crate) struct CsvSlices {
    delimiter: u8,
    names: Vec<String>,
    row: u32,
    n_rows: u64,
    n_ragged: u64,
    /// The first row that is ragged, and how many fields it has.
    ragged: Option<(u32, usize)>,
}

impl CsvSlices {
    /// The header of a text, with where it ends; `None` where the text breaks off before that.
    fn begin(
        text: &str,
        path: &str,
        (delimiter, limits): (Option<u8>, Limits),
        ended: bool,
    ) -> Result<(Option<Self>, usize), SourceError> {
        let delimiter = delimiter.unwrap_or_else(|| detect_delimiter(text, limits));
        let mut records = Records::new(text, delimiter, limits);
        let mut row = 0u32;
        loop {
            if !records.next() {
                return if ended { Err(SourceError::Empty { path: path.to_owned() }) } else { Ok((None, 0)) };
            }
            row += 1;
            if records.breaks_off(ended) {
                return Ok((None, 0));
            }
            records.check(path, row)?;
            if !records.is_blank() {
                break;
            }
        }
        let names = header(&records.fields);
        Ok((Some(Self { delimiter, names, row, n_rows: 0, n_ragged: 0, ragged: None }), records.at))
    }

    /// Reads what is whole in a block of text (no BOM) and gives it with the number of bytes that it took; `csv` is `None`
    /// before the header. A block that is not the last one keeps the record that it breaks off.
    pub(crate) fn next(
        csv: &mut Option<Self>,
        text: &str,
        path: &str,
        (delimiter, limits): (Option<u8>, Limits),
        ended: bool,
    ) -> Result<(Option<RawTable>, usize), SourceError> {
        let mut from = 0;
        if csv.is_none() {
            (*csv, from) = Self::begin(text, path, (delimiter, limits), ended)?;
        }
        let Some(csv) = csv else { return Ok((None, 0)) };
        let mut records = Records::new(text, csv.delimiter, limits);
        records.at = from;
        let mut cells: Vec<StringChunkedBuilder> =
            csv.names.iter().map(|n| StringChunkedBuilder::new(n.as_str().into(), 0)).collect();
        let mut numbers = Vec::new();
        let mut ragged: Vec<(u32, usize)> = Vec::new();
        let mut used = from;
        let before = csv.n_rows + csv.n_ragged;
        while records.next() {
            if records.breaks_off(ended) {
                break;
            }
            used = records.at;
            // Rows are numbered by 32 bits, blank ones too.
            csv.row = csv.row.saturating_add(1);
            limits.rows(before + (numbers.len() + ragged.len()) as u64, path)?;
            records.check(path, csv.row)?;
            if records.is_blank() {
                continue;
            }
            let extra = records.fields.iter().skip(csv.names.len()).any(|f| !f.as_str().is_empty());
            if records.fields.len() < csv.names.len() || extra {
                ragged.push((csv.row, records.fields.len()));
                continue;
            }
            for (field, cell) in records.fields.iter().zip(&mut cells) {
                match field.as_str() {
                    "" => cell.append_null(),
                    s => cell.append_value(s),
                }
            }
            numbers.push(csv.row);
        }
        let n_rows = numbers.len();
        csv.n_rows += n_rows as u64;
        csv.n_ragged += ragged.len() as u64;
        csv.ragged = csv.ragged.or_else(|| ragged.first().copied());
        let columns = cells.into_iter().map(|b| b.finish().into_column()).collect();
        let df = DataFrame::new(n_rows, columns).map_err(|e| malformed(path, e.to_string()))?;
        let mut notes = Vec::new();
        if !ragged.is_empty() {
            let told = |(r, n): &(u32, usize)| format!("row {r}: {n} fields, expected {}", csv.names.len());
            notes.push(Rejected {
                check: "ragged_rows",
                column: "*".into(),
                n_rows: ragged.len() as u64,
                row_left_out: true,
                sample: ragged.iter().take(5).map(told).collect(),
            });
        }
        let rows = RowNumbers::Listed(numbers);
        Ok((Some(RawTable { df, rows, notes, delimiter: Some(csv.delimiter) }), used))
    }

    /// Whether the text was CSV at all: at most one row in ten may be ragged.
    pub(crate) fn end(&self, path: &str, limits: Limits) -> Result<(), SourceError> {
        let all = self.n_ragged + self.n_rows;
        limits.rows(all, path)?;
        match self.ragged.filter(|_| self.n_ragged * 10 > all) {
            None => Ok(()),
            Some((first, found)) => Err(SourceError::Ragged {
                path: path.to_owned(),
                row: u64::from(first),
                found,
                expected: self.names.len(),
                n_rows: self.n_ragged,
            }),
        }
    }
}

/// Reads a whole CSV text (no BOM).
pub(crate) fn read_csv(
    text: &str,
    path: &str,
    delimiter: Option<u8>,
    limits: Limits,
) -> Result<RawTable, SourceError> {
    let mut csv = None;
    let (raw, _) = CsvSlices::next(&mut csv, text, path, (delimiter, limits), true)?;
    let (Some(raw), Some(csv)) = (raw, csv) else { return Err(SourceError::Empty { path: path.to_owned() }) };
    csv.end(path, limits)?;
    Ok(raw)
}

/// Trimmed names; an empty one becomes `column 3`, a repeated one `Comment#2`.
fn header(fields: &[Field<'_>]) -> Vec<String> {
    let mut names: Vec<String> = Vec::with_capacity(fields.len());
    // Each name with the number of the last column that was given it.
    let mut taken: BTreeMap<String, usize> = BTreeMap::new();
    for (i, f) in fields.iter().enumerate() {
        let plain = match f.as_str().trim() {
            "" => format!("column {}", i + 1),
            s => s.to_owned(),
        };
        let mut name = plain.clone();
        let mut n = taken.get(&plain).copied().unwrap_or(0);
        while taken.contains_key(&name) {
            n = n.max(1) + 1;
            name = format!("{plain}#{n}");
        }
        taken.insert(plain, n);
        taken.entry(name.clone()).or_insert(1);
        names.push(name);
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write as _;

    fn shown(text: &str, delimiter: Option<u8>) -> String {
        match read_csv(text, "t.csv", delimiter, Limits::default()) {
            Err(e) => e.to_string(),
            Ok(raw) => {
                let names: Vec<&str> = raw.df.get_column_names().iter().map(|n| n.as_str()).collect();
                let mut out = names.join("|");
                for i in 0..raw.df.height() {
                    let cells: Vec<&str> =
                        raw.df.columns().iter().map(|c| c.str().unwrap().get(i).unwrap_or("·")).collect();
                    let _ = write!(out, " / {}: {}", raw.rows.get(i), cells.join("|"));
                }
                for n in raw.notes {
                    let _ = write!(out, " / {} {}", n.check, n.n_rows);
                }
                out
            }
        }
    }

    #[test]
    fn cells_come_out_as_they_went_in() {
        let check = |text: &str, expected: &str| assert_eq!(shown(text, None), expected, "{text:?}");
        check("a,b\n1,2\n", "a|b / 2: 1|2");
        check("a;b\r\n1;2,5\r\n", "a|b / 2: 1|2,5");
        check("a\tb\n1\t\n", "a|b / 2: 1|·");
        check("a|b\n1|2", "a|b / 2: 1|2");
        check("a,b\n\"x\ny\",\"say \"\"hi\"\"\"\n3,4\n", "a|b / 2: x\ny|say \"hi\" / 3: 3|4");
        check("a,b\n\"1;2;3\",4\n", "a|b / 2: 1;2;3|4");
        check("a,b\r1,2\r", "a|b / 2: 1|2");
        check("\n a , b \n1,2\n\n3,4\n", "a|b / 3: 1|2 / 5: 3|4");
        check("a,a,\n1,2,3\n", "a|a#2|column 3 / 2: 1|2|3");
        check("a,b\n1,2,,\n", "a|b / 2: 1|2");
        check("a,b\n", "a|b");
        check("", "`t.csv`: is empty");
        check("a\n1\n\n", "a / 2: 1");
        check("a,b\n1\n2\n", "`t.csv`, row 2: found 1 fields, expected 2 (2 such rows)");
        check("a,b\n1,\"2\n3,4\n", "`t.csv`, row 2: a quote is opened and never closed");
        let many = format!("a,b\n{}oops\n", "1,2\n".repeat(20));
        assert!(shown(&many, None).ends_with("/ ragged_rows 1"));
        assert_eq!(shown("a;b,c\n1;2,3\n", Some(b';')), "a|b,c / 2: 1|2,3");
    }
}
