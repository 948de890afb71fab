//! Follows the engine: finds it, listens to its events, lists what it has, asks for facts, and writes down what
//! happened. Survives the engine's restarts: events missed in between are asked for with `since`.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use http_body_util::BodyExt;
use model::container::{ContainerFacts, ContainerState};
use tokio::sync::{mpsc, oneshot};

use super::docker::api::{Image, Inspect, ListEntry, Version, runtime_name, state_of};
use super::docker::events::{EngineEvent, LineSplitter};
use super::docker::{Client, DockerError, probe};
use super::sampler::{Bell, Message};
use super::shared::Shared;
use super::writer::Job;
use super::{blackbox, obstacles};

/// The most bytes of a list, and of one inspect.
const LIST_CAP: usize = 64 << 20;
const INSPECT_CAP: usize = 8 << 20;
/// How often the list is compared with what is known.
const RECONCILE: Duration = Duration::from_secs(30);
/// How long to wait before an engine is looked for again: at first, and at most.
const RETRY: Duration = Duration::from_millis(500);
const RETRY_MOST: Duration = Duration::from_secs(5);
/// How long a death waits for the sampler's last reading.
const LAST_READING: Duration = Duration::from_secs(1);
/// How long after a failed start the engine knows why.
const FAILED_START: Duration = Duration::from_millis(300);
/// How many events are remembered to tell repeated ones.
const RECENT: usize = 512;
/// The most image digests that are remembered.
const DIGESTS: usize = 1024;

/// The task that follows the engine.
pub struct Watch {
    /// Shared state.
    pub shared: Arc<Shared>,
    /// To the writer.
    pub jobs: mpsc::Sender<Job>,
    /// To the sampler.
    pub sampler: std::sync::mpsc::SyncSender<Message>,
    /// Wakes the sampler.
    pub bell: Option<Bell>,
    /// Containers whose group vanished: a start that failed gives no event.
    pub vanished: mpsc::Receiver<String>,
    /// Time of the newest event taken, ns.
    pub last_event_ns: i64,
    /// The newest events taken: `since` gives some of them again.
    pub recent: Recent,
    /// Digests by image id.
    pub digests: HashMap<String, String>,
}

/// Events already taken, by time in ms, container and action.
#[derive(Debug, Default)]
pub struct Recent(VecDeque<(i64, String, String)>);

impl Recent {
    /// Whether this event is new; it is remembered then.
    pub fn is_new(&mut self, t_ms: i64, id: &str, action: &str) -> bool {
        let known = |(t, i, a): &(i64, String, String)| *t == t_ms && i == id && a == action;
        if self.0.iter().rev().any(known) {
            return false;
        }
        self.0.push_back((t_ms, id.to_owned(), action.to_owned()));
        if self.0.len() > RECENT {
            self.0.pop_front();
        }
        true
    }
}

impl Watch {
    /// Works until its task is aborted.
    pub async fn run(mut self) {
        let mut wait = RETRY;
        loop {
            let shared = &self.shared;
            let places = probe::candidates(&shared.config.engines, |name| std::env::var(name).ok());
            match probe::first(&places).await {
                Ok(client) => {
                    shared.engine_obstacles.lock().clear();
                    let followed = self.follow(client).await;
                    *self.shared.engine.lock() = None;
                    match followed {
                        Ok(()) => wait = RETRY,
                        Err(error) => tracing::warn!(%error, "lost the container engine"),
                    }
                }
                Err(failures) => *shared.engine_obstacles.lock() = obstacles::of_engine(&failures),
            }
            self.shared.changed();
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(RETRY_MOST);
        }
    }

