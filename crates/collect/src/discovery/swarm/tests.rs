use axum::Router;
use axum::extract::Request;
use parking_lot::Mutex;

use super::*;

const SERVICES: &str = r#"[{"ID": "s1", "Spec": {"Name": "web", "Labels": {"a.b": "c"}, "Mode": {"Replicated": {"Replicas": 2}},
  "TaskTemplate": {"ContainerSpec": {"Image": "nginx:1", "Hostname": "h"}}},
  "UpdateStatus": {"State": "completed"},
  "Endpoint": {"Ports": [{"Name": "http", "Protocol": "tcp", "TargetPort": 80, "PublishedPort": 8080, "PublishMode": "ingress"},
                         {"Protocol": "udp", "PublishedPort": 53}],
               "VirtualIPs": [{"NetworkID": "n1", "Addr": "10.0.0.3/24"}]}},
 {"ID": "s2", "Spec": {"Name": "job", "Mode": {"Global": {}}}, "Endpoint": {"VirtualIPs": [{"NetworkID": "n1", "Addr": "10.0.0.9/24"}]}}]"#;
const NODES: &str = r#"[{"ID": "m1", "Spec": {"Role": "manager", "Availability": "active", "Labels": {"rack": "1"}},
  "Description": {"Hostname": "host1", "Platform": {"Architecture": "x86_64", "OS": "linux"}, "Engine": {"EngineVersion": "29.0"}},
  "Status": {"State": "ready", "Addr": "192.0.2.1"}, "ManagerStatus": {"Leader": true, "Reachability": "reachable", "Addr": "192.0.2.1:2377"}}]"#;
const TASKS: &str = r#"[{"ID": "t1", "ServiceID": "s1", "NodeID": "m1", "Slot": 1, "DesiredState": "running",
  "Spec": {"ContainerSpec": {"Labels": {"x": "y"}}},
  "Status": {"State": "running", "ContainerStatus": {"ContainerID": "c1"}, "PortStatus": {"Ports": [{"Protocol": "tcp", "PublishedPort": 9000, "PublishMode": "host"}]}},
  "NetworksAttachments": [{"Network": {"ID": "n1"}, "Addresses": ["10.0.0.5/24"]}]}]"#;
const NETWORKS: &str = r#"[{"Id": "n1", "Name": "net", "Scope": "swarm", "Internal": false, "Ingress": true, "Labels": {"k": "v"}}]"#;

/// What one round with the role finds, and the requests it makes.
async fn round(role: &str) -> (Vec<Found>, Vec<String>) {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let seen = asked.clone();
    let app = Router::new().fallback(move |request: Request| {
        seen.lock().push(format!("{} {}", request.method(), request.uri()));
        std::future::ready(match request.uri().path() {
            "/services" => SERVICES,
            "/nodes" => NODES,
            "/tasks" => TASKS,
            _ => NETWORKS,
        })
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    let yaml = format!("{{host: 'tcp://{address}', role: {role}, filters: [{{name: name, values: [web]}}]}}");
    let swarm = Swarm::new(serde_saphyr::from_str(&yaml).unwrap(), Arc::default());
    let found = swarm.refresh().await.unwrap();
    let asked = asked.lock().clone();
    (found, asked)
}

fn addresses(found: &[Found]) -> Vec<&str> {
    found.iter().map(|l| l.get_or_empty(ADDRESS)).collect()
}

fn has(found: &Found, labels: &[(&str, &str)]) {
    for (name, value) in labels {
        assert_eq!(found.get_or_empty(&format!("{PREFIX}{name}")), *value, "{name} of {found}");
    }
}

#[tokio::test]
async fn services_give_a_target_for_each_address_and_port() {
    let (found, asked) = round("services").await;
    assert_eq!(addresses(&found), ["10.0.0.3:8080", "10.0.0.9:80"]);
    has(
        &found[0],
        &[
            ("service_id", "s1"),
            ("service_name", "web"),
            ("service_mode", "replicated"),
            ("service_label_a_b", "c"),
            ("service_task_container_image", "nginx:1"),
            ("service_task_container_hostname", "h"),
            ("service_updating_status", "completed"),
            ("service_endpoint_port_name", "http"),
            ("service_endpoint_port_publish_mode", "ingress"),
            ("network_name", "net"),
            ("network_scope", "swarm"),
            ("network_ingress", "true"),
            ("network_internal", "false"),
            ("network_label_k", "v"),
        ],
    );
    has(&found[1], &[("service_mode", "global"), ("service_endpoint_port_name", "")]);
    assert_eq!(asked, ["GET /services?filters=%7B%22name%22%3A%5B%22web%22%5D%7D", "GET /networks"]);
}

#[tokio::test]
async fn nodes_are_targets() {
    let (found, _) = round("nodes").await;
    assert_eq!(addresses(&found), ["192.0.2.1:80"]);
    has(
        &found[0],
        &[
            ("node_id", "m1"),
            ("node_role", "manager"),
            ("node_hostname", "host1"),
            ("node_platform_os", "linux"),
            ("node_engine_version", "29.0"),
            ("node_status", "ready"),
            ("node_manager_leader", "true"),
            ("node_manager_address", "192.0.2.1:2377"),
            ("node_label_rack", "1"),
        ],
    );
}

#[tokio::test]
async fn tasks_carry_labels_of_their_service_and_node() {
    let (found, asked) = round("tasks").await;
    assert_eq!(addresses(&found), ["192.0.2.1:9000", "10.0.0.5:8080"]);
    has(
        &found[0],
        &[
            ("task_id", "t1"),
            ("task_state", "running"),
            ("task_slot", "1"),
            ("task_container_id", "c1"),
            ("task_port_publish_mode", "host"),
            ("container_label_x", "y"),
            ("service_name", "web"),
            ("node_hostname", "host1"),
            ("network_name", ""),
        ],
    );
    has(&found[1], &[("task_port_publish_mode", "ingress"), ("network_name", "net")]);
    assert_eq!(asked.len(), 4);
}
