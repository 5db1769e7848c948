//! Recurring incidents as tables: what comes again on which asset, whether it gets worse, and how such forecasts would
//! have come out. It does not know how a count is modelled.

use std::collections::BTreeMap;

use forewarn_frames::output::{RECURRENCE, RECURRENCES};
use forewarn_frames::time::Micros;
use forewarn_frames::{Cutoff, Frames, History};
use forewarn_models::{
    CountDistribution, TrendTest, Truncation, UnitHistory, benjamini_hochberg, dispersion, laplace,
    mean_cumulative, mil_hdbk_189, power_law,
};
use polars::prelude::*;

use crate::evaluate::{MetricRow, Point, metric_table};
use crate::expected::{Expecting, Family, Unit, families};
use crate::incidents::{Incidents, days};
use crate::sample::draw;
use crate::{BacktestPlan, EngineError, Progress, RecurrenceBacktest, Settings};

/// The horizons of `recurrences`, days; the middle one is the table's main one.
const HORIZONS: [i32; 3] = [7, 30, 90];
/// A trend is looked for in the last two years: what was before says little of where an asset is heading.
const TREND_DAYS: f64 = 730.0;
/// Days with incidents that a trend needs: fewer could hardly ever be told from chance, and a storm of one day is none.
const MIN_TREND_DAYS: usize = 4;
/// The share of false verdicts among those given, at most, in expectation.
pub(crate) const FALSE_DISCOVERY: f64 = 0.1;
/// Intervals hold this share.
pub(crate) const LEVEL: f64 = 0.8;
/// Kinds whose mean cumulative function is drawn, and points of a line.
const MCF_KINDS: usize = 4;
const MCF_POINTS: usize = 60;
/// Assets that a mean cumulative function needs.
const MCF_ASSETS: usize = 20;

/// What the past of a unit says of its trend.
struct Trend {
    beta: Option<f64>,
    laplace: Option<TrendTest>,
    mil: Option<f64>,
    /// How much more its incidents vary over time than chance alone makes them.
    dispersion: f64,
    /// Laplace's test with the larger of that and what is usual.
    verdict: Option<TrendTest>,
}

fn trend(unit: &Unit<'_>, at: f64) -> Trend {
    let start = unit.since.max(at - TREND_DAYS);
    let mut times: Vec<f64> =
        unit.events.iter().map(|t| t - start).filter(|t| *t > 0.0 && start + t < at).collect();
    // Tickets of one moment are one occurrence.
    times.dedup();
    let (length, end) = (at - start, Truncation::Time(at - start));
    let mut with_incidents: Vec<i64> = times.iter().map(|t| (start + t).floor() as i64).collect();
    with_incidents.dedup();
    if with_incidents.len() < MIN_TREND_DAYS {
        return Trend { beta: None, laplace: None, mil: None, dispersion: f64::NAN, verdict: None };
    }
    Trend {
        beta: power_law(&times, end).ok().map(|f| f.beta),
        laplace: laplace(&times, end).ok(),
        mil: mil_hdbk_189(&times, end).ok().map(|t| t.p_value),
        dispersion: dispersion(&times, length).unwrap_or(f64::NAN),
        verdict: None,
    }
}

/// Gives verdicts over all rows together. A unit's own dispersion is known poorly, so that of all units is its least.
fn give_verdicts(rows: &mut [Row<'_>]) {
    let known: Vec<f64> = rows.iter().map(|r| r.trend.dispersion).filter(|d| d.is_finite()).collect();
    let usual = known.iter().sum::<f64>() / f64::max(known.len() as f64, 1.0);
    for r in rows.iter_mut() {
        let dispersion = r.trend.dispersion.max(usual);
        r.trend.verdict = r.trend.laplace.map(|t| t.dispersed(dispersion));
    }
    let p: Vec<f64> = rows.iter().map(|r| r.trend.verdict.map_or(f64::NAN, |t| t.p_value)).collect();
    for (r, q) in rows.iter_mut().zip(benjamini_hochberg(&p)) {
        r.q = q;
    }
}

/// One row of `recurrences`.
struct Row<'a> {
    unit: &'a Unit<'a>,
    n: usize,
    exposure: f64,
    counts: Vec<CountDistribution>,
    trend: Trend,
    q: f64,
}

