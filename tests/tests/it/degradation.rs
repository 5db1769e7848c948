//! What gets worse in the telemetry: what is planted is told, what is not is not, odd series give an answer, and nothing sees
//! the future.

use forewarn_engine::{
    BacktestPlan, DegradationBacktest, Refit, Settings, Silent, Threshold, backtest_degradation, run,
};
use forewarn_features::{Catalog, Limit, compute};
use forewarn_frames::output::{DEGRADATION, DEGRADATIONS, LEDGER};
use forewarn_frames::time::{DAY, HOUR, Micros};
use forewarn_frames::{Cutoff, Every, FrameInputs, Frames, Horizon};
use proptest::prelude::*;

use crate::fleet::{DAYS, Dice, Failure, Rows, START};
use crate::no_lookahead::{Spoil, settings, spoiled};

/// Days of the series below.
const N_DAYS: i64 = 200;

/// Forty assets, each with a quiet `heat` of its own level; `odd` says what the first shows instead, and how full its disk is.
fn with(odd: impl Fn(i64, &mut Dice) -> (f64, Option<f64>)) -> Rows {
    let mut d = Dice(7);
    let mut rows = Rows::random(0);
    rows.tickets.clear();
    rows.readings.clear();
    rows.failures.clear();
    rows.events.clear();
    rows.end = Cutoff::from_day(START + N_DAYS as i32);
    for a in &mut rows.assets {
        (a.1, a.2, a.3, a.4) = ("disk".into(), "m1".into(), None, None);
    }
    for a in 0..40 {
        let id = format!("A{a:02}");
        for day in 0..N_DAYS {
            let at = (Micros::from(START) + day) * DAY + 6 * HOUR;
            let quiet = 40.0 + f64::from(a) / 4.0 + d.below(400) as f64 / 100.0;
            let heat = if a == 0 { odd(day, &mut d) } else { (30.0, Some(quiet)) };
            rows.readings.push((id.clone(), at, heat.0, heat.1));
        }
    }
    rows
}

fn flagged(rows: &Rows, settings: &Settings) -> DegradationBacktest {
    let plan = BacktestPlan {
        from: rows.end,
        to: rows.end,
        every: Every::Days(1),
        refit: Refit::Once,
        horizons: vec![Horizon::days(90).unwrap()],
    };
    backtest_degradation(&Frames::new(rows.inputs()).unwrap(), settings, &plan, &Silent).unwrap()
}

/// The kinds flagged on a metric of the first asset, and of how many others anything was.
fn kinds(rows: &Rows, settings: &Settings, metric: &str) -> (Vec<String>, usize) {
    let df = flagged(rows, settings).degradation;
    DEGRADATION.check(&df).unwrap();
    let text = |c: &str| df.column(c).unwrap().str().unwrap().clone();
    let (id, metrics, kind) = (text("asset_id"), text("metric"), text("kind"));
    let mut own = Vec::new();
    let mut others = 0;
    for i in 0..df.height() {
        if id.get(i) != Some("A00") {
            others += 1;
        } else if metrics.get(i) == Some(metric) {
            own.push(kind.get(i).unwrap().to_owned());
        }
    }
    own.sort();
    (own, others)
}

#[test]
fn what_is_planted_is_told_and_the_rest_is_quiet() {
    let noise = |d: &mut Dice| d.below(400) as f64 / 100.0;
    let check = |name: &str, rows: Rows, want: &[&str]| {
        let (own, others) = kinds(&rows, &settings(), "heat");
        for kind in want {
            assert!(own.iter().any(|k| k == kind), "{name}: {kind} is not among {own:?}");
        }
        assert!(!want.is_empty() || own.is_empty(), "{name}: {own:?}");
        assert!(others <= 3, "{name}: {others} findings on quiet assets");
    };
    check("quiet", with(|_, d| (30.0, Some(40.0 + noise(d)))), &[]);
    check("a slow rise", with(|t, d| (30.0, Some(40.0 + 0.05 * t as f64 + noise(d)))), &["trend"]);
    let jumped = |t: i64, d: &mut Dice| (30.0, Some(if t < N_DAYS - 15 { 40.0 } else { 60.0 } + noise(d)));
    check("a jump", with(jumped), &["change_point"]);
    let struck = |t: i64, d: &mut Dice| (30.0, Some(if t == N_DAYS - 2 { 95.0 } else { 40.0 } + noise(d)));
    check("a day unlike all others", with(struck), &["anomaly", "peer"]);
    // A burst every night is how this asset is.
    let nightly = |t: i64, d: &mut Dice| (30.0, Some(if t % 2 == 0 { 70.0 } else { 40.0 } + noise(d)));
    check("bursts", with(nightly), &[]);
}

