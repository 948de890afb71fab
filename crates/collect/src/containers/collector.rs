//! Starts the parts, stops them, and answers the pages.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::thread::JoinHandle;

use model::container::{
    ContainerEvent, ContainerFacts, ContainerRow, ContainerState, Containers, LastMinutes, LivePoint,
    LogSink, Obstacle,
};
use model::resource::{Identity, IdentityKey, Resource};
use model::{Clock, Error, EventReader, EventWriter, MetricWriter, Result};
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use super::cgroup::Layout;
use super::config::Config;
use super::docker::logs;
use super::index::{Index, resource};
use super::sampler::{Bell, Sampler};
use super::shared::{Metrics, Shared};
use super::watch::{Recent, Watch};
use super::writer::{Job, Writer};
use super::{blackbox, obstacles};
use crate::tail;
use crate::tail::engine::{EngineLog, Lines};
use crate::tail::follower::Log;
use crate::tail::sources::{Known, OPT_OUT, Sources, labels_of};

/// How many jobs may wait for the stores.
const JOBS: usize = 1024;
/// The most lines of a log's past.
const BACKLOG_MOST: usize = 10_000;
/// How many lines of a log wait to be stored.
const LINES: usize = 1024;
/// How long a removed container's last lines are waited for.
const LAST_LINES_MS: i64 = 5_000;

/// The container collector.
pub struct Collector {
    shared: Arc<Shared>,
    reader: Arc<dyn EventReader>,
    jobs: mpsc::Sender<Job>,
    bell: Option<Bell>,
    watch: Mutex<Option<tokio::task::JoinHandle<()>>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    runtime: Handle,
}

impl Collector {
    /// Starts collecting: readings and events go to the writers, what was known is read back from `event_reader`.
    /// Must be called within a Tokio runtime.
    pub fn start(
        config: Config,
        writer: Arc<dyn MetricWriter>,
        event_writer: Arc<dyn EventWriter>,
        event_reader: Arc<dyn EventReader>,
        clock: Arc<dyn Clock>,
    ) -> Arc<Self> {
        let now = clock.now_ms();
        let shared = Arc::new(Shared {
            node: config.node_name(),
            index: Mutex::new(Index::new(config.max_removed)),
            generation: AtomicU64::new(1),
            engine: Mutex::new(None),
            engine_obstacles: Mutex::new(Vec::new()),
            group_obstacles: Mutex::new(obstacles::of_groups(&config, &[])),
            touched_ms: AtomicI64::new(i64::MIN / 2),
            stop: AtomicBool::new(false),
            metrics: Metrics::default(),
            clock,
            config,
        });
        let (last_event_ns, recent) = restore(&shared, event_reader.as_ref(), now);
        let (jobs, work) = mpsc::channel(JOBS);
        let runtime = Handle::current();
        let mut out = Self {
            shared: Arc::clone(&shared),
            reader: event_reader,
            jobs: jobs.clone(),
            bell: None,
            watch: Mutex::new(None),
            threads: Mutex::new(Vec::new()),
            runtime,
        };
        if !shared.config.enabled {
            *shared.group_obstacles.lock() = vec![obstacles::switched_off()];
            return Arc::new(out);
        }
        let stores = Writer::new(Arc::clone(&shared), writer, event_writer);
        out.threads.get_mut().extend(spawn("container-store", move || stores.run(work)));
        let (messages, inbox) = std::sync::mpsc::sync_channel(JOBS);
        let (vanished, hints) = mpsc::channel(JOBS);
        let layout = Layout::detect(&shared.config.cgroup_root());
        match Sampler::new(Arc::clone(&shared), layout, inbox, jobs.clone(), vanished) {
            Ok((sampler, bell)) => {
                out.threads.get_mut().extend(spawn("container-read", move || sampler.run()));
                out.bell = Some(bell);
            }
            Err(error) => tracing::error!(%error, "control groups cannot be read"),
        }
        let watch = Watch {
            shared,
            jobs,
            sampler: messages,
            bell: out.bell.clone(),
            vanished: hints,
            last_event_ns,
            recent,
            digests: std::collections::HashMap::new(),
        };
        *out.watch.get_mut() = Some(out.runtime.spawn(watch.run()));
        Arc::new(out)
    }

