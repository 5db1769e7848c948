//! What a run folder says of itself: `manifest.json`, the same bytes for the same inputs, and `run-log.json`, which holds
//! what may differ. It does not know how folders are written.

use std::collections::BTreeMap;

use forewarn_frames::output::SCHEMA_VERSION;
use forewarn_frames::time::Micros;
use forewarn_frames::{Cutoff, Finding};
use serde_json::{Map, Value, json};

use crate::clock;
use crate::errors::{Exit, Failure, Outcome};
use crate::folders::{self, Draft, Fingerprint};
use crate::inputs::Rows;
use crate::settings::Settings;
use crate::words;

/// The version of the program.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What went in: version, settings and inputs. It names the run folder.
#[derive(Debug, Clone)]
pub(crate) struct Origin {
    value: Map<String, Value>,
}

impl Origin {
    /// Gathers it; `ledger` is what was said on earlier nights, where that is looked at.
    ///
    /// # Errors
    ///
    /// The settings have no JSON form, which would be a bug.
    pub(crate) fn new(
        settings: &Settings,
        as_of: Cutoff,
        inputs: &BTreeMap<String, Fingerprint>,
        ledger: Option<&Value>,
    ) -> Outcome<Self> {
        let settings_json = serde_json::to_value(settings.to_table(false))
            .map_err(|e| Failure::bug("the settings have no JSON form").cause(e.to_string()))?;
        let inputs: Vec<Value> = inputs
            .iter()
            .map(|(path, f)| json!({ "path": path, "bytes": f.bytes, "sha256": f.sha256 }))
            .collect();
        let value = json!({
            "tool": "forewarn",
            "version": VERSION,
            "schema_version": SCHEMA_VERSION,
            "as_of": as_of.to_string(),
            "settings": settings_json,
            "seed": settings.engine.seed,
            "inputs": inputs,
        });
        let Value::Object(mut value) = value else { return Ok(Self { value: Map::new() }) };
        if let Some(ledger) = ledger {
            value.insert("ledger".to_owned(), ledger.clone());
        }
        Ok(Self { value })
    }

    /// Eight digits that are the same for the same origin.
    pub(crate) fn id(&self) -> String {
        let bytes = Value::Object(self.value.clone()).to_string();
        Fingerprint::of_bytes(bytes.as_bytes()).sha256.chars().take(8).collect()
    }

    /// The manifest: the origin, then what came of it.
    pub(crate) fn manifest(mut self, more: &[(&str, Value)], draft: &Draft) -> Value {
        for (name, value) in more {
            self.value.insert((*name).to_owned(), value.clone());
        }
        self.value.insert("files".to_owned(), draft.files_json());
        Value::Object(self.value)
    }
}

/// Row counts as the manifest shows them.
pub(crate) fn rows_json(rows: &Rows) -> Value {
    json!({
        "assets": rows.assets,
        "asset_history": rows.asset_history,
        "tickets": rows.tickets,
        "telemetry": rows.readings,
        "events": rows.events,
        "failures": rows.failures,
        "actions": rows.actions,
    })
}

/// `run-log.json`: times, host, and the id of the run; `folder` is the name of the run folder.
pub(crate) fn run_log(
    command: &str,
    folder: &str,
    started: Micros,
    exit: Exit,
    findings: &[Finding],
) -> Vec<u8> {
    let finished = clock::now();
    folders::pretty(&json!({
        "run_id": clock::run_id(),
        "folder": folder,
        "command": command,
        "host": clock::host(),
        "process": std::process::id(),
        "started_at": clock::rfc3339(started),
        "finished_at": clock::rfc3339(finished),
        "seconds": (finished - started) as f64 / 1e6,
        "exit": exit.code(),
        "findings": words::findings_in_short(findings),
    }))
}
