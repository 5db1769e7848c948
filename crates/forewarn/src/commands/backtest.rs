//! `forewarn backtest`: predictions at past dates, each made with what was known then, against what came.

use std::path::{Path, PathBuf};

use forewarn_engine::{BacktestPlan, Period, Refit};
use forewarn_frames::Finding;
use forewarn_frames::{Cutoff, Every, Frames, Horizon};
use forewarn_report::{metrics_json, table_text, write_parquet};
use polars::prelude::DataFrame;
use serde_json::json;

use crate::cli::{BacktestArgs, Task};
use crate::clock;
use crate::context::Context;
use crate::errors::{Exit, Failure, Outcome};
use crate::folders::{self, Draft};
use crate::inputs;
use crate::lock::Lock;
use crate::manifest::{self, Origin};
use crate::settings::{Flags, Settings};

/// How many cutoffs are judged where nobody says from when.
const CUTOFFS: usize = 6;

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
    let asked = Asked::read(args, &settings)?;
    if args.task != Task::Counts {
        // The engine reckons the horizons that are judged, and ranks by one of them.
        settings.engine.risk.horizons.clone_from(&asked.horizons);
        if !asked.horizons.contains(&settings.engine.risk.rank_by) {
            settings.engine.risk.rank_by = asked.horizons[0];
        }
    }
    let out = args.out.clone().unwrap_or_else(|| settings.out.join("backtest"));
    context.leave_errors_in(&settings.out, "backtest");
    context.watch(args.deadline.deadline);
    let (parent, name) = parent_and_name(&out)?;
    let _lock = Lock::take(&parent, &format!(".{name}.lock"))?;
    let inputs = inputs::read(&settings, context, None)?;
    let as_of = inputs.as_of;
    let plan = asked.plan(as_of, asked.reach_days(&settings))?;
    let mut findings = inputs.findings(&settings);
    let prints = inputs.fingerprints();
    let origin = Origin::new(&settings, as_of, &prints, None)?;
    context.progress.note("indexing", "");
    let (frames, rows) = inputs.into_frames(&settings)?;
    context.stop.check()?;
    let result = judge(&asked, &frames, &settings, &plan, context)?;
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

/// What a task made: the tables that become Parquet files, by file and schema, and the metrics.
struct Judged {
    tables: Vec<(&'static str, &'static str, DataFrame)>,
    metrics: DataFrame,
    findings: Vec<Finding>,
}

