//! Columns that tell how worn a unit is on a day: levels over several windows, slopes and deviations from the unit's own
//! start, of every sensor that says something. It does not know what a sensor measures.

use super::remaining::UnitPath;
use serde::{Deserialize, Serialize};

/// Observations in the windows of the levels.
const WINDOWS: [usize; 4] = [3, 8, 20, 50];
/// Observations in the windows of the slopes.
const SLOPES: [usize; 2] = [20, 50];
/// Observations that say how a unit started.
const START: usize = 15;
/// Standardized values are held within this.
const FAR: f64 = 6.0;
/// Sensors that correlate less with the remaining life say nothing alone.
const LEAST_CORRELATION: f64 = 0.1;

/// The sensors that say something, and their scales.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Scales {
    /// Sensor, mean, standard deviation.
    pub(super) sensors: Vec<(usize, f64, f64)>,
}

impl Scales {
    /// From units and the remaining life of each of their days, NaN where it is not known. Values of all days count for
    /// the scale, days of known life for the choice.
    pub(super) fn of(paths: &[&UnitPath], lives: &[Vec<f64>]) -> Self {
        let n_sensors = paths.first().map_or(0, |p| p.sensors.len());
        let mut sensors = Vec::new();
        for s in 0..n_sensors {
            let pairs: Vec<(f64, f64)> = paths
                .iter()
                .zip(lives)
                .flat_map(|(p, l)| p.sensors[s].iter().copied().zip(l.iter().copied()))
                .filter(|(v, l)| !v.is_nan() && !l.is_nan())
                .collect();
            let n = pairs.len().max(1) as f64;
            let (mean, life) =
                (pairs.iter().map(|p| p.0).sum::<f64>() / n, pairs.iter().map(|p| p.1).sum::<f64>() / n);
            let sum =
                |f: &dyn Fn(f64, f64) -> f64| pairs.iter().map(|p| f(p.0 - mean, p.1 - life)).sum::<f64>();
            let (vv, ll, vl) = (sum(&|v, _| v * v), sum(&|_, l| l * l), sum(&|v, l| v * l));
            let deviation = (vv / n).sqrt();
            if deviation > 1e-9 * mean.abs().max(1e-200)
                && ll > 0.0
                && (vl / (vv * ll).sqrt()).abs() >= LEAST_CORRELATION
            {
                sensors.push((s, mean, deviation));
            }
        }
        Self { sensors }
    }

    /// The columns of the unit on each of the days at `rows`, one vector a day, and the last a constant's neighbor: age.
    pub(super) fn columns(&self, path: &UnitPath, rows: &[usize]) -> Vec<Vec<f64>> {
        let mut columns = vec![Vec::new(); rows.len()];
        for (s, mean, deviation) in &self.sensors {
            let mut last = 0.0;
            let z: Vec<f64> = path.sensors[*s]
                .iter()
                .map(|v| {
                    // A missing value is as it was before.
                    if !v.is_nan() {
                        last = ((v - mean) / deviation).clamp(-FAR, FAR);
                    }
                    last
                })
                .collect();
            let mut sums = vec![(0.0, 0.0)];
            for (i, v) in z.iter().enumerate() {
                let (a, b) = sums[i];
                sums.push((a + v, b + v * i as f64));
            }
            let level = |from: usize, to: usize| (sums[to].0 - sums[from].0) / (to - from) as f64;
            for (out, i) in columns.iter_mut().zip(rows) {
                let end = i + 1;
                out.extend(WINDOWS.map(|w| level(end.saturating_sub(w), end)));
                out.extend(SLOPES.map(|w| {
                    let from = end.saturating_sub(w);
                    let n = (end - from) as f64;
                    if end - from < 5 {
                        return 0.0;
                    }
                    let middle = f64::midpoint(from as f64, *i as f64);
                    let along = sums[end].1 - sums[from].1 - middle * (sums[end].0 - sums[from].0);
                    // Shrunk: the slope of a few observations is mostly noise.
                    w as f64 * along / (n * (n * n - 1.0) / 12.0 + 400.0)
                }));
                out.push(level(end.saturating_sub(WINDOWS[1]), end) - level(0, START.min(end)));
            }
        }
        for (out, i) in columns.iter_mut().zip(rows) {
            out.push(path.times_days[*i] - path.times_days[0]);
        }
        columns
    }
}