#[test]
fn a_level_that_nears_its_threshold_says_when() {
    let settings = Settings {
        thresholds: vec![Threshold { metric: "heat".into(), above: Some(90.0), below: None }],
        ..settings()
    };
    // 0.2 a day, 80 at the end: 50 days ahead.
    let rows = with(|t, d| (30.0, Some(80.0 - 0.2 * (N_DAYS - t) as f64 + d.below(100) as f64 / 100.0)));
    let df = flagged(&rows, &settings).degradation;
    let number = |c: &str| df.column(c).unwrap().f64().unwrap().get(0).unwrap();
    assert_eq!(df.height(), 1, "{df}");
    let (low, median, high) = (number("eta_low"), number("eta_days"), number("eta_high"));
    assert!((35.0..65.0).contains(&median) && low < median && median < high, "{low} {median} {high}");
    // What was cleaned up is far from it again, and a burst crosses nothing.
    let cleaned = with(|t, d| (30.0, Some(if t < 150 { 80.0 } else { 30.0 } + d.below(100) as f64 / 100.0)));
    assert_eq!(kinds(&cleaned, &settings, "heat").0.len(), 0);
    let burst = with(|t, d| (30.0, Some(if t == 120 { 99.0 } else { 50.0 } + d.below(100) as f64 / 100.0)));
    assert_eq!(kinds(&burst, &settings, "heat").0.len(), 0);
}

#[test]
fn odd_series_give_an_answer_and_stop_nobody() {
    let check = |name: &str, odd: &dyn Fn(i64, &mut Dice) -> (f64, Option<f64>)| {
        let rows = with(odd);
        let (_, others) = kinds(&rows, &settings(), "heat");
        assert!(others <= 3, "{name}: {others}");
        // The same on the run, with words.
        let result =
            run(&Frames::new(rows.inputs()).unwrap(), &settings(), &LEDGER.empty(), None, &Silent).unwrap();
        DEGRADATIONS.check(&result.degradations).unwrap();
        let words = result.degradations.column("text").unwrap().str().unwrap().clone();
        assert!(
            words.iter().flatten().all(|t| !t.contains("NaN") && !t.contains("inf")),
            "{name}: {words:?}"
        );
        result
    };
    check("constant", &|_, _| (1.0, Some(5.0)));
    check("two points", &|t, _| (1.0, (t == 3 || t == 90).then_some(t as f64)));
    check("all missing", &|_, _| (1.0, None));
    check("infinite and not a number", &|t, _| {
        (1.0, Some([f64::INFINITY, f64::NAN, f64::NEG_INFINITY, 5.0][t as usize % 4]))
    });
    check("huge", &|t, _| (1.0, Some(if t % 2 == 0 { 1e300 } else { -1e300 })));
    check("a stuck sensor", &|t, d| (1.0, Some(if t < 100 { d.below(100) as f64 } else { 42.0 })));
    check("a counter that wraps", &|t, _| ((t * 40_000_000 % 4_294_967_296) as f64, Some(5.0)));
    let unit = check("a unit that changes", &|t, d| {
        (1.0, Some((40.0 + d.below(100) as f64 / 50.0) * if t < N_DAYS - 20 { 1.0 } else { 1000.0 }))
    });
    let text = unit.degradations.column("text").unwrap().str().unwrap();
    assert!(text.iter().flatten().any(|t| t.starts_with("heat jumped from 4")), "{text:?}");
}

/// Sixty assets whose `heat` rises until they fail at 90 and start anew, each at a pace of its own.
fn filling() -> Rows {
    let mut d = Dice(11);
    let mut rows = with(|_, _| (30.0, None));
    rows.readings.clear();
    let template = rows.assets[0].clone();
    rows.assets.clear();
    rows.end = Cutoff::from_day(START + 400);
    for a in 0..60 {
        let id = format!("A{a:02}");
        rows.assets.push((id.clone(), template.1.clone(), template.2.clone(), None, None));
        let pace = if a % 3 == 0 { 0.0 } else { 0.2 + d.below(60) as f64 / 100.0 };
        let mut level = 20.0 + d.below(50) as f64;
        for day in 0..400 {
            let at = (Micros::from(START) + day) * DAY + 6 * HOUR;
            level += pace;
            rows.readings.push((id.clone(), at, 30.0, Some(level + d.below(200) as f64 / 100.0)));
            if level >= 90.0 {
                rows.failures.push(Failure {
                    asset: id.clone(),
                    at: at + 2 * HOUR,
                    known_at: None,
                    mode: None,
                    mode_known_at: None,
                });
                level = 20.0;
            }
        }
    }
    rows
}

