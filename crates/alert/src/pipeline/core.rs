//! The machine: alerts and the time go in, attempts come out.

mod flush;
mod reload;
mod view;

#[cfg(test)]
mod simulation;
#[cfg(test)]
mod support;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;
use std::sync::Arc;

use ::notify::{Delivered, Failure, Integration, Notification};
use disk::Fs;
use disk::sim::Random;
use model::alerts::{Alert, Fingerprint, Silence};
use model::{Labels, Result};

use super::alerts::{Alerts, Change};
use super::group::{Group, Notice};
use super::inhibit::Inhibitor;
use super::journal::{Entry, Journal};
use super::metrics::Metrics;
use super::plan::{Plan, Way, group_key};
use super::silences::{SilenceLimits, Silences};
use super::told::ToldLog;

pub use view::GroupView;

/// How often alerts that have ended are forgotten, ms.
const COLLECT_MS: i64 = 30 * 60_000;
/// How often the ledger is synced, and figures renewed, ms.
const UPKEEP_MS: i64 = 15_000;
/// How often what is old is forgotten, ms.
const FORGET_MS: i64 = 15 * 60_000;

/// What the pipeline may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Alerts that are known at one time.
    pub alerts: usize,
    /// Groups; 0 is no limit.
    pub groups: usize,
    /// Silences.
    pub silences: usize,
    /// Bytes of one silence.
    pub silence_bytes: usize,
    /// How long expired silences, notifications and entries of the ledger are kept, ms.
    pub retention_ms: i64,
    /// Bytes of the ledger.
    pub journal_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            alerts: 1_000_000,
            groups: 200_000,
            silences: 100_000,
            silence_bytes: 64 << 10,
            retention_ms: 120 * 3_600_000,
            journal_bytes: 1 << 30,
        }
    }
}

/// Where the pipeline keeps what must survive.
pub struct Stores<'a> {
    /// The file system.
    pub fs: Arc<dyn Fs>,
    /// The folder.
    pub dir: &'a Path,
}

/// An attempt to tell somebody that is to begin now. Its answer goes to [`Core::answered`].
#[derive(Clone)]
pub struct Attempt {
    /// What names it.
    pub id: u64,
    /// What sends.
    pub integration: Arc<dyn Integration>,
    /// What is sent.
    pub notification: Arc<Notification>,
    /// When it must be over, ms.
    pub deadline_ms: i64,
}

/// How an attempt ended.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Which attempt.
    pub id: u64,
    /// What came of it.
    pub result: std::result::Result<Delivered, Failure>,
}

/// An attempt under way.
struct Under {
    /// Its group and its place in the flight; `None` when a reload has taken the group away.
    place: Option<(usize, usize)>,
    notice: Arc<Notice>,
    began_ms: i64,
    attempt: u32,
}

/// The pipeline. It has neither threads nor a clock: the time goes into every call, and must not go back.
pub struct Core {
    plan: Plan,
    limits: Limits,
    alerts: Alerts,
    inhibitor: Inhibitor,
    silences: Silences,
    told: ToldLog,
    journal: Journal,
    /// Entries that are not written yet.
    entries: Vec<Entry>,
    /// The segment of the ledger that has the last `fired` of each alert that fires.
    written: HashMap<Fingerprint, u64>,
    groups: Vec<Option<Group>>,
    free: Vec<usize>,
    by_labels: HashMap<(usize, Labels), usize>,
    schedule: BTreeSet<(i64, usize)>,
    under: HashMap<u64, Under>,
    /// How many attempts that a reload has orphaned there are for each key of what is told.
    orphans: HashMap<String, usize>,
    last_attempt: u64,
    random: Random,
    next_collect_ms: i64,
    next_upkeep_ms: i64,
    next_forget_ms: i64,
    metrics: Metrics,
}

