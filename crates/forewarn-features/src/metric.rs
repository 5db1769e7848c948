//! The features of one metric of one asset, from the days before the cutoff. It does not know other assets.

use forewarn_frames::Series;

use crate::catalog::{CHANGE_WINDOWS, COUNT_WINDOWS, INCREASE_WINDOWS, MetricPlan, RATIO_WINDOWS};
use crate::evidence::{self, Usual};

/// A rise over a past without any would be endless; more than this says no more.
const MAX_RATIO: f64 = 100.0;
/// A level that is reached later than in so many days, or never, is that far away.
pub(crate) const FARTHEST: i32 = 365;
/// Days of past that a comparison with it needs.
const MIN_PAST_DAYS: i32 = 30;

/// The row that holds on `day`: the last one at or before it.
pub(crate) fn row_at(days: &[i32], day: i32) -> Option<usize> {
    days.partition_point(|d| *d <= day).checked_sub(1)
}

/// The value now less the value `window` days ago; NaN where it was not read by then.
pub(crate) fn change(series: &Series<'_>, today: i32, window: i32) -> f64 {
    let Some(&last) = series.last().last() else { return f64::NAN };
    row_at(series.day(), today - window).map_or(f64::NAN, |i| last - series.last()[i])
}

/// Mean, standard deviation, slope a day, and the share of days that are missing, of the days `from..=today`.
struct Window {
    mean: f64,
    sd: f64,
    slope: f64,
    missing: f64,
}

fn window(series: &Series<'_>, today: i32, days: i32) -> Window {
    let from = today - days + 1;
    let end = series.day().partition_point(|d| *d <= today);
    let (day, mean) = (&series.day()[..end], &series.mean()[..end]);
    let start = day.partition_point(|d| *d < from);
    if series.on_change() {
        return held(day, &series.last()[..end], from, today, start);
    }
    let known_from = day.first().map_or(today + 1, |d| (*d).max(from));
    let span = f64::from(today - known_from + 1);
    let n = (day.len() - start) as f64;
    if n == 0.0 {
        return Window {
            mean: f64::NAN,
            sd: f64::NAN,
            slope: f64::NAN,
            missing: if span > 0.0 { 1.0 } else { f64::NAN },
        };
    }
    let (mut count, mut sum) = (0.0, 0.0);
    for (i, m) in mean.iter().enumerate().skip(start) {
        let (k, _) = series.count_and_m2(i);
        count += k;
        sum += k * m;
    }
    let grand = sum / count;
    let mut m2 = 0.0;
    for (i, m) in mean.iter().enumerate().skip(start) {
        let (k, own) = series.count_and_m2(i);
        m2 += own + k * (m - grand) * (m - grand);
    }
    let x_mean = day[start..].iter().map(|d| f64::from(*d)).sum::<f64>() / n;
    let y_mean = mean[start..].iter().sum::<f64>() / n;
    let (mut xy, mut xx) = (0.0, 0.0);
    for (d, m) in day[start..].iter().zip(&mean[start..]) {
        let x = f64::from(*d) - x_mean;
        xy += x * (m - y_mean);
        xx += x * x;
    }
    Window {
        mean: grand,
        sd: if count > 1.0 { (m2 / count).sqrt() } else { f64::NAN },
        slope: if n >= 3.0 { xy / xx } else { f64::NAN },
        missing: (1.0 - n / span).max(0.0),
    }
}

/// The same where a value holds until the next row: each day counts once, by the value it ended with.
fn held(day: &[i32], last: &[f64], from: i32, today: i32, start: usize) -> Window {
    let mut rows: Vec<(f64, f64)> = Vec::new();
    let mut push = |value: f64, a: i32, b: i32| {
        for d in a..=b {
            rows.push((f64::from(d - from), value));
        }
    };
    let first = day.get(start).copied().unwrap_or(today + 1);
    if start > 0 {
        push(last[start - 1], from, (first - 1).min(today));
    }
    for i in start..day.len() {
        let until = day.get(i + 1).map_or(today, |d| d - 1);
        push(last[i], day[i], until);
    }
    let n = rows.len() as f64;
    if n == 0.0 {
        return Window { mean: f64::NAN, sd: f64::NAN, slope: f64::NAN, missing: f64::NAN };
    }
    let x_mean = rows.iter().map(|r| r.0).sum::<f64>() / n;
    let y_mean = rows.iter().map(|r| r.1).sum::<f64>() / n;
    let (mut xy, mut xx, mut yy) = (0.0, 0.0, 0.0);
    for (x, y) in &rows {
        xy += (x - x_mean) * (y - y_mean);
        xx += (x - x_mean) * (x - x_mean);
        yy += (y - y_mean) * (y - y_mean);
    }
    Window {
        mean: y_mean,
        sd: (yy / n).sqrt(),
        slope: if n >= 3.0 { xy / xx } else { f64::NAN },
        missing: f64::NAN,
    }
}

