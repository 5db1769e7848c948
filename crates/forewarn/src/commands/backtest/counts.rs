//! `forewarn backtest --task counts`: forecasts of incident counts at past dates, against what came. It does not reckon.

use forewarn_engine::Period;
use forewarn_frames::{Cutoff, Every};
use forewarn_report::{metrics_json, table_text, write_parquet};
use serde_json::json;

use super::{CUTOFFS, invalid, parent_and_name};
use crate::cli::BacktestArgs;
use crate::clock;
use crate::commands;
use crate::context::Context;
use crate::errors::{Exit, Failure, Outcome};
use crate::folders::{self, Draft, Lock};
use crate::inputs;
use crate::manifest::{self, Origin};
use crate::settings::{Flags, Settings};

/// Forecasts, writes the folder and prints the metrics.
pub(super) fn backtest(args: &BacktestArgs, context: &Context) -> Outcome<Exit> {
    let started = clock::now();
    let flags = Flags { as_of: args.as_of.clone(), seed: args.seed, ..Flags::default() };
    let settings = commands::settings(&args.config, flags)?;
    let horizon = horizon(args)?;
    let out = args.out.clone().unwrap_or_else(|| settings.out.join("backtest"));
    context.leave_errors_in(&settings.out, "backtest");
    context.watch(args.deadline.deadline);
    let (parent, name) = parent_and_name(&out)?;
    let _lock = Lock::take(&parent, &format!(".{name}.lock"))?;
    let inputs = inputs::read(&settings, context)?;
    let as_of = inputs.as_of;
    let origins = origins(args, &settings, horizon, as_of)?;
    let findings = inputs.findings(&settings);
    let prints = inputs.fingerprints(context)?;
    let origin = Origin::new(&settings, as_of, &prints)?;
    context.progress.note("indexing", "");
    let (frames, rows) = inputs.into_frames(&settings)?;
    context.stop.check()?;
    let result =
        forewarn_engine::backtest_counts(&frames, &settings.engine, &origins, horizon, &context.progress)?;
    drop(frames);
    context.progress.note("writing", "");
    let temporary = parent.join(format!(".{name}.new"));
    // Whoever holds the lock may remove what an interrupted backtest left.
    let _ = std::fs::remove_dir_all(&temporary);
    let mut draft = Draft::create(temporary)?;
    let mut bytes = Vec::new();
    write_parquet(&result.forecasts, &mut bytes, "forecasts_judged").map_err(|e| commands::unwritable(&e))?;
    draft.put("forecasts.parquet", &bytes)?;
    let metrics = metrics_json(&result.metrics).map_err(|e| commands::unwritable(&e))?;
    draft.put("metrics.json", metrics.as_bytes())?;
    draft.put_uncounted(
        folders::RUN_LOG,
        &manifest::run_log("backtest", &origin.id(), started, Exit::Done, &findings),
    )?;
    let plan = json!({
        "task": "counts",
        "origins": origins.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "horizon_periods": horizon,
    });
    let more = [("plan", plan), ("rows", manifest::rows_json(&rows))];
    draft.put_manifest(&origin.manifest(&more, &draft))?;
    folders::replace_folder(draft, &out)?;
    context.progress.clear();
    let table =
        table_text(&result.metrics, commands::format(args.format)).map_err(|e| commands::unwritable(&e))?;
    context.ui.data(&table)?;
    context.ui.say(&format!(
        "judged {} from {} to {}; wrote `{}`",
        crate::words::count(origins.len() as u64, "origin"),
        origins[0],
        origins[origins.len() - 1],
        out.display()
    ));
    Ok(Exit::Done)
}

/// `--h`: how many periods ahead.
fn horizon(args: &BacktestArgs) -> Outcome<Option<usize>> {
    match args.horizons.as_slice() {
        [] => Ok(None),
        [n] if (1..=366).contains(n) => Ok(usize::try_from(*n).ok()),
        other => {
            let found = other.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
            Err(invalid("--h", &found, "one whole number of periods from 1 to 366 with `--task counts`"))
        }
    }
}

/// The days that the longest horizon asked for reaches, at most.
fn reach_days(settings: &Settings, horizon: Option<usize>) -> i32 {
    let days = |every: Period, periods: usize| {
        let of_one = match every {
            Period::Day => 1,
            Period::Week => 7,
            Period::Month => 31,
        };
        i32::try_from(periods).unwrap_or(366).saturating_mul(of_one)
    };
    let usual = days(Period::Day, horizon.unwrap_or(Period::Day.usual_horizon()));
    let asked = settings.engine.counts.iter().map(|level| {
        let every = level.every.unwrap_or(Period::Day);
        days(every, horizon.or(level.horizon).unwrap_or(every.usual_horizon()))
    });
    asked.max().unwrap_or(usual)
}

/// The origins from `--from` to `--to` by steps of `--every`; by default the last six whose horizon is closed.
fn origins(
    args: &BacktestArgs,
    settings: &Settings,
    horizon: Option<usize>,
    as_of: Cutoff,
) -> Outcome<Vec<Cutoff>> {
    let date = |name: &str, text: &Option<String>| -> Outcome<Option<Cutoff>> {
        let Some(text) = text else { return Ok(None) };
        Cutoff::parse(text).map(Some).map_err(|_| invalid(name, text, "a date like `2025-12-31`"))
    };
    let (from, to) = (date("--from", &args.from)?, date("--to", &args.to)?);
    let every = Every::parse(&args.every)
        .map_err(|_| invalid("--every", &args.every, "a step like `1d`, `1w`, `8w` or `1mo`"))?;
    let to = to.unwrap_or(as_of.plus_days(-reach_days(settings, horizon)));
    let origins = if let Some(from) = from {
        every.span(from, to)
    } else {
        // Twenty years hold more than enough steps of any length that people use.
        let before = every.anchored(to.plus_days(-366 * 20), to);
        before[before.len().saturating_sub(CUTOFFS)..].to_vec()
    };
    let origins: Vec<Cutoff> = origins.into_iter().filter(|o| *o < as_of).collect();
    if origins.is_empty() {
        let from = from.map_or_else(|| "the beginning".to_owned(), |f| f.to_string());
        return Err(Failure::input(format!(
            "no origin to judge: from {from} to {to}, with records up to {as_of}"
        ))
        .hint("let `--from` be before `--to`, and both before the end of the records"));
    }
    Ok(origins)
}
