//! Lines of Docker's json-file driver and of CRI, files of its local driver, and times.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wire::local_file::Frame;

fuzz_target!(|line: &[u8]| {
    wire::json_file::decode(line);
    wire::cri::decode(line);
    let mut rest = line;
    while let Frame::Message(_, length) | Frame::Malformed(length) = wire::local_file::frame(rest) {
        rest = &rest[length..];
    }
    wire::local_file::decode(line);
    wire::timestamp::prefix(line);
    wire::timestamp::access_prefix(line);
    wire::timestamp::syslog_prefix(line, 1_700_000_000_000_000_000);
    if let Ok(text) = std::str::from_utf8(line) {
        wire::timestamp::epoch(text);
    }
});
