//! What an asset shows day by day, each signal against its own usual level: the input of a hidden condition. It does not
//! know what a condition is or how one is learned; whoever does implements [`Condition`].

use std::collections::BTreeMap;

use forewarn_frames::History;
use forewarn_frames::time::{DAY, Micros, day_number, weekday};

use crate::catalog::{Catalog, MetricPlan};
use crate::cohort::observed_since;
use crate::evidence::{Levels, Own, Sums, held, own_past, shrunk_rate, without_failures};
use crate::shared::UsualTickets;
use crate::tickets::is_repair;

/// Days over which tickets say what is usual.
const TICKET_DAYS: i32 = 365;
/// An asset's own past of tickets ends so many days ago.
const RECENT: i32 = 30;
/// Fewer tickets than this say nothing of weekdays.
const MIN_WEEK_TICKETS: f64 = 200.0;
/// The least share of a usual day that a day without business counts as.
const LEAST_EXPOSURE: f64 = 0.05;

/// How a channel of a [`Sequence`] is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// A number of things that happened, against its usual number a day.
    Count,
    /// Standard deviations from the usual level.
    Level,
}

/// The days of one asset before a cutoff, oldest first: `values` and `exposure` are days × channels, in the order of
/// [`Catalog::channels`].
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Sequence {
    /// Counts or levels; NaN where a day shows nothing.
    pub values: Vec<f32>,
    /// How many usual days a count stands for.
    pub exposure: Vec<f32>,
    /// The usual count a day of each channel; 1 for levels.
    pub usual: Vec<f64>,
    /// Whether a visit or repair ended the day.
    pub repaired: Vec<bool>,
    /// Whether the first day follows a failure.
    pub restarted: bool,
}

/// Judges what a sequence says together. The caller brings it: what it learned is no concern of the features.
pub trait Condition: Sync {
    /// The log odds that the asset is worn or critical, that it is critical, and that it fails within 30 days; NaN where
    /// nothing can be said. `class` is the asset's kind.
    fn judge(&self, class: Option<&str>, days: &Sequence) -> [f64; 3];
}

/// The signals of assets before one cutoff.
#[derive(Debug)]
pub struct Signals<'a> {
    history: History<'a>,
    catalog: &'a Catalog,
    /// The first record of any asset of the fleet.
    first: Option<Micros>,
    metrics: Vec<Levels>,
    tickets: Vec<Levels>,
    /// How busy each weekday is, Monday first; 1 on average.
    weekday: [f64; 7],
}

impl UsualTickets {
    /// From the tickets of the year before the cutoff.
    pub(crate) fn of(history: &History<'_>, catalog: &Catalog, population: &[usize]) -> Self {
        let mut week = [0.0; 7];
        let until = history.cutoff().day();
        for &a in population {
            for t in history.tickets(a) {
                let day = day_number(t.opened_at());
                if day >= until - TICKET_DAYS {
                    week[weekday(day)] += 1.0;
                }
            }
        }
        let total: f64 = week.iter().sum();
        let weekday = if total < MIN_WEEK_TICKETS {
            [1.0; 7]
        } else {
            week.map(|n| (n * 7.0 / total).max(LEAST_EXPOSURE))
        };
        let none = Self { levels: Vec::new(), weekday };
        let signals = Signals::given(history, catalog, history.first_record(), Vec::new(), &none);
        let sums = |word: &str| {
            let own = |a: usize| signals.ticket_sums(a, word, until - TICKET_DAYS, until);
            Levels::of(history, population, &own)
        };
        Self { levels: catalog.ticket_categories.iter().map(|word| sums(word)).collect(), weekday }
    }
}

impl<'a> Signals<'a> {
    /// Reads what is usual among peers from the history.
    #[must_use]
    pub fn of(history: &History<'a>, catalog: &'a Catalog) -> Self {
        let population = history.population();
        let metrics = catalog.metrics.iter().map(|m| Levels::of_metric(history, m, &population)).collect();
        let tickets = UsualTickets::of(history, catalog, &population);
        Self::given(history, catalog, history.first_record(), metrics, &tickets)
    }

    /// The same where what is usual among peers is known already.
    pub(crate) fn given(
        history: &History<'a>,
        catalog: &'a Catalog,
        first: Option<Micros>,
        metrics: Vec<Levels>,
        usual: &UsualTickets,
    ) -> Self {
        let tickets = usual.levels.clone();
        Self { history: *history, catalog, first, metrics, tickets, weekday: usual.weekday }
    }

