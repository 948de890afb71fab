//! Finds targets: in the configuration, in files, at servers, in DNS, at Docker engines, in Consul's catalogue.
//!
//! Every source of a job runs as a task of its own and replaces its own list of label sets; the job takes all lists
//! together whenever one has changed. A source that fails keeps what it found last and says what is wrong.

mod consul;
mod dns;
mod docker;
mod engine;
pub mod file;
mod http;
mod metrics;
mod refresh;
mod swarm;

use std::sync::Arc;
use std::time::Duration;

pub use metrics::{Mechanism, Metrics, Owner, Purpose};
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
    /// `None`: nobody counts.
    counted: Option<(Metrics, Owner)>,
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
    count: Option<metrics::Count>,
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
        if let Some(count) = &source.count {
            count.received();
        }
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
                count.failed();
            }
            if source.error.as_ref() != Some(&error) {
                tracing::warn!(%error, "discovery failed");
            }
            source.error = Some(error);
        }
    }

    /// A round took so long, whether it failed or not.
    pub(crate) fn took(&self, duration: Duration) {
        self.counted(|count| count.took(duration));
    }

    fn counted(&self, note: impl FnOnce(&metrics::Count)) {
        if let Some(count) = self.lists.sources.lock().get(self.source).and_then(|s| s.count.as_ref()) {
            note(count);
        }
    }
}

/// Looks for the targets of `configs` until `stop`, for others than scrape jobs: `found` is told of all label sets at
/// once and whenever they have changed. It is counted as `name` of `metrics`. Call it within a Tokio runtime.
pub fn watch(
    configs: &Configs,
    clients: &Arc<Clients>,
    (metrics, name): (&Metrics, &str),
    stop: CancellationToken,
    found: impl Fn(Vec<Labels>) + Send + Sync + 'static,
) {
    let tasks = TaskTracker::new();
    let owner = Owner { name: "notify", config: name.to_owned() };
    let counted = Some((metrics.clone(), owner.clone()));
    let discovery = Discovery::start(configs, clients, &stop, &tasks, counted);
    let mut changes = discovery.changes();
    found(discovery.found());
    let follow = async move {
        while changes.changed().await.is_ok() {
            found(discovery.found());
        }
    };
    let metrics = metrics.clone();
    tokio::spawn(async move {
        // Stopped: the sources end by themselves.
        let _ = stop.run_until_cancelled(follow).await;
        metrics.forget(&owner);
    });
}

impl Discovery {
    /// Starts the sources of `configs`; they run until `stop`. What they do is counted under an owner's name.
    pub(crate) fn start(
        configs: &Configs,
        clients: &Arc<Clients>,
        stop: &CancellationToken,
        tasks: &TaskTracker,
        counted: Option<(Metrics, Owner)>,
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
                source.count =
                    counted.as_ref().map(|(all, owner)| metrics::Count::new(all, mechanism, owner));
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
            let source = docker::Docker::new(docker.clone(), clients.clone());
            tasks.spawn(until().run_until_cancelled_owned(refresh::watch(source, report("docker"))));
        }
        for swarm in &configs.dockerswarm_sd_configs {
            let source = swarm::Swarm::new(swarm.clone(), clients.clone());
            tasks.spawn(until().run_until_cancelled_owned(refresh::watch(source, report("dockerswarm"))));
        }
        for server in &configs.http_sd_configs {
            let source = http::Server::new(server.clone(), clients.clone());
            tasks.spawn(until().run_until_cancelled_owned(refresh::watch(source, report("http"))));
        }
        for names in &configs.dns_sd_configs {
            let source = dns::Names::new(names.clone(), report("dns"));
            tasks.spawn(until().run_until_cancelled_owned(source.watch()));
        }
        for consul in &configs.consul_sd_configs {
            let source = consul::Consul::new(consul.clone(), clients.clone(), report("consul"));
            tasks.spawn(until().run_until_cancelled_owned(source.watch()));
        }
        Self { lists, counted }
    }

    /// Wakes when a list has changed.
    pub(crate) fn changes(&self) -> watch::Receiver<()> {
        self.lists.changed.subscribe()
    }

    /// All label sets, for whoever takes them.
    pub(crate) fn found(&self) -> Vec<Found> {
        let found: Vec<Found> =
            self.lists.sources.lock().iter().flat_map(|source| source.found.iter().cloned()).collect();
        if let Some((metrics, owner)) = &self.counted {
            metrics.taken(owner, found.len());
        }
        found
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
