//! A run as a mid-sized office fleet might give it: about 60 ranked assets, a backtest, failures and findings. All
//! numbers are made by formulas, so that two calls give the same tables.

use forewarn_frames::output::{
    CALIBRATION, CARDS, FORECASTS, LABELS, METRICS, OutKind, PLOT_SERIES, PROBLEMS, RISK, RankingRow, Reason,
    RunFacts, RunTables, Status, TableSchema, WORKLOAD, ranking_frame,
};
use forewarn_frames::time::{DAY, HOUR, day_of};
use forewarn_frames::{Finding, Severity};
use polars::prelude::*;

/// How the text fields of a fixture are filled: the name of the field and a plain text, to what stands in the table.
pub(crate) type Fill<'a> = &'a dyn Fn(&str, &str) -> String;

/// The text as it is.
pub(crate) fn plain(_: &str, text: &str) -> String {
    text.to_owned()
}

const KINDS: [(&str, &str, &str); 6] = [
    ("laptop", "ThinkPad T480", "NB-"),
    ("server", "ProLiant DL380 Gen9", "SRV-"),
    ("printer", "LaserJet M607", "PRN-"),
    ("switch", "Catalyst 2960-X", "SW-"),
    ("laptop", "Latitude 7490", "NB-"),
    ("ups", "Smart-UPS 1500", "UPS-"),
];
const SITES: [&str; 4] = ["Berlin", "Hamburg", "München", "Wien, Haus 2"];
const MODES: [&str; 4] = ["disk", "battery", "fan", "power supply"];

/// One cell of a table built row by row.
#[derive(Debug, Clone)]
pub(crate) enum Cell {
    Text(String),
    Number(f64),
    Whole(i64),
    Flag(bool),
    Texts(Vec<String>),
    Null,
}

/// A table of these rows.
pub(crate) fn frame(schema: &TableSchema, rows: &[Vec<Cell>]) -> DataFrame {
    let columns = schema.columns.iter().enumerate().map(|(j, (name, kind, _))| {
        let name: PlSmallStr = (*name).into();
        let cells = rows.iter().map(|r| r[j].clone());
        let column = match kind {
            OutKind::Text => Column::new(
                name,
                cells.map(|c| if let Cell::Text(t) = c { Some(t) } else { None }).collect::<Vec<_>>(),
            ),
            OutKind::Number => Column::new(
                name,
                cells.map(|c| if let Cell::Number(x) = c { Some(x) } else { None }).collect::<Vec<_>>(),
            ),
            OutKind::Texts => Column::new(
                name,
                cells
                    .map(|c| if let Cell::Texts(t) = c { Some(Series::new("".into(), t)) } else { None })
                    .collect::<Vec<_>>(),
            ),
            OutKind::Flag => Column::new(
                name,
                cells.map(|c| if let Cell::Flag(b) = c { Some(b) } else { None }).collect::<Vec<_>>(),
            ),
            _ => Column::new(
                name,
                cells.map(|c| if let Cell::Whole(n) = c { Some(n) } else { None }).collect::<Vec<_>>(),
            ),
        };
        column.cast(&kind.dtype()).unwrap()
    });
    DataFrame::new(rows.len(), columns.collect()).unwrap()
}

fn text(t: impl Into<String>) -> Cell {
    Cell::Text(t.into())
}

/// Between 0 and 1, the same for the same `i`.
pub(crate) fn noise(i: usize) -> f64 {
    ((i.wrapping_mul(2_654_435_761) >> 7) % 1000) as f64 / 1000.0
}

