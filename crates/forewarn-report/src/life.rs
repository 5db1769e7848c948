//! Remaining life in words, also where it lies beyond what was asked. It does not know how a life is estimated.

use crate::number::{expected, whole};

/// Remaining life in days as a sentence without its beginning, e.g. `41 days (80 % interval 12 to more than 90)`.
///
/// `days`, `low` and `high` are the median and the ends of the 80 % interval, `None` where the table holds none.
/// `longest` is the longest horizon in days and the probability of failing within it, \[0, 1\]. From these two it follows
/// whether an end that is missing lies beyond that horizon; where it does not follow, nothing is said of the end. The
/// answer is empty where nothing is known of the median.
///
/// ```
/// use forewarn_report::life_words;
/// assert_eq!(life_words(Some(41.2), Some(12.0), None, Some((90, 0.8))), "41 days (80 % interval 12 to more than 90)");
/// assert_eq!(life_words(None, None, None, Some((90, 0.03))), "more than 90 days");
/// // A table that holds no lives, of an asset that should have one.
/// assert_eq!(life_words(None, None, None, Some((90, 0.8))), "");
/// ```
#[must_use]
pub fn life_words(
    days: Option<f64>,
    low: Option<f64>,
    high: Option<f64>,
    longest: Option<(i64, f64)>,
) -> String {
    // The asset outlives the longest horizon with more than this probability.
    let beyond = |survival: f64| {
        longest
            .filter(|(_, p)| 1.0 - p > survival)
            .map(|(d, _)| format!("more than {}", whole(d.unsigned_abs())))
    };
    let end = |days: Option<f64>, survival: f64| days.map(expected).or_else(|| beyond(survival));
    let Some(median) = end(days, 0.5) else { return String::new() };
    // Of an end that lies beyond, as the median does, there is no more to say.
    let far = days.is_none_or(|d| high.is_none() && longest.is_some_and(|(l, _)| d > l as f64));
    match (low, end(high, 0.1)) {
        (Some(l), Some(_)) if far => format!("{median} days (80 % interval from {})", expected(l)),
        (Some(l), Some(h)) => format!("{median} days (80 % interval {} to {h})", expected(l)),
        _ => format!("{median} days"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_beyond_is_said_to() {
        let check = |life: [Option<f64>; 3], longest: Option<(i64, f64)>, want: &str| {
            assert_eq!(life_words(life[0], life[1], life[2], longest), want);
        };
        check([Some(3.25), Some(0.5), Some(12.0)], Some((90, 0.99)), "3.2 days (80 % interval 0.5 to 12)");
        check([Some(41.0), Some(12.0), None], Some((90, 0.8)), "41 days (80 % interval 12 to more than 90)");
        check([Some(127.2), Some(95.0), None], Some((90, 0.1)), "127 days (80 % interval from 95)");
        check([Some(50.0), Some(41.0), Some(98.0)], Some((90, 0.9)), "50 days (80 % interval 41 to 98)");
        check([None, Some(12.0), None], Some((90, 0.4)), "more than 90 days (80 % interval from 12)");
        check([None, None, None], Some((1_095, 0.05)), "more than 1,095 days");
        // Nothing is said that does not follow.
        check([None, None, None], Some((90, 0.95)), "");
        check([None, None, None], None, "");
        check([None, None, None], Some((90, f64::NAN)), "");
        check([Some(41.0), Some(12.0), None], None, "41 days");
        check([Some(41.0), None, None], Some((90, 0.99)), "41 days");
    }
}
