#![no_main]

use libfuzzer_sys::fuzz_target;
use model::SeriesData;
use wire::chunk::{Encoding, Options, decode, encode};

fuzz_target!(|bytes: &[u8]| {
    let Some((code, bytes)) = bytes.split_first() else { return };
    let Ok(encoding) = Encoding::from_code(1 + code % 6) else { return };
    let mut out = SeriesData::default();
    if decode(encoding, bytes, &mut out).is_ok() && out.t.is_sorted() && out.histograms.is_sorted_by_key(|(t, _)| *t) {
        let mut again = SeriesData::default();
        let options = Options { start_timestamps: code & 0x80 != 0, ..Options::default() };
        encode(&out, options, |chunk| decode(chunk.encoding, &chunk.bytes, &mut again).expect("what was written"));
        assert_eq!((out.t.len(), out.histograms.len()), (again.t.len(), again.histograms.len()));
    }
});
