//! Lines of a plot as they stand in `plot_series`. It does not know what they mean.

use std::collections::BTreeMap;

use forewarn_frames::output::RunTables;

use super::Line;
use crate::error::{ReportError, table};
use crate::rows;

/// Lines that are read, at most: a table from elsewhere may hold any number.
const MOST_LINES: usize = 24;
/// Points of a line: more than pixels only cost bytes.
const MOST_POINTS: usize = 300;

/// The rows of one plot: series, and `[x, y, low, high]`, in the order of the table.
fn rows_of(tables: &RunTables, plot: &str) -> Result<Vec<(String, [f64; 4])>, ReportError> {
    let df = &tables.plot_series;
    let e = table("plot_series");
    let (plots, series) = (rows::texts(df, "plot").map_err(&e)?, rows::texts(df, "series").map_err(&e)?);
    let [x, y, low, high] = ["x", "y", "low", "high"].map(|c| rows::numbers(df, c));
    let (x, y, low, high) = (x.map_err(&e)?, y.map_err(&e)?, low.map_err(&e)?, high.map_err(&e)?);
    let mine = (0..df.height()).filter(|i| plots[*i].as_deref() == Some(plot));
    Ok(mine.map(|i| (series[i].clone().unwrap_or_default(), [x[i], y[i], low[i], high[i]])).collect())
}

/// The lines of one plot, in the order of the table, named as their series; those without a point are left away.
///
/// # Errors
///
/// A column is not of its schema's type.
pub(crate) fn read_lines(tables: &RunTables, plot: &str) -> Result<Vec<Line>, ReportError> {
    let all = rows_of(tables, plot)?;
    let mut names: Vec<&str> = Vec::new();
    for (name, _) in &all {
        if !names.contains(&name.as_str()) && names.len() < MOST_LINES {
            names.push(name);
        }
    }
    let mut lines = Vec::new();
    for series in names {
        let mut rows: Vec<[f64; 4]> = all.iter().filter(|r| r.0 == series).map(|r| r.1).collect();
        rows.retain(|p| p[0].is_finite() && p[1].is_finite() && p[0] >= 0.0);
        rows.sort_by(|a, b| a[0].total_cmp(&b[0]));
        let (thin, last) = (rows.len().div_ceil(MOST_POINTS).max(1), rows.len().saturating_sub(1));
        let mut at = 0..;
        rows.retain(|_| at.next().is_some_and(|k: usize| k.is_multiple_of(thin) || k == last));
        let points: Vec<(f64, f64)> = rows.iter().map(|p| (p[0], p[1])).collect();
        let band =
            rows.iter().map(|p| (p[0], p[2], p[3])).filter(|b| b.1.is_finite() && b.2.is_finite()).collect();
        if !points.is_empty() {
            lines.push(Line { name: series.to_owned(), style: 0, points, band });
        }
    }
    Ok(lines)
}

/// The points `[x, y, low, high]` of the named series of a plot, by name and in the order of x, at most `most` of each (4
/// or more). Of many points the lowest and the highest of each stretch are kept, so that no spike is lost. Where there is
/// no interval, its ends are not finite.
///
/// # Errors
///
/// A column is not of its schema's type.
pub(crate) fn read_series(
    tables: &RunTables,
    plot: &str,
    wanted: &[&str],
    most: usize,
) -> Result<BTreeMap<String, Vec<[f64; 4]>>, ReportError> {
    /// Larger numbers are no measurements, and sums of them would overflow.
    const LARGEST: f64 = 1e150;
    let mut out: BTreeMap<String, Vec<[f64; 4]>> = BTreeMap::new();
    for (name, point) in rows_of(tables, plot)? {
        if wanted.contains(&name.as_str()) && point[0].abs() < LARGEST && point[1].abs() < LARGEST {
            out.entry(name).or_default().push(point);
        }
    }
    for points in out.values_mut() {
        points.sort_by(|a, b| a[0].total_cmp(&b[0]));
        if points.len() > most {
            *points = thinned(points, most);
        }
    }
    Ok(out)
}

/// The first, the last, and the lowest and the highest of each stretch between.
fn thinned(points: &[[f64; 4]], most: usize) -> Vec<[f64; 4]> {
    let [first, between @ .., last] = points else { return points.to_vec() };
    let stretch = between.len().div_ceil(((most.max(4) - 2) / 2).max(1)).max(1);
    let mut out = vec![*first];
    for part in between.chunks(stretch) {
        let by = |a: &&[f64; 4], b: &&[f64; 4]| a[1].total_cmp(&b[1]);
        let (low, high) = (part.iter().min_by(by), part.iter().max_by(by));
        let mut two: Vec<[f64; 4]> = low.into_iter().chain(high).copied().collect();
        two.sort_by(|a, b| a[0].total_cmp(&b[0]));
        // Where all are alike, both are the same point.
        two.dedup_by(|a, b| a[0].total_cmp(&b[0]).is_eq());
        out.extend(two);
    }
    out.push(*last);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thinning_keeps_ends_and_spikes() {
        let mut points: Vec<[f64; 4]> =
            (0..731).map(|i| [f64::from(i), f64::from(i % 3), f64::NAN, f64::NAN]).collect();
        points[333][1] = 90.0;
        points[600][1] = -90.0;
        let thin = thinned(&points, 200);
        assert!(thin.len() <= 200 && thin.len() > 150, "{}", thin.len());
        assert_eq!((thin[0][0], thin[thin.len() - 1][0]), (0.0, 730.0));
        assert!([90.0, -90.0].iter().all(|v| thin.iter().any(|p| p[1].total_cmp(v).is_eq())));
        assert!(thin.windows(2).all(|w| w[0][0] < w[1][0]));
    }
}
