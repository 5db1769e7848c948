//! The files of a fleet, written as the exports of a service desk, an inventory and a monitoring system.
//!
//! Knows columns, quoting and Parquet, nothing of hidden states but the two truths it is handed.
//!
//! Times in CSV are Berlin's clock without an offset, as ServiceNow exports them; times in Parquet are UTC.

#![expect(clippy::disallowed_methods, reason = "writing files is what this is for")]

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::path::Path;

use polars::prelude::*;

use crate::Simulation;
use crate::asset::Asset;
use crate::calendar::{DAY_SECONDS, Day, Moment, date_text, local_text, year_angle};
use crate::catalog::{DISK_USED, Kind, LATENCY, METRICS, SERVICES, SITES};
use crate::chance::{Chance, Purpose};
use crate::desk::{PROBLEMS, Words, some_site, words};
use crate::life::{Reading, Subject, Ticket, live};

/// Assets whose telemetry is in memory at one time.
const BATCH: usize = 1000;
/// Hour (UTC) of the daily reading.
const READING_HOUR: i64 = 23;

/// Writes all files of the fleet into the folder, which is made if it is missing.
///
/// # Errors
///
/// When the folder or a file cannot be written.
pub fn write(simulation: &Simulation, folder: &Path) -> io::Result<()> {
    std::fs::create_dir_all(folder)?;
    write_cmdb(simulation, folder)?;
    write_incidents(simulation, folder)?;
    write_changes(simulation, folder)?;
    write_history(simulation, folder)?;
    write_daily(simulation, folder)?;
    write_hourly(simulation, folder)?;
    write_truth(simulation, folder)
}

/// A CSV file: quotes only what needs it.
struct Table {
    file: BufWriter<File>,
    line: String,
}

impl Table {
    fn create(folder: &Path, name: &str, columns: &[&str]) -> io::Result<Self> {
        let file = BufWriter::new(File::create(folder.join(name))?);
        let mut table = Self { file, line: String::new() };
        table.row(columns)?;
        Ok(table)
    }

    fn row(&mut self, cells: &[&str]) -> io::Result<()> {
        self.line.clear();
        for (i, cell) in cells.iter().enumerate() {
            if i > 0 {
                self.line.push(',');
            }
            if cell.contains([',', '"', '\n']) {
                let _ = write!(self.line, "\"{}\"", cell.replace('"', "\"\""));
            } else {
                self.line.push_str(cell);
            }
        }
        self.line.push('\n');
        self.file.write_all(self.line.as_bytes())
    }

    fn finish(mut self) -> io::Result<()> {
        self.file.flush()
    }
}

fn io_error(error: PolarsError) -> io::Error {
    io::Error::other(error)
}

fn parquet(folder: &Path, name: &str) -> io::Result<ParquetWriter<BufWriter<File>>> {
    let file = BufWriter::new(File::create(folder.join(name))?);
    Ok(ParquetWriter::new(file).with_compression(ParquetCompression::Zstd(None)))
}

/// Microseconds since 1970 as times in UTC.
fn times(name: &str, micros: Vec<i64>) -> io::Result<Column> {
    let kind = DataType::Datetime(TimeUnit::Microseconds, Some(TimeZone::UTC));
    Column::new(name.into(), micros).cast(&kind).map_err(io_error)
}

const CRITICALITY: [&str; 4] =
    ["1 - most critical", "2 - somewhat critical", "3 - less critical", "4 - not critical"];

fn os(kind: Kind) -> (&'static str, &'static str) {
    match kind {
        Kind::Laptop => ("Windows 11", "22631.2861"),
        Kind::Server => ("Debian GNU/Linux", "5.10.0-27"),
        Kind::Disk | Kind::Switch | Kind::Printer => ("", ""),
    }
}

/// The versions of an asset over time: attribute, value, valid from.
fn versions(asset: &Asset) -> Vec<(&'static str, &'static str, Day)> {
    let mut rows = vec![("firmware", asset.model().firmware, asset.installed)];
    let (_, first_os) = os(asset.kind);
    if !first_os.is_empty() {
        rows.push(("os_version", first_os, asset.installed));
    }
    let mut installed: Vec<_> = asset.rollouts().collect();
    installed.sort_by_key(|(_, day)| *day);
    for (rollout, day) in installed {
        let attribute = if rollout.component == "os" { "os_version" } else { "firmware" };
        if day < asset.installed {
            // As delivered: it takes the place of the first version.
            if let Some(row) = rows.iter_mut().find(|r| r.0 == attribute) {
                row.1 = rollout.version;
            }
        } else {
            rows.push((attribute, rollout.version, day));
        }
    }
    rows
}

