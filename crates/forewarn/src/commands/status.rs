//! `forewarn status`: the last runs of a folder, their age, exit code and findings, and the last failure.

use std::path::Path;

use forewarn_frames::time::{DAY, day_number};
use forewarn_frames::{Cutoff, Severity};
use forewarn_report::{findings_from_json, table_text};
use polars::prelude::{Column, DataFrame};
use serde_json::Value;

use crate::began::Began;
use crate::cli::StatusArgs;
use crate::clock;
use crate::context::Context;
use crate::errors::{Exit, Failure, Outcome};
use crate::folders;

/// One run as the list shows it; what its folder does not tell is `None`.
struct Row {
    as_of: Cutoff,
    age_days: i64,
    finished_at: Option<String>,
    exit: Option<i64>,
    findings: [Option<i64>; 3],
    model: Option<String>,
    model_age_days: Option<i64>,
    folder: String,
}

fn json(path: &Path) -> Option<Value> {
    serde_json::from_slice(&folders::read(path).ok()?).ok()
}

fn row(as_of: Cutoff, dir: &Path, today: i32) -> Row {
    let manifest = json(&dir.join(folders::MANIFEST)).unwrap_or_default();
    let log = json(&dir.join(folders::RUN_LOG)).unwrap_or_default();
    let findings = folders::read(&dir.join("findings.json")).ok().and_then(|t| String::from_utf8(t).ok());
    let findings = findings.and_then(|t| findings_from_json(&t).ok());
    let n = |s: Severity| findings.as_ref().map(|all| all.iter().filter(|f| f.severity == s).count() as i64);
    Row {
        as_of,
        age_days: i64::from(today - as_of.day()),
        finished_at: log["finished_at"].as_str().map(str::to_owned),
        exit: log["exit"].as_i64(),
        findings: [n(Severity::Error), n(Severity::Warning), n(Severity::Info)],
        model: manifest["facts"]["chosen_model"].as_str().map(str::to_owned),
        model_age_days: manifest["model"]["age_days"].as_i64(),
        folder: dir.display().to_string(),
    }
}

/// Prints the runs, the newest as-of first.
pub(super) fn status(args: &StatusArgs, context: &Context) -> Outcome<Exit> {
    if !args.out.is_dir() {
        return Err(Failure::input(format!("no such folder: `{}`", args.out.display()))
            .hint("name the folder that `forewarn run` writes to, `run.out` in the config"));
    }
    let today = day_number(clock::now().div_euclid(DAY) * DAY);
    let runs = folders::runs_by_date(&args.out)?;
    let rows: Vec<Row> = runs.iter().take(args.last).map(|(as_of, dir)| row(*as_of, dir, today)).collect();
    let whole = |name: &str, f: &dyn Fn(&Row) -> Option<i64>| {
        Column::new(name.into(), rows.iter().map(f).collect::<Vec<_>>())
    };
    let text = |name: &str, f: &dyn Fn(&Row) -> Option<String>| {
        Column::new(name.into(), rows.iter().map(f).collect::<Vec<_>>())
    };
    let columns = vec![
        text("as_of", &|r| Some(r.as_of.to_string())),
        whole("age_days", &|r| Some(r.age_days)),
        text("finished_at", &|r| r.finished_at.clone()),
        whole("exit", &|r| r.exit),
        whole("errors", &|r| r.findings[0]),
        whole("warnings", &|r| r.findings[1]),
        whole("notes", &|r| r.findings[2]),
        text("model", &|r| r.model.clone()),
        whole("model_age_days", &|r| r.model_age_days),
        text("folder", &|r| Some(r.folder.clone())),
    ];
    let table = DataFrame::new(rows.len(), columns)
        .map_err(|e| Failure::bug("runs have no table").cause(e.to_string()))?;
    context.ui.data(&table_text(&table, super::format(args.format)).map_err(|e| super::unwritable(&e))?)?;
    if rows.is_empty() {
        context.ui.say(&format!("no runs in `{}` yet", args.out.display()));
    }
    if runs.len() > rows.len() {
        context
            .ui
            .say(&format!("{} older runs are not shown; see more with `--last`", runs.len() - rows.len()));
    }
    if let Some(error) = json(&args.out.join(folders::LAST_ERROR)) {
        let get = |key: &str| error[key].as_str().unwrap_or("unknown").to_owned();
        let exit = error["exit"].as_i64().unwrap_or_default();
        context.ui.warn(&format!(
            "`{}` failed at {} with exit code {exit}: {}",
            get("command"),
            get("time"),
            get("message")
        ));
    }
    if let Some(mark) = Began::read(&args.out) {
        if Began::is_alive(&args.out) {
            context.ui.say(&format!("a run is under way since {} ({})", mark.at, mark.who));
        } else {
            let facts = [
                ("lost_run_id", Value::from(mark.run_id.clone())),
                ("began_at", Value::from(mark.at.clone())),
            ];
            context.ui.warn_with(&mark.lost(), &facts);
        }
    }
    Ok(Exit::Done)
}