    /// One connection: events from where the last one ended, the list, then events as they come.
    async fn follow(&mut self, client: Client) -> Result<(), DockerError> {
        let version: Version = client.json("/version", INSPECT_CAP).await?;
        let runtime = runtime_name(&version);
        tracing::info!(engine = %client.endpoint(), runtime, version = version.version, "following containers");
        *self.shared.engine.lock() = Some((client.clone(), runtime));
        let filter = "filters=%7B%22type%22%3A%5B%22container%22%5D%7D";
        let path = match self.last_event_ns {
            0 => format!("/events?{filter}"),
            ns => format!("/events?{filter}&since={}.{:09}", ns / 1_000_000_000, ns % 1_000_000_000),
        };
        let mut stream = client.get(&path).await?.into_body();
        self.shared.metrics.connects.inc();
        let mut splitter = LineSplitter::default();
        let mut reconcile = tokio::time::interval(RECONCILE);
        loop {
            tokio::select! {
                frame = stream.frame() => {
                    let Some(frame) = frame else { return Ok(()) };
                    let frame = frame.map_err(|e| DockerError::Connection(e.to_string()))?;
                    let mut events = Vec::new();
                    if let Some(data) = frame.data_ref() {
                        splitter.push(data, |line| events.extend(EngineEvent::parse(line)));
                    }
                    for event in events {
                        self.take(&client, runtime, event).await?;
                    }
                }
                Some(id) = self.vanished.recv() => {
                    let failed = |facts: &Arc<ContainerFacts>| facts.state == ContainerState::Created;
                    if self.shared.facts_of(Some(&id)).0.is_some_and(|facts| failed(&facts)) {
                        // The engine writes its error down a moment after the group is gone.
                        tokio::time::sleep(FAILED_START).await;
                        self.inspect(&client, runtime, &id).await?;
                    }
                }
                _ = reconcile.tick() => self.reconcile(&client, runtime).await?,
            }
        }
    }

    /// Compares what the engine lists with what is known.
    async fn reconcile(&mut self, client: &Client, runtime: &'static str) -> Result<(), DockerError> {
        let list: Vec<ListEntry> = client.json("/containers/json?all=1", LIST_CAP).await?;
        let present: HashSet<&str> = list.iter().map(|entry| entry.id.as_str()).collect();
        let now = self.shared.clock.now_ms();
        let missing = self.shared.index.lock().mark_missing(&|id| present.contains(id), runtime, now);
        self.write_facts(&missing).await;
        for entry in &list {
            let known = {
                let index = self.shared.index.lock();
                // Where its log is was not written down.
                let known = index.get(&entry.id).filter(|e| e.log_path.is_some());
                known.map(|e| Arc::clone(&e.facts))
            };
            let name = entry.names.first().map(|name| name.trim_start_matches('/'));
            let same = known.is_some_and(|facts| {
                facts.state == state_of(&entry.state)
                    && !facts.image.is_empty()
                    && name.is_none_or(|name| name == facts.name)
                    && (facts.pid > 0 || facts.state != ContainerState::Running)
                    // A start may have failed since, without an event.
                    && facts.state != ContainerState::Created
            });
            if !same {
                self.inspect(client, runtime, &entry.id).await?;
            }
        }
        self.check_procfs();
        self.shared
            .metrics
            .containers
            .set(i64::try_from(self.shared.index.lock().iter().count()).unwrap_or(i64::MAX));
        self.shared.changed();
        Ok(())
    }

    /// Takes one event.
    async fn take(
        &mut self,
        client: &Client,
        runtime: &'static str,
        event: EngineEvent,
    ) -> Result<(), DockerError> {
        if !self.recent.is_new(event.time_ns / 1_000_000, &event.id, event.action) {
            return Ok(());
        }
        // Engines number events before they send them: some come out of order.
        self.last_event_ns = self.last_event_ns.max(event.time_ns);
        self.shared.metrics.events.inc();
        if event.action == "die" {
            self.last_reading(&event.id).await;
        }
        let record = self.shared.index.lock().apply_event(&event, runtime, &self.shared.node);
        self.shared.changed();
        let mut written = vec![blackbox::happened(&record, &self.shared.node)];
        if !matches!(event.action, "destroy" | "kill" | "stop" | "oom") {
            // The answer may be gone already; then what the event said is all there is.
            if let Err(error) = self.inspect(client, runtime, &event.id).await
                && !error.is_not_found()
            {
                tracing::warn!(%error, id = event.id, "container could not be inspected");
            }
        }
        let t = event.time_ns / 1_000_000;
        if matches!(event.action, "die" | "destroy" | "rename" | "health_status" | "create" | "start") {
            let (facts, _) = self.shared.facts_of(Some(&event.id));
            if let Some(facts) = facts {
                // Later than all that was written of it before, so that it is what a new start finds.
                written.push(blackbox::facts(&facts, t.max(self.shared.clock.now_ms())));
                if event.action == "die" {
                    let minutes = self.shared.index.lock().last_minutes(&event.id, t);
                    written.extend(minutes.map(|m| blackbox::last_minutes(&m, &facts)));
                }
            }
        }
        self.shared.index.lock().judge(self.shared.clock.now_ms());
        self.shared.changed();
        self.send(Job::Events(written)).await;
        Ok(())
    }

