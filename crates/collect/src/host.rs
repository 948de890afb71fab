//! The host collector: node_exporter's series, read here.
//!
//! What it is: a dozen and a half sources (`host/source/`, one file each) that read /proc, /sys and the mount table
//! under the names and labels of node_exporter, and a thread that runs them at each multiple of the interval.
//!
//! What it is not: it knows no container and no runtime, and it answers no query. Inside a container that does not
//! see the host it publishes nothing and says why ([`Host::obstacles`]).
//!
//! ```text
//! source::* --samples (canonical text + value)--> collector --> publish --MetricWriter--> intake
//!                                                     \--> Latest --> the live page
//! ```
//!
//! Start reading at [`Host`], then `collector.rs`, then any file of `source/`.

mod collector;
mod config;
mod environment;
mod expose;
mod facts;
mod filter;
mod metrics;
mod paths;
mod probe;
mod publish;
mod read;
mod samples;
mod source;
mod text;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use model::container::Obstacle;
use model::{Clock, Error, Labels, MetricWriter, Result};
use parking_lot::{Mutex, RwLock};

pub use config::Config;
pub use expose::exposition;
pub use facts::{Facts, hostname};
pub use metrics::Metrics;
pub use paths::HostPaths;
pub use source::NAMES;

use collector::Collector;
use publish::Publisher;
use samples::{Samples, labels_of};

/// While a page watches, the host is read this often for it.
const LIVE_INTERVAL_MS: i64 = 1_000;
/// A page that has not asked for so long is gone.
const WATCHED_FOR_MS: i64 = 15_000;

/// The newest round.
#[derive(Debug, Clone, Default)]
pub struct Latest {
    /// When, ms since the Unix epoch; 0: there was none yet.
    pub t_ms: i64,
    /// Series with their values, in the order of collection.
    pub samples: Vec<(Labels, f64)>,
}

impl Latest {
    /// The value of the first series called `name` that has all of `labels`.
    pub fn value(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let wanted = |l: &Labels| l.metric_name() == name && labels.iter().all(|(n, v)| l.get(n) == Some(v));
        self.samples.iter().find(|(l, _)| wanted(l)).map(|(_, value)| *value)
    }
}

