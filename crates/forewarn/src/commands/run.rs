//! `forewarn run`: read, check, learn, rank, and write a run folder with the report.

use std::collections::BTreeMap;

use forewarn_engine::{Memory, Problems, RunResult, StoredModel};
use forewarn_frames::output::ORDERS;
use forewarn_frames::time::Micros;
use forewarn_frames::{Cutoff, Finding};
use forewarn_report::{
    Format, TICKETS, exports, facts_json, read_parquet, read_tables, render, servicenow_tickets, table_text,
    write_parquet,
};
use forewarn_settings::tables::tables;
use polars::prelude::DataFrame;
use serde_json::{Value, json};

use crate::cli::RunArgs;
use crate::context::Context;
use crate::errors::{Exit, Failure, Outcome};
use crate::folders::{self, Draft};
use crate::history;
use crate::inputs::{self, Rows};
use crate::kept::Kept;
use crate::lock::{Lock, RUN_LOCK};
use crate::manifest::{self, Origin};
use crate::ordered;
use crate::settings::{Flags, Settings};
use crate::{clock, retention, room, words};

/// The model in the run folder, data only.
const MODEL: &str = "model.json";
/// How many of the ranking are said on standard error.
const TOP: usize = 5;

/// Runs, and prints the path of the report.
pub(super) fn run(args: &RunArgs, context: &Context) -> Outcome<Exit> {
    let started = clock::now();
    let over = &args.overrides;
    let flags =
        Flags { as_of: over.as_of.clone(), out: over.out.clone(), seed: over.seed, ..Flags::default() };
    let settings = super::settings(&args.config, flags)?;
    if args.dry_run {
        return dry_run(&settings, context);
    }
    context.leave_errors_in(&settings.out, "run");
    context.watch(args.deadline.deadline);
    // Taken before anything is read: a folder that cannot be written is known at once, not after an hour.
    let lock = Lock::take(&settings.out, RUN_LOCK)?;
    folders::clear(&lock, &settings.out)?;
    history::settle(&lock, &settings.out)?;
    ordered::settle(&lock, &settings.out)?;
    // Before room is looked for: old runs may be what fills the disk.
    forget(&lock, &settings, context)?;
    context.begin(&lock, &settings.out, settings.textfile.as_deref())?;
    room::check(&settings.out, &settings.reading)?;
    let cache = (!args.no_cache).then(|| settings.out.join(folders::CACHE));
    let kept = cache.as_deref().and_then(Kept::open);
    let inputs = super::read(&settings, context, cache)?;
    context.progress.note("checking", "");
    let mut findings = inputs.findings(&settings);
    let as_of = inputs.as_of;
    let prints = super::fingerprints(&inputs);
    let ledger = history::read(&lock, &settings.out, as_of, settings.engine.capacity.per_days)?;
    inputs::add(&mut findings, &ledger.findings);
    let (ordered, unread) =
        if settings.tickets_file { ordered::before(&settings.out, as_of) } else { (Vec::new(), Vec::new()) };
    inputs::add(&mut findings, &unread);
    let mut known = ledger.fingerprint.clone();
    known["ordered"] = ordered::fingerprint(&ordered);
    let origin = Origin::new(&settings, as_of, &prints, Some(&known))?;
    context.progress.note("indexing", "");
    let rejected = inputs.rejected();
    let (frames, rows) = inputs.into_frames(&settings)?;
    context.stop.check()?;
    let memory = kept.as_ref().map(|k| k as &dyn Memory);
    let result = forewarn_engine::run(&frames, &settings.engine, &ledger.rows, memory, &context.progress)?;
    if let Some(why) = kept.and_then(Kept::close) {
        context.ui.warn(&format!("the models could not be kept for the next run: {why}"));
    }
    drop(ledger);
    let earlier = earlier_problems(&settings.out, as_of);
    let problems = forewarn_engine::problems(
        &frames,
        &settings.engine,
        earlier.as_ref().map(|e| &e.1),
        &context.progress,
    )?;
    let problems_from = earlier.map(|e| e.0);
    let orders = if settings.tickets_file {
        let given = (&result.plan, &result.ranking);
        forewarn_engine::orders(&frames, &settings.engine, given, &ordered)?
    } else {
        ORDERS.empty()
    };
    drop(frames);
    inputs::add(&mut findings, &result.findings);
    let fails = inputs::fails(&findings, settings.checks.fail_at);
    let exit = if fails { Exit::ChecksFailed } else { Exit::Done };
    context.progress.note("writing", "");
    let made = Made { as_of, rows, rejected, findings, exit, started, problems, problems_from, orders };
    let folder = write(&settings, &lock, &origin, &made, &result, context)?;
    forget(&lock, &settings, context)?;
    context.done(exit);
    context.progress.clear();
    say_how_it_went(&settings, &made, &result, context)?;
    context.ui.data(&format!("{}\n", short(&folder).join("report.html").display()))?;
    Ok(exit)
}

