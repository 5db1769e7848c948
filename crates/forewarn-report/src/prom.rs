//! The run as gauges for a monitor: Prometheus' text format, which node_exporter's textfile collector reads, and at the
//! same time valid OpenMetrics. It does not know where the file goes, and names no asset: a series each would burden the
//! monitor.
//!
//! What the two formats disagree on is left out: timestamps, the types that only one knows, and quotes in help texts. The
//! lines `# UNIT` and `# EOF` are comments to the older one.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use forewarn_frames::output::RunTables;
use forewarn_frames::{Cutoff, Severity};

use crate::error::{ReportError, table};
use crate::rows::{numbers, texts, wholes};
use crate::text::{LONG, foreign};

/// Kinds of degradations, as the table documents them.
const KINDS: [&str; 4] = ["trend", "change_point", "anomaly", "peer"];

/// Metrics of the backtest that are told: name in the table, name of the gauge, help.
const BACKTEST: [(&str, &str, &str); 4] = [
    (
        "average_precision",
        "forewarn_backtest_average_precision",
        "Average precision of a model in the backtest.",
    ),
    ("roc_auc", "forewarn_backtest_roc_auc", "Area under the ROC curve of a model in the backtest."),
    (
        "brier_skill",
        "forewarn_backtest_brier_skill",
        "Brier skill of a model in the backtest, 0 for the base rate.",
    ),
    ("ece", "forewarn_backtest_calibration_error", "Expected calibration error of a model in the backtest."),
];

type Labels<'a> = Vec<(&'a str, String)>;

/// The text being written.
struct Gauges {
    out: String,
}

impl Gauges {
    /// One gauge with a sample for each set of labels. A number that is not known has no sample, and of several with the
    /// same labels the first counts, because a monitor refuses a file that says one thing twice.
    fn add<'a>(
        &mut self,
        name: &str,
        unit: Option<&str>,
        help: &str,
        samples: impl IntoIterator<Item = (Labels<'a>, f64)>,
    ) {
        let mut seen = BTreeSet::new();
        let mut lines = String::new();
        for (labels, value) in samples {
            let labels = labels_text(&labels);
            if value.is_finite() && seen.insert(labels.clone()) {
                // Writing to a String does not fail.
                let _ = writeln!(lines, "{name}{labels} {value}");
            }
        }
        if lines.is_empty() {
            return;
        }
        let _ = writeln!(self.out, "# HELP {name} {help}\n# TYPE {name} gauge");
        if let Some(unit) = unit {
            let _ = writeln!(self.out, "# UNIT {name} {unit}");
        }
        self.out += &lines;
    }

    /// A gauge of one sample without labels.
    fn one(&mut self, name: &str, help: &str, value: f64) {
        self.add(name, None, help, [(vec![], value)]);
    }
}

/// `{model="blend",horizon_days="30"}`
fn labels_text(labels: &Labels<'_>) -> String {
    if labels.is_empty() {
        return String::new();
    }
    let pairs: Vec<String> = labels
        .iter()
        .map(|(name, value)| {
            let value = foreign(value, LONG).replace('\\', "\\\\").replace('"', "\\\"");
            format!("{name}=\"{value}\"")
        })
        .collect();
    format!("{{{}}}", pairs.join(","))
}

/// The text of `forewarn.prom`: the same bytes for the same tables.
///
/// # Errors
///
/// A table lacks a column, or it is of another type.
///
/// # Example
///
/// ```
/// use forewarn_frames::output::{METRICS, RunFacts, RunTables};
/// let mut tables = RunTables::empty(RunFacts { as_of: "2025-12-31".into(), ..RunFacts::default() });
/// let text = forewarn_report::gauges(&tables)?;
/// assert!(text.contains("\nforewarn_assets 0\n") && text.ends_with("# EOF\n"));
/// tables.risk = METRICS.empty();
/// assert!(forewarn_report::gauges(&tables).is_err(), "that is another table");
/// # Ok::<(), forewarn_report::ReportError>(())
/// ```
pub fn gauges(tables: &RunTables) -> Result<String, ReportError> {
    let facts = &tables.facts;
    let mut g = Gauges { out: String::new() };
    let label = |name: &'static str, value: &str| vec![(name, value.to_owned())];
    g.add(
        "forewarn_build_info",
        None,
        "The program that made the run; always 1.",
        [(label("version", &facts.version), 1.0)],
    );
    let (as_of, trained) = (Cutoff::parse(&facts.as_of).ok(), Cutoff::parse(&facts.trained_as_of).ok());
    let nan = f64::NAN;
    g.add(
        "forewarn_as_of_timestamp_seconds",
        Some("seconds"),
        "Where observation ends, seconds since 1970.",
        [(vec![], as_of.map_or(nan, |d| (d.micros() / 1_000_000) as f64))],
    );
    let age = as_of.zip(trained).map_or(nan, |(a, t)| f64::from(a.day() - t.day()) * 86_400.0);
    g.add(
        "forewarn_model_age_seconds",
        Some("seconds"),
        "From the day of training to the end of observation.",
        [(vec![], age)],
    );
    g.one("forewarn_assets", "Assets ranked.", facts.n_assets as f64);
    g.one(
        "forewarn_assets_scored",
        "Of these, those scored by their own data.",
        facts.n_assets.saturating_sub(facts.n_unknown) as f64,
    );
    g.one(
        "forewarn_assets_unknown",
        "Assets too little seen to be scored by their own data.",
        facts.n_unknown as f64,
    );
    g.one("forewarn_failures", "Failures that counted.", facts.n_failures as f64);
    let read = [("tickets", facts.n_tickets), ("telemetry", facts.n_readings), ("events", facts.n_events)];
    g.add(
        "forewarn_rows_read",
        None,
        "Rows read, by table.",
        read.map(|(t, n)| (label("table", t), n as f64)),
    );
    expected(&mut g, tables)?;
    let severities = [Severity::Info, Severity::Warning, Severity::Error];
    let n_of = |s: Severity| tables.findings.iter().filter(|f| f.severity == s).count() as f64;
    g.add(
        "forewarn_findings",
        None,
        "What the data checks found, by severity.",
        severities.map(|s| (label("severity", s.name()), n_of(s))),
    );
    counts(&mut g, tables)?;
    backtest(&mut g, tables)?;
    g.out += "# EOF\n";
    Ok(g.out)
}

