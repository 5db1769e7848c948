//! The list of all features: name, unit, window, source and meaning of each, in the order in which they are computed. It
//! does not compute them.

use forewarn_frames::History;

use crate::catalog::{
    ANEW_DAYS, CAPACITY, CHANGE_WINDOWS, COHORT_WINDOWS, COUNT_WINDOWS, Catalog, EVENT_WINDOWS, FeatureSpec,
    HALF_LIVES, INCREASE_WINDOWS, RATE_DAYS, RATIO_WINDOWS, RECENT_DAYS, TICKET_WINDOWS,
};
use crate::metric::FARTHEST;
use crate::phrase::Phrase;

impl Catalog {
    pub(crate) fn list(&self, history: &History<'_>) -> Vec<FeatureSpec> {
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
                suits: phrase.suits(),
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
        if self.reads(CAPACITY) {
            add(
                CAPACITY,
                "size",
                "",
                None,
                "assets",
                "its size in the kind's own unit".into(),
                Phrase::Capacity,
            );
        }
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
        for h in RATE_DAYS.into_iter().filter(|_| self.fails_again) {
            add(
                "failures",
                &format!("rate_{h}d"),
                "failures a year",
                None,
                "failures",
                format!(
                    "own failure rate, each day halved every {h} days, shrunk to its cohort's (gamma–Poisson)"
                ),
                Phrase::FailureRate,
            );
            add(
                "failures",
                &format!("relative_rate_{h}d"),
                "times",
                None,
                "failures",
                format!("`rate_{h}d` over the fleet's rate of the same days"),
                Phrase::RelativeRate,
            );
        }
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

        // Cohorts.
        for c in &self.categories {
            let d = c.dimension.name();
            add(
                &format!("same {d}"),
                "failed_365d",
                "share",
                Some(365),
                "failures",
                format!(
                    "share of assets of the same {d} that failed in the last 365 days, shrunk to the fleet's"
                ),
                Phrase::CohortShare,
            );
            for h in RATE_DAYS {
                add(
                    &format!("same {d}"),
                    &format!("rate_{h}d"),
                    "times",
                    None,
                    "failures",
                    format!("failure rate of the same {d} over the fleet's, each day halved every {h} days"),
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
            for limit in &plan.limits {
                let (side, over) =
                    if limit.above { ("above", "rises above") } else { ("below", "falls below") };
                add(
                    m,
                    &format!("days_until_{side}_{}", limit.value),
                    "days",
                    Some(30),
                    "telemetry",
                    format!(
                        "days until {m} {over} {}, at the pace of the last 30 days; 0: it is, {FARTHEST}: later or never",
                        limit.value
                    ),
                    Phrase::UntilLimit,
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
