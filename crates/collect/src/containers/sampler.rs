//! The thread that reads groups: once a second for the live ring, every ten for the store, at once when a group
//! appears or its main process ends.
//!
//! Three things wake it: the clock, inotify on the directories in which groups appear, and pidfds of main processes.
//! A pidfd fires while the group still exists, so the last figures of a container are exact; a container that dies
//! before its pid is known has at least what was read a tenth of a second before.

mod group;
mod wake;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::sync::{mpsc, oneshot};

use super::blackbox;
use super::cgroup::file::OpenFiles;
use super::cgroup::reader::Scratch;
use super::cgroup::walk;
use super::cgroup::{Layout, Reader};
use super::shared::Shared;
use super::writer::{Job, Look};
use group::Group;
use wake::{Wake, Waker};

pub use wake::Bell;

/// How often young groups are read.
const YOUNG_MS: i64 = 100;
/// The live interval while nothing forces a longer one.
const LIVE_MS: i64 = 1_000;
/// The longest it gets.
const LIVE_MOST_MS: i64 = 30_000;
/// How long a page's [`touch`](model::container::Containers::touch) lasts.
const TOUCH_MS: i64 = 15_000;

/// What the sampler is told.
#[derive(Debug)]
pub enum Message {
    /// The main process of a container.
    Pid(String, u32),
    /// A container ended: take the last figures now, then answer.
    Ended(String, oneshot::Sender<()>),
}

/// The sampler's thread.
pub struct Sampler {
    shared: Arc<Shared>,
    layout: Layout,
    groups: HashMap<String, Group>,
    pids: HashMap<String, u32>,
    scratch: Scratch,
    waker: Waker,
    messages: std::sync::mpsc::Receiver<Message>,
    jobs: mpsc::Sender<Job>,
    vanished: mpsc::Sender<String>,
    cost: f64,
    next_token: u64,
    first_walk: bool,
    /// Containers whose state series are kept going while they do not run.
    idle: std::collections::HashSet<String>,
}

impl Sampler {
    /// A sampler of the groups in `layout`, and the bell that wakes it.
    pub fn new(
        shared: Arc<Shared>,
        layout: Layout,
        messages: std::sync::mpsc::Receiver<Message>,
        jobs: mpsc::Sender<Job>,
        vanished: mpsc::Sender<String>,
    ) -> std::io::Result<(Self, Bell)> {
        let (waker, bell) = Waker::new()?;
        let mut scratch = Scratch::new(OpenFiles::from_limit());
        scratch.enabled.clone_from(&shared.config.enable);
        let sampler = Self {
            shared,
            layout,
            groups: HashMap::new(),
            pids: HashMap::new(),
            scratch,
            waker,
            messages,
            jobs,
            vanished,
            cost: 0.0,
            next_token: 1,
            first_walk: true,
            idle: std::collections::HashSet::new(),
        };
        Ok((sampler, bell))
    }

    /// Works until the stop flag is set and the bell rings.
    pub fn run(mut self) {
        let interval = i64::try_from(self.shared.config.interval.as_millis()).unwrap_or(10_000).max(1000);
        let mut next_live = 0;
        let mut next_store = 0;
        self.walk();
        self.first_walk = false;
        while !self.shared.stop.load(Ordering::Relaxed) {
            let now = self.now();
            // A clock that was set back must not stop the readings.
            if next_live - now > LIVE_MOST_MS + LIVE_MS {
                (next_live, next_store) = (now, now);
            }
            if now >= next_store {
                self.walk();
                self.store_all();
                next_store = after(now, interval);
                next_live = after(now, self.live_interval());
            } else if now >= next_live {
                self.live_all();
                next_live = after(now, self.live_interval());
            } else if self.groups.values().any(|g| g.is_young(now)) {
                self.young();
            }
            let now = self.now();
            let mut until = next_live.min(next_store) - now;
            if self.groups.values().any(|g| g.is_young(now)) {
                until = until.min(YOUNG_MS);
            }
            let woken = self.waker.wait(until.max(0));
            self.handle(woken);
        }
        self.last_words();
    }

    fn now(&self) -> i64 {
        self.shared.clock.now_ms()
    }

