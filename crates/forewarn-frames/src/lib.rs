//! What a valid table is: the waist of the hourglass.
//!
//! Input frames ([`input`]), daily rollups of telemetry ([`rollup`]), the look-ahead wall ([`Frames`], [`History`],
//! [`Outcomes`]), output tables ([`output`]), the calendar ([`time`]) and the data checks ([`checks`]).
//!
//! This crate does not know files, the clock, models or how a number is shown.
//!
//! # The look-ahead wall
//!
//! [`Frames::as_of`] is the only way to get a [`History`], and a [`History`] answers only with what was known strictly
//! before its [`Cutoff`]. Labels come from [`Frames::outcomes`] as [`Outcomes`], a type that no feature accepts, so a
//! feature that reads the future does not compile:
//!
//! ```compile_fail,E0308
//! use forewarn_frames::{Cutoff, Frames, History, Horizon};
//! fn feature(history: &History<'_>) -> usize { history.population().len() }
//! fn leak(frames: &Frames, cutoff: Cutoff, horizon: Horizon) -> usize {
//!     feature(&frames.outcomes(cutoff, horizon)) // `Outcomes` is not a `History`
//! }
//! ```
//!
//! The same call with a history does:
//!
//! ```
//! use forewarn_frames::{Cutoff, Frames, History};
//! fn feature(history: &History<'_>) -> usize { history.population().len() }
//! fn honest(frames: &Frames, cutoff: Cutoff) -> usize { feature(&frames.as_of(cutoff)) }
//! ```
#![deny(clippy::disallowed_methods)]

pub mod checks;
mod digest;
mod finding;
mod history;
pub mod input;
pub mod output;
pub mod rollup;
mod steady;
mod store;
pub mod time;

pub use finding::{Fault, Finding, FrameError, Severity};
pub use history::{ActionView, Asset, EventView, FailureView, History, Series, TicketView};
pub use store::{ActionKind, Code, FrameInputs, Frames, Outcome, Outcomes, TicketColumn};
pub use time::{Cutoff, Every, Horizon};
