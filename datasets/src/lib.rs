//! The shipped fleet and its seeded simulator with known truth.
//!
//! A simulated IT department: assets that wear and fail, tickets, telemetry, an inventory, patches and visits, as a
//! service desk and a monitoring system would export them. The hidden state of every asset is a small Markov chain,
//! so two truths are known exactly: what an observer of the files could know, and what only the simulator knows.
//!
//! Knows how to make data. It does not know features, models or the engine, and they never read this crate's names or
//! constants.
//!
//! ```
//! let params = forewarn_datasets::SimParams { assets: 20, ..forewarn_datasets::SimParams::shipped() };
//! let simulation = forewarn_datasets::simulate(&params);
//! assert!(simulation.truths().all(|t| (0.0..=1.0).contains(&t.probability)));
//! ```

mod asset;
mod calendar;
mod catalog;
mod chance;
mod desk;
#[cfg(test)]
mod exam;
mod life;
mod output;

use asset::Asset;
use calendar::{DAY_SECONDS, Day};
use life::{Subject, Ticket, Truth};

pub use output::write;

/// What to simulate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SimParams {
    /// How many assets are in service at some time of the period.
    pub assets: usize,
    /// Length of the period, which ends with 2025-12-31.
    pub days: u32,
    /// The same seed gives the same bytes.
    pub seed: u64,
    /// Horizons of the truth in days, ascending.
    pub horizons: Vec<u16>,
    /// How many servers also have hourly telemetry.
    pub hourly_servers: usize,
    /// For how many days at the end of the period they have it.
    pub hourly_days: u32,
}

impl SimParams {
    /// The fleet in `datasets/fleet`: 500 assets over two years.
    pub fn shipped() -> Self {
        Self {
            assets: 500,
            days: 730,
            seed: 20_260_101,
            horizons: vec![7, 30, 90],
            hourly_servers: 50,
            hourly_days: 365,
        }
    }

    /// First day of the period.
    fn start(&self) -> Day {
        self.end() - Day::from(self.days)
    }

    /// The day after the period.
    #[expect(clippy::unused_self, reason = "a parameter one day, and read beside `start`")]
    fn end(&self) -> Day {
        calendar::day_of(2026, 1, 1)
    }

    /// The first days of the months in the second half of the period.
    fn cutoffs(&self) -> Vec<Day> {
        calendar::month_starts(self.start() + Day::from(self.days) / 2 - 1, self.end())
    }
}

/// A failure as its ticket tells it, and what no ticket tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The asset that failed.
    pub asset_id: String,
    /// Day of the ticket, counted from 1970-01-01 (UTC).
    pub day: i64,
    /// Whether the asset was worn before: the others fail out of the blue.
    pub heralded: bool,
}

/// P(failure within the horizon from the cutoff), twice.
#[derive(Clone, Debug, PartialEq)]
pub struct KnownTruth {
    /// The first day of the window, counted from 1970-01-01 (UTC).
    pub cutoff: i64,
    /// The asset.
    pub asset_id: String,
    /// Length of the window in days.
    pub horizon_days: u16,
    /// Given everything observable before the cutoff, if the asset stays in service.
    pub probability: f64,
    /// Given the hidden state at the cutoff.
    pub probability_latent: f64,
}

/// A simulated fleet. Telemetry is not kept: [`write`] lives each life again from its seed.
#[derive(Debug)]
pub struct Simulation {
    params: SimParams,
    assets: Vec<Asset>,
    tickets: Vec<Ticket>,
    truths: Vec<Truth>,
    visits: Vec<(u32, Day)>,
    repairs: Vec<(u32, Day)>,
}

/// Simulates a fleet.
pub fn simulate(params: &SimParams) -> Simulation {
    let cutoffs = params.cutoffs();
    let mut simulation = Simulation {
        params: params.clone(),
        assets: Vec::with_capacity(params.assets),
        tickets: Vec::new(),
        truths: Vec::new(),
        visits: Vec::new(),
        repairs: Vec::new(),
    };
    for index in 0..params.assets {
        let (asset, chance) = Asset::new(params, index);
        let life = life::live(params, &asset, chance, &cutoffs);
        simulation.tickets.extend(life.tickets);
        simulation.truths.extend(life.truths);
        simulation.visits.extend(life.visits.iter().map(|&d| (index as u32, d)));
        simulation.repairs.extend(life.repairs.iter().map(|&d| (index as u32, d)));
        simulation.assets.push(asset);
    }
    simulation.tickets.extend(desk::background(params, &simulation.assets));
    simulation.tickets.sort_unstable();
    simulation.truths.sort_by_key(|t| (t.cutoff, t.asset, t.horizon));
    simulation
}

impl Simulation {
    /// All failures, by time.
    pub fn failures(&self) -> impl Iterator<Item = Failure> {
        self.tickets.iter().filter_map(|t| match t.subject {
            Subject::Failure { heralded } => Some(Failure {
                asset_id: self.assets[t.asset as usize].id.clone(),
                day: t.opened.div_euclid(DAY_SECONDS),
                heralded,
            }),
            _ => None,
        })
    }

    /// Both truths, by cutoff and asset.
    pub fn truths(&self) -> impl Iterator<Item = KnownTruth> {
        self.truths.iter().map(|t| KnownTruth {
            cutoff: t.cutoff,
            asset_id: self.assets[t.asset as usize].id.clone(),
            horizon_days: t.horizon,
            probability: t.probability,
            probability_latent: t.latent,
        })
    }
}
