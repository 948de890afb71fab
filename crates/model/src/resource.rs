//! One identity for every signal. docs/identity.md tables how each field is spelled as metric label, stream label and
//! OpenTelemetry attribute.

use std::sync::Arc;

/// Who produced a signal. Empty fields do not apply.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Resource {
    /// Host name of the node.
    pub node: String,
    /// Full container id.
    pub container_id: String,
    /// Container name without the leading slash.
    pub container_name: String,
    /// Image as the user named it.
    pub image: String,
    /// Image digest, `sha256:...`.
    pub image_digest: String,
    /// Compose project.
    pub compose_project: String,
    /// Compose service.
    pub compose_service: String,
    /// Kubernetes namespace.
    pub namespace: String,
    /// Kubernetes pod.
    pub pod: String,
    /// Kubernetes workload, `kind/name`.
    pub workload: String,
    /// Service name, from OpenTelemetry or from the compose service.
    pub service: String,
}

/// What a signal carries that tells whose it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdentityKey<'a> {
    /// A container id, full or at least 12 hex digits of it.
    ContainerId(&'a str),
    /// A cgroup path below the mount point.
    CgroupPath(&'a str),
    /// A process id of the host.
    Pid(u32),
    /// An address of a container's network.
    Ip(std::net::IpAddr),
}

/// Resolves who that is. Implemented by the Docker index and later by `k8s`; handed in by `app`.
pub trait Identity: Send + Sync {
    /// Who owned `key` at `time_ms`.
    fn resolve(&self, key: IdentityKey<'_>, time_ms: i64) -> Option<Arc<Resource>>;
}
