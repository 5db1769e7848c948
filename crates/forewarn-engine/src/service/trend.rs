//! Whether a measure rises or falls over the months shown. It does not know what is measured.

use forewarn_models::{Slope, benjamini_hochberg, line_slope, rate_slope};

use super::measure::{Measure, Month, Shape};
use crate::EngineError;
use crate::recurrence::{FALSE_DISCOVERY, LEVEL};

/// Months with a value that a trend needs.
const MIN_MONTHS: usize = 6;
/// Incidents, tickets or answers that it needs in all.
const MIN_N: f64 = 20.0;
const DAYS_A_YEAR: f64 = 365.25;
/// The least time whose logarithm is taken, in hours: a minute.
const MINUTE: f64 = 1.0 / 60.0;

/// What a series does over the months shown.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Trend {
    pub(super) word: &'static str,
    /// Change a year with its interval.
    pub(super) change: Option<f64>,
    pub(super) low: Option<f64>,
    pub(super) high: Option<f64>,
    pub(super) q_value: Option<f64>,
}

impl Default for Trend {
    fn default() -> Self {
        Self { word: "too little data", change: None, low: None, high: None, q_value: None }
    }
}

fn slope(shape: Shape, months: &[(i32, Month)]) -> Result<Option<Slope>, EngineError> {
    let told: Vec<&(i32, Month)> = months
        .iter()
        // A month without a failure tells something of the rate, though not of the days between two.
        .filter(|m| m.1.weight > 0.0 && (m.1.value.is_some() || shape == Shape::Between))
        .collect();
    if told.len() < MIN_MONTHS || told.iter().map(|m| m.1.n).sum::<f64>() < MIN_N {
        return Ok(None);
    }
    let at: Vec<f64> = told.iter().map(|m| f64::from(m.0) / DAYS_A_YEAR).collect();
    let weight: Vec<f64> = told.iter().map(|m| m.1.weight).collect();
    let of = |f: &dyn Fn(&Month) -> f64| told.iter().map(|m| f(&m.1)).collect::<Vec<f64>>();
    match shape {
        Shape::Rate | Shape::Between => rate_slope(&at, &of(&|m| m.n), &weight, LEVEL),
        Shape::Time => line_slope(&at, &of(&|m| m.value.unwrap_or(0.0).max(MINUTE).ln()), &weight, LEVEL),
        Shape::Points => line_slope(&at, &of(&|m| m.value.unwrap_or(0.0)), &weight, LEVEL),
    }
    .map_err(EngineError::model)
}

/// The trends of all series of a measure: at most one false one in ten among those that are said to rise or fall.
pub(super) fn trends(measure: Measure, series: &[&[(i32, Month)]]) -> Result<Vec<Trend>, EngineError> {
    let slopes = series.iter().map(|months| slope(measure.shape, months)).collect::<Result<Vec<_>, _>>()?;
    let p: Vec<f64> = slopes.iter().map(|s| s.map_or(f64::NAN, |s| s.p_value)).collect();
    let trend = |(slope, q): (Option<Slope>, f64)| {
        let Some(s) = slope else { return Trend::default() };
        let [change, low, high] = match measure.shape {
            Shape::Points => [s.per_unit, s.low, s.high],
            Shape::Rate | Shape::Time => [s.per_unit, s.low, s.high].map(f64::exp_m1),
            Shape::Between => [-s.per_unit, -s.high, -s.low].map(f64::exp_m1),
        };
        let word = if q > FALSE_DISCOVERY {
            "steady"
        } else if change > 0.0 {
            "rising"
        } else {
            "falling"
        };
        Trend { word, change: Some(change), low: Some(low), high: Some(high), q_value: Some(q) }
    };
    Ok(slopes.into_iter().zip(benjamini_hochberg(&p)).map(trend).collect())
}
