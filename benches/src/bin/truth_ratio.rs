//! `truth_ratio TRUTH.parquet PREDICTIONS.parquet [HORIZON_DAYS]`: how near predictions come to the simulator's truth.
#![expect(clippy::print_stdout, clippy::disallowed_methods, reason = "a command of its own")]

use std::error::Error;
use std::fs::File;

use forewarn_benches::ratio;
use polars::prelude::{ParquetReader, SerReader};

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [truth, predictions, rest @ ..] = args.as_slice() else {
        return Err("usage: truth_ratio TRUTH.parquet PREDICTIONS.parquet [HORIZON_DAYS]".into());
    };
    let horizon = rest.first().map_or(Ok(30), |h| h.parse())?;
    let read =
        |path: &str| -> Result<_, Box<dyn Error>> { Ok(ParquetReader::new(File::open(path)?).finish()?) };
    let r = ratio(&read(truth)?, &read(predictions)?, horizon)?;
    println!(
        "rows {} failures {} AP {:.4} truth {:.4} latent {:.4} ratio {:.3} [{:.3}, {:.3}]",
        r.n_rows,
        r.n_failures,
        r.predicted,
        r.truth,
        r.latent,
        r.predicted / r.truth,
        r.interval.0,
        r.interval.1
    );
    for t in &r.tenths {
        println!(
            "predicted {:.4} truth {:.4} came {:.4}, interval holds the truth in {:.0} %",
            t.predicted,
            t.truth,
            t.came,
            t.covered * 100.0
        );
    }
    if !r.tenths.is_empty() {
        let all = r.tenths.iter().map(|t| t.covered).sum::<f64>() / r.tenths.len() as f64;
        println!("interval holds the truth in {:.1} % of all", all * 100.0);
    }
    Ok(())
}