pub(crate) fn facts(n: usize, fill: Fill<'_>) -> RunFacts {
    RunFacts {
        as_of: fill("as_of", "2025-12-29"),
        rank_by_days: 30,
        capacity_visits: 20,
        capacity_per_days: 7,
        n_assets: n as u64,
        n_unknown: (0..n).filter(|i| i % 17 == 11).count() as u64,
        n_failures: 418,
        n_tickets: 18_204,
        n_readings: 2_310_400,
        n_events: 1_022,
        chosen_model: fill("chosen_model", "boosting"),
        chosen_because: fill(
            "chosen_because",
            "boosting has the best average precision (0.282), and no simpler model comes within one standard error (0.021) of it",
        ),
        baseline_model: fill("baseline_model", "own_rate"),
        beats_baseline: true,
        backtest_from: Some(fill("backtest_from", "2024-12-01")),
        backtest_to: Some(fill("backtest_to", "2025-11-01")),
        backtest_cutoffs: 12,
        trained_as_of: fill("trained_as_of", "2025-12-01"),
        time_zone: fill("time_zone", "Europe/Berlin"),
        version: fill("version", "0.1.0"),
        ranked_by: fill("ranked_by", "expected_saving"),
        currency: Some(fill("currency", "EUR")),
        cost_downtime_hour: Some(200.0),
        cost_visit: Some(80.0),
        cost_repair: Some(400.0),
        caught: Some(9.1),
        caught_low: Some(6.0),
        caught_high: Some(12.0),
        expected_failures: Some(31.2),
        expected_failures_low: Some(24.0),
        expected_failures_high: Some(39.0),
        ticket_url: None,
    }
}

/// `n` ranked assets; costs and actions only where asked.
pub(crate) fn ranking(n: usize, fill: Fill<'_>, costs: bool) -> Vec<RankingRow> {
    (0..n)
        .map(|i| {
            let (kind, model, prefix) = KINDS[i % KINDS.len()];
            let p = 0.62 * (-(i as f64) / 14.0).exp() + 0.004;
            let unknown = i % 17 == 11;
            let spread = if unknown { 0.9 } else { 0.35 };
            let mode = MODES[i % MODES.len()];
            let reason = |feature: &str, value: f64, unit: &str, contribution: f64, words: String| Reason {
                feature: fill("feature", feature),
                value: Some(value),
                unit: fill("unit", unit),
                contribution,
                text: fill("text", &words),
            };
            let incidents = 2.0 + (noise(i) * 6.0).floor();
            let age = 12.0 + (noise(i + 50) * 60.0).floor();
            let mut reasons = vec![
                reason(
                    "incidents_90d",
                    incidents,
                    "tickets",
                    0.4 * incidents,
                    format!("{incidents} incidents in 90 days; similar assets have 0.4"),
                ),
                reason(
                    "age_months",
                    age,
                    "months",
                    age / 60.0,
                    format!("in service for {age} months; its model usually fails from 48 on"),
                ),
                reason(
                    "disk_used_slope_30d",
                    0.8,
                    "% per day",
                    0.31,
                    "disk use grows by 0.8 % a day".to_owned(),
                ),
                reason("days_since_last_patch", 12.0, "days", -0.22, "patched 12 days ago".to_owned()),
                reason(
                    "peer_rate",
                    0.02,
                    "failures a month",
                    -0.61,
                    "few of its kind failed lately".to_owned(),
                ),
            ];
            let sum: f64 = reasons.iter().map(|r| r.contribution).sum();
            reasons.push(Reason {
                feature: "base".to_owned(),
                value: None,
                unit: String::new(),
                contribution: (p / (1.0 - p)).ln() - sum,
                text: fill("text", "the usual rate of the fleet"),
            });
            RankingRow {
                rank: i as u32 + 1,
                asset_id: fill("asset_id", &format!("{prefix}{:04}", 101 + i * 37 % 900)),
                kind: Some(fill("kind", kind)),
                model: (i % 9 != 4).then(|| fill("model", model)),
                site: Some(fill("site", SITES[i % SITES.len()])),
                horizon_days: 30,
                probability: p,
                probability_low: p * (1.0 - spread),
                probability_high: (p * (1.0 + spread)).min(0.98),
                status: if unknown { Status::Unknown } else { Status::Scored },
                failure_mode: Some(fill("failure_mode", mode)),
                remaining_life_days: (i % 3 == 0).then_some(40.0 + i as f64 * 2.0),
                remaining_life_low: (i % 3 == 0).then_some(12.0 + i as f64),
                // The highest end lies beyond the longest horizon, as most do.
                remaining_life_high: (i % 6 == 0).then_some(60.0 + i as f64 * 9.0),
                expected_cost: costs.then_some(p * 2_400.0),
                expected_saving: costs.then_some(p * 2_400.0 - 80.0),
                action: costs.then(|| {
                    fill(
                        "action",
                        ["replace the disk", "renew the battery", "clean the fan", "swap the power supply"]
                            [i % 4],
                    )
                }),
                modes: vec![(fill("mode", mode), p * 0.7), (fill("mode", "other"), p * 0.3)],
                reasons,
                previous_rank: (i % 5 != 2).then_some(i as u32 + 1 + (i as u32 * 7) % 4),
                move_reason: (i % 5 == 0).then(|| fill("move_reason", "2 more tickets in 7 days (now 5)")),
                owner: (i % 4 != 3)
                    .then(|| fill("owner", ["Field Team", "Data Center", "Print Team"][i % 3])),
                criticality: (i % 6 != 5).then_some(1 + (i % 5) as u32),
                warranty_ends_at: (i % 2 == 0)
                    .then_some((i64::from(LAST_DAY) + 40 * (i as i64 % 30) - 300) * DAY),
                break_even: costs.then_some(0.12),
                effectiveness: Some(0.6),
                effectiveness_from: Some(fill(
                    "effectiveness_from",
                    if i % 3 == 0 { "measured" } else { "assumed" },
                )),
                action_reason: Some(fill("action_reason", "most of its probability is that mode")),
                feedback: (i % 11 == 7).then(|| fill("feedback", "visited 2025-12-20")),
            }
        })
        .collect()
}

