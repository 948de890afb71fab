//! The groups that were pushed, in memory and in the store that `app` hands in.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::{Error, Result};
use parking_lot::RwLock;
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;
use wire::pushgateway::{self, Family, Merged, PUSH_FAILURE_TIME, PUSH_TIME};

use crate::parts::PushStore;

/// Groups at one time.
const MAX_GROUPS: usize = 10_000;
/// What all groups may take in memory together, about.
const MAX_BYTES: usize = 64 << 20;

/// The labels of a group, by name.
pub(super) type Grouping = Vec<(String, String)>;

/// One group.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Group {
    /// Its families by name.
    pub(super) families: BTreeMap<String, Stamped>,
}

/// A family and when it was pushed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Stamped {
    /// Milliseconds since the Unix epoch.
    pub(super) pushed_ms: i64,
    /// The family.
    pub(super) family: Family,
}

impl Group {
    fn size(&self) -> usize {
        self.families.values().map(|s| s.family.size()).sum()
    }

    /// Whether the last push was stored.
    pub(super) fn last_push_successful(&self) -> bool {
        let time = |name: &str| {
            self.families.get(name).and_then(|s| s.family.samples.first()).map_or(0.0, |sample| sample.value)
        };
        time(PUSH_TIME) > time(PUSH_FAILURE_TIME)
    }

    fn put(&mut self, family: Family, now: i64) {
        self.families.insert(family.name.clone(), Stamped { pushed_ms: now, family });
    }

    /// A gauge with a time, 0 for none.
    fn put_time(&mut self, name: &str, ms: i64, grouping: &Grouping, now: i64) {
        let help = match name {
            PUSH_TIME => "Last Unix time when changing this group in the Pushgateway succeeded.",
            _ => "Last Unix time when changing this group in the Pushgateway failed.",
        };
        self.put(Family::gauge(name, help, ms as f64 / 1000.0, grouping), now);
    }
}

/// All groups.
pub(crate) struct Groups {
    all: RwLock<BTreeMap<Grouping, Group>>,
    store: Option<Arc<dyn PushStore>>,
    /// Told when something changed.
    pub(crate) changed: Notify,
}

impl Groups {
    /// The groups that `store` kept. What it kept and cannot be read any more is said in the log and left out.
    pub(crate) fn open(store: Option<Arc<dyn PushStore>>) -> Self {
        let mut all = BTreeMap::new();
        for (key, text) in store.iter().flat_map(|store| store.entries()) {
            let read =
                || Ok::<_, serde_json::Error>((serde_json::from_str(&key)?, serde_json::from_str(&text)?));
            match read() {
                Ok((grouping, group)) => {
                    all.insert(grouping, group);
                }
                Err(error) => tracing::error!(%error, group = key, "a pushed group cannot be read"),
            }
        }
        Self { all: RwLock::new(all), store, changed: Notify::new() }
    }

    fn keep(&self, grouping: &Grouping, group: &Group) -> Result<()> {
        let Some(store) = &self.store else { return Ok(()) };
        let wrong = |e: serde_json::Error| Error::internal("a group cannot be written").with_detail(e);
        let key = serde_json::to_string(grouping).map_err(wrong)?;
        store.put(&key, &serde_json::to_string(group).map_err(wrong)?)
    }

    /// Takes a push: families of the same name are replaced, with `replace` all of the group. One that is not
    /// consistent changes nothing but the time of the group's last failure.
    pub(super) fn push(
        &self,
        grouping: &Grouping,
        families: BTreeMap<String, Family>,
        replace: bool,
        now: i64,
    ) -> Result<()> {
        let mut all = self.all.write();
        let before = all.get(grouping).cloned();
        let mut group = before.clone().unwrap_or_default();
        if replace {
            group.families.retain(|name, _| name == PUSH_TIME || name == PUSH_FAILURE_TIME);
        }
        let judged = if families.values().any(|f| f.timestamped) {
            Err("pushed metrics must not have timestamps".to_owned())
        } else {
            for mut family in families.into_values() {
                family.put_under(grouping);
                group.put(family, now);
            }
            group.put_time(PUSH_TIME, now, grouping, now);
            if !group.families.contains_key(PUSH_FAILURE_TIME) {
                group.put_time(PUSH_FAILURE_TIME, 0, grouping, now);
            }
            consistent(&all, grouping, &group)
        };
        if let Err(why) = judged {
            let mut group = before.unwrap_or_default();
            group.put_time(PUSH_FAILURE_TIME, now, grouping, now);
            if !group.families.contains_key(PUSH_TIME) {
                group.put_time(PUSH_TIME, 0, grouping, now);
            }
            room(&all, grouping, &group)?;
            self.keep(grouping, &group)?;
            all.insert(grouping.clone(), group);
            return Err(Error::invalid(format_args!(
                "pushed metrics are invalid or inconsistent with existing metrics: {why}"
            )));
        }
        room(&all, grouping, &group)?;
        self.keep(grouping, &group)?;
        all.insert(grouping.clone(), group);
        Ok(())
    }

    /// Removes a group, if it is there.
    pub(super) fn delete(&self, grouping: &Grouping) -> Result<()> {
        let mut all = self.all.write();
        if let Some(store) = &self.store
            && all.contains_key(grouping)
        {
            let wrong = |e: serde_json::Error| Error::internal("a group cannot be removed").with_detail(e);
            store.remove(&serde_json::to_string(grouping).map_err(wrong)?)?;
        }
        all.remove(grouping);
        Ok(())
    }

    /// Removes all groups.
    pub(super) fn wipe(&self) -> Result<()> {
        let groups: Vec<Grouping> = self.all.read().keys().cloned().collect();
        groups.iter().try_for_each(|grouping| self.delete(grouping))
    }

    /// The families of all groups.
    pub(super) fn merged(&self) -> Result<Merged> {
        let all = self.all.read();
        let families = all.values().flat_map(|g| g.families.values().map(|s| &s.family));
        pushgateway::merge(families).map_err(Error::internal)
    }

    /// Whether nothing is there.
    pub(super) fn is_empty(&self) -> bool {
        self.all.read().is_empty()
    }

    /// Looks at every group.
    pub(super) fn each(&self, mut look: impl FnMut(&Grouping, &Group)) {
        self.all.read().iter().for_each(|(grouping, group)| look(grouping, group));
    }
}

/// Whether all groups can still be scraped together once `group` is there.
fn consistent(all: &BTreeMap<Grouping, Group>, grouping: &Grouping, group: &Group) -> Result<(), String> {
    let others = all.iter().filter(|(known, _)| *known != grouping).map(|(_, group)| group);
    let families = others.chain([group]).flat_map(|g| g.families.values().map(|s| &s.family));
    pushgateway::check(&pushgateway::merge(families)?)
}

fn room(all: &BTreeMap<Grouping, Group>, grouping: &Grouping, group: &Group) -> Result<()> {
    if all.len() >= MAX_GROUPS && !all.contains_key(grouping) {
        return Err(Error::limited(format_args!("there are {MAX_GROUPS} groups already; delete some")));
    }
    let others: usize = all.iter().filter(|(known, _)| *known != grouping).map(|(_, g)| g.size()).sum();
    if others + group.size() > MAX_BYTES {
        return Err(Error::limited("what is pushed takes too much memory; delete groups"));
    }
    Ok(())
}
