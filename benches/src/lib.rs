//! Scores predictions against the simulator's truth. It does not know how either was made.

use std::collections::BTreeMap;

use forewarn_models::{BootstrapParams, Metric, ModelError, Replicates, Scored, bootstrap_metric};
use polars::prelude::*;

/// How near predictions come to the observable truth: average precision of both on the same rows.
#[derive(Debug, Clone)]
pub struct Ratio {
    /// Rows scored.
    pub n_rows: usize,
    /// Of these, failed.
    pub n_failures: usize,
    /// Average precision of the predictions.
    pub predicted: f64,
    /// Average precision of P(failure | everything observable).
    pub truth: f64,
    /// Average precision of P(failure | the hidden state).
    pub latent: f64,
    /// The 80 % interval of `predicted / truth`, by a bootstrap over assets.
    pub interval: (f64, f64),
    /// How the intervals of the predictions cover the observable truth; empty where they have none.
    pub tenths: Vec<Tenth>,
}

/// A tenth of the rows by predicted probability.
#[derive(Debug, Clone, Copy)]
pub struct Tenth {
    /// The mean prediction.
    pub predicted: f64,
    /// The mean of the observable truth.
    pub truth: f64,
    /// The share of rows that failed.
    pub came: f64,
    /// The share of rows whose interval holds the observable truth.
    pub covered: f64,
}

fn tenths(p: &[f64], truth: &[f64], y: &[f64], intervals: &[(f64, f64)]) -> Vec<Tenth> {
    let mut order: Vec<usize> = (0..intervals.len()).collect();
    order.sort_by(|&a, &b| p[a].total_cmp(&p[b]).then(a.cmp(&b)));
    order
        .chunks(order.len().div_ceil(10).max(1))
        .map(|rows| {
            let mean = |f: &dyn Fn(usize) -> f64| rows.iter().map(|&i| f(i)).sum::<f64>() / rows.len() as f64;
            let holds = |i: usize| (intervals[i].0..=intervals[i].1).contains(&truth[i]);
            Tenth {
                predicted: mean(&|i| p[i]),
                truth: mean(&|i| truth[i]),
                came: mean(&|i| y[i]),
                covered: mean(&|i| f64::from(u8::from(holds(i)))),
            }
        })
        .collect()
}

/// Why two tables could not be compared.
#[derive(Debug)]
pub enum RatioError {
    /// A column is missing or of another type.
    Table(PolarsError),
    /// The metric could not be computed.
    Metric(ModelError),
    /// No row is in both tables, or all have the same outcome.
    Undefined,
}

impl std::fmt::Display for RatioError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Table(e) => write!(f, "{e}"),
            Self::Metric(e) => write!(f, "{e}"),
            Self::Undefined => f.write_str("no common rows with both outcomes"),
        }
    }
}

impl std::error::Error for RatioError {}

impl From<PolarsError> for RatioError {
    fn from(e: PolarsError) -> Self {
        Self::Table(e)
    }
}

impl From<ModelError> for RatioError {
    fn from(e: ModelError) -> Self {
        Self::Metric(e)
    }
}

