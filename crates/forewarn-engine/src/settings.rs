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

/// Everything the engine is told.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// See [`RiskSettings`].
    pub risk: RiskSettings,
    /// See [`Capacity`].
    pub capacity: Capacity,
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
