//! What is taken over all assets, and the catalog, by words and asset ids: a form that means the same beside another history,
//! whose codes and numbers are others. It does not know how it is written down.

use std::collections::{BTreeMap, BTreeSet};

use forewarn_frames::time::{DAY, Micros};
use forewarn_frames::{Code, History};
use serde::{Deserialize, Serialize};

use crate::catalog::{Catalog, CategorySpec, Dimension, Limit, MetricPlan, RATE_DAYS};
use crate::cohort::CohortRates;
use crate::evidence::{Levels, Usual};
use crate::exact::Exact;
use crate::shared::{AmongPeers, Shared, UsualTickets};

/// A [`Catalog`] by names.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CatalogWords {
    metrics: Vec<MetricWords>,
    dimensions: Vec<String>,
    ticket_categories: Vec<String>,
    ticket_subcategories: Vec<String>,
    event_kinds: Vec<String>,
    has_tickets: bool,
    attributes: Vec<String>,
    has_condition: bool,
    fails_again: bool,
    left_out: BTreeSet<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "each is one of the plan's own")]
struct MetricWords {
    name: String,
    on_change: bool,
    counter: bool,
    steps: bool,
    moves: bool,
    log: bool,
    limits: Vec<(Exact, bool)>,
}

/// The name of a dimension in [`CatalogWords`]: an attribute may be called as a column is.
fn dimension_name(d: &Dimension) -> String {
    match d {
        Dimension::Attribute(name) => format!("attribute {name}"),
        other => other.name().to_owned(),
    }
}

fn dimension_of(name: &str) -> Option<Dimension> {
    let attribute = || name.strip_prefix("attribute ").map(|n| Dimension::Attribute(n.to_owned()));
    Dimension::COLUMNS.into_iter().find(|d| d.name() == name).or_else(attribute)
}

impl Catalog {
    /// The catalog by names, as the history that it was made from has them.
    #[must_use]
    pub fn to_words(&self, history: &History<'_>) -> CatalogWords {
        let metric = |m: &MetricPlan| MetricWords {
            name: history.metric_name(m.metric).to_owned(),
            on_change: history.metric_is_on_change(m.metric),
            counter: history.metric_is_counter(m.metric),
            steps: m.steps,
            moves: m.moves,
            log: m.log,
            limits: m.limits.iter().map(|l| (Exact(l.value), l.above)).collect(),
        };
        CatalogWords {
            metrics: self.metrics.iter().map(metric).collect(),
            dimensions: self.categories.iter().map(|c| dimension_name(&c.dimension)).collect(),
            ticket_categories: self.ticket_categories.clone(),
            ticket_subcategories: self.ticket_subcategories.clone(),
            event_kinds: self.event_kinds.clone(),
            has_tickets: self.has_tickets,
            attributes: self.attributes.clone(),
            has_condition: self.has_condition,
            fails_again: self.fails_again,
            left_out: self.left_out.clone(),
        }
    }
}

impl CatalogWords {
    /// The metrics that features read: name, whether rows come on change alone, whether it only counts up.
    pub fn metrics(&self) -> impl Iterator<Item = (&str, bool, bool)> {
        self.metrics.iter().map(|m| (m.name.as_str(), m.on_change, m.counter))
    }

    /// The catalog for a history of some of the assets.
    ///
    /// # Errors
    ///
    /// Which metric the history does not hold, or which dimension there is none of.
    pub fn bind(&self, history: &History<'_>) -> Result<Catalog, String> {
        let numbers: BTreeMap<&str, usize> =
            (0..history.n_metrics()).map(|m| (history.metric_name(m), m)).collect();
        let metric = |m: &MetricWords| {
            let number = numbers.get(m.name.as_str()).ok_or_else(|| format!("no metric `{}`", m.name))?;
            Ok(MetricPlan {
                metric: *number,
                steps: m.steps,
                moves: m.moves,
                log: m.log,
                limits: m.limits.iter().map(|(v, above)| Limit { value: v.0, above: *above }).collect(),
            })
        };
        let category = |name: &String| {
            let dimension = dimension_of(name).ok_or_else(|| format!("no dimension `{name}`"))?;
            Ok(CategorySpec { name: format!("asset.{}", dimension.name()), dimension })
        };
        let mut out = Catalog {
            specs: Vec::new(),
            categories: self.dimensions.iter().map(category).collect::<Result<_, String>>()?,
            metrics: self.metrics.iter().map(metric).collect::<Result<_, String>>()?,
            ticket_categories: self.ticket_categories.clone(),
            ticket_subcategories: self.ticket_subcategories.clone(),
            event_kinds: self.event_kinds.clone(),
            has_tickets: self.has_tickets,
            attributes: self.attributes.clone(),
            has_condition: self.has_condition,
            fails_again: self.fails_again,
            left_out: self.left_out.clone(),
        };
        out.specs = out.list(history);
        Ok(out)
    }
}

