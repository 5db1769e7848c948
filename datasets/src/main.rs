//! `forewarn-dataset`: writes a simulated fleet to a folder.
//!
//! Knows arguments and words for people, nothing of how a fleet is made.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use forewarn_datasets::{SimParams, simulate, write};

/// Write a simulated fleet: tickets, telemetry, inventory, changes and the known truth.
#[derive(Debug, Parser)]
#[command(name = "forewarn-dataset", version)]
struct Args {
    /// Regenerate `datasets/fleet`, or the same fleet in `--out`
    #[arg(long, conflicts_with_all = ["assets", "days", "seed", "hourly_servers"])]
    shipped: bool,
    /// Number of assets
    #[arg(long, default_value_t = 5000)]
    assets: usize,
    /// Days, ending with 2025-12-31
    #[arg(long, default_value_t = 730, value_parser = clap::value_parser!(u32).range(120..=7300))]
    days: u32,
    /// The same seed gives the same bytes
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Servers with hourly telemetry
    #[arg(long, default_value_t = 50)]
    hourly_servers: usize,
    /// Folder to write to; made if missing
    #[arg(long, required_unless_present = "shipped")]
    out: Option<PathBuf>,
}

#[expect(clippy::print_stderr, reason = "this is the binary: words go to stderr")]
fn main() -> ExitCode {
    let args = Args::parse();
    let shipped = SimParams::shipped();
    let params = if args.shipped {
        shipped
    } else {
        SimParams {
            assets: args.assets,
            days: args.days,
            seed: args.seed,
            hourly_servers: args.hourly_servers,
            ..shipped
        }
    };
    let out = args.out.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("fleet"));
    let simulation = simulate(&params);
    match write(&simulation, &out) {
        Ok(()) => {
            eprintln!(
                "{} assets, {} failures: {}",
                params.assets,
                simulation.failures().count(),
                out.display()
            );
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: could not write `{}`: {error}", out.display());
            ExitCode::from(2)
        }
    }
}
