//! PagerDuty's events.

use outbound::{Clients, Secret};
use serde_json::json;

use super::*;
use crate::Integration;
use crate::kit::{Server, answered, firing_and_resolved, long, resolved, retries, send};

fn section(url: &str) -> String {
    format!("pagerduty_configs: [{{routing_key: r-key-1, url: '{url}/v2/enqueue', severity: critical}}]")
}

#[tokio::test]
async fn an_event_triggers_and_resolves() {
    let server = Server::start().await;
    send(&section(&server.url), &firing_and_resolved()).await.unwrap();
    send(&section(&server.url), &resolved()).await.unwrap();
    let asked = server.asked();
    assert_eq!((asked[0].method.as_str(), asked[0].path.as_str()), ("POST", "/v2/enqueue"));
    let event = asked[0].json();
    assert_eq!((&event["routing_key"], &event["event_action"]), (&json!("r-key-1"), &json!("trigger")));
    assert_eq!(event["payload"]["severity"], "critical");
    assert_eq!(event["payload"]["summary"], "[FIRING:1] Down");
    assert!(event["payload"]["source"].as_str().is_some_and(|source| !source.is_empty()), "a required field");
    assert_eq!(event["payload"]["custom_details"]["num_firing"], 1);
    assert_eq!(event["payload"]["custom_details"]["firing"][0]["labels"]["instance"], "a");
    let key = event["dedup_key"].as_str().unwrap();
    assert!(key.len() <= 255);
    let second = asked[1].json();
    assert_eq!((&second["event_action"], &second["dedup_key"]), (&json!("resolve"), &json!(key)));
}

#[tokio::test]
async fn the_first_api_is_still_spoken() {
    let server = Server::answering([answered(403, "", "slow")]).await;
    let (templates, clients) = (Templates::defaults().unwrap(), Clients::default());
    let config = PagerdutyConfig { service_key: Secret::new("s-key-1"), ..PagerdutyConfig::default() };
    let kit = Kit { templates: &templates, clients: &clients };
    let first = format!("{}/generic", server.url);
    let pagerduty = Pagerduty { first, ..Pagerduty::new(&config, &kit).unwrap() };
    assert_eq!(pagerduty.notify(&firing_and_resolved()).await.unwrap_err().retry, Retry::Later);
    pagerduty.notify(&firing_and_resolved()).await.unwrap();
    let event = server.asked()[1].json();
    assert_eq!((&event["service_key"], &event["event_type"]), (&json!("s-key-1"), &json!("trigger")));
    assert!(event.get("routing_key").is_none());
}

#[tokio::test]
async fn an_event_that_is_too_large_loses_its_details() {
    let server = Server::start().await;
    send(&section(&server.url), &long(200_000)).await.unwrap();
    let request = server.only();
    assert!(request.body.len() <= 512_000);
    assert!(request.json()["payload"]["custom_details"]["error"].as_str().unwrap().contains("512000"));
}

#[tokio::test]
async fn it_is_tried_again_where_that_helps() {
    retries(section).await;
}
