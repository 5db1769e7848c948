//! Tables as Parquet, CSV, JSON and terminal text. It does not know what a table means, or where its bytes go.

use std::fmt::Write as _;
use std::io::{Cursor, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};

use forewarn_frames::output::{SCHEMA_VERSION, TABLES};
use polars::io::parquet::write::KeyValueMetadata;
use polars::prelude::*;
use serde_json::{Map, Value, json};

use crate::error::{ReportError, table};
use crate::text::{cell, foreign};

/// Rows of a row group: fixed, so that the bytes do not depend on how a table was put together.
const ROW_GROUP: usize = 131_072;

/// The widest cell of a table in the terminal, in characters.
const CELL: usize = 60;

/// How a table is printed.
///
/// # Example
///
/// ```
/// use forewarn_report::Format;
/// assert_eq!(Format::parse("csv"), Some(Format::Csv));
/// assert_eq!(Format::parse("xlsx"), None);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// Aligned columns for a terminal.
    #[default]
    Table,
    /// Comma-separated values, safe in a spreadsheet.
    Csv,
    /// An array of row objects.
    Json,
}

impl Format {
    /// Reads `table`, `csv` or `json`; `None` for any other text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "table" => Some(Self::Table),
            "csv" => Some(Self::Csv),
            "json" => Some(Self::Json),
            _ => None,
        }
    }
}

/// Writes a table as Parquet: zstd, and the file's metadata says `schema_version` and `table`. If `name` is one of our
/// output tables, the table must be what its schema says.
///
/// # Errors
///
/// The table is not what its schema says, or the writer fails.
///
/// # Example
///
/// ```
/// use forewarn_frames::output::{RANKING, RISK};
/// let mut bytes = Vec::new();
/// forewarn_report::write_parquet(&RISK.empty(), &mut bytes, "risk")?;
/// assert_eq!(forewarn_report::read_parquet(&bytes, "risk")?, RISK.empty());
/// assert!(forewarn_report::write_parquet(&RANKING.empty(), &mut bytes, "risk").is_err(), "another table");
/// # Ok::<(), forewarn_report::ReportError>(())
/// ```
pub fn write_parquet<W: Write>(df: &DataFrame, out: &mut W, name: &str) -> Result<(), ReportError> {
    check(df, name)?;
    let mut df = df.clone();
    // One chunk: otherwise the pages would follow the chunks in which a table happened to grow.
    df.rechunk_mut();
    let metadata = KeyValueMetadata::from_static(vec![
        ("schema_version".to_owned(), SCHEMA_VERSION.to_string()),
        ("table".to_owned(), name.to_owned()),
    ]);
    // Into memory first: Polars wants to own its writer and reports an error of the sink as one of the table.
    let mut buffer = Vec::new();
    ParquetWriter::new(&mut buffer)
        .with_compression(ParquetCompression::Zstd(None))
        .with_row_group_size(Some(ROW_GROUP))
        .with_key_value_metadata(Some(metadata))
        .finish(&mut df)
        .map_err(table(name))?;
    out.write_all(&buffer).map_err(|source| ReportError::Read { file: format!("{name}.parquet"), source })
}

/// Reads a table written by [`write_parquet`]. If `name` is one of our output tables, it must be what its schema says.
///
/// # Errors
///
/// The bytes are no Parquet file, or another table.
///
/// # Example
///
/// ```
/// assert!(forewarn_report::read_parquet(b"not a table", "risk").is_err());
/// ```
pub fn read_parquet(bytes: &[u8], name: &str) -> Result<DataFrame, ReportError> {
    // The reader of Polars panics at some damaged files: one of many must not end a night.
    let read = || ParquetReader::new(Cursor::new(bytes)).finish();
    let df = catch_unwind(AssertUnwindSafe(read))
        .unwrap_or_else(|_| polars_bail!(ComputeError: "the reader gave up: the file is damaged"))
        .map_err(table(name))?;
    check(&df, name)?;
    Ok(df)
}

