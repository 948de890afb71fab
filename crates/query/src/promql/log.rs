//! Telling somebody of the queries that were evaluated. The engine does not know who asked: whoever evaluates tells.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::value::QueryStats;

/// Who asked for a query.
#[derive(Debug, Clone, Copy)]
pub enum QueryOrigin<'a> {
    /// A client.
    Http {
        /// Its address, without the port.
        client: &'a str,
        /// The method of the request.
        method: &'a str,
        /// The path of the request.
        path: &'a str,
    },
    /// A group of rules.
    Rules {
        /// Its file.
        file: &'a str,
        /// Its name.
        group: &'a str,
    },
}

/// A query that was evaluated, or could not be.
#[derive(Debug, Clone, Copy)]
pub struct LoggedQuery<'a> {
    /// The text.
    pub query: &'a str,
    /// First and last time asked for, ms.
    pub start_ms: i64,
    /// See `start_ms`.
    pub end_ms: i64,
    /// Between two times, ms; 0: one time only.
    pub step_ms: i64,
    /// Why there is no result.
    pub error: Option<&'a str>,
    /// Where its time went.
    pub stats: &'a QueryStats,
    /// How long it took, waiting included.
    pub total: Duration,
    /// Who asked.
    pub origin: QueryOrigin<'a>,
}

/// Keeps a record of queries. Implemented by whoever writes it.
pub trait QueryLog: Send + Sync {
    /// Whether anybody wants to know.
    fn is_on(&self) -> bool;

    /// Records one query.
    fn log(&self, query: &LoggedQuery<'_>);
}

/// The record that an engine's users keep, if any.
#[derive(Clone, Default)]
pub struct Logs(pub Option<Arc<dyn QueryLog>>);

impl fmt::Debug for Logs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Logs").field(&self.0.is_some()).finish()
    }
}

impl Logs {
    /// The record, where it is wanted at the moment.
    pub fn on(&self) -> Option<&dyn QueryLog> {
        self.0.as_deref().filter(|log| log.is_on())
    }
}
