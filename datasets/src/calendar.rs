//! Days, clock times and Berlin's clock changes.
//!
//! Knows the civil calendar alone, nothing of assets or tickets.
//! A day is the number of days since 1970-01-01; a moment is the number of seconds since then, UTC.

use std::fmt::Write as _;

/// A day, counted from 1970-01-01.
pub(crate) type Day = i64;
/// A moment, in seconds UTC from 1970-01-01.
pub(crate) type Moment = i64;

pub(crate) const DAY_SECONDS: i64 = 86_400;

/// The day of a civil date (Howard Hinnant's algorithm).
pub(crate) fn day_of(year: i64, month: i64, day: i64) -> Day {
    let y = if month <= 2 { year - 1 } else { year };
    let era = y.div_euclid(400);
    let year_of_era = y.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// Year, month and day of the month.
pub(crate) fn civil(day: Day) -> (i64, i64, i64) {
    let z = day + 719_468;
    let era = z.div_euclid(146_097);
    let day_of_era = z.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let m = (5 * day_of_year + 2) / 153;
    let month = if m < 10 { m + 3 } else { m - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day_of_year - (153 * m + 2) / 5 + 1)
}

/// Monday is 0.
pub(crate) fn weekday(day: Day) -> i64 {
    (day + 3).rem_euclid(7)
}

/// Where in the year a day lies, as an angle: 0 on 1 January.
pub(crate) fn year_angle(day: Day) -> f64 {
    let (year, _, _) = civil(day);
    (day - day_of(year, 1, 1)) as f64 / 365.25 * std::f64::consts::TAU
}

/// The first days of the months in `[from, to)`.
pub(crate) fn month_starts(from: Day, to: Day) -> Vec<Day> {
    (from..to).filter(|&day| civil(day).2 == 1).collect()
}

/// Seconds that Berlin's clock is ahead of UTC: one hour, two from the last Sunday of March to that of October.
pub(crate) fn berlin_offset(at: Moment) -> i64 {
    let (year, _, _) = civil(at.div_euclid(DAY_SECONDS));
    let last_sunday = |month| {
        let last = day_of(year, month, 31);
        (last - (weekday(last) + 1) % 7) * DAY_SECONDS + 3600
    };
    if (last_sunday(3)..last_sunday(10)).contains(&at) { 7200 } else { 3600 }
}

/// `YYYY-MM-DD`.
pub(crate) fn date_text(day: Day) -> String {
    let (y, m, d) = civil(day);
    format!("{y:04}-{m:02}-{d:02}")
}

/// `YYYY-MM-DD HH:MM:SS` as a clock in Berlin shows it, without an offset.
pub(crate) fn local_text(at: Moment) -> String {
    let local = at + berlin_offset(at);
    let second = local.rem_euclid(DAY_SECONDS);
    let mut text = date_text(local.div_euclid(DAY_SECONDS));
    let _ = write!(text, " {:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn civil_dates_round_trip() {
        for day in -200_000..200_000 {
            let (y, m, d) = civil(day);
            assert_eq!(day_of(y, m, d), day);
        }
        assert_eq!(day_of(1970, 1, 1), 0);
        assert_eq!(weekday(day_of(2025, 12, 29)), 0);
    }

    #[test]
    fn berlin_changes_its_clock_twice_a_year() {
        let spring = day_of(2025, 3, 30) * DAY_SECONDS + 3600;
        assert_eq!(local_text(spring - 1), "2025-03-30 01:59:59");
        assert_eq!(local_text(spring), "2025-03-30 03:00:00");
        let autumn = day_of(2024, 10, 27) * DAY_SECONDS + 3600;
        assert_eq!(local_text(autumn - 1), "2024-10-27 02:59:59");
        assert_eq!(local_text(autumn), "2024-10-27 02:00:00");
    }
}
