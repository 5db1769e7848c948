//! What the cards of the first assets show beside their row of the ranking: their latest tickets, failures and events, and
//! the metrics that their reasons name. It does not know how a card looks.

use std::collections::{BTreeMap, BTreeSet};

use forewarn_features::Catalog;
use forewarn_frames::output::CARDS;
use forewarn_frames::time::{DAY, Micros};
use forewarn_frames::{Frames, History};
use polars::prelude::*;

use crate::{EngineError, TextShown};

/// Assets that have a card, from the first of the ranking on.
const ASSETS: usize = 50;
/// The latest tickets, failures and events of each, at most.
const TICKETS: usize = 8;
const FAILURES: usize = 6;
const EVENTS: usize = 6;
/// Metrics of each, and the days of them that are shown.
const METRICS: usize = 3;
const DAYS: i32 = 90;

/// One row of the table.
struct Row<'a> {
    asset: &'a str,
    kind: &'static str,
    at: Micros,
    name: Option<String>,
    value: Option<f64>,
    text: Option<String>,
}

/// The `cards` table of a ranking: by asset in its order, then tickets, failures and events, the latest first, and readings
/// by metric, the oldest first.
///
/// `text` says how much of what tickets say may be shown: a title only where all may be.
pub(crate) fn cards(
    frames: &Frames,
    history: &History<'_>,
    ranking: &DataFrame,
    catalog: &Catalog,
    text: TextShown,
) -> Result<DataFrame, EngineError> {
    let top = ranking.head(Some(ASSETS));
    let ids: Vec<&str> = top.column("asset_id")?.str()?.iter().flatten().collect();
    let reasons = top.column("reasons")?.list()?;
    let mut tickets = latest_tickets(frames, &ids, text)?;
    let metrics: BTreeMap<&str, usize> =
        (0..history.n_metrics()).map(|m| (history.metric_name(m), m)).collect();
    let family: BTreeMap<&str, &str> =
        catalog.features().iter().map(|f| (f.name.as_str(), f.family.as_str())).collect();
    let mut rows: Vec<Row<'_>> = Vec::new();
    for (i, id) in ids.iter().copied().enumerate() {
        rows.extend(tickets.remove(id).unwrap_or_default());
        let Ok(asset) = frames.asset_ids().binary_search_by(|x| x.as_str().cmp(id)) else { continue };
        let word = |code: Option<forewarn_frames::Code>| code.map(|c| history.word(c).to_owned());
        let row = |kind, at, name, text| Row { asset: id, kind, at, name, value: None, text };
        rows.extend(
            history.failures(asset).rev().take(FAILURES).map(|f| row("failure", f.at, None, word(f.mode))),
        );
        rows.extend(history.events(asset).rev().take(EVENTS).map(|e| {
            let what: Vec<String> = [word(e.component), word(e.code)].into_iter().flatten().collect();
            row("event", e.at, word(e.kind), (!what.is_empty()).then(|| what.join(" ")))
        }));
        let named = match reasons.get_as_series(i) {
            Some(s) => named_metrics(&s, &family, &metrics)?,
            None => Vec::new(),
        };
        for metric in named {
            let name = history.metric_name(metric);
            rows.extend(readings(history, asset, metric).into_iter().map(|(day, value)| Row {
                value: Some(value),
                ..row("reading", Micros::from(day) * DAY, Some(name.to_owned()), None)
            }));
        }
    }
    let time = rows.iter().map(|r| r.at).collect::<Vec<_>>();
    let df = DataFrame::new(
        rows.len(),
        vec![
            Column::new("asset_id".into(), rows.iter().map(|r| r.asset).collect::<Vec<_>>()),
            Column::new("kind".into(), rows.iter().map(|r| r.kind).collect::<Vec<_>>()),
            Column::new("at".into(), time).cast(&DataType::Datetime(TimeUnit::Microseconds, None))?,
            Column::new("name".into(), rows.iter().map(|r| r.name.as_deref()).collect::<Vec<_>>()),
            Column::new("value".into(), rows.iter().map(|r| r.value).collect::<Vec<_>>()),
            Column::new("text".into(), rows.iter().map(|r| r.text.as_deref()).collect::<Vec<_>>()),
        ],
    )?;
    debug_assert_eq!(CARDS.check(&df), Ok(()));
    Ok(df)
}

