//! What a measure changed: events of touched units over what matched untouched units had in the same days. It does
//! not know what a measure is, or how units were matched.

use std::collections::BTreeMap;

use crate::error::{ModelError, in_range};
use crate::special::{student_half_width, student_tails};

/// Events of one unit in one stretch of days, in one matched set.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MatchedRow {
    /// The set of rows that are comparable: alike before, same stretch of days.
    pub set: u32,
    /// The unit; it may have rows in many sets.
    pub unit: u32,
    /// Its events.
    pub events: f64,
    /// The days it was watched, > 0.
    pub days: f64,
}

/// Touched over untouched.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RateRatio {
    /// Below 1: fewer events than without the measure.
    pub ratio: f64,
    /// Lower end of its interval.
    pub low: f64,
    /// Upper end of it.
    pub high: f64,
    /// Two-sided p-value of "no effect".
    pub p_value: f64,
    /// Events of touched units in sets that have untouched ones.
    pub observed: f64,
    /// What the untouched would have had in the same sets and days.
    pub expected: f64,
    /// Events of untouched units that this rests on.
    pub n_events_untouched: f64,
    /// Days of touched units in these sets.
    pub days: f64,
    /// Touched units in these sets.
    pub n_touched: usize,
}

#[derive(Default, Clone, Copy)]
struct Sum {
    touched_events: f64,
    touched_days: f64,
    events: f64,
    days: f64,
}

