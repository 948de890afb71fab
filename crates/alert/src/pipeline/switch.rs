//! Where alerts of rules go: to the pipeline of this process where one is configured, else to other Alertmanagers.

use std::path::PathBuf;
use std::sync::Arc;

use disk::Fs;
use model::relabel::RelabelConfig;
use model::{Clock, Labels, Result};
use parking_lot::{Mutex, RwLock};
use tokio::runtime::Handle;

use super::core::{Core, Limits, Stores};
use super::driver::Driver;
use super::metrics::Metrics;
use super::plan::Plan;
use crate::sink::{AlertSink, OutgoingAlert};

/// What is done to labels of rules on their way out; in the same way as for other Alertmanagers.
#[derive(Debug, Clone, Default)]
pub struct Outward {
    /// Labels of this server that an alert gets where it has none of that name.
    pub external_labels: Labels,
    /// Rules for the labels of every alert that is sent.
    pub relabel: Vec<RelabelConfig>,
    /// Whether names of labels must be of the classic syntax.
    pub legacy: bool,
}

impl Outward {
    /// The alerts as others see them; those that a rule drops are gone.
    pub fn apply(&self, alerts: Vec<OutgoingAlert>) -> Vec<OutgoingAlert> {
        let outward = |mut alert: OutgoingAlert| {
            let mut labels = alert.labels.to_builder();
            for (name, value) in &self.external_labels {
                if labels.get(name).is_empty() {
                    labels.set(name, value);
                }
            }
            model::relabel::apply(&self.relabel, &mut labels, self.legacy).then(|| {
                alert.labels = labels.build();
                alert
            })
        };
        alerts.into_iter().filter_map(outward).collect()
    }
}

/// The pipeline where one is wanted, and the way out.
pub struct Switch {
    fs: Arc<dyn Fs>,
    dir: PathBuf,
    clock: Arc<dyn Clock>,
    runtime: Handle,
    seed: u64,
    metrics: Metrics,
    elsewhere: Arc<dyn AlertSink>,
    outward: RwLock<Outward>,
    driver: RwLock<Option<Arc<Driver>>>,
    /// One change at a time.
    changing: Mutex<()>,
}

impl Switch {
    /// A switch that sends to `elsewhere`; a pipeline will keep its state in `dir`.
    pub fn new(
        fs: Arc<dyn Fs>,
        dir: PathBuf,
        clock: Arc<dyn Clock>,
        runtime: Handle,
        elsewhere: Arc<dyn AlertSink>,
    ) -> Self {
        let seed = clock.now_ns() as u64 ^ (u64::from(std::process::id()) << 32);
        Self {
            fs,
            dir,
            clock,
            runtime,
            seed,
            metrics: Metrics::default(),
            elsewhere,
            outward: RwLock::default(),
            driver: RwLock::default(),
            changing: Mutex::default(),
        }
    }

    /// Takes a configuration: with a plan alerts stay here, without one they go elsewhere. An error leaves everything as
    /// it was. Call it off the runtime's own threads.
    pub fn apply(&self, plan: Option<Plan>, outward: Outward) -> Result<()> {
        let _one = self.changing.lock();
        let driver = self.driver.read().clone();
        match (plan, driver) {
            (Some(plan), Some(driver)) => driver.reload(plan),
            (Some(plan), None) => {
                let stores = Stores { fs: self.fs.clone(), dir: &self.dir };
                let now_ms = self.clock.now_ms();
                let core = Core::open(&stores, plan, Limits::default(), self.seed, now_ms)?;
                let core = core.with_metrics(self.metrics.clone());
                let driver = Driver::start(core, self.clock.clone(), self.runtime.clone())?;
                *self.driver.write() = Some(Arc::new(driver));
            }
            (None, Some(driver)) => {
                *self.driver.write() = None;
                driver.stop();
            }
            (None, None) => {}
        }
        *self.outward.write() = outward;
        Ok(())
    }

    /// The pipeline, where there is one.
    pub fn driver(&self) -> Option<Arc<Driver>> {
        self.driver.read().clone()
    }

    /// What is counted.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Ends the pipeline. Call it off the runtime's own threads.
    pub fn stop(&self) {
        let _one = self.changing.lock();
        if let Some(driver) = self.driver.write().take() {
            driver.stop();
        }
    }
}

impl AlertSink for Switch {
    fn send(&self, alerts: Vec<OutgoingAlert>) {
        match self.driver() {
            Some(driver) => driver.send(self.outward.read().apply(alerts)),
            // It does the same with labels by itself.
            None => self.elsewhere.send(alerts),
        }
    }
}

#[cfg(test)]
mod tests;
