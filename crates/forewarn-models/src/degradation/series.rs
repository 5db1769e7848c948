//! Daily values on a grid of days, and their cleaning: weekly season, bursts of a few days, robust spread. It does not
//! know what is measured.

use crate::anomaly::median_7;
use crate::error::{ModelError, all_finite, in_range, same_length};
use crate::rank::median;

/// Most days that a series may span.
const MAX_DAYS: f64 = 20_000.0;
/// Values beyond this could overflow when they are squared and summed.
const LARGEST: f64 = 1e100;
/// Takes the median absolute deviation to the standard deviation of a normal distribution.
pub(super) const NORMAL_MAD: f64 = 1.482_602_218_505_602;
/// A day this many robust standard deviations off the median of its week is a burst, not a level (Hampel 1974).
const BURST: f64 = 4.0;

/// Days whose own spread is told.
const MONTH: usize = 28;

/// Values by whole days. Several values of a day become their median, days without a value are missing, and the
/// order of the input does not matter.
#[derive(Debug, Clone, PartialEq)]
pub struct DailySeries {
    first_day: f64,
    values: Vec<f64>,
}

impl DailySeries {
    /// Puts values at times (days, any origin; not sorted, doubles allowed) on a grid of days; NaN is missing.
    ///
    /// # Errors
    /// No values, lengths that differ, a time that is not finite, a value that is infinite or beyond 1e100, more than
    /// 20,000 days from the first to the last time.
    ///
    /// ```
    /// use forewarn_models::DailySeries;
    /// let series = DailySeries::new(&[3.0, 1.0, 1.5], &[7.0, 1.0, 3.0])?;
    /// assert_eq!((series.first_day(), series.n_days()), (1.0, 3));
    /// assert_eq!((series.value(0), series.value(1), series.value(2)), (Some(2.0), None, Some(7.0)));
    /// assert!(DailySeries::new(&[1.0], &[f64::INFINITY]).is_err());
    /// # Ok::<(), forewarn_models::ModelError>(())
    /// ```
    pub fn new(times_days: &[f64], values: &[f64]) -> Result<Self, ModelError> {
        if times_days.is_empty() {
            return Err(ModelError::Empty { what: "days" });
        }
        same_length("values", values.len(), times_days.len())?;
        all_finite("times_days", times_days)?;
        within_largest(values)?;
        let first_day = times_days.iter().copied().fold(f64::INFINITY, f64::min).floor();
        let last_day = times_days.iter().copied().fold(f64::NEG_INFINITY, f64::max).floor();
        let span = last_day - first_day + 1.0;
        in_range(span <= MAX_DAYS, "days from the first to the last", span, "at most 20,000")?;
        let mut by_day: Vec<(usize, f64)> = times_days
            .iter()
            .zip(values)
            .filter(|(_, v)| !v.is_nan())
            .map(|(t, v)| ((t.floor() - first_day) as usize, *v))
            .collect();
        by_day.sort_unstable_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
        let mut grid = vec![f64::NAN; span as usize];
        for day in by_day.chunk_by(|a, b| a.0 == b.0) {
            let (low, high) = (day[(day.len() - 1) / 2].1, day[day.len() / 2].1);
            grid[day[0].0] = f64::midpoint(low, high);
        }
        Ok(Self { first_day, values: grid })
    }

    /// One value for each day from `first_day` on; NaN is missing.
    ///
    /// # Errors
    /// No values, more than 20,000, a first day that is not finite, a value that is infinite or beyond 1e100.
    ///
    /// ```
    /// use forewarn_models::DailySeries;
    /// let series = DailySeries::of_days(3.0, vec![7.0, f64::NAN, 1.0])?;
    /// assert_eq!((series.n_days(), series.value(1), series.value(2)), (3, None, Some(1.0)));
    /// assert_eq!(DailySeries::of_days(3.0, vec![7.0, 1.0])?, DailySeries::new(&[4.0, 3.0], &[1.0, 7.0])?);
    /// assert!(DailySeries::of_days(3.0, Vec::new()).is_err());
    /// # Ok::<(), forewarn_models::ModelError>(())
    /// ```
    pub fn of_days(first_day: f64, values: Vec<f64>) -> Result<Self, ModelError> {
        if values.is_empty() {
            return Err(ModelError::Empty { what: "days" });
        }
        all_finite("first_day", &[first_day])?;
        within_largest(&values)?;
        let span = values.len() as f64;
        in_range(span <= MAX_DAYS, "days from the first to the last", span, "at most 20,000")?;
        Ok(Self { first_day: first_day.floor(), values })
    }

