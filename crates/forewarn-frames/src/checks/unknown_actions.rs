//! Reports of what was done that cannot be followed.

use super::shared::{N_SAMPLES, cell, count, micros, pick, share, short, texts};
use super::{Check, CheckContext, CheckDoc};
use crate::ActionKind;
use crate::finding::{Finding, Severity};

pub(super) const CHECK: Check = Check {
    doc: CheckDoc {
        name: "unknown_actions",
        what: "Rows of actions whose `what` is none of visited, replaced, dismissed and snoozed, and snoozes that do not say until when.",
        why: "What was done on an asset holds it back from the next lists, and is not learned from as health. A row that is not understood does neither.",
        example: "3 of 40 rows (7.5 %) say something else in `what` and are not used: srv-7: done.",
        what_to_do: "Write one of the four words; map other ones with an expression. Give a snooze its `until`.",
    },
    run,
};

fn run(context: &CheckContext<'_>, out: &mut Vec<Finding>) {
    let Some(df) = context.actions.map(crate::input::Actions::df) else { return };
    let (Some(what), Some(until)) = (texts(df, "what"), micros(df, "until")) else { return };
    let kinds: Vec<Option<ActionKind>> = what.iter().map(|w| w.and_then(ActionKind::parse)).collect();
    let rows = |wanted: &dyn Fn(usize) -> bool| (0..df.height()).filter(|i| wanted(*i)).collect::<Vec<_>>();
    let unknown = rows(&|i| kinds[i].is_none());
    let endless = rows(&|i| kinds[i] == Some(ActionKind::Snoozed) && until.get(i).is_none());
    let mut add = |found: &[usize], column: &str, sample: Vec<String>, message: String, hint: String| {
        if !found.is_empty() {
            out.push(Finding {
                check: CHECK.doc.name.to_owned(),
                severity: Severity::Warning,
                table: "actions".to_owned(),
                column: Some(column.to_owned()),
                n_rows: found.len() as u64,
                sample,
                message,
                hint,
            });
        }
    };
    let id = |i: &usize| short(cell(df, "asset_id", *i));
    let n = unknown.len() as u64;
    add(
        &unknown,
        "what",
        unknown
            .iter()
            .take(N_SAMPLES)
            .map(|i| format!("{}: {}", id(i), short(cell(df, "what", *i))))
            .collect(),
        format!(
            "{} {} something else in `what` and {} not used",
            share(n, df.height() as u64),
            pick(n, "says", "say"),
            pick(n, "is", "are")
        ),
        format!("write one of {}", ActionKind::ALL.map(|(_, word)| format!("`{word}`")).join(", ")),
    );
    let n = endless.len() as u64;
    add(
        &endless,
        "until",
        endless.iter().take(N_SAMPLES).map(id).collect(),
        format!(
            "{} {} not say until when; {} for as long as the ranking looks ahead",
            count(n, "snooze"),
            pick(n, "does", "do"),
            pick(n, "it holds", "they hold")
        ),
        "fill in `until`".to_owned(),
    );
}
