//! Operating systems and firmware that are behind: the version of an asset against the one that half of its cohort have
//! reached. It does not know patches.

use std::collections::BTreeMap;

use forewarn_frames::time::Micros;

use super::cohort::{Fleet, MIN_COHORT};
use super::version::Version;
use super::{Found, counted, days};
use crate::EngineError;
use crate::inventory::Inventory;

/// Days for which half of the cohort have had a newer version: a roll-out needs some.
const ROLL_OUT_DAYS: f64 = 14.0;
/// Share of a cohort whose versions can be put in an order that it needs.
const MIN_ORDERED: f64 = 0.9;

/// The version of one asset, and since when where that is dated.
#[derive(Debug, Clone, Copy)]
struct Carried<'a> {
    asset: usize,
    text: &'a str,
    since: Option<Micros>,
}

/// One version in a cohort.
#[derive(Debug, Clone)]
struct Release<'a> {
    version: Version,
    /// One way of writing it.
    text: &'a str,
    carried: Vec<Carried<'a>>,
    /// When half of those that carry it had it; `None` where one of them is not dated.
    usual_since: Option<Micros>,
}

/// Kind, model and operating system that assets of a cohort share.
type Key<'a> = (Option<&'a str>, Option<&'a str>, Option<&'a str>);

/// Assets whose operating system (of the same kind and name) or firmware (of the same model) is behind.
pub(super) fn behind(fleet: &Fleet<'_>, inventory: &Inventory<'_>) -> Result<Vec<Found>, EngineError> {
    let os = inventory.text_or_dated(fleet.history, "os")?;
    let mut out = Vec::new();
    for (exposure, attribute) in [("os_behind", "os_version"), ("firmware_behind", "firmware")] {
        let carried = carried(fleet, inventory, attribute)?;
        let mut cohorts: BTreeMap<Key<'_>, Vec<Carried<'_>>> = BTreeMap::new();
        for c in carried {
            let (kind, model, os) = (fleet.kind[c.asset], fleet.model[c.asset], os[c.asset]);
            let key = match (exposure, os) {
                // Without the name of the system, a version says as much as one of a firmware.
                ("os_behind", Some(os)) => (kind, None, Some(os)),
                _ if model.is_some() => (kind, model, None),
                _ => continue,
            };
            cohorts.entry(key).or_default().push(c);
        }
        for ((kind, model, os), assets) in cohorts {
            let name = os.or(model).or(kind).unwrap_or_default();
            out.extend(in_cohort(exposure, name, assets, fleet.end));
        }
    }
    Ok(out)
}

/// By the dated attribute, else by the inventory.
fn carried<'a>(
    fleet: &Fleet<'a>,
    inventory: &Inventory<'a>,
    attribute: &str,
) -> Result<Vec<Carried<'a>>, EngineError> {
    let today = inventory.text(attribute)?;
    let history = fleet.history;
    let of = |asset: usize| {
        let dated = history.attribute(asset, attribute).map(|c| history.word(c).trim());
        match dated.filter(|v| !v.is_empty()) {
            Some(text) => Some(Carried { asset, text, since: history.attribute_since(asset, attribute) }),
            None => today[asset].map(|text| Carried { asset, text, since: None }),
        }
    };
    Ok(fleet.assets.iter().filter_map(|&a| of(a)).collect())
}

/// The versions of a cohort from the oldest to the newest. Those of one scheme (`KB4988`, `KB5051`) have an order of their
/// own; between schemes the time tells at which half of its carriers had each. `None` where too many have no order.
fn ordered(carried: Vec<Carried<'_>>) -> Option<Vec<Release<'_>>> {
    let n = carried.len() as f64;
    let mut releases: Vec<Release<'_>> = Vec::new();
    let mut parsed: Vec<(String, Version, Carried<'_>)> =
        carried.into_iter().filter_map(|c| Version::parse(c.text).map(|v| (v.scheme(), v, c))).collect();
    parsed.sort_by(|a, b| (&a.0, &a.1).cmp(&(&b.0, &b.1)).then(a.2.asset.cmp(&b.2.asset)));
    let mut schemes: Vec<(String, usize)> = Vec::new();
    for (scheme, version, c) in parsed {
        match schemes.last_mut() {
            Some(last) if last.0 == scheme => last.1 += 1,
            _ => schemes.push((scheme.clone(), 1)),
        }
        match releases.last_mut() {
            Some(r) if r.version.scheme() == scheme && r.version == version => r.carried.push(c),
            _ => {
                releases.push(Release { version, text: c.text, carried: vec![c], usual_since: None });
            }
        }
    }
    for r in &mut releases {
        let mut times: Vec<Option<Micros>> = r.carried.iter().map(|c| c.since).collect();
        times.sort_unstable();
        r.usual_since = if times[0].is_none() { None } else { times[(times.len() - 1) / 2] };
    }
    if schemes.len() > 1 {
        let main = schemes.iter().max_by_key(|s| s.1)?;
        if releases.iter().all(|r| r.usual_since.is_some()) {
            releases.sort_by(|a, b| a.usual_since.cmp(&b.usual_since).then(a.text.cmp(b.text)));
        } else if main.1 as f64 >= MIN_ORDERED * n {
            releases.retain(|r| r.version.scheme() == main.0);
        } else {
            return None;
        }
    }
    Some(releases)
}

fn in_cohort(exposure: &'static str, name: &str, carried: Vec<Carried<'_>>, end: Micros) -> Vec<Found> {
    let Some(releases) = ordered(carried) else { return Vec::new() };
    let n: usize = releases.iter().map(|r| r.carried.len()).sum();
    if n < MIN_COHORT {
        return Vec::new();
    }
    // The newest version that half of them carry, or a newer one.
    let mut newer = 0;
    let mut usual = 0;
    for (k, r) in releases.iter().enumerate().rev() {
        newer += r.carried.len();
        if 2 * newer >= n {
            usual = k;
            break;
        }
    }
    // When half of the cohort had reached it.
    let mut reached: Vec<Option<Micros>> =
        releases[usual..].iter().flat_map(|r| r.carried.iter().map(|c| c.since)).collect();
    reached.sort_unstable();
    let since = if reached.first().is_some_and(Option::is_none) { None } else { reached[n.div_ceil(2) - 1] };
    if since.is_some_and(|t| days(t, end) < ROLL_OUT_DAYS) {
        return Vec::new();
    }
    let share = newer as f64 / n as f64;
    let mut out = Vec::new();
    for (k, r) in releases[..usual].iter().enumerate() {
        let steps = (usual - k) as f64;
        out.extend(r.carried.iter().map(|c| Found {
            asset: c.asset,
            exposure,
            since,
            value: steps,
            unit: "versions",
            usual: Some(0.0),
            score: share * (0.5 + 0.5 * steps / (steps + 1.0)),
            text: format!(
                "{} is {} behind {}, which {:.0} % of {n} like it ({name}) have or are past",
                c.text,
                counted(steps, "version", "versions"),
                releases[usual].text,
                share * 100.0
            ),
        }));
    }
    out
}
