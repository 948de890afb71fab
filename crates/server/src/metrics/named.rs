//! Figures of the server under the names that Prometheus has for them. Only those that mean here what they mean there.

use model::Summary;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use super::RequestLabels;

/// A route, as Prometheus writes it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Handler {
    pub(crate) handler: String,
}

/// A kind of listener.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct ListenerName {
    pub(crate) listener_name: &'static str,
}

/// A status of an answer.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Code {
    pub(crate) code: u16,
}

/// What the process is, as Prometheus says it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Build {
    pub(crate) branch: &'static str,
    pub(crate) goarch: &'static str,
    pub(crate) goos: &'static str,
    pub(crate) goversion: &'static str,
    pub(crate) revision: String,
    pub(crate) tags: &'static str,
    pub(crate) version: &'static str,
}

/// Counters and figures by Prometheus' names.
#[derive(Debug, Clone)]
pub(crate) struct Named {
    pub(crate) requests: Family<RequestLabels, Counter>,
    pub(crate) seconds: Family<Handler, Histogram, fn() -> Histogram>,
    pub(crate) build: Family<Build, Gauge>,
    pub(crate) ready: Gauge,
    pub(crate) queries: Gauge,
    pub(crate) most_queries: Gauge,
    pub(crate) query_seconds: Summary,
    pub(crate) remote_reads: Gauge,
    pub(crate) federation_errors: Counter,
    pub(crate) federation_warnings: Counter,
    pub(crate) accepted: Family<ListenerName, Counter>,
    pub(crate) closed: Family<ListenerName, Counter>,
    pub(crate) pages: Family<Code, Counter>,
    pub(crate) pages_running: Gauge,
}

/// The only listener there is.
pub(crate) const HTTP: ListenerName = ListenerName { listener_name: "http" };

impl Default for Named {
    fn default() -> Self {
        // The buckets of Prometheus, so that its dashboards fit.
        let seconds: fn() -> Histogram = || Histogram::new([0.1, 0.2, 0.4, 1.0, 3.0, 8.0, 20.0, 60.0, 120.0]);
        Self {
            requests: Family::default(),
            seconds: Family::new_with_constructor(seconds),
            build: Family::default(),
            ready: Gauge::default(),
            queries: Gauge::default(),
            most_queries: Gauge::default(),
            query_seconds: Summary::new(&[0.5, 0.9, 0.99]),
            remote_reads: Gauge::default(),
            federation_errors: Counter::default(),
            federation_warnings: Counter::default(),
            accepted: Family::default(),
            closed: Family::default(),
            pages: Family::default(),
            pages_running: Gauge::default(),
        }
    }
}

impl Named {
    pub(super) fn register(&self, registry: &mut Registry) {
        for counter in [&self.accepted, &self.closed] {
            drop(counter.get_or_create(&HTTP));
        }
        for code in [200, 500, 503] {
            drop(self.pages.get_or_create(&Code { code }));
        }
        for part in ["queue_time", "prepare_time", "inner_eval", "result_sort"] {
            self.query_seconds.show(&slice(part));
        }
        let listener = registry.sub_registry_with_prefix("net_conntrack_listener_conn");
        listener.register("accepted", "Connections accepted", self.accepted.clone());
        listener.register("closed", "Connections that ended", self.closed.clone());
        let pages = registry.sub_registry_with_prefix("promhttp_metric_handler_requests");
        pages.register("in_flight", "Requests for /metrics under way", self.pages_running.clone());
        registry.register(
            "promhttp_metric_handler_requests",
            "Requests for /metrics by status",
            self.pages.clone(),
        );
        let r = registry.sub_registry_with_prefix("prometheus");
        r.register("http_requests", "Requests by route and status", self.requests.clone());
        r.register(
            "http_request_duration_seconds",
            "Time until the head of an answer was ready",
            self.seconds.clone(),
        );
        r.register("build_info", "The version whose behaviour is imitated", self.build.clone());
        r.register("ready", "Whether samples are taken and queries answered", self.ready.clone());
        r.register("engine_queries", "Queries that run or wait", self.queries.clone());
        r.register(
            "engine_queries_concurrent_max",
            "Queries that may run at once",
            self.most_queries.clone(),
        );
        self.query_seconds.register(r, "engine_query_duration_seconds", "Durations of queries by part");
        r.register("api_remote_read_queries", "Remote reads that run or wait", self.remote_reads.clone());
        r.register("web_federation_errors", "Federations that failed", self.federation_errors.clone());
        r.register("web_federation_warnings", "Warnings of federations", self.federation_warnings.clone());
    }

    /// Counts a request. `route` is that of the router, e.g. `/api/v1/label/{name}/values`.
    pub(crate) fn request(&self, route: &str, code: u16, seconds: f64) {
        let handler = route.replace("{*", "*").replace('{', ":").replace('}', "");
        self.seconds.get_or_create(&Handler { handler: handler.clone() }).observe(seconds);
        self.requests.get_or_create(&RequestLabels { handler, code }).inc();
    }
}

/// The label of a part of a query's time.
pub(crate) fn slice(name: &str) -> model::summary::LabelSet {
    vec![("slice".to_owned(), name.to_owned())]
}
