//! A small weighted logistic regression whose slopes may not be negative: the engine of calibrators and
//! blends, for few columns and many rows. It does not know what it calibrates.

use crate::special::{logit, sigmoid, softplus};

/// Intercept and non-negative slopes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SmallFit {
    pub(crate) slopes: Vec<f64>,
    pub(crate) intercept: f64,
}

/// Minimizes `Σ w · log loss(target) + ½ (θ - prior)' Q (θ - prior)` over slopes `θ >= 0` and a free
/// intercept.
///
/// `features` are columns of equal length, targets lie in [0, 1] with a mean inside (0, 1), `penalty` is `Q`
/// row by row. Each Newton step solves its quadratic problem under the bounds by coordinate descent, then is
/// halved until the loss falls.
pub(crate) fn fit_nonnegative(
    features: &[&[f64]],
    targets: &[f64],
    weights: &[f64],
    penalty: &[f64],
    prior: &[f64],
) -> SmallFit {
    let m = features.len();
    let total: f64 = weights.iter().sum();
    let mean = |v: &[f64]| v.iter().zip(weights).map(|(v, w)| v * w).sum::<f64>() / total;
    // Centering parts the intercept from the slopes, so that coordinate descent converges quickly.
    let means: Vec<f64> = features.iter().map(|f| mean(f)).collect();
    let mut theta = prior.to_vec();
    let mut intercept = logit(mean(targets));
    let line = |theta: &[f64], intercept: f64| -> Vec<f64> {
        (0..targets.len())
            .map(|i| {
                features
                    .iter()
                    .zip(theta)
                    .zip(&means)
                    .fold(intercept, |z, ((f, t), mean)| z + t * (f[i] - mean))
            })
            .collect()
    };
    let quadratic = |theta: &[f64]| -> f64 {
        let d: Vec<f64> = theta.iter().zip(prior).map(|(t, p)| t - p).collect();
        (0..m).map(|i| (0..m).map(|j| d[i] * penalty[i * m + j] * d[j]).sum::<f64>()).sum::<f64>() * 0.5
    };
    let loss = |z: &[f64], theta: &[f64]| -> f64 {
        z.iter().zip(targets).zip(weights).map(|((z, y), w)| w * (softplus(*z) - y * z)).sum::<f64>()
            + quadratic(theta)
    };
    let mut z = line(&theta, intercept);
    let mut current = loss(&z, &theta);
    for _ in 0..100 {
        let n = m + 1;
        let mut hessian = vec![0.0; n * n];
        let mut gradient = vec![0.0; n];
        let mut x = vec![1.0; n];
        for i in 0..targets.len() {
            let q = sigmoid(z[i]);
            let (r, h) = (weights[i] * (q - targets[i]), weights[i] * q * sigmoid(-z[i]));
            for (x, (f, mean)) in x.iter_mut().zip(features.iter().zip(&means)) {
                *x = f[i] - mean;
            }
            for a in 0..n {
                gradient[a] += r * x[a];
                for b in 0..=a {
                    hessian[a * n + b] += h * x[a] * x[b];
                }
            }
        }
        for a in 0..m {
            for b in 0..m {
                gradient[a] += penalty[a * m + b] * (theta[b] - prior[b]);
                if b <= a {
                    hessian[a * n + b] += penalty[a * m + b];
                }
            }
        }
        for a in 0..n {
            // Keeps a flat direction from dividing by zero; far below any real information.
            hessian[a * n + a] += 1e-12 * total;
            for b in a + 1..n {
                hessian[a * n + b] = hessian[b * n + a];
            }
        }
        let step = bounded_step(&hessian, &gradient, &theta);
        let mut length = 1.0;
        let before = current;
        while length > 1e-9 {
            let next: Vec<f64> = theta.iter().zip(&step).map(|(t, s)| (t + length * s).max(0.0)).collect();
            let next_intercept = intercept + length * step[m];
            let next_z = line(&next, next_intercept);
            let next_loss = loss(&next_z, &next);
            if next_loss < current {
                (theta, intercept, z, current) = (next, next_intercept, next_z, next_loss);
                break;
            }
            length *= 0.5;
        }
        if before - current <= 1e-14 * current.abs() {
            break;
        }
    }
    let shift: f64 = theta.iter().zip(&means).map(|(t, mean)| t * mean).sum();
    SmallFit { slopes: theta, intercept: intercept - shift }
}

/// The step that minimizes `g'd + ½ d'Hd` where all but the last coordinate of `θ + d` stay at 0 or above.
fn bounded_step(hessian: &[f64], gradient: &[f64], theta: &[f64]) -> Vec<f64> {
    let n = gradient.len();
    let mut step = vec![0.0; n];
    for _ in 0..2000 {
        let mut largest = 0.0_f64;
        for a in 0..n {
            let slope = gradient[a] + (0..n).map(|b| hessian[a * n + b] * step[b]).sum::<f64>();
            let mut next = step[a] - slope / hessian[a * n + a];
            if a < theta.len() {
                next = next.max(-theta[a]);
            }
            largest = largest.max((next - step[a]).abs());
            step[a] = next;
        }
        if largest < 1e-12 {
            break;
        }
    }
    step
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_conditions_of_an_optimum_hold() {
        let x: Vec<f64> = (0..400).map(|i| f64::from(i % 20) / 10.0 - 1.0).collect();
        let wave: Vec<f64> = (0..400).map(|i| (f64::from(i) * 0.7).sin() - 0.4 * x[i as usize]).collect();
        let against: Vec<f64> = x.iter().zip(&wave).map(|(v, n)| 0.5 * n - v.powi(3)).collect();
        let y: Vec<f64> = (0..400)
            .map(|i| f64::from(u8::from(sigmoid(2.0 * x[i]) > (i / 20) as f64 / 20.0 + 0.02)))
            .collect();
        let features: [&[f64]; 3] = [&x, &wave, &against];
        let fit = fit_nonnegative(&features, &y, &[1.0; 400], &[0.0; 9], &[0.3; 3]);
        let residual: Vec<f64> = (0..400)
            .map(|i| {
                sigmoid(features.iter().zip(&fit.slopes).fold(fit.intercept, |z, (f, t)| z + t * f[i])) - y[i]
            })
            .collect();
        assert!(residual.iter().sum::<f64>().abs() < 1e-6);
        for (f, t) in features.iter().zip(&fit.slopes) {
            let gradient: f64 = f.iter().zip(&residual).map(|(f, r)| f * r).sum();
            assert!(
                *t >= 0.0 && if *t > 0.0 { gradient.abs() < 1e-5 } else { gradient > -1e-6 },
                "{t} {gradient}"
            );
        }
        assert!(fit.slopes.contains(&0.0) && fit.slopes[0] > 1.0, "{fit:?}");
    }
}
