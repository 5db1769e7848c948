//! Known column names of products, one TOML file each in `presets/`, compiled in. It does not know files or the config.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::column::ColumnSource;
use crate::error::{SourceError, nearest};

const PRESETS: [(&str, &str); 8] = [
    ("generic", include_str!("../presets/generic.toml")),
    ("servicenow", include_str!("../presets/servicenow.toml")),
    ("backblaze", include_str!("../presets/backblaze.toml")),
    ("freshservice", include_str!("../presets/freshservice.toml")),
    ("glpi", include_str!("../presets/glpi.toml")),
    ("jira", include_str!("../presets/jira.toml")),
    ("zammad", include_str!("../presets/zammad.toml")),
    ("zendesk", include_str!("../presets/zendesk.toml")),
];

/// What a preset says of one table.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct TablePreset {
    /// Canonical column = sources.
    pub(crate) columns: BTreeMap<String, ColumnSource>,
    /// Ticket columns that may have changed since a ticket was opened, and are known late therefore.
    pub(crate) known_late: Vec<String>,
    /// Ticket columns that may have changed, and are taken as opened nevertheless.
    pub(crate) assumed_as_opened: Vec<String>,
    /// Columns that say whether an asset is retired; the first that exists counts.
    pub(crate) status: Vec<String>,
    /// Columns that date that state; the first that exists counts.
    pub(crate) status_date: Vec<String>,
    /// The states that mean retired.
    pub(crate) retired: Vec<String>,
    /// A name with one `*` that metrics have in the source.
    pub(crate) metrics_from: Option<String>,
    /// The name with one `*` that they get.
    pub(crate) metrics_as: Option<String>,
    /// Metrics beside those.
    pub(crate) also: Vec<String>,
}

/// A preset: one entry a table.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Preset {
    /// What it is for, in words.
    pub(crate) doc: String,
    pub(crate) assets: TablePreset,
    pub(crate) asset_history: TablePreset,
    pub(crate) tickets: TablePreset,
    pub(crate) telemetry: TablePreset,
    pub(crate) events: TablePreset,
    pub(crate) failures: TablePreset,
    pub(crate) actions: TablePreset,
}

impl Preset {
    /// What it says of a table.
    pub(crate) fn table(&self, table: &str) -> &TablePreset {
        match table {
            "assets" => &self.assets,
            "asset_history" => &self.asset_history,
            "tickets" => &self.tickets,
            "telemetry" => &self.telemetry,
            "events" => &self.events,
            "actions" => &self.actions,
            _ => &self.failures,
        }
    }
}

/// The names of the presets with what they are for, `generic` first.
#[must_use]
pub fn preset_names() -> Vec<(&'static str, String)> {
    PRESETS
        .iter()
        .map(|(name, text)| (*name, toml::from_str::<Preset>(text).map(|p| p.doc).unwrap_or_default()))
        .collect()
}

/// The preset of that name; `key` is where the config names it.
pub(crate) fn preset(name: &str, key: &str) -> Result<Preset, SourceError> {
    let names = || PRESETS.iter().map(|(n, _)| *n);
    let refused = |found: &str, hint: Option<String>| SourceError::Config {
        key: key.to_owned(),
        found: found.to_owned(),
        allowed: format!("one of {}", names().collect::<Vec<_>>().join(", ")),
        hint,
    };
    let Some((_, text)) = PRESETS.iter().find(|(n, _)| *n == name) else {
        return Err(refused(name, nearest(name, names()).map(|n| format!("did you mean `{n}`?"))));
    };
    toml::from_str(text).map_err(|e| refused(name, Some(e.to_string())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use forewarn_frames::TicketColumn;
    use forewarn_frames::input::TABLES;

    #[test]
    fn every_preset_reads_and_names_canonical_columns() {
        for (name, text) in PRESETS {
            let preset: Preset = toml::from_str(text).unwrap_or_else(|e| panic!("{name}: {e}"));
            assert!(!preset.doc.is_empty(), "{name}");
            for spec in TABLES {
                let table = preset.table(spec.name);
                for column in table.columns.keys() {
                    assert!(spec.column(column).is_some(), "{name}: {}.{column}", spec.name);
                }
                for column in table.known_late.iter().chain(&table.assumed_as_opened) {
                    assert!(TicketColumn::parse(column).is_some(), "{name}: {column}");
                }
            }
        }
        let e = preset("servicnow", "tickets.preset").unwrap_err();
        assert_eq!(e.hint().as_deref(), Some("did you mean `servicenow`?"));
    }
}
