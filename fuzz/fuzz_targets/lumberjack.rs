//! Frames of Lumberjack.
#![no_main]

use libfuzzer_sys::fuzz_target;
use model::records::Records;
use wire::logs::{Limits, Rows};
use wire::lumberjack::{Frame, frame, read, read_pairs, unpack};

fuzz_target!(|body: &[u8]| {
    let mut records = Records::new();
    let mut rows = Rows::new(&mut records, Limits::default(), 0);
    let mut rest = body;
    while let Ok(Some((found, len))) = frame(rest, 1 << 20) {
        match found {
            Frame::Json(_, event) => drop(read(event, &mut rows)),
            Frame::Pairs(_, pairs) => read_pairs(pairs, &mut rows),
            Frame::Compressed(bytes) => drop(unpack(bytes, 1 << 20)),
            Frame::Window(_) => {}
        }
        rest = &rest[len..];
    }
});