/// `recurrences` at the history's cutoff: every asset with an incident, and each of its categories.
pub(crate) fn recurrences(
    frames: &Frames,
    history: &History<'_>,
    seen: &Incidents<'_>,
    seed: u64,
) -> Result<DataFrame, EngineError> {
    if seen.is_empty() {
        return Ok(RECURRENCES.empty());
    }
    let mut rows: Vec<Row<'_>> = Vec::new();
    let both = families(history, seen);
    for family in &both {
        let models = HORIZONS
            .iter()
            .map(|h| family.learn(frames, history, *h, seed))
            .collect::<Result<Vec<_>, _>>()?;
        let first = rows.len();
        for (i, counts) in family.expect(history, &models)? {
            let unit = &family.units[i];
            let w = &seen.assets[unit.asset];
            let n = w.count(unit.category, f64::NEG_INFINITY, seen.at);
            if n > 0 {
                let trend = trend(unit, seen.at);
                rows.push(Row { unit, n, exposure: w.exposure(seen.at), counts, trend, q: f64::NAN });
            }
        }
        // Over all assets together, and over all assets and categories together.
        give_verdicts(&mut rows[first..]);
    }
    // What will come again most stands first.
    rows.sort_by(|a, b| {
        let expected = |r: &Row<'_>| r.counts[1].mean();
        expected(b)
            .total_cmp(&expected(a))
            .then_with(|| (a.unit.asset, a.unit.category).cmp(&(b.unit.asset, b.unit.category)))
    });
    frame(history, &rows)
}

fn verdict(r: &Row<'_>) -> &'static str {
    match r.trend.verdict {
        Some(t) if r.q <= FALSE_DISCOVERY && t.statistic > 0.0 => "worsening",
        Some(_) if r.q <= FALSE_DISCOVERY => "improving",
        _ => "stable",
    }
}

fn frame(history: &History<'_>, rows: &[Row<'_>]) -> Result<DataFrame, EngineError> {
    let number = |name: String, f: &dyn Fn(&Row<'_>) -> Option<f64>| {
        Column::new(name.into(), rows.iter().map(f).collect::<Vec<_>>())
    };
    let text = |name: &str, f: &dyn Fn(&Row<'_>) -> String| {
        Column::new(name.into(), rows.iter().map(f).collect::<Vec<_>>())
    };
    let named = |v: f64| v.is_finite().then_some(v);
    let mut columns = vec![
        text("asset_id", &|r| history.asset_id(r.unit.asset).to_owned()),
        text("category", &|r| r.unit.category.to_owned()),
        Column::new("n_incidents".into(), rows.iter().map(|r| r.n as i64).collect::<Vec<_>>()),
        number("exposure_days".into(), &|r| Some(r.exposure)),
    ];
    let (tail, edge) = (0.5 - 0.5 * LEVEL, 0.5 + 0.5 * LEVEL);
    let outlook = |k: usize, end: &str| {
        [
            number(format!("expected_{}d", HORIZONS[k]), &|r| Some(r.counts[k].mean())),
            number(format!("low{end}"), &|r| Some(r.counts[k].quantile(tail))),
            number(format!("high{end}"), &|r| Some(r.counts[k].quantile(edge))),
            number(format!("p_any{end}"), &|r| Some(r.counts[k].any())),
        ]
    };
    columns.extend(outlook(1, ""));
    columns.push(number("beta".into(), &|r| r.trend.beta.and_then(named)));
    columns.push(text("trend", &|r| verdict(r).to_owned()));
    columns.push(number("p_value".into(), &|r| r.trend.verdict.map(|t| t.p_value)));
    columns.push(number("q_value".into(), &|r| named(r.q)));
    columns.push(number("laplace_p_value".into(), &|r| r.trend.laplace.map(|t| t.p_value)));
    columns.push(number("mil_hdbk_189_p_value".into(), &|r| r.trend.mil));
    columns.extend(outlook(0, "_7d"));
    columns.extend(outlook(2, "_90d"));
    let df = DataFrame::new(rows.len(), columns)?;
    debug_assert_eq!(RECURRENCES.check(&df), Ok(()));
    Ok(df)
}

/// From and until which age an asset was watched, and the ages of its incidents, in days.
type Aged = (f64, f64, Vec<f64>);

