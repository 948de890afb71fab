//! Bytes that are only added, in pages, and freed all together. A chunk never straddles a page.

use model::{Budget, Reservation, Result};

const PAGE: usize = 64 << 10;

/// Where something begins.
pub(super) type At = u32;

pub(super) struct Arena {
    pages: Vec<Vec<u8>>,
    reserved: Option<Reservation>,
    budget: Budget,
}

impl Arena {
    pub(super) fn new(budget: Budget) -> Self {
        Self { pages: Vec::new(), reserved: None, budget }
    }

    /// From here on memory is taken from `budget`; what is held already counts there, whether it fits or not.
    pub(super) fn adopt(&mut self, budget: &Budget) {
        self.budget = budget.clone();
        self.reserved = Some(budget.claim(self.bytes()));
    }

    /// Bytes held.
    pub(super) fn bytes(&self) -> u64 {
        (self.pages.len() * PAGE) as u64
    }

    /// Makes sure the next [`Arena::put`] of at most `n` bytes stays within the budget and the address space.
    pub(super) fn make_room(&mut self, n: usize) -> Result<()> {
        if n > PAGE || self.pages.len() >= (1 << 16) - 1 {
            return Err(model::Error::limited("the samples in memory are at their limit"));
        }
        if self.pages.last().is_some_and(|p| p.len() + n <= PAGE) {
            return Ok(());
        }
        match &mut self.reserved {
            Some(held) => held.grow(PAGE as u64)?,
            none => *none = Some(self.budget.reserve(PAGE as u64)?),
        }
        self.pages.push(Vec::with_capacity(PAGE));
        Ok(())
    }

    /// Adds bytes for which room was made.
    pub(super) fn put(&mut self, bytes: &[u8]) -> At {
        let page = self.pages.len().saturating_sub(1);
        match self.pages.last_mut() {
            Some(last) => {
                let at = last.len();
                last.extend_from_slice(bytes);
                (page << 16 | at) as At
            }
            None => 0,
        }
    }

    /// Everything from `at` to the end of its page.
    pub(super) fn from(&self, at: At) -> &[u8] {
        let page = self.pages.get(at as usize >> 16);
        page.and_then(|p| p.get(at as usize & 0xffff..)).unwrap_or_default()
    }
}
