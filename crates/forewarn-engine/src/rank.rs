//! The ranking of today: probability, interval, status, remaining life, modes, reasons and moves, one row an asset. It does
//! not know how models are fitted.

use std::collections::BTreeMap;

use forewarn_features::FeatureTable;
use forewarn_frames::output::{RISK, RankingRow, Status, ranking_frame};
use forewarn_frames::{Frames, History};
use forewarn_models::{Life, remaining_life};
use polars::prelude::*;

use crate::decide::{Decider, Due};
use crate::degradation::Said;
use crate::fit::{ModelSet, Prediction};
use crate::modes::OTHER;
use crate::moves::{Night, moves};
use crate::reasons::{Reasons, compared_with};
use crate::{EngineError, Settings};

/// Assets that get reasons: those a person could look at.
pub(crate) const EXPLAINED: usize = 1_000;

/// The ranking, and what is due on whom.
pub(crate) struct Ranked {
    /// The `ranking` table.
    pub table: DataFrame,
    /// Assets for which something is to be done, in its order.
    pub due: Vec<Due>,
    /// The probabilities, in its order.
    pub probability: Vec<f64>,
    /// The rows of the feature table, in its order.
    pub order: Vec<usize>,
    /// What holds assets back, in words.
    pub held: BTreeMap<usize, String>,
}

