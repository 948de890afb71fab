//! What was not done, or given up, so that memory stays within its limit: kept for the status page.

use std::collections::VecDeque;
use std::fmt::Display;
use std::sync::{Arc, Mutex, PoisonError};

/// What can be shed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Load {
    /// Queries that were refused, or ended.
    Queries,
    /// New series that were refused.
    Series,
    /// Samples of known series that were refused.
    Samples,
    /// Write requests that were refused as a whole; senders try them again.
    Writes,
    /// Bytes that caches gave back.
    Cache,
    /// Scraped bodies that were refused.
    Scrapes,
    /// Evaluations of rules that were refused memory.
    Rules,
    /// Compactions that were put off.
    Compactions,
    /// Samples for receivers of remote write that had to wait.
    Forwarding,
}

impl Load {
    /// A word for APIs and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queries => "queries",
            Self::Series => "series",
            Self::Samples => "samples",
            Self::Writes => "writes",
            Self::Cache => "cache_bytes",
            Self::Scrapes => "scrapes",
            Self::Rules => "rules",
            Self::Compactions => "compactions",
            Self::Forwarding => "forwarding",
        }
    }
}

/// One kind of load that was shed, over a time without long breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shed {
    /// What.
    pub load: Load,
    /// How many, or bytes for [`Load::Cache`].
    pub count: u64,
    /// When it began, ms.
    pub first_ms: i64,
    /// When it happened last, ms.
    pub last_ms: i64,
    /// The reason given last.
    pub why: String,
}

/// What comes again within this time belongs together.
const BREAK_MS: i64 = 60_000;
/// Entries kept; the oldest go.
const MOST: usize = 100;
/// Longest reason, in bytes.
const MAX_WHY: usize = 512;

/// A shared list of what was shed, newest last.
#[derive(Debug, Clone, Default)]
pub struct Sheds(Arc<Mutex<VecDeque<Shed>>>);

impl Sheds {
    /// Notes that `count` of `load` were shed now.
    pub fn note(&self, load: Load, count: u64, why: impl Display, now_ms: i64) {
        if count == 0 {
            return;
        }
        let mut why = why.to_string();
        why.truncate((0..=MAX_WHY).rev().find(|at| why.is_char_boundary(*at)).unwrap_or(0));
        let mut list = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = list.iter_mut().rev().find(|s| s.load == load);
        if let Some(known) = known.filter(|s| now_ms.saturating_sub(s.last_ms) <= BREAK_MS) {
            known.count = known.count.saturating_add(count);
            known.last_ms = known.last_ms.max(now_ms);
            known.why = why;
            return;
        }
        if list.len() >= MOST {
            list.pop_front();
        }
        list.push_back(Shed { load, count, first_ms: now_ms, last_ms: now_ms, why });
    }

    /// Everything kept, what happened last first.
    pub fn list(&self) -> Vec<Shed> {
        let list = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all: Vec<Shed> = list.iter().cloned().collect();
        all.sort_by_key(|shed| std::cmp::Reverse(shed.last_ms));
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_belongs_together_is_one_entry() {
        let sheds = Sheds::default();
        sheds.note(Load::Queries, 1, "first", 1_000);
        sheds.note(Load::Series, 10, "full", 2_000);
        sheds.note(Load::Queries, 2, "second", 50_000);
        sheds.note(Load::Queries, 0, "nothing", 60_000);
        sheds.note(Load::Queries, 1, "much later", 200_000);
        let list = sheds.list();
        let shown: Vec<_> = list.iter().map(|s| (s.load.as_str(), s.count, s.first_ms, s.last_ms)).collect();
        assert_eq!(
            shown,
            [("queries", 1, 200_000, 200_000), ("queries", 3, 1_000, 50_000), ("series", 10, 2_000, 2_000)]
        );
        assert_eq!(list[1].why, "second");
    }

    #[test]
    fn it_does_not_grow_without_bound() {
        let sheds = Sheds::default();
        for n in 0..1_000 {
            sheds.note(Load::Cache, 1, "한".repeat(1_000), n * 100_000);
        }
        let list = sheds.list();
        assert_eq!((list.len(), list[0].last_ms), (MOST, 99_900_000));
        assert!(list.iter().all(|s| s.why.len() <= MAX_WHY && s.why.len() > MAX_WHY - 4));
    }
}
