//! A small line of one daily series: its shape at a glance, without axes, since its numbers stand beside it. It does not
//! know what the series means.

use plotters::prelude::*;

use super::course::runs;
use super::{GRID, Size, UNIT, Words, failed, series_color, styled};
use crate::error::ReportError;

const SIZE: Size = Size { width: 200, height: 36, right: 0 };

/// A line through `(day, value)` in the order of days, over the days from `first` to `last`, with a dot at its end. Days that
/// were not measured are gaps, unless `held`: then a value holds until the next one.
pub(crate) fn trace(
    points: &[(f64, f64)],
    (first, last): (f64, f64),
    held: bool,
    words: &Words<'_>,
) -> Result<String, ReportError> {
    const PLOT: &str = "trace";
    let (width, height) = (SIZE.width * UNIT, SIZE.height * UNIT);
    let values = || points.iter().map(|p| p.1);
    let (low, high) = (values().fold(f64::INFINITY, f64::min), values().fold(f64::NEG_INFINITY, f64::max));
    // Room for half a line and the dot.
    let edge = 4 * UNIT;
    let put = |(day, value): (f64, f64)| {
        let x = ((day - first) / (last - first).max(1.0)).clamp(0.0, 1.0);
        let y = if high > low { ((value - low) / (high - low)).clamp(0.0, 1.0) } else { 0.5 };
        let at = |share: f64, room: i32| edge + (share * f64::from(room - 2 * edge)).round() as i32;
        (at(x, width), height - at(y, height))
    };
    let parts = if held { vec![points.to_vec()] } else { runs(points, |p| p.0) };
    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, (width as u32, height as u32)).into_drawing_area();
        let base = PathElement::new(vec![(0, height - 1), (width, height - 1)], GRID);
        root.draw(&base).map_err(failed(PLOT))?;
        let color = series_color(0);
        for part in &parts {
            let mut line: Vec<(i32, i32)> = Vec::with_capacity(2 * part.len());
            for p in part {
                let (x, y) = put(*p);
                if let Some((_, before)) = line.last().copied().filter(|_| held) {
                    line.push((x, before));
                }
                line.push((x, y));
            }
            if line.len() > 1 {
                root.draw(&PathElement::new(line, color.stroke_width(3))).map_err(failed(PLOT))?;
            }
        }
        if let Some(p) = points.last() {
            root.draw(&Circle::new(put(*p), 3 * UNIT, color.filled())).map_err(failed(PLOT))?;
        }
        root.present().map_err(failed(PLOT))?;
    }
    Ok(styled(&svg, SIZE, words).replacen("class=\"plot narrow\"", "class=\"trace\"", 1))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn gaps_are_gaps_unless_a_value_holds() {
        let words = Words { id: "t", title: "a < b", description: "d", x: "", y: "" };
        let points: Vec<(f64, f64)> =
            (0..90).filter(|d| !(30..60).contains(d)).map(|d| (f64::from(d), f64::from(d % 7))).collect();
        let check = |held, lines: usize| {
            let svg = trace(&points, (0.0, 89.0), held, &words).unwrap();
            // One more is the base line.
            assert_eq!(svg.matches("<polyline").count(), lines + 1, "{svg}");
            assert!(
                svg.contains("<title id=\"t-narrow-t\">a &lt; b</title>") && svg.len() < 2_500,
                "{}",
                svg.len()
            );
        };
        check(false, 2);
        check(true, 1);
        // One value throughout, one day alone, none at all.
        for points in [&[(3.0, 5.0), (4.0, 5.0)][..], &[(3.0, f64::MAX)], &[]] {
            assert!(trace(points, (0.0, 89.0), false, &words).unwrap().ends_with("</svg>"));
        }
    }
}
