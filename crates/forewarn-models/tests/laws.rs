//! Laws that hold for any numbers, by property test. It knows the crate's public face only.
#![expect(clippy::unwrap_used, clippy::tests_outside_test_module, reason = "a test fails by panicking")]

use forewarn_models::text::{Lexicon, TextGroups, TextGroupsParams, words};
use forewarn_models::{
    Blend, Calibrator, CalibratorKind, CensoringCurve, Contributions, FollowUp, LocalEvidence, Matrix,
    Metric, RateDistribution, Scored, Window, auc_alone, choose_calibrator, concordance, dynamic_auc,
    lead_time, probability_interval, sigmoid, top_k,
};
use proptest::prelude::*;

const METRICS: [Metric; 6] = [
    Metric::AveragePrecision,
    Metric::RocAuc,
    Metric::Brier,
    Metric::BrierSkill,
    Metric::LogLoss,
    Metric::Ece,
];

/// Outcomes of both classes, scores in (0, 1) with ties, positive weights.
fn sample() -> impl Strategy<Value = (Vec<f64>, Vec<f64>, Vec<f64>)> {
    prop::collection::vec((any::<bool>(), 1..50_u32, 0.1..5.0_f64), 4..80).prop_map(|rows| {
        let mut y: Vec<f64> = rows.iter().map(|r| f64::from(u8::from(r.0))).collect();
        y[0] = 0.0;
        y[1] = 1.0;
        (y, rows.iter().map(|r| f64::from(r.1) / 50.0).collect(), rows.iter().map(|r| r.2).collect())
    })
}

/// Days with ties, whether they ended in a failure, and scores in (0, 1) with ties.
fn followed() -> impl Strategy<Value = (Vec<f64>, Vec<f64>, Vec<f64>)> {
    prop::collection::vec((0..25_u32, any::<bool>(), 1..30_u32), 1..60).prop_map(|rows| {
        let failed = rows.iter().map(|r| f64::from(u8::from(r.1))).collect();
        let score = rows.iter().map(|r| f64::from(r.2) / 30.0).collect();
        (rows.iter().map(|r| f64::from(r.0)).collect(), failed, score)
    })
}

