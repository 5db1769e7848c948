//! How the service fares, month by month, in total and by service and site: the table `service`. It knows histories,
//! today's inventory and models; it does not know files, or words for people.
//!
//! All counts are of incidents as [`incidents_among`](crate::incidents::incidents_among) has them. Intervals hold 80 %.
//!
//! | measure | value | interval |
//! |---|---|---|
//! | `n_incidents` | incidents opened in the month | of the number expected, Jeffreys' for a Poisson mean |
//! | `mttr_hours` | mean hours from opening to resolution of the incidents opened in the month, none counted with more than 28 days; one that is open counts as longer than it has been so far (Kaplan–Meier) | log-normal, Student's |
//! | `mtbf_days` | days of assets in service over their failures | Jeffreys' for a Poisson rate |
//! | `availability` | 1 less hours of downtime over hours in service, of the assets that were | of a sum of so many outages (compound Poisson) |
//! | `reopen_share`, `breach_share` | of the incidents resolved in the month: reopened, not resolved within the agreed time | Jeffreys' |
//! | `csat` | mean answer of the incidents resolved in the month | Student's |
//! | `proactive_share` | planned work over planned work and incidents | Jeffreys' |

mod assets;
mod cells;
mod measure;
mod months;
mod places;
mod trend;
mod work;

use std::collections::BTreeMap;

use forewarn_frames::output::SERVICE;
use forewarn_frames::{Cutoff, Frames, History};
use polars::prelude::*;

use crate::EngineError;
use crate::inventory::Inventory;
use cells::{Cells, incidents};
use measure::{MEASURES, Month};
use months::Months;
use places::Places;
use trend::Trend;

/// One series of one measure.
struct Series {
    measure: &'static str,
    level: &'static str,
    id: String,
    months: Vec<(i32, Month)>,
    trend: Trend,
}

/// The table `service` at the history's cutoff.
pub(crate) fn service(frames: &Frames, history: &History<'_>) -> Result<DataFrame, EngineError> {
    let Some(months) = Months::observed(frames, history) else { return Ok(SERVICE.empty()) };
    let inventory = Inventory::of(frames)?;
    let tickets = work::tickets(history);
    let assets = assets::Assets::of(frames, history, &inventory, &tickets)?;
    let places = Places::of(&tickets, &assets, &months);
    let mut cells = Cells::new(&places, &months);
    incidents(&mut cells, &tickets, &assets, history.cutoff().micros());
    assets.count(&mut cells);
    let planned = work::count(&mut cells, history, &tickets, &assets);
    let spread = assets.outage_spread();
    let mut rows: Vec<Series> = Vec::new();
    for measure in MEASURES {
        if measure.name == "proactive_share" && !planned {
            continue;
        }
        let mut of_measure: Vec<Series> = Vec::new();
        for (k, (level, id)) in places.names.iter().enumerate() {
            if !cells.used(k) {
                continue;
            }
            let mut out = Vec::new();
            for m in 0..months.len() {
                let days = f64::from(months.starts[m + 1] - months.starts[m]);
                let cell = &cells.by_series[k][m];
                if let Some(month) = (measure.of)(cell, days, spread)? {
                    out.push((months.starts[m], month));
                }
            }
            if !out.is_empty() {
                let trend = Trend::default();
                of_measure.push(Series { measure: measure.name, level, id: id.clone(), months: out, trend });
            }
        }
        let of_months: Vec<&[(i32, Month)]> = of_measure.iter().map(|s| s.months.as_slice()).collect();
        let trends = trend::trends(measure, &of_months)?;
        for (series, trend) in of_measure.iter_mut().zip(trends) {
            series.trend = trend;
        }
        rows.extend(of_measure);
    }
    table(&rows)
}

fn table(rows: &[Series]) -> Result<DataFrame, EngineError> {
    let each = || rows.iter().flat_map(|s| s.months.iter().map(move |m| (s, m)));
    let n = each().count();
    let text = |name: &str, f: &dyn Fn(&Series) -> String| {
        Column::new(name.into(), each().map(|(s, _)| f(s)).collect::<Vec<_>>())
    };
    let number = |name: &str, f: &dyn Fn(&Series, &Month) -> Option<f64>| {
        let finite = |v: Option<f64>| v.filter(|v| v.is_finite());
        Column::new(name.into(), each().map(|(s, m)| finite(f(s, &m.1))).collect::<Vec<_>>())
    };
    let ds: Vec<i64> = each().map(|(_, m)| Cutoff::from_day(m.0).micros()).collect();
    let mut columns: BTreeMap<&str, Column> = [
        text("measure", &|s| s.measure.to_owned()),
        text("level", &|s| s.level.to_owned()),
        text("series_id", &|s| s.id.clone()),
        Column::new("ds".into(), ds).cast(&DataType::Datetime(TimeUnit::Microseconds, None))?,
        Column::new("n".into(), each().map(|(_, m)| m.1.n as i64).collect::<Vec<_>>()),
        number("value", &|_, m| m.value),
        number("low", &|_, m| m.low),
        number("high", &|_, m| m.high),
        text("trend", &|s| s.trend.word.to_owned()),
        number("change", &|s, _| s.trend.change),
        number("change_low", &|s, _| s.trend.low),
        number("change_high", &|s, _| s.trend.high),
        number("q_value", &|s, _| s.trend.q_value),
    ]
    .into_iter()
    .map(|c| {
        let name = SERVICE.columns.iter().find(|(name, _, _)| *name == c.name().as_str());
        (name.map_or("", |n| n.0), c)
    })
    .collect();
    let ordered = SERVICE.columns.iter().filter_map(|(name, _, _)| columns.remove(name)).collect();
    let df = DataFrame::new(n, ordered)?;
    debug_assert_eq!(SERVICE.check(&df), Ok(()));
    Ok(df)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests;
