//! Parts of the nightly run, each by itself: features, the model, forecasts, what gets worse, what comes again. A part says
//! what the run says of it. It does not know files, or who asks.

use std::collections::BTreeMap;

use forewarn_features::{Catalog, FeatureTable};
use forewarn_frames::output::{OutKind, Reason, TableSchema};
use forewarn_frames::{Cutoff, Finding, Frames, History, Horizon};
use polars::prelude::*;

use crate::degradation::Said;
use crate::fit::{ModelSet, catalog_of, catalog_of_model};
use crate::incidents::Incidents;
use crate::kept::{Known, due_models};
use crate::model_file::StoredModel;
use crate::rank::risk;
use crate::reasons::{Reasons, compared_with};
use crate::{EngineError, Progress, Settings};

/// The features that a stored model learned from, by what the frames hold of the time before its fitting.
pub(crate) fn learned_catalog(
    stored: &StoredModel,
    frames: &Frames,
    settings: &Settings,
) -> Result<Catalog, EngineError> {
    let (at, file) = (stored.fitted_at(), stored.file());
    if at > frames.end() {
        return Err(EngineError::Mismatch {
            found: format!("the model was fitted at {at}, and the records end at {}", frames.end()),
            hint: "predict from records that reach the day of fitting, or fit anew".into(),
        });
    }
    let history = frames.as_of(at);
    let (catalog, _) = catalog_of_model(&history, settings, file);
    let names: Vec<&str> = catalog
        .features()
        .iter()
        .map(|f| f.name.as_str())
        .chain(catalog.categories().iter().map(|c| c.name.as_str()))
        .collect();
    let learned: Vec<&str> = file.columns.names.iter().map(String::as_str).collect();
    if names != learned {
        let lacks = |of: &[&str], those: &[&str]| {
            let missing: Vec<&str> = those.iter().copied().filter(|n| !of.contains(n)).take(3).collect();
            if missing.is_empty() { "none".to_owned() } else { missing.join(", ") }
        };
        return Err(EngineError::Mismatch {
            found: format!(
                "the records before {at} have other features than the model learned from (missing: {}; new: {})",
                lacks(&names, &learned),
                lacks(&learned, &names)
            ),
            hint: "predict from the records that the model was fitted on, with later rows added, or fit anew"
                .into(),
        });
    }
    Ok(catalog)
}

/// The columns of a feature table, named; what is missing is null, and so is an endless number, which a model takes as missing.
pub(crate) fn feature_columns(catalog: &Catalog, table: FeatureTable) -> Vec<Column> {
    let numbers = catalog.features().iter().zip(table.numbers).map(|(spec, values)| {
        let values: Float64Chunked = values.into_iter().map(|v| v.is_finite().then_some(v)).collect();
        values.with_name(spec.name.as_str().into()).into_column()
    });
    let words = catalog.categories().iter().zip(table.words);
    numbers.chain(words.map(|(spec, words)| Column::new(spec.name.as_str().into(), words))).collect()
}

/// The catalog of features at a cutoff: the table `features` of a run, without those of a hidden condition, which are learned.
///
/// # Errors
///
/// A table operation fails, which would be a bug.
pub fn catalog(frames: &Frames, settings: &Settings, at: Cutoff) -> Result<DataFrame, EngineError> {
    Ok(catalog_of(&frames.as_of(at), settings).0.to_frame()?)
}

