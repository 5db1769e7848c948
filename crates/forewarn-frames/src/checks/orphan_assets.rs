//! Records of assets that the inventory does not know.

use std::collections::{BTreeSet, HashSet};

use super::shared::{N_SAMPLES, by_share, count, pick, share, short, sources, tables, texts};
use super::{Check, CheckContext, CheckDoc};
use crate::finding::Finding;

pub(super) const CHECK: Check = Check {
    doc: CheckDoc {
        name: "orphan_assets",
        what: "Tickets, readings, events and failures that name an asset which is not in the inventory.",
        why: "Such records never reach a forecast: the asset is not scored, and its failures are not learned from.",
        example: "320 of 3400 rows (9.4 %) name 41 assets that the inventory does not hold: srv-web-01.corp.example.",
        what_to_do: "Complete the inventory, or map the column that holds the same kind of name. Names that differ only in case or by a domain can be brought together with an expression.",
    },
    run,
};

fn run(context: &CheckContext<'_>, out: &mut Vec<Finding>) {
    let Some(known) = context.assets.and_then(|a| texts(a.df(), "asset_id")) else { return };
    let known: HashSet<&str> = known.iter().flatten().collect();
    let mut plain: Option<HashSet<String>> = None;
    let mut add = |table: &str,
                   source: &dyn std::fmt::Display,
                   n_named: u64,
                   n_rows: u64,
                   orphans: BTreeSet<&str>| {
        if n_rows == 0 {
            return;
        }
        let plain = plain.get_or_insert_with(|| known.iter().map(|id| plain_name(id)).collect());
        let n_alike = orphans.iter().filter(|id| plain.contains(&plain_name(id))).count() as u64;
        let n_orphans = orphans.len() as u64;
        let hint = if n_alike > 0 {
            format!(
                "{n_alike} of them {} in the inventory but for case or domain: map `asset_id` with an expression such as `{{ sql = \"LOWER(…)\" }}`",
                pick(n_alike, "is", "are")
            )
        } else {
            "complete the inventory, or map the column that holds the inventory's names to `asset_id`"
                .to_owned()
        };
        out.push(Finding {
            check: CHECK.doc.name.to_owned(),
            severity: by_share(n_rows, n_named),
            table: table.to_owned(),
            column: Some("asset_id".to_owned()),
            n_rows,
            sample: orphans.into_iter().take(N_SAMPLES).map(short).collect(),
            message: format!(
                "{}{source} {} {} that the inventory does not hold",
                share(n_rows, n_named),
                pick(n_rows, "names", "name"),
                count(n_orphans, "asset")
            ),
            hint,
        });
    };
    for (source, rows) in sources(context) {
        let assets = rows.assets();
        let orphans: Vec<_> = assets.iter().filter(|a| !known.contains(a.0)).collect();
        let sum = orphans.iter().map(|a| a.1).sum();
        add("telemetry", &source, rows.n_rows(), sum, orphans.iter().map(|a| a.0).collect());
    }
    for table in tables(context) {
        // Failures that were derived from tickets repeat what the tickets show.
        let derived =
            table.name == "failures" && table.df.column("ticket_id").is_ok_and(|c| c.null_count() < c.len());
        let Some(ids) = texts(table.df, "asset_id").filter(|_| !derived) else { continue };
        let (mut n_named, mut n_rows) = (0, 0);
        let mut orphans: BTreeSet<&str> = BTreeSet::new();
        // Rows of one asset mostly stand together, so most of them cost one comparison.
        let mut last: Option<(&str, bool)> = None;
        for id in ids.iter().flatten() {
            n_named += 1;
            let orphan = match last {
                Some((l, orphan)) if l == id => orphan,
                _ => {
                    let orphan = !known.contains(id);
                    if orphan {
                        orphans.insert(id);
                    }
                    orphan
                }
            };
            last = Some((id, orphan));
            n_rows += u64::from(orphan);
        }
        add(table.name, &"", n_named, n_rows, orphans);
    }
}

/// A name without case and without what follows the first dot, as host names come.
fn plain_name(id: &str) -> String {
    id.split('.').next().unwrap_or(id).trim().to_lowercase()
}
