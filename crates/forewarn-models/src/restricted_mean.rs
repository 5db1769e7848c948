//! The mean time to an end where some ends have not come yet, counted up to a limit: the area under the Kaplan–Meier
//! curve. It does not know what ends.

use crate::error::{ModelError, in_range, same_length};
use crate::special::student_half_width;

/// A mean time up to a limit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RestrictedMean {
    /// Units.
    pub n: usize,
    /// Of these, whose end came before the limit.
    pub n_ended: usize,
    /// The mean of the smaller of time and limit.
    pub mean: f64,
    /// Its standard error.
    pub std_error: f64,
    /// Lower end of its interval.
    pub low: f64,
    /// Upper end of it.
    pub high: f64,
    /// How much of the mean is a guess, because no unit was watched so long: the share still going on when the last one
    /// left sight, times what was left up to the limit. It counts as if none of them ended.
    pub unseen: f64,
}

/// The mean of times up to `limit` (Irwin 1949), from the Kaplan–Meier curve (1958): a time that is not `ended` is one
/// that was longer. The interval of this `level` is on the logarithm, from the variance of Klein and Moeschberger (2003,
/// section 4.5) and Student's distribution with one degree of freedom less than ends. `None` without units.
///
/// # Errors
/// Lengths that differ; times below 0 or not finite; a limit not above 0; a level out of (0, 1).
///
/// ```
/// use forewarn_models::restricted_mean;
/// let m = restricted_mean(&[2.0, 4.0, 6.0, 40.0], &[true, true, true, false], 10.0, 0.8)?.ok_or("four")?;
/// assert_eq!((m.mean, m.n_ended, m.unseen), (5.5, 3, 0.0));
/// // Ends that have not come are no short times.
/// let m = restricted_mean(&[2.0, 1.0, 1.0, 8.0], &[true, false, false, true], 10.0, 0.8)?.ok_or("four")?;
/// assert_eq!(m.mean, 5.0);
/// assert!(restricted_mean(&[-1.0], &[true], 10.0, 0.8).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn restricted_mean(
    times: &[f64],
    ended: &[bool],
    limit: f64,
    level: f64,
) -> Result<Option<RestrictedMean>, ModelError> {
    same_length("ends", ended.len(), times.len())?;
    in_range(limit.is_finite() && limit > 0.0, "limit", limit, "finite and above 0")?;
    in_range(level > 0.0 && level < 1.0, "level", level, "in (0, 1)")?;
    for t in times {
        in_range(t.is_finite() && *t >= 0.0, "time", *t, "finite, at least 0")?;
    }
    if times.is_empty() {
        return Ok(None);
    }
    let mut rows: Vec<(f64, bool)> = times.iter().copied().zip(ended.iter().copied()).collect();
    rows.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let n = rows.len();
    // Steps of the curve: when, ends then, units still watched, and the curve after.
    let mut steps: Vec<(f64, f64, f64)> = Vec::new();
    let (mut curve, mut at) = (1.0, 0);
    let mut heights = vec![1.0];
    while at < n && rows[at].0 < limit {
        let same = rows[at..].iter().take_while(|r| r.0 == rows[at].0).count();
        let ends = rows[at..at + same].iter().filter(|r| r.1).count() as f64;
        let watched = (n - at) as f64;
        if ends > 0.0 {
            curve *= 1.0 - ends / watched;
            steps.push((rows[at].0, ends, watched));
            heights.push(curve);
        }
        at += same;
    }
    let left_sight = rows[n - 1].0;
    let unseen = if left_sight < limit { curve * (limit - left_sight) } else { 0.0 };
    // The area right of each step, from the last one back.
    let (mut right, mut variance) = (0.0, 0.0);
    let mut until = limit;
    for (k, (time, ends, watched)) in steps.iter().enumerate().rev() {
        right += heights[k + 1] * (until - time);
        until = *time;
        if watched > ends {
            variance += right * right * ends / (watched * (watched - ends));
        }
    }
    let mean = right + until;
    let n_ended = steps.iter().map(|s| s.1).sum::<f64>() as usize;
    let std_error = variance.sqrt();
    let width = if n_ended < 2 || mean <= 0.0 {
        if std_error == 0.0 && n_ended > 1 { 1.0 } else { f64::INFINITY }
    } else {
        (student_half_width(level, n_ended as f64 - 1.0) * std_error / mean).exp()
    };
    let (low, high) = if mean > 0.0 { (mean / width, (mean * width).min(limit)) } else { (0.0, 0.0) };
    Ok(Some(RestrictedMean { n, n_ended, mean, std_error, low, high, unseen }))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::rng::{generator, uniform};

    #[test]
    fn the_leukemia_trial_of_1963() {
        // Freireich et al. (1963): weeks in remission with 6-mercaptopurine and with placebo; the restricted means up to
        // 35 weeks are those of R's survfit (23.29, standard error 2.83; 8.67, standard error 1.38).
        let drug: [(f64, bool); 21] = [
            (6.0, true),
            (6.0, true),
            (6.0, true),
            (6.0, false),
            (7.0, true),
            (9.0, false),
            (10.0, true),
            (10.0, false),
            (11.0, false),
            (13.0, true),
            (16.0, true),
            (17.0, false),
            (19.0, false),
            (20.0, false),
            (22.0, true),
            (23.0, true),
            (25.0, false),
            (32.0, false),
            (32.0, false),
            (34.0, false),
            (35.0, false),
        ];
        let (times, ended): (Vec<f64>, Vec<bool>) = drug.into_iter().unzip();
        let m = restricted_mean(&times, &ended, 35.0, 0.8).unwrap().unwrap();
        assert!((m.mean - 23.29).abs() < 0.005 && (m.std_error - 2.83).abs() < 0.005, "{m:?}");
        assert_eq!((m.n, m.n_ended, m.unseen), (21, 9, 0.0));
        let placebo: [f64; 21] = [
            1.0, 1.0, 2.0, 2.0, 3.0, 4.0, 4.0, 5.0, 5.0, 8.0, 8.0, 8.0, 8.0, 11.0, 11.0, 12.0, 12.0, 15.0,
            17.0, 22.0, 23.0,
        ];
        let m = restricted_mean(&placebo, &[true; 21], 35.0, 0.8).unwrap().unwrap();
        assert!((m.mean - 8.667).abs() < 0.001 && (m.std_error - 1.38).abs() < 0.005, "{m:?}");
    }

    #[test]
    fn what_has_not_ended_does_not_shorten_the_mean() {
        // Log-normal times of known restricted mean, each watched for 0 to 40 days: the mean of those that ended is far
        // too short, this one is right and its interval holds it.
        let limit = 20.0;
        let mut rng = generator(3, 0);
        let mut draw = || {
            let z = (0..12).map(|_| uniform(&mut rng)).sum::<f64>() - 6.0;
            ((1.0 + 1.2 * z).exp(), 40.0 * uniform(&mut rng))
        };
        let truth = (0..400_000).map(|_| draw().0.min(limit)).sum::<f64>() / 400_000.0;
        let (mut means, mut naive, mut covered) = (0.0, 0.0, 0);
        let n = 1_000;
        for _ in 0..n {
            let rows: Vec<(f64, f64)> = (0..60).map(|_| draw()).collect();
            let times: Vec<f64> = rows.iter().map(|r| r.0.min(r.1)).collect();
            let ended: Vec<bool> = rows.iter().map(|r| r.0 <= r.1).collect();
            let m = restricted_mean(&times, &ended, limit, 0.8).unwrap().unwrap();
            means += m.mean / f64::from(n);
            covered += u32::from(m.low <= truth && truth <= m.high);
            let done: Vec<f64> = rows.iter().filter(|r| r.0 <= r.1).map(|r| r.0.min(limit)).collect();
            naive += done.iter().sum::<f64>() / done.len() as f64 / f64::from(n);
        }
        let covered = f64::from(covered) / f64::from(n);
        assert!((means / truth - 1.0).abs() < 0.01, "{means} {truth}");
        assert!(naive < 0.9 * truth, "{naive} {truth}");
        assert!((0.76..0.84).contains(&covered), "{covered}");
    }

    #[test]
    fn few_units_and_bad_ones() {
        assert_eq!(restricted_mean(&[], &[], 1.0, 0.8).unwrap(), None);
        let one = restricted_mean(&[3.0], &[true], 10.0, 0.8).unwrap().unwrap();
        assert_eq!((one.mean, one.low, one.high), (3.0, 0.0, 10.0));
        let open = restricted_mean(&[3.0, 4.0], &[true, false], 10.0, 0.8).unwrap().unwrap();
        assert_eq!((open.mean, open.unseen), (6.5, 3.0));
        let at_once = restricted_mean(&[0.0, 0.0], &[true, true], 10.0, 0.8).unwrap().unwrap();
        assert_eq!((at_once.mean, at_once.low, at_once.high), (0.0, 0.0, 0.0));
        let long = restricted_mean(&[50.0, 60.0], &[true, false], 10.0, 0.8).unwrap().unwrap();
        assert_eq!((long.mean, long.n_ended), (10.0, 0));
        assert!(restricted_mean(&[1.0], &[true, true], 1.0, 0.8).is_err());
        assert!(restricted_mean(&[f64::NAN], &[true], 1.0, 0.8).is_err());
        assert!(restricted_mean(&[1.0], &[true], 0.0, 0.8).is_err());
    }
}
