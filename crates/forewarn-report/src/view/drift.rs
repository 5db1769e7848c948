//! What changed since the data that was learned from. It says what to make of it, and no more than the table holds.

use forewarn_frames::output::RunTables;
use serde::Serialize;

use super::Limits;
use crate::error::{ReportError, table};
use crate::number::{counted, fixed, plain};
use crate::rows;
use crate::text::{LONG, foreign};

/// The part on drift.
#[derive(Serialize)]
pub(crate) struct Drift {
    summary: String,
    /// Base rate and calibration, in words.
    rates: Vec<Rate>,
    /// Features that shifted.
    features: Vec<Feature>,
    hidden: usize,
}

#[derive(Serialize)]
struct Rate {
    name: &'static str,
    text: String,
    ratio: String,
    verdict: String,
    shifted: bool,
}

#[derive(Serialize)]
struct Feature {
    name: String,
    text: String,
    before: String,
    now: String,
    index: String,
}

/// The part on drift.
///
/// # Errors
///
/// A column is not of its schema's type.
pub(crate) fn drift(tables: &RunTables, limits: Limits) -> Result<Drift, ReportError> {
    let df = &tables.drift;
    let e = table("drift");
    let [what, name, verdict, text] = ["what", "name", "verdict", "text"].map(|c| rows::texts(df, c));
    let (what, name, verdict, text) =
        (what.map_err(&e)?, name.map_err(&e)?, verdict.map_err(&e)?, text.map_err(&e)?);
    let [before, now, statistic, low, high] =
        ["before", "now", "statistic", "low", "high"].map(|c| rows::numbers(df, c));
    let (before, now, statistic) = (before.map_err(&e)?, now.map_err(&e)?, statistic.map_err(&e)?);
    let (low, high) = (low.map_err(&e)?, high.map_err(&e)?);
    let is = |v: &Option<String>, word: &str| v.as_deref() == Some(word);
    let (mut rates, mut features) = (Vec::new(), Vec::new());
    let (mut n_features, mut n_few) = (0, 0);
    for i in 0..df.height() {
        let shifted = is(&verdict[i], "shifted");
        if is(&what[i], "feature") {
            n_features += 1;
            n_few += u64::from(is(&verdict[i], "too little data"));
            if shifted {
                let value = |x: f64| if x.is_finite() { plain(x) } else { "–".to_owned() };
                features.push(Feature {
                    name: foreign(name[i].as_deref().unwrap_or_default(), 80),
                    text: foreign(text[i].as_deref().unwrap_or_default(), LONG),
                    before: value(before[i]),
                    now: value(now[i]),
                    index: fixed(statistic[i], 2, false),
                });
            }
            continue;
        }
        let times = |x: f64| format!("{}×", fixed(x.exp(), 2, false));
        let ratio = if statistic[i].is_finite() {
            format!("{} ({} to {})", times(statistic[i]), times(low[i]), times(high[i]))
        } else {
            "–".to_owned()
        };
        rates.push(Rate {
            name: if is(&what[i], "base_rate") { "How many fail" } else { "Promised and failed" },
            text: foreign(text[i].as_deref().unwrap_or_default(), LONG),
            ratio,
            verdict: foreign(verdict[i].as_deref().unwrap_or_default(), 40),
            shifted,
        });
    }
    let moved = rates.iter().filter(|r| r.shifted).count();
    let n_shifted = features.len();
    let summary = if df.height() == 0 {
        "Nothing was compared in this run.".to_owned()
    } else {
        let features = match (n_features, n_few, n_shifted) {
            (0, ..) => "No feature could be compared.".to_owned(),
            (n, few, _) if n == few => {
                "There are too few assets to say whether they look like those that were learned from."
                    .to_owned()
            }
            (n, _, 0) => format!(
                "The assets look like those that were learned from, by the {} that matter most.",
                counted(n, "feature", "features")
            ),
            (n, _, k) => format!(
                "{} of the {} that matter most {} otherwise than in the time that was learned from.",
                crate::number::whole(k as u64),
                counted(n, "feature", "features"),
                if k == 1 { "looks" } else { "look" }
            ),
        };
        let rates = match moved {
            0 => "The rate of failures and the promises kept are as before, as far as can be seen.",
            _ => {
                "Failures come at another rate than before, or otherwise than promised: read the probabilities with care until the model has learned from it."
            }
        };
        format!("{rates} {features}")
    };
    let most = limits.lines.min(20);
    let hidden = features.len().saturating_sub(most);
    features.truncate(most);
    Ok(Drift { summary, rates, features, hidden })
}
