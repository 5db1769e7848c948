//! From training rows to a calibrated, chosen model for each horizon. Everything fitted here sees rows whose windows
//! closed by the day of fitting, and what calibrates or chooses sees held-out, later rows only. It does not know tables.

use std::collections::BTreeSet;

use forewarn_features::{Catalog, Condition, FeatureTable, compute};
use forewarn_frames::{Cutoff, Finding, Frames, History};
use forewarn_models::{
    BoostingParams, BootstrapParams, Calibrator, CalibratorKind, LocalEvidence, Matrix, Metric, OrderedRows,
    Replicates, Scored, at_own_level, bootstrap_metric, choose_calibrator, logit,
    one_standard_error_bootstrap, probability_intervals, unseen_spread,
};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::candidates::{
    BAGS, BAGS_TO_JUDGE, BY_CAUTION, Candidates, FitData, Judges, N_BASELINES, NAMES, choose_boosting,
    usual_boosting,
};
use crate::columns::{Columns, TrainingRows, names as names_feature};
use crate::condition::Conditions;
use crate::leakage::{Leak, leaks, unknown_name};
use crate::model_file::ModelFile;
use crate::modes::Modes;
use crate::sample::{training_cutoffs, training_rows};
use crate::{EngineError, Progress, RiskSettings, Settings};

/// Fewer failures than this among the training rows, and the ranking is by the baselines.
pub(crate) const MIN_FAILURES: usize = 30;
/// A model that had learned from less than one in so many of the failures errs otherwise than the one that is used.
const COMPARABLE: usize = 3;
/// What an interval covers.
pub(crate) const LEVEL: f64 = 0.8;
/// How many units of evidence an unknown asset's interval rests on.
const UNKNOWN_EVIDENCE: f64 = 5.0;

/// The model of one horizon.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct HorizonModel {
    pub horizon_days: i32,
    candidates: Candidates,
    calibrators: Vec<Calibrator>,
    evidence: LocalEvidence,
    /// The fleet's rate, in log odds.
    usual: f64,
    pub chosen: usize,
    pub because: String,
    pub n_failures: usize,
}

/// The models of all horizons, fitted at one cutoff.
#[derive(Debug, Clone)]
pub(crate) struct ModelSet {
    pub fitted_at: Cutoff,
    pub catalog: Catalog,
    condition: Option<Conditions>,
    pub columns: Columns,
    pub horizons: Vec<HorizonModel>,
    /// Of failures within the horizon of the ranking, where it is among the horizons.
    pub modes: Option<Modes>,
    /// Columns of the data that knew the future.
    left_out: Vec<Leak>,
    /// What was found amiss with the data's columns while fitting.
    pub findings: Vec<Finding>,
}

/// What a model says of the rows of a feature table, one entry a row.
#[derive(Debug, Clone)]
pub(crate) struct Prediction {
    /// Calibrated, of the chosen candidate (of the cohort's for an unknown asset).
    pub probability: Vec<f64>,
    pub low: Vec<f64>,
    pub high: Vec<f64>,
    pub unknown: Vec<bool>,
    /// Of the chosen candidate, before calibration.
    pub log_odds: Vec<f64>,
    /// Calibrated, one vector a candidate.
    pub candidates: Vec<Vec<f64>>,
}

struct HeldOut {
    rows: Vec<u32>,
    members: Vec<Vec<f64>>,
    /// The block of each row.
    block: Vec<u32>,
    /// Whether the model that predicted the row had learned from enough failures to be like the one that is used.
    comparable: Vec<bool>,
}

fn pick<T: Copy>(v: &[T], rows: &[u32]) -> Vec<T> {
    rows.iter().map(|&i| v[i as usize]).collect()
}

