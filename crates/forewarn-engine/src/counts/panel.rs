//! From a tally to a panel of series and to forecasts of it: which values have a series of their own, the calendar, parts
//! that sum to the total. It does not know how a forecast is made, nor tables.

use std::collections::BTreeMap;

use forewarn_frames::time::weekday;
use forewarn_models::{CountCalendar, CountForecast, forecast_counts, reconcile_counts, recorded_periods};

use super::Counted;
use super::periods::{Grid, Period};
use super::tally::summed;
use crate::EngineError;
use crate::incidents::NONE;

/// No column has more series than this; the rest of its values, the rarest, are counted together.
const MOST_SERIES: usize = 5000;
/// Months have a season of their own from so many on.
const SEASON_MONTHS: usize = 36;
/// The name of what is gathered.
const OTHER: &str = "(other)";

/// What a series counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Key {
    /// The position of the column among those asked for; `None`: everything.
    pub(super) column: Option<usize>,
    /// The value, `(other)`, `(none)` or `total`.
    pub(super) value: String,
}

/// Series of one kind of period as they are known at a cutoff.
#[derive(Debug)]
pub(super) struct Panel {
    pub(super) grid: Grid,
    /// The first period to forecast that begins at the cutoff or later, by its number.
    pub(super) ahead: i32,
    pub(super) keys: Vec<Key>,
    pub(super) series: Vec<Vec<f64>>,
    total: Vec<f64>,
    calendar: CountCalendar,
    /// Periods that are left out of the forecasts: one that has begun at the cutoff.
    skip: usize,
    /// Known periods that lie in a gap of the records.
    pub(super) gaps: usize,
}

/// The days of a tally by key: the values with a series of their own, `(other)`, `(none)`.
pub(super) fn parted(
    values: &BTreeMap<Option<String>, BTreeMap<i32, f64>>,
    own: &dyn Fn(&str) -> bool,
) -> BTreeMap<String, BTreeMap<i32, f64>> {
    let mut out: BTreeMap<String, BTreeMap<i32, f64>> = BTreeMap::new();
    for (value, days) in values {
        let key = match value {
            None => NONE,
            Some(v) if own(v) => v,
            Some(_) => OTHER,
        };
        let to = out.entry(key.to_owned()).or_default();
        for (day, n) in days {
            *to.entry(*day).or_insert(0.0) += n;
        }
    }
    out
}

/// The values that have a series of their own.
fn own_values(values: &BTreeMap<Option<String>, BTreeMap<i32, f64>>, least: f64) -> Vec<&str> {
    let mut by: Vec<(&str, f64)> = values
        .iter()
        .filter_map(|(v, days)| Some((v.as_deref()?, days.values().sum::<f64>())))
        .filter(|(_, n)| *n >= least)
        .collect();
    by.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(b.0)));
    by.truncate(MOST_SERIES);
    by.into_iter().map(|b| b.0).collect()
}

impl Panel {
    /// The panel of the columns at those positions of the tally; `None` where no period is known.
    pub(super) fn new(
        counted: &Counted,
        columns: &[usize],
        grid: Grid,
        horizon: usize,
    ) -> Result<Option<Self>, EngineError> {
        let (tally, rhythm, (from, cutoff)) = (&counted.tally, &counted.rhythm, counted.span);
        // The first whole period, and the one that holds the cutoff: where that has begun, its days are not used.
        let present = grid.index(cutoff);
        let first = grid.from(from).max(present - grid.back());
        let Some(n) = usize::try_from(present - first).ok().filter(|n| *n > 0) else { return Ok(None) };
        let ahead = grid.from(cutoff);
        let skip = (ahead - present) as usize;
        let total = summed(&tally.total, first, n, |d| grid.index(d));
        let (mut keys, mut series) = (Vec::new(), Vec::new());
        for column in columns {
            let own = own_values(&tally.by[*column], counted.least[*column]);
            let own: std::collections::BTreeSet<&str> = own.into_iter().collect();
            let mut parts = parted(&tally.by[*column], &|v| own.contains(v));
            // Values that nobody has seen yet belong there.
            parts.entry(OTHER.to_owned()).or_default();
            for (value, days) in parts {
                keys.push(Key { column: Some(*column), value });
                series.push(summed(&days, first, n, |d| grid.index(d)));
            }
        }
        keys.push(Key { column: None, value: "total".to_owned() });
        series.push(total.clone());
        let periods = first..present + (skip + horizon) as i32;
        let daily = grid == Grid::Calendar(Period::Day);
        let monthly = grid == Grid::Calendar(Period::Month) && n >= SEASON_MONTHS;
        let slot = |i: i32| {
            if daily {
                weekday(i)
            } else if monthly {
                i.rem_euclid(12) as usize
            } else {
                0
            }
        };
        let n_slots = if daily {
            7
        } else if monthly {
            12
        } else {
            1
        };
        let mut recorded = recorded_periods(&total, grid.least_gap());
        let gaps = recorded.iter().filter(|r| !**r).count();
        recorded.resize(periods.len(), true);
        let calendar = CountCalendar::new(
            periods.clone().map(slot).collect(),
            n_slots,
            periods.clone().map(|i| if daily { 1.0 } else { rhythm.size(grid, i) }).collect(),
            periods.map(|i| if daily { rhythm.rest(i) } else { 0.0 }).collect(),
            recorded,
            n,
        )
        .map_err(EngineError::model)?;
        Ok(Some(Self { grid, ahead, keys, series, total, calendar, skip, gaps }))
    }

    /// Forecasts of the periods ahead, one for each key; the means of each column sum to the total's.
    pub(super) fn forecast(&self) -> Result<Vec<CountForecast>, EngineError> {
        let mut out =
            forecast_counts(&self.series, &self.total, &self.calendar).map_err(EngineError::model)?;
        for f in &mut out {
            f.mean.drain(..self.skip);
            f.quantiles.drain(..self.skip);
        }
        let Some(total) = self.keys.iter().position(|k| k.column.is_none()) else { return Ok(out) };
        let mut whole = out[total].mean.clone();
        let mut columns: Vec<usize> = self.keys.iter().filter_map(|k| k.column).collect();
        columns.dedup();
        let of = |column: usize| (0..self.keys.len()).filter(move |k| self.keys[*k].column == Some(column));
        let mut levels: Vec<Vec<Vec<f64>>> =
            columns.iter().map(|c| of(*c).map(|k| out[k].mean.clone()).collect()).collect();
        reconcile_counts(&mut whole, &mut levels).map_err(EngineError::model)?;
        for (column, means) in columns.iter().zip(levels) {
            for (k, mean) in of(*column).zip(means) {
                out[k].mean = mean;
            }
        }
        out[total].mean = whole;
        Ok(out)
    }
}
