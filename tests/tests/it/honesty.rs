//! What forewarn claims where there is nothing, or too little, to learn. It knows the department of [`crate::night`], whose
//! failures follow bursts of tickets, and takes that away.

use forewarn_engine::{BacktestPlan, BacktestResult, Refit, Silent, backtest, run};
use forewarn_frames::output::LEDGER;
use forewarn_frames::time::{DAY, HOUR, Micros};
use forewarn_frames::{Cutoff, Every, Frames, Horizon, Severity};
use forewarn_models::{Metric, Scored};

use crate::fleet::{Dice, Rows, START};
use crate::night::department;
use crate::no_lookahead::settings;

fn judged(rows: &Rows) -> BacktestResult {
    let plan = BacktestPlan {
        from: Cutoff::from_day(START + 250),
        to: Cutoff::from_day(START + 340),
        every: Every::Weeks(1),
        refit: Refit::Once,
        horizons: vec![Horizon::days(14).unwrap()],
    };
    backtest(&Frames::new(rows.inputs()).unwrap(), &settings(), &plan, &Silent).unwrap()
}

/// Average precision, base rate and mean probability of the predictions.
fn score(result: &BacktestResult) -> (f64, f64, f64) {
    let outcome = result.predictions.column("outcome").unwrap().bool().unwrap();
    let probability = result.predictions.column("probability").unwrap().f64().unwrap();
    let (y, p): (Vec<f64>, Vec<f64>) = outcome
        .iter()
        .zip(probability.iter())
        .filter_map(|(y, p)| Some((f64::from(u8::from(y?)), p?)))
        .unzip();
    let s = Scored::new(&y, &p, None).unwrap();
    let mean = p.iter().sum::<f64>() / p.len() as f64;
    (Metric::AveragePrecision.of(&s).unwrap(), s.base_rate().unwrap(), mean)
}

#[test]
fn shuffled_labels_score_the_base_rate() {
    let mut rows = department(false);
    let (ap, base, _) = score(&judged(&rows));
    assert!(ap > 2.0 * base, "the department can be learned: {ap} of {base}");
    let mut d = Dice(11);
    for f in &mut rows.failures {
        f.asset = format!("A{:02}", d.below(60));
    }
    let (ap, base, mean) = score(&judged(&rows));
    assert!(ap < 1.4 * base, "shuffled labels: average precision {ap} at a base rate of {base}");
    assert!((mean / base - 1.0).abs() < 0.35, "mean probability {mean} at a base rate of {base}");
}

#[test]
fn fewer_than_thirty_failures_are_ranked_by_a_baseline_that_says_so() {
    let mut rows = department(false);
    rows.failures.truncate(6);
    let result =
        run(&Frames::new(rows.inputs()).unwrap(), &settings(), &LEDGER.empty(), None, &Silent).unwrap();
    let s = &result.summary;
    assert!(!s.beats_baseline && s.chosen_model.ends_with("_rate"), "{s:?}");
    assert!(s.chosen_because.contains("fewer than 30"), "{}", s.chosen_because);
    let p = result.ranking.column("probability").unwrap().f64().unwrap();
    assert!(p.iter().flatten().all(|p| p > 0.0 && p < 0.5));
}

#[test]
fn without_failures_the_ranking_says_that_there_was_nothing_to_learn_from() {
    let mut rows = department(false);
    rows.failures.clear();
    let result =
        run(&Frames::new(rows.inputs()).unwrap(), &settings(), &LEDGER.empty(), None, &Silent).unwrap();
    let s = &result.summary;
    assert!(!s.beats_baseline, "{s:?}");
    assert!(s.chosen_because.contains("no failure within 30 days"), "{}", s.chosen_because);
    let p: Vec<f64> = result.ranking.column("probability").unwrap().f64().unwrap().iter().flatten().collect();
    assert_eq!(p.len(), result.ranking.height());
    assert!(p.iter().all(|p| *p > 0.0 && *p < 0.05), "{p:?}");
    assert!(result.recurrences.height() > 0 && result.forecasts.height() > 0);
}

