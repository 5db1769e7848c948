//! What was counted as failure. It does not know the condition that made it one.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use forewarn_frames::output::RunTables;
use forewarn_frames::time::{DAY, format_day, format_minute};
use serde::Serialize;

use super::Limits;
use crate::error::{ReportError, table};
use crate::number::{counted, share, whole};
use crate::rows;
use crate::text::foreign;

/// What was counted as failure.
#[derive(Serialize)]
pub(crate) struct Failures {
    summary: String,
    modes: Vec<Mode>,
    hidden_modes: usize,
    latest: Vec<Latest>,
}

#[derive(Serialize)]
struct Mode {
    name: String,
    n: String,
    share: String,
}

#[derive(Serialize)]
struct Latest {
    at: String,
    asset: String,
    mode: String,
    ticket: String,
    scored: bool,
}

/// A date that no calendar has would be a fault of the table, not a reason to stop.
fn day(at: i64) -> String {
    i32::try_from(at.div_euclid(DAY)).map_or_else(|_| at.to_string(), format_day)
}

fn minute(at: i64) -> String {
    i32::try_from(at.div_euclid(DAY)).map_or_else(|_| at.to_string(), |_| format_minute(at))
}

/// The part on failures.
///
/// # Errors
///
/// A column is not of its schema's type.
pub(crate) fn failures(tables: &RunTables, limits: Limits) -> Result<Failures, ReportError> {
    let df = &tables.labels;
    let e = table("labels");
    let at = rows::times(df, "failed_at").map_err(&e)?;
    let scored = rows::flags(df, "scored").map_err(&e)?;
    let [asset, mode, ticket] = ["asset_id", "mode", "ticket_id"].map(|c| df.column(c).and_then(|c| c.str()));
    let (asset, mode, ticket) = (asset.map_err(&e)?, mode.map_err(&e)?, ticket.map_err(&e)?);
    let n = df.height() as u64;
    let outside = scored.iter().filter(|s| **s == Some(false)).count() as u64;
    let times = || at.iter().copied().flatten();
    let summary = match (times().min(), times().max()) {
        (Some(first), Some(last)) => {
            let mut text = format!(
                "{} from {} to {} counted as failure.",
                counted(n, "record", "records"),
                day(first),
                day(last)
            );
            if outside > 0 {
                let _ = write!(
                    text,
                    " {} of them belong to assets that are not in the inventory, so not in the ranking.",
                    whole(outside)
                );
            }
            text
        }
        _ if n > 0 => {
            format!("{} counted as failure; their dates are not known.", counted(n, "record", "records"))
        }
        _ => "Nothing was counted as failure in this period, so nothing could be learned from failures."
            .to_owned(),
    };
    let mut by_mode: BTreeMap<&str, u64> = BTreeMap::new();
    for m in mode.iter() {
        *by_mode.entry(m.unwrap_or("")).or_default() += 1;
    }
    let mut modes: Vec<(&str, u64)> = by_mode.into_iter().collect();
    modes.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
    let most = limits.lines.min(12);
    let hidden_modes = modes.len().saturating_sub(most);
    modes.truncate(most);
    let mut order: Vec<usize> = (0..df.height()).collect();
    order.sort_by(|a, b| {
        at[*b]
            .cmp(&at[*a])
            .then_with(|| asset.get(*a).cmp(&asset.get(*b)))
            .then_with(|| ticket.get(*a).cmp(&ticket.get(*b)))
    });
    order.truncate(10);
    Ok(Failures {
        summary,
        modes: modes
            .into_iter()
            .map(|(m, k)| Mode {
                name: if m.is_empty() { "(no mode given)".to_owned() } else { foreign(m, 80) },
                n: whole(k),
                share: share(k as f64 / n as f64),
            })
            .collect(),
        hidden_modes,
        latest: order
            .into_iter()
            .map(|i| Latest {
                at: at[i].map(minute).unwrap_or_default(),
                asset: foreign(asset.get(i).unwrap_or(""), 80),
                mode: foreign(mode.get(i).unwrap_or(""), 80),
                ticket: foreign(ticket.get(i).unwrap_or(""), 80),
                scored: scored[i] != Some(false),
            })
            .collect(),
    })
}
