//! One asset as the inventory sees it, and the daily rates that follow from its covariates.
//!
//! Knows what can be observed about an asset (age, place, load, heat, versions), not which state it is in.

use crate::SimParams;
use crate::calendar::{Day, civil, year_angle};
use crate::catalog::{
    BAD_FIRMWARE_FACTOR, Effect, GOOD_PATCH_FACTOR, KINDS, Kind, KindSpec, MODELS, ModelSpec, NOISY_SHARE,
    REGIME, ROLLOUTS, Rollout, SERVICES, SITES, VISIT_HEALS,
};
use crate::chance::{Chance, Purpose};

/// Worn, failing and so on: the states before a failure.
pub(crate) const STATES: usize = 3;

/// An asset's fixed attributes and its planned changes.
#[derive(Debug)]
pub(crate) struct Asset {
    pub(crate) index: usize,
    pub(crate) id: String,
    pub(crate) kind: Kind,
    pub(crate) model: usize,
    pub(crate) model_name: &'static str,
    pub(crate) site: usize,
    pub(crate) service: usize,
    pub(crate) installed: Day,
    pub(crate) retired: Day,
    /// The period, and the day after which workloads have moved.
    pub(crate) start: Day,
    pub(crate) end: Day,
    regime: Day,
    warmth: f64,
    load: f64,
    load_trend: f64,
    pub(crate) noisy: bool,
    battery_rate: f64,
    /// Days on which the battery was replaced.
    pub(crate) batteries: Vec<Day>,
    disk_used: (f64, f64),
    /// For each rollout: the day of installation, `Day::MAX` for never, `Day::MIN` for not concerned.
    installs: [Day; ROLLOUTS.len()],
}

/// Daily probabilities, given the covariates of the day.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rates {
    pub(crate) onset: f64,
    pub(crate) worsen: f64,
    /// Probability of failing today in each state.
    pub(crate) fail: [f64; STATES],
    /// Daily probability of a visit, before it is known whether there is one.
    pub(crate) visit: f64,
}

impl Asset {
    pub(crate) fn new(params: &SimParams, index: usize) -> (Self, Chance) {
        let mut chance = Chance::new(params.seed, Purpose::Life, index as u64);
        let (start, end) = (params.start(), params.end());
        let period = end - start;
        let shares: Vec<f64> = KINDS.iter().map(|k| k.spec().share).collect();
        let kind = KINDS[chance.weighted(&shares)];
        let spec = kind.spec();
        let of_kind: Vec<f64> = MODELS.iter().map(|m| if m.kind == kind { m.share } else { 0.0 }).collect();
        let model = chance.weighted(&of_kind);
        let names = MODELS[model].names;
        let model_name = names[chance.below(names.len())];
        let sites: Vec<f64> = SITES.iter().map(|s| s.share).collect();
        let in_room = matches!(kind, Kind::Server | Kind::Disk);
        let site = if in_room && chance.happens(0.7) { 0 } else { chance.weighted(&sites) };
        let service = match kind {
            Kind::Server | Kind::Disk => chance.below(5),
            Kind::Switch => 5,
            Kind::Laptop | Kind::Printer => 6,
        };
        let lifetime = (spec.lifetime_years * 365.25 * chance.between(0.75, 1.25)) as i64;
        // One in seven arrives during the period; the others are of any age and not yet at their end.
        let installed = if chance.happens(0.15) {
            start + (chance.between(0.0, 0.92) * period as f64) as i64
        } else {
            start - 1 - (chance.unit() * 0.82 * lifetime as f64) as i64
        };
        let mut asset = Self {
            index,
            id: format!("{}-{:05}", spec.prefix, index + 1),
            kind,
            model,
            model_name,
            site,
            service,
            installed,
            retired: installed + lifetime,
            start,
            end,
            regime: start + (REGIME * period as f64) as i64,
            warmth: chance.normal(0.0, 2.5),
            load: chance.between(spec.load.0, spec.load.1),
            load_trend: chance.normal(0.0, 4.0),
            noisy: chance.happens(NOISY_SHARE),
            battery_rate: chance.between(0.018, 0.05),
            batteries: Vec::new(),
            disk_used: (chance.between(20.0, 80.0), chance.between(0.0, 0.16)),
            installs: [Day::MIN; ROLLOUTS.len()],
        };
        if kind == Kind::Laptop {
            let mut last = asset.installed;
            loop {
                last += ((100.0 - chance.between(52.0, 64.0)) / asset.battery_rate) as i64;
                if last >= asset.retired.min(end) {
                    break;
                }
                asset.batteries.push(last);
            }
        }
        for (rollout, install) in ROLLOUTS.iter().zip(&mut asset.installs) {
            // Drawn for every asset, so that one rollout does not move the numbers of the others.
            let takes_part = chance.happens(rollout.share);
            let wait = chance.geometric(rollout.daily);
            if rollout.kind != kind || rollout.model.is_some_and(|m| m != model) {
                continue;
            }
            let begins = rollout.begins(start, period);
            *install = if !takes_part {
                Day::MAX
            } else if installed > begins + rollout.days / 2 {
                installed - 1
            } else if wait >= rollout.days || begins + wait < installed || begins + wait >= asset.retired {
                Day::MAX
            } else {
                begins + wait
            };
        }
        (asset, chance)
    }

