//! Whether what is shown as vulnerable fails more often, on the shipped fleet (or on another one that the simulator wrote,
//! at `FOREWARN_FLEET`): weaknesses at each month's begin of 2025 against failures of the following 30 days.

use std::collections::{BTreeMap, BTreeSet};

use forewarn_engine::exposure;
use forewarn_frames::input::{AssetHistory, Assets, Events, Failures};
use forewarn_frames::output::EXPOSURE;
use forewarn_frames::{Cutoff, Every, FrameInputs, Frames, Horizon, Outcome};
use forewarn_models::gamma_quantile;
use polars::prelude::*;

fn csv(name: &str) -> DataFrame {
    let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/../datasets/fleet");
    let folder = std::env::var("FOREWARN_FLEET").unwrap_or_else(|_| shipped.to_owned());
    let options = CsvReadOptions::default().with_infer_schema_length(Some(0));
    options.try_into_reader_with_file_path(Some(format!("{folder}/{name}").into())).unwrap().finish().unwrap()
}

fn text(df: &DataFrame, from: &str, to: &str) -> Column {
    df.column(from).unwrap().clone().with_name(to.into())
}

/// Berlin's clock, read as UTC: an hour does not matter here.
fn time(df: &DataFrame, from: &str, to: &str) -> Column {
    let at: Vec<Option<i64>> = df
        .column(from)
        .unwrap()
        .str()
        .unwrap()
        .iter()
        .map(|v| v.and_then(|v| Cutoff::parse(v.get(..10)?).ok()).map(Cutoff::micros))
        .collect();
    Column::new(to.into(), at).cast(&DataType::Datetime(TimeUnit::Microseconds, None)).unwrap()
}

fn frame(columns: Vec<Column>) -> DataFrame {
    DataFrame::new(columns[0].len(), columns).unwrap()
}

fn fleet() -> Frames {
    let (a, h, e, t) =
        (csv("cmdb.csv"), csv("attribute_history.csv"), csv("changes.csv"), csv("incidents.csv"));
    let level: Vec<Option<f64>> = a
        .column("business_criticality")
        .unwrap()
        .str()
        .unwrap()
        .iter()
        .map(|v| v.and_then(|v| v.get(..1)?.parse().ok()))
        .collect();
    let assets = frame(vec![
        text(&a, "name", "asset_id"),
        text(&a, "sys_class_name", "kind"),
        text(&a, "model_id", "model"),
        time(&a, "install_date", "in_service_at"),
        time(&a, "retired", "retired_at"),
        text(&a, "location", "site"),
        text(&a, "business_service", "service"),
        Column::new("criticality".into(), level),
        time(&a, "warranty_expiration", "warranty_ends_at"),
        text(&a, "os", "os"),
    ]);
    let history = frame(vec![
        text(&h, "asset_id", "asset_id"),
        text(&h, "attribute", "attribute"),
        text(&h, "value", "value"),
        time(&h, "valid_from", "valid_from"),
    ]);
    let events = frame(vec![
        text(&e, "cmdb_ci", "asset_id"),
        time(&e, "date", "ts"),
        text(&e, "type", "kind"),
        text(&e, "component", "component"),
        text(&e, "version", "code"),
    ]);
    let (category, priority) = (t.column("category").unwrap(), t.column("priority").unwrap());
    let asset = t.column("cmdb_ci").unwrap().str().unwrap();
    let failed: BooleanChunked = category
        .str()
        .unwrap()
        .iter()
        .zip(priority.str().unwrap().iter())
        .zip(asset.iter())
        .map(|((c, p), a)| {
            c == Some("Hardware")
                && p.is_some_and(|p| p.starts_with(['1', '2']))
                && a.is_some_and(|a| a != "?")
        })
        .collect();
    let t = t.filter(&failed).unwrap();
    let failures = frame(vec![
        text(&t, "cmdb_ci", "asset_id"),
        time(&t, "opened_at", "failed_at"),
        text(&t, "subcategory", "mode"),
        text(&t, "number", "ticket_id"),
    ]);
    Frames::new(FrameInputs {
        assets: Some(Assets::try_new(&assets).unwrap()),
        asset_history: Some(AssetHistory::try_new(&history).unwrap()),
        tickets: None,
        known_late: vec![],
        telemetry: forewarn_frames::rollup::Roller::default(),
        events: Some(Events::try_new(&events).unwrap()),
        failures: Failures::try_new(&failures).unwrap(),
        actions: None,
        terminal: false,
        as_of: Cutoff::parse("2026-01-01").unwrap(),
    })
    .unwrap()
}

#[test]
fn weaknesses_of_the_fleet_against_what_failed() {
    let frames = fleet();
    let ids = frames.asset_ids();
    let day = |t| Cutoff::parse(t).unwrap();
    // By weakness: asset-months that have it, failures in them, and failures that assets of the kind without it had in the
    // same months, for as many.
    let mut sums: BTreeMap<String, (f64, f64, f64)> = BTreeMap::new();
    for cutoff in Every::Months(1).anchored(day("2025-01-01"), day("2025-12-01")) {
        let df = exposure(&frames, cutoff).unwrap();
        EXPOSURE.check(&df).unwrap();
        let outcomes = frames.outcomes(cutoff, Horizon::days(30).unwrap());
        let history = frames.as_of(cutoff);
        let column = |name: &str| -> Vec<String> {
            df.column(name).unwrap().str().unwrap().iter().map(|v| v.unwrap_or_default().to_owned()).collect()
        };
        let mut has: BTreeMap<String, BTreeSet<usize>> = BTreeMap::new();
        for (id, exposure) in column("asset_id").iter().zip(column("exposure")) {
            has.entry(exposure).or_default().insert(ids.binary_search(id).unwrap());
        }
        for (exposure, weak) in has {
            let mut kinds: BTreeMap<Option<&str>, [(f64, f64); 2]> = BTreeMap::new();
            for a in history.population() {
                let came = outcomes.of(a);
                if came != Outcome::Censored {
                    let kind = history.asset(a).kind.map(|k| history.word(k));
                    let side = &mut kinds.entry(kind).or_default()[usize::from(weak.contains(&a))];
                    *side = (side.0 + 1.0, side.1 + f64::from(u8::from(came == Outcome::Failed)));
                }
            }
            let sum = sums.entry(exposure).or_default();
            for [without, with] in kinds.values().filter(|k| k[0].0 > 0.0 && k[1].0 > 0.0) {
                *sum = (sum.0 + with.0, sum.1 + with.1, sum.2 + with.0 * without.1 / without.0);
            }
        }
    }
    eprintln!(
        "weakness, asset-months with it, failures, expected of others of the kind, ratio (80 % interval)"
    );
    for (exposure, (n, failed, expected)) in &sums {
        let end = |q: f64| gamma_quantile(q, failed + 0.5, 1.0) / expected;
        eprintln!(
            "{exposure}: {n}, {failed}, {expected:.1}, {:.2} ({:.2}–{:.2})",
            failed / expected,
            end(0.1),
            end(0.9)
        );
    }
    for told in ["os_behind", "firmware_behind", "past_warranty", "patch_lag"] {
        assert!(sums.get(told).is_some_and(|s| s.0 > 50.0), "{told}: {sums:?}");
    }
    assert!(sums.values().all(|s| s.1 <= s.0));
}
