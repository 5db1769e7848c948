//! Numbers only: fit, predict, calibrate, blend, score and explain.
//!
//! This crate does not know tables, dates, ids, files, the clock, the environment or unseeded randomness, and
//! it does not print. Its caller turns rows of assets into a [`Matrix`] and numbers back into words.
//!
//! **A promise.** The same numbers, settings and seeds give the same bytes on any number of threads: work is
//! cut by the size of the data alone, and sums are added in a fixed order.
//!
//! **Conventions.** Rows by columns; NaN is a missing value in a matrix and nowhere else; outcomes are `f64`
//! 0 or 1; weights say how many rows a row stands for; log odds are natural logarithms; exposure and horizons
//! are days; `units` and `groups` are codes (`u32`) of rows that belong together. Every fallible call returns
//! a [`ModelError`] that says what was found and what is allowed; nothing is guessed.
//!
//! # The cast
//!
//! | step | call | result |
//! |---|---|---|
//! | rows | [`Matrix::from_columns`], [`TrainingData::new`] | checked once |
//! | fit | [`LogisticParams`], [`BoostingParams`] through [`RiskLearner::fit`]; [`BoostingParams::grow`] with validation rows, [`BoostingParams::grow_binned`] on [`BinnedRows`], which [`OrderedRows`] cut for any rows | [`Logistic`], [`Boosted`] |
//! | predict, explain | [`RiskModel::log_odds`], [`RiskModel::contributions`] | log odds, [`Contributions`] that add up to them |
//! | keep | [`RiskModel::to_bytes`], [`RiskModel::from_bytes`] | JSON; everything else here that is kept derives serde |
//! | few events | [`RateDistribution::fit`], [`cohort_rate`], [`cohort_share`] | shrunk rates and probabilities in closed form |
//! | when | [`remaining_life`] | quantiles of the time to failure, where they lie within the horizons |
//! | how often again | [`mean_cumulative`], [`power_law`], [`laplace`], [`mil_hdbk_189`], [`dispersion`] | [`McfPoint`]s with a band, [`PowerLaw`], [`TrendTest`]s |
//! | how many | [`CountModel::fit`] on [`Record`]s and what came; [`CountModel::predict`] | [`CountDistribution`] |
//! | what a measure did | [`matched_rate_ratio`]; [`benjamini_hochberg`] over all | [`RateRatio`], q-values |
//! | hidden condition | [`Condition::fit`] on days before failures; [`Condition::state`], [`Condition::outlook`] | P(normal, worn, critical), P(failure) |
//! | tickets that say the same | [`text::Lexicon::bags`], [`text::TextGroups::fit`]; [`text::TextGroups::assign`], [`text::name_words`] | groups, their words |
//! | slow decline | [`DailySeries::new`]; [`course`], or [`CleanSeries`] for parts of it, or [`trend`], [`change_points`], [`time_to_threshold`] alone | [`Trend`], [`Change`]s, [`TimeToThreshold`] |
//! | remaining life | [`RemainingModel::fit`] on [`UnitPath`]s that ran to failure; [`RemainingModel::predict`] | [`RemainingLife`] |
//! | readings that are unlike the past, or the peers | [`anomaly::anomalies`], [`anomaly::from_peers`]; [`anomaly::Anomalies::alarms`] at a stated rate, or [`anomaly::last_alarm`]; [`anomaly::storms`] | false alarms a day, alarms, storms |
//! | rising or falling over months | [`line_slope`], [`rate_slope`] | [`Slope`] with a test that allows for spread and alike neighbours |
//! | how long until an end, with some open | [`restricted_mean`] | [`RestrictedMean`] |
//! | faster than before | [`rate_ratio`] | a ratio of rates with its exact interval |
//! | join | [`Blend::fit`] on held-out log odds | weights ≥ 0; log odds, contributions and disagreement of the members |
//! | calibrate | [`choose_calibrator`] or [`Calibrator::fit`] | a never decreasing map from log odds to probability |
//! | doubt | [`LocalEvidence::fit`], [`unseen_spread`], [`probability_intervals`] | intervals that contain the probability and exclude 0 and 1 |
//! | score | [`Scored::new`], [`Metric::of`], [`top_k`], [`lead_time`] | numbers, `None` where undefined |
//! | score where some rows are censored | [`FollowUp::new`], [`CensoringCurve::fit`]; [`CensoringCurve::weights`], [`dynamic_auc`], [`concordance`] | weights for [`Scored`]; numbers, `None` where undefined |
//! | suspect | [`auc_alone`] | how well one column alone tells ones from zeros |
//! | compare | [`bootstrap_metric`], [`Replicates::minus`], [`one_standard_error`], [`one_standard_error_bootstrap`] | [`Choice`] |
//!
//! # From rows to a calibrated, explained probability
//!
//! ```
//! use forewarn_models::{
//!     Blend, BoostingParams, LocalEvidence, LogisticParams, Matrix, RiskLearner, RiskModel, TrainingData,
//!     choose_calibrator, probability_intervals,
//! };
//!
//! let x = Matrix::from_columns(vec![(0..600).map(|i| f64::from(i % 60)).collect()])?;
//! let y: Vec<f64> = (0..600).map(|i| f64::from(u8::from(i % 60 + i / 60 > 55))).collect();
//! let w = vec![1.0; 600];
//! let rows = TrainingData::new(&x, &y, &w)?;
//! let logistic = LogisticParams::default().fit(&rows)?;
//! let boosted = BoostingParams { iterations: 30, ..Default::default() }.fit(&rows)?;
//!
//! // The engine does the next steps on held-out rows.
//! let members = [logistic.log_odds(&x)?, boosted.log_odds(&x)?];
//! let members: Vec<&[f64]> = members.iter().map(Vec::as_slice).collect();
//! let blend = Blend::fit(&members, &y, &w, 0.1)?;
//! let z = blend.log_odds(&members)?;
//! let folds: Vec<u32> = (0..600).map(|i| i / 200).collect();
//! let units: Vec<u32> = (0..600).map(|i| i % 60).collect();
//! let calibrator = choose_calibrator(&z, &y, &w, &folds, &units)?.calibrator;
//! let p = calibrator.probability(&z);
//!
//! // Raw disagreement is on the scale of the blend; the calibrator's slope takes it to the calibrated scale.
//! let raw = blend.disagreement(&members)?;
//! let spread: Vec<f64> = raw.iter().zip(&z).map(|(d, z)| d * calibrator.slope_at(*z)).collect();
//! let evidence = LocalEvidence::fit(&p, &y, &w, &units)?;
//! let n: Vec<f64> = p.iter().map(|p| evidence.effective_count(*p)).collect();
//! let intervals = probability_intervals(&p, &n, &spread, 0.8)?;
//! assert!(intervals.iter().zip(&p).all(|((low, high), p)| low <= p && p <= high));
//!
//! let reasons = blend.contributions(&[&logistic.contributions(&x)?, &boosted.contributions(&x)?])?;
//! assert!(reasons.totals().iter().zip(&z).all(|(a, b)| (a - b).abs() < 1e-9));
//! # Ok::<(), forewarn_models::ModelError>(())
//! ```

