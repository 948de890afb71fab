//! Who may ask what, over real sockets.

use std::sync::atomic::Ordering;

use server::Access;

use crate::fixture::{Fixture, Wanted};

fn access() -> Access {
    Access { token: Some("t0ken".to_owned()), lifecycle: true, ..Access::default() }
}

#[tokio::test]
async fn loopback_is_open_but_not_under_a_foreign_name() {
    let fixture = Fixture::with(Wanted { access: access(), ..Wanted::default() });
    assert_eq!(fixture.get("/api/bonghwa/v1/containers").await.status(), 200);
    let rebound = fixture
        .client
        .get(format!("{}/api/bonghwa/v1/containers", fixture.url))
        .header("host", "evil.example:80");
    let answer = rebound.send().await.unwrap();
    assert_eq!(answer.status(), 403);
    assert!(answer.headers().get("access-control-allow-origin").is_none());
    assert!(answer.text().await.unwrap().contains("--web.external-url"));
}

#[tokio::test]
async fn off_loopback_data_needs_the_token_and_a_browser_gets_it_as_a_cookie() {
    let fixture = Fixture::with(Wanted { access: access(), open: true, ..Wanted::default() });
    for open in ["/", "/-/healthy", "/-/ready", "/metrics", "/api/v1/labels", "/api/v1/status/buildinfo"] {
        assert_eq!(fixture.get(open).await.status(), 200, "{open}");
    }
    for closed in ["/api/bonghwa/v1/containers", "/api/bonghwa/v1/live", "/api/bonghwa/v1/containers/web/log"]
    {
        let answer = fixture.get(closed).await;
        assert_eq!(answer.status(), 401, "{closed}");
        assert!(answer.headers()["www-authenticate"].to_str().unwrap().starts_with("Bearer"));
    }
    assert_eq!(
        fixture.client.post(format!("{}/api/v1/write", fixture.url)).send().await.unwrap().status(),
        401
    );
    let reload = || fixture.client.post(format!("{}/-/reload", fixture.url));
    assert_eq!(reload().header("origin", "https://evil.example").send().await.unwrap().status(), 403);
    assert_eq!(fixture.process.reloads.load(Ordering::SeqCst), 0);
    assert_eq!(reload().send().await.unwrap().status(), 200, "its flag has opened it");

    let page = fixture.get("/explore?q=up&token=t0ken").await;
    assert_eq!(
        (page.status().as_u16(), &page.headers()["location"]),
        (303, &"/explore?q=up".parse().unwrap())
    );
    let cookie = page.headers()["set-cookie"].to_str().unwrap().to_owned();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
    let cookie = cookie.split(';').next().unwrap();
    let signed =
        fixture.client.get(format!("{}/api/bonghwa/v1/containers", fixture.url)).header("cookie", cookie);
    assert_eq!(signed.send().await.unwrap().status(), 200);
    assert_eq!(fixture.get("//evil.example/?token=t0ken").await.headers()["location"], "/evil.example/");
    assert_eq!(fixture.get("/?token=wrong").await.status(), 200, "the page itself holds no data");
}

#[tokio::test]
async fn reload_quit_and_write_need_their_flags() {
    let fixture = Fixture::start();
    let post = async |path: &str| {
        let answer = fixture.client.post(format!("{}{path}", fixture.url)).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    assert_eq!(post("/-/reload").await, (403, "Lifecycle API is not enabled.".to_owned()));
    assert_eq!(post("/-/quit").await.0, 403);
    let (status, text) = post("/api/v1/write").await;
    assert!(status == 404 && text.contains("--web.enable-remote-write-receiver"));

    let fixture = Fixture::with(Wanted { access: access(), ..Wanted::default() });
    let reload = || fixture.client.post(format!("{}/-/reload", fixture.url));
    assert_eq!(reload().send().await.unwrap().status(), 200);
    assert_eq!(reload().header("origin", "https://evil.example").send().await.unwrap().status(), 403);
    assert_eq!(fixture.process.reloads.load(Ordering::SeqCst), 1);
    fixture.process.reload_fails.store(true, Ordering::SeqCst);
    let failed = reload().send().await.unwrap();
    assert_eq!(failed.status(), 500);
    assert!(failed.text().await.unwrap().contains("line 3"));
    assert_eq!(fixture.get("/-/reload").await.status(), 405);
}

#[tokio::test]
async fn pages_have_a_strict_policy() {
    let fixture = Fixture::start();
    let page = fixture.get("/containers/web").await;
    assert_eq!(page.status(), 200);
    let policy = page.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy.contains("script-src 'self';") && policy.contains("frame-ancestors 'none'"), "{policy}");
    assert_eq!(page.headers()["x-content-type-options"], "nosniff");
    assert_eq!(fixture.get("/assets/missing.js").await.status(), 404);
    assert_eq!(fixture.get("/api/v1/nothing").await.status(), 404);
    assert_eq!(fixture.get("/classic/graph?g0.expr=up").await.headers()["location"], "/graph?g0.expr=up");
}

#[tokio::test]
async fn not_ready_is_said_and_queries_wait() {
    let fixture = Fixture::start();
    fixture.process.ready.store(false, Ordering::SeqCst);
    let ready = fixture.get("/-/ready").await;
    assert_eq!(ready.status(), 503);
    assert!(ready.text().await.unwrap().contains("replaying 5 of 10"));
    assert_eq!(fixture.get("/-/healthy").await.status(), 200);
    let (status, body) = fixture.json("/api/v1/query?query=up").await;
    assert_eq!((status, body["errorType"].as_str()), (503, Some("unavailable")));
}