fn write_cmdb(simulation: &Simulation, folder: &Path) -> io::Result<()> {
    let mut table = Table::create(
        folder,
        "cmdb.csv",
        &[
            "name",
            "sys_class_name",
            "model_id",
            "manufacturer",
            "serial_number",
            "install_date",
            "retired",
            "location",
            "assigned_to",
            "owned_by",
            "business_service",
            "business_criticality",
            "warranty_expiration",
            "os",
            "os_version",
            "firmware_version",
            "operational_status",
        ],
    )?;
    for asset in &simulation.assets {
        let mut chance = Chance::new(simulation.params.seed, Purpose::Desk, asset.index as u64);
        let serial = format!("{:08X}", (chance.unit() * f64::from(u32::MAX)) as u32);
        let gone = asset.retired < asset.end;
        let last =
            |attribute: &str| versions(asset).into_iter().rfind(|r| r.0 == attribute).map_or("", |r| r.1);
        let (service, criticality, _) = SERVICES[asset.service];
        let person = if asset.kind == Kind::Laptop {
            format!("user{:05}", chance.below(90_000))
        } else {
            String::new()
        };
        let years = if asset.kind == Kind::Laptop { 3 } else { 5 };
        let warranty =
            if chance.happens(0.02) { String::new() } else { date_text(asset.installed + 365 * years) };
        table.row(&[
            &asset.id,
            asset.spec().class,
            asset.model_name,
            asset.model().vendor,
            &serial,
            &date_text(asset.installed),
            &if gone { date_text(asset.retired) } else { String::new() },
            if chance.happens(0.01) { "" } else { SITES[asset.site].name },
            &person,
            if asset.kind == Kind::Laptop { "Workplace" } else { "Infrastructure" },
            service,
            CRITICALITY[usize::from(criticality) - 1],
            &warranty,
            os(asset.kind).0,
            last("os_version"),
            last("firmware"),
            if gone { "Retired" } else { "Operational" },
        ])?;
    }
    table.finish()
}

/// A cell that is empty, unknown or given.
fn or_unknown(chance: &mut Chance, cell: &str) -> String {
    if chance.happens(0.012) { "?".to_owned() } else { cell.to_owned() }
}

fn write_incidents(simulation: &Simulation, folder: &Path) -> io::Result<()> {
    let end = simulation.params.end() * DAY_SECONDS;
    let mut table = Table::create(
        folder,
        "incidents.csv",
        &[
            "number",
            "opened_at",
            "resolved_at",
            "closed_at",
            "sys_updated_on",
            "state",
            "priority",
            "impact",
            "urgency",
            "category",
            "subcategory",
            "short_description",
            "description",
            "assignment_group",
            "cmdb_ci",
            "business_service",
            "location",
            "caller_id",
            "close_code",
            "reassignment_count",
            "reopen_count",
            "u_downtime_minutes",
            "u_csat",
        ],
    )?;
    let mut ids = Vec::with_capacity(simulation.tickets.len());
    let mut problems = Vec::with_capacity(simulation.tickets.len());
    for (serial, ticket) in simulation.tickets.iter().enumerate() {
        let number = format!("INC{:07}", 10_001 + serial);
        let mut chance = Chance::new(simulation.params.seed, Purpose::Desk, (1 << 32) + serial as u64);
        let asset = simulation.assets.get(ticket.asset as usize);
        let words = words(ticket, asset, &mut chance);
        write_ticket(&mut table, ticket, &number, asset, &words, &mut chance, end)?;
        ids.push(number);
        problems.push(match ticket.subject {
            Subject::Problem(p) => Some(PROBLEMS[usize::from(p)].key),
            _ => None,
        });
    }
    table.finish()?;
    let mut frame = DataFrame::new_infer_height(vec![
        Column::new("ticket_id".into(), ids),
        Column::new("problem".into(), problems),
    ])
    .map_err(io_error)?;
    parquet(folder, "problems_truth.parquet")?.finish(&mut frame).map_err(io_error)?;
    Ok(())
}

