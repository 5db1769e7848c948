//! From log odds to probabilities that hold: identity, Platt, beta and isotonic calibration. It does not know
//! the model behind the log odds.

use crate::choose::{Choice, clustered_standard_error, one_standard_error};
use crate::error::{ModelError, all_finite, both_classes, in_range, outcomes_and_weights, same_length};
use crate::newton::fit_nonnegative;
use crate::special::{logit, sigmoid, softplus};
use serde::{Deserialize, Serialize};

/// The families, from simple to complex.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum CalibratorKind {
    /// The log odds as they are.
    Identity,
    /// `a · z + b`, `a >= 0`, with the targets of Platt (1999).
    Platt,
    /// `a · ln p - b · ln(1 - p) + c`, `a, b >= 0` (Kull, Silva Filho and Flach 2017).
    Beta,
    /// A step function by pool-adjacent-violators (Ayer et al. 1955), linear between the steps.
    Isotonic,
    /// The same, linear between the middles of the steps (centered isotonic regression, Oron and Flournoy 2017): what the
    /// log odds tell apart stays apart. The first and the last step are held half a row away from 0 and 1.
    Centered,
}

impl CalibratorKind {
    /// The families that [`choose_calibrator`] compares, from simple to complex.
    pub const ALL: [Self; 4] = [Self::Identity, Self::Platt, Self::Beta, Self::Centered];

    /// A name for reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Platt => "platt",
            Self::Beta => "beta",
            Self::Isotonic => "isotonic",
            Self::Centered => "centered isotonic",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Curve {
    Identity,
    Platt { slope: f64, intercept: f64 },
    Beta { a: f64, b: f64, c: f64 },
    Isotonic { log_odds: Vec<f64>, probability: Vec<f64> },
    Centered { log_odds: Vec<f64>, probability: Vec<f64> },
}

/// Beyond the middles of the first and the last step, where nothing tells how steep the curve is, calibrated log odds change
/// by this much where raw ones change by one: enough to keep their order.
const BEYOND: f64 = 0.1;

/// A fitted, never decreasing map from log odds to probability, kept away from 0 and 1 by what the data can
/// support.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Calibrator {
    curve: Curve,
    floor: f64,
}

impl Calibrator {
    /// Fits one family to held-out log odds, outcomes (0 or 1) and weights.
    ///
    /// No probability comes nearer to 0 or 1 than `0.5 / (n + 1)`, where `n = (Σw)² / Σw²` is the effective
    /// number of rows (Kish 1965).
    ///
    /// # Errors
    /// No rows, lengths that differ, values that are not finite, one class only.
    ///
    /// ```
    /// use forewarn_models::{Calibrator, CalibratorKind};
    /// let z = [-2.0, -1.0, 0.0, 1.0, 2.0, 3.0];
    /// let c = Calibrator::fit(CalibratorKind::Platt, &z, &[0.0, 0.0, 1.0, 0.0, 1.0, 1.0], &[1.0; 6])?;
    /// let p = c.probability(&[-9.0, 0.0, 9.0]);
    /// assert!(0.0 < p[0] && p[0] < p[1] && p[1] < p[2] && p[2] < 1.0);
    /// assert!(Calibrator::fit(CalibratorKind::Platt, &z, &[0.0; 6], &[1.0; 6]).is_err());
    /// # Ok::<(), forewarn_models::ModelError>(())
    /// ```
    pub fn fit(
        kind: CalibratorKind,
        log_odds: &[f64],
        outcomes: &[f64],
        weights: &[f64],
    ) -> Result<Self, ModelError> {
        outcomes_and_weights(outcomes, weights)?;
        same_length("log odds", log_odds.len(), outcomes.len())?;
        all_finite("log odds", log_odds)?;
        both_classes(outcomes, weights)?;
        let curve = match kind {
            CalibratorKind::Identity => Curve::Identity,
            CalibratorKind::Platt => {
                let fit = fit_nonnegative(&[log_odds], &softened(outcomes, weights), weights, &[0.0], &[1.0]);
                Curve::Platt { slope: fit.slopes[0], intercept: fit.intercept }
            }
            CalibratorKind::Beta => {
                let (low, high): (Vec<f64>, Vec<f64>) =
                    log_odds.iter().map(|z| (-softplus(-z), softplus(*z))).unzip();
                let fit = fit_nonnegative(
                    &[&low, &high],
                    &softened(outcomes, weights),
                    weights,
                    &[0.0; 4],
                    &[1.0; 2],
                );
                Curve::Beta { a: fit.slopes[0], b: fit.slopes[1], c: fit.intercept }
            }
            CalibratorKind::Isotonic => {
                let (log_odds, probability) = corners(&isotonic(log_odds, outcomes, weights));
                Curve::Isotonic { log_odds, probability }
            }
            CalibratorKind::Centered => {
                let (log_odds, probability) = middles(isotonic(log_odds, outcomes, weights));
                Curve::Centered { log_odds, probability }
            }
        };
        Ok(Self { curve, floor: floor(weights) })
    }

