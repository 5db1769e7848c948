//! Slow decline: trends, change points, time to a threshold, and remaining life learned from units that ran to failure.
//! It does not know what is measured, in which unit, or which threshold matters.

mod changes;
mod crossing;
#[cfg(test)]
mod laws;
mod level;
mod lines;
mod regress;
mod remaining;
mod series;
#[cfg(test)]
pub(crate) mod tests;
mod trend;
mod windows;

pub use changes::{Change, ChangeKind, change_points};
pub use crossing::{CleanSeries, Course, Side, TimeToThreshold, course, time_to_threshold};
pub use remaining::{RemainingLife, RemainingModel, RemainingParams, UnitPath};
pub use series::DailySeries;
pub use trend::{Trend, trend};
