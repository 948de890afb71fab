//! Written configuration and flags, resolved with a look at the machine. Nothing is changed here.

use model::Result;
use query::promql::EngineOptions;
use server::Limits;

use crate::config::{Collect, Loaded, Written, load};
use crate::flags::Flags;
use crate::flags::features::Features;
use crate::retention::Retention;
use crate::{memory, retention, web};

/// What flags and configuration come to.
pub(crate) struct Resolved {
    pub(crate) loaded: Loaded,
    pub(crate) collect: Collect,
    /// Whether the built-in collectors store series.
    pub(crate) stored: bool,
    pub(crate) retention: Retention,
    pub(crate) memory_limit: u64,
    pub(crate) engine: EngineOptions,
    pub(crate) limits: Limits,
    pub(crate) web: server::Web,
    pub(crate) external_host: Option<String>,
    /// What of scraping is off unless a feature is enabled.
    pub(crate) scrape_features: collect::scrape::Features,
    /// Whether remote write is received.
    pub(crate) remote_write: bool,
    /// Whether OTLP metrics are received.
    pub(crate) otlp: bool,
    /// What the server needs of the configuration.
    pub(crate) settings: std::sync::Arc<server::Settings>,
}

/// Reads the configuration and checks every flag; changes nothing.
pub(crate) fn resolve(flags: &Flags) -> Result<Resolved> {
    let loaded = match &flags.config_file {
        Some(path) => load(path)?,
        None => Loaded::default(),
    };
    // A user's own file without our section: beside an existing cAdvisor job every sum would double.
    let stored = flags.config_file.is_none() || loaded.written.collect.is_some();
    let collect = collectors(flags, &loaded.written, stored);
    collect.host.check()?;
    collect.logs.check()?;
    let memory_limit = memory::limit(flags.memory_limit.as_deref(), memory::cgroup_limit(), memory::ram())?;
    let features = flags.features();
    features.check().map_err(|e| retention::flag_error("enable-feature", &e))?;
    let defaults = Limits::default();
    Ok(Resolved {
        collect,
        stored,
        retention: retention::of(flags, loaded.written.storage.tsdb.as_ref().map(|t| &t.retention))?,
        memory_limit,
        engine: engine(flags, &features),
        limits: Limits {
            queries: flags.query.max_concurrency.max(1),
            connections: flags.web.max_connections.max(1),
            query_timeout: flags.query.timeout,
            header_timeout: defaults.header_timeout.min(flags.web.read_timeout),
            read_timeout: flags.web.read_timeout,
            body_idle: defaults.body_idle.min(flags.web.read_timeout),
            read_samples: flags.remote.read_sample_limit,
            remote_reads: flags.remote.read_concurrent_limit,
            read_frame_bytes: flags.remote.read_max_bytes_in_frame,
            // An entry takes about 48 bytes; all together a sixteenth.
            write_series_cache: defaults
                .write_series_cache
                .min(usize::try_from(memory_limit / 16 / 48).unwrap_or(usize::MAX)),
            notification_streams: flags.web.max_notifications_subscribers,
            ..defaults
        },
        external_host: web::external_host(flags)?,
        web: web::of(flags)?,
        scrape_features: collect::scrape::Features {
            start_timestamps: features.on("created-timestamp-zero-ingestion") || features.on("st-storage"),
            type_and_unit_labels: features.on("type-and-unit-labels"),
        },
        remote_write: flags.web.enable_remote_write || features.on("remote-write-receiver"),
        otlp: flags.web.enable_otlp || features.on("otlp-write-receiver"),
        settings: crate::settings::of(&loaded.written, flags),
        loaded,
    })
}

fn engine(flags: &Flags, features: &Features) -> EngineOptions {
    let mut options = EngineOptions {
        lookback_ms: i64::try_from(flags.query.lookback_delta.as_millis()).unwrap_or(i64::MAX),
        max_samples: flags.query.max_samples,
        ..EngineOptions::default()
    };
    for name in features.names() {
        // The others are switched elsewhere.
        let _ = query::promql::features::enable(&mut options, name);
    }
    options
}

/// The section `collect` with the flags of node_exporter and cAdvisor laid over it.
pub(crate) fn collectors(flags: &Flags, written: &Written, stored: bool) -> Collect {
    let mut collect = written.collect.clone().unwrap_or_default();
    collect.logs.received = written.logs.receive.drivers();
    flags.host.apply(&mut collect.host);
    if let Some(dir) = &flags.host.procfs {
        collect.containers.procfs.clone_from(dir);
    }
    if let Some(dir) = &flags.host.sysfs {
        collect.containers.sysfs.clone_from(dir);
    }
    if let Some(interval) = collect.interval {
        collect.containers.interval = interval.to_std();
    }
    let name = collect::host::hostname(&collect.host);
    if collect.containers.node.is_empty() {
        collect.containers.node = collect.host.instance.clone().unwrap_or(name);
    }
    if collect.logs.rootfs.as_os_str().is_empty() {
        collect.logs.rootfs.clone_from(&collect.host.rootfs);
    }
    collect.host.store = stored;
    collect.logs.enabled &= stored;
    collect.containers.store &= stored;
    collect
}
