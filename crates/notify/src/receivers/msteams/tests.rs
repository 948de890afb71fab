//! A connector of Teams.

use crate::kit::{Server, firing_and_resolved, long, retries, send};

fn section(url: &str) -> String {
    format!("msteams_configs: [{{webhook_url: '{url}/webhookb2/x'}}]")
}

#[tokio::test]
async fn a_card_is_posted() {
    let server = Server::start().await;
    send(&section(&server.url), &firing_and_resolved()).await.unwrap();
    let request = server.only();
    assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/webhookb2/x"));
    let card = request.json();
    assert_eq!(
        (card["type"].as_str(), card["summary"].as_str()),
        (Some("MessageCard"), Some("[FIRING:1] Down"))
    );
    assert!(card["text"].as_str().unwrap().contains("**instance**: a"));
    assert_eq!(card["themeColor"].as_str().unwrap().len(), 6);
}

#[tokio::test]
async fn a_long_text_is_cut() {
    let server = Server::start().await;
    send(&section(&server.url), &long(20_000)).await.unwrap();
    assert!(server.only().body.len() <= 28 << 10);
}

#[tokio::test]
async fn it_is_tried_again_where_that_helps() {
    retries(section).await;
}
