//! Services of Consul's catalogue as targets, labelled as Prometheus' `consul_sd`.
//!
//! The catalogue and every service are watched with blocking queries: the server answers when something has changed.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use model::LabelsBuilder;
use outbound::client::header::{HeaderName, HeaderValue};
use outbound::discovery::{ADDRESS, ConsulConfig};
use outbound::{ClientOptions, Clients, Method, Url};
use parking_lot::Mutex;
use serde::de::DeserializeOwned;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{Found, Report, join, sanitize};

/// How long the server may hold a query.
const WAIT: &str = "120000ms";
/// How long an answer may take, the time that the server holds it included.
const CALL_LIMIT: Duration = Duration::from_secs(180);
/// Wait after a failure.
const RETRY: Duration = Duration::from_secs(15);
/// Bytes that an answer may have.
const BODY_LIMIT: usize = 64 << 20;
/// Services that are watched; more are not.
const MAX_SERVICES: usize = 10_000;

const INDEX: HeaderName = HeaderName::from_static("x-consul-index");
const TOKEN: HeaderName = HeaderName::from_static("x-consul-token");

type Map = Option<BTreeMap<String, String>>;

#[derive(Debug, Default, serde::Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Entry {
    node: Node,
    service: Service,
    checks: Option<Vec<Check>>,
}

#[derive(Debug, Default, serde::Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Node {
    node: String,
    address: String,
    meta: Map,
    tagged_addresses: Map,
}

#[derive(Debug, Default, serde::Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Service {
    #[serde(rename = "ID")]
    id: String,
    address: String,
    port: i64,
    tags: Option<Vec<String>>,
    meta: Map,
    namespace: String,
    partition: String,
}

#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
struct Check {
    #[serde(rename = "CheckID")]
    id: String,
    #[serde(rename = "Status")]
    status: String,
}

/// One entry of `consul_sd_configs`.
pub(super) struct Consul(Arc<Shared>);

struct Shared {
    config: ConsulConfig,
    clients: Arc<Clients>,
    report: Report,
    /// Targets by service.
    found: Mutex<BTreeMap<String, Vec<Found>>>,
}

impl Consul {
    pub(super) fn new(config: ConsulConfig, clients: Arc<Clients>, report: Report) -> Self {
        Self(Arc::new(Shared { config, clients, report, found: Mutex::default() }))
    }

    /// Watches for ever.
    pub(super) async fn watch(self) {
        let shared = self.0;
        let datacenter = loop {
            match shared.datacenter().await {
                Ok(datacenter) => break datacenter,
                Err(error) => shared.failed(&error),
            }
            tokio::time::sleep(RETRY).await;
        };
        let config = &shared.config;
        // Dropped with this future: the watches end with it.
        let mut watches = JoinSet::new();
        if !config.services.is_empty() && config.tags.is_empty() && config.filter.is_empty() {
            for name in &config.services {
                watches.spawn(shared.clone().watch_service(name.clone(), datacenter.clone()));
            }
            while watches.join_next().await.is_some() {}
            return;
        }
        let mut running: HashMap<String, CancellationToken> = HashMap::new();
        let mut index = 0;
        loop {
            let mut query = shared.query(index);
            if !config.filter.is_empty() {
                query.push(("filter", config.filter.clone()));
            }
            match shared.get::<BTreeMap<String, Option<Vec<String>>>>("/v1/catalog/services", &query).await {
                Ok((_, same)) if same == index && index != 0 => {}
                Ok((services, next)) => {
                    index = following(index, next);
                    let wanted = |name: &str, tags: &[String]| {
                        (config.services.is_empty() || config.services.iter().any(|s| s == name))
                            && config.tags.iter().all(|tag| tags.contains(tag))
                    };
                    for (name, tags) in &services {
                        let new = !running.contains_key(name) && running.len() < MAX_SERVICES;
                        if new && wanted(name, tags.as_deref().unwrap_or_default()) {
                            let stop = CancellationToken::new();
                            let watch = shared.clone().watch_service(name.clone(), datacenter.clone());
                            let until = stop.clone();
                            watches.spawn(async move {
                                until.run_until_cancelled_owned(watch).await;
                            });
                            running.insert(name.clone(), stop);
                        }
                    }
                    let gone: Vec<String> =
                        running.keys().filter(|name| !services.contains_key(*name)).cloned().collect();
                    for name in gone {
                        if let Some(stop) = running.remove(&name) {
                            stop.cancel();
                        }
                        shared.set(&name, None);
                    }
                    shared.publish();
                }
                Err(error) => {
                    shared.failed(&error);
                    tokio::time::sleep(RETRY).await;
                }
            }
            tokio::time::sleep(shared.pause()).await;
        }
    }
}

impl Shared {
    fn pause(&self) -> Duration {
        self.config.refresh_interval.to_std().max(Duration::from_millis(100))
    }

    fn failed(&self, error: &str) {
        self.report.failed(format!("consul at {}: {error}", self.config.server));
    }

    fn set(&self, service: &str, found: Option<Vec<Found>>) {
        let mut all = self.found.lock();
        match found {
            Some(found) => all.insert(service.to_owned(), found),
            None => all.remove(service),
        };
    }

    fn publish(&self) {
        let all = self.found.lock().values().flatten().cloned().collect();
        self.report.found(all);
    }

    async fn datacenter(&self) -> Result<String, String> {
        if !self.config.datacenter.is_empty() {
            return Ok(self.config.datacenter.clone());
        }
        let (agent, _) = self.get::<serde_json::Value>("/v1/agent/self", &[]).await?;
        let name = agent.pointer("/Config/Datacenter").and_then(|name| name.as_str());
        name.map(str::to_owned).ok_or_else(|| "the agent names no datacenter".to_owned())
    }

