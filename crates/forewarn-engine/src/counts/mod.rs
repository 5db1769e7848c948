//! Counts of incidents: forecasts of today, forecasts at past origins, and how much is coming.
//!
//! It knows histories and models; it does not know files or words for people beyond those of findings.

mod holidays;
mod judged;
mod panel;
mod periods;
mod rhythm;
mod tally;
mod today;

use std::collections::BTreeMap;

use forewarn_frames::{Cutoff, Frames};
use forewarn_models::CountForecast;
use polars::prelude::*;

use crate::EngineError;
use panel::Panel;
use periods::Grid;
pub use periods::Period;
use rhythm::Rhythm;
pub use tally::CountBy;
use tally::Tally;

pub(crate) use judged::judged;
pub(crate) use today::today;

/// A column to count by, with the period and how far ahead, as the config has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CountLevel {
    /// The column.
    pub by: CountBy,
    /// The period; `None`: chosen from the data.
    pub every: Option<Period>,
    /// Periods ahead, at least 1; `None`: [`Period::usual_horizon`].
    pub horizon: Option<usize>,
    /// Incidents that a value needs for a series of its own; `None`: 20.
    pub least: Option<u32>,
}

/// Incidents a day from which counts are made by day, incidents a week from which they are made by week, and how many
/// days of records each needs.
const BY_DAY: (f64, i32) = (2.0, 56);
const BY_WEEK: (f64, i32) = (2.0, 182);

/// What is counted at a cutoff, and the days it is counted over.
struct Counted {
    tally: Tally,
    rhythm: Rhythm,
    /// The first day of full records, and the cutoff's.
    span: (i32, i32),
    /// Incidents that a value needs for a series of its own, by column.
    least: Vec<f64>,
}

/// A value with fewer incidents before the cutoff is counted with the other small ones, where nobody says otherwise.
const SMALL: f64 = 20.0;

impl Counted {
    /// `None` where no incident is known.
    fn at(frames: &Frames, cutoff: Cutoff, columns: &[CountBy], levels: &[CountLevel]) -> Option<Self> {
        let history = frames.as_of(cutoff);
        let tally = Tally::of(&history, columns);
        let first = tally.first_day()?;
        let from = frames.tickets_full_since(cutoff).map_or(first, |full| full.day().max(first));
        let rhythm = Rhythm::of(&tally.total, from, cutoff.day());
        let asked = |column: &CountBy| levels.iter().filter(|l| l.by == *column).find_map(|l| l.least);
        let least = columns.iter().map(|c| asked(c).map_or(SMALL, f64::from)).collect();
        Some(Self { tally, rhythm, span: (from, cutoff.day()), least })
    }

    /// The period that suits the data.
    fn period(&self) -> Period {
        let (from, cutoff) = self.span;
        let days = (cutoff - from).max(1);
        let a_day = self.tally.total.range(from..cutoff).map(|d| d.1).sum::<f64>() / f64::from(days);
        if a_day >= BY_DAY.0 && days >= BY_DAY.1 {
            Period::Day
        } else if a_day * 7.0 >= BY_WEEK.0 && days >= BY_WEEK.1 {
            Period::Week
        } else {
            Period::Month
        }
    }
}

/// The columns asked for, each once; where nobody says, the usual ones that held two values or more before the cutoff.
fn columns(frames: &Frames, levels: &[CountLevel], cutoff: Cutoff) -> Vec<CountBy> {
    if levels.is_empty() {
        let tally = Tally::of(&frames.as_of(cutoff), &CountBy::USUAL);
        let tells = |i: &usize| tally.by[*i].keys().flatten().nth(1).is_some();
        return (0..CountBy::USUAL.len()).filter(tells).map(|i| CountBy::USUAL[i]).collect();
    }
    let mut out: Vec<CountBy> = levels.iter().map(|l| l.by).collect();
    out.sort();
    out.dedup();
    out
}

/// Which columns are counted by which period, and how far ahead each: one panel a period, so that the total is one.
fn plans(
    levels: &[CountLevel],
    columns: &[CountBy],
    usual: Period,
    horizon: Option<usize>,
) -> BTreeMap<Period, Vec<(usize, usize)>> {
    let mut out: BTreeMap<Period, Vec<(usize, usize)>> = BTreeMap::new();
    let steps =
        |every: Period, asked: Option<usize>| horizon.or(asked).unwrap_or(every.usual_horizon()).max(1);
    if levels.is_empty() {
        let all = (0..columns.len()).map(|c| (c, steps(usual, None))).collect();
        out.insert(usual, all);
    }
    for level in levels {
        let every = level.every.unwrap_or(usual);
        let Some(column) = columns.iter().position(|c| *c == level.by) else { continue };
        let plan = out.entry(every).or_default();
        let ahead = steps(every, level.horizon);
        match plan.iter_mut().find(|p| p.0 == column) {
            Some(known) => known.1 = known.1.max(ahead),
            None => plan.push((column, ahead)),
        }
    }
    out
}

