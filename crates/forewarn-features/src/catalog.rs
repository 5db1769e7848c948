//! Which features there are, and what each means. It does not compute them; the modules of each source do, in the same
//! order in which they are listed here.

use std::collections::{BTreeMap, BTreeSet};

use forewarn_frames::{Code, History};
use polars::prelude::*;

use crate::phrase::Phrase;

/// Windows in days over which tickets are counted.
pub(crate) const TICKET_WINDOWS: [i32; 7] = [7, 14, 30, 60, 90, 180, 365];
/// Half-lives in days of decayed counts.
pub(crate) const HALF_LIVES: [i32; 3] = [7, 30, 120];
/// Half-lives in days of counts that start anew at a repair.
pub(crate) const ANEW_DAYS: [i32; 2] = [10, 30];
/// Windows in days over which metrics change.
pub(crate) const CHANGE_WINDOWS: [i32; 4] = [1, 7, 30, 90];
/// Windows in days over which increases are summed.
pub(crate) const INCREASE_WINDOWS: [i32; 5] = [3, 7, 30, 90, 365];
/// Windows in days whose increase is compared with the asset's own past.
pub(crate) const RATIO_WINDOWS: [i32; 2] = [7, 30];
/// Half-lives in days of recent levels.
pub(crate) const RECENT_DAYS: [i32; 3] = [5, 15, 40];
/// Windows in days over which changes are counted.
pub(crate) const COUNT_WINDOWS: [i32; 3] = [30, 90, 365];
/// Windows in days over which failures are counted.
pub(crate) const COHORT_WINDOWS: [i32; 3] = [30, 90, 365];
/// Half-lives in days of failure rates.
pub(crate) const RATE_DAYS: [i32; 4] = [7, 30, 120, 365];
/// Windows in days over which events are counted.
pub(crate) const EVENT_WINDOWS: [i32; 3] = [30, 90, 365];
/// The size of an asset, as [`Catalog::subjects`] names it.
pub(crate) const CAPACITY: &str = "capacity";
/// How many categories, subcategories and kinds of events get a count of their own.
const TOP: usize = 8;

/// Which models may use a feature. What a whole fleet or cohort shares at a cutoff tells cutoffs apart, and trees learn the
/// calendar by heart from it: they are given such rates relative to the fleet's of the same day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Suits {
    /// Every model.
    Every,
    /// Trees.
    Trees,
    /// A model whose answer moves in proportion: a rate that doubles doubles the odds.
    Linear,
    /// The dumb baselines, which are nothing but such a rate.
    Baseline,
}

/// One numeric feature of the catalog.
#[derive(Debug, Clone, PartialEq)]
pub struct FeatureSpec {
    /// Its name, e.g. `smart_197.increase_30d`.
    pub name: String,
    /// Features of one family tell of one thing (a metric, the tickets) and are told as one reason.
    pub family: String,
    /// Its unit, e.g. `days`.
    pub unit: &'static str,
    /// How far it looks back, days; `None`: over all that is known.
    pub window_days: Option<i32>,
    /// The table it reads.
    pub source: &'static str,
    /// In words.
    pub meaning: String,
    /// Which models may use it.
    pub suits: Suits,
    pub(crate) phrase: Phrase,
}

impl FeatureSpec {
    /// The value in plain words, e.g. `smart_197 rose by 12 in 30 days`.
    #[must_use]
    pub fn say(&self, value: f64) -> String {
        self.phrase.say(&self.family, self.window_days, value)
    }

    /// Whether the words of a value say the opposite of what it adds to the risk: a cohort that fails less than the fleet,
    /// in which a model sees more risk for the company that this keeps. Such a reason tells nobody anything.
    #[must_use]
    pub fn contradicts(&self, value: f64, contribution: f64) -> bool {
        self.phrase.seems_bad(value).is_some_and(|bad| bad != (contribution > 0.0))
    }
}

/// One categorical feature: which word (model, site, …) an asset has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CategorySpec {
    /// Its name, e.g. `asset.model`.
    pub name: String,
    /// The dimension, which is also a cohort.
    pub(crate) dimension: Dimension,
}

impl CategorySpec {
    /// The column of the data that it reads, as [`Catalog::subjects`] names it.
    #[must_use]
    pub fn subject(&self) -> &str {
        self.dimension.name()
    }

    /// The word of an asset at a history, where it has one.
    #[must_use]
    pub fn word<'a>(&self, history: &History<'a>, asset: usize) -> Option<&'a str> {
        self.dimension.of(history, asset).map(|c| history.word(c))
    }
}