/// The features of every asset in service at each cutoff, from what was known then: `cutoff`, `asset_id`, and one column a
/// feature, by cutoff, then asset. Which features there are is decided by the latest cutoff. What is missing is null.
///
/// # Errors
///
/// The caller asked to stop, or a table operation fails, which would be a bug.
pub fn features(
    frames: &Frames,
    settings: &Settings,
    cutoffs: &[Cutoff],
    progress: &dyn Progress,
) -> Result<DataFrame, EngineError> {
    let mut cutoffs = cutoffs.to_vec();
    cutoffs.sort_unstable();
    cutoffs.dedup();
    let Some(last) = cutoffs.last() else { return Ok(DataFrame::default()) };
    let catalog = catalog_of(&frames.as_of(*last), settings).0;
    let mut out: Option<DataFrame> = None;
    for (i, at) in cutoffs.iter().enumerate() {
        progress.step("features", i, cutoffs.len());
        if progress.cancelled() {
            return Err(EngineError::Cancelled);
        }
        let history = frames.as_of(*at);
        let table = forewarn_features::compute(&history, &catalog, &history.population(), None);
        let n = table.assets.len();
        let time = DataType::Datetime(TimeUnit::Microseconds, None);
        let mut columns = vec![
            Column::new("cutoff".into(), vec![at.micros(); n]).cast(&time)?,
            Column::new(
                "asset_id".into(),
                table.assets.iter().map(|a| history.asset_id(*a)).collect::<Vec<_>>(),
            ),
        ];
        columns.extend(feature_columns(&catalog, table));
        let rows = DataFrame::new(n, columns)?;
        match &mut out {
            None => out = Some(rows),
            Some(all) => {
                all.vstack_mut(&rows)?;
            }
        }
    }
    progress.step("features", cutoffs.len(), cutoffs.len());
    Ok(out.unwrap_or_default())
}

/// What came of every asset in service at each cutoff, as it is known at `frames.end()`: `cutoff`, `asset_id`, `horizon_days`,
/// `outcome` (whether it failed within the horizon; null where its window is censored: still open, or the asset left) and
/// `failed_at` (when it first did), by cutoff, horizon, then asset: the rows of [`features`] for each horizon, and the outcomes
/// of a backtest. These are labels: a model that sees them for windows that were open when it is fitted knows the future.
///
/// # Errors
///
/// A table operation fails, which would be a bug.
pub fn outcomes(frames: &Frames, cutoffs: &[Cutoff], horizons: &[Horizon]) -> Result<DataFrame, EngineError> {
    let (mut cutoffs, mut horizons) = (cutoffs.to_vec(), horizons.to_vec());
    cutoffs.sort_unstable();
    cutoffs.dedup();
    horizons.sort_unstable();
    horizons.dedup();
    let (mut at, mut assets, mut days, mut outcome, mut failed) = (vec![], vec![], vec![], vec![], vec![]);
    for cutoff in cutoffs {
        let population = frames.as_of(cutoff).population();
        for horizon in &horizons {
            let outcomes = frames.outcomes(cutoff, *horizon);
            for &a in &population {
                let came = outcomes.of(a).seen();
                at.push(cutoff.micros());
                assets.push(frames.asset_ids()[a].as_str());
                days.push(i64::from(horizon.get()));
                outcome.push(came);
                failed.push(outcomes.first_failure_at(a).filter(|_| came == Some(true)));
            }
        }
    }
    let time = DataType::Datetime(TimeUnit::Microseconds, None);
    let columns = vec![
        Column::new("cutoff".into(), at).cast(&time)?,
        Column::new("asset_id".into(), assets),
        Column::new("horizon_days".into(), days),
        Column::new("outcome".into(), outcome),
        Column::new("failed_at".into(), failed).cast(&time)?,
    ];
    Ok(DataFrame::new(columns[0].len(), columns)?)
}

/// What [`forecasts`] makes.
#[derive(Debug)]
pub struct Forecasts {
    /// `forecasts`
    pub forecasts: DataFrame,
    /// `workload`
    pub workload: DataFrame,
    /// What there is to say about the records.
    pub findings: Vec<Finding>,
}

/// How many incidents come, at `frames.end()`. Without an incident the tables are empty.
///
/// # Errors
///
/// A model fails, which would be a bug.
pub fn forecasts(frames: &Frames, settings: &Settings) -> Result<Forecasts, EngineError> {
    let today = crate::counts::today(frames, &settings.counts)?;
    Ok(Forecasts { forecasts: today.forecasts, workload: today.workload, findings: today.notes })
}

/// Which incidents come again, at `frames.end()`: the table `recurrences` of a run.
///
/// # Errors
///
/// A model fails, which would be a bug.
pub fn recurrences(frames: &Frames, settings: &Settings) -> Result<DataFrame, EngineError> {
    let history = frames.as_of(frames.end());
    crate::recurrence::recurrences(frames, &history, &Incidents::of(frames, &history), settings.seed)
}

