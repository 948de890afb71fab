//! InfluxDB's line protocol.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wire::influx::{Line, Lines};

fuzz_target!(|body: &[u8]| {
    let Ok(mut lines) = Lines::new(body) else { return };
    let mut line = Line::default();
    while lines.next_line(&mut line).is_some() {}
});
