//! What was said on a night of every asset, from the ledger of earlier nights or from a backtest, and what is said tonight.
//! It does not know what came of it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use forewarn_frames::output::LEDGER;
use forewarn_frames::time::Micros;
use forewarn_frames::{Cutoff, Frames, Horizon};
use polars::prelude::*;

use crate::candidates::N_BASELINES;
use crate::feedback::held_last;
use crate::fit::Prediction;
use crate::{EngineError, Settings};

/// The day number of a Monday, from which periods are counted.
const A_MONDAY: i32 = 4;

/// What was said of one asset.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Place {
    /// Its number in [`Names`].
    pub asset: u32,
    /// Its place in the ranking, from 1.
    pub rank: u32,
    pub probability: f64,
    pub on_list: bool,
    /// The same by the dumb baseline, whose list is as long.
    pub baseline_rank: u32,
    pub baseline_probability: f64,
}

/// All that was said on one night, in the order of its list.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Night {
    pub cutoff: Cutoff,
    pub horizon: Horizon,
    pub places: Vec<Place>,
}

impl Night {
    /// How long its list was.
    pub(crate) fn n_listed(&self) -> usize {
        self.places.iter().filter(|p| p.on_list).count()
    }

    /// Whether the time that it spoke of is over.
    pub(crate) fn is_closed(&self, end: Cutoff) -> bool {
        self.cutoff.plus_days(self.horizon.get()) <= end
    }
}

/// The names of assets: those of the frames by their numbers there, then those that only the ledger knows any more.
#[derive(Debug)]
pub(crate) struct Names<'a> {
    pub known: &'a [String],
    pub gone: Vec<String>,
}

impl Names<'_> {
    pub(crate) fn of(&self, asset: u32) -> &str {
        let a = asset as usize;
        self.known.get(a).or_else(|| self.gone.get(a - self.known.len())).map_or("", String::as_str)
    }
}

/// What a model says of one asset before the baseline is chosen, in the order of the ranking.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Said {
    pub asset: u32,
    pub probability: f64,
    pub baselines: [f64; N_BASELINES],
    pub held: bool,
}

/// What is said of each row of a table, in `order`.
pub(crate) fn said(
    assets: &[usize],
    p: &Prediction,
    order: &[usize],
    held: &BTreeMap<usize, String>,
) -> Vec<Said> {
    order
        .iter()
        .map(|&row| Said {
            asset: assets[row] as u32,
            probability: p.probability[row],
            baselines: std::array::from_fn(|b| p.candidates[b][row]),
            held: held.contains_key(&assets[row]),
        })
        .collect()
}

/// The places by the model and by the baseline. The dumb list too leaves out what is held back: whoever picks without a
/// model also knows what was visited.
pub(crate) fn placed(said: &[Said], baseline: usize, visits: usize) -> Vec<Place> {
    let mut order: Vec<usize> = (0..said.len()).collect();
    order.sort_by(|&a, &b| {
        said[b].baselines[baseline]
            .total_cmp(&said[a].baselines[baseline])
            .then(said[a].asset.cmp(&said[b].asset))
    });
    let assets: Vec<usize> = said.iter().map(|s| s.asset as usize).collect();
    let held = said.iter().filter(|s| s.held).map(|s| (s.asset as usize, String::new())).collect();
    let mut by_baseline = vec![0u32; said.len()];
    for (i, place) in held_last(order, &assets, &held).into_iter().zip(1..) {
        by_baseline[i] = place;
    }
    said.iter()
        .enumerate()
        .map(|(i, s)| Place {
            asset: s.asset,
            rank: i as u32 + 1,
            probability: s.probability,
            on_list: i < visits,
            baseline_rank: by_baseline[i],
            baseline_probability: s.baselines[baseline],
        })
        .collect()
}

/// Tonight's rows of the ledger.
pub(crate) fn ledger_rows(
    frames: &Frames,
    settings: &Settings,
    places: &[Place],
) -> Result<DataFrame, EngineError> {
    let n = places.len();
    let ids = frames.asset_ids();
    let whole = |name: &str, f: fn(&Place) -> u32| {
        Column::new(name.into(), places.iter().map(|p| i64::from(f(p))).collect::<Vec<_>>())
    };
    let number =
        |name: &str, f: fn(&Place) -> f64| Column::new(name.into(), places.iter().map(f).collect::<Vec<_>>());
    let df = DataFrame::new(
        n,
        vec![
            Column::new("as_of".into(), vec![frames.end().micros(); n])
                .cast(&DataType::Datetime(TimeUnit::Microseconds, None))?,
            Column::new("rank_by_days".into(), vec![i64::from(settings.risk.rank_by.get()); n]),
            Column::new(
                "asset_id".into(),
                places.iter().map(|p| ids[p.asset as usize].as_str()).collect::<Vec<_>>(),
            ),
            whole("place", |p| p.rank),
            number("probability", |p| p.probability),
            Column::new("on_list".into(), places.iter().map(|p| p.on_list).collect::<Vec<_>>()),
            whole("baseline_place", |p| p.baseline_rank),
            number("baseline_probability", |p| p.baseline_probability),
        ],
    )?;
    debug_assert_eq!(LEDGER.check(&df), Ok(()));
    Ok(df)
}

