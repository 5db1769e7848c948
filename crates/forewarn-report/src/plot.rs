//! The page's plots, drawn by plotters as SVG whose colors are classes, so that the style sheet (light, dark, print)
//! decides. It does not know what is plotted, or the page around it.

use std::fmt::Write as _;

use plotters::coord::Shift;
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::error::ReportError;
use crate::text::foreign;

mod course;
mod incidents;
mod months;
mod read;
mod small;
mod trace;

pub(crate) use course::{Course, course};
pub(crate) use incidents::incidents;
pub(crate) use months::{Shares, months};
pub(crate) use read::{read_lines, read_series};
pub(crate) use small::{Point, month, small};
pub(crate) use trace::trace;

/// Units of the drawing per CSS pixel: plotters counts in whole units, and two per pixel make curves smooth.
const UNIT: i32 = 2;

// Placeholder colors; `styled` turns each into a class. No two are equal, and none is a color anyone would want.
const TEXT: RGBColor = RGBColor(1, 0, 0);
const MUTED: RGBColor = RGBColor(2, 0, 0);
const GRID: RGBColor = RGBColor(3, 0, 0);
const MARK: RGBColor = RGBColor(4, 0, 0);

/// How many series have a style of their own; later ones share the last.
pub(crate) const SERIES: usize = 7;

fn series_color(style: usize) -> RGBColor {
    RGBColor(16 + style.min(SERIES - 1) as u8, 0, 0)
}

/// The drawing's size in CSS pixels; the narrow one is for phones.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Size {
    pub(crate) width: i32,
    pub(crate) height: i32,
    /// Room to the right of the plot for labels at the lines' ends.
    pub(crate) right: i32,
}

/// What assistive technology reads in place of a plot. The id is ours, never foreign text.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Words<'a> {
    pub(crate) id: &'a str,
    pub(crate) title: &'a str,
    pub(crate) description: &'a str,
    pub(crate) x: &'a str,
    pub(crate) y: &'a str,
}

/// One line of a plot.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    pub(crate) name: String,
    /// Which style: 0 is the strongest, 1 the one it is compared with.
    pub(crate) style: usize,
    pub(crate) points: Vec<(f64, f64)>,
    /// `(x, low, high)`; empty where there is no interval.
    pub(crate) band: Vec<(f64, f64, f64)>,
}

/// One point of a reliability diagram.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bin {
    pub(crate) said: f64,
    pub(crate) happened: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
}

type Chart<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

fn failed<E: std::fmt::Display>(plot: &'static str) -> impl Fn(E) -> ReportError {
    move |e| ReportError::Plot { plot, message: e.to_string() }
}

fn style(color: RGBColor, px: i32, h: HPos, v: VPos) -> TextStyle<'static> {
    // plotters divides the size by 1.24 before it writes it.
    ("sans-serif", f64::from(px * UNIT) * 1.24).into_font().color(&color).pos(Pos::new(h, v))
}

/// Round steps up to `max`, about `n` of them.
pub(crate) fn ticks(max: f64, n: usize) -> Vec<f64> {
    if !max.is_finite() || max <= 0.0 {
        return vec![0.0];
    }
    let raw = max / n as f64;
    let power = 10f64.powf(raw.log10().floor());
    let step =
        [1.0, 2.0, 2.5, 5.0, 10.0].into_iter().map(|m| m * power).find(|s| *s >= raw * 0.999).unwrap_or(raw);
    // A step is no less than a tenth of the rough one, so 10 * n reach `max`.
    (0..=10 * n as u32).map(|i| f64::from(i) * step).take_while(|t| *t <= max * 1.000_001).collect()
}

/// A tick of a share: `0 %`, `2.5 %`, `40 %`.
fn tick_percent(t: f64) -> String {
    let text = format!("{:.2}", t * 100.0);
    format!("{}\u{a0}%", text.trim_end_matches('0').trim_end_matches('.'))
}