    /// The log odds moved by one amount, so that the weighted mean of the probabilities is `rate`, in (0, 1): for log odds
    /// that rank, where no outcome tells their level.
    ///
    /// # Errors
    /// No rows, lengths that differ, log odds that are not finite, bad weights, a rate out of (0, 1).
    ///
    /// ```
    /// use forewarn_models::Calibrator;
    /// let z: Vec<f64> = (0..200).map(|i| f64::from(i % 5)).collect();
    /// let c = Calibrator::at_rate(&z, &[1.0; 200], 0.1)?;
    /// let p = c.probability(&z);
    /// assert!((p.iter().sum::<f64>() / 200.0 - 0.1).abs() < 1e-9 && p[0] < p[1]);
    /// assert!(Calibrator::at_rate(&z, &[1.0; 200], 0.0).is_err());
    /// # Ok::<(), forewarn_models::ModelError>(())
    /// ```
    pub fn at_rate(log_odds: &[f64], weights: &[f64], rate: f64) -> Result<Self, ModelError> {
        outcomes_and_weights(&vec![0.0; log_odds.len()], weights)?;
        all_finite("log odds", log_odds)?;
        in_range(rate > 0.0 && rate < 1.0, "rate", rate, "in (0, 1)")?;
        let total: f64 = weights.iter().sum();
        let mean = |by: f64| -> f64 {
            log_odds.iter().zip(weights).map(|(z, w)| w * sigmoid(z + by)).sum::<f64>() / total
        };
        // The mean rises with the amount; beyond these ends every row is on one side of the rate.
        let highest = log_odds.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let lowest = log_odds.iter().copied().fold(f64::INFINITY, f64::min);
        let (mut low, mut high) = (logit(rate) - highest, logit(rate) - lowest);
        for _ in 0..100 {
            let middle = f64::midpoint(low, high);
            if mean(middle) < rate {
                low = middle;
            } else {
                high = middle;
            }
        }
        let curve = Curve::Platt { slope: 1.0, intercept: f64::midpoint(low, high) };
        Ok(Self { curve, floor: floor(weights) })
    }

    /// The family.
    pub fn kind(&self) -> CalibratorKind {
        match self.curve {
            Curve::Identity => CalibratorKind::Identity,
            Curve::Platt { .. } => CalibratorKind::Platt,
            Curve::Beta { .. } => CalibratorKind::Beta,
            Curve::Isotonic { .. } => CalibratorKind::Isotonic,
            Curve::Centered { .. } => CalibratorKind::Centered,
        }
    }

    /// The smallest probability that it gives; the largest is 1 minus this.
    pub fn floor(&self) -> f64 {
        self.floor
    }

    /// Probabilities of log odds; NaN stays NaN.
    pub fn probability(&self, log_odds: &[f64]) -> Vec<f64> {
        log_odds.iter().map(|z| self.raw(*z).clamp(self.floor, 1.0 - self.floor)).collect()
    }

    /// How much the calibrated log odds change where the raw log odds change by one, near `z`; at least 0.
    /// Spreads on the raw scale are multiplied by it.
    pub fn slope_at(&self, z: f64) -> f64 {
        let p = self.probability(&[z - 0.5, z + 0.5]);
        (logit(p[1]) - logit(p[0])).max(0.0)
    }

