//! Sending alerts to external Alertmanagers, over version 2 of their API.
//!
//! ```text
//! rules --AlertSink--> Notifier --relabelled--> Set, one a section of the configuration
//!                                                 +--> Queue, one an Alertmanager --batches--> POST /api/v2/alerts
//! ```
//!
//! Every Alertmanager has a queue of its own, so that one that is slow or away delays no other. What a full queue drops
//! is the oldest, and is counted.

mod metrics;
mod payload;
mod queue;
mod send;
mod set;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use model::rule::AlertmanagersStatus;
use model::{Clock, Labels};
use outbound::discovery::{Configs, Group};
use outbound::{ClientOptions, Clients};
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use crate::config::{AlertingConfig, AlertmanagerConfig};
use crate::sink::{AlertSink, OutgoingAlert};

pub use metrics::Metrics;
use set::Set;

/// How alerts are queued.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Alerts that may wait for one Alertmanager.
    pub capacity: usize,
    /// Alerts in one request.
    pub batch: usize,
    /// Whether what waits is sent before the end.
    pub drain: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self { capacity: 10_000, batch: 256, drain: true }
    }
}

/// Told of all label sets that were found, whenever they have changed.
pub type OnFound = Box<dyn Fn(Vec<Labels>) + Send + Sync>;

/// Finds Alertmanagers as scraping finds its targets. Implemented by whoever knows how.
pub trait Discovery: Send + Sync {
    /// Looks for them until `stop`. It tells at once what is known at once. `name` is that of the section, `config-0`.
    fn watch(&self, name: &str, configs: &Configs, stop: CancellationToken, found: OnFound);
}

/// Knows only the Alertmanagers that are written down.
#[derive(Debug, Clone, Copy, Default)]
pub struct StaticDiscovery;

impl Discovery for StaticDiscovery {
    fn watch(&self, _name: &str, configs: &Configs, _stop: CancellationToken, found: OnFound) {
        found(configs.static_configs.iter().flat_map(Group::label_sets).collect());
    }
}

/// Sends alerts to all Alertmanagers of the configuration.
pub struct Notifier {
    settings: Settings,
    clients: Arc<Clients>,
    discovery: Arc<dyn Discovery>,
    clock: Arc<dyn Clock>,
    metrics: Metrics,
    runtime: Handle,
    stopped: AtomicBool,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    config: AlertingConfig,
    external_labels: Labels,
    legacy: bool,
    sets: Vec<Arc<Set>>,
}

/// A configuration whose clients are made, not in use yet.
pub struct Prepared {
    config: AlertingConfig,
    external_labels: Labels,
    legacy: bool,
    clients: Vec<outbound::Client>,
}

impl Notifier {
    /// A notifier that knows nobody yet.
    pub fn new(
        settings: Settings,
        clients: Arc<Clients>,
        discovery: Arc<dyn Discovery>,
        clock: Arc<dyn Clock>,
        runtime: Handle,
    ) -> Self {
        let metrics = Metrics::default();
        metrics.queue_capacity.set(settings.capacity as f64);
        let inner = Mutex::new(Inner::default());
        Self { settings, clients, discovery, clock, metrics, runtime, stopped: AtomicBool::new(false), inner }
    }

    /// Checks a configuration and makes its clients; nothing is changed. `legacy`: names of labels must be of the
    /// classic syntax.
    pub fn prepare(
        &self,
        config: AlertingConfig,
        external_labels: Labels,
        legacy: bool,
    ) -> model::Result<Prepared> {
        let client = |a: &AlertmanagerConfig| self.clients.get(&a.http, &ClientOptions::default());
        let clients = config.alertmanagers.iter().map(client).collect::<Result<_, _>>();
        let clients = clients.map_err(|e| model::Error::invalid(format_args!("alerting: {e}")))?;
        Ok(Prepared { config, external_labels, legacy, clients })
    }

    /// Takes a configuration. Sections that are unchanged go on with their Alertmanagers and with what waits for them.
    pub fn apply(&self, prepared: Prepared) {
        let mut inner = self.inner.lock();
        let mut old = std::mem::take(&mut inner.sets);
        for (config, client) in prepared.config.alertmanagers.iter().zip(prepared.clients) {
            let same = old.iter().position(|set| set.config() == config);
            let set = match same {
                Some(at) => old.swap_remove(at),
                None => {
                    let taken: Vec<usize> = inner.sets.iter().chain(&old).map(|set| set.number()).collect();
                    let number = (0..).find(|n| !taken.contains(n)).unwrap_or_default();
                    self.start(number, config, client, prepared.legacy)
                }
            };
            inner.sets.push(set);
        }
        inner.config = prepared.config;
        inner.external_labels = prepared.external_labels;
        inner.legacy = prepared.legacy;
        drop(inner);
        for gone in old {
            self.runtime.spawn(async move { gone.stop().await });
        }
    }

    fn start(
        &self,
        number: usize,
        config: &AlertmanagerConfig,
        client: outbound::Client,
        legacy: bool,
    ) -> Arc<Set> {
        let around = set::Around {
            number,
            settings: self.settings,
            metrics: self.metrics.clone(),
            clock: self.clock.clone(),
            runtime: self.runtime.clone(),
        };
        let set = Arc::new(Set::new(config.clone(), client, legacy, around));
        // Whoever looks for Alertmanagers must not keep a set that is gone.
        let told = Arc::downgrade(&set);
        let found = move |found: Vec<Labels>| {
            if let Some(set) = told.upgrade() {
                set.sync(&found);
            }
        };
        self.discovery.watch(&format!("config-{number}"), &config.discovery, set.stopping(), Box::new(found));
        set
    }

    /// Where alerts are sent.
    pub fn status(&self) -> AlertmanagersStatus {
        let sets = self.inner.lock().sets.clone();
        let mut status = AlertmanagersStatus::default();
        for set in sets {
            set.status(&mut status);
        }
        status
    }

    /// What is counted.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Takes no more alerts, and sends what waits where the settings say so.
    pub async fn stop(&self) {
        self.stopped.store(true, Ordering::SeqCst);
        let sets = std::mem::take(&mut self.inner.lock().sets);
        let mut tasks = tokio::task::JoinSet::new();
        for set in sets {
            tasks.spawn(async move { set.stop().await });
        }
        tasks.join_all().await;
    }
}

impl AlertSink for Notifier {
    fn send(&self, alerts: Vec<OutgoingAlert>) {
        if self.stopped.load(Ordering::SeqCst) {
            return;
        }
        let inner = self.inner.lock();
        if inner.sets.is_empty() {
            return;
        }
        let external = &inner.external_labels;
        let mut relabelled = Vec::with_capacity(alerts.len());
        for mut alert in alerts {
            let mut labels = alert.labels.to_builder();
            for (name, value) in external {
                if labels.get(name).is_empty() {
                    labels.set(name, value);
                }
            }
            if model::relabel::apply(&inner.config.alert_relabel_configs, &mut labels, inner.legacy) {
                alert.labels = labels.build();
                relabelled.push(Arc::new(alert));
            }
        }
        for set in &inner.sets {
            set.add(&relabelled);
        }
    }
}
