//! The config file as it is written: every key optional, unknown keys refused. It does not know defaults; those are in
//! [`crate::settings`].

use std::collections::BTreeMap;
use std::fmt;

use forewarn_sources::{
    ActionsOptions, AssetHistoryOptions, AssetsOptions, EventsOptions, FailureOptions, LimitsOptions,
    TelemetryOptions, TicketsOptions,
};
use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, Visitor};

/// `forewarn.toml`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Options {
    /// Where and when.
    pub run: Option<RunOptions>,
    /// The inventory.
    pub assets: Option<AssetsOptions>,
    /// Dated attributes of assets.
    pub asset_history: Option<AssetHistoryOptions>,
    /// The tickets.
    pub tickets: Option<TicketsOptions>,
    /// The telemetry, one entry a source.
    pub telemetry: Option<Vec<TelemetryOptions>>,
    /// The events, one entry a source.
    pub events: Option<Vec<EventsOptions>>,
    /// What counts as failure.
    pub failure: Option<FailureOptions>,
    /// What readers of the list report as done.
    pub actions: Option<ActionsOptions>,
    /// How risk is learned and ranked.
    pub risk: Option<RiskOptions>,
    /// How many assets can be visited.
    pub capacity: Option<CapacityOptions>,
    /// What things cost.
    pub cost: Option<CostOptions>,
    /// Preventive measures.
    pub measure: Option<Vec<MeasureOptions>>,
    /// Which ticket counts are forecast.
    pub counts: Option<Vec<CountOptions>>,
    /// The data checks.
    pub checks: Option<ChecksOptions>,
    /// How much one input file may hold.
    pub limits: Option<LimitsOptions>,
    /// What is written beside the report for other programs.
    pub export: Option<ExportOptions>,
    /// Which run folders are kept.
    pub retention: Option<RetentionOptions>,
    /// What the report refers to.
    pub report: Option<ReportOptions>,
    /// What the report may show of tickets.
    pub privacy: Option<PrivacyOptions>,
    /// Thresholds of metrics.
    pub threshold: Option<Vec<ThresholdOptions>>,
}

/// `[run]`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunOptions {
    /// Where observation ends. Default: the midnight after the newest record. Example: `as_of = "2025-12-31"`
    pub as_of: Option<DateText>,
    /// The zone of timestamps without an offset. Default: `"UTC"`. Example: `time_zone = "Europe/Berlin"`
    pub time_zone: Option<String>,
    /// The folder of the run folders. Default: `"reports"`. Example: `out = "/srv/forewarn"`
    pub out: Option<String>,
    /// Ignore older records. Default: none are ignored. Example: `history_from = "2023-01-01"`
    pub history_from: Option<DateText>,
    /// The seed of everything random. Default: `0`. Example: `seed = 7`
    pub seed: Option<u64>,
}

/// `[risk]`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RiskOptions {
    /// The horizons, 1 to 3650 days. Default: `[7, 30, 90]`. Example: `horizons_days = [14, 60]`
    pub horizons_days: Option<Vec<i64>>,
    /// The horizon of the ranking, one of `horizons_days`. Default: 30 where it is one, else the first.
    /// Example: `rank_by_days = 14`
    pub rank_by_days: Option<i64>,
    /// The step between training cutoffs. Default: `"1w"`. Example: `cutoff_every = "1mo"`
    pub cutoff_every: Option<String>,
    /// The step on which models are trained anew. Default: `"1mo"`. Example: `refit_every = "1w"`
    pub refit_every: Option<String>,
    /// The first training cutoff. Default: three years back, or as early as full records allow. Example: `train_from = "2024-01-01"`
    pub train_from: Option<DateText>,
    /// What is not learned from: columns of the data (a metric, `model`, `tickets[Disk]`, `events[patch]`) and features as
    /// `features.parquet` lists them, with `*` for any part of a name. Default: none.
    /// Example: `leave_out = ["rma_status", "*.peer_rank"]`
    pub leave_out: Option<Vec<String>>,
    /// Columns that the leakage check leaves alone, because they are known in time. Default: none.
    /// Example: `keep = ["controller_alarm"]`
    pub keep: Option<Vec<String>>,
}

