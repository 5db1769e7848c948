//! The commands, one file each. A command gets its arguments and a [`Context`], and returns how it ended.

mod backtest;
mod check;
mod completions;
mod explain;
mod init;
mod report;
mod run;
mod status;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use forewarn_report::{Format, ReportError};

use crate::cli::{Command, ConfigArgs, TableFormat};
use crate::clock;
use crate::config_file;
use crate::context::Context;
use crate::errors::{Exit, Failure, Outcome};
use crate::folders::Fingerprint;
use crate::inputs::{self, Inputs, Reading};
use crate::memory::Budget;
use crate::settings::{Flags, Settings};

/// Runs the command.
///
/// # Errors
///
/// The command could not be done; the failure says with which exit code.
pub(crate) fn dispatch(command: &Command, context: &Context) -> Outcome<Exit> {
    match command {
        Command::Init(args) => init::init(args, context),
        Command::Check(args) => check::check(args, context),
        Command::Run(args) => run::run(args, context),
        Command::Backtest(args) => backtest::backtest(args, context),
        Command::Explain(args) => explain::explain(args, context),
        Command::Status(args) => status::status(args, context),
        Command::Report(args) => report::report(args, context),
        Command::Completions(args) => completions::completions(args, context),
    }
}

/// The settings of a command that reads a config.
fn settings(config: &ConfigArgs, flags: Flags) -> Outcome<Settings> {
    let file = config_file::read(&config.config)?;
    let flags = Flags { data: config.data.clone(), ..flags };
    Settings::resolve(file, &config.config, &flags, &clock::environment())
}

/// Reads every source; what was read is kept in `cache`, and used from there.
fn read(settings: &Settings, context: &Context, cache: Option<PathBuf>) -> Outcome<Inputs> {
    let reading = Reading {
        threads: crate::threads::number(),
        memory: Budget::now().map_or(8 << 30, |budget| budget.available),
        cache,
        ..Reading::at(clock::now())
    };
    let inputs = inputs::read(settings, reading, &|file| context.progress.note("reading", file))?;
    for note in &inputs.loaded.notes {
        context.ui.warn(note);
    }
    context.stop.check()?;
    Ok(inputs)
}

/// The size and hash of each file that was read, by its path as the config names it.
fn fingerprints(inputs: &Inputs) -> BTreeMap<String, Fingerprint> {
    let print = |f: &forewarn_sources::Fingerprint| Fingerprint { bytes: f.bytes, sha256: f.sha256.clone() };
    inputs.loaded.fingerprints.iter().map(|f| (f.path.clone(), print(f))).collect()
}

/// The report's format of the same name.
fn format(format: TableFormat) -> Format {
    match format {
        TableFormat::Table => Format::Table,
        TableFormat::Csv => Format::Csv,
        TableFormat::Json => Format::Json,
    }
}

/// A table that could not be written: a bug, or a full disk.
fn unwritable(error: &ReportError) -> Failure {
    Failure::bug("a table or the report could not be made").cause(error.to_string()).or_no_room()
}

/// A run folder that cannot be read back.
fn unreadable(dir: &Path, error: &ReportError) -> Failure {
    Failure::input(format!("could not read the run folder `{}`", dir.display()))
        .cause(error.to_string())
        .hint("run `forewarn run` again for that date")
}
