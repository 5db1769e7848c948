//! Tables of degradations with the courses of their series, and what the page says of them.

use forewarn_frames::output::{DEGRADATIONS, PLOT_SERIES, RunTables};
use forewarn_frames::time::{DAY, day_of};
use polars::prelude::DataFrame;

use super::fixture::{Cell, Fill, empty, frame, noise, plain, run};
use super::page::words;
use crate::render;

/// The day of the report.
fn today() -> i32 {
    day_of(2025, 12, 29)
}

/// `[value, threshold, median, low, high, expected before, change a day]`.
type Numbers = [Option<f64>; 7];

#[expect(clippy::too_many_arguments, reason = "a row of the table, column by column")]
fn row(
    fill: Fill<'_>,
    (asset, metric): (&str, &str),
    kind: &str,
    since: i32,
    numbers: Numbers,
    text: &str,
    related: Option<&str>,
    n: i64,
) -> Vec<Cell> {
    let number = |x: Option<f64>| x.map_or(Cell::Null, Cell::Number);
    let [value, threshold, eta, low, high, expected, slope] = numbers.map(number);
    vec![
        Cell::Text(fill("asset_id", asset)),
        Cell::Text(fill("metric", metric)),
        Cell::Text(kind.to_owned()),
        Cell::Whole(i64::from(since) * DAY),
        value,
        threshold,
        eta,
        low,
        high,
        Cell::Number(4.2),
        Cell::Text(fill("degradation_text", text)),
        expected,
        slope,
        related.map_or(Cell::Null, |r| Cell::Text(fill("related", r))),
        Cell::Whole(n),
    ]
}

const DISK: (&str, &str) = ("NB-0101", "disk_used_pct");
const FREE: (&str, &str) = ("SRV-0138", "disk_free_gb");
const BATTERY: (&str, &str) = ("UPS-0286", "battery_capacity_pct");
const ERRORS: (&str, &str) = ("SW-0212", "crc_errors");
const FUSER: (&str, &str) = ("PRN-0175", "fuser_temp_c");
const WEAR: (&str, &str) = ("NB-0323", "wear_pct");

/// No number.
const NO: f64 = f64::NAN;

pub(crate) fn degradations(fill: Fill<'_>) -> DataFrame {
    let d = today();
    let n = |v: [f64; 7]| v.map(|x| x.is_finite().then_some(x));
    let mut rows = vec![
        row(
            fill,
            DISK,
            "trend",
            d - 88,
            n([93.1, 90.0, 0.0, 0.0, 0.0, 61.0, 0.42]),
            "rises by 0.42 a day and is above its threshold of 90",
            None,
            1,
        ),
        row(
            fill,
            FREE,
            "trend",
            d - 26,
            n([61.0, 20.0, 22.4, 14.0, 38.0, 118.0, -1.8]),
            "falls by 1.8 a day and reaches 20 in about 22 days",
            None,
            1,
        ),
        row(
            fill,
            FREE,
            "change_point",
            d - 26,
            n([61.0, 20.0, NO, NO, NO, 118.0, -1.8]),
            "the slope changed from −0.1 to −1.8 a day",
            Some("patch KB5051 on 2025-12-02"),
            1,
        ),
        row(
            fill,
            BATTERY,
            "trend",
            d - 300,
            n([71.0, 60.0, 64.0, 41.0, NO, 92.0, -0.07]),
            "falls by 0.07 a day and nears 60",
            None,
            1,
        ),
        row(
            fill,
            ERRORS,
            "anomaly",
            d - 2,
            n([412.0, NO, NO, NO, NO, 3.0, NO]),
            "412 on one day, where 0 to 9 were expected",
            Some("change CHG0031 on 2025-12-26"),
            1,
        ),
        row(
            fill,
            FUSER,
            "peer",
            d - 5,
            n([71.0, NO, NO, NO, NO, 58.0, NO]),
            "71, where 40 like it have 55 to 61",
            None,
            1,
        ),
        row(
            fill,
            WEAR,
            "trend",
            d - 200,
            n([41.0, 100.0, NO, NO, NO, 35.0, 0.03]),
            "rises by 0.03 a day",
            None,
            1,
        ),
        row(
            fill,
            ("NB-0360", "cpu_temp_c"),
            "trend",
            d - 40,
            n([88.0, 95.0, 12.0, 7.5, 19.0, 74.0, 0.5]),
            "rises by 0.5 a day and reaches 95 in about 12 days",
            None,
            1,
        ),
        row(
            fill,
            ("NB-0397", "battery_capacity_pct"),
            "trend",
            d - 120,
            n([69.0, 40.0, NO, 122.0, NO, 80.0, -0.1]),
            "falls by 0.1 a day",
            None,
            1,
        ),
        row(
            fill,
            ("SRV-0434", "fan_rpm"),
            "anomaly",
            d - 1,
            n([12_400.0, NO, NO, NO, NO, 6_100.0, NO]),
            "12,400 on one day, where 5,800 to 6,400 were expected",
            None,
            1,
        ),
    ];
    for (i, asset) in ["NB-0508", "NB-0545", "NB-0582", "NB-0619"].into_iter().enumerate() {
        let since = d - 19 + i as i32 / 2;
        rows.push(row(
            fill,
            (asset, "boot_seconds"),
            "change_point",
            since,
            n([64.0, NO, NO, NO, NO, 31.0, NO]),
            "the level rose from 31 to 64",
            Some("patch KB5051"),
            30,
        ));
    }
    frame(&DEGRADATIONS, &rows)
}

