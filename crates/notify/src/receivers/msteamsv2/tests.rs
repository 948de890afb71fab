//! A workflow of Teams.

use crate::kit::{Server, firing_and_resolved, long, resolved, retries, send};

fn section(url: &str) -> String {
    format!("msteamsv2_configs: [{{webhook_url: '{url}/workflows/x?sig=s'}}]")
}

#[tokio::test]
async fn an_adaptive_card_is_posted() {
    let server = Server::start().await;
    send(&section(&server.url), &firing_and_resolved()).await.unwrap();
    send(&section(&server.url), &resolved()).await.unwrap();
    let asked = server.asked();
    assert_eq!((asked[0].path.as_str(), asked[0].query.as_str()), ("/workflows/x", "sig=s"));
    let card = |at: usize| asked[at].json()["attachments"][0].clone();
    assert_eq!(card(0)["contentType"], "application/vnd.microsoft.card.adaptive");
    assert_eq!(card(0)["content"]["type"], "AdaptiveCard");
    assert_eq!(card(0)["content"]["body"][0]["text"], "[FIRING:1] Down");
    assert_eq!(card(0)["content"]["body"][0]["color"], "Attention");
    assert_eq!(card(1)["content"]["body"][0]["color"], "Good");
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
