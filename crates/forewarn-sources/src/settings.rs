//! What the options come to: paths joined, presets resolved, zones and names checked. It does not read files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use forewarn_frames::TicketColumn;
use forewarn_frames::input::{self, TableSpec};
use forewarn_frames::time::Micros;
use serde::Serialize;

use crate::column::ColumnSource;
use crate::error::{SourceError, nearest};
use crate::limits::Limits;
use crate::options::{FailureOptions, Paths, SourceOptions};
use crate::preset::{TablePreset, preset};
use crate::zone::Zone;

/// Where a canonical column comes from, and who says so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Mapping {
    /// Where it comes from.
    pub source: ColumnSource,
    /// Whether the config says so (then a missing source is an error); else a preset does.
    pub from_config: bool,
}

/// `wide` or `long` telemetry.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Layout {
    /// One column a metric.
    #[default]
    Wide,
    /// Columns `metric` and `value`.
    Long,
}

/// How one table is read.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TableSettings {
    /// The table as the config names it: `tickets`, `telemetry[0]`, `failure.failures`.
    pub key: String,
    /// The canonical table.
    pub table: &'static str,
    /// Paths and patterns as the config names them.
    pub paths: Vec<String>,
    /// The preset.
    pub preset: String,
    /// Canonical column to source.
    pub columns: BTreeMap<String, Mapping>,
    /// The SQL condition that rows must meet.
    pub filter: Option<String>,
    /// The delimiter of CSV, if it is set.
    pub delimiter: Option<char>,
    /// Whether `3/4/2025` is in April, if it is set.
    pub day_first: Option<bool>,
    /// The zone of times without an offset.
    pub time_zone: String,
    /// Whether this source sets it (then it holds for typed times too).
    pub time_zone_set: bool,
    /// Telemetry: one column a metric, or metric and value.
    pub layout: Layout,
    /// Telemetry: a row comes only when a value changes.
    pub on_change: bool,
    /// Telemetry: metrics that only count up.
    pub counters: Vec<String>,
    /// Telemetry: the metrics to read, if they are named.
    pub metrics: Option<Vec<String>>,
    /// Telemetry: source columns that are no metrics.
    pub ignore: Vec<String>,
    /// Telemetry: the pattern of metrics in the source and of their names here, each with one `*`.
    pub metric_pattern: Option<(String, String)>,
    /// Telemetry: metrics beside those of the pattern.
    pub also: Vec<String>,
    /// Assets: columns that hold a state, columns that date it, and the states that mean retired.
    pub retired: Option<(Vec<String>, Vec<String>, Vec<String>)>,
}

impl TableSettings {
    /// The canonical columns of the table.
    #[must_use]
    pub fn spec(&self) -> &'static TableSpec {
        input::TABLES.into_iter().find(|t| t.name == self.table).unwrap_or(&input::TELEMETRY)
    }
}

/// Where failures come from.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum FailureSource {
    /// Nothing says what a failure is: the table stays empty.
    None,
    /// Rows of a table (`tickets`, `events` or `telemetry`) that meet the condition.
    Table(&'static str),
    /// A file of failures.
    File(Box<TableSettings>),
}

/// What counts as a failure.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FailureSettings {
    /// Where failures come from.
    pub source: FailureSource,
    /// The SQL condition; none: every row.
    pub filter: Option<String>,
    /// A canonical column or an SQL expression for the mode; `None`: the usual one of the table.
    pub mode: Option<String>,
    /// Whether a failed asset leaves the population.
    pub terminal: bool,
}

