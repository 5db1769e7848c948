//! What needs the whole project, in one test binary.
//!
//! - `cli`: what the binary prints, writes and ends with.
//! - `counts`: forecasts of incident counts: what they may see, and odd input.
//! - `decisions`: what to do first: the order by what is saved, the plan, the tickets handed out.
//! - `degradation`: what gets worse: what is planted, odd series, look-ahead.
//! - `exports`: the tables in other formats: in the run folder, and from a saved one.
//! - `exposure`: whether what is shown as vulnerable fails more often.
//! - `faults`: killed, no room, no right to write, input gone, too little memory: what is left, and what the next run does.
//! - `measures`: what measures did, on simulated fleets.
//! - `walls`: the arrows between crates, and what each crate may lean on.
//! - `no_lookahead`: features, predictions and ranking do not see what was not known yet.
//! - `night`: what the ranking says beside the probability: what moved since the night before, modes, lives.
//! - `payloads`: hostile text in every field of every input file.
//! - `packaging`: units, jobs and images: their command lines and exit codes are those of the program.
//! - `privacy`: planted words of tickets, people and secrets: where they may be, and nowhere else.
//! - `problems`: tickets that say the same: what is found, its id, its name.
//! - `recurring`: what comes again, where tickets are odd.
//! - `real`: the command on public data, where it is at hand.
//! - `steps`: scoring on a fleet that is split among machines.
//! - `track`: nights one after the other: the ledger, the record of earlier lists, what was reported as done.
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
mod decisions;
mod degradation;
mod exports;
mod exposure;
mod faults;
mod fleet;
mod honesty;
mod kept;
mod measures;
mod night;
mod no_lookahead;
mod packaging;
mod payloads;
mod privacy;
mod problems;
mod real;
mod recurring;
mod repeatable;
mod steps;
mod track;
mod walls;
