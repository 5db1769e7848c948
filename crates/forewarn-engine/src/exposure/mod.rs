//! What makes assets vulnerable before anything fails, from the data themselves: the table `exposure`, one row per asset
//! and weakness. It knows histories and today's inventory; it does not know files or the future.
//!
//! Only assets in service are looked at, each against its cohort: the same model where ten or more are in service, else
//! the same kind. `score` runs from 0 (as its peers) to 1 (as far beyond them as can be).
//!
//! | exposure | an asset has it where |
//! |---|---|
//! | `patch_lag` | its last patch or update is more than twice as long ago as is usual in its cohort, longer than for nine in ten, and by a month or more |
//! | `patch_missing` | it lacks a patch that six in ten of its cohort have, half of them for a month or more, and had none of the same component since |
//! | `os_behind`, `firmware_behind` | its version is older than the one that half of its cohort have reached, for two weeks or more where that is dated |
//! | `past_warranty` | its warranty has ended |
//! | `past_service_life` | it is older than 95 % of its kind were when they were retired |
//! | `single_point` | its criticality is 1 or 2, and no other of its kind is in service for the same service at the same site |
//! | `repeat_repairs` | it failed, or had a part replaced, in the same way three times or more in 180 days |

mod age;
mod cohort;
mod patches;
mod repairs;
mod version;
mod versions;

use std::collections::BTreeMap;

use forewarn_frames::output::EXPOSURE;
use forewarn_frames::time::{DAY, Micros};
use forewarn_frames::{Frames, History};
use polars::prelude::*;

use crate::EngineError;
use crate::inventory::Inventory;
use cohort::Fleet;

/// One weakness of one asset.
#[derive(Debug, Clone, PartialEq)]
struct Found {
    asset: usize,
    exposure: &'static str,
    since: Option<Micros>,
    value: f64,
    unit: &'static str,
    usual: Option<f64>,
    score: f64,
    text: String,
}

/// Days between two times.
fn days(from: Micros, to: Micros) -> f64 {
    (to - from) as f64 / DAY as f64
}

/// `1 day`, `12 days`.
fn in_days(n: f64) -> String {
    counted(n.round(), "day", "days")
}

/// `1 repair`, `3 repairs`.
fn counted(n: f64, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1.0 { one } else { many })
}

/// The table `exposure` at the history's cutoff: the worst first.
pub(crate) fn exposure(frames: &Frames, history: &History<'_>) -> Result<DataFrame, EngineError> {
    let inventory = Inventory::of(frames)?;
    let fleet = Fleet::of(history, &inventory)?;
    let mut found = patches::behind(&fleet);
    found.extend(versions::behind(&fleet, &inventory)?);
    found.extend(age::past_warranty(&fleet, &inventory)?);
    found.extend(age::past_service_life(&fleet));
    found.extend(age::single_points(&fleet, &inventory)?);
    found.extend(repairs::repeated(&fleet));
    found.sort_by(|a, b| {
        b.score.total_cmp(&a.score).then(a.asset.cmp(&b.asset)).then(a.exposure.cmp(b.exposure))
    });
    table(&fleet, &inventory, &found)
}

fn table(fleet: &Fleet<'_>, inventory: &Inventory<'_>, found: &[Found]) -> Result<DataFrame, EngineError> {
    let history = fleet.history;
    let owners = inventory.text_or_dated(history, "owner")?;
    let text = |name: &str, f: &dyn Fn(&Found) -> Option<String>| {
        Column::new(name.into(), found.iter().map(f).collect::<Vec<_>>())
    };
    let number = |name: &str, f: &dyn Fn(&Found) -> Option<f64>| {
        Column::new(name.into(), found.iter().map(f).collect::<Vec<_>>())
    };
    let own = |v: Option<&str>| v.map(str::to_owned);
    let since: Vec<Option<Micros>> = found.iter().map(|f| f.since).collect();
    let mut columns: BTreeMap<String, Column> = [
        text("asset_id", &|f| Some(history.asset_id(f.asset).to_owned())),
        text("kind", &|f| own(fleet.kind[f.asset])),
        text("model", &|f| own(fleet.model[f.asset])),
        text("site", &|f| own(fleet.site[f.asset])),
        text("owner", &|f| own(owners[f.asset])),
        text("exposure", &|f| Some(f.exposure.to_owned())),
        Column::new("since".into(), since).cast(&DataType::Datetime(TimeUnit::Microseconds, None))?,
        number("value", &|f| Some(f.value)),
        text("unit", &|f| Some(f.unit.to_owned())),
        number("usual", &|f| f.usual),
        number("score", &|f| Some(f.score)),
        text("text", &|f| Some(f.text.clone())),
    ]
    .into_iter()
    .map(|c| (c.name().to_string(), c))
    .collect();
    let ordered = EXPOSURE.columns.iter().filter_map(|(name, _, _)| columns.remove(*name)).collect();
    let df = DataFrame::new(found.len(), ordered)?;
    debug_assert_eq!(EXPOSURE.check(&df), Ok(()));
    Ok(df)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests;
