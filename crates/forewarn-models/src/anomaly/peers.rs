//! One asset against its peers: how far its value lies from theirs at the same time, less what it usually does. It does not
//! know who is a peer of whom.

use super::ordered::Ordered;
use crate::error::ModelError;

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
    let mut out = Vec::with_capacity(own.len());
    let mut block = Block::new(peers.len());
    for (start, own) in (0..own.len()).step_by(TIMES).zip(own.chunks(TIMES)) {
        block.read(peers, start, own.len());
        out.extend(own.iter().enumerate().map(|(i, own)| {
            if block.known[i] < MIN_PEERS {
                return f64::NAN;
            }
            let (center, spread) = (block.center[i], 1.4826 * block.distance[i]);
            let usual = spreads.median().unwrap_or(spread);
            spreads.push(spread);
            // A thousandth of the level stands for the resolution of peers that all say the same.
            let scale = spread.max(0.5 * usual).max(1e-3 * center.abs()).max(1e-9);
            if own.is_finite() { (own.clamp(-1e100, 1e100) - center) / scale } else { f64::NAN }
        }));
    }
    Ok(out)
}

/// Times that are looked at together.
const TIMES: usize = 64;

/// The peers at some times: many times are put in order at once, by a network that asks at each the same pairs.
struct Block {
    /// Pairs of rows.
    network: Vec<(usize, usize)>,
    /// By row, the values at each time; infinite where one is missing.
    rows: Vec<[f64; TIMES]>,
    /// By time: how many peers are known, their median, and their median distance from it (these where one is known).
    known: [usize; TIMES],
    center: [f64; TIMES],
    distance: [f64; TIMES],
}

impl Block {
    fn new(n_peers: usize) -> Self {
        Self {
            network: network(n_peers),
            rows: vec![[f64::INFINITY; TIMES]; n_peers],
            known: [0; TIMES],
            center: [f64::NAN; TIMES],
            distance: [f64::NAN; TIMES],
        }
    }

    /// Reads the peers at `n` times from `start` on.
    fn read(&mut self, peers: &[&[f64]], start: usize, n: usize) {
        self.known = [0; TIMES];
        for (row, peer) in self.rows.iter_mut().zip(peers) {
            for ((value, known), read) in row.iter_mut().zip(&mut self.known).zip(&peer[start..start + n]) {
                // NaN is not below either.
                let there = read.abs() < 1e100;
                *value = if there { *read } else { f64::INFINITY };
                *known += usize::from(there);
            }
        }
        for (a, b) in &self.network {
            let (before, after) = self.rows.split_at_mut(*b);
            for (x, y) in before[*a].iter_mut().zip(&mut after[0]) {
                (*x, *y) = if *y < *x { (*y, *x) } else { (*x, *y) };
            }
        }
        let all = self.rows.len();
        if self.known[..n].iter().all(|known| *known == all) {
            self.center = self.middle(all);
            self.distance = self.distances(all);
            return;
        }
        for i in 0..n {
            let known = self.known[i];
            if known > 0 {
                let here: Vec<f64> = self.rows[..known].iter().map(|row| row[i]).collect();
                (self.center[i], self.distance[i]) = center_and_distance(&here);
            }
        }
    }

    /// At each time, the median of the first `n` rows, which are in order.
    fn middle(&self, n: usize) -> [f64; TIMES] {
        let (low, high) = (&self.rows[(n - 1) / 2], &self.rows[n / 2]);
        std::array::from_fn(|i| between(n, low[i], high[i]))
    }

    /// At each time, the median distance of the first `n` rows from the center.
    fn distances(&self, n: usize) -> [f64; TIMES] {
        let [low, high] = [(n - 1) / 2, n / 2].map(|apart| {
            let mut least = [f64::INFINITY; TIMES];
            for (first, last) in self.rows.iter().zip(&self.rows[apart..n]) {
                for i in 0..TIMES {
                    let far = larger(self.center[i] - first[i], last[i] - self.center[i]);
                    least[i] = if far < least[i] { far } else { least[i] };
                }
            }
            least
        });
        std::array::from_fn(|i| between(n, low[i], high[i]))
    }
}

