//! What gets worse: series that move, change or stand out, and when they cross their thresholds. It does not know how any
//! of it was found.

use std::collections::{BTreeMap, BTreeSet};

use forewarn_frames::output::RunTables;
use forewarn_frames::time::{DAY, format_day};
use minijinja::value::Value;
use serde::Serialize;

use super::Limits;
use super::problems::day;
use crate::error::{ReportError, table};
use crate::number::{counted, fixed, plain, whole};
use crate::plot::{self, Course, Size, Words};
use crate::rows;
use crate::text::{LONG, foreign};

/// Series with a card of their own, at most.
const CARDS: usize = 6;
/// Findings on a card, at most.
const ON_CARD: usize = 4;
/// Rows of the table, at most.
const ROWS: usize = 40;
/// Storms, at most.
const STORMS: usize = 10;
/// Points of a plotted series, at most.
const POINTS: usize = 200;
/// How far days to a threshold are foretold.
const LONGEST: &str = "180 days";
/// Days that count as soon.
const SOON: f64 = 30.0;
const WIDE: Size = Size { width: 560, height: 260, right: 18 };
const NARROW: Size = Size { width: 350, height: 250, right: 14 };

/// The part on degradations.
#[derive(Serialize)]
pub(crate) struct Worse {
    /// Empty where nothing gets worse.
    summary: String,
    /// What many assets show at once.
    storms: Vec<Storm>,
    hidden_storms: usize,
    cards: Vec<Card>,
    rows: Vec<Line>,
    hidden: usize,
}

#[derive(Serialize)]
struct Storm {
    kind: &'static str,
    assets: String,
    when: String,
    metrics: String,
    text: String,
    examples: Vec<String>,
    related: String,
    soonest: String,
}

/// A series with all that was found on it.
#[derive(Serialize)]
struct Card {
    number: usize,
    asset: String,
    metric: String,
    status: &'static str,
    found: Vec<Found>,
    more: usize,
    /// Of when `now` is.
    when: String,
    now: String,
    usual: String,
    /// Empty where there is none, and none is foretold to be crossed.
    threshold: String,
    until: Until,
    plot: Option<Plot>,
}

#[derive(Serialize)]
struct Found {
    kind: &'static str,
    since: String,
    text: String,
    related: String,
}

#[derive(Serialize)]
struct Plot {
    wide: Value,
    narrow: Value,
}

#[derive(Serialize)]
struct Line {
    asset: String,
    metric: String,
    kind: &'static str,
    text: String,
    since: String,
    now: String,
    usual: String,
    threshold: String,
    status: &'static str,
    until: Until,
    related: String,
}

/// Days until a threshold is crossed.
#[derive(Debug, Serialize, PartialEq, Eq)]
struct Until {
    median: String,
    range: String,
}

/// A row of the table `degradations`; numbers that are not there are not finite.
struct Row {
    asset: String,
    metric: String,
    kind: String,
    since: Option<i64>,
    value: f64,
    threshold: f64,
    eta: [f64; 3],
    text: String,
    expected: f64,
    related: String,
    n_assets: i64,
}

/// A level or a threshold in words; `–` where there is none.
fn level(x: f64) -> String {
    if x.is_finite() { plain(x) } else { "–".to_owned() }
}

/// So many days: one digit where they are few.
fn days(x: f64) -> String {
    fixed(x, usize::from(x < 9.95), true)
}

