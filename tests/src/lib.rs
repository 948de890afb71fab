//! Whole-binary tests: they start the program that a user starts, drive it with real clients, kill it and start it
//! again. This library is what those tests share; the tests stand in `tests/tests/`.
//!
//! Nothing here knows the program's insides: only its flags, its HTTP surface and its data directory.

#![allow(clippy::print_stderr, reason = "a skipped test says so on standard error")]

pub mod binary;
pub mod docker;

pub use binary::Bonghwa;

use std::time::{Duration, Instant};

/// Says by name what a test lacks. The caller returns: the test counts as skipped in the log, never as proof.
pub fn skipped(test: &str, missing: &str) {
    eprintln!("skipped: {test}: {missing} is missing");
}

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
