//! What is vulnerable: weaknesses by kind, by site and owner, and the assets that have the worst. It does not know how a
//! weakness was found.

use std::collections::{BTreeMap, BTreeSet};

use forewarn_frames::output::RunTables;
use serde::Serialize;

use super::Limits;
use crate::error::{ReportError, table};
use crate::number::{counted, share, whole};
use crate::rows;
use crate::text::{LONG, foreign};

/// Assets listed, at most.
const ASSETS: usize = 20;
/// Sites and owners listed, at most.
const PLACES: usize = 8;
/// Weaknesses of one asset, at most.
const OF_ASSET: usize = 5;

/// Each kind of weakness: its name in the table, in a few words, and what it means.
const KINDS: [(&str, &str, &str); 8] = [
    ("patch_missing", "Lacks a patch", "that most of its look-alikes have"),
    ("patch_lag", "Long unpatched", "far longer than its look-alikes"),
    ("os_behind", "Old operating system", "half of its kind have a newer version"),
    ("firmware_behind", "Old firmware", "half of its model have a newer version"),
    ("past_warranty", "Out of warranty", ""),
    ("past_service_life", "Past its service life", "older than nearly all of its kind were when retired"),
    ("single_point", "Single point", "critical, and nothing of its kind beside it"),
    ("repeat_repairs", "Repaired again and again", "three times or more in 180 days for the same thing"),
];

/// The part on weaknesses.
#[derive(Serialize)]
pub(crate) struct Exposure {
    /// Empty where there is none.
    words: String,
    kinds: Vec<Kind>,
    assets: Vec<Weak>,
    hidden: usize,
    sites: Vec<Place>,
    owners: Vec<Place>,
}

#[derive(Serialize)]
struct Kind {
    name: String,
    what: &'static str,
    assets: String,
    share: String,
}

/// An asset with its weaknesses.
#[derive(Serialize)]
struct Weak {
    asset: String,
    what: String,
    site: String,
    owner: String,
    found: Vec<Found>,
}

#[derive(Serialize)]
struct Found {
    name: String,
    text: String,
}

/// A site or owner with how many of its assets have a weakness, and which most often.
#[derive(Serialize)]
struct Place {
    name: String,
    assets: String,
    mostly: String,
}

fn name_of(exposure: &str) -> String {
    KINDS.iter().find(|k| k.0 == exposure).map_or_else(|| foreign(exposure, 40), |k| k.1.to_owned())
}

fn places(of: &[Option<String>], asset: &[&str], exposure: &[&str]) -> Vec<Place> {
    let mut by: BTreeMap<&str, (BTreeSet<&str>, BTreeMap<&str, usize>)> = BTreeMap::new();
    for (i, place) in of.iter().enumerate() {
        if let Some(place) = place {
            let entry = by.entry(place).or_default();
            entry.0.insert(asset[i]);
            *entry.1.entry(exposure[i]).or_default() += 1;
        }
    }
    let mut all: Vec<_> = by.into_iter().collect();
    all.sort_by(|a, b| b.1.0.len().cmp(&a.1.0.len()).then(a.0.cmp(b.0)));
    all.truncate(PLACES);
    let place = |(name, (assets, kinds)): (&str, (BTreeSet<&str>, BTreeMap<&str, usize>))| {
        // Of two that are as frequent the first by name.
        let mostly = kinds.iter().max_by(|a, b| a.1.cmp(b.1).then(b.0.cmp(a.0)));
        Place {
            name: foreign(name, 60),
            assets: whole(assets.len() as u64),
            mostly: mostly.map_or_else(String::new, |(k, n)| format!("{} ({n})", name_of(k).to_lowercase())),
        }
    };
    all.into_iter().map(place).collect()
}

