//! Measures with known effects on simulated incidents: verdicts and intervals over 100 seeds. It does not look like a real
//! fleet.

use forewarn_frames::input::{Assets, Events, Failures, Tickets};
use forewarn_frames::time::DAY;
use forewarn_frames::{Cutoff, FrameInputs, Frames};
use polars::prelude::*;

use std::collections::BTreeMap;

use super::*;

const N_ASSETS: usize = 300;
const N_DAYS: usize = 420;
const START: i32 = 19_000;

pub(super) fn asked(seed: u64) -> Asked<'static> {
    Asked { thresholds: &[], rank_by: Horizon::days(30).unwrap(), seed }
}

/// SplitMix64 (Steele, Lea and Flood, 2014).
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// What a patch does to the rate of incidents for as long as it is looked at.
fn truth(patch: usize) -> f64 {
    match patch {
        0 | 1 => 0.4,
        2 => 2.5,
        _ => 1.0,
    }
}

const N_PATCHES: usize = 9;

pub(super) fn time(name: &str, at: &[i64]) -> Column {
    Column::new(name.into(), at).cast(&DataType::Datetime(TimeUnit::Microseconds, None)).unwrap()
}

pub(super) fn text(name: &str, v: &[String]) -> Column {
    Column::new(name.into(), v)
}

/// Assets of unequal rates, two models of which one fails more, a season, bursts; patches rolled out over months to four
/// in ten; and replacements that do nothing, but come after every third incident, when an asset is at its worst.
fn fleet(seed: u64) -> Frames {
    let mut d = Dice(seed.wrapping_mul(0x2545_f491_4f6c_dd1d) ^ 0x4d);
    let start = i64::from(START) * DAY;
    let (mut ids, mut models) = (Vec::new(), Vec::new());
    let (mut opened, mut of) = (Vec::new(), Vec::new());
    let (mut done, mut on, mut kind, mut code) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for a in 0..N_ASSETS {
        let id = format!("A{a:03}");
        ids.push(id.clone());
        models.push(format!("m{}", a % 2));
        let frailty = 0.012 * (0.3 + 2.0 * d.unit() * d.unit()) * if a % 2 == 0 { 1.6 } else { 1.0 };
        let mut patched = [usize::MAX; N_PATCHES];
        for (p, day) in patched.iter_mut().enumerate() {
            if d.unit() < 0.4 {
                *day = 100 + (d.unit() * 200.0) as usize;
                done.push(start + *day as i64 * DAY + DAY / 8);
                on.push(id.clone());
                kind.push("patch".to_owned());
                code.push(format!("P{p}"));
            }
        }
        // A bad spell: some weeks in which it has several times as many.
        let mut spell = 0;
        for day in 0..N_DAYS {
            spell = if spell > 0 {
                spell - 1
            } else if d.unit() < 0.003 {
                25
            } else {
                0
            };
            let season = 1.0 + 0.5 * (day as f64 / 60.0).sin();
            let effect: f64 =
                (0..N_PATCHES).filter(|&p| patched[p] <= day && day < patched[p] + 60).map(truth).product();
            let rate = frailty * season * effect * if spell > 0 { 4.0 } else { 1.0 };
            if d.unit() < rate {
                let n = if d.unit() < 0.2 { 2 } else { 1 };
                for k in 0..n {
                    opened.push(start + day as i64 * DAY + DAY / 3 + k * DAY / 24);
                    of.push(id.clone());
                }
                if d.unit() < 0.33 {
                    done.push(start + day as i64 * DAY + DAY / 2 + (d.unit() * 3.0) as i64 * DAY);
                    on.push(id.clone());
                    kind.push("replacement".to_owned());
                    code.push("fan".to_owned());
                }
            }
        }
    }
    let n = opened.len();
    let numbers: Vec<String> = (0..n).map(|i| format!("T{i}")).collect();
    let tickets = DataFrame::new(
        n,
        vec![text("ticket_id", &numbers), time("opened_at", &opened), text("asset_id", &of)],
    );
    let events = DataFrame::new(
        done.len(),
        vec![text("asset_id", &on), time("ts", &done), text("kind", &kind), text("code", &code)],
    );
    let first = vec![start - DAY; N_ASSETS];
    let assets = DataFrame::new(
        N_ASSETS,
        vec![text("asset_id", &ids), text("model", &models), time("in_service_at", &first)],
    );
    let failures = DataFrame::new(0, vec![text("asset_id", &[]), time("failed_at", &[])]);
    Frames::new(FrameInputs {
        assets: Some(Assets::try_new(&assets.unwrap()).unwrap()),
        asset_history: None,
        tickets: Some(Tickets::try_new(&tickets.unwrap()).unwrap()),
        known_late: Vec::new(),
        telemetry: forewarn_frames::rollup::Roller::default(),
        events: Some(Events::try_new(&events.unwrap()).unwrap()),
        failures: Failures::try_new(&failures.unwrap()).unwrap(),
        actions: None,
        terminal: false,
        as_of: Cutoff::from_day(START + N_DAYS as i32),
    })
    .unwrap()
}

