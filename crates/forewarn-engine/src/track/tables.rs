//! The tables `track_record` and `listed`. It does not know how the verdicts came about.

use forewarn_frames::output::{LISTED, TRACK_RECORD};
use forewarn_frames::time::{DAY, Micros};
use polars::prelude::*;

use super::judge::{Ranker, Tally, Verdicts};
use super::nights::Names;
use crate::EngineError;

/// A row of `track_record`.
struct Row<'a> {
    source: &'static str,
    ranker: Ranker,
    month: Option<Micros>,
    tally: &'a Tally,
}

fn times(name: &str, at: Vec<Option<Micros>>) -> PolarsResult<Column> {
    Column::new(name.into(), at).cast(&DataType::Datetime(TimeUnit::Microseconds, None))
}

/// Source by source, the chosen list before the baseline's, month by month and then all together.
pub(super) fn record(sources: &[(&'static str, Verdicts)]) -> Result<DataFrame, EngineError> {
    let totals: Vec<[Tally; 2]> = sources.iter().map(|s| s.1.total()).collect();
    let mut rows: Vec<Row<'_>> = Vec::new();
    for ((source, verdicts), total) in sources.iter().zip(&totals) {
        for (k, ranker) in Ranker::ALL.into_iter().enumerate() {
            rows.extend(verdicts.months.iter().map(|(month, tallies)| Row {
                source,
                ranker,
                month: Some(Micros::from(*month) * DAY),
                tally: &tallies[k],
            }));
            rows.push(Row { source, ranker, month: None, tally: &total[k] });
        }
    }
    let whole = |name: &str, f: fn(&Tally) -> u64| {
        Column::new(name.into(), rows.iter().map(|r| f(r.tally) as i64).collect::<Vec<_>>())
    };
    let number = |name: &str, f: fn(&Tally) -> Option<f64>| {
        Column::new(name.into(), rows.iter().map(|r| f(r.tally)).collect::<Vec<_>>())
    };
    let judged = |t: &Tally, v: f64| (t.n_judged > 0).then_some(v);
    let df = DataFrame::new(
        rows.len(),
        vec![
            Column::new("source".into(), rows.iter().map(|r| r.source).collect::<Vec<_>>()),
            Column::new("ranker".into(), rows.iter().map(|r| r.ranker.name()).collect::<Vec<_>>()),
            times("month", rows.iter().map(|r| r.month).collect())?,
            whole("n_lists", |t| t.n_lists),
            whole("n_listed", Tally::n_listed),
            whole("n_hits", |t| t.n_hits),
            whole("n_false_alarms", |t| t.n_false_alarms),
            whole("n_acted_on", |t| t.n_acted_on),
            whole("n_open", |t| t.n_open),
            whole("n_failures", Tally::n_failures),
            whole("n_forewarned", Tally::n_forewarned),
            number("forewarned_share", Tally::forewarned_share),
            number("forewarned_low", |t| t.forewarned_interval().map(|i| i.0)),
            number("forewarned_high", |t| t.forewarned_interval().map(|i| i.1)),
            number("lead_days", Tally::lead_days),
            number("precision", Tally::precision),
            whole("n_judged", |t| t.n_judged),
            Column::new(
                "expected".into(),
                rows.iter().map(|r| judged(r.tally, r.tally.expected)).collect::<Vec<_>>(),
            ),
            Column::new(
                "observed".into(),
                rows.iter().map(|r| judged(r.tally, r.tally.observed as f64)).collect::<Vec<_>>(),
            ),
            number("brier_skill", Tally::brier_skill),
        ],
    )?;
    debug_assert_eq!(TRACK_RECORD.check(&df), Ok(()));
    Ok(df)
}

/// The places on the chosen lists, list by list.
pub(super) fn listed(
    sources: &[(&'static str, Verdicts)],
    names: &Names<'_>,
) -> Result<DataFrame, EngineError> {
    let rows: Vec<_> =
        sources.iter().flat_map(|(source, v)| v.listed.iter().map(move |l| (*source, l))).collect();
    let df = DataFrame::new(
        rows.len(),
        vec![
            Column::new("source".into(), rows.iter().map(|r| r.0).collect::<Vec<_>>()),
            times("list_date", rows.iter().map(|r| Some(r.1.0.micros())).collect())?,
            Column::new("place".into(), rows.iter().map(|r| i64::from(r.1.1.rank)).collect::<Vec<_>>()),
            Column::new("asset_id".into(), rows.iter().map(|r| names.of(r.1.1.asset)).collect::<Vec<_>>()),
            Column::new("probability".into(), rows.iter().map(|r| r.1.1.probability).collect::<Vec<_>>()),
            Column::new("outcome".into(), rows.iter().map(|r| r.1.2.fate.name()).collect::<Vec<_>>()),
            times("at", rows.iter().map(|r| r.1.2.at).collect())?,
            Column::new("what".into(), rows.iter().map(|r| r.1.2.what.as_deref()).collect::<Vec<_>>()),
        ],
    )?;
    debug_assert_eq!(LISTED.check(&df), Ok(()));
    Ok(df)
}
