//! What is known of groups of assets at a cutoff: failure rates by cohort, and ranks among peers. It does not know what
//! the rates are used for.

use std::collections::HashMap;

use forewarn_frames::time::{DAY, Micros};
use forewarn_frames::{Code, History};

use crate::catalog::{Catalog, Dimension, RATE_DAYS};
use crate::metric::change;

/// How many assets of fleet-wide behaviour a cohort's rate is shrunk by.
const SHRINK: f64 = 20.0;
/// Fewer peers than this are no peers.
pub(crate) const MIN_PEERS: usize = 20;

/// Failures that an own rate's prior weighs, and that a cohort's rate weighs against the fleet's (a gamma shape; 0.5 is
/// Jeffreys').
const PRIOR_FAILURES: f64 = 0.5;

/// Failures and asset-days, each halved every so many days.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Decayed {
    failures: f64,
    days: f64,
}

impl Decayed {
    fn add(&mut self, other: Self) {
        self.failures += other.failures;
        self.days += other.days;
    }

    /// Failures a day, shrunk to a prior rate (the mean of a gamma–Poisson posterior).
    fn rate(self, prior: f64) -> f64 {
        if prior > 0.0 {
            (self.failures + PRIOR_FAILURES) / (self.days + PRIOR_FAILURES / prior)
        } else {
            0.0
        }
    }
}

/// One for each of [`RATE_DAYS`].
type Rates = [f64; RATE_DAYS.len()];

/// What an asset adds to rates at `at`: it was at risk from `since` until `until` and failed at `failures`.
fn decayed(failures: &[Micros], (since, until): (Micros, Micros), at: Micros) -> [Decayed; RATE_DAYS.len()] {
    let ago = |t: Micros| (at - t).max(0) as f64 / DAY as f64;
    RATE_DAYS.map(|half_life| {
        let h = f64::from(half_life);
        let left = |t: Micros| (-ago(t) / h).exp2();
        Decayed {
            failures: failures.iter().map(|t| left(*t)).sum(),
            days: h / std::f64::consts::LN_2 * (left(until) - left(since)).max(0.0),
        }
    })
}

/// How often each cohort and the fleet fail, as seen at one cutoff.
#[derive(Debug)]
pub(crate) struct CohortRates {
    /// The fleet's failures per asset-day.
    pub(crate) fleet: Rates,
    /// One map a dimension: a cohort's share of assets that failed in a year, and its failures per asset-day.
    pub(crate) by: Vec<HashMap<Code, (f64, Rates)>>,
    /// The dimension whose cohort an asset's own rate is shrunk to: the first in this order that it belongs to.
    pub(crate) closest: Vec<usize>,
}

/// Since when an asset has been observed. Records may be older than the inventory's date, which says since when it is
/// exposed; one that ran before the records began is observed from their first, `start`.
pub(crate) fn observed_since(history: &History<'_>, asset: usize, start: Option<Micros>) -> Option<Micros> {
    let a = history.asset(asset);
    if a.ran_before { start } else { a.in_service_at.or(a.first_record_at) }
}

/// Dimensions by how much they say of what an asset is.
const CLOSEST: [Dimension; 6] = [
    Dimension::Model,
    Dimension::Group,
    Dimension::Service,
    Dimension::Kind,
    Dimension::Vendor,
    Dimension::Site,
];

impl CohortRates {
    pub(crate) fn of(
        history: &History<'_>,
        catalog: &Catalog,
        dims: &[Vec<Option<Code>>],
        in_population: &[bool],
    ) -> Self {
        let at = history.cutoff().micros();
        let start = history.first_record();
        let year = at - 365 * DAY;
        let mut fleet = Cohort::default();
        let mut by: Vec<HashMap<Code, Cohort>> = vec![HashMap::new(); catalog.categories.len()];
        for a in 0..history.n_assets() {
            let times: Vec<Micros> = history.failures(a).map(|f| f.at).collect();
            let failed = times.last().is_some_and(|t| *t >= year);
            // An asset that left long ago says nothing of the windows; one that failed in them does.
            if !in_population[a] && !failed && history.retired_at(a).is_none_or(|t| t < year) {
                continue;
            }
            let until = if in_population[a] {
                at
            } else {
                history.retired_at(a).or(times.last().copied()).unwrap_or(at)
            };
            let since = observed_since(history, a, start).unwrap_or(until);
            let own = decayed(&times, (since, until), at);
            fleet.add(failed, &own);
            for (map, codes) in by.iter_mut().zip(dims) {
                if let Some(c) = codes[a] {
                    map.entry(c).or_default().add(failed, &own);
                }
            }
        }
        let share = fleet.share(0.0);
        let rates: Rates = std::array::from_fn(|i| {
            let d = fleet.decayed[i];
            if d.days > 0.0 { d.failures / d.days } else { 0.0 }
        });
        let by = by
            .into_iter()
            .map(|map| {
                map.into_iter()
                    .map(|(c, g)| (c, (g.share(share), std::array::from_fn(|i| g.decayed[i].rate(rates[i])))))
                    .collect()
            })
            .collect();
        Self { fleet: rates, by, closest: Self::closest(catalog) }
    }

