//! The ranking of today: probability, interval, status, remaining life, modes, reasons and moves, one row an asset. It does
//! not know how models are fitted.

use std::collections::BTreeMap;

use forewarn_features::FeatureTable;
use forewarn_frames::output::{RISK, RankingRow, Status, ranking_frame};
use forewarn_frames::{Frames, History};
use forewarn_models::{Life, remaining_life};
use polars::prelude::*;

use crate::degradation::Said;
use crate::feedback::{held, held_last};
use crate::fit::{ModelSet, Prediction};
use crate::modes::OTHER;
use crate::moves::{Night, by_risk, moves};
use crate::reasons::Reasons;
use crate::{EngineError, Settings};

/// Assets that get reasons: those a person could look at.
const EXPLAINED: usize = 1_000;

/// The `ranking` table.
pub(crate) fn ranking(
    frames: &Frames,
    settings: &Settings,
    model: &ModelSet,
    history: &History<'_>,
    table: &FeatureTable,
    predictions: &[Prediction],
    worse: &Said,
) -> Result<DataFrame, EngineError> {
    let by = settings.risk.horizons.iter().position(|h| *h == settings.risk.rank_by).unwrap_or(0);
    let p = &predictions[by];
    let held = held(history, settings.risk.rank_by);
    let order = held_last(by_risk(table, p), &table.assets, &held);
    let x = model.matrix(table)?;
    let explained: Vec<usize> = order.iter().copied().take(EXPLAINED).collect();
    let c = model.horizons[by].contributions(&x.select_rows(&explained))?;
    let night = Night { history, table, prediction: p, order: &order, held: &held, contributions: &c };
    let moves = moves(frames, model, (by, settings.risk.rank_by), &night)?;
    let lives = lives(frames, settings, model, history, table, predictions)?;
    let word = |code: Option<forewarn_frames::Code>| code.map(|c| history.word(c));
    let kinds: Vec<Option<&str>> = table.assets.iter().map(|&a| word(history.asset(a).kind)).collect();
    let shares = model.modes.as_ref().map(|m| m.predict(&x, &kinds, &p.unknown)).transpose()?;
    let group: Vec<Option<(&str, &str)>> = table
        .assets
        .iter()
        .map(|&a| {
            let asset = history.asset(a);
            word(asset.model).map(|m| ("model", m)).or_else(|| word(asset.kind).map(|k| ("kind", k)))
        })
        .collect();
    let mut reasons = Reasons::new(model, table, &x, &group, worse);
    let sites = today(frames, "site")?;
    let visits = settings.capacity.visits as usize;
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
            RankingRow {
                rank: place as u32 + 1,
                asset_id: history.asset_id(a).to_owned(),
                kind: word(asset.kind).map(str::to_owned),
                model: word(asset.model).map(str::to_owned),
                site: sites.get(history.asset_id(a)).cloned(),
                horizon_days: settings.risk.rank_by.get(),
                probability: p.probability[i],
                probability_low: p.low[i],
                probability_high: p.high[i],
                status: if p.unknown[i] { Status::Unknown } else { Status::Scored },
                failure_mode: modes.first().map(|m| m.0.clone()).filter(|m| m != OTHER),
                remaining_life_days: lives[i].median,
                remaining_life_low: lives[i].low,
                remaining_life_high: lives[i].high,
                expected_cost: None,
                expected_saving: None,
                action: (place < visits).then(|| "visit".to_owned()),
                modes,
                reasons: if place < explained.len() { reasons.of(&c, place, i) } else { Vec::new() },
                previous_rank: moves[place].previous_rank,
                move_reason: moves[place].reason.clone(),
                owner: None,
                criticality: None,
                warranty_ends_at: None,
                break_even: None,
                effectiveness: None,
                effectiveness_from: None,
                action_reason: None,
                feedback: held.get(&a).cloned(),
            }
        })
        .collect();
    Ok(ranking_frame(&rows)?)
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

/// A changeable attribute as of today, by asset id.
fn today(frames: &Frames, column: &str) -> Result<BTreeMap<String, String>, EngineError> {
    let Some(assets) = frames.inventory() else { return Ok(BTreeMap::new()) };
    let (id, value) = (assets.df().column("asset_id")?.str()?, assets.df().column(column)?.str()?);
    Ok(id.iter().zip(value.iter()).filter_map(|(i, v)| Some((i?.to_owned(), v?.to_owned()))).collect())
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
