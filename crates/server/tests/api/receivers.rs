//! Influx line protocol, OTLP, the Pushgateway API: what is sent is stored, what is wrong is told.

use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use server::{Access, Limits, PushStore};

use crate::fixture::{Fixture, NOW_MS, Wanted};

async fn send(
    fixture: &Fixture,
    method: &str,
    path: &str,
    kind: &str,
    body: impl Into<reqwest::Body>,
) -> (u16, String) {
    let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
    let request =
        fixture.client.request(method, format!("{}{path}", fixture.url)).header("content-type", kind);
    let answer = request.body(body).send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

fn stored(fixture: &Fixture) -> Vec<(String, Vec<(i64, f64)>)> {
    fixture.metrics.dump().into_iter().map(|(labels, samples)| (labels.to_string(), samples)).collect()
}

#[tokio::test]
async fn influx_lines_become_series_named_after_measurement_and_field() {
    let fixture = Fixture::start();
    let body = "cpu,host=a usage=0.5,text=\"x\",n=3i 1700000000\ncpu value=1\n";
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(body.as_bytes()).unwrap();
    let request = fixture.client.post(format!("{}/write?db=d&precision=s&extra_label=e=1", fixture.url));
    let answer =
        request.header("content-encoding", "gzip").body(gzip.finish().unwrap()).send().await.unwrap();
    assert_eq!(answer.status(), 204);
    let at = |v: f64| vec![(1_700_000_000_000, v)];
    assert_eq!(
        stored(&fixture),
        [
            ("cpu_n{db=\"d\", e=\"1\", host=\"a\"}".to_owned(), at(3.0)),
            ("cpu_usage{db=\"d\", e=\"1\", host=\"a\"}".to_owned(), at(0.5)),
            ("cpu_value{db=\"d\", e=\"1\"}".to_owned(), vec![(NOW_MS, 1.0)]),
        ]
    );
    let metrics = fixture.get("/metrics").await.text().await.unwrap();
    assert!(metrics.contains("bonghwa_received_samples_total{protocol=\"influx\"} 3\n"), "{metrics}");
    assert!(
        metrics.contains("bonghwa_received_rejected_samples_total{reason=\"text_field\"} 1\n"),
        "{metrics}"
    );
    let (status, text) =
        send(&fixture, "POST", "/api/v2/write?precision=ns", "text/plain", "ok f=1 1\nm f=\n").await;
    assert_eq!(status, 400);
    assert!(text.contains("line 2, column 5") && text.contains("\"code\":\"invalid\""), "{text}");
    assert_eq!(stored(&fixture).len(), 4, "the good line is stored");
    let (status, text) = send(&fixture, "POST", "/influx/write?precision=y", "text/plain", "m f=1").await;
    assert!(status == 400 && text.contains("\"error\":\"invalid precision"), "{text}");
    assert_eq!(fixture.get("/ping").await.headers()["x-influxdb-version"], "1.8.0");
    assert_eq!(fixture.json("/health").await.1["status"], "pass");
}

fn otlp() -> Fixture {
    Fixture::with(Wanted { access: Access { otlp: true, ..Access::default() }, ..Wanted::default() })
}

const SUM: &str = r#"{"resourceMetrics":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"s"}}]},
    "scopeMetrics":[{"metrics":[{"name":"a.b","sum":{"aggregationTemporality":1,"isMonotonic":true,"dataPoints":[
    {"asInt":"5","timeUnixNano":"T000000","startTimeUnixNano":"1000000"}]}}]}]}]}"#;

