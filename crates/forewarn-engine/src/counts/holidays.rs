//! How likely work rests on a day: what offices of the world observe, as a start, and what this one did in the past. It
//! does not know which country it is in, nor tickets: only days that were busy and days that were not.

use std::collections::BTreeMap;

use forewarn_frames::time::{civil_of, day_of, weekday};

/// By what a holiday comes again.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Rule {
    /// Month and day.
    Date(u32, u32),
    /// Days after Easter Sunday.
    Easter(i32),
    /// Month, weekday (0 is Monday), which of them (1 is the first, -1 the last), days after it.
    Nth(u32, usize, i32, i32),
}

/// Widely observed holidays, and roughly how likely an office of which nothing is known rests on them. What this one did
/// soon outweighs it.
const RULES: [(Rule, f64); 24] = [
    (Rule::Date(1, 1), 0.9),
    (Rule::Date(1, 6), 0.1),
    (Rule::Date(5, 1), 0.3),
    (Rule::Date(7, 4), 0.1),
    (Rule::Date(8, 15), 0.1),
    (Rule::Date(11, 1), 0.1),
    (Rule::Date(12, 24), 0.3),
    (Rule::Date(12, 25), 0.9),
    (Rule::Date(12, 26), 0.5),
    (Rule::Date(12, 27), 0.2),
    (Rule::Date(12, 28), 0.2),
    (Rule::Date(12, 29), 0.2),
    (Rule::Date(12, 30), 0.2),
    (Rule::Date(12, 31), 0.3),
    (Rule::Easter(-2), 0.4),
    (Rule::Easter(1), 0.5),
    (Rule::Easter(39), 0.2),
    (Rule::Easter(50), 0.3),
    (Rule::Nth(1, 0, 3, 0), 0.1),
    (Rule::Nth(5, 0, -1, 0), 0.15),
    (Rule::Nth(9, 0, 1, 0), 0.15),
    (Rule::Nth(11, 3, 4, 0), 0.15),
    (Rule::Nth(11, 3, 4, 1), 0.1),
    (Rule::Nth(5, 0, 1, 0), 0.1),
];
/// What offices of the world do weighs as much as this part of one year of this one.
const PRIOR_YEARS: f64 = 0.25;
/// A date that is on no list may be a local holiday; one year alone may have been an outage.
const LOCAL_YEARS: f64 = 1.0;
/// A lesser chance is not worth a rest.
const LEAST: f64 = 0.05;

/// The day number of Easter Sunday (the anonymous Gregorian algorithm, Meeus 1991, chapter 8).
fn easter(year: i32) -> i32 {
    let (a, b, c) = (year % 19, year / 100, year % 100);
    let (d, e) = (b / 4, b % 4);
    let g = (b - (b + 8) / 25 + 1) / 3;
    let h = (19 * a + b - d - g + 15) % 30;
    let (i, k) = (c / 4, c % 4);
    let l = (32 + 2 * e + 2 * i - h - k) % 7;
    let m = (a + 11 * h + 22 * l) / 451;
    let month = (h + l - 7 * m + 114) / 31;
    let day = (h + l - 7 * m + 114) % 31 + 1;
    day_of(year, month as u32, day as u32)
}

impl Rule {
    /// Whether the rule names the day.
    fn names(self, day: i32) -> bool {
        let (year, month, of_month) = civil_of(day);
        match self {
            Self::Date(m, d) => (m, d) == (month, of_month),
            Self::Easter(after) => day == easter(year) + after,
            Self::Nth(m, w, nth, after) => {
                let first = day - after;
                let (_, month, d) = civil_of(first);
                let (_, next, _) = civil_of(first + 7);
                month == m
                    && weekday(first) == w
                    && if nth > 0 { (d as i32 + 6) / 7 == nth } else { next != m }
            }
        }
    }
}

/// What was learned of rests: chances by rule and by date.
#[derive(Debug, Clone, Default)]
pub(super) struct Holidays {
    by_rule: Vec<f64>,
    by_date: BTreeMap<(u32, u32), f64>,
}

