//! The life of one asset: its hidden states, what it shows of them, and both truths at each cutoff.
//!
//! Knows rates and draws, nothing of texts, files or other assets.
//!
//! Each day is: fail or not, in this state; if not, show telemetry and complaints; then pass on to the next state.
//! Given the covariates, what is shown depends on the day's state alone, so the forward filter below is exact.

use crate::SimParams;
use crate::asset::{Asset, STATES, pass};
use crate::calendar::{DAY_SECONDS, Day, Moment, weekday};
use crate::catalog::{
    BAD_PATCH, BATTERY, DISK_USED, FIRST_STATE, Kind, LATENCY, LATENCY_SD, LOAD, METRICS, NOISY, NOISY_SHARE,
    PAGES, REPAIR_ENDS, REPAIR_IMPERFECT, SITES, TEMPERATURE, VISIT_HEALS,
};
use crate::chance::Chance;

/// What a ticket is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Subject {
    /// The asset failed; heralded when it was worn before.
    Failure {
        heralded: bool,
    },
    Complaint,
    Software,
    Access,
    Network,
    Request,
    /// A planted recurring problem.
    Problem(u8),
    /// Names an asset that no inventory knows.
    Orphan,
}

/// A ticket before it has words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ticket {
    pub(crate) opened: Moment,
    /// Index of the asset, `u32::MAX` for none.
    pub(crate) asset: u32,
    pub(crate) resolved: Moment,
    pub(crate) priority: u8,
    pub(crate) subject: Subject,
}

/// One asset's readings of one day; not a number where there is none.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reading {
    pub(crate) day: Day,
    pub(crate) values: [f64; METRICS.len()],
}

/// Both truths about one asset at one cutoff.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Truth {
    pub(crate) cutoff: Day,
    pub(crate) asset: u32,
    pub(crate) horizon: u16,
    pub(crate) probability: f64,
    pub(crate) latent: f64,
}

/// Everything that happened to one asset.
#[derive(Debug, Default)]
pub(crate) struct Life {
    pub(crate) readings: Vec<Reading>,
    pub(crate) tickets: Vec<Ticket>,
    pub(crate) visits: Vec<Day>,
    /// Days on which a repair ended, with whether a part was replaced.
    pub(crate) repairs: Vec<Day>,
    pub(crate) truths: Vec<Truth>,
}

/// What an observer who knows every rate believes: the weight of (noisy, state), or under repair.
#[derive(Debug)]
struct Belief {
    weight: [[f64; STATES]; 2],
    under_repair: bool,
}

impl Belief {
    fn new(first: [f64; STATES]) -> Self {
        let weight = [1.0 - NOISY_SHARE, NOISY_SHARE].map(|w| first.map(|s| w * s));
        Self { weight, under_repair: false }
    }

    fn states(&self) -> [f64; STATES] {
        let mut sum = [0.0; STATES];
        for row in &self.weight {
            for (s, w) in sum.iter_mut().zip(row) {
                *s += w;
            }
        }
        sum
    }

    fn scale(&mut self, by: impl Fn(usize, usize) -> f64) {
        let mut total = 0.0;
        for (class, row) in self.weight.iter_mut().enumerate() {
            for (state, w) in row.iter_mut().enumerate() {
                *w *= by(class, state);
                total += *w;
            }
        }
        for w in self.weight.iter_mut().flatten() {
            *w /= total;
        }
    }

    /// Replaces the states within each class, keeping what is believed of the class.
    fn restart(&mut self, states: [f64; STATES]) {
        for row in &mut self.weight {
            let class: f64 = row.iter().sum();
            *row = states.map(|s| s * class);
        }
    }
}

/// P(a failure in `[cutoff, cutoff + horizon)`) for an asset in service, for each horizon (ascending).
fn outlook(
    asset: &Asset,
    cutoff: Day,
    first: [f64; STATES],
    under_repair: f64,
    horizons: &[u16],
) -> Vec<f64> {
    let (mut state, mut repair, mut failed) = (first, under_repair, 0.0);
    let mut answers = Vec::with_capacity(horizons.len());
    let last = horizons.last().copied().unwrap_or(0);
    for ahead in 0..i64::from(last) {
        let rates = asset.rates(cutoff + ahead, cutoff);
        let mut on = [0.0; STATES];
        for (s, value) in on.iter_mut().enumerate() {
            failed += state[s] * rates.fail[s];
            *value = state[s] * (1.0 - rates.fail[s]);
        }
        state = pass(on, &rates, rates.visit);
        state[0] += repair * REPAIR_ENDS * (1.0 - REPAIR_IMPERFECT);
        state[1] += repair * REPAIR_ENDS * REPAIR_IMPERFECT;
        repair *= 1.0 - REPAIR_ENDS;
        if i64::from(horizons[answers.len()]) == ahead + 1 {
            answers.push(failed);
        }
    }
    answers
}

