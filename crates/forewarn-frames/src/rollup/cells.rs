//! One metric while it is rolled up: the day that is still open of each asset, and the days that are closed. It knows
//! neither names nor the order of rows beyond one asset's.

use crate::time::Micros;

/// "Nothing was read yet."
pub(super) const NEVER_READ: Micros = Micros::MIN;

/// The day of one asset that still takes readings, and the running totals since its first one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Open {
    pub last_at: Micros,
    pub day: i32,
    pub n: u32,
    pub last: f64,
    /// The first reading of the day: sums are of differences from it, which keeps them small.
    pub first: f64,
    pub sum: f64,
    pub squares: f64,
    pub min: f64,
    pub max: f64,
    pub increase: f64,
    pub changes: u32,
    pub resets: u32,
}

impl Open {
    pub(super) const NONE: Self = Self {
        last_at: NEVER_READ,
        day: 0,
        n: 0,
        last: f64::NAN,
        first: f64::NAN,
        sum: 0.0,
        squares: 0.0,
        min: f64::NAN,
        max: f64::NAN,
        increase: 0.0,
        changes: 0,
        resets: 0,
    };

    /// Mean and sum of squared deviations of the open day.
    fn moments(&self) -> (f64, f64) {
        if self.n < 2 {
            return (self.last, 0.0);
        }
        let n = f64::from(self.n);
        // The mean lies between the extremes; rounding must not take it beyond.
        let mean = (self.first + self.sum / n).clamp(self.min, self.max);
        (mean, (self.squares - self.sum * self.sum / n).max(0.0))
    }

    fn totals(&mut self, value: f64, counter: bool) {
        if self.last_at == NEVER_READ {
            return;
        }
        let before = self.last;
        if value > before {
            self.increase += value - before;
        } else if value < before {
            self.resets += 1;
            if counter && value > 0.0 {
                self.increase += value;
            }
        }
        self.changes += u32::from(value != before);
    }

    fn begin(&mut self, day: i32, value: f64) {
        self.day = day;
        self.n = 1;
        (self.first, self.min, self.max) = (value, value, value);
        (self.sum, self.squares) = (0.0, 0.0);
    }

    fn add(&mut self, value: f64) {
        self.n += 1;
        let d = value - self.first;
        self.sum += d;
        self.squares += d * d;
        self.min = self.min.min(value);
        self.max = self.max.max(value);
    }
}

/// What a day with more than one reading needs beyond its last value.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Dense {
    pub n: Vec<u32>,
    pub mean: Vec<f64>,
    pub m2: Vec<f64>,
    pub min: Vec<f64>,
    pub max: Vec<f64>,
}

impl Dense {
    /// As many days of one reading each.
    pub(super) fn of_single(values: &[f64]) -> Self {
        Self {
            n: vec![1; values.len()],
            mean: values.to_vec(),
            m2: vec![0.0; values.len()],
            min: values.to_vec(),
            max: values.to_vec(),
        }
    }
}

/// Closed days, in the order in which they were closed: of each asset from the oldest to the newest.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Cells {
    pub asset: Vec<u32>,
    pub day: Vec<i32>,
    pub last: Vec<f64>,
    pub increase: Vec<f64>,
    pub changes: Vec<u32>,
    pub resets: Vec<u32>,
    /// Absent as long as no day holds more than one reading.
    pub dense: Option<Dense>,
}

impl Cells {
    pub(super) fn push(&mut self, asset: u32, o: &Open) {
        if o.n > 1 && self.dense.is_none() {
            self.dense = Some(Dense::of_single(&self.last));
        }
        self.asset.push(asset);
        self.day.push(o.day);
        self.last.push(o.last);
        self.increase.push(o.increase);
        self.changes.push(o.changes);
        self.resets.push(o.resets);
        if let Some(d) = &mut self.dense {
            let (mean, m2) = o.moments();
            d.n.push(o.n);
            d.mean.push(mean);
            d.m2.push(m2);
            d.min.push(o.min);
            d.max.push(o.max);
        }
    }
}