fn risk(rows: &[RankingRow]) -> DataFrame {
    let cells: Vec<Vec<Cell>> = rows
        .iter()
        .flat_map(|r| {
            [(7, 0.3), (30, 1.0), (90, 1.9)].map(|(days, k)| {
                let at = |p: f64| Cell::Number((p * k).min(0.97));
                vec![
                    text(&r.asset_id),
                    Cell::Whole(days),
                    at(r.probability),
                    at(r.probability_low),
                    at(r.probability_high),
                    text(r.status.name()),
                ]
            })
        })
        .collect();
    frame(&RISK, &cells)
}

/// What was recorded of the first assets: of every fifth nothing, of the others more or less of everything.
fn cards(rows: &[RankingRow], fill: Fill<'_>) -> DataFrame {
    let mut out = Vec::new();
    for (i, r) in rows.iter().take(50).enumerate().filter(|(i, _)| i % 5 != 4) {
        let mut add = |kind: &str, day: i64, name: Cell, value: Cell, said: Cell| {
            out.push(vec![
                text(&r.asset_id),
                text(kind),
                Cell::Whole(day * DAY + 9 * HOUR),
                name,
                value,
                said,
            ]);
        };
        let last = i64::from(LAST_DAY);
        for k in 0..(i % 4) as i64 * 3 {
            let id = fill("card_ticket", &format!("INC{:07}", 10_023 + 50 * i as i64 + k));
            let said = fill("card_text", ["Hardware / Disk", "Software", "Hardware / Fan"][k as usize % 3]);
            add("ticket", last - 2 - 9 * k, text(id), Cell::Number((2 + k % 3) as f64), text(said));
        }
        if i % 3 == 0 {
            add(
                "failure",
                last - 70,
                Cell::Null,
                Cell::Null,
                text(fill("card_mode", MODES[i % MODES.len()])),
            );
        }
        for k in 0..(i % 3) as i64 {
            let name = text(fill("card_event", if k == 0 { "patch" } else { "visit" }));
            add("event", last - 30 - 40 * k, name, Cell::Null, text(fill("card_code", "KB5051")));
        }
        add("listed", last - 28, Cell::Null, Cell::Number(7.0), text(fill("card_listed", "12 %")));
        for m in 0..i % 3 {
            let name = fill("card_metric", ["smart_197", "fan_rpm"][m]);
            // One is read daily but for a week, the other written when it changes.
            let days = (0..90).filter(|d| if m == 0 { !(40..47).contains(d) } else { d % 31 == 0 });
            for d in days {
                let value = 40.0 + 12.0 * noise(i + d as usize) + d as f64 / 9.0;
                add("reading", last - 90 + d, text(name.clone()), Cell::Number(value), Cell::Null);
            }
        }
    }
    frame(&CARDS, &out)
}

