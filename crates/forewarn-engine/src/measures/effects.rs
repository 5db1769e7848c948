//! What measures are worth, as their table says: the share of failures that each was seen to prevent. It does not know
//! what a measure costs.

use std::collections::BTreeMap;

use polars::prelude::*;

use super::{FAILURES, HELPED, HURT, INCIDENTS, NO_EFFECT};
use crate::EngineError;

/// What one measure was seen to do.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Effect {
    /// Assets that this rests on.
    pub n_assets: f64,
    /// The share of failures prevented, of 1, or of incidents where failures are too few to say: 0 where no effect was seen,
    /// less where it hurt.
    pub share: f64,
}

/// Every measure of the table `measures` of which there is enough data, by name.
///
/// # Errors
///
/// The table is not of its schema.
pub(crate) fn effects(df: &DataFrame) -> Result<BTreeMap<String, Effect>, EngineError> {
    let text = |name: &str| Ok::<_, PolarsError>(df.column(name)?.str()?.clone());
    let (measure, outcome, verdict) = (text("measure")?, text("outcome")?, text("verdict")?);
    let (ratio, n_assets) = (df.column("ratio")?.f64()?, df.column("n_assets")?.i64()?);
    let mut all = BTreeMap::new();
    // What failures say stands over what incidents say, where it says something.
    for of in [INCIDENTS, FAILURES] {
        for i in (0..df.height()).filter(|i| outcome.get(*i) == Some(of)) {
            let (Some(name), Some(said)) = (measure.get(i), verdict.get(i)) else { continue };
            let share = match (said, ratio.get(i)) {
                (HELPED | HURT, Some(ratio)) => 1.0 - ratio,
                (NO_EFFECT, _) => 0.0,
                _ => continue,
            };
            let n_assets = n_assets.get(i).unwrap_or(0) as f64;
            all.insert(name.to_owned(), Effect { n_assets, share });
        }
    }
    Ok(all)
}
