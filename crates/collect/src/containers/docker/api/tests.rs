use super::*;

const INSPECT: &str = r#"{
  "Id": "ab", "Created": "2026-11-21T22:29:29.26728477Z", "Path": "sh", "Args": ["-c", "hunter2"],
  "State": {"Status": "exited", "OOMKilled": false, "Pid": 0, "ExitCode": 3, "Error": "",
            "StartedAt": "2026-11-21T22:29:30.081028944Z", "FinishedAt": "0001-01-01T00:00:00Z",
            "Health": {"Status": "healthy", "Log": [{"Output": "hunter2"}]}},
  "Image": "sha256:69", "Name": "/lab", "RestartCount": 1,
  "HostConfig": {"LogConfig": {"Type": "json-file", "Config": {"token": "hunter2"}},
                 "RestartPolicy": {"Name": "on-failure"},
                 "Memory": 67108864, "NanoCpus": 500000000, "CpuPeriod": 0, "CpuQuota": 0, "PidsLimit": null},
  "Mounts": [{"Type": "volume", "Name": "data", "Source": "/x", "Destination": "/d", "RW": false}],
  "Config": {"Tty": true, "Env": ["SECRET=hunter2"], "Cmd": ["hunter2"], "Image": "busybox:1",
             "Labels": {"com.docker.compose.project": "shop", "com.docker.compose.service": "api"}},
  "NetworkSettings": {"Ports": {"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": "8080"}], "81/tcp": null},
                      "Networks": {"bridge": {"IPAddress": "172.17.0.2", "GlobalIPv6Address": ""}}}
}"#;

#[test]
fn facts_hold_what_inspect_says_and_no_environment_or_arguments() {
    let inspect: Inspect = serde_json::from_str(INSPECT).unwrap();
    assert!(!format!("{inspect:?}").contains("hunter2"), "not even parsed");
    let facts = inspect.into_facts("docker", "node-1");
    assert_eq!((facts.name.as_str(), facts.image.as_str()), ("lab", "busybox:1"));
    assert_eq!((facts.compose_project.as_str(), facts.compose_service.as_str()), ("shop", "api"));
    assert_eq!((facts.state, facts.exit_code), (ContainerState::Exited, Some(3)));
    assert_eq!((facts.created_ms, facts.finished_ms), (1_795_300_169_267, 0));
    assert_eq!((facts.memory_limit, facts.cpu_limit, facts.pids_limit), (64 << 20, 0.5, 0));
    assert_eq!(facts.ports, ["127.0.0.1:8080->80/tcp"]);
    assert_eq!(facts.mounts, ["data:/d:ro"]);
    assert_eq!(facts.addresses, [("bridge".to_owned(), "172.17.0.2".to_owned())]);
    assert_eq!((facts.health.as_str(), facts.tty, facts.restart_count), ("healthy", true, 1));
}

#[test]
fn a_start_error_loses_the_command_it_quotes() {
    let error = r#"runc create failed: exec: "se\"cret": executable file can't be found in $PATH: unknown"#;
    assert_eq!(
        without_quotes(error),
        r#"runc create failed: exec: "...": executable file can't be found in $PATH: unknown"#
    );
    assert_eq!(without_quotes("stat 'hunter2': open \"hunter"), "stat '...': open \"", "unclosed: cut");
}

#[test]
fn limits_by_quota_and_period() {
    let host = HostConfig { cpu_quota: 150_000, ..HostConfig::default() };
    assert_eq!(cpu_limit(&host), 1.5);
    let host = HostConfig { cpu_quota: 50_000, cpu_period: 200_000, ..HostConfig::default() };
    assert_eq!(cpu_limit(&host), 0.25);
    assert_eq!(cpu_limit(&HostConfig { cpu_quota: -1, ..HostConfig::default() }), 0.0);
}

#[test]
fn podman_names_itself_among_the_components() {
    let podman: Version =
        serde_json::from_str(r#"{"Version":"4.3","Components":[{"Name":"Podman Engine"}]}"#).unwrap();
    assert_eq!(runtime_name(&podman), "podman");
    assert_eq!(runtime_name(&Version::default()), "docker");
}
