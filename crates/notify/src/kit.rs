//! For tests of receivers: a server that remembers what it is asked, and notifications.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Method, Response, Uri};
use model::Labels;
use model::alerts::Alert;
use outbound::Clients;

use crate::config::{Global, Receiver};
use crate::receivers::{Integrations, Receivers};
use crate::{Delivered, Failure, Notification, Retry, Templates};

/// A request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// A field of the form.
    pub(crate) fn field(&self, name: &str) -> Option<String> {
        let url = outbound::Url::parse(&format!("form:?{}", String::from_utf8_lossy(&self.body))).unwrap();
        url.query_pairs().find(|(found, _)| found == name).map(|(_, value)| value.into_owned())
    }
}

/// Status, `Retry-After` and body of an answer.
pub(crate) type Answered = (u16, &'static str, String);

pub(crate) fn answered(status: u16, retry_after: &'static str, body: &str) -> Answered {
    (status, retry_after, body.to_owned())
}

type Shared = Arc<Mutex<(Vec<Asked>, VecDeque<Answered>)>>;

/// A server on loopback.
pub(crate) struct Server {
    pub(crate) url: String,
    shared: Shared,
}

impl Server {
    /// One that takes everything with `{"ok":true}`.
    pub(crate) async fn start() -> Self {
        Self::answering([]).await
    }

    /// One that gives these answers first.
    pub(crate) async fn answering(answers: impl IntoIterator<Item = Answered>) -> Self {
        let shared: Shared = Arc::new(Mutex::new((Vec::new(), answers.into_iter().collect())));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let app = axum::Router::new().fallback(answer).with_state(shared.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { url, shared }
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.shared.lock().unwrap().0.clone()
    }

    /// The one request that came.
    pub(crate) fn only(&self) -> Asked {
        let mut asked = self.asked();
        assert_eq!(asked.len(), 1, "{asked:?}");
        asked.remove(0)
    }
}

async fn answer(
    State(shared): State<Shared>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let mut shared = shared.lock().unwrap();
    let (path, query) = (uri.path().to_owned(), uri.query().unwrap_or_default().to_owned());
    shared.0.push(Asked { method, path, query, headers, body });
    let (status, wait, body) = shared.1.pop_front().unwrap_or_else(|| answered(200, "", "{\"ok\":true}"));
    let mut response = Response::builder().status(status);
    if !wait.is_empty() {
        response = response.header("retry-after", wait);
    }
    if body.starts_with('{') {
        response = response.header("content-type", "application/json");
    }
    response.body(body.into()).unwrap()
}

fn alert(instance: &str, ends_at_ms: i64) -> Alert {
    Alert {
        labels: Labels::from_pairs([("alertname", "Down"), ("instance", instance)]),
        annotations: [("summary".to_owned(), "봉화 <b>".to_owned())].into(),
        starts_at_ms: 1_704_164_645_000,
        ends_at_ms,
        updated_at_ms: 1_704_164_645_000,
        timeout: false,
        generator_url: "http://p/graph".to_owned(),
    }
}

fn notification(alerts: Vec<Alert>) -> Notification {
    Notification {
        receiver: "team.x".to_owned(),
        group_key: "{}:{alertname=\"Down\"}".to_owned(),
        group_labels: Labels::from_pairs([("alertname", "Down")]),
        route_labels: Labels::empty(),
        reason: "first notification",
        alerts,
        external_url: "http://b".to_owned(),
        now_ms: 1_704_165_000_000,
    }
}

/// One alert fires, one is over.
pub(crate) fn firing_and_resolved() -> Notification {
    notification(vec![alert("a", 1_704_170_000_000), alert("b", 1_704_164_945_000)])
}

/// All is over.
pub(crate) fn resolved() -> Notification {
    notification(vec![alert("b", 1_704_164_945_000)])
}

/// With an annotation of `length` characters.
pub(crate) fn long(length: usize) -> Notification {
    let mut notification = firing_and_resolved();
    for alert in &mut notification.alerts {
        alert.annotations.insert("summary".to_owned(), "봉".repeat(length));
    }
    notification
}

/// What sends for one receiver of these sections.
pub(crate) fn built(sections: &str) -> Integrations {
    let mut receiver: Receiver = serde_saphyr::from_str(&format!("name: team.x\n{sections}\n")).unwrap();
    receiver.complete(&Global::default()).unwrap();
    let templates = Templates::defaults().unwrap();
    let mut all = Receivers::build(&[receiver], &templates, &Clients::default()).unwrap();
    all.remove("team.x").unwrap()
}

/// Sends by the first of these sections.
pub(crate) async fn send(sections: &str, notification: &Notification) -> Result<Delivered, Failure> {
    built(sections)[0].notify(notification).await
}

/// What is tried again and what is not, for a section that talks to a server of this address.
pub(crate) async fn retries(section: impl Fn(&str) -> String) {
    for (answer, retry, reason) in [
        (answered(429, "7", "slow down"), Retry::After(Duration::from_secs(7)), "rateLimited"),
        (answered(429, "", "slow down"), Retry::Later, "rateLimited"),
        (answered(503, "99999", "busy"), Retry::After(Duration::from_secs(3600)), "serverError"),
        (answered(500, "", "broken"), Retry::Later, "serverError"),
        (answered(400, "", "wrong"), Retry::Never, "clientError"),
        (answered(401, "", "who"), Retry::Never, "authError"),
        (answered(404, "5", "where"), Retry::Never, "clientError"),
    ] {
        // More than one request may be made of it.
        let server = Server::answering(std::iter::repeat_n(answer.clone(), 8)).await;
        let failure = send(&section(&server.url), &firing_and_resolved()).await.unwrap_err();
        assert_eq!((failure.retry, failure.reason), (retry, reason), "{answer:?}: {failure}");
    }
}
