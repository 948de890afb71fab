use model::{Histogram, Labels, Span};
use proptest::prelude::*;

use super::*;

/// What the JSON of a request becomes: families, then `(series, t, value or histogram, start, delta)`.
fn run(json: &str, options: &Options) -> (Vec<Family>, Vec<Collected>, Vec<bool>, Report) {
    let request: ExportMetricsServiceRequest = serde_json::from_str(json).unwrap();
    // The protobuf form holds the same.
    let request = decode_protobuf(&request.encode_to_vec()).unwrap();
    let (mut families, mut series, mut deltas) = (Vec::new(), Vec::new(), Vec::new());
    let report = convert(request, options, &mut |item| {
        match item {
            Item::Family(family) => families.push(family),
            Item::Series { series: one, delta } => {
                series.push(one);
                deltas.push(delta);
            }
        }
        Ok(())
    });
    (families, series, deltas, report.unwrap())
}

fn request(metrics: &str) -> String {
    format!(
        r#"{{"resourceMetrics":[{{"resource":{{"attributes":[
            {{"key":"service.name","value":{{"stringValue":"cart"}}}},
            {{"key":"service.namespace","value":{{"stringValue":"shop"}}}},
            {{"key":"service.instance.id","value":{{"stringValue":"i1"}}}},
            {{"key":"host.name","value":{{"stringValue":"h1"}}}},
            {{"key":"host.cpus","value":{{"intValue":"4"}}}}]}},
          "scopeMetrics":[{{"schemaUrl":"u","scope":{{"name":"lib","version":"2","attributes":[
            {{"key":"a.b","value":{{"boolValue":true}}}}]}},"metrics":[{metrics}]}}]}}]}}"#
    )
}

const SUM: &str = r#"{"name":"http.requests","unit":"1","description":"Requests.","sum":{"aggregationTemporality":2,
    "isMonotonic":true,"dataPoints":[{"asInt":"5","timeUnixNano":"1700000000123456789",
    "startTimeUnixNano":"1699999999000000000","attributes":[
      {"key":"http.method","value":{"stringValue":"GET"}},{"key":"http_method","value":{"stringValue":"get"}},
      {"key":"__name__","value":{"stringValue":"evil"}}],
    "exemplars":[{"asDouble":0.5,"timeUnixNano":"1700000000000000000","traceId":"000102030405060708090a0b0c0d0e0f",
      "spanId":"0001020304050607","filteredAttributes":[{"key":"user","value":{"stringValue":"u1"}}]}]}]}}"#;

fn names(series: &[Collected]) -> Vec<String> {
    series.iter().map(|s| s.labels.to_string()).collect()
}

#[test]
fn a_counter_has_its_labels_start_exemplar_and_target_info() {
    let (families, series, deltas, report) = run(&request(SUM), &Options::default());
    assert_eq!(
        names(&series),
        [
            "http_requests_total{http_method=\"GET;get\", instance=\"i1\", job=\"shop/cart\"}",
            "target_info{host_cpus=\"4\", host_name=\"h1\", instance=\"i1\", job=\"shop/cart\"}",
        ]
    );
    assert_eq!((series[0].points[0].t, series[0].points[0].v), (1_700_000_000_123, 5.0));
    assert_eq!(series[0].starts, [1_699_999_999_000]);
    let exemplar = &series[0].exemplars[0];
    assert_eq!(exemplar.labels.get("trace_id"), Some("000102030405060708090a0b0c0d0e0f"));
    assert_eq!(
        (exemplar.labels.get("span_id"), exemplar.labels.get("user")),
        (Some("0001020304050607"), Some("u1"))
    );
    assert_eq!((exemplar.v, exemplar.t), (0.5, 1_700_000_000_000));
    let family = &families[0];
    assert_eq!(
        (family.name.as_str(), family.kind.as_str(), family.help.as_str()),
        ("http_requests_total", "counter", "Requests.")
    );
    assert_eq!((deltas[0], report.points, report.rejected), (false, 1, 0));
}

