//! How earlier lists fared: what the ledger holds of earlier nights, judged by what came since; before there is any, the
//! lists of the backtest. It does not know files.

mod judge;
mod nights;
mod tables;

use forewarn_frames::Frames;
use polars::prelude::DataFrame;

use crate::{EngineError, Settings};

pub(crate) use judge::Closed;
pub use nights::list_period;
pub(crate) use nights::{Night, Said, ledger_rows, placed, said};

/// The tables `track_record` and `listed`, and how whole nights came out.
pub(crate) struct Tracked {
    pub record: DataFrame,
    pub listed: DataFrame,
    /// Of the ledger where it has any, else of the backtest; oldest first.
    pub closed: Vec<Closed>,
}

/// Judges the ledger's nights. As long as the time of none of them is over, the backtest's lists are judged too.
pub(crate) fn track(
    frames: &Frames,
    settings: &Settings,
    ledger: &DataFrame,
    backtest: &[Night],
) -> Result<Tracked, EngineError> {
    let (nights, names) = nights::nights(ledger, frames, settings.capacity.per_days)?;
    let from_ledger = judge::judge(frames, &nights, &names)?;
    let mut sources = Vec::new();
    let mut closed = from_ledger.closed.clone();
    if closed.is_empty() {
        let made = judge::judge(frames, backtest, &names)?;
        closed.clone_from(&made.closed);
        sources.push(("backtest", made));
    }
    sources.insert(0, ("ledger", from_ledger));
    sources.retain(|(_, verdicts)| !verdicts.months.is_empty());
    Ok(Tracked { record: tables::record(&sources)?, listed: tables::listed(&sources, &names)?, closed })
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