#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

mod alone;
pub mod anomaly;
mod blend;
mod boosting;
mod bootstrap;
mod calibrate;
#[cfg(test)]
mod cases;
mod caught;
mod censored;
mod choose;
mod columns;
mod condition;
mod counts;
mod degradation;
mod error;
mod interval;
mod life;
mod linalg;
mod logistic;
mod matrix;
mod metrics;
mod newton;
mod rank;
mod rate_ratio;
mod recurrence;
mod restricted_mean;
mod risk;
mod rng;
mod shrink;
mod slope;
mod special;
mod stability;
pub mod text;
mod trees;

pub use alone::auc_alone;
pub use blend::Blend;
pub use boosting::{BinnedRows, BoostingParams, OrderedRows};
pub use bootstrap::{BootstrapParams, Replicates, bootstrap, bootstrap_metric};
pub use calibrate::{Calibrator, CalibratorChoice, CalibratorKind, at_own_level, choose_calibrator};
pub use caught::{Caught, Promise, expected_caught};
pub use censored::{CensoringCurve, FollowUp, Window, concordance, dynamic_auc};
pub use choose::{Choice, Standing, one_standard_error, one_standard_error_bootstrap};
pub use condition::{ChannelKind, Condition, ConditionDays, MIN_SEQUENCES, N_STATES};
pub use counts::{
    COUNT_LEVELS, CountCalendar, CountForecast, forecast_counts, negbin_cdf, negbin_quantiles, pinball_loss,
    reconcile_counts, recorded_periods, rest_periods,
};
pub use degradation::{
    Change, ChangeKind, CleanSeries, Course, DailySeries, RemainingLife, RemainingModel, RemainingParams,
    Side, TimeToThreshold, Trend, UnitPath, change_points, course, time_to_threshold, trend,
};
pub use error::ModelError;
pub use interval::{LocalEvidence, probability_interval, probability_intervals, unseen_spread};
pub use life::{Life, remaining_life};
pub use logistic::{Logistic, LogisticParams};
pub use matrix::Matrix;
pub use metrics::{LeadTime, Metric, Scored, TopK, lead_time, top_k};
pub use rank::{median, rank_correlation};
pub use rate_ratio::{PoissonRatio, rate_ratio};
pub use recurrence::{
    ChangeRow, ChangeScale, CountDistribution, CountModel, FittedCounts, LevelChange, MatchedRow, McfPoint,
    PowerLaw, RateRatio, Record, TrendTest, Truncation, UnitHistory, benjamini_hochberg, benjamini_yekutieli,
    dispersion, laplace, matched_change, matched_rate_ratio, mean_cumulative, mil_hdbk_189, power_law,
};
pub use restricted_mean::{RestrictedMean, restricted_mean};
pub use risk::{Contributions, RiskLearner, RiskModel, TrainingData};
pub use rng::poisson_one_weights;
pub use shrink::{RateDistribution, cohort_rate, cohort_share};
pub use slope::{Slope, line_slope, rate_slope};
pub use special::{
    beta_p, beta_quantile, gamma_p, gamma_quantile, ln_gamma, logit, sigmoid, student_half_width,
};
pub use stability::{Stability, stability};
pub use trees::Boosted;