/// A way to group assets into cohorts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Dimension {
    Kind,
    Model,
    Vendor,
    /// Of the asset's last ticket.
    Group,
    /// Of the asset's last ticket.
    Service,
    /// Of the asset's last ticket.
    Site,
    /// A dated attribute.
    Attribute(String),
}

impl Dimension {
    /// Those that are columns of assets or tickets.
    pub(crate) const COLUMNS: [Self; 6] =
        [Self::Kind, Self::Model, Self::Vendor, Self::Group, Self::Service, Self::Site];

    pub(crate) fn of(&self, history: &History<'_>, asset: usize) -> Option<Code> {
        match self {
            Self::Kind => history.asset(asset).kind,
            Self::Model => history.asset(asset).model,
            Self::Vendor => history.asset(asset).vendor,
            Self::Group => history.tickets(asset).rev().find_map(|t| t.group()),
            Self::Service => history.tickets(asset).rev().find_map(|t| t.service()),
            Self::Site => history.tickets(asset).rev().find_map(|t| t.site()),
            Self::Attribute(name) => history.attribute(asset, name),
        }
    }

    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Kind => "kind",
            Self::Model => "model",
            Self::Vendor => "vendor",
            Self::Group => "group",
            Self::Service => "service",
            Self::Site => "site",
            Self::Attribute(name) => name,
        }
    }
}

/// A level of a metric that matters to people: a disk that is nearly full, a battery that is worn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limit {
    /// The level, in the metric's own unit.
    pub value: f64,
    /// Whether it matters above it; otherwise below.
    pub above: bool,
}

/// What a metric is like, as far as its history shows.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct MetricPlan {
    pub metric: usize,
    /// It moves in steps or only counts up: increases and counts of changes tell.
    pub steps: bool,
    /// It moves all the time: means, spreads and slopes tell.
    pub moves: bool,
    /// Its evidence is weighed on a logarithmic scale: always above zero, and spread out above rather than below.
    pub log: bool,
    /// Levels that matter, see [`Catalog::with_limits`].
    pub limits: Vec<Limit>,
}

impl MetricPlan {
    /// A level on the scale on which its evidence is weighed.
    pub(crate) fn level(&self, value: f64) -> f64 {
        // A reading that training never saw must not be infinitely far away.
        if self.log { value.max(f64::MIN_POSITIVE).ln() } else { value }
    }
}

/// Every feature there is, in a fixed order.
#[derive(Debug, Clone, PartialEq)]
pub struct Catalog {
    pub(crate) specs: Vec<FeatureSpec>,
    pub(crate) categories: Vec<CategorySpec>,
    pub(crate) metrics: Vec<MetricPlan>,
    pub(crate) ticket_categories: Vec<String>,
    pub(crate) ticket_subcategories: Vec<String>,
    pub(crate) event_kinds: Vec<String>,
    pub(crate) has_tickets: bool,
    pub(crate) attributes: Vec<String>,
    pub(crate) has_condition: bool,
    /// Some asset in service has failed before: failures do not take assets away, and an asset has a rate of its own.
    pub(crate) fails_again: bool,
    /// Columns of the data that no feature may read, see [`Catalog::without`].
    pub(crate) left_out: BTreeSet<String>,
}

/// Days of an asset that its skewness is taken from, at least; fewer say little.
const MIN_SKEW_DAYS: usize = 30;
/// A metric more skewed than this within assets is weighed on a logarithmic scale, where that makes it less so.
const MIN_SKEWNESS: f64 = 0.4;

/// The skewness of a metric's daily means within assets, on a scale.
fn skewness(history: &History<'_>, metric: usize, scale: fn(f64) -> f64) -> f64 {
    let (mut n, mut squares, mut cubes) = (0.0, 0.0, 0.0);
    for a in 0..history.n_assets() {
        let s = history.series(a, metric);
        if s.len() < MIN_SKEW_DAYS {
            continue;
        }
        let mean = s.mean().iter().map(|v| scale(*v)).sum::<f64>() / s.len() as f64;
        for v in s.mean() {
            let d = scale(*v) - mean;
            n += 1.0;
            squares += d * d;
            cubes += d * d * d;
        }
    }
    let variance = squares / n;
    if variance > 0.0 { cubes / n / variance.powf(1.5) } else { 0.0 }
}