/// `41 days` and `20 to more than 180`; `crossed`; `not within 180 days`.
fn until(threshold: f64, [median, low, high]: [f64; 3]) -> Until {
    let said = |median: &str, range: String| Until { median: median.to_owned(), range };
    if median <= 0.0 {
        return said("crossed", String::new());
    }
    if median.is_finite() {
        let median = days(median);
        let unit = if median == "1" { "day" } else { "days" };
        let range = match (low.is_finite(), high.is_finite()) {
            (true, true) => format!("{}–{}", days(low.max(0.0)), days(high)),
            (true, false) => format!("{} to more than {LONGEST}", days(low.max(0.0))),
            _ => String::new(),
        };
        return said(&format!("{median}\u{a0}{unit}"), range);
    }
    match (threshold.is_finite(), low.is_finite()) {
        (true, true) => {
            said(&format!("not within {LONGEST}"), format!("one in ten before {} days", days(low.max(0.0))))
        }
        (true, false) => said(&format!("not within {LONGEST}"), String::new()),
        _ => said("–", String::new()),
    }
}

/// What is worth a mark: `crossed`, `soon`, or nothing.
fn status(eta: f64) -> &'static str {
    match eta {
        e if e <= 0.0 => "crossed",
        e if e <= SOON => "soon",
        _ => "",
    }
}

impl Row {
    fn kind(&self) -> &'static str {
        match self.kind.as_str() {
            "trend" => "trend",
            "change_point" => "change point",
            "anomaly" => "anomaly",
            "peer" => "unlike its peers",
            _ => "finding",
        }
    }

    fn text(&self) -> String {
        foreign(&self.text, LONG)
    }

    /// What was usual before, in words; empty where it is not known.
    fn usual(&self) -> String {
        if self.expected.is_finite() { plain(self.expected) } else { String::new() }
    }

    fn found(&self) -> Found {
        Found {
            kind: self.kind(),
            since: day(self.since),
            text: self.text(),
            related: foreign(&self.related, 120),
        }
    }

    fn line(&self) -> Line {
        Line {
            asset: foreign(&self.asset, 80),
            metric: foreign(&self.metric, 60),
            kind: self.kind(),
            text: self.text(),
            since: day(self.since),
            now: level(self.value),
            usual: self.usual(),
            threshold: level(self.threshold),
            status: status(self.eta[0]),
            until: until(self.threshold, self.eta),
            related: foreign(&self.related, 120),
        }
    }

    /// The day of `since`, counted from 1970.
    fn day(&self) -> Option<i64> {
        self.since.map(|at| at.div_euclid(DAY))
    }
}

fn table_rows(tables: &RunTables) -> Result<Vec<Row>, ReportError> {
    let df = &tables.degradations;
    let e = table("degradations");
    let text = |name: &str| rows::texts(df, name).map_err(&e);
    let number = |name: &str| rows::numbers(df, name).map_err(&e);
    let (asset, metric, kind) = (text("asset_id")?, text("metric")?, text("kind")?);
    let (words, related) = (text("text")?, text("related")?);
    let since = rows::times(df, "since").map_err(&e)?;
    let n = rows::wholes(df, "n_assets").map_err(&e)?;
    let (value, threshold, expected) = (number("value")?, number("threshold")?, number("expected")?);
    let (eta, low, high) = (number("eta_days")?, number("eta_low")?, number("eta_high")?);
    Ok((0..df.height())
        .map(|i| Row {
            asset: asset[i].clone().unwrap_or_default(),
            metric: metric[i].clone().unwrap_or_default(),
            kind: kind[i].clone().unwrap_or_default(),
            since: since[i],
            value: value[i],
            threshold: threshold[i],
            eta: [eta[i], low[i], high[i]],
            text: words[i].clone().unwrap_or_default(),
            expected: expected[i],
            related: related[i].clone().unwrap_or_default(),
            n_assets: n[i].unwrap_or(1),
        })
        .collect())
}

/// The kind of a level that moves, as the table has it.
const TREND: &str = "trend";

