//! The output tables from which a reader decides: what to do, what is vulnerable, how service fares, how earlier lists
//! fared. It does not know how a row comes about.

use super::OutKind::{Flag, Number, Text, Texts, Time, Whole};
use super::TableSchema;

/// What to do first, one row per action: on one asset, or on a wave of look-alikes.
pub const PLAN: TableSchema = TableSchema {
    name: "plan",
    columns: &[
        ("place", Whole, "1 is to be done first"),
        ("action", Text, "which one, by its name in the catalog"),
        ("title", Text, "the action in words"),
        ("why", Text, "why this one"),
        ("scope", Text, "asset, or wave: assets of one model and firmware that need the same"),
        ("n_assets", Whole, "how many assets it is about"),
        ("asset_ids", Texts, "these, the likeliest to fail first"),
        ("site", Text, "where they stand; null: at several sites, or not known"),
        ("owner", Text, "who answers for them; null: several, or not known"),
        ("expected_failures", Number, "failures expected of them within `rank_by_days` if nothing is done"),
        ("expected_cost", Number, "of doing nothing, in the config's currency; null: no costs given"),
        ("expected_saving", Number, "of the action, in the config's currency; null: no costs given"),
        ("effectiveness", Number, "share of these failures that it prevents, 0 to 1"),
        ("effectiveness_from", Text, "measured (in this data) or assumed (in the catalog)"),
    ],
};

/// Tickets to be opened for the first actions of the plan, those that no open ticket holds yet.
pub const ORDERS: TableSchema = TableSchema {
    name: "orders",
    columns: &[
        ("order_id", Text, "`fw-` and twelve digits; the same action on the same assets has the same"),
        ("asset_ids", Texts, "the assets, the likeliest to fail first"),
        ("action", Text, "which one, by its name in the catalog"),
        ("title", Text, "one line; ends with the order's id in brackets, by which its ticket is found again"),
        ("text", Text, "what to do, why, and what it is worth"),
        ("impact", Whole, "1 (high) to 3 (low), from the criticality of the first asset"),
        ("urgency", Whole, "1 (high) to 3 (low), from the probability of the first asset"),
        ("site", Text, "where the assets stand; null: at several sites, or not known"),
        ("owner", Text, "who answers for them; null: several, or not known"),
        ("due_at", Time, "the end of the period"),
    ],
};

/// What makes assets vulnerable before anything fails, one row per asset and weakness.
pub const EXPOSURE: TableSchema = TableSchema {
    name: "exposure",
    columns: &[
        ("asset_id", Text, "the asset"),
        ("kind", Text, "laptop, server, …"),
        ("model", Text, "the maker's model"),
        ("site", Text, "where it stands today"),
        ("owner", Text, "who answers for it"),
        (
            "exposure",
            Text,
            "patch_lag, patch_missing, os_behind, firmware_behind, past_warranty, past_service_life, single_point or repeat_repairs",
        ),
        ("since", Time, "since when; null: not known"),
        ("value", Number, "how much of it, in `unit`"),
        ("unit", Text, "days, versions, repairs, …"),
        ("usual", Number, "what is usual among its peers, in `unit`; null: nothing to compare with"),
        ("score", Number, "0 to 1: how far beyond its peers, or its term"),
        ("text", Text, "in words"),
    ],
};

/// How the service fares, one row per measure, series and month.
pub const SERVICE: TableSchema = TableSchema {
    name: "service",
    columns: &[
        (
            "measure",
            Text,
            "n_incidents, mttr_hours, mtbf_days, availability, reopen_share, breach_share, csat, proactive_share",
        ),
        ("level", Text, "total, service or site"),
        (
            "series_id",
            Text,
            "the service or site; `total`; `(none)` without one; `(other)` for all small ones",
        ),
        ("ds", Time, "when the month begins (UTC)"),
        ("n", Whole, "incidents, tickets or answers that the value rests on"),
        ("value", Number, "hours, days, a share from 0 to 1, or points from 1 to 5"),
        ("low", Number, "lower end of its 80 % interval"),
        ("high", Number, "upper end of it"),
        ("trend", Text, "rising, steady, falling or too little data, over the months shown"),
        (
            "change",
            Number,
            "change a year that the trend says, relative for counts and times, else in points",
        ),
        ("change_low", Number, "lower end of its 80 % interval"),
        ("change_high", Number, "upper end of it"),
        (
            "q_value",
            Number,
            "of the trend: rising or falling where at most 0.1, so that one such verdict in ten of a measure may be false",
        ),
    ],
};

