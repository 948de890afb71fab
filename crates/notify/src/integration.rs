//! What every receiver can do.

use std::fmt;
use std::time::Duration;

use futures::future::BoxFuture;

use crate::Notification;

/// One way of one receiver to tell people. It makes one attempt at a call.
pub trait Integration: Send + Sync {
    /// What kind it is: `webhook`, `email`, `slack` ...; the label `integration` of metrics.
    fn kind(&self) -> &'static str;

    /// Whether it wants to hear that alerts are resolved.
    fn send_resolved(&self) -> bool;

    /// Sends a notification. Whoever calls limits the time.
    fn notify<'a>(&'a self, notification: &'a Notification) -> BoxFuture<'a, Result<Delivered, Failure>>;
}

/// The answer of a service that took a notification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivered {
    /// What it said, shortened, without secrets: `200 OK`, `250 queued as 4Xb`.
    pub answer: String,
}

/// Whether another attempt makes sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// It would fail again.
    Never,
    /// After the caller's own pause.
    Later,
    /// Not before this has passed: the service said so.
    After(Duration),
}

/// Why a notification was not delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What went wrong, without secrets.
    pub message: String,
    /// Whether another attempt makes sense.
    pub retry: Retry,
    /// The reason as Alertmanager's `notifications_failed_total` labels it: `clientError`, `serverError`,
    /// `authError`, `rateLimited`, `contextCanceled`, `contextDeadlineExceeded`, `other`.
    pub reason: &'static str,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

impl Failure {
    /// It would fail again.
    pub(crate) fn never(message: impl Into<String>) -> Self {
        Self { message: message.into(), retry: Retry::Never, reason: "other" }
    }

    /// It may work later.
    pub(crate) fn later(message: impl Into<String>) -> Self {
        Self { message: message.into(), retry: Retry::Later, reason: "other" }
    }

    /// The service said no in a way that another attempt does not change.
    pub(crate) fn refused(message: impl Into<String>) -> Self {
        Self { message: message.into(), retry: Retry::Never, reason: "clientError" }
    }
}

/// A template that cannot be rendered fails again.
impl From<String> for Failure {
    fn from(message: String) -> Self {
        Self::never(message)
    }
}
