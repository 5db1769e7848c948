//! The counts of tonight: forecasts, how much is coming against the usual, and what there is to say about the records.
//! It does not know files or plots.

use std::collections::BTreeMap;

use forewarn_frames::output::{FORECASTS, WORKLOAD};
use forewarn_frames::{Finding, Frames, Severity};
use forewarn_models::{COUNT_LEVELS, CountForecast};
use polars::prelude::*;

use super::panel::{Key, Panel};
use super::periods::Grid;
use super::{CountLevel, Counted, Period, columns, forecasts, in_order, plans, shared_columns};
use crate::EngineError;

/// The windows of `workload`, days.
const WINDOWS: [i32; 2] = [7, 28];
/// Past windows that say what is usual: the last year's weeks.
const USUAL_WEEKS: usize = 52;
/// Fewer windows say nothing of it.
const LEAST_WINDOWS: usize = 8;
/// A series of fewer incidents in the usual windows and the next one is not worth a verdict.
const WORTH: f64 = 3.0;
/// A series that had a ticket every so many days on average and none for ten times as long is taken to have ended.
const ENDED_TIMES: f64 = 10.0;

/// What tonight's counts are.
#[derive(Debug)]
pub(crate) struct Today {
    /// `forecasts`
    pub(crate) forecasts: DataFrame,
    /// `workload`
    pub(crate) workload: DataFrame,
    /// Incidents in total by the shortest period asked for, of late: day number and count.
    pub(crate) recent: Vec<(i32, f64)>,
    /// What there is to say.
    pub(crate) notes: Vec<Finding>,
}

/// See [`Today`]. Without an incident, its tables are empty and nothing is said.
pub(crate) fn today(frames: &Frames, levels: &[CountLevel]) -> Result<Today, EngineError> {
    let columns = columns(frames, levels, frames.end());
    let nothing = || Today {
        forecasts: FORECASTS.empty(),
        workload: WORKLOAD.empty(),
        recent: Vec::new(),
        notes: Vec::new(),
    };
    let Some(counted) = Counted::at(frames, frames.end(), &columns, levels) else { return Ok(nothing()) };
    let plans = plans(levels, &columns, counted.period(), None);
    let (rows, gaps) = forecasts(&counted, &columns, &plans)?;
    let mut notes = Vec::new();
    let note =
        |check: &str, severity, n_rows: usize, sample: Vec<String>, message: String, hint: &str| Finding {
            check: check.to_owned(),
            severity,
            table: "tickets".to_owned(),
            column: None,
            n_rows: n_rows as u64,
            sample,
            message,
            hint: hint.to_owned(),
        };
    if gaps > 0 {
        notes.push(note(
            "gap_in_tickets",
            Severity::Warning,
            gaps,
            Vec::new(),
            match gaps {
                1 => "1 period holds no ticket though many came before and after; nothing is learned from it".into(),
                n => format!("{n} periods hold no ticket though many came before and after; nothing is learned from them"),
            },
            "check whether the export lacks these dates",
        ));
    }
    let ended = ended(&counted, &columns);
    if !ended.is_empty() {
        notes.push(note(
            "series_ended",
            Severity::Info,
            ended.len(),
            ended.iter().take(5).cloned().collect(),
            match ended.len() {
                1 => "1 value has had no incident for far longer than usual; its count is taken to have ended".into(),
                n => format!("{n} values have had no incident for far longer than usual; their counts are taken to have ended"),
            },
            "",
        ));
    }
    let guarded: Vec<String> =
        rows.iter().filter(|r| r.forecast.guarded).map(|r| format!("{}: {}", r.level, r.series_id)).collect();
    if !guarded.is_empty() {
        notes.push(note(
            "forecast_guarded",
            Severity::Info,
            guarded.len(),
            guarded.iter().take(5).cloned().collect(),
            format!(
                "for {} series a model went beyond what the history makes plausible; it was left out",
                guarded.len()
            ),
            "",
        ));
    }
    let recent = plans.keys().next().map_or_else(Vec::new, |every| recent(&counted, *every));
    let asked: Vec<usize> = (0..columns.len()).collect();
    let names: Vec<&'static str> = columns.iter().map(|c| c.name()).collect();
    let workload = workload(&counted, &asked, &names)?;
    Ok(Today { forecasts: in_order(&FORECASTS, shared_columns(&rows)?)?, workload, recent, notes })
}