    fn live_interval(&self) -> i64 {
        let watched = self.now() - self.shared.touched_ms.load(Ordering::Relaxed) < TOUCH_MS;
        let interval = live_interval(self.cost, watched);
        self.shared.metrics.live_interval_ms.set(interval);
        interval
    }

    fn handle(&mut self, woken: Vec<Wake>) {
        for wake in woken {
            match wake {
                Wake::Bell => {}
                Wake::Directory(parent) => self.look_into(&parent),
                Wake::Exit(token) => self.main_process_ended(token),
                Wake::Overflow => self.walk(),
            }
        }
        while let Ok(message) = self.messages.try_recv() {
            match message {
                Message::Pid(id, pid) => {
                    self.pids.insert(id.clone(), pid);
                    self.confirm_pid(&id);
                }
                Message::Ended(id, done) => {
                    self.pids.remove(&id);
                    let paths: Vec<String> = self.paths_of(&id);
                    for path in paths {
                        self.final_look(&path);
                    }
                    // Nobody waits any more: fine.
                    let _ = done.send(());
                }
            }
        }
    }

    fn paths_of(&self, id: &str) -> Vec<String> {
        let of = self.groups.iter().filter(|(_, group)| group.container.as_deref() == Some(id));
        of.map(|(path, _)| path.clone()).collect()
    }

    /// Compares the known groups with those that are there.
    fn walk(&mut self) {
        let Some(root) = self.layout.primary().map(std::path::Path::to_path_buf) else { return };
        let listed = walk::groups(&root, self.shared.config.max_groups);
        let present: std::collections::HashSet<&String> = listed.iter().collect();
        let gone: Vec<String> = self.groups.keys().filter(|path| !present.contains(path)).cloned().collect();
        for path in gone {
            self.remove(&path);
        }
        for path in listed {
            self.add(&path, !self.first_walk);
        }
        self.shared.metrics.groups.set(i64::try_from(self.groups.len()).unwrap_or(i64::MAX));
    }

    /// Something was made or removed below `parent`.
    fn look_into(&mut self, parent: &str) {
        let Some(root) = self.layout.primary().map(std::path::Path::to_path_buf) else { return };
        let children = walk::children(&root, parent);
        let prefix = if parent == "/" { "/".to_owned() } else { format!("{parent}/") };
        let gone: Vec<String> = self
            .groups
            .keys()
            .filter(|path| {
                path.strip_prefix(&prefix).is_some_and(|rest| !rest.is_empty() && !rest.contains('/'))
                    && !children.contains(path)
            })
            .cloned()
            .collect();
        for path in gone {
            self.remove(&path);
        }
        for path in children {
            let is_new = !self.groups.contains_key(&path);
            self.add(&path, true);
            if is_new && walk::container_of(&path).is_none() {
                // Its children may have come before it was watched.
                self.look_into(&path);
            }
        }
    }

    fn add(&mut self, path: &str, seen_made: bool) {
        let now = self.now();
        let (created_ms, inode) = self.layout.primary().map_or((now, 0), |root| made(root, path, now));
        if let Some(known) = self.groups.get(path) {
            if known.inode == inode {
                return;
            }
            // It went and came again between two looks: another life.
            self.remove(path);
        }
        if self.groups.len() >= self.shared.config.max_groups {
            return;
        }
        let container = walk::container_of(path);
        if container.is_none()
            && let Some(root) = self.layout.primary()
        {
            self.waker.watch(&super::cgroup::layout::join(root, path), path);
        }
        let reader = Reader::new(&self.layout, &self.shared.config.procfs, path);
        let id = container.map(|(id, _)| id.to_owned());
        let born_ms = seen_made.then_some(now);
        let group = Group::new(reader, id.clone(), born_ms, (created_ms, inode), now);
        self.groups.insert(path.to_owned(), group);
        if let Some((id, runtime)) = container {
            let made = self.shared.index.lock().attach_group(id, path, runtime, &self.shared.node, now);
            if let Some(facts) = made.filter(|_| !self.shared.has_engine_of(runtime)) {
                self.send(Job::Events(vec![blackbox::facts(&facts, now)]));
            }
            self.shared.changed();
            self.confirm_pid(id);
            if seen_made {
                self.read_and_store(&[path.to_owned()]);
            }
        }
    }

