//! Assets as rows and cards. It does not know where on the page they stand.

use std::collections::{BTreeMap, BTreeSet};

use forewarn_frames::output::{RankingRow, Reason, RunTables, Status};
use serde::Serialize;

use super::Limits;
use super::records::{Records, records};
use crate::error::{ReportError, table};
use crate::life::life_words;
use crate::number::{counted, fixed, percent, percent_range, plain, signed, whole};
use crate::rows;
use crate::text::{LONG, foreign};

/// The length at which a kind, model, site or owner is cut, in characters.
const SHARED: usize = 40;

/// An interval on an axis that runs from 0 to `max`, in per cent of its width.
#[derive(Serialize)]
pub(crate) struct Bar {
    low: String,
    width: String,
    at: String,
    label: String,
}

/// One asset in a table.
#[derive(Serialize)]
pub(crate) struct AssetRow {
    rank: String,
    /// The number of its card; `None` where it has none.
    card: Option<usize>,
    id: String,
    what: String,
    kind: String,
    site: String,
    owner: String,
    /// The probability as a script sorts by it; empty where it is not known.
    v: String,
    probability: String,
    range: String,
    bar: Bar,
    unknown: bool,
    reasons: Vec<String>,
    action: String,
    /// Why this action.
    because: String,
    feedback: String,
    cost: String,
    saving: String,
    moved: String,
    /// What holds it back; empty where nothing does.
    held: String,
}

/// The table of all ranked assets and the cards.
#[derive(Serialize)]
pub(crate) struct All {
    rows: Vec<AssetRow>,
    axis: String,
    total: String,
    shown: String,
    hidden: Option<String>,
    cards: Vec<Card>,
    /// How many rows and cards are printed: hundreds of pages help nobody.
    paper_rows: usize,
    paper_cards: usize,
    costs: bool,
    actions: bool,
}

/// Everything about one asset.
#[derive(Serialize)]
struct Card {
    number: usize,
    row: AssetRow,
    horizons: Vec<HorizonRow>,
    axis: String,
    modes: Vec<String>,
    life: String,
    /// What gets worse on it, what matters first.
    worse: Vec<String>,
    why: Vec<ReasonRow>,
    /// What was recorded of it; `None` where the run saved nothing of the kind.
    records: Option<Records>,
    more: usize,
    base: Option<ReasonRow>,
    sum: String,
    before: String,
}

#[derive(Serialize)]
struct HorizonRow {
    horizon: String,
    probability: String,
    range: String,
    bar: Bar,
}

/// A reason and its bar, in per cent of the half axis.
#[derive(Serialize)]
struct ReasonRow {
    text: String,
    feature: String,
    value: String,
    contribution: String,
    raises: bool,
    x: String,
    width: String,
}

/// A round end for an axis that has to reach `max`.
pub(crate) fn axis_end(max: f64) -> f64 {
    [0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8]
        .into_iter()
        .find(|e| max <= *e)
        .unwrap_or(1.0)
}

/// The axis for these rows: as far as their highest interval.
pub(crate) fn axis_of(rows: &[RankingRow]) -> f64 {
    axis_end(
        rows.iter()
            .flat_map(|r| [r.probability, r.probability_high])
            .filter(|p| p.is_finite())
            .fold(0.0, f64::max),
    )
}

/// `60 %`, for the end of an axis.
pub(crate) fn axis_text(end: f64) -> String {
    format!("{}\u{a0}%", fixed(end * 100.0, 1, true))
}

fn bar(p: f64, low: f64, high: f64, end: f64) -> Bar {
    let put = |x: f64| if x.is_finite() { (x / end).clamp(0.0, 1.0) * 100.0 } else { 0.0 };
    let (low_at, high_at) =
        if low.is_finite() && high.is_finite() { (put(low), put(high)) } else { (put(p), put(p)) };
    let range = percent_range(low, high);
    let label = if range.is_empty() {
        format!("{}, interval not known", percent(p))
    } else {
        format!("{}, 80 % interval {}", percent(p), range.replace('–', " to "))
    };
    Bar {
        low: format!("{low_at:.1}"),
        // A sliver stays visible.
        width: format!("{:.1}", (high_at - low_at).max(1.0)),
        at: format!("{:.1}", put(p)),
        label,
    }
}

fn is_base(r: &Reason) -> bool {
    r.feature == "base"
}

/// The two strongest reasons that raise the probability; where none does, the two strongest.
fn two_reasons(row: &RankingRow) -> Vec<String> {
    // What is summed as `other` names nothing that a person could look at.
    let others = || row.reasons.iter().filter(|r| !is_base(r) && r.feature != "other");
    let mut raising: Vec<&Reason> = others().filter(|r| r.contribution > 0.0).collect();
    raising.sort_by(|a, b| b.contribution.total_cmp(&a.contribution));
    raising.truncate(2);
    if raising.is_empty() {
        raising = others().take(2).collect();
    }
    raising.into_iter().map(|r| foreign(reason_words(r), 120)).collect()
}

