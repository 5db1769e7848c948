//! Daily rollups of Parquet files as a nightly run makes them, from files to a table of rollups on disk, to be timed from
//! outside. It prints how many readings and days there were.
//!
//! `rollup_speed DIR OUT.parquet THREADS`: DIR holds wide telemetry (`*.parquet` with `asset_id`, `ts` and metrics).

#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a measurement prints, takes arguments and writes"
)]

use std::path::Path;

use forewarn_frames::Cutoff;
use forewarn_sources::{ReadPlan, SourceOptions, load};
use polars::prelude::*;

type Failed = Box<dyn std::error::Error>;

fn main() -> Result<(), Failed> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [folder, out, threads] = args.as_slice() else {
        return Err("usage: rollup_speed DIR OUT.parquet THREADS".into());
    };
    let options: SourceOptions = toml::from_str("[[telemetry]]\npath = \"**/*.parquet\"\n")?;
    let settings = options.resolve(Path::new(folder), None)?;
    let plan = ReadPlan { threads: threads.parse()?, ..ReadPlan::default() };
    let telemetry = load(&settings, &plan, &|_| ())?.telemetry;
    let n_rows = telemetry.n_rows();
    let (ids, metrics) = telemetry.rollups(Cutoff::from_day(i32::MAX));
    let mut all: Option<DataFrame> = None;
    for metric in &metrics {
        let frame = metric.to_frame(&ids)?;
        match &mut all {
            None => all = Some(frame),
            Some(all) => {
                all.vstack_mut(&frame)?;
            }
        }
    }
    let mut all = all.unwrap_or_default();
    ParquetWriter::new(std::fs::File::create(out)?).finish(&mut all)?;
    println!("{n_rows} rows, {} days of {} metrics", all.height(), metrics.len());
    Ok(())
}