/// The last periods of the total: the first day of each, and its incidents.
fn recent(counted: &Counted, every: Period) -> Vec<(i32, f64)> {
    let (from, cutoff) = counted.span;
    let grid = Grid::Calendar(every);
    let shown = match every {
        Period::Day => 84,
        Period::Week => 52,
        Period::Month => 36,
    };
    let last = grid.index(cutoff);
    (grid.from(from).max(last - shown)..last)
        .map(|i| {
            (grid.start(i), counted.tally.total.range(grid.start(i)..grid.start(i + 1)).map(|d| d.1).sum())
        })
        .collect()
}

/// Values that had incidents and have had none for far longer than their own pace.
fn ended(counted: &Counted, columns: &[super::CountBy]) -> Vec<String> {
    let (from, cutoff) = counted.span;
    let mut out = Vec::new();
    for (by, column) in counted.tally.by.iter().zip(columns) {
        for (value, days) in by {
            let (Some(value), Some(first), Some(last)) = (value, days.keys().next(), days.keys().next_back())
            else {
                continue;
            };
            if days.values().sum::<f64>() < super::SMALL {
                continue;
            }
            let pace = f64::from(last - first.max(&from) + 1).max(1.0) / days.len() as f64;
            if f64::from(cutoff - last) > ENDED_TIMES * pace.max(7.0) {
                out.push(format!("{}: {value}", column.name()));
            }
        }
    }
    out
}

/// The quantile of sorted values, by linear interpolation (Hyndman and Fan 1996, type 7).
fn quantile(sorted: &[f64], q: f64) -> f64 {
    let at = q * (sorted.len() - 1) as f64;
    let (low, part) = (at.floor() as usize, at.fract());
    sorted[low] + part * (sorted[(low + 1).min(sorted.len() - 1)] - sorted[low])
}

/// The median and the 80 % range of like windows of the past; `None` where there are too few.
fn usual(weeks: &[f64], window: usize) -> Option<[f64; 3]> {
    let first = weeks.iter().position(|w| *w > 0.0)?;
    let weeks = &weeks[first.max(weeks.len().saturating_sub(USUAL_WEEKS))..];
    let mut sums: Vec<f64> = weeks.windows(window).map(|w| w.iter().sum()).collect();
    if sums.len() < LEAST_WINDOWS {
        return None;
    }
    sums.sort_by(f64::total_cmp);
    Some([quantile(&sums, 0.5), quantile(&sums, 0.1), quantile(&sums, 0.9)])
}

fn verdict(forecast: &CountForecast, usual: Option<[f64; 3]>) -> &'static str {
    let Some([_, low, high]) = usual else { return "new" };
    // By the median, since the mean of a skewed count lies above what usually comes; and by the mean, since a sum of the
    // weeks' medians lies below that of the sum.
    let (least, most) =
        (forecast.mean[0].min(forecast.quantiles[0][3]), forecast.mean[0].max(forecast.quantiles[0][3]));
    if least > high && least - high >= 1.0 && least >= WORTH {
        "above"
    } else if most < low && low >= WORTH {
        "below"
    } else {
        "usual"
    }
}

/// Fewer whole windows than this tell little of how much they scatter.
const TELLING_WINDOWS: i32 = 16;

/// The forecasts of a window, by key. The interval of a sum is not a sum of intervals, so whole windows are forecast as
/// such; where there are too few of them, the weeks' quantiles are added up, as if a bad week never came alone: that is
/// the widest the sum can be.
fn window_forecasts(
    counted: &Counted,
    columns: &[usize],
    window: i32,
) -> Result<Vec<(Key, CountForecast)>, EngineError> {
    let (from, cutoff) = counted.span;
    let panel = |days: i32, ahead: i32| {
        let grid = Grid::Blocks { days, from: cutoff };
        Panel::new(counted, columns, grid, ahead as usize)
    };
    let weeks = window / WINDOWS[0];
    let whole = weeks == 1 || (cutoff - from) / window >= TELLING_WINDOWS;
    let Some(panel) = (if whole { panel(window, 1)? } else { panel(WINDOWS[0], weeks)? }) else {
        return Ok(Vec::new());
    };
    let mut out = panel.forecast()?;
    for f in &mut out {
        f.mean = vec![f.mean.iter().sum()];
        let sums = (0..COUNT_LEVELS.len()).map(|k| f.quantiles.iter().map(|q| q[k]).sum()).collect();
        f.quantiles = vec![sums];
    }
    Ok(panel.keys.into_iter().zip(out).collect())
}

