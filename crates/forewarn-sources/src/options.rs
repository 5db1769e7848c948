//! The source parts of the TOML config as they are written: every key optional, unknown keys refused. What they come to is
//! [`crate::SourceSettings`]. It does not know files or where the text came from.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::column::ColumnSource;

/// One path or pattern, or several.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, expecting = "expected a path or pattern, or a list of them")]
pub enum Paths {
    /// `path = "incidents.csv"`
    One(String),
    /// `path = ["2025/*.csv", "2026/*.csv"]`
    Many(Vec<String>),
}

impl Paths {
    /// The paths and patterns in the order of the config.
    #[must_use]
    pub fn list(&self) -> Vec<&str> {
        match self {
            Self::One(p) => vec![p.as_str()],
            Self::Many(all) => all.iter().map(String::as_str).collect(),
        }
    }
}

macro_rules! table_options {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $kind:ty,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub struct $name {
            /// The file or files: a path, a pattern, or a list of them, relative to the config file or `--data DIR`.
            /// Default: none. Example: `path = "exports/*.csv.gz"`.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub path: Option<Paths>,
            /// Known column names of a product: `generic`, `servicenow`, `backblaze` and others ([`crate::preset_names`]).
            /// Default: `generic` (canonical names). Example: `preset = "servicenow"`.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub preset: Option<String>,
            /// Canonical column = source; stands over the preset. Default: none.
            /// Example: `columns = { asset_id = "S{System:02}-N{nodenum:04}", category = { sql = "COALESCE(a, b)" } }`.
            #[serde(skip_serializing_if = "BTreeMap::is_empty")]
            pub columns: BTreeMap<String, ColumnSource>,
            /// Only rows for which this SQL condition over canonical and source columns is true. Default: all.
            /// Example: `where = "state <> 'Canceled'"`.
            #[serde(rename = "where", skip_serializing_if = "Option::is_none")]
            pub filter: Option<String>,
            /// What separates fields in CSV: `,`, `;`, `|` or a tab. Default: found out. Example: `delimiter = ";"`.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub delimiter: Option<String>,
            /// Whether `3/4/2025` is the third of April. Default: false (the fourth of March);
            /// where no date of the table tells the order, a finding says so. Example: `day_first = true`.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub day_first: Option<bool>,
            /// The zone of times without an offset, by IANA name. Default: `run.time_zone`; Parquet times without a zone are
            /// UTC unless this is set. Example: `time_zone = "Europe/Berlin"`.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub time_zone: Option<String>,
            $($(#[$field_doc])* #[serde(skip_serializing_if = "Option::is_none")] pub $field: Option<$kind>,)*
        }
    };
}

table_options! {
    /// `[assets]`: the inventory.
    AssetsOptions {
        /// Takes the assets from another table instead of a file: `telemetry`. Default: from `path`. In service since first
        /// seen; out of service since nothing was read of an asset for 3 days on which others were read (14, of a new one), and
        /// for more than twice as long as it has paused before.
        /// Example: `from = "telemetry"`.
        from: String,
    }
}

table_options! {
    /// `[asset_history]`: dated attributes of assets.
    AssetHistoryOptions {}
}

table_options! {
    /// `[tickets]`: the service desk's tickets.
    TicketsOptions {
        /// Columns whose cells may have changed since a ticket was opened, so that they count as known only once it is
        /// resolved: of `category`, `subcategory`, `priority`, `group`, `service`, `site`, `type`, `asset_id`.
        /// Default: the preset's. Example: `known_late = ["priority", "category"]`.
        known_late: Vec<String>,
    }
}

table_options! {
    /// `[[telemetry]]`: readings of metrics.
    TelemetryOptions {
        /// `wide` (one column a metric) or `long` (`metric`, `value`). Default: `wide`. Example: `layout = "long"`.
        layout: String,
        /// Whether a row comes only when a value changes and holds until the next. Default: false.
        /// Example: `on_change = true`.
        on_change: bool,
        /// Metrics that only count up; a fall is a reset. Default: none. Example: `counters = ["smart_5"]`.
        counters: Vec<String>,
        /// The metrics to read; others are left. Default: every numeric column. Example: `metrics = ["cpu", "disk"]`.
        metrics: Vec<String>,
        /// Columns that are no metrics, by the source's name or the metric's. Default: none. Example: `ignore = ["rack"]`.
        ignore: Vec<String>,
    }
}

table_options! {
    /// `[[events]]`: changes, patches, visits, replacements, errors, alerts.
    EventsOptions {
        /// The kind of every event of this source. Default: the mapped column `kind`. Example: `kind = "patch"`.
        kind: String,
    }
}

table_options! {
    /// `[actions]`: what readers of the list report as done (visited, replaced, dismissed, snoozed). The file may have no row
    /// yet.
    ActionsOptions {}
}

table_options! {
    /// `failures = { … }` in `[failure]`: a file that lists failures.
    FailuresOptions {}
}

/// `[failure]`: what counts as a failure.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FailureOptions {
    /// The table that failures are derived from: `tickets`, `events` or `telemetry`. Default: none.
    /// Example: `from = "tickets"`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// The SQL condition over its canonical columns that makes a row a failure. Default: every row.
    /// Example: `where = "category = 'Hardware' AND priority <= 2"`.
    #[serde(rename = "where", skip_serializing_if = "Option::is_none")]
    pub filter: Option<String>,
    /// Whether a failed asset leaves the population. Default: false; true with `failures`. Example: `terminal = true`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub terminal: Option<bool>,
    /// How it failed: a canonical column or an SQL expression. Default: of tickets, `subcategory` where failures differ in
    /// it, else `category` where they do; otherwise none. Example: `mode = "resolution_code"`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// A file that lists failures, instead of `from`. Default: none. Example: `failures = { path = "failures.csv" }`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failures: Option<FailuresOptions>,
}

/// The source parts of a config together. The binary embeds the single tables, since `deny_unknown_fields` and flattening
/// do not go together.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SourceOptions {
    /// `[assets]`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assets: Option<AssetsOptions>,
    /// `[asset_history]`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asset_history: Option<AssetHistoryOptions>,
    /// `[tickets]`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tickets: Option<TicketsOptions>,
    /// `[[telemetry]]`
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub telemetry: Vec<TelemetryOptions>,
    /// `[[events]]`
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<EventsOptions>,
    /// `[failure]`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<FailureOptions>,
    /// `[actions]`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actions: Option<ActionsOptions>,
}
