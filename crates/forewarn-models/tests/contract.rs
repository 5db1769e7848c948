//! One contract for every risk model: whoever implements `RiskLearner` is added to the list at the end. It
//! knows no model's inside.
#![expect(clippy::unwrap_used, clippy::tests_outside_test_module, reason = "a test fails by panicking")]

use forewarn_models::{
    BoostingParams, LogisticParams, Matrix, Metric, ModelError, RiskLearner, RiskModel, Scored, TrainingData,
};

/// 1,500 rows: a count with a heavy tail, a signed number, a column with gaps, a constant, an empty one and
/// noise. Outcomes follow the first three; the rows of outcome 0 are a tenth of all, with weight 10.
fn fleet() -> (Matrix, Vec<f64>, Vec<f64>) {
    let mut state = 42_u64;
    let mut uniform = move || {
        // Any fixed generator will do for test data (Knuth's MMIX constants).
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / 9_007_199_254_740_992.0
    };
    let mut columns = vec![Vec::new(); 6];
    let (mut y, mut w) = (Vec::new(), Vec::new());
    for i in 0..1500 {
        let count = (-3.0 * uniform().max(1e-9).ln()).powi(2).floor();
        let signed = 4.0 * uniform() - 2.0;
        let gap = if i % 3 == 0 { f64::NAN } else { uniform() };
        let z = -2.5 + 0.8 * count.ln_1p() + 0.7 * signed + if gap.is_nan() { 0.5 } else { gap };
        let failed = uniform() < 1.0 / (1.0 + (-z).exp());
        for (column, v) in columns.iter_mut().zip([count, signed, gap, 7.0, f64::NAN, uniform()]) {
            column.push(v);
        }
        y.push(f64::from(u8::from(failed)));
        w.push(if failed { 1.0 } else { 10.0 });
    }
    (Matrix::from_columns(columns).unwrap(), y, w)
}

/// Rows such as no training row was.
fn strange() -> Matrix {
    let v = [f64::NAN, 0.0, -1e12, 1e12, 1e-300];
    Matrix::from_columns((0..6).map(|j| (0..5).map(|i| v[(i + j) % 5]).collect()).collect()).unwrap()
}

/// `flat_to`: how near a model without information comes to the base rate; samples of rows have noise of
/// their own.
fn keeps_the_contract<L: RiskLearner>(name: &str, learner: &L, flat_to: f64) {
    let (x, y, w) = fleet();
    let data = TrainingData::new(&x, &y, &w).unwrap();
    let model = learner.fit(&data).unwrap();
    assert_eq!(model.n_columns(), 6, "{name}");

    let z = model.log_odds(&x).unwrap();
    assert!(z.iter().all(|z| z.is_finite()), "{name}: log odds are finite");
    assert!(
        model.log_odds(&strange()).unwrap().iter().all(|z| z.is_finite()),
        "{name}: also of strange rows"
    );
    let skill = Metric::RocAuc.of(&Scored::new(&y, &z, Some(&w)).unwrap()).unwrap();
    assert!(skill > 0.7, "{name}: learns something, found an AUC of {skill}");
    let q: Vec<f64> = z.iter().map(|z| 1.0 / (1.0 + (-z).exp())).collect();
    let mean = q.iter().zip(&w).map(|(q, w)| q * w).sum::<f64>() / w.iter().sum::<f64>();
    assert!(
        (mean / data.base_rate() - 1.0).abs() < 0.05,
        "{name}: the mean is the weighted base rate, found {mean}"
    );

    for rows in [&x, &strange()] {
        let c = model.contributions(rows).unwrap();
        assert_eq!((c.values.n_rows(), c.values.n_cols()), (rows.n_rows(), 6), "{name}");
        for (a, b) in c.totals().iter().zip(model.log_odds(rows).unwrap()) {
            assert!((a - b).abs() < 1e-9, "{name}: contributions add up, found {a} for {b}");
        }
        for empty in [3, 4] {
            assert!(
                c.values.column(empty).iter().all(|v| *v == 0.0),
                "{name}: nothing comes from a column that says nothing"
            );
        }
    }

    let bytes = model.to_bytes().unwrap();
    for threads in [1, 2, 5] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let again = pool.install(|| learner.fit(&data).unwrap());
        assert_eq!(again.to_bytes().unwrap(), bytes, "{name}: the same bytes on {threads} threads");
        assert_eq!(
            pool.install(|| again.contributions(&x).unwrap()),
            model.contributions(&x).unwrap(),
            "{name}"
        );
    }
    let stored = L::Fitted::from_bytes(&bytes).unwrap();
    assert_eq!(stored.log_odds(&x).unwrap(), z, "{name}: a stored model predicts the same bits");
    assert!(L::Fitted::from_bytes(&bytes[..bytes.len() / 2]).is_err(), "{name}: half a model is refused");

    let scaled: Vec<f64> = w.iter().map(|w| w * 8.0).collect();
    let heavier = learner.fit(&TrainingData::new(&x, &y, &scaled).unwrap()).unwrap().log_odds(&x).unwrap();
    let change = heavier.iter().zip(&z).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    assert!(
        change < 0.2,
        "{name}: what a row weighs in absolute terms hardly matters, found a change of {change}"
    );

    let narrow = x.select_columns(&[0, 1]);
    assert!(
        matches!(model.log_odds(&narrow), Err(ModelError::Length { found: 2, expected: 6, .. })),
        "{name}"
    );
    let none = x.select_rows(&[]);
    assert!(model.log_odds(&none).unwrap().is_empty(), "{name}: no rows, no answers");
    assert!(matches!(TrainingData::new(&none, &[], &[]), Err(ModelError::Empty { .. })), "{name}");
    assert!(
        matches!(TrainingData::new(&x, &vec![1.0; y.len()], &w), Err(ModelError::OneClass { .. })),
        "{name}"
    );

    // Columns that cannot tell rows apart leave the base rate.
    let blank = x.select_columns(&[3, 4]);
    let flat = learner.fit(&TrainingData::new(&blank, &y, &w).unwrap()).unwrap().log_odds(&blank).unwrap();
    let base = data.base_rate();
    assert!(
        flat.iter().all(|z| (z - (base / (1.0 - base)).ln()).abs() < flat_to),
        "{name}: found {}",
        flat[0]
    );
}