/// Rows of `plot_series`: some series with what was expected, with holes, with what is expected ahead; one has none.
pub(crate) fn courses(fill: Fill<'_>) -> Vec<Vec<Cell>> {
    let d = today();
    let mut rows = Vec::new();
    let name = |s: (&str, &str)| format!("{}\u{1f}{}", fill("asset_id", s.0), fill("metric", s.1));
    let mut add = |plot: &str, s: (&str, &str), day: i32, y: f64, band: Option<(f64, f64)>| {
        let end = |x: Option<f64>| x.map_or(Cell::Null, Cell::Number);
        rows.push(vec![
            Cell::Text(plot.to_owned()),
            Cell::Text(name(s)),
            Cell::Number(f64::from(day)),
            Cell::Number(y),
            end(band.map(|b| b.0)),
            end(band.map(|b| b.1)),
        ]);
    };
    for back in (1..=180).rev() {
        let (day, t) = (d - back, f64::from(back));
        let shake = noise(back as usize) - 0.5;
        let disk = 93.1 - 0.42 * t.min(88.0) + 3.0 * shake;
        add("degradation", DISK, day, disk, None);
        // Two weeks without readings.
        if !(60..74).contains(&back) {
            let free = 61.0 + 1.8 * t.min(26.0) + 0.1 * (t - 26.0).max(0.0) + 4.0 * shake;
            add("degradation", FREE, day, free, None);
        }
        let errors = if back == 2 { 412.0 } else { 4.0 + 7.0 * shake };
        add("degradation", ERRORS, day, errors.max(0.0), (back < 60).then_some((0.0, 9.0)));
        let fuser = 58.0 + 2.0 * shake + if back < 8 { 13.0 } else { 0.0 };
        add("degradation", FUSER, day, fuser, Some((55.0 + shake, 61.0 + shake)));
    }
    for back in (1..=730).rev() {
        let t = f64::from(back);
        add("degradation", BATTERY, d - back, 71.0 + 0.07 * t.min(300.0) + noise(back as usize), None);
    }
    for ahead in (0..=180).step_by(3) {
        let t = f64::from(ahead);
        let mut ahead = |s, y: f64, wide: f64| {
            add("degradation_ahead", s, d + ahead, y, Some((y - wide, y + wide)));
        };
        ahead(DISK, (93.1 + 0.3 * t).min(100.0), 0.5 + 0.04 * t);
        ahead(FREE, (61.0 - 1.8 * t).max(0.0), 1.0 + 0.1 * t);
        ahead(BATTERY, 71.0 - 0.1 * t, 0.5 + 0.06 * t);
    }
    rows
}

