//! `docker_sd_configs` and `dockerswarm_sd_configs`.

use model::config::Duration;

use crate::config::HttpConfig;

model::section! {
    /// A filter that the engine applies.
    pub struct Filter ("moby.Filter") {
        /// What is filtered by, e.g. `label`.
        name: String = String::new() => always,
        /// Wanted values.
        values: Vec<String> = Vec::new() => always,
    }
}

model::section! {
    /// Containers of a Docker engine.
    pub struct DockerConfig ("moby.plain") {
        /// How to talk to the engine where `host` is an URL.
        http: HttpConfig = HttpConfig::default() => inline,
        /// `unix:///path` or `http://host:port`.
        host: String = String::new() => always,
        /// Port of containers that expose none.
        port: u16 = 80 => always,
        /// Which containers.
        filters: Vec<Filter> = Vec::new() => always,
        /// Address of containers in the host's network.
        host_networking_host: String = "localhost".to_owned() => always,
        /// How often the engine is asked.
        refresh_interval: Duration = Duration::from_secs(60) => always,
        /// Whether a container in several networks gives targets in the first only.
        match_first_network: bool = true => always,
    }
    check |config| check_host(&config.host)
}

model::section! {
    /// Services, tasks or nodes of a swarm.
    pub struct SwarmConfig ("moby.plain") {
        /// How to talk to the engine where `host` is an URL.
        http: HttpConfig = HttpConfig::default() => inline,
        /// `unix:///path` or `http://host:port`.
        host: String = String::new() => always,
        /// `services`, `tasks` or `nodes`.
        role: String = String::new() => always,
        /// Port of what publishes none.
        port: u16 = 80 => always,
        /// Which of them.
        filters: Vec<Filter> = Vec::new() => always,
        /// How often the engine is asked.
        refresh_interval: Duration = Duration::from_secs(60) => always,
    }
    check |config| {
        check_host(&config.host)?;
        match config.role.as_str() {
            "services" | "nodes" | "tasks" => Ok(()),
            "" => Err("role missing (one of: tasks, services, nodes)".to_owned()),
            other => Err(format!("invalid role {other}, expected tasks, services, or nodes")),
        }
    }
}

fn check_host(host: &str) -> Result<(), String> {
    if host.is_empty() { Err("host missing".to_owned()) } else { Ok(()) }
}
