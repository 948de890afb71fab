//! A collector with stores in memory, behind the proxy.

use std::sync::Arc;
use std::time::{Duration, Instant};

use collect::containers::{Collector, Config};
use model::container::{ContainerRow, Containers};
use model::{Ctx, Event, EventKind, EventReader, EventScan, Order, SystemClock, is_stale_nan};
use testkit::{MemoryEvents, MemoryMetrics};

use crate::proxy::Proxy;

/// How long anything may take before a test gives up: a bound on a broken run, not a promise.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);

pub(crate) struct Lab {
    pub(crate) runtime: tokio::runtime::Runtime,
    pub(crate) proxy: Proxy,
    pub(crate) metrics: Arc<MemoryMetrics>,
    pub(crate) events: Arc<MemoryEvents>,
    pub(crate) collector: Arc<Collector>,
    config: Config,
}

impl Lab {
    /// Starts one that stores every second.
    pub(crate) fn start() -> Self {
        Self::with(|_| {})
    }

    pub(crate) fn with(change: impl FnOnce(&mut Config)) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let guard = runtime.enter();
        let proxy = Proxy::start();
        let mut config = Config {
            interval: Duration::from_secs(1),
            engines: vec![proxy.socket.to_str().unwrap().to_owned()],
            node: "lab".to_owned(),
            ..Config::default()
        };
        change(&mut config);
        let (metrics, events) = (Arc::new(MemoryMetrics::new()), Arc::new(MemoryEvents::new()));
        let collector = begin(&config, &metrics, &events);
        drop(guard);
        let lab = Self { runtime, proxy, metrics, events, collector, config };
        if lab.config.engines.iter().any(|e| e.ends_with("engine.sock")) {
            // Events count from here on; what was before is history.
            eventually("the event stream is open", || (lab.proxy.passed() >= 4).then_some(()));
        }
        lab
    }

    /// Stops the collector and starts another over the same stores.
    pub(crate) fn restart(&mut self) {
        self.runtime.block_on(self.collector.stop());
        let _guard = self.runtime.enter();
        self.collector = begin(&self.config, &self.metrics, &self.events);
    }

    pub(crate) fn stop(&self) {
        self.runtime.block_on(self.collector.stop());
        assert_eq!(self.proxy.refused(), Vec::<String>::new(), "only permitted reads");
    }

    /// Waits until the row of a container satisfies `wanted`.
    pub(crate) fn row(&self, name: &str, what: &str, wanted: impl Fn(&ContainerRow) -> bool) -> ContainerRow {
        let mut last = None;
        let deadline = Instant::now() + LIMIT;
        loop {
            if let Some(row) = self.collector.row(name) {
                if wanted(&row) {
                    return row;
                }
                last = Some(row);
            }
            assert!(Instant::now() < deadline, "not seen: {what}; last: {last:#?}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Samples of the series of container `name` called `metric` whose labels contain `extra`, all in one list by time.
    pub(crate) fn samples(&self, metric: &str, name: &str, extra: &[(&str, &str)]) -> Vec<(i64, f64)> {
        let mut found: Vec<(i64, f64)> = self
            .metrics
            .dump()
            .into_iter()
            .filter(|(labels, _)| {
                labels.metric_name() == metric
                    && labels.get("name") == Some(name)
                    && extra.iter().all(|(k, v)| labels.get(k) == Some(v))
            })
            .flat_map(|(_, samples)| samples)
            .filter(|(_, v)| !is_stale_nan(*v))
            .collect();
        found.sort_by_key(|(t, _)| *t);
        found
    }

    /// Everything that was written as an event.
    pub(crate) fn all_events(&self) -> Vec<Event> {
        let scan = EventScan {
            kind: EventKind::Container,
            start_ns: i64::MIN,
            end_ns: i64::MAX,
            conditions: Vec::new(),
            columns: Vec::new(),
            limit: 1_000_000,
            order: Order::Ascending,
        };
        self.events.collect(&Ctx::unbounded(), &scan).unwrap()
    }
}

fn begin(config: &Config, metrics: &Arc<MemoryMetrics>, events: &Arc<MemoryEvents>) -> Arc<Collector> {
    let (m, w, r) = (Arc::clone(metrics), Arc::clone(events), Arc::clone(events));
    Collector::start(config.clone(), m, w, r, Arc::new(SystemClock))
}

/// Polls until `probe` gives something.
pub(crate) fn eventually<T>(what: &str, mut probe: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + LIMIT;
    loop {
        if let Some(found) = probe() {
            return found;
        }
        assert!(Instant::now() < deadline, "not seen: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// The sum of increases, resets counted as Prometheus does.
pub(crate) fn increase(samples: &[(i64, f64)]) -> f64 {
    samples.windows(2).map(|w| if w[1].1 >= w[0].1 { w[1].1 - w[0].1 } else { w[1].1 }).sum()
}
