//! The REST endpoint of VictorOps.

use serde_json::json;

use crate::kit::{Server, firing_and_resolved, long, resolved, retries, send};

fn section(url: &str) -> String {
    format!(
        "victorops_configs: [{{api_url: '{url}/alert', api_key: k, routing_key: 'r-{{{{ .Status }}}}', \
         message_type: WHAT, custom_fields: {{f: '{{{{ .Receiver }}}}'}}}}]"
    )
}

#[tokio::test]
async fn an_event_opens_and_recovers() {
    let server = Server::start().await;
    send(&section(&server.url), &firing_and_resolved()).await.unwrap();
    send(&section(&server.url), &resolved()).await.unwrap();
    let asked = server.asked();
    assert_eq!(
        (asked[0].path.as_str(), asked[1].path.as_str()),
        ("/alert/k/r-firing", "/alert/k/r-resolved")
    );
    let (event, over) = (asked[0].json(), asked[1].json());
    assert_eq!((&event["message_type"], &over["message_type"]), (&json!("CRITICAL"), &json!("RECOVERY")));
    assert_eq!(event["entity_id"], over["entity_id"]);
    assert_eq!((&event["entity_display_name"], &event["f"]), (&json!("[FIRING:1] Down"), &json!("team\\.x")));
}

#[tokio::test]
async fn a_long_message_is_cut() {
    let server = Server::start().await;
    send(&section(&server.url), &long(30_000)).await.unwrap();
    assert_eq!(server.only().json()["state_message"].as_str().unwrap().chars().count(), 20_480);
}

#[tokio::test]
async fn it_is_tried_again_where_that_helps() {
    retries(section).await;
}
