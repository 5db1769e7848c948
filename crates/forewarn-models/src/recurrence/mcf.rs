//! The mean cumulative function: how many events a unit has had by a time, on average, with a confidence band. It
//! does not know what units are.

use crate::error::{ModelError, in_range};
use crate::special::normal_half_width;

/// When a unit was watched, and its events in that time. Times are days on one axis that all units share (age, or
/// the calendar).
#[derive(Debug, Clone, Copy)]
pub struct UnitHistory<'a> {
    /// From when it was watched; later than 0 where it ran before (left truncation).
    pub from_days: f64,
    /// Until when, included.
    pub to_days: f64,
    /// Its events in `(from_days, to_days]`, sorted; several may share a time.
    pub events_days: &'a [f64],
}

/// The mean cumulative function just after the events of one time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct McfPoint {
    /// The time, days.
    pub time_days: f64,
    /// Units watched at that time.
    pub n_at_risk: usize,
    /// The mean number of events a unit has had by then.
    pub mcf: f64,
    /// Its variance by Lawless and Nadeau (1995): right whatever process makes the events, because what one
    /// unit has too many or too few is summed over time before it is squared.
    pub variance: f64,
    /// Its variance where the events of a unit did not depend on each other, at most one a unit and time.
    pub independent_variance: f64,
    /// Lower end of the pointwise band.
    pub low: f64,
    /// Upper end of it.
    pub high: f64,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    /// Units enter after the events of their first moment and leave after those of their last.
    Event,
    Enter,
    Leave,
}

/// The mean cumulative function of `units` at every time that has events (Nelson 1988), with the band of this
/// `level` in (0, 1) from the robust variance, on the logarithm, so that it stays above 0.
///
/// A unit counts as watched in `(from, to]`. Cost grows with the number of events, not with events times units.
///
/// # Errors
/// No units; a level out of range; times that are not finite, not sorted, or not within `(from, to]`.
///
/// ```
/// use forewarn_models::{UnitHistory, mean_cumulative};
/// let unit = |to_days, events_days| UnitHistory { from_days: 0.0, to_days, events_days };
/// let points = mean_cumulative(&[unit(10.0, &[2.0, 7.0]), unit(5.0, &[])], 0.8)?;
/// assert_eq!(points.iter().map(|p| (p.n_at_risk, p.mcf)).collect::<Vec<_>>(), [(2, 0.5), (1, 1.5)]);
/// assert!(mean_cumulative(&[unit(1.0, &[2.0])], 0.8).is_err(), "an event after the end");
/// # Ok::<(), forewarn_models::ModelError>(())
/// ```
pub fn mean_cumulative(units: &[UnitHistory<'_>], level: f64) -> Result<Vec<McfPoint>, ModelError> {
    if units.is_empty() {
        return Err(ModelError::Empty { what: "units" });
    }
    in_range(level > 0.0 && level < 1.0, "level", level, "in (0, 1)")?;
    let mut steps: Vec<(f64, Step, usize)> = Vec::new();
    for (k, u) in units.iter().enumerate() {
        let span = u.from_days.is_finite() && u.to_days.is_finite() && u.from_days <= u.to_days;
        in_range(span, "to_days", u.to_days, "finite, not before from_days")?;
        steps.push((u.from_days, Step::Enter, k));
        steps.push((u.to_days, Step::Leave, k));
        let mut last = u.from_days;
        for (i, t) in u.events_days.iter().enumerate() {
            let inside = (*t > last || (i > 0 && *t == last)) && *t <= u.to_days;
            in_range(inside, "events_days", *t, "sorted, within (from_days, to_days]")?;
            last = *t;
            steps.push((*t, Step::Event, k));
        }
    }
    steps.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)).then(a.2.cmp(&b.2)));
    let z = normal_half_width(level);
    let mut band = Band { entered: vec![0.0; units.len()], own: vec![0.0; units.len()], ..Band::default() };
    let mut points: Vec<McfPoint> = Vec::new();
    let mut at = 0;
    while at < steps.len() {
        let (time, step, _) = steps[at];
        let same = steps[at..].iter().take_while(|s| s.0 == time && s.1 == step).count();
        let who = steps[at..at + same].iter().map(|s| s.2);
        match step {
            Step::Enter => who.for_each(|k| band.enter(k)),
            Step::Leave => who.for_each(|k| band.leave(k)),
            Step::Event => {
                band.events(who, same as f64);
                let variance = band.variance();
                let width = if band.mcf > 0.0 { (z * variance.sqrt() / band.mcf).exp() } else { 1.0 };
                points.push(McfPoint {
                    time_days: time,
                    n_at_risk: band.n,
                    mcf: band.mcf,
                    variance,
                    independent_variance: band.independent,
                    low: band.mcf / width,
                    high: band.mcf * width,
                });
            }
        }
        at += same;
    }
    Ok(points)
}