#[tokio::test]
async fn otlp_deltas_are_added_up_and_answers_have_the_form_of_the_request() {
    let fixture = otlp();
    for (t, path) in [(NOW_MS - 20_000, "/api/v1/otlp/v1/metrics"), (NOW_MS - 10_000, "/v1/metrics")] {
        let body = SUM.replace("T000000", &format!("{t}000000"));
        let (status, text) = send(&fixture, "POST", path, "application/json; charset=utf-8", body).await;
        assert_eq!((status, text.as_str()), (200, "{}"));
    }
    let totals = vec![(NOW_MS - 20_000, 5.0), (NOW_MS - 10_000, 10.0)];
    assert_eq!(stored(&fixture), [("a_b_total{job=\"s\"}".to_owned(), totals)]);
    // The same again is out of order, and nothing of it is taken.
    let body = SUM.replace("T000000", &format!("{}000000", NOW_MS - 10_000));
    let (status, text) = send(&fixture, "POST", "/v1/metrics", "application/json", body.clone()).await;
    assert!(status == 400 && text.contains("out of order delta"), "{status} {text}");
    let two = body.replace(
        r#"{"name":"a.b""#,
        &format!(r#"{{"name":"g","gauge":{{"dataPoints":[{{"asDouble":1.5,"timeUnixNano":"{NOW_MS}000000"}}]}}}},{{"name":"a.b""#),
    );
    let (status, text) = send(&fixture, "POST", "/v1/metrics", "application/json", two).await;
    assert_eq!(status, 200);
    assert!(text.contains(r#""rejectedDataPoints":"1""#), "{text}");
    assert_eq!(stored(&fixture).len(), 2);
    for (kind, body, wanted) in
        [("application/json", "{", 400), ("application/x-protobuf", "rubbish", 400), ("text/plain", "", 415)]
    {
        assert_eq!(send(&fixture, "POST", "/v1/metrics", kind, body).await.0, wanted, "{kind}");
    }
    let closed = Fixture::start();
    let (status, text) = send(&closed, "POST", "/v1/metrics", "application/json", "{}").await;
    assert!(status == 404 && text.contains("--web.enable-otlp-receiver"), "{text}");
}

/// Remembers how many samples came together.
#[derive(Default)]
struct Batches(testkit::MemoryMetrics, Mutex<Vec<usize>>);

impl model::MetricWriter for Batches {
    fn resolve(
        &self,
        tenant: &model::Tenant,
        labels: &[model::Labels],
        out: &mut Vec<Option<model::SeriesRef>>,
    ) -> model::Result<()> {
        self.0.resolve(tenant, labels, out)
    }

    fn append(
        &self,
        tenant: &model::Tenant,
        batch: model::MetricBatch<'_>,
    ) -> model::Result<model::Appended> {
        self.1.lock().push(batch.refs.len());
        self.0.append(tenant, batch)
    }
}

/// So many gauges with one point each.
fn gauges(number: usize) -> String {
    let point = |n: usize| {
        format!(
            r#"{{"asInt":"1","timeUnixNano":"{NOW_MS}000000","attributes":[{{"key":"n","value":{{"intValue":"{n}"}}}}]}}"#
        )
    };
    let points: Vec<String> = (0..number).map(point).collect();
    format!(
        r#"{{"resourceMetrics":[{{"scopeMetrics":[{{"metrics":[{{"name":"g","gauge":{{"dataPoints":[{}]}}}}]}}]}}]}}"#,
        points.join(",")
    )
}

#[tokio::test]
async fn an_otlp_request_is_stored_as_a_whole() {
    let batches = std::sync::Arc::new(Batches::default());
    let writer: Option<std::sync::Arc<dyn model::MetricWriter>> = Some(batches.clone());
    let access = Access { otlp: true, ..Access::default() };
    let fixture = Fixture::with(Wanted { access, writer, ..Wanted::default() });
    let (status, text) = send(&fixture, "POST", "/v1/metrics", "application/json", gauges(20_000)).await;
    assert_eq!((status, text.as_str()), (200, "{}"));
    assert_eq!(*batches.1.lock(), [20_000]);
}

#[tokio::test]
async fn an_otlp_request_that_memory_has_no_room_for_is_stored_in_a_few_parts() {
    let batches = std::sync::Arc::new(Batches::default());
    let writer: Option<std::sync::Arc<dyn model::MetricWriter>> = Some(batches.clone());
    let access = Access { otlp: true, ..Access::default() };
    let fixture = Fixture::with(Wanted { access, writer, memory: Some(18 << 20), ..Wanted::default() });
    let (status, text) = send(&fixture, "POST", "/v1/metrics", "application/json", gauges(20_000)).await;
    assert_eq!((status, text.as_str()), (200, "{}"));
    let parts = batches.1.lock();
    assert_eq!(parts.iter().sum::<usize>(), 20_000);
    assert!((2..20).contains(&parts.len()), "{} parts", parts.len());
}

#[derive(Default)]
struct Kept(Mutex<std::collections::BTreeMap<String, String>>);

impl PushStore for Kept {
    fn entries(&self) -> Vec<(String, String)> {
        self.0.lock().clone().into_iter().collect()
    }

    fn put(&self, key: &str, text: &str) -> model::Result<()> {
        self.0.lock().insert(key.to_owned(), text.to_owned());
        Ok(())
    }

    fn remove(&self, key: &str) -> model::Result<()> {
        self.0.lock().remove(key);
        Ok(())
    }
}

async fn exposed(fixture: &Fixture) -> String {
    let text = fixture.get("/pushgateway/metrics").await.text().await.unwrap();
    text.lines().filter(|l| !l.starts_with('#') && !l.starts_with("push_")).collect::<Vec<_>>().join("\n")
}

/// Waits until a series has a sample that `wanted` accepts.
async fn eventually(fixture: &Fixture, series: &str, wanted: impl Fn(f64) -> bool) {
    for _ in 0..600 {
        let found = stored(fixture).into_iter().find(|(name, _)| name == series);
        if found.is_some_and(|(_, samples)| samples.last().is_some_and(|(_, v)| wanted(*v))) {
            return;
        }
        // The next round is at another time.
        fixture.clock.advance_ms(1);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{series} was not stored: {:?}", stored(fixture));
}

#[tokio::test]
async fn pushed_groups_are_exposed_stored_kept_and_deleted() {
    let store = Arc::new(Kept::default());
    let limits = Limits { push_interval: Duration::from_millis(50), ..Limits::default() };
    let access = Access { admin_api: true, ..Access::default() };
    let wanted = || Wanted {
        limits: limits.clone(),
        access: access.clone(),
        pushes: Some(store.clone()),
        ..Wanted::default()
    };
    let fixture = Fixture::with(wanted());
    let text = "text/plain";
    assert_eq!(
        send(&fixture, "PUT", "/metrics/job/a/instance/i", text, "x 1\ny{instance=\"z\"} 2\n").await,
        (200, String::new())
    );
    assert_eq!(send(&fixture, "POST", "/metrics/job/a/instance/i", text, "x 3\n").await.0, 200);
    assert_eq!(send(&fixture, "POST", "/metrics/job@base64/YS9i", text, "x 4\n").await.0, 200);
    let all = "x{instance=\"\",job=\"a/b\"} 4\nx{instance=\"i\",job=\"a\"} 3\ny{instance=\"i\",job=\"a\"} 2";
    assert_eq!(exposed(&fixture).await, all);
    eventually(&fixture, "x{instance=\"i\", job=\"a\"}", |v| v == 3.0).await;
    eventually(&fixture, "x{job=\"a/b\"}", |v| v == 4.0).await;

    let (status, why) = send(&fixture, "POST", "/metrics/job/c", text, "# TYPE x gauge\nx 5\n").await;
    assert!(status == 400 && why.contains("inconsistent with existing metrics"), "{why}");
    assert_eq!(exposed(&fixture).await, all, "a refused push changes nothing");
    let full = fixture.get("/pushgateway/metrics").await.text().await.unwrap();
    assert!(full.contains("push_time_seconds{instance=\"\",job=\"c\"} 0\n"), "{full}");
    assert!(full.contains("push_failure_time_seconds{instance=\"\",job=\"c\"} 1.7"), "{full}");
    for (path, body, wanted) in [
        ("/metrics/job/a/x", "x 1\n", 400),
        ("/metrics/job@base64/=", "x 1\n", 400),
        ("/metrics/job/d", "x 1", 400),
        ("/metrics/job/d", "x 1 5\n", 400),
        ("/metrics/job/d", "x 1\nx 2\n", 400),
    ] {
        assert_eq!(send(&fixture, "PUT", path, text, body).await.0, wanted, "{path} {body}");
    }
    let (_, json) = fixture.json("/pushgateway/api/v1/metrics").await;
    let group = json["data"].as_array().unwrap().iter().find(|g| g["labels"]["instance"] == "i").unwrap();
    assert_eq!(
        (&group["x"]["metrics"][0]["value"], &group["last_push_successful"]),
        (&"3".into(), &true.into())
    );

    let again = Fixture::with(wanted());
    assert_eq!(exposed(&again).await, all, "groups survive a restart");
    assert_eq!(send(&fixture, "DELETE", "/metrics/job/a/instance/i", text, "").await.0, 202);
    assert_eq!(send(&fixture, "DELETE", "/metrics/job/nothing", text, "").await.0, 202);
    assert_eq!(exposed(&fixture).await, "x{instance=\"\",job=\"a/b\"} 4");
    eventually(&fixture, "x{instance=\"i\", job=\"a\"}", model::is_stale_nan).await;
    assert_eq!(send(&fixture, "PUT", "/api/v1/admin/wipe", text, "").await.0, 202);
    assert_eq!(exposed(&fixture).await, "");
    assert!(store.entries().is_empty());
    let closed = Fixture::start();
    assert_eq!(send(&closed, "PUT", "/api/v1/admin/wipe", text, "").await.0, 404);
}
