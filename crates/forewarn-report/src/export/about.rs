//! The words of the workbook's first sheet: which run it is, which tables there are, what their columns mean. It does not
//! know how a sheet is written.

use forewarn_frames::output::{OutKind, RunFacts, SCHEMA_VERSION};

use super::Sheet;

/// A cell of the sheet.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Cell {
    /// Text.
    Text(String),
    /// A heading.
    Bold(&'static str),
    /// A whole number.
    Whole(usize),
}

fn text(t: impl Into<String>) -> Cell {
    Cell::Text(t.into())
}

/// The rows of the sheet, given how many rows of a table may be shown.
pub(super) fn rows(sheets: &[Sheet], facts: &RunFacts, most_rows: usize) -> Vec<Vec<Cell>> {
    let mut out = vec![
        vec![Cell::Bold("forewarn"), text("which assets will fail next: the tables of one run")],
        vec![Cell::Bold("As of"), text(facts.as_of.as_str())],
        vec![Cell::Bold("Version"), text(facts.version.as_str())],
        vec![Cell::Bold("Schema version"), text(SCHEMA_VERSION.to_string())],
        vec![Cell::Bold("Times"), text("UTC")],
        vec![],
        vec![Cell::Bold("Table"), Cell::Bold("Rows"), Cell::Bold("Note")],
    ];
    for sheet in sheets {
        let n = sheet.df.height();
        let mut row = vec![text(sheet.schema.name), Cell::Whole(n)];
        if n > most_rows {
            row.push(text(format!(
                "cut: the sheet holds the first {most_rows} rows; all of them are in the run folder's files"
            )));
        }
        out.push(row);
    }
    out.push(vec![]);
    out.push(["Table", "Column", "Holds", "Meaning"].map(Cell::Bold).to_vec());
    for sheet in sheets {
        for (column, kind, meaning) in sheet.schema.columns {
            out.push([sheet.schema.name, column, holds(*kind), meaning].map(text).to_vec());
        }
    }
    out
}

fn holds(kind: OutKind) -> &'static str {
    match kind {
        OutKind::Text => "text",
        OutKind::Number => "number",
        OutKind::Whole => "whole number",
        OutKind::Flag => "true or false",
        OutKind::Time => "time",
        OutKind::Modes | OutKind::Reasons | OutKind::Texts => "list, as JSON",
    }
}