/// The `workload` table.
fn workload(counted: &Counted, columns: &[usize], names: &[&'static str]) -> Result<DataFrame, EngineError> {
    let grid = Grid::Blocks { days: WINDOWS[0], from: counted.span.1 };
    let weeks = Panel::new(counted, columns, grid, 1)?;
    let Some(weeks) = weeks else { return Ok(WORKLOAD.empty()) };
    let (low, high) = (1, COUNT_LEVELS.len() - 2);
    let mut cells: BTreeMap<&'static str, Column> = BTreeMap::new();
    let (mut ids, mut level, mut days, mut verdicts) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let (mut numbers, mut ranges): (Vec<[f64; 3]>, Vec<Option<[f64; 3]>>) = (Vec::new(), Vec::new());
    for window in WINDOWS {
        for (key, f) in window_forecasts(counted, columns, window)? {
            let past = weeks.keys.iter().position(|k| *k == key).map(|k| &weeks.series[k]);
            // Where no value is small, nothing was ever counted among all small ones.
            if past.is_some_and(|weeks| weeks.iter().all(|n| *n == 0.0)) && f.mean[0] == 0.0 {
                continue;
            }
            let usual = past.and_then(|past| usual(past, (window / WINDOWS[0]) as usize));
            verdicts.push(verdict(&f, usual));
            numbers.push([f.mean[0], f.quantiles[0][low], f.quantiles[0][high]]);
            ranges.push(usual);
            level.push(key.column.map_or("total", |c| names[c]));
            ids.push(key.value);
            days.push(i64::from(window));
        }
    }
    cells.insert("series_id", Column::new("series_id".into(), ids));
    cells.insert("level", Column::new("level".into(), level));
    cells.insert("days", Column::new("days".into(), days));
    for (k, name) in ["mean", "low", "high"].into_iter().enumerate() {
        cells.insert(name, Column::new(name.into(), numbers.iter().map(|n| n[k]).collect::<Vec<_>>()));
    }
    for (k, name) in ["usual", "usual_low", "usual_high"].into_iter().enumerate() {
        let of = ranges.iter().map(|r| r.map(|r| r[k]));
        cells.insert(name, Column::new(name.into(), of.collect::<Vec<_>>()));
    }
    cells.insert("verdict", Column::new("verdict".into(), verdicts));
    Ok(in_order(&WORKLOAD, cells)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_usual_needs_some_weeks() {
        assert_eq!(usual(&[], 1), None);
        assert_eq!(usual(&[0.0; 30], 1), None, "never a ticket");
        assert_eq!(usual(&[5.0; 7], 1), None);
        assert_eq!(usual(&[5.0; 20], 1), Some([5.0; 3]));
        assert_eq!(usual(&[5.0; 20], 4), Some([20.0; 3]));
        // The weeks before the first ticket do not make it rare.
        let late: Vec<f64> = vec![0.0; 10].into_iter().chain(vec![4.0; 10]).collect();
        assert_eq!(usual(&late, 1), Some([4.0; 3]));
    }

    #[test]
    fn a_verdict_needs_more_than_a_trifle() {
        let at = |middle: f64| CountForecast {
            mean: vec![middle],
            quantiles: vec![vec![middle; 7]],
            model: "blend",
            guarded: false,
        };
        assert_eq!(verdict(&at(9.0), Some([5.0, 3.0, 7.0])), "above");
        assert_eq!(verdict(&at(7.5), Some([5.0, 3.0, 7.0])), "usual");
        assert_eq!(verdict(&at(2.0), Some([0.0, 0.0, 0.0])), "usual", "two tickets are no flood");
        assert_eq!(verdict(&at(1.0), Some([5.0, 3.0, 7.0])), "below");
        assert_eq!(verdict(&at(1.0), None), "new");
        // Added weeks' medians lie below the usual range of a skewed count, its mean does not.
        let skewed = CountForecast { mean: vec![4.0], ..at(2.0) };
        assert_eq!(verdict(&skewed, Some([5.0, 3.0, 7.0])), "usual");
    }
}