/// Grid lines, tick labels and the names of both axes, of those that have one. `map` puts a value on an axis.
fn axes(
    root: &DrawingArea<SVGBackend<'_>, Shift>,
    chart: &Chart<'_, '_>,
    x: &[(f64, String)],
    y: &[(f64, String)],
    words: &Words<'_>,
    plot: &'static str,
) -> Result<(), ReportError> {
    let (left, bottom) = chart.backend_coord(&(0.0, 0.0));
    let (right, top) = chart.backend_coord(&(1.0, 1.0));
    let fail = failed(plot);
    for (at, label) in y {
        let (_, py) = chart.backend_coord(&(0.0, *at));
        root.draw(&PathElement::new(vec![(left, py), (right, py)], GRID)).map_err(&fail)?;
        root.draw_text(label, &style(MUTED, 11, HPos::Right, VPos::Center), (left - 6 * UNIT, py))
            .map_err(&fail)?;
    }
    for (at, label) in x {
        let (px, _) = chart.backend_coord(&(*at, 0.0));
        root.draw(&PathElement::new(vec![(px, bottom), (px, bottom + 4 * UNIT)], MUTED)).map_err(&fail)?;
        root.draw_text(label, &style(MUTED, 11, HPos::Center, VPos::Top), (px, bottom + 7 * UNIT))
            .map_err(&fail)?;
    }
    root.draw(&PathElement::new(vec![(left, bottom), (right, bottom)], MUTED)).map_err(&fail)?;
    let middle = i32::midpoint(left, right);
    for (name, style, at) in [
        (words.x, style(TEXT, 12, HPos::Center, VPos::Top), (middle, bottom + 25 * UNIT)),
        (words.y, style(TEXT, 12, HPos::Left, VPos::Bottom), (2 * UNIT, top - 10 * UNIT)),
    ] {
        if !name.is_empty() {
            root.draw_text(name, &style, at).map_err(&fail)?;
        }
    }
    Ok(())
}

/// Moves labels apart until no two are nearer than `gap`, in their order, within `top..=bottom`.
fn spread(at: &mut [i32], gap: i32, top: i32, bottom: i32) {
    for i in 0..at.len() {
        let least = if i == 0 { top } else { at[i - 1] + gap };
        at[i] = at[i].max(least);
    }
    for i in (0..at.len()).rev() {
        let most = if i + 1 == at.len() { bottom } else { at[i + 1] - gap };
        at[i] = at[i].min(most);
    }
}

/// A label in at most two lines of `room` characters.
fn wrapped(name: &str, room: usize) -> Vec<String> {
    if name.chars().count() <= room {
        return vec![name.to_owned()];
    }
    let cut = name.char_indices().take(room + 1).filter(|(_, c)| *c == ' ').map(|(i, _)| i).last();
    match cut {
        Some(at) => vec![name[..at].to_owned(), foreign(&name[at..], room)],
        None => vec![foreign(name, room)],
    }
}

/// What a y axis counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scale {
    /// Shares, 0 to 1, as percent.
    Share,
    /// Numbers from 0 on.
    Number,
}

