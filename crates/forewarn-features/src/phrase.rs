//! A feature's value in plain words. It does not know contributions or peers; the engine adds those.

use crate::catalog::Suits;

/// What kind of sentence a feature makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phrase {
    Age,
    Known,
    Capacity,
    SinceSet,
    Failures,
    FailuresRecent,
    SinceFailure,
    FailureRate,
    Tickets,
    TicketsRecent,
    SinceTicket,
    SinceFirstTicket,
    Gap,
    GapRatio,
    Open,
    Repair,
    Reopened,
    Reassigned,
    Urgent,
    Downtime,
    CategoryTickets,
    Events,
    SinceEvent,
    CohortShare,
    CohortRate,
    RelativeRate,
    Last,
    Change,
    Least,
    Greatest,
    SinceReading,
    PeerRank,
    PeerRankChange,
    Increase,
    Changes,
    SinceChange,
    SinceIncrease,
    Mean,
    Spread,
    Slope,
    Shift,
    ShiftYear,
    Z,
    ZYear,
    IncreaseRatio,
    IncreaseSinceRepair,
    Missing,
    SinceRepair,
    TicketsAnew,
    CategoryTicketsAnew,
    UsualRise,
    UsualLevel,
    /// Days until a level that matters is reached.
    UntilLimit,
    /// A ratio of recent to usual.
    RecentRatio,
    RecentShift,
    EvidenceRise,
    EvidenceAbove,
    EvidenceBelow,
    /// The logarithm of a sum that is about 0.004 a day where nothing happens.
    EvidenceSum,
    /// Log odds of a state or a failure.
    Worn,
    Critical,
    Outlook,
}

/// `1.4 standard deviations`: a tenth is as much as such a number can say.
fn deviations(v: f64) -> String {
    format!("{:.1} standard deviations", v.abs())
}

/// A number as people write it: whole where it is, three digits elsewhere, thousands set apart.
///
/// ```
/// use forewarn_features::number;
/// assert_eq!((number(3.0).as_str(), number(0.1234).as_str()), ("3", "0.123"));
/// ```
#[must_use]
pub fn number(v: f64) -> String {
    let a = v.abs();
    if a >= 1e15 {
        return format!("{v:.2e}");
    }
    let text = if a >= 100.0 || (a - a.round()).abs() < 1e-9 {
        format!("{v:.0}")
    } else if a >= 10.0 {
        format!("{v:.1}")
    } else if a >= 1.0 {
        format!("{v:.2}")
    } else if a >= 0.001 {
        format!("{v:.3}")
    } else {
        format!("{v:.1e}")
    };
    let (sign, digits) = text.strip_prefix('-').map_or(("", text.as_str()), |d| ("-", d));
    let (whole, rest) = digits.split_once('.').map_or((digits, String::new()), |(w, r)| (w, format!(".{r}")));
    if whole.len() <= 3 || !whole.bytes().all(|b| b.is_ascii_digit()) {
        return text;
    }
    let mut grouped = String::new();
    for (i, c) in whole.chars().enumerate() {
        if i > 0 && (whole.len() - i) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(c);
    }
    format!("{sign}{grouped}{rest}")
}

fn percent(share: f64) -> String {
    let p = share * 100.0;
    if p > 0.0 && p < 0.1 {
        "< 0.1 %".into()
    } else if p < 10.0 {
        format!("{p:.1} %")
    } else {
        format!("{p:.0} %")
    }
}

/// What a family is about: `Hardware` of `tickets[Hardware]`, else its own name.
pub(crate) fn subject(family: &str) -> &str {
    family.split_once('[').and_then(|(_, r)| r.strip_suffix(']')).unwrap_or(family)
}

/// `at 3.20 times`, as a comparison of rates.
fn times(v: f64) -> String {
    format!("at {} times", number(v))
}

fn plural(v: f64, one: &str, many: &str) -> String {
    if (v - 1.0).abs() < 1e-9 { format!("1 {one}") } else { format!("{} {many}", number(v)) }
}

