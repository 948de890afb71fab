//! Before the stores are open.

use std::net::TcpListener;
use std::sync::Arc;

use model::ReplayProgress;
use server::{Limits, Server, Web};

#[tokio::test]
async fn it_answers_at_once_says_how_far_it_is_and_leaves_the_listener_open() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let progress = Arc::new(ReplayProgress::default());
    progress.begin([(3, 100), (4, 300)]);
    let clones = vec![listener.try_clone().unwrap()];
    let waiting = Server::wait(progress.clone(), Limits::default(), Web::default(), clones).unwrap();
    let client = reqwest::Client::new();
    let get = |path: &str| client.get(format!("{url}{path}")).send();
    assert_eq!(get("/-/healthy").await.unwrap().status(), 200);
    let ready = get("/-/ready").await.unwrap();
    assert_eq!(ready.status(), 503);
    assert_eq!(
        ready.text().await.unwrap(),
        "Service Unavailable: the log is being read back: 0 %, 0 of 2 segments\n"
    );
    progress.record(3, 100);
    progress.record(4, 100);
    let replay = get("/api/v1/status/walreplay").await.unwrap();
    assert_eq!(replay.status(), 200);
    let body: serde_json::Value = serde_json::from_str(&replay.text().await.unwrap()).unwrap();
    assert_eq!(body, serde_json::json!({"status": "success", "data": {"min": 3, "max": 4, "current": 4}}));
    let query = get("/api/v1/query?query=up").await.unwrap();
    assert_eq!((query.status().as_u16(), query.headers()["retry-after"].to_str().unwrap()), (503, "2"));
    let body: serde_json::Value = serde_json::from_str(&query.text().await.unwrap()).unwrap();
    assert_eq!(body["errorType"], "unavailable");
    assert!(body["error"].as_str().unwrap().contains("50 %"), "{body}");
    let write = client.post(format!("{url}/api/v1/write")).body("x").send().await.unwrap();
    assert_eq!(write.status(), 503);
    waiting.stop().await;
    // Whoever comes between the two waits in the queue of the listener.
    let asked = tokio::spawn(client.get(format!("{url}/-/ready")).send());
    listener.set_nonblocking(true).unwrap();
    let listener = tokio::net::TcpListener::from_std(listener).unwrap();
    let (socket, _) = listener.accept().await.unwrap();
    drop(socket);
    assert!(asked.await.unwrap().is_err(), "this test answers nothing");
}