fn part(tables: &RunTables) -> String {
    let html = render(tables).unwrap();
    let from = html.find("<section id=\"worse\"").unwrap();
    let to = from + html[from..].find("</section>").unwrap();
    words(&format!("<body>{}", &html[from..to]))
}

#[test]
fn what_gets_worse_is_said() {
    let page = part(&run(60, &plain));
    for want in [
        "9 metrics of 9 assets get worse or behave unusually.",
        "2 thresholds will, with a chance of one half or more, be crossed within the next 30 days; 1 is crossed already.",
        "Once, many assets show the same at the same time.",
        "30 assets: change point in boot_seconds , 2025-12-10 to 2025-12-11. For example NB-0508 , NB-0545 , NB-0582 , NB-0619 : the level rose from 31 to 64 . Related: patch KB5051 .",
        "NB-0101 disk_used_pct trend since 2025-10-02 : rises by 0.42 a day and is above its threshold of 90",
        "Now 93.1 usual 61 Threshold 90 Days until ✖ crossed",
        "change point since 2025-12-03 : the slope changed from −0.1 to −1.8 a day related: patch KB5051 on 2025-12-02",
        "Threshold 20 Days until ▲ 22 days 14–38",
        "Days until 64 days 41 to more than 180 days",
        "disk_free_gb of SRV-0138 by day From 2025-07-02 to 2025-12-28 it went from 122 to 63.9, between 63.9 and 125. It changed on 2025-12-03.",
        "It changed on 2025-12-03. By 2026-06-27 0 is expected",
        "On 2025-12-27 it was unusual: 412.",
        "Its threshold is 20; it is crossed in 22 days (80 % interval 14–38).",
        "On 2025-12-27 412 usual 3 crc_errors of SW-0212",
        "unlike its peers since 2025-12-24 : 71, where 40 like it have 55 to 61",
        "Its series was not saved, so there is no plot.",
        "NB-0360 cpu_temp_c rises by 0.5 a day and reaches 95 in about 12 days trend 2025-11-19 88 usual 74 95 ▲ 12 days 7.5–19 –",
        "not within 180 days one in ten before 122 days",
        "SRV-0434 fan_rpm",
    ] {
        assert!(page.contains(want), "missing: {want}\n{page}");
    }
    assert!(!page.contains("NaN") && !page.contains("change_point"));
}

#[test]
fn nothing_that_gets_worse_is_said_plainly() {
    let page = part(&empty());
    assert_eq!(page, "What gets worse No series gets worse, as far as the records show.");
}

#[test]
fn what_is_not_on_the_page_is_counted() {
    let mut tables = run(60, &plain);
    let many: Vec<Vec<Cell>> = (0..100)
        .map(|i| {
            let asset = format!("A-{i}");
            let numbers = [Some(1.0), None, None, None, None, None, None];
            row(&plain, (&asset, "m"), "trend", today(), numbers, "rises", None, 1)
        })
        .collect();
    tables.degradations = frame(&DEGRADATIONS, &many);
    tables.plot_series = PLOT_SERIES.empty();
    let page = part(&tables);
    for want in [
        "100 metrics of 100 assets get worse",
        "None of them has a threshold, so no crossing is foretold.",
        "54 more are in degradations.parquet",
    ] {
        assert!(page.contains(want), "missing: {want}\n{page}");
    }
    assert!(page.contains("A-45") && !page.contains("A-46"));
}

#[test]
fn what_a_table_should_not_hold_makes_a_page_too() {
    let odd = |x: f64| [Some(x); 7];
    let rows: Vec<Vec<Cell>> = [f64::INFINITY, f64::NEG_INFINITY, f64::MAX, f64::MIN, -1.0, 0.0]
        .into_iter()
        .enumerate()
        .map(|(i, x)| {
            let kind = ["trend", "change_point", "anomaly", "peer", "else", ""][i];
            row(&plain, DISK, kind, i32::MAX / 1000, odd(x), "", Some(""), i as i64 - 2)
        })
        .collect();
    let mut tables = run(60, &plain);
    tables.degradations = frame(&DEGRADATIONS, &rows);
    let page = part(&tables);
    assert!(!page.contains("NaN") && !page.contains("inf "), "{page}");
}
