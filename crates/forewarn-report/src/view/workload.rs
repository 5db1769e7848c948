//! How much is coming: expected incidents of the next week and four weeks against the usual, and what will leave its usual
//! range. It adds up nothing: every number stands in a table.

use forewarn_frames::output::RunTables;
use minijinja::value::Value;
use serde::Serialize;

use super::Limits;
use crate::error::{ReportError, table};
use crate::number::{counted, plain};
use crate::plot::{self, Size, Words};
use crate::rows;
use crate::text::foreign;

/// Series shown of each kind, at most.
const SHOWN: usize = 40;
const WIDE: Size = Size { width: 820, height: 300, right: 24 };
const NARROW: Size = Size { width: 350, height: 280, right: 24 };

/// The part on workload; `None` where nothing was counted.
#[derive(Serialize)]
pub(crate) struct Workload {
    words: Vec<String>,
    plot: Option<Plot>,
    leaving: Vec<Series>,
    hidden_leaving: usize,
    largest: Vec<Series>,
    hidden: usize,
}

#[derive(Serialize)]
struct Plot {
    wide: Value,
    narrow: Value,
}

/// One series in one window.
#[derive(Serialize, Clone)]
struct Series {
    level: String,
    id: String,
    window: String,
    expected: String,
    range: String,
    usual: String,
    verdict: &'static str,
    above: bool,
}

/// A row of the table `workload`.
struct Row {
    id: String,
    level: String,
    days: i64,
    mean: f64,
    low: f64,
    high: f64,
    usual: [f64; 3],
    verdict: String,
}

/// `12` or `3.4`: what is expected, with one digit where it is little.
fn many(x: f64) -> String {
    if x.is_finite() {
        plain(if x < 10.0 { (x * 10.0).round() / 10.0 } else { x.round() })
    } else {
        "–".to_owned()
    }
}

fn range(low: f64, high: f64) -> String {
    if low.is_finite() && high.is_finite() {
        format!("{}–{}", many(low), many(high))
    } else {
        String::new()
    }
}

fn window(days: i64) -> String {
    match days {
        7 => "next 7 days".to_owned(),
        28 => "next 4 weeks".to_owned(),
        n => format!("next {}", counted(n.max(0) as u64, "day", "days")),
    }
}

impl Row {
    fn shown(&self) -> Series {
        let [usual, low, high] = self.usual;
        let usual_range = range(low, high);
        Series {
            level: foreign(&self.level, 40),
            id: foreign(&self.id, 60),
            window: window(self.days),
            expected: many(self.mean),
            range: range(self.low, self.high),
            usual: if usual.is_finite() {
                format!("{} ({usual_range})", many(usual))
            } else {
                "not known yet".to_owned()
            },
            verdict: match self.verdict.as_str() {
                "above" => "above its usual range",
                "below" => "below its usual range",
                "usual" => "as usual",
                _ => "too new to tell",
            },
            above: self.verdict == "above",
        }
    }

    /// `In the next 7 days 1,234 incidents are expected (80 % interval 1,100–1,380); usual are 1,200 (1,050–1,350).`
    fn sentence(&self) -> String {
        let head = format!(
            "In the {} {} incidents are expected (80\u{a0}% interval {})",
            window(self.days),
            many(self.mean),
            range(self.low, self.high)
        );
        let [usual, low, high] = self.usual;
        if usual.is_finite() {
            format!("{head}; usual are {} ({}).", many(usual), range(low, high))
        } else {
            format!("{head}; there are too few weeks to say what is usual.")
        }
    }
}

fn table_rows(tables: &RunTables) -> Result<Vec<Row>, ReportError> {
    let df = &tables.workload;
    let e = table("workload");
    let text = |name: &str| rows::texts(df, name).map_err(&e);
    let number = |name: &str| rows::numbers(df, name).map_err(&e);
    let (id, level, verdict) = (text("series_id")?, text("level")?, text("verdict")?);
    let days = rows::wholes(df, "days").map_err(&e)?;
    let (mean, low, high) = (number("mean")?, number("low")?, number("high")?);
    let (usual, usual_low, usual_high) = (number("usual")?, number("usual_low")?, number("usual_high")?);
    Ok((0..df.height())
        .map(|i| Row {
            id: id[i].clone().unwrap_or_default(),
            level: level[i].clone().unwrap_or_default(),
            days: days[i].unwrap_or(0),
            mean: mean[i],
            low: low[i],
            high: high[i],
            usual: [usual[i], usual_low[i], usual_high[i]],
            verdict: verdict[i].clone().unwrap_or_default(),
        })
        .collect())
}

