//! The look-ahead wall: at random cutoffs every cell that was not known yet is deleted, changed or poisoned; features,
//! predictions and ranking stay the same to the last bit. The features are walked through their catalog, so a new one is
//! covered on arrival.

use forewarn_engine::{BacktestPlan, Capacity, Refit, RiskSettings, Settings, Silent, backtest, run};
use forewarn_features::{Catalog, Condition, Limit, Sequence, compute};
use forewarn_frames::output::LEDGER;
use forewarn_frames::time::{DAY, HOUR, Micros};
use forewarn_frames::{Cutoff, Every, Frames, Horizon};
use polars::prelude::*;
use proptest::prelude::*;

use crate::fleet::{DAYS, Dice, Failure, Rows, START};

/// How the unknown is spoiled.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Spoil {
    Delete,
    Poison,
    Both,
}

/// The same rows with everything spoiled that was not known strictly before the cutoff.
pub(crate) fn spoiled(rows: &Rows, cutoff: Cutoff, how: Spoil, seed: u64) -> Rows {
    let at = cutoff.micros();
    let mut d = Dice(seed);
    let mut out = rows.clone();
    let delete = !matches!(how, Spoil::Poison);
    let poison = !matches!(how, Spoil::Delete);
    let later = |d: &mut Dice| at + d.below(100 * 24) as i64 * HOUR;
    for a in &mut out.assets {
        for t in [&mut a.3, &mut a.4] {
            if t.is_some_and(|t| t >= at) {
                *t = Some(later(&mut d));
            }
        }
        if a.4.is_some_and(|t| t >= at) && delete {
            a.4 = None;
        }
    }
    if delete {
        out.attributes.retain(|r| r.3 < at);
        out.tickets.retain(|t| t.opened < at);
        out.readings.retain(|r| r.1 < at);
        out.events.retain(|e| e.1 < at);
        out.failures.retain(|f| f.at < at);
        out.actions.retain(|a| a.1 < at);
    }
    if poison {
        for t in &mut out.tickets {
            if t.opened >= at {
                t.category = "never seen".into();
                t.asset = "A00".into();
            }
            if t.resolved.is_none_or(|r| r >= at) {
                // Open at the cutoff: when it ends, and all that is known late, may become anything.
                t.resolved = d.chance(0.5).then(|| later(&mut d));
                t.priority = d.below(100) as f64;
                t.reopened = d.below(100) as f64;
                t.category = "changed since".into();
            }
        }
        for r in &mut out.readings {
            if r.1 >= at {
                (r.2, r.3) = (-1e9, Some(1e9));
            }
        }
        for f in &mut out.failures {
            // Whether a ticket counts as failure may rest on cells that are known late.
            if f.at >= at || f.known_at.is_some_and(|k| k >= at) {
                f.known_at = Some(f.at.max(at) + d.below(50) as i64 * DAY);
            }
            if f.at >= at || f.mode_known_at.is_some_and(|k| k >= at) {
                (f.mode, f.mode_known_at) = (Some("never seen".into()), Some(at + DAY));
            }
        }
        // Assets that come later, of kinds and models that nobody has seen.
        for i in 0..3 {
            let word = |what: &str| format!("{what} {i}");
            out.assets.push((word("A later"), word("kind"), word("model"), Some(later(&mut d)), None));
        }
        let n = 20 + d.below(50);
        for i in 0..n {
            let t = later(&mut d);
            let id = format!("A{:02}", d.below(60));
            out.failures.push(Failure {
                asset: id.clone(),
                at: t,
                known_at: None,
                mode: Some("meteor".into()),
                mode_known_at: None,
            });
            out.events.push((id.clone(), t, "meteor".into()));
            out.actions.push((
                id.clone(),
                t,
                ["visited", "snoozed"][d.below(2) as usize].into(),
                Some(t + DAY),
            ));
            out.readings.push((id.clone(), t, 1e12, Some(f64::from(i as u32))));
            out.attributes.push((id, "firmware".into(), "9.9".into(), t));
        }
    }
    out
}

/// A condition that lets every bit of a sequence through: what it sees of the future would be seen in its answer.
struct Transparent;