/// `12 metrics of 9 assets get worse or behave unusually. …`
fn summary(all: &[Row], n_storms: usize) -> String {
    // What many show at once is told apart.
    let alone = || all.iter().filter(|r| r.n_assets <= 1);
    let series: BTreeSet<(&str, &str)> = alone().map(|r| (&*r.asset, &*r.metric)).collect();
    let assets: BTreeSet<&str> = alone().map(|r| &*r.asset).collect();
    let verb =
        if series.len() == 1 { "gets worse or behaves unusually" } else { "get worse or behave unusually" };
    // A threshold counts once, however many findings name it.
    let mut etas: BTreeMap<(&str, &str, u64), f64> = BTreeMap::new();
    for r in all.iter().filter(|r| r.threshold.is_finite() || r.eta[0].is_finite()) {
        let first = etas.entry((&r.asset, &r.metric, r.threshold.to_bits())).or_insert(f64::INFINITY);
        *first = first.min(r.eta[0]);
    }
    let of = |s: &str| etas.values().filter(|e| status(**e) == s).count() as u64;
    let (soon, crossed) = (of("soon"), of("crossed"));
    let thresholds = if etas.is_empty() {
        "None of them has a threshold, so no crossing is foretold.".to_owned()
    } else {
        let ahead = if soon == 0 {
            "No further threshold is likely to be crossed within the next 30 days".to_owned()
        } else {
            format!(
                "{} will, with a chance of one half or more, be crossed within the next 30 days",
                counted(soon, "threshold", "thresholds")
            )
        };
        let now = match crossed {
            0 => "none is crossed now".to_owned(),
            n => format!("{} crossed already", counted(n, "is", "are")),
        };
        format!("{ahead}; {now}.")
    };
    let storms = match n_storms {
        0 => String::new(),
        1 => " Once, many assets show the same at the same time.".to_owned(),
        n => format!(" {} times, many assets show the same at the same time.", whole(n as u64)),
    };
    format!(
        "{} of {} {verb}. {thresholds}{storms}",
        counted(series.len() as u64, "metric", "metrics"),
        counted(assets.len() as u64, "asset", "assets"),
    )
}

/// A day, where one is known, and a row.
type Dated = (Option<i64>, usize);

/// Rows of one kind that many assets show, gathered where no more than a day lies between one and the next, and trends of one
/// metric whenever they began; in the order of the table.
fn storms(all: &[Row]) -> Vec<Vec<&Row>> {
    // Which way a trend goes is told by how many go along.
    let mut kinds: BTreeMap<(&str, &str, i64), Vec<Dated>> = BTreeMap::new();
    for (i, r) in all.iter().enumerate().filter(|(_, r)| r.n_assets > 1) {
        let apart = if r.kind == TREND { (&*r.metric, r.n_assets) } else { ("", 0) };
        kinds.entry((&r.kind, apart.0, apart.1)).or_default().push((r.day(), i));
    }
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for ((kind, ..), mut rows) in kinds {
        rows.sort_unstable();
        let mut last = None;
        for (at, i) in rows {
            // Rows of which no day is known stand together.
            let near = last.is_some_and(|l: Option<i64>| match (l, at) {
                (Some(l), Some(a)) => kind == TREND || a - l <= 1,
                (None, None) => true,
                _ => false,
            });
            match groups.last_mut().filter(|_| near) {
                Some(group) => group.push(i),
                None => groups.push(vec![i]),
            }
            last = Some(at);
        }
    }
    for group in &mut groups {
        group.sort_unstable();
    }
    groups.sort_unstable();
    groups.into_iter().map(|g| g.into_iter().map(|i| &all[i]).collect()).collect()
}

/// The texts by how often they stand there, the most frequent first; those alike in order of their first row.
fn frequent<'a>(texts: impl Iterator<Item = &'a str>) -> Vec<(&'a str, usize)> {
    let mut counts: Vec<(&str, usize)> = Vec::new();
    let mut at: BTreeMap<&str, usize> = BTreeMap::new();
    for t in texts.filter(|t| !t.is_empty()) {
        let k = *at.entry(t).or_insert(counts.len());
        match counts.get_mut(k) {
            Some(c) => c.1 += 1,
            None => counts.push((t, 1)),
        }
    }
    counts.sort_by_key(|c| std::cmp::Reverse(c.1));
    counts
}

