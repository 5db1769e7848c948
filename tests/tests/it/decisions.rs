//! From probabilities to decisions: the order by what is saved, the plan, and the tickets that are handed out. It knows the
//! department of `night`, in which bursts of tickets come before failures.

use std::collections::BTreeSet;

use forewarn_engine::{Costs, Order, Remedy, RunResult, Settings, Silent, Warranty, orders, run};
use forewarn_frames::input::Tickets;
use forewarn_frames::output::LEDGER;
use forewarn_frames::time::DAY;
use forewarn_frames::{Cutoff, Frames};
use polars::prelude::*;

use crate::night::department;
use crate::no_lookahead;

fn settings() -> Settings {
    let remedy = |name: &str, modes: &[&str], effectiveness: f64| Remedy {
        name: name.into(),
        title: name.to_uppercase(),
        kinds: Vec::new(),
        modes: modes.iter().map(|m| (*m).to_owned()).collect(),
        reasons: Vec::new(),
        warranty: Warranty::Any,
        effectiveness,
        measured_as: Vec::new(),
    };
    Settings {
        costs: Some(Costs {
            downtime_hour: 100.0,
            visit: 50.0,
            repair: 200.0,
            downtime_hours: Some(6.0),
            criticality: [2.0, 1.5, 1.0, 0.75, 0.5],
        }),
        remedies: vec![
            remedy("recable", &["cable*"], 0.9),
            remedy("swap", &["DISK"], 0.3),
            remedy("look", &[], 0.5),
        ],
        ..no_lookahead::settings()
    }
}

fn numbers(df: &DataFrame, name: &str) -> Vec<Option<f64>> {
    df.column(name).unwrap().f64().unwrap().iter().collect()
}

fn texts(df: &DataFrame, name: &str) -> Vec<String> {
    df.column(name).unwrap().str().unwrap().iter().map(|t| t.unwrap_or("").to_owned()).collect()
}

fn night(end: Cutoff, settings: &Settings) -> RunResult {
    let mut rows = department(true);
    rows.end = end;
    run(&Frames::new(rows.inputs()).unwrap(), settings, &LEDGER.empty(), None, &Silent).unwrap()
}

#[test]
fn with_costs_the_list_is_by_what_is_saved() {
    let end = department(true).end;
    let result = night(end, &settings());
    assert!(result.summary.by_saving);
    let df = &result.ranking;
    let (p, saving, cost, pays, share, action) = (
        numbers(df, "probability"),
        numbers(df, "expected_saving"),
        numbers(df, "expected_cost"),
        numbers(df, "break_even"),
        numbers(df, "effectiveness"),
        texts(df, "action"),
    );
    let mut actions = BTreeSet::new();
    for i in 0..df.height() {
        let [p, saving, cost, pays, share] =
            [p[i], saving[i], cost[i], pays[i], share[i]].map(Option::unwrap);
        // Six hours of 100 and the repair; nobody has a warranty or a criticality.
        assert!((cost - p * 800.0).abs() < 1e-9);
        assert!((saving - (p * 800.0 * share - 50.0)).abs() < 1e-9);
        assert!((pays - 50.0 / (800.0 * share)).abs() < 1e-12);
        assert_eq!(action[i] == "Observe", saving <= 0.0, "{i}: {saving} {}", action[i]);
        assert_eq!(saving > 0.0, p > pays, "{i}");
        actions.insert(action[i].clone());
    }
    assert!(saving.windows(2).all(|w| w[0] >= w[1]), "{saving:?}");
    // What prevents more goes before what is likelier.
    assert!(p.windows(2).any(|w| w[0] < w[1]), "{p:?}");
    assert!(actions.contains("Observe") && actions.len() >= 2, "{actions:?}");
    // The rank of the night before is by the same worth.
    let before = night(end.plus_days(-1), &settings()).ranking;
    let rank = |df: &DataFrame, column: &str| -> Vec<(String, Option<i64>)> {
        let ranks: Vec<_> = df.column(column).unwrap().i64().unwrap().iter().collect();
        let mut all: Vec<_> = texts(df, "asset_id").into_iter().zip(ranks).collect();
        all.sort();
        all
    };
    assert_eq!(rank(df, "previous_rank"), rank(&before, "rank"));
    let to_come = result.summary.to_come.unwrap();
    for [mean, low, high] in to_come {
        assert!(low <= mean && mean <= high, "{to_come:?}");
    }
    assert!(to_come[0][0] <= to_come[1][0], "{to_come:?}");
}

