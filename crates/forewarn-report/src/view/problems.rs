//! Tickets that say the same: what they are about, how many, and whether they come faster than before. It does not know
//! how they were grouped.

use std::collections::BTreeMap;

use forewarn_frames::output::RunTables;
use forewarn_frames::time::{DAY, format_day};
use minijinja::value::Value;
use serde::Serialize;

use super::Limits;
use crate::error::{ReportError, table};
use crate::number::{counted, fixed, whole};
use crate::plot::{Words, sparkline};
use crate::rows;
use crate::text::{LONG, foreign};

/// Problems on the page, at most.
const SHOWN: usize = 20;

/// The part on problem candidates.
#[derive(Serialize)]
pub(crate) struct Problems {
    summary: String,
    rows: Vec<Problem>,
    hidden: usize,
}

#[derive(Serialize)]
struct Problem {
    id: String,
    title: String,
    tickets: String,
    assets: String,
    first: String,
    last: String,
    /// `grows`, `shrinks` or `steady`; empty where the records are too short.
    trend: &'static str,
    growth: String,
    /// The most typical ticket.
    example: String,
    weeks: Option<Value>,
}

/// `2025-12-31`; empty where it is not known.
pub(super) fn day(at: Option<i64>) -> String {
    at.and_then(|at| i32::try_from(at.div_euclid(DAY)).ok()).map(format_day).unwrap_or_default()
}

fn times(x: f64) -> String {
    format!("{}×", fixed(x, usize::from(x < 10.0), false))
}

/// Whether it grows, and the ratio in words: `3.1× (1.8× to 5.2×)`.
fn trend(ratio: f64, low: f64, high: f64) -> (&'static str, String) {
    if !ratio.is_finite() || !low.is_finite() {
        return ("", String::new());
    }
    let range = if high.is_finite() {
        format!("{} to {}", times(low), times(high))
    } else {
        format!("at least {}", times(low))
    };
    let trend = if low > 1.0 {
        "grows"
    } else if high < 1.0 {
        "shrinks"
    } else {
        "steady"
    };
    (trend, format!("{} ({range})", times(ratio)))
}

/// The part on problem candidates.
///
/// # Errors
///
/// A column is not of its schema's type, or a plot cannot be drawn.
pub(crate) fn problems(tables: &RunTables, limits: Limits) -> Result<Problems, ReportError> {
    let e = table("problems");
    let all = &tables.problems;
    let df = all.head(Some(SHOWN.min(limits.lines)));
    let (ids, titles) = (rows::texts(&df, "problem_id").map_err(&e)?, rows::texts(&df, "title").map_err(&e)?);
    let n = rows::wholes(&df, "n_tickets").map_err(&e)?;
    let assets = rows::wholes(&df, "n_assets").map_err(&e)?;
    let (first, last) =
        (rows::times(&df, "first_seen").map_err(&e)?, rows::times(&df, "last_seen").map_err(&e)?);
    let [ratio, low, high] = ["growth", "growth_low", "growth_high"].map(|c| rows::numbers(&df, c));
    let (ratio, low, high) = (ratio.map_err(&e)?, low.map_err(&e)?, high.map_err(&e)?);
    let examples = rows::firsts(&df, "ticket_ids").map_err(&e)?;
    let weeks = weeks(tables)?;
    let count = |x: Option<i64>| x.unwrap_or(0).max(0) as u64;
    let mut out = Vec::with_capacity(df.height());
    for i in 0..df.height() {
        let id = ids[i].clone().unwrap_or_default();
        let (trend, growth) = trend(ratio[i], low[i], high[i]);
        let drawing = match weeks.get(&id) {
            Some(values) => Some(drawing(i, values)?),
            None => None,
        };
        out.push(Problem {
            id: foreign(&id, 60),
            title: foreign(titles[i].as_deref().unwrap_or("–"), LONG),
            tickets: whole(count(n[i])),
            assets: whole(count(assets[i])),
            first: day(first[i]),
            last: day(last[i]),
            trend,
            growth,
            example: foreign(examples[i].as_deref().unwrap_or("–"), 60),
            weeks: drawing,
        });
    }
    let lows = rows::numbers(all, "growth_low").map_err(&e)?;
    let growing = lows.iter().filter(|l| **l > 1.0).count() as u64;
    let tickets: u64 = rows::wholes(all, "n_tickets").map_err(&e)?.into_iter().map(count).sum();
    let summary = format!(
        "{} of {} form {}; {}.",
        whole(tickets),
        counted(tables.facts.n_tickets.max(tickets), "ticket", "tickets"),
        counted(all.height() as u64, "group that says the same", "groups that say the same"),
        if growing == 0 {
            "none is surely growing".to_owned()
        } else {
            format!("{} surely growing", counted(growing, "is", "are"))
        },
    );
    Ok(Problems { summary, hidden: all.height().saturating_sub(out.len()), rows: out })
}

/// The tickets a week of each problem, oldest first.
fn weeks(tables: &RunTables) -> Result<BTreeMap<String, Vec<(f64, f64)>>, ReportError> {
    let e = table("plot_series");
    let df = &tables.plot_series;
    let (plot, series) = (rows::texts(df, "plot").map_err(&e)?, rows::texts(df, "series").map_err(&e)?);
    let (x, y) = (rows::numbers(df, "x").map_err(&e)?, rows::numbers(df, "y").map_err(&e)?);
    let mut out: BTreeMap<String, Vec<(f64, f64)>> = BTreeMap::new();
    for i in 0..df.height() {
        if let (Some("problem_weeks"), Some(id)) = (plot[i].as_deref(), &series[i])
            && x[i].is_finite()
            && y[i].is_finite()
        {
            out.entry(id.clone()).or_default().push((x[i], y[i]));
        }
    }
    Ok(out)
}

/// The sparkline of a problem; its words hold numbers alone.
fn drawing(i: usize, weeks: &[(f64, f64)]) -> Result<Value, ReportError> {
    let values: Vec<f64> = weeks.iter().map(|w| w.1).collect();
    let list = values.iter().map(|v| whole(v.max(0.0) as u64)).collect::<Vec<_>>().join(", ");
    let words = Words {
        id: &format!("problem-{}", i + 1),
        title: &format!("Tickets a week, the last {}", counted(values.len() as u64, "week", "weeks")),
        description: &format!("oldest first: {list}"),
        x: "",
        y: "",
    };
    Ok(Value::from_safe_string(sparkline(&values, &words)?))
}