/// The mean cumulative function of incidents by kind of asset: over the age in service where that is known, else over the
/// time watched.
pub(crate) fn mcf_points(history: &History<'_>, seen: &Incidents<'_>) -> Result<Vec<Point>, EngineError> {
    let mut kinds: BTreeMap<&str, Vec<Aged>> = BTreeMap::new();
    for (a, w) in seen.assets.iter().enumerate().filter(|(_, w)| w.exposure(seen.at) > 0.0) {
        let asset = history.asset(a);
        let kind = asset.kind.map_or("all assets", |k| history.word(k));
        let born = asset.in_service_at.map(days);
        // With an inventory, an asset of unknown age has no place on the axis.
        if asset.ran_before {
            continue;
        }
        let born = born.map_or(w.since, |b| b.min(w.since));
        let to = w.until.min(seen.at) - born;
        let events: Vec<f64> = w
            .incidents
            .iter()
            .filter(|i| i.at > w.since)
            .map(|i| i.at - born)
            // Rounding may put the first onto the very beginning.
            .filter(|t| *t > w.since - born)
            .take_while(|t| *t <= to)
            .collect();
        kinds.entry(kind).or_default().push((w.since - born, to, events));
    }
    let mut largest: Vec<_> = kinds.into_iter().filter(|k| k.1.len() >= MCF_ASSETS).collect();
    largest.sort_by(|a, b| b.1.len().cmp(&a.1.len()).then(a.0.cmp(b.0)));
    let mut points = Vec::new();
    for (kind, assets) in largest.iter().take(MCF_KINDS) {
        let units: Vec<UnitHistory<'_>> = assets
            .iter()
            .map(|(from_days, to_days, events)| UnitHistory {
                from_days: *from_days,
                to_days: *to_days,
                events_days: events,
            })
            .collect();
        let all = mean_cumulative(&units, LEVEL).map_err(EngineError::model)?;
        // Where hardly an asset is left, a step is as large as its own record; and where the first few are that old,
        // they would set the level of all later ages.
        let first = all.iter().position(|p| p.n_at_risk >= MCF_ASSETS / 2).unwrap_or(all.len());
        let kept: Vec<_> = all[first..].iter().filter(|p| p.n_at_risk >= MCF_ASSETS / 2).collect();
        let step = kept.len().div_ceil(MCF_POINTS).max(1);
        let last = kept.len().saturating_sub(1);
        for (_, p) in kept.iter().enumerate().filter(|(i, _)| i % step == 0 || *i == last) {
            points.push(("mcf", (*kind).to_owned(), p.time_days, p.mcf, Some((p.low, p.high))));
        }
    }
    Ok(points)
}

#[derive(Default)]
struct Judged {
    cutoff: Vec<Micros>,
    asset: Vec<String>,
    category: Vec<String>,
    horizon: Vec<i64>,
    actual: Vec<Option<i64>>,
    expected: Vec<f64>,
    below: Vec<Option<f64>>,
    at: Vec<Option<f64>>,
}

