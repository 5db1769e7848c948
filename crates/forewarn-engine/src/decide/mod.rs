//! From probabilities to decisions: what to do with each asset, what it is worth, and whom to visit first. It does not know
//! how a probability came about.

mod caught;
mod orders;
mod plan;
mod remedy;
mod stakes;

use std::collections::BTreeMap;

use forewarn_features::FeatureTable;
use forewarn_frames::time::Micros;
use forewarn_frames::{Cutoff, Frames, History};
use forewarn_models::{Contributions, Matrix};
use polars::prelude::DataFrame;

pub(crate) use caught::caught;
pub use orders::{Order, orders};
pub(crate) use plan::{Due, plan};
use remedy::{Because, Case, Effects, Fit, fit};
pub(crate) use stakes::{Stakes, Today};

use crate::feedback::{held, held_last};
use crate::fit::{ModelSet, Prediction};
use crate::modes::OTHER;
use crate::moves::by_risk;
use crate::rank::EXPLAINED;
use crate::track::Said;
use crate::{EngineError, Settings};

/// Features among the reasons that lead to a measure, at most.
const LEADS: usize = 3;
/// The share of failures that looking at an asset is assumed to prevent, where nothing points to one cause.
const INSPECTION: f64 = 0.5;

/// What is decided about one asset.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Decision {
    /// What a failure costs; `None` where costs are not known.
    stake: Option<f64>,
    fit: Fit,
    /// The share of failures that the measure prevents, and whether that was measured.
    effectiveness: (f64, bool),
    /// What the measure saves, which may be less than nothing; `None` where costs are not known.
    pub saving: Option<f64>,
    /// The cost of doing nothing.
    pub cost: Option<f64>,
    /// The probability from which the measure pays.
    pub break_even: Option<f64>,
}

/// What is decided about every row of a table.
#[derive(Debug)]
pub(crate) struct Decided {
    /// The rows, what is worth most first; those held back last.
    pub order: Vec<usize>,
    /// What holds assets back, in words.
    pub held: BTreeMap<usize, String>,
    pub by_row: Vec<Decision>,
}

/// Decides by one model, one set of costs and one catalog, at any cutoff.
pub(crate) struct Decider<'a> {
    frames: &'a Frames,
    settings: &'a Settings,
    model: &'a ModelSet,
    horizon: usize,
    pub today: Today,
    effects: Effects,
}

/// What to do and why, in words.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Words {
    /// The measure's name in the catalog, `inspect` or `observe`.
    pub name: String,
    pub title: String,
    pub why: String,
    pub effectiveness: f64,
    pub effectiveness_from: &'static str,
}

impl<'a> Decider<'a> {
    /// `horizon` is the place of the ranking's horizon; `measures` the table of what measures did.
    pub(crate) fn new(
        (frames, settings): (&'a Frames, &'a Settings),
        model: &'a ModelSet,
        horizon: usize,
        measures: &DataFrame,
    ) -> Result<Self, EngineError> {
        let (today, effects) = (Today::of(frames)?, Effects::of(measures)?);
        Ok(Self { frames, settings, model, horizon, today, effects })
    }

    /// What failures cost as of a history's cutoff.
    pub(crate) fn stakes(&self, history: &History<'_>) -> Result<Stakes, EngineError> {
        match &self.settings.costs {
            Some(costs) => Stakes::at(self.frames, history, costs, &self.today),
            None => Ok(Stakes::none()),
        }
    }

