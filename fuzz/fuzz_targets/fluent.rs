//! Fluentd's forward protocol.
#![no_main]

use libfuzzer_sys::fuzz_target;
use model::records::Records;
use wire::fluent::{Partials, Scan, handshake, read};
use wire::logs::{Limits, Rows};

fuzz_target!(|body: &[u8]| {
    let mut records = Records::new();
    let mut rows = Rows::new(&mut records, Limits::default(), 0);
    let mut partials = Partials::default();
    let _ = handshake::ping(body);
    let _ = read(body, 1 << 20, &mut rows, &mut partials);
    if let Ok(Some(end)) = Scan::default().end(body, 1 << 20) {
        assert!(end <= body.len());
        let _ = read(&body[..end], 1 << 20, &mut rows, &mut partials);
        partials.finish(&mut rows);
    }
});
