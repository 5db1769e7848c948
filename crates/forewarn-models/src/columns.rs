//! From raw columns to the standardized design of the logistic regression, decided on training rows alone. It
//! does not know outcomes.

use crate::matrix::Matrix;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Missing shares between these get an indicator column of their own.
const INDICATOR_SHARE: std::ops::RangeInclusive<f64> = 0.01..=0.99;
/// A category needs this many rows for a coefficient of its own.
const MIN_CATEGORY_ROWS: usize = 50;
/// The size of a category's indicator. Next to standardized columns an indicator of a rare category is small, and the
/// penalty holds its coefficient back; of this size it holds back those of about one row in nine.
const CATEGORY_SIZE: f64 = 3.0;
/// A column whose kurtosis is above this (a normal has 3) counts as heavy-tailed.
const HEAVY_KURTOSIS: f64 = 10.0;

/// How a raw value becomes a regressor.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) enum Shape {
    /// The value itself.
    Plain,
    /// `sign(v) ln(1 + |v|)`, kept within the range seen in training.
    SignedLog,
    /// The value itself, kept within the range seen in training.
    Clamped,
    /// 1 where the value is missing, else 0.
    Missing,
    /// 1 where the value is this code of a category, else 0.
    Is(f64),
}

/// One column of the design, made from one raw column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Regressor {
    pub(crate) source: usize,
    shape: Shape,
    fill: f64,
    low: f64,
    high: f64,
    mean: f64,
    scale: f64,
}

impl Regressor {
    /// The value before standardizing.
    fn shaped(&self, v: f64) -> f64 {
        if self.shape == Shape::Missing {
            return f64::from(u8::from(v.is_nan()));
        }
        if let Shape::Is(code) = self.shape {
            return f64::from(u8::from(v == code));
        }
        let v = if v.is_nan() { self.fill } else { v };
        match self.shape {
            Shape::SignedLog => signed_log(v).clamp(self.low, self.high),
            Shape::Clamped => v.clamp(self.low, self.high),
            Shape::Plain | Shape::Missing | Shape::Is(_) => v,
        }
    }

    /// The standardized value of a raw one; 0 at the training mean.
    pub(crate) fn standardized(&self, v: f64) -> f64 {
        (self.shaped(v) - self.mean) / self.scale
    }

    /// Learns mean and scale; `None` if the column does not vary.
    fn scaled(mut self, raw: &[f64], weights: &[f64], total: f64) -> Option<Self> {
        let shaped: Vec<f64> = raw.iter().map(|v| self.shaped(*v)).collect();
        self.mean = shaped.iter().zip(weights).map(|(v, w)| v * w).sum::<f64>() / total;
        let variance =
            shaped.iter().zip(weights).map(|(v, w)| w * (v - self.mean).powi(2)).sum::<f64>() / total;
        self.scale = variance.sqrt();
        (self.scale > 1e-10 * self.mean.abs().max(1e-290)).then_some(self)
    }

    /// Whether a stored regressor can be used.
    pub(crate) fn is_sound(&self) -> bool {
        self.scale > 0.0
            && self.low <= self.high
            && [self.fill, self.low, self.high, self.mean, self.scale].iter().all(|v| v.is_finite())
    }
}

fn signed_log(v: f64) -> f64 {
    v.signum() * v.abs().ln_1p()
}

