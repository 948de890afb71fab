use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::http::StatusCode;
use axum::response::IntoResponse;
use model::metrics::Family;
use model::passing::{QueueActivity, QueueState, Queues};
use model::{Budget, Exemplar, FeedValue, Histogram, Labels, ManualClock, Span};

use super::*;
use crate::config::RemoteWriteConfig;
use crate::testing::{Families, Feed, MemoryFeed, Receiver, series, wait};

const NOW: i64 = 1_700_000_000_000;
/// Small figures, so that every edge is met; no test waits for time to pass.
const QUEUE: &str = "{capacity: 100, max_samples_per_send: 30, min_shards: 3, max_shards: 3, \
                     batch_send_deadline: 20ms, min_backoff: 1ms, max_backoff: 5ms, retry_on_http_429: true}";

fn config(url: &str, more: &str) -> RemoteWriteConfig {
    let yaml = format!(
        "{{url: '{url}', name: test, queue_config: {QUEUE}, metadata_config: {{send: false}}{more}}}"
    );
    serde_saphyr::from_str(&yaml).unwrap()
}

fn senders(feed: &Arc<MemoryFeed>) -> Arc<Senders> {
    let families = ["m", "histogram"].map(|name| Family {
        name: name.into(),
        kind: "gauge".into(),
        help: "도움말".into(),
        unit: "seconds".into(),
    });
    Senders::new(Doors {
        feed: Arc::new(Feed(Arc::clone(feed))),
        reader: Arc::new(Families(families.to_vec())),
        clock: Arc::new(ManualClock::at_ms(NOW)),
        budget: Budget::new("test", 64 << 20),
        flush_deadline: Duration::from_secs(60),
    })
}

fn plan(receivers: Vec<RemoteWriteConfig>) -> Plan {
    Plan { receivers, log_cap: 1 << 30, ..Plan::default() }
}

fn fill(feed: &MemoryFeed, from: usize, samples: usize) {
    for k in from..from + samples {
        feed.float(k % 37, NOW + k as i64, k as f64);
    }
}

/// Everything of the log is there, in order within each series.
fn check(feed: &MemoryFeed, receiver: &Receiver) {
    let got = receiver.got.lock();
    let mut want = std::collections::BTreeMap::<Labels, Vec<(i64, u64)>>::new();
    for sample in feed.log.lock().iter() {
        if let FeedValue::Float(v) = sample.value {
            want.entry((*sample.series).clone()).or_default().push((sample.t, v.to_bits()));
        }
    }
    assert_eq!(got.floats, want);
}

fn state(senders: &Senders) -> QueueState {
    senders.queues().remove(0)
}

