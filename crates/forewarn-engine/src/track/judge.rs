//! What became of what was said: of the places on lists, of the failures that happened, and of all probabilities. It does
//! not know tables.

use std::collections::{BTreeMap, BTreeSet};

use forewarn_frames::time::{DAY, Micros, civil_of, day_number, day_of, format_day};
use forewarn_frames::{Cutoff, Frames, History, Outcome, Outcomes};
use forewarn_models::{beta_quantile, median};

use super::nights::{Names, Night, Place};
use crate::EngineError;
use crate::feedback::{acts, came_before};
use crate::fit::LEVEL;

/// A failure counts as forewarned by a list at least so many days before it: whoever reads in the morning can do nothing
/// about the night before.
pub(crate) const MIN_LEAD_DAYS: i32 = 1;

/// What became of a place on a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fate {
    Hit,
    FalseAlarm,
    ActedOn,
    Open,
}

impl Fate {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Hit => "hit",
            Self::FalseAlarm => "false_alarm",
            Self::ActedOn => "acted_on",
            Self::Open => "open",
        }
    }
}

/// The fate of a place, when it came and what it was.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Became {
    pub fate: Fate,
    pub at: Option<Micros>,
    pub what: Option<String>,
}

/// Which list is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ranker {
    Chosen,
    Baseline,
}

impl Ranker {
    pub(crate) const ALL: [Self; 2] = [Self::Chosen, Self::Baseline];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Chosen => "chosen",
            Self::Baseline => "baseline",
        }
    }

    pub(crate) fn lists(self, place: &Place, n_listed: usize) -> bool {
        match self {
            Self::Chosen => place.on_list,
            Self::Baseline => place.baseline_rank as usize <= n_listed,
        }
    }

    fn probability(self, place: &Place) -> f64 {
        match self {
            Self::Chosen => place.probability,
            Self::Baseline => place.baseline_probability,
        }
    }
}

/// What one ranker's lists came to, in one month or in all.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Tally {
    pub n_lists: u64,
    pub n_hits: u64,
    pub n_false_alarms: u64,
    pub n_acted_on: u64,
    pub n_open: u64,
    /// Failures by asset: how many, and how many of these were forewarned.
    failures: BTreeMap<u32, (u64, u64)>,
    leads: Vec<f64>,
    pub n_judged: u64,
    pub expected: f64,
    pub observed: u64,
    squares: f64,
}

impl Tally {
    fn add(&mut self, other: &Self) {
        self.n_lists += other.n_lists;
        self.n_hits += other.n_hits;
        self.n_false_alarms += other.n_false_alarms;
        self.n_acted_on += other.n_acted_on;
        self.n_open += other.n_open;
        for (asset, (n, k)) in &other.failures {
            let own = self.failures.entry(*asset).or_default();
            *own = (own.0 + n, own.1 + k);
        }
        self.leads.extend(&other.leads);
        self.n_judged += other.n_judged;
        self.expected += other.expected;
        self.observed += other.observed;
        self.squares += other.squares;
    }

    pub(crate) fn n_listed(&self) -> u64 {
        self.n_hits + self.n_false_alarms + self.n_acted_on + self.n_open
    }

    pub(crate) fn n_failures(&self) -> u64 {
        self.failures.values().map(|f| f.0).sum()
    }

    pub(crate) fn n_forewarned(&self) -> u64 {
        self.failures.values().map(|f| f.1).sum()
    }

    pub(crate) fn forewarned_share(&self) -> Option<f64> {
        let n = self.n_failures();
        (n > 0).then(|| self.n_forewarned() as f64 / n as f64)
    }

    /// Jeffreys' interval of the share (Brown, Cai and DasGupta, 2001) at the effective number of failures: those of one
    /// asset are of a kind, so its failures count for less than as many of different assets (Kish's design effect).
    pub(crate) fn forewarned_interval(&self) -> Option<(f64, f64)> {
        let share = self.forewarned_share()?;
        let n = self.n_failures() as f64;
        let alike: f64 = self.failures.values().map(|f| (f.0 as f64).powi(2)).sum::<f64>() / n;
        let spread: f64 =
            self.failures.values().map(|f| (f.1 as f64 - f.0 as f64 * share).powi(2)).sum::<f64>();
        let simple = share * (1.0 - share) * n;
        // Where all or none were forewarned nothing is seen of how alike they are: then as alike as can be.
        let effect = if simple > 0.0 { (spread / simple).clamp(1.0, alike.max(1.0)) } else { alike };
        let n = n / effect;
        let tail = (1.0 - LEVEL) / 2.0;
        let end = |q: f64| beta_quantile(q, share * n + 0.5, (1.0 - share) * n + 0.5);
        Some((end(tail).min(share), end(1.0 - tail).max(share)))
    }

    pub(crate) fn lead_days(&self) -> Option<f64> {
        (!self.leads.is_empty()).then(|| median(&mut self.leads.clone()))
    }

