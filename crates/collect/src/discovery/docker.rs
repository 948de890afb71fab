//! Containers of a Docker engine as targets: one for each network and TCP port, labelled as Prometheus' `docker_sd`.
//!
//! Two lists are asked for: `/containers/json` and `/networks`.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use model::LabelsBuilder;
use outbound::Clients;
use outbound::discovery::{ADDRESS, DockerConfig};

use super::engine::{Engine, Networks, pace};
use super::refresh::Refresh;
use super::{Found, join, sanitize};

/// A container as listed. Everything may be missing: Podman leaves out more than Docker.
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Container {
    id: String,
    names: Option<Vec<String>>,
    image: Option<String>,
    #[serde(rename = "ImageID")]
    image_id: Option<String>,
    labels: Option<BTreeMap<String, String>>,
    ports: Option<Vec<Port>>,
    host_config: Option<HostConfig>,
    network_settings: Option<NetworkSettings>,
}

#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Port {
    #[serde(rename = "IP")]
    ip: Option<String>,
    private_port: u16,
    public_port: Option<u16>,
    #[serde(rename = "Type")]
    kind: Option<String>,
}

#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct HostConfig {
    network_mode: Option<String>,
}

#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct NetworkSettings {
    networks: Option<BTreeMap<String, Option<Network>>>,
}

#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(default)]
struct Network {
    #[serde(rename = "NetworkID")]
    id: Option<String>,
    #[serde(rename = "IPAddress")]
    ip: Option<String>,
    #[serde(rename = "GlobalIPv6Address")]
    ip6: Option<String>,
}

impl Container {
    fn mode(&self) -> &str {
        self.host_config.as_ref().and_then(|h| h.network_mode.as_deref()).unwrap_or_default()
    }

    fn networks(&self) -> Vec<(&str, &Network)> {
        let all = self.network_settings.iter().filter_map(|s| s.networks.as_ref()).flatten();
        all.filter_map(|(name, network)| Some((name.as_str(), network.as_ref()?))).collect()
    }
}

/// One entry of `docker_sd_configs`.
pub(super) struct Docker {
    config: DockerConfig,
    engine: Engine,
}

impl Docker {
    pub(super) fn new(config: DockerConfig, clients: Arc<Clients>) -> Self {
        let engine = Engine::new(config.host.clone(), config.http.clone(), clients);
        Self { config, engine }
    }
}

impl Refresh for Docker {
    fn name(&self) -> String {
        format!("docker at {}", self.config.host)
    }

    fn pace(&self) -> (Duration, Duration) {
        pace(self.config.refresh_interval)
    }

    async fn refresh(&self) -> Result<Vec<Found>, String> {
        let containers: Vec<Container> = self.engine.list("/containers/json", &self.config.filters).await?;
        let networks = self.engine.networks("__meta_docker_").await?;
        Ok(targets(&self.config, &containers, &networks))
    }
}

/// The targets of all containers.
fn targets(config: &DockerConfig, containers: &[Container], known: &Networks) -> Vec<Found> {
    let by_id: HashMap<&str, &Container> = containers.iter().map(|c| (c.id.as_str(), c)).collect();
    let mut found = Vec::new();
    for container in containers {
        let Some(name) = container.names.iter().flatten().next() else { continue };
        let mut common = LabelsBuilder::new();
        common.set("__meta_docker_container_id", &container.id);
        common.set("__meta_docker_container_name", name);
        common.set("__meta_docker_container_network_mode", container.mode());
        common.set("__meta_docker_container_image", container.image.as_deref().unwrap_or_default());
        common.set("__meta_docker_container_image_id", container.image_id.as_deref().unwrap_or_default());
        for (label, value) in container.labels.iter().flatten() {
            common.set(format!("__meta_docker_container_label_{}", sanitize(label)), value);
        }
        let mut networks = shared_networks(container, &by_id);
        if config.match_first_network {
            networks.truncate(1); // sorted by name
        }
        for (_, network) in networks {
            let mut labels = common.clone();
            for (name, value) in network.id.as_ref().and_then(|id| known.get(id)).into_iter().flatten() {
                labels.set(name.as_str(), value.as_str());
            }
            of_network(config, container, network, &labels, &mut found);
        }
    }
    found
}

/// The container's networks, or those of the container whose network it shares.
fn shared_networks<'a>(
    container: &'a Container,
    by_id: &HashMap<&str, &'a Container>,
) -> Vec<(&'a str, &'a Network)> {
    let mut from = container;
    // A chain cannot be longer than there are containers; an engine that says otherwise is not followed for ever.
    for _ in 0..=by_id.len() {
        let networks = from.networks();
        let next = from.mode().strip_prefix("container:").and_then(|id| by_id.get(id));
        match next {
            Some(next) if networks.is_empty() => from = next,
            _ => return networks,
        }
    }
    Vec::new()
}

/// One target for each TCP port, or one with the configured port where there is none.
fn of_network(
    config: &DockerConfig,
    container: &Container,
    network: &Network,
    common: &LabelsBuilder,
    found: &mut Vec<Found>,
) {
    let set = |ip: &Option<String>| ip.clone().filter(|ip| !ip.is_empty());
    let ip = set(&network.ip).or_else(|| set(&network.ip6)).unwrap_or_default();
    let mut base = common.clone();
    base.set("__meta_docker_network_ip", ip.as_str());
    let ports = container.ports.iter().flatten().filter(|port| port.kind.as_deref() == Some("tcp"));
    let before = found.len();
    for port in ports {
        let mut labels = base.clone();
        labels.set("__meta_docker_port_private", port.private_port.to_string());
        if let Some(public) = port.public_port.filter(|port| *port > 0) {
            labels.set("__meta_docker_port_public", public.to_string());
            labels.set("__meta_docker_port_public_ip", port.ip.as_deref().unwrap_or_default());
        }
        found.push(labels.set(ADDRESS, join(&ip, port.private_port)).build());
    }
    if found.len() == before {
        let address = match container.mode() {
            "host" => config.host_networking_host.clone(),
            _ => join(&ip, config.port),
        };
        found.push(base.set(ADDRESS, address).build());
    }
}

#[cfg(test)]
mod tests;