fn write_ticket(
    table: &mut Table,
    ticket: &Ticket,
    number: &str,
    asset: Option<&Asset>,
    words: &Words,
    chance: &mut Chance,
    end: Moment,
) -> io::Result<()> {
    const PRIORITY: [&str; 5] = ["1 - Critical", "2 - High", "3 - Moderate", "4 - Low", "5 - Planning"];
    const LEVEL: [&str; 3] = ["1 - High", "2 - Medium", "3 - Low"];
    let failure = matches!(ticket.subject, Subject::Failure { .. });
    let priority = usize::from(ticket.priority);
    let impact = LEVEL[(priority - 1).min(4) / 2];
    let urgency = LEVEL[priority.min(5) / 2];
    let resolved = (ticket.resolved < end).then_some(ticket.resolved);
    let closed = resolved.map(|r| r + 5 * DAY_SECONDS + 3600).filter(|&c| c < end);
    let touched =
        closed.or(resolved).unwrap_or_else(|| (ticket.opened + 5400).min(end - 60).max(ticket.opened));
    let state = match (resolved, closed) {
        (_, Some(_)) => "Closed",
        (Some(_), None) => "Resolved",
        (None, _) => "In Progress",
    };
    let ci = match (asset, ticket.subject) {
        (Some(asset), _) => asset.id.clone(),
        (None, Subject::Orphan) => format!("SRV-9{:04}-OLD", chance.below(40)),
        (None, _) => String::new(),
    };
    let site = SITES[asset.map_or_else(|| some_site(chance), |a| a.site)].name;
    let location = or_unknown(chance, site);
    let service = asset.map_or("", |a| SERVICES[a.service].0);
    let caller = if asset.is_some_and(|a| matches!(a.kind, Kind::Server | Kind::Disk | Kind::Switch)) {
        "monitoring".to_owned()
    } else {
        let user = format!("user{:05}", chance.below(90_000));
        or_unknown(chance, &user)
    };
    let subcategory = or_unknown(chance, words.subcategory);
    let moves = [0, 0, 0, 0, 1, 1, 2, 3][chance.below(8)].to_string();
    let reopened = u8::from(chance.happens(0.04)).to_string();
    let share = chance.between(0.3, 0.95);
    let downtime = match resolved {
        Some(r) if failure => (((r - ticket.opened) as f64 * share / 60.0).round() as i64).to_string(),
        _ => String::new(),
    };
    let satisfaction = if resolved.is_some() && chance.happens(0.25) {
        let score = [1, 2, 3, 4, 4, 5, 5, 5][chance.below(8)].to_string();
        or_unknown(chance, &score)
    } else {
        String::new()
    };
    let opened = local_text(ticket.opened);
    let clock = |at: Option<Moment>| at.map_or(String::new(), local_text);
    let row = |resolved: &str, closed: &str, touched: &str, state: &str, done: bool| {
        [
            number,
            &opened,
            resolved,
            closed,
            touched,
            state,
            PRIORITY[priority - 1],
            impact,
            urgency,
            words.category,
            &subcategory,
            &words.title,
            &words.text,
            words.group,
            &ci,
            service,
            &location,
            &caller,
            if done { words.close_code } else { "" },
            if done { &moves } else { "0" },
            if done { &reopened } else { "0" },
            if done { &downtime } else { "" },
            if done { &satisfaction } else { "" },
        ]
        .map(str::to_owned)
    };
    let newest = row(&clock(resolved), &clock(closed), &local_text(touched), state, resolved.is_some());
    // One ticket in fifty is in the export twice: an older state of it came along.
    let older = (resolved.is_some() && chance.happens(0.02)).then(|| {
        row("", "", &local_text(ticket.opened + (touched - ticket.opened) / 9), "In Progress", false)
    });
    let older_first = chance.happens(0.5);
    let put = |table: &mut Table, cells: &[String; 23]| table.row(&cells.each_ref().map(String::as_str));
    match &older {
        Some(older) if older_first => {
            put(table, older)?;
            put(table, &newest)
        }
        Some(older) => {
            put(table, &newest)?;
            put(table, older)
        }
        None => put(table, &newest),
    }
}