impl ModelSet {
    /// Fits everything at `fit_at`.
    pub(crate) fn fit(
        frames: &Frames,
        settings: &Settings,
        fit_at: Cutoff,
        progress: &dyn Progress,
    ) -> Result<Self, EngineError> {
        let risk = &settings.risk;
        let cutoffs = training_cutoffs(frames, risk, fit_at);
        if cutoffs.is_empty() {
            return Err(EngineError::TooLittle {
                found: format!(
                    "the records before {fit_at} leave no training cutoff: the first is {}",
                    frames.first_record().map_or_else(|| "missing".into(), |c| c.to_string())
                ),
                hint: "give more history, a shorter horizon, or an earlier `risk.train_from`".into(),
            });
        }
        let at = frames.as_of(fit_at);
        let (mut catalog, subjects) = catalog_of(&at, settings);
        // Rows that calibrate and choose must not have taught the condition that they are judged by.
        let by = first_judged(risk, &cutoffs, fit_at);
        let by_rank = risk.horizons.iter().position(|h| *h == risk.rank_by).unwrap_or(0);
        let horizon = (by_rank, risk.horizons[by_rank].get());
        let keep: BTreeSet<String> = risk.keep.iter().cloned().collect();
        let mut left_out: Vec<Leak> = Vec::new();
        let (condition, rows, columns, x) = loop {
            let condition = Conditions::fit(frames, &catalog, settings.seed, by, progress)?;
            if condition.is_some() {
                catalog = catalog.with_condition(&at);
            }
            let given = (&catalog, condition.as_ref());
            let mut rows = training_rows(frames, risk, settings.seed, given, &cutoffs, fit_at, progress)?;
            if rows.asset.is_empty() {
                return Err(EngineError::TooLittle {
                    found: format!("no asset was observed through a whole window before {fit_at}"),
                    hint: "give more history or a shorter horizon".into(),
                });
            }
            let columns = Columns::fit(&catalog, &rows, &risk.leave_out);
            let x = columns.matrix(std::mem::take(&mut rows.numbers), &std::mem::take(&mut rows.words))?;
            let read = (&catalog, &subjects, &columns);
            let found = leaks(read, (&rows, &x), horizon, (frames, &cutoffs, fit_at), &keep, settings.seed)?;
            if found.is_empty() {
                break (condition, rows, columns, x);
            }
            // What was learned with a column that knew the future is learned again without it.
            let names = found.iter().map(|l| l.subject.clone()).collect();
            catalog = catalog.without(&at, &names);
            left_out.extend(found);
        };
        // The order of the values knows no outcome; where bins end is decided by the rows of each fit alone.
        let read: Vec<usize> = (0..x.n_cols()).filter(|&j| columns.trees[j] || columns.linear[j]).collect();
        let ordered = OrderedRows::new(&x, &read);
        let mut horizons = Vec::new();
        for (i, h) in risk.horizons.iter().enumerate() {
            progress.step("training", i, risk.horizons.len());
            if progress.cancelled() {
                return Err(EngineError::Cancelled);
            }
            horizons.push(fit_horizon(&columns, (&x, &ordered), &rows, i, h.get(), &cutoffs, settings.seed)?);
        }
        progress.step("training", risk.horizons.len(), risk.horizons.len());
        let modes =
            Modes::fit(frames, risk, settings.seed, (&rows, &x, columns.n_numbers), &cutoffs, fit_at)?;
        let findings = findings(risk, &columns, &subjects, &left_out);
        Ok(Self { fitted_at: fit_at, catalog, condition, columns, horizons, modes, left_out, findings })
    }

    /// The models that were fitted at `fit_at` to the same data by the same settings, from what was kept of them; `None`
    /// where they are others.
    pub(crate) fn restore(
        frames: &Frames,
        settings: &Settings,
        fit_at: Cutoff,
        file: ModelFile,
    ) -> Option<Self> {
        let (catalog, subjects) = catalog_of_model(&frames.as_of(fit_at), settings, &file);
        let ModelFile { fitted_at, condition, columns, horizons, modes, left_out } = file;
        let days = |h: &[HorizonModel]| h.iter().map(|h| h.horizon_days).collect::<Vec<_>>();
        let asked: Vec<i32> = settings.risk.horizons.iter().map(|h| h.get()).collect();
        let same = fitted_at == fit_at.to_string() && columns.are_of(&catalog) && days(&horizons) == asked;
        let findings = findings(&settings.risk, &columns, &subjects, &left_out);
        same.then_some(Self {
            fitted_at: fit_at,
            catalog,
            condition,
            columns,
            horizons,
            modes,
            left_out,
            findings,
        })
    }

