//! Memory that is promised before it is allocated.

use std::sync::atomic::{AtomicU64, Ordering};

use std::sync::{Arc, Mutex, PoisonError};

use crate::error::{Error, Result};
use crate::shed::Sheds;

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
    /// The reason of the last refusal.
    reason: Mutex<String>,
    /// Never refuses, whatever the limits say.
    claims: bool,
    /// What was given up for want of memory; one list for a budget and its parts.
    sheds: Sheds,
    parent: Option<Budget>,
}

impl Budget {
    /// An allowance of `limit` bytes called `name` in errors and on the status page.
    pub fn new(name: &'static str, limit: u64) -> Self {
        Self::build(name, limit, None, false)
    }

    /// No limit, only accounting.
    pub fn unlimited() -> Self {
        Self::new("unlimited", u64::MAX)
    }

    /// A part of this budget with a limit of its own: what is reserved from it counts against both.
    pub fn child(&self, name: &'static str, limit: u64) -> Self {
        Self::build(name, limit, Some(self.clone()), false)
    }

    /// A part of this budget that is never refused anything, for work that gives memory back: see [`Budget::claim`].
    pub fn claiming(&self, name: &'static str) -> Self {
        Self::build(name, u64::MAX, Some(self.clone()), true)
    }

    fn build(name: &'static str, limit: u64, parent: Option<Budget>, claims: bool) -> Self {
        Self(Arc::new(Inner {
            name,
            limit: AtomicU64::new(limit),
            used: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            reason: Mutex::default(),
            claims,
            sheds: parent.as_ref().map_or_else(Sheds::default, |p| p.0.sheds.clone()),
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
        if self.0.claims {
            self.force(bytes);
            return Ok(());
        }
        let limit = self.0.limit.load(Ordering::Relaxed);
        let grown = self.0.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| {
            used.checked_add(bytes).filter(|sum| *sum <= limit)
        });
        if let Err(used) = grown {
            let name = self.0.name;
            return Err(self.refuse(Error::limited(format_args!(
                "memory limit: {name} has {used} of {limit} bytes in use and needs {bytes} more"
            ))));
        }
        if let Some(parent) = &self.0.parent
            && let Err(error) = parent.take(bytes)
        {
            self.0.used.fetch_sub(bytes, Ordering::Relaxed);
            return Err(self.refuse(error));
        }
        Ok(())
    }

    fn refuse(&self, error: Error) -> Error {
        self.0.refused.fetch_add(1, Ordering::Relaxed);
        self.0.reason.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&error.message);
        error
    }

    fn give(&self, bytes: u64) {
        self.0.used.fetch_sub(bytes, Ordering::Relaxed);
        if let Some(parent) = &self.0.parent {
            parent.give(bytes);
        }
    }

    /// What was given up for want of memory, here and in all budgets with the same root.
    pub fn sheds(&self) -> &Sheds {
        &self.0.sheds
    }

    /// Whether nine tenths are used, here or in a parent.
    pub fn is_short(&self) -> bool {
        let short = !self.0.claims && self.used() >= self.limit() / 10 * 9;
        short || self.0.parent.as_ref().is_some_and(Self::is_short)
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

    /// The reason of the last refusal, its parents' included; empty where nothing was refused.
    pub fn reason(&self) -> String {
        self.0.reason.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How often a reservation was refused, here or by a parent.
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
        assert_eq!((queries.refused(), all.refused()), (2, 1), "a child counts what its parent refused");
        assert!(queries.reason().contains("all has 90 of 100 bytes in use"), "{}", queries.reason());
        drop(held);
        assert_eq!((queries.used(), all.used()), (0, 40));
    }

    #[test]
    fn what_is_claimed_counts_and_is_never_refused() {
        let all = Budget::new("all", 100);
        let flush = all.claiming("flush");
        let mut held = flush.reserve(80).unwrap();
        held.grow(80).unwrap();
        held.claim(10);
        assert_eq!((all.used(), all.refused()), (170, 0));
        assert!(all.reserve(1).is_err(), "others find nothing");
        assert!(all.is_short() && flush.is_short());
        let other = all.claim(5);
        drop((held, other));
        assert_eq!(all.used(), 0);
    }
}
