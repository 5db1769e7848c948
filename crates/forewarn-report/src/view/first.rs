//! The first screen: what to do first, and what the backtest says such a list is worth. It says no more than the tables
//! support.

// `let _ = write!(…)`: writing to a String does not fail.
use std::fmt::Write as _;

use forewarn_frames::output::{RankingRow, RunTables};
use serde::Serialize;

use super::assets::{AssetRow, asset_row, assets, axis_of, axis_text};
use super::plan::money;
use super::trust::metrics;
use super::{days, model_name, period};
use crate::error::{ReportError, table};
use crate::number::{expected, fixed, share, share_range, whole};
use crate::rows;

/// The first screen.
#[derive(Serialize)]
pub(crate) struct First {
    /// What to do, in one sentence.
    todo: String,
    /// What waiting costs and acting saves.
    stake: String,
    /// How earlier lists fared; `None` where nothing is known of that.
    record: Option<String>,
    /// What such lists were worth in the backtest, where `record` does not say it.
    worth: String,
    /// Rows of the list that are not here.
    more: usize,
    figures: Vec<Figure>,
    rows: Vec<AssetRow>,
    axis: String,
    costs: bool,
    savings: bool,
    actions: bool,
}

/// One key figure.
#[derive(Serialize)]
struct Figure {
    name: String,
    value: String,
    note: String,
}

/// A point of a capture curve: the share of failures that a list of this length caught.
struct Caught {
    share: f64,
    low: f64,
    high: f64,
}

/// The share of failures that the first `k` of `series` caught: the point of its capture curve, or the metric
/// `recall_at_k`, or the curve between its neighbors; `None` where there is none of these.
fn caught(tables: &RunTables, series: &str, k: f64) -> Result<Option<Caught>, ReportError> {
    let df = &tables.plot_series;
    let e = table("plot_series");
    let (plot, name) = (rows::texts(df, "plot").map_err(&e)?, rows::texts(df, "series").map_err(&e)?);
    let [x, y, low, high] = ["x", "y", "low", "high"].map(|c| rows::numbers(df, c));
    let (x, y, low, high) = (x.map_err(&e)?, y.map_err(&e)?, low.map_err(&e)?, high.map_err(&e)?);
    let mut points: Vec<[f64; 4]> = (0..df.height())
        .filter(|i| plot[*i].as_deref() == Some("capture") && name[*i].as_deref() == Some(series))
        .map(|i| [x[i], y[i], low[i], high[i]])
        .filter(|p| p[0].is_finite() && p[1].is_finite())
        .collect();
    points.sort_by(|a, b| a[0].total_cmp(&b[0]));
    let after = points.iter().position(|p| p[0] >= k);
    if let Some(p) = after.map(|i| points[i]).filter(|p| p[0] == k) {
        return Ok(Some(Caught { share: p[1], low: p[2], high: p[3] }));
    }
    let recall = format!("recall_at_{k}");
    let found = metrics(tables)?.into_iter().find(|m| m.model == series && m.name == recall);
    if let Some(m) = found.filter(|m| m.value.is_finite()) {
        return Ok(Some(Caught { share: m.value, low: m.low, high: m.high }));
    }
    Ok(match after {
        None => None,
        Some(i) => {
            // A list of none catches none.
            let (a, b) = (if i == 0 { [0.0; 4] } else { points[i - 1] }, points[i]);
            let t = (k - a[0]) / (b[0] - a[0]);
            let at = |j: usize| a[j] + t * (b[j] - a[j]);
            Some(Caught { share: at(1), low: at(2), high: at(3) })
        }
    })
}

/// `2.4 times as many as`, `about as many as`, `fewer (0.7 times as many) than`.
fn times(ratio: f64) -> String {
    if ratio >= 1.05 {
        format!("{} times as many as", fixed(ratio, usize::from(ratio < 9.95), false))
    } else if ratio > 0.95 {
        "about as many as".to_owned()
    } else {
        format!("fewer ({} times as many) than", fixed(ratio, 2, false))
    }
}

fn worth(tables: &RunTables, k: usize) -> Result<String, ReportError> {
    let f = &tables.facts;
    let chosen = caught(tables, &f.chosen_model, k as f64)?;
    let baseline = caught(tables, &f.baseline_model, k as f64)?;
    let dumb = model_name(&f.baseline_model);
    let mut out = String::new();
    if !f.beats_baseline {
        out.push_str("No model did better than the simple baseline in the backtest, so this list is ranked by the baseline: ");
        out.push_str(&dumb);
        out.push_str(". ");
    }
    let Some(c) = chosen else {
        out.push_str("There is no backtest of such a list in this run, so what share of failures it would catch is not known.");
        return Ok(out);
    };
    let range = share_range(c.low, c.high);
    let range = if range.is_empty() { range } else { format!(" (80\u{a0}% interval {range})") };
    let subject = if out.is_empty() { "In the backtest such a list" } else { "Such a list" };
    let _ = write!(
        out,
        "{subject} caught about {}{range} of the failures of the following {}",
        share(c.share),
        days(i64::from(f.rank_by_days))
    );
    match baseline {
        Some(b) if f.beats_baseline && f.chosen_model != f.baseline_model && b.share > 0.0 => {
            let _ = write!(out, ", {} picking by {dumb}.", times(c.share / b.share));
        }
        _ => out.push('.'),
    }
    Ok(out)
}

/// Lower and upper end of the 80 % range of a count of independent failures with these probabilities.
fn plausible(sum: f64, variance: f64) -> (f64, f64) {
    // 1.2816 is the normal quantile of 0.9. The half added on both sides makes up for counts being whole.
    let half = 1.2816 * variance.max(0.0).sqrt() + 0.5;
    ((sum - half).max(0.0).ceil(), (sum + half).floor().max(0.0))
}

