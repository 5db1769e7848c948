//! The calendar of a run: cutoffs, horizons and steps, all in UTC. It does not know the clock.
//!
//! One convention, in this one place: *known* means strictly before the cutoff, and the outcome window is
//! `[cutoff, cutoff + horizon)`.

use std::fmt;

/// Microseconds since 1970-01-01T00:00:00Z, the unit of every time in a frame.
pub type Micros = i64;

/// Microseconds in a day of 24 hours; UTC has no others.
pub const DAY: Micros = 86_400_000_000;

/// Microseconds in an hour.
pub const HOUR: Micros = 3_600_000_000;

/// Why a time, cutoff, horizon or step was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TimeError {
    /// The text is not a date.
    #[error("found {found:?} where a date like 2025-01-31 is expected")]
    Date {
        /// The text as it was found.
        found: String,
    },
    /// A cutoff that is not at midnight UTC.
    #[error("a cutoff stands at midnight UTC; found {found}")]
    NotMidnight {
        /// The time as it was found.
        found: String,
    },
    /// A horizon outside 1..=3650 days.
    #[error("a horizon is 1 to 3650 days; found {found}")]
    Horizon {
        /// The number as it was found.
        found: i64,
    },
    /// The text is not a step.
    #[error("found {found:?} where a step like 1d, 1w, 8w or 1mo is expected")]
    Every {
        /// The text as it was found.
        found: String,
    },
}

/// The day number (days since 1970-01-01) of a civil date (Hinnant, 2013, `days_from_civil`).
#[must_use]
pub fn day_of(year: i32, month: u32, day: u32) -> i32 {
    let y = if month <= 2 { year - 1 } else { year };
    let era = y.div_euclid(400);
    let yoe = y.rem_euclid(400);
    let mp = (month as i32 + 9) % 12;
    let doy = (153 * mp + 2) / 5 + day as i32 - 1;
    let doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    era * 146_097 + doe - 719_468
}

/// The civil date `(year, month, day)` of a day number (Hinnant, 2013, `civil_from_days`).
#[must_use]
pub fn civil_of(day: i32) -> (i32, u32, u32) {
    let z = day + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1_460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let d = (doy - (153 * mp + 2) / 5 + 1) as u32;
    let m = (if mp < 10 { mp + 3 } else { mp - 9 }) as u32;
    (yoe + era * 400 + i32::from(m <= 2), m, d)
}

/// The day number of a time.
#[must_use]
pub fn day_number(at: Micros) -> i32 {
    at.div_euclid(DAY) as i32
}

/// `2025-01-31` for a day number.
#[must_use]
pub fn format_day(day: i32) -> String {
    let (y, m, d) = civil_of(day);
    format!("{y:04}-{m:02}-{d:02}")
}

/// `2025-01-31 13:45` for a time, in UTC.
#[must_use]
pub fn format_minute(at: Micros) -> String {
    let minute = at.rem_euclid(DAY) / 60_000_000;
    format!("{} {:02}:{:02}", format_day(day_number(at)), minute / 60, minute % 60)
}

fn days_in_month(year: i32, month: u32) -> u32 {
    let (ny, nm) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
    (day_of(ny, nm, 1) - day_of(year, month, 1)) as u32
}

/// The moment up to which a history is known: midnight UTC.
///
/// # Example
///
/// ```
/// use forewarn_frames::Cutoff;
/// let cutoff = Cutoff::parse("2015-02-01").unwrap();
/// assert_eq!(cutoff.to_string(), "2015-02-01");
/// assert!(Cutoff::parse("2015-02-30").is_err());
/// assert!(Cutoff::at(1).is_err(), "not midnight");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cutoff(i32);

impl Cutoff {
    /// The cutoff at the midnight that opens a day number.
    #[must_use]
    pub fn from_day(day: i32) -> Self {
        Self(day)
    }

    /// The cutoff at a time in microseconds.
    ///
    /// # Errors
    ///
    /// The time is not midnight UTC.
    pub fn at(at: Micros) -> Result<Self, TimeError> {
        if at.rem_euclid(DAY) == 0 {
            Ok(Self(day_number(at)))
        } else {
            Err(TimeError::NotMidnight { found: format_minute(at) })
        }
    }

    /// The first midnight at or after a time; the default `as_of` is the one after the newest record.
    #[must_use]
    pub fn after(at: Micros) -> Self {
        Self(day_number(at) + 1)
    }

