//! What must be done now and then: upkeep of the stores, and the memory limit.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use model::{Budget, Error, Result};

use crate::memory;
use crate::metrics::Metrics;
use crate::shedding::Watch;
use crate::stores::Stores;

const MAINTAIN: Duration = Duration::from_secs(2);
const RECORDS: Duration = Duration::from_millis(250);
/// A burst must not get far beyond the limit before it is seen.
const CORRECT: Duration = Duration::from_millis(200);
/// Once in so many corrections metrics and the status page hear of it.
const TELL: u32 = 5;

/// A thread for each: upkeep may take minutes, the memory limit is corrected five times a second.
pub(crate) struct Background {
    stop: Vec<Sender<()>>,
    threads: Vec<JoinHandle<()>>,
}

/// A half of the upkeep of records.
type Upkeep = fn(&events::wide::Store) -> Result<()>;

impl Background {
    pub(crate) fn start(
        stores: Stores,
        budget: Budget,
        mut watch: Watch,
        memory_limit: u64,
        metrics: Metrics,
    ) -> Result<Self> {
        let mut background = Self { stop: Vec::new(), threads: Vec::new() };
        let failures = metrics.maintenance_failures.clone();
        let shared = stores.clone();
        let Stores { samples, events, records, .. } = stores;
        background.every("upkeep", MAINTAIN, move || {
            shared.share_out();
            for (store, result) in [("metrics", samples.maintain()), ("events", events.maintain())] {
                if let Err(error) = result {
                    failures.inc();
                    tracing::error!(store, %error, detail = error.detail, "upkeep failed; it is tried again");
                }
            }
        })?;
        // Lines come faster than samples: what is in memory must go to disk at once, whatever is being merged.
        let halves: [(&'static str, Upkeep); 2] = [
            ("records", events::wide::Store::maintain_memory),
            ("record parts", events::wide::Store::maintain_parts),
        ];
        for (name, upkeep) in halves {
            let (failures, records) = (metrics.maintenance_failures.clone(), records.clone());
            background.every(name, RECORDS, move || {
                if let Err(error) = upkeep(&records) {
                    failures.inc();
                    tracing::error!(%error, detail = error.detail, "upkeep of logs failed; it is tried again");
                }
            })?;
        }
        metrics.memory_limit.set(i64::try_from(memory_limit).unwrap_or(i64::MAX));
        let mut corrections = 0_u32;
        background.every("memory", CORRECT, move || {
            let resident = memory::resident();
            memory::correct(&budget, memory_limit, resident);
            corrections = corrections.wrapping_add(1);
            if !corrections.is_multiple_of(TELL) {
                return;
            }
            watch.look(&budget, memory_limit, resident);
            let gauge = |bytes: u64| i64::try_from(bytes).unwrap_or(i64::MAX);
            metrics.resident.set(gauge(resident));
            metrics.reserved.set(gauge(budget.used()));
            metrics.log_suppressed.set(gauge(crate::log::suppressed()));
            metrics.refused.set(gauge(budget.refused()));
        })?;
        Ok(background)
    }

    /// Does `work` at an interval, in a thread of its own, until everything stops.
    pub(crate) fn every(
        &mut self,
        name: &str,
        interval: Duration,
        mut work: impl FnMut() + Send + 'static,
    ) -> Result<()> {
        let (stop, stopped) = channel();
        let thread = std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || run(&stopped, interval, &mut work))
            .map_err(|e| Error::internal("a thread cannot be started").with_detail(e))?;
        self.stop.push(stop);
        self.threads.push(thread);
        Ok(())
    }

    /// Ends the threads; what they are at is finished.
    pub(crate) async fn stop(mut self) {
        self.stop.clear();
        let threads = std::mem::take(&mut self.threads);
        let joined = tokio::task::spawn_blocking(move || {
            threads.into_iter().map(JoinHandle::join).filter(|joined| joined.is_err()).count()
        });
        if joined.await.unwrap_or(1) > 0 {
            tracing::error!("a background thread panicked");
        }
    }
}

fn run(stopped: &Receiver<()>, interval: Duration, work: &mut impl FnMut()) {
    let mut next = Instant::now() + interval;
    while let Err(RecvTimeoutError::Timeout) =
        stopped.recv_timeout(next.saturating_duration_since(Instant::now()))
    {
        work();
        next = Instant::now() + interval;
    }
}
