//! Tables of recurring incidents and measures, and what the page says of them.

use forewarn_frames::output::{MEASURES, RECURRENCES};
use polars::prelude::DataFrame;

use super::fixture::{Cell, Fill, empty, frame, plain, run};
use super::page::words;
use crate::render;

pub(crate) fn recurrences(fill: Fill<'_>) -> DataFrame {
    let mut rows = Vec::new();
    for i in 0..40 {
        for category in ["(all)", "Hardware", "Network"] {
            let part = if category == "(all)" { 1.0 } else { 0.45 };
            let mean = part * 9.0 / f64::from(i + 2);
            let trend = ["worsening", "stable", "improving", "stable"][i as usize % 4];
            let tested = i < 20;
            let test = |p: f64| if tested { Cell::Number(p) } else { Cell::Null };
            let outlook = |k: f64| {
                [mean * k, (mean * k * 0.4).floor(), (mean * k * 2.0).ceil(), 1.0 - (-mean * k).exp()]
            };
            let mut row = vec![
                Cell::Text(fill("asset_id", &format!("NB-{:04}", 101 + i * 37 % 900))),
                Cell::Text(if category == "(all)" {
                    category.to_owned()
                } else {
                    fill("category", category)
                }),
                Cell::Whole(i64::from(60 - i)),
                Cell::Number(700.0 - f64::from(i)),
            ];
            row.extend(outlook(1.0).map(Cell::Number));
            row.extend([
                test(1.8),
                Cell::Text(if tested { trend } else { "stable" }.to_owned()),
                test(0.001),
                test(0.02),
                test(0.0005),
                test(0.002),
            ]);
            row.extend(outlook(7.0 / 30.0).into_iter().chain(outlook(3.0)).map(Cell::Number));
            rows.push(row);
        }
    }
    frame(&RECURRENCES, &rows)
}

pub(crate) fn measures(fill: Fill<'_>) -> DataFrame {
    let number = |v: Option<f64>| v.map_or(Cell::Null, Cell::Number);
    let row = |name: &str,
               of: (&str, &str),
               n,
               numbers: [Option<f64>; 6],
               verdict: &str,
               rest: [Option<f64>; 4]| {
        let [without, difference @ ..] = rest;
        let mut row = vec![Cell::Text(fill("measure", name)), Cell::Whole(n)];
        row.extend(numbers.map(number));
        row.extend([Cell::Text(verdict.to_owned()), number(without)]);
        let outcome = if of.1.starts_with("incidents") || of.1.starts_with("failures") {
            of.0.to_owned()
        } else {
            fill("metric", of.0)
        };
        let kind = name.split(' ').next().unwrap_or_default();
        row.extend([outcome, of.1.to_owned(), fill("kind", kind)].map(Cell::Text));
        row.extend(difference.map(number));
        row
    };
    let some = |v: [f64; 6]| v.map(Some);
    let without = |v: f64| [Some(v), None, None, None];
    let incidents = ("incidents", "incidents an asset and year");
    let failures = ("failures", "failures an asset and year");
    let (hurt, helped, quiet, little) = ("hurt", "helped", "no effect seen", "too little data");
    let load = [Some(48.0), Some(41.0), None, None, None, Some(0.01)];
    frame(
        &MEASURES,
        &[
            row("patch KB5051", incidents, 131, some([2.1, 4.4, 2.05, 1.6, 2.6, 0.004]), hurt, without(2.15)),
            row("visit", incidents, 640, some([1.1, 0.7, 0.7, 0.6, 0.82, 0.01]), helped, without(1.0)),
            row(
                "patch KB4988",
                incidents,
                169,
                some([2.0, 2.1, 1.04, 0.85, 1.27, 0.8]),
                quiet,
                without(2.02),
            ),
            row("firmware 3.02", incidents, 3, [Some(0.4), None, None, None, None, None], little, [None; 4]),
            row("visit", failures, 640, some([0.5, 0.2, 0.5, 0.35, 0.7, 0.02]), helped, without(0.4)),
            row("patch KB4988", failures, 169, [Some(0.1), None, None, None, None, None], little, [None; 4]),
            row(
                "visit",
                ("heat", "level"),
                600,
                some([50.0, 48.0, 0.962, 0.95, 0.975, 0.01]),
                helped,
                without(50.0),
            ),
            row(
                "visit",
                ("jams", "increase a day"),
                90,
                some([2.0, 1.0, 0.5, 0.4, 0.625, 0.01]),
                "changed",
                without(2.0),
            ),
            row(
                "visit",
                ("load", "level"),
                600,
                load,
                "changed",
                [Some(48.0), Some(-7.0), Some(-9.0), Some(-5.5)],
            ),
            row(
                "visit",
                ("noise", "level"),
                600,
                some([5.0, 5.0, 1.0, 0.99, 1.01, 0.9]),
                quiet,
                without(5.0),
            ),
            row("patch KB4988", ("load", "level"), 2, [None; 6], little, [None; 4]),
            row(
                "patch KB4988",
                ("heat", "level"),
                160,
                some([5.0, 5.0, 1.0, 0.9, 1.1, 0.9]),
                quiet,
                without(5.0),
            ),
        ],
    )
}

#[test]
fn what_comes_again_and_what_hurt_is_said() {
    let page = words(&render(&run(60, &plain)).unwrap());
    for want in [
        "40 assets have had incidents, and about 30 more are expected on them in the next 30 days. More than chance explains, 5 get worse and 5 get better.",
        "NB-0101 all together 60 in 700 days 4.5 1–9 ▲ worsening",
        "NB-0101 Hardware 60 in 700 days 4.5 1–9 99 % worsening",
        "▲ worsening q 0.02, β 1.8",
        "Of 4 measures, 1 hurt by the incidents that followed, 1 helped, 1 showed no effect, and 1 came with too little data to say. Failures or telemetry moved after 1 of them.",
        "visit failures −50 % (−65 to −30 %): helped heat −3.8 % (−5 to −2.5 %): helped jams −50 % a day (−60 to −38 %): changed load −7 (−9 to −5.5): changed no effect seen on 1 other metric 640 1.10",
        "patch KB4988 failures: too little data; no effect seen on 1 metric; too little data on 1 metric 169",
        "Mean number of incidents of one asset up to an age, by kind. laptop: 3.0 by day 800; switch: 3.0 by day 800.",
        "patch KB5051 131 2.10 4.40 2.15 2.05 1.60–2.60 ▲ hurt",
        "firmware 3.02 3 0.40 – – – too little data",
    ] {
        assert!(page.contains(want), "missing: {want}\n{}", page.split("What comes again").last().unwrap());
    }
}

#[test]
fn nothing_that_recurs_and_no_measures_are_said_plainly() {
    let page = words(&render(&empty()).unwrap());
    assert!(
        page.contains("No asset of this run has had an incident.") && page.contains("none could be judged")
    );
}