impl Core {
    /// Opens what was kept. Alerts that fired are believed for `resolve_timeout` from now, and told as if they had just
    /// been heard of: whoever was told already is not told again. `seed` makes ids and pauses differ.
    pub fn open(stores: &Stores<'_>, plan: Plan, limits: Limits, seed: u64, now_ms: i64) -> Result<Self> {
        let folder = |name: &str| stores.dir.join(name);
        let fs = || stores.fs.clone();
        let silence_limits = SilenceLimits {
            most: limits.silences,
            bytes: limits.silence_bytes,
            retention_ms: limits.retention_ms,
        };
        let silences = Silences::open(fs(), &folder("silences"), silence_limits, seed)?;
        let told = ToldLog::open(fs(), &folder("told"))?;
        let mut last = BTreeMap::new();
        let journal = Journal::open(fs(), &folder("journal"), |entry| match &entry {
            Entry::Resolved { fingerprint, .. } | Entry::Fired { fingerprint, .. } => {
                last.insert(fingerprint.clone(), entry);
            }
            Entry::Attempt { .. } => {}
        })?;
        let mut core = Self {
            inhibitor: Inhibitor::new(&plan.inhibit),
            alerts: Alerts::new(limits.alerts),
            plan,
            limits,
            silences,
            told,
            journal,
            entries: Vec::new(),
            written: HashMap::new(),
            groups: Vec::new(),
            free: Vec::new(),
            by_labels: HashMap::new(),
            schedule: BTreeSet::new(),
            under: HashMap::new(),
            orphans: HashMap::new(),
            last_attempt: 0,
            random: Random::new(seed ^ 0x5eed),
            next_collect_ms: now_ms.saturating_add(COLLECT_MS),
            next_upkeep_ms: now_ms,
            next_forget_ms: now_ms,
            metrics: Metrics::default(),
        };
        for entry in last.into_values() {
            core.restore(entry, now_ms);
        }
        // They were written when they fired.
        core.entries.clear();
        Ok(core)
    }

    fn restore(&mut self, entry: Entry, now_ms: i64) {
        let alert = match entry {
            Entry::Fired { labels, annotations, starts_at_ms, generator_url, .. } => Alert {
                labels: Labels::from_pairs(labels),
                annotations,
                starts_at_ms,
                ends_at_ms: now_ms.saturating_add(self.plan.resolve_timeout_ms),
                updated_at_ms: now_ms,
                timeout: true,
                generator_url,
            },
            Entry::Resolved { labels, annotations, starts_at_ms, ends_at_ms, generator_url, .. } => {
                let labels = Labels::from_pairs(labels);
                let timeout = false;
                Alert {
                    labels,
                    annotations,
                    starts_at_ms,
                    ends_at_ms,
                    updated_at_ms: ends_at_ms,
                    timeout,
                    generator_url,
                }
            }
            Entry::Attempt { .. } => return,
        };
        let fingerprint = alert.fingerprint();
        if alert.is_resolved_at(now_ms) {
            let alert = Arc::new(alert);
            for route in self.plan.routing.find(&alert.labels) {
                self.group(route, fingerprint, &alert, true, now_ms);
            }
            return;
        }
        if let Err(e) = self.take(alert, now_ms) {
            tracing::warn!(error = %e, "an alert that fired before the start is not known any more");
            return;
        }
        // In any segment: what fires is written again with the first that goes.
        self.written.insert(fingerprint, 0);
    }

    /// Takes alerts as they were heard at `now_ms`. What does not fit is refused with the first reason; the rest is
    /// taken.
    pub fn put(&mut self, alerts: Vec<Alert>, now_ms: i64) -> Result<()> {
        let mut refused = Ok(());
        for alert in alerts {
            if let Err(e) = self.take(alert, now_ms) {
                self.metrics.refused.inc();
                refused = refused.and(Err(e));
            }
        }
        self.write();
        refused
    }

    fn take(&mut self, alert: Alert, now_ms: i64) -> Result<()> {
        let (fingerprint, alert, change) = self.alerts.put(alert, now_ms)?;
        match change {
            Some(Change::Fired) => {
                self.entries.push(Entry::fired(&alert, now_ms, false));
                self.written.insert(fingerprint, self.journal.segment());
            }
            Some(Change::Resolved) => self.over(&alert, now_ms),
            Some(Change::StillResolved) | None => {}
        }
        self.inhibitor.put(fingerprint, &alert);
        let owed_only = change == Some(Change::StillResolved);
        for route in self.plan.routing.find(&alert.labels) {
            self.group(route, fingerprint, &alert, owed_only, now_ms);
        }
        Ok(())
    }

