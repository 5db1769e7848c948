//! One series against its own past: reading by reading, how rarely it surprises so. It does not know what is measured,
//! peers, or later readings.

use super::ordered::{Ordered, median_5, median_7, median_of};
use super::rate::{EventRate, Peak};
use super::season::Season;
use super::tail::{Shape, Tail};
use crate::error::{ModelError, in_range};
use std::collections::VecDeque;

/// Differences between times that the step is read from.
const STEP_FROM: usize = 8;
/// Readings whose median is "just before".
const BEFORE: usize = 7;
/// Readings whose median is "now".
const NOW: usize = 5;
/// An event that becomes so many times as rare alarms again.
const WORSE: f64 = 10.0;
/// Questions asked of a reading.
const N_VIEWS: usize = 5;
/// A deviation below this share of the level is none to speak of.
const RELATIVE_FLOOR: f64 = 1e-3;
/// In one block at least so many events are expected that are no more surprising than the start of the tail: its probability is
/// a tenth at least, and neighbors count for half.
const COMMON: f64 = 0.04;
/// Spans of the level that are judged anew where the season changes.
const HISTORY: usize = 4;
/// Largest magnitude of a reading: squares and sums of larger ones would overflow.
const LARGEST: f64 = 1e100;

/// How rarely a series that goes on as before surprises as much as in one reading.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Surprise {
    /// Events at least as surprising that are expected a day by chance, above 0: below `1 / n` the reading is one that
    /// comes once in `n` days.
    pub false_alarms_per_day: f64,
    /// The same as the probability of such an event in the time of one step, in (0, 1).
    pub p_value: f64,
    /// What was expected: level and season, in the unit of the readings.
    pub expected: f64,
}

/// The detector of one series, fed in order of time; it has no settings, and reads the step from the times.
///
/// Five questions are asked of a reading, each against the series' own earlier answers: does it jump from the readings just
/// before; do the last few lie away from the level of the last day (28 readings where they are far apart); do the readings of
/// the last hour, or of the last quarter of a day (at least 14), lie on one side of it; has the roughness changed. Level and
/// season (time of day, day of week) are medians; a season is used where it makes the earlier errors smaller. Each answer
/// becomes a surprise by its rank in its own past and, beyond, by a tail fitted to the largest (Hill 1975), the largest
/// surprise becomes a rate by the maxima of earlier blocks (Gumbel 1958; [`Surprise`]).
///
/// ```
/// use forewarn_models::anomaly::OwnBaseline;
/// let mut baseline = OwnBaseline::new();
/// let mut last = None;
/// for i in 0..200 {
///     let usual = f64::from(i * 37 % 11);
///     last = baseline.push(f64::from(i), if i == 199 { 400.0 } else { usual });
/// }
/// assert!(last.is_some_and(|s| s.false_alarms_per_day < 1.0 / 365.0));
/// // A time that is not after the last one, or a missing value, is not judged.
/// assert!(baseline.push(12.0, 5.0).is_none() && baseline.push(200.0, f64::NAN).is_none());
/// ```
#[derive(Debug, Clone, Default)]
pub struct OwnBaseline {
    last_day: Option<f64>,
    early: Vec<(f64, f64)>,
    running: Option<Box<Running>>,
}

#[derive(Debug, Clone)]
struct Running {
    step_days: f64,
    merge_days: f64,
    block_len: usize,
    season: Season,
    /// Level of the readings as they are, for the season; level without the season, for the rest.
    raw: Ordered,
    level: Ordered,
    /// Days and values that are judged anew where the season changes.
    history: VecDeque<(f64, f64)>,
    since_change: usize,
    long: usize,
    recent: [f64; BEFORE],
    seen: usize,
    /// Places of the last readings, and of their jumps, among earlier ones.
    short: MeanOf,
    lasting: MeanOf,
    rough: MeanOf,
    tails: [Tail; N_VIEWS],
    rate: EventRate,
    last_event: Option<f64>,
}

/// The mean of the last values, and where such means usually lie.
#[derive(Debug, Clone)]
struct MeanOf {
    /// A ring, with how many values came.
    last: Vec<f64>,
    n: usize,
    at: usize,
    sum: f64,
}

impl MeanOf {
    fn new(len: usize) -> Self {
        Self { last: vec![0.0; len], n: 0, at: 0, sum: 0.0 }
    }

    /// Adds a value in -1 to 1; the mean once there are enough.
    fn push(&mut self, value: f64) -> Option<f64> {
        // Sixteen binary places: sums of such numbers are exact, so that no error creeps in over years.
        let value = nearest(value * 65536.0) / 65536.0;
        self.sum += value;
        self.sum -= std::mem::replace(&mut self.last[self.at], value);
        self.at = if self.at + 1 == self.last.len() { 0 } else { self.at + 1 };
        self.n += 1;
        (self.n >= self.last.len()).then(|| self.sum / self.last.len() as f64)
    }
}