    /// Parameters that every query has.
    fn query(&self, index: u64) -> Vec<(&'static str, String)> {
        let config = &self.config;
        let mut query = Vec::new();
        for (name, value) in
            [("dc", &config.datacenter), ("ns", &config.namespace), ("partition", &config.partition)]
        {
            if !value.is_empty() {
                query.push((name, value.clone()));
            }
        }
        if config.allow_stale {
            query.push(("stale", String::new()));
        }
        if index != 0 {
            query.push(("index", index.to_string()));
        }
        query.push(("wait", WAIT.to_owned()));
        query.extend(config.node_meta.iter().map(|(name, value)| ("node-meta", format!("{name}:{value}"))));
        query
    }

    /// An answer with its index.
    async fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &[(&'static str, String)],
    ) -> Result<(T, u64), String> {
        let config = &self.config;
        let client = self.clients.get(&config.http, &ClientOptions::default())?;
        let prefix = config.path_prefix.trim_matches('/');
        let slash = if prefix.is_empty() { "" } else { "/" };
        let server = match config.server.contains("://") {
            true => config.server.clone(),
            false => format!("{}://{}", config.scheme, config.server),
        };
        let mut url = Url::parse(&format!("{}{slash}{prefix}", server.trim_end_matches('/')))
            .map_err(|e| format!("server: {e}"))?;
        // A service's name may hold any character.
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path.trim_start_matches('/').split('/'));
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let mut request = client.request(Method::GET, url).timeout(CALL_LIMIT);
        if !config.token.is_empty() {
            let mut token =
                HeaderValue::try_from(config.token.expose()).map_err(|_| "token: not allowed in a header")?;
            token.set_sensitive(true);
            request = request.header(TOKEN, token);
        }
        let response = request.send().await.map_err(|e| e.to_string())?;
        if !response.status().is_success() {
            let status = response.status();
            return Err(format!("HTTP status {status}: {}", response.beginning(200).await));
        }
        let index = response.header(INDEX).parse().unwrap_or(0);
        let body = response.body(BODY_LIMIT).await.map_err(|e| e.to_string())?;
        let value = serde_json::from_slice(&body).map_err(|e| format!("the answer cannot be read: {e}"))?;
        Ok((value, index))
    }

    async fn watch_service(self: Arc<Self>, name: String, datacenter: String) {
        let mut index = 0;
        loop {
            let mut query = self.query(index);
            query.extend(self.config.tags.iter().map(|tag| ("tag", tag.clone())));
            if !self.config.health_filter.is_empty() {
                query.push(("filter", self.config.health_filter.clone()));
            }
            match self.get::<Vec<Entry>>(&format!("/v1/health/service/{name}"), &query).await {
                Ok((_, same)) if same == index && index != 0 => {}
                Ok((entries, next)) => {
                    index = following(index, next);
                    let of = |entry: &Entry| target(&self.config, &name, &datacenter, entry);
                    self.set(&name, Some(entries.iter().map(of).collect()));
                    self.publish();
                }
                Err(error) => {
                    self.failed(&error);
                    tokio::time::sleep(RETRY).await;
                }
            }
            tokio::time::sleep(self.pause()).await;
        }
    }
}

/// The index to ask with next. One that goes backwards belongs to a server that began anew (restored, or another leader):
/// asked with the old one it would wait for changes that are long there.
const fn following(index: u64, next: u64) -> u64 {
    if next < index { 0 } else { next }
}

/// The worst of the checks, as Consul's own library has it.
fn health(checks: &[Check]) -> &'static str {
    let maintenance =
        |check: &Check| check.id == "_node_maintenance" || check.id.starts_with("_service_maintenance:");
    let any = |status: &str| checks.iter().any(|check| check.status == status);
    if checks.iter().any(maintenance) {
        "maintenance"
    } else if any("critical") {
        "critical"
    } else if any("warning") {
        "warning"
    } else if checks.iter().all(|check| check.status == "passing") {
        "passing"
    } else {
        ""
    }
}

fn target(config: &ConsulConfig, name: &str, datacenter: &str, entry: &Entry) -> Found {
    let (node, service) = (&entry.node, &entry.service);
    let separator = &config.tag_separator;
    // With the separator at both ends an expression need not care where a tag stands.
    let tags = service.tags.as_deref().unwrap_or_default().join(separator);
    let host = if service.address.is_empty() { &node.address } else { &service.address };
    let port = service.port.to_string();
    let mut labels = LabelsBuilder::new();
    for (name, value) in [
        ("service", name),
        ("dc", datacenter),
        ("address", &node.address),
        ("node", &node.node),
        ("namespace", &service.namespace),
        ("partition", &service.partition),
        ("tags", &format!("{separator}{tags}{separator}")),
        ("service_address", &service.address),
        ("service_port", &port),
        ("service_id", &service.id),
        ("health", health(entry.checks.as_deref().unwrap_or_default())),
    ] {
        labels.set(format!("__meta_consul_{name}"), value);
    }
    for (prefix, map) in [
        ("metadata_", &node.meta),
        ("service_metadata_", &service.meta),
        ("tagged_address_", &node.tagged_addresses),
    ] {
        for (name, value) in map.iter().flatten() {
            labels.set(format!("__meta_consul_{prefix}{}", sanitize(name)), value);
        }
    }
    labels.set(ADDRESS, join(host, &port)).build()
}

#[cfg(test)]
mod tests;
