//! What needs the whole project, in one test binary.
//!
//! - `cli`: what the binary prints, writes and ends with.
//! - `walls`: the arrows between crates, and what each crate may lean on.
//! - `no_lookahead`: features, predictions and ranking do not see what was not known yet.
//! - `fleet`: a small random fleet for the laws.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stderr, reason = "a test fails by panicking and says why it skips")]

mod cli;
mod fleet;
mod no_lookahead;
mod walls;
