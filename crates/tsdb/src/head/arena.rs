//! Bytes that are only added, in pages, and freed all together. A chunk never straddles a page.
//!
//! Full pages never change, so whoever reads shares them instead of copying: a [`View`] is what the arena held when it
//! was taken.

use std::sync::Arc;

use model::{Budget, Reservation, Result};
use parking_lot::Mutex;

const PAGE: usize = 64 << 10;

/// Where something begins.
pub(super) type At = u32;

/// What the pages hold of the budget: given back when neither arena nor views are left.
type Held = Arc<Mutex<Option<Reservation>>>;

pub(super) struct Arena {
    full: Vec<Arc<Vec<u8>>>,
    /// The page that is being filled; without capacity where there is none yet.
    last: Vec<u8>,
    reserved: Held,
    budget: Budget,
}

/// What an arena held at one moment.
pub(super) struct View {
    full: Vec<Arc<Vec<u8>>>,
    last: Vec<u8>,
    _reserved: Held,
}

impl Arena {
    pub(super) fn new(budget: Budget) -> Self {
        Self { full: Vec::new(), last: Vec::new(), reserved: Held::default(), budget }
    }

    /// From here on memory is taken from `budget`; what is held already counts there, whether it fits or not.
    pub(super) fn adopt(&mut self, budget: &Budget) {
        self.budget = budget.clone();
        *self.reserved.lock() = Some(budget.claim(self.bytes()));
    }

    /// Bytes held.
    pub(super) fn bytes(&self) -> u64 {
        ((self.full.len() + usize::from(self.last.capacity() > 0)) * PAGE) as u64
    }

    /// Makes sure the next [`Arena::put`] of at most `n` bytes stays within the budget and the address space.
    pub(super) fn make_room(&mut self, n: usize) -> Result<()> {
        if n > PAGE || self.full.len() + 1 >= (1 << 16) - 1 {
            return Err(model::Error::limited("the samples in memory are at their limit"));
        }
        if self.last.capacity() > 0 && self.last.len() + n <= PAGE {
            return Ok(());
        }
        match &mut *self.reserved.lock() {
            Some(held) => held.grow(PAGE as u64)?,
            none => *none = Some(self.budget.reserve(PAGE as u64)?),
        }
        if self.last.capacity() > 0 {
            self.full.push(Arc::new(std::mem::take(&mut self.last)));
        }
        self.last = Vec::with_capacity(PAGE);
        Ok(())
    }

    /// Adds bytes for which room was made.
    pub(super) fn put(&mut self, bytes: &[u8]) -> At {
        let at = self.last.len();
        self.last.extend_from_slice(bytes);
        (self.full.len() << 16 | at) as At
    }

    /// Everything that is there now.
    pub(super) fn view(&self) -> View {
        View { full: self.full.clone(), last: self.last.clone(), _reserved: Arc::clone(&self.reserved) }
    }
}

/// Where addresses of an arena are read.
pub(super) trait Pages {
    /// Everything from `at` to the end of its page.
    fn from(&self, at: At) -> &[u8];
}

fn from<'a>(full: &'a [Arc<Vec<u8>>], last: &'a [u8], at: At) -> &'a [u8] {
    let page = match full.get(at as usize >> 16) {
        Some(page) => page,
        None if at as usize >> 16 == full.len() => last,
        None => &[],
    };
    page.get(at as usize & 0xffff..).unwrap_or_default()
}

impl Pages for Arena {
    fn from(&self, at: At) -> &[u8] {
        from(&self.full, &self.last, at)
    }
}

impl View {
    /// Bytes of its own.
    pub(super) fn copied(&self) -> usize {
        self.last.len() + self.full.len() * size_of::<Arc<Vec<u8>>>()
    }
}

impl Pages for View {
    fn from(&self, at: At) -> &[u8] {
        from(&self.full, &self.last, at)
    }
}
