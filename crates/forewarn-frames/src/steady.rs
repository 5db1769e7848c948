//! Since when tickets have been recorded in full. An export often holds everything from some day on, and before it only
//! the tickets that were still open then. It does not know what the records are used for.

use crate::store::Frames;
use crate::time::{Cutoff, day_number};

/// Weeks on either side over which the flow of tickets is averaged.
const WEEKS: usize = 8;
/// From this many times as many tickets a week as ever before, it is the recording that began.
const RISE: f64 = 5.0;
/// Fewer tickets a week than this say nothing.
const MIN_A_WEEK: f64 = 20.0;

/// How many whole weeks ago, counted back from the end of `weeks` (tickets a week, oldest first), full recording began;
/// `None` where no rise stands out.
fn full_weeks(weeks: &[f64]) -> Option<usize> {
    let sum = |from: usize| weeks[from..from + WEEKS].iter().sum::<f64>() / WEEKS as f64;
    let mut best: Option<(f64, usize)> = None;
    let mut most_before: f64 = 0.0;
    for start in 1..(weeks.len() + 1).saturating_sub(WEEKS) {
        // The highest flow that was ever reached before, so that a quiet summer does not look like a beginning.
        let known = start.min(WEEKS);
        let before = weeks[start - known..start].iter().sum::<f64>() / known as f64;
        most_before = most_before.max(before);
        let after = sum(start);
        // By the difference and not the ratio, and from a week that is full itself: one that was recorded in part would
        // belong to the full ones.
        let step = after - most_before;
        let full = after >= MIN_A_WEEK && after >= RISE * most_before && 2.0 * weeks[start] >= after;
        if full && best.is_none_or(|b| step > b.0) {
            best = Some((step, start));
        }
    }
    best.map(|b| weeks.len() - b.1)
}

impl Frames {
    /// Since when tickets have been recorded in full, as far as those opened before `by` show; `None` where they always
    /// have been, as far as can be seen.
    #[must_use]
    pub fn tickets_full_since(&self, by: Cutoff) -> Option<Cutoff> {
        let days: Vec<i32> = self
            .tickets
            .rows
            .iter()
            .filter(|t| t.opened_at < by.micros())
            .map(|t| day_number(t.opened_at))
            .collect();
        let first = days.iter().min()?;
        let week = |day: i32| ((by.day() - 1 - day) / 7) as usize;
        let mut weeks = vec![0.0; week(*first) + 1];
        for d in &days {
            weeks[week(*d)] += 1.0;
        }
        weeks.reverse();
        full_weeks(&weeks).map(|n| by.plus_days(-7 * n as i32))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recording_that_begins_is_told_from_a_fleet_that_grows_and_from_a_quiet_summer() {
        let check = |weeks: &[(usize, f64)], want: Option<usize>| {
            let flow: Vec<f64> = weeks.iter().flat_map(|(n, v)| std::iter::repeat_n(*v, *n)).collect();
            assert_eq!(full_weeks(&flow), want, "{weeks:?}");
        };
        // What was still open when an export began, then everything.
        check(&[(30, 3.0), (13, 1400.0)], Some(13));
        check(&[(30, 3.0), (4, 40.0), (1, 290.0), (13, 1400.0)], Some(13));
        // Too short to tell.
        check(&[(30, 3.0), (5, 1400.0)], None);
        // Twice as many people, a shut-down, a small desk, one flow all along.
        check(&[(30, 50.0), (30, 100.0)], None);
        check(&[(30, 100.0), (10, 2.0), (30, 100.0)], None);
        check(&[(30, 0.5), (30, 10.0)], None);
        check(&[(60, 100.0)], None);
        check(&[], None);
    }
}
