//! The cards of a fleet of three assets, and what each says where there is nothing, or too much, to say.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use forewarn_frames::input::{Assets, Events, Failures, Telemetry, Tickets};
use forewarn_frames::output::{RankingRow, Reason, Status, ranking_frame};
use forewarn_frames::rollup::{Roller, TelemetryKind};
use forewarn_frames::{Cutoff, FrameInputs};

use super::*;

const END: i32 = 20_000;

fn at(day: i32) -> Micros {
    Micros::from(day) * DAY + DAY / 3
}

fn time(name: &str, days: &[i32]) -> Column {
    let at: Vec<i64> = days.iter().map(|d| at(*d)).collect();
    Column::new(name.into(), at).cast(&DataType::Datetime(TimeUnit::Microseconds, None)).unwrap()
}

fn text(name: &str, v: &[&str]) -> Column {
    Column::new(name.into(), v)
}

/// `b` has 20 tickets and a metric read daily; `c` a value written on change alone; `a` nothing. One ticket, one event and
/// one failure lie after the end.
fn frames() -> Frames {
    let df = |columns: Vec<Column>| DataFrame::new(columns[0].len(), columns).unwrap();
    let days: Vec<i32> = (0..20).map(|i| END - 40 + 2 * i).chain([END + 1]).collect();
    let names: Vec<String> = (0..21).map(|i| format!("T{i:02}")).collect();
    let tickets = df(vec![
        Column::new("ticket_id".into(), &names),
        time("opened_at", &days),
        text("asset_id", &["b"; 21]),
        text("category", &["Hardware"; 21]),
        text("title", &["Fan of Mr Miller is loud"; 21]),
        Column::new("priority".into(), vec![2.0; 21]),
    ]);
    let events = df(vec![
        text("asset_id", &["b"; 9]),
        time("ts", &[19_900, 19_901, 19_902, 19_903, 19_904, 19_905, 19_906, 19_907, END + 2]),
        text("kind", &["visit"; 9]),
    ]);
    let failures = df(vec![
        text("asset_id", &["c", "c"]),
        time("failed_at", &[19_950, END]),
        text("mode", &["disk"; 2]),
    ]);
    let read: Vec<i32> = (END - 200..END + 3).collect();
    let heat = df(vec![
        Column::new("asset_id".into(), vec!["b"; read.len()]),
        time("ts", &read),
        Column::new("heat".into(), read.iter().map(|d| f64::from(d - END)).collect::<Vec<_>>()),
    ]);
    let worn = df(vec![
        text("asset_id", &["c", "c", "c"]),
        time("ts", &[END - 300, END - 50, END - 20]),
        Column::new("worn".into(), [1.0, 2.0, 5.0]),
    ]);
    let telemetry = |df: &DataFrame, on_change| {
        (Telemetry::try_new(df).unwrap(), TelemetryKind { on_change, ..TelemetryKind::default() })
    };
    Frames::new(FrameInputs {
        assets: Some(Assets::try_new(&df(vec![text("asset_id", &["a", "b", "c"])])).unwrap()),
        asset_history: None,
        tickets: Some(Tickets::try_new(&tickets).unwrap()),
        known_late: Vec::new(),
        telemetry: Roller::of(&[telemetry(&heat, false), telemetry(&worn, true)]).unwrap(),
        events: Some(Events::try_new(&events).unwrap()),
        failures: Failures::try_new(&failures).unwrap(),
        actions: None,
        terminal: false,
        as_of: Cutoff::from_day(END),
    })
    .unwrap()
}

fn ranked(ids: &[&str], features: &[String]) -> DataFrame {
    let reasons = features.iter().enumerate().map(|(i, f)| Reason {
        feature: f.clone(),
        value: None,
        unit: String::new(),
        contribution: 1.0 - i as f64,
        text: String::new(),
    });
    let reasons: Vec<Reason> = reasons.collect();
    let rows: Vec<RankingRow> = ids
        .iter()
        .enumerate()
        .map(|(i, id)| RankingRow {
            rank: i as u32 + 1,
            asset_id: (*id).to_owned(),
            kind: None,
            model: None,
            site: None,
            horizon_days: 30,
            probability: 0.1,
            probability_low: 0.1,
            probability_high: 0.1,
            status: Status::Scored,
            failure_mode: None,
            remaining_life_days: None,
            remaining_life_low: None,
            remaining_life_high: None,
            expected_cost: None,
            expected_saving: None,
            action: None,
            modes: Vec::new(),
            reasons: reasons.clone(),
            previous_rank: None,
            move_reason: None,
            owner: None,
            criticality: None,
            warranty_ends_at: None,
            break_even: None,
            effectiveness: None,
            effectiveness_from: None,
            action_reason: None,
            feedback: None,
        })
        .collect();
    ranking_frame(&rows).unwrap()
}

