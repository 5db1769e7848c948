//! How many incidents each asset and category will have: the units, their decayed records, and the count model fitted to
//! earlier windows. It does not know tables.

use std::collections::BTreeMap;

use forewarn_frames::{Code, Cutoff, Every, Frames, History};
use forewarn_models::{CountDistribution, CountModel, Record, cohort_rate};
use rayon::prelude::*;

use crate::EngineError;
use crate::incidents::{ALL, Incidents};
use crate::sample::draw;

/// Half-lives of records, in days: of a unit's own one of the last three, of its cohort's one of the first three.
const HALF_LIVES: [f64; 4] = [30.0, 90.0, 365.0, 36_500.0];
const OWN: [usize; 3] = [1, 2, 3];
const COHORT: [usize; 3] = [0, 1, 2];
/// Where nothing can be learned.
const USUAL: (usize, usize) = (2, 2);
/// Earlier windows that are learned from.
const WINDOWS: usize = 12;
/// Every so many windows back, a window weighs half.
const WINDOW_HALF_LIFE: f64 = 6.0;
/// Rows of a fit with and without an incident, about.
const ROWS: (f64, f64) = (4_000.0, 6_000.0);
/// Fewer rows teach nothing.
const MIN_ROWS: usize = 30;

/// One asset and category, or an asset with all its incidents.
#[derive(Debug)]
pub(crate) struct Unit<'a> {
    pub asset: usize,
    pub category: &'a str,
    pub since: f64,
    until: f64,
    /// From when it is looked at: the first incident of the category; an asset from when it is known.
    from: f64,
    /// Times of incidents after `since`.
    pub events: Vec<f64>,
    cohort: usize,
}

/// Units that are judged by one model: assets, or assets and categories.
#[derive(Debug)]
pub(crate) struct Family<'a> {
    pub units: Vec<Unit<'a>>,
    n_cohorts: usize,
}

/// The model of one family and horizon, with the half-lives it goes by.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Expecting {
    own: usize,
    cohort: usize,
    pub model: CountModel,
}

/// The closest group of assets that are alike: the model, else who handles its tickets, its service, its kind.
fn likeness(history: &History<'_>, asset: usize) -> Option<(u8, Code)> {
    let a = history.asset(asset);
    let last = |of: &dyn Fn(&forewarn_frames::TicketView<'_>) -> Option<Code>| {
        history.tickets(asset).rev().find_map(|t| of(&t))
    };
    None.or_else(|| a.model.map(|c| (0, c)))
        .or_else(|| last(&|t| t.group()).map(|c| (1, c)))
        .or_else(|| last(&|t| t.service()).map(|c| (2, c)))
        .or_else(|| a.kind.map(|c| (3, c)))
}

/// The two families: assets, and assets by category.
pub(crate) fn families<'a>(history: &History<'a>, seen: &Incidents<'a>) -> [Family<'a>; 2] {
    let mut cohorts: [BTreeMap<(u8, &str, &str), usize>; 2] = [BTreeMap::new(), BTreeMap::new()];
    let mut code = |family: usize, like: Option<(u8, Code)>, category: &'a str| {
        let (level, word) = like.map_or((9, ""), |(level, c)| (level, history.word(c)));
        let next = cohorts[family].len();
        *cohorts[family].entry((level, word, category)).or_insert(next)
    };
    let (mut whole, mut parts) = (Vec::new(), Vec::new());
    for (asset, w) in seen.assets.iter().enumerate().filter(|(_, w)| w.since < seen.at) {
        let like = likeness(history, asset);
        let of = |category: &str| -> Vec<f64> {
            let mine =
                w.incidents.iter().filter(|i| i.at > w.since && (category == ALL || i.category == category));
            mine.map(|i| i.at).collect()
        };
        let mut first: BTreeMap<&str, f64> = BTreeMap::new();
        for i in &w.incidents {
            first.entry(i.category).or_insert(i.at);
        }
        let unit = |category, from, cohort| Unit {
            asset,
            category,
            since: w.since,
            until: w.until,
            from,
            events: of(category),
            cohort,
        };
        whole.push(unit(ALL, w.since, code(0, like, ALL)));
        for (category, from) in first {
            parts.push(unit(category, from, code(1, like, category)));
        }
    }
    [
        Family { units: whole, n_cohorts: cohorts[0].len() },
        Family { units: parts, n_cohorts: cohorts[1].len() },
    ]
}