async fn everything_arrives(more: &str) {
    let (feed, receiver) = (Arc::new(MemoryFeed::default()), Receiver::start().await);
    let senders = senders(&feed);
    fill(&feed, 0, 5_000);
    senders.apply(&plan(vec![config(&receiver.url, more)])).unwrap();
    receiver.has(5_000).await;
    fill(&feed, 5_000, 7);
    receiver.has(5_007).await;
    check(&feed, &receiver);
    wait(|| feed.acknowledged("test") == 5_007).await;
    assert_eq!(receiver.got.lock().largest, 30);
    let state = state(&senders);
    assert_eq!((state.sent, state.failed, state.pending, state.shards), (5_007, 0, 0, 3));
    assert_eq!((state.activity, state.lag_bytes), (QueueActivity::Sending, 0));
    senders.stop(Duration::from_secs(10)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_arrives_in_version_1() {
    everything_arrives("").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_arrives_in_version_2() {
    everything_arrives(", protobuf_message: io.prometheus.write.v2.Request").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_that_may_pass_cost_nothing_and_keep_the_order() {
    let (feed, receiver) = (Arc::new(MemoryFeed::default()), Receiver::start().await);
    let senders = senders(&feed);
    receiver.answer(|n| match n % 4 {
        0 => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        1 => StatusCode::TOO_MANY_REQUESTS.into_response(),
        2 => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        _ => StatusCode::OK.into_response(),
    });
    fill(&feed, 0, 2_000);
    senders.apply(&plan(vec![config(&receiver.url, "")])).unwrap();
    receiver.has(2_000).await;
    check(&feed, &receiver);
    wait(|| feed.acknowledged("test") == 2_000).await;
    let state = state(&senders);
    assert_eq!(state.failed, 0);
    assert!(state.retried > 2_000, "{state:?}");
    assert!(receiver.got.lock().attempts.iter().any(|attempt| *attempt > 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_receiver_refuses_is_dropped_and_counted() {
    let (feed, receiver) = (Arc::new(MemoryFeed::default()), Receiver::start().await);
    let senders = senders(&feed);
    receiver.answer(|n| match n {
        0 => (StatusCode::BAD_REQUEST, "invalid labels\nmore").into_response(),
        _ => StatusCode::OK.into_response(),
    });
    fill(&feed, 0, 1);
    senders.apply(&plan(vec![config(&receiver.url, "")])).unwrap();
    wait(|| feed.acknowledged("test") == 1).await;
    let refused = state(&senders);
    assert_eq!((refused.failed, refused.sent, refused.activity), (1, 0, QueueActivity::Refused));
    let error = refused.last_error.unwrap();
    assert_eq!(error, "server returned HTTP status 400 Bad Request: invalid labels");
    fill(&feed, 1, 1);
    receiver.has(1).await;
    wait(|| state(&senders).last_error.is_none()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn status_429_is_final_where_it_is_not_to_be_retried() {
    let (feed, receiver) = (Arc::new(MemoryFeed::default()), Receiver::start().await);
    let senders = senders(&feed);
    receiver.answer(|_| StatusCode::TOO_MANY_REQUESTS.into_response());
    let mut config = config(&receiver.url, "");
    config.queue_config.retry_on_http_429 = false;
    fill(&feed, 0, 10);
    senders.apply(&plan(vec![config])).unwrap();
    wait(|| feed.acknowledged("test") == 10).await;
    assert_eq!(state(&senders).failed, 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_receiver_is_away_little_is_held_and_nothing_acknowledged() {
    let (feed, receiver) = (Arc::new(MemoryFeed::default()), Receiver::start().await);
    receiver.answer(|_| StatusCode::BAD_GATEWAY.into_response());
    let first = senders(&feed);
    fill(&feed, 0, 50_000);
    first.apply(&plan(vec![config(&receiver.url, "")])).unwrap();
    wait(|| receiver.asked() > 20).await;
    let held = state(&first);
    assert!(held.pending <= 3 * 200 + 100, "what the shards take and one batch of the log: {held:?}");
    assert_eq!((held.activity, held.sent), (QueueActivity::Retrying, 0));
    assert!(held.last_error.unwrap().contains("502"));
    // A stop does not wait for a receiver that fails.
    let begun = std::time::Instant::now();
    first.stop(Duration::from_secs(600)).await;
    assert!(begun.elapsed() < Duration::from_secs(60));
    assert_eq!(feed.acknowledged("test"), 0);
    // Another process goes on where this one was.
    receiver.answer(|_| StatusCode::OK.into_response());
    let second = senders(&feed);
    second.apply(&plan(vec![config(&receiver.url, "")])).unwrap();
    receiver.has(50_000).await;
    check(&feed, &receiver);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_crash_what_had_arrived_does_not_keep_the_rest_from_arriving() {
    let (feed, receiver) = (Arc::new(MemoryFeed::default()), Receiver::start().await);
    receiver.got.lock().strict = true;
    let first = senders(&feed);
    fill(&feed, 0, 333);
    first.apply(&plan(vec![config(&receiver.url, "")])).unwrap();
    receiver.has(333).await;
    first.stop(Duration::from_secs(10)).await;
    // The process was killed before it could note what had arrived.
    feed.places.lock().insert("test".into(), 0);
    fill(&feed, 333, 400);
    let second = senders(&feed);
    second.apply(&plan(vec![config(&receiver.url, "")])).unwrap();
    receiver.has(733).await;
    check(&feed, &receiver);
    wait(|| feed.acknowledged("test") == 733).await;
    let state = state(&second);
    assert_eq!((state.failed, state.sent, state.dropped), (0, 400, 333));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_delivers_what_waits_for_its_batch_to_fill() {
    let (feed, receiver) = (Arc::new(MemoryFeed::default()), Receiver::start().await);
    let senders = senders(&feed);
    let mut config = config(&receiver.url, "");
    config.queue_config.batch_send_deadline = model::config::Duration::from_secs(3_600);
    senders.apply(&plan(vec![config])).unwrap();
    fill(&feed, 0, 17);
    wait(|| state(&senders).pending == 17).await;
    assert_eq!(receiver.asked(), 0);
    senders.stop(Duration::from_secs(60)).await;
    assert_eq!(receiver.got.lock().count(), 17);
    assert_eq!(feed.acknowledged("test"), 17);
}

#[tokio::test(flavor = "multi_thread")]
async fn labels_are_rewritten_and_dropped_series_are_counted() {
    let (feed, receiver) = (Arc::new(MemoryFeed::default()), Receiver::start().await);
    let senders = senders(&feed);
    let rules =
        ", write_relabel_configs: [{source_labels: [i], regex: '1|2', action: drop}], headers: {X-Scope: a}";
    let mut plan = plan(vec![config(&receiver.url, rules)]);
    plan.external_labels.insert("region".into(), "kr".into());
    plan.external_labels.insert("job".into(), "other".into());
    (0..5).for_each(|i| feed.float(i, NOW, 1.0));
    senders.apply(&plan).unwrap();
    receiver.has(3).await;
    let got = receiver.got.lock();
    let mut want: Vec<String> =
        [0, 3, 4].map(|i| format!("m{{i=\"{i}\", job=\"test\", region=\"kr\"}}")).to_vec();
    want.sort();
    assert_eq!(got.floats.keys().map(ToString::to_string).collect::<Vec<_>>(), want);
    assert_eq!(got.headers.get("x-scope").unwrap(), "a");
    assert_eq!(state(&senders).dropped, 2);
}

fn histogram(schema: i32) -> Histogram {
    Histogram {
        schema,
        count: 3.0,
        sum: 6.0,
        positive_spans: vec![Span { offset: 0, length: 2 }],
        positive_buckets: vec![1.0, 2.0],
        custom_values: if schema == -53 { vec![1.0, 2.0] } else { Vec::new() },
        ..Histogram::default()
    }
}

fn mixed(feed: &MemoryFeed) {
    let exemplar = Exemplar { labels: Labels::from_pairs([("trace_id", "abc")]), t: NOW, v: 0.5 };
    feed.push(&series(1), NOW, FeedValue::Exemplar(Box::new(exemplar)));
    feed.push(&series(2), NOW, FeedValue::Histogram(Box::new(histogram(0))));
    feed.push(&series(3), NOW, FeedValue::Histogram(Box::new(histogram(-53))));
    feed.float(4, NOW, model::stale_nan());
}

#[tokio::test(flavor = "multi_thread")]
async fn histograms_and_exemplars_are_sent_where_asked_for() {
    for (more, histograms, exemplars) in [
        ("", 0, 0),
        (", send_exemplars: true, send_native_histograms: true", 1, 1),
        (
            ", send_exemplars: true, send_native_histograms: true, protobuf_message: io.prometheus.write.v2.Request",
            2,
            1,
        ),
    ] {
        let (feed, receiver) = (Arc::new(MemoryFeed::default()), Receiver::start().await);
        let senders = senders(&feed);
        mixed(&feed);
        senders.apply(&plan(vec![config(&receiver.url, more)])).unwrap();
        wait(|| feed.acknowledged("test") == 4).await;
        let got = receiver.got.lock();
        assert_eq!((got.histograms.len(), got.exemplars.len()), (histograms, exemplars), "{more}");
        assert_eq!(got.floats[&series(4)], [(NOW, model::stale_nan().to_bits())]);
        if histograms > 0 {
            assert_eq!(got.histograms.iter().find(|(l, ..)| *l == series(2)).unwrap().2, histogram(0));
            assert_eq!(got.exemplars[0].1.labels.get("trace_id"), Some("abc"));
        }
        // Version 1.0 has no words for custom buckets.
        assert_eq!(state(&senders).dropped, u64::from(histograms == 1));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn metadata_is_sent_beside_or_within() {
    let (feed, receiver) = (Arc::new(MemoryFeed::default()), Receiver::start().await);
    let first = senders(&feed);
    let mut sending = config(&receiver.url, "");
    sending.metadata_config.send = true;
    sending.metadata_config.send_interval = model::config::Duration::from_ms(5);
    sending.metadata_config.max_samples_per_send = 1;
    first.apply(&plan(vec![sending])).unwrap();
    receiver.until(|got| got.families.len() >= 2).await;
    first.stop(Duration::from_secs(10)).await;
    let got = std::mem::take(&mut receiver.got.lock().families);
    assert_eq!(
        (got[0].name.as_str(), got[0].help.as_str(), got[0].unit.as_str()),
        ("m", "도움말", "seconds")
    );
    assert_eq!(got[1].name, "histogram");

    let second = senders(&feed);
    let v2 = config(&receiver.url, ", protobuf_message: io.prometheus.write.v2.Request");
    second.apply(&plan(vec![v2])).unwrap();
    let sent = AtomicUsize::new(0);
    receiver
        .until(|got| {
            // The first samples may be faster than the first look at the metadata.
            let k = sent.fetch_add(1, Ordering::Relaxed);
            feed.float(0, NOW + k as i64, 1.0);
            got.families.iter().any(|f| f.kind == "gauge" && f.help == "도움말" && f.unit == "seconds")
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn samples_over_the_age_limit_are_given_up() {
    let (feed, receiver) = (Arc::new(MemoryFeed::default()), Receiver::start().await);
    let senders = senders(&feed);
    let mut config = config(&receiver.url, "");
    config.queue_config.sample_age_limit = model::config::Duration::from_secs(60);
    feed.float(0, NOW - 60_001, 1.0);
    feed.float(1, NOW - 59_999, 1.0);
    senders.apply(&plan(vec![config])).unwrap();
    wait(|| feed.acknowledged("test") == 2).await;
    assert_eq!(receiver.got.lock().count(), 1);
    assert_eq!(state(&senders).dropped, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_of_version_1_that_answers_version_2_is_told_apart() {
    let feed = Arc::new(MemoryFeed::default());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let app = axum::Router::new().fallback(|| async { StatusCode::OK });
    tokio::spawn(async move { axum::serve(listener, app).await });
    let senders = senders(&feed);
    fill(&feed, 0, 3);
    senders.apply(&plan(vec![config(&url, ", protobuf_message: io.prometheus.write.v2.Request")])).unwrap();
    wait(|| state(&senders).failed == 3).await;
    assert!(state(&senders).last_error.unwrap().contains("may not speak remote write 2.0"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_keeps_what_did_not_change_and_forgets_what_is_gone() {
    let (feed, receiver) = (Arc::new(MemoryFeed::default()), Receiver::start().await);
    let other = Receiver::start().await;
    let senders = senders(&feed);
    let mut two = config(&other.url, "");
    two.name = "two".into();
    senders.apply(&plan(vec![config(&receiver.url, ""), two.clone()])).unwrap();
    fill(&feed, 0, 1_000);
    receiver.has(1_000).await;
    other.has(1_000).await;
    wait(|| feed.acknowledged("test") == 1_000 && feed.acknowledged("two") == 1_000).await;
    let before = state(&senders);
    // The order changes, the second gets another limit: the first goes on with its figures.
    two.queue_config.max_samples_per_send = 7;
    senders.apply(&plan(vec![two.clone(), config(&receiver.url, "")])).unwrap();
    let states = senders.queues();
    assert_eq!((states[0].name.as_str(), states[0].sent), ("two", 0));
    assert_eq!((states[1].name.as_str(), states[1].sent), ("test", before.sent));
    fill(&feed, 1_000, 500);
    receiver.has(1_500).await;
    other.has(1_500).await;
    wait(|| feed.acknowledged("two") == 1_500).await;
    // A wrong plan changes nothing.
    let bad = plan(vec![config("nonsense", "")]);
    assert_eq!(senders.apply(&bad).unwrap_err().kind, model::ErrorKind::Invalid);
    assert_eq!(senders.queues().len(), 2);
    senders.apply(&plan(vec![two])).unwrap();
    wait(|| !feed.places.lock().contains_key("test")).await;
    assert!(feed.places.lock().contains_key("two"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_leaves_or_is_renamed_gets_what_was_stored() {
    let (feed, receiver) = (Arc::new(MemoryFeed::default()), Receiver::start().await);
    let senders = senders(&feed);
    fill(&feed, 0, 3_000);
    senders.apply(&plan(vec![config(&receiver.url, "")])).unwrap();
    senders.apply(&plan(vec![])).unwrap();
    receiver.has(3_000).await;
    check(&feed, &receiver);
    wait(|| !feed.places.lock().contains_key("test")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_whose_authorization_is_not_there_says_so_and_gets_nothing() {
    let (feed, receiver) = (Arc::new(MemoryFeed::default()), Receiver::start().await);
    let azure =
        "azuread: {cloud: AzurePublic, managed_identity: {client_id: 11111111-1111-1111-1111-111111111111}}";
    for (way, section) in [
        ("sigv4", "sigv4: {region: r}"),
        ("azuread", azure),
        ("google_iam", "google_iam: {credentials_file: /tmp/none}"),
    ] {
        let senders = senders(&feed);
        senders.apply(&plan(vec![config(&receiver.url, &format!(", {section}"))])).unwrap();
        fill(&feed, 0, 10);
        let state = state(&senders);
        assert_eq!(state.activity, QueueActivity::Refused, "{way}");
        assert_eq!(state.last_error, Some(format!("nothing is sent: {way} is not supported")));
        senders.stop(Duration::from_secs(10)).await;
    }
    assert_eq!(receiver.asked(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_log_gave_up_is_counted_and_shown() {
    let (feed, receiver) = (Arc::new(MemoryFeed::default()), Receiver::start().await);
    let senders = senders(&feed);
    senders.apply(&plan(vec![config(&receiver.url, "")])).unwrap();
    feed.lost.store(77, Ordering::Relaxed);
    assert_eq!((state(&senders).lost_bytes, state(&senders).cap_bytes), (77, 1 << 30));
    let mut registry = prometheus_client::registry::Registry::default();
    senders.metrics().register(&mut registry);
    wait(|| {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        text.lines().any(|l| l.starts_with("bonghwa_relay_lost_bytes_total{") && l.ends_with("} 77"))
    })
    .await;
    senders.stop(Duration::from_secs(10)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn neither_password_nor_query_is_shown() {
    let feed = Arc::new(MemoryFeed::default());
    let senders = senders(&feed);
    let config: RemoteWriteConfig = serde_saphyr::from_str(
        "{url: 'http://u:geheim@127.0.0.1:1/write?token=geheim', queue_config: {batch_send_deadline: 1ms}}",
    )
    .unwrap();
    senders.apply(&plan(vec![config])).unwrap();
    fill(&feed, 0, 1);
    wait(|| state(&senders).last_error.is_some()).await;
    let state = format!("{:?}", state(&senders));
    assert!(!state.contains("geheim") && state.contains("http://127.0.0.1:1/write"), "{state}");
    wait(|| !feed.places.lock().is_empty()).await;
    assert!(!format!("{:?}", feed.places.lock()).contains("geheim"));
    let mut registry = prometheus_client::registry::Registry::default();
    senders.metrics().register(&mut registry);
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
    assert!(
        !text.contains("geheim") && text.contains("prometheus_remote_storage_samples_total{remote_name="),
        "{text}"
    );
}
