//! Finds targets: in the configuration, in files, at servers, in DNS, at Docker engines, in Consul's catalogue.
//!
//! Every source of a job runs as a task of its own and replaces its own list of label sets; the job takes all lists
//! together whenever one has changed. A source that fails keeps what it found last and says what is wrong.

mod consul;
mod dns;
mod docker;
mod engine;
mod failures;
pub mod file;
mod http;
mod swarm;

use std::sync::Arc;

pub use failures::{Failures, Mechanism};
use model::Labels;
use outbound::Clients;
use outbound::discovery::{Configs, Group};
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// A label set as found: `__address__`, `__meta_*`, and whatever the source adds.
pub(crate) type Found = Labels;

/// Label sets that one source may give. A wrong glob or an engine gone wild must not take the memory.
const LIMIT: usize = 100_000;

/// The sources of one job.
pub(crate) struct Discovery {
    lists: Arc<Lists>,
}

/// What the sources found last.
pub(crate) struct Lists {
    sources: Mutex<Vec<Source>>,
    changed: watch::Sender<()>,
}

#[derive(Default)]
struct Source {
    found: Vec<Found>,
    error: Option<String>,
    /// `None`: nobody counts.
    count: Option<failures::Count>,
}

/// The way a source reports.
#[derive(Clone)]
pub(crate) struct Report {
    lists: Arc<Lists>,
    source: usize,
}

impl Report {
    /// Replaces what the source found.
    pub(crate) fn found(&self, mut found: Vec<Found>) {
        let mut sources = self.lists.sources.lock();
        let Some(source) = sources.get_mut(self.source) else { return };
        source.error =
            (found.len() > LIMIT).then(|| format!("{} targets found, {LIMIT} are used", found.len()));
        found.truncate(LIMIT);
        if source.found != found {
            source.found = found;
            drop(sources);
            self.lists.changed.send_replace(());
        }
    }

    /// Counts a failure and says what is wrong; the list stays.
    pub(crate) fn failed(&self, error: String) {
        if let Some(source) = self.lists.sources.lock().get_mut(self.source) {
            if let Some(count) = &source.count {
                count.inc();
            }
            if source.error.as_ref() != Some(&error) {
                tracing::warn!(%error, "discovery failed");
            }
            source.error = Some(error);
        }
    }
}

/// Looks for the targets of `configs` until `stop`, for others than scrape jobs: `found` is told of all label sets at
/// once and whenever they have changed. Call it within a Tokio runtime.
pub fn watch(
    configs: &Configs,
    clients: &Arc<Clients>,
    stop: CancellationToken,
    found: impl Fn(Vec<Labels>) + Send + Sync + 'static,
) {
    let tasks = TaskTracker::new();
    let discovery = Discovery::start(configs, clients, &stop, &tasks, None);
    let mut changes = discovery.changes();
    found(discovery.found());
    let follow = async move {
        while changes.changed().await.is_ok() {
            found(discovery.found());
        }
    };
    tokio::spawn(async move {
        // Stopped: the sources end by themselves.
        let _ = stop.run_until_cancelled(follow).await;
    });
}

impl Discovery {
    /// Starts the sources of `configs`; they run until `stop`. Failures are counted under a job's name.
    pub(crate) fn start(
        configs: &Configs,
        clients: &Arc<Clients>,
        stop: &CancellationToken,
        tasks: &TaskTracker,
        failures: Option<(&Failures, &str)>,
    ) -> Self {
        let fixed = configs.static_configs.iter().flat_map(Group::label_sets).collect();
        let mut sources = vec![Source { found: fixed, ..Source::default() }];
        let others = configs.file_sd_configs.len()
            + configs.docker_sd_configs.len()
            + configs.dockerswarm_sd_configs.len()
            + configs.http_sd_configs.len()
            + configs.dns_sd_configs.len()
            + configs.consul_sd_configs.len();
        sources.resize_with(1 + others, Source::default);
        let lists = Arc::new(Lists { sources: Mutex::new(sources), changed: watch::Sender::new(()) });
        let mut next = 0;
        let mut report = |mechanism| {
            next += 1;
            if let Some(source) = lists.sources.lock().get_mut(next) {
                source.count = failures.map(|(all, job)| failures::Count::new(all, mechanism, job));
            }
            Report { lists: lists.clone(), source: next }
        };
        for file in &configs.file_sd_configs {
            let source = file::Files::new(file.clone(), report("file"));
            source.read_once(); // so that targets in files run at once, too
            tasks.spawn(stop.clone().run_until_cancelled_owned(source.watch()));
        }
        let until = || stop.clone();
        for docker in &configs.docker_sd_configs {
            let source = docker::Docker::new(docker.clone(), clients.clone(), report("docker"));
            tasks.spawn(until().run_until_cancelled_owned(source.watch()));
        }
        for swarm in &configs.dockerswarm_sd_configs {
            let source = swarm::Swarm::new(swarm.clone(), clients.clone(), report("dockerswarm"));
            tasks.spawn(until().run_until_cancelled_owned(source.watch()));
        }
        for server in &configs.http_sd_configs {
            let source = http::Server::new(server.clone(), clients.clone(), report("http"));
            tasks.spawn(until().run_until_cancelled_owned(source.watch()));
        }
        for names in &configs.dns_sd_configs {
            let source = dns::Names::new(names.clone(), report("dns"));
            tasks.spawn(until().run_until_cancelled_owned(source.watch()));
        }
        for consul in &configs.consul_sd_configs {
            let source = consul::Consul::new(consul.clone(), clients.clone(), report("consul"));
            tasks.spawn(until().run_until_cancelled_owned(source.watch()));
        }
        Self { lists }
    }

    /// Wakes when a list has changed.
    pub(crate) fn changes(&self) -> watch::Receiver<()> {
        self.lists.changed.subscribe()
    }

    /// All label sets.
    pub(crate) fn found(&self) -> Vec<Found> {
        self.lists.sources.lock().iter().flat_map(|source| source.found.iter().cloned()).collect()
    }

    /// What is wrong with sources.
    pub(crate) fn errors(&self) -> Vec<String> {
        self.lists.sources.lock().iter().filter_map(|source| source.error.clone()).collect()
    }
}

/// Host and port as an address; an IPv6 address gets its brackets.
fn join(host: &str, port: impl std::fmt::Display) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

/// A label name of the classic syntax: everything else becomes an underscore.
fn sanitize(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect()
}