/// What is expected to come: failures by horizon, incidents by window.
fn expected(g: &mut Gauges, tables: &RunTables) -> Result<(), ReportError> {
    let named = table("risk");
    let days = wholes(&tables.risk, "horizon_days").map_err(&named)?;
    let p = numbers(&tables.risk, "probability").map_err(&named)?;
    let horizons: BTreeSet<i64> = days.iter().flatten().copied().collect();
    let sums = horizons.into_iter().map(|h| {
        let of_h = days.iter().zip(&p).filter(|(d, p)| **d == Some(h) && p.is_finite());
        (vec![("horizon_days", h.to_string())], of_h.map(|(_, p)| p).sum::<f64>())
    });
    g.add("forewarn_failures_expected", None, "Assets expected to fail within the horizon.", sums);

    let named = table("workload");
    let level = texts(&tables.workload, "level").map_err(&named)?;
    let days = wholes(&tables.workload, "days").map_err(&named)?;
    for (column, name, help) in [
        ("mean", "forewarn_incidents_expected", "Incidents expected within the days to come, in total."),
        (
            "usual",
            "forewarn_incidents_usual",
            "Median of incidents in like windows of the last year, in total.",
        ),
    ] {
        let values = numbers(&tables.workload, column).map_err(&named)?;
        let total = level.iter().zip(&days).zip(values).filter_map(|((level, days), value)| {
            let days = days.filter(|_| level.as_deref() == Some("total"))?;
            Some((vec![("horizon_days", days.to_string())], value))
        });
        g.add(name, None, help, total);
    }
    Ok(())
}

/// How many rows the tables of warnings have.
fn counts(g: &mut Gauges, tables: &RunTables) -> Result<(), ReportError> {
    let kinds = texts(&tables.degradations, "kind").map_err(table("degradations"))?;
    let n_of = |kind: &str| kinds.iter().flatten().filter(|k| *k == kind).count() as f64;
    g.add(
        "forewarn_degradations",
        None,
        "What gets worse in the telemetry, by kind.",
        KINDS.map(|kind| (vec![("kind", kind.to_owned())], n_of(kind))),
    );
    let trend = texts(&tables.recurrences, "trend").map_err(table("recurrences"))?;
    let category = texts(&tables.recurrences, "category").map_err(table("recurrences"))?;
    let worsening = trend
        .iter()
        .zip(&category)
        .filter(|(t, c)| t.as_deref() == Some("worsening") && c.as_deref() == Some("(all)"))
        .count();
    g.one("forewarn_assets_worsening", "Assets whose incidents get more, by a test.", worsening as f64);
    g.one("forewarn_problems", "Groups of tickets that say the same.", tables.problems.height() as f64);
    let low = numbers(&tables.problems, "growth_low").map_err(table("problems"))?;
    let growing = low.iter().filter(|x| **x > 1.0).count();
    g.one("forewarn_problems_growing", "Of these, those that grow, by a test.", growing as f64);
    Ok(())
}

/// How the models fared at past dates.
fn backtest(g: &mut Gauges, tables: &RunTables) -> Result<(), ReportError> {
    let facts = &tables.facts;
    g.add(
        "forewarn_chosen_model_info",
        None,
        "The model that made the ranking, and the strongest baseline; always 1.",
        [(vec![("model", facts.chosen_model.clone()), ("baseline", facts.baseline_model.clone())], 1.0)],
    );
    g.one(
        "forewarn_chosen_beats_baseline",
        "1 where a model beat the strongest baseline in the backtest, else 0.",
        f64::from(u8::from(facts.beats_baseline)),
    );
    g.one("forewarn_backtest_cutoffs", "Past dates that the backtest judged.", facts.backtest_cutoffs as f64);
    let named = table("metrics");
    let [model, role, metric] = ["model", "role", "metric"].map(|c| texts(&tables.metrics, c));
    let (model, role) = (model.map_err(&named)?, role.map_err(&named)?);
    let metric = metric.map_err(&named)?;
    let days = wholes(&tables.metrics, "horizon_days").map_err(&named)?;
    let value = numbers(&tables.metrics, "value").map_err(&named)?;
    for (of, name, help) in BACKTEST {
        let rows = (0..value.len()).filter(|i| metric[*i].as_deref() == Some(of));
        let samples = rows.map(|i| {
            let text = |t: &Option<String>| t.clone().unwrap_or_default();
            let labels = vec![
                ("model", text(&model[i])),
                ("role", text(&role[i])),
                ("horizon_days", days[i].map_or_else(String::new, |d| d.to_string())),
            ];
            (labels, value[i])
        });
        g.add(name, None, help, samples);
    }
    Ok(())
}
