//! What others send us and read from us, with the real programs at the other end: Debian's prometheus, vmagent and
//! pushgateway, `prometheus_client` and the OpenTelemetry SDK from PyPI.

#![allow(clippy::unwrap_used, unreachable_pub, reason = "a panic is the report of a test")]

#[path = "protocols/peer.rs"]
mod peer;
#[path = "protocols/prometheus.rs"]
mod prometheus;
#[path = "protocols/pushes.rs"]
mod pushes;
#[path = "protocols/python.rs"]
mod python;

use tests::{Case, Component};

const PROMETHEUS: Component =
    Component { name: "Debian's prometheus", is_here: || testkit::reference("prometheus").is_some() };
const VMAGENT: Component =
    Component { name: "Debian's vmagent", is_here: || testkit::reference("vmagent").is_some() };
const PUSHGATEWAY: Component = Component {
    name: "Debian's prometheus-pushgateway",
    is_here: || testkit::reference("prometheus-pushgateway").is_some(),
};
const PYTHON: Component =
    Component { name: "the Python clients of scripts/python.sh", is_here: python::is_here };

fn main() {
    let case = |name, needs, test| Case { name, needs, test };
    tests::run(&[
        case("prometheus_writes_to_us", &[PROMETHEUS], prometheus::writes_to_us),
        case("prometheus_reads_from_us", &[PROMETHEUS], prometheus::reads_from_us),
        case("prometheus_federates_from_us", &[PROMETHEUS], prometheus::federates_from_us),
        case("vmagent_writes_to_us", &[VMAGENT], prometheus::vmagent_writes_to_us),
        case("pushes_are_exposed_as_by_the_pushgateway", &[PUSHGATEWAY], pushes::as_the_pushgateway),
        case("pushed_groups_survive_kill_9", &[], pushes::survive_a_crash),
        case("prometheus_client_pushes_to_us", &[PYTHON], python::prometheus_client),
        case("the_opentelemetry_sdk_exports_to_us", &[PYTHON], python::opentelemetry),
    ]);
}
