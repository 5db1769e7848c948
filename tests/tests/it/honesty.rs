//! What forewarn claims where there is nothing, or too little, to learn. It knows the department of [`crate::night`], whose
//! failures follow bursts of tickets, and takes that away.

use forewarn_engine::{BacktestPlan, BacktestResult, Refit, Silent, backtest, run};
use forewarn_frames::{Cutoff, Every, Frames, Horizon};
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
    let result = run(&Frames::new(rows.inputs()).unwrap(), &settings(), &Silent).unwrap();
    let s = &result.summary;
    assert!(!s.beats_baseline && s.chosen_model.ends_with("_rate"), "{s:?}");
    assert!(s.chosen_because.contains("fewer than 30"), "{}", s.chosen_because);
    let p = result.ranking.column("probability").unwrap().f64().unwrap();
    assert!(p.iter().flatten().all(|p| p > 0.0 && p < 0.5));
}
