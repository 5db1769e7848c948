//! How earlier lists fared, against picking by the dumb baseline, month by month. It says which lists were made then and
//! which were made today as if then, and counts what is not over as open.

// `let _ = write!(…)`: writing to a String does not fail.
use std::fmt::Write as _;

use forewarn_frames::output::RunTables;
use forewarn_frames::time::{DAY, civil_of};
use minijinja::value::Value;
use serde::Serialize;

use super::problems::day;
use super::{Limits, model_name};
use crate::error::{ReportError, table};
use crate::number::{counted, expected, percent, share, share_range, whole};
use crate::plot::{self, Shares, Size, Words};
use crate::rows;
use crate::text::foreign;

const WIDE: Size = Size { width: 820, height: 300, right: 170 };
const NARROW: Size = Size { width: 350, height: 260, right: 96 };
/// Months that are told, at most: the latest.
const MONTHS: usize = 24;
const NAMES: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// The part on earlier lists: one block for each source.
#[derive(Serialize)]
pub(crate) struct Track {
    /// The whole in one sentence; `None` where nothing was ever listed.
    short: Option<String>,
    blocks: Vec<Block>,
}

/// The lists of one source.
#[derive(Serialize)]
struct Block {
    /// `ledger` or `backtest`.
    source: &'static str,
    title: String,
    words: Vec<String>,
    plot: Option<Plot>,
    months: Vec<MonthRow>,
    hidden: usize,
    total: Option<MonthRow>,
    baseline: String,
    last: Option<LastList>,
}

#[derive(Serialize)]
struct Plot {
    wide: Value,
    narrow: Value,
}

#[derive(Serialize)]
struct MonthRow {
    month: String,
    lists: String,
    failures: String,
    forewarned: String,
    range: String,
    baseline: String,
    lead: String,
    hits: String,
    false_alarms: String,
    acted_on: String,
    open: String,
    promised: String,
    observed: String,
}

/// The last list whose time is over.
#[derive(Serialize)]
struct LastList {
    date: String,
    rows: Vec<PlaceRow>,
    hidden: usize,
}

#[derive(Serialize)]
struct PlaceRow {
    place: String,
    asset: String,
    probability: String,
    outcome: &'static str,
    words: String,
    at: String,
}

/// One row of `track_record`.
#[derive(Debug, Clone)]
struct Record {
    source: String,
    chosen: bool,
    /// Microseconds; `None` for all months together.
    month: Option<i64>,
    lists: u64,
    listed: u64,
    hits: u64,
    false_alarms: u64,
    acted_on: u64,
    open: u64,
    failures: u64,
    forewarned: u64,
    share: f64,
    low: f64,
    high: f64,
    lead: f64,
    precision: f64,
    judged: u64,
    promised: f64,
    observed: f64,
    skill: f64,
}

fn records(tables: &RunTables) -> Result<Vec<Record>, ReportError> {
    let df = &tables.track_record;
    let e = table("track_record");
    let (source, ranker) = (rows::texts(df, "source").map_err(&e)?, rows::texts(df, "ranker").map_err(&e)?);
    let month = rows::times(df, "month").map_err(&e)?;
    let whole = |c: &str| -> Result<Vec<u64>, ReportError> {
        let v = rows::wholes(df, c).map_err(&e)?;
        Ok(v.into_iter().map(|n| n.unwrap_or(0).max(0) as u64).collect())
    };
    let number = |c: &str| rows::numbers(df, c).map_err(&e);
    let (lists, listed, hits) = (whole("n_lists")?, whole("n_listed")?, whole("n_hits")?);
    let (false_alarms, acted_on, open) = (whole("n_false_alarms")?, whole("n_acted_on")?, whole("n_open")?);
    let (failures, forewarned, judged) = (whole("n_failures")?, whole("n_forewarned")?, whole("n_judged")?);
    let (shares, low, high) =
        (number("forewarned_share")?, number("forewarned_low")?, number("forewarned_high")?);
    let (lead, precision) = (number("lead_days")?, number("precision")?);
    let (promised, observed, skill) = (number("expected")?, number("observed")?, number("brier_skill")?);
    Ok((0..df.height())
        .map(|i| Record {
            source: source[i].clone().unwrap_or_default(),
            chosen: ranker[i].as_deref() == Some("chosen"),
            month: month[i],
            lists: lists[i],
            listed: listed[i],
            hits: hits[i],
            false_alarms: false_alarms[i],
            acted_on: acted_on[i],
            open: open[i],
            failures: failures[i],
            forewarned: forewarned[i],
            share: shares[i],
            low: low[i],
            high: high[i],
            lead: lead[i],
            precision: precision[i],
            judged: judged[i],
            promised: promised[i],
            observed: observed[i],
            skill: skill[i],
        })
        .collect())
}

