//! What the ranking says beside the probability: how it moved since the night before and why, how an asset may fail, and
//! when. It knows a department in which only bursts of tickets come before failures, and their category says how.

use forewarn_engine::{Silent, run};
use forewarn_frames::output::LEDGER;
use forewarn_frames::time::{DAY, HOUR, Micros};
use forewarn_frames::{Cutoff, Frames, Horizon};
use polars::prelude::*;

use crate::fleet::{Dice, Failure, Rows, START, Ticket};
use crate::no_lookahead::settings;

/// Assets of the department; the last ten never have a ticket.
const N_ASSETS: usize = 60;
const N_DAYS: i64 = 400;
/// The asset that has a burst on the last day.
const STRUCK: &str = "A40";

fn ticket(rows: &mut Rows, asset: &str, at: Micros, category: &str) {
    let id = format!("T{}", rows.tickets.len());
    rows.tickets.push(Ticket {
        id,
        asset: asset.to_owned(),
        opened: at,
        resolved: Some(at + 5 * HOUR),
        category: category.to_owned(),
        priority: 3.0,
        reopened: 0.0,
    });
}

/// Bursts of four tickets, most of them followed by a failure: of category `Network` by a broken cable, of `Hardware` by
/// a broken disk. The last weeks are quiet, but for a burst on the last day where it is asked for.
pub(crate) fn department(burst: bool) -> Rows {
    let mut d = Dice(5);
    let mut rows = Rows::random(0);
    rows.assets.clear();
    rows.attributes.clear();
    rows.tickets.clear();
    rows.readings.clear();
    rows.events.clear();
    rows.failures.clear();
    let start = Micros::from(START) * DAY;
    rows.end = Cutoff::from_day(START + N_DAYS as i32);
    for a in 0..N_ASSETS {
        let id = format!("A{a:02}");
        rows.assets.push((id.clone(), "switch".into(), "m1".into(), None, None));
        for day in 0..N_DAYS - 30 {
            let at = start + day * DAY + 9 * HOUR;
            if a < 50 && d.chance(0.004) {
                ticket(&mut rows, &id, at, "Hardware");
            }
            if a < 50 && d.chance(0.01) {
                let (category, mode) = [("Network", "cable"), ("Hardware", "disk")][d.below(2) as usize];
                for k in 0..4 {
                    ticket(&mut rows, &id, at + k * HOUR, category);
                }
                if d.chance(0.8) {
                    rows.failures.push(Failure {
                        asset: id.clone(),
                        at: at + (4 + d.below(12) as i64) * DAY,
                        known_at: None,
                        mode: Some(mode.to_owned()),
                        mode_known_at: None,
                    });
                }
            }
        }
    }
    if burst {
        let at = rows.end.micros() - DAY + 9 * HOUR;
        for k in 0..4 {
            ticket(&mut rows, STRUCK, at + k * HOUR, "Network");
        }
    }
    rows
}

fn ranking(rows: &Rows) -> DataFrame {
    run(&Frames::new(rows.inputs()).unwrap(), &settings(), &LEDGER.empty(), None, &Silent).unwrap().ranking
}

/// The rank, the earlier rank and the reason of each asset, by id.
fn moves(ranking: &DataFrame) -> Vec<(String, i64, Option<i64>, String)> {
    let whole = |name: &str| ranking.column(name).unwrap().i64().unwrap().clone();
    let text = |name: &str| ranking.column(name).unwrap().str().unwrap().clone();
    let (id, rank, before, why) =
        (text("asset_id"), whole("rank"), whole("previous_rank"), text("move_reason"));
    let mut out: Vec<_> = (0..ranking.height())
        .map(|i| {
            (
                id.get(i).unwrap().to_owned(),
                rank.get(i).unwrap(),
                before.get(i),
                why.get(i).unwrap_or("").to_owned(),
            )
        })
        .collect();
    out.sort();
    out
}

#[test]
fn a_burst_of_tickets_moves_an_asset_and_is_the_reason() {
    let rows = department(true);
    let now = moves(&ranking(&rows));
    let struck = now.iter().find(|m| m.0 == STRUCK).unwrap();
    assert!(struck.1 < struck.2.unwrap(), "{struck:?}");
    assert!(struck.3.contains("4 more tickets"), "{struck:?}");
    for m in now.iter().filter(|m| m.0 != STRUCK) {
        // What did not change has no reason of its own, and no new tickets.
        assert!(!m.3.contains("more ticket"), "{m:?}");
        if m.0.as_str() >= "A50" {
            assert!(m.3.is_empty() || m.3.starts_with("others moved"), "{m:?}");
        }
        assert_eq!(m.3.is_empty(), m.2 == Some(m.1), "{m:?}");
    }
    // The night before is what a run of that night said, by the same model.
    let mut earlier = rows.clone();
    earlier.end = rows.end.plus_days(-1);
    let before = moves(&ranking(&earlier));
    for (m, b) in now.iter().zip(&before) {
        assert_eq!((&m.0, m.2), (&b.0, Some(b.1)));
    }
    // Without the burst nothing of the kind is said.
    let calm = moves(&ranking(&department(false)));
    assert!(calm.iter().all(|m| !m.3.contains("more ticket")), "{calm:?}");
}

