//! What the fuzz targets share: folders in memory, valid files to start from, and the readers behind one function each.
//!
//! The history and the orders are read by modules of the binary, which is no library: they are taken in by path.
//! It does not know what libFuzzer is.
#![allow(
    dead_code,
    unused_imports,
    missing_docs,
    reason = "the binary's modules have more than is called here"
)]

#[path = "../../crates/forewarn/src"]
mod app {
    pub(crate) mod clock;
    pub(crate) mod folders;
    pub(crate) mod history;
    pub(crate) mod lock;
    pub(crate) mod ordered;
    pub(crate) mod words;
}
pub(crate) use app::{clock, folders, history, lock, ordered, words};
pub(crate) use forewarn_settings::{config_file, errors, inputs, settings};

mod damage;
mod files;
mod kept;

pub use files::{cells, columns, csv, ndjson, packed, parquet, sniff};
pub use kept::{cache, config, history_files as history, model, saved};

/// Ends the process at a panic, as libFuzzer wants it, unless it is Polars' own: those are caught and become an error of
/// the file, and there are too many of them to look for anything else.
pub fn watch() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(|l| l.file().to_owned()).unwrap_or_default();
        if !place.contains("/polars") {
            eprintln!("{panic}\n{}", std::backtrace::Backtrace::force_capture());
            std::process::abort();
        }
    }));
}