    /// The model as data, see [`crate::model_file`].
    pub(crate) fn to_bytes(&self) -> Result<Vec<u8>, EngineError> {
        let file = ModelFile {
            fitted_at: self.fitted_at.to_string(),
            condition: self.condition.clone(),
            columns: self.columns.clone(),
            horizons: self.horizons.clone(),
            modes: self.modes.clone(),
            left_out: self.left_out.clone(),
        };
        file.to_bytes().map_err(|e| EngineError::Model(e.to_string()))
    }

    /// A model that was kept, with the catalog of the features that it learned from.
    pub(crate) fn restored(file: ModelFile, fitted_at: Cutoff, catalog: Catalog) -> Self {
        let ModelFile { condition, columns, horizons, modes, left_out, .. } = file;
        Self { fitted_at, catalog, condition, columns, horizons, modes, left_out, findings: Vec::new() }
    }

    /// The features of some assets of a history's population.
    pub(crate) fn features(&self, history: &History<'_>, assets: &[usize]) -> FeatureTable {
        compute(history, &self.catalog, assets, self.condition.as_ref().map(|c| c as &dyn Condition))
    }

    /// The columns of a feature table.
    pub(crate) fn matrix(&self, table: &FeatureTable) -> Result<Matrix, EngineError> {
        self.columns.matrix(table.numbers.clone(), &table.words)
    }

    /// Predictions for each horizon; probabilities never fall as the horizon grows.
    pub(crate) fn predict(&self, table: &FeatureTable) -> Result<Vec<Prediction>, EngineError> {
        predict_all(&self.horizons, &self.matrix(table)?, &table.is_unknown)
    }
}

/// Predictions of each horizon's model for the same rows; probabilities never fall as the horizon grows.
pub(crate) fn predict_all(
    horizons: &[HorizonModel],
    x: &Matrix,
    unknown: &[bool],
) -> Result<Vec<Prediction>, EngineError> {
    let mut out: Vec<Prediction> = Vec::new();
    for h in horizons {
        let mut p = h.predict(x, unknown)?;
        if let Some(shorter) = out.last() {
            let raise = |to: &mut [f64], least: &[f64]| {
                to.iter_mut().zip(least).for_each(|(v, l)| *v = v.max(*l));
            };
            raise(&mut p.probability, &shorter.probability);
            raise(&mut p.low, &shorter.low);
            raise(&mut p.high, &shorter.high);
            for (to, least) in p.candidates.iter_mut().zip(&shorter.candidates) {
                raise(to, least);
            }
        }
        out.push(p);
    }
    Ok(out)
}

/// The features that there are, before anything is fitted, and what they read of the data.
pub(crate) fn catalog_of(at: &History<'_>, settings: &Settings) -> (Catalog, BTreeSet<String>) {
    let limits = |metric: &str| crate::degradation::limits(metric, &settings.thresholds);
    let all = Catalog::of(at).with_limits(at, &limits);
    let subjects = all.subjects(at);
    let asked: BTreeSet<String> = settings.risk.leave_out.iter().cloned().collect();
    (if asked.is_empty() { all } else { all.without(at, &asked) }, subjects)
}

/// The same as a model that was fitted there has it, from what was kept of the model.
pub(crate) fn catalog_of_model(
    at: &History<'_>,
    settings: &Settings,
    file: &ModelFile,
) -> (Catalog, BTreeSet<String>) {
    let (mut catalog, subjects) = catalog_of(at, settings);
    if !file.left_out.is_empty() {
        catalog = catalog.without(at, &file.left_out.iter().map(|l| l.subject.clone()).collect());
    }
    if file.condition.is_some() {
        catalog = catalog.with_condition(at);
    }
    (catalog, subjects)
}

