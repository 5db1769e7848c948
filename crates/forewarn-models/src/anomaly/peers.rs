//! One asset against its peers: how far its value lies from theirs at the same time, less what it usually does. It does not
//! know who is a peer of whom.

use super::ordered::Ordered;
use crate::error::ModelError;
use crate::rank::median;

/// Peers that a median needs.
pub const MIN_PEERS: usize = 5;
/// Times that the usual spread is taken over.
const USUAL: usize = 64;

/// How far one asset lies from the median of its peers at each time, in robust standard deviations of the peers (1.4826 times
/// the median absolute deviation, Hampel 1974); NaN where it or all but four of the peers are missing. Given to
/// [`anomalies`](super::anomalies), which takes off the asset's own usual offset and calibrates the rest by the asset's past,
/// it says how rarely the asset leaves its peers so far.
///
/// `own` has a value for each time, each of `peers` too, without the asset itself; NaN is missing. The spread at a time counts
/// no less than half of what it was at earlier times (the median), so that peers that agree by chance accuse nobody.
///
/// # Errors
/// No peer, or one whose length differs.
///
/// ```
/// use forewarn_models::anomaly::{anomalies, from_peers};
/// let wobble = |i: u32, k: u32| f64::from((i * 37 + k * 101) % 23) / 23.0;
/// let peers: Vec<Vec<f64>> =
///     (0..6).map(|k| (0..200).map(|i| 40.0 + f64::from(i % 50) + wobble(i, k)).collect()).collect();
/// let mut own: Vec<f64> = (0..200).map(|i| 43.0 + f64::from(i % 50) + wobble(i, 7)).collect();
/// // What all do is no anomaly; what this one does alone is.
/// own[180] += 20.0;
/// let peers: Vec<&[f64]> = peers.iter().map(Vec::as_slice).collect();
/// let away = from_peers(&own, &peers)?;
/// let days: Vec<f64> = (0..200).map(f64::from).collect();
/// assert_eq!(anomalies(&days, &away)?.alarms(365.0)?, vec![180]);
/// assert!(from_peers(&own, &[]).is_err());
/// # Ok::<(), forewarn_models::ModelError>(())
/// ```
pub fn from_peers(own: &[f64], peers: &[&[f64]]) -> Result<Vec<f64>, ModelError> {
    if peers.is_empty() {
        return Err(ModelError::Empty { what: "peers" });
    }
    if let Some(peer) = peers.iter().find(|p| p.len() != own.len()) {
        return Err(ModelError::Length { what: "peers", found: peer.len(), expected: own.len() });
    }
    let mut spreads = Ordered::new(USUAL);
    let mut here: Vec<f64> = Vec::with_capacity(peers.len());
    let away = own.iter().enumerate().map(|(i, own)| {
        here.clear();
        here.extend(peers.iter().map(|p| p[i]).filter(|v| v.is_finite() && v.abs() < 1e100));
        if here.len() < MIN_PEERS {
            return f64::NAN;
        }
        let center = median(&mut here);
        for v in &mut here {
            *v = (*v - center).abs();
        }
        let spread = 1.4826 * median(&mut here);
        let usual = spreads.median().unwrap_or(spread);
        spreads.push(spread);
        // A thousandth of the level stands for the resolution of peers that all say the same.
        let scale = spread.max(0.5 * usual).max(1e-3 * center.abs()).max(1e-9);
        if own.is_finite() { (own.clamp(-1e100, 1e100) - center) / scale } else { f64::NAN }
    });
    Ok(away.collect())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn distances_are_in_robust_standard_deviations() {
        let peers: Vec<[f64; 2]> = vec![[1.0, 1.0], [2.0, f64::NAN], [3.0, 3.0], [4.0, 4.0], [5.0, 5.0]];
        let slices: Vec<&[f64]> = peers.iter().map(<[f64; 2]>::as_slice).collect();
        // The median is 3 and the median distance from it 1; then four peers are too few.
        let away = from_peers(&[6.0, 6.0], &slices).unwrap();
        assert!((away[0] - 3.0 / 1.4826).abs() < 1e-12 && away[1].is_nan());
        assert!(from_peers(&[6.0], &slices).is_err());
    }

    #[test]
    fn an_alarm_in_one_time_knows_no_later_one() {
        let peers: Vec<Vec<f64>> =
            (0..7).map(|k| (0..50).map(|i| f64::from(i * (k + 3) % 11)).collect()).collect();
        let slices: Vec<&[f64]> = peers.iter().map(Vec::as_slice).collect();
        let own: Vec<f64> = (0..50).map(f64::from).collect();
        let whole = from_peers(&own, &slices).unwrap();
        let cut: Vec<&[f64]> = slices.iter().map(|p| &p[..30]).collect();
        assert_eq!(whole[..30], from_peers(&own[..30], &cut).unwrap()[..]);
    }
}
