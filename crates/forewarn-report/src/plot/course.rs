//! The course of one daily series: as it was, as it is expected, its threshold, and where it changed. It does not know how
//! any of it was found.

use forewarn_frames::time::{civil_of, day_of, format_day};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};

use super::incidents::{MONTHS, short_day};
use super::{MARK, MUTED, Size, TEXT, UNIT, Words, axes, failed, series_color, style, styled, ticks};
use crate::error::ReportError;

const PLOT: &str = "course";
/// Pixels that a character of the small labels takes, about.
const LETTER: i32 = 6;

/// What is drawn; every list is in the order of days, and days count from 1970.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Course<'a> {
    /// `(day, value)`.
    pub(crate) past: &'a [(f64, f64)],
    /// `(day, low, high)` of what was expected of a day.
    pub(crate) usual: &'a [(f64, f64, f64)],
    /// `(day, median, low, high)`.
    pub(crate) ahead: &'a [(f64, f64, f64, f64)],
    /// The value, and how it is written.
    pub(crate) threshold: Option<(f64, &'a str)>,
    /// Days on which the series changed.
    pub(crate) changes: &'a [f64],
    /// `(day, value)` of what was unlike the rest.
    pub(crate) odd: &'a [(f64, f64)],
    /// The label of the day between past and future.
    pub(crate) today: &'a str,
}

/// Days that no calendar has would not be written; a damaged table must not stop the page.
fn in_calendar(day: f64) -> f64 {
    day.clamp(-500_000.0, 500_000.0)
}

/// The lowest and the highest of some values; `None` where there are none.
fn ends(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    values.filter(|v| v.is_finite()).fold(None, |e, v| match e {
        None => Some((v, v)),
        Some((low, high)) => Some((v.min(low), v.max(high))),
    })
}

/// What the y axis spans: the series first; bands, and a threshold that is far away, must not flatten it.
fn span(course: &Course<'_>) -> (f64, f64) {
    let core = course.past.iter().map(|p| p.1).chain(course.ahead.iter().map(|p| p.1));
    let Some((mut low, mut high)) = ends(core) else { return (0.0, 1.0) };
    let size = (high - low).max(high.abs().max(low.abs()) * 0.02).max(1e-9);
    let bands = course.usual.iter().flat_map(|u| [u.1, u.2]);
    if let Some((l, h)) = ends(bands.chain(course.ahead.iter().flat_map(|a| [a.2, a.3]))) {
        (low, high) = (low.min(l.max(low - size / 2.0)), high.max(h.min(high + size / 2.0)));
    }
    if let Some((t, _)) = course.threshold
        && t >= low - 2.0 * size
        && t <= high + 2.0 * size
    {
        (low, high) = (low.min(t), high.max(t));
    }
    let pad = (high - low).max(size) * 0.06;
    let bottom = if low >= 0.0 && (low < 0.35 * high || low < pad) { 0.0 } else { low - pad };
    (bottom, high + pad)
}

/// Round values in `low..=high`, about `n` of them, each with its label; labels tell them apart.
fn values(low: f64, high: f64, n: usize) -> Vec<(f64, String)> {
    let Some(step) = ticks(high - low, n).get(1).copied().filter(|s| *s > 0.0) else { return Vec::new() };
    let most = low.abs().max(high.abs());
    let (unit, name) = [(1e12, "\u{a0}T"), (1e9, "\u{a0}G"), (1e6, "\u{a0}M"), (1e5, "\u{a0}k")]
        .into_iter()
        .find(|u| most >= u.0)
        .map_or((1.0, ""), |u| (if u.0 == 1e5 { 1e3 } else { u.0 }, u.1));
    let rough = !(1e-4..1e15).contains(&most);
    let digits = (0..4).find(|d| {
        let shown = step / unit * 10f64.powi(*d);
        (shown - shown.round()).abs() < 1e-6 * shown.max(1.0) && shown > 0.5
    });
    let label = |v: f64| {
        if rough || v == 0.0 {
            crate::number::plain(v)
        } else {
            format!("{}{name}", crate::number::fixed(v / unit, digits.unwrap_or(4) as usize, false))
        }
    };
    let mut out: Vec<(f64, String)> = Vec::new();
    let first = (low / step).ceil();
    for i in 0..=4 * n {
        let v = (first + i as f64) * step;
        if v > high {
            break;
        }
        let text = label(v);
        if out.last().is_none_or(|l| l.1 != text) {
            out.push((v, text));
        }
    }
    out
}