/// What was found amiss with the data's columns, and with what the settings name.
fn findings(
    risk: &RiskSettings,
    columns: &Columns,
    subjects: &BTreeSet<String>,
    left_out: &[Leak],
) -> Vec<Finding> {
    let unknown = |setting: &'static str, given: &[String]| -> Vec<(&'static str, String)> {
        let read = |n: &String| subjects.contains(n) || columns.names.iter().any(|f| names_feature(n, f));
        let unknown = given.iter().filter(|n| !read(n));
        unknown.map(|n| (setting, n.clone())).collect()
    };
    let misnamed = [unknown("leave_out", &risk.leave_out), unknown("keep", &risk.keep)].concat();
    let misnamed = misnamed.iter().map(|(setting, n)| unknown_name(setting, n, subjects));
    let by_rank = risk.horizons.iter().position(|h| *h == risk.rank_by).unwrap_or(0);
    let days = risk.horizons[by_rank].get();
    left_out.iter().map(|l| l.finding(days)).chain(misnamed).collect()
}

impl HorizonModel {
    /// The name of the chosen candidate.
    pub(crate) fn name(&self) -> &'static str {
        NAMES[self.chosen]
    }

    /// Whether the model that ranks is no dumb baseline.
    pub(crate) fn beats_baseline(&self) -> bool {
        self.chosen >= N_BASELINES
    }

    /// Whether a stored model fits together, for rows of so many columns.
    pub(crate) fn check(&self, n_columns: usize) -> Result<(), String> {
        if self.calibrators.len() != NAMES.len() || self.chosen >= NAMES.len() {
            return Err(format!(
                "{} calibrators and candidate {} at {} days",
                self.calibrators.len(),
                self.chosen,
                self.horizon_days
            ));
        }
        self.calibrators.iter().try_for_each(Calibrator::check).map_err(|e| e.to_string())?;
        self.candidates.check(n_columns)
    }

    /// The contributions of the chosen candidate, in log odds before calibration.
    pub(crate) fn contributions(&self, x: &Matrix) -> Result<forewarn_models::Contributions, EngineError> {
        self.candidates.contributions(self.chosen, x)
    }

    pub(crate) fn predict(&self, x: &Matrix, unknown: &[bool]) -> Result<Prediction, EngineError> {
        let z = self.candidates.log_odds(x)?;
        let candidates: Vec<Vec<f64>> =
            z.iter().zip(&self.calibrators).map(|(z, c)| c.probability(z)).collect();
        let spread = self.candidates.disagreement(&z)?;
        let calibrator = &self.calibrators[self.chosen];
        let n = x.n_rows();
        let (mut probability, mut evidence, mut doubt) =
            (Vec::with_capacity(n), Vec::with_capacity(n), Vec::with_capacity(n));
        for i in 0..n {
            if unknown[i] {
                probability.push(candidates[0][i]);
                evidence.push(UNKNOWN_EVIDENCE);
                doubt.push(0.0);
            } else {
                let p = candidates[self.chosen][i];
                probability.push(p);
                evidence.push(self.evidence.effective_count(p));
                let members = spread[i] * calibrator.slope_at(z[self.chosen][i]);
                doubt.push(members.hypot(unseen_spread(logit(p) - self.usual)));
            }
        }
        let (low, high) = probability_intervals(&probability, &evidence, &doubt, LEVEL)
            .map_err(EngineError::model)?
            .into_iter()
            .unzip();
        let log_odds = z[self.chosen].clone();
        Ok(Prediction { probability, low, high, unknown: unknown.to_vec(), log_odds, candidates })
    }
}

