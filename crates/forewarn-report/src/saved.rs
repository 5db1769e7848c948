//! What a run folder holds for the report, written and read back. It does not know paths: the caller reads files.

use std::io;

use forewarn_frames::output::{
    CARDS, DEGRADATIONS, DRIFT, EXPOSURE, FEATURES, FORECASTS, LISTED, METRICS, ORDERS, OutKind, PLAN,
    PROBLEMS, RunFacts, RunTables, SERVICE, TRACK_RECORD, TableSchema, WORKLOAD,
};
use forewarn_frames::{Finding, Severity};
use polars::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::{ReportError, table};
use crate::prom::gauges;
use crate::tables::{read_parquet, rows_json, write_csv, write_parquet};
use crate::text::foreign;

/// `Finding` as it stands in `findings.json`; the frames crate does not know serde.
#[derive(Serialize, Deserialize)]
struct SavedFinding {
    check: String,
    severity: String,
    table: String,
    column: Option<String>,
    n_rows: u64,
    sample: Vec<String>,
    message: String,
    hint: String,
}

/// `RunFacts` as it stands in the manifest.
#[derive(Serialize, Deserialize)]
#[serde(remote = "RunFacts")]
struct SavedFacts {
    as_of: String,
    rank_by_days: i32,
    capacity_visits: u32,
    capacity_per_days: u32,
    n_assets: u64,
    n_unknown: u64,
    n_failures: u64,
    n_tickets: u64,
    n_readings: u64,
    n_events: u64,
    chosen_model: String,
    chosen_because: String,
    baseline_model: String,
    beats_baseline: bool,
    backtest_from: Option<String>,
    backtest_to: Option<String>,
    backtest_cutoffs: u64,
    trained_as_of: String,
    time_zone: String,
    version: String,
    // Runs of an earlier version have none of what follows.
    #[serde(default)]
    ranked_by: String,
    currency: Option<String>,
    cost_downtime_hour: Option<f64>,
    cost_visit: Option<f64>,
    cost_repair: Option<f64>,
    caught: Option<f64>,
    caught_low: Option<f64>,
    caught_high: Option<f64>,
    expected_failures: Option<f64>,
    expected_failures_low: Option<f64>,
    expected_failures_high: Option<f64>,
    ticket_url: Option<String>,
}

fn json_error(file: &str) -> impl Fn(serde_json::Error) -> ReportError + '_ {
    move |source| ReportError::Json { file: file.to_owned(), source }
}

/// The run's facts as JSON, the manifest's key `facts`.
///
/// # Errors
///
/// None in practice: the facts are text, flags and whole numbers.
pub fn facts_json(facts: &RunFacts) -> Result<Value, ReportError> {
    SavedFacts::serialize(facts, serde_json::value::Serializer).map_err(json_error("manifest.json"))
}

/// The run's facts from the manifest's key `facts`.
///
/// # Errors
///
/// A fact is missing or of another type.
///
/// # Example
///
/// ```
/// assert!(forewarn_report::facts_from_json(&serde_json::json!({"as_of": "2025-12-31"})).is_err(), "the rest is missing");
/// ```
pub fn facts_from_json(value: &Value) -> Result<RunFacts, ReportError> {
    SavedFacts::deserialize(value).map_err(json_error("manifest.json"))
}

/// The text of `findings.json`, in the findings' order, with a final line break.
///
/// # Errors
///
/// None in practice: findings are text and whole numbers.
///
/// # Example
///
/// ```
/// use forewarn_report::{findings_from_json, findings_json};
/// assert_eq!(findings_json(&[])?, "[]\n");
/// assert!(findings_from_json("[]")?.is_empty());
/// assert!(findings_from_json("{}").is_err());
/// # Ok::<(), forewarn_report::ReportError>(())
/// ```
pub fn findings_json(findings: &[Finding]) -> Result<String, ReportError> {
    let saved: Vec<SavedFinding> = findings
        .iter()
        .map(|f| SavedFinding {
            check: f.check.clone(),
            severity: f.severity.name().to_owned(),
            table: f.table.clone(),
            column: f.column.clone(),
            n_rows: f.n_rows,
            sample: f.sample.clone(),
            message: f.message.clone(),
            hint: f.hint.clone(),
        })
        .collect();
    let text = serde_json::to_string_pretty(&saved).map_err(json_error("findings.json"))?;
    Ok(text + "\n")
}

