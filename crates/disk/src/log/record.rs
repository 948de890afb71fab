//! The framing of a record: `len(u32) crc32(u32) payload`. The checksum covers the salt of the segment, the length
//! and the payload; the salt is random for every opening of the log, so that no payload can imitate a record.

use std::hash::{BuildHasher, Hasher, RandomState};

/// The longest payload.
pub const MAX_RECORD: usize = 64 << 20;

/// Bytes before the payload.
pub(super) const FRAME: usize = 8;

pub(super) fn random_salt() -> u32 {
    // Randomly seeded by the standard library.
    RandomState::new().build_hasher().finish() as u32
}

/// The 8 bytes that go before `payload`. The caller has checked its length.
pub(super) fn frame(salt: u32, payload: &[u8]) -> [u8; FRAME] {
    let len = (payload.len() as u32).to_le_bytes();
    let crc = checksum(salt, len, payload).to_le_bytes();
    [len[0], len[1], len[2], len[3], crc[0], crc[1], crc[2], crc[3]]
}

pub(super) fn checksum(salt: u32, len: [u8; 4], payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new_with_initial(salt);
    hasher.update(&len);
    hasher.update(payload);
    hasher.finalize()
}