/// `[capacity]`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CapacityOptions {
    /// How many assets can be visited in a period, at least 1. Default: `20`. Example: `visits = 5`
    pub visits: Option<i64>,
    /// The days of a period, 1 to 365. Default: `7`. Example: `per_days = 14`
    pub per_days: Option<i64>,
}

/// `[cost]`: with `downtime_hour` and `visit` the ranking is by what a measure saves, without by probability.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CostOptions {
    /// What an hour of downtime of an asset of middle criticality (3) costs, from 0. Default: none. Example: `downtime_hour = 200.0`
    pub downtime_hour: Option<f64>,
    /// What a visit costs, from 0. Default: none. Example: `visit = 80.0`
    pub visit: Option<f64>,
    /// What a repair costs, from 0; the maker pays it while the warranty runs. Default: `0`. Example: `repair = 150.0`
    pub repair: Option<f64>,
    /// Hours that a failure lasts, from 0. Default: as the failures' downtime has it by kind, else their time to repair.
    /// Example: `downtime_hours = 6.0`
    pub downtime_hours: Option<f64>,
    /// Factors of the hour's cost for criticality 1 (highest) to 5, each from 0; assets without one have the third.
    /// Default: `[2.0, 1.5, 1.0, 0.75, 0.5]`. Example: `criticality = [4.0, 2.0, 1.0, 1.0, 0.5]`
    pub criticality: Option<Vec<f64>>,
    /// The currency, three letters. Default: none. Example: `currency = "EUR"`
    pub currency: Option<String>,
}

/// `[[measure]]`: a preventive measure, before those of the shipped catalog; one of the same name replaces it. Patterns are
/// compared without case, with `*` for any part.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MeasureOptions {
    /// Its name. Example: `name = "swap_power_unit"`
    pub name: String,
    /// What to do, in words. Example: `title = "Swap the power unit"`
    pub title: String,
    /// Kinds of assets that it fits. Default: all. Example: `kinds = ["*switch*"]`
    pub kinds: Option<Vec<String>>,
    /// Failure modes that it prevents. Default: any, unless `reasons` are given. Example: `modes = ["power*"]`
    pub modes: Option<Vec<String>>,
    /// Features among the three that raise the risk most. Default: any, unless `modes` are given.
    /// Example: `reasons = ["*voltage*"]`
    pub reasons: Option<Vec<String>>,
    /// Whether the warranty must run: `running`, `over` (or not known) or `any`. Default: `"any"`.
    /// Example: `warranty = "running"`
    pub warranty: Option<String>,
    /// The share of failures that it prevents where the data does not tell, 0 to 1. Default: `0.5`.
    /// Example: `effectiveness = 0.7`
    pub effectiveness: Option<f64>,
    /// Measures of `measures.parquet` that are this one. Default: none. Example: `measured_as = ["replacement power*"]`
    pub measured_as: Option<Vec<String>>,
}

/// `[[counts]]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CountOptions {
    /// The ticket column counted by. Example: `by = "group"`
    pub by: String,
    /// The period: `"1d"`, `"1w"` (from Monday) or `"1mo"`. Default: chosen from the data. Example: `every = "1w"`
    pub every: Option<String>,
    /// How many periods ahead, 1 to 366. Default: 28 days, 4 weeks or 3 months. Example: `horizon = 12`
    pub horizon: Option<i64>,
    /// Incidents that a value needs for a series of its own, 1 to 1,000,000; the others are counted together as
    /// `(other)`. Default: `20`. Example: `least = 5`
    pub least: Option<i64>,
}

