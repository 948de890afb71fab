//! A webhook of Mattermost.

use serde_json::json;

use crate::kit::{Server, firing_and_resolved, long, retries, send};

fn section(url: &str) -> String {
    format!("mattermost_configs: [{{webhook_url: '{url}/hooks/x', channel: c}}]")
}

#[tokio::test]
async fn an_attachment_is_posted() {
    let server = Server::start().await;
    send(&section(&server.url), &firing_and_resolved()).await.unwrap();
    let request = server.only();
    assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/hooks/x"));
    let body = request.json();
    assert_eq!((&body["channel"], &body["username"]), (&json!("c"), &json!("Bonghwa")));
    assert_eq!(body["attachments"][0]["title"], "[FIRING:1] Down");
    assert!(body["attachments"][0]["text"].as_str().unwrap().contains("**instance**: a"));
    assert!(body.get("text").is_none());
}

#[tokio::test]
async fn attachments_and_urgency_may_be_written_down() {
    let server = Server::start().await;
    let section = format!(
        "mattermost_configs: [{{webhook_url: '{}', text: '{{{{ .CommonAnnotations.summary }}}}', \
         attachments: [{{title: '{{{{ .Status }}}}', fields: [{{title: a, value: b, short: true}}]}}], \
         props: {{card: side}}, priority: {{priority: Important, requested_ack: true, persistent_notifications: true}}}}]",
        server.url
    );
    send(&section, &long(20_000)).await.unwrap();
    let body = server.only().json();
    assert_eq!(body["text"].as_str().unwrap().chars().count(), 16_383);
    let fields = json!([{"title": "a", "value": "b", "short": true}]);
    assert_eq!(body["attachments"], json!([{"title": "firing", "fields": fields}]));
    assert_eq!(body["props"], json!({"card": "side"}));
    let priority = json!({"priority": "important", "requested_ack": true, "persistent_notifications": false});
    assert_eq!(body["priority"], priority);
}

#[tokio::test]
async fn it_is_tried_again_where_that_helps() {
    retries(section).await;
}
