//! Gzip and zstd, intact and damaged, around CSV and JSON.
#![no_main]

libfuzzer_sys::fuzz_target!(init: forewarn_fuzz::watch(), |data: &[u8]| forewarn_fuzz::packed(data));
