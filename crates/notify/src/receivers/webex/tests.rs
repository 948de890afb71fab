//! Messages of Webex.

use crate::kit::{Server, firing_and_resolved, long, retries, send};

fn section(url: &str) -> String {
    format!(
        "webex_configs: [{{api_url: '{url}/v1/messages', room_id: r, http_config: {{authorization: {{credentials: t}}}}}}]"
    )
}

#[tokio::test]
async fn a_message_is_posted() {
    let server = Server::start().await;
    send(&section(&server.url), &firing_and_resolved()).await.unwrap();
    let request = server.only();
    assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/v1/messages"));
    assert_eq!(request.header("authorization"), "Bearer t");
    assert_eq!(request.json()["roomId"], "r");
    assert!(request.json()["markdown"].as_str().unwrap().contains("instance: a"));
}

#[tokio::test]
async fn a_long_message_is_cut() {
    let server = Server::start().await;
    send(&section(&server.url), &long(5000)).await.unwrap();
    let length = server.only().json()["markdown"].as_str().unwrap().len();
    assert!((7430..=7439).contains(&length), "{length}");
}

#[tokio::test]
async fn it_is_tried_again_where_that_helps() {
    retries(section).await;
}