/// What gets worse in the telemetry, at `frames.end()`: the table `degradations` of a run. Findings that are alike in time and
/// reach come by the risk of their assets where a `model` says it.
///
/// # Errors
///
/// The caller asked to stop, or a model fails, which would be a bug.
pub fn degradations(
    frames: &Frames,
    settings: &Settings,
    model: Option<&FittedModel>,
    progress: &dyn Progress,
) -> Result<DataFrame, EngineError> {
    let likely = match model {
        Some(model) => model.likely(frames, settings)?,
        None => BTreeMap::new(),
    };
    Ok(crate::degradation::degradations(frames, settings, &likely, progress)?.table)
}

/// The reasons of a prediction, one row each, in log odds that add up: [`FittedModel::explain`].
pub const EXPLAINED: TableSchema = TableSchema {
    name: "explained",
    columns: &[
        ("asset_id", OutKind::Text, "the asset"),
        ("feature", OutKind::Text, "the feature that is told; `other` and `base` end the list"),
        ("value", OutKind::Number, "its value, in `unit`"),
        ("unit", OutKind::Text, "the unit of the value"),
        ("contribution", OutKind::Number, "what it adds, log odds before calibration"),
        ("text", OutKind::Text, "in words"),
    ],
};

/// A model that was fitted, bound to the frames that it predicts.
#[derive(Debug, Clone)]
pub struct FittedModel {
    set: ModelSet,
    horizons: Vec<Horizon>,
}

impl FittedModel {
    /// Fits as the nightly run does: on the calendar of `refit_every`, so that every night until the next date gives the same
    /// model; at `frames.end()` where the records do not reach back further.
    ///
    /// # Errors
    ///
    /// There is too little to learn from, or the caller asked to stop.
    pub fn fit(frames: &Frames, settings: &Settings, progress: &dyn Progress) -> Result<Self, EngineError> {
        let set = due_models(&Known::new(frames, None), settings, progress)?;
        Ok(Self { set, horizons: settings.risk.horizons.clone() })
    }

    /// A stored model, ready to predict these frames.
    ///
    /// # Errors
    ///
    /// The frames end before the model was fitted, or have other features by then than the ones it learned from.
    pub fn restore(stored: StoredModel, frames: &Frames, settings: &Settings) -> Result<Self, EngineError> {
        let catalog = learned_catalog(&stored, frames, settings)?;
        let (at, file) = stored.into_parts();
        let days: Vec<i64> = file.horizons.iter().map(|h| i64::from(h.horizon_days)).collect();
        let horizons: Result<Vec<Horizon>, _> = days.into_iter().map(Horizon::days).collect();
        let horizons = horizons.map_err(|e| EngineError::Model(e.to_string()))?;
        Ok(Self { set: ModelSet::restored(file, at, catalog), horizons })
    }

    /// The model as data: [`StoredModel::from_bytes`] reads it.
    ///
    /// # Errors
    ///
    /// It has no JSON form, which would be a bug.
    pub fn to_bytes(&self) -> Result<Vec<u8>, EngineError> {
        self.set.to_bytes()
    }

    /// The cutoff at which it was fitted.
    #[must_use]
    pub fn fitted_at(&self) -> Cutoff {
        self.set.fitted_at
    }

    /// The horizons, days, from short to long, each with the name of the candidate that is used for it, and why.
    #[must_use]
    pub fn horizons(&self) -> Vec<(i32, &'static str, &str)> {
        self.set.horizons.iter().map(|h| (h.horizon_days, h.name(), h.because.as_str())).collect()
    }