    /// The day of the first time, present or missing.
    pub fn first_day(&self) -> f64 {
        self.first_day
    }

    /// Days from the first to the last time, both included.
    pub fn n_days(&self) -> usize {
        self.values.len()
    }

    /// The value `i` days after the first, `None` where it is missing or beyond the end.
    pub fn value(&self, i: usize) -> Option<f64> {
        self.values.get(i).copied().filter(|v| !v.is_nan())
    }

    /// Present days (counted from the first), without season and bursts.
    pub(super) fn cleaned(&self) -> Cleaned {
        let (mut t, mut x) = (Vec::with_capacity(self.values.len()), Vec::with_capacity(self.values.len()));
        for (i, v) in self.values.iter().enumerate().filter(|(_, v)| !v.is_nan()) {
            t.push(i as f64);
            x.push(*v);
        }
        if x.is_empty() {
            return Cleaned { t, x };
        }
        let mut middle = running_median(&x);
        if x.len() >= 28 {
            let season = weekly(&t, &x, &middle);
            for (v, t) in x.iter_mut().zip(&t) {
                *v -= season[*t as usize % 7];
            }
            middle = running_median(&x);
        }
        let off: Vec<f64> = x.iter().zip(&middle).map(|(v, m)| (v - m).abs()).collect();
        let spread = NORMAL_MAD * median(&mut off.clone());
        // A series that mostly stands still has no such spread; its few steps are then taken as they are. A month
        // that is wider than the rest is not a month of bursts.
        let months: Vec<f64> =
            off.chunks(MONTH).map(|o| spread.max(NORMAL_MAD * median(&mut o.to_vec()))).collect();
        if spread > 0.0 {
            for (i, ((v, m), off)) in x.iter_mut().zip(&middle).zip(&off).enumerate() {
                if *off > BURST * months[i / MONTH] {
                    *v = *m;
                }
            }
        }
        Cleaned { t, x }
    }
}

fn within_largest(values: &[f64]) -> Result<(), ModelError> {
    let bad = values.iter().find(|v| v.abs() > LARGEST);
    bad.map_or(Ok(()), |bad| {
        Err(ModelError::OutOfRange { name: "value", found: *bad, allowed: "within ±1e100, or NaN" })
    })
}

/// Present days and their values without season and bursts.
#[derive(Debug, Clone)]
pub(super) struct Cleaned {
    pub(super) t: Vec<f64>,
    pub(super) x: Vec<f64>,
}

/// What each day of the week lies above the median of the days around it; sums to nearly nothing.
fn weekly(t: &[f64], x: &[f64], middle: &[f64]) -> [f64; 7] {
    let mut of_day: [Vec<f64>; 7] = Default::default();
    for ((t, v), m) in t.iter().zip(x).zip(middle) {
        of_day[*t as usize % 7].push(v - m);
    }
    let mut season = [0.0; 7];
    for (s, values) in season.iter_mut().zip(&mut of_day) {
        *s = if values.is_empty() { 0.0 } else { median(values) };
    }
    let mean = season.iter().sum::<f64>() / 7.0;
    season.map(|s| s - mean)
}

/// The median of each value and the three before and after it. At the ends there are no such, and the median of fewer
/// would lag behind a slope: there a line leads on from the last whole week, as steep as its ends' medians say.
fn running_median(x: &[f64]) -> Vec<f64> {
    let n = x.len();
    if n < 7 {
        return vec![median(&mut x.to_vec()); n];
    }
    let mut middle = vec![0.0; n];
    for (middle, week) in middle[3..].iter_mut().zip(x.array_windows::<7>()) {
        *middle = median_7(*week);
    }
    let steep = |week: &[f64]| (median(&mut week[4..].to_vec()) - median(&mut week[..3].to_vec())) / 4.0;
    let (first, last) = (steep(&x[..7]), steep(&x[n - 7..]));
    for k in 1..=3 {
        middle[3 - k] = middle[3] - first * k as f64;
        middle[n - 4 + k] = middle[n - 4] + last * k as f64;
    }
    middle
}
