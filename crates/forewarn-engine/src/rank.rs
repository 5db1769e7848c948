//! The ranking of today: probability, interval, status, remaining life, modes, and reasons that add up. It does not know
//! how models are fitted.

use std::collections::BTreeMap;

use forewarn_features::{Catalog, FeatureTable};
use forewarn_frames::output::{RISK, RankingRow, Reason, Status, ranking_frame};
use forewarn_frames::{Frames, History};
use forewarn_models::{Contributions, Life, Matrix, remaining_life};
use polars::prelude::*;

use crate::fit::{ModelSet, Prediction};
use crate::modes::OTHER;
use crate::moves::{Night, by_risk, moves};
use crate::{EngineError, Settings};

/// Assets that get reasons: those a person could look at.
const EXPLAINED: usize = 1_000;
/// Reasons told one by one; the rest is summed as `other`.
const MAX_REASONS: usize = 6;
/// Fewer peers than this make no comparison.
const MIN_PEERS: usize = 20;

/// Sorted values of a column among an asset's peers, made once per (column, peer group).
struct Peers<'a> {
    x: &'a Matrix,
    group: &'a [Option<(&'a str, &'a str)>],
    sorted: BTreeMap<(usize, &'a str), Vec<f64>>,
}

impl Peers<'_> {
    /// `higher than 99 % of ST4000DM000`, where that is worth saying.
    fn say(&mut self, row: usize, column: usize) -> Option<String> {
        let (_, name) = self.group[row]?;
        let v = self.x.column(column)[row];
        if v.is_nan() {
            return None;
        }
        let sorted = self.sorted.entry((column, name)).or_insert_with(|| {
            let mut all: Vec<f64> = (0..self.x.n_rows())
                .filter(|&i| self.group[i].is_some_and(|g| g.1 == name))
                .map(|i| self.x.column(column)[i])
                .filter(|v| !v.is_nan())
                .collect();
            all.sort_by(f64::total_cmp);
            all
        });
        let n = sorted.len();
        if n < MIN_PEERS {
            return None;
        }
        let below = sorted.partition_point(|x| *x < v) as f64 / n as f64;
        let above = (n - sorted.partition_point(|x| *x <= v)) as f64 / n as f64;
        // Rounded down, so that nothing is said to be rarer than it is.
        let percent = |share: f64| (share * 100.0).floor();
        if below >= 0.8 {
            Some(format!("higher than {:.0} % of {name}", percent(below)))
        } else if above >= 0.8 {
            Some(format!("lower than {:.0} % of {name}", percent(above)))
        } else {
            None
        }
    }
}

fn reasons(
    model: &ModelSet,
    catalog: &Catalog,
    table: &FeatureTable,
    c: &Contributions,
    row: usize,
    x_row: usize,
    peers: &mut Peers<'_>,
) -> Vec<Reason> {
    let columns = &model.columns;
    // One thing, one reason: what a family's columns say together, told by the one that says most.
    let mut families: BTreeMap<&str, (f64, usize, f64)> = BTreeMap::new();
    for (j, family) in columns.families.iter().enumerate() {
        let v = c.values.column(j)[row];
        let cell = families.entry(family).or_insert((0.0, j, 0.0));
        cell.0 += v;
        if v.abs() > cell.2 {
            (cell.1, cell.2) = (j, v.abs());
        }
    }
    let mut told: Vec<(&str, f64, usize)> =
        families.into_iter().map(|(f, (sum, j, _))| (f, sum, j)).collect();
    told.sort_by(|a, b| b.1.abs().total_cmp(&a.1.abs()).then(a.0.cmp(b.0)));
    let mut out: Vec<Reason> = Vec::new();
    let mut rest = 0.0;
    for (_, sum, j) in told {
        if out.len() >= MAX_REASONS || sum.abs() < 0.02 {
            rest += sum;
            continue;
        }
        let (value, unit, text) = if j < columns.n_numbers {
            let spec = &catalog.features()[j];
            let v = table.numbers[j][x_row];
            let mut text = spec.say(v);
            // A share, a chance or a time since says by itself how unusual it is.
            let by_itself = matches!(spec.unit, "share" | "days" | "log odds");
            if let Some(p) = peers.say(x_row, j).filter(|_| !by_itself) {
                text = format!("{text}; {p}");
            }
            (v.is_finite().then_some(v), spec.unit.to_owned(), text)
        } else {
            let name = &columns.names[j];
            let word = table.words[j - columns.n_numbers][x_row].as_deref().unwrap_or("not known");
            (None, String::new(), format!("{} is {word}", name.strip_prefix("asset.").unwrap_or(name)))
        };
        out.push(Reason { feature: columns.names[j].clone(), value, unit, contribution: sum, text });
    }
    if rest.abs() > 0.0 {
        out.push(Reason {
            feature: "other".into(),
            value: None,
            unit: String::new(),
            contribution: rest,
            text: "everything else together".into(),
        });
    }
    out.push(Reason {
        feature: "base".into(),
        value: None,
        unit: String::new(),
        contribution: c.base,
        text: "a typical asset".into(),
    });
    out
}

/// The `ranking` table.
pub(crate) fn ranking(
    frames: &Frames,
    settings: &Settings,
    model: &ModelSet,
    history: &History<'_>,
    table: &FeatureTable,
    predictions: &[Prediction],
) -> Result<DataFrame, EngineError> {
    let by = settings.risk.horizons.iter().position(|h| *h == settings.risk.rank_by).unwrap_or(0);
    let p = &predictions[by];
    let order = by_risk(table, p);
    let x = model.matrix(table)?;
    let explained: Vec<usize> = order.iter().copied().take(EXPLAINED).collect();
    let c = model.horizons[by].contributions(&x.select_rows(&explained))?;
    let night = Night { history, table, prediction: p, order: &order, contributions: &c };
    let moves = moves(frames, model, by, &night)?;
    let lives = lives(settings, predictions)?;
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
    let mut peers = Peers { x: &x, group: &group, sorted: BTreeMap::new() };
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
                reasons: if place < explained.len() {
                    reasons(model, &model.catalog, table, &c, place, i, &mut peers)
                } else {
                    Vec::new()
                },
                previous_rank: moves[place].previous_rank,
                move_reason: moves[place].reason.clone(),
            }
        })
        .collect();
    Ok(ranking_frame(&rows)?)
}

/// The remaining life of each row, from its probabilities at all horizons.
fn lives(settings: &Settings, predictions: &[Prediction]) -> Result<Vec<Life>, EngineError> {
    let days: Vec<f64> = settings.risk.horizons.iter().map(|h| f64::from(h.get())).collect();
    (0..predictions[0].probability.len())
        .map(|i| {
            let p: Vec<f64> = predictions.iter().map(|p| p.probability[i]).collect();
            remaining_life(&days, &p).map_err(EngineError::model)
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