/// Sums from which the robust variance follows at any time. The deviation of a unit is what its own events added
/// minus what the mean added while it was watched.
#[derive(Default)]
struct Band {
    n: usize,
    mcf: f64,
    independent: f64,
    /// What the mean has taken from every watched unit so far.
    taken: f64,
    /// `taken` when each unit entered, and what each unit's own events added.
    entered: Vec<f64>,
    own: Vec<f64>,
    /// Sum and sum of squares of `own + entered` over watched units.
    sum: f64,
    squares: f64,
    /// Squares of the deviations of units that left.
    left: f64,
}

impl Band {
    fn enter(&mut self, k: usize) {
        self.entered[k] = self.taken;
        let x = self.own[k] + self.taken;
        self.n += 1;
        self.sum += x;
        self.squares += x * x;
    }

    fn leave(&mut self, k: usize) {
        let x = self.own[k] + self.entered[k];
        self.n -= 1;
        self.sum -= x;
        self.squares -= x * x;
        self.left += (x - self.taken).powi(2);
        if self.n == 0 {
            // Rounding must not outlive the last unit.
            (self.sum, self.squares) = (0.0, 0.0);
        }
    }

    fn events(&mut self, who: impl Iterator<Item = usize>, d: f64) {
        let r = self.n as f64;
        self.mcf += d / r;
        // One term an event, as if each came at a moment of its own.
        self.independent += d * (1.0 - 1.0 / r) / (r * r);
        self.taken += d / (r * r);
        for k in who {
            let before = self.own[k] + self.entered[k];
            self.own[k] += 1.0 / r;
            let after = self.own[k] + self.entered[k];
            self.sum += after - before;
            self.squares += after * after - before * before;
        }
    }

    fn variance(&self) -> f64 {
        let t = self.taken;
        (self.left + self.squares - 2.0 * t * self.sum + t * t * self.n as f64).max(0.0)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::rng::{generator, uniform};

    /// Valve seats of 41 diesel engines (Nelson and Doganaksoy 1989; Nelson 1995): the last age of each engine and
    /// the ages at which seats were replaced.
    const VALVES: [(f64, &[f64]); 41] = [
        (761.0, &[]),
        (759.0, &[]),
        (667.0, &[98.0]),
        (667.0, &[326.0, 653.0, 653.0]),
        (665.0, &[]),
        (667.0, &[84.0]),
        (663.0, &[87.0]),
        (653.0, &[646.0]),
        (653.0, &[92.0]),
        (651.0, &[]),
        (650.0, &[258.0, 328.0, 377.0, 621.0]),
        (648.0, &[61.0, 539.0]),
        (644.0, &[254.0, 276.0, 298.0, 640.0]),
        (642.0, &[76.0, 538.0]),
        (641.0, &[635.0]),
        (649.0, &[349.0, 404.0, 561.0]),
        (631.0, &[]),
        (596.0, &[]),
        (614.0, &[120.0, 479.0]),
        (582.0, &[323.0, 449.0]),
        (589.0, &[139.0, 139.0]),
        (593.0, &[]),
        (589.0, &[573.0]),
        (606.0, &[165.0, 408.0, 604.0]),
        (594.0, &[249.0]),
        (613.0, &[344.0, 497.0]),
        (595.0, &[265.0, 586.0]),
        (389.0, &[166.0, 206.0, 348.0]),
        (601.0, &[]),
        (601.0, &[410.0, 581.0]),
        (611.0, &[]),
        (608.0, &[]),
        (587.0, &[]),
        (603.0, &[367.0]),
        (585.0, &[202.0, 563.0, 570.0]),
        (587.0, &[]),
        (578.0, &[]),
        (578.0, &[]),
        (586.0, &[]),
        (585.0, &[]),
        (582.0, &[]),
    ];

    fn valves() -> Vec<UnitHistory<'static>> {
        VALVES.iter().map(|(to, e)| UnitHistory { from_days: 0.0, to_days: *to, events_days: e }).collect()
    }