/// All months of a source together, of the chosen list and of the baseline's.
fn totals<'a>(all: &'a [Record], source: &str) -> Option<(&'a Record, Option<&'a Record>)> {
    let of =
        |chosen: bool| all.iter().find(|r| r.source == source && r.chosen == chosen && r.month.is_none());
    Some((of(true)?, of(false)))
}

/// How earlier lists fared, in one sentence: of the ledger where a list of it is over, else of the backtest, which it says.
/// `None` where there is nothing to say.
///
/// # Errors
///
/// A column is not of its schema's type.
pub(crate) fn in_short(tables: &RunTables) -> Result<Option<String>, ReportError> {
    let all = records(tables)?;
    let told = |source: &str| totals(&all, source).filter(|(r, _)| r.failures > 0 && r.judged > 0);
    let Some(((r, baseline), made)) =
        told("ledger").map(|t| (t, true)).or_else(|| told("backtest").map(|t| (t, false)))
    else {
        return Ok(None);
    };
    let lists = if made { "earlier lists" } else { "lists of the backtest" };
    let mut text = format!("The {lists} named {} of the failures at least a day ahead", share(r.share));
    if let Some(b) = baseline.filter(|b| b.failures > 0) {
        let _ = write!(
            text,
            "; picking by {} would have named {}",
            model_name(&tables.facts.baseline_model),
            share(b.share)
        );
    }
    text.push('.');
    if !made {
        text.push_str(" No list of earlier nights is over yet.");
    }
    Ok(Some(text))
}

/// `12 days`, `1.5 days`.
fn ahead(x: f64) -> String {
    if x.is_finite() { format!("{}\u{a0}days", expected(x)) } else { "–".to_owned() }
}

fn month_name(at: i64) -> String {
    // A month that no calendar has would be a fault of the table, not a reason to stop.
    let Ok(day) = i32::try_from(at.div_euclid(DAY)) else { return at.to_string() };
    let (year, month, _) = civil_of(day);
    format!("{} {year}", NAMES[(month as usize - 1).min(11)])
}

fn month_row(name: String, r: &Record, baseline: Option<&Record>) -> MonthRow {
    let none = "–".to_owned();
    let named = |r: &Record| {
        if r.failures > 0 { format!("{} ({})", share(r.share), whole(r.forewarned)) } else { none.clone() }
    };
    MonthRow {
        month: name,
        lists: whole(r.lists),
        failures: whole(r.failures),
        forewarned: named(r),
        range: if r.failures > 0 { share_range(r.low, r.high) } else { String::new() },
        baseline: baseline.map_or_else(|| none.clone(), named),
        lead: ahead(r.lead),
        hits: whole(r.hits),
        false_alarms: whole(r.false_alarms),
        acted_on: whole(r.acted_on),
        open: whole(r.open),
        promised: if r.judged > 0 { expected(r.promised) } else { none.clone() },
        observed: if r.judged > 0 { whole(r.observed.round().max(0.0) as u64) } else { none },
    }
}

