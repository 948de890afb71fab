//! What a query may hold: a number of samples, and bytes of the memory budget.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use model::{Budget, Reservation};

use crate::promql::engine::QueryError;

/// The text of Prometheus for a query that holds too much.
pub(crate) const TOO_MANY_SAMPLES: &str =
    "query processing would load too many samples into memory in query execution";

/// Bytes that are reserved at once for what is about to be built.
const AHEAD: u64 = 256 << 10;

/// Counts what one query holds.
#[derive(Debug, Clone)]
pub(crate) struct Meter(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    budget: Budget,
    samples: AtomicU64,
    /// The most samples that were held at one time.
    peak: AtomicU64,
    max_samples: u64,
}

/// Held samples and bytes; dropping gives them back.
#[derive(Debug)]
pub(crate) struct Charge {
    meter: Meter,
    samples: u64,
    /// Bytes that are reserved and not yet used.
    ahead: u64,
    reservations: Vec<Reservation>,
}

impl Meter {
    pub(crate) fn new(budget: Budget, max_samples: u64) -> Self {
        Self(Arc::new(Inner { budget, samples: AtomicU64::new(0), peak: AtomicU64::new(0), max_samples }))
    }

    /// The most samples that were held at one time.
    pub(crate) fn peak(&self) -> u64 {
        self.0.peak.load(Ordering::Relaxed)
    }

    /// A charge for nothing yet.
    pub(crate) fn charge(&self) -> Charge {
        Charge { meter: self.clone(), samples: 0, ahead: 0, reservations: Vec::new() }
    }
}

impl Charge {
    /// Holds `samples` more samples and `bytes` more bytes, or refuses.
    pub(crate) fn grow(&mut self, samples: u64, bytes: u64) -> Result<(), QueryError> {
        let inner = &self.meter.0;
        let held = match samples {
            0 => 0,
            _ => inner.samples.fetch_add(samples, Ordering::Relaxed) + samples,
        };
        self.samples += samples;
        if samples > 0 && held > inner.peak.load(Ordering::Relaxed) {
            inner.peak.fetch_max(held, Ordering::Relaxed);
        }
        if held > inner.max_samples {
            return Err(QueryError::TooManySamples(TOO_MANY_SAMPLES.to_owned()));
        }
        if bytes == 0 {
            return Ok(());
        }
        let grown = match self.reservations.last_mut() {
            Some(reservation) => reservation.grow(bytes),
            None => inner.budget.reserve(bytes).map(|r| self.reservations.push(r)),
        };
        grown.map_err(|e| QueryError::TooManySamples(e.message))
    }

    /// Reserves `bytes` for something that is about to be built, unless as much is left from the last time.
    pub(crate) fn prepare(&mut self, bytes: u64) -> Result<(), QueryError> {
        if self.ahead < bytes {
            // Some more than is needed, so that threads do not meet at the budget for every series; less near its end.
            let more = (bytes - self.ahead).max(AHEAD);
            match self.grow(0, more) {
                Ok(()) => self.ahead += more,
                Err(_) => {
                    self.grow(0, bytes - self.ahead)?;
                    self.ahead = bytes;
                }
            }
        }
        Ok(())
    }

    /// Holds `samples` that were built in `bytes` of what was prepared.
    pub(crate) fn spend(&mut self, samples: u64, bytes: u64) -> Result<(), QueryError> {
        self.ahead = self.ahead.saturating_sub(bytes);
        self.grow(samples, 0)
    }

    /// Takes over what `other` holds.
    pub(crate) fn absorb(&mut self, mut other: Self) {
        self.samples += std::mem::take(&mut other.samples);
        self.reservations.append(&mut other.reservations);
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        if self.samples == 0 {
            return;
        }
        self.meter.0.samples.fetch_sub(self.samples, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_beyond_either_limit_and_gives_back() {
        let budget = Budget::new("queries", 100);
        let meter = Meter::new(budget.clone(), 10);
        let mut charge = meter.charge();
        charge.grow(8, 80).unwrap();
        let mut other = meter.charge();
        assert_eq!(other.grow(3, 0).unwrap_err().to_string(), TOO_MANY_SAMPLES);
        drop(other);
        assert!(meter.charge().grow(1, 30).is_err(), "over the memory budget");
        drop(charge);
        assert_eq!(budget.used(), 0);
        meter.charge().grow(10, 100).unwrap();
    }
}
