//! Alarms of many assets that fall together more than false ones would: one storm, not a hundred alarms. It does not know
//! what an asset is, or which of them caused the others.

use crate::error::{ModelError, in_range};
use crate::special::gamma_p;

/// Alarms that fall together.
#[derive(Debug, Clone, PartialEq)]
pub struct Storm {
    /// Day of the first alarm and of the last.
    pub from_day: f64,
    /// Day of the last alarm.
    pub to_day: f64,
    /// Positions of the alarms in the list given, in order of time.
    pub members: Vec<usize>,
    /// Different assets among them.
    pub n_assets: usize,
    /// An upper bound of the probability that independent false alarms bring such a cluster anywhere in the time watched, in
    /// (0, 1).
    pub p_value: f64,
}

/// What alarms are gathered from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StormRule {
    /// Alarms within so many days may belong together; above 0. A few steps of the slowest series.
    pub window_days: f64,
    /// Days watched; at least the span of the alarms.
    pub watched_days: f64,
    /// False alarms of all series together that are expected a day; at least 0. The rate counted over the time watched is
    /// taken where it is larger, so that a noisy fleet is not one long storm.
    pub false_alarms_per_day: f64,
    /// A cluster is a storm below this probability; in (0, 1).
    pub p_below: f64,
}

/// Gathers alarms, given as asset and day in any order, into storms: the scan statistic with its bound `P(N >= k - 1) ·
/// E(alarms)` for the windows that begin at an alarm (Naus 1965), `N` a Poisson number of alarms in one window. An asset counts
/// once a window, however many of its metrics alarm; windows that overlap are one storm.
///
/// # Errors
/// Lengths that differ, a day that is not finite, a rule out of range.
///
/// ```
/// use forewarn_models::anomaly::{StormRule, storms};
/// let rule =
///     StormRule { window_days: 0.02, watched_days: 30.0, false_alarms_per_day: 1.0, p_below: 0.01 };
/// let assets = [1, 9, 2, 3, 4, 5, 1, 8];
/// let days = [10.001, 3.0, 10.002, 10.003, 10.004, 10.010, 10.011, 21.0];
/// let found = storms(&assets, &days, rule)?;
/// assert_eq!(found.len(), 1);
/// assert_eq!((found[0].n_assets, found[0].members.len()), (5, 6));
/// assert!(storms(&assets, &days[1..], rule).is_err());
/// # Ok::<(), forewarn_models::ModelError>(())
/// ```
pub fn storms(assets: &[u32], days: &[f64], rule: StormRule) -> Result<Vec<Storm>, ModelError> {
    if assets.len() != days.len() {
        return Err(ModelError::Length { what: "days", found: days.len(), expected: assets.len() });
    }
    if let Some(row) = days.iter().position(|d| !d.is_finite()) {
        return Err(ModelError::NotFinite { what: "days".into(), row, value: days[row] });
    }
    let StormRule { window_days, watched_days, false_alarms_per_day, p_below } = rule;
    let positive = |x: f64| x.is_finite() && x > 0.0;
    in_range(positive(window_days), "window_days", window_days, "finite, above 0")?;
    in_range(positive(watched_days), "watched_days", watched_days, "finite, above 0")?;
    let rate_ok = false_alarms_per_day.is_finite() && false_alarms_per_day >= 0.0;
    in_range(rate_ok, "false_alarms_per_day", false_alarms_per_day, "finite, at least 0")?;
    in_range(p_below > 0.0 && p_below < 1.0, "p_below", p_below, "in (0, 1)")?;

    let mut order: Vec<usize> = (0..days.len()).collect();
    order.sort_by(|a, b| days[*a].total_cmp(&days[*b]).then(a.cmp(b)));
    let days_counted = usual_days(&order, days, window_days);
    let per_day = false_alarms_per_day.max(days_counted / watched_days);
    let (in_window, in_all) = (per_day * window_days, (per_day * watched_days).max(1.0));

    let mut found: Vec<(usize, usize, f64)> = Vec::new();
    let mut until = 0;
    let mut counts = std::collections::BTreeMap::<u32, usize>::new();
    for from in 0..order.len() {
        while until < order.len() && days[order[until]] - days[order[from]] <= window_days {
            *counts.entry(assets[order[until]]).or_insert(0) += 1;
            until += 1;
        }
        let n_assets = counts.len();
        // One more than the alarm that opens the window: the chance of the others.
        if n_assets >= 3 {
            let p = (gamma_p((n_assets - 1) as f64, in_window) * in_all).clamp(1e-300, 1.0 - 1e-15);
            if p < p_below {
                match found.last_mut() {
                    Some(last) if from < last.1 => *last = (last.0, until, last.2.min(p)),
                    _ => found.push((from, until, p)),
                }
            }
        }
        if let std::collections::btree_map::Entry::Occupied(mut entry) = counts.entry(assets[order[from]]) {
            *entry.get_mut() -= 1;
            if *entry.get() == 0 {
                entry.remove();
            }
        }
    }
    let storms = found.into_iter().map(|(from, until, p_value)| {
        let members = order[from..until].to_vec();
        let mut names: Vec<u32> = members.iter().map(|i| assets[*i]).collect();
        names.sort_unstable();
        names.dedup();
        let (from_day, to_day) = (days[order[from]], days[order[until - 1]]);
        Storm { from_day, to_day, members, n_assets: names.len(), p_value }
    });
    Ok(storms.collect())
}

