//! How strongly the last months of one metric speak against its usual level: recent levels against the usual one, and sums
//! of log-likelihood ratios that start anew at each repair. It does not know which way is bad, or what failed.
//!
//! A counter's usual rise is compared as Poisson counts, a gauge's usual level as normal days. The sums are Page's CUSUM
//! (1954) and the Shiryaev–Roberts statistic (Roberts, 1966): they rise while a change goes on and forget what came before.

use std::collections::HashMap;

use forewarn_frames::{Code, Series};

use crate::catalog::{MetricPlan, RECENT_DAYS};
use crate::cohort::MIN_PEERS;
use crate::metric::row_at;

/// Days over which the level of peers is taken.
const PEER_DAYS: i32 = 90;
/// An asset's own past ends so many days ago, so that what is going on now is not its own measure.
const RECENT: i32 = 30;
/// And it reaches back so many days.
const PAST: i32 = 365;
/// How many days of its peers' behaviour an asset's own past is shrunk by.
const SHRINK_DAYS: f64 = 30.0;
/// Evidence is summed over at most so many days.
const SCAN_DAYS: i32 = 150;
/// The least usual rise a day, so that a first count has a finite weight.
const LEAST_RISE: f64 = 1e-3;
/// Chance of a change on any one day that the Shiryaev–Roberts sum starts from.
const CHANCE_A_DAY: f64 = 0.004;
/// Days of usual behaviour that a recent level is shrunk by.
const STEADY_DAYS: f64 = 2.0;

/// What peers show of a metric: the mean rise a day of a counter, or the mean and the variance within an asset of a gauge.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Usual {
    mean: f64,
    variance: f64,
}

/// Days, sum and sum of squares around the asset's own mean.
#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    assets: usize,
    days: f64,
    sum: f64,
    squares: f64,
}

impl Sums {
    fn add(&mut self, o: &Self) {
        self.assets += o.assets;
        self.days += o.days;
        self.sum += o.sum;
        self.squares += o.squares;
    }
}

/// The increase up to and with `day`.
fn risen(series: &Series<'_>, day: i32) -> f64 {
    row_at(series.day(), day).map_or(0.0, |i| series.cum_increase()[i])
}

/// Calls `each` with the value and the days it held of the gauge's rows after `from` and up to `to`: a sampled row holds
/// for its day, a row of a change until the next one.
fn held(series: &Series<'_>, from: i32, to: i32, mut each: impl FnMut(f64, i32)) {
    let day = series.day();
    let end = day.partition_point(|d| *d <= to);
    let start = day[..end].partition_point(|d| *d <= from);
    if !series.on_change() {
        for i in start..end {
            each(series.mean()[i], 1);
        }
        return;
    }
    for i in start.saturating_sub(1)..end {
        let begins = day[i].max(from + 1);
        let until = if i + 1 < end { day[i + 1] - 1 } else { to };
        if until >= begins {
            each(series.last()[i], until - begins + 1);
        }
    }
}

/// The sums of the days after `from` and up to `to`.
fn sums(series: &Series<'_>, plan: &MetricPlan, from: i32, to: i32) -> Sums {
    let Some(&first) = series.day().first() else { return Sums::default() };
    if plan.steps {
        let days = f64::from((to - from.max(first)).max(0));
        let sum = if days > 0.0 { risen(series, to) - risen(series, from) } else { 0.0 };
        return Sums { assets: usize::from(days > 0.0), days, sum, squares: 0.0 };
    }
    let (mut days, mut sum) = (0.0, 0.0);
    held(series, from, to, |v, n| {
        days += f64::from(n);
        sum += v * f64::from(n);
    });
    let mean = sum / days;
    let mut squares = 0.0;
    held(series, from, to, |v, n| squares += (v - mean) * (v - mean) * f64::from(n));
    Sums { assets: usize::from(days > 0.0), days, sum, squares }
}

/// What is usual among the peers of each asset: those of the same model where there are enough, else of the same kind,
/// else the fleet. One entry an asset; `None` where no peer has the metric.
pub(crate) fn peers<'a>(
    series: &dyn Fn(usize) -> Series<'a>,
    plan: &MetricPlan,
    population: &[usize],
    today: i32,
    model: &dyn Fn(usize) -> Option<Code>,
    kind: &dyn Fn(usize) -> Option<Code>,
    n_assets: usize,
) -> Vec<Option<Usual>> {
    let mut fleet = Sums::default();
    let (mut kinds, mut models): (HashMap<Code, Sums>, HashMap<Code, Sums>) = Default::default();
    // In the order of assets, so that the sums have the same bits every time.
    for &a in population {
        let own = sums(&series(a), plan, today - PEER_DAYS, today);
        if own.assets == 0 {
            continue;
        }
        fleet.add(&own);
        if let Some(k) = kind(a) {
            kinds.entry(k).or_default().add(&own);
        }
        if let Some(m) = model(a) {
            models.entry(m).or_default().add(&own);
        }
    }
    let usual =
        |s: &Sums| (s.days > 0.0).then(|| Usual { mean: s.sum / s.days, variance: s.squares / s.days });
    let mut out = vec![None; n_assets];
    for &a in population {
        let enough = |s: Option<&Sums>| s.copied().filter(|s| s.assets >= MIN_PEERS);
        let closest = enough(model(a).and_then(|m| models.get(&m)))
            .or_else(|| enough(kind(a).and_then(|k| kinds.get(&k))))
            .unwrap_or(fleet);
        out[a] = usual(&closest);
    }
    out
}

