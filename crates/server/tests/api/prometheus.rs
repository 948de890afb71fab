//! The imitated API, shape by shape.

use std::io::Read as _;

use model::target::Health;
use serde_json::{Value, json};

use crate::fixture::{Fixture, NOW_MS, target};
use crate::own::url_escape;

fn filled() -> Fixture {
    let fixture = Fixture::start();
    fixture
        .insert(&[("__name__", "up"), ("job", "a"), ("a.b", "한")], &[(NOW_MS - 15_000, 1.0), (NOW_MS, 0.5)]);
    fixture
        .insert(&[("__name__", "up"), ("job", "b")], &[(NOW_MS - 15_000, f64::INFINITY), (NOW_MS, f64::NAN)]);
    fixture.insert(&[("__name__", "old"), ("job", "b")], &[(1000, 1.0)]);
    fixture
}

#[tokio::test]
async fn series_labels_and_values() {
    let fixture = filled();
    let (_, series) = fixture.json("/api/v1/series?match[]=up&match[]=old").await;
    assert_eq!(
        series,
        json!({"status": "success", "data": [
            {"__name__": "old", "job": "b"},
            {"__name__": "up", "a.b": "한", "job": "a"},
            {"__name__": "up", "job": "b"},
        ]})
    );
    let (_, recent) =
        fixture.json(&format!("/api/v1/series?match[]=%7Bjob!=%22%22%7D&start={}", NOW_MS / 1000 - 60)).await;
    assert_eq!(recent["data"].as_array().unwrap().len(), 2);
    let (_, cut) = fixture.json("/api/v1/series?match[]=up&limit=1").await;
    assert_eq!(
        (cut["data"].as_array().unwrap().len(), &cut["warnings"]),
        (1, &json!(["results truncated due to limit"]))
    );
    assert_eq!(fixture.json("/api/v1/labels").await.1["data"], json!(["__name__", "a.b", "job"]));
    assert_eq!(fixture.json("/api/v1/labels?match[]=old").await.1["data"], json!(["__name__", "job"]));
    assert_eq!(fixture.json("/api/v1/label/job/values").await.1["data"], json!(["a", "b"]));
    assert_eq!(fixture.json("/api/v1/label/U__a_2e_b/values").await.1["data"], json!(["한"]));
    assert_eq!(fixture.json("/api/v1/label/a.b/values").await.1["data"], json!(["한"]));
    let (_, cut) = fixture.json("/api/v1/label/job/values?limit=1").await;
    assert_eq!(
        cut,
        json!({"status": "success", "data": ["a"], "warnings": ["results truncated due to limit"]})
    );
}

#[tokio::test]
async fn get_and_post_give_the_same() {
    let fixture = filled();
    let get = fixture.json("/api/v1/series?match[]=up").await;
    let post = fixture.client.post(format!("{}/api/v1/series", fixture.url));
    let post =
        post.header("content-type", "application/x-www-form-urlencoded").body("match%5B%5D=up").send().await;
    let text = post.unwrap().text().await.unwrap();
    assert_eq!(get.1, serde_json::from_str::<Value>(&text).unwrap());
}

#[tokio::test]
async fn targets_and_status() {
    let fixture = filled();
    fixture.targets.0.lock().push(target("a", Health::Down, "refused"));
    let (_, targets) = fixture.json("/api/v1/targets").await;
    assert_eq!(
        targets["data"]["activeTargets"],
        json!([{
            "discoveredLabels": {"__address__": "h:1"}, "labels": {"instance": "h:1", "job": "a"},
            "scrapePool": "a", "scrapeUrl": "http://h:1/metrics", "globalUrl": "http://h:1/metrics",
            "lastError": "refused", "lastScrape": "2023-11-14T22:13:19.5Z", "lastScrapeDuration": 0.25,
            "health": "down", "scrapeInterval": "15s", "scrapeTimeout": "10s",
        }])
    );
    assert_eq!(targets["data"]["droppedTargetCounts"], json!({"a": 1}));
    assert_eq!(fixture.json("/api/v1/targets?state=dropped").await.1["data"]["activeTargets"], json!([]));
    let (_, config) = fixture.json("/api/v1/status/config").await;
    assert_eq!(config, json!({"status": "success", "data": {"yaml": "global: {}\n"}}));
    let (_, flags) = fixture.json("/api/v1/status/flags").await;
    assert_eq!(flags["data"]["web.listen-address"], "127.0.0.1:9090");
    let (_, info) = fixture.json("/api/v1/status/runtimeinfo").await;
    assert_eq!(
        (&info["data"]["storageRetention"], &info["data"]["hostname"]),
        (&json!("15d"), &json!("host1"))
    );
    assert_eq!(fixture.json("/api/v1/status/tsdb").await.1["data"]["headStats"]["numSeries"], 3);
    assert_eq!(fixture.json("/api/v1/status/walreplay").await.1["status"], "success");
    assert!(fixture.json("/api/v1/status/buildinfo").await.1["data"]["version"].is_string());
    assert_eq!(fixture.json("/api/v1/rules").await.1["data"]["groups"][0]["name"], "one");
    assert_eq!(fixture.json("/api/v1/metadata").await.1, json!({"status": "success", "data": {}}));
}

