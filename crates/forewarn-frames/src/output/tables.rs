//! Every output table with its columns: names, kinds and meaning. It does not know how a row comes about.

use super::OutKind::{Flag, Modes, Number, Reasons, Text, Texts, Time, Whole};
use super::TableSchema;
use super::decide::{CARDS, DRIFT, EXPOSURE, LEDGER, LISTED, ORDERS, PLAN, SERVICE, TRACK_RECORD};

/// One row per asset at `rank_by_days`, best known risk first.
pub const RANKING: TableSchema = TableSchema {
    name: "ranking",
    columns: &[
        ("rank", Whole, "1 is the most likely to fail"),
        ("asset_id", Text, "the asset"),
        ("kind", Text, "laptop, server, …"),
        ("model", Text, "the maker's model"),
        ("site", Text, "where it stands today"),
        ("horizon_days", Whole, "the horizon of the probability"),
        ("probability", Number, "P(failure within the horizon), 0 to 1"),
        ("probability_low", Number, "lower end of the 80 % interval"),
        ("probability_high", Number, "upper end of the 80 % interval"),
        ("status", Text, "scored, or unknown where there is too little exposure"),
        ("failure_mode", Text, "the likeliest mode, where modes are known and it has a name"),
        (
            "remaining_life_days",
            Number,
            "median days to the next failure, from the probabilities and, where units run until they fail, from how it declines; null: beyond the longest horizon",
        ),
        (
            "remaining_life_low",
            Number,
            "days by which one in ten such assets fails; null: beyond the longest horizon",
        ),
        ("remaining_life_high", Number, "days by which nine in ten fail; null: beyond the longest horizon"),
        ("expected_cost", Number, "of doing nothing, in the config's currency"),
        ("expected_saving", Number, "of the measure, in the config's currency"),
        ("action", Text, "what to do"),
        (
            "modes",
            Modes,
            "the probability split by mode, the likeliest first; `other` holds the rare and the unknown",
        ),
        ("reasons", Reasons, "contributions in log-odds, the largest first; feature `base` is the base term"),
        ("previous_rank", Whole, "rank one night earlier, by the same model; null: not ranked then"),
        ("move_reason", Text, "why the rank moved since the night before, among the first 1,000"),
        ("owner", Text, "who answers for it today"),
        ("criticality", Whole, "1 (highest) to 5, as of today"),
        ("warranty_ends_at", Time, "end of the warranty, as of today"),
        ("break_even", Number, "the probability from which the action pays; null: no costs given"),
        ("effectiveness", Number, "share of such failures that the action prevents, 0 to 1"),
        ("effectiveness_from", Text, "measured (in this data) or assumed (in the catalog)"),
        ("action_reason", Text, "why this action"),
        ("feedback", Text, "what was reported as done and holds the asset back, e.g. `visited 2025-12-28`"),
    ],
};

/// Every (asset, horizon).
pub const RISK: TableSchema = TableSchema {
    name: "risk",
    columns: &[
        ("asset_id", Text, "the asset"),
        ("horizon_days", Whole, "the horizon"),
        ("probability", Number, "P(failure within the horizon), 0 to 1"),
        ("probability_low", Number, "lower end of the 80 % interval"),
        ("probability_high", Number, "upper end of the 80 % interval"),
        ("status", Text, "scored or unknown"),
    ],
};

/// What counted as failure.
pub const LABELS: TableSchema = TableSchema {
    name: "labels",
    columns: &[
        ("asset_id", Text, "the asset"),
        ("failed_at", Time, "when it failed"),
        ("mode", Text, "how"),
        ("ticket_id", Text, "the ticket that says so"),
        ("scored", Flag, "whether the asset is in the inventory, and so in the ranking"),
    ],
};

