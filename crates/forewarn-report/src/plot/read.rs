//! Lines of a plot as they stand in `plot_series`. It does not know what they mean.

use forewarn_frames::output::RunTables;

use super::Line;
use crate::error::{ReportError, table};
use crate::rows;

/// Lines that are read, at most: a table from elsewhere may hold any number.
const MOST_LINES: usize = 24;
/// Points of a line: more than pixels only cost bytes.
const MOST_POINTS: usize = 300;

/// The lines of one plot, in the order of the table, named as their series; those without a point are left away.
///
/// # Errors
///
/// A column is not of its schema's type.
pub(crate) fn read_lines(tables: &RunTables, plot: &str) -> Result<Vec<Line>, ReportError> {
    let df = &tables.plot_series;
    let e = table("plot_series");
    let (plots, series) = (rows::texts(df, "plot").map_err(&e)?, rows::texts(df, "series").map_err(&e)?);
    let [x, y, low, high] = ["x", "y", "low", "high"].map(|c| rows::numbers(df, c));
    let (x, y, low, high) = (x.map_err(&e)?, y.map_err(&e)?, low.map_err(&e)?, high.map_err(&e)?);
    let mine: Vec<usize> = (0..df.height()).filter(|i| plots[*i].as_deref() == Some(plot)).collect();
    let name = |i: usize| series[i].as_deref().unwrap_or("");
    let mut names: Vec<&str> = Vec::new();
    for &i in &mine {
        if !names.contains(&name(i)) && names.len() < MOST_LINES {
            names.push(name(i));
        }
    }
    let mut lines = Vec::new();
    for series in names {
        let mut rows: Vec<usize> = mine.iter().copied().filter(|i| name(*i) == series).collect();
        rows.retain(|i| x[*i].is_finite() && y[*i].is_finite() && x[*i] >= 0.0);
        rows.sort_by(|a, b| x[*a].total_cmp(&x[*b]));
        let (thin, last) = (rows.len().div_ceil(MOST_POINTS).max(1), rows.len().saturating_sub(1));
        let kept: Vec<usize> = rows
            .into_iter()
            .enumerate()
            .filter(|(k, _)| k.is_multiple_of(thin) || *k == last)
            .map(|(_, i)| i)
            .collect();
        let points: Vec<(f64, f64)> = kept.iter().map(|&i| (x[i], y[i])).collect();
        let band = kept
            .iter()
            .map(|&i| (x[i], low[i], high[i]))
            .filter(|b| b.1.is_finite() && b.2.is_finite())
            .collect();
        if !points.is_empty() {
            lines.push(Line { name: series.to_owned(), style: 0, points, band });
        }
    }
    Ok(lines)
}
