//! Whole-binary tests: they start the program that a user starts, drive it with real clients, kill it and start it
//! again. This library is what those tests share; the tests stand in `tests/tests/`.
//!
//! Nothing here knows the program's insides: only its flags, its HTTP surface and its data directory.

#![allow(clippy::print_stderr, reason = "a failed test shows the log of what it started")]

pub mod binary;
pub mod clients;
pub mod docker;
pub mod group;
pub mod mounted;
pub mod write;

pub use binary::Bonghwa;
pub use testkit::suite::{Case, Component, run};

use std::time::{Duration, Instant};

/// Polls until `probe` gives something; after `limit` the test fails with `what`. The limit is a bound on a broken
/// run, not a promise of speed.
///
/// # Panics
/// When the limit passes.
pub fn eventually<T>(what: &str, limit: Duration, mut probe: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(found) = probe() {
            return found;
        }
        assert!(Instant::now() < deadline, "not seen within {limit:?}: {what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}
