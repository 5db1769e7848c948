//! Which level of a metric matters: as the settings say, as its name tells, or as earlier failures taught. It does not know
//! how a series moves.

use forewarn_features::Limit;
use forewarn_frames::{Cutoff, Frames, History, Horizon, Outcome};
use forewarn_models::{Side, beta_quantile};
use rayon::prelude::*;

use crate::EngineError;
use crate::sample::draw;

/// A level that matters, as it is told.
#[derive(Debug, Clone, PartialEq)]
pub struct Threshold {
    /// The metric's name.
    pub metric: String,
    /// It matters above this.
    pub above: Option<f64>,
    /// It matters below this.
    pub below: Option<f64>,
}

/// Words in the name of a metric, and the level that matters to what is called so: disks from 90 % on (the usual mark of
/// monitoring systems), wear of flash from 90 % of the rated endurance on (NVMe's `percentage used`) or below 10 % left (the
/// normalized SMART attributes count down from 100), batteries below 60 % of their design capacity, certificates 14 days
/// before their end.
const BY_NAME: [(&[&str], Side, f64); 16] = [
    (&["disk", "used", "percent"], Side::Above, 90.0),
    (&["disk", "used", "pct"], Side::Above, 90.0),
    (&["disk", "usage"], Side::Above, 90.0),
    (&["filesystem", "used"], Side::Above, 90.0),
    (&["volume", "used", "percent"], Side::Above, 90.0),
    (&["disk", "free", "percent"], Side::Below, 10.0),
    (&["disk", "free", "pct"], Side::Below, 10.0),
    (&["wear", "percent"], Side::Above, 90.0),
    (&["percentage", "used"], Side::Above, 90.0),
    (&["media", "wearout", "indicator"], Side::Below, 10.0),
    (&["ssd", "life", "left"], Side::Below, 10.0),
    (&["battery", "health"], Side::Below, 60.0),
    (&["battery", "capacity", "percent"], Side::Below, 60.0),
    (&["certificate", "days"], Side::Below, 14.0),
    (&["cert", "days"], Side::Below, 14.0),
    (&["days", "to", "expiry"], Side::Below, 14.0),
];

/// The thresholds of a metric, from the settings or by its name.
pub(super) fn told(metric: &str, settings: &[Threshold]) -> Vec<(f64, Side)> {
    let own: Vec<(f64, Side)> = settings
        .iter()
        .filter(|t| t.metric == metric)
        .flat_map(|t| {
            [t.above.map(|v| (v, Side::Above)), t.below.map(|v| (v, Side::Below))].into_iter().flatten()
        })
        .collect();
    if !own.is_empty() {
        return own;
    }
    let name = metric.to_lowercase();
    let words: Vec<&str> = name.split(|c: char| !c.is_alphanumeric()).collect();
    let named = BY_NAME.iter().find(|(parts, ..)| parts.iter().all(|p| words.contains(p)));
    named.map(|(_, side, value)| vec![(*value, *side)]).unwrap_or_default()
}

/// The same for the features.
pub(crate) fn limits(metric: &str, settings: &[Threshold]) -> Vec<Limit> {
    told(metric, settings)
        .into_iter()
        .map(|(value, side)| Limit { value, above: side == Side::Above })
        .collect()
}

/// What is compared with a learned threshold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Quantity {
    /// The last value.
    Level,
    /// The rise over the last 30 days.
    Rise,
}

/// A level from which on assets failed soon much more often than others.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Learned {
    pub metric: usize,
    pub quantity: Quantity,
    /// At or above this.
    pub value: f64,
    /// The share of assets at or above it that failed within [`SOON_DAYS`].
    pub failed: f64,
    /// How many times the usual share that is.
    pub lift: f64,
    /// Values of assets that did not fail, ascending, with their weights summed up: who else shows as much.
    healthy: Vec<(f64, f64)>,
}