impl Condition for Transparent {
    fn judge(&self, class: Option<&str>, days: &Sequence) -> [f64; 3] {
        let mut sums = [class.map_or(0.0, |c| c.len() as f64), f64::from(u8::from(days.restarted)), 0.0];
        for (i, (v, e)) in days.values.iter().zip(&days.exposure).enumerate() {
            let v = if v.is_nan() { -1.0 } else { f64::from(*v) };
            sums[i % 3] += (i as f64).sqrt() * (v + 0.1 * f64::from(*e));
        }
        sums[2] += days.usual.iter().sum::<f64>() + days.repaired.iter().filter(|r| **r).count() as f64;
        sums
    }
}

/// Everything the features say at a cutoff, as text of exact bits by asset and feature name.
fn features(rows: &Rows, cutoff: Cutoff) -> Vec<String> {
    let frames = Frames::new(rows.inputs()).unwrap();
    let history = frames.as_of(cutoff);
    let limits = |_: &str| [40.0, 0.0].map(|value| Limit { value, above: value > 0.0 }).to_vec();
    let catalog = Catalog::of(&history).with_limits(&history, &limits).with_condition(&history);
    let table = compute(&history, &catalog, &history.population(), Some(&Transparent));
    let mut out = Vec::new();
    for (r, &a) in table.assets.iter().enumerate() {
        let id = history.asset_id(a);
        for (f, column) in catalog.features().iter().zip(&table.numbers) {
            let v = column[r];
            // Every missing value is the same missing value.
            let bits = if v.is_nan() { u64::MAX } else { v.to_bits() };
            out.push(format!("{id} {} {bits:x} {v}", f.name));
        }
        for (c, column) in catalog.categories().iter().zip(&table.words) {
            out.push(format!("{id} {} {:?}", c.name, column[r]));
        }
    }
    out
}

pub(crate) fn settings() -> Settings {
    let days = |d| Horizon::days(d).unwrap();
    Settings {
        risk: RiskSettings {
            horizons: vec![days(7), days(30)],
            rank_by: days(30),
            cutoff_every: Every::Weeks(1),
            refit_every: Every::Months(1),
            train_from: None,
            leave_out: Vec::new(),
            keep: Vec::new(),
        },
        capacity: Capacity { visits: 5, per_days: 7 },
        costs: None,
        remedies: Vec::new(),
        counts: vec![],
        thresholds: vec![],
        seed: 1,
        text: forewarn_engine::TextShown::Titles,
    }
}

fn probabilities(rows: &Rows, cutoff: Cutoff) -> Vec<(String, i64, u64)> {
    let frames = Frames::new(rows.inputs()).unwrap();
    let plan = BacktestPlan {
        from: cutoff,
        to: cutoff,
        every: Every::Days(1),
        refit: Refit::Once,
        horizons: settings().risk.horizons,
    };
    let df = backtest(&frames, &settings(), &plan, &Silent).unwrap().candidates;
    let (id, h, p) = (
        df.column("asset_id").unwrap(),
        df.column("horizon_days").unwrap(),
        df.column("probability").unwrap(),
    );
    let model = df.column("model").unwrap();
    let mut out = Vec::new();
    for i in 0..df.height() {
        let text = |c: &Column| c.str().unwrap().get(i).unwrap().to_owned();
        out.push((
            format!("{} {}", text(id), text(model)),
            h.i64().unwrap().get(i).unwrap(),
            p.f64().unwrap().get(i).unwrap().to_bits(),
        ));
    }
    out
}

pub(crate) fn parquet(df: &DataFrame) -> Vec<u8> {
    let mut out = Vec::new();
    ParquetWriter::new(&mut out).finish(&mut df.clone()).unwrap();
    out
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn features_do_not_see_the_future(seed in 0u64..1000, day in 20i32..290, how in 0..3) {
        let how = [Spoil::Delete, Spoil::Poison, Spoil::Both][how as usize];
        let rows = Rows::random(seed);
        let cutoff = Cutoff::from_day(START + day);
        let want = features(&rows, cutoff);
        let got = features(&spoiled(&rows, cutoff, how, seed ^ 77), cutoff);
        prop_assert_eq!(want.len(), got.len());
        for (w, g) in want.iter().zip(&got) {
            prop_assert_eq!(w, g);
        }
    }

    #[test]
    fn features_do_not_see_the_order_of_rows(seed in 0u64..1000, day in 20i32..290) {
        let rows = Rows::random(seed);
        let cutoff = Cutoff::from_day(START + day);
        prop_assert_eq!(features(&rows, cutoff), features(&rows.clone().shuffled(seed ^ 5), cutoff));
    }
}

