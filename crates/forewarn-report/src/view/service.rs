//! How the service fares: the latest month of each measure, its course and its trend, in total and where it moved. It does
//! not know how a trend was tested.

use forewarn_frames::output::RunTables;
use forewarn_frames::time::DAY;
use minijinja::value::Value;
use serde::Serialize;

use super::Limits;
use crate::error::{ReportError, table};
use crate::number::{NOT_KNOWN, counted, fixed, plain, share, share_range};
use crate::plot::{self, Words};
use crate::rows;
use crate::text::foreign;

/// Services and sites that moved, at most.
const MOVED: usize = 20;

/// How a measure is written, and which way is the good one.
#[derive(Clone, Copy)]
struct Measure {
    name: &'static str,
    words: &'static str,
    unit: Unit,
    up_is_good: bool,
}

#[derive(Clone, Copy, PartialEq)]
enum Unit {
    Count,
    Hours,
    Days,
    /// A share near 1.
    Availability,
    Share,
    Points,
}

const MEASURES: [Measure; 8] = [
    Measure { name: "n_incidents", words: "Incidents", unit: Unit::Count, up_is_good: false },
    Measure { name: "mttr_hours", words: "Mean time to restore", unit: Unit::Hours, up_is_good: false },
    Measure {
        name: "mtbf_days",
        words: "Mean time between failures of an asset",
        unit: Unit::Days,
        up_is_good: true,
    },
    Measure { name: "availability", words: "Availability", unit: Unit::Availability, up_is_good: true },
    Measure { name: "reopen_share", words: "Reopened", unit: Unit::Share, up_is_good: false },
    Measure { name: "breach_share", words: "Agreed time missed", unit: Unit::Share, up_is_good: false },
    Measure { name: "csat", words: "Satisfaction, 1 to 5", unit: Unit::Points, up_is_good: true },
    Measure { name: "proactive_share", words: "Proactive work", unit: Unit::Share, up_is_good: true },
];

/// The part on the service.
#[derive(Serialize)]
pub(crate) struct Service {
    /// Empty where nothing is known.
    words: String,
    total: Vec<Line>,
    moved: Vec<Line>,
    moved_hidden: usize,
    /// How many other series there are, in words; empty without any.
    others: String,
}

/// One measure of one series.
#[derive(Serialize, Clone)]
struct Line {
    measure: &'static str,
    level: String,
    id: String,
    value: String,
    range: String,
    /// What the value rests on, and when.
    rests_on: String,
    plot: Value,
    sign: &'static str,
    trend: String,
    change: String,
    /// `worse`, `better`, or empty.
    sense: &'static str,
}

/// The rows of one series in the order of months.
struct Series {
    measure: Measure,
    level: String,
    id: String,
    points: Vec<plot::Point>,
    n: Vec<i64>,
    trend: String,
    change: [f64; 3],
}

fn hours(h: f64) -> String {
    if h.is_finite() && h >= 72.0 {
        format!("{} days", fixed(h / 24.0, 1, true))
    } else {
        format!("{}\u{a0}h", plain(h))
    }
}

impl Unit {
    fn value(self, v: f64) -> String {
        match self {
            _ if !v.is_finite() => NOT_KNOWN.to_owned(),
            Self::Count => plain(v.round()),
            Self::Hours => hours(v),
            Self::Days => counted(v.round().max(0.0) as u64, "day", "days"),
            Self::Availability => format!("{}\u{a0}%", fixed(v * 100.0, 2, false)),
            Self::Share => share(v),
            Self::Points => fixed(v, 1, false),
        }
    }

    fn range(self, low: f64, high: f64) -> String {
        if !low.is_finite() && !high.is_finite() {
            return String::new();
        }
        if !high.is_finite() {
            return format!("at least {}", self.value(low));
        }
        match self {
            Self::Share => share_range(low, high),
            Self::Count | Self::Points => format!("{}–{}", self.value(low), self.value(high)),
            _ => format!("{} to {}", self.value(low), self.value(high)),
        }
    }