#[test]
fn an_asset_first_seen_yesterday_is_new() {
    let mut rows = department(false);
    rows.assets.push(("B01".into(), "switch".into(), "m1".into(), Some(rows.end.micros() - 3 * HOUR), None));
    let now = moves(&ranking(&rows));
    let new = now.iter().find(|m| m.0 == "B01").unwrap();
    assert_eq!((new.2, new.3.as_str()), (None, "new: in service since yesterday"));
    assert!(now.iter().filter(|m| m.0 != "B01").all(|m| m.2.is_some()));
}

#[test]
fn the_probability_splits_by_how_an_asset_may_fail() {
    let df = ranking(&department(true));
    let id = df.column("asset_id").unwrap().str().unwrap();
    let p = df.column("probability").unwrap().f64().unwrap();
    let likeliest = df.column("failure_mode").unwrap().str().unwrap();
    let modes = df.column("modes").unwrap().list().unwrap();
    for i in 0..df.height() {
        let s = modes.get_as_series(i).unwrap();
        let s = s.struct_().unwrap();
        let parts = s.field_by_name("probability").unwrap();
        let names = s.field_by_name("mode").unwrap();
        let sum: f64 = parts.f64().unwrap().iter().flatten().sum();
        assert!((sum - p.get(i).unwrap()).abs() < 1e-12);
        assert_eq!(names.str().unwrap().get(0), likeliest.get(i));
        if id.get(i) == Some(STRUCK) {
            assert_eq!(likeliest.get(i), Some("cable"));
            assert!(parts.f64().unwrap().get(0).unwrap() > 0.7 * sum, "{parts:?}");
        }
    }
    // Without modes in the records there is no split.
    let mut rows = department(true);
    rows.failures.iter_mut().for_each(|f| f.mode = None);
    let df = ranking(&rows);
    assert_eq!(df.column("failure_mode").unwrap().null_count(), df.height());
    assert!(df.column("modes").unwrap().list().unwrap().iter().flatten().all(|s| s.is_empty()));
}

#[test]
fn lives_follow_the_probabilities() {
    let df = ranking(&department(true));
    let column = |name: &str| df.column(name).unwrap().f64().unwrap().iter().collect::<Vec<_>>();
    let p = column("probability");
    let [low, median, high] =
        ["remaining_life_low", "remaining_life_days", "remaining_life_high"].map(column);
    let day = |t: Option<f64>| t.unwrap_or(f64::INFINITY);
    for i in 0..df.height() {
        assert!(day(low[i]) <= day(median[i]) && day(median[i]) <= day(high[i]));
        // The longest horizon is the one of the ranking here, so the ends lie within it where the probability says so.
        for (end, least) in [(low[i], 0.1), (median[i], 0.5), (high[i], 0.9)] {
            assert_eq!(end.is_some(), p[i].unwrap() >= least, "{end:?} {:?}", p[i]);
            assert!(end.is_none_or(|t| t > 0.0 && t <= 30.0));
        }
    }
    assert!(median.iter().any(Option::is_some) && low.iter().any(Option::is_none));
}

#[test]
fn a_mode_is_seen_from_when_it_could_be_known() {
    let mut rows = department(false);
    let at = Micros::from(START + 100) * DAY + HOUR;
    let resolved = at + 10 * DAY;
    rows.failures = vec![Failure {
        asset: "A07".into(),
        at,
        known_at: None,
        mode: Some("disk".into()),
        mode_known_at: Some(resolved),
    }];
    let frames = Frames::new(rows.inputs()).unwrap();
    let asset = frames.asset_ids().binary_search(&"A07".to_owned()).unwrap();
    let (cutoff, horizon) = (Cutoff::from_day(START + 95), Horizon::days(7).unwrap());
    let check = |day: i32, want: Option<&str>| {
        let by = Cutoff::from_day(START + day);
        let seen = frames.as_of(by).failures(asset).next().unwrap().mode.map(|c| frames.word(c));
        let learned = frames.outcomes_known(cutoff, horizon, by);
        assert!(learned.first_failure_at(asset) == Some(at));
        assert_eq!((seen, learned.mode_of(asset).map(|c| frames.word(c))), (want, want), "day {day}");
        assert_eq!(learned.mode_of(asset + 1), None);
    };
    check(105, None);
    check(110, None);
    check(111, Some("disk"));
}
