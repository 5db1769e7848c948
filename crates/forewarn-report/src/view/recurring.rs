//! What comes again and what gets worse; what measures did stands beside it. It does not know how a verdict was reached.

use std::collections::BTreeMap;

use forewarn_frames::output::RunTables;
use minijinja::value::Value;
use serde::Serialize;

use super::Limits;
use super::measures::{Measure, measures};
use crate::error::{ReportError, table};
use crate::number::{NOT_KNOWN, counted, expected, fixed, percent, plain, whole};
use crate::plot::{self, Line, SERIES, Scale, Size, Words};
use crate::rows;
use crate::text::foreign;

/// The category that holds all incidents of an asset.
const ALL: &str = "(all)";
/// Rows of a list, at most.
const ROWS: usize = 20;
const WIDE: Size = Size { width: 820, height: 300, right: 170 };
const NARROW: Size = Size { width: 350, height: 280, right: 110 };

/// The parts on recurring incidents and on measures.
#[derive(Serialize)]
pub(crate) struct Recurring {
    summary: String,
    /// Assets that get worse, the surest first.
    worse: Vec<Again>,
    worse_hidden: usize,
    /// Assets with the most incidents to come.
    most: Vec<Again>,
    measures: Vec<Measure>,
    measures_hidden: usize,
    measures_summary: String,
    /// Incidents an asset, added up over its age; `None` where no kind has enough assets.
    ages: Option<Ages>,
}

/// The mean cumulative functions, for a wide and for a narrow page.
#[derive(Serialize)]
struct Ages {
    words: String,
    wide: Value,
    narrow: Value,
}

#[derive(Serialize, Clone)]
struct Again {
    asset: String,
    category: String,
    incidents: String,
    watched: String,
    expected: String,
    range: String,
    any: String,
    trend: &'static str,
    /// What the trend rests on.
    because: String,
}

