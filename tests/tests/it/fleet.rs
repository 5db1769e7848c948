//! A small random fleet with everything in it that can be known late. It does not look like a real one; it is made to
//! break walls.

use forewarn_frames::input::{Actions, AssetHistory, Assets, Events, Failures, Telemetry, Tickets};
use forewarn_frames::rollup::{Roller, TelemetryKind};
use forewarn_frames::time::{DAY, HOUR, Micros};
use forewarn_frames::{Cutoff, FrameInputs, TicketColumn};
use polars::prelude::*;

/// SplitMix64 (Steele, Lea and Flood, 2014): small, seeded, the same everywhere.
#[derive(Debug, Clone)]
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    pub(crate) fn shuffle<T>(&mut self, all: &mut [T]) {
        for i in (1..all.len()).rev() {
            all.swap(i, self.below(i as u64 + 1) as usize);
        }
    }

    pub(crate) fn chance(&mut self, share: f64) -> bool {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64 <= share
    }
}

/// One ticket, with what becomes known when it is resolved.
#[derive(Debug, Clone)]
pub(crate) struct Ticket {
    pub(crate) id: String,
    pub(crate) asset: String,
    pub(crate) opened: Micros,
    pub(crate) resolved: Option<Micros>,
    pub(crate) category: String,
    pub(crate) priority: f64,
    pub(crate) reopened: f64,
}

/// One failure, with when it and its mode could be known.
#[derive(Debug, Clone)]
pub(crate) struct Failure {
    pub(crate) asset: String,
    pub(crate) at: Micros,
    pub(crate) known_at: Option<Micros>,
    pub(crate) mode: Option<String>,
    pub(crate) mode_known_at: Option<Micros>,
}

/// Rows of every table, as plain data that a test can poison.
#[derive(Debug, Clone)]
pub(crate) struct Rows {
    pub(crate) assets: Vec<(String, String, String, Option<Micros>, Option<Micros>)>,
    pub(crate) attributes: Vec<(String, String, String, Micros)>,
    pub(crate) tickets: Vec<Ticket>,
    pub(crate) readings: Vec<(String, Micros, f64, Option<f64>)>,
    pub(crate) events: Vec<(String, Micros, String)>,
    pub(crate) failures: Vec<Failure>,
    /// Asset, at, what, until.
    pub(crate) actions: Vec<(String, Micros, String, Option<Micros>)>,
    pub(crate) end: Cutoff,
}

/// Days of the fleet's records.
pub(crate) const DAYS: i64 = 300;
/// Its first day.
pub(crate) const START: i32 = 19_000;

impl Rows {
    /// About 40 assets over 300 days.
    pub(crate) fn random(seed: u64) -> Self {
        let mut d = Dice(seed);
        let start = Micros::from(START) * DAY;
        let mut rows = Self {
            assets: Vec::new(),
            attributes: Vec::new(),
            tickets: Vec::new(),
            readings: Vec::new(),
            events: Vec::new(),
            failures: Vec::new(),
            actions: Vec::new(),
            end: Cutoff::from_day(START + DAYS as i32),
        };
        for a in 0..40u64 {
            let id = format!("A{a:02}");
            let model = ["m1", "m2", "m3"][d.below(3) as usize];
            let arrived = d.chance(0.3).then(|| start + d.below(200) as i64 * DAY);
            let left = d.chance(0.15).then(|| start + (150 + d.below(150) as i64) * DAY + 7 * HOUR);
            rows.assets.push((id.clone(), "disk".into(), model.into(), arrived, left));
            rows.attributes.push((id.clone(), "firmware".into(), "1.0".into(), start));
            if d.chance(0.5) {
                rows.attributes.push((
                    id.clone(),
                    "firmware".into(),
                    "2.0".into(),
                    start + d.below(DAYS as u64) as i64 * DAY,
                ));
            }
            let busy = 1 + d.below(8);
            let mut wear = 0.0;
            for day in 0..DAYS {
                let at = start + day * DAY;
                if d.chance(0.9) {
                    if d.chance(0.01 * busy as f64) {
                        wear += d.below(9) as f64;
                    }
                    let heat = 30.0 + d.below(20) as f64 / 4.0;
                    rows.readings.push((id.clone(), at + 3 * HOUR, wear, d.chance(0.95).then_some(heat)));
                }
                if d.chance(0.004 * busy as f64) {
                    let opened = at + d.below(24) as i64 * HOUR;
                    let resolved = d.chance(0.9).then(|| opened + (1 + d.below(400) as i64) * HOUR);
                    let category = ["Hardware", "Software", "Network"][d.below(3) as usize].to_owned();
                    let priority = (1 + d.below(4)) as f64;
                    if category == "Hardware" || wear > 30.0 {
                        let later = resolved.unwrap_or(i64::MAX / 2);
                        rows.failures.push(Failure {
                            asset: id.clone(),
                            at: opened,
                            known_at: d.chance(0.5).then_some(later),
                            mode: Some(category.clone()),
                            mode_known_at: Some(later),
                        });
                    }
                    let reopened = d.below(2) as f64;
                    rows.tickets.push(Ticket {
                        id: format!("T{}", rows.tickets.len()),
                        asset: id.clone(),
                        opened,
                        resolved,
                        category,
                        priority,
                        reopened,
                    });
                }
                if d.chance(0.003) {
                    rows.events.push((
                        id.clone(),
                        at + 5 * HOUR,
                        ["patch", "visit"][d.below(2) as usize].into(),
                    ));
                }
            }
        }
        rows
    }