fn fit_horizon(
    columns: &Columns,
    (x, ordered): (&Matrix, &OrderedRows),
    rows: &TrainingRows,
    horizon: usize,
    horizon_days: i32,
    cutoffs: &[Cutoff],
    seed: u64,
) -> Result<HorizonModel, EngineError> {
    let labels = &rows.labels[horizon];
    let known: Vec<u32> = (0..labels.len() as u32).filter(|&i| !labels[i as usize].is_nan()).collect();
    let failed = |v: &[u32]| v.iter().filter(|&&i| labels[i as usize] == 1.0).count();
    let n_failures = failed(&known);
    if n_failures == known.len() {
        return Err(EngineError::TooLittle {
            found: format!(
                "{n_failures} of {} training rows at {horizon_days} days failed; some must not have",
                known.len()
            ),
            hint: "check `failure.where`, give more history, or another horizon".into(),
        });
    }
    let with = |chosen: &[u32],
                (boosting, bags): (&[BoostingParams], u64),
                then: &mut FitRows<'_>|
     -> Result<(), EngineError> {
        let (y, w, c) = (pick(labels, chosen), pick(&rows.weight, chosen), pick(&rows.cutoff, chosen));
        then(&FitData {
            columns,
            x,
            ordered,
            rows: chosen,
            y: &y,
            weight: &w,
            cutoff: &c,
            horizon_days: f64::from(horizon_days),
            boosting,
            bags,
        })
    };
    if n_failures == 0 {
        let mut fitted = None;
        with(&known, (&[], BAGS), &mut |d| {
            fitted = Some(without_failures(d, &pick(&rows.asset, &known), horizon_days)?);
            Ok(())
        })?;
        return fitted.ok_or_else(|| EngineError::Model("the baselines were not fitted".into()));
    }
    let blocks = blocks(rows, labels, &known, horizon_days, cutoffs);
    let mut boosting = usual_boosting(seed);
    let mut grown = None;
    // The latest block, which has the most rows to learn from, decides the number of trees.
    let decides = |b: &&Block| {
        failed(&b.train) * COMPARABLE >= n_failures && (1..b.judged.len()).contains(&failed(&b.judged))
    };
    if let Some(b) = blocks.last().filter(decides) {
        let (y, weight) = (pick(labels, &b.judged), pick(&rows.weight, &b.judged));
        let units = pick(&rows.asset, &b.judged);
        with(&b.train, (&[], BAGS_TO_JUDGE), &mut |d| {
            let judges = Judges { rows: &b.judged, y: &y, weight: &weight, units: &units };
            (boosting, grown) = choose_boosting(d, &judges, seed)?;
            Ok(())
        })?;
    }
    let mut held: Option<HeldOut> = None;
    let n_blocks = blocks.len();
    for (k, b) in blocks.into_iter().enumerate() {
        with(&b.train, (&boosting, BAGS_TO_JUDGE), &mut |d| {
            // The trees that were judged are those of the latest block.
            let ready = if k + 1 == n_blocks { grown.take() } else { None };
            let z = Candidates::fit(d, ready)?.member_log_odds(x, &b.judged)?;
            let h = held.get_or_insert_with(|| HeldOut {
                rows: Vec::new(),
                members: vec![Vec::new(); z.len()],
                block: Vec::new(),
                comparable: Vec::new(),
            });
            h.members.iter_mut().zip(z).for_each(|(to, from)| to.extend(from));
            h.rows.extend(&b.judged);
            h.block.resize(h.rows.len(), k as u32);
            let learned = d.y.iter().filter(|y| **y == 1.0).count();
            h.comparable.resize(h.rows.len(), learned * COMPARABLE >= n_failures);
            Ok(())
        })?;
    }
    let held = held.filter(|h| {
        let failed = failed(&h.rows);
        failed >= MIN_FAILURES / 2 && failed < h.rows.len()
    });
    let mut fitted = None;
    with(&known, (&boosting, BAGS), &mut |d| {
        fitted = Some(Candidates::fit(d, None)?);
        Ok(())
    })?;
    let Some(mut all) = fitted else {
        return Err(EngineError::Model("the candidates were not fitted".into()));
    };
    // Without held-out rows the calibration rests on the training rows, which only the baselines can bear.
    let honest = held.is_some();
    let HeldOut { rows: eval_rows, mut members, block, comparable } = match held {
        Some(h) => h,
        None => HeldOut {
            rows: known.clone(),
            members: all.member_log_odds(x, &known)?,
            block: vec![0; known.len()],
            comparable: vec![true; known.len()],
        },
    };
    let (y, w) = (pick(labels, &eval_rows), pick(&rows.weight, &eval_rows));
    let (folds, units) = (pick(&rows.cutoff, &eval_rows), pick(&rows.asset, &eval_rows));
    // Models that had learned from few failures were weak otherwise than the one that is used: they do not say how much of
    // each member is wanted, nor what its calibration is, unless there are no others.
    let mut bearing: Vec<u32> = (0..eval_rows.len() as u32).filter(|&i| comparable[i as usize]).collect();
    let failed = bearing.iter().filter(|&&i| y[i as usize] == 1.0).count();
    if failed == 0 || failed == bearing.len() {
        bearing = (0..eval_rows.len() as u32).collect();
    }
    let (y_c, w_c) = (pick(&y, &bearing), pick(&w, &bearing));
    let (block_c, folds_c) = (pick(&block, &bearing), pick(&folds, &bearing));
    let levels: Result<Vec<Vec<f64>>, _> =
        members.iter().map(|z| at_own_level(&pick(z, &bearing), &y_c, &w_c, &block_c)).collect();
    all.blend = Candidates::fit_blend(&levels.map_err(EngineError::model)?, &y_c, &w_c)?;
    let blended = all.blend.log_odds(&[&members[2], &members[3]]).map_err(EngineError::model)?;
    members.push(blended);

    let boot = BootstrapParams { n_boot: 50, seed };
    let judge = |(k, z): (usize, &Vec<f64>)| -> Result<(Calibrator, f64, Replicates), EngineError> {
        // Candidates are compared each at its best level and slope: rankings and spreads, not calibrations.
        let level = at_own_level(z, &y, &w, &block).map_err(EngineError::model)?;
        let platt = |z: &[f64]| Calibrator::fit(CalibratorKind::Platt, z, &y, &w).map_err(EngineError::model);
        let p = platt(&level)?.probability(&level);
        let c = if k < N_BASELINES {
            // A baseline's number is a rate of its own window, not of this horizon: it always needs a level.
            platt(z)?
        } else {
            // A calibrator must have helped a later model before it is used: what one block of cutoffs needed, the next
            // may not. Rows vary together by cutoff: what all assets share in a week moves every prediction of it.
            choose_calibrator(&pick(&level, &bearing), &y_c, &w_c, &block_c, &folds_c)
                .map(|c| c.calibrator)
                .or_else(|_| Calibrator::fit(CalibratorKind::Identity, &level, &y, &w))
                .map_err(EngineError::model)?
        };
        let scored = Scored::new(&y, &p, Some(&w)).map_err(EngineError::model)?;
        let loss = Metric::LogLoss.of(&scored).unwrap_or(f64::MAX);
        let replicates =
            bootstrap_metric(&scored, Metric::LogLoss, &units, boot).map_err(EngineError::model)?;
        Ok((c, loss, replicates))
    };
    let judged: Result<Vec<_>, _> = members.par_iter().enumerate().map(judge).collect();
    let (mut calibrators, mut losses, mut replicates) = (Vec::new(), Vec::new(), Vec::new());
    for (calibrator, loss, replicate) in judged? {
        calibrators.push(calibrator);
        losses.push(loss);
        replicates.push(replicate);
    }
    let (chosen, because) = if n_failures < MIN_FAILURES {
        (
            1,
            format!(
                "only {n_failures} failures to learn from, fewer than {MIN_FAILURES}: ranked by the asset's own rate, shrunk to the fleet's"
            ),
        )
    } else if !honest {
        (1, "the history is too short to hold rows out: ranked by the asset's own rate, shrunk to the fleet's".to_owned())
    } else {
        let names = BY_CAUTION.map(|k| NAMES[k]);
        let scores = BY_CAUTION.map(|k| losses[k]);
        let replicates = BY_CAUTION.map(|k| replicates[k].clone());
        let choice =
            one_standard_error_bootstrap(&names, &scores, &replicates, false).map_err(EngineError::model)?;
        let (best, chosen) = (names[choice.best], names[choice.chosen]);
        let why = if choice.best == choice.chosen {
            format!(
                "{chosen} had the least log loss on held-out rows and no simpler or more cautious candidate came within one standard error"
            )
        } else {
            format!(
                "{chosen} is the simplest or most cautious candidate within one standard error of the best, {best}, by log loss on held-out rows"
            )
        };
        (BY_CAUTION[choice.chosen], why)
    };
    let p = calibrators[chosen].probability(&members[chosen]);
    let evidence = LocalEvidence::fit(&p, &y, &w, &units).map_err(EngineError::model)?;
    let total: f64 = w.iter().sum();
    let usual = logit(p.iter().zip(&w).map(|(p, w)| p * w).sum::<f64>() / total);
    let candidates = all;
    Ok(HorizonModel { horizon_days, candidates, calibrators, evidence, usual, chosen, because, n_failures })
}

