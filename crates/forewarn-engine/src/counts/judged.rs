//! Forecasts at past origins with what came: the backtest of counts. It does not know files.

use std::collections::BTreeMap;

use forewarn_frames::output::FORECASTS_JUDGED;
use forewarn_frames::{Cutoff, Frames};
use forewarn_models::{COUNT_LEVELS, pinball_loss};
use polars::prelude::*;

use super::{
    CountBy, CountLevel, Counted, Period, Row, columns, forecasts, in_order, plans, shared_columns,
    tally::Tally, time_column,
};
use crate::evaluate::{MetricRow, metric_table};
use crate::{CountBacktest, EngineError, Progress};

/// Incidents that came in each period of each row, null where a period is not over by the end of observation.
fn actuals(rows: &[Row], later: &Tally, end: Cutoff) -> Vec<Option<f64>> {
    // Which values have a series of their own at this origin: all else of a column is `(other)`.
    let mut own: BTreeMap<usize, std::collections::BTreeSet<&str>> = BTreeMap::new();
    for row in rows {
        if let Some(column) = row.column {
            own.entry(column).or_default().insert(&row.series_id);
        }
    }
    let parts: BTreeMap<usize, BTreeMap<String, BTreeMap<i32, f64>>> = own
        .iter()
        .map(|(column, own)| (*column, super::panel::parted(&later.by[*column], &|v| own.contains(v))))
        .collect();
    let none = BTreeMap::new();
    let mut out = Vec::new();
    for row in rows {
        let days = match row.column {
            None => &later.total,
            Some(column) => parts.get(&column).and_then(|p| p.get(&row.series_id)).unwrap_or(&none),
        };
        for j in 0..row.forecast.mean.len() {
            let (from, to) = (row.days[j], row.days[j + 1]);
            // An empty sum of floats is negative zero.
            out.push((to <= end.day()).then(|| days.range(from..to).map(|d| d.1).sum::<f64>() + 0.0));
        }
    }
    out
}

/// Sums for the metrics of one level.
#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    rows: f64,
    came: f64,
    off: f64,
    lean: f64,
    pinball: f64,
    inside: f64,
}

impl Sums {
    fn add(&mut self, y: f64, mean: f64, quantiles: &[f64]) {
        self.rows += 1.0;
        self.came += y;
        self.off += (y - mean).abs();
        self.lean += mean - y;
        self.pinball += 2.0 * pinball_loss(&COUNT_LEVELS, quantiles, y) / COUNT_LEVELS.len() as f64;
        // A whole count on an end of the interval lies half inside.
        let (low, high) = (quantiles[1], quantiles[5]);
        self.inside += if low == high {
            f64::from(u8::from(y == low))
        } else if y == low || y == high {
            0.5
        } else {
            f64::from(u8::from(low < y && y < high))
        };
    }

    fn metrics(&self) -> [(&'static str, Option<f64>); 5] {
        let by = |sum: f64, of: f64| (of > 0.0).then(|| sum / of);
        [
            ("wape", by(self.off, self.came)),
            ("bias", by(self.lean, self.came)),
            ("weighted_quantile_loss", by(self.pinball, self.came)),
            ("coverage_80", by(self.inside, self.rows)),
            ("incidents", Some(self.came)),
        ]
    }
}

/// The days ahead that a row's horizon stands for; of months as many of 30 days, since no two horizons are alike.
fn nominal(row: &Row, days: i64) -> i64 {
    if row.every == Period::Month.name() { 30 * row.forecast.mean.len() as i64 } else { days }
}

/// Forecasts at every origin, with what came.
pub(crate) fn judged(
    frames: &Frames,
    levels: &[CountLevel],
    origins: &[Cutoff],
    horizon: Option<usize>,
    progress: &dyn Progress,
) -> Result<CountBacktest, EngineError> {
    let end = frames.end();
    let origins: Vec<Cutoff> = origins.iter().copied().filter(|o| *o <= end).collect();
    let mut all: Option<DataFrame> = None;
    let mut sums: BTreeMap<(&'static str, i64), Sums> = BTreeMap::new();
    // What came is tallied anew only where another origin counts by other columns.
    let mut tallied: Option<(Vec<CountBy>, Tally)> = None;
    for (i, &origin) in origins.iter().enumerate() {
        progress.step("backtest", i, origins.len());
        if progress.cancelled() {
            return Err(EngineError::Cancelled);
        }
        let columns = columns(frames, levels, origin);
        let Some(counted) = Counted::at(frames, origin, &columns, levels) else { continue };
        let plans = plans(levels, &columns, counted.period(), horizon);
        let (rows, _) = forecasts(&counted, &columns, &plans)?;
        let later = match tallied.take() {
            Some((of, later)) if of == columns => later,
            _ => Tally::of(&frames.as_of(end), &columns),
        };
        let came = actuals(&rows, &later, end);
        tallied = Some((columns, later));
        let mut k = 0;
        for row in &rows {
            let ahead = i64::from(row.days.last().unwrap_or(&0) - row.days.first().unwrap_or(&0));
            let sum = sums.entry((row.level, nominal(row, ahead))).or_default();
            for (mean, quantiles) in row.forecast.mean.iter().zip(&row.forecast.quantiles) {
                if let Some(y) = came[k] {
                    sum.add(y, *mean, quantiles);
                }
                k += 1;
            }
        }
        let mut cells = shared_columns(&rows)?;
        cells.insert("actual", Column::new("actual".into(), came));
        cells.insert("cutoff", time_column("cutoff", vec![origin.day(); k])?);
        let df = in_order(&FORECASTS_JUDGED, cells)?;
        match &mut all {
            None => all = Some(df),
            Some(all) => {
                all.vstack_mut(&df)?;
            }
        }
    }
    progress.step("backtest", origins.len(), origins.len());
    let Some(forecasts) = all else {
        return Err(EngineError::TooLittle {
            found: format!("no incident is known before any of {} origins", origins.len()),
            hint:
                "give later `--from` and `--to`, and check `tickets.columns.type`: only incidents are counted"
                    .into(),
        });
    };
    Ok(CountBacktest { forecasts, metrics: metrics(&sums)? })
}

/// The metrics by level, as a table of the same shape as the other tasks'.
fn metrics(sums: &BTreeMap<(&'static str, i64), Sums>) -> Result<DataFrame, EngineError> {
    let of_level = |((level, days), sum): (&(&'static str, i64), &Sums)| {
        sum.metrics().map(|(metric, value)| MetricRow::chosen(level, *days, metric, value))
    };
    metric_table(&sums.iter().flat_map(of_level).collect::<Vec<_>>())
}