fn figures(tables: &RunTables, top: &[RankingRow], k: usize) -> Result<Vec<Figure>, ReportError> {
    let f = &tables.facts;
    let e = table("risk");
    let horizon = rows::wholes(&tables.risk, "horizon_days").map_err(&e)?;
    let p = rows::numbers(&tables.risk, "probability").map_err(&e)?;
    let mut here: Vec<f64> = horizon
        .iter()
        .zip(&p)
        .filter(|(h, p)| **h == Some(i64::from(f.rank_by_days)) && p.is_finite())
        .map(|(_, p)| *p)
        .collect();
    if here.is_empty() {
        here = rows::numbers(&tables.ranking, "probability").map_err(table("ranking"))?;
        here.retain(|p| p.is_finite());
    }
    // As earlier lists kept their promises, where there is a backtest to tell; else as the probabilities have it.
    let mut sum: f64 = here.iter().sum();
    let (mut low, mut high) = plausible(sum, here.iter().map(|p| p * (1.0 - p)).sum());
    let mut listed: f64 = top.iter().take(k).map(|r| r.probability).filter(|p| p.is_finite()).sum();
    if let (Some(all), Some(from), Some(to), Some(caught)) =
        (f.expected_failures, f.expected_failures_low, f.expected_failures_high, f.caught)
    {
        (sum, low, high, listed) = (all, from, to, caught);
    }
    let figure = |name: String, value: String, note: String| Figure { name, value, note };
    let mut out = vec![figure(
        "Assets watched".to_owned(),
        whole(f.n_assets),
        format!("as of {}", crate::text::foreign(&f.as_of, 40)),
    )];
    if here.is_empty() {
        return Ok(out);
    }
    out.push(figure(
        format!("Failures expected in the next {}", days(i64::from(f.rank_by_days))),
        expected(sum),
        format!("plausibly {} to {}", whole(low as u64), whole(high as u64)),
    ));
    out.push(figure(
        format!("Of these, on the list of {}", whole(k as u64)),
        expected(listed),
        if sum > 0.0 {
            format!("{} of all expected failures", share((listed / sum).min(1.0)))
        } else {
            String::new()
        },
    ));
    out.push(figure(
        "Unknown assets".to_owned(),
        whole(f.n_unknown),
        if f.n_unknown == 0 {
            "all have enough history".to_owned()
        } else {
            "too little history: shown with the rate of similar ones".to_owned()
        },
    ));
    Ok(out)
}

/// Rows of the list on the first screen: what fits on it. The rest is below.
const FIRST_ROWS: usize = 8;

/// What to do and what it brings: `You can visit 20 assets this week: expect 9 (6–12) of 31 failures caught.`
fn todo(tables: &RunTables, k: usize) -> String {
    let f = &tables.facts;
    let when = period(f.capacity_per_days);
    let (Some(caught), Some(all)) = (f.caught, f.expected_failures) else {
        let these = if k == 1 { "this asset".to_owned() } else { format!("these {}", assets(k)) };
        return format!("Visit {these} {when}.");
    };
    let range = match (f.caught_low, f.caught_high) {
        (Some(low), Some(high)) => format!(" ({}–{})", expected_whole(low), expected_whole(high)),
        _ => String::new(),
    };
    format!(
        "You can visit {} {when}: expect {}{range} of {} failures within {} caught.",
        assets(k),
        expected(caught),
        expected(all.max(caught)),
        days(i64::from(f.rank_by_days))
    )
}

fn expected_whole(x: f64) -> String {
    whole(x.max(0.0).round() as u64)
}

/// What waiting costs on the listed assets, and what acting saves; says so where nothing is known of costs.
fn at_stake(tables: &RunTables, list: &[RankingRow]) -> String {
    let f = &tables.facts;
    let cost: f64 = list.iter().filter_map(|r| r.expected_cost).sum();
    let saving: f64 = list.iter().filter_map(|r| r.expected_saving).filter(|s| *s > 0.0).sum();
    if f.ranked_by != "expected_saving" {
        return "No costs are configured, so the list is by probability and what it costs to wait is not known.".to_owned();
    }
    format!(
        "Waiting costs an expected {} on them; acting saves an expected {} after the cost of the visits.",
        money(cost, f),
        money(saving, f)
    )
}

/// The first screen's words and numbers.
///
/// # Errors
///
/// A column is not of its schema's type.
pub(crate) fn first(tables: &RunTables, top: &[RankingRow]) -> Result<First, ReportError> {
    let f = &tables.facts;
    let k = (f.capacity_visits as usize).min(top.len());
    let list = &top[..k];
    let end = axis_of(list);
    let (todo, stake, worth) = if tables.ranking.height() == 0 {
        (
            "There is no asset to rank.".to_owned(),
            String::new(),
            "No asset was in service at this date, or none is named in the sources.".to_owned(),
        )
    } else {
        (todo(tables, k), at_stake(tables, list), worth(tables, k)?)
    };
    let record = super::track::in_short(tables)?;
    let shown = list.iter().take(FIRST_ROWS).enumerate();
    Ok(First {
        todo,
        stake,
        worth: if record.is_none() || !tables.facts.beats_baseline { worth } else { String::new() },
        record,
        figures: figures(tables, top, k)?,
        rows: shown.map(|(i, r)| asset_row(i, r, end, usize::MAX)).collect(),
        more: k.saturating_sub(FIRST_ROWS),
        axis: axis_text(end),
        costs: list.iter().any(|r| r.expected_cost.is_some()),
        savings: list.iter().any(|r| r.expected_saving.is_some()),
        actions: list.iter().any(|r| r.action.is_some()),
    })
}
