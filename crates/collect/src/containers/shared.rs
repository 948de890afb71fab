//! What the threads and tasks of the collector share.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};

use model::Clock;
use model::container::{ContainerFacts, Obstacle};
use parking_lot::Mutex;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::config::Config;
use super::docker::Client;
use super::index::Index;

/// Shared state.
pub struct Shared {
    /// Configuration.
    pub config: Config,
    /// The node's name.
    pub node: String,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// The containers.
    pub index: Mutex<Index>,
    /// Grows whenever a row changed.
    pub generation: AtomicU64,
    /// The engine that answers, if one does.
    pub engine: Mutex<Option<(Client, &'static str)>>,
    /// What stands in the engine's way.
    pub engine_obstacles: Mutex<Vec<Obstacle>>,
    /// What stands in the way of reading groups.
    pub group_obstacles: Mutex<Vec<Obstacle>>,
    /// When a page last watched, ms.
    pub touched_ms: AtomicI64,
    /// Set once to stop.
    pub stop: AtomicBool,
    /// Figures about the collector itself.
    pub metrics: Metrics,
}

impl Shared {
    /// Says that a row changed.
    pub fn changed(&self) {
        self.generation.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether the engine that answers is the one that containers of `runtime` belong to.
    pub fn has_engine_of(&self, runtime: &str) -> bool {
        self.engine.lock().as_ref().is_some_and(|(_, name)| *name == runtime)
    }

    /// Whether container `id` belongs to the engine that answers, and the engine has not named it yet.
    pub fn is_unnamed(&self, id: &str) -> bool {
        let runtime = {
            let index = self.index.lock();
            let Some(entry) = index.get(id) else { return self.engine.lock().is_some() };
            if !entry.facts.image.is_empty() {
                return false;
            }
            entry.facts.runtime.clone()
        };
        self.has_engine_of(&runtime)
    }

    /// Facts and OOM kills of a container.
    pub fn facts_of(&self, id: Option<&str>) -> (Option<Arc<ContainerFacts>>, u64) {
        let index = self.index.lock();
        match id.and_then(|id| index.get(id)) {
            Some(entry) => (Some(Arc::clone(&entry.facts)), entry.oom_kills),
            None => (None, 0),
        }
    }
}

/// Figures about the collector itself.
#[derive(Debug, Default)]
pub struct Metrics {
    /// Groups that are read.
    pub groups: Gauge,
    /// Containers known, removed ones included.
    pub containers: Gauge,
    /// Milliseconds between live points.
    pub live_interval_ms: Gauge,
    /// Engine events taken.
    pub events: Counter,
    /// Times the event stream was opened.
    pub connects: Counter,
    /// Looks dropped because the writer was behind.
    pub dropped_looks: Counter,
    /// Appends that failed.
    pub failed_writes: Counter,
}

impl Metrics {
    /// Registers all of them.
    pub fn register(&self, registry: &mut Registry) {
        let mut gauge = |name: &str, help: &str, g: &Gauge| registry.register(name, help, g.clone());
        gauge("bonghwa_containers_groups", "Control groups that are read", &self.groups);
        gauge("bonghwa_containers_known", "Containers known, removed ones included", &self.containers);
        gauge(
            "bonghwa_containers_live_interval_milliseconds",
            "Time between live points",
            &self.live_interval_ms,
        );
        let mut counter = |name: &str, help: &str, c: &Counter| registry.register(name, help, c.clone());
        counter("bonghwa_containers_engine_events", "Engine events taken", &self.events);
        counter("bonghwa_containers_engine_connects", "Times the event stream was opened", &self.connects);
        counter(
            "bonghwa_containers_dropped_readings",
            "Readings dropped because the writer was behind",
            &self.dropped_looks,
        );
        counter("bonghwa_containers_failed_writes", "Appends that failed", &self.failed_writes);
    }
}