/// How the predicted probabilities compare with what happened, by tenth of the backtest's predictions.
pub const CALIBRATION: TableSchema = TableSchema {
    name: "calibration",
    columns: &[
        ("horizon_days", Whole, "the horizon"),
        ("model", Text, "whose predictions"),
        ("bin", Whole, "1 is the lowest tenth; null where `cohort` is given"),
        ("n", Whole, "predictions in the bin"),
        ("mean_probability", Number, "their mean"),
        ("observed", Number, "the share that failed"),
        ("low", Number, "lower end of the 80 % interval of that share"),
        ("high", Number, "upper end of it"),
        (
            "cohort",
            Text,
            "whose predictions: null for all, else the assets of a kind or model, e.g. `kind Laptop`",
        ),
    ],
};

/// The backtest of every model and baseline: one row per model, horizon and metric.
pub const METRICS: TableSchema = TableSchema {
    name: "metrics",
    columns: &[
        ("model", Text, "the candidate"),
        ("role", Text, "baseline, candidate or chosen"),
        ("horizon_days", Whole, "the horizon"),
        (
            "metric",
            Text,
            "average_precision, roc_auc, precision_at_20, brier_skill, …; coverage_80 is the share inside the 80 % interval, a count on an end of it as half",
        ),
        ("value", Number, "its value"),
        ("low", Number, "lower end of its 80 % interval, by a bootstrap over assets"),
        ("high", Number, "upper end of it"),
    ],
};

/// Points of the report's plots.
pub const PLOT_SERIES: TableSchema = TableSchema {
    name: "plot_series",
    columns: &[
        (
            "plot",
            Text,
            "which plot: capture (failures caught by list length), base_rate (share failed by cutoff), incidents (in total by period), …",
        ),
        ("series", Text, "which line of it, e.g. a model"),
        ("x", Number, "abscissa"),
        ("y", Number, "ordinate"),
        ("low", Number, "lower end of its 80 % interval"),
        ("high", Number, "upper end of it"),
    ],
};

/// `predictions` of a backtest.
pub const PREDICTIONS: TableSchema = TableSchema {
    name: "predictions",
    columns: &[
        ("cutoff", Time, "when it was made"),
        ("asset_id", Text, "the asset"),
        ("horizon_days", Whole, "the horizon"),
        ("probability", Number, "P(failure within the horizon), 0 to 1"),
        ("outcome", Flag, "whether it failed in the window; null where censored"),
        ("probability_low", Number, "the lower end of its 80 % interval"),
        ("probability_high", Number, "the upper end"),
    ],
};

/// `candidates` of a backtest: the same for each candidate.
pub const CANDIDATES: TableSchema = TableSchema {
    name: "candidates",
    columns: &[
        ("cutoff", Time, "when it was made"),
        ("asset_id", Text, "the asset"),
        ("horizon_days", Whole, "the horizon"),
        ("model", Text, "the candidate"),
        ("probability", Number, "P(failure within the horizon), 0 to 1"),
        ("outcome", Flag, "whether it failed in the window; null where censored"),
    ],
};

/// The feature catalog as a table.
pub const FEATURES: TableSchema = TableSchema {
    name: "features",
    columns: &[
        ("feature", Text, "its name"),
        ("unit", Text, "its unit"),
        ("window_days", Whole, "how far it looks back; null: over all that is known"),
        ("source", Text, "the table it reads"),
        ("meaning", Text, "in words"),
    ],
};

