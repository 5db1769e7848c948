//! What changed in a feature between two nights, in plain words. It does not know why the change matters.

use crate::catalog::FeatureSpec;
use crate::phrase::{Phrase, chance, number, subject};

/// Counts of things, of which there can be more or fewer.
const COUNTS: [Phrase; 7] = [
    Phrase::Tickets,
    Phrase::CategoryTickets,
    Phrase::Open,
    Phrase::Urgent,
    Phrase::Reopened,
    Phrase::Failures,
    Phrase::Events,
];

impl FeatureSpec {
    /// Whether it counts things, of which there can be more or fewer.
    #[must_use]
    pub fn is_count(&self) -> bool {
        COUNTS.contains(&self.phrase)
    }

    /// The change from one night's value to the next one's, e.g. `2 more tickets in 7 days (now 5)` or `smart_197 rose by
    /// 12 in 30 days (before: 3)`; `None` where both read alike.
    #[must_use]
    pub fn say_change(&self, before: f64, now: f64) -> Option<String> {
        self.phrase.say_change(&self.family, self.window_days, before, now)
    }
}

impl Phrase {
    fn say_change(self, family: &str, window: Option<i32>, before: f64, now: f64) -> Option<String> {
        let say = |v: f64| self.say(family, window, v);
        let (said_before, said) = (say(before), say(now));
        if said_before == said {
            return None;
        }
        let more = now - before;
        let subject = subject(family);
        let side = if more > 0.0 { "more" } else { "fewer" };
        let stronger = if more > 0.0 { "stronger" } else { "weaker" };
        let chance = |what: &str| {
            let verb = if more > 0.0 { "rose" } else { "fell" };
            format!("{what}, by all its signals, {verb} to {} (before: {})", chance(now), chance(before))
        };
        Some(match self {
            _ if more.is_nan() => say_other(&said_before, &said),
            _ if COUNTS.contains(&self) => {
                let count = say(more.abs());
                let (n, what) = count.split_once(' ')?;
                format!("{n} {side} {what} (now {})", number(now))
            }
            // What weighs less and less as time passes is hard to say in numbers.
            Self::FailuresRecent => format!("{side} failures lately"),
            Self::TicketsRecent => format!("{side} tickets lately"),
            Self::TicketsAnew => format!("{side} tickets since the last repair"),
            Self::CategoryTicketsAnew => {
                format!("{side} tickets of {subject} since the last repair")
            }
            Self::Worn => chance("the chance that it is worn"),
            Self::Critical => chance("the chance that it is in its last weeks before a failure"),
            Self::EvidenceRise => format!("{stronger} signs that {subject} rises faster than usual"),
            Self::EvidenceAbove => format!("{stronger} signs that {subject} runs higher than usual"),
            Self::EvidenceBelow => format!("{stronger} signs that {subject} runs lower than usual"),
            Self::EvidenceSum => format!("{stronger} signs of a lasting change of {subject}"),
            _ => say_other(&said_before, &said),
        })
    }
}

/// The later sentence, and of the earlier one what was different.
fn say_other(before: &str, now: &str) -> String {
    let (b, n): (Vec<&str>, Vec<&str>) = (before.split(' ').collect(), now.split(' ').collect());
    let same_start = b.iter().zip(&n).take_while(|(x, y)| x == y).count();
    let rest = b.len().min(n.len()) - same_start;
    let mut same_end = b.iter().rev().zip(n.iter().rev()).take(rest).take_while(|(x, y)| x == y).count();
    // A number keeps its per cent sign.
    if same_end > 0 && b[b.len() - same_end].starts_with('%') {
        same_end -= 1;
    }
    let was = b[same_start..b.len() - same_end].join(" ");
    // A sentence that only adds words to the earlier one leaves nothing of it.
    let was = if was.is_empty() { before } else { &was };
    format!("{now} (before: {was})")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_reads_as_people_say_it() {
        let check = |phrase: Phrase, family: &str, window: Option<i32>, values: [f64; 2], want: &str| {
            let said = phrase.say_change(family, window, values[0], values[1]);
            assert_eq!(said.as_deref().unwrap_or("-"), want);
        };
        check(Phrase::Tickets, "tickets", Some(7), [3.0, 5.0], "2 more tickets in 7 days (now 5)");
        check(Phrase::Tickets, "tickets", Some(7), [1.0, 0.0], "1 fewer ticket in 7 days (now 0)");
        check(Phrase::Tickets, "tickets", Some(7), [1.0, 1.0], "-");
        check(
            Phrase::CategoryTickets,
            "tickets[Hardware]",
            Some(30),
            [0.0, 1.0],
            "1 more ticket of Hardware in 30 days (now 1)",
        );
        check(Phrase::Open, "tickets", None, [0.0, 2.0], "2 more open tickets (now 2)");
        check(
            Phrase::Increase,
            "smart_197",
            Some(30),
            [3.0, 12.0],
            "smart_197 rose by 12 in 30 days (before: 3)",
        );
        check(
            Phrase::Increase,
            "smart_197",
            Some(30),
            [0.0, 12.0],
            "smart_197 rose by 12 in 30 days (before: did not rise)",
        );
        check(Phrase::SinceTicket, "tickets", None, [40.0, 1.0], "last ticket 1 day ago (before: 40 days)");
        check(Phrase::SinceFailure, "failures", None, [30.0, 31.0], "last failure 31 days ago (before: 30)");
        check(
            Phrase::SinceTicket,
            "tickets",
            None,
            [f64::NAN, 1.0],
            "last ticket 1 day ago (before: hardly any tickets so far)",
        );
        check(Phrase::Change, "cpu", Some(1), [2.0, -3.0], "cpu fell by 3 in a day (before: rose by 2)");
        check(
            Phrase::Outlook,
            "condition",
            None,
            [-5.0, 0.0],
            "its signals together give 50 % for a failure within 30 days (before: under 1 %)",
        );
        check(
            Phrase::Worn,
            "condition",
            None,
            [3.0, 9.0],
            "the chance that it is worn, by all its signals, rose to over 99 % (before: 95 %)",
        );
        check(
            Phrase::EvidenceAbove,
            "latency_ms",
            None,
            [0.4, 3.2],
            "stronger signs that latency_ms runs higher than usual",
        );
        check(Phrase::EvidenceAbove, "latency_ms", None, [3.2, 3.3], "-");
        check(
            Phrase::CategoryTicketsAnew,
            "tickets[Network]",
            None,
            [0.9, 0.8],
            "fewer tickets of Network since the last repair",
        );
        check(Phrase::EvidenceSum, "errors", None, [9.0, 0.0], "weaker signs of a lasting change of errors");
        // What was rounded away did not change.
        check(Phrase::Age, "asset", None, [1000.0, 1001.0], "-");
        check(Phrase::Last, "heat", None, [f64::NAN, f64::NAN], "-");
    }
}
