//! Logs on disk: followed through every rotation, and stored once.
//!
//! What it is: [`Tail`] reads the logs of the engine's containers (json-file, compressed rotations too; what other log
//! drivers keep, through the engine), of pods (CRI), plain files and the journal of systemd, joins what belongs together, and hands it to a [`model::RecordWriter`] with the position up to which
//! each log was read. The store keeps both in one write: after `kill -9` reading goes on exactly there.
//!
//! What it is not: it masks nothing and detects nothing, `intake` does. Nothing it reads is changed.
//!
//! ```text
//! folder --order--> files --entry--> pieces --assemble--> lines --multiline--> events --runner--> RecordWriter
//! ```
//!
//! Three kinds of logs are followed in one shape ([`follower::Follow`]): files ([`follower`]), the journal ([`journal`]),
//! and what the engine reads for us ([`engine`]).
//!
//! Pure machines: [`order`] (which file follows which), [`position`] (what a place is, over renames), [`assemble`],
//! [`multiline`]. Thin wires around them: [`files`], [`follower`] (one log), [`runner`] (all of them). Start reading at
//! [`follower`].

pub mod assemble;
pub mod config;
pub mod engine;
pub mod entry;
pub mod files;
pub mod follower;
pub mod gap;
pub mod journal;
pub mod metrics;
pub mod multiline;
mod obstacles;
pub mod order;
pub mod outlet;
pub mod own;
pub mod position;
pub mod runner;
pub mod sources;
#[cfg(test)]
mod tests;

pub use config::Config;
pub use runner::Tail;
pub use sources::Sources;