impl Holidays {
    /// Learns from days of the past on which a rest would have been seen (busy weekdays of a fleet with enough tickets):
    /// day number and whether work rested.
    pub(super) fn learn(seen: &[(i32, bool)]) -> Self {
        let chance = |prior: f64, years: f64, days: &[bool]| {
            let rested = days.iter().filter(|r| **r).count() as f64;
            (prior * years + rested) / (years + days.len() as f64)
        };
        let by_rule = RULES
            .iter()
            .map(|(rule, prior)| {
                let days: Vec<bool> = seen.iter().filter(|(d, _)| rule.names(*d)).map(|s| s.1).collect();
                chance(*prior, PRIOR_YEARS, &days)
            })
            .collect();
        let mut dates: BTreeMap<(u32, u32), Vec<bool>> = BTreeMap::new();
        for (day, rested) in seen.iter().filter(|(d, _)| !RULES.iter().any(|(rule, _)| rule.names(*d))) {
            let (_, month, of_month) = civil_of(*day);
            dates.entry((month, of_month)).or_default().push(*rested);
        }
        let by_date = dates.into_iter().map(|(date, days)| (date, chance(0.0, LOCAL_YEARS, &days))).collect();
        Self { by_rule, by_date }
    }

    /// The chance that work rests on a day to come.
    pub(super) fn chance(&self, day: i32) -> f64 {
        let (_, month, of_month) = civil_of(day);
        let listed =
            RULES.iter().zip(&self.by_rule).filter(|((rule, _), _)| rule.names(day)).map(|(_, p)| *p);
        let local = self.by_date.get(&(month, of_month)).copied();
        let chance = listed.chain(local).fold(0.0, f64::max);
        if chance < LEAST { 0.0 } else { chance }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn easter_falls_where_the_calendar_says() {
        // Meeus 1991, chapter 8.
        for (year, month, day) in [(1991, 3, 31), (1992, 4, 19), (1993, 4, 11), (2000, 4, 23), (1818, 3, 22)]
        {
            assert_eq!(easter(year), day_of(year, month, day), "{year}");
        }
    }

    #[test]
    fn rules_name_their_days() {
        let check = |rule: Rule, year: i32, month: u32, day: u32| {
            let want = day_of(year, month, day);
            let named: Vec<i32> =
                (day_of(year, 1, 1)..day_of(year + 1, 1, 1)).filter(|d| rule.names(*d)).collect();
            assert_eq!(named, [want], "{rule:?}");
        };
        check(Rule::Date(12, 25), 2013, 12, 25);
        check(Rule::Easter(1), 2014, 4, 21);
        check(Rule::Nth(11, 3, 4, 0), 2013, 11, 28);
        check(Rule::Nth(11, 3, 4, 1), 2013, 11, 29);
        check(Rule::Nth(5, 0, -1, 0), 2014, 5, 26);
        check(Rule::Nth(9, 0, 1, 0), 2014, 9, 1);
    }

    #[test]
    fn what_was_seen_outweighs_the_list() {
        let christmas = |year: i32| day_of(year, 12, 25);
        assert!(Holidays::learn(&[]).chance(christmas(2013)) > 0.8);
        let open = Holidays::learn(&[(christmas(2012), false)]);
        assert!(open.chance(christmas(2013)) < 0.25, "this one works at Christmas");
        // A national day that no list here has.
        let national = |year: i32| day_of(year, 8, 1);
        let local = Holidays::learn(&[(national(2012), true), (national(2013), true)]);
        assert!((0.6..0.8).contains(&local.chance(national(2014))));
        assert_eq!(local.chance(day_of(2014, 8, 5)), 0.0, "a day like any other");
        // Easter Monday of last year is no holiday by its date.
        let moved = Holidays::learn(&[(day_of(2013, 4, 1), true)]);
        assert_eq!(moved.chance(day_of(2014, 4, 1)), 0.0);
        assert!(moved.chance(day_of(2014, 4, 21)) > 0.8);
    }
}
