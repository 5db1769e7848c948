//! Remaining life of running units, learned from units that ran to failure. It does not know what a sensor measures or
//! in which unit.

use super::regress::{Ridge, Trees, table};
use super::windows::Scales;
use crate::error::{ModelError, in_range, same_length};
use serde::{Deserialize, Serialize};

/// One unit and what its sensors said.
#[derive(Debug, Clone, PartialEq)]
pub struct UnitPath {
    /// Days (or cycles) of the observations, increasing; the last of a failed unit is the day of its failure.
    pub times_days: Vec<f64>,
    /// One vector a sensor, as long as the times; NaN is missing. All units have the same sensors.
    pub sensors: Vec<Vec<f64>>,
    /// Whether the unit failed on its last day; otherwise it was still running.
    pub failed: bool,
}

/// How to learn remaining lives.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RemainingParams {
    /// Lives beyond that many days are all alike: nothing foretells them yet. Above 0. Default 125.
    pub cap_days: f64,
    /// Fewest failed units, at least 5. Default 10.
    pub min_failed: usize,
    /// Folds of units for the blend and the intervals, 2 to 50. Default 5.
    pub folds: usize,
    /// The probability that an interval holds the life, in (0, 1). Default 0.8.
    pub level: f64,
    /// Seed of the trees' samples. Default 0.
    pub seed: u64,
}

impl Default for RemainingParams {
    fn default() -> Self {
        Self { cap_days: 125.0, min_failed: 10, folds: 5, level: 0.8, seed: 0 }
    }
}

/// What is foretold of one unit, days from its last observation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RemainingLife {
    /// The expected life, lives beyond the cap counted as the cap.
    pub expected_days: f64,
    /// Half fail earlier; `None` is "beyond the cap".
    pub median_days: Option<f64>,
    /// The interval's lower end; `None` is "beyond the cap".
    pub low_days: Option<f64>,
    /// The interval's upper end; `None` is "beyond the cap".
    pub high_days: Option<f64>,
}

/// Learned remaining lives.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RemainingModel {
    params: RemainingParams,
    n_sensors: usize,
    members: Members,
    /// Weight of the trees; the ridge has the rest.
    trees_weight: f64,
    /// Held-out expected lives and how much longer the units lived, sorted by the first.
    held_out: Vec<(f64, f64)>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Members {
    scales: Scales,
    trees: Trees,
    ridge: Ridge,
}

/// Observations before the first that is learned from.
const FIRST_ROW: usize = 4;
/// Most rows of one unit; more say much the same.
const ROWS_A_UNIT: usize = 60;
/// Share of the held-out rows, those of the most similar expected life, that an interval rests on.
const NEIGHBORS: f64 = 0.1;
/// Times that the trees are grown, with other samples.
const TREES_TIMES: u64 = 2;

impl UnitPath {
    fn check(&self, n_sensors: usize) -> Result<(), ModelError> {
        if self.times_days.is_empty() {
            return Err(ModelError::Empty { what: "observations of a unit" });
        }
        same_length("sensors of a unit", self.sensors.len(), n_sensors)?;
        for sensor in &self.sensors {
            same_length("observations of a sensor", sensor.len(), self.times_days.len())?;
            if let Some(bad) = sensor.iter().find(|v| v.abs() > 1e100) {
                return Err(ModelError::OutOfRange {
                    name: "sensor",
                    found: *bad,
                    allowed: "within ±1e100, or NaN",
                });
            }
        }
        let increasing = self.times_days.windows(2).all(|w| w[0] < w[1]);
        in_range(
            increasing && self.times_days.iter().all(|t| t.is_finite()),
            "times_days",
            f64::NAN,
            "finite, increasing",
        )
    }

    /// The remaining life of each observation, at most the cap; NaN where a running unit has not shown it.
    fn lives(&self, cap: f64) -> Vec<f64> {
        let end = self.times_days[self.times_days.len() - 1];
        let life = |t: f64| {
            let left = end - t;
            if left >= cap {
                cap
            } else if self.failed {
                left
            } else {
                f64::NAN
            }
        };
        self.times_days.iter().map(|t| life(*t)).collect()
    }
}

/// Rows of known life of some units.
struct Rows {
    columns: Vec<Vec<f64>>,
    lives: Vec<f64>,
}

