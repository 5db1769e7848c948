//! The program `forewarn`: arguments, config files, run folders, progress and exit codes.
//!
//! It does not calculate: sources read, the engine reckons, the report renders.
#![expect(
    clippy::disallowed_methods,
    reason = "the binary is the edge: it alone reads clock and environment, and keeps the folders"
)]

mod began;
mod cli;
mod clock;
mod commands;
mod context;
mod folders;
mod history;
mod kept;
mod lock;
mod manifest;
mod memory;
mod ordered;
mod progress;
mod retention;
mod room;
mod textfile;
mod threads;
mod ui;
mod words;

use std::process::ExitCode;

use clap::Parser;
use forewarn_settings::{config_file, errors, inputs, nearest, settings};

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    if let Some(code) = threads::apply(cli.global.threads) {
        return code;
    }
    let context = context::Context::new(&cli.global);
    let ended = context::catch(|| commands::dispatch(&cli.command, &context));
    ExitCode::from(context.end(ended).code())
}
