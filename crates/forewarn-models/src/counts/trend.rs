//! Trends of a series of counts and exposures: the drift of Theta, and a negative binomial regression with the season and
//! rests as offset. It does not know what a period is.

/// Periods that the regression looks back on; those half as old weigh half.
const LOOKBACK: usize = 120;
/// The half-life of a period's weight, in periods.
const HALF_LIFE: f64 = 20.0;
/// A trend of more than this part a period is unlikely from the start: the standard deviation of the prior.
const TREND_SD: f64 = 0.01;
/// How much of a period's trend the next one keeps.
const DAMPING: f64 = 0.93;
/// Newton steps; the log-likelihood is concave and the start is near.
const STEPS: usize = 6;

/// The least squares slope a period of counts over exposures, over periods of more exposure than `telling`.
pub(super) fn drift(seen: &[(f64, f64)], telling: f64) -> f64 {
    let (mut n, mut st, mut sz, mut stt, mut stz) = (0.0, 0.0, 0.0, 0.0, 0.0);
    let from = seen.len().saturating_sub(LOOKBACK);
    for (t, (y, e)) in seen[from..].iter().enumerate() {
        if *e > telling {
            let (t, z) = (t as f64, y / e);
            n += 1.0;
            st += t;
            sz += z;
            stt += t * t;
            stz += t * z;
        }
    }
    let d = n * stt - st * st;
    if n < 4.0 || d <= 0.0 { 0.0 } else { (n * stz - st * sz) / d }
}

/// `log E[count] = log exposure + level + slope · age`, the slope shrunk to none, fitted by penalized quasi-likelihood
/// with negative binomial weights (Venables and Ripley 2002, section 7.4; the spread by moments).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Regression {
    level: f64,
    slope: f64,
}

impl Regression {
    pub(super) fn fit(seen: &[(f64, f64)]) -> Self {
        let from = seen.len().saturating_sub(LOOKBACK);
        let rows: Vec<(f64, f64, f64, f64)> = seen[from..]
            .iter()
            .rev()
            .enumerate()
            .map(|(age, (y, e))| (*y, *e, -(age as f64), 0.5_f64.powf(age as f64 / HALF_LIFE)))
            .collect();
        let (counts, exposure) = rows.iter().fold((0.0, 0.0), |s, r| (s.0 + r.3 * r.0, s.1 + r.3 * r.1));
        if counts <= 0.0 || exposure <= 0.0 {
            return Self { level: f64::NEG_INFINITY, slope: 0.0 };
        }
        let start = (counts / exposure).ln();
        let (mut a, mut b) = (start, 0.0);
        let rate = counts / exposure;
        let (over, square) = rows.iter().fold((0.0, 0.0), |s, (y, e, _, w)| {
            let m = rate * e;
            (s.0 + w * ((y - m).powi(2) - m), s.1 + w * m * m)
        });
        let spread = if square > 0.0 { (over / square).max(0.0) } else { 0.0 };
        for _ in 0..STEPS {
            let (mut g0, mut g1, mut h00, mut h01, mut h11) =
                (0.0, -b / TREND_SD.powi(2), 1e-9, 0.0, TREND_SD.powi(-2));
            for (y, e, x, w) in &rows {
                let m = e * (a + b * x).min(start + 5.0).exp();
                let v = w / (1.0 + spread * m);
                g0 += v * (y - m);
                g1 += v * (y - m) * x;
                h00 += v * m;
                h01 += v * m * x;
                h11 += v * m * x * x;
            }
            let d = h00 * h11 - h01 * h01;
            if d <= 0.0 {
                break;
            }
            a += ((h11 * g0 - h01 * g1) / d).clamp(-2.0, 2.0);
            b += ((h00 * g1 - h01 * g0) / d).clamp(-0.1, 0.1);
        }
        Self { level: a, slope: b }
    }

    /// Tickets a unit of exposure, `step` periods ahead, the trend damped.
    pub(super) fn rate(self, step: usize) -> f64 {
        let reach = DAMPING * (1.0 - DAMPING.powi(step as i32)) / (1.0 - DAMPING);
        (self.level + self.slope * reach).exp()
    }
}