    /// Whether a stored calibrator is one that fitting can give, so that predicting cannot fail.
    ///
    /// # Errors
    /// [`ModelError::Inconsistent`] where it is not.
    pub fn check(&self) -> Result<(), ModelError> {
        let rise = |v: &[f64]| v.iter().all(|x| x.is_finite()) && v.is_sorted();
        let sound = match &self.curve {
            Curve::Identity => true,
            Curve::Platt { slope, intercept } => slope.is_finite() && intercept.is_finite(),
            Curve::Beta { a, b, c } => a.is_finite() && b.is_finite() && c.is_finite(),
            Curve::Isotonic { log_odds, probability } | Curve::Centered { log_odds, probability } => {
                !log_odds.is_empty()
                    && log_odds.len() == probability.len()
                    && rise(log_odds)
                    && rise(probability)
                    && probability.iter().all(|p| (0.0..=1.0).contains(p))
            }
        };
        if sound && (0.0..=0.5).contains(&self.floor) {
            Ok(())
        } else {
            Err(ModelError::Inconsistent("calibrator: its curve is none"))
        }
    }

    fn raw(&self, z: f64) -> f64 {
        match &self.curve {
            Curve::Identity => sigmoid(z),
            Curve::Platt { slope, intercept } => sigmoid(slope * z + intercept),
            Curve::Beta { a, b, c } => sigmoid(-a * softplus(-z) + b * softplus(z) + c),
            Curve::Isotonic { log_odds, probability } => interpolate(log_odds, probability, z),
            Curve::Centered { log_odds, probability } => {
                let p = interpolate(log_odds, probability, z);
                let (first, last) = (log_odds.first().unwrap_or(&z), log_odds.last().unwrap_or(&z));
                let beyond = (z - last).max(0.0) + (z - first).min(0.0);
                if beyond == 0.0 { p } else { sigmoid(logit(p) + BEYOND * beyond) }
            }
        }
    }
}

/// How near to 0 and 1 the data can support a probability, by its effective number of rows (Kish 1965).
fn floor(weights: &[f64]) -> f64 {
    let squares: f64 = weights.iter().map(|w| w * w).sum();
    let effective = weights.iter().sum::<f64>().powi(2) / squares;
    0.5 / (effective + 1.0)
}

/// Held-out log odds with the error of level taken from each block: all of a block are moved by one amount, so that its
/// mean probability is its share of ones (the amount has a normal prior of unit spread, which bounds it where a block has no
/// ones).
///
/// How far a model missed the level of the rows after it is how far the level had moved by then, and a model fitted since
/// has seen the move. How much it exaggerates is not learned that way: a calibrator fitted to these log odds corrects the
/// shape, and leaves the level to the model that it is used with.
///
/// # Errors
/// As [`Calibrator::fit`], except that one class is enough; `blocks` of another length.
///
/// ```
/// use forewarn_models::at_own_level;
/// let z = at_own_level(&[0.0, 0.0, 2.0, 2.0], &[0.0, 1.0, 0.0, 1.0], &[9.0; 4], &[0, 0, 1, 1])?;
/// assert!(z[0] == 0.0 && z[2].abs() < 0.5);
/// assert!(at_own_level(&[0.0], &[0.0, 1.0], &[1.0; 2], &[0, 0]).is_err());
/// # Ok::<(), forewarn_models::ModelError>(())
/// ```
pub fn at_own_level(
    log_odds: &[f64],
    outcomes: &[f64],
    weights: &[f64],
    blocks: &[u32],
) -> Result<Vec<f64>, ModelError> {
    outcomes_and_weights(outcomes, weights)?;
    same_length("log odds", log_odds.len(), outcomes.len())?;
    same_length("blocks", blocks.len(), outcomes.len())?;
    all_finite("log odds", log_odds)?;
    let mut moved = log_odds.to_vec();
    let mut each: Vec<u32> = blocks.to_vec();
    each.sort_unstable();
    each.dedup();
    for block in each {
        let rows: Vec<usize> = (0..blocks.len()).filter(|&i| blocks[i] == block).collect();
        let mut by = 0.0_f64;
        for _ in 0..50 {
            let (mut gap, mut information) = (-by, 1.0);
            for &i in &rows {
                let p = sigmoid(log_odds[i] + by);
                gap += weights[i] * (outcomes[i] - p);
                information += weights[i] * p * (1.0 - p);
            }
            // The curve is concave: steps of one at most cannot run away.
            let step = (gap / information).clamp(-1.0, 1.0);
            by += step;
            if step.abs() < 1e-12 {
                break;
            }
        }
        for &i in &rows {
            moved[i] += by;
        }
    }
    Ok(moved)
}