#[test]
fn options_change_labels_and_names() {
    let promote = Promote::Listed(["host.name".to_owned()].into());
    let options = Options { promote, scope_metadata: true, keep_identifying: true, ..Options::default() };
    let (_, series, _, _) = run(&request(SUM), &options);
    assert_eq!(
        names(&series),
        [
            "http_requests_total{host_name=\"h1\", http_method=\"GET;get\", instance=\"i1\", job=\"shop/cart\", \
             otel_scope_a_b=\"true\", otel_scope_name=\"lib\", otel_scope_schema_url=\"u\", otel_scope_version=\"2\"}",
            "target_info{host_cpus=\"4\", host_name=\"h1\", instance=\"i1\", job=\"shop/cart\", \
             service_instance_id=\"i1\", service_name=\"cart\", service_namespace=\"shop\"}",
        ]
    );
    let promote = Promote::AllBut(["host.cpus".to_owned(), "service.name".to_owned()].into());
    let options = Options {
        promote,
        strategy: super::Strategy::NoTranslation,
        type_and_unit: true,
        ..Options::default()
    };
    let (_, series, _, _) = run(&request(SUM), &options);
    assert_eq!(
        names(&series)[0],
        "{\"http.requests\", __type__=\"counter\", \"host.name\"=\"h1\", \"http.method\"=\"GET\", http_method=\"get\", \
         instance=\"i1\", job=\"shop/cart\", \"service.instance.id\"=\"i1\", \"service.namespace\"=\"shop\"}"
    );
    assert_eq!(names(&series)[1].split('{').next(), Some("target_info"));
}

const HISTOGRAM: &str = r#"{"name":"latency","unit":"ms","histogram":{"aggregationTemporality":1,"dataPoints":[
    {"count":"6","sum":12.5,"bucketCounts":["1","2","3"],"explicitBounds":[0.5,10],"timeUnixNano":"2000000",
     "exemplars":[{"asDouble":99,"timeUnixNano":"1000000"},{"asDouble":0.25,"timeUnixNano":"1000000"}]}]}}"#;

#[test]
fn explicit_bounds_become_classic_buckets_or_custom_ones() {
    let (families, series, deltas, _) = run(&request(HISTOGRAM), &Options::default());
    assert_eq!(families[0].name, "latency_milliseconds");
    let values: Vec<(String, f64)> = series[..5]
        .iter()
        .map(|s| (format!("{}{}", s.labels.metric_name(), s.labels.get_or_empty("le")), s.points[0].v))
        .collect();
    let wanted = [
        ("latency_milliseconds_sum", 12.5),
        ("latency_milliseconds_count", 6.0),
        ("latency_milliseconds_bucket0.5", 1.0),
        ("latency_milliseconds_bucket10", 3.0),
        ("latency_milliseconds_bucket+Inf", 6.0),
    ];
    assert_eq!(values, wanted.map(|(n, v)| (n.to_owned(), v)));
    let exemplars: Vec<usize> = series[..5].iter().map(|s| s.exemplars.len()).collect();
    assert_eq!(exemplars, [0, 0, 1, 0, 1]);
    assert_eq!(&deltas[..5], [true; 5], "to be added up");
    let options = Options { custom_buckets: true, delta: Delta::Keep, ..Options::default() };
    let (families, mut series, deltas, _) = run(&request(HISTOGRAM), &options);
    assert_eq!((families[0].kind.as_str(), deltas[0]), ("unknown", false));
    let point = &mut series[0].histograms[0];
    assert_eq!(point.make_storable(), Ok(()));
    assert_eq!(point.value.custom_values, [0.5, 10.0]);
    assert_eq!(point.value.positive_buckets, [1.0, 2.0, 3.0]);
    assert_eq!(point.value.reset_hint, model::ResetHint::Gauge);
}

#[test]
fn exponential_histograms_become_native_ones() {
    let metric = r#"{"name":"h","exponentialHistogram":{"aggregationTemporality":2,"dataPoints":[
      {"count":"11","sum":3,"scale":9,"zeroCount":"1","timeUnixNano":"5000000","startTimeUnixNano":"1000000",
       "positive":{"offset":-2,"bucketCounts":["1","2","0","0","0","0","0","3"]},
       "negative":{"offset":1,"bucketCounts":["4"]}},
      {"count":"1","scale":-5,"timeUnixNano":"5000000"},
      {"flags":1,"scale":2,"timeUnixNano":"9000000"}]}}"#;
    let (_, mut series, _, report) = run(&request(metric), &Options::default());
    let point = &mut series[0].histograms[0];
    assert_eq!(point.make_storable(), Ok(()));
    let expected = Histogram {
        schema: 8,
        zero_threshold: 1e-128,
        zero_count: 1.0,
        count: 11.0,
        sum: 3.0,
        // Indexes -2, -1 and 5 of scale 9 are -1, -1 and 2 of scale 8, and one more here.
        positive_spans: vec![Span { offset: 0, length: 1 }, Span { offset: 2, length: 1 }],
        positive_buckets: vec![3.0, 3.0],
        negative_spans: vec![Span { offset: 1, length: 1 }],
        negative_buckets: vec![4.0],
        ..Histogram::default()
    };
    assert_eq!((&point.value, point.t, point.start), (&expected, 5, 1));
    assert!(model::is_stale_nan(series[1].histograms[0].value.sum));
    assert_eq!((report.points, report.rejected), (3, 1));
    assert!(report.first_error.unwrap().ends_with("Scale must be >= -4, was -5"));
}

