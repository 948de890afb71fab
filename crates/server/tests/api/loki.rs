//! Loki's API, as Grafana's data source and its Logs Drilldown ask for it.

use std::sync::Arc;

use futures::{SinkExt, StreamExt};
use model::records::{FieldRef, Origin, RecordWriter, Records};
use model::{EventKind, Labels, Tenant};
use serde_json::{Value, json};
use testkit::MemoryRecords;

use crate::fixture::{Fixture, NOW_MS, Wanted};

const SECOND: i64 = 1_000_000_000;

/// Lines of two streams in the last minute.
fn store() -> Arc<MemoryRecords> {
    let store = Arc::new(MemoryRecords::new());
    let mut records = Records::new();
    let web = records.stream(&Labels::from_pairs([("app", "web"), ("env", "prod")]));
    let db = records.stream(&Labels::from_pairs([("app", "db"), ("env", "prod")]));
    let at = |seconds: i64| NOW_MS * 1_000_000 - seconds * SECOND;
    records.push(web, at(30), "status=200 took=5ms");
    records.field("trace_id", Origin::Sent, FieldRef::Text("a1"));
    records.push(web, at(20), "status=500 took=1.5s");
    records.field("level", Origin::Detected, FieldRef::Text("ERROR"));
    records.field("error_kind", Origin::Detected, FieldRef::Text("Timeout"));
    records.push(db, at(10), "{\"user\":\"kim\",\"n\":7}");
    store.write(&Tenant::default(), EventKind::Log, &records, &[]).unwrap();
    store
}

fn start() -> (Fixture, Arc<MemoryRecords>) {
    let store = store();
    (Fixture::with(Wanted { records: Some(store.clone()), ..Wanted::default() }), store)
}

/// A query string value.
fn enc(text: &str) -> String {
    text.bytes().map(|b| format!("%{b:02X}")).collect()
}

