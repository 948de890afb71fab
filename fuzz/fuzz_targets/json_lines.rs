//! Lines of JSON.
#![no_main]

use libfuzzer_sys::fuzz_target;
use model::records::Records;
use wire::json_lines::read;
use wire::logs::{Limits, Rows};

fuzz_target!(|body: &[u8]| {
    let mut records = Records::new();
    let mut rows = Rows::new(&mut records, Limits::default(), 0);
    for line in body.split(|b| *b == b'\n') {
        read(line, &[("input", "json")], &mut rows);
    }
});