/// Appends the metric's features in the catalog's order; the two peer ranks, the days of the asset's
/// failures and what is usual among peers are given.
pub(crate) fn push(
    out: &mut Vec<f64>,
    series: &Series<'_>,
    plan: &MetricPlan,
    today: i32,
    ranks: (f64, f64),
    repaired: Option<i32>,
    (failures, peers): (&[i32], Option<Usual>),
) {
    let day = series.day();
    let now = series.len().checked_sub(1);
    let since = |d: Option<i32>| d.map_or(f64::NAN, |d| f64::from(today - d));
    out.push(now.map_or(f64::NAN, |i| series.last()[i]));
    for w in CHANGE_WINDOWS {
        out.push(change(series, today, w));
    }
    let start = day.partition_point(|d| *d <= today - 90);
    // A value that holds from before the window is in it.
    let start = if series.on_change() { start.saturating_sub(1) } else { start };
    let fold = |v: &[f64], f: fn(f64, f64) -> f64| v.iter().copied().reduce(f).unwrap_or(f64::NAN);
    out.push(fold(&series.min()[start..], f64::min));
    out.push(fold(&series.max()[start..], f64::max));
    out.push(fold(series.max(), f64::max));
    out.push(since(now.map(|i| day[i])));
    out.push(ranks.0);
    out.push(ranks.1);
    if plan.steps {
        for w in INCREASE_WINDOWS {
            out.push(now.map_or(f64::NAN, |i| {
                let before = row_at(day, today - w).map_or(0.0, |j| series.cum_increase()[j]);
                series.cum_increase()[i] - before
            }));
        }
        for w in COUNT_WINDOWS {
            out.push(now.map_or(f64::NAN, |i| {
                let before = row_at(day, today - w).map_or(0, |j| series.cum_changes()[j]);
                f64::from(series.cum_changes()[i] - before)
            }));
        }
        out.push(since(now.and_then(|i| series.last_change_day(i))));
        out.push(since(now.and_then(|i| series.last_increase_day(i))));
        for w in RATIO_WINDOWS {
            out.push(increase_ratio(series, today, w));
            // What came before a repair tells of the part that was repaired.
            let days = repaired.map_or(w, |d| (today - d).clamp(1, w));
            out.push(now.map_or(f64::NAN, |i| {
                let before = row_at(day, today - days).map_or(0.0, |j| series.cum_increase()[j]);
                (series.cum_increase()[i] - before) / f64::from(days)
            }));
        }
    }
    if plan.moves {
        let at = |end: i32, days: i32| window(series, end, days);
        let (days3, week, month) = (at(today, 3), at(today, 7), at(today, 30));
        let (before3, before7, before30) = (at(today - 3, 30), at(today - 7, 90), at(today - 30, 365));
        out.push(week.mean);
        out.push(month.mean);
        out.push(month.sd);
        out.push(month.slope);
        out.push(week.mean - before7.mean);
        out.push(days3.mean - before3.mean);
        out.push(month.mean - before30.mean);
        // A past without any spread makes no unit to measure by.
        let z =
            |shift: f64, sd: f64| if sd > 0.0 { (shift / sd).clamp(-MAX_RATIO, MAX_RATIO) } else { f64::NAN };
        out.push(z(week.mean - before7.mean, before7.sd));
        out.push(z(month.mean - before30.mean, before30.sd));
        let since = at(today, repaired.map_or(7, |d| (today - d).clamp(1, 7)));
        out.push(since.mean - before7.mean);
        out.push(month.missing);
    }
    if !plan.limits.is_empty() {
        let (week, month) = (window(series, today, 7), window(series, today, 30));
        out.extend(plan.limits.iter().map(|limit| {
            // On the scale on which more is nearer.
            let sign = if limit.above { 1.0 } else { -1.0 };
            let (left, pace) = (sign * (limit.value - week.mean), sign * month.slope);
            if left.is_nan() {
                f64::NAN
            } else if left <= 0.0 {
                0.0
            } else if pace > 0.0 {
                (left / pace).min(f64::from(FARTHEST))
            } else {
                f64::from(FARTHEST)
            }
        }));
    }
    evidence::push(out, series, plan, today, repaired, (failures, peers));
}

/// The increase of the last `days` days over what the asset's own year before would give in as many.
fn increase_ratio(series: &Series<'_>, today: i32, days: i32) -> f64 {
    let (day, sum) = (series.day(), series.cum_increase());
    let (Some(now), Some(start)) = (sum.last(), row_at(day, today - days)) else { return f64::NAN };
    let year = row_at(day, today - days - 365);
    let (from, before) = year.map_or((day[0], 0.0), |i| (today - days - 365, sum[i]));
    let past_days = today - days - from;
    if past_days < MIN_PAST_DAYS {
        return f64::NAN;
    }
    let (rise, usual) = (now - sum[start], (sum[start] - before) * f64::from(days) / f64::from(past_days));
    if usual > 0.0 {
        (rise / usual).min(MAX_RATIO)
    } else if rise > 0.0 {
        MAX_RATIO
    } else {
        f64::NAN
    }
}