/// The rate ratio of touched to untouched units, standardized to the touched: in each set the untouched say how many
/// events the touched would have had. Its interval, of this `level` in (0, 1), and p-value are on the logarithm with a
/// variance that is robust to bursts and to units that differ (deviations are summed over a unit's rows before they
/// are squared: Liang and Zeger 1986), and never less than that of Poisson counts,
/// by Student's t with as many degrees of freedom as there are units in effect. Half an event is added on both
/// sides where either has none. `None` where no set holds both.
///
/// # Errors
/// A level out of range, events that are negative, days that are not above 0.
///
/// ```
/// use forewarn_models::{MatchedRow, matched_rate_ratio};
/// let row = |unit, events| MatchedRow { set: unit % 2, unit, events, days: 60.0 };
/// let touched: Vec<MatchedRow> = (0..40).map(|u| row(u, f64::from(u % 3))).collect();
/// let untouched: Vec<MatchedRow> = (40..140).map(|u| row(u, f64::from(u % 5 / 4))).collect();
/// let found = matched_rate_ratio(&touched, &untouched, 0.8)?.ok_or("matched")?;
/// assert!(found.low > 2.0 && found.p_value < 0.01);
/// assert!(matched_rate_ratio(&touched, &[], 0.8)?.is_none());
/// assert!(matched_rate_ratio(&touched, &untouched, 1.0).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn matched_rate_ratio(
    touched: &[MatchedRow],
    untouched: &[MatchedRow],
    level: f64,
) -> Result<Option<RateRatio>, ModelError> {
    in_range(level > 0.0 && level < 1.0, "level", level, "in (0, 1)")?;
    for r in touched.iter().chain(untouched) {
        in_range(r.events.is_finite() && r.events >= 0.0, "events", r.events, "finite, at least 0")?;
        in_range(r.days.is_finite() && r.days > 0.0, "days", r.days, "finite, greater than 0")?;
    }
    let mut sets: BTreeMap<u32, Sum> = BTreeMap::new();
    for r in touched {
        let s = sets.entry(r.set).or_default();
        s.touched_events += r.events;
        s.touched_days += r.days;
    }
    for r in untouched {
        if let Some(s) = sets.get_mut(&r.set) {
            s.events += r.events;
            s.days += r.days;
        }
    }
    sets.retain(|_, s| s.days > 0.0);
    if sets.is_empty() {
        return Ok(None);
    }
    let (mut observed, mut expected, mut poisson, mut events, mut days) = (0.0, 0.0, 0.0, 0.0, 0.0);
    for s in sets.values() {
        let scale = s.touched_days / s.days;
        observed += s.touched_events;
        expected += scale * s.events;
        poisson += scale * scale * s.events;
        events += s.events;
        days += s.touched_days;
    }
    let half = if observed == 0.0 || expected == 0.0 { 0.5 } else { 0.0 };
    let (o, e) = (observed + half, expected + half);
    let ratio = o / e;
    let mut by_touched: BTreeMap<u32, f64> = BTreeMap::new();
    for (r, s) in touched.iter().filter_map(|r| Some((r, sets.get(&r.set)?))) {
        *by_touched.entry(r.unit).or_default() += r.events - ratio * r.days * s.events / s.days;
    }
    let mut by_untouched: BTreeMap<u32, f64> = BTreeMap::new();
    for (r, s) in untouched.iter().filter_map(|r| Some((r, sets.get(&r.set)?))) {
        let scale = s.touched_days / s.days;
        *by_untouched.entry(r.unit).or_default() += scale * (r.events - r.days * s.events / s.days);
    }
    // Few units show too little of how units differ (the usual correction of a variance estimated from n).
    let spread = |of: &BTreeMap<u32, f64>| {
        let n = of.len() as f64;
        of.values().map(|v| v * v).sum::<f64>() * n / (n - 1.0).max(1.0)
    };
    let touched_part = spread(&by_touched).max(o) / (o * o);
    let untouched_part = spread(&by_untouched).max(poisson + half) / (e * e);
    let error = (touched_part + untouched_part).sqrt();
    // How many units the variances rest on in truth, and the degrees of freedom that leaves (Satterthwaite 1946): few events,
    // or few untouched units that stand for many, tell a variance badly.
    let rest_on = |of: &BTreeMap<u32, f64>| {
        let (squares, fourth) = of.values().fold((0.0, 0.0), |s, v| (s.0 + v * v, s.1 + v.powi(4)));
        if fourth > 0.0 { squares * squares / fourth } else { 1.0 }
    };
    let part = |variance: f64, of: &BTreeMap<u32, f64>| variance * variance / (rest_on(of) - 1.0).max(1.0);
    let total = touched_part + untouched_part;
    let free = total * total / (part(touched_part, &by_touched) + part(untouched_part, &by_untouched));
    let z = student_half_width(level, free);
    let statistic = ratio.ln() / error;
    Ok(Some(RateRatio {
        ratio,
        low: ratio * (-z * error).exp(),
        high: ratio * (z * error).exp(),
        p_value: student_tails(statistic, free).clamp(1e-16, 1.0),
        observed,
        expected,
        n_events_untouched: events,
        days,
        n_touched: by_touched.len(),
    }))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::recurrence::discovery::benjamini_hochberg;
    use crate::rng::{generator, uniform};
    use crate::special::gamma_quantile;

    /// The ratio that a measure truly has, for units with gamma rates whose events come in bursts, seen over sets with
    /// levels of their own.
    fn simulated(seed: u64, measure: u64, truth: f64) -> RateRatio {
        let mut rng = generator(seed, measure);
        let mut u = move || uniform(&mut rng);
        let sets = 6;
        let level: Vec<f64> = (0..sets).map(|_| 0.3 + 1.4 * u()).collect();
        let mut rows = |n: u32, first: u32, truth: f64| -> Vec<MatchedRow> {
            let mut out = Vec::new();
            for unit in first..first + n {
                let rate = gamma_quantile(u(), 1.2, 1.2) * 0.006;
                for _ in 0..2 {
                    let set = (u() * f64::from(sets)) as u32 % sets;
                    let days = 30.0;
                    let (mut events, mut wait) = (0.0, -u().max(1e-300).ln());
                    while wait < rate * truth * level[set as usize] * days {
                        // A burst of one to three.
                        events += 1.0 + (u() * 3.0).floor().min(2.0);
                        wait -= u().max(1e-300).ln();
                    }
                    out.push(MatchedRow { set, unit, events, days });
                }
            }
            out
        };
        let touched = rows(150, 0, truth);
        let untouched = rows(300, 1000, 1.0);
        matched_rate_ratio(&touched, &untouched, 0.8).unwrap().unwrap()
    }

    #[test]
    fn verdicts_and_intervals_hold_over_100_seeds() {
        // Of 20 measures a fleet has, four help, two hurt, the others do nothing.
        let truths: Vec<f64> = (0..20)
            .map(|m| {
                if m < 4 {
                    0.35
                } else if m < 6 {
                    2.5
                } else {
                    1.0
                }
            })
            .collect();
        let (mut false_share, mut covered, mut found) = (0.0, 0.0, 0.0);
        for seed in 0..100 {
            let all: Vec<RateRatio> = truths.iter().zip(0..).map(|(t, m)| simulated(seed, m, *t)).collect();
            let q = benjamini_hochberg(&all.iter().map(|r| r.p_value).collect::<Vec<_>>());
            let (mut wrong, mut said) = (0.0, 0.0);
            for ((r, q), t) in all.iter().zip(&q).zip(&truths) {
                if *q <= 0.1 {
                    said += 1.0;
                    wrong += f64::from(u8::from((r.ratio - 1.0) * (t - 1.0) <= 0.0));
                    found += f64::from(u8::from(*t != 1.0)) / 600.0;
                }
                covered += f64::from(u8::from(r.low <= *t && *t <= r.high)) / 2000.0;
            }
            false_share += if said > 0.0 { wrong / said } else { 0.0 } / 100.0;
        }
        assert!(
            false_share <= 0.1,
            "false discoveries: {false_share:.3}, covered {covered:.3}, found {found:.3}"
        );
        assert!((0.76..0.86).contains(&covered), "coverage: {covered}");
        assert!(found > 0.8, "found: {found}");
    }

    #[test]
    fn sets_without_untouched_units_do_not_count() {
        let row = |set, unit, events| MatchedRow { set, unit, events, days: 10.0 };
        let touched = [row(0, 0, 2.0), row(1, 1, 50.0)];
        let r = matched_rate_ratio(&touched, &[row(0, 5, 1.0), row(2, 6, 9.0)], 0.8).unwrap().unwrap();
        assert_eq!((r.observed, r.expected, r.n_touched, r.ratio), (2.0, 1.0, 1, 2.0));
        // Without any event the interval is wide and the ratio is 1.
        let none = matched_rate_ratio(&[row(0, 0, 0.0)], &[row(0, 5, 0.0)], 0.8).unwrap().unwrap();
        assert!(none.ratio == 1.0 && none.low < 0.2 && none.high > 5.0 && none.p_value > 0.9);
    }
}
