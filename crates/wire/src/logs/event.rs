//! Events that come as maps (JSON of shippers, MessagePack): which member is the message, the time, a stream label.

use model::{Labels, LabelsBuilder};

use super::{Rows, time_of_tree};
use crate::tree::Tree;

/// Where the parts of a record stand in a map.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    /// Members that may hold the message; the first text counts.
    pub message: &'static [&'static str],
    /// Members that may hold the time.
    pub time: &'static [&'static str],
    /// Members that name the stream, with the label that each becomes; the first of a label counts.
    pub labels: &'static [(&'static str, &'static str)],
}

/// Identity in the names of the Elastic Common Schema, of Fluent Bit's and Filebeat's Kubernetes filters, of Docker's
/// drivers, and of OpenTelemetry.
const IDENTITY: &[(&str, &str)] = &[
    ("host.name", "node"),
    ("host.hostname", "node"),
    ("hostname", "node"),
    ("kubernetes.node.name", "node"),
    ("kubernetes.host", "node"),
    ("host", "node"),
    ("container.id", "container_id"),
    ("container_id", "container_id"),
    ("docker.container_id", "container_id"),
    ("kubernetes.docker_id", "container_id"),
    ("container.name", "container"),
    ("container_name", "container"),
    ("kubernetes.container.name", "container"),
    ("kubernetes.container_name", "container"),
    ("kubernetes.namespace", "namespace"),
    ("kubernetes.namespace_name", "namespace"),
    ("kubernetes.pod.name", "pod"),
    ("kubernetes.pod_name", "pod"),
    ("service.name", "service"),
    ("service", "service"),
];

impl Shape {
    /// What shippers send: Beats, Logstash, Fluent Bit, Fluentd, Vector, JSON loggers.
    pub const SHIPPED: Self = Self {
        message: &["message", "log", "msg", "MESSAGE", "event.original"],
        time: &["@timestamp", "timestamp", "time", "ts"],
        labels: IDENTITY,
    };

    /// The same, where the time comes beside the map.
    pub const TIMED: Self = Self { time: &[], ..Self::SHIPPED };

    /// Adds a map as a record. `labels` come with it from outside and go before those of the map; a map without a
    /// message is its own message, as JSON. Without a time of its own it gets `time_ns`.
    pub fn add(&self, rows: &mut Rows<'_>, tree: &Tree<'_>, labels: &[(&str, &str)], time_ns: Option<i64>) {
        let (message_at, message) =
            self.message.iter().find_map(|name| Some((*name, tree.get(name)?.text()?))).unwrap_or_default();
        let (time_at, time) = self
            .time
            .iter()
            .find_map(|name| Some((*name, time_of_tree(tree.get(name)?)?)))
            .map_or(("", time_ns), |(name, ns)| (name, Some(ns)));
        let (stream, named) = self.stream(rows, tree, labels);
        if message_at.is_empty() {
            let mut json = String::new();
            tree.write_json(&mut json);
            rows.begin(&stream, time, &json);
        } else {
            rows.begin(&stream, time, message);
        }
        let said = |path: &str| path == message_at || path == time_at || named.contains(&path);
        add_rest(rows, "", tree, &said);
    }

    fn stream(
        &self,
        rows: &Rows<'_>,
        tree: &Tree<'_>,
        labels: &[(&str, &str)],
    ) -> (Labels, Vec<&'static str>) {
        let mut builder = LabelsBuilder::new();
        for (name, value) in labels {
            builder.set(*name, rows.label(value));
        }
        let mut named = Vec::new();
        for (path, label) in self.labels {
            if !builder.get(label).is_empty() {
                continue;
            }
            let value = tree.get(path).and_then(Tree::text).map(|text| rows.label(text));
            // Docker's drivers write the slash of the engine's API.
            let value = value.map(|v| if *label == "container" { v.trim_start_matches('/') } else { v });
            if let Some(value) = value.filter(|value| !value.is_empty()) {
                builder.set(*label, value);
                named.push(*path);
            }
        }
        (builder.build(), named)
    }
}

/// What Beats and Logstash tell each other beside an event: no part of it, and no output of theirs writes it.
const METADATA: &str = "@metadata";

/// Fields of all members but those that were said already.
fn add_rest(rows: &mut Rows<'_>, prefix: &str, tree: &Tree<'_>, said: &dyn Fn(&str) -> bool) {
    for (name, value) in tree.members() {
        if prefix.is_empty() && name == METADATA {
            continue;
        }
        let owned;
        let path = if prefix.is_empty() {
            name.as_ref()
        } else {
            owned = format!("{prefix}.{name}");
            &owned
        };
        // Only names of a few short paths are said: further down nothing can be one.
        match value {
            Tree::Map(_) if path.len() < 64 => add_rest(rows, path, value, said),
            _ if said(path) => {}
            _ => rows.tree(path, value),
        }
    }
}

#[cfg(test)]
mod tests {
    use model::records::{FieldRef, NO_TIME, Records};

    use super::*;
    use crate::logs::Limits;

    #[test]
    fn a_map_becomes_message_time_stream_and_fields() {
        let mut records = Records::new();
        let mut rows = Rows::new(&mut records, Limits::default(), 5);
        for json in [
            r#"{"@timestamp":"2026-01-02T03:04:05Z","message":"hi\n","host":{"name":"h1","os":{"family":"debian"}},
                "container_name":"/web","n":3,"tags":["a",1],"@metadata":{"beat":"filebeat"}}"#,
            r#"{"a":1}"#,
            r#"{"log":"x","time":"no time","service":"shop"}"#,
        ] {
            let tree = Tree::of_json(json.as_bytes()).unwrap();
            Shape::SHIPPED.add(&mut rows, &tree, &[("input", "test")], None);
        }
        let rows: Vec<_> = records.iter().collect();
        assert_eq!((rows[0].body(), rows[0].time_ns()), ("hi", 1_767_323_045_000_000_000));
        let labels = Labels::from_pairs([("container", "web"), ("node", "h1"), ("input", "test")]);
        assert_eq!(*rows[0].labels(), labels);
        let fields: Vec<_> = rows[0].fields().map(|(name, _, value)| (name, value)).collect();
        assert_eq!(
            fields,
            [
                ("host.os.family", FieldRef::Text("debian")),
                ("n", FieldRef::Int(3)),
                ("tags", FieldRef::Text(r#"["a",1]"#))
            ]
        );
        assert_eq!((rows[1].body(), rows[1].time_ns()), (r#"{"a":1}"#, NO_TIME));
        assert_eq!(rows[1].field("a"), Some(FieldRef::Int(1)));
        assert_eq!((rows[2].body(), rows[2].labels().get("service")), ("x", Some("shop")));
        assert_eq!(rows[2].field("time"), Some(FieldRef::Text("no time")));
    }
}
