//! All queues: as many as the configuration says, kept over a reload where nothing about them changed.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::Duration;

use model::passing::{QueueActivity, QueueState, Queues};
use model::{Budget, Clock, Error, FeedLag, MetricFeed, MetricReader, Result};
use outbound::client::header::{HeaderMap, HeaderName, HeaderValue};
use outbound::{ClientOptions, Clients};
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::body::Protocol;
use super::metadata;
use super::metrics::Metrics;
use super::post::{Sender, Settings};
use super::queue::{Gauges, Queue, gauge};
use super::series::Rewrite;
use crate::config::{ProtobufMessage, RemoteWriteConfig};

/// How often the figures of lag are looked at.
const LOOK: Duration = Duration::from_secs(5);
/// After the deadline of a flush, requests under way get this long.
const LAST: Duration = Duration::from_secs(1);

/// What the senders work with.
pub struct Doors {
    /// The log that is followed.
    pub feed: Arc<dyn MetricFeed>,
    /// Where metadata of families is read.
    pub reader: Arc<dyn MetricReader>,
    /// Now.
    pub clock: Arc<dyn Clock>,
    /// Where memory is reserved for what is under way.
    pub budget: Budget,
    /// How long a receiver that leaves the configuration is still given what is stored.
    pub flush_deadline: Duration,
}

/// What the configuration says about sending.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Plan {
    /// Receivers.
    pub receivers: Vec<RemoteWriteConfig>,
    /// Labels that series get where they do not have them.
    pub external_labels: BTreeMap<String, String>,
    /// How many bytes of the log may wait for each receiver.
    pub log_cap: u64,
}

/// Sends what is stored to other servers.
pub struct Senders {
    doors: Doors,
    clients: Clients,
    metrics: Metrics,
    runtime: Handle,
    running: Mutex<Vec<Running>>,
}

struct Running {
    config: RemoteWriteConfig,
    external: BTreeMap<String, String>,
    cap: u64,
    place: String,
    shown_url: String,
    /// A receiver that nothing can be sent to has none.
    parts: Option<Parts>,
    lost: u64,
}

struct Parts {
    sender: Arc<Sender>,
    gauges: Arc<Gauges>,
    flush: CancellationToken,
    abandon: CancellationToken,
    task: JoinHandle<()>,
}

impl Senders {
    /// Nothing is sent before [`Self::apply`]. Call it within a Tokio runtime.
    pub fn new(doors: Doors) -> Arc<Self> {
        let senders = Arc::new(Self {
            doors,
            clients: Clients::default(),
            metrics: Metrics::default(),
            runtime: Handle::current(),
            running: Mutex::new(Vec::new()),
        });
        senders.runtime.spawn(look(Arc::downgrade(&senders)));
        senders
    }

    /// Metrics of all queues.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Whether a plan can be taken.
    pub fn check(&self, plan: &Plan) -> Result<()> {
        places(&plan.receivers)?;
        plan.receivers.iter().try_for_each(|receiver| self.prepare(receiver).map(|_| ()))
    }