fn labels(fill: Fill<'_>) -> DataFrame {
    let start = i64::from(day_of(2024, 1, 3)) * DAY;
    let rows: Vec<Vec<Cell>> = (0..418)
        .map(|i| {
            let at = start + (i as i64 * 1_731 % 725) * DAY + (i as i64 % 24) * HOUR;
            vec![
                text(fill("asset_id", &format!("NB-{:04}", 101 + i * 53 % 900))),
                Cell::Whole(at),
                if i % 20 == 19 { Cell::Null } else { text(fill("mode", MODES[(i * i / 3) % MODES.len()])) },
                text(fill("ticket_id", &format!("INC{:07}", 10_023 + i * 17))),
                Cell::Flag(i % 40 != 7),
            ]
        })
        .collect();
    frame(&LABELS, &rows)
}

fn calibration(model: &str) -> DataFrame {
    let said = [0.004, 0.008, 0.012, 0.018, 0.026, 0.04, 0.062, 0.1, 0.19, 0.42];
    let rows: Vec<Vec<Cell>> = said
        .iter()
        .enumerate()
        .map(|(i, p)| {
            let seen = p * (0.85 + 0.3 * noise(i + 3));
            let half = 1.2816 * (p * (1.0 - p) / 1_420.0_f64).sqrt();
            let numbers = [*p, seen, (seen - half).max(0.0), seen + half].map(Cell::Number);
            let mut row = vec![Cell::Whole(30), text(model), Cell::Whole(i as i64 + 1), Cell::Whole(1_420)];
            row.extend(numbers);
            row.push(Cell::Null);
            row
        })
        .chain([("kind Laptop", 0.031), ("kind Server", 0.058)].map(|(cohort, p)| {
            let mut row = vec![Cell::Whole(30), text(model), Cell::Null, Cell::Whole(7_100)];
            row.extend([p, p * 0.93, p * 0.9, p * 0.96].map(Cell::Number));
            row.push(text(cohort));
            row
        }))
        .collect();
    frame(&CALIBRATION, &rows)
}

/// Model, role, how well it ranks (0 to 1).
const MODELS: [(&str, &str, f64); 5] = [
    ("rate", "baseline", 0.12),
    ("own_rate", "baseline", 0.30),
    ("logistic", "candidate", 0.50),
    ("boosting", "chosen", 0.62),
    ("blend", "candidate", 0.60),
];

fn metrics(fill: Fill<'_>) -> DataFrame {
    let mut rows = Vec::new();
    for (model, role, skill) in MODELS {
        let of = [
            ("average_precision", 0.04 + 0.39 * skill),
            ("roc_auc", 0.52 + 0.5 * skill),
            ("precision_at_20", 0.05 + 0.5 * skill),
            ("precision_at_50", 0.05 + 0.35 * skill),
            ("precision_at_100", 0.04 + 0.24 * skill),
            ("brier_skill", -0.02 + 0.3 * skill),
            ("ece", 0.03 - 0.03 * skill),
        ];
        for (metric, value) in of {
            for days in [7, 30, 90] {
                rows.push(vec![
                    text(fill("chosen_model", model)),
                    text(role),
                    Cell::Whole(days),
                    text(metric),
                    Cell::Number(value),
                    Cell::Number(value - 0.03 * value.abs().sqrt()),
                    Cell::Number(value + 0.03 * value.abs().sqrt()),
                ]);
            }
        }
    }
    frame(&METRICS, &rows)
}

