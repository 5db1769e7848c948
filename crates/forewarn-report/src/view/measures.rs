//! What measures did: one row a measure with its effect on incidents, and in words what else moved. It does not know how
//! a verdict was reached.

use forewarn_frames::output::RunTables;
use serde::Serialize;

use super::recurring::one_of;
use crate::error::{ReportError, table};
use crate::number::{counted, fixed, whole};
use crate::rows;
use crate::text::foreign;

/// The outcomes that are counted; every other is a metric.
const INCIDENTS: &str = "incidents";
const FAILURES: &str = "failures";
/// Verdicts that something moved, in the order in which measures are shown.
const MOVED: [&str; 3] = ["hurt", "helped", "changed"];
const VERDICTS: [&str; 5] = ["hurt", "helped", "changed", "no effect seen", "too little data"];

/// One measure.
#[derive(Serialize)]
pub(super) struct Measure {
    name: String,
    assets: String,
    before: String,
    after: String,
    without: String,
    ratio: String,
    range: String,
    verdict: &'static str,
    /// Failures and metrics that moved.
    moved: Vec<Moved>,
    /// How many others were looked at, in words; empty where none was.
    quiet: String,
    #[serde(skip)]
    order: usize,
}

/// An outcome that moved.
#[derive(Serialize)]
struct Moved {
    outcome: String,
    /// By how much, with its interval.
    by: String,
    verdict: &'static str,
}

/// A change with its sign, as `+12 %`.
fn signed(x: f64, unit: &str) -> String {
    let sign = if x < 0.0 { "−" } else { "+" };
    format!("{sign}{}{unit}", fixed(x.abs(), usize::from(x.abs() < 10.0), true))
}

/// The measures, those that hurt first, and all of them in a sentence.
pub(super) fn measures(tables: &RunTables) -> Result<(Vec<Measure>, String), ReportError> {
    let df = &tables.measures;
    let e = table("measures");
    let numbers = |c: &str| rows::numbers(df, c).map_err(&e);
    let texts = |c: &str| rows::texts(df, c).map_err(&e);
    let (name, said, outcome, unit) =
        (texts("measure")?, texts("verdict")?, texts("outcome")?, texts("unit")?);
    let n = rows::wholes(df, "n_assets").map_err(&e)?;
    let (before, after, without) =
        (numbers("rate_before")?, numbers("rate_after")?, numbers("rate_expected")?);
    let ratio = [numbers("ratio")?, numbers("low")?, numbers("high")?];
    let difference = [numbers("difference")?, numbers("difference_low")?, numbers("difference_high")?];
    let or_dash = |x: f64| if x.is_finite() { fixed(x, 2, false) } else { "–".to_owned() };
    let verdict = |i: usize| one_of(said[i].as_deref().unwrap_or(""), &VERDICTS);
    let moved = |i: usize| {
        let per_day = if unit[i].as_deref() == Some("increase a day") { " a day" } else { "" };
        let by = if ratio[0][i].is_finite() {
            let [value, low, high] = [0, 1, 2].map(|k| 100.0 * (ratio[k][i] - 1.0));
            format!("{}{per_day} ({} to {})", signed(value, " %"), signed(low, ""), signed(high, " %"))
        } else {
            let [value, low, high] = [0, 1, 2].map(|k| difference[k][i]);
            format!("{}{per_day} ({} to {})", signed(value, ""), signed(low, ""), signed(high, ""))
        };
        Moved { outcome: foreign(outcome[i].as_deref().unwrap_or(""), 60), by, verdict: verdict(i) }
    };
    let rows = 0..df.height();
    let mut all: Vec<Measure> = rows
        .clone()
        .filter(|i| outcome[*i].as_deref() == Some(INCIDENTS))
        .map(|i| {
            let others: Vec<usize> = rows.clone().filter(|k| *k != i && name[*k] == name[i]).collect();
            let failures: Vec<usize> =
                others.iter().copied().filter(|k| outcome[*k].as_deref() == Some(FAILURES)).collect();
            let (told, quiet): (Vec<usize>, Vec<usize>) =
                others.iter().copied().partition(|k| MOVED.contains(&verdict(*k)));
            // Failures decide on what to do: that nothing is known of them is worth a word, too.
            let of_failures = quiet.iter().filter(|k| failures.contains(k)).map(|k| {
                let word = verdict(*k);
                format!("failures: {word}")
            });
            let moved_metrics = told.iter().any(|k| !failures.contains(k));
            let of_metrics = ["no effect seen", "too little data"].into_iter().filter_map(|word| {
                let n = quiet.iter().filter(|k| !failures.contains(k) && verdict(**k) == word).count() as u64;
                let names = if moved_metrics {
                    counted(n, "other metric", "other metrics")
                } else {
                    counted(n, "metric", "metrics")
                };
                (n > 0).then(|| format!("{word} on {names}"))
            });
            let words: Vec<String> = of_failures.chain(of_metrics).collect();
            let order = std::iter::once(i).chain(told.iter().copied()).map(verdict);
            Measure {
                name: foreign(name[i].as_deref().unwrap_or(""), 80),
                assets: whole(n[i].unwrap_or(0).max(0) as u64),
                before: or_dash(before[i]),
                after: or_dash(after[i]),
                without: or_dash(without[i]),
                ratio: or_dash(ratio[0][i]),
                range: if ratio[1][i].is_finite() && ratio[2][i].is_finite() {
                    format!("{}–{}", fixed(ratio[1][i], 2, false), fixed(ratio[2][i], 2, false))
                } else {
                    String::new()
                },
                verdict: verdict(i),
                order: order.filter_map(|v| VERDICTS.iter().position(|k| *k == v)).min().unwrap_or(0),
                moved: told.into_iter().map(moved).collect(),
                quiet: words.join("; "),
            }
        })
        .collect();
    all.sort_by_key(|m| m.order);
    let of = |v: &str| whole(all.iter().filter(|m| m.verdict == v).count() as u64);
    let summary = if all.is_empty() {
        "No change, patch or other measure is recorded, so none could be judged.".to_owned()
    } else {
        let more = all.iter().filter(|m| !m.moved.is_empty()).count() as u64;
        format!(
            "Of {}, {} hurt by the incidents that followed, {} helped, {} showed no effect, and {} came with too little data to say. Failures or telemetry moved after {} of them.",
            counted(all.len() as u64, "measure", "measures"),
            of("hurt"),
            of("helped"),
            of("no effect seen"),
            of("too little data"),
            whole(more),
        )
    };
    Ok((all, summary))
}