    /// Decides about the rows of a table at its history's cutoff. With costs the rows come by what the measure saves, else
    /// by probability.
    pub(crate) fn decide(
        &self,
        history: &History<'_>,
        (table, x): (&FeatureTable, &Matrix),
        p: &Prediction,
    ) -> Result<Decided, EngineError> {
        let stakes = self.stakes(history)?;
        let risk = by_risk(&table.assets, p);
        let stake = |row: usize| stakes.of(table.assets[row]);
        let leads = self.leads(x, &first_by(&risk, &|r| p.probability[r] * stake(r).unwrap_or(1.0)))?;
        let word = |code: Option<forewarn_frames::Code>| code.map(|c| history.word(c));
        let kinds: Vec<Option<&str>> = table.assets.iter().map(|&a| word(history.asset(a).kind)).collect();
        let shares = self.model.modes.as_ref().map(|m| m.predict(x, &kinds, &p.unknown)).transpose()?;
        let at = history.cutoff().micros();
        let none = Vec::new();
        let by_row: Vec<Decision> = (0..table.assets.len())
            .map(|row| {
                let modes = match (&self.model.modes, &shares) {
                    (Some(m), Some(shares)) => m.split(1.0, &shares[row]),
                    _ => Vec::new(),
                };
                let case = Case {
                    kind: kinds[row],
                    mode: modes.first().filter(|m| m.0 != OTHER).map(|m| (m.0.as_str(), m.1)),
                    leads: leads.get(&row).unwrap_or(&none),
                    under_warranty: self.today.under_warranty(table.assets[row], at),
                };
                self.decision(stake(row), p.probability[row], fit(&self.settings.remedies, &case))
            })
            .collect();
        let mut order = risk;
        if stakes.are_known() {
            let saving = |r: usize| by_row[r].saving.unwrap_or(f64::NEG_INFINITY);
            // Stable: what saves as much comes by risk.
            order.sort_by(|&a, &b| saving(b).total_cmp(&saving(a)));
        }
        let held = held(history, self.settings.risk.rank_by);
        Ok(Decided { order: held_last(order, &table.assets, &held), held, by_row })
    }

    /// What was said on a night of the backtest, in the order of a list like today's: by expected cost as of then where costs
    /// are known, those held back last.
    pub(crate) fn by_worth(&self, cutoff: Cutoff, said: &[Said]) -> Result<Vec<Said>, EngineError> {
        let stakes = self.stakes(&self.frames.as_of(cutoff))?;
        let mut said = said.to_vec();
        let worth = |s: &Said| s.probability * stakes.of(s.asset as usize).unwrap_or(1.0);
        // Stable: what is worth as much stays by risk.
        said.sort_by(|a, b| a.held.cmp(&b.held).then(worth(b).total_cmp(&worth(a))));
        Ok(said)
    }

    fn decision(&self, stake: Option<f64>, probability: f64, fit: Fit) -> Decision {
        let effectiveness =
            fit.remedy.map_or((INSPECTION, false), |i| self.effects.share(&self.settings.remedies[i]));
        let visit = self.settings.costs.as_ref().map_or(0.0, |c| c.visit);
        Decision {
            stake,
            effectiveness,
            cost: stake.map(|s| probability * s),
            saving: stake.map(|s| probability * s * effectiveness.0 - visit),
            break_even: stake.map(|s| visit / (s * effectiveness.0)).filter(|p| p.is_finite()),
            fit,
        }
    }

    /// The features that raise the risk of each of these rows most, the strongest first, one of each family.
    fn leads(&self, x: &Matrix, rows: &[usize]) -> Result<BTreeMap<usize, Vec<String>>, EngineError> {
        let c: Contributions = self.model.horizons[self.horizon].contributions(&x.select_rows(rows))?;
        let columns = &self.model.columns;
        let lead = |k: usize| {
            let mut best: BTreeMap<&str, (f64, f64, usize)> = BTreeMap::new();
            for (j, family) in columns.families.iter().enumerate() {
                let v = c.values.column(j)[k];
                let entry = best.entry(family).or_insert((0.0, f64::NEG_INFINITY, j));
                entry.0 += v;
                if v > entry.1 {
                    (entry.1, entry.2) = (v, j);
                }
            }
            let mut raising: Vec<(f64, usize)> =
                best.into_values().filter(|b| b.0 > 0.0).map(|b| (b.0, b.2)).collect();
            raising.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
            raising.into_iter().take(LEADS).map(|(_, j)| columns.names[j].clone()).collect()
        };
        Ok(rows.iter().enumerate().map(|(k, &row)| (row, lead(k))).collect())
    }