/// Platt's targets: a little inside 0 and 1, by the number of rows of each class, so that slopes stay finite.
fn softened(outcomes: &[f64], weights: &[f64]) -> Vec<f64> {
    let ones: f64 = outcomes.iter().zip(weights).map(|(y, w)| y * w).sum();
    let zeros: f64 = weights.iter().sum::<f64>() - ones;
    let (high, low) = ((ones + 1.0) / (ones + 2.0), 1.0 / (zeros + 2.0));
    outcomes.iter().map(|y| if *y == 1.0 { high } else { low }).collect()
}

/// A step of an isotonic regression.
struct Step {
    low: f64,
    high: f64,
    /// The weighted sum of where its rows lie.
    x: f64,
    sum: f64,
    weight: f64,
}

impl Step {
    fn join(&mut self, other: &Self) {
        self.high = other.high;
        self.x += other.x;
        self.sum += other.sum;
        self.weight += other.weight;
    }
    fn mean(&self) -> f64 {
        self.sum / self.weight
    }
}

/// Joins a step to those before it for as long as they do not rise.
fn pool(steps: &mut Vec<Step>, mut step: Step) {
    while let Some(mut last) = steps.pop_if(|last| last.mean() >= step.mean()) {
        last.join(&step);
        step = last;
    }
    steps.push(step);
}

/// Weighted isotonic regression. Ties are joined first, then neighbors that fall are pooled.
fn isotonic(x: &[f64], y: &[f64], weights: &[f64]) -> Vec<Step> {
    let mut order: Vec<usize> = (0..x.len()).filter(|&i| weights[i] > 0.0).collect();
    order.sort_by(|&a, &b| x[a].total_cmp(&x[b]));
    let mut steps: Vec<Step> = Vec::new();
    for tie in order.chunk_by(|&a, &b| x[a] == x[b]) {
        let at = x[tie[0]];
        let weight: f64 = tie.iter().map(|&i| weights[i]).sum();
        let sum = tie.iter().map(|&i| weights[i] * y[i]).sum();
        pool(&mut steps, Step { low: at, high: at, x: weight * at, sum, weight });
    }
    steps
}

/// The corners of the graph of an isotonic regression.
fn corners(steps: &[Step]) -> (Vec<f64>, Vec<f64>) {
    let (mut at, mut value) = (Vec::new(), Vec::new());
    for s in steps {
        at.push(s.low);
        value.push(s.mean());
        if s.high > s.low {
            at.push(s.high);
            value.push(s.mean());
        }
    }
    (at, value)
}

/// The middle of each step. Half a row against them holds the first and the last step away from 0 and 1, which a few rows that
/// came out alike do not show.
fn middles(mut steps: Vec<Step>) -> (Vec<f64>, Vec<f64>) {
    let half = |step: &mut Step, y: f64| {
        let x = step.x / step.weight;
        step.x += 0.5 * x;
        step.sum += 0.5 * y;
        step.weight += 0.5;
    };
    if let Some(first) = steps.first_mut() {
        half(first, 1.0);
    }
    if let Some(last) = steps.last_mut() {
        half(last, 0.0);
    }
    let mut held = Vec::with_capacity(steps.len());
    for step in steps {
        pool(&mut held, step);
    }
    held.iter().map(|s| (s.x / s.weight, s.mean())).unzip()
}

/// Linear between ascending points, constant beyond them.
fn interpolate(at: &[f64], value: &[f64], x: f64) -> f64 {
    if x.is_nan() {
        return x;
    }
    let next = at.partition_point(|a| *a <= x);
    if next == 0 {
        return value.first().copied().unwrap_or(f64::NAN);
    }
    if next == at.len() {
        return value[next - 1];
    }
    let share = (x - at[next - 1]) / (at[next] - at[next - 1]);
    // The bounds keep rounding from breaking the order.
    (value[next - 1] + share * (value[next] - value[next - 1])).clamp(value[next - 1], value[next])
}

/// Which calibrator to use, and how the families compared.
#[derive(Debug, Clone, PartialEq)]
pub struct CalibratorChoice {
    /// The chosen family, fitted to all rows.
    pub calibrator: Calibrator,
    /// Weighted log loss of each family on later folds.
    pub choice: Choice,
}

