//! Services, tasks or nodes of a Docker swarm as targets, labelled as Prometheus' `dockerswarm_sd`.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use model::LabelsBuilder;
use outbound::Clients;
use outbound::discovery::{ADDRESS, SwarmConfig};

use super::engine::{Engine, Networks, pace};
use super::refresh::Refresh;
use super::{Found, join, sanitize};

/// Every label begins with it.
const PREFIX: &str = "__meta_dockerswarm_";

type Map = Option<BTreeMap<String, String>>;

#[derive(Debug, Default, serde::Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Service {
    #[serde(rename = "ID")]
    id: String,
    spec: ServiceSpec,
    endpoint: Endpoint,
    update_status: Option<UpdateStatus>,
}

#[derive(Debug, Default, serde::Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct ServiceSpec {
    name: String,
    labels: Map,
    mode: BTreeMap<String, serde_json::Value>,
    task_template: TaskSpec,
}

#[derive(Debug, Default, serde::Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct TaskSpec {
    container_spec: Option<ContainerSpec>,
}

#[derive(Debug, Default, serde::Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct ContainerSpec {
    image: String,
    hostname: String,
    labels: Map,
}

#[derive(Debug, Default, serde::Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct UpdateStatus {
    state: String,
}

#[derive(Debug, Default, serde::Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Endpoint {
    ports: Option<Vec<Port>>,
    #[serde(rename = "VirtualIPs")]
    virtual_ips: Option<Vec<VirtualIp>>,
}

#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Port {
    name: String,
    protocol: String,
    published_port: u16,
    publish_mode: String,
}

#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
struct VirtualIp {
    #[serde(rename = "NetworkID")]
    network: String,
    #[serde(rename = "Addr")]
    address: String,
}

#[derive(Debug, Default, serde::Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Node {
    #[serde(rename = "ID")]
    id: String,
    spec: NodeSpec,
    description: NodeDescription,
    status: NodeStatus,
    manager_status: Option<ManagerStatus>,
}

#[derive(Debug, Default, serde::Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct NodeSpec {
    role: String,
    availability: String,
    labels: Map,
}

#[derive(Debug, Default, serde::Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct NodeDescription {
    hostname: String,
    platform: Platform,
    engine: EngineInfo,
}

#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
struct Platform {
    #[serde(rename = "Architecture")]
    architecture: String,
    #[serde(rename = "OS")]
    os: String,
}

#[derive(Debug, Default, serde::Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct EngineInfo {
    engine_version: String,
}

#[derive(Debug, Default, serde::Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct NodeStatus {
    state: String,
    addr: String,
}

#[derive(Debug, Default, serde::Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct ManagerStatus {
    leader: bool,
    reachability: String,
    addr: String,
}

#[derive(Debug, Default, serde::Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Task {
    #[serde(rename = "ID")]
    id: String,
    #[serde(rename = "ServiceID")]
    service: String,
    #[serde(rename = "NodeID")]
    node: String,
    slot: i64,
    desired_state: String,
    status: TaskStatus,
    spec: TaskSpec,
    networks_attachments: Option<Vec<Attachment>>,
}

#[derive(Debug, Default, serde::Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct TaskStatus {
    state: String,
    container_status: Option<ContainerStatus>,
    port_status: PortStatus,
}

#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
struct ContainerStatus {
    #[serde(rename = "ContainerID")]
    id: String,
}

#[derive(Debug, Default, serde::Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct PortStatus {
    ports: Option<Vec<Port>>,
}

#[derive(Debug, Default, serde::Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Attachment {
    network: AttachedNetwork,
    addresses: Option<Vec<String>>,
}

#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
struct AttachedNetwork {
    #[serde(rename = "ID")]
    id: String,
}

type Labels = Vec<(String, String)>;

/// One entry of `dockerswarm_sd_configs`.
pub(super) struct Swarm {
    config: SwarmConfig,
    engine: Engine,
}

impl Refresh for Swarm {
    fn name(&self) -> String {
        format!("docker swarm at {}", self.config.host)
    }

    fn pace(&self) -> (Duration, Duration) {
        pace(self.config.refresh_interval)
    }

    async fn refresh(&self) -> Result<Vec<Found>, String> {
        match self.config.role.as_str() {
            "services" => {
                let services: Vec<Service> = self.engine.list("/services", &self.config.filters).await?;
                let networks = self.engine.networks(PREFIX).await?;
                Ok(services.iter().flat_map(|s| self.of_service(s, &networks)).collect())
            }
            "nodes" => {
                let nodes: Vec<Node> = self.engine.list("/nodes", &self.config.filters).await?;
                let address = |node: &Node| join(&node.status.addr, self.config.port);
                Ok(nodes.iter().map(|node| build(address(node), [&node_labels(node)])).collect())
            }
            _ => {
                let tasks: Vec<Task> = self.engine.list("/tasks", &self.config.filters).await?;
                let services: Vec<Service> = self.engine.list("/services", &[]).await?;
                let nodes: Vec<Node> = self.engine.list("/nodes", &[]).await?;
                let networks = self.engine.networks(PREFIX).await?;
                let services: HashMap<&str, &Service> = services.iter().map(|s| (s.id.as_str(), s)).collect();
                let nodes: HashMap<&str, &Node> = nodes.iter().map(|n| (n.id.as_str(), n)).collect();
                let of = |task| self.of_task(task, &services, &nodes, &networks);
                Ok(tasks.iter().flat_map(of).collect())
            }
        }
    }
}

