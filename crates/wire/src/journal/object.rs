//! Objects: their heads, and what is in a field.

use std::io::Read as _;

use super::{Bytes, Failure, GLANCE, Header, damaged};

pub(super) const DATA: u8 = 1;
pub(super) const ENTRY: u8 = 3;
pub(super) const ENTRY_ARRAY: u8 = 6;

const XZ: u8 = 1;
const LZ4: u8 = 2;
const ZSTD: u8 = 4;
/// What an LZ4 field may be uncompressed: it cannot be unpacked in part.
const LZ4_MOST: u64 = 16 << 20;
/// Memory of an XZ decoder; journald's need 9 MiB.
const XZ_MEMORY: u64 = 32 << 20;
/// Windows of zstd up to 8 MiB, as for any frame that declares none.
const ZSTD_WINDOW: u32 = 23;

/// An object's head, and what was read with it.
pub(super) struct Object<'a> {
    at: u64,
    pub(super) flags: u8,
    /// Bytes, the head included.
    pub(super) size: u64,
    bytes: &'a [u8],
}

impl<'a> Object<'a> {
    /// Reads the object of this kind at `at`, into `scratch` as far as it fits at once.
    pub(super) fn read(
        source: &mut impl Bytes,
        header: &Header,
        at: u64,
        kind: u8,
        scratch: &'a mut Vec<u8>,
    ) -> Result<Self, Failure> {
        if !at.is_multiple_of(8) || at < header.size {
            return damaged(at, "no object can lie here");
        }
        scratch.resize(GLANCE, 0);
        let read = source.read(at, scratch)?;
        scratch.truncate(read);
        if scratch.len() < 16 {
            return damaged(at, "the file ends before an object that is named");
        }
        let size = u64_at(scratch, 8);
        if scratch[0] != kind || size < 16 {
            return damaged(at, "an object of another kind");
        }
        if (size as usize) < scratch.len() {
            scratch.truncate(size as usize);
        }
        Ok(Self { at, flags: scratch[1], size, bytes: scratch })
    }

    /// A number of its fixed part.
    pub(super) fn number(&self, at: usize) -> Result<u64, Failure> {
        match self.bytes.get(at..at + 8) {
            Some(bytes) => Ok(u64_at(bytes, 0)),
            None => damaged(self.at, "an object is shorter than its kind"),
        }
    }
}

/// Little endian; 0 where the bytes end before.
pub(super) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    bytes.get(at..at + 8).and_then(|b| b.try_into().ok()).map_or(0, u64::from_le_bytes)
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 4).and_then(|b| b.try_into().ok()).map_or(0, u32::from_le_bytes)
}

/// A field's text, up to `most` bytes of it; `None` where it cannot be unpacked.
pub(super) fn unpack(bytes: Vec<u8>, flags: u8, most: usize) -> Option<Vec<u8>> {
    match flags & (XZ | LZ4 | ZSTD) {
        0 => Some(bytes),
        ZSTD => {
            let mut decoder = zstd::stream::read::Decoder::new(&bytes[..]).ok()?;
            decoder.window_log_max(ZSTD_WINDOW).ok()?;
            take(decoder, most)
        }
        LZ4 => {
            let size = u64_at(&bytes, 0);
            if size > LZ4_MOST {
                return None;
            }
            let mut plain = vec![0; usize::try_from(size).ok()?];
            let len = lz4_flex::block::decompress_into(bytes.get(8..)?, &mut plain).ok()?;
            plain.truncate(len.min(most));
            Some(plain)
        }
        XZ => {
            let stream = liblzma::stream::Stream::new_stream_decoder(XZ_MEMORY, 0).ok()?;
            take(liblzma::bufread::XzDecoder::new_stream(&bytes[..], stream), most)
        }
        _ => None,
    }
}

/// What can be unpacked, up to a bound; a field of which only the beginning was read ends in the middle.
fn take(decoder: impl std::io::Read, most: usize) -> Option<Vec<u8>> {
    let mut plain = Vec::new();
    let whole = decoder.take(most as u64).read_to_end(&mut plain).is_ok();
    (whole || !plain.is_empty()).then_some(plain)
}