/// What comes again: every asset with an incident, with all its incidents (category `(all)`) and by category.
pub const RECURRENCES: TableSchema = TableSchema {
    name: "recurrences",
    columns: &[
        ("asset_id", Text, "the asset"),
        ("category", Text, "the incidents' category; `(all)` together, `(none)` without one"),
        ("n_incidents", Whole, "incidents known so far"),
        ("exposure_days", Number, "days that the asset was watched"),
        ("expected_30d", Number, "incidents expected in the next 30 days"),
        ("low", Number, "lower end of the 80 % interval of that count"),
        ("high", Number, "upper end of it"),
        ("p_any", Number, "P(at least one) in the next 30 days"),
        (
            "beta",
            Number,
            "exponent of the power law (Crow-AMSAA) over the last two years; null: fewer than four incidents",
        ),
        ("trend", Text, "improving, stable, worsening: where `q_value` is at most 0.1"),
        (
            "p_value",
            Number,
            "two-sided, of Laplace's test with the variance that bursts make; null: fewer than four incidents",
        ),
        ("q_value", Number, "false-discovery rate over all assets (Benjamini and Hochberg)"),
        ("laplace_p_value", Number, "of Laplace's test alone, which takes bursts for trends"),
        ("mil_hdbk_189_p_value", Number, "of the test of MIL-HDBK-189"),
        ("expected_7d", Number, "the same for the next 7 days"),
        ("low_7d", Number, "lower end of the 80 % interval"),
        ("high_7d", Number, "upper end of it"),
        ("p_any_7d", Number, "P(at least one)"),
        ("expected_90d", Number, "the same for the next 90 days"),
        ("low_90d", Number, "lower end of the 80 % interval"),
        ("high_90d", Number, "upper end of it"),
        ("p_any_90d", Number, "P(at least one)"),
    ],
};

/// What measures did to incidents, failures and telemetry of the assets that they touched: rows of incidents first, then of
/// failures, then of metrics; in each what hurt first.
pub const MEASURES: TableSchema = TableSchema {
    name: "measures",
    columns: &[
        ("measure", Text, "kind, component and code of the change"),
        (
            "n_assets",
            Whole,
            "assets that it touched and that could be compared; all touched where there is too little data",
        ),
        ("rate_before", Number, "the outcome in the 60 days before, in `unit`"),
        (
            "rate_after",
            Number,
            "the outcome in the 60 days after (failures: in as many days as the ranking looks ahead), in `unit`",
        ),
        (
            "ratio",
            Number,
            "the outcome after, over that of matched assets that were not touched; null where a metric can be 0 or below",
        ),
        ("low", Number, "lower end of the 80 % interval of the ratio"),
        ("high", Number, "upper end of it"),
        (
            "q_value",
            Number,
            "false-discovery rate (Benjamini and Hochberg) over all rows of incidents and failures, or over all of metrics (of a change by more than one in a hundred)",
        ),
        (
            "verdict",
            Text,
            "helped, no effect seen, hurt, changed (a metric of which nothing says which side is bad), each but `no effect seen` where `q_value` is at most 0.1; too little data",
        ),
        ("rate_expected", Number, "what matched assets say there would have been, in `unit`"),
        ("outcome", Text, "incidents, failures, or the metric's name"),
        (
            "unit",
            Text,
            "incidents or failures an asset and year; level: the mean of a day, in the metric's unit; increase a day, of what counts up",
        ),
        ("kind", Text, "the kind of the change: visit, patch, replacement, …"),
        (
            "difference",
            Number,
            "where a metric can be 0 or below: the level after, less that of matched assets that were not touched",
        ),
        ("difference_low", Number, "lower end of the 80 % interval of the difference"),
        ("difference_high", Number, "upper end of it"),
    ],
};

/// `recurrence` of a backtest: counts forecast at past cutoffs, and what came.
pub const RECURRENCE: TableSchema = TableSchema {
    name: "recurrence",
    columns: &[
        ("cutoff", Time, "when it was made"),
        ("asset_id", Text, "the asset"),
        ("category", Text, "the incidents' category; `(all)` together, `(none)` without one"),
        ("horizon_days", Whole, "the horizon"),
        ("actual", Whole, "incidents in the window; null where censored"),
        ("expected", Number, "the mean forecast"),
        ("cdf_below", Number, "P(count < actual); null where censored"),
        ("cdf_at", Number, "P(count <= actual); null where censored"),
    ],
};

