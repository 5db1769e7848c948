//! What the features of one asset need of all others at a cutoff: cohort rates, ranks among peers, what is usual among them.
//! It does not know which assets are asked for.

use forewarn_frames::time::Micros;
use forewarn_frames::{Code, History};
use rayon::prelude::*;

use crate::catalog::Catalog;
use crate::cohort::{CohortRates, current, dimensions, ranks};
use crate::evidence::Levels;
use crate::signals::Signals;

/// For each asset its rank among peers by a metric's last value and by its change, and what is usual among them.
pub(crate) type AmongPeers = (Vec<f64>, Vec<f64>, Levels);

/// What is usual of tickets: by category among peers, and by weekday.
#[derive(Debug)]
pub(crate) struct UsualTickets {
    pub(crate) levels: Vec<Levels>,
    /// How busy each weekday is, Monday first; 1 on average.
    pub(crate) weekday: [f64; 7],
}

/// What is taken over all assets at one cutoff. The features of an asset follow from it and from the asset's own records
/// ([`Shared::rows`]), so that assets may be split among machines: [`Shared::to_words`] is the form that crosses.
#[derive(Debug)]
pub struct Shared {
    /// The first record of any asset.
    pub(crate) first: Option<Micros>,
    pub(crate) rates: CohortRates,
    /// One entry a metric of the catalog.
    pub(crate) among_peers: Vec<AmongPeers>,
    /// Where the catalog has a condition.
    pub(crate) tickets: Option<UsualTickets>,
}

impl Shared {
    /// From the history of all assets.
    #[must_use]
    pub fn of(history: &History<'_>, catalog: &Catalog) -> Self {
        let population = history.population();
        let mut in_population = vec![false; history.n_assets()];
        for &a in &population {
            in_population[a] = true;
        }
        let dims = dimensions(history, catalog);
        let rates = CohortRates::of(history, catalog, &dims, &in_population);
        let model = |a: usize| -> Option<Code> { history.asset(a).model };
        let kind = |a: usize| -> Option<Code> { history.asset(a).kind };
        let among_peers: Vec<AmongPeers> = catalog
            .metrics
            .par_iter()
            .map(|plan| {
                let (last, moved) = current(history, plan.metric, &population);
                (
                    ranks(&last, &model, &kind, history.n_assets()),
                    ranks(&moved, &model, &kind, history.n_assets()),
                    Levels::of_metric(history, plan, &population),
                )
            })
            .collect();
        let tickets = catalog.has_condition.then(|| UsualTickets::of(history, catalog, &population));
        Self { first: history.first_record(), rates, among_peers, tickets }
    }

    /// The signals of assets of a history, where the catalog has a condition.
    pub(crate) fn signals<'a>(&self, history: &History<'a>, catalog: &'a Catalog) -> Option<Signals<'a>> {
        let tickets = self.tickets.as_ref()?;
        let metrics = self.among_peers.iter().map(|p| p.2.clone()).collect();
        Some(Signals::given(history, catalog, self.first, metrics, tickets))
    }
}
