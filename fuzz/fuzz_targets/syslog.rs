//! Syslog messages, and how a stream is cut into them.
#![no_main]

use libfuzzer_sys::fuzz_target;
use model::records::Records;
use wire::logs::{Frames, Framing, Limits, Rows};
use wire::syslog::{Beside, read};

fuzz_target!(|body: &[u8]| {
    let mut records = Records::new();
    let mut rows = Rows::new(&mut records, Limits::default(), 0);
    let beside = Beside { peer: "peer", offset_s: 32_400 };
    read(body, beside, &mut rows);
    let mut frames = Frames::new(Framing::Syslog, 64);
    let mut rest = body;
    loop {
        let (done, frame) = frames.next(rest);
        if let Some(frame) = frame {
            assert!(frame.len() <= 64);
            read(frame, beside, &mut rows);
        }
        if done == 0 {
            break;
        }
        rest = &rest[done..];
    }
});
