//! Assets in service of which readings stopped coming.

use std::collections::BTreeMap;

use super::shared::{N_SAMPLES, count, micros, pick, short, texts};
use super::{Check, CheckContext, CheckDoc};
use crate::finding::{Finding, Severity};
use crate::input::{Assets, Failures};
use crate::rollup::{SILENT_DAYS, Silent};
use crate::time::{Micros, day_number, format_day};

pub(super) const CHECK: Check = Check {
    doc: CheckDoc {
        name: "silent_assets",
        what: "Assets of which no reading came on the last 3 days on which others were read (14, of assets that have been read over less than 30 days), and for more than twice as long as they have paused before, and which have not failed since the day before their last reading. Sources that write changes alone are not looked at.",
        why: "Who is gone but not retired in the inventory is forecast and listed for ever, by readings of long ago; who is there and silent is watched by nobody. Where the inventory is taken from telemetry, a silent asset counts as out of service from then on.",
        example: "12 assets in service have fallen silent (others were read on 3 days or more since, and they have never paused half as long): disk-7 last on 2015-03-01.",
        what_to_do: "Set retired_at where the asset is gone; else look at its agent.",
    },
    run,
};

fn run(context: &CheckContext<'_>, out: &mut Vec<Finding>) {
    let Some(assets) = context.assets.map(Assets::df) else { return };
    let (Some(ids), Some(retired)) = (texts(assets, "asset_id"), micros(assets, "retired_at")) else {
        return;
    };
    let retired: BTreeMap<&str, Option<Micros>> =
        ids.iter().zip(retired.iter()).filter_map(|(id, at)| Some((id?, at))).collect();
    let failed = last_failures(context);
    let has_failed = |s: &Silent| failed.get(s.asset_id.as_str()).is_some_and(|day| *day >= s.last_day - 1);
    let silent = context.telemetry.silent(context.as_of);
    let of = |derived: bool| -> Vec<&Silent> {
        let listed = |s: &&Silent| match retired.get(s.asset_id.as_str()) {
            None => false,
            // An inventory that is taken from telemetry has this very time.
            Some(Some(at)) if *at == s.since => derived,
            Some(at) => !derived && at.is_none_or(|at| at >= context.as_of.micros()),
        };
        silent.iter().filter(listed).filter(|s| !has_failed(s)).collect()
    };
    let mut add = |found: &[&Silent], severity: Severity, message: String, hint: &str| {
        out.push(Finding {
            check: CHECK.doc.name.to_owned(),
            severity,
            table: "assets".to_owned(),
            column: Some("retired_at".to_owned()),
            n_rows: found.len() as u64,
            sample: found.iter().take(N_SAMPLES).map(|s| sample(s)).collect(),
            message,
            hint: hint.to_owned(),
        });
    };
    let words = |n: u64| {
        let (has, they) = (pick(n, "has", "have"), pick(n, "it has", "they have"));
        format!(
            "{has} fallen silent (others were read on {SILENT_DAYS} days or more since, and {they} never paused half as long)"
        )
    };
    let gone = of(true);
    if !gone.is_empty() {
        let n = gone.len() as u64;
        let message = format!(
            "{} {} and {} as out of service",
            count(n, "asset"),
            words(n),
            pick(n, "counts", "count")
        );
        add(&gone, Severity::Info, message, "an inventory with `retired_at` says for sure who is gone");
    }
    let listed = of(false);
    if !listed.is_empty() {
        let n = listed.len() as u64;
        // One in twenty laptops in a drawer is usual; more than that is an agent, or an inventory that nobody keeps.
        let many = listed.len() * 20 > retired.len();
        let severity = if many { Severity::Warning } else { Severity::Info };
        let message = format!("{} in service {}", count(n, "asset"), words(n));
        add(
            &listed,
            severity,
            message,
            "set `retired_at` in the inventory where the asset is gone; else look at its agent",
        );
    }
}

fn sample(s: &Silent) -> String {
    format!("{} last on {}", short(&s.asset_id), format_day(s.last_day))
}

/// The day of each asset's last failure.
fn last_failures<'a>(context: &CheckContext<'a>) -> BTreeMap<&'a str, i32> {
    let mut last = BTreeMap::new();
    let Some(failures) = context.failures.map(Failures::df) else { return last };
    let (Some(ids), Some(times)) = (texts(failures, "asset_id"), micros(failures, "failed_at")) else {
        return last;
    };
    for (id, at) in ids.iter().zip(times.iter()) {
        let (Some(id), Some(at)) = (id, at) else { continue };
        let day = day_number(at);
        let slot = last.entry(id).or_insert(day);
        *slot = day.max(*slot);
    }
    last
}