/// The running sums of evidence and of recent levels.
struct Running {
    /// Log-likelihood ratio of a small and of a large change upward, and of a large one downward, where they were highest.
    cusum: [f64; 3],
    /// Shiryaev–Roberts, of the small change.
    roberts: f64,
    recent: [(f64, f64); RECENT_DAYS.len()],
}

impl Running {
    fn add(&mut self, ratios: [f64; 3]) {
        for (sum, ratio) in self.cusum.iter_mut().zip(ratios) {
            *sum = (*sum + ratio).max(0.0);
        }
        self.roberts = ((self.roberts + CHANCE_A_DAY) * ratios[0].min(20.0).exp()).min(1e9);
    }

    fn age(&mut self, days: i32) {
        for ((sum, weight), half_life) in self.recent.iter_mut().zip(RECENT_DAYS) {
            let left = (-f64::from(days) / f64::from(half_life)).exp2();
            *sum *= left;
            *weight *= left;
        }
    }

    fn see(&mut self, sum: f64, days: f64) {
        for r in &mut self.recent {
            r.0 += sum;
            r.1 += days;
        }
    }
}

/// Appends the metric's evidence in the catalog's order.
pub(crate) fn push(
    out: &mut Vec<f64>,
    series: &Series<'_>,
    plan: &MetricPlan,
    today: i32,
    repaired: Option<i32>,
    peers: Option<Usual>,
) {
    let width = 1 + RECENT_DAYS.len() + 3 + usize::from(!plan.steps);
    let (Some(peers), Some(_)) = (peers, series.day().first()) else {
        out.extend(std::iter::repeat_n(f64::NAN, width));
        return;
    };
    let past = sums(series, plan, today - PAST, today - RECENT);
    let usual = (past.sum + SHRINK_DAYS * peers.mean) / (past.days + SHRINK_DAYS);
    let from = repaired.unwrap_or(i32::MIN).max(today - SCAN_DAYS);
    let mut r = Running { cusum: [0.0; 3], roberts: 0.0, recent: [(0.0, 0.0); RECENT_DAYS.len()] };
    if plan.steps {
        let usual = usual.max(LEAST_RISE);
        let ratio = |x: f64, days: f64, times: f64| x * times.ln() - usual * days * (times - 1.0);
        let day = series.day();
        // The first row of all has nothing to have risen from.
        let start = day.partition_point(|d| *d <= from).max(1);
        let mut step = |x: f64, days: i32| {
            let n = f64::from(days);
            r.age(days);
            r.add([ratio(x, n, 2.0), ratio(x, n, 4.0), 0.0]);
            r.see(x, n);
        };
        for i in start..day.len() {
            let x = series.cum_increase()[i] - series.cum_increase()[i - 1];
            step(x, day[i] - day[i - 1].max(from));
        }
        let quiet = day.last().map_or(0, |d| today - (*d).max(from));
        if series.on_change() && quiet > 0 {
            step(0.0, quiet);
        } else {
            r.age(quiet);
        }
        out.push(usual);
        out.extend(r.recent.map(|(sum, days)| (sum + STEADY_DAYS * usual) / ((days + STEADY_DAYS) * usual)));
        out.extend(&r.cusum[..2]);
    } else {
        let variance = (past.squares + SHRINK_DAYS * peers.variance) / (past.days + SHRINK_DAYS);
        let sd = if variance > 0.0 { variance.sqrt() } else { f64::NAN };
        out.push(usual);
        if sd.is_nan() {
            out.extend(std::iter::repeat_n(f64::NAN, width - 1));
            return;
        }
        let ratio = |z: f64, days: i32, shift: f64| f64::from(days) * (shift * z - 0.5 * shift * shift);
        held(series, from, today, |v, n| {
            let z = (v - usual) / sd;
            r.age(n);
            r.add([ratio(z, n, 0.5), ratio(z, n, 1.0), ratio(-z, n, 1.0)]);
            r.see(z * f64::from(n), f64::from(n));
        });
        out.extend(r.recent.map(|(sum, days)| sum / (days + STEADY_DAYS)));
        out.extend(r.cusum);
    }
    out.push((r.roberts + 1e-6).ln());
}