#[test]
fn verdicts_and_intervals_hold_over_100_seeds() {
    let (mut false_share, mut covered, mut n, mut found) = (0.0, 0.0, 0.0, 0.0);
    let mut by_name: BTreeMap<String, (f64, f64)> = BTreeMap::new();
    for seed in 0..100 {
        let frames = fleet(seed);
        let history = frames.as_of(frames.end());
        let seen = Incidents::of(&frames, &history);
        let df = measures(&frames, &history, &seen, asked(seed)).unwrap();
        let number = |c: &str| df.column(c).unwrap().f64().unwrap().to_vec();
        let (ratio, low, high) = (number("ratio"), number("low"), number("high"));
        let (mut wrong, mut said) = (0.0, 0.0);
        for i in 0..df.height() {
            let name = df.column("measure").unwrap().str().unwrap().get(i).unwrap().to_owned();
            let verdict = df.column("verdict").unwrap().str().unwrap().get(i).unwrap().to_owned();
            let patch = name.strip_prefix("patch P").and_then(|p| p.parse().ok());
            let truth = patch.map_or(1.0, truth);
            if ["hurt", "helped"].contains(&verdict.as_str()) {
                let right = (verdict == "hurt" && truth > 1.0) || (verdict == "helped" && truth < 1.0);
                said += 1.0;
                wrong += f64::from(u8::from(!right));
                found += f64::from(u8::from(right)) / 300.0;
            }
            let (Some(ratio), Some(low), Some(high)) = (ratio[i], low[i], high[i]) else { continue };
            n += 1.0;
            covered += f64::from(u8::from(low <= truth && truth <= high));
            let sum = by_name.entry(name).or_default();
            sum.0 += ratio.ln() / 100.0;
            sum.1 += f64::from(u8::from(low <= truth && truth <= high)) / 100.0;
        }
        false_share += if said > 0.0 { wrong / said } else { 0.0 } / 100.0;
    }
    let figures = format!(
        "false {false_share:.3}, covered {:.3} of {n}, found {found:.3}; mean log ratio and coverage: {by_name:.2?}",
        covered / n
    );
    assert!(false_share <= 0.1 && covered / n >= 0.75 && covered / n <= 0.88 && found >= 0.9, "{figures}");
}

#[test]
fn nothing_to_compare_is_said() {
    let frames = fleet(1);
    // One day after the first patches could come: no window is over, and hardly one has begun.
    let history = frames.as_of(Cutoff::from_day(START + 101));
    let seen = Incidents::of(&frames, &history);
    let df = measures(&frames, &history, &seen, asked(1)).unwrap();
    let texts = |c: &str| {
        df.column(c).unwrap().str().unwrap().iter().flatten().map(str::to_owned).collect::<Vec<_>>()
    };
    let rows: Vec<(String, String)> = texts("measure").into_iter().zip(texts("verdict")).collect();
    let patches: Vec<_> = rows.iter().filter(|r| r.0.starts_with("patch")).collect();
    assert!(!patches.is_empty() && patches.iter().all(|r| r.1 == "too little data"), "{rows:?}");
    let history = frames.as_of(Cutoff::from_day(START));
    assert_eq!(measures(&frames, &history, &Incidents::of(&frames, &history), asked(1)).unwrap().height(), 0);
}