/// The latest tickets of each of the assets that were opened before observation ends.
fn latest_tickets<'a>(
    frames: &Frames,
    ids: &[&'a str],
    shown: TextShown,
) -> Result<BTreeMap<&'a str, Vec<Row<'a>>>, EngineError> {
    let mut out: BTreeMap<&'a str, Vec<Row<'a>>> = BTreeMap::new();
    let Some(tickets) = frames.tickets() else { return Ok(out) };
    let df = tickets.df();
    let [asset, id, title, category, subcategory] =
        ["asset_id", "ticket_id", "title", "category", "subcategory"].map(|c| df.column(c)?.str().cloned());
    let (asset, id, title) = (asset?, id?, title?);
    let (category, subcategory) = (category?, subcategory?);
    let priority = df.column("priority")?.f64()?.clone();
    let at = df.column("opened_at")?.cast(&DataType::Int64)?;
    let end = frames.end().micros();
    let wanted: BTreeSet<&str> = ids.iter().copied().collect();
    for (i, at) in at.i64()?.iter().enumerate() {
        let Some(key) = asset.get(i).and_then(|a| wanted.get(a)) else { continue };
        let Some(at) = at.filter(|t| *t < end) else { continue };
        let kinds: Vec<&str> = [category.get(i), subcategory.get(i)].into_iter().flatten().collect();
        let kinds = (!kinds.is_empty()).then(|| kinds.join(" / "));
        out.entry(key).or_default().push(Row {
            asset: key,
            kind: "ticket",
            at,
            name: id.get(i).map(str::to_owned),
            value: priority.get(i).filter(|p| p.is_finite()),
            text: if shown == TextShown::Full { title.get(i).map(str::to_owned).or(kinds) } else { kinds },
        });
    }
    for list in out.values_mut() {
        list.sort_by(|a, b| b.at.cmp(&a.at).then_with(|| a.name.cmp(&b.name)));
        list.truncate(TICKETS);
    }
    Ok(out)
}

/// The metrics that a list of reasons names, those that add most first.
fn named_metrics(
    reasons: &Series,
    family: &BTreeMap<&str, &str>,
    metrics: &BTreeMap<&str, usize>,
) -> PolarsResult<Vec<usize>> {
    let reasons = reasons.struct_()?;
    let (feature, weight) = (reasons.field_by_name("feature")?, reasons.field_by_name("contribution")?);
    let weights = weight.f64()?.iter().map(|w| w.unwrap_or(0.0));
    let mut named: Vec<(f64, usize)> = feature
        .str()?
        .iter()
        .zip(weights)
        .filter_map(|(f, w)| Some((w, *metrics.get(family.get(f?)?)?)))
        .collect();
    // What raises the risk comes before what lowers it. Stable: of equal ones, in the order of the reasons.
    named.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mut out: Vec<usize> = Vec::new();
    for (_, metric) in named {
        if !out.contains(&metric) && out.len() < METRICS {
            out.push(metric);
        }
    }
    Ok(out)
}

/// The daily means of a metric in the last days before the cutoff; of what is only written when it changes, the value on the
/// first and the last day too.
fn readings(history: &History<'_>, asset: usize, metric: usize) -> Vec<(i32, f64)> {
    let until = history.cutoff().day();
    let from = until - DAYS;
    let series = history.series(asset, metric);
    let level = if series.on_change() { series.last() } else { series.mean() };
    let day = series.day();
    let start = day.partition_point(|d| *d < from);
    let mut out: Vec<(i32, f64)> = day[start..].iter().copied().zip(level[start..].iter().copied()).collect();
    if series.on_change() {
        if let Some(held) = start.checked_sub(1).filter(|_| day.get(start) != Some(&from)) {
            out.insert(0, (from, level[held]));
        }
        if let Some((d, v)) = out.last().copied().filter(|(d, _)| *d < until - 1) {
            debug_assert!(d < until);
            out.push((until - 1, v));
        }
    }
    out.retain(|(_, v)| v.is_finite());
    out
}

#[cfg(test)]
#[path = "cards_tests.rs"]
mod tests;
