//! What needs the whole project, in one test binary.
//!
//! - `cli`: what the binary prints, writes and ends with.
//! - `counts`: forecasts of incident counts: what they may see, and odd input.
//! - `degradation`: what gets worse: what is planted, odd series, look-ahead.
//! - `exports`: the tables in other formats: in the run folder, and from a saved one.
//! - `measures`: what measures did, on simulated fleets.
//! - `walls`: the arrows between crates, and what each crate may lean on.
//! - `no_lookahead`: features, predictions and ranking do not see what was not known yet.
//! - `night`: what the ranking says beside the probability: what moved since the night before, modes, lives.
//! - `problems`: tickets that say the same: what is found, its id, its name.
//! - `recurring`: what comes again, where tickets are odd.
//! - `real`: the command on public data, where it is at hand.
//! - `fleet`: a small random fleet for the laws.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stderr,
    clippy::disallowed_methods,
    clippy::type_complexity,
    clippy::format_push_string,
    clippy::case_sensitive_file_extension_comparisons,
    clippy::decimal_bitwise_operands,
    reason = "a test fails by panicking, says why it skips, and touches files as a user would"
)]

mod cli;
mod counts;
mod degradation;
mod exports;
mod fleet;
mod honesty;
mod measures;
mod night;
mod no_lookahead;
mod problems;
mod real;
mod recurring;
mod walls;