fn reason_words(r: &Reason) -> &str {
    if r.text.trim().is_empty() { &r.feature } else { &r.text }
}

/// An amount in a table whose caption names the currency.
fn amount(x: Option<f64>) -> String {
    x.map(|x| fixed(x, 0, false)).unwrap_or_default()
}

/// A word that many assets share, as it is shown.
fn short(text: Option<&String>) -> String {
    text.map(|t| foreign(t, SHARED)).unwrap_or_default()
}

/// `kind · model · site · owner`, as far as known.
fn what(row: &RankingRow, limit: usize) -> String {
    [&row.kind, &row.model, &row.site, &row.owner]
        .into_iter()
        .flatten()
        .map(|t| foreign(t, limit))
        .filter(|t| !t.is_empty())
        .collect::<Vec<_>>()
        .join(" · ")
}

/// How the rank moved since the night before.
fn moved(row: &RankingRow) -> String {
    let reason = row.move_reason.as_deref().map(|t| foreign(t, 160)).filter(|t| !t.is_empty());
    let from = match row.previous_rank {
        Some(p) if p > row.rank => Some(format!("up from {}", whole(u64::from(p)))),
        Some(p) if p < row.rank => Some(format!("down from {}", whole(u64::from(p)))),
        Some(_) => Some("rank unchanged".to_owned()),
        None => None,
    };
    [from, reason].into_iter().flatten().collect::<Vec<_>>().join(": ")
}

/// An asset as a row; `card` is whether it has a card, `end` the end of the bars' axis.
pub(crate) fn asset_row(i: usize, row: &RankingRow, end: f64, cards: usize) -> AssetRow {
    AssetRow {
        rank: whole(u64::from(row.rank)),
        card: (i < cards).then_some(i + 1),
        id: foreign(&row.asset_id, 80),
        what: what(row, SHARED),
        kind: short(row.kind.as_ref()),
        site: short(row.site.as_ref()),
        owner: short(row.owner.as_ref()),
        v: if row.probability.is_finite() { format!("{:.6}", row.probability) } else { String::new() },
        probability: percent(row.probability),
        range: percent_range(row.probability_low, row.probability_high),
        bar: bar(row.probability, row.probability_low, row.probability_high, end),
        unknown: row.status == Status::Unknown,
        reasons: two_reasons(row),
        action: row.action.as_deref().map(|t| foreign(t, 120)).unwrap_or_default(),
        because: row.action_reason.as_deref().map(|t| foreign(t, 160)).unwrap_or_default(),
        feedback: row.feedback.as_deref().map(|t| foreign(t, 120)).unwrap_or_default(),
        cost: amount(row.expected_cost),
        saving: amount(row.expected_saving),
        moved: moved(row),
        held: row.feedback.as_deref().map(|t| foreign(t, 120)).unwrap_or_default(),
    }
}

/// The table and the cards.
///
/// # Errors
///
/// A column is not of its schema's type.
pub(crate) fn all(tables: &RunTables, top: &[RankingRow], limits: Limits) -> Result<All, ReportError> {
    let total = tables.ranking.height();
    let end = axis_of(top);
    let rows = top.iter().enumerate().map(|(i, r)| asset_row(i, r, end, limits.cards)).collect();
    let hidden = total.saturating_sub(top.len());
    Ok(All {
        rows,
        axis: axis_text(end),
        total: whole(total as u64),
        shown: whole(top.len() as u64),
        hidden: (hidden > 0).then(|| whole(hidden as u64)),
        cards: cards(tables, &top[..top.len().min(limits.cards)], limits)?,
        paper_rows: 50,
        paper_cards: tables.facts.capacity_visits as usize,
        costs: top.iter().any(|r| r.expected_cost.is_some()),
        actions: top.iter().any(|r| r.action.is_some()),
    })
}

type Risk = (i64, f64, f64, f64);

fn cards(tables: &RunTables, top: &[RankingRow], limits: Limits) -> Result<Vec<Card>, ReportError> {
    let mut wanted: BTreeMap<&str, Vec<Risk>> =
        top.iter().map(|r| (r.asset_id.as_str(), Vec::new())).collect();
    let e = table("risk");
    let risk = &tables.risk;
    let ids = risk.column("asset_id").and_then(|c| c.str().cloned()).map_err(&e)?;
    let days = rows::wholes(risk, "horizon_days").map_err(&e)?;
    let p = rows::numbers(risk, "probability").map_err(&e)?;
    let (low, high) = (
        rows::numbers(risk, "probability_low").map_err(&e)?,
        rows::numbers(risk, "probability_high").map_err(&e)?,
    );
    for (i, id) in ids.iter().enumerate() {
        if let (Some(list), Some(d)) = (id.and_then(|id| wanted.get_mut(id)), days[i]) {
            // A card has few horizons; a table with more of them than this is not from a run.
            if list.len() < 12 {
                list.push((d, p[i], low[i], high[i]));
            }
        }
    }
    let mut worse = worse_on(tables, &wanted)?;
    let mut recorded = records(tables, &wanted.keys().copied().collect::<BTreeSet<_>>())?;
    let none = Vec::new();
    Ok(top
        .iter()
        .enumerate()
        .map(|(i, r)| {
            let mut risks = wanted.get(r.asset_id.as_str()).unwrap_or(&none).clone();
            risks.sort_by_key(|x| x.0);
            let worse = worse.remove(r.asset_id.as_str()).unwrap_or_default();
            let records = recorded.as_mut().map(|all| all.remove(r.asset_id.as_str()).unwrap_or_default());
            card(i, r, &risks, (worse, records), limits)
        })
        .collect())
}