type UsualWords = (Exact, Exact);

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct LevelsWords {
    fleet: Option<UsualWords>,
    kinds: BTreeMap<String, UsualWords>,
    models: BTreeMap<String, UsualWords>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PeersWords {
    /// By asset, in the order of the ids.
    last: Vec<Exact>,
    moved: Vec<Exact>,
    levels: LevelsWords,
}

/// Microseconds from 1970 to a time that no record can have: some 27,000 years.
const FARTHEST: u64 = 10_000_000 * DAY as u64;

/// A cohort's share of assets that failed in a year, and its failures per asset-day.
type CohortWords = (Exact, [Exact; RATE_DAYS.len()]);

/// What is taken over all assets at one cutoff, by words and asset ids: see [`Shared`].
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SharedWords {
    first_record_at: Option<Micros>,
    fleet: [Exact; RATE_DAYS.len()],
    cohorts: Vec<BTreeMap<String, CohortWords>>,
    ids: Vec<String>,
    metrics: Vec<PeersWords>,
    tickets: Option<(Vec<LevelsWords>, [Exact; 7])>,
}

fn usual_words(u: Usual) -> UsualWords {
    (Exact(u.mean), Exact(u.variance))
}

fn usual_of(w: UsualWords) -> Usual {
    Usual { mean: w.0.0, variance: w.1.0 }
}

fn levels_words(levels: &Levels, history: &History<'_>) -> LevelsWords {
    let by_word = |cells: &std::collections::HashMap<Code, Usual>| {
        cells.iter().map(|(c, u)| (history.word(*c).to_owned(), usual_words(*u))).collect()
    };
    LevelsWords {
        fleet: levels.fleet.map(usual_words),
        kinds: by_word(&levels.kinds),
        models: by_word(&levels.models),
    }
}

fn levels_of(words: &LevelsWords, codes: &BTreeMap<&str, Code>) -> Levels {
    // A word that this history does not know is no word of its assets.
    let by_code = |cells: &BTreeMap<String, UsualWords>| {
        cells.iter().filter_map(|(w, u)| Some((*codes.get(w.as_str())?, usual_of(*u)))).collect()
    };
    Levels { fleet: words.fleet.map(usual_of), kinds: by_code(&words.kinds), models: by_code(&words.models) }
}

impl Shared {
    /// The same by words and asset ids; `history` is the one that it was taken from.
    #[must_use]
    pub fn to_words(&self, history: &History<'_>) -> SharedWords {
        let population = history.population();
        let of = |ranks: &[f64]| population.iter().map(|&a| Exact(ranks[a])).collect();
        let peers = |p: &AmongPeers| PeersWords {
            last: of(&p.0),
            moved: of(&p.1),
            levels: levels_words(&p.2, history),
        };
        let cohorts = self.rates.by.iter().map(|map| {
            map.iter()
                .map(|(c, (share, rates))| (history.word(*c).to_owned(), (Exact(*share), rates.map(Exact))))
                .collect()
        });
        SharedWords {
            first_record_at: self.first,
            fleet: self.rates.fleet.map(Exact),
            cohorts: cohorts.collect(),
            ids: population.iter().map(|&a| history.asset_id(a).to_owned()).collect(),
            metrics: self.among_peers.iter().map(peers).collect(),
            tickets: self
                .tickets
                .as_ref()
                .map(|t| (t.levels.iter().map(|l| levels_words(l, history)).collect(), t.weekday.map(Exact))),
        }
    }
}

impl SharedWords {
    /// Whether the parts fit together and to the catalog.
    ///
    /// # Errors
    ///
    /// What does not fit.
    pub fn check(&self, catalog: &CatalogWords) -> Result<(), String> {
        let n = self.ids.len();
        if let Some(at) = self.first_record_at.filter(|t| t.unsigned_abs() > FARTHEST) {
            return Err(format!("a first record {at} microseconds after 1970"));
        }
        if !self.ids.is_sorted_by(|a, b| a < b) {
            return Err("the asset ids are not sorted, or not each once".into());
        }
        if self.metrics.iter().any(|m| m.last.len() != n || m.moved.len() != n) {
            return Err(format!("ranks that are not those of {n} assets"));
        }
        let metrics = (self.metrics.len(), catalog.metrics.len());
        let cohorts = (self.cohorts.len(), catalog.dimensions.len());
        let categories = self.tickets.as_ref().map(|t| t.0.len());
        let wanted = catalog.has_condition.then_some(catalog.ticket_categories.len());
        if metrics.0 != metrics.1 || cohorts.0 != cohorts.1 || categories != wanted {
            return Err(format!(
                "metrics, cohorts or ticket categories that are not the catalog's: {metrics:?}, {cohorts:?}, {categories:?}"
            ));
        }
        Ok(())
    }

    /// The same for a history of some of the assets, each of which is one of these where it is in service.
    ///
    /// # Errors
    ///
    /// It does not fit the catalog, or which asset in service it does not know.
    pub fn bind(&self, history: &History<'_>, catalog: &Catalog) -> Result<Shared, String> {
        self.check(&catalog.to_words(history))?;
        let codes = history.codes();
        let population = history.population();
        let places: Vec<usize> = population
            .iter()
            .map(|&a| {
                let id = history.asset_id(a);
                self.ids.binary_search_by(|x| x.as_str().cmp(id)).map_err(|_| {
                    format!(
                        "asset `{id}` is in service, and is none of the {} that the state was taken over",
                        self.ids.len()
                    )
                })
            })
            .collect::<Result<_, _>>()?;
        let ranks = |of: &[Exact]| {
            let mut out = vec![f64::NAN; history.n_assets()];
            for (&a, &place) in population.iter().zip(&places) {
                out[a] = of[place].0;
            }
            out
        };
        let peers = |p: &PeersWords| (ranks(&p.last), ranks(&p.moved), levels_of(&p.levels, &codes));
        let by = self.cohorts.iter().map(|map| {
            map.iter()
                .filter_map(|(w, (share, rates))| {
                    Some((*codes.get(w.as_str())?, (share.0, rates.map(|r| r.0))))
                })
                .collect()
        });
        Ok(Shared {
            first: self.first_record_at,
            rates: CohortRates {
                fleet: self.fleet.map(|r| r.0),
                by: by.collect(),
                closest: CohortRates::closest(catalog),
            },
            among_peers: self.metrics.iter().map(peers).collect(),
            tickets: self.tickets.as_ref().map(|(levels, weekday)| UsualTickets {
                levels: levels.iter().map(|l| levels_of(l, &codes)).collect(),
                weekday: weekday.map(|d| d.0),
            }),
        })
    }
}
