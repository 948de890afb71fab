//! Columns as they lie in a block.

use model::{Error, Result};

use crate::wide::block::{Kind, Section};

/// Takes columns and compresses them.
pub(super) struct Sections {
    compressor: zstd::bulk::Compressor<'static>,
    packed: Vec<u8>,
    pub(super) bytes: Vec<u8>,
    pub(super) list: Vec<Section>,
}

impl Sections {
    pub(super) fn new(level: i32) -> Result<Self> {
        let compressor = zstd::bulk::Compressor::new(level).map_err(failed)?;
        Ok(Self { compressor, packed: Vec::new(), bytes: Vec::new(), list: Vec::new() })
    }

    /// Forgets the columns, keeps the memory.
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.list.clear();
    }

    /// Adds a column. `derived`: some of its values are told by templates.
    pub(super) fn add(&mut self, kind: Kind, derived: bool, raw: &[u8]) -> Result<()> {
        self.packed.clear();
        self.packed.reserve(zstd::zstd_safe::compress_bound(raw.len()));
        self.compressor.compress_to_buffer(raw, &mut self.packed).map_err(failed)?;
        let packed = std::mem::take(&mut self.packed);
        self.push(kind, derived, if packed.len() < raw.len() { &packed } else { raw }, raw.len());
        self.packed = packed;
        Ok(())
    }

    /// Adds what no compressor makes shorter.
    pub(super) fn add_as_is(&mut self, kind: Kind, raw: &[u8]) {
        self.push(kind, false, raw, raw.len());
    }

    fn push(&mut self, kind: Kind, derived: bool, stored: &[u8], raw_len: usize) {
        let (offset, len) = (self.bytes.len() as u32, stored.len() as u32);
        let (raw_len, crc) = (raw_len as u32, crc32fast::hash(stored));
        self.bytes.extend_from_slice(stored);
        self.list.push(Section { kind, derived, offset, len, raw_len, crc });
    }
}

fn failed(e: std::io::Error) -> Error {
    Error::internal("records cannot be compressed").with_detail(e)
}