    fn remove(&mut self, path: &str) {
        let Some(mut group) = self.groups.remove(path) else { return };
        group.reader.close(&self.scratch);
        self.waker.forget(path, group.token.take());
        let now = self.now();
        let mut looks = Vec::new();
        // Its end was not seen: what was read last is its last.
        let unstored = group.last.take().filter(|last| !group.ended && last.t > group.stored_t);
        if let Some(last) = unstored {
            looks.push(group.look(path, Some(last), false));
        }
        looks.push(Look { t: now, ..group.look(path, None, true) });
        if let Some(id) = &group.container {
            if self.pids.get(id).copied() == group.pid {
                self.pids.remove(id);
            }
            self.idle.insert(id.clone());
            // A hint only: the periodic list finds what is lost here.
            let _ = self.vanished.try_send(id.clone());
            let runtime = walk::container_of(path).map_or("", |(_, runtime)| runtime);
            let has_engine = self.shared.has_engine_of(runtime);
            let mut index = self.shared.index.lock();
            if let Some(facts) = index.detach_group(id, has_engine, now) {
                let mut events = vec![blackbox::facts(&facts, now)];
                events.extend(index.last_minutes(id, now).map(|m| blackbox::last_minutes(&m, &facts)));
                drop(index);
                self.send(Job::Events(events));
            }
            self.shared.changed();
        }
        self.send(Job::Scrape(looks));
    }

    /// Uses the pid that the engine named; opens a pidfd on it.
    fn confirm_pid(&mut self, id: &str) {
        let Some(pid) = self.pids.get(id).copied() else { return };
        for path in self.paths_of(id) {
            let token = self.next_token;
            let Some(group) = self.groups.get_mut(&path).filter(|g| g.pid != Some(pid) || !g.confirmed)
            else {
                continue;
            };
            (group.pid, group.confirmed) = (Some(pid), true);
            if let Some(old) = group.token.take() {
                self.waker.forget_exit(old);
            }
            if self.waker.watch_exit(pid, token) {
                self.next_token += 1;
                group.token = Some(token);
            }
        }
    }

    fn main_process_ended(&mut self, token: u64) {
        self.waker.forget_exit(token);
        let path = self.groups.iter().find(|(_, g)| g.token == Some(token)).map(|(path, _)| path.clone());
        if let Some(path) = path {
            self.final_look(&path);
        }
    }

    /// The last reading of a group whose container ended.
    fn final_look(&mut self, path: &str) {
        let now = self.now();
        let Some(group) = self.groups.get_mut(path).filter(|g| !g.ended) else { return };
        group.renew(&self.layout, path, &self.scratch, now);
        let reading = group.reader.full(&mut self.scratch, now, group.pid);
        group.ended = true;
        let look = if reading.is_empty() {
            let last = group.last.clone().filter(|last| last.t > group.stored_t);
            last.map(|last| group.look(path, Some(last), false))
        } else {
            group.observe(&self.shared, &reading);
            Some(group.look(path, Some(reading), false))
        };
        if let Some(look) = look {
            group.stored_t = look.t;
            self.send(Job::Scrape(vec![look]));
        }
        self.shared.changed();
    }

    /// Reads the young ones, so that what they used last is known to a tenth of a second.
    fn young(&mut self) {
        let now = self.now();
        for (path, group) in self.groups.iter_mut().filter(|(_, g)| g.is_young(now) && !g.ended) {
            group.renew(&self.layout, path, &self.scratch, now);
            let reading = group.reader.live(&mut self.scratch, now, group.network_pid(now));
            if !reading.is_empty() {
                group.last = Some(reading);
            }
        }
    }

    fn live_all(&mut self) {
        let before = cpu_ms();
        let now = self.now();
        for (path, group) in self.groups.iter_mut().filter(|(_, g)| g.container.is_some() && !g.ended) {
            group.renew(&self.layout, path, &self.scratch, now);
            group.find_pid(&mut self.scratch, now);
            let reading = group.reader.live(&mut self.scratch, now, group.network_pid(now));
            if !reading.is_empty() {
                group.observe(&self.shared, &reading);
            }
        }
        self.shared.index.lock().judge(now);
        self.shared.changed();
        self.spent(cpu_ms() - before);
    }

