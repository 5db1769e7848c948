//! Each measure of the service: from the counts of a month to its value and interval. It does not know what is counted
//! where.

use forewarn_models::{beta_quantile, gamma_quantile, restricted_mean, student_half_width};

use super::cells::{Cell, Share};
use crate::EngineError;
use crate::recurrence::LEVEL;

/// Times to restore count up to so many hours, 28 days: the oldest incidents of the last month shown have been watched for
/// as long.
pub(super) const LIMIT_HOURS: f64 = 28.0 * 24.0;
/// A mean of which more than this share is a guess, because the incidents were not watched long enough, is none.
const MOST_UNSEEN: f64 = 0.1;
/// Normal quantile that bounds 80 %.
const HALF_WIDTH: f64 = 1.281_551_565_544_6;
/// Points squared that are added to the spread of answers: three answers of 5 do not say that all are 5.
const ONE_POINT: f64 = 1.0;

/// The value of a month.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Month {
    /// What it rests on.
    pub(super) n: f64,
    pub(super) value: Option<f64>,
    pub(super) low: Option<f64>,
    pub(super) high: Option<f64>,
    /// What its weight in the trend goes by: days, assets' days, or `n`.
    pub(super) weight: f64,
}

/// How a trend is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// A rate of events: the relative change of events a day.
    Rate,
    /// The time between events: the inverse of a rate.
    Between,
    /// A time: the relative change.
    Time,
    /// A share or points: the change in points.
    Points,
}

/// The value of a month; `None` where nothing is known of it.
type Value = Result<Option<Month>, EngineError>;

/// One measure.
#[derive(Clone, Copy)]
pub(super) struct Measure {
    pub(super) name: &'static str,
    pub(super) shape: Shape,
    /// From the counts of a month, its days, and the mean and squared coefficient of variation of outages.
    pub(super) of: fn(&Cell, f64, (f64, f64)) -> Value,
}

/// All of them, in the order of the table.
pub(super) const MEASURES: [Measure; 8] = [
    Measure { name: "n_incidents", shape: Shape::Rate, of: n_incidents },
    Measure { name: "mttr_hours", shape: Shape::Time, of: mttr },
    Measure { name: "mtbf_days", shape: Shape::Between, of: mtbf },
    Measure { name: "availability", shape: Shape::Points, of: availability },
    Measure { name: "reopen_share", shape: Shape::Points, of: |c, _, _| Ok(share(c.reopened)) },
    Measure { name: "breach_share", shape: Shape::Points, of: |c, _, _| Ok(share(c.breached)) },
    Measure { name: "csat", shape: Shape::Points, of: csat },
    Measure { name: "proactive_share", shape: Shape::Points, of: proactive },
];

/// Both ends of Jeffreys' interval of a Poisson mean after `n` events.
fn poisson(n: f64) -> (f64, f64) {
    let end = |q: f64| gamma_quantile(q, n + 0.5, 1.0);
    (if n > 0.0 { end(0.5 - 0.5 * LEVEL) } else { 0.0 }, end(0.5 + 0.5 * LEVEL))
}

#[expect(clippy::unnecessary_wraps, reason = "all measures have one shape")]
fn n_incidents(cell: &Cell, days: f64, _: (f64, f64)) -> Value {
    let n = cell.incidents;
    let (low, high) = poisson(n);
    Ok(Some(Month { n, value: Some(n), low: Some(low), high: Some(high), weight: days }))
}

fn mttr(cell: &Cell, _: f64, _: (f64, f64)) -> Value {
    let mean =
        restricted_mean(&cell.hours, &cell.resolved, LIMIT_HOURS, LEVEL).map_err(EngineError::model)?;
    Ok(mean.filter(|m| m.n_ended > 0 && m.unseen <= MOST_UNSEEN * m.mean).map(|m| {
        let sure = m.n_ended > 1;
        Month {
            n: m.n as f64,
            value: Some(m.mean),
            low: sure.then_some(m.low),
            high: sure.then_some(m.high),
            weight: m.n_ended as f64,
        }
    }))
}

#[expect(clippy::unnecessary_wraps, reason = "all measures have one shape")]
fn mtbf(cell: &Cell, _: f64, _: (f64, f64)) -> Value {
    let (days, n) = (cell.asset_days, cell.failures);
    let (few, many) = poisson(n);
    let some = |events: f64| (events > 0.0).then(|| days / events);
    Ok((days > 0.0).then(|| Month { n, value: some(n), low: some(many), high: some(few), weight: days }))
}

#[expect(clippy::unnecessary_wraps, reason = "all measures have one shape")]
fn availability(cell: &Cell, _: f64, (mean, square): (f64, f64)) -> Value {
    let hours = cell.asset_days * 24.0;
    let Some((down, n)) = cell.down.filter(|_| hours > 0.0) else { return Ok(None) };
    // The sum of a Poisson number of outages varies as `(1 + square) / n` says, relative to itself.
    let (least, most) = if n > 0.0 {
        let width = (HALF_WIDTH * ((1.0 + square) / n).sqrt()).exp();
        (down / width, down * width)
    } else {
        (0.0, poisson(0.0).1 * mean)
    };
    let left = |down: f64| Some((1.0 - down / hours).clamp(0.0, 1.0));
    Ok(Some(Month { n, value: left(down), low: left(most), high: left(least), weight: cell.asset_days }))
}

fn share(s: Share) -> Option<Month> {
    let end = |q: f64| beta_quantile(q, s.part + 0.5, s.of - s.part + 0.5);
    (s.of > 0.0).then(|| Month {
        n: s.of,
        value: Some(s.part / s.of),
        low: Some(if s.part > 0.0 { end(0.5 - 0.5 * LEVEL) } else { 0.0 }),
        high: Some(if s.part < s.of { end(0.5 + 0.5 * LEVEL) } else { 1.0 }),
        weight: s.of,
    })
}

#[expect(clippy::unnecessary_wraps, reason = "all measures have one shape")]
fn csat(cell: &Cell, _: f64, _: (f64, f64)) -> Value {
    let mut answers = cell.csat.clone();
    // In one order, so that the sums do not depend on that of the rows.
    answers.sort_by(f64::total_cmp);
    let n = answers.len() as f64;
    if answers.is_empty() {
        return Ok(None);
    }
    let mean = answers.iter().sum::<f64>() / n;
    let variance = (answers.iter().map(|a| (a - mean).powi(2)).sum::<f64>() + ONE_POINT) / n;
    let half = student_half_width(LEVEL, (n - 1.0).max(1.0)) * (variance / n).sqrt();
    let end = |v: f64| Some(v.clamp(1.0, 5.0));
    Ok(Some(Month { n, value: Some(mean), low: end(mean - half), high: end(mean + half), weight: n }))
}

/// Without tickets, failures are what had to be reacted to.
#[expect(clippy::unnecessary_wraps, reason = "all measures have one shape")]
fn proactive(cell: &Cell, _: f64, _: (f64, f64)) -> Value {
    Ok(share(Share { part: cell.planned, of: cell.planned + cell.incidents.max(cell.failures) }))
}