/// One storm in words. Its text is that of its first row.
fn storm(group: &[&Row]) -> Option<Storm> {
    let first = group.first()?;
    let assets = frequent(group.iter().map(|r| &*r.asset));
    let n = group.iter().map(|r| r.n_assets.max(0) as u64).max()?.max(assets.len() as u64);
    let metrics = frequent(group.iter().map(|r| &*r.metric));
    let mut named: Vec<String> = metrics.iter().take(3).map(|m| foreign(m.0, 60)).collect();
    if metrics.len() > named.len() {
        named.push(format!("{} more", whole((metrics.len() - named.len()) as u64)));
    }
    let (from, to) = (group.iter().filter_map(|r| r.since).min(), group.iter().filter_map(|r| r.since).max());
    let when = match (day(from), day(to)) {
        (from, to) if from == to => from,
        (from, to) => format!("{from} to {to}"),
    };
    let soonest = group.iter().map(|r| r.eta[0]).fold(f64::INFINITY, f64::min);
    Some(Storm {
        kind: first.kind(),
        assets: counted(n, "asset", "assets"),
        when,
        metrics: named.join(", "),
        text: first.text().trim_end_matches('.').to_owned(),
        examples: assets.iter().take(5).map(|a| foreign(a.0, 60)).collect(),
        related: frequent(group.iter().map(|r| &*r.related))
            .first()
            .map_or_else(String::new, |(text, _)| foreign(text, 120)),
        soonest: if soonest <= 0.0 {
            "a threshold is crossed already".to_owned()
        } else if soonest.is_finite() {
            format!("the first threshold is crossed in {} days", days(soonest))
        } else {
            String::new()
        },
    })
}

/// The name of a series in `plot_series`.
fn series(row: &Row) -> String {
    format!("{}\u{1f}{}", row.asset, row.metric)
}

/// The part on what gets worse.
///
/// # Errors
///
/// A column is not of its schema's type, or a plot cannot be drawn.
pub(crate) fn worse(tables: &RunTables, limits: Limits) -> Result<Worse, ReportError> {
    let all = table_rows(tables)?;
    let gathered = storms(&all);
    let most_storms = STORMS.min(limits.lines);
    let shown_storms: Vec<Storm> = gathered.iter().take(most_storms).filter_map(|g| storm(g)).collect();
    // A card is of a series, and holds all that was found on it, in the order of the table.
    let mut order: Vec<(&str, &str)> = Vec::new();
    let most_cards = CARDS.min(limits.lines.div_ceil(16));
    for r in all.iter().filter(|r| r.n_assets <= 1) {
        let key = (&*r.asset, &*r.metric);
        if order.len() < most_cards && !order.contains(&key) {
            order.push(key);
        }
    }
    let groups: Vec<Vec<&Row>> =
        order.iter().map(|key| all.iter().filter(|r| (&*r.asset, &*r.metric) == *key).collect()).collect();
    let plots = plots(tables, &groups)?;
    let cards = groups.iter().zip(plots).enumerate().map(|(k, (g, p))| card(k, g, p)).collect();
    let rest: Vec<&Row> =
        all.iter().filter(|r| r.n_assets <= 1 && !order.contains(&(&*r.asset, &*r.metric))).collect();
    let most = ROWS.min(limits.lines);
    Ok(Worse {
        summary: if all.is_empty() { String::new() } else { summary(&all, gathered.len()) },
        hidden_storms: gathered.len() - shown_storms.len(),
        storms: shown_storms,
        cards,
        rows: rest.iter().take(most).map(|r| r.line()).collect(),
        hidden: rest.len().saturating_sub(most),
    })
}