/// See [`Exposure`].
pub(crate) fn exposure(tables: &RunTables, limits: Limits) -> Result<Exposure, ReportError> {
    let df = &tables.exposure;
    let e = table("exposure");
    let texts = |c: &str| rows::texts(df, c).map_err(&e);
    let (asset, kind, model) = (texts("asset_id")?, texts("kind")?, texts("model")?);
    let (site, owner, exposure, text) = (texts("site")?, texts("owner")?, texts("exposure")?, texts("text")?);
    let score = rows::numbers(df, "score").map_err(&e)?;
    let asset: Vec<&str> = asset.iter().map(|a| a.as_deref().unwrap_or_default()).collect();
    let exposure: Vec<&str> = exposure.iter().map(|a| a.as_deref().unwrap_or_default()).collect();
    let mut by_asset: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    let mut by_kind: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for i in 0..df.height() {
        by_asset.entry(asset[i]).or_default().push(i);
        by_kind.entry(exposure[i]).or_default().insert(asset[i]);
    }
    let known = |i: usize| if score[i].is_finite() { score[i].clamp(0.0, 1.0) } else { 0.0 };
    // What two weaknesses weigh together is no more than 1.
    let weight = |rows: &[usize]| 1.0 - rows.iter().map(|&i| 1.0 - known(i)).product::<f64>();
    let mut worst: Vec<(f64, &str, Vec<usize>)> =
        by_asset.into_iter().map(|(id, rows)| (weight(&rows), id, rows)).collect();
    worst.sort_by(|a, b| b.0.total_cmp(&a.0).then(b.2.len().cmp(&a.2.len())).then(a.1.cmp(b.1)));
    let n_weak = worst.len();
    let n_assets = tables.facts.n_assets;
    let part = |n: usize| {
        if n_assets >= n as u64 && n_assets > 0 { share(n as f64 / n_assets as f64) } else { String::new() }
    };
    let several = worst.iter().filter(|w| w.2.len() > 1).count();
    let words = if n_weak == 0 {
        String::new()
    } else {
        let of = if n_assets > 0 { format!(" of {}", whole(n_assets)) } else { String::new() };
        format!(
            "{}{of} {} a weakness that shows before anything fails; {} more than one.",
            counted(n_weak as u64, "asset", "assets"),
            if n_weak == 1 { "has" } else { "have" },
            match several {
                0 => "none has".to_owned(),
                1 => "one has".to_owned(),
                n => format!("{} have", whole(n as u64)),
            }
        )
    };
    let mut kinds: Vec<(usize, Kind)> = by_kind
        .iter()
        .map(|(name, assets)| {
            let n = assets.len();
            let what = KINDS.iter().find(|k| k.0 == *name).map_or("", |k| k.2);
            (n, Kind { name: name_of(name), what, assets: whole(n as u64), share: part(n) })
        })
        .collect();
    kinds.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.name.cmp(&b.1.name)));
    kinds.truncate(limits.lines);
    let most = ASSETS.min(limits.lines);
    let shown = |v: &Option<String>| v.as_deref().map(|v| foreign(v, 60)).unwrap_or_default();
    let assets = worst.iter().take(most).map(|(_, id, rows)| {
        let mut rows = rows.clone();
        rows.sort_by(|a, b| known(*b).total_cmp(&known(*a)).then(exposure[*a].cmp(exposure[*b])));
        let first = rows[0];
        let what = [&model[first], &kind[first]].map(shown);
        Weak {
            asset: foreign(id, 60),
            what: what.into_iter().filter(|w| !w.is_empty()).collect::<Vec<_>>().join(", "),
            site: shown(&site[first]),
            owner: shown(&owner[first]),
            found: rows
                .iter()
                .take(OF_ASSET)
                .map(|&i| Found {
                    name: name_of(exposure[i]),
                    text: text[i].as_deref().map(|t| foreign(t, LONG)).unwrap_or_default(),
                })
                .collect(),
        }
    });
    Ok(Exposure {
        words,
        kinds: kinds.into_iter().map(|k| k.1).collect(),
        assets: assets.collect(),
        hidden: n_weak.saturating_sub(most),
        sites: places(&site, &asset, &exposure),
        owners: places(&owner, &asset, &exposure),
    })
}