#[test]
fn every_risk_model_keeps_the_contract() {
    keeps_the_contract("logistic", &LogisticParams::default(), 1e-6);
    keeps_the_contract("plain logistic", &LogisticParams { transforms: false, ..Default::default() }, 1e-6);
    keeps_the_contract("boosting", &BoostingParams::default(), 0.1);
    let boosting = BoostingParams {
        iterations: 60,
        learning_rate: 0.05,
        row_share: 1.0,
        column_share: 0.5,
        ..Default::default()
    };
    keeps_the_contract("boosting on all rows", &boosting, 1e-4);
    keeps_the_contract(
        "boosting on samples",
        &BoostingParams { row_share: 0.7, column_share: 0.4, seed: 9, ..boosting },
        0.05,
    );
}

#[test]
fn boosting_stops_early_and_depends_on_its_seed() {
    let (x, y, w) = fleet();
    let rows: Vec<usize> = (0..1500).collect();
    let part = |rows: &[usize]| {
        let pick = |v: &[f64]| rows.iter().map(|&i| v[i]).collect::<Vec<_>>();
        (x.select_rows(rows), pick(&y), pick(&w))
    };
    let (train, test) = (part(&rows[..1000]), part(&rows[1000..]));
    let (train, test) = (
        TrainingData::new(&train.0, &train.1, &train.2).unwrap(),
        TrainingData::new(&test.0, &test.1, &test.2).unwrap(),
    );
    let params = BoostingParams {
        iterations: 500,
        learning_rate: 0.3,
        early_stopping: Some(10),
        column_share: 0.5,
        ..Default::default()
    };
    let model = params.grow(&train, Some(&test)).unwrap();
    assert!(model.n_trees() < 200, "stopped after {}", model.n_trees());
    let other = BoostingParams { seed: 1, ..params }.grow(&train, Some(&test)).unwrap();
    assert_ne!(model, other);
    assert!(model.n_splits()[0] > 0);
}

#[test]
fn many_rows_give_the_same_bytes_on_any_number_of_threads() {
    // Enough rows and columns that both learners cut their work into parts.
    let (x, y, w) = fleet();
    let rows: Vec<usize> = (0..40_000).map(|i| (i * 7 + i / 1500) % 1500).collect();
    let columns: Vec<usize> = (0..72).map(|j| [0, 1, 2, 5][j % 4]).collect();
    let wide = x.select_rows(&rows).select_columns(&columns);
    let shifted = (0..72).map(|j| {
        wide.column(j).iter().enumerate().map(|(i, v)| v + (i * (j + 1) % 97) as f64 / 50.0).collect()
    });
    let x = Matrix::from_columns(shifted.collect()).unwrap();
    let pick = |v: &[f64]| rows.iter().map(|&i| v[i]).collect::<Vec<_>>();
    let (y, w) = (pick(&y), pick(&w));
    let data = TrainingData::new(&x, &y, &w).unwrap();
    let fitted = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let boosting = BoostingParams { iterations: 8, row_share: 0.8, ..Default::default() };
        pool.install(|| {
            let (a, b) = (LogisticParams::default().fit(&data).unwrap(), boosting.fit(&data).unwrap());
            (a.to_bytes().unwrap(), b.to_bytes().unwrap())
        })
    };
    assert_eq!(fitted(1), fitted(2));
}
