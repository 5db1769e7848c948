//! The command line: commands, arguments and their help. It does not know what a command does.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Says which IT assets will fail next, how sure that is, why, and how earlier lists turned out.
#[derive(Debug, Parser)]
#[command(name = "forewarn", version, arg_required_else_help = true, max_term_width = 100)]
#[command(
    after_help = "Exit codes: 0 done; 1 done, but data checks failed; 2 could not run (usage, config, input); \
    74 disk full or too little memory; 75 another run holds the lock; 101 a bug; 124 the deadline passed; \
    143 stopped by a signal"
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: GlobalArgs,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Arguments of every command.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct GlobalArgs {
    /// How words and progress are written to standard error
    #[arg(long, global = true, value_enum, value_name = "FORMAT", default_value_t = LogFormat::Text)]
    pub(crate) log_format: LogFormat,
    /// Say nothing but errors
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
    /// Whether words are colored
    #[arg(long, global = true, value_enum, value_name = "WHEN", default_value_t = Color::Auto)]
    pub(crate) color: Color,
    /// How many threads may work; default: one per processor. The result does not depend on it
    #[arg(long, global = true, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) threads: Option<u16>,
}

/// The shape of words on standard error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// Lines for people; bars on a terminal
    Text,
    /// One JSON object a line
    Json,
}

/// When words are colored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless `NO_COLOR` is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// The shape of data on standard output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum TableFormat {
    /// Columns for people
    Table,
    /// Comma-separated values with a header
    Csv,
    /// One JSON document
    Json,
}

/// The shape of exported tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExportFormat {
    /// `tables/NAME.csv`, safe in a spreadsheet
    Csv,
    /// `forewarn.xlsx`, a sheet for each table
    Xlsx,
    /// `tables/NAME.json`, and `tables/schema.json` that says what they hold
    Json,
}

/// Where the config and the data are.
#[derive(Debug, Clone, Args)]
pub(crate) struct ConfigArgs {
    /// The config file
    #[arg(long, short, value_name = "FILE", default_value = "forewarn.toml")]
    pub(crate) config: PathBuf,
    /// The folder that the config's input paths are relative to; default: the config file's own
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
}

/// What overrides the config file and the environment.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct OverrideArgs {
    /// Where observation ends, a date like 2025-12-31; default: the midnight after the newest record
    #[arg(long, value_name = "DATE")]
    pub(crate) as_of: Option<String>,
    /// The folder that holds the run folders
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// The seed of everything random
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(..=i64::MAX as u64))]
    pub(crate) seed: Option<u64>,
}

/// When to give up.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct DeadlineArgs {
    /// Give up after that time, with exit code 124: 90s, 45m, 2h; a plain number is minutes. Default: never
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(crate) deadline: Option<Duration>,
}

/// A time from a second to a week.
fn duration(text: &str) -> Result<Duration, String> {
    let (number, seconds) = match text.char_indices().next_back() {
        Some((at, 's')) => (&text[..at], 1),
        Some((at, 'm')) => (&text[..at], 60),
        Some((at, 'h')) => (&text[..at], 3600),
        _ => (text, 60),
    };
    let time = number.parse::<u64>().ok().and_then(|n| n.checked_mul(seconds));
    time.filter(|s| (1..=7 * 86_400).contains(s))
        .map(Duration::from_secs)
        .ok_or_else(|| "expected a time like 90s, 45m or 2h, a week at most".to_owned())
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Look at the files in a folder and write a commented `forewarn.toml` for them
    Init(InitArgs),
    /// Check the data, and nothing else
    Check(CheckArgs),
    /// Read, check, learn, rank, and write a run folder with the report
    Run(RunArgs),
    /// Predict at past dates with what was known then, and compare with what came
    Backtest(BacktestArgs),
    /// Show one asset's card from the latest run folder
    Explain(ExplainArgs),
    /// Show the last runs, their age, exit code and findings
    Status(StatusArgs),
    /// Render the report of a run folder again from its saved tables, or export these
    Report(ReportArgs),
    /// Print a completion script for a shell
    Completions(CompletionsArgs),
}

/// `forewarn init`
#[derive(Debug, Args)]
pub(crate) struct InitArgs {
    /// The folder to look at, and to write `forewarn.toml` to
    #[arg(value_name = "DIR", default_value = ".")]
    pub(crate) dir: PathBuf,
}

/// `forewarn check`
#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    /// Where observation ends, a date like 2025-12-31; default: the midnight after the newest record
    #[arg(long, value_name = "DATE")]
    pub(crate) as_of: Option<String>,
    /// The shape of the findings
    #[arg(long, value_enum, default_value_t = TableFormat::Table)]
    pub(crate) format: TableFormat,
}

/// `forewarn run`
#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    #[command(flatten)]
    pub(crate) overrides: OverrideArgs,
    #[command(flatten)]
    pub(crate) deadline: DeadlineArgs,
    /// Print the resolved settings and what would be read; write nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Read and compute everything anew, and keep nothing for the next run; the result is the same
    #[arg(long)]
    pub(crate) no_cache: bool,
}