/// Chooses the regressors of each raw column from training rows.
///
/// With `transforms`, a column that is nowhere negative or heavy-tailed enters as signed `ln(1 + |v|)`, and
/// no later value reaches beyond the range seen here. Missing values take the training median. Indicators
/// that say the same of every row enter once, under the first of their columns. A column of `categories` enters as one
/// indicator for each code that enough rows have; other codes and missing ones have none.
pub(crate) fn choose_regressors(
    x: &Matrix,
    weights: &[f64],
    transforms: bool,
    categories: &[usize],
) -> Vec<Regressor> {
    let total: f64 = weights.iter().sum();
    let chosen: Vec<(Option<Regressor>, Option<Regressor>)> = (0..x.n_cols())
        .into_par_iter()
        .filter(|j| !categories.contains(j))
        .map(|source| {
            let raw = x.column(source);
            let mut seen: Vec<f64> = raw.iter().copied().filter(|v| !v.is_nan()).collect();
            let missing_share = 1.0 - seen.len() as f64 / raw.len() as f64;
            seen.sort_by(f64::total_cmp);
            let base =
                |shape| Regressor { source, shape, fill: 0.0, low: 0.0, high: 0.0, mean: 0.0, scale: 1.0 };
            let value = (!seen.is_empty()).then(|| {
                let (low, high) = (seen[0], seen[seen.len() - 1]);
                let fill = 0.5 * (seen[(seen.len() - 1) / 2] + seen[seen.len() / 2]);
                let shape = match transforms {
                    false => Shape::Plain,
                    true if low >= 0.0 || kurtosis(&seen) > HEAVY_KURTOSIS => Shape::SignedLog,
                    true => Shape::Clamped,
                };
                let end = |v| if shape == Shape::SignedLog { signed_log(v) } else { v };
                Regressor { fill, low: end(low), high: end(high), ..base(shape) }
            });
            let indicator = INDICATOR_SHARE.contains(&missing_share).then(|| base(Shape::Missing));
            (
                value.and_then(|r| r.scaled(raw, weights, total)),
                indicator.and_then(|r| r.scaled(raw, weights, total)),
            )
        })
        .collect();
    let mut patterns = BTreeSet::new();
    let mut regressors = Vec::new();
    for (value, indicator) in chosen {
        regressors.extend(value);
        regressors.extend(indicator.filter(|r| {
            let pattern: Vec<u8> = x
                .column(r.source)
                .chunks(8)
                .map(|c| c.iter().fold(0, |bits, v| (bits << 1) | u8::from(v.is_nan())))
                .collect();
            patterns.insert(pattern)
        }));
    }
    regressors.extend(categories.iter().flat_map(|&source| indicators(source, x.column(source))));
    regressors
}

/// One indicator for each code of a category that enough rows have, in the order of the codes.
fn indicators(source: usize, codes: &[f64]) -> Vec<Regressor> {
    let mut sorted: Vec<f64> = codes.iter().copied().filter(|c| !c.is_nan()).collect();
    sorted.sort_by(f64::total_cmp);
    let runs = sorted.chunk_by(|a, b| a == b).filter(|r| (MIN_CATEGORY_ROWS..codes.len()).contains(&r.len()));
    runs.map(|r| Regressor {
        source,
        shape: Shape::Is(r[0]),
        fill: 0.0,
        low: 0.0,
        high: 0.0,
        mean: 0.0,
        scale: 1.0 / CATEGORY_SIZE,
    })
    .collect()
}

/// The standardized fourth moment; 0 for a constant column.
fn kurtosis(values: &[f64]) -> f64 {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let (mut second, mut fourth) = (0.0, 0.0);
    for v in values {
        let square = (v - mean).powi(2);
        second += square;
        fourth += square * square;
    }
    if second > 0.0 { n * fourth / (second * second) } else { 0.0 }
}

/// The standardized columns of the rows.
pub(crate) fn design(x: &Matrix, regressors: &[Regressor]) -> Vec<Vec<f64>> {
    regressors.par_iter().map(|r| x.column(r.source).iter().map(|v| r.standardized(*v)).collect()).collect()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn rules_follow_the_training_rows() {
        let n = 200;
        let gap = |i: usize| if i.is_multiple_of(4) { f64::NAN } else { i as f64 };
        let x = Matrix::from_columns(vec![
            (0..n).map(gap).collect(),
            (0..n).map(|i| gap(i) - 100.0).collect(),
            vec![5.0; n],
            vec![f64::NAN; n],
        ])
        .unwrap();
        let r = choose_regressors(&x, &vec![1.0; n], true, &[]);
        let found: Vec<(usize, Shape)> = r.iter().map(|r| (r.source, r.shape)).collect();
        assert_eq!(found, vec![(0, Shape::SignedLog), (0, Shape::Missing), (1, Shape::Clamped)]);
        assert_eq!(r[2].standardized(1e9), r[2].standardized(99.0));
        assert!(r[0].standardized(f64::NAN).is_finite());
        let d = design(&x, &r);
        assert!(d.iter().all(|c| (c.iter().sum::<f64>()).abs() < 1e-9));
    }

    #[test]
    fn a_category_has_one_indicator_for_each_frequent_code() {
        let code = |i: usize| match i {
            0..60 => 0.0,
            60..120 => 2.0,
            120..130 => 3.0,
            _ => f64::NAN,
        };
        let x = Matrix::from_columns(vec![(0..140).map(code).collect()]).unwrap();
        let r = choose_regressors(&x, &[1.0; 140], true, &[0]);
        assert_eq!(r.iter().map(|r| r.shape).collect::<Vec<_>>(), [Shape::Is(0.0), Shape::Is(2.0)]);
        for (v, found) in [(0.0, [3.0, 0.0]), (2.0, [0.0, 3.0]), (3.0, [0.0; 2]), (f64::NAN, [0.0; 2])] {
            assert_eq!([r[0].standardized(v), r[1].standardized(v)], found, "{v}");
        }
    }
}