/// Picks a family by weighted log loss on time-ordered folds: each fold is predicted by calibrators fitted to
/// the folds before it. The simplest family within one standard error of the best is then fitted to all rows.
///
/// `folds` gives each row its place in time (any increasing codes), `units` joins rows that vary together
/// (one asset). A fold whose past holds one class only is passed over; if none is left, identity is chosen
/// without a comparison being possible, and its standing has the loss of all rows.
///
/// # Errors
/// As [`Calibrator::fit`], or lengths that differ.
pub fn choose_calibrator(
    log_odds: &[f64],
    outcomes: &[f64],
    weights: &[f64],
    folds: &[u32],
    units: &[u32],
) -> Result<CalibratorChoice, ModelError> {
    let identity = Calibrator::fit(CalibratorKind::Identity, log_odds, outcomes, weights)?;
    same_length("folds", folds.len(), outcomes.len())?;
    same_length("units", units.len(), outcomes.len())?;
    let mut times: Vec<u32> = folds.to_vec();
    times.sort_unstable();
    times.dedup();
    let mut held = Vec::new();
    let mut losses = vec![Vec::new(); CalibratorKind::ALL.len()];
    for now in &times[1..] {
        let pick = |rows: &[usize], v: &[f64]| -> Vec<f64> { rows.iter().map(|&i| v[i]).collect() };
        let past: Vec<usize> = (0..folds.len()).filter(|&i| folds[i] < *now).collect();
        let (z, y, w) = (pick(&past, log_odds), pick(&past, outcomes), pick(&past, weights));
        if both_classes(&y, &w).is_err() {
            continue;
        }
        let present: Vec<usize> = (0..folds.len()).filter(|&i| folds[i] == *now).collect();
        let z_now = pick(&present, log_odds);
        for (kind, losses) in CalibratorKind::ALL.into_iter().zip(&mut losses) {
            let p = Calibrator::fit(kind, &z, &y, &w)?.probability(&z_now);
            losses.extend(present.iter().zip(p).map(|(&i, p)| row_loss(outcomes[i], p)));
        }
        held.extend(present);
    }
    if held.iter().all(|&i| weights[i] == 0.0) {
        let p = identity.probability(log_odds);
        let total: f64 = weights.iter().sum();
        let loss =
            p.iter().zip(outcomes).zip(weights).map(|((p, y), w)| w * row_loss(*y, *p)).sum::<f64>() / total;
        let choice = one_standard_error(&[CalibratorKind::Identity.name()], &[loss], false, |_, _| 0.0)?;
        return Ok(CalibratorChoice { calibrator: identity, choice });
    }
    let w: Vec<f64> = held.iter().map(|&i| weights[i]).collect();
    let u: Vec<u32> = held.iter().map(|&i| units[i]).collect();
    let total: f64 = w.iter().sum();
    let scores: Vec<f64> =
        losses.iter().map(|l| l.iter().zip(&w).map(|(l, w)| l * w).sum::<f64>() / total).collect();
    let choice =
        one_standard_error(&CalibratorKind::ALL.map(CalibratorKind::name), &scores, false, |best, i| {
            let difference: Vec<f64> = losses[i].iter().zip(&losses[best]).map(|(a, b)| a - b).collect();
            clustered_standard_error(&difference, &w, &u)
        })?;
    let calibrator = Calibrator::fit(CalibratorKind::ALL[choice.chosen], log_odds, outcomes, weights)?;
    Ok(CalibratorChoice { calibrator, choice })
}

