//! `forewarn check`: the data checks, and nothing else.

use forewarn_frames::Finding;
use forewarn_report::{Format, findings_json, table_text};
use polars::prelude::{Column, DataFrame};

use crate::cli::{CheckArgs, TableFormat};
use crate::context::Context;
use crate::errors::{Exit, Failure, Outcome};
use crate::settings::Flags;
use crate::{inputs, words};

/// Prints what the checks find; exit code 1 at or above `checks.fail_at`.
pub(super) fn check(args: &CheckArgs, context: &Context) -> Outcome<Exit> {
    let settings = super::settings(&args.config, Flags { as_of: args.as_of.clone(), ..Flags::default() })?;
    context.watch(None);
    let inputs = super::read(&settings, context, None)?;
    let findings = inputs.findings(&settings);
    context.progress.clear();
    let text = match args.format {
        TableFormat::Table => words::findings(&findings),
        TableFormat::Csv => table_text(&table(&findings)?, Format::Csv).map_err(|e| super::unwritable(&e))?,
        TableFormat::Json => findings_json(&findings).map_err(|e| super::unwritable(&e))?,
    };
    context.ui.data(&text)?;
    context.ui.say(&format!("{} as of {}", words::findings_in_short(&findings), inputs.as_of));
    Ok(if inputs::fails(&findings, settings.checks.fail_at) { Exit::ChecksFailed } else { Exit::Done })
}

fn table(findings: &[Finding]) -> Outcome<DataFrame> {
    let text = |name: &str, f: &dyn Fn(&Finding) -> Option<String>| {
        Column::new(name.into(), findings.iter().map(f).collect::<Vec<Option<String>>>())
    };
    let columns = vec![
        text("check", &|f| Some(f.check.clone())),
        text("severity", &|f| Some(f.severity.to_string())),
        text("table", &|f| Some(f.table.clone())),
        text("column", &|f| f.column.clone()),
        Column::new("n_rows".into(), findings.iter().map(|f| f.n_rows as i64).collect::<Vec<_>>()),
        text("sample", &|f| Some(f.sample.join("; "))),
        text("message", &|f| Some(f.message.clone())),
        text("hint", &|f| Some(f.hint.clone())),
    ];
    DataFrame::new(findings.len(), columns)
        .map_err(|e| Failure::bug("findings have no table").cause(e.to_string()))
}