/// `round()` of a number that an integer holds, without a call.
fn nearest(value: f64) -> f64 {
    let whole = (value as i64) as f64;
    if (value - whole).abs() < 0.5 { whole } else { whole + 1.0_f64.copysign(value) }
}

impl OwnBaseline {
    /// A detector that has seen nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Judges a reading by the earlier ones, then learns it. `day` is its time in days. `None` for a reading that is
    /// missing or infinite, whose time is not after the last one, or that has too few before it.
    pub fn push(&mut self, day: f64, value: f64) -> Option<Surprise> {
        self.push_for(day, value, 0.0)
    }

    /// As [`OwnBaseline::push`]; what surely comes more often than once in `one_in_days` need not be told.
    fn push_for(&mut self, day: f64, value: f64, one_in_days: f64) -> Option<Surprise> {
        if !(day.is_finite() && value.is_finite() && day.abs() < 1e9)
            || self.last_day.is_some_and(|last| day <= last)
        {
            return None;
        }
        self.last_day = Some(day);
        let value = value.clamp(-LARGEST, LARGEST);
        if let Some(running) = &mut self.running {
            return running.push(day, value, one_in_days);
        }
        self.early.push((day, value));
        if self.early.len() > STEP_FROM {
            let mut steps: Vec<f64> = self.early.windows(2).map(|w| w[1].0 - w[0].0).collect();
            let mut running = Box::new(Running::new(median_of(&mut steps).max(1e-6)));
            for (day, value) in std::mem::take(&mut self.early) {
                running.push(day, value, one_in_days);
            }
            self.running = Some(running);
        }
        None
    }

    /// Days within which repeated crossings are one event: a quarter of a day, and at least three steps. `None` while the
    /// step is not known.
    pub fn merge_days(&self) -> Option<f64> {
        self.running.as_ref().map(|r| r.merge_days)
    }
}

impl Running {
    fn new(step_days: f64) -> Self {
        let per_day = 1.0 / step_days;
        let long = if per_day < 2.0 { 28 } else { (per_day.round() as usize).clamp(24, 1440) };
        let short = ((per_day / 24.0) as usize).clamp(5, 12);
        let lasting = ((0.25 * per_day) as usize).clamp(14, 72);
        let block_len = ((0.25 * per_day) as usize).clamp(3, 12);
        Self {
            step_days,
            merge_days: (0.25_f64).max(3.0 * step_days),
            block_len,
            season: Season::new(step_days),
            raw: Ordered::new(long),
            level: Ordered::new(long),
            history: VecDeque::new(),
            since_change: 0,
            long,
            recent: [0.0; BEFORE],
            seen: 0,
            short: MeanOf::new(short),
            lasting: MeanOf::new(lasting),
            rough: MeanOf::new(2 * short),
            tails: [
                Tail::new(Shape::Power, 1, 1),
                Tail::new(Shape::Power, 2, NOW),
                Tail::new(Shape::Exponential, 3, short),
                Tail::new(Shape::Exponential, 6, lasting),
                Tail::new(Shape::Exponential, 6, 2 * short),
            ],
            rate: EventRate::new(block_len),
            last_event: None,
        }
    }

    fn push(&mut self, day: f64, value: f64, one_in_days: f64) -> Option<Surprise> {
        let surprise = self.read(day, value, one_in_days);
        let level = self.raw.median().unwrap_or(value);
        self.raw.push(value);
        if self.history.len() == HISTORY * self.long {
            self.history.pop_front();
        }
        self.history.push_back((day, value));
        self.since_change += 1;
        let changed =
            self.raw.len() > BEFORE && self.season.push(day, value - level, self.since_change > self.long);
        if changed {
            self.replay();
        }
        surprise
    }

    /// Judges the readings in memory anew under another season, so that its change is no jump, and so that later readings
    /// are not judged by errors that the season explains.
    fn replay(&mut self) {
        let fresh = Self::new(self.step_days);
        let old = std::mem::replace(self, fresh);
        (self.season, self.raw) = (old.season, old.raw);
        let n = old.history.len();
        for (day, value) in old.history.iter().skip(n.saturating_sub(self.long)) {
            self.level.push(value - self.season.at(*day));
        }
        for (day, value) in &old.history {
            // What was said of these is known already.
            self.read(*day, *value, f64::INFINITY);
        }
        self.history = old.history;
    }

