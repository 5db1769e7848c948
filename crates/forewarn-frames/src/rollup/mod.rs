//! Daily rollups of telemetry: one row per asset, metric and day, exact and independent of row order, files and threads.
//!
//! The readings of an asset are summed in the order of their time ([`Roller`]), so the same readings give the same bits.
//! Running totals (increase, changes, resets) are kept since the asset's first reading, so any window is a difference of two
//! rows. It does not know cutoffs; [`crate::History`] does.

mod cells;
mod names;
mod roller;
mod saved;
mod seen;
mod silent;
mod table;

use polars::prelude::*;

use crate::time::{DAY, Micros};
pub(crate) use cells::Dense;
use cells::Lane;
pub use roller::{Roller, RollerSettings};
pub use saved::Written;
pub(crate) use seen::Oddities;
pub use seen::SourceRows;
pub use silent::{SILENT_DAYS, Silent};
pub use table::{ROLLUP, merge};

/// How a source of telemetry writes its readings.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TelemetryKind {
    /// A row comes only when a value changes; the value holds until the next row.
    pub on_change: bool,
    /// Metrics that only count up; a fall is a reset, after which the value itself is the increase.
    pub counters: Vec<String>,
}

/// The daily rollup of one metric over all assets: parallel columns, sorted by asset, then day.
#[derive(Debug, Clone)]
pub struct MetricRollup {
    pub(crate) name: String,
    pub(crate) on_change: bool,
    pub(crate) counter: bool,
    /// Rows of asset `a` are `offsets[a]..offsets[a + 1]`.
    pub(crate) offsets: Vec<usize>,
    pub(crate) day: Vec<i32>,
    pub(crate) last: Vec<f64>,
    pub(crate) cum_increase: Vec<f64>,
    pub(crate) cum_changes: Vec<u32>,
    pub(crate) cum_resets: Vec<u32>,
    /// Absent where no day holds more than one reading: then mean, min and max are the last value.
    pub(crate) dense: Option<Dense>,
}

/// Moves `from` to the places in `to`, those that have one.
fn scatter<T: Copy + Default>(from: Vec<T>, places: &[u32], n: usize) -> Vec<T> {
    let mut out = vec![T::default(); n];
    for (value, place) in from.into_iter().zip(places) {
        if let Some(slot) = out.get_mut(*place as usize) {
            *slot = value;
        }
    }
    out
}

impl MetricRollup {
    /// The days of a lane before `end_day`, sorted by asset and day; `number` gives the number of a code, where it counts.
    fn of(mut lane: Lane, number: &[Option<u32>], n_assets: usize, end_day: i32) -> Self {
        lane.close();
        let cells = lane.cells;
        let number_of = |i: usize| number[cells.asset[i] as usize].filter(|_| cells.day[i] < end_day);
        let mut offsets = vec![0; n_assets + 1];
        for i in 0..cells.asset.len() {
            if let Some(a) = number_of(i) {
                offsets[a as usize + 1] += 1;
            }
        }
        for a in 0..n_assets {
            offsets[a + 1] += offsets[a];
        }
        // The days of an asset come in their order, so each takes the next place of its asset.
        let mut next = offsets.clone();
        let places: Vec<u32> = (0..cells.asset.len())
            .map(|i| match number_of(i) {
                Some(a) => {
                    next[a as usize] += 1;
                    next[a as usize] as u32 - 1
                }
                None => u32::MAX,
            })
            .collect();
        let n = offsets[n_assets];
        // Column by column, so that never more than one stands twice.
        Self {
            name: lane.name,
            on_change: lane.on_change,
            counter: lane.counter,
            offsets,
            day: scatter(cells.day, &places, n),
            last: scatter(cells.last, &places, n),
            cum_increase: scatter(cells.increase, &places, n),
            cum_changes: scatter(cells.changes, &places, n),
            cum_resets: scatter(cells.resets, &places, n),
            dense: cells.dense.map(|d| Dense {
                n: scatter(d.n, &places, n),
                mean: scatter(d.mean, &places, n),
                m2: scatter(d.m2, &places, n),
                min: scatter(d.min, &places, n),
                max: scatter(d.max, &places, n),
            }),
        }
    }

    /// The metric's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How many (asset, day) rows there are.
    #[must_use]
    pub fn n_rows(&self) -> usize {
        self.day.len()
    }

    /// The rollup as a table: `asset_id, metric, day, n, mean, m2, min, max, last, cum_increase, cum_changes, cum_resets`.
    /// `ids` names the assets by their code.
    ///
    /// # Errors
    ///
    /// Polars refuses the columns, which would be a bug here.
    pub fn to_frame(&self, ids: &[String]) -> PolarsResult<DataFrame> {
        let mut asset: Vec<&str> = Vec::with_capacity(self.day.len());
        for (a, w) in self.offsets.windows(2).enumerate() {
            asset.extend(std::iter::repeat_n(ids[a].as_str(), w[1] - w[0]));
        }
        let n = self.day.len();
        let (count, mean, m2, min, max) = match &self.dense {
            Some(d) => (d.n.clone(), d.mean.clone(), d.m2.clone(), d.min.clone(), d.max.clone()),
            None => (vec![1; n], self.last.clone(), vec![0.0; n], self.last.clone(), self.last.clone()),
        };
        DataFrame::new(
            n,
            vec![
                Column::new("asset_id".into(), asset),
                Column::new("metric".into(), vec![self.name.as_str(); n]),
                Column::new("day".into(), self.day.clone()).cast(&DataType::Date)?,
                Column::new("n".into(), count),
                Column::new("mean".into(), mean),
                Column::new("m2".into(), m2),
                Column::new("min".into(), min),
                Column::new("max".into(), max),
                Column::new("last".into(), self.last.clone()),
                Column::new("cum_increase".into(), self.cum_increase.clone()),
                Column::new("cum_changes".into(), self.cum_changes.clone()),
                Column::new("cum_resets".into(), self.cum_resets.clone()),
            ],
        )
    }
}

/// The start of a day number, in microseconds.
#[must_use]
pub fn day_start(day: i32) -> Micros {
    Micros::from(day) * DAY
}

#[cfg(test)]
mod tests;
