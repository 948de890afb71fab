//! Every known container: a pure machine. Facts, engine events and readings go in; rows, identities and what is to be
//! written down come out. Nothing here reads files, sockets or clocks.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;

use model::container::{
    ContainerEvent, ContainerFacts, ContainerRow, ContainerState, LastMinutes, LivePoint, Verdict,
};
use model::resource::{IdentityKey, Resource};

use super::docker::events::EngineEvent;
use super::history::History;
use super::ring::Ring;
use super::verdict;

/// How far back the points go that are written down at a death.
pub const LAST_MINUTES_MS: i64 = 120_000;
/// Exit code of a process that was killed: 128 and the signal's number. With any other a kill in the group was that of
/// a child, and the container ended by itself.
const KILLED: i64 = 137;
/// How many restarts are remembered.
const RESTARTS: usize = 64;

/// One container.
#[derive(Debug, Default)]
pub struct Entry {
    /// What is known of it.
    pub facts: Arc<ContainerFacts>,
    /// Its control group.
    pub group: Option<String>,
    /// Ten minutes at one point a second.
    pub ring: Ring,
    /// The newest point while it runs.
    pub live: Option<LivePoint>,
    /// What verdicts and sparklines are made of.
    pub history: History,
    /// OOM kills seen.
    pub oom_kills: u64,
    /// When it started again after an end, ms, oldest first.
    pub restarts: VecDeque<i64>,
    /// Judgements, worst first.
    pub verdicts: Vec<Verdict>,
    /// Where its log is on the host, empty where there is no file; `None`: the engine was not asked since it was started.
    pub log_path: Option<String>,
    life: Life,
}

/// What was seen since the last start.
#[derive(Debug, Default, Clone)]
struct Life {
    /// An `oom` event, or the kernel's counter grew.
    oom: bool,
    /// Somebody asked for the end.
    stopped: bool,
    /// When it ended, ms; 0: it has not.
    ended_ms: i64,
}

/// The containers of this node.
#[derive(Debug, Default)]
pub struct Index {
    entries: HashMap<String, Entry>,
    max_removed: usize,
}

impl Index {
    /// An index that remembers at most `max_removed` removed containers.
    pub fn new(max_removed: usize) -> Self {
        Self { entries: HashMap::new(), max_removed }
    }

    /// The entry of a full id.
    pub fn get(&self, id: &str) -> Option<&Entry> {
        self.entries.get(id)
    }

    /// The entry of a full id.
    pub fn get_mut(&mut self, id: &str) -> Option<&mut Entry> {
        self.entries.get_mut(id)
    }

    /// All entries.
    pub fn iter(&self) -> impl Iterator<Item = (&String, &Entry)> {
        self.entries.iter()
    }

    /// Takes what inspect (or the store, at start) says. Returns the merged facts where they changed.
    pub fn apply_facts(&mut self, mut facts: ContainerFacts) -> Option<Arc<ContainerFacts>> {
        let entry = self.entries.entry(facts.id.clone()).or_default();
        let known = &entry.facts;
        if !known.id.is_empty() {
            keep_last_end(known, &mut facts, &entry.life);
        }
        if facts.removed_ms == 0 && known.removed_ms > 0 && facts.state == ContainerState::Unknown {
            facts.removed_ms = known.removed_ms;
        }
        // Of an end that was judged when it happened the judgement stays: inspect does not know who asked for it.
        let same_end = known.exit_code == facts.exit_code && known.oom_killed == facts.oom_killed;
        facts.exit_reason = if same_end && !known.exit_reason.is_empty() {
            known.exit_reason.clone()
        } else {
            exit_reason(&facts, &entry.life)
        };
        if *known.as_ref() == facts {
            return None;
        }
        entry.facts = Arc::new(facts);
        Some(Arc::clone(&entry.facts))
    }

    /// Puts back what was written down before this process started.
    pub fn restore(&mut self, facts: ContainerFacts) {
        let entry = self.entries.entry(facts.id.clone()).or_default();
        entry.oom_kills = u64::from(facts.oom_killed);
        entry.facts = Arc::new(facts);
        self.forget_oldest();
    }

    /// Takes an event of the past that was written down: restarts and OOM kills are counted from it.
    pub fn recall(&mut self, event: &ContainerEvent) {
        let Some(entry) = self.entries.get_mut(&event.id) else { return };
        match event.action.as_str() {
            "die" => entry.life.ended_ms = event.t,
            "start" if entry.life.ended_ms > 0 => {
                entry.life = Life::default();
                entry.restarts.push_back(event.t);
                if entry.restarts.len() > RESTARTS {
                    entry.restarts.pop_front();
                }
            }
            _ => {}
        }
    }