fn plot_series(fill: Fill<'_>) -> DataFrame {
    let mut rows = Vec::new();
    for (model, _, skill) in MODELS {
        for x in (0..=60).step_by(2) {
            let x = f64::from(x);
            let y = 1.0 - (-(0.004 + 0.13 * skill * skill) * x).exp() * (1.0 - 0.005 * x);
            rows.push(vec![
                text("capture"),
                text(fill("chosen_model", model)),
                Cell::Number(x),
                Cell::Number(y),
                Cell::Number(y * 0.9),
                Cell::Number((y * 1.1).min(1.0)),
            ]);
        }
    }
    for i in 0..5_u32 {
        for week in 0..26_u32 {
            rows.push(vec![
                text("problem_weeks"),
                text(fill("problem_id", &format!("P-{i}"))),
                Cell::Number(f64::from(20_000 + 7 * week)),
                Cell::Number(f64::from(week * (i + 1) % 7)),
                Cell::Null,
                Cell::Null,
            ]);
        }
    }
    for (kind, power) in [("laptop", 1.4), ("switch", 0.8)] {
        for age in (0..=800).step_by(20) {
            let n = 3.0 * (f64::from(age) / 800.0).powf(power);
            rows.push(vec![
                text("mcf"),
                text(fill("kind", kind)),
                Cell::Number(f64::from(age)),
                Cell::Number(n),
                Cell::Number(n * 0.9),
                Cell::Number(n * 1.1),
            ]);
        }
    }
    for day in 0..84 {
        rows.push(vec![
            text("incidents"),
            text("total"),
            Cell::Number(f64::from(LAST_DAY - 84 + day)),
            Cell::Number(if day % 7 < 5 { 40.0 + f64::from(day % 4) } else { 3.0 }),
            Cell::Null,
            Cell::Null,
        ]);
    }
    rows.extend(super::worse::courses(fill));
    frame(&PLOT_SERIES, &rows)
}

/// Five problems: growing, shrinking, steady, without growth, and one that has no upper end.
fn problems(fill: Fill<'_>) -> DataFrame {
    let growth = [
        (Some(3.1), Some(1.8), Some(5.2)),
        (Some(0.3), Some(0.1), Some(0.7)),
        (Some(1.1), Some(0.6), Some(1.9)),
        (None, None, None),
        (Some(12.0), Some(2.4), None),
    ];
    let number = |x: Option<f64>| x.map_or(Cell::Null, Cell::Number);
    let rows: Vec<Vec<Cell>> = growth
        .iter()
        .enumerate()
        .map(|(i, g)| {
            vec![
                text(fill("problem_id", &format!("P-{i}"))),
                text(fill("problem_title", "vpn, verbindung, drops")),
                Cell::Whole(1200 - 100 * i as i64),
                Cell::Whole(30),
                Cell::Whole(i64::from(day_of(2025, 1, 3)) * DAY),
                Cell::Whole(i64::from(day_of(2025, 12, 3)) * DAY),
                number(g.0),
                number(g.1),
                number(g.2),
                Cell::Texts(vec![fill("problem_ticket", "INC1"), "INC2".to_owned()]),
                Cell::Texts(vec![fill("problem_asset", "A1")]),
            ]
        })
        .collect();
    frame(&PROBLEMS, &rows)
}

/// The day of `as_of`.
const LAST_DAY: i32 = 20_453;

fn forecasts(fill: Fill<'_>) -> DataFrame {
    let mut rows = Vec::new();
    for (level, id, share) in
        [("total", "total", 1.0), ("group", "Service Desk", 0.7), ("group", "(other)", 0.3)]
    {
        for day in 0..28 {
            let mean = share * if day % 7 < 5 { 41.0 } else { 3.0 };
            let mut row = vec![
                text(fill("series_id", id)),
                text(level),
                Cell::Whole(i64::from(LAST_DAY + day) * DAY),
                Cell::Number(mean),
            ];
            row.extend([0.6, 0.7, 0.8, 1.0, 1.2, 1.3, 1.4].map(|f| Cell::Number((f * mean).round())));
            row.extend([text("blend"), text("1d")]);
            rows.push(row);
        }
    }
    frame(&FORECASTS, &rows)
}

fn workload(fill: Fill<'_>) -> DataFrame {
    let row = |id: &str, level: &str, days: i64, mean: f64, usual: Option<f64>, verdict: &str| {
        let mut row = vec![text(fill("series_id", id)), text(level), Cell::Whole(days), Cell::Number(mean)];
        row.extend([0.9, 1.15].map(|f| Cell::Number((f * mean).round())));
        row.extend([1.0, 0.9, 1.1].map(|f| usual.map_or(Cell::Null, |u| Cell::Number((f * u).round()))));
        row.push(text(verdict));
        row
    };
    frame(
        &WORKLOAD,
        &[
            row("Service Desk", "group", 7, 147.0, Some(120.0), "above"),
            row("(other)", "group", 7, 64.0, Some(66.0), "usual"),
            row("total", "total", 7, 211.0, Some(186.0), "usual"),
            row("Service Desk", "group", 28, 590.0, None, "new"),
            row("total", "total", 28, 845.0, None, "new"),
        ],
    )
}

