//! Telemetry as it is kept from one night to the next, past the hashes that guard it.
#![no_main]

libfuzzer_sys::fuzz_target!(init: forewarn_fuzz::watch(), |data: &[u8]| forewarn_fuzz::cache(data));