    /// Takes an engine event; what it says itself is applied at once, the rest comes with the next inspect.
    /// Returns the event as it is written down.
    pub fn apply_event(&mut self, event: &EngineEvent, runtime: &str, node: &str) -> ContainerEvent {
        let t = event.time_ns / 1_000_000;
        let entry = self.entries.entry(event.id.clone()).or_insert_with(|| Entry {
            facts: Arc::new(ContainerFacts {
                id: event.id.clone(),
                name: event.name.clone(),
                image: event.image.clone(),
                runtime: runtime.to_owned(),
                node: node.to_owned(),
                created_ms: if event.action == "create" { t } else { 0 },
                ..ContainerFacts::default()
            }),
            ..Entry::default()
        });
        let mut facts = ContainerFacts::clone(&entry.facts);
        match event.action {
            "create" => facts.state = ContainerState::Created,
            "start" => {
                // A start after an end is a restart, whoever asked for it.
                if entry.life.ended_ms > 0 || (facts.finished_ms > 0 && facts.exit_code.is_some()) {
                    entry.restarts.push_back(t);
                    if entry.restarts.len() > RESTARTS {
                        entry.restarts.pop_front();
                    }
                }
                entry.life = Life::default();
                facts.state = ContainerState::Running;
                facts.started_ms = t;
            }
            "die" => {
                entry.life.ended_ms = t;
                entry.live = None;
                facts.state = ContainerState::Exited;
                facts.finished_ms = t;
                facts.exit_code = event.exit_code;
                facts.oom_killed = entry.life.oom && event.exit_code == Some(KILLED);
                facts.pid = 0;
                facts.exit_reason = exit_reason(&facts, &entry.life);
            }
            "oom" => {
                entry.life.oom = true;
                // The kernel's own counter is taken where it can be read; this event is what remains otherwise.
                entry.oom_kills = entry.oom_kills.max(1);
            }
            "kill" if is_ending(&event.signal) => entry.life.stopped = true,
            "pause" => facts.state = ContainerState::Paused,
            "unpause" => facts.state = ContainerState::Running,
            "health_status" => facts.health = event.health.clone(),
            "rename" if !event.name.is_empty() => facts.name = event.name.clone(),
            "destroy" => {
                facts.state = ContainerState::Removed;
                facts.removed_ms = t;
                entry.live = None;
            }
            _ => {}
        }
        entry.facts = Arc::new(facts);
        let name = if event.name.is_empty() { entry.facts.name.clone() } else { event.name.clone() };
        let record = written(event, t, name, &entry.facts);
        self.forget_oldest();
        record
    }

    /// Marks what the engine no longer lists as removed at `now_ms`. Returns the facts that changed.
    pub fn mark_missing(
        &mut self,
        present: &dyn Fn(&str) -> bool,
        runtime: &str,
        now_ms: i64,
    ) -> Vec<Arc<ContainerFacts>> {
        let mut changed = Vec::new();
        for (id, entry) in &mut self.entries {
            if entry.facts.runtime != runtime || entry.facts.removed_ms > 0 || present(id) {
                continue;
            }
            let mut facts = ContainerFacts::clone(&entry.facts);
            facts.state = ContainerState::Removed;
            facts.removed_ms = now_ms;
            facts.pid = 0;
            entry.live = None;
            entry.facts = Arc::new(facts);
            changed.push(Arc::clone(&entry.facts));
        }
        self.forget_oldest();
        changed
    }

    /// Says that container `id` lives in control group `group`. A container that no engine told of gets facts from
    /// the group alone; returns them then.
    pub fn attach_group(
        &mut self,
        id: &str,
        group: &str,
        runtime: &str,
        node: &str,
        now_ms: i64,
    ) -> Option<Arc<ContainerFacts>> {
        let entry = self.entries.entry(id.to_owned()).or_default();
        entry.group = Some(group.to_owned());
        if !entry.facts.id.is_empty() {
            return None;
        }
        entry.facts = Arc::new(ContainerFacts {
            id: id.to_owned(),
            name: id.get(..12).unwrap_or(id).to_owned(),
            runtime: runtime.to_owned(),
            node: node.to_owned(),
            state: ContainerState::Running,
            started_ms: now_ms,
            ..ContainerFacts::default()
        });
        Some(Arc::clone(&entry.facts))
    }

