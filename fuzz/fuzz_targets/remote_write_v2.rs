//! Remote write 2.0: a decompressed request.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wire::remote_write::{Series, v2::Reader};

fuzz_target!(|body: &[u8]| {
    let Ok(mut reader) = Reader::new(body) else { return };
    let mut series = Series::default();
    while let Ok(true) = reader.next_series(&mut series) {
        let _ = series.to_labels();
        for point in &mut series.histograms {
            let _ = point.make_storable();
        }
    }
});
