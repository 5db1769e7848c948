//! The workbook: a sheet for each table behind a first sheet that explains them. It does not know what a table means.
//!
//! Text is hostile here as everywhere: it is written as text and nothing else, so that none becomes a formula or a link,
//! and what starts like a formula stays text when somebody edits the cell. The document's time is the run's date, not the
//! clock's, and nothing is written to a temporary file.

use std::borrow::Cow;

use forewarn_frames::output::{OutKind, RunFacts};
use forewarn_frames::time::{Cutoff, DAY, civil_of, day_of};
use polars::prelude::*;
use rust_xlsxwriter::{DocProperties, ExcelDateTime, Format, Workbook, Worksheet, XlsxError};

use super::Sheet;
use super::about::{self, Cell};
use crate::error::{ReportError, table};
use crate::tables::{time_text, to_json};
use crate::text::{cell, visible};

/// The most rows of a sheet below its header.
const MOST_ROWS: usize = 1_048_575;

/// The most cells of the workbook: a cell takes about 200 bytes until the file is written.
pub(super) const MOST_CELLS: usize = 4_500_000;

/// The longest text of a cell, in UTF-16 units.
const LONGEST: usize = 32_767;

/// How a text that was cut ends.
const CUT: &str = " … (cut)";

/// Whole numbers up to here are exact in a sheet, whose numbers are all floats.
const EXACT: u64 = 1 << 53;

/// A tenth larger than at the usual level 6; the whole file takes two thirds of the time.
const LEVEL: u8 = 3;

/// The formats of cells.
struct Formats {
    bold: Format,
    day: Format,
    time: Format,
    quoted: Format,
}

/// The bytes of the workbook.
pub(super) fn workbook(sheets: &[Sheet], facts: &RunFacts) -> Result<Vec<u8>, ReportError> {
    workbook_within(sheets, facts, MOST_CELLS)
}

/// The same with another bound.
fn workbook_within(sheets: &[Sheet], facts: &RunFacts, most_cells: usize) -> Result<Vec<u8>, ReportError> {
    let formats = Formats {
        bold: Format::new().set_bold(),
        day: Format::new().set_num_format("yyyy-mm-dd"),
        time: Format::new().set_num_format("yyyy-mm-dd hh:mm:ss"),
        quoted: Format::new().set_quote_prefix(),
    };
    let most_rows = most_rows(sheets, most_cells);
    let mut book = Workbook::new();
    book.set_zip_compression_level(LEVEL);
    book.set_properties(&properties(facts).map_err(named("About"))?);
    let about = about::rows(sheets, facts, most_rows);
    write_about(book.add_worksheet(), &about, &formats).map_err(named("About"))?;
    for sheet in sheets {
        write_table(book.add_worksheet(), sheet, most_rows, &formats)?;
    }
    book.save_to_buffer().map_err(named("About"))
}

/// Names the sheet that the library complained about.
fn named(sheet: &'static str) -> impl Fn(XlsxError) -> ReportError {
    move |source| ReportError::Workbook { sheet, message: source.to_string() }
}