/// The model of a horizon within which no training row failed: ranked by what a baseline says, at the rate that the rows
/// without failure still allow for.
fn without_failures(d: &FitData<'_>, units: &[u32], horizon_days: i32) -> Result<HorizonModel, EngineError> {
    // Jeffreys' prior (1946): half a failure more than there was, in one row more.
    let rate = 0.5 / (d.weight.iter().sum::<f64>() + 1.0);
    let candidates = Candidates::without_failures(d, rate)?;
    let chosen = 1;
    let mut z = candidates.member_log_odds(d.x, d.rows)?;
    // The blend is of two members that are the cohort's rate.
    z.push(z[0].clone());
    let calibrators: Result<Vec<Calibrator>, _> =
        z.iter().map(|z| Calibrator::at_rate(z, d.weight, rate)).collect();
    let calibrators = calibrators.map_err(EngineError::model)?;
    let p = calibrators[chosen].probability(&z[chosen]);
    let evidence = LocalEvidence::fit(&p, d.y, d.weight, units).map_err(EngineError::model)?;
    let because = format!(
        "no failure within {horizon_days} days of any training cutoff, so nothing to learn from: ranked by the asset's own rate of tickets, shrunk to the fleet's"
    );
    Ok(HorizonModel {
        horizon_days,
        candidates,
        calibrators,
        evidence,
        usual: logit(rate),
        chosen,
        because,
        n_failures: 0,
    })
}