    pub(crate) fn spec(&self) -> &'static KindSpec {
        self.kind.spec()
    }

    pub(crate) fn model(&self) -> &'static ModelSpec {
        &MODELS[self.model]
    }

    /// First and last (excluded) day on which the asset runs within the period.
    pub(crate) fn service_days(&self) -> (Day, Day) {
        (self.installed.max(self.start), self.retired.min(self.end))
    }

    /// The rollouts that were installed, with the day; `installed` - 1 is as delivered.
    pub(crate) fn rollouts(&self) -> impl Iterator<Item = (&'static Rollout, Day)> {
        ROLLOUTS
            .iter()
            .zip(self.installs)
            .filter(|(_, day)| *day != Day::MIN && *day < self.end.min(self.retired))
    }

    /// The slow part of the load: what a month of readings averages to.
    pub(crate) fn load(&self, day: Day) -> f64 {
        let since = (day - self.start) as f64 / 365.25;
        let moved = match self.kind {
            Kind::Server | Kind::Disk => SERVICES[self.service].2,
            Kind::Printer => true,
            Kind::Laptop | Kind::Switch => false,
        };
        let ramp = ((day - self.regime) as f64 / 20.0).clamp(0.0, 1.0);
        let moved = if moved { 18.0 * ramp } else { 0.0 };
        (self.load + self.load_trend * since + moved).clamp(4.0, 97.0)
    }

    /// The slow part of the temperature.
    pub(crate) fn temperature(&self, day: Day) -> f64 {
        let site = &SITES[self.site];
        let season = site.season * (year_angle(day) - std::f64::consts::TAU * 0.55).cos();
        self.spec().temperature + site.warmth + self.warmth + season + 0.06 * (self.load(day) - 50.0)
    }

    pub(crate) fn battery(&self, day: Day) -> f64 {
        let since = self.batteries.iter().rfind(|&&d| d < day).copied().unwrap_or(self.installed);
        (100.0 - self.battery_rate * (day - since) as f64).max(5.0)
    }

    pub(crate) fn disk_used(&self, day: Day) -> f64 {
        // Grows, and is cleaned up when it comes near the end.
        let (first, growth) = self.disk_used;
        let grown = first + growth * (day - self.start + 400) as f64;
        if grown < 94.0 { grown } else { 55.0 + (grown - 94.0).rem_euclid(39.0) }
    }

    pub(crate) fn age_years(&self, day: Day) -> f64 {
        (day - self.installed) as f64 / 365.25
    }

    /// Whether the rollout's version runs on `day`, as known before `known`: 0, 1, or a probability.
    fn has(&self, effect: Effect, day: Day, known: Day) -> f64 {
        let period = self.end - self.start;
        for (rollout, install) in ROLLOUTS.iter().zip(self.installs) {
            if rollout.effect != effect || install == Day::MIN {
                continue;
            }
            if install < known || day <= known {
                return f64::from(u8::from(install < day));
            }
            let begins = rollout.begins(self.start, period);
            let by = |d: Day| {
                let days = (d - begins).clamp(0, rollout.days);
                rollout.share * (1.0 - (1.0 - rollout.daily).powi(days as i32))
            };
            return (by(day) - by(known)) / (1.0 - by(known));
        }
        0.0
    }

    /// Days since a patch that raises software tickets.
    pub(crate) fn days_since_bad_patch(&self, day: Day) -> Option<i64> {
        self.rollouts().find(|(r, d)| r.effect == Effect::RaisesSoftware && *d < day).map(|(_, d)| day - d)
    }

    /// Factors on the daily mean of a counter of the kind in each state, load included.
    pub(crate) fn counter_means(&self, which: usize, day: Day) -> [f64; STATES] {
        let counter = &self.spec().counters[which];
        let base = self.model().scale[which] * (0.5 + self.load(day) / 100.0);
        let concerned =
            ROLLOUTS.iter().any(|r| r.effect == Effect::HonestErrors && r.model == Some(self.model));
        if concerned && which == 0 && self.has(Effect::HonestErrors, day, day) < 0.5 {
            // The old firmware counts everything, and says nothing.
            return [base * 6.0; STATES];
        }
        counter.effect.map(|e| base * e)
    }

    /// The day's probabilities, with the versions known before `known` and the expected ones after.
    pub(crate) fn rates(&self, day: Day, known: Day) -> Rates {
        let spec = self.spec();
        let age = self.age_years(day);
        let load = self.load(day);
        let after = day >= self.regime;
        let mut onset = spec.onset * self.model().quality;
        onset *= if age < 0.25 { 2.0 } else { 1.0 + 0.35 * (age - 2.5).clamp(0.0, 4.0) };
        let mut pace = 1.0;
        match self.kind {
            Kind::Laptop => {
                if self.battery(day) < 72.0 {
                    onset *= 2.0;
                }
                onset *= 1.0 + (GOOD_PATCH_FACTOR - 1.0) * self.has(Effect::LowersOnset, day, known);
                if after {
                    onset *= 1.3;
                }
            }
            Kind::Server => {
                if load > 62.0 {
                    onset *= if after { 2.6 } else { 1.6 };
                    pace = 1.4;
                }
            }
            Kind::Disk => {
                if age > 2.5 && self.temperature(day) > 35.0 {
                    onset *= 3.5;
                }
                pace = if load > 60.0 { 1.8 } else { 0.7 };
                let bad = self.has(Effect::BadFirmware, day, known)
                    * (1.0 - self.has(Effect::FixesBadFirmware, day, known));
                onset *= 1.0 + (BAD_FIRMWARE_FACTOR - 1.0) * bad;
            }
            Kind::Switch => {
                if load > 55.0 {
                    onset *= 1.8;
                }
            }
            Kind::Printer => onset *= 0.4 + load / 50.0,
        }
        let (_, month, _) = civil(day);
        let mut shock = spec.shock;
        if (6..=8).contains(&month) && matches!(self.kind, Kind::Server | Kind::Switch) {
            shock *= SITES[self.site].storms;
        }
        let fail = (spec.fail * pace).min(0.5);
        Rates {
            onset: onset.min(0.05),
            worsen: (spec.worsen * pace).min(0.5),
            fail: [shock, shock, (shock + fail).min(0.9)],
            visit: spec.visits_per_year / 365.25,
        }
    }
}

impl Rollout {
    pub(crate) fn begins(&self, start: Day, period: i64) -> Day {
        start + (self.begins * period as f64) as i64
    }
}

/// One day's passage of the states of an asset that did not fail: wear, then a visit with this probability.
pub(crate) fn pass(state: [f64; STATES], rates: &Rates, visit: f64) -> [f64; STATES] {
    let [healthy, worn, failing] = state;
    let next = [
        healthy * (1.0 - rates.onset),
        healthy * rates.onset + worn * (1.0 - rates.worsen),
        worn * rates.worsen + failing,
    ];
    let healed = visit * VISIT_HEALS;
    [next[0] + healed * (next[1] + next[2]), next[1] * (1.0 - healed), next[2] * (1.0 - healed)]
}