/// Everything that [`crate::load`] needs, checked.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SourceSettings {
    /// The folder that relative paths start from.
    pub base: PathBuf,
    /// The inventory's files.
    pub assets: Option<TableSettings>,
    /// Where the inventory comes from telemetry: canonical asset column to source.
    pub assets_from_telemetry: Option<BTreeMap<String, Mapping>>,
    /// Dated attributes.
    pub asset_history: Option<TableSettings>,
    /// Tickets.
    pub tickets: Option<TableSettings>,
    /// Ticket columns known only once a ticket is resolved, sorted.
    #[serde(serialize_with = "names")]
    pub known_late: Vec<TicketColumn>,
    /// Ticket columns that hold today's value and are taken as opened, sorted.
    pub assumed_as_opened: Vec<&'static str>,
    /// Telemetry, one entry a source.
    pub telemetry: Vec<TableSettings>,
    /// Events, one entry a source.
    pub events: Vec<TableSettings>,
    /// What counts as a failure.
    pub failure: FailureSettings,
    /// What readers report as done.
    pub actions: Option<TableSettings>,
    /// Rows before this time (UTC microseconds) are left out. Default: none.
    pub keep_from: Option<Micros>,
    /// Rows at or after this time (UTC microseconds) are left out and counted. Default: none.
    pub keep_until: Option<Micros>,
    /// The greatest share of a pattern's files that may be bad, 0 to 1. Default: 0.10.
    pub max_bad_files: f64,
    /// Caps on what is read.
    pub limits: Limits,
}

fn names<S: serde::Serializer>(all: &[TicketColumn], s: S) -> Result<S::Ok, S::Error> {
    s.collect_seq(all.iter().map(|c| c.name()))
}

/// The keys that every table shares, borrowed.
struct Common<'a> {
    path: Option<&'a Paths>,
    preset: Option<&'a str>,
    columns: &'a BTreeMap<String, ColumnSource>,
    filter: Option<&'a str>,
    delimiter: Option<&'a str>,
    day_first: Option<bool>,
    time_zone: Option<&'a str>,
}

macro_rules! common {
    ($o:expr) => {
        Common {
            path: $o.path.as_ref(),
            preset: $o.preset.as_deref(),
            columns: &$o.columns,
            filter: $o.filter.as_deref(),
            delimiter: $o.delimiter.as_deref(),
            day_first: $o.day_first,
            time_zone: $o.time_zone.as_deref(),
        }
    };
}

fn refused(
    key: impl Into<String>,
    found: &str,
    allowed: impl Into<String>,
    hint: Option<String>,
) -> SourceError {
    SourceError::Config { key: key.into(), found: found.to_owned(), allowed: allowed.into(), hint }
}

fn one_of<'a>(key: &str, found: &str, allowed: &[&'a str]) -> Result<&'a str, SourceError> {
    allowed.iter().find(|a| **a == found).copied().ok_or_else(|| {
        let hint = nearest(found, allowed.iter().copied()).map(|n| format!("did you mean `{n}`?"));
        refused(key, found, format!("one of {}", allowed.join(", ")), hint)
    })
}

fn ticket_columns(key: &str, list: &[String]) -> Result<Vec<TicketColumn>, SourceError> {
    let allowed = TicketColumn::ALL.map(|(_, n)| n);
    let mut out = Vec::new();
    for name in list {
        out.extend(TicketColumn::parse(one_of(key, name, &allowed)?));
    }
    out.sort_unstable();
    out.dedup();
    Ok(out)
}

fn mappings(
    key: &str,
    preset: &TablePreset,
    columns: &BTreeMap<String, ColumnSource>,
    allowed: Option<&TableSpec>,
) -> Result<BTreeMap<String, Mapping>, SourceError> {
    let mut out: BTreeMap<String, Mapping> = preset
        .columns
        .iter()
        .map(|(c, source)| (c.clone(), Mapping { source: source.clone(), from_config: false }))
        .collect();
    for (column, source) in columns {
        if let Some(spec) = allowed {
            let names: Vec<&str> = spec.columns.iter().map(|c| c.name).collect();
            one_of(&format!("{key}.columns"), column, &names)?;
        }
        out.insert(column.clone(), Mapping { source: source.clone(), from_config: true });
    }
    Ok(out)
}

