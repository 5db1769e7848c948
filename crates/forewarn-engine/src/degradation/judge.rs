//! What each series shows: where it goes, when it crosses a threshold, whether it changed, whether it is unlike its past or
//! its peers. It does not know tables or words.

use std::collections::BTreeMap;

use forewarn_features::counts_up;
use forewarn_frames::History;
use forewarn_models::anomaly::{MIN_PEERS, StormRule, from_peers, last_alarm, storms};
use forewarn_models::{Change, ChangeKind, CleanSeries, DailySeries, Side, benjamini_hochberg, median};
use rayon::prelude::*;

use super::daily::{Days, Shown, WINDOW_DAYS, moves};
use super::thresholds::{Learned, Quantity, quantity, told};
use crate::{EngineError, Progress, Settings};

/// How far ahead a threshold is looked for, days.
pub(super) const HORIZON_DAYS: f64 = 180.0;
/// Days with a value that a series needs.
const LEAST_DAYS: usize = 28;
/// What changed longer ago is history.
const CHANGED_DAYS: i32 = 30;
/// What was unlike longer ago is history.
const UNLIKE_DAYS: i32 = 7;
/// Of the trends that are told, at most this share comes by chance, in expectation.
const FALSE_DISCOVERY: f64 = 0.05;
/// A trend that moves the level by less than this share of it in 30 days matters to nobody.
const LEAST_MOVE: f64 = 0.01;
/// False alarms in a month that a whole fleet may cost, and how rare an alarm is at least.
const ALARMS_A_MONTH: f64 = 10.0;
const RAREST_DAYS: f64 = 365.0;
/// Peers that an asset is compared with, at most: more say nothing new.
const PEERS: usize = 20;
/// Alarms of so many days may be one storm; a cluster that chance makes less often than this is one.
const STORM_DAYS: f64 = 1.5;
const STORM_P: f64 = 0.001;
/// A trend that so large a share of a metric's series has is the fleet's, or the season's.
const FLEETS_TREND: f64 = 0.3;
/// At most one stationary series in a thousand shows a change in 30 days, which is all that can be said of one.
const CHANGE_SCORE: f64 = 3.0;

/// What was found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum What {
    /// The level moves.
    Trend { p_value: f64 },
    /// The level nears or passed a threshold.
    Nears { side: Side },
    /// The level or the rise is where assets failed soon before.
    Learned { quantity: Quantity, failed: f64, lift: f64 },
    /// The level, the slope or the spread changed.
    Changed { kind: ChangeKind, spread_ratio: Option<f64> },
    /// Unlike its own past.
    Unlike { one_in_days: f64 },
    /// Unlike its peers.
    UnlikePeers { one_in_days: f64 },
}

/// One finding on one series.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Found {
    pub asset: usize,
    pub metric: usize,
    /// Whether the series is what the metric rises by in a day.
    pub rise: bool,
    pub what: What,
    /// Days since 1970.
    pub since: i32,
    pub value: f64,
    pub threshold: Option<f64>,
    /// Low, median and high of the days until it is crossed.
    pub eta: [Option<f64>; 3],
    pub score: f64,
    pub expected: Option<f64>,
    pub slope_per_day: Option<f64>,
    pub n_assets: i64,
}

impl What {
    pub(super) fn kind(self) -> &'static str {
        match self {
            Self::Trend { .. } | Self::Nears { .. } | Self::Learned { .. } => "trend",
            Self::Changed { .. } => "change_point",
            Self::Unlike { .. } => "anomaly",
            Self::UnlikePeers { .. } => "peer",
        }
    }
}

/// Everything found at a cutoff.
pub(super) struct Judged {
    pub found: Vec<Found>,
    /// Series that were looked at for anomalies.
    pub n_series: usize,
    /// One false alarm of a series in so many days is accepted.
    pub one_in_days: f64,
}

fn minus_log10(p: f64) -> f64 {
    (-p.max(1e-16).log10()).max(0.0)
}

/// The mean of the known values, NaN where there is none.
fn mean(values: &[f64]) -> f64 {
    let (sum, n) = values.iter().filter(|v| !v.is_nan()).fold((0.0, 0.0), |s, v| (s.0 + v, s.1 + 1.0));
    sum / n
}

/// The median of the known values, NaN where there is none.
pub(super) fn middle(values: &[f64]) -> f64 {
    median(&mut values.iter().copied().filter(|v| !v.is_nan()).collect::<Vec<_>>())
}