/// See [`crate::backtest_recurrence`].
pub(crate) fn backtest(
    frames: &Frames,
    settings: &Settings,
    plan: &BacktestPlan,
    progress: &dyn Progress,
) -> Result<RecurrenceBacktest, EngineError> {
    let cutoffs: Vec<Cutoff> =
        plan.every.span(plan.from, plan.to).into_iter().filter(|c| *c <= frames.end()).collect();
    let end = frames.as_of(frames.end());
    // What came, as it is known today: labels alone look at it.
    let came = Incidents::of(frames, &end);
    if cutoffs.is_empty() || came.is_empty() {
        return Err(EngineError::TooLittle {
            found: if cutoffs.is_empty() {
                format!("no cutoff from {} to {} lies before {}", plan.from, plan.to, frames.end())
            } else {
                "no incident on any asset".into()
            },
            hint: "give an earlier `--from` and `--to`, and map tickets or repairable failures".into(),
        });
    }
    let mut out = Judged::default();
    let mut models: Option<[Vec<Expecting>; 2]> = None;
    for (i, &cutoff) in cutoffs.iter().enumerate() {
        progress.step("backtest", i, cutoffs.len());
        if progress.cancelled() {
            return Err(EngineError::Cancelled);
        }
        let history = frames.as_of(cutoff);
        let seen = Incidents::of(frames, &history);
        let both = families(&history, &seen);
        let due = plan.refit.due(i);
        let learn = |f: &Family<'_>| -> Result<Vec<Expecting>, EngineError> {
            plan.horizons.iter().map(|h| f.learn(frames, &history, h.get(), settings.seed)).collect()
        };
        let used = match models.take().filter(|_| !due) {
            Some(models) => models,
            None => [learn(&both[0])?, learn(&both[1])?],
        };
        for (family, models) in both.iter().zip(&used) {
            for (u, counts) in family.expect(&history, models)? {
                let unit = &family.units[u];
                for (h, d) in plan.horizons.iter().zip(counts) {
                    let to = seen.at + f64::from(h.get());
                    let w = &came.assets[unit.asset];
                    let closed = to <= came.at && w.until >= to;
                    let actual = closed.then(|| w.count(unit.category, seen.at, to));
                    out.cutoff.push(cutoff.micros());
                    out.asset.push(history.asset_id(unit.asset).to_owned());
                    out.category.push(unit.category.to_owned());
                    out.horizon.push(i64::from(h.get()));
                    out.actual.push(actual.map(|n| n as i64));
                    out.expected.push(d.mean());
                    out.below.push(actual.map(|n| d.below(n as f64)));
                    out.at.push(actual.map(|n| d.up_to(n as f64)));
                }
            }
        }
        models = Some(used);
    }
    progress.step("backtest", cutoffs.len(), cutoffs.len());
    let metrics = metrics(&out, plan, settings.seed)?;
    let n = out.cutoff.len();
    let recurrence = DataFrame::new(
        n,
        vec![
            Column::new("cutoff".into(), out.cutoff)
                .cast(&DataType::Datetime(TimeUnit::Microseconds, None))?,
            Column::new("asset_id".into(), out.asset),
            Column::new("category".into(), out.category),
            Column::new("horizon_days".into(), out.horizon),
            Column::new("actual".into(), out.actual),
            Column::new("expected".into(), out.expected),
            Column::new("cdf_below".into(), out.below),
            Column::new("cdf_at".into(), out.at),
        ],
    )?;
    debug_assert_eq!(RECURRENCE.check(&recurrence), Ok(()));
    Ok(RecurrenceBacktest { recurrence, metrics })
}

/// How the forecasts came out: of assets and of categories, at each horizon, the share of rows in the emptiest and the
/// fullest tenth of the randomized probability integral transform (Czado, Gneiting and Held, 2009), and expected over
/// actual incidents.
fn metrics(rows: &Judged, plan: &BacktestPlan, seed: u64) -> Result<DataFrame, EngineError> {
    let mut out: Vec<MetricRow> = Vec::new();
    for (name, all) in [("assets", true), ("categories", false)] {
        for h in &plan.horizons {
            let h = i64::from(h.get());
            let (mut tenths, mut n, mut expected, mut actual) = ([0.0; 10], 0.0, 0.0, 0.0);
            for i in 0..rows.cutoff.len() {
                let (Some(y), Some(below), Some(at)) = (rows.actual[i], rows.below[i], rows.at[i]) else {
                    continue;
                };
                if rows.horizon[i] != h || (rows.category[i] == crate::incidents::ALL) != all {
                    continue;
                }
                let name = format!("{} {}", rows.asset[i], rows.category[i]);
                let day = forewarn_frames::time::day_number(rows.cutoff[i]);
                let u = below + draw(seed, &name, Cutoff::from_day(day)) * (at - below);
                tenths[((u * 10.0) as usize).min(9)] += 1.0;
                n += 1.0;
                expected += rows.expected[i];
                actual += y as f64;
            }
            if n > 0.0 {
                let least = tenths.iter().copied().fold(f64::INFINITY, f64::min);
                let most = tenths.iter().copied().fold(0.0, f64::max);
                let mut add =
                    |metric: &str, value: f64| out.push(MetricRow::chosen(name, h, metric, Some(value)));
                add("pit_emptiest_tenth", least / n);
                add("pit_fullest_tenth", most / n);
                add("expected_over_actual", expected / f64::max(actual, 0.5));
            }
        }
    }
    metric_table(&out)
}
