//! What a run is asked to do: resolved and validated, no options left. It does not know files, flags or the clock.

use forewarn_frames::{Cutoff, Every, Horizon};

use crate::counts::CountLevel;
use crate::degradation::Threshold;

/// How risk is learned and ranked.
#[derive(Debug, Clone, PartialEq)]
pub struct RiskSettings {
    /// The horizons of `risk`, sorted, each once; never empty.
    pub horizons: Vec<Horizon>,
    /// The horizon of the ranking; one of `horizons`.
    pub rank_by: Horizon,
    /// The calendar of training cutoffs.
    pub cutoff_every: Every,
    /// The calendar on which models are trained anew.
    pub refit_every: Every,
    /// The first training cutoff; `None`: three years back, or as early as the records allow; not from before
    /// tickets were recorded in full.
    pub train_from: Option<Cutoff>,
    /// Columns of the data that no feature reads (a metric, `model`, `tickets[Disk]`, …), and features that no model but the
    /// baselines is offered, by name or with `*` for any part of it (`*.peer_rank*`).
    pub leave_out: Vec<String>,
    /// Columns that the leakage check does not suspect.
    pub keep: Vec<String>,
}

/// How many assets can be visited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capacity {
    /// Visits in a period, at least 1.
    pub visits: u32,
    /// Days of a period, at least 1.
    pub per_days: u32,
}

/// How much of what tickets say may be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TextShown {
    /// None: categories alone.
    None,
    /// Words that at least five tickets and, where callers are known, three callers share.
    #[default]
    Titles,
    /// These, and the title of a typical ticket.
    Full,
}

/// What failures and visits cost, in one currency.
#[derive(Debug, Clone, PartialEq)]
pub struct Costs {
    /// An hour of downtime of an asset of middle criticality (3), at least 0.
    pub downtime_hour: f64,
    /// A visit, at least 0.
    pub visit: f64,
    /// A repair that no warranty pays, at least 0.
    pub repair: f64,
    /// Hours that a failure lasts, at least 0; `None`: as the data has it, by kind.
    pub downtime_hours: Option<f64>,
    /// Factors of the hour's cost for criticality 1 (highest) to 5, each at least 0.
    pub criticality: [f64; 5],
}

/// Whether a warranty must run for a measure to fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Warranty {
    /// It does not matter.
    #[default]
    Any,
    /// It runs.
    Running,
    /// It is over, or its end is not known.
    Over,
}

/// A preventive measure and what it fits. Names are compared without case, with `*` for any part.
#[derive(Debug, Clone, PartialEq)]
pub struct Remedy {
    /// Its name, e.g. `replace_battery`.
    pub name: String,
    /// What to do, in words: `Replace the battery`.
    pub title: String,
    /// Kinds of assets that it fits; empty: all.
    pub kinds: Vec<String>,
    /// Failure modes that it prevents. Where modes or reasons are given, one of either must be met.
    pub modes: Vec<String>,
    /// Features among the leading reasons that ask for it.
    pub reasons: Vec<String>,
    /// See [`Warranty`].
    pub warranty: Warranty,
    /// The share of failures that it is assumed to prevent, 0 to 1, where the data does not tell.
    pub effectiveness: f64,
    /// Measures in the data (kind, component and code of an event) that are this one.
    pub measured_as: Vec<String>,
}

/// Everything the engine is told.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// See [`RiskSettings`].
    pub risk: RiskSettings,
    /// See [`Capacity`].
    pub capacity: Capacity,
    /// See [`Costs`]; `None`: risks are compared by probability alone.
    pub costs: Option<Costs>,
    /// The catalog of measures: the first one that fits is taken. Where none fits, the asset is inspected.
    pub remedies: Vec<Remedy>,
    /// Which counts are forecast; empty: chosen from the data.
    pub counts: Vec<CountLevel>,
    /// Levels of metrics that matter; they stand over what a metric's name tells.
    pub thresholds: Vec<Threshold>,
    /// The seed of everything random.
    pub seed: u64,
    /// See [`TextShown`].
    pub text: TextShown,
}

/// When a backtest trains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refit {
    /// Once, on every training cutoff whose window closes by the first cutoff judged.
    Once,
    /// Anew at every cutoff judged.
    Always,
    /// Anew at every n-th cutoff judged; at least 1.
    EveryNth(usize),
}

impl Refit {
    /// Whether to train before the `i`-th cutoff judged, from 0.
    pub(crate) fn due(self, i: usize) -> bool {
        match self {
            Self::Once => i == 0,
            Self::Always => true,
            Self::EveryNth(n) => i.is_multiple_of(n.max(1)),
        }
    }
}

/// Which cutoffs a backtest judges, and how.
#[derive(Debug, Clone, PartialEq)]
pub struct BacktestPlan {
    /// The first cutoff judged.
    pub from: Cutoff,
    /// The last one, included where the steps meet it.
    pub to: Cutoff,
    /// The step between them.
    pub every: Every,
    /// When to train.
    pub refit: Refit,
    /// The horizons judged.
    pub horizons: Vec<Horizon>,
}
