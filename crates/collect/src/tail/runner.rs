//! The thread that follows all logs: what there is to follow, reading by turns, and writing with positions.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use model::{Clock, Error, EventKind, Position, RecordWriter, Records, Result, Tenant};
use parking_lot::Mutex;
use prometheus_client::registry::Registry;

use super::config::Config;
use super::engine::{self, EngineLog};
use super::follower::{Follow, Follower, Log, Terms};
use super::journal::{self, Series};
use super::metrics::Metrics;
use super::obstacles::{self, Obstacles};
use super::position;
use super::sources::{Sources, of_files};

/// How long a round waits when nothing is new.
const IDLE: Duration = Duration::from_millis(250);
/// How often it is looked which logs there are, ms.
const LOOK_MS: i64 = 1_000;
/// How much one log may add before the next has its turn.
const TURN: usize = 1 << 20;
/// The size of a write.
const BATCH: usize = 4 << 20;
/// The most logs that are followed.
const LOGS: usize = 5_000;
/// How long a write waits that the store did not take: first, and at most.
const RETRY: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// Follows logs until it is stopped.
pub struct Tail {
    stop: SyncSender<()>,
    thread: Mutex<Option<JoinHandle<()>>>,
    metrics: Metrics,
    obstacles: Obstacles,
}

/// A log to follow.
#[derive(Debug, Clone)]
pub enum What {
    /// Files.
    Files(Log),
    /// A container, through the engine.
    Engine(EngineLog),
    /// Files of the journal.
    Journal(Series),
}

impl What {
    fn source(&self) -> &str {
        match self {
            Self::Files(log) => &log.source,
            Self::Engine(log) => &log.source,
            Self::Journal(series) => &series.source,
        }
    }
}

impl Tail {
    /// Starts following what the configuration and `sources` name. Positions are read from `writer`, and written to it
    /// together with the lines.
    pub fn start(
        config: &Config,
        node: &str,
        sources: Arc<dyn Sources>,
        writer: Arc<dyn RecordWriter>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self> {
        let (stop, stopped) = sync_channel(1);
        let (metrics, obstacles) = (Metrics::default(), Obstacles::default());
        let ends = (stopped, obstacles.clone());
        let mut round = Round::new(config, node, sources, writer, clock, metrics.clone(), ends)?;
        let thread = config
            .enabled
            .then(|| std::thread::Builder::new().name("log-tail".to_owned()).spawn(move || round.run()));
        let thread = thread
            .transpose()
            .map_err(|e| Error::internal("the thread that reads logs cannot be started").with_detail(e))?;
        Ok(Self { stop, thread: Mutex::new(thread), metrics, obstacles })
    }

    /// Its figures.
    pub fn register(&self, registry: &mut Registry) {
        self.metrics.register(registry);
    }

    /// Which logs cannot be read, and what helps.
    pub fn obstacles(&self) -> Vec<model::container::Obstacle> {
        self.obstacles.lock().clone()
    }

    /// Stops; what was read is written.
    pub fn stop(&self) {
        // Full means that a stop is asked for already.
        let _ = self.stop.try_send(());
        if let Some(thread) = self.thread.lock().take()
            && thread.join().is_err()
        {
            tracing::error!("the thread that reads logs ended badly");
        }
    }
}

impl Drop for Tail {
    fn drop(&mut self) {
        let _ = self.stop.try_send(());
    }
}

struct Round {
    config: Config,
    node: String,
    sources: Arc<dyn Sources>,
    writer: Arc<dyn RecordWriter>,
    clock: Arc<dyn Clock>,
    metrics: Metrics,
    stopped: Receiver<()>,
    ending: bool,
    terms: Terms,
    files: Vec<(super::config::Files, super::multiline::Rule)>,
    followers: BTreeMap<String, Box<dyn Follow>>,
    /// Logs that added to the batch.
    touched: BTreeSet<String>,
    /// What cannot be read, and why.
    unreadable: BTreeMap<String, obstacles::Unreadable>,
    obstacles: Obstacles,
    batch: Records,
    looked_ms: i64,
}

impl Round {
    fn new(
        config: &Config,
        node: &str,
        sources: Arc<dyn Sources>,
        writer: Arc<dyn RecordWriter>,
        clock: Arc<dyn Clock>,
        metrics: Metrics,
        (stopped, obstacles): (Receiver<()>, Obstacles),
    ) -> Result<Self> {
        let files = config.files.iter().map(|files| Ok((files.clone(), config.rule_of(files)?)));
        let files = files.collect::<Result<_>>()?;
        let bytes = |size: model::config::Size| usize::try_from(size.0).unwrap_or(usize::MAX);
        Ok(Self {
            terms: Terms {
                event_length: bytes(config.event_length).clamp(1 << 10, 1 << 20),
                first_read: config.first_read.0,
                flush_ms: config.flush_after.as_i64_ms(),
            },
            config: config.clone(),
            node: node.to_owned(),
            sources,
            writer,
            clock,
            metrics,
            stopped,
            ending: false,
            files,
            followers: BTreeMap::new(),
            touched: BTreeSet::new(),
            unreadable: BTreeMap::new(),
            obstacles,
            batch: Records::new(),
            looked_ms: i64::MIN,
        })
    }

