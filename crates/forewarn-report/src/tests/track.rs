//! Tables of earlier lists and of drift, and what the page says of them.

use forewarn_frames::output::{DRIFT, LISTED, RunTables, TRACK_RECORD};
use forewarn_frames::time::{DAY, HOUR, day_of};
use polars::prelude::DataFrame;

use super::fixture::{Cell, Fill, empty, frame, plain, run};
use super::page::words;
use crate::render;
use crate::view::in_short;

fn text(t: &str) -> Cell {
    Cell::Text(t.to_owned())
}

fn month(m: u32) -> Cell {
    Cell::Whole(i64::from(day_of(2025, m, 1)) * DAY)
}

/// A row: source, ranker, month, the eight counts, the share with its interval, lead, precision, judged, promised, observed
/// and skill.
fn record(
    source: &str,
    ranker: &str,
    month: Cell,
    counts: [i64; 8],
    judged: Option<(i64, f64, f64)>,
) -> Vec<Cell> {
    let mut row = vec![text(source), text(ranker), month];
    row.extend(counts.map(Cell::Whole));
    let (failures, forewarned) = (counts[6] as f64, counts[7] as f64);
    let number = |known: bool, v: f64| if known { Cell::Number(v) } else { Cell::Null };
    let share = forewarned / failures;
    let any = failures > 0.0;
    row.extend([number(any, share), number(any, share * 0.8), number(any, (share * 1.2).min(1.0))]);
    let decided = (counts[2] + counts[3]) as f64;
    row.extend([
        number(forewarned > 0.0, 11.5),
        number(decided > 0.0, counts[2] as f64 / decided),
        Cell::Whole(judged.map_or(0, |j| j.0)),
        number(judged.is_some(), judged.map_or(0.0, |j| j.1)),
        number(judged.is_some(), judged.map_or(0.0, |j| j.2)),
        number(judged.is_some(), if ranker == "chosen" { 0.21 } else { 0.01 }),
    ]);
    row
}

/// Three months of weekly lists, of which the last is not over.
pub(crate) fn track_record(source: &str) -> DataFrame {
    let all = Cell::Null;
    frame(
        &TRACK_RECORD,
        &[
            // Lists, listed, hits, false alarms, acted on, open, failures, forewarned.
            record(source, "chosen", month(9), [4, 80, 22, 40, 18, 0, 12, 5], Some((1_600, 60.2, 64.0))),
            record(source, "chosen", month(10), [5, 100, 30, 60, 10, 0, 19, 9], Some((2_000, 71.4, 70.0))),
            record(source, "chosen", month(11), [4, 80, 0, 0, 0, 80, 0, 0], None),
            record(
                source,
                "chosen",
                all.clone(),
                [13, 260, 52, 100, 28, 80, 31, 14],
                Some((3_600, 131.6, 134.0)),
            ),
            record(source, "baseline", month(9), [4, 80, 6, 70, 4, 0, 12, 2], Some((1_600, 66.0, 64.0))),
            record(source, "baseline", month(10), [5, 100, 9, 88, 3, 0, 19, 4], Some((2_000, 80.0, 70.0))),
            record(source, "baseline", month(11), [4, 80, 0, 0, 0, 80, 0, 0], None),
            record(source, "baseline", all, [13, 260, 15, 158, 7, 80, 31, 6], Some((3_600, 146.0, 134.0))),
        ],
    )
}

pub(crate) fn listed(source: &str, fill: Fill<'_>) -> DataFrame {
    let at = |day: i64| Cell::Whole((i64::from(day_of(2025, 10, 27)) + day) * DAY + 9 * HOUR);
    let place = |day: i64, place: i64, outcome: &str, when: Cell, what: Cell| {
        vec![
            text(source),
            Cell::Whole((i64::from(day_of(2025, 10, 27)) + day) * DAY),
            Cell::Whole(place),
            text(&fill("asset_id", &format!("NB-{:04}", 101 + place * 37))),
            Cell::Number(0.6 / place as f64),
            text(outcome),
            when,
            what,
        ]
    };
    let what = |t: &str| Cell::Text(fill("what", t));
    frame(
        &LISTED,
        &[
            place(0, 1, "hit", at(12), what("disk")),
            place(0, 2, "acted_on", at(3), what("visited 2025-10-30 (CHG100)")),
            place(0, 3, "false_alarm", Cell::Null, Cell::Null),
            place(0, 4, "hit", at(20), Cell::Null),
            place(7, 1, "open", Cell::Null, Cell::Null),
            place(7, 2, "open", at(14), what("battery")),
        ],
    )
}

