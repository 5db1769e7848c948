//! Looks at one file and guesses what it is, for `forewarn init`. It does not decide: guesses come with a score.

use std::path::Path;

use forewarn_frames::input::{Kind, TABLES, TableSpec};
use polars::prelude::*;

use crate::column::ColumnSource;
use crate::convert::is_missing_text;
use crate::error::SourceError;
use crate::limits::Limits;
use crate::preset::{Preset, preset, preset_names};
use crate::read::{Format, parse, read_bytes};
use crate::times::parse_time;

/// One reading of what a file is.
#[derive(Debug, Clone, PartialEq)]
pub struct Guess {
    /// The canonical table.
    pub table: &'static str,
    /// The preset under which it reads so.
    pub preset: &'static str,
    /// How well it fits, 0 to 1: the share of the table's columns that are found, less where required ones are not.
    pub score: f64,
    /// Canonical column and source column, where the preset and the canonical names find one.
    pub found: Vec<(&'static str, String)>,
    /// Canonical column and source column by a usual other name: what a `columns` map could say.
    pub proposed: Vec<(&'static str, String)>,
    /// Required columns for which nothing was found.
    pub missing: Vec<&'static str>,
}

/// What one file looks like.
#[derive(Debug, Clone, PartialEq)]
pub struct Sniff {
    /// Its format.
    pub format: Format,
    /// The delimiter, where it is CSV.
    pub delimiter: Option<char>,
    /// Its columns, in order.
    pub columns: Vec<String>,
    /// Its data rows.
    pub n_rows: u64,
    /// The columns of which most cells are times.
    pub time_columns: Vec<String>,
    /// The columns of which most cells are numbers.
    pub number_columns: Vec<String>,
    /// Whether dates with slashes can only be read day first.
    pub day_first: bool,
    /// What it may be, best first; never empty.
    pub guesses: Vec<Guess>,
}

/// Usual other names of canonical columns, lower case, `_` for spaces.
const SYNONYMS: &[(&str, &[&str])] = &[
    (
        "asset_id",
        &[
            "host",
            "hostname",
            "host_name",
            "device",
            "device_id",
            "serial_number",
            "serial",
            "ci",
            "cmdb_ci",
            "node",
            "instance",
            "machine",
            "server",
            "computer",
            "name",
            "asset",
            "asset_tag",
        ],
    ),
    (
        "ticket_id",
        &["id", "number", "key", "ticket", "ticket_number", "incident", "incident_id", "case", "case_id"],
    ),
    ("opened_at", &["opened", "created", "created_at", "open_time", "date", "start", "started", "reported"]),
    ("resolved_at", &["resolved", "closed", "closed_at", "close_time", "solved_at", "fixed", "end"]),
    ("updated_at", &["updated", "modified", "last_modified"]),
    ("ts", &["timestamp", "time", "date", "datetime", "@timestamp", "clock", "collected_at"]),
    ("failed_at", &["failure_date", "failed", "date", "failure_time", "ts", "timestamp"]),
    ("kind", &["type", "class", "event_type", "device_type"]),
    ("metric", &["name", "counter", "key", "item", "measurement"]),
    ("value", &["val", "reading", "lastvalue"]),
    ("title", &["summary", "subject", "short_description"]),
    ("text", &["description", "message"]),
    ("vendor", &["manufacturer", "make"]),
    ("in_service_at", &["install_date", "purchase_date", "deployed", "in_service"]),
    ("retired_at", &["retired", "decommissioned", "end_of_life"]),
    ("valid_from", &["from", "since", "changed_at"]),
    ("attribute", &["field", "property"]),
    ("group", &["team", "assignment_group", "queue"]),
    ("service", &["business_service", "application"]),
    ("site", &["location", "building", "datacenter"]),
    ("mode", &["failure_mode", "cause", "reason"]),
    ("criticality", &["business_criticality"]),
    ("firmware", &["firmware_version", "fw"]),
    ("capacity", &["capacity_bytes", "size"]),
];

fn simple(name: &str) -> String {
    name.trim().to_lowercase().replace([' ', '-'], "_")
}

/// The first column of the file that a preset's source needs; constants need none.
fn served(source: &ColumnSource, columns: &[String]) -> Option<String> {
    match source {
        ColumnSource::Column(c) => columns.contains(c).then(|| c.clone()),
        ColumnSource::FirstOf(all) => all.iter().find_map(|s| served(s, columns)),
        ColumnSource::Template(t) => {
            t.columns().first().filter(|c| columns.iter().any(|x| x == *c)).map(ToString::to_string)
        }
        ColumnSource::Sql(_) | ColumnSource::Value(_) => None,
    }
}

fn constant(source: &ColumnSource) -> bool {
    match source {
        ColumnSource::Value(_) => true,
        ColumnSource::FirstOf(all) => all.iter().any(constant),
        _ => false,
    }
}

fn guess(
    spec: &'static TableSpec,
    name: &'static str,
    preset: &Preset,
    columns: &[String],
    times: &[String],
    numbers: &[String],
) -> Guess {
    let map = &preset.table(spec.name).columns;
    let (mut found, mut proposed, mut missing) = (Vec::new(), Vec::new(), Vec::new());
    let mut taken: Vec<String> = Vec::new();
    let mut given = 0;
    for c in spec.columns {
        let by_preset = map.get(c.name).and_then(|s| served(s, columns));
        if let Some(source) = by_preset.or_else(|| columns.iter().find(|x| *x == c.name).cloned()) {
            taken.push(source.clone());
            found.push((c.name, source));
        } else if map.get(c.name).is_some_and(constant) {
            given += 1;
        } else {
            missing.push(c.name);
        }
    }
    missing.retain(|name| {
        let column = spec.column(name);
        let fits = |x: &&String| {
            !taken.contains(x)
                && match column.map(|c| c.kind) {
                    Some(Kind::Time) => times.contains(x),
                    Some(Kind::Number) => numbers.contains(x),
                    _ => !times.contains(x),
                }
        };
        let other = SYNONYMS.iter().find(|(n, _)| n == name).map_or(&[][..], |(_, s)| s);
        let hit = other.iter().find_map(|s| columns.iter().filter(fits).find(|x| simple(x) == *s));
        if let Some(x) = hit {
            taken.push(x.clone());
            proposed.push((spec.column(name).map_or("", |c| c.name), x.clone()));
        }
        hit.is_none() && column.is_some_and(|c| c.required)
    });
    let n_required = spec.columns.iter().filter(|c| c.required).count();
    let own = |names: &[(&'static str, String)]| {
        names.iter().filter(|(n, _)| spec.column(n).is_some_and(|c| !c.required)).count()
    };
    let required = (n_required - missing.len()) as f64 / n_required as f64;
    let outright = found.iter().filter(|(n, _)| spec.column(n).is_some_and(|c| c.required)).count()
        + given.min(n_required);
    let explained = (found.len() + proposed.len()).min(columns.len()) as f64 / columns.len().max(1) as f64;
    let mut score = 0.4 * required
        + 0.2 * (outright as f64 / n_required as f64).min(1.0)
        + 0.3 * explained
        + 0.1 * ((own(&found) + own(&proposed)) as f64 / 4.0).min(1.0);
    if spec.metrics {
        // What telemetry has beside its keys are numbers.
        let n_metrics = numbers.iter().filter(|n| !taken.contains(n)).count() as f64;
        let rest = (columns.len() - taken.len().min(columns.len())) as f64;
        score = 0.4 * required
            + 0.2 * (outright as f64 / n_required as f64)
            + 0.3 * (n_metrics / rest.max(1.0)).min(1.0)
            + 0.1 * f64::from(n_metrics > 0.0);
        if n_metrics == 0.0 {
            score *= 0.3;
        }
        if preset.telemetry.metrics_from.as_ref().is_some_and(|p| {
            !columns
                .iter()
                .any(|c| p.split_once('*').is_some_and(|(h, t)| c.starts_with(h) && c.ends_with(t)))
        }) {
            score *= 0.5;
        }
    }
    if !missing.is_empty() {
        score *= 0.5;
    }
    Guess { table: spec.name, preset: name, score, found, proposed, missing }
}

/// Looks at one file: its shape, its time columns, and which table under which preset it may be.
///
/// # Errors
///
/// The file cannot be read ([`SourceError`] says why).
pub fn sniff(path: &Path) -> Result<Sniff, SourceError> {
    let shown = path.to_string_lossy().replace('\\', "/");
    let limits = Limits::default();
    let (format, raw) = parse(read_bytes(path, &shown, limits)?, &shown, None, limits)?;
    let head = raw.df.head(Some(1_000));
    let (mut time_columns, mut number_columns) = (Vec::new(), Vec::new());
    let (mut n_slashes, mut n_bad) = (0, 0);
    for c in head.columns() {
        let name = c.name().to_string();
        match c.dtype() {
            DataType::Datetime(..) | DataType::Date => time_columns.push(name),
            d if d.is_primitive_numeric() || *d == DataType::Boolean => number_columns.push(name),
            DataType::String => {
                let Ok(text) = c.str() else { continue };
                let cells: Vec<&str> =
                    text.iter().flatten().map(str::trim).filter(|s| !is_missing_text(s)).collect();
                let is_number = |s: &&&str| s.parse::<f64>().is_ok();
                // Digits alone are a number first: an identifier is more often met than an epoch.
                let plain = cells.iter().filter(is_number).count();
                let read =
                    |s: &str, day_first: bool| parse_time(s, day_first).filter(|_| s.parse::<f64>().is_err());
                let either = cells.iter().filter(|s| read(s, false).or(read(s, true)).is_some()).count();
                if !cells.is_empty() && either * 10 >= cells.len() * 9 {
                    n_bad +=
                        cells.iter().filter(|s| read(s, false).is_none() && read(s, true).is_some()).count();
                    n_slashes +=
                        cells.iter().filter(|s| read(s, true).is_some_and(|t| t.chosen_order)).count();
                    time_columns.push(name);
                } else if !cells.is_empty() && plain * 2 >= cells.len() {
                    number_columns.push(name);
                }
            }
            _ => {}
        }
    }
    let columns: Vec<String> = raw.df.get_column_names().iter().map(ToString::to_string).collect();
    let mut guesses = Vec::new();
    for (name, _) in preset_names() {
        let preset = preset(name, "preset")?;
        for spec in TABLES {
            if name == "generic" || !preset.table(spec.name).columns.is_empty() {
                guesses.push(guess(spec, name, &preset, &columns, &time_columns, &number_columns));
            }
        }
    }
    guesses.sort_by(|a, b| b.score.total_cmp(&a.score));
    Ok(Sniff {
        format,
        delimiter: raw.delimiter.map(char::from),
        n_rows: raw.df.height() as u64,
        columns,
        time_columns,
        number_columns,
        day_first: n_bad > 0 && n_bad * 20 > n_slashes,
        guesses,
    })
}