    fn run(&mut self) {
        while !self.ending {
            let now_ms = self.clock.now_ms();
            if now_ms.saturating_sub(self.looked_ms) >= LOOK_MS || now_ms < self.looked_ms {
                self.looked_ms = now_ms;
                self.look(now_ms);
            }
            let more = self.read(now_ms);
            self.write();
            if !more {
                self.wait(IDLE);
            } else if self.stopped.try_recv().is_ok() {
                self.ending = true;
            }
        }
    }

    fn wait(&mut self, time: Duration) {
        if !matches!(self.stopped.recv_timeout(time), Err(RecvTimeoutError::Timeout)) {
            self.ending = true;
        }
    }

    /// Takes up logs that are new, and leaves those that are gone.
    fn look(&mut self, now_ms: i64) {
        let (journal, denied) = self.journal();
        let mut found: Vec<What> = Vec::new();
        if self.config.containers {
            found.extend(self.sources.logs(&self.config).into_iter().map(What::Files));
            let of_engine = self.sources.engine_logs(&self.config, !journal.is_empty());
            found.extend(of_engine.into_iter().map(What::Engine));
        }
        found.extend(of_files(&self.config, &self.files, &self.node).into_iter().map(What::Files));
        found.extend(journal.into_iter().map(What::Journal));
        found.truncate(LOGS);
        let logs: BTreeMap<String, What> =
            found.into_iter().map(|log| (log.source().to_owned(), log)).collect();
        let gone: Vec<String> =
            self.followers.keys().filter(|key| !logs.contains_key(*key)).cloned().collect();
        for source in gone {
            if let Some(mut follower) = self.followers.remove(&source) {
                self.end(&source, &mut *follower, now_ms);
            }
            self.unreadable.remove(&source);
        }
        for (source, log) in logs {
            match self.followers.get_mut(&source) {
                Some(follower) => follower.update(&log),
                None => {
                    let follower = self.follower(log);
                    self.followers.insert(source, follower);
                }
            }
        }
        self.metrics.logs.set(self.followers.len() as i64);
        self.metrics.unreadable.set(self.unreadable.len() as i64);
        let without = if self.config.containers { self.sources.without_log() } else { Vec::new() };
        *self.obstacles.lock() = obstacles::of(&self.unreadable, denied.as_ref(), &without);
    }

    fn follower(&self, log: What) -> Box<dyn Follow> {
        let (terms, metrics, sources) = (self.terms, self.metrics.clone(), self.sources.clone());
        let saved = self.writer.position(log.source());
        let saved = saved.as_deref();
        match log {
            What::Files(log) => {
                Box::new(Follower::new(log, terms, saved.and_then(position::Position::decode), metrics))
            }
            What::Engine(log) => Box::new(engine::Follower::new(log, terms, sources, saved, metrics)),
            What::Journal(series) => {
                let how = (&self.config, terms, self.node.as_str());
                Box::new(journal::Follower::new(series, how, sources, saved, metrics))
            }
        }
    }

