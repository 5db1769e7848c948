//! What to do in this period: the listed assets one by one, and look-alikes that need the same as one action. It does not
//! know how an action was chosen.

use std::collections::BTreeMap;

use forewarn_frames::output::PLAN;
use polars::prelude::*;

use crate::EngineError;

/// Look-alikes from which one action is made of many.
const WAVE: usize = 3;
/// Assets that one action names, at most: beyond it the list would be no list.
const MAX_NAMED: usize = 1_000;

/// One asset for which something is to be done.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Due {
    pub asset_id: String,
    pub model: Option<String>,
    pub firmware: Option<String>,
    pub site: Option<String>,
    pub owner: Option<String>,
    /// Whether the visits of this period reach it.
    pub listed: bool,
    pub action: String,
    pub title: String,
    pub why: String,
    pub probability: f64,
    pub cost: Option<f64>,
    pub saving: Option<f64>,
    pub effectiveness: f64,
    pub effectiveness_from: &'static str,
}

/// One row of the plan.
struct Action<'a> {
    assets: Vec<&'a Due>,
}

impl Action<'_> {
    fn sum(&self, f: impl Fn(&Due) -> Option<f64>) -> Option<f64> {
        self.assets.iter().map(|d| f(d)).sum()
    }

    /// What all assets share.
    fn shared<'d>(&'d self, f: impl Fn(&'d Due) -> Option<&'d str>) -> Option<&'d str> {
        let first = f(self.assets[0])?;
        self.assets.iter().all(|d| f(d) == Some(first)).then_some(first)
    }

    fn is_wave(&self) -> bool {
        self.assets.len() > 1
    }

    fn why(&self) -> String {
        let first = self.assets[0];
        if !self.is_wave() {
            return first.why.clone();
        }
        let model = first.model.as_deref().unwrap_or("one model");
        let firmware = first.firmware.as_deref().map(|f| format!(" with firmware {f}")).unwrap_or_default();
        format!("{} of model {model}{firmware} need the same; of the first: {}", self.assets.len(), first.why)
    }

    /// What the action is worth: money where costs are known, else failures that it may prevent.
    fn worth(&self) -> f64 {
        self.sum(|d| d.saving)
            .unwrap_or_else(|| self.assets.iter().map(|d| d.probability * d.effectiveness).sum())
    }
}