fn write_changes(simulation: &Simulation, folder: &Path) -> io::Result<()> {
    let mut rows: Vec<(Moment, u32, &str, &str, &str, &str)> = Vec::new();
    for asset in &simulation.assets {
        let number = asset.index as u32;
        for (rollout, day) in asset.rollouts() {
            if day < asset.installed || day < asset.start {
                continue;
            }
            let kind = if rollout.component == "firmware" { "firmware" } else { "patch" };
            rows.push((
                day * DAY_SECONDS + 72_000,
                number,
                kind,
                rollout.component,
                rollout.version,
                rollout.text,
            ));
        }
        for &day in asset.batteries.iter().filter(|&&d| d >= asset.start) {
            rows.push((day * DAY_SECONDS + 36_000, number, "replacement", "battery", "", "Battery replaced"));
        }
    }
    for &(number, day) in &simulation.visits {
        rows.push((
            day * DAY_SECONDS + 46_800,
            number,
            "visit",
            "",
            "",
            "Preventive maintenance / Wartungsbesuch",
        ));
    }
    for &(number, day) in &simulation.repairs {
        let (component, text) = match simulation.assets[number as usize].kind {
            Kind::Laptop => ("mainboard", "Mainboard replaced"),
            Kind::Server => ("memory", "Memory module replaced"),
            Kind::Disk => ("drive", "Drive replaced, array rebuilt"),
            Kind::Switch => ("power supply", "Power supply replaced"),
            Kind::Printer => ("fuser", "Fuser unit replaced"),
        };
        rows.push((day * DAY_SECONDS + 64_800, number, "replacement", component, "", text));
    }
    rows.sort_unstable();
    let columns = ["number", "cmdb_ci", "date", "type", "component", "version", "text"];
    let mut table = Table::create(folder, "changes.csv", &columns)?;
    for (serial, (at, asset, kind, component, version, text)) in rows.into_iter().enumerate() {
        let number = format!("CHG{:07}", 30_001 + serial);
        table.row(&[
            &number,
            &simulation.assets[asset as usize].id,
            &local_text(at),
            kind,
            component,
            version,
            text,
        ])?;
    }
    table.finish()
}

fn write_history(simulation: &Simulation, folder: &Path) -> io::Result<()> {
    let mut table =
        Table::create(folder, "attribute_history.csv", &["asset_id", "attribute", "value", "valid_from"])?;
    for asset in &simulation.assets {
        for (attribute, value, day) in versions(asset) {
            table.row(&[&asset.id, attribute, value, &local_text(day * DAY_SECONDS + 72_000)])?;
        }
    }
    table.finish()
}

fn daily_schema() -> Schema {
    let mut fields = vec![
        Field::new("asset_id".into(), DataType::String),
        Field::new("ts".into(), DataType::Datetime(TimeUnit::Microseconds, Some(TimeZone::UTC))),
    ];
    for (metric, name) in METRICS.iter().enumerate() {
        let kind = if metric == LATENCY { DataType::Float64 } else { DataType::Int64 };
        fields.push(Field::new((*name).into(), kind));
    }
    fields.into_iter().collect()
}

fn daily_frame(rows: &[(&str, Reading)]) -> io::Result<DataFrame> {
    let mut columns = vec![
        Column::new("asset_id".into(), rows.iter().map(|r| r.0).collect::<Vec<_>>()),
        times(
            "ts",
            rows.iter().map(|r| (r.1.day * DAY_SECONDS + READING_HOUR * 3600) * 1_000_000).collect(),
        )?,
    ];
    for (metric, name) in METRICS.iter().enumerate() {
        let values = rows.iter().map(|r| r.1.values[metric]).map(|v| (!v.is_nan()).then_some(v));
        columns.push(if metric == LATENCY {
            Column::new((*name).into(), values.collect::<Vec<_>>())
        } else {
            Column::new((*name).into(), values.map(|v| v.map(|v| v as i64)).collect::<Vec<_>>())
        });
    }
    DataFrame::new_infer_height(columns).map_err(io_error)
}

