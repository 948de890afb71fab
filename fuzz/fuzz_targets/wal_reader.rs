//! Any bytes as a segment of the metric log, and as one record of it past the checksum.
#![no_main]

use std::path::Path;
use std::sync::Arc;

use disk::Fs;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    tsdb::fuzzing::wal_record(bytes);
    tsdb::fuzzing::places_record(bytes);
    let fs = disk::sim::SimFs::new();
    let dir = Path::new("/data/default/wal");
    let written = disk::publish::prepare(&fs, dir).is_ok()
        && fs.create(&dir.join("0000000001.log")).is_ok_and(|file| file.append(bytes).is_ok());
    assert!(written);
    // Refused where it is of another version; opened, with what is valid, where it is anything else.
    let clock = Arc::new(model::ManualClock::at_ms(0));
    let options = tsdb::Options { retention_bytes: Some(0), ..tsdb::Options::default() };
    if let Err(e) = tsdb::Store::open(Arc::new(fs), Path::new("/data"), options, clock) {
        assert!(e.message.contains("version"), "{e}");
    }
});