/// "Soon": within so many days.
pub(crate) const SOON_DAYS: i32 = 90;
/// The rise is over so many days.
const RISE_DAYS: i32 = 30;
/// A threshold is learned where the share that fails soon is surely so many times the usual.
const LEAST_LIFT: f64 = 15.0;
/// And where of the assets that did not fail soon at most so many show as much: a flag has to be worth a visit.
const MOST_HEALTHY_BEYOND: f64 = 0.01;
/// Failures beyond a threshold that it rests on, at least.
const LEAST_FAILED: usize = 20;
/// Monthly looks back, at most.
const LOOKS: usize = 24;
/// The share of assets without failure that is looked at, where they are many.
const MOST_HEALTHY: f64 = 20_000.0;

impl Learned {
    /// Minus the decimal logarithm of the share of assets that did not fail soon and showed as much.
    pub(super) fn score(&self, value: f64) -> f64 {
        let Some(total) = self.healthy.last().map(|h| h.1) else { return 0.0 };
        let below = self.healthy.partition_point(|h| h.0 < value);
        let before = if below == 0 { 0.0 } else { self.healthy[below - 1].1 };
        // One more than was seen, so that the score stays finite.
        -(((total - before) + 1.0) / (total + 1.0)).log10()
    }
}

/// The quantity of an asset before a history's cutoff; NaN where it was not read.
pub(super) fn quantity(history: &History<'_>, asset: usize, metric: usize, of: Quantity) -> f64 {
    let series = history.series(asset, metric);
    let Some(&last) = series.last().last() else { return f64::NAN };
    match of {
        Quantity::Level => last,
        Quantity::Rise => {
            let from = series.day().partition_point(|d| *d < history.cutoff().day() - RISE_DAYS);
            let rise = series.cum_increase();
            let now = rise.last().copied().unwrap_or(0.0);
            // A series that began within the window is not known to have risen before.
            from.checked_sub(1).map_or_else(|| now - rise[0], |i| now - rise[i])
        }
    }
}

/// Learns thresholds from what was known at `at`: values at the first of earlier months against failures in the 90 days after,
/// all of them closed by then.
pub(crate) fn learn(frames: &Frames, at: Cutoff, seed: u64) -> Result<Vec<Learned>, EngineError> {
    let soon = Horizon::days(i64::from(SOON_DAYS)).map_err(|e| EngineError::Model(e.to_string()))?;
    let last = at.plus_days(-SOON_DAYS);
    let Some(first) = frames.first_record() else { return Ok(Vec::new()) };
    let mut looks = forewarn_frames::Every::Months(1).anchored(first.plus_days(RISE_DAYS), last);
    looks.drain(..looks.len().saturating_sub(LOOKS));
    // Who is looked at: every failure, and some of the others.
    let mut rows: Vec<(Cutoff, usize, bool, f64)> = Vec::new();
    for &look in &looks {
        let outcomes = frames.outcomes_known(look, soon, at);
        let history = frames.as_of(look);
        let population = history.population();
        let keep = (MOST_HEALTHY / looks.len() as f64 / population.len().max(1) as f64).min(1.0);
        for a in population {
            match outcomes.of(a) {
                Outcome::Failed => rows.push((look, a, true, 1.0)),
                Outcome::Survived if draw(seed, history.asset_id(a), look) < keep => {
                    rows.push((look, a, false, 1.0 / keep));
                }
                _ => {}
            }
        }
    }
    let failed = rows.iter().filter(|r| r.2).count();
    if failed < LEAST_FAILED {
        return Ok(Vec::new());
    }
    let all: f64 = rows.iter().map(|r| r.3).sum();
    let usual = failed as f64 / all;
    let n_metrics = frames.as_of(at).n_metrics();
    let tried: Vec<(usize, Quantity)> =
        (0..n_metrics).flat_map(|m| [Quantity::Level, Quantity::Rise].map(|q| (m, q))).collect();
    let found: Vec<Option<Learned>> = tried
        .into_par_iter()
        .map(|(metric, of)| {
            let mut seen: Vec<(f64, bool, f64)> = rows
                .iter()
                .map(|r| (quantity(&frames.as_of(r.0), r.1, metric, of), r.2, r.3))
                .filter(|s| !s.0.is_nan())
                .collect();
            seen.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
            lowest(&seen, usual).map(|(value, share)| {
                let mut healthy: Vec<(f64, f64)> =
                    seen.iter().rev().filter(|s| !s.1).map(|s| (s.0, s.2)).collect();
                let mut sum = 0.0;
                for h in &mut healthy {
                    sum += h.1;
                    h.1 = sum;
                }
                Learned { metric, quantity: of, value, failed: share, lift: share / usual, healthy }
            })
        })
        .collect();
    Ok(found.into_iter().flatten().collect())
}

