//! Loki pushes in JSON and protobuf.
#![no_main]

use libfuzzer_sys::fuzz_target;
use model::records::Records;
use wire::logs::{Limits, Rows};
use wire::loki::{read_json, read_protobuf};

fuzz_target!(|body: &[u8]| {
    let mut records = Records::new();
    let mut rows = Rows::new(&mut records, Limits::default(), 0);
    let _ = read_json(body, &mut rows);
    let _ = read_protobuf(body, &mut rows);
});
