//! Rules and the sending of their alerts, as one part with one configuration.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ::notify::{Receivers, Templates};
use alert::alertmanager::{self, Notation};
use alert::notify::{self, Discovery, Notifier, OnFound};
use alert::pipeline::{Outward, Plan, Switch};
use alert::rules::group::Shared;
use alert::rules::{self, Beside, LogSource, Manager, ParseSettings, Surroundings, manager};
use alert::service::{Configured, Service};
use model::alerts::Alertmanager;
use model::rule::{AlertmanagersStatus, GroupStatus, Rules};
use model::{Budget, Clock, Labels, MetricReader, MetricWriter, RecordReader, Result};
use outbound::Clients;
use outbound::discovery::Configs;
use parking_lot::RwLock;
use prometheus_client::registry::Registry;
use query::promql::{Engine, EngineOptions};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use crate::config::Written;
use crate::flags::Flags;
use crate::resolved::Resolved;

/// How often it is asked whether the stores can be read.
const LOOK: Duration = Duration::from_millis(200);
/// How often rules are evaluated where nothing is said, ms.
const DEFAULT_INTERVAL_MS: i64 = 60_000;
/// Groups that are evaluated at one time.
const CONCURRENT_GROUPS: usize = 20;

/// What rules read from and write to.
pub(crate) struct Doors {
    pub(crate) reader: Arc<dyn MetricReader>,
    pub(crate) records: Arc<dyn RecordReader>,
    pub(crate) writer: Arc<dyn MetricWriter>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) budget: Budget,
    /// The file system of the stores.
    pub(crate) fs: Arc<dyn disk::Fs>,
    /// Where an Alertmanager of our own keeps its state.
    pub(crate) alerts: PathBuf,
    /// What discovery counts, that of scraping included.
    pub(crate) discovery: collect::discovery::Metrics,
}

/// Rules and notifier.
pub(crate) struct Alerting {
    rules: Arc<Manager>,
    notifier: Arc<Notifier>,
    switch: Arc<Switch>,
    service: Arc<Service>,
    clients: Arc<Clients>,
    external_url: Arc<str>,
    parse: ParseSettings,
}

/// A configuration that was read and checked, not in use yet.
pub(crate) struct Prepared {
    rules: manager::Prepared,
    notifier: notify::Prepared,
    alertmanager: Option<Configured>,
    outward: Outward,
}

impl Alerting {
    /// Both parts, without rules and receivers yet. Call it within a Tokio runtime.
    pub(crate) fn new(
        flags: &Flags,
        engine: &EngineOptions,
        external_url: &str,
        doors: Doors,
        registry: &mut Registry,
    ) -> Self {
        let clients = Arc::new(Clients::default());
        let settings = notify::Settings {
            capacity: flags.rules.queue_capacity,
            batch: flags.rules.batch_size,
            drain: flags.rules.drain_on_shutdown,
        };
        let discovery = Arc::new(Collected { clients: clients.clone(), metrics: doors.discovery });
        let runtime = Handle::current();
        let notifier = Arc::new(Notifier::new(
            settings,
            clients.clone(),
            discovery,
            doors.clock.clone(),
            runtime.clone(),
        ));
        notifier.metrics().register(registry);
        let elsewhere = notifier.clone();
        let switch = Switch::new(doors.fs, doors.alerts, doors.clock.clone(), runtime.clone(), elsewhere);
        let switch = Arc::new(switch);
        switch.metrics().register(registry);
        let around = Surroundings {
            engine: Arc::new(Engine::new(engine.clone())),
            reader: doors.reader,
            logs: Some(LogSource { engine: Arc::default(), reader: doors.records }),
            writer: doors.writer,
            sink: switch.clone(),
            clock: doors.clock,
            budget: doors.budget,
            timeout: flags.query.timeout,
            resend_delay_ms: ms(flags.rules.resend_delay),
            outage_tolerance_ms: ms(flags.rules.for_outage_tolerance),
            grace_period_ms: ms(flags.rules.for_grace_period),
            beside: beside(flags),
            metrics: rules::Metrics::default(),
            shared: RwLock::default(),
        };
        around.metrics.register(registry);
        let rules = Arc::new(Manager::new(around, CONCURRENT_GROUPS, runtime));
        let parse = ParseSettings { expressions: engine.syntax, ..ParseSettings::default() };
        let service = Arc::new(Service::new(switch.clone()));
        Self { rules, notifier, switch, service, clients, external_url: Arc::from(external_url), parse }
    }