#[test]
fn predictions_do_not_see_the_future() {
    for (seed, day) in [(1, 220), (2, 250), (3, 270)] {
        let rows = Rows::random(seed).with_actions(seed);
        let cutoff = Cutoff::from_day(START + day);
        let want = probabilities(&rows, cutoff);
        assert!(want.len() > 100);
        for how in [Spoil::Delete, Spoil::Poison, Spoil::Both] {
            assert!(
                want == probabilities(&spoiled(&rows, cutoff, how, seed), cutoff),
                "seed {seed}, {how:?}"
            );
        }
    }
}

#[test]
fn a_wall_that_leaks_would_be_noticed() {
    // The spoiled rows do change what was not known: the outcomes, and the features of a later day.
    let rows = Rows::random(4);
    let cutoff = Cutoff::from_day(START + 200);
    let later = Cutoff::from_day(START + DAYS as i32);
    assert_ne!(features(&rows, later), features(&spoiled(&rows, cutoff, Spoil::Both, 9), later));
}

#[test]
fn ranking_is_the_same_bytes_at_any_thread_count_and_row_order() {
    let rows = Rows::random(11).with_actions(11);
    let one = |rows: &Rows, threads: usize| {
        let frames = Frames::new(rows.inputs()).unwrap();
        let pool = rayon_pool(threads);
        let r = pool.install(|| run(&frames, &settings(), &LEDGER.empty(), None, &Silent)).unwrap();
        let looked_back = [&r.ledger, &r.track_record, &r.listed, &r.drift].map(parquet);
        (parquet(&r.ranking), parquet(&r.risk), parquet(&r.metrics), r.model, looked_back)
    };
    let want = one(&rows, 1);
    for threads in [2, 16] {
        assert!(want == one(&rows.clone().shuffled(threads as u64), threads), "{threads} threads");
    }
}

#[test]
fn ranking_does_not_see_rows_after_the_end() {
    let rows = Rows::random(12).with_actions(12);
    let end = Cutoff::from_day(START + 260);
    let one = |mut rows: Rows| {
        rows.end = end;
        // What has not happened by the end of observation is no failure yet, as the binary sees to.
        rows.failures.retain(|f| f.at < end.micros() as Micros);
        let r =
            run(&Frames::new(rows.inputs()).unwrap(), &settings(), &LEDGER.empty(), None, &Silent).unwrap();
        let looked_back = [&r.ledger, &r.track_record, &r.listed, &r.drift].map(parquet);
        (parquet(&r.ranking), parquet(&r.risk), r.model, looked_back)
    };
    let mut later = rows.clone();
    later.readings.retain(|r| r.1 < end.micros());
    later.tickets.retain(|t| t.opened < end.micros());
    later.events.retain(|e| e.1 < end.micros());
    later.actions.retain(|a| a.1 < end.micros());
    assert!(one(rows) == one(later));
}

#[test]
fn the_service_and_what_is_vulnerable_see_no_cell_that_was_not_known() {
    let rows = Rows::random(22);
    let end = Cutoff::from_day(START + 275);
    let one = |mut rows: Rows| {
        rows.end = end;
        rows.failures.retain(|f| f.at < end.micros() as Micros);
        let r =
            run(&Frames::new(rows.inputs()).unwrap(), &settings(), &LEDGER.empty(), None, &Silent).unwrap();
        assert!(r.service.height() > 20 && r.exposure.height() > 0, "{}", r.service);
        (parquet(&r.service), parquet(&r.exposure))
    };
    let want = one(rows.clone());
    for how in [Spoil::Delete, Spoil::Poison] {
        assert!(want == one(spoiled(&rows, end, how, 22)), "{how:?}");
    }
    assert!(want == one(rows.clone().shuffled(22)), "shuffled");
}

fn rayon_pool(threads: usize) -> rayon::ThreadPool {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap()
}
