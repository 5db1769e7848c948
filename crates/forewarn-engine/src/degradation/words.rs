//! A finding in words. It does not know how it was reached.

use forewarn_features::number;
use forewarn_models::{ChangeKind, Side};

use super::judge::{Found, HORIZON_DAYS, What};
use super::thresholds::{Quantity, SOON_DAYS};

fn days(d: f64) -> String {
    let n = d.round().max(0.0);
    if n == 1.0 { "1 day".to_owned() } else { format!("{} days", number(n)) }
}

/// `about once in 2,000 days`, and no more than can be said.
fn once_in(one_in_days: f64) -> String {
    if one_in_days >= 1e6 { "hardly ever".to_owned() } else { format!("about once in {}", days(one_in_days)) }
}

/// The same after a sentence on the metric: `it is at 83 …`, `its daily rise jumped …`.
pub(super) fn say_of_it(f: &Found, metric: &str) -> String {
    let text = say(f, metric);
    let rise = format!("the daily rise of {metric}");
    match (text.strip_prefix(&rise), text.strip_prefix(metric)) {
        (Some(rest), _) => format!("its daily rise{rest}"),
        (None, Some(rest)) => format!("it{rest}"),
        (None, None) => text,
    }
}

/// `disk_used is 83 and rises by 0.4 a day: it passes 90 in about 16 days (12 to 25)`
pub(super) fn say(f: &Found, metric: &str) -> String {
    let what = if f.rise { format!("the daily rise of {metric}") } else { metric.to_owned() };
    let now = number(f.value);
    let moves = |slope: f64| {
        let way = if slope >= 0.0 { "rises" } else { "falls" };
        format!("{way} by {} a day", number(slope.abs()))
    };
    match f.what {
        What::Trend { .. } => {
            format!("{what} is at {now} and {}", moves(f.slope_per_day.unwrap_or(0.0)))
        }
        What::Nears { side } => {
            let limit = number(f.threshold.unwrap_or(f64::NAN));
            let over = if side == Side::Above { "above" } else { "below" };
            if f.eta[1] == Some(0.0) {
                return format!("{what} is at {now}, {over} {limit}");
            }
            let course = moves(f.slope_per_day.unwrap_or(0.0));
            let low = f.eta[0].map_or_else(String::new, days);
            match (f.eta[1], f.eta[2]) {
                (Some(median), Some(high)) => format!(
                    "{what} is at {now} and {course}: {over} {limit} in about {} ({} to {})",
                    days(median),
                    number(f.eta[0].unwrap_or(0.0).round()),
                    number(high.round())
                ),
                (Some(median), None) => {
                    format!(
                        "{what} is at {now} and {course}: {over} {limit} in about {}, from {low} on",
                        days(median)
                    )
                }
                (None, _) => format!(
                    "{what} is at {now}: {over} {limit} from {low} on at the earliest, more likely not within {}",
                    days(HORIZON_DAYS)
                ),
            }
        }
        What::Learned { quantity, failed, lift } => {
            let quantity = match quantity {
                Quantity::Level => format!("{metric} is at {now}"),
                Quantity::Rise => format!("{metric} rose by {now} in 30 days"),
            };
            format!(
                "{quantity}; of earlier assets at {} or more {} % failed within {}, {} times the usual share",
                number(f.threshold.unwrap_or(f64::NAN)),
                number((failed * 100.0).round()),
                days(f64::from(SOON_DAYS)),
                number(lift.round())
            )
        }
        What::Changed { kind: ChangeKind::Spread, spread_ratio } => spread_ratio.map_or_else(
            || format!("{what} began to scatter about {now}"),
            |r| format!("{what} scatters {} times as much as before, about {now}", number(r)),
        ),
        What::Changed { kind: ChangeKind::Slope, .. } => {
            let turn = f.slope_per_day.unwrap_or(0.0);
            let way = if turn >= 0.0 { "up" } else { "down" };
            format!("{what} turned {way}, by {} a day each day, and is at {now}", number(turn.abs()))
        }
        What::Changed { kind: ChangeKind::Level, .. } => f.expected.map_or_else(
            || format!("{what} jumped to {now}"),
            |before| format!("{what} jumped from {} to {now}", number(before)),
        ),
        What::Unlike { one_in_days } => {
            let usual =
                f.expected.map_or_else(String::new, |e| format!(" where about {} was expected", number(e)));
            format!("{what} was {now}{usual}; by chance this comes {}", once_in(one_in_days))
        }
        What::UnlikePeers { one_in_days } => {
            let theirs =
                f.expected.map_or_else(String::new, |e| format!(" where its peers had about {}", number(e)));
            format!("{what} was {now}{theirs}; it leaves them so far {} by chance", once_in(one_in_days))
        }
    }
}
