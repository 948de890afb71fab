//! A series description parses or is refused.
#![no_main]

use libfuzzer_sys::fuzz_target;
use query::promql::series_desc::{parse_series_desc, parse_start_times};

fuzz_target!(|text: &str| {
    let _ = parse_series_desc(text);
    let _ = parse_start_times(text);
});
