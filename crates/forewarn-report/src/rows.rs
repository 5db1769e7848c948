//! Rows of output tables as Rust values. It does not know how they are shown, and trusts no more than the schema says:
//! any cell may be null.

use forewarn_frames::output::{RankingRow, Reason, Status};
use polars::prelude::*;

/// A column of text, null where a cell is.
pub(crate) fn texts(df: &DataFrame, name: &str) -> PolarsResult<Vec<Option<String>>> {
    Ok(df.column(name)?.str()?.iter().map(|v| v.map(str::to_owned)).collect())
}

/// A column of numbers; null becomes NaN, which the page writes as "not known".
pub(crate) fn numbers(df: &DataFrame, name: &str) -> PolarsResult<Vec<f64>> {
    Ok(df.column(name)?.f64()?.iter().map(|v| v.unwrap_or(f64::NAN)).collect())
}

/// A column of whole numbers.
pub(crate) fn wholes(df: &DataFrame, name: &str) -> PolarsResult<Vec<Option<i64>>> {
    Ok(df.column(name)?.i64()?.iter().collect())
}

/// A column of times in microseconds.
pub(crate) fn times(df: &DataFrame, name: &str) -> PolarsResult<Vec<Option<i64>>> {
    Ok(df.column(name)?.datetime()?.phys.iter().collect())
}

/// The first text of each list of a column of lists.
pub(crate) fn firsts(df: &DataFrame, name: &str) -> PolarsResult<Vec<Option<String>>> {
    let lists = df.column(name)?.list()?;
    (0..df.height())
        .map(|i| match lists.get_as_series(i) {
            Some(s) => Ok(s.str()?.get(0).map(str::to_owned)),
            None => Ok(None),
        })
        .collect()
}

/// The first `n` texts of each list of a column of lists.
pub(crate) fn text_lists(df: &DataFrame, name: &str, n: usize) -> PolarsResult<Vec<Vec<String>>> {
    let lists = df.column(name)?.list()?;
    (0..df.height())
        .map(|i| match lists.get_as_series(i) {
            Some(s) => Ok(s.str()?.iter().flatten().take(n).map(str::to_owned).collect()),
            None => Ok(Vec::new()),
        })
        .collect()
}

/// A column of flags.
pub(crate) fn flags(df: &DataFrame, name: &str) -> PolarsResult<Vec<Option<bool>>> {
    Ok(df.column(name)?.bool()?.iter().collect())
}

fn known(x: f64) -> Option<f64> {
    x.is_finite().then_some(x)
}

/// The rows of a `ranking` table; take its head first, a fleet may be large.
pub(crate) fn ranking(df: &DataFrame) -> PolarsResult<Vec<RankingRow>> {
    let (rank, previous) = (wholes(df, "rank")?, wholes(df, "previous_rank")?);
    let horizon = wholes(df, "horizon_days")?;
    let [id, kind, model, site, status, mode, action, moved] =
        ["asset_id", "kind", "model", "site", "status", "failure_mode", "action", "move_reason"]
            .map(|c| texts(df, c));
    let (id, kind, model, site) = (id?, kind?, model?, site?);
    let (status, mode, action, moved) = (status?, mode?, action?, moved?);
    let (p, low, high) =
        (numbers(df, "probability")?, numbers(df, "probability_low")?, numbers(df, "probability_high")?);
    let life = numbers(df, "remaining_life_days")?;
    let (life_low, life_high) = (numbers(df, "remaining_life_low")?, numbers(df, "remaining_life_high")?);
    let (cost, saving) = (numbers(df, "expected_cost")?, numbers(df, "expected_saving")?);
    let (break_even, effectiveness) = (numbers(df, "break_even")?, numbers(df, "effectiveness")?);
    let (criticality, warranty) = (wholes(df, "criticality")?, times(df, "warranty_ends_at")?);
    let [owner, effectiveness_from, why, feedback] =
        ["owner", "effectiveness_from", "action_reason", "feedback"].map(|c| texts(df, c));
    let (owner, effectiveness_from, why, feedback) = (owner?, effectiveness_from?, why?, feedback?);
    let (modes, reasons) = (df.column("modes")?.list()?, df.column("reasons")?.list()?);
    (0..df.height())
        .map(|i| {
            Ok(RankingRow {
                rank: rank[i].unwrap_or(0).clamp(0, i64::from(u32::MAX)) as u32,
                asset_id: id[i].clone().unwrap_or_default(),
                kind: kind[i].clone(),
                model: model[i].clone(),
                site: site[i].clone(),
                horizon_days: horizon[i].unwrap_or(0).clamp(0, i64::from(i32::MAX)) as i32,
                probability: p[i],
                probability_low: low[i],
                probability_high: high[i],
                status: if status[i].as_deref() == Some("scored") { Status::Scored } else { Status::Unknown },
                failure_mode: mode[i].clone(),
                remaining_life_days: known(life[i]),
                remaining_life_low: known(life_low[i]),
                remaining_life_high: known(life_high[i]),
                expected_cost: known(cost[i]),
                expected_saving: known(saving[i]),
                action: action[i].clone(),
                modes: match modes.get_as_series(i) {
                    Some(s) => mode_list(&s)?,
                    None => Vec::new(),
                },
                reasons: match reasons.get_as_series(i) {
                    Some(s) => reason_list(&s)?,
                    None => Vec::new(),
                },
                previous_rank: previous[i].and_then(|r| u32::try_from(r).ok()),
                move_reason: moved[i].clone(),
                owner: owner[i].clone(),
                criticality: criticality[i].and_then(|c| u32::try_from(c).ok()),
                warranty_ends_at: warranty[i],
                break_even: known(break_even[i]),
                effectiveness: known(effectiveness[i]),
                effectiveness_from: effectiveness_from[i].clone(),
                action_reason: why[i].clone(),
                feedback: feedback[i].clone(),
            })
        })
        .collect()
}

fn mode_list(s: &Series) -> PolarsResult<Vec<(String, f64)>> {
    let s = s.struct_()?;
    let (names, p) = (s.field_by_name("mode")?, s.field_by_name("probability")?);
    Ok(names
        .str()?
        .iter()
        .zip(p.f64()?.iter())
        .map(|(m, p)| (m.unwrap_or("").to_owned(), p.unwrap_or(f64::NAN)))
        .collect())
}

fn reason_list(s: &Series) -> PolarsResult<Vec<Reason>> {
    let s = s.struct_()?;
    let [feature, value, unit, contribution, text] =
        ["feature", "value", "unit", "contribution", "text"].map(|f| s.field_by_name(f));
    let (feature, value, unit, contribution, text) = (feature?, value?, unit?, contribution?, text?);
    let (feature, unit, text) = (feature.str()?, unit.str()?, text.str()?);
    let (value, contribution) = (value.f64()?, contribution.f64()?);
    let word = |c: &StringChunked, i: usize| c.get(i).unwrap_or("").to_owned();
    Ok((0..feature.len())
        .map(|i| Reason {
            feature: word(feature, i),
            value: value.get(i).and_then(known),
            unit: word(unit, i),
            contribution: contribution.get(i).unwrap_or(f64::NAN),
            text: word(text, i),
        })
        .collect())
}
