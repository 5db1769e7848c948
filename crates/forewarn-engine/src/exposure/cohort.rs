//! The assets in service and the cohorts in which they are compared. It does not know what is compared.

use std::collections::BTreeMap;

use forewarn_frames::History;
use forewarn_frames::time::Micros;

use crate::EngineError;
use crate::inventory::Inventory;

/// Assets in service that a cohort needs to say what is usual.
pub(super) const MIN_COHORT: usize = 10;

/// The assets in service, with what they are; columns by the assets' numbers.
#[derive(Debug)]
pub(super) struct Fleet<'a> {
    pub(super) history: &'a History<'a>,
    pub(super) end: Micros,
    /// Those in service.
    pub(super) assets: Vec<usize>,
    pub(super) kind: Vec<Option<&'a str>>,
    pub(super) model: Vec<Option<&'a str>>,
    pub(super) site: Vec<Option<&'a str>>,
    pub(super) service: Vec<Option<&'a str>>,
    /// When each came into service, where that is known.
    pub(super) from: Vec<Option<Micros>>,
}

/// Assets that are alike, and the word for them.
#[derive(Debug, Clone)]
pub(super) struct Cohort<'a> {
    pub(super) name: &'a str,
    pub(super) assets: Vec<usize>,
}

impl<'a> Fleet<'a> {
    pub(super) fn of(history: &'a History<'a>, inventory: &Inventory<'a>) -> Result<Self, EngineError> {
        let n = history.n_assets();
        let word =
            |c: Option<forewarn_frames::Code>| c.map(|c| history.word(c).trim()).filter(|w| !w.is_empty());
        Ok(Self {
            history,
            end: history.cutoff().micros(),
            assets: history.population(),
            kind: (0..n).map(|a| word(history.asset(a).kind)).collect(),
            model: (0..n).map(|a| word(history.asset(a).model)).collect(),
            site: inventory.text_or_dated(history, "site")?,
            service: inventory.text_or_dated(history, "service")?,
            from: (0..n).map(|a| history.asset(a).in_service_at).collect(),
        })
    }

    /// The assets of `among` by model, where it has enough of them, and the rest by kind, where that has: each in one.
    pub(super) fn cohorts(&self, among: &[usize]) -> Vec<Cohort<'a>> {
        let mut models: BTreeMap<(Option<&str>, &'a str), Vec<usize>> = BTreeMap::new();
        let mut kinds: BTreeMap<&'a str, Vec<usize>> = BTreeMap::new();
        for &a in among {
            if let Some(model) = self.model[a] {
                models.entry((self.kind[a], model)).or_default().push(a);
            } else if let Some(kind) = self.kind[a] {
                kinds.entry(kind).or_default().push(a);
            }
        }
        let (large, small): (Vec<_>, Vec<_>) = models.into_iter().partition(|m| m.1.len() >= MIN_COHORT);
        for ((kind, _), assets) in small {
            if let Some(kind) = kind {
                kinds.entry(kind).or_default().extend(assets);
            }
        }
        let of_models = large.into_iter().map(|((_, name), assets)| Cohort { name, assets });
        let of_kinds = kinds.into_iter().map(|(name, assets)| Cohort { name, assets });
        of_models.chain(of_kinds.filter(|c| c.assets.len() >= MIN_COHORT)).collect()
    }
}

/// The value that a share of the sorted values do not exceed (the nearest rank); `None` without values.
pub(super) fn quantile(sorted: &[f64], share: f64) -> Option<f64> {
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.max(1) - 1).copied()
}
