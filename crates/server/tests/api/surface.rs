//! The API around the queries: administration, exemplars, trees, notifications, prefixes and other origins.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use futures::StreamExt;
use model::{
    Ctx, Exemplar, ExemplarReader, Labels, Matcher, MetricAdmin, Pattern, Result, SeriesExemplars, TimeRange,
};
use parking_lot::Mutex;
use serde_json::json;
use server::{Access, Web};

use crate::fixture::{Fixture, NOW_MS, Wanted};

/// Writes down what it was asked.
#[derive(Default)]
struct Asked(Mutex<Vec<String>>);

impl MetricAdmin for Asked {
    fn delete_series(&self, _: &Ctx, matchers: &[Matcher], range: TimeRange) -> Result<u64> {
        let names: Vec<String> = matchers.iter().map(ToString::to_string).collect();
        self.0.lock().push(format!("delete {} {}..{}", names.join(","), range.start, range.end));
        Ok(1)
    }

    fn clean_tombstones(&self) -> Result<()> {
        self.0.lock().push("clean".to_owned());
        Ok(())
    }

    fn snapshot(&self, skip_head: bool) -> Result<String> {
        self.0.lock().push(format!("snapshot {skip_head}"));
        Ok("20260101T000000Z-1".to_owned())
    }
}

impl ExemplarReader for Asked {
    fn exemplars(&self, _: &Ctx, sets: &[Vec<Matcher>], _: TimeRange) -> Result<Vec<SeriesExemplars>> {
        self.0.lock().push(format!("{} sets", sets.len()));
        let exemplar = Exemplar { labels: Labels::from_pairs([("trace_id", "t1")]), t: NOW_MS + 5, v: 0.25 };
        Ok(vec![SeriesExemplars { series: Labels::from_pairs([("job", "a")]), exemplars: vec![exemplar] }])
    }
}