fn rows_of(paths: &[&UnitPath], scales: &Scales, cap: f64) -> Rows {
    let mut rows = Rows { columns: Vec::new(), lives: Vec::new() };
    for path in paths {
        let lives = path.lives(cap);
        let known: Vec<usize> =
            (FIRST_ROW.min(lives.len() - 1)..lives.len()).filter(|i| !lives[*i].is_nan()).collect();
        let step = known.len().div_ceil(ROWS_A_UNIT).max(1);
        // From the end: the last days say most.
        let taken: Vec<usize> = known.iter().rev().step_by(step).copied().collect();
        rows.columns.extend(scales.columns(path, &taken));
        rows.lives.extend(taken.iter().map(|i| lives[*i]));
    }
    rows
}

fn slices(columns: &[Vec<f64>]) -> Vec<&[f64]> {
    columns.iter().map(Vec::as_slice).collect()
}

impl Members {
    fn fit(paths: &[&UnitPath], params: &RemainingParams) -> Result<Option<Self>, ModelError> {
        let lives: Vec<Vec<f64>> = paths.iter().map(|p| p.lives(params.cap_days)).collect();
        let scales = Scales::of(paths, &lives);
        let rows = rows_of(paths, &scales, params.cap_days);
        if rows.lives.len() < 30 {
            return Ok(None);
        }
        let x = table(&slices(&rows.columns));
        let trees = Trees::fit(&x, &rows.lives, params.seed, TREES_TIMES)?;
        Ok(Some(Self { ridge: Ridge::fit(&x, &rows.lives)?, trees, scales }))
    }

    /// Lives by trees and by the ridge, within 0 and the cap.
    fn predict(&self, columns: &[Vec<f64>], cap: f64) -> Result<Vec<(f64, f64)>, ModelError> {
        let x = table(&slices(columns));
        let held = |v: f64| v.clamp(0.0, cap);
        let both = self.trees.predict(&x)?.into_iter().zip(self.ridge.predict(&x));
        Ok(both.map(|(t, r)| (held(t), held(r))).collect())
    }
}

impl RemainingModel {
    /// Learns from units that failed, and from running ones where their lives are known to exceed the cap; `None` for
    /// fewer failed units than `min_failed`, or fewer than 30 observations of known life.
    ///
    /// Sensors that correlate with the remaining life are kept; the columns are their levels over windows of 3 to 50
    /// observations, slopes, the deviation from the unit's own start, and its age. Boosted trees and a ridge are
    /// blended by their errors on units left out; intervals come from the errors, on units left out, of the rows
    /// whose expected life is most similar (conformal prediction; Vovk, Gammerman and Shafer 2005).
    ///
    /// # Errors
    /// A setting out of range, units with other sensors or lengths that differ, times that do not increase.
    ///
    /// ```
    /// use forewarn_models::{RemainingModel, RemainingParams, UnitPath};
    /// let unit = |life: i32, seen: i32| UnitPath {
    ///     times_days: (0..seen).map(f64::from).collect(),
    ///     sensors: vec![(0..seen).map(|t| f64::from(50 - life + t).max(0.0)).collect()],
    ///     failed: life == seen,
    /// };
    /// let units: Vec<UnitPath> = (60..80).map(|life| unit(life, life)).collect();
    /// let params = RemainingParams { cap_days: 40.0, ..Default::default() };
    /// let model = RemainingModel::fit(&units, &params)?.unwrap();
    /// let found = model.predict(&unit(71, 61))?;
    /// assert!((found.expected_days - 11.0).abs() < 5.0);
    /// assert!(RemainingModel::fit(&units[..5], &params)?.is_none());
    /// assert!(RemainingModel::fit(&units, &RemainingParams { cap_days: 0.0, ..params }).is_err());
    /// # Ok::<(), forewarn_models::ModelError>(())
    /// ```
    pub fn fit(units: &[UnitPath], params: &RemainingParams) -> Result<Option<Self>, ModelError> {
        let cap = params.cap_days;
        in_range(cap.is_finite() && cap > 0.0, "cap_days", cap, "finite, above 0")?;
        in_range(params.min_failed >= 5, "min_failed", params.min_failed as f64, "at least 5")?;
        in_range((2..=50).contains(&params.folds), "folds", params.folds as f64, "2 to 50")?;
        in_range(params.level > 0.0 && params.level < 1.0, "level", params.level, "in (0, 1)")?;
        let n_sensors = units.first().map_or(0, |u| u.sensors.len());
        for unit in units {
            unit.check(n_sensors)?;
        }
        if units.iter().filter(|u| u.failed).count() < params.min_failed {
            return Ok(None);
        }
        // Failed and running units are dealt to the folds apart, so that each fold has some of both.
        let (mut failed, mut running) = (0, 0);
        let folds: Vec<usize> = units
            .iter()
            .map(|u| {
                let dealt = if u.failed { &mut failed } else { &mut running };
                *dealt += 1;
                (*dealt - 1) % params.folds
            })
            .collect();
        let mut held_out: Vec<(f64, f64, f64)> = Vec::new();
        for fold in 0..params.folds {
            let side = |inside: bool| -> Vec<&UnitPath> {
                units.iter().zip(&folds).filter(|(_, f)| (**f == fold) == inside).map(|(u, _)| u).collect()
            };
            let Some(members) = Members::fit(&side(false), params)? else { return Ok(None) };
            let rows = rows_of(&side(true), &members.scales, cap);
            if rows.lives.is_empty() {
                continue;
            }
            let found = members.predict(&rows.columns, cap)?;
            held_out.extend(found.into_iter().zip(rows.lives).map(|((t, r), life)| (t, r, life)));
        }
        let loss = |w: f64| held_out.iter().map(|(t, r, l)| (w * t + (1.0 - w) * r - l).powi(2)).sum::<f64>();
        let trees_weight =
            (0..=20).map(|i| f64::from(i) / 20.0).min_by(|a, b| loss(*a).total_cmp(&loss(*b))).unwrap_or(1.0);
        let all: Vec<&UnitPath> = units.iter().collect();
        let Some(members) = Members::fit(&all, params)? else { return Ok(None) };
        let mut held_out: Vec<(f64, f64)> = held_out
            .into_iter()
            .map(|(t, r, life)| {
                let expected = trees_weight * t + (1.0 - trees_weight) * r;
                (expected, life - expected)
            })
            .collect();
        held_out.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
        Ok(Some(Self { params: params.clone(), n_sensors, members, trees_weight, held_out }))
    }

