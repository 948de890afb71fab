//! Pushover's messages.

use outbound::{Clients, Secret};

use super::*;
use crate::Integration;
use crate::Retry;
use crate::kit::{Server, answered, firing_and_resolved, long};

fn made(server: &Server, html: bool) -> Pushover {
    let config = PushoverConfig {
        token: Secret::new("t-geheim"),
        user_key: Secret::new("u-geheim"),
        html,
        ..PushoverConfig::default()
    };
    let (templates, clients) = (Templates::defaults().unwrap(), Clients::default());
    let made = Pushover::new(&config, &Kit { templates: &templates, clients: &clients }).unwrap();
    Pushover { api: format!("{}/1/messages.json", server.url), ..made }
}

#[tokio::test]
async fn a_form_is_posted() {
    let server = Server::start().await;
    made(&server, true).notify(&firing_and_resolved()).await.unwrap();
    let request = server.only();
    assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/1/messages.json"));
    assert_eq!(request.header("content-type"), "application/x-www-form-urlencoded");
    let field = |name| request.field(name);
    assert_eq!((field("token"), field("user")), (Some("t-geheim".to_owned()), Some("u-geheim".to_owned())));
    assert_eq!((field("priority").as_deref(), field("html").as_deref()), (Some("2"), Some("1")));
    // What an emergency needs.
    assert_eq!((field("retry").as_deref(), field("expire").as_deref()), (Some("60"), Some("3600")));
    assert_eq!(field("title").as_deref(), Some("[FIRING:1] Down"));
    assert!(field("message").unwrap().contains("봉화 &lt;b&gt;"));
    assert_eq!((field("sound"), field("ttl")), (None, None));
}

#[tokio::test]
async fn limits_and_retries() {
    let server =
        Server::answering([answered(429, "", "t-geheim"), answered(400, "", ""), answered(500, "", "")])
            .await;
    let pushover = made(&server, false);
    let failure = pushover.notify(&long(3000)).await.unwrap_err();
    assert_eq!((failure.retry, failure.message.contains("geheim")), (Retry::Later, false), "{failure}");
    assert_eq!(server.only().field("message").unwrap().chars().count(), 1024);
    assert_eq!(pushover.notify(&long(3)).await.unwrap_err().retry, Retry::Never);
    assert_eq!(pushover.notify(&long(3)).await.unwrap_err().retry, Retry::Later);
}