    /// A change with its sign: `+12 %`, `−1.5 points`.
    fn change(self, v: f64) -> String {
        let size = v.abs();
        let text = match self {
            Self::Count | Self::Hours | Self::Days if size >= 10.0 => "over 1,000\u{a0}%".to_owned(),
            Self::Count | Self::Hours | Self::Days => format!("{}\u{a0}%", fixed(size * 100.0, 0, false)),
            Self::Availability => format!("{}\u{a0}points", fixed(size * 100.0, 2, false)),
            Self::Share => format!("{}\u{a0}points", fixed(size * 100.0, 1, false)),
            Self::Points => fixed(size, 2, false),
        };
        // What is written as nothing has no direction.
        let sign = match text.bytes().any(|b| (b'1'..=b'9').contains(&b)) {
            true if v < 0.0 => "−",
            true => "+",
            false => "",
        };
        format!("{sign}{text}")
    }
}

impl Series {
    fn sense(&self) -> &'static str {
        match (self.trend.as_str(), self.measure.up_is_good) {
            ("rising", true) | ("falling", false) => "better",
            ("rising", false) | ("falling", true) => "worse",
            _ => "",
        }
    }

    /// The last month with a value, else the last one.
    fn latest(&self) -> usize {
        self.points.iter().rposition(|p| p.1.is_finite()).unwrap_or(self.points.len() - 1)
    }

    fn line(&self, number: usize, span: (f64, f64)) -> Result<Line, ReportError> {
        let unit = self.measure.unit;
        let last = self.latest();
        let (at, value, low, high) = self.points[last];
        let known: Vec<&plot::Point> = self.points.iter().filter(|p| p.1.is_finite()).collect();
        let description = match (known.first(), known.last()) {
            (Some(a), Some(b)) => format!(
                "From {} in {} to {} in {}.",
                unit.value(a.1),
                plot::month(a.0 as i32),
                unit.value(b.1),
                plot::month(b.0 as i32)
            ),
            _ => "No value is known.".to_owned(),
        };
        let title = format!("{} by month", self.measure.words);
        let id = format!("service-{number}");
        let words = Words { id: &id, title: &title, description: &description, x: "", y: "" };
        let [change, change_low, change_high] = self.change;
        let n = self.n[last].max(0) as u64;
        let (one, many) = match self.measure.name {
            "mtbf_days" => ("failure", "failures"),
            "availability" => ("outage", "outages"),
            "csat" => ("answer", "answers"),
            "proactive_share" => ("piece of work", "pieces of work"),
            _ => ("incident", "incidents"),
        };
        let month = plot::month(at as i32);
        Ok(Line {
            measure: self.measure.words,
            level: foreign(&self.level, 20),
            id: foreign(&self.id, 60),
            value: unit.value(value),
            range: unit.range(low, high),
            rests_on: if unit == Unit::Count { month } else { format!("{month}, {}", counted(n, one, many)) },
            plot: Value::from_safe_string(plot::small(&self.points, span, &words)?),
            sign: match self.trend.as_str() {
                "rising" => "▲",
                "falling" => "▼",
                "steady" => "=",
                _ => "?",
            },
            trend: match self.trend.as_str() {
                "rising" | "falling" | "steady" => self.trend.clone(),
                _ => "too little data".to_owned(),
            },
            change: if change.is_finite() && change_low.is_finite() && change_high.is_finite() {
                format!(
                    "{} a year ({} to {})",
                    unit.change(change),
                    unit.change(change_low),
                    unit.change(change_high)
                )
            } else {
                String::new()
            },
            sense: self.sense(),
        })
    }
}