/// The assets that each is compared with: some of its kind and model, or of its kind where these are too few.
fn peers_of(history: &History<'_>, population: &[usize]) -> Vec<Vec<usize>> {
    type Key<'a> = (Option<&'a str>, Option<&'a str>);
    let mut by_model: BTreeMap<Key<'_>, Vec<usize>> = BTreeMap::new();
    let mut by_kind: BTreeMap<Option<&str>, Vec<usize>> = BTreeMap::new();
    let key = |a: usize| {
        let asset = history.asset(a);
        (asset.kind.map(|c| history.word(c)), asset.model.map(|c| history.word(c)))
    };
    for &a in population {
        by_model.entry(key(a)).or_default().push(a);
        by_kind.entry(key(a).0).or_default().push(a);
    }
    let mut peers = vec![Vec::new(); history.n_assets()];
    for &a in population {
        let (kind, model) = key(a);
        let own = model.map(|_| &by_model[&(kind, model)]).filter(|g| g.len() > MIN_PEERS);
        let group = own.unwrap_or(&by_kind[&kind]);
        // Its neighbors in the order of names, which are the same whoever else is asked about.
        let at = group.partition_point(|b| *b < a);
        let next = (1..group.len()).map(|k| group[(at + k) % group.len()]);
        peers[a] = next.take(PEERS).collect();
    }
    peers
}

/// Looks at every series of the population.
pub(super) fn judge(
    history: &History<'_>,
    settings: &Settings,
    learned: &[Learned],
    progress: &dyn Progress,
) -> Result<Judged, EngineError> {
    let population = history.population();
    let peers = peers_of(history, &population);
    let mut found: Vec<Found> = Vec::new();
    let mut n_series = Vec::with_capacity(history.n_metrics());
    // How rare an alarm has to be follows from how many series there are.
    let all = (0..history.n_metrics()).flat_map(|m| population.iter().map(move |a| (*a, m)));
    let n_all = all.filter(|(a, m)| history.series(*a, *m).len() >= LEAST_DAYS).count();
    let one_in_days = RAREST_DAYS.max(n_all as f64 * 30.0 / ALARMS_A_MONTH);
    for metric in 0..history.n_metrics() {
        progress.step("degradations", metric, history.n_metrics());
        if progress.cancelled() {
            return Err(EngineError::Cancelled);
        }
        let rise = counts_up(history, metric);
        let days = Days::of(history, metric, &population, if rise { Shown::Rise } else { Shown::Level });
        let thresholds = told(history.metric_name(metric), &settings.thresholds);
        // A threshold is one of the level, also where the rise is what is looked at otherwise.
        let levels =
            (rise && !thresholds.is_empty()).then(|| Days::of(history, metric, &population, Shown::Level));
        let look = Look {
            history,
            metric,
            rise,
            days: &days,
            levels: levels.as_ref(),
            times: &days.times(),
            thresholds: &thresholds,
            peers: &peers,
            one_in_days,
        };
        let parts: Vec<(Vec<Found>, bool)> =
            population.par_iter().map(|&a| look.at(a)).collect::<Result<_, EngineError>>()?;
        n_series.push(parts.iter().filter(|p| p.1).count());
        found.extend(parts.into_iter().flat_map(|p| p.0));
        for rule in learned.iter().filter(|l| l.metric == metric) {
            found.extend(population.iter().filter_map(|&a| look.taught(a, rule)));
        }
    }
    progress.step("degradations", history.n_metrics(), history.n_metrics());
    let mut found = surely(found);
    gather(&mut found, &n_series, one_in_days)?;
    Ok(Judged { found, n_series: n_series.iter().sum(), one_in_days })
}

/// Keeps the trends that are hardly chance, over all series together.
fn surely(found: Vec<Found>) -> Vec<Found> {
    let p = |f: &Found| if let What::Trend { p_value } = f.what { p_value } else { f64::NAN };
    let q = benjamini_hochberg(&found.iter().map(p).collect::<Vec<_>>());
    found.into_iter().zip(q).filter(|(_, q)| q.is_nan() || *q <= FALSE_DISCOVERY).map(|(f, _)| f).collect()
}

