//! Whether forecasts of like series lean one way: the factor by which all of them came out too high or too low at earlier
//! origins, believed as far as the origins agree. It does not know who spoke.

use super::spread::Tried;
use super::weigh::N_CLASSES;

/// A factor never moves a forecast further than this, either way.
const FARTHEST: f64 = 1.6;
/// How many standard errors of its own a lean must exceed to be believed half.
const HALF_BELIEVED: f64 = 4.0;
/// Fewer origins agree by chance.
const LEAST_ORIGINS: usize = 3;
/// Fewer tickets tell nothing.
const LEAST_TICKETS: f64 = 30.0;

/// The factor from pairs of what was said and what came, one pair an origin; `overlap` says by how much the windows of
/// neighboring origins overlap (2: each period lies in two).
fn factor(origins: &[(f64, f64)], overlap: f64) -> f64 {
    let used: Vec<(f64, f64)> = origins.iter().copied().filter(|o| o.0 > 0.0).collect();
    let (said, came) = used.iter().fold((0.0, 0.0), |s, o| (s.0 + o.0, s.1 + o.1));
    if used.len() < LEAST_ORIGINS || said < LEAST_TICKETS {
        return 1.0;
    }
    // The ratio estimator and its standard error (Cochran 1977, section 6.4), on the scale of logarithms.
    let ratio = (came + 1.0) / (said + 1.0);
    let n = used.len() as f64;
    let residual: f64 = used.iter().map(|(s, c)| (c - ratio * s).powi(2)).sum::<f64>() / (n - 1.0);
    let error = (residual * n * overlap.max(1.0)).sqrt() / (came + 1.0);
    let lean = ratio.ln();
    let believed = lean * lean / (lean * lean + (HALF_BELIEVED * error).powi(2) + 1e-12);
    (lean * believed).exp().clamp(1.0 / FARTHEST, FARTHEST)
}

/// The factors by moment and class of series, each moment told only what was over by then.
pub(super) fn factors(
    tried: &[Vec<Tried>],
    classes: &[usize],
    moments: &[usize],
    overlap: f64,
) -> Vec<[f64; N_CLASSES]> {
    moments
        .iter()
        .enumerate()
        .map(|(now, by)| {
            let mut pairs = vec![vec![(0.0, 0.0); now]; N_CLASSES];
            for (rows, class) in tried.iter().zip(classes) {
                for row in rows.iter().filter(|r| r.moment < now && r.at < *by) {
                    let pair = &mut pairs[*class][row.moment];
                    pair.0 += row.mean;
                    pair.1 += row.actual;
                }
            }
            std::array::from_fn(|class| factor(&pairs[class], overlap))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_that_agree_are_believed_and_others_are_not() {
        let steady = factor(&[(100.0, 70.0), (120.0, 84.0), (90.0, 63.0), (110.0, 77.0)], 2.0);
        assert!((0.68..0.75).contains(&steady), "{steady}");
        let mixed = factor(&[(100.0, 20.0), (120.0, 190.0), (90.0, 160.0), (110.0, 15.0)], 2.0);
        assert!((0.95..1.05).contains(&mixed), "{mixed}");
        assert_eq!(factor(&[(100.0, 50.0)], 1.0), 1.0, "one origin");
        assert_eq!(factor(&[(1.0, 0.0), (1.0, 0.0), (1.0, 0.0)], 1.0), 1.0, "three tickets");
        assert!(factor(&[(100.0, 0.0), (100.0, 0.0), (100.0, 0.0)], 1.0) >= 1.0 / FARTHEST);
    }
}
