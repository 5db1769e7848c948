//! The candidates: each learns a series period by period and can say at any time what it expects next. They do not know
//! each other, nor who will be believed.
//!
//! All but the seasonal naive and the additive smoother work with the *exposure* of a period: its size times the
//! season's factor. A period that rests has the exposure of the season's quietest place.

/// The names of the candidates, in their order.
pub(super) const NAMES: [&str; N] = [
    "seasonal naive",
    "ETS",
    "Theta",
    "Croston",
    "SBA",
    "TSB",
    "regression",
    "share",
    "level",
    "level",
    "level",
    "level",
    "robust level",
    "robust level",
    "robust level",
    "robust level",
];
/// How much each is believed before anything is seen: trends and levels that a burst does not move held best on the data
/// that this was made with, the classics seldom did.
pub(super) const LEANINGS: [f64; N] =
    [0.5, 0.5, 0.5, 0.5, 0.5, 1.0, 2.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.5, 1.5, 1.5, 1.5];
/// How many candidates there are.
pub(super) const N: usize = 16;
/// Half-lives in periods of the discounted levels.
const HALF_LIVES: [f64; 4] = [3.0, 6.0, 14.0, 60.0];
/// The first of the discounted levels in [`NAMES`].
const FIRST_LEVEL: usize = 8;
/// Half-lives of the levels that are moved little by a single burst or outage.
const ROBUST_HALF_LIVES: [f64; 4] = [2.0, 4.0, 9.0, 25.0];
/// A count moves a robust level as if it lay within so many standard deviations of what was expected.
const CLIP_SD: f64 = 1.2;
/// The spread of the counts that a robust level takes as usual.
const CLIP_SPREAD: f64 = 0.05;
/// The half-life, in periods with tickets, of how often a series has any.
const ACTIVE_HALF_LIFE: f64 = 8.0;
/// A silence less likely than this means that a series has ended.
const ENDED_BELOW: f64 = 1e-3;
/// No series is thought to have tickets in more than this share of its periods when its silence is judged.
const OFTEN_AT_MOST: f64 = 0.5;
/// The first of the robust levels in [`NAMES`].
const FIRST_ROBUST: usize = FIRST_LEVEL + HALF_LIVES.len();
/// The slowest level, which is near the mean of all that was seen.
pub(super) const FALLBACK: usize = FIRST_LEVEL + HALF_LIVES.len() - 1;
/// The half-life of a series' share of the total.
const SHARE_HALF_LIFE: f64 = 32.0;
/// Croston's smoothing constant, as Croston (1972) and Syntetos and Boylan (2005) use it.
const CROSTON: f64 = 0.1;
/// TSB's constants for demand probability and size (Teunter, Syntetos and Babai 2011).
const TSB: (f64, f64) = (0.05, 0.1);
/// Smoothing constants tried by the smoothers.
const ALPHAS: [f64; 6] = [0.02, 0.05, 0.1, 0.2, 0.35, 0.6];
/// Seasonal smoothing constants tried.
const GAMMAS: [f64; 2] = [0.05, 0.15];
/// The trend's smoothing constant as a part of the level's, and its damping.
const TREND: (f64, f64) = (0.1, 0.95);
/// A period of less exposure than this tells too little of a level to be divided by it.
const TELLING: f64 = 0.25;

/// What is known of a period beside its count.
#[derive(Debug, Clone, Copy)]
pub(super) struct Period {
    /// Place in the season; the quietest one where work rests.
    pub(super) slot: usize,
    /// Its size times the factor of its place.
    pub(super) exposure: f64,
    /// Tickets that all series together would have in an average period, as known before it.
    pub(super) total: f64,
}

/// A discounted ratio of counts to exposure: the mean of a gamma–Poisson level whose evidence fades (West and Harrison
/// 1997, section 10.8, steady model).
#[derive(Debug, Clone, Copy)]
struct Ratio {
    counts: f64,
    exposure: f64,
    decay: f64,
}

impl Ratio {
    fn new(half_life: f64) -> Self {
        Self { counts: 0.0, exposure: 0.0, decay: 0.5_f64.powf(1.0 / half_life) }
    }

    fn update(&mut self, y: f64, exposure: f64) {
        self.counts = self.counts * self.decay + y;
        self.exposure = self.exposure * self.decay + exposure;
    }

    fn value(&self) -> f64 {
        if self.exposure > 0.0 { self.counts / self.exposure } else { 0.0 }
    }
}