/// Lines over a count, labeled at their ends, with a mark at `mark` on the x axis. The strongest line has a band; with
/// `all_bands` each has.
pub(crate) fn lines(
    lines: &[Line],
    mark: Option<(f64, &str)>,
    (scale, all_bands): (Scale, bool),
    size: Size,
    words: &Words<'_>,
) -> Result<String, ReportError> {
    const PLOT: &str = "lines";
    let x_max = lines.iter().flat_map(|l| &l.points).map(|p| p.0).fold(0.0, f64::max).max(1e-9);
    let highest = lines
        .iter()
        .flat_map(|l| l.points.iter().map(|p| p.1).chain(l.band.iter().map(|b| b.2)))
        .fold(0.0, f64::max);
    let y_max = match scale {
        Scale::Share => (highest * 1.02).clamp(0.01, 1.0),
        Scale::Number => (highest * 1.02).max(1e-9),
    };
    let (ux, uy) = (|x: f64| x / x_max, |y: f64| (y / y_max).clamp(0.0, 1.0));
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
        let x_ticks: Vec<_> = ticks(x_max, if size.width < 500 { 4 } else { 8 })
            .into_iter()
            .map(|t| (ux(t), crate::number::plain(t)))
            .collect();
        let label = |t: f64| match scale {
            Scale::Share => tick_percent(t),
            Scale::Number => crate::number::plain(t),
        };
        let y_ticks: Vec<_> = ticks(y_max, 5).into_iter().map(|t| (uy(t), label(t))).collect();
        axes(&root, &chart, &x_ticks, &y_ticks, words, PLOT)?;
        let (_, bottom) = chart.backend_coord(&(0.0, 0.0));
        let (right, top) = chart.backend_coord(&(1.0, 1.0));
        if let Some((x, label)) = mark.filter(|m| m.0 <= x_max) {
            let (px, _) = chart.backend_coord(&(ux(x), 0.0));
            root.draw(&PathElement::new(vec![(px, bottom), (px, top)], MARK)).map_err(failed(PLOT))?;
            root.draw_text(label, &style(MUTED, 11, HPos::Left, VPos::Top), (px + 4 * UNIT, top))
                .map_err(failed(PLOT))?;
        }
        // The strongest last, so that it lies on top.
        let mut order: Vec<&Line> = lines.iter().collect();
        order.sort_by_key(|l| std::cmp::Reverse(l.style));
        for line in &order {
            let color = series_color(line.style);
            if (all_bands || line.style == 0) && !line.band.is_empty() {
                let there = line.band.iter().map(|b| (ux(b.0), uy(b.2)));
                let back = line.band.iter().rev().map(|b| (ux(b.0), uy(b.1)));
                chart
                    .draw_series(std::iter::once(Polygon::new(
                        there.chain(back).collect::<Vec<_>>(),
                        color.mix(0.16).filled(),
                    )))
                    .map_err(failed(PLOT))?;
            }
            let points: Vec<(f64, f64)> = line.points.iter().map(|p| (ux(p.0), uy(p.1))).collect();
            let width = if line.style == 0 { 5 } else { 3 };
            chart.draw_series(LineSeries::new(points, color.stroke_width(width))).map_err(failed(PLOT))?;
        }
        let mut ends: Vec<(i32, i32, &Line)> = lines
            .iter()
            .filter_map(|l| l.points.last().map(|p| (chart.backend_coord(&(ux(p.0), uy(p.1))), l)))
            .map(|((px, py), l)| (py, px, l))
            .collect();
        ends.sort_by_key(|e| (e.0, e.2.style));
        let mut at: Vec<i32> = ends.iter().map(|e| e.0).collect();
        let room = (size.right as usize).saturating_sub(26) * 10 / 66;
        let labels: Vec<Vec<String>> = ends.iter().map(|e| wrapped(&e.2.name, room)).collect();
        let gap = if labels.iter().any(|l| l.len() > 1) { 28 } else { 15 };
        spread(&mut at, gap * UNIT, top + 6 * UNIT, bottom - 6 * UNIT);
        for (((py, px, line), to), parts) in ends.iter().zip(at).zip(&labels) {
            let elbow = vec![(*px, *py), (right + 8 * UNIT, to), (right + 18 * UNIT, to)];
            root.draw(&PathElement::new(
                elbow,
                series_color(line.style).stroke_width(if line.style == 0 { 5 } else { 3 }),
            ))
            .map_err(failed(PLOT))?;
            let mut label = style(TEXT, 12, HPos::Left, VPos::Center);
            if line.style == 0 {
                label.font = label.font.style(FontStyle::Bold);
            }
            let above = (parts.len() as i32 - 1) * 13 * UNIT / 2;
            for (i, part) in parts.iter().enumerate() {
                let y = to - above + i as i32 * 13 * UNIT;
                root.draw_text(part, &label, (right + 22 * UNIT, y)).map_err(failed(PLOT))?;
            }
        }
        root.present().map_err(failed(PLOT))?;
    }
    Ok(styled(&svg, size, words))
}

/// A reliability diagram: what was said against what happened, with the diagonal where both are equal. With `root`, both
/// axes are on a square-root scale, so that small probabilities can be told apart.
pub(crate) fn reliability(
    bins: &[Bin],
    root_scale: bool,
    size: Size,
    words: &Words<'_>,
) -> Result<String, ReportError> {
    const PLOT: &str = "reliability";
    let max =
        bins.iter().flat_map(|b| [b.said, b.happened, b.high]).filter(|x| x.is_finite()).fold(0.0, f64::max);
    let max = (max * 1.05).clamp(0.001, 1.0);
    let put = |p: f64| {
        let u = (p / max).clamp(0.0, 1.0);
        if root_scale { u.sqrt() } else { u }
    };
    let values = if root_scale {
        [0.0, 0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0]
            .into_iter()
            .filter(|t| *t <= max)
            .collect()
    } else {
        ticks(max, 5)
    };
    // Labels nearer than 8 % of the axis would overlap.
    let mut shown: Vec<(f64, String)> = Vec::new();
    for t in values.into_iter().rev() {
        if shown.last().is_none_or(|s| s.0 - put(t) > 0.08) {
            shown.push((put(t), tick_percent(t)));
        }
    }
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
        axes(&root, &chart, &shown, &shown, words, PLOT)?;
        chart
            .draw_series(LineSeries::new([(0.0, 0.0), (1.0, 1.0)], MARK.stroke_width(2)))
            .map_err(failed(PLOT))?;
        let (px, py) = chart.backend_coord(&(0.97, 0.97));
        root.draw_text("as said", &style(MUTED, 11, HPos::Right, VPos::Bottom), (px - 8 * UNIT, py))
            .map_err(failed(PLOT))?;
        let color = series_color(0);
        for b in bins {
            if b.low.is_finite() && b.high.is_finite() {
                let whisker = [(put(b.said), put(b.low)), (put(b.said), put(b.high))];
                chart.draw_series(LineSeries::new(whisker, color.stroke_width(3))).map_err(failed(PLOT))?;
            }
            let dot = Circle::new((put(b.said), put(b.happened)), 4 * UNIT, color.filled());
            chart.draw_series(std::iter::once(dot)).map_err(failed(PLOT))?;
        }
        root.present().map_err(failed(PLOT))?;
    }
    Ok(styled(&svg, size, words))
}

