//! What the page says, in words and formatted numbers, part by part. It does not know HTML, and it computes nothing that
//! a table could hold: sums, shares and counts at most.

mod assets;
mod drift;
mod exposure;
mod failures;
mod first;
mod measures;
mod plan;
mod problems;
mod records;
mod recurring;
mod service;
mod track;
mod trust;
mod workload;
mod worse;

#[cfg(test)]
pub(crate) use track::in_short;

use forewarn_frames::Severity;
use forewarn_frames::output::{RunFacts, RunTables};
use minijinja::value::Value;
use serde::Serialize;

use crate::error::{ReportError, table};
use crate::number::{counted, whole};
use crate::rows;
use crate::text::{LONG, foreign};

/// How much of the tables the page shows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Rows of the ranking.
    pub(crate) rows: usize,
    /// Cards.
    pub(crate) cards: usize,
    /// Reasons on a card, modes on a card.
    pub(crate) reasons: usize,
    /// Findings, models, modes of failure.
    pub(crate) lines: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { rows: 500, cards: 50, reasons: 12, lines: 100 }
    }
}

impl Limits {
    /// The next smaller page; `None` after the smallest.
    pub(crate) fn tighter(self) -> Option<Self> {
        let half = |n: usize, least: usize| (n / 2).max(least);
        let next = Self {
            rows: half(self.rows, 20),
            cards: half(self.cards, 5),
            reasons: half(self.reasons, 4),
            lines: half(self.lines, 10),
        };
        (next.rows < self.rows || next.lines < self.lines).then_some(next)
    }
}

/// What the page's policy lets run: `templates/page.js`, by its hash, and nothing else. A test compares them.
const SCRIPT_HASH: &str = "sha256-Bio6PeCHTh8D0srhdc1sx8PxUxeHWqx6u5w/Eh5k9EM=";

/// The whole page.
#[derive(Serialize)]
pub(crate) struct Page {
    css: Value,
    js: Value,
    /// See [`SCRIPT_HASH`].
    script_hash: Value,
    facts: Facts,
    banner: Option<Banner>,
    /// How many warnings, in words; `None` where there are none.
    warnings: Option<String>,
    first: first::First,
    plan: plan::Plan,
    all: assets::All,
    track: track::Track,
    drift: drift::Drift,
    trust: trust::Trust,
    failures: failures::Failures,
    findings: Findings,
    recurring: recurring::Recurring,
    worse: worse::Worse,
    problems: problems::Problems,
    workload: Option<workload::Workload>,
    service: service::Service,
    exposure: exposure::Exposure,
}

/// The run as a whole, ready to be read.
#[derive(Serialize)]
struct Facts {
    as_of: String,
    time_zone: String,
    horizon: String,
    version: String,
    trained: String,
    read: String,
    assets: String,
    chosen: String,
    visits: String,
    period: String,
}

/// What must be looked at before anything else is believed.
#[derive(Serialize)]
struct Banner {
    items: Vec<FindingRow>,
    more: usize,
}

/// What the checks found, worst first.
#[derive(Serialize)]
struct Findings {
    rows: Vec<FindingRow>,
    hidden: usize,
    summary: String,
}

#[derive(Serialize, Clone)]
struct FindingRow {
    severity: &'static str,
    check: String,
    place: String,
    n_rows: String,
    message: String,
    sample: Vec<String>,
    hint: String,
}

/// A model's name as a reader would say it. Names that are not known here are shown as they are.
pub(crate) fn model_name(name: &str) -> String {
    let known = match name {
        "rate" | "cohort" | "cohort_rate" => "failure rate of similar assets",
        "own_rate" | "shrunk_rate" | "gamma_poisson" => "own incident rate",
        "logistic" | "logistic_regression" => "logistic regression",
        "boosting" | "gradient_boosting" => "gradient boosting",
        "blend" => "blend of models",
        "random" => "a random pick",
        other => return foreign(&other.replace('_', " "), 60),
    };
    known.to_owned()
}

/// `this week`, `today`, `in the next 14 days`.
fn period(days: u32) -> String {
    match days {
        1 => "today".to_owned(),
        7 => "this week".to_owned(),
        28..=31 => "this month".to_owned(),
        n => format!("in the next {}", counted(u64::from(n), "day", "days")),
    }
}