    /// The group of a container vanished. For a container that no engine speaks of this is its end; returns the
    /// facts then.
    pub fn detach_group(&mut self, id: &str, engine: bool, now_ms: i64) -> Option<Arc<ContainerFacts>> {
        let entry = self.entries.get_mut(id)?;
        entry.live = None;
        if engine || entry.facts.removed_ms > 0 {
            return None;
        }
        let mut facts = ContainerFacts::clone(&entry.facts);
        facts.state = ContainerState::Removed;
        facts.finished_ms = now_ms;
        facts.removed_ms = now_ms;
        // Nobody tells the exit code; a kill in its last life is the best guess.
        facts.oom_killed = entry.life.oom;
        facts.exit_reason = exit_reason(&facts, &entry.life);
        entry.facts = Arc::new(facts);
        let facts = Arc::clone(&entry.facts);
        self.forget_oldest();
        Some(facts)
    }

    /// Adds a live point, the limits that hold, and what the kernel counted of OOM kills since the last point.
    pub fn observe(
        &mut self,
        id: &str,
        point: LivePoint,
        observed: super::history::Observed,
        oom_kills: u64,
    ) {
        let Some(entry) = self.entries.get_mut(id) else { return };
        entry.ring.push(&point);
        entry.history.push(&point, observed);
        if oom_kills > 0 {
            entry.life.oom = true;
            entry.oom_kills += oom_kills;
        }
        if !matches!(entry.facts.state, ContainerState::Exited | ContainerState::Removed) {
            entry.live = Some(point);
        }
    }

    /// Judges every container again.
    pub fn judge(&mut self, now_ms: i64) {
        for entry in self.entries.values_mut() {
            // Nothing changes any more about what was removed long ago.
            if entry.facts.removed_ms > 0 && !entry.verdicts.is_empty() {
                continue;
            }
            entry.verdicts = verdict::judge(
                &verdict::Evidence {
                    facts: &entry.facts,
                    history: &entry.history,
                    oom_kills: entry.oom_kills,
                    restarts: entry.restarts.make_contiguous(),
                    running: entry.live.is_some(),
                    now_ms,
                },
                &entry.verdicts,
            );
        }
    }

    /// The last two minutes before `died_ms`; `None` where nothing was seen.
    pub fn last_minutes(&self, id: &str, died_ms: i64) -> Option<LastMinutes> {
        let points = self.entries.get(id)?.ring.after(died_ms - LAST_MINUTES_MS);
        (!points.is_empty()).then_some(LastMinutes { died_ms, points })
    }

    /// Rows, running ones and such that ended; `gone` adds removed ones. By name.
    pub fn rows(&self, gone: bool) -> Vec<ContainerRow> {
        let shown = |entry: &&Entry| gone || entry.facts.removed_ms == 0;
        let mut rows: Vec<ContainerRow> = self.entries.values().filter(shown).map(row).collect();
        rows.sort_by(|a, b| (&a.facts.name, &a.facts.id).cmp(&(&b.facts.name, &b.facts.id)));
        rows
    }

    /// The full id that an id, an unambiguous id prefix (12 digits or more) or a name stands for. Of several
    /// containers with one name the one that is still there, else the newest.
    pub fn find(&self, id_or_name: &str) -> Option<String> {
        if self.entries.contains_key(id_or_name) {
            return Some(id_or_name.to_owned());
        }
        if id_or_name.len() >= 12 && id_or_name.bytes().all(|b| b.is_ascii_hexdigit()) {
            let mut hits = self.entries.keys().filter(|id| id.starts_with(id_or_name));
            if let (Some(only), None) = (hits.next(), hits.next()) {
                return Some(only.clone());
            }
        }
        let name = id_or_name.trim_start_matches('/');
        let newest =
            |entry: &&Entry| (entry.facts.removed_ms == 0, entry.facts.created_ms, entry.facts.id.clone());
        let hit = self.entries.values().filter(|entry| entry.facts.name == name).max_by_key(newest);
        hit.map(|entry| entry.facts.id.clone())
    }

    /// One row.
    pub fn row(&self, id_or_name: &str) -> Option<ContainerRow> {
        self.entries.get(&self.find(id_or_name)?).map(row)
    }

    /// Who `key` was at `time_ms`. A cgroup path must be resolved to its id by the caller.
    pub fn resolve(&self, key: IdentityKey<'_>, time_ms: i64) -> Option<Arc<Resource>> {
        let entry = match key {
            IdentityKey::ContainerId(id) => self.entries.get(&self.find(id)?)?,
            IdentityKey::CgroupPath(path) => self.entries.get(super::cgroup::walk::id_within(path)?)?,
            IdentityKey::Pid(pid) => {
                self.entries.values().find(|e| e.facts.pid == pid && pid != 0 && lived(&e.facts, time_ms))?
            }
            IdentityKey::Ip(address) => self.at_address(address, time_ms)?,
        };
        Some(Arc::new(resource(&entry.facts)))
    }