impl Swarm {
    pub(super) fn new(config: SwarmConfig, clients: Arc<Clients>) -> Self {
        let engine = Engine::new(config.host.clone(), config.http.clone(), clients);
        Self { config, engine }
    }

    fn of_service(&self, service: &Service, networks: &Networks) -> Vec<Found> {
        let mut common = service_labels(service);
        if let Some(container) = &service.spec.task_template.container_spec {
            common.push(label("service_task_container_hostname", &container.hostname));
            common.push(label("service_task_container_image", &container.image));
        }
        if let Some(update) = &service.update_status {
            common.push(label("service_updating_status", &update.state));
        }
        let none = Vec::new();
        let mut found = Vec::new();
        for virtual_ip in service.endpoint.virtual_ips.iter().flatten() {
            let ip = without_mask(&virtual_ip.address);
            let network = networks.get(&virtual_ip.network).unwrap_or(&none);
            let before = found.len();
            for port in tcp(&service.endpoint.ports) {
                let of_port = vec![
                    label("service_endpoint_port_name", &port.name),
                    label("service_endpoint_port_publish_mode", &port.publish_mode),
                ];
                found.push(build(join(ip, port.published_port), [&common, network, &of_port]));
            }
            if found.len() == before {
                found.push(build(join(ip, self.config.port), [&common, network]));
            }
        }
        found
    }

    fn of_task(
        &self,
        task: &Task,
        services: &HashMap<&str, &Service>,
        nodes: &HashMap<&str, &Node>,
        networks: &Networks,
    ) -> Vec<Found> {
        let mut common = vec![
            label("task_id", &task.id),
            label("task_desired_state", &task.desired_state),
            label("task_state", &task.status.state),
            label("task_slot", &task.slot.to_string()),
        ];
        if let Some(container) = &task.status.container_status {
            common.push(label("task_container_id", &container.id));
        }
        if let Some(container) = &task.spec.container_spec {
            common.extend(prefixed("container_label_", &container.labels));
        }
        let service = services.get(task.service.as_str());
        common.extend(service.into_iter().flat_map(|s| service_labels(s)));
        let node = nodes.get(task.node.as_str());
        common.extend(node.into_iter().flat_map(|n| node_labels(n)));
        let mut found = Vec::new();
        let address = node.map(|n| n.status.addr.as_str()).unwrap_or_default();
        let mode = |port: &Port| vec![label("task_port_publish_mode", &port.publish_mode)];
        for port in tcp(&task.status.port_status.ports) {
            found.push(build(join(address, port.published_port), [&common, &mode(port)]));
        }
        let none = Vec::new();
        for attachment in task.networks_attachments.iter().flatten() {
            let network = networks.get(&attachment.network.id).unwrap_or(&none);
            for address in attachment.addresses.iter().flatten() {
                let ip = without_mask(address);
                let before = found.len();
                for port in service.into_iter().flat_map(|s| tcp(&s.endpoint.ports)) {
                    found.push(build(join(ip, port.published_port), [&common, network, &mode(port)]));
                }
                if found.len() == before {
                    found.push(build(join(ip, self.config.port), [&common, network]));
                }
            }
        }
        found
    }
}

fn label(name: &str, value: &str) -> (String, String) {
    (format!("{PREFIX}{name}"), value.to_owned())
}

fn prefixed<'a>(prefix: &'a str, map: &'a Map) -> impl Iterator<Item = (String, String)> + 'a {
    map.iter().flatten().map(move |(name, value)| label(&format!("{prefix}{}", sanitize(name)), value))
}

fn tcp(ports: &Option<Vec<Port>>) -> impl Iterator<Item = &Port> {
    ports.iter().flatten().filter(|port| port.protocol == "tcp")
}

fn without_mask(address: &str) -> &str {
    address.split_once('/').map_or(address, |(ip, _)| ip)
}

fn service_labels(service: &Service) -> Labels {
    let modes = [
        ("Global", "global"),
        ("Replicated", "replicated"),
        ("ReplicatedJob", "replicatedjob"),
        ("GlobalJob", "globaljob"),
    ];
    let given = |(name, _): &&(&str, &str)| service.spec.mode.get(*name).is_some_and(|mode| !mode.is_null());
    let mode = modes.iter().find(given).map_or("", |(_, word)| word);
    let mut labels = vec![
        label("service_id", &service.id),
        label("service_name", &service.spec.name),
        label("service_mode", mode),
    ];
    labels.extend(prefixed("service_label_", &service.spec.labels));
    labels
}

fn node_labels(node: &Node) -> Labels {
    let mut labels = vec![
        label("node_id", &node.id),
        label("node_role", &node.spec.role),
        label("node_address", &node.status.addr),
        label("node_availability", &node.spec.availability),
        label("node_hostname", &node.description.hostname),
        label("node_platform_architecture", &node.description.platform.architecture),
        label("node_platform_os", &node.description.platform.os),
        label("node_engine_version", &node.description.engine.engine_version),
        label("node_status", &node.status.state),
    ];
    if let Some(manager) = &node.manager_status {
        labels.push(label("node_manager_leader", &manager.leader.to_string()));
        labels.push(label("node_manager_reachability", &manager.reachability));
        labels.push(label("node_manager_address", &manager.addr));
    }
    labels.extend(prefixed("node_label_", &node.spec.labels));
    labels
}

fn build<const N: usize>(address: String, parts: [&Labels; N]) -> Found {
    let mut labels = LabelsBuilder::new();
    for (name, value) in parts.into_iter().flatten() {
        labels.set(name.as_str(), value.as_str());
    }
    labels.set(ADDRESS, address).build()
}

#[cfg(test)]
mod tests;