    /// The weight of the trees in the blend, 0 to 1; the ridge has the rest.
    pub fn trees_weight(&self) -> f64 {
        self.trees_weight
    }

    /// Which sensors are used.
    pub fn sensors(&self) -> Vec<usize> {
        self.members.scales.sensors.iter().map(|s| s.0).collect()
    }

    /// The remaining life of a unit from its last observation.
    ///
    /// # Errors
    /// Other sensors than those learned from, lengths that differ, times that do not increase.
    pub fn predict(&self, unit: &UnitPath) -> Result<RemainingLife, ModelError> {
        unit.check(self.n_sensors)?;
        let cap = self.params.cap_days;
        let columns = self.members.scales.columns(unit, &[unit.times_days.len() - 1]);
        let (t, r) = self.members.predict(&columns, cap)?[0];
        let expected_days = self.trees_weight * t + (1.0 - self.trees_weight) * r;
        let tail = 0.5 * (1.0 - self.params.level);
        let [low_days, median_days, high_days] = self.around(expected_days, [tail, 0.5, 1.0 - tail]);
        Ok(RemainingLife { expected_days, median_days, low_days, high_days })
    }

    /// Quantiles of the life, from the held-out rows of the most similar expected life.
    fn around(&self, expected: f64, levels: [f64; 3]) -> [Option<f64>; 3] {
        let n = self.held_out.len();
        let count = ((NEIGHBORS * n as f64) as usize).clamp(30.min(n), n);
        let at = self.held_out.partition_point(|h| h.0 < expected);
        let start = at.saturating_sub(count / 2).min(n - count);
        let mut errors: Vec<f64> = self.held_out[start..start + count].iter().map(|h| h.1).collect();
        errors.sort_unstable_by(f64::total_cmp);
        levels.map(|q| {
            // The (n + 1) of conformal prediction, so that few rows give wider intervals.
            let rank = q * (count as f64 + 1.0) - 1.0;
            let error = errors[(rank.round().max(0.0) as usize).min(count - 1)];
            let days = (expected + error).max(0.0);
            (days < self.params.cap_days - 1e-9).then_some(days)
        })
    }
}