#[tokio::test]
async fn answers_are_compressed_where_asked() {
    let fixture = filled();
    for n in 0..200 {
        fixture.insert(&[("__name__", "many"), ("n", &n.to_string())], &[(NOW_MS, 1.0)]);
    }
    let client = reqwest::Client::builder().no_gzip().build().unwrap();
    let ask =
        client.get(format!("{}/api/v1/series?match[]=many", fixture.url)).header("accept-encoding", "gzip");
    let answer = ask.send().await.unwrap();
    assert_eq!(answer.headers()["content-encoding"], "gzip");
    let bytes = answer.bytes().await.unwrap();
    let mut text = String::new();
    flate2::read::GzDecoder::new(&bytes[..]).take(1 << 20).read_to_string(&mut text).unwrap();
    let body: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(body["data"].as_array().unwrap().len(), 200);
}

/// Large results are written piece by piece, and the compressor reads past their end.
#[tokio::test]
async fn large_results_arrive_whole_plain_and_compressed() {
    let fixture = Fixture::start();
    for n in 0..400 {
        let samples: Vec<(i64, f64)> = (0..20).map(|i| (NOW_MS - i * 1000, i as f64 / 7.0)).collect();
        fixture.insert(&[("__name__", "large"), ("n", &n.to_string())], &samples);
    }
    let path = "/api/v1/query?query=large[1m]";
    let (_, plain) = fixture.json(path).await;
    assert_eq!(plain["data"]["result"].as_array().unwrap().len(), 400);
    let client = reqwest::Client::builder().no_gzip().build().unwrap();
    let answer =
        client.get(format!("{}{path}", fixture.url)).header("accept-encoding", "gzip").send().await.unwrap();
    assert_eq!(answer.headers()["content-encoding"], "gzip");
    let bytes = answer.bytes().await.unwrap();
    let mut text = String::new();
    flate2::read::GzDecoder::new(&bytes[..]).take(64 << 20).read_to_string(&mut text).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), plain);
}

#[tokio::test]
async fn own_metrics_in_both_formats() {
    let fixture = Fixture::start();
    fixture.get("/-/healthy").await;
    let classic = fixture.get("/metrics").await;
    assert_eq!(classic.headers()["content-type"], "text/plain; version=0.0.4; charset=utf-8");
    let text = classic.text().await.unwrap();
    assert!(text.contains("bonghwa_http_requests_total{handler=\"/-/healthy\",code=\"200\"} 1\n"), "{text}");
    let ask = fixture
        .client
        .get(format!("{}/metrics", fixture.url))
        .header("accept", "application/openmetrics-text");
    let open = ask.send().await.unwrap();
    assert!(open.headers()["content-type"].to_str().unwrap().starts_with("application/openmetrics-text"));
    assert!(open.text().await.unwrap().ends_with("# EOF\n"));
}

