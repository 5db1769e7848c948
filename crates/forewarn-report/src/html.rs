//! Fills the page's template. It does not know what the numbers mean; `view` has already put them in words.

use forewarn_frames::output::{
    CALIBRATION, DEGRADATIONS, FORECASTS, LABELS, MEASURES, METRICS, PLOT_SERIES, PROBLEMS, RANKING,
    RECURRENCES, RISK, RunTables, WORKLOAD,
};
use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Serde, Value};
use minijinja::{AutoEscape, Environment, escape_formatter};

use crate::error::ReportError;
use crate::text::visible;
use crate::view::{Limits, page};

/// The most bytes a page may have.
pub const MAX_BYTES: usize = 2_000_000;

/// The environment in which all text meets HTML: escaped, and unseen characters made visible, for every value but the
/// drawings and the style sheet, which are ours and marked safe.
fn environment() -> Result<Environment<'static>, minijinja::Error> {
    let mut env = Environment::new();
    env.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
    env.set_undefined_behavior(minijinja::UndefinedBehavior::Strict);
    env.set_auto_escape_callback(|_| AutoEscape::Html);
    env.set_formatter(|out, state, value| match value.as_str() {
        Some(text) if !value.is_safe() => {
            escape_formatter(out, state, &Value::from(visible(text).into_owned()))
        }
        _ => escape_formatter(out, state, value),
    });
    env.add_template("parts.html", include_str!("../templates/parts.html"))?;
    env.add_template("problems.html", include_str!("../templates/problems.html"))?;
    env.add_template("trust.html", include_str!("../templates/trust.html"))?;
    env.add_template("recurring.html", include_str!("../templates/recurring.html"))?;
    env.add_template("worse.html", include_str!("../templates/worse.html"))?;
    env.add_template("workload.html", include_str!("../templates/workload.html"))?;
    env.add_template("page.html", include_str!("../templates/page.html"))?;
    Ok(env)
}

/// The report of a run as one HTML page of at most [`MAX_BYTES`]: no network, no script, readable by itself. The same
/// tables give the same bytes.
///
/// It shows at most the first 500 ranked assets and a card for the first 50; fewer where their texts are so long that
/// the page would grow too large. It says what it leaves out.
///
/// # Errors
///
/// A table is not what its schema in [`forewarn_frames::output`] says.
///
/// # Example
///
/// ```
/// use forewarn_frames::output::{self, RunFacts, RunTables};
/// let facts = RunFacts {
///     as_of: "2025-12-31".into(), rank_by_days: 30, capacity_visits: 20, capacity_per_days: 7,
///     n_assets: 0, n_unknown: 0, n_failures: 0, n_tickets: 0, n_readings: 0, n_events: 0,
///     chosen_model: "rate".into(), chosen_because: "there was nothing to learn from".into(),
///     baseline_model: "rate".into(), beats_baseline: false,
///     backtest_from: None, backtest_to: None, backtest_cutoffs: 0,
///     trained_as_of: "2025-12-01".into(), time_zone: "UTC".into(), version: "0.1.0".into(),
/// };
/// let tables = RunTables {
///     ranking: output::RANKING.empty(), risk: output::RISK.empty(), labels: output::LABELS.empty(),
///     calibration: output::CALIBRATION.empty(), metrics: output::METRICS.empty(),
///     plot_series: output::PLOT_SERIES.empty(), recurrences: output::RECURRENCES.empty(),
///     measures: output::MEASURES.empty(), problems: output::PROBLEMS.empty(), degradations: output::DEGRADATIONS.empty(),
///     forecasts: output::FORECASTS.empty(), workload: output::WORKLOAD.empty(), findings: vec![], facts,
/// };
/// let page = forewarn_report::render(&tables)?;
/// assert!(page.starts_with("<!doctype html>") && page.contains("2025-12-31"));
/// # Ok::<(), forewarn_report::ReportError>(())
/// ```
pub fn render(tables: &RunTables) -> Result<String, ReportError> {
    RANKING.check(&tables.ranking)?;
    RISK.check(&tables.risk)?;
    LABELS.check(&tables.labels)?;
    CALIBRATION.check(&tables.calibration)?;
    METRICS.check(&tables.metrics)?;
    PLOT_SERIES.check(&tables.plot_series)?;
    RECURRENCES.check(&tables.recurrences)?;
    MEASURES.check(&tables.measures)?;
    DEGRADATIONS.check(&tables.degradations)?;
    PROBLEMS.check(&tables.problems)?;
    FORECASTS.check(&tables.forecasts)?;
    WORKLOAD.check(&tables.workload)?;
    let env = environment()?;
    let template = env.get_template("page.html")?;
    let mut limits = Limits::default();
    loop {
        let html = template.render(Serde(page(tables, limits)?))?;
        // Only texts made long on purpose get here twice; at the last step hardly a row is left.
        match limits.tighter() {
            Some(tighter) if html.len() > MAX_BYTES => limits = tighter,
            _ => return Ok(html),
        }
    }
}
