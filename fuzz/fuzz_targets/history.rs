//! The ledger of predictions and the orders of earlier nights.
#![no_main]

libfuzzer_sys::fuzz_target!(init: forewarn_fuzz::watch(), |data: &[u8]| forewarn_fuzz::history(data));
