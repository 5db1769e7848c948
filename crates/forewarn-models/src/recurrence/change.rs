//! What a measure changed in a level: readings of touched units after it over what matched untouched units with the same
//! readings before had in the same days. It does not know what a measure or a reading is, or how units were matched.

use std::collections::BTreeMap;

use crate::error::{ModelError, in_range};
use crate::rank::median;
use crate::special::{student_half_width, student_tails};

/// The level of one unit in one stretch of days, in one matched set.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ChangeRow {
    /// The set of rows that are comparable.
    pub set: u32,
    /// The stretch: how far what was before lives on may differ from one to the next.
    pub part: u32,
    /// The unit; it may have rows in many sets.
    pub unit: u32,
    /// Its level after, finite.
    pub after: f64,
    /// Its levels before, finite: what differs from the untouched of its set is allowed for.
    pub before: [f64; 2],
    /// The same levels, after and before, against what the unit shows over all its days: how much of what was before lives on
    /// is read from these. Against a short time alone, its noise would pass for what lives on.
    pub steady: (f64, [f64; 2]),
    /// What the level rests on, > 0: days, say.
    pub weight: f64,
}

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeScale {
    /// Touched over untouched, for levels that are not negative.
    Ratio,
    /// Touched minus untouched.
    Difference,
}

/// Touched against untouched.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LevelChange {
    /// The ratio or the difference.
    pub value: f64,
    /// Lower end of its interval.
    pub low: f64,
    /// Upper end of it.
    pub high: f64,
    /// Two-sided p-value of "no change beyond the margin".
    pub p_value: f64,
    /// Touched units in sets that have untouched ones.
    pub n_touched: usize,
    /// Untouched units in sets that have touched ones.
    pub n_untouched: usize,
}

/// The rows of the untouched of one set, summed up.
#[derive(Default, Clone, Copy)]
struct Mean {
    n: f64,
    weight: f64,
    after: f64,
    before: [f64; 2],
    steady: (f64, [f64; 2]),
    touched_weight: f64,
}

/// Rows of untouched units beyond their means that a slope needs.
const MIN_FREE: f64 = 10.0;

/// By how much `after` grows with each of `before` in one stretch, and the inverse of what it was solved with.
#[derive(Default, Clone, Copy)]
struct Slope {
    by: [f64; 2],
    inverse: [f64; 3],
}

impl Slope {
    /// Least squares, from sums of squares and products.
    fn solved([aa, ab, bb, ay, by]: [f64; 5], free: f64) -> Self {
        // Two levels that say the same share the slope.
        let ridge = 1e-6 * (aa + bb);
        let (aa, bb) = (aa + ridge, bb + ridge);
        let det = aa * bb - ab * ab;
        if free < MIN_FREE || det <= 0.0 || !det.is_finite() {
            return Self::default();
        }
        let inverse = [bb / det, -ab / det, aa / det];
        let mut own = Self { by: [0.0; 2], inverse };
        own.by = own.times([ay, by]);
        own
    }

    fn times(&self, [a, b]: [f64; 2]) -> [f64; 2] {
        let [aa, ab, bb] = self.inverse;
        [aa * a + ab * b, ab * a + bb * b]
    }
}

fn dot(a: [f64; 2], b: [f64; 2]) -> f64 {
    a[0] * b[0] + a[1] * b[1]
}

/// What a row was before, less what the untouched of its set were.
fn off_before(r: &ChangeRow, m: &Mean) -> [f64; 2] {
    [r.before[0] - m.before[0], r.before[1] - m.before[1]]
}

/// The same against what the units show over all their days.
fn off_steady(r: &ChangeRow, m: &Mean) -> [f64; 2] {
    [r.steady.1[0] - m.steady.1[0], r.steady.1[1] - m.steady.1[1]]
}

/// The slopes of each stretch, from the untouched within their sets.
fn slopes(untouched: &[(&ChangeRow, &Mean)]) -> BTreeMap<u32, Slope> {
    let mut sums: BTreeMap<u32, ([f64; 5], f64)> = BTreeMap::new();
    for (r, m) in untouched {
        let (s, free) = sums.entry(r.part).or_default();
        let [a, b] = off_steady(r, m);
        let y = r.steady.0 - m.steady.0;
        for (s, v) in s.iter_mut().zip([a * a, a * b, b * b, a * y, b * y]) {
            *s += r.weight * v;
        }
        *free += 1.0 - 1.0 / m.n;
    }
    sums.into_iter().map(|(part, (s, free))| (part, Slope::solved(s, free))).collect()
}