fn write_daily(simulation: &Simulation, folder: &Path) -> io::Result<()> {
    let mut writer =
        parquet(folder, "telemetry_daily.parquet")?.batched(&daily_schema()).map_err(io_error)?;
    for batch in simulation.assets.chunks(BATCH) {
        let mut rows = Vec::new();
        for asset in batch {
            let (again, chance) = Asset::new(&simulation.params, asset.index);
            let life = live(&simulation.params, &again, chance, &[]);
            rows.extend(life.readings.into_iter().map(|r| (asset.id.as_str(), r)));
        }
        writer.write_batch(&daily_frame(&rows)?).map_err(io_error)?;
    }
    writer.finish().map_err(io_error)?;
    Ok(())
}

/// Hourly readings follow load and time of day alone: they say nothing of the hidden state.
fn write_hourly(simulation: &Simulation, folder: &Path) -> io::Result<()> {
    let params = &simulation.params;
    let (mut ids, mut at) = (Vec::new(), Vec::new());
    let mut values: [Vec<Option<i64>>; 4] = Default::default();
    let servers = simulation.assets.iter().filter(|a| a.kind == Kind::Server);
    for asset in servers.take(params.hourly_servers) {
        let mut chance = Chance::new(params.seed, Purpose::Hourly, asset.index as u64);
        let (from, to) = asset.service_days();
        let memory = chance.between(30.0, 75.0);
        let mut io_noise = 0.0;
        for day in from.max(asset.end - i64::from(params.hourly_days))..to {
            for hour in 0..24 {
                let angle = f64::from(hour - 14) / 24.0 * std::f64::consts::TAU;
                let load = asset.load(day);
                let office = if crate::life::busy(day) < 0.5 { 0.3 } else { 1.0 };
                let cpu = load + 14.0 * office * angle.cos();
                io_noise = 0.7 * io_noise + chance.normal(0.0, 0.15);
                let io = 2.0 + 0.12 * cpu * f64::exp(io_noise);
                let season = 3.0 * year_angle(day).cos();
                let row = [
                    chance.normal(cpu, 4.0).clamp(0.0, 100.0).round(),
                    asset.disk_used(day).round(),
                    (memory + season + 4.0 * office * angle.cos() + chance.normal(0.0, 1.0))
                        .clamp(0.0, 100.0)
                        .round(),
                    io.round(),
                ];
                if chance.happens(0.01) {
                    continue;
                }
                ids.push(asset.id.as_str());
                at.push((day * DAY_SECONDS + i64::from(hour) * 3600) * 1_000_000);
                for (column, value) in values.iter_mut().zip(row) {
                    column.push(Some(value as i64));
                }
            }
        }
    }
    let mut columns = vec![Column::new("asset_id".into(), ids), times("ts", at)?];
    for (name, column) in
        ["cpu_percent", METRICS[DISK_USED], "memory_percent", "io_wait_ms"].into_iter().zip(values)
    {
        columns.push(Column::new(name.into(), column));
    }
    let mut frame = DataFrame::new_infer_height(columns).map_err(io_error)?;
    parquet(folder, "telemetry_hourly.parquet")?.finish(&mut frame).map_err(io_error)?;
    Ok(())
}

fn write_truth(simulation: &Simulation, folder: &Path) -> io::Result<()> {
    let truths = &simulation.truths;
    let rounded = |p: f64| (p * 1e6).round() / 1e6;
    let mut frame = DataFrame::new_infer_height(vec![
        times("cutoff", truths.iter().map(|t| t.cutoff * DAY_SECONDS * 1_000_000).collect())?,
        Column::new(
            "asset_id".into(),
            truths.iter().map(|t| simulation.assets[t.asset as usize].id.as_str()).collect::<Vec<_>>(),
        ),
        Column::new("horizon_days".into(), truths.iter().map(|t| i64::from(t.horizon)).collect::<Vec<_>>()),
        Column::new("probability".into(), truths.iter().map(|t| rounded(t.probability)).collect::<Vec<_>>()),
        Column::new(
            "probability_latent".into(),
            truths.iter().map(|t| rounded(t.latent)).collect::<Vec<_>>(),
        ),
    ])
    .map_err(io_error)?;
    parquet(folder, "truth.parquet")?.finish(&mut frame).map_err(io_error)?;
    Ok(())
}
