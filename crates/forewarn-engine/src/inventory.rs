//! What the inventory says of the assets today, by their number: for the report of today, never for learning. It does not
//! know what follows.

use forewarn_frames::time::Micros;
use forewarn_frames::{Frames, History};
use polars::prelude::*;

use crate::EngineError;

/// See the module.
#[derive(Debug)]
pub(crate) struct Inventory<'a> {
    df: Option<&'a DataFrame>,
    /// The number of the asset in each row.
    asset_of: Vec<usize>,
    n_assets: usize,
}

impl<'a> Inventory<'a> {
    pub(crate) fn of(frames: &'a Frames) -> Result<Self, EngineError> {
        let ids = frames.asset_ids();
        let df = frames.inventory().map(forewarn_frames::input::Assets::df);
        let asset_of = match df {
            None => Vec::new(),
            // Every id of the inventory is among those of the frames.
            Some(df) => df
                .column("asset_id")?
                .str()?
                .iter()
                .map(|id| ids.binary_search_by(|x| x.as_str().cmp(id.unwrap_or_default())).unwrap_or(0))
                .collect(),
        };
        Ok(Self { df, asset_of, n_assets: ids.len() })
    }

    /// Whether an asset is in the inventory; all are where there is none.
    pub(crate) fn listed(&self) -> Vec<bool> {
        let mut out = vec![self.df.is_none(); self.n_assets];
        for a in &self.asset_of {
            out[*a] = true;
        }
        out
    }

    /// A column of text, trimmed; empty cells are none.
    pub(crate) fn text(&self, name: &str) -> Result<Vec<Option<&'a str>>, EngineError> {
        let mut out = vec![None; self.n_assets];
        if let Some(df) = self.df {
            for (a, v) in self.asset_of.iter().zip(df.column(name)?.str()?.iter()) {
                out[*a] = v.map(str::trim).filter(|v| !v.is_empty());
            }
        }
        Ok(out)
    }

    /// A column of numbers; what is not finite is none.
    pub(crate) fn number(&self, name: &str) -> Result<Vec<Option<f64>>, EngineError> {
        let mut out = vec![None; self.n_assets];
        if let Some(df) = self.df {
            for (a, v) in self.asset_of.iter().zip(df.column(name)?.f64()?.iter()) {
                out[*a] = v.filter(|v| v.is_finite());
            }
        }
        Ok(out)
    }

    /// A column of times.
    pub(crate) fn time(&self, name: &str) -> Result<Vec<Option<Micros>>, EngineError> {
        let mut out = vec![None; self.n_assets];
        if let Some(df) = self.df {
            let times = df.column(name)?.cast(&DataType::Int64)?;
            for (a, v) in self.asset_of.iter().zip(times.i64()?.iter()) {
                out[*a] = v;
            }
        }
        Ok(out)
    }

    /// A column of text, and where that is empty what `asset_history` last said before the history's cutoff.
    pub(crate) fn text_or_dated(
        &self,
        history: &History<'a>,
        name: &str,
    ) -> Result<Vec<Option<&'a str>>, EngineError> {
        let mut out = self.text(name)?;
        for (a, v) in out.iter_mut().enumerate().filter(|(_, v)| v.is_none()) {
            *v = history.attribute(a, name).map(|c| history.word(c).trim()).filter(|v| !v.is_empty());
        }
        Ok(out)
    }
}
