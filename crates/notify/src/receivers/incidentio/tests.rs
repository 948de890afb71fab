//! An alert source of incident.io.

use crate::kit::{Server, firing_and_resolved, long, retries, send};

fn section(url: &str) -> String {
    format!(
        "incidentio_configs: [{{url: '{url}/v2/alert_events/alertmanager/1', alert_source_token: t-geheim}}]"
    )
}

#[tokio::test]
async fn a_notification_is_posted() {
    let server = Server::start().await;
    send(&section(&server.url), &firing_and_resolved()).await.unwrap();
    let request = server.only();
    assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/v2/alert_events/alertmanager/1"));
    assert_eq!(request.header("authorization"), "Bearer t-geheim");
    let message = request.json();
    assert_eq!((message["version"].as_str(), message["alerts"].as_array().unwrap().len()), (Some("1"), 2));
    assert_eq!(message["groupKey"], "{}:{alertname=\"Down\"}");
}

#[tokio::test]
async fn of_a_large_one_the_first_alert_is_sent() {
    let server = Server::start().await;
    send(&section(&server.url), &long(100_000)).await.unwrap();
    let message = server.only().json();
    assert_eq!(
        (message["alerts"].as_array().unwrap().len(), message["truncatedAlerts"].as_u64()),
        (1, Some(1))
    );
}

#[tokio::test]
async fn it_is_tried_again_where_that_helps() {
    retries(section).await;
}