fn days(n: i64) -> String {
    counted(n.max(0) as u64, "day", "days")
}

fn facts(f: &RunFacts) -> Facts {
    let mut read = Vec::new();
    for (n, one, many) in [
        (f.n_tickets, "ticket", "tickets"),
        (f.n_readings, "reading", "readings"),
        (f.n_events, "event", "events"),
    ] {
        if n > 0 {
            read.push(counted(n, one, many));
        }
    }
    let read = match read.as_slice() {
        [] => "no tickets, readings or events".to_owned(),
        [only] => only.clone(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    };
    Facts {
        as_of: foreign(&f.as_of, 40),
        time_zone: foreign(&f.time_zone, 40),
        horizon: days(i64::from(f.rank_by_days)),
        version: foreign(&f.version, 40),
        trained: foreign(&f.trained_as_of, 40),
        read,
        assets: counted(f.n_assets, "asset", "assets"),
        chosen: model_name(&f.chosen_model),
        visits: counted(u64::from(f.capacity_visits), "visit", "visits"),
        period: period(f.capacity_per_days),
    }
}

fn finding_rows(tables: &RunTables) -> Vec<FindingRow> {
    let mut sorted: Vec<_> = tables.findings.iter().collect();
    // Stable: of one severity, in the checks' order.
    sorted.sort_by_key(|f| std::cmp::Reverse(f.severity));
    sorted
        .into_iter()
        .map(|f| FindingRow {
            severity: f.severity.name(),
            check: foreign(&f.check.replace('_', " "), 60),
            place: match &f.column {
                Some(c) => format!("{}.{}", foreign(&f.table, 40), foreign(c, 60)),
                None => foreign(&f.table, 40),
            },
            n_rows: if f.n_rows == 0 { String::new() } else { whole(f.n_rows) },
            message: foreign(&f.message, 2 * LONG),
            sample: f.sample.iter().take(5).map(|s| foreign(s, 40)).collect(),
            hint: foreign(&f.hint, 2 * LONG),
        })
        .collect()
}

/// Everything the template needs.
///
/// # Errors
///
/// A column is not of its schema's type, or a plot cannot be drawn.
pub(crate) fn page(tables: &RunTables, limits: Limits) -> Result<Page, ReportError> {
    let top = rows::ranking(&tables.ranking.head(Some(limits.rows))).map_err(table("ranking"))?;
    let of = |s: Severity| tables.findings.iter().filter(|f| f.severity == s).count();
    let (errors, warnings, notes) = (of(Severity::Error), of(Severity::Warning), of(Severity::Info));
    let mut found = finding_rows(tables);
    let banner = (errors > 0).then(|| Banner {
        items: found.iter().filter(|f| f.severity == "error").take(3).cloned().collect(),
        more: errors.saturating_sub(3),
    });
    let hidden = found.len().saturating_sub(limits.lines);
    found.truncate(limits.lines);
    let say = |n: usize, one, many| counted(n as u64, one, many);
    let warnings_text = (warnings > 0).then(|| say(warnings, "warning", "warnings"));
    let summary = format!(
        "{}, {}, {}",
        say(errors, "error", "errors"),
        say(warnings, "warning", "warnings"),
        say(notes, "note", "notes")
    );
    Ok(Page {
        // Ours alone: nothing from a table is in it.
        css: Value::from_safe_string(include_str!("../../templates/style.css").to_owned()),
        js: Value::from_safe_string(include_str!("../../templates/page.js").to_owned()),
        script_hash: Value::from_safe_string(SCRIPT_HASH.to_owned()),
        facts: facts(&tables.facts),
        banner,
        warnings: warnings_text,
        first: first::first(tables, &top)?,
        plan: plan::plan(tables, limits)?,
        all: assets::all(tables, &top, limits)?,
        track: track::track(tables, limits)?,
        drift: drift::drift(tables, limits)?,
        trust: trust::trust(tables, limits)?,
        failures: failures::failures(tables, limits)?,
        findings: Findings { rows: found, hidden, summary },
        recurring: recurring::recurring(tables, limits)?,
        worse: worse::worse(tables, limits)?,
        problems: problems::problems(tables, limits)?,
        workload: workload::workload(tables, limits)?,
        service: service::service(tables, limits)?,
        exposure: exposure::exposure(tables, limits)?,
    })
}