/// Removes the runs that `[retention]` lets go.
fn forget(lock: &Lock, settings: &Settings, context: &Context) -> Outcome<()> {
    let removed = retention::apply(lock, &settings.out, settings.retention)?;
    if removed > 0 {
        context
            .ui
            .say(&format!("removed {} by `[retention]`", words::count(removed as u64, "old run folder")));
    }
    Ok(())
}

/// The folder as one would type it: without detours, and from here where it lies below here.
fn short(folder: &std::path::Path) -> std::path::PathBuf {
    let name = folder.file_name().unwrap_or_default();
    let Some(out) = folder.parent().and_then(|p| p.canonicalize().ok()) else { return folder.to_owned() };
    let here = std::path::Path::new(".").canonicalize().ok();
    // The name is a link, which is what is meant to be opened.
    let out = here.and_then(|h| out.strip_prefix(h).ok().map(std::path::Path::to_path_buf)).unwrap_or(out);
    out.join(name)
}

/// What a run knows beside the engine's tables.
struct Made {
    as_of: Cutoff,
    rows: Rows,
    /// Rows that could not be used, by table.
    rejected: BTreeMap<&'static str, u64>,
    findings: Vec<Finding>,
    exit: Exit,
    started: Micros,
    problems: Problems,
    /// The as-of of the run from which ids of problems were handed on.
    problems_from: Option<Cutoff>,
    /// See [`ORDERS`].
    orders: DataFrame,
}

/// Prints the settings and what would be read; writes nothing.
fn dry_run(settings: &Settings, context: &Context) -> Outcome<Exit> {
    let table = settings.to_table(true);
    let text = toml::to_string(&table)
        .map_err(|e| Failure::bug("the settings have no TOML form").cause(e.to_string()))?;
    let reading = &settings.reading;
    let tables = [&reading.assets, &reading.asset_history, &reading.tickets].into_iter().flatten();
    let mut read = 0;
    for table in tables.chain(&reading.telemetry).chain(&reading.events).chain(&reading.actions) {
        for path in &table.paths {
            context.ui.say(&format!(
                "would read `{}` as {} ({})",
                reading.base.join(path).display(),
                table.table,
                table.preset
            ));
            read += 1;
        }
    }
    if let forewarn_sources::FailureSource::File(table) = &reading.failure.source {
        for path in &table.paths {
            context.ui.say(&format!(
                "would read `{}` as failures ({})",
                reading.base.join(path).display(),
                table.preset
            ));
            read += 1;
        }
    }
    if read == 0 {
        context.ui.warn("the config names no file to read");
    }
    context.ui.say(&format!("would write to `{}`", settings.out.display()));
    context.ui.data(&text)?;
    Ok(Exit::Done)
}

/// Fills, validates and switches the run folder.
fn write(
    settings: &Settings,
    lock: &Lock,
    origin: &Origin,
    made: &Made,
    result: &RunResult,
    context: &Context,
) -> Outcome<std::path::PathBuf> {
    let tables = tables(
        (settings, made.as_of, &made.rows),
        result,
        &made.problems,
        (&made.orders, &made.findings),
        manifest::VERSION,
    )?;
    let page = render(&tables).map_err(|e| super::unwritable(&e))?;
    let mut draft = folders::begin_run(lock, &settings.out, made.as_of, &origin.id())?;
    for (name, bytes) in forewarn_report::files(&tables).map_err(|e| super::unwritable(&e))? {
        context.stop.check()?;
        draft.put(&name, &bytes)?;
    }
    let mut features = Vec::new();
    write_parquet(&result.features, &mut features, "features").map_err(|e| super::unwritable(&e))?;
    draft.put("features.parquet", &features)?;
    let mut said = Vec::new();
    write_parquet(&result.ledger, &mut said, "ledger").map_err(|e| super::unwritable(&e))?;
    draft.put(history::LEDGER_FILE, &said)?;
    for file in exports(&tables, &result.features, &settings.export).map_err(|e| super::unwritable(&e))? {
        context.stop.check()?;
        let (name, bytes) = file.map_err(|e| super::unwritable(&e))?;
        draft.put(&name, &bytes)?;
    }
    if settings.tickets_file {
        let tickets = servicenow_tickets(&tables).map_err(|e| super::unwritable(&e))?;
        draft.put(TICKETS, tickets.as_bytes())?;
    }
    draft.put(MODEL, &result.model)?;
    draft.put("report.html", page.as_bytes())?;
    let name = draft.path().file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    draft.put_uncounted(
        folders::RUN_LOG,
        &manifest::run_log("run", &name, made.started, made.exit, &made.findings),
    )?;
    let trained = result.summary.trained_as_of;
    let more = [
        ("rows", manifest::rows_json(&made.rows)),
        ("rows_rejected", json!(made.rejected)),
        ("problems", json!({ "ids_from": made.problems_from.map(|c| c.to_string()) })),
        (
            "model",
            json!({ "name": result.summary.chosen_model, "trained_as_of": trained.to_string(), "age_days": made.as_of.day() - trained.day() }),
        ),
        ("facts", facts_json(&tables.facts).map_err(|e| super::unwritable(&e))?),
    ];
    draft.put_manifest(&origin.clone().manifest(&more, &draft))?;
    validate(&draft)?;
    context.stop.check()?;
    let folder = draft.finish();
    // Kept is what was shown. A run that is stopped between these has lost nothing: the next one settles it.
    let shown = folders::switch(lock, &settings.out, made.as_of, &folder)?;
    ordered::keep(lock, &settings.out, made.as_of, &made.orders)?;
    history::keep(lock, &settings.out, made.as_of, &said)?;
    Ok(shown)
}