    fn store_all(&mut self) {
        let paths: Vec<String> = self
            .groups
            .iter()
            .filter(|(_, g)| !g.ended && (g.container.is_some() || self.shared.config.slices))
            .map(|(path, _)| path.clone())
            .collect();
        self.read_and_store(&paths);
        self.store_idle();
        let now = self.now();
        self.send(Job::Machine(now));
        self.shared.index.lock().judge(now);
        self.shared.changed();
    }

    fn read_and_store(&mut self, paths: &[String]) {
        let mut looks = Vec::with_capacity(paths.len());
        for path in paths {
            let now = self.now();
            let Some(group) = self.groups.get_mut(path) else { continue };
            group.renew(&self.layout, path, &self.scratch, now);
            group.find_pid(&mut self.scratch, now);
            let reading = group.reader.full(&mut self.scratch, now, group.network_pid(now));
            if reading.is_empty() {
                continue;
            }
            group.observe(&self.shared, &reading);
            group.stored_t = now;
            looks.push(group.look(path, Some(reading), false));
        }
        if !looks.is_empty() {
            self.send(Job::Scrape(looks));
        }
    }

    /// Containers that do not run have no group but still a state; those that were removed end.
    fn store_idle(&mut self) {
        let now = self.now();
        let running: std::collections::HashSet<&String> =
            self.groups.values().filter(|g| !g.ended).filter_map(|g| g.container.as_ref()).collect();
        let mut looks = Vec::new();
        let mut idle = std::collections::HashSet::new();
        {
            let index = self.shared.index.lock();
            for (id, entry) in index.iter().filter(|(id, _)| !running.contains(id)) {
                let gone = entry.facts.removed_ms > 0;
                if gone && !self.idle.contains(id) {
                    continue;
                }
                if !gone {
                    idle.insert(id.clone());
                }
                looks.push(Look {
                    group: entry.group.clone().unwrap_or_else(|| format!("/docker/{id}")),
                    container: Some(id.clone()),
                    t: now,
                    reading: None,
                    born_ms: None,
                    created_ms: 0,
                    gone,
                });
            }
        }
        self.idle = idle;
        if !looks.is_empty() {
            self.send(Job::Scrape(looks));
        }
    }

    /// The last readings before the collector stops; the series do not end, their containers live on.
    fn last_words(&mut self) {
        let paths: Vec<String> =
            self.groups.iter().filter(|(_, g)| !g.ended).map(|(path, _)| path.clone()).collect();
        self.read_and_store(&paths);
    }

    fn send(&self, job: Job) {
        if let Err(mpsc::error::TrySendError::Full(job)) = self.jobs.try_send(job) {
            if let Job::Scrape(looks) = &job {
                self.shared.metrics.dropped_looks.inc_by(looks.len() as u64);
            }
            tracing::warn!("the stores are behind: container readings are dropped");
        }
    }

    fn spent(&mut self, ms: f64) {
        self.cost = if self.cost == 0.0 { ms } else { self.cost * 0.8 + ms * 0.2 };
    }
}

/// The live interval that keeps readings of `cost` CPU milliseconds within 1 % of a core, 10 % while a page watches.
/// Whole seconds, so that points of all containers fall together.
fn live_interval(cost: f64, watched: bool) -> i64 {
    let share = if watched { 0.1 } else { 0.01 };
    let wanted = (cost / share) as i64;
    (wanted.clamp(LIVE_MS, LIVE_MOST_MS) + 999) / 1000 * 1000
}

/// The next multiple of `interval` after `now`.
fn after(now: i64, interval: i64) -> i64 {
    (now.div_euclid(interval) + 1) * interval
}

/// CPU time of this thread in milliseconds.
fn cpu_ms() -> f64 {
    let t = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    t.tv_sec as f64 * 1e3 + t.tv_nsec as f64 / 1e6
}

/// When the group's directory was made, as far as it tells (`now` where it does not), and its inode.
fn made(root: &std::path::Path, path: &str, now: i64) -> (i64, u64) {
    use std::os::unix::fs::MetadataExt;
    match std::fs::metadata(super::cgroup::layout::join(root, path)) {
        Ok(meta) => ((meta.mtime() * 1000 + meta.mtime_nsec() / 1_000_000).min(now), meta.ino()),
        Err(_) => (now, 0),
    }
}

#[cfg(test)]
mod tests;
