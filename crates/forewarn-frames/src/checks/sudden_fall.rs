//! Sources that run dry.

use std::collections::BTreeMap;
use std::fmt::Display;

use super::shared::{count, micros, streams, tables};
use super::{Check, CheckContext, CheckDoc};
use crate::finding::{Finding, Severity};
use crate::rollup::SourceRows;
use crate::time::{Cutoff, day_number, format_day};

pub(super) const CHECK: Check = Check {
    doc: CheckDoc {
        name: "sudden_fall",
        what: "Tickets and telemetry (each source) before as_of. The last 7 days are compared with up to 8 weeks before them, at least 2: a fall to less than half, to less than any of those weeks, and with p < 0.001 for one Poisson rate (exact binomial test) is found. So is a table that ends two days or more before as_of, where its weekdays lead one to expect rows with p < 0.001, and no pause that long is known from its last 8 weeks.",
        why: "A fleet that suddenly has no trouble is mostly an export that broke. Forecasts would follow the fall.",
        example: "41 rows in the 7 days before 2015-12-31, where 310.5 a week came in the 8 weeks before.",
        what_to_do: "Look at the export job and at the collector. A long holiday does this too.",
    },
    run,
};

const WEEK: usize = 7;
/// How many weeks are looked back upon.
const WEEKS: usize = 8;
/// How rare a fall has to be.
const P: f64 = 0.001;

fn run(context: &CheckContext<'_>, out: &mut Vec<Finding>) {
    let mut add = |(name, time): (&str, &str), source: &dyn Display, days: &BTreeMap<i32, u64>| {
        let Some(days) = Days::count(days, context.as_of) else { return };
        let Some((n_rows, message)) = ended(&days, context.as_of).or_else(|| fell(&days, context.as_of))
        else {
            return;
        };
        out.push(Finding {
            check: CHECK.doc.name.to_owned(),
            severity: Severity::Warning,
            table: name.to_owned(),
            column: Some(time.to_owned()),
            n_rows,
            sample: Vec::new(),
            message: format!("{message}{source}"),
            hint: "look at the export job and the collector; a long holiday does this too".to_owned(),
        });
    };
    for table in tables(context).into_iter().filter(|t| t.name == "tickets") {
        let Some(times) = micros(table.df, table.time) else { continue };
        let mut days = BTreeMap::new();
        for at in times.iter().flatten() {
            *days.entry(day_number(at)).or_default() += 1;
        }
        add((table.name, table.time), &"", &days);
    }
    for (source, rows) in streams(context) {
        let mut days = BTreeMap::new();
        for (day, n) in rows.into_iter().flat_map(SourceRows::by_day) {
            *days.entry(day).or_default() += n;
        }
        add(("telemetry", "ts"), &source, &days);
    }
}

/// Rows by day, as far back as the comparison looks.
struct Days {
    /// The day number of the first row, of all rows before `as_of`.
    first: i32,
    /// The day number of the newest row before `as_of`.
    newest: i32,
    /// The day number that `n` begins with.
    from: i32,
    n: Vec<u64>,
}

impl Days {
    fn count(days: &BTreeMap<i32, u64>, as_of: Cutoff) -> Option<Self> {
        let mut seen = days.range(..as_of.day());
        let first = *seen.next()?.0;
        let newest = seen.next_back().map_or(first, |d| *d.0);
        // Eight weeks before the last one, or up to the newest row where that is older.
        let from = (newest + 1 - (WEEKS * WEEK) as i32).min(as_of.day() - ((WEEKS + 1) * WEEK) as i32);
        let from = from.max(first);
        let n = (from..=newest).map(|day| days.get(&day).copied().unwrap_or(0)).collect();
        Some(Self { first, newest, from, n })
    }

    /// Rows of a day.
    fn of(&self, day: i32) -> u64 {
        usize::try_from(day - self.from).ok().and_then(|i| self.n.get(i)).copied().unwrap_or(0)
    }

    /// How many whole weeks that the table covers end at `end`, at most eight.
    fn weeks_before(&self, end: i32) -> usize {
        (((end - self.first).max(0) as usize) / WEEK).min(WEEKS)
    }
}

/// Whether the table ends well before `as_of`: the rows of the weeks before, and the words.
fn ended(days: &Days, as_of: Cutoff) -> Option<(u64, String)> {
    let end = days.newest + 1;
    let silent = as_of.day() - end;
    let weeks = days.weeks_before(end);
    if silent < 2 || weeks < 2 {
        return None;
    }
    let known: Vec<u64> = (end - (weeks * WEEK) as i32..end).map(|day| days.of(day)).collect();
    let pause = known.split(|n| *n > 0).map(<[u64]>::len).max().unwrap_or(0);
    // A year of silence is as sure as ten.
    let expected: f64 = (0..silent.min(365))
        .map(|i| known.iter().skip(i as usize % WEEK).step_by(WEEK).sum::<u64>() as f64 / weeks as f64)
        .sum();
    ((-expected).exp() < P && pause < silent as usize).then(|| {
        let message = format!(
            "the newest row is of {}, {silent} days before {as_of}, in which about {expected:.0} rows were to be expected",
            format_day(days.newest)
        );
        (known.iter().sum(), message)
    })
}

/// Whether the last week fell: its rows, and the words.
fn fell(days: &Days, as_of: Cutoff) -> Option<(u64, String)> {
    let sum = |end: i32| (1..=WEEK as i32).map(|i| days.of(end - i)).sum::<u64>();
    let last_week = as_of.day() - WEEK as i32;
    let weeks = days.weeks_before(last_week);
    if weeks < 2 {
        return None;
    }
    let before: Vec<u64> = (0..weeks).map(|w| sum(last_week - (w * WEEK) as i32)).collect();
    let (now, total) = (sum(as_of.day()), before.iter().sum::<u64>());
    let least = before.iter().min().copied().unwrap_or(0);
    let mean = total as f64 / weeks as f64;
    let is_fall = (now as f64) < mean / 2.0
        && now < least
        && binomial_below(now, now + total, 1.0 / (weeks as f64 + 1.0)) < P;
    is_fall.then(|| {
        let rows = count(now, "row");
        (
            now,
            format!(
                "{rows} in the 7 days before {as_of}, where {mean:.1} a week came in the {weeks} weeks before"
            ),
        )
    })
}

/// P(X ≤ x) for X ~ Binomial(n, p) with x below the mean: the rows of the last week given those of all weeks, where the
/// rate is one. The terms are summed downwards from `x` until they no longer count.
fn binomial_below(x: u64, n: u64, p: f64) -> f64 {
    let (k, n) = (x as f64, n as f64);
    let ln = ln_factorial(n) - ln_factorial(k) - ln_factorial(n - k) + k * p.ln() + (n - k) * (1.0 - p).ln();
    let (mut term, mut sum, mut k) = (ln.exp(), 0.0, k);
    while term > sum * 1e-12 {
        sum += term;
        term *= k / (n - k + 1.0) * (1.0 - p) / p;
        k -= 1.0;
    }
    sum
}

/// ln n!, by Stirling's series from 20 on.
fn ln_factorial(n: f64) -> f64 {
    if n < 20.0 {
        return (2..=n as u32).map(|i| f64::from(i).ln()).sum();
    }
    n * n.ln() - n + 0.5 * (std::f64::consts::TAU * n).ln() + 1.0 / (12.0 * n) - 1.0 / (360.0 * n * n * n)
}
