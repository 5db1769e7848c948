//! The months that are shown: whole ones alone, over and recorded in full. It does not know what is counted in them.

use forewarn_frames::time::{Micros, civil_of, day_number, day_of};
use forewarn_frames::{Frames, History};

/// Months shown, at most.
const MOST: usize = 24;

/// Calendar months (UTC).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Months {
    /// The first day of each month, and of the one after the last.
    pub(super) starts: Vec<i32>,
}

impl Months {
    /// The last months before the history's cutoff that were observed whole: from when tickets are recorded in full, or
    /// without tickets from the first record; `None` where there is none.
    pub(super) fn observed(frames: &Frames, history: &History<'_>) -> Option<Self> {
        let first = history.every_ticket().map(|t| t.opened_at()).min();
        let from = match first {
            Some(first) => {
                let full = frames.tickets_full_since(history.cutoff()).map(forewarn_frames::Cutoff::day);
                full.map_or(day_number(first), |full| full.max(day_number(first)))
            }
            None => day_number(history.first_record()?),
        };
        Self::between(from, history.cutoff().day())
    }

    /// The whole months from day `from` to before day `end`, the last [`MOST`] of them.
    pub(super) fn between(from: i32, end: i32) -> Option<Self> {
        let mut starts = vec![first_of(end)];
        while starts.len() <= MOST {
            let before = first_of(starts[starts.len() - 1] - 1);
            if before < from {
                break;
            }
            starts.push(before);
        }
        starts.reverse();
        (starts.len() > 1).then_some(Self { starts })
    }

    /// How many.
    pub(super) fn len(&self) -> usize {
        self.starts.len() - 1
    }

    /// The month that holds a time.
    pub(super) fn index(&self, at: Micros) -> Option<usize> {
        let after = self.starts.partition_point(|s| *s <= day_number(at));
        (after > 0 && after < self.starts.len()).then(|| after - 1)
    }
}

/// The first day of the month of a day.
fn first_of(day: i32) -> i32 {
    let (year, month, _) = civil_of(day);
    day_of(year, month, 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use forewarn_frames::time::DAY;

    #[test]
    fn only_whole_months_that_are_over() {
        let check = |from: (i32, u32, u32), end: (i32, u32, u32), want: Option<((i32, u32, u32), usize)>| {
            let found = Months::between(day_of(from.0, from.1, from.2), day_of(end.0, end.1, end.2));
            assert_eq!(found.map(|m| (civil_of(m.starts[0]), m.len())), want, "{from:?} {end:?}");
        };
        check((2024, 1, 2), (2024, 4, 1), Some(((2024, 2, 1), 2)));
        check((2024, 1, 1), (2024, 4, 1), Some(((2024, 1, 1), 3)));
        check((2024, 1, 1), (2024, 3, 31), Some(((2024, 1, 1), 2)));
        check((2024, 1, 2), (2024, 2, 29), None);
        check((2024, 1, 2), (2024, 3, 1), Some(((2024, 2, 1), 1)));
        check((2010, 1, 1), (2024, 3, 1), Some(((2022, 3, 1), 24)));
        check((2024, 3, 1), (2024, 2, 1), None);
    }

    #[test]
    fn a_time_lies_in_its_month() {
        let months = Months::between(day_of(2024, 1, 1), day_of(2024, 3, 1));
        let index = |y, m, d| months.as_ref().and_then(|x| x.index(Micros::from(day_of(y, m, d)) * DAY));
        let found = [(2023, 12, 31), (2024, 1, 1), (2024, 1, 31), (2024, 2, 29), (2024, 3, 1)];
        assert_eq!(found.map(|(y, m, d)| index(y, m, d)), [None, Some(0), Some(0), Some(1), None]);
    }
}