/// One smoother of a grid of additive exponential smoothing: level, damped trend, season (Hyndman et al. 2008).
#[derive(Debug, Clone)]
struct Smoother {
    alpha: f64,
    beta: f64,
    gamma: f64,
    level: f64,
    trend: f64,
    season: Vec<f64>,
    /// Its one-step squared errors so far, older ones fading.
    loss: f64,
}

impl Smoother {
    fn update(&mut self, y: f64, slot: usize, fade: f64) {
        let damped = TREND.1 * self.trend;
        let error = y - (self.level + damped + self.season[slot]);
        self.level += damped + self.alpha * error;
        self.trend = damped + self.beta * error;
        self.season[slot] += self.gamma * error;
        self.loss = self.loss * fade + error * error;
    }

    fn ahead(&self, step: usize, slot: usize) -> f64 {
        let damp = TREND.1 * (1.0 - TREND.1.powi(step as i32)) / (1.0 - TREND.1);
        self.level + damp * self.trend + self.season[slot]
    }
}

/// All candidates of one series.
#[derive(Debug, Clone)]
pub(super) struct Candidates {
    last_of_slot: Vec<Option<f64>>,
    smoothers: Vec<Smoother>,
    simple: Vec<(f64, f64, f64)>,
    croston: Option<(f64, f64)>,
    since: f64,
    /// The share of periods with a ticket up to the last one that had any, and the exposure since.
    active: Ratio,
    silent: f64,
    tsb: (Ratio, Option<f64>),
    share: Ratio,
    levels: [Ratio; HALF_LIVES.len()],
    robust: [Ratio; ROBUST_HALF_LIVES.len()],
    /// Counts and exposures so far, for the regression and Theta's drift.
    seen: Vec<(f64, f64)>,
    fade: f64,
}

impl Candidates {
    /// Candidates of a series that begins with `warm`: counts and places of its first periods, which set the starting
    /// values of the additive smoothers and nothing else.
    pub(super) fn new(n_slots: usize, warm: &[(f64, usize)]) -> Self {
        let mean = warm.iter().map(|w| w.0).sum::<f64>() / warm.len().max(1) as f64;
        let season: Vec<f64> = (0..n_slots)
            .map(|slot| {
                let of: Vec<f64> = warm.iter().filter(|w| w.1 == slot).map(|w| w.0).collect();
                if of.is_empty() || n_slots < 2 {
                    0.0
                } else {
                    of.iter().sum::<f64>() / of.len() as f64 - mean
                }
            })
            .collect();
        let gammas: &[f64] = if n_slots > 1 { &GAMMAS } else { &[0.0] };
        let mut smoothers = Vec::new();
        for alpha in ALPHAS {
            for beta in [0.0, alpha * TREND.0] {
                for gamma in gammas {
                    smoothers.push(Smoother {
                        alpha,
                        beta,
                        gamma: *gamma,
                        level: mean,
                        trend: 0.0,
                        season: season.clone(),
                        loss: 0.0,
                    });
                }
            }
        }
        Self {
            last_of_slot: vec![None; n_slots],
            smoothers,
            simple: ALPHAS.iter().map(|a| (*a, f64::NAN, 0.0)).collect(),
            croston: None,
            since: 0.0,
            active: Ratio::new(ACTIVE_HALF_LIFE),
            silent: 0.0,
            tsb: (Ratio::new(-std::f64::consts::LN_2 / (1.0 - TSB.0).ln()), None),
            share: Ratio::new(SHARE_HALF_LIFE),
            levels: HALF_LIVES.map(Ratio::new),
            robust: ROBUST_HALF_LIVES.map(Ratio::new),
            seen: Vec::new(),
            fade: 0.5_f64.powf(1.0 / (8.0 * n_slots as f64).max(26.0)),
        }
    }

