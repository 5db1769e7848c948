//! How strongly the last months of one metric speak against its usual level: recent levels against the usual one, and sums
//! of log-likelihood ratios that start anew at each repair. It does not know which way is bad, or what failed.
//!
//! A counter's usual rise is compared as Poisson counts, a gauge's usual level as normal days. The sums are Page's CUSUM
//! (1954) and the Shiryaev–Roberts statistic (Roberts, 1966): they rise while a change goes on and forget what came before.

use std::collections::HashMap;

use forewarn_frames::{Asset, Code, History, Series};

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
/// And by how many events at least, where events are rare.
const SHRINK_EVENTS: f64 = 3.0;
/// Days before a failure that are not usual.
const BEFORE_FAILURE: i32 = 60;
/// The least usual rise a day, so that a first count has a finite weight.
const LEAST_RISE: f64 = 1e-3;
/// Chance of a change on any one day that the Shiryaev–Roberts sum starts from.
const CHANCE_A_DAY: f64 = 0.004;
/// A day counts up to so many standard deviations.
const MAX_DEVIATION: f64 = 20.0;
/// Days of usual behaviour that a recent level is shrunk by.
const STEADY_DAYS: f64 = 2.0;

/// What peers show of a metric: the mean rise a day of a counter, or the mean and the variance within an asset of a gauge.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Usual {
    pub mean: f64,
    pub variance: f64,
}

/// Days, sum and sum of squares around the asset's own mean.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Sums {
    assets: usize,
    days: f64,
    sum: f64,
    squares: f64,
}

impl Sums {
    /// Adds the sums of another asset: squares stay around each asset's own mean.
    fn add(&mut self, o: &Self) {
        self.assets += o.assets;
        self.days += o.days;
        self.sum += o.sum;
        self.squares += o.squares;
    }

    /// Adds further days of the same asset (Chan, Golub and LeVeque 1979).
    pub(crate) fn join(&mut self, o: &Self) {
        if o.days == 0.0 {
            return;
        }
        if self.days > 0.0 {
            let apart = o.sum / o.days - self.sum / self.days;
            self.squares += apart * apart * self.days * o.days / (self.days + o.days);
        }
        self.assets = self.assets.max(o.assets);
        self.days += o.days;
        self.sum += o.sum;
        self.squares += o.squares;
    }

    /// Of a count over so many days.
    pub(crate) fn of_count(count: f64, days: f64) -> Self {
        Self { assets: usize::from(days > 0.0), days, sum: count, squares: 0.0 }
    }
}

/// The increase up to and with `day`.
fn risen(series: &Series<'_>, day: i32) -> f64 {
    row_at(series.day(), day).map_or(0.0, |i| series.cum_increase()[i])
}

/// Calls `each` with the value and the days it held of the gauge's rows after `from` and up to `to`: a sampled row holds
/// for its day, a row of a change until the next one.
pub(crate) fn held(series: &Series<'_>, from: i32, to: i32, mut each: impl FnMut(f64, i32)) {
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
pub(crate) fn sums(series: &Series<'_>, plan: &MetricPlan, from: i32, to: i32) -> Sums {
    let Some(&first) = series.day().first() else { return Sums::default() };
    if plan.steps {
        let days = f64::from((to - from.max(first)).max(0));
        let sum = if days > 0.0 { risen(series, to) - risen(series, from) } else { 0.0 };
        return Sums { assets: usize::from(days > 0.0), days, sum, squares: 0.0 };
    }
    let (mut days, mut sum) = (0.0, 0.0);
    // Levels are logarithms where the metric is one of sizes: each is taken once.
    let mut levels: Vec<(f64, f64)> = Vec::with_capacity((to - from).max(0) as usize);
    held(series, from, to, |v, n| {
        let (level, n) = (plan.level(v), f64::from(n));
        days += n;
        sum += level * n;
        levels.push((level, n));
    });
    let mean = sum / days;
    let squares = levels.iter().fold(0.0, |squares, (level, n)| squares + (level - mean).powi(2) * n);
    Sums { assets: usize::from(days > 0.0), days, sum, squares }
}

/// What is usual among peers: assets of the same model where there are enough, else of the same kind, else the fleet.
#[derive(Debug, Clone, Default)]
pub(crate) struct Levels {
    pub(crate) fleet: Option<Usual>,
    pub(crate) kinds: HashMap<Code, Usual>,
    pub(crate) models: HashMap<Code, Usual>,
}

impl Levels {
    /// From each asset's own sums over the population.
    pub(crate) fn of(history: &History<'_>, population: &[usize], own: &dyn Fn(usize) -> Sums) -> Self {
        let mut fleet = Sums::default();
        let (mut kinds, mut models): (HashMap<Code, Sums>, HashMap<Code, Sums>) = Default::default();
        // In the order of assets, so that the sums have the same bits every time.
        for &a in population {
            let own = own(a);
            if own.assets == 0 {
                continue;
            }
            fleet.add(&own);
            let asset = history.asset(a);
            if let Some(k) = asset.kind {
                kinds.entry(k).or_default().add(&own);
            }
            if let Some(m) = asset.model {
                models.entry(m).or_default().add(&own);
            }
        }
        let usual =
            |s: &Sums| (s.days > 0.0).then(|| Usual { mean: s.sum / s.days, variance: s.squares / s.days });
        let enough = |cells: HashMap<Code, Sums>| {
            let cells = cells.into_iter().filter(|(_, s)| s.assets >= MIN_PEERS);
            cells.filter_map(|(c, s)| usual(&s).map(|u| (c, u))).collect()
        };
        Self { fleet: usual(&fleet), kinds: enough(kinds), models: enough(models) }
    }

    /// Of one metric, over the days before the cutoff.
    pub(crate) fn of_metric(history: &History<'_>, plan: &MetricPlan, population: &[usize]) -> Self {
        let today = history.cutoff().day() - 1;
        Self::of(history, population, &|a| {
            sums(&history.series(a, plan.metric), plan, today - PEER_DAYS, today)
        })
    }

    /// What is usual among the peers of an asset; `None` where none has any.
    pub(crate) fn near(&self, asset: &Asset) -> Option<Usual> {
        let of = |cells: &HashMap<Code, Usual>, c: Option<Code>| c.and_then(|c| cells.get(&c)).copied();
        of(&self.models, asset.model).or_else(|| of(&self.kinds, asset.kind)).or(self.fleet)
    }
}

/// An asset's own past, shrunk to what is usual among its peers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Own {
    /// The usual rise a day of a counter, or level of a gauge (on the metric's scale).
    pub usual: f64,
    /// The usual standard deviation of a gauge's day; NaN where there is none.
    pub sd: f64,
}

