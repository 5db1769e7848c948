//! Weaknesses that were planted, laws, and bad input.

use std::collections::{BTreeMap, BTreeSet};

use forewarn_frames::input::{AssetHistory, Assets, Events, Failures};
use forewarn_frames::{Cutoff, FrameInputs};

use super::*;

const END: i32 = 20_000;

/// One asset of the inventory.
#[derive(Debug, Clone, Default)]
struct Asset {
    id: String,
    kind: Option<&'static str>,
    model: Option<&'static str>,
    from: Option<i32>,
    retired: Option<i32>,
    site: Option<&'static str>,
    service: Option<&'static str>,
    criticality: Option<f64>,
    warranty: Option<i32>,
    os: Option<&'static str>,
    os_version: Option<String>,
    firmware: Option<String>,
}

/// Asset, day, kind, component, code.
type Event = (String, i32, &'static str, Option<&'static str>, Option<&'static str>);

#[derive(Debug, Clone, Default)]
struct Rows {
    assets: Vec<Asset>,
    /// Asset, attribute, value, day.
    dated: Vec<(String, &'static str, String, i32)>,
    events: Vec<Event>,
    /// Asset, day, mode.
    failures: Vec<(String, i32, Option<&'static str>)>,
    terminal: bool,
}

fn day(d: i32) -> Micros {
    Micros::from(d) * DAY
}

fn frame(columns: Vec<Column>) -> DataFrame {
    DataFrame::new(columns[0].len(), columns).unwrap()
}

fn time(name: &str, at: Vec<Option<i32>>) -> Column {
    let at: Vec<Option<Micros>> = at.into_iter().map(|d| d.map(day)).collect();
    Column::new(name.into(), at).cast(&DataType::Datetime(TimeUnit::Microseconds, None)).unwrap()
}

impl Rows {
    fn frames(&self, turned: bool) -> Frames {
        let turn = |df: DataFrame| if turned { df.reverse() } else { df };
        let (a, h, e, f) = (&self.assets, &self.dated, &self.events, &self.failures);
        let text = |name: &str, v: Vec<Option<&str>>| Column::new(name.into(), v);
        let number = |name: &str, v: Vec<Option<f64>>| Column::new(name.into(), v);
        let assets = frame(vec![
            text("asset_id", a.iter().map(|r| Some(r.id.as_str())).collect()),
            text("kind", a.iter().map(|r| r.kind).collect()),
            text("model", a.iter().map(|r| r.model).collect()),
            time("in_service_at", a.iter().map(|r| r.from).collect()),
            time("retired_at", a.iter().map(|r| r.retired).collect()),
            text("site", a.iter().map(|r| r.site).collect()),
            text("service", a.iter().map(|r| r.service).collect()),
            number("criticality", a.iter().map(|r| r.criticality).collect()),
            time("warranty_ends_at", a.iter().map(|r| r.warranty).collect()),
            text("os", a.iter().map(|r| r.os).collect()),
            text("os_version", a.iter().map(|r| r.os_version.as_deref()).collect()),
            text("firmware", a.iter().map(|r| r.firmware.as_deref()).collect()),
        ]);
        let dated = frame(vec![
            text("asset_id", h.iter().map(|r| Some(r.0.as_str())).collect()),
            text("attribute", h.iter().map(|r| Some(r.1)).collect()),
            text("value", h.iter().map(|r| Some(r.2.as_str())).collect()),
            time("valid_from", h.iter().map(|r| Some(r.3)).collect()),
        ]);
        let events = frame(vec![
            text("asset_id", e.iter().map(|r| Some(r.0.as_str())).collect()),
            time("ts", e.iter().map(|r| Some(r.1)).collect()),
            text("kind", e.iter().map(|r| Some(r.2)).collect()),
            text("component", e.iter().map(|r| r.3).collect()),
            text("code", e.iter().map(|r| r.4).collect()),
        ]);
        let failures = frame(vec![
            text("asset_id", f.iter().map(|r| Some(r.0.as_str())).collect()),
            time("failed_at", f.iter().map(|r| Some(r.1)).collect()),
            text("mode", f.iter().map(|r| r.2).collect()),
        ]);
        Frames::new(FrameInputs {
            assets: Some(Assets::try_new(&turn(assets)).unwrap()),
            asset_history: Some(AssetHistory::try_new(&turn(dated)).unwrap()),
            tickets: None,
            known_late: vec![],
            telemetry: forewarn_frames::rollup::Roller::default(),
            events: Some(Events::try_new(&turn(events)).unwrap()),
            failures: Failures::try_new(&turn(failures)).unwrap(),
            actions: None,
            terminal: self.terminal,
            as_of: Cutoff::from_day(END),
        })
        .unwrap()
    }

    fn table(&self, turned: bool) -> DataFrame {
        let frames = self.frames(turned);
        exposure(&frames, &frames.as_of(Cutoff::from_day(END))).unwrap()
    }

    /// Weakness by asset and kind of weakness: value, usual, text.
    fn found(&self) -> BTreeMap<(String, String), (f64, Option<f64>, String)> {
        let df = self.table(false);
        let text = |name: &str, i: usize| df.column(name).unwrap().str().unwrap().get(i).unwrap().to_owned();
        let number = |name: &str, i: usize| df.column(name).unwrap().f64().unwrap().get(i);
        for score in df.column("score").unwrap().f64().unwrap().iter() {
            assert!(score.is_some_and(|s| (0.0..=1.0).contains(&s)), "{score:?}");
        }
        let row = |i| {
            (
                (text("asset_id", i), text("exposure", i)),
                (number("value", i).unwrap(), number("usual", i), text("text", i)),
            )
        };
        (0..df.height()).map(row).collect()
    }
}

fn assets(n: usize) -> Vec<Asset> {
    (0..n)
        .map(|i| Asset {
            id: format!("A{i:03}"),
            kind: Some("laptop"),
            model: Some("T480"),
            from: Some(END - 1000),
            ..Asset::default()
        })
        .collect()
}

#[test]
fn a_patch_that_its_look_alikes_have_is_missed() {
    let mut rows = Rows { assets: assets(40), ..Rows::default() };
    for i in 0..40 {
        let id = format!("A{i:03}");
        let patch = |code, at| (id.clone(), at, "Patch", Some("os"), Some(code));
        rows.events.push(patch("KB1", END - 400));
        // A007 has not had the second, A008 had a later one instead, A009 came after it.
        match i {
            7 => {}
            8 => rows.events.push(patch("KB3", END - 10)),
            9 => rows.assets[9].from = Some(END - 50),
            _ => rows.events.push(patch("KB2", END - 120 + i)),
        }
    }
    let found = rows.found();
    let names: Vec<&(String, String)> = found.keys().collect();
    assert_eq!(names, [&("A007".into(), "patch_lag".into()), &("A007".into(), "patch_missing".into())]);
    let lag = &found[&("A007".to_owned(), "patch_lag".to_owned())];
    assert_eq!(
        (lag.0, lag.2.as_str()),
        (400.0, "last patched 400 days ago; half of 40 like it (T480) had one in the last 98 days")
    );
    let lacks = &found[&("A007".to_owned(), "patch_missing".to_owned())].2;
    assert_eq!(lacks, "lacks KB2; 92 % of 40 like it (T480) have it, half of them for 99 days or more");
}

#[test]
fn versions_behind_are_told_by_version_and_not_by_text() {
    let check = |versions: &[(&str, usize, Option<i32>)], want: &[(&str, f64)]| {
        let n = versions.iter().map(|v| v.1).sum();
        let mut rows = Rows { assets: assets(n), ..Rows::default() };
        let mut carried = Vec::new();
        for (version, many, dated) in versions {
            for _ in 0..*many {
                let asset = &mut rows.assets[carried.len()];
                match dated {
                    Some(at) => rows.dated.push((asset.id.clone(), "firmware", (*version).to_owned(), *at)),
                    None => asset.firmware = Some((*version).to_owned()),
                }
                carried.push((asset.id.clone(), *version));
            }
        }
        let mut found: BTreeSet<(String, String)> = BTreeSet::new();
        for ((id, exposure), (value, _, _)) in rows.found() {
            assert_eq!(exposure, "firmware_behind");
            let version = carried.iter().find(|c| c.0 == id).unwrap().1;
            found.insert((version.to_owned(), value.to_string()));
        }
        let want: BTreeSet<(String, String)> =
            want.iter().map(|(v, n)| ((*v).to_owned(), n.to_string())).collect();
        assert_eq!(found, want, "{versions:?}");
    };
    check(&[("3.9", 4, None), ("3.10", 20, None), ("3.11", 3, None)], &[("3.9", 1.0)]);
    check(&[("SX04", 2, None), ("SX05", 6, None), ("SX06", 20, None)], &[("SX04", 2.0), ("SX05", 1.0)]);
    // The same version written twice is one.
    check(&[("3.2", 6, None), ("3.02", 6, None), ("v3.2.0", 6, None)], &[]);
    // Too few to say what is usual; nothing to count by.
    check(&[("1", 4, None), ("2", 5, None)], &[]);
    check(&[("latest", 9, None), ("\u{1f600}", 9, None), ("", 3, None)], &[]);
    // Two schemes: by the time at which each was had, where that is known.
    check(&[("22631.2861", 4, Some(END - 900)), ("KB5051", 20, Some(END - 200))], &[("22631.2861", 1.0)]);
    check(&[("22631.2861", 9, None), ("KB5051", 11, None)], &[]);
    check(&[("B1", 1, None), ("7.1", 3, None), ("7.2", 17, None)], &[("7.1", 1.0)]);
    // A roll-out in its first days leaves nobody behind.
    check(&[("1.0", 8, Some(END - 500)), ("1.1", 12, Some(END - 5))], &[]);
    check(&[("1.0", 8, Some(END - 500)), ("1.1", 12, Some(END - 25))], &[("1.0", 1.0)]);
}

#[test]
fn operating_systems_are_compared_over_models() {
    let mut rows = Rows { assets: assets(30), ..Rows::default() };
    for (i, a) in rows.assets.iter_mut().enumerate() {
        a.model = [Some("T480"), Some("T490"), None][i % 3];
        a.os = Some(if i < 15 { "Debian" } else { "Windows" });
        a.os_version = Some(if i == 3 || i == 20 { "10.9" } else { "10.10" }.to_owned());
    }
    let names: Vec<(String, String)> = rows.found().into_keys().collect();
    assert_eq!(names, [("A003".into(), "os_behind".into()), ("A020".into(), "os_behind".to_owned())]);
}

#[test]
fn age_warranty_and_single_points() {
    let mut rows = Rows { assets: assets(80), ..Rows::default() };
    for (i, a) in rows.assets.iter_mut().enumerate() {
        a.warranty = Some(if i == 5 { END - 100 } else { END + 100 });
        if i >= 50 {
            // Retired after 900 to 1190 days.
            (a.from, a.retired) = (Some(END - 2000), Some(END - 2000 + 900 + 10 * (i as i32 - 50)));
        }
    }
    rows.assets[1].from = Some(END - 1500);
    for (i, kind, criticality, service) in [
        (10, "switch", 1.0, "Shop"),
        (11, "switch", 2.0, "Mail"),
        (12, "switch", 1.0, "Mail"),
        (13, "ups", 3.0, "Shop"),
        (14, "ups", 2.0, "Mail"),
    ] {
        let a = &mut rows.assets[i];
        (a.kind, a.model, a.criticality, a.service, a.site) =
            (Some(kind), None, Some(criticality), Some(service), Some("Berlin"));
    }
    let found = rows.found();
    let names: Vec<(&str, &str)> = found.keys().map(|(a, e)| (a.as_str(), e.as_str())).collect();
    assert_eq!(
        names,
        [
            ("A001", "past_service_life"),
            ("A005", "past_warranty"),
            ("A010", "single_point"),
            ("A014", "single_point")
        ]
    );
    let text = |i: usize| found.values().nth(i).unwrap().2.clone();
    assert_eq!(text(0), "4.1 years old; 95 % of 30 retired (laptop) were younger than 3.2");
    assert_eq!(text(1), "out of warranty for 100 days; 44 of 45 of its kind are covered");
    assert_eq!(text(2), "criticality 1, and the only switch for Shop at Berlin");
}

#[test]
fn the_same_repair_three_times_is_one_too_many() {
    let mut rows = Rows { assets: assets(12), ..Rows::default() };
    for (i, modes) in [(0, ["fan", "fan", "fan"]), (1, ["fan", "disk", "fan"])] {
        for (k, mode) in modes.into_iter().enumerate() {
            let at = END - 100 + 20 * k as i32;
            rows.failures.push((format!("A{i:03}"), at, Some(mode)));
            rows.events.push((format!("A{i:03}"), at + 1, "replacement", Some(mode), None));
        }
    }
    for k in 0..3 {
        rows.failures.push(("A002".into(), END - 400 + k, Some("fan")));
        rows.failures.push(("A003".into(), END + 1 + k, Some("fan")));
        rows.events.push(("A004".into(), END - 30 + k, "Replaced part", Some("battery"), None));
    }
    let found = rows.found();
    let names: Vec<&str> = found.keys().map(|k| k.0.as_str()).collect();
    assert_eq!(names, ["A000", "A004"]);
    assert!(found.values().all(|v| v.0 == 3.0), "{found:?}");
    rows.terminal = true;
    assert!(rows.found().is_empty());
}

#[test]
fn nothing_known_is_no_weakness() {
    assert_eq!(Rows::default().table(false).height(), 0);
    let one = Rows { assets: vec![Asset { id: "A".into(), ..Asset::default() }], ..Rows::default() };
    assert_eq!(one.table(false).height(), 0);
    let mut odd = Rows { assets: assets(30), ..Rows::default() };
    for (i, a) in odd.assets.iter_mut().enumerate() {
        // Retired before it came, a warranty in another age, words for versions.
        (a.from, a.retired) = (Some(END - 10), (i % 2 == 0).then_some(END - 900));
        a.warranty = Some(if i == 1 { -1_000_000 } else { 1_000_000 });
        a.criticality = [Some(99.0), Some(f64::NAN), Some(-1.0), None][i % 4];
        a.firmware =
            Some(["\u{1f600}.\u{1f600}", "v", "1..2", "٣", "9".repeat(300).as_str()][i % 5].to_owned());
    }
    let found = odd.found();
    assert!(found.keys().all(|k| k.1 == "past_warranty" || k.1 == "firmware_behind"), "{found:?}");
    assert!(found.contains_key(&("A001".into(), "past_warranty".into())));
}

#[test]
fn the_order_of_rows_does_not_matter_and_what_comes_later_is_not_seen() {
    let mut rows = Rows { assets: assets(60), ..Rows::default() };
    for (i, a) in rows.assets.iter_mut().enumerate() {
        a.warranty = Some(END - 400 + 13 * i as i32);
        a.firmware = Some(format!("{}.{}", 1 + i % 3, i % 7));
        rows.events.push((
            a.id.clone(),
            END - 20 * i as i32 - 1,
            "patch",
            None,
            Some(["KB1", "KB2"][usize::from(i % 5 == 0)]),
        ));
        rows.failures.push((a.id.clone(), END - 3 * i as i32 - 1, Some("fan")));
        rows.failures.push((a.id.clone(), END - 3 * i as i32 - 2, Some("fan")));
        rows.failures.push((a.id.clone(), END - 3 * i as i32 - 3, Some("fan")));
    }
    let want = rows.table(false);
    assert!(want.height() > 60 && want.equals_missing(&rows.table(true)));
    for i in 0..60 {
        let id = format!("A{i:03}");
        rows.events.push((id.clone(), END + i, "patch", None, Some("KB9")));
        rows.failures.push((id.clone(), END, Some("disk")));
        rows.dated.push((id, "firmware", "99.9".into(), END));
    }
    assert!(want.equals_missing(&rows.table(false)));
}
