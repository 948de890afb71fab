//! What must survive a crash.
//!
//! What it is: the one door to the file system ([`Fs`], [`RealFs`], and the simulator [`sim::SimFs`]), a segmented
//! checksummed [`log`] with group commit, atomic publication of immutable files and directories ([`publish`]), small
//! typed [`ledger`]s on the log, the lock of the data directory ([`lock`]), what retention by size needs ([`space`]), and
//! copies of a folder that can be checked ([`backup`]).
//!
//! What it is not: it knows nothing of what is inside a record, a block or an entry, starts no thread, and asks no
//! clock. Whoever owns a log calls [`log::Log::sync`] in its interval.
//!
//! ```text
//! tsdb, events --record--> log::Log --one write for many--> segment files   (safe from kill -9 and power failures when append returns)
//!              --block---> publish::directory --fsync, rename, fsync-->     (there whole, or not at all)
//! ```
//!
//! Every file begins with a [`header`]: magic, kind, version, checksum. An unknown one is refused with a clear error.
//! Start reading at [`fs`], then [`log`].

#![forbid(unsafe_code)]

pub mod backup;
mod error;
pub mod fs;
pub mod header;
pub mod ledger;
pub mod leftovers;
pub mod lock;
pub mod log;
pub mod publish;
pub mod sim;
pub mod space;
pub mod varint;

pub use error::{io_error, is_full};
pub use fs::{Entry, File, Fs, RealFs, Space};
