//! Events: what happened to containers, and later logs and spans.
//!
//! What it is: a store of time-ordered events behind [`model::EventWriter`] and [`model::EventReader`]: a write-ahead
//! log, a buffer in memory, immutable compressed parts with a time-range index, retention by time and size. Each kind
//! of event has files of its own.
//!
//! What it is not: it has no index beside time; conditions are checked event by event. It starts no thread and asks
//! no clock but the one it is given: `app` calls [`Store::maintain`] every few seconds.
//!
//! ```text
//! append -> disk::log (durable) -> buffer (visible)
//! maintain -> part::Writer -> publish -> the log is cut; small parts of a day are merged; old ones go
//! scan -> one cursor a part and one over the buffer -> merged by time, conditions checked
//! ```
//!
//! docs/formats/events.md draws the bytes. Start reading at [`store`], then `part`.

#![forbid(unsafe_code)]

mod codec;
mod config;
mod folder;
mod metrics;
mod part;
pub mod store;
pub mod wide;

/// A door for the fuzzer, past the checksums: any bytes as a log record and as a block of a part. What was read and
/// written again must read the same. Not part of the interface.
#[doc(hidden)]
pub fn fuzz_codec(bytes: &[u8]) {
    let _ = codec::read_record(bytes);
    let Ok(events) = codec::decode(bytes) else { return };
    let mut again = Vec::new();
    codec::encode(events.iter(), &mut again);
    let back = codec::decode(&again);
    // NaN is not equal to itself: compare the bytes of a third writing.
    let mut third = Vec::new();
    codec::encode(back.unwrap_or_default().iter(), &mut third);
    assert_eq!(again, third);
}

pub use config::{Options, Retention};
pub use metrics::Metrics;
pub use store::Store;
