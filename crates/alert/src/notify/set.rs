//! The Alertmanagers of one section of the configuration.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::rule::AlertmanagersStatus;
use model::{Clock, Labels, LabelsBuilder};
use outbound::discovery::{ADDRESS, check_address};
use outbound::{Client, Url};
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::Settings;
use super::metrics::Metrics;
use super::queue::Queue;
use super::send::Sender;
use crate::config::AlertmanagerConfig;
use crate::sink::OutgoingAlert;

const SCHEME: &str = "__scheme__";
const PATH: &str = "__alerts_path__";
/// Alertmanagers of one section; more are a mistake.
const MOST: usize = 1000;

/// What all sets share.
pub(super) struct Around {
    /// Which of the sections that run it is.
    pub(super) number: usize,
    pub(super) settings: Settings,
    pub(super) metrics: Metrics,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) runtime: Handle,
}

/// A set with its queues.
pub(super) struct Set {
    config: AlertmanagerConfig,
    client: Client,
    legacy: bool,
    around: Around,
    stop: CancellationToken,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    senders: BTreeMap<String, (Arc<Sender>, JoinHandle<()>)>,
    dropped: Vec<String>,
}

impl Set {
    pub(super) fn new(config: AlertmanagerConfig, client: Client, legacy: bool, around: Around) -> Self {
        Self { config, client, legacy, around, stop: CancellationToken::new(), state: Mutex::default() }
    }

    pub(super) fn config(&self) -> &AlertmanagerConfig {
        &self.config
    }

    pub(super) fn number(&self) -> usize {
        self.around.number
    }

    /// Cancelled when the set ends.
    pub(super) fn stopping(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// Takes what was found: new Alertmanagers get a queue, those that are gone send what waits and end.
    pub(super) fn sync(&self, found: &[Labels]) {
        let (mut active, mut dropped) = (BTreeMap::new(), Vec::new());
        for labels in found.iter().take(MOST) {
            let builder = self.with_defaults(labels);
            let before = address(&builder);
            let mut after = builder.clone();
            if !model::relabel::apply(&self.config.relabel_configs, &mut after, self.legacy) {
                dropped.push(before);
                continue;
            }
            let at = address(&after);
            match check_address(after.get(ADDRESS)).and_then(|()| Url::parse(&at).map_err(|e| e.to_string()))
            {
                Ok(url) => drop(active.insert(at, url)),
                Err(error) => {
                    tracing::error!(alertmanager = at, error, "this is no address of an Alertmanager")
                }
            }
        }
        let mut state = self.state.lock();
        if self.stop.is_cancelled() {
            return;
        }
        state.dropped = dropped;
        let gone: Vec<String> =
            state.senders.keys().filter(|at| !active.contains_key(*at)).cloned().collect();
        for at in gone {
            if let Some((sender, _)) = state.senders.remove(&at) {
                sender.stop.cancel();
            }
        }
        for (at, url) in active {
            state.senders.entry(at.clone()).or_insert_with(|| self.sender(&at, url));
        }
    }

    fn with_defaults(&self, labels: &Labels) -> LabelsBuilder {
        let mut builder = labels.to_builder();
        let prefix = self.config.path_prefix.trim_matches('/');
        let path = if prefix.is_empty() { String::new() } else { format!("/{prefix}") };
        builder.set(SCHEME, self.config.scheme.as_str());
        builder.set(PATH, format!("{path}/api/v2/alerts"));
        builder
    }

    fn sender(&self, at: &str, url: Url) -> (Arc<Sender>, JoinHandle<()>) {
        let labels = vec![("alertmanager".to_owned(), at.to_owned())];
        self.around.metrics.add(&labels);
        let sender = Arc::new(Sender {
            url,
            client: self.client.clone(),
            timeout: self.config.timeout.to_std(),
            queue: Queue::new(self.around.settings.capacity.max(1)),
            settings: self.around.settings,
            metrics: self.around.metrics.clone(),
            clock: self.around.clock.clone(),
            labels,
            stop: CancellationToken::new(),
        });
        let task = self.around.runtime.spawn(sender.clone().run());
        (sender, task)
    }

    /// Queues alerts for every Alertmanager of the set.
    pub(super) fn add(&self, alerts: &[Arc<OutgoingAlert>]) {
        let rules = &self.config.alert_relabel_configs;
        let relabelled: Vec<Arc<OutgoingAlert>> = if rules.is_empty() {
            alerts.to_vec()
        } else {
            let relabel = |alert: &Arc<OutgoingAlert>| {
                let mut labels = alert.labels.to_builder();
                let kept = model::relabel::apply(rules, &mut labels, self.legacy);
                kept.then(|| Arc::new(OutgoingAlert { labels: labels.build(), ..(**alert).clone() }))
            };
            alerts.iter().filter_map(relabel).collect()
        };
        if relabelled.is_empty() {
            return;
        }
        for (sender, _) in self.state.lock().senders.values() {
            sender.add(&relabelled);
        }
    }

    pub(super) fn status(&self, status: &mut AlertmanagersStatus) {
        let state = self.state.lock();
        status.active.extend(state.senders.keys().cloned());
        status.dropped.extend(state.dropped.iter().cloned());
    }

    /// Ends all senders and waits for them.
    pub(super) async fn stop(&self) {
        self.stop.cancel();
        let senders = std::mem::take(&mut self.state.lock().senders);
        senders.values().for_each(|(sender, _)| sender.stop.cancel());
        for (_, task) in senders.into_values() {
            if let Err(error) = task.await {
                tracing::error!(%error, "sending alerts ended unexpectedly");
            }
        }
    }
}

fn address(labels: &LabelsBuilder) -> String {
    format!("{}://{}{}", labels.get(SCHEME), labels.get(ADDRESS), labels.get(PATH))
}
