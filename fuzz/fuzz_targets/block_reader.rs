//! Any bytes as every part of a metric block, past the checksums.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| tsdb::fuzzing::block_parts(bytes));
