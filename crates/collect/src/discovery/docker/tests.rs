use super::*;

fn found(config: &str, json: &str) -> Vec<Found> {
    let config: DockerConfig = serde_saphyr::from_str(config).unwrap();
    let containers: Vec<Container> = serde_json::from_str(json).unwrap();
    let names = [("n1", "front"), ("n2", "zback")];
    let of = |(id, name): (&str, &str)| {
        let label = |suffix: &str, value: &str| (format!("__meta_docker_network_{suffix}"), value.to_owned());
        (id.to_owned(), vec![label("id", id), label("name", name), label("scope", "local")])
    };
    targets(&config, &containers, &names.map(of).into_iter().collect())
}

const WEB: &str = r#"{
    "Id": "aaa", "Names": ["/web"], "Image": "nginx:1", "ImageID": "sha256:1", "State": "running",
    "Labels": {"com.docker.compose.service": "web", "a-b": "c"},
    "Ports": [{"PrivatePort": 80, "PublicPort": 8080, "Type": "tcp", "IP": "0.0.0.0"},
              {"PrivatePort": 53, "Type": "udp"}, {"PrivatePort": 443, "Type": "tcp"}],
    "HostConfig": {"NetworkMode": "front"},
    "NetworkSettings": {"Networks": {
        "zback": {"NetworkID": "n2", "IPAddress": "10.0.0.2"},
        "front": {"NetworkID": "n1", "IPAddress": "172.18.0.2"}}}}"#;

#[test]
fn a_container_gives_a_target_for_each_tcp_port_of_its_first_network() {
    let found = found("host: unix:///x", &format!("[{WEB}]"));
    let addresses: Vec<&str> = found.iter().map(|l| l.get_or_empty(ADDRESS)).collect();
    assert_eq!(addresses, ["172.18.0.2:80", "172.18.0.2:443"]);
    let labels: BTreeMap<&str, &str> = found[0].iter().filter(|(n, _)| *n != ADDRESS).collect();
    let wanted = [
        ("__meta_docker_container_id", "aaa"),
        ("__meta_docker_container_image", "nginx:1"),
        ("__meta_docker_container_image_id", "sha256:1"),
        ("__meta_docker_container_label_a_b", "c"),
        ("__meta_docker_container_label_com_docker_compose_service", "web"),
        ("__meta_docker_container_name", "/web"),
        ("__meta_docker_container_network_mode", "front"),
        ("__meta_docker_network_id", "n1"),
        ("__meta_docker_network_ip", "172.18.0.2"),
        ("__meta_docker_network_name", "front"),
        ("__meta_docker_network_scope", "local"),
        ("__meta_docker_port_private", "80"),
        ("__meta_docker_port_public", "8080"),
        ("__meta_docker_port_public_ip", "0.0.0.0"),
    ];
    assert_eq!(labels, BTreeMap::from(wanted));
}

#[test]
fn all_networks_are_used_when_asked_for() {
    let found = found("{host: 'unix:///x', match_first_network: false}", &format!("[{WEB}]"));
    assert_eq!(found.len(), 4);
    assert_eq!(found[2].get("__meta_docker_network_name"), Some("zback"));
}

#[test]
fn containers_without_ports_with_foreign_and_with_host_network() {
    let json = format!(
        r#"[{WEB},
            {{"Id": "b", "Names": ["/side"], "HostConfig": {{"NetworkMode": "container:aaa"}}, "Ports": []}},
            {{"Id": "c", "Names": ["/host"], "HostConfig": {{"NetworkMode": "host"}},
              "NetworkSettings": {{"Networks": {{"host": {{"NetworkID": "h"}}}}}}}},
            {{"Id": "d", "Names": ["/v6"], "HostConfig": {{"NetworkMode": "x"}},
              "NetworkSettings": {{"Networks": {{"x": {{"GlobalIPv6Address": "fd00::2"}}}}}}}},
            {{"Id": "e", "Names": ["/loop"], "HostConfig": {{"NetworkMode": "container:e"}}}},
            {{"Id": "f"}}]"#
    );
    let found = found("{host: 'unix:///x', port: 99}", &json);
    let rest: Vec<(&str, &str)> = found[2..]
        .iter()
        .map(|l| (l.get_or_empty("__meta_docker_container_name"), l.get_or_empty(ADDRESS)))
        .collect();
    assert_eq!(rest, [("/side", "172.18.0.2:99"), ("/host", "localhost"), ("/v6", "[fd00::2]:99")]);
}
