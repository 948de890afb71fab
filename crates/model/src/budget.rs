//! Memory that is promised before it is allocated.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::{Error, Result};

/// A shared allowance of bytes. Head, ingest, queries and compaction reserve from it before they allocate; `app`
/// corrects it with what the allocator says is resident.
#[derive(Debug, Clone)]
pub struct Budget(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    name: &'static str,
    limit: AtomicU64,
    used: AtomicU64,
    refused: AtomicU64,
    parent: Option<Budget>,
}

impl Budget {
    /// An allowance of `limit` bytes called `name` in errors and on the status page.
    pub fn new(name: &'static str, limit: u64) -> Self {
        Self::build(name, limit, None)
    }

    /// No limit, only accounting.
    pub fn unlimited() -> Self {
        Self::new("unlimited", u64::MAX)
    }

    /// A part of this budget with a limit of its own: what is reserved from it counts against both.
    pub fn child(&self, name: &'static str, limit: u64) -> Self {
        Self::build(name, limit, Some(self.clone()))
    }

    fn build(name: &'static str, limit: u64, parent: Option<Budget>) -> Self {
        Self(Arc::new(Inner {
            name,
            limit: AtomicU64::new(limit),
            used: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            parent,
        }))
    }

    /// Reserves `bytes` until the reservation is dropped, or refuses with kind `Limited` and a reason.
    pub fn reserve(&self, bytes: u64) -> Result<Reservation> {
        self.take(bytes)?;
        Ok(Reservation { budget: self.clone(), bytes })
    }

    /// Counts `bytes` that are held whatever the limit says: what was there before the budget was, or what is needed to
    /// give memory back. Everybody else finds less.
    pub fn claim(&self, bytes: u64) -> Reservation {
        self.force(bytes);
        Reservation { budget: self.clone(), bytes }
    }

    fn force(&self, bytes: u64) {
        self.0.used.fetch_add(bytes, Ordering::Relaxed);
        if let Some(parent) = &self.0.parent {
            parent.force(bytes);
        }
    }

    fn take(&self, bytes: u64) -> Result<()> {
        let limit = self.0.limit.load(Ordering::Relaxed);
        let grown = self.0.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| {
            used.checked_add(bytes).filter(|sum| *sum <= limit)
        });
        if let Err(used) = grown {
            self.0.refused.fetch_add(1, Ordering::Relaxed);
            let name = self.0.name;
            return Err(Error::limited(format_args!(
                "memory limit: {name} has {used} of {limit} bytes in use and needs {bytes} more"
            )));
        }
        if let Some(parent) = &self.0.parent
            && let Err(error) = parent.take(bytes)
        {
            self.0.used.fetch_sub(bytes, Ordering::Relaxed);
            return Err(error);
        }
        Ok(())
    }

    fn give(&self, bytes: u64) {
        self.0.used.fetch_sub(bytes, Ordering::Relaxed);
        if let Some(parent) = &self.0.parent {
            parent.give(bytes);
        }
    }

    /// Bytes reserved now.
    pub fn used(&self) -> u64 {
        self.0.used.load(Ordering::Relaxed)
    }

    /// The limit in bytes.
    pub fn limit(&self) -> u64 {
        self.0.limit.load(Ordering::Relaxed)
    }

    /// Changes the limit; what is already reserved stays reserved.
    pub fn set_limit(&self, bytes: u64) {
        self.0.limit.store(bytes, Ordering::Relaxed);
    }

    /// How often a reservation was refused.
    pub fn refused(&self) -> u64 {
        self.0.refused.load(Ordering::Relaxed)
    }

    /// The name given at construction.
    pub fn name(&self) -> &'static str {
        self.0.name
    }
}

/// Bytes taken from a [`Budget`]; dropping gives them back.
#[derive(Debug)]
pub struct Reservation {
    budget: Budget,
    bytes: u64,
}

impl Reservation {
    /// Makes the reservation larger by `bytes`, or refuses and leaves it as it was.
    pub fn grow(&mut self, bytes: u64) -> Result<()> {
        self.budget.take(bytes)?;
        self.bytes += bytes;
        Ok(())
    }

    /// Makes the reservation larger by `bytes` whatever the limit says: see [`Budget::claim`].
    pub fn claim(&mut self, bytes: u64) {
        self.budget.force(bytes);
        self.bytes += bytes;
    }

    /// The reserved bytes.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.budget.give(self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_counts_against_its_parent_and_gives_back() {
        let all = Budget::new("all", 100);
        let queries = all.child("queries", 80);
        let mut held = queries.reserve(50).unwrap();
        assert!(held.grow(40).is_err(), "over the child's limit");
        let _other = all.reserve(40).unwrap();
        assert!(held.grow(20).is_err(), "over the parent's limit");
        assert_eq!((queries.used(), all.used()), (50, 90));
        drop(held);
        assert_eq!((queries.used(), all.used()), (0, 40));
    }
}