/// A running host collector.
pub struct Host {
    shared: Arc<Shared>,
    clock: Arc<dyn Clock>,
    /// Dropping the sender ends the thread.
    stop: Mutex<Option<Sender<()>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

struct Shared {
    latest: RwLock<Arc<Latest>>,
    environment: Vec<Obstacle>,
    failures: Mutex<Vec<Obstacle>>,
    watched_until_ms: AtomicI64,
    facts: Facts,
    metrics: Metrics,
}

impl Host {
    /// Reads the host at once and then at every multiple of `interval`. Fails where an expression of `config` does not
    /// compile.
    pub fn start(
        config: &Config,
        interval: Duration,
        writer: Arc<dyn MetricWriter>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self> {
        config.check()?;
        let paths = HostPaths::new(config);
        let environment = environment::check(config, &paths);
        let sees_root = !environment.hidden && !environment.no_filesystem;
        let facts = Facts::read(config, &paths, sees_root);
        let mut config = config.clone();
        if environment.no_filesystem {
            config.disabled.push("filesystem".to_owned());
        }
        let instance = config.instance.clone().unwrap_or_else(|| facts.hostname.clone());
        let collector = Collector::new(&config, &paths, &instance)?;
        let shared = Arc::new(Shared {
            latest: RwLock::default(),
            environment: environment.obstacles,
            failures: Mutex::default(),
            watched_until_ms: AtomicI64::new(i64::MIN),
            facts,
            metrics: Metrics::default(),
        });
        let host = Self { shared, clock, stop: Mutex::new(None), thread: Mutex::new(None) };
        if !environment.hidden {
            let publisher = config.store.then(|| Publisher::new(writer));
            host.spawn(collector, publisher, interval)?;
        }
        Ok(host)
    }

    fn spawn(&self, collector: Collector, publisher: Option<Publisher>, interval: Duration) -> Result<()> {
        let (stop, stopped) = channel();
        let interval_ms = i64::try_from(interval.as_millis()).unwrap_or(i64::MAX).max(1);
        let worker = Worker {
            collector,
            publisher,
            interval_ms,
            shared: Arc::clone(&self.shared),
            clock: Arc::clone(&self.clock),
        };
        let thread = std::thread::Builder::new()
            .name("host-collector".into())
            .spawn(move || worker.run(&stopped))
            .map_err(|error| Error::internal("the host collector cannot start").with_detail(error))?;
        *self.stop.lock() = Some(stop);
        *self.thread.lock() = Some(thread);
        Ok(())
    }

    /// The newest round.
    pub fn latest(&self) -> Arc<Latest> {
        Arc::clone(&self.shared.latest.read())
    }

    /// Says that a page is watching: until it has not said so for 15 s, [`Self::latest`] is renewed every second.
    pub fn touch(&self) {
        let until = self.clock.now_ms().saturating_add(WATCHED_FOR_MS);
        self.shared.watched_until_ms.store(until, Ordering::Relaxed);
    }

    /// What keeps host series away, and what the last round could not read.
    pub fn obstacles(&self) -> Vec<Obstacle> {
        let mut all = self.shared.environment.clone();
        all.extend(self.shared.failures.lock().iter().cloned());
        all
    }

    /// What the host is.
    pub fn facts(&self) -> &Facts {
        &self.shared.facts
    }

    /// Counters of the collector itself.
    pub fn metrics(&self) -> &Metrics {
        &self.shared.metrics
    }

    /// Ends the thread; when this returns, the last round is stored.
    pub async fn stop(&self) {
        drop(self.stop.lock().take());
        let thread = self.thread.lock().take();
        if let Some(thread) = thread {
            let joined = tokio::task::spawn_blocking(move || thread.join()).await;
            if !matches!(joined, Ok(Ok(()))) {
                tracing::error!("the host collector's thread panicked");
            }
        }
    }
}

struct Worker {
    collector: Collector,
    publisher: Option<Publisher>,
    interval_ms: i64,
    shared: Arc<Shared>,
    clock: Arc<dyn Clock>,
}

impl Worker {
    fn run(mut self, stopped: &Receiver<()>) {
        self.round(self.clock.now_ms(), true);
        loop {
            let now = self.clock.now_ms();
            let watched = now < self.shared.watched_until_ms.load(Ordering::Relaxed);
            let due = next_round(now, self.interval_ms, watched);
            // In short waits, so that a page that begins to watch is noticed.
            let wait = due.saturating_sub(now).clamp(1, LIVE_INTERVAL_MS);
            match stopped.recv_timeout(Duration::from_millis(wait.unsigned_abs())) {
                Err(RecvTimeoutError::Timeout) => {}
                Ok(()) | Err(RecvTimeoutError::Disconnected) => return,
            }
            if self.clock.now_ms() >= due {
                self.round(due, due.rem_euclid(self.interval_ms) == 0);
            }
        }
    }

    fn round(&mut self, t_ms: i64, store: bool) {
        let before = thread_cpu_seconds();
        let samples = self.collector.collect(t_ms);
        *self.shared.latest.write() = Arc::new(latest(samples, t_ms));
        let metrics = &self.shared.metrics;
        if let (true, Some(publisher)) = (store, &mut self.publisher) {
            match publisher.publish(samples, t_ms) {
                Ok(done) => {
                    metrics.samples.inc_by(done.accepted as u64);
                    for (reason, n) in done.rejected {
                        let reason = metrics::Reason { reason: reason.as_str() };
                        metrics.rejected.get_or_create(&reason).inc_by(n as u64);
                    }
                }
                Err(error) => {
                    metrics.failed.inc();
                    let detail = error.detail.as_deref().unwrap_or_default();
                    tracing::warn!(%error, detail, "the host's samples were not stored");
                }
            }
        }
        let failures = self.collector.failures();
        metrics.failing.set(failures.len() as i64);
        *self.shared.failures.lock() = failures;
        metrics.rounds.inc();
        metrics.cpu_seconds.inc_by((thread_cpu_seconds() - before).max(0.0));
    }
}

fn latest(samples: &Samples, t_ms: i64) -> Latest {
    Latest { t_ms, samples: samples.iter().map(|(series, e)| (labels_of(series), e.value)).collect() }
}

/// When to read next: at the next multiple of the interval, and at whole seconds before it while a page watches.
fn next_round(now: i64, interval_ms: i64, watched: bool) -> i64 {
    let stored = next_multiple(now, interval_ms);
    if watched { stored.min(next_multiple(now, LIVE_INTERVAL_MS)) } else { stored }
}

/// The first multiple of `step` after `now`.
fn next_multiple(now: i64, step: i64) -> i64 {
    now.div_euclid(step).saturating_add(1).saturating_mul(step)
}

fn thread_cpu_seconds() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}
