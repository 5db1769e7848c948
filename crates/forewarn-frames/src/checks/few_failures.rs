//! Too few failures to learn from.

use super::shared::{count, micros, texts};
use super::{Check, CheckContext, CheckDoc};
use crate::finding::{Finding, Severity};

pub(super) const CHECK: Check = Check {
    doc: CheckDoc {
        name: "few_failures",
        what: "Fewer than 30 failures before as_of.",
        why: "With so few, a model cannot tell causes from chance; the ranking then rests on how often assets of a kind fail.",
        example: "12 failures of 9 assets before 2015-12-31; from 30 on a model can learn.",
        what_to_do: "Give more history, or widen the condition in failure.where; else read the probabilities as those of a cohort.",
    },
    run,
};

/// From so many failures on a model with a few features is worth trying.
const LEAST: u64 = 30;

fn run(context: &CheckContext<'_>, out: &mut Vec<Finding>) {
    let Some((n_rows, n_assets)) = before(context) else { return };
    if n_rows == 0 || n_rows >= LEAST {
        return;
    }
    out.push(Finding {
        check: CHECK.doc.name.to_owned(),
        severity: Severity::Warning,
        table: "failures".to_owned(),
        column: None,
        n_rows,
        sample: Vec::new(),
        message: format!(
            "{} of {} before {}; from {LEAST} on a model can learn",
            count(n_rows, "failure"),
            count(n_assets, "asset"),
            context.as_of
        ),
        hint: "give more history, or widen the condition in `failure.where`".to_owned(),
    });
}

/// How many failures lie before `as_of`, and of how many assets; `None` where failures were not looked at.
pub(super) fn before(context: &CheckContext<'_>) -> Option<(u64, u64)> {
    let df = context.failures?.df();
    let (ids, times) = (texts(df, "asset_id")?, micros(df, "failed_at")?);
    let end = context.as_of.micros();
    let rows = ids.iter().zip(times.iter()).filter(|(_, at)| at.is_some_and(|at| at < end));
    // Rows come sorted by asset.
    let (mut n, mut n_assets, mut last) = (0, 0, None);
    for (id, _) in rows {
        n += 1;
        n_assets += u64::from(last != Some(id));
        last = Some(id);
    }
    Some((n, n_assets))
}
