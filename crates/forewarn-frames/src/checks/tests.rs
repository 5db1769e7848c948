//! Every check through one helper: a row of inputs, and the findings that check is to make of them.

#![allow(clippy::unwrap_used, reason = "a test stops where its own input is wrong")]

use std::collections::BTreeSet;

use polars::prelude::*;

use super::*;
use crate::finding::Severity;
use crate::finding::Severity::{Error, Info, Warning};
use crate::input::Telemetry;
use crate::rollup::RollerSettings;
use crate::time::{DAY, HOUR};

/// The day on which observation ends; a Monday.
const END: i32 = 20_001 - 20_001 % 7 + 4;

/// Number, asset, opened, resolved.
type Ticket = (String, Option<&'static str>, Micros, Option<Micros>);

/// Asset, at, what, until.
type Reported = (&'static str, Micros, &'static str, Option<Micros>);

/// Rows of asset and time, then metrics by name.
type Source = (Vec<(&'static str, Micros)>, Vec<(&'static str, Vec<Option<f64>>)>);

/// The tables of a run, as plain rows; times in microseconds.
#[derive(Default, Clone)]
struct Case {
    as_of_given: bool,
    /// Id, retired at.
    assets: Option<Vec<(&'static str, Option<Micros>)>>,
    tickets: Option<Vec<Ticket>>,
    telemetry: Vec<Source>,
    /// Whether all of it is of one entry of the config.
    one_entry: bool,
    events: Option<Vec<(&'static str, Micros)>>,
    failures: Option<Vec<(&'static str, Micros)>>,
    actions: Option<Vec<Reported>>,
    files: Vec<FileFacts>,
    max_age_days: Vec<(&'static str, i64)>,
    ranges: Vec<(&'static str, Option<f64>, Option<f64>)>,
    assumed_as_opened: Vec<&'static str>,
    /// Whether a subcategory is written when a ticket is resolved; else each has one.
    subcategory_when_resolved: bool,
}

fn end() -> Micros {
    Micros::from(END) * DAY
}

/// Half a day after observation ends.
fn now() -> Micros {
    end() + 12 * HOUR
}

/// Noon, so many days before observation ends.
fn ago(days: i64) -> Micros {
    end() - days * DAY + 12 * HOUR
}

fn time_column(name: &str, at: impl IntoIterator<Item = Option<Micros>>) -> Column {
    let at: Vec<Option<Micros>> = at.into_iter().collect();
    Column::new(name.into(), at).cast(&DataType::Datetime(TimeUnit::Microseconds, None)).unwrap()
}

fn text_column<'a>(name: &str, cells: impl IntoIterator<Item = Option<&'a str>>) -> Column {
    Column::new(name.into(), cells.into_iter().collect::<Vec<_>>())
}

fn frame(columns: Vec<Column>) -> DataFrame {
    DataFrame::new(columns[0].len(), columns).unwrap()
}

impl Case {
    fn findings(&self) -> Vec<Finding> {
        let assets = self.assets.as_ref().map(|rows| {
            Assets::try_new(&frame(vec![
                text_column("asset_id", rows.iter().map(|r| Some(r.0))),
                time_column("retired_at", rows.iter().map(|r| r.1)),
            ]))
            .unwrap()
        });
        let tickets = self.tickets.as_ref().map(|rows| {
            Tickets::try_new(&frame(vec![
                text_column("ticket_id", rows.iter().map(|r| Some(r.0.as_str()))),
                text_column("asset_id", rows.iter().map(|r| r.1)),
                time_column("opened_at", rows.iter().map(|r| Some(r.2))),
                time_column("resolved_at", rows.iter().map(|r| r.3)),
                text_column("category", rows.iter().map(|_| Some("hardware"))),
                text_column(
                    "subcategory",
                    rows.iter().map(|r| (!self.subcategory_when_resolved || r.3.is_some()).then_some("disk")),
                ),
            ]))
            .unwrap()
        });
        let ranges: BTreeMap<_, _> =
            self.ranges.iter().map(|(m, lo, hi)| ((*m).to_owned(), (*lo, *hi))).collect();
        let mut telemetry =
            Roller::new(RollerSettings { ranges: ranges.clone(), threads: 1, counters: BTreeSet::new() });
        let mut readings_after_now = Vec::new();
        for (entry, (rows, metrics)) in self.telemetry.iter().enumerate() {
            let mut columns = vec![
                text_column("asset_id", rows.iter().map(|r| Some(r.0))),
                time_column("ts", rows.iter().map(|r| Some(r.1))),
            ];
            columns.extend(metrics.iter().map(|(name, values)| Column::new((*name).into(), values)));
            let names: Vec<String> = metrics.iter().map(|m| m.0.to_owned()).collect();
            let source = telemetry.source(if self.one_entry { 0 } else { entry }, &names, false);
            // The reader leaves out what lies after now.
            let keep: BooleanChunked = rows.iter().map(|r| Some(r.1 <= now())).collect();
            let mut late = RowsAfterNow::default();
            rows.iter().filter(|r| r.1 > now()).for_each(|r| late.count(r.0, r.1));
            if late.n_rows > 0 {
                readings_after_now.push((entry, late));
            }
            let all = Telemetry::try_new(&frame(columns).filter(&keep).unwrap()).unwrap();
            telemetry.push(source, all.df()).unwrap();
        }
        let events = self.events.as_ref().map(|rows| {
            Events::try_new(&frame(vec![
                text_column("asset_id", rows.iter().map(|r| Some(r.0))),
                time_column("ts", rows.iter().map(|r| Some(r.1))),
                text_column("kind", rows.iter().map(|_| Some("patch"))),
            ]))
            .unwrap()
        });
        let failures = self.failures.as_ref().map(|rows| {
            Failures::try_new(&frame(vec![
                text_column("asset_id", rows.iter().map(|r| Some(r.0))),
                time_column("failed_at", rows.iter().map(|r| Some(r.1))),
            ]))
            .unwrap()
        });
        let actions = self.actions.as_ref().map(|rows| {
            Actions::try_new(&frame(vec![
                text_column("asset_id", rows.iter().map(|r| Some(r.0))),
                time_column("at", rows.iter().map(|r| Some(r.1))),
                text_column("what", rows.iter().map(|r| Some(r.2))),
                time_column("until", rows.iter().map(|r| r.3)),
            ]))
            .unwrap()
        });
        run_all(&CheckContext {
            now: now(),
            as_of: Cutoff::from_day(END),
            as_of_given: self.as_of_given,
            assets: assets.as_ref(),
            tickets: tickets.as_ref(),
            telemetry: &telemetry,
            readings_after_now,
            events: events.as_ref(),
            failures: failures.as_ref(),
            actions: actions.as_ref(),
            files: &self.files,
            max_age_days: self.max_age_days.iter().map(|(t, d)| ((*t).to_owned(), *d)).collect(),
            ranges,
            assumed_as_opened: self.assumed_as_opened.clone(),
            known_late: Vec::new(),
        })
    }
}

/// Runs every check over the case and compares what the named one found: severity, table and rows.
fn check(name: &str, case: &Case, want: &[(Severity, &str, u64)]) -> Vec<Finding> {
    assert!(ALL.iter().any(|c| c.doc.name == name), "{name} is no check");
    let all = case.findings();
    for f in &all {
        assert!(
            f.message.chars().any(|c| c.is_ascii_digit()) || f.check == "assumed_as_opened",
            "{}: no figure: {}",
            f.check,
            f.message
        );
        assert!(
            !f.message.ends_with('.') && !f.hint.ends_with('.') && !f.hint.is_empty(),
            "{}: {} / {}",
            f.check,
            f.message,
            f.hint
        );
        assert!(!f.message.contains("  ") && f.sample.len() <= 5 && !f.table.is_empty(), "{f:?}");
        assert!(ALL.iter().any(|c| c.doc.name == f.check), "{f:?}");
    }
    let found: Vec<Finding> = all.into_iter().filter(|f| f.check == name).collect();
    let got: Vec<_> = found.iter().map(|f| (f.severity, f.table.as_str(), f.n_rows)).collect();
    assert_eq!(got, want, "{name}: {found:#?}");
    found
}

/// `n` tickets a day on each of the days `from..to` before the end, all of asset `a`.
fn daily(n: i64, from: i64, to: i64) -> Vec<Ticket> {
    (to..from)
        .flat_map(|d| (0..n).map(move |i| (format!("INC{d}-{i}"), Some("a"), ago(d) + i, None)))
        .collect()
}

fn ticket(asset: Option<&'static str>, opened: Micros, resolved: Option<Micros>) -> Ticket {
    (format!("{asset:?} {opened}"), asset, opened, resolved)
}

/// `n` readings of asset `a`, one an hour, the last an hour before the end.
fn readings(n: usize) -> Vec<(&'static str, Micros)> {
    (0..n).map(|i| ("a", end() - (n - i) as i64 * HOUR)).collect()
}

fn source(name: &'static str, values: Vec<Option<f64>>) -> Case {
    Case { telemetry: vec![(readings(values.len()), vec![(name, values)])], ..Case::default() }
}

fn file(n_rows: u64) -> FileFacts {
    FileFacts {
        table: "tickets",
        path: "incidents.csv".into(),
        n_rows,
        rejected: Vec::new(),
        set_aside: None,
    }
}

fn files(files: &[FileFacts]) -> Case {
    Case { files: files.to_vec(), ..Case::default() }
}

fn rejecting(check: &'static str, n_rows: u64, row_left_out: bool, of: u64) -> Case {
    let sample = vec!["row 12: \"31/02/2020\"".to_owned(); n_rows.min(5) as usize];
    let rejected = Rejected { check, column: "opened".into(), n_rows, row_left_out, sample };
    files(&[FileFacts { rejected: vec![rejected], ..file(of) }])
}

/// A run in which nothing is wrong: one ticket a day, two readings an hour apart, enough failures.
fn clean() -> Case {
    Case {
        assets: Some(vec![("a", None), ("b", Some(ago(1)))]),
        tickets: Some(daily(1, 90, 1)),
        telemetry: vec![(readings(240), vec![("cpu", (0..240).map(|i| Some(f64::from(i))).collect())])],
        events: Some(vec![("a", ago(3)), ("b", ago(1) + HOUR)]),
        failures: Some((1..=40).map(|d| ("a", ago(d))).collect()),
        files: vec![file(90)],
        max_age_days: vec![("tickets", 3), ("telemetry", 1)],
        ranges: vec![("cpu", Some(0.0), None)],
        ..Case::default()
    }
}

type Row = (&'static str, Case, Vec<(Severity, &'static str, u64)>);

/// For every check a row where it finds something and one where it does not; the limits from both sides.
fn rows() -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    let mut row =
        |name, case: Case, want: &[(Severity, &'static str, u64)]| rows.push((name, case, want.to_vec()));

    for name in
        ["ambiguous_dates", "missing_required", "ragged_rows", "unparseable_numbers", "unparseable_times"]
    {
        let least = if name == "ambiguous_dates" { Warning } else { Info };
        row(name, rejecting(name, 1, false, 100), &[(least, "tickets", 1)]);
        row(name, rejecting(name, 2, false, 100), &[(Warning, "tickets", 2)]);
        row(name, rejecting(name, 51, true, 100), &[(Error, "tickets", 51)]);
        row(name, rejecting(name, 51, false, 100), &[(Warning, "tickets", 51)]);
        row(name, rejecting(name, 0, true, 100), &[]);
        row(name, rejecting("clock_change", 9, false, 9), &[]);
    }
    for name in ["clock_change", "nested_column"] {
        row(name, rejecting(name, 99, false, 100), &[(Info, "tickets", 99)]);
        row(name, rejecting("ragged_rows", 9, false, 9), &[]);
    }
    row("other_rejected", rejecting("odd_cell", 9, false, 9), &[(Warning, "tickets", 9)]);
    row("other_rejected", rejecting("ragged_rows", 9, false, 9), &[]);
    // Two files, one column: one finding.
    let mut two = rejecting("unparseable_times", 3, true, 100);
    two.files.extend(two.files.clone());
    row("unparseable_times", two, &[(Warning, "tickets", 6)]);

    let bad = FileFacts { set_aside: Some("not UTF-8".into()), ..file(0) };
    row("bad_files", files(&[bad.clone(), file(10)]), &[(Error, "tickets", 0)]);
    row("bad_files", files(&[file(10)]), &[]);
    row("empty_files", files(&[file(0), file(10)]), &[(Info, "tickets", 0)]);
    row("empty_files", files(&[file(0)]), &[(Warning, "tickets", 0)]);
    row("empty_files", files(&[bad, file(1)]), &[]);
    row("truncated_export", files(&[file(10_000), file(10_000)]), &[(Warning, "tickets", 20_000)]);
    row("truncated_export", files(&[file(65_535)]), &[(Warning, "tickets", 65_535)]);
    row("truncated_export", files(&[file(1_048_575)]), &[(Warning, "tickets", 1_048_575)]);
    row("truncated_export", files(&[file(9_999), file(10_001), file(65_536)]), &[]);
    let mut stopped = rejecting("ragged_rows", 1, true, 7);
    stopped.files[0].rejected[0].sample = vec!["row 8: \"Export stopped due to excessive size\"".into()];
    row("truncated_export", stopped, &[(Error, "tickets", 7)]);

    row(
        "assumed_as_opened",
        Case { assumed_as_opened: vec!["category", "group"], ..clean() },
        &[(Info, "tickets", 89)],
    );
    row("assumed_as_opened", clean(), &[]);

    let twice = |n: usize| Case {
        tickets: Some([daily(1, n as i64, 0), daily(1, 1, 0)].concat()),
        ..Case::default()
    };
    row("duplicate_ids", twice(5), &[(Info, "tickets", 1)]);
    row("duplicate_ids", Case { tickets: Some(daily(1, 5, 0)), ..Default::default() }, &[]);
    let differs = |n: usize| {
        let mut t = daily(1, n as i64, 0);
        t.push((t[0].0.clone(), Some("b"), t[0].2, None));
        Case { tickets: Some(t), ..Default::default() }
    };
    row("duplicate_ids", differs(5), &[(Warning, "tickets", 1)]);
    row("duplicate_ids", differs(99), &[(Info, "tickets", 1)]);

    let tickets = |rows: Vec<_>| Case { tickets: Some(rows), ..Default::default() };
    row("rows_after_now", tickets(vec![ticket(None, now(), Some(now()))]), &[]);
    row("rows_after_now", tickets(vec![ticket(None, now() + 1, None)]), &[(Warning, "tickets", 1)]);
    row(
        "rows_after_now",
        tickets(vec![ticket(None, now() + 1, Some(now() + 2)), ticket(None, 0, Some(now() + 3))]),
        &[(Warning, "tickets", 1), (Warning, "tickets", 2)],
    );
    row(
        "rows_after_now",
        Case { events: Some(vec![("a", now() + 99 * DAY)]), ..Default::default() },
        &[(Warning, "events", 1)],
    );
    row("rows_after_as_of", tickets(vec![ticket(None, end(), None)]), &[(Info, "tickets", 1)]);
    row("rows_after_as_of", tickets(vec![ticket(None, end() - 1, None), ticket(None, now() + 1, None)]), &[]);
    row(
        "resolved_before_opened",
        tickets(vec![ticket(None, 5, Some(4)), ticket(None, 6, None)]),
        &[(Warning, "tickets", 1)],
    );
    row("resolved_before_opened", tickets(vec![ticket(None, 5, Some(5))]), &[]);
    row(
        "tickets_without_asset",
        tickets(vec![ticket(None, 5, None), ticket(Some("a"), 5, None)]),
        &[(Info, "tickets", 1)],
    );
    row("tickets_without_asset", tickets(vec![ticket(None, 5, None)]), &[(Warning, "tickets", 1)]);
    row("tickets_without_asset", tickets(vec![ticket(Some("a"), 5, None)]), &[]);

    let inventory =
        |case: Case| Case { assets: Some(vec![("a", None), ("B.example", Some(ago(9)))]), ..case };
    row("orphan_assets", inventory(tickets(vec![ticket(Some("b"), 5, None)])), &[(Warning, "tickets", 1)]);
    row(
        "orphan_assets",
        inventory(tickets([daily(1, 99, 0), vec![ticket(Some("x"), 5, None)]].concat())),
        &[(Info, "tickets", 1)],
    );
    row("orphan_assets", inventory(tickets(vec![ticket(None, 5, None), ticket(Some("a"), 5, None)])), &[]);
    row("orphan_assets", tickets(vec![ticket(Some("x"), 5, None)]), &[]);
    row(
        "orphan_assets",
        inventory(Case {
            events: Some(vec![("x", 1), ("x", 2)]),
            failures: Some(vec![("y", 1)]),
            ..Default::default()
        }),
        &[(Warning, "events", 2), (Warning, "failures", 1)],
    );
    row(
        "retired_but_active",
        inventory(Case { events: Some(vec![("B.example", ago(9) + HOUR)]), ..Default::default() }),
        &[],
    );
    row(
        "retired_but_active",
        inventory(Case { events: Some(vec![("B.example", ago(8))]), ..Default::default() }),
        &[(Warning, "events", 1)],
    );
    row(
        "failure_after_retirement",
        inventory(Case { failures: Some(vec![("B.example", ago(9))]), ..Default::default() }),
        &[],
    );
    row(
        "failure_after_retirement",
        inventory(Case {
            failures: Some(vec![("B.example", ago(7)), ("B.example", ago(8)), ("a", ago(1))]),
            ..Default::default()
        }),
        &[(Warning, "failures", 2)],
    );

    row("constant_metric", source("cpu", vec![Some(1.0); 100]), &[(Info, "telemetry", 100)]);
    row("constant_metric", source("cpu", vec![Some(1.0); 99]), &[]);
    row(
        "constant_metric",
        source("cpu", [vec![Some(1.0); 99], vec![None, Some(f64::NAN), Some(1.0)]].concat()),
        &[(Info, "telemetry", 100)],
    );
    row("constant_metric", source("cpu", [vec![Some(1.0); 99], vec![Some(2.0), Some(1.0)]].concat()), &[]);
    let sparse = |n: usize, of: usize| source("cpu", (0..of).map(|i| (i < n).then_some(i as f64)).collect());
    row("mostly_missing_metric", sparse(9, 100), &[(Warning, "telemetry", 91)]);
    row("mostly_missing_metric", sparse(10, 100), &[]);
    row("mostly_missing_metric", sparse(0, 99), &[]);
    row("mostly_missing_metric", sparse(100, 1001), &[(Info, "telemetry", 901)]);
    row(
        "non_finite_readings",
        source("cpu", vec![Some(f64::NAN), Some(f64::INFINITY), Some(1.0), None]),
        &[(Warning, "telemetry", 2)],
    );
    row(
        "non_finite_readings",
        source("cpu", [vec![Some(f64::NAN)], vec![Some(1.0); 99]].concat()),
        &[(Info, "telemetry", 1)],
    );
    row("non_finite_readings", source("cpu", vec![Some(f64::MAX), None]), &[]);
    let ranged = |lo, hi| Case {
        ranges: vec![("cpu", lo, hi)],
        ..source("cpu", vec![Some(-1.0), Some(0.0), Some(100.0), Some(101.0), None])
    };
    row("out_of_range", ranged(Some(0.0), Some(100.0)), &[(Warning, "telemetry", 2)]);
    row("out_of_range", ranged(Some(0.0), None), &[(Warning, "telemetry", 1)]);
    row("out_of_range", ranged(None, Some(101.0)), &[]);
    row(
        "out_of_range",
        Case { ranges: vec![("cpv", Some(0.0), None)], ..source("cpu", vec![Some(1.0)]) },
        &[(Info, "telemetry", 0)],
    );

    let aged = |days: i64, given| Case {
        as_of_given: given,
        max_age_days: vec![("tickets", 3)],
        ..tickets(vec![ticket(None, ago(days), None)])
    };
    row("stale_sources", aged(3, false), &[]);
    row("stale_sources", aged(4, false), &[(Error, "tickets", 0)]);
    row("stale_sources", aged(3, true), &[]);
    row("stale_sources", aged(4, true), &[(Error, "tickets", 0)]);
    // A row from the future does not make a source fresh.
    let future = Case {
        max_age_days: vec![("tickets", 3)],
        ..tickets(vec![ticket(None, ago(9), None), ticket(None, now() + 1, None)])
    };
    row("stale_sources", future, &[(Error, "tickets", 0)]);
    row(
        "stale_sources",
        Case { max_age_days: vec![("tickets", 3)], ..tickets(vec![]) },
        &[(Error, "tickets", 0)],
    );
    row("stale_sources", tickets(vec![ticket(None, 0, None)]), &[]);
    // Of two sources one has stopped.
    let stopped = Case {
        max_age_days: vec![("telemetry", 3)],
        telemetry: vec![(vec![("a", ago(30))], vec![]), (readings(2), vec![])],
        ..Default::default()
    };
    row("stale_sources", stopped, &[(Error, "telemetry", 0)]);
    // A column came: the files without it are older ones of the same source.
    let columns_came = |one_entry: bool| {
        let days = |from: i64, to: i64| (to..from).rev().map(|d| ("a", ago(d) - DAY)).collect::<Vec<_>>();
        let column = |name: &'static str, n: usize| (name, vec![Some(0.5); n]);
        Case {
            one_entry,
            max_age_days: vec![("telemetry", 3)],
            telemetry: vec![
                (days(90, 20), vec![column("cpu", 70)]),
                (days(20, 0), vec![column("cpu", 20), column("disk", 20)]),
            ],
            ..Default::default()
        }
    };
    row("stale_sources", columns_came(false), &[(Error, "telemetry", 0)]);
    row("stale_sources", columns_came(true), &[]);
    row("sudden_fall", columns_came(false), &[(Warning, "telemetry", 56)]);
    row("sudden_fall", columns_came(true), &[]);

    let rejected = |check: &'static str, column: &str, n_rows: u64| Rejected {
        check,
        column: column.into(),
        n_rows,
        row_left_out: false,
        sample: Vec::new(),
    };
    let order = |all: Vec<Rejected>| files(&[FileFacts { rejected: all, ..file(100) }, file(10)]);
    row("ambiguous_dates", order(vec![rejected("unproven_dates", "opened", 4)]), &[(Warning, "tickets", 4)]);
    row("other_rejected", order(vec![rejected("unproven_dates", "opened", 4)]), &[]);
    let told = vec![rejected("unproven_dates", "opened", 4), rejected("proven_dates", "resolved", 0)];
    row("ambiguous_dates", order(told), &[]);

    // Of two assets one was read until so many days before the end, the other until the end.
    let silent = |days: i64, retired: Option<Micros>, failed: Option<i64>| Case {
        assets: Some(vec![("a", retired), ("b", None)]),
        telemetry: vec![(
            (0..60).flat_map(|d| [("b", ago(d)), ("a", ago(days + d))]).map(|r| (r.0, r.1 - DAY)).collect(),
            Vec::new(),
        )],
        failures: Some(failed.map(|d| ("a", ago(d))).into_iter().collect()),
        ..Case::default()
    };
    row("silent_assets", silent(2, None, None), &[]);
    row("silent_assets", silent(3, None, None), &[(Warning, "assets", 1)]);
    row("silent_assets", silent(3, Some(ago(0)), None), &[(Warning, "assets", 1)]);
    row("silent_assets", silent(3, Some(ago(2)), None), &[]);
    // As an inventory that is taken from telemetry has it.
    row("silent_assets", silent(20, Some(end() - 18 * DAY), None), &[(Info, "assets", 1)]);
    // It fell silent since it failed; an old failure explains nothing.
    row("silent_assets", silent(20, None, Some(21)), &[]);
    row("silent_assets", silent(20, None, Some(40)), &[(Warning, "assets", 1)]);
    row("silent_assets", Case { assets: None, ..silent(20, None, None) }, &[]);
    row("silent_assets", Case { assets: Some(vec![("c", None)]), ..silent(20, None, None) }, &[]);

    let fell = |before: i64, after: i64| tickets([daily(before, 63, 8), daily(after, 8, 1)].concat());
    row("sudden_fall", fell(10, 4), &[(Warning, "tickets", 28)]);
    row("sudden_fall", fell(10, 5), &[]);
    row("sudden_fall", fell(10, 10), &[]);
    row("sudden_fall", fell(1, 1), &[]);
    // The table ends two days before the others do, or it did so each week.
    row("sudden_fall", tickets(daily(10, 63, 3)), &[(Warning, "tickets", 560)]);
    let weekly = |n: i64| {
        tickets(
            (1..=9)
                .flat_map(|w| (0..n).map(move |i| (format!("{w}-{i}"), None, ago(7 * w) + i, None)))
                .collect(),
        )
    };
    row("sudden_fall", weekly(100), &[]);
    // Workdays only: the weekend before Monday is no end.
    row(
        "sudden_fall",
        tickets(daily(10, 64, 1).into_iter().filter(|t| (t.2 / DAY + 3) % 7 < 5).collect()),
        &[],
    );
    // Less than two weeks of history say nothing.
    row("sudden_fall", tickets(daily(10, 15, 8)), &[]);
    row("sudden_fall", tickets(vec![ticket(None, i64::MIN / 2, None), ticket(None, ago(400), None)]), &[]);

    let failing = |n: i64, d: i64| Case {
        failures: Some((0..n).map(|i| ("a", ago(d) + i)).collect()),
        ..Default::default()
    };
    row("few_failures", failing(29, 5), &[(Warning, "failures", 29)]);
    row("few_failures", failing(30, 5), &[]);
    row("few_failures", failing(0, 5), &[]);
    row("no_failures", failing(0, 5), &[(Warning, "failures", 0)]);
    row("no_failures", failing(4, 0), &[(Warning, "failures", 4)]);
    row("no_failures", failing(1, 5), &[]);
    row("no_failures", Case::default(), &[]);

    // So many tickets a day for 40 days; of the last days, half are still open.
    let late = |a_day: i64, open_days: i64, subcategory_when_resolved: bool| {
        let resolve = |(i, t): (usize, Ticket)| {
            let resolved = i as i64 / a_day >= open_days || i % 2 == 0;
            (t.0, t.1, t.2, resolved.then_some(t.2 + HOUR))
        };
        let tickets = daily(a_day, 40, 0).into_iter().enumerate().map(resolve).collect();
        Case { tickets: Some(tickets), subcategory_when_resolved, ..Case::default() }
    };
    row("filled_when_resolved", late(4, 20, true), &[(Warning, "tickets", 29)]);
    row("filled_when_resolved", late(4, 20, false), &[]);
    // Words in any case and form; one that says nothing, and a snooze without an end.
    let actions = |rows: &[(&'static str, &'static str, Option<Micros>)]| Case {
        assets: Some(vec![("a", None)]),
        actions: Some(rows.iter().map(|r| (r.0, ago(3), r.1, r.2)).collect()),
        ..Case::default()
    };
    let until = Some(ago(-9));
    row(
        "unknown_actions",
        actions(&[("a", "visited", None), ("a", " Replace ", None), ("a", "DISMISSED", until)]),
        &[],
    );
    row(
        "unknown_actions",
        actions(&[("a", "done", None), ("a", "snoozed", until), ("a", "snooze", None), ("a", "", None)]),
        &[(Warning, "actions", 1), (Warning, "actions", 2)],
    );
    row(
        "orphan_assets",
        actions(&[("a", "visited", None), ("b", "visited", None)]),
        &[(Warning, "actions", 1)],
    );
    let mut ahead = actions(&[("a", "visited", None)]);
    ahead.actions = Some(vec![("a", ago(-9), "visited", None), ("a", end(), "visited", None)]);
    row("rows_after_now", ahead.clone(), &[(Warning, "actions", 1)]);
    row("rows_after_as_of", ahead, &[(Info, "actions", 1)]);
    // Too few to compare, or none.
    row("filled_when_resolved", late(1, 20, true), &[]);
    row("filled_when_resolved", late(4, 0, true), &[]);
    rows
}

#[test]
fn every_check_finds_what_it_should_and_nothing_else() {
    for (name, case, want) in rows() {
        check(name, &case, &want);
    }
}

#[test]
fn every_check_has_a_row_where_it_fires_and_one_where_it_does_not() {
    let (fires, rests): (Vec<_>, Vec<_>) = rows().into_iter().partition(|(_, _, want)| !want.is_empty());
    let names = |rows: &[Row]| rows.iter().map(|r| r.0).collect::<BTreeSet<_>>();
    let all: BTreeSet<&str> = ALL.iter().map(|c| c.doc.name).collect();
    assert_eq!((names(&fires), names(&rests)), (all.clone(), all));
}

#[test]
fn a_clean_run_has_no_finding() {
    assert_eq!(clean().findings(), []);
    assert_eq!(Case::default().findings(), []);
}

#[test]
fn empty_tables_and_single_rows_are_no_trouble() {
    let empty = Case {
        assets: Some(vec![]),
        tickets: Some(vec![]),
        telemetry: vec![(vec![], vec![("cpu", vec![])])],
        events: Some(vec![]),
        failures: Some(vec![]),
        assumed_as_opened: vec!["category"],
        ranges: vec![("cpu", Some(0.0), Some(1.0))],
        ..Case::default()
    };
    let names = |case: &Case| case.findings().into_iter().map(|f| f.check).collect::<Vec<_>>();
    assert_eq!(names(&empty), ["no_failures"]);
    let single = Case {
        assets: Some(vec![("a", None)]),
        tickets: Some(daily(1, 2, 1)),
        telemetry: vec![(readings(1), vec![("cpu", vec![Some(0.5)])])],
        events: Some(vec![("a", ago(1))]),
        failures: Some(vec![("a", ago(1))]),
        ..empty
    };
    assert_eq!(names(&single), ["few_failures", "assumed_as_opened"]);
}

#[test]
fn hostile_text_stays_text() {
    const HOSTILE: &str = "<script>alert(1)</script>=cmd|' /C calc'!A0\u{202e}../../etc";
    let case = Case {
        assets: Some(vec![("a", None)]),
        tickets: Some(vec![ticket(Some(HOSTILE), ago(1), None)]),
        telemetry: vec![(vec![(HOSTILE, ago(1))], vec![("cpu`; DROP", vec![Some(f64::NAN)])])],
        ..Case::default()
    };
    for f in check("orphan_assets", &case, &[(Warning, "telemetry", 1), (Warning, "tickets", 1)]) {
        assert_eq!(f.sample, [HOSTILE]);
    }
    let f = &check("non_finite_readings", &case, &[(Warning, "telemetry", 1)])[0];
    assert_eq!(f.column.as_deref(), Some("cpu`; DROP"));
    assert!(f.sample[0].starts_with(HOSTILE));

    let long = FileFacts { path: "é".repeat(500), n_rows: 0, ..file(0) };
    let f = &check("empty_files", &files(&[long]), &[(Warning, "tickets", 0)])[0];
    assert_eq!(f.sample[0].chars().count(), 81);
}

#[test]
fn words_carry_the_figures() {
    let message =
        |name: &str, case: Case| case.findings().into_iter().find(|f| f.check == name).unwrap().message;
    assert_eq!(
        message("unparseable_times", rejecting("unparseable_times", 12, true, 3400)),
        "12 of 3400 rows (0.4 %) hold no readable time in `opened`; they are left out"
    );
    assert_eq!(
        message("missing_required", rejecting("missing_required", 1, true, 3400)),
        "1 of 3400 rows (under 0.1 %) is empty in `opened`; it is left out"
    );
    let orphans = Case {
        assets: Some(vec![("a", None)]),
        tickets: Some(vec![ticket(Some("A.corp"), 5, None)]),
        ..Case::default()
    };
    let found = &check("orphan_assets", &orphans, &[(Warning, "tickets", 1)])[0];
    assert_eq!(found.message, "1 of 1 row (100 %) names 1 asset that the inventory does not hold");
    assert!(found.hint.starts_with("1 of them is in the inventory but for case or domain"), "{}", found.hint);
    let fall = Case { tickets: Some([daily(10, 63, 8), daily(4, 8, 1)].concat()), ..Case::default() };
    assert_eq!(
        message("sudden_fall", fall),
        format!(
            "28 rows in the 7 days before {}, where 70.0 a week came in the 7 weeks before",
            Cutoff::from_day(END)
        )
    );
}

#[test]
fn the_list_is_sorted_and_every_check_says_what_it_does() {
    let names: Vec<&str> = ALL.iter().map(|c| c.doc.name).collect();
    assert!(names.windows(2).all(|w| w[0] < w[1]), "{names:?}");
    for Check { doc, .. } in ALL {
        for text in [doc.name, doc.what, doc.why, doc.example, doc.what_to_do] {
            assert!(!text.trim().is_empty(), "{}", doc.name);
        }
        assert!(doc.name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{}", doc.name);
        for text in [doc.what, doc.why, doc.example, doc.what_to_do] {
            assert!(text.ends_with('.'), "{}: {text}", doc.name);
        }
    }
}