#[test]
fn without_costs_it_is_by_probability_and_says_nothing_of_money() {
    let result = night(department(true).end, &Settings { costs: None, ..settings() });
    assert!(!result.summary.by_saving);
    let df = &result.ranking;
    assert!(numbers(df, "probability").windows(2).all(|w| w[0] >= w[1]));
    for column in ["expected_cost", "expected_saving", "break_even"] {
        assert_eq!(df.column(column).unwrap().null_count(), df.height(), "{column}");
    }
    // This period's visits reach five.
    assert_eq!(texts(df, "action").iter().filter(|a| *a != "Observe").count(), 5);
    assert!(numbers(&result.plan, "expected_saving").iter().all(Option::is_none));
}

#[test]
fn no_ticket_is_handed_out_twice_while_one_is_open() {
    let rows = department(true);
    let end = rows.end;
    let settings = settings();
    let result = night(end, &settings);
    // A title that names an order, and when that ticket was resolved.
    let tonight = |earlier: &[Order], ticket: Option<(&str, Option<i64>)>| -> Vec<(String, Vec<String>)> {
        let mut inputs = rows.inputs();
        if let Some((title, resolved)) = ticket {
            let mut df = inputs.tickets.as_ref().unwrap().df().clone();
            let mut titles = vec![None; df.height()];
            titles[0] = Some(title);
            let mut at: Vec<Option<i64>> =
                df.column("resolved_at").unwrap().datetime().unwrap().phys.iter().collect();
            at[0] = resolved;
            let at = Column::new("resolved_at".into(), at);
            df.with_column(at.cast(&DataType::Datetime(TimeUnit::Microseconds, None)).unwrap()).unwrap();
            df.with_column(Column::new("title".into(), titles)).unwrap();
            inputs.tickets = Some(Tickets::try_new(&df).unwrap());
        }
        let frames = Frames::new(inputs).unwrap();
        let df = orders(&frames, &settings, (&result.plan, &result.ranking), earlier).unwrap();
        let lists = df.column("asset_ids").unwrap().list().unwrap().clone();
        let assets = |i: usize| {
            let list = lists.get_as_series(i).unwrap();
            list.str().unwrap().iter().flatten().map(str::to_owned).collect()
        };
        texts(&df, "order_id").into_iter().enumerate().map(|(i, id)| (id, assets(i))).collect()
    };
    let first = tonight(&[], None);
    assert!(!first.is_empty() && first.len() <= 5, "{first:?}");
    let named: Vec<&String> = first.iter().flat_map(|o| &o.1).collect();
    assert_eq!(named.iter().collect::<BTreeSet<_>>().len(), named.len(), "each asset once");
    let given = |days: i32| -> Vec<Order> {
        let order = |o: &(String, Vec<String>)| Order {
            as_of: end.plus_days(days),
            order_id: o.0.clone(),
            asset_ids: o.1.clone(),
        };
        first.iter().map(order).collect()
    };
    let check = |earlier: &[Order],
                 ticket: Option<(&str, Option<i64>)>,
                 want: &[(String, Vec<String>)],
                 why: &str| {
        assert_eq!(tonight(earlier, ticket), want, "{why}");
    };
    check(&given(0), None, &first, "what has tonight's date is tonight's");
    check(&given(3), None, &first, "what a later night ordered is not known yet");
    check(&given(-10), None, &[], "open for as long as their forecast runs");
    check(&given(-31), None, &first, "no ticket came of them, and their time is over");
    let title = format!("Preventive: x [{}]", first[0].0);
    let long_ago = end.micros() - 5 * DAY;
    check(&given(-31), Some((&title, None)), &first[1..], "its ticket is open");
    check(&given(-31), Some((&title, Some(end.micros() + DAY))), &first[1..], "resolved later than now");
    check(
        &given(-10),
        Some((&title, Some(long_ago))),
        &first[..1],
        "its ticket is resolved, the others are open",
    );
    // The capacity of a period is for all its nights together.
    let other = |n: usize| Order {
        as_of: end.plus_days(-2),
        order_id: format!("fw-00000000000{n}"),
        asset_ids: vec![format!("X{n}")],
    };
    let four: Vec<Order> = (0..4).map(other).collect();
    check(&four, None, &first[..1], "one visit is left");
    let hostile = "[fw-é] [fw-00000000000g] [fw-";
    check(&[], Some((hostile, None)), &first, "titles that name no order");
}
