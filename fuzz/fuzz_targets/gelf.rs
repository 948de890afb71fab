//! GELF datagrams, their pieces and compression.
#![no_main]

use libfuzzer_sys::fuzz_target;
use model::records::Records;
use wire::gelf::{Chunks, Whole, read, unpack};
use wire::logs::{Limits, Rows};

fuzz_target!(|body: &[u8]| {
    let mut records = Records::new();
    let mut rows = Rows::new(&mut records, Limits::default(), 0);
    let mut chunks = Chunks::new(4096);
    for datagram in body.split(|b| *b == b'|') {
        if let Whole::Message(message) = chunks.add(datagram, 0)
            && let Ok(plain) = unpack(&message, 1 << 20)
        {
            let _ = read(&plain, "peer", &mut rows);
        }
    }
});