/// Tickets that say the same: candidates for a problem record, the growing ones first, then the largest.
pub const PROBLEMS: TableSchema = TableSchema {
    name: "problems",
    columns: &[
        ("problem_id", Text, "`P-` and the ticket with which it was first seen; kept from night to night"),
        ("title", Text, "words that tell it from the others, as far as `privacy.text` allows"),
        ("n_tickets", Whole, "its tickets"),
        ("n_assets", Whole, "the assets they name"),
        ("first_seen", Time, "when its first ticket was opened"),
        ("last_seen", Time, "when its last ticket was opened"),
        (
            "growth",
            Number,
            "tickets a day in the last 28 days over those in the 182 days before; null: records too short",
        ),
        ("growth_low", Number, "lower end of the 95 % interval of that ratio; above 1: it grows"),
        ("growth_high", Number, "upper end of it; below 1: it shrinks; null: no upper end"),
        ("ticket_ids", Texts, "its tickets: the most typical one, then the others by time"),
        ("asset_ids", Texts, "the assets, sorted"),
    ],
};

/// What gets worse on which asset, what matters first at the top.
pub const DEGRADATIONS: TableSchema = TableSchema {
    name: "degradations",
    columns: &[
        ("asset_id", Text, "the asset"),
        ("metric", Text, "the metric of its telemetry"),
        (
            "kind",
            Text,
            "trend (a level that moves, or nears a threshold), change_point (a sudden change of level, spread or slope), anomaly (unlike its own past), peer (unlike its peers)",
        ),
        ("since", Time, "since when, as far as the series tells"),
        (
            "value",
            Number,
            "the level now (trend), after the change (change_point), or of that day (anomaly, peer)",
        ),
        ("threshold", Number, "the threshold that matters; null where the metric has none"),
        (
            "eta_days",
            Number,
            "median of the days until the threshold is crossed, 0: it is; null: not within 180 days, or none",
        ),
        ("eta_low", Number, "one in ten crosses before so many days; null: not within 180 days"),
        ("eta_high", Number, "nine in ten cross before so many days; null: not within 180 days"),
        (
            "score",
            Number,
            "how unlikely by chance, 0 or more: minus the decimal logarithm of the p-value (trend, change_point) or of the false alarms a day (anomaly, peer) of what is as striking",
        ),
        ("text", Text, "the finding in words"),
        (
            "expected",
            Number,
            "what was usual before: the level before the change, or what was expected of that day",
        ),
        ("slope_per_day", Number, "change of the level a day; null where none is claimed"),
        (
            "related",
            Text,
            "a change or patch of the asset within two days of `since`; null where there is none",
        ),
        ("n_assets", Whole, "how many assets show the same at the same time, this one included; 1: it alone"),
    ],
};

/// `degradation` of a backtest: what was flagged at each cutoff, and what came.
pub const DEGRADATION: TableSchema = TableSchema {
    name: "degradation",
    columns: &[
        ("cutoff", Time, "when it was flagged"),
        ("asset_id", Text, "the asset"),
        ("metric", Text, "the metric"),
        ("kind", Text, "as in `degradations`"),
        ("score", Number, "as in `degradations`"),
        ("eta_days", Number, "as in `degradations`"),
        ("eta_low", Number, "as in `degradations`"),
        ("eta_high", Number, "as in `degradations`"),
        ("outcome_days", Number, "days from the cutoff to the asset's next failure; null: none was seen"),
        (
            "crossed_days",
            Number,
            "days from the cutoff to the day that the threshold was crossed; null: not seen, or no threshold",
        ),
        (
            "watched_days",
            Number,
            "days after the cutoff for which the asset was seen: within the records and in service",
        ),
    ],
};

