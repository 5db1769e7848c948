//! Times the two learners on made-up rows of a realistic size: `cargo run --release -p forewarn-models
//! --example timings -- 60000 250`.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a tool for the developer, not part of a run"
)]

use forewarn_models::{
    BoostingParams, LogisticParams, Matrix, Metric, RiskLearner, RiskModel, Scored, TrainingData, sigmoid,
};
use std::time::Instant;

/// Rows of counts, signed numbers and gaps; 2 % of the rows fail, the others weigh 10.
fn rows(n: usize, p: usize, seed: u64) -> (Matrix, Vec<f64>, Vec<f64>) {
    let mut state = seed;
    let mut uniform = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / 9_007_199_254_740_992.0
    };
    let columns: Vec<Vec<f64>> = (0..p)
        .map(|j| {
            (0..n)
                .map(|_| match j % 5 {
                    0 => (-2.0 * uniform().max(1e-12).ln()).powi(2).floor(),
                    1 => (3.0 * uniform()).floor(),
                    2 if uniform() < 0.3 => f64::NAN,
                    _ => uniform() + uniform() - uniform(),
                })
                .collect()
        })
        .collect();
    let y: Vec<f64> = (0..n)
        .map(|i| {
            let z = (0..p.min(20))
                .map(|j| {
                    0.25 * if columns[j][i].is_nan() { 0.0 } else { columns[j][i].clamp(-2.0, 3.0) }
                        * if j % 2 == 0 { 1.0 } else { -1.0 }
                })
                .sum::<f64>();
            let cross = if columns[0][i] > 4.0 && columns[3][i] > 0.8 { 1.5 } else { 0.0 };
            f64::from(u8::from(uniform() < sigmoid(z + cross - 3.5)))
        })
        .collect();
    let w = y.iter().map(|y| if *y == 1.0 { 1.0 } else { 10.0 }).collect();
    (Matrix::from_columns(columns).unwrap(), y, w)
}

fn timed<L: RiskLearner>(
    name: &str,
    learner: &L,
    train: &(Matrix, Vec<f64>, Vec<f64>),
    test: &(Matrix, Vec<f64>, Vec<f64>),
) {
    let data = TrainingData::new(&train.0, &train.1, &train.2).unwrap();
    let start = Instant::now();
    let model = learner.fit(&data).unwrap();
    let fit = start.elapsed().as_secs_f64();
    let start = Instant::now();
    let z = model.log_odds(&test.0).unwrap();
    let predict = start.elapsed().as_secs_f64();
    let some: Vec<usize> = (0..test.1.len().min(1000)).collect();
    let start = Instant::now();
    let c = model.contributions(&test.0.select_rows(&some)).unwrap();
    let explain = start.elapsed().as_secs_f64();
    let gap = c.totals().iter().zip(&z).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    let s = Scored::new(&test.1, &z, Some(&test.2)).unwrap();
    println!(
        "{name:44} fit {fit:6.2} s, predict {predict:5.2} s, explain 1000 rows {explain:5.2} s (gap {gap:.0e}), AP {:.4}, {} bytes",
        Metric::AveragePrecision.of(&s).unwrap(),
        model.to_bytes().unwrap().len()
    );
}

fn main() {
    let sizes: Vec<usize> = std::env::args().skip(1).filter_map(|a| a.parse().ok()).collect();
    let (n, p) = (sizes.first().copied().unwrap_or(60_000), sizes.get(1).copied().unwrap_or(250));
    let (train, test) = (rows(n, p, 1), rows(n / 4, p, 2));
    println!("{n} rows x {p} columns, {} ones", train.1.iter().sum::<f64>());
    timed("logistic", &LogisticParams::default(), &train, &test);
    let d = BoostingParams::default;
    timed("boosting (defaults)", &d(), &train, &test);
    timed("boosting, all columns", &BoostingParams { column_share: 1.0, ..d() }, &train, &test);
    timed("boosting, 256 bins", &BoostingParams { n_bins: 256, ..d() }, &train, &test);
    timed("boosting, half of the rows", &BoostingParams { row_share: 0.5, ..d() }, &train, &test);
    timed(
        "boosting, 31 leaves, depth 8",
        &BoostingParams { max_leaves: 31, max_depth: 8, ..d() },
        &train,
        &test,
    );
    timed("boosting, columns 0.2", &BoostingParams { column_share: 0.2, ..d() }, &train, &test);
    timed("boosting, l2 1", &BoostingParams { l2: 1.0, ..d() }, &train, &test);
    timed("boosting, min leaf 20 events", &BoostingParams { min_leaf_events: 20.0, ..d() }, &train, &test);
}
