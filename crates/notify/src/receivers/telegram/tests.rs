//! Telegram's `sendMessage`.

use std::time::Duration;

use serde_json::json;

use crate::Retry;
use crate::kit::{Server, answered, firing_and_resolved, long, retries, send};

fn section(url: &str) -> String {
    format!(
        "telegram_configs: [{{api_url: '{url}', bot_token: '12:geheim', chat_id: -7, message_thread_id: 3}}]"
    )
}

#[tokio::test]
async fn a_message_is_sent_as_html() {
    let server = Server::start().await;
    send(&section(&server.url), &firing_and_resolved()).await.unwrap();
    let request = server.only();
    assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/bot12:geheim/sendMessage"));
    let body = request.json();
    assert_eq!((&body["chat_id"], &body["message_thread_id"]), (&json!(-7), &json!(3)));
    assert_eq!(body["parse_mode"], "HTML");
    assert!(body["text"].as_str().unwrap().contains("봉화 &lt;b&gt;"), "{body}");
}

#[tokio::test]
async fn what_is_too_long_is_cut_or_replaced() {
    let server = Server::start().await;
    send(&section(&server.url), &long(5000)).await.unwrap();
    let plain = section(&server.url).replace("chat_id", "parse_mode: '', chat_id");
    send(&plain, &long(5000)).await.unwrap();
    let text = |at: usize| server.asked()[at].json()["text"].as_str().unwrap().to_owned();
    assert!(text(0).contains("longer than Telegram takes"));
    assert_eq!(text(1).chars().count(), 4096);
    assert!(server.asked()[1].json().get("parse_mode").is_none());
}

#[tokio::test]
async fn its_own_wait_is_honoured_and_its_token_is_not_told() {
    let told = "{\"ok\":false,\"description\":\"12:geheim\",\"parameters\":{\"retry_after\":9}}";
    let server = Server::answering([answered(429, "", told)]).await;
    let failure = send(&section(&server.url), &firing_and_resolved()).await.unwrap_err();
    assert_eq!(failure.retry, Retry::After(Duration::from_secs(9)));
    assert!(!failure.message.contains("geheim"), "{failure}");
}

#[tokio::test]
async fn it_is_tried_again_where_that_helps() {
    retries(section).await;
}
