//! Whether the ranking can be trusted: the backtest against the baselines, and whether probabilities came true. It says
//! so plainly where they did not.

// `let _ = write!(…)`: writing to a String does not fail.
use std::fmt::Write as _;

use forewarn_frames::output::RunTables;
use minijinja::value::Value;
use serde::Serialize;

use super::{Limits, days, model_name};
use crate::error::{ReportError, table};
use crate::number::{counted, fixed, percent, percent_range, share, share_range, whole};
use crate::plot::{self, Bin, Line, SERIES, Scale, Size, Words};
use crate::rows;
use crate::text::foreign;

/// The part on trust.
#[derive(Serialize)]
pub(crate) struct Trust {
    /// `good`, `bad` or `open`.
    verdict: &'static str,
    headline: String,
    words: Vec<String>,
    because: String,
    capture: Option<Plot>,
    metrics: Vec<Column>,
    models: Vec<Model>,
    hidden_models: usize,
    calibration: Option<Calibration>,
}

/// A plot, for a wide and for a narrow page.
#[derive(Serialize)]
struct Plot {
    wide: Value,
    narrow: Value,
}

#[derive(Serialize)]
struct Column {
    name: String,
    meaning: String,
    better: &'static str,
}

#[derive(Serialize)]
struct Model {
    name: String,
    role: &'static str,
    cells: Vec<Cell>,
}

#[derive(Serialize)]
struct Cell {
    column: String,
    value: String,
    range: String,
}

#[derive(Serialize)]
struct Calibration {
    plot: Plot,
    words: Vec<String>,
    root: bool,
    bins: Vec<BinRow>,
    cohorts: Vec<CohortRow>,
}

#[derive(Serialize)]
struct CohortRow {
    name: String,
    row: BinRow,
}

#[derive(Serialize)]
struct BinRow {
    said: String,
    happened: String,
    range: String,
    n: String,
}

/// One row of `metrics` at the ranking's horizon.
pub(super) struct Metric {
    pub(super) model: String,
    role: String,
    pub(super) name: String,
    pub(super) value: f64,
    pub(super) low: f64,
    pub(super) high: f64,
}

/// The rows of `metrics` at the ranking's horizon. A model may stand there twice, as chosen and as candidate; the first
/// counts.
pub(super) fn metrics(tables: &RunTables) -> Result<Vec<Metric>, ReportError> {
    let df = &tables.metrics;
    let e = table("metrics");
    let [model, role, metric] = ["model", "role", "metric"].map(|c| rows::texts(df, c));
    let (model, role, metric) = (model.map_err(&e)?, role.map_err(&e)?, metric.map_err(&e)?);
    let horizon = rows::wholes(df, "horizon_days").map_err(&e)?;
    let [value, low, high] = ["value", "low", "high"].map(|c| rows::numbers(df, c));
    let (value, low, high) = (value.map_err(&e)?, low.map_err(&e)?, high.map_err(&e)?);
    let word = |v: &Option<String>| v.clone().unwrap_or_default();
    Ok((0..df.height())
        .filter(|i| horizon[*i] == Some(i64::from(tables.facts.rank_by_days)))
        .map(|i| Metric {
            model: word(&model[i]),
            role: word(&role[i]),
            name: word(&metric[i]),
            value: value[i],
            low: low[i],
            high: high[i],
        })
        .collect())
}

/// What a metric is called, what it says, which way is better, and whether it is a share.
fn described(metric: &str, horizon: &str) -> Option<(String, String, &'static str, bool)> {
    let say =
        |name: &str, meaning: String, better, is_share| Some((name.to_owned(), meaning, better, is_share));
    if let Some(k) = metric.strip_prefix("precision_at_").and_then(|k| k.parse::<u64>().ok()) {
        let k = whole(k);
        return say(
            &format!("Hits in the first {k}"),
            format!("share of the first {k} that failed within {horizon}"),
            "more is better",
            true,
        );
    }
    match metric {
        "average_precision" => say(
            "Average precision",
            "how far up the list the failures stand; 1 is perfect".to_owned(),
            "more is better",
            false,
        ),
        "brier_skill" => say(
            "Brier skill",
            "how much better the probabilities are than one rate for all; 1 is perfect, 0 no better"
                .to_owned(),
            "more is better",
            false,
        ),
        "ece" => say(
            "Calibration error",
            "how far probabilities were from what happened, on average".to_owned(),
            "less is better",
            false,
        ),
        "roc_auc" => say(
            "ROC AUC",
            "chance that a failing asset ranks above a healthy one; 0.5 is a coin toss".to_owned(),
            "more is better",
            false,
        ),
        _ => None,
    }
}