/// The lowest value, of values in falling order, at or above which hardly a healthy asset lies and the share that failed is surely
/// (to 95 %) so many times the usual; and that share.
fn lowest(seen: &[(f64, bool, f64)], usual: f64) -> Option<(f64, f64)> {
    let healthy: f64 = seen.iter().filter(|s| !s.1).map(|s| s.2).sum();
    let (mut failed, mut weight, mut n) = (0.0, 0.0, 0.0);
    let mut best = None;
    for (i, (value, fails, w)) in seen.iter().enumerate() {
        failed += f64::from(u8::from(*fails));
        weight += w;
        n += 1.0;
        let ends = seen.get(i + 1).is_none_or(|next| next.0 < *value);
        // What every asset shows is no threshold.
        if !ends || failed < LEAST_FAILED as f64 || i + 1 == seen.len() {
            continue;
        }
        if weight - failed > MOST_HEALTHY_BEYOND * healthy {
            break;
        }
        // The others stand for several each: the share among all is bounded by that among those looked at.
        let low = beta_quantile(0.05, failed + 0.5, n - failed + 0.5);
        let others = (n - failed).max(1.0);
        let odds = low / (1.0 - low) * others / (weight - failed).max(others);
        if odds / (1.0 + odds) >= LEAST_LIFT * usual {
            best = Some((*value, failed / weight));
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_thresholds_and_settings_stand_over_them() {
        let check = |name: &str, settings: &[Threshold], want: &[(f64, Side)]| {
            assert_eq!(told(name, settings), want, "{name}");
        };
        check("disk_used_percent", &[], &[(90.0, Side::Above)]);
        check("Battery Health (%)", &[], &[(60.0, Side::Below)]);
        check("cert_days_left", &[], &[(14.0, Side::Below)]);
        check("certain_days", &[], &[]);
        check("temperature", &[], &[]);
        let own = Threshold { metric: "disk_used_percent".into(), above: Some(80.0), below: Some(1.0) };
        check("disk_used_percent", std::slice::from_ref(&own), &[(80.0, Side::Above), (1.0, Side::Below)]);
        check("disk_used", &[own], &[]);
    }

    #[test]
    fn a_threshold_lies_where_failures_are_surely_many() {
        // 60 of 70 above 5 fail, of 10,000 below one in two hundred.
        let mut seen: Vec<(f64, bool, f64)> = (0..70).map(|i| (9.0, i % 7 > 0, 1.0)).collect();
        seen.extend((0..10_000).map(|i| (if i % 3 == 0 { 5.0 } else { 0.0 }, i % 200 == 0, 1.0)));
        seen.sort_by(|a, b| b.0.total_cmp(&a.0));
        let usual = 110.0 / 10_070.0;
        let (value, share) = lowest(&seen, usual).unwrap_or((f64::NAN, f64::NAN));
        assert!(value == 9.0 && (share - 6.0 / 7.0).abs() < 1e-9);
        // Nothing where failures do not depend on the value, or are few.
        let even: Vec<_> = (0..10_000).map(|i| (f64::from(10_000 - i), i % 100 == 0, 1.0)).collect();
        assert!(lowest(&even, 0.01).is_none());
        assert!(lowest(&seen[..20], usual).is_none());
    }
}