    /// Time; mean cumulative function; variance of independent events as `MCF_nonparametric` of the Python package
    /// `reliability` 0.9.0 prints it; robust variance of Lawless and Nadeau as `surpyval` 0.25 gives it.
    const PRINTED: [(f64, f64, f64, f64); 12] = [
        (61.0, 0.024_390_2, 0.000_580_375, 0.000_580_375),
        (76.0, 0.048_780_5, 0.001_160_75, 0.001_131_731),
        (139.0, 0.219_512, 0.005_223_37, 0.005_368_465),
        (298.0, 0.463_415, 0.011_027_1, 0.012_013_755),
        (377.0, 0.658_537, 0.015_670_1, 0.017_382_22),
        (404.0, 0.683_537, 0.016_279_5, 0.018_479_4),
        (573.0, 0.958_537, 0.022_982_6, 0.028_546_854),
        (581.0, 0.984_852, 0.023_656_9, 0.029_310_672),
        (604.0, 1.059_72, 0.026_468_7, 0.034_247_569),
        (640.0, 1.243_54, 0.037_049_6, 0.051_222_742),
        (646.0, 1.320_47, 0.042_511_6, 0.052_214_606),
        (653.0, 1.542_69, 0.064_459_5, 0.097_129_509),
    ];

    #[test]
    fn valve_seats_agree_with_published_results() {
        let points = mean_cumulative(&valves(), 0.9).unwrap();
        assert_eq!(points.len(), 46);
        for (time, mcf, independent, robust) in PRINTED {
            let p = points.iter().find(|p| p.time_days == time).unwrap();
            assert!((p.mcf - mcf).abs() < 6e-6, "{time}: {}", p.mcf);
            assert!(
                (p.independent_variance - independent).abs() < 6e-8,
                "{time}: {}",
                p.independent_variance
            );
            assert!((p.variance - robust).abs() < 1e-9, "{time}: {}", p.variance);
        }
        // The ends that `reliability` prints for its first point (`CI=0.95`, one side).
        assert!((points[0].low - 0.004_804_31).abs() < 1e-8 && (points[0].high - 0.123_823).abs() < 1e-6);
    }

    #[test]
    fn the_sums_are_the_definition() {
        let mut rng = generator(3, 0);
        let histories: Vec<(f64, f64, Vec<f64>)> = (0..40)
            .map(|_| {
                let from = (uniform(&mut rng) * 30.0).floor();
                let to = from + 20.0 + (uniform(&mut rng) * 60.0).floor();
                let mut events: Vec<f64> = (0..(uniform(&mut rng) * 5.0) as usize)
                    .map(|_| from + 1.0 + (uniform(&mut rng) * (to - from - 1.0)).floor())
                    .collect();
                events.sort_by(f64::total_cmp);
                (from, to, events)
            })
            .collect();
        let units: Vec<UnitHistory<'_>> = histories
            .iter()
            .map(|h| UnitHistory { from_days: h.0, to_days: h.1, events_days: &h.2 })
            .collect();
        let points = mean_cumulative(&units, 0.8).unwrap();
        let mut deviations = vec![0.0; units.len()];
        for p in &points {
            let at = |u: &UnitHistory<'_>| u.from_days < p.time_days && p.time_days <= u.to_days;
            let n = |u: &UnitHistory<'_>| u.events_days.iter().filter(|t| **t == p.time_days).count() as f64;
            let r = units.iter().filter(|u| at(u)).count() as f64;
            let d: f64 = units.iter().map(n).sum();
            for (u, v) in units.iter().zip(&mut deviations) {
                *v += if at(u) { (n(u) - d / r) / r } else { 0.0 };
            }
            let variance: f64 = deviations.iter().map(|v| v * v).sum();
            assert!((p.variance - variance).abs() < 1e-12 && p.n_at_risk as f64 == r, "{p:?} {variance}");
            assert!(p.low <= p.mcf && p.mcf <= p.high);
        }
    }

    #[test]
    fn impossible_histories_are_refused() {
        let check = |from_days, to_days, events_days: &[f64]| {
            assert!(mean_cumulative(&[UnitHistory { from_days, to_days, events_days }], 0.8).is_err());
        };
        check(0.0, 5.0, &[0.0]);
        check(0.0, 5.0, &[3.0, 2.0]);
        check(0.0, f64::NAN, &[]);
        check(5.0, 4.0, &[]);
        assert!(mean_cumulative(&[], 0.8).is_err());
        assert!(
            mean_cumulative(&[UnitHistory { from_days: 1.0, to_days: 1.0, events_days: &[] }], 0.8)
                .unwrap()
                .is_empty()
        );
    }
}
