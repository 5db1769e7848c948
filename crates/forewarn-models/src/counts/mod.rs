//! Forecasts of counts: tickets a day, a week or a month, of many series that share a season and a trade.
//!
//! It does not know dates, names, or what a series counts.
//!
//! | file | what it does |
//! |---|---|
//! | `calendar` | the periods: place in the season, size, rests, gaps of the records |
//! | `profile` | the season, pooled and own |
//! | `candidates`, `trend` | who could be believed |
//! | `rolled` | what each would have said at earlier origins |
//! | `weigh`, `lean` | whom to believe, and whether all lean one way |
//! | `spread`, `negbin` | quantiles |
//! | `reconcile` | parts that sum to the whole |

mod calendar;
mod candidates;
mod lean;
mod negbin;
mod panel;
mod profile;
mod reconcile;
mod rolled;
mod spread;
mod trend;
mod weigh;

pub use calendar::{CountCalendar, recorded_periods, rest_periods};
pub use negbin::{negbin_cdf, negbin_quantiles};
pub use panel::{CountForecast, forecast_counts};
pub use reconcile::reconcile_counts;
pub use spread::{COUNT_LEVELS, pinball_loss};

#[cfg(test)]
mod tests;
