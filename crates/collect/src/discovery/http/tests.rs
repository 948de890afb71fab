use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use outbound::client::header::{AUTHORIZATION, USER_AGENT};
use outbound::discovery::Configs;
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::super::{Discovery, Mechanism, Metrics, Owner};
use super::*;

const JSON: &str = "application/json";

/// What is answered next, and the headers of what was asked.
struct Shared {
    answer: Mutex<(u16, &'static str, Vec<u8>)>,
    asked: watch::Sender<Vec<HeaderMap>>,
}

impl Shared {
    fn set(&self, status: u16, kind: &'static str, body: impl Into<Vec<u8>>) {
        *self.answer.lock() = (status, kind, body.into());
    }
}

async fn answer(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Response {
    let (status, kind, body) = shared.answer.lock().clone();
    shared.asked.send_modify(|asked| asked.push(headers));
    (StatusCode::from_u16(status).unwrap(), [(CONTENT_TYPE, kind)], Body::from(body)).into_response()
}

/// A server and its address.
async fn server() -> (Arc<Shared>, String) {
    let shared =
        Shared { answer: Mutex::new((200, JSON, b"[]".to_vec())), asked: watch::Sender::new(Vec::new()) };
    let shared = Arc::new(shared);
    let app = Router::new().fallback(answer).with_state(shared.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move { axum::serve(listener, app).await });
    (shared, address)
}

fn source(yaml: &str) -> Server {
    Server::new(serde_saphyr::from_str(yaml).unwrap(), Arc::default())
}

async fn ask(source: &Server) -> Result<Vec<Vec<(String, String)>>, String> {
    let found = source.refresh().await?;
    let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    Ok(found.iter().map(|labels| labels.iter().map(owned).collect()).collect())
}

#[tokio::test]
async fn the_request_says_what_prometheus_says() {
    let (shared, address) = server().await;
    let yaml = format!(
        "{{url: 'http://{address}/t', refresh_interval: 1m, authorization: {{credentials: geheim}}}}"
    );
    source(&yaml).refresh().await.unwrap();
    let basic = format!(
        "{{url: 'http://{address}/', refresh_interval: 1500ms, basic_auth: {{username: u, password: p}}}}"
    );
    source(&basic).refresh().await.unwrap();
    let asked = shared.asked.borrow();
    let of = |at: usize, name: HeaderName| asked[at].get_all(name).iter().collect::<Vec<_>>();
    assert_eq!(of(0, ACCEPT), [JSON]);
    assert_eq!(of(0, USER_AGENT), [outbound::client::USER_AGENT]);
    assert_eq!(of(0, INTERVAL_HEADER), ["60"]);
    assert_eq!(of(0, AUTHORIZATION), ["Bearer geheim"]);
    assert_eq!(of(1, INTERVAL_HEADER), ["1.5"]);
    assert_eq!(of(1, AUTHORIZATION), ["Basic dTpw"]);
}

#[tokio::test]
async fn each_target_of_a_group_has_its_labels_and_the_url() {
    let (shared, address) = server().await;
    let url = format!("http://u:geheim@{address}/t");
    let source = source(&format!("{{url: '{url}'}}"));
    let groups = r#"[{"targets": ["h:1", "h:2"], "labels": {"zone": "a", "__meta_url": "x", "__address__": "y"}},
                     {"targets": ["h:3"]}, {"targets": ["h:4"], "labels": null}, {"targets": null}, {}]"#;
    shared.set(200, JSON, groups);
    let shown = format!("http://u:xxxxx@{address}/t");
    let with = |target: &str, zone: Option<&str>| {
        let labels = [("__address__", Some(target)), ("__meta_url", Some(shown.as_str())), ("zone", zone)];
        labels.into_iter().filter_map(|(n, v)| Some((n.to_owned(), v?.to_owned()))).collect::<Vec<_>>()
    };
    let wanted = vec![with("h:1", Some("a")), with("h:2", Some("a")), with("h:3", None), with("h:4", None)];
    assert_eq!(ask(&source).await.unwrap(), wanted);
    for nothing in ["[]", "null"] {
        shared.set(200, JSON, nothing);
        assert_eq!(ask(&source).await, Ok(Vec::new()), "{nothing}");
    }
}

#[tokio::test]
async fn only_json_in_utf8_with_status_200_is_taken() {
    let (shared, address) = server().await;
    let source = source(&format!("{{url: 'http://{address}/'}}"));
    for kind in [
        JSON,
        " Application/JSON",
        "application/json;charset=utf-8",
        "application/json; charset=UTF-8",
        "application/json; charset=\"utf-8\"",
    ] {
        shared.set(200, kind, "[]");
        assert_eq!(ask(&source).await, Ok(Vec::new()), "{kind}");
    }
    for kind in [
        "",
        "text/plain",
        "application/json;",
        "application/json ; charset=utf-8",
        "application/json; charset=latin1",
        "application/jsonx",
    ] {
        shared.set(200, kind, "[]");
        assert_eq!(ask(&source).await, Err(format!("unsupported content type {kind:?}")));
    }
    for (status, text) in [(201, "201 Created"), (404, "404 Not Found"), (503, "503 Service Unavailable")] {
        shared.set(status, JSON, "[]");
        assert_eq!(ask(&source).await, Err(format!("server returned HTTP status {text}")));
    }
}

#[tokio::test]
async fn what_is_no_list_of_groups_is_refused() {
    let (shared, address) = server().await;
    let source = source(&format!("{{url: 'http://{address}/'}}"));
    for (body, error) in [
        ("", "EOF while parsing"),
        ("[{", "EOF while parsing"),
        ("{}", "invalid type: map"),
        ("[] []", "trailing characters"),
        ("[null]", "nil target group item found"),
        (r#"[{"targets": "h:1"}]"#, "invalid type: string"),
        (r#"[{"targets": [1]}]"#, "invalid type: integer"),
        (r#"[{"targets": ["h:1"], "labels": {"a": 1}}]"#, "invalid type: integer"),
        (r#"[{"targets": ["h:1"], "labels": {"": "x"}}]"#, "is not a valid label name"),
        (r#"[{"target": ["h:1"]}]"#, "field target not found"),
    ] {
        shared.set(200, JSON, body);
        let refused = ask(&source).await.unwrap_err();
        assert!(refused.contains(error), "{body}: {refused}");
    }
    // Valid, but for its length.
    let mut long = vec![b' '; BODY_LIMIT - 1];
    long.extend_from_slice(b"[]");
    shared.set(200, JSON, long);
    assert_eq!(ask(&source).await, Err(format!("body size limit exceeded ({BODY_LIMIT} bytes)")));
}

#[tokio::test]
async fn a_failure_is_counted_and_keeps_what_was_found_last() {
    let (shared, address) = server().await;
    let yaml = format!("http_sd_configs: [{{url: 'http://u:geheim@{address}/', refresh_interval: 10ms}}]");
    let configs: Configs = serde_saphyr::from_str(&yaml).unwrap();
    let (tasks, stop, metrics) = (TaskTracker::new(), CancellationToken::new(), Metrics::default());
    let owner = Owner { name: "scrape", config: "j".to_owned() };
    let of_job = Mechanism { mechanism: "http", config: "j".to_owned() };
    shared.set(200, JSON, r#"[{"targets": ["h:1"]}]"#);
    let clients = Arc::default();
    let discovery =
        Discovery::start(&configs, &clients, &stop, &tasks, Some((metrics.clone(), owner.clone())));
    let mut asked = shared.asked.subscribe();
    let addresses =
        || discovery.found().iter().map(|l| l.get_or_empty("__address__").to_owned()).collect::<Vec<_>>();
    let mut changes = discovery.changes();
    let limit = Duration::from_secs(30);
    while addresses() != ["h:1"] {
        tokio::time::timeout(limit, changes.changed()).await.expect("the target did not come").unwrap();
    }
    assert_eq!(metrics.refreshes.get(&of_job).expect("it is there before the first failure").get(), 0);

    shared.set(500, JSON, r#"[{"targets": ["h:2"]}]"#);
    // A request is sent when the one before it has been dealt with; the first may have met the old answer.
    let before = asked.borrow_and_update().len();
    let wait = asked.wait_for(|asked| asked.len() >= before + 3);
    drop(tokio::time::timeout(limit, wait).await.expect("it asks no more").unwrap());
    assert_eq!(addresses(), ["h:1"]);
    let error = format!("http://u:xxxxx@{address}/: server returned HTTP status 500 Internal Server Error");
    assert_eq!(discovery.errors(), [error]);
    let counted = metrics.refreshes.get(&of_job).unwrap().get();
    assert!(counted >= 1, "{counted}");
    assert!(metrics.http.get() >= counted);

    shared.set(200, JSON, r#"[{"targets": ["h:3"]}]"#);
    while addresses() != ["h:3"] {
        tokio::time::timeout(limit, changes.changed()).await.expect("it did not recover").unwrap();
    }
    assert_eq!(discovery.errors(), Vec::<String>::new());
    stop.cancel();
    let mut registry = prometheus_client::registry::Registry::default();
    metrics.register(&mut registry);
    let text = || {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        text
    };
    for line in [
        "prometheus_sd_discovered_targets{name=\"scrape\",config=\"j\"} 1\n",
        "prometheus_sd_refresh_duration_seconds_count{mechanism=\"http\",config=\"j\"} ",
        "prometheus_sd_updates_total{name=\"scrape\"} ",
        "prometheus_sd_received_updates_total{name=\"scrape\"} ",
        "prometheus_sd_updates_total{name=\"notify\"} 0\n",
        "prometheus_sd_http_failures_total ",
    ] {
        assert!(text().contains(line), "{line} in {}", text());
    }
    metrics.forget(&owner);
    assert!(!text().contains("config=\"j\""), "{}", text());
}