fn on_log_scale(history: &History<'_>, metric: usize) -> bool {
    let positive = (0..history.n_assets()).all(|a| history.series(a, metric).min().iter().all(|v| *v > 0.0));
    if !positive {
        return false;
    }
    let plain = skewness(history, metric, |v| v);
    plain > MIN_SKEWNESS && skewness(history, metric, f64::ln).abs() < plain
}

fn most_frequent(counts: &BTreeMap<&str, usize>) -> Vec<String> {
    let mut by: Vec<(&str, usize)> = counts.iter().map(|(w, n)| (*w, *n)).collect();
    // Ties fall to the alphabet, so the choice does not depend on the order of rows.
    by.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
    let mut words: Vec<String> = by.into_iter().take(TOP).map(|(w, _)| w.to_owned()).collect();
    words.sort();
    words
}

/// How often a metric was read, changed and fell, over all assets.
struct Moves {
    rows: u64,
    changes: u64,
    falls: u64,
}

fn moves(history: &History<'_>, metric: usize) -> Moves {
    let mut all = Moves { rows: 0, changes: 0, falls: 0 };
    for a in 0..history.n_assets() {
        let s = history.series(a, metric);
        if let Some(last) = s.len().checked_sub(1) {
            all.rows += s.len() as u64;
            all.changes += u64::from(s.cum_changes()[last]);
            all.falls += u64::from(s.cum_resets()[last]);
        }
    }
    all
}

/// Whether two assets read a metric differently, where it changes of none.
fn differs(history: &History<'_>, metric: usize) -> bool {
    let mut values = (0..history.n_assets()).filter_map(|a| history.series(a, metric).last().last().copied());
    values.next().is_some_and(|first| values.any(|v| v != first))
}

impl Moves {
    fn count_up(&self) -> bool {
        self.changes > 0 && self.falls * 20 < self.changes
    }
}

/// Whether a metric counts up: its source says so, or hardly one in twenty of its changes is a fall.
#[must_use]
pub fn counts_up(history: &History<'_>, metric: usize) -> bool {
    history.metric_is_counter(metric) || moves(history, metric).count_up()
}

