//! What is kept from one night to the next saves time and changes nothing: later records leave the digest of a history as it
//! is, any change of a known one is seen, and a night with what was kept gives the same bytes as one without.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::Mutex;

use forewarn_engine::{Memory, Progress, RunResult, Settings, run};
use forewarn_frames::output::LEDGER;
use forewarn_frames::time::{DAY, HOUR};
use forewarn_frames::{Cutoff, Frames};
use proptest::prelude::*;

use crate::fleet::{DAYS, Dice, Rows, START};
use crate::no_lookahead::{Spoil, parquet, settings, spoiled};
use crate::repeatable::{assert_same, run as whole_run};

fn digest(rows: &Rows, cutoff: Cutoff) -> u128 {
    Frames::new(rows.inputs()).unwrap().as_of(cutoff).digest()
}

/// Changes one thing that was known before `at`; which one, or nothing where there is none of its kind.
fn change(rows: &mut Rows, at: i64, dice: &mut Dice, kind: usize) -> Option<&'static str> {
    fn one<'a, T>(all: &'a mut [T], dice: &mut Dice, known: impl Fn(&T) -> bool) -> Option<&'a mut T> {
        let places: Vec<usize> = (0..all.len()).filter(|i| known(&all[*i])).collect();
        let place = places.get(dice.below(places.len().max(1) as u64) as usize)?;
        all.get_mut(*place)
    }
    let resolved = |t: &crate::fleet::Ticket| t.opened < at && t.resolved.is_some_and(|r| r < at);
    let d = dice;
    Some(match kind {
        0 => {
            one(&mut rows.tickets, d, resolved)?.category = "other".into();
            "a category"
        }
        1 => {
            one(&mut rows.tickets, d, resolved)?.priority += 1.0;
            "a priority"
        }
        2 => {
            one(&mut rows.tickets, d, |t| t.opened < at - HOUR)?.opened += 1;
            "when a ticket was opened"
        }
        3 => {
            one(&mut rows.tickets, d, resolved)?.resolved = None;
            "that a ticket was resolved"
        }
        4 => {
            one(&mut rows.readings, d, |r| r.1 < at)?.2 += 0.5;
            "a reading"
        }
        5 => {
            one(&mut rows.events, d, |e| e.1 < at)?.2 = "other".into();
            "an event"
        }
        6 => {
            one(&mut rows.failures, d, |f| f.at < at - DAY)?.at += 1;
            "a failure"
        }
        7 => {
            one(&mut rows.attributes, d, |a| a.3 < at)?.2 = "other".into();
            "an attribute"
        }
        8 => {
            // A word that means nothing is no action.
            one(&mut rows.actions, d, |a| a.1 < at && a.2 != "pending")?.1 -= 1;
            "an action"
        }
        9 => {
            one(&mut rows.assets, d, |a| a.3.is_none_or(|t| t < at))?.1 = "other".into();
            "a kind"
        }
        _ => {
            one(&mut rows.assets, d, |a| a.3.is_some_and(|t| t < at - DAY))?.3 = Some(at - DAY);
            "since when an asset is in service"
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn what_comes_later_leaves_the_digest_as_it_is(seed in 0u64..1000, day in 20i32..290, how in 0..3) {
        let how = [Spoil::Delete, Spoil::Poison, Spoil::Both][how as usize];
        let rows = Rows::random(seed).with_actions(seed);
        let cutoff = Cutoff::from_day(START + day);
        let want = digest(&rows, cutoff);
        prop_assert_eq!(want, digest(&spoiled(&rows, cutoff, how, seed ^ 77), cutoff));
        prop_assert_eq!(want, digest(&rows.clone().shuffled(seed ^ 5), cutoff));
        prop_assert_ne!(want, digest(&rows, cutoff.plus_days(1)));
    }

    #[test]
    fn what_was_known_is_in_the_digest(seed in 0u64..1000, day in 100i32..290, kind in 0usize..11) {
        let rows = Rows::random(seed).with_actions(seed);
        let cutoff = Cutoff::from_day(START + day);
        let mut other = rows.clone();
        if let Some(what) = change(&mut other, cutoff.micros(), &mut Dice(seed), kind) {
            prop_assert!(digest(&rows, cutoff) != digest(&other, cutoff), "{}", what);
        }
    }
}

/// Keeps bytes in memory, and may spoil what it hands out.
#[derive(Default)]
struct Shelf {
    kept: Mutex<BTreeMap<String, Vec<u8>>>,
    spoil: Option<usize>,
}

impl Memory for Shelf {
    fn recall(&self, key: &str) -> Option<Vec<u8>> {
        let mut bytes = self.kept.lock().unwrap().get(key).cloned()?;
        match self.spoil {
            Some(0) => bytes.clear(),
            Some(1) => bytes.truncate(bytes.len() / 2),
            Some(2) => bytes.extend(b"more"),
            _ => {}
        }
        Some(bytes)
    }

    fn keep(&self, key: &str, bytes: &[u8]) {
        self.kept.lock().unwrap().insert(key.to_owned(), bytes.to_owned());
    }
}

/// The stages that were gone through.
#[derive(Default)]
struct Stages(Mutex<BTreeSet<String>>);

impl Progress for Stages {
    fn step(&self, stage: &str, _: usize, _: usize) {
        self.0.lock().unwrap().insert(stage.to_owned());
    }
}

/// A run, as text of every table, and whether anything was trained for it.
fn night(rows: &Rows, settings: &Settings, memory: Option<&dyn Memory>) -> (String, bool) {
    let stages = Stages::default();
    let frames = Frames::new(rows.inputs()).unwrap();
    let RunResult {
        model,
        ranking,
        risk,
        metrics,
        track_record,
        calibration,
        drift,
        findings,
        features,
        summary,
        ..
    } = run(&frames, settings, &LEDGER.empty(), memory, &stages).unwrap();
    let tables = [ranking, risk, metrics, track_record, calibration, drift, features];
    let mut text = format!("{findings:?} {summary:?} {}", String::from_utf8(model).unwrap());
    for table in &tables {
        text.push_str(&format!("{:?}", parquet(table)));
    }
    (text, stages.0.into_inner().unwrap().contains("training"))
}

#[test]
fn models_are_recalled_as_long_as_nothing_of_before_changed() {
    let rows = Rows::random(11).with_actions(11);
    let shelf = Shelf::default();
    // The day after, in the same month: a ticket more, an asset more.
    let mut later = rows.clone();
    later.end = rows.end.plus_days(1);
    later.tickets.push(crate::fleet::Ticket {
        id: "T-new".into(),
        opened: rows.end.micros() + HOUR,
        category: "never seen".into(),
        resolved: None,
        ..rows.tickets[0].clone()
    });
    later.assets.push(("A00-new".into(), "x".into(), "y".into(), Some(rows.end.micros()), None));
    let mut corrected = later.clone();
    corrected.readings[0].2 += 1.0;
    let named = |leave_out: &str| {
        let mut s = settings();
        s.risk.leave_out = vec![leave_out.to_owned()];
        s
    };
    let (plain, without) = (settings(), named("no such column"));
    for (what, rows, settings, trains) in [
        ("the first night", &rows, &plain, true),
        ("the same night", &rows, &plain, false),
        ("a day more", &later, &plain, false),
        ("a corrected reading", &corrected, &plain, true),
        ("another setting", &corrected, &without, true),
        ("again", &corrected, &without, false),
        ("as before", &rows, &plain, false),
    ] {
        let (got, trained) = night(rows, settings, Some(&shelf));
        assert_eq!(trained, trains, "{what}");
        assert!(got == night(rows, settings, None).0, "{what}");
    }
    let want = night(&rows, &plain, None).0;
    for spoil in 0..3 {
        let kept = Mutex::new(shelf.kept.lock().unwrap().clone());
        let (got, trained) = night(&rows, &plain, Some(&Shelf { kept, spoil: Some(spoil) }));
        assert!(trained && got == want, "spoiled {spoil}");
    }
}

/// The names of what is kept.
fn computed(dir: &Path) -> BTreeSet<String> {
    let files = fs::read_dir(dir.join("reports/.cache/computed")).unwrap();
    files.map(|f| f.unwrap().file_name().to_string_lossy().into_owned()).collect()
}

#[test]
fn nights_that_build_on_each_other_give_the_bytes_of_nights_that_do_not() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let rows = Rows::random(7);
    let mut names = BTreeSet::new();
    // The first of a month, when models are due, and three days after it; then an old ticket is corrected.
    for (day, corrected) in [(297, false), (298, false), (DAYS as i32, false), (DAYS as i32, true)] {
        let mut known = rows.clone();
        let end = Cutoff::from_day(START + day).micros();
        known.readings.retain(|r| r.1 < end);
        known.events.retain(|e| e.1 < end);
        known.tickets.retain(|t| t.opened < end);
        for t in known.tickets.iter_mut().filter(|t| t.resolved.is_some_and(|r| r >= end)) {
            t.resolved = None;
        }
        if corrected {
            known.tickets[3].category = "Printer".into();
        }
        known.write(dir);
        let got = whole_run(dir, &[], &[]);
        let alone = tempfile::tempdir().unwrap();
        known.write(alone.path());
        assert_same(&format!("day {day}"), &got, &whole_run(alone.path(), &["--no-cache"], &[]));
        let now = computed(dir);
        assert_eq!(now.len(), 2, "{now:?}");
        let same = !corrected && day > 297;
        assert_eq!(names == now, same, "day {day}: {names:?} {now:?}");
        names = now;
        // Earlier nights are an input too: the next one has only what was kept of its own input.
        for entry in fs::read_dir(dir.join("reports")).unwrap().map(|e| e.unwrap().path()) {
            if !entry.ends_with(".cache") {
                let gone = if entry.is_symlink() || entry.is_file() {
                    fs::remove_file(&entry)
                } else {
                    fs::remove_dir_all(&entry)
                };
                gone.unwrap();
            }
        }
    }
}