#[test]
fn how_far_a_threshold_is_feeds_the_risk_and_reasons_refer_to_what_was_found() {
    let settings = Settings {
        thresholds: vec![Threshold { metric: "heat".into(), above: Some(90.0), below: None }],
        ..settings()
    };
    let frames = Frames::new(filling().inputs()).unwrap();
    let history = frames.as_of(frames.end());
    let limit = |metric: &str| {
        if metric == "heat" { vec![Limit { value: 90.0, above: true }] } else { Vec::new() }
    };
    let catalog = Catalog::of(&history).with_limits(&history, &limit);
    let table = compute(&history, &catalog, &history.population(), None);
    let named = |name: &str| catalog.features().iter().position(|f| f.name == name).unwrap();
    let (until, mean) =
        (&table.numbers[named("heat.days_until_above_90")], &table.numbers[named("heat.mean_7d")]);
    let last = &table.numbers[named("heat.last")];
    let mut near = 0;
    for i in 0..60 {
        assert!((0.0..=365.0).contains(&until[i]), "{} {}", until[i], mean[i]);
        // The pace is at most 0.8 a day.
        let paced = until[i] < 365.0 && until[i] > 0.0;
        assert!(!paced || until[i] > (90.0 - mean[i]) / 0.9 || last[i] < mean[i], "{} {}", until[i], mean[i]);
        near += usize::from(paced && until[i] < 60.0);
    }
    assert!(near >= 3, "{near} assets near the threshold");
    let result = run(&frames, &settings, &LEDGER.empty(), None, &Silent).unwrap();
    let features = result.features.column("feature").unwrap().str().unwrap().clone();
    assert!(features.iter().flatten().any(|f| f == "heat.days_until_above_90"));
    let mut bytes = Vec::new();
    forewarn_report::write_csv(&result.ranking.head(Some(3)), &mut bytes).unwrap();
    let text = String::from_utf8(bytes).unwrap();
    assert!(text.contains("; it is at "), "no reason refers to what was found: {text}");
}

/// Four hundred assets; forty fail, one after the other, and run hot in the fifty days before.
fn hot_before_failures() -> Rows {
    let mut d = Dice(13);
    let mut rows = with(|_, _| (30.0, None));
    rows.readings.clear();
    let template = rows.assets[0].clone();
    rows.assets.clear();
    rows.end = Cutoff::from_day(START + 400);
    for a in 0..400 {
        let id = format!("A{a:03}");
        rows.assets.push((id.clone(), template.1.clone(), template.2.clone(), None, None));
        // The last four are hot when the records end, and have not failed yet.
        let fails = (a < 44).then_some(if a < 40 { 80 + 8 * a } else { 370 + a });
        for day in 0..fails.map_or(400, |f| f.min(400)) {
            let at = (Micros::from(START) + day) * DAY + 6 * HOUR;
            let hot = fails.is_some_and(|f| day > f - 50);
            let heat = if hot { 70.0 } else { 40.0 } + d.below(400) as f64 / 100.0;
            rows.readings.push((id.clone(), at, 30.0, Some(heat)));
        }
        if let Some(day) = fails.filter(|f| *f < 400) {
            let at = (Micros::from(START) + day) * DAY + 6 * HOUR;
            rows.failures.push(Failure { asset: id, at, known_at: None, mode: None, mode_known_at: None });
        }
    }
    rows
}

#[test]
fn a_level_before_earlier_failures_is_learned_as_a_threshold() {
    let inputs = FrameInputs { terminal: true, ..hot_before_failures().inputs() };
    let result = run(&Frames::new(inputs).unwrap(), &settings(), &LEDGER.empty(), None, &Silent).unwrap();
    let df = result.degradations;
    let text = |c: &str| df.column(c).unwrap().str().unwrap().clone();
    let (id, words) = (text("asset_id"), text("text"));
    let (threshold, eta) =
        (df.column("threshold").unwrap().f64().unwrap(), df.column("eta_days").unwrap().f64().unwrap());
    let mut told = Vec::new();
    for i in 0..df.height() {
        let said = words.get(i).unwrap();
        if said.contains("of earlier assets at") {
            // Between what the quiet ones have and what the hot ones have; or the rise from the one to the other.
            let range = if said.starts_with("heat is at") { 43.5..=70.0 } else { 4.0..=30.0 };
            assert!(range.contains(&threshold.get(i).unwrap()), "{said}");
            assert_eq!(eta.get(i), Some(0.0));
            told.push(id.get(i).unwrap().to_owned());
        }
    }
    told.sort();
    told.dedup();
    let hot = ["A040", "A041", "A042", "A043"];
    assert!(hot.iter().all(|a| told.iter().any(|t| t == a)), "{told:?}");
    // One in a hundred of the quiet ones may show as much.
    assert!(told.len() <= hot.len() + 8, "{told:?}");
}

