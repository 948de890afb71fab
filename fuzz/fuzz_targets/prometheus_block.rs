#![no_main]

use libfuzzer_sys::fuzz_target;
use model::SeriesData;
use wire::prometheus_block::wal::{read_record, read_segment};
use wire::prometheus_block::{read_head_chunks, Block, ChunkFile, Index, Meta, Tombstones};

fuzz_target!(|bytes: &[u8]| {
    let _ = Meta::read(bytes);
    let _ = read_record(bytes);
    let mut segment = bytes;
    let _ = read_segment(&mut segment, |record| drop(read_record(record)));
    let mut chunks = bytes;
    let _ = read_head_chunks(&mut chunks, |_| {});
    let tombstones = Tombstones::read(bytes).unwrap_or_default();
    if let Ok(index) = Index::new(bytes) {
        let mut block = Block::new(index, vec![ChunkFile::new(bytes).ok()], tombstones);
        let mut data = SeriesData::default();
        while block.next(&|_| true, (i64::MIN, i64::MAX), &mut data, &mut drop) {}
    }
});