fn table(
    key: String,
    spec: &'static TableSpec,
    o: &Common<'_>,
    zone: &str,
    path_needed: bool,
) -> Result<(TableSettings, TablePreset), SourceError> {
    let preset_name = o.preset.unwrap_or("generic");
    let preset = preset(preset_name, &format!("{key}.preset"))?.table(spec.name).clone();
    let delimiter = match o.delimiter {
        None => None,
        Some(d) if d.len() == 1 && [",", ";", "\t", "|"].contains(&d) => d.chars().next(),
        Some(d) => {
            return Err(refused(
                format!("{key}.delimiter"),
                d,
                "one of `,` `;` `|` or a tab (\"\\t\")",
                None,
            ));
        }
    };
    let time_zone = o.time_zone.unwrap_or(zone);
    if Zone::parse(time_zone).is_none() {
        let key = if o.time_zone.is_some() { format!("{key}.time_zone") } else { "run.time_zone".into() };
        return Err(refused(
            key,
            time_zone,
            "an IANA zone",
            Some("like `Europe/Berlin`, `America/New_York` or `UTC`".into()),
        ));
    }
    let paths: Vec<String> =
        o.path.map(|p| p.list().into_iter().map(ToOwned::to_owned).collect()).unwrap_or_default();
    if path_needed && paths.is_empty() {
        return Err(refused(format!("{key}.path"), "", "a path or pattern", None));
    }
    let settings = TableSettings {
        columns: mappings(&key, &preset, o.columns, (!spec.metrics).then_some(spec))?,
        key,
        table: spec.name,
        paths,
        preset: preset_name.to_owned(),
        filter: o.filter.map(ToOwned::to_owned),
        delimiter,
        day_first: o.day_first,
        time_zone: time_zone.to_owned(),
        time_zone_set: o.time_zone.is_some(),
        layout: Layout::Wide,
        on_change: false,
        counters: Vec::new(),
        metrics: None,
        ignore: Vec::new(),
        metric_pattern: preset.metrics_from.clone().zip(preset.metrics_as.clone()),
        also: preset.also.clone(),
        retired: (!preset.retired.is_empty())
            .then(|| (preset.status.clone(), preset.status_date.clone(), preset.retired.clone())),
    };
    Ok((settings, preset))
}

