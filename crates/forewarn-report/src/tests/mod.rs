//! Tests of the page, the tables and their exports: a realistic run, hostile text in every field, empty tables, size, and
//! the way back from a run folder.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod demo;
mod documents;
mod fares;
mod fixture;
mod folder;
mod gauges;
mod hostile;
mod page;
mod recurring;
mod track;
mod workbook;
mod worse;

/// The facts of a run of one asset.
pub(crate) fn facts() -> forewarn_frames::output::RunFacts {
    fixture::facts(1, &fixture::plain)
}