#[tokio::test]
async fn administration_needs_its_flag_and_does_what_is_asked() {
    let asked = Arc::new(Asked::default());
    let fixture = |open: bool| {
        let access = Access { admin_api: open, ..Access::default() };
        Fixture::with(Wanted { access, admin: Some(asked.clone()), ..Wanted::default() })
    };
    let closed = fixture(false);
    let open = fixture(true);
    let ask = async |fixture: &Fixture, path: &str| {
        let url = format!("{}/api/v1/admin/tsdb/{path}", fixture.url);
        let answer = fixture.client.post(url).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    let (status, text) = ask(&closed, "snapshot").await;
    assert!(status == 503 && text.contains("admin APIs disabled") && text.contains("unavailable"), "{text}");
    assert!(asked.0.lock().is_empty());
    assert_eq!(ask(&open, "delete_series?match[]=up{job=\"a\"}&start=1&end=2").await, (204, String::new()));
    assert_eq!(ask(&open, "clean_tombstones").await.0, 204);
    let (status, text) = ask(&open, "snapshot?skip_head=true").await;
    assert_eq!(
        (status, text.as_str()),
        (200, r#"{"status":"success","data":{"name":"20260101T000000Z-1"}}"#)
    );
    let done = asked.0.lock().join("\n");
    assert!(done.starts_with("delete ") && done.contains("1000..2000\nclean\nsnapshot true"), "{done}");
    assert_eq!(ask(&open, "delete_series").await.0, 400);
    let put = open.client.put(format!("{}/api/v1/admin/tsdb/delete_series", open.url));
    let put = put.header("content-type", "application/x-www-form-urlencoded").body("match[]=up&start=2");
    assert_eq!(put.send().await.unwrap().status(), 204);
    assert_eq!(ask(&open, "delete_series?match[]={}").await.0, 400);
    assert_eq!(ask(&open, "snapshot?skip_head=maybe").await.0, 400);
    assert_eq!(open.get("/api/v1/admin/tsdb/snapshot").await.status(), 405);
}

#[tokio::test]
async fn exemplars_are_of_every_selector_of_the_expression() {
    let asked = Arc::new(Asked::default());
    let fixture = Fixture::with(Wanted { exemplars: Some(asked.clone()), ..Wanted::default() });
    let (status, body) =
        fixture.json("/api/v1/query_exemplars?query=rate(a[5m])/b&start=1&end=2000000000").await;
    assert_eq!(status, 200, "{body}");
    let exemplar = json!({ "labels": { "trace_id": "t1" }, "value": "0.25", "timestamp": 1_700_000_000.005 });
    assert_eq!(body["data"], json!([{ "seriesLabels": { "job": "a" }, "exemplars": [exemplar] }]));
    assert_eq!(asked.0.lock().as_slice(), ["2 sets"]);
    assert_eq!(fixture.get("/api/v1/query_exemplars?query=1").await.status(), 204);
    assert_eq!(fixture.get("/api/v1/query_exemplars?query=a(").await.status(), 400);
    assert_eq!(Fixture::start().get("/api/v1/query_exemplars?query=a").await.status(), 501);
}

#[tokio::test]
async fn trees_pools_features_and_own_figures_have_their_shapes() {
    let fixture = Fixture::start();
    let tree = fixture.json("/api/v1/parse_query?query=sum(up)").await.1;
    assert_eq!(tree["data"]["expr"]["type"], "vectorSelector");
    assert_eq!(fixture.json("/api/v1/format_query?query=sum(up)by(a)").await.1["data"], "sum by (a) (up)");
    assert_eq!(fixture.json("/api/v1/parse_query?query=sum(").await.0, 400);
    assert_eq!(
        fixture.json("/api/v1/scrape_pools").await.1["data"],
        json!({ "scrapePools": ["a"], "unsupported": {} })
    );
    assert_eq!(fixture.json("/api/v1/scrape_pools/config").await.0, 400);
    assert_eq!(fixture.json("/api/v1/scrape_pools/config?scrapePool=x").await.0, 400);
    let bad = fixture.json("/api/v1/targets/relabel_steps?scrapePool=a&labels=x").await;
    assert!(bad.0 == 400 && bad.1["error"].as_str().unwrap().contains("error parsing labels"), "{bad:?}");
    let features = fixture.json("/api/v1/features").await.1;
    assert_eq!(features["data"]["promql_functions"]["rate"], true);
    assert_eq!(features["data"]["promql_functions"]["mad_over_time"], false);
    let own = fixture.json("/api/v1/status/self_metrics?metric_name_pattern=bonghwa_http_.*").await.1;
    let own = own["data"].as_array().unwrap();
    assert!(!own.is_empty() && own.iter().all(|f| f["name"].as_str().unwrap().starts_with("bonghwa_http_")));
    assert_eq!(fixture.json("/api/v1/status/tsdb/blocks").await.1["data"], json!({ "blocks": [] }));
}

#[tokio::test]
async fn notifications_are_listed_and_streamed() {
    let limits = server::Limits { notification_streams: 1, ..server::Limits::default() };
    let fixture = Fixture::with(Wanted { limits, ..Wanted::default() });
    assert_eq!(fixture.json("/api/v1/notifications").await.1["data"], json!([]));
    fixture.process.ready.store(false, Ordering::SeqCst);
    let list = fixture.json("/api/v1/notifications").await.1;
    assert_eq!(list["data"][0]["active"], true);
    let live = fixture.get("/api/v1/notifications/live").await;
    assert_eq!(live.headers()["content-type"], "text/event-stream");
    assert_eq!(fixture.get("/api/v1/notifications/live").await.status(), 204, "one place only");
    let mut stream = live.bytes_stream();
    let first = String::from_utf8(stream.next().await.unwrap().unwrap().to_vec()).unwrap();
    assert!(first.starts_with("data: {") && first.contains("replaying 5 of 10"), "{first}");
    fixture.process.ready.store(true, Ordering::SeqCst);
    let gone = String::from_utf8(stream.next().await.unwrap().unwrap().to_vec()).unwrap();
    assert!(gone.contains(r#""active":false"#), "{gone}");
}

#[tokio::test]
async fn everything_stands_under_the_prefix() {
    let web = Web { route_prefix: "/prom".to_owned(), external_path: "/prom".to_owned(), ..Web::default() };
    let fixture = Fixture::with(Wanted { web, ..Wanted::default() });
    for path in
        ["/prom/-/healthy", "/prom/metrics", "/prom/api/v1/labels", "/prom/", "/prom", "/prom/targets"]
    {
        assert_eq!(fixture.get(path).await.status(), 200, "{path}");
    }
    for path in ["/-/healthy", "/metrics", "/api/v1/labels", "/prometheus/"] {
        assert_eq!(fixture.get(path).await.status(), 404, "{path}");
    }
    assert_eq!(fixture.get("/").await.headers()["location"], "/prom/");
    assert_eq!(fixture.get("/prom/classic/graph?a=b").await.headers()["location"], "/prom/graph?a=b");
}

#[tokio::test]
async fn pages_of_other_sites_read_the_api_and_nothing_else() {
    let cors_origin = Some(Pattern::new("https://good\\.example").unwrap());
    let fixture = Fixture::with(Wanted { web: Web { cors_origin, ..Web::default() }, ..Wanted::default() });
    let ask = async |method: reqwest::Method, path: &str, origin: &str| {
        let request = fixture.client.request(method, format!("{}{path}", fixture.url));
        let answer = request.header("origin", origin).send().await.unwrap();
        let allowed = answer.headers().get("access-control-allow-origin").cloned();
        (answer.status().as_u16(), allowed.map(|v| v.to_str().unwrap().to_owned()))
    };
    let good = Some("https://good.example".to_owned());
    let get = reqwest::Method::GET;
    let options = reqwest::Method::OPTIONS;
    assert_eq!(ask(get.clone(), "/api/v1/labels", "https://good.example").await, (200, good.clone()));
    assert_eq!(ask(get.clone(), "/api/v1/labels", "https://bad.example").await, (200, None));
    assert_eq!(ask(options, "/api/v1/query", "https://good.example").await, (204, good));
    assert_eq!(ask(get, "/api/bonghwa/v1/containers", "https://good.example").await, (200, None));
}