/// Expected counts of tickets, one row per series and period ahead.
pub const FORECASTS: TableSchema = TableSchema {
    name: "forecasts",
    columns: &[
        (
            "series_id",
            Text,
            "the value counted, `total`, `(other)` for all small series, `(none)` without a value",
        ),
        ("level", Text, "the ticket column counted by, or `total`"),
        ("ds", Time, "when the period begins"),
        ("mean", Number, "expected incidents; the means of a level sum to the total's"),
        ("q05", Number, "so many or fewer with probability 0.05"),
        ("q10", Number, "… 0.1"),
        ("q20", Number, "… 0.2"),
        ("q50", Number, "… 0.5"),
        ("q80", Number, "… 0.8"),
        ("q90", Number, "… 0.9"),
        ("q95", Number, "… 0.95"),
        (
            "model",
            Text,
            "who spoke: a candidate's name or `blend`; `(guarded)` where one went beyond the plausible",
        ),
        ("every", Text, "how long a period is: 1d, 1w or 1mo"),
    ],
};

/// `forecasts` of a backtest: the same at every origin, with what came.
pub const FORECASTS_JUDGED: TableSchema = TableSchema {
    name: "forecasts_judged",
    columns: &[
        ("level", Text, "the ticket column counted by, or `total`"),
        (
            "series_id",
            Text,
            "the value counted, `total`, `(other)` for all small series, `(none)` without a value",
        ),
        ("cutoff", Time, "when it was made"),
        ("ds", Time, "when the period begins"),
        ("actual", Number, "incidents that came; null where the period reaches past the end of observation"),
        ("mean", Number, "expected incidents; the means of a level sum to the total's"),
        ("q05", Number, "so many or fewer with probability 0.05"),
        ("q10", Number, "… 0.1"),
        ("q20", Number, "… 0.2"),
        ("q50", Number, "… 0.5"),
        ("q80", Number, "… 0.8"),
        ("q90", Number, "… 0.9"),
        ("q95", Number, "… 0.95"),
        (
            "model",
            Text,
            "who spoke: a candidate's name or `blend`; `(guarded)` where one went beyond the plausible",
        ),
        ("every", Text, "how long a period is: 1d, 1w or 1mo"),
    ],
};

/// How much is coming, one row per series and window: the next 7 days and the next 28.
pub const WORKLOAD: TableSchema = TableSchema {
    name: "workload",
    columns: &[
        ("series_id", Text, "as in `forecasts`"),
        ("level", Text, "as in `forecasts`"),
        ("days", Whole, "the window, days from the run's date"),
        ("mean", Number, "expected incidents in it"),
        ("low", Number, "lower end of the 80 % interval"),
        ("high", Number, "upper end of it"),
        ("usual", Number, "the median of like windows in the last year; null: too few"),
        ("usual_low", Number, "one in ten of them had this many or fewer"),
        ("usual_high", Number, "nine in ten of them had this many or fewer"),
        (
            "verdict",
            Text,
            "above, usual, below (of the usual range, more likely than not), or new: too few windows",
        ),
    ],
};

/// What the data checks found, as it stands in `findings.json`.
pub const FINDINGS: TableSchema = TableSchema {
    name: "findings",
    columns: &[
        ("check", Text, "the check's name"),
        ("severity", Text, "info, warning or error"),
        ("table", Text, "the input table it is about"),
        ("column", Text, "the column, where one is meant"),
        ("n_rows", Whole, "how many rows"),
        ("sample", Texts, "up to five values or ids"),
        ("message", Text, "what was found"),
        ("hint", Text, "what to try; empty where there is nothing to do"),
    ],
};

/// Every output table of a run.
pub const TABLES: [&TableSchema; 28] = [
    &RANKING,
    &PLAN,
    &ORDERS,
    &RISK,
    &LABELS,
    &CALIBRATION,
    &METRICS,
    &PLOT_SERIES,
    &PREDICTIONS,
    &CANDIDATES,
    &FEATURES,
    &RECURRENCES,
    &MEASURES,
    &RECURRENCE,
    &PROBLEMS,
    &DEGRADATIONS,
    &DEGRADATION,
    &FORECASTS,
    &FORECASTS_JUDGED,
    &WORKLOAD,
    &EXPOSURE,
    &SERVICE,
    &TRACK_RECORD,
    &LISTED,
    &LEDGER,
    &DRIFT,
    &CARDS,
    &FINDINGS,
];