/// The greatest number of rows to show of each table, so that all cells together stay within the bound: the large tables
/// are cut alike, and the small ones stay whole.
fn most_rows(sheets: &[Sheet], most_cells: usize) -> usize {
    let cells =
        |rows: usize| sheets.iter().map(|s| s.df.height().min(rows) * s.schema.columns.len()).sum::<usize>();
    let (mut low, mut high) = (0, MOST_ROWS);
    while low < high {
        let middle = (low + high).div_ceil(2);
        if cells(middle) <= most_cells {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    low
}

fn properties(facts: &RunFacts) -> Result<DocProperties, XlsxError> {
    // A saved run may say anything; the document needs some time that is not the clock's.
    let day = Cutoff::parse(&facts.as_of).map_or(day_of(2000, 1, 1), Cutoff::day);
    let (year, month, day) = civil_of(day);
    let made = ExcelDateTime::from_ymd(
        u16::try_from(year).unwrap_or(2000),
        u8::try_from(month).unwrap_or(1),
        u8::try_from(day).unwrap_or(1),
    )?;
    Ok(DocProperties::new()
        .set_title(format!("forewarn, as of {}", sheet_text(&facts.as_of)))
        .set_author("forewarn")
        .set_creation_datetime(&made))
}

fn write_about(ws: &mut Worksheet, rows: &[Vec<Cell>], formats: &Formats) -> Result<(), XlsxError> {
    ws.set_name("About")?;
    for (row, cells) in (0..).zip(rows) {
        for (column, cell) in (0..).zip(cells) {
            match cell {
                Cell::Text(text) => write_text(ws, row, column, text, formats)?,
                Cell::Bold(text) => {
                    ws.write_string_with_format(row, column, *text, &formats.bold)?;
                }
                Cell::Whole(n) => {
                    ws.write_number(row, column, *n as f64)?;
                }
            }
        }
    }
    for (column, width) in [(0, 16), (1, 24), (2, 16), (3, 90)] {
        ws.set_column_width(column, width)?;
    }
    Ok(())
}

fn write_table(
    ws: &mut Worksheet,
    sheet: &Sheet,
    most_rows: usize,
    formats: &Formats,
) -> Result<(), ReportError> {
    let (schema, df) = (sheet.schema, &sheet.df);
    let failed = named(schema.name);
    ws.set_name(schema.name).map_err(&failed)?;
    let n_rows = df.height().min(most_rows);
    let mut times = Vec::new();
    for (column, ((name, kind, _), values)) in (0..).zip(schema.columns.iter().zip(df.columns())) {
        ws.write_string_with_format(0, column, *name, &formats.bold).map_err(&failed)?;
        let width = width(name, *kind, values).map_err(table(schema.name))?;
        ws.set_column_width(column, width).map_err(&failed)?;
        times.push(if *kind == OutKind::Time && whole_days(values)? { &formats.day } else { &formats.time });
    }
    let last_column = u16::try_from(schema.columns.len().saturating_sub(1)).unwrap_or(u16::MAX);
    let last_row = u32::try_from(n_rows).unwrap_or(u32::MAX);
    ws.set_freeze_panes(1, 0).map_err(&failed)?;
    ws.autofilter(0, 0, last_row, last_column).map_err(&failed)?;
    for i in 0..n_rows {
        let row = i as u32 + 1;
        for (column, values) in (0..).zip(df.columns()) {
            let value = values.get(i).map_err(table(schema.name))?;
            let time = times[usize::from(column)];
            write_value(ws, row, column, &value, time, formats).map_err(&failed)?;
        }
    }
    Ok(())
}

fn write_value(
    ws: &mut Worksheet,
    row: u32,
    column: u16,
    value: &AnyValue<'_>,
    time: &Format,
    formats: &Formats,
) -> Result<(), XlsxError> {
    match value {
        AnyValue::Null => {}
        AnyValue::Boolean(b) => {
            ws.write_boolean(row, column, *b)?;
        }
        // What is no number has no cell: a sheet knows neither NaN nor the infinities.
        AnyValue::Float64(x) => {
            if x.is_finite() {
                ws.write_number(row, column, *x)?;
            }
        }
        AnyValue::Int64(n) if n.unsigned_abs() <= EXACT => {
            ws.write_number(row, column, *n as f64)?;
        }
        AnyValue::Datetime(at, TimeUnit::Microseconds, _)
        | AnyValue::DatetimeOwned(at, TimeUnit::Microseconds, _) => match serial(*at) {
            Some(serial) => {
                ws.write_number_with_format(row, column, serial, time)?;
            }
            None => write_text(ws, row, column, &time_text(*at), formats)?,
        },
        AnyValue::String(text) => write_text(ws, row, column, text, formats)?,
        AnyValue::StringOwned(text) => write_text(ws, row, column, text, formats)?,
        other => write_text(ws, row, column, &to_json(other).to_string(), formats)?,
    }
    Ok(())
}

/// Writes text as text, whatever it says.
fn write_text(
    ws: &mut Worksheet,
    row: u32,
    column: u16,
    text: &str,
    formats: &Formats,
) -> Result<(), XlsxError> {
    let shown = sheet_text(text);
    if shown.is_empty() {
        return Ok(());
    }
    // What a spreadsheet would take for a formula, were it typed, is marked as text for whoever edits the cell.
    if matches!(cell(text), Cow::Owned(_)) {
        ws.write_string_with_format(row, column, shown, &formats.quoted)?;
    } else {
        ws.write_string(row, column, shown)?;
    }
    Ok(())
}

/// The text as a cell can hold it: unseen characters and those that XML refuses are made visible, and what is too long is
/// cut and says so.
fn sheet_text(text: &str) -> Cow<'_, str> {
    // No more than could fit is looked at.
    let head = text.char_indices().nth(LONGEST).map_or(text, |(at, _)| &text[..at]);
    let mut shown = visible(head);
    if head.len() < text.len() || shown.encode_utf16().count() > LONGEST {
        let (mut room, mut end) = (LONGEST - CUT.encode_utf16().count(), 0);
        for c in shown.chars() {
            let Some(left) = room.checked_sub(c.len_utf16()) else { break };
            (room, end) = (left, end + c.len_utf8());
        }
        shown = Cow::Owned(format!("{}{CUT}", &shown[..end]));
    }
    // The library takes such a text for the markup of formatted text and writes it as it is, tags and all.
    if shown.starts_with("<r>") && shown.ends_with("</r>") {
        shown.to_mut().push(' ');
    }
    shown
}

/// The number that is this time in a sheet: days since 1899-12-30. `None` where sheets have no such date, or before March
/// 1900, where they count a day that never was.
fn serial(at: i64) -> Option<f64> {
    let (first, end) = (day_of(1900, 3, 1), day_of(10_000, 1, 1));
    let day = at.div_euclid(DAY);
    (i64::from(first)..i64::from(end)).contains(&day).then(|| {
        let whole = day - i64::from(day_of(1899, 12, 30));
        whole as f64 + at.rem_euclid(DAY) as f64 / DAY as f64
    })
}

/// Whether every time of the column is a midnight, and so a date.
fn whole_days(column: &Column) -> Result<bool, ReportError> {
    let times = column.datetime().map_err(table(column.name()))?;
    Ok(times.phys.iter().flatten().all(|at| at.rem_euclid(DAY) == 0))
}

/// A width, in characters, for the name with its filter button and the first texts.
fn width(name: &str, kind: OutKind, values: &Column) -> PolarsResult<f64> {
    let content = match kind {
        OutKind::Text => {
            let first = values.head(Some(100));
            first.str()?.iter().flatten().map(|t| t.chars().take(60).count()).max().unwrap_or(0)
        }
        OutKind::Time => 18,
        OutKind::Number | OutKind::Whole | OutKind::Flag => 10,
        OutKind::Modes | OutKind::Reasons | OutKind::Texts => 40,
    };
    Ok((content.max(name.len() + 3) + 1) as f64)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use forewarn_frames::output::{METRICS, RISK, TableSchema};

    use super::*;

    fn sheet(schema: &'static TableSchema, rows: usize) -> Sheet {
        let nulls = schema.columns.iter().map(|(n, k, _)| Column::full_null((*n).into(), rows, &k.dtype()));
        Sheet { schema, df: DataFrame::new(rows, nulls.collect()).unwrap() }
    }

    #[test]
    fn large_tables_are_cut_alike_and_small_ones_stay_whole() {
        // Six columns and seven.
        let sheets = [sheet(&RISK, 1000), sheet(&METRICS, 10)];
        let check = |most_cells: usize, want: usize| assert_eq!(most_rows(&sheets, most_cells), want);
        check(usize::MAX, MOST_ROWS);
        check(6070, MOST_ROWS);
        check(6069, 999);
        check(670, 100);
        check(0, 0);
    }

    #[test]
    fn a_cut_is_told_on_the_first_sheet() {
        let facts = crate::tests::facts();
        let sheets = [sheet(&RISK, 1000), sheet(&METRICS, 10)];
        let notes = |most_cells: usize| {
            let rows = about::rows(&sheets, &facts, most_rows(&sheets, most_cells));
            rows.iter().filter(|r| matches!(r.get(2), Some(Cell::Text(t)) if t.starts_with("cut"))).count()
        };
        assert_eq!((notes(MOST_CELLS), notes(670)), (0, 1));
        let whole = workbook_within(&sheets, &facts, MOST_CELLS).unwrap();
        assert_eq!(whole, workbook(&sheets, &facts).unwrap());
        assert_ne!(whole, workbook_within(&sheets, &facts, 670).unwrap());
    }

    #[test]
    fn times_are_days_since_1899() {
        let at = |year, month, day| i64::from(day_of(year, month, day)) * DAY;
        assert_eq!(serial(at(1900, 3, 1)), Some(61.0));
        assert_eq!(serial(at(2024, 1, 3) + DAY / 4), Some(45_294.25));
        assert_eq!(serial(at(9999, 12, 31)), Some(2_958_465.0));
        assert_eq!(
            (serial(at(1900, 3, 1) - 1), serial(at(10_000, 1, 1)), serial(i64::MIN)),
            (None, None, None)
        );
    }
}
