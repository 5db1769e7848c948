//! Tickets that name no asset.

use super::shared::{N_SAMPLES, cell, pick, share, short, texts};
use super::{Check, CheckContext, CheckDoc};
use crate::finding::{Finding, Severity};

pub(super) const CHECK: Check = Check {
    doc: CheckDoc {
        name: "tickets_without_asset",
        what: "Tickets whose asset_id is empty.",
        why: "They count in the forecasts of volume and in the problem groups, but no asset's risk can learn from them.",
        example: "1900 of 3400 rows (55.9 %) name no asset.",
        what_to_do: "Look whether another column (the configuration item, a host name in the title) names the asset, and map it. At the service desk, make the field a habit.",
    },
    run,
};

fn run(context: &CheckContext<'_>, out: &mut Vec<Finding>) {
    let Some(tickets) = context.tickets else { return };
    let df = tickets.df();
    let Ok(ids) = df.column("asset_id") else { return };
    let (n_rows, of) = (ids.null_count() as u64, df.height() as u64);
    if n_rows == 0 {
        return;
    }
    let sample = texts(df, "asset_id")
        .map(|ids| ids.iter().enumerate().filter(|(_, id)| id.is_none()).take(N_SAMPLES))
        .map(|rows| rows.map(|(row, _)| short(cell(df, "ticket_id", row))).collect());
    out.push(Finding {
        check: CHECK.doc.name.to_owned(),
        severity: if n_rows * 2 > of { Severity::Warning } else { Severity::Info },
        table: "tickets".to_owned(),
        column: Some("asset_id".to_owned()),
        n_rows,
        sample: sample.unwrap_or_default(),
        message: format!("{} {} no asset", share(n_rows, of), pick(n_rows, "names", "name")),
        hint: "map the column that names the configuration item to `asset_id`".to_owned(),
    });
}
