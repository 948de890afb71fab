//! OTLP metrics: a protobuf request, decoded and translated.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wire::otlp::{Item, Options, convert, decode_protobuf};

fuzz_target!(|body: &[u8]| {
    for custom_buckets in [false, true] {
        let Ok(request) = decode_protobuf(body) else { return };
        let options = Options { custom_buckets, ..Options::default() };
        let _ = convert(request, &options, &mut |item| {
            if let Item::Series { mut series, .. } = item {
                for point in &mut series.histograms {
                    let _ = point.make_storable();
                }
            }
            Ok(())
        });
    }
});