pub(crate) fn drift(fill: Fill<'_>) -> DataFrame {
    let row = |what: &str, name: &str, numbers: [Option<f64>; 5], verdict: &str, words: &str| {
        let mut row = vec![text(what), text(&fill("name", name))];
        row.extend(numbers.map(|v| v.map_or(Cell::Null, Cell::Number)));
        row.extend([text(verdict), text(&fill("text", words))]);
        row
    };
    let index = |x: f64| [Some(3.0), Some(9.0), Some(x), None, None];
    frame(
        &DRIFT,
        &[
            row(
                "base_rate",
                "failures within 30 days",
                [Some(0.039), Some(0.061), Some(0.447), Some(0.2), Some(0.69)],
                "shifted",
                "6.1 % of assets failed in the last 30 days; 3.9 % did in as many days of the time learned from",
            ),
            row(
                "calibration",
                "failures within 30 days",
                [Some(45.1), Some(47.0), Some(0.04), Some(-0.15), Some(0.23)],
                "stable",
                "from 2025-09-01 to 2025-11-30 the probabilities promised 45.1 failing assets, and 47 failed",
            ),
            row("feature", "wear.last", index(0.41), "shifted", "last wear"),
            row(
                "feature",
                "asset.site",
                [None, None, Some(0.02), None, None],
                "stable",
                "which site there are",
            ),
        ],
    )
}

fn with(record: DataFrame, listed: DataFrame) -> RunTables {
    RunTables { track_record: record, listed, ..run(60, &plain) }
}

fn check(tables: &RunTables, wants: &[&str], not: &[&str]) {
    let page = words(&render(tables).unwrap());
    let part = page.split("How did earlier lists fare?").last().unwrap();
    let part = part.split("Can this be trusted?").next().unwrap();
    for want in wants {
        assert!(part.contains(want), "missing: {want}\n{part}");
    }
    for not in not {
        assert!(!part.contains(not), "too much: {not}\n{part}");
    }
}

#[test]
fn earlier_lists_are_told_against_the_baseline() {
    let tables = with(track_record("ledger"), listed("ledger", &plain));
    check(
        &tables,
        &[
            "The earlier lists named 45 % of the failures at least a day ahead; picking by own incident rate would have named 19 %.",
            "Of 31 failures since 2025-10-27, 14 had been on a list at least a day ahead (45 %, 80 % interval 36–54 %); picking by own incident rate would have had 6.",
            "Half of them were known 12 days ahead or longer.",
            "Of 180 places on lists whose time is over, 52 failed, 100 did not, and 28 were acted on in time, which is neither. 80 places are open.",
            "That is 34 % hits of what was left alone; by own incident rate it would have been 8.7 %.",
            "Over all 3,600 probabilities whose time is over, they promised 132 failing assets, and 134 failed (Brier skill 0.21; own incident rate 0.01).",
            "October 2025 5 19 47 % (9) 38–57 % 21 % (4) 12 days 30 60 10 0 71 / 70",
            "November 2025 4 0 – – – 0 0 0 80 – / –",
            "All 13 31 45 % (14)",
            "The last list that is over, of 2025-10-27, place by place",
            "1 NB-0138 60 % ✖ failed: disk 2025-11-08",
            "◆ visited 2025-10-30 (CHG100) 2025-10-30",
            "✓ did not fail –",
        ],
        &["backtest"],
    );
}

#[test]
fn a_backtest_is_called_one() {
    let tables = with(track_record("backtest"), listed("backtest", &plain));
    check(
        &tables,
        &[
            "The lists of the backtest named 45 % of the failures at least a day ahead; picking by own incident rate would have named 19 %. No list of earlier nights is over yet.",
            "The backtest: lists made today, as if on those days",
            "No list of an earlier night is over yet, so these 13 lists from 2025-10-27 to 2025-11-03 were made today with what was known then.",
        ],
        &["The lists of earlier nights"],
    );
    // Both, where the first lists are not over.
    let young =
        frame(&TRACK_RECORD, &[record("ledger", "chosen", Cell::Null, [2, 40, 0, 0, 0, 40, 0, 0], None)]);
    let both = young.vstack(&track_record("backtest")).unwrap();
    let tables = with(both, listed("backtest", &plain));
    check(
        &tables,
        &["The lists of earlier nights", "No list’s time is over yet. 40 places are open.", "The backtest:"],
        &[],
    );
    assert_eq!(in_short(&empty()).unwrap(), None);
    check(&empty(), &["There is no earlier list and no backtest"], &[]);
}

#[test]
fn an_asset_that_is_held_back_says_why() {
    let page = words(&render(&run(60, &plain)).unwrap());
    assert!(page.contains("held back: visited 2025-12-20"));
}

#[test]
fn what_changed_is_said_and_what_did_not_is_only_counted() {
    let tables = RunTables { drift: drift(&plain), ..run(60, &plain) };
    let page = words(&render(&tables).unwrap());
    let part = page.split("Has anything changed?").last().unwrap();
    for want in [
        "Failures come at another rate than before, or otherwise than promised",
        "1 of the 2 features that matter most looks otherwise than in the time that was learned from.",
        "How many fail 6.1 % of assets failed in the last 30 days; 3.9 % did in as many days of the time learned from 1.56× (1.22× to 1.99×) ▲ shifted",
        "1.04× (0.86× to 1.26×) stable",
        "last wear wear.last 3 9 0.41",
    ] {
        assert!(part.contains(want), "missing: {want}\n{part}");
    }
    assert!(!part.contains("asset.site"));
    assert!(words(&render(&empty()).unwrap()).contains("Nothing was compared in this run."));
}
