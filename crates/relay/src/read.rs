//! Remote read: other servers beside the local store, behind [`model::MetricReader`].
//!
//! A selection asks the remotes that it concerns while the local store is read; series of equal labels are merged, and
//! of two samples of one time the local one wins. A remote that fails is a warning: what is stored here is shown all
//! the same.

mod answer;
mod combined;
mod join;
mod metrics;
mod remote;

#[cfg(test)]
mod tests;

pub use combined::{Combined, LocalStart};
pub use metrics::Metrics;
