//! Model files of every version, with damage and without.
#![no_main]

libfuzzer_sys::fuzz_target!(init: forewarn_fuzz::watch(), |data: &[u8]| forewarn_fuzz::model(data));