impl SourceOptions {
    /// Checks the options and resolves them against a folder and the run's time zone (`None`: UTC).
    ///
    /// # Errors
    ///
    /// A [`SourceError::Config`] that names the first key whose value is not allowed.
    pub fn resolve(&self, base: &Path, time_zone: Option<&str>) -> Result<SourceSettings, SourceError> {
        let zone = time_zone.unwrap_or("UTC");
        let mut out = SourceSettings {
            base: base.to_owned(),
            assets: None,
            assets_from_telemetry: None,
            asset_history: None,
            tickets: None,
            known_late: Vec::new(),
            assumed_as_opened: Vec::new(),
            telemetry: Vec::new(),
            events: Vec::new(),
            failure: FailureSettings {
                source: FailureSource::None,
                filter: None,
                mode: None,
                terminal: false,
            },
            actions: None,
            keep_from: None,
            keep_until: None,
            max_bad_files: 0.10,
            limits: Limits::default(),
        };
        if let Some(o) = &self.assets {
            if let Some(from) = &o.from {
                one_of("assets.from", from, &["telemetry"])?;
                if self.telemetry.is_empty() {
                    return Err(refused(
                        "assets.from",
                        from,
                        "a `[[telemetry]]` source to take assets from",
                        None,
                    ));
                }
                if o.path.is_some() {
                    return Err(refused("assets.from", from, "either `path` or `from`, not both", None));
                }
                // Without a preset of its own, the assets take the one of the telemetry they come from.
                let inherited = o.preset.as_deref().or(self.telemetry[0].preset.as_deref());
                let common = Common { preset: inherited, ..common!(o) };
                let (settings, _) = table("assets".into(), &input::ASSETS, &common, zone, false)?;
                out.assets_from_telemetry = Some(settings.columns);
            } else {
                out.assets = Some(table("assets".into(), &input::ASSETS, &common!(o), zone, true)?.0);
            }
        }
        if let Some(o) = &self.asset_history {
            out.asset_history =
                Some(table("asset_history".into(), &input::ASSET_HISTORY, &common!(o), zone, true)?.0);
        }
        if let Some(o) = &self.tickets {
            let (settings, preset) = table("tickets".into(), &input::TICKETS, &common!(o), zone, true)?;
            out.known_late =
                ticket_columns("tickets.known_late", o.known_late.as_ref().unwrap_or(&preset.known_late))?;
            let assumed = ticket_columns("tickets.preset", &preset.assumed_as_opened)?;
            let may_have_changed =
                assumed.into_iter().chain(ticket_columns("tickets.preset", &preset.known_late)?);
            out.assumed_as_opened =
                may_have_changed.filter(|c| !out.known_late.contains(c)).map(TicketColumn::name).collect();
            out.assumed_as_opened.sort_unstable();
            out.tickets = Some(settings);
        }
        for (i, o) in self.telemetry.iter().enumerate() {
            let key = format!("telemetry[{i}]");
            let (mut settings, _) = table(key.clone(), &input::TELEMETRY, &common!(o), zone, true)?;
            settings.layout = match one_of(
                &format!("{key}.layout"),
                o.layout.as_deref().unwrap_or("wide"),
                &["wide", "long"],
            )? {
                "long" => Layout::Long,
                _ => Layout::Wide,
            };
            settings.on_change = o.on_change.unwrap_or(false);
            settings.counters = o.counters.clone().unwrap_or_default();
            settings.metrics.clone_from(&o.metrics);
            settings.ignore = o.ignore.clone().unwrap_or_default();
            out.telemetry.push(settings);
        }
        for (i, o) in self.events.iter().enumerate() {
            let key = format!("events[{i}]");
            let (mut settings, _) = table(key, &input::EVENTS, &common!(o), zone, true)?;
            if let Some(kind) = &o.kind {
                let source = ColumnSource::Value(kind.clone());
                settings.columns.insert("kind".into(), Mapping { source, from_config: true });
            }
            out.events.push(settings);
        }
        if let Some(o) = &self.failure {
            out.failure = self.failure(o, zone)?;
        }
        if let Some(o) = &self.actions {
            out.actions = Some(table("actions".into(), &input::ACTIONS, &common!(o), zone, true)?.0);
        }
        Ok(out)
    }

    fn failure(&self, o: &FailureOptions, zone: &str) -> Result<FailureSettings, SourceError> {
        let source = match (&o.from, &o.failures) {
            (Some(from), Some(_)) => {
                return Err(refused("failure.from", from, "either `from` or `failures`, not both", None));
            }
            (None, Some(f)) => {
                let key = "failure.failures".to_owned();
                FailureSource::File(Box::new(table(key, &input::FAILURES, &common!(f), zone, true)?.0))
            }
            (Some(from), None) => {
                let from = one_of("failure.from", from, &["tickets", "events", "telemetry"])?;
                let present = match from {
                    "tickets" => self.tickets.is_some(),
                    "events" => !self.events.is_empty(),
                    _ => !self.telemetry.is_empty(),
                };
                if !present {
                    return Err(refused(
                        "failure.from",
                        from,
                        format!("a table `{from}` in the config"),
                        None,
                    ));
                }
                FailureSource::Table(match from {
                    "tickets" => "tickets",
                    "events" => "events",
                    _ => "telemetry",
                })
            }
            (None, None) => {
                let hint =
                    Some("`from = \"tickets\"` with a `where`, or `failures = { path = \"…\" }`".to_owned());
                return Err(refused("failure.from", "", "one of tickets, events, telemetry", hint));
            }
        };
        let terminal = o.terminal.unwrap_or(matches!(source, FailureSource::File(_)));
        Ok(FailureSettings { source, filter: o.filter.clone(), mode: o.mode.clone(), terminal })
    }
}
