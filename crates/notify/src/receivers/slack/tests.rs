//! Slack's webhooks and its API.

use outbound::Clients;
use serde_json::json;

use super::*;
use crate::Integration;
use crate::kit::{Server, answered, firing_and_resolved, long, retries, send};

fn section(url: &str) -> String {
    format!("slack_configs: [{{api_url: '{url}/services/T/B/x', channel: '#c'}}]")
}

#[tokio::test]
async fn an_attachment_is_posted() {
    let server = Server::answering([answered(200, "", "ok")]).await;
    let section = format!(
        "slack_configs: [{{api_url: '{}/services/T/B/x', channel: '#{{{{ .GroupLabels.alertname }}}}', \
         fields: [{{title: t, value: '{{{{ .Status }}}}'}}], actions: [{{type: button, text: go, url: 'http://u'}}]}}]",
        server.url
    );
    send(&section, &firing_and_resolved()).await.unwrap();
    let request = server.only();
    assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/services/T/B/x"));
    assert_eq!(
        request.json(),
        json!({
            "channel": "#Down", "username": "Bonghwa",
            "attachments": [{
                "title": "[FIRING:1] Down", "title_link": "http://b/alerts?receiver=team%5C.x", "color": "danger",
                "fallback": "[FIRING:1] Down | http://b/alerts?receiver=team%5C.x",
                "mrkdwn_in": ["fallback", "pretext", "text"],
                "fields": [{"title": "t", "value": "firing", "short": false}],
                "actions": [{"type": "button", "text": "go", "url": "http://u"}],
            }],
        })
    );
}

#[tokio::test]
async fn an_app_has_its_token_in_a_header() {
    let server = Server::start().await;
    let url = &server.url;
    let section =
        format!("slack_configs: [{{app_token: xoxb-1, app_url: '{url}/api/chat.postMessage', channel: c}}]");
    send(&section, &firing_and_resolved()).await.unwrap();
    assert_eq!(server.only().header("authorization"), "Bearer xoxb-1");
}

#[tokio::test]
async fn a_no_with_a_good_status_is_a_no() {
    for (body, retry, told) in [
        ("{\"ok\":false,\"error\":\"channel_not_found\"}", Retry::Never, "from Slack: channel_not_found"),
        ("{\"ok\":false,\"error\":\"ratelimited\"}", Retry::Later, "ratelimited"),
        ("no_team", Retry::Never, "channel \"#c\": received an error response from Slack: no_team"),
    ] {
        let server = Server::answering([answered(200, "", body)]).await;
        let failure = send(&section(&server.url), &firing_and_resolved()).await.unwrap_err();
        assert_eq!(failure.retry, retry);
        assert!(failure.message.contains(told), "{failure}");
    }
}

#[tokio::test]
async fn the_first_message_of_a_group_is_changed() {
    let server =
        Server::answering([answered(200, "", "{\"ok\":true,\"ts\":\"12.5\",\"channel\":\"C1\"}")]).await;
    let config = SlackConfig {
        api_url: outbound::Secret::new(format!("{}/api/chat.postMessage", server.url)),
        update_message: true,
        ..SlackConfig::default()
    };
    let (templates, clients) = (Templates::defaults().unwrap(), Clients::default());
    let slack = Slack::new(&config, &Kit { templates: &templates, clients: &clients }).unwrap();
    slack.notify(&firing_and_resolved()).await.unwrap();
    slack.notify(&firing_and_resolved()).await.unwrap();
    let asked = server.asked();
    assert_eq!(
        (asked[0].path.as_str(), asked[1].path.as_str()),
        ("/api/chat.postMessage", "/api/chat.update")
    );
    assert_eq!((&asked[1].json()["ts"], &asked[1].json()["channel"]), (&json!("12.5"), &json!("C1")));
}

#[tokio::test]
async fn a_long_title_is_cut() {
    let server = Server::start().await;
    let url = &server.url;
    let section =
        format!("slack_configs: [{{api_url: '{url}', title: '{{{{ .CommonAnnotations.summary }}}}'}}]");
    send(&section, &long(3000)).await.unwrap();
    let title = server.only().json()["attachments"][0]["title"].as_str().unwrap().to_owned();
    assert_eq!((title.chars().count(), title.ends_with('…')), (1024, true));
}

#[tokio::test]
async fn it_is_tried_again_where_that_helps() {
    retries(section).await;
}
