//! Cells that are read as times, numbers and levels, in several zones.
#![no_main]

libfuzzer_sys::fuzz_target!(init: forewarn_fuzz::watch(), |data: &[u8]| forewarn_fuzz::cells(data));