/// The days `(from, to]` less those before the failures.
pub(crate) fn without_failures(from: i32, to: i32, failures: &[i32]) -> Vec<(i32, i32)> {
    let (mut out, mut start) = (Vec::new(), from);
    for f in failures {
        let (a, b) = ((f - BEFORE_FAILURE).max(start), (*f).min(to));
        if b <= start || a > to {
            continue;
        }
        if a > start {
            out.push((start, a));
        }
        start = b;
    }
    if to > start {
        out.push((start, to));
    }
    out
}

/// An asset's own past up to a month ago without the days before its failures, shrunk to its peers.
pub(crate) fn own_past(
    series: &Series<'_>,
    plan: &MetricPlan,
    today: i32,
    failures: &[i32],
    peers: Usual,
) -> Own {
    let mut past = Sums::default();
    for (from, to) in without_failures(today - PAST, today - RECENT, failures) {
        past.join(&sums(series, plan, from, to));
    }
    let usual = (past.sum + SHRINK_DAYS * peers.mean) / (past.days + SHRINK_DAYS);
    if plan.steps {
        return Own { usual: usual.max(LEAST_RISE), sd: f64::NAN };
    }
    let variance = (past.squares + SHRINK_DAYS * peers.variance) / (past.days + SHRINK_DAYS);
    Own { usual, sd: if variance > 0.0 { variance.sqrt() } else { f64::NAN } }
}

/// A usual number of tickets a day: peers weigh as much as a month of it, or as some events where these are rarer.
pub(crate) fn shrunk_rate(past: &Sums, peers: Usual) -> f64 {
    let weight = SHRINK_DAYS.max(SHRINK_EVENTS / peers.mean.max(LEAST_RISE));
    ((past.sum + weight * peers.mean) / (past.days + weight)).max(LEAST_RISE)
}

/// What is left of a recent level after so many days, by half-life.
fn left_after(days: i32) -> [f64; RECENT_DAYS.len()] {
    RECENT_DAYS.map(|half_life| (-f64::from(days) / f64::from(half_life)).exp2())
}

/// The same after the most usual step, which is taken millions of times.
static LEFT_AFTER_A_DAY: std::sync::LazyLock<[f64; RECENT_DAYS.len()]> =
    std::sync::LazyLock::new(|| left_after(1));

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
        let left = if days == 1 { *LEFT_AFTER_A_DAY } else { left_after(days) };
        for ((sum, weight), left) in self.recent.iter_mut().zip(left) {
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
    (failures, peers): (&[i32], Option<Usual>),
) {
    let width = 1 + RECENT_DAYS.len() + 3 + usize::from(!plan.steps);
    let (Some(peers), Some(_)) = (peers, series.day().first()) else {
        out.extend(std::iter::repeat_n(f64::NAN, width));
        return;
    };
    let Own { usual, sd } = own_past(series, plan, today, failures, peers);
    let from = repaired.unwrap_or(i32::MIN).max(today - SCAN_DAYS);
    let mut r = Running { cusum: [0.0; 3], roberts: 0.0, recent: [(0.0, 0.0); RECENT_DAYS.len()] };
    if plan.steps {
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
        // In the metric's own unit, for people.
        out.push(if plan.log { usual.exp() } else { usual });
        if sd.is_nan() {
            out.extend(std::iter::repeat_n(f64::NAN, width - 1));
            return;
        }
        let ratio = |z: f64, days: i32, shift: f64| f64::from(days) * (shift * z - 0.5 * shift * shift);
        held(series, from, today, |v, n| {
            let z = ((plan.level(v) - usual) / sd).clamp(-MAX_DEVIATION, MAX_DEVIATION);
            r.age(n);
            r.add([ratio(z, n, 0.5), ratio(z, n, 1.0), ratio(-z, n, 1.0)]);
            r.see(z * f64::from(n), f64::from(n));
        });
        out.extend(r.recent.map(|(sum, days)| sum / (days + STEADY_DAYS)));
        out.extend(r.cusum);
    }
    out.push((r.roberts + 1e-6).ln());
}
