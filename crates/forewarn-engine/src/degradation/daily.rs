//! The series that are looked at: one value a day of one metric of one asset, up to the cutoff. It does not know what is
//! looked for in them.

use forewarn_frames::{History, Series};
use rayon::prelude::*;

/// Days that are looked at.
pub(super) const WINDOW_DAYS: usize = 365;

/// One metric of many assets, day by day, all over the same days.
pub(super) struct Days {
    /// The first day, days since 1970.
    pub first: i32,
    /// By asset number; empty where the asset was not read.
    pub values: Vec<Vec<f64>>,
}

/// What lies beyond is no reading of anything, and its squares could not be summed up.
const LARGEST: f64 = 1e100;

/// What a value of a day stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shown {
    /// The level: the mean of the day, or the value that holds where rows come only on change.
    Level,
    /// The rise since the day before: of what counts up.
    Rise,
}

impl Days {
    /// The days before the history's cutoff of the assets `among`.
    pub(super) fn of(history: &History<'_>, metric: usize, among: &[usize], shown: Shown) -> Self {
        let until = history.cutoff().day();
        let first = until - WINDOW_DAYS as i32;
        let read = |asset: &usize| {
            let series = history.series(*asset, metric);
            if series.is_empty() { Vec::new() } else { days_of(&series, first, until, shown) }
        };
        let all: Vec<Vec<f64>> = among.par_iter().map(read).collect();
        let mut values = vec![Vec::new(); history.n_assets()];
        for (asset, days) in among.iter().zip(all) {
            values[*asset] = days;
        }
        Self { first, values }
    }

    /// The times that go with the values, days since 1970.
    pub(super) fn times(&self) -> Vec<f64> {
        (0..WINDOW_DAYS as i32).map(|i| f64::from(self.first + i)).collect()
    }
}

/// One value for each day from `first` to before `until`; NaN where nothing is known. The series may go on after that: a unit
/// is often read for some days after it failed.
pub(crate) fn days_of(series: &Series<'_>, first: i32, until: i32, shown: Shown) -> Vec<f64> {
    let mut out = vec![f64::NAN; (until - first) as usize];
    let day = &series.day()[..series.day().partition_point(|d| *d < until)];
    let rise = series.cum_increase();
    let level = if series.on_change() { series.last() } else { series.mean() };
    let start = day.partition_point(|d| *d < first).saturating_sub(1);
    for i in start..day.len() {
        let next = if series.on_change() { day.get(i + 1).copied().unwrap_or(until) } else { day[i] + 1 };
        match shown {
            Shown::Level => {
                for d in day[i].max(first)..next {
                    out[(d - first) as usize] = level[i];
                }
            }
            Shown::Rise => {
                // What came since the reading before is spread over the days between.
                if let Some(before) = i.checked_sub(1) {
                    let days = day[i] - day[before];
                    // A value that holds rose on the day that it was written.
                    let from = if series.on_change() { day[i] } else { day[before] + 1 };
                    let share = f64::from(if series.on_change() { 1 } else { days });
                    for d in from.max(first)..=day[i] {
                        out[(d - first) as usize] = (rise[i] - rise[before]) / share;
                    }
                }
                for d in (day[i] + 1).max(first)..next {
                    out[(d - first) as usize] = 0.0;
                }
            }
        }
    }
    for v in out.iter_mut().filter(|v| v.abs() > LARGEST) {
        *v = f64::NAN;
    }
    out
}

/// Whether there is something to look at: days enough, and not one value throughout.
pub(super) fn moves(values: &[f64], least_days: usize) -> bool {
    let mut known = values.iter().filter(|v| !v.is_nan());
    let Some(first) = known.next() else { return false };
    let (mut n, mut differ) = (1, false);
    for v in known {
        n += 1;
        differ |= v != first;
    }
    differ && n >= least_days
}
