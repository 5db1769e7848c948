//! `[cost]` and `[[measure]]`, resolved: what failures cost, and the catalog of measures. It does not know what is decided.

use forewarn_engine::{Costs, Remedy, Warranty};

use super::Problems;
use crate::options::{CostOptions, MeasureOptions};

/// Factors of an hour's cost by criticality, 1 first.
const CRITICALITY: [f64; 5] = [2.0, 1.5, 1.0, 0.75, 0.5];

/// The shipped catalog.
const SHIPPED: &str = include_str!("../measures.toml");

/// What failures and visits cost; `None` where an hour of downtime or a visit has no price, since nothing can be weighed
/// then.
pub(super) fn costs(p: &mut Problems<'_>, given: Option<&CostOptions>) -> Option<Costs> {
    let given = given?;
    for (key, value) in [
        ("cost.downtime_hour", given.downtime_hour),
        ("cost.visit", given.visit),
        ("cost.repair", given.repair),
        ("cost.downtime_hours", given.downtime_hours),
    ] {
        if let Some(value) = value.filter(|v| !(v.is_finite() && *v >= 0.0)) {
            p.add(&p.place(key), value, "a number from 0");
        }
    }
    let written = given.criticality.clone().unwrap_or_else(|| CRITICALITY.to_vec());
    let factors = <[f64; 5]>::try_from(written).ok();
    let criticality = factors.filter(|f| f.iter().all(|x| x.is_finite() && *x >= 0.0));
    if criticality.is_none() {
        let found = format!("{:?}", given.criticality.as_deref().unwrap_or_default());
        p.add(&p.place("cost.criticality"), found, "five numbers from 0, for criticality 1 to 5");
    }
    Some(Costs {
        downtime_hour: given.downtime_hour?,
        visit: given.visit?,
        repair: given.repair.unwrap_or(0.0),
        downtime_hours: given.downtime_hours,
        criticality: criticality.unwrap_or(CRITICALITY),
    })
}

/// The currency.
pub(super) fn currency(p: &mut Problems<'_>, given: Option<&CostOptions>) -> Option<String> {
    let currency = given?.currency.clone()?;
    if !(currency.len() == 3 && currency.bytes().all(|b| b.is_ascii_uppercase())) {
        p.add(&p.place("cost.currency"), format!("`{currency}`"), "three capital letters like `EUR`");
    }
    Some(currency)
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Catalog {
    measure: Vec<MeasureOptions>,
}

/// The catalog: the given measures, then the shipped ones whose names they do not take.
pub(super) fn remedies(p: &mut Problems<'_>, given: &[MeasureOptions]) -> Vec<Remedy> {
    for (i, m) in given.iter().enumerate() {
        let key = |field: &str| format!("measure[{i}].{field}");
        for (field, text) in [("name", &m.name), ("title", &m.title)] {
            if text.trim().is_empty() {
                p.add(&p.place(&key(field)), "an empty text", "a text");
            }
        }
        if given[..i].iter().any(|other| other.name == m.name) {
            p.add(&p.place(&key("name")), format!("`{}` again", m.name), "each name once");
        }
        if let Some(share) = m.effectiveness.filter(|x| !(0.0..=1.0).contains(x)) {
            p.add(&p.place(&key("effectiveness")), share, "a share from 0 to 1");
        }
        if let Some(word) = m.warranty.as_deref().filter(|w| warranty(w).is_none()) {
            p.add_name(&key("warranty"), word, &["any", "running", "over"]);
        }
    }
    // The shipped catalog is data of ours, which a test reads.
    let shipped = toml::from_str::<Catalog>(SHIPPED).map(|c| c.measure).unwrap_or_default();
    let kept = shipped.iter().filter(|s| given.iter().all(|g| g.name != s.name));
    given.iter().chain(kept).map(remedy).collect()
}

fn warranty(word: &str) -> Option<Warranty> {
    match word {
        "any" => Some(Warranty::Any),
        "running" => Some(Warranty::Running),
        "over" => Some(Warranty::Over),
        _ => None,
    }
}

fn remedy(m: &MeasureOptions) -> Remedy {
    let list = |l: &Option<Vec<String>>| l.clone().unwrap_or_default();
    Remedy {
        name: m.name.clone(),
        title: m.title.clone(),
        kinds: list(&m.kinds),
        modes: list(&m.modes),
        reasons: list(&m.reasons),
        warranty: m.warranty.as_deref().and_then(warranty).unwrap_or_default(),
        effectiveness: m.effectiveness.unwrap_or(0.5),
        measured_as: list(&m.measured_as),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_catalog_is_sound() {
        let catalog: Catalog = toml::from_str(SHIPPED).unwrap();
        let mut p = Problems { file: "measures.toml", found: Vec::new() };
        assert_eq!(remedies(&mut p, &catalog.measure).len(), catalog.measure.len());
        assert!(p.found.is_empty(), "{:?}", p.found);
        // The last one fits every asset.
        let last = catalog.measure.last().map(remedy).unwrap();
        assert!(last.kinds.is_empty() && last.modes.is_empty() && last.reasons.is_empty(), "{last:?}");
        assert_eq!(last.name, "inspect");
    }

    #[test]
    fn own_measures_come_first_and_replace_those_of_their_name() {
        let own: Catalog = toml::from_str(
            "[[measure]]\nname = \"patch\"\ntitle = \"Patch at night\"\n[[measure]]\nname = \"x\"\ntitle = \"X\"\neffectiveness = 2.0\nwarranty = \"run\"",
        )
        .unwrap();
        let mut p = Problems { file: "f.toml", found: Vec::new() };
        let all = remedies(&mut p, &own.measure);
        assert_eq!((all[0].title.as_str(), all[1].name.as_str()), ("Patch at night", "x"));
        assert_eq!(all.iter().filter(|r| r.name == "patch").count(), 1);
        let found: Vec<&str> = p.found.iter().map(|f| f.0.as_str()).collect();
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].contains("measure[1].effectiveness") && found[0].contains("found 2"), "{found:?}");
        assert!(found[1].contains("`any`, `running`, `over`"), "{found:?}");
    }

    #[test]
    fn without_a_price_nothing_is_weighed() {
        let check = |text: &str, want: Option<(f64, f64)>, faults: usize| {
            let given: CostOptions = toml::from_str(text).unwrap();
            let mut p = Problems { file: "f.toml", found: Vec::new() };
            let found = costs(&mut p, Some(&given)).map(|c| (c.downtime_hour, c.visit));
            assert_eq!((found, p.found.len()), (want, faults), "{text}");
        };
        check("downtime_hour = 200.0\nvisit = 80.0", Some((200.0, 80.0)), 0);
        check("downtime_hour = 200.0", None, 0);
        check("visit = 80.0\ncurrency = \"EUR\"", None, 0);
        check("downtime_hour = -1.0\nvisit = 80.0", Some((-1.0, 80.0)), 1);
        check("downtime_hour = 1.0\nvisit = inf", Some((1.0, f64::INFINITY)), 1);
        check("downtime_hour = 1.0\nvisit = 1.0\ncriticality = [1.0, 2.0]", Some((1.0, 1.0)), 1);
    }
}
