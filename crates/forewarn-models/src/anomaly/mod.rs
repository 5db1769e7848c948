//! Anomalies in readings: one series against its own past, one asset against its peers, and many alarms at once.
//!
//! It does not know dates, names, or what a series measures. Every reading is judged with earlier ones alone.
//!
//! | file | what it does |
//! |---|---|
//! | `series` | a reading against the series' own past, and alarms at a stated rate |
//! | `season` | time of day and day of week, where they matter |
//! | `tail` | how far out a deviation lies among earlier ones |
//! | `rate` | from surprise to false alarms a day |
//! | `peers` | an asset's distance from its peers, to be judged as a series |
//! | `storm` | alarms of many assets at once |
//! | `ordered` | sliding medians and quantiles |

mod ordered;
mod peers;
mod rate;
mod season;
mod series;
mod storm;
mod tail;

pub(crate) use ordered::median_7;
pub use peers::{MIN_PEERS, from_peers};
pub use series::{Anomalies, OwnBaseline, Surprise, anomalies, last_alarm};
pub use storm::{Storm, StormRule, storms};

#[cfg(test)]
mod planted;
#[cfg(test)]
mod tests;