fn days(v: f64) -> String {
    if v >= 730.0 { format!("{:.1} years", v / 365.25) } else { plural(v.round(), "day", "days") }
}

/// How strong evidence is, after a log-likelihood ratio (in the manner of Kass and Raftery, 1995: 3 is strong, 5 very).
fn strength(nats: f64) -> &'static str {
    if nats >= 5.0 {
        ", beyond doubt"
    } else if nats >= 3.0 {
        ", strong signs say"
    } else {
        ", some signs say"
    }
}

/// A probability from its log odds, never none or certain.
pub(crate) fn chance(log_odds: f64) -> String {
    let p = 1.0 / (1.0 + (-log_odds).exp());
    if p > 0.99 {
        "over 99 %".into()
    } else if p < 0.01 {
        "under 1 %".into()
    } else {
        percent(p)
    }
}

/// What all signals together point to, and how surely.
fn together(log_odds: f64, what: &str) -> String {
    let verb = if log_odds >= 0.0 {
        "point to"
    } else if log_odds >= -2.0 {
        "may point to"
    } else {
        "do not point to"
    };
    format!("its signals together {verb} {what} ({})", chance(log_odds))
}

impl Phrase {
    /// Which models may use a feature that is told so.
    pub(crate) fn suits(self) -> Suits {
        match self {
            Self::CohortShare => Suits::Baseline,
            Self::FailureRate => Suits::Linear,
            Self::RelativeRate | Self::UntilLimit => Suits::Trees,
            _ => Suits::Every,
        }
    }

    /// Whether the words for a value sound like trouble; `None` where they are neutral.
    pub(crate) fn seems_bad(self, v: f64) -> Option<bool> {
        match self {
            _ if v.is_nan() => None,
            Self::CohortRate | Self::RelativeRate => Some(v > 1.0),
            Self::EvidenceRise | Self::EvidenceAbove | Self::EvidenceBelow | Self::EvidenceSum => {
                (v < 1.0).then_some(false)
            }
            Self::Worn | Self::Critical => Some(v > 0.0),
            Self::UntilLimit => Some(v < 90.0),
            _ => None,
        }
    }