    /// What was found amiss with the data's columns while fitting.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        &self.set.findings
    }

    /// These settings with the model's own horizons.
    fn told(&self, settings: &Settings) -> Settings {
        let mut settings = settings.clone();
        settings.risk.horizons.clone_from(&self.horizons);
        if !self.horizons.contains(&settings.risk.rank_by) {
            settings.risk.rank_by = self.horizons[0];
        }
        settings
    }

    fn history<'f>(&self, frames: &'f Frames, at: Cutoff) -> Result<History<'f>, EngineError> {
        if at < self.set.fitted_at {
            return Err(EngineError::Mismatch {
                found: format!(
                    "the model was fitted at {} and knows what came before; {at} is earlier",
                    self.set.fitted_at
                ),
                hint: "predict at or after the day of fitting, or judge the past with a backtest".into(),
            });
        }
        if at > frames.end() {
            return Err(EngineError::Mismatch {
                found: format!("the records end at {}, before {at}", frames.end()),
                hint: "predict at or before the end of the records".into(),
            });
        }
        Ok(frames.as_of(at))
    }

    /// The risk of every asset in service at a cutoff: the table `risk` of a run.
    ///
    /// # Errors
    ///
    /// The cutoff is before the day of fitting or after the end of the records.
    pub fn predict(
        &self,
        frames: &Frames,
        settings: &Settings,
        at: Cutoff,
    ) -> Result<DataFrame, EngineError> {
        let history = self.history(frames, at)?;
        let table = self.set.features(&history, &history.population());
        if table.assets.is_empty() {
            return Ok(forewarn_frames::output::RISK.empty());
        }
        risk(&self.told(settings), &history, &table, &self.set.predict(&table)?)
    }

    /// How likely each asset is to fail within the ranking's horizon, by its number.
    fn likely(&self, frames: &Frames, settings: &Settings) -> Result<BTreeMap<usize, f64>, EngineError> {
        let (history, told) = (self.history(frames, frames.end())?, self.told(settings));
        let table = self.set.features(&history, &history.population());
        let by = told.risk.horizons.iter().position(|h| *h == told.risk.rank_by).unwrap_or(0);
        let p = self.set.predict(&table)?.swap_remove(by);
        Ok(table.assets.iter().copied().zip(p.probability).collect())
    }

    /// Why assets stand where they stand at a cutoff, as the ranking says it: see [`EXPLAINED`], in the order of `assets`.
    ///
    /// # Errors
    ///
    /// An asset is not in service at the cutoff, or see [`Self::predict`].
    pub fn explain(
        &self,
        frames: &Frames,
        settings: &Settings,
        (at, assets): (Cutoff, &[String]),
        progress: &dyn Progress,
    ) -> Result<DataFrame, EngineError> {
        let (history, told) = (self.history(frames, at)?, self.told(settings));
        let table = self.set.features(&history, &history.population());
        let mut rows = Vec::new();
        for id in assets {
            let row = table.assets.iter().position(|a| history.asset_id(*a) == id);
            rows.push(row.ok_or_else(|| EngineError::Mismatch {
                found: format!("asset `{id}` is not in service on {at}"),
                hint: "take an `asset_id` of the predictions".into(),
            })?);
        }
        // What gets worse is found at the end of the records, and told there.
        let worse = if at == frames.end() {
            crate::degradation::degradations(frames, &told, &BTreeMap::new(), progress)?.said
        } else {
            Said::default()
        };
        let by = told.risk.horizons.iter().position(|h| *h == told.risk.rank_by).unwrap_or(0);
        let x = self.set.matrix(&table)?;
        let c = self.set.horizons[by].contributions(&x.select_rows(&rows))?;
        let group = compared_with(&history, &table.assets);
        let mut reasons = Reasons::new(&self.set, &table, &x, &group, &worse);
        let told: Vec<(&String, Reason)> = assets
            .iter()
            .zip(&rows)
            .enumerate()
            .flat_map(|(i, (id, row))| reasons.of(&c, i, *row).into_iter().map(move |r| (id, r)))
            .collect();
        let text = |name: &str, f: &dyn Fn(&(&String, Reason)) -> String| {
            Column::new(name.into(), told.iter().map(f).collect::<Vec<_>>())
        };
        let df = DataFrame::new(
            told.len(),
            vec![
                text("asset_id", &|r| r.0.clone()),
                text("feature", &|r| r.1.feature.clone()),
                Column::new("value".into(), told.iter().map(|r| r.1.value).collect::<Vec<_>>()),
                text("unit", &|r| r.1.unit.clone()),
                Column::new("contribution".into(), told.iter().map(|r| r.1.contribution).collect::<Vec<_>>()),
                text("text", &|r| r.1.text.clone()),
            ],
        )?;
        debug_assert_eq!(EXPLAINED.check(&df), Ok(()));
        Ok(df)
    }
}
