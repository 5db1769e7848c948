//! Renders the output tables of a run: one HTML page, Parquet, CSV, JSON, a workbook, gauges for a monitor, and text for
//! the terminal.
//!
//! [`render`] makes the page an IT manager opens on Monday morning; [`files`] makes what is saved beside it, and
//! [`read_tables`] reads that back, so that the same page can be rendered again; [`exports`] makes what other programs
//! read. This crate does not know how a number came about, where files lie, or what the time is: the same tables give the
//! same bytes.

mod error;
mod export;
mod html;
mod life;
mod number;
mod plot;
mod prom;
mod rows;
mod saved;
mod tables;
mod text;
mod view;

#[cfg(test)]
mod tests;

pub use error::ReportError;
pub use export::{Export, TICKETS, export_schema, exports, servicenow_tickets};
pub use html::{MAX_BYTES, render};
pub use life::life_words;
pub use prom::gauges;
pub use saved::{
    facts_from_json, facts_json, files, findings_from_json, findings_json, metrics_from_json, metrics_json,
    read_features, read_tables,
};
pub use tables::{Format, read_parquet, table_text, write_csv, write_parquet};
