//! What the fuzz targets share: folders in memory, valid files to start from, and the readers behind one function each.
//!
//! The config, the history and the orders are read by modules of the binary, which is no library: they are taken in by path.
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
    pub(crate) mod config_file;
    pub(crate) mod errors;
    pub(crate) mod folders;
    pub(crate) mod history;
    pub(crate) mod nearest;
    pub(crate) mod options;
    pub(crate) mod ordered;
    pub(crate) mod settings;
    pub(crate) mod ticket_url;
    pub(crate) mod words;
}
pub(crate) use app::{
    clock, config_file, errors, folders, history, nearest, options, ordered, settings, ticket_url, words,
};

/// The two things that these modules want of `inputs.rs`, which itself wants the whole command line.
pub(crate) mod inputs {
    use crate::errors::Failure;
    use forewarn_sources::SourceError;

    impl From<SourceError> for Failure {
        fn from(error: SourceError) -> Self {
            Self::input(error.to_string()).hint(error.hint().unwrap_or_default())
        }
    }

    pub(crate) fn internal(error: &dyn std::fmt::Display) -> Failure {
        Failure::bug("internal error in a table operation").cause(error.to_string())
    }
}

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
