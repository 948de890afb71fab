//! Where a series was read to.

use wire::journal::{Entry, Header};

const VERSION: u8 = 1;
const LEN: usize = 33;

/// The last entry that was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Position {
    pub(super) seqnum_id: [u8; 16],
    pub(super) seqnum: u64,
    pub(super) realtime_us: u64,
}

impl Position {
    pub(super) fn of(seqnum_id: [u8; 16], entry: &Entry) -> Self {
        Self { seqnum_id, seqnum: entry.seqnum, realtime_us: entry.realtime_us }
    }

    /// Behind the last entry of a file.
    pub(super) fn end(file: &Header) -> Self {
        Self { seqnum_id: file.seqnum_id, seqnum: file.tail_seqnum, realtime_us: file.tail_us }
    }

    /// Whether an entry lies before this place.
    pub(super) fn has(&self, seqnum_id: [u8; 16], entry: &Entry) -> bool {
        self.seqnum_id == seqnum_id && entry.seqnum <= self.seqnum
    }

    /// Whether a file has entries behind this one.
    pub(super) fn lacks(&self, file: &Header) -> bool {
        if file.entries == 0 {
            return false;
        }
        if file.seqnum_id == self.seqnum_id {
            file.tail_seqnum > self.seqnum
        } else {
            file.tail_us > self.realtime_us
        }
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = vec![VERSION];
        out.extend(self.seqnum_id);
        out.extend(self.seqnum.to_le_bytes());
        out.extend(self.realtime_us.to_le_bytes());
        out
    }

    /// `None` where it is of another version.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        if bytes.len() != LEN || bytes.first() != Some(&VERSION) {
            return None;
        }
        let number = |at: usize| Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?));
        Some(Self {
            seqnum_id: bytes.get(1..17)?.try_into().ok()?,
            seqnum: number(17)?,
            realtime_us: number(25)?,
        })
    }
}
