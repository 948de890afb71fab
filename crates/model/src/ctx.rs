//! What every read carries: for whom, until when, and with how much memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use crate::budget::Budget;
use crate::error::{Error, Result};

/// Whose data it is. A part of every key and path; only [`Tenant::DEFAULT`] is used for now.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Tenant(Arc<str>);

impl Tenant {
    /// The name of the only tenant in use.
    pub const DEFAULT: &'static str = "default";

    /// The tenant's name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for Tenant {
    fn default() -> Self {
        Self(Arc::from(Self::DEFAULT))
    }
}

/// Set once by whoever stops waiting; looked at by whoever works.
#[derive(Debug, Clone, Default)]
pub struct CancelFlag(Arc<AtomicBool>);

impl CancelFlag {
    /// Asks the work to stop.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether the work should stop.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// The circumstances of one read.
#[derive(Debug, Clone)]
pub struct Ctx {
    /// Whose data.
    pub tenant: Tenant,
    /// When the answer is no longer wanted.
    pub deadline: Option<Instant>,
    /// Set when the caller has gone.
    pub cancel: CancelFlag,
    /// Where buffers are reserved.
    pub budget: Budget,
}

impl Ctx {
    /// No deadline, no limit: for tests and for work of the server's own.
    pub fn unbounded() -> Self {
        Self {
            tenant: Tenant::default(),
            deadline: None,
            cancel: CancelFlag::default(),
            budget: Budget::unlimited(),
        }
    }

    /// Fails with kind `Timeout` once the deadline passed or the caller went. Loops call it every few thousand items.
    pub fn check(&self) -> Result<()> {
        if self.cancel.is_cancelled() {
            return Err(Error::timeout("query was canceled"));
        }
        if self.deadline.is_some_and(|d| Instant::now() >= d) {
            return Err(Error::timeout("query timed out"));
        }
        Ok(())
    }
}
