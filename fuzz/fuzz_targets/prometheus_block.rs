#![no_main]

use libfuzzer_sys::fuzz_target;
use wire::prometheus_block::wal::{read_record, read_segment};
use wire::prometheus_block::{Block, ChunkFile, Index, Meta, Tombstones};

fuzz_target!(|bytes: &[u8]| {
    let _ = Meta::read(bytes);
    let _ = read_record(bytes);
    let mut segment = bytes;
    let _ = read_segment(&mut segment, |record| drop(read_record(record)));
    let tombstones = Tombstones::read(bytes).unwrap_or_default();
    if let Ok(index) = Index::new(bytes) {
        let mut block = Block { index, files: vec![ChunkFile::new(bytes).ok()], tombstones };
        block.walk(&[], (i64::MIN, i64::MAX), |_, _| true, drop);
    }
});