    /// Reads `2025-01-31`, or `2025-01-31T00:00:00` with or without `Z`.
    ///
    /// # Errors
    ///
    /// The text is no date of the calendar, or names a time that is not midnight.
    pub fn parse(text: &str) -> Result<Self, TimeError> {
        let fail = || TimeError::Date { found: text.to_owned() };
        let t = text.trim();
        let (date, rest) =
            if t.is_char_boundary(10) && t.len() >= 10 { t.split_at(10) } else { return Err(fail()) };
        if !matches!(
            rest,
            "" | "Z" | "T00:00:00" | "T00:00:00Z" | " 00:00:00" | " 00:00" | "T00:00" | "T00:00Z"
        ) {
            return Err(fail());
        }
        let mut parts = date.split('-');
        let mut next = |len: usize| -> Result<u32, TimeError> {
            let p = parts.next().ok_or_else(fail)?;
            if p.len() == len && p.bytes().all(|b| b.is_ascii_digit()) {
                p.parse().map_err(|_| fail())
            } else {
                Err(fail())
            }
        };
        let (y, m, d) = (next(4)? as i32, next(2)?, next(2)?);
        if !(1..=12).contains(&m) || d == 0 || d > days_in_month(y, m) {
            return Err(fail());
        }
        Ok(Self(day_of(y, m, d)))
    }

    /// The day number that begins at this cutoff: the first day that is not known.
    #[must_use]
    pub fn day(self) -> i32 {
        self.0
    }

    /// The cutoff in microseconds.
    #[must_use]
    pub fn micros(self) -> Micros {
        Micros::from(self.0) * DAY
    }

    /// The cutoff `days` later (earlier where negative).
    #[must_use]
    pub fn plus_days(self, days: i32) -> Self {
        Self(self.0 + days)
    }
}

impl fmt::Display for Cutoff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&format_day(self.0))
    }
}

/// How far a prediction looks: 1 to 3650 days, the window `[cutoff, cutoff + horizon)`.
///
/// # Example
///
/// ```
/// use forewarn_frames::Horizon;
/// assert_eq!(Horizon::days(30).unwrap().get(), 30);
/// assert!(Horizon::days(0).is_err());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Horizon(i32);

impl Horizon {
    /// A horizon of that many days.
    ///
    /// # Errors
    ///
    /// The number is not in `1..=3650`.
    pub fn days(days: i64) -> Result<Self, TimeError> {
        if (1..=3650).contains(&days) {
            Ok(Self(days as i32))
        } else {
            Err(TimeError::Horizon { found: days })
        }
    }

    /// The number of days.
    #[must_use]
    pub fn get(self) -> i32 {
        self.0
    }
}

impl fmt::Display for Horizon {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// The weekday of a day number: 0 is Monday.
///
/// ```
/// use forewarn_frames::time::{day_of, weekday};
/// assert_eq!(weekday(day_of(2013, 12, 2)), 0);
/// assert_eq!(weekday(0), 3, "1970 began on a Thursday");
/// ```
#[must_use]
pub fn weekday(day: i32) -> usize {
    // Day 4 was a Monday.
    (day - 4).rem_euclid(7) as usize
}

/// A step of the calendar: days, weeks (from Monday) or months (from the first).
///
/// # Example
///
/// ```
/// use forewarn_frames::{Cutoff, Every};
/// let every = Every::parse("1mo").unwrap();
/// let from = Cutoff::parse("2015-02-01").unwrap();
/// let to = Cutoff::parse("2015-11-01").unwrap();
/// assert_eq!(every.span(from, to).len(), 10);
/// assert!(Every::parse("monthly").is_err());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Every {
    /// That many days.
    Days(i32),
    /// That many weeks, from Monday.
    Weeks(i32),
    /// That many months, from the first.
    Months(i32),
}

impl Every {
    /// Reads `1d`, `2w`, `1mo`.
    ///
    /// # Errors
    ///
    /// The text is no such step, or its number is not in `1..=1200`.
    pub fn parse(text: &str) -> Result<Self, TimeError> {
        let fail = || TimeError::Every { found: text.to_owned() };
        let t = text.trim();
        let digits = t.len() - t.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let n: i32 = t[..digits].parse().map_err(|_| fail())?;
        if !(1..=1200).contains(&n) {
            return Err(fail());
        }
        match &t[digits..] {
            "d" => Ok(Self::Days(n)),
            "w" => Ok(Self::Weeks(n)),
            "mo" => Ok(Self::Months(n)),
            _ => Err(fail()),
        }
    }