/// The problems of the newest run before `as_of`, from which ids are handed on. A run without any, or of an older
/// version, hands on nothing.
fn earlier_problems(out: &std::path::Path, as_of: Cutoff) -> Option<(Cutoff, DataFrame)> {
    let runs = folders::runs_by_date(out).ok()?;
    let (date, folder) = runs.into_iter().filter(|r| r.0 < as_of).max_by_key(|r| r.0)?;
    let bytes = folders::read(&folder.join("problems.parquet")).ok()?;
    Some((date, read_parquet(&bytes, "problems").ok()?))
}

/// Reads the folder back whole, as `forewarn report` will, and the model.
fn validate(draft: &Draft) -> Outcome<()> {
    let read = |file: &str| folders::read(&draft.path().join(file));
    read_tables(&read).map_err(|e| super::unwritable(&e))?;
    let path = draft.path().join(MODEL);
    let bytes = read(MODEL).map_err(|e| Failure::io("read back", &path, &e))?;
    StoredModel::from_bytes(&bytes).map(|_| ()).map_err(|e| Failure::bug(format!("`{}` {e}", path.display())))
}

/// The top of the ranking and how the backtest went, on standard error.
fn say_how_it_went(settings: &Settings, made: &Made, result: &RunResult, context: &Context) -> Outcome<()> {
    let (ui, s, days) = (&context.ui, &result.summary, settings.engine.risk.rank_by);
    let rows = rows_of(&result.ranking.head(Some(TOP)))?;
    ui.say(&format!(
        "as of {}, the likeliest of {} to fail within {days} days:",
        made.as_of,
        words::count(s.n_assets, "asset")
    ));
    for row in &rows {
        let p = |key: &str| row[key].as_f64().unwrap_or(f64::NAN);
        let reason = row["reasons"]
            .as_array()
            .into_iter()
            .flatten()
            .find(|r| r["feature"] != "base" && r["feature"] != "other");
        let reason = reason.and_then(|r| r["text"].as_str()).map(|t| format!("  {t}")).unwrap_or_default();
        ui.say(&format!(
            "{:>3}  {}  {} ({} to {}){reason}",
            row["rank"],
            row["asset_id"].as_str().unwrap_or_default(),
            words::percent(p("probability")),
            words::percent(p("probability_low")),
            words::percent(p("probability_high")),
        ));
    }
    if s.n_unknown > 0 {
        ui.say(&format!(
            "{} too little seen to be told apart from others of their kind",
            words::count(s.n_unknown, "asset")
        ));
    }
    match s.backtest {
        Some((from, to)) => {
            let cutoffs = words::count(s.backtest_cutoffs, "cutoff");
            ui.say(&format!("backtest from {from} to {to} ({cutoffs}): {}", s.chosen_because));
            if let Some(text) = compared(result, days.get().into())? {
                ui.say(&text);
            }
        }
        None => ui.say("no backtest: the records do not reach back far enough"),
    }
    if !s.beats_baseline {
        ui.warn(&format!("nothing beat the baseline `{}`; the ranking is by it", s.baseline_model));
    }
    let short = words::findings_in_short(&made.findings);
    if made.exit == Exit::ChecksFailed {
        ui.warn(&format!(
            "data checks failed at `checks.fail_at = \"{}\"`: {short}; see them with `forewarn check`",
            settings.checks.fail_at
        ));
    } else {
        ui.say(&short);
    }
    Ok(())
}

/// `average precision: 0.21 (blend), 0.09 (cohort)`, where both were measured.
fn compared(result: &RunResult, days: i64) -> Outcome<Option<String>> {
    let rows = rows_of(&result.metrics)?;
    let value = |model: &str| {
        let row = rows
            .iter()
            .find(|r| r["model"] == model && r["horizon_days"] == days && r["metric"] == "average_precision");
        row.and_then(|r| r["value"].as_f64())
    };
    let (chosen, baseline) = (&result.summary.chosen_model, &result.summary.baseline_model);
    Ok(match (value(chosen), value(baseline)) {
        (Some(a), Some(b)) if chosen != baseline => Some(format!(
            "average precision at {days} days: {a:.3} (`{chosen}`), {b:.3} (baseline `{baseline}`)"
        )),
        (Some(a), _) => Some(format!("average precision at {days} days: {a:.3} (`{chosen}`)")),
        _ => None,
    })
}

/// The rows of a table as JSON objects.
fn rows_of(df: &DataFrame) -> Outcome<Vec<Value>> {
    let text = table_text(df, Format::Json).map_err(|e| super::unwritable(&e))?;
    serde_json::from_str(&text).map_err(|e| Failure::bug("a table has no JSON form").cause(e.to_string()))
}
