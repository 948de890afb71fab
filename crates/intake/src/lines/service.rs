//! The name of the service that a stream belongs to, as Loki derives it: `service_name`, by which its users choose
//! what they look at. Streams of every input get it.

use model::Labels;

/// The label.
const SERVICE_NAME: &str = "service_name";

/// What it says where nothing names the service; Loki's word.
const UNKNOWN: &str = "unknown_service";

/// Labels it is taken from: the first that is there.
const SOURCES: [&str; 12] = [
    "service",
    "app",
    "application",
    "app_name",
    "name",
    "app_kubernetes_io_name",
    "container",
    "container_name",
    "k8s_container_name",
    "component",
    "workload",
    "job",
];

/// The stream's labels with `service_name`, unless they have it.
pub(super) fn named(labels: &Labels) -> Labels {
    if labels.get(SERVICE_NAME).is_some() {
        return labels.clone();
    }
    let name = SOURCES.iter().find_map(|source| labels.get(source)).unwrap_or(UNKNOWN).to_owned();
    let mut builder = labels.to_builder();
    builder.set(SERVICE_NAME, name);
    builder.build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_stream_names_its_service() {
        let name = |pairs: &[(&str, &str)]| {
            named(&Labels::from_pairs(pairs.iter().copied())).get_or_empty(SERVICE_NAME).to_owned()
        };
        assert_eq!(name(&[("container", "web-1"), ("service", "web")]), "web");
        assert_eq!(name(&[("container", "web-1"), ("job", "x")]), "web-1");
        assert_eq!(name(&[("host", "a")]), "unknown_service");
        assert_eq!(name(&[("service_name", "given"), ("app", "web")]), "given");
    }
}