    /// Takes a plan. What can fail comes first: an error leaves everything as it was. Queues that did not change go on
    /// undisturbed; those that did go on from their place in the log.
    pub fn apply(self: &Arc<Self>, plan: &Plan) -> Result<()> {
        let places = places(&plan.receivers)?;
        let mut running = self.running.lock();
        let mut prepared = Vec::new();
        for (config, place) in plan.receivers.iter().zip(&places) {
            let same = |r: &Running| {
                r.config == *config
                    && r.external == plan.external_labels
                    && r.cap == plan.log_cap
                    && r.place == *place
            };
            let known = running.iter().position(same);
            prepared.push(match known {
                Some(at) => Prepared::Known(at),
                None => Prepared::New(self.prepare(config)?),
            });
        }
        // From here on nothing fails.
        let mut before: Vec<Option<Running>> = running.drain(..).map(Some).collect();
        let mut next: Vec<Option<Running>> = Vec::new();
        for known in &prepared {
            next.push(match known {
                Prepared::Known(at) => before.get_mut(*at).and_then(Option::take),
                Prepared::New(_) => None,
            });
        }
        let mut ending: Vec<(String, Parts)> = Vec::new();
        for gone in before.into_iter().flatten() {
            let name = name_of(&gone.config);
            self.metrics.remove(&name, &gone.shown_url);
            ending.extend(gone.parts.map(|parts| (gone.place, parts)));
        }
        for (at, prepared) in prepared.into_iter().enumerate() {
            let (Prepared::New(client), Some(config), Some(place)) =
                (prepared, plan.receivers.get(at), places.get(at))
            else {
                continue;
            };
            let same_place = ending.iter().position(|(p, _)| p == place);
            // What it did not deliver the next one reads again from the log.
            let previous = same_place.map(|at| {
                let parts = ending.swap_remove(at).1;
                parts.abandon.cancel();
                parts.task
            });
            next[at] = Some(self.start(config, place, plan, client, previous));
        }
        running.extend(next.into_iter().flatten());
        drop(running);
        self.runtime.spawn(forget(Arc::clone(self), ending.into_iter().map(|(_, parts)| parts).collect()));
        Ok(())
    }

    /// What of a receiver can fail; `None`: it is one that nothing can be sent to.
    fn prepare(&self, config: &RemoteWriteConfig) -> Result<Option<(outbound::Client, outbound::Url)>> {
        let invalid = |why: String| Error::invalid(format_args!("remote_write {}: {why}", config.url));
        let url = config.url.parse().map_err(invalid)?;
        if config.unsupported().is_some() {
            return Ok(None);
        }
        let options = ClientOptions { spread: config.round_robin_dns, ..ClientOptions::default() };
        let client = self.clients.get(&config.http, &options).map_err(invalid)?;
        Ok(Some((client, url)))
    }

    fn start(
        &self,
        config: &RemoteWriteConfig,
        place: &str,
        plan: &Plan,
        client: Option<(outbound::Client, outbound::Url)>,
        previous: Option<JoinHandle<()>>,
    ) -> Running {
        let shown_url = crate::shown_url(&config.url);
        let parts = client.map(|(client, url)| {
            let settings = settings(config);
            let name = name_of(config);
            let metrics = self.metrics.queue(&name, &shown_url);
            metrics.capacity.set(gauge(settings.capacity as u64));
            metrics.shards_max.set(gauge(settings.max_shards as u64));
            metrics.shards_min.set(gauge(settings.min_shards as u64));
            metrics.max_per_send.set(gauge(settings.max_samples_per_send as u64));
            metrics.shards_desired.set(settings.min_shards as f64);
            let clock = Arc::clone(&self.doors.clock);
            let sender = Sender::new(name, url, client, settings, headers(config), metrics, clock);
            self.run(Arc::new(sender), config, place, plan, previous)
        });
        if let Some(way) = config.unsupported() {
            tracing::error!(
                url = shown_url,
                way,
                "nothing is sent to this receiver: its authorization is not supported"
            );
        }
        Running {
            config: config.clone(),
            external: plan.external_labels.clone(),
            cap: plan.log_cap,
            place: place.to_owned(),
            shown_url,
            parts,
            lost: 0,
        }
    }

