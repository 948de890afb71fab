//! The Alertmanager of this process as its API sees it: the configuration that is in use, and the pipeline that runs
//! by it.

use std::sync::Arc;

use model::alerts::{Alert, AlertStatus, Alertmanager, GroupStatus, ReceiverStatus, Silence};
use model::rule::Texts;
use model::{Error, Result};
use parking_lot::RwLock;

use crate::alertmanager::{Config, Route};
use crate::pipeline::{Driver, GroupView, Outward, Plan, Switch};

/// A configuration and what follows from it.
pub struct Configured {
    /// What the pipeline is to do.
    pub plan: Plan,
    shown: Shown,
}

impl Configured {
    /// Of a plan and the configuration that it was made of.
    pub fn new(plan: Plan, config: &Config) -> Result<Self> {
        Ok(Self { plan, shown: Shown::of(config)? })
    }
}

/// What the API tells of a configuration.
struct Shown {
    text: String,
    resolve_timeout_ms: i64,
    receivers: Vec<ReceiverStatus>,
    /// Labels of each route, as they are written, by its number.
    route_labels: Vec<Texts>,
}

impl Shown {
    fn of(config: &Config) -> Result<Self> {
        let mut routes = Vec::new();
        let tree = config.routes().map_err(Error::invalid)?;
        tree.walk(&mut |route: &Route| routes.push((route.index, route.options.labels.clone())));
        // Numbers are given without a gap: in their order, each is its route's place.
        routes.sort_by_key(|(index, _)| *index);
        let receiver = |r: &::notify::config::Receiver| ReceiverStatus {
            name: r.name.clone(),
            labels: r.labels.clone(),
        };
        Ok(Self {
            text: config.shown(),
            resolve_timeout_ms: i64::try_from(config.global.resolve_timeout.to_std().as_millis())
                .unwrap_or(i64::MAX),
            receivers: config.receivers.iter().map(receiver).collect(),
            route_labels: routes.into_iter().map(|(_, labels)| labels).collect(),
        })
    }
}

/// The Alertmanager of this process, which is one while a configuration asks for it.
pub struct Service {
    switch: Arc<Switch>,
    shown: RwLock<Option<Shown>>,
}

impl Service {
    /// What runs behind `switch`.
    pub fn new(switch: Arc<Switch>) -> Self {
        Self { switch, shown: RwLock::default() }
    }

    /// Takes a configuration; without one, alerts go elsewhere. An error leaves everything as it was. Call it off the
    /// runtime's own threads.
    pub fn apply(&self, configured: Option<Configured>, outward: Outward) -> Result<()> {
        let (plan, shown) = configured.map(|c| (c.plan, c.shown)).unzip();
        // Held over both: nobody sees one without the other.
        let mut now_shown = self.shown.write();
        self.switch.apply(plan, outward)?;
        *now_shown = shown;
        Ok(())
    }

    fn driver(&self) -> Result<Arc<Driver>> {
        self.switch.driver().ok_or_else(|| Error::unavailable("no Alertmanager runs in this process"))
    }

    fn told<T: Default>(&self, of: impl FnOnce(&Shown) -> T) -> T {
        self.shown.read().as_ref().map(of).unwrap_or_default()
    }
}

impl Alertmanager for Service {
    fn is_running(&self) -> bool {
        self.switch.driver().is_some()
    }

    fn config(&self) -> String {
        self.told(|shown| shown.text.clone())
    }

    fn resolve_timeout_ms(&self) -> i64 {
        self.told(|shown| shown.resolve_timeout_ms)
    }

    fn receivers(&self) -> Vec<ReceiverStatus> {
        self.told(|shown| shown.receivers.clone())
    }

    fn alerts(&self) -> Vec<AlertStatus> {
        let Ok(driver) = self.driver() else { return Vec::new() };
        let (core, now_ms) = driver.core();
        core.alerts(now_ms)
    }

    fn groups(&self) -> Vec<GroupStatus> {
        let Ok(driver) = self.driver() else { return Vec::new() };
        let labels = self.told(|shown| shown.route_labels.clone());
        let (core, now_ms) = driver.core();
        let firing = |fingerprint| {
            core.alert(fingerprint, now_ms).filter(|status| !status.alert.is_resolved_at(now_ms))
        };
        let group = |group: GroupView| GroupStatus {
            alerts: group.alerts.iter().filter_map(|fingerprint| firing(*fingerprint)).collect(),
            labels: group.labels,
            route_labels: labels.get(group.route).cloned().unwrap_or_default(),
            receiver: group.receiver,
            muted_by: group.muted_by,
        };
        core.groups().into_iter().map(group).filter(|group| !group.alerts.is_empty()).collect()
    }

    fn put(&self, alerts: Vec<Alert>) -> Result<()> {
        self.driver()?.put(alerts)
    }

    fn silences(&self) -> Vec<Silence> {
        self.driver().map(|driver| driver.core().0.silences()).unwrap_or_default()
    }

    fn silence(&self, id: &str) -> Option<Silence> {
        self.driver().ok()?.core().0.silence(id)
    }

    fn set_silence(&self, silence: Silence) -> Result<String> {
        let driver = self.driver()?;
        let (mut core, now_ms) = driver.core();
        core.set_silence(silence, now_ms)
    }

    fn expire_silence(&self, id: &str) -> Result<()> {
        let driver = self.driver()?;
        let (mut core, now_ms) = driver.core();
        core.expire_silence(id, now_ms)
    }
}

#[cfg(test)]
mod tests;
