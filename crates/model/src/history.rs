//! Taking in history: samples of any time, past the head and its rules on age and order. Optional capability of a metric
//! store, and of the door before it.

use crate::ctx::Ctx;
use crate::error::Result;
use crate::metrics::SeriesData;

/// What became of history that was given.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Imported {
    /// Series of which something was stored, counted once a block.
    pub series: u64,
    /// Samples stored.
    pub samples: u64,
    /// Samples left out because the store has one of that series and time. The one that is there stays.
    pub known: u64,
    /// Samples left out because the retention would delete them at once.
    pub expired: u64,
    /// Samples left out because their series is over a limit of the door, or is not valid.
    pub refused: u64,
    /// Blocks written.
    pub blocks: u64,
}

impl Imported {
    /// Adds what became of other history.
    pub fn add(&mut self, other: Self) {
        self.series += other.series;
        self.samples += other.samples;
        self.known += other.known;
        self.expired += other.expired;
        self.refused += other.refused;
        self.blocks += other.blocks;
    }
}

/// Something that takes history in while it serves.
pub trait MetricHistory: Send + Sync {
    /// Begins to take history in. It reserves its memory from `ctx` and ends with an error where `ctx` is cancelled.
    fn begin<'a>(&'a self, ctx: &'a Ctx) -> Result<Box<dyn HistoryWriter + 'a>>;
}

/// Takes series in any order, and one series in as many parts as it comes.
pub trait HistoryWriter {
    /// Takes the samples of `data`. They are collected and become visible in blocks, each whole or not at all; after an
    /// error, what is in blocks already stays. Giving the same again stores nothing twice.
    fn add(&mut self, data: &SeriesData) -> Result<()>;

    /// What became of that which is in blocks already.
    fn report(&self) -> Imported;

    /// Writes what is left. When it returns, everything is durable and visible.
    fn finish(self: Box<Self>) -> Result<Imported>;
}
