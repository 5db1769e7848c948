//! Parquet files: valid ones with damage, and any bytes.
#![no_main]

libfuzzer_sys::fuzz_target!(init: forewarn_fuzz::watch(), |data: &[u8]| forewarn_fuzz::parquet(data));
