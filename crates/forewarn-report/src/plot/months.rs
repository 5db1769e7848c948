//! Shares month by month, with the interval of the strongest line. It does not know what was shared.

use forewarn_frames::time::civil_of;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};

use super::incidents::MONTHS;
use super::{
    MUTED, Size, TEXT, UNIT, Words, axes, failed, series_color, spread, style, styled, tick_percent, ticks,
    wrapped,
};
use crate::error::ReportError;

const PLOT: &str = "months";

/// The place of the month, the share, and the ends of its interval.
pub(crate) type Point = (usize, f64, Option<(f64, f64)>);

/// A line: its name, and a share for each month that has one, with its interval where that is known.
#[derive(Debug, Clone)]
pub(crate) struct Shares {
    pub(crate) name: String,
    pub(crate) points: Vec<Point>,
}

/// `Mar`, and `Jan 25` where a year begins.
fn label(day: i32, first: bool) -> String {
    let (year, month, _) = civil_of(day);
    let name = MONTHS[(month as usize - 1).min(11)];
    if first || month == 1 { format!("{name} {:02}", year.rem_euclid(100)) } else { name.to_owned() }
}

/// Lines over months, of which `days` are the firsts, the strongest line first.
pub(crate) fn months(
    days: &[i32],
    lines: &[Shares],
    size: Size,
    words: &Words<'_>,
) -> Result<String, ReportError> {
    let fail = failed(PLOT);
    let highest = lines
        .iter()
        .enumerate()
        .flat_map(|(i, l)| l.points.iter().map(move |p| p.2.filter(|_| i == 0).map_or(p.1, |e| e.1.max(p.1))))
        .fold(0.0, f64::max);
    let y_max = (highest * 1.05).clamp(0.05, 1.0);
    let span = days.len().saturating_sub(1).max(1) as f64;
    // One month stands in the middle.
    let ux = |i: usize| if days.len() < 2 { 0.5 } else { 0.02 + 0.96 * i as f64 / span };
    let uy = |y: f64| (y / y_max).clamp(0.0, 1.0);
    let mut svg = String::new();
    {
        let root =
            SVGBackend::with_string(&mut svg, ((size.width * UNIT) as u32, (size.height * UNIT) as u32))
                .into_drawing_area();
        let mut chart = ChartBuilder::on(&root)
            .margin_top(30 * UNIT)
            .margin_bottom(30 * UNIT)
            .margin_left(46 * UNIT)
            .margin_right(size.right * UNIT)
            .build_cartesian_2d(0.0..1.0, 0.0..1.0)
            .map_err(&fail)?;
        let step = days.len().div_ceil(if size.width < 500 { 5 } else { 12 }).max(1);
        let x_ticks: Vec<(f64, String)> =
            (0..days.len()).step_by(step).map(|i| (ux(i), label(days[i], i == 0))).collect();
        let y_ticks: Vec<(f64, String)> =
            ticks(y_max, 5).into_iter().map(|t| (uy(t), tick_percent(t))).collect();
        axes(&root, &chart, &x_ticks, &y_ticks, words, PLOT)?;
        // The strongest last, so that it lies on top.
        for (i, line) in lines.iter().enumerate().rev() {
            let color = series_color(i);
            let width = if i == 0 { 5 } else { 3 };
            if i == 0 {
                for (at, _, ends) in &line.points {
                    let Some((low, high)) = ends else { continue };
                    let whisker = [(ux(*at), uy(*low)), (ux(*at), uy(*high))];
                    chart.draw_series(LineSeries::new(whisker, color.stroke_width(2))).map_err(&fail)?;
                }
            }
            let points: Vec<(f64, f64)> = line.points.iter().map(|p| (ux(p.0), uy(p.1))).collect();
            chart.draw_series(LineSeries::new(points.clone(), color.stroke_width(width))).map_err(&fail)?;
            let radius = if i == 0 { 4 * UNIT } else { 3 * UNIT };
            chart
                .draw_series(points.into_iter().map(|p| Circle::new(p, radius, color.filled())))
                .map_err(&fail)?;
        }
        let (_, bottom) = chart.backend_coord(&(0.0, 0.0));
        let (right, top) = chart.backend_coord(&(1.0, 1.0));
        let mut ends: Vec<(i32, usize)> = lines
            .iter()
            .enumerate()
            .filter_map(|(i, l)| l.points.last().map(|p| (chart.backend_coord(&(0.0, uy(p.1))).1, i)))
            .collect();
        ends.sort_unstable();
        let mut at: Vec<i32> = ends.iter().map(|e| e.0).collect();
        let room = (size.right as usize).saturating_sub(14) * 10 / 66;
        spread(&mut at, 30 * UNIT, top + 6 * UNIT, bottom - 6 * UNIT);
        for ((_, i), y) in ends.iter().zip(at) {
            let mut text = style(if *i == 0 { TEXT } else { MUTED }, 12, HPos::Left, VPos::Center);
            if *i == 0 {
                text.font = text.font.style(FontStyle::Bold);
            }
            for (k, part) in wrapped(&lines[*i].name, room).iter().enumerate() {
                root.draw_text(part, &text, (right + 10 * UNIT, y + k as i32 * 13 * UNIT)).map_err(&fail)?;
            }
        }
        root.present().map_err(&fail)?;
    }
    Ok(styled(&svg, size, words))
}

#[cfg(test)]
mod tests {
    use super::*;
    use forewarn_frames::time::day_of;

    #[test]
    fn any_number_of_months_makes_a_plot() {
        let size = Size { width: 350, height: 240, right: 100 };
        let words = Words { id: "months", title: "t", description: "d", x: "", y: "share" };
        for n in [0, 1, 2, 30] {
            let days: Vec<i32> = (0..n).map(|i| day_of(2024 + i / 12, i as u32 % 12 + 1, 1)).collect();
            let points = (0..n as usize).map(|i| (i, 0.5, Some((0.3, 0.8)))).collect();
            let lines = [
                Shares { name: "the list".into(), points },
                Shares { name: "nothing at all".into(), points: vec![] },
            ];
            let svg = months(&days, &lines, size, &words).map_err(|e| e.to_string());
            assert!(svg.is_ok_and(|s| s.starts_with("<svg") && !s.contains("NaN")), "{n}");
        }
        assert_eq!(label(day_of(2025, 1, 1), false), "Jan 25");
        assert_eq!(label(day_of(2025, 3, 1), false), "Mar");
        assert_eq!(label(day_of(2025, 3, 1), true), "Mar 25");
    }
}
