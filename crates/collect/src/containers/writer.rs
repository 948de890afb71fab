//! Turns rows into series and hands them, and events, to the stores. One thread, so that reading groups never waits
//! for a disk.

pub mod series;

use std::collections::VecDeque;
use std::sync::Arc;

use model::{EventKind, EventWriter, MetricWriter, Tenant};
use tokio::sync::mpsc;

use super::cgroup::Reading;
use super::shared::Shared;
use series::{Scraped, Series};

/// Something to be stored.
#[derive(Debug)]
pub enum Job {
    /// Readings of one moment.
    Scrape(Vec<Look>),
    /// Events about containers.
    Events(Vec<model::Event>),
    /// The machine's rows.
    Machine(i64),
    /// Finish what is waiting and stop.
    Stop,
}

/// One look at one group.
#[derive(Debug)]
pub struct Look {
    /// The group's path.
    pub group: String,
    /// The container whose group it is.
    pub container: Option<String>,
    /// When.
    pub t: i64,
    /// What was read; none for a container that does not run.
    pub reading: Option<Reading>,
    /// When the group was made, where that was seen: the counters were zero then.
    pub born_ms: Option<i64>,
    /// When the group was made as far as is known, ms.
    pub created_ms: i64,
    /// It is gone: the series end here.
    pub gone: bool,
}

/// How long a look waits for the engine to say whose it is.
const IDENTITY_WAIT_MS: i64 = 3_000;
/// The most looks that wait.
const WAITING: usize = 4096;

/// The writer's thread.
pub struct Writer {
    shared: Arc<Shared>,
    metrics: Arc<dyn MetricWriter>,
    events: Arc<dyn EventWriter>,
    series: Series,
    waiting: VecDeque<Look>,
    tenant: Tenant,
}

impl Writer {
    /// A writer into `metrics` and `events`.
    pub fn new(shared: Arc<Shared>, metrics: Arc<dyn MetricWriter>, events: Arc<dyn EventWriter>) -> Self {
        let series =
            Series::new(shared.config.procfs.clone(), shared.config.sysfs.clone(), shared.node.clone());
        Self { shared, metrics, events, series, waiting: VecDeque::new(), tenant: Tenant::default() }
    }

    /// Works until [`Job::Stop`] or until nobody can send any more.
    pub fn run(mut self, mut jobs: mpsc::Receiver<Job>) {
        if self.shared.config.store {
            self.describe();
        }
        while let Some(job) = jobs.blocking_recv() {
            match job {
                Job::Scrape(looks) if self.shared.config.store => self.scrape(looks),
                Job::Machine(t) if self.shared.config.store => self.machine(t),
                Job::Scrape(_) | Job::Machine(_) => {}
                Job::Events(events) => self.record(&events),
                Job::Stop => break,
            }
        }
        let rest: Vec<Look> = self.waiting.drain(..).collect();
        self.store(&rest);
    }

    fn describe(&self) {
        let families: Vec<model::metrics::Family> = super::metrics::families::FAMILIES
            .iter()
            .map(|f| model::metrics::Family {
                name: f.name.to_owned(),
                kind: f.kind.as_str().to_owned(),
                help: f.help.to_owned(),
                unit: String::new(),
            })
            .collect();
        if let Err(error) = self.metrics.metadata(&self.tenant, &families) {
            tracing::warn!(%error, "metadata of container metrics was not stored");
        }
    }

    fn record(&self, events: &[model::Event]) {
        match self.events.append(&self.tenant, EventKind::Container, events, None) {
            Ok(done) if done.rejected.is_empty() => {}
            Ok(done) => tracing::warn!(rejected = done.rejected.len(), "container events were refused"),
            Err(error) => tracing::warn!(%error, detail = error.detail, "container events were not stored"),
        }
    }

    /// Stores looks whose container is known; the others wait a little, in order.
    fn scrape(&mut self, looks: Vec<Look>) {
        let now = self.shared.clock.now_ms();
        self.waiting.extend(looks);
        let mut ready = Vec::new();
        let mut still = VecDeque::new();
        let mut held = std::collections::HashSet::new();
        let over = self.waiting.len().saturating_sub(WAITING);
        for (at, look) in std::mem::take(&mut self.waiting).into_iter().enumerate() {
            let unknown = look.container.as_ref().is_some_and(|id| {
                held.contains(id)
                    || (at >= over && now - look.t < IDENTITY_WAIT_MS && self.shared.is_unnamed(id))
            });
            if unknown {
                held.extend(look.container.clone());
                still.push_back(look);
            } else {
                ready.push(look);
            }
        }
        self.waiting = still;
        self.store(&ready);
    }

    fn store(&mut self, looks: &[Look]) {
        if looks.is_empty() {
            return;
        }
        let scraped: Vec<Scraped<'_>> = looks
            .iter()
            .map(|look| {
                let (facts, oom_kills) = self.shared.facts_of(look.container.as_deref());
                Scraped { look, facts, oom_kills }
            })
            .collect();
        if let Err(error) = self.series.store(self.metrics.as_ref(), &self.tenant, &scraped) {
            self.shared.metrics.failed_writes.inc();
            tracing::warn!(%error, detail = error.detail, "container samples were not stored");
        }
    }

    fn machine(&mut self, t: i64) {
        let machine = super::metrics::machine::Machine::read(
            &self.shared.config.procfs,
            &self.shared.config.sysfs,
            std::path::Path::new("/etc"),
        );
        if let Err(error) = self.series.store_machine(self.metrics.as_ref(), &self.tenant, &machine, t) {
            tracing::warn!(%error, detail = error.detail, "machine samples were not stored");
        }
    }
}
