//! The built-in collectors, behind a door that a reload can put others behind.

use std::sync::Arc;

use collect::containers::Collector;
use collect::host::Host;
use collect::tail::Tail;
use model::container::{ContainerEvent, ContainerRow, Containers, LastMinutes, LivePoint, LogSink, Obstacle};
use model::{
    Clock, EventReader, EventWriter, Identity, IdentityKey, MetricWriter, RecordWriter, Resource, Result,
};
use parking_lot::RwLock;
use prometheus_client::registry::Registry;

use crate::config::Collect;

/// What collectors read from and write to.
pub(crate) struct Doors {
    pub(crate) metrics: Arc<dyn MetricWriter>,
    pub(crate) events: Arc<dyn EventWriter>,
    pub(crate) history: Arc<dyn EventReader>,
    pub(crate) records: Arc<dyn RecordWriter>,
    pub(crate) clock: Arc<dyn Clock>,
}

/// The collectors that run now.
pub(crate) struct Collectors {
    doors: Doors,
    now: RwLock<Now>,
}

#[derive(Clone)]
struct Now {
    host: Arc<Host>,
    containers: Arc<Collector>,
    tail: Option<Arc<Tail>>,
    /// Their own metrics; those of collectors that were replaced are gone with them.
    registry: Arc<Registry>,
}

impl Now {
    fn new(host: Arc<Host>, containers: Arc<Collector>, tail: Option<Tail>) -> Self {
        let mut registry = Registry::default();
        host.metrics().register(&mut registry);
        containers.register(&mut registry);
        if let Some(tail) = &tail {
            tail.register(&mut registry);
        }
        Self { host, containers, tail: tail.map(Arc::new), registry: Arc::new(registry) }
    }

    /// Logs are read to the end before the containers are let go that they are of.
    async fn stop_containers(&self) {
        self.stop_tail().await;
        self.containers.stop().await;
    }

    async fn stop_tail(&self) {
        if let Some(tail) = self.tail.clone()
            && tokio::task::spawn_blocking(move || tail.stop()).await.is_err()
        {
            tracing::error!("reading logs ended badly");
        }
    }
}

impl Collectors {
    /// Starts both. Call it within a Tokio runtime.
    pub(crate) fn start(config: &Collect, doors: Doors) -> Result<Self> {
        let host = start_host(config, &doors)?;
        let containers = start_containers(config, &doors);
        let tail = start_tail(config, &doors, &containers);
        Ok(Self { doors, now: RwLock::new(Now::new(host, containers, tail)) })
    }

    /// The host collector of a new configuration. It runs beside the old one until [`Collectors::replace`].
    pub(crate) fn prepare(&self, config: &Collect) -> Result<Arc<Host>> {
        start_host(config, &self.doors)
    }

    /// Puts new collectors in place of the old ones, which store what they have. Two readers of one container would
    /// store its series twice, so the old one ends before the new one begins.
    pub(crate) async fn replace(&self, config: &Collect, host: Arc<Host>) {
        let old = self.now.read().clone();
        old.stop_containers().await;
        let containers = start_containers(config, &self.doors);
        let tail = start_tail(config, &self.doors, &containers);
        *self.now.write() = Now::new(host, containers, tail);
        old.host.stop().await;
    }

    /// Follows logs anew, where only what is followed has changed. What was read is stored before.
    pub(crate) async fn replace_tail(&self, config: &Collect) {
        let old = self.now.read().clone();
        old.stop_tail().await;
        let tail = start_tail(config, &self.doors, &old.containers);
        *self.now.write() = Now::new(old.host, old.containers, tail);
    }

    pub(crate) fn host(&self) -> Arc<Host> {
        self.now.read().host.clone()
    }

    pub(crate) fn registry(&self) -> Arc<Registry> {
        self.now.read().registry.clone()
    }

    fn containers(&self) -> Arc<Collector> {
        self.now.read().containers.clone()
    }

    pub(crate) async fn stop_containers(&self) {
        let now = self.now.read().clone();
        now.stop_containers().await;
    }

    pub(crate) async fn stop_host(&self) {
        self.host().stop().await;
    }
}

fn start_host(config: &Collect, doors: &Doors) -> Result<Arc<Host>> {
    let interval = config.containers.interval;
    Host::start(&config.host, interval, doors.metrics.clone(), doors.clock.clone()).map(Arc::new)
}

fn start_containers(config: &Collect, doors: &Doors) -> Arc<Collector> {
    let (metrics, events) = (doors.metrics.clone(), doors.events.clone());
    Collector::start(config.containers.clone(), metrics, events, doors.history.clone(), doors.clock.clone())
}

/// Without logs the rest goes on.
fn start_tail(config: &Collect, doors: &Doors, containers: &Arc<Collector>) -> Option<Tail> {
    let node = &config.containers.node;
    let tail =
        Tail::start(&config.logs, node, containers.clone(), doors.records.clone(), doors.clock.clone());
    tail.inspect_err(|error| tracing::error!(%error, detail = error.detail, "logs are not read")).ok()
}

impl Identity for Collectors {
    fn resolve(&self, key: IdentityKey<'_>, time_ms: i64) -> Option<Arc<Resource>> {
        self.containers().resolve(key, time_ms)
    }
}

impl Containers for Collectors {
    fn rows(&self, gone: bool) -> Vec<ContainerRow> {
        self.containers().rows(gone)
    }

    fn row(&self, id_or_name: &str) -> Option<ContainerRow> {
        self.containers().row(id_or_name)
    }

    fn live(&self, id: &str, since_ms: i64) -> Vec<LivePoint> {
        self.containers().live(id, since_ms)
    }

    fn generation(&self) -> u64 {
        self.containers().generation()
    }

    fn last_minutes(&self, id: &str) -> Result<Option<LastMinutes>> {
        self.containers().last_minutes(id)
    }

    fn events(
        &self,
        id: Option<&str>,
        start_ms: i64,
        end_ms: i64,
        limit: usize,
    ) -> Result<Vec<ContainerEvent>> {
        self.containers().events(id, start_ms, end_ms, limit)
    }

    fn tail_log(&self, id: &str, backlog: usize, sink: LogSink) -> Result<()> {
        self.containers().tail_log(id, backlog, sink)
    }

    fn obstacles(&self) -> Vec<Obstacle> {
        let mut all = self.containers().obstacles();
        let tail = self.now.read().tail.clone();
        all.extend(tail.map(|tail| tail.obstacles()).unwrap_or_default());
        all
    }

    fn touch(&self) {
        self.containers().touch();
    }
}
