//! Reads the outside world and maps it to canonical frames by presets and column maps: files, and tables that a program
//! hands in ([`Given`]).
//!
//! Options as the config writes them ([`SourceOptions`]) resolve to [`SourceSettings`]; [`load`] reads the files and gives
//! valid frames with an account of what was not used. [`sniff`] looks at one file for `forewarn init`.
//!
//! This crate does not know features, models, the clock, or how anything is shown.
//!
//! # Example
//!
//! ```
//! use forewarn_sources::{ReadPlan, SourceOptions, load};
//! let dir = std::env::temp_dir().join("forewarn-sources-doc");
//! std::fs::create_dir_all(&dir).unwrap();
//! std::fs::write(dir.join("t.csv"), "number,opened_at,cmdb_ci,priority\nINC1,2025-01-31 13:45,srv1,2 - High\n").unwrap();
//! let options = SourceOptions {
//!     tickets: Some(forewarn_sources::TicketsOptions {
//!         path: Some(forewarn_sources::Paths::One("t.csv".into())),
//!         preset: Some("servicenow".into()),
//!         ..Default::default()
//!     }),
//!     ..Default::default()
//! };
//! let settings = options.resolve(&dir, Some("Europe/Berlin")).unwrap();
//! let loaded = load(&settings, &ReadPlan::default(), &|_| ()).unwrap();
//! assert_eq!(loaded.tickets.unwrap().df().height(), 1);
//! assert_eq!(loaded.known_late, [forewarn_frames::TicketColumn::Priority]);
//! ```
#![allow(clippy::disallowed_methods, reason = "this crate is the edge where files are read")]
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test stops at the first surprise"))]

mod cache;
mod column;
mod convert;
mod csv;
mod error;
mod failure;
mod files;
mod handed;
mod inventory;
mod json_shape;
mod kept;
mod limits;
mod load;
mod map;
mod metrics;
mod options;
mod parquet_claims;
mod preset;
mod prints;
mod read;
mod settings;
mod slices;
mod sniff;
mod stop;
mod telemetry;
#[cfg(test)]
mod tests;
mod times;
mod zone;

pub use column::{ColumnSource, Template};
pub use error::SourceError;
pub use failure::NEVER;
pub use handed::{Batches, Given, Handed};
pub use kept::KeptBytes;
pub use limits::{Limits, LimitsOptions};
pub use load::{Cut, Loaded, load};
pub use options::{
    ActionsOptions, AssetHistoryOptions, AssetsOptions, EventsOptions, FailureOptions, FailuresOptions,
    Paths, SourceOptions, TelemetryOptions, TicketsOptions,
};
pub use parquet_claims::check_parquet;
pub use preset::preset_names;
pub use prints::{Fingerprint, hex};
pub use read::Format;
pub use settings::{FailureSettings, FailureSource, Layout, Mapping, SourceSettings, TableSettings};
pub use sniff::{Guess, Sniff, sniff};
pub use stop::Stop;
pub use telemetry::ReadPlan;