fn series(tables: &RunTables) -> Result<Vec<Series>, ReportError> {
    let df = &tables.service;
    let e = table("service");
    let texts = |c: &str| rows::texts(df, c).map_err(&e);
    let numbers = |c: &str| rows::numbers(df, c).map_err(&e);
    let (measure, level, id, trend) =
        (texts("measure")?, texts("level")?, texts("series_id")?, texts("trend")?);
    let (at, n) = (rows::times(df, "ds").map_err(&e)?, rows::wholes(df, "n").map_err(&e)?);
    let (value, low, high) = (numbers("value")?, numbers("low")?, numbers("high")?);
    let changes = [numbers("change")?, numbers("change_low")?, numbers("change_high")?];
    let mut out: Vec<Series> = Vec::new();
    for i in 0..df.height() {
        let Some(known) = MEASURES.iter().find(|m| measure[i].as_deref() == Some(m.name)) else { continue };
        let Some(at) = at[i] else { continue };
        let (level, id) = (level[i].clone().unwrap_or_default(), id[i].clone().unwrap_or_default());
        let same = out.iter().rposition(|s| s.measure.name == known.name && s.level == level && s.id == id);
        let place = same.unwrap_or_else(|| {
            out.push(Series {
                measure: *known,
                level,
                id,
                points: Vec::new(),
                n: Vec::new(),
                trend: trend[i].clone().unwrap_or_default(),
                change: [changes[0][i], changes[1][i], changes[2][i]],
            });
            out.len() - 1
        });
        // Days that no calendar has would not be written; a damaged table must not stop the page.
        let day = (at.div_euclid(DAY) as f64).clamp(-500_000.0, 500_000.0);
        out[place].points.push((day, value[i], low[i], high[i]));
        out[place].n.push(n[i].unwrap_or(0));
    }
    Ok(out)
}

/// `2 measures got better (Reopened, …), 1 got worse (Incidents); the others are steady.`
fn summary(total: &[&Series], last: f64, span: usize) -> String {
    let Some(incidents) = total.iter().find(|s| s.measure.unit == Unit::Count) else {
        return format!("Up to {}, by month.", plot::month(last as i32));
    };
    let restored = total
        .iter()
        .find(|s| s.measure.unit == Unit::Hours)
        .map(|s| format!(", restored after {} on average", Unit::Hours.value(s.points[s.latest()].1)));
    let head = format!(
        "In {} there were {} incidents{}.",
        plot::month(last as i32),
        Unit::Count.value(incidents.points[incidents.latest()].1),
        restored.unwrap_or_default()
    );
    let named = |sense: &str| -> Vec<String> {
        total.iter().filter(|s| s.sense() == sense).map(|s| s.measure.words.to_lowercase()).collect()
    };
    let months = counted(span as u64, "month", "months");
    let tail = match (named("worse"), named("better")) {
        (worse, better) if worse.is_empty() && better.is_empty() => {
            format!("Over the last {months} nothing moved in total by more than chance explains.")
        }
        (worse, better) => {
            let part = |names: &[String], what: &str| match names {
                [] => None,
                names => Some(format!("{what}: {}", names.join(", "))),
            };
            let parts: Vec<String> =
                [part(&worse, "got worse"), part(&better, "got better")].into_iter().flatten().collect();
            format!("Over the last {months} {}. The rest shows no trend beyond chance.", parts.join("; "))
        }
    };
    format!("{head} {tail}")
}

/// See [`Service`].
pub(crate) fn service(tables: &RunTables, limits: Limits) -> Result<Service, ReportError> {
    let all = series(tables)?;
    let days = || all.iter().flat_map(|s| s.points.iter().map(|p| p.0));
    let span = (days().fold(f64::INFINITY, f64::min), days().fold(f64::NEG_INFINITY, f64::max));
    let total: Vec<&Series> = all.iter().filter(|s| s.level == "total").collect();
    let parts = || all.iter().filter(|s| s.level != "total");
    let n_months = total.iter().map(|s| s.points.len()).max().unwrap_or(0);
    let worse = parts().filter(|s| s.sense() == "worse");
    let moved: Vec<&Series> = worse.chain(parts().filter(|s| s.sense() == "better")).collect();
    let most = MOVED.min(limits.lines);
    let still = parts().count() - moved.len();
    let lines = |of: &[&Series], from: usize| {
        of.iter().enumerate().map(|(i, s)| s.line(from + i, span)).collect::<Result<Vec<_>, _>>()
    };
    Ok(Service {
        words: if total.is_empty() { String::new() } else { summary(&total, span.1, n_months) },
        total: lines(&total, 0)?,
        moved: lines(&moved[..moved.len().min(most)], total.len())?,
        moved_hidden: moved.len().saturating_sub(most),
        others: if still > 0 { counted(still as u64, "series", "series") } else { String::new() },
    })
}