/// The order of the columns; precisions stand after the first, by length of list.
fn column_order(metric: &str) -> (u8, u64) {
    match metric {
        "average_precision" => (0, 0),
        "brier_skill" => (2, 0),
        "ece" => (3, 0),
        "roc_auc" => (4, 0),
        other => (1, other.rsplit('_').next().and_then(|k| k.parse().ok()).unwrap_or(0)),
    }
}

/// The order of models: chosen, best baseline, the other candidates, the other baselines.
fn model_order(tables: &RunTables, model: &str, role: &str) -> u8 {
    if model == tables.facts.chosen_model {
        0
    } else if model == tables.facts.baseline_model {
        1
    } else {
        2 + u8::from(role == "baseline")
    }
}

fn role_words(tables: &RunTables, model: &str, role: &str) -> &'static str {
    match model_order(tables, model, role) {
        0 if model == tables.facts.baseline_model => "makes the ranking; the best simple baseline",
        0 => "makes the ranking",
        1 => "the best simple baseline",
        2 => "also tried",
        _ => "simple baseline",
    }
}

/// A number of a metric, as a share or with three digits.
fn score(x: f64, is_share: bool) -> String {
    if is_share { share(x) } else { fixed(x, 3, false) }
}

fn metric_table(tables: &RunTables, all: &[Metric], limits: Limits) -> (Vec<Column>, Vec<Model>, usize) {
    let horizon = days(i64::from(tables.facts.rank_by_days));
    let mut names: Vec<&str> = Vec::new();
    let mut models: Vec<(&str, &str)> = Vec::new();
    for m in all {
        if described(&m.name, &horizon).is_some() && !names.contains(&m.name.as_str()) {
            names.push(&m.name);
        }
        if !models.iter().any(|(n, _)| *n == m.model) {
            models.push((&m.model, &m.role));
        }
    }
    names.sort_by_key(|n| column_order(n));
    names.truncate(10);
    models.sort_by_key(|(n, r)| model_order(tables, n, r));
    let hidden = models.len().saturating_sub(limits.lines.min(12));
    models.truncate(limits.lines.min(12));
    let columns: Vec<Column> = names
        .iter()
        .filter_map(|n| described(n, &horizon))
        .map(|(name, meaning, better, _)| Column { name, meaning, better })
        .collect();
    let rows = models
        .iter()
        .map(|(model, role)| Model {
            name: model_name(model),
            role: role_words(tables, model, role),
            cells: names
                .iter()
                .filter_map(|n| described(n, &horizon).map(|d| (n, d)))
                .map(|(n, (name, _, _, is_share))| {
                    let found =
                        all.iter().find(|m| m.model == *model && m.name == **n && m.value.is_finite());
                    let range = found.filter(|m| m.low.is_finite() && m.high.is_finite()).map(|m| {
                        if is_share {
                            share_range(m.low, m.high)
                        } else {
                            format!("{} to {}", score(m.low, false), score(m.high, false))
                        }
                    });
                    Cell {
                        column: name,
                        value: found.map_or_else(|| "–".to_owned(), |m| score(m.value, is_share)),
                        range: range.unwrap_or_default(),
                    }
                })
                .collect(),
        })
        .collect();
    (columns, rows, hidden)
}

fn value_of<'a>(all: &'a [Metric], model: &str, metric: &str) -> Option<&'a Metric> {
    all.iter().find(|m| m.model == model && m.name == metric && m.value.is_finite())
}

