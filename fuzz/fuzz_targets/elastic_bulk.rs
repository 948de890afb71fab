//! Elasticsearch's bulk requests.
#![no_main]

use libfuzzer_sys::fuzz_target;
use model::records::Records;
use wire::elastic::read_bulk;
use wire::logs::{Limits, Rows};

fuzz_target!(|body: &[u8]| {
    let mut records = Records::new();
    let _ = read_bulk(body, "index", &mut Rows::new(&mut records, Limits::default(), 0));
});
