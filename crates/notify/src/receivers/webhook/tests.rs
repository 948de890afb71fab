//! A server that takes notifications of version 4.

use serde_json::json;

use crate::kit::{Server, answered, firing_and_resolved, retries, send};
use crate::{Failure, Retry};

fn section(url: &str) -> String {
    format!("webhook_configs: [{{url: '{url}/hook'}}]")
}

#[tokio::test]
async fn a_notification_is_sent_as_alertmanager_sends_it() {
    let server = Server::start().await;
    let delivered = send(&section(&server.url), &firing_and_resolved()).await.unwrap();
    assert_eq!(delivered.answer, "200 OK");
    let request = server.only();
    assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/hook"));
    assert_eq!(request.header("content-type"), "application/json");
    assert!(request.header("user-agent").starts_with("Bonghwa/"));
    let alert = |status, instance, ends, fingerprint| {
        json!({
            "status": status, "labels": {"alertname": "Down", "instance": instance},
            "annotations": {"summary": "봉화 <b>"}, "startsAt": "2024-01-02T03:04:05Z", "endsAt": ends,
            "generatorURL": "http://p/graph", "fingerprint": fingerprint,
        })
    };
    let body = request.json();
    let fingerprint = |at: usize| body["alerts"][at]["fingerprint"].as_str().unwrap().to_owned();
    assert_eq!(
        body,
        json!({
            "receiver": "team\\.x", "status": "firing", "version": "4", "truncatedAlerts": 0,
            "groupKey": "{}:{alertname=\"Down\"}", "notification_reason": "first notification",
            "groupLabels": {"alertname": "Down"}, "commonLabels": {"alertname": "Down"},
            "commonAnnotations": {"summary": "봉화 <b>"}, "routeLabels": {}, "externalURL": "http://b",
            "alerts": [
                alert("firing", "a", "0001-01-01T00:00:00Z", fingerprint(0)),
                alert("resolved", "b", "2024-01-02T03:09:05Z", fingerprint(1)),
            ],
        })
    );
}

#[tokio::test]
async fn addresses_payloads_and_numbers_of_alerts_are_configured() {
    let server = Server::start().await;
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("url");
    std::fs::write(&file, format!("{}/{{{{ .GroupLabels.alertname }}}}\n", server.url)).unwrap();
    let section = format!(
        "webhook_configs: [{{url_file: '{}', max_alerts: 1, payload: {{n: '{{{{ len .Alerts }}}}', \
         s: '{{{{ .Status }}}}', '{{{{ .Receiver }}}}': [1, '{{{{ .Alerts | toJson }}}}']}}}}]",
        file.display()
    );
    send(&section, &firing_and_resolved()).await.unwrap();
    let request = server.only();
    assert_eq!(request.path, "/Down");
    let body = request.json();
    assert_eq!((&body["n"], &body["s"]), (&json!(1), &json!("firing")));
    assert_eq!(body["team\\.x"][1][0]["labels"]["instance"], json!("a"));
}

#[tokio::test]
async fn it_is_tried_again_where_that_helps() {
    retries(section).await;
}

#[tokio::test]
async fn failures_hold_no_address() {
    let failure =
        send("webhook_configs: [{url: 'http://127.0.0.1:1/geheim-token'}]", &firing_and_resolved()).await;
    let failure = failure.unwrap_err();
    assert_eq!((failure.retry, failure.message.contains("geheim")), (Retry::Later, false), "{failure}");
    let server = Server::answering([answered(400, "", "no /geheim-token-12 here")]).await;
    let url = format!("webhook_configs: [{{url: '{}/geheim-token-12'}}]", server.url);
    let failure: Failure = send(&url, &firing_and_resolved()).await.unwrap_err();
    assert_eq!(failure.message, "unexpected status code 400: no <secret> here");
}
