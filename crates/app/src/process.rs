//! The process as the server sees it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use collect::scrape::Manager;
use disk::Fs;
use model::container::Obstacle;
use model::{Clock, Result};
use parking_lot::{Mutex, RwLock};
use prometheus_client::registry::Registry;
use server::{BuildInfo, ConfigState, MemoryState, Node, StorageState, TierState};
use tokio_util::sync::CancellationToken;

use crate::alerting::Alerting;
use crate::collectors::Collectors;
use crate::config::Collect;
use crate::flags::Flags;
use crate::memory;
use crate::metrics::Metrics;
use crate::query_log::QueryLogFile;
use crate::relays::Relays;
use crate::resolved::Resolved;
use crate::stores::Stores;

/// Matchers as a selector.
fn selector(matchers: &[model::Matcher]) -> String {
    let all: Vec<String> = matchers.iter().map(ToString::to_string).collect();
    format!("{{{}}}", all.join(", "))
}

/// Parts of the program that only `app` knows together.
pub(crate) struct Process {
    pub(crate) flags: Flags,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) state: RwLock<State>,
    /// Two reloads at one time would mix two configurations.
    pub(crate) reloading: Mutex<()>,
    pub(crate) started_ms: i64,
    pub(crate) quit: CancellationToken,
    /// Where a reload starts and stops collectors.
    pub(crate) runtime: tokio::runtime::Handle,
    pub(crate) collectors: Arc<Collectors>,
    pub(crate) scraper: Arc<Manager>,
    pub(crate) relays: Arc<Relays>,
    pub(crate) alerting: Arc<Alerting>,
    pub(crate) queries: Arc<QueryLogFile>,
    pub(crate) stores: Stores,
    pub(crate) lines: Arc<intake::Lines>,
    pub(crate) log_listeners: Arc<server::logs::Control>,
    pub(crate) cardinality: Arc<intake::Cardinality>,
    pub(crate) fs: Arc<dyn Fs>,
    pub(crate) ours: PathBuf,
    pub(crate) memory_limit: u64,
    pub(crate) metrics: Metrics,
    pub(crate) store_warnings: Vec<String>,
    /// Blocks of a Prometheus in the data directory.
    pub(crate) foreign: Option<Obstacle>,
}

/// What a reload changes.
pub(crate) struct State {
    pub(crate) shown: String,
    pub(crate) read_ms: i64,
    pub(crate) reload_ok: bool,
    pub(crate) failed_ms: i64,
    pub(crate) stored: bool,
    /// The collectors as they run, to notice that the file now says otherwise.
    pub(crate) collect: Collect,
    pub(crate) settings: Arc<server::Settings>,
    pub(crate) without_effect: Vec<(&'static str, &'static str)>,
}

impl State {
    pub(crate) fn new(resolved: &Resolved, now_ms: i64) -> Self {
        Self {
            shown: resolved.loaded.shown.clone(),
            read_ms: now_ms,
            reload_ok: true,
            failed_ms: 0,
            stored: resolved.stored,
            collect: resolved.collect.clone(),
            settings: resolved.settings.clone(),
            without_effect: resolved.loaded.written.without_effect(),
        }
    }
}

impl Process {
    /// Sets the metrics that stand from the start on.
    pub(crate) fn note_start(&self) {
        let build = server::Process::build(self);
        let labels = vec![("version".to_owned(), build.version), ("revision".to_owned(), build.revision)];
        self.metrics.build.get_or_create(&labels).set(1);
        self.metrics.start_seconds.set(self.started_ms as f64 / 1000.0);
        self.metrics.reload_ok.set(1);
        self.metrics.reload_seconds.set(self.started_ms as f64 / 1000.0);
    }

    fn obstacle(code: &str, missing: String, costs: &str, remedy: &str) -> Obstacle {
        Obstacle { code: code.to_owned(), missing, costs: costs.to_owned(), remedy: remedy.to_owned() }
    }
}