/// Units whose `heat` rises from 20 to 90, where they fail for good; each is read for ten days more.
fn run_to_failure() -> Rows {
    let mut d = Dice(17);
    let mut rows = with(|_, _| (30.0, None));
    rows.readings.clear();
    let template = rows.assets[0].clone();
    rows.assets.clear();
    rows.end = Cutoff::from_day(START + 400);
    for a in 0..80 {
        let id = format!("A{a:02}");
        let start = i64::from(a) * 4;
        let at = |day: i64| (Micros::from(START) + start + day) * DAY + 6 * HOUR;
        rows.assets.push((id.clone(), template.1.clone(), template.2.clone(), Some(at(0)), None));
        let pace = 0.4 + d.below(40) as f64 / 100.0;
        let life = (70.0 / pace) as i64;
        for day in 0..(life + 10).min(400 - start) {
            let heat = 20.0 + pace * day as f64 + d.below(200) as f64 / 100.0;
            rows.readings.push((id.clone(), at(day), 30.0, Some(heat)));
        }
        if start + life < 400 {
            let at = at(life) + 2 * HOUR;
            rows.failures.push(Failure { asset: id, at, known_at: None, mode: None, mode_known_at: None });
        }
    }
    rows
}

#[test]
fn units_that_run_to_failure_teach_how_long_the_others_have() {
    let rows = run_to_failure();
    let inputs = FrameInputs { terminal: true, ..rows.inputs() };
    let ranking =
        run(&Frames::new(inputs).unwrap(), &settings(), &LEDGER.empty(), None, &Silent).unwrap().ranking;
    let id = ranking.column("asset_id").unwrap().str().unwrap();
    let number = |c: &str| ranking.column(c).unwrap().f64().unwrap().clone();
    let (median, low) = (number("remaining_life_days"), number("remaining_life_low"));
    let heat = |asset: &str, day: i64| {
        let at = (Micros::from(START) + day) * DAY + 6 * HOUR;
        rows.readings.iter().find(|r| r.0 == asset && r.1 == at).and_then(|r| r.3)
    };
    let (mut n, mut errors) = (0.0, 0.0);
    for i in 0..ranking.height() {
        let asset = id.get(i).unwrap();
        // Its pace over the last 60 days, where it has run for so long.
        let (Some(now), Some(before)) = (heat(asset, 399), heat(asset, 339)) else { continue };
        let left = (90.0 - now) * 60.0 / (now - before);
        let told = median.get(i).expect("more than the longest horizon of 30 days can be told");
        assert!(low.get(i).unwrap() <= told);
        errors += (told - left).abs();
        n += 1.0;
    }
    assert!(n >= 6.0 && errors / n < 8.0, "{n} units, mean error {}", errors / n);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn findings_do_not_see_the_future_or_the_order_of_rows(
        seed in any::<u64>(),
        day in DAYS as i32 / 2..DAYS as i32 - 20,
        how in prop_oneof![Just(Spoil::Delete), Just(Spoil::Poison), Just(Spoil::Both)],
    ) {
        let rows = Rows::random(seed);
        let cutoff = Cutoff::from_day(START + day);
        let said = |rows: &Rows| {
            let plan = BacktestPlan { from: cutoff, to: cutoff, every: Every::Days(1), refit: Refit::Once,
                horizons: vec![Horizon::days(30).unwrap()] };
            let df = backtest_degradation(&Frames::new(rows.inputs()).unwrap(), &settings(), &plan, &Silent)
                .unwrap().degradation;
            // What came is what the future is for.
            df.drop_many(["outcome_days", "crossed_days", "watched_days"])
        };
        let plain = said(&rows);
        prop_assert!(plain.equals_missing(&said(&spoiled(&rows, cutoff, how, seed))));
        prop_assert!(plain.equals_missing(&said(&rows.shuffled(seed))));
    }
}
