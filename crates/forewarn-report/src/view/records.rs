//! What was recorded of an asset, for its card: tickets, what happened to it, and the metrics that its reasons name. It does
//! not know the card.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use forewarn_frames::output::RunTables;
use forewarn_frames::time::{DAY, Micros, day_number, format_day};
use minijinja::value::Value;
use serde::Serialize;

use crate::error::{ReportError, table};
use crate::number::{plain, whole};
use crate::plot::{Words, trace};
use crate::rows;
use crate::text::foreign;

/// Tickets, things that happened, and metrics of an asset, at most: a table from elsewhere may hold any number.
const TICKETS: usize = 8;
const HISTORY: usize = 16;
const METRICS: usize = 3;
/// Days of a metric that are drawn.
const DAYS: i64 = 90;
/// The length at which a ticket's text is cut, in characters.
const TEXT: usize = 100;

/// What was recorded of one asset.
#[derive(Serialize, Default)]
pub(crate) struct Records {
    tickets: Vec<Ticket>,
    /// Failures, events and earlier lists, the latest first.
    history: Vec<Dated>,
    metrics: Vec<Metric>,
}

#[derive(Serialize)]
struct Ticket {
    id: String,
    /// Where it can be read; `None` where the config does not say.
    url: Option<String>,
    when: String,
    priority: String,
    text: String,
}

#[derive(Serialize)]
struct Dated {
    when: String,
    /// In one word; the rest follows.
    what: String,
    more: String,
    failed: bool,
}

#[derive(Serialize)]
struct Metric {
    name: String,
    last: String,
    range: String,
    drawing: Value,
}

/// One row of the table.
struct Row {
    kind: String,
    at: Micros,
    name: Option<String>,
    value: f64,
    text: Option<String>,
}

/// The records of each of the assets; those of which nothing is recorded are missing. `None` where the run saved no such
/// table, as those of an earlier version did.
///
/// # Errors
///
/// A column is not of its schema's type, or a plot cannot be drawn.
pub(crate) fn records(
    tables: &RunTables,
    wanted: &BTreeSet<&str>,
) -> Result<Option<BTreeMap<String, Records>>, ReportError> {
    let df = &tables.cards;
    if df.height() == 0 {
        return Ok(None);
    }
    let e = table("cards");
    let [ids, kinds, names, texts] = ["asset_id", "kind", "name", "text"].map(|c| rows::texts(df, c));
    let (ids, kinds, names, texts) =
        (ids.map_err(&e)?, kinds.map_err(&e)?, names.map_err(&e)?, texts.map_err(&e)?);
    let at = rows::times(df, "at").map_err(&e)?;
    let values = rows::numbers(df, "value").map_err(&e)?;
    let mut of: BTreeMap<String, Vec<Row>> = BTreeMap::new();
    for i in 0..df.height() {
        let (Some(id), Some(kind), Some(at)) = (&ids[i], &kinds[i], at[i]) else { continue };
        if wanted.contains(id.as_str()) {
            of.entry(id.clone()).or_default().push(Row {
                kind: kind.clone(),
                at,
                name: names[i].clone(),
                value: values[i],
                text: texts[i].clone(),
            });
        }
    }
    let end = forewarn_frames::Cutoff::parse(&tables.facts.as_of).ok().map(|c| i64::from(c.day()));
    let template = tables.facts.ticket_url.as_deref();
    of.into_iter()
        .enumerate()
        .map(|(i, (id, rows))| Ok((id, one(i, &rows, end, template)?)))
        .collect::<Result<_, _>>()
        .map(Some)
}

fn day(at: Micros) -> String {
    format_day(day_number(at))
}

