//! Values, times, start timestamps and histograms made of any bytes: what is encoded comes back.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| tsdb::fuzzing::codec_round_trip(bytes));