    /// The dimensions of the catalog that an own rate is shrunk to, the closest first.
    pub(crate) fn closest(catalog: &Catalog) -> Vec<usize> {
        let place = |d: &Dimension| catalog.categories.iter().position(|c| c.dimension == *d);
        CLOSEST.iter().filter_map(place).collect()
    }

    /// The share of the asset's cohort that failed in a year, and its rates over the fleet's; NaN without a cohort.
    pub(crate) fn push(&self, out: &mut Vec<f64>, dimension: usize, code: Option<Code>) {
        let found = code.and_then(|c| self.by[dimension].get(&c));
        out.push(found.map_or(f64::NAN, |f| f.0));
        out.extend((0..RATE_DAYS.len()).map(|i| found.map_or(f64::NAN, |f| over(f.1[i], self.fleet[i]))));
    }

    /// The asset's own failures a year, shrunk to its cohort's, and the same over the fleet's, for each half-life.
    pub(crate) fn push_own(
        &self,
        out: &mut Vec<f64>,
        failures: &[Micros],
        since: Option<Micros>,
        at: Micros,
        code: impl Fn(usize) -> Option<Code>,
    ) {
        let own = decayed(failures, (since.unwrap_or(at), at), at);
        let cohort = self.closest.iter().find_map(|&d| code(d).and_then(|c| self.by[d].get(&c)));
        let usual = cohort.map_or(self.fleet, |c| c.1);
        for ((own, usual), fleet) in own.iter().zip(usual).zip(self.fleet) {
            let rate = own.rate(usual);
            out.push(rate * 365.25);
            out.push(over(rate, fleet));
        }
    }
}

/// A rate over the fleet's; 1 where neither is known.
fn over(rate: f64, fleet: f64) -> f64 {
    if fleet > 0.0 { rate / fleet } else { 1.0 }
}

/// What is counted of a cohort.
#[derive(Debug, Clone, Copy, Default)]
struct Cohort {
    n: f64,
    failed: f64,
    decayed: [Decayed; RATE_DAYS.len()],
}

impl Cohort {
    fn add(&mut self, failed: bool, own: &[Decayed; RATE_DAYS.len()]) {
        self.n += 1.0;
        self.failed += f64::from(u8::from(failed));
        self.decayed.iter_mut().zip(own).for_each(|(sum, d)| sum.add(*d));
    }

    /// The share that failed, shrunk to the fleet's.
    fn share(&self, fleet: f64) -> f64 {
        if self.n > 0.0 { (self.failed + SHRINK * fleet) / (self.n + SHRINK) } else { fleet }
    }
}

/// For each asset of the population the share of its peers with a lower value (ties count half): peers are of the same
/// model where there are enough, else of the same kind, else the fleet. NaN where the value is missing.
pub(crate) fn ranks(
    values: &[(usize, f64)],
    model: &dyn Fn(usize) -> Option<Code>,
    kind: &dyn Fn(usize) -> Option<Code>,
    n_assets: usize,
) -> Vec<f64> {
    let mut out = vec![f64::NAN; n_assets];
    let mut sorted: Vec<(usize, f64)> = values.iter().copied().filter(|v| !v.1.is_nan()).collect();
    sorted.sort_by(|a, b| a.1.total_cmp(&b.1).then(a.0.cmp(&b.0)));
    // Within a sorted list, members of a group come sorted too.
    let mut fill = |group_of: &dyn Fn(usize) -> Option<Code>, all: bool| {
        let mut groups: HashMap<Option<Code>, Vec<(usize, f64)>> = HashMap::new();
        for &(a, v) in &sorted {
            let g = group_of(a);
            if all || g.is_some() {
                groups.entry(g).or_default().push((a, v));
            }
        }
        // Groups do not share assets, so their order does not matter.
        for members in groups.into_values() {
            if !all && members.len() < MIN_PEERS {
                continue;
            }
            let n = members.len() as f64;
            let mut i = 0;
            while i < members.len() {
                let mut j = i;
                while j < members.len() && members[j].1 == members[i].1 {
                    j += 1;
                }
                let rank = (i as f64 + (j - i) as f64 / 2.0) / n;
                for m in &members[i..j] {
                    out[m.0] = rank;
                }
                i = j;
            }
        }
    };
    // From the widest circle of peers to the closest: the last one that is large enough stays.
    fill(&|_| None, true);
    fill(kind, false);
    fill(model, false);
    out
}

/// Assets with a value of each.
type ByPlace = Vec<(usize, f64)>;

/// The last value and the 30-day change of a metric over the population.
pub(crate) fn current(history: &History<'_>, metric: usize, population: &[usize]) -> (ByPlace, ByPlace) {
    let today = history.cutoff().day() - 1;
    let mut last = Vec::with_capacity(population.len());
    let mut moved = Vec::with_capacity(population.len());
    for &a in population {
        let s = history.series(a, metric);
        last.push((a, s.last().last().copied().unwrap_or(f64::NAN)));
        moved.push((a, change(&s, today, 30)));
    }
    (last, moved)
}

/// The code of every asset in every dimension.
pub(crate) fn dimensions(history: &History<'_>, catalog: &Catalog) -> Vec<Vec<Option<Code>>> {
    catalog
        .categories
        .iter()
        .map(|c| (0..history.n_assets()).map(|a| c.dimension.of(history, a)).collect())
        .collect()
}