#[tokio::test]
async fn errors_have_prometheus_bodies() {
    let fixture = filled();
    let cases = [
        (
            "/api/v1/query?query=up&time=x",
            r#"invalid parameter "time": cannot parse "x" to a valid timestamp"#,
        ),
        (
            "/api/v1/query?query=up&timeout=x",
            r#"invalid parameter "timeout": cannot parse "x" to a valid duration"#,
        ),
        ("/api/v1/query?query=up&limit=-1", r#"invalid parameter "limit": limit must be non-negative"#),
        (
            "/api/v1/query_range?query=up&end=1&step=1",
            r#"invalid parameter "start": cannot parse "" to a valid timestamp"#,
        ),
        (
            "/api/v1/query_range?query=up&start=2&end=1&step=1",
            r#"invalid parameter "end": end timestamp must not be before start time"#,
        ),
        (
            "/api/v1/query_range?query=up&start=1&end=2&step=0",
            r#"invalid parameter "step": zero or negative query resolution"#,
        ),
        (
            "/api/v1/query_range?query=up&start=0&end=100000&step=1",
            "exceeded maximum resolution of 11,000 points per timeseries",
        ),
        ("/api/v1/series", "no match[] parameter provided"),
        ("/api/v1/series?match[]=%7B%7D", "match[] must contain at least one non-empty matcher"),
        ("/api/v1/series?match[]=%7B", r#"invalid parameter "match[]": 1:"#),
        ("/api/v1/status/tsdb?limit=0", "limit must be a positive number"),
    ];
    for (path, error) in cases {
        let (status, body) = fixture.json(path).await;
        assert_eq!(
            (status, &body["status"], &body["errorType"]),
            (400, &json!("error"), &json!("bad_data")),
            "{path}"
        );
        let said = body["error"].as_str().unwrap();
        assert!(said.starts_with(error), "{path}: {said}");
    }
}

#[tokio::test]
async fn queries_have_prometheus_shapes() {
    let fixture = filled();
    let query = async |text: &str| fixture.json(&format!("/api/v1/query?query={}", url_escape(text))).await.1;
    assert_eq!(query("1.5").await["data"], json!({"resultType": "scalar", "result": [1_700_000_000, "1.5"]}));
    let vector = query("sort_desc(up)").await;
    assert_eq!(vector["data"]["resultType"], "vector");
    assert_eq!(
        query("up{job=\"a\"}").await["data"]["result"],
        json!([{"metric": {"__name__": "up", "a.b": "한", "job": "a"}, "value": [1_700_000_000, "0.5"]}])
    );
    let range =
        format!("/api/v1/query_range?query=up&start={}&end={}&step=15", NOW_MS / 1000 - 15, NOW_MS / 1000);
    let (_, matrix) = fixture.json(&range).await;
    assert_eq!(
        matrix["data"],
        json!({"resultType": "matrix", "result": [
            {"metric": {"__name__": "up", "a.b": "한", "job": "a"}, "values": [[1_699_999_985, "1"], [1_700_000_000, "0.5"]]},
            {"metric": {"__name__": "up", "job": "b"}, "values": [[1_699_999_985, "+Inf"], [1_700_000_000, "NaN"]]},
        ]})
    );
    let (_, cut) = fixture.json("/api/v1/query?query=up&limit=1&stats=all&lookback_delta=1m").await;
    assert_eq!(cut["data"]["result"].as_array().unwrap().len(), 1);
    assert!(cut["data"]["stats"]["timings"]["execTotalTime"].is_number());
    let samples = &cut["data"]["stats"]["samples"];
    assert!(samples["totalQueryableSamples"].as_u64() > Some(0) && samples["peakSamples"].as_u64() > Some(0));
    assert!(samples["samplesReadPerStep"].is_null(), "steps are a feature that is off");
    assert_eq!(cut["warnings"], json!(["results truncated due to limit"]));
    let formatted = fixture.json("/api/v1/format_query?query=sum(up)by(job)").await.1;
    assert_eq!(formatted["data"], "sum by (job) (up)");
}

#[tokio::test]
async fn a_range_that_ends_before_it_starts_holds_no_series() {
    let fixture = filled();
    for path in ["series?match[]=up&start=5&end=1", "labels?start=5&end=1", "label/job/values?start=5&end=1"]
    {
        let (status, body) = fixture.json(&format!("/api/v1/{path}")).await;
        assert_eq!((status, &body["data"]), (200, &json!([])), "{path}");
    }
    let (status, _) = fixture.json("/api/v1/query_exemplars?query=up&start=5&end=1").await;
    assert_eq!(status, 400);
}

#[tokio::test]
async fn a_body_of_another_type_says_nothing() {
    let fixture = filled();
    let post = async |path: &str| {
        let request = fixture.client.post(format!("{}/api/v1/{path}", fixture.url));
        request.header("content-type", "text/plain").body("query=1").send().await.unwrap().status()
    };
    assert_eq!(post("query?query=1").await, 200);
    assert_eq!(post("query").await, 400);
}

#[tokio::test]
async fn a_slash_too_many_finds_its_way() {
    let fixture = filled();
    for (path, to) in [
        ("//api/v1/query?query=1", "/api/v1/query?query=1"),
        ("/api/v1/query/?query=1", "/api/v1/query?query=1"),
        ("/-/healthy/", "/-/healthy"),
    ] {
        let answer = fixture.get(path).await;
        let location = answer.headers()["location"].to_str().unwrap();
        assert_eq!((answer.status().as_u16(), location), (301, to), "{path}");
    }
    for (path, status) in [("/nothing", 404), ("/api/v1/nothing", 404), ("/nodes", 200)] {
        assert_eq!(fixture.get(path).await.status(), status, "{path}");
    }
}
