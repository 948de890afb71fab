//! Journal files of systemd.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wire::journal::{Entry, Reader};

fuzz_target!(|bytes: &[u8]| {
    let Ok(mut reader) = Reader::open(bytes, 4096) else { return };
    let from = reader.header().head_seqnum / 2 + reader.header().tail_seqnum / 2;
    let _ = reader.skip_to(from);
    let mut entry = Entry::default();
    for _ in 0..1000 {
        match reader.next(&mut |name| name != "_CMDLINE", &mut entry) {
            Ok(true) => assert!(entry.fields().all(|(name, _)| name != "_CMDLINE")),
            Ok(false) => break,
            Err(error) => drop(error.to_string()),
        }
    }
});