/// Reads `findings.json`.
///
/// # Errors
///
/// The text is no such list, or a severity is none of `info`, `warning`, `error`.
pub fn findings_from_json(text: &str) -> Result<Vec<Finding>, ReportError> {
    let saved: Vec<SavedFinding> = serde_json::from_str(text).map_err(json_error("findings.json"))?;
    saved
        .into_iter()
        .map(|f| {
            let severity = Severity::parse(&f.severity).ok_or_else(|| ReportError::Content {
                file: "findings.json".to_owned(),
                found: format!("severity {:?}", foreign(&f.severity, 40)),
                expected: "info, warning or error",
            })?;
            Ok(Finding {
                check: f.check,
                severity,
                table: f.table,
                column: f.column,
                n_rows: f.n_rows,
                sample: f.sample,
                message: f.message,
                hint: f.hint,
            })
        })
        .collect()
}

/// The text of `metrics.json`: an array of row objects; NaN and missing numbers are null.
///
/// # Errors
///
/// The table is not `metrics`.
pub fn metrics_json(metrics: &DataFrame) -> Result<String, ReportError> {
    METRICS.check(metrics)?;
    Ok(format!("{:#}\n", rows_json(metrics)?))
}

/// Reads `metrics.json`.
///
/// # Errors
///
/// The text is no array of row objects, or a cell has another type.
///
/// # Example
///
/// ```
/// use forewarn_frames::output::METRICS;
/// assert_eq!(forewarn_report::metrics_from_json("[]")?, METRICS.empty());
/// assert!(forewarn_report::metrics_from_json(r#"[{"model": 1}]"#).is_err());
/// # Ok::<(), forewarn_report::ReportError>(())
/// ```
pub fn metrics_from_json(text: &str) -> Result<DataFrame, ReportError> {
    let wrong = |found: &Value, expected| ReportError::Content {
        file: "metrics.json".to_owned(),
        found: foreign(&found.to_string(), 80),
        expected,
    };
    let rows: Vec<Value> = serde_json::from_str(text).map_err(json_error("metrics.json"))?;
    let mut columns = Vec::new();
    for (name, kind, _) in METRICS.columns {
        let cells = rows.iter().map(|r| r.get(name).unwrap_or(&Value::Null));
        columns.push(match kind {
            OutKind::Number => {
                let cell = |v: &Value| {
                    if v.is_null() {
                        Ok(None)
                    } else {
                        v.as_f64().map(Some).ok_or_else(|| wrong(v, "a number"))
                    }
                };
                Column::new((*name).into(), cells.map(cell).collect::<Result<Vec<Option<f64>>, _>>()?)
            }
            OutKind::Whole => {
                let cell = |v: &Value| v.as_i64().ok_or_else(|| wrong(v, "a whole number"));
                Column::new((*name).into(), cells.map(cell).collect::<Result<Vec<i64>, _>>()?)
            }
            _ => {
                let cell = |v: &Value| v.as_str().map(str::to_owned).ok_or_else(|| wrong(v, "text"));
                Column::new((*name).into(), cells.map(cell).collect::<Result<Vec<String>, _>>()?)
            }
        });
    }
    let df = DataFrame::new(rows.len(), columns).map_err(table("metrics"))?;
    METRICS.check(&df)?;
    Ok(df)
}

/// The files of a run folder that hold these tables: name and bytes, in a fixed order. The facts belong into
/// `manifest.json`, which the caller writes (see [`facts_json`]); `report.html` is [`crate::render`]'s.
///
/// # Errors
///
/// A table is not what its schema says.
pub fn files(tables: &RunTables) -> Result<Vec<(String, Vec<u8>)>, ReportError> {
    let parquet = |df: &DataFrame, name: &str| {
        let mut bytes = Vec::new();
        write_parquet(df, &mut bytes, name).map(|()| bytes)
    };
    let mut csv = Vec::new();
    write_csv(&tables.ranking, &mut csv)?;
    let mut out = vec![("ranking.csv".to_owned(), csv)];
    for (schema, df) in tables.all() {
        if schema.name != METRICS.name {
            out.push((format!("{}.parquet", schema.name), parquet(df, schema.name)?));
        }
    }
    out.push(("metrics.json".to_owned(), metrics_json(&tables.metrics)?.into_bytes()));
    out.push(("findings.json".to_owned(), findings_json(&tables.findings)?.into_bytes()));
    out.push(("forewarn.prom".to_owned(), gauges(tables)?.into_bytes()));
    Ok(out)
}

