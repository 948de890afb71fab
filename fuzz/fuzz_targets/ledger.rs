//! Any bytes as a record of a ledger, past the checksum.
#![no_main]

use std::path::Path;
use std::sync::Arc;

use disk::header::Kind;
use disk::ledger::Ledger;
use disk::log::{Log, Options};
use libfuzzer_sys::fuzz_target;

const KIND: Kind = Kind { tag: b'l', name: "ledger", version: 1, oldest: 1 };

fuzz_target!(|bytes: &[u8]| {
    let fs = Arc::new(disk::sim::SimFs::new());
    let dir = Path::new("/ledger");
    let (log, _) = Log::open(fs.clone(), dir, Options::new(KIND), &mut |_, _| Ok(())).expect("an empty log");
    if log.append(bytes).is_err() {
        return; // empty
    }
    drop(log);
    match Ledger::<String>::open(fs.clone(), dir, KIND, 100) {
        Ok((ledger, _)) => {
            let before = ledger.entries();
            drop(ledger);
            let (again, _) = Ledger::<String>::open(fs, dir, KIND, 100).expect("it opened before");
            assert_eq!(again.entries(), before);
        }
        Err(e) => assert!(e.message.contains("not readable"), "{e}"),
    }
});
