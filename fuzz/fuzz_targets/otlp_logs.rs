//! OTLP logs in protobuf and JSON.
#![no_main]

use libfuzzer_sys::fuzz_target;
use model::records::Records;
use wire::logs::{Limits, Rows};
use wire::otlp::logs::{decode_json, decode_protobuf, read};

fuzz_target!(|body: &[u8]| {
    let mut records = Records::new();
    let mut rows = Rows::new(&mut records, Limits::default(), 0);
    for request in [decode_protobuf(body), decode_json(body)].into_iter().flatten() {
        read(&request, &mut rows);
    }
});
