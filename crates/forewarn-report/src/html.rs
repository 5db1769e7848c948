//! Fills the page's template. It does not know what the numbers mean; `view` has already put them in words.

use forewarn_frames::output::RunTables;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Serde, Value};
use minijinja::{AutoEscape, Environment, escape_formatter};

use crate::error::ReportError;
use crate::text::visible;
use crate::view::{Limits, page};

/// The most bytes a page may have.
pub const MAX_BYTES: usize = 2_000_000;

/// The environment in which all text meets HTML: escaped, and unseen characters made visible, for every value but the
/// drawings, the style sheet and the script, which are ours and marked safe.
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
    env.add_template("nav.html", include_str!("../templates/nav.html"))?;
    env.add_template("parts.html", include_str!("../templates/parts.html"))?;
    env.add_template("plan.html", include_str!("../templates/plan.html"))?;
    env.add_template("problems.html", include_str!("../templates/problems.html"))?;
    env.add_template("track.html", include_str!("../templates/track.html"))?;
    env.add_template("drift.html", include_str!("../templates/drift.html"))?;
    env.add_template("trust.html", include_str!("../templates/trust.html"))?;
    env.add_template("records.html", include_str!("../templates/records.html"))?;
    env.add_template("recurring.html", include_str!("../templates/recurring.html"))?;
    env.add_template("worse.html", include_str!("../templates/worse.html"))?;
    env.add_template("service.html", include_str!("../templates/service.html"))?;
    env.add_template("exposure.html", include_str!("../templates/exposure.html"))?;
    env.add_template("workload.html", include_str!("../templates/workload.html"))?;
    env.add_template("page.html", include_str!("../templates/page.html"))?;
    Ok(env)
}

/// The report of a run as one HTML page of at most [`MAX_BYTES`]: no network, one script of our own that the page's policy
/// names by its hash, and readable without it. The same tables give the same bytes.
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
/// use forewarn_frames::output::{RunFacts, RunTables};
/// let tables = RunTables::empty(RunFacts { as_of: "2025-12-31".into(), ..RunFacts::default() });
/// let page = forewarn_report::render(&tables)?;
/// assert!(page.starts_with("<!doctype html>") && page.contains("2025-12-31"));
/// # Ok::<(), forewarn_report::ReportError>(())
/// ```
pub fn render(tables: &RunTables) -> Result<String, ReportError> {
    for (schema, df) in tables.all() {
        schema.check(df)?;
    }
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