    /// Asks the sampler for the last figures of a container and waits for them, a moment.
    async fn last_reading(&self, id: &str) {
        let (done, taken) = oneshot::channel();
        if self.sampler.try_send(Message::Ended(id.to_owned(), done)).is_ok() {
            self.ring();
            let _ = tokio::time::timeout(LAST_READING, taken).await;
        }
    }

    /// Facts of one container, from inspect and its image.
    async fn inspect(&mut self, client: &Client, runtime: &'static str, id: &str) -> Result<(), DockerError> {
        let inspect: Inspect = match client.json(&format!("/containers/{id}/json"), INSPECT_CAP).await {
            Ok(inspect) => inspect,
            // It went between the list and the question.
            Err(error) if error.is_not_found() => return Ok(()),
            Err(error) => return Err(error),
        };
        // Before its first start the engine does not say where it will be.
        let log_path = inspect.was_started().then(|| inspect.log_file());
        let mut facts = inspect.into_facts(runtime, &self.shared.node);
        if facts.pid > 0 && self.sampler.try_send(Message::Pid(facts.id.clone(), facts.pid)).is_ok() {
            self.ring();
        }
        facts.image_digest = self.digest(client, &facts.image_digest).await;
        let changed = {
            let mut index = self.shared.index.lock();
            let id = facts.id.clone();
            let changed = index.apply_facts(facts);
            if let (Some(entry), Some(_)) = (index.get_mut(&id), &log_path) {
                entry.log_path = log_path;
            }
            changed
        };
        if let Some(facts) = changed {
            self.write_facts(&[facts]).await;
            self.shared.changed();
        }
        Ok(())
    }

    /// The registry's digest of an image, or its id where no registry knows it.
    async fn digest(&mut self, client: &Client, image: &str) -> String {
        if let Some(digest) = self.digests.get(image) {
            return digest.clone();
        }
        if !image.starts_with("sha256:") {
            return image.to_owned();
        }
        let digest = match client.json::<Image>(&format!("/images/{image}/json"), INSPECT_CAP).await {
            Ok(answer) => {
                let digests = answer.repo_digests.iter().filter_map(|text| text.split_once('@'));
                digests.map(|(_, digest)| digest.to_owned()).next().unwrap_or_else(|| image.to_owned())
            }
            Err(error) if error.is_not_found() => image.to_owned(),
            Err(_) => return image.to_owned(),
        };
        if self.digests.len() >= DIGESTS {
            self.digests.clear();
        }
        self.digests.insert(image.to_owned(), digest.clone());
        digest
    }

    async fn write_facts(&self, facts: &[Arc<ContainerFacts>]) {
        if facts.is_empty() {
            return;
        }
        let now = self.shared.clock.now_ms();
        self.send(Job::Events(facts.iter().map(|facts| blackbox::facts(facts, now)).collect())).await;
    }

    /// Whether the host's processes can be seen at all.
    fn check_procfs(&self) {
        let pids: Vec<u32> = {
            let index = self.shared.index.lock();
            index.iter().map(|(_, entry)| entry.facts.pid).filter(|pid| *pid > 0).take(16).collect()
        };
        *self.shared.group_obstacles.lock() = obstacles::of_groups(&self.shared.config, &pids);
    }

    fn ring(&self) {
        if let Some(bell) = &self.bell {
            bell.ring();
        }
    }

    async fn send(&self, job: Job) {
        if self.jobs.send(job).await.is_err() && !self.shared.stop.load(Ordering::Relaxed) {
            tracing::warn!("container events were not stored: the writer has ended");
        }
    }
}
