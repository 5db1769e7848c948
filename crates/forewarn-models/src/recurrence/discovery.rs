//! False-discovery control: of the verdicts that are given, at most so many wrong ones. It does not know what was
//! tested.

/// The q-values of p-values (Benjamini and Hochberg 1995): verdicts at `q <= x` hold a share of at most `x` false
/// ones in expectation, where the tests are independent or go the same way. NaN (not tested) stays NaN and does not
/// count. Same order as the input.
///
/// ```
/// use forewarn_models::benjamini_hochberg;
/// let q = benjamini_hochberg(&[0.01, f64::NAN, 0.04, 0.03]);
/// assert_eq!((q[0], q[2], q[3]), (0.03, 0.04, 0.04));
/// assert!(q[1].is_nan() && benjamini_hochberg(&[]).is_empty());
/// ```
pub fn benjamini_hochberg(p: &[f64]) -> Vec<f64> {
    adjusted(p, |_| 1.0)
}

/// As [`benjamini_hochberg`], but right however the tests depend on each other (Benjamini and Yekutieli 2001);
/// larger by the sum `1 + 1/2 + … + 1/m`.
///
/// ```
/// use forewarn_models::benjamini_yekutieli;
/// assert!((benjamini_yekutieli(&[0.01, 0.02])[0] - 0.03).abs() < 1e-15);
/// assert_eq!(benjamini_yekutieli(&[0.9]), [0.9]);
/// ```
pub fn benjamini_yekutieli(p: &[f64]) -> Vec<f64> {
    adjusted(p, |m| (1..=m).map(|i| 1.0 / i as f64).sum())
}

fn adjusted(p: &[f64], factor: impl Fn(usize) -> f64) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p.len()).filter(|&i| !p[i].is_nan()).collect();
    order.sort_by(|&a, &b| p[a].total_cmp(&p[b]).then(a.cmp(&b)));
    let (m, factor) = (order.len(), factor(order.len()));
    let mut q = vec![f64::NAN; p.len()];
    let mut least = 1.0_f64;
    for (rank, &i) in order.iter().enumerate().rev() {
        least = least.min(p[i] * m as f64 * factor / (rank + 1) as f64);
        q[i] = least;
    }
    q
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_1995() {
        // Benjamini and Hochberg (1995), section 3.2: 15 p-values, of which 4 are rejected at 0.05.
        let p = [
            0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719,
            0.6528, 0.7590, 1.0,
        ];
        let q = benjamini_hochberg(&p);
        assert_eq!(q.iter().filter(|q| **q <= 0.05).count(), 4);
        assert!(q.windows(2).all(|w| w[0] <= w[1]) && q.iter().zip(&p).all(|(q, p)| q >= p));
        assert_eq!(benjamini_yekutieli(&p).iter().filter(|q| **q <= 0.05).count(), 3);
    }
}
