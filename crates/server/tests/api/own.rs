//! Our own API.

use std::sync::atomic::Ordering;
use std::time::Duration;

use model::target::Health;
use serde_json::{Value, json};

use crate::fixture::{Fixture, ID, NOW_MS, target};

#[tokio::test]
async fn containers_are_found_by_id_prefix_and_name() {
    let fixture = Fixture::start();
    let (status, list) = fixture.json("/api/bonghwa/v1/containers?gone=1").await;
    assert_eq!((status, &list["node"], &list["generation"]), (200, &json!("host1"), &json!(1)));
    assert_eq!(list["rows"][0]["facts"]["id"], ID);
    assert_eq!(list["rows"][0]["live"]["throttled"], Value::Null);
    for name in [ID, &ID[..12], "web"] {
        assert_eq!(fixture.json(&format!("/api/bonghwa/v1/containers/{name}")).await.1["facts"]["id"], ID);
    }
    let (status, missing) = fixture.json("/api/bonghwa/v1/containers/nobody").await;
    assert_eq!((status, &missing["kind"]), (404, &json!("not_found")));
}

#[tokio::test]
async fn live_points_last_minutes_and_events() {
    let fixture = Fixture::start();
    let since = NOW_MS - 2000;
    let (_, live) = fixture.json(&format!("/api/bonghwa/v1/containers/web/live?since={since}")).await;
    assert_eq!(live["points"].as_array().unwrap().len(), 2);
    let (_, last) = fixture.json("/api/bonghwa/v1/containers/web/last-minutes").await;
    assert_eq!(last["last_minutes"]["died_ms"], NOW_MS);
    let (_, events) = fixture.json("/api/bonghwa/v1/containers/web/events").await;
    assert_eq!(events["events"].as_array().unwrap().len(), 2);
    let (_, events) = fixture.json(&format!("/api/bonghwa/v1/events?start={}&limit=1", NOW_MS - 1500)).await;
    assert_eq!(
        events["events"],
        json!([{"t": NOW_MS - 1000, "id": "any", "name": "web", "action": "start", "attributes": {}}])
    );
}

/// Reads server-sent events until `enough` of them are there: (name, data).
async fn sse(mut answer: reqwest::Response, enough: usize) -> Vec<(String, Value)> {
    assert_eq!(answer.headers()["content-type"], "text/event-stream");
    let mut text = String::new();
    loop {
        let events: Vec<(String, Value)> = text
            .split("\n\n")
            .filter_map(|block| {
                let field = |name: &str| block.lines().find_map(|l| l.strip_prefix(name)?.strip_prefix(": "));
                Some((field("event")?.to_owned(), serde_json::from_str(field("data")?).ok()?))
            })
            .collect();
        if events.len() >= enough {
            return events;
        }
        let piece =
            tokio::time::timeout(Duration::from_secs(20), answer.chunk()).await.expect("an event").unwrap();
        text.push_str(core::str::from_utf8(&piece.expect("an open stream")).unwrap());
    }
}

#[tokio::test]
async fn the_live_stream_begins_with_rows_ticks_and_sends_rows_on_a_change() {
    let fixture = Fixture::start();
    let answer = fixture.get("/api/bonghwa/v1/live").await;
    let reading = tokio::spawn(sse(answer, 3));
    tokio::time::sleep(Duration::from_millis(1500)).await;
    fixture.containers.restarts.store(7, Ordering::SeqCst);
    let events = reading.await.unwrap();
    assert_eq!(events[0].0, "rows");
    assert_eq!(events[1].0, "tick");
    assert_eq!(events[1].1["rows"][0]["id"], ID);
    assert_eq!(
        (events[2].0.as_str(), &events[2].1["rows"][0]["facts"]["restart_count"]),
        ("rows", &json!(7))
    );
}

