//! What an administrator may ask of a metric store. Optional capability.

use crate::ctx::Ctx;
use crate::error::Result;
use crate::matcher::Matcher;
use crate::time::TimeRange;

/// Deletion and snapshots.
pub trait MetricAdmin: Send + Sync {
    /// Hides the samples within `range` of series that satisfy all `matchers`; survives a restart once it returns. Says
    /// how many series were touched. Disk space comes back with [`Self::clean_tombstones`] or a later compaction.
    fn delete_series(&self, ctx: &Ctx, matchers: &[Matcher], range: TimeRange) -> Result<u64>;

    /// Rewrites blocks that hold deleted samples.
    fn clean_tombstones(&self) -> Result<()>;

    /// Publishes a copy of everything stored (`skip_head`: of the blocks only) below the store's `snapshots` folder, in
    /// a form that can be opened as a store, and returns the copy's name.
    fn snapshot(&self, skip_head: bool) -> Result<String>;
}
