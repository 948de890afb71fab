//! The targets of one job, kept in step with what discovery finds.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Instant;

use model::target::DroppedTarget;
use model::{Budget, Clock, Labels, MetricWriter};
use outbound::{ClientOptions, Clients};
use parking_lot::{Mutex, RwLock};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::append::Appender;
use super::config::ScrapeConfig;
use super::failures::FailureLog;
use super::manager::Features;
use super::metrics::{Job, Metrics, PoolName};
use super::runner::{Loop, Shared};
use super::target::{self, Built, Target};
use crate::discovery::{Found, Owner};

/// How many dropped targets a job remembers where it does not say.
const KEEP_DROPPED: usize = 2_000;

/// What every pool needs.
#[derive(Clone)]
pub(crate) struct Context {
    pub(crate) writer: Arc<dyn MetricWriter>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) metrics: Metrics,
    pub(crate) clients: Arc<Clients>,
    pub(crate) seed: u64,
    pub(crate) features: Features,
    pub(crate) budget: Budget,
    pub(crate) shutdown: CancellationToken,
    pub(crate) tasks: TaskTracker,
}

/// One job's loops.
pub(crate) struct Pool {
    context: Context,
    shared: Arc<Shared>,
    loops: Mutex<HashMap<u64, Loop>>,
    /// Label sets of the running targets, for loops that end.
    active: Arc<RwLock<HashSet<Labels>>>,
    dropped: Mutex<Vec<DroppedTarget>>,
    problems: Mutex<Vec<String>>,
    /// Held while targets are exchanged.
    syncing: Mutex<()>,
}

impl Pool {
    /// A pool without targets.
    pub(crate) fn new(job: &ScrapeConfig, context: Context) -> Self {
        let shared = Shared {
            job: Arc::new(job.clone()),
            client: RwLock::new(context.clients.get(&job.http, &ClientOptions::default())),
            clock: context.clock.clone(),
            forced_error: RwLock::default(),
            seed: context.seed,
            budget: context.budget.clone(),
            intervals: context.metrics.intervals.clone(),
            failures: job.scrape_failure_log_file.as_deref().map(|path| Arc::new(FailureLog::new(path))),
        };
        Self {
            context,
            shared: Arc::new(shared),
            loops: Mutex::default(),
            active: Arc::default(),
            dropped: Mutex::default(),
            problems: Mutex::default(),
            syncing: Mutex::default(),
        }
    }

    /// Tries again to make a client where there was none. Loops use it from their next scrape on.
    pub(crate) fn renew_client(&self) {
        let mut client = self.shared.client.write();
        if client.is_err() {
            *client = self.context.clients.get(&self.shared.job.http, &ClientOptions::default());
        }
    }

    /// Starts loops of new targets and stops those of targets that are gone. `job` is the current configuration: it
    /// may differ from the pool's in discovery and target rules. Does nothing once `stop` is cancelled: then a newer
    /// configuration decides.
    pub(crate) fn sync(&self, job: &ScrapeConfig, found: &[Found], stop: &CancellationToken) {
        let started = Instant::now();
        let _one_at_a_time = self.syncing.lock();
        if stop.is_cancelled() {
            return;
        }
        let (mut wanted, mut dropped, mut problems) = (HashMap::new(), Vec::new(), Vec::new());
        let keep_dropped = match job.keep_dropped_targets {
            0 => KEEP_DROPPED,
            some => usize::try_from(some).unwrap_or(KEEP_DROPPED),
        };
        for found in found {
            let discovered = target::discovered(job, found);
            match target::build(job, &discovered) {
                Ok(Built::Target(target)) => {
                    wanted.entry(target.key).or_insert(target);
                }
                Ok(Built::Dropped) if dropped.len() < keep_dropped => {
                    dropped.push(DroppedTarget { pool: job.job_name.clone(), discovered });
                }
                Ok(Built::Dropped) => {}
                Err(error) => {
                    tracing::warn!(job = %job.job_name, %error, target = %found, "not a usable target");
                    if problems.len() < KEEP_DROPPED {
                        problems.push(format!("{found}: {error}"));
                    }
                }
            }
        }
        *self.dropped.lock() = dropped;
        *self.problems.lock() = problems;
        self.limit(job, wanted.len());
        *self.active.write() = wanted.values().map(|target| target.labels.clone()).collect();
        let gauge =
            self.context.metrics.targets.get_or_create_owned(&Job { scrape_job: job.job_name.clone() });
        gauge.set(wanted.len() as i64);
        let metrics = &self.context.metrics;
        let name = PoolName { scrape_job: job.job_name.clone() };
        metrics.target_limit.get_or_create(&name).set(i64::try_from(job.target_limit).unwrap_or(i64::MAX));
        metrics.syncs.get_or_create(&name).inc();
        let failed = self.problems.lock().len();
        metrics.sync_failures.get_or_create(&name).inc_by(failed as u64);
        self.start_and_stop(wanted);
        metrics.sync_seconds.observe(&of_pool(&job.job_name), started.elapsed().as_secs_f64());
    }