/// One metric over all assets, by their codes.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Lane {
    pub name: String,
    pub on_change: bool,
    pub counter: bool,
    pub open: Vec<Open>,
    pub cells: Cells,
    /// Readings that are no number, by source and asset.
    pub odd: Odds,
    /// Readings outside the plausible range, by asset.
    pub outside: std::collections::BTreeMap<u32, Odd>,
    /// The plausible range.
    pub range: (f64, f64),
}

/// Readings of one kind by source and asset: how many, and the first.
pub(super) type Odds = std::collections::BTreeMap<(u32, u32), Odd>;

/// So many readings that are not as they should be, and the first of them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Odd {
    pub n: u64,
    pub at: Micros,
    pub value: f64,
}

impl Odd {
    pub(super) fn count(&mut self, at: Micros, value: f64) {
        self.n += 1;
        if at < self.at {
            (self.at, self.value) = (at, value);
        }
    }
}

/// Rows of one push: codes of assets, times and days, all of a length.
pub(super) struct Keys<'a> {
    pub source: u32,
    pub asset: &'a [u32],
    pub at: &'a [Micros],
    pub day: &'a [i32],
    /// Rows that are left out; empty where none is.
    pub skip: &'a [bool],
}

impl Lane {
    pub(super) fn new(name: &str, counter: bool, range: (f64, f64), n_assets: usize) -> Self {
        Self {
            name: name.to_owned(),
            on_change: false,
            counter,
            open: vec![Open::NONE; n_assets],
            cells: Cells::default(),
            odd: Odds::new(),
            outside: std::collections::BTreeMap::new(),
            range,
        }
    }

    /// Takes readings in; assets whose readings come out of order are added to `late` and hear no more here.
    pub(super) fn take(
        &mut self,
        keys: &Keys<'_>,
        values: impl Iterator<Item = Option<f64>>,
        late: &mut Vec<u32>,
    ) {
        for (i, value) in values.enumerate() {
            let Some(value) = value else { continue };
            if keys.skip.get(i) == Some(&true) {
                continue;
            }
            let (asset, at, day) = (keys.asset[i], keys.at[i], keys.day[i]);
            if !(value >= self.range.0 && value <= self.range.1 && value.is_finite()) {
                let first = Odd { n: 0, at, value };
                if !value.is_finite() {
                    self.odd.entry((keys.source, asset)).or_insert(first).count(at, value);
                    continue;
                }
                self.outside.entry(asset).or_insert(first).count(at, value);
            }
            let o = &mut self.open[asset as usize];
            if at <= o.last_at {
                late.push(asset);
                continue;
            }
            if o.n > 0 && o.day == day {
                o.totals(value, self.counter);
                o.add(value);
            } else {
                if o.n > 0 {
                    self.cells.push(asset, o);
                }
                o.totals(value, self.counter);
                o.begin(day, value);
            }
            o.last = value;
            o.last_at = at;
        }
    }

    /// Closes every open day.
    pub(super) fn close(&mut self) {
        for (asset, o) in self.open.iter_mut().enumerate() {
            if o.n > 0 {
                self.cells.push(asset as u32, o);
                o.n = 0;
            }
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn moments_are_those_of_the_readings_even_far_from_zero() {
        let check = |values: &[f64]| {
            let mut lane = Lane::new("m", false, (f64::NEG_INFINITY, f64::INFINITY), 1);
            let n = values.len();
            let at: Vec<i64> = (0..n as i64).collect();
            let keys = Keys { source: 0, asset: &vec![0; n], at: &at, day: &vec![0; n], skip: &[] };
            let mut late = Vec::new();
            lane.take(&keys, values.iter().map(|v| Some(*v)), &mut late);
            lane.close();
            let mean = values.iter().sum::<f64>() / n as f64;
            let m2 = values.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>();
            let d = lane.cells.dense.as_ref().unwrap();
            assert!((d.mean[0] - mean).abs() <= 1e-14 * mean.abs().max(1e-300), "{} {mean}", d.mean[0]);
            assert!((d.m2[0] - m2).abs() <= 1e-7 * m2, "{} {m2}", d.m2[0]);
            assert!(late.is_empty());
        };
        check(&[1.0, 2.0, 4.0]);
        check(&[1e9, 1e9 + 1.0, 1e9 + 2.0, 1e9 + 4.0]);
        check(&[-3.5, 1e6, 2.25]);
        check(&[1e-12, 3e-12, 2e-12]);
    }
}
