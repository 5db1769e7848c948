//! Special functions: logistic pair, log gamma, incomplete gamma and beta functions and their quantiles. It
//! does not know data.

/// `1 / (1 + e^-z)`, without overflow.
pub fn sigmoid(z: f64) -> f64 {
    if z >= 0.0 {
        1.0 / (1.0 + (-z).exp())
    } else {
        let e = z.exp();
        e / (1.0 + e)
    }
}

/// [`sigmoid`] to 1e-10 of itself or of its distance to 1, the same bits on every machine, and several at once where a loop
/// asks for many: for sums that are kept in single precision.
pub(crate) fn quick_sigmoid(z: f64) -> f64 {
    /// 1.5 times 2 to the 52nd: adding it rounds to a whole number, which is then in the low bits.
    const ROUND: f64 = 6_755_399_441_055_744.0;
    const INVERSES: [f64; 9] =
        [1.0 / 9.0, 1.0 / 8.0, 1.0 / 7.0, 1.0 / 6.0, 1.0 / 5.0, 1.0 / 4.0, 1.0 / 3.0, 1.0 / 2.0, 1.0];
    // e^-z = 2^k e^r with whole k and |r| <= ln 2 / 2.
    let by_two = -z.clamp(-700.0, 700.0) * std::f64::consts::LOG2_E;
    let rounded = by_two + ROUND;
    let r = (by_two - (rounded - ROUND)) * std::f64::consts::LN_2;
    let power = f64::from_bits(rounded.to_bits().wrapping_add(1023) << 52);
    let mut e = 1.0;
    // Taylor's series to the ninth power, whose rest is below 1e-11.
    for inverse in INVERSES {
        e = 1.0 + e * r * inverse;
    }
    1.0 / (1.0 + e * power)
}

/// `ln(p / (1 - p))`; ±∞ at 1 and 0.
pub fn logit(p: f64) -> f64 {
    p.ln() - (-p).ln_1p()
}

/// `ln(1 + e^z)`, without overflow.
pub(crate) fn softplus(z: f64) -> f64 {
    z.max(0.0) + (-z.abs()).exp().ln_1p()
}

/// `ln Γ(x)` for `x > 0` (Lanczos 1964, g = 7, the nine coefficients of Godfrey 2001).
pub fn ln_gamma(x: f64) -> f64 {
    const C: [f64; 9] = [
        0.999_999_999_999_809_9,
        676.520_368_121_885_1,
        -1_259.139_216_722_402_8,
        771.323_428_777_653_1,
        -176.615_029_162_140_6,
        12.507_343_278_686_905,
        -0.138_571_095_265_720_12,
        9.984_369_578_019_572e-6,
        1.505_632_735_149_311_6e-7,
    ];
    if x < 0.5 {
        // The reflection formula keeps small arguments accurate.
        return (std::f64::consts::PI / (std::f64::consts::PI * x).sin()).ln() - ln_gamma(1.0 - x);
    }
    let x = x - 1.0;
    let t = x + 7.5;
    let sum = C[1..].iter().enumerate().fold(C[0], |s, (i, c)| s + c / (x + i as f64 + 1.0));
    0.5 * (2.0 * std::f64::consts::PI).ln() + (x + 0.5) * t.ln() - t + sum.ln()
}

/// Regularized lower incomplete gamma function `P(a, x)`, `a > 0`, `x >= 0`: a series below `a + 1`, Lentz's
/// continued fraction above (Press et al. 2007, section 6.2).
pub fn gamma_p(a: f64, x: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    let front = (a * x.ln() - x - ln_gamma(a)).exp();
    if x < a + 1.0 {
        let (mut term, mut sum, mut n) = (1.0 / a, 1.0 / a, a);
        for _ in 0..100_000 {
            n += 1.0;
            term *= x / n;
            sum += term;
            if term < sum * 1e-17 {
                break;
            }
        }
        (front * sum).min(1.0)
    } else {
        let tiny = 1e-300;
        let mut b = x + 1.0 - a;
        let mut c = 1.0 / tiny;
        let mut d = 1.0 / b;
        let mut h = d;
        for i in 1..100_000 {
            let an = -f64::from(i) * (f64::from(i) - a);
            b += 2.0;
            d = 1.0 / nonzero(an * d + b, tiny);
            c = nonzero(b + an / c, tiny);
            h *= d * c;
            if (d * c - 1.0).abs() < 1e-16 {
                break;
            }
        }
        (1.0 - front * h).clamp(0.0, 1.0)
    }
}