    /// Reads the rule files and makes the clients of a configuration; nothing is changed.
    pub(crate) fn prepare(&self, written: &Written) -> Result<Prepared> {
        let settings = settings(written, self.external_url.clone(), &self.parse);
        let legacy = settings.parse.legacy_names;
        let external_labels = settings.shared.external_labels.clone();
        let outward = Outward {
            external_labels: external_labels.clone(),
            relabel: written.alerting.alert_relabel_configs.clone(),
            legacy,
        };
        let rules = manager::prepare(settings)?;
        let section = written.alertmanager.as_ref();
        let alertmanager = section.map(|s| self.configured(&s.config_file)).transpose()?;
        if alertmanager.is_some() && !written.alerting.alertmanagers.is_empty() {
            tracing::warn!(
                "alerts stay in this process: `alerting.alertmanagers` is ignored with `alertmanager`"
            );
        }
        let notifier = self.notifier.prepare(written.alerting.clone(), external_labels, legacy)?;
        Ok(Prepared { rules, notifier, alertmanager, outward })
    }

    /// Reads an `alertmanager.yml` with its templates and secrets.
    fn configured(&self, path: &str) -> Result<Configured> {
        let config = alertmanager::load(path.as_ref(), Notation::default())?;
        for section in config.without_effect() {
            tracing::info!(section, "a section of the Alertmanager configuration has no effect here");
        }
        let plan = || {
            let templates = Templates::from_globs(config.templates.iter().map(String::as_str))?;
            let receivers = Receivers::build(&config.receivers, &templates, &self.clients)?;
            Plan::configured(&config, receivers, templates, &self.external_url)
        };
        let plan = plan().map_err(|e| model::Error::invalid(format_args!("{path}: {e}")))?;
        Configured::new(plan, &config)
    }

    /// Takes a configuration. Call it off the runtime's own threads.
    pub(crate) fn apply(&self, prepared: Prepared) {
        self.notifier.apply(prepared.notifier);
        if let Err(e) = self.service.apply(prepared.alertmanager, prepared.outward) {
            tracing::error!(error = %e, "the Alertmanager of this process cannot be started; alerts go elsewhere");
        }
        self.rules.apply(prepared.rules);
    }

    /// The Alertmanager of this process.
    pub(crate) fn alertmanager(&self) -> Arc<dyn Alertmanager> {
        self.service.clone()
    }

    /// Lets rules run as soon as `ready` says that the stores can be read.
    pub(crate) fn begin_when(&self, ready: impl Fn() -> bool + Send + 'static) {
        let rules = self.rules.clone();
        tokio::spawn(async move {
            while !ready() {
                tokio::time::sleep(LOOK).await;
            }
            rules.begin();
        });
    }

    /// Ends evaluations, then the sending of what they gave.
    pub(crate) async fn stop(&self) {
        self.rules.stop().await;
        let switch = self.switch.clone();
        if let Err(e) = tokio::task::spawn_blocking(move || switch.stop()).await {
            tracing::warn!(error = %e, "the Alertmanager of this process did not stop well");
        }
        self.notifier.stop().await;
    }
}

impl Rules for Alerting {
    fn groups(&self) -> Vec<GroupStatus> {
        self.rules.groups()
    }

    fn alertmanagers(&self) -> AlertmanagersStatus {
        self.notifier.status()
    }
}

/// What `written` says about rules.
fn settings(written: &Written, external_url: Arc<str>, parse: &ParseSettings) -> manager::Settings {
    let global = &written.global;
    let legacy_names = global.legacy_names();
    let interval = ms(global.evaluation_interval.to_std());
    manager::Settings {
        files: written.rule_files.clone(),
        log_files: written.logs.rules.clone(),
        // The patterns are relative to the working directory already.
        folder: PathBuf::from("."),
        interval_ms: if interval == 0 { DEFAULT_INTERVAL_MS } else { interval },
        parse: ParseSettings { legacy_names, ..parse.clone() },
        shared: Shared {
            external_url,
            external_labels: Labels::from_pairs(global.external_labels.clone()),
            query_offset_ms: ms(global.rule_query_offset.to_std()),
        },
    }
}

/// Reads and checks the rule files of a configuration, and its `alertmanager.yml`: how many rules there are.
pub(crate) fn check_rules(resolved: &Resolved) -> Result<usize> {
    let parse = ParseSettings { expressions: resolved.engine.syntax, ..ParseSettings::default() };
    let loaded = &resolved.loaded;
    let prepared = manager::prepare(settings(&loaded.written, Arc::default(), &parse))?;
    if let Some(section) = &loaded.written.alertmanager {
        alertmanager::load(section.config_file.as_ref(), Notation::default())?;
    }
    Ok(prepared.rules())
}

/// Finds Alertmanagers as scraping finds its targets.
struct Collected {
    clients: Arc<Clients>,
    metrics: collect::discovery::Metrics,
}

impl Discovery for Collected {
    fn watch(&self, name: &str, configs: &Configs, stop: CancellationToken, found: OnFound) {
        collect::discovery::watch(configs, &self.clients, (&self.metrics, name), stop, found);
    }
}

/// Where rules of a group are evaluated side by side; only where the feature is wanted.
fn beside(flags: &Flags) -> Option<Beside> {
    flags.features().on("concurrent-rule-eval").then(|| Beside::new(flags.rules.max_concurrent_evals))
}

fn ms(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
