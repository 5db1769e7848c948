//! Tests of the page and the tables: a realistic run, hostile text in every field, empty tables, size, and the way back
//! from a run folder.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod fixture;
mod folder;
mod hostile;
mod page;
mod recurring;
mod worse;