impl server::Process for Process {
    fn build(&self) -> BuildInfo {
        BuildInfo {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            revision: option_env!("BONGHWA_REVISION").unwrap_or_default().to_owned(),
        }
    }

    fn started_ms(&self) -> i64 {
        self.started_ms
    }

    fn flags(&self) -> BTreeMap<String, String> {
        self.flags.shown()
    }

    fn config(&self) -> ConfigState {
        let state = self.state.read();
        ConfigState {
            yaml: state.shown.clone(),
            reload_ok: state.reload_ok,
            failed_ms: state.failed_ms,
            read_ms: state.read_ms,
            collect_stored: state.stored,
        }
    }

    fn settings(&self) -> Arc<server::Settings> {
        self.state.read().settings.clone()
    }

    fn reload(&self) -> Result<()> {
        self.reload_from_disk()
    }

    fn changing_metrics(&self) -> Arc<Registry> {
        self.collectors.registry()
    }

    fn quit(&self) {
        self.quit.cancel();
    }

    fn ready(&self) -> Result<()> {
        // The server listens once the stores are open; nothing is served before.
        Ok(())
    }

    fn nodes(&self) -> Vec<Node> {
        let host = self.collectors.host();
        let facts = host.facts();
        vec![Node {
            name: facts.hostname.clone(),
            kernel: facts.kernel.clone(),
            os: facts.os.clone(),
            architecture: facts.architecture.clone(),
            cpus: u32::try_from(facts.cpus).unwrap_or(u32::MAX),
            memory_bytes: facts.memory_total,
            boot_ms: facts.boot_time_ms,
            host_series: self.state.read().stored && host.latest().t_ms > 0,
            obstacles: host.obstacles(),
        }]
    }

    fn storage(&self) -> StorageState {
        let events_bytes = disk::space::used_bytes(&*self.fs, &self.ours.join("events")).unwrap_or(0);
        let kept = self.stores.samples.retention();
        let tier = |tier: tsdb::TierInfo| TierState {
            resolution_ms: tier.resolution,
            retention_ms: kept.tier_ms(tier.resolution),
            bytes: tier.bytes,
            min_ms: tier.range.map(|r| r.start),
            max_ms: tier.range.map(|r| r.end),
        };
        StorageState {
            events_bytes,
            retention_ms: kept.time_ms,
            retention_bytes: if kept.bytes == u64::MAX { 0 } else { kept.bytes },
            series_retention: kept
                .series
                .iter()
                .map(|rule| (selector(&rule.matchers), rule.time_ms))
                .collect(),
            tiers: self.stores.samples.tier_sizes().into_iter().map(tier).collect(),
            data_dir: self.flags.data.display().to_string(),
            data_dir_free_bytes: self.fs.space(&self.ours).map_or(0, |space| space.available),
        }
    }

    fn memory(&self) -> MemoryState {
        MemoryState { resident_bytes: memory::resident(), limit_bytes: self.memory_limit }
    }

    fn newest_log(&self) -> String {
        crate::log::newest()
    }

    fn obstacles(&self) -> Vec<Obstacle> {
        let mut all = self.collectors.host().obstacles();
        let state = self.state.read();
        all.extend(state.without_effect.iter().map(|(section, costs)| {
            let missing = format!("the section {section} of the configuration has no effect yet");
            Self::obstacle(
                "section_without_effect",
                missing,
                costs,
                "keep the program that does this beside Bonghwa",
            )
        }));
        all.extend(self.scraper.problems().into_iter().map(|problem| {
            let missing = format!("job {}: {}", problem.job, problem.message);
            Self::obstacle(
                "scrape_problem",
                missing,
                "its targets are missing or incomplete",
                "see the job's section",
            )
        }));
        all.extend(self.store_warnings.iter().map(|warning| {
            let costs = "what could not be read is gone; everything before it is there";
            Self::obstacle("store_repaired", warning.clone(), costs, "check the disk")
        }));
        all.extend(self.foreign.clone());
        all
    }
}
