//! What measures are worth, as their table says: the share of failures that each was seen to prevent. It does not know
//! what a measure costs.

use std::collections::BTreeMap;

use polars::prelude::*;

use super::{FAILURES, HELPED, INCIDENTS, TOO_LITTLE};
use crate::EngineError;

/// What one measure was seen to prevent.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Effect {
    /// What kind of measure it is: `visit`, `patch`, `replacement`, …
    pub kind: String,
    /// The share prevented, its lower and its upper end (80 %), of 1; `None` where no help was seen.
    pub prevented: Option<Prevented>,
    /// Of what: `failures`, or `incidents` where failures are too few to say.
    pub outcome: String,
}

/// A share prevented.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Prevented {
    pub share: f64,
    pub low: f64,
    pub high: f64,
    pub q_value: f64,
}

/// Every measure of the table `measures`, by name.
///
/// # Errors
///
/// The table is not of its schema.
pub(crate) fn effects(df: &DataFrame) -> Result<BTreeMap<String, Effect>, EngineError> {
    let text = |name: &str| Ok::<_, PolarsError>(df.column(name)?.str()?.clone());
    let number = |name: &str| Ok::<_, PolarsError>(df.column(name)?.f64()?.clone());
    let (measure, kind) = (text("measure")?, text("kind")?);
    let (outcome, verdict) = (text("outcome")?, text("verdict")?);
    let (ratio, low, high) = (number("ratio")?, number("low")?, number("high")?);
    let q = number("q_value")?;
    let mut all = BTreeMap::new();
    // Incidents come first; what failures say stands over them, where it says something.
    for i in 0..df.height() {
        let (Some(name), Some(of), Some(said)) = (measure.get(i), outcome.get(i), verdict.get(i)) else {
            continue;
        };
        if of != INCIDENTS && (of != FAILURES || said == TOO_LITTLE) {
            continue;
        }
        let prevented = match (ratio.get(i), low.get(i), high.get(i), q.get(i)) {
            (Some(r), Some(l), Some(h), Some(q_value)) if said == HELPED => {
                Some(Prevented { share: 1.0 - r, low: 1.0 - h, high: 1.0 - l, q_value })
            }
            _ => None,
        };
        let kind = kind.get(i).unwrap_or_default().to_owned();
        all.insert(name.to_owned(), Effect { kind, prevented, outcome: of.to_owned() });
    }
    Ok(all)
}
