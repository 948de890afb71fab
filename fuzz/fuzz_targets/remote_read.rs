//! Remote read: requests, answers with samples, frames of chunks.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wire::remote_read::{ReadRequest, ResponseReader, read_chunked, take_frame};
use wire::remote_write::Series;

fuzz_target!(|body: &[u8]| {
    let _ = ReadRequest::decode(body);
    let _ = read_chunked(body);
    let _ = take_frame(body, 1 << 20);
    let mut reader = ResponseReader::new(body);
    let mut series = Series::default();
    while let Ok(Some(_)) = reader.next_series(&mut series) {}
});