    /// The kind of an asset, which is its class, unless the catalog leaves kinds out.
    #[must_use]
    pub fn class(&self, asset: usize) -> Option<&'a str> {
        let kind = self.history.asset(asset).kind.filter(|_| self.catalog.reads("kind"));
        kind.map(|c| self.history.word(c))
    }

    fn failure_days(&self, asset: usize) -> Vec<i32> {
        self.history.failures(asset).map(|f| day_number(f.at)).collect()
    }

    /// Days on which tickets of a category were opened that are no failures.
    fn ticket_days(&self, asset: usize, word: &str) -> Vec<i32> {
        let failures: Vec<_> = self.history.failures(asset).map(|f| f.at).collect();
        self.history
            .tickets(asset)
            .filter(|t| t.category().is_some_and(|c| self.history.word(c) == word))
            .filter(|t| failures.binary_search(&t.opened_at()).is_err())
            .map(|t| day_number(t.opened_at()))
            .collect()
    }

    fn first_day(&self, asset: usize) -> i32 {
        observed_since(&self.history, asset, self.first).map_or(i32::MAX, |t| day_number(t + DAY - 1))
    }

    /// Tickets of a category on the days `[from, to)` of observation.
    fn ticket_sums(&self, asset: usize, word: &str, from: i32, to: i32) -> Sums {
        let from = from.max(self.first_day(asset));
        if from >= to {
            return Sums::default();
        }
        let n = self.ticket_days(asset, word).into_iter().filter(|d| (from..to).contains(d)).count();
        Sums::of_count(n as f64, f64::from(to - from))
    }

    /// The days before `until` (excluded, at most the cutoff), back to the last failure before it, to when the asset was
    /// first observed, or to `most` days.
    #[must_use]
    pub fn before(&self, asset: usize, until: i32, most: i32) -> Sequence {
        let until = until.min(self.history.cutoff().day());
        let failures = self.failure_days(asset);
        let last = failures.iter().rev().find(|d| **d < until).copied();
        let first = self.first_day(asset).max(until.saturating_sub(most));
        let restarted = last.is_some_and(|d| d + 1 >= first);
        let first = last.map_or(first, |d| first.max(d + 1)).min(until);
        let (n_days, n) = ((until - first) as usize, self.catalog.channels().len());
        let mut out = Sequence {
            values: vec![f32::NAN; n_days * n],
            exposure: vec![1.0; n_days * n],
            usual: vec![1.0; n],
            repaired: vec![false; n_days],
            restarted,
        };
        for e in self.history.events(asset).filter(|e| is_repair(&self.history, e)) {
            let day = day_number(e.at);
            if (first..until).contains(&day) {
                out.repaired[(day - first) as usize] = true;
            }
        }
        for (c, (plan, levels)) in self.catalog.metrics.iter().zip(&self.metrics).enumerate() {
            self.fill_metric(&mut out, asset, (plan, levels), (c, n), (first, until), &failures);
        }
        for (k, (word, levels)) in self.catalog.ticket_categories.iter().zip(&self.tickets).enumerate() {
            let c = self.catalog.metrics.len() + k;
            let Some(peers) = levels.near(&self.history.asset(asset)) else { continue };
            let today = self.history.cutoff().day() - 1;
            let mut past = Sums::default();
            for (from, to) in without_failures(today - TICKET_DAYS, today - RECENT, &failures) {
                past.join(&self.ticket_sums(asset, word, from + 1, to + 1));
            }
            out.usual[c] = shrunk_rate(&past, peers);
            let mut counts: BTreeMap<i32, f32> = BTreeMap::new();
            for day in self.ticket_days(asset, word) {
                *counts.entry(day).or_insert(0.0) += 1.0;
            }
            for day in first..until {
                let at = (day - first) as usize * n + c;
                out.values[at] = counts.get(&day).copied().unwrap_or(0.0);
                out.exposure[at] = self.weekday[weekday(day)] as f32;
            }
        }
        out
    }

    fn fill_metric(
        &self,
        out: &mut Sequence,
        asset: usize,
        (plan, levels): (&MetricPlan, &Levels),
        (c, n): (usize, usize),
        (first, until): (i32, i32),
        failures: &[i32],
    ) {
        let series = self.history.series(asset, plan.metric);
        let Some(peers) = levels.near(&self.history.asset(asset)) else { return };
        if series.is_empty() {
            return;
        }
        let today = self.history.cutoff().day() - 1;
        let Own { usual, sd } = own_past(&series, plan, today, failures, peers);
        let mut set = |day: i32, value: f64, exposure: f64| {
            let at = (day - first) as usize * n + c;
            out.values[at] = value as f32;
            out.exposure[at] = exposure as f32;
        };
        if plan.steps {
            out.usual[c] = usual;
            let (day, sum) = (series.day(), series.cum_increase());
            if series.on_change() {
                // Nothing is written where nothing changes.
                for d in first.max(day[0] + 1)..until {
                    set(d, 0.0, 1.0);
                }
            }
            for i in day.partition_point(|d| *d < first).max(1)..day.partition_point(|d| *d < until) {
                let rise = sum[i] - sum[i - 1];
                // After a gap it is not known whether the asset ran and counted meanwhile: the more usual of the two.
                let gap = f64::from(day[i] - day[i - 1]);
                let days = if series.on_change() { 1.0 } else { (rise / usual).clamp(1.0, gap.max(1.0)) };
                set(day[i], rise, days.round());
            }
        } else if sd > 0.0 {
            let mut day = first;
            if series.on_change() {
                held(&series, first - 1, until - 1, |v, days| {
                    // The days before the first row show nothing, and come first.
                    let from = day.max(series.day()[0]);
                    for d in from..(from + days).min(until) {
                        set(d, (plan.level(v) - usual) / sd, 1.0);
                    }
                    day = from + days;
                });
            } else {
                for (&day, &mean) in series.day().iter().zip(series.mean()) {
                    if (first..until).contains(&day) {
                        set(day, (plan.level(mean) - usual) / sd, 1.0);
                    }
                }
            }
        }
    }
}
