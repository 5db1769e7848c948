//! `History` → one row per asset and cutoff; the feature catalog.
//!
//! Every feature reads a [`History`](forewarn_frames::History) and nothing else, so it sees only what was known before
//! the cutoff. The [`Catalog`] says of each feature its name, unit, window, source and meaning, and which features exist
//! is itself decided by a history (that of the training's end), never by later data. This crate does not know models,
//! labels, files or the clock.
#![deny(clippy::disallowed_methods)]

mod catalog;
mod change;
mod cohort;
mod compute;
mod evidence;
mod exact;
mod listing;
mod metric;
mod phrase;
mod shared;
mod signals;
mod tickets;
mod words;

pub use catalog::{Catalog, CategorySpec, FeatureSpec, Limit, Suits, counts_up};
pub use compute::{FeatureTable, compute};
pub use phrase::number;
pub use shared::Shared;
pub use signals::{Condition, Sequence, Signal, Signals};
pub use words::{CatalogWords, SharedWords};