    pub(crate) fn precision(&self) -> Option<f64> {
        let n = self.n_hits + self.n_false_alarms;
        (n > 0).then(|| self.n_hits as f64 / n as f64)
    }

    /// One minus the mean squared error of the probabilities over that of the base rate.
    pub(crate) fn brier_skill(&self) -> Option<f64> {
        let (n, k) = (self.n_judged as f64, self.observed as f64);
        let usual = k * (1.0 - k / n);
        (n > 0.0 && usual > 0.0).then(|| 1.0 - self.squares / usual)
    }
}

/// A night whose time is over: what all its probabilities promised, and what came.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Closed {
    pub cutoff: Cutoff,
    pub days: i32,
    pub n: u64,
    pub expected: f64,
    pub observed: u64,
}

/// Everything that came of a row of nights.
#[derive(Debug, Default)]
pub(crate) struct Verdicts {
    /// By month (the day number of its first), for [`Ranker::ALL`].
    pub months: BTreeMap<i32, [Tally; 2]>,
    /// The chosen lists, place by place.
    pub listed: Vec<(Cutoff, Place, Became)>,
    pub closed: Vec<Closed>,
}

impl Verdicts {
    /// All months together.
    pub(crate) fn total(&self) -> [Tally; 2] {
        let mut all: [Tally; 2] = Default::default();
        for month in self.months.values() {
            all.iter_mut().zip(month).for_each(|(a, m)| a.add(m));
        }
        all
    }
}

fn month_of(day: i32) -> i32 {
    let (year, month, _) = civil_of(day);
    day_of(year, month, 1)
}

/// The eye that looks back from today.
struct Judge<'a> {
    frames: &'a Frames,
    today: History<'a>,
    /// Whether each asset is in the inventory, or there is none.
    listed: Vec<bool>,
    /// The ticket of each failure that has one.
    tickets: BTreeMap<(u32, Micros), String>,
    /// Every failure before today, by time: who and when.
    failures: Vec<(Micros, u32)>,
}

impl<'a> Judge<'a> {
    fn new(frames: &'a Frames) -> Result<Self, EngineError> {
        let today = frames.as_of(frames.end());
        let ids = frames.asset_ids();
        let mut listed = vec![frames.inventory().is_none(); ids.len()];
        let number = |id: &str| ids.binary_search_by(|k| k.as_str().cmp(id)).ok();
        if let Some(inventory) = frames.inventory() {
            for a in inventory.df().column("asset_id")?.str()?.iter().flatten().filter_map(number) {
                listed[a] = true;
            }
        }
        let df = frames.failures().df();
        let at = df.column("failed_at")?.cast(&polars::prelude::DataType::Int64)?;
        let (id, ticket) = (df.column("asset_id")?.str()?, df.column("ticket_id")?.str()?);
        let (mut tickets, mut failures) = (BTreeMap::new(), Vec::new());
        let end = frames.end().micros();
        for ((id, at), ticket) in id.iter().zip(at.i64()?.iter()).zip(ticket.iter()) {
            let (Some(asset), Some(at)) = (id.and_then(number), at.filter(|t| *t < end)) else { continue };
            failures.push((at, asset as u32));
            if let Some(ticket) = ticket {
                tickets.entry((asset as u32, at)).or_insert_with(|| ticket.to_owned());
            }
        }
        failures.sort_unstable();
        if today.failures_are_terminal() {
            let mut gone = BTreeSet::new();
            failures.retain(|(_, asset)| gone.insert(*asset));
        }
        Ok(Self { frames, today, listed, tickets, failures })
    }

    /// What became of an asset in the window of a night.
    fn became(&self, night: &Night, outcomes: &Outcomes, asset: usize) -> Became {
        let (from, to) = (night.cutoff.micros(), night.cutoff.plus_days(night.horizon.get()).micros());
        let open = !night.is_closed(self.frames.end());
        let as_open = |fate: Fate| if open { Fate::Open } else { fate };
        let known = asset < self.listed.len();
        let failed = if known { outcomes.first_failure_at(asset) } else { None };
        let done = if known { acts(&self.today, asset, from) } else { Vec::new() };
        let retired = if known { self.today.retired_at(asset).filter(|t| *t >= from) } else { None };
        let done = done
            .into_iter()
            .map(|act| (act.at, act.words))
            .chain(retired.map(|t| (t, format!("retired {}", format_day(day_number(t))))))
            .filter(|(at, _)| *at < to && failed.is_none_or(|f| came_before(*at, f)))
            .min();
        match (done, failed) {
            (Some((at, words)), _) => {
                Became { fate: as_open(Fate::ActedOn), at: Some(at), what: Some(words) }
            }
            (None, Some(at)) => {
                let mode = outcomes.mode_of(asset).map(|m| self.frames.word(m).to_owned());
                let what = mode.or_else(|| self.tickets.get(&(asset as u32, at)).cloned());
                Became { fate: as_open(Fate::Hit), at: Some(at), what }
            }
            (None, None) if !known || !self.listed[asset] => Became {
                fate: as_open(Fate::ActedOn),
                at: None,
                what: Some("no longer in the inventory".to_owned()),
            },
            (None, None) => Became { fate: as_open(Fate::FalseAlarm), at: None, what: None },
        }
    }
}