    /// The series of the journal that can be read, and what cannot.
    fn journal(&self) -> (Vec<Series>, Option<obstacles::Unreadable>) {
        let wanted = &self.config.journal;
        let (mut found, mut denied) = (Vec::new(), None);
        if !wanted.enabled {
            return (found, denied);
        }
        let mut note = |path: &Path, error: &std::io::Error| {
            if error.kind() != std::io::ErrorKind::NotFound {
                denied = Some(obstacles::Unreadable::new(path, error));
            }
        };
        let root = match self.config.rootfs.as_os_str().is_empty() {
            true => Path::new("/"),
            false => &self.config.rootfs,
        };
        let folders = match wanted.folders.is_empty() {
            true => journal::folders(root).unwrap_or_else(|error| {
                note(&root.join("var/log/journal"), &error);
                Vec::new()
            }),
            false => wanted.folders.clone(),
        };
        for folder in folders {
            match journal::series(&folder) {
                // Those that cannot be opened are the journals of others, unless it is all of them.
                Ok(series) => found.extend(series),
                Err(error) => note(&folder, &error),
            }
        }
        found.retain(|series| series.open().inspect_err(|error| note(&series.active(), error)).is_ok());
        (found, denied)
    }

    /// Reads what a log that is gone still has: its file is open.
    fn end(&mut self, source: &str, follower: &mut dyn Follow, now_ms: i64) {
        self.touched.remove(source);
        let mut more = true;
        while more && !self.ending {
            more = follower.step(now_ms, &mut self.batch, BATCH).unwrap_or(false);
            if !more {
                follower.finish(now_ms, &mut self.batch);
            }
            if !self.batch.is_empty() {
                self.flush(follower.position().map(|position| (source.to_owned(), position)));
            }
        }
    }

    /// Gives every log a turn; whether one has more.
    fn read(&mut self, now_ms: i64) -> bool {
        let mut more = false;
        let sources: Vec<String> = self.followers.keys().cloned().collect();
        for source in sources {
            let Some(follower) = self.followers.get_mut(&source) else { continue };
            let before = self.batch.len();
            match follower.step(now_ms, &mut self.batch, TURN) {
                Ok(has_more) => {
                    more |= has_more;
                    self.unreadable.remove(&source);
                }
                Err(error) => {
                    let path = follower.path();
                    let log = path.display();
                    let why = obstacles::Unreadable::new(&path, &error);
                    // Where the host's files are not seen it is all of them.
                    match (self.unreadable.is_empty(), self.unreadable.insert(source.clone(), why).is_none())
                    {
                        (true, _) => tracing::warn!(%log, %error, "a log cannot be read; it is tried again"),
                        (false, true) => tracing::debug!(%log, %error, "another log cannot be read"),
                        _ => {}
                    }
                }
            }
            if self.batch.len() > before {
                self.touched.insert(source);
            }
            if self.batch.text_bytes() >= TURN {
                self.write();
            }
        }
        more
    }

    fn write(&mut self) {
        if !self.batch.is_empty() {
            self.flush(None);
        }
    }

    /// Writes the batch with the positions of the logs that it is of, until the store takes it or the end is asked for.
    fn flush(&mut self, gone: Option<(String, Vec<u8>)>) {
        let of = |source: &String| Some((source.clone(), self.followers.get(source)?.position()?));
        let positions: Vec<(String, Vec<u8>)> = self.touched.iter().filter_map(of).chain(gone).collect();
        let positions: Vec<Position<'_>> =
            positions.iter().map(|(source, position)| Position { source, position }).collect();
        let writer = self.writer.clone();
        let is_taken = || {
            let known = |p: &Position<'_>| writer.position(p.source).as_deref() == Some(p.position);
            !positions.is_empty() && positions.iter().all(known)
        };
        let was_taken = is_taken();
        let mut wait = RETRY.0;
        loop {
            match self.writer.write(&Tenant::default(), EventKind::Log, &self.batch, &positions) {
                Ok(_) => break,
                Err(error) => {
                    self.metrics.refused.inc();
                    tracing::warn!(%error, detail = error.detail, "lines of logs could not be stored yet");
                }
            }
            // A store that cannot write keeps in line what it had taken: sent again, it would be there twice. After a kill
            // neither the lines nor their position are there.
            if !was_taken && is_taken() {
                break;
            }
            self.wait(wait);
            if self.ending {
                return;
            }
            wait = (wait * 2).min(RETRY.1);
        }
        self.batch.clear();
        self.touched.clear();
    }
}