/// How earlier lists fared, one row per month and ranker.
pub const TRACK_RECORD: TableSchema = TableSchema {
    name: "track_record",
    columns: &[
        ("source", Text, "ledger (lists made then) or backtest (made today as if then)"),
        ("ranker", Text, "chosen: the list that was shown; baseline: the dumb one, of the same length"),
        ("month", Time, "when the month begins (UTC); null: all months together"),
        ("n_lists", Whole, "lists made in the month"),
        ("n_listed", Whole, "places on them"),
        ("n_hits", Whole, "of these, assets that failed within `rank_by_days`"),
        ("n_false_alarms", Whole, "of these, assets whose time is over without failure"),
        ("n_acted_on", Whole, "of these, assets replaced, retired or visited within it, before any failure"),
        ("n_open", Whole, "of these, assets whose time is not over, whatever came so far"),
        ("n_failures", Whole, "failures in the month that a list could have named: one was made in time"),
        ("n_forewarned", Whole, "of these, on a list within `rank_by_days` before and at least a day ahead"),
        ("forewarned_share", Number, "n_forewarned over n_failures"),
        ("forewarned_low", Number, "lower end of its 80 % interval"),
        ("forewarned_high", Number, "upper end of it"),
        ("lead_days", Number, "median days from the first such list to the failure, of those forewarned"),
        ("precision", Number, "hits over hits and false alarms"),
        ("n_judged", Whole, "probabilities whose time is over, of all assets and not of those listed alone"),
        ("expected", Number, "failures that these promised"),
        ("observed", Number, "of these assets, how many failed"),
        ("brier_skill", Number, "of all probabilities whose time is over, against the base rate"),
    ],
};

/// The places on earlier lists and what became of them.
pub const LISTED: TableSchema = TableSchema {
    name: "listed",
    columns: &[
        ("source", Text, "ledger (a list made then) or backtest (made today as if then)"),
        ("list_date", Time, "when the list was made"),
        ("place", Whole, "the asset's place on it, from 1"),
        ("asset_id", Text, "the asset"),
        ("probability", Number, "what was said, 0 to 1"),
        ("outcome", Text, "hit, false_alarm, acted_on, or open: its time is not over"),
        ("at", Time, "when it failed or was acted on, whichever was first; null: neither so far"),
        ("what", Text, "the failure's mode or ticket, or what was done"),
    ],
};

/// What was said of every asset on a night: one file of `OUT/history/` each, and no part of a run's report. Later nights
/// are judged by it, so its columns never change their meaning.
pub const LEDGER: TableSchema = TableSchema {
    name: "ledger",
    columns: &[
        ("as_of", Time, "the night: what was known strictly before it was used"),
        ("rank_by_days", Whole, "how far the probabilities look, days"),
        ("asset_id", Text, "the asset"),
        ("place", Whole, "its place in the ranking, from 1"),
        ("probability", Number, "of a failure within `rank_by_days`, 0 to 1"),
        ("on_list", Flag, "whether it was among the first `capacity.visits`"),
        ("baseline_place", Whole, "its place by the dumb baseline"),
        ("baseline_probability", Number, "the baseline's probability"),
    ],
};

/// What changed between the data learned from and the latest: base rate, features, calibration.
pub const DRIFT: TableSchema = TableSchema {
    name: "drift",
    columns: &[
        ("what", Text, "base_rate, feature or calibration"),
        ("name", Text, "which feature or rate"),
        (
            "before",
            Number,
            "its value (base rate: share; feature: median; calibration: promised failures) then",
        ),
        ("now", Number, "the same now (calibration: observed failures)"),
        ("statistic", Number, "base rate and calibration: log ratio; feature: population stability index"),
        ("low", Number, "lower end of the 80 % interval of the statistic; null for features"),
        ("high", Number, "upper end of it"),
        ("verdict", Text, "stable, shifted or too little data"),
        ("text", Text, "in words"),
    ],
};

/// What the cards of the first assets show beside their row of the ranking.
pub const CARDS: TableSchema = TableSchema {
    name: "cards",
    columns: &[
        ("asset_id", Text, "the asset"),
        ("kind", Text, "ticket, failure, event, reading or listed"),
        ("at", Time, "when"),
        ("name", Text, "the ticket's or event's id or kind; the metric; null for failures"),
        ("value", Number, "the reading's daily mean; the ticket's priority; the place on the list"),
        ("text", Text, "category, or title where `privacy.text` allows; mode; probability"),
    ],
};
