//! Queries are bounded in number and time, and end when nobody waits for them any more.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use model::{Ctx, Listing, Matcher, MetricReader, Result, SelectHints, Selection, TimeRange};
use serde_json::json;
use server::Limits;

use crate::fixture::{Fixture, Wanted};

/// Reads for ever: only the context ends it.
#[derive(Default)]
struct Endless {
    running: AtomicUsize,
    most: AtomicUsize,
    ended: AtomicUsize,
}

impl Endless {
    fn wait<T>(&self, ctx: &Ctx) -> Result<T> {
        let running = self.running.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(running, Ordering::SeqCst);
        loop {
            if let Err(error) = ctx.check() {
                self.running.fetch_sub(1, Ordering::SeqCst);
                self.ended.fetch_add(1, Ordering::SeqCst);
                return Err(error);
            }
            std::thread::yield_now();
        }
    }
}

impl MetricReader for Endless {
    fn select(&self, ctx: &Ctx, _: &[Matcher], _: TimeRange, _: &SelectHints) -> Result<Selection> {
        self.wait(ctx)
    }

    fn label_names(&self, ctx: &Ctx, _: &[Matcher], _: TimeRange, _: usize) -> Result<Listing> {
        self.wait(ctx)
    }

    fn label_values(&self, ctx: &Ctx, _: &str, _: &[Matcher], _: TimeRange, _: usize) -> Result<Listing> {
        self.wait(ctx)
    }
}

fn endless(queries: usize) -> (Fixture, Arc<Endless>) {
    let reader = Arc::new(Endless::default());
    let limits = Limits { queries, ..Limits::default() };
    (Fixture::with(Wanted { limits, reader: Some(reader.clone()), ..Wanted::default() }), reader)
}

async fn until(what: &str, mut done: impl FnMut() -> bool) {
    let wait = async {
        while !done() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), wait).await.unwrap_or_else(|_| panic!("not seen: {what}"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_query_ends_at_its_timeout() {
    let (fixture, reader) = endless(4);
    for path in ["/api/v1/query?query=up", "/api/v1/labels?x=1", "/api/v1/series?match[]=up"] {
        let (status, body) = fixture.json(&format!("{path}&timeout=100ms")).await;
        assert_eq!((status, &body["errorType"]), (503, &json!("timeout")), "{path}: {body}");
        assert!(body["error"].as_str().unwrap().contains("timed out"), "{body}");
    }
    assert_eq!(reader.ended.load(Ordering::SeqCst), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_query_ends_when_its_client_goes_away() {
    let (fixture, reader) = endless(4);
    let url = format!("{}/api/v1/query?query=up", fixture.url);
    let asking = tokio::spawn(fixture.client.get(url).send());
    until("the query runs", || reader.running.load(Ordering::SeqCst) == 1).await;
    asking.abort();
    until("the query has ended", || reader.ended.load(Ordering::SeqCst) == 1).await;
    let metrics = fixture.get("/metrics").await.text().await.unwrap();
    assert!(metrics.contains("bonghwa_queries_cancelled_total 1\n"), "{metrics}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_more_queries_run_than_allowed_and_the_others_wait_their_turn() {
    let (fixture, reader) = endless(2);
    let asking: Vec<_> = (0..6)
        .map(|_| {
            let url = format!("{}/api/v1/query?query=up&timeout=300ms", fixture.url);
            tokio::spawn(fixture.client.get(url).send())
        })
        .collect();
    for one in asking {
        assert_eq!(one.await.unwrap().unwrap().status(), 503);
    }
    assert_eq!(reader.most.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn pages_that_watch_are_bounded() {
    let limits = Limits { streams: 2, ..Limits::default() };
    let fixture = Fixture::with(Wanted { limits, ..Wanted::default() });
    let first = fixture.get("/api/bonghwa/v1/live").await;
    let _second = fixture.get("/api/bonghwa/v1/containers/web/log").await;
    let (status, body) = fixture.json("/api/bonghwa/v1/live").await;
    assert_eq!((status, &body["kind"]), (429, &json!("limited")));
    drop(first);
    let fixture = &fixture;
    for _ in 0..300 {
        if fixture.get("/api/bonghwa/v1/live").await.status() == 200 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the place of a closed page was not given back");
}

#[tokio::test]
async fn a_request_that_takes_too_long_to_arrive_is_given_up() {
    for (read, idle, said) in [
        (Duration::from_millis(300), Duration::from_secs(60), "the request took too long to arrive"),
        (Duration::from_secs(60), Duration::from_millis(100), "the request body stood still for too long"),
    ] {
        let limits = Limits { read_timeout: read, body_idle: idle, ..Limits::default() };
        let fixture = Fixture::with(Wanted { limits, ..Wanted::default() });
        // A byte now and then, for ever, or one and then nothing.
        let trickle = futures::stream::unfold(0, move |sent| async move {
            match sent {
                0 => {}
                _ if idle > read => tokio::time::sleep(Duration::from_millis(20)).await,
                _ => std::future::pending().await,
            }
            Some((Ok::<_, std::io::Error>(bytes::Bytes::from_static(b"a")), sent + 1))
        });
        let body = reqwest::Body::wrap_stream(trickle);
        let request = fixture.client.post(format!("{}/api/v1/query", fixture.url));
        let kind = "application/x-www-form-urlencoded";
        let answer = request.header("content-type", kind).body(body).send().await.unwrap();
        assert_eq!(answer.status(), 503);
        let text = answer.text().await.unwrap();
        assert!(text.contains(said), "{text}");
    }
}

/// A store in which something is wrong.
struct Broken;

impl model::MetricHistory for Broken {
    fn begin<'a>(&'a self, _: &'a Ctx) -> Result<Box<dyn model::HistoryWriter + 'a>> {
        panic!("on purpose")
    }
}

#[tokio::test]
async fn an_import_that_ends_unexpectedly_gives_its_place_back() {
    let fixture = Fixture::with(Wanted { history: Some(Arc::new(Broken)), ..Wanted::default() });
    for _ in 0..4 {
        let request = fixture.client.post(format!("{}/api/bonghwa/v1/import", fixture.url));
        let answer = request.header("content-type", "text/plain").body("# EOF\n").send().await.unwrap();
        assert_eq!(answer.status(), 500, "{}", answer.text().await.unwrap());
    }
    assert_eq!(fixture.json("/api/bonghwa/v1/import").await.1["imports"], json!([]));
}