fn check(df: &DataFrame, name: &str) -> Result<(), ReportError> {
    match TABLES.iter().find(|t| t.name == name) {
        Some(schema) => Ok(schema.check(df)?),
        None => Ok(()),
    }
}

/// Writes a table as CSV: list columns become JSON strings, times are `2025-01-31T13:45:00Z`, and text that a
/// spreadsheet would run as a formula gets a leading `'`. Numbers are untouched.
///
/// # Errors
///
/// A list column cannot be read, or the writer fails.
///
/// # Example
///
/// ```
/// use polars::prelude::*;
/// let df = df!("title" => ["=cmd|' /C calc'!A0", "fan"], "change" => [-1, 2])?;
/// let mut bytes = Vec::new();
/// forewarn_report::write_csv(&df, &mut bytes)?;
/// assert_eq!(String::from_utf8(bytes)?, "title,change\n'=cmd|' /C calc'!A0,-1\nfan,2\n");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn write_csv<W: Write>(df: &DataFrame, out: &mut W) -> Result<(), ReportError> {
    let columns = df.columns().iter().map(csv_column).collect::<Result<Vec<_>, _>>()?;
    let mut flat = DataFrame::new(df.height(), columns).map_err(table("csv"))?;
    CsvWriter::new(out)
        .include_header(true)
        .with_datetime_format(Some("%Y-%m-%dT%H:%M:%S%.fZ".into()))
        .finish(&mut flat)
        .map_err(table("csv"))
}

fn csv_column(column: &Column) -> Result<Column, ReportError> {
    let named = table("csv");
    let name: PlSmallStr = cell(column.name()).as_ref().into();
    let texts: Option<Vec<Option<String>>> = match column.dtype() {
        DataType::String => {
            Some(column.str().map_err(named)?.iter().map(|v| v.map(|t| cell(t).into_owned())).collect())
        }
        DataType::List(_) | DataType::Struct(_) | DataType::Array(..) => {
            let mut texts = Vec::with_capacity(column.len());
            for i in 0..column.len() {
                let value = to_json(&column.get(i).map_err(table("csv"))?);
                texts.push((!value.is_null()).then(|| value.to_string()));
            }
            Some(texts)
        }
        _ => None,
    };
    Ok(match texts {
        Some(texts) => Column::new(name, texts),
        None => column.clone().with_name(name),
    })
}

/// A cell as JSON. NaN and the infinities, which JSON does not have, become null; times are ISO 8601 in UTC.
pub(crate) fn to_json(value: &AnyValue<'_>) -> Value {
    let list = |s: &Series| Value::Array(s.iter().map(|v| to_json(&v)).collect());
    match value {
        AnyValue::Null => Value::Null,
        AnyValue::Boolean(b) => json!(b),
        AnyValue::String(s) => json!(s),
        AnyValue::StringOwned(s) => json!(s.as_str()),
        AnyValue::Float64(x) => json!(x),
        AnyValue::Float32(x) => json!(x),
        AnyValue::Datetime(at, TimeUnit::Microseconds, _)
        | AnyValue::DatetimeOwned(at, TimeUnit::Microseconds, _) => json!(time_text(*at)),
        AnyValue::Date(day) => json!(forewarn_frames::time::format_day(*day)),
        AnyValue::Decimal(..) => json!(value.extract::<f64>()),
        AnyValue::List(s) | AnyValue::Array(s, _) => list(s),
        AnyValue::Struct(_, _, fields) => object(fields, value._iter_struct_av()),
        AnyValue::StructOwned(owned) => object(&owned.1, owned.0.iter().cloned()),
        other => match other.extract::<i64>() {
            Some(n) => json!(n),
            None => json!(other.to_string()),
        },
    }
}

fn object<'a>(fields: &[Field], cells: impl Iterator<Item = AnyValue<'a>>) -> Value {
    Value::Object(
        fields.iter().zip(cells).map(|(f, v)| (f.name().to_string(), to_json(&v))).collect::<Map<_, _>>(),
    )
}