    /// Whether somebody who is told of this group was told that the alert fires, and not that it has ended.
    fn is_owed(&self, way: &Way, labels: &Labels, fingerprint: Fingerprint) -> bool {
        let key = group_key(way, labels);
        let integrations = self.plan.receivers.get(&way.receiver).map_or(&[][..], Vec::as_slice);
        integrations.iter().enumerate().any(|(index, integration)| {
            let key = flush::told_key(&key, &way.receiver, &**integration, index);
            self.told.with(&key, |told| told.is_some_and(|t| t.firing.binary_search(&fingerprint.0).is_ok()))
        })
    }

    fn over(&mut self, alert: &Alert, now_ms: i64) {
        self.entries.push(Entry::resolved(alert, now_ms));
        self.written.remove(&alert.fingerprint());
    }

    /// Puts an alert into its group of a route. `owed_only`: it has ended, which is of interest only to who was told that
    /// it fires; else it would be told again whenever its sender repeats it.
    fn group(
        &mut self,
        route: usize,
        fingerprint: Fingerprint,
        alert: &Arc<Alert>,
        owed_only: bool,
        now_ms: i64,
    ) {
        let routing = self.plan.routing.clone();
        let Some(way) = routing.way(route) else { return };
        let name = (route, way.group_by.labels(&alert.labels));
        let id = self.by_labels.get(&name).copied();
        let group = id.and_then(|id| self.groups.get(id)?.as_ref());
        let there = group.is_some_and(|group| group.alerts.contains_key(&fingerprint));
        if owed_only && !there && !self.is_owed(way, &name.1, fingerprint) {
            return;
        }
        if let Some(group) = id.and_then(|id| self.groups.get_mut(id)?.as_mut()) {
            group.alerts.insert(fingerprint, alert.clone());
            return;
        }
        if self.limits.groups > 0 && self.by_labels.len() >= self.limits.groups {
            self.metrics.group_limit_reached.inc();
            return;
        }
        // An alert that is older than the wait has waited elsewhere: after a restart or a reload.
        let waited = alert.starts_at_ms.saturating_add(way.group_wait_ms) < now_ms;
        let group = Group {
            route,
            key: Arc::from(group_key(way, &name.1)),
            labels: name.1.clone(),
            alerts: [(fingerprint, alert.clone())].into(),
            next_ms: if waited { now_ms } else { now_ms.saturating_add(way.group_wait_ms) },
            due_ms: None,
            flight: None,
            muted_by: Vec::new(),
        };
        let id = self.free.pop().unwrap_or(self.groups.len());
        if id == self.groups.len() {
            self.groups.push(None);
        }
        if let Some(place) = self.groups.get_mut(id) {
            *place = Some(group);
        }
        self.by_labels.insert(name, id);
        self.plan_group(id);
    }

    /// Puts a group where it belongs in the schedule.
    fn plan_group(&mut self, id: usize) {
        let Some(group) = self.groups.get_mut(id).and_then(Option::as_mut) else { return };
        let wants = group.wants_ms();
        if group.due_ms == wants {
            return;
        }
        if let Some(due) = group.due_ms {
            self.schedule.remove(&(due, id));
        }
        group.due_ms = wants;
        if let Some(due) = wants {
            self.schedule.insert((due, id));
        }
    }