/// See [`Workload`].
pub(crate) fn workload(tables: &RunTables, limits: Limits) -> Result<Option<Workload>, ReportError> {
    let all = table_rows(tables)?;
    if all.is_empty() {
        return Ok(None);
    }
    let words = all.iter().filter(|r| r.level == "total").map(Row::sentence).collect();
    let most = SHOWN.min(limits.lines);
    let mut parts: Vec<&Row> = all.iter().filter(|r| r.level != "total").collect();
    // The largest first; ties by name, so that two runs list alike.
    parts.sort_by(|a, b| {
        b.mean.total_cmp(&a.mean).then_with(|| (&a.level, &a.id, a.days).cmp(&(&b.level, &b.id, b.days)))
    });
    let above = parts.iter().filter(|r| r.verdict == "above");
    let mut leaving: Vec<Series> =
        above.chain(parts.iter().filter(|r| r.verdict == "below")).map(|r| r.shown()).collect();
    let hidden_leaving = leaving.len().saturating_sub(most);
    leaving.truncate(most);
    let weeks: Vec<&&Row> = parts.iter().filter(|r| r.days == 7 && r.mean > 0.0).collect();
    Ok(Some(Workload {
        words,
        plot: plot(tables)?,
        leaving,
        hidden_leaving,
        largest: weeks.iter().take(most).map(|r| r.shown()).collect(),
        hidden: weeks.len().saturating_sub(most),
    }))
}

/// The total of late and to come, by its shortest period.
fn plot(tables: &RunTables) -> Result<Option<Plot>, ReportError> {
    let df = &tables.plot_series;
    let e = table("plot_series");
    let name = rows::texts(df, "plot").map_err(&e)?;
    let (x, y) = (rows::numbers(df, "x").map_err(&e)?, rows::numbers(df, "y").map_err(&e)?);
    let mut came: Vec<(f64, f64)> = (0..df.height())
        .filter(|i| name[*i].as_deref() == Some("incidents") && x[*i].is_finite() && y[*i].is_finite())
        .map(|i| (x[i], y[i]))
        .collect();
    came.sort_by(|a, b| a.0.total_cmp(&b.0));
    let df = &tables.forecasts;
    let e = table("forecasts");
    let (level, every) = (rows::texts(df, "level").map_err(&e)?, rows::texts(df, "every").map_err(&e)?);
    let at = rows::times(df, "ds").map_err(&e)?;
    let [mean, low, high] = ["mean", "q10", "q90"].map(|c| rows::numbers(df, c));
    let (mean, low, high) = (mean.map_err(&e)?, low.map_err(&e)?, high.map_err(&e)?);
    let shortest = ["1d", "1w", "1mo"].into_iter().find(|p| {
        every.iter().zip(&level).any(|(e, l)| e.as_deref() == Some(p) && l.as_deref() == Some("total"))
    });
    let Some(shortest) = shortest else { return Ok(None) };
    let mut ahead: Vec<(f64, f64, f64, f64)> = (0..df.height())
        .filter(|i| level[*i].as_deref() == Some("total") && every[*i].as_deref() == Some(shortest))
        .filter_map(|i| Some(((at[i]? / forewarn_frames::time::DAY) as f64, mean[i], low[i], high[i])))
        .filter(|p| p.0.is_finite() && p.1.is_finite() && p.2.is_finite() && p.3.is_finite())
        .collect();
    ahead.sort_by(|a, b| a.0.total_cmp(&b.0));
    if ahead.is_empty() {
        return Ok(None);
    }
    let unit = match shortest {
        "1d" => "day",
        "1w" => "week",
        _ => "month",
    };
    let sum = |values: &mut dyn Iterator<Item = f64>| many(values.sum());
    let description = format!(
        "Incidents a {unit}: {} in the last {}, {} expected in the next {}.",
        sum(&mut came.iter().map(|p| p.1)),
        counted(came.len() as u64, unit, &format!("{unit}s")),
        sum(&mut ahead.iter().map(|p| p.1)),
        counted(ahead.len() as u64, unit, &format!("{unit}s")),
    );
    let y_name = format!("Incidents a {unit}");
    let words = Words {
        id: "incidents",
        title: "Incidents of late and to come",
        description: &description,
        x: "Date",
        y: &y_name,
    };
    let today = foreign(&tables.facts.as_of, 20);
    let draw = |size| plot::incidents(&came, &ahead, &today, size, &words).map(Value::from_safe_string);
    Ok(Some(Plot { wide: draw(WIDE)?, narrow: draw(NARROW)? }))
}
