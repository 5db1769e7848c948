//! How the ranking moved since the night before, and what moved it: the same model over what was known one night earlier.
//! It does not know how features are computed or how risk is fitted.

use std::collections::BTreeMap;

use forewarn_features::FeatureTable;
use forewarn_frames::{Frames, History};
use forewarn_models::{Contributions, logit};

use crate::EngineError;
use crate::decide::Decider;
use crate::fit::{ModelSet, Prediction};
use crate::reasons::most_telling;

/// Log odds that an asset's own risk must have changed by to count as having changed: a tenth of the odds. Ages and
/// windows move a little every night.
const NOTICEABLE: f64 = 0.1;

/// How one asset moved.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Move {
    /// Its rank one night earlier; `None` where it was not ranked then.
    pub previous_rank: Option<u32>,
    /// Why it is another one now; only where reasons were asked for.
    pub reason: Option<String>,
}

/// The rows of these assets by risk, the likeliest to fail first. A calibrator may give many rows the same probability: among
/// them the log odds before calibration decide, and then the order of ids.
pub(crate) fn by_risk(assets: &[usize], p: &Prediction) -> Vec<usize> {
    // The probability of an unknown asset is not that of the chosen candidate.
    let before = |i: usize| if p.unknown[i] { logit(p.probability[i]) } else { p.log_odds[i] };
    let mut order: Vec<usize> = (0..assets.len()).collect();
    order.sort_by(|&a, &b| {
        p.probability[b]
            .total_cmp(&p.probability[a])
            .then(before(b).total_cmp(&before(a)))
            .then(assets[a].cmp(&assets[b]))
    });
    order
}

/// What the ranking of one night rests on.
pub(crate) struct Night<'a> {
    pub history: &'a History<'a>,
    pub table: &'a FeatureTable,
    pub prediction: &'a Prediction,
    /// The rows in the order of the ranking, those held back last.
    pub order: &'a [usize],
    /// What holds assets back.
    pub held: &'a BTreeMap<usize, String>,
    /// Of the first rows of `order`: the contributions to their log odds.
    pub contributions: &'a Contributions,
}

