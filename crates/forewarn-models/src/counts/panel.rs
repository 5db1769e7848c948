//! From a panel of counts to forecasts: roll, weigh, correct, spread. It does not know how any of these works.

use rayon::prelude::*;

use super::calendar::CountCalendar;
use super::candidates::{FALLBACK, N, NAMES};
use super::rolled::{Rolled, Shared, origin_step, roll};
use super::spread::{Spreads, Tried};
use super::{lean, weigh};
use crate::error::{ModelError, all_finite, in_range, same_length};

/// The part of the weight at either end that is left out when candidates are averaged: the interquartile mean holds where
/// a candidate is far off, and loses little where none is (Petropoulos and Svetunkov 2020, on medians).
const TRIM: f64 = 0.25;
/// A forecast beyond this multiple of the most ever seen is not plausible.
const PLAUSIBLE: f64 = 1.5;
/// And beyond so many tickets more: of rare things twice the most is soon reached.
const PLAUSIBLE_MORE: f64 = 3.0;
/// A candidate of more weight than this speaks alone.
const ALONE: f64 = 0.75;

/// The forecast of one series.
#[derive(Debug, Clone, PartialEq)]
pub struct CountForecast {
    /// The expected count of each period ahead; never negative.
    pub mean: Vec<f64>,
    /// The quantiles of each period ahead at [`COUNT_LEVELS`](super::COUNT_LEVELS), never decreasing: whole counts, from the series' own errors
    /// at earlier origins.
    pub quantiles: Vec<Vec<f64>>,
    /// Who spoke: the name of a candidate, `blend`, or `none` of a series without a ticket.
    pub model: &'static str,
    /// Whether some candidate went beyond what the history makes plausible and was left out.
    pub guarded: bool,
}

/// Forecasts every series of a panel.
///
/// `series` are counts of the calendar's known periods, oldest first, finite and at least 0; `total` are the counts of all
/// series together, from which the common season and level are learned. Each series is forecast by up to sixteen candidates
/// (seasonal naive, additive exponential smoothing, Theta, Croston, SBA, TSB, a negative binomial regression, discounted
/// and robust levels, the share of the total). They are weighed by their errors at earlier origins, each origin told only
/// what was over by then; what all forecasts of like series have in common is corrected; quantiles are those of the
/// negative binomial whose spread served best at those origins.
///
/// # Errors
///
/// A series whose length is not the number of known periods, a count that is negative or not finite.
///
/// # Example
///
/// ```
/// use forewarn_models::{CountCalendar, forecast_counts};
/// let day = |t: usize| if t % 7 < 5 { 20.0 + (t % 3) as f64 } else { 1.0 };
/// let counts: Vec<f64> = (0..140).map(day).collect();
/// let slots: Vec<usize> = (0..147).map(|t| t % 7).collect();
/// let calendar = CountCalendar::new(slots, 7, vec![1.0; 147], vec![0.0; 147], vec![true; 147], 140)?;
/// let forecast = &forecast_counts(&[counts.clone()], &counts, &calendar)?[0];
/// assert!((forecast.mean[0] - 21.0).abs() < 3.0, "a working day");
/// assert!(forecast.mean[5] < 3.0, "a weekend");
/// assert!(forecast_counts(&[vec![-1.0; 140]], &counts, &calendar).is_err());
/// # Ok::<(), forewarn_models::ModelError>(())
/// ```
pub fn forecast_counts(
    series: &[Vec<f64>],
    total: &[f64],
    calendar: &CountCalendar,
) -> Result<Vec<CountForecast>, ModelError> {
    check(series, total, calendar)?;
    let n = calendar.n_known;
    let shared = Shared::new(total, calendar);
    let rolled = roll(series, &shared, calendar);
    let classes: Vec<usize> =
        series.iter().zip(&rolled).map(|(y, r)| weigh::size_class(mean_from(y, r.start))).collect();
    let mut moments = shared.origins.clone();
    moments.push(n);
    let weights = weigh::weigh(series, calendar, &rolled, &classes, &moments);
    let mut tried: Vec<Vec<Tried>> = (0..series.len())
        .into_par_iter()
        .map(|s| tried_of(s, &series[s], &rolled[s], &moments, &weights, calendar))
        .collect();
    let factors = lean::factors(&tried, &classes, &moments, overlap(calendar));
    for (rows, class) in tried.iter_mut().zip(&classes) {
        for row in rows {
            row.mean *= factors[row.moment][*class];
        }
    }
    let spreads = Spreads::fit(&tried);
    let now = moments.len() - 1;
    Ok((0..series.len())
        .into_par_iter()
        .map(|s| {
            let ahead =
                Now { rolled: &rolled[s], weights: &weights[now][s], factor: factors[now][classes[s]] };
            ahead.forecast(&series[s], &tried[s], &spreads, calendar)
        })
        .collect())
}

