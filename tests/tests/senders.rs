//! Senders of logs as their users run them, each asked for in LogQL afterwards: Docker's log drivers, rsyslog and
//! syslog-ng, clients from PyPI and npm.

#![allow(clippy::unwrap_used, clippy::panic, unreachable_pub, reason = "a panic is the report of a test")]

#[path = "senders/daemons.rs"]
mod daemons;
#[path = "senders/docker.rs"]
mod docker;
#[path = "senders/node.rs"]
mod node;
#[path = "senders/ours.rs"]
mod ours;
#[path = "senders/python.rs"]
mod python;
#[path = "senders/replayed.rs"]
mod replayed;

use tests::clients::{has_node, has_python, provided};
use tests::docker::ENGINE;
use tests::{Case, Component};

const RSYSLOG: Component = Component { name: "Debian's rsyslog", is_here: daemons::has_rsyslog };
const SYSLOG_NG: Component = Component { name: "Debian's syslog-ng", is_here: daemons::has_syslog_ng };

macro_rules! of_python {
    ($name:literal, $modules:literal) => {
        Component { name: concat!($name, " of scripts/python.sh"), is_here: || has_python($modules) }
    };
}
macro_rules! of_node {
    ($name:literal) => {
        Component { name: concat!($name, " of scripts/node.sh"), is_here: || has_node($name) }
    };
}

const FLUENT_LOGGER: Component = of_python!("fluent-logger", "fluent.asyncsender");
const PYLOGBEAT: Component = of_python!("pylogbeat", "pylogbeat");
const LOGSTASH: Component = of_python!("python-logstash-async", "logstash_async.handler");
const ELASTICSEARCH: Component = of_python!("elasticsearch", "elasticsearch.helpers");
const ELASTICSEARCH_8: Component = Component {
    name: "elasticsearch 8 of scripts/python.sh",
    is_here: || provided("python/elasticsearch8/elasticsearch").is_dir() && has_python("sys"),
};
const ELASTICSEARCH_7: Component = Component {
    name: "elasticsearch 7 of scripts/python.sh",
    is_here: || provided("python/elasticsearch7/elasticsearch").is_dir() && has_python("sys"),
};
const OPENTELEMETRY: Component = of_python!(
    "opentelemetry-sdk",
    "opentelemetry.sdk._logs, opentelemetry.exporter.otlp.proto.http, opentelemetry.exporter.otlp.proto.grpc"
);
const GRAYPY: Component = of_python!("graypy", "graypy");
const LOGGING_LOKI: Component = of_python!("python-logging-loki", "logging_loki");
const PYTHON: Component = of_python!("Python", "logging.handlers");

fn main() {
    let case = |name, needs, test| Case { name, needs, test };
    tests::run(&[
        case("docker_json_file", &[ENGINE], docker::json_file),
        case("docker_fluentd", &[ENGINE], docker::fluentd),
        case("docker_fluentd_acknowledged", &[ENGINE], docker::fluentd_acknowledged),
        case("docker_gelf", &[ENGINE], docker::gelf),
        case("docker_syslog", &[ENGINE], docker::syslog),
        case("rsyslog_forwards", &[RSYSLOG], daemons::rsyslog_forwards),
        case("rsyslog_forwards_by_the_line", &[RSYSLOG], daemons::rsyslog_forwards_by_the_line),
        case("rsyslog_keeps_what_it_cannot_send", &[RSYSLOG], daemons::rsyslog_keeps_what_it_cannot_send),
        case("syslog_ng_forwards", &[SYSLOG_NG], daemons::syslog_ng_forwards),
        case("python_fluent_logger", &[FLUENT_LOGGER], python::fluent_logger),
        case("python_pylogbeat", &[PYLOGBEAT], python::pylogbeat),
        case("python_logstash", &[LOGSTASH], python::logstash),
        case("python_elasticsearch_7", &[ELASTICSEARCH_7], python::elasticsearch_7),
        case("python_elasticsearch_8", &[ELASTICSEARCH_8], python::elasticsearch_8),
        case("python_elasticsearch_9", &[ELASTICSEARCH], python::elasticsearch_9),
        case("python_opentelemetry", &[OPENTELEMETRY], python::opentelemetry),
        case("python_graypy", &[GRAYPY], python::graypy),
        case("python_logging_loki", &[LOGGING_LOKI], python::logging_loki),
        case("python_syslog_handler", &[PYTHON], python::syslog_handler),
        case("node_fluent_logger", &[of_node!("fluent-logger")], node::fluent_logger),
        case("node_elasticsearch", &[of_node!("@elastic/elasticsearch")], node::elasticsearch),
        case("node_winston_loki", &[of_node!("winston-loki")], node::winston_loki),
        case("filebeat_replayed", &[], replayed::filebeat),
        case("logstash_replayed", &[], replayed::logstash),
        case("fluent_bit_replayed", &[], replayed::fluent_bit),
        case("node_gelf_pro", &[of_node!("gelf-pro")], node::gelf_pro),
    ]);
}