    /// Stops: no more events, a last reading, everything that waits is stored.
    pub async fn stop(&self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        let watch = self.watch.lock().take();
        if let Some(watch) = watch {
            watch.abort();
            let _ = watch.await;
        }
        if let Some(bell) = &self.bell {
            bell.ring();
        }
        // The writer is the first thread and ends last: it takes what the sampler leaves.
        let mut threads = std::mem::take(&mut *self.threads.lock());
        threads.reverse();
        for thread in threads {
            if thread.thread().name() == Some("container-store") {
                let _ = self.jobs.send(Job::Stop).await;
            }
            let joined = self.runtime.spawn_blocking(move || thread.join()).await;
            if !matches!(joined, Ok(Ok(()))) {
                tracing::error!("a thread of the container collector ended badly");
            }
        }
    }

    /// Figures about the collector itself.
    pub fn register(&self, registry: &mut prometheus_client::registry::Registry) {
        self.shared.metrics.register(registry);
    }
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Option<JoinHandle<()>> {
    match std::thread::Builder::new().name(name.to_owned()).spawn(work) {
        Ok(handle) => Some(handle),
        Err(error) => {
            tracing::error!(%error, name, "a thread of the container collector could not be started");
            None
        }
    }
}

/// Fills the index with what was written down; returns the time of the newest event, and the newest events.
fn restore(shared: &Shared, reader: &dyn EventReader, now: i64) -> (i64, Recent) {
    let restored = match blackbox::restore(reader, shared.config.max_removed.saturating_mul(2), now) {
        Ok(restored) => restored,
        Err(error) => {
            tracing::warn!(%error, detail = error.detail, "the history of containers could not be read");
            return (0, Recent::default());
        }
    };
    let mut index = shared.index.lock();
    for facts in restored.facts {
        index.restore(facts);
    }
    let mut recent = Recent::default();
    for event in &restored.recent {
        recent.is_new(event.t, &event.id, &event.action);
        index.recall(event);
    }
    index.judge(now);
    (restored.last_event_ns, recent)
}

impl Drop for Collector {
    /// Without [`Collector::stop`] the threads end by themselves, soon.
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        if let Some(watch) = self.watch.lock().take() {
            watch.abort();
        }
        if let Some(bell) = &self.bell {
            bell.ring();
        }
    }
}

impl Containers for Collector {
    fn rows(&self, gone: bool) -> Vec<ContainerRow> {
        self.shared.index.lock().rows(gone)
    }

    fn row(&self, id_or_name: &str) -> Option<ContainerRow> {
        self.shared.index.lock().row(id_or_name)
    }

    fn live(&self, id: &str, since_ms: i64) -> Vec<LivePoint> {
        let index = self.shared.index.lock();
        let entry = index.find(id).and_then(|id| index.get(&id));
        entry.map(|entry| entry.ring.after(since_ms)).unwrap_or_default()
    }

    fn generation(&self) -> u64 {
        self.shared.generation.load(Ordering::Relaxed)
    }

    fn last_minutes(&self, id: &str) -> Result<Option<LastMinutes>> {
        let full = self.shared.index.lock().find(id).unwrap_or_else(|| id.to_owned());
        blackbox::read_last_minutes(self.reader.as_ref(), &full)
    }

    fn events(
        &self,
        id: Option<&str>,
        start_ms: i64,
        end_ms: i64,
        limit: usize,
    ) -> Result<Vec<ContainerEvent>> {
        let full = id.map(|id| self.shared.index.lock().find(id).unwrap_or_else(|| id.to_owned()));
        blackbox::read_happened(self.reader.as_ref(), full.as_deref(), (start_ms, end_ms), limit)
    }

    fn tail_log(&self, id: &str, backlog: usize, sink: LogSink) -> Result<()> {
        let row = self.row(id).ok_or_else(|| Error::not_found(format_args!("no container {id:?}")))?;
        if row.facts.removed_ms > 0 {
            return Err(Error::not_found("the container was removed, and its log with it"));
        }
        let Some((client, _)) = self.shared.engine.lock().clone() else {
            return Err(Error::unavailable("no container engine answers, so there is no log to read"));
        };
        if matches!(row.facts.log_driver.as_str(), "none") {
            return Err(Error::not_found("the container's log driver is \"none\": it keeps no log"));
        }
        let (id, tty) = (row.facts.id.clone(), row.facts.tty);
        self.runtime.spawn(async move {
            logs::follow(&client, &id, tty, backlog.min(BACKLOG_MOST), sink).await;
        });
        Ok(())
    }