/// The verdict in words: headline and sentences.
fn verdict(tables: &RunTables, all: &[Metric]) -> (&'static str, String, Vec<String>) {
    let f = &tables.facts;
    let (chosen, dumb) = (model_name(&f.chosen_model), model_name(&f.baseline_model));
    if all.is_empty() {
        let words = vec!["This run holds no backtest, so how good the ranking is has not been measured. Treat the list as a starting point.".to_owned()];
        return ("open", "Not known yet: there is no backtest.".to_owned(), words);
    }
    let mut words = Vec::new();
    if let (Some(from), Some(to)) = (&f.backtest_from, &f.backtest_to) {
        words.push(format!(
            "The backtest made {} between {} and {} with what was known then, and compared each with the failures of the following {}.",
            counted(f.backtest_cutoffs, "ranking", "rankings"),
            foreign(from, 40),
            foreign(to, 40),
            days(i64::from(f.rank_by_days))
        ));
    }
    // The list length that is nearest to what is visited speaks to the reader most.
    let visits = i64::from(f.capacity_visits);
    let nearest = all
        .iter()
        .filter(|m| m.model == f.chosen_model && m.value.is_finite())
        .filter_map(|m| {
            m.name.strip_prefix("precision_at_").and_then(|k| k.parse::<i64>().ok()).map(|k| (k, m))
        })
        .min_by_key(|(k, _)| ((k - visits).abs(), *k));
    if let Some((k, m)) = nearest {
        let mut text =
            format!("Of the first {} on the list, {} failed in that time", whole(k as u64), share(m.value));
        match value_of(all, &f.baseline_model, &m.name) {
            Some(b) if f.baseline_model != f.chosen_model => {
                let _ = write!(text, "; picked by {dumb}, {} did.", share(b.value));
            }
            _ => text.push('.'),
        }
        words.push(text);
    }
    let pair = (
        value_of(all, &f.chosen_model, "average_precision"),
        value_of(all, &f.baseline_model, "average_precision"),
    );
    if let (Some(c), Some(b), true) = (pair.0, pair.1, f.chosen_model != f.baseline_model) {
        let apart = if c.low.is_finite() && b.high.is_finite() && c.low > b.high {
            " The 80\u{a0}% intervals do not overlap."
        } else if c.low.is_finite() && b.high.is_finite() && c.value > b.value {
            " The 80\u{a0}% intervals overlap, so part of the lead may be luck."
        } else {
            ""
        };
        words.push(format!(
            "Average precision: {} against {}.{apart}",
            fixed(c.value, 3, false),
            fixed(b.value, 3, false)
        ));
    }
    if f.beats_baseline {
        (
            "good",
            format!(
                "Yes, for choosing what to visit: {chosen} ranked better than the best simple baseline, {dumb}."
            ),
            words,
        )
    } else {
        (
            "bad",
            format!(
                "No model did better than the best simple baseline, so the ranking is by that baseline: {dumb}."
            ),
            words,
        )
    }
}

const WIDE: Size = Size { width: 820, height: 360, right: 230 };
const NARROW: Size = Size { width: 350, height: 320, right: 122 };

fn capture(tables: &RunTables) -> Result<Option<Plot>, ReportError> {
    let f = &tables.facts;
    let mut read = plot::read_lines(tables, "capture")?;
    read.sort_by_key(|l| model_order(tables, &l.name, ""));
    let mut lines: Vec<Line> = Vec::new();
    for line in read.into_iter().take(SERIES) {
        let style = match model_order(tables, &line.name, "") {
            0 => 0,
            1 => 1,
            _ => 2 + lines.iter().filter(|l| l.style >= 2).count(),
        };
        lines.push(Line { name: model_name(&line.name), style, ..line });
    }
    if lines.is_empty() {
        return Ok(None);
    }
    let visits = f64::from(f.capacity_visits);
    let mark = format!("your {}", whole(u64::from(f.capacity_visits)));
    let mut description = format!(
        "Share of the failures of the following {} that a list of each length caught, by model.",
        days(i64::from(f.rank_by_days))
    );
    for line in &lines {
        if let Some(c) =
            line.points.iter().min_by(|a, b| (a.0 - visits).abs().total_cmp(&(b.0 - visits).abs()))
        {
            let _ = write!(
                description,
                " {}: {} with a list of {}.",
                line.name,
                share(c.1),
                crate::number::plain(c.0)
            );
        }
    }
    let words = Words {
        id: "capture",
        title: "Failures caught by length of the list",
        description: &description,
        x: "assets visited (length of the list)",
        y: "share of failures caught",
    };
    let draw = |size| {
        plot::lines(&lines, Some((visits, &mark)), (Scale::Share, false), size, &words)
            .map(Value::from_safe_string)
    };
    Ok(Some(Plot { wide: draw(WIDE)?, narrow: draw(NARROW)? }))
}

/// Rows of `calibration` for the chosen model and the ranking's horizon: the cohort where it is one's, the number of
/// predictions, and what came of them.
fn groups(tables: &RunTables) -> Result<Vec<(Option<String>, f64, Bin)>, ReportError> {
    let df = &tables.calibration;
    let e = table("calibration");
    let (horizon, n) = (rows::wholes(df, "horizon_days").map_err(&e)?, rows::wholes(df, "n").map_err(&e)?);
    let (model, cohort) = (rows::texts(df, "model").map_err(&e)?, rows::texts(df, "cohort").map_err(&e)?);
    let [said, happened, low, high] =
        ["mean_probability", "observed", "low", "high"].map(|c| rows::numbers(df, c));
    let (said, happened, low, high) =
        (said.map_err(&e)?, happened.map_err(&e)?, low.map_err(&e)?, high.map_err(&e)?);
    Ok((0..df.height())
        .filter(|i| horizon[*i] == Some(i64::from(tables.facts.rank_by_days)))
        .filter(|i| model[*i].as_deref() == Some(tables.facts.chosen_model.as_str()))
        .map(|i| {
            (
                cohort[i].clone(),
                n[i].unwrap_or(0).max(0) as f64,
                Bin { said: said[i], happened: happened[i], low: low[i], high: high[i] },
            )
        })
        .filter(|(_, _, b)| b.said.is_finite() && b.happened.is_finite())
        .collect())
}

