//! Finds the files that paths and patterns name, and the tables that were handed in. It does not open them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::SourceError;
use crate::handed::{Given, Handed};
use crate::settings::TableSettings;

/// One file to read.
#[derive(Debug, Clone)]
pub(crate) struct Input {
    /// Where it lies.
    pub(crate) full: PathBuf,
    /// How it is called in messages: relative to the base folder where it lies in it, with `/`.
    pub(crate) shown: String,
    /// Whether the config names it (else a pattern found it).
    pub(crate) named: bool,
    /// The table, where it is no file.
    pub(crate) given: Option<Arc<dyn Handed>>,
}

fn shown(full: &Path, base: &Path) -> String {
    full.strip_prefix(base).unwrap_or(full).to_string_lossy().replace('\\', "/")
}

/// The files of a source, sorted by name, each once.
pub(crate) fn inputs(base: &Path, given: &Given, t: &TableSettings) -> Result<Vec<Input>, SourceError> {
    let key = format!("{}.path", t.key);
    let mut out: Vec<Input> = Vec::new();
    for path in &t.paths {
        if let Some(table) = given.get(path) {
            out.push(Input {
                shown: path.clone(),
                full: PathBuf::from(path),
                named: true,
                given: Some(table),
            });
            continue;
        }
        let full = base.join(path);
        if full.exists() {
            if full.is_dir() {
                return Err(SourceError::Directory { path: path.clone() });
            }
            out.push(Input { shown: shown(&full, base), full, named: true, given: None });
            continue;
        }
        if !path.contains(['*', '?', '[']) {
            return Err(SourceError::NotFound { key, path: path.clone() });
        }
        // An empty base is the current folder, not the root.
        let pattern = if Path::new(path).is_absolute() || base.as_os_str().is_empty() {
            path.clone()
        } else {
            format!("{}/{path}", glob::Pattern::escape(&base.to_string_lossy()))
        };
        let refused = |e: &str| SourceError::Config {
            key: key.clone(),
            found: path.clone(),
            allowed: "a pattern like `exports/*.csv`".into(),
            hint: Some(e.to_owned()),
        };
        let mut n = 0;
        for found in glob::glob(&pattern).map_err(|e| refused(e.msg))? {
            let full = match found {
                Ok(full) => full,
                Err(e) => e.path().to_owned(),
            };
            if !full.is_dir() {
                n += 1;
                out.push(Input { shown: shown(&full, base), full, named: false, given: None });
            }
        }
        if n == 0 {
            return Err(SourceError::NoMatch { key, pattern: path.clone() });
        }
    }
    // A file that is both named and matched counts as named.
    out.sort_by(|a, b| a.shown.cmp(&b.shown).then(b.named.cmp(&a.named)));
    out.dedup_by(|a, b| a.full == b.full);
    Ok(out)
}
