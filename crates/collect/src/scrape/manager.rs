//! All jobs: starts, reloads and stops them, and tells what they do.

use std::collections::HashSet;
use std::sync::Arc;

use model::config::Duration;
use model::metrics::Family;
use model::target::{DroppedTarget, RelabelStep, TargetStatus, Targets};
use model::{Budget, Clock, Labels, MetricWriter, relabel};
use outbound::discovery::Configs;
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use xxhash_rust::xxh3::xxh3_64;

use super::config::{GlobalConfig, ScrapeConfig, check_names};
use super::metrics::Metrics;
use super::pool::{Context, Pool};
use crate::discovery::{Discovery, Owner};

/// The scraper. Dropping it without [`Manager::stop`] stops it too, but waits for nothing.
pub struct Manager {
    context: Context,
    jobs: Mutex<Vec<Running>>,
}

impl std::fmt::Debug for Manager {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Manager").field("jobs", &self.jobs.lock().len()).finish_non_exhaustive()
    }
}

/// A job with its discovery and its loops.
struct Running {
    job: ScrapeConfig,
    pool: Arc<Pool>,
    discovery: Arc<Discovery>,
    /// Ends discovery and the task that feeds the pool.
    stop: CancellationToken,
}

/// What Prometheus has behind `--enable-feature`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Features {
    /// Start timestamps of counters and histograms are stored with their samples.
    pub start_timestamps: bool,
    /// Series get the labels `__type__` and `__unit__`.
    pub type_and_unit_labels: bool,
}

/// Something about a job that its owner should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The job.
    pub job: String,
    /// What is wrong.
    pub message: String,
}

impl Manager {
    /// Starts all jobs. Bodies are reserved from `budget`. Call it within a Tokio runtime. The error names the job that cannot be.
    pub fn start(
        jobs: Vec<ScrapeConfig>,
        global: &GlobalConfig,
        writer: Arc<dyn MetricWriter>,
        clock: Arc<dyn Clock>,
        features: Features,
        budget: Budget,
    ) -> model::Result<Arc<Self>> {
        let jobs = resolve(jobs, global)?;
        let context = Context {
            writer,
            clock,
            metrics: Metrics::default(),
            clients: Arc::default(),
            seed: xxh3_64(rustix::system::uname().nodename().to_bytes()),
            features,
            budget,
            shutdown: CancellationToken::new(),
            tasks: TaskTracker::new(),
        };
        context.metrics.note_unsupported(&jobs);
        let running = jobs.into_iter().map(|job| Running::start(job, &context)).collect();
        Ok(Arc::new(Self { context, jobs: Mutex::new(running) }))
    }

    /// Takes a new configuration. Targets whose identity and way of scraping stay the same are not interrupted. On an
    /// error everything goes on as before.
    pub fn apply(&self, jobs: Vec<ScrapeConfig>, global: &GlobalConfig) -> model::Result<()> {
        let jobs = resolve(jobs, global)?;
        self.context.metrics.note_unsupported(&jobs);
        let mut running = self.jobs.lock();
        let mut old: Vec<Running> = std::mem::take(&mut *running);
        for job in jobs {
            let before = old.iter().position(|running| running.job.job_name == job.job_name);
            let next = match before.map(|at| old.swap_remove(at)) {
                Some(same) if same.job == job => {
                    same.pool.renew_client();
                    same
                }
                Some(other) if scraping(&other.job) == scraping(&job) => other.rediscover(job, &self.context),
                Some(other) => {
                    // Before the next one has figures under the same name.
                    other.pool.forget();
                    let next = Running::start(job, &self.context);
                    other.stop(next.labels());
                    next
                }
                None => Running::start(job, &self.context),
            };
            running.push(next);
        }
        for gone in old {
            gone.stop(HashSet::new());
            gone.pool.forget();
        }
        Ok(())
    }

    /// Stops all loops and waits until none is storing any more. No series is ended: they go on after a restart.
    pub async fn stop(&self) {
        self.context.shutdown.cancel();
        for running in self.jobs.lock().iter() {
            running.stop.cancel();
        }
        self.context.tasks.close();
        self.context.tasks.wait().await;
    }

    /// The scraper's own metrics, to register.
    pub fn metrics(&self) -> &Metrics {
        &self.context.metrics
    }

    /// What is wrong with jobs: discovery that fails or is not supported, label sets that are no targets.
    pub fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        for running in self.jobs.lock().iter() {
            let messages = running
                .job
                .unsupported()
                .into_iter()
                .chain(running.discovery.errors())
                .chain(running.pool.problems());
            problems.extend(messages.map(|message| Problem { job: running.job.job_name.clone(), message }));
        }
        problems
    }
}

impl Drop for Manager {
    fn drop(&mut self) {
        self.context.shutdown.cancel();
    }
}

fn resolve(mut jobs: Vec<ScrapeConfig>, global: &GlobalConfig) -> model::Result<Vec<ScrapeConfig>> {
    check_names(&jobs).map_err(model::Error::invalid)?;
    for job in &mut jobs {
        job.resolve(global).map_err(model::Error::invalid)?;
    }
    Ok(jobs)
}

