//! Recurrent events of units: how many there have been on average (mean cumulative function), whether they come
//! more often than they did (trend tests), how many will come (count distribution), and what a measure changed
//! in them (matched rate ratio) or in a level (matched change). It does not know what a unit or an event is; times are days.

mod change;
mod count;
mod discovery;
mod expect;
mod matched;
mod mcf;
mod simplex;
mod trend;

pub use change::{ChangeRow, ChangeScale, LevelChange, matched_change};
pub use count::CountDistribution;
pub use discovery::{benjamini_hochberg, benjamini_yekutieli};
pub use expect::{CountModel, FittedCounts, Record};
pub use matched::{MatchedRow, RateRatio, matched_rate_ratio};
pub use mcf::{McfPoint, UnitHistory, mean_cumulative};
pub use trend::{PowerLaw, TrendTest, Truncation, dispersion, laplace, mil_hdbk_189, power_law};