/// A forecast of one series with its place.
struct Row {
    series_id: String,
    level: &'static str,
    /// Position of the column; `None`: the total.
    column: Option<usize>,
    /// The first day of each period, and of the one after the last.
    days: Vec<i32>,
    forecast: CountForecast,
    every: &'static str,
}

impl Row {
    fn model(&self) -> String {
        let guard = if self.forecast.guarded { " (guarded)" } else { "" };
        format!("{}{guard}", self.forecast.model)
    }
}

/// Forecasts of all the plans at one cutoff, and how many periods of their panels lie in a gap.
fn forecasts(
    counted: &Counted,
    columns: &[CountBy],
    plans: &BTreeMap<Period, Vec<(usize, usize)>>,
) -> Result<(Vec<Row>, usize), EngineError> {
    let (mut out, mut gaps) = (Vec::new(), 0);
    for (every, plan) in plans {
        let longest = plan.iter().map(|p| p.1).max().unwrap_or(every.usual_horizon());
        let positions: Vec<usize> = plan.iter().map(|p| p.0).collect();
        let grid = Grid::Calendar(*every);
        let panel = Panel::new(counted, &positions, grid, longest)?;
        let Some(panel) = panel else { continue };
        gaps = gaps.max(panel.gaps);
        for (key, mut forecast) in panel.keys.iter().zip(panel.forecast()?) {
            let asked = key.column.and_then(|c| plan.iter().find(|p| p.0 == c)).map_or(longest, |p| p.1);
            forecast.mean.truncate(asked);
            forecast.quantiles.truncate(asked);
            out.push(Row {
                series_id: key.value.clone(),
                level: key.column.map_or("total", |c| columns[c].name()),
                column: key.column,
                days: (0..=asked as i32).map(|j| panel.grid.start(panel.ahead + j)).collect(),
                forecast,
                every: every.name(),
            });
        }
    }
    Ok((out, gaps))
}

fn time_column(name: &str, days: Vec<i32>) -> PolarsResult<Column> {
    let micros: Vec<i64> = days.into_iter().map(|d| Cutoff::from_day(d).micros()).collect();
    Column::new(name.into(), micros).cast(&DataType::Datetime(TimeUnit::Microseconds, None))
}

/// The columns that both tables of forecasts hold, of each row once for every period.
fn shared_columns(rows: &[Row]) -> PolarsResult<BTreeMap<&'static str, Column>> {
    let flat = |f: &dyn Fn(&Row, usize) -> f64| -> Vec<f64> {
        rows.iter().flat_map(|r| (0..r.forecast.mean.len()).map(|j| f(r, j)).collect::<Vec<_>>()).collect()
    };
    let text = |f: &dyn Fn(&Row) -> String| -> Vec<String> {
        rows.iter().flat_map(|r| vec![f(r); r.forecast.mean.len()]).collect()
    };
    let days = rows.iter().flat_map(|r| r.days[..r.forecast.mean.len()].to_vec()).collect();
    let mut out = BTreeMap::from([
        ("series_id", Column::new("series_id".into(), text(&|r| r.series_id.clone()))),
        ("level", Column::new("level".into(), text(&|r| r.level.to_owned()))),
        ("ds", time_column("ds", days)?),
        ("mean", Column::new("mean".into(), flat(&|r, j| r.forecast.mean[j]))),
        ("model", Column::new("model".into(), text(&Row::model))),
        ("every", Column::new("every".into(), text(&|r| r.every.to_owned()))),
    ]);
    for (k, name) in ["q05", "q10", "q20", "q50", "q80", "q90", "q95"].into_iter().enumerate() {
        out.insert(name, Column::new(name.into(), flat(&|r, j| r.forecast.quantiles[j][k])));
    }
    Ok(out)
}

/// A table of those columns in the schema's order.
fn in_order(
    schema: &forewarn_frames::output::TableSchema,
    mut columns: BTreeMap<&'static str, Column>,
) -> PolarsResult<DataFrame> {
    let ordered: Vec<Column> =
        schema.columns.iter().filter_map(|(name, _, _)| columns.remove(name)).collect();
    let df = DataFrame::new(ordered.first().map_or(0, Column::len), ordered)?;
    debug_assert_eq!(schema.check(&df), Ok(()));
    Ok(df)
}
