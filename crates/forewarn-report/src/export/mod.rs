//! The run's tables in the formats that other programs read: CSV, one workbook, JSON with its schema. It does not know
//! where the files go, and which of them are wanted is the caller's word.
//!
//! A file is rendered when the iterator comes to it, and not before: a large fleet's tables are never all in memory in
//! every format at once.

mod about;
mod json;
mod servicenow;
mod xlsx;

use forewarn_frames::output::{
    CALIBRATION, CARDS, DEGRADATIONS, DRIFT, EXPOSURE, FEATURES, FINDINGS, FORECASTS, LABELS, LISTED,
    MEASURES, METRICS, ORDERS, PLAN, PLOT_SERIES, PROBLEMS, RANKING, RECURRENCES, RISK, RunFacts, RunTables,
    SERVICE, TRACK_RECORD, TableSchema, WORKLOAD, findings_frame,
};
use polars::prelude::DataFrame;

pub use json::export_schema;
pub use servicenow::{TICKETS, servicenow_tickets};

use crate::error::{ReportError, table};
use crate::saved::{metrics_from_json, metrics_json};
use crate::tables::write_csv;

/// The workbook's name in a run folder.
pub(crate) const WORKBOOK: &str = "forewarn.xlsx";

/// The tables that are exported, what matters first; the workbook's sheets follow this order.
pub(crate) const EXPORTED: [&TableSchema; 22] = [
    &RANKING,
    &PLAN,
    &ORDERS,
    &RISK,
    &DEGRADATIONS,
    &RECURRENCES,
    &PROBLEMS,
    &FORECASTS,
    &WORKLOAD,
    &MEASURES,
    &EXPOSURE,
    &SERVICE,
    &TRACK_RECORD,
    &LISTED,
    &DRIFT,
    &FINDINGS,
    &METRICS,
    &CALIBRATION,
    &PLOT_SERIES,
    &LABELS,
    &CARDS,
    &FEATURES,
];

/// A format in which the run's tables are exported.
///
/// # Example
///
/// ```
/// use forewarn_report::Export;
/// assert_eq!(Export::parse("xlsx"), Some(Export::Xlsx));
/// assert_eq!(Export::parse("xls"), None);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Export {
    /// `tables/NAME.csv`, safe in a spreadsheet.
    Csv,
    /// `forewarn.xlsx`, a sheet for each table.
    Xlsx,
    /// `tables/NAME.json`, and `tables/schema.json` that says what they hold.
    Json,
}

impl Export {
    /// Every format, in the order in which they are written.
    pub const ALL: [Self; 3] = [Self::Csv, Self::Xlsx, Self::Json];

    /// Its name in a config and on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Xlsx => "xlsx",
            Self::Json => "json",
        }
    }

    /// Reads `csv`, `xlsx` or `json`; `None` for any other text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|e| e.name() == text)
    }
}

/// A table with its schema.
#[derive(Debug)]
pub(crate) struct Sheet {
    pub(crate) schema: &'static TableSchema,
    pub(crate) df: DataFrame,
}

/// One file to come.
#[derive(Debug, Clone, Copy)]
enum File {
    Csv(usize),
    Workbook,
    Json(usize),
    Schema,
}

/// The files of an export in these formats: path in the folder (`tables/ranking.csv`) and bytes, in a fixed order
/// whatever the order of `formats`; the same tables give the same bytes. `features` is the feature catalog.
///
/// # Errors
///
/// A table is not what its schema says. A file that cannot be rendered is an error of its own among the items.
///
/// # Example
///
/// ```
/// # use forewarn_frames::output::{RunFacts, RunTables};
/// # let tables = RunTables::empty(RunFacts { as_of: "2025-12-31".into(), ..RunFacts::default() });
/// use forewarn_frames::output::{FEATURES, RISK};
/// use forewarn_report::{Export, exports};
/// for file in exports(&tables, &FEATURES.empty(), &[Export::Xlsx])? {
///     let (path, bytes) = file?;
///     assert_eq!(path, "forewarn.xlsx");
///     assert!(bytes.starts_with(b"PK"));
/// }
/// assert!(exports(&tables, &RISK.empty(), &[Export::Csv]).is_err(), "that is no catalog");
/// # Ok::<(), forewarn_report::ReportError>(())
/// ```
pub fn exports<'a>(
    tables: &'a RunTables,
    features: &DataFrame,
    formats: &[Export],
) -> Result<impl Iterator<Item = Result<(String, Vec<u8>), ReportError>> + use<'a>, ReportError> {
    let sheets = sheets(tables, features)?;
    let mut files = Vec::new();
    for format in Export::ALL.into_iter().filter(|f| formats.contains(f)) {
        match format {
            Export::Csv => files.extend((0..sheets.len()).map(File::Csv)),
            Export::Xlsx => files.push(File::Workbook),
            Export::Json => {
                files.extend((0..sheets.len()).map(File::Json));
                files.push(File::Schema);
            }
        }
    }
    Ok(files.into_iter().map(move |file| render(file, &sheets, &tables.facts)))
}

fn render(file: File, sheets: &[Sheet], facts: &RunFacts) -> Result<(String, Vec<u8>), ReportError> {
    Ok(match file {
        File::Csv(i) => {
            let mut bytes = Vec::new();
            write_csv(&sheets[i].df, &mut bytes)?;
            (format!("tables/{}.csv", sheets[i].schema.name), bytes)
        }
        File::Workbook => (WORKBOOK.to_owned(), xlsx::workbook(sheets, facts)?),
        File::Json(i) => (format!("tables/{}.json", sheets[i].schema.name), json::rows(&sheets[i], facts)?),
        File::Schema => ("tables/schema.json".to_owned(), export_schema().into_bytes()),
    })
}

/// The tables of [`EXPORTED`], each what its schema says.
fn sheets(tables: &RunTables, features: &DataFrame) -> Result<Vec<Sheet>, ReportError> {
    // As `metrics.json` keeps them, which knows no NaN: a saved run must give the same bytes as the run itself.
    let metrics = metrics_from_json(&metrics_json(&tables.metrics)?)?;
    let findings = findings_frame(&tables.findings).map_err(table(FINDINGS.name))?;
    let frames = [
        &tables.ranking,
        &tables.plan,
        &tables.orders,
        &tables.risk,
        &tables.degradations,
        &tables.recurrences,
        &tables.problems,
        &tables.forecasts,
        &tables.workload,
        &tables.measures,
        &tables.exposure,
        &tables.service,
        &tables.track_record,
        &tables.listed,
        &tables.drift,
        &findings,
        &metrics,
        &tables.calibration,
        &tables.plot_series,
        &tables.labels,
        &tables.cards,
        features,
    ];
    let sheet = |(schema, df): (&'static TableSchema, &DataFrame)| {
        schema.check(df)?;
        let mut df = df.clone();
        // Cells are read one by one, which is quick in one chunk alone.
        df.rechunk_mut();
        Ok(Sheet { schema, df })
    };
    EXPORTED.into_iter().zip(frames).map(sheet).collect()
}