    fn run(
        &self,
        sender: Arc<Sender>,
        config: &RemoteWriteConfig,
        place: &str,
        plan: &Plan,
        previous: Option<JoinHandle<()>>,
    ) -> Parts {
        let gauges = Arc::new(Gauges::default());
        let (flush, abandon) = (CancellationToken::new(), CancellationToken::new());
        let external = plan.external_labels.iter().map(|(n, v)| (n.clone(), v.clone())).collect();
        let queue = Queue {
            sender: Arc::clone(&sender),
            rewrite: Rewrite {
                external,
                rules: config.write_relabel_configs.clone(),
                encode: sender.settings.protocol == Protocol::V1,
            },
            feed: Arc::clone(&self.doors.feed),
            place: place.to_owned(),
            cap_bytes: plan.log_cap,
            budget: self.doors.budget.clone(),
            gauges: Arc::clone(&gauges),
            flush: flush.clone(),
            abandon: abandon.clone(),
        };
        let ended = CancellationToken::new();
        let metadata = metadata::run(Arc::clone(&sender), Arc::clone(&self.doors.reader), ended.clone());
        let task = self.runtime.spawn(async move {
            if let Some(previous) = previous {
                // The place in the log is followed by one at a time.
                let _ = previous.await;
            }
            let metadata = tokio::spawn(metadata);
            queue.run().await;
            ended.cancel();
            let _ = metadata.await;
        });
        Parts { sender, gauges, flush, abandon, task }
    }

    /// Delivers what is stored and ends, within `deadline`; what a receiver does not take stays in the log.
    pub async fn stop(&self, deadline: Duration) {
        let running = std::mem::take(&mut *self.running.lock());
        end(running.into_iter().filter_map(|r| r.parts).collect(), deadline).await;
    }

    fn lag(&self, place: &str) -> FeedLag {
        self.doors.feed.lag(place)
    }
}

enum Prepared {
    Known(usize),
    New(Option<(outbound::Client, outbound::Url)>),
}

/// Lets queues deliver what is stored, and ends them within `deadline`.
async fn end(queues: Vec<Parts>, deadline: Duration) {
    let until = tokio::time::Instant::now() + deadline;
    queues.iter().for_each(|p| p.flush.cancel());
    for mut parts in queues {
        if tokio::time::timeout_at(until, &mut parts.task).await.is_err() {
            parts.abandon.cancel();
            if tokio::time::timeout(LAST, &mut parts.task).await.is_err() {
                parts.task.abort();
            }
        }
    }
}

/// Ends queues that are gone; then the log is no longer kept for them.
async fn forget(senders: Arc<Senders>, ending: Vec<Parts>) {
    end(ending, senders.doors.flush_deadline).await;
    let forgotten = tokio::task::spawn_blocking(move || {
        let running = senders.running.lock();
        let keep: Vec<String> = running.iter().map(|r| r.place.clone()).collect();
        senders.doors.feed.forget_others(&keep)
    });
    if let Ok(Err(error)) = forgotten.await {
        tracing::error!(%error, "the log is still kept for receivers that are gone");
    }
}

/// Shows the lag in metrics while there are senders.
async fn look(senders: Weak<Senders>) {
    loop {
        let Some(senders) = senders.upgrade() else { return };
        let looked = tokio::task::spawn_blocking(move || {
            let mut running = senders.running.lock();
            for running in running.iter_mut() {
                let Some(parts) = &running.parts else { continue };
                let lag = senders.doors.feed.lag(&running.place);
                let metrics = &parts.sender.metrics;
                metrics.log_bytes.set(gauge(lag.bytes));
                metrics.highest_stored.set(lag.newest_accepted_ms.max(lag.newest_read_ms) as f64 / 1000.0);
                metrics.lost_bytes.inc_by(lag.lost_bytes.saturating_sub(running.lost));
                running.lost = lag.lost_bytes;
                metrics.pending.set(gauge(parts.gauges.tracker.items() as u64));
            }
        });
        if looked.await.is_err() {
            return;
        }
        tokio::time::sleep(LOOK).await;
    }
}

impl Queues for Senders {
    fn queues(&self) -> Vec<QueueState> {
        let running = self.running.lock();
        running.iter().map(|running| running.state(self.lag(&running.place))).collect()
    }
}