/// A table of a run folder; empty where there is no such file, as in a run of an earlier version.
fn read_or_empty(
    read: &dyn Fn(&str) -> io::Result<Vec<u8>>,
    schema: &TableSchema,
) -> Result<DataFrame, ReportError> {
    let file = format!("{}.parquet", schema.name);
    match read(&file) {
        Ok(bytes) => read_parquet(&bytes, schema.name),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(schema.empty()),
        Err(source) => Err(ReportError::Read { file, source }),
    }
}

/// Reads a run folder's feature catalog, which [`crate::exports`] takes beside the tables; empty where there is none.
///
/// # Errors
///
/// The file is damaged or of another schema.
///
/// # Example
///
/// ```
/// use std::io::{Error, ErrorKind};
/// let none = |_: &str| Err(Error::from(ErrorKind::NotFound));
/// assert_eq!(forewarn_report::read_features(&none)?.height(), 0);
/// assert!(forewarn_report::read_features(&|_| Ok(b"no table".to_vec())).is_err());
/// # Ok::<(), forewarn_report::ReportError>(())
/// ```
pub fn read_features(read: &dyn Fn(&str) -> io::Result<Vec<u8>>) -> Result<DataFrame, ReportError> {
    read_or_empty(read, &FEATURES)
}

/// Reads a run folder's tables back, so that its page can be rendered again. `read` gives the bytes of a file by its
/// name in the folder; the facts come from `manifest.json`'s key `facts`.
///
/// # Errors
///
/// A file is missing, damaged or of another schema.
///
/// # Example
///
/// ```
/// let none = |file: &str| Err(std::io::Error::new(std::io::ErrorKind::NotFound, file.to_owned()));
/// assert!(forewarn_report::read_tables(&none).is_err());
/// ```
pub fn read_tables(read: &dyn Fn(&str) -> io::Result<Vec<u8>>) -> Result<RunTables, ReportError> {
    let get = |file: &str| read(file).map_err(|source| ReportError::Read { file: file.to_owned(), source });
    let parquet = |name: &str| read_parquet(&get(&format!("{name}.parquet"))?, name);
    let or_empty = |schema: &TableSchema| read_or_empty(read, schema);
    let text = |file: &str| {
        String::from_utf8(get(file)?).map_err(|_| ReportError::Content {
            file: file.to_owned(),
            found: "bytes that are not UTF-8".to_owned(),
            expected: "UTF-8 text",
        })
    };
    let manifest: Value =
        serde_json::from_str(&text("manifest.json")?).map_err(json_error("manifest.json"))?;
    let facts = manifest.get("facts").ok_or_else(|| ReportError::Content {
        file: "manifest.json".to_owned(),
        found: "no key `facts`".to_owned(),
        expected: "the facts of the run",
    })?;
    Ok(RunTables {
        ranking: parquet("ranking")?,
        plan: or_empty(&PLAN)?,
        orders: or_empty(&ORDERS)?,
        risk: parquet("risk")?,
        labels: parquet("labels")?,
        calibration: parquet("calibration")?,
        metrics: metrics_from_json(&text("metrics.json")?)?,
        plot_series: parquet("plot_series")?,
        recurrences: parquet("recurrences")?,
        measures: parquet("measures")?,
        degradations: or_empty(&DEGRADATIONS)?,
        forecasts: or_empty(&FORECASTS)?,
        workload: or_empty(&WORKLOAD)?,
        problems: or_empty(&PROBLEMS)?,
        exposure: or_empty(&EXPOSURE)?,
        service: or_empty(&SERVICE)?,
        track_record: or_empty(&TRACK_RECORD)?,
        listed: or_empty(&LISTED)?,
        drift: or_empty(&DRIFT)?,
        cards: or_empty(&CARDS)?,
        findings: findings_from_json(&text("findings.json")?)?,
        facts: facts_from_json(facts)?,
    })
}