/// Findings on a card, at most.
const WORSE: usize = 4;

/// The findings on each of the assets, in the order of the table.
fn worse_on(
    tables: &RunTables,
    wanted: &BTreeMap<&str, Vec<Risk>>,
) -> Result<BTreeMap<String, Vec<String>>, ReportError> {
    let df = &tables.degradations;
    let e = table("degradations");
    let (ids, texts) = (rows::texts(df, "asset_id").map_err(&e)?, rows::texts(df, "text").map_err(&e)?);
    let shared_by = rows::wholes(df, "n_assets").map_err(&e)?;
    let mut out: BTreeMap<String, Vec<String>> = BTreeMap::new();
    // What the whole fleet shows says nothing of one asset.
    let own = ids.iter().zip(&texts).zip(shared_by).filter(|(_, n)| n.is_none_or(|n| n <= 1));
    for ((id, text), _) in own {
        let (Some(id), Some(text)) = (id, text) else { continue };
        if wanted.contains_key(id.as_str()) {
            let list = out.entry(id.clone()).or_default();
            if list.len() < WORSE {
                list.push(foreign(text, LONG));
            }
        }
    }
    Ok(out)
}

fn card(
    i: usize,
    row: &RankingRow,
    risks: &[Risk],
    (worse, records): (Vec<String>, Option<Records>),
    limits: Limits,
) -> Card {
    let top = risks.iter().flat_map(|r| [r.1, r.3]).chain([row.probability_high]).filter(|p| p.is_finite());
    let end = axis_end(top.fold(0.0, f64::max));
    let mut others: Vec<&Reason> = row.reasons.iter().filter(|r| !is_base(r)).collect();
    // Stable: of equal ones, in the table's order.
    others.sort_by(|a, b| b.contribution.abs().total_cmp(&a.contribution.abs()));
    let scale =
        others.iter().map(|r| r.contribution.abs()).filter(|c| c.is_finite()).fold(0.0, f64::max).max(0.1);
    let sum: f64 = row.reasons.iter().map(|r| r.contribution).sum();
    let has_base = row.reasons.iter().any(is_base);
    let longest = risks.last().map(|r| (r.0, r.1));
    let life = life_words(row.remaining_life_days, row.remaining_life_low, row.remaining_life_high, longest);
    let mut modes: Vec<String> = row
        .modes
        .iter()
        .take(limits.reasons)
        .map(|(m, p)| format!("{} {}", foreign(m, 60), percent(*p)))
        .collect();
    if modes.is_empty() {
        modes.extend(row.failure_mode.as_deref().map(|m| foreign(m, 60)));
    }
    Card {
        number: i + 1,
        row: asset_row(i, row, end, usize::MAX),
        horizons: risks
            .iter()
            .map(|(d, p, low, high)| HorizonRow {
                horizon: super::days(*d),
                probability: percent(*p),
                range: percent_range(*low, *high),
                bar: bar(*p, *low, *high, end),
            })
            .collect(),
        axis: axis_text(end),
        modes,
        life,
        worse,
        records,
        why: others.iter().take(limits.reasons).map(|r| reason_row(r, scale)).collect(),
        more: others.len().saturating_sub(limits.reasons),
        base: row.reasons.iter().find(|r| is_base(r)).map(|r| reason_row(r, scale)),
        sum: signed(sum),
        // Only with the base term do the contributions add up to a probability.
        before: if has_base && sum.is_finite() { percent(1.0 / (1.0 + (-sum).exp())) } else { String::new() },
    }
}

fn reason_row(r: &Reason, scale: f64) -> ReasonRow {
    let half = if r.contribution.is_finite() { (r.contribution.abs() / scale).min(1.0) * 50.0 } else { 0.0 };
    let unit = foreign(&r.unit, 20);
    let value = r.value.map(plain).unwrap_or_default();
    ReasonRow {
        text: foreign(reason_words(r), LONG),
        feature: foreign(&r.feature, 60),
        value: if unit.is_empty() || value.is_empty() { value } else { format!("{value} {unit}") },
        contribution: signed(r.contribution),
        raises: r.contribution >= 0.0,
        x: format!("{:.1}", if r.contribution < 0.0 { 50.0 - half } else { 50.0 }),
        width: format!("{half:.1}"),
    }
}

/// `20 assets`.
pub(crate) fn assets(n: usize) -> String {
    counted(n as u64, "asset", "assets")
}
