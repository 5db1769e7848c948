//! Problem candidates: tickets that say the same, with a name that gives nobody away, an id that lasts, and whether they
//! come faster than before. It does not know files, or how a report shows them.

mod desk;
mod group;
mod ids;

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use forewarn_frames::output::{PLOT_SERIES, PROBLEMS};
use forewarn_frames::time::{DAY, Micros};
use forewarn_frames::{Cutoff, Frames};
use forewarn_models::rate_ratio;
use forewarn_models::text::{NameWord, name_words};
use polars::prelude::*;

use crate::{EngineError, Progress, Settings, TextShown};
use desk::{CATEGORY, Desk};
use group::{Grouping, group};

/// Tickets that a problem must have; also how many must share a word that names it.
const MIN_TICKETS: usize = 5;
/// Callers that must share a word that names a problem, where callers are known.
const MIN_CALLERS: usize = 3;
/// Words of a title, at most.
const TITLE_WORDS: usize = 5;
/// The days that are compared with those before: whole weeks, so that weekends weigh the same.
const RECENT_DAYS: i32 = 28;
const EARLIER_DAYS: i32 = 182;
/// Days that either side must have.
const LEAST_DAYS: i32 = 14;
/// The level of the interval of the growth.
const LEVEL: f64 = 0.95;
/// Problems whose weeks are drawn, and how many weeks.
const DRAWN: usize = 50;
const WEEKS: i32 = 26;

/// What [`problems`] makes.
#[derive(Debug)]
pub struct Problems {
    /// `problems`
    pub table: DataFrame,
    /// Rows of `plot_series`: plot `problem_weeks`, the tickets of each of the last 26 weeks of the first problems, by the
    /// day on which the week began.
    pub series: DataFrame,
}

/// One problem, before it is a row.
struct Row {
    id: String,
    title: String,
    /// The tickets, by time.
    tickets: Vec<usize>,
    /// The most typical of them.
    exemplar: usize,
    assets: Vec<String>,
    growth: Option<(f64, f64, Option<f64>)>,
}

/// Groups the tickets before `frames.end()` by what they say. `earlier` is the same table of an earlier night, from which
/// ids are handed on; without one they follow from the tickets alone.
///
/// # Errors
///
/// The caller asked to stop, or a table operation fails. No tickets, no texts, or only one are no error: the table then
/// has no rows.
pub fn problems(
    frames: &Frames,
    settings: &Settings,
    earlier: Option<&DataFrame>,
    progress: &dyn Progress,
) -> Result<Problems, EngineError> {
    let desk = Desk::new(frames)?;
    let grouping = group(frames, &desk, settings.risk.refit_every, settings.seed, progress)?;
    let mut members: Vec<Vec<usize>> = vec![Vec::new(); grouping.n_groups];
    for (i, g) in grouping.of.iter().enumerate() {
        if let Some(g) = g {
            members[*g as usize].push(i);
        }
    }
    let names = name_words(&desk.bag, &grouping.of, grouping.n_groups);
    let kept: Vec<usize> = (0..members.len()).filter(|&g| members[g].len() >= MIN_TICKETS).collect();
    let tickets: Vec<Vec<&str>> =
        kept.iter().map(|&g| members[g].iter().map(|&i| desk.id[i].as_str()).collect()).collect();
    let ids = ids::ids(&tickets, earlier)?;
    // What was recorded in part before would make everything grow.
    let end = frames.end().micros();
    let first = desk.opened_at.first().copied().unwrap_or(end);
    let since = frames.tickets_full_since(frames.end()).map_or(first, |c| c.micros().max(first));
    let mut rows = Vec::with_capacity(kept.len());
    for (&g, id) in kept.iter().zip(ids) {
        let tickets = std::mem::take(&mut members[g]);
        let exemplar = exemplar(&tickets, &grouping.typical);
        rows.push(Row {
            id,
            title: title(&desk, &grouping, g, &tickets, exemplar, &names[g], settings.text),
            exemplar,
            assets: tickets
                .iter()
                .filter_map(|&i| desk.asset[i].clone())
                .collect::<BTreeSet<_>>()
                .into_iter()
                .collect(),
            growth: growth(&desk, &tickets, since, frames.end())?,
            tickets,
        });
    }
    let grows = |r: &Row| r.growth.is_some_and(|g| g.1 > 1.0);
    rows.sort_by(|a, b| {
        grows(b).cmp(&grows(a)).then(b.tickets.len().cmp(&a.tickets.len())).then(a.id.cmp(&b.id))
    });
    Ok(Problems { table: table(&desk, &rows)?, series: series(&desk, &rows, frames.end())? })
}

