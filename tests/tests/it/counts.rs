//! Forecasts of incident counts: they see only what was known, parts sum to the whole, and odd input gives an answer.

use forewarn_engine::{CountBacktest, CountBy, CountLevel, Period, Settings, Silent, backtest_counts};
use forewarn_frames::input::{Failures, Tickets};
use forewarn_frames::time::{DAY, HOUR, Micros, day_of};
use forewarn_frames::{Cutoff, FrameInputs, Frames};
use polars::prelude::*;
use proptest::prelude::*;

use crate::cli::{department, forewarn};
use crate::fleet::{DAYS, Dice, Rows, START};
use crate::no_lookahead::{Spoil, settings, spoiled};

/// A ticket: day, group, type.
type Ticket<'a> = (i32, Option<&'a str>, Option<&'a str>);

fn frames(tickets: &[Ticket<'_>], end: i32) -> Frames {
    let ids: Vec<String> = (0..tickets.len()).map(|i| format!("T{i}")).collect();
    let opened: Vec<Micros> =
        tickets.iter().enumerate().map(|(i, t)| Micros::from(t.0) * DAY + (i as i64 % 20) * HOUR).collect();
    let df = DataFrame::new(
        tickets.len(),
        vec![
            Column::new("ticket_id".into(), ids),
            Column::new("opened_at".into(), opened)
                .cast(&DataType::Datetime(TimeUnit::Microseconds, None))
                .unwrap(),
            Column::new("group".into(), tickets.iter().map(|t| t.1).collect::<Vec<_>>()),
            Column::new("type".into(), tickets.iter().map(|t| t.2).collect::<Vec<_>>()),
        ],
    )
    .unwrap();
    let failures = df!["asset_id" => Vec::<String>::new()].unwrap();
    let at = Column::new("failed_at".into(), Vec::<i64>::new())
        .cast(&DataType::Datetime(TimeUnit::Microseconds, None))
        .unwrap();
    let failures = DataFrame::new(0, vec![failures.column("asset_id").unwrap().clone(), at]).unwrap();
    Frames::new(FrameInputs {
        assets: None,
        asset_history: None,
        tickets: Some(Tickets::try_new(&df).unwrap()),
        known_late: vec![],
        telemetry: forewarn_frames::rollup::Roller::default(),
        events: None,
        failures: Failures::try_new(&failures).unwrap(),
        actions: None,
        terminal: false,
        as_of: Cutoff::from_day(end),
    })
    .unwrap()
}

fn by(column: CountBy, every: Period, horizon: usize) -> Settings {
    Settings {
        counts: vec![CountLevel { by: column, every: Some(every), horizon: Some(horizon), least: None }],
        ..settings()
    }
}

fn judged(frames: &Frames, settings: &Settings, origin: i32) -> CountBacktest {
    backtest_counts(frames, settings, &[Cutoff::from_day(origin)], None, &Silent).unwrap()
}

/// Rows as `level series_id ds`, with the numbers of a column.
fn numbers(df: &DataFrame, column: &str) -> Vec<(String, Option<f64>)> {
    let text = |name: &str| df.column(name).unwrap().str().unwrap().clone();
    let (level, id) = (text("level"), text("series_id"));
    let ds = df.column("ds").unwrap().cast(&DataType::Int64).unwrap();
    let ds = ds.i64().unwrap();
    let values = df.column(column).unwrap().f64().unwrap();
    (0..df.height())
        .map(|i| {
            let day = ds.get(i).unwrap() / DAY;
            (format!("{} {} {day}", level.get(i).unwrap(), id.get(i).unwrap()), values.get(i))
        })
        .collect()
}

fn sum_of(rows: &[(String, Option<f64>)], level: &str) -> f64 {
    rows.iter().filter(|r| r.0.starts_with(level)).filter_map(|r| r.1).sum()
}

/// Working days have `n` tickets of each group, from day to day.
fn office(groups: &[&'static str], from: i32, to: i32, n: usize) -> Vec<Ticket<'static>> {
    let mut out = Vec::new();
    for day in from..to {
        let busy = (day - 4).rem_euclid(7) < 5;
        for group in groups {
            for _ in 0..if busy { n } else { n / 10 } {
                out.push((day, Some(*group), Some("incident")));
            }
        }
    }
    out
}

const DAY_0: i32 = 16_000;

#[test]
fn parts_sum_to_the_whole_and_actuals_are_what_came() {
    let mut tickets = office(&["desk", "network"], DAY_0, DAY_0 + 140, 10);
    // Requests are no incidents; some tickets have no group; a small group is gathered.
    tickets.extend((0..400).map(|i| (DAY_0 + i % 140, Some("desk"), Some("request"))));
    tickets.extend((0..70).map(|i| (DAY_0 + 2 * i, None, Some("incident"))));
    tickets.extend((0..8).map(|i| (DAY_0 + 17 * i, Some("small"), Some("incident"))));
    let frames = frames(&tickets, DAY_0 + 140);
    let done = judged(&frames, &by(CountBy::Group, Period::Day, 14), DAY_0 + 126);
    let (mean, actual) = (numbers(&done.forecasts, "mean"), numbers(&done.forecasts, "actual"));
    let levels: std::collections::BTreeSet<&str> =
        mean.iter().map(|r| r.0.rsplit_once(' ').unwrap().0).collect();
    assert_eq!(
        levels.into_iter().collect::<Vec<_>>(),
        ["group (none)", "group (other)", "group desk", "group network", "total total"]
    );
    assert!((sum_of(&mean, "group ") - sum_of(&mean, "total ")).abs() < 1e-6);
    assert_eq!(sum_of(&actual, "group "), sum_of(&actual, "total "));
    let incidents = tickets.iter().filter(|t| t.0 >= DAY_0 + 126 && t.2 == Some("incident")).count();
    assert_eq!(sum_of(&actual, "total "), incidents as f64);
    let wrong = (sum_of(&mean, "total ") / incidents as f64 - 1.0).abs();
    assert!(wrong < 0.05, "expected {} of {incidents}", sum_of(&mean, "total "));
    // A horizon that reaches past the end of observation has no actual there.
    let late = judged(&frames, &by(CountBy::Group, Period::Day, 14), DAY_0 + 133);
    let open = numbers(&late.forecasts, "actual").iter().filter(|r| r.1.is_none()).count();
    assert_eq!(open, late.forecasts.height() / 2);
}

#[test]
fn weeks_begin_on_monday_and_a_begun_one_is_left_out() {
    let monday = day_of(2013, 12, 2);
    let frames = frames(&office(&["desk", "network"], monday - 280, monday + 28, 10), monday + 28);
    for (origin, first) in [(monday, monday), (monday + 2, monday + 7)] {
        let done = judged(&frames, &by(CountBy::Group, Period::Week, 2), origin);
        let mean = numbers(&done.forecasts, "mean");
        let days: std::collections::BTreeSet<&str> =
            mean.iter().map(|r| r.0.rsplit_once(' ').unwrap().1).collect();
        let want = [first, first + 7].map(|d| d.to_string());
        assert_eq!(days.into_iter().collect::<Vec<_>>(), want);
        assert!((sum_of(&mean, "total ") - 2.0 * 104.0).abs() < 8.0, "{}", sum_of(&mean, "total "));
    }
}

#[test]
fn odd_input_gives_an_answer() {
    let check = |name: &str, tickets: &[Ticket<'_>], most: f64| {
        let frames = frames(tickets, DAY_0 + 200);
        for every in [Period::Day, Period::Week, Period::Month] {
            let done = judged(&frames, &by(CountBy::Group, every, 3), DAY_0 + 190);
            let mean = numbers(&done.forecasts, "mean");
            assert!(mean.iter().all(|r| r.1.is_some_and(|m| m.is_finite() && m >= 0.0)), "{name}: {mean:?}");
            let sum = sum_of(&mean, "total ");
            assert!(sum <= most, "{name} {every:?}: {sum}");
            let q = numbers(&done.forecasts, "q95");
            assert!(q.iter().all(|r| r.1.is_some_and(|q| q.is_finite() && q >= 0.0)), "{name}: {q:?}");
        }
    };
    check("one ticket", &[(DAY_0 + 100, Some("desk"), None)], 3.0);
    check("one ticket last night", &[(DAY_0 + 189, Some("desk"), None)], 100.0);
    check("all on one day", &vec![(DAY_0 + 60, Some("desk"), None); 500], 30.0);
    check("no group at all", &vec![(DAY_0 + 60, None, None); 50], 30.0);
    let mut once = office(&["desk"], DAY_0, DAY_0 + 190, 10);
    once.push((DAY_0 + 77, Some("seen once"), None));
    check("a value that appears once", &once, 900.0);
    let gap: Vec<Ticket<'_>> = office(&["desk"], DAY_0, DAY_0 + 40, 10)
        .into_iter()
        .chain(office(&["desk"], DAY_0 + 130, DAY_0 + 190, 10))
        .collect();
    check("a gap of months", &gap, 900.0);
    let hostile = [
        (DAY_0 + 60, Some("(other)"), None),
        (DAY_0 + 61, Some("<script>"), None),
        (DAY_0 + 62, Some(" "), None),
    ];
    check("hostile values", &hostile, 30.0);
}

#[test]
fn a_gap_is_no_quiet_time_and_a_service_that_ended_is_let_go() {
    let mut tickets = office(&["desk"], DAY_0, DAY_0 + 60, 10);
    tickets.extend(office(&["desk"], DAY_0 + 130, DAY_0 + 190, 10));
    let gone = judged(&frames(&tickets, DAY_0 + 200), &by(CountBy::Group, Period::Day, 7), DAY_0 + 189);
    let week = sum_of(&numbers(&gone.forecasts, "mean"), "total ");
    assert!((week - 52.0).abs() < 6.0, "a week has {week}");
    let mut tickets = office(&["desk"], DAY_0, DAY_0 + 190, 10);
    tickets.extend(office(&["old mail"], DAY_0, DAY_0 + 60, 10));
    let ended = judged(&frames(&tickets, DAY_0 + 200), &by(CountBy::Group, Period::Day, 7), DAY_0 + 189);
    let week = sum_of(&numbers(&ended.forecasts, "mean"), "group old mail");
    assert!(week < 0.2, "decommissioned, yet {week} are expected");
}

#[test]
fn without_an_incident_there_is_nothing_to_judge() {
    let frames = frames(&[(DAY_0 + 50, Some("desk"), None)], DAY_0 + 200);
    let origins = [Cutoff::from_day(DAY_0 + 10)];
    let failed = backtest_counts(&frames, &settings(), &origins, None, &Silent).unwrap_err();
    assert!(failed.to_string().contains("no incident is known"), "{failed}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn counts_do_not_see_the_future(seed in 0_u64..1000, day in 40_i32..280, how in 0..3) {
        let rows = Rows::random(seed);
        let origin = START + day.min(DAYS as i32 - 5);
        let how = [Spoil::Delete, Spoil::Poison, Spoil::Both][how as usize];
        let spoiled = spoiled(&rows, Cutoff::from_day(origin), how, Dice(seed).next());
        let said = |rows: &Rows, settings: &Settings| {
            let frames = Frames::new(rows.inputs()).unwrap();
            let done = backtest_counts(&frames, settings, &[Cutoff::from_day(origin)], None, &Silent).unwrap();
            ["mean", "q05", "q50", "q95"]
                .map(|c| numbers(&done.forecasts, c).into_iter().map(|r| (r.0, r.1.map(f64::to_bits))).collect::<Vec<_>>())
        };
        for settings in [settings(), by(CountBy::Category, Period::Week, 4), by(CountBy::Priority, Period::Day, 5)] {
            prop_assert_eq!(said(&rows, &settings), said(&spoiled, &settings));
        }
    }
}

#[test]
fn the_command_writes_what_score_reads_and_the_run_shows_the_workload() {
    let dir = department();
    let args =
        ["backtest", "--task", "counts", "--from", "2022-08-01", "--to", "2022-10-01", "--every", "1mo"];
    let done = forewarn(dir.path(), &[&args[..], &["--h", "2", "--out", "bt"]].concat());
    assert_eq!(done.code, 0, "{}", done.err);
    let file = std::fs::File::open(dir.path().join("bt/forecasts.parquet")).unwrap();
    let df = ParquetReader::new(file).finish().unwrap();
    forewarn_frames::output::FORECASTS_JUDGED.check(&df).unwrap();
    assert!(df.height() > 0);
    let args = &args[..5];
    for (wrong, says) in [
        (["--h", "0"], "--h"),
        (["--h", "7,30"], "--h"),
        (["--to", "2022-07-01"], "no cutoff"),
        (["--every", "often"], "--every"),
    ] {
        let done = forewarn(dir.path(), &[args, &wrong].concat());
        assert_eq!(done.code, 2, "{wrong:?}");
        assert!(done.err.contains(says), "{wrong:?}: {}", done.err);
    }
}