fn words(tables: &RunTables, r: &Record, baseline: Option<&Record>, since: &str) -> Vec<String> {
    let dumb = model_name(&tables.facts.baseline_model);
    let mut out = Vec::new();
    if r.failures > 0 {
        let mut text = format!(
            "Of {} since {since}, {} had been on a list at least a day ahead ({}, 80\u{a0}% interval {})",
            counted(r.failures, "failure", "failures"),
            whole(r.forewarned),
            share(r.share),
            share_range(r.low, r.high)
        );
        if let Some(b) = baseline {
            let _ = write!(text, "; picking by {dumb} would have had {}", whole(b.forewarned));
        }
        text.push('.');
        if r.lead.is_finite() {
            let _ = write!(text, " Half of them were known {} ahead or longer.", ahead(r.lead));
        }
        out.push(text);
    } else {
        out.push(format!("No failure since {since} could have been named by a list yet."));
    }
    let over = r.listed - r.open.min(r.listed);
    let mut text = if over > 0 {
        format!(
            "Of {} on lists whose time is over, {} failed, {} did not, and {} {} acted on in time, which is neither.",
            counted(over, "place", "places"),
            whole(r.hits),
            whole(r.false_alarms),
            whole(r.acted_on),
            if r.acted_on == 1 { "was" } else { "were" }
        )
    } else {
        "No list’s time is over yet.".to_owned()
    };
    if r.open > 0 {
        let _ = write!(
            text,
            " {} {} open.",
            counted(r.open, "place", "places"),
            if r.open == 1 { "is" } else { "are" }
        );
    }
    if let Some(b) = baseline.filter(|b| r.precision.is_finite() && b.precision.is_finite()) {
        let _ = write!(
            text,
            " That is {} hits of what was left alone; by {dumb} it would have been {}.",
            share(r.precision),
            share(b.precision)
        );
    }
    out.push(text);
    if r.judged > 0 {
        let mut text = format!(
            "Over all {} whose time is over, they promised {} failing assets, and {} failed",
            counted(r.judged, "probability", "probabilities"),
            expected(r.promised),
            whole(r.observed.round().max(0.0) as u64)
        );
        if r.skill.is_finite() {
            let _ = write!(text, " (Brier skill {}", crate::number::fixed(r.skill, 2, false));
            if let Some(b) = baseline.filter(|b| b.skill.is_finite()) {
                let _ = write!(text, "; {dumb} {}", crate::number::fixed(b.skill, 2, false));
            }
            text.push(')');
        }
        text.push('.');
        out.push(text);
    }
    out
}

fn drawn(
    tables: &RunTables,
    source: &'static str,
    months: &[&Record],
    baseline: &[Option<&Record>],
) -> Result<Option<Plot>, ReportError> {
    let firsts: Vec<i32> = months
        .iter()
        .filter_map(|r| r.month.and_then(|m| i32::try_from(m.div_euclid(DAY)).ok()))
        .map(|d| d.clamp(-500_000, 500_000))
        .collect();
    let with = months.iter().filter(|r| r.failures > 0 && r.share.is_finite()).count();
    if with < 2 || firsts.len() != months.len() {
        return Ok(None);
    }
    let points = |rows: &mut dyn Iterator<Item = Option<&Record>>| {
        rows.enumerate()
            .filter_map(|(i, r)| r.filter(|r| r.failures > 0 && r.share.is_finite()).map(|r| (i, r)))
            .map(|(i, r)| (i, r.share, Some((r.low, r.high)).filter(|e| e.0.is_finite() && e.1.is_finite())))
            .collect::<Vec<_>>()
    };
    let lines = [
        Shares { name: "the lists".to_owned(), points: points(&mut months.iter().map(|r| Some(*r))) },
        Shares {
            name: model_name(&tables.facts.baseline_model),
            points: points(&mut baseline.iter().copied()),
        },
    ];
    let mut description =
        "Share of each month’s failures that had been on a list at least a day ahead.".to_owned();
    for (r, b) in months.iter().zip(baseline).filter(|(r, _)| r.failures > 0) {
        let _ = write!(description, " {}: {}", month_name(r.month.unwrap_or(0)), share(r.share));
        if let Some(b) = b {
            let _ = write!(description, ", baseline {}", share(b.share));
        }
        description.push('.');
    }
    let words = Words {
        id: if source == "ledger" { "track" } else { "track-backtest" },
        title: "Failures named ahead, by month",
        description: &description,
        x: "",
        y: "share of the month’s failures",
    };
    let draw = |size| plot::months(&firsts, &lines, size, &words).map(Value::from_safe_string);
    Ok(Some(Plot { wide: draw(WIDE)?, narrow: draw(NARROW)? }))
}

/// One row of `listed`.
struct Listed {
    source: Option<String>,
    date: Option<i64>,
    place: i64,
    asset: String,
    probability: f64,
    outcome: String,
    at: Option<i64>,
    what: Option<String>,
}

fn listed(tables: &RunTables) -> Result<Vec<Listed>, ReportError> {
    let df = &tables.listed;
    let e = table("listed");
    let [source, asset, outcome, what] =
        ["source", "asset_id", "outcome", "what"].map(|c| rows::texts(df, c));
    let (source, asset, outcome, what) =
        (source.map_err(&e)?, asset.map_err(&e)?, outcome.map_err(&e)?, what.map_err(&e)?);
    let (date, at) = (rows::times(df, "list_date").map_err(&e)?, rows::times(df, "at").map_err(&e)?);
    let (place, p) = (rows::wholes(df, "place").map_err(&e)?, rows::numbers(df, "probability").map_err(&e)?);
    Ok((0..df.height())
        .map(|i| Listed {
            source: source[i].clone(),
            date: date[i],
            place: place[i].unwrap_or(0),
            asset: asset[i].clone().unwrap_or_default(),
            probability: p[i],
            outcome: outcome[i].clone().unwrap_or_default(),
            at: at[i],
            what: what[i].clone(),
        })
        .collect())
}