    /// What begins at `now_ms`.
    pub fn step(&mut self, now_ms: i64) -> Vec<Attempt> {
        for alert in self.alerts.ended(now_ms) {
            self.over(&alert, now_ms);
        }
        let mut begin = Vec::new();
        while let Some((_, id)) = self.schedule.first().copied().filter(|(due, _)| *due <= now_ms) {
            self.turn(id, now_ms, &mut begin);
        }
        if now_ms >= self.next_collect_ms {
            self.next_collect_ms = now_ms.saturating_add(COLLECT_MS);
            for gone in self.alerts.collect(now_ms) {
                self.inhibitor.remove(gone.fingerprint(), &gone);
            }
        }
        if now_ms >= self.next_upkeep_ms {
            self.next_upkeep_ms = now_ms.saturating_add(UPKEEP_MS);
            self.upkeep(now_ms);
        }
        self.save();
        begin
    }

    /// When [`Core::step`] is wanted next, ms.
    pub fn next_ms(&self) -> i64 {
        let upkeep = self.next_upkeep_ms.min(self.next_collect_ms);
        self.schedule.first().map_or(upkeep, |(due, _)| upkeep.min(*due))
    }

    /// Writes what is to be remembered, what was told first: that must never be told twice.
    fn save(&mut self) {
        if let Err(e) = self.told.save() {
            self.metrics.write_errors.inc();
            tracing::warn!(error = %e, "notifications cannot be remembered; trying again");
        }
        self.write();
    }

    fn write(&mut self) {
        if self.entries.is_empty() {
            return;
        }
        match self.journal.append(&self.entries) {
            Ok(()) => self.entries.clear(),
            Err(e) => {
                self.metrics.write_errors.inc();
                tracing::warn!(error = %e, "the ledger of alerts cannot be written; trying again");
                // While the disk refuses, the newest are kept.
                let over = self.entries.len().saturating_sub(100_000);
                self.entries.drain(..over);
            }
        }
    }

    fn upkeep(&mut self, now_ms: i64) {
        if now_ms >= self.next_forget_ms {
            self.next_forget_ms = now_ms.saturating_add(FORGET_MS);
            let told = self.told.collect(now_ms).err();
            let silences = self.silences.collect(now_ms).err();
            let journal = self.shorten_journal(now_ms).err();
            for error in [told, silences, journal].into_iter().flatten() {
                tracing::warn!(%error, "what is old of the alerts' history cannot be removed");
            }
        }
        self.sync();
        self.count(now_ms);
    }

    fn sync(&self) {
        if let Err(e) = self.journal.sync() {
            tracing::warn!(error = %e, "the ledger of alerts cannot be synced");
        }
    }

    /// Removes what is too old of the ledger, and writes alerts that fire on to its end.
    fn shorten_journal(&mut self, now_ms: i64) -> Result<()> {
        let before = now_ms.saturating_sub(self.limits.retention_ms);
        let Some(keep) = self.journal.first_to_keep(before, self.limits.journal_bytes)? else {
            return Ok(());
        };
        let last = self.journal.segment();
        let mut still = Vec::new();
        for (fingerprint, segment) in &mut self.written {
            if *segment < keep {
                if let Some(alert) = self.alerts.get(*fingerprint) {
                    still.push(Entry::fired(alert, now_ms, true));
                }
                *segment = last;
            }
        }
        self.journal.append(&still)?;
        self.journal.sync()?;
        self.journal.remove_before(keep)
    }

    /// Whether nothing is due, and no answer is awaited.
    pub fn is_idle(&self, now_ms: i64) -> bool {
        self.under.is_empty() && self.schedule.first().is_none_or(|(due, _)| *due > now_ms)
    }

    /// Writes and syncs what is left.
    pub fn close(&mut self) {
        self.save();
        self.sync();
    }

    /// Makes a silence, or changes one; its id.
    pub fn set_silence(&mut self, silence: Silence, now_ms: i64) -> Result<String> {
        self.silences.set(silence, now_ms)
    }

    /// Ends a silence.
    pub fn expire_silence(&mut self, id: &str, now_ms: i64) -> Result<()> {
        self.silences.expire(id, now_ms)
    }

    /// Counts where others have counted before it.
    pub fn with_metrics(mut self, metrics: Metrics) -> Self {
        self.metrics = metrics;
        self
    }

    /// What is counted.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// The ledger.
    pub fn journal(&self) -> &Journal {
        &self.journal
    }
}
