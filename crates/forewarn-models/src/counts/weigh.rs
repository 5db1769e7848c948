//! Whom to believe: the weights of the candidates for each series, from their errors at earlier origins, shrunk to those
//! of all series of like size. It does not know how a candidate works.

use super::calendar::CountCalendar;
use super::candidates::{LEANINGS, N};
use super::rolled::Rolled;

/// Own errors weigh as those of all series of like size after so many forecasts.
const OWN_ROWS: f64 = 20.0;
/// How sharply weights fall with the loss in the class: 0 weighs all alike, infinity picks the best.
const CLASS_SHARPNESS: f64 = 6.0;
/// How sharply weights fall as a series' own loss exceeds what its class lets expect.
const SHARPNESS: f64 = 10.0;
/// A weight below this part of the largest is dropped.
const DROP_BELOW: f64 = 0.05;
/// A forecast weighs half after so many horizons.
const FADE: f64 = 6.0;
/// A forecast is judged as if it were at least this: a zero is never certain.
const LEAST_MEAN: f64 = 0.01;
/// Bounds of the sizes (mean tickets a period) of series that are alike.
const SIZES: [f64; 3] = [0.5, 3.0, 15.0];
/// The part of the squared mean that is added to the variance when errors are judged: a burst counts, but not for all.
const JUDGED_SPREAD: f64 = 0.3;

/// The class of a series by its mean tickets a period.
pub(super) fn size_class(mean: f64) -> usize {
    SIZES.iter().filter(|s| mean >= **s).count()
}

/// How many classes there are.
pub(super) const N_CLASSES: usize = SIZES.len() + 1;

/// The deviance of a count from a negative binomial of that mean (McCullagh and Nelder 1989, section 11.2).
fn loss(y: f64, mean: f64) -> f64 {
    let m = mean.max(LEAST_MEAN);
    let own = if y > 0.0 { y * (y / m).ln() } else { 0.0 };
    2.0 * (own - (y + 1.0 / JUDGED_SPREAD) * ((1.0 + JUDGED_SPREAD * y) / (1.0 + JUDGED_SPREAD * m)).ln())
}

/// Losses of candidates, and how many forecasts they are of.
#[derive(Debug, Clone, Copy)]
struct Losses {
    sum: [f64; N],
    rows: f64,
}

impl Losses {
    const NONE: Self = Self { sum: [0.0; N], rows: 0.0 };

    fn add(&mut self, other: &Self) {
        for (a, b) in self.sum.iter_mut().zip(&other.sum) {
            *a += b;
        }
        self.rows += other.rows;
    }
}

/// Losses of one series of what was said before `by`, of periods that were over then.
fn losses(y: &[f64], calendar: &CountCalendar, rolled: &Rolled, by: usize) -> Losses {
    let mut out = Losses::NONE;
    for said in rolled.earlier.iter().filter(|s| s.at < by) {
        for (j, means) in said.means.iter().enumerate() {
            let t = said.at + j;
            if t >= by || !calendar.judges(t) {
                continue;
            }
            let weight = 0.5_f64.powf((by - t) as f64 / (FADE * said.means.len() as f64));
            for (sum, mean) in out.sum.iter_mut().zip(means) {
                *sum += weight * loss(y[t], *mean);
            }
            out.rows += weight;
        }
    }
    out
}

/// The weights of one series from its own losses and those of its class.
fn weights(own: &Losses, class: &Losses) -> [f64; N] {
    let mean_own = if own.rows > 0.0 { own.sum.iter().sum::<f64>() / (own.rows * N as f64) } else { 1.0 };
    let mean_class = if class.rows > 0.0 {
        (class.sum.iter().sum::<f64>() / (class.rows * N as f64)).max(1e-9)
    } else {
        1.0
    };
    let score: Vec<f64> = (0..N)
        .map(|c| {
            // What the class says of this candidate, on the scale of this series.
            let borrowed = if class.rows > 0.0 { class.sum[c] / class.rows / mean_class } else { 1.0 };
            let scale = if mean_own > 1e-9 { mean_own } else { 1.0 };
            let own_part = if own.rows > 0.0 { own.sum[c] / scale } else { 0.0 };
            let borrowed = borrowed.max(1e-3);
            let ratio = ((own_part + OWN_ROWS * borrowed) / (own.rows + OWN_ROWS)).max(1e-9) / borrowed;
            borrowed.powf(CLASS_SHARPNESS) * ratio.powf(SHARPNESS)
        })
        .collect();
    let best = score.iter().copied().fold(f64::INFINITY, f64::min);
    let mut out = [0.0; N];
    for ((w, s), leaning) in out.iter_mut().zip(&score).zip(LEANINGS) {
        *w = best / s * leaning;
    }
    let most = out.iter().copied().fold(0.0, f64::max);
    for w in &mut out {
        if *w < DROP_BELOW * most {
            *w = 0.0;
        }
    }
    let sum: f64 = out.iter().sum();
    out.map(|w| w / sum)
}

/// The weights of every series at the origins and now: `[origin or last][series]`.
pub(super) fn weigh(
    series: &[Vec<f64>],
    calendar: &CountCalendar,
    rolled: &[Rolled],
    classes: &[usize],
    origins: &[usize],
) -> Vec<Vec<[f64; N]>> {
    origins
        .iter()
        .map(|by| {
            let own: Vec<Losses> =
                series.iter().zip(rolled).map(|(y, r)| losses(y, calendar, r, *by)).collect();
            let mut class = [Losses::NONE; N_CLASSES];
            for (l, c) in own.iter().zip(classes) {
                // Each forecast of a class counts alike, however large its series.
                class[*c].add(l);
            }
            own.iter().zip(classes).map(|(l, c)| weights(l, &class[*c])).collect()
        })
        .collect()
}
