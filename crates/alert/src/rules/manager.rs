//! All groups: runs them, and takes new files while they run.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use model::rule::{GroupStatus, RuleLanguage};
use model::{Error, Result};
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::file::{self, ParseSettings};
use super::group::{Group, Shared, Surroundings};
use super::schedule::run;

/// What the configuration says about rules.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// Patterns of rule files.
    pub files: Vec<String>,
    /// Patterns of rule files whose expressions are LogQL.
    pub log_files: Vec<String>,
    /// What relative patterns are relative to.
    pub folder: PathBuf,
    /// How often groups are evaluated that do not say it, ms.
    pub interval_ms: i64,
    /// How files are read.
    pub parse: ParseSettings,
    /// What all groups share.
    pub shared: Shared,
}

/// Groups that were read and checked and do not run yet.
pub struct Prepared {
    settings: Settings,
    groups: Vec<(String, file::GroupDefinition)>,
}

/// Runs groups.
pub struct Manager {
    around: Arc<Surroundings>,
    places: Arc<Semaphore>,
    runtime: Handle,
    inner: Mutex<Inner>,
    /// One change at a time.
    applying: Mutex<()>,
    /// Ends everything that still waits, markers of removed groups included.
    end: CancellationToken,
}

struct Inner {
    running: BTreeMap<(String, String), Running>,
    /// Whether groups were loaded before: those that come later have no state of before to look for.
    loaded: bool,
    begun: bool,
    /// Whether any rule file is named.
    named: bool,
}

struct Running {
    group: Arc<Group>,
    stop: CancellationToken,
    task: Option<JoinHandle<()>>,
}

impl Running {
    /// Stops it: what runs is cancelled.
    fn stop(&self) {
        self.stop.cancel();
        self.group.cancel.cancel();
    }

    async fn ended(&mut self) {
        if let Some(task) = self.task.take() {
            // The task does not panic: what it runs is caught and logged.
            let _ = task.await;
        }
    }
}

impl Manager {
    /// A manager without groups. At most `concurrent` groups are evaluated at one time.
    pub fn new(around: Surroundings, concurrent: usize, runtime: Handle) -> Self {
        Self {
            around: Arc::new(around),
            places: Arc::new(Semaphore::new(concurrent.max(1))),
            runtime,
            inner: Mutex::new(Inner { running: BTreeMap::new(), loaded: false, begun: false, named: false }),
            applying: Mutex::new(()),
            end: CancellationToken::new(),
        }
    }

    /// Lets groups run: the stores can be read.
    pub fn begin(&self) {
        let mut inner = self.inner.lock();
        inner.begun = true;
        for running in inner.running.values_mut().filter(|r| r.task.is_none()) {
            running.task = Some(self.spawn(running.group.clone(), running.stop.clone()));
        }
    }

    /// Takes new groups. Those that are unchanged go on as they are; changed ones keep the state of their rules; of
    /// those that are gone, series end two intervals later, unless another rule writes them by then. Call it off the
    /// runtime's own threads, for it waits for evaluations that run.
    pub fn apply(self: &Arc<Self>, prepared: Prepared) {
        let _one = self.applying.lock();
        let settings = prepared.settings;
        *self.around.shared.write() = settings.shared;
        let (mut old, restored, begun) = {
            let mut inner = self.inner.lock();
            let restored = inner.loaded;
            inner.loaded = true;
            inner.named = !settings.files.is_empty() || !settings.log_files.is_empty();
            (std::mem::take(&mut inner.running), restored, inner.begun)
        };
        let mut running = BTreeMap::new();
        for (file, definition) in prepared.groups {
            let key = (file.clone(), definition.name.clone());
            let group = Group::new(&file, definition, settings.interval_ms, restored);
            let before = old.remove(&key);
            if let Some(mut before) = before {
                if before.group.same_as(&group) {
                    running.insert(key, before);
                    continue;
                }
                before.stop();
                self.runtime.block_on(before.ended());
                group.continue_from(&before.group);
            }
            self.around.metrics.add(&group.labels, group.rules.len(), group.interval_ms);
            let (group, stop) = (Arc::new(group), self.end.child_token());
            let task = begun.then(|| self.spawn(group.clone(), stop.clone()));
            running.insert(key, Running { group, stop, task });
        }
        self.inner.lock().running = running;
        for gone in old.into_values() {
            self.remove(gone);
        }
    }