/// A window of either kind.
fn window() -> impl Strategy<Value = Window> {
    (1..30_u32, any::<bool>()).prop_map(|(days, closed)| {
        let days = f64::from(days);
        if closed { Window::through(days) } else { Window::until(days) }.unwrap()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_perfect_ranking_is_perfect((y, _, w) in sample()) {
        let p: Vec<f64> = y.iter().map(|y| 0.25 + 0.5 * y).collect();
        let s = Scored::new(&y, &p, Some(&w)).unwrap();
        prop_assert!((Metric::AveragePrecision.of(&s).unwrap() - 1.0).abs() < 1e-12);
        prop_assert!((Metric::RocAuc.of(&s).unwrap() - 1.0).abs() < 1e-12);
        let exact = Scored::new(&y, &y, Some(&w)).unwrap();
        prop_assert!((Metric::BrierSkill.of(&exact).unwrap() - 1.0).abs() < 1e-12);
    }

    #[test]
    fn the_order_of_rows_does_not_matter((y, p, w) in sample(), turn in 1..40_usize) {
        // Distinct scores, because ties go by the caller's order where rows are cut.
        let p: Vec<f64> = p.iter().enumerate().map(|(i, p)| (p + i as f64 * 1e-5) / 1.1).collect();
        let turned = |v: &[f64]| { let mut v = v.to_vec(); v.rotate_left(turn % y.len()); v.reverse(); v };
        let (y2, p2, w2) = (turned(&y), turned(&p), turned(&w));
        let (a, b) = (Scored::new(&y, &p, Some(&w)).unwrap(), Scored::new(&y2, &p2, Some(&w2)).unwrap());
        for m in METRICS.into_iter().filter(|m| *m != Metric::Ece) {
            prop_assert!((m.of(&a).unwrap() - m.of(&b).unwrap()).abs() < 1e-9, "{m:?}");
        }
        let groups = vec![0; y.len()];
        let (a, b) = (top_k(&a, &groups, 3).unwrap().unwrap(), top_k(&b, &groups, 3).unwrap().unwrap());
        prop_assert!((a.precision - b.precision).abs() < 1e-9);
    }

    #[test]
    fn calibrators_are_monotone_and_inside((y, p, w) in sample()) {
        let z: Vec<f64> = p.iter().map(|p| 6.0 * p - 4.0).collect();
        for kind in CalibratorKind::ALL {
            let c = Calibrator::fit(kind, &z, &y, &w).unwrap();
            let grid: Vec<f64> = (-80..80).map(|i| f64::from(i) / 4.0).collect();
            let q = c.probability(&grid);
            prop_assert!(q.windows(2).all(|q| q[0] <= q[1]), "{kind:?} {q:?}");
            prop_assert!(q.iter().all(|q| *q >= c.floor() && *q <= 1.0 - c.floor() && c.floor() > 0.0));
            let stored = serde_json::to_vec(&c).unwrap();
            let again: Calibrator = serde_json::from_slice(&stored).unwrap();
            prop_assert_eq!(again.probability(&grid), q);
        }
        let folds: Vec<u32> = (0..y.len() as u32).map(|i| i / 10).collect();
        prop_assert!(choose_calibrator(&z, &y, &w, &folds, &folds).is_ok());
    }

    #[test]
    fn isotonic_twice_is_isotonic_once((y, p, w) in sample()) {
        // Rows of each distinct score are split into ones and zeros by the fitted value, so the second fit
        // sees the first as its data.
        let fit = |z: &[f64], y: &[f64], w: &[f64]| Calibrator::fit(CalibratorKind::Isotonic, z, y, w).unwrap();
        let first = fit(&p, &y, &w);
        let q = first.probability(&p);
        let (mut z2, mut y2, mut w2) = (Vec::new(), Vec::new(), Vec::new());
        for ((z, q), w) in p.iter().zip(&q).zip(&w) {
            for (y, share) in [(1.0, *q), (0.0, 1.0 - q)] {
                z2.push(*z);
                y2.push(y);
                w2.push(w * share);
            }
        }
        let second = fit(&z2, &y2, &w2);
        for (a, b) in q.iter().zip(second.probability(&p)) {
            // The floor depends on the effective number of rows, so values on it may move by it.
            prop_assert!((a - b).abs() < 1e-9 + (first.floor() - second.floor()).abs());
        }
    }

    #[test]
    fn a_blend_adds_up((y, p, w) in sample()) {
        let first: Vec<f64> = p.iter().map(|p| 4.0 * p - 2.0).collect();
        let second: Vec<f64> = p.iter().enumerate().map(|(i, p)| (i as f64).sin() + p).collect();
        let blend = Blend::fit(&[&first, &second], &y, &w, 0.1).unwrap();
        prop_assert!(blend.scale > 0.0 && blend.weights.iter().all(|w| *w >= 0.0));
        prop_assert!((blend.weights.iter().sum::<f64>() - 1.0).abs() < 1e-9);
        let one = |z: &[f64], base: f64| Contributions {
            base,
            values: Matrix::from_columns(vec![z.iter().map(|z| 0.3 * (z - base)).collect(), z.iter().map(|z| 0.7 * (z - base)).collect()]).unwrap(),
        };
        let c = blend.contributions(&[&one(&first, -1.0), &one(&second, 0.5)]).unwrap();
        for (a, b) in c.totals().iter().zip(blend.log_odds(&[&first, &second]).unwrap()) {
            prop_assert!((a - b).abs() < 1e-9);
        }
        prop_assert!(blend.disagreement(&[&first, &second]).unwrap().iter().all(|d| d.is_finite() && *d >= 0.0));
    }

    #[test]
    fn a_posterior_lies_between_own_rate_and_prior(
        units in prop::collection::vec((0..6_u32, 1.0..900.0_f64), 2..40),
        k in 0..30_u32,
        t in 1.0..2000.0_f64,
        horizon in 1.0..400.0_f64,
    ) {
        let (events, days): (Vec<f64>, Vec<f64>) = units.iter().map(|u| (f64::from(u.0), u.1)).unzip();
        let prior = RateDistribution::fit(&events, &days).unwrap();
        let k = f64::from(k);
        let post = prior.posterior(k, t).unwrap();
        let (low, high) = ((k / t).min(prior.mean()), (k / t).max(prior.mean()));
        prop_assert!(post.mean() >= low * (1.0 - 1e-12) && post.mean() <= high * (1.0 + 1e-12));
        let more = prior.posterior(k + 1.0, t).unwrap();
        prop_assert!(more.mean() > post.mean());
        prop_assert!(more.probability_within(horizon) > post.probability_within(horizon));
        prop_assert!(post.probability_within(horizon) <= post.probability_within(horizon + 1.0));
        let (low, high) = post.probability_interval(horizon, 0.8).unwrap();
        prop_assert!(0.0 <= low && low <= high && high <= 1.0);
    }

    #[test]
    fn an_interval_contains_its_probability(z in -15.0..15.0_f64, n in 0.0..1e6_f64, d in 0.0..5.0_f64, level in 0.05..0.99_f64) {
        let p = sigmoid(z);
        let (low, high) = probability_interval(p, n, d, level).unwrap();
        prop_assert!(0.0 < low && low <= p && p <= high && high < 1.0, "{low} {p} {high}");
    }

    #[test]
    fn evidence_is_finite_everywhere((y, p, w) in sample(), z in -20.0..20.0_f64) {
        let p: Vec<f64> = p.iter().map(|p| 0.9 * p).collect();
        let units: Vec<u32> = (0..y.len() as u32).map(|i| i / 2).collect();
        let e = LocalEvidence::fit(&p, &y, &w, &units).unwrap();
        let n = e.effective_count(sigmoid(z));
        prop_assert!(n.is_finite() && n >= 0.0 && n <= y.len() as f64);
    }

    #[test]
    fn a_censoring_curve_falls_from_one((days, failed, _) in followed()) {
        let g = CensoringCurve::fit(&FollowUp::new(&days, &failed).unwrap());
        let last = days.iter().copied().fold(0.0, f64::max);
        let mut before = 1.0;
        for t in (0..=60).map(|t| f64::from(t) / 2.0).filter(|t| *t <= last) {
            let (up_to, beyond) = (g.up_to(t).unwrap(), g.beyond(t).unwrap());
            prop_assert!(beyond <= up_to && up_to <= before && beyond >= 0.0, "at {t}");
            before = beyond;
        }
    }

    #[test]
    fn weights_share_out_the_censored_rows((days, failed, _) in followed(), window in window()) {
        let rows = FollowUp::new(&days, &failed).unwrap();
        let w = CensoringCurve::fit(&rows).weights(&rows, window).unwrap();
        let y = rows.outcomes(window);
        prop_assert!(w.iter().all(|w| *w == 0.0 || *w >= 1.0));
        prop_assert!(y.iter().zip(&w).all(|(y, w)| *y == 0.0 || *w > 0.0));
        // Failures get n times the Kaplan-Meier share that failed, survivors the rest: if there are any.
        if y.iter().zip(&w).any(|(y, w)| *y == 0.0 && *w > 0.0) {
            let sum: f64 = w.iter().sum();
            prop_assert!((sum - w.len() as f64).abs() < 1e-9 * sum, "{sum}");
        }
    }

    #[test]
    fn without_censoring_nothing_changes((days, _, score) in followed(), window in window()) {
        let failed = vec![1.0; days.len()];
        let rows = FollowUp::new(&days, &failed).unwrap();
        let g = CensoringCurve::fit(&rows);
        prop_assert_eq!(g.weights(&rows, window).unwrap(), vec![1.0; days.len()]);
        let y = rows.outcomes(window);
        let plain = Metric::RocAuc.of(&Scored::new(&y, &score, None).unwrap());
        prop_assert_eq!(dynamic_auc(&rows, &score, &g, window).unwrap(), plain);
    }

    #[test]
    fn censoring_after_the_window_changes_nothing((days, failed, score) in followed(), h in 1..30_u32) {
        // Watching on to the end of the window, and no longer, gives the same figures as watching for ever.
        let h = f64::from(h);
        let window = Window::until(h).unwrap();
        let cut: Vec<f64> = days.iter().map(|d| d.min(h)).collect();
        let seen: Vec<f64> = days.iter().zip(&failed).map(|(d, f)| if *d < h { *f } else { 0.0 }).collect();
        let auc = |days: &[f64], failed: &[f64]| {
            let rows = FollowUp::new(days, failed).unwrap();
            dynamic_auc(&rows, &score, &CensoringCurve::fit(&rows), window).unwrap()
        };
        prop_assert_eq!(auc(&days, &failed), auc(&cut, &seen));
    }

    #[test]
    fn concordance_counts_pairs((days, failed, score) in followed()) {
        let rows = FollowUp::new(&days, &failed).unwrap();
        let (mut right, mut pairs) = (0.0, 0.0);
        for i in (0..days.len()).filter(|i| failed[*i] == 1.0) {
            for j in 0..days.len() {
                if days[i] < days[j] || (days[i] == days[j] && failed[j] == 0.0) {
                    pairs += 1.0;
                    let better = f64::from(u8::from(score[i] > score[j]));
                    right += if score[i] == score[j] { 0.5 } else { better };
                }
            }
        }
        let found = concordance(&rows, &score).unwrap();
        prop_assert_eq!(found.is_some(), pairs > 0.0);
        if let Some(found) = found {
            prop_assert!((found - right / pairs).abs() < 1e-12);
            let reversed: Vec<f64> = score.iter().map(|s| -s).collect();
            prop_assert!((concordance(&rows, &reversed).unwrap().unwrap() + found - 1.0).abs() < 1e-12);
        }
    }

    #[test]
    fn a_weight_repeats_a_row_also_in_lead_times(
        rows in prop::collection::vec((any::<bool>(), 1..20_u32, 0..4_u32, 0..30_u32, 0..3_u32), 1..40),
        k in 1..12_usize,
    ) {
        let y: Vec<f64> = rows.iter().map(|r| f64::from(u8::from(r.0))).collect();
        let p: Vec<f64> = rows.iter().map(|r| f64::from(r.1) / 20.0).collect();
        let days: Vec<f64> = rows.iter().map(|r| f64::from(r.3)).collect();
        let groups: Vec<u32> = rows.iter().map(|r| r.4).collect();
        let w: Vec<f64> = rows.iter().map(|r| f64::from(r.2)).collect();
        let again: Vec<usize> = (0..rows.len()).flat_map(|i| vec![i; rows[i].2 as usize]).collect();
        prop_assume!(!again.is_empty());
        let repeat = |v: &[f64]| again.iter().map(|i| v[*i]).collect::<Vec<f64>>();
        let groups_again: Vec<u32> = again.iter().map(|i| groups[*i]).collect();
        let (y2, p2) = (repeat(&y), repeat(&p));
        let (a, b) = (Scored::new(&y, &p, Some(&w)).unwrap(), Scored::new(&y2, &p2, None).unwrap());
        let lead = lead_time(&a, &days, &groups, k).unwrap();
        prop_assert_eq!(lead, lead_time(&b, &repeat(&days), &groups_again, k).unwrap());
        if let Some(lead) = lead {
            prop_assert!(lead.q25_days <= lead.median_days && lead.median_days <= lead.q75_days);
        }
    }

    #[test]
    fn texts_that_are_equal_are_together_and_groups_are_large(
        texts in prop::collection::vec("([abc]{2}|[xyz]{2}|\\PC{0,12})( ([abc]{2}|[xyz]{2})){0,4}", 0..60)
    ) {
        let texts: Vec<Vec<&str>> = texts.iter().map(|t| vec![t.as_str()]).collect();
        let bags = Lexicon::default().bags(&texts);
        let groups = TextGroups::fit(&bags, &TextGroupsParams::default()).unwrap();
        let of: Vec<Option<u32>> = (0..bags.len()).map(|i| groups.group_of(i)).collect();
        for i in 0..bags.len() {
            prop_assert!(bags[i].is_empty() <= of[i].is_none());
            prop_assert!((0..i).all(|j| bags[i] != bags[j] || of[i] == of[j]));
        }
        for g in 0..groups.n_groups() as u32 {
            prop_assert!(of.iter().filter(|x| **x == Some(g)).count() >= 5);
        }
    }

    #[test]
    fn a_word_holds_no_digit_and_no_space(text in "\\PC{0,200}") {
        for word in words(&text) {
            prop_assert!(!word.chars().any(|c| c.is_numeric() || c.is_whitespace() || c.is_control()), "{word:?}");
        }
    }
}

proptest! {
    /// With the empty cells put to either end, the ROC curve of the whole column says the same.
    #[test]
    fn a_column_alone_is_judged_as_by_the_roc_curve(
        rows in prop::collection::vec((prop::option::of(-5..5_i32), any::<bool>(), 1..4_u8), 2..60)
    ) {
        let column: Vec<f64> = rows.iter().map(|r| r.0.map_or(f64::NAN, f64::from)).collect();
        let y: Vec<f64> = rows.iter().map(|r| f64::from(u8::from(r.1))).collect();
        let w: Vec<f64> = rows.iter().map(|r| f64::from(r.2)).collect();
        let roc = |empty: f64| {
            let filled: Vec<f64> = column.iter().map(|v| if v.is_nan() { empty } else { *v }).collect();
            Metric::RocAuc.of(&Scored::new(&y, &filled, Some(&w)).unwrap()).map(|a| a.max(1.0 - a))
        };
        let got = auc_alone(&column, &y, Some(&w)).unwrap();
        let want = roc(-100.0).zip(roc(100.0)).map(|(a, b)| a.max(b));
        prop_assert_eq!(got.is_some(), want.is_some());
        if let (Some(g), Some(w)) = (got, want) {
            prop_assert!((g - w).abs() < 1e-12, "{} {}", g, w);
        }
    }
}