    /// The cutoff one step after `cutoff`. A month step from the 31st lands on the last day of a shorter month.
    #[must_use]
    pub fn after(self, cutoff: Cutoff) -> Cutoff {
        self.step(cutoff, 1)
    }

    fn step(self, from: Cutoff, k: i32) -> Cutoff {
        match self {
            Self::Days(n) => from.plus_days(n * k),
            Self::Weeks(n) => from.plus_days(7 * n * k),
            Self::Months(n) => {
                let (y, m, d) = civil_of(from.day());
                let months = y * 12 + m as i32 - 1 + n * k;
                let (y, m) = (months.div_euclid(12), months.rem_euclid(12) as u32 + 1);
                Cutoff::from_day(day_of(y, m, d.min(days_in_month(y, m))))
            }
        }
    }

    /// Every cutoff from `from` to `to`, both included where the steps meet them.
    #[must_use]
    pub fn span(self, from: Cutoff, to: Cutoff) -> Vec<Cutoff> {
        (0..=(to.day() - from.day()).max(0)).map(|k| self.step(from, k)).take_while(|c| *c <= to).collect()
    }

    /// The calendar's own cutoffs in `[from, to]`: days, Mondays (of weeks counted from 1970-01-05) or firsts of months,
    /// so that a later night keeps the cutoffs of an earlier one.
    #[must_use]
    pub fn anchored(self, from: Cutoff, to: Cutoff) -> Vec<Cutoff> {
        let first = match self {
            Self::Days(n) => Cutoff::from_day(from.day() + (-from.day()).rem_euclid(n)),
            // Day 4 of the epoch was a Monday.
            Self::Weeks(n) => Cutoff::from_day(from.day() + (4 - from.day()).rem_euclid(7 * n)),
            Self::Months(n) => {
                let (y, m, d) = civil_of(from.day());
                let months = y * 12 + m as i32 - 1 + i32::from(d > 1);
                let months = months + (-months).rem_euclid(n);
                Cutoff::from_day(day_of(months.div_euclid(12), months.rem_euclid(12) as u32 + 1, 1))
            }
        };
        self.span(first, to)
    }
}

impl fmt::Display for Every {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Days(n) => write!(f, "{n}d"),
            Self::Weeks(n) => write!(f, "{n}w"),
            Self::Months(n) => write!(f, "{n}mo"),
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn civil_dates_go_round() {
        for day in (-800_000..800_000).step_by(13) {
            let (y, m, d) = civil_of(day);
            assert_eq!(day_of(y, m, d), day);
        }
        assert_eq!(day_of(1970, 1, 1), 0);
        assert_eq!(format_day(day_of(2024, 2, 29)), "2024-02-29");
    }

    #[test]
    fn anchors_hold_when_the_start_moves() {
        let check = |every: &str, from: &str, to: &str, want: &[&str]| {
            let got = Every::parse(every)
                .unwrap()
                .anchored(Cutoff::parse(from).unwrap(), Cutoff::parse(to).unwrap());
            assert_eq!(got.iter().map(ToString::to_string).collect::<Vec<_>>(), want, "{every} {from}");
        };
        check("1w", "2013-11-01", "2013-11-20", &["2013-11-04", "2013-11-11", "2013-11-18"]);
        check("1w", "2013-11-04", "2013-11-10", &["2013-11-04"]);
        check("1mo", "2013-11-02", "2014-01-31", &["2013-12-01", "2014-01-01"]);
        check("1d", "2013-11-02", "2013-11-03", &["2013-11-02", "2013-11-03"]);
        check("1mo", "2014-02-01", "2014-01-01", &[]);
    }

    #[test]
    fn hostile_texts_are_refused() {
        for text in [
            "",
            "2015",
            "2015-1-1",
            "2015-13-01",
            "2015-02-29",
            "2015-02-01T10:00:00",
            "２０１５-02-01",
            "éééééééééé",
        ] {
            assert!(Cutoff::parse(text).is_err(), "{text}");
        }
        for text in ["", "w", "0d", "-1d", "1y", "99999d"] {
            assert!(Every::parse(text).is_err(), "{text}");
        }
    }
}