/// The period of `per_days` days (0 counts as 1), counted from a Monday, that a night is in: a list date comes once in each.
///
/// ```
/// use forewarn_engine::list_period;
/// use forewarn_frames::Cutoff;
/// let of = |date: &str| Cutoff::parse(date).map(|c| list_period(c, 7));
/// assert_eq!(of("2026-01-05")?, of("2026-01-11")?, "Monday to Sunday");
/// assert_ne!(of("2026-01-04")?, of("2026-01-05")?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn list_period(night: Cutoff, per_days: u32) -> i32 {
    (night.day() - A_MONDAY).div_euclid(per_days.max(1) as i32)
}

/// The list dates of a ledger before `end`, oldest first: the first night of each period. The order of its rows does not
/// matter. A row that no night of ours could have written (a probability beyond 0 to 1, a horizon that is none) is passed
/// over, and of two rows about an asset the one with the better place counts.
pub(crate) fn nights<'a>(
    ledger: &DataFrame,
    frames: &'a Frames,
    per_days: u32,
) -> Result<(Vec<Night>, Names<'a>), EngineError> {
    let mut names = Names { known: frames.asset_ids(), gone: Vec::new() };
    let as_of = ledger.column("as_of")?.cast(&DataType::Int64)?;
    let as_of = as_of.i64()?;
    let mut first: BTreeMap<i32, Cutoff> = BTreeMap::new();
    let end = frames.end();
    for night in as_of.iter().flatten().collect::<BTreeSet<Micros>>() {
        if let Some(night) = Cutoff::at(night).ok().filter(|c| *c < end) {
            first.entry(list_period(night, per_days)).or_insert(night);
        }
    }
    let dates: BTreeSet<Micros> = first.values().map(|c| c.micros()).collect();
    let ids = ledger.column("asset_id")?.str()?.rechunk().into_owned();
    // Looked up and never walked through: millions of rows may name a hundred thousand assets.
    let known: HashMap<&str, u32> = names.known.iter().map(String::as_str).zip(0..).collect();
    let gone: BTreeSet<&str> = as_of
        .iter()
        .zip(ids.iter())
        .filter(|(t, _)| t.is_some_and(|t| dates.contains(&t)))
        .filter_map(|(_, id)| id.filter(|id| !known.contains_key(id)))
        .collect();
    let first_gone = names.known.len() as u32;
    let strangers: BTreeMap<&str, u32> = gone.iter().copied().zip(first_gone..).collect();
    let number_of = |id: &str| known.get(id).or_else(|| strangers.get(id)).copied();
    names.gone = gone.iter().map(|id| (*id).to_owned()).collect();
    let n_named = names.known.len() + names.gone.len();
    let whole = |name: &str| -> Result<&Int64Chunked, EngineError> { Ok(ledger.column(name)?.i64()?) };
    let number = |name: &str| -> Result<&Float64Chunked, EngineError> { Ok(ledger.column(name)?.f64()?) };
    let places = whole("place")?.iter().zip(whole("baseline_place")?.iter());
    let said = number("probability")?.iter().zip(number("baseline_probability")?.iter());
    let rows = as_of.iter().zip(whole("rank_by_days")?.iter()).zip(ids.iter()).zip(places).zip(said);
    let mut by_night: BTreeMap<Micros, (Horizon, Vec<Place>)> = BTreeMap::new();
    for (row, on_list) in rows.zip(ledger.column("on_list")?.bool()?.iter()) {
        let ((((night, days), id), (place, baseline_place)), (p, baseline_p)) = row;
        let Some(night) = night.filter(|t| dates.contains(t)) else { continue };
        let at = |v: Option<i64>| v.and_then(|v| u32::try_from(v).ok());
        let likely = |v: Option<f64>| v.filter(|v| (0.0..=1.0).contains(v));
        let horizon = days.and_then(|d| Horizon::days(d).ok());
        let (Some(horizon), Some(asset), Some(place), Some(baseline_place)) =
            (horizon, id.and_then(number_of), at(place), at(baseline_place))
        else {
            continue;
        };
        let (Some(probability), Some(baseline_probability)) = (likely(p), likely(baseline_p)) else {
            continue;
        };
        by_night.entry(night).or_insert_with(|| (horizon, Vec::new())).1.push(Place {
            asset,
            rank: place,
            probability,
            on_list: on_list == Some(true),
            baseline_rank: baseline_place,
            baseline_probability,
        });
    }
    let mut nights = Vec::with_capacity(by_night.len());
    for (at, (horizon, mut places)) in by_night {
        places.sort_by(|a, b| a.rank.cmp(&b.rank).then(a.asset.cmp(&b.asset)));
        let mut seen = vec![false; n_named];
        places.retain(|p| !std::mem::replace(&mut seen[p.asset as usize], true));
        let Ok(cutoff) = Cutoff::at(at) else { continue };
        nights.push(Night { cutoff, horizon, places });
    }
    Ok((nights, names))
}