/// See [`Ranked`].
pub(crate) fn ranking(
    frames: &Frames,
    settings: &Settings,
    (model, decider): (&ModelSet, &Decider<'_>),
    history: &History<'_>,
    table: &FeatureTable,
    predictions: &[Prediction],
    worse: &Said,
) -> Result<Ranked, EngineError> {
    let by = settings.risk.horizons.iter().position(|h| *h == settings.risk.rank_by).unwrap_or(0);
    let p = &predictions[by];
    let x = model.matrix(table)?;
    let decided = decider.decide(history, (table, &x), p)?;
    let order = &decided.order;
    let explained: Vec<usize> = order.iter().copied().take(EXPLAINED).collect();
    let c = model.horizons[by].contributions(&x.select_rows(&explained))?;
    let night = Night { history, table, prediction: p, order, held: &decided.held, contributions: &c };
    let moves = moves(frames, (model, decider), by, &night)?;
    let lives = lives(frames, settings, model, history, table, predictions)?;
    let word = |code: Option<forewarn_frames::Code>| code.map(|c| history.word(c));
    let kinds: Vec<Option<&str>> = table.assets.iter().map(|&a| word(history.asset(a).kind)).collect();
    let shares = model.modes.as_ref().map(|m| m.predict(&x, &kinds, &p.unknown)).transpose()?;
    let group = compared_with(history, &table.assets);
    let mut reasons = Reasons::new(model, table, &x, &group, worse);
    let visits = settings.capacity.visits as usize;
    let today = &decider.today;
    let mut due = Vec::new();
    let rows: Vec<RankingRow> = order
        .iter()
        .enumerate()
        .map(|(place, &i)| {
            let a = table.assets[i];
            let asset = history.asset(a);
            let modes = match (&model.modes, &shares) {
                (Some(m), Some(shares)) => m.split(p.probability[i], &shares[i]),
                _ => Vec::new(),
            };
            let (decision, listed) = (&decided.by_row[i], place < visits);
            let held = decided.held.get(&a).map(String::as_str);
            let said = decider.say(decision, (a, p.probability[i]), (listed, held), history.cutoff());
            if said.name != "observe" {
                due.push(Due {
                    asset_id: history.asset_id(a).to_owned(),
                    model: word(asset.model).map(str::to_owned),
                    firmware: today.firmware[a].clone(),
                    site: today.site[a].clone(),
                    owner: today.owner[a].clone(),
                    listed,
                    action: said.name,
                    title: said.title.clone(),
                    why: said.why.clone(),
                    probability: p.probability[i],
                    cost: decision.cost,
                    saving: decision.saving,
                    effectiveness: said.effectiveness,
                    effectiveness_from: said.effectiveness_from,
                });
            }
            RankingRow {
                rank: place as u32 + 1,
                asset_id: history.asset_id(a).to_owned(),
                kind: word(asset.kind).map(str::to_owned),
                model: word(asset.model).map(str::to_owned),
                site: today.site[a].clone(),
                horizon_days: settings.risk.rank_by.get(),
                probability: p.probability[i],
                probability_low: p.low[i],
                probability_high: p.high[i],
                status: if p.unknown[i] { Status::Unknown } else { Status::Scored },
                failure_mode: modes.first().map(|m| m.0.clone()).filter(|m| m != OTHER),
                remaining_life_days: lives[i].median,
                remaining_life_low: lives[i].low,
                remaining_life_high: lives[i].high,
                expected_cost: decision.cost,
                expected_saving: decision.saving,
                action: Some(said.title),
                modes,
                reasons: if place < explained.len() { reasons.of(&c, place, i) } else { Vec::new() },
                previous_rank: moves[place].previous_rank,
                move_reason: moves[place].reason.clone(),
                owner: today.owner[a].clone(),
                criticality: today.criticality[a],
                warranty_ends_at: today.warranty_ends_at[a],
                break_even: decision.break_even,
                effectiveness: Some(said.effectiveness),
                effectiveness_from: Some(said.effectiveness_from.to_owned()),
                action_reason: Some(said.why),
                feedback: held.map(str::to_owned),
            }
        })
        .collect();
    let probability = rows.iter().map(|r| r.probability).collect();
    Ok(Ranked { table: ranking_frame(&rows)?, due, probability, order: decided.order, held: decided.held })
}

/// The remaining life of each row: from its probabilities at all horizons, and from how its telemetry declines where units
/// of its kind run until they fail.
fn lives(
    frames: &Frames,
    settings: &Settings,
    model: &ModelSet,
    history: &History<'_>,
    table: &FeatureTable,
    predictions: &[Prediction],
) -> Result<Vec<Life>, EngineError> {
    let days: Vec<f64> = settings.risk.horizons.iter().map(|h| f64::from(h.get())).collect();
    let known = model.catalog.subjects(history);
    let declines = crate::degradation::lives(
        frames,
        history,
        model.fitted_at,
        &table.assets,
        &|metric| known.contains(metric),
        settings,
    )?;
    let longest = days.last().copied().unwrap_or(0.0);
    (0..predictions[0].probability.len())
        .map(|i| {
            let p: Vec<f64> = predictions.iter().map(|p| p.probability[i]).collect();
            let curve = remaining_life(&days, &p).map_err(EngineError::model)?;
            Ok(declines[i].map_or(curve, |decline| curve.told_by_decline(decline, longest)))
        })
        .collect()
}

/// The `risk` table: every (asset, horizon), by asset, then horizon.
pub(crate) fn risk(
    settings: &Settings,
    history: &History<'_>,
    table: &FeatureTable,
    predictions: &[Prediction],
) -> Result<DataFrame, EngineError> {
    let k = predictions.len();
    let n = table.assets.len() * k;
    let at = |f: &dyn Fn(&Prediction, usize) -> f64| -> Vec<f64> {
        (0..n).map(|r| f(&predictions[r % k], r / k)).collect()
    };
    let df = DataFrame::new(
        n,
        vec![
            Column::new(
                "asset_id".into(),
                (0..n).map(|r| history.asset_id(table.assets[r / k])).collect::<Vec<_>>(),
            ),
            Column::new(
                "horizon_days".into(),
                (0..n).map(|r| i64::from(settings.risk.horizons[r % k].get())).collect::<Vec<_>>(),
            ),
            Column::new("probability".into(), at(&|p, i| p.probability[i])),
            Column::new("probability_low".into(), at(&|p, i| p.low[i])),
            Column::new("probability_high".into(), at(&|p, i| p.high[i])),
            Column::new(
                "status".into(),
                (0..n)
                    .map(|r| {
                        if predictions[0].unknown[r / k] { Status::Unknown } else { Status::Scored }.name()
                    })
                    .collect::<Vec<_>>(),
            ),
        ],
    )?;
    debug_assert_eq!(RISK.check(&df), Ok(()));
    Ok(df)
}
