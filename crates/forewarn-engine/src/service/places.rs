//! Which services and sites have a series of their own. It does not know what is measured.

use std::collections::{BTreeMap, BTreeSet};

use super::assets::Assets;
use super::months::Months;
use super::work::{Ticket, What};
use crate::incidents::NONE;

/// The name of the small ones together.
const OTHER: &str = "(other)";
/// Incidents and failures in the months shown that a service or site needs for a series of its own.
const LEAST: usize = 20;
/// Services, and sites, with a series of their own, at most: those with the most incidents and failures.
const MOST: usize = 50;

/// One of the columns that series are made by.
#[derive(Debug, Default)]
struct Level<'a> {
    own: BTreeMap<&'a str, usize>,
    other: Option<usize>,
    none: Option<usize>,
}

impl Level<'_> {
    fn of(&self, value: Option<&str>) -> Option<usize> {
        match value {
            None | Some(NONE) => self.none,
            Some(v) => self.own.get(v).copied().or(self.other),
        }
    }
}

/// See the module.
#[derive(Debug)]
pub(super) struct Places<'a> {
    /// Level and name of each series; the first is the total.
    pub(super) names: Vec<(&'static str, String)>,
    levels: [Level<'a>; 2],
}

impl<'a> Places<'a> {
    /// From the incidents and failures in the months shown. A level of which all would be in one series is left out: that
    /// is the total.
    pub(super) fn of(tickets: &[Ticket<'a>], assets: &Assets<'a>, months: &Months) -> Self {
        let mut names = vec![("total", "total".to_owned())];
        let incidents =
            tickets.iter().filter(|t| t.what == What::Incident && months.index(t.opened).is_some());
        let places = incidents
            .map(|t| assets.place(t))
            .chain(assets.failures(months).map(|a| (assets.service[a], assets.site[a])));
        let mut counts: [BTreeMap<Option<&str>, usize>; 2] = Default::default();
        for (service, site) in places {
            *counts[0].entry(service).or_default() += 1;
            *counts[1].entry(site).or_default() += 1;
        }
        let in_use = |values: &[Option<&'a str>]| values.iter().copied().collect::<BTreeSet<_>>();
        let used = [in_use(&assets.service), in_use(&assets.site)];
        let levels = [0, 1].map(|i| {
            let level = ["service", "site"][i];
            let mut large: Vec<(&str, usize)> = counts[i]
                .iter()
                .filter_map(|(v, n)| Some(((*v)?, *n)))
                .filter(|(v, n)| *n >= LEAST && ![OTHER, NONE].contains(v))
                .collect();
            large.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
            large.truncate(MOST);
            let large: BTreeSet<&str> = large.into_iter().map(|l| l.0).collect();
            let values: BTreeSet<Option<&str>> =
                counts[i].keys().copied().chain(used[i].iter().copied()).collect();
            let small = values.iter().flatten().any(|v| !large.contains(v) && *v != NONE);
            let without = values.iter().any(|v| v.is_none_or(|v| v == NONE));
            if large.is_empty() || large.len() + usize::from(small) + usize::from(without) < 2 {
                return Level::default();
            }
            let mut add = |name: &str| {
                names.push((level, name.to_owned()));
                names.len() - 1
            };
            Level {
                own: large.into_iter().map(|v| (v, add(v))).collect(),
                other: small.then(|| add(OTHER)),
                none: without.then(|| add(NONE)),
            }
        });
        Self { names, levels }
    }

    /// The series that something of a service at a site belongs to.
    pub(super) fn series(
        &self,
        (service, site): (Option<&str>, Option<&str>),
    ) -> impl Iterator<Item = usize> {
        [Some(0), self.levels[0].of(service), self.levels[1].of(site)].into_iter().flatten()
    }
}
