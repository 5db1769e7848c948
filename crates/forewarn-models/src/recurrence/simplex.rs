//! A minimum without slopes: the simplex of Nelder and Mead (1965). It does not know what it minimizes.

/// The point where `f` is least, sought from `start` with steps of `step`; at most `n` evaluations. Deterministic.
pub(crate) fn minimize<const D: usize>(
    f: impl Fn(&[f64; D]) -> f64,
    start: [f64; D],
    step: f64,
    n: usize,
) -> ([f64; D], f64) {
    let mut points: Vec<([f64; D], f64)> = vec![(start, f(&start))];
    for d in 0..D {
        let mut p = start;
        p[d] += step;
        points.push((p, f(&p)));
    }
    let mut used = D + 1;
    while used < n {
        points.sort_by(|a, b| a.1.total_cmp(&b.1));
        let (best, worst) = (points[0], points[D]);
        let spread =
            points.iter().flat_map(|p| (0..D).map(|d| (p.0[d] - best.0[d]).abs())).fold(0.0, f64::max);
        if spread < 1e-3 {
            break;
        }
        let mut centre = [0.0; D];
        for p in &points[..D] {
            (0..D).for_each(|d| centre[d] += p.0[d] / D as f64);
        }
        let along = |t: f64| {
            let mut p = centre;
            (0..D).for_each(|d| p[d] += t * (worst.0[d] - centre[d]));
            (p, f(&p))
        };
        let reflected = along(-1.0);
        used += 1;
        if reflected.1 < best.1 {
            let expanded = along(-2.0);
            used += 1;
            points[D] = if expanded.1 < reflected.1 { expanded } else { reflected };
        } else if reflected.1 < points[D - 1].1 {
            points[D] = reflected;
        } else {
            let contracted = along(if reflected.1 < worst.1 { -0.5 } else { 0.5 });
            used += 1;
            if contracted.1 < worst.1.min(reflected.1) {
                points[D] = contracted;
            } else {
                for p in &mut points[1..] {
                    (0..D).for_each(|d| p.0[d] = 0.5 * (p.0[d] + best.0[d]));
                    p.1 = f(&p.0);
                }
                used += D;
            }
        }
    }
    points.sort_by(|a, b| a.1.total_cmp(&b.1));
    points[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bent_valley_is_followed() {
        let (at, value) = minimize(
            |p: &[f64; 2]| (1.0 - p[0]).powi(2) + 100.0 * (p[1] - p[0] * p[0]).powi(2),
            [-1.2, 1.0],
            0.5,
            500,
        );
        assert!((at[0] - 1.0).abs() < 0.01 && value < 1e-4, "{at:?} {value}");
    }
}