    fn limit(&self, job: &ScrapeConfig, targets: usize) {
        let over = job.target_limit > 0 && targets as u64 > job.target_limit;
        let error =
            format!("target_limit exceeded (number of targets: {targets}, limit: {})", job.target_limit);
        *self.shared.forced_error.write() = over.then_some(error);
    }

    fn start_and_stop(&self, mut wanted: HashMap<u64, Box<Target>>) {
        let mut loops = self.loops.lock();
        loops.retain(|key, running| match wanted.remove(key) {
            Some(same) => {
                *running.target.discovered.lock() = same.discovered.into_inner();
                true
            }
            None => {
                running.stop();
                false
            }
        });
        for (key, target) in wanted {
            let target: Arc<Target> = Arc::from(target);
            let context = &self.context;
            let appender = Appender::new(
                target.clone(),
                self.shared.job.clone(),
                context.writer.clone(),
                context.metrics.clone(),
                context.features,
            );
            let (active, labels) = (self.active.clone(), target.labels.clone());
            let revived = move || active.read().contains(&labels);
            let shutdown = context.shutdown.clone();
            let started =
                Loop::start(target, self.shared.clone(), appender, shutdown, revived, &context.tasks);
            loops.insert(key, started);
        }
    }

    /// Stops all loops. Series of targets whose labels are in `going_on` are not ended.
    pub(crate) fn stop(&self, going_on: HashSet<Labels>) {
        *self.active.write() = going_on;
        for running in self.loops.lock().values() {
            running.stop();
        }
    }

    /// Takes the figures of the job off the metrics.
    pub(crate) fn forget(&self) {
        let (metrics, scrape_job) = (&self.context.metrics, self.shared.job.job_name.clone());
        metrics.targets.remove(&Job { scrape_job: scrape_job.clone() });
        metrics.discovery.forget(&Owner { name: "scrape", config: scrape_job.clone() });
        metrics.target_limit.remove(&PoolName { scrape_job: scrape_job.clone() });
        metrics.sync_seconds.remove(&of_pool(&scrape_job));
        metrics.sync_failures.remove(&PoolName { scrape_job: scrape_job.clone() });
        metrics.syncs.remove(&PoolName { scrape_job });
    }

    /// The running targets.
    pub(crate) fn targets(&self) -> Vec<Arc<Target>> {
        self.loops.lock().values().map(|running| running.target.clone()).collect()
    }

    /// Targets that rules dropped.
    pub(crate) fn dropped(&self) -> Vec<DroppedTarget> {
        self.dropped.lock().clone()
    }

    /// Discovered label sets that cannot be scraped, and why; a client that cannot be had.
    pub(crate) fn problems(&self) -> Vec<String> {
        let mut problems = self.problems.lock().clone();
        problems.extend(self.shared.client.read().as_ref().err().cloned());
        problems
    }
}

fn of_pool(job: &str) -> model::summary::LabelSet {
    vec![("scrape_job".to_owned(), job.to_owned())]
}