/// Logarithm of the negative binomial mass, without what all means share.
fn count_likelihood(count: f64, mean: f64, shape: f64) -> f64 {
    count * (mean / (mean + shape)).ln() + shape * (shape / (mean + shape)).ln()
}

/// A moment of the day in office hours, mostly.
fn office_hour(chance: &mut Chance, day: Day) -> Moment {
    let second = if chance.happens(0.9) {
        chance.normal(10.5 * 3600.0, 2.6 * 3600.0).clamp(5.0 * 3600.0, 18.5 * 3600.0)
    } else {
        chance.between(0.0, 86_399.0)
    };
    day * DAY_SECONDS + second as i64
}

/// Tickets are written on workdays; what comes at a weekend is mostly seen on Monday.
pub(crate) fn busy(day: Day) -> f64 {
    [1.35, 1.2, 1.15, 1.1, 1.0, 0.12, 0.08][weekday(day) as usize]
}

/// A ticket that is no failure, resolved after some hours.
pub(crate) fn desk_ticket(chance: &mut Chance, day: Day, asset: u32, subject: Subject) -> Ticket {
    let opened = office_hour(chance, day);
    let urgent = matches!(subject, Subject::Software | Subject::Network) && chance.happens(0.14);
    let priority = if urgent { 1 + u8::from(chance.happens(0.75)) } else { [3, 3, 4, 4, 5][chance.below(5)] };
    let median: f64 = if urgent { 3.0 } else { 9.0 };
    let hours = chance.normal(median.ln(), 1.1).exp().clamp(0.1, 500.0);
    Ticket { opened, asset, resolved: opened + (hours * 3600.0) as i64, priority, subject }
}

