//! Series of groups: labels resolved once, zero samples at a birth, stale markers at an end.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use model::container::ContainerFacts;
use model::{Labels, MetricBatch, MetricWriter, RejectReason, Result, SeriesRef, Tenant, stale_nan};

use super::Look;
use crate::containers::metrics::disks::Disks;
use crate::containers::metrics::families::Kind;
use crate::containers::metrics::machine::Machine;
use crate::containers::metrics::{Input, base_labels, by_name, rows};

/// A look with what is known of its container.
#[derive(Debug)]
pub struct Scraped<'a> {
    /// The look.
    pub look: &'a Look,
    /// The container.
    pub facts: Option<Arc<ContainerFacts>>,
    /// Its OOM kills.
    pub oom_kills: u64,
}

/// Series by group.
#[derive(Debug)]
pub struct Series {
    groups: HashMap<String, Group>,
    devices: HashMap<(u32, u32), String>,
    procfs: PathBuf,
    sysfs: PathBuf,
    node: String,
}

#[derive(Debug, Default)]
struct Group {
    base: Vec<(String, String)>,
    series: HashMap<String, One>,
    last_t: i64,
    /// The newest look since the container started; none before the first.
    life_t: Option<i64>,
    scrape: u64,
}

#[derive(Debug)]
struct One {
    labels: Labels,
    at: Option<SeriesRef>,
    life_counter: bool,
    scrape: u64,
    stale: bool,
}

/// Samples of one append, with where each came from so that a refused reference can be resolved again.
#[derive(Debug, Default)]
struct Pending {
    keys: Vec<(String, String)>,
    t: Vec<i64>,
    v: Vec<f64>,
}

impl Pending {
    fn push(&mut self, group: &str, series: &str, t: i64, v: f64) {
        self.keys.push((group.to_owned(), series.to_owned()));
        self.t.push(t);
        self.v.push(v);
    }
}

/// How long a group that ended is kept.
const ENDED_KEPT_MS: i64 = 60_000;

/// The key of the machine's own series; no group path is like it.
const MACHINE: &str = "machine";

impl Series {
    /// No series yet.
    pub fn new(procfs: PathBuf, sysfs: PathBuf, node: String) -> Self {
        Self { groups: HashMap::new(), devices: HashMap::new(), procfs, sysfs, node }
    }

    /// Stores all looks of one moment in one append.
    pub fn store(
        &mut self,
        writer: &dyn MetricWriter,
        tenant: &Tenant,
        scraped: &[Scraped<'_>],
    ) -> Result<()> {
        self.learn_devices(scraped);
        let mut pending = Pending::default();
        for item in scraped {
            self.collect(item, &mut pending);
        }
        self.append(writer, tenant, &pending)?;
        // What ended is kept a while: should it begin again at once, it must begin after its end.
        let now = scraped.iter().map(|item| item.look.t).max().unwrap_or(i64::MIN);
        self.groups.retain(|_, group| {
            group.last_t.saturating_add(ENDED_KEPT_MS) > now || group.series.values().any(|one| !one.stale)
        });
        Ok(())
    }

    /// Stores the machine's rows.
    pub fn store_machine(
        &mut self,
        writer: &dyn MetricWriter,
        tenant: &Tenant,
        machine: &Machine,
        t: i64,
    ) -> Result<()> {
        let group = self.groups.entry(MACHINE.to_owned()).or_default();
        group.rebase(machine.labels(&self.node));
        group.scrape += 1;
        let mut pending = Pending::default();
        let scrape = group.scrape;
        machine.rows(&mut |name, extra, value| {
            let (key, _) = group.touch(name, extra, scrape);
            pending.push(MACHINE, &key, t, value);
        });
        self.append(writer, tenant, &pending)
    }

    fn collect(&mut self, item: &Scraped<'_>, pending: &mut Pending) {
        let look = item.look;
        let key = look.container.as_ref().unwrap_or(&look.group);
        let group = self.groups.entry(key.clone()).or_default();
        // A counter that appears was zero at the look before, or just before the group was made.
        let zero = look.born_ms.map(|born| group.life_t.unwrap_or_else(|| (born - 1).max(group.last_t + 1)));
        let t = look.t.max(group.last_t + 1).max(zero.map_or(i64::MIN, |zero| zero + 1));
        let base = base_labels(&look.group, item.facts.as_deref(), &self.node);
        // Renamed, or another path: the old series end, under a key of their own until that is stored.
        if group.base != base && !group.base.is_empty() {
            let mut old = std::mem::replace(group, Group { last_t: group.last_t, ..Group::default() });
            let ended = format!("{key}\0{t}");
            old.end(&ended, t, pending);
            self.groups.insert(ended, old);
        }
        let group = self.groups.entry(key.clone()).or_default();
        group.rebase(base);
        group.scrape += 1;
        let scrape = group.scrape;
        let removed = item.facts.as_ref().is_some_and(|facts| facts.removed_ms > 0);
        // What was removed, and a vanished group without a container, has nothing left to say.
        let over = look.reading.is_none() && (removed || (look.gone && item.facts.is_none()));
        if !over {
            let devices = &self.devices;
            let input = Input {
                reading: look.reading.as_ref(),
                facts: item.facts.as_deref(),
                oom_kills: item.oom_kills,
                created_ms: look.created_ms,
                device: &|major, minor| devices.get(&(major, minor)).cloned().unwrap_or_default(),
            };
            let mut sink = |name: &'static str, extra: &[(&str, &str)], value: f64| {
                let (series, fresh) = group.touch(name, extra, scrape);
                if let Some(zero) = zero.filter(|_| fresh && value != 0.0) {
                    pending.push(key, &series, zero, 0.0);
                }
                pending.push(key, &series, t, value);
            };
            rows(&input, &mut sink);
            if look.group == "/" && look.reading.is_some() {
                Disks::read(&self.procfs).rows(&mut sink);
            }
        }
        group.end_others(key, t, scrape, pending);
        group.last_t = t;
        group.life_t = look.reading.is_some().then_some(t);
    }