fn findings(fill: Fill<'_>) -> Vec<Finding> {
    let finding = |severity,
                   check: &str,
                   table: &str,
                   column: Option<&str>,
                   n_rows,
                   sample: &[&str],
                   message: &str,
                   hint: &str| Finding {
        check: fill("check", check),
        severity,
        table: fill("table", table),
        column: column.map(|c| fill("column", c)),
        n_rows,
        sample: sample.iter().map(|s| fill("sample", s)).collect(),
        message: fill("message", message),
        hint: fill("hint", hint),
    };
    vec![
        finding(
            Severity::Info,
            "taken_as_opened",
            "tickets",
            Some("category"),
            18_204,
            &[],
            "`category` holds today's values, taken as those at opening",
            "",
        ),
        finding(
            Severity::Warning,
            "unknown_assets",
            "tickets",
            Some("asset_id"),
            312,
            &["NB-9999", "old-fileserver"],
            "312 tickets name assets that are not in the inventory",
            "add them to the inventory, or map `cmdb_ci` in the configuration",
        ),
        finding(
            Severity::Error,
            "stale_source",
            "telemetry",
            None,
            0,
            &[],
            "the newest reading is 9 days old; at most 3 days are allowed",
            "see whether the nightly export still runs, then run forewarn again",
        ),
        finding(
            Severity::Warning,
            "clock_jumps",
            "telemetry",
            Some("ts"),
            41,
            &["2025-10-26 02:14"],
            "41 readings lie in the hour that daylight saving repeats",
            "export times in UTC",
        ),
    ]
}

/// The tables of a run with `n` ranked assets.
pub(crate) fn run(n: usize, fill: Fill<'_>) -> RunTables {
    let rows = ranking(n, fill, true);
    RunTables {
        ranking: ranking_frame(&rows).unwrap(),
        risk: risk(&rows),
        cards: cards(&rows, fill),
        labels: labels(fill),
        calibration: calibration(&fill("chosen_model", "boosting")),
        metrics: metrics(fill),
        plot_series: plot_series(fill),
        recurrences: super::recurring::recurrences(fill),
        measures: super::recurring::measures(fill),
        degradations: super::worse::degradations(fill),
        service: super::fares::service(fill),
        exposure: super::fares::exposure(fill),
        forecasts: forecasts(fill),
        workload: workload(fill),
        findings: findings(fill),
        problems: problems(fill),
        track_record: super::track::track_record("ledger"),
        listed: super::track::listed("ledger", fill),
        drift: super::track::drift(fill),
        ..RunTables::empty(facts(n, fill))
    }
}

/// A run with `n` ranked assets, many: after the first thousand, which is more than a page shows, they repeat.
pub(crate) fn large(n: usize) -> RunTables {
    let mut tables = run(1_000, &plain);
    let times = |mut df: DataFrame, n: usize| {
        while df.height() < n {
            df = df.vstack(&df).unwrap();
        }
        df.head(Some(n))
    };
    tables.ranking = times(tables.ranking, n);
    tables.risk = times(tables.risk, 3 * n);
    tables.facts.n_assets = n as u64;
    tables
}

/// A run that found nothing at all.
pub(crate) fn empty() -> RunTables {
    RunTables::empty(RunFacts {
        n_assets: 0,
        n_unknown: 0,
        n_failures: 0,
        n_tickets: 0,
        n_readings: 0,
        n_events: 0,
        beats_baseline: false,
        backtest_from: None,
        backtest_to: None,
        backtest_cutoffs: 0,
        ranked_by: "probability".into(),
        currency: None,
        cost_downtime_hour: None,
        cost_visit: None,
        cost_repair: None,
        caught: None,
        caught_low: None,
        caught_high: None,
        expected_failures: None,
        expected_failures_low: None,
        expected_failures_high: None,
        ..facts(0, &plain)
    })
}