fn row_loss(y: f64, p: f64) -> f64 {
    -(if y == 1.0 { p.ln() } else { (-p).ln_1p() })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::cases;
    use crate::rng::{generator, uniform};

    /// Outcomes drawn at `truth(z)`, four folds of a thousand rows.
    fn drawn(truth: impl Fn(f64) -> f64) -> (Vec<f64>, Vec<f64>, Vec<u32>, Vec<u32>) {
        let mut rng = generator(11, 0);
        let z: Vec<f64> = (0..4000).map(|_| 6.0 * uniform(&mut rng) - 5.0).collect();
        let y = z.iter().map(|z| f64::from(u8::from(uniform(&mut rng) < truth(*z)))).collect();
        (z, y, (0..4000).map(|i| i / 1000).collect(), (0..4000).map(|i| i % 1000).collect())
    }

    #[test]
    fn isotonic_agrees_with_scikit_learn_and_keeps_the_mean() {
        for case in cases::topic("isotonic").as_array().unwrap() {
            let (z, y, w) = (
                cases::numbers(case, "log_odds"),
                cases::numbers(case, "outcome"),
                cases::numbers(case, "weight"),
            );
            let c = Calibrator::fit(CalibratorKind::Isotonic, &z, &y, &w).unwrap();
            for (at, expected) in cases::numbers(case, "at").iter().zip(cases::numbers(case, "probability")) {
                assert!((c.raw(*at) - expected).abs() < 1e-9);
            }
            let sum = |v: &[f64]| v.iter().zip(&w).map(|(v, w)| v * w).sum::<f64>();
            let fitted: Vec<f64> = z.iter().map(|z| c.raw(*z)).collect();
            assert!((sum(&fitted) - sum(&y)).abs() < 1e-9);
        }
    }

    #[test]
    fn centered_steps_keep_the_order_and_stay_within_reason() {
        // Steps of 0, 1/3 (three rows, the middle one is the odd one out) and 1, half a row against the outer ones.
        let (z, y) = ([-3.0, -1.0, 0.0, 1.0, 4.0, 5.0], [0.0, 0.0, 1.0, 0.0, 1.0, 1.0]);
        let c = Calibrator::fit(CalibratorKind::Centered, &z, &y, &[1.0; 6]).unwrap();
        let expected = [(-2.0, 0.5 / 2.5), (0.5, 0.5), (4.5, 2.0 / 2.5), (2.5, 0.65)];
        for (at, p) in expected {
            assert!((c.raw(at) - p).abs() < 1e-9, "{at}: {} {p}", c.raw(at));
        }
        let p = c.probability(&[-9.0, -2.5, -2.0, 0.0, 0.1, 4.0, 6.0, 7.0]);
        assert!(p.windows(2).all(|w| w[0] < w[1]), "{p:?}");
        assert!((logit(c.raw(6.5)) - logit(0.8) - 0.2).abs() < 1e-9);
        // One step alone is a constant but for the order.
        let flat = Calibrator::fit(CalibratorKind::Centered, &[1.0, 2.0], &[1.0, 0.0], &[1.0; 2]).unwrap();
        assert!((flat.raw(1.5) - 0.5).abs() < 1e-9 && flat.raw(9.0) < 0.7);
        assert!(flat.raw(f64::NAN).is_nan());
    }

    #[test]
    fn platt_and_beta_find_the_truth() {
        let (z, y, ..) = drawn(|z| sigmoid(0.5 * z - 0.7));
        for kind in [CalibratorKind::Platt, CalibratorKind::Beta] {
            let c = Calibrator::fit(kind, &z, &y, &vec![1.0; z.len()]).unwrap();
            for z in [-4.0, -2.0, 0.0] {
                assert!((logit(c.raw(z)) - (0.5 * z - 0.7)).abs() < 0.3, "{kind:?} at {z}");
            }
        }
    }

    #[test]
    fn the_simplest_sufficient_family_is_chosen() {
        for (truth, expected) in [
            ((|z: f64| sigmoid(z)) as fn(f64) -> f64, CalibratorKind::Identity),
            (|z| sigmoid(0.4 * z - 1.0), CalibratorKind::Platt),
            (|z| if z > -1.0 { 0.6 } else { 0.02 }, CalibratorKind::Centered),
        ] {
            let (z, y, folds, units) = drawn(truth);
            let found = choose_calibrator(&z, &y, &vec![1.0; z.len()], &folds, &units).unwrap();
            assert_eq!(found.calibrator.kind(), expected, "{:?}", found.choice);
        }
    }

    #[test]
    fn a_reversed_score_gives_the_base_rate() {
        let (z, y, ..) = drawn(|z| sigmoid(-2.0 * z));
        let c = Calibrator::fit(CalibratorKind::Platt, &z, &y, &vec![1.0; z.len()]).unwrap();
        let p = c.probability(&[-3.0, 1.0]);
        assert!((p[0] - p[1]).abs() < 1e-9 && (p[0] - y.iter().sum::<f64>() / 4000.0).abs() < 0.01);
        let alone = choose_calibrator(&z, &y, &vec![1.0; z.len()], &[0; 4000], &[0; 4000]).unwrap();
        assert_eq!(alone.calibrator.kind(), CalibratorKind::Identity);
    }
}