/// The row that speaks for a series: the one that foretells a crossing, or else the first.
fn speaker<'a>(group: &[&'a Row]) -> Option<&'a Row> {
    let foretells = |r: &&&Row| r.eta[0].is_finite();
    let has_threshold = |r: &&&Row| r.threshold.is_finite();
    let first = group.iter().find(foretells).or_else(|| group.iter().find(has_threshold));
    first.or(group.first()).copied()
}

fn card(k: usize, group: &[&Row], plot: Option<Plot>) -> Card {
    // A group holds the row that made it.
    let of = |f: &dyn Fn(&Row) -> f64| speaker(group).map_or(f64::NAN, f);
    let (asset, metric) = group.first().map_or(("", ""), |r| (&*r.asset, &*r.metric));
    let (threshold, eta) = (of(&|r| r.threshold), [0, 1, 2].map(|j| of(&|r| r.eta[j])));
    Card {
        number: k + 1,
        asset: foreign(asset, 80),
        metric: foreign(metric, 60),
        status: status(eta[0]),
        found: group.iter().take(ON_CARD).map(|r| r.found()).collect(),
        more: group.len().saturating_sub(ON_CARD),
        when: match speaker(group).filter(|r| matches!(&*r.kind, "anomaly" | "peer")) {
            Some(r) if r.since.is_some() => format!("On {}", day(r.since)),
            _ => "Now".to_owned(),
        },
        now: level(of(&|r| r.value)),
        usual: speaker(group).map_or_else(String::new, Row::usual),
        threshold: if threshold.is_finite() || eta[0].is_finite() { level(threshold) } else { String::new() },
        until: until(threshold, eta),
        plot,
    }
}

/// A plot for each group of rows, where its series was saved.
fn plots(tables: &RunTables, groups: &[Vec<&Row>]) -> Result<Vec<Option<Plot>>, ReportError> {
    let names: Vec<String> =
        groups.iter().map(|g| g.first().map_or_else(String::new, |r| series(r))).collect();
    let wanted: Vec<&str> = names.iter().map(String::as_str).collect();
    let past = plot::read_series(tables, "degradation", &wanted, POINTS)?;
    let ahead = plot::read_series(tables, "degradation_ahead", &wanted, POINTS)?;
    let today = format!("as of {}", foreign(&tables.facts.as_of, 20));
    let none = Vec::new();
    groups
        .iter()
        .zip(&names)
        .enumerate()
        .map(|(k, (group, name))| {
            let past = past.get(name).unwrap_or(&none);
            let ahead = ahead.get(name).unwrap_or(&none);
            if past.is_empty() && ahead.is_empty() {
                return Ok(None);
            }
            drawing(k, group, past, ahead, &today).map(Some)
        })
        .collect()
}

/// Days in words for a plot's description.
fn on(x: f64) -> String {
    // No calendar holds more; a damaged table must not stop the page.
    format_day(x.clamp(-500_000.0, 500_000.0) as i32)
}

