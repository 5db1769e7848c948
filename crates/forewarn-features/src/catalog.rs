//! Which features there are, and what each means. It does not compute them; the modules of each source do, in the same
//! order in which they are listed here.

use std::collections::BTreeMap;

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
/// Windows in days of cohort rates.
pub(crate) const COHORT_WINDOWS: [i32; 3] = [30, 90, 365];
/// Windows in days over which events are counted.
pub(crate) const EVENT_WINDOWS: [i32; 3] = [30, 90, 365];
/// How many categories, subcategories and kinds of events get a count of their own.
const TOP: usize = 8;

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
    pub(crate) phrase: Phrase,
}

impl FeatureSpec {
    /// The value in plain words, e.g. `smart_197 rose by 12 in 30 days`.
    #[must_use]
    pub fn say(&self, value: f64) -> String {
        self.phrase.say(&self.family, self.window_days, value)
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

/// What a metric is like, as far as its history shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct MetricPlan {
    pub metric: usize,
    /// It moves in steps or only counts up: increases and counts of changes tell.
    pub steps: bool,
    /// It moves all the time: means, spreads and slopes tell.
    pub moves: bool,
    /// Its evidence is weighed on a logarithmic scale: always above zero, and spread out above rather than below.
    pub log: bool,
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
    pub(crate) has_events: bool,
    pub(crate) attributes: Vec<String>,
    pub(crate) has_condition: bool,
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

impl Catalog {
    /// The features that a history supports: a metric that has readings, a category that has tickets, and so on.
    #[must_use]
    pub fn of(history: &History<'_>) -> Self {
        let n = history.n_assets();
        let (mut categories, mut subcategories, mut kinds) =
            (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        let (mut has_tickets, mut has_events) = (false, false);
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
                has_events = true;
                if let Some(k) = e.kind {
                    *kinds.entry(history.word(k)).or_insert(0) += 1;
                }
            }
        }
        let mut metrics = Vec::new();
        for metric in 0..history.n_metrics() {
            let (mut rows, mut changes, mut falls) = (0u64, 0u64, 0u64);
            for a in 0..n {
                let s = history.series(a, metric);
                if let Some(last) = s.len().checked_sub(1) {
                    rows += s.len() as u64;
                    changes += u64::from(s.cum_changes()[last]);
                    falls += u64::from(s.cum_resets()[last]);
                }
            }
            if rows > 0 {
                let counts_up = history.metric_is_counter(metric) || (changes > 0 && falls * 20 < changes);
                let steps = changes * 5 < rows;
                let steps_up = steps || counts_up;
                metrics.push(MetricPlan {
                    metric,
                    steps: steps_up,
                    moves: !steps,
                    log: !steps_up && on_log_scale(history, metric),
                });
            }
        }
        let attributes: Vec<String> = history.attribute_names().into_iter().map(str::to_owned).collect();
        let mut dimensions = vec![
            Dimension::Kind,
            Dimension::Model,
            Dimension::Vendor,
            Dimension::Group,
            Dimension::Service,
            Dimension::Site,
        ];
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
            has_events,
            attributes,
            has_condition: false,
        };
        out.specs = out.list(history);
        out
    }