/// How many windows hold an alarm, taken one after another: the alarms of a storm count once, so that a storm does not make
/// itself look usual.
fn usual_days(order: &[usize], days: &[f64], window_days: f64) -> f64 {
    let (mut n, mut last) = (0.0, f64::NEG_INFINITY);
    for i in order {
        if days[*i] - last > window_days {
            n += 1.0;
            last = days[*i];
        }
    }
    n
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::rng::{generator, uniform};

    const RULE: StormRule =
        StormRule { window_days: 0.02, watched_days: 100.0, false_alarms_per_day: 5.0, p_below: 0.05 };

    #[test]
    fn independent_alarms_are_seldom_a_storm_and_a_switch_that_fails_is_one() {
        let mut storms_by_chance = 0;
        for seed in 0..200 {
            let mut rng = generator(seed, 4);
            let mut days: Vec<f64> = (0..500).map(|_| 100.0 * uniform(&mut rng)).collect();
            let mut assets: Vec<u32> = (0..500).map(|_| (300.0 * uniform(&mut rng)) as u32).collect();
            storms_by_chance += usize::from(!storms(&assets, &days, RULE).unwrap().is_empty());
            days.extend((0..12).map(|k| 42.0 + f64::from(k) * 0.001));
            assets.extend(500..512);
            let found = storms(&assets, &days, RULE).unwrap();
            assert!(found.iter().any(|s| (500..512).all(|m| s.members.contains(&m)) && s.p_value < 1e-6));
        }
        // 200 times 5 % are 10; the bound is nearly tight.
        assert!(storms_by_chance <= 18, "{storms_by_chance}");
    }

    #[test]
    fn many_metrics_of_one_asset_are_no_storm_and_order_does_not_matter() {
        let days: Vec<f64> = (0..40).map(|k| 7.0 + f64::from(k) * 1e-4).collect();
        assert!(storms(&[3; 40], &days, RULE).unwrap().is_empty());
        let assets: Vec<u32> = (0..40).collect();
        let forth = storms(&assets, &days, RULE).unwrap();
        let back: Vec<f64> = days.iter().rev().copied().collect();
        let turned: Vec<u32> = assets.iter().rev().copied().collect();
        let back = storms(&turned, &back, RULE).unwrap();
        assert_eq!((forth.len(), forth[0].n_assets), (1, 40));
        assert_eq!((back.len(), back[0].n_assets, back[0].p_value), (1, 40, forth[0].p_value));
        assert!(storms(&[], &[], RULE).unwrap().is_empty());
    }

    #[test]
    fn rules_out_of_range() {
        let bad = [
            StormRule { window_days: 0.0, ..RULE },
            StormRule { watched_days: f64::NAN, ..RULE },
            StormRule { false_alarms_per_day: -1.0, ..RULE },
            StormRule { p_below: 1.0, ..RULE },
        ];
        assert!(bad.iter().all(|rule| storms(&[1], &[1.0], *rule).is_err()));
        assert!(storms(&[1], &[f64::NAN], RULE).is_err());
    }
}
