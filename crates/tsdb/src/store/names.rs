//! Names and values for a listing, within the budget of the request.

use std::collections::BTreeSet;

use model::{Ctx, Error, Listing, Reservation, Result};

/// Memory is reserved in steps of this many bytes.
const STEP: u64 = 64 << 10;
/// Rough cost of an entry beside its text.
const COST: u64 = 56;

/// Distinct texts; once memory is refused, no more are taken, and [`Names::listing`] says why.
pub(super) struct Names {
    found: BTreeSet<String>,
    memory: Reservation,
    used: u64,
    refused: Option<Error>,
}

impl Names {
    pub(super) fn new(ctx: &Ctx) -> Result<Self> {
        let memory = ctx.budget.reserve(0)?;
        Ok(Self { found: BTreeSet::new(), memory, used: 0, refused: None })
    }

    pub(super) fn add(&mut self, text: &str) {
        if self.refused.is_some() || self.found.contains(text) {
            return;
        }
        self.used += COST + text.len() as u64;
        if self.used > self.memory.bytes()
            && let Err(error) = self.memory.grow(STEP.max(self.used - self.memory.bytes()))
        {
            self.refused = Some(error);
            return;
        }
        self.found.insert(text.to_owned());
    }

    /// At most `limit` of them (0: all), or the reason why there is none.
    pub(super) fn listing(self, limit: usize, warnings: Vec<String>) -> Result<Listing> {
        if let Some(error) = self.refused {
            return Err(error);
        }
        let truncated = limit > 0 && self.found.len() > limit;
        let take = if limit == 0 { usize::MAX } else { limit };
        Ok(Listing { items: self.found.into_iter().take(take).collect(), warnings, truncated })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listing_that_does_not_fit_is_refused_with_the_reason() {
        let ctx = Ctx { budget: model::Budget::new("test", 1 << 20), ..Ctx::unbounded() };
        let mut names = Names::new(&ctx).unwrap();
        (0..100).for_each(|n| names.add(&format!("{}", n % 10)));
        let listing = names.listing(3, Vec::new()).unwrap();
        assert_eq!((listing.items, listing.truncated), (vec!["0".into(), "1".into(), "2".into()], true));
        let mut names = Names::new(&ctx).unwrap();
        (0..100_000).for_each(|n| names.add(&format!("value-{n}")));
        let error = names.listing(0, Vec::new()).unwrap_err();
        assert!(error.message.contains("memory limit: test"), "{error}");
        assert_eq!(ctx.budget.used(), 0, "given back");
    }
}