/// The most typical of the tickets; of equals the first.
fn exemplar(tickets: &[usize], typical: &[f64]) -> usize {
    tickets.iter().copied().reduce(|best, i| if typical[i] > typical[best] { i } else { best }).unwrap_or(0)
}

/// The most frequent of the cells, where there is one; of equals the first in order.
fn usual<'a>(cells: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let mut count: BTreeMap<&str, usize> = BTreeMap::new();
    cells.for_each(|c| *count.entry(c).or_insert(0) += 1);
    count.into_iter().reduce(|best, c| if c.1 > best.1 { c } else { best }).map(|c| c.0)
}

fn title(
    desk: &Desk,
    grouping: &Grouping,
    g: usize,
    tickets: &[usize],
    exemplar: usize,
    names: &[NameWord],
    shown: TextShown,
) -> String {
    let category = || {
        let of = |i: &usize| desk.category[*i].as_deref();
        usual(tickets.iter().filter_map(of)).unwrap_or("(no category)").to_owned()
    };
    if let Some(pattern) = grouping.pattern.get(&(g as u32)) {
        return pattern.clone();
    }
    if shown == TextShown::None {
        return category();
    }
    let words: Vec<&str> = names
        .iter()
        .filter(|w| w.n_texts as usize >= MIN_TICKETS && may_be_shown(desk, tickets, w.word))
        .map(|w| desk.lexicon.word(w.word))
        .filter(|w| !w.starts_with(CATEGORY))
        .take(TITLE_WORDS)
        .collect();
    let words = if words.is_empty() { category() } else { words.join(", ") };
    match desk.title[exemplar].as_deref() {
        Some(title) if shown == TextShown::Full => format!("{words}: {title}"),
        _ => words,
    }
}

/// Whether enough callers use a word, where callers are known.
fn may_be_shown(desk: &Desk, tickets: &[usize], word: u32) -> bool {
    let holds = |i: &&usize| desk.bag[**i].binary_search_by_key(&word, |b| b.0).is_ok();
    let mut callers = BTreeSet::new();
    let mut any = false;
    for &i in tickets.iter().filter(holds) {
        if let Some(caller) = &desk.caller[i] {
            any = true;
            callers.insert(caller);
        }
    }
    !any || callers.len() >= MIN_CALLERS
}

/// How much faster the tickets come now than before, as far as they were recorded in full: the ratio with its interval.
/// `None` where such records are too short.
fn growth(
    desk: &Desk,
    tickets: &[usize],
    since: Micros,
    end: Cutoff,
) -> Result<Option<(f64, f64, Option<f64>)>, EngineError> {
    // A record that begins at noon does not make a day.
    let days = ((end.micros() - since) / DAY) as i32;
    let recent = RECENT_DAYS.min(days / 2);
    if recent < LEAST_DAYS {
        return Ok(None);
    }
    let before = EARLIER_DAYS.min(days - recent);
    let ago = |n: i32| end.plus_days(-n).micros();
    let count = |from: Micros, to: Micros| {
        tickets.iter().filter(|&&i| (from..to).contains(&desk.opened_at[i])).count() as u64
    };
    let r = rate_ratio(
        count(ago(recent), end.micros()),
        f64::from(recent),
        count(ago(recent + before), ago(recent)),
        f64::from(before),
        LEVEL,
    )
    .map_err(EngineError::model)?;
    Ok(Some((r.ratio, r.low, r.high.is_finite().then_some(r.high))))
}