/// Days to label, at most about `n`: firsts of months, or any days where there are few.
fn dates(first: f64, last: f64, n: i32) -> Vec<(f64, String)> {
    let span = last - first;
    if span < 75.0 {
        return (0..=n)
            .map(|i| (first + span * f64::from(i) / f64::from(n)).round())
            .map(|day| (day, short_day(day as i32)))
            .collect();
    }
    let months = span / 30.44;
    let step = [1, 2, 3, 6, 12, 24, 60, 120, 600, 6_000]
        .into_iter()
        .find(|s| months / f64::from(*s) <= f64::from(n));
    let step = step.unwrap_or(60_000);
    let (year, month, _) = civil_of(first as i32);
    // Months since year 0, the next one that the step meets.
    let start = (year * 12 + month as i32 - 1).div_euclid(step) * step;
    let mut out: Vec<(f64, String)> = Vec::new();
    for k in 0..=n + 2 {
        let at = start + k * step;
        let (year, month) = (at.div_euclid(12), at.rem_euclid(12));
        let day = f64::from(day_of(year, month as u32 + 1, 1));
        if day < first || day > last {
            continue;
        }
        let name = MONTHS[month as usize];
        out.push((
            day,
            match (step >= 12, month == 0 || out.is_empty()) {
                (true, _) => year.to_string(),
                (false, true) => format!("{name} {year}"),
                (false, false) => name.to_owned(),
            },
        ));
    }
    out
}

/// Parts without holes: a line over days that were not measured would claim what nobody saw.
pub(super) fn runs<T: Copy>(points: &[T], day: impl Fn(&T) -> f64) -> Vec<Vec<T>> {
    let mut gaps: Vec<f64> = points.windows(2).map(|w| day(&w[1]) - day(&w[0])).collect();
    gaps.sort_by(f64::total_cmp);
    let longest = gaps.get(gaps.len() / 2).map_or(0.0, |g| 3.0 * g).max(4.0);
    let mut out: Vec<Vec<T>> = Vec::new();
    for p in points {
        match out.last_mut().filter(|run| run.last().is_some_and(|l| day(p) - day(l) <= longest)) {
            Some(run) => run.push(*p),
            None => out.push(vec![*p]),
        }
    }
    out
}