/// Bars side by side on one line of text, the last one marked: no axes, since the numbers are in the words.
pub(crate) fn sparkline(values: &[f64], words: &Words<'_>) -> Result<String, ReportError> {
    const PLOT: &str = "sparkline";
    /// Each bar with its gap, in CSS pixels.
    const BAR: i32 = 5;
    let size = Size { width: BAR * values.len().max(1) as i32, height: 22, right: 0 };
    let max = values.iter().copied().filter(|v| v.is_finite()).fold(1.0, f64::max);
    let (width, height) = (size.width * UNIT, size.height * UNIT);
    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, (width as u32, height as u32)).into_drawing_area();
        let base = PathElement::new(vec![(0, height - 1), (width, height - 1)], GRID);
        root.draw(&base).map_err(failed(PLOT))?;
        for (i, v) in values.iter().enumerate().filter(|(_, v)| **v > 0.0) {
            let left = i as i32 * BAR * UNIT;
            // What is there is seen, however little it is.
            let top = height - 1 - ((v / max * f64::from(height - 2)) as i32).max(2);
            let color = series_color(if i + 1 == values.len() { 0 } else { 2 });
            let bar = Rectangle::new([(left, top), (left + (BAR - 1) * UNIT, height - 1)], color.filled());
            root.draw(&bar).map_err(failed(PLOT))?;
        }
        root.present().map_err(failed(PLOT))?;
    }
    Ok(styled(&svg, size, words).replacen("class=\"plot narrow\"", "class=\"spark\"", 1))
}

/// Gives the drawing its words and turns placeholder colors into classes. Text cannot be mistaken for an attribute:
/// plotters escapes the quotes in it.
fn styled(svg: &str, size: Size, words: &Words<'_>) -> String {
    let body = svg.split_once('>').map_or(svg, |(_, rest)| rest);
    let mut out = String::with_capacity(svg.len());
    let Words { id, title, description, .. } = words;
    let narrow = if size.width < 500 { "narrow" } else { "wide" };
    // Writing to a String does not fail.
    let _ = write!(
        out,
        "<svg class=\"plot {narrow}\" viewBox=\"0 0 {} {}\" style=\"max-width:{}px\" role=\"img\" \
         aria-labelledby=\"{id}-{narrow}-t {id}-{narrow}-d\"><title id=\"{id}-{narrow}-t\">{}</title>\
         <desc id=\"{id}-{narrow}-d\">{}</desc>",
        size.width * UNIT,
        size.height * UNIT,
        size.width,
        escaped(title),
        escaped(description),
    );
    let mut body = body
        .replace(" font-family=\"sans-serif\"", "")
        .replace(" opacity=\"1\"", "")
        .replace(" stroke-width=\"1\"", "");
    let mut class = |color: RGBColor, name: &str| {
        let hex = format!("#{:02X}{:02X}{:02X}", color.0, color.1, color.2);
        body = body
            .replace(&format!("fill=\"{hex}\""), &format!("class=\"f-{name}\""))
            .replace(&format!("stroke=\"{hex}\""), &format!("class=\"s-{name}\""));
    };
    class(TEXT, "text");
    class(MUTED, "muted");
    class(GRID, "grid");
    class(MARK, "mark");
    for i in 0..SERIES {
        class(series_color(i), &i.to_string());
    }
    out.push_str(body.trim());
    out
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round() {
        assert_eq!(ticks(100.0, 5), [0.0, 20.0, 40.0, 60.0, 80.0, 100.0]);
        assert_eq!(ticks(0.0, 5), [0.0]);
        assert_eq!(ticks(f64::NAN, 5), [0.0]);
        assert_eq!([0.0, 0.025, 0.4].map(tick_percent), ["0\u{a0}%", "2.5\u{a0}%", "40\u{a0}%"]);
    }

    #[test]
    fn long_labels_take_two_lines() {
        assert_eq!(wrapped("boosting", 14), ["boosting"]);
        assert_eq!(wrapped("failure rate of similar assets", 14), ["failure rate", "of similar ass…"]);
        assert_eq!(wrapped(&"ü".repeat(30), 5), ["üüüüü…"]);
    }

    #[test]
    fn labels_do_not_overlap() {
        let mut at = [10, 11, 12, 90];
        spread(&mut at, 10, 0, 95);
        assert_eq!(at, [10, 20, 30, 90]);
        let mut low = [90, 91, 92];
        spread(&mut low, 10, 0, 95);
        assert_eq!(low, [75, 85, 95]);
    }
}
