//! What is known of groups of assets at a cutoff: failure rates by cohort, and ranks among peers. It does not know what
//! the rates are used for.

use std::collections::HashMap;

use forewarn_frames::time::{DAY, Micros};
use forewarn_frames::{Code, History};

use crate::catalog::{COHORT_WINDOWS, Catalog};
use crate::metric::change;

/// How many assets of fleet-wide behaviour a cohort's rate is shrunk by.
const SHRINK: f64 = 20.0;
/// Fewer peers than this are no peers.
pub(crate) const MIN_PEERS: usize = 20;

/// Failure shares of each cohort and of the fleet at one cutoff.
pub(crate) struct CohortRates {
    pub fleet: [f64; 3],
    /// One map a dimension: code to the shares in the cohort windows.
    by: Vec<HashMap<Code, [f64; 3]>>,
    /// Failures per asset-day so far.
    pub rate: f64,
}

/// Since when an asset has been observed. Records may be older than the inventory's date, which says since when it is
/// exposed; one that ran before the records began is observed from their first, `start`.
pub(crate) fn observed_since(history: &History<'_>, asset: usize, start: Option<Micros>) -> Option<Micros> {
    let a = history.asset(asset);
    if a.ran_before { start } else { a.in_service_at.or(a.first_record_at) }
}

impl CohortRates {
    pub(crate) fn of(
        history: &History<'_>,
        catalog: &Catalog,
        dims: &[Vec<Option<Code>>],
        in_population: &[bool],
    ) -> Self {
        let at = history.cutoff().micros();
        let n = history.n_assets();
        let start = history.first_record();
        let year = at - 365 * DAY;
        let mut fleet = ([0.0; 3], 0.0);
        let mut by: Vec<HashMap<Code, ([f64; 3], f64)>> = vec![HashMap::new(); catalog.categories.len()];
        let (mut n_failures, mut exposure) = (0.0, 0.0);
        for a in 0..n {
            let mut failed = [false; 3];
            let mut last = None;
            for f in history.failures(a).rev() {
                last = last.or(Some(f.at));
                n_failures += 1.0;
                for (w, hit) in COHORT_WINDOWS.iter().zip(&mut failed) {
                    *hit |= f.at >= at - Micros::from(*w) * DAY;
                }
            }
            // An asset that left long ago says nothing of the windows; one that failed in them does.
            if !in_population[a] && !failed[2] && history.retired_at(a).is_none_or(|t| t < year) {
                continue;
            }
            if let Some(since) = observed_since(history, a, start) {
                let until = if in_population[a] { at } else { history.retired_at(a).or(last).unwrap_or(at) };
                exposure += ((until - since) as f64 / DAY as f64).max(0.0);
            }
            let add = |cell: &mut ([f64; 3], f64)| {
                cell.1 += 1.0;
                for (sum, hit) in cell.0.iter_mut().zip(failed) {
                    *sum += f64::from(u8::from(hit));
                }
            };
            add(&mut fleet);
            for (map, codes) in by.iter_mut().zip(dims) {
                if let Some(c) = codes[a] {
                    add(map.entry(c).or_default());
                }
            }
        }
        let fleet = fleet.0.map(|s| if fleet.1 > 0.0 { s / fleet.1 } else { 0.0 });
        let by = by
            .into_iter()
            .map(|map| {
                map.into_iter()
                    .map(|(c, (sums, n))| {
                        (c, std::array::from_fn(|i| (sums[i] + SHRINK * fleet[i]) / (n + SHRINK)))
                    })
                    .collect()
            })
            .collect();
        Self { fleet, by, rate: if exposure > 0.0 { n_failures / exposure } else { 0.0 } }
    }

    pub(crate) fn share(&self, dimension: usize, code: Option<Code>) -> [f64; 3] {
        code.and_then(|c| self.by[dimension].get(&c)).copied().unwrap_or([f64::NAN; 3])
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