async fn get(fixture: &Fixture, path: &str, query: &str) -> Value {
    let path = format!("/loki/api/v1/{path}?query={}&start={}", enc(query), (NOW_MS / 1000) - 60);
    let (status, body) = fixture.json(&path).await;
    assert_eq!(status, 200, "{path}: {body}");
    body
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_are_answered_as_streams() {
    let (fixture, _) = start();
    let body = get(&fixture, "query_range", "{app=\"web\"} |= \"500\"").await;
    assert_eq!((&body["status"], &body["data"]["resultType"]), (&json!("success"), &json!("streams")));
    let time = (NOW_MS * 1_000_000 - 20 * SECOND).to_string();
    assert_eq!(
        body["data"]["result"],
        json!([{
            "stream": {"app": "web", "env": "prod", "detected_level": "error"},
            "values": [[time, "status=500 took=1.5s"]],
        }])
    );
    assert_eq!(body["data"]["stats"]["summary"]["totalEntriesReturned"], 1);

    let path = format!("{}/loki/api/v1/query_range", fixture.url);
    let form = format!(
        "query={}&start={}&limit=1&direction=forward",
        enc("{app=\"web\"} | logfmt"),
        NOW_MS / 1000 - 60
    );
    let answer = fixture
        .client
        .post(path)
        .header("x-loki-response-encoding-flags", "categorize-labels")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(form)
        .send()
        .await
        .unwrap();
    let body: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
    assert_eq!(body["data"]["encodingFlags"], json!(["categorize-labels"]));
    assert_eq!(
        body["data"]["result"][0],
        json!({
            "stream": {"app": "web", "env": "prod"},
            "values": [[(NOW_MS * 1_000_000 - 30 * SECOND).to_string(), "status=200 took=5ms",
                {"structuredMetadata": {"trace_id": "a1"}, "parsed": {"status": "200", "took": "5ms"}}]],
        })
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_detected_is_given_to_who_asks_for_it() {
    let (fixture, _) = start();
    let path = format!(
        "{}/loki/api/v1/query_range?query={}&start={}",
        fixture.url,
        enc("{app=\"web\"} | error_kind=\"Timeout\""),
        NOW_MS / 1000 - 60
    );
    for (flags, own) in [
        ("categorize-labels", json!({"structuredMetadata": {"detected_level": "error"}})),
        (
            "categorize-labels,detected",
            json!({"structuredMetadata": {"detected_level": "error"}, "detected": {"error_kind": "Timeout"}}),
        ),
    ] {
        let request = fixture.client.get(&path).header("x-loki-response-encoding-flags", flags);
        let body = request.send().await.unwrap().text().await.unwrap();
        let body: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(body["data"]["result"][0]["values"][0][2], own, "{flags}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_are_answered_as_vectors_and_matrices() {
    let (fixture, _) = start();
    let body = get(&fixture, "query", "sum by (app) (count_over_time({env=\"prod\"}[1m]))").await;
    assert_eq!(body["data"]["resultType"], "vector");
    assert_eq!(
        body["data"]["result"],
        json!([
            {"metric": {"app": "db"}, "value": [NOW_MS / 1000, "1"]},
            {"metric": {"app": "web"}, "value": [NOW_MS / 1000, "2"]},
        ])
    );
    let body = get(&fixture, "query", "1 + 2 * 3").await;
    assert_eq!((&body["data"]["resultType"], &body["data"]["result"][1]), (&json!("scalar"), &json!("7")));
    let path = format!(
        "/loki/api/v1/query_range?query={}&start={}&end={}&step=30",
        enc("sum(count_over_time({app=\"web\"}[30s]))"),
        NOW_MS / 1000 - 60,
        NOW_MS / 1000,
    );
    let (_, body) = fixture.json(&path).await;
    assert_eq!(body["data"]["resultType"], "matrix");
    let t = NOW_MS / 1000;
    assert_eq!(body["data"]["result"], json!([{"metric": {}, "values": [[t - 30, "1"], [t, "1"]]}]));
}

#[tokio::test(flavor = "multi_thread")]
async fn mistakes_are_plain_texts() {
    let (fixture, _) = start();
    for (path, status, wanted) in [
        (
            format!("query?query={}", enc("{app=\"web\"}")),
            400,
            "log queries are not supported as an instant query type",
        ),
        (
            format!("query_range?query={}", enc("{app=\"web\"")),
            400,
            "parse error at line 1, col 11: syntax error",
        ),
        (
            format!("query_range?query={}", enc("{app=~\".*\"}")),
            400,
            "parse error : queries require at least one",
        ),
        (
            format!("query_range?query={}&limit=6000", enc("{app=\"web\"}")),
            400,
            "max entries limit per query exceeded",
        ),
        (
            format!("query_range?query={}&limit=0", enc("{app=\"web\"}")),
            400,
            "limit must be a positive value",
        ),
        (format!("query_range?query={}&direction=up", enc("{app=\"web\"}")), 400, "invalid direction 'up'"),
        (
            format!("query_range?query={}&start=x", enc("{app=\"web\"}")),
            400,
            "could not parse 'start' parameter",
        ),
        (
            format!("query?query={}", enc("count_over_time({app=\"web\"} | json [1m])")),
            400,
            "pipeline error: 'JSONParserErr'",
        ),
    ] {
        let answer = fixture.get(&format!("/loki/api/v1/{path}")).await;
        assert_eq!(answer.status().as_u16(), status, "{path}");
        assert!(answer.headers()["content-type"].to_str().unwrap().starts_with("text/plain"), "{path}");
        let text = answer.text().await.unwrap();
        assert!(text.contains(wanted), "{path}: {text}");
    }
    let none = Fixture::start();
    assert_eq!(none.get("/loki/api/v1/labels").await.status().as_u16(), 501);
}

#[tokio::test(flavor = "multi_thread")]
async fn labels_series_and_volumes() {
    let (fixture, _) = start();
    let data = |body: Value| body["data"].clone();
    assert_eq!(data(get(&fixture, "labels", "").await), json!(["app", "env"]));
    assert_eq!(data(get(&fixture, "label/app/values", "").await), json!(["db", "web"]));
    assert_eq!(data(get(&fixture, "label/app/values", "{app=\"web\"}").await), json!(["web"]));
    let series = fixture.json(&format!("/loki/api/v1/series?match[]={}", enc("{app=~\"w.*\"}"))).await.1;
    assert_eq!(series["data"], json!([{"app": "web", "env": "prod"}]));
    let labels = get(&fixture, "detected_labels", "{env=\"prod\"}").await;
    assert_eq!(
        labels["detectedLabels"],
        json!([{"label": "app", "cardinality": 2}, {"label": "env", "cardinality": 1}])
    );
    let stats = get(&fixture, "index/stats", "{app=\"web\"}").await;
    assert_eq!((&stats["streams"], &stats["entries"], &stats["bytes"]), (&json!(1), &json!(2), &json!(39)));
    let volume = data(get(&fixture, "index/volume", "{app=~\".+\"}").await);
    assert_eq!(
        volume["result"],
        json!([
            {"metric": {"app": "web"}, "value": [NOW_MS / 1000, "39"]},
            {"metric": {"app": "db"}, "value": [NOW_MS / 1000, "20"]},
        ])
    );
    let path = format!(
        "/loki/api/v1/index/volume?query={}&aggregateBy=labels&targetLabels=env",
        enc("{app=~\".+\"}")
    );
    assert_eq!(fixture.json(&path).await.1["data"]["result"][0]["metric"], json!({"env": ""}));
    let range = data(get(&fixture, "index/volume_range", "{app=\"web\"}").await);
    assert_eq!(
        (&range["resultType"], range["result"][0]["values"].as_array().unwrap().len()),
        (&json!("matrix"), 2)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn fields_and_patterns() {
    let (fixture, _) = start();
    let fields = get(&fixture, "detected_fields", "{env=\"prod\"}").await;
    let of = |name: &str| {
        fields["fields"].as_array().unwrap().iter().find(|f| f["label"] == name).cloned().unwrap()
    };
    assert_eq!(
        of("status"),
        json!({"label": "status", "type": "int", "cardinality": 2, "parsers": ["logfmt"]})
    );
    assert_eq!(of("took")["type"], "duration");
    assert_eq!(of("user")["parsers"], json!(["json"]));
    assert_eq!(of("trace_id")["parsers"], Value::Null);
    let values = get(&fixture, "detected_field/status/values", "{env=\"prod\"}").await;
    assert_eq!(values["values"], json!(["200", "500"]));
    let patterns = get(&fixture, "patterns", "{app=\"web\"}").await;
    assert_eq!(patterns["status"], "success");
    let first = &patterns["data"][0];
    assert_eq!(first["pattern"], "<_> <_>");
    let count: i64 = first["samples"].as_array().unwrap().iter().map(|s| s[1].as_i64().unwrap()).sum();
    assert_eq!(count, 2);
    assert_eq!(first.get("example"), None);
    let path = format!(
        "/loki/api/v1/patterns?query={}&start={}&examples=true",
        enc("{app=\"web\"}"),
        NOW_MS / 1000 - 60
    );
    let (_, with_examples) = fixture.json(&path).await;
    let first = &with_examples["data"][0];
    assert!(first["example"].as_str().unwrap().contains("status="), "{first}");
    let ns = |name: &str| first[name].as_str().unwrap().parse::<i64>().unwrap();
    assert!(ns("first") < ns("last"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_clients_ask_first() {
    let (fixture, _) = start();
    assert_eq!(fixture.get("/ready").await.text().await.unwrap(), "ready\n");
    let (_, build) = fixture.json("/loki/api/v1/status/buildinfo").await;
    assert!(build["version"].as_str().unwrap().starts_with("3."));
    let (_, limits) = fixture.json("/loki/api/v1/drilldown-limits").await;
    assert_eq!(limits["limits"]["volume_enabled"], true);
    let formatted = get(&fixture, "format_query", "sum(rate({app=\"web\"}[5m]))by(env)").await;
    assert_eq!(formatted["data"], "sum by (env) (rate({app=\"web\"} [5m]))");
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_are_deleted() {
    let (fixture, store) = start();
    let delete = async |query: &str| {
        let path =
            format!("{}/loki/api/v1/delete?query={}&start={}", fixture.url, enc(query), NOW_MS / 1000 - 60);
        fixture.client.post(path).send().await.unwrap().status().as_u16()
    };
    assert_eq!(delete("{app=\"web\"} | logfmt | status=\"500\"").await, 400);
    assert_eq!(store.len(EventKind::Log), 3);
    assert_eq!(delete("{app=\"web\"} |= \"status=500\"").await, 204);
    assert_eq!(store.len(EventKind::Log), 2);
    let (_, list) = fixture.json("/loki/api/v1/delete").await;
    assert_eq!(
        (&list[0]["status"], &list[0]["query"]),
        (&json!("processed"), &json!("{app=\"web\"} |= \"status=500\""))
    );
    let path = format!("{}/loki/api/v1/delete?request_id=nope", fixture.url);
    assert_eq!(fixture.client.delete(path).send().await.unwrap().status().as_u16(), 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tail_shows_what_is_there_and_what_comes() {
    let (fixture, store) = start();
    let url = format!(
        "{}/loki/api/v1/tail?query={}&start={}",
        fixture.url.replace("http", "ws"),
        enc("{app=\"web\"} |= \"status\""),
        NOW_MS / 1000 - 60
    );
    let (mut socket, _) = tokio_tungstenite::connect_async(url).await.unwrap();
    let first: Value =
        serde_json::from_str(socket.next().await.unwrap().unwrap().to_text().unwrap()).unwrap();
    let lines: usize =
        first["streams"].as_array().unwrap().iter().map(|s| s["values"].as_array().unwrap().len()).sum();
    assert_eq!(lines, 2);
    let mut records = Records::new();
    let web = records.stream(&Labels::from_pairs([("app", "web")]));
    records.push(web, NOW_MS * 1_000_000, "status=201");
    store.write(&Tenant::default(), EventKind::Log, &records, &[]).unwrap();
    let next: Value = serde_json::from_str(socket.next().await.unwrap().unwrap().to_text().unwrap()).unwrap();
    assert_eq!(
        next["streams"],
        json!([{"stream": {"app": "web"}, "values": [[(NOW_MS * 1_000_000).to_string(), "status=201"]]}])
    );
    socket.close(None).await.unwrap();
    let _ = socket.flush().await;
}