/// Regularized incomplete beta function `I_x(a, b)`, `a, b > 0`, `0 <= x <= 1`, by Lentz's continued fraction
/// (Press et al. 2007, section 6.4).
pub fn beta_p(a: f64, b: f64, x: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    if x >= 1.0 {
        return 1.0;
    }
    let front = (ln_gamma(a + b) - ln_gamma(a) - ln_gamma(b) + a * x.ln() + b * (-x).ln_1p()).exp();
    if x < (a + 1.0) / (a + b + 2.0) {
        (front * beta_fraction(a, b, x) / a).clamp(0.0, 1.0)
    } else {
        (1.0 - front * beta_fraction(b, a, 1.0 - x) / b).clamp(0.0, 1.0)
    }
}

fn beta_fraction(a: f64, b: f64, x: f64) -> f64 {
    let tiny = 1e-300;
    let mut c = 1.0;
    let mut d = 1.0 / nonzero(1.0 - (a + b) * x / (a + 1.0), tiny);
    let mut h = d;
    for m in 1..100_000 {
        let m = f64::from(m);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        d = 1.0 / nonzero(1.0 + even * d, tiny);
        c = nonzero(1.0 + even / c, tiny);
        h *= d * c;
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        d = 1.0 / nonzero(1.0 + odd * d, tiny);
        c = nonzero(1.0 + odd / c, tiny);
        h *= d * c;
        if (d * c - 1.0).abs() < 1e-16 {
            break;
        }
    }
    h
}

fn nonzero(v: f64, tiny: f64) -> f64 {
    if v.abs() < tiny { tiny } else { v }
}

/// The `q` quantile of a gamma distribution of this `shape` and `rate` (both > 0); `q` in `[0, 1)`.
///
/// ```
/// use forewarn_models::{gamma_p, gamma_quantile};
/// let x = gamma_quantile(0.9, 2.5, 10.0);
/// assert!((gamma_p(2.5, 10.0 * x) - 0.9).abs() < 1e-12);
/// ```
pub fn gamma_quantile(q: f64, shape: f64, rate: f64) -> f64 {
    if q <= 0.0 {
        return 0.0;
    }
    let mut high = shape.max(1.0);
    while gamma_p(shape, high) < q && high < 1e300 {
        high *= 2.0;
    }
    let ln_norm = ln_gamma(shape);
    // Bisecting on the logarithm reaches quantiles near zero, which small shapes have.
    bisect_newton(
        (-700.0, high.ln()),
        shape.ln(),
        |t| gamma_p(shape, t.exp()) - q,
        |t| (shape * t - t.exp() - ln_norm).exp(),
    )
    .exp()
        / rate
}

/// The `q` quantile of a beta distribution, `a, b > 0`, `q` in `[0, 1]`.
///
/// ```
/// use forewarn_models::{beta_p, beta_quantile};
/// let x = beta_quantile(0.1, 0.5, 40.5);
/// assert!((beta_p(0.5, 40.5, x) - 0.1).abs() < 1e-12);
/// ```
pub fn beta_quantile(q: f64, a: f64, b: f64) -> f64 {
    if q <= 0.0 {
        return 0.0;
    }
    if q >= 1.0 {
        return 1.0;
    }
    let ln_norm = ln_gamma(a + b) - ln_gamma(a) - ln_gamma(b);
    let density = |t: f64| (ln_norm - a * softplus(-t) - b * softplus(t)).exp();
    // On log odds both ends are reached without running out of digits.
    sigmoid(bisect_newton((-700.0, 700.0), (a / b).ln(), |t| beta_p(a, b, sigmoid(t)) - q, density))
}