#[test]
fn gauges_summaries_and_what_is_wrong() {
    let metrics = r#"
      {"name":"temp","unit":"Cel","gauge":{"dataPoints":[{"asDouble":-1.5,"timeUnixNano":"1000000"},
        {"flags":1,"timeUnixNano":"2000000"}]}},
      {"name":"s","summary":{"dataPoints":[{"count":"2","sum":3,"timeUnixNano":"1000000",
        "quantileValues":[{"quantile":0.99,"value":1.25}]}]}},
      {"name":"bad","sum":{"aggregationTemporality":0,"dataPoints":[{"asInt":"1","timeUnixNano":"1000000"}]}},
      {"name":"...","gauge":{"dataPoints":[{"asInt":"1","timeUnixNano":"1000000"}]}},
      {"name":"nolabel","gauge":{"dataPoints":[{"asInt":"1","timeUnixNano":"1000000",
        "attributes":[{"key":"가","value":{"stringValue":"x"}}]}]}}"#;
    let (_, series, _, report) = run(&request(metrics), &Options::default());
    let seen: Vec<&str> = series.iter().map(|s| s.labels.metric_name()).collect();
    assert_eq!(seen, ["temp_celsius", "temp_celsius", "s_sum", "s_count", "s", "target_info"]);
    assert!(model::is_stale_nan(series[1].points[0].v));
    assert_eq!(series[4].labels.get("quantile"), Some("0.99"));
    assert_eq!((report.points, report.rejected), (6, 3));
    assert_eq!(
        report.first_error.as_deref(),
        Some("invalid temporality and type combination for metric \"bad\"")
    );
}

#[test]
fn target_info_covers_the_time_and_needs_something_to_tell() {
    let points = r#"{"name":"g","gauge":{"dataPoints":[{"asInt":"1","timeUnixNano":"1000000000000"},
        {"asInt":"1","timeUnixNano":"1400000000000"}]}}"#;
    let (_, series, _, _) = run(&request(points), &Options::default());
    let times: Vec<i64> = series.last().unwrap().points.iter().map(|p| p.t).collect();
    assert_eq!(times, [1_000_000, 1_150_000, 1_300_000, 1_400_000]);
    let plain = request(points).replace("host.", "");
    let bare = plain.replace(r#"{"key":"name","value":{"stringValue":"h1"}},"#, "");
    assert_ne!(plain, bare);
    let without = request(points).replace("service.", "other.");
    let (_, series, _, _) = run(&without, &Options::default());
    assert!(series.iter().all(|s| s.labels.metric_name() == "g"), "no job, no instance");
}

#[test]
fn attributes_of_any_type_are_text() {
    let metric = r#"{"name":"g","gauge":{"dataPoints":[{"asInt":"1","timeUnixNano":"1000000","attributes":[
      {"key":"d","value":{"doubleValue":1.5}},{"key":"t","value":{"boolValue":false}},
      {"key":"l","value":{"arrayValue":{"values":[{"stringValue":"a\"b"},{"intValue":"-3"}]}}},
      {"key":"m","value":{"kvlistValue":{"values":[{"key":"z","value":{"doubleValue":1e21}},
        {"key":"a","value":{"stringValue":"x"}}]}}}]}]}}"#;
    let (_, series, _, _) = run(&request(metric), &Options::default());
    let labels = &series[0].labels;
    let get = |name: &str| labels.get_or_empty(name);
    assert_eq!((get("d"), get("t"), get("l")), ("1.5", "false", "[\"a\\\"b\",-3]"));
    assert_eq!(get("m"), "{\"a\":\"x\",\"z\":1e+21}");
    assert_eq!(labels.get("nothing"), None);
}

proptest! {
    #[test]
    fn any_bytes_and_damaged_requests_end(
        bytes in proptest::collection::vec(any::<u8>(), 0..200),
        at in any::<proptest::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let seed: ExportMetricsServiceRequest = serde_json::from_str(&request(HISTOGRAM)).unwrap();
        let mut body = seed.encode_to_vec();
        let at = at.index(body.len());
        body[at] = byte;
        for body in [&bytes, &body] {
            if let Ok(request) = decode_protobuf(body) {
                let mut seen = Vec::new();
                let _ = convert(request, &Options::default(), &mut |item| { seen.push(item); Ok(()) });
                for item in seen {
                    if let Item::Series { series, .. } = item {
                        prop_assert!(!series.labels.metric_name().is_empty());
                        prop_assert_eq!(Labels::from_canonical(series.labels.canonical()), Some(series.labels));
                    }
                }
            }
        }
    }
}
