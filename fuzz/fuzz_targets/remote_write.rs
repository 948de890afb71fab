//! Any bytes as a remote write request, compressed and not.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wire::remote_write::{Item, Reader, Series, decompress};

fn walk(body: &[u8]) {
    let mut reader = Reader::new(body);
    let mut series = Series::default();
    while let Ok(Some(item)) = reader.next_item(&mut series) {
        if item == Item::Series {
            let _ = series.to_labels();
        }
    }
}

fuzz_target!(|body: &[u8]| {
    walk(body);
    let mut plain = Vec::new();
    if decompress(body, 1 << 20, &mut plain).is_ok() {
        walk(&plain);
    }
});