    fn at_address(&self, address: IpAddr, time_ms: i64) -> Option<&Entry> {
        let has = |entry: &&Entry| {
            entry.facts.addresses.iter().any(|(_, text)| text.parse::<IpAddr>().is_ok_and(|a| a == address))
        };
        // An address is handed out again: the one that lived at that time, the newest of them.
        let at = self.entries.values().filter(has).filter(|entry| lived(&entry.facts, time_ms));
        at.max_by_key(|entry| entry.facts.started_ms)
    }

    /// Drops the removed containers that are over the cap, those first that were removed first.
    fn forget_oldest(&mut self) {
        let mut removed: Vec<(i64, String)> = self
            .entries
            .iter()
            .filter(|(_, entry)| entry.facts.removed_ms > 0)
            .map(|(id, entry)| (entry.facts.removed_ms, id.clone()))
            .collect();
        if removed.len() <= self.max_removed {
            return;
        }
        removed.sort();
        for (_, id) in removed.drain(..removed.len() - self.max_removed) {
            self.entries.remove(&id);
        }
    }
}

fn row(entry: &Entry) -> ContainerRow {
    ContainerRow {
        facts: Arc::clone(&entry.facts),
        live: entry.live,
        cpu_spark: entry.history.cpu_spark(),
        memory_spark: entry.history.memory_spark(),
        oom_kills: entry.oom_kills,
        verdicts: entry.verdicts.clone(),
    }
}

/// Inspect of a running container says nothing of its last end; what was seen of it is kept.
fn keep_last_end(known: &ContainerFacts, facts: &mut ContainerFacts, life: &Life) {
    if facts.image_digest.is_empty() || !facts.image_digest.contains("sha256:") {
        facts.image_digest.clone_from(&known.image_digest);
    }
    if facts.exit_code.is_none() && facts.finished_ms > 0 {
        facts.exit_code = known.exit_code;
        facts.oom_killed |= known.oom_killed;
    }
    facts.oom_killed |= facts.exit_code == Some(KILLED) && life.oom && life.ended_ms > 0;
    if facts.addresses.is_empty() {
        // An ended container has none; the last ones still say who it was.
        facts.addresses.clone_from(&known.addresses);
    }
}

/// Why it ended last, in one word.
fn exit_reason(facts: &ContainerFacts, life: &Life) -> String {
    let reason = match facts.exit_code {
        _ if facts.oom_killed => "oom_killed",
        _ if facts.state == ContainerState::Created && !facts.error.is_empty() => "start_failed",
        Some(0) => "completed",
        Some(_) if life.stopped => "stopped",
        Some(_) => "error",
        None => "",
    };
    reason.to_owned()
}

/// Signals that mean "end": by number (Docker) or by name (Podman).
fn is_ending(signal: &str) -> bool {
    matches!(signal.trim_start_matches("SIG"), "2" | "3" | "9" | "15" | "INT" | "QUIT" | "KILL" | "TERM")
}

fn written(event: &EngineEvent, t: i64, name: String, facts: &ContainerFacts) -> ContainerEvent {
    let mut attributes = std::collections::BTreeMap::new();
    let mut put = |key: &str, value: String| {
        if !value.is_empty() {
            attributes.insert(key.to_owned(), value);
        }
    };
    put("image", event.image.clone());
    put("signal", event.signal.clone());
    put("health", event.health.clone());
    put("old_name", event.old_name.clone());
    put("exit_code", event.exit_code.map(|code| code.to_string()).unwrap_or_default());
    if event.action == "die" {
        put("reason", facts.exit_reason.clone());
    }
    ContainerEvent { t, id: event.id.clone(), name, action: event.action.to_owned(), attributes }
}

/// Whether the container may have run at `time_ms`.
fn lived(facts: &ContainerFacts, time_ms: i64) -> bool {
    let ended = if facts.finished_ms > facts.started_ms { facts.finished_ms } else { i64::MAX };
    let removed = if facts.removed_ms > 0 { facts.removed_ms } else { i64::MAX };
    facts.created_ms <= time_ms && time_ms <= ended.min(removed)
}

/// The identity that facts give.
pub fn resource(facts: &ContainerFacts) -> Resource {
    Resource {
        node: facts.node.clone(),
        container_id: facts.id.clone(),
        container_name: facts.name.clone(),
        image: facts.image.clone(),
        image_digest: facts.image_digest.clone(),
        compose_project: facts.compose_project.clone(),
        compose_service: facts.compose_service.clone(),
        service: facts.compose_service.clone(),
        ..Resource::default()
    }
}

#[cfg(test)]
mod tests;
