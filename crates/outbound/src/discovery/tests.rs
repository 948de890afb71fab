use super::*;

fn read(text: &str) -> Result<Configs, String> {
    serde_saphyr::from_str(text).map_err(|e| e.to_string())
}

#[test]
fn what_contradicts_itself_is_refused_in_prometheus_words() {
    for (text, message) in [
        ("static_configs: [null]", "empty or null section in static_configs"),
        ("static_configs: [{url: x}]", "field url not found in type"),
        ("file_sd_configs: [{}]", "must contain at least one path name"),
        ("file_sd_configs: [{files: [a.txt]}]", "path name \"a.txt\" is not valid for file discovery"),
        ("http_sd_configs: [{}]", "URL is missing"),
        ("http_sd_configs: [{url: 'ftp://a'}]", "URL scheme must be 'http' or 'https'"),
        ("http_sd_configs: [{url: 'http:///x'}]", "host is missing in URL"),
        ("dns_sd_configs: [{}]", "DNS-SD config must contain at least one SRV record name"),
        ("dns_sd_configs: [{names: [a], type: A}]", "a port is required in DNS-SD configs"),
        ("dns_sd_configs: [{names: [a], type: TXT}]", "invalid DNS-SD records type TXT"),
        ("docker_sd_configs: [{}]", "host missing"),
        ("dockerswarm_sd_configs: [{host: x}]", "role missing (one of: tasks, services, nodes)"),
        ("dockerswarm_sd_configs: [{host: x, role: pods}]", "invalid role pods"),
        ("consul_sd_configs: [{server: ' '}]", "consul SD configuration requires a server address"),
        ("consul_sd_configs: [{username: a, basic_auth: {}}]", "at most one of consul SD configuration"),
        ("consul_sd_configs: [{token: a, authorization: {}}]", "at most one of consul SD token"),
    ] {
        let error = read(text).unwrap_err();
        assert!(error.contains(message), "{text}: {error}");
    }
}

#[test]
fn defaults_are_prometheus_own() {
    let configs = read(
        "{dns_sd_configs: [{names: [a]}], docker_sd_configs: [{host: 'unix:///s'}], consul_sd_configs: [{}],
          static_configs: [{targets: ['a:1'], labels: {x: y}}]}",
    )
    .unwrap();
    assert_eq!(configs.dns_sd_configs[0].record_type(), RecordType::Srv);
    assert_eq!(configs.docker_sd_configs[0].port, 80);
    assert_eq!(configs.consul_sd_configs[0].server, "localhost:8500");
    let shown = serde_saphyr::to_string(&configs).unwrap();
    for line in ["refresh_interval: 30s", "host_networking_host: localhost", "allow_stale: true", "a:1"] {
        assert!(shown.contains(line), "{line} in {shown}");
    }
    assert!(configs.check_addresses().is_ok());
    assert_eq!(
        read("static_configs: [{targets: ['http://bad']}]").unwrap().check_addresses(),
        Err("\"http://bad\" is not a valid hostname".to_owned())
    );
}

#[test]
fn mechanisms_that_are_not_there_are_named() {
    let configs = read("{gce_sd_configs: [{project: p, zone: z}], static_configs: []}").unwrap();
    assert_eq!(configs.unsupported(), ["gce_sd_configs"]);
}
