//! Columns as they lie in a block.

use model::{Error, Result};
use zstd::zstd_safe::zstd_sys::ZSTD_EndDirective;
use zstd::zstd_safe::{CCtx, InBuffer, OutBuffer, ResetDirective, SafeResult};

use crate::wide::block::{Kind, Section};

/// What is shorter is not cut off: a table of how often each byte comes would take more than it saves.
const LEAST_PIECE: usize = 512;
/// What a piece may take beside its bytes.
const AROUND_PIECE: usize = 64;

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

    /// Adds a column of pieces that have little in common: what lies between `cuts`, which are in order.
    pub(super) fn add_pieces(&mut self, kind: Kind, raw: &[u8], cuts: &[usize]) -> Result<()> {
        let mut packed = std::mem::take(&mut self.packed);
        packed.clear();
        packed.reserve(zstd::zstd_safe::compress_bound(raw.len()) + (cuts.len() + 1) * AROUND_PIECE);
        let done = in_pieces(self.compressor.context_mut(), raw, cuts, &mut packed);
        done.map_err(|code| failed(std::io::Error::other(zstd::zstd_safe::get_error_name(code))))?;
        self.push(kind, false, if packed.len() < raw.len() { &packed } else { raw }, raw.len());
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

/// Compresses into the room that there is, each piece in blocks of its own.
fn in_pieces(context: &mut CCtx<'_>, raw: &[u8], cuts: &[usize], packed: &mut Vec<u8>) -> SafeResult {
    context.reset(ResetDirective::SessionOnly)?;
    context.set_pledged_src_size(Some(raw.len() as u64))?;
    let mut out = OutBuffer::around(packed);
    let mut from = 0;
    for to in cuts.iter().copied().filter(|to| *to < raw.len()) {
        if to >= from + LEAST_PIECE {
            let mut piece = InBuffer::around(&raw[from..to]);
            // It ends: there is room for all.
            while context.compress_stream2(&mut out, &mut piece, ZSTD_EndDirective::ZSTD_e_flush)? > 0 {}
            from = to;
        }
    }
    let mut piece = InBuffer::around(&raw[from..]);
    while context.compress_stream2(&mut out, &mut piece, ZSTD_EndDirective::ZSTD_e_end)? > 0 {}
    Ok(0)
}

fn failed(e: std::io::Error) -> Error {
    Error::internal("records cannot be compressed").with_detail(e)
}