/// Lives the asset's life, day by day.
pub(crate) fn live(params: &SimParams, asset: &Asset, mut chance: Chance, cutoffs: &[Day]) -> Life {
    let mut life = Life::default();
    let (from, to) = asset.service_days();
    if from >= to {
        return life;
    }
    let spec = asset.spec();
    let number = asset.index as u32;
    let first = if asset.installed >= asset.start { [1.0, 0.0, 0.0] } else { FIRST_STATE };
    let mut state = chance.weighted(&first);
    let mut belief = Belief::new(first);
    let mut open_failure: Option<usize> = None;
    let (mut agent_down, mut stuck) = (false, None::<f64>);
    let culture = SITES[asset.site].culture;
    let noise = if asset.noisy { NOISY } else { 1.0 };
    let before = (from - asset.installed) as f64;
    let mut totals = [0.0; METRICS.len()];
    for (which, counter) in spec.counters.iter().enumerate() {
        totals[counter.metric] =
            (asset.model().scale[which] * before * chance.normal(0.0, 1.0).exp()).floor();
    }
    totals[PAGES] = (before * asset.load(from) * 2.5).floor();
    let mut next_cutoff = cutoffs.partition_point(|&c| c <= asset.installed);

    for day in from..to {
        let rates = asset.rates(day, day);
        while next_cutoff < cutoffs.len() && cutoffs[next_cutoff] < day {
            next_cutoff += 1;
        }
        if cutoffs.get(next_cutoff) == Some(&day) {
            let repair = f64::from(u8::from(belief.under_repair));
            let believed = if belief.under_repair { [0.0; STATES] } else { belief.states() };
            let mut actual = [0.0; STATES];
            actual[state] = 1.0 - repair;
            let observed = outlook(asset, day, believed, repair, &params.horizons);
            let latent = outlook(asset, day, actual, repair, &params.horizons);
            for ((&horizon, probability), latent) in params.horizons.iter().zip(observed).zip(latent) {
                life.truths.push(Truth { cutoff: day, asset: number, horizon, probability, latent });
            }
        }

        // What a ticket has to do with software or people goes on whatever the state is.
        for (what, subject) in
            [Subject::Software, Subject::Access, Subject::Network, Subject::Request].into_iter().enumerate()
        {
            let mut rate = spec.background[what] / 365.25 * busy(day);
            if what == 0 && asset.days_since_bad_patch(day).is_some_and(|d| d <= BAD_PATCH.1) {
                rate *= BAD_PATCH.0;
            }
            if chance.happens(rate) {
                life.tickets.push(desk_ticket(&mut chance, day, number, subject));
            }
        }

        if belief.under_repair {
            if chance.happens(REPAIR_ENDS) {
                belief.under_repair = false;
                belief.restart([1.0 - REPAIR_IMPERFECT, REPAIR_IMPERFECT, 0.0]);
                state = usize::from(chance.happens(REPAIR_IMPERFECT));
                if let Some(ticket) = open_failure.take() {
                    life.tickets[ticket].resolved =
                        day * DAY_SECONDS + chance.between(6.0 * 3600.0, 18.0 * 3600.0) as i64;
                }
                for counter in spec.counters {
                    totals[counter.metric] = 0.0;
                }
                life.repairs.push(day);
            }
            continue;
        }

        if chance.happens(rates.fail[state]) {
            open_failure = Some(life.tickets.len());
            let priority = 1 + u8::from(chance.happens(0.7));
            life.tickets.push(Ticket {
                opened: office_hour(&mut chance, day),
                asset: number,
                resolved: Moment::MAX,
                priority,
                subject: Subject::Failure { heralded: state > 0 },
            });
            belief.scale(|_, s| rates.fail[s]);
            belief.under_repair = true;
            continue;
        }
        belief.scale(|_, s| 1.0 - rates.fail[s]);

        let complaints = spec.complaints.map(|c| c * culture * busy(day));
        let complained = chance.happens(complaints[state]);
        if complained {
            life.tickets.push(desk_ticket(&mut chance, day, number, Subject::Complaint));
        }
        belief.scale(|_, s| if complained { complaints[s] } else { 1.0 - complaints[s] });

        agent_down = if agent_down { !chance.happens(1.0 / 14.0) } else { chance.happens(1.0 / 700.0) };
        let weekend = weekday(day) >= 5;
        let away = weekend && asset.kind == Kind::Laptop && chance.happens(0.85);
        if !agent_down && !away && !chance.happens(0.02) {
            let mut values = [f64::NAN; METRICS.len()];
            let mut log_likelihood = [[0.0; STATES]; 2];
            for (which, counter) in spec.counters.iter().enumerate() {
                let means = asset.counter_means(which, day);
                let count = f64::from(chance.negative_binomial(means[state] * noise, counter.shape));
                if chance.happens(0.01) {
                    // The agent counts only while it reads: nothing is added either.
                    continue;
                }
                totals[counter.metric] += count;
                values[counter.metric] = totals[counter.metric];
                for (class, row) in log_likelihood.iter_mut().enumerate() {
                    let factor = if class == 1 { NOISY } else { 1.0 };
                    for (s, value) in row.iter_mut().enumerate() {
                        *value += count_likelihood(count, means[s] * factor, counter.shape);
                    }
                }
            }
            let load = asset.load(day);
            if let Some(shift) = spec.latency {
                let middle = asset.model().latency.ln() + 0.004 * (load - 50.0);
                let reading = chance.normal(middle + shift[state], LATENCY_SD);
                if !chance.happens(0.01) {
                    values[LATENCY] = round_to(reading.exp(), 3);
                    for row in &mut log_likelihood {
                        for (s, value) in row.iter_mut().enumerate() {
                            *value -= ((reading - middle - shift[s]) / LATENCY_SD).powi(2) / 2.0;
                        }
                    }
                }
            }
            let most = log_likelihood.iter().flatten().copied().fold(f64::NEG_INFINITY, f64::max);
            belief.scale(|class, s| (log_likelihood[class][s] - most).exp());

            let quiet = if weekend && matches!(asset.kind, Kind::Laptop | Kind::Printer) { 0.5 } else { 1.0 };
            values[LOAD] = chance.normal(load * quiet, 5.0).clamp(0.0, 100.0).round();
            let heat = chance.normal(asset.temperature(day), 1.5).round();
            stuck = match stuck {
                Some(value) if !chance.happens(1.0 / 12.0) => Some(value),
                Some(_) => None,
                None => chance.happens(1.0 / 2500.0).then_some(heat),
            };
            values[TEMPERATURE] = stuck.unwrap_or(heat);
            match asset.kind {
                Kind::Laptop => values[BATTERY] = round_to(asset.battery(day), 3).floor(),
                Kind::Printer => {
                    totals[PAGES] += (load * quiet * 2.5 * chance.normal(0.0, 0.25).exp()).round();
                    values[PAGES] = totals[PAGES];
                }
                Kind::Server => {
                    values[DISK_USED] = chance.normal(asset.disk_used(day), 0.4).clamp(0.0, 100.0).round();
                }
                Kind::Disk | Kind::Switch => {}
            }
            life.readings.push(Reading { day, values });
        }

        let visited = chance.happens(rates.visit);
        if visited {
            life.visits.push(day);
        }
        let moved = chance.unit();
        state = match state {
            0 if moved < rates.onset => 1,
            1 if moved < rates.worsen => 2,
            same => same,
        };
        if visited && state > 0 && chance.happens(VISIT_HEALS) {
            state = 0;
        }
        for row in &mut belief.weight {
            *row = pass(*row, &rates, f64::from(u8::from(visited)));
        }
    }
    life
}

/// Rounds to so many significant digits: sensors do not know more, and it keeps the files small.
fn round_to(value: f64, digits: i32) -> f64 {
    if value == 0.0 {
        return 0.0;
    }
    let unit = 10_f64.powi(digits - 1 - value.abs().log10().floor() as i32);
    (value * unit).round() / unit
}
