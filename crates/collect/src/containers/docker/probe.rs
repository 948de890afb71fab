//! Where an engine may listen, in the order in which they are tried.

use std::path::PathBuf;

use super::client::{Client, DockerError, Endpoint};

/// The places to look at: `DOCKER_HOST` alone where it is set, else Docker's and Podman's sockets, the system's first.
/// `lookup` reads an environment variable.
pub fn candidates(configured: &[String], lookup: impl Fn(&str) -> Option<String>) -> Vec<Endpoint> {
    if !configured.is_empty() {
        return configured.iter().filter_map(|text| Endpoint::parse(text)).collect();
    }
    if let Some(endpoint) = lookup("DOCKER_HOST").and_then(|text| Endpoint::parse(&text)) {
        return vec![endpoint];
    }
    let mut paths = vec![PathBuf::from("/var/run/docker.sock")];
    let runtime_dir = lookup("XDG_RUNTIME_DIR").filter(|dir| dir.starts_with('/')).map(PathBuf::from);
    paths.extend(runtime_dir.iter().map(|dir| dir.join("docker.sock")));
    paths.push(PathBuf::from("/run/podman/podman.sock"));
    paths.extend(runtime_dir.iter().map(|dir| dir.join("podman/podman.sock")));
    paths.into_iter().map(Endpoint::Unix).collect()
}

/// What came of looking: a client for the first engine that answers, or why each candidate did not.
pub async fn first(candidates: &[Endpoint]) -> Result<Client, Vec<DockerError>> {
    let mut failures = Vec::new();
    for endpoint in candidates {
        let client = Client::new(endpoint.clone());
        match client.get("/_ping").await {
            Ok(_) => return Ok(client),
            Err(error) => failures.push(error),
        }
    }
    Err(failures)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn docker_host_is_alone_and_the_rest_is_in_order() {
        let all = |host: Option<&str>| {
            let host = host.map(str::to_owned);
            candidates(&[], move |name| match name {
                "DOCKER_HOST" => host.clone(),
                "XDG_RUNTIME_DIR" => Some("/run/user/7".to_owned()),
                _ => None,
            })
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
        };
        assert_eq!(all(Some("tcp://h:1")), ["tcp://h:1"]);
        let paths = [
            "unix:///var/run/docker.sock",
            "unix:///run/user/7/docker.sock",
            "unix:///run/podman/podman.sock",
            "unix:///run/user/7/podman/podman.sock",
        ];
        assert_eq!(all(None), paths);
        assert_eq!(all(Some("ssh://unreadable")), paths, "what cannot be used is passed over");
        assert_eq!(candidates(&["/a".into()], |_| None), [Endpoint::Unix("/a".into())]);
    }
}
