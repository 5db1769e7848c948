//! Tables of the service and of weaknesses, and what the page says of them.

use forewarn_frames::output::{EXPOSURE, SERVICE};
use forewarn_frames::time::{DAY, day_of};
use polars::prelude::DataFrame;

use super::fixture::{Cell, Fill, empty, frame, noise, plain, run};
use super::page::words;
use crate::render;

/// A series of twelve months: measure, level, name, value, half of the interval, trend, change a year.
type Series<'a> = (&'a str, &'a str, &'a str, f64, f64, &'a str, f64);

const SERIES: [Series<'static>; 10] = [
    ("n_incidents", "total", "total", 160.0, 16.0, "falling", -0.12),
    ("mttr_hours", "total", "total", 21.0, 3.0, "rising", 0.3),
    ("mtbf_days", "total", "total", 640.0, 80.0, "steady", 0.02),
    ("availability", "total", "total", 0.9991, 0.0004, "steady", 0.0),
    ("reopen_share", "total", "total", 0.06, 0.02, "steady", 0.001),
    ("breach_share", "total", "total", 0.25, 0.04, "too little data", f64::NAN),
    ("csat", "total", "total", 3.9, 0.2, "rising", 0.21),
    ("proactive_share", "total", "total", 0.31, 0.05, "rising", 0.08),
    ("mttr_hours", "service", "Shop", 99.0, 12.0, "rising", 0.45),
    ("n_incidents", "site", "Wien, Haus 2", 12.0, 4.0, "steady", 0.0),
];

pub(crate) fn service(fill: Fill<'_>) -> DataFrame {
    let mut rows = Vec::new();
    for (k, (measure, level, id, value, half, trend, change)) in SERIES.into_iter().enumerate() {
        for month in 1..=12 {
            let level_off = if month == 12 { 0.0 } else { half * (noise(k * 12 + month) - 0.5) };
            let number = |v: f64| if v.is_finite() { Cell::Number(v) } else { Cell::Null };
            rows.push(vec![
                Cell::Text(measure.to_owned()),
                Cell::Text(level.to_owned()),
                Cell::Text(if level == "total" { id.to_owned() } else { fill("series_id", id) }),
                Cell::Whole(i64::from(day_of(2025, month as u32, 1)) * DAY),
                Cell::Whole(150),
                number(value + level_off),
                number(value + level_off - half),
                number(value + level_off + half),
                Cell::Text(trend.to_owned()),
                number(change),
                number(change - 0.05),
                number(change + 0.05),
                number(0.01),
            ]);
        }
    }
    frame(&SERVICE, &rows)
}

pub(crate) fn exposure(fill: Fill<'_>) -> DataFrame {
    let row = |id: &str, exposure: &str, value: f64, unit: &str, score: f64, text: &str| {
        vec![
            Cell::Text(fill("asset_id", id)),
            Cell::Text(fill("kind", "laptop")),
            Cell::Text(fill("model", "ThinkPad T480")),
            Cell::Text(fill("site", if id < "NB-0400" { "Berlin" } else { "Wien, Haus 2" })),
            Cell::Text(fill("owner", "Workplace")),
            Cell::Text(exposure.to_owned()),
            Cell::Null,
            Cell::Number(value),
            Cell::Text(unit.to_owned()),
            Cell::Null,
            Cell::Number(score),
            Cell::Text(fill("exposure_text", text)),
        ]
    };
    let mut rows = vec![
        row(
            "NB-0101",
            "patch_missing",
            62.0,
            "days",
            0.7,
            "lacks KB5051; 93 % of 40 like it (ThinkPad T480) have it",
        ),
        row(
            "NB-0101",
            "past_warranty",
            400.0,
            "days",
            0.52,
            "out of warranty for 400 days; 3 of 40 of its kind are covered",
        ),
    ];
    for i in 0..30 {
        let id = format!("NB-{:04}", 200 + 10 * i);
        rows.push(row(
            &id,
            "past_warranty",
            30.0,
            "days",
            0.08,
            "out of warranty for 30 days; 3 of 40 of its kind are covered",
        ));
    }
    frame(&EXPOSURE, &rows)
}

#[test]
fn a_manager_reads_how_the_service_fares() {
    let page = words(&render(&run(60, &plain)).unwrap());
    let part = page.split("How the service fares").nth(2).unwrap();
    for want in [
        "In Dec 2025 there were 160 incidents, restored after 21 h on average. Over the last 12 months got worse: mean time to restore; got better: incidents, satisfaction, 1 to 5, proactive work. The rest shows no trend beyond chance.",
        "Incidents 160 144–176 Dec 2025 Incidents by month From",
        "▼ falling better −12 % a year (−17 % to −7 %)",
        "Mean time to restore 21 h 18 h to 24 h Dec 2025, 150 incidents",
        "Availability 99.91 % 99.87 % to 99.95 % Dec 2025, 150 outages",
        "? too little data",
        "▲ rising better +8.0 points a year (+3.0 points to +13.0 points)",
        "What got worse first. 1 series of services and sites show no trend beyond chance, or are too short.",
        "Shop service Mean time to restore 4.1 days",
        "▲ rising worse +45 % a year",
    ] {
        assert!(part.contains(want), "missing: {want}\n{}", &part[..4000]);
    }
}

#[test]
fn weaknesses_are_counted_and_the_worst_named() {
    let page = words(&render(&run(60, &plain)).unwrap());
    let part = page.split("What is vulnerable").nth(2).unwrap();
    for want in [
        "31 assets of 60 have a weakness that shows before anything fails; one has more than one.",
        "Out of warranty 31 52 %",
        "Lacks a patch that most of its look-alikes have 1 1.7 %",
        "Berlin 21 out of warranty (21)",
        "11 more are in exposure.parquet",
        "NB-0101 ThinkPad T480, laptop Lacks a patch : lacks KB5051; 93 % of 40 like it (ThinkPad T480) have it Out of warranty : out of warranty for 400 days",
    ] {
        assert!(part.contains(want), "missing: {want}\n{}", &part[..2500]);
    }
}

#[test]
fn nothing_known_is_said_in_a_sentence() {
    let page = words(&render(&empty()).unwrap());
    assert!(page.contains("No whole month of incidents, failures or assets in service is known yet."));
    assert!(page.contains("No asset in service shows a weakness that these data could tell"));
    // Measures that are not known here, values that are none, one month alone.
    let mut tables = run(5, &plain);
    tables.service = tables.service.head(Some(1));
    assert!(words(&render(&tables).unwrap()).contains("Over the last 1 month"));
    let null = Cell::Null;
    let mut row = vec![
        Cell::Text("mttr_hours".into()),
        Cell::Text("total".into()),
        Cell::Text("total".into()),
        Cell::Whole(i64::MAX),
    ];
    row.resize(SERVICE.columns.len(), null.clone());
    let mut other = row.clone();
    other[0] = Cell::Text("unheard_of".into());
    tables.service = frame(&SERVICE, &[row, other, vec![null; SERVICE.columns.len()]]);
    tables.exposure = frame(&EXPOSURE, &[vec![Cell::Null; EXPOSURE.columns.len()]]);
    assert!(words(&render(&tables).unwrap()).contains("Mean time to restore not known"));
}