/// The verdicts that are known; any other text is shown as the last.
pub(super) fn one_of(text: &str, known: &[&'static str]) -> &'static str {
    known.iter().find(|k| **k == text).or(known.last()).copied().unwrap_or("")
}

/// Whole counts, or empty where an end is not known.
fn count_range(low: f64, high: f64) -> String {
    if !low.is_finite() || !high.is_finite() {
        return String::new();
    }
    if low == high {
        fixed(low, 0, true)
    } else {
        format!("{}–{}", fixed(low, 0, true), fixed(high, 0, true))
    }
}

fn assets(tables: &RunTables) -> Result<(Vec<Again>, Vec<Again>, String), ReportError> {
    let df = &tables.recurrences;
    let e = table("recurrences");
    let texts = |c: &str| rows::texts(df, c).map_err(&e);
    let numbers = |c: &str| rows::numbers(df, c).map_err(&e);
    let (asset, category, trend) = (texts("asset_id")?, texts("category")?, texts("trend")?);
    let n = rows::wholes(df, "n_incidents").map_err(&e)?;
    let (watched, mean) = (numbers("exposure_days")?, numbers("expected_30d")?);
    let (low, high, any) = (numbers("low")?, numbers("high")?, numbers("p_any")?);
    let (q, beta) = (numbers("q_value")?, numbers("beta")?);
    // The category that most of an asset's incidents to come belong to.
    let mut main: BTreeMap<&str, (f64, &str)> = BTreeMap::new();
    for i in 0..df.height() {
        let (Some(a), Some(c)) = (asset[i].as_deref(), category[i].as_deref()) else { continue };
        let best = main.entry(a).or_insert((f64::NEG_INFINITY, ""));
        if c != ALL && mean[i] > best.0 {
            *best = (mean[i], c);
        }
    }
    // A list of single verdicts names what each is about; a list of assets says what most of it is.
    let again = |i: usize, single: bool| {
        let own = category[i].as_deref().unwrap_or("");
        let of = match own {
            ALL if single => "all together",
            ALL => main.get(asset[i].as_deref().unwrap_or("")).map_or("", |m| m.1),
            own => own,
        };
        let trend = one_of(trend[i].as_deref().unwrap_or(""), &["worsening", "improving", "stable"]);
        Again {
            asset: foreign(asset[i].as_deref().unwrap_or(""), 80),
            category: foreign(of, 60),
            incidents: whole(n[i].unwrap_or(0).max(0) as u64),
            watched: if watched[i].is_finite() { fixed(watched[i], 0, true) } else { NOT_KNOWN.to_owned() },
            expected: expected(mean[i]),
            range: count_range(low[i], high[i]),
            any: percent(any[i]),
            trend,
            because: if trend == "stable" || !q[i].is_finite() {
                String::new()
            } else {
                format!("q {}, β {}", plain(q[i]), plain(beta[i]))
            },
        }
    };
    let whole_assets: Vec<usize> =
        (0..df.height()).filter(|i| category[*i].as_deref() == Some(ALL)).collect();
    let mut worse: Vec<usize> =
        (0..df.height()).filter(|i| trend[*i].as_deref() == Some("worsening")).collect();
    worse.sort_by(|a, b| q[*a].total_cmp(&q[*b]).then(a.cmp(b)));
    let mut order = whole_assets.clone();
    order.sort_by(|a, b| mean[*b].total_cmp(&mean[*a]).then(a.cmp(b)));
    let count = |word: &str| whole_assets.iter().filter(|i| trend[**i].as_deref() == Some(word)).count();
    let sum: f64 = whole_assets.iter().map(|i| mean[*i]).filter(|m| m.is_finite()).sum();
    let summary = if whole_assets.is_empty() {
        "No asset of this run has had an incident.".to_owned()
    } else {
        format!(
            "{} had incidents, and about {} more are expected on them in the next 30 days. More than chance explains, {} and {}.",
            counted(whole_assets.len() as u64, "asset has", "assets have"),
            expected(sum),
            counted(count("worsening") as u64, "gets worse", "get worse"),
            counted(count("improving") as u64, "gets better", "get better"),
        )
    };
    Ok((
        worse.into_iter().map(|i| again(i, true)).collect(),
        order.into_iter().take(ROWS).map(|i| again(i, false)).collect(),
        summary,
    ))
}

/// The mean cumulative function of each kind, in words and drawn.
fn ages(tables: &RunTables) -> Result<Option<Ages>, ReportError> {
    let lines: Vec<Line> = plot::read_lines(tables, "mcf")?
        .into_iter()
        .take(SERIES - 2)
        .enumerate()
        .map(|(k, l)| Line { name: foreign(&l.name, 40), style: 2 + k, ..l })
        .collect();
    if lines.is_empty() {
        return Ok(None);
    }
    let ends: Vec<String> = lines
        .iter()
        .filter_map(|l| Some((l, l.points.last()?)))
        .map(|(l, (age, n))| format!("{}: {} by day {}", l.name, expected(*n), fixed(*age, 0, true)))
        .collect();
    let description =
        format!("Mean number of incidents of one asset up to an age, by kind. {}.", ends.join("; "));
    let words = Words {
        id: "ages",
        title: "Incidents of one asset, added up over its age",
        description: &description,
        x: "days in service (since first seen, where that is not known)",
        y: "incidents so far, mean",
    };
    let draw =
        |size| plot::lines(&lines, None, (Scale::Number, true), size, &words).map(Value::from_safe_string);
    Ok(Some(Ages { words: description.clone(), wide: draw(WIDE)?, narrow: draw(NARROW)? }))
}

/// The parts on what comes again and on what measures did.
///
/// # Errors
///
/// A column is not of its schema's type.
pub(crate) fn recurring(tables: &RunTables, limits: Limits) -> Result<Recurring, ReportError> {
    let most_rows = limits.lines.min(ROWS);
    let (mut worse, mut most, summary) = assets(tables)?;
    let (mut measures, measures_summary) = measures(tables)?;
    let worse_hidden = worse.len().saturating_sub(most_rows);
    let measures_hidden = measures.len().saturating_sub(2 * most_rows);
    worse.truncate(most_rows);
    most.truncate(most_rows);
    measures.truncate(2 * most_rows);
    let ages = ages(tables)?;
    Ok(Recurring { summary, worse, worse_hidden, most, measures, measures_hidden, measures_summary, ages })
}