/// A thin line of what was, over a band of what was expected of it; a thick one of what is expected, with its 80 % band;
/// the threshold as a line across; changes as dashed uprights, single odd days as dots. All are labeled.
pub(crate) fn course(course: &Course<'_>, size: Size, words: &Words<'_>) -> Result<String, ReportError> {
    let days = course.past.iter().map(|p| p.0).chain(course.ahead.iter().map(|p| p.0));
    let (first, last) = ends(days.map(in_calendar)).unwrap_or((0.0, 1.0));
    let length = (last - first).max(1.0);
    let (low, high) = span(course);
    let ux = |x: f64| ((x - first) / length).clamp(0.0, 1.0);
    let uy = |y: f64| ((y - low) / (high - low)).clamp(0.0, 1.0);
    let narrow = size.width < 500;
    // Their labels take a line of their own.
    let uprights = !course.changes.is_empty() || !course.ahead.is_empty();
    let mut svg = String::new();
    {
        let root =
            SVGBackend::with_string(&mut svg, ((size.width * UNIT) as u32, (size.height * UNIT) as u32))
                .into_drawing_area();
        let mut chart = ChartBuilder::on(&root)
            .margin_top(if uprights { 46 } else { 28 } * UNIT)
            .margin_bottom(28 * UNIT)
            .margin_left(50 * UNIT)
            .margin_right(size.right * UNIT)
            .build_cartesian_2d(0.0..1.0, 0.0..1.0)
            .map_err(failed(PLOT))?;
        let x_ticks: Vec<_> =
            dates(first, last, if narrow { 4 } else { 6 }).into_iter().map(|(d, l)| (ux(d), l)).collect();
        let y_ticks: Vec<_> = values(low, high, 5).into_iter().map(|(v, l)| (uy(v), l)).collect();
        axes(&root, &chart, &x_ticks, &y_ticks, &Words { x: "", y: "", ..*words }, PLOT)?;
        root.draw_text(words.y, &style(TEXT, 12, HPos::Left, VPos::Top), (2 * UNIT, 4 * UNIT))
            .map_err(failed(PLOT))?;
        let (left, bottom) = chart.backend_coord(&(0.0, 0.0));
        let (right, top) = chart.backend_coord(&(1.0, 1.0));

        for run in runs(course.usual, |u| u.0).iter().filter(|r| r.len() > 1) {
            let there = run.iter().map(|u| (ux(u.0), uy(u.2)));
            let back = run.iter().rev().map(|u| (ux(u.0), uy(u.1)));
            let band = Polygon::new(there.chain(back).collect::<Vec<_>>(), series_color(6).mix(0.2).filled());
            chart.draw_series(std::iter::once(band)).map_err(failed(PLOT))?;
        }
        let strong = series_color(0);
        if course.ahead.len() > 1 {
            let there = course.ahead.iter().map(|p| (ux(p.0), uy(p.3)));
            let back = course.ahead.iter().rev().map(|p| (ux(p.0), uy(p.2)));
            let band = Polygon::new(there.chain(back).collect::<Vec<_>>(), strong.mix(0.16).filled());
            chart.draw_series(std::iter::once(band)).map_err(failed(PLOT))?;
        }
        for run in runs(course.past, |p| p.0) {
            let points: Vec<(f64, f64)> = run.iter().map(|p| (ux(p.0), uy(p.1))).collect();
            if let [alone] = points[..] {
                let dot = Circle::new(alone, 3, series_color(2).filled());
                chart.draw_series(std::iter::once(dot)).map_err(failed(PLOT))?;
            } else {
                let line = LineSeries::new(points, series_color(2).stroke_width(3));
                chart.draw_series(line).map_err(failed(PLOT))?;
            }
        }
        let ahead: Vec<(f64, f64)> = course.ahead.iter().map(|p| (ux(p.0), uy(p.1))).collect();
        chart.draw_series(LineSeries::new(ahead, strong.stroke_width(5))).map_err(failed(PLOT))?;

        // Labels of uprights stand above the plot: those of changes end at their line, that of today begins there.
        let small = |h: HPos| style(MUTED, 11, h, VPos::Bottom);
        let mut free = left;
        for day in course.changes.iter().filter(|d| **d >= first && **d <= last) {
            let (px, _) = chart.backend_coord(&(ux(*day), 0.0));
            let line = PathElement::new(vec![(px, bottom), (px, top)], series_color(1).stroke_width(3));
            root.draw(&line).map_err(failed(PLOT))?;
            let label = format!("changed {}", format_day(*day as i32));
            let wide = label.chars().count() as i32 * LETTER * UNIT;
            let (h, end) = if px - wide >= free { (HPos::Right, px) } else { (HPos::Left, px + wide) };
            if end - wide >= free {
                root.draw_text(&label, &small(h), (px, top - 4 * UNIT)).map_err(failed(PLOT))?;
                free = end + 2 * LETTER * UNIT;
            }
        }
        if let Some(from) = course.ahead.first() {
            let (px, _) = chart.backend_coord(&(ux(from.0), 0.0));
            root.draw(&PathElement::new(vec![(px, bottom), (px, top)], MARK)).map_err(failed(PLOT))?;
            let wide = course.today.chars().count() as i32 * LETTER * UNIT;
            let at = px.min(right + size.right * UNIT - wide).max(free.min(px));
            root.draw_text(course.today, &small(HPos::Left), (at, top - 4 * UNIT)).map_err(failed(PLOT))?;
        }
        for (i, (day, value)) in course.odd.iter().enumerate() {
            let dot = Circle::new((ux(*day), uy(*value)), 5 * UNIT, series_color(1).stroke_width(4));
            chart.draw_series(std::iter::once(dot)).map_err(failed(PLOT))?;
            if i + 1 == course.odd.len() {
                let (px, py) = chart.backend_coord(&(ux(*day), uy(*value)));
                let (h, dx) = if px - left > 60 * UNIT { (HPos::Right, -9) } else { (HPos::Left, 9) };
                root.draw_text("unusual", &style(TEXT, 11, h, VPos::Center), (px + dx * UNIT, py))
                    .map_err(failed(PLOT))?;
            }
        }
        if let Some((value, text)) = course.threshold {
            let within = (low..=high).contains(&value);
            let py = chart.backend_coord(&(0.0, uy(value))).1;
            let label = match (within, value > high) {
                (true, _) => format!("threshold {text}"),
                (false, true) => format!("threshold {text}: above this plot ↑"),
                (false, false) => format!("threshold {text}: below this plot ↓"),
            };
            if within {
                let line = PathElement::new(vec![(left, py), (right, py)], TEXT.stroke_width(3));
                root.draw(&line).map_err(failed(PLOT))?;
            }
            let (v, dy) = if py - top > 18 * UNIT { (VPos::Bottom, -3) } else { (VPos::Top, 3) };
            root.draw_text(&label, &style(TEXT, 11, HPos::Left, v), (left + 4 * UNIT, py + dy * UNIT))
                .map_err(failed(PLOT))?;
        }
        root.present().map_err(failed(PLOT))?;
    }
    Ok(styled(&svg, size, words))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_told_apart() {
        let check = |low, high, want: &[&str]| {
            let labels: Vec<String> =
                values(low, high, 4).into_iter().map(|v| v.1.replace('\u{a0}', " ")).collect();
            assert_eq!(labels, want, "{low} to {high}");
        };
        check(0.0, 100.0, &["0", "25", "50", "75", "100"]);
        check(100.05, 100.9, &["100.25", "100.50", "100.75"]);
        check(-3.0, 3.0, &["−2", "0", "2"]);
        check(0.0, 400_000.0, &["0", "100 k", "200 k", "300 k", "400 k"]);
        check(1.0e9, 3.0e9, &["1.0 G", "1.5 G", "2.0 G", "2.5 G", "3.0 G"]);
        check(1.0, 1.0, &[]);
        check(0.0, f64::NAN, &[]);
    }

    #[test]
    fn dates_are_firsts_of_months() {
        let check = |first, last, n, want: &[&str]| {
            let labels: Vec<String> =
                dates(f64::from(first), f64::from(last), n).into_iter().map(|d| d.1).collect();
            assert_eq!(labels, want);
        };
        check(day_of(2025, 9, 10), day_of(2026, 6, 20), 6, &["Nov 2025", "Jan 2026", "Mar", "May"]);
        check(day_of(2025, 9, 1), day_of(2025, 12, 20), 6, &["Sep 2025", "Oct", "Nov", "Dec"]);
        check(day_of(2020, 3, 1), day_of(2025, 3, 1), 6, &["2021", "2022", "2023", "2024", "2025"]);
        check(day_of(2025, 3, 1), day_of(2025, 3, 31), 3, &["1 Mar", "11 Mar", "21 Mar", "31 Mar"]);
        assert!(dates(-500_000.0, 500_000.0, 4).len() < 8);
    }

    #[test]
    fn holes_stay_holes() {
        let points: Vec<f64> = [1, 2, 3, 4, 7, 8, 30, 31, 32].map(f64::from).to_vec();
        let parts: Vec<usize> = runs(&points, |p| *p).iter().map(Vec::len).collect();
        assert_eq!(parts, [6, 3]);
    }

    #[test]
    fn a_far_threshold_does_not_flatten_the_series() {
        let past = [(1.0, 50.0), (2.0, 52.0)];
        let of = |t: f64| span(&Course { past: &past, threshold: Some((t, "t")), ..Course::default() });
        assert!(of(54.0).1 > 54.0 && of(90.0).1 < 53.0 && of(48.0).0 < 48.0);
        // An interval that has no bounds worth the name is cut.
        let ahead = [(3.0, 53.0, -1e12, 1e12)];
        let (low, high) = span(&Course { past: &past, ahead: &ahead, ..Course::default() });
        assert!(low > 40.0 && high < 60.0, "{low} {high}");
    }

    #[test]
    fn little_makes_a_plot_too() {
        let size = Size { width: 350, height: 300, right: 20 };
        let words = Words { id: "course", title: "t", description: "d", x: "", y: "n" };
        let one = [(20_000.0, 3.0)];
        let huge = [(1e300, 1e140), (f64::MAX, -1e140)];
        for past in [&[][..], &one[..], &huge[..]] {
            for ahead in [&[][..], &[(20_001.0, 1.0, 0.0, 2.0)][..]] {
                for threshold in [None, Some((3.0, "3")), Some((1e9, "many")), Some((-1e9, "less"))] {
                    let what = Course {
                        past,
                        ahead,
                        threshold,
                        changes: &[20_000.0],
                        odd: &one,
                        ..Course::default()
                    };
                    let svg = course(&what, size, &words).map_err(|e| e.to_string());
                    assert!(svg.is_ok_and(|s| s.starts_with("<svg") && !s.contains("NaN")));
                }
            }
        }
    }
}