fn drawing(
    k: usize,
    group: &[&Row],
    past: &[[f64; 4]],
    ahead: &[[f64; 4]],
    today: &str,
) -> Result<Plot, ReportError> {
    let was: Vec<(f64, f64)> = past.iter().map(|p| (p[0], p[1])).collect();
    let known = |x: f64, or: f64| if x.is_finite() { x } else { or };
    let usual: Vec<(f64, f64, f64)> =
        past.iter().filter(|p| p[2].is_finite() && p[3].is_finite()).map(|p| (p[0], p[2], p[3])).collect();
    let to_come: Vec<(f64, f64, f64, f64)> =
        ahead.iter().map(|p| (p[0], p[1], known(p[2], p[1]), known(p[3], p[1]))).collect();
    let of_kind = |kinds: &'static [&str]| group.iter().filter(move |r| kinds.contains(&&*r.kind));
    let mut changes: Vec<f64> =
        of_kind(&["change_point"]).filter_map(|r| r.day()).map(|d| d as f64).collect();
    changes.sort_by(f64::total_cmp);
    changes.dedup();
    let mut odd: Vec<(f64, f64)> = of_kind(&["anomaly", "peer"])
        .filter_map(|r| Some((r.day()? as f64, r.value)))
        .filter(|o| o.1.is_finite() && past.first().is_some_and(|p| p[0] <= o.0))
        .collect();
    odd.sort_by(|a, b| a.0.total_cmp(&b.0));
    let first = speaker(group);
    let threshold = first.map(|r| r.threshold).filter(|t| t.is_finite());
    let (asset, metric) =
        first.map_or_else(Default::default, |r| (foreign(&r.asset, 60), foreign(&r.metric, 40)));

    let mut said = Vec::new();
    if let (Some(a), Some(b)) = (was.first(), was.last()) {
        let low = was.iter().map(|p| p.1).fold(f64::INFINITY, f64::min);
        let high = was.iter().map(|p| p.1).fold(f64::NEG_INFINITY, f64::max);
        said.push(format!(
            "From {} to {} it went from {} to {}, between {} and {}.",
            on(a.0),
            on(b.0),
            plain(a.1),
            plain(b.1),
            plain(low),
            plain(high)
        ));
    }
    for d in &changes {
        said.push(format!("It changed on {}.", on(*d)));
    }
    for (d, value) in &odd {
        said.push(format!("On {} it was unusual: {}.", on(*d), plain(*value)));
    }
    if let Some(end) = to_come.last() {
        said.push(format!(
            "By {} {} is expected (80 % interval {} to {}).",
            on(end.0),
            plain(end.1),
            plain(end.2),
            plain(end.3)
        ));
    }
    let threshold_text = threshold.map(plain).unwrap_or_default();
    if let Some(r) = first.filter(|r| r.threshold.is_finite()) {
        let until = until(r.threshold, r.eta);
        let when = match (&*until.median, &*until.range) {
            ("crossed", _) => "it is crossed".to_owned(),
            (m, "") if m.starts_with("not") => format!("it is not crossed {}", m.trim_start_matches("not ")),
            (m, range) if m.starts_with("not") => {
                format!("it is not crossed {} ({range})", m.trim_start_matches("not "))
            }
            (m, "") => format!("it is crossed in {m}"),
            (m, range) => format!("it is crossed in {m} (80 % interval {range})"),
        };
        said.push(format!("Its threshold is {threshold_text}; {when}."));
    }
    let (id, title) = (format!("worse-{}", k + 1), format!("{metric} of {asset} by day"));
    let words = Words { id: &id, title: &title, description: &said.join(" "), x: "", y: &metric };
    let course = Course {
        past: &was,
        usual: &usual,
        ahead: &to_come,
        threshold: threshold.map(|t| (t, threshold_text.as_str())),
        changes: &changes,
        odd: &odd,
        today,
    };
    let draw = |size| plot::course(&course, size, &words).map(Value::from_safe_string);
    Ok(Plot { wide: draw(WIDE)?, narrow: draw(NARROW)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_until_read_well() {
        const NO: f64 = f64::NAN;
        let check = |threshold: f64, eta: [f64; 3], want: [&str; 2]| {
            let u = until(threshold, eta);
            assert_eq!([u.median.replace('\u{a0}', " "), u.range], want);
        };
        check(90.0, [41.2, 20.0, 77.0], ["41 days", "20–77"]);
        check(90.0, [41.2, 20.0, NO], ["41 days", "20 to more than 180 days"]);
        check(90.0, [1.0, 0.4, 2.5], ["1 day", "0.4–2.5"]);
        check(90.0, [0.0, 0.0, 0.0], ["crossed", ""]);
        check(90.0, [NO, 122.0, NO], ["not within 180 days", "one in ten before 122 days"]);
        check(90.0, [NO, NO, NO], ["not within 180 days", ""]);
        check(NO, [NO, NO, NO], ["–", ""]);
        check(90.0, [12.0, NO, NO], ["12 days", ""]);
    }
}
