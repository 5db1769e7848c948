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
mod config_file;
mod context;
mod errors;
mod folders;
mod history;
mod inputs;
mod kept;
mod lock;
mod manifest;
mod memory;
mod nearest;
mod options;
mod ordered;
mod privacy;
mod progress;
mod retention;
mod room;
mod settings;
mod textfile;
mod threads;
mod ticket_url;
mod ui;
mod words;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    if let Some(code) = threads::apply(cli.global.threads) {
        return code;
    }
    let context = context::Context::new(&cli.global);
    let ended = context::catch(|| commands::dispatch(&cli.command, &context));
    ExitCode::from(context.end(ended).code())
}
