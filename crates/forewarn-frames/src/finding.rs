//! What a check found and why a frame was refused. Words for people are rendered elsewhere; these are the facts.

use std::fmt;

/// How much a finding matters. `Error` fails a run at the default `checks.fail_at`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Worth knowing; nothing to do.
    Info,
    /// The result may suffer.
    Warning,
    /// The result cannot be trusted before this is looked at.
    Error,
}

impl Severity {
    /// The lower-case name used in files: `info`, `warning`, `error`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }

    /// Reads the name back; `None` for any other text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Info, Self::Warning, Self::Error].into_iter().find(|s| s.name() == text)
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One row of `findings.json`: what a data check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The check's name, e.g. `duplicate_ids`.
    pub check: String,
    /// How much it matters.
    pub severity: Severity,
    /// The table, e.g. `tickets`.
    pub table: String,
    /// The column, where one is meant.
    pub column: Option<String>,
    /// How many rows.
    pub n_rows: u64,
    /// Up to five values or ids, as text; hostile text stays text.
    pub sample: Vec<String>,
    /// What was found, one sentence without a final stop.
    pub message: String,
    /// What to try; empty where there is nothing to do.
    pub hint: String,
}

/// One fault of a table that cannot be used: which column, how many rows, a sample, and what to try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The table, e.g. `tickets`.
    pub table: &'static str,
    /// The column.
    pub column: String,
    /// How many rows (0 where the whole column is meant).
    pub n_rows: u64,
    /// What was found and what is allowed.
    pub message: String,
    /// What to try.
    pub hint: String,
}

/// Every fault of a table at once.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", list(.faults))]
pub struct FrameError {
    /// The faults, never empty.
    pub faults: Vec<Fault>,
}

fn list(faults: &[Fault]) -> String {
    faults
        .iter()
        .map(|f| {
            let rows = if f.n_rows > 0 { format!(" ({} rows)", f.n_rows) } else { String::new() };
            format!("table `{}`, column `{}`: {}{rows}", f.table, f.column, f.message)
        })
        .collect::<Vec<_>>()
        .join("; ")
}

impl FrameError {
    /// What to try, one line per fault that has advice.
    #[must_use]
    pub fn hints(&self) -> Vec<String> {
        self.faults.iter().filter(|f| !f.hint.is_empty()).map(|f| f.hint.clone()).collect()
    }
}