    /// Judges and learns a reading under the season in use.
    fn read(&mut self, day: f64, value: f64, one_in_days: f64) -> Option<Surprise> {
        let season = self.season.at(day);
        let plain = value - season;
        let level = self.level.median().unwrap_or(plain);
        let level_below = self.level.n_below(plain);
        let floor = (RELATIVE_FLOOR * level.abs()).max(1e-9);

        let block_days = self.block_len as f64 * self.step_days;
        let alarms_only = block_days < COMMON * one_in_days;
        let idle = if alarms_only { self.rate.idle() } else { 0.0 };
        let mut peak = Peak::default();
        let floors = [floor, floor, 0.1, 0.1, 0.1];
        let mut ready = false;
        let mut below = [None; N_VIEWS];
        let mut answers = [None; N_VIEWS];
        if self.seen >= BEFORE {
            let width = self.season.width(day);
            let before = median_7(self.recent);
            let jump = (plain - before).abs() / width;
            let now: [f64; NOW] =
                std::array::from_fn(|k| if k == 0 { plain } else { self.recent[BEFORE - k] });
            let place = self.level.place(plain, level_below);
            let jump_below = self.tails[0].n_below(jump);
            below[0] = Some(jump_below);
            answers = [
                Some(jump),
                Some((median_5(now) - level).abs() / width),
                self.short.push(place).map(f64::abs),
                self.lasting.push(place).map(f64::abs),
                self.rough.push(self.tails[0].place(jump, jump_below)).map(f64::abs),
            ];
            for i in 0..N_VIEWS {
                let Some(deviation) = answers[i] else { continue };
                let tail = &mut self.tails[i];
                tail.prepare(floors[i]);
                ready |= tail.judges();
                if tail.is_usual(deviation, idle.max(peak.surprise)) {
                    continue;
                }
                let rank = below[i].unwrap_or_else(|| tail.n_below(deviation));
                below[i] = Some(rank);
                if let Some(surprise) = tail.judge(deviation, rank).filter(|s| *s > peak.surprise) {
                    peak = Peak { surprise, view: i, deviation };
                }
            }
        }

        // A day that was not seen whole says nothing of what a day brings.
        ready &= self.level.len() == self.long;
        let tails = &mut self.tails;
        let mut anew = |view: usize, deviation: f64| tails[view].judge_anew(deviation).unwrap_or(0.0);
        let judged =
            if ready { self.rate.judge(peak, day, block_days, alarms_only, &mut anew) } else { None };
        let event = judged.is_some_and(|r| r.event);
        let repeated = self.last_event.is_some_and(|last| day - last <= self.merge_days);
        if event {
            self.last_event = Some(day);
        }
        if ready {
            self.rate.push(peak, day, judged, repeated, &mut anew);
        }
        for ((tail, answer), below) in self.tails.iter_mut().zip(answers).zip(below) {
            let Some(answer) = answer else { continue };
            if event || repeated {
                // In an event a deviation counts as large, not as large as it is.
                let cap = tail.cap(answer);
                tail.push(answer.min(cap), below.filter(|_| cap >= answer));
            } else {
                tail.push(answer, below);
            }
        }
        self.recent.copy_within(1.., 0);
        self.recent[BEFORE - 1] = plain;
        self.seen += 1;
        self.level.push_at(plain, level_below);
        judged.filter(|rated| !alarms_only || rated.per_block.is_finite()).map(|rated| Surprise {
            false_alarms_per_day: (rated.per_block / block_days).clamp(1e-12, 1e9),
            p_value: (-(-rated.per_block / self.block_len as f64).exp_m1()).clamp(1e-15, 1.0 - 1e-15),
            expected: level + season,
        })
    }
}

/// The surprises of a whole series.
#[derive(Debug, Clone, PartialEq)]
pub struct Anomalies {
    /// One a reading; `None` where a reading is not judged (see [`OwnBaseline::push`]).
    pub surprises: Vec<Option<Surprise>>,
    /// Days within which repeated crossings are one event.
    pub merge_days: f64,
    days: Vec<f64>,
}

/// Judges every reading of a series by the ones before it ([`OwnBaseline`]). `days` are the times, in days, of `values`; NaN
/// is a missing value, and of readings with equal times the first is judged.
///
/// # Errors
/// Lengths that differ; a time that is not finite or lies before the one above it.
///
/// ```
/// use forewarn_models::anomaly::anomalies;
/// let days: Vec<f64> = (0..365).map(f64::from).collect();
/// let mut values: Vec<f64> = (0..365).map(|i| f64::from(i * 37 % 11)).collect();
/// values[300] = 500.0;
/// let found = anomalies(&days, &values)?;
/// assert_eq!(found.alarms(365.0)?, vec![300]);
/// assert!(anomalies(&[1.0, 0.5], &[0.0, 0.0]).is_err() && found.alarms(0.0).is_err());
/// # Ok::<(), forewarn_models::ModelError>(())
/// ```
pub fn anomalies(days: &[f64], values: &[f64]) -> Result<Anomalies, ModelError> {
    in_order(days, values)?;
    let mut baseline = OwnBaseline::new();
    let surprises = days.iter().zip(values).map(|(d, v)| baseline.push(*d, *v)).collect();
    Ok(Anomalies { surprises, merge_days: baseline.merge_days().unwrap_or(0.25), days: days.to_vec() })
}