/// Marks what many assets show at once: of one metric, changes and alarms of the same days, and a trend that so large a part of
/// the fleet has that it is the fleet's.
fn gather(found: &mut [Found], n_series: &[usize], one_in_days: f64) -> Result<(), EngineError> {
    let mut groups: BTreeMap<(&str, usize, bool), Vec<usize>> = BTreeMap::new();
    for (i, f) in found.iter().enumerate() {
        let rises = f.slope_per_day.is_some_and(|s| s > 0.0);
        let direction = matches!(f.what, What::Trend { .. }) && rises;
        groups.entry((f.what.kind(), f.metric, direction)).or_default().push(i);
    }
    let mut marks: Vec<(usize, i64)> = Vec::new();
    for ((kind, metric, _), at) in groups {
        if kind == "trend" {
            let trends = at.iter().filter(|i| matches!(found[**i].what, What::Trend { .. }));
            let trends: Vec<usize> = trends.copied().collect();
            if trends.len() as f64 >= FLEETS_TREND * n_series[metric] as f64 && trends.len() > MIN_PEERS {
                marks.extend(trends.iter().map(|i| (*i, trends.len() as i64)));
            }
            continue;
        }
        let assets: Vec<u32> = at.iter().map(|&i| found[i].asset as u32).collect();
        let days: Vec<f64> = at.iter().map(|&i| f64::from(found[i].since)).collect();
        let rule = StormRule {
            window_days: STORM_DAYS,
            watched_days: f64::from(if kind == "change_point" { CHANGED_DAYS } else { UNLIKE_DAYS }),
            false_alarms_per_day: n_series[metric] as f64 / one_in_days,
            p_below: STORM_P,
        };
        for storm in storms(&assets, &days, rule).map_err(EngineError::model)? {
            marks.extend(storm.members.iter().map(|m| (at[*m], storm.n_assets as i64)));
        }
    }
    for (i, n) in marks {
        found[i].n_assets = n;
    }
    Ok(())
}

/// One metric of all assets.
struct Look<'a> {
    history: &'a History<'a>,
    metric: usize,
    rise: bool,
    days: &'a Days,
    /// The levels, where the days are rises and a threshold is one of the level.
    levels: Option<&'a Days>,
    /// The times of the days.
    times: &'a [f64],
    thresholds: &'a [(f64, Side)],
    peers: &'a [Vec<usize>],
    one_in_days: f64,
}