fn check(series: &[Vec<f64>], total: &[f64], calendar: &CountCalendar) -> Result<(), ModelError> {
    same_length("periods of the total", total.len(), calendar.n_known)?;
    for y in series.iter().map(Vec::as_slice).chain([total]) {
        same_length("periods of a series", y.len(), calendar.n_known)?;
        all_finite("count", y)?;
        let least = y.iter().copied().fold(0.0, f64::min);
        in_range(least >= 0.0, "count", least, "at least 0")?;
    }
    Ok(())
}

/// By how much the windows of neighboring origins overlap.
fn overlap(calendar: &CountCalendar) -> f64 {
    calendar.horizon() as f64 / origin_step(calendar.horizon(), calendar.n_slots) as f64
}

fn mean_from(y: &[f64], start: usize) -> f64 {
    let seen = &y[start.min(y.len())..];
    seen.iter().sum::<f64>() / seen.len().max(1) as f64
}

/// The mean of what the candidates say, by weight, without the outer quarters of the weight.
fn blended(said: &[f64; N], weights: &[f64; N]) -> f64 {
    let mut by: Vec<(f64, f64)> =
        said.iter().copied().zip(weights.iter().copied()).filter(|v| v.1 > 0.0).collect();
    by.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (mut below, mut sum, mut kept) = (0.0, 0.0, 0.0);
    for (value, weight) in by {
        let part = ((below + weight).min(1.0 - TRIM) - f64::max(below, TRIM)).max(0.0);
        sum += part * value;
        kept += part;
        below += weight;
    }
    if kept > 0.0 { sum / kept } else { 0.0 }
}

/// The blend at the earlier origins of one series, with what came.
fn tried_of(
    s: usize,
    y: &[f64],
    rolled: &Rolled,
    moments: &[usize],
    weights: &[Vec<[f64; N]>],
    calendar: &CountCalendar,
) -> Vec<Tried> {
    let horizon = calendar.horizon() as f64;
    let mut out = Vec::new();
    for said in &rolled.earlier {
        let Ok(moment) = moments.binary_search(&said.at) else { continue };
        for (j, means) in said.means.iter().enumerate() {
            let at = said.at + j;
            if at < calendar.n_known && calendar.judges(at) {
                let mean = blended(means, &weights[moment][s]);
                out.push(Tried { moment, at, reach: (j + 1) as f64 / horizon, mean, actual: y[at] });
            }
        }
    }
    out
}

/// One series at the present origin.
struct Now<'a> {
    rolled: &'a Rolled,
    weights: &'a [f64; N],
    factor: f64,
}

impl Now<'_> {
    fn forecast(
        &self,
        y: &[f64],
        tried: &[Tried],
        spreads: &Spreads,
        calendar: &CountCalendar,
    ) -> CountForecast {
        let horizon = calendar.horizon();
        if self.rolled.start >= y.len() {
            let quantiles = vec![vec![0.0; super::COUNT_LEVELS.len()]; horizon];
            return CountForecast { mean: vec![0.0; horizon], quantiles, model: "none", guarded: false };
        }
        let (weights, guarded) = self.plausible(y, calendar);
        let mean: Vec<f64> =
            self.rolled.now.means.iter().map(|said| blended(said, &weights) * self.factor).collect();
        let spread = spreads.of(tried, mean.iter().sum::<f64>() / horizon as f64);
        let quantiles = mean
            .iter()
            .enumerate()
            .map(|(j, m)| {
                let (chance, left) = (calendar.rest[y.len() + j], self.rolled.left_by_rest[j]);
                let usual = m / (1.0 - chance + chance * left).max(1e-9);
                spreads.quantiles(usual, usual * left, chance, spread, (j + 1) as f64 / horizon as f64)
            })
            .collect();
        let best = (0..N).max_by(|a, b| weights[*a].total_cmp(&weights[*b])).unwrap_or(FALLBACK);
        let model = if weights[best] > ALONE { NAMES[best] } else { "blend" };
        CountForecast { mean, quantiles, model, guarded }
    }

    /// The weights without the candidates that go beyond what the history makes plausible; where none is left, those of
    /// the slowest level, which is a mean of what was seen.
    fn plausible(&self, y: &[f64], calendar: &CountCalendar) -> ([f64; N], bool) {
        let most = y.iter().zip(&calendar.size).map(|(y, size)| y / size).fold(0.0, f64::max);
        let limit = |j: usize| (PLAUSIBLE * most + PLAUSIBLE_MORE) * calendar.size[y.len() + j];
        let fits = |c: usize| {
            self.rolled
                .now
                .means
                .iter()
                .enumerate()
                .all(|(j, said)| said[c].is_finite() && said[c] <= limit(j))
        };
        let mut kept = *self.weights;
        let mut guarded = false;
        for (c, weight) in kept.iter_mut().enumerate() {
            if *weight > 0.0 && !fits(c) {
                *weight = 0.0;
                guarded = true;
            }
        }
        let sum: f64 = kept.iter().sum();
        if sum > 0.0 {
            return (kept.map(|w| w / sum), guarded);
        }
        let mut only = [0.0; N];
        only[FALLBACK] = 1.0;
        (only, true)
    }
}