    /// Resolves what is new, appends, and once more for references from before a garbage collection.
    fn append(&mut self, writer: &dyn MetricWriter, tenant: &Tenant, pending: &Pending) -> Result<()> {
        let mut todo: Vec<usize> = (0..pending.keys.len()).collect();
        for _ in 0..2 {
            self.resolve(writer, tenant, pending, &todo)?;
            let (mut refs, mut t, mut v, mut from) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
            for at in todo.drain(..) {
                let (group, series) = &pending.keys[at];
                let found = self.groups.get(group).and_then(|g| g.series.get(series)).and_then(|one| one.at);
                // None: a limit forbids the series; the store counts it.
                if let Some(found) = found {
                    refs.push(found);
                    t.push(pending.t[at]);
                    v.push(pending.v[at]);
                    from.push(at);
                }
            }
            if refs.is_empty() {
                return Ok(());
            }
            let batch = MetricBatch { refs: &refs, t: &t, v: &v, ..MetricBatch::default() };
            let done = writer.append(tenant, batch)?;
            for refused in done.rejected.iter().filter(|r| r.reason == RejectReason::UnknownSeries) {
                let Some(at) = from.get(refused.index).copied() else { continue };
                let (group, series) = &pending.keys[at];
                if let Some(one) = self.groups.get_mut(group).and_then(|g| g.series.get_mut(series)) {
                    one.at = None;
                }
                todo.push(at);
            }
            if todo.is_empty() {
                return Ok(());
            }
        }
        Ok(())
    }

    fn resolve(
        &mut self,
        writer: &dyn MetricWriter,
        tenant: &Tenant,
        pending: &Pending,
        todo: &[usize],
    ) -> Result<()> {
        let (mut labels, mut who) = (Vec::new(), Vec::new());
        let mut asked = std::collections::HashSet::new();
        for at in todo {
            let key = &pending.keys[*at];
            let one = self.groups.get(&key.0).and_then(|g| g.series.get(&key.1));
            if let Some(one) = one.filter(|one| one.at.is_none()).filter(|_| asked.insert(key)) {
                labels.push(one.labels.clone());
                who.push(key);
            }
        }
        if labels.is_empty() {
            return Ok(());
        }
        let mut refs = Vec::with_capacity(labels.len());
        writer.resolve(tenant, &labels, &mut refs)?;
        for ((group, series), found) in who.into_iter().zip(refs) {
            if let Some(one) = self.groups.get_mut(group).and_then(|g| g.series.get_mut(series)) {
                one.at = found;
            }
        }
        Ok(())
    }

    /// Names of block devices, asked of sysfs once each.
    fn learn_devices(&mut self, scraped: &[Scraped<'_>]) {
        let devices = scraped.iter().filter_map(|item| item.look.reading.as_ref()?.io.as_ref()).flatten();
        for device in devices {
            let number = (device.major, device.minor);
            if self.devices.contains_key(&number) || self.devices.len() >= 4096 {
                continue;
            }
            let path = self.sysfs.join(format!("dev/block/{}:{}/uevent", number.0, number.1));
            let name = std::fs::read_to_string(path).ok().and_then(|text| {
                let name = text.lines().find_map(|line| line.strip_prefix("DEVNAME="))?;
                Some(format!("/dev/{}", name.trim()))
            });
            self.devices.insert(number, name.unwrap_or_default());
        }
    }
}

impl Group {
    fn rebase(&mut self, base: Vec<(String, String)>) {
        if self.base != base {
            self.series.clear();
            self.base = base;
        }
    }

    /// The key of a series, made where it is new, marked as seen in this scrape; and whether it is a counter of this
    /// life that was not there before.
    fn touch(&mut self, name: &'static str, extra: &[(&str, &str)], scrape: u64) -> (String, bool) {
        let mut key = String::with_capacity(64);
        key.push_str(name);
        for (_, value) in extra {
            key.push('\0');
            key.push_str(value);
        }
        let base = &self.base;
        let one = self.series.entry(key.clone()).or_insert_with(|| One {
            labels: labels(base, name, extra),
            at: None,
            life_counter: by_name(name).is_some_and(|family| family.kind == Kind::LifeCounter),
            scrape,
            stale: true,
        });
        let fresh = one.stale && one.life_counter;
        one.scrape = scrape;
        one.stale = false;
        (key, fresh)
    }

    /// Ends all series.
    fn end(&mut self, key: &str, t: i64, pending: &mut Pending) {
        self.end_others(key, t, u64::MAX, pending);
    }

    /// Ends the series that this scrape did not see.
    fn end_others(&mut self, key: &str, t: i64, scrape: u64, pending: &mut Pending) {
        for (series, one) in self.series.iter_mut().filter(|(_, one)| one.scrape != scrape && !one.stale) {
            one.stale = true;
            pending.push(key, series, t, stale_nan());
        }
    }
}

fn labels(base: &[(String, String)], name: &str, extra: &[(&str, &str)]) -> Labels {
    let mut builder = model::LabelsBuilder::new();
    for (key, value) in base {
        builder.set(key, value);
    }
    for (key, value) in extra {
        builder.set(*key, *value);
    }
    builder.set(model::labels::METRIC_NAME, name);
    builder.build()
}

#[cfg(test)]
mod tests;
