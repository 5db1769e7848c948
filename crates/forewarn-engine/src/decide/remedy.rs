//! Which preventive measure fits an asset, and what share of failures it prevents. It does not know costs.

use std::collections::BTreeMap;

use polars::prelude::DataFrame;

use crate::columns::names;
use crate::measures::{Effect, effects};
use crate::{EngineError, Remedy, Warranty};

/// What is known of an asset when a measure is looked for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Case<'a> {
    pub kind: Option<&'a str>,
    /// The likeliest failure mode and its share of the probability, where modes are told apart and it has a name.
    pub mode: Option<(&'a str, f64)>,
    /// Features that raise its risk most, the strongest first.
    pub leads: &'a [String],
    pub under_warranty: Option<bool>,
}

/// Why a measure fits.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Because {
    /// Its likeliest mode, with the share of the probability.
    Mode(String, f64),
    /// A feature among the leading reasons.
    Lead(String),
    /// Its kind.
    Kind(String),
    /// Nothing points to a cause.
    Nothing,
}

/// The measure that fits, and why.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Fit {
    /// Its place in the catalog; `None`: nothing fits, and the asset is inspected.
    pub remedy: Option<usize>,
    pub because: Because,
}

fn meets(patterns: &[String], name: &str) -> bool {
    let name = name.to_lowercase();
    patterns.iter().any(|p| names(&p.to_lowercase(), &name))
}

/// The first measure of the catalog that fits.
pub(crate) fn fit(catalog: &[Remedy], case: &Case<'_>) -> Fit {
    let fits = |r: &Remedy| -> Option<Because> {
        let of_kind = r.kinds.is_empty() || case.kind.is_some_and(|k| meets(&r.kinds, k));
        let warranted = match r.warranty {
            Warranty::Any => true,
            Warranty::Running => case.under_warranty == Some(true),
            Warranty::Over => case.under_warranty != Some(true),
        };
        if !(of_kind && warranted) {
            return None;
        }
        if let Some((mode, share)) = case.mode.filter(|(m, _)| meets(&r.modes, m)) {
            return Some(Because::Mode(mode.to_owned(), share));
        }
        if let Some(lead) = case.leads.iter().find(|l| meets(&r.reasons, l)) {
            return Some(Because::Lead(lead.clone()));
        }
        if !r.modes.is_empty() || !r.reasons.is_empty() {
            return None;
        }
        Some(
            case.kind
                .filter(|_| !r.kinds.is_empty())
                .map_or(Because::Nothing, |k| Because::Kind(k.to_owned())),
        )
    };
    catalog
        .iter()
        .enumerate()
        .find_map(|(i, r)| Some(Fit { remedy: Some(i), because: fits(r)? }))
        .unwrap_or(Fit { remedy: None, because: Because::Nothing })
}

/// What measures were seen to do in this data, by measure in lower case.
#[derive(Debug, Clone, Default)]
pub(crate) struct Effects(BTreeMap<String, Effect>);

impl Effects {
    /// As the table of measures says.
    pub(crate) fn of(measures: &DataFrame) -> Result<Self, EngineError> {
        Ok(Self(effects(measures)?.into_iter().map(|(m, e)| (m.to_lowercase(), e)).collect()))
    }

    /// The share of failures that a measure prevents, and whether it was measured: the mean, over the assets that got it
    /// under any of its names, of what was seen, where some of these helped and all together did; else what the catalog
    /// assumes.
    pub(crate) fn share(&self, remedy: &Remedy) -> (f64, bool) {
        let seen: Vec<&Effect> =
            self.0.iter().filter(|(m, _)| meets(&remedy.measured_as, m)).map(|(_, e)| e).collect();
        let n: f64 = seen.iter().map(|e| e.n_assets).sum();
        let mean = seen.iter().map(|e| e.share * e.n_assets).sum::<f64>() / n;
        if mean > 0.0 { (mean, true) } else { (remedy.effectiveness, false) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remedy(name: &str, kinds: &[&str], modes: &[&str], reasons: &[&str], warranty: Warranty) -> Remedy {
        let texts = |t: &[&str]| t.iter().map(|t| (*t).to_owned()).collect();
        Remedy {
            name: name.into(),
            title: name.into(),
            kinds: texts(kinds),
            modes: texts(modes),
            reasons: texts(reasons),
            warranty,
            effectiveness: 0.5,
            measured_as: texts(&["replacement*"]),
        }
    }

    #[test]
    fn the_first_measure_that_fits_is_taken() {
        let catalog = [
            remedy("swap", &["*disk*"], &["media*"], &["realloc*"], Warranty::Running),
            remedy("buy", &["*disk*"], &["media*"], &["realloc*"], Warranty::Over),
            remedy("battery", &[], &[], &["battery_health*"], Warranty::Any),
            remedy("clean", &["printer"], &[], &[], Warranty::Any),
        ];
        let check = |kind: &str, mode: Option<&str>, leads: &[&str], warranty, want: &str, why: &Because| {
            let leads: Vec<String> = leads.iter().map(|l| (*l).to_owned()).collect();
            let case = Case {
                kind: Some(kind),
                mode: mode.map(|m| (m, 0.6)),
                leads: &leads,
                under_warranty: warranty,
            };
            let found = fit(&catalog, &case);
            assert_eq!(found.remedy.map_or("inspect", |i| catalog[i].name.as_str()), want, "{kind} {mode:?}");
            assert_eq!(&found.because, why, "{kind} {mode:?}");
        };
        let media = Because::Mode("Media wear".into(), 0.6);
        check("Hard Disk", Some("Media wear"), &[], Some(true), "swap", &media);
        check("Hard Disk", Some("Media wear"), &[], Some(false), "buy", &media);
        check("Hard Disk", Some("Media wear"), &[], None, "buy", &media);
        let lead = Because::Lead("reallocated_sectors.sum_30d".into());
        check("disk", Some("Power"), &["x", "reallocated_sectors.sum_30d"], None, "buy", &lead);
        check("disk", None, &[], None, "inspect", &Because::Nothing);
        check("printer", Some("Media"), &[], None, "clean", &Because::Kind("printer".into()));
        let battery = Because::Lead("battery_health.last".into());
        check("laptop", None, &["battery_health.last"], None, "battery", &battery);
        assert_eq!(fit(&[], &Case::default()), Fit { remedy: None, because: Because::Nothing });
    }

    #[test]
    fn what_was_measured_stands_over_what_is_assumed() {
        let r = remedy("swap", &[], &[], &[], Warranty::Any);
        let check = |seen: &[(&str, f64, f64)], want: (f64, bool)| {
            let effect = |s: &(&str, f64, f64)| (s.0.to_owned(), Effect { n_assets: s.1, share: s.2 });
            let found = Effects(seen.iter().map(effect).collect()).share(&r);
            assert!((found.0 - want.0).abs() < 1e-12 && found.1 == want.1, "{seen:?} {found:?}");
        };
        check(&[], (0.5, false));
        check(&[("patch kb1", 10.0, 0.9)], (0.5, false));
        check(
            &[("replacement battery", 30.0, 0.8), ("replacement fan", 10.0, 0.4), ("visit", 9.0, 0.1)],
            (0.7, true),
        );
        // What did nothing counts, and what hurt.
        check(&[("replacement battery", 10.0, 0.8), ("replacement fan", 10.0, 0.0)], (0.4, true));
        check(&[("replacement battery", 10.0, 0.2), ("replacement fan", 10.0, -0.4)], (0.5, false));
    }
}
