//! What a backtest is asked for, in the words of a command line or of a program; which cutoffs that means; and the tables of
//! each task. It does not know how predictions are made, or where tables are written.

use forewarn_engine::{BacktestPlan, Period, Progress, Refit};
use forewarn_frames::{Cutoff, Every, Finding, Frames, Horizon};
use polars::prelude::DataFrame;
use serde_json::json;

use crate::errors::{Failure, Outcome};
use crate::settings::Settings;

/// How many cutoffs are judged where nobody says from when.
const CUTOFFS: usize = 6;

/// What a backtest judges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Task {
    /// Which assets fail.
    Risk,
    /// How many incidents each asset and category has.
    Recurrence,
    /// How many incidents come, by the columns of `[[counts]]`.
    Counts,
    /// What gets worse in the telemetry.
    Degradation,
}

impl Task {
    /// Every task.
    pub const ALL: [Self; 4] = [Self::Risk, Self::Recurrence, Self::Counts, Self::Degradation];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Risk => "risk",
            Self::Recurrence => "recurrence",
            Self::Counts => "counts",
            Self::Degradation => "degradation",
        }
    }

    /// Reads its name; `None` for any other text.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|t| t.name() == text)
    }
}

/// What is asked for, as text still.
#[derive(Debug, Clone, Default)]
pub struct Words<'a> {
    /// The first cutoff judged.
    pub from: Option<&'a str>,
    /// The last one.
    pub to: Option<&'a str>,
    /// The step between them: `1mo`, `8w`, `1d`.
    pub every: &'a str,
    /// `once`, `every` or a whole number from 1.
    pub refit: &'a str,
    /// Horizons in days; of counts one number of periods.
    pub horizons: &'a [i64],
    /// How the five are called by whoever gives them.
    pub names: [&'static str; 5],
}

/// What a task made: the tables by name and schema, and the metrics.
#[derive(Debug)]
pub struct Judged {
    /// The tables: the stem of the file, the schema, the rows.
    pub tables: Vec<(&'static str, &'static str, DataFrame)>,
    /// How well it went.
    pub metrics: DataFrame,
    /// What was found amiss.
    pub findings: Vec<Finding>,
}

/// Judges.
///
/// # Errors
///
/// There is too little to learn from, or the work was asked to stop.
pub fn judge(
    asked: &Asked,
    frames: &Frames,
    settings: &Settings,
    plan: &BacktestPlan,
    progress: &dyn Progress,
) -> Result<Judged, forewarn_engine::EngineError> {
    let engine = &settings.engine;
    Ok(match asked.task {
        Task::Risk => {
            let result = forewarn_engine::backtest(frames, engine, plan, progress)?;
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
            let result = forewarn_engine::backtest_recurrence(frames, engine, plan, progress)?;
            Judged {
                tables: vec![("recurrence", "recurrence", result.recurrence)],
                metrics: result.metrics,
                findings: Vec::new(),
            }
        }
        Task::Degradation => {
            let result = forewarn_engine::backtest_degradation(frames, engine, plan, progress)?;
            Judged {
                tables: vec![("degradation", "degradation", result.degradation)],
                metrics: result.metrics,
                findings: Vec::new(),
            }
        }
        Task::Counts => {
            let origins = plan.every.span(plan.from, plan.to);
            let result = forewarn_engine::backtest_counts(frames, engine, &origins, asked.periods, progress)?;
            Judged {
                tables: vec![("forecasts", "forecasts_judged", result.forecasts)],
                metrics: result.metrics,
                findings: Vec::new(),
            }
        }
    })
}

/// What is asked for, understood.
#[derive(Debug, Clone, PartialEq)]
pub struct Asked {
    /// What is judged.
    pub task: Task,
    from: Option<Cutoff>,
    to: Option<Cutoff>,
    every: Every,
    refit: Refit,
    /// The horizons judged.
    pub horizons: Vec<Horizon>,
    /// How many periods ahead counts are forecast; `None`: as the config has it.
    periods: Option<usize>,
}

impl Asked {
    /// Understands the words.
    ///
    /// # Errors
    ///
    /// A word is none of what is allowed; the message names it.
    pub fn read(task: Task, words: &Words<'_>, settings: &Settings) -> Outcome<Self> {
        let [from, to, every, horizons_name, refit] = words.names;
        let date = |name: &str, text: Option<&str>| -> Outcome<Option<Cutoff>> {
            let Some(text) = text else { return Ok(None) };
            let date = Cutoff::parse(text);
            date.map(Some).map_err(|_| invalid(name, text, "a date like `2025-12-31`"))
        };
        let step = Every::parse(words.every)
            .map_err(|_| invalid(every, words.every, "a step like `1d`, `1w`, `8w` or `1mo`"))?;
        let refit = match words.refit {
            "once" => Refit::Once,
            "every" | "1" => Refit::Always,
            n => match n.parse() {
                Ok(n) if n >= 1 => Refit::EveryNth(n),
                _ => return Err(invalid(refit, n, "`once`, `every` or a whole number from 1")),
            },
        };
        let periods = if task == Task::Counts { periods(horizons_name, words.horizons)? } else { None };
        let mut horizons = horizons(horizons_name, words.horizons)?;
        if horizons.is_empty() {
            horizons.clone_from(&settings.engine.risk.horizons);
        }
        horizons.sort();
        horizons.dedup();
        let (from, to) = (date(from, words.from)?, date(to, words.to)?);
        Ok(Self { task, from, to, every: step, refit, horizons, periods })
    }

    /// The settings by which it is judged: the engine reckons the horizons that are judged, and ranks by one of them.
    pub fn settle(&self, settings: &mut Settings) {
        let risk = &mut settings.engine.risk;
        if self.task != Task::Counts {
            risk.horizons.clone_from(&self.horizons);
            if !self.horizons.contains(&risk.rank_by) {
                risk.rank_by = self.horizons[0];
            }
        }
    }

    /// The days that the longest window judged reaches.
    pub fn reach_days(&self, settings: &Settings) -> i32 {
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
    ///
    /// # Errors
    ///
    /// There is none.
    pub fn plan(&self, as_of: Cutoff, reach_days: i32) -> Outcome<BacktestPlan> {
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

    /// As a manifest shows it.
    pub fn json(&self, plan: &BacktestPlan) -> serde_json::Value {
        json!({
            "task": self.task.name(),
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

/// How many periods ahead counts are judged.
fn periods(name: &str, given: &[i64]) -> Outcome<Option<usize>> {
    match given {
        [] => Ok(None),
        [n] if (1..=366).contains(n) => Ok(usize::try_from(*n).ok()),
        other => {
            let found = other.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
            Err(invalid(name, &found, "one whole number of periods from 1 to 366 where counts are judged"))
        }
    }
}

/// Horizons from whole numbers of days.
///
/// # Errors
///
/// One is not 1 to 3650 days.
pub fn horizons(name: &str, days: &[i64]) -> Outcome<Vec<Horizon>> {
    let of = |days: &i64| {
        Horizon::days(*days).map_err(|_| invalid(name, &days.to_string(), "whole numbers from 1 to 3650"))
    };
    days.iter().map(of).collect()
}

fn invalid(name: &str, found: &str, allowed: &str) -> Failure {
    Failure::input(format!("invalid `{name}`: found `{found}`, expected {allowed}"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test stops where its own input is wrong")]
mod tests {
    use super::*;
    use crate::errors::Exit;

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
