//! Records of assets that were already gone.

use std::collections::{BTreeMap, HashMap};

use super::shared::{N_SAMPLES, Table, count, micros, pick, share, short, sources, tables, texts};
use super::{Check, CheckContext, CheckDoc};
use crate::finding::{Finding, Severity};
use crate::time::{DAY, Micros, day_number, format_day};

pub(super) const CHECK: Check = Check {
    doc: CheckDoc {
        name: "retired_but_active",
        what: "Tickets, readings and events on a later day than the asset's retired_at.",
        why: "An asset that still reports is in service and should be scored; one whose id was given to a second device mixes two histories.",
        example: "90 of 3400 rows (2.6 %) lie after the asset was retired, of 4 assets: disk-7 retired 2015-03-01, last seen 2015-06-30.",
        what_to_do: "Correct retired_at in the inventory; give a device that takes over an id an id of its own.",
    },
    run,
};

fn run(context: &CheckContext<'_>, out: &mut Vec<Finding>) {
    // That something was done on a retired asset is no sign of life: it may be how it was retired.
    let mut add = |(name, time): (&str, &str), source: &dyn std::fmt::Display, of: u64, late: &Late<'_>| {
        out.push(Finding {
            check: CHECK.doc.name.to_owned(),
            severity: Severity::Warning,
            table: name.to_owned(),
            column: Some(time.to_owned()),
            n_rows: late.n_rows,
            sample: late.sample("last seen"),
            message: format!(
                "{}{source} {} after the asset was retired, of {}",
                share(late.n_rows, of),
                pick(late.n_rows, "lies", "lie"),
                count(late.n_assets, "asset")
            ),
            hint:
                "correct `retired_at` in the inventory; a device that takes over an id needs an id of its own"
                    .to_owned(),
        });
    };
    for table in tables(context).into_iter().filter(|t| !matches!(t.name, "failures" | "actions")) {
        if let Some(late) = after_retirement(context, &table) {
            add((table.name, table.time), &"", table.df.height() as u64, &late);
        }
    }
    let gone = retired(context);
    for (source, rows) in sources(context).into_iter().filter(|_| !gone.is_empty()) {
        let late = rows.rows_from(|id| gone.get(id).map(|at| day_number(*at) + 1));
        if !late.is_empty() {
            let first = late.iter().take(N_SAMPLES);
            let late = Late {
                n_rows: late.iter().map(|l| l.1).sum(),
                n_assets: late.len() as u64,
                first: first.map(|(id, _, day)| (*id, gone[id], Micros::from(*day) * DAY)).collect(),
            };
            add(("telemetry", "ts"), &source, rows.n_rows(), &late);
        }
    }
}

/// The assets that the inventory says are retired, and since when.
fn retired<'a>(context: &CheckContext<'a>) -> HashMap<&'a str, Micros> {
    let pairs = || {
        let assets = context.assets?.df();
        let ids = texts(assets, "asset_id")?.iter();
        Some(ids.zip(micros(assets, "retired_at")?.iter()).filter_map(|(id, at)| Some((id?, at?))).collect())
    };
    pairs().unwrap_or_default()
}

/// Rows on a later day than the asset was retired.
pub(super) struct Late<'a> {
    pub(super) n_rows: u64,
    pub(super) n_assets: u64,
    first: Vec<(&'a str, Micros, Micros)>,
}

impl Late<'_> {
    /// The first assets by id, as `disk-7 retired 2015-03-01, last seen 2015-06-30`.
    pub(super) fn sample(&self, word: &str) -> Vec<String> {
        let day = |at| format_day(day_number(at));
        self.first
            .iter()
            .map(|(id, gone, at)| format!("{} retired {}, {word} {}", short(id), day(*gone), day(*at)))
            .collect()
    }
}

/// The rows of `table` that lie on a later day than the asset was retired; `None` without any. Whole days, since many
/// inventories hold a date without a time.
pub(super) fn after_retirement<'a>(context: &CheckContext<'a>, table: &Table<'a>) -> Option<Late<'a>> {
    let gone = retired(context);
    if gone.is_empty() {
        return None;
    }
    let mut n_rows = 0;
    let mut late: BTreeMap<&str, (Micros, Micros)> = BTreeMap::new();
    // Rows of one asset mostly stand together, so most of them cost one comparison.
    let mut last: Option<(&str, Option<Micros>)> = None;
    for (id, at) in texts(table.df, "asset_id")?.iter().zip(micros(table.df, table.time)?.iter()) {
        let (Some(id), Some(at)) = (id, at) else { continue };
        let retired = match last {
            Some((l, retired)) if l == id => retired,
            _ => gone.get(id).copied(),
        };
        last = Some((id, retired));
        let Some(retired) = retired.filter(|r| day_number(at) > day_number(*r)) else { continue };
        n_rows += 1;
        let newest = &mut late.entry(id).or_insert((retired, at)).1;
        *newest = at.max(*newest);
    }
    let first = late.iter().take(N_SAMPLES).map(|(id, (gone, at))| (*id, *gone, *at)).collect();
    (n_rows > 0).then_some(Late { n_rows, n_assets: late.len() as u64, first })
}
