//! Opsgenie's alerts.

use serde_json::json;

use crate::kit::{Server, answered, firing_and_resolved, long, resolved, retries, send};

fn section(url: &str) -> String {
    format!(
        "opsgenie_configs: [{{api_url: '{url}', api_key: k-geheim, tags: 'a, b,', update_alerts: true, \
         responders: [{{name: 'x,y', type: Teams}}, {{id: '1', type: user}}]}}]"
    )
}

#[tokio::test]
async fn an_alert_is_made_and_follows() {
    let server = Server::start().await;
    send(&section(&server.url), &firing_and_resolved()).await.unwrap();
    let asked = server.asked();
    let called: Vec<_> =
        asked.iter().map(|a| (a.method.as_str(), a.path.rsplit('/').next().unwrap())).collect();
    assert_eq!(called, [("POST", "alerts"), ("PUT", "message"), ("PUT", "description")]);
    assert!(asked.iter().all(|request| request.header("authorization") == "GenieKey k-geheim"));
    assert_eq!((asked[0].path.as_str(), asked[1].query.as_str()), ("/v2/alerts", "identifierType=alias"));
    let alert = asked[0].json();
    assert_eq!(alert["message"], "[FIRING:1] Down");
    assert_eq!(alert["tags"], json!(["a", "b"]));
    let teams =
        json!([{"name": "x", "type": "team"}, {"name": "y", "type": "team"}, {"id": "1", "type": "user"}]);
    assert_eq!(alert["responders"], teams);
    assert_eq!(alert["details"], json!({"alertname": "Down"}));
    assert!(alert["alias"].as_str().unwrap().len() <= 512);
}

#[tokio::test]
async fn it_is_closed_under_the_same_name() {
    let server = Server::start().await;
    send(&section(&server.url), &firing_and_resolved()).await.unwrap();
    send(&section(&server.url), &resolved()).await.unwrap();
    let asked = server.asked();
    let alias = asked[0].json()["alias"].as_str().unwrap().to_owned();
    assert_eq!(asked[3].path, format!("/v2/alerts/{alias}/close"));
}

#[tokio::test]
async fn a_long_message_is_cut_and_the_key_is_not_told() {
    let server = Server::answering([answered(422, "", "GenieKey k-geheim is wrong")]).await;
    let section = section(&server.url).replace("tags:", "message: '{{ .CommonAnnotations.summary }}', tags:");
    let failure = send(&section, &long(200)).await.unwrap_err();
    assert_eq!(failure.message, "unexpected status code 422: GenieKey <secret> is wrong");
    assert_eq!(server.only().json()["message"].as_str().unwrap().chars().count(), 130);
}

#[tokio::test]
async fn it_is_tried_again_where_that_helps() {
    retries(section).await;
}
