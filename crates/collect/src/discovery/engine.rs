//! Asking a Docker engine: GET requests only, answers capped.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use model::config::Duration as Interval;
use outbound::discovery::Filter;
use outbound::{Client, ClientOptions, Clients, HttpConfig, Method, Url};
use serde::de::DeserializeOwned;

/// Bytes that a list may have.
const BODY_LIMIT: usize = 64 << 20;
/// The longest that one round may take.
const CALL_LIMIT: Duration = Duration::from_secs(60);

/// An engine.
pub(super) struct Engine {
    host: String,
    http: HttpConfig,
    clients: Arc<Clients>,
}

impl Engine {
    pub(super) fn new(host: String, http: HttpConfig, clients: Arc<Clients>) -> Self {
        Self { host, http, clients }
    }

    /// A list, e.g. of `/containers/json`.
    pub(super) async fn list<T: DeserializeOwned>(
        &self,
        path: &str,
        filters: &[Filter],
    ) -> Result<Vec<T>, String> {
        let (client, mut url) = self.client()?;
        url.set_path(&format!("{}{path}", url.path().trim_end_matches('/')));
        let filters: HashMap<&str, &[String]> =
            filters.iter().map(|f| (f.name.as_str(), f.values.as_slice())).collect();
        if !filters.is_empty() {
            let json = serde_json::to_string(&filters).map_err(|e| e.to_string())?;
            url.query_pairs_mut().append_pair("filters", &json);
        }
        let response = client.request(Method::GET, url).send().await.map_err(|e| e.to_string())?;
        if !response.status().is_success() {
            return Err(format!("{path}: HTTP status {}", response.status()));
        }
        let body = response.body(BODY_LIMIT).await.map_err(|e| e.to_string())?;
        let list: Option<Vec<T>> =
            serde_json::from_slice(&body).map_err(|e| format!("the answer to {path} cannot be read: {e}"))?;
        Ok(list.unwrap_or_default())
    }

    fn client(&self) -> Result<(Client, Url), String> {
        if let Some(path) = self.host.strip_prefix("unix://") {
            let options = ClientOptions { unix_socket: Some(path.into()), ..ClientOptions::default() };
            let client = self.clients.get(&self.http, &options)?;
            let url = Url::parse("http://localhost/").map_err(|e| e.to_string())?;
            return Ok((client, url));
        }
        let url = match self.host.strip_prefix("tcp://") {
            Some(rest) => format!("http://{rest}"),
            None => self.host.clone(),
        };
        let url = Url::parse(&url).map_err(|e| format!("host: {e}"))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err("host: only unix://, tcp://, http:// and https:// are supported".to_owned());
        }
        Ok((self.clients.get(&self.http, &ClientOptions::default())?, url))
    }

    /// The labels of every network by its id; their names begin with `prefix`.
    pub(super) async fn networks(&self, prefix: &str) -> Result<Networks, String> {
        let networks: Vec<NetworkItem> = self.list("/networks", &[]).await?;
        let of = |network: NetworkItem| {
            let mut labels = vec![
                (format!("{prefix}network_id"), network.id.clone()),
                (format!("{prefix}network_name"), network.name),
                (format!("{prefix}network_scope"), network.scope),
                (format!("{prefix}network_internal"), network.internal.to_string()),
                (format!("{prefix}network_ingress"), network.ingress.to_string()),
            ];
            for (name, value) in network.labels.into_iter().flatten() {
                labels.push((format!("{prefix}network_label_{}", super::sanitize(&name)), value));
            }
            (network.id, labels)
        };
        Ok(networks.into_iter().map(of).collect())
    }
}

/// Labels of networks by id.
pub(super) type Networks = HashMap<String, Vec<(String, String)>>;

#[derive(Debug, Default, serde::Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct NetworkItem {
    id: String,
    name: String,
    scope: String,
    internal: bool,
    ingress: bool,
    labels: Option<BTreeMap<String, String>>,
}

/// How long to wait for the next round, and how long one may take.
pub(super) fn pace(interval: Interval) -> (Duration, Duration) {
    let interval = interval.to_std().max(Duration::from_millis(100));
    (interval, interval.min(CALL_LIMIT))
}
