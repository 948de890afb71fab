//! Rocket.Chat's `chat.postMessage`.

use serde_json::json;

use crate::Retry;
use crate::kit::{Server, answered, firing_and_resolved, long, retries, send};

const TAKEN: &str = "{\"success\":true}";

fn section(url: &str) -> String {
    format!(
        "rocketchat_configs: [{{api_url: '{url}', token: t-geheim, token_id: i-geheim, channel: '#c', \
         title: '{{{{ .CommonAnnotations.summary }}}}', actions: [{{text: go, url: 'http://u'}}]}}]"
    )
}

#[tokio::test]
async fn an_attachment_is_posted() {
    let server = Server::answering([answered(200, "", TAKEN)]).await;
    send(&section(&server.url), &long(2000)).await.unwrap();
    let request = server.only();
    assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/api/v1/chat.postMessage"));
    assert_eq!((request.header("x-auth-token"), request.header("x-user-id")), ("t-geheim", "i-geheim"));
    let body = request.json();
    assert_eq!(body["channel"], "#c");
    let attachment = &body["attachments"][0];
    assert_eq!(attachment["color"], "red");
    assert_eq!(attachment["title"].as_str().unwrap().chars().count(), 1024);
    assert_eq!(attachment["actions"], json!([{"type": "button", "text": "go", "url": "http://u"}]));
}

#[tokio::test]
async fn a_no_with_a_good_status_is_a_no() {
    let server = Server::answering([answered(200, "", "{\"success\":false,\"error\":\"t-geheim\"}")]).await;
    let failure = send(&section(&server.url), &firing_and_resolved()).await.unwrap_err();
    assert_eq!((failure.retry, failure.message.contains("geheim")), (Retry::Never, false), "{failure}");
}

#[tokio::test]
async fn it_is_tried_again_where_that_helps() {
    retries(section).await;
}
