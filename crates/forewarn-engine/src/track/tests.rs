//! A simulated year of nights, judged once by the crate and once more by counting everything anew, plainly and slowly.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use forewarn_frames::input::{Actions, Assets, Events, Failures};
use forewarn_frames::output::LEDGER;
use forewarn_frames::time::{DAY, HOUR, Micros, format_day};
use forewarn_frames::{Cutoff, Every, FrameInputs, Frames, Horizon};
use polars::prelude::*;

use super::{Tracked, track};
use crate::{Capacity, RiskSettings, Settings, TextShown};

const START: i32 = 19_000;
const N_ASSETS: usize = 30;
const VISITS: usize = 5;
const AHEAD: i32 = 30;

/// SplitMix64 (Steele, Lea and Flood, 2014).
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }
}

/// What was said of one asset on one night.
#[derive(Clone, Copy)]
struct Row {
    night: i32,
    asset: usize,
    place: usize,
    p: f64,
    baseline_place: usize,
    baseline_p: f64,
}

/// Everything that happened and was said; times are never at midnight.
#[derive(Clone)]
struct Year {
    retired: Vec<Option<Micros>>,
    failures: Vec<(usize, Micros)>,
    events: Vec<(usize, Micros, &'static str)>,
    actions: Vec<(usize, Micros, &'static str)>,
    said: Vec<Row>,
    end: i32,
}

fn id(asset: usize) -> String {
    format!("A{asset:02}")
}

fn settings(per_days: u32) -> Settings {
    let ahead = Horizon::days(i64::from(AHEAD)).unwrap();
    Settings {
        risk: RiskSettings {
            horizons: vec![ahead],
            rank_by: ahead,
            cutoff_every: Every::Weeks(1),
            refit_every: Every::Months(1),
            train_from: None,
            leave_out: Vec::new(),
            keep: Vec::new(),
        },
        capacity: Capacity { visits: VISITS as u32, per_days },
        costs: None,
        remedies: Vec::new(),
        counts: vec![],
        thresholds: vec![],
        seed: 1,
        text: TextShown::None,
    }
}

impl Year {
    /// A year of records, of which all but the first two months have nights, now and then without one.
    fn random(seed: u64) -> Self {
        let mut d = Dice(seed);
        let at = |d: &mut Dice, day: usize| {
            Micros::from(START) * DAY + day as i64 * DAY + (1 + d.below(22) as i64) * HOUR
        };
        let mut year = Self {
            retired: vec![None; N_ASSETS],
            failures: Vec::new(),
            events: Vec::new(),
            actions: Vec::new(),
            said: Vec::new(),
            end: START + 365,
        };
        let mut weak = [0.0; N_ASSETS];
        for (a, weak) in weak.iter_mut().enumerate() {
            *weak = d.unit() * d.unit();
            if d.unit() < 0.2 {
                let day = 100 + d.below(200);
                year.retired[a] = Some(at(&mut d, day));
            }
            for day in 0..365 {
                let gone = year.retired[a].is_some_and(|t| t < Micros::from(START + day) * DAY);
                if !gone && d.unit() < 0.03 * *weak {
                    year.failures.push((a, at(&mut d, day as usize)));
                }
                if !gone && d.unit() < 0.004 {
                    let kind = ["visit", "replacement", "patch"][d.below(3)];
                    year.events.push((a, at(&mut d, day as usize), kind));
                }
                if !gone && d.unit() < 0.004 {
                    let what = ["visited", "replaced", "dismissed"][d.below(3)];
                    year.actions.push((a, at(&mut d, day as usize), what));
                }
            }
        }
        for night in START + 60..START + 365 {
            if d.unit() < 0.1 {
                continue;
            }
            let mut own: Vec<(usize, f64)> =
                (0..N_ASSETS).map(|a| (a, (weak[a] * 0.6 + 0.2 * d.unit()).min(0.95))).collect();
            own.sort_by(|a, b| b.1.total_cmp(&a.1));
            let mut dumb: Vec<(usize, f64)> = (0..N_ASSETS).map(|a| (a, d.unit() * 0.5)).collect();
            dumb.sort_by(|a, b| b.1.total_cmp(&a.1));
            for (place, (asset, p)) in own.iter().enumerate() {
                let other = dumb.iter().position(|x| x.0 == *asset).unwrap();
                year.said.push(Row {
                    night,
                    asset: *asset,
                    place: place + 1,
                    p: *p,
                    baseline_place: other + 1,
                    baseline_p: dumb[other].1,
                });
            }
        }
        year
    }

    /// The same year as it was known on an earlier day.
    fn until(&self, end: i32) -> Self {
        let before = |t: Micros| t < Micros::from(end) * DAY;
        let mut year = self.clone();
        year.end = end;
        year.retired.iter_mut().for_each(|t| *t = t.filter(|t| before(*t)));
        year.failures.retain(|f| before(f.1));
        year.events.retain(|e| before(e.1));
        year.actions.retain(|a| before(a.1));
        year.said.retain(|r| r.night < end);
        year
    }

    fn frames(&self) -> Frames {
        let time = |name: &str, at: Vec<Option<Micros>>| {
            Column::new(name.into(), at).cast(&DataType::Datetime(TimeUnit::Microseconds, None)).unwrap()
        };
        let ids = |v: Vec<usize>| Column::new("asset_id".into(), v.into_iter().map(id).collect::<Vec<_>>());
        let frame = |columns: Vec<Column>| DataFrame::new(columns[0].len(), columns).unwrap();
        let assets = frame(vec![ids((0..N_ASSETS).collect()), time("retired_at", self.retired.clone())]);
        let failures = frame(vec![
            ids(self.failures.iter().map(|f| f.0).collect()),
            time("failed_at", self.failures.iter().map(|f| Some(f.1)).collect()),
        ]);
        let events = frame(vec![
            ids(self.events.iter().map(|e| e.0).collect()),
            time("ts", self.events.iter().map(|e| Some(e.1)).collect()),
            Column::new("kind".into(), self.events.iter().map(|e| e.2).collect::<Vec<_>>()),
        ]);
        let actions = frame(vec![
            ids(self.actions.iter().map(|a| a.0).collect()),
            time("at", self.actions.iter().map(|a| Some(a.1)).collect()),
            Column::new("what".into(), self.actions.iter().map(|a| a.2).collect::<Vec<_>>()),
        ]);
        Frames::new(FrameInputs {
            assets: Some(Assets::try_new(&assets).unwrap()),
            asset_history: None,
            tickets: None,
            known_late: Vec::new(),
            telemetry: forewarn_frames::rollup::Roller::default(),
            events: Some(Events::try_new(&events).unwrap()),
            failures: Failures::try_new(&failures).unwrap(),
            actions: Some(Actions::try_new(&actions).unwrap()),
            terminal: false,
            as_of: Cutoff::from_day(self.end),
        })
        .unwrap()
    }

    fn ledger(&self) -> DataFrame {
        let rows = &self.said;
        let number = |name: &str, f: &dyn Fn(&Row) -> f64| {
            Column::new(name.into(), rows.iter().map(f).collect::<Vec<_>>())
        };
        let whole = |name: &str, f: &dyn Fn(&Row) -> i64| {
            Column::new(name.into(), rows.iter().map(f).collect::<Vec<_>>())
        };
        let df = DataFrame::new(
            rows.len(),
            vec![
                whole("as_of", &|r| i64::from(r.night) * DAY)
                    .cast(&DataType::Datetime(TimeUnit::Microseconds, None))
                    .unwrap(),
                whole("rank_by_days", &|_| i64::from(AHEAD)),
                Column::new("asset_id".into(), rows.iter().map(|r| id(r.asset)).collect::<Vec<_>>()),
                whole("place", &|r| r.place as i64),
                number("probability", &|r| r.p),
                Column::new("on_list".into(), rows.iter().map(|r| r.place <= VISITS).collect::<Vec<_>>()),
                whole("baseline_place", &|r| r.baseline_place as i64),
                number("baseline_probability", &|r| r.baseline_p),
            ],
        )
        .unwrap();
        LEDGER.check(&df).unwrap();
        df
    }

    fn tracked(&self, per_days: u32) -> Tracked {
        track(&self.frames(), &settings(per_days), &self.ledger(), &[]).unwrap()
    }

    /// The figures of a ranker (0 chosen, 1 baseline) by month, `all` for all, counted anew from what happened.
    fn plainly(&self, ranker: usize, per_days: i32) -> BTreeMap<String, Vec<f64>> {
        let end = Micros::from(self.end) * DAY;
        // The first night of each stretch of days that begins on a Monday, 2021-12-27 (day 18,988).
        let mut dates: Vec<i32> = Vec::new();
        let mut monday = 18_988 - (18_988 - 4) % per_days;
        while monday < self.end {
            let inside = |r: &&Row| r.night >= monday && r.night < monday + per_days && r.night < self.end;
            dates.extend(self.said.iter().filter(inside).map(|r| r.night).min());
            monday += per_days;
        }
        let place = |r: &Row| if ranker == 0 { r.place } else { r.baseline_place };
        let listed = |date: i32, asset: usize| {
            self.said.iter().any(|r| r.night == date && r.asset == asset && place(r) <= VISITS)
        };
        let fails = |asset: usize, from: Micros, to: Micros| {
            self.failures.iter().filter(|f| f.0 == asset && f.1 >= from && f.1 < to).map(|f| f.1).min()
        };
        let handled = |asset: usize, from: Micros, to: Micros| {
            let events = self.events.iter().filter(|e| e.2 != "patch").map(|e| (e.0, e.1));
            let actions = self.actions.iter().filter(|a| a.2 != "dismissed").map(|a| (a.0, a.1));
            let gone = self.retired.iter().enumerate().filter_map(|(a, t)| t.map(|t| (a, t)));
            events.chain(actions).chain(gone).any(|(a, t)| a == asset && t >= from && t < to && t < end)
        };
        let month = |t: Micros| format_day(t.div_euclid(DAY) as i32)[..7].to_owned();
        let mut leads: BTreeMap<String, Vec<f64>> = BTreeMap::new();
        let mut squares: BTreeMap<String, f64> = BTreeMap::new();
        // Lists, hits, false alarms, acted on, open, failures, forewarned, judged, expected, observed.
        let mut out: BTreeMap<String, Vec<f64>> = BTreeMap::new();
        let mut add = |key: String, figure: usize, n: f64| {
            for key in [key, "all".to_owned()] {
                out.entry(key).or_insert_with(|| vec![0.0; 10])[figure] += n;
            }
        };
        for &date in &dates {
            let (from, to) = (Micros::from(date) * DAY, Micros::from(date + AHEAD) * DAY);
            let key = month(from);
            add(key.clone(), 0, 1.0);
            for r in self.said.iter().filter(|r| r.night == date) {
                let failed = fails(r.asset, from, to);
                let acted = handled(r.asset, from, failed.unwrap_or(to));
                if place(r) <= VISITS {
                    let figure = match failed {
                        _ if to > end => 4,
                        _ if acted => 3,
                        Some(_) => 1,
                        None => 2,
                    };
                    add(key.clone(), figure, 1.0);
                }
                let left = self.retired[r.asset].is_some_and(|t| t < to);
                let reported = self
                    .actions
                    .iter()
                    .any(|a| a.0 == r.asset && a.2 != "dismissed" && a.1 >= from && a.1 < to);
                if to > end || (failed.is_none() && (left || reported)) || (r.place <= VISITS && acted) {
                    continue;
                }
                let p = if ranker == 0 { r.p } else { r.baseline_p };
                let y = f64::from(u8::from(failed.is_some()));
                add(key.clone(), 7, 1.0);
                add(key.clone(), 8, p);
                add(key.clone(), 9, y);
                for key in [key.clone(), "all".to_owned()] {
                    *squares.entry(key).or_default() += (p - y) * (p - y);
                }
            }
        }
        for &(asset, t) in self.failures.iter().filter(|f| f.1 < end) {
            let in_time = |date: &&i32| {
                let from = Micros::from(**date) * DAY;
                t - from >= DAY && t - from < Micros::from(AHEAD) * DAY
            };
            if !dates.iter().any(|d| in_time(&d)) {
                continue;
            }
            add(month(t), 5, 1.0);
            if let Some(first) = dates.iter().filter(in_time).find(|d| listed(**d, asset)) {
                add(month(t), 6, 1.0);
                for key in [month(t), "all".to_owned()] {
                    leads.entry(key).or_default().push((t - Micros::from(*first) * DAY) as f64 / DAY as f64);
                }
            }
        }
        for (key, row) in &mut out {
            let lead = leads.get_mut(key).map_or(f64::NAN, |v| {
                v.sort_by(f64::total_cmp);
                f64::midpoint(v[(v.len() - 1) / 2], v[v.len() / 2])
            });
            let (n, k) = (row[7], row[9]);
            let base = k / n;
            let usual = k * (1.0 - base).powi(2) + (n - k) * base * base;
            let skill = squares.get(key).filter(|_| usual > 0.0).map_or(f64::NAN, |s| 1.0 - s / usual);
            row.extend([lead, row[1] / (row[1] + row[2]), row[6] / row[5], skill]);
        }
        out
    }
}

/// The same figures as the table has them.
fn told(df: &DataFrame, ranker: &str) -> BTreeMap<String, Vec<f64>> {
    let figures = [
        "n_lists",
        "n_hits",
        "n_false_alarms",
        "n_acted_on",
        "n_open",
        "n_failures",
        "n_forewarned",
        "n_judged",
        "expected",
        "observed",
        "lead_days",
        "precision",
        "forewarned_share",
        "brier_skill",
    ];
    let month = df.column("month").unwrap().cast(&DataType::Int64).unwrap();
    let who = df.column("ranker").unwrap().str().unwrap().clone();
    (0..df.height())
        .filter(|i| who.get(*i) == Some(ranker))
        .map(|i| {
            let key = match month.i64().unwrap().get(i) {
                Some(t) => format_day(t.div_euclid(DAY) as i32)[..7].to_owned(),
                None => "all".to_owned(),
            };
            let row = figures.map(|f| {
                let v = df.column(f).unwrap().cast(&DataType::Float64).unwrap();
                v.f64().unwrap().get(i).unwrap_or(f64::NAN)
            });
            (key, row.to_vec())
        })
        .collect()
}

#[test]
fn a_year_of_nights_comes_out_as_it_was() {
    for (seed, per_days) in [(1, 7), (2, 7), (3, 14), (4, 1), (5, 30)] {
        let year = Year::random(seed);
        let record = year.tracked(per_days).record;
        for (k, ranker) in ["chosen", "baseline"].into_iter().enumerate() {
            let (got, want) = (told(&record, ranker), year.plainly(k, per_days as i32));
            assert_eq!(got.keys().collect::<Vec<_>>(), want.keys().collect::<Vec<_>>(), "{seed}");
            for (key, want) in &want {
                for (i, (g, w)) in got[key].iter().zip(want).enumerate() {
                    // Where nothing was judged, nothing was promised.
                    let none = g.is_nan() && (w.is_nan() || *w == 0.0);
                    assert!(
                        none || (g - w).abs() < 1e-9,
                        "seed {seed}, {ranker}, {key}, figure {i}: {g} for {w}"
                    );
                }
            }
        }
        let all = &told(&record, "chosen")["all"];
        assert!(all[1..8].iter().all(|n| *n > 0.0), "the year holds something of everything: {all:?}");
    }
}

/// The places on the lists with what became of them, as text.
fn listed(t: &Tracked, closed_alone: bool) -> Vec<String> {
    let outcome = t.listed.column("outcome").unwrap().str().unwrap().clone();
    (0..t.listed.height())
        .filter(|i| !closed_alone || outcome.get(*i) != Some("open"))
        .map(|i| format!("{:?}", t.listed.get(i).unwrap()))
        .collect()
}

#[test]
fn a_later_night_changes_nothing_that_is_over() {
    for seed in 10..14 {
        let year = Year::random(seed);
        let mut before: Vec<String> = Vec::new();
        for end in (START + 70..=START + 365).step_by(37) {
            let now = listed(&year.until(end).tracked(7), true);
            assert!(now.starts_with(&before), "seed {seed}, day {end}");
            before = now;
        }
        assert!(before.len() > 100);
    }
}

#[test]
fn neither_order_nor_tonight_nor_hostile_rows_matter() {
    let year = Year::random(20);
    let want = year.tracked(7);
    let mut other = year.clone();
    other.said.reverse();
    other.said.sort_by_key(|r| (r.asset * 7 + r.night as usize * 13) % 101);
    // Tonight's own prediction and one that claims to be of tomorrow.
    for night in [year.end, year.end + 1] {
        other.said.push(Row { night, asset: 1, place: 1, p: 0.9, baseline_place: 1, baseline_p: 0.9 });
    }
    // What no night could have said.
    let first = other.said.iter().map(|r| r.night).min().unwrap();
    for p in [f64::NAN, -1.0, 7.0] {
        other.said.push(Row { night: first, asset: 2, place: 1, p, baseline_place: 1, baseline_p: 0.1 });
    }
    let got = other.tracked(7);
    assert!(want.record.equals_missing(&got.record) && want.listed.equals_missing(&got.listed));
}

#[test]
fn what_was_done_is_told_and_nothing_is_blamed_on_it() {
    let night = START + 100;
    let day = |n: i32| Micros::from(night + n) * DAY + HOUR;
    let row = |asset: usize| Row {
        night,
        asset,
        place: asset + 1,
        p: 0.5,
        baseline_place: N_ASSETS - asset,
        baseline_p: 0.1,
    };
    let mut year = Year {
        retired: vec![None; N_ASSETS],
        failures: vec![(0, day(3)), (1, day(9))],
        events: vec![(0, day(5), "visit"), (3, day(2), "replacement")],
        actions: vec![(1, day(4), "visited"), (2, day(6), "dismissed")],
        said: (0..N_ASSETS).map(row).collect(),
        end: night + 40,
    };
    year.retired[4] = Some(day(8));
    let outcomes = |year: &Year| {
        let t = year.tracked(7);
        let text = |c: &str| {
            let c = t.listed.column(c).unwrap().str().unwrap().clone();
            c.iter().map(|v| v.unwrap_or("-").to_owned()).collect::<Vec<_>>()
        };
        text("outcome").into_iter().zip(text("what")).map(|(o, w)| format!("{o} {w}")).collect::<Vec<_>>()
    };
    let date = |n: i32| format_day(night + n);
    let want = [
        "hit -".to_owned(),
        format!("acted_on visited {}", date(4)),
        "false_alarm -".to_owned(),
        format!("acted_on replaced {}", date(2)),
        format!("acted_on retired {}", date(8)),
    ];
    assert_eq!(outcomes(&year), want);
    // Of the two failures both were on the list ahead; only one was left to happen unattended.
    let record = told(&year.tracked(7).record, "chosen");
    assert_eq!(record["all"][5..7], [2.0, 2.0]);
    year.end = night + 20;
    assert!(outcomes(&year).iter().all(|o| o.starts_with("open")));
    // An asset that nobody knows any more has left.
    year.end = night + 40;
    let mut gone = year.ledger();
    let other: Vec<String> = (0..N_ASSETS).map(|a| id(a) + "x").collect();
    gone.with_column(Column::new("asset_id".into(), other)).unwrap();
    let t = track(&year.frames(), &settings(7), &gone, &[]).unwrap();
    let outcome = t.listed.column("outcome").unwrap().str().unwrap().clone();
    assert!(outcome.iter().all(|o| o == Some("acted_on")));
}

#[test]
fn nothing_said_is_nothing_told() {
    let year = Year { said: Vec::new(), ..Year::random(30) };
    let t = year.tracked(7);
    assert_eq!((t.record.height(), t.listed.height(), t.closed.len()), (0, 0, 0));
}
