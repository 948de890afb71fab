//! Any bytes as a record of the log of records, as a block past the checksums, and as the file of a part.
#![no_main]

use std::path::Path;
use std::sync::Arc;

use disk::Fs;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    events::wide::fuzz(bytes);
    let fs = disk::sim::SimFs::new();
    let dir = Path::new("/data/default/log/parts/p000000000001");
    let written = disk::publish::prepare(&fs, dir).is_ok()
        && fs.create(&dir.join("part")).is_ok_and(|file| file.append(bytes).is_ok());
    assert!(written);
    // Refused where it is of another version, set aside where it is anything else.
    let clock = Arc::new(model::ManualClock::at_ms(0));
    let options = events::wide::Options::default();
    if let Err(e) = events::wide::Store::open(Arc::new(fs), Path::new("/data"), options, clock) {
        assert!(e.message.contains("version"), "{e}");
    }
});