    fn obstacles(&self) -> Vec<Obstacle> {
        let mut out = self.shared.engine_obstacles.lock().clone();
        out.extend(self.shared.group_obstacles.lock().iter().cloned());
        out
    }

    fn touch(&self) {
        self.shared.touched_ms.store(self.shared.clock.now_ms(), Ordering::Relaxed);
    }
}

impl Sources for Collector {
    /// Logs that the engine writes to files. What opted out, or was removed, has none.
    fn logs(&self, config: &tail::Config) -> Vec<Log> {
        let index = self.shared.index.lock();
        let logs = index.iter().filter_map(|(id, entry)| {
            let facts = &entry.facts;
            let path = entry.log_path.as_deref().filter(|path| !path.is_empty())?;
            let wanted = facts.removed_ms == 0 && is_stored(facts);
            wanted.then(|| config.container(id, &facts.log_driver, path, labels_of(&resource(facts))))?
        });
        logs.collect()
    }

    fn engine_logs(&self, config: &tail::Config, journal: bool) -> Vec<EngineLog> {
        let now_ms = self.shared.clock.now_ms();
        let Some((_, runtime)) = self.shared.engine.lock().clone() else { return Vec::new() };
        let index = self.shared.index.lock();
        let logs = index.iter().filter_map(|(_, entry)| {
            let facts = &entry.facts;
            // What was sent when it was removed is on its way.
            let there = facts.removed_ms == 0 || now_ms.saturating_sub(facts.removed_ms) < LAST_LINES_MS;
            let by_engine = match facts.log_driver.as_str() {
                "" | "none" | "json-file" | "passthrough" => false,
                "journald" => !journal,
                driver => !config.received.contains(&driver),
            };
            let asked = entry.log_path.as_deref().filter(|_| facts.runtime == runtime);
            let on_disk = || asked.is_some_and(|path| config.has_files(&facts.log_driver, path));
            let wanted = there && by_engine && asked.is_some() && is_stored(facts);
            (wanted && !on_disk()).then(|| config.of_engine(facts))
        });
        logs.collect()
    }

    fn follow(&self, id: &str, tty: bool, since_ns: i64) -> Option<Lines> {
        let (client, _) = self.shared.engine.lock().clone()?;
        let (sender, lines) = mpsc::channel(LINES);
        let id = id.to_owned();
        self.runtime.spawn(async move { logs::send(&client, &id, tty, since_ns, sender).await });
        Some(lines)
    }

    fn container(&self, id: &str) -> Known {
        let index = self.shared.index.lock();
        let Some(entry) = index.find(id).and_then(|id| index.get(&id)) else { return Known::Unknown };
        match is_stored(&entry.facts) {
            true => Known::Stored(labels_of(&resource(&entry.facts))),
            false => Known::LeftOut,
        }
    }

    fn without_log(&self) -> Vec<String> {
        let index = self.shared.index.lock();
        let silent = |facts: &ContainerFacts| {
            facts.log_driver == "none" && facts.state == ContainerState::Running && is_stored(facts)
        };
        let names = index.iter().filter(|(_, entry)| silent(&entry.facts));
        names.map(|(_, entry)| entry.facts.name.clone()).collect()
    }
}

/// Whether a container's log is to be stored.
fn is_stored(facts: &ContainerFacts) -> bool {
    facts.labels.get(OPT_OUT).is_none_or(|value| value != "false")
}

impl Identity for Collector {
    fn resolve(&self, key: IdentityKey<'_>, time_ms: i64) -> Option<Arc<Resource>> {
        if let IdentityKey::Pid(pid) = key {
            // Any process of a container: its group tells. One that has ended may still be a known main process.
            let path = self.shared.config.procfs.join(pid.to_string()).join("cgroup");
            if let Ok(text) = std::fs::read_to_string(path) {
                let paths = text.lines().filter_map(|line| line.splitn(3, ':').nth(2));
                let id = paths.filter_map(super::cgroup::walk::id_within).next().map(str::to_owned)?;
                return self.shared.index.lock().resolve(IdentityKey::ContainerId(&id), time_ms);
            }
        }
        self.shared.index.lock().resolve(key, time_ms)
    }
}
