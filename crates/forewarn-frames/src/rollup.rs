//! Daily rollups of telemetry: one row per asset, metric and day, exact and independent of row order, files and threads.
//!
//! Readings arrive sorted by asset and time, one row a time ([`crate::input::Telemetry`]); each day's readings are summed
//! in that order, so the same readings give the same bits. Running totals (increase, changes, resets) are kept since the
//! asset's first reading, so any window is a difference of two rows. It does not know cutoffs; [`crate::History`] does.

use polars::prelude::*;

use crate::time::{DAY, Micros, day_number};

/// A day that never was: "no change so far".
pub const NEVER: i32 = i32::MIN;

/// How a source of telemetry writes its readings.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TelemetryKind {
    /// A row comes only when a value changes; the value holds until the next row.
    pub on_change: bool,
    /// Metrics that only count up; a fall is a reset, after which the value itself is the increase.
    pub counters: Vec<String>,
}

/// What a day with more than one reading needs beyond its last value.
#[derive(Debug, Clone, Default)]
pub(crate) struct Dense {
    pub n: Vec<u32>,
    pub mean: Vec<f64>,
    pub m2: Vec<f64>,
    pub min: Vec<f64>,
    pub max: Vec<f64>,
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
    pub(crate) last_change_day: Vec<i32>,
    pub(crate) last_increase_day: Vec<i32>,
    /// Absent where no day holds more than one reading: then mean, min and max are the last value.
    pub(crate) dense: Option<Dense>,
}

/// One reading: asset code, time, value. Sorted by the first two and unique in them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reading {
    pub asset: u32,
    pub at: Micros,
    pub value: f64,
}

impl MetricRollup {
    /// Rolls readings up. They are sorted by asset and time; values are finite.
    pub(crate) fn build(name: &str, kind: &TelemetryKind, n_assets: usize, readings: &[Reading]) -> Self {
        let counter = kind.counters.iter().any(|c| c == name);
        let mut out = Self {
            name: name.to_owned(),
            on_change: kind.on_change,
            counter,
            offsets: Vec::with_capacity(n_assets + 1),
            day: Vec::new(),
            last: Vec::new(),
            cum_increase: Vec::new(),
            cum_changes: Vec::new(),
            cum_resets: Vec::new(),
            last_change_day: Vec::new(),
            last_increase_day: Vec::new(),
            dense: readings
                .windows(2)
                .any(|w| w[0].asset == w[1].asset && day_number(w[0].at) == day_number(w[1].at))
                .then(Dense::default),
        };
        let mut i = 0;
        for asset in 0..n_assets as u32 {
            out.offsets.push(out.day.len());
            let mut previous: Option<f64> = None;
            let (mut increase, mut changes, mut resets) = (0.0, 0u32, 0u32);
            let (mut changed, mut increased) = (NEVER, NEVER);
            while i < readings.len() && readings[i].asset == asset {
                let day = day_number(readings[i].at);
                let start = i;
                while i < readings.len() && readings[i].asset == asset && day_number(readings[i].at) == day {
                    let value = readings[i].value;
                    if let Some(before) = previous {
                        if value > before {
                            increase += value - before;
                            increased = day;
                        } else if value < before {
                            resets += 1;
                            if counter && value > 0.0 {
                                increase += value;
                                increased = day;
                            }
                        }
                        if value != before {
                            changes += 1;
                            changed = day;
                        }
                    }
                    previous = Some(value);
                    i += 1;
                }
                let values = &readings[start..i];
                out.day.push(day);
                out.last.push(values[values.len() - 1].value);
                out.cum_increase.push(increase);
                out.cum_changes.push(changes);
                out.cum_resets.push(resets);
                out.last_change_day.push(changed);
                out.last_increase_day.push(increased);
                if let Some(d) = &mut out.dense {
                    let n = values.len() as f64;
                    let mean = values.iter().map(|r| r.value).sum::<f64>() / n;
                    d.n.push(values.len() as u32);
                    d.mean.push(mean);
                    d.m2.push(values.iter().map(|r| (r.value - mean) * (r.value - mean)).sum());
                    d.min.push(values.iter().map(|r| r.value).fold(f64::INFINITY, f64::min));
                    d.max.push(values.iter().map(|r| r.value).fold(f64::NEG_INFINITY, f64::max));
                }
            }
        }
        out.offsets.push(out.day.len());
        out
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
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn a_counter_that_resets_keeps_counting() {
        let readings: Vec<Reading> = [(0, 0, 5.0), (0, 1, 8.0), (0, 2, 2.0), (0, 2 * 24, 4.0), (1, 0, 1.0)]
            .iter()
            .map(|&(asset, hour, value)| Reading { asset, at: hour * crate::time::HOUR, value })
            .collect();
        let check = |counters: &[&str], increase: &[f64]| {
            let kind = TelemetryKind {
                on_change: false,
                counters: counters.iter().map(ToString::to_string).collect(),
            };
            let r = MetricRollup::build("errors", &kind, 3, &readings);
            assert_eq!(r.offsets, [0, 2, 3, 3]);
            assert_eq!(r.cum_increase, increase);
            assert_eq!(r.cum_resets, [1, 1, 0]);
            assert_eq!(r.last, [2.0, 4.0, 1.0]);
            assert_eq!(r.dense.as_ref().unwrap().mean, [5.0, 4.0, 1.0]);
        };
        check(&["errors"], &[5.0, 7.0, 0.0]);
        check(&[], &[3.0, 5.0, 0.0]);
    }
}