    /// The same fleet, on which readers of a list report what they did.
    pub(crate) fn with_actions(mut self, seed: u64) -> Self {
        let mut d = Dice(seed ^ 0xac71);
        for a in 0..40u64 {
            for _ in 0..d.below(4) {
                let at = Micros::from(START) * DAY + d.below(24 * DAYS as u64) as i64 * HOUR;
                let what = ["visited", "replaced", "dismissed", "snoozed", "pending"][d.below(5) as usize];
                let until = d.chance(0.5).then(|| at + d.below(60) as i64 * DAY);
                self.actions.push((format!("A{a:02}"), at, what.into(), until));
            }
        }
        self
    }

    /// Shuffles every table.
    pub(crate) fn shuffled(mut self, seed: u64) -> Self {
        let mut dice = Dice(seed);
        dice.shuffle(&mut self.assets);
        dice.shuffle(&mut self.attributes);
        dice.shuffle(&mut self.tickets);
        dice.shuffle(&mut self.readings);
        dice.shuffle(&mut self.events);
        dice.shuffle(&mut self.failures);
        dice.shuffle(&mut self.actions);
        self
    }

    /// The frames of these rows.
    pub(crate) fn inputs(&self) -> FrameInputs {
        let text = |name: &str, v: Vec<&str>| Column::new(name.into(), v);
        let number = |name: &str, v: Vec<Option<f64>>| Column::new(name.into(), v);
        let time = |name: &str, v: Vec<Option<Micros>>| {
            Column::new(name.into(), v).cast(&DataType::Datetime(TimeUnit::Microseconds, None)).unwrap()
        };
        let frame = |columns: Vec<Column>| DataFrame::new(columns[0].len(), columns).unwrap();
        let a = &self.assets;
        let assets = frame(vec![
            text("asset_id", a.iter().map(|r| r.0.as_str()).collect()),
            text("kind", a.iter().map(|r| r.1.as_str()).collect()),
            text("model", a.iter().map(|r| r.2.as_str()).collect()),
            time("in_service_at", a.iter().map(|r| r.3).collect()),
            time("retired_at", a.iter().map(|r| r.4).collect()),
        ]);
        let h = &self.attributes;
        let history = frame(vec![
            text("asset_id", h.iter().map(|r| r.0.as_str()).collect()),
            text("attribute", h.iter().map(|r| r.1.as_str()).collect()),
            text("value", h.iter().map(|r| r.2.as_str()).collect()),
            time("valid_from", h.iter().map(|r| Some(r.3)).collect()),
        ]);
        let t = &self.tickets;
        let tickets = frame(vec![
            text("ticket_id", t.iter().map(|r| r.id.as_str()).collect()),
            text("asset_id", t.iter().map(|r| r.asset.as_str()).collect()),
            time("opened_at", t.iter().map(|r| Some(r.opened)).collect()),
            time("resolved_at", t.iter().map(|r| r.resolved).collect()),
            text("category", t.iter().map(|r| r.category.as_str()).collect()),
            number("priority", t.iter().map(|r| Some(r.priority)).collect()),
            number("reopen_count", t.iter().map(|r| Some(r.reopened)).collect()),
            // Known as late, and spoiled where that is.
            number("made_sla", t.iter().map(|r| Some(1.0 - r.reopened % 2.0)).collect()),
            number("csat", t.iter().map(|r| Some(5.0 - r.reopened % 5.0)).collect()),
            number("downtime_minutes", t.iter().map(|r| Some(30.0 * r.reopened)).collect()),
        ]);
        let r = &self.readings;
        let telemetry = frame(vec![
            text("asset_id", r.iter().map(|r| r.0.as_str()).collect()),
            time("ts", r.iter().map(|r| Some(r.1)).collect()),
            number("wear", r.iter().map(|r| Some(r.2)).collect()),
            number("heat", r.iter().map(|r| r.3).collect()),
        ]);
        let e = &self.events;
        let events = frame(vec![
            text("asset_id", e.iter().map(|r| r.0.as_str()).collect()),
            time("ts", e.iter().map(|r| Some(r.1)).collect()),
            text("kind", e.iter().map(|r| r.2.as_str()).collect()),
        ]);
        let f = &self.failures;
        let failures = frame(vec![
            text("asset_id", f.iter().map(|r| r.asset.as_str()).collect()),
            time("failed_at", f.iter().map(|r| Some(r.at)).collect()),
            time("known_at", f.iter().map(|r| r.known_at).collect()),
            Column::new("mode".into(), f.iter().map(|r| r.mode.as_deref()).collect::<Vec<_>>()),
            time("mode_known_at", f.iter().map(|r| r.mode_known_at).collect()),
        ]);
        let a = &self.actions;
        let actions = (!a.is_empty()).then(|| {
            frame(vec![
                text("asset_id", a.iter().map(|r| r.0.as_str()).collect()),
                time("at", a.iter().map(|r| Some(r.1)).collect()),
                text("what", a.iter().map(|r| r.2.as_str()).collect()),
                time("until", a.iter().map(|r| r.3).collect()),
            ])
        });
        FrameInputs {
            assets: Some(Assets::try_new(&assets).unwrap()),
            asset_history: Some(AssetHistory::try_new(&history).unwrap()),
            tickets: Some(Tickets::try_new(&tickets).unwrap()),
            known_late: vec![TicketColumn::Priority, TicketColumn::Category],
            telemetry: Roller::of(&[(Telemetry::try_new(&telemetry).unwrap(), TelemetryKind::default())])
                .unwrap(),
            events: Some(Events::try_new(&events).unwrap()),
            failures: Failures::try_new(&failures).unwrap(),
            actions: actions.map(|a| Actions::try_new(&a).unwrap()),
            terminal: false,
            as_of: self.end,
        }
    }
}