#[tokio::test]
async fn a_log_is_followed_until_it_ends() {
    let fixture = Fixture::start();
    let answer = fixture.get("/api/bonghwa/v1/containers/web/log?backlog=2").await;
    let mut sink = fixture.containers.sink.lock().take().unwrap();
    assert!(sink(Err(model::Error::unavailable("the engine went away"))));
    let events = sse(answer, 3).await;
    assert_eq!(
        events[0],
        ("line".to_owned(), json!({"t_ns": "1700000000123456789", "stream": "stdout", "text": "line 0"}))
    );
    assert_eq!(events[2], ("end".to_owned(), json!({"error": "the engine went away"})));
}

#[tokio::test]
async fn a_closed_page_ends_the_tail() {
    let fixture = Fixture::start();
    let answer = fixture.get("/api/bonghwa/v1/containers/web/log?backlog=0").await;
    let mut sink = fixture.containers.sink.lock().take().unwrap();
    drop(answer);
    let line = || model::container::LogLine { t_ns: 0, stream: "stdout".into(), text: "x".repeat(1000) };
    let closed = tokio::task::spawn_blocking(move || {
        (0..200_000).any(|_| {
            std::thread::yield_now();
            !sink(Ok(line()))
        })
    });
    assert!(closed.await.unwrap(), "the sink learns that nobody listens");
}

#[tokio::test]
async fn status_and_nodes() {
    let fixture = Fixture::start();
    fixture.targets.0.lock().extend([target("a", Health::Up, ""), target("b", Health::Down, "refused")]);
    let (status, body) = fixture.json("/api/bonghwa/v1/status").await;
    assert_eq!(status, 200);
    assert_eq!(body["targets"], json!({"up": 1, "down": 1, "unknown": 0}));
    assert_eq!(body["config_yaml"], "global: {}\n");
    let queue = &body["queues"][0];
    assert_eq!((&queue["activity"], &queue["lag_bytes"]), (&json!("retrying"), &json!(4_096)));
    assert_eq!(fixture.json("/api/bonghwa/v1/nodes").await.1[0]["name"], "host1");
    let document = fixture.get("/api/bonghwa/v1/openapi.yaml").await.text().await.unwrap();
    assert!(document.starts_with("openapi: 3.1.0"));
}

#[tokio::test]
async fn an_empty_chart_has_a_reason() {
    let fixture = Fixture::start();
    fixture.insert(&[("__name__", "node_load1"), ("job", "node")], &[(NOW_MS - 7_200_000, 1.0)]);
    fixture.insert(&[("__name__", "node_load5"), ("job", "node")], &[(NOW_MS - 1000, 1.0)]);
    fixture.targets.0.lock().push(target("gone", Health::Down, "connection refused"));
    let ask = async |query: &str| {
        let query: String = url_escape(query);
        fixture.json(&format!("/api/bonghwa/v1/why-empty?query={query}")).await.1
    };
    assert_eq!(ask("node_load5 > 100").await["reason"], "ok");
    let missing = ask("rate(node_laod5[5m])").await;
    assert_eq!((&missing["reason"], &missing["metric"]), (&json!("no_such_metric"), &json!("node_laod5")));
    assert_eq!(missing["nearest"], json!(["node_load5", "node_load1"]));
    let old = ask("node_load1").await;
    assert_eq!(
        (&old["reason"], &old["last_seen_ms"]),
        (&json!("nothing_in_range"), &json!(NOW_MS - 7_200_000))
    );
    assert_eq!(ask("node_load5{mode=\"x\"}").await["reason"], "no_series_match");
    let down = ask("node_load5{job=\"gone\"}").await;
    assert_eq!(
        (&down["reason"], &down["target_error"]),
        (&json!("target_down"), &json!("connection refused"))
    );
}

pub fn url_escape(text: &str) -> String {
    text.bytes()
        .map(|b| if b.is_ascii_alphanumeric() { char::from(b).to_string() } else { format!("%{b:02X}") })
        .collect()
}