impl Running {
    fn state(&self, lag: FeedLag) -> QueueState {
        let state = QueueState {
            name: name_of(&self.config),
            url: self.shown_url.clone(),
            protocol: protocol(&self.config).message().to_owned(),
            lag_bytes: lag.bytes,
            cap_bytes: self.cap,
            lost_bytes: lag.lost_bytes,
            max_shards: u64::try_from(self.config.queue_config.max_shards).unwrap_or(0),
            ..QueueState::default()
        };
        let Some(parts) = &self.parts else {
            let way = self.config.unsupported().unwrap_or("this way of authorization");
            let last_error = Some(format!("nothing is sent: {way} is not supported"));
            return QueueState { activity: QueueActivity::Refused, last_error, ..state };
        };
        let sender = &parts.sender;
        let (activity, last_error) = sender.activity();
        let stored = lag.newest_accepted_ms.max(lag.newest_read_ms);
        let sent = sender.newest_sent();
        let pending = parts.gauges.tracker.items() as u64;
        let behind = lag.bytes > 0 && sent > 0;
        QueueState {
            activity,
            last_error,
            lag_seconds: if behind { (stored - sent).max(0) as f64 / 1000.0 } else { 0.0 },
            shards: parts.gauges.shards.load(Ordering::Relaxed) as u64,
            pending,
            sent: sender.metrics.total_sent(),
            failed: sender.metrics.total_failed(),
            dropped: sender.metrics.total_dropped(),
            retried: sender.metrics.total_retried(),
            last_sent_ms: sender.last_sent(),
            ..state
        }
    }
}

fn protocol(config: &RemoteWriteConfig) -> Protocol {
    match config.protobuf_message {
        ProtobufMessage::V1 => Protocol::V1,
        ProtobufMessage::V2 => Protocol::V2,
    }
}

fn settings(config: &RemoteWriteConfig) -> Settings {
    let queue = &config.queue_config;
    // Checked to be positive when the section was read.
    let positive = |value: i64| usize::try_from(value).unwrap_or(1).max(1);
    let metadata = &config.metadata_config;
    Settings {
        protocol: protocol(config),
        remote_timeout: config.remote_timeout.to_std(),
        capacity: positive(queue.capacity),
        min_shards: positive(queue.min_shards),
        max_shards: positive(queue.max_shards),
        max_samples_per_send: positive(queue.max_samples_per_send),
        batch_send_deadline: queue.batch_send_deadline.to_std(),
        min_backoff: queue.min_backoff.to_std(),
        max_backoff: queue.max_backoff.to_std(),
        retry_on_http_429: queue.retry_on_http_429,
        sample_age_limit: queue.sample_age_limit.to_std(),
        log_failed: config.failed_request_logging,
        send_exemplars: config.send_exemplars,
        send_histograms: config.send_native_histograms,
        metadata_interval: if metadata.send { metadata.send_interval.to_std() } else { Duration::ZERO },
        metadata_per_send: usize::try_from(metadata.max_samples_per_send).unwrap_or(usize::MAX),
    }
}

fn headers(config: &RemoteWriteConfig) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in &config.headers {
        match (name.parse::<HeaderName>(), value.parse::<HeaderValue>()) {
            (Ok(name), Ok(value)) => {
                headers.insert(name, value);
            }
            _ => tracing::warn!(header = name, "not a valid header; it is not sent"),
        }
    }
    headers
}

/// The name in metrics: the one given, or a short hash of the section.
fn name_of(config: &RemoteWriteConfig) -> String {
    if config.name.is_empty() {
        return crate::short_hash(&format!("{config:?}"));
    }
    config.name.clone()
}

/// Under which name each receiver's place in the log is kept: changing anything but name and URL keeps the place.
fn places(receivers: &[RemoteWriteConfig]) -> Result<Vec<String>> {
    crate::config::check_names("remote write", receivers.iter().map(|r| r.name.as_str()))
        .map_err(Error::invalid)?;
    let mut places: Vec<String> = Vec::new();
    for receiver in receivers {
        let base =
            if receiver.name.is_empty() { crate::shown_url(&receiver.url) } else { receiver.name.clone() };
        let mut place = base.clone();
        let mut number = 2;
        while places.contains(&place) {
            place = format!("{base}#{number}");
            number += 1;
        }
        places.push(place);
    }
    Ok(places)
}