/// `2022-01-08 03:00:00` of a time.
pub(crate) fn stamp(at: Micros) -> String {
    let second = at.rem_euclid(DAY) / 1_000_000;
    format!(
        "{} {:02}:{:02}:{:02}",
        Cutoff::from_day(at.div_euclid(DAY) as i32),
        second / 3600,
        second / 60 % 60,
        second % 60
    )
}

impl Rows {
    /// Writes the rows as the CSV files of a small department, with a config that reads them.
    pub(crate) fn write(&self, dir: &std::path::Path) {
        let opt = |t: Option<Micros>| t.map(stamp).unwrap_or_default();
        let mut files: Vec<(&str, String)> = Vec::new();
        let mut text = "asset_id,kind,model,in_service_at,retired_at\n".to_owned();
        for (id, kind, model, from, to) in &self.assets {
            text += &format!("{id},{kind},{model},{},{}\n", opt(*from), opt(*to));
        }
        files.push(("assets.csv", text));
        let mut text =
            "ticket_id;asset_id;opened_at;resolved_at;category;priority;reopen_count;title\n".to_owned();
        for t in &self.tickets {
            text += &format!(
                "{};{};{};{};{};{};{};\"it \"\"broke\"\"; again\"\n",
                t.id,
                t.asset,
                stamp(t.opened),
                opt(t.resolved),
                t.category,
                t.priority,
                t.reopened
            );
        }
        files.push(("tickets.csv", text));
        let mut text = "asset_id,ts,wear,heat\n".to_owned();
        for (id, at, wear, heat) in &self.readings {
            text +=
                &format!("{id},{},{wear},{}\n", stamp(*at), heat.map(|h| h.to_string()).unwrap_or_default());
        }
        files.push(("telemetry.csv", text));
        let mut text = "asset_id,ts,kind\n".to_owned();
        for (id, at, kind) in &self.events {
            text += &format!("{id},{},{kind}\n", stamp(*at));
        }
        files.push(("events.csv", text));
        files.push((
            "forewarn.toml",
            "[assets]\npath = \"assets.csv\"\n\n[tickets]\npath = \"tickets.csv\"\nknown_late = [\"priority\"]\n\n\
             [[telemetry]]\npath = \"telemetry.csv\"\n\n[[events]]\npath = \"events.csv\"\n\n\
             [failure]\nfrom = \"tickets\"\nwhere = \"category = 'Hardware'\"\n\n\
             [risk]\nhorizons_days = [7, 30]\n"
                .to_owned(),
        ));
        if !self.actions.is_empty() {
            let mut text = "asset_id,at,what,until,note\n".to_owned();
            for (id, at, what, until) in &self.actions {
                text += &format!("{id},{},{what},{},\"a \"\"note\"\"\"\n", stamp(*at), opt(*until));
            }
            files.push(("actions.csv", text));
            if let Some((_, config)) = files.iter_mut().find(|f| f.0 == "forewarn.toml") {
                *config += "\n[actions]\npath = \"actions.csv\"\n";
            }
        }
        for (name, text) in files {
            std::fs::write(dir.join(name), text).unwrap();
        }
    }
}