    /// The same with the features of a hidden condition, which need a [`crate::Condition`] to be computed.
    #[must_use]
    pub fn with_condition(mut self, history: &History<'_>) -> Self {
        self.has_condition = true;
        self.specs = self.list(history);
        self
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

    fn list(&self, history: &History<'_>) -> Vec<FeatureSpec> {
        let mut out = Vec::new();
        let mut add = |family: &str,
                       name: &str,
                       unit: &'static str,
                       window_days: Option<i32>,
                       source: &'static str,
                       meaning: String,
                       phrase: Phrase| {
            out.push(FeatureSpec {
                name: format!("{family}.{name}"),
                family: family.to_owned(),
                unit,
                window_days,
                source,
                meaning,
                phrase,
            });
        };
        // The asset itself.
        add("age", "days", "days", None, "assets", "days since it was put into service".into(), Phrase::Age);
        add(
            "known",
            "days",
            "days",
            None,
            "all",
            "days since the first record that names it".into(),
            Phrase::Known,
        );
        add(
            "capacity",
            "size",
            "",
            None,
            "assets",
            "its size in the kind's own unit".into(),
            Phrase::Capacity,
        );
        for a in &self.attributes {
            add(
                a,
                "days_since_set",
                "days",
                None,
                "asset_history",
                format!("days since `{a}` was last set"),
                Phrase::SinceSet,
            );
        }
        // Its failures so far.
        for w in COHORT_WINDOWS {
            add(
                "failures",
                &format!("n_{w}d"),
                "failures",
                Some(w),
                "failures",
                format!("failures in the last {w} days"),
                Phrase::Failures,
            );
        }
        add("failures", "n_all", "failures", None, "failures", "failures so far".into(), Phrase::Failures);
        add(
            "failures",
            "days_since_last",
            "days",
            None,
            "failures",
            "days since the last failure".into(),
            Phrase::SinceFailure,
        );
        for h in HALF_LIVES {
            add(
                "failures",
                &format!("decayed_{h}d"),
                "failures",
                None,
                "failures",
                format!("failures, each halved every {h} days"),
                Phrase::FailuresRecent,
            );
        }
        add(
            "failures",
            "rate_shrunk",
            "failures a year",
            None,
            "failures",
            "own failure rate, shrunk to the fleet's (gamma–Poisson)".into(),
            Phrase::FailureRate,
        );
        add(
            "failures",
            "days_since_repair",
            "days",
            None,
            "events",
            "days since the last failure, visit or repair".into(),
            Phrase::SinceRepair,
        );
        // Tickets.
        if self.has_tickets {
            for w in TICKET_WINDOWS {
                add(
                    "tickets",
                    &format!("n_{w}d"),
                    "tickets",
                    Some(w),
                    "tickets",
                    format!("tickets in the last {w} days"),
                    Phrase::Tickets,
                );
            }
            add("tickets", "n_all", "tickets", None, "tickets", "tickets so far".into(), Phrase::Tickets);
            add(
                "tickets",
                "days_since_last",
                "days",
                None,
                "tickets",
                "days since the last ticket".into(),
                Phrase::SinceTicket,
            );
            add(
                "tickets",
                "days_since_first",
                "days",
                None,
                "tickets",
                "days since the first ticket".into(),
                Phrase::SinceFirstTicket,
            );
            add(
                "tickets",
                "mean_gap_days",
                "days",
                None,
                "tickets",
                "mean days between tickets".into(),
                Phrase::Gap,
            );
            add(
                "tickets",
                "gap_ratio",
                "",
                None,
                "tickets",
                "days since the last ticket, over the mean gap".into(),
                Phrase::GapRatio,
            );
            for h in HALF_LIVES {
                add(
                    "tickets",
                    &format!("decayed_{h}d"),
                    "tickets",
                    None,
                    "tickets",
                    format!("tickets, each halved every {h} days"),
                    Phrase::TicketsRecent,
                );
            }
            for h in ANEW_DAYS {
                add(
                    "tickets",
                    &format!("anew_{h}d"),
                    "tickets",
                    None,
                    "tickets",
                    format!("tickets since the last failure, visit or repair, each halved every {h} days"),
                    Phrase::TicketsAnew,
                );
            }
            add(
                "tickets",
                "n_open",
                "tickets",
                None,
                "tickets",
                "tickets open at the cutoff".into(),
                Phrase::Open,
            );
            add(
                "repair",
                "mean_hours_365d",
                "hours",
                Some(365),
                "tickets",
                "mean hours to resolve, of tickets resolved in the last 365 days".into(),
                Phrase::Repair,
            );
            add(
                "repair",
                "n_reopened_365d",
                "",
                Some(365),
                "tickets",
                "reopenings of tickets resolved in the last 365 days".into(),
                Phrase::Reopened,
            );
            add(
                "repair",
                "mean_reassigned_365d",
                "",
                Some(365),
                "tickets",
                "mean changes of hands of tickets resolved in the last 365 days".into(),
                Phrase::Reassigned,
            );
            add(
                "repair",
                "n_urgent_365d",
                "tickets",
                Some(365),
                "tickets",
                "tickets of priority 1 or 2 resolved in the last 365 days".into(),
                Phrase::Urgent,
            );
            add(
                "repair",
                "downtime_minutes_365d",
                "minutes",
                Some(365),
                "tickets",
                "downtime of tickets resolved in the last 365 days".into(),
                Phrase::Downtime,
            );
            for c in &self.ticket_categories {
                for w in [30, 90, 365] {
                    add(
                        &format!("tickets[{c}]"),
                        &format!("n_{w}d"),
                        "tickets",
                        Some(w),
                        "tickets",
                        format!("tickets of category {c} in the last {w} days"),
                        Phrase::CategoryTickets,
                    );
                }
                for h in ANEW_DAYS {
                    add(
                        &format!("tickets[{c}]"),
                        &format!("anew_{h}d"),
                        "tickets",
                        None,
                        "tickets",
                        format!(
                            "tickets of category {c} since the last failure, visit or repair, each halved every {h} days"
                        ),
                        Phrase::CategoryTicketsAnew,
                    );
                }
            }
            for c in &self.ticket_subcategories {
                add(
                    &format!("tickets[{c}]"),
                    "resolved_365d",
                    "tickets",
                    Some(365),
                    "tickets",
                    format!("tickets of subcategory {c} resolved in the last 365 days"),
                    Phrase::CategoryTickets,
                );
            }
        }
        if self.has_events {
            for k in &self.event_kinds {
                for w in EVENT_WINDOWS {
                    add(
                        &format!("events[{k}]"),
                        &format!("n_{w}d"),
                        "events",
                        Some(w),
                        "events",
                        format!("{k} events in the last {w} days"),
                        Phrase::Events,
                    );
                }
                add(
                    &format!("events[{k}]"),
                    "days_since_last",
                    "days",
                    None,
                    "events",
                    format!("days since the last {k}"),
                    Phrase::SinceEvent,
                );
            }
        }
        // Cohorts.
        for w in COHORT_WINDOWS {
            add(
                "fleet",
                &format!("failed_{w}d"),
                "share",
                Some(w),
                "failures",
                format!("share of the fleet that failed in the last {w} days"),
                Phrase::FleetRate,
            );
        }
        for c in &self.categories {
            let d = c.dimension.name();
            for w in COHORT_WINDOWS {
                add(
                    &format!("same {d}"),
                    &format!("failed_{w}d"),
                    "share",
                    Some(w),
                    "failures",
                    format!(
                        "share of assets of the same {d} that failed in the last {w} days, shrunk to the fleet's"
                    ),
                    Phrase::CohortRate,
                );
            }
        }
        // Telemetry.
        for plan in &self.metrics {
            let m = history.metric_name(plan.metric);
            add(m, "last", "", None, "telemetry", format!("last value of {m}"), Phrase::Last);
            for w in CHANGE_WINDOWS {
                add(
                    m,
                    &format!("change_{w}d"),
                    "",
                    Some(w),
                    "telemetry",
                    format!("{m} now less {m} {w} days ago"),
                    Phrase::Change,
                );
            }
            add(m, "min_90d", "", Some(90), "telemetry", format!("least {m} in 90 days"), Phrase::Least);
            add(
                m,
                "max_90d",
                "",
                Some(90),
                "telemetry",
                format!("greatest {m} in 90 days"),
                Phrase::Greatest,
            );
            add(m, "max_all", "", None, "telemetry", format!("greatest {m} so far"), Phrase::Greatest);
            add(
                m,
                "days_since_reading",
                "days",
                None,
                "telemetry",
                format!("days since {m} was last read"),
                Phrase::SinceReading,
            );
            add(
                m,
                "peer_rank",
                "share",
                None,
                "telemetry",
                format!("share of peers (same model, else kind) whose {m} is lower"),
                Phrase::PeerRank,
            );
            add(
                m,
                "peer_rank_change_30d",
                "share",
                Some(30),
                "telemetry",
                format!("share of peers whose {m} changed by less in 30 days"),
                Phrase::PeerRankChange,
            );
            if plan.steps {
                for w in INCREASE_WINDOWS {
                    add(
                        m,
                        &format!("increase_{w}d"),
                        "",
                        Some(w),
                        "telemetry",
                        format!("sum of increases of {m} in {w} days, resets allowed for"),
                        Phrase::Increase,
                    );
                }
                for w in COUNT_WINDOWS {
                    add(
                        m,
                        &format!("n_changes_{w}d"),
                        "changes",
                        Some(w),
                        "telemetry",
                        format!("changes of {m} in {w} days"),
                        Phrase::Changes,
                    );
                }
                add(
                    m,
                    "days_since_change",
                    "days",
                    None,
                    "telemetry",
                    format!("days since {m} last changed"),
                    Phrase::SinceChange,
                );
                add(
                    m,
                    "days_since_increase",
                    "days",
                    None,
                    "telemetry",
                    format!("days since {m} last rose"),
                    Phrase::SinceIncrease,
                );
                for w in RATIO_WINDOWS {
                    add(
                        m,
                        &format!("increase_ratio_{w}d"),
                        "times",
                        Some(w),
                        "telemetry",
                        format!("increase of {m} in {w} days over what its own year before would give"),
                        Phrase::IncreaseRatio,
                    );
                    add(
                        m,
                        &format!("increase_since_repair_{w}d"),
                        "a day",
                        Some(w),
                        "telemetry",
                        format!(
                            "increase of {m} a day in {w} days, or since the last failure, visit or repair"
                        ),
                        Phrase::IncreaseSinceRepair,
                    );
                }
            }
            if plan.moves {
                add(m, "mean_7d", "", Some(7), "telemetry", format!("mean {m} of 7 days"), Phrase::Mean);
                add(m, "mean_30d", "", Some(30), "telemetry", format!("mean {m} of 30 days"), Phrase::Mean);
                add(
                    m,
                    "sd_30d",
                    "",
                    Some(30),
                    "telemetry",
                    format!("standard deviation of {m} in 30 days"),
                    Phrase::Spread,
                );
                add(
                    m,
                    "slope_30d",
                    "a day",
                    Some(30),
                    "telemetry",
                    format!("slope of {m} over 30 days (least squares)"),
                    Phrase::Slope,
                );
                add(
                    m,
                    "shift_7d",
                    "",
                    Some(90),
                    "telemetry",
                    format!("mean {m} of 7 days less that of the 90 days before"),
                    Phrase::Shift,
                );
                add(
                    m,
                    "shift_3d",
                    "",
                    Some(30),
                    "telemetry",
                    format!("mean {m} of 3 days less that of the 30 days before"),
                    Phrase::Shift,
                );
                add(
                    m,
                    "shift_30d",
                    "",
                    Some(365),
                    "telemetry",
                    format!("mean {m} of 30 days less that of the 365 days before"),
                    Phrase::ShiftYear,
                );
                add(
                    m,
                    "z_7d",
                    "standard deviations",
                    Some(90),
                    "telemetry",
                    "`shift_7d` in standard deviations of the 90 days before".into(),
                    Phrase::Z,
                );
                add(
                    m,
                    "z_30d",
                    "standard deviations",
                    Some(365),
                    "telemetry",
                    "`shift_30d` in standard deviations of the 365 days before".into(),
                    Phrase::ZYear,
                );
                add(
                    m,
                    "shift_since_repair_7d",
                    "",
                    Some(90),
                    "telemetry",
                    format!(
                        "mean {m} of 7 days, or since the last failure, visit or repair, less that of the 90 days before"
                    ),
                    Phrase::Shift,
                );
                add(
                    m,
                    "missing_30d",
                    "share",
                    Some(30),
                    "telemetry",
                    format!("share of the last 30 days without {m}"),
                    Phrase::Missing,
                );
            }
            let since = "since the last failure, visit or repair";
            if plan.steps {
                add(
                    m,
                    "usual_rise",
                    "a day",
                    Some(365),
                    "telemetry",
                    format!(
                        "own rise of {m} a day in the year before the last month, shrunk to that of peers"
                    ),
                    Phrase::UsualRise,
                );
                for h in RECENT_DAYS {
                    add(
                        m,
                        &format!("recent_ratio_{h}d"),
                        "times",
                        None,
                        "telemetry",
                        format!(
                            "recent rise of {m} over the usual one, each day halved every {h} days, {since}"
                        ),
                        Phrase::RecentRatio,
                    );
                }
                for times in [2, 4] {
                    add(
                        m,
                        &format!("evidence_{times}x"),
                        "nats",
                        None,
                        "telemetry",
                        format!(
                            "evidence that {m} rises {times} times as fast as usual (CUSUM, Page 1954), {since}"
                        ),
                        Phrase::EvidenceRise,
                    );
                }
                add(
                    m,
                    "evidence_sum",
                    "nats",
                    None,
                    "telemetry",
                    format!(
                        "evidence that {m} has begun to rise faster on some day (Shiryaev–Roberts), {since}"
                    ),
                    Phrase::EvidenceSum,
                );
            } else {
                add(
                    m,
                    "usual_level",
                    "",
                    Some(365),
                    "telemetry",
                    format!("own mean {m} in the year before the last month, shrunk to that of peers"),
                    Phrase::UsualLevel,
                );
                for h in RECENT_DAYS {
                    add(
                        m,
                        &format!("recent_shift_{h}d"),
                        "standard deviations",
                        None,
                        "telemetry",
                        format!("recent {m} less the usual one, each day halved every {h} days, {since}"),
                        Phrase::RecentShift,
                    );
                }
                for (name, shift) in
                    [("half_sd", "half a standard deviation"), ("1sd", "a standard deviation")]
                {
                    add(
                        m,
                        &format!("evidence_{name}"),
                        "nats",
                        None,
                        "telemetry",
                        format!("evidence that {m} runs {shift} above usual (CUSUM, Page 1954), {since}"),
                        Phrase::EvidenceAbove,
                    );
                }
                add(
                    m,
                    "evidence_down_1sd",
                    "nats",
                    None,
                    "telemetry",
                    format!(
                        "evidence that {m} runs a standard deviation below usual (CUSUM, Page 1954), {since}"
                    ),
                    Phrase::EvidenceBelow,
                );
                add(
                    m,
                    "evidence_sum",
                    "nats",
                    None,
                    "telemetry",
                    format!(
                        "evidence that {m} has begun to run higher on some day (Shiryaev–Roberts), {since}"
                    ),
                    Phrase::EvidenceSum,
                );
            }
        }
        if self.has_condition {
            let together = "by all daily signals together (hidden Markov model), log odds";
            for (name, meaning, phrase) in [
                ("worn", "worn or critical", Phrase::Worn),
                ("critical", "critical, as just before failures", Phrase::Critical),
                ("outlook_30d", "a failure within 30 days", Phrase::Outlook),
            ] {
                add("condition", name, "log odds", None, "all", format!("{meaning}, {together}"), phrase);
            }
        }
        out
    }
}
