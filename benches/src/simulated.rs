//! A simulated fleet made by `forewarn-dataset`, read back as the records of a department, and what is planted in it. It
//! reads only what measures are judged by, and takes the clock of Berlin for UTC.

use std::path::Path;
use std::process::Command;

use forewarn_frames::input::{Assets, Events, Failures, Telemetry, Tickets};
use forewarn_frames::rollup::{Roller, TelemetryKind};
use forewarn_frames::{Cutoff, FrameInputs, Frames};
use polars::prelude::*;

/// Why there is no fleet.
pub(crate) type Failed = Box<dyn std::error::Error>;

fn csv(folder: &Path, name: &str) -> PolarsResult<LazyFrame> {
    let path = folder.join(name);
    LazyCsvReader::new(PlRefPath::new(path.to_string_lossy().as_ref()))
        .with_infer_schema_length(Some(0))
        .finish()
}

fn time(column: &str, name: &str, format: &str) -> Expr {
    let options = StrptimeOptions { format: Some(format.into()), strict: false, exact: true, cache: true };
    col(column).str().to_datetime(Some(TimeUnit::Microseconds), None, options, lit("raise")).alias(name)
}

/// Makes the fleet of a seed with the program `forewarn-dataset` and reads it.
///
/// # Errors
///
/// The program cannot be started or fails, or its files are not what they were.
pub(crate) fn simulated(program: &Path, assets: usize, seed: u64, folder: &Path) -> Result<Frames, Failed> {
    let status = Command::new(program)
        .args(["--assets", &assets.to_string(), "--days", "730", "--seed", &seed.to_string()])
        .args(["--hourly-servers", "0", "--out"])
        .arg(folder)
        .stderr(std::process::Stdio::null())
        .status()?;
    if !status.success() {
        return Err(format!("{} ended with {status}", program.display()).into());
    }
    let (date, clock) = ("%Y-%m-%d", "%Y-%m-%d %H:%M:%S");
    let inventory = csv(folder, "cmdb.csv")?
        .select([
            col("name").alias("asset_id"),
            col("sys_class_name").alias("kind"),
            col("model_id").alias("model"),
            time("install_date", "in_service_at", date),
            time("retired", "retired_at", date),
        ])
        .collect()?;
    let tickets = csv(folder, "incidents.csv")?.select([
        col("number").alias("ticket_id"),
        col("cmdb_ci").alias("asset_id"),
        time("opened_at", "opened_at", clock),
        time("resolved_at", "resolved_at", clock),
        time("sys_updated_on", "updated_at", clock),
        col("category"),
        col("priority").str().head(lit(1)).cast(DataType::Float64),
    ]);
    let failures = tickets
        .clone()
        .filter(col("category").eq(lit("Hardware")).and(col("priority").lt_eq(lit(2.0))))
        .filter(col("asset_id").is_not_null())
        .select([col("asset_id"), col("opened_at").alias("failed_at"), col("ticket_id")])
        .unique(None, UniqueKeepStrategy::Any)
        .collect()?;
    let events = csv(folder, "changes.csv")?
        .select([
            col("cmdb_ci").alias("asset_id"),
            time("date", "ts", clock),
            col("type").alias("kind"),
            col("component"),
            col("version").alias("code"),
        ])
        .collect()?;
    let daily = folder.join("telemetry_daily.parquet");
    let telemetry = LazyFrame::scan_parquet(
        PlRefPath::new(daily.to_string_lossy().as_ref()),
        ScanArgsParquet::default(),
    )?
    .with_column(col("ts").dt().replace_time_zone(None, lit("raise"), NonExistent::Raise))
    .collect()?;
    Ok(Frames::new(FrameInputs {
        assets: Some(Assets::try_new(&inventory)?),
        asset_history: None,
        tickets: Some(Tickets::try_new(&tickets.collect()?)?),
        known_late: Vec::new(),
        telemetry: Roller::of(&[(Telemetry::try_new(&telemetry)?, TelemetryKind::default())])?,
        events: Some(Events::try_new(&events)?),
        failures: Failures::try_new(&failures)?,
        actions: None,
        terminal: false,
        as_of: Cutoff::from_day(20_454),
    })?)
}

/// What a measure truly does to an outcome: whether it raises (+1) or lowers (−1) it or neither (0), as
/// `datasets/fleet/README.md` says what is planted; `None` where it follows from something else that happened to the asset.
pub(crate) fn planted(measure: &str, outcome: &str) -> Option<i32> {
    let counted = ["incidents", "failures"].contains(&outcome);
    // What tells of wear falls where wear is removed or comes later, and rises where it comes sooner.
    let wear = counted
        || ["latency_ms", "corrected_errors", "reallocated_sectors", "app_crashes", "paper_jams"]
            .contains(&outcome);
    match measure {
        // A weak battery ages a laptop.
        "visit" | "patch bios 1.21" | "firmware SX06" | "replacement battery" if wear => Some(-1),
        "firmware SX05" if wear => Some(1),
        "patch os KB5051" => Some(i32::from(outcome == "incidents")),
        // The old firmware counts everything.
        "firmware 3.02" => Some(-i32::from(outcome == "corrected_errors")),
        "replacement battery" if outcome == "battery_health_percent" => Some(1),
        // A repair ends what the failure was, counters start anew.
        m if m.starts_with("replacement") && m != "replacement battery" => None,
        _ => Some(0),
    }
}