/// What lies far beyond the others is drawn in, so that a stuck or broken sensor does not decide: two in a hundred at
/// most, and only where there are enough to say so.
fn drawn_in(values: &mut [f64], middle: f64) {
    let mut off: Vec<f64> = values.iter().map(|v| (v - middle).abs()).collect();
    off.sort_by(f64::total_cmp);
    let at =
        |q: f64| off.get(((off.len() as f64 * q).ceil() as usize).saturating_sub(1)).copied().unwrap_or(0.0);
    let limit = (6.0 * at(0.75)).max(2.0 * at(0.98));
    if limit > 0.0 {
        for v in values {
            *v = v.clamp(middle - limit, middle + limit);
        }
    }
}

/// The sum of squares over units, for a variance from so many of them.
fn spread(by_unit: &BTreeMap<u32, f64>) -> f64 {
    let n = by_unit.len() as f64;
    by_unit.values().map(|v| v * v).sum::<f64>() * n / (n - 1.0).max(1.0)
}

/// The change of a level, standardized to the touched: in each set the untouched say what level the touched would have
/// had, and what touched and untouched differ in before is allowed for by a slope that the untouched show (matching with
/// adjustment: Abadie and Imbens 2011). So a unit that was touched when it was at its worst is not said to have been
/// healed by what brings every unit back to its usual level. Interval, of this `level` in (0, 1), and p-value
/// are Student's, the latter against changes of at most `margin` (in the ratio, or the difference; at least 0), with as many degrees of freedom as touched units less one, and a variance with units as clusters. `None`
/// where fewer than two touched or two untouched units can be compared, where nothing varies, or where a ratio to nothing
/// is asked for.
///
/// # Errors
/// A level or margin out of range, a row that is not finite, a weight that is not above 0.
///
/// ```
/// use forewarn_models::{ChangeRow, ChangeScale, matched_change};
/// let row = |unit: u32, times: f64| {
///     let usual = 10.0 + f64::from(unit * 7 % 10) / 10.0;
///     let after = times * (usual + f64::from(unit * 3 % 5) / 20.0);
///     let before = [usual, usual];
///     ChangeRow { set: unit % 4, part: 0, unit, after, before, steady: (after, before), weight: 15.0 }
/// };
/// let touched: Vec<ChangeRow> = (0..40).map(|u| row(u, 0.8)).collect();
/// let untouched: Vec<ChangeRow> = (40..140).map(|u| row(u, 1.0)).collect();
/// let found = matched_change(&touched, &untouched, ChangeScale::Ratio, 0.0, 0.8)?.ok_or("matched")?;
/// assert!((found.value - 0.8).abs() < 0.01 && found.low < found.value && found.p_value < 1e-6);
/// let beyond = matched_change(&touched, &untouched, ChangeScale::Ratio, 0.5, 0.8)?.ok_or("matched")?;
/// assert!(beyond.p_value > 0.9);
/// assert!(matched_change(&touched, &[], ChangeScale::Ratio, 0.0, 0.8)?.is_none());
/// assert!(matched_change(&touched, &untouched, ChangeScale::Ratio, 0.0, 1.0).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn matched_change(
    touched: &[ChangeRow],
    untouched: &[ChangeRow],
    scale: ChangeScale,
    margin: f64,
    level: f64,
) -> Result<Option<LevelChange>, ModelError> {
    in_range(level > 0.0 && level < 1.0, "level", level, "in (0, 1)")?;
    in_range(margin >= 0.0 && margin.is_finite(), "margin", margin, "finite, at least 0")?;
    for r in touched.iter().chain(untouched) {
        in_range(r.after.is_finite(), "after", r.after, "finite")?;
        in_range(r.before.iter().all(|b| b.is_finite()), "before", r.before[0], "finite")?;
        in_range(r.steady.0.is_finite(), "steady", r.steady.0, "finite")?;
        in_range(r.steady.1.iter().all(|b| b.is_finite()), "steady", r.steady.1[0], "finite")?;
        in_range(r.weight.is_finite() && r.weight > 0.0, "weight", r.weight, "finite, greater than 0")?;
    }
    let mut sets: BTreeMap<u32, Mean> = BTreeMap::new();
    for r in touched {
        sets.entry(r.set).or_default().touched_weight += r.weight;
    }
    for r in untouched {
        if let Some(m) = sets.get_mut(&r.set) {
            m.n += 1.0;
            m.weight += r.weight;
            m.after += r.weight * r.after;
            m.before[0] += r.weight * r.before[0];
            m.before[1] += r.weight * r.before[1];
            m.steady.0 += r.weight * r.steady.0;
            m.steady.1[0] += r.weight * r.steady.1[0];
            m.steady.1[1] += r.weight * r.steady.1[1];
        }
    }
    sets.retain(|_, m| m.n > 0.0);
    for m in sets.values_mut() {
        m.after /= m.weight;
        m.before = m.before.map(|b| b / m.weight);
        m.steady = (m.steady.0 / m.weight, m.steady.1.map(|b| b / m.weight));
    }
    let others: Vec<(&ChangeRow, &Mean)> =
        untouched.iter().filter_map(|r| Some((r, sets.get(&r.set)?))).collect();
    let slopes = slopes(&others);
    let slope = |r: &ChangeRow| slopes.get(&r.part).copied().unwrap_or_default();
    let expected = |r: &ChangeRow, m: &Mean| m.after + dot(slope(r).by, off_before(r, m));
    let own: Vec<(&ChangeRow, f64)> =
        touched.iter().filter_map(|r| Some((r, expected(r, sets.get(&r.set)?)))).collect();
    // How far the touched of a stretch were from their untouched before: so far an error of the slope carries.
    let mut gaps: BTreeMap<u32, [f64; 2]> = BTreeMap::new();
    for (r, m) in touched.iter().filter_map(|r| Some((r, sets.get(&r.set)?))) {
        let (gap, [a, b]) = (gaps.entry(r.part).or_default(), off_before(r, m));
        *gap = [gap[0] + r.weight * a, gap[1] + r.weight * b];
    }
    let mut off: Vec<f64> = own.iter().map(|(r, e)| r.after - e).collect();
    let middle = median(&mut off.clone());
    drawn_in(&mut off, middle);
    let mut noise: Vec<f64> = others.iter().map(|(r, m)| r.after - expected(r, m)).collect();
    drawn_in(&mut noise, 0.0);

    let weight: f64 = own.iter().map(|(r, _)| r.weight).sum();
    let usual = own.iter().map(|(r, e)| r.weight * e).sum::<f64>() / weight;
    let difference = own.iter().zip(&off).map(|((r, _), d)| r.weight * d).sum::<f64>() / weight;
    // The error of `difference - more * usual`, where `more` is 0 for the difference and the ratio less one for the ratio.
    let error = |more: f64| -> f64 {
        let mut by_touched: BTreeMap<u32, f64> = BTreeMap::new();
        for ((r, e), d) in own.iter().zip(&off) {
            let deviation = d - more * e - (difference - more * usual);
            *by_touched.entry(r.unit).or_default() += r.weight * deviation;
        }
        let mut by_untouched: BTreeMap<u32, f64> = BTreeMap::new();
        for ((r, m), c) in others.iter().zip(&noise) {
            let gap = gaps.get(&r.part).copied().unwrap_or_default();
            let carried = dot(slope(r).times(gap), off_steady(r, m));
            let counts = r.weight * (m.touched_weight / m.weight + carried);
            *by_untouched.entry(r.unit).or_default() += (1.0 + more) * counts * c;
        }
        (spread(&by_touched) + spread(&by_untouched)).sqrt() / weight
    };
    let units = |rows: &mut dyn Iterator<Item = u32>| rows.collect::<std::collections::BTreeSet<_>>().len();
    let n_touched = units(&mut own.iter().map(|o| o.0.unit));
    let n_untouched = units(&mut others.iter().map(|o| o.0.unit));
    let plain = error(0.0);
    if n_touched < 2 || n_untouched < 2 || !plain.is_finite() || plain <= 0.0 {
        return Ok(None);
    }
    let free = n_touched as f64 - 1.0;
    let width = student_half_width(level, free);
    let (value, low, high) = match scale {
        ChangeScale::Difference => (difference, difference - width * plain, difference + width * plain),
        ChangeScale::Ratio => {
            let ratio = 1.0 + difference / usual;
            if usual <= 0.0 || ratio <= 0.0 {
                return Ok(None);
            }
            let error = error(ratio - 1.0) / usual / ratio;
            (ratio, ratio * (-width * error).exp(), ratio * (width * error).exp())
        }
    };
    let margin = if scale == ChangeScale::Ratio { margin * usual } else { margin };
    let p_value = student_tails((difference.abs() - margin).max(0.0) / plain, free).clamp(1e-16, 1.0);
    Ok(Some(LevelChange { value, low, high, p_value, n_touched, n_untouched }))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::rng::{generator, uniform};

    /// Units whose noise of before lives on by half, of which those with high noise are touched; what that did is `truth`.
    fn simulated(seed: u64, truth: f64, n: u32) -> Option<LevelChange> {
        let mut rng = generator(seed, 3);
        let mut u = move || uniform(&mut rng);
        let mut normal = move || (-2.0 * u().max(1e-300).ln()).sqrt() * (std::f64::consts::TAU * u()).cos();
        let (mut touched, mut untouched) = (Vec::new(), Vec::new());
        for unit in 0..n {
            let set = unit % 5;
            let before = normal();
            let after = 20.0 + 3.0 * f64::from(set) + 0.5 * before + normal();
            let worst = before + 0.5 * normal() > 0.8;
            let row = |times: f64| ChangeRow {
                set,
                part: 0,
                unit,
                after: after * times,
                before: [before, 0.0],
                steady: (after, [before, 0.0]),
                weight: 1.0,
            };
            if worst { touched.push(row(truth)) } else { untouched.push(row(1.0)) }
        }
        matched_change(&touched, &untouched, ChangeScale::Ratio, 0.0, 0.8).unwrap()
    }

    #[test]
    fn intervals_hold_and_what_was_touched_at_its_worst_is_not_said_to_be_healed() {
        for (truth, n) in [(1.0, 60), (1.0, 400), (0.9, 200)] {
            let (mut covered, mut sure, mut mean) = (0.0, 0.0, 0.0);
            for seed in 0..400 {
                let r = simulated(seed, truth, n).unwrap();
                covered += f64::from(u8::from(r.low <= truth && truth <= r.high)) / 400.0;
                sure += f64::from(u8::from(r.p_value <= 0.05)) / 400.0;
                mean += r.value / 400.0;
            }
            let figures = format!("{truth} of {n}: covered {covered:.3}, sure {sure:.3}, mean {mean:.4}");
            assert!((0.74..0.87).contains(&covered) && (mean - truth).abs() < 0.004, "{figures}");
            assert!(if truth == 1.0 { sure < 0.08 } else { sure > 0.95 }, "{figures}");
        }
    }

    #[test]
    fn one_broken_sensor_makes_no_verdict() {
        let row = |set, unit: u32, after| ChangeRow {
            set,
            part: 0,
            unit,
            after,
            before: [1.0; 2],
            steady: (after, [1.0; 2]),
            weight: 1.0,
        };
        let noisy = |u: u32| 1.0 + f64::from(u * 7 % 11) / 100.0;
        let mut touched: Vec<ChangeRow> = (0..12).map(|u| row(0, u, noisy(u))).collect();
        touched[3].after = 1e9;
        let untouched: Vec<ChangeRow> = (12..60).map(|u| row(0, u, noisy(u))).collect();
        let r = matched_change(&touched, &untouched, ChangeScale::Ratio, 0.0, 0.8).unwrap().unwrap();
        assert!(r.p_value > 0.2, "{r:?}");
        // Among many it is drawn in.
        let mut touched: Vec<ChangeRow> = (0..200).map(|u| row(0, u, noisy(u) * 0.9)).collect();
        touched[3].after = 1e9;
        let untouched: Vec<ChangeRow> = (200..400).map(|u| row(0, u, noisy(u))).collect();
        let r = matched_change(&touched, &untouched, ChangeScale::Ratio, 0.0, 0.8).unwrap().unwrap();
        assert!((r.value - 0.9).abs() < 0.02 && r.p_value < 1e-6, "{r:?}");
    }

    #[test]
    fn what_cannot_be_compared_is_not() {
        let row = |set, unit, after| ChangeRow {
            set,
            part: 0,
            unit,
            after,
            before: [1.0; 2],
            steady: (after, [1.0; 2]),
            weight: 1.0,
        };
        let check = |touched: &[ChangeRow], untouched: &[ChangeRow]| {
            assert_eq!(matched_change(touched, untouched, ChangeScale::Difference, 0.0, 0.8).unwrap(), None);
        };
        check(&[], &[]);
        check(&[row(0, 0, 1.0), row(0, 1, 2.0)], &[row(1, 2, 1.0), row(1, 3, 2.0)]);
        check(&[row(0, 0, 1.0)], &[row(0, 2, 1.0), row(0, 3, 2.0)]);
        check(&[row(0, 0, 1.0), row(0, 1, 1.0)], &[row(0, 2, 1.0), row(0, 3, 1.0)]);
        let r = [row(0, 0, f64::NAN)];
        assert!(matched_change(&r, &r, ChangeScale::Ratio, 0.0, 0.8).is_err());
    }
}
