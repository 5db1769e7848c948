//! Periods of counting: days, weeks from Monday, months from the first, and blocks of days counted from a cutoff. It does
//! not know tickets.

use forewarn_frames::time::{civil_of, day_of};

/// How long a period is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Period {
    /// A day, midnight to midnight UTC.
    Day,
    /// A week from Monday.
    Week,
    /// A month from the first.
    Month,
}

impl Period {
    /// `1d`, `1w` or `1mo`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Day => "1d",
            Self::Week => "1w",
            Self::Month => "1mo",
        }
    }

    /// Reads the name back; `None` for any other text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Day, Self::Week, Self::Month].into_iter().find(|p| p.name() == text)
    }

    /// How many periods are forecast where nobody says: four weeks, of months three.
    #[must_use]
    pub fn usual_horizon(self) -> usize {
        match self {
            Self::Day => 28,
            Self::Week => 4,
            Self::Month => 3,
        }
    }
}

/// A grid of periods.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Grid {
    Calendar(Period),
    /// Blocks of so many days, one of which begins on that day.
    Blocks {
        days: i32,
        from: i32,
    },
}

/// Periods further back than this are not looked at: what was so long ago says little, and takes time.
const DAYS_BACK: i32 = 1100;
const WEEKS_BACK: i32 = 420;
const MONTHS_BACK: i32 = 180;

impl Grid {
    /// The number of the period that holds a day.
    pub(super) fn index(self, day: i32) -> i32 {
        match self {
            Self::Calendar(Period::Day) => day,
            // Day 4 of the epoch was a Monday.
            Self::Calendar(Period::Week) => (day - 4).div_euclid(7),
            Self::Calendar(Period::Month) => {
                let (y, m, _) = civil_of(day);
                y * 12 + m as i32 - 1
            }
            Self::Blocks { days, from } => (day - from).div_euclid(days),
        }
    }

    /// The first day of a period.
    pub(super) fn start(self, index: i32) -> i32 {
        match self {
            Self::Calendar(Period::Day) => index,
            Self::Calendar(Period::Week) => index * 7 + 4,
            Self::Calendar(Period::Month) => day_of(index.div_euclid(12), index.rem_euclid(12) as u32 + 1, 1),
            Self::Blocks { days, from } => from + index * days,
        }
    }

    /// The first period that begins on the day or later.
    pub(super) fn from(self, day: i32) -> i32 {
        let index = self.index(day);
        if self.start(index) < day { index + 1 } else { index }
    }

    /// Days of an average period.
    pub(super) fn usual_days(self) -> f64 {
        match self {
            Self::Calendar(Period::Day) => 1.0,
            Self::Calendar(Period::Week) => 7.0,
            Self::Calendar(Period::Month) => 365.25 / 12.0,
            Self::Blocks { days, .. } => f64::from(days),
        }
    }

    /// How many periods back are looked at, at most.
    pub(super) fn back(self) -> i32 {
        match self {
            Self::Calendar(Period::Day) => DAYS_BACK,
            Self::Calendar(Period::Week) => WEEKS_BACK,
            Self::Calendar(Period::Month) => MONTHS_BACK,
            Self::Blocks { days, .. } => DAYS_BACK / days,
        }
    }

    /// The fewest periods without any record that are a gap of the records.
    pub(super) fn least_gap(self) -> usize {
        if self == Self::Calendar(Period::Day) { 7 } else { 2 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_hold_their_days() {
        let grids = [
            Grid::Calendar(Period::Day),
            Grid::Calendar(Period::Week),
            Grid::Calendar(Period::Month),
            Grid::Blocks { days: 28, from: 16_437 },
        ];
        for grid in grids {
            for day in 15_000..17_000 {
                let i = grid.index(day);
                assert!(grid.start(i) <= day && day < grid.start(i + 1), "{grid:?} {day}");
                assert!(grid.start(grid.from(day)) >= day && grid.start(grid.from(day) - 1) < day);
            }
        }
        assert_eq!(
            Grid::Calendar(Period::Week).start(Grid::Calendar(Period::Week).index(day_of(2013, 12, 4))),
            day_of(2013, 12, 2)
        );
    }
}
