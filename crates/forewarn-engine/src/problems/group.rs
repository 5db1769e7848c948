//! Which tickets say the same, so that the answer of one night is kept by the next. It does not know ids or titles.
//!
//! Groups are fitted on the calendar of `risk.refit_every`, on the tickets opened before; later tickets join them one by
//! one, and those that fit nowhere are grouped among themselves. So a night adds tickets to groups and moves none.

use std::collections::BTreeMap;

use forewarn_frames::time::day_number;
use forewarn_frames::{Cutoff, Every, Frames};
use forewarn_models::text::{Bag, TextGroups, TextGroupsParams};

use super::desk::Desk;
use crate::{EngineError, Progress};

/// The groups of a desk.
pub(super) struct Grouping {
    /// The group of each ticket.
    pub of: Vec<Option<u32>>,
    /// How typical each ticket is of its group.
    pub typical: Vec<f64>,
    pub n_groups: usize,
    /// What tickets without text have in common, by group.
    pub pattern: BTreeMap<u32, String>,
}

/// The ticket up to which groups are fitted: those before the last date of the calendar, unless most tickets came later.
fn fitted_until(desk: &Desk, end: Cutoff, every: Every) -> usize {
    let Some(first) = desk.opened_at.first() else { return 0 };
    let first = Cutoff::from_day(day_number(*first));
    let Some(anchor) = every.anchored(first, end).pop() else { return desk.len() };
    let until = desk.opened_at.partition_point(|t| *t < anchor.micros());
    if 2 * until >= desk.len() { until } else { desk.len() }
}

/// Groups the tickets by their texts, and those without text by category, subcategory and the pattern of their asset.
pub(super) fn group(
    frames: &Frames,
    desk: &Desk,
    refit_every: Every,
    seed: u64,
    progress: &dyn Progress,
) -> Result<Grouping, EngineError> {
    let until = fitted_until(desk, frames.end(), refit_every);
    let with_text: Vec<usize> = (0..desk.len()).filter(|&i| desk.has_text[i]).collect();
    let n_fitted = with_text.partition_point(|&i| i < until);
    let bags = |rows: &[usize]| rows.iter().map(|&i| desk.bag[i].clone()).collect::<Vec<Bag>>();
    // A group that is small tonight may grow until the next fit.
    let params = TextGroupsParams { min_texts: 1, seed, ..TextGroupsParams::default() };
    let fit = |bags: &[Bag]| TextGroups::fit(bags, &params).map_err(EngineError::model);
    progress.step("problems", 0, 2);
    let groups = fit(&bags(&with_text[..n_fitted]))?;
    progress.step("problems", 1, 2);
    if progress.cancelled() {
        return Err(EngineError::Cancelled);
    }
    let mut out = Grouping {
        of: vec![None; desk.len()],
        typical: vec![0.0; desk.len()],
        n_groups: groups.n_groups(),
        pattern: BTreeMap::new(),
    };
    for (k, &i) in with_text[..n_fitted].iter().enumerate() {
        (out.of[i], out.typical[i]) = (groups.group_of(k), groups.closeness(k));
    }
    let later = bags(&with_text[n_fitted..]);
    for (&i, group) in with_text[n_fitted..].iter().zip(groups.assign_all(&later)) {
        out.of[i] = group;
    }
    let rest: Vec<usize> = with_text[n_fitted..].iter().copied().filter(|&i| out.of[i].is_none()).collect();
    let new = fit(&bags(&rest))?;
    for (k, &i) in rest.iter().enumerate() {
        out.of[i] = new.group_of(k).map(|g| g + out.n_groups as u32);
        out.typical[i] = new.closeness(k);
    }
    out.n_groups += new.n_groups();
    by_pattern(frames, desk, &mut out)?;
    progress.step("problems", 2, 2);
    Ok(out)
}

/// The groups of tickets without text.
fn by_pattern(frames: &Frames, desk: &Desk, out: &mut Grouping) -> Result<(), EngineError> {
    let looks = desk.asset_patterns(frames)?;
    let mut number: BTreeMap<(&str, Option<&str>), u32> = BTreeMap::new();
    for i in (0..desk.len()).filter(|&i| !desk.has_text[i]) {
        let Some(category) = desk.category[i].as_deref() else { continue };
        let look = looks[i].as_deref();
        let group = *number.entry((category, look)).or_insert_with(|| {
            out.n_groups += 1;
            out.n_groups as u32 - 1
        });
        out.of[i] = Some(group);
        out.pattern.entry(group).or_insert_with(|| match look {
            Some(look) => format!("{category}, {look}"),
            None => category.to_owned(),
        });
    }
    Ok(())
}