fn one(i: usize, rows: &[Row], end: Option<i64>, template: Option<&str>) -> Result<Records, ReportError> {
    let text = |t: Option<&String>, most: usize| t.map(|t| foreign(t, most)).unwrap_or_default();
    let mut sorted: Vec<&Row> = rows.iter().collect();
    // Stable: what came at the same time stays in the table's order.
    sorted.sort_by_key(|r| std::cmp::Reverse(r.at));
    let tickets = sorted.iter().filter(|r| r.kind == "ticket").take(TICKETS).map(|r| Ticket {
        id: r.name.as_deref().map_or_else(|| "–".to_owned(), |n| foreign(n, 60)),
        url: template.zip(r.name.as_deref()).map(|(t, id)| ticket_url(t, id)),
        when: day(r.at),
        priority: if r.value.is_finite() { format!("P{}", plain(r.value)) } else { String::new() },
        text: text(r.text.as_ref(), TEXT),
    });
    let history = sorted.iter().filter_map(|r| {
        let what = match r.kind.as_str() {
            "failure" => "failed".to_owned(),
            "event" => text(r.name.as_ref(), 40),
            "listed" if r.value.is_finite() => format!("on the list, place {}", plain(r.value)),
            "listed" => "on the list".to_owned(),
            _ => return None,
        };
        Some(Dated { when: day(r.at), what, more: text(r.text.as_ref(), TEXT), failed: r.kind == "failure" })
    });
    let mut by_metric: Vec<(&str, Vec<(f64, f64)>)> = Vec::new();
    for r in rows.iter().filter(|r| r.kind == "reading" && r.value.is_finite()) {
        let Some(name) = r.name.as_deref() else { continue };
        let point = (r.at.div_euclid(DAY) as f64, r.value);
        if let Some(k) = by_metric.iter().position(|m| m.0 == name) {
            by_metric[k].1.push(point);
        } else if by_metric.len() < METRICS {
            by_metric.push((name, vec![point]));
        }
    }
    let metrics =
        by_metric.into_iter().enumerate().map(|(k, (name, points))| metric(i, k, name, points, end));
    Ok(Records {
        tickets: tickets.collect(),
        history: history.take(HISTORY).collect(),
        metrics: metrics.collect::<Result<_, _>>()?,
    })
}

/// The line of one metric, and its numbers in words.
fn metric(
    i: usize,
    k: usize,
    name: &str,
    mut points: Vec<(f64, f64)>,
    end: Option<i64>,
) -> Result<Metric, ReportError> {
    points.sort_by(|a, b| a.0.total_cmp(&b.0));
    let last_day = end.map_or_else(|| points.last().map_or(0.0, |p| p.0), |e| (e - 1) as f64);
    let first_day = last_day - (DAYS - 1) as f64;
    points.retain(|p| p.0 >= first_day && p.0 <= last_day);
    let (low, high) =
        points.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |e, p| (e.0.min(p.1), e.1.max(p.1)));
    let last = points.last().map_or(f64::NAN, |p| p.1);
    let range = if low < high { format!("{} to {}", plain(low), plain(high)) } else { String::new() };
    let name = foreign(name, 60);
    let description = if range.is_empty() {
        format!("{} throughout", plain(last))
    } else {
        format!("between {} and {}; {} at last", plain(low), plain(high), plain(last))
    };
    // Few points over many days: a value that is written when it changes, and holds until then.
    let held = points.len() < 10;
    let drawing = trace(
        &points,
        (first_day, last_day),
        held,
        &Words {
            id: &format!("record-{i}-{k}"),
            title: &format!("{name} by day, the last {} days", whole(DAYS as u64)),
            description: &description,
            x: "",
            y: "",
        },
    )?;
    Ok(Metric { name, last: plain(last), range, drawing: Value::from_safe_string(drawing) })
}

/// The address of a ticket: `{id}` of the template, percent-encoded, so that an id cannot leave its place in the address.
fn ticket_url(template: &str, id: &str) -> String {
    // Longer ones are no ids, and an address that is cut leads to another ticket; it then leads nowhere.
    let id: String = id.chars().take(200).collect();
    let mut encoded = String::with_capacity(id.len());
    for b in id.bytes() {
        if b.is_ascii_alphanumeric() || b"-._~".contains(&b) {
            encoded.push(char::from(b));
        } else {
            // Writing to a String does not fail.
            let _ = write!(encoded, "%{b:02X}");
        }
    }
    // `.` and `..` alone would be steps in the path.
    if encoded.bytes().all(|b| b == b'.') {
        encoded = encoded.replace('.', "%2E");
    }
    template.replace("{id}", &encoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_stays_in_its_place_in_the_address() {
        let check = |id: &str, want: &str| {
            assert_eq!(
                ticket_url("https://desk.example/t/{id}?v=1", id),
                format!("https://desk.example/t/{want}?v=1")
            );
        };
        check("INC0010023", "INC0010023");
        check("a b/c?d#e", "a%20b%2Fc%3Fd%23e");
        check("\"><script>", "%22%3E%3Cscript%3E");
        check("ü", "%C3%BC");
        check("..", "%2E%2E");
        check("{id}", "%7Bid%7D");
        check(&"x".repeat(1_000), &"x".repeat(200));
    }
}