/// The moves since the night before `now`, by place; the places that have contributions get reasons.
pub(crate) fn moves(
    frames: &Frames,
    (model, decider): (&ModelSet, &Decider<'_>),
    horizon: usize,
    now: &Night<'_>,
) -> Result<Vec<Move>, EngineError> {
    let history = frames.as_of(now.history.cutoff().plus_days(-1));
    let population = history.population();
    if population.is_empty() {
        return Ok(vec![Move::default(); now.order.len()]);
    }
    let table = model.features(&history, &population);
    let prediction = model.predict(&table)?.swap_remove(horizon);
    let x = model.matrix(&table)?;
    // The row and the rank that each asset had.
    let decided = decider.decide(&history, (&table, &x), &prediction)?;
    let was_held = &decided.held;
    let places = decided.order.iter().zip(1..);
    let before: BTreeMap<usize, (usize, u32)> =
        places.map(|(&row, rank)| (table.assets[row], (row, rank))).collect();
    let explained = now.contributions.values.n_rows();
    let had = |place: usize| before.get(&now.table.assets[now.order[place]]).copied();
    let (places, rows): (Vec<usize>, Vec<usize>) =
        (0..explained).filter_map(|place| had(place).map(|(row, _)| (place, row))).unzip();
    let contributions = model.horizons[horizon].contributions(&x.select_rows(&rows))?;
    let mut out: Vec<Move> = (0..now.order.len())
        .map(|place| Move { previous_rank: had(place).map(|h| h.1), reason: None })
        .collect();
    for (place, moved) in out.iter_mut().enumerate().take(explained) {
        if moved.previous_rank.is_none() {
            let arrived = now.history.asset(now.table.assets[now.order[place]]).in_service_at;
            moved.reason = Some(
                if arrived.is_some() {
                    "new: in service since yesterday"
                } else {
                    "new: first seen yesterday"
                }
                .into(),
            );
        }
    }
    for (k, (&place, &row)) in places.iter().zip(&rows).enumerate() {
        let rank = place as u32 + 1;
        let Some(previous) = out[place].previous_rank.filter(|p| *p != rank) else { continue };
        let up = previous > rank;
        let row_now = now.order[place];
        let change = now.prediction.log_odds[row_now] - prediction.log_odds[row];
        let (unknown_before, unknown_now) = (prediction.unknown[row], now.prediction.unknown[row_now]);
        let asset = now.table.assets[row_now];
        let own = if let Some(words) = now.held.get(&asset).filter(|_| !up && !was_held.contains_key(&asset))
        {
            Some(format!("held back: {words}"))
        } else if up && was_held.contains_key(&asset) && !now.held.contains_key(&asset) {
            Some("no longer held back".to_owned())
        } else if unknown_now {
            None
        } else if unknown_before {
            Some("now seen for long enough to be judged by its own data".to_owned())
        } else if change.abs() >= NOTICEABLE && (change > 0.0) == up {
            let rows = Rows { before: (&table, row, k), now: (now.table, row_now, place) };
            Some(
                rows.what_changed(model, (&contributions, now.contributions), change.signum())
                    .unwrap_or_else(|| "many of its signals changed a little".to_owned()),
            )
        } else {
            None
        };
        out[place].reason =
            own.or_else(|| Some(if up { "others moved down" } else { "others moved up" }.to_owned()));
    }
    Ok(out)
}

/// One asset in both nights: the table, its row there and its row among the contributions.
struct Rows<'a> {
    before: (&'a FeatureTable, usize, usize),
    now: (&'a FeatureTable, usize, usize),
}

impl Rows<'_> {
    /// The change of the family of features whose contribution changed most in the direction of `sign`, in the words of
    /// the feature that changed it most. Where its values read alike, the next family is told.
    fn what_changed(
        &self,
        model: &ModelSet,
        (was, is): (&Contributions, &Contributions),
        sign: f64,
    ) -> Option<String> {
        let columns = &model.columns;
        let change =
            |j: usize| sign * (is.values.column(j)[self.now.2] - was.values.column(j)[self.before.2]);
        let mut sums: BTreeMap<&str, f64> = BTreeMap::new();
        for (j, family) in columns.families.iter().enumerate() {
            *sums.entry(family).or_insert(0.0) += change(j);
        }
        let mut families: Vec<(&str, f64)> = sums.into_iter().filter(|f| f.1 > 0.0).collect();
        families.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(b.0)));
        families.into_iter().find_map(|(family, _)| {
            // What reads alike in both nights cannot be told.
            let told: BTreeMap<usize, String> = (0..columns.families.len())
                .filter(|&j| columns.families[j] == family && change(j) > 0.0)
                .filter_map(|j| Some((j, self.say(model, j)?)))
                .collect();
            let added: Vec<(usize, f64)> = told.keys().map(|&j| (j, change(j))).collect();
            most_telling(model, &added).and_then(|j| told.get(&j).cloned())
        })
    }

    /// The change of one column in words, where there is one.
    fn say(&self, model: &ModelSet, column: usize) -> Option<String> {
        let n = model.columns.n_numbers;
        if column < n {
            let value = |of: &(&FeatureTable, usize, usize)| of.0.numbers[column][of.1];
            return model.catalog.features()[column].say_change(value(&self.before), value(&self.now));
        }
        let word = |of: &(&FeatureTable, usize, usize)| {
            of.0.words[column - n][of.1].clone().unwrap_or_else(|| "not known".into())
        };
        let (was, is) = (word(&self.before), word(&self.now));
        let name = &model.columns.names[column];
        (was != is)
            .then(|| format!("{} is {is} (before: {was})", name.strip_prefix("asset.").unwrap_or(name)))
    }
}
