//! The law of remaining life, by property test. It knows the crate's public face only.
#![expect(clippy::unwrap_used, clippy::tests_outside_test_module, reason = "a test fails by panicking")]

use forewarn_models::remaining_life;
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
}