/// The plan of assets in the order of the ranking: what is worth most first. A wave is made of at least three assets of one
/// model and firmware with the same action, one of them listed; the others of a wave need not be listed.
pub(crate) fn plan(due: &[Due]) -> Result<DataFrame, EngineError> {
    let key = |d: &Due| d.model.clone().map(|m| (d.action.clone(), m, d.firmware.clone()));
    let mut groups: BTreeMap<(String, String, Option<String>), Vec<&Due>> = BTreeMap::new();
    for d in due {
        if let Some(key) = key(d) {
            groups.entry(key).or_default().push(d);
        }
    }
    groups.retain(|_, g| g.len() >= WAVE && g.iter().any(|d| d.listed));
    let alone = due.iter().filter(|d| d.listed && key(d).is_none_or(|k| !groups.contains_key(&k)));
    let mut actions: Vec<Action<'_>> = alone.map(|d| Action { assets: vec![d] }).collect();
    actions.extend(groups.into_values().map(|assets| Action { assets }));
    actions.sort_by(|a, b| {
        b.worth().total_cmp(&a.worth()).then_with(|| a.assets[0].asset_id.cmp(&b.assets[0].asset_id))
    });
    let n = actions.len();
    let text = |name: &str, f: &dyn Fn(&Action<'_>) -> Option<String>| {
        Column::new(name.into(), actions.iter().map(f).collect::<Vec<_>>())
    };
    let number = |name: &str, f: &dyn Fn(&Action<'_>) -> Option<f64>| {
        Column::new(name.into(), actions.iter().map(f).collect::<Vec<_>>())
    };
    let ids: Vec<Series> = actions
        .iter()
        .map(|a| {
            let ids: Vec<&str> = a.assets.iter().take(MAX_NAMED).map(|d| d.asset_id.as_str()).collect();
            Series::new("".into(), ids)
        })
        .collect();
    let ids = if ids.is_empty() {
        Column::new_empty("asset_ids".into(), &DataType::List(Box::new(DataType::String)))
    } else {
        Series::new("asset_ids".into(), ids).into()
    };
    let df = DataFrame::new(
        n,
        vec![
            Column::new("place".into(), (1..=n as i64).collect::<Vec<_>>()),
            text("action", &|a| Some(a.assets[0].action.clone())),
            text("title", &|a| Some(a.assets[0].title.clone())),
            text("why", &|a| Some(a.why())),
            text("scope", &|a| Some(if a.is_wave() { "wave" } else { "asset" }.to_owned())),
            Column::new("n_assets".into(), actions.iter().map(|a| a.assets.len() as i64).collect::<Vec<_>>()),
            ids,
            text("site", &|a| a.shared(|d| d.site.as_deref()).map(str::to_owned)),
            text("owner", &|a| a.shared(|d| d.owner.as_deref()).map(str::to_owned)),
            number("expected_failures", &|a| a.sum(|d| Some(d.probability))),
            number("expected_cost", &|a| a.sum(|d| d.cost)),
            number("expected_saving", &|a| a.sum(|d| d.saving)),
            number("effectiveness", &|a| Some(a.assets[0].effectiveness)),
            text("effectiveness_from", &|a| Some(a.assets[0].effectiveness_from.to_owned())),
        ],
    )?;
    debug_assert_eq!(PLAN.check(&df), Ok(()));
    Ok(df)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn due(
        id: &str,
        model: Option<&str>,
        firmware: Option<&str>,
        action: &str,
        listed: bool,
        saving: f64,
    ) -> Due {
        Due {
            asset_id: id.into(),
            model: model.map(str::to_owned),
            firmware: firmware.map(str::to_owned),
            site: Some(if id.len() > 1 { "Berlin" } else { "Wien" }.into()),
            owner: None,
            listed,
            action: action.into(),
            title: action.to_uppercase(),
            why: format!("because of {id}"),
            probability: 0.25,
            cost: Some(saving + 10.0),
            saving: Some(saving),
            effectiveness: 0.5,
            effectiveness_from: "assumed",
        }
    }

    #[test]
    fn look_alikes_become_one_action() {
        let check = |dues: &[Due], want: &[(&str, &str, f64)]| {
            let df = plan(dues).unwrap();
            let ids = df.column("asset_ids").unwrap().list().unwrap().clone();
            let found: Vec<(String, String, f64)> = (0..df.height())
                .map(|i| {
                    let s = ids.get_as_series(i).unwrap();
                    let ids: Vec<&str> = s.str().unwrap().iter().flatten().collect();
                    let scope = df.column("scope").unwrap().str().unwrap().get(i).unwrap().to_owned();
                    (
                        scope,
                        ids.join(" "),
                        df.column("expected_saving").unwrap().f64().unwrap().get(i).unwrap(),
                    )
                })
                .collect();
            let want: Vec<_> = want.iter().map(|w| (w.0.to_owned(), w.1.to_owned(), w.2)).collect();
            assert_eq!(found, want);
        };
        let m = Some("M1");
        // Three of one model and firmware, one of them not listed; a fourth has another firmware.
        check(
            &[
                due("a", m, Some("1"), "patch", true, 50.0),
                due("b", m, Some("2"), "patch", true, 40.0),
                due("c", m, Some("1"), "patch", true, 30.0),
                due("d", m, Some("1"), "patch", false, 20.0),
            ],
            &[("wave", "a c d", 100.0), ("asset", "b", 40.0)],
        );
        // None of them is listed: nothing is due.
        check(
            &[
                due("a", m, None, "x", false, 1.0),
                due("b", m, None, "x", false, 1.0),
                due("c", m, None, "x", false, 1.0),
            ],
            &[],
        );
        // Without a model nobody looks alike.
        check(
            &[
                due("a", None, None, "x", true, 1.0),
                due("b", None, None, "x", true, 2.0),
                due("c", None, None, "x", true, 3.0),
            ],
            &[("asset", "c", 3.0), ("asset", "b", 2.0), ("asset", "a", 1.0)],
        );
        check(&[], &[]);
    }
}