/// The root of an increasing function in `[low, high]`, sought from `start`: Newton's step where it stays inside the bracket, else
/// the middle.
fn bisect_newton(
    (mut low, mut high): (f64, f64),
    start: f64,
    f: impl Fn(f64) -> f64,
    slope: impl Fn(f64) -> f64,
) -> f64 {
    let mut t = start.clamp(low, high);
    for _ in 0..300 {
        let value = f(t);
        if value > 0.0 {
            high = t;
        } else {
            low = t;
        }
        let newton = t - value / slope(t);
        let next = if newton > low && newton < high { newton } else { 0.5 * (low + high) };
        if (next - t).abs() < 1e-15 * t.abs().max(1.0) {
            return next;
        }
        t = next;
    }
    t
}

/// The normal quantile that bounds a central interval of this `level` in `(0, 1)`: 1.2816 for 0.8. Found from
/// the incomplete gamma function, since `erf(z / √2) = P(1/2, z² / 2)`.
pub(crate) fn normal_half_width(level: f64) -> f64 {
    (2.0 * gamma_quantile(level, 0.5, 1.0)).sqrt()
}

/// The chance that Student's t with so many degrees of freedom, > 0, lies further from 0 than `t`.
pub(crate) fn student_tails(t: f64, free: f64) -> f64 {
    beta_p(0.5 * free, 0.5, free / (free + t * t))
}

/// The value that Student's distribution with that many degrees of `freedom` (above 0) exceeds in size with probability
/// `1 - level`, `level` in `(0, 1)`.
///
/// ```
/// use forewarn_models::student_half_width;
/// assert!((student_half_width(0.95, 10.0) - 2.228_138_852).abs() < 1e-8);
/// ```
pub fn student_half_width(level: f64, freedom: f64) -> f64 {
    let x = beta_quantile(1.0 - level, 0.5 * freedom, 0.5).max(1e-300);
    (freedom * (1.0 - x) / x).max(0.0).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cases;

    #[test]
    fn quick_sigmoid_is_sigmoid() {
        for k in -8000..=8000 {
            let z = f64::from(k) / 10.0;
            let (found, expected) = (quick_sigmoid(z), sigmoid(z));
            assert!((found - expected).abs() <= 1e-10 * expected + 1e-300, "{found} {expected} at {z}");
        }
    }

    #[test]
    fn agrees_with_scipy() {
        for (name, f) in [
            ("gamma_p", (|v: &[f64]| gamma_p(v[0], v[1])) as fn(&[f64]) -> f64),
            ("gamma_quantile", |v| gamma_quantile(v[0], v[1], v[2])),
            ("beta_p", |v| beta_p(v[0], v[1], v[2])),
            ("beta_quantile", |v| beta_quantile(v[0], v[1], v[2])),
            ("ln_gamma", |v| ln_gamma(v[0])),
        ] {
            for row in cases::rows("special", name) {
                let (arguments, expected) = row.split_at(row.len() - 1);
                let found = f(arguments);
                let error = (found - expected[0]).abs() / expected[0].abs().max(1e-300);
                assert!(error < 1e-9, "{name}{arguments:?}: found {found}, expected {}", expected[0]);
            }
        }
        assert!((normal_half_width(0.8) - 1.281_551_565_544_6).abs() < 1e-10);
    }

    #[test]
    fn logistic_pair_is_inverse_and_safe() {
        for z in [-700.0, -3.0, 0.0, 2.5, 30.0] {
            assert!(
                (logit(sigmoid(z)) - z).abs()
                    < 1e-2_f64.max(0.0) * f64::from(u8::from(z > 20.0)) + 1e-12 * z.abs().max(1.0)
            );
            assert!(softplus(z).is_finite());
        }
        assert_eq!(sigmoid(-1e4), 0.0);
        assert_eq!(softplus(1e4), 1e4);
    }
}
