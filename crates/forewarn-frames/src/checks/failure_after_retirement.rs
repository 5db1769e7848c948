//! Failures of assets that were already gone.

use super::retired_but_active::after_retirement;
use super::shared::{count, pick, share, tables};
use super::{Check, CheckContext, CheckDoc};
use crate::finding::{Finding, Severity};

pub(super) const CHECK: Check = Check {
    doc: CheckDoc {
        name: "failure_after_retirement",
        what: "Failures on a later day than the asset's retired_at.",
        why: "One of the two dates is wrong, or an id was given to a second device. A retired asset is not scored, so its failure counts for nothing.",
        example: "3 of 210 rows (1.4 %) lie after the asset was retired: disk-7 retired 2015-03-01, failed 2015-04-02.",
        what_to_do: "Correct retired_at in the inventory; give a device that takes over an id an id of its own.",
    },
    run,
};

fn run(context: &CheckContext<'_>, out: &mut Vec<Finding>) {
    let Some(table) = tables(context).into_iter().find(|t| t.name == "failures") else { return };
    let Some(late) = after_retirement(context, &table) else { return };
    out.push(Finding {
        check: CHECK.doc.name.to_owned(),
        severity: Severity::Warning,
        table: table.name.to_owned(),
        column: Some(table.time.to_owned()),
        n_rows: late.n_rows,
        sample: late.sample("failed"),
        message: format!(
            "{} {} after the asset was retired, of {}",
            share(late.n_rows, table.df.height() as u64),
            pick(late.n_rows, "lies", "lie"),
            count(late.n_assets, "asset")
        ),
        hint: "correct `retired_at` in the inventory; a device that takes over an id needs an id of its own"
            .to_owned(),
    });
}