    /// What to do with an asset in words. `listed` is whether this period's visits reach it, `held` what holds it back.
    pub(crate) fn say(
        &self,
        d: &Decision,
        (asset, probability): (usize, f64),
        (listed, held): (bool, Option<&str>),
        at: Cutoff,
    ) -> Words {
        let remedy = d.fit.remedy.map(|i| &self.settings.remedies[i]);
        let (effectiveness, measured) = d.effectiveness;
        let effectiveness_from = if measured { "measured" } else { "assumed" };
        let said = |name: &str, title: &str, why: String| Words {
            name: name.to_owned(),
            title: title.to_owned(),
            why,
            effectiveness,
            effectiveness_from,
        };
        if let Some(held) = held {
            return said("observe", "Observe", held.to_owned());
        }
        match d.saving {
            Some(saving) if saving <= 0.0 => {
                let why = match d.break_even {
                    Some(from) if from <= 1.0 => {
                        format!(
                            "at {} a visit costs more than it saves; it pays from {}",
                            percent(probability),
                            percent(from)
                        )
                    }
                    _ => "a visit costs more than any failure of it".to_owned(),
                };
                return said("observe", "Observe", why);
            }
            None if !listed => {
                return said("observe", "Observe", "beyond what the visits of this period reach".to_owned());
            }
            _ => {}
        }
        let because = match &d.fit.because {
            Because::Mode(mode, share) => format!("{} of its risk is {mode}", percent(*share)),
            Because::Lead(feature) => format!("among its reasons: {}", thing(feature)),
            Because::Kind(kind) => {
                let kind = kind.to_lowercase();
                let a = if kind.starts_with(['a', 'e', 'i', 'o']) { "an" } else { "a" };
                format!("what usually helps {a} {kind}")
            }
            Because::Nothing => "nothing points to one cause".to_owned(),
        };
        let why = match self.warranty_words(asset, at.micros()) {
            Some(warranty) => format!("{because}; {warranty}"),
            None => because,
        };
        remedy.map_or_else(
            || said("inspect", "Inspect it", why.clone()),
            |r| said(&r.name, &r.title, why.clone()),
        )
    }

    fn warranty_words(&self, asset: usize, at: Micros) -> Option<String> {
        let end = self.today.warranty_ends_at[asset]?;
        let day = Cutoff::from_day(forewarn_frames::time::day_number(end));
        Some(if end > at { format!("under warranty until {day}") } else { format!("warranty ended {day}") })
    }
}

/// The first rows by a worth, those that reasons are sought for; `risk` decides among equals.
fn first_by(risk: &[usize], worth: &dyn Fn(usize) -> f64) -> Vec<usize> {
    let mut rows = risk.to_vec();
    rows.sort_by(|&a, &b| worth(b).total_cmp(&worth(a)));
    rows.truncate(EXPLAINED);
    rows
}

/// What a feature is of, in words: `corrected errors` of `corrected_errors.sum_30d`, `firmware` of `asset.firmware`.
fn thing(feature: &str) -> String {
    let (of, rest) = feature.split_once('.').unwrap_or((feature, ""));
    let of = if of == "asset" && !rest.is_empty() { rest } else { of };
    // `tickets[Disk]` and `events[patch]` name what they count.
    let of = of.split_once('[').map_or(of, |(_, inner)| inner.trim_end_matches(']'));
    of.replace('_', " ")
}

/// `12 %`, `0.4 %`.
fn percent(p: f64) -> String {
    let p = p * 100.0;
    if p < 1.0 { format!("{p:.1} %") } else { format!("{p:.0} %") }
}