/// Rows as `asset kind name value text`, times apart.
fn rows(df: &DataFrame) -> Vec<(String, i32)> {
    let words = |c: &str| df.column(c).unwrap().str().unwrap().clone();
    let (asset, kind, name, said) = (words("asset_id"), words("kind"), words("name"), words("text"));
    let value = df.column("value").unwrap().f64().unwrap().clone();
    let at = df.column("at").unwrap().cast(&DataType::Int64).unwrap();
    let at = at.i64().unwrap().clone();
    (0..df.height())
        .map(|i| {
            let of = |c: &StringChunked| c.get(i).unwrap_or("–").to_owned();
            let value = value.get(i).map_or("–".to_owned(), |v| v.to_string());
            let row = [of(&asset), of(&kind), of(&name), value, of(&said)].join(" ");
            (row, forewarn_frames::time::day_number(at.get(i).unwrap()))
        })
        .collect()
}

#[test]
fn a_card_shows_the_latest_that_was_known() {
    let frames = frames();
    let history = frames.as_of(frames.end());
    let catalog = Catalog::of(&history);
    let of = |family: &str| catalog.features().iter().find(|f| f.family == family).unwrap().name.clone();
    let features = [of("heat"), "other".to_owned(), of("worn"), of("tickets"), of("heat")];
    let made = |ids: &[&str], text| {
        rows(&cards(&frames, &history, &ranked(ids, &features), &catalog, text).unwrap())
    };
    let all = made(&["c", "b", "a", "nobody"], TextShown::Titles);
    let of_kind = |asset: &str, kind: &str| {
        all.iter().filter(|r| r.0.starts_with(&format!("{asset} {kind}"))).cloned().collect::<Vec<_>>()
    };
    let tickets = of_kind("b", "ticket");
    assert_eq!(tickets.len(), TICKETS);
    assert_eq!(tickets[0], ("b ticket T19 2 Hardware".to_owned(), END - 2));
    let events = of_kind("b", "event");
    assert_eq!((events.len(), &events[0]), (EVENTS, &("b event visit – –".to_owned(), 19_907)));
    assert_eq!(of_kind("c", "failure"), [("c failure – – disk".to_owned(), 19_950)]);
    let heat = of_kind("b", "reading");
    assert_eq!(heat.len(), DAYS as usize);
    assert_eq!(heat[89], ("b reading heat -1 –".to_owned(), END - 1));
    // A value that holds is there from the first day to the last.
    let worn: Vec<(&str, i32)> = [("1", END - 90), ("2", END - 50), ("5", END - 20), ("5", END - 1)].to_vec();
    let worn: Vec<(String, i32)> =
        worn.into_iter().map(|(v, d)| (format!("c reading worn {v} –"), d)).collect();
    assert_eq!(of_kind("c", "reading"), worn);
    assert!(!all.iter().any(|r| r.0.starts_with("a ") || r.0.starts_with("nobody") || r.1 >= END));
    // In the order of the ranking, and the same for an asset whoever else is asked for.
    assert!(all[0].0.starts_with("c "));
    assert_eq!(
        made(&["b"], TextShown::Titles),
        all.iter().filter(|r| r.0.starts_with("b ")).cloned().collect::<Vec<_>>()
    );
}

#[test]
fn a_title_is_shown_only_where_all_text_is() {
    let frames = frames();
    let history = frames.as_of(frames.end());
    let catalog = Catalog::of(&history);
    let check = |shown, want: bool| {
        let df = cards(&frames, &history, &ranked(&["b"], &[]), &catalog, shown).unwrap();
        assert_eq!(rows(&df).iter().any(|r| r.0.contains("Miller")), want, "{shown:?}");
    };
    check(TextShown::None, false);
    check(TextShown::Titles, false);
    check(TextShown::Full, true);
}