/// The part of a job that its loops depend on. What is left out only decides which targets there are.
fn scraping(job: &ScrapeConfig) -> ScrapeConfig {
    ScrapeConfig {
        job_name: job.job_name.clone(),
        // These reach a loop through its target.
        scrape_interval: Duration::default(),
        scrape_timeout: Duration::default(),
        metrics_path: String::new(),
        scheme: String::new(),
        params: std::collections::BTreeMap::new(),
        target_limit: 0,
        keep_dropped_targets: 0,
        relabel_configs: Vec::new(),
        discovery: Configs::default(),
        ..job.clone()
    }
}

impl Running {
    fn start(job: ScrapeConfig, context: &Context) -> Self {
        for message in job.unsupported() {
            tracing::warn!(job = %job.job_name, "{message}");
        }
        let pool = Arc::new(Pool::new(&job, context.clone()));
        context.metrics.pools.inc();
        Self::with_pool(job, pool, context)
    }

    /// Starts discovery for a pool. Static targets run at once; others follow as they are found.
    fn with_pool(job: ScrapeConfig, pool: Arc<Pool>, context: &Context) -> Self {
        let stop = context.shutdown.child_token();
        let owner = Owner { name: "scrape", config: job.job_name.clone() };
        let counted = Some((context.metrics.discovery.clone(), owner));
        let discovery = Discovery::start(&job.discovery, &context.clients, &stop, &context.tasks, counted);
        let discovery = Arc::new(discovery);
        let mut changes = discovery.changes();
        changes.mark_unchanged();
        pool.sync(&job, &discovery.found(), &stop);
        let (feed, source, fed, stopped) = (job.clone(), discovery.clone(), pool.clone(), stop.clone());
        context.tasks.spawn(async move {
            loop {
                tokio::select! {
                    biased;
                    () = stopped.cancelled() => return,
                    changed = changes.changed() => if changed.is_err() { return },
                }
                fed.sync(&feed, &source.found(), &stopped);
            }
        });
        Self { job, pool, discovery, stop }
    }

    /// The same loops with another discovery or other target rules.
    fn rediscover(self, job: ScrapeConfig, context: &Context) -> Self {
        self.stop.cancel();
        context.metrics.reloads.inc();
        self.pool.renew_client();
        Self::with_pool(job, self.pool, context)
    }

    fn stop(&self, going_on: HashSet<Labels>) {
        self.stop.cancel();
        self.pool.stop(going_on);
    }

    fn labels(&self) -> HashSet<Labels> {
        self.pool.targets().iter().map(|target| target.labels.clone()).collect()
    }
}

impl Targets for Manager {
    fn active(&self) -> Vec<TargetStatus> {
        let mut all: Vec<TargetStatus> =
            self.jobs.lock().iter().flat_map(|r| r.pool.targets()).map(|t| t.status()).collect();
        all.sort_by(|a, b| (&a.pool, &a.labels).cmp(&(&b.pool, &b.labels)));
        all
    }

    fn dropped(&self) -> Vec<DroppedTarget> {
        self.jobs.lock().iter().flat_map(|running| running.pool.dropped()).collect()
    }

    fn pools(&self) -> Vec<model::target::Pool> {
        let of = |running: &Running| model::target::Pool {
            name: running.job.job_name.clone(),
            unsupported: running.job.discovery.unsupported().into_iter().map(str::to_owned).collect(),
        };
        let mut all: Vec<_> = self.jobs.lock().iter().map(of).collect();
        all.sort_by(|a, b| a.name.cmp(&b.name));
        all
    }

    fn pool_config(&self, pool: &str) -> Option<String> {
        let jobs = self.jobs.lock();
        let running = jobs.iter().find(|running| running.job.job_name == pool)?;
        // Secrets hide themselves.
        serde_saphyr::to_string(&running.job).ok()
    }

    fn relabel_steps(&self, pool: &str, labels: &Labels) -> Option<Vec<RelabelStep>> {
        let jobs = self.jobs.lock();
        let job = &jobs.iter().find(|running| running.job.job_name == pool)?.job;
        let mut builder = labels.to_builder();
        let mut keep = true;
        let steps = job.relabel_configs.iter().map(|rule| {
            keep = keep && relabel::apply(std::slice::from_ref(rule), &mut builder, job.legacy_names());
            let rule = serde_json::to_value(rule).and_then(serde_json::from_value).unwrap_or_default();
            let output = if keep { builder.build() } else { Labels::default() };
            RelabelStep { rule, output, keep }
        });
        Some(steps.collect())
    }

    fn metadata(&self) -> Vec<(Labels, Family)> {
        let targets: Vec<_> = self.jobs.lock().iter().flat_map(|r| r.pool.targets()).collect();
        let of = |t: &Arc<super::target::Target>| {
            let families = t.families();
            families.into_iter().map(|family| (t.labels.clone(), family)).collect::<Vec<_>>()
        };
        targets.iter().flat_map(of).collect()
    }
}

#[cfg(test)]
mod tests;