fn place_row(l: &Listed) -> PlaceRow {
    let what = l.what.as_deref().map(|w| foreign(w, 80));
    let (outcome, words) = match l.outcome.as_str() {
        "hit" => ("hit", what.map_or_else(|| "failed".to_owned(), |w| format!("failed: {w}"))),
        "false_alarm" => ("false_alarm", "did not fail".to_owned()),
        "acted_on" => ("acted_on", what.unwrap_or_else(|| "acted on".to_owned())),
        _ => ("open", "open".to_owned()),
    };
    PlaceRow {
        place: whole(l.place.max(0) as u64),
        asset: foreign(&l.asset, 80),
        probability: percent(l.probability),
        outcome,
        words,
        at: day(l.at),
    }
}

fn last_list(all: &[Listed], source: &str, limits: Limits) -> Option<LastList> {
    let of = |l: &&Listed| l.source.as_deref() == Some(source);
    let date = all.iter().filter(of).filter(|l| l.outcome != "open").filter_map(|l| l.date).max()?;
    let mut rows: Vec<&Listed> = all.iter().filter(of).filter(|l| l.date == Some(date)).collect();
    rows.sort_by_key(|l| l.place);
    let most = limits.lines.min(50);
    let hidden = rows.len().saturating_sub(most);
    Some(LastList {
        date: day(Some(date)),
        rows: rows.into_iter().take(most).map(place_row).collect(),
        hidden,
    })
}

fn block(
    tables: &RunTables,
    all: &[Record],
    places: &[Listed],
    source: &'static str,
    limits: Limits,
) -> Result<Option<Block>, ReportError> {
    let Some((total, baseline_total)) = totals(all, source) else { return Ok(None) };
    let mut months: Vec<&Record> =
        all.iter().filter(|r| r.source == source && r.chosen && r.month.is_some()).collect();
    months.sort_by_key(|r| r.month);
    let hidden = months.len().saturating_sub(MONTHS.min(limits.lines));
    months.drain(..hidden);
    let baseline: Vec<Option<&Record>> = months
        .iter()
        .map(|m| all.iter().find(|r| r.source == source && !r.chosen && r.month == m.month))
        .collect();
    let dates = || places.iter().filter(|l| l.source.as_deref() == Some(source)).filter_map(|l| l.date);
    let (first, last) = (day(dates().min()), day(dates().max()));
    let title = if source == "ledger" {
        "The lists of earlier nights".to_owned()
    } else {
        "The backtest: lists made today, as if on those days".to_owned()
    };
    let mut said = Vec::new();
    if source == "backtest" {
        said.push(format!(
            "No list of an earlier night is over yet, so these {} from {first} to {last} were made today with what was known then. From the time the first real list is over, that record stands here.",
            counted(total.lists, "list", "lists")
        ));
    }
    said.extend(words(tables, total, baseline_total, if first.is_empty() { "then" } else { &first }));
    let mut rows: Vec<MonthRow> = Vec::new();
    for (r, b) in months.iter().zip(&baseline) {
        rows.push(month_row(month_name(r.month.unwrap_or(0)), r, *b));
    }
    Ok(Some(Block {
        source,
        title,
        words: said,
        plot: drawn(tables, source, &months, &baseline)?,
        total: (rows.len() > 1).then(|| month_row("All".to_owned(), total, baseline_total)),
        months: rows,
        hidden,
        baseline: model_name(&tables.facts.baseline_model),
        last: last_list(places, source, limits),
    }))
}

/// The part on earlier lists.
///
/// # Errors
///
/// A column is not of its schema's type, or the plot cannot be drawn.
pub(crate) fn track(tables: &RunTables, limits: Limits) -> Result<Track, ReportError> {
    let (all, places) = (records(tables)?, listed(tables)?);
    let mut blocks = Vec::new();
    for source in ["ledger", "backtest"] {
        blocks.extend(block(tables, &all, &places, source, limits)?);
    }
    Ok(Track { short: in_short(tables)?, blocks })
}
