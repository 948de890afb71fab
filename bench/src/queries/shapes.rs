//! What is asked: the shapes of queries that dashboards, alerts and people ask, from 5 minutes to 30 days.

/// One query over one range.
pub(crate) struct Shape {
    /// What it is called in the report.
    pub(crate) name: &'static str,
    pub(crate) query: &'static str,
    /// Length of the range in minutes, up to the newest sample; 0: an instant query there.
    pub(crate) minutes: i64,
}

const HOUR: i64 = 60;
const DAY: i64 = 24 * HOUR;

const fn shape(name: &'static str, minutes: i64, query: &'static str) -> Shape {
    Shape { name, query, minutes }
}

/// The shapes whose medians are compared.
pub(crate) const SHAPES: &[Shape] = &[
    shape("single series, 5 m", 5, r#"node_memory_field_00_bytes{instance="host-001.example:9100"}"#),
    shape(
        "rate of one host's CPU, 1 h",
        HOUR,
        r#"rate(node_cpu_seconds_total{instance="host-001.example:9100"}[5m])"#,
    ),
    shape("instant sum by instance of rate", 0, "sum by (instance) (rate(node_cpu_seconds_total[5m]))"),
    shape("sum by mode of rate, 1 h", HOUR, "sum by (mode) (rate(node_cpu_seconds_total[5m]))"),
    shape("sum by mode of rate, 6 h", 6 * HOUR, "sum by (mode) (rate(node_cpu_seconds_total[5m]))"),
    shape("sum without cpu of irate, 6 h", 6 * HOUR, "sum without (cpu) (irate(node_cpu_seconds_total[5m]))"),
    shape("topk of network rate, 6 h", 6 * HOUR, "topk(5, rate(node_network_receive_bytes_total[5m]))"),
    shape("quantile over hosts, 6 h", 6 * HOUR, "quantile(0.9, node_memory_field_02_bytes)"),
    shape(
        "histogram_quantile, 1 h",
        HOUR,
        "histogram_quantile(0.99, sum by (le, handler) (rate(http_request_duration_seconds_bucket[5m])))",
    ),
    shape(
        "histogram_quantile by host, 6 h",
        6 * HOUR,
        "histogram_quantile(0.9, sum by (le, instance) (rate(http_request_duration_seconds_bucket[5m])))",
    ),
    shape("ratio with matching, 6 h", 6 * HOUR, "node_filesystem_avail_bytes / node_filesystem_size_bytes"),
    shape(
        "join with an info metric, 6 h",
        6 * HOUR,
        "sum by (release) (rate(node_network_receive_bytes_total[5m]) * on (instance) group_left (release) node_uname_info)",
    ),
    shape("max_over_time, 6 h", 6 * HOUR, "max_over_time(node_memory_field_00_bytes[30m])"),
    shape("avg_over_time of 2 h, 6 h", 6 * HOUR, "avg_over_time(node_filesystem_avail_bytes[2h])"),
    shape("stddev_over_time of 1 h, 6 h", 6 * HOUR, "stddev_over_time(node_network_receive_bytes_total[1h])"),
    shape(
        "quantile_over_time of 1 h, 6 h",
        6 * HOUR,
        "quantile_over_time(0.95, node_memory_field_04_bytes[1h])",
    ),
    shape(
        "subquery, 6 h",
        6 * HOUR,
        r#"max_over_time(sum by (instance) (rate(node_cpu_seconds_total{mode="user"}[5m]))[30m:1m])"#,
    ),
    shape("regex over names, 1 h", HOUR, r#"count({__name__=~"node_vmstat_counter_.*"})"#),
    shape(
        "regex selectors, 6 h",
        6 * HOUR,
        r#"sum by (instance) (rate(node_cpu_seconds_total{mode=~"user|system|io.*",instance=~"host-0[0-2].*"}[5m]))"#,
    ),
    shape("count over everything, 1 h", HOUR, r#"count({__name__!=""})"#),
    shape(
        "avg by instance of rate, 6 h",
        6 * HOUR,
        "avg by (instance) (rate(node_disk_read_bytes_total[10m]))",
    ),
    shape(
        "sum by mode of rate, 1 d",
        DAY,
        r#"sum by (mode) (rate(node_cpu_seconds_total{instance=~"host-00[0-3].*"}[10m]))"#,
    ),
    shape(
        "sum by mode of rate, 7 d",
        7 * DAY,
        r#"sum by (mode) (rate(node_cpu_seconds_total{instance=~"host-00[0-3].*"}[1h]))"#,
    ),
    shape(
        "sum by rate, 30 d",
        30 * DAY,
        r#"sum by (instance) (rate(node_cpu_seconds_total{instance=~"host-00[0-3].*"}[4h]))"#,
    ),
];

/// The same query over more and more series: hosts, and the query. The cost should grow linearly or better.
pub(crate) const BY_SERIES: &[(u32, &str)] = &[
    (5, r#"sum by (mode) (rate(node_cpu_seconds_total{instance=~"host-00[0-4].*"}[5m]))"#),
    (10, r#"sum by (mode) (rate(node_cpu_seconds_total{instance=~"host-00.*"}[5m]))"#),
    (20, r#"sum by (mode) (rate(node_cpu_seconds_total{instance=~"host-0[01].*"}[5m]))"#),
    (40, r#"sum by (mode) (rate(node_cpu_seconds_total{instance=~"host-0[0-3].*"}[5m]))"#),
];

/// The query of [`BY_RANGE`].
pub(crate) const RANGED: &str =
    r#"sum by (mode) (rate(node_cpu_seconds_total{instance=~"host-00[0-3].*"}[10m]))"#;

/// The same query at the same steps over longer and longer ranges: days.
pub(crate) const BY_RANGE: &[u32] = &[2, 4, 8, 16, 30];

/// At how many steps a range query is evaluated.
pub(crate) const STEPS: i64 = 240;
