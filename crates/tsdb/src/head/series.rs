//! Numbers of series in memory.

use std::num::NonZeroU64;

use model::SeriesRef;

/// Place of a series in the index; used again after a collection.
pub(crate) type Slot = u32;

/// A slot, and how often it had been used before: what a [`SeriesRef`] holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SeriesId {
    pub(crate) slot: Slot,
    /// Never 0.
    pub(crate) generation: u32,
}

impl SeriesId {
    pub(crate) fn to_ref(self) -> SeriesRef {
        let raw = u64::from(self.generation) << 32 | u64::from(self.slot);
        SeriesRef(NonZeroU64::new(raw).unwrap_or(NonZeroU64::MAX))
    }

    pub(crate) fn from_ref(series: SeriesRef) -> Self {
        Self::from_raw(series.0.get())
    }

    /// As the log has it.
    pub(crate) fn from_raw(raw: u64) -> Self {
        Self { slot: raw as u32, generation: (raw >> 32) as u32 }
    }
}