    fn spawn(&self, group: Arc<Group>, stop: CancellationToken) -> JoinHandle<()> {
        self.runtime.spawn(run(group, self.around.clone(), self.places.clone(), stop))
    }

    /// Ends a group that is no longer configured; its series get their markers later.
    fn remove(&self, mut gone: Running) {
        gone.stop();
        self.runtime.block_on(gone.ended());
        let group = gone.group;
        self.around.metrics.remove(&group.labels);
        let mut state = group.state.lock();
        let written: Vec<_> = state.written.iter_mut().flat_map(std::mem::take).collect();
        state.stale.extend(written);
        let nothing = state.stale.is_empty();
        drop(state);
        if nothing {
            return;
        }
        let (around, end) = (self.around.clone(), self.end.clone());
        let at = around.clock.now_ms() - group.offset_ms(&around);
        let wait = Duration::from_millis(u64::try_from(group.interval_ms.saturating_mul(2)).unwrap_or(0));
        self.runtime.spawn(async move {
            tokio::select! {
                () = end.cancelled() => {}
                () = tokio::time::sleep(wait) => {
                    let work = tokio::task::spawn_blocking(move || group.mark_stale(&around, at));
                    if let Err(error) = work.await {
                        tracing::error!(%error, "marking the end of series ended unexpectedly");
                    }
                }
            }
        });
    }

    /// Stops all groups and waits for what runs.
    pub async fn stop(&self) {
        self.end.cancel();
        let running = std::mem::take(&mut self.inner.lock().running);
        running.values().for_each(Running::stop);
        for mut running in running.into_values() {
            running.ended().await;
        }
    }

    /// All groups with their last evaluation, sorted by file and name.
    pub fn groups(&self) -> Vec<GroupStatus> {
        let groups: Vec<Arc<Group>> = self.inner.lock().running.values().map(|r| r.group.clone()).collect();
        groups.iter().map(|group| group.status()).collect()
    }

    /// Whether the configuration names rule files.
    pub fn names_files(&self) -> bool {
        self.inner.lock().named
    }

    /// What is counted.
    pub fn metrics(&self) -> &super::Metrics {
        &self.around.metrics
    }
}

/// Reads and checks all files that the settings name; nothing is changed. The error holds every mistake of the first
/// file that has one.
pub fn prepare(settings: Settings) -> Result<Prepared> {
    let mut groups: Vec<(String, file::GroupDefinition)> = Vec::new();
    for (language, patterns) in
        [(RuleLanguage::Promql, &settings.files), (RuleLanguage::Logql, &settings.log_files)]
    {
        let parse = ParseSettings { language, ..settings.parse.clone() };
        for path in file::matching(&settings.folder, patterns) {
            let name = shown(&path);
            if groups.iter().any(|(file, group)| *file == name && group.language != language) {
                return Err(Error::invalid(format_args!(
                    "error loading rules: {name}: named by rule_files and by logs.rules; a file has rules of one language"
                )));
            }
            let read = file::read(&path, &parse).map_err(|mistakes| {
                Error::invalid(format_args!("error loading rules: {}", mistakes.join("\n")))
            })?;
            groups.extend(read.into_iter().map(|group| (name.clone(), group)));
        }
    }
    Ok(Prepared { settings, groups })
}

fn shown(path: &Path) -> String {
    path.strip_prefix("./").unwrap_or(path).display().to_string()
}

impl Prepared {
    /// How many rules there are.
    pub fn rules(&self) -> usize {
        self.groups.iter().map(|(_, group)| group.rules.len()).sum()
    }
}