    /// Learns one period.
    pub(super) fn update(&mut self, y: f64, p: Period) {
        self.last_of_slot[p.slot] = Some(y);
        for s in &mut self.smoothers {
            s.update(y, p.slot, self.fade);
        }
        if p.exposure > TELLING {
            let z = y / p.exposure;
            for (alpha, level, loss) in &mut self.simple {
                if level.is_nan() {
                    *level = z;
                }
                *loss = *loss * self.fade + (z - *level).powi(2) * p.exposure;
                *level += *alpha * (z - *level);
            }
        }
        self.since += p.exposure;
        self.silent += p.exposure;
        if y > 0.0 {
            self.active.update(1.0, self.silent.max(1.0));
            self.silent = 0.0;
        }
        if y > 0.0 {
            self.croston = Some(match self.croston {
                None => (y, self.since.max(1.0)),
                Some((size, gap)) => (size + CROSTON * (y - size), gap + CROSTON * (self.since - gap)),
            });
            self.since = 0.0;
            self.tsb.1 = Some(self.tsb.1.map_or(y, |z| z + TSB.1 * (y - z)));
        }
        self.tsb.0.update(f64::from(u8::from(y > 0.0)), p.exposure);
        self.share.update(y, p.exposure * p.total);
        for level in &mut self.levels {
            level.update(y, p.exposure);
        }
        for level in &mut self.robust {
            let mean = level.value() * p.exposure;
            // A level that has seen little has no idea of what is usual.
            let reach = if level.exposure > 4.0 {
                CLIP_SD * (mean * (1.0 + CLIP_SPREAD * mean)).sqrt() + 1.0
            } else {
                f64::INFINITY
            };
            level.update(y.clamp((mean - reach).max(0.0), mean + reach), p.exposure);
        }
        self.seen.push((y, p.exposure));
    }

    /// What each candidate expects in the periods to come, by period and candidate; never negative.
    pub(super) fn ahead(&self, future: &[Ahead]) -> Vec<[f64; N]> {
        let rates = self.levels.map(|l| l.value());
        let mean = rates[HALF_LIVES.len() - 1];
        let (alpha, level, _) = self
            .simple
            .iter()
            .fold((0.1, f64::NAN, f64::INFINITY), |best, s| if s.2 < best.2 { *s } else { best });
        let level = if level.is_nan() { mean } else { level };
        let drift = super::trend::drift(&self.seen, TELLING);
        let n = self.seen.len() as f64;
        let (croston, sba) = self.croston.map_or((0.0, 0.0), |(size, gap)| {
            let rate = size / gap.max(1e-6);
            (rate, rate * (1.0 - CROSTON / 2.0))
        });
        let tsb = self.tsb.0.value() * self.tsb.1.unwrap_or(0.0);
        let regression = super::trend::Regression::fit(&self.seen);
        // A silence far longer than chance allows says that the series has ended, or is at least this rare.
        // Even of a series that has tickets every day, a fortnight may be missing.
        let often = self.active.value().min(OFTEN_AT_MOST);
        let cap =
            if self.silent * (-often).ln_1p() < ENDED_BELOW.ln() { 0.5 / self.silent } else { f64::INFINITY };
        let best = self.smoothers.iter().min_by(|a, b| a.loss.total_cmp(&b.loss));
        future
            .iter()
            .enumerate()
            .map(|(j, at)| {
                let step = j + 1;
                // What the season says, unless work rests: then what its quietest place says.
                let mix = |f: &dyn Fn(usize) -> f64| {
                    let usual = f(at.slot).max(0.0);
                    if at.rest > 0.0 {
                        (1.0 - at.rest) * usual + at.rest * f(at.quiet).max(0.0).min(usual)
                    } else {
                        usual
                    }
                };
                let mut out = [0.0; N];
                out[0] = mix(&|slot| self.last_of_slot[slot].unwrap_or(mean * at.exposure));
                out[1] = best.map_or(mean * at.exposure, |s| mix(&|slot| s.ahead(step, slot)));
                let lift = (step as f64 - 1.0) + (1.0 - (1.0 - alpha).powf(n)) / alpha;
                out[2] = (level + 0.5 * drift * lift).max(0.0) * at.exposure;
                out[3] = croston * at.exposure;
                out[4] = sba * at.exposure;
                out[5] = tsb * at.exposure;
                out[6] = regression.rate(step) * at.exposure;
                out[7] = self.share.value() * at.total * at.exposure;
                for (k, rate) in rates.iter().enumerate() {
                    out[FIRST_LEVEL + k] = rate * at.exposure;
                }
                for (k, level) in self.robust.iter().enumerate() {
                    out[FIRST_ROBUST + k] = level.value() * at.exposure;
                }
                if cap.is_finite() {
                    for m in &mut out {
                        *m = m.min(cap * at.exposure);
                    }
                }
                out
            })
            .collect()
    }
}

/// A period to forecast.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ahead {
    /// Place in the season.
    pub(super) slot: usize,
    /// The quietest place of the season.
    pub(super) quiet: usize,
    /// The chance that work rests.
    pub(super) rest: f64,
    /// Its size times the factor of its place, the chance of rest allowed for.
    pub(super) exposure: f64,
    /// Tickets that all series together are expected to have in an average period.
    pub(super) total: f64,
}
