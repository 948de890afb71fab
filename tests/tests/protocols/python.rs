//! Clients from PyPI, in the virtual environment that `scripts/python.sh` makes.

use std::process::Command;
use std::time::Duration;

use tests::clients::{has_python, python};
use tests::eventually;

use crate::prometheus::bonghwa;

pub fn is_here() -> bool {
    has_python("prometheus_client, opentelemetry.sdk.metrics, opentelemetry.exporter.otlp.proto.http")
}

fn run(script: &str, argument: &str) {
    let output = Command::new(python()).args(["-c", script, argument]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

const PUSH: &str = r"
import sys
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Summary
from prometheus_client import push_to_gateway, pushadd_to_gateway, delete_from_gateway
registry = CollectorRegistry()
Gauge('last_success', 'When.', registry=registry).set(12.5)
Counter('done', 'Done.', ['kind'], registry=registry).labels('a/b').inc(3)
Histogram('size', 'Size.', buckets=(1, 2), registry=registry).observe(1.5)
Summary('lat', 'Latency.', registry=registry).observe(2)
push_to_gateway(sys.argv[1], job='batch', grouping_key={'instance': 'x', 'path': '/var/tmp'}, registry=registry)
extra = CollectorRegistry()
Gauge('extra', 'Extra.', registry=extra).set(1)
pushadd_to_gateway(sys.argv[1], job='batch', grouping_key={'instance': 'x', 'path': '/var/tmp'}, registry=extra)
push_to_gateway(sys.argv[1], job='gone', registry=extra)
delete_from_gateway(sys.argv[1], job='gone')
";

pub fn prometheus_client() {
    let folder = tempfile::tempdir().unwrap();
    let ours = bonghwa(folder.path(), "", &[]);
    run(PUSH, &ours.url);
    let group = "job=\"batch\",instance=\"x\",path=\"/var/tmp\"";
    for (query, wanted) in [
        (format!("last_success{{{group}}}"), 12.5),
        (format!("done_total{{{group},kind=\"a/b\"}}"), 3.0),
        (format!("size_bucket{{{group},le=\"2.0\"}} or size_bucket{{{group},le=\"2\"}}"), 1.0),
        (format!("lat_sum{{{group}}}"), 2.0),
        (format!("extra{{{group}}}"), 1.0),
    ] {
        eventually(&query, Duration::from_secs(30), || ours.value(&query).filter(|v| *v == wanted));
    }
    assert_eq!(ours.value("extra{job=\"gone\"}"), None);
}

const EXPORT: &str = r"
import sys
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk.metrics import MeterProvider, Counter, Histogram
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader, AggregationTemporality
from opentelemetry.sdk.metrics.view import View, ExponentialBucketHistogramAggregation
from opentelemetry.sdk.resources import Resource
resource = Resource({'service.name': 'cart', 'service.namespace': 'shop', 'service.instance.id': 'i1', 'host.name': 'h1'})
def provider(**more):
    exporter = OTLPMetricExporter(endpoint=sys.argv[1], compression=Compression.Gzip, **more)
    reader = PeriodicExportingMetricReader(exporter, export_interval_millis=3600000)
    views = [View(instrument_name='native', aggregation=ExponentialBucketHistogramAggregation())]
    return MeterProvider([reader], resource=resource, views=views)
one = provider()
meter = one.get_meter('lib')
meter.create_counter('http.requests', unit='1', description='Requests.').add(5, {'http.method': 'GET'})
meter.create_up_down_counter('queue', unit='{item}').add(-2)
meter.create_gauge('temp', unit='Cel').set(21.5)
meter.create_histogram('latency', unit='ms').record(7)
native = meter.create_histogram('native')
for value in (0, 1, 2, 4, 1000):
    native.record(value)
assert one.force_flush()
delta = provider(preferred_temporality={Counter: AggregationTemporality.DELTA})
counter = delta.get_meter('lib').create_counter('deltas')
for n in range(3):
    counter.add(2)
    assert delta.force_flush()
one.shutdown(); delta.shutdown()
";

pub fn opentelemetry() {
    let folder = tempfile::tempdir().unwrap();
    let config = "otlp: {promote_resource_attributes: [host.name]}\n";
    let ours = bonghwa(folder.path(), config, &["--web.enable-otlp-receiver"]);
    run(EXPORT, &format!("{}/api/v1/otlp/v1/metrics", ours.url));
    let labels = "job=\"shop/cart\",instance=\"i1\",host_name=\"h1\"";
    for (query, wanted) in [
        (format!("http_requests_total{{{labels},http_method=\"GET\"}}"), 5.0),
        (format!("queue{{{labels}}}"), -2.0),
        (format!("temp_celsius{{{labels}}}"), 21.5),
        (format!("latency_milliseconds_bucket{{{labels},le=\"10\"}}"), 1.0),
        (format!("latency_milliseconds_count{{{labels}}}"), 1.0),
        (format!("histogram_count(native{{{labels}}})"), 5.0),
        (format!("histogram_sum(native{{{labels}}})"), 1007.0),
        (format!("deltas_total{{{labels}}}"), 6.0),
        ("target_info{job=\"shop/cart\",host_name=\"h1\"}".to_owned(), 1.0),
    ] {
        eventually(&query, Duration::from_secs(30), || ours.value(&query).filter(|v| *v == wanted));
    }
    let metadata = ours.json("/api/v1/metadata?metric=http_requests_total").unwrap();
    assert_eq!(metadata["data"]["http_requests_total"][0]["type"], "counter");
}