/// The median of `n` values whose middle ones are `low` and `high`.
fn between(n: usize, low: f64, high: f64) -> f64 {
    if n % 2 == 1 { high } else { f64::midpoint(low, high) }
}

fn larger(a: f64, b: f64) -> f64 {
    if a > b { a } else { b }
}

/// The median of values in ascending order, at least one, and their median distance from it.
///
/// So many values lie within a distance as some of them in a row do, the first and the last of which are within it: the
/// distance that `k` lie within is the least of these.
fn center_and_distance(sorted: &[f64]) -> (f64, f64) {
    let n = sorted.len();
    let center = between(n, sorted[(n - 1) / 2], sorted[n / 2]);
    let within = |apart: usize| {
        let rows = sorted.iter().zip(&sorted[apart..]);
        rows.map(|(first, last)| larger(center - first, last - center)).fold(f64::INFINITY, f64::min)
    };
    (center, between(n, within((n - 1) / 2), within(n / 2)))
}

/// Pairs that put `n` values in order (Batcher 1968; Knuth 1973, section 5.2.2, algorithm M).
fn network(n: usize) -> Vec<(usize, usize)> {
    let mut pairs = Vec::new();
    let most = n.next_power_of_two() / 2;
    let mut p = most;
    while p > 0 {
        let (mut q, mut r, mut d) = (most, 0, p);
        loop {
            pairs.extend((0..n.saturating_sub(d)).filter(|i| i & p == r).map(|i| (i, i + d)));
            if q == p {
                break;
            }
            (d, q, r) = (q - p, q / 2, p);
        }
        p /= 2;
    }
    pairs
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::rank::median;
    use proptest::prelude::*;

    #[test]
    fn distances_are_in_robust_standard_deviations() {
        let peers: Vec<[f64; 2]> = vec![[1.0, 1.0], [2.0, f64::NAN], [3.0, 3.0], [4.0, 4.0], [5.0, 5.0]];
        let slices: Vec<&[f64]> = peers.iter().map(<[f64; 2]>::as_slice).collect();
        // The median is 3 and the median distance from it 1; then four peers are too few.
        let away = from_peers(&[6.0, 6.0], &slices).unwrap();
        assert!((away[0] - 3.0 / 1.4826).abs() < 1e-12 && away[1].is_nan());
        assert!(from_peers(&[6.0], &slices).is_err());
    }

    proptest! {
        /// Against medians taken one by one.
        #[test]
        fn many_times_at_once_are_as_one_by_one(
            rows in (1_usize..24, 1_usize..150).prop_flat_map(|(n, times)| {
                let value = prop_oneof![
                    6 => -9.0_f64..9.0,
                    2 => Just(1.0),
                    1 => Just(f64::NAN),
                    1 => Just(f64::INFINITY),
                    1 => Just(-1e120),
                ];
                prop::collection::vec(prop::collection::vec(value, times), n + 1)
            }),
        ) {
            let (own, peers) = (&rows[0], &rows[1..]);
            let slices: Vec<&[f64]> = peers.iter().map(Vec::as_slice).collect();
            let mut spreads = Ordered::new(USUAL);
            let plain: Vec<f64> = (0..own.len())
                .map(|i| {
                    let mut here: Vec<f64> = slices.iter().map(|p| p[i]).filter(|v| v.abs() < 1e100).collect();
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
                    let scale = spread.max(0.5 * usual).max(1e-3 * center.abs()).max(1e-9);
                    if own[i].is_finite() { (own[i].clamp(-1e100, 1e100) - center) / scale } else { f64::NAN }
                })
                .collect();
            let bits = |v: &[f64]| v.iter().map(|v| (v + 0.0).to_bits()).collect::<Vec<_>>();
            prop_assert_eq!(bits(&from_peers(own, &slices).unwrap()), bits(&plain));
        }
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
