//! Incidents of late and those to come, over the days. It does not know how they were forecast.

use forewarn_frames::time::civil_of;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};

use super::{MARK, MUTED, SERIES, Size, UNIT, Words, axes, failed, series_color, style, styled, ticks};
use crate::error::ReportError;

const PLOT: &str = "incidents";

/// Months, short.
pub(super) const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// `3 Feb`.
pub(super) fn short_day(day: i32) -> String {
    let (_, month, of_month) = civil_of(day);
    format!("{of_month} {}", MONTHS[(month as usize - 1).min(11)])
}

/// A line of what came, `(day, count)`, and one of what is expected, `(day, mean, low, high)`, with the day between them
/// marked; both in the order of days.
pub(crate) fn incidents(
    came: &[(f64, f64)],
    expected: &[(f64, f64, f64, f64)],
    today: &str,
    size: Size,
    words: &Words<'_>,
) -> Result<String, ReportError> {
    let days = || came.iter().map(|p| p.0).chain(expected.iter().map(|p| p.0));
    // Days that no calendar has would not be written; a damaged table must not stop the page.
    let in_calendar = |day: f64| day.clamp(-500_000.0, 500_000.0);
    let (first, last) = (days().fold(f64::INFINITY, f64::min), days().fold(f64::NEG_INFINITY, f64::max));
    let (first, last) = if first <= last { (in_calendar(first), in_calendar(last)) } else { (0.0, 1.0) };
    let span = (last - first).max(1.0);
    let highest = came.iter().map(|p| p.1).chain(expected.iter().map(|p| p.3)).fold(0.0, f64::max);
    let y_max = (highest * 1.05).max(1.0);
    let (ux, uy) = (|x: f64| ((x - first) / span).clamp(0.0, 1.0), |y: f64| (y / y_max).clamp(0.0, 1.0));
    let mut svg = String::new();
    {
        let root =
            SVGBackend::with_string(&mut svg, ((size.width * UNIT) as u32, (size.height * UNIT) as u32))
                .into_drawing_area();
        let mut chart = ChartBuilder::on(&root)
            .margin_top(30 * UNIT)
            .margin_bottom(44 * UNIT)
            .margin_left(46 * UNIT)
            .margin_right(size.right * UNIT)
            .build_cartesian_2d(0.0..1.0, 0.0..1.0)
            .map_err(failed(PLOT))?;
        let n = if size.width < 500 { 3 } else { 7 };
        let x_ticks: Vec<(f64, String)> = (0..=n)
            .map(|i| (first + span * f64::from(i) / f64::from(n)).round())
            .map(|day| (ux(day), short_day(day as i32)))
            .collect();
        let y_ticks: Vec<(f64, String)> =
            ticks(y_max, 5).into_iter().map(|t| (uy(t), crate::number::plain(t))).collect();
        axes(&root, &chart, &x_ticks, &y_ticks, words, PLOT)?;
        if let Some(from) = expected.first() {
            let (px, bottom) = chart.backend_coord(&(ux(from.0), 0.0));
            let (_, top) = chart.backend_coord(&(0.0, 1.0));
            root.draw(&PathElement::new(vec![(px, bottom), (px, top)], MARK)).map_err(failed(PLOT))?;
            root.draw_text(
                today,
                &style(MUTED, 11, HPos::Left, VPos::Bottom),
                (px - 14 * UNIT, top - 2 * UNIT),
            )
            .map_err(failed(PLOT))?;
        }
        let strong = series_color(0);
        let there = expected.iter().map(|p| (ux(p.0), uy(p.3)));
        let back = expected.iter().rev().map(|p| (ux(p.0), uy(p.2)));
        if expected.len() > 1 {
            let band = Polygon::new(there.chain(back).collect::<Vec<_>>(), strong.mix(0.16).filled());
            chart.draw_series(std::iter::once(band)).map_err(failed(PLOT))?;
        }
        let quiet = series_color(2.min(SERIES - 1));
        let past: Vec<(f64, f64)> = came.iter().map(|p| (ux(p.0), uy(p.1))).collect();
        chart.draw_series(LineSeries::new(past, quiet.stroke_width(3))).map_err(failed(PLOT))?;
        let ahead: Vec<(f64, f64)> = expected.iter().map(|p| (ux(p.0), uy(p.1))).collect();
        chart.draw_series(LineSeries::new(ahead, strong.stroke_width(5))).map_err(failed(PLOT))?;
        root.present().map_err(failed(PLOT))?;
    }
    Ok(styled(&svg, size, words))
}

#[cfg(test)]
mod tests {
    use super::*;
    use forewarn_frames::time::day_of;

    #[test]
    fn days_read_short() {
        assert_eq!(short_day(day_of(2014, 2, 3)), "3 Feb");
        assert_eq!(short_day(day_of(2013, 12, 31)), "31 Dec");
    }

    #[test]
    fn one_day_makes_a_plot() {
        let size = Size { width: 350, height: 300, right: 20 };
        let words = Words { id: "incidents", title: "t", description: "d", x: "day", y: "n" };
        for (came, ahead) in [(vec![], vec![]), (vec![(1.0, 0.0)], vec![(2.0, 1.0, 0.0, 2.0)])] {
            let svg = incidents(&came, &ahead, "today", size, &words).map_err(|e| e.to_string());
            assert!(svg.is_ok_and(|s| s.starts_with("<svg") && !s.contains("NaN")));
        }
    }
}