/// `2025-01-31T13:45:00Z`, with microseconds only where there are some.
pub(crate) fn time_text(at: i64) -> String {
    use forewarn_frames::time::{DAY, format_day};
    let rest = at.rem_euclid(DAY);
    let (seconds, micros) = (rest / 1_000_000, rest % 1_000_000);
    let fraction = if micros == 0 { String::new() } else { format!(".{micros:06}") };
    // A day number outside i32 is no date of any calendar; it is shown as it is.
    match i32::try_from(at.div_euclid(DAY)) {
        Ok(day) => {
            format!(
                "{}T{:02}:{:02}:{:02}{fraction}Z",
                format_day(day),
                seconds / 3600,
                seconds / 60 % 60,
                seconds % 60
            )
        }
        Err(_) => at.to_string(),
    }
}

/// A table as an array of row objects; keys in column order.
pub(crate) fn rows_json(df: &DataFrame) -> Result<Value, ReportError> {
    let rows = (0..df.height()).map(|i| row_json(df, i));
    Ok(Value::Array(rows.collect::<PolarsResult<_>>().map_err(table("json"))?))
}

/// The row `i` of a table as an object; keys in column order.
pub(crate) fn row_json(df: &DataFrame, i: usize) -> PolarsResult<Value> {
    let mut row = Map::new();
    for c in df.columns() {
        row.insert(c.name().to_string(), to_json(&c.get(i)?));
    }
    Ok(Value::Object(row))
}

/// A table as text for standard output, with a final line break. As a `Table`, cells are cleaned of control characters
/// (a ticket's title must not steer the terminal) and cut at 60 characters; every row is printed, so take a head first.
///
/// # Errors
///
/// A column cannot be read.
///
/// # Example
///
/// ```
/// use forewarn_report::{Format, table_text};
/// use polars::prelude::*;
/// let df = df!("asset_id" => ["nb-1", "nb-22"], "n" => [3, 12])?;
/// assert_eq!(table_text(&df, Format::Table)?, "asset_id   n\nnb-1       3\nnb-22     12\n");
/// assert_eq!(table_text(&df.head(Some(1)), Format::Json)?, "[\n  {\n    \"asset_id\": \"nb-1\",\n    \"n\": 3\n  }\n]\n");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn table_text(df: &DataFrame, format: Format) -> Result<String, ReportError> {
    match format {
        Format::Table => aligned(df),
        Format::Csv => {
            let mut bytes = Vec::new();
            write_csv(df, &mut bytes)?;
            Ok(String::from_utf8_lossy(&bytes).into_owned())
        }
        Format::Json => Ok(format!("{:#}\n", rows_json(df)?)),
    }
}

fn aligned(df: &DataFrame) -> Result<String, ReportError> {
    let mut columns: Vec<(bool, Vec<String>)> = Vec::new();
    for c in df.columns() {
        let mut cells = vec![foreign(c.name(), CELL)];
        for i in 0..c.len() {
            cells.push(match to_json(&c.get(i).map_err(table("text"))?) {
                Value::Null => "-".to_owned(),
                Value::String(s) => foreign(&s, CELL),
                Value::Number(n) if c.dtype().is_float() => short_float(n.as_f64().unwrap_or(f64::NAN)),
                other => foreign(&other.to_string(), CELL),
            });
        }
        columns.push((c.dtype().is_primitive_numeric(), cells));
    }
    let widths: Vec<usize> =
        columns.iter().map(|(_, cells)| cells.iter().map(|c| c.chars().count()).max().unwrap_or(0)).collect();
    let mut out = String::new();
    for i in 0..=df.height() {
        let mut line = String::new();
        for ((right, cells), width) in columns.iter().zip(&widths) {
            if !line.is_empty() {
                line.push_str("  ");
            }
            let text = &cells[i];
            // Writing to a String does not fail.
            let _ = if *right { write!(line, "{text:>width$}") } else { write!(line, "{text:<width$}") };
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    Ok(out)
}

/// Four digits that mean something: what a reader of a terminal table compares.
fn short_float(x: f64) -> String {
    let digits = if x == 0.0 { 0 } else { (3 - x.abs().log10().floor() as i32).clamp(0, 6) as usize };
    format!("{x:.digits$}")
}