/// Events and days, each halved every so many days.
type Decayed = (f64, f64);

impl Unit<'_> {
    /// Its record as of `at` for each half-life.
    fn decayed(&self, at: f64) -> [Decayed; HALF_LIVES.len()] {
        let known = &self.events[..self.events.partition_point(|t| *t < at)];
        HALF_LIVES.map(|h| {
            let left = |t: f64| (-(at - t).max(0.0) / h).exp2();
            let events = known.iter().map(|t| left(*t)).sum();
            let days = (left(self.until.min(at)) - left(self.since)).max(0.0);
            (events, h / std::f64::consts::LN_2 * days)
        })
    }

    fn looked_at(&self, at: f64) -> bool {
        self.since < at && self.from < at
    }

    /// Whether `to` is before it left service.
    pub(crate) fn in_service_until(&self, to: f64) -> bool {
        self.until >= to
    }
}

/// The records of some units at one cutoff, and the rates of all cohorts.
struct Seen {
    units: Vec<usize>,
    own: Vec<[Decayed; HALF_LIVES.len()]>,
    rates: Vec<[f64; HALF_LIVES.len()]>,
}

impl Family<'_> {
    /// The records at `at` of the units that are looked at then and wanted.
    fn seen(&self, at: f64, wanted: impl Fn(usize) -> bool) -> Result<Seen, EngineError> {
        let mut sums = vec![[(0.0, 0.0); HALF_LIVES.len()]; self.n_cohorts];
        let mut fleet = [(0.0, 0.0); HALF_LIVES.len()];
        let (mut units, mut own) = (Vec::new(), Vec::new());
        for (i, u) in self.units.iter().enumerate().filter(|(_, u)| u.looked_at(at)) {
            let d = u.decayed(at);
            for (k, d) in d.iter().enumerate() {
                for sum in [&mut sums[u.cohort][k], &mut fleet[k]] {
                    sum.0 += d.0;
                    sum.1 += d.1;
                }
            }
            if wanted(i) {
                units.push(i);
                own.push(d);
            }
        }
        let mut rates = Vec::with_capacity(sums.len());
        for sum in sums {
            let mut of = [0.0; HALF_LIVES.len()];
            for (k, rate) in of.iter_mut().enumerate() {
                let usual = (fleet[k].0 + 0.5) / fleet[k].1.max(1.0);
                *rate = cohort_rate(sum[k].0, sum[k].1.max(1e-9), usual).map_err(EngineError::model)?.mean();
            }
            rates.push(of);
        }
        Ok(Seen { units, own, rates })
    }

    fn record(&self, seen: &Seen, i: usize, own: usize, cohort: usize) -> Record {
        let (events, days) = seen.own[i][own];
        Record { events, days, cohort_rate: seen.rates[self.units[seen.units[i]].cohort][cohort] }
    }

    fn counted(&self, unit: usize, from: f64, to: f64) -> f64 {
        let e = &self.units[unit].events;
        (e.partition_point(|t| *t < to) - e.partition_point(|t| *t < from)) as f64
    }

    /// Learns from earlier windows, closed by the history's cutoff, what its records say of the next `horizon` days.
    pub(crate) fn learn(
        &self,
        frames: &Frames,
        history: &History<'_>,
        horizon: i32,
        seed: u64,
    ) -> Result<Expecting, EngineError> {
        let h = f64::from(horizon);
        let usual = Expecting { own: USUAL.0, cohort: USUAL.1, model: CountModel::usual(h) };
        let last = history.cutoff().plus_days(-horizon);
        let earliest = self.units.iter().map(|u| u.since).fold(f64::INFINITY, f64::min);
        if !earliest.is_finite() {
            return Ok(usual);
        }
        // On the calendar, so that most windows of one night are those of the night before.
        let every = if horizon < 14 { Every::Weeks(2) } else { Every::Months(1) };
        let mut cutoffs = every.anchored(Cutoff::from_day(earliest as i32 + 15), last);
        cutoffs.drain(..cutoffs.len().saturating_sub(WINDOWS));
        let n = cutoffs.len();
        let mut windows: Vec<(Cutoff, Vec<usize>)> = Vec::with_capacity(n);
        let (mut some, mut none) = (0.0, 0.0);
        for c in cutoffs {
            let at = f64::from(c.day());
            let mut present = vec![false; history.n_assets()];
            frames.as_of(c).population().into_iter().for_each(|a| present[a] = true);
            // A unit that left within the window says nothing whole.
            let whole = |u: &Unit<'_>| u.looked_at(at) && present[u.asset] && u.in_service_until(at + h);
            let rows: Vec<usize> = (0..self.units.len()).filter(|&i| whole(&self.units[i])).collect();
            let busy = rows.iter().filter(|&&i| self.counted(i, at, at + h) > 0.0).count() as f64;
            some += busy;
            none += rows.len() as f64 - busy;
            windows.push((c, rows));
        }
        if ((some + none) as usize) < MIN_ROWS {
            return Ok(usual);
        }
        let keep = [(ROWS.1 / f64::max(none, 1.0)).min(1.0), (ROWS.0 / f64::max(some, 1.0)).min(1.0)];
        let (mut all, mut counts, mut weights) = (Vec::new(), Vec::new(), Vec::new());
        for (k, (c, rows)) in windows.iter().enumerate() {
            let at = f64::from(c.day());
            let age = 0.5_f64.powf((n - 1 - k) as f64 / WINDOW_HALF_LIFE);
            let mut wanted = vec![false; self.units.len()];
            for &i in rows {
                let share = keep[usize::from(self.counted(i, at, at + h) > 0.0)];
                wanted[i] = draw(seed, history.asset_id(self.units[i].asset), *c) < share;
            }
            let seen = self.seen(at, |i| wanted[i])?;
            for &i in &seen.units {
                let y = self.counted(i, at, at + h);
                weights.push(age / keep[usize::from(y > 0.0)]);
                counts.push(y);
            }
            all.push(seen);
        }
        let pairs: Vec<(usize, usize)> = OWN.iter().flat_map(|o| COHORT.map(|c| (*o, c))).collect();
        let fits: Vec<_> = pairs
            .par_iter()
            .map(|&(own, cohort)| {
                let rows = all.iter().flat_map(|s| (0..s.units.len()).map(move |i| (s, i)));
                let records: Vec<Record> = rows.map(|(s, i)| self.record(s, i, own, cohort)).collect();
                let fit = CountModel::fit(&records, &counts, &weights, h).map_err(EngineError::model)?;
                Ok((fit.log_likelihood, Expecting { own, cohort, model: fit.model }))
            })
            .collect::<Result<_, EngineError>>()?;
        let best = fits.into_iter().reduce(|a, b| if b.0 > a.0 { b } else { a });
        Ok(best.map_or(usual, |b| b.1))
    }

    /// What to expect of each unit that is looked at and in the population at the cutoff: its place, and the counts
    /// for each model.
    pub(crate) fn expect(
        &self,
        history: &History<'_>,
        models: &[Expecting],
    ) -> Result<Vec<(usize, Vec<CountDistribution>)>, EngineError> {
        let mut present = vec![false; history.n_assets()];
        history.population().into_iter().for_each(|a| present[a] = true);
        let seen = self.seen(f64::from(history.cutoff().day()), |i| present[self.units[i].asset])?;
        let of = |i: usize| {
            models.iter().map(|m| m.model.predict(&self.record(&seen, i, m.own, m.cohort))).collect()
        };
        Ok(seen.units.iter().enumerate().map(|(i, unit)| (*unit, of(i))).collect())
    }
}