fn table(desk: &Desk, rows: &[Row]) -> Result<DataFrame, EngineError> {
    if rows.is_empty() {
        return Ok(PROBLEMS.empty());
    }
    let time = |name: &str, of: &dyn Fn(&Row) -> Option<Micros>| {
        Column::new(name.into(), rows.iter().map(of).collect::<Vec<_>>())
            .cast(&DataType::Datetime(TimeUnit::Microseconds, None))
    };
    let text = |name: &str, of: &dyn Fn(&Row) -> &str| {
        Column::new(name.into(), rows.iter().map(|r| of(r).to_owned()).collect::<Vec<_>>())
    };
    let whole = |name: &str, of: &dyn Fn(&Row) -> usize| {
        Column::new(name.into(), rows.iter().map(|r| of(r) as i64).collect::<Vec<_>>())
    };
    let number = |name: &str, of: &dyn Fn(&Row) -> Option<f64>| {
        Column::new(name.into(), rows.iter().map(of).collect::<Vec<_>>())
    };
    let list = |name: &str, of: &dyn Fn(&Row) -> Vec<String>| {
        let lists: Vec<Series> = rows.iter().map(|r| Series::new("".into(), of(r))).collect();
        Column::new(name.into(), lists)
    };
    let tickets = |r: &Row| {
        let others = r.tickets.iter().filter(|i| **i != r.exemplar);
        std::iter::once(&r.exemplar).chain(others).map(|&i| desk.id[i].clone()).collect()
    };
    let df = DataFrame::new(
        rows.len(),
        vec![
            text("problem_id", &|r| &r.id),
            text("title", &|r| &r.title),
            whole("n_tickets", &|r| r.tickets.len()),
            whole("n_assets", &|r| r.assets.len()),
            time("first_seen", &|r| r.tickets.first().map(|&i| desk.opened_at[i]))?,
            time("last_seen", &|r| r.tickets.last().map(|&i| desk.opened_at[i]))?,
            number("growth", &|r| r.growth.map(|g| g.0)),
            number("growth_low", &|r| r.growth.map(|g| g.1)),
            number("growth_high", &|r| r.growth.and_then(|g| g.2)),
            list("ticket_ids", &tickets),
            list("asset_ids", &|r| r.assets.clone()),
        ],
    )?;
    debug_assert_eq!(PROBLEMS.check(&df), Ok(()));
    Ok(df)
}

/// The tickets a week of the first problems.
fn series(desk: &Desk, rows: &[Row], end: Cutoff) -> Result<DataFrame, EngineError> {
    let first = desk.opened_at.first().copied().unwrap_or(end.micros());
    let weeks = (((end.micros() - first) / (7 * DAY)) as i32).clamp(1, WEEKS);
    let (mut name, mut x, mut y): (Vec<&str>, Vec<f64>, Vec<f64>) = Default::default();
    for row in rows.iter().take(DRAWN) {
        for week in (0..weeks).rev() {
            let from = end.plus_days(-7 * (week + 1));
            let to = end.plus_days(-7 * week);
            let n =
                row.tickets.iter().filter(|&&i| (from.micros()..to.micros()).contains(&desk.opened_at[i]));
            name.push(&row.id);
            x.push(f64::from(from.day()));
            y.push(n.count() as f64);
        }
    }
    let n = x.len();
    let none: Vec<Option<f64>> = vec![None; n];
    let df = DataFrame::new(
        n,
        vec![
            Column::new("plot".into(), vec!["problem_weeks"; n]),
            Column::new("series".into(), name),
            Column::new("x".into(), x),
            Column::new("y".into(), y),
            Column::new("low".into(), none.clone()),
            Column::new("high".into(), none),
        ],
    )?;
    debug_assert_eq!(PLOT_SERIES.check(&df), Ok(()));
    Ok(df)
}
