//! What comes again, where the tickets are odd: few, all at once, with a gap, of an asset that is gone. It knows the
//! department of [`crate::night`] and gives it other tickets.

use forewarn_engine::{BacktestPlan, Refit, RunResult, Silent, backtest_recurrence, run};
use forewarn_frames::output::{LEDGER, MEASURES, RECURRENCE, RECURRENCES};
use forewarn_frames::time::{DAY, HOUR, Micros};
use forewarn_frames::{Cutoff, Every, Frames, Horizon};
use polars::prelude::*;

use crate::fleet::{Rows, START, Ticket};
use crate::night::department;
use crate::no_lookahead::settings;

/// A ticket: asset, day, category.
type Row<'a> = (&'a str, i64, &'a str);

/// The department, without failures, with these tickets and a first one long before, so that there is a history.
fn with(tickets: &[Row<'_>]) -> Rows {
    let tickets = [&[("A10", 3, "Hardware")], tickets].concat();
    let mut rows = department(false);
    rows.failures.clear();
    rows.tickets = tickets
        .iter()
        .enumerate()
        .map(|(i, (asset, day, category))| {
            let opened = (Micros::from(START) + day) * DAY + (i as i64 % 20) * HOUR;
            Ticket {
                id: format!("T{i}"),
                asset: (*asset).to_owned(),
                opened,
                resolved: Some(opened + 5 * HOUR),
                category: (*category).to_owned(),
                priority: 3.0,
                reopened: 0.0,
            }
        })
        .collect();
    rows
}

fn numbers(df: &DataFrame, column: &str) -> Vec<f64> {
    df.column(column).unwrap().f64().unwrap().iter().map(|v| v.unwrap_or(f64::NAN)).collect()
}

/// What is expected of the asset as a whole in 30 days, and its trend.
fn of(result: &RunResult, asset: &str) -> Option<(f64, String)> {
    let text = |c: &str| result.recurrences.column(c).unwrap().str().unwrap().clone();
    let (ids, categories, trend) = (text("asset_id"), text("category"), text("trend"));
    let row = (0..ids.len()).find(|&i| ids.get(i) == Some(asset) && categories.get(i) == Some("(all)"))?;
    Some((numbers(&result.recurrences, "expected_30d")[row], trend.get(row).unwrap().to_owned()))
}

#[test]
fn odd_tickets_give_an_answer() {
    let check = |name: &str, tickets: &[Row<'_>]| -> RunResult {
        let frames = Frames::new(with(tickets).inputs()).unwrap();
        let result = run(&frames, &settings(), &LEDGER.empty(), None, &Silent).unwrap();
        RECURRENCES.check(&result.recurrences).unwrap();
        MEASURES.check(&result.measures).unwrap();
        assert!(result.recurrences.height() >= tickets.len().min(2), "{name}");
        for horizon in ["", "_7d", "_90d"] {
            let column = |c: &str| numbers(&result.recurrences, &format!("{c}{horizon}"));
            let expected =
                numbers(&result.recurrences, if horizon.is_empty() { "expected_30d" } else { "low" });
            for ((low, high), (p, e)) in
                column("low").into_iter().zip(column("high")).zip(column("p_any").into_iter().zip(expected))
            {
                assert!(0.0 <= low && low <= high && high.is_finite(), "{name}: {low} to {high}");
                assert!((0.0..=1.0).contains(&p) && e.is_finite() && e >= 0.0, "{name}: {p}, {e}");
            }
        }
        let plan = BacktestPlan {
            from: Cutoff::from_day(START + 300),
            to: Cutoff::from_day(START + 360),
            every: Every::Months(1),
            refit: Refit::Always,
            horizons: vec![Horizon::days(30).unwrap()],
        };
        let judged = backtest_recurrence(&frames, &settings(), &plan, &Silent).unwrap();
        RECURRENCE.check(&judged.recurrence).unwrap();
        result
    };
    check("one ticket", &[]);
    check("two tickets", &[("A03", 200, "Network")]);
    check("a first ticket last night", &[("A03", 399, "Network")]);
    check("an asset that no inventory names", &[("<b>A99</b>", 200, "Network")]);

    // Tickets of one day are a storm, and no trend.
    let storm = check("all on one day", &vec![("A03", 250, "Network"); 300]);
    assert_eq!(of(&storm, "A03").unwrap().1, "stable");

    // Months without a record are not what the asset did: it has a ticket a week before and after.
    let weekly: Vec<i64> = (0..400).step_by(7).filter(|d| !(150..250).contains(d)).collect();
    let gap: Vec<Row<'_>> = weekly.iter().map(|d| ("A03", *d, "Network")).collect();
    let (expected, trend) = of(&check("a gap of months", &gap), "A03").unwrap();
    assert!((1.5..6.0).contains(&expected), "{expected} expected");
    assert_eq!(trend, "stable");

    // A category that appears once beside one that comes every day.
    let mut once: Vec<Row<'_>> = (0..400).map(|d| ("A03", d, "Network")).collect();
    once.push(("A03", 100, "seen once"));
    let (expected, _) = of(&check("a category that appears once", &once), "A03").unwrap();
    assert!((24.0..36.0).contains(&expected), "{expected} expected");
}

#[test]
fn what_gets_worse_is_named_and_an_asset_that_is_gone_is_not_expected_to_have_incidents() {
    // One asset has its incidents ever faster; the others have one every twenty days or so.
    let mut tickets: Vec<Row<'_>> = Vec::new();
    let ids: Vec<String> = (0..40).map(|a| format!("A{a:02}")).collect();
    for (a, id) in ids.iter().enumerate().skip(1) {
        tickets.extend(
            (0..400).filter(|d| (d * 7 + a as i64 * 13) % 20 == 0).map(|d| (id.as_str(), d, "Network")),
        );
    }
    tickets.extend((1..60).map(|k| ("A00", (400.0 * (f64::from(k) / 60.0).sqrt()) as i64, "Network")));
    let mut rows = with(&tickets);
    let gone = rows.assets.iter_mut().find(|a| a.0 == "A01").unwrap();
    gone.4 = Some((Micros::from(START) + 300) * DAY);
    let result =
        run(&Frames::new(rows.inputs()).unwrap(), &settings(), &LEDGER.empty(), None, &Silent).unwrap();
    assert_eq!(of(&result, "A00").unwrap().1, "worsening");
    assert_eq!(of(&result, "A02").unwrap().1, "stable");
    assert!(of(&result, "A01").is_none(), "decommissioned, yet {:?}", of(&result, "A01"));
}