/// What a backtest judges.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Task {
    /// Which assets fail
    Risk,
    /// How many incidents each asset and category has
    Recurrence,
    /// How many incidents come, by the columns of `[[counts]]`
    Counts,
    /// What gets worse in the telemetry
    Degradation,
}

impl From<Task> for forewarn_settings::backtest::Task {
    fn from(task: Task) -> Self {
        match task {
            Task::Risk => Self::Risk,
            Task::Recurrence => Self::Recurrence,
            Task::Counts => Self::Counts,
            Task::Degradation => Self::Degradation,
        }
    }
}

/// `forewarn backtest`
#[derive(Debug, Args)]
pub(crate) struct BacktestArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    #[command(flatten)]
    pub(crate) deadline: DeadlineArgs,
    /// What is judged
    #[arg(long, value_enum, default_value_t = Task::Risk)]
    pub(crate) task: Task,
    /// The first cutoff judged; default: the last six steps whose outcome window is closed
    #[arg(long, value_name = "DATE")]
    pub(crate) from: Option<String>,
    /// The last cutoff judged; default: the last one whose outcome window is closed
    #[arg(long, value_name = "DATE")]
    pub(crate) to: Option<String>,
    /// The step between cutoffs: 1mo, 8w, 2w, 1w, 1d
    #[arg(long, value_name = "STEP", default_value = "1mo")]
    pub(crate) every: String,
    /// The first training cutoff; default: `risk.train_from`, else three years back
    #[arg(long, value_name = "DATE")]
    pub(crate) train_from: Option<String>,
    /// A horizon in days; may be repeated, or be a list like 7,30,90. Default: `risk.horizons_days`. With `--task
    /// counts`: one number, how many periods ahead (of the days, weeks or months that are counted by); default:
    /// `counts.horizon`
    #[arg(long = "h", value_name = "DAYS", value_delimiter = ',')]
    pub(crate) horizons: Vec<i64>,
    /// When to train: once, at every cutoff, or at every N-th
    #[arg(long, value_name = "once|every|N", default_value = "every")]
    pub(crate) refit: String,
    /// Where observation ends, a date like 2025-12-31; default: the midnight after the newest record
    #[arg(long, value_name = "DATE")]
    pub(crate) as_of: Option<String>,
    /// The folder to write; default: `backtest` in the config's `run.out`
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// The seed of everything random
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(..=i64::MAX as u64))]
    pub(crate) seed: Option<u64>,
    /// The shape of the metrics on standard output
    #[arg(long, value_enum, default_value_t = TableFormat::Table)]
    pub(crate) format: TableFormat,
}

/// `forewarn explain`
#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    /// The asset's id
    pub(crate) asset: String,
    /// A run folder, or the folder that holds the run folders; default: the config's `run.out`
    #[arg(long, value_name = "DIR")]
    pub(crate) run: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    /// The shape of the card
    #[arg(long, value_enum, default_value_t = TableFormat::Table)]
    pub(crate) format: TableFormat,
}

/// `forewarn status`
#[derive(Debug, Args)]
pub(crate) struct StatusArgs {
    /// The folder that holds the run folders
    #[arg(value_name = "OUT")]
    pub(crate) out: PathBuf,
    /// How many runs to show, the newest first
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub(crate) last: usize,
    /// The shape of the list
    #[arg(long, value_enum, default_value_t = TableFormat::Table)]
    pub(crate) format: TableFormat,
}

/// `forewarn report`
#[derive(Debug, Args)]
pub(crate) struct ReportArgs {
    /// The run folder
    #[arg(value_name = "RUN_DIR")]
    pub(crate) run_dir: PathBuf,
    /// Write every table in these formats instead, a list like csv,xlsx,json; the run folder stays as it is
    #[arg(long, value_enum, value_name = "FORMATS", value_delimiter = ',', requires = "to")]
    pub(crate) export: Vec<ExportFormat>,
    /// The folder to write them to
    #[arg(long, value_name = "DIR", requires = "export")]
    pub(crate) to: Option<PathBuf>,
}

/// `forewarn completions`
#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    pub(crate) shell: clap_complete::Shell,
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test stops where its own input is wrong")]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn a_time_has_a_unit_or_is_in_minutes() {
        let check = |text: &str, want: Option<u64>| {
            assert_eq!(super::duration(text).ok().map(|d| d.as_secs()), want, "{text}");
        };
        check("90s", Some(90));
        check("45m", Some(2700));
        check("45", Some(2700));
        check("2h", Some(7200));
        check("168h", Some(604_800));
        for bad in ["", "0", "169h", "-1s", "1d", "1.5h", "s", "99999999999999999999h", "5\u{b5}"] {
            check(bad, None);
        }
    }

    #[test]
    fn the_command_line_is_consistent() {
        super::Cli::command().debug_assert();
    }
}
