//! Which assets are held back, row by row: what was done, what came after, and on which night it is asked.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use forewarn_frames::input::{Actions, Assets, Events, Failures, Tickets};
use forewarn_frames::time::HOUR;
use forewarn_frames::{Cutoff, FrameInputs, Frames, Outcome};
use polars::prelude::*;

use super::*;

const NIGHT: i32 = 20_000;

/// A time some days before the night, at an hour of that day; hour 0 is a date without a time.
type When = (i32, i64);

fn at(when: When) -> Micros {
    i64::from(NIGHT - when.0) * DAY + when.1 * HOUR
}

#[derive(Default)]
struct Case {
    actions: Vec<(When, &'static str, Option<i32>)>,
    /// When, kind, component.
    events: Vec<(When, &'static str, Option<&'static str>)>,
    failures: Vec<When>,
    /// When, type.
    tickets: Vec<(When, &'static str)>,
}

impl Case {
    fn frames(&self) -> Frames {
        let time = |name: &str, at: Vec<Option<Micros>>| {
            Column::new(name.into(), at).cast(&DataType::Datetime(TimeUnit::Microseconds, None)).unwrap()
        };
        let frame = |mut columns: Vec<Column>| {
            let n = columns[0].len();
            columns.push(Column::new("asset_id".into(), vec!["a"; n]));
            DataFrame::new(n, columns).unwrap()
        };
        let times = |v: Vec<Micros>| v.into_iter().map(Some).collect::<Vec<_>>();
        let actions = frame(vec![
            time("at", times(self.actions.iter().map(|a| at(a.0)).collect())),
            Column::new("what".into(), self.actions.iter().map(|a| a.1).collect::<Vec<_>>()),
            time("until", self.actions.iter().map(|a| a.2.map(|d| i64::from(NIGHT + d) * DAY)).collect()),
        ]);
        let events = frame(vec![
            time("ts", times(self.events.iter().map(|e| at(e.0)).collect())),
            Column::new("kind".into(), self.events.iter().map(|e| e.1).collect::<Vec<_>>()),
            Column::new("component".into(), self.events.iter().map(|e| e.2).collect::<Vec<_>>()),
        ]);
        let failures = frame(vec![time("failed_at", times(self.failures.iter().map(|f| at(*f)).collect()))]);
        let tickets = frame(vec![
            time("opened_at", times(self.tickets.iter().map(|t| at(t.0)).collect())),
            Column::new("type".into(), self.tickets.iter().map(|t| t.1).collect::<Vec<_>>()),
            Column::new(
                "ticket_id".into(),
                (0..self.tickets.len()).map(|i| format!("T{i}")).collect::<Vec<_>>(),
            ),
        ]);
        let assets = DataFrame::new(2, vec![Column::new("asset_id".into(), ["a", "b"])]).unwrap();
        Frames::new(FrameInputs {
            assets: Some(Assets::try_new(&assets).unwrap()),
            asset_history: None,
            tickets: Some(Tickets::try_new(&tickets).unwrap()),
            known_late: Vec::new(),
            telemetry: forewarn_frames::rollup::Roller::default(),
            events: Some(Events::try_new(&events).unwrap()),
            failures: Failures::try_new(&failures).unwrap(),
            actions: Some(Actions::try_new(&actions).unwrap()),
            terminal: false,
            as_of: Cutoff::from_day(NIGHT + 100),
        })
        .unwrap()
    }
}

/// What holds the asset back so many nights after the usual one.
fn check(later: i32, case: &Case, want: Option<&str>) {
    let frames = case.frames();
    let history = frames.as_of(Cutoff::from_day(NIGHT + later));
    let got = held(&history, Horizon::days(30).unwrap());
    let all: Vec<&str> = got.values().map(String::as_str).collect();
    assert_eq!(all, want.into_iter().collect::<Vec<_>>(), "night {later}");
    assert!(!got.contains_key(&1), "of another asset nothing was said");
}

#[test]
fn a_visit_holds_until_something_happens() {
    let visited = || Case { actions: vec![((5, 0), "visited", None)], ..Case::default() };
    let words = "visited 2024-09-29";
    check(0, &visited(), Some(words));
    check(24, &visited(), Some(words));
    check(25, &visited(), None);
    check(-5, &visited(), None);
    // What came on the day of a date without a time was why somebody went.
    check(0, &Case { failures: vec![(5, 9)], ..visited() }, Some(words));
    check(0, &Case { failures: vec![(9, 9)], ..visited() }, Some(words));
    check(0, &Case { failures: vec![(4, 9)], ..visited() }, None);
    check(0, &Case { tickets: vec![((3, 9), "incident")], ..visited() }, None);
    check(0, &Case { tickets: vec![((3, 9), "request"), ((7, 9), "incident")], ..visited() }, Some(words));
    // On the night before it came, it had not.
    check(-1, &Case { failures: vec![(1, 9)], ..visited() }, Some(words));
    check(
        0,
        &Case { actions: vec![((5, 14), "Visit", None)], failures: vec![(5, 15)], ..Case::default() },
        None,
    );
}

#[test]
fn events_hold_as_reports_do() {
    let event = |kind, part| Case { events: vec![((5, 14), kind, part)], ..Case::default() };
    check(0, &event("visit", None), Some("visited 2024-09-29"));
    check(0, &event("Replacement", None), Some("replaced 2024-09-29"));
    // A part says little of the others.
    check(0, &event("replacement", Some("battery")), None);
    check(0, &event("patch", None), None);
}

#[test]
fn dismissals_and_snoozes_hold_as_they_say() {
    let action = |what, until| Case { actions: vec![((5, 0), what, until)], ..Case::default() };
    check(0, &action("dismissed", None), Some("dismissed 2024-09-29: no new incident since"));
    check(0, &Case { tickets: vec![((1, 9), "incident")], ..action("dismissed", None) }, None);
    let snoozed = || action("snooze", Some(60));
    check(0, &snoozed(), Some("snoozed until 2024-12-03"));
    check(59, &snoozed(), Some("snoozed until 2024-12-03"));
    check(60, &snoozed(), None);
    check(0, &Case { tickets: vec![((1, 9), "incident")], ..snoozed() }, Some("snoozed until 2024-12-03"));
    check(0, &Case { failures: vec![(1, 9)], ..snoozed() }, None);
    check(0, &action("snoozed", None), Some("snoozed 2024-09-29: no failure since"));
    check(25, &action("snoozed", None), None);
    check(0, &action("pending", None), None);
    // The latest word counts.
    let mut both = snoozed();
    both.actions.push(((2, 0), "visited", None));
    check(0, &both, Some("visited 2024-10-02"));
}

#[test]
fn what_was_handled_is_not_learned_from_as_healthy() {
    // The window of the thirty days from the 40th day before the night on.
    let check = |case: Case, want: Outcome| {
        let frames = case.frames();
        let outcomes = frames.outcomes(Cutoff::from_day(NIGHT - 40), Horizon::days(30).unwrap());
        assert_eq!(outcomes.of(0), want);
        assert_eq!(outcomes.of(1), Outcome::Survived);
    };
    let action = |when, what| Case { actions: vec![(when, what, None)], ..Case::default() };
    check(Case::default(), Outcome::Survived);
    check(action((20, 9), "visited"), Outcome::Censored);
    check(action((40, 0), "replaced"), Outcome::Censored);
    check(action((41, 23), "visited"), Outcome::Survived);
    check(action((10, 0), "visited"), Outcome::Survived);
    for word in ["dismissed", "snoozed", "pending"] {
        check(action((20, 9), word), Outcome::Survived);
    }
    // That it failed all the same is learned from, and a visit by routine says nothing.
    check(Case { failures: vec![(15, 9)], ..action((20, 9), "visited") }, Outcome::Failed);
    check(Case { events: vec![((20, 9), "visit", None)], ..Case::default() }, Outcome::Survived);
}

#[test]
fn a_date_means_its_whole_day() {
    let check = |done: Micros, other: Micros, want: bool| assert_eq!(came_before(done, other), want);
    check(10 * DAY, 10 * DAY + 5 * HOUR, false);
    check(10 * DAY, 11 * DAY, true);
    check(10 * DAY + HOUR, 10 * DAY + 5 * HOUR, true);
    check(10 * DAY + 5 * HOUR, 10 * DAY + HOUR, false);
    check(10 * DAY, 10 * DAY, false);
}

#[test]
fn held_assets_come_last_in_their_order() {
    let held = BTreeMap::from([(7, String::new()), (5, String::new())]);
    assert_eq!(held_last(vec![2, 0, 1, 3], &[7, 6, 5, 4], &held), [1, 3, 2, 0]);
    assert_eq!(held_last(vec![1, 0], &[5, 7], &held), [1, 0]);
}
