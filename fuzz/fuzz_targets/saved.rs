//! A run folder as `forewarn report` reads it, rendered and exported.
#![no_main]

libfuzzer_sys::fuzz_target!(init: forewarn_fuzz::watch(), |data: &[u8]| forewarn_fuzz::saved(data));