/// What is done with the rows that a model is fitted to.
type FitRows<'a> = dyn FnMut(&FitData<'_>) -> Result<(), EngineError> + 'a;

/// Rows to learn from, and later ones to be predicted.
struct Block {
    train: Vec<u32>,
    judged: Vec<u32>,
}

/// Where judging begins among `n` training cutoffs whose outcomes are known.
fn judged_from(n: usize) -> usize {
    n * 3 / 5
}

/// The first cutoff that any horizon's held-out rows may have.
fn first_judged(risk: &RiskSettings, cutoffs: &[Cutoff], fit_at: Cutoff) -> Cutoff {
    let known = |days: i32| cutoffs.iter().filter(|c| c.plus_days(days) <= fit_at).count();
    let from = risk.horizons.iter().map(|h| judged_from(known(h.get()))).min().unwrap_or(0);
    cutoffs[from]
}

/// The last two fifths of the training cutoffs in two blocks, each to be predicted by models fitted to the rows whose
/// windows closed by the block's first cutoff; those with enough failures to learn from.
fn blocks(
    rows: &TrainingRows,
    labels: &[f64],
    known: &[u32],
    horizon_days: i32,
    cutoffs: &[Cutoff],
) -> Vec<Block> {
    let mut used: Vec<u32> = pick(&rows.cutoff, known);
    used.sort_unstable();
    used.dedup();
    let n = used.len();
    let cutoff = |i: u32| rows.cutoff[i as usize];
    let failures = |v: &[u32]| v.iter().filter(|&&i| labels[i as usize] == 1.0).count();
    [judged_from(n), n * 4 / 5, n]
        .windows(2)
        .filter(|b| b[0] > 0 && b[0] < b[1])
        .map(|b| {
            let first = cutoffs[used[b[0]] as usize];
            let (from, to) = (used[b[0]], used[b[1] - 1]);
            let closed = |i: &u32| cutoffs[cutoff(*i) as usize].plus_days(horizon_days) <= first;
            Block {
                train: known.iter().copied().filter(closed).collect(),
                judged: known.iter().copied().filter(|&i| (from..=to).contains(&cutoff(i))).collect(),
            }
        })
        .filter(|b| (MIN_FAILURES / 2..b.train.len()).contains(&failures(&b.train)) && !b.judged.is_empty())
        .collect()
}