/// The last of the alarms that [`Anomalies::alarms`] raises of a series, and what is said of it: where no more is asked, this
/// costs much less.
///
/// # Errors
/// As [`anomalies`] and [`Anomalies::alarms`].
///
/// ```
/// use forewarn_models::anomaly::{anomalies, last_alarm};
/// let days: Vec<f64> = (0..365).map(f64::from).collect();
/// let mut values: Vec<f64> = (0..365).map(|i| f64::from(i * 37 % 11)).collect();
/// assert_eq!(last_alarm(&days, &values, 365.0)?, None);
/// values[300] = 500.0;
/// let (at, surprise) = last_alarm(&days, &values, 365.0)?.unwrap();
/// assert_eq!((at, Some(surprise)), (300, anomalies(&days, &values)?.surprises[300]));
/// assert!(last_alarm(&days, &values, 0.0).is_err());
/// # Ok::<(), forewarn_models::ModelError>(())
/// ```
pub fn last_alarm(
    days: &[f64],
    values: &[f64],
    one_in_days: f64,
) -> Result<Option<(usize, Surprise)>, ModelError> {
    in_order(days, values)?;
    let mut alarms = Alarms::new(one_in_days)?;
    let mut baseline = OwnBaseline::new();
    let mut last = None;
    for (i, (day, value)) in days.iter().zip(values).enumerate() {
        let Some(surprise) = baseline.push_for(*day, *value, one_in_days) else { continue };
        // What is judged has a step.
        if alarms.raises(*day, surprise, baseline.merge_days().unwrap_or(0.25)) {
            last = Some((i, surprise));
        }
    }
    Ok(last)
}

fn in_order(days: &[f64], values: &[f64]) -> Result<(), ModelError> {
    if days.len() != values.len() {
        return Err(ModelError::Length { what: "values", found: values.len(), expected: days.len() });
    }
    if let Some(row) = days.iter().position(|d| !d.is_finite()) {
        return Err(ModelError::NotFinite { what: "days".into(), row, value: days[row] });
    }
    if let Some(pair) = days.windows(2).find(|w| w[1] < w[0]) {
        return Err(ModelError::OutOfRange {
            name: "days",
            found: pair[1],
            allowed: "never before the time above",
        });
    }
    Ok(())
}

/// From surprises to alarms.
struct Alarms {
    one_in_days: f64,
    /// When the event at hand was last seen, and its rarest reading.
    event: Option<(f64, f64)>,
}

impl Alarms {
    fn new(one_in_days: f64) -> Result<Self, ModelError> {
        in_range(one_in_days > 0.0, "one_in_days", one_in_days, "greater than 0")?;
        Ok(Self { one_in_days, event: None })
    }

    fn raises(&mut self, day: f64, surprise: Surprise, merge_days: f64) -> bool {
        let rate = surprise.false_alarms_per_day;
        if rate * self.one_in_days > 1.0 {
            return false;
        }
        // What lasts is one alarm; what becomes ten times as rare is worth another look.
        let known = self.event.filter(|(last, _)| day - last <= merge_days).map(|(_, rarest)| rarest);
        let alarm = known.is_none_or(|rarest| rate * WORSE <= rarest);
        self.event = Some((day, known.filter(|_| !alarm).unwrap_or(rate)));
        alarm
    }
}

impl Anomalies {
    /// Positions at which an alarm is raised where one false alarm in `one_in_days` (> 0) days of this series is accepted.
    /// Crossings within [`Anomalies::merge_days`] of the last one
    /// belong to the same alarm, unless they are ten times as rare.
    ///
    /// # Errors
    /// A number of days that is not above 0.
    pub fn alarms(&self, one_in_days: f64) -> Result<Vec<usize>, ModelError> {
        let mut alarms = Alarms::new(one_in_days)?;
        let judged = self.surprises.iter().zip(&self.days).enumerate();
        let raised = judged.filter_map(|(i, (surprise, day))| Some((i, *day, (*surprise)?)));
        Ok(raised.filter(|(_, day, s)| alarms.raises(*day, *s, self.merge_days)).map(|(i, ..)| i).collect())
    }
}
