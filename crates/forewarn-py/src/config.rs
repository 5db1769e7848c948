//! From a config file and keyword arguments to settings: one table over the other, then the rules of the config. It does not
//! know what the keys mean.

use std::path::{Path, PathBuf};

use forewarn_settings::config_file;
use forewarn_settings::errors::Failure;
use forewarn_settings::settings::{Environment, Flags, Settings};
use pyo3::prelude::*;
use toml::{Table, Value};

use crate::errors::{Outcome, Trouble};

/// What messages call settings that no file holds.
const ARGUMENTS: &str = "keyword arguments";

/// Where settings come from.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    /// The table of file and keyword arguments together.
    table: Table,
    /// The file, or what messages call the keyword arguments; paths start from its folder.
    place: PathBuf,
    /// The folder of the data, where it is not that of the config.
    data: Option<PathBuf>,
}

/// Lays a table over another; tables in it are laid over one by one, everything else replaces.
fn lay(under: &mut Table, over: Table) {
    for (key, value) in over {
        match (under.get_mut(&key), value) {
            (Some(Value::Table(under)), Value::Table(over)) => lay(under, over),
            (_, value) => {
                under.insert(key, value);
            }
        }
    }
}

/// Where a table comes from is said in one way: section, the key laid over it, and the keys whose place that takes.
const ONE_WAY: [(&str, &str, &[&str]); 4] = [
    ("assets", "path", &["from"]),
    ("assets", "from", &["path"]),
    ("failure", "failures", &["from", "where"]),
    ("failure", "from", &["failures"]),
];

/// Lays keyword arguments over a config file.
fn lay_over(under: &mut Table, mut over: Table) {
    for (section, key, others) in ONE_WAY {
        let says = over.get(section).and_then(Value::as_table).is_some_and(|t| t.contains_key(key));
        if let Some(Value::Table(t)) = under.get_mut(section).filter(|_| says) {
            let removed: Vec<&str> = others.iter().copied().filter(|o| t.remove(*o).is_some()).collect();
            // Failures that stand in a table are final unless it is said otherwise; those that it takes the place of are not.
            if key == "failures" && removed.contains(&"from") {
                t.entry("terminal").or_insert(Value::Boolean(false));
            }
        }
    }
    // A frame takes the place of the files of the entry at its place.
    for section in ["telemetry", "events"] {
        let Some(Value::Array(entries)) = under.get(section).cloned() else { continue };
        let Some(Value::Array(given)) = over.get_mut(section) else { continue };
        for (entry, given) in entries.into_iter().zip(given) {
            if let (Value::Table(mut entry), Value::Table(given)) = (entry, given) {
                lay(&mut entry, std::mem::take(given));
                *given = entry;
            }
        }
    }
    lay(under, over);
}

fn table_of(json: &str) -> Outcome<Table> {
    let refused = |e: &dyn std::fmt::Display| {
        Trouble::Settings(Failure::input("invalid keyword arguments").cause(e.to_string()))
    };
    let value: serde_json::Value = serde_json::from_str(json).map_err(|e| refused(&e))?;
    Table::try_from(value).map_err(|e| refused(&e))
}

impl Config {
    /// Reads the file, where there is one, and lays the keyword arguments (a JSON object) over it.
    pub(crate) fn read(file: Option<&str>, over: &str, data: Option<&str>) -> Outcome<Self> {
        let over = table_of(over)?;
        let (mut table, place) = match file {
            Some(path) => {
                let read = config_file::read(Path::new(path)).map_err(Trouble::Settings)?;
                (read.table, PathBuf::from(path))
            }
            None => (Table::new(), PathBuf::from(ARGUMENTS)),
        };
        let place = match (file, over.is_empty()) {
            (Some(path), false) => PathBuf::from(format!("{path} with {ARGUMENTS}")),
            _ => place,
        };
        lay_over(&mut table, over);
        Ok(Self { table, place, data: data.map(PathBuf::from) })
    }

    /// The same with more laid over it.
    pub(crate) fn with(&self, over: &str) -> Outcome<Self> {
        let mut out = self.clone();
        let over = table_of(over)?;
        if !over.is_empty() && !out.place.display().to_string().ends_with(ARGUMENTS) {
            out.place = PathBuf::from(format!("{} with {ARGUMENTS}", out.place.display()));
        }
        lay_over(&mut out.table, over);
        Ok(out)
    }

    /// The settings, all of them checked.
    pub(crate) fn settings(&self) -> Outcome<Settings> {
        let file = config_file::of_table(&self.table, &self.place.display().to_string());
        let flags = Flags { data: self.data.clone(), ..Flags::default() };
        file.and_then(|file| Settings::resolve(file, &self.place, &flags, &Environment::default()))
            .map_err(Trouble::Settings)
    }
}

/// Settings as a JSON object, as the manifest of a run has them.
pub(crate) fn as_json(settings: &Settings) -> Outcome<String> {
    let json = serde_json::to_string(&settings.to_table(true));
    json.map_err(|e| Trouble::Other(Failure::bug("the settings have no JSON form").cause(e.to_string())))
}

/// Reads and checks a config without reading data: the settings as a JSON object.
#[pyfunction]
pub(crate) fn settings_of(
    py: Python<'_>,
    file: Option<&str>,
    over: &str,
    data: Option<&str>,
) -> PyResult<String> {
    let read = || as_json(&Config::read(file, over, data)?.settings()?);
    read().map_err(|trouble| trouble.raise(py))
}
