//! `forewarn backtest`: predictions at past dates, each made with what was known then, against what came.

use std::path::{Path, PathBuf};

use forewarn_report::{metrics_json, table_text, write_parquet};
use forewarn_settings::backtest::{Asked, Judged, Words, judge};

use crate::cli::BacktestArgs;
use crate::clock;
use crate::context::Context;
use crate::errors::{Exit, Failure, Outcome};
use crate::folders::{self, Draft};
use crate::inputs;
use crate::lock::Lock;
use crate::manifest::{self, Origin};
use crate::settings::Flags;

/// Judges, writes the folder and prints the metrics.
pub(super) fn backtest(args: &BacktestArgs, context: &Context) -> Outcome<Exit> {
    let started = clock::now();
    let flags = Flags {
        as_of: args.as_of.clone(),
        seed: args.seed,
        train_from: args.train_from.clone(),
        ..Flags::default()
    };
    let mut settings = super::settings(&args.config, flags)?;
    let words = Words {
        from: args.from.as_deref(),
        to: args.to.as_deref(),
        every: &args.every,
        refit: &args.refit,
        horizons: &args.horizons,
        names: ["--from", "--to", "--every", "--h", "--refit"],
    };
    let asked = Asked::read(args.task.into(), &words, &settings)?;
    asked.settle(&mut settings);
    let out = args.out.clone().unwrap_or_else(|| settings.out.join("backtest"));
    context.leave_errors_in(&settings.out, "backtest");
    context.watch(args.deadline.deadline);
    let (parent, name) = parent_and_name(&out)?;
    let _lock = Lock::take(&parent, &format!(".{name}.lock"))?;
    let inputs = super::read(&settings, context, None)?;
    let as_of = inputs.as_of;
    let plan = asked.plan(as_of, asked.reach_days(&settings))?;
    let mut findings = inputs.findings(&settings);
    let prints = super::fingerprints(&inputs);
    let origin = Origin::new(&settings, as_of, &prints, None)?;
    context.progress.note("indexing", "");
    let (frames, rows) = inputs.into_frames(&settings)?;
    context.stop.check()?;
    let result = judge(&asked, &frames, &settings, &plan, &context.progress)?;
    drop(frames);
    inputs::add(&mut findings, &result.findings);
    context.progress.note("writing", "");
    let temporary = parent.join(format!(".{name}.new"));
    // Whoever holds the lock may remove what an interrupted backtest left.
    let _ = std::fs::remove_dir_all(&temporary);
    let mut draft = Draft::create(temporary)?;
    put_tables(&mut draft, &result)?;
    draft.put_uncounted(
        folders::RUN_LOG,
        &manifest::run_log("backtest", &origin.id(), started, Exit::Done, &findings),
    )?;
    let more = [("plan", asked.json(&plan)), ("rows", manifest::rows_json(&rows))];
    draft.put_manifest(&origin.manifest(&more, &draft))?;
    folders::replace_folder(draft, &out)?;
    context.progress.clear();
    context
        .ui
        .data(&table_text(&result.metrics, super::format(args.format)).map_err(|e| super::unwritable(&e))?)?;
    for f in &result.findings {
        context.ui.warn(&f.message);
    }
    let steps = plan.every.span(plan.from, plan.to).len() as u64;
    context.ui.say(&format!(
        "judged {} from {} to {}; wrote `{}`",
        crate::words::count(steps, "cutoff"),
        plan.from,
        plan.to,
        out.display()
    ));
    Ok(Exit::Done)
}

fn put_tables(draft: &mut Draft, result: &Judged) -> Outcome<()> {
    for (name, schema, df) in &result.tables {
        let mut bytes = Vec::new();
        write_parquet(df, &mut bytes, schema).map_err(|e| super::unwritable(&e))?;
        draft.put(&format!("{name}.parquet"), &bytes)?;
    }
    draft.put("metrics.json", metrics_json(&result.metrics).map_err(|e| super::unwritable(&e))?.as_bytes())
}

fn parent_and_name(out: &Path) -> Outcome<(PathBuf, String)> {
    let name = out.file_name().map(|n| n.to_string_lossy().into_owned());
    let name =
        name.ok_or_else(|| Failure::input(format!("`--out` is no folder's name: `{}`", out.display())))?;
    let foreign = out.is_dir()
        && !out.join(folders::MANIFEST).exists()
        && std::fs::read_dir(out).is_ok_and(|mut entries| entries.next().is_some());
    if foreign {
        return Err(Failure::input(format!("`{}` holds something else than a backtest", out.display()))
            .hint("name an empty or new folder with `--out`: the folder is replaced whole"));
    }
    let parent = out.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    Ok((parent.to_owned(), name))
}