fn calibration(tables: &RunTables) -> Result<Option<Calibration>, ReportError> {
    let (cohorts, bins): (Vec<_>, Vec<_>) = groups(tables)?.into_iter().partition(|g| g.0.is_some());
    let mut bins: Vec<(f64, Bin)> = bins.into_iter().map(|(_, n, b)| (n, b)).collect();
    bins.sort_by(|a, b| a.1.said.total_cmp(&b.1.said));
    bins.truncate(50);
    let Some((_, top)) = bins.last() else { return Ok(None) };
    let mut words = vec![];
    let range = |b: &Bin| {
        let text = share_range(b.low, b.high);
        if text.is_empty() { text } else { format!(" (80\u{a0}% interval {text})") }
    };
    let mut reading = format!(
        "When it said {} (its highest group), {}{} failed",
        percent(top.said),
        share(top.happened),
        range(top)
    );
    if let [.., (_, b), _] = bins.as_slice() {
        let _ = write!(reading, "; when it said {}, {} did", percent(b.said), share(b.happened));
    }
    reading.push('.');
    words.push(reading);
    let with: Vec<&Bin> =
        bins.iter().map(|b| &b.1).filter(|b| b.low.is_finite() && b.high.is_finite()).collect();
    if !with.is_empty() {
        let inside = with.iter().filter(|b| b.low <= b.said && b.said <= b.high).count();
        words.push(format!(
            "In {} of {} groups what it said lies within the 80\u{a0}% interval of what happened; about {} would be expected of honest probabilities.",
            inside,
            with.len(),
            fixed(0.8 * with.len() as f64, 0, false)
        ));
    }
    let n: f64 = bins.iter().map(|b| b.0).sum();
    if n > 0.0 {
        let mean = |f: &dyn Fn(&Bin) -> f64| bins.iter().map(|(w, b)| w * f(b)).sum::<f64>() / n;
        words.push(format!(
            "Over all {} predictions it said {} on average, and {} failed.",
            whole(n as u64),
            percent(mean(&|b| b.said)),
            share(mean(&|b| b.happened))
        ));
    }
    let points: Vec<Bin> = bins.iter().map(|b| b.1).collect();
    // Most points in the lowest fifth of the axis: a root scale pulls them apart.
    let root = points[points.len() / 2].said < top.said / 5.0;
    let description = words.join(" ");
    let drawn = Words {
        id: "reliability",
        title: "What it said against what happened",
        description: &description,
        x: "what it said",
        y: "share that failed",
    };
    Ok(Some(Calibration {
        plot: Plot {
            wide: Value::from_safe_string(plot::reliability(
                &points,
                root,
                Size { width: 500, height: 360, right: 16 },
                &drawn,
            )?),
            narrow: Value::from_safe_string(plot::reliability(
                &points,
                root,
                Size { width: 350, height: 320, right: 12 },
                &drawn,
            )?),
        },
        words,
        root,
        bins: bins.iter().map(|(n, b)| bin_row(*n, b)).collect(),
        cohorts: cohorts
            .iter()
            .map(|(name, n, b)| CohortRow {
                name: sentence(name.as_deref().unwrap_or_default()).trim_end_matches('.').to_owned(),
                row: bin_row(*n, b),
            })
            .collect(),
    }))
}

fn bin_row(n: f64, b: &Bin) -> BinRow {
    BinRow {
        said: percent(b.said),
        happened: share(b.happened),
        range: percent_or_none(b),
        n: whole(n as u64),
    }
}

fn percent_or_none(b: &Bin) -> String {
    if b.low <= 0.0 || b.high >= 1.0 { share_range(b.low, b.high) } else { percent_range(b.low, b.high) }
}

/// The text with a capital and a final stop.
fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    let Some(first) = chars.next() else { return String::new() };
    let stop = if text.ends_with(['.', '!', '?', '…']) { "" } else { "." };
    format!("{}{}{stop}", first.to_uppercase(), chars.as_str())
}

/// The part on trust.
///
/// # Errors
///
/// A column is not of its schema's type, or a plot cannot be drawn.
pub(crate) fn trust(tables: &RunTables, limits: Limits) -> Result<Trust, ReportError> {
    let all = metrics(tables)?;
    let (verdict, headline, words) = verdict(tables, &all);
    let (metrics, models, hidden_models) = metric_table(tables, &all, limits);
    Ok(Trust {
        verdict,
        headline,
        words,
        because: sentence(&foreign(&tables.facts.chosen_because, 400)),
        capture: capture(tables)?,
        metrics,
        models,
        hidden_models,
        calibration: calibration(tables)?,
    })
}