    pub(crate) fn say(self, family: &str, window: Option<i32>, v: f64) -> String {
        let w = window.map_or_else(
            || "so far".to_owned(),
            |w| if w == 1 { "in a day".into() } else { format!("in {w} days") },
        );
        let inner = subject(family);
        if v.is_nan() {
            return match self {
                Self::SinceFailure => "no failure so far".into(),
                Self::SinceRepair => "never failed, visited or repaired so far".into(),
                Self::SinceTicket | Self::SinceFirstTicket | Self::Gap | Self::GapRatio => {
                    "hardly any tickets so far".into()
                }
                Self::SinceEvent => format!("no {inner} so far"),
                Self::SinceChange => format!("{inner} has never changed"),
                Self::SinceIncrease => format!("{inner} has never risen"),
                Self::Repair | Self::Reassigned => "no ticket resolved in a year".into(),
                _ => format!("{inner} is not known"),
            };
        }
        match self {
            Self::Age => format!("in service for {}", days(v)),
            Self::Known => format!("known for {}", days(v)),
            Self::Capacity => format!("capacity {}", number(v)),
            Self::SinceSet => format!("{inner} set {} ago", days(v)),
            Self::Failures => format!("{} {w}", plural(v, "failure", "failures")),
            Self::FailuresRecent => format!("recent failures weigh {}", number(v)),
            Self::SinceFailure => format!("last failure {} ago", days(v)),
            Self::FailureRate => format!("own failure rate {} a year", number(v)),
            Self::Tickets => format!("{} {w}", plural(v, "ticket", "tickets")),
            Self::TicketsRecent => format!("recent tickets weigh {}", number(v)),
            Self::SinceTicket => format!("last ticket {} ago", days(v)),
            Self::SinceFirstTicket => format!("first ticket {} ago", days(v)),
            Self::Gap => format!("a ticket every {} on average", days(v)),
            Self::GapRatio => format!("quiet for {} of its usual gap between tickets", percent(v)),
            Self::Open => plural(v, "open ticket", "open tickets"),
            Self::Repair => format!("repairs take {} hours on average", number(v)),
            Self::Reopened => format!("{} {w}", plural(v, "reopening", "reopenings")),
            Self::Reassigned => format!("tickets change hands {} times on average", number(v)),
            Self::Urgent => format!("{} resolved {w}", plural(v, "urgent ticket", "urgent tickets")),
            Self::Downtime => format!("{} minutes of downtime {w}", number(v)),
            Self::CategoryTickets => format!("{} of {inner} {w}", plural(v, "ticket", "tickets")),
            Self::Events => {
                format!("{} {w}", plural(v, &format!("{inner} event"), &format!("{inner} events")))
            }
            Self::SinceEvent => format!("last {inner} {} ago", days(v)),
            Self::CohortShare => format!("{} of assets of the {inner} failed {w}", percent(v)),
            Self::CohortRate => format!("assets of the {inner} fail {} the fleet's rate", times(v)),
            Self::RelativeRate => {
                format!("fails {} the fleet's rate, by its own past and its cohort's", times(v))
            }
            Self::Last => format!("{inner} is {}", number(v)),
            Self::Change if v == 0.0 => format!("{inner} did not change {w}"),
            Self::Change => {
                format!("{inner} {} by {} {w}", if v > 0.0 { "rose" } else { "fell" }, number(v.abs()))
            }
            Self::Least => format!("{inner} was {} at least {w}", number(v)),
            Self::Greatest => format!("{inner} reached {} {w}", number(v)),
            Self::SinceReading => format!("{inner} last read {} ago", days(v)),
            Self::PeerRank => format!("{inner} is higher than for {} of its peers", percent(v)),
            Self::PeerRankChange => {
                format!("{inner} rose more in 30 days than for {} of its peers", percent(v))
            }
            Self::Increase if v == 0.0 => format!("{inner} did not rise {w}"),
            Self::Increase => format!("{inner} rose by {} {w}", number(v)),
            Self::Changes => format!(
                "{inner} changed {} {w}",
                if v == 1.0 { "once".into() } else { format!("{} times", number(v)) }
            ),
            Self::SinceChange => format!("{inner} last changed {} ago", days(v)),
            Self::SinceIncrease => format!("{inner} last rose {} ago", days(v)),
            Self::Mean => format!("{inner} averaged {} {w}", number(v)),
            Self::Spread => format!("{inner} varied by {} (standard deviation) {w}", number(v)),
            Self::Slope => {
                format!("{inner} {} by {} a day", if v >= 0.0 { "rises" } else { "falls" }, number(v.abs()))
            }
            Self::Shift => format!(
                "{inner} is {} {} than usual this week",
                number(v.abs()),
                if v >= 0.0 { "higher" } else { "lower" }
            ),
            Self::ShiftYear => {
                let side = if v >= 0.0 { "higher" } else { "lower" };
                format!("{inner} is {} {side} this month than in the year before", number(v.abs()))
            }
            Self::Z | Self::ZYear => {
                let side = if v >= 0.0 { "above" } else { "below" };
                let span = if self == Self::Z { "this week" } else { "this month" };
                format!("{inner} is {} {side} its own usual {span}", deviations(v))
            }
            Self::IncreaseSinceRepair => {
                format!("{inner} rises by {} a day, counted since the last repair", number(v))
            }
            Self::IncreaseRatio => {
                format!("{inner} rose {} times as fast as in its own year before {w}", number(v))
            }
            Self::SinceRepair => format!("last failed, visited or repaired {} ago", days(v)),
            Self::TicketsAnew => format!("tickets since the last repair weigh {}", number(v)),
            Self::CategoryTicketsAnew => {
                format!("tickets of {inner} since the last repair weigh {}", number(v))
            }
            Self::UsualRise => format!("{inner} usually rises by {} a day", number(v)),
            Self::UsualLevel => format!("{inner} is usually {}", number(v)),
            Self::RecentRatio => format!("{inner} lately rises {} times as fast as usual", number(v)),
            Self::RecentShift => {
                let side = if v >= 0.0 { "above" } else { "below" };
                format!("{inner} is lately {} {side} usual", deviations(v))
            }
            Self::EvidenceRise if v < 1.0 => format!("no sign that {inner} rises faster than usual"),
            Self::EvidenceAbove if v < 1.0 => format!("no sign that {inner} runs higher than usual"),
            Self::EvidenceBelow if v < 1.0 => format!("no sign that {inner} runs lower than usual"),
            Self::EvidenceSum if v < 1.0 => format!("no sign of a lasting change of {inner}"),
            Self::EvidenceRise => format!("{inner} has risen faster than usual{}", strength(v)),
            Self::EvidenceAbove => format!("{inner} has run higher than usual{}", strength(v)),
            Self::EvidenceBelow => format!("{inner} has run lower than usual{}", strength(v)),
            Self::EvidenceSum => format!("{inner} has changed for good{}", strength(v)),
            Self::Worn => together(v, "wear"),
            Self::Critical => together(v, "the last weeks before a failure"),
            Self::Outlook => {
                format!("its signals together give {} for a failure within 30 days", chance(v))
            }
            Self::Missing => format!("{inner} missing on {} of the last 30 days", percent(v)),
            Self::UntilLimit if v <= 0.0 => format!("{inner} is beyond its threshold"),
            Self::UntilLimit if v >= f64::from(crate::metric::FARTHEST) => {
                format!("{inner} does not near its threshold")
            }
            Self::UntilLimit => {
                format!("{inner} is {} from its threshold, at the pace of the last 30 days", days(v))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_read_as_people_write_them() {
        let check = |phrase: Phrase, family: &str, window: Option<i32>, v: f64, want: &str| {
            assert_eq!(phrase.say(family, window, v), want);
        };
        check(Phrase::Increase, "smart_197", Some(30), 12.0, "smart_197 rose by 12 in 30 days");
        check(Phrase::Tickets, "tickets", Some(7), 1.0, "1 ticket in 7 days");
        check(
            Phrase::CategoryTickets,
            "tickets[Hardware]",
            Some(90),
            2.0,
            "2 tickets of Hardware in 90 days",
        );
        check(Phrase::Change, "cpu", Some(1), -3.5, "cpu fell by 3.50 in a day");
        check(Phrase::SinceIncrease, "smart_5", None, f64::NAN, "smart_5 has never risen");
        check(Phrase::Last, "x", None, 1_234_567.0, "x is 1,234,567");
        check(Phrase::EvidenceRise, "errors", None, 0.2, "no sign that errors rises faster than usual");
        check(
            Phrase::EvidenceRise,
            "errors",
            None,
            3.5,
            "errors has risen faster than usual, strong signs say",
        );
        check(
            Phrase::RecentShift,
            "latency",
            None,
            -1.5,
            "latency is lately 1.5 standard deviations below usual",
        );
        check(
            Phrase::Outlook,
            "condition",
            None,
            -0.5,
            "its signals together give 38 % for a failure within 30 days",
        );
        check(Phrase::Worn, "condition", None, 9.0, "its signals together point to wear (over 99 %)");
        check(
            Phrase::Critical,
            "condition",
            None,
            -1.5,
            "its signals together may point to the last weeks before a failure (18 %)",
        );
        check(Phrase::Worn, "condition", None, -3.0, "its signals together do not point to wear (4.7 %)");
        check(Phrase::Worn, "condition", None, f64::NAN, "condition is not known");
        check(
            Phrase::CohortShare,
            "same model",
            Some(90),
            0.123,
            "12 % of assets of the same model failed in 90 days",
        );
        check(
            Phrase::CohortRate,
            "same model",
            None,
            3.2,
            "assets of the same model fail at 3.20 times the fleet's rate",
        );
    }
}
