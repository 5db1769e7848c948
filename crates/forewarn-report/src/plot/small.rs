//! A small drawing of a value by month with the band of its interval, to stand in a row of a table. It does not know what
//! is measured.

use forewarn_frames::time::civil_of;
use plotters::prelude::*;

use super::incidents::MONTHS;
use super::{GRID, Size, UNIT, Words, failed, series_color, styled};
use crate::error::ReportError;

const PLOT: &str = "small";
const SIZE: Size = Size { width: 160, height: 34, right: 0 };

/// `Feb 2025`.
pub(crate) fn month(day: i32) -> String {
    let (year, month, _) = civil_of(day);
    format!("{} {year}", MONTHS[(month as usize - 1).min(11)])
}

/// One month: when, the value, and both ends of its interval; NaN where not known.
pub(crate) type Point = (f64, f64, f64, f64);

/// A line through the values of months in order, from `first` to `last` on the time axis, with the last one marked: no
/// axes, since the numbers stand beside it.
pub(crate) fn small(
    points: &[Point],
    (first, last): (f64, f64),
    words: &Words<'_>,
) -> Result<String, ReportError> {
    let known: Vec<&Point> = points.iter().filter(|p| p.1.is_finite()).collect();
    let ends = || known.iter().flat_map(|p| [p.1, p.2, p.3]).filter(|v| v.is_finite());
    let (mut low, mut high) =
        (ends().fold(f64::INFINITY, f64::min), ends().fold(f64::NEG_INFINITY, f64::max));
    if low == high {
        (low, high) = (low - 1.0, low + 1.0);
    } else if !low.is_finite() {
        (low, high) = (0.0, 1.0);
    }
    let (width, height) = (SIZE.width * UNIT, SIZE.height * UNIT);
    // Room for the mark at the end.
    let edge = 4 * UNIT;
    let put = |x: f64, y: f64| {
        let across = if last > first { ((x - first) / (last - first)).clamp(0.0, 1.0) } else { 1.0 };
        let up = ((y - low) / (high - low)).clamp(0.0, 1.0);
        let right = f64::from(width - 2 * edge) * across;
        let down = f64::from(height - 2 * edge) * (1.0 - up);
        (edge + right.round() as i32, edge + down.round() as i32)
    };
    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, (width as u32, height as u32)).into_drawing_area();
        root.draw(&PathElement::new(vec![(0, height - 1), (width, height - 1)], GRID))
            .map_err(failed(PLOT))?;
        let color = series_color(0);
        let banded: Vec<&&Point> = known.iter().filter(|p| p.2.is_finite() && p.3.is_finite()).collect();
        if banded.len() > 1 {
            let there = banded.iter().map(|p| put(p.0, p.3));
            let back = banded.iter().rev().map(|p| put(p.0, p.2));
            let band = Polygon::new(there.chain(back).collect::<Vec<_>>(), color.mix(0.16).filled());
            root.draw(&band).map_err(failed(PLOT))?;
        }
        let line: Vec<(i32, i32)> = known.iter().map(|p| put(p.0, p.1)).collect();
        if line.len() > 1 {
            root.draw(&PathElement::new(line.clone(), color.stroke_width(3))).map_err(failed(PLOT))?;
        }
        if let Some(end) = line.last() {
            root.draw(&Circle::new(*end, 3 * UNIT, color.filled())).map_err(failed(PLOT))?;
        }
        root.present().map_err(failed(PLOT))?;
    }
    Ok(styled(&svg, SIZE, words).replacen("class=\"plot narrow\"", "class=\"spark\"", 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use forewarn_frames::time::day_of;

    #[test]
    fn what_is_not_known_is_not_drawn() {
        let words = Words { id: "s-1", title: "t", description: "d", x: "", y: "" };
        let nan = f64::NAN;
        for points in [
            vec![],
            vec![(0.0, nan, nan, nan)],
            vec![(0.0, 2.0, nan, nan)],
            vec![(0.0, 2.0, 2.0, 2.0), (30.0, 2.0, 2.0, 2.0)],
            vec![(0.0, 1.0, 0.5, 1.5), (30.0, nan, nan, nan), (60.0, 9.0, f64::INFINITY, 8.0)],
        ] {
            let svg = small(&points, (0.0, 60.0), &words).map_err(|e| e.to_string());
            assert!(
                svg.is_ok_and(|s| s.starts_with("<svg class=\"spark\"") && !s.contains("NaN")),
                "{points:?}"
            );
        }
        assert_eq!(month(day_of(2025, 12, 1)), "Dec 2025");
    }
}