impl Catalog {
    /// The features that a history supports: a metric that has readings which are not all the same, a category that has
    /// tickets, and so on.
    #[must_use]
    pub fn of(history: &History<'_>) -> Self {
        let n = history.n_assets();
        let (mut categories, mut subcategories, mut kinds) =
            (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        let mut has_tickets = false;
        for a in 0..n {
            for t in history.tickets(a) {
                has_tickets = true;
                if let Some(c) = t.category() {
                    *categories.entry(history.word(c)).or_insert(0) += 1;
                }
                if let Some(c) = t.subcategory() {
                    *subcategories.entry(history.word(c)).or_insert(0) += 1;
                }
            }
            for e in history.events(a) {
                if let Some(k) = e.kind {
                    *kinds.entry(history.word(k)).or_insert(0) += 1;
                }
            }
        }
        let mut metrics = Vec::new();
        for metric in 0..history.n_metrics() {
            let all = moves(history, metric);
            let Moves { rows, changes, .. } = all;
            if rows > 0 && (changes > 0 || differs(history, metric)) {
                let counts_up = history.metric_is_counter(metric) || all.count_up();
                let steps = changes * 5 < rows;
                let steps_up = steps || counts_up;
                metrics.push(MetricPlan {
                    metric,
                    steps: steps_up,
                    moves: !steps,
                    log: !steps_up && on_log_scale(history, metric),
                    limits: Vec::new(),
                });
            }
        }
        let attributes: Vec<String> = history.attribute_names().into_iter().map(str::to_owned).collect();
        let mut dimensions = Dimension::COLUMNS.to_vec();
        dimensions.extend(attributes.iter().cloned().map(Dimension::Attribute));
        // A dimension that tells no two assets apart is no cohort.
        dimensions.retain(|d| {
            let mut words = (0..n).filter_map(|a| d.of(history, a));
            words.next().is_some_and(|first| words.any(|w| w != first))
        });
        let mut out = Self {
            specs: Vec::new(),
            categories: dimensions
                .into_iter()
                .map(|dimension| CategorySpec { name: format!("asset.{}", dimension.name()), dimension })
                .collect(),
            metrics,
            ticket_categories: most_frequent(&categories),
            ticket_subcategories: most_frequent(&subcategories),
            event_kinds: most_frequent(&kinds),
            has_tickets,
            attributes,
            has_condition: false,
            fails_again: history.population().iter().any(|&a| history.failures(a).next().is_some()),
            left_out: BTreeSet::new(),
        };
        out.specs = out.list(history);
        out
    }

    /// The same with the days until a metric is at a level that matters, for the metrics to which `of` gives one by name.
    /// Not finite levels are no levels.
    #[must_use]
    pub fn with_limits(mut self, history: &History<'_>, of: &dyn Fn(&str) -> Vec<Limit>) -> Self {
        for plan in &mut self.metrics {
            plan.limits = of(history.metric_name(plan.metric));
            plan.limits.retain(|l| l.value.is_finite());
        }
        self.specs = self.list(history);
        self
    }

    /// The same with the features of a hidden condition, which need a [`crate::Condition`] to be computed.
    #[must_use]
    pub fn with_condition(mut self, history: &History<'_>) -> Self {
        self.has_condition = true;
        self.specs = self.list(history);
        self
    }

    /// What the data itself brings, as far as features read it: metrics, `capacity`, the columns that make cohorts (`model`,
    /// `site`, dated attributes), `tickets[…]` of a category or subcategory and `events[…]` of a kind. These are the names
    /// that [`Self::without`] takes. What follows from which tickets and failures there are is not among them.
    #[must_use]
    pub fn subjects(&self, history: &History<'_>) -> BTreeSet<String> {
        let tickets = self.ticket_categories.iter().chain(&self.ticket_subcategories);
        let mut out: BTreeSet<String> = tickets.map(|c| format!("tickets[{c}]")).collect();
        out.extend(self.metrics.iter().map(|m| history.metric_name(m.metric).to_owned()));
        out.extend(self.categories.iter().map(|c| c.dimension.name().to_owned()));
        out.extend(self.attributes.iter().cloned());
        out.extend(self.event_kinds.iter().map(|k| format!("events[{k}]")));
        out.insert(CAPACITY.to_owned());
        out
    }

    /// The same without the features that read one of `names` (see [`Self::subjects`]), nor any hidden condition; other
    /// names change nothing.
    #[must_use]
    pub fn without(mut self, history: &History<'_>, names: &BTreeSet<String>) -> Self {
        self.left_out.extend(names.iter().cloned());
        let named = |family: &str, word: &str| self.left_out.contains(&format!("{family}[{word}]"));
        self.metrics.retain(|m| !self.left_out.contains(history.metric_name(m.metric)));
        self.categories.retain(|c| !self.left_out.contains(c.dimension.name()));
        self.attributes.retain(|a| !self.left_out.contains(a));
        self.ticket_categories.retain(|c| !named("tickets", c));
        self.ticket_subcategories.retain(|c| !named("tickets", c));
        self.event_kinds.retain(|k| !named("events", k));
        self.has_condition = false;
        self.specs = self.list(history);
        self
    }

    pub(crate) fn reads(&self, name: &str) -> bool {
        !self.left_out.contains(name)
    }

    /// How the channels of a [`crate::Sequence`] are to be read, in their order.
    #[must_use]
    pub fn channels(&self) -> Vec<crate::Signal> {
        let metrics =
            self.metrics.iter().map(|m| if m.steps { crate::Signal::Count } else { crate::Signal::Level });
        metrics.chain(self.ticket_categories.iter().map(|_| crate::Signal::Count)).collect()
    }

    /// The numeric features, in the order of [`crate::FeatureTable`]'s columns.
    #[must_use]
    pub fn features(&self) -> &[FeatureSpec] {
        &self.specs
    }

    /// The categorical features.
    #[must_use]
    pub fn categories(&self) -> &[CategorySpec] {
        &self.categories
    }

    /// The catalog as a table: `feature, unit, window_days, source, meaning`.
    ///
    /// # Errors
    ///
    /// Polars refuses a column, which would be a bug here.
    pub fn to_frame(&self) -> PolarsResult<DataFrame> {
        let s = &self.specs;
        DataFrame::new(
            s.len(),
            vec![
                Column::new("feature".into(), s.iter().map(|f| f.name.as_str()).collect::<Vec<_>>()),
                Column::new("unit".into(), s.iter().map(|f| f.unit).collect::<Vec<_>>()),
                Column::new(
                    "window_days".into(),
                    s.iter().map(|f| f.window_days.map(i64::from)).collect::<Vec<_>>(),
                ),
                Column::new("source".into(), s.iter().map(|f| f.source).collect::<Vec<_>>()),
                Column::new("meaning".into(), s.iter().map(|f| f.meaning.as_str()).collect::<Vec<_>>()),
            ],
        )
    }
}