/// Compares `predictions` (`cutoff, asset_id, horizon_days, probability, outcome`) with `truth` (`cutoff, asset_id,
/// horizon_days, probability, probability_latent`) at one horizon, on the rows of both whose outcome is known.
///
/// # Errors
///
/// See [`RatioError`].
pub fn ratio(truth: &DataFrame, predictions: &DataFrame, horizon_days: i64) -> Result<Ratio, RatioError> {
    let micros = |df: &DataFrame| -> PolarsResult<Vec<i64>> {
        let c = df.column("cutoff")?.cast(&DataType::Datetime(TimeUnit::Microseconds, None))?;
        Ok(c.cast(&DataType::Int64)?.i64()?.iter().map(|v| v.unwrap_or(0)).collect())
    };
    let days = |df: &DataFrame| -> PolarsResult<Vec<i64>> {
        Ok(df.column("horizon_days")?.cast(&DataType::Int64)?.i64()?.iter().map(|v| v.unwrap_or(0)).collect())
    };
    let number = |df: &DataFrame, name: &str| -> PolarsResult<Vec<f64>> {
        Ok(df.column(name)?.cast(&DataType::Float64)?.f64()?.iter().map(|v| v.unwrap_or(f64::NAN)).collect())
    };
    let mut known: BTreeMap<(i64, String), (f64, f64)> = BTreeMap::new();
    let (at, h) = (micros(truth)?, days(truth)?);
    let (p, latent) = (number(truth, "probability")?, number(truth, "probability_latent")?);
    for (i, id) in truth.column("asset_id")?.str()?.iter().enumerate() {
        if h[i] == horizon_days {
            known.insert((at[i], id.unwrap_or_default().to_owned()), (p[i], latent[i]));
        }
    }
    let (at, h, p) = (micros(predictions)?, days(predictions)?, number(predictions, "probability")?);
    let outcome = predictions.column("outcome")?.bool()?;
    let ends = ["probability_low", "probability_high"].map(|end| number(predictions, end));
    let mut intervals: Vec<(f64, f64)> = Vec::new();
    let mut units: BTreeMap<String, u32> = BTreeMap::new();
    let (mut y, mut ours, mut theirs, mut hidden, mut unit) = (vec![], vec![], vec![], vec![], vec![]);
    for (i, id) in predictions.column("asset_id")?.str()?.iter().enumerate() {
        let id = id.unwrap_or_default();
        let (Some(failed), true) = (outcome.get(i), h[i] == horizon_days) else { continue };
        let Some((t, l)) = known.get(&(at[i], id.to_owned())) else { continue };
        let next = units.len() as u32;
        unit.push(*units.entry(id.to_owned()).or_insert(next));
        y.push(f64::from(u8::from(failed)));
        ours.push(p[i]);
        theirs.push(*t);
        hidden.push(*l);
        if let [Ok(low), Ok(high)] = &ends {
            intervals.push((low[i], high[i]));
        }
    }
    if y.is_empty() {
        return Err(RatioError::Undefined);
    }
    let ap = |score: &[f64]| -> Result<(f64, Replicates), RatioError> {
        let s = Scored::new(&y, score, None)?;
        let value = Metric::AveragePrecision.of(&s).ok_or(RatioError::Undefined)?;
        Ok((
            value,
            bootstrap_metric(&s, Metric::AveragePrecision, &unit, BootstrapParams { n_boot: 200, seed: 1 })?,
        ))
    };
    let tenths = tenths(&ours, &theirs, &y, &intervals);
    let ((predicted, a), (truth, b)) = (ap(&ours)?, ap(&theirs)?);
    let ratios = Replicates(a.0.iter().zip(&b.0).map(|(a, b)| a.zip(*b).map(|(a, b)| a / b)).collect());
    Ok(Ratio {
        n_rows: y.len(),
        n_failures: y.iter().sum::<f64>() as usize,
        predicted,
        truth,
        latent: ap(&hidden)?.0,
        interval: ratios.interval(0.8).ok_or(RatioError::Undefined)?,
        tenths,
    })
}

/// How well a grouping agrees with known classes: the V-measure, the harmonic mean of homogeneity and completeness
/// (Rosenberg and Hirschberg, 2007), 0 to 1; 1 where there is but one group and one class. Both are read as far as the
/// shorter goes.
///
/// ```
/// use forewarn_benches::v_measure;
/// assert_eq!(v_measure(&["a", "a", "b"], &["x", "x", "y"]), 1.0);
/// assert_eq!(v_measure(&["a", "a"], &["x", "y"]), 0.0);
/// // sklearn.metrics.v_measure_score([0, 0, 1, 1], [0, 0, 1, 2]) = 0.8
/// assert!((v_measure(&["x", "x", "y", "z"], &["a", "a", "b", "b"]) - 0.8).abs() < 1e-12);
/// ```
pub fn v_measure<T: Ord, U: Ord>(groups: &[T], classes: &[U]) -> f64 {
    let n = groups.len().min(classes.len()) as f64;
    let mut of_group: BTreeMap<&T, f64> = BTreeMap::new();
    let mut of_class: BTreeMap<&U, f64> = BTreeMap::new();
    let mut of_both: BTreeMap<(&T, &U), f64> = BTreeMap::new();
    for (g, c) in groups.iter().zip(classes) {
        *of_group.entry(g).or_insert(0.0) += 1.0;
        *of_class.entry(c).or_insert(0.0) += 1.0;
        *of_both.entry((g, c)).or_insert(0.0) += 1.0;
    }
    let entropy = |counts: &mut dyn Iterator<Item = f64>| counts.map(|k| -k / n * (k / n).ln()).sum::<f64>();
    let sum = entropy(&mut of_group.values().copied()) + entropy(&mut of_class.values().copied());
    let shared: f64 =
        of_both.iter().map(|((g, c), k)| k / n * (k * n / (of_group[g] * of_class[c])).ln()).sum();
    if sum > 0.0 { (2.0 * shared / sum).clamp(0.0, 1.0) } else { 1.0 }
}
