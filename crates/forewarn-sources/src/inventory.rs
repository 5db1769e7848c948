//! An inventory from telemetry, for fleets without one. It does not know files.

use std::collections::BTreeMap;

use forewarn_frames::rollup::Silent;
use forewarn_frames::time::{Micros, day_number};
use polars::prelude::*;
use serde::{Deserialize, Serialize};

use crate::convert::TIME;

/// What readings say of an asset: when it was first seen, each attribute with the time it was first said, and where it stands
/// with the time it was last said.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Seen {
    first: Option<i64>,
    text: [Option<(i64, String)>; 3],
    capacity: Option<(i64, f64)>,
    site: Option<(i64, String)>,
}

/// Gathers assets reading by reading; the result does not depend on the order.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Inventory {
    assets: BTreeMap<String, Seen>,
}

const TEXT: [&str; 3] = ["kind", "model", "vendor"];

impl Inventory {
    /// Takes in rows of `asset_id, ts` and any of `kind, model, vendor, capacity, site`.
    pub(crate) fn add(&mut self, df: &DataFrame) -> PolarsResult<()> {
        let ids = df.column("asset_id")?.str()?;
        let ts = df.column("ts")?.cast(&DataType::Int64)?;
        let ts = ts.i64()?;
        let texts: Vec<Option<&StringChunked>> =
            TEXT.iter().map(|n| df.column(n).ok().and_then(|c| c.str().ok())).collect();
        let capacity = df.column("capacity").ok().and_then(|c| c.f64().ok());
        let site = df.column("site").ok().and_then(|c| c.str().ok());
        for i in 0..df.height() {
            let (Some(id), Some(at)) = (ids.get(i), ts.get(i)) else { continue };
            if !self.assets.contains_key(id) {
                self.assets.insert(id.to_owned(), Seen::default());
            }
            let Some(seen) = self.assets.get_mut(id) else { continue };
            seen.first = Some(seen.first.map_or(at, |f| f.min(at)));
            for (slot, cell) in seen.text.iter_mut().zip(&texts) {
                let Some(cell) = cell.and_then(|c| c.get(i)) else { continue };
                if slot.as_ref().is_none_or(|(t, v)| (at, cell) < (*t, v.as_str())) {
                    *slot = Some((at, cell.to_owned()));
                }
            }
            // A drive that does not say its size says -1.
            if let Some(c) = capacity.and_then(|c| c.get(i)).filter(|c| *c > 0.0)
                && seen.capacity.is_none_or(|(t, v)| at < t || at == t && c < v)
            {
                seen.capacity = Some((at, c));
            }
            if let Some(cell) = site.and_then(|c| c.get(i))
                && seen.site.as_ref().is_none_or(|(t, v)| (at, cell) > (*t, v.as_str()))
            {
                seen.site = Some((at, cell.to_owned()));
            }
        }
        Ok(())
    }

    /// The inventory: in service since first seen; unknown (left-truncated) where that is the first day of the data. Who went
    /// silent is out of service since then.
    pub(crate) fn finish(self, silent: &[Silent]) -> PolarsResult<DataFrame> {
        let first_day = self.assets.values().filter_map(|s| s.first).min().map(day_number);
        let n = self.assets.len();
        let since: Int64Chunked =
            self.assets.values().map(|s| s.first.filter(|f| Some(day_number(*f)) != first_day)).collect();
        let mut columns = vec![
            Column::new("asset_id".into(), self.assets.keys().map(String::as_str).collect::<Vec<_>>()),
            since.with_name("in_service_at".into()).into_column().cast(&TIME)?,
        ];
        let gone: BTreeMap<&str, Micros> = silent.iter().map(|s| (s.asset_id.as_str(), s.since)).collect();
        let retired: Int64Chunked = self.assets.keys().map(|id| gone.get(id.as_str()).copied()).collect();
        columns.push(retired.with_name("retired_at".into()).into_column().cast(&TIME)?);
        for (k, name) in TEXT.iter().enumerate() {
            let cells: Vec<Option<&str>> =
                self.assets.values().map(|s| s.text[k].as_ref().map(|(_, v)| v.as_str())).collect();
            columns.push(Column::new((*name).into(), cells));
        }
        columns.push(Column::new(
            "capacity".into(),
            self.assets.values().map(|s| s.capacity.map(|(_, v)| v)).collect::<Vec<_>>(),
        ));
        let site = |s: &Seen| s.site.as_ref().map(|(_, v)| v.clone());
        columns.push(Column::new("site".into(), self.assets.values().map(site).collect::<Vec<_>>()));
        DataFrame::new(n, columns)
    }
}
