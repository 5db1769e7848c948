//! The laws of remaining life, by property test. It knows the crate's public face only.
#![expect(clippy::unwrap_used, clippy::tests_outside_test_module, reason = "a test fails by panicking")]

use forewarn_models::{Life, remaining_life};
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn higher_probabilities_never_give_a_longer_life(
        steps in prop::collection::vec((0.5..60.0_f64, 0.0..1.0_f64, 0.0..1.0_f64), 1..6),
    ) {
        // Two curves over the same horizons, the second never below the first.
        let (mut day, mut p, mut higher) = (0.0, 0.0, 0.0_f64);
        let (mut days, mut curve, mut above) = (Vec::new(), Vec::new(), Vec::new());
        for (wait, rise, more) in steps {
            day += wait;
            p += rise * rise * (1.0 - p);
            higher = higher.max(p + more * more * (1.0 - p)).min(1.0);
            days.push(day);
            curve.push(p);
            above.push(higher);
        }
        let (a, b) = (remaining_life(&days, &curve).unwrap(), remaining_life(&days, &above).unwrap());
        // What lies beyond the longest horizon is later than anything within it.
        let day = |t: Option<f64>| t.unwrap_or(f64::INFINITY);
        for life in [a, b] {
            prop_assert!(day(life.low) <= day(life.median) && day(life.median) <= day(life.high), "{life:?}");
            for t in [life.low, life.median, life.high].into_iter().flatten() {
                prop_assert!(t > 0.0 && t <= days[days.len() - 1] * (1.0 + 1e-12));
            }
        }
        for (low, high) in [(b.low, a.low), (b.median, a.median), (b.high, a.high)] {
            prop_assert!(day(low) <= day(high) * (1.0 + 1e-9), "{a:?} {b:?}");
        }
    }

    /// With what a decline says, the quantiles stay in order and the median within what the probabilities allow.
    #[test]
    fn a_decline_does_not_contradict_the_probabilities(
        p in (0.0..1.0_f64, 0.0..1.0_f64),
        parts in prop::collection::vec(0.0..80.0_f64, 3),
        known in 0..=3_usize,
    ) {
        let longest = 90.0;
        let curve = remaining_life(&[30.0, longest], &[p.0 * p.1, p.1]).unwrap();
        let mut at = 0.0;
        let quantiles: Vec<Option<f64>> = parts.iter().enumerate().map(|(i, d)| {
            at += d;
            (i < known).then_some(at)
        }).collect();
        let decline = Life { low: quantiles[0], median: quantiles[1], high: quantiles[2] };
        let both = curve.told_by_decline(decline, longest);
        let day = |t: Option<f64>| t.unwrap_or(f64::INFINITY);
        prop_assert!(day(both.low) <= day(both.median) && day(both.median) <= day(both.high), "{both:?}");
        prop_assert!(day(both.median) >= curve.low.unwrap_or(longest));
        prop_assert!(day(both.median) <= day(curve.high));
        prop_assert!(day(both.low) <= day(decline.low) && day(both.high) >= day(decline.high));
    }
}
