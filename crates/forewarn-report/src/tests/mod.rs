//! Tests of the page and the tables: a realistic run, hostile text in every field, empty tables, size, and the way back
//! from a run folder.

mod fixture;
mod folder;
mod hostile;
mod page;
