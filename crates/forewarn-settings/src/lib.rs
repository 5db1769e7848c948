//! From a config to settings, from settings to frames, and from results to the tables of a run: what the binary and the
//! Python package share.
//!
//! It knows sources, the engine and what a report holds. It does not know arguments, the environment, the clock, folders or
//! how anything is printed; of files it opens the config alone.
#![expect(clippy::disallowed_methods, reason = "this is where the config file is read")]

pub mod backtest;
pub mod config_file;
pub mod errors;
pub mod inputs;
pub mod nearest;
pub mod options;
mod privacy;
pub mod settings;
pub mod tables;
mod ticket_url;