impl Look<'_> {
    fn found(&self, asset: usize, what: What, since: i32, value: f64, score: f64) -> Found {
        Found {
            asset,
            metric: self.metric,
            rise: self.rise,
            what,
            since,
            value,
            threshold: None,
            eta: [None; 3],
            score,
            expected: None,
            slope_per_day: None,
            n_assets: 1,
        }
    }

    /// All that is found on an asset, and whether its series moves.
    fn at(&self, asset: usize) -> Result<(Vec<Found>, bool), EngineError> {
        let values = &self.days.values[asset];
        let moving = moves(values, LEAST_DAYS);
        let level = self.levels.map_or(values, |l| &l.values[asset]);
        let asked = !self.thresholds.is_empty() && level.iter().any(|v| !v.is_nan());
        let level = if asked { Some(self.clean(level)?) } else { None };
        let mut found = level.as_ref().map_or_else(|| Ok(Vec::new()), |level| self.near(asset, level))?;
        if moving {
            // Where there is a threshold and the level is what is looked at, it is cleaned already.
            let own = match level.filter(|_| self.levels.is_none()) {
                Some(level) => level,
                None => self.clean(values)?,
            };
            found.extend(self.own(asset, &own)?);
            found.extend(self.beside_peers(asset)?);
        }
        Ok((found, moving))
    }

    fn clean(&self, values: &[f64]) -> Result<CleanSeries, EngineError> {
        let series = DailySeries::of_days(f64::from(self.days.first), values.to_vec());
        Ok(CleanSeries::of(&series.map_err(EngineError::model)?))
    }

    /// The thresholds that the level nears or has passed.
    fn near(&self, asset: usize, level: &CleanSeries) -> Result<Vec<Found>, EngineError> {
        let crossings = level.crossings(self.thresholds, HORIZON_DAYS).map_err(EngineError::model)?;
        let near = self.thresholds.iter().zip(crossings.into_iter().flatten());
        let near: Vec<_> = near.filter(|(_, c)| c.low_days.is_some()).collect();
        if near.is_empty() {
            return Ok(Vec::new());
        }
        let since = self.days.first + turned(level.changes()).map_or(0, |c| c.day as i32);
        let score = level.trend_where(|_, _| true).map_or(0.0, |t| minus_log10(t.p_value));
        let found = near.into_iter().map(|((threshold, side), c)| {
            let mut f = self.found(asset, What::Nears { side: *side }, since, c.level, score);
            f.rise = false;
            f.threshold = Some(*threshold);
            f.eta = [c.low_days, c.median_days, c.high_days];
            f.slope_per_day = Some(c.slope_per_day);
            f
        });
        Ok(found.collect())
    }

    /// The series against its own past.
    fn own(&self, asset: usize, clean: &CleanSeries) -> Result<Vec<Found>, EngineError> {
        let values = &self.days.values[asset];
        let changes = clean.changes();
        let day = |i: usize| self.days.first + i as i32;
        let mut out = Vec::new();
        // Where a level matters, how soon it is reached says all.
        if self.thresholds.is_empty() {
            let matters =
                |slope: f64, level: f64| slope != 0.0 && slope.abs() * 30.0 >= LEAST_MOVE * level.abs();
            if let Some(t) = clean.trend_where(matters) {
                let since = turned(changes).map_or(day(0), |c| day(c.day));
                let what = What::Trend { p_value: t.p_value };
                let mut f = self.found(asset, what, since, t.level_at_end, minus_log10(t.p_value));
                f.slope_per_day = Some(t.slope_per_day);
                out.push(f);
            }
        }
        let recent = self.history.cutoff().day() - CHANGED_DAYS;
        if let Some(c) = changes.iter().rfind(|c| day(c.day) >= recent) {
            let at = (day(c.day) - self.days.first) as usize;
            let what = What::Changed { kind: c.kind, spread_ratio: c.spread_ratio };
            // What counts up rises by nothing on most days: the median would say nothing.
            let usual = if self.rise { mean } else { middle };
            let mut f = self.found(asset, what, day(c.day), usual(&values[at..]), CHANGE_SCORE);
            f.expected = Some(usual(&values[at.saturating_sub(28)..at])).filter(|v| !v.is_nan());
            f.slope_per_day = (c.kind == ChangeKind::Slope).then_some(c.slope_change_per_day);
            out.push(f);
        }
        out.extend(self.alarm(asset, values, false)?);
        Ok(out)
    }

    /// The latest alarm of the last days.
    fn alarm(&self, asset: usize, judged: &[f64], peers: bool) -> Result<Option<Found>, EngineError> {
        let last = last_alarm(self.times, judged, self.one_in_days).map_err(EngineError::model)?;
        let recent = WINDOW_DAYS - UNLIKE_DAYS as usize;
        let Some((at, surprise)) = last.filter(|(at, _)| *at >= recent) else { return Ok(None) };
        let rate = surprise.false_alarms_per_day;
        let one_in_days = 1.0 / rate.max(1e-16);
        let what = if peers { What::UnlikePeers { one_in_days } } else { What::Unlike { one_in_days } };
        let value = self.days.values[asset][at];
        let mut f = self.found(asset, what, self.days.first + at as i32, value, minus_log10(rate));
        f.expected = if peers {
            let there: Vec<f64> = self.read_peers(asset).iter().map(|p| p[at]).collect();
            Some(middle(&there)).filter(|v| !v.is_nan())
        } else {
            Some(surprise.expected)
        };
        Ok(Some(f))
    }

    fn read_peers(&self, asset: usize) -> Vec<&[f64]> {
        let read = |p: &usize| Some(self.days.values[*p].as_slice()).filter(|v| !v.is_empty());
        self.peers[asset].iter().filter_map(read).collect()
    }

    /// The series against its peers of the same day.
    fn beside_peers(&self, asset: usize) -> Result<Option<Found>, EngineError> {
        let peers = self.read_peers(asset);
        if peers.len() < MIN_PEERS {
            return Ok(None);
        }
        let away = from_peers(&self.days.values[asset], &peers).map_err(EngineError::model)?;
        self.alarm(asset, &away, true)
    }

    /// Whether the asset is where others failed soon.
    fn taught(&self, asset: usize, rule: &Learned) -> Option<Found> {
        let value = quantity(self.history, asset, self.metric, rule.quantity);
        if value.is_nan() || value < rule.value {
            return None;
        }
        let series = self.history.series(asset, self.metric);
        let since = match rule.quantity {
            Quantity::Level => {
                let first = series.last().iter().rposition(|v| *v < rule.value).map_or(0, |i| i + 1);
                series.day()[first.min(series.len() - 1)]
            }
            Quantity::Rise => series.last_increase_day(series.len() - 1)?,
        };
        let what = What::Learned { quantity: rule.quantity, failed: rule.failed, lift: rule.lift };
        let mut f = self.found(asset, what, since, value, rule.score(value));
        f.rise = false;
        f.threshold = Some(rule.value);
        f.eta = [Some(0.0); 3];
        Some(f)
    }
}

/// The last change of level or slope.
fn turned(changes: &[Change]) -> Option<&Change> {
    changes.iter().rfind(|c| c.kind != ChangeKind::Spread)
}