/// Judges nights, each on its own: what a later one says changes nothing about an earlier one.
pub(crate) fn judge(frames: &Frames, nights: &[Night], names: &Names<'_>) -> Result<Verdicts, EngineError> {
    let judge = Judge::new(frames)?;
    let n_known = judge.listed.len();
    let mut out = Verdicts::default();
    // Assets whose failures count: those of the inventory, and those that were ranked once.
    let mut ranked: Vec<bool> = judge.listed.clone();
    // Who was on which list.
    let mut on: Vec<[BTreeSet<u32>; 2]> = Vec::with_capacity(nights.len());
    for night in nights {
        let outcomes = frames.outcomes(night.cutoff, night.horizon);
        let closed = night.is_closed(frames.end());
        let n_listed = night.n_listed();
        let month = out.months.entry(month_of(night.cutoff.day())).or_default();
        let mut lists: [BTreeSet<u32>; 2] = Default::default();
        let mut whole =
            Closed { cutoff: night.cutoff, days: night.horizon.get(), n: 0, expected: 0.0, observed: 0 };
        for tally in month.iter_mut() {
            tally.n_lists += 1;
        }
        for place in &night.places {
            let asset = place.asset as usize;
            if let Some(r) = ranked.get_mut(asset) {
                *r = true;
            }
            let mut acted = false;
            let mut became: Option<Became> = None;
            for (k, ranker) in Ranker::ALL.into_iter().enumerate() {
                if !ranker.lists(place, n_listed) {
                    continue;
                }
                lists[k].insert(place.asset);
                let b = became.get_or_insert_with(|| judge.became(night, &outcomes, asset));
                match b.fate {
                    Fate::Hit => month[k].n_hits += 1,
                    Fate::FalseAlarm => month[k].n_false_alarms += 1,
                    Fate::ActedOn => month[k].n_acted_on += 1,
                    Fate::Open => month[k].n_open += 1,
                }
                acted |= ranker == Ranker::Chosen && b.fate == Fate::ActedOn;
            }
            if let Some(b) = became.filter(|_| place.on_list) {
                out.listed.push((night.cutoff, *place, b));
            }
            // What was acted on says nothing of what would have come; nor does what left.
            let failed = match (asset < n_known).then(|| outcomes.of(asset)) {
                Some(Outcome::Failed) => 1.0,
                Some(Outcome::Survived) => 0.0,
                Some(Outcome::Censored) | None => continue,
            };
            if !closed || acted {
                continue;
            }
            for (k, ranker) in Ranker::ALL.into_iter().enumerate() {
                let p = ranker.probability(place);
                let tally = &mut month[k];
                tally.n_judged += 1;
                tally.expected += p;
                tally.observed += u64::from(failed > 0.5);
                tally.squares += (p - failed).powi(2);
            }
            whole.n += 1;
            whole.expected += place.probability;
            whole.observed += u64::from(failed > 0.5);
        }
        if closed {
            out.closed.push(whole);
        }
        on.push(lists);
    }
    debug_assert!(nights.windows(2).all(|w| w[0].cutoff < w[1].cutoff), "nights come in their order");
    debug_assert!(nights.iter().flat_map(|n| &n.places).all(|p| !names.of(p.asset).is_empty()));
    let longest = nights.iter().map(|n| n.horizon.get()).max().unwrap_or(0);
    for &(at, asset) in judge.failures.iter().filter(|f| ranked[f.1 as usize]) {
        // The lists that could have named it.
        let until = nights.partition_point(|n| n.cutoff.plus_days(MIN_LEAD_DAYS).micros() <= at);
        let covering: Vec<usize> = (0..until)
            .rev()
            .take_while(|&i| nights[i].cutoff.plus_days(longest).micros() > at)
            .filter(|&i| nights[i].cutoff.plus_days(nights[i].horizon.get()).micros() > at)
            .collect();
        if covering.is_empty() {
            continue;
        }
        let month = out.months.entry(month_of(day_number(at))).or_default();
        for (k, tally) in month.iter_mut().enumerate() {
            // They run from the latest to the first.
            let first = covering.iter().rev().find(|&&i| on[i][k].contains(&asset));
            let own = tally.failures.entry(asset).or_default();
            *own = (own.0 + 1, own.1 + u64::from(first.is_some()));
            tally.leads.extend(first.map(|&i| (at - nights[i].cutoff.micros()) as f64 / DAY as f64));
        }
    }
    Ok(out)
}