/// The department with a metric read daily: what it shows on a day, given the days until the asset's next failure.
fn with_metric(shows: impl Fn(Option<i64>, &mut Dice) -> f64) -> Rows {
    let mut rows = department(false);
    let mut d = Dice(3);
    let first = Micros::from(START) * DAY;
    let days = (rows.end.micros() - first) / DAY;
    for (asset, ..) in &rows.assets.clone() {
        for day in 0..days {
            let at = first + day * DAY + 12 * HOUR;
            let next = rows.failures.iter().filter(|f| f.asset == *asset && f.at > at).map(|f| f.at).min();
            let until = next.map(|t| (t - at) / DAY);
            rows.readings.push((asset.clone(), at, shows(until, &mut d), None));
        }
    }
    rows
}

/// Whether the metric was named by the leakage check, and then no feature reads it.
fn is_left_out(rows: &Rows, keep: &[&str]) -> bool {
    let mut settings = settings();
    settings.risk.keep = keep.iter().map(|k| (*k).to_owned()).collect();
    let result =
        run(&Frames::new(rows.inputs()).unwrap(), &settings, &LEDGER.empty(), None, &Silent).unwrap();
    // What the watch for anomalies costs is told as well.
    let leaks: Vec<_> = result.findings.iter().filter(|f| f.check != "anomaly_alarms").collect();
    let named = leaks.iter().any(|f| f.column.as_deref() == Some("wear"));
    assert!(leaks.iter().all(|f| f.check == "leakage" && f.severity == Severity::Warning));
    assert!(leaks.iter().all(|f| f.column.as_deref() == Some("wear")), "only what was planted: {leaks:?}");
    let read = result.features.column("feature").unwrap().str().unwrap().iter().flatten();
    assert_eq!(read.filter(|f| f.starts_with("wear.")).count() == 0, named);
    named
}

#[test]
fn a_metric_that_knows_the_future_is_named_and_left_out() {
    let soon = |until: Option<i64>| until.is_some_and(|d| d < 30);
    let flag = with_metric(|until, _| f64::from(u8::from(soon(until))));
    assert!(is_left_out(&flag, &[]), "a flag");
    assert!(!is_left_out(&flag, &["wear"]), "a flag that is to be kept");
    let noisy = with_metric(|until, d| f64::from(u8::from(soon(until))) + d.below(120) as f64 / 100.0);
    assert!(is_left_out(&noisy, &[]), "a flag with noise");
    // Filled in for other days than those that are asked about.
    for days in [10, 20, 45] {
        let some = with_metric(|until, d| {
            f64::from(u8::from(until.is_some_and(|u| u < days))) + d.below(100) as f64 / 110.0
        });
        assert!(is_left_out(&some, &[]), "a flag for the {days} days before");
    }
    let countdown = with_metric(|until, _| until.map_or(999.0, |d| d as f64));
    assert!(is_left_out(&countdown, &[]), "the days that are left");
}

#[test]
fn a_metric_that_announces_failures_is_no_leak() {
    // It rises over the last three weeks, from within the noise to far above it.
    let warning = with_metric(|until, d| {
        let rise = until.filter(|u| *u < 21).map_or(0.0, |u| 21.0 - u as f64);
        rise + d.below(100) as f64 / 20.0
    });
    assert!(!is_left_out(&warning, &[]));
    // It wears over more than two horizons, and tells the last of them nearly without error.
    let wear = with_metric(|until, d| {
        let left = until.map_or(75, |u| u.min(75));
        d.below(20) as f64 - left as f64
    });
    assert!(!is_left_out(&wear, &[]));
    // It is loud on more and more of the last twenty days.
    let louder = with_metric(|until, d| {
        let loud = until.is_some_and(|u| u < 20 && d.below(20) as i64 >= u);
        d.below(100) as f64 / 20.0 + if loud { 10.0 } else { 0.0 }
    });
    assert!(!is_left_out(&louder, &[]));
    // Nothing but noise.
    assert!(!is_left_out(&with_metric(|_, d| d.below(100) as f64), &[]));
}
