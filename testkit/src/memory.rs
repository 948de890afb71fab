//! Stores that keep everything in memory, sorted, behind the same traits as the real ones.

mod events;
mod metrics;
mod records;

pub use events::MemoryEvents;
pub use metrics::MemoryMetrics;
pub use records::MemoryRecords;