fn judge(
    asked: &Asked,
    frames: &Frames,
    settings: &Settings,
    plan: &BacktestPlan,
    context: &Context,
) -> Outcome<Judged> {
    let engine = &settings.engine;
    Ok(match asked.task {
        Task::Risk => {
            let result = forewarn_engine::backtest(frames, engine, plan, &context.progress)?;
            Judged {
                tables: vec![
                    ("predictions", "predictions", result.predictions),
                    ("candidates", "candidates", result.candidates),
                    ("calibration", "calibration", result.calibration),
                ],
                metrics: result.metrics,
                findings: result.findings,
            }
        }
        Task::Recurrence => {
            let result = forewarn_engine::backtest_recurrence(frames, engine, plan, &context.progress)?;
            Judged {
                tables: vec![("recurrence", "recurrence", result.recurrence)],
                metrics: result.metrics,
                findings: Vec::new(),
            }
        }
        Task::Degradation => {
            let result = forewarn_engine::backtest_degradation(frames, engine, plan, &context.progress)?;
            Judged {
                tables: vec![("degradation", "degradation", result.degradation)],
                metrics: result.metrics,
                findings: Vec::new(),
            }
        }
        Task::Counts => {
            let origins = plan.every.span(plan.from, plan.to);
            let result =
                forewarn_engine::backtest_counts(frames, engine, &origins, asked.periods, &context.progress)?;
            Judged {
                tables: vec![("forecasts", "forecasts_judged", result.forecasts)],
                metrics: result.metrics,
                findings: Vec::new(),
            }
        }
    })
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

/// What the command line asks for.
#[derive(Debug, Clone, PartialEq)]
struct Asked {
    task: Task,
    from: Option<Cutoff>,
    to: Option<Cutoff>,
    every: Every,
    refit: Refit,
    horizons: Vec<Horizon>,
    /// How many periods ahead counts are forecast; `None`: as the config has it.
    periods: Option<usize>,
}

impl Asked {
    fn read(args: &BacktestArgs, settings: &Settings) -> Outcome<Self> {
        let date = |name: &str, text: &Option<String>| -> Outcome<Option<Cutoff>> {
            let Some(text) = text else { return Ok(None) };
            let date = Cutoff::parse(text);
            date.map(Some).map_err(|_| invalid(name, text, "a date like `2025-12-31`"))
        };
        let every = Every::parse(&args.every)
            .map_err(|_| invalid("--every", &args.every, "a step like `1d`, `1w`, `8w` or `1mo`"))?;
        let refit = match args.refit.as_str() {
            "once" => Refit::Once,
            "every" | "1" => Refit::Always,
            n => match n.parse() {
                Ok(n) if n >= 1 => Refit::EveryNth(n),
                _ => return Err(invalid("--refit", n, "`once`, `every` or a whole number from 1")),
            },
        };
        let periods = if args.task == Task::Counts { periods(args)? } else { None };
        let mut horizons = Vec::new();
        for days in &args.horizons {
            let horizon = Horizon::days(*days);
            horizons.push(
                horizon.map_err(|_| invalid("--h", &days.to_string(), "whole numbers from 1 to 3650"))?,
            );
        }
        if horizons.is_empty() {
            horizons.clone_from(&settings.engine.risk.horizons);
        }
        horizons.sort();
        horizons.dedup();
        let (from, to) = (date("--from", &args.from)?, date("--to", &args.to)?);
        Ok(Self { task: args.task, from, to, every, refit, horizons, periods })
    }

    /// The days that the longest window judged reaches.
    fn reach_days(&self, settings: &Settings) -> i32 {
        if self.task != Task::Counts {
            return self.horizons.iter().map(|h| h.get()).max().unwrap_or(1);
        }
        let of = |every: Period, asked: Option<usize>| {
            let days = match every {
                Period::Day => 1,
                Period::Week => 7,
                Period::Month => 31,
            };
            let n = self.periods.or(asked).unwrap_or(every.usual_horizon());
            i32::try_from(n).unwrap_or(366).saturating_mul(days)
        };
        let levels = settings.engine.counts.iter();
        levels.map(|l| of(l.every.unwrap_or(Period::Day), l.horizon)).max().unwrap_or(of(Period::Day, None))
    }

    /// The cutoffs: by default the last six of the calendar whose windows of `reach_days` are closed at `as_of`.
    fn plan(&self, as_of: Cutoff, reach_days: i32) -> Outcome<BacktestPlan> {
        let closed = as_of.plus_days(-reach_days);
        let to = self.to.unwrap_or(closed);
        // Twenty years hold more than enough steps of any length that people use.
        let before = self.every.anchored(to.plus_days(-366 * 20), to);
        let from = self
            .from
            .or_else(|| before[before.len().saturating_sub(CUTOFFS)..].first().copied())
            .unwrap_or(to);
        let steps = self.every.span(from, to);
        let last = steps.last().copied();
        let Some(last) = last.filter(|_| from < as_of) else {
            return Err(Failure::input(format!(
                "no cutoff to judge: from {from} to {to}, with records up to {as_of}"
            ))
            .hint("let `--from` be before `--to`, and both before the end of the records"));
        };
        Ok(BacktestPlan {
            from,
            to: last,
            every: self.every,
            refit: self.refit,
            horizons: self.horizons.clone(),
        })
    }

    fn json(&self, plan: &BacktestPlan) -> serde_json::Value {
        json!({
            "task": match self.task {
                Task::Risk => "risk",
                Task::Recurrence => "recurrence",
                Task::Counts => "counts",
                Task::Degradation => "degradation",
            },
            "from": plan.from.to_string(),
            "to": plan.to.to_string(),
            "every": plan.every.to_string(),
            "refit": match self.refit {
                Refit::Once => json!("once"),
                Refit::Always => json!("every"),
                Refit::EveryNth(n) => json!(n),
            },
            "horizons_days": match self.task {
                Task::Counts => json!(null),
                _ => json!(plan.horizons.iter().map(|h| h.get()).collect::<Vec<_>>()),
            },
            "periods": self.periods,
        })
    }
}

/// `--h` of counts: how many periods ahead.
fn periods(args: &BacktestArgs) -> Outcome<Option<usize>> {
    match args.horizons.as_slice() {
        [] => Ok(None),
        [n] if (1..=366).contains(n) => Ok(usize::try_from(*n).ok()),
        other => {
            let found = other.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
            Err(invalid("--h", &found, "one whole number of periods from 1 to 366 with `--task counts`"))
        }
    }
}

fn invalid(name: &str, found: &str, allowed: &str) -> Failure {
    Failure::input(format!("invalid `{name}`: found `{found}`, expected {allowed}"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test stops where its own input is wrong")]
mod tests {
    use super::*;

    fn asked(from: Option<&str>, to: Option<&str>, every: &str) -> Asked {
        let day = |text: &str| Cutoff::parse(text).unwrap();
        Asked {
            task: Task::Risk,
            from: from.map(day),
            to: to.map(day),
            every: Every::parse(every).unwrap(),
            refit: Refit::Always,
            horizons: vec![Horizon::days(7).unwrap(), Horizon::days(30).unwrap()],
            periods: None,
        }
    }

    #[test]
    fn the_default_is_the_last_six_cutoffs_whose_window_is_closed() {
        let check = |asked: Asked, as_of: &str, want: &[&str]| {
            let plan = asked.plan(Cutoff::parse(as_of).unwrap(), 30).unwrap();
            let cutoffs: Vec<String> =
                plan.every.span(plan.from, plan.to).iter().map(ToString::to_string).collect();
            assert_eq!(cutoffs, want);
        };
        check(
            asked(None, None, "1mo"),
            "2015-12-31",
            &["2015-07-01", "2015-08-01", "2015-09-01", "2015-10-01", "2015-11-01", "2015-12-01"],
        );
        check(asked(Some("2015-10-01"), None, "1mo"), "2015-12-30", &["2015-10-01", "2015-11-01"]);
        check(
            asked(Some("2015-10-01"), Some("2015-12-15"), "1mo"),
            "2015-12-31",
            &["2015-10-01", "2015-11-01", "2015-12-01"],
        );
        check(
            asked(None, Some("2015-03-02"), "1w"),
            "2015-12-31",
            &["2015-01-26", "2015-02-02", "2015-02-09", "2015-02-16", "2015-02-23", "2015-03-02"],
        );
    }

    #[test]
    fn a_span_without_cutoffs_is_refused() {
        let as_of = Cutoff::parse("2015-12-31").unwrap();
        assert_eq!(
            asked(Some("2015-12-01"), Some("2015-11-01"), "1mo").plan(as_of, 30).unwrap_err().exit,
            Exit::CouldNotRun
        );
        assert_eq!(
            asked(Some("2016-12-01"), Some("2017-11-01"), "1mo").plan(as_of, 30).unwrap_err().exit,
            Exit::CouldNotRun
        );
    }
}
