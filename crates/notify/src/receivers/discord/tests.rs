//! A webhook of Discord.

use serde_json::json;

use crate::kit::{Server, firing_and_resolved, long, resolved, retries, send};

fn section(url: &str) -> String {
    format!("discord_configs: [{{webhook_url: '{url}/api/webhooks/1/t', username: b, content: hi}}]")
}

#[tokio::test]
async fn an_embed_is_posted() {
    let server = Server::start().await;
    send(&section(&server.url), &firing_and_resolved()).await.unwrap();
    let request = server.only();
    assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/api/webhooks/1/t"));
    let body = request.json();
    assert_eq!((&body["username"], &body["content"]), (&json!("b"), &json!("hi")));
    assert_eq!(body["embeds"][0]["title"], json!("[FIRING:1] Down"));
    assert!(body["embeds"][0]["description"].as_str().unwrap().contains("instance: a"));
    assert!(body.get("avatar_url").is_none());
    let red = body["embeds"][0]["color"].clone();

    send(&section(&server.url), &resolved()).await.unwrap();
    assert_ne!(server.asked()[1].json()["embeds"][0]["color"], red);
}

#[tokio::test]
async fn what_is_too_long_for_it_is_cut() {
    let server = Server::start().await;
    let url = &server.url;
    let section = format!(
        "discord_configs: [{{webhook_url: '{url}', title: '{{{{ .CommonAnnotations.summary }}}}', \
         content: '{{{{ .CommonAnnotations.summary }}}}'}}]"
    );
    send(&section, &long(5000)).await.unwrap();
    let body = server.only().json();
    let length = |text: &serde_json::Value| text.as_str().unwrap().chars().count();
    assert_eq!(length(&body["content"]), 2000);
    assert_eq!((length(&body["embeds"][0]["title"]), length(&body["embeds"][0]["description"])), (256, 4096));
}

#[tokio::test]
async fn it_is_tried_again_where_that_helps() {
    retries(section).await;
}