/// `[checks]`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChecksOptions {
    /// The severity at which a run ends with exit code 1: `info`, `warning` or `error`. Default: `"error"`.
    /// Example: `fail_at = "warning"`
    pub fail_at: Option<String>,
    /// How old the newest record of a table may be, days. Default: no limit. Example: `max_age_days = { tickets = 7 }`
    pub max_age_days: Option<BTreeMap<String, i64>>,
    /// The share of a table's files that may be set aside, 0 to 1. Default: `0.1`. Example: `max_bad_files = 0.02`
    pub max_bad_files: Option<f64>,
    /// The plausible values of a metric. Default: none. Example: `ranges = { temperature = { min = -20, max = 90 } }`
    pub ranges: Option<BTreeMap<String, RangeOptions>>,
}

/// The plausible values of a metric.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RangeOptions {
    /// The least. Default: no limit.
    pub min: Option<f64>,
    /// The greatest. Default: no limit.
    pub max: Option<f64>,
}

/// `[export]`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExportOptions {
    /// The formats in which every table is written beside Parquet: `csv` and `json` (`tables/NAME.csv`,
    /// `tables/NAME.json` with `tables/schema.json`) and `xlsx` (`forewarn.xlsx`, a sheet for each table); `[]` for none.
    /// Default: `["csv", "xlsx"]`. Example: `tables = ["json"]`
    pub tables: Option<Vec<String>>,
    /// Whose import columns `tickets.csv` has, which holds the actions of this period that no open ticket holds yet:
    /// `servicenow`, or `none` for no such file. Default: `"servicenow"`. Example: `tickets = "none"`
    pub tickets: Option<String>,
    /// A file for node_exporter's textfile collector, written when a run begins and when it ends, also badly: how the last
    /// runs ended, and the gauges of the latest one. Default: none.
    /// Example: `textfile = "/var/lib/prometheus/node-exporter/forewarn.prom"`
    pub textfile: Option<String>,
}

/// `[retention]`: with neither rule every run folder is kept; with both, one goes where both let it go. The newest two are
/// always kept, and so is the ledger, `history/`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RetentionOptions {
    /// How many run folders to keep, the newest by their as-of, 2 to 100,000. Default: all. Example: `keep_runs = 30`
    pub keep_runs: Option<i64>,
    /// Keep those whose as-of lies within so many days before the newest one, 1 to 36,500. Default: all.
    /// Example: `keep_days = 90`
    pub keep_days: Option<i64>,
}

/// `[report]`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReportOptions {
    /// Where a ticket can be read, `{id}` standing for its id: the report's ticket ids become links, which only a reader
    /// follows. Default: none. Example: `ticket_url = "https://desk.example.org/ticket/{id}"`
    pub ticket_url: Option<String>,
}

/// `[privacy]`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PrivacyOptions {
    /// How much of what tickets say the report and the tables show: `none` (categories alone), `titles` (words that at
    /// least five tickets and three callers share) or `full` (the title of a typical ticket too). Default: `"titles"`.
    /// Example: `text = "none"`
    pub text: Option<String>,
}

/// `[[threshold]]`: levels that matter. Without one, a metric's name may tell (`disk_used_percent`, `battery_health`, …).
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ThresholdOptions {
    /// The metric. Example: `metric = "disk_used_percent"`
    pub metric: String,
    /// It is bad above this. Example: `above = 90`
    pub above: Option<f64>,
    /// It is bad below this. Example: `below = 5`
    pub below: Option<f64>,
}

/// A date as text; a TOML date without quotes is taken too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DateText(pub String);

impl<'de> Deserialize<'de> for DateText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = DateText;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a date like \"2025-12-31\"")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<DateText, E> {
                Ok(DateText(text.to_owned()))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<DateText, A::Error> {
                let date = toml::value::Datetime::deserialize(de::value::MapAccessDeserializer::new(map))?;
                Ok(DateText(date.to_string()))
            }
        }
        deserializer.deserialize_any(Either)
    }
}
